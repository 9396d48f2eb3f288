"""A table on a page: the same cells as text and as a table that a screen reader can read."""

from html.parser import HTMLParser

import pytest
from twm.book.session import DataTable

HEADER = ("task", "rad & more", "n")
ROWS = [("T1 <small>", 0.5, 3), ('"T2"', "–", 12)]
CAPTION = 'Errors < 1 & "seeds"'


class Reader(HTMLParser):
    """Collect tags with their attributes and texts, and check that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.found = [], []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.found.append((tag, dict(attributes), ""))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        tag, attributes, text = self.found[-1]
        self.found[-1] = (tag, attributes, text + data)


def read_html(table):
    reader = Reader()
    reader.feed(table._repr_html_())
    reader.close()
    assert not reader.open
    return reader.found


def test_the_text_has_aligned_columns_under_its_caption():
    lines = repr(DataTable(HEADER, ROWS, CAPTION)).splitlines()
    assert lines == [
        CAPTION,
        "task        rad & more   n",
        "T1 <small>         0.5   3",
        '"T2"                 –  12',
    ]
    assert len({len(line) for line in lines[1:]}) == 1


def test_the_table_has_a_caption_and_labelled_heads():
    found = read_html(DataTable(HEADER, ROWS, CAPTION))
    assert [text for tag, _, text in found if tag == "caption"] == [CAPTION]
    columns = [text for tag, attributes, text in found if tag == "th" and attributes == {"scope": "col"}]
    names = [text for tag, attributes, text in found if tag == "th" and attributes == {"scope": "row"}]
    assert columns == list(HEADER) and names == ["T1 <small>", '"T2"']
    assert [text for tag, _, text in found if tag == "td"] == ["0.5", "3", "–", "12"]
    assert [tag for tag, _, _ in found].count("tr") == 3
    # Wide tables scroll; the frame can be reached by keyboard and says what it is.
    assert found[0][:2] == (
        "div",
        {"class": "twm-data-frame", "tabindex": "0", "role": "region", "aria-label": CAPTION},
    )


def test_nothing_of_a_text_becomes_markup():
    html = DataTable(("<b>",), [("<script>",)], '<i> & "')._repr_html_()
    assert not any(mark in html for mark in ("<b>", "<script>", "<i>"))
    assert "&lt;b&gt;" in html and "&lt;script&gt;" in html
    # Inside the attribute a quotation mark would end it.
    assert 'aria-label="&lt;i&gt; &amp; &quot;"' in html


def test_a_table_without_rows_is_its_head_and_a_row_of_another_length_is_refused():
    table = DataTable(HEADER, [], "Nothing")
    assert repr(table) == "Nothing\ntask  rad & more  n"
    assert [tag for tag, _, _ in read_html(table)].count("td") == 0
    for row in (("T1",), ("T1", 1, 2, 3), ()):
        with pytest.raises(ValueError, match="3 cells"):
            DataTable(HEADER, [("T1", 1, 2), row], CAPTION)
