"""Figures of the notebook 08_episodic_memory."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from twm.book.figures.style import DASHES, INK, MARKERS, QUALITATIVE, make_axes, number_ticks, plot_matrix


def plot_reduction(
    times: np.ndarray,
    curves: Mapping[str, np.ndarray],
    constants: np.ndarray,
    errors: np.ndarray,
    euler: tuple[np.ndarray, np.ndarray],
) -> Figure:
    """Plot one neuron of the whole model beside its fast limit, and how the difference vanishes.

    Args:
        times: (n,) in units of T_f.
        curves: by name, the neuron's V_f (n,); the first is the fast limit.
        constants: (m,) values of T_h = T_d.
        errors: (m,) largest difference from the limit.
        euler: values of the Euler step, and its largest error at each.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.3)
    left, right = axes[0]
    for index, (name, curve) in enumerate(curves.items()):
        left.plot(times, curve, color=QUALITATIVE[index], linestyle=DASHES[index], label=name)
    left.set(xlabel="time ($T_f$)", ylabel="$V_f$ of one neuron", title="fast variables drop out")
    left.legend(fontsize="small")
    for index, (name, steps, values) in enumerate(
        (("fast limit, in $T_h = T_d$", constants, errors), ("Euler, in its step", *euler))
    ):
        right.loglog(steps, values, color=QUALITATIVE[index], marker=MARKERS[index], linestyle="", label=name)
        right.loglog(steps, values[-1] * steps / steps[-1], color=QUALITATIVE[index], linestyle=":", linewidth=1)
    right.set(xlabel="$T_h = T_d$, or step ($T_f$)", ylabel="largest difference", title="both at first order (dotted)")
    right.legend(fontsize="small")
    return figure


def plot_conjugacy(norms: Sequence[float], errors: Mapping[str, np.ndarray], floor: float = 1e-17) -> Figure:
    """Plot the error of going to the Elman update and back against the norm of W, by activation.

    Args:
        norms: (n,) of the recurrent matrix.
        errors: by activation, (2, n): forward and backward error.
        floor: where an error of zero is drawn.
    """
    figure, axes = make_axes(1, 2, width=7.6, height=3.2)
    titles = ("there: map to Elman update", "and back: Elman update to map")
    for place, title, row in zip(axes[0], titles, (0, 1)):
        for index, (name, values) in enumerate(errors.items()):
            place.loglog(
                norms, np.maximum(values[row], floor), color=QUALITATIVE[index], linestyle=DASHES[index],
                marker=MARKERS[index], label=name,
            )  # fmt: skip
        place.axhline(1e-10, color=INK, linestyle=":", linewidth=1)
        place.axvline(1.0, color="#999999", linewidth=1)
        place.set(xlabel="largest singular value of W", ylabel="largest error", title=title, ylim=(floor / 3, 10))
    axes[0, 0].text(1.1, 1e-4, "norm 1", color="#666666", fontsize="small")
    axes[0, 1].legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.9))
    return figure


def plot_families(spectra: Sequence[np.ndarray], operators: Sequence[np.ndarray]) -> Figure:
    """Plot interaction matrices of one network in several sets of memories, and their common spectrum.

    Args:
        spectra: eigenvalues (n,) of each.
        operators: (n, n) each; at least two.
    """
    count = len(operators)
    figure, axes = make_axes(1, count + 1, width=2.2 * count + 2.6, height=2.7)
    for index, (place, operator) in enumerate(zip(axes[0], operators)):
        plot_matrix(
            place, operator, title=f"memories {index + 1}", col_label="from", row_label="to" if index == 0 else ""
        )
        number_ticks(place, [str(number + 1) for number in range(len(operator))])
        number_ticks(place, [str(number + 1) for number in range(len(operator))], "y")
    last = axes[0, -1]
    circle = np.exp(2j * np.pi * np.linspace(0, 1, 200))
    last.plot(circle.real, circle.imag, color="#999999", linewidth=1, linestyle="-")
    for index, spectrum in enumerate(spectra):
        last.plot(
            spectrum.real, spectrum.imag, marker=MARKERS[index], linestyle="", color=QUALITATIVE[index], fillstyle="none",
            markersize=6 + 3 * index, label=f"{index + 1}",
        )  # fmt: skip
    last.set(xlabel="real part", ylabel="imaginary part", title="eigenvalues", aspect="equal")
    last.set_ylim(-1.4, 1.4)
    figure.legend(
        *last.get_legend_handles_labels(),
        title="memories",
        loc="outside right center",
        fontsize="small",
        handletextpad=0.3,
    )
    return figure


