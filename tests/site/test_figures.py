"""Below every figure of a notebook: its data as a file, what drew it, and how to make it again."""

import csv
import importlib
import json
import re

import pytest

from tests.site.conftest import complain

pytest.importorskip("sphinx", reason="the extra `book` is not installed")


FIGURE = {"image/png", "text/html"}
SOURCE = r'<details class="twm-more twm-source"><summary>.*? of ([\w-]+)</span>.*?<dl (.*?)</details>'


@pytest.mark.slow
def test_every_labelled_figure_says_where_it_comes_from(site, smoke, root):
    missing, whole, functions = {}, 0, 0
    for path in sorted(smoke.pages.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        # A cell whose record is missing says so in words and draws nothing.
        shown = [{kind for out in cell.get("outputs", []) for kind in out.get("data", {})} for cell in cells]
        drawn = [cell["metadata"].get("mystnb", {}) for cell, kinds in zip(cells, shown, strict=True) if FIGURE & kinds]
        labels = [metadata["figure"]["name"] for metadata in drawn if "figure" in metadata]
        text = (site / "pages" / f"{path.stem}.html").read_text(encoding="utf-8")
        lines = dict(re.findall(SOURCE, text))
        missing[path.stem] = sorted(set(labels) - set(lines))
        assert len(labels) >= (2 if path.stem.startswith("A") else 3)  # an appendix is short
        for label, line in lines.items():
            assert f"<code>twm run {path.stem} --profile smoke --seed 0</code>" in line, label
            assert f"notebooks/{path.stem}.py" in line and "commit" in line
            function = re.search(r"<dt>Drawn by</dt><dd><code>([\w.]+)</code>", line)
            if function:
                functions += 1
                module, _, name = function[1].rpartition(".")
                assert callable(getattr(importlib.import_module(module), name)), function[1]
            data = re.search(r'href="\.\./(_static/data/[\w/.-]+\.csv)"', line)
            if data:
                rows = list(csv.reader((site / data[1]).read_text(encoding="utf-8").splitlines()))
                assert len(rows) > 1 and len({len(row) for row in rows}) == 1, label
                whole += (site / data[1]).stat().st_size
    complain(missing)
    assert 10_000 < whole < 5_000_000 and functions > 10
    # One figure whose numbers are known: Fibonacci's series on the page of the theory.
    path = site / "_static" / "data" / "01_theory" / "fig-theory-recursions.csv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    assert [float(row["y"]) for row in rows if row["series"].startswith("s = 2")][:6] == [1, 1, 2, 3, 5, 8]


@pytest.mark.slow
def test_the_recorded_tables_are_on_the_site(site, root):
    """Every table of recorded runs is a file of the site, as committed, and the page about data counts its rows."""
    text = (site / "data.html").read_text(encoding="utf-8")
    found = re.findall(r'<a href="(_static/data/records/([\w.-]+))" download>', text)
    tables = sorted((root / "book" / "results").glob("*.csv"))
    assert [name for _, name in found] == [path.name for path in tables] and len(tables) > 3
    for (address, _), path in zip(found, tables, strict=True):
        assert (site / address).read_bytes() == path.read_bytes()
        row = text[text.index(address) :].partition("</tr>")[0]
        with path.open(encoding="utf-8", newline="") as file:
            assert f"<p>{len(list(csv.DictReader(file)))}</p>" in row, path.name
