"""Figures of the notebook 04_training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator, ScalarFormatter

from twm.book.figures.style import DASHES, INK, MARKERS, QUALITATIVE, make_axes, plot_matrix
from twm.training.tables import Cell

_FAINT = "#BBBBBB"
_PALE = "#F2F2F2"


def plot_boundaries(matrices: Mapping[str, np.ndarray], dim: int) -> Figure:
    """Plot the tasks' boundaries f as matrices, as at the top of the paper's Table 1.

    Args:
        matrices: by name of the task, (dim, history*dim) with entries -1, 0, 1.
        dim: dimension of a state, for the grid of columns.
    """
    figure, axes = make_axes(len(matrices), 1, width=7.4, height=1.45 * len(matrices) + 0.3)
    for panel, (name, matrix) in zip(axes[:, 0], matrices.items()):
        plot_matrix(panel, np.zeros_like(matrix, dtype=float), limit=1.0)
        for sign, colour, marker in ((1, "#B2182B", "s"), (-1, "#2166AC", "D")):
            rows, columns = np.nonzero(matrix == sign)
            panel.plot(columns, rows, linestyle="none", marker=marker, markersize=4.5, color=colour)
        edges = np.arange(0, matrix.shape[1], dim)
        for edge in edges[1:]:
            panel.axvline(edge - 0.5, color=_FAINT, linewidth=0.6)
        panel.set_xticks(edges + dim / 2 - 0.5, [str(1 + edge // dim) for edge in edges])
        panel.set_yticks([0, dim - 1], ["1", str(dim)])
        panel.tick_params(length=0)
        panel.set(ylabel=f"{name}\noutput")
    axes[-1, 0].set_xlabel("column of the substrate (1 the oldest), its dimensions side by side")
    return figure


def plot_trained_spectra(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray]], columns: int = 4, reach: float = 1.35, threshold: float = 0.9
) -> Figure:
    """Plot eigenvalues of trained networks over those of theory, one panel each.

    Args:
        panels: by title, theory's eigenvalues and the network's (complex).
        columns: panels in a row.
        reach: half the width of a panel; eigenvalues beyond it are drawn on its edge.
        threshold: magnitude above which an eigenvalue counts as a memory.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = make_axes(rows, columns, width=1.9 * columns + 0.2, height=2.15 * rows + 0.45)
    for panel, (title, (theory, values)) in zip(axes.flat, panels.items()):
        panel.add_patch(Circle((0, 0), 1, fill=False, color=_FAINT, linewidth=0.8))
        panel.plot(
            theory.real, theory.imag, linestyle="none", marker="o", markersize=8, markerfacecolor="none",
            markeredgecolor=INK, markeredgewidth=0.8, label="theory",
        )  # fmt: skip
        size = np.abs(values)
        shown = values * np.minimum(1, reach / np.maximum(size, 1e-12))
        for kind, colour, mark, label in (
            (size > threshold, QUALITATIVE[1], 3.2, f"network, beyond {threshold:g}"),
            (size <= threshold, QUALITATIVE[0], 1.8, "network, the rest"),
        ):
            panel.plot(
                shown[kind].real, shown[kind].imag, linestyle="none", marker="o", markersize=mark, color=colour,
                markeredgewidth=0, label=label,
            )  # fmt: skip
        panel.set(aspect="equal", xlim=(-reach - 0.08, reach + 0.08), ylim=(-reach - 0.08, reach + 0.08))
        panel.set(xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        panel.set_title(title, fontsize="small")
        panel.tick_params(labelsize="x-small", length=2)
    for panel in axes.flat[len(panels) :]:
        panel.remove()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize="small", markerscale=1.3)
    return figure


