"""The book's own Sphinx extensions, apart from a build: MathJax without a network, plain docstrings, descriptions."""

import re
import types
from pathlib import Path

import pytest
from docutils.core import publish_doctree

from tests.site.conftest import load_extension

pytest.importorskip("sphinx", reason="the extra `book` is not installed")


@pytest.fixture(scope="module")
def frame(root: Path) -> types.ModuleType:
    return load_extension(root, "twm_frame")


def test_without_the_wheel_or_its_file_the_build_stops(root, monkeypatch, tmp_path):
    from sphinx.errors import ExtensionError

    mathjax = load_extension(root, "offline_mathjax")
    monkeypatch.setattr(mathjax, "find_spec", lambda name: None)
    with pytest.raises(ExtensionError, match="sphinx-mathjax-offline.*pip install"):
        mathjax.set_path(None, types.SimpleNamespace(mathjax_path="https://cdn.example.org/mathjax.js"))
    monkeypatch.setattr(mathjax, "find_spec", lambda name: types.SimpleNamespace(origin=str(tmp_path / "__init__.py")))
    with pytest.raises(ExtensionError, match="tex-svg-full.js"):
        mathjax.find_script()


@pytest.mark.parametrize("text", [
    "The least |lambda| and |W Psi - Psi Phi|.", "psi_ is a symbol, and so is h_(i+1).",
    "A tensor (count, *shape) of numbers, history*dim components.",
])  # fmt: skip
def test_symbols_survive(root, text):
    """What stands in the docstring stands on the page, and nothing warns."""
    plain = load_extension(root, "plain_docstrings")
    document = publish_doctree(plain.clean_line(text), settings_overrides={"report_level": 1, "halt_level": 2})
    assert document.astext() == text


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


def test_a_description_is_the_first_sentence_of_the_text_and_ends_with_a_sentence_or_word(frame):
    words = "This is the first paragraph of the page, long enough to describe it."
    page = publish_doctree(f"Title\n=====\n\n.. note:: {words.upper()}\n\nShort.\n\n{words}\n\n{words[::-1]}")
    assert frame.describe_page(page) == words
    assert frame.describe_page(publish_doctree("")) == "" == frame.describe_page(None)
    assert frame.shorten(f"{words} {'word ' * 60}") == words and frame.shorten("short\n text") == "short text"
    cut = frame.shorten("word " * 60)
    assert len(cut) <= frame.LONGEST and cut.endswith("word\N{HORIZONTAL ELLIPSIS}")


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


def test_a_counted_noun_reads_right_for_none_one_and_many(root):
    book = load_extension(root, "twm_book")
    told = [book._format_number(count, "count seed") for count in (0, 1, 2, 270336)]
    assert [book._format_number(list_, ".1f") for list_ in ([0.1, 2, 1], [1, 1])] == ["0.1 to 2.0", "1.0"]
    assert told == ["no seeds", "one seed", "2 seeds", "270,336 seeds"] and book._format_number(0.25, ".1f") == "0.2"


def test_a_phone_shows_every_panel_once_and_whole(root):
    from matplotlib.figure import Figure

    from twm.book.figures.style import find_panels, make_axes

    figure, axes = make_axes(2, 3, 9, 5)
    bar = figure.colorbar(axes[0, 2].imshow([[0, 1]]), ax=axes[0, 2])
    axes[0, 0].plot([0, 1], label="a line")
    figure.legend(loc="outside lower center")
    found = find_panels(figure)
    assert isinstance(figure, Figure) and len(found["panels"]) == 7
    (width, height), boxes = found["size"], found["panels"]
    assert all(left >= 0 and top >= 0 and left + w <= width and top + h <= height for left, top, w, h in boxes)
    for place in (*axes.flat, bar.ax):  # each lies in one panel, with its labels
        box = place.get_tightbbox().transformed(figure.dpi_scale_trans.inverted())
        whole = figure.get_tightbbox().padded(0.1)
        inside = [x <= box.x0 - whole.x0 + 1e-2 and x + w >= box.x1 - whole.x0 - 1e-2 and
                  y <= whole.y1 - box.y1 + 1e-2 and y + h >= whole.y1 - box.y0 - 1e-2 for x, y, w, h in boxes]  # fmt: skip
        assert sum(inside) == 1
    stack = load_extension(root, "twm_figures").stack_panels("a.png", found)
    assert stack.count("<img") == 7 and 'alt=""' in stack
    shown = [tuple(map(int, place)) for place in re.findall(r"width:(\d+)px;height:\d+px;left:(-?\d+)px;top:(-?\d+)px", stack)]
    for (left, top, across, _), (picture, right, down) in zip(boxes, shown, strict=True):
        inch = picture / width
        assert (right, down) == pytest.approx((-inch * (left - 0.04), -inch * (top - 0.04)), abs=1.5)
        assert inch >= 95 and (inch * (across + 0.08) <= 361 or inch == pytest.approx(95.2, abs=0.2))
    assert stack.count("tabindex") == sum(95.2 * (across + 0.08) > 360 for *_, across, _ in boxes)