def plot_mechanisms(before: np.ndarray, after: np.ndarray, written: np.ndarray, read: np.ndarray) -> Figure:
    """Plot what composing, writing and reading do to the variables of a state.

    Args:
        before: (variables, dim) the contents of a state.
        after: the same after one composition.
        written: the same after an input was added to the last variable.
        read: (dim,) what is read from the last variable.
    """
    figure, axes = make_axes(1, 4, width=8.2, height=2.9)
    limit = max(np.abs(part).max() for part in (before, after, written, read))
    titles = ("a state", r"composed: $\Phi h$", r"written: $+\Psi_N u$", r"read: $\Psi_N^* h$")
    for place, values, title in zip(axes[0], (before, after, written, read[None]), titles):
        plot_matrix(place, values.T, limit, title=title, col_label="variable")
        number_ticks(place, [str(number + 1) for number in range(len(values))] if len(values) > 1 else ["last"])
        number_ticks(place, [str(number + 1) for number in range(values.shape[1])], "y")
        for (column, row), value in np.ndenumerate(values):
            place.text(
                column, row, f"{value:.0f}", ha="center", va="center", fontsize="x-small",
                color="white" if abs(value) > 0.6 * limit else INK,
            )  # fmt: skip
    axes[0, 0].set_ylabel("dimension")
    return figure


def plot_machine(contents: np.ndarray, components: np.ndarray, neurons: np.ndarray, history: int) -> Figure:
    """Plot the variables of the pseudocode beside the same of the network, and the neurons that carry them.

    Args:
        contents: (steps, size) what the pseudocode's variables hold.
        components: (steps, size) what the network's dual reads.
        neurons: (steps, hidden) the network's state.
        history: number of variables, which is also the number of input steps.
    """
    figure, axes = make_axes(3, 1, width=7.2, height=6.0)
    panels = (
        (contents, "pseudocode: variables", "component"),
        (components, "network: its state, read by the dual", "component"),
        (neurons, "network: its neurons", "neuron"),
    )
    size = contents.shape[1]
    for place, (values, title, label) in zip(axes[:, 0], panels):
        plot_matrix(place, values.T, title=title, row_label=label)
        place.axvline(history - 0.5, color=INK, linewidth=1)
        number_ticks(place, [str(number + 1) for number in range(len(values))])
        if values.shape[1] == size:
            for edge in range(size // history, size, size // history):
                place.axhline(edge - 0.5, color="#BBBBBB", linewidth=0.5)
    axes[2, 0].set_xlabel("step (left of the line: input phase)")
    return figure


def plot_trained_variables(
    operator: np.ndarray,
    leak: np.ndarray,
    eigenvalues: np.ndarray,
    theory: np.ndarray,
    neurons: np.ndarray,
    contents: np.ndarray,
    history: int,
) -> Figure:
    """Plot a trained network in its variables: weights, spectrum, and an episode in both bases.

    Args:
        operator: (size, size) the weights between variables.
        leak: (hidden, size) what is left over: the part of W Psi outside the variables.
        eigenvalues: of W.
        theory: eigenvalues that theory predicts.
        neurons: (steps, hidden) states of an episode.
        contents: (steps, size) the same, read by the dual.
        history: number of variables, which is also the number of input steps.
    """
    figure, axes = make_axes(2, 2, width=8.2, height=6.6)
    limit = float(np.abs(operator).max())
    block = np.concatenate([operator, leak])
    plot_matrix(
        axes[0, 0],
        block,
        limit,
        "to: variables, then the rest",
        "from variable component",
        "A  weights in the variables",
    )
    axes[0, 0].axhline(len(operator) - 0.5, color=INK, linewidth=1)
    place = axes[0, 1]
    slow = np.abs(eigenvalues) > 0.9
    place.plot(
        theory.real,
        theory.imag,
        "o",
        fillstyle="none",
        color=QUALITATIVE[1],
        markersize=11,
        linestyle="",
        label="theory",
    )
    place.plot(
        eigenvalues[slow].real,
        eigenvalues[slow].imag,
        ".",
        color=QUALITATIVE[0],
        linestyle="",
        label="network, above 0.9",
    )
    place.plot(
        eigenvalues[~slow].real,
        eigenvalues[~slow].imag,
        "x",
        color="#888888",
        linestyle="",
        markersize=4,
        label="the others",
    )
    centres = np.unique(np.round(theory, 6))
    for centre in centres:
        count = int((slow & (np.abs(np.angle(eigenvalues * np.conj(centre))) < np.pi / len(centres))).sum())
        place.text(1.2 * centre.real, 1.2 * centre.imag, str(count), ha="center", va="center", fontsize="x-small")
    place.set(
        aspect="equal",
        xlabel="real part",
        ylabel="imaginary part",
        title="B  spectrum, with counts",
        xlim=(-1.4, 1.4),
        ylim=(-1.4, 1.4),
    )
    place.legend(fontsize="x-small", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    plot_matrix(axes[1, 0], neurons.T, None, "neuron", "step", "C  an episode, neuron by neuron")
    plot_matrix(
        axes[1, 1], contents.T, None, "component, oldest variable first", "step", "D  the same, variable by variable"
    )
    for place in axes[1]:
        place.axvline(history - 0.5, color=INK, linewidth=1)
    return figure
