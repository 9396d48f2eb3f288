"""The whole book as one PDF: the pages of the built site one after another, printed by headless Chromium."""

import os
import posixpath
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from twm.book.evidence import SiteFailed
from twm.errors import UserError, require
from twm.paths import book_dir, scratch_folder

_STYLE = """
@page { size: A4; margin: 16mm 15mm 18mm; @bottom-center { content: counter(page); font: 9pt sans-serif; } }
html { font-size: 13px; }
section.twm-page { break-before: page; }
article { max-width: none; }
figcaption, figcaption * { color: #222 !important; font-weight: 400 !important; }
"""
#: What paper has no use for.
_SCREEN_ONLY = "script, button, iframe, .headerlink, .twm-stack, .prev-next-footer, .twm-filters, .toggle-details__container"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def list_pages_of_book() -> list[str]:
    """Return the pages of the book in the order of its contents, as index or pages/01_theory."""
    return re.findall(r"^ *(?:- file|root): *(\S+)$", (book_dir() / "_toc.yml").read_text("utf-8"), re.MULTILINE)


def join_pages(site: Path, pages: list[str]) -> str:
    """Return one page with all pages of a site; links among them lead to their places in it."""
    from bs4 import BeautifulSoup

    def find_place(page: str, fragment: str) -> str:
        return page.replace("/", "-") + (f"--{fragment}" if fragment else "")

    whole = BeautifulSoup((site / f"{pages[0]}.html").read_text("utf-8"), "html.parser")
    for script in whole.head.find_all("script"):
        if "mathjax" not in f"{script.get('src', '')}{script.string or ''}".lower():
            script.decompose()
    whole.head.append(whole.new_tag("style", string=_STYLE))
    whole.html["data-theme"] = "light"
    whole.body.clear()
    for page in pages:
        found = BeautifulSoup((site / f"{page}.html").read_text("utf-8"), "html.parser").select_one("article.bd-article")
        for tag in found.select(_SCREEN_ONLY):
            tag.decompose()
        for tag in found.find_all(id=True):
            tag["id"] = find_place(page, tag["id"])
        for tag in found.find_all(src=True):
            if not urlsplit(tag["src"]).scheme:
                tag["src"] = posixpath.normpath(posixpath.join(posixpath.dirname(page), tag["src"]))
        for tag in found.find_all("a", href=True):
            link = urlsplit(tag["href"])
            if link.scheme or link.netloc:
                continue
            near = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(link.path))) if link.path else f"{page}.html"
            target = near.removesuffix(".html")
            # What is no page of the book, such as a table to download, paper cannot follow.
            tag.attrs = {"href": "#" + find_place(target, link.fragment)} if target in pages else {}
        section = whole.new_tag("section", id=find_place(page, ""), attrs={"class": "twm-page"})
        section.append(found)
        whole.body.append(section)
    return str(whole)


def find_printer(output: Path) -> str:
    """Return the Chromium that can print a PDF to ``output``; a UserError where there is none, or no such folder."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    require(browser is not None, "--pdf needs Chromium to print, and there is none: install chromium, or leave --pdf out")
    require(output.parent.is_dir() and not output.is_dir(), f"--pdf {output} cannot be written: there is no such folder")
    return browser


def print_book(site: Path, output: Path, browser: str, seconds: float = 900) -> None:
    """Print a built site into one PDF, with page numbers, an outline and links that work.

    Raises SiteFailed where the browser prints nothing, and a UserError where the PDF cannot be written.
    """
    page = site / "book-in-one-page.html"
    with scratch_folder("pdf") as scratch:
        try:
            page.write_text(join_pages(site, list_pages_of_book()), encoding="utf-8")
            options = ["--headless", "--disable-gpu", "--no-pdf-header-footer", "--generate-pdf-document-outline"]
            options += ["--no-sandbox"] * (os.geteuid() == 0) + [f"--user-data-dir={scratch / 'profile'}"]
            options += ["--virtual-time-budget=240000", f"--print-to-pdf={scratch / 'book.pdf'}"]
            subprocess.run([browser, *options, page.as_uri()], check=False, capture_output=True, timeout=seconds)
            if not (scratch / "book.pdf").exists():
                raise SiteFailed("Chromium printed nothing: try again, or read the site")
            shutil.move(scratch / "book.pdf", output)
        except subprocess.TimeoutExpired:
            raise SiteFailed(f"Chromium did not print the book within {seconds:.0f} s") from None
        except OSError as error:
            raise UserError(f"--pdf {output} cannot be written: {error.strerror}") from None
        finally:
            page.unlink(missing_ok=True)
