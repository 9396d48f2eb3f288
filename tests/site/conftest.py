"""One site for all tests of this folder, built from the smoke notebooks; a server and a browser to read it with."""

import os
import shutil
import threading
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
    """Return a context manager that loads a page in a fresh profile and waits until its formulas are typeset."""
    return partial(open_page, browser)


@contextmanager
def open_page(browser, address: str | None, *, size: dict = WIDE, scheme: str = "light", **options) -> Iterator[Visit]:
    """Open a page in a fresh profile; without an address, an empty one to go elsewhere with :func:`go_to`."""
    context = browser.new_context(viewport=size, color_scheme=scheme, **options)
    page = context.new_page()
    seen = Visit(page)
    page.on("console", lambda message: _note_message(seen, message))
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


def _note_message(seen: Visit, message) -> None:
    seen.messages.append(f"{message.type}: {message.text}")


def complain(found: dict[str, object]) -> None:
    """Fail with one line for each page that has a complaint."""
    lines = [f"{name}: {what}" for name, what in found.items() if what]
    assert not lines, "\n" + "\n".join(lines)
