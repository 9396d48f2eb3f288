"""Figures of 01_theory: the data is what was given, axes are labelled, limits are finite."""

import numpy as np
import pytest
from twm.book.figures import theory
from twm.errors import UserError
from twm.theory.lattice import euler_advect, simulate_wave
from twm.theory.pictures import text_to_states
from twm.theory.systems import make_repeat_copy


def check_axes(figure, labelled):
    """Check the axes that carry data: labels on all, finite limits."""
    for axes in figure.axes[:labelled]:
        assert axes.get_xlabel() and (axes.get_ylabel() or axes is not figure.axes[0])
        assert np.isfinite([*axes.get_xlim(), *axes.get_ylim()]).all()
    figure.canvas.draw()


def test_recursions_are_drawn_as_given():
    series = {2: np.array([1.0, 1.0, 2.0, 3.0, 5.0])}
    figure = theory.plot_recursions(series, {2: 1.618}, np.ones((2, 9)) * 0.3, np.ones(9) * 0.4)
    check_axes(figure, 2)
    left, right = figure.axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), series[2])
    np.testing.assert_allclose(np.diff(np.log(left.lines[1].get_ydata())), np.log(1.618))
    assert len(right.lines) == 3 and right.get_legend() is not None
    with pytest.raises(UserError, match="three"):
        theory.plot_recursions({n: series[2] for n in range(4)}, {}, np.ones((2, 9)), np.ones(9))


def test_courant_study_is_drawn_as_given():
    pulse = np.exp(-0.5 * ((np.arange(50) - 20) / 3) ** 2)
    errors = {0.5: [0.1, 0.05], 0.8: [0.04, 0.02]}
    figure = theory.plot_courant({0.5: 0.5 * pulse, 1.0: pulse}, pulse, [32, 64], errors, errors, 10)
    check_axes(figure, 2)
    left, right = figure.axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), pulse)
    np.testing.assert_array_equal(right.lines[0].get_ydata(), errors[0.5])
    assert right.get_xscale() == right.get_yscale() == "log"
    low, high = left.get_xlim()
    assert low < 20 - 9 and high > 20 + 9, "the pulse must be in view"


def test_amplification_is_drawn_as_given():
    angles, times = np.linspace(0, np.pi, 5), np.array([0, 10])
    gains = {0.5: np.cos(angles / 2), 1.0: np.ones(5)}
    spread = {0.5: np.array([16.0, 18.5]), 1.0: np.array([16.0, 16.0])}
    figure = theory.plot_amplification(angles, gains, gains, times, spread, spread)
    check_axes(figure, 2)
    np.testing.assert_array_equal(figure.axes[0].lines[1].get_ydata(), gains[0.5])
    np.testing.assert_array_equal(figure.axes[1].lines[1].get_ydata(), spread[0.5])


def test_a_disturbance_has_one_panel_a_dimension():
    difference = np.zeros((9, 4, 3))
    difference[0, 2, 1] = 1.0
    figure = theory.plot_disturbance(difference, column=2, dimension=1)
    check_axes(figure, 3)
    panels = figure.axes[:3]
    for part, axes in enumerate(panels):
        np.testing.assert_array_equal(axes.images[0].get_array(), difference[..., part])
        assert axes.images[0].get_clim() == (-1, 1)
    assert len(panels[1].lines) == 1 and not panels[0].lines
    np.testing.assert_array_equal(panels[1].lines[0].get_xydata(), [[2, 0]])


def test_theorem_figure_counts_the_systems_and_shows_exact_zeros():
    sizes = np.array([[1, 1], [3, 2], [3, 2]])
    figure = theory.plot_theorem(sizes, {"right": np.zeros(3), "wrong": np.ones(2)}, 1e-12)
    check_axes(figure, 2)
    left, right = figure.axes[:2]
    np.testing.assert_array_equal(left.images[0].get_array(), [[1, 0, 0], [0, 0, 2]])
    assert (right.lines[0].get_ydata() > 0).all() and right.lines[0].get_ydata().max() < 1e-16
    np.testing.assert_array_equal(right.lines[1].get_ydata(), 1)
    assert [label.get_text() for label in right.get_xticklabels()] == ["right", "wrong"]


def test_blur_figure_names_every_count():
    pictures = {"a": np.zeros((2, 5, 8)), "b": np.ones((2, 5, 8))}
    figure = theory.plot_blur(pictures, {"a": [0, 3], "b": [7, 9]}, (1, 4))
    figure.canvas.draw()
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["after 1 round: 0 wrong", "after 4 rounds: 3 wrong", "7 wrong", "9 wrong"]
    np.testing.assert_array_equal(figure.axes[2].images[0].get_array(), 1)


def test_lattice_animation_shows_the_substrate_and_what_entered():
    picture = text_to_states("31")
    trajectory = simulate_wave(np.zeros((8, 5)), make_repeat_copy(8, 5).boundary, 20, picture)
    animation = theory.animate_lattice(trajectory, 8, "31", "the digits move to the left")
    substrate, entered = animation.panels
    assert animation.steps == len(animation.captions) == 21
    np.testing.assert_array_equal(substrate.frames[8], picture.T)
    np.testing.assert_array_equal(entered.frames[20][:, :8], picture.T)
    np.testing.assert_array_equal(entered.frames[20][:, 8:16], picture.T)
    assert not entered.frames[3][:, 3:].any() and entered.frames[3][:, :3].any()
    assert "input phase" in animation.captions[8] and "output phase" in animation.captions[9]


def test_pulse_animation_has_a_curve_a_courant_number():
    orbit = euler_advect(np.eye(16)[8], 1.0, 4, "periodic")
    animation = theory.animate_pulse({0.5: orbit, 1.0: orbit}, np.arange(5), "pulse", "a pulse moves to the left")
    (panel,) = animation.panels
    np.testing.assert_array_equal(panel.lines[:, 1], orbit)
    assert panel.names == ("c = 0.5", "c = 1") and animation.captions[4].endswith("4 cells to the left")
