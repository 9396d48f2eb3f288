"""The book's own Sphinx extensions, apart from a build: MathJax without a network, docstrings as plain text."""

import types
from pathlib import Path

import pytest
from docutils.core import publish_doctree

from tests.site.conftest import load_extension

ExtensionError = pytest.importorskip("sphinx.errors", reason="the extra `book` is not installed").ExtensionError


@pytest.fixture(scope="module")
def mathjax(root: Path) -> types.ModuleType:
    return load_extension(root, "offline_mathjax")


@pytest.fixture(scope="module")
def plain(root: Path) -> types.ModuleType:
    return load_extension(root, "plain_docstrings")


def test_mathjax_is_one_file_that_needs_no_other(mathjax):
    text = mathjax.find_script().read_text(encoding="utf-8")
    assert 1_000_000 < len(text) < 4_000_000 and "mjx-container" in text


def test_mathjax_is_copied_into_the_site_and_used_from_there(mathjax, tmp_path):
    config = types.SimpleNamespace(mathjax_path="https://cdn.example.org/mathjax.js")
    mathjax.set_path(None, config)
    mathjax.copy_script(types.SimpleNamespace(builder=types.SimpleNamespace(format="html"), outdir=str(tmp_path)))
    assert ":" not in config.mathjax_path
    assert (tmp_path / "_static" / config.mathjax_path).read_bytes() == mathjax.find_script().read_bytes()


def test_without_the_wheel_or_its_file_the_build_stops(mathjax, monkeypatch, tmp_path):
    monkeypatch.setattr(mathjax, "find_spec", lambda name: None)
    with pytest.raises(ExtensionError, match="sphinx-mathjax-offline.*pip install"):
        mathjax.set_path(None, types.SimpleNamespace(mathjax_path="https://cdn.example.org/mathjax.js"))
    monkeypatch.setattr(mathjax, "find_spec", lambda name: types.SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    with pytest.raises(ExtensionError, match="tex-svg-full.js"):
        mathjax.find_script()


@pytest.mark.parametrize(
    "text",
    [
        "The least |lambda| and |W Psi - Psi Phi|.",
        "psi_ is a symbol, and so is h_(i+1).",
        "A tensor (count, *shape) of numbers.",
        "history*dim components, C(n, m) c^m",
    ],
)
def test_symbols_survive(plain, text):
    """What stands in the docstring stands on the page, and nothing warns."""
    document = publish_doctree(plain.clean_line(text), settings_overrides={"report_level": 1, "halt_level": 2})
    assert document.astext() == text


def test_without_the_extension_symbols_do_not_survive():
    with pytest.raises(Exception, match="[Uu]ndefined substitution|start-string"):
        publish_doctree("The least |lambda|.", settings_overrides={"report_level": 5, "halt_level": 3})


def test_literals_and_roles_are_left_alone(plain):
    for text in ("``a | b`` and :func:`make_basis_`", ":param x: ``|y|``"):
        assert plain.clean_line(text) == text


def test_a_shape_is_not_a_type(plain):
    assert plain.clean_line(":returns: *(steps, \\*shape)* -- the states").startswith(":returns: (steps, ")
    assert " -- " not in plain.clean_line("*(hidden, size)* -- columns")


def test_a_constant_keeps_its_colon(plain):
    lines = ["Colour map for signed values: blue below zero."]
    plain.hide_colons(None, "data", "name", None, None, lines)
    assert ":" not in lines[0]
    plain.show_plainly(None, "data", "name", None, None, lines)
    assert lines == ["Colour map for signed values: blue below zero."]


def test_entries_are_labelled_as_the_text_cites_and_apart_where_they_would_be_one(root: Path):
    database = pytest.importorskip("pybtex.database")
    references = load_extension(root, "twm_references")

    def make_entry(year, *names):
        people = [database.Person(last=name) for name in names]
        return database.Entry("misc", fields={"year": year}, persons={"author": people})

    entries = [
        make_entry("1990", "Elman"), make_entry("2001", "Gers", "Cummins"), make_entry("2024", "Keller", "Muller", "Welling"),
        make_entry("2024", "Keller", "Other", "Third"),
    ]  # fmt: skip
    assert list(references.AuthorYearLabels().format_labels(entries)) == [
        "Elman, 1990", "Gers and Cummins, 2001", "Keller et al., 2024a", "Keller et al., 2024b",
    ]  # fmt: skip
