"""Figures of the notebook 06_gradient_bounds."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twm.book.figures.style import (
    FLOOR, QUALITATIVE, THIN, Curves, draw_curves, draw_eigenvalues, draw_guide, draw_prediction, draw_unit_circle,
    get_colours, label_axes, label_plane, make_axes, make_panels, make_row, name_rows, number_cells, number_log_axis,
    plot_magnitudes, share_legend, style_both, style_line, style_marks,
)  # fmt: skip
from twm.training.tables import StartSummary


def plot_keeping(kept: Curves) -> Figure:
    """Plot by network the derivative of each neuron after the input phase with respect to each input, (neurons, inputs)."""
    figure, row = make_row(kept, 2.6, 2.9, label="neuron")
    for place, values in row:
        image = plot_magnitudes(place, values, high=1, aspect="equal")
        place.set_xlabel("input (1: oldest)")
        number_cells(place, *values.shape[::-1], every=1)
    figure.colorbar(image, ax=figure.axes, label="derivative", shrink=0.8)
    return figure


def plot_decay(distances: np.ndarray, rotations: Mapping[float, Curves], random: Mapping[str, Curves]) -> Figure:
    """Plot gradients (n,) against ``distances`` (n,) from input to cost in networks without waves: ``linear``, ``tanh`` and
    ``bound`` for W = mu Q, by mu; for random W ``measured``, and from spectral ``radius`` and operator ``norm``."""
    figure, ((left, right),) = make_axes(1, 2, 8.0, 3.6)
    for index, (mu, found) in enumerate(rotations.items()):
        left.plot(distances, found["linear"], **style_line(index, rf"$\mu$ = {mu:g}", linestyle="-"))
        left.plot(distances, found["tanh"], **style_line(index, linestyle="--", linewidth=1.2))
        left.plot(distances[::12], found["bound"][::12], **style_marks(index, marker="o", markersize=3.5))
    for index, (name, found) in enumerate(random.items()):
        right.plot(distances, found["measured"], **style_line(index, name, linestyle="-"))
        right.plot(distances, found["radius"], **style_line(index, linestyle=":", linewidth=2.4))
        right.plot(distances, found["norm"], **style_line(index, linestyle="--", linewidth=1.2))
    label, title = "distance n (steps from input to cost)", r"W = $\mu$Q (dashed: tanh; dots: bound)"
    label_axes(left, label, "|dC/dx| relative to nearest input", title, "lower left", yscale="log")
    label_axes(right, label, "", r"random W (dotted: $\rho^n$; dashed: $\mu^n$)", "lower left", yscale="log")
    return figure


def plot_wave_gradients(
    histories: np.ndarray, linear: Curves, crossed: np.ndarray, tanh: Mapping[str, tuple], random: np.ndarray
) -> Figure:
    """Plot how much of the first input's gradient constructed waves keep, against the length of the substrate: ``linear``,
    the largest difference of dy(s+1)/dx(1) from the identity, at ``histories`` (n,); ``tanh``, the remaining share,
    measured and predicted, at ``crossed`` (m,); and ``random`` (m,), the remaining share without a wave."""
    figure, ((left, right),) = make_axes(1, 2, 8.0, 3.6)
    draw_curves(left, histories, linear, style_marks, FLOOR, markersize=3)
    left.text(histories[0], 1.6e-10, "tolerance", fontsize="small")
    label, log = "s (number of columns and of steps)", {"xscale": "log", "yscale": "log"}
    legend = {"loc": "upper right", "bbox_to_anchor": (1, 0.8)}
    label_axes(left, label, "|dy(s+1)/dx(1) - 1|", "linear: deviation from the identity", legend, 1e-10, ylim=(3e-18, 1e-8), **log)
    for index, (name, (measured, predicted)) in enumerate(tanh.items()):
        draw_prediction(right, crossed, measured, predicted, index, name)
    right.plot(crossed, random, **style_line(len(tanh), "no wave", linestyle="--"))
    title = "tanh (lines: predicted)"
    label_axes(right, label, "share of the gradient kept", title, "lower left", ylim=(1e-8, 2), **log)
    return figure


def plot_opening(gradients: Mapping[str, Curves], ranks: Mapping, farthest: Mapping) -> Figure:
    """Plot gradients of the first output by task and iteration, while waves form: with respect to each input (time,) and,
    in ``farthest``, to the oldest input used; and ``ranks``, the number of slow modes relative to the prediction."""
    figure, axes = make_axes(len(gradients), 2, 8.0, 3.0 * len(gradients))
    for (left, right), (task, found) in zip(axes, gradients.items()):
        iterations, count = sorted(found), len(found)
        named = {iterations[place] for place in (0, count // 3, 2 * count // 3, count - 1)}
        distances = np.arange(len(found[iterations[0]]), 0, -1)
        for iteration in iterations:
            # The palest end of the map would be invisible in print.
            shade = get_colours("sequential")(0.88 * np.log1p(iteration) / np.log1p(iterations[-1]))
            label = f"iteration {iteration}" if iteration in named else None
            left.plot(distances, found[iteration], color=shade, linestyle="-", linewidth=1.4, label=label)
        legend, log = {"fontsize": "small", "loc": "lower left"}, {"yscale": "log", "xticks": distances}
        label_axes(left, "distance of the input", "|dy(s+1)/dx|", f"{task}: from every input", legend, **log)
        names = {"gradient, oldest input used": farthest, "slow modes, relative to prediction": ranks}
        curves = {name: [values[task][iteration] for iteration in iterations] for name, values in names.items()}
        draw_curves(right, np.maximum(iterations, 1), curves, style_both, markersize=5)
        right.axhline(1, zorder=0, **THIN)
        words = ("iteration (initial state drawn at 1)", "", f"{task}: through training")
        label_axes(right, *words, "upper left", xscale="log", ylim=(-0.05, 1.5))
    return figure


def plot_reach(distances: np.ndarray, curves: Curves, history: int) -> Figure:
    """Plot the state's derivative with respect to the first input (n,), relative to its entry, in the substrate and beyond."""
    figure, ((place,),) = make_axes(1, 1, 4.1, 4.2)
    # Zero has no logarithm; values below the axis are not shown.
    draw_curves(place, distances, curves, style_both, 1e-30, linewidth=1.6, markersize=3)
    for index, line in enumerate(place.lines):
        line.set_markevery((index, 6))
    draw_guide(place, x=history)
    place.text(history * 1.06, 3, "end of the substrate", fontsize="small")
    log = {"xscale": "log", "yscale": "log", "ylim": (1e-9, 10)}
    label_axes(place, "steps since the input entered", "|dh/dx(1)| relative to entry", **log)
    share_legend(figure, ncols=2)
    return figure


