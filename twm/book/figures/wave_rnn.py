"""Figures of the notebook 07_wave_rnn."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twm.book.figures.style import DASHES, INK, MARKERS, QUALITATIVE, SEQUENTIAL, make_axes, plot_matrix

#: Networks by what the paper calls them, always in the same colour.
_ORDER = ("wRNN", "iRNN", "wRNN + MLP", "LSTM", "GRU")


def _style(name: str, index: int = 0) -> dict[str, Any]:
    place = _ORDER.index(name) if name in _ORDER else index
    return {"color": QUALITATIVE[place], "linestyle": DASHES[place]}


def plot_ring(matrices: Mapping[str, np.ndarray], runs: Mapping[str, np.ndarray]) -> Figure:
    """Plot matrices of a wave on a ring, and how a bump moves under each.

    Args:
        matrices: by title, (neurons, neurons).
        runs: by the same titles, activity (time, neurons).
    """
    figure, axes = make_axes(2, len(matrices), width=2.5 * len(matrices) + 0.4, height=4.9)
    for column, (title, matrix) in enumerate(matrices.items()):
        plot_matrix(axes[0, column], matrix, limit=1.0, title=title)
        axes[0, column].set(xlabel="from neuron", aspect="equal")
        axes[1, column].imshow(runs[title].T, origin="lower", aspect="auto", cmap=SEQUENTIAL)
        axes[1, column].set_xlabel("time")
    axes[0, 0].set_ylabel("to neuron")
    axes[1, 0].set_ylabel("neuron")
    return figure


def plot_onsets(inputs: np.ndarray, states: Mapping[str, np.ndarray]) -> Figure:
    """Plot a few inputs and the states they leave.

    Args:
        inputs: (time, channels).
        states: by title, (channels, neurons).
    """
    figure, axes = make_axes(1, 1 + len(states), width=2.7 * (1 + len(states)), height=2.6)
    axes[0, 0].imshow(inputs.T, aspect="auto", cmap="Greys", vmin=0, vmax=1)
    axes[0, 0].set(xlabel="time of the input", ylabel="channel", title="inputs")
    for panel, (title, state) in zip(axes[0, 1:], states.items()):
        image = panel.imshow(state, aspect="auto", cmap="Greys", vmin=0, vmax=max(1.0, float(state.max())))
        panel.set(xlabel="neuron", title=title)
        figure.colorbar(image, ax=panel, shrink=0.8)
    for panel in axes[0]:
        panel.set_yticks(range(inputs.shape[1]), [str(1 + channel) for channel in range(inputs.shape[1])])
    return figure


def plot_activity(panels: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Plot activity over time, and the logarithm of its spectrum below, as the paper's Fig. 2 does.

    Args:
        panels: by title, activity (time, neurons) and its spectrum of the same shape, in the order of ``fftfreq``.
    """
    figure, axes = make_axes(2, len(panels), width=3.3 * len(panels) + 0.6, height=5.2)
    for column, (title, (activity, spectrum)) in enumerate(panels.items()):
        image = axes[0, column].imshow(activity.T, aspect="auto", origin="lower", cmap=SEQUENTIAL)
        axes[0, column].set(title=title, xlabel="time")
        figure.colorbar(image, ax=axes[0, column], shrink=0.8, label="activity" if column == len(panels) - 1 else None)
        level = np.log10(np.maximum(np.fft.fftshift(spectrum), 1e-12)).T
        low, high = np.percentile(level, (5, 99.8))
        image = axes[1, column].imshow(
            level, aspect="auto", origin="lower", extent=(-0.5, 0.5, -0.5, 0.5), cmap=SEQUENTIAL, vmin=low, vmax=high
        )
        axes[1, column].set(xlabel="temporal frequency (1/step)")
        label = r"$\log_{10}$ power, normalised" if column == len(panels) - 1 else None
        figure.colorbar(image, ax=axes[1, column], shrink=0.8, label=label)
    axes[0, 0].set_ylabel("neuron")
    axes[1, 0].set_ylabel("spatial frequency (1/neuron)")
    return figure


