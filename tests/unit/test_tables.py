"""A table on a page: the same cells as text and as a table that a screen reader can read."""

from xml.etree import ElementTree

import pytest

from twm.book.session import DataTable

HEADER = ("task", "rad & more", "n")
ROWS = [("T1 <small>", 0.5, 3), ('"T2"', "–", 12)]
CAPTION = 'Errors < 1 & "seeds"'


def test_text_and_html_hold_the_same_cells_under_the_caption():
    table = DataTable(HEADER, ROWS, CAPTION)
    lines = repr(table).splitlines()
    assert lines[:2] == [CAPTION, "task        rad & more   n"] and lines[3] == '"T2"                 –  12'
    assert len({len(line) for line in lines[1:]}) == 1
    # Tags that do not nest, or text that became markup, are an error here.
    root = ElementTree.fromstring(table._repr_html_())
    texts = {tag: [element.text for element in root.iter(tag)] for tag in ("caption", "th", "td")}
    assert texts["caption"] == [CAPTION] and texts["th"] == [*HEADER, "T1 <small>", '"T2"']
    assert texts["td"] == ["0.5", "3", "–", "12"]
    assert [element.get("scope") for element in root.iter("th")] == ["col"] * 3 + ["row"] * 2
    # Wide tables scroll; the frame can be reached by keyboard and says what it is.
    frame = {"class": "twm-data-frame", "tabindex": "0", "role": "region", "aria-label": CAPTION}
    assert (root.tag, root.attrib) == ("div", frame)


def test_a_table_without_rows_is_its_head_and_a_row_of_another_length_is_refused():
    assert repr(DataTable(HEADER, [], "Nothing")) == "Nothing\ntask  rad & more  n"
    for row in (("T1",), ("T1", 1, 2, 3)):
        with pytest.raises(ValueError, match="3 cells"):
            DataTable(HEADER, [("T1", 1, 2), row], CAPTION)
