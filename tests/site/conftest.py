"""One site for all tests of this folder, built from the smoke notebooks; a server and a browser to read it with."""

import importlib.util
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
CHECKS = Path(__file__).with_name("checks.js")


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
    from twm.book.evidence import build_site
    from twm.book.runner import list_notebooks

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
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *arguments: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(site))) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Headless Chromium, or a skip that says why there is none."""
    from twm.book.evidence import find_browser

    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: no browser tests")
    found = find_browser()
    if found is None:
        pytest.skip("there is no chromium on this machine: no browser tests")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=found, args=BROWSER_OPTIONS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser) -> Callable:
    """Return a context manager that loads a page in a fresh profile, without typesetting formulas unless asked to."""
    return partial(open_page, browser, formulas=False)


@pytest.fixture
def read(site, visit) -> Callable:
    """Return a context manager that opens a page of the site, by name, and minds what it says on its console.

    ``live`` is the class of what has to be at work before the page is used.
    """

    @contextmanager
    def read_page(name: str, live: str = "", **options: object) -> Iterator[object]:
        with visit(f"{site.as_uri()}/{name}", **options) as seen:
            if live:
                seen.page.wait_for_selector(f".{live}.is-live")
            yield seen.page
            assert not seen.messages

    return read_page


@contextmanager
def open_page(
    browser, address: str | None, *, size: dict = WIDE, scheme: str = "light", formulas: bool = True, **options
) -> Iterator[Visit]:
    """Open a page in a fresh profile; without an address, an empty one to go elsewhere with ``go_to``."""
    context = browser.new_context(viewport=size, color_scheme=scheme, **options)
    if not formulas:
        # Reading and running this script takes more than half of the time that a page needs.
        context.route("**/tex-svg-full.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    context.add_init_script(path=str(CHECKS))
    page = context.new_page()
    seen = Visit(page)
    page.on("console", lambda message: seen.messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.messages.append(f"error: {error}"))
    page.on("request", lambda request: seen.requests.append(request.url))
    # What a reload cuts short was not refused.
    page.on("requestfailed", lambda request: "ABORTED" in (request.failure or "") or seen.refused.append(request.url))
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


def ask(page, question: str, argument: object = None) -> object:
    """Ask a page a question of checks.js."""
    return page.evaluate(f"argument => twmChecks.{question}(argument)", argument)


def find_violations(page, axe: str, contrast: bool = False) -> list[str]:
    """Return what axe-core finds wrong by WCAG 2.1 AA, by default but for the contrast of text."""
    page.evaluate(axe)
    return ask(page, "judge", contrast)


def find_faint_text(page) -> list[str]:
    """Return the texts that stand out too little from what is behind them; what a reader can open is opened."""
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    # What opens fades in: halfway it is faint, and before that it does not count as seen.
    page.evaluate("document.getAnimations().forEach(a => a.effect.getComputedTiming().endTime < Infinity && a.finish())")
    return ask(page, "findFaintText")


def load_extension(root: Path, name: str) -> types.ModuleType:
    """Load one of the book's own Sphinx extensions as a module; as Sphinx does, with its folder on the path."""
    folder = str(root / "book" / "_ext")
    sys.path[:0] = [folder] * (folder not in sys.path)
    spec = importlib.util.spec_from_file_location(name, root / "book" / "_ext" / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def complain(found: dict[str, object]) -> None:
    """Fail with one line for each page that has a complaint."""
    lines = [f"{name}: {what}" for name, what in found.items() if what]
    assert not lines, "\n" + "\n".join(lines)
