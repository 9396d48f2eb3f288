"""Figures and animations of the notebook 01_theory."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twm.book.figures.animation import Animation, LinePanel, Panel
from twm.book.figures.style import (
    DIVERGING, INK, Curves, draw_curves, draw_guide, draw_prediction, label_axes, make_axes, name_places, number_cells,
    number_ticks, plot_magnitudes, plot_matrix, style_line, style_marks,
)  # fmt: skip


def plot_recursions(fibonacci: Curves, roots: Mapping[int, float], twins: np.ndarray, changed: np.ndarray) -> Figure:
    """Plot Fibonacci series (time,) by history with their growth ``roots``, and three runs of one system: ``twins`` (2, time)
    have equal initial states, ``changed`` (time,) differs in one of them."""
    figure, ((left, right),) = make_axes(1, 2, 7.4, 3.3)
    for index, (history, series) in enumerate(fibonacci.items()):
        time = np.arange(1, len(series) + 1)
        left.plot(time, series, **style_marks(index, f"s = {history}"))
        line, label = series[-1] * roots[history] ** (time - time[-1]), f"predicted: × {roots[history]:.4f}"
        left.plot(time, line, **style_line(index, label, linestyle="--", linewidth=1.2))
    label_axes(left, "i (states)", "$x_i$", "A: sum of the last s states", "upper left", yscale="log")
    time, thin = np.arange(1, twins.shape[1] + 1), {"linewidth": 0.9}
    right.plot(time, twins[0], **style_marks(0, "first run", linestyle="-", markerfacecolor="none", markersize=9, **thin))
    right.plot(time, twins[1], **style_marks(0, "second run, same initial states", markersize=3.5))
    right.plot(time, changed, **style_marks(1, "different $x_1$", linestyle="--", markersize=4, **thin))
    right.axvspan(0.5, 2.5, color=INK, alpha=0.08, linewidth=0)
    label_axes(right, "i (states)", "$x_i$", "B: delayed logistic map, s = 2", "upper right", ylim=(0, 1.32))
    return figure


def plot_courant(
    pulses: Curves, exact: np.ndarray, cells: Sequence[int], errors: Curves, predicted: Curves, distance: int
) -> Figure:
    """Plot a pulse (n,) moved over ``distance`` cells by Euler steps of each Courant number and, against the number of
    ``cells``, the measured relative error and that predicted by the modified equation."""
    figure, ((left, right),) = make_axes(1, 2, 7.4, 3.3)
    left.plot(exact, color=INK, linewidth=4, alpha=0.25, linestyle="-", label="exact translation")
    draw_curves(left, np.arange(len(exact)), {f"c = {courant:g}": pulse for courant, pulse in pulses.items()})
    # Show only the cells that some pulse reaches, and two more on each side.
    seen = np.flatnonzero(np.max(list(pulses.values()), axis=0) > 1e-3)[[0, -1]] + [-2, 2]
    label_axes(left, "x (cells)", "activity h", f"A: pulse after {distance} cells", "best", xlim=seen)
    for index, (courant, values) in enumerate(errors.items()):
        draw_prediction(right, cells, values, predicted[courant], index, f"c = {courant:g}: measured", linestyle="--")
    right.plot([], [], color=INK, linestyle="--", linewidth=1.2, label="predicted, order 1")
    words, log = ("cells on the ring", "largest relative error"), {"xscale": "log", "yscale": "log"}
    label_axes(right, *words, "B: error below c = 1", "best", **log)
    name_places(right, cells)
    return figure


def plot_amplification(
    angles: np.ndarray, predicted: Curves, measured: Curves, steps: np.ndarray, spread: Curves, spread_predicted: Curves
) -> Figure:
    """Plot by Courant number the factor |g| per step against the angle per cell (modes,), and the widening of a pulse.
    ``spread`` and ``spread_predicted`` are variances (times,) in cells squared after ``steps`` (times,)."""
    figure, ((left, right),) = make_axes(1, 2, 7.4, 3.3)
    draw_guide(left, 1, linewidth=0.8)
    for index, courant in enumerate(predicted):
        draw_prediction(left, angles, measured[courant], predicted[courant], index, f"c = {courant:g}")
        draw_prediction(right, steps, spread[courant], spread_predicted[courant], index, f"c = {courant:g}")
    legend = {"title": "points measured, lines predicted", "title_fontsize": "small"}
    label_axes(left, "wavenumber (radians per cell)", "factor per step, |g|", "A: amplification of each mode", legend)
    left.set_xticks([0, np.pi / 2, np.pi], ["0", "π/2", "π"])
    label_axes(right, "steps", "variance of the pulse (cells²)", "B: predicted growth n c (1 − c)", "best")
    return figure


def plot_disturbance(difference: np.ndarray, column: int, dimension: int) -> Figure:
    """Plot the effect (steps, history, dim) of disturbing one cell (``column`` and ``dimension`` from 0), by dimension."""
    steps, history, dim = difference.shape
    figure, (row,) = make_axes(1, dim, 2.4 * dim, 3.4)
    limit = float(np.abs(difference).max())
    for part, place in enumerate(row):
        title = f"dimension {part + 1}" + (" (disturbed)" if part == dimension else "")
        image = plot_matrix(place, difference[..., part], limit, "t (steps)" if part == 0 else "", "column i", title)
        number_ticks(place, history)
        place.set_yticks(range(0, steps, 4))
    row[dimension].plot([column], [0], "o", color=INK, markerfacecolor="none", markersize=15, clip_on=False)
    figure.colorbar(image, ax=list(row), label="disturbance", shrink=0.8)
    return figure


def plot_theorem(sizes: np.ndarray, errors: Curves, accepted: float) -> Figure:
    """Plot the number of tested systems by history and dim (systems, 2), and by lattice the relative errors (systems,)."""
    figure, ((left, right),) = make_axes(1, 2, 7.4, 3.4)
    counts = np.zeros(sizes.max(axis=0))
    np.add.at(counts, tuple((sizes - 1).T), 1)
    image = plot_magnitudes(left, counts.T, origin="lower")
    number_cells(left, *counts.shape)
    label_axes(left, "history s", "dim d", "A: systems tested")
    figure.colorbar(image, ax=left, label="number of systems", ticks=MaxNLocator(integer=True))
    floor, rng = 1e-18, np.random.default_rng(0)
    for place, values in enumerate(errors.values()):
        across = place + rng.uniform(-0.3, 0.3, size=len(values))
        right.plot(across, np.maximum(values, floor), **style_marks(place, markersize=2.5, alpha=0.5))
    draw_guide(right, accepted, linestyle="--")
    right.text(len(errors) - 0.55, accepted * 1.7, "tolerance", ha="right", fontsize="small")
    log = {"yscale": "log", "ylim": (floor / 5, 50)}
    label_axes(right, "lattice", "relative difference from Eq. (1)", "B: correct and incorrect lattices", **log)
    right.set_yticks([floor, 1e-16, 1e-12, 1e-8, 1e-4, 1], ["0", "10⁻¹⁶", "10⁻¹²", "10⁻⁸", "10⁻⁴", "1"])
    right.minorticks_off()
    right.set_xticks(range(len(errors)), list(errors), fontsize="small")
    return figure


def plot_blur(pictures: Curves, wrong: Mapping[str, Sequence[int]], rounds: Sequence[int]) -> Figure:
    """Plot remembered pictures (rounds, rows, columns) by wave, with the number of cells that have the wrong sign."""
    figure, axes = make_axes(len(pictures), len(rounds), 1.95 * len(rounds), 0.95 * len(pictures) + 0.3)
    for number, (row, (label, images)) in enumerate(zip(axes, pictures.items(), strict=True)):
        for place, image, count, turns in zip(row, images, wrong[label], rounds, strict=True):
            place.imshow(image, cmap=DIVERGING, vmin=-1, vmax=1, interpolation="nearest", aspect="equal")
            place.set(xticks=[], yticks=[])
            heading = f"after {turns} period{'s' if turns > 1 else ''}: " if number == 0 else ""
            place.set_title(f"{heading}{count} wrong", fontsize="small")
        row[0].set_ylabel(label, fontsize="small")
    figure.supxlabel("column i (1 to 16), rows: dimension j (1 to 5)", fontsize="small")
    return figure


def animate_lattice(trajectory: np.ndarray, history: int, title: str, alt: str) -> Animation:
    """Animate a substrate (steps+1, history, dim), empty before the first of ``history`` inputs, and its newest column."""
    steps, columns, dim = trajectory.shape
    outputs = np.zeros((steps, dim, steps - 1))
    captions = ["t = 0: the substrate is empty"]
    for step in range(1, steps):
        # The states of the newest column so far; later ones are still empty.
        outputs[step, :, :step] = trajectory[1 : step + 1, -1].T
        entering = f"input phase, state {step} of {history} enters at column {columns}"
        written = f"output phase, the boundary copies the leaving state to column {columns}"
        captions.append(f"t = {step}: {entering if step <= history else written}")
    substrate, label = np.swapaxes(trajectory, 1, 2), "column i (1 = oldest)"
    panels = [
        Panel("Substrate: waves move left", substrate, "dimension j", label, -1, 1),
        Panel("States of the newest column", outputs, "j", "time t (steps)", -1, 1),
    ]
    return Animation(panels, captions, title, alt, frames_per_second=4, autoplay=True)


def animate_pulse(orbits: Mapping[float, np.ndarray], moved: Sequence[float], title: str, alt: str) -> Animation:
    """Animate a pulse on a ring (frames, cells) by Courant number, each at the distances ``moved`` (frames,) in cells."""
    lines = np.stack(list(orbits.values()), axis=1)
    names, cells = [f"c = {courant:g}" for courant in orbits], np.arange(lines.shape[-1])
    panel = LinePanel("One pulse on a ring", cells, lines, names, "x (cells)", "activity h", (-1.0, 2.4))
    captions = [f"the exact pulse has moved {distance:.0f} cells to the left" for distance in moved]
    return Animation([panel], captions, title, alt, frames_per_second=8)
