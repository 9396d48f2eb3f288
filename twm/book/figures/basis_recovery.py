"""Figures of the notebook 05_basis_recovery, and of ``twm analyse``."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from twm.analysis.analyses import Analysis
from twm.analysis.judging import BasisFigures
from twm.analysis.recovery import RecoveredBasis
from twm.book.figures.style import (
    FAINT, FLOOR, INK, QUALITATIVE, Curves, draw_curves, draw_eigenvalues, draw_guide, draw_unit_circle, label_axes,
    make_axes, make_panels, make_row, mark_signs, number_log_axis, plot_episode, plot_matrix, share_legend, style_both,
    style_marks, write_counts,
)  # fmt: skip
from twm.errors import require
from twm.theory.spectra import SpectrumComparison, count_clusters, find_clusters

_BELOW = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.14), "ncols": 3}


def plot_analysis(analysis: Analysis) -> Figure:
    """Plot the results of ``twm analyse``: spectrum, weights in the basis, stored values, interventions."""
    figure, ((spectrum, weights), (content, shares)) = make_axes(2, 2, 9.2, 8.2)
    method = "regression" if "regression" in analysis.bases else next(iter(analysis.bases))
    basis, found = analysis.bases[method], analysis.figures[method]
    _draw_spectrum(spectrum, analysis.spectrum, "eigenvalues")
    spectrum.legend(**_BELOW, fontsize="small")
    image = plot_matrix(weights, found.orbit_operator, 1.0, "to variable", "from variable")
    rows, columns = np.nonzero(np.abs(found.theory) > 0.5)
    squares = {"marker": "s", "markersize": 3.2, "markerfacecolor": "none", "markeredgewidth": 0.6, "color": INK}
    weights.plot(columns, rows, linestyle="none", **squares)
    weights.set(title="weights in the basis; squares: predicted", aspect="equal")
    _mark_columns(weights, basis.coordinates or (), analysis.task.dim)
    figure.colorbar(image, ax=weights, shrink=0.8, label="entry")
    for index, (name, other) in enumerate(analysis.figures.items()):
        content.plot(np.clip(np.sort(other.encoding_r2), -1, 1), **style_both(index, name, linestyle="-", markersize=3))
    words = ("variable, sorted from the worst", "$R^2$ (clipped at −1)", "decoding from hidden states")
    label_axes(content, *words, "lower right", guide=0.98, ylim=(-1.05, 1.05))
    swaps = analysis.interventions
    for index, step in enumerate(swaps.steps):
        place = np.array(swaps.columns) + 1 + 0.08 * (index - (len(swaps.steps) - 1) / 2)
        shares.plot(place, swaps.changed[index], **style_marks(index, f"step {step}"))
        shares.plot(place, swaps.unchanged[index], **style_marks(index, markerfacecolor="none"))
    words = ("exchanged variable (1: oldest)", "share as predicted", "filled: must change; hollow: must not")
    label_axes(shares, *words, {"loc": "lower right", "ncols": 2}, guide=0.99, ylim=(-0.04, 1.06))
    figure.suptitle(f"{analysis.task.name}, {analysis.hidden} hidden neurons, accuracy {analysis.accuracy:.4f}")
    return figure


def plot_waves(states: np.ndarray, waves: np.ndarray, history: int, dim: int) -> Figure:
    """Plot one run from the first input on: states (time, hidden), and waves (time, history*dim) with one input framed."""
    require(len(states) == len(waves), f"{len(states)} states and {len(waves)} readings cannot stand side by side")
    figure, ((above,), (below,)) = make_axes(2, 1, 7.6, 6.6)
    for panel, values, limit, title, label in (
        (above, states, _find_limit(states), "A  hidden states by neuron", "activity"),
        (below, waves, 1.2, "B  the same states in the recovered basis", "stored value"),
    ):
        image = plot_episode(panel, values, history, limit, "neuron", "step", title, linestyle=":")
        panel.set_xticks(np.arange(3, len(values), 4), np.arange(4, len(values) + 1, 4))
        figure.colorbar(image, ax=panel, label=label, shrink=0.9)
    below.set_yticks(np.arange(history) * dim + (dim - 1) / 2, np.arange(1, history + 1))
    below.set_ylabel(f"variable ({history}: newest)")
    for variable in range(1, history):
        below.axhline(variable * dim - 0.5, color=FAINT, linewidth=0.6)
    for step in range(2, len(waves)):
        # The third input enters as the newest variable at its step, and ages by one position per step.
        corner = (step - 0.5, (history + 1 - step) % history * dim - 0.5)
        below.add_patch(Rectangle(corner, 1, dim, fill=False, edgecolor="#FFD700", linewidth=1.8))
    return figure


def plot_methods(rows: Sequence[Mapping[str, str]], methods: Sequence[str], tasks: Sequence[str]) -> Figure:
    """Plot ``relative_error`` and ``encoding_r2`` of every network, one place per task and one colour per method."""
    figure, ((left, right),) = make_axes(1, 2, 8.6, 3.8)
    for index, method in enumerate(methods):
        for place, task in enumerate(tasks):
            chosen = [row for row in rows if row["task"] == task and row["method"] == method]
            style = style_marks(index, method if place == 0 else None, markersize=5, alpha=0.8)
            at = np.full(len(chosen), place + 0.14 * (index - (len(methods) - 1) / 2))
            left.plot(at, [min(float(row["relative_error"]), 20) for row in chosen], **style)
            right.plot(at, [np.clip(float(row["encoding_r2"]), -1, 1) for row in chosen], **style)
    words = ("relative error (clipped at 20)", "weights in the basis, compared with $\\Phi$")
    label_axes(left, "", *words, guide=0.05, yscale="log")
    words = ("$R^2$ of the worst variable (clipped at −1)", "decoding from hidden states")
    label_axes(right, "", *words, guide=0.98, ylim=(-1.08, 1.08))
    for panel in (left, right):
        panel.set_xticks(range(len(tasks)), tasks)
        panel.set_xlim(-0.5, len(tasks) - 0.5)
        panel.tick_params(axis="x", length=0)
    share_legend(figure)
    return figure


def plot_operators(found: Mapping[str, BasisFigures], bases: Mapping[str, RecoveredBasis], dim: int) -> Figure:
    """Plot by task the recurrent weights in the recovered basis, without and with the mean gain, beside the prediction."""
    figure, axes = make_axes(len(found), 3, 7.8, 2.6 * len(found) + 0.8)
    for line, (name, own) in zip(axes, found.items()):
        matrices = {"weights": own.operator, "weights × mean gain": own.orbit_operator, "predicted": own.theory}
        for panel, (title, matrix) in zip(line, matrices.items()):
            image = plot_matrix(panel, matrix, 1.5, title=f"{name}: {title}")
            mark_signs(panel, matrix, 1.6)
            panel.set_aspect("equal")
            _mark_columns(panel, bases[name].coordinates or (), dim)
        line[0].set_ylabel("to variable")
    for panel in axes[-1]:
        panel.set_xlabel("from variable")
    figure.colorbar(image, ax=axes, shrink=0.45, aspect=30, pad=0.02, location="bottom", label="entry")
    return figure


def plot_mixture(alphas: np.ndarray, scans: Mapping[str, Curves]) -> Figure:
    """Plot errors and R^2 of the earlier paper's mixture against alpha (n,), by network, from ``scan_mixture``."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.2)
    draw_curves(left, alphas, {name: scan["relative_error"] for name, scan in scans.items()})
    draw_curves(right, alphas, {name: np.clip(scan["encoding_r2"], -1, 1) for name, scan in scans.items()})
    label, legend = "$\\alpha$, share of the forward part", "best" if len(scans) > 1 else None
    label_axes(left, label, "relative error", "weights in the basis", guide=0.05, yscale="log")
    label_axes(right, label, "$R^2$ (clipped at −1)", "worst variable", legend, guide=0.98, ylim=(-1.08, 1.08))
    number_log_axis(left.yaxis)
    return figure


