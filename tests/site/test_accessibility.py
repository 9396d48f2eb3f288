"""WCAG 2.1 AA on every page, light and dark, as axe-core judges it."""

import importlib.util
from pathlib import Path

import pytest

from tests.site.conftest import NARROW, complain, go_to, open_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Formulas are pictures to axe: their hundreds of paths take most of its time and hold nothing that it judges. What a reader
# can open is open; and axe need not load the style sheets again, which it does to no end here.
RUN = """async () => {
  document.querySelectorAll('details').forEach(d => { d.open = true; });
  const found = await axe.run({exclude: [['mjx-container > svg']]}, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations'], preload: false});
  return found.violations.map(v => v.id + ' x' + v.nodes.length + ': ' + v.nodes[0].html.slice(0, 160));
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, which the wheel of the test extra carries."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python is not installed: no check by axe-core")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_violates_wcag(axe, site, browser, page_names, scheme):
    found = {}
    with open_page(browser, None, scheme=scheme, reduced_motion="reduce") as seen:
        for name in page_names:
            go_to(seen, f"{site.as_uri()}/{name}")
            seen.page.evaluate(axe)
            found[name] = seen.page.evaluate(RUN)
    complain(found)


def search(page) -> None:
    page.wait_for_selector("#search-results li .highlighted")


def complain_and_overwrite(page) -> None:
    page.wait_for_selector(".twm-explorer.is-live")
    page.get_by_label("becomes").fill("Z")
    page.get_by_role("button", name="Overwrite").click()
    page.get_by_label("becomes").fill("??")
    page.get_by_role("button", name="Overwrite").click()
    page.get_by_label("Text, up to 4 characters").fill("too long")


def reorder(page) -> None:
    page.get_by_label("Order").select_option("verdict")
    page.get_by_label("Paper").select_option("mem")


def misspell(page) -> None:
    page.locator(".twm-lattice").get_by_label("boundary", exact=True).select_option("code")
    page.get_by_label("code a, b, c").fill("1, 2")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nor_does_a_page_in_use(axe, site, browser, scheme):
    """Search results, complaints beside their fields, a table in another order, on a phone."""
    uses = {
        "search.html?q=courant": search, "explore.html": complain_and_overwrite,
        "scoreboard.html": reorder, "pages/01_theory.html": misspell,
    }  # fmt: skip
    found = {}
    with open_page(browser, None, scheme=scheme, size=NARROW, reduced_motion="reduce") as seen:
        for name, use in uses.items():
            go_to(seen, f"{site.as_uri()}/{name}")
            use(seen.page)
            seen.page.evaluate(axe)
            found[name] = seen.page.evaluate(RUN)
    complain(found)


def test_axe_sees_what_is_wrong(axe, site, visit):
    """The check can fail: a picture without words, faint text, a field without a name."""
    with visit(f"{site.as_uri()}/data.html") as seen:
        page = seen.page
        page.evaluate(
            """() => {
              document.querySelector('main p').style.color = '#aaa';
              document.querySelector('article').insertAdjacentHTML('beforeend', '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw="><input>');
            }"""
        )
        page.evaluate(axe)
        ids = {line.split(" ")[0] for line in page.evaluate(RUN)}
        assert {"color-contrast", "image-alt", "label"} <= ids
