"""The moving picture of the front page: a text is drawn into a wave, in two coordinate systems at once.

The still of the explorer page, for print and for readers without JavaScript.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from twm.book.figures.animation import Animation, Panel
from twm.book.figures.style import DIVERGING, SEQUENTIAL, make_axes
from twm.errors import require
from twm.theory.bases import make_basis
from twm.theory.lattice import simulate_wave
from twm.theory.pictures import GLYPH_COLUMNS, states_to_picture, text_to_states
from twm.theory.systems import make_repeat_copy


def make_front_page_animation(text: str = "3141", repeats: int = 2, seed: int = 0) -> Animation:
    """Make the animation of a text that enters the lattice column by column and then travels round and round.

    The first panel holds the same state as the second, seen through a random orthonormal basis of hidden neurons:
    nothing is lost there, and nothing can be read there.

    Args:
        text: what to draw, see :func:`twm.theory.pictures.text_to_states`; four columns a character.
        repeats: how many times the text comes back after the input phase.
        seed: seed of the basis of the first panel.

    Returns:
        Animation with 1 + (1 + repeats) * history steps, history being four times the length of the text.

    Raises:
        UserError: if the text is empty or has characters outside the font, or a number is out of range.

    Source: twm Fig. 2, Fig. 3 and Eq. (3), (6).
    """
    states = text_to_states(text)
    history, dim = states.shape
    waves = simulate_wave(
        np.zeros_like(states), make_repeat_copy(history, dim).boundary, steps=history * (1 + repeats), inputs=states
    )
    basis = make_basis(history * dim, kind="orthonormal", seed=seed).basis
    hidden = (waves.reshape(len(waves), -1) @ basis.T).reshape(len(waves), history, dim)
    limit = float(np.abs(hidden).max())
    columns = [str(column) for column in range(history)]
    panels = [
        Panel(
            f"{history * dim} neurons of a network",
            states_to_picture(hidden),
            "activity (1)",
            f"{history} neurons a row; their places mean nothing",
            vmin=-limit,
            vmax=limit,
            row_names=[""] * dim,
            col_names=[""] * history,
        ),
        Panel(
            "The same state, in the right basis",
            states_to_picture(waves),
            "dimension",
            "column: one variable each (0 = oldest)",
            vmin=-1.0,
            vmax=1.0,
            colours="sequential",
            row_names=[str(dimension) for dimension in range(dim)],
            col_names=columns,
        ),
    ]
    return Animation(
        panels,
        [_describe_step(step, history, text) for step in range(len(waves))],
        title="A text becomes a travelling wave",
        alt=(
            f"Two panels move together. On the right the picture of {text} enters a lattice of {history} columns and "
            f"{dim} rows at its right end, moves one column to the left with every step, and re-enters on the right as "
            f"it leaves on the left. On the left the same {history * dim} numbers, as the neurons of a network hold "
            "them, look like noise throughout."
        ),
        frames_per_second=5.0,
        autoplay=True,
    )


def plot_moments(waves: np.ndarray, steps: Sequence[int], start: int = 0) -> Figure:
    """Draw a lattice at a few moments, one below the other; the README's picture.

    Args:
        waves: array (time, history, dim) of states between -1 and 1.
        steps: which times to draw.
        start: the time that counts as step 0 in the titles.

    Returns:
        Figure with one axes for each moment.

    Raises:
        UserError: if there is no such time, or none is asked for.
    """
    picture = states_to_picture(waves)
    require(len(steps) > 0, "plot_moments needs at least one step")
    for step in steps:
        require(0 <= step < len(picture), f"step must be from 0 to {len(picture) - 1}, not {step}")
    figure, axes = make_axes(len(steps), 1, width=4.8, height=0.4 + 1.5 * len(steps))
    for step, place in zip(steps, axes.flat, strict=True):
        place.imshow(picture[step], cmap=SEQUENTIAL, vmin=-1, vmax=1, interpolation="nearest")
        place.set_title(f"step {step - start}", fontsize="small", loc="left")
        place.set_ylabel("dimension")
        place.set_yticks(range(0, picture.shape[1], 2))
    axes.flat[-1].set_xlabel("column (0 = oldest)")
    return figure


def _describe_step(step: int, history: int, text: str) -> str:
    if step == 0:
        return "The lattice is empty. Each column holds one variable, the newest on the right."
    if step <= history:
        letter = text[(step - 1) // GLYPH_COLUMNS].upper()
        return f"Input step {step} of {history}: a column of “{letter}” enters on the right."
    later = step - history
    if later % history == 0:
        return f"Output step {later}: “{text}” stands here again. No column kept still, and nothing is lost."
    return f"Output step {later}: the boundary copies the column that leaves on the left to the right end."


def plot_card(title: str, text: str = "3141", steps: Sequence[int] = (0, 5, 11)) -> Figure:
    """Draw the picture that stands beside a link to the book: its title, and a text on the lattice at three moments.

    Args:
        title: of the book.
        text: what is on the lattice, see :func:`twm.theory.pictures.text_to_states`.
        steps: at which steps.

    Returns:
        a Figure of 1200 by 630 pixels at 100 dots an inch.

    Raises:
        UserError: if the text has characters outside the font, or a step is negative.
    """
    states = text_to_states(text)
    require(all(step >= 0 for step in steps), f"steps must be 0 or more, not {tuple(steps)}")
    waves = simulate_wave(states, make_repeat_copy(*states.shape).boundary, steps=max(steps))
    figure, axes = make_axes(len(steps), 1, width=12.0, height=6.3)
    figure.set_layout_engine("none")
    dark, light = "#00204d", "#ffea46"
    figure.set_facecolor(dark)
    height = 0.56 / len(steps)
    for place, (axis, step) in enumerate(zip(axes.flat, steps, strict=True)):
        axis.set_position((0.06, 0.06 + (len(steps) - 1 - place) * (height + 0.02), 0.88, height - 0.01))
        axis.imshow(
            states_to_picture(waves[step]), cmap=SEQUENTIAL, vmin=-1, vmax=1, aspect="auto", interpolation="nearest"
        )
        axis.set_axis_off()
    figure.text(0.06, 0.87, title, color="white", fontsize=40, fontweight="bold", va="center")
    words = "Working memory as a travelling wave: claims, checks, and a network to write into"
    figure.text(0.06, 0.755, words, color=light, fontsize=18.5, va="center")
    return figure


def plot_explorer(picture: np.ndarray, state: np.ndarray, variables: np.ndarray, outputs: np.ndarray) -> Figure:
    """Draw the explorer's four panels at one step.

    Args:
        picture: (history, dim) the input, the first column first.
        state: (hidden,) the neurons.
        variables: (history, dim) the same state in the recovered basis, the oldest column first.
        outputs: (steps, dim) what has been given out since the input ended.

    Raises:
        UserError: if the shapes do not fit together.

    Source: twm Fig. 3, Fig. 6.
    """
    picture, variables, outputs = (np.asarray(part, dtype=float) for part in (picture, variables, outputs))
    fits = picture.shape == variables.shape and outputs.ndim == 2 and outputs.shape[1:] == picture.shape[1:]
    require(fits, f"shapes do not fit: {picture.shape}, {variables.shape} and {outputs.shape}")
    width = 16
    neurons = np.full(-(-len(state) // width) * width, np.nan)
    neurons[: len(state)] = state
    figure, axes = make_axes(1, 1, width=7.2, height=4.6)
    axes[0, 0].remove()
    grid = GridSpec(3, 2, figure=figure, height_ratios=(1.05, 1, 1))
    # Neurons share the work, so each is quieter than a variable.
    loudest = 3 * float(np.sqrt(np.mean(np.square(state)))) or 1.0
    panels = (
        (grid[0, 0], "1. Input", picture.T, "input", "dimension", 1.2),
        (grid[0:2, 1], "2. Hidden neurons", neurons.reshape(-1, width), "neuron, in rows of 16", "", loudest),
        (
            grid[1, 0],
            "3. The same state in the recovered basis",
            variables.T,
            "column, the oldest first",
            "dimension",
            1.2,
        ),
        (grid[2, :], "4. Output", outputs.T, "output step", "dimension", 1.2),
    )
    for place, title, values, col_label, row_label, limit in panels:
        axis = figure.add_subplot(place)
        axis.imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        axis.set_title(title, fontsize="small", loc="left")
        axis.set(xlabel=col_label, ylabel=row_label, yticks=[])
        # Numbered from 1, as on the page.
        ticks = np.arange(3, values.shape[1], 4 if values.shape[1] <= width else width // 2)
        axis.set_xticks([] if not row_label else ticks, [] if not row_label else ticks + 1)
    return figure
