"""Figures of the notebook 02_construction."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from twm.book.figures.animation import Animation, Panel
from twm.book.figures.style import (
    FLOOR, INK, QUALITATIVE, Curves, draw_curves, draw_eigenvalues, draw_guide, draw_unit_circle, label_axes, make_axes,
    make_panels, make_row, mark_signs, number_cells, number_ticks, plot_magnitudes, plot_matrix, share_legend,
    style_line, style_marks, write_cells, write_counts,
)  # fmt: skip
from twm.errors import require

_FAINT = "#D9D9D9"


def plot_fibonacci(substrate: np.ndarray, terms: Curves, constants: Mapping[int, float]) -> Figure:
    """Plot Fibonacci numbers in the substrate (time, history), and the growth of series (n,), by history, and its prediction."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.3)
    time, history = substrate.shape
    # Colours show logarithms, because the numbers grow by a constant factor. The cells contain the numbers.
    logarithms = np.log1p(substrate.astype(float))
    plot_magnitudes(left, logarithms, -0.3)
    write_cells(left, substrate, logarithms < 0.6 * logarithms.max())
    newest = "column (2 = newest)" if history == 2 else "column"
    label_axes(left, newest, "step", "substrate (s = 2, d = 1)", yticks=range(0, time, 2))
    number_ticks(left, history)
    for index, (number, series) in enumerate(terms.items()):
        numbers = np.array(series[number:], dtype=float)
        draw_guide(right, constants[number], color=QUALITATIVE[index], linestyle="--")
        style = style_marks(index, f"s = {number}", linestyle="-", markersize=4)
        right.plot(np.arange(1, len(numbers)), numbers[1:] / numbers[:-1], **style)
    words = ("step after the initial states", "ratio of consecutive terms", "growth (dashed: leading eigenvalue)")
    label_axes(right, *words, {"loc": "lower right", "ncols": 2, "fontsize": "medium"})
    return figure


