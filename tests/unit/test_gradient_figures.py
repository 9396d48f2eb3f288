"""Structure of the gradient page's figures, and the data behind them."""

import numpy as np
import pytest
from twm.book.figures import gradient_bounds as figures
from twm.theory.operators import repeat_copy_spectrum
from twm.training.attention import RatioSummary
from twm.training.tables import StartSummary


def make_start(task, init, iterations, ratio):
    summary = None if ratio is None else RatioSummary(*ratio, len(iterations), 0, 0, np.ones(len(iterations)))
    runs = dict(enumerate(iterations))
    return StartSummary(task, init, runs, 5000, summary, 8, dict.fromkeys(runs, 8), [0.1])


@pytest.fixture(scope="module")
def starts():
    return {
        ("T1", "uniform"): make_start("T1", "uniform", [900, None, 1000], None),
        ("T1", "wave"): make_start("T1", "wave", [200, 250, 300], (0.25, 0.2, 0.3)),
        ("T1", "identity"): make_start("T1", "identity", [None, None, None], (np.inf, np.inf, np.inf)),
        ("T2", "uniform"): make_start("T2", "uniform", [2000, 2100, 2200], None),
        ("T2", "wave"): make_start("T2", "wave", [2000, 500, None], (0.9, 0.2, np.inf)),
    }


@pytest.fixture(scope="module")
def drawn(starts):
    rng = np.random.default_rng(0)
    distances = np.arange(20, 0, -1)
    falling = 0.5**distances
    opening = {0: rng.uniform(0.1, 1, 4), 10: rng.uniform(0.1, 1, 4), 100: np.ones(4)}
    share = {0: 0.0, 10: 0.5, 100: 1.0}
    histories = np.array([2, 4, 8])
    spans = {key: (0.1, 0.5, 1.0) for key in ("norm of Psi", "Frobenius", "d", "no waves")}
    eigenvalues = rng.standard_normal(6) + 1j * rng.standard_normal(6)
    return {
        "idea": figures.plot_keeping({"leaky": np.eye(3), "wave": np.ones((3, 3))}),
        "decay": figures.plot_decay(
            distances,
            {0.5: {"linear": falling, "tanh": falling, "bound": falling}},
            {"default": {"measured": falling, "radius": falling, "norm": 1 / falling}},
        ),
        "waves": figures.plot_wave_gradients(
            histories, {"skew": np.array([0, 1e-16, 1e-14])}, histories, {"spread": (1 / histories, 1 / histories)}, 0.1**histories
        ),
        "opening": figures.plot_opening({"T1": opening, "T2": opening}, {"T1": share, "T2": share}, {"T1": share, "T2": share}),
        "reach": figures.plot_reach(np.arange(1, 9), {"closed": np.ones(8), "open": np.array([1, 1, 1, 1, 0, 0, 0, 0])}, 4),
        "tightness": figures.plot_tightness({"linear": spans, "trained": spans}),
        "starts": figures.plot_starts(starts),
        "spectra": figures.plot_spectra_in_training({"uniform": (eigenvalues, 2 * eigenvalues)} , repeat_copy_spectrum(4, 1)),
    }  # fmt: skip


def test_every_axes_is_labelled_and_finite(drawn):
    for name, figure in drawn.items():
        figure.canvas.draw()
        assert tuple(figure.get_facecolor()) == (1.0, 1.0, 1.0, 1.0), name
        for axes in figure.axes:
            assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all(), name
        labels = {axes.get_xlabel() for axes in figure.axes} | {figure.get_supxlabel()}
        assert labels - {""}, name


def test_zero_is_drawn_on_a_logarithmic_axis(drawn):
    for line in drawn["waves"].axes[0].get_lines() + drawn["reach"].axes[0].get_lines()[:2]:
        assert (np.asarray(line.get_ydata()) > 0).all()


def test_every_network_is_shown_and_the_missing_are_hollow(drawn, starts):
    left, right = drawn["starts"].axes[:2]
    dots = [line for line in left.get_lines() if line.get_marker() == "o"]
    assert sorted(float(line.get_xdata()[0]) for line in dots) == [200, 250, 300, 900, 1000, 5000, 5000, 5000, 5000]
    assert sum(line.get_markerfacecolor() == "white" for line in dots) == 4
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == ["identity (0 of 3)", "wave (3 of 3)", "uniform (2 of 3)"]
    assert [text.get_text() for text in right.texts] == ["most never arrive"]
    interval = next(line for line in right.get_lines() if len(line.get_xdata()) == 2 and line.get_xdata()[0] == 0.2)
    assert list(interval.get_xdata()) == [0.2, 0.3]


def test_the_two_tasks_share_their_ranges(drawn):
    axes = drawn["starts"].axes
    assert axes[0].get_xlim() == axes[2].get_xlim() and axes[1].get_xlim() == axes[3].get_xlim()


def test_each_moment_of_training_is_a_line(drawn):
    left, right = drawn["opening"].axes[:2]
    assert sum(len(line.get_xdata()) == 4 for line in left.get_lines()) == 3
    curves = [line for line in right.get_lines() if len(line.get_xdata()) == 3]
    # Before the first iteration has no place on a logarithmic axis and is drawn at one.
    assert [list(line.get_xdata()) for line in curves] == [[1, 10, 100]] * 2


def test_each_bound_has_a_range_for_each_kind_of_network(drawn):
    (axes,) = drawn["tightness"].axes
    assert sum(list(line.get_xdata()) == [0.1, 1.0] for line in axes.get_lines()) == 8
    assert [label.get_text() for label in axes.get_yticklabels()] == ["trained", "linear"]