def plot_jacobians(spectra: Mapping[str, SpectrumComparison]) -> Figure:
    """Plot the eigenvalues of the Jacobians at the origin, by network, over the predicted ones."""
    figure, axes = make_panels(len(spectra), 2, 3.7, 3.7, legend=0)
    for panel, (name, found) in zip(axes, spectra.items()):
        _draw_spectrum(panel, found, name)
    share_legend(figure)
    return figure


def plot_decomposition(
    operator: np.ndarray, spectrum: SpectrumComparison, states: np.ndarray, waves: np.ndarray,
    coordinates: Sequence[int], history: int, dim: int,
) -> Figure:  # fmt: skip
    """Plot the paper's four-panel decomposition of a network: W in the basis [Psi; Psi_perp], (hidden, hidden), memories
    first; its spectrum; and one run as states (time, hidden) and waves (time, rank), whose variables have the substrate
    ``coordinates`` (rank,). Source: twm Fig. 6-9."""
    figure, ((weights, plane), (left, right)) = make_axes(2, 2, 8.0, 7.2)
    plot_matrix(weights, operator, 1.2, "to", "from", "A  weights in $[\\Psi;\\Psi_\\perp]$").axes.set_aspect("equal")
    rank = len(coordinates)
    weights.add_patch(Rectangle((-0.5, -0.5), rank, rank, fill=False, edgecolor=INK, linewidth=1))
    # This corner is empty: with the left-eigenvector dual, the remaining space does not drive the memories.
    weights.text(rank, 1, f" {rank} memories", ha="left", va="top", fontsize="small")
    _draw_spectrum(plane, spectrum, "B  eigenvalues")
    centres = find_clusters(spectrum.theory)
    if len(centres) <= 16 and len(spectrum.network):
        reach = max(1.0, np.abs(spectrum.network).max())
        write_counts(plane, reach * np.exp(1j * centres), count_clusters(spectrum.network, centres), fontsize="small")
        plane.set(xlim=(-1.38 * reach, 1.38 * reach), ylim=(-1.38 * reach, 1.38 * reach))
    plane.legend(**_BELOW, fontsize="small", handletextpad=0.1)
    words = ("neuron", "step", "C  hidden states")
    plot_episode(left, states, history, _find_limit(states), *words, linestyle=":")
    # As in the paper, each variable is shown in units of its standard deviation.
    scaled, words = waves / waves[history:].std(axis=0).clip(1e-9), "D  decoded variables (normalised)"
    plot_episode(right, scaled, history, 1.5, "variable", "step", words, linestyle=":")
    _mark_columns(right, coordinates, dim, both=False)
    return figure


