"""Characters as binary pictures whose columns are states, and back.

A character is five rows high and three columns wide, and a blank column follows it. A column of the picture is one
state of five components, +1 for ink and -1 for paper, the top row first: "3141" makes 16 states of 5.

Source: twm Fig. 6 C, D (the font here is our own).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from twm.errors import UserError, require

ROWS = 5
GLYPH_COLUMNS = 3
GLYPH_COLUMNS = GLYPH_COLUMNS + 1

# One text a character: five rows of three, separated by spaces; "#" is ink.
_FONT = {
    " ": "... ... ... ... ...",
    "0": "### #.# #.# #.# ###",
    "1": ".#. ##. .#. .#. ###",
    "2": "##. ..# .#. #.. ###",
    "3": "### ..# .## ..# ###",
    "4": "#.# #.# ### ..# ..#",
    "5": "### #.. ##. ..# ##.",
    "6": ".## #.. ### #.# ###",
    "7": "### ..# .#. .#. .#.",
    "8": "### #.# ### #.# ###",
    "9": "### #.# ### ..# ##.",
    "A": ".#. #.# ### #.# #.#",
    "B": "##. #.# ##. #.# ##.",
    "C": ".## #.. #.. #.. .##",
    "D": "##. #.# #.# #.# ##.",
    "E": "### #.. ##. #.. ###",
    "F": "### #.. ##. #.. #..",
    "G": ".## #.. #.# #.# .##",
    "H": "#.# #.# ### #.# #.#",
    "I": "### .#. .#. .#. ###",
    "J": "..# ..# ..# #.# .#.",
    "K": "#.# #.# ##. #.# #.#",
    "L": "#.. #.. #.. #.. ###",
    "M": "#.# ### ### #.# #.#",
    "N": "##. #.# #.# #.# #.#",
    "O": ".#. #.# #.# #.# .#.",
    "P": "##. #.# ##. #.. #..",
    "Q": ".#. #.# #.# ### .##",
    "R": "##. #.# ##. ##. #.#",
    "S": ".## #.. .#. ..# ##.",
    "T": "### .#. .#. .#. .#.",
    "U": "#.# #.# #.# #.# ###",
    "V": "#.# #.# #.# #.# .#.",
    "W": "#.# #.# ### ### #.#",
    "X": "#.# #.# .#. #.# #.#",
    "Y": "#.# #.# .#. .#. .#.",
    "Z": "### ..# .#. #.. ###",
}
CHARACTERS = "".join(_FONT)


def _draw_glyph(drawing: str) -> np.ndarray:
    """Return a character's picture (5, 4) of -1 and +1, with its blank column."""
    rows = [[1.0 if mark == "#" else -1.0 for mark in row + "."] for row in drawing.split()]
    return np.array(rows)


_GLYPHS = {character: _draw_glyph(drawing) for character, drawing in _FONT.items()}
_READING = {tuple((glyph > 0).ravel()): character for character, glyph in _GLYPHS.items()}


def text_to_states(text: str) -> np.ndarray:
    """Write a text as states, one a column of its picture.

    Args:
        text: digits, letters A to Z (small ones are read as capitals) and spaces; at least one character.

    Returns:
        (4*len(text), 5) float64 array of -1 and +1: (history, dim), the leftmost column first.

    Raises:
        UserError: if the text is empty or has a character without a picture.

    Source: twm Fig. 6.
    """
    require(isinstance(text, str) and text != "", f"the text must have at least one character, not {text!r}")
    unknown = sorted(set(text.upper()) - set(_FONT))
    require(not unknown, f"no picture for {', '.join(map(repr, unknown))} in {text!r}: use digits, A to Z and spaces")
    return np.concatenate([_GLYPHS[character].T for character in text.upper()])


def states_to_text(states: Any, unknown: str = "?") -> str:
    """Read a text back from states, by their signs.

    Args:
        states: (4*characters, 5) array or tensor; a value above 0 is ink.
        unknown: written for a block of four columns that is no character of the font.

    Returns:
        The text, one character a block of four columns.

    Raises:
        UserError: if the shape is not (a multiple of 4, 5).
    """
    picture = states_to_picture(states)
    require(
        picture.ndim == 2 and picture.shape[0] == ROWS and picture.shape[1] % GLYPH_COLUMNS == 0,
        f"the states must have shape (a multiple of {GLYPH_COLUMNS}, {ROWS}), not {picture.shape[::-1]}",
    )
    ink = picture > 0
    blocks = (ink[:, start : start + GLYPH_COLUMNS] for start in range(0, picture.shape[1], GLYPH_COLUMNS))
    return "".join(_READING.get(tuple(block.ravel()), unknown) for block in blocks)


def states_to_picture(states: Any) -> np.ndarray:
    """Lay states side by side as the columns of a picture.

    Args:
        states: (..., columns, rows) array or tensor: (..., history, dim).

    Returns:
        (..., rows, columns) numpy array.

    Raises:
        UserError: if there are fewer than two axes.
    """
    values = states.detach().cpu().numpy() if hasattr(states, "detach") else np.asarray(states)
    if values.ndim < 2:
        raise UserError(f"the states must have shape (..., columns, rows), not {values.shape}")
    return np.swapaxes(values, -1, -2)
