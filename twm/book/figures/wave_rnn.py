"""Figures of the notebook 07_wave_rnn."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twm.book.figures.style import (
    MARKERS, Curves, draw_guide, draw_runs, label_axes, make_axes, make_row, name_rows, number_ticks, plot_magnitudes,
    plot_matrix, share_legend, style_both, style_line, style_marks,
)  # fmt: skip

# Networks by the paper's names, each always in the same colour.
_ORDER = ("wRNN", "iRNN", "wRNN + MLP", "LSTM", "GRU")


def _style_network(name: str, index: int, **changes: Any) -> dict[str, Any]:
    return style_line(_ORDER.index(name) if name in _ORDER else index, name, **changes)


def plot_ring(matrices: Curves, runs: Curves) -> Figure:
    """Plot matrices (neurons, neurons) of a wave on a ring, and how each moves a bump (time, neurons)."""
    figure, (above, below) = make_axes(2, len(matrices), 2.5 * len(matrices) + 0.4, 4.9)
    for upper, lower, (title, matrix) in zip(above, below, matrices.items()):
        plot_matrix(upper, matrix, 1.0, col_label="from neuron", title=title)
        upper.set_aspect("equal")
        plot_magnitudes(lower, runs[title].T, None, origin="lower")
        lower.set_xlabel("time")
    above[0].set_ylabel("to neuron")
    below[0].set_ylabel("neuron")
    return figure


def plot_onsets(inputs: np.ndarray, states: Curves) -> Figure:
    """Plot a few inputs (time, channels) and, by title, the resulting states (channels, neurons)."""
    figure, panels = make_row({"inputs": inputs.T} | states, 2.7, 2.6, label="channel")
    for panel, values in panels:
        image = plot_magnitudes(panel, values, high=max(1.0, float(values.max())), cmap="Greys")
        number_ticks(panel, inputs.shape[1], "y", every=1)
        label_axes(panel, "time (steps)" if panel is figure.axes[0] else "neuron")
        if panel is not figure.axes[0]:
            figure.colorbar(image, ax=panel, shrink=0.8)
    return figure


def plot_activity(panels: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Plot activity (time, neurons), and the logarithm of its amplitude spectrum, ordered as ``fftfreq``. Source: wRNN Fig. 2."""
    figure, (above, below) = make_axes(2, len(panels), 3.3 * len(panels) + 0.6, 5.2)
    for upper, lower, (title, (activity, spectrum)) in zip(above, below, panels.items()):
        last = upper is above[-1]
        image = plot_magnitudes(upper, activity.T, None, origin="lower")
        label_axes(upper, "time", "", title)
        figure.colorbar(image, ax=upper, shrink=0.8, label="activity" if last else None)
        level = np.log10(np.maximum(np.fft.fftshift(spectrum), 1e-12)).T
        low, high = np.percentile(level, (5, 99.8))
        image = plot_magnitudes(lower, level, low, high, origin="lower", extent=(-0.5, 0.5, -0.5, 0.5))
        lower.set_xlabel("temporal frequency (1/step)")
        figure.colorbar(image, ax=lower, shrink=0.8, label=r"$\log_{10}$ amplitude, normalised" if last else None)
    above[0].set_ylabel("neuron")
    below[0].set_ylabel("spatial frequency (1/neuron)")
    return figure


def plot_losses(panels: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]) -> Figure:
    """Plot ``test_loss`` during training: one panel per task, one colour per network, one line per ``model``."""
    figure, row = make_row(panels, {1: 3.5, 2: 2.7}.get(len(panels), 1.9), 3.0, 0.6, "test loss")
    for panel, groups in row:
        for index, (name, points) in enumerate(groups.items()):
            draw_runs(panel, points, "test_loss", **_style_network(name, index, linewidth=1.3))
        label_axes(panel, "iterations (thousands)", yscale="log")
        panel.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}")
    panel.legend(fontsize="small", loc="best")
    return figure


def plot_recall(panels: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Plot by title the target of the copy task and a network's output, categories (time,) each. Source: wRNN Fig. 4."""
    figure, axes = make_axes(len(panels), 1, 6.6, 1.15 * len(panels) + 0.9)
    for panel, (title, (targets, answers)) in zip(axes[:, 0], panels.items()):
        image = plot_magnitudes(panel, np.stack([targets, answers]), high=9, cmap="viridis")
        panel.set_yticks([0, 1], ["target", "output"])
        panel.set_title(title, fontsize="small")
        panel.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes[-1, 0].set_xlabel("time (steps)")
    figure.colorbar(image, ax=list(axes[:, 0]), label="category", shrink=0.9)
    return figure


def plot_accuracy(panels: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]], epoch: int = 1) -> Figure:
    """Plot ``test_accuracy`` by epoch (``epoch`` iterations): a panel per task, a colour per network, a line per ``model``."""
    figure, row = make_row(panels, 3.3, 3.3, 0.8 if len(panels) > 1 else 1.5, "test accuracy (%)")
    for panel, groups in row:
        for index, (name, points) in enumerate(groups.items()):
            draw_runs(panel, points, "test_accuracy", epoch, 100, **_style_network(name, index, linewidth=1.3))
        label_axes(panel, "epoch", ylim=(0, 101))
    share_legend(figure, "outside right center", _ORDER, ncols=1)
    return figure