def plot_curves(
    curves: Mapping[str, Sequence[Mapping[str, Any]]], horizons: bool = True, share_axis: bool = True
) -> Figure:
    """Plot how networks learn: share of right signs in tests, and the horizon of the curriculum below.

    Args:
        curves: by name of a group, its points as a :class:`twm.training.results.TrainedModel` holds them; points of several
            models of a group are told apart by ``model`` and drawn in one colour.
        horizons: whether to draw the horizons.
        share_axis: whether all groups are in one panel; otherwise one panel a group.
    """
    columns = 1 if share_axis else len(curves)
    figure, axes = make_axes(
        1 + horizons, columns, width=6.6 if share_axis else 2.45 * columns + 0.4, height=4.4 if horizons else 2.9
    )
    for index, (name, points) in enumerate(curves.items()):
        column = 0 if share_axis else index
        colour, dash = (QUALITATIVE[index], DASHES[index]) if share_axis else (QUALITATIVE[0], "-")
        models = dict.fromkeys(point["model"] for point in points)
        thin = {"linewidth": 1.6 if len(models) == 1 else 0.9, "alpha": 1.0 if len(models) == 1 else 0.75}
        for number, model in enumerate(models):
            own = [point for point in points if point["model"] == model]
            tested = [point for point in own if point["test_accuracy"] is not None]
            axes[0, column].plot(
                [point["iteration"] for point in tested], [point["test_accuracy"] for point in tested], color=colour,
                linestyle=dash, label=name if number == 0 else None, **thin,
            )  # fmt: skip
            if horizons:
                axes[1, column].plot(
                    [point["iteration"] for point in own], [point["horizon"] for point in own], color=colour,
                    linestyle=dash, drawstyle="steps-post", **thin,
                )  # fmt: skip
        if not share_axis:
            axes[0, column].set_title(name, fontsize="small")
        axes[-1, column].set_xlabel("iteration")
        axes[0, column].set_ylim(0.45, 1.02)
        axes[-1, column].sharex(axes[0, column])
    axes[0, 0].set_ylabel("right signs in the test")
    if horizons:
        longest = max((point["horizon"] for points in curves.values() for point in points), default=1)
        for panel in axes[1]:
            panel.set_ylim(0, 1.06 * longest)
        axes[1, 0].set_ylabel("horizon in training")
    if share_axis and len(curves) > 1:
        axes[0, 0].legend(loc="lower right", fontsize="small")
    return figure


