"""Figures of the notebook 09_flip_flop."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twm.book.figures.style import DASHES, INK, MARKERS, PAPER, QUALITATIVE, get_colours, make_axes
from twm.book.figures.turnable import draw_clouds

_GREY = "#888888"


def plot_task(pulses: np.ndarray, signs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> Figure:
    """Plot pulses, what is due and what networks say.

    Args:
        pulses: (steps, channels).
        signs: by name of the task, what is due (steps, channels).
        outputs: by the same names, what a network says (steps, channels).
    """
    channels = pulses.shape[1]
    figure, axes = make_axes(channels, len(signs), width=7.8, height=1.0 + 1.15 * channels)
    steps = np.arange(len(pulses))
    for column, (name, due) in enumerate(signs.items()):
        for channel in range(channels):
            place = axes[channel, column]
            place.fill_between(steps, 0, due[:, channel], step="mid", color="#DDDDDD", linewidth=0)
            place.vlines(steps, 0, pulses[:, channel], color=QUALITATIVE[1], linewidth=1.5)
            place.plot(steps, outputs[name][:, channel], color=QUALITATIVE[0], linestyle="-", linewidth=1.3)
            place.set(ylim=(-1.25, 1.25), yticks=(-1, 0, 1), ylabel=f"channel {channel + 1}" if column == 0 else "")
        axes[0, column].set_title(name)
        axes[-1, column].set_xlabel("step")
    return figure


def plot_cubes(panels: Mapping[str, tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]]) -> Figure:
    """Plot states in their first three principal components, coloured by output state.

    Args:
        panels: by title, clouds by name of output state, points (n, 3), and paths by name.
    """
    figure, axes = make_axes(1, len(panels), width=3.9 * len(panels), height=3.9)
    for place, (title, (clouds, paths)) in zip(axes[0], panels.items()):
        draw_clouds(place, clouds, paths, names=("PC1", "PC2", "PC3"))
        place.set_title(title)
    return figure


def plot_resting(
    swings: Mapping[str, np.ndarray],
    names: Sequence[str],
    orbit: np.ndarray,
    outputs: np.ndarray,
    axis_names: tuple[str, str],
) -> Figure:
    """Plot how much a network moves at rest, and one such movement.

    Args:
        swings: by network, largest swing of a neuron at each output state.
        names: of the output states.
        orbit: (steps, 2) a movement in its two leading components.
        outputs: (steps, channels) the outputs meanwhile.
        axis_names: of the two components.
    """
    figure, axes = make_axes(1, 3, width=8.2, height=2.9)
    width = 0.8 / len(swings)
    for index, (name, values) in enumerate(swings.items()):
        place = np.arange(len(names)) + (index - (len(swings) - 1) / 2) * width
        axes[0, 0].bar(place, values, width, color=QUALITATIVE[index], label=name)
    # Signs stand upright, one below the other: turned by a right angle a minus is a bar.
    axes[0, 0].set_xticks(range(len(names)), ["\n".join(name) for name in names], family="monospace", linespacing=0.8)
    axes[0, 0].set(xlabel="output state", ylabel="swing of a neuron", title="left alone")
    axes[0, 0].legend(fontsize="x-small")
    axes[0, 1].plot(
        orbit[:, 0], orbit[:, 1], color=QUALITATIVE[1], linestyle="-", linewidth=0.6, marker=".", markersize=3
    )
    axes[0, 1].set(xlabel=axis_names[0], ylabel=axis_names[1], title="its two components", aspect="equal")
    for channel in range(outputs.shape[1]):
        axes[0, 2].plot(
            outputs[:60, channel], color=QUALITATIVE[channel], linestyle=DASHES[channel], label=f"output {channel + 1}"
        )
    axes[0, 2].set(xlabel="step", ylabel="output", ylim=(-1.3, 1.3), title="its outputs")
    axes[0, 2].legend(fontsize="x-small", loc="center right")
    return figure


def plot_points(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], counts: Mapping[str, Sequence[Sequence[int]]]
) -> Figure:
    """Plot slow points in the plane of two components, and how many there are of each kind in each network.

    Args:
        panels: by title, positions (points, 2), numbers of unstable directions (points,), and whether each is fixed.
        counts: by the same titles, for each seed the numbers of fixed points with 0, 1, 2, ... unstable directions.
    """
    figure, axes = make_axes(2, len(panels), width=7.8, height=6.0)
    for column, (title, (places, unstable, fixed)) in enumerate(panels.items()):
        top, below = axes[0, column], axes[1, column]
        for number in range(4):
            mine = fixed & (unstable == number)
            if mine.any():
                top.plot(
                    *places[mine].T,
                    MARKERS[number],
                    color=QUALITATIVE[number],
                    linestyle="",
                    label=f"{number} unstable",
                )
        more = fixed & (unstable > 3)
        if more.any():
            top.plot(*places[more].T, MARKERS[4], color=QUALITATIVE[4], linestyle="", label="more")
        if (~fixed).any():
            top.plot(*places[~fixed].T, "x", color=_GREY, linestyle="", label="slow, not fixed")
        _name_groups(top, places[unstable > 3], unstable[unstable > 3])
        top.set(title=title, xlabel="PC1", ylabel="PC2")
        top.margins(0.15)
        top.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)
        _draw_counts(below, counts[title])
    return figure


def _draw_counts(axes: Axes, rows: Sequence[Sequence[int]]) -> None:
    """Draw how many points each seed has by number of unstable directions, each count in its cell; none is left white."""
    axes.set(xlabel="unstable directions", ylabel="seed", title="fixed points")
    axes.tick_params(length=0)
    if not rows:
        return
    longest = max(len(row) for row in rows)
    table = np.array([[*row, *[0] * (longest - len(row))] for row in rows], dtype=float).reshape(-1, longest)
    colours = get_colours("sequential").reversed().with_extremes(under=PAPER)
    most = table.max(initial=1.0)
    axes.imshow(table, cmap=colours, vmin=0.5, vmax=1.3 * most, aspect="auto", interpolation="nearest")
    for (row, column), value in np.ndenumerate(table):
        if value:
            axes.text(
                column, row, f"{value:.0f}", ha="center", va="center", fontsize="xx-small" if longest > 9 else "small",
                color="white" if value > 0.6 * most else INK,
            )  # fmt: skip
    axes.set_yticks(range(len(rows)))
    axes.set_xticks(range(0, longest, max(1, longest // 6)))


def _name_groups(axes: Axes, places: np.ndarray, numbers: np.ndarray) -> None:
    """Write numbers beside points; points that lie together share one text, such as 14-16."""
    if not len(places):
        return
    reach = 0.06 * np.ptp(places, axis=0).max()
    left = list(range(len(places)))
    while left:
        group = [index for index in left if np.linalg.norm(places[index] - places[left[0]]) <= 2 * reach]
        low, high = numbers[group].min(), numbers[group].max()
        text = str(low) if low == high else f"{low}\u2013{high}"
        axes.annotate(text, places[group].max(0), fontsize="x-small", xytext=(4, 3), textcoords="offset points")
        left = [index for index in left if index not in group]


def plot_flip_flop_spectra(spectra: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Plot eigenvalues of W of several networks.

    Args:
        spectra: by title, eigenvalues (n,) of each network.
    """
    figure, axes = make_axes(1, len(spectra), width=7.6, height=3.6)
    circle = np.exp(2j * np.pi * np.linspace(0, 1, 200))
    for place, (title, networks) in zip(axes[0], spectra.items()):
        place.plot(circle.real, circle.imag, color="#999999", linewidth=1, linestyle="-")
        for index, values in enumerate(networks):
            outside = np.abs(values) > 1
            style = {"color": QUALITATIVE[index % len(QUALITATIVE)], "linestyle": "", "markersize": 4}
            place.plot(
                values[outside].real,
                values[outside].imag,
                MARKERS[index % len(MARKERS)],
                label=f"seed {index}",
                **style,
            )
            place.plot(
                values[~outside].real, values[~outside].imag, ".", color="#BBBBBB", linestyle="", markersize=2, zorder=0
            )
        place.set(aspect="equal", xlabel="real part", ylabel="imaginary part", title=title)
        place.legend(fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def plot_switch(components: Mapping[str, np.ndarray], outputs: np.ndarray, lead: int, delay: int) -> Figure:
    """Plot the mean course of a switch: outputs, and the leading components of a network and of a plain delay line.

    Args:
        components: by title, components (steps, n).
        outputs: (steps, channels) mean outputs.
        lead: steps before the pulse.
        delay: of the task.
    """
    figure, axes = make_axes(1, 1 + len(components), width=8.4, height=3.9)
    steps = np.arange(len(outputs)) - lead
    for channel in range(outputs.shape[1]):
        axes[0, 0].plot(
            steps,
            outputs[:, channel],
            color=QUALITATIVE[channel],
            linestyle=DASHES[channel],
            label=f"output {channel + 1}",
        )
    axes[0, 0].set(xlabel="steps after the pulse", ylabel="mean output", title="what is seen")
    axes[0, 0].legend(fontsize="x-small", loc="center left")
    for place, (title, values) in zip(axes[0, 1:], components.items()):
        for number in range(min(7, values.shape[1])):
            curve = values[:, number] / (np.abs(values[:, number]).max() or 1.0)
            place.plot(
                steps, 0.42 * curve - number, color=QUALITATIVE[number % len(QUALITATIVE)], linestyle="-", linewidth=1.2
            )
            place.axhline(-number, color="#DDDDDD", linewidth=0.6, zorder=0)
        place.set(xlabel="steps after the pulse", title=title)
        place.set_yticks(
            -np.arange(min(7, values.shape[1])), [f"PC{number + 1}" for number in range(min(7, values.shape[1]))]
        )
    for place in axes[0]:
        place.axvline(0, color=INK, linewidth=0.8)
        place.axvline(delay, color=INK, linewidth=0.8, linestyle=":")
    return figure


def plot_delays(rows: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], level: float = 0.99) -> Figure:
    """Plot accuracy against delay.

    Args:
        rows: by name of a series, delays (n,), accuracies (n,) and accuracies while waiting (n,).
        level: of the claim.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.3)
    for column, title in ((0, "settled: right sign once due"), (1, "waiting: old sign until due")):
        place = axes[0, column]
        for index, (name, values) in enumerate(rows.items()):
            place.plot(
                values[0],
                values[1 + column],
                MARKERS[index],
                linestyle="",
                color=QUALITATIVE[index],
                fillstyle="none" if index else "full",
                label=name,
            )
        place.axhline(level if column == 0 else 0.95, color=INK, linestyle=":", linewidth=1)
        place.set(
            xlabel="delay (steps)", ylabel="share of right signs" if column == 0 else "", title=title, ylim=(0.4, 1.03)
        )
    axes[0, 0].legend(fontsize="x-small", loc="lower left")
    return figure


def plot_delay_line(panels: Mapping[str, np.ndarray]) -> Figure:
    """Plot shares by channel and position of a delay line.

    Args:
        panels: by title, shares (channels, positions).
    """
    figure, axes = make_axes(1, len(panels), width=2.1 * len(panels) + 1.2, height=2.6)
    for column, (place, (title, values)) in enumerate(zip(axes[0], panels.items())):
        image = place.imshow(
            values, cmap=get_colours("sequential"), vmin=0, vmax=1, aspect="auto", interpolation="nearest"
        )
        for (row, position), value in np.ndenumerate(values):
            if np.isfinite(value):
                place.text(
                    position,
                    row,
                    # Cells are narrow, and a whole share needs no digits.
                    "1" if value > 0.995 else f"{value:.2f}".lstrip("0"),
                    ha="center",
                    va="center",
                    fontsize="xx-small",
                    color="white" if value < 0.6 else INK,
                )
        place.set(title=title, xlabel="steps ago", ylabel="channel" if column == 0 else "")
        place.title.set_fontsize("small")
        place.set_yticks(range(len(values)), [str(number + 1) for number in range(len(values))])
        place.set_xticks(range(0, values.shape[1], 2))
    figure.colorbar(image, ax=list(axes[0]), shrink=0.9, label="share")
    return figure
