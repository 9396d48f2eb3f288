"""Characters as binary pictures of five rows, three columns and a blank column; each column is one state.

A state has five components, +1 for ink and -1 for paper, the top row first. Source: twm Fig. 6 C, D (our own font)."""

from typing import Any

import numpy as np

from twm.errors import require

ROWS, GLYPH_COLUMNS = 5, 4
_SHEETS = """
0   1   2   3   4   5   6   7   8   9   A   B   C   D   E   F   G   H
###  #  ##  ### # # ###  ## ### ### ###  #  ##   ## ##  ### ###  ## # #
# # ##    #   # # # #   #     # # # # # # # # # #   # # #   #   #   # #
# #  #   #   ## ### ##  ###  #  ### ### ### ##  #   # # ##  ##  # # ###
# #  #  #     #   #   # # #  #  # #   # # # # # #   # # #   #   # # # #
### ### ### ###   # ##  ###  #  ### ##  # # ##   ## ##  ### #    ## # #
I   J   K   L   M   N   O   P   Q   R   S   T   U   V   W   X   Y   Z
###   # # # #   # # ##   #  ##   #  ##   ## ### # # # # # # # # # # ###
 #    # # # #   ### # # # # # # # # # # #    #  # # # # # # # # # #   #
 #    # ##  #   ### # # # # ##  # # ##   #   #  # # # # ###  #   #   #
 #  # # # # #   # # # # # # #   ### ##    #  #  # # # # ### # #  #  #
###  #  # # ### # # # #  #  #    ## # # ##   #  ###  #  # # # #  #  ###"""


def _cut_glyphs() -> dict[str, np.ndarray]:
    """Cut the sheets, each a line of characters above their pictures, into pictures (5, 4) of -1 and +1."""
    glyphs, lines = {" ": np.full((ROWS, GLYPH_COLUMNS), -1.0)}, _SHEETS.strip("\n").split("\n")
    for top in range(0, len(lines), ROWS + 1):
        names, *rows = lines[top : top + ROWS + 1]
        for start in range(0, len(names), GLYPH_COLUMNS):
            drawn = [row.ljust(start + GLYPH_COLUMNS)[start : start + GLYPH_COLUMNS] for row in rows]
            glyphs[names[start]] = np.array([[1.0 if mark == "#" else -1.0 for mark in row] for row in drawn])
    return glyphs


_GLYPHS = _cut_glyphs()
_READING = {(glyph > 0).tobytes(): character for character, glyph in _GLYPHS.items()}
CHARACTERS = "".join(_GLYPHS)


def text_to_states(text: str) -> np.ndarray:
    """Write a text of digits, letters and spaces as states, one per column: (4*characters, 5). Source: twm Fig. 6."""
    require(isinstance(text, str) and text != "", f"the text must have at least one character, not {text!r}")
    unknown = sorted(set(text.upper()) - set(CHARACTERS))
    require(not unknown, f"no picture for {', '.join(map(repr, unknown))} in {text!r}: use digits, A to Z and spaces")
    return np.concatenate([_GLYPHS[character].T for character in text.upper()])


def states_to_text(states: Any) -> str:
    """Read a text from the signs of states (4*characters, 5); "?" stands for four columns that match no character."""
    ink = states_to_picture(states) > 0
    fits = ink.ndim == 2 and len(ink) == ROWS and ink.shape[1] % GLYPH_COLUMNS == 0
    require(fits, f"the states must have shape (a multiple of {GLYPH_COLUMNS}, {ROWS}), not {ink.shape[::-1]}")
    blocks = np.split(ink, ink.shape[1] // GLYPH_COLUMNS, axis=1)
    return "".join(_READING.get(block.tobytes(), "?") for block in blocks)


def states_to_picture(states: Any) -> np.ndarray:
    """Lay states (..., columns, rows), an array or a tensor, side by side as a picture (..., rows, columns)."""
    values = states.detach().cpu().numpy() if hasattr(states, "detach") else np.asarray(states)
    require(values.ndim >= 2, f"the states must have shape (..., columns, rows), not {values.shape}")
    return np.swapaxes(values, -1, -2)
