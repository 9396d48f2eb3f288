"""Figures of the front page, the README, the preview card and the explorer: a text becomes a travelling wave."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from twm.book.figures.animation import Animation, PagePicture, Panel
from twm.book.figures.style import make_axes, plot_magnitudes, plot_matrix
from twm.errors import check_name, require
from twm.theory.bases import make_basis
from twm.theory.lattice import simulate_wave
from twm.theory.operators import make_wave_operator
from twm.theory.pictures import GLYPH_COLUMNS, states_to_picture, text_to_states
from twm.theory.systems import make_fibonacci, make_repeat_copy


def make_front_page_animation(text: str = "3141", repeats: int = 2) -> Animation:
    """Animate a text that enters the lattice, four columns per character, and cycles through it ``repeats`` times, beside
    the same state in a random orthonormal basis. Source: twm Fig. 2, Fig. 3 and Eq. (3), (6)."""
    states = text_to_states(text)
    history, dim = states.shape
    boundary, steps = make_repeat_copy(history, dim).boundary, history * (1 + repeats)
    waves = simulate_wave(np.zeros_like(states), boundary, steps=steps, inputs=states)
    basis = make_basis(history * dim, kind="orthonormal", seed=0).basis
    hidden = (waves.reshape(len(waves), -1) @ basis.T).reshape(len(waves), history, dim)
    left = Panel(
        f"{history * dim} neurons of a network", states_to_picture(hidden), "activity",
        f"{history} neurons per row, in arbitrary order", row_names=[""] * dim, col_names=[""] * history,
    )  # fmt: skip
    right = Panel(
        "The same state in the wave basis", states_to_picture(waves), "dimension",
        "column, one variable each (1 = oldest)", -1.0, 1.0, "sequential",
    )  # fmt: skip
    alt = (
        f"Two synchronised panels. On the right, the picture of {text} enters a lattice of {history} columns and "
        f"{dim} rows at the right end, moves one column to the left per step, and re-enters on the right when "
        f"it leaves on the left. On the left, the same {history * dim} numbers as the activity of neurons, which "
        "looks like noise at every step."
    )
    captions = [_describe_step(step, history, text) for step in range(len(waves))]
    return Animation([left, right], captions, "A text becomes a travelling wave", alt, 5, autoplay=True)


def plot_moments(waves: np.ndarray, steps: Sequence[int]) -> Figure:
    """Plot waves (time, history, dim), with values from -1 to 1, at ``steps``."""
    picture = states_to_picture(waves)
    figure, axes = make_axes(len(steps), 1, 4.8, 0.4 + 1.5 * len(steps))
    for step, place in zip(steps, axes.flat, strict=True):
        plot_magnitudes(place, picture[step], -1, 1, aspect="equal")
        place.set_title(f"step {step}", fontsize="small", loc="left")
        place.set(ylabel="dimension", yticks=range(0, picture.shape[1], 2))
    place.set_xlabel("column (0 = oldest)")
    return figure


def _describe_step(step: int, history: int, text: str) -> str:
    if step == 0:
        return "The lattice is empty. Each column holds one variable, with the newest on the right."
    if step <= history:
        letter = text[(step - 1) // GLYPH_COLUMNS].upper()
        return f"Input step {step} of {history}: a column of “{letter}” enters on the right."
    later = step - history
    if later % history == 0:
        return f"Output step {later}: “{text}” is back at its starting position."
    return f"Output step {later}: the boundary copies the column that leaves on the left to the right end."


def plot_card(title: str) -> Figure:
    """Draw the preview card for links to the book, 1200 by 630 pixels: its title, and "3141" on the lattice at three steps."""
    states, steps = text_to_states("3141"), (0, 5, 11)
    waves = simulate_wave(states, make_repeat_copy(*states.shape).boundary, steps=max(steps))
    figure, axes = make_axes(len(steps), 1, 12.0, 6.3)
    figure.set_layout_engine("none")
    figure.set_facecolor("#00204d")
    height = 0.56 / len(steps)
    for place, (axis, step) in enumerate(zip(axes[::-1, 0], steps[::-1])):
        axis.set_position((0.06, 0.06 + place * (height + 0.02), 0.88, height - 0.01))
        plot_magnitudes(axis, states_to_picture(waves[step]), -1, 1)
        axis.set_axis_off()
    figure.text(0.06, 0.87, title, color="white", fontsize=40, fontweight="bold", va="center")
    words = "Working memory as a travelling wave: claims, checks and an interactive network"
    figure.text(0.06, 0.755, words, color="#ffea46", fontsize=18.5, va="center")
    return figure


def plot_explorer(picture: np.ndarray, state: np.ndarray, variables: np.ndarray, outputs: np.ndarray) -> Figure:
    """Draw the explorer's panels at one step: input (history, dim), neurons (hidden,), variables (history, dim), outputs
    (steps, dim) since the input ended. Source: twm Fig. 3, Fig. 6."""
    width, oldest_first = 16, "column, oldest first"
    neurons = np.pad(state, (0, -len(state) % width), constant_values=np.nan)
    figure, axes = make_axes(1, 1, 7.2, 4.6)
    axes[0, 0].remove()
    grid = figure.add_gridspec(3, 2, height_ratios=(1.05, 1, 1))
    # Variables are distributed over neurons, so each neuron has a smaller amplitude.
    loudest = 3 * float(np.sqrt(np.mean(np.square(state)))) or 1.0
    for place, title, values, limit, row_label, col_label in (
        (grid[0, 0], "1. Input", picture.T, 1.2, "dimension", "input"),
        (grid[0:2, 1], "2. Hidden neurons", neurons.reshape(-1, width), loudest, "", "neuron, in rows of 16"),
        (grid[1, 0], "3. The same state in the recovered basis", variables.T, 1.2, "dimension", oldest_first),
        (grid[2, :], "4. Output", outputs.T, 1.2, "dimension", "output step"),
    ):
        axis = figure.add_subplot(place)
        plot_matrix(axis, values, limit, row_label, col_label)
        axis.set_title(title, fontsize="small", loc="left")
        # Numbered from 1, as on the page; neurons have no order.
        ticks = np.arange(3, values.shape[1] if row_label else 0, 4 if values.shape[1] <= width else width // 2)
        axis.set_xticks(ticks, ticks + 1)
        axis.set_yticks([])
    return figure


# Initial boundaries: the oldest column; the sum of all columns; a signed selection, given by its task code; the mean of
# columns weighted by the softmax of twice their products with the newest, Eq. (8) with W_K W_Q = 2 and W_V = 1.
_BOUNDARIES = ("copy", "fibonacci", "code", "attention")


@dataclass(frozen=True)
class LatticeToy(PagePicture):
    """A small lattice that readers step and edit in the page. Source: twm Eq. (3), (4), (6), (8); Table 1."""

    kind, script, label = "lattice", "lattice_toy.js", "A lattice to step through"
    hint = "The lattice needs JavaScript. This picture shows one step."
    settings = ("history", "dim", "boundary")

    history: int = 4  # initial number of columns, 2 to 8
    dim: int = 2  # initial number of dimensions, 1 to 4
    boundary: str = "copy"  # copy, fibonacci, code or attention

    def __post_init__(self) -> None:
        require(self.history in range(2, 9), f"history must be 2 to 8 here, not {self.history}")
        require(self.dim in range(1, 5), f"dim must be 1 to 4 here, not {self.dim}")
        check_name("boundary", self.boundary, _BOUNDARIES)

    @property
    def alt(self) -> str:
        """Text description of the still."""
        return (
            f"Left, a lattice of {self.history} columns and {self.dim} dimensions before and after one step: everything "
            "has moved one column to the left, and the boundary has written the newest column. Right, the wave operator: "
            "ones on the first block diagonal above the main one, and the boundary in the last rows."
        )

    def still(self) -> Figure:
        """Draw one step of the copy or Fibonacci lattice, and its wave operator, for print."""
        adds = self.boundary == "fibonacci"
        task = (make_fibonacci if adds else make_repeat_copy)(self.history, self.dim)
        start = np.ones((self.history, self.dim))
        if not adds:
            start.flat[::3] = -1
        before, after = states_to_picture(simulate_wave(start, task.boundary, 1))
        figure, (row,) = make_axes(1, 3, width=7.2, height=2.6)
        plot_matrix(row[0], before, None, "dimension", "column, the oldest first", "before")
        plot_matrix(row[1], after, None, "dimension", "column, the oldest first", "one step later")
        plot_matrix(row[2], make_wave_operator(task.matrix), None, "to", "from", "wave operator")
        for place in row:
            place.set(xticks=[], yticks=[])
        return figure
