"""Tables of numbers on a page: plain text in a terminal, a labelled table in the book."""

from collections.abc import Sequence
from html import escape


class DataTable:
    """A small table with a caption, shown by a notebook as the last value of a cell.

    Args:
        header: names of the columns.
        rows: texts, as many a row as there are columns; the first one names the row.
        caption: what the table shows.
    """

    def __init__(self, header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> None:
        self.header, self.rows, self.caption = list(header), [list(map(str, row)) for row in rows], caption
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError(f"every row needs {len(self.header)} cells, one a column")

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows)]
        lines = [
            "  ".join(
                text.rjust(width) if place else text.ljust(width)
                for place, (text, width) in enumerate(zip(row, widths))
            )
            for row in (self.header, *self.rows)
        ]
        return "\n".join([self.caption, *lines])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.header)
        body = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<div class="twm-data-frame" tabindex="0" role="region" aria-label="{escape(self.caption, quote=True)}">'
            f'<table class="twm-data"><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )
