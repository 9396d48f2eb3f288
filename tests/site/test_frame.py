"""What stands around the pages: titles, descriptions, cards, footer, the page for what is missing, the list of pages."""

import html
import re
import shutil
import struct
import subprocess
import types
from pathlib import Path

import docutils.nodes
import pytest
from docutils.core import publish_doctree

from tests.site.conftest import load_extension

addnodes = pytest.importorskip("sphinx.addnodes", reason="the extra `book` is not installed")

slow = pytest.mark.slow
browser = pytest.mark.browser


@pytest.fixture(scope="module")
def frame(root: Path) -> types.ModuleType:
    return load_extension(root, "twm_frame")


def test_descriptions_end_with_sentences_or_words(frame):
    sentence = "A sentence that says what this page is about, and no more."
    assert frame.shorten(f"{sentence} {'word ' * 60}") == sentence
    cut = frame.shorten("word " * 60)
    assert len(cut) <= frame.LONGEST and cut.endswith("word\N{HORIZONTAL ELLIPSIS}")
    assert frame.shorten("short\n text") == "short text"


def test_a_description_is_the_first_sentence_of_the_text(frame):
    words = "This is the first paragraph of the page, long enough to describe it."
    page = publish_doctree(f"Title\n=====\n\n.. note:: {words.upper()}\n\nShort.\n\n{words}\n\n{words[::-1]}")
    assert frame.describe_page(page) == words
    assert frame.describe_page(publish_doctree("")) == "" == frame.describe_page(None)


def test_a_description_has_no_keys_and_no_gaps(frame):
    """Citations are left out, resolved or not; a reference without words takes the title of its page."""
    sentence = "The theory of episodes has an older form"
    page = publish_doctree(f"{sentence}, KEY. Its words are on LINK. So it goes on:")
    text = page.next_node(docutils.nodes.Text)
    before, between, after = re.split("KEY|LINK", text.astext())
    cite = addnodes.pending_xref("", docutils.nodes.inline("", "karuvally2023episodic"), refdomain="cite")
    link = addnodes.pending_xref("", docutils.nodes.inline("", ""), refdomain="std", reftarget="notation.md")
    before, between, after = (docutils.nodes.Text(part) for part in (before, between, after))
    text.parent.replace(text, [before, cite, between, link, after])
    titles = {"notation": docutils.nodes.title("", "Notation")}
    assert frame.describe_page(page, titles) == f"{sentence}. Its words are on Notation. So it goes on."
    resolved = publish_doctree(f"{sentence}, [Karuvally *et al.*, 2023]. Numbers in brackets [0, 1] stay.")
    assert frame.describe_page(resolved) == f"{sentence}. Numbers in brackets [0, 1] stay."


def test_scripts_keep_what_they_do_to_themselves(frame):
    script = "a?b():console.log(`x`),console.debug('y');console.warn('z');myconsole.log(1)"
    assert frame.silence(script) == "a?b():void(`x`),void('y');console.warn('z');myconsole.log(1)"


def test_with_an_address_links_are_absolute(frame, monkeypatch):
    monkeypatch.setenv(frame.ADDRESS_VARIABLE, "https://book.example.org/wave")
    config = types.SimpleNamespace(html_baseurl="", html_title="A <em>book</em>", root_doc="index")
    context = {"title": "One &amp; all", "metatags": ""}
    frame.add_tags(types.SimpleNamespace(config=config), "pages/a", "", context, None)
    assert 'content="https://book.example.org/wave/_static/card.png"' in context["metatags"]
    assert 'content="https://book.example.org/wave/pages/a.html"' in context["metatags"]
    assert "One &amp; all" in context["metatags"] and "&amp;amp;" not in context["metatags"]
    frame.add_tags(types.SimpleNamespace(config=config), "404", "", context := {"title": "no"}, None)
    assert '<base href="https://book.example.org/wave/">' in context["metatags"]


def read_meta(text: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:name|property)="([\w:-]+)" content="([^"]*)">', text)
    return {name: html.unescape(value) for name, value in found}


@slow
def test_every_page_has_a_title_and_a_description_of_its_own(site, page_names):
    titles, descriptions = {}, {}
    for name in page_names:
        text = (site / name).read_text(encoding="utf-8")
        titles[name] = re.search(r"<title>(.*?)</title>", text, re.DOTALL)[1].strip()
        meta = read_meta(text)
        descriptions[name] = meta["description"]
        assert meta["og:description"] == meta["description"] and 20 < len(meta["description"]) <= 200, name
        assert meta["og:site_name"] == "Hidden travelling waves, rerun"
        card = (site / name).parent / meta["og:image"]
        assert card.resolve() == (site / "_static" / "card.png").resolve() and len(meta["og:image:alt"]) > 40
    assert len(set(titles.values())) == len(titles)
    assert len(set(descriptions.values())) == len(descriptions)
    assert titles["index.html"] == "Hidden travelling waves, rerun"


