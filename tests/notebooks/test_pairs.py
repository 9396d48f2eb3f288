"""The paired notebooks agree by content, and follow the page's order."""

from pathlib import Path

import pytest
from twm.book.runner import PARAMETERS, find_difference, list_notebooks, read_source
from twm.book.site import list_pages

NAMES = list_notebooks()


def test_there_are_notebooks_and_the_table_of_contents_lists_them_all():
    assert NAMES and list_pages() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_pair_agrees_and_carries_no_output(name: str):
    assert find_difference(name) is None


@pytest.mark.parametrize("name", NAMES)
def test_there_is_exactly_one_parameters_cell_with_the_four_parameters(name: str):
    (cell,) = [cell for cell in read_source(name).cells if "parameters" in cell.metadata.get("tags", [])]
    assigned = [
        line.split("=")[0].strip() for line in cell.source.splitlines() if "=" in line and not line.startswith("#")
    ]
    assert tuple(assigned) == PARAMETERS


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_short_and_every_figure_has_a_name_a_caption_and_an_alternative_text(name: str, root: Path):
    for number, cell in enumerate(read_source(name).cells, start=1):
        if cell.cell_type != "code":
            continue
        assert len(cell.source.splitlines()) <= 30, f"{name}, cell {number} is long: move it into twm"
        if "plot_" in cell.source and "import" not in cell.source.split("plot_")[0].splitlines()[-1]:
            metadata = cell.metadata.get("mystnb", {})
            assert metadata.get("figure", {}).get("name", "").startswith("fig-"), f"{name}, cell {number}"
            assert len(metadata["figure"].get("caption", "")) > 30, f"{name}, cell {number}"
            assert len(metadata.get("image", {}).get("alt", "")) > 30, f"{name}, cell {number}"
