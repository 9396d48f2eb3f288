"""Figures of the notebook 03_self_attention."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from twm.book.figures.animation import Animation, Panel
from twm.book.figures.style import (
    FLOOR, QUALITATIVE, THIN, Curves, draw_curves, draw_guide, label_axes, make_axes, name_rows, number_log_axis,
    number_ticks, plot_magnitudes, share_legend, style_both, style_line, style_marks, write_cells,
)  # fmt: skip
from twm.errors import require
from twm.training.attention import RatioSummary


def plot_two_columns(sharpness: np.ndarray, predicted: np.ndarray, measured: np.ndarray, columns: tuple) -> Figure:
    """Plot the column after two scalar ``columns``, older first, against score strength (n,): closed form and boundary."""
    figure, ((place,),) = make_axes(1, 1, 4.1, 3.0)
    for level, name in ((columns[0], "older column"), (columns[1], "newest column"), (sum(columns) / 2, "mean")):
        place.axhline(level, **THIN)
        place.text(sharpness[-1], level, f" {name}", va="center", fontsize="small")
    place.plot(sharpness, predicted, **style_line(0, "closed form"))
    every = slice(None, None, max(1, len(sharpness) // 25))
    place.plot(sharpness[every], measured[every], **style_marks(1, "boundary", marker="o", markersize=4))
    label_axes(place, "score strength, $W_K W_Q$", "next column", xlim=sharpness[[0, -1]])
    place.legend(loc="lower right")
    return figure


def plot_decoder_errors(errors: Curves, lengths: np.ndarray, tolerance: float) -> Figure:
    """Plot the difference of decoding loops from the wave (steps,), and the newest column's norm (steps, runs)."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.3)
    draw_curves(left, None, errors, floor=FLOOR, linewidth=1.4)
    left.text(1, tolerance * 1.4, "tolerance", fontsize="small")
    log = {"yscale": "log", "ylim": (FLOOR, 30 * tolerance)}
    label_axes(left, "step", "difference / largest component", "difference from the wave", "center right", tolerance, **log)
    steps, band = np.arange(1, len(lengths) + 1), {"alpha": 0.2, "linewidth": 0, "label": "range over runs"}
    right.fill_between(steps, lengths.min(1), lengths.max(1), color=QUALITATIVE[0], **band)
    right.plot(steps, np.median(lengths, axis=1), **style_line(0, "median"))
    draw_guide(right, 0.1)
    words = ("step", "norm of the newest column", "norm stays within bounds")
    legend = {"loc": "upper right", "bbox_to_anchor": (1, 0.88)}
    label_axes(right, *words, legend, guide=10, yscale="log", ylim=(0.06, 16))
    return figure


def plot_cache(columns: np.ndarray, slots: np.ndarray) -> Figure:
    """Plot the token (steps, history) in each column of the substrate, and in each slot of the cache."""
    fits = columns.shape == slots.shape
    require(fits, f"columns and slots must have one shape, not {columns.shape} and {slots.shape}")
    figure, ((left, right),) = make_axes(1, 2, 7.4, 4.0)
    frame = {"markersize": 15, "markerfacecolor": "none", "markeredgecolor": "black", "markeredgewidth": 1}
    label_axes(left, "column (left = oldest)", "step", "substrate: every token moves")
    label_axes(right, "slot", "step", "cache: one slot is overwritten")
    for place, tokens in ((left, columns), (right, slots)):
        # Use the pale half of the colour map, on which dark numbers and frames are legible.
        plot_magnitudes(place, tokens, 2 * columns.min() - columns.max(), columns.max())
        written = np.diff(tokens, axis=0, prepend=tokens[:1]) != 0
        for new, weight in ((True, "bold"), (False, "normal")):
            texts = np.where(written == new, tokens.astype(str), "")
            write_cells(place, texts, color="black", fontsize="small", fontweight=weight)
        place.plot(*np.nonzero(written)[::-1], marker="s", linestyle="none", **frame)
        number_ticks(place, columns.shape[1])
    return figure


