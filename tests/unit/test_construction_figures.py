"""Structure of the construction page's figures, and the data behind them."""

import numpy as np
import pytest
from twm.book.figures import construction as figures
from twm.errors import UserError
from twm.theory.operators import make_cycle, repeat_copy_spectrum


def draw_all():
    rng = np.random.default_rng(0)
    curve = {1.0: np.ones(50), 1.1: np.ones(50) * 2}
    ring = repeat_copy_spectrum(4, 2)
    return {
        "fibonacci": figures.plot_fibonacci(
            np.array([[1, 1], [1, 2], [2, 3]], dtype=object), {2: np.array([1, 1, 2, 3, 5])}, {2: 1.618}
        ),
        "duals": figures.plot_duals(
            np.eye(2), np.eye(2), {"pseudo-inverse": 0.5 ** np.arange(9), "spectral": np.zeros(9)}, 0.5
        ),
        "errors": figures.plot_errors({"square": (np.array([1.0, 10.0]), np.array([0.0, 1e-15]))}, 1e-9),
        "tasks": figures.plot_task_operators(
            {name: make_cycle(3, 2) for name in "abcd"}, {name: (0, 1, 2) for name in "abcd"}, 2
        ),
        "spectra": figures.plot_constructed_spectra(
            {"T1": {"wave operator": ring, "network, 64": ring, "network, 128": ring}}
        ),
        "wheel": figures.plot_multiplicities(ring, repeat_copy_spectrum(4, 1)),
        "gains": figures.plot_gains(np.arange(1, 51), curve, curve, {1.0: 0.0, 1.1: 0.5}),
        "inputs": figures.plot_input_phase(
            {"wanted": rng.standard_normal((8, 3)), "raw": np.ones((8, 3))}, {"T1": np.zeros(5)}
        ),
        "zeros": figures.plot_zeros({"skew": ring}, np.arange(2, 5), np.ones(3), np.ones(3)),
    }


@pytest.fixture(scope="module")
def drawn():
    return draw_all()


def test_every_axes_is_labelled_and_finite(drawn):
    for name, figure in drawn.items():
        figure.canvas.draw()
        assert tuple(figure.get_facecolor()) == (1.0, 1.0, 1.0, 1.0), name
        for axes in figure.axes:
            if axes.get_label() == "<colorbar>":
                continue
            assert axes.get_xlabel(), name
            assert axes.get_ylabel() or axes.get_title(), name
            assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all(), name


def test_errors_figure_shows_the_data_and_the_tolerance(drawn):
    lines = {line.get_label(): line for line in drawn["errors"].axes[0].get_lines()}
    assert lines["square"].get_xdata().tolist() == [1.0, 10.0]
    tolerance = next(line for label, line in lines.items() if label.startswith("tolerance"))
    assert np.allclose(tolerance.get_ydata() / tolerance.get_xdata(), 1e-9)


def test_wheel_figure_counts_multiplicities(drawn):
    assert [text.get_text() for text in drawn["wheel"].axes[0].texts] == ["2"] * 4


def test_task_figure_greys_what_is_not_needed(drawn):
    assert len(drawn["tasks"].axes[0].patches) == 3


def test_animation_holds_both_views_of_every_step():
    states, waves = (
        np.random.default_rng(0).standard_normal((5, 12)),
        np.random.default_rng(1).standard_normal((5, 4, 3)),
    )
    animation = figures.animate_hidden_shift(states, waves, list("abcde"), rows=3)
    neurons, wave = animation.panels
    assert np.array_equal(neurons.frames.reshape(5, 12), states)
    assert np.array_equal(wave.frames[2], waves[2].T)
    with pytest.raises(UserError, match="do not fill"):
        figures.animate_hidden_shift(states, waves, list("abcde"), rows=5)