def plot_losses(panels: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]], label: str = "test loss") -> Figure:
    """Plot how losses fall, one panel a task, one colour a network, one line a seed.

    Args:
        panels: by title, by the name of a network, points with ``model``, ``iteration`` and ``test_loss``.
        label: of the vertical axis.
    """
    figure, axes = make_axes(1, len(panels), width=2.7 * len(panels) + 1.0, height=3.2)
    for panel, (title, groups) in zip(axes[0], panels.items()):
        for index, (name, points) in enumerate(groups.items()):
            for number, model in enumerate(dict.fromkeys(point["model"] for point in points)):
                own = [point for point in points if point["model"] == model and point["test_loss"]]
                panel.plot(
                    [point["iteration"] for point in own], [point["test_loss"] for point in own], linewidth=1.3,
                    label=name if number == 0 else None, **_style(name, index),
                )  # fmt: skip
        panel.set(yscale="log", xlabel="iteration", title=title)
        panel.margins(x=0.02)
    axes[0, 0].set_ylabel(label)
    axes[0, -1].legend(fontsize="small", loc="best")
    return figure


def plot_recall(panels: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Plot what networks answer in the copy task beside what they should, as the paper's Fig. 4 does.

    Args:
        panels: by title, targets and answers, categories (time,) each.
    """
    figure, axes = make_axes(len(panels), 1, width=6.6, height=1.15 * len(panels) + 0.9)
    for panel, (title, (targets, answers)) in zip(axes[:, 0], panels.items()):
        image = panel.imshow(np.stack([targets, answers]), aspect="auto", cmap="viridis", vmin=0, vmax=9)
        panel.set_yticks([0, 1], ["target", "answer"])
        panel.set_title(title, fontsize="small")
        panel.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes[-1, 0].set_xlabel("time (steps)")
    figure.colorbar(image, ax=axes[:, 0].tolist(), label="category", shrink=0.9)
    return figure


def plot_accuracy(panels: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]], epoch: int = 1) -> Figure:
    """Plot test accuracy through training, one panel a task, one colour a network, one line a seed.

    Args:
        panels: by title, by the name of a network, points with ``model``, ``iteration`` and ``test_accuracy``.
        epoch: iterations of an epoch, the unit of the horizontal axis.
    """
    figure, axes = make_axes(1, len(panels), width=3.3 * len(panels) + (0.8 if len(panels) > 1 else 2.0), height=3.3)
    for panel, (title, groups) in zip(axes[0], panels.items()):
        for index, (name, points) in enumerate(groups.items()):
            for number, model in enumerate(dict.fromkeys(point["model"] for point in points)):
                own = [point for point in points if point["model"] == model]
                panel.plot(
                    [point["iteration"] / epoch for point in own], [100 * point["test_accuracy"] for point in own],
                    linewidth=1.3, label=name if number == 0 else None, **_style(name, index),
                )  # fmt: skip
        panel.set(xlabel="epoch", title=title, ylim=(0, 101))
    axes[0, 0].set_ylabel("test accuracy (%)")
    handles = dict(sorted(zip(*_list_handles(axes[0])), key=lambda pair: _ORDER.index(pair[0]) if pair[0] in _ORDER else len(_ORDER)))  # fmt: skip
    figure.legend(list(handles.values()), list(handles), loc="outside right center", fontsize="small")
    return figure


def _list_handles(panels: Iterable[Axes]) -> tuple[list[str], list[Any]]:
    """Return names and handles of what panels show."""
    pairs = [pair for panel in panels for pair in zip(*panel.get_legend_handles_labels())]
    return [name for _, name in pairs], [handle for handle, _ in pairs]


def plot_parameters(groups: Mapping[str, Sequence[tuple[int, float]]]) -> Figure:
    """Plot accuracy against the number of parameters, as the paper's Fig. 7 does.

    Args:
        groups: by the name of a network, pairs of parameters and accuracy in per cent.
    """
    figure, axes = make_axes(width=5.2, height=3.2)
    for index, (name, pairs) in enumerate(groups.items()):
        sizes, accuracies = zip(*sorted(pairs))
        axes[0, 0].plot(sizes, accuracies, marker=MARKERS[index], label=name, **_style(name, index))
    axes[0, 0].set(xlabel="parameters", ylabel="test accuracy (%)", xlim=(0, None), ylim=(0, 101))
    axes[0, 0].legend(fontsize="small")
    return figure


def plot_ablation(losses: Mapping[str, Mapping[int, float]]) -> Figure:
    """Plot losses of the variants of Table 4, one line a variant, one column a wait.

    Args:
        losses: by variant, by wait.
    """
    waits = sorted({wait for row in losses.values() for wait in row})
    figure, axes = make_axes(1, len(waits), width=2.2 * len(waits) + 2.4, height=0.33 * len(losses) + 1.2)
    places = np.arange(len(losses))[::-1]
    for panel, wait in zip(axes[0], waits):
        for place, (name, row) in zip(places, losses.items()):
            if row.get(wait):
                colour, mark = (QUALITATIVE[0], "o") if name.startswith("w") else (QUALITATIVE[1], "s")
                panel.plot([row[wait]], [place], marker=mark, color=colour, linestyle="none", markersize=7)
        panel.set(xscale="log", title=f"T = {wait}", xlabel="test loss", ylim=(-0.6, len(losses) - 0.4))
        panel.set_yticks(places, list(losses) if panel is axes[0, 0] else [""] * len(losses))
        panel.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        panel.margins(x=0.15)
    return figure


def plot_speeds(groups: Mapping[str, Sequence[float]]) -> Figure:
    """Plot the speeds of the rings of trained networks.

    Args:
        groups: by the name of a network, neurons a step, one a ring that is a clear wave.
    """
    figure, axes = make_axes(width=6.0, height=0.5 * len(groups) + 1.2)
    for place, (name, speeds) in enumerate(groups.items()):
        spread = np.linspace(-0.18, 0.18, max(2, len(speeds)))[: len(speeds)]
        axes[0, 0].plot(speeds, place + spread, marker="o", linestyle="none", color=QUALITATIVE[0], alpha=0.8)
    axes[0, 0].axvline(1.0, color=INK, linewidth=0.8, linestyle=":")
    axes[0, 0].set_yticks(range(len(groups)), list(groups))
    largest = max(max(speeds) for speeds in groups.values())
    smallest = min(min(speeds) for speeds in groups.values())
    axes[0, 0].set(xlabel="speed (neurons a step)", ylim=(-0.5, len(groups) - 0.5))
    axes[0, 0].set_xlim(min(0.0, smallest - 0.1), max(1.5, largest + 0.1))
    return figure


def plot_emergence(groups: Mapping[str, Sequence[tuple[int, float]]]) -> Figure:
    """Plot the share of power on the diagonal through training, one line a start.

    Args:
        groups: by the name of a start, pairs of iteration and share.
    """
    figure, axes = make_axes(width=5.4, height=3.1)
    for index, (name, pairs) in enumerate(groups.items()):
        iterations, shares = zip(*pairs)
        axes[0, 0].plot(
            iterations, shares, marker=MARKERS[index], label=name, color=QUALITATIVE[index], linestyle=DASHES[index]
        )
    axes[0, 0].set(xlabel="iteration", ylabel="power on the diagonal", ylim=(0, 1.02))
    axes[0, 0].legend(fontsize="small", loc="best")
    return figure


def plot_bridge(answers: Mapping[tuple[str, int], Mapping[str, float]]) -> Figure:
    """Plot what an analysis found in networks that are no Elman networks, one row a figure and one mark a network.

    Args:
        answers: by name and seed, what :meth:`twm.analysis.report.MachineAnalysis.summarise` returns.
    """
    titles = {
        "r2": "least $R^2$, directions of the step", "r2_settled": "least $R^2$, one basis for all steps",
        "changed": "outputs that must change follow", "unchanged": "other outputs stay",
        "elsewhere": "wrong directions: outputs follow",
    }  # fmt: skip
    names = list(dict.fromkeys(name for name, _ in answers))
    figure, axes = make_axes(width=7.2, height=0.62 * len(titles) + 0.32 * len(names) + 0.6)
    panel, apart = axes[0, 0], 0.62 / max(1, len(names) - 1)
    for (name, seed), own in answers.items():
        index = names.index(name)
        for place, key in enumerate(titles):
            # Far below zero an R^2 says no more than that nothing is read.
            value = max(own[key], -0.05)
            panel.plot(
                [value], [len(titles) - 1 - place + 0.31 - apart * index], marker=MARKERS[index], markersize=6,
                color=QUALITATIVE[index], linestyle="none", alpha=0.8, label=name,
            )  # fmt: skip
    panel.axvline(0.95, color=INK, linewidth=0.8, linestyle=":")
    for border in range(1, len(titles)):
        panel.axhline(border - 0.5, color="#DDDDDD", linewidth=0.8)
    panel.set(xlim=(-0.1, 1.05), ylim=(-0.5, len(titles) - 0.5), xlabel="share, or $R^2$")
    panel.set_yticks(range(len(titles)), list(titles.values())[::-1])
    panel.tick_params(axis="y", length=0)
    unique = dict(zip(*_list_handles([panel])))
    figure.legend(list(unique.values()), list(unique), loc="outside lower center", ncols=2, fontsize="small")
    return figure
