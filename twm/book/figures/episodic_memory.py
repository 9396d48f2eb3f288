"""Figures of the notebook 08_episodic_memory."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from twm.book.figures.style import (
    FAINT, FLOOR, INK, Curves, draw_curves, draw_eigenvalues, draw_guide, draw_prediction, draw_unit_circle, label_axes,
    make_axes, make_row, number_cells, number_ticks, plot_episode, plot_matrix, share_legend, style_both, style_marks,
    write_cells, write_counts,
)  # fmt: skip
from twm.theory.spectra import THRESHOLD


def plot_reduction(
    times: np.ndarray, curves: Curves, constants: np.ndarray, errors: np.ndarray, euler: tuple[np.ndarray, np.ndarray]
) -> Figure:
    """Plot one neuron's V_f (n,) in the full model and in its fast limit (the first curve), and the convergence: the
    largest ``errors`` (m,) against the ``constants`` T_h = T_d (m,), and for ``euler`` the errors against the steps."""
    figure, ((left, right),) = make_axes(1, 2, 7.6, 3.3)
    draw_curves(left, times, curves)
    label_axes(left, "time ($T_f$)", "$V_f$ of one neuron", "convergence to the fast limit", "best")
    series = {"fast limit, against $T_h = T_d$": (constants, errors), "Euler, against its step": euler}
    for index, (name, (steps, values)) in enumerate(series.items()):
        first_order = values[-1] * steps / steps[-1]
        draw_prediction(right, steps, values, first_order, index, name, linestyle=":", linewidth=1)
    words = ("$T_h = T_d$ or step ($T_f$)", "largest difference", "first-order convergence (dotted)")
    label_axes(right, *words, "best", xscale="log", yscale="log")
    return figure


def plot_conjugacy(norms: Sequence[float], errors: Curves) -> Figure:
    """Plot the errors (2, n) of the conversion to the Elman update and back against the norm of W (n,), by activation."""
    figure, row = make_row({"map to Elman update": 0, "Elman update to map": 1}, 3.8, 3.2)
    log = {"xscale": "log", "yscale": "log", "ylim": (FLOOR / 3, 10)}
    for place, way in row:
        ways = {name: values[way] for name, values in errors.items()}
        draw_curves(place, norms, ways, style_both, FLOOR, markersize=5)
        draw_guide(place, x=1.0, color="#999999", linestyle="-")
        label_axes(place, "largest singular value of W", "largest error", guide=1e-10, **log)
    figure.axes[0].text(1.1, 1e-4, "norm 1", color="#666666", fontsize="small")
    place.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.9))
    return figure


def plot_families(spectra: Sequence[np.ndarray], operators: Sequence[np.ndarray]) -> Figure:
    """Plot one network's interaction matrices (n, n) for several sets of memories, and their common eigenvalues (n,)."""
    matrices = {f"memories {number}": operator for number, operator in enumerate(operators, 1)}
    figure, (*row, (plane, _)) = make_row(matrices | {"eigenvalues": None}, 1.9, 2.5, 0.4, "to")
    for place, operator in row:
        plot_matrix(place, operator, None, "", "from")
        number_cells(place, *operator.shape)
    draw_unit_circle(plane, ylim=(-1.4, 1.4))
    for index, spectrum in enumerate(spectra):
        style = style_marks(index, f"{index + 1}", fillstyle="none", markersize=6 + 3 * index)
        draw_eigenvalues(plane, spectrum, **style)
    share_legend(figure, "outside right center", title="memories", ncols=1, handletextpad=0.3)
    return figure


def plot_mechanisms(before: np.ndarray, after: np.ndarray, written: np.ndarray, read: np.ndarray) -> Figure:
    """Plot the values (variables, dim) of a state before and after composing and writing, and the values read (dim,)."""
    parts = {"state": before, r"composed: $\Phi h$": after}
    parts |= {r"written: $+\Psi_N u$": written, r"read: $\Psi_N^* h$": read[None]}
    figure, row = make_row(parts, 2.05, 2.9, label="dimension")
    limit = max(np.abs(part).max() for part in parts.values())
    for place, values in row:
        plot_matrix(place, values.T, limit, "", "variable")
        number_ticks(place, len(values) if len(values) > 1 else ["last"])
        number_ticks(place, values.shape[1], "y")
        texts = np.array([[f"{value:.0f}" for value in line] for line in values.T])
        write_cells(place, texts, np.abs(values.T) > 0.6 * limit, fontsize="small")
    return figure


def plot_machine(contents: np.ndarray, components: np.ndarray, neurons: np.ndarray, history: int) -> Figure:
    """Plot the program's variables (steps, size), the values read by the dual (steps, size), and neurons (steps, hidden)."""
    figure, axes = make_axes(3, 1, 7.2, 6.0)
    size = contents.shape[1]
    panels = {
        "program: variables": (contents, "component"),
        "network: state read by the dual basis": (components, "component"),
        "network: neurons": (neurons, "neuron"),
    }
    for place, (title, (values, label)) in zip(axes[:, 0], panels.items()):
        plot_episode(place, values, history, None, label, "", title)
        number_ticks(place, len(values))
        for edge in range(size // history, size, size // history) if label == "component" else ():
            place.axhline(edge - 0.5, color=FAINT, linewidth=0.5)
    axes[2, 0].set_xlabel("step (left of the line: input phase)")
    return figure


def plot_trained_variables(
    operator: np.ndarray, leak: np.ndarray, eigenvalues: np.ndarray, theory: np.ndarray,
    neurons: np.ndarray, contents: np.ndarray, history: int,
) -> Figure:  # fmt: skip
    """Plot a trained network in the basis of its variables: weights (size, size) and ``leak`` (hidden, size), the part of W Psi
    outside its span; the spectrum with the predicted one; and one sequence as neurons (steps, hidden) and values (steps, size)."""
    figure, ((weights, plane), (left, right)) = make_axes(2, 2, 8.2, 6.6)
    block, limit = np.concatenate([operator, leak]), float(np.abs(operator).max())
    rows, columns = "to variables, then remainder", "from variable component"
    plot_matrix(weights, block, limit, rows, columns, "A  weights between variables")
    weights.axhline(len(operator) - 0.5, color=INK, linewidth=1)
    slow = np.abs(eigenvalues) > THRESHOLD
    draw_unit_circle(plane, 1.4, title="B  spectrum, with counts")
    draw_eigenvalues(plane, theory, **style_marks(1, "predicted", marker="o", fillstyle="none", markersize=11))
    draw_eigenvalues(plane, eigenvalues[slow], **style_marks(0, "network, slow modes", marker="."))
    draw_eigenvalues(plane, eigenvalues[~slow], color="#888888", marker="x", markersize=4, label="network, other modes")
    centres = np.unique(np.round(theory, 6))
    near = np.abs(np.angle(eigenvalues[slow] * np.conj(centres[:, None]))) < np.pi / len(centres)
    write_counts(plane, centres, near.sum(1), fontsize="small")
    plane.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    plot_episode(left, neurons, history, None, "neuron", "step", "C  one sequence, by neuron")
    words = ("component, oldest variable first", "step", "D  same sequence, by variable")
    plot_episode(right, contents, history, None, *words)
    return figure
