"""Sphinx extension: what stands around a page. Descriptions and cards for whoever links here, footer, 404, site map.

The scripts that come with the theme also tell the console what they do; here they keep it to themselves, so that whatever
stands in a reader's console is a fault.

Where the site will lie is not known when it is built. With its address in ``TWM_SITE_ADDRESS`` cards and links are
absolute and a ``sitemap.xml`` is written; without one they are relative, and the site works in any folder.
"""

import html
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

from twm import __version__
from twm.paths import find_commit

ADDRESS_VARIABLE = "TWM_SITE_ADDRESS"
CARD = "_static/card.png"
#: Scripts of the theme and of Sphinx that chat, and the page that holds one. Warnings and errors of theirs stay.
CHATTY = (
    "_static/scripts/pydata-sphinx-theme.js", "_static/scripts/sphinx-book-theme.js", "_static/searchtools.js",
    "_static/togglebutton.js", "search.html",
)  # fmt: skip
#: Search engines and cards show about this much of a description.
LONGEST = 200

#: What Sphinx makes by itself and does not describe.
_GENERATED = {
    "genindex": "Index of functions, claims and symbols, with links to the pages that define them.",
    "py-modindex": "Modules of the library twm, with links to their documentation.",
    "search": "Search the book for words, functions, claims and symbols.",
}

_CARD_ALT = (
    "The picture 3141 on a lattice of sixteen columns at three moments. Each step moves it one column to the left."
)


def shorten(text: str, longest: int = LONGEST) -> str:
    """Return a text of at most ``longest`` characters: whole sentences where they fit, else whole words."""
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    sentences = re.match(rf"(.{{40,{longest}}}[.!?])(?=\s)", text)
    if sentences:
        return sentences[1]
    return text[: longest - 1].rpartition(" ")[0].rstrip(",;:") + "\N{HORIZONTAL ELLIPSIS}"


def describe_page(doctree: nodes.document | None, titles: Mapping[str, nodes.title] = MappingProxyType({})) -> str:
    """Return the first paragraph of a page that is a sentence, as plain text; empty where there is none.

    Args:
        doctree: the page, references resolved or not.
        titles: of all pages, for references that leave it to the page they lead to.
    """
    for paragraph in doctree.findall(nodes.paragraph) if doctree is not None else ():
        inside = paragraph.parent
        while inside is not None and not isinstance(inside, (nodes.table, nodes.Admonition, nodes.footnote)):
            inside = inside.parent
        text = _read_plainly(paragraph, titles)
        if inside is None and len(text) >= 40:
            return shorten(re.sub(r":$", ".", text))
    return ""


def _read_plainly(paragraph: nodes.paragraph, titles: Mapping[str, nodes.title]) -> str:
    """Return a paragraph as plain text, without citations, whose keys say nothing outside the book."""
    paragraph = paragraph.deepcopy()
    for reference in list(paragraph.findall(addnodes.pending_xref)):
        if reference.get("refdomain") == "cite":
            reference.parent.remove(reference)
        elif not reference.astext():
            title = titles.get(str(reference.get("reftarget", "")).rpartition(".")[0] or reference.get("reftarget"))
            reference += nodes.Text(title.astext() if title is not None else "")
    # A formula is TeX here; its letters say enough in a line of prose.
    text = re.sub(r"[\\{}$]|^(?:Claim|Summary)\.\s+", "", " ".join(paragraph.astext().split()))
    text = re.sub(r",?\s*\[[^\]]+, \d{4}[a-z]?\]", "", text)
    return re.sub(r"[\s,]+(?=[,.;:])", "", text)


def read_address(config: Config) -> str:
    """Return the address of the site with a slash at its end, or nothing."""
    address = os.environ.get(ADDRESS_VARIABLE, "") or config.html_baseurl
    return address.rstrip("/") + "/" if address else ""


def set_footer(app: Sphinx, config: Config) -> None:
    """Name version, commit and day in the footer of every page."""
    made = f"Version {__version__}, commit {html.escape(find_commit())}, built on {date.today().isoformat()}."
    config.html_theme_options = config.html_theme_options | {
        "extra_footer": f'<p class="twm-made">{made}</p>',
        # Named here, because the front page's title goes without it.
        "logo": {"text": config.html_title},
    }
    config.html_baseurl = read_address(config)
    # The line above says it already.
    config.html_last_updated_fmt = None


