"""Figures of the notebook 05_basis_recovery, and of ``twm analyse``.

More figures of the notebook 05_basis_recovery: waves in hidden states, interventions, and what the theory does not cover.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from twm.analysis.judging import BasisFigures
from twm.analysis.recovery import RecoveredBasis
from twm.analysis.report import Analysis
from twm.book.figures.style import DASHES, INK, MARKERS, QUALITATIVE, make_axes, plot_matrix
from twm.errors import require
from twm.theory.spectra import SpectrumComparison, count_clusters, find_clusters

_FAINT_DOTS = "#BBBBBB"


def draw_spectrum(axes: Axes, theory: np.ndarray, network: np.ndarray, others: np.ndarray, threshold: float) -> None:
    """Draw a network's eigenvalues over theory's.

    Args:
        axes: where to draw.
        theory, network, others: complex, as in :class:`twm.theory.spectra.SpectrumComparison`.
        threshold: radius beyond which an eigenvalue counts.
    """
    axes.add_patch(Circle((0, 0), 1, fill=False, color=_FAINT_DOTS, linewidth=1))
    axes.add_patch(Circle((0, 0), threshold, fill=False, color=_FAINT_DOTS, linewidth=1, linestyle=":"))
    style = {"linestyle": "none"}
    axes.plot(
        theory.real, theory.imag, marker="o", markersize=9, markerfacecolor="none", color=INK, label="theory", **style
    )
    axes.plot(
        network.real, network.imag, marker="o", markersize=3.5, color=QUALITATIVE[1], label="network, slow", **style
    )
    axes.plot(
        others.real,
        others.imag,
        marker="x",
        markersize=3,
        color=QUALITATIVE[0],
        alpha=0.7,
        label="network, rest",
        **style,
    )
    reach = 1.12 * max(1.0, *np.abs(np.concatenate([theory, network, others])))
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="real part", ylabel="imaginary part")


def mark_columns(axes: Axes, coordinates: Sequence[int], dim: int, both: bool = True) -> None:
    """Rule a matrix of needed coordinates by the columns of the substrate, and number the columns from 1.

    Args:
        axes: an image with a column for each coordinate; with ``both``, a row too.
        coordinates: places in the substrate, increasing.
        dim: dimension of a state.
        both: whether rows are ruled as well.
    """
    columns = np.array(coordinates) // dim
    first = np.flatnonzero(np.diff(columns, prepend=-1))
    ends = np.append(first[1:], len(columns))
    middles, names = [], []
    for middle, place in zip((first + ends - 1) / 2, first):
        # Narrow columns, of which f reads little, would write their numbers over each other.
        if not middles or middle - middles[-1] >= 0.06 * len(columns):
            middles.append(middle)
            names.append(str(columns[place] + 1))
    for edge in first[1:] - 0.5:
        axes.axhline(edge, color=_FAINT_DOTS, linewidth=0.6)
        if both:
            axes.axvline(edge, color=_FAINT_DOTS, linewidth=0.6)
    axes.set_yticks(middles, names)
    axes.tick_params(length=0)
    if both:
        axes.set_xticks(middles, names)


def plot_analysis(analysis: Analysis) -> Figure:
    """Plot what ``twm analyse`` found: spectrum, weights in the basis beside theory, content, interventions."""
    figure, axes = make_axes(2, 2, width=9.2, height=8.2)
    spectrum, dim = analysis.spectrum, analysis.task.dim
    method = "regression" if "regression" in analysis.bases else next(iter(analysis.bases))
    basis, figures = analysis.bases[method], analysis.figures[method]
    draw_spectrum(axes[0, 0], spectrum.theory, spectrum.network, spectrum.others, spectrum.threshold)
    title = f"eigenvalues: {spectrum.rank_network} slow, theory {spectrum.rank_theory}"
    axes[0, 0].set_title(title)
    axes[0, 0].legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, fontsize="small")
    image = plot_matrix(axes[0, 1], figures.orbit_operator, limit=1.0)
    rows, columns = np.nonzero(np.abs(figures.theory) > 0.5)
    axes[0, 1].plot(
        columns,
        rows,
        linestyle="none",
        marker="s",
        markersize=3.2,
        markerfacecolor="none",
        markeredgewidth=0.6,
        color=INK,
    )
    axes[0, 1].set(
        title="weights in the basis; squares: theory",
        xlabel="from variable",
        ylabel="to variable",
        aspect="equal",
    )
    mark_columns(axes[0, 1], basis.coordinates or (), dim)
    figure.colorbar(image, ax=axes[0, 1], shrink=0.8, label="entry")
    for place, (name, other) in enumerate(analysis.figures.items()):
        axes[1, 0].plot(
            np.clip(np.sort(other.encoding_r2), -1, 1),
            linestyle="-",
            marker=MARKERS[place % 6],
            markersize=3,
            color=QUALITATIVE[place % 6],
            label=name,
        )
    axes[1, 0].axhline(0.98, color=INK, linestyle=":", linewidth=1)
    axes[1, 0].set(
        xlabel="variable, the worst first",
        ylabel="$R^2$ (drawn from −1 up)",
        title="content read from hidden states",
        ylim=(-1.05, 1.05),
    )
    axes[1, 0].legend(fontsize="small", loc="lower right")
    draw_shares(
        axes[1, 1],
        analysis.interventions.columns,
        analysis.interventions.changed,
        analysis.interventions.unchanged,
        analysis.interventions.steps,
    )
    figure.suptitle(f"{analysis.task.name}, {analysis.hidden} hidden neurons, accuracy {analysis.accuracy:.4f}")
    return figure


def draw_shares(
    axes: Axes, columns: Sequence[int], changed: np.ndarray, unchanged: np.ndarray, steps: Sequence[int]
) -> None:
    """Draw the shares of outputs that did as predicted after swapping each variable.

    Args:
        axes: where to draw.
        columns: (m,) the variables, 0 the oldest.
        changed, unchanged: (n, m) shares.
        steps: (n,) steps after the input phase.
    """
    require(changed.shape == unchanged.shape == (len(steps), len(columns)), "shares must be of shape (steps, columns)")
    for index, step in enumerate(steps):
        place = np.array(columns) + 1 + 0.08 * (index - (len(steps) - 1) / 2)
        colour, marker = QUALITATIVE[index % 6], MARKERS[index % 6]
        axes.plot(place, changed[index], linestyle="none", marker=marker, color=colour, label=f"step {step}")
        axes.plot(place, unchanged[index], linestyle="none", marker=marker, color=colour, markerfacecolor="none")
    axes.axhline(0.99, color=INK, linestyle=":", linewidth=1)
    axes.set(xlabel="variable that was swapped (1 the oldest)", ylabel="share as predicted", ylim=(-0.04, 1.06))
    axes.set_title("must change (full), must stay (hollow)")
    axes.legend(fontsize="small", loc="lower right", ncols=2)


_FAINT = "#BBBBBB"


def plot_waves(states: np.ndarray, waves: np.ndarray, history: int, dim: int) -> Figure:
    """Plot hidden states of one run as they are, and in a recovered basis, where one content is framed on its way.

    Args:
        states: (time, hidden), from the first input on.
        waves: (time, history*dim), the same states in wave coordinates.
        history: number of columns; the input phase takes as many steps.
        dim: dimension of a state.
    """
    require(len(states) == len(waves), f"{len(states)} states and {len(waves)} readings cannot stand side by side")
    figure, axes = make_axes(2, 1, width=7.6, height=6.6)
    names = ("A  hidden states, neuron by neuron", "B  the same states in the recovered basis")
    for panel, values, title, label in zip(axes[:, 0], (states, waves), names, ("neuron", "variable (8 the newest)")):
        limit = 1.2 if values is waves else _find_limit(states)
        image = plot_matrix(panel, values.T, limit=limit, title=title, row_label=label, col_label="step")
        panel.axvline(history - 0.5, color=INK, linewidth=1, linestyle=":")
        panel.set_xticks(np.arange(3, len(values), 4), np.arange(4, len(values) + 1, 4))
        figure.colorbar(image, ax=panel, label="activity" if values is states else "content", shrink=0.9)
    edges = np.arange(history + 1) * dim
    axes[1, 0].set_yticks((edges[:-1] + edges[1:] - 1) / 2, np.arange(1, history + 1))
    axes[1, 0].set_ylabel(f"variable ({history} the newest)")
    for edge in edges[1:-1]:
        axes[1, 0].axhline(edge - 0.5, color=_FAINT, linewidth=0.6)
    for step in range(2, len(waves)):
        # The third content enters as the newest variable at its step, and is one variable older at every further one.
        column = (history - 1 - (step - 2)) % history
        axes[1, 0].add_patch(
            Rectangle((step - 0.5, edges[column] - 0.5), 1, dim, fill=False, edgecolor="#FFD700", linewidth=1.8)
        )
    return figure


def _find_limit(values: np.ndarray) -> float:
    # A few neurons in saturation would leave all others pale.
    return float(np.quantile(np.abs(values), 0.98)) or 1.0


def plot_methods(rows: Sequence[Mapping[str, str]], methods: Sequence[str], tasks: Sequence[str]) -> Figure:
    """Plot how every method does on every network of some tasks.

    Args:
        rows: one a network and method, with ``task``, ``method``, ``relative_error`` and ``encoding_r2``.
        methods: in the order of the legend.
        tasks: in the order of the axis.
    """
    figure, axes = make_axes(1, 2, width=8.6, height=3.8)
    left, right = axes[0]
    for index, method in enumerate(methods):
        for place, task in enumerate(tasks):
            chosen = [row for row in rows if row["task"] == task and row["method"] == method]
            offset = place + 0.14 * (index - (len(methods) - 1) / 2)
            style = {
                "linestyle": "none",
                "marker": MARKERS[index],
                "color": QUALITATIVE[index],
                "markersize": 5,
                "alpha": 0.8,
            }
            style["label"] = method if place == 0 else None
            at = np.full(len(chosen), offset)
            left.plot(at, np.clip([float(row["relative_error"]) for row in chosen], None, 20), **style)
            right.plot(at, np.clip([float(row["encoding_r2"]) for row in chosen], -1, 1), **style)
    left.axhline(0.05, color=INK, linestyle=":", linewidth=1)
    right.axhline(0.98, color=INK, linestyle=":", linewidth=1)
    left.set(yscale="log", ylabel="relative error (drawn up to 20)", title="weights in the basis, against $\\Phi$")
    right.set(
        ylabel="$R^2$ of the worst variable (from −1 up)", title="content read from hidden states", ylim=(-1.08, 1.08)
    )
    for panel in axes[0]:
        panel.set_xticks(range(len(tasks)), tasks)
        panel.set_xlim(-0.5, len(tasks) - 0.5)
        panel.tick_params(axis="x", length=0)
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=len(methods), fontsize="small")
    return figure


def plot_operators(found: Mapping[str, BasisFigures], bases: Mapping[str, RecoveredBasis], dim: int) -> Figure:
    """Plot recurrent weights in the recovered basis, as they are and with the mean gain, beside theory.

    Args:
        found: by task.
        bases: by task, for the coordinates.
        dim: dimension of a state.
    """
    figure, axes = make_axes(len(found), 3, width=8.6, height=2.75 * len(found) + 0.4)
    for line, (name, figures) in zip(axes, found.items()):
        panels = (
            ("weights", figures.operator),
            ("weights × mean gain", figures.orbit_operator),
            ("theory", figures.theory),
        )
        for panel, (title, matrix) in zip(line, panels):
            image = plot_matrix(panel, matrix, limit=1.5)
            rows, columns = np.nonzero(np.abs(matrix) > 0.5)
            signs = np.sign(matrix[rows, columns])
            # Entries of a pixel or two would vanish in print.
            for sign, colour, marker in ((1, "#B2182B", "s"), (-1, "#2166AC", "D")):
                panel.plot(
                    columns[signs == sign],
                    rows[signs == sign],
                    linestyle="none",
                    marker=marker,
                    markersize=1.6,
                    color=colour,
                )
            panel.set(title=f"{name}: {title}", aspect="equal")
            mark_columns(panel, bases[name].coordinates or (), dim)
        line[0].set_ylabel("to variable")
    for panel in axes[-1]:
        panel.set_xlabel("from variable")
    figure.colorbar(image, ax=axes, shrink=0.4, label="entry")
    return figure


def plot_mixture(alphas: np.ndarray, scans: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Plot the earlier paper's mixture against alpha.

    Args:
        alphas: (n,).
        scans: by network, as from :func:`twm.analysis.studies.scan_mixture`.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.2)
    for index, (name, scan) in enumerate(scans.items()):
        style = {"color": QUALITATIVE[index], "linestyle": DASHES[index], "label": name}
        axes[0, 0].semilogy(alphas, scan["relative_error"], **style)
        axes[0, 1].plot(alphas, np.clip(scan["encoding_r2"], -1, 1), **style)
    axes[0, 0].axhline(0.05, color=INK, linestyle=":", linewidth=1)
    axes[0, 1].axhline(0.98, color=INK, linestyle=":", linewidth=1)
    axes[0, 0].set(xlabel="$\\alpha$, share of the forward part", ylabel="relative error", title="weights in the basis")
    axes[0, 1].set(
        xlabel="$\\alpha$, share of the forward part",
        ylabel="$R^2$ (from −1 up)",
        title="worst variable",
        ylim=(-1.08, 1.08),
    )
    ticks = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
    axes[0, 0].yaxis.set_major_locator(FixedLocator(ticks))
    axes[0, 0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0, 0].yaxis.set_minor_locator(NullLocator())
    if len(scans) > 1:
        axes[0, 1].legend(fontsize="small")
    return figure


def plot_jacobians(spectra: Mapping[str, SpectrumComparison]) -> Figure:
    """Plot the eigenvalues of the Jacobians at rest, by network, over theory's."""
    rows = -(-len(spectra) // 2)
    figure, axes = make_axes(rows, 2, width=7.4, height=3.7 * rows)
    for panel, (name, found) in zip(axes.flat, spectra.items()):
        draw_spectrum(panel, found.theory, found.network, found.others, found.threshold)
        panel.set_title(f"{name}: {found.rank_network} slow, theory {found.rank_theory}")
    for panel in axes.flat[len(spectra) :]:
        panel.remove()
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    return figure


def plot_decomposition(
    operator: np.ndarray,
    spectrum: SpectrumComparison,
    states: np.ndarray,
    waves: np.ndarray,
    coordinates: Sequence[int],
    history: int,
    dim: int,
) -> Figure:
    """Plot the four panels in which the paper takes a network apart.

    Args:
        operator: W in the basis [Psi; Psi_perp], (hidden, hidden), memories first.
        spectrum: its eigenvalues beside theory's.
        states: (time, hidden) of one run.
        waves: (time, rank) the same in wave coordinates.
        coordinates: (rank,) which variable each is.
        history, dim: of the task.

    Source: twm Fig. 6-9.
    """
    figure, axes = make_axes(2, 2, width=8.8, height=7.6)
    plot_matrix(
        axes[0, 0], operator, limit=1.2, title="A  weights in $[\\Psi;\\Psi_\\perp]$", row_label="to", col_label="from"
    )
    rank = len(coordinates)
    axes[0, 0].set_aspect("equal")
    axes[0, 0].add_patch(Rectangle((-0.5, -0.5), rank, rank, fill=False, edgecolor=INK, linewidth=1))
    # Up there nothing is drawn: the spectral dual lets the rest feed no memory.
    axes[0, 0].text(rank, 1, f" the {rank} memories", ha="left", va="top", fontsize="x-small")
    draw_spectrum(axes[0, 1], spectrum.theory, spectrum.network, spectrum.others, spectrum.threshold)
    centres = find_clusters(spectrum.theory)
    axes[0, 1].set_title(f"B  eigenvalues: {spectrum.rank_network} slow, theory {spectrum.rank_theory}")
    if len(centres) <= 16 and len(spectrum.network):
        reach = 1.2 * max(1.0, np.abs(spectrum.network).max())
        for centre, count in zip(centres, count_clusters(spectrum.network, centres)):
            axes[0, 1].text(
                reach * np.cos(centre), reach * np.sin(centre), str(count), ha="center", va="center", fontsize="small"
            )
        axes[0, 1].set(xlim=(-1.15 * reach, 1.15 * reach), ylim=(-1.15 * reach, 1.15 * reach))
    axes[0, 1].legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, fontsize="x-small", handletextpad=0.1)
    plot_matrix(
        axes[1, 0], states.T, limit=_find_limit(states), title="C  hidden states", row_label="neuron", col_label="step"
    )
    # As in the paper, each variable is shown in units of its own spread.
    scaled = waves / waves[history:].std(axis=0).clip(1e-9)
    plot_matrix(
        axes[1, 1],
        scaled.T,
        limit=1.5,
        title="D  the same in the basis, each variable to scale",
        row_label="variable",
        col_label="step",
    )
    mark_columns(axes[1, 1], coordinates, dim, both=False)
    for panel in axes[1]:
        panel.axvline(history - 0.5, color=INK, linewidth=1, linestyle=":")
    return figure