def plot_order(plain: np.ndarray, labelled: np.ndarray, target: tuple[float, float]) -> Figure:
    """Plot outputs (n, 2) before and after swapping two columns, without and with positional encodings, and for repeat copy."""
    figure, ((place,),) = make_axes(1, 1, 4.6, 4.2)
    reach = 1.1 * max(np.abs(plain).max(), np.abs(labelled).max(), *np.abs(target))
    place.plot([-reach, reach], [-reach, reach], zorder=0, **THIN)
    place.plot(*labelled.T, **style_marks(1, "with positional encodings", markersize=4, alpha=0.75))
    place.plot(*plain.T, **style_marks(0, "without", markersize=4, alpha=0.75))
    place.plot(*target, **style_marks(3, "repeat copy", marker="*", markersize=16))
    span = {"aspect": "equal", "xlim": (-reach, reach), "ylim": (-reach, reach)}
    label_axes(place, "output for the history", "output with older columns swapped", **span)
    share_legend(figure, "outside upper center", handletextpad=0.3, columnspacing=1.2)
    return figure


def plot_positional_error(errors: Curves, bounds: Curves, accuracy: Curves, margins: np.ndarray) -> Figure:
    """Plot errors and bounds (steps,) with positional encodings by margin, and final sign accuracy (n,) by task."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.4)
    named = {f"margin {margin:g}": error for margin, error in errors.items()}
    draw_curves(left, None, named, floor=FLOOR, linestyle="-")
    draw_curves(left, None, bounds, floor=FLOOR, linestyle=":", linewidth=1.2, label=None)
    legend = {"ncols": 2, "loc": "center right", "bbox_to_anchor": (1, 0.37)}
    words = ("step", "largest error of a component", "repeat copy, T1 (dotted: bound)")
    label_axes(left, *words, legend, yscale="log", ylim=(FLOOR, 30))
    draw_curves(right, margins, accuracy, style_both)
    right.axhline(0.5, **THIN)
    right.text(margins[-1], 0.505, "chance", ha="right", va="bottom", fontsize="small")
    words = ("score margin", "sign accuracy", "after the last step")
    label_axes(right, *words, "center right", ylim=(0.4, 1.03))
    return figure


def plot_paired_training(attention: Sequence, elman: Sequence, cap: float, ratios: dict[str, RatioSummary]) -> Figure:
    """Plot iterations to 99% for paired seeds (``None``, if never reached, is drawn hollow at ``cap``) and the median
    ratio, which may be infinite, with its interval for each comparison."""
    require(len(attention) == len(elman), f"paired runs are needed, not {len(attention)} and {len(elman)}")
    figure, ((left, right),) = make_axes(1, 2, 7.8, 3.6)
    figure.get_layout_engine().set(wspace=0.08)
    for pair in zip(elman, attention):
        left.plot([0, 1], [cap if value is None else value for value in pair], zorder=1, **THIN)
        for spot, value in enumerate(pair):
            face = "white" if value is None else QUALITATIVE[1 - spot]
            left.plot(spot, cap if value is None else value, **style_marks(1 - spot, markerfacecolor=face, zorder=2))
    label_axes(left, "", "iterations to 99%", "one line per seed", yscale="log", xlim=(-0.35, 1.35))
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
    name_rows(right, [f"{name} (n = {found.pairs})" for name, found in reversed(ratios.items())])
    right.tick_params(axis="y", labelsize="small")
    label_axes(right, "iterations, attention / Elman", "", "median ratio, 95% interval", xscale="log")
    right.set_xlim(right=edge)
    low, high = right.get_xlim()
    number_log_axis(right.xaxis, (1.0, 2.0, 5.0) if high < 20 * low else (1.0,))
    return figure


def make_attention_animation(wave: np.ndarray, weights: np.ndarray) -> Animation:
    """Animate a wave (steps, history, dim) beside the attention weights (steps, heads, history) for the next column."""
    _, history, dim = wave.shape
    captions = []
    for step, heads in enumerate(weights):
        looks = (f"mostly at column {share.argmax() + 1} ({share.max():.0%})" for share in heads)
        captions.append(f"Step {step}: {', '.join(f'head {head} {look}' for head, look in enumerate(looks, 1))}.")
    label = f"column ({history} = newest)"
    substrate = Panel("substrate: columns move left", wave.swapaxes(1, 2), "dimension", label)
    attention = Panel("attention weights", weights, "head", label, 0.0, 1.0, "sequential")
    alt = (
        f"A wave of {dim} dimensions crosses {history} columns from right to left. Beside it, bright cells show the "
        f"columns that each of {weights.shape[1]} heads attends to; they drift left with the columns and jump when a new "
        "column matches the query better."
    )
    return Animation([substrate, attention], captions, "Attention on a travelling wave", alt, frames_per_second=3)
