"""Figures of the notebook 04_training."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from twm.book.figures.style import (
    FAINT, INK, PALE, QUALITATIVE, THIN, Curves, draw_eigenvalues, draw_guide, draw_runs, draw_unit_circle, label_axes,
    label_plane, make_axes, make_panels, make_row, mark_signs, name_places, name_rows, number_log_axis, plot_matrix,
    share_legend, style_line, style_marks,
)  # fmt: skip
from twm.training.tables import Cell

_PAPER = {"linestyle": "none", "marker": "D", "markersize": 5.5, "markerfacecolor": "none", "markeredgecolor": INK}
# Where an undefined spectral error is drawn: the number of slow modes is not the predicted one.
_UNDEFINED = 0.15


def plot_boundaries(matrices: Curves, dim: int) -> Figure:
    """Plot the tasks' boundaries f (dim, history*dim), entries -1, 0, 1, as at the top of the paper's Table 1."""
    figure, axes = make_axes(len(matrices), 1, 7.4, 1.45 * len(matrices) + 0.3)
    for panel, (name, matrix) in zip(axes[:, 0], matrices.items()):
        plot_matrix(panel, np.zeros_like(matrix, dtype=float), limit=1.0, row_label=f"{name}\noutput")
        mark_signs(panel, matrix, 4.5)
        edges = np.arange(0, matrix.shape[1], dim)
        for edge in edges[1:]:
            panel.axvline(edge - 0.5, color=FAINT, linewidth=0.6)
        panel.set_xticks(edges + dim / 2 - 0.5, [str(1 + edge // dim) for edge in edges])
        panel.set_yticks([0, dim - 1], ["1", str(dim)])
        panel.tick_params(length=0)
    axes[-1, 0].set_xlabel("column of the substrate (1: oldest), components side by side")
    return figure


def plot_trained_spectra(panels: Mapping[str, tuple], columns=4, reach=1.35, threshold=0.9) -> Figure:
    """Plot predicted and network eigenvalues by title, with magnitudes clipped at ``reach``; slow modes exceed ``threshold``."""
    figure, axes = make_panels(len(panels), min(columns, len(panels)), 1.95, 2.15, 0.45)
    for panel, (title, (theory, values)) in zip(axes, panels.items()):
        draw_unit_circle(panel, reach + 0.08, xticks=(-1, 0, 1), yticks=(-1, 0, 1), xlabel="", ylabel="")
        draw_eigenvalues(panel, theory, markersize=8, markeredgewidth=0.8, label="predicted")
        slow = np.abs(values) > threshold
        shown = values * np.minimum(1, reach / np.maximum(np.abs(values), 1e-12))
        dots = {"marker": "o", "markeredgewidth": 0}
        name = rf"slow modes ($|\lambda|$ > {threshold:g})"
        draw_eigenvalues(panel, shown[slow], **style_marks(1, name, markersize=3.2, **dots))
        draw_eigenvalues(panel, shown[~slow], **style_marks(0, "other eigenvalues", markersize=1.8, **dots))
        panel.set_title(title, fontsize="small")
        panel.tick_params(labelsize="small", length=2)
    share_legend(figure, "outside upper center", markerscale=1.3, columnspacing=0.9, handletextpad=0.1)
    label_plane(figure)
    return figure


def plot_curves(curves: Mapping[str, Sequence[Mapping]], share_axis=True) -> Figure:
    """Plot test sign accuracy, one line per ``model``, and the training horizon below it; groups may share a panel."""
    columns, width = (1, 6.6) if share_axis else (len(curves), 2.0 * len(curves) + 0.3)
    figure, axes = make_axes(2, columns, width, 4.4)
    longest = max((point["horizon"] for points in curves.values() for point in points), default=1)
    for index, (name, points) in enumerate(curves.items()):
        column = axes[:, 0 if share_axis else index]
        column[-1].sharex(column[0])
        alone = len({point["model"] for point in points}) == 1
        style = style_line(index if share_axis else 0, linewidth=1.6 if alone else 0.9, alpha=1.0 if alone else 0.75)
        draw_runs(column[0], points, "test_accuracy", **style | {"label": name})
        draw_runs(column[1], points, "horizon", drawstyle="steps-post", **style)
        column[1].set_ylim(0, 1.06 * longest)
        if not share_axis:
            column[0].set_title(name, fontsize="small")
        column[-1].set_xlabel("iteration")
        column[0].set_ylim(0.45, 1.02)
    for place, label in zip(axes[:, 0], ("sign accuracy (test)", "training horizon")):
        place.set_ylabel(label)
    if share_axis and len(curves) > 1:
        axes[0, 0].legend(loc="lower right", fontsize="small")
    return figure


def plot_table1(cells: Sequence[Cell]) -> Figure:
    """Plot both halves of Table 1, our results beside the paper's, one line per setting."""
    figure, ((left, right),) = make_axes(1, 2, 8.2, 0.27 * len(cells) + 1.3)
    for place, cell in enumerate(reversed(cells)):
        for panel in (left, right) if (len(cells) - 1 - place) // 6 % 2 == 0 else ():
            panel.axhspan(place - 0.5, place + 0.5, color=PALE, zorder=0, linewidth=0)
        _draw_cell(left, place, cell.paper_accuracy, cell.accuracies, cell.accuracy, cell.accuracy_agrees)
        shown = [*cell.errors, *[_UNDEFINED] * (cell.seeds - cell.equal_rank)]
        paper = _UNDEFINED if cell.paper_error is None else cell.paper_error
        _draw_cell(right, place, paper, shown, cell.error, cell.error_agrees, floor=1e-5)
        if cell.seeds:
            share = {"va": "center", "ha": "center", "fontsize": "small", "color": INK}
            right.text(0.6, place, f"{cell.equal_rank}/{cell.seeds}", **share)
    name_rows(left, [f"{cell.task}   {cell.hidden:>3}   {cell.l2:g}" for cell in reversed(cells)])
    name_rows(right, [""] * len(cells))
    left.tick_params(axis="y", labelsize="small")
    label_axes(left, "accuracy", "", "accuracy", xlim=(0.45, 1.03))
    corner = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "right", "fontsize": "small"}
    left.annotate("task, neurons, L2", (0, 1), (-6, 7), **corner)
    words = ("mean difference of arguments (rad)", "", "spectral error")
    label_axes(right, *words, xscale="log", xlim=(1e-4, 1), yticks=[])
    right.axvline(0.07, color=FAINT, linewidth=0.8)
    names = ["$10^{-4}$", "$10^{-3}$", "$10^{-2}$", "other\ncount", "equal\ncount"]
    right.set_xticks([1e-4, 1e-3, 1e-2, _UNDEFINED, 0.6], names, fontsize="small")
    right.minorticks_off()
    ours = [style_marks(2, "ours, agrees", marker="o"), style_marks(1, "ours, differs", marker="s")]
    key = [_PAPER | {"label": "paper"}, *ours, {"linestyle": "none", "marker": "|", "color": INK, "label": "one seed"}]
    handles = [Line2D([], [], **style) for style in key]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize="small", columnspacing=1, handletextpad=0.1)
    return figure


