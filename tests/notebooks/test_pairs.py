"""The paired notebooks agree by content, and follow the page's order."""

import re

import pytest

from twm.book.evidence import list_pages
from twm.book.runner import PARAMETERS, find_difference, list_notebooks, read_source

NAMES = list_notebooks()


def test_there_are_notebooks_and_the_table_of_contents_lists_them_all():
    assert NAMES and list_pages() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_pair_agrees_and_carries_no_output(name: str):
    assert find_difference(name) is None


@pytest.mark.parametrize("name", NAMES)
def test_there_is_exactly_one_parameters_cell_with_the_four_parameters(name: str):
    (cell,) = [cell for cell in read_source(name).cells if "parameters" in cell.metadata.get("tags", [])]
    assert tuple(re.findall(r"^(\w+) =", cell.source, re.MULTILINE)) == PARAMETERS


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_short_bookkeeping_is_collapsed_and_every_figure_says_what_it_shows(name: str):
    for number, cell in enumerate(read_source(name).cells, start=1):
        if cell.cell_type != "code":
            continue
        assert len(cell.source.splitlines()) <= 30, f"{name}, cell {number} is long: move it into twm"
        if re.search(r"^(import|from) |page\.(record|settle|skip)\(", cell.source, re.MULTILINE):
            assert "hide-input" in cell.metadata.get("tags", []), f"{name}, cell {number} is for the record"
        if "plot_" in cell.source:
            figure, image = (cell.metadata.get("mystnb", {}).get(part, {}) for part in ("figure", "image"))
            assert figure.get("name", "").startswith("fig-"), f"{name}, cell {number}"
            assert min(len(figure.get("caption", "")), len(image.get("alt", ""))) > 30, f"{name}, cell {number}"
