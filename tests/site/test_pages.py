"""Every page, in headless Chromium: complete, silent, self-sufficient, readable on a phone, in the dark and in use."""

from urllib.parse import urlsplit

import pytest

from tests.site.conftest import NARROW, WIDE, ask, complain, find_faint_text, find_violations, go_to, open_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Pages that Sphinx makes of itself; the rest are ours and must hold what a page of a book holds.
GENERATED = {"genindex.html", "py-modindex.html", "search.html"}


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
            page, formulas = seen.page, ask(seen.page, "countFormulas")
            whole = formulas["written"] == formulas["typeset"] and not formulas["broken"]
            titles = page.locator("article h1").count()
            report = reports[name] = {
                "theme": "" if page.evaluate("document.documentElement.dataset.theme") == scheme else "wrong theme",
                "typeset": formulas["typeset"], "formulas": None if whole else formulas,
                "no alt": ask(page, "findImagesWithoutAlt"), "markup": ask(page, "findMarkup"),
                "titles": None if name in GENERATED or titles == 1 else titles,
                "loading": [*seen.messages, *seen.refused],
                "foreign": find_foreign(seen.requests, urlsplit(start).netloc),
            }  # fmt: skip
            page.set_viewport_size(NARROW)
            report["overflow"] = ask(page, "findOverflow")
            page.set_viewport_size(WIDE)
            report["faint"] = find_faint_text(page)
            # Only the colours of a page depend on its theme.
            report["wcag"] = find_violations(page, axe) if scheme == "light" else []
    assert sum(report["typeset"] for report in reports.values()) > 50, "counting none would make the test empty"
    return reports


TROUBLES = ["loading", "foreign", "no alt", "theme", "overflow", "faint", "wcag", "formulas", "titles", "markup"]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_page_has_this_trouble(reading, trouble):
    """Silent, self-sufficient, with words for pictures, in the theme that is asked for, on a phone, for everybody."""
    complain({name: report[trouble] for name, report in reading.items()})


def test_the_checks_see_another_host_a_wide_block_and_what_not_everybody_can_read(read, axe):
    addresses = ["http://127.0.0.1:1/a", "http://127.0.0.1:2/a", "file:///a.css", "data:image/png;base64,"]
    assert find_foreign(addresses, "127.0.0.1:1") == addresses[1:3] and find_foreign(addresses, "") == addresses[:2]
    with read("data.html", size=NARROW) as page:
        page.evaluate("document.querySelector('main p').style.width = '900px'")
        assert any(line.startswith("P.") for line in ask(page, "findOverflow"))
    with read("data.html") as page:
        page.evaluate("document.querySelector('main p').style.color = '#aaa'")
        nameless = '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><input>'
        page.evaluate("text => document.querySelector('article').insertAdjacentHTML('beforeend', text)", nameless)
        assert any("P." in line for line in find_faint_text(page))
        ids = {line.split(" ")[0] for line in find_violations(page, axe, contrast=True)}
        assert {"color-contrast", "image-alt", "label"} <= ids


def search(page) -> None:
    page.wait_for_selector("#search-results li .highlighted")


def complain_and_overwrite(page) -> None:
    page.wait_for_selector(".twm-explorer.is-live")
    for text in ("Z", "??"):
        page.get_by_label("becomes").fill(text)
        page.get_by_role("button", name="Overwrite").click()
    page.get_by_label("Text, up to 4 characters").fill("too long")


def reorder(page) -> None:
    page.get_by_label("Order").select_option("verdict")
    page.get_by_label("Paper").select_option("mem")


def misspell(page) -> None:
    page.locator(".twm-lattice").get_by_label("boundary", exact=True).select_option("code")
    page.get_by_label("code a, b, c").fill("1, 2")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_in_use_violates_wcag(axe, site, browser, scheme):
    """Search results, complaints beside their fields, a table in another order, on a phone."""
    uses = {
        "search.html?q=courant": search, "explore.html": complain_and_overwrite,
        "scoreboard.html": reorder, "pages/01_theory.html": misspell,
    }  # fmt: skip
    found = {}
    with open_page(browser, None, scheme=scheme, size=NARROW, formulas=False, reduced_motion="reduce") as seen:
        for name, use in uses.items():
            go_to(seen, f"{site.as_uri()}/{name}")
            use(seen.page)
            found[name] = find_faint_text(seen.page) + find_violations(seen.page, axe)
    complain(found)


def test_verdicts_are_readable_without_colour(read):
    with read("scoreboard.html") as page:
        signs = page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll('.twm-badge')].map(
                 b => [b.textContent, getComputedStyle(b, '::before').content]))"""
        )
        assert len(signs) >= 2 and len(set(signs.values())) == len(signs), "each word has a sign of its own"
        assert not {"none", "normal", '""'} & set(signs.values())


def test_a_scrolled_table_keeps_its_caption_and_the_names_of_its_rows(site, page_names, read):
    name = next(name for name in page_names if 'class="twm-data"' in (site / name).read_text(encoding="utf-8"))
    with read(name, size=NARROW) as page:
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        table = page.locator("table.twm-data").first
        # Wider than any phone, whatever the page's own table is.
        table.evaluate("t => { t.style.width = '900px'; t.parentNode.scrollLeft = 200; }")
        assert table.evaluate("t => t.parentNode.scrollLeft > 0"), "a wide table scrolls inside itself"
        for part in ("caption", "tbody th >> nth=0"):
            box = table.locator(part).bounding_box()
            assert 0 <= box["x"] < 30 and box["x"] + box["width"] <= NARROW["width"], part


def test_on_a_phone_rows_become_cards(read):
    with read("runs.html", size=NARROW) as page:
        row = page.locator("table.twm-runs tbody tr").first
        box = row.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= NARROW["width"]
        headings = row.locator("td").evaluate_all("all => all.map(d => getComputedStyle(d, '::before').content)")
        named = page.locator("table.twm-runs thead th").all_text_contents()
        assert headings == ["none", *(f'"{name.strip()}: "' for name in named[1:])]
    for size, display in ((WIDE, "grid"), (NARROW, "block")):
        with read("scoreboard.html", size=size) as page:
            row = page.locator("#claim-twm-pde")
            assert row.evaluate("e => getComputedStyle(e).display") == display
            assert row.locator(".twm-badge").is_visible()
