"""Sphinx extension: every figure of a notebook carries its data and says how to make it again.

A figure brings its numbers along in the executed notebook, as CSV beside the picture (:mod:`twm.book.figures.style`). They become
a file of the site, and below the figure stands a line that opens to it, with the function that drew it, the command, the
profile and the seeds. The tables of the recorded runs, a row a model and seed, are files of the site as well; the directive
``twm-records`` lists them.
"""

import csv
import html
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from twm_book import _cell, _evidence, _row, _table

from twm.book.figures.style import PANELS
from twm.paths import results_dir

#: Below the site's _static.
PLACE = "data"
RECORDS = "records"
MIME = "text/csv"

_ALIAS = re.compile(
    r"^(?:from (?P<package>[\w.]+) import (?P<names>.+)|import (?P<module>[\w.]+) as (?P<short>\w+))$", re.MULTILINE
)
_CALL = re.compile(r"^(?:\w+ = )?(?P<name>[A-Za-z_][\w.]*)\(", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """Where a figure comes from.

    Attributes:
        name: its label.
        function: what drew it, with its module; empty where that is not a function of the library.
        csv: its numbers; empty where it has none.
        panels: where its panels are, see :func:`twm.book.figures.style.find_panels`; empty where that is not known.
    """

    name: str
    function: str
    csv: str
    panels: dict[str, list]


def read_names(code: str) -> dict[str, str]:
    """Return what the names that code imports from the library stand for."""
    names: dict[str, str] = {}
    for found in _ALIAS.finditer(
        re.sub(r"\((.*?)\)", lambda inside: " ".join(inside[1].split()), code, flags=re.DOTALL)
    ):
        if found["module"]:
            names[found["short"]] = found["module"]
            continue
        for part in found["names"].split(","):
            full, _, short = part.strip().partition(" as ")
            if full:
                names[(short or full).strip()] = f"{found['package']}.{full.strip()}"
    return {name: full for name, full in names.items() if full.startswith("twm")}


def find_function(code: str, names: dict[str, str]) -> str:
    """Return the last call of a cell that goes to the library's figures, with its module."""
    found = ""
    for call in _CALL.finditer(code):
        first, _, rest = call["name"].partition(".")
        full = names.get(first, "") + (f".{rest}" if rest else "")
        if full.startswith("twm.book.figures."):
            found = full
    return found


def read_sources(path: Path) -> dict[str, Source]:
    """Return the sources of all labelled figures of an executed notebook, by label."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells]
    names = read_names("\n".join(text for text, cell in zip(code, cells, strict=True) if cell["cell_type"] == "code"))
    found = {}
    for text, cell in zip(code, cells, strict=True):
        label = cell["metadata"].get("mystnb", {}).get("figure", {}).get("name")
        if cell["cell_type"] == "code" and label:
            known = [output["data"] for output in cell["outputs"] if MIME in output.get("data", {})]
            data = known[-1] if known else {}
            found[label] = Source(label, find_function(text, names), "".join(data.get(MIME, "")), data.get(PANELS, {}))
    return found


def write_data(app: Sphinx) -> None:
    """Write the tables of all notebooks and of all recorded runs into the site; remember where every figure comes from."""
    app.env.twm_sources = {}
    if app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / PLACE / RECORDS
    folder.mkdir(parents=True, exist_ok=True)
    for path in list_records():
        shutil.copyfile(path, folder / path.name)
    for path in sorted((Path(app.srcdir) / "pages").glob("*.ipynb")):
        sources = read_sources(path)
        app.env.twm_sources[f"pages/{path.stem}"] = sources
        for source in sources.values():
            if source.csv:
                target = Path(app.outdir) / "_static" / PLACE / path.stem / f"{source.name}.csv"
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(source.csv, encoding="utf-8")


def list_records() -> list[Path]:
    """Return the tables of recorded runs, by name."""
    return sorted(results_dir().glob("*.csv"))


class RecordsDirective(SphinxDirective):
    """The tables of recorded runs: a link to each, how many rows it has, and of how many seeds they are."""

    _COLUMNS = [("Table", "table", 30), ("Rows", "rows", 10), ("Seeds", "seeds", 10), ("Size", "size", 10)]

    def run(self) -> list[nodes.Node]:
        rows = []
        for path in list_records():
            with path.open(encoding="utf-8", newline="") as file:
                found = list(csv.DictReader(file))
            seeds = {row["seed"] for row in found if row.get("seed")}
            address = "../" * self.env.docname.count("/") + f"_static/{PLACE}/{RECORDS}/{path.name}"
            link = nodes.raw("", f'<a href="{address}" download>{path.name}</a>', format="html")
            cells = [
                _cell(link, "table"), _cell(str(len(found)), "rows"), _cell(str(len(seeds) or "\N{EM DASH}"), "seeds"),
                _cell(f"{path.stat().st_size / 1000:.0f} kB", "size"),
            ]  # fmt: skip
            rows.append(_row(cells))
        return [_table(self._COLUMNS, rows, "twm-records")]


def describe_source(app: Sphinx, docname: str, source: Source) -> str:
    """Return the line below a figure, as HTML."""
    notebook = docname.partition("/")[2]
    page = _evidence().get(notebook, {})
    items = []
    if source.csv:
        address = "../" * docname.count("/") + f"_static/{PLACE}/{notebook}/{source.name}.csv"
        size = len(source.csv.encode()) / 1000
        items.append(("Data", f'<a href="{address}" download>{source.name}.csv</a>, {size:.0f} kB'))
    if source.function:
        items.append(
            ("Drawn by", f"<code>{html.escape(source.function)}</code> in <code>notebooks/{notebook}.py</code>")
        )
    else:
        items.append(("Drawn in", f"<code>notebooks/{notebook}.py</code>"))
    if page:
        items.append(
            ("Reproduce", f"<code>twm run {notebook} --profile {page['profile']} --seed {page['seed']}</code>")
        )
        claims = [(name, entry) for name, entry in page["claims"].items() if entry.get("figure") == source.name]
        seeds = "; ".join(
            f"{html.escape(name)}: {entry['seeds']} seed{'s' if entry['seeds'] != 1 else ''}" for name, entry in claims
        )
        reused = ", with saved results" if page.get("reuse") else ""
        items.append(
            ("Run", f"profile {page['profile']}{reused}, {page['date']}, commit {html.escape(page['commit'])}")
        )
        if seeds:
            items.append(("Seeds", seeds))
    rows = "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in items)
    summary = f'<summary>Data and source<span class="twm-hidden"> of {html.escape(source.name)}</span></summary>'
    return f'<details class="twm-more twm-source">{summary}<dl class="twm-more-list">{rows}</dl></details>'


# Pixels: what an inch takes at least, so that a figure's smallest letters (8.3 points) have 11; and what a narrow phone has across.
_INCH, _ACROSS = 95.2, 356


def stack_panels(address: str, panels: dict[str, list]) -> str:
    """Return the panels of a picture one below the other, as a phone shows them in its place: small ones are enlarged."""
    width, height = panels["size"]
    stack, margin = "", 0.04
    for place, (left, top, across, down) in enumerate(panels["panels"], start=1):
        left, top, across, down = left - margin, top - margin, across + 2 * margin, down + 2 * margin
        inch = min(max(_ACROSS / across, _INCH), 1.4 * _INCH)
        # What is wider than a phone scrolls, and what scrolls must be reachable by the keyboard.
        reach = f' tabindex="0" role="region" aria-label="Part {place} of the figure"' if inch * across > 360 else ""
        crop = f"width:{inch * across:.0f}px;height:{inch * down:.0f}px"
        shift = f"width:{inch * width:.0f}px;height:{inch * height:.0f}px;left:{-inch * left:.0f}px;top:{-inch * top:.0f}px"
        picture = f'<img alt="" loading="lazy" src="{address}" style="{shift}">'
        stack += f'<div class="twm-scroll"{reach}><div class="twm-panel" style="{crop}">{picture}</div></div>'
    return f'<div class="twm-stack">{stack}</div>'


def add_sources(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put a phone's version into every labelled figure of a notebook's page, and the line on its source below."""
    sources = getattr(app.env, "twm_sources", {}).get(docname, {})
    for figure in list(doctree.findall(nodes.figure)):
        label = next((name for name in figure["ids"] if name in sources), None)
        if label is not None:
            for image in figure.findall(nodes.image) if sources[label].panels else ():
                address = "../" * docname.count("/") + f"_images/{app.env.images[image['uri']][1]}"
                raw = nodes.raw("", stack_panels(address, sources[label].panels), format="html")
                image.parent.insert(image.parent.index(image) + 1, raw)
                break
            place = figure.parent
            raw = nodes.raw("", describe_source(app, docname, sources[label]), format="html")
            place.insert(place.index(figure) + 1, raw)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and the hooks."""
    app.add_directive("twm-records", RecordsDirective)
    app.connect("builder-inited", write_data)
    app.connect("doctree-resolved", add_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
