"""Common style of all figures: light background, colours for colour-blind readers, readable type, and shared marks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import rc_params_from_file
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from matplotlib.transforms import Bbox

from twm.errors import require, require_count
from twm.records import to_csv

#: Colour maps: blue below zero and red above for signed values; dark to light, evenly also in grey, for magnitudes.
DIVERGING, SEQUENTIAL = "RdBu_r", "cividis"
#: Colours of lines and marks that colour-blind readers can tell apart, each with a contrast of at least 4.5 to 1 on white.
QUALITATIVE = ("#0072B2", "#BF4E00", "#00785A", "#A3457F", "#8C6800", "#3B3B3B")
#: Line styles and markers in the same order, so that colour is never the only difference.
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (8, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, PAPER, FAINT, PALE = "#222222", "#FFFFFF", "#BBBBBB", "#F2F2F2"
#: Style of background lines: axes, references, connections within pairs.
THIN = {"color": FAINT, "linestyle": "-", "linewidth": 1}
#: Lower limit on logarithmic axes; smaller values, such as exact zeros, are drawn here.
FLOOR = 1e-17

#: Arrays by name, in the order of the legend.
Curves = Mapping[Any, np.ndarray]

# All other settings; those that do not depend on the colours above are in a matplotlib style sheet.
_SETTINGS = dict(rc_params_from_file(Path(__file__).with_name("book.mplstyle"), use_default_template=False)) | {
    "axes.prop_cycle": matplotlib.cycler(color=QUALITATIVE) + matplotlib.cycler(linestyle=DASHES)
}


def use_style() -> None:
    """Make the book's style the session's default; a notebook then outputs each Figure with its data and panels."""
    matplotlib.rcParams.update(_SETTINGS)
    try:
        from IPython import get_ipython
        from IPython.core.pylabtools import select_figure_formats
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        select_figure_formats(shell, {"png"}, bbox_inches="tight")
        about = lambda figure: {"text/csv": make_csv(figure), PANELS: find_panels(figure)}
        shell.display_formatter.mimebundle_formatter.for_type(Figure, about)


#: MIME type under which an executed notebook stores the positions of a figure's panels; see :func:`find_panels`.
PANELS = "application/vnd.twm.panels+json"


def _list_beside(bar: Bbox, boxes: Iterable[Bbox]) -> Iterator[Bbox]:
    """Yield the boxes at the height of a colour bar that are not much lower than it."""
    for box in boxes:
        lower, overlap = min(box.height, bar.height), min(box.y1, bar.y1) - max(box.y0, bar.y0)
        if overlap > 0.7 * lower > 0.4 * bar.height:
            yield box


def find_panels(figure: Figure) -> dict[str, list]:
    """Return the parts of a figure that phones show one below another: ``size``, (width, height) of the saved picture, and
    ``panels``, (left, top, width, height) of each panel with its labels and of each legend, in inches and reading order."""
    figure.draw_without_rendering()
    whole, to_inches = figure.get_tightbbox().padded(matplotlib.rcParams["savefig.pad_inches"]), figure.dpi_scale_trans.inverted()
    shown = [axes for axes in figure.axes if axes.get_visible()]
    bars = [axes.get_tightbbox().transformed(to_inches) for axes in shown if axes.get_label() == "<colorbar>"]
    boxes = [axes.get_tightbbox().transformed(to_inches) for axes in shown if axes.get_label() != "<colorbar>"]
    for bar in bars:  # join each colour bar to the nearest panel beside it
        nearest = min(_list_beside(bar, boxes), key=lambda box: abs(bar.x0 - box.x1), default=None)
        boxes = [Bbox.union([box, bar]) if box is nearest else box for box in boxes]
        boxes += [bar] if nearest is None else []
    words = [*figure.legends, *(text for text in figure.texts if not text.get_rotation())]  # only horizontal text
    boxes += [each.get_window_extent().transformed(to_inches) for each in words]
    panels: list[Bbox] = []
    for box in boxes:  # merge overlapping boxes
        touched = [other for other in panels if other.overlaps(box)]
        panels = [other for other in panels if other not in touched] + [Bbox.union([box, *touched])]
    panels.sort(key=lambda box: (round(2 * (whole.y1 - box.y1)), box.x0))
    found = [(box.x0 - whole.x0, whole.y1 - box.y1, box.width, box.height) for box in panels]
    return {"size": np.round(whole.size, 3).tolist(), "panels": np.round(found, 3).tolist()}


def make_axes(rows: int = 1, columns: int = 1, width: float = 6.4, height: float = 3.2) -> tuple[Figure, np.ndarray]:
    """Return a Figure, sized in inches, and its axes (rows, columns); without pyplot, which would draw it a second time."""
    rows, columns = require_count(rows, "rows"), require_count(columns, "columns")
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(rows, columns, squeeze=False)


def make_panels(count: int, columns: int, width: float, height: float, legend=0.4) -> tuple[Figure, np.ndarray]:
    """Return a Figure and its ``count`` axes, in rows, each of the given size in inches, with room for a legend below."""
    rows = -(-count // columns)
    figure, axes = make_axes(rows, columns, width * columns, height * rows + legend)
    for place in axes.flat[count:]:
        place.remove()
    return figure, axes.flat[:count]


def make_row(groups: Mapping, width: float, height: float, more=0.0, label="", **title: Any) -> tuple[Figure, list]:
    """Return a Figure with one panel per group, titled by its name and sized in inches, and the pairs (panel, group)."""
    figure, (row,) = make_axes(1, len(groups), width * len(groups) + more, height)
    row[0].set_ylabel(label)
    for panel, name in zip(row, groups):
        panel.set_title(name, **title)
    return figure, list(zip(row, groups.values()))


def get_colours(name: str) -> Colormap:
    """Return the colour map behind ``"diverging"`` or ``"sequential"``."""
    require(name in ("diverging", "sequential"), f"colours must be 'diverging' or 'sequential', not {name!r}")
    return matplotlib.colormaps[DIVERGING if name == "diverging" else SEQUENTIAL]


def style_line(index: int, label: Any = None, **changes: Any) -> dict[str, Any]:
    """Return the style of line ``index``: colour, dashes and label."""
    return {"color": QUALITATIVE[index % 6], "linestyle": DASHES[index % 6], "label": label} | changes


def style_marks(index: int, label: Any = None, **changes: Any) -> dict[str, Any]:
    """Return the style of marks ``index`` without a line: colour, marker and label."""
    return style_line(index, label, linestyle="none", marker=MARKERS[index % 6]) | changes


def style_both(index: int, label: Any = None, **changes: Any) -> dict[str, Any]:
    """Return the style of line ``index`` with marks: colour, dashes, small marker and label."""
    return style_line(index, label, marker=MARKERS[index % 6], markersize=4) | changes


def draw_curves(axes: Axes, x: np.ndarray | None, curves: Curves, style=style_line, floor=None, **changes: Any) -> None:
    """Draw curves (n,) by name against ``x`` (n,), default 1, 2, ...; values below ``floor`` are drawn at ``floor``."""
    for index, (name, values) in enumerate(curves.items()):
        places = np.arange(1, len(values) + 1) if x is None else x
        axes.plot(places, values if floor is None else np.maximum(values, floor), **style(index, name) | changes)


def draw_prediction(axes: Axes, x, measured, predicted, index: int, label: str, **changes: Any) -> None:
    """Draw measured values (n,) as marks over a thin line through the predicted ones."""
    axes.plot(x, predicted, **style_line(index, linestyle="-", linewidth=1.2) | changes)
    axes.plot(x, measured, **style_marks(index, label))


def label_axes(axes: Axes, x="", y="", title="", legend: Any = None, guide=None, **changes: Any) -> None:
    """Set axis labels, title, legend (a location or options), a horizontal guide line, and other axes properties."""
    axes.set(**{name: text for name, text in (("xlabel", x), ("ylabel", y), ("title", title)) if text}, **changes)
    if guide is not None:
        draw_guide(axes, guide)
    if legend is not None:
        axes.legend(**{"fontsize": "small"} | ({"loc": legend} if isinstance(legend, str) else legend))


def draw_guide(axes: Axes, y: float | None = None, x: float | None = None, **changes: Any) -> None:
    """Draw a dotted guide line across axes, horizontal at ``y`` or vertical at ``x``; it does not count as data."""
    style = {"color": INK, "linestyle": ":", "linewidth": 1} | changes
    axes.axvline(x, **style) if y is None else axes.axhline(y, **style)


def share_legend(figure: Figure, loc: str = "outside lower center", order: Sequence[str] = (), **changes: Any) -> None:
    """Add one legend for the whole figure, with each label of any axes once, and those in ``order`` first."""
    found: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels()):
            found.setdefault(label, handle)
    names = sorted(found, key=lambda name: order.index(name) if name in order else len(order))
    options = {"ncols": len(names), "fontsize": "small", "columnspacing": 1.2, "handletextpad": 0.4} | changes
    figure.legend([found[name] for name in names], names, loc=loc, **options)


def plot_matrix(axes: Axes, values: np.ndarray, limit=None, row_label="", col_label="", title="") -> AxesImage:
    """Draw a signed matrix (rows, columns), zero in white and +-``limit`` darkest, and return the image."""
    values = np.asarray(values, dtype=float)
    require(values.ndim == 2, f"values must be a matrix (rows, columns), not of shape {values.shape}")
    limit = float(np.abs(values).max(initial=0.0) or 1.0) if limit is None else float(limit)
    label_axes(axes, col_label, row_label, title)
    return axes.imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")


def plot_episode(axes: Axes, values: np.ndarray, history: int, limit=None, *labels: str, linestyle="-") -> AxesImage:
    """Draw signed values (steps, rows), time to the right, with a line where the input ends, and return the image."""
    image = plot_matrix(axes, values.T, limit, *labels)
    draw_guide(axes, x=history - 0.5, linestyle=linestyle)
    return image


def plot_magnitudes(axes: Axes, values: np.ndarray, low=0.0, high=None, **changes: Any) -> AxesImage:
    """Draw a matrix (rows, columns) of magnitudes from ``low`` to ``high``, and return the image."""
    options = {"cmap": SEQUENTIAL, "aspect": "auto", "interpolation": "nearest"} | changes
    return axes.imshow(values, vmin=low, vmax=high, **options)


def write_cells(axes: Axes, texts: np.ndarray, dark: np.ndarray | None = None, **changes: Any) -> None:
    """Write texts (rows, columns) into the cells of an image, in white where ``dark`` is true; empty texts are left out."""
    for (row, column), text in np.ndenumerate(texts):
        ink = INK if dark is None or not dark[row, column] else "white"
        if str(text):
            axes.text(column, row, str(text), **({"ha": "center", "va": "center", "color": ink} | changes))


def number_ticks(axes: Axes, names: Sequence[str] | int, axis: str = "x", every: int | None = None) -> None:
    """Label the cells of an image by names, or by numbers from 1, at most ten by default; empty names get no tick."""
    names = [str(number + 1) for number in range(names)] if isinstance(names, int) else names
    every = every or max(1, -(-len(names) // 10))
    places = [place for place in range(0, len(names), every) if names[place]]
    setter = axes.set_xticks if axis == "x" else axes.set_yticks
    setter(places, [names[place] for place in places])


def number_cells(axes: Axes, columns: int, rows: int, every: int | None = None) -> None:
    """Number the columns and rows of an image from 1."""
    number_ticks(axes, columns, "x", every)
    number_ticks(axes, rows, "y", every)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Label the rows of marks at the heights 0, 1, ..."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.tick_params(axis="y", length=0)


def name_places(axes: Axes, places: Sequence[int]) -> None:
    """Put ticks only at ``places`` on a logarithmic x-axis."""
    axes.set_xticks(places, [str(place) for place in places])
    axes.minorticks_off()


def number_log_axis(axis: Axis, subs: Sequence[float] = (1.0, 2.0, 5.0), form: str = "g") -> None:
    """Label a logarithmic axis with plain numbers instead of powers, at ``subs`` times each power of ten."""
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:{form}}"))
    axis.set_minor_locator(NullLocator())


def mark_signs(axes: Axes, matrix: np.ndarray, size: float) -> None:
    """Mark the entries beyond +-1/2 of a drawn matrix, because cells of one or two pixels would vanish in print."""
    for sign, colour, marker in ((1, "#B2182B", "s"), (-1, "#2166AC", "D")):
        rows, columns = np.nonzero(np.asarray(matrix) * sign > 0.5)
        axes.plot(columns, rows, linestyle="none", marker=marker, markersize=size, color=colour)


def draw_unit_circle(axes: Axes, reach: float | None = None, **changes: Any) -> None:
    """Draw the unit circle in the complex plane, and show the plane up to ``reach``."""
    axes.add_patch(Circle((0, 0), 1, fill=False, edgecolor=FAINT, linewidth=1, zorder=0))
    span = {} if reach is None else {"xlim": (-reach, reach), "ylim": (-reach, reach)}
    axes.set(**{"aspect": "equal", "xlabel": "real part", "ylabel": "imaginary part"} | span | changes)


def draw_eigenvalues(axes: Axes, values: np.ndarray, **style: Any) -> None:
    """Draw complex eigenvalues (n,) as marks, by default as dark rings."""
    ring = {} if "color" in style else {"color": INK, "markerfacecolor": "none"}
    axes.plot(values.real, values.imag, **{"marker": "o", "linestyle": "none"} | ring | style)


def write_counts(axes: Axes, roots: np.ndarray, counts: Iterable[int], **style: Any) -> None:
    """Write the number of eigenvalues at each of the complex ``roots`` (n,), just outside the root."""
    for root, count in zip(roots, counts):
        axes.text(1.2 * root.real, 1.2 * root.imag, str(count), ha="center", va="center", **style)


def label_plane(figure: Figure) -> None:
    """Label the axes of all eigenvalue panels once, for the whole figure."""
    figure.supxlabel("real part", fontsize="small")
    figure.supylabel("imaginary part", fontsize="small")


def draw_runs(axes: Axes, points: Sequence[Mapping], value: str, epoch=1, scale=1, **style: Any) -> None:
    """Draw ``value`` against ``iteration``, one line per ``model``, in one style with one label; points with None are left out."""
    for model in dict.fromkeys(point["model"] for point in points):
        own = [point for point in points if point["model"] == model and point[value] is not None]
        axes.plot([each["iteration"] / epoch for each in own], [scale * each[value] for each in own], **style)
        style["label"] = None


_COLUMNS = ("panel", "kind", "series", "x", "y", "values")
# The colour of a cell resolves no more digits than this.
_CELL_DIGITS = 4


def make_csv(figure: Figure) -> str:
    """Return the data of a figure as CSV: number of the axes from 1, kind of mark, its label, its data coordinates.
    Each panel begins with a row ``panel`` for its title. A heatmap has one row per row of cells: ``y`` is its number,
    ``values`` its cells. Marks without data coordinates, such as guide lines across a panel, are left out."""
    rows: list[tuple[Any, ...]] = []
    for number, axes in enumerate(figure.axes, 1):
        title = axes.get_title("left") or axes.get_title()
        listed = [(kind, _name(artist.get_label()), places) for kind, artist, places in _list_marks(axes)]
        marks = [(number, kind, name, *place) for kind, name, places in listed for place in places]
        rows += [(number, "panel", _name(title)), *marks] if marks else []
    return write_table(_COLUMNS, rows, digits=6)


def write_table(header: Sequence[str], rows: Iterable[Sequence[Any]], digits: int) -> str:
    """Return rows, padded to the header's length, as CSV, with floats of ``digits`` significant digits."""
    lines = ([*(_write(value, digits) for value in row), *[""] * (len(header) - len(row))] for row in rows)
    return to_csv(header, lines)