def plot_reading_errors(errors: Mapping[str, np.ndarray], history: int) -> Figure:
    """Plot how well the settled basis reads the variables at every step, input phase included.

    Args:
        errors: by network, mean squared error (time,) from the first input on.
        history: length of the input phase.
    """
    figure, axes = make_axes(1, 1, width=6.6, height=3.2)
    panel = axes[0, 0]
    for index, (name, error) in enumerate(errors.items()):
        panel.semilogy(
            np.arange(1, len(error) + 1), error, color=QUALITATIVE[index % 6], linestyle=DASHES[index % 6], label=name
        )
    for step, text in ((history + 0.5, "input ends"), (2 * history, f"t = {2 * history}")):
        panel.axvline(step, color=_FAINT, linewidth=1, linestyle=":")
        panel.text(step, 1.0, f" {text}", transform=panel.get_xaxis_transform(), fontsize="x-small", va="bottom")
    panel.set(xlabel="step t, from the first input on", ylabel="squared error of a variable")
    panel.legend(fontsize="small", ncols=2)
    return figure


def plot_strengths(gains: Sequence[float], found: Mapping[str, Mapping[str, np.ndarray]], steps: int) -> Figure:
    """Plot recall and amplitude of constructed tanh networks against the interaction strength.

    Args:
        gains: (n,).
        found: by kind of basis, as from :func:`twm.analysis.studies.measure_strengths`.
        steps: length of the output phase.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.1)
    for index, (kind, figures) in enumerate(found.items()):
        style = {
            "color": QUALITATIVE[index],
            "linestyle": DASHES[index],
            "marker": MARKERS[index],
            "markersize": 4,
            "label": f"{kind} basis",
        }
        axes[0, 0].plot(gains, figures["recall"], **style)
        axes[0, 1].semilogy(gains, np.maximum(figures["amplitude"], 1e-17), **style)
    axes[0, 0].set(
        xlabel="interaction strength",
        ylabel="share of right signs",
        title=f"recall after {steps} steps",
        ylim=(0.45, 1.03),
    )
    axes[0, 1].set(xlabel="interaction strength", ylabel="mean |output|", title="what is left of the content")
    for panel in axes[0]:
        panel.axvline(1, color=_FAINT, linewidth=1, linestyle=":")
    axes[0, 0].legend(fontsize="small", loc="lower right")
    return figure


def plot_edit(before: np.ndarray, undisturbed: np.ndarray, after: np.ndarray, step: int) -> Figure:
    """Plot the outputs of one run as pictures: what was given, what would have followed, and what followed the edit.

    Args:
        before: (time, rows) inputs and outputs up to the edit.
        undisturbed: (steps, rows) outputs without it, by theory.
        after: (steps, rows) the network's outputs after it.
        step: steps of the output phase before the edit.
    """
    require(undisturbed.shape == after.shape, f"shapes differ: {undisturbed.shape} and {after.shape}")
    figure, axes = make_axes(3, 1, width=9.0, height=4.1)
    start = len(before) - step
    changed = np.where(np.sign(undisturbed) != np.sign(after), np.sign(after), 0)
    strips = (
        (np.concatenate([before, undisturbed]), "without the edit"),
        (np.concatenate([before, after]), "the network, edited in mid-run"),
        (np.concatenate([np.zeros_like(before), changed]), "what changed"),
    )
    for panel, (values, title) in zip(axes[:, 0], strips):
        plot_matrix(panel, values.T, limit=1.4, title=title)
        panel.axvline(start - 0.5, color=INK, linewidth=1, linestyle=":")
        panel.axvline(len(before) - 0.5, color=QUALITATIVE[1], linewidth=2)
        panel.set_yticks([])
        panel.set_xticks(np.arange(start, len(values) + 1, start) - 0.5, np.arange(start, len(values) + 1, start))
    axes[2, 0].set_xlabel(f"step (dotted: the input ends; bar: the edit, {step} steps later)")
    return figure


def plot_intervention_steps(shares: Mapping[str, Mapping[str, np.ndarray]], steps: Sequence[int]) -> Figure:
    """Plot the share of outputs that follow a swap against the step at which it is made.

    Args:
        shares: by network, by way of intervening, the least share over variables (n,).
        steps: (n,) steps after the input phase.
    """
    figure, axes = make_axes(1, len(shares), width=4.0 * len(shares), height=3.3)
    for panel, (name, ways) in zip(axes[0], shares.items()):
        for index, (way, share) in enumerate(ways.items()):
            panel.plot(
                steps,
                share,
                color=QUALITATIVE[index],
                linestyle=DASHES[index],
                marker=MARKERS[index],
                markersize=4,
                label=way,
            )
        panel.axhline(0.99, color=INK, linestyle=":", linewidth=1)
        panel.set(xlabel="swap, steps after the input phase", title=name, ylim=(-0.04, 1.05))
        panel.set_xticks(range(0, max(steps) + 1, 4))
    axes[0, 0].set_ylabel("outputs that follow, worst variable")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize="small")
    return figure


def plot_answers(rows: Sequence[Mapping[str, str]]) -> Figure:
    """Plot whether swaps take effect against how many directions a network has for its variables.

    Args:
        rows: regression rows of the table of analyses.
    """
    figure, axes = make_axes(1, 2, width=8.4, height=3.6)
    right = [row for row in rows if float(row["accuracy"]) >= 0.999]
    spare = {id(row): int(row["rank_network"]) - int(row["rank_theory"]) for row in rows}
    kinds = {
        "right, theory's number": [row for row in right if spare[id(row)] == 0],
        "right, fewer": [row for row in right if spare[id(row)] < 0],
        "right, more": [row for row in right if spare[id(row)] > 0],
        "not right": [row for row in rows if float(row["accuracy"]) < 0.999],
    }
    kinds = {kind: chosen for kind, chosen in kinds.items() if chosen}
    for index, (kind, chosen) in enumerate(kinds.items()):
        share = [float(row["rank_network"]) / float(row["rank_theory"]) for row in chosen]
        for panel, columns in zip(axes[0], (("own_changed", "encoding_r2"), ("changed", "explained"))):
            values = [float(row[columns[0]]) for row in chosen]
            panel.plot(
                share, values, linestyle="none", marker=MARKERS[index], color=QUALITATIVE[index], alpha=0.75, label=kind
            )
    for panel, title in zip(axes[0], ("contents read by the dual", "contents known from theory")):
        panel.axhline(0.99, color=INK, linestyle=":", linewidth=1)
        panel.set(xlabel="slow eigenvalues / theory's", title=title, ylim=(-0.04, 1.06))
    axes[0, 0].set_ylabel("outputs that follow a swap, at the least")
    axes[0, 1].legend(fontsize="small", loc="lower right")
    return figure