def plot_tightness(groups: Mapping[str, Mapping[str, tuple[float, float, float]]]) -> Figure:
    """Plot least, median and largest ratio of gradient to bound, by kind of network and by bound."""
    figure, ((place,),) = make_axes(1, 1, 4.1, 0.62 * len(groups) + 1.5)
    for row, found in enumerate(reversed(groups.values())):
        for index, (name, (low, middle, high)) in enumerate(found.items()):
            height = row + 0.16 * ((len(found) - 1) / 2 - index)
            place.plot([low, high], [height, height], **style_line(index, linestyle="-", linewidth=1.2))
            place.plot(middle, height, **style_marks(index, name))
    draw_guide(place, x=1)
    name_rows(place, list(reversed(groups)))
    label_axes(place, "gradient / bound (violated above 1)", xscale="log")
    place.set_xlim(right=1.6)
    share_legend(figure, "outside upper center", ncols=min(4, len(found)), handletextpad=0.3)
    return figure


def plot_starts(summaries: Mapping[tuple[str, str], StartSummary]) -> Figure:
    """Plot iterations to 99% by (task, init), and the ratio to the baseline with its interval."""
    tasks = list(dict.fromkeys(task for task, _ in summaries))
    starts = list(dict.fromkeys(init for _, init in summaries))
    figure, axes = make_axes(len(tasks), 2, 8.2, 0.9 + 0.30 * len(summaries))
    for (left, right), task in zip(axes, tasks):
        own = {init: summaries[task, init] for init in reversed(starts) if (task, init) in summaries}
        for height, (init, found) in enumerate(own.items()):
            _draw_start(left, right, found, height, QUALITATIVE[starts.index(init) % len(QUALITATIVE)])
        name_rows(left, [f"{init} ({found.reached} of {len(found.iterations)})" for init, found in own.items()])
        name_rows(right, [""] * len(own))
        left.tick_params(axis="y", labelsize="small")
        draw_guide(right, x=1)
        left.set_title(task)
    axes[0, 1].set_title("median ratio, 95% interval")
    figure.get_layout_engine().set(wspace=0.04)
    for places, label in zip(axes.T, ("iterations to 99%", "ratio to default initialisation")):
        places[-1].set_xlabel(label)
        _share_range(places)
    return figure


def _draw_start(left: Axes, right: Axes, found: StartSummary, height: float, colour: str) -> None:
    style = {"linestyle": "none", "marker": "o", "color": colour}
    for count in found.iterations.values():
        face = "white" if count is None else colour
        left.plot(found.cap if count is None else count, height, markerfacecolor=face, markersize=4, alpha=0.8, **style)
    left.plot([found.median] * 2, [height - 0.32, height + 0.32], color=colour, linestyle="-", linewidth=2)
    ratio = found.ratio
    if ratio is not None and np.isfinite(ratio.ratio):
        right.plot([ratio.low, min(ratio.high, 1e3)], [height, height], color=colour, linestyle="-")
        right.plot(ratio.ratio, height, **style)
    elif ratio is not None:
        right.text(0.9, height, "most never reach 99%", fontsize="small", va="center", ha="right", color=colour)


def _share_range(places: Sequence[Axes]) -> None:
    for place in places:
        place.set_xscale("log")
    lows, highs = zip(*(place.get_xlim() for place in places))
    low, high = min(lows), max(highs)
    for place in places:
        place.set_xlim(low, high)
        number_log_axis(place.xaxis, (1.0,) if high > 30 * low else (1.0, 2.0, 5.0))


def plot_spectra_in_training(spectra: Mapping[str, tuple[np.ndarray, np.ndarray]], roots: np.ndarray) -> Figure:
    """Plot by initialisation the eigenvalues (hidden,) before and after training, over the predicted ``roots``."""
    figure, axes = make_panels(len(spectra), min(3, len(spectra)), 2.6, 2.75)
    for place, (name, (before, after)) in zip(axes, spectra.items()):
        draw_unit_circle(place, 1.45, xlabel="", ylabel="", title=name)
        draw_eigenvalues(place, roots, markersize=11, markeredgewidth=0.8, label="predicted")
        draw_eigenvalues(place, before, **style_marks(1, "initial", marker="x", markersize=3.5, alpha=0.6))
        draw_eigenvalues(place, after, **style_marks(0, "at 99%", marker=".", markersize=5))
    share_legend(figure, "outside upper center")
    label_plane(figure)
    return figure