def add_tags(
    app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page its description, its card and, on the front page, a title without repetition."""
    project = html.unescape(re.sub(r"<[^>]+>", "", str(app.config.html_title)))
    title = html.unescape(re.sub(r"<[^>]+>", "", str(context.get("title", "")))) or project
    if pagename == app.config.root_doc:
        context["docstitle"] = ""
    text = (
        describe_page(doctree)
        or _GENERATED.get(pagename)
        or f"{title}: a page of the book \N{LEFT DOUBLE QUOTATION MARK}{project}\N{RIGHT DOUBLE QUOTATION MARK}."
    )
    address = read_address(app.config)
    up = address or "../" * pagename.count("/")
    tags = {
        "description": text, "og:type": "article", "og:site_name": project, "og:title": title, "og:description": text,
        "og:image": f"{up}{CARD}", "og:image:alt": _CARD_ALT, "twitter:card": "summary_large_image", "theme-color": "#00204d",
    }  # fmt: skip
    if address:
        tags["og:url"] = f"{address}{pagename}.html"
    lines = [
        f'<meta {"property" if name.startswith("og:") else "name"}="{name}" content="{html.escape(value)}">'
        for name, value in tags.items()
    ]
    if pagename == "404" and address:
        # This page is shown at any depth, so its links start from the site's own address.
        lines.insert(0, f'<base href="{html.escape(address)}">')
    context["metatags"] = context.get("metatags", "") + "\n" + "\n".join(lines)


def make_missing_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the page that a server shows where there is none."""
    body = (
        "<h1>Page not found</h1>"
        "<p>The page may have moved. These pages help you find it:</p>"
        '<ul><li><a href="index.html">The front page</a></li><li><a href="sitemap.html">All pages</a></li>'
        '<li><a href="search.html">Search</a></li><li><a href="scoreboard.html">The scoreboard</a></li></ul>'
    )
    yield "404", {"title": "Page not found", "body": body}, "page.html"


class SitemapDirective(SphinxDirective):
    """All pages of the book with what each is about, in the order of the contents; filled once all pages are read."""

    def run(self) -> list[nodes.Node]:
        return [nodes.container("", classes=["twm-sitemap"])]


def fill_sitemap(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put titles and descriptions into the list of all pages."""
    for place in [node for node in doctree.findall(nodes.container) if "twm-sitemap" in node["classes"]]:
        pages = nodes.definition_list()
        for name in list_in_order(app):
            target = app.builder.get_relative_uri(docname, name)
            link = nodes.reference("", app.env.titles[name].astext(), refuri=target, internal=True)
            text = describe_page(app.env.get_doctree(name), app.env.titles)
            item = nodes.definition_list_item("", nodes.term("", "", link))
            item += nodes.definition("", nodes.paragraph("", text))
            pages += item
        place += pages


def list_in_order(app: Sphinx) -> list[str]:
    """Return all pages in the order of the table of contents."""
    found: list[str] = []

    def add(name: str) -> None:
        if name not in found:
            found.append(name)
            for child in app.env.toctree_includes.get(name, []):
                add(child)

    add(app.config.root_doc)
    return found + sorted(set(app.env.found_docs) - set(found))


def silence(script: str) -> str:
    """Return a script that no longer tells the console what it does; its warnings and errors stay."""
    return re.sub(r"\bconsole\.(?:log|info|debug)\(", "void(", script)


def write_files(app: Sphinx, exception: Exception | None) -> None:
    """Write the card, with an address the list of pages that search engines read, and quiet scripts."""
    if exception is not None or app.builder.format != "html":
        return
    for name in CHATTY:
        script = Path(app.outdir) / name
        if script.exists():
            script.write_text(silence(script.read_text(encoding="utf-8")), encoding="utf-8")
    from twm.book.figures.front_page import plot_card

    folder = Path(app.outdir)
    plot_card(app.config.html_title).savefig(folder / CARD, dpi=100, metadata={"Software": None})
    address = read_address(app.config)
    if address:
        day = datetime.now(UTC).date().isoformat()
        rows = [
            f"<url><loc>{html.escape(address + name)}.html</loc><lastmod>{day}</lastmod></url>"
            for name in list_in_order(app)
        ]
        start = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        (folder / "sitemap.xml").write_text("\n".join([start, *rows, "</urlset>\n"]), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and the hooks."""
    app.add_directive("twm-sitemap", SitemapDirective)
    app.connect("config-inited", set_footer, priority=900)
    app.connect("html-page-context", add_tags, priority=900)
    app.connect("html-collect-pages", make_missing_page)
    app.connect("doctree-resolved", fill_sitemap)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
