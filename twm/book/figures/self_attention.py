"""Figures of the notebook 03_self_attention."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, ScalarFormatter

from twm.book.figures.animation import Animation, Panel
from twm.book.figures.style import DASHES, INK, MARKERS, QUALITATIVE, make_axes
from twm.errors import require
from twm.training.attention import RatioSummary

_FAINT = "#BBBBBB"
# Differences that are exactly zero have no logarithm; they are drawn on the axis's lower end.
_FLOOR = 1e-17


def plot_two_columns(
    sharpness: np.ndarray, predicted: np.ndarray, measured: np.ndarray, columns: tuple[float, float]
) -> Figure:
    """Plot what two scalar columns make, against the strength of the score.

    Args:
        sharpness: (n,) the product W_K W_Q.
        predicted: (n,) closed form.
        measured: (n,) the boundary's answer.
        columns: the older and the newer column.
    """
    figure, axes = make_axes(1, 1, width=5.8, height=3.2)
    place = axes[0, 0]
    for level, name in ((columns[0], "older column"), (columns[1], "newest column"), (sum(columns) / 2, "mean")):
        place.axhline(level, color=_FAINT, linewidth=1, linestyle="-")
        place.text(sharpness[-1], level, f" {name}", va="center", fontsize="small")
    place.plot(sharpness, predicted, color=QUALITATIVE[0], linestyle="-", label="closed form")
    every = max(1, len(sharpness) // 25)
    place.plot(
        sharpness[::every],
        measured[::every],
        color=QUALITATIVE[1],
        linestyle="none",
        marker="o",
        markersize=4,
        label="boundary",
    )
    place.set(xlabel="strength of the score, $W_K W_Q$", ylabel="next column", xlim=(sharpness[0], sharpness[-1]))
    place.legend(loc="lower right")
    return figure


def plot_decoder_errors(errors: Mapping[str, np.ndarray], lengths: np.ndarray, tolerance: float) -> Figure:
    """Plot how far decoding loops stray from the wave, and that the wave stays alive.

    Args:
        errors: by name, largest relative difference at each step (steps,).
        lengths: (steps, runs) length of the newest column.
        tolerance: the difference allowed.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.3)
    left, right = axes[0]
    for index, (name, error) in enumerate(errors.items()):
        left.semilogy(
            np.arange(1, len(error) + 1), np.maximum(error, _FLOOR), color=QUALITATIVE[index], linestyle=DASHES[index],
            linewidth=1.4, label=name,
        )  # fmt: skip
    left.axhline(tolerance, color=INK, linewidth=1, linestyle=":")
    left.text(1, tolerance * 1.4, "allowed", fontsize="small")
    left.set(
        xlabel="step", ylabel="difference / largest component", title="from the wave", ylim=(_FLOOR, 30 * tolerance)
    )
    left.legend(fontsize="small", loc="center right")
    steps = np.arange(1, len(lengths) + 1)
    right.fill_between(
        steps, lengths.min(1), lengths.max(1), color=QUALITATIVE[0], alpha=0.2, linewidth=0, label="least to largest"
    )
    right.plot(steps, np.median(lengths, axis=1), color=QUALITATIVE[0], linestyle="-", label="median")
    for level in (0.1, 10):
        right.axhline(level, color=INK, linewidth=1, linestyle=":")
    right.set(
        yscale="log",
        xlabel="step",
        ylabel="length of the newest column",
        title="the runs neither fade nor grow",
        ylim=(0.06, 16),
    )
    right.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.88))
    return figure