@slow
def test_the_card_has_the_size_that_cards_have(site):
    header = (site / "_static" / "card.png").read_bytes()[:24]
    assert struct.unpack(">II", header[16:24]) == (1200, 630)


@slow
def test_the_footer_says_what_built_the_page(site, page_names):
    from twm import __version__
    from twm.paths import find_commit

    for name in page_names:
        text = (site / name).read_text(encoding="utf-8")
        found = re.search(r'class="twm-made">Version (\S+), commit ([^,]+), built on (\d{4}-\d\d-\d\d)\.', text)
        assert found, name
        assert found[1] == __version__ and found[2].rstrip("+") == find_commit().rstrip("+")


@slow
def test_the_list_of_pages_has_them_all_in_the_order_of_the_book(site, page_names):
    text = (site / "sitemap.html").read_text(encoding="utf-8")
    inside = text[text.index('class="twm-sitemap') :]
    links = re.findall(r'<dt><a class="reference internal" href="([^"#]+)', inside)
    made = {"genindex.html", "py-modindex.html", "search.html", "404.html", "sitemap.html"}
    assert set(page_names) - made <= set(links) and links[0] == "index.html"
    assert links.index("pages/01_theory.html") < links.index("pages/02_construction.html") < links.index("cite.html")


@slow
def test_no_search_engine_list_without_an_address(site):
    assert not (site / "sitemap.xml").exists(), "its addresses would be made up"


@slow
@browser
def test_the_page_for_what_is_missing_leads_back(site, visit):
    with visit(f"{site.as_uri()}/404.html") as seen:
        assert seen.page.locator("article h1").inner_text().startswith("There is no such page")
        seen.page.get_by_role("link", name="The front page").click()
        seen.page.wait_for_load_state()
        assert seen.page.url.endswith("index.html") and not seen.messages


@slow
@browser
def test_the_front_page_says_it_in_one_screen(site, visit):
    with visit(f"{site.as_uri()}/index.html", reduced_motion="reduce") as seen:
        page = seen.page
        page.wait_for_selector(".twm-player.is-live")
        for part in ("article h1", ".twm-player", ".twm-counts", ".twm-door >> nth=1"):
            box = page.locator(part).first.bounding_box()
            assert box["y"] + box["height"] <= 900, part
        for reader in ("student", "neuroscientist", "engineer"):
            card = page.locator(".sd-card", has_text=f"For a{'n' if reader[0] == 'e' else ''} {reader}")
            assert card.locator("a").count() >= 3


@slow
@browser
def test_shortcuts_open_and_let_go(site, visit):
    with visit(f"{site.as_uri()}/index.html") as seen:
        page = seen.page
        page.keyboard.press("Control+k")
        page.wait_for_function("document.activeElement && document.activeElement.type === 'search'")
        page.keyboard.type("jkgn/?")
        assert page.evaluate("document.activeElement.value") == "jkgn/?"
        page.keyboard.press("Escape")
        page.wait_for_function("!document.activeElement || document.activeElement.type !== 'search'")
        before = page.url
        for key in ("ArrowLeft", "ArrowRight", "j", "n", "/"):
            page.keyboard.press(key)
        assert page.url == before, "single keys belong to the reader"


@slow
@browser
def test_a_page_prints_without_what_is_for_the_screen(site, visit, tmp_path):
    """The print view as a PDF: text is there, and the pages are about as many as the text needs."""
    target = tmp_path / "scoreboard.pdf"
    with visit(f"{site.as_uri()}/scoreboard.html") as seen:
        seen.page.pdf(path=str(target), format="A4")
    raw = target.read_bytes()
    assert raw.startswith(b"%PDF") and 3 <= len(re.findall(rb"/Type\s*/Page\b", raw)) < 60
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", str(target), "-"], capture_output=True, text=True, check=True).stdout
        assert "twm.pde" in text and "Open all" not in text and "Search" not in text


@slow
@browser
def test_paper_neither_scrolls_nor_hides(site, visit):
    """What scrolls on a screen is printed whole, and nothing longer than a sheet is kept in one piece."""
    look = """selector => [...document.querySelectorAll(selector)].map(e => {
      const style = getComputedStyle(e); return style.overflowX + ' ' + style.breakInside; })"""
    for name, selector in (
        ("scoreboard.html", ".pst-scrollable-table-container"),
        ("notation.html", "article table, .pst-scrollable-table-container"),
        ("pages/02_construction.html", "mjx-container[display=true]"),
    ):
        with visit(f"{site.as_uri()}/{name}", formulas=True) as seen:
            seen.page.emulate_media(media="print")
            found = seen.page.evaluate(look, selector)
            assert found and set(found) == {"visible auto"}, (name, set(found))
