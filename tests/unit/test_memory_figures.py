"""Structure of the figures of the pages on episodic memory and on the flip-flop."""

import numpy as np
import pytest
from twm.book.figures import episodic_memory as episodic
from twm.book.figures import flip_flop
from twm.theory.operators import make_cycle, repeat_copy_spectrum


def draw_all() -> dict:
    rng = np.random.default_rng(0)
    steps, cycle, ring = np.linspace(0, 1, 20), make_cycle(4, 2), repeat_copy_spectrum(4, 2)
    constants = np.array([0.1, 0.05])
    corners = {f"{number}": rng.standard_normal((9, 3)) for number in range(8)}
    points = (rng.standard_normal((12, 2)), np.arange(12) % 7, np.arange(12) < 10)
    return {
        "reduction": episodic.plot_reduction(steps, {"limit": steps, "slow": steps**2}, constants, constants, (constants, constants)),
        "conjugacy": episodic.plot_conjugacy([0.5, 1.0], {"tanh": np.zeros((2, 2)), "relu": np.ones((2, 2))}),
        "families": episodic.plot_families([ring] * 3, [cycle] * 3),
        "mechanisms": episodic.plot_mechanisms(*(rng.integers(-3, 4, (4, 5)) for _ in range(3)), rng.integers(-3, 4, 5)),
        "machine": episodic.plot_machine(rng.standard_normal((9, 8)), rng.standard_normal((9, 8)), rng.standard_normal((9, 20)), 4),
        "trained": episodic.plot_trained_variables(cycle, np.zeros((20, 8)), ring, ring, rng.standard_normal((9, 20)), rng.standard_normal((9, 8)), 4),
        "task": flip_flop.plot_task(np.zeros((9, 3)), {"a": np.ones((9, 3)), "b": np.ones((9, 3))}, {"a": np.ones((9, 3)), "b": np.ones((9, 3))}),
        "resting": flip_flop.plot_resting({"a": np.ones(8), "b": np.ones(8)}, ["+++"] * 8, np.ones((9, 2)), np.ones((9, 3)), ("x", "y")),
        "points": flip_flop.plot_points({"a": points, "b": points}, {"a": [[8, 12, 6, 1]] * 2, "b": []}),
        "spectra": flip_flop.plot_flip_flop_spectra({"a": [ring], "b": [ring * 1.3] * 3}),
        "switch": flip_flop.plot_switch({"a": rng.standard_normal((24, 9)), "b": rng.standard_normal((24, 5))}, np.ones((24, 3)), 4, 8),
        "delays": flip_flop.plot_delays({"a": (np.arange(3), np.ones(3), np.ones(3)), "b": (np.arange(3), np.ones(3), np.ones(3))}),
        "line": flip_flop.plot_delay_line({"a": np.ones((3, 9)), "b": np.full((3, 8), np.nan)}),
        "cubes": flip_flop.plot_cubes({"a": (corners, {"path": rng.standard_normal((5, 3))}), "b": (corners, {})}),
    }  # fmt: skip


@pytest.fixture(scope="module")
def drawn() -> dict:
    return draw_all()


def test_every_axes_is_labelled_and_finite(drawn):
    for name, figure in drawn.items():
        figure.canvas.draw()
        assert tuple(figure.get_facecolor()) == (1.0, 1.0, 1.0, 1.0), name
        for axes in figure.axes:
            if axes.get_label() == "<colorbar>" or not axes.axison:
                continue
            assert axes.get_xlabel() or name in ("machine", "task"), name
            assert axes.get_ylabel() or axes.get_title() or name == "task", name
            assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all(), name


def test_figures_show_their_data(drawn):
    counts = drawn["points"].axes[2].images[0].get_array()
    assert np.array_equal(counts, [[8, 12, 6, 1]] * 2)
    assert [text.get_text() for text in drawn["points"].axes[2].texts] == ["8", "12", "6", "1"] * 2
    labels = [text.get_text() for text in drawn["resting"].axes[0].get_xticklabels()]
    assert labels == ["+\n+\n+"] * 8
    shares = [text.get_text() for text in drawn["line"].axes[0].texts]
    assert shares == ["1"] * 27 and not drawn["line"].axes[1].texts
    assert np.array_equal(drawn["machine"].axes[0].images[0].get_array().shape, (8, 9))
    assert {text.get_text() for text in drawn["trained"].axes[1].texts} == {"2"}, "two eigenvalues in each direction"
    assert len(drawn["mechanisms"].axes[0].texts) == 20 and len(drawn["cubes"].axes[0].texts) >= 8
