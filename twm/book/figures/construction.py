"""Figures of the notebook 02_construction."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

from twm.book.figures.animation import Animation, Panel
from twm.book.figures.style import DASHES, INK, MARKERS, QUALITATIVE, make_axes, plot_matrix
from twm.errors import require

_FAINT = "#D9D9D9"


def plot_fibonacci(substrate: np.ndarray, terms: Mapping[int, np.ndarray], constants: Mapping[int, float]) -> Figure:
    """Plot Fibonacci numbers crossing the substrate, and the ratio of consecutive terms.

    Args:
        substrate: (time, history) integers, the content of every column at every step, dimension 1.
        terms: by history, the series (n,) of its process.
        constants: by history, the ratio that theory predicts.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.3)
    left, right = axes[0]
    time, history = substrate.shape
    # Logarithms, as the numbers grow by a constant factor; the numbers themselves are written into the cells.
    left.imshow(np.log1p(substrate.astype(float)), cmap="cividis", aspect="auto", vmin=-0.3)
    for row in range(time):
        for column in range(history):
            dark = np.log1p(float(substrate[row, column])) < 0.6 * np.log1p(float(substrate.max()))
            left.text(
                column, row, str(substrate[row, column]), ha="center", va="center", color="white" if dark else INK
            )
    left.set(
        xlabel="column (2 the newest)" if history == 2 else "column", ylabel="step", title="the substrate, s = 2, d = 1"
    )
    left.set_xticks(range(history), [str(column + 1) for column in range(history)])
    left.set_yticks(range(0, time, 2))
    for index, (number, series) in enumerate(terms.items()):
        ratio = np.array([float(after) / float(before) for before, after in zip(series[number:], series[number + 1 :])])
        colour = QUALITATIVE[index]
        right.axhline(constants[number], color=colour, linestyle=DASHES[1], linewidth=1)
        right.plot(
            np.arange(1, len(ratio) + 1),
            ratio,
            color=colour,
            linestyle="-",
            marker=MARKERS[index],
            markersize=4,
            label=f"s = {number}",
        )
    right.set(
        xlabel="step after the initial states", ylabel="term / term before", title="growth (dashed: leading eigenvalue)"
    )
    right.legend(loc="lower right", ncols=2)
    return figure


