"""The site as files, for which no browser is needed: links, anchors, sizes, and nobody's machine in them."""

from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.site.conftest import complain

pytestmark = pytest.mark.slow


class Collector(HTMLParser):
    """The ids of a page, and what it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.ids, self.links = text, Counter(), set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        found = dict(attrs)
        self.ids.update([found["id"]] if found.get("id") else [])
        self.links.update(found[name] for name in ("href", "src") if found.get(name) and tag != "base")


@pytest.fixture(scope="module")
def parsed(site: Path, page_names: list[str]) -> dict[str, Collector]:
    return {name: Collector((site / name).read_text(encoding="utf-8")) for name in page_names}


def test_internal_links_resolve(site, parsed):
    def is_wrong(name: str, link: str) -> bool:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            return parts.scheme not in ("http", "https", "data", "mailto")
        target = (site / name).parent / unquote(parts.path) if parts.path else site / name
        if not target.exists() or not parts.fragment or target.suffix != ".html":
            return not target.exists()
        return parts.fragment not in parsed[str(target.resolve().relative_to(site.resolve()))].ids

    complain({name: sorted(link for link in page.links if is_wrong(name, link)) for name, page in parsed.items()})


def test_ids_are_unique(parsed):
    # Sphinx repeats the id of an index entry's table of contents; only anchors that pages link to matter.
    linked = {urlsplit(link).fragment for page in parsed.values() for link in page.links}
    complain({name: [i for i, n in page.ids.items() if n > 1 and i in linked] for name, page in parsed.items()})


def test_no_page_names_a_machine_or_another_host_for_its_parts(site, parsed):
    traces = ("cdn.", "unpkg", "googleapis", "/site-packages/", "file://", str(site))
    complain({name: [trace for trace in traces if trace in page.text] for name, page in parsed.items()})


def test_sizes(site, parsed):
    pictures = {path.name: path.stat().st_size for path in (site / "_images").glob("*")}
    for name, page in parsed.items():
        size = (site / name).stat().st_size + sum(size for path, size in pictures.items() if path in page.text)
        assert size < 3_000_000, f"{name} is {size} bytes with its pictures"
    whole = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    assert whole < 40_000_000, f"the site is {whole} bytes"


def test_the_book_in_one_page_has_every_page_and_no_dead_link(site):
    from bs4 import BeautifulSoup

    from twm.book.evidence import join_pages, list_pages_of_book

    pages = list_pages_of_book()
    whole = BeautifulSoup(join_pages(site, pages), "html.parser")
    known = [tag["id"] for tag in whole.find_all(id=True)]
    assert [section["id"] for section in whole.find_all("section", class_="twm-page")] == [page.replace("/", "-") for page in pages]
    links = {tag["href"][1:] for tag in whole.find_all("a", href=True) if tag["href"].startswith("#")}
    assert len(links) > 500 and not sorted(links - set(known))
    pictures = {tag["src"] for tag in whole.find_all("img")}
    assert pictures and all((site / source).exists() for source in pictures if not source.startswith("data:"))


def test_a_pdf_that_cannot_be_printed_is_one_line(monkeypatch, tmp_path, refused):
    from twm.book import evidence

    for path in (tmp_path / "no" / "book.pdf", tmp_path):
        refused("expected a file in an existing folder", "book", "--pdf", path)
    monkeypatch.setattr(evidence.shutil, "which", lambda name: None)
    refused("Chromium", "book", "--pdf", tmp_path / "book.pdf")
