"""The numbers that a figure shows, as a table: for whoever wants to draw it again or to measure it."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from twm.book.figures.animation import Animation, Panel

#: Columns of a still figure's table.
DATA_COLUMNS = ("panel", "kind", "series", "x", "y", "values")

# The colour of a cell shows no more than this.
_CELL_DIGITS = 4


def list_figure_data(figure: Figure) -> list[tuple[Any, ...]]:
    """Read back what a figure's artists show.

    Args:
        figure: any Figure.

    Returns:
        Rows of :data:`COLUMNS`: the axes' number from 1, what kind of mark, its label, and its place in data coordinates.
        Every panel begins with a row ``panel`` that has its title for a label. A heatmap has a row for each of its rows, ``y``
        its number and ``values`` its cells from the left, with spaces between them; everything else leaves ``values`` empty.
        Marks that are not placed by data, such as guide lines across a panel, are left out.
    """
    rows: list[tuple[Any, ...]] = []
    for number, axes in enumerate(figure.axes, 1):
        marks = [(number, *row) for row in _list_axes_data(axes)]
        if marks:
            title = " ".join((axes.get_title("left") or axes.get_title()).split())
            rows += [(number, "panel", title, None, None, None), *marks]
    return rows


def _list_axes_data(axes: Axes) -> Iterator[tuple[Any, ...]]:
    for line in axes.lines:
        if line.get_transform() == axes.transData:
            for x, y in zip(*line.get_data(orig=False), strict=True):
                yield ("line", _name(line), x, y, None)
    for image in axes.images:
        yield from _list_cells(image)
    for container in axes.containers:
        if isinstance(container, BarContainer):
            for bar in container:
                yield ("bar", _name(container), bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height(), None)
    for collection in axes.collections:
        if isinstance(collection, QuadMesh):
            yield from _list_cells(collection)
        else:
            yield from _list_collection(collection, axes)


def _list_cells(picture: AxesImage | QuadMesh) -> Iterator[tuple[Any, ...]]:
    values = np.ma.filled(np.ma.asarray(picture.get_array(), dtype=float), np.nan)
    if values.ndim == 2:
        for number, row in enumerate(values):
            yield ("row", _name(picture), None, number, " ".join(_write(value, _CELL_DIGITS) for value in row))


def _list_collection(collection: Collection, axes: Axes) -> Iterator[tuple[Any, ...]]:
    if isinstance(collection, PathCollection) and collection.get_offset_transform() == axes.transData:
        for x, y in np.ma.filled(collection.get_offsets().astype(float), np.nan):
            yield ("point", _name(collection), x, y, None)
    elif isinstance(collection, (LineCollection, PolyCollection)) and collection.get_transform() == axes.transData:
        kind = "segment" if isinstance(collection, LineCollection) else "area"
        for path in collection.get_paths():
            for x, y in path.vertices:
                yield (kind, _name(collection), x, y, None)


def _name(artist: Any) -> str:
    label = str(artist.get_label() or "")
    return "" if label.startswith("_") else " ".join(label.split())


def list_animation_data(animation: Animation) -> list[tuple[Any, ...]]:
    """Return every value of a moving picture.

    Args:
        animation: of heatmaps and curves.

    Returns:
        Rows of step, panel, name and values: for a heatmap a row of the picture under its name; for curves their heights,
        and once before them, without a step, the positions that they belong to.
    """
    rows: list[tuple[Any, ...]] = []
    for panel in animation.panels:
        if isinstance(panel, Panel):
            for step, row in np.ndindex(panel.frames.shape[:2]):
                rows.append((step, panel.title, panel.row_names[row], *panel.frames[step, row]))
        else:
            rows.append((None, panel.title, panel.x_label, *panel.x))
            for step, curve in np.ndindex(panel.lines.shape[:2]):
                rows.append((step, panel.title, panel.names[curve], *panel.lines[step, curve]))
    return rows


def make_csv(shown: Figure | Animation) -> str:
    """Return what a figure or a moving picture shows as CSV.

    Args:
        shown: either.

    Returns:
        a header and the rows of :func:`list_figure_data`, numbers with six digits, or of :func:`list_animation_data`, with
        four, which is more than the player draws.
    """
    if isinstance(shown, Animation):
        rows, digits = list_animation_data(shown), 4
        widest = max(map(len, rows)) - 3
        header = ("step", "panel", "row", *(f"value{number}" for number in range(1, widest + 1)))
    else:
        rows, digits, header = list_figure_data(shown), 6, DATA_COLUMNS
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([*(_write(value, digits) for value in row), *[""] * (len(header) - len(row))])
    return stream.getvalue()


def _write(value: Any, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, (float, np.floating)):
        # What is 0 to rounding is 0 to a reader.
        return f"{value:.{digits}g}" if abs(value) > 1e-30 else "0"
    return str(value)
