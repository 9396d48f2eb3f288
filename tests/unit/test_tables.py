"""A table on a page: the same cells as text and as a table that a screen reader can read."""

from xml.etree import ElementTree

import pytest
from twm.book.session import DataTable

HEADER = ("task", "rad & more", "n")
ROWS = [("T1 <small>", 0.5, 3), ('"T2"', "–", 12)]
CAPTION = 'Errors < 1 & "seeds"'


def read_html(table):
    """Return the root of the table's HTML, and how to list the texts of a tag; tags that do not nest are an error."""
    root = ElementTree.fromstring(table._repr_html_())
    return root, lambda tag, **known: [e.text for e in root.iter(tag) if known.items() <= e.attrib.items()]


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
    root, texts = read_html(DataTable(HEADER, ROWS, CAPTION))
    assert texts("caption") == [CAPTION]
    assert texts("th", scope="col") == list(HEADER) and texts("th", scope="row") == ["T1 <small>", '"T2"']
    assert texts("td") == ["0.5", "3", "–", "12"] and len(texts("tr")) == 3
    # Wide tables scroll; the frame can be reached by keyboard and says what it is.
    frame = {"class": "twm-data-frame", "tabindex": "0", "role": "region", "aria-label": CAPTION}
    assert (root.tag, root.attrib) == ("div", frame)


def test_nothing_of_a_text_becomes_markup():
    html = DataTable(("<b>",), [("<script>",)], '<i> & "')._repr_html_()
    assert not any(mark in html for mark in ("<b>", "<script>", "<i>"))
    assert "&lt;b&gt;" in html and "&lt;script&gt;" in html
    # Inside the attribute a quotation mark would end it.
    assert 'aria-label="&lt;i&gt; &amp; &quot;"' in html


def test_a_table_without_rows_is_its_head_and_a_row_of_another_length_is_refused():
    table = DataTable(HEADER, [], "Nothing")
    assert repr(table) == "Nothing\ntask  rad & more  n"
    assert read_html(table)[1]("td") == []
    for row in (("T1",), ("T1", 1, 2, 3), ()):
        with pytest.raises(ValueError, match="3 cells"):
            DataTable(HEADER, [("T1", 1, 2), row], CAPTION)
