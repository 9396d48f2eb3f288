"""Figures of the notebook 05_basis_recovery, and of ``twm analyse``."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from twm.analysis import Analysis
from twm.errors import require
from twm.figures.style import INK, MARKERS, QUALITATIVE, make_axes, plot_matrix

_FAINT = "#BBBBBB"


def draw_spectrum(axes: Axes, theory: np.ndarray, network: np.ndarray, others: np.ndarray, threshold: float) -> None:
    """Draw a network's eigenvalues over theory's.

    Args:
        axes: where to draw.
        theory, network, others: complex, as in :class:`twm.spectrum.SpectrumComparison`.
        threshold: radius beyond which an eigenvalue counts.
    """
    axes.add_patch(Circle((0, 0), 1, fill=False, color=_FAINT, linewidth=1))
    axes.add_patch(Circle((0, 0), threshold, fill=False, color=_FAINT, linewidth=1, linestyle=":"))
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
        axes.axhline(edge, color=_FAINT, linewidth=0.6)
        if both:
            axes.axvline(edge, color=_FAINT, linewidth=0.6)
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