def plot_table1(cells: Sequence[Cell]) -> Figure:
    """Plot both halves of Table 1, ours beside the paper's, one line a cell.

    Args:
        cells: as :func:`twm.training.tables.summarise_table1` returns them.
    """
    figure, axes = make_axes(1, 2, width=8.2, height=0.27 * len(cells) + 1.3)
    left, right = axes[0]
    places = np.arange(len(cells))[::-1].astype(float)
    undefined = 0.15
    for place, cell in zip(places, cells):
        if list(places).index(place) // 6 % 2 == 0:
            for panel in (left, right):
                panel.axhspan(place - 0.5, place + 0.5, color=_PALE, zorder=0, linewidth=0)
        _plot_cell(left, place, cell.paper_accuracy, cell.accuracies, cell.accuracy, cell.accuracy_agrees)
        right.plot(
            [cell.paper_error if cell.paper_error is not None else undefined], [place + 0.17], linestyle="none",
            marker="D", markersize=5.5, markerfacecolor="none", markeredgecolor=INK,
        )  # fmt: skip
        if cell.seeds:
            shown = list(cell.errors) + [undefined] * (cell.seeds - cell.equal_rank)
            _plot_cell(right, place, None, shown, cell.error, cell.error_agrees, floor=1e-5)
            right.text(
                0.6, place, f"{cell.equal_rank}/{cell.seeds}", va="center", ha="center", fontsize="x-small", color=INK
            )
    for panel in (left, right):
        panel.set(ylim=(-0.6, len(cells) - 0.4))
        panel.tick_params(axis="y", length=0)
    left.set_yticks(places, [f"{cell.task}   {cell.hidden:>3}   {cell.l2:g}" for cell in cells], fontsize="small")
    left.set(xlim=(0.45, 1.03), xlabel="accuracy", title="accuracy")
    left.annotate(
        "task, hidden, L2",
        (0, 1),
        (-6, 7),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        fontsize="small",
    )
    right.set_yticks([])
    right.set(xscale="log", xlim=(1e-4, 1.0), xlabel="mean difference of arguments (rad)", title="spectral error")
    right.axvline(0.07, color=_FAINT, linewidth=0.8)
    right.xaxis.set_major_locator(FixedLocator([1e-4, 1e-3, 1e-2, undefined, 0.6]))
    right.xaxis.set_minor_locator(NullLocator())
    right.set_xticklabels(["$10^{-4}$", "$10^{-3}$", "$10^{-2}$", "other\nrank", "equal\nrank"], fontsize="small")
    figure.legend(handles=_make_table1_key(), loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _plot_cell(panel, place, paper, values, mean, agrees, floor: float = 0.0) -> None:
    if paper is not None:
        panel.plot(
            [paper], [place + 0.17], linestyle="none", marker="D", markersize=5.5, markerfacecolor="none",
            markeredgecolor=INK, zorder=4,
        )  # fmt: skip
    colour = QUALITATIVE[2] if agrees else QUALITATIVE[1]
    panel.plot(values, [place - 0.2] * len(values), linestyle="none", marker="|", markersize=6, color=colour, alpha=0.8)
    if mean.value is not None:
        if mean.low is not None:
            panel.plot([max(mean.low, floor), mean.high], [place - 0.2] * 2, color=colour, linewidth=1.2, linestyle="-")
        marker = "o" if agrees else "s"
        panel.plot([mean.value], [place - 0.2], linestyle="none", marker=marker, markersize=4.5, color=colour, zorder=5)


def _make_table1_key() -> list:
    from matplotlib.lines import Line2D

    marks = (
        ("D", INK, "none", "paper"), ("o", QUALITATIVE[2], QUALITATIVE[2], "ours, agrees"),
        ("s", QUALITATIVE[1], QUALITATIVE[1], "ours, apart"), ("|", INK, INK, "a seed"),
    )  # fmt: skip
    return [
        Line2D([], [], linestyle="none", marker=mark, color=edge, markerfacecolor=face, label=label)
        for mark, edge, face, label in marks
    ]


def plot_ranks(groups: Mapping[str, Sequence[tuple[int, float]]], rank: int) -> Figure:
    """Plot the rank of networks against their accuracy.

    Args:
        groups: by name, one (rank, accuracy) a network.
        rank: theory's.
    """
    figure, axes = make_axes(1, 1, width=5.6, height=3.3)
    panel = axes[0, 0]
    largest = max([rank, *(own for points in groups.values() for own, _ in points)])
    panel.axvline(rank, color=_FAINT, linewidth=1, linestyle="-")
    panel.text(rank, 0.46, "theory ", fontsize="small", va="bottom", ha="right")
    for index, (name, points) in enumerate(groups.items()):
        ranks, accuracies = zip(*points) if points else ((), ())
        panel.plot(
            ranks, accuracies, linestyle="none", marker=MARKERS[index], color=QUALITATIVE[index], label=name,
            markerfacecolor="none" if index % 2 else QUALITATIVE[index],
        )  # fmt: skip
    panel.set(
        xlabel="eigenvalues beyond 0.9", ylabel="accuracy", ylim=(0.45, 1.03), xlim=(-0.03 * rank, 1.1 * largest + 2)
    )
    panel.legend(loc="center left", fontsize="small")
    return figure


def plot_generalisation(
    multiples: Sequence[int], runs: Sequence[tuple[str, float, Sequence[float]]], level: float = 0.9
) -> Figure:
    """Plot how accuracy lasts beyond the trained horizon, and how that goes with the margin of the spectrum.

    Args:
        multiples: of the trained horizon.
        runs: a network each: its group, the margin of its spectrum, its accuracy at each multiple.
        level: accuracy below which a memory counts as lost, drawn as a line.
    """
    figure, axes = make_axes(1, 2, width=7.8, height=3.5)
    left, right = axes[0]
    names = list(dict.fromkeys(name for name, _, _ in runs))
    for name, margin, accuracies in runs:
        index = names.index(name) % len(QUALITATIVE)
        left.plot(multiples, accuracies, color=QUALITATIVE[index], linestyle=DASHES[index], linewidth=0.9, alpha=0.7)
        right.plot(
            [margin], [accuracies[-1]], linestyle="none", marker=MARKERS[index], color=QUALITATIVE[index],
            markerfacecolor="none", label=name,
        )  # fmt: skip
    left.axhline(level, color=_FAINT, linewidth=1, linestyle=":")
    left.set(xscale="log", xlabel="multiple of the trained horizon", ylabel="accuracy", ylim=(0.45, 1.03))
    left.xaxis.set_major_locator(FixedLocator(multiples))
    left.xaxis.set_minor_locator(NullLocator())
    left.xaxis.set_major_formatter(ScalarFormatter())
    right.axvline(0, color=_FAINT, linewidth=1, linestyle="-")
    right.set(
        xlabel=r"margin: least $|\lambda|$ beyond 0.9, less 1", ylabel=f"accuracy at {multiples[-1]} horizons",
        ylim=(0.45, 1.03),
    )  # fmt: skip
    handles, labels = right.get_legend_handles_labels()
    unique = dict(zip(labels, handles))
    figure.legend(
        unique.values(), unique.keys(), loc="outside lower center", ncols=min(4, len(unique)), fontsize="small"
    )
    return figure


def plot_pairs(
    groups: Mapping[str, Sequence[Sequence[float | None]]], names: Sequence[str], label: str, log: bool = False
) -> Figure:
    """Plot paired seeds, a line a seed from one condition to the next, one panel a group.

    Args:
        groups: by title, the values of each condition, in the order of the seeds; not a number for a run without a value,
            which is drawn at the top, hollow, and ``None`` for one that is not at hand.
        names: of the conditions.
        label: of the values.
        log: whether the axis is logarithmic.
    """
    figure, axes = make_axes(1, len(groups), width=(1.0 + 0.85 * len(names)) * len(groups) + 0.8, height=3.4)
    ran = np.array([value for group in groups.values() for values in group for value in values if value is not None])
    known = ran[np.isfinite(ran)]
    top, bottom = (known.max(), known.min()) if len(known) else (1.0, 1.0 if log else 0.0)
    ceiling = top * 1.25 if log else top + 0.08 * (top - bottom or 1.0)
    for panel, (title, group) in zip(axes[0], groups.items()):
        for values in zip(*group):
            marks = [(place, value) for place, value in enumerate(values) if value is not None]
            drawn = [ceiling if np.isnan(value) else value for _, value in marks]
            panel.plot([place for place, _ in marks], drawn, color=_FAINT, linewidth=1, linestyle="-", zorder=1)
            for (place, value), height in zip(marks, drawn):
                panel.plot(
                    [place], [height], linestyle="none", marker=MARKERS[place], color=QUALITATIVE[place],
                    markerfacecolor="none" if np.isnan(value) else QUALITATIVE[place], zorder=2,
                )  # fmt: skip
        panel.set(xlim=(-0.35, len(names) - 0.65))
        panel.set_xticks(range(len(names)), names)
        panel.set_title(title, fontsize="small")
        if log:
            panel.set(yscale="log", ylim=(bottom / 1.25, ceiling * 1.15))
            panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            panel.yaxis.set_minor_locator(NullLocator())
        if len(known) < len(ran):
            panel.axhline(ceiling, color=_FAINT, linewidth=0.8, linestyle=":", zorder=0)
            panel.annotate("never", (1, ceiling), xycoords=("axes fraction", "data"), fontsize="small", ha="right", va="bottom")  # fmt: skip
    axes[0, 0].set_ylabel(label)
    return figure


def plot_fibonacci_training(
    errors: Mapping[str, np.ndarray], trained: int, predicted: float, last_possible: int, tolerance: float
) -> Figure:
    """Plot the relative error of networks that learn Fibonacci, against the step.

    Args:
        errors: by kind of input, (models, steps).
        trained: steps that were trained.
        predicted: error that raw inputs leave at least in a linear network.
        last_possible: last step on which any of the networks could be right.
        tolerance: relative error that counts as right.
    """
    figure, axes = make_axes(1, 1, width=6.6, height=3.5)
    panel = axes[0, 0]
    steps = np.arange(1, next(iter(errors.values())).shape[1] + 1)
    panel.axvspan(0.5, trained + 0.5, color=_PALE, linewidth=0)
    panel.text(0.7, 2.2, "trained", fontsize="small")
    panel.axvline(last_possible + 0.5, color=INK, linewidth=1, linestyle=":")
    panel.text(
        last_possible + 0.9, 3e-4, "from here on no bounded\nnetwork of this readout\ncan be right", fontsize="small"
    )
    for index, (name, error) in enumerate(errors.items()):
        for number, own in enumerate(error):
            panel.semilogy(
                steps, own, color=QUALITATIVE[index], linestyle=DASHES[index], linewidth=1.1, alpha=0.8,
                label=name if number == 0 else None,
            )  # fmt: skip
    panel.axhline(predicted, color=QUALITATIVE[0], linewidth=1, linestyle=":")
    panel.text(steps[-1], predicted * 0.5, "least error for raw inputs, linear", fontsize="small", ha="right")
    panel.axhline(tolerance, color=_FAINT, linewidth=1, linestyle="-")
    panel.set(xlabel="output step", ylabel="relative error", ylim=(1e-5, 4), xlim=(0.5, steps[-1]))
    panel.legend(loc="lower right", fontsize="small")
    return figure