def _list_marks(axes: Axes) -> Iterator[tuple[str, Any, Iterable]]:
    """Yield (kind, artist, places) of the marks in an axes; a place is (x, y), or (None, row, cells) in heatmaps."""
    for line in axes.lines:
        if line.get_transform() == axes.transData:
            yield "line", line, zip(*line.get_data(orig=False), strict=True)
    for image in axes.images:
        yield "row", image, _list_cells(image.get_array())
    for bars in axes.containers:
        yield "bar", bars, ((bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height()) for bar in bars)
    for marks in axes.collections:
        if isinstance(marks, QuadMesh):
            yield "row", marks, _list_cells(marks.get_array())
        elif isinstance(marks, PathCollection) and marks.get_offset_transform() == axes.transData:
            yield "point", marks, np.ma.filled(marks.get_offsets().astype(float), np.nan)
        elif marks.get_transform() == axes.transData:
            kind = "segment" if isinstance(marks, LineCollection) else "area"
            yield kind, marks, (vertex for path in marks.get_paths() for vertex in path.vertices)


def _list_cells(cells: Any) -> Iterator[tuple[Any, ...]]:
    for number, row in enumerate(np.ma.filled(np.ma.asarray(cells, dtype=float), np.nan)):
        yield None, number, " ".join(_write(value, _CELL_DIGITS) for value in row)


def _name(text: Any) -> str:
    return "" if str(text or "").startswith("_") else " ".join(str(text or "").split())


def _write(value: Any, digits: int) -> str:
    if isinstance(value, (float, np.floating)):
        # Rounding errors are written as 0.
        return f"{value:.{digits}g}" if abs(value) > 1e-30 else "0"
    return "" if value is None else str(value)
