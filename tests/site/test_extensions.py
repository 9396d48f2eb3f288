"""The book's own Sphinx extensions, apart from a build: MathJax without a network, plain docstrings, descriptions."""

import re
import types
from pathlib import Path

import docutils.nodes
import pytest
from docutils.core import publish_doctree

from tests.site.conftest import load_extension

addnodes = pytest.importorskip("sphinx.addnodes", reason="the extra `book` is not installed")
CDN = "https://cdn.example.org/mathjax.js"


@pytest.fixture(scope="module")
def mathjax(root: Path) -> types.ModuleType:
    return load_extension(root, "offline_mathjax")


@pytest.fixture(scope="module")
def plain(root: Path) -> types.ModuleType:
    return load_extension(root, "plain_docstrings")


@pytest.fixture(scope="module")
def frame(root: Path) -> types.ModuleType:
    return load_extension(root, "twm_frame")


# ---- formulas without a network


def test_mathjax_is_one_whole_file_copied_into_the_site_and_used_from_there(mathjax, tmp_path):
    config = types.SimpleNamespace(mathjax_path=CDN)
    mathjax.set_path(None, config)
    mathjax.copy_script(types.SimpleNamespace(builder=types.SimpleNamespace(format="html"), outdir=str(tmp_path)))
    text = (tmp_path / "_static" / config.mathjax_path).read_text(encoding="utf-8")
    assert ":" not in config.mathjax_path and 1_000_000 < len(text) < 4_000_000 and "mjx-container" in text


def test_without_the_wheel_or_its_file_the_build_stops(mathjax, monkeypatch, tmp_path):
    from sphinx.errors import ExtensionError

    monkeypatch.setattr(mathjax, "find_spec", lambda name: None)
    with pytest.raises(ExtensionError, match="sphinx-mathjax-offline.*pip install"):
        mathjax.set_path(None, types.SimpleNamespace(mathjax_path=CDN))
    monkeypatch.setattr(mathjax, "find_spec", lambda name: types.SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    with pytest.raises(ExtensionError, match="tex-svg-full.js"):
        mathjax.find_script()


# ---- docstrings


@pytest.mark.parametrize(
    "text",
    [
        "The least |lambda| and |W Psi - Psi Phi|.",
        "psi_ is a symbol, and so is h_(i+1).",
        "A tensor (count, *shape) of numbers, history*dim components.",
    ],
)
def test_symbols_survive(plain, text):
    """What stands in the docstring stands on the page, and nothing warns."""
    document = publish_doctree(plain.clean_line(text), settings_overrides={"report_level": 1, "halt_level": 2})
    assert document.astext() == text


def test_literals_and_roles_are_left_alone_and_shapes_are_no_types(plain):
    for text in ("``a | b`` and :func:`make_basis_`", ":param x: ``|y|``"):
        assert plain.clean_line(text) == text
    assert plain.clean_line(":returns: *(steps, \\*shape)* -- the states").startswith(":returns: (steps, ")
    assert " -- " not in plain.clean_line("*(hidden, size)* -- columns")


def test_a_constant_keeps_its_colon(plain):
    lines = ["Colour map for signed values: blue below zero."]
    plain.hide_colons(None, "data", "name", None, None, lines)
    assert ":" not in lines[0]
    plain.show_plainly(None, "data", "name", None, None, lines)
    assert lines == ["Colour map for signed values: blue below zero."]


# ---- references


def test_entries_are_labelled_as_the_text_cites_and_apart_where_they_would_be_one(root: Path):
    database = pytest.importorskip("pybtex.database")
    labels = load_extension(root, "twm_references").AuthorYearLabels()
    cited = {
        "Elman": "Elman, 1990", "Gers Cummins": "Gers and Cummins, 2001",
        "Keller Muller Welling": "Keller et al., 2024a", "Keller Other Third": "Keller et al., 2024b",
    }  # fmt: skip
    entries = []
    for names, label in cited.items():
        people = {"author": [database.Person(last=name) for name in names.split()]}
        entries.append(database.Entry("misc", fields={"year": re.search(r"\d+", label)[0]}, persons=people))
    assert list(labels.format_labels(entries)) == list(cited.values())


# ---- descriptions and cards


def test_a_description_is_the_first_sentence_of_the_text_and_ends_with_a_sentence_or_word(frame):
    words = "This is the first paragraph of the page, long enough to describe it."
    page = publish_doctree(f"Title\n=====\n\n.. note:: {words.upper()}\n\nShort.\n\n{words}\n\n{words[::-1]}")
    assert frame.describe_page(page) == words
    assert frame.describe_page(publish_doctree("")) == "" == frame.describe_page(None)
    assert frame.shorten(f"{words} {'word ' * 60}") == words and frame.shorten("short\n text") == "short text"
    cut = frame.shorten("word " * 60)
    assert len(cut) <= frame.LONGEST and cut.endswith("word\N{HORIZONTAL ELLIPSIS}")


def test_a_description_has_no_keys_and_no_gaps(frame):
    """Citations are left out, resolved or not; a reference without words takes the title of its page."""
    sentence = "The theory of episodes has an older form"
    page = publish_doctree(f"{sentence}, KEY. Its words are on LINK. So it goes on:")
    text = page.next_node(docutils.nodes.Text)
    before, between, after = map(docutils.nodes.Text, re.split("KEY|LINK", text.astext()))
    cite = addnodes.pending_xref("", docutils.nodes.inline("", "karuvally2023episodic"), refdomain="cite")
    link = addnodes.pending_xref("", docutils.nodes.inline("", ""), refdomain="std", reftarget="notation.md")
    text.parent.replace(text, [before, cite, between, link, after])
    titles = {"notation": docutils.nodes.title("", "Notation")}
    assert frame.describe_page(page, titles) == f"{sentence}. Its words are on Notation. So it goes on."
    resolved = publish_doctree(f"{sentence}, [Karuvally *et al.*, 2023]. Numbers in brackets [0, 1] stay.")
    assert frame.describe_page(resolved) == f"{sentence}. Numbers in brackets [0, 1] stay."


def test_scripts_keep_what_they_do_to_themselves(frame):
    script = "a?b():console.log(`x`),console.debug('y');console.warn('z');myconsole.log(1)"
    assert frame.silence(script) == "a?b():void(`x`),void('y');console.warn('z');myconsole.log(1)"


def test_with_an_address_links_are_absolute(frame, monkeypatch):
    address = "https://book.example.org/wave"
    monkeypatch.setenv(frame.ADDRESS_VARIABLE, address)
    app = types.SimpleNamespace(config=types.SimpleNamespace(html_baseurl="", html_title="A book", root_doc="index"))
    frame.add_tags(app, "pages/a", "", context := {"title": "One &amp; all", "metatags": ""}, None)
    for part in (f'content="{address}/_static/card.png"', f'content="{address}/pages/a.html"', "One &amp; all"):
        assert part in context["metatags"]
    assert "&amp;amp;" not in context["metatags"]
    frame.add_tags(app, "404", "", context := {"title": "no"}, None)
    assert f'<base href="{address}/">' in context["metatags"]