def plot_duals(basis: np.ndarray, dual_basis: np.ndarray, leaks: Mapping[str, np.ndarray], radius: float) -> Figure:
    """Plot a skew basis of the plane with its dual, and what two duals read of a decaying disturbance.

    Args:
        basis: (2, 2) columns.
        dual_basis: (2, 2) rows.
        leaks: by name of the dual, the largest reading error (steps,) after a disturbance outside the wave.
        radius: spectral radius of the disturbance's dynamics, for the guide line.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.4)
    left, right = axes[0]
    vectors = [
        (basis[:, 0], "$\\psi_1$", 0, "-"), (basis[:, 1], "$\\psi_2$", 1, "-"),
        (dual_basis[0], "$\\psi^1$", 0, "--"), (dual_basis[1], "$\\psi^2$", 1, "--"),
    ]  # fmt: skip
    for vector, name, colour, line in vectors:
        left.annotate(
            "", xy=vector, xytext=(0, 0),
            arrowprops={"arrowstyle": "-|>", "color": QUALITATIVE[colour], "linestyle": line, "linewidth": 2, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
        beyond = vector + 0.16 * vector / np.linalg.norm(vector)
        left.text(*beyond, name, color=QUALITATIVE[colour], ha="center", va="center", fontsize=12)
    reach = 1.25 * max(np.abs(vector).max() for vector, *_ in vectors)
    low = min(0.0, *(vector.min() for vector, *_ in vectors)) - 0.3
    left.set(
        xlim=(low, reach),
        ylim=(low, reach),
        aspect="equal",
        xlabel="neuron 1",
        ylabel="neuron 2",
        title="basis (solid), dual rows (dashed)",
    )
    left.axhline(0, color=_FAINT, linewidth=0.8, zorder=0)
    left.axvline(0, color=_FAINT, linewidth=0.8, zorder=0)
    steps = np.arange(len(next(iter(leaks.values()))))
    for index, (name, leak) in enumerate(leaks.items()):
        # A logarithmic axis cannot show an exact zero.
        right.semilogy(
            steps,
            np.maximum(leak, 1e-17),
            color=QUALITATIVE[index],
            linestyle="-",
            marker=MARKERS[index],
            markevery=4,
            label=name,
        )
    right.semilogy(
        steps,
        max(leak[0] for leak in leaks.values()) * radius**steps,
        color=INK,
        linestyle=":",
        linewidth=1.2,
        label=f"{radius:g}$^t$",
    )
    right.set(
        xlabel="step after the disturbance",
        ylabel="largest error of the content read",
        title="a disturbance outside the wave",
        ylim=(1e-17, 1e2),
    )
    right.legend(loc="upper right", bbox_to_anchor=(1.0, 0.52), fontsize="small")
    return figure


def plot_errors(errors: Mapping[str, tuple[np.ndarray, np.ndarray]], tolerance: float) -> Figure:
    """Plot the error of Eq. 6-7 against the condition number of the basis.

    Args:
        errors: by kind of basis, condition numbers (n,) and relative errors (n,).
        tolerance: error allowed at condition number 1; it grows in proportion. The dotted line is the machine's
            precision times the square of the condition number.
    """
    figure, axes = make_axes(1, 1, width=5.6, height=3.4)
    panel = axes[0, 0]
    conditions = np.concatenate([condition for condition, _ in errors.values()])
    span = np.array([conditions.min(), conditions.max()])
    panel.loglog(
        span, tolerance * span, color=INK, linestyle="--", linewidth=1.2, label=f"tolerance {tolerance:.0e} $\\kappa$"
    )
    panel.loglog(
        span,
        np.finfo(float).eps * span**2,
        color=INK,
        linestyle=":",
        linewidth=1.2,
        label="rounding $\\epsilon\\,\\kappa^2$",
    )
    for index, (name, (condition, error)) in enumerate(errors.items()):
        panel.loglog(
            condition,
            np.maximum(error, 1e-17),
            linestyle="none",
            marker=MARKERS[index],
            color=QUALITATIVE[index],
            alpha=0.6,
            label=name,
        )
    panel.set(
        xlabel="condition number $\\kappa$ of basis and dual",
        ylabel="error / largest magnitude",
        ylim=(1e-17, 300 * tolerance * span[1]),
    )
    panel.legend(loc="upper left", fontsize="small", ncols=2)
    return figure


def plot_task_operators(
    operators: Mapping[str, np.ndarray], coordinates: Mapping[str, Sequence[int]], dim: int
) -> Figure:
    """Plot wave operators, with the coordinates that no output depends on in grey.

    Args:
        operators: by name of the task, Phi (size, size) with entries -1, 0, 1.
        coordinates: by name, the observable coordinates.
        dim: dimension of a state, for the grid of columns.
    """
    figure, axes = make_axes(2, 2, width=7.2, height=7.2)
    for panel, (name, operator) in zip(axes.flat, operators.items()):
        size = len(operator)
        plot_matrix(panel, operator, limit=1.0)
        for place in set(range(size)) - set(coordinates[name]):
            panel.add_patch(Rectangle((place - 0.5, -0.5), 1, size, color=_FAINT, alpha=0.55, linewidth=0))
        # Single entries of one pixel would vanish in print: squares on top of the picture keep their colour and size.
        for sign, colour, marker in ((1, "#B2182B", "s"), (-1, "#2166AC", "D")):
            rows, columns = np.nonzero(operator == sign)
            panel.plot(columns, rows, linestyle="none", marker=marker, markersize=2.6, color=colour)
        edges = np.arange(0, size, dim)
        panel.set_xticks(edges - 0.5, [str(1 + edge // dim) for edge in edges], ha="left")
        panel.set_yticks(edges - 0.5, [str(1 + edge // dim) for edge in edges], va="top")
        panel.grid(color=_FAINT, linewidth=0.5)
        panel.set(title=f"{name}: {len(coordinates[name])} of {size} coordinates needed", aspect="equal")
        panel.set(xlabel="from column (1 the oldest)", ylabel="to column")
        panel.axhline(size - dim - 0.5, color=INK, linewidth=0.8)
    return figure


def plot_constructed_spectra(spectra: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Plot the eigenvalues of wave operators and of networks constructed from them.

    Args:
        spectra: by name of the task, by name of the matrix, its eigenvalues (complex); the first is drawn as rings, the
            others inside.
    """
    rows = -(-len(spectra) // 2)
    figure, axes = make_axes(rows, 2, width=6.2, height=3.1 * rows + 0.4)
    sizes, faces = (12, 6, 3), ("none", QUALITATIVE[1], QUALITATIVE[0])
    for panel, (name, matrices) in zip(axes.flat, spectra.items()):
        panel.add_patch(Circle((0, 0), 1, fill=False, color=_FAINT, linewidth=1))
        for index, (label, values) in enumerate(matrices.items()):
            edge = INK if index == 0 else faces[index]
            panel.plot(
                values.real, values.imag, linestyle="none", marker=MARKERS[0] if index != 1 else MARKERS[1], markersize=sizes[index],
                markerfacecolor=faces[index], markeredgecolor=edge, label=label,
            )  # fmt: skip
        panel.set(
            title=name, aspect="equal", xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), xticks=(-1, 0, 1), yticks=(-1, 0, 1)
        )
        panel.set(xlabel="real part", ylabel="imaginary part")
    for panel in axes.flat[len(spectra) :]:
        panel.remove()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def plot_multiplicities(values: np.ndarray, theory: np.ndarray) -> Figure:
    """Plot the eigenvalues of repeat copy with their multiplicity.

    Args:
        values: computed eigenvalues (size,), complex.
        theory: the distinct roots of unity (history,), complex.
    """
    figure, axes = make_axes(1, 1, width=4.4, height=4.2)
    panel = axes[0, 0]
    panel.add_patch(Circle((0, 0), 1, fill=False, color=_FAINT, linewidth=1))
    panel.plot(
        theory.real,
        theory.imag,
        linestyle="none",
        marker="o",
        markersize=12,
        markerfacecolor="none",
        markeredgecolor=INK,
        label="roots of unity",
    )
    panel.plot(
        values.real, values.imag, linestyle="none", marker=".", markersize=6, color=QUALITATIVE[1], label="computed"
    )
    nearest = np.abs(values[:, None] - theory[None, :]).argmin(axis=1)
    for index, root in enumerate(theory):
        panel.text(1.2 * root.real, 1.2 * root.imag, str(int((nearest == index).sum())), ha="center", va="center")
    panel.set(
        aspect="equal",
        xlim=(-1.4, 1.4),
        ylim=(-1.4, 1.4),
        xlabel="real part",
        ylabel="imaginary part",
        xticks=(-1, 0, 1),
        yticks=(-1, 0, 1),
    )
    panel.legend(loc="center")
    return figure


