"""The moving picture of the front page: a text is drawn into a wave, in two coordinate systems at once."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from twm.errors import require
from twm.figures.animation import Animation, Panel
from twm.figures.style import SEQUENTIAL, make_axes
from twm.hds import make_repeat_copy
from twm.operators import make_basis
from twm.pictures import COLUMNS, states_to_picture, text_to_states
from twm.waves import simulate_wave


def make_front_page_animation(text: str = "3141", repeats: int = 2, seed: int = 0) -> Animation:
    """Make the animation of a text that enters the lattice column by column and then travels round and round.

    The first panel holds the same state as the second, seen through a random orthonormal basis of hidden neurons:
    nothing is lost there, and nothing can be read there.

    Args:
        text: what to draw, see :func:`twm.pictures.text_to_states`; four columns a character.
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
        letter = text[(step - 1) // COLUMNS].upper()
        return f"Input step {step} of {history}: a column of “{letter}” enters on the right."
    later = step - history
    if later % history == 0:
        return f"Output step {later}: “{text}” stands here again. No column kept still, and nothing is lost."
    return f"Output step {later}: the boundary copies the column that leaves on the left to the right end."


def plot_card(title: str, text: str = "3141", steps: Sequence[int] = (0, 5, 11)) -> Figure:
    """Draw the picture that stands beside a link to the book: its title, and a text on the lattice at three moments.

    Args:
        title: of the book.
        text: what is on the lattice, see :func:`twm.pictures.text_to_states`.
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
