"""Figures of the notebook 03_self_attention."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from twm.book.figures.animation import Animation, Panel
from twm.book.figures.style import (
    FLOOR, INK, MARKERS, QUALITATIVE, THIN, draw_guide, label_axes, make_axes, number_log_axis, number_ticks,
    plot_magnitudes, share_legend, style_line, style_marks, write_cells,
)  # fmt: skip
from twm.errors import require
from twm.training.attention import RatioSummary


def plot_two_columns(
    sharpness: np.ndarray, predicted: np.ndarray, measured: np.ndarray, columns: tuple[float, float]
) -> Figure:
    """Plot what two scalar columns, the older first, make against the strength of the score (n,): closed form, boundary."""
    figure, ((place,),) = make_axes(1, 1, 5.8, 3.2)
    for level, name in ((columns[0], "older column"), (columns[1], "newest column"), (sum(columns) / 2, "mean")):
        place.axhline(level, **THIN)
        place.text(sharpness[-1], level, f" {name}", va="center", fontsize="small")
    place.plot(sharpness, predicted, **style_line(0, "closed form"))
    every = max(1, len(sharpness) // 25)
    place.plot(sharpness[::every], measured[::every], **style_marks(1, "boundary", marker="o", markersize=4))
    label_axes(place, "strength of the score, $W_K W_Q$", "next column", xlim=(sharpness[0], sharpness[-1]))
    place.legend(loc="lower right")
    return figure


def plot_decoder_errors(errors: Mapping[str, np.ndarray], lengths: np.ndarray, tolerance: float) -> Figure:
    """Plot how far decoding loops stray from the wave (steps,), and the newest column's length (steps, runs)."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.3)
    for index, (name, error) in enumerate(errors.items()):
        steps = np.arange(1, len(error) + 1)
        left.semilogy(steps, np.maximum(error, FLOOR), **style_line(index, name, linewidth=1.4))
    draw_guide(left, tolerance)
    left.text(1, tolerance * 1.4, "allowed", fontsize="small")
    label_axes(left, "step", "difference / largest component", "from the wave", ylim=(FLOOR, 30 * tolerance))
    left.legend(fontsize="small", loc="center right")
    steps = np.arange(1, len(lengths) + 1)
    band = {"color": QUALITATIVE[0], "alpha": 0.2, "linewidth": 0, "label": "least to largest"}
    right.fill_between(steps, lengths.min(1), lengths.max(1), **band)
    right.plot(steps, np.median(lengths, axis=1), **style_line(0, "median"))
    draw_guide(right, 0.1)
    draw_guide(right, 10)
    label_axes(right, "step", "length of the newest column", "the runs neither fade nor grow", yscale="log")
    right.set_ylim(0.06, 16)
    right.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.88))
    return figure


def plot_cache(columns: np.ndarray, slots: np.ndarray) -> Figure:
    """Plot which token (steps, history) lies in which column of the substrate, and in which slot of the cache."""
    fits = columns.shape == slots.shape
    require(fits, f"columns and slots must have one shape, not {columns.shape} and {slots.shape}")
    figure, ((left, right),) = make_axes(1, 2, 7.4, 4.0)
    for place, tokens, title, label in (
        (left, columns, "substrate: every content moves", "column (left the oldest)"),
        (right, slots, "cache: one slot is written", "slot"),
    ):
        # A pale range of the map, on which dark numbers and frames can be read everywhere.
        plot_magnitudes(place, tokens, 2 * columns.min() - columns.max(), columns.max())
        written = np.vstack([np.zeros(len(tokens[0]), bool), tokens[1:] != tokens[:-1]])
        for new, weight in ((True, "bold"), (False, "normal")):
            texts = np.where(written == new, tokens.astype(str), "")
            write_cells(place, texts, color="black", fontsize="small", fontweight=weight)
        rows, cells = np.nonzero(written)
        frames = {"markersize": 15, "markerfacecolor": "none", "markeredgecolor": "black", "markeredgewidth": 1}
        place.plot(cells, rows, marker="s", linestyle="none", **frames)
        label_axes(place, label, "step", title)
        number_ticks(place, columns.shape[1])
    return figure


def plot_order(plain: np.ndarray, labelled: np.ndarray, target: tuple[float, float]) -> Figure:
    """Plot answers (n, 2) to a history and with two columns swapped, without and with positions, and repeat copy's."""
    figure, ((place,),) = make_axes(1, 1, 4.6, 4.2)
    reach = 1.1 * max(np.abs(plain).max(), np.abs(labelled).max(), *np.abs(target))
    place.plot([-reach, reach], [-reach, reach], zorder=0, **THIN)
    for index, name, answers in ((1, "with positions", labelled), (0, "without positions", plain)):
        place.plot(*answers.T, **style_marks(index, name, markersize=4, alpha=0.75))
    place.plot(*target, **style_marks(3, "repeat copy", marker="*", markersize=16))
    span = {"aspect": "equal", "xlim": (-reach, reach), "ylim": (-reach, reach)}
    label_axes(place, "answer to the history", "answer with the two older columns swapped", **span)
    share_legend(figure, "outside upper center", handletextpad=0.3, columnspacing=1.2)
    return figure