def _draw_cell(panel: Axes, place: float, paper: float, seeds, mean, agrees: bool, floor: float = 0.0) -> None:
    panel.plot([paper], [place + 0.17], zorder=4, **_PAPER)
    style, below = style_marks(2 if agrees else 1), place - 0.2
    panel.plot(seeds, [below] * len(seeds), **style | {"marker": "|", "markersize": 6, "alpha": 0.8})
    if mean.low is not None:
        panel.plot([max(mean.low, floor), mean.high], [below] * 2, color=style["color"], linewidth=1.2, linestyle="-")
    if mean.value is not None:
        panel.plot([mean.value], [below], **style | {"marker": "o" if agrees else "s", "markersize": 4.5, "zorder": 5})


def plot_ranks(groups: Mapping[str, Sequence[tuple[int, float]]], rank: int) -> Figure:
    """Plot (slow modes, accuracy) of networks by group, beside the predicted number ``rank``."""
    figure, ((panel,),) = make_axes(1, 1, 4.1, 3.2)
    largest = max([rank, *(own for points in groups.values() for own, _ in points)])
    panel.axvline(rank, **THIN)
    panel.text(rank, 0.46, "predicted ", fontsize="small", va="bottom", ha="right")
    for index, (name, points) in enumerate(groups.items()):
        face = "none" if index % 2 else QUALITATIVE[index]
        panel.plot(*np.reshape(points, (-1, 2)).T, **style_marks(index, name, markerfacecolor=face))
    span = {"ylim": (0.45, 1.03), "xlim": (-0.03 * rank, 1.1 * largest + 2)}
    label_axes(panel, r"number of slow modes ($|\lambda|$ > 0.9)", "accuracy", legend="center left", **span)
    return figure