def plot_cache(columns: np.ndarray, slots: np.ndarray) -> Figure:
    """Plot which token lies where: in the columns of the substrate, and in the slots of the cache.

    Args:
        columns: (steps, history) number of the token in each column.
        slots: (steps, history) number of the token in each slot.
    """
    require(
        columns.shape == slots.shape, f"columns and slots must have one shape, not {columns.shape} and {slots.shape}"
    )
    figure, axes = make_axes(1, 2, width=7.4, height=4.0)
    steps, history = columns.shape
    for place, tokens, title, label in (
        (axes[0, 0], columns, "substrate: every content moves", "column (left the oldest)"),
        (axes[0, 1], slots, "cache: one slot is written", "slot"),
    ):
        # A pale range of the map, on which dark numbers and frames can be read everywhere.
        place.imshow(tokens, cmap="cividis", aspect="auto", vmin=2 * columns.min() - columns.max(), vmax=columns.max())
        written = np.vstack([np.zeros(history, bool), tokens[1:] != tokens[:-1]])
        for row in range(steps):
            for column in range(history):
                weight = "bold" if written[row, column] else "normal"
                place.text(
                    column,
                    row,
                    str(tokens[row, column]),
                    ha="center",
                    va="center",
                    color="black",
                    fontsize="small",
                    fontweight=weight,
                )
                if written[row, column]:
                    place.plot(
                        column,
                        row,
                        marker="s",
                        markersize=15,
                        markerfacecolor="none",
                        markeredgecolor="black",
                        markeredgewidth=1,
                    )
        place.set(xlabel=label, ylabel="step", title=title)
        place.set_xticks(range(history), [str(column + 1) for column in range(history)])
    return figure


def plot_order(plain: np.ndarray, labelled: np.ndarray, target: tuple[float, float]) -> Figure:
    """Plot the answers to a history and to the same history with two columns swapped.

    Args:
        plain: (n, 2) answers of boundaries without positions.
        labelled: (n, 2) answers of boundaries with positions.
        target: what repeat copy answers to the two.
    """
    figure, axes = make_axes(1, 1, width=4.6, height=4.2)
    place = axes[0, 0]
    reach = 1.1 * max(np.abs(plain).max(), np.abs(labelled).max(), *np.abs(target))
    place.plot([-reach, reach], [-reach, reach], color=_FAINT, linestyle="-", linewidth=1, zorder=0)
    for index, (name, answers) in enumerate((("with positions", labelled), ("without positions", plain))):
        place.plot(
            answers[:, 0], answers[:, 1], linestyle="none", marker=MARKERS[1 - index], color=QUALITATIVE[1 - index],
            markersize=4, alpha=0.75, label=name,
        )  # fmt: skip
    place.plot(*target, linestyle="none", marker="*", markersize=16, color=QUALITATIVE[3], label="repeat copy")
    place.set(
        xlabel="answer to the history", ylabel="answer with the two older columns swapped", aspect="equal",
        xlim=(-reach, reach), ylim=(-reach, reach),
    )  # fmt: skip
    figure.legend(loc="outside upper center", ncols=3, fontsize="small", handletextpad=0.3, columnspacing=1.2)
    return figure


