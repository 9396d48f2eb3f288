"""Figures and moving pictures of 01_theory: data in, Figure or Animation out."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from twm.book.figures.animation import Animation, LinePanel, Panel
from twm.book.figures.style import DASHES, INK, MARKERS, QUALITATIVE, make_axes, number_ticks, plot_matrix
from twm.errors import require


def plot_recursions(
    fibonacci: Mapping[int, np.ndarray], roots: Mapping[int, float], twins: np.ndarray, changed: np.ndarray
) -> Figure:
    """Draw generalised Fibonacci series with their predicted growth, and one system from three starts.

    Args:
        fibonacci: history to a series (time,), at most three.
        roots: history to the predicted growth a step.
        twins: (2, time) two runs of a system from equal initial states.
        changed: (time,) a run with one initial state changed.

    Raises:
        UserError: if there are more than three series.
    """
    require(len(fibonacci) <= 3, f"at most three series can be told apart, not {len(fibonacci)}")
    figure, axes = make_axes(1, 2, width=7.4, height=3.3)
    left, right = axes[0]
    for index, (history, series) in enumerate(fibonacci.items()):
        time = np.arange(1, len(series) + 1)
        left.semilogy(time, series, MARKERS[index], color=QUALITATIVE[index], label=f"s = {history}")
        line = series[-1] * roots[history] ** (time - time[-1])
        label = f"predicted: × {roots[history]:.4f}"
        left.semilogy(time, line, linestyle=DASHES[1], color=QUALITATIVE[index], linewidth=1.2, label=label)
    left.set(xlabel="i (states)", ylabel="$x_i$", title="A: sum of the last s states")
    left.legend(fontsize=8, loc="upper left")
    time = np.arange(1, twins.shape[1] + 1)
    right.plot(
        time, twins[0], "-o", color=QUALITATIVE[0], linewidth=0.9, markerfacecolor="none", markersize=9, label="run"
    )
    right.plot(time, twins[1], "o", color=QUALITATIVE[0], markersize=3.5, label="run again, same two initial states")
    right.plot(time, changed, "--s", color=QUALITATIVE[1], linewidth=0.9, markersize=4, label="$x_1$ changed")
    right.axvspan(0.5, 2.5, color=INK, alpha=0.08, linewidth=0)
    right.set(xlabel="i (states)", ylabel="$x_i$", title="B: delayed logistic map, s = 2", ylim=(0, 1.32))
    right.legend(fontsize=8, loc="upper right")
    return figure


def plot_courant(
    pulses: Mapping[float, np.ndarray],
    exact: np.ndarray,
    cells: Sequence[int],
    errors: Mapping[float, Sequence[float]],
    predicted: Mapping[float, Sequence[float]],
    distance: int,
) -> Figure:
    """Draw what Euler steps make of a pulse, and how the error falls with the spacing.

    Args:
        pulses: Courant number to the pulse (n,) after it has travelled.
        exact: (n,) the translated pulse.
        cells: numbers of cells of the error study.
        errors: Courant number below 1 to the measured relative error for each number of cells.
        predicted: the same from the modified equation.
        distance: cells that the pulses have travelled.
    """
    figure, axes = make_axes(1, 2, width=7.4, height=3.3)
    left, right = axes[0]
    left.plot(exact, color=INK, linewidth=4, alpha=0.25, linestyle="-", label="exact translation")
    for index, (courant, pulse) in enumerate(pulses.items()):
        left.plot(pulse, color=QUALITATIVE[index], linestyle=DASHES[index], label=f"c = {courant:g}")
    # Only where something is to be seen: the pulse's place and as much room as the widest pulse takes.
    seen = np.flatnonzero(np.max(list(pulses.values()), axis=0) > 1e-3)
    left.set(xlim=(seen[0] - 2, seen[-1] + 2))
    left.set(xlabel="x (cells)", ylabel="activity h", title=f"A: the pulse after {distance} cells")
    left.legend(fontsize=8)
    for index, (courant, values) in enumerate(errors.items()):
        colour = QUALITATIVE[list(pulses).index(courant) if courant in pulses else index]
        right.loglog(cells, values, MARKERS[index], color=colour, label=f"c = {courant:g}: measured")
        right.loglog(cells, predicted[courant], color=colour, linestyle=DASHES[1], linewidth=1.2)
    handles, labels = right.get_legend_handles_labels()
    handles.append(Line2D([], [], color=INK, linestyle=DASHES[1], linewidth=1.2))
    right.legend(handles, [*labels, "predicted, order 1"], fontsize=8)
    right.set(xlabel="cells on the ring", ylabel="largest relative error", title="B: error below c = 1")
    right.set_xticks(list(cells), [str(count) for count in cells])
    right.minorticks_off()
    return figure


def plot_amplification(
    angles: np.ndarray, predicted: Mapping[float, np.ndarray], measured: Mapping[float, np.ndarray], steps: np.ndarray,
    spread: Mapping[float, np.ndarray], spread_predicted: Mapping[float, np.ndarray],
) -> Figure:  # fmt: skip
    """Draw how much one step amplifies each mode, and how a pulse widens.

    Args:
        angles: (modes,) radians a cell.
        predicted: Courant number to |g| (modes,).
        measured: Courant number to the measured factor (modes,).
        steps: (times,) numbers of steps.
        spread: Courant number to the pulse's measured variance (times,), cells squared.
        spread_predicted: the same in closed form.
    """
    figure, axes = make_axes(1, 2, width=7.4, height=3.3)
    left, right = axes[0]
    left.axhline(1, color=INK, linewidth=0.8, linestyle=":")
    for index, courant in enumerate(predicted):
        left.plot(angles, predicted[courant], color=QUALITATIVE[index], linestyle="-", linewidth=1.2)
        left.plot(angles, measured[courant], MARKERS[index], color=QUALITATIVE[index], label=f"c = {courant:g}")
    left.set(xlabel="wave number (radians a cell)", ylabel="factor a step, |g|", title="A: amplification of every mode")
    left.set_xticks([0, np.pi / 2, np.pi], ["0", "π/2", "π"])
    left.legend(fontsize=8, title="points measured, lines predicted", title_fontsize=8)
    for index, courant in enumerate(spread):
        colour = QUALITATIVE[list(predicted).index(courant) if courant in predicted else index]
        right.plot(steps, spread_predicted[courant], color=colour, linestyle="-", linewidth=1.2)
        right.plot(steps, spread[courant], MARKERS[index], color=colour, label=f"c = {courant:g}")
    right.set(xlabel="steps", ylabel="variance of the pulse (cells²)", title="B: widening, n c (1 − c) predicted")
    right.legend(fontsize=8)
    return figure


def plot_disturbance(difference: np.ndarray, column: int, dimension: int) -> Figure:
    """Draw where a disturbance of one cell is, step by step, a panel a dimension.

    Args:
        difference: (steps, history, dim) disturbed minus undisturbed substrate.
        column: the disturbed column, from 0.
        dimension: the disturbed dimension, from 0.
    """
    steps, history, dim = difference.shape
    figure, axes = make_axes(1, dim, width=2.4 * dim, height=3.4)
    limit = float(np.abs(difference).max())
    for part, place in enumerate(axes[0]):
        title = f"dimension {part + 1}" + (" (disturbed)" if part == dimension else "")
        image = plot_matrix(place, difference[..., part], limit, "t (steps)" if part == 0 else "", "column i", title)
        number_ticks(place, [str(number) for number in range(1, history + 1)], "x")
        place.set_yticks(range(0, steps, 4))
    axes[0, dimension].plot([column], [0], "o", color=INK, markerfacecolor="none", markersize=15, clip_on=False)
    figure.colorbar(image, ax=axes[0].tolist(), label="disturbance", shrink=0.8)
    return figure


def plot_theorem(sizes: np.ndarray, errors: Mapping[str, np.ndarray], accepted: float) -> Figure:
    """Draw the systems that were tried, and the error of the lattice and of wrong lattices.

    Args:
        sizes: (systems, 2) history and dim.
        errors: name of the lattice to its relative errors (systems,); exact zeros are drawn at the bottom.
        accepted: largest error that counts as equal.
    """
    figure, (row,) = make_axes(1, 2, width=7.4, height=3.4)
    left, right = row
    counts = np.zeros(sizes.max(axis=0))
    np.add.at(counts, tuple((sizes - 1).T), 1)
    image = left.imshow(counts.T, origin="lower", aspect="auto", vmin=0)
    number_ticks(left, [str(number) for number in range(1, counts.shape[0] + 1)], "x")
    number_ticks(left, [str(number) for number in range(1, counts.shape[1] + 1)], "y")
    left.set(xlabel="history s", ylabel="dim d", title="A: systems tried")
    figure.colorbar(image, ax=left, label="systems", ticks=MaxNLocator(integer=True))
    floor, rng = 1e-18, np.random.default_rng(0)
    for place, (name, values) in enumerate(errors.items()):
        shown = np.maximum(values, floor)
        across = place + rng.uniform(-0.3, 0.3, size=len(shown))
        right.semilogy(across, shown, MARKERS[place], color=QUALITATIVE[place], markersize=2.5, alpha=0.5)
    right.axhline(accepted, color=INK, linestyle="--", linewidth=1)
    right.text(len(errors) - 0.55, accepted * 1.7, "accepted below", ha="right", fontsize="small")
    right.set_yticks([floor, 1e-16, 1e-12, 1e-8, 1e-4, 1], ["0", "10⁻¹⁶", "10⁻¹²", "10⁻⁸", "10⁻⁴", "1"])
    right.minorticks_off()
    right.set_xticks(range(len(errors)), list(errors), fontsize="small")
    right.set(
        xlabel="lattice",
        ylabel="relative difference from Eq. (1)",
        title="B: right and wrong lattices",
        ylim=(floor / 5, 50),
    )
    return figure


def plot_blur(pictures: Mapping[str, np.ndarray], wrong: Mapping[str, Sequence[int]], rounds: Sequence[int]) -> Figure:
    """Draw a remembered picture after several rounds, for waves of different Courant numbers.

    Args:
        pictures: label of a wave to its pictures (rounds, rows, columns).
        wrong: the same label to the number of cells with the wrong sign after each round.
        rounds: how many times the picture has gone round.
    """
    figure, axes = make_axes(len(pictures), len(rounds), width=1.95 * len(rounds), height=0.95 * len(pictures) + 0.3)
    for number, (row, (label, images)) in enumerate(zip(axes, pictures.items(), strict=True)):
        for place, image, count, turns in zip(row, images, wrong[label], rounds, strict=True):
            place.imshow(image, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest", aspect="equal")
            place.set_xticks([])
            place.set_yticks([])
            heading = f"after {turns} round{'s' if turns > 1 else ''}: " if number == 0 else ""
            place.set_title(f"{heading}{count} wrong", fontsize="small")
        row[0].set_ylabel(label, fontsize="small")
    figure.supxlabel("column i (1 to 16), rows: dimension j (1 to 5)", fontsize="small")
    return figure


def animate_lattice(trajectory: np.ndarray, history: int, title: str, alt: str) -> Animation:
    """Show a picture entering the lattice, crossing it, and being written again by the boundary.

    Args:
        trajectory: (steps+1, history, dim) substrate from before the first input.
        history: length of the input phase.
        title: name of the animation.
        alt: what is to be seen, in words.
    """
    steps, columns, dim = trajectory.shape
    outputs = np.zeros((steps, dim, steps - 1))
    for step in range(1, steps):
        # What has been the newest column so far; later columns are still empty.
        outputs[step, :, :step] = trajectory[1 : step + 1, -1].T
    captions = ["t = 0: the substrate is empty"]
    for step in range(1, steps):
        if step <= history:
            captions.append(f"t = {step}: input phase, state {step} of {history} enters at column {columns}")
        else:
            captions.append(
                f"t = {step}: output phase, the boundary writes column {columns} from the state that leaves"
            )
    panels = [
        Panel(
            "Substrate: waves move to the left",
            np.swapaxes(trajectory, 1, 2),
            "dimension j",
            "column i (1 oldest)",
            -1,
            1,
        ),
        Panel("What entered at the newest column", outputs, "j", "time t (steps)", -1, 1),
    ]
    return Animation(panels, captions, title, alt, frames_per_second=4)


def animate_pulse(orbits: Mapping[float, np.ndarray], moved: Sequence[float], title: str, alt: str) -> Animation:
    """Show one pulse on a ring under Euler steps of several Courant numbers, at equal distances travelled.

    Args:
        orbits: Courant number to (frames, cells).
        moved: (frames,) cells that the exact pulse has travelled.
        title: name of the animation.
        alt: what is to be seen, in words.
    """
    lines = np.stack(list(orbits.values()), axis=1)
    names = [f"c = {courant:g}" for courant in orbits]
    panel = LinePanel(
        "One pulse on a ring", np.arange(lines.shape[-1]), lines, names, "x (cells)", "activity h", (-1.0, 2.4)
    )
    captions = [f"the exact pulse has moved {distance:.0f} cells to the left" for distance in moved]
    return Animation([panel], captions, title, alt, frames_per_second=8)