def plot_gains(
    steps: np.ndarray,
    amplitudes: Mapping[float, np.ndarray],
    saturating: Mapping[float, np.ndarray],
    fixed: Mapping[float, float],
) -> Figure:
    """Plot the amplitude of a cycling content: linear, and with tanh.

    Args:
        steps: (n,) steps at which the amplitudes were measured.
        amplitudes: by gain, amplitude (n,) of the linear cycle relative to the start.
        saturating: by gain, amplitude (n,) of the cycle with tanh.
        fixed: by gain, the amplitude at which the cycle with tanh is predicted to settle; 0 where it dies.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.4)
    axes[0, 0].set_yscale("log")
    for panel, curves in zip(axes[0], (amplitudes, saturating)):
        for index, (gain, curve) in enumerate(curves.items()):
            panel.plot(
                steps,
                curve,
                color=QUALITATIVE[index],
                linestyle="none",
                marker=MARKERS[index],
                markevery=max(1, len(steps) // 14),
                label=f"gain {gain:g}",
            )
            predicted = gain ** steps.astype(float) if curves is amplitudes else np.full(len(steps), fixed[gain])
            if curves is amplitudes or fixed[gain]:
                panel.plot(
                    steps,
                    predicted,
                    color=QUALITATIVE[index],
                    linestyle="-" if curves is amplitudes else "--",
                    linewidth=1.2,
                )
        panel.set(xlabel="step", ylabel="amplitude / amplitude at the start")
    # Room above the steepest curve for the legend.
    top = max(curve.max() for curve in amplitudes.values())
    axes[0, 0].set_ylim(top=1e4 * top)
    axes[0, 0].legend(fontsize="small", loc="upper left", ncols=2)
    axes[0, 1].legend(fontsize="small", loc="upper right")
    axes[0, 0].set_title("linear (lines: gain$^t$)")
    axes[0, 1].set(ylim=(0, 1.15), title="tanh (dashed: $a = \\tanh(g a)$)")
    return figure


def plot_input_phase(substrates: Mapping[str, np.ndarray], errors: Mapping[str, np.ndarray]) -> Figure:
    """Plot the substrate after the input phase, filled in different ways, and the error of the outputs that follow.

    Args:
        substrates: by way of filling, the substrate (history, dim).
        errors: by way of filling, share of wrong signs (steps,) in the output phase.
    """
    count = len(substrates)
    figure, axes = make_axes(1, count + 1, width=2.1 * count + 3.1, height=3.1)
    limit = max(np.abs(substrate).max() for substrate in substrates.values())
    for panel, (name, substrate) in zip(axes[0], substrates.items()):
        image = plot_matrix(panel, substrate.T, limit=limit, col_label="column", title=name)
        places = range(0, len(substrate), 2)
        panel.set_xticks(list(places), [str(place + 1) for place in places])
        panel.set_yticks(range(0, substrate.shape[1], 2), [str(place + 1) for place in range(0, substrate.shape[1], 2)])
        panel.set(aspect="equal")
    axes[0, 0].set_ylabel("dimension")
    figure.colorbar(image, ax=list(axes[0, :count]), orientation="horizontal", shrink=0.5, label="content")
    last = axes[0, count]
    for index, (name, error) in enumerate(errors.items()):
        last.plot(np.arange(1, len(error) + 1), error, color=QUALITATIVE[index], linestyle=DASHES[index], label=name)
    last.set(xlabel="step of the output phase", ylabel="share of wrong signs", ylim=(-0.03, 0.8), title="what follows")
    last.legend(fontsize="small", loc="upper center", ncols=2)
    return figure


def plot_zeros(values: Mapping[str, np.ndarray], blocks: np.ndarray, radii: np.ndarray, guide: np.ndarray) -> Figure:
    """Plot computed eigenvalues of operators whose eigenvalues are all zero.

    Args:
        values: by name of the basis, computed eigenvalues (size,) of the shift.
        blocks: (n,) sizes of Jordan blocks.
        radii: (n,) largest computed magnitude at each size.
        guide: (n,) magnitudes that rounding to float64 leads one to expect.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.5)
    left, right = axes[0]
    for index, (name, cloud) in enumerate(values.items()):
        left.plot(
            cloud.real,
            cloud.imag,
            linestyle="none",
            marker=MARKERS[index],
            color=QUALITATIVE[index],
            markerfacecolor="none" if index else None,
            label=name,
        )
    reach = 1.5 * max(np.abs(cloud).max() for cloud in values.values())
    left.set(
        xlim=(-reach, reach),
        ylim=(-reach, 1.4 * reach),
        aspect="equal",
        xlabel="real part",
        ylabel="imaginary part",
        title="eigenvalues, all zero in theory",
    )
    left.legend(loc="upper center", fontsize="small", ncols=2)
    right.semilogy(blocks, radii, linestyle="none", marker=MARKERS[0], color=QUALITATIVE[0], label="largest computed")
    right.semilogy(blocks, guide, linestyle="--", color=INK, linewidth=1.2, label="$(\\kappa\\,\\epsilon)^{1/s}$")
    right.set(
        xlabel="history s = size of the Jordan blocks",
        ylabel="magnitude",
        title="the larger the block, the further off",
    )
    right.legend(loc="lower right")
    return figure