def plot_generalisation(multiples: Sequence[int], runs: Sequence[tuple[str, float, Sequence]]) -> Figure:
    """Plot accuracy of ``runs`` (group, margin, accuracies) against multiples of the trained horizon and spectral margin."""
    figure, ((left, right),) = make_axes(1, 2, 7.8, 3.5)
    names = list(dict.fromkeys(name for name, _, _ in runs))
    for name, margin, accuracies in runs:
        index = names.index(name)
        left.plot(multiples, accuracies, **style_line(index, linewidth=0.9, alpha=0.7))
        right.plot([margin], [accuracies[-1]], **style_marks(index, name, markerfacecolor="none"))
    draw_guide(left, 0.9, color=FAINT)
    label_axes(left, "multiple of the trained horizon", "accuracy", xscale="log", ylim=(0.45, 1.03))
    name_places(left, multiples)
    right.axvline(0, **THIN)
    label = r"margin: smallest slow $|\lambda|$ minus 1"
    label_axes(right, label, f"accuracy at {multiples[-1]} horizons", ylim=(0.45, 1.03))
    share_legend(figure, ncols=min(4, len(names)))
    return figure


def plot_pairs(groups: Mapping[str, Sequence[Sequence]], names: Sequence[str], label: str, log=False) -> Figure:
    """Plot paired seeds, one line per seed from one condition of ``names`` to the next, one panel per group. NaN, a run
    without a value, is hollow at the top; ``None``, a missing run, is not drawn."""
    figure, row = make_row(groups, 1.0 + 0.85 * len(names), 3.4, 0.8, label, fontsize="small")
    ran = np.array([value for group in groups.values() for values in group for value in values if value is not None])
    known = ran[np.isfinite(ran)]
    top, bottom = (known.max(), known.min()) if len(known) else (1.0, 1.0 if log else 0.0)
    ceiling = top * 1.25 if log else top + 0.08 * (top - bottom or 1.0)
    for panel, group in row:
        for values in zip(*group):
            heights = {place: value for place, value in enumerate(values) if value is not None}
            panel.plot(list(heights), np.nan_to_num([*heights.values()], nan=ceiling), zorder=1, **THIN)
            for place, height in heights.items():
                face = "none" if np.isnan(height) else QUALITATIVE[place]
                style = style_marks(place, markerfacecolor=face, zorder=2)
                panel.plot(place, np.nan_to_num(height, nan=ceiling), **style)
        panel.set_xticks(range(len(names)), names)
        panel.set_xlim(-0.35, len(names) - 0.65)
        if log:
            panel.set(yscale="log", ylim=(bottom / 1.25, ceiling * 1.15))
            number_log_axis(panel.yaxis, form=",.0f")
        if len(known) < len(ran):
            draw_guide(panel, ceiling, color=FAINT, linewidth=0.8, zorder=0)
            where = {"xycoords": ("axes fraction", "data"), "fontsize": "small", "ha": "right", "va": "bottom"}
            panel.annotate("not reached", (1, ceiling), **where)
    return figure


def plot_fibonacci_training(
    errors: Curves, trained: int, predicted: float, last_possible: int, tolerance: float
) -> Figure:
    """Plot relative errors (models, steps) of networks trained on Fibonacci for ``trained`` steps, by kind of input. Lines
    show the error ``predicted`` for raw inputs in a linear network, the ``last_possible`` step on which any network with
    this readout can be correct, and the ``tolerance`` below which outputs count as correct."""
    figure, ((panel,),) = make_axes(1, 1, 6.6, 3.5)
    last = next(iter(errors.values())).shape[1]
    panel.axvspan(0.5, trained + 0.5, color=PALE, linewidth=0)
    draw_guide(panel, x=last_possible + 0.5)
    draw_guide(panel, predicted, color=QUALITATIVE[0])
    panel.axhline(tolerance, **THIN)
    for index, (name, error) in enumerate(errors.items()):
        lines = panel.plot(np.arange(1, last + 1), error.T, **style_line(index, linewidth=1.1, alpha=0.8))
        lines[0].set_label(name)
    words = "no bounded network\nwith this readout\ncan be right"
    for x, y, text, side in (
        (0.7, 2.2, "trained", "left"),
        (last_possible + 0.9, 3e-4, words, "left"),
        (last, predicted * 0.5, "minimal error for raw inputs", "right"),
    ):
        panel.text(x, y, text, fontsize="small", ha=side)
    span = {"yscale": "log", "ylim": (1e-5, 4), "xlim": (0.5, last)}
    label_axes(panel, "output step", "relative error", legend="lower right", **span)
    return figure
