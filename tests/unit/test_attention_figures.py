"""Structure of the self-attention page's figures, and the data behind them."""

import numpy as np
import pytest
from twm.book.figures import self_attention as figures
from twm.errors import UserError
from twm.training.attention import RatioSummary


def make_summary(ratio: float, low: float, high: float) -> RatioSummary:
    return RatioSummary(ratio, low, high, 3, 0, 0, np.array([ratio] * 3))


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(0)
    tokens = np.arange(1, 5) + np.arange(6)[:, None]
    curve = np.linspace(0, 1, 41)
    ratios = {"T1": make_summary(0.5, 0.4, 0.6), "T2": make_summary(2.0, 0.9, np.inf)}
    return {
        "toy": figures.plot_two_columns(np.linspace(-5, 5, 41), curve, curve, (0.4, 1.0)),
        "loop": figures.plot_decoder_errors(
            {"window": np.zeros(9), "cache": np.full(9, 1e-15)}, rng.uniform(1, 2, (9, 4)), 1e-9
        ),
        "cache": figures.plot_cache(tokens, tokens),
        "order": figures.plot_order(np.ones((3, 2)), rng.standard_normal((3, 2)), (1.0, -1.0)),
        "positions": figures.plot_positional_error(
            {5.0: np.full(4, 0.1)}, {5.0: np.ones(4)}, {"T1": np.array([0.5, 1])}, np.array([1, 2])
        ),
        "training": figures.plot_paired_training([100, None, 300], [400, 200, 900], 5000, ratios),
    }


def test_every_axes_is_labelled_and_finite(drawn):
    for name, figure in drawn.items():
        figure.canvas.draw()
        assert tuple(figure.get_facecolor()) == (1.0, 1.0, 1.0, 1.0), name
        for axes in figure.axes:
            assert axes.get_xlabel() or len(axes.get_xticklabels()) == 2, name
            assert axes.get_ylabel() or len(axes.get_yticklabels()), name
            assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all(), name


def test_exact_agreement_is_drawn_on_a_logarithmic_axis(drawn):
    window = next(line for line in drawn["loop"].axes[0].get_lines() if line.get_label() == "window")
    assert (np.asarray(window.get_ydata()) > 0).all()


def test_training_figure_shows_every_seed_and_marks_the_missing(drawn):
    left, right = drawn["training"].axes
    pairs = [line for line in left.get_lines() if len(line.get_xdata()) == 2]
    assert [list(line.get_ydata()) for line in pairs] == [[400, 100], [200, 5000], [900, 300]]
    hollow = [line for line in left.get_lines() if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 1 and "not reached" in " ".join(text.get_text() for text in left.texts)
    assert [label.get_text() for label in right.get_yticklabels()] == ["T2 (n = 3)", "T1 (n = 3)"]


def test_cache_figure_frames_what_was_written(drawn):
    frames = [line for line in drawn["cache"].axes[0].get_lines()]
    # In the substrate every cell changes at every step but the first.
    assert len(frames) == 5 * 4


def test_animation_shows_the_wave_above_its_attention():
    rng = np.random.default_rng(1)
    wave, weights = rng.standard_normal((7, 4, 3)), rng.dirichlet(np.ones(4), (7, 2))
    animation = figures.make_attention_animation(wave, weights)
    assert animation.steps == 7 and len(animation.panels) == 2
    assert np.array_equal(animation.panels[0].frames[2], wave[2].T)
    assert f"column {weights[0, 1].argmax() + 1} " in animation.captions[0].split("head 2")[1]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: figures.plot_cache(np.ones((2, 3), int), np.ones((2, 4), int)), "one shape"),
        (lambda: figures.plot_paired_training([1], [1, 2], 5, {}), "paired"),
    ],
)
def test_data_that_does_not_fit_is_refused(call, says):
    with pytest.raises(UserError, match=says):
        call()
