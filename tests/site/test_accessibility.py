"""WCAG 2.1 AA on pages in use, light and dark, as axe-core judges it; test_pages.py judges every page at rest."""

import pytest

from tests.site.conftest import NARROW, complain, find_faint_text, find_violations, go_to, open_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


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


def test_axe_sees_what_is_wrong(axe, site, visit):
    """The check can fail: a picture without words, faint text, a field without a name."""
    spoil = """() => {
      document.querySelector('main p').style.color = '#aaa';
      document.querySelector('article').insertAdjacentHTML('beforeend', '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><input>');
    }"""
    with visit(f"{site.as_uri()}/data.html") as seen:
        seen.page.evaluate(spoil)
        ids = {line.split(" ")[0] for line in find_violations(seen.page, axe, contrast=True)}
        assert {"color-contrast", "image-alt", "label"} <= ids
        assert any("P." in line for line in find_faint_text(seen.page)), "our own check of contrast sees it too"
