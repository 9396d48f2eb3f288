"""A lattice to step by hand, inside a page: sizes and boundary to choose, the wave operator's entries lit as they are used."""

import base64
import html
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from matplotlib.figure import Figure

from twm.book.figures.style import make_axes, plot_matrix
from twm.errors import require, require_count
from twm.theory.lattice import simulate_wave
from twm.theory.operators import make_wave_operator
from twm.theory.pictures import states_to_picture
from twm.theory.systems import make_fibonacci, make_repeat_copy

#: Boundaries that the toy can begin with; the reader changes them in the page.
BOUNDARIES = ("copy", "fibonacci", "code", "attention")

_LARGEST = {"history": 8, "dim": 4}


@dataclass(frozen=True)
class LatticeToy:
    """A small lattice that a reader steps, edits and reconfigures in the page.

    It offers four boundaries: ``copy`` writes the oldest column again, ``fibonacci`` the sum of all columns, ``code`` a
    signed selection by its task code (see :func:`twm.theory.systems.make_selection`), and ``attention`` the columns weighed by the
    softmax of twice their products with the newest, Eq. (8) with W_K W_Q = 2 and W_V = 1.

    Attributes:
        history: number of columns to begin with, 2 to 8.
        dim: number of dimensions to begin with, 1 to 4.
        boundary: one of :data:`BOUNDARIES`, to begin with.

    Raises:
        UserError: if a number is out of range or the boundary is unknown.

    Source: twm Eq. (3), (4), (6), (8); Table 1.
    """

    history: int = 4
    dim: int = 2
    boundary: str = "copy"

    def __post_init__(self) -> None:
        for name, least in (("history", 2), ("dim", 1)):
            value = require_count(getattr(self, name), name, least=least)
            require(value <= _LARGEST[name], f"{name} must be at most {_LARGEST[name]} here, not {value}")
        require(self.boundary in BOUNDARIES, f"boundary must be one of {', '.join(BOUNDARIES)}, not {self.boundary!r}")

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
            start.reshape(-1)[::3] = -1
        states = states_to_picture(simulate_wave(start, task.boundary, 1))
        figure, axes = make_axes(1, 3, width=7.2, height=2.6)
        for place, values, title in zip(axes.flat, states, ("before", "one step later"), strict=False):
            plot_matrix(place, values, row_label="dimension", col_label="column, the oldest first", title=title)
        plot_matrix(
            axes[0, 2],
            make_wave_operator(task.matrix),
            row_label="to",
            col_label="from",
            title="wave operator",
        )
        for place in axes.flat:
            place.set(xticks=[], yticks=[])
        return figure

    def to_html(self) -> str:
        """Return the toy as a self-contained piece of HTML that asks nothing of any host."""
        buffer = io.BytesIO()
        self.still().savefig(buffer, format="png", dpi=90, metadata={"Software": None})
        picture = base64.b64encode(buffer.getvalue()).decode("ascii")
        return (
            f'<div class="twm-lattice" role="group" aria-label="A lattice to step by hand" data-history="{self.history}" '
            f'data-dim="{self.dim}" data-boundary="{self.boundary}">\n'
            f'<img class="twm-lattice-still" src="data:image/png;base64,{picture}" alt="{html.escape(self.alt)}">\n'
            "<noscript><p>Stepping it needs JavaScript; without it, this picture shows one step.</p></noscript>\n"
            f"<script>{_read_script()}</script>\n"
            "</div>"
        )

    def _repr_html_(self) -> str:
        return self.to_html()


@cache
def _read_script() -> str:
    return files("twm.book.figures").joinpath("lattice_toy.js").read_text(encoding="utf-8")
