"""Every page, in headless Chromium: complete, silent, self-sufficient, readable on a phone and in the dark."""

from urllib.parse import urlsplit

import pytest

from tests.site.conftest import NARROW, WIDE, complain, go_to, open_page

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
  for (const e of document.querySelectorAll('main *')) {
    const box = e.getBoundingClientRect();
    if (!e.checkVisibility({visibilityProperty: true})) continue;
    if (box.width > 1 && box.right > wide + 1 && !contained(e)) found.push(e.tagName + '.' + e.getAttribute('class') + ' to ' + Math.round(box.right));
  }
  return found;
}"""

# The contrast of every text in the page's main column against what is painted behind it.
FIND_FAINT_TEXT = """() => {
  const parse = (text) => {
    const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    c.clearRect(0, 0, 1, 1); c.fillStyle = text; c.fillRect(0, 0, 1, 1);
    const d = c.getImageData(0, 0, 1, 1).data;
    return [d[0], d[1], d[2], d[3] / 255];
  };
  const cache = {}, colour = (text) => cache[text] || (cache[text] = parse(text));
  const over = (top, under) => [0, 1, 2].map(k => top[k] * top[3] + under[k] * (1 - top[3]));
  const light = (c) => {
    const [r, g, b] = c.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    const layers = [];
    for (let p = e; p; p = p.parentElement) {
      const c = colour(getComputedStyle(p).backgroundColor);
      layers.push(c);
      if (c[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const faint = [], seen = new Set();
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || seen.has(e)) continue;
    seen.add(e);
    if (e.closest('script, style, noscript, mjx-assistive-mml, svg, .headerlink, .copybtn, [aria-hidden=true]')) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (box.width < 2 || box.height < 2 || style.visibility === 'hidden') continue;
    let shown = 1;
    for (let p = e; p; p = p.parentElement) shown *= Number(getComputedStyle(p).opacity);
    if (shown === 0) continue;
    const back = behind(e), ink = colour(style.color), front = over([ink[0], ink[1], ink[2], ink[3] * shown], back);
    const a = light(front), b = light(back), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(ratio.toFixed(2) + ' ' + e.tagName + '.' + e.getAttribute('class') + ': ' + e.textContent.trim().slice(0, 40));
  }
  return {checked: seen.size, faint};
}"""


def find_foreign(addresses: list[str], home: str) -> list[str]:
    """Return the requests that left ``home``: a host with its port, or nothing for the disk."""
    return [it for it in addresses if urlsplit(it).scheme not in ("data", "blob") and urlsplit(it).netloc != home]


def read_all(browser, start: str, page_names: list[str], scheme: str) -> dict[str, dict]:
    """Load every page once, wide, and then make the window as narrow as a phone."""
    reports = {}
    with open_page(browser, None, scheme=scheme) as seen:
        for name in page_names:
            go_to(seen, f"{start}/{name}")
            page = seen.page
            reports[name] = {
                "theme": page.evaluate("document.documentElement.dataset.theme"),
                "formulas": page.evaluate(COUNT_FORMULAS),
                "no alt": page.evaluate(FIND_IMAGES_WITHOUT_ALT),
                "titles": page.locator("article h1").count(),
                "contrast": page.evaluate(FIND_FAINT_TEXT),
            }
            page.set_viewport_size(NARROW)
            reports[name]["overflow"] = page.evaluate(FIND_OVERFLOW)
            page.set_viewport_size(WIDE)
            reports[name] |= {"messages": [*seen.messages], "asked": [*seen.requests], "lacks": [*seen.refused]}
    return reports


@pytest.fixture(scope="module", params=["light, from a server", "dark, from disk"])
def reading(request, browser, site, server, page_names) -> dict:
    """What every page shows: in the light theme from a server, in the dark one from disk."""
    dark = request.param.startswith("dark")
    start = site.as_uri() if dark else server
    scheme = "dark" if dark else "light"
    return {"scheme": scheme, "home": urlsplit(start).netloc, "pages": read_all(browser, start, page_names, scheme)}


@pytest.mark.timeout(300)
def test_every_page_loads_silently(reading):
    complain({name: report["messages"] + report["lacks"] for name, report in reading["pages"].items()})


def test_no_page_asks_another_host(reading):
    complain({name: find_foreign(report["asked"], reading["home"]) for name, report in reading["pages"].items()})


def test_the_host_check_sees_another_host():
    assert find_foreign(["https://cdn.example.org/a.js", "file:///a.css", "data:image/png;base64,"], "") == [
        "https://cdn.example.org/a.js"
    ]
    assert find_foreign(["http://127.0.0.1:1/a", "http://127.0.0.1:2/a", "file:///a"], "127.0.0.1:1") == [
        "http://127.0.0.1:2/a",
        "file:///a",
    ]


def test_formulas_are_typeset(reading):
    counts = {name: report["formulas"] for name, report in reading["pages"].items()}
    complain(
        {
            name: count if count["written"] != count["typeset"] or count["broken"] else None
            for name, count in counts.items()
        }
    )
    assert sum(count["typeset"] for count in counts.values()) > 50, "counting none would make the test empty"


def test_every_picture_has_words(reading):
    complain({name: report["no alt"] for name, report in reading["pages"].items()})


def test_every_page_has_one_title(reading):
    complain(
        {name: None if name in GENERATED else abs(report["titles"] - 1) for name, report in reading["pages"].items()}
    )


def test_text_stands_out_from_its_background(reading):
    pages = reading["pages"]
    complain(
        {name: None if report["theme"] == reading["scheme"] else report["theme"] for name, report in pages.items()}
    )
    complain({name: report["contrast"]["faint"] for name, report in pages.items()})
    assert min(report["contrast"]["checked"] for report in pages.values()) > 3, "every page has text to check"


def test_nothing_overflows_on_a_phone(reading):
    complain({name: report["overflow"] for name, report in reading["pages"].items()})


def test_the_contrast_check_sees_faint_text(site, visit):
    with visit(f"{site.as_uri()}/data.html") as seen:
        seen.page.evaluate("document.querySelector('main p').style.color = '#999'")
        assert any("P." in line for line in seen.page.evaluate(FIND_FAINT_TEXT)["faint"])


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
