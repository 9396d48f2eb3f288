"""Every page, in headless Chromium: complete, silent, self-sufficient, readable on a phone and in the dark."""

from urllib.parse import urlsplit

import pytest

from tests.site.conftest import NARROW, WIDE, complain, find_faint_text, find_violations, go_to, open_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Pages that Sphinx makes of itself; the rest are ours and must hold what a page of a book holds.
GENERATED = {"genindex.html", "py-modindex.html", "search.html"}

# Every formula that Sphinx wrote must have become a picture of MathJax, without an error inside.
COUNT_FORMULAS = """() => ({
  written: document.querySelectorAll('.math').length,
  typeset: [...document.querySelectorAll('.math')].filter(m => m.querySelector('mjx-container')).length,
  broken: document.querySelectorAll('mjx-merror, [data-mml-node="merror"]').length,
})"""

FIND_IMAGES_WITHOUT_ALT = (
    """() => [...document.images].filter(i => !(i.getAttribute('alt') || '').trim()).map(i => i.src.slice(0, 80))"""
)

# What sticks out to the right of the window, unless some parent scrolls it or cuts it off.
FIND_OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > wide + 1) found.push('the page itself: ' + document.documentElement.scrollWidth + ' px');
  // A drawer that waits beside the window is fixed to it and widens nothing.
  const contained = (e) => {
    for (let p = e; p; p = p.parentElement) if (getComputedStyle(p).position === 'fixed') return true;
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
      if (getComputedStyle(p).overflowX !== 'visible') return true;
    }
    return false;
  };
  for (const e of document.querySelectorAll('main *:not(mjx-container *)')) {
    const box = e.getBoundingClientRect();
    if (!e.checkVisibility({visibilityProperty: true})) continue;
    if (box.width > 1 && box.right > wide + 1 && !contained(e)) found.push(e.tagName + '.' + e.getAttribute('class') + ' to ' + Math.round(box.right));
  }
  return found;
}"""


def find_foreign(addresses: list[str], home: str) -> list[str]:
    """Return the requests that left ``home``: a host with its port, or nothing for the disk."""
    return [it for it in addresses if urlsplit(it).scheme not in ("data", "blob") and urlsplit(it).netloc != home]


@pytest.fixture(scope="module", params=["light, from a server", "dark, from disk"])
def reading(request, browser, site, server, page_names, axe) -> dict[str, dict]:
    """What every page shows: loaded once in the light theme from a server, once in the dark one from disk."""
    scheme = request.param.partition(",")[0]
    start = server if scheme == "light" else site.as_uri()
    reports = {}
    with open_page(browser, None, scheme=scheme, reduced_motion="reduce") as seen:
        for name in page_names:
            go_to(seen, f"{start}/{name}")
            page = seen.page
            report = reports[name] = {
                "theme": "" if page.evaluate("document.documentElement.dataset.theme") == scheme else "wrong theme",
                "formulas": page.evaluate(COUNT_FORMULAS),
                "no alt": page.evaluate(FIND_IMAGES_WITHOUT_ALT),
                "titles": page.locator("article h1").count(),
                "loading": [*seen.messages, *seen.refused],
                "foreign": find_foreign(seen.requests, urlsplit(start).netloc),
            }
            page.set_viewport_size(NARROW)
            report["overflow"] = page.evaluate(FIND_OVERFLOW)
            page.set_viewport_size(WIDE)
            report["faint"] = find_faint_text(page)
            # Only the colours of a page depend on its theme.
            report["wcag"] = find_violations(page, axe) if scheme == "light" else []
    return reports


@pytest.mark.parametrize("trouble", ["loading", "foreign", "no alt", "theme", "overflow", "faint", "wcag"])
def test_no_page_has_this_trouble(reading, trouble):
    """Silent, self-sufficient, with words for pictures, in the theme that is asked for, on a phone, for everybody."""
    complain({name: report[trouble] for name, report in reading.items()})


def test_the_host_check_sees_another_host():
    assert find_foreign(["https://cdn.example.org/a.js", "file:///a.css", "data:image/png;base64,"], "") == [
        "https://cdn.example.org/a.js"
    ]
    assert find_foreign(["http://127.0.0.1:1/a", "http://127.0.0.1:2/a", "file:///a"], "127.0.0.1:1") == [
        "http://127.0.0.1:2/a",
        "file:///a",
    ]


def test_formulas_are_typeset(reading):
    counts = {name: report["formulas"] for name, report in reading.items()}
    whole = {name: one["written"] == one["typeset"] and not one["broken"] for name, one in counts.items()}
    complain({name: None if whole[name] else count for name, count in counts.items()})
    assert sum(count["typeset"] for count in counts.values()) > 50, "counting none would make the test empty"


def test_every_page_has_one_title(reading):
    complain({name: None if name in GENERATED else abs(report["titles"] - 1) for name, report in reading.items()})


def test_the_overflow_check_sees_a_wide_block(site, visit):
    with visit(f"{site.as_uri()}/data.html", size=NARROW) as seen:
        seen.page.evaluate("document.querySelector('main p').style.width = '900px'")
        assert any(line.startswith("P.") for line in seen.page.evaluate(FIND_OVERFLOW))


def test_verdicts_are_readable_without_colour(site, visit):
    with visit(f"{site.as_uri()}/scoreboard.html") as seen:
        signs = seen.page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll('.twm-badge')].map(
                 b => [b.textContent, getComputedStyle(b, '::before').content]))"""
        )
        assert len(signs) >= 2 and len(set(signs.values())) == len(signs), "each word has a sign of its own"
        assert not {"none", "normal", '""'} & set(signs.values())