def plot_positional_error(
    errors: Mapping[float, np.ndarray],
    bounds: Mapping[float, np.ndarray],
    accuracy: Mapping[str, np.ndarray],
    margins: np.ndarray,
) -> Figure:
    """Plot how exactly positions realise linear tasks.

    ``errors`` and ``bounds`` are (steps,) by margin; ``accuracy`` is that of signs at the last step, (n,) for each task.
    """
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.4)
    for index, (margin, error) in enumerate(errors.items()):
        steps, colour = np.arange(1, len(error) + 1), QUALITATIVE[index]
        left.semilogy(steps, np.maximum(error, FLOOR), color=colour, linestyle="-", label=f"margin {margin:g}")
        left.semilogy(steps, np.maximum(bounds[margin], FLOOR), color=colour, linestyle=":", linewidth=1.2)
    label_axes(left, "step", "largest error of a component", "repeat copy, T1 (dotted: bound)", ylim=(FLOOR, 30))
    left.legend(fontsize="small", ncols=2, loc="center right", bbox_to_anchor=(1, 0.37))
    for index, (name, share) in enumerate(accuracy.items()):
        right.plot(margins, share, **style_line(index, name, marker=MARKERS[index], markersize=4))
    right.axhline(0.5, **THIN)
    right.text(margins[-1], 0.505, "chance", ha="right", va="bottom", fontsize="small")
    label_axes(right, "margin of the scores", "share of right signs", "at the last step", ylim=(0.4, 1.03))
    right.legend(fontsize="small", loc="center right")
    return figure


def plot_paired_training(
    attention: Sequence[float | None], elman: Sequence[float | None], cap: float, ratios: Mapping[str, RatioSummary]
) -> Figure:
    """Plot iterations to a level for paired seeds, and the median ratio with its interval in each comparison.

    A run that never reached the level is ``None``, drawn hollow at ``cap``; ratios may be infinite.
    """
    require(len(attention) == len(elman), f"paired runs are needed, not {len(attention)} and {len(elman)}")
    figure, ((left, right),) = make_axes(1, 2, 7.8, 3.6)
    figure.get_layout_engine().set(wspace=0.08)
    for pair in zip(elman, attention):
        shown = [cap if value is None else value for value in pair]
        left.plot([0, 1], shown, zorder=1, **THIN)
        for spot, value in enumerate(pair):
            style = style_marks(1 - spot, zorder=2)
            face = "white" if value is None else style["color"]
            left.plot(spot, shown[spot], markerfacecolor=face, **style)
    label_axes(left, "", "iterations to 99%", "one line a seed", yscale="log", xlim=(-0.35, 1.35))
    left.set_xticks([0, 1], ["Elman", "attention"])
    number_log_axis(left.yaxis)
    if None in (*attention, *elman):
        left.text(0.5, cap, "hollow: not reached", ha="center", va="bottom", fontsize="small")
    largest = max(value for found in ratios.values() for value in (found.ratio, found.high) if np.isfinite(value))
    edge = 1.6 * max(largest, 1.0)
    for row, found in enumerate(reversed(ratios.values())):
        right.plot([found.low, min(found.high, edge)], [row, row], **style_line(0))
        right.plot(min(found.ratio, edge), row, **style_marks(0))
    draw_guide(right, x=1)
    right.set_yticks(range(len(ratios)), [f"{name} (n = {found.pairs})" for name, found in reversed(ratios.items())])
    right.tick_params(axis="y", length=0, labelsize="small")
    title, rows = "median ratio, 95% interval", (-0.6, len(ratios) - 0.4)
    label_axes(right, "iterations, attention / Elman", "", title, xscale="log", ylim=rows)
    right.set_xlim(right=edge)
    low, high = right.get_xlim()
    number_log_axis(right.xaxis, (1.0, 2.0, 5.0) if high < 20 * low else (1.0,))
    return figure


def make_attention_animation(wave: np.ndarray, weights: np.ndarray) -> Animation:
    """Show a wave (steps, history, dim) with the attention (steps, heads, history) by which the next column is made."""
    (steps, history, dim), heads = wave.shape, weights.shape[1]
    captions = []
    for step, shares in enumerate(weights):
        looks = (
            f"head {head + 1} mostly at column {share.argmax() + 1} ({share.max():.0%})"
            for head, share in enumerate(shares)
        )
        captions.append(f"Step {step}: {', '.join(looks)}.")
    label, ranges = f"column ({history} the newest)", {"vmin": 0.0, "vmax": 1.0, "colours": "sequential"}
    panels = [
        Panel("substrate: contents move left", wave.swapaxes(1, 2), "dimension", label),
        Panel("attention paid", weights, "head", label, **ranges),
    ]
    alt = (
        f"A wave of {dim} dimensions crosses {history} columns from right to left. Beside it, bright cells show the "
        f"columns that each of {heads} heads attends to; they drift left with the contents and jump when a new column "
        "suits the query better."
    )
    return Animation(panels, captions, "Attention on a travelling wave", alt, frames_per_second=3)