def animate_hidden_shift(states: np.ndarray, waves: np.ndarray, captions: Sequence[str], rows: int) -> Animation:
    """Animate hidden states beside the same states in wave coordinates.

    Args:
        states: (steps, hidden) activity of every neuron.
        waves: (steps, history, dim) the same in wave coordinates, column 0 the oldest.
        captions: one sentence a step.
        rows: number of rows in which the hidden neurons are laid out; it must divide their number.
    """
    steps, hidden = states.shape
    require(hidden % rows == 0, f"{hidden} neurons do not fill {rows} rows")
    neurons = Panel(
        title=f"{hidden} hidden neurons", frames=states.reshape(steps, rows, hidden // rows), row_label="row of neurons",
        col_label="neuron in the row",
    )  # fmt: skip
    # Colours reach beyond the contents of +-1, which would otherwise take the darkest two and hide the grid.
    wave = Panel(
        title="the same state in wave coordinates", frames=waves.swapaxes(1, 2), row_label="dimension", col_label="column (1 the oldest)",
        vmin=-1.5, vmax=1.5,
    )  # fmt: skip
    return Animation(
        panels=(neurons, wave), captions=list(captions), title="The shift in a hidden basis",
        alt=(
            "Two heatmaps that change together. On the left the activity of all hidden neurons, without visible order. On the right the"
            " same activity in wave coordinates: a text enters at the right-hand column, moves left by one column a step, and returns at the"
            " right."
        ),
    )  # fmt: skip
