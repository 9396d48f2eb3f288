"""A lattice to step by hand, inside a page: sizes and boundary to choose, the operator's entries lit as they are used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from twm.book.figures.animation import PagePicture
from twm.book.figures.style import make_axes, plot_matrix
from twm.errors import require
from twm.theory.lattice import simulate_wave
from twm.theory.operators import make_wave_operator
from twm.theory.pictures import states_to_picture
from twm.theory.systems import make_fibonacci, make_repeat_copy

# Boundaries to begin with: the oldest column again; the sum of all; a signed selection by its task code; the columns
# weighed by the softmax of twice their products with the newest, Eq. (8) with W_K W_Q = 2 and W_V = 1.
_BOUNDARIES = ("copy", "fibonacci", "code", "attention")


@dataclass(frozen=True)
class LatticeToy(PagePicture):
    """A small lattice that a reader steps, edits and reconfigures in the page.

    Source: twm Eq. (3), (4), (6), (8); Table 1.
    """

    kind, script, label = "lattice", "lattice_toy.js", "A lattice to step by hand"
    hint = "Stepping it needs JavaScript; without it, this picture shows one step."

    history: int = 4  # columns to begin with, 2 to 8
    dim: int = 2  # dimensions to begin with, 1 to 4
    boundary: str = "copy"  # copy, fibonacci, code or attention

    def __post_init__(self) -> None:
        require(self.history in range(2, 9), f"history must be 2 to 8 here, not {self.history}")
        require(self.dim in range(1, 5), f"dim must be 1 to 4 here, not {self.dim}")
        words = f"boundary must be one of {', '.join(_BOUNDARIES)}, not {self.boundary!r}"
        require(self.boundary in _BOUNDARIES, words)

    @property
    def alt(self) -> str:
        """What the still shows, in words."""
        return (
            f"Left, a lattice of {self.history} columns and {self.dim} dimensions before and after one step: everything "
            "has moved one column to the left, and the boundary has written the newest column. Right, the wave operator: "
            "a diagonal of ones beside the main one, and the boundary in the last rows."
        )

    def still(self) -> Figure:
        """Draw one step of the copying or adding lattice and its operator, for print."""
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

    def list_settings(self) -> Mapping[str, Any]:
        """Return what the toy begins with."""
        return {"history": self.history, "dim": self.dim, "boundary": self.boundary}
