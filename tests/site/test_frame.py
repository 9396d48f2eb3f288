"""What stands around the pages: titles, descriptions, cards, footer, the page for what is missing, shortcuts, print."""

import html
import re
import struct

import pytest

pytestmark = pytest.mark.slow
browser = pytest.mark.browser
MADE = r'class="twm-made">Version (\S+), commit ([^,+]+)\+?, built on \d{4}-\d\d-\d\d\.'


def test_every_page_has_a_title_a_description_and_a_footer_of_its_own(site, page_names):
    from twm import __version__
    from twm.paths import find_commit

    titles, descriptions, card = {}, set(), site / "_static" / "card.png"
    for name in page_names:
        text = (site / name).read_text(encoding="utf-8")
        titles[name] = re.search(r"<title>(.*?)</title>", text, re.DOTALL)[1].strip()
        found = re.findall(r'<meta (?:name|property)="([\w:-]+)" content="([^"]*)">', text)
        meta = {key: html.unescape(value) for key, value in found}
        descriptions.add(meta["description"])
        assert meta["og:description"] == meta["description"] and 20 < len(meta["description"]) <= 200, name
        assert meta["og:site_name"] == "Hidden Traveling Waves in RNNs"
        assert ((site / name).parent / meta["og:image"]).resolve() == card.resolve() and len(meta["og:image:alt"]) > 40
        assert re.search(MADE, text).groups() == (__version__, find_commit().rstrip("+")), name
    assert len(set(titles.values())) == len(titles) == len(descriptions)
    assert titles["index.html"] == "Hidden Traveling Waves in RNNs: a reproducible companion"
    assert struct.unpack(">II", card.read_bytes()[16:24]) == (1200, 630), "the size that cards have"


def test_the_list_of_pages_has_them_all_in_the_order_of_the_book(site, page_names):
    text = (site / "sitemap.html").read_text(encoding="utf-8")
    inside = text[text.index('class="twm-sitemap') :]
    links = re.findall(r'<dt><a class="reference internal" href="([^"#]+)', inside)
    made = {"genindex.html", "py-modindex.html", "search.html", "404.html", "sitemap.html"}
    assert set(page_names) - made <= set(links) and links[0] == "index.html"
    assert links.index("pages/01_theory.html") < links.index("pages/02_construction.html") < links.index("cite.html")
    assert not (site / "sitemap.xml").exists(), "its addresses would be made up"


@browser
def test_the_page_for_what_is_missing_leads_back(read):
    with read("404.html") as page:
        assert page.locator("article h1").inner_text().startswith("Page not found")
        page.get_by_role("link", name="The front page").click()
        page.wait_for_load_state()
        assert page.url.endswith("index.html")


@browser
def test_the_front_page_says_it_in_one_screen_and_keeps_to_its_shortcut(read):
    with read("index.html", "twm-player", reduced_motion="reduce") as page:
        for part in ("article h1", ".twm-player", ".twm-counts", ".twm-door >> nth=1"):
            box = page.locator(part).first.bounding_box()
            assert box["y"] + box["height"] <= 900, part
        for reader in ("a student", "a neuroscientist", "an engineer"):
            assert page.locator(".sd-card", has_text=f"For {reader}").locator("a").count() >= 3
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


@browser
@pytest.mark.parametrize(("name", "selector"), [
    ("scoreboard.html", ".pst-scrollable-table-container"),
    ("notation.html", "article table, .pst-scrollable-table-container"),
    ("pages/02_construction.html", "mjx-container[display=true]"),
])  # fmt: skip
def test_paper_neither_scrolls_nor_hides(read, name, selector):
    """What scrolls on a screen is printed whole, and nothing longer than a sheet is kept in one piece."""
    with read(name, formulas=True) as page:
        page.emulate_media(media="print")
        styles = "all => all.map(e => getComputedStyle(e)).map(s => s.overflowX + ' ' + s.breakInside)"
        assert set(page.eval_on_selector_all(selector, styles)) == {"visible auto"}