def plot_duals(basis: np.ndarray, dual_basis: np.ndarray, leaks: Curves, radius: float) -> Figure:
    """Plot a basis (2, 2 columns), its dual (2, 2 rows), and by dual the errors (steps,) after a disturbance outside the wave."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.4)
    vectors = np.stack([*basis.T, *dual_basis])
    arrow = {"arrowstyle": "-|>", "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
    for index, (vector, name) in enumerate(zip(vectors, ("$\\psi_1$", "$\\psi_2$", "$\\psi^1$", "$\\psi^2$"))):
        look = {"color": QUALITATIVE[index % 2], "linestyle": "-" if index < 2 else "--"}
        left.annotate("", xy=vector, xytext=(0, 0), arrowprops=arrow | look)
        beyond = vector + 0.16 * vector / np.linalg.norm(vector)
        left.text(*beyond, name, color=look["color"], ha="center", va="center", fontsize=12)
    for axis in ({"y": 0}, {"x": 0}):
        draw_guide(left, **axis, color=_FAINT, linestyle="-", linewidth=0.8, zorder=0)
    span = (min(0.0, vectors.min()) - 0.3, 1.25 * np.abs(vectors).max())
    words = ("neuron 1", "neuron 2", "basis (solid), dual rows (dashed)")
    label_axes(left, *words, xlim=span, ylim=span, aspect="equal")
    steps = np.arange(len(next(iter(leaks.values()))))
    draw_curves(right, steps, leaks, style_marks, FLOOR, linestyle="-", markevery=4)
    guide = max(leak[0] for leak in leaks.values()) * radius**steps
    right.plot(steps, guide, color=INK, linestyle=":", linewidth=1.2, label=f"{radius:g}$^t$")
    words = ("step after the disturbance", "largest error of decoded values", "disturbance in the decaying modes")
    legend = {"loc": "upper right", "bbox_to_anchor": (1.0, 0.52)}
    label_axes(right, *words, legend, yscale="log", ylim=(FLOOR, 1e2))
    return figure


def plot_errors(errors: Mapping[str, tuple[np.ndarray, np.ndarray]], tolerance: float) -> Figure:
    """Plot relative errors of Eq. 6-7 (n,) against condition number (n,), by kind of basis; ``tolerance`` is for number 1."""
    figure, ((panel,),) = make_axes(1, 1, 4.1, 3.2)
    span = np.quantile(np.concatenate([each for each, _ in errors.values()]), [0, 1])
    style = {"color": INK, "linewidth": 1.2}
    panel.plot(span, tolerance * span, linestyle="--", label=f"tolerance {tolerance:.0e} $\\kappa$", **style)
    panel.plot(span, np.finfo(float).eps * span**2, linestyle=":", label="rounding $\\epsilon\\,\\kappa^2$", **style)
    for index, (name, (condition, error)) in enumerate(errors.items()):
        panel.plot(condition, np.maximum(error, FLOOR), **style_marks(index, name, alpha=0.6))
    log = {"xscale": "log", "yscale": "log", "ylim": (FLOOR, 300 * tolerance * span[1])}
    words = ("condition number $\\kappa$ of basis and dual", "error / largest magnitude")
    label_axes(panel, *words, legend={"loc": "upper left", "ncols": 2}, **log)
    return figure


def plot_task_operators(operators: Curves, coordinates: Mapping[str, Sequence[int]], dim: int) -> Figure:
    """Plot wave operators (size, size) by task, with all but the observable ``coordinates`` in grey."""
    figure, axes = make_axes(2, 2, 7.2, 7.2)
    for panel, (name, operator) in zip(axes.flat, operators.items()):
        size = len(operator)
        plot_matrix(panel, operator, limit=1.0)
        for place in set(range(size)) - set(coordinates[name]):
            panel.add_patch(Rectangle((place - 0.5, -0.5), 1, size, color=_FAINT, alpha=0.55, linewidth=0))
        mark_signs(panel, operator, 2.6)
        edges, names = np.arange(0, size, dim) - 0.5, [str(number + 1) for number in range(-(-size // dim))]
        panel.set_xticks(edges, names, ha="left")
        panel.set_yticks(edges, names, va="top")
        panel.grid(color=_FAINT, linewidth=0.5)
        title = f"{name}: {len(coordinates[name])} of {size} coordinates observable"
        label_axes(panel, "from column (1 = oldest)", "to column", title, aspect="equal")
        panel.axhline(size - dim - 0.5, color=INK, linewidth=0.8)
    return figure


def plot_constructed_spectra(spectra: Mapping[str, Curves]) -> Figure:
    """Plot by task the eigenvalues of the wave operator (rings) and, inside them, those of networks constructed from it."""
    figure, axes = make_panels(len(spectra), 2, 3.1, 3.1)
    inner = {"color": QUALITATIVE[1], "markersize": 6, "marker": "s"}, {"color": QUALITATIVE[0], "markersize": 3}
    for panel, (name, matrices) in zip(axes, spectra.items()):
        draw_unit_circle(panel, 1.25, title=name, xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        for style, (label, values) in zip(({"markersize": 12}, *inner), matrices.items()):
            draw_eigenvalues(panel, values, label=label, **style)
    share_legend(figure, fontsize="medium")
    return figure


def plot_multiplicities(values: np.ndarray, theory: np.ndarray) -> Figure:
    """Plot computed eigenvalues (size,) of repeat copy, and their number at each root of unity (history,)."""
    figure, ((panel,),) = make_axes(1, 1, 4.4, 4.2)
    draw_unit_circle(panel, 1.4, xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    draw_eigenvalues(panel, theory, markersize=12, label="roots of unity")
    draw_eigenvalues(panel, values, marker=".", markersize=6, color=QUALITATIVE[1], label="computed")
    nearest = np.abs(values[:, None] - theory[None, :]).argmin(axis=1)
    write_counts(panel, theory, np.bincount(nearest, minlength=len(theory)))
    panel.legend(loc="center")
    return figure


def plot_gains(steps: np.ndarray, amplitudes: Curves, saturating: Curves, fixed: Mapping[float, float]) -> Figure:
    """Plot relative amplitudes (n,) of a cycling stored value by gain: linear, and with tanh beside its predicted limit."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.4)
    for place, curves in ((left, amplitudes), (right, saturating)):
        named, every = {f"gain {gain:g}": curve for gain, curve in curves.items()}, max(1, len(steps) // 14)
        draw_curves(place, steps, named, style_marks, markevery=every)
    for index, gain in enumerate(amplitudes):
        left.plot(steps, gain ** steps.astype(float), **style_line(index, linestyle="-", linewidth=1.2))
    for index, gain in enumerate(saturating):
        if fixed[gain]:
            right.plot(steps, 0 * steps + fixed[gain], **style_line(index, linestyle="--", linewidth=1.2))
    # Room above the steepest curve for the legend.
    log = {"yscale": "log", "ylim": (None, 1e4 * max(curve.max() for curve in amplitudes.values()))}
    words = ("step", "amplitude / initial amplitude")
    label_axes(left, *words, "linear (lines: gain$^t$)", {"loc": "upper left", "ncols": 2}, **log)
    label_axes(right, *words, "tanh (dashed: $a = \\tanh(g a)$)", "upper right", ylim=(0, 1.15))
    return figure


def plot_input_phase(substrates: Curves, errors: Curves) -> Figure:
    """Plot substrates (history, dim) after differently filled input phases, and the fraction of wrong signs (steps,)."""
    figure, panels = make_row(substrates | {"output phase": None}, 1.85, 3.0, 0.8, "dimension")
    limit = max(np.abs(substrate).max() for substrate in substrates.values())
    *pictures, (last, _) = panels
    for panel, substrate in pictures:
        image = plot_matrix(panel, substrate.T, limit, "", "column")
        number_cells(panel, *substrate.shape, every=2)
        panel.set(aspect="equal")
    figure.colorbar(image, ax=figure.axes[:-1], orientation="horizontal", shrink=0.5, label="stored value")
    draw_curves(last, None, errors)
    legend = {"loc": "upper center", "ncols": 2}
    label_axes(last, "step of the output phase", "fraction of wrong signs", "", legend, ylim=(-0.03, 0.8))
    return figure


def plot_zeros(values: Curves, blocks: np.ndarray, radii: np.ndarray, guide: np.ndarray) -> Figure:
    """Plot computed eigenvalues (size,) of shifts, which are exactly zero in theory, and the largest (n,) against the size
    of the Jordan blocks (n,), beside the size predicted from rounding, ``guide`` (n,)."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.5)
    for index, (name, cloud) in enumerate(values.items()):
        draw_eigenvalues(left, cloud, **style_marks(index, name, fillstyle="none" if index else "full"))
    reach = 1.5 * max(np.abs(cloud).max() for cloud in values.values())
    span = {"xlim": (-reach, reach), "ylim": (-reach, 1.4 * reach), "aspect": "equal"}
    legend, title = {"loc": "upper center", "ncols": 2}, "eigenvalues (exact value: 0)"
    label_axes(left, "real part", "imaginary part", title, legend, **span)
    right.plot(blocks, radii, **style_marks(0, "largest computed"))
    right.plot(blocks, guide, linestyle="--", color=INK, linewidth=1.2, label="$(\\kappa\\,\\epsilon)^{1/s}$")
    words = ("history s = size of the Jordan blocks", "magnitude", "error by size of the Jordan block")
    label_axes(right, *words, {"loc": "lower right", "fontsize": "medium"}, yscale="log")
    return figure


def animate_hidden_shift(states: np.ndarray, waves: np.ndarray, captions: Sequence[str], rows: int) -> Animation:
    """Animate hidden states (steps, hidden), laid out in ``rows``, beside their waves (steps, history, dim)."""
    steps, hidden = states.shape
    require(hidden % rows == 0, f"{hidden} neurons do not fill {rows} rows")
    neurons = states.reshape(steps, rows, hidden // rows)
    left = Panel(f"{hidden} hidden neurons", neurons, "row of neurons", "neuron within row")
    # The colour range exceeds the stored values of +-1, because the darkest colours would hide the grid.
    contents, label = waves.swapaxes(1, 2), "column (1 = oldest)"
    right = Panel("the same state in wave coordinates", contents, "dimension", label, vmin=-1.5, vmax=1.5)
    alt = (
        "Two heatmaps that change together. On the left, the activity of all hidden neurons, without visible order. "
        "On the right, the same activity in wave coordinates: a text enters at the right-hand column, moves left by one "
        "column per step, and returns at the right."
    )
    return Animation([left, right], list(captions), "The shift in a hidden basis", alt, autoplay=True)
