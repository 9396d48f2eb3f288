"""WCAG 2.1 AA on every page, light and dark, as axe-core judges it."""

import importlib.util
from pathlib import Path

import pytest

from tests.site.conftest import complain, go_to, open_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Formulas are pictures to axe: their hundreds of paths take most of its time and hold nothing that it judges.
RUN = """async () => {
  const found = await axe.run({exclude: [['mjx-container > svg']]}, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations']});
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
