"""Figures of the notebook 09_flip_flop."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twm.book.figures.animation import draw_clouds
from twm.book.figures.style import (
    FAINT, PAPER, QUALITATIVE, Curves, draw_curves, draw_eigenvalues, draw_guide, draw_unit_circle, get_colours,
    label_axes, make_axes, make_panels, make_row, number_ticks, plot_magnitudes, share_legend, style_line, style_marks,
    write_cells,
)  # fmt: skip

_SMALL = {"fontsize": "small"}


def plot_task(pulses: np.ndarray, signs: Curves, outputs: Curves) -> Figure:
    """Plot pulses and, by task, target signs and network outputs, all (steps, channels)."""
    channels = pulses.shape[1]
    figure, axes = make_axes(channels, len(signs), 7.8, 1.0 + 1.15 * channels)
    steps = np.arange(len(pulses))
    for column, (name, due) in zip(axes.T, signs.items()):
        for channel, place in enumerate(column):
            place.fill_between(steps, 0, due[:, channel], step="mid", color="#DDDDDD", linewidth=0)
            place.vlines(steps, 0, pulses[:, channel], color=QUALITATIVE[1], linewidth=1.5)
            place.plot(steps, outputs[name][:, channel], **style_line(0, linewidth=1.3))
            place.set(ylim=(-1.25, 1.25), yticks=(-1, 0, 1))
        column[0].set_title(name)
        column[-1].set_xlabel("step")
    for channel, place in enumerate(axes[:, 0]):
        place.set_ylabel(f"channel {channel + 1}")
    return figure


def plot_cubes(panels: Mapping[str, tuple[Curves, Curves]]) -> Figure:
    """Plot by title clouds of states, by output state, and paths (n, 3), in three principal components."""
    figure, row = make_row(panels, 3.9, 3.9)
    for place, (clouds, paths) in row:
        draw_clouds(place, clouds, paths, names=("PC1", "PC2", "PC3"))
    return figure


def plot_resting(swings: Curves, names: Sequence, orbit: np.ndarray, outputs: np.ndarray, axis_names: tuple) -> Figure:
    """Plot by network the largest range of a neuron at each output state of ``names``, and one such oscillation: its two
    leading components (steps, 2), and the outputs (steps, channels) during it."""
    figure, ((left, middle, right),) = make_axes(1, 3, 8.2, 2.9)
    width = 0.8 / len(swings)
    for index, (name, values) in enumerate(swings.items()):
        place = np.arange(len(names)) + (index - (len(swings) - 1) / 2) * width
        left.bar(place, values, width, color=QUALITATIVE[index], label=name)
    # Signs are stacked upright, because a minus rotated by 90 degrees looks like a bar.
    left.set_xticks(range(len(names)), ["\n".join(name) for name in names], family="monospace", linespacing=0.8)
    label_axes(left, "output state", "largest range of a neuron", "without input", _SMALL)
    middle.plot(*orbit.T, **style_line(1, linestyle="-", linewidth=0.6, marker=".", markersize=3))
    label_axes(middle, *axis_names, "largest oscillation", aspect="equal")
    _draw_outputs(right, np.arange(len(outputs))[:60], outputs[:60])
    label_axes(right, "step", "output", "outputs meanwhile", _SMALL | {"loc": "center right"}, ylim=(-1.3, 1.3))
    return figure


def plot_points(panels: Mapping[str, tuple], counts: Mapping[str, Sequence[Sequence[int]]]) -> Figure:
    """Plot by title slow points (positions (points, 2), unstable directions (points,), whether fixed) and ``counts`` by seed."""
    figure, (above, below) = make_axes(2, len(panels), 7.8, 6.0)
    for upper, lower, (title, (places, unstable, fixed)) in zip(above, below, panels.items()):
        for number in range(5):
            chosen = places[fixed & (np.minimum(unstable, 4) == number)]
            if len(chosen):
                upper.plot(*chosen.T, **style_marks(number, f"{number} unstable" if number < 4 else "more"))
        if (~fixed).any():
            upper.plot(*places[~fixed].T, "x", color="#888888", linestyle="none", label="slow, not fixed")
        _name_groups(upper, places[unstable > 3], unstable[unstable > 3])
        label_axes(upper, "PC1", "PC2", title)
        upper.margins(0.15)
        upper.legend(**_SMALL, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3)
        _draw_counts(lower, counts[title])
    return figure


def _draw_outputs(axes: Axes, steps: np.ndarray, outputs: np.ndarray) -> None:
    draw_curves(axes, steps, {f"output {channel + 1}": output for channel, output in enumerate(outputs.T)})


def _draw_counts(axes: Axes, rows: Sequence[Sequence[int]]) -> None:
    """Draw the number of points per seed by number of unstable directions, one count per cell; zero is left white."""
    label_axes(axes, "unstable directions", "seed", "fixed points")
    axes.tick_params(length=0)
    if not rows:
        return
    table = np.array(list(zip_longest(*rows, fillvalue=0)), dtype=int).T
    longest, most = table.shape[1], max(1, table.max())
    colours = get_colours("sequential").reversed().with_extremes(under=PAPER)
    plot_magnitudes(axes, table, 0.5, 1.3 * most, cmap=colours)
    write_cells(axes, np.where(table > 0, table.astype(str), ""), table > 0.6 * most, fontsize="small")
    axes.set_yticks(range(len(rows)))
    axes.set_xticks(range(0, longest, max(1, longest // 6)))


def _name_groups(axes: Axes, places: np.ndarray, numbers: np.ndarray) -> None:
    """Write numbers beside points; points close together share one label, such as 14-16."""
    left = list(range(len(places)))
    while left:
        near = 0.12 * np.ptp(places, axis=0).max()
        group = [index for index in left if np.linalg.norm(places[index] - places[left[0]]) <= near]
        low, high = numbers[group].min(), numbers[group].max()
        text = str(low) if low == high else f"{low}\u2013{high}"
        axes.annotate(text, places[group].max(0), fontsize="small", xytext=(4, 3), textcoords="offset points")
        left = [index for index in left if index not in group]


def plot_flip_flop_spectra(spectra: Mapping[str, Sequence[np.ndarray]]) -> Figure:
    """Plot by title the eigenvalues (n,) of W of several networks; those inside the unit circle are faint."""
    figure, row = make_row(spectra, 7.6 / len(spectra), 3.6)
    for place, networks in row:
        draw_unit_circle(place)
        for index, values in enumerate(networks):
            outside = np.abs(values) > 1
            draw_eigenvalues(place, values[outside], **style_marks(index, f"seed {index}", markersize=4))
            draw_eigenvalues(place, values[~outside], marker=".", color=FAINT, markersize=2, zorder=0)
    share_legend(figure)
    return figure


def plot_switch(components: Curves, outputs: np.ndarray, lead: int, delay: int) -> Figure:
    """Plot the mean time course of a switch from ``lead`` steps before the pulse: outputs (steps, channels) and, by title,
    the leading components (steps, n) of a network and of a plain delay line."""
    figure, row = make_row({"outputs": None} | components, 8.4 / (1 + len(components)), 3.9, label="mean output")
    steps = np.arange(len(outputs)) - lead
    _draw_outputs(row[0][0], steps, outputs)
    label_axes(row[0][0], legend=_SMALL | {"loc": "center left"})
    for place, values in row[1:]:
        leading = values[:, :7].T
        for number, component in enumerate(leading):
            curve = 0.42 * component / (np.abs(component).max() or 1.0) - number
            place.plot(steps, curve, **style_line(number, linestyle="-", linewidth=1.2))
            place.axhline(-number, color="#DDDDDD", linewidth=0.6, zorder=0)
        place.set_yticks(-np.arange(len(leading)), [f"PC{number + 1}" for number in range(len(leading))])
    for place in figure.axes:
        draw_guide(place, x=0, linestyle="-", linewidth=0.8)
        draw_guide(place, x=delay, linewidth=0.8)
        place.set_xlabel("steps after the pulse")
    return figure


def plot_delays(rows: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """Plot accuracies off transitions and during the delay against delays (n,), by series, and the claimed levels."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.3)
    for index, (name, (delays, settled, waiting)) in enumerate(rows.items()):
        style = style_marks(index, name, fillstyle="none" if index else "full")
        left.plot(delays, settled, **style)
        right.plot(delays, waiting, **style)
    words, legend = ("sign accuracy", "off transitions"), _SMALL | {"loc": "lower left"}
    label_axes(left, "delay (steps)", *words, legend, guide=0.99, ylim=(0.4, 1.03))
    label_axes(right, "delay (steps)", "", "during the delay", guide=0.95, ylim=(0.4, 1.03))
    return figure


def plot_delay_line(panels: Curves) -> Figure:
    """Plot fractions by channel and position of a delay line (channels, positions), by title."""
    figure, places = make_panels(len(panels), 2, 3.7, 2.0)
    for place, (title, values) in zip(places, panels.items()):
        image = plot_magnitudes(place, values, high=1)
        # Cells are narrow, so a fraction that rounds to 1.00 is written as 1.
        texts = [["1" if value > 0.995 else f"{value:.2f}".lstrip("0") for value in line] for line in values]
        write_cells(place, np.where(np.isfinite(values), texts, ""), values < 0.6, fontsize="small")
        label_axes(place, "position (steps ago)", "channel", title, xticks=range(values.shape[1]))
        number_ticks(place, len(values), "y")
    figure.colorbar(image, ax=figure.axes, location="bottom", shrink=0.45, aspect=30, label="fraction")
    return figure
