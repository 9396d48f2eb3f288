"""One look for every figure: opaque light background, colour-blind safe colours, readable type."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from twm.errors import require, require_count

DIVERGING = "RdBu_r"
"""Colour map for signed values: blue below zero, white at zero, red above."""

SEQUENTIAL = "cividis"
"""Colour map for magnitudes: dark for small, light for large, and evenly so in grey."""

QUALITATIVE = ("#0072B2", "#BF4E00", "#00785A", "#A3457F", "#8C6800", "#3B3B3B")
"""Colours for lines and markers, told apart by colour-blind readers, each at least 4.5 to 1 against white."""

DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (8, 3)))
"""Line styles in the order of :data:`QUALITATIVE`, so that colour is never the only difference."""

MARKERS = ("o", "s", "^", "D", "v", "P")
"""Markers in the order of :data:`QUALITATIVE`."""

INK = "#222222"
PAPER = "#FFFFFF"

_SETTINGS = {
    "figure.dpi": 110,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "savefig.transparent": False,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "axes.grid": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.0,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.0,
    "image.cmap": SEQUENTIAL,
    "image.interpolation": "nearest",
}


def use_style() -> None:
    """Make the book's look the default of matplotlib for the rest of the session.

    Inside a notebook it also sees to it that a Figure which is the last value of a cell is drawn there,
    whether or not pyplot made it.
    """
    matplotlib.rcParams.update(_SETTINGS)
    matplotlib.rcParams["axes.prop_cycle"] = _make_cycle()
    _draw_figures_in_notebooks()


def make_axes(rows: int = 1, columns: int = 1, width: float = 6.4, height: float = 3.2) -> tuple[Figure, np.ndarray]:
    """Make a Figure in the book's look with a grid of axes.

    The figure is not registered with pyplot. It therefore needs no closing, and a notebook draws it once, where
    it is returned, instead of a second time at the end of the cell.

    Args:
        rows: number of rows of axes.
        columns: number of columns of axes.
        width: width of the figure in inches.
        height: height of the figure in inches.

    Returns:
        The figure, and its axes as an object array of shape (rows, columns).

    Raises:
        UserError: if a count is below one or a length is not positive.
    """
    rows, columns = require_count(rows, "rows"), require_count(columns, "columns")
    require(width > 0 and height > 0, f"width and height must be positive inches, not {width!r} and {height!r}")
    with matplotlib.rc_context(_SETTINGS):
        matplotlib.rcParams["axes.prop_cycle"] = _make_cycle()
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
    return figure, axes


def make_colour_table(name: str) -> np.ndarray:
    """Return a colour map as bytes.

    Args:
        name: ``"diverging"`` or ``"sequential"``.

    Returns:
        Array (256, 3) of uint8, red, green and blue of each level.

    Raises:
        UserError: for any other name.
    """
    return get_colours(name)(np.arange(256), bytes=True)[:, :3]


def get_colours(name: str) -> Colormap:
    """Return the matplotlib colour map behind ``"diverging"`` or ``"sequential"``.

    Raises:
        UserError: for any other name.
    """
    maps = {"diverging": DIVERGING, "sequential": SEQUENTIAL}
    require(name in maps, f"colours must be 'diverging' or 'sequential', not {name!r}")
    return matplotlib.colormaps[maps[name]]


def plot_matrix(
    axes: Axes,
    values: np.ndarray,
    limit: float | None = None,
    row_label: str = "",
    col_label: str = "",
    title: str = "",
) -> matplotlib.image.AxesImage:
    """Draw a signed matrix with zero in white, and return the image (for a colour bar).

    Args:
        axes: where to draw.
        values: array (rows, columns).
        limit: magnitude of the strongest colours; the largest magnitude in ``values`` if not given.
        row_label: label of the vertical axis.
        col_label: label of the horizontal axis.
        title: title of the axes.

    Raises:
        UserError: if ``values`` is not a matrix.
    """
    values = np.asarray(values, dtype=float)
    require(values.ndim == 2, f"values must be a matrix (rows, columns), not of shape {values.shape}")
    limit = float(np.abs(values).max(initial=0.0) or 1.0) if limit is None else float(limit)
    image = axes.imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
    axes.set(xlabel=col_label, ylabel=row_label, title=title)
    return image


def number_ticks(axes: Axes, names: Sequence[str], axis: str = "x") -> None:
    """Name the cells of a heatmap, leaving names out where there are more than ten; empty names get no tick."""
    every = max(1, -(-len(names) // 10))
    places = [place for place in range(0, len(names), every) if names[place]]
    setter = axes.set_xticks if axis == "x" else axes.set_yticks
    setter(places, [names[place] for place in places])


def _make_cycle():
    return matplotlib.cycler(color=QUALITATIVE) + matplotlib.cycler(linestyle=DASHES)


def _draw_figures_in_notebooks() -> None:
    try:
        from IPython import get_ipython
        from IPython.core.pylabtools import select_figure_formats
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        select_figure_formats(shell, {"png"}, bbox_inches="tight")
        _carry_data(shell)


def _carry_data(shell) -> None:
    """Let every figure in a notebook bring its numbers along, from which the site makes the table beside it."""
    from twm.book.figures.animation import Animation
    from twm.book.figures.data import make_csv

    for kind in (Figure, Animation):
        shell.display_formatter.mimebundle_formatter.for_type(kind, lambda shown: {"text/csv": make_csv(shown)})