def plot_parameters(groups: Mapping[str, Sequence[tuple[int, float]]]) -> Figure:
    """Plot accuracy (%) against the number of parameters, by network. Source: wRNN Fig. 7."""
    figure, ((panel,),) = make_axes(width=4.1)
    for index, (name, pairs) in enumerate(groups.items()):
        panel.plot(*zip(*sorted(pairs)), **_style_network(name, index, marker=MARKERS[index]))
    label_axes(panel, "parameters", "test accuracy (%)", legend="best", xlim=(0, None), ylim=(0, 101))
    return figure


def plot_ablation(losses: Mapping[str, Mapping[int, float]]) -> Figure:
    """Plot losses of the variants of Table 4: one row per variant, one panel per delay."""
    waits = sorted({wait for row in losses.values() for wait in row})
    figure, row = make_row({f"T = {wait}": wait for wait in waits}, 1.45, 0.33 * len(losses) + 1.2, 2.3)
    for panel, wait in row:
        for place, name in enumerate(reversed(losses)):
            if losses[name].get(wait):
                panel.plot(losses[name][wait], place, **style_marks(0 if name.startswith("w") else 1, markersize=7))
        label_axes(panel, "test loss", xscale="log")
        name_rows(panel, list(reversed(losses)) if panel is figure.axes[0] else [""] * len(losses))
        panel.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        panel.margins(x=0.15)
    return figure


def plot_speeds(groups: Mapping[str, Sequence[float]]) -> Figure:
    """Plot, by network, the speeds (neurons per step) of rings that carry a clear wave."""
    figure, ((panel,),) = make_axes(width=6.0, height=0.5 * len(groups) + 1.2)
    for place, speeds in enumerate(groups.values()):
        spread = np.linspace(-0.18, 0.18, max(2, len(speeds)))[: len(speeds)]
        panel.plot(speeds, place + spread, **style_marks(0, alpha=0.8))
    draw_guide(panel, x=1.0, linewidth=0.8)
    name_rows(panel, list(groups))
    everything = [0.1, 1.4, *(speed for speeds in groups.values() for speed in speeds)]
    label_axes(panel, "speed (neurons per step)", xlim=(min(everything) - 0.1, max(everything) + 0.1))
    return figure


def plot_emergence(groups: Mapping[str, Sequence[tuple[int, float]]]) -> Figure:
    """Plot (iteration, fraction of power on each ring's best line) during training, one line per initial kernel."""
    figure, ((panel,),) = make_axes(width=4.1, height=3.1)
    for index, (name, pairs) in enumerate(groups.items()):
        panel.plot(*zip(*pairs), **style_both(index, name, markersize=5))
    label_axes(panel, "iteration", "fraction of power on best line", legend="best", ylim=(0, 1.02))
    return figure


def plot_bridge(answers: Mapping[tuple[str, int], Mapping[str, float]]) -> Figure:
    """Plot the analysis of networks other than Elman networks, by name and seed: one row per measure."""
    titles = {
        "accuracy": "sign accuracy over 200 steps", "r2_settled": "one basis: lowest $R^2$", "swaps": "one basis: interventions",
        "r2": "basis per step: lowest $R^2$", "interventions": "basis per step: interventions",
        "elsewhere": "control: wrong directions",
    }  # fmt: skip
    names = list(dict.fromkeys(name for name, _ in answers))
    figure, ((panel,),) = make_axes(width=7.2, height=0.62 * len(titles) + 0.32 * len(names) + 0.6)
    apart = 0.62 / max(1, len(names) - 1)
    for (name, _), own in answers.items():
        index = names.index(name)
        for place, key in enumerate(titles):
            # An R^2 far below zero only means that nothing is decoded.
            height = len(titles) - 1 - place + 0.31 - apart * index
            panel.plot([max(own[key], -0.05)], [height], **style_marks(index, name, markersize=6, alpha=0.8))
    draw_guide(panel, x=0.95, linewidth=0.8)
    for border in range(1, len(titles)):
        panel.axhline(border - 0.5, color="#DDDDDD", linewidth=0.8)
    name_rows(panel, list(titles.values())[::-1])
    label_axes(panel, "fraction of outputs, or $R^2$", xlim=(-0.1, 1.05), ylim=(-0.5, len(titles) - 0.5))
    share_legend(figure, ncols=2)
    return figure
