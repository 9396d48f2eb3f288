"""The numbers that a figure shows, as a table: for whoever wants to draw it again or to measure it."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.figure import Figure

_COLUMNS = ("panel", "kind", "series", "x", "y", "values")
# The colour of a cell shows no more than this.
_CELL_DIGITS = 4


def make_csv(figure: Figure) -> str:
    """Return what a figure's artists show as CSV: axes from 1, kind of mark, its label, its place in data coordinates.
    Each panel begins with a row ``panel`` for its title. A heatmap has a row for each of its rows: ``y`` its number,
    ``values`` its cells. Marks that data does not place, such as guide lines across a panel, are left out."""
    rows: list[tuple[Any, ...]] = []
    for number, axes in enumerate(figure.axes, 1):
        title = axes.get_title("left") or axes.get_title()
        marks = [
            (number, kind, _name(artist.get_label()), *place)
            for kind, artist, places in _list_marks(axes)
            for place in places
        ]
        rows += [(number, "panel", _name(title)), *marks] if marks else []
    return write_table(_COLUMNS, rows, digits=6)


def write_table(header: Sequence[str], rows: Iterable[Sequence[Any]], digits: int) -> str:
    """Return rows, padded to the header's length, as CSV with numbers of so many digits."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([*(_write(value, digits) for value in row), *[""] * (len(header) - len(row))])
    return stream.getvalue()


def _list_marks(axes: Axes) -> Iterator[tuple[str, Any, Iterable]]:
    """List an axes' marks: their kind, their artist, and for each its place (x, y) or (None, row, cells)."""
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
        # What is 0 to rounding is 0 to a reader.
        return f"{value:.{digits}g}" if abs(value) > 1e-30 else "0"
    return "" if value is None else str(value)
