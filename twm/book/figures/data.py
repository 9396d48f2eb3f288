"""The numbers that a figure shows, as a table: for whoever wants to draw it again or to measure it."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

_COLUMNS = ("panel", "kind", "series", "x", "y", "values")
# The colour of a cell shows no more than this.
_CELL_DIGITS = 4


def make_csv(figure: Figure) -> str:
    """Return what a figure's artists show as CSV: axes from 1, kind of mark, its label, its place in data coordinates.
    Each panel begins with a row ``panel`` for its title. A heatmap has a row for each of its rows: ``y`` its number,
    ``values`` its cells. Marks that data does not place, such as guide lines across a panel, are left out."""
    rows: list[tuple[Any, ...]] = []
    for number, axes in enumerate(figure.axes, 1):
        marks = [(number, *row) for row in _list_marks(axes)]
        if marks:
            title = " ".join((axes.get_title("left") or axes.get_title()).split())
            rows += [(number, "panel", title, None, None, None), *marks]
    return write_table(_COLUMNS, rows, digits=6)


def write_table(header: Sequence[str], rows: Iterable[Sequence[Any]], digits: int) -> str:
    """Return rows, padded to the header's length, as CSV with numbers of so many digits."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([*(_write(value, digits) for value in row), *[""] * (len(header) - len(row))])
    return stream.getvalue()


def _list_marks(axes: Axes) -> Iterator[tuple[Any, ...]]:
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


def _write(value: Any, digits: int) -> str:
    if value is None:
        return ""
    if isinstance(value, (float, np.floating)):
        # What is 0 to rounding is 0 to a reader.
        return f"{value:.{digits}g}" if abs(value) > 1e-30 else "0"
    return str(value)
