"""One site for all tests of this folder, built from the smoke notebooks; a server and a browser to read it with."""

import importlib.util
import os
import shutil
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import alone

# Nothing but the page itself may use the network: the browser's own services are off.
BROWSER_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

WIDE = {"width": 1280, "height": 900}
#: The narrowest phone that pages have to fit.
NARROW = {"width": 360, "height": 780}


class QuietHandler(SimpleHTTPRequestHandler):
    """Serve files without a line in the log for each."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@dataclass
class Visit:
    """What loading one page brought: messages, requests and refused requests."""

    page: object
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def pytest_collection_modifyitems(items: list) -> None:
    """Give the test that happens to come first the time that the nine notebooks and the site need."""
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def site(smoke, shared: Path) -> Path:
    """The folder of a site built from this run's smoke notebooks; a warning of the builder fails here."""
    from twm.book.runner import list_notebooks
    from twm.book.site import build_site

    # From the last one on: another process, if there is one, runs them from the first.
    for name in reversed(list_notebooks()):
        smoke.run(name)
    output = shared / "html"
    with alone(shared, "html"):
        if not output.exists():
            assert build_site(pages=smoke.pages, evidence=[smoke.evidence], output=output) == output / "index.html"
    return output


@pytest.fixture(scope="session")
def page_names(site: Path) -> list[str]:
    """Every page of the site, relative to its root."""
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.html") if "_static" not in path.parts)


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[str]:
    """The address of a local server of the site."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(site))) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Headless Chromium, or a skip that says why there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no browser tests")
    found = shutil.which("chromium") or shutil.which("google-chrome") or "/usr/bin/chromium"
    if not os.access(found, os.X_OK):
        pytest.skip("there is no chromium on this machine: no browser tests")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=found, args=BROWSER_OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser) -> Callable:
    """Return a context manager that loads a page in a fresh profile, without typesetting formulas unless asked to."""
    return partial(open_page, browser, formulas=False)


@contextmanager
def open_page(
    browser, address: str | None, *, size: dict = WIDE, scheme: str = "light", formulas: bool = True, **options
) -> Iterator[Visit]:
    """Open a page in a fresh profile; without an address, an empty one to go elsewhere with ``go_to``."""
    context = browser.new_context(viewport=size, color_scheme=scheme, **options)
    if not formulas:
        # Reading and running this script takes more than half of the time that a page needs.
        context.route("**/tex-svg-full.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page = context.new_page()
    seen = Visit(page)
    page.on("console", lambda message: seen.messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.messages.append(f"error: {error}"))
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("requestfailed", lambda request: seen.refused.append(request.url))
    page.on("response", lambda response: seen.refused.append(response.url) if response.status >= 400 else None)
    if address is not None:
        go_to(seen, address, scripts=options.get("java_script_enabled", True))
    yield seen
    context.close()


def go_to(seen: Visit, address: str, scripts: bool = True) -> None:
    """Load a page and wait until its formulas are typeset; what an earlier page left is forgotten."""
    for notes in (seen.messages, seen.requests, seen.refused):
        notes.clear()
    seen.page.goto(address)
    if scripts:
        seen.page.evaluate("() => window.MathJax && MathJax.startup && MathJax.startup.promise")


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, which the wheel of the test extra carries."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python is not installed: no check by axe-core")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


# The contrast of every text in the page's main column against what is painted behind it. Axe asks
# the same of every point of every letter, which takes it ten seconds and more for a long page.
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
  return seen.size > 3 ? faint : [...faint, 'no text to check'];
}"""

# Formulas are pictures to axe: their hundreds of paths take most of its time and hold nothing that it judges. What a reader
# can open is open; and axe need not load the style sheets again, which it does to no end here.
_JUDGE = """async contrast => {
  const found = await axe.run({exclude: [['mjx-container > svg']]}, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], rules: {'color-contrast': {enabled: contrast}},
    resultTypes: ['violations'], preload: false});
  return found.violations.map(v => v.id + ' x' + v.nodes.length + ': ' + v.nodes[0].html.slice(0, 160));
}"""


def find_violations(page, axe: str, contrast: bool = False) -> list[str]:
    """Return what axe-core finds wrong by WCAG 2.1 AA, by default but for the contrast of text."""
    page.evaluate(axe)
    return page.evaluate(_JUDGE, contrast)


def find_faint_text(page) -> list[str]:
    """Return the texts that stand out too little from what is behind them; what a reader can open is opened."""
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    return page.evaluate(FIND_FAINT_TEXT)


def load_extension(root: Path, name: str) -> types.ModuleType:
    """Load one of the book's own Sphinx extensions as a module."""
    spec = importlib.util.spec_from_file_location(name, root / "book" / "_ext" / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def complain(found: dict[str, object]) -> None:
    """Fail with one line for each page that has a complaint."""
    lines = [f"{name}: {what}" for name, what in found.items() if what]
    assert not lines, "\n" + "\n".join(lines)