def test_wide_tables_scroll_inside_themselves(site, visit):
    with visit(f"{site.as_uri()}/notation.html", size=NARROW) as seen:
        table = seen.page.locator("main table").first
        box = table.locator("xpath=ancestor::div[contains(@class, 'scrollable')]").first
        assert box.evaluate("e => e.scrollWidth > e.clientWidth && getComputedStyle(e).overflowX === 'auto'")


def test_a_scrolled_table_keeps_its_caption_and_the_names_of_its_rows(site, page_names, visit):
    name = next(name for name in page_names if 'class="twm-data"' in (site / name).read_text(encoding="utf-8"))
    with visit(f"{site.as_uri()}/{name}", size=NARROW) as seen:
        table = seen.page.locator("table.twm-data").first
        # Wider than any phone, whatever the page's own table is.
        table.evaluate("t => { t.style.width = '900px'; t.parentNode.scrollLeft = 200; }")
        for part in ("caption", "tbody th >> nth=0"):
            box = table.locator(part).bounding_box()
            assert 0 <= box["x"] < 30 and box["x"] + box["width"] <= NARROW["width"], part


def test_what_ran_becomes_cards_on_a_phone(site, visit):
    with visit(f"{site.as_uri()}/runs.html", size=NARROW) as seen:
        row = seen.page.locator("table.twm-runs tbody tr").first
        box = row.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= NARROW["width"]
        cells = row.locator("td")
        headings = cells.evaluate_all("all => all.map(d => getComputedStyle(d, '::before').content)")
        named = seen.page.locator("table.twm-runs thead th").all_text_contents()
        assert headings == ["none", *(f'"{name.strip()}: "' for name in named[1:])]


def test_neighbours_of_a_page_can_be_read_on_a_phone(site, visit):
    with visit(f"{site.as_uri()}/explore.html", size=NARROW) as seen:
        for side in ("left-prev", "right-next"):
            box = seen.page.locator(f".prev-next-area a.{side}").bounding_box()
            title = seen.page.locator(f".prev-next-area a.{side} .prev-next-title").bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= NARROW["width"] and title["width"] > 150


def test_claims_become_cards_on_a_phone(site, visit):
    for size, display in ((WIDE, "grid"), (NARROW, "block")):
        with visit(f"{site.as_uri()}/scoreboard.html", size=size) as seen:
            row = seen.page.locator("#claim-twm-pde")
            assert row.evaluate("e => getComputedStyle(e).display") == display
            assert row.locator(".twm-badge").is_visible()