def plot_positional_error(
    errors: Mapping[float, np.ndarray],
    bounds: Mapping[float, np.ndarray],
    accuracy: Mapping[str, np.ndarray],
    margins: np.ndarray,
) -> Figure:
    """Plot how exactly positions realise linear tasks.

    Args:
        errors: by margin, largest difference from the task at each step (steps,).
        bounds: by margin, the bound on it (steps,).
        accuracy: by task, sign accuracy at the last step for each of ``margins`` (n,).
        margins: (n,).
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.4)
    left, right = axes[0]
    for index, (margin, error) in enumerate(errors.items()):
        steps = np.arange(1, len(error) + 1)
        left.semilogy(
            steps, np.maximum(error, _FLOOR), color=QUALITATIVE[index], linestyle="-", label=f"margin {margin:g}"
        )
        left.semilogy(steps, np.maximum(bounds[margin], _FLOOR), color=QUALITATIVE[index], linestyle=":", linewidth=1.2)
    left.set(
        xlabel="step", ylabel="largest error of a component", title="repeat copy, T1 (dotted: bound)", ylim=(_FLOOR, 30)
    )
    left.legend(fontsize="small", ncols=2, loc="center right", bbox_to_anchor=(1, 0.37))
    for index, (name, share) in enumerate(accuracy.items()):
        right.plot(
            margins,
            share,
            color=QUALITATIVE[index],
            linestyle=DASHES[index],
            marker=MARKERS[index],
            markersize=4,
            label=name,
        )
    right.axhline(0.5, color=_FAINT, linewidth=1, linestyle="-")
    right.text(margins[-1], 0.505, "chance", ha="right", va="bottom", fontsize="small")
    right.set(xlabel="margin of the scores", ylabel="share of right signs", title="at the last step", ylim=(0.4, 1.03))
    right.legend(fontsize="small", loc="center right")
    return figure


def plot_paired_training(
    attention: Sequence[float | None], elman: Sequence[float | None], cap: float, ratios: Mapping[str, RatioSummary]
) -> Figure:
    """Plot iterations to a level for paired seeds, and the ratio with its interval in each comparison.

    Args:
        attention: iterations of each seed; ``None`` where the level was never reached.
        elman: the same, in the same order.
        cap: iterations after which a run was given up.
        ratios: by comparison, its summary; ratios may be infinite.
    """
    require(len(attention) == len(elman), f"paired runs are needed, not {len(attention)} and {len(elman)}")
    figure, axes = make_axes(1, 2, width=7.8, height=3.6)
    left, right = axes[0]
    figure.get_layout_engine().set(wspace=0.08)
    for pair in zip(elman, attention):
        shown = [cap if value is None else value for value in pair]
        left.plot([0, 1], shown, color=_FAINT, linewidth=1, linestyle="-", zorder=1)
        for spot, value, height in zip((0, 1), pair, shown):
            colour = QUALITATIVE[1 - spot]
            left.plot(
                spot,
                height,
                marker=MARKERS[1 - spot],
                color=colour,
                markerfacecolor="white" if value is None else colour,
                zorder=2,
            )
    left.set(yscale="log", ylabel="iterations to 99%", xlim=(-0.35, 1.35), title="one line a seed")
    left.set_xticks([0, 1], ["Elman", "attention"])
    left.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    left.yaxis.set_major_formatter(ScalarFormatter())
    left.yaxis.set_minor_formatter(NullFormatter())
    if None in (*attention, *elman):
        left.text(0.5, cap, "hollow: not reached", ha="center", va="bottom", fontsize="small")
    largest = max(value for found in ratios.values() for value in (found.ratio, found.high) if np.isfinite(value))
    edge = 1.6 * max(largest, 1.0)
    for row, found in enumerate(reversed(ratios.values())):
        right.plot([found.low, min(found.high, edge)], [row, row], color=QUALITATIVE[0], linestyle="-")
        right.plot(min(found.ratio, edge), row, marker="o", color=QUALITATIVE[0])
    right.axvline(1, color=INK, linestyle=":", linewidth=1)
    right.set_yticks(range(len(ratios)), [f"{name} (n = {found.pairs})" for name, found in reversed(ratios.items())])
    right.tick_params(axis="y", length=0, labelsize="small")
    right.set(
        xscale="log",
        xlabel="iterations, attention / Elman",
        title="median ratio, 95% interval",
        ylim=(-0.6, len(ratios) - 0.4),
    )
    right.set_xlim(right=edge)
    low_end, high_end = right.get_xlim()
    right.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high_end < 20 * low_end else (1.0,)))
    right.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    right.xaxis.set_minor_formatter(NullFormatter())
    return figure


def make_attention_animation(wave: np.ndarray, weights: np.ndarray) -> Animation:
    """Show a wave crossing the substrate with the attention that each head pays to its columns.

    Args:
        wave: (steps, history, dim) substrate at each step, column 0 the oldest.
        weights: (steps, heads, history) attention by which the next column is made.
    """
    steps, history, dim = wave.shape
    heads = weights.shape[1]
    columns = [str(column + 1) for column in range(history)]
    captions = []
    for step in range(steps):
        looks = ", ".join(
            f"head {head + 1} mostly at column {weights[step, head].argmax() + 1} ({weights[step, head].max():.0%})"
            for head in range(heads)
        )
        captions.append(f"Step {step}: {looks}.")
    return Animation(
        [
            Panel("substrate: contents move left", wave.swapaxes(1, 2), "dimension", f"column ({history} the newest)", col_names=columns),
            Panel(
                "attention paid", weights, "head", f"column ({history} the newest)", vmin=0.0, vmax=1.0, colours="sequential",
                col_names=columns,
            ),
        ],
        captions,
        "Attention on a travelling wave",
        f"A wave of {dim} dimensions crosses {history} columns from right to left. Beside it, bright cells show the columns that each of "
        f"{heads} heads attends to; they drift left with the contents and jump when a new column suits the query better.",
        frames_per_second=3,
    )  # fmt: skip