def plot_reading_errors(errors: Curves, history: int) -> Figure:
    """Plot by network the mean squared error (time,) of the steady-state basis, from the first of the ``history`` inputs on."""
    figure, ((panel,),) = make_axes(1, 1, 6.6, 3.2)
    draw_curves(panel, None, errors)
    for step, text in ((history + 0.5, "input ends"), (2 * history, f"t = {2 * history}")):
        draw_guide(panel, x=step, color=FAINT)
        panel.text(step, 1.0, f" {text}", transform=panel.get_xaxis_transform(), fontsize="small", va="bottom")
    label_axes(panel, "step t (from the first input)", "squared decoding error", "", {"ncols": 2}, yscale="log")
    return figure


def plot_strengths(gains: Sequence[float], found: Mapping[str, Curves], steps: int) -> Figure:
    """Plot ``recall`` and ``amplitude`` (n,) of constructed tanh networks after ``steps`` against ``gains``, by kind of basis."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.1)
    for place, value, floor in ((left, "recall", None), (right, "amplitude", FLOOR)):
        draw_curves(place, gains, {f"{kind} basis": own[value] for kind, own in found.items()}, style_both, floor)
        draw_guide(place, x=1, color=FAINT)
    words = ("interaction strength", "sign accuracy", f"recall after {steps:,} steps")
    label_axes(left, *words, "lower right", ylim=(0.45, 1.03))
    label_axes(right, "interaction strength", "mean |output|", "output amplitude", yscale="log")
    return figure


def plot_edit(before: np.ndarray, undisturbed: np.ndarray, after: np.ndarray, step: int) -> Figure:
    """Plot one run as images: inputs and outputs (time, rows) up to an edit after ``step`` outputs, then the outputs after
    the edit and those that the theory predicts without it, (steps, rows) each."""
    require(undisturbed.shape == after.shape, f"shapes differ: {undisturbed.shape} and {after.shape}")
    figure, axes = make_axes(3, 1, 9.0, 4.1)
    start = len(before) - step
    changed = np.where(np.sign(undisturbed) != np.sign(after), np.sign(after), 0)
    strips = (
        (before, undisturbed, "predicted without the edit"),
        (before, after, "network, edited during the run"),
        (np.zeros_like(before), changed, "changed signs"),
    )
    for panel, (early, late, title) in zip(axes[:, 0], strips):
        plot_matrix(panel, np.concatenate([early, late]).T, 1.4, "dimension", title=title)
        draw_guide(panel, x=start - 0.5)
        panel.axvline(len(before) - 0.5, color=QUALITATIVE[1], linewidth=2)
        ticks = np.arange(start, len(early) + len(late) + 1, start)
        panel.set_xticks(ticks - 0.5, ticks)
        panel.set_yticks([])
    axes[2, 0].set_xlabel(f"step (dotted: end of input; bar: edit, {step} steps later)")
    return figure


def plot_intervention_steps(shares: Mapping[str, Curves], steps: Sequence[int]) -> Figure:
    """Plot the share of outputs (n,) that follow an interchange at ``steps`` (n,), by network and test, worst variable."""
    figure, row = make_row(shares, 4.0, 3.3, label="outputs that follow (worst variable)")
    for panel, ways in row:
        draw_curves(panel, steps, ways, style_both)
        label_axes(panel, "interchange, steps after the input phase", guide=0.99, ylim=(-0.04, 1.05), xscale="log")
        panel.set_xticks(steps, steps)
    share_legend(figure)
    return figure


def _draw_spectrum(axes: Axes, found: SpectrumComparison, name: str) -> None:
    reach = 1.12 * max(1.0, *np.abs(np.concatenate([found.theory, found.network, found.others])))
    title = f"{name}: {found.rank_network} slow modes ({found.rank_theory} predicted)"
    draw_unit_circle(axes, reach, title=title)
    axes.add_patch(Circle((0, 0), found.threshold, fill=False, color=FAINT, linewidth=1, linestyle=":"))
    draw_eigenvalues(axes, found.theory, markersize=9, label="predicted")
    draw_eigenvalues(axes, found.network, **style_marks(1, "slow modes", marker="o", markersize=3.5))
    draw_eigenvalues(axes, found.others, **style_marks(0, "other eigenvalues", marker="x", markersize=3, alpha=0.7))


def _mark_columns(axes: Axes, coordinates: Sequence[int], dim: int, both: bool = True) -> None:
    """Separate a drawn matrix of observable ``coordinates`` by lines into substrate columns, numbered from 1."""
    columns = np.array(coordinates) // dim
    first = np.flatnonzero(np.diff(columns, prepend=-1))
    ends = np.append(first[1:], len(columns))
    middles, names = [], []
    for middle, place in zip((first + ends - 1) / 2, first):
        # The numbers of narrow columns, of which f uses few coordinates, would overlap.
        if not middles or middle - middles[-1] >= 0.06 * len(columns):
            middles.append(middle)
            names.append(str(columns[place] + 1))
    axes.tick_params(length=0)
    for setter, rule in ((axes.set_yticks, axes.axhline), (axes.set_xticks, axes.axvline))[: 1 + both]:
        setter(middles, names)
        for edge in first[1:] - 0.5:
            rule(edge, color=FAINT, linewidth=0.6)


def _find_limit(values: np.ndarray) -> float:
    # Limit to the 98% quantile, because a few saturated neurons would make all others pale.
    return float(np.quantile(np.abs(values), 0.98)) or 1.0
