"""Pictures that move or turn, and tables, of a page and beside a figure: nothing is lost, and no host is asked."""

import base64
import csv
import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.conftest import refusals
from twm.book.figures.animation import Animation, LinePanel, Panel, Turnable, project_points
from twm.book.figures.front_page import LatticeToy, make_front_page_animation
from twm.book.figures.style import QUALITATIVE, make_axes, make_csv, plot_matrix
from twm.book.session import DataTable
from twm.errors import UserError
from twm.theory.operators import make_cycle
from twm.theory.pictures import states_to_text

STEPS, HOSTILE, RNG = 6, "</script><b>\"&' wave", np.random.default_rng(3)
HEADER, CAPTION = ("task", "rad & more", "n"), 'Errors < 1 & "seeds"'
ROWS = [("T1 <small>", 0.5, 3), ('"T2"', "–", 12)]
FRAMES = RNG.normal(size=(STEPS, 5, 7))
LINES = np.sin(np.linspace(0, 6, 40) + np.arange(STEPS)[:, None, None] + np.arange(2)[:, None])
CLOUDS = {f"{k}": RNG.normal(size=(20, 3)) + k for k in range(8)}


def make_heat(frames=FRAMES, **options):
    return Panel("substrate", frames, "dimension", "column", **options)


def make_lines(limits=(-1.0, 1.0), x=np.linspace(0.0, 1.0, 40), names=("sine", "cosine")):
    return LinePanel("profile", x, LINES, names, "position", "height", limits)


def make_animation(panels=None, captions=("step",) * STEPS, **options):
    texts = {"title": "A wave", "alt": "A bump moves left."} | options
    return Animation([make_heat(), make_lines()] if panels is None else panels, captions, **texts)


def make_turnable(**changes):
    texts = {"axes": ("PC1", "PC2", "PC3"), "title": "A cube", "alt": "Eight clouds"}
    return Turnable(**{"clouds": CLOUDS, "paths": {"edge": np.eye(3)}} | texts | changes)


def read_data(picture):
    return json.loads(re.search(r'-data">(.*?)</script>', picture.to_html(), re.S)[1])


def read_table(text):
    return list(csv.DictReader(io.StringIO(text)))


def restore(written):
    """Turn levels back into values, as the player does."""
    levels = np.frombuffer(base64.b64decode(written["levels"]), np.uint8 if written["kind"] == "heat" else "<u2")
    (low, high), top = written["range"], 255 if written["kind"] == "heat" else 65535
    return (low + (high - low) / top * levels.astype(float)).reshape(written["shape"])


@pytest.mark.parametrize("colours", ["diverging", "sequential"])
def test_the_page_carries_values_to_half_a_level(colours):
    heat = make_heat(colours=colours)
    first, second = read_data(make_animation([heat, make_lines()]))["panels"]
    error, half = np.abs(restore(first) - FRAMES).max(), (heat.vmax - heat.vmin) / 255 / 2
    assert half / 10 < error <= half * (1 + 1e-9), "values that all sit on levels would make the test empty"
    assert np.abs(restore(second) - LINES).max() <= 3 * 2 / 65535 / 2 * (1 + 1e-9)
    table = np.frombuffer(base64.b64decode(first["colours"]), np.uint8).reshape(256, 3)
    if colours == "diverging":
        assert heat.vmin == -heat.vmax == -np.abs(FRAMES).max() and table[127:129].min() > 240, "zero is white"


def test_what_leaves_the_range_is_drawn_at_its_end():
    heat, lines = make_heat(vmin=-0.1, vmax=0.1), make_lines((-0.5, 0.5))
    first, second = map(restore, read_data(make_animation([heat, lines]))["panels"])
    assert np.abs(first - np.clip(FRAMES, -0.1, 0.1)).max() <= 0.2 / 255 / 2 * (1 + 1e-9)
    assert second.max() > 0.9 and second.min() < -0.9, "a curve outside of the axis stays outside"


def test_turnable_coordinates_survive_the_page_to_half_a_level():
    data = read_data(make_turnable())
    for cloud, points in zip(data["clouds"], CLOUDS.values(), strict=True):
        levels = np.frombuffer(base64.b64decode(cloud["points"]), "<u2").reshape(-1, 3)
        assert np.abs((levels / 65535 * 2 - 1) * data["scale"] - points).max() <= data["scale"] / 65535
        assert np.allclose(np.array(cloud["centre"]) * data["scale"], points.mean(0), atol=1e-3)
    assert len({cloud["colour"] for cloud in data["clouds"]}) == 8


def test_turning_keeps_lengths_and_angles():
    points = CLOUDS["0"]
    seen = project_points(points, 37, -20)
    assert np.allclose(seen @ seen.T, points @ points.T)
    assert np.allclose(project_points(points, 0, 0), points[:, [0, 2, 1]] * [1, 1, -1])
    # From straight above, the third axis points at the reader.
    assert np.allclose(project_points(np.array([[0, 0, 1.0]]), 10, 90), [[0, 0, 1]])


@pytest.mark.parametrize("make", [make_animation, make_turnable])
def test_the_page_survives_markup_in_texts(make):
    page = make(title=HOSTILE, alt=HOSTILE).to_html()
    assert page.count("</script>") == 2, "the data and the player, and no text that closes them early"
    assert read_data(make(title=HOSTILE))["title"] == HOSTILE
    assert 'alt="&lt;/script&gt;' in page and page == make(title=HOSTILE, alt=HOSTILE).to_html()


@pytest.mark.parametrize("picture", [make_animation(), make_turnable(), LatticeToy(5, 3, "attention")])
def test_the_page_asks_no_host_and_has_a_still(picture):
    page = picture.to_html().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r'https?:|//[a-z]+\.|\bimport\s|fetch\(|XMLHttpRequest|\b(src|href)="(?!data:)', page)
    assert base64.b64decode(re.search(r'base64,([^"]+)', page)[1]).startswith(b"\x89PNG")
    assert f'alt="{picture.alt}"' in page and len(page) < 200_000


def test_stills_show_what_is_on_the_page():
    animation = make_animation([make_heat(), make_lines(), make_heat(colours="sequential")])
    figure = animation.still(4)
    assert [axes.get_xlabel() for axes in figure.axes] == ["column", "position", "column"]
    assert (figure.axes[0].images[0].get_array() == FRAMES[4]).all()
    with pytest.raises(UserError, match="step must be below 6"):
        animation.still(6)
    before, after, operator = (np.asarray(axes.images[0].get_array()) for axes in LatticeToy(4, 2).still().axes)
    assert (after == np.roll(before, -1, axis=1)).all() and not (after == before).all()
    assert (operator == make_cycle(4, 2)).all()
    added = np.asarray(LatticeToy(4, 2, "fibonacci").still().axes[1].images[0].get_array())
    assert (added[:, -1] == 4).all()
    settings = re.findall(r'data-(\w+)="(\w+)"', LatticeToy(5, 3, "code").to_html())
    assert settings == [("history", "5"), ("dim", "3"), ("boundary", "code")]


def test_line_colours_stand_out_from_white():
    for colour in QUALITATIVE:
        channels = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5, colour


def test_the_front_page_shows_one_state_in_two_bases_and_reads_as_its_text_in_every_repeat():
    animation = make_front_page_animation("3141", repeats=2)
    hidden, waves = (panel.values.swapaxes(-1, -2) for panel in animation.panels)
    assert animation.steps == 49 and animation.autoplay and not waves[0].any()
    assert [states_to_text(waves[step]) for step in (16, 32, 48, 20)] == ["3141", "3141", "3141", "1413"]
    hidden, waves = hidden.reshape(49, -1), waves.reshape(49, -1)
    # An orthonormal basis keeps every length and angle, and leaves nothing in its place.
    assert np.allclose(hidden @ hidden.T, waves @ waves.T) and np.abs(np.corrcoef(hidden[16], waves[16])[0, 1]) < 0.3


def test_every_kind_of_mark_is_read_back_from_the_table():
    figure, axes = make_axes(2, 3)
    x, y = RNG.normal(size=(2, 7))
    axes[0, 0].plot(x, y, label="curve")
    axes[0, 0].axvline(0.5)
    axes[0, 0].set_title("A: lines", loc="left")
    axes[0, 1].scatter(x, y)
    plot_matrix(axes[0, 2], FRAMES[0])
    axes[1, 0].bar([1, 2], [3.0, -4.0])
    axes[1, 1].pcolormesh(FRAMES[0])
    axes[1, 2].vlines([1.0, 2.0], 0.0, 3.0)
    panels = [[row for row in read_table(make_csv(figure)) if row["panel"] == str(number)] for number in range(1, 7)]
    points = [[(float(row["x"]), float(row["y"])) for row in panel if row["x"]] for panel in panels]
    assert {(row["series"], row["kind"]) for row in panels[0]} == {("A: lines", "panel"), ("curve", "line")}
    assert np.allclose(points[0], np.stack([x, y], 1), rtol=1e-5) and np.allclose(points[1], points[0])
    for panel in (panels[2], panels[4]):
        cells = [[float(value) for value in row["values"].split()] for row in panel if row["values"]]
        assert np.allclose(cells, FRAMES[0], rtol=1e-3)
    assert points[3] == [(1, 3), (2, -4)] and points[5] == [(1, 0), (1, 3), (2, 0), (2, 3)]


def test_an_animation_is_read_back_from_its_table():
    animation = make_animation()
    rows = [[value for value in row.values() if value] for row in read_table(animation._repr_mimebundle_()["text/csv"])]
    cells = [row[3:] for row in rows if row[1] == "substrate"]
    assert np.allclose(np.array(cells, float).reshape(FRAMES.shape), FRAMES, rtol=1e-3)
    (places,) = [row[2:] for row in rows if row[0] == "profile"]
    curves = [row[3:] for row in rows if row[1] == "profile"]
    assert np.allclose(np.array(places, float), animation.panels[1].x, rtol=1e-3)
    assert np.allclose(np.array(curves, float).reshape(LINES.shape), LINES, rtol=1e-3, atol=1e-9)


test_wrong_input_gets_one_line = refusals(
    (lambda: make_animation([]), "at least one panel"), (lambda: make_animation(alt=" "), "alt text"),
    (lambda: make_animation([make_heat(np.zeros((STEPS, 600, 600)))]), "more than"),
    (lambda: make_heat(np.zeros((3, 4))), r"\(steps, rows, columns\)"),
    (lambda: make_heat(np.full((1, 2, 2), np.nan)), "finite"), (lambda: make_turnable(clouds={}), "8 clouds"),
    (lambda: make_turnable(clouds={"a": np.zeros((30_000, 3))}), "too many"),
    (lambda: LatticeToy(history=9), "history must be 2 to 8"), (lambda: LatticeToy(boundary="sum"), "copy, fibonacci"),
    (lambda: make_front_page_animation("π"), "no picture for"),
)  # fmt: skip


def test_text_and_html_hold_the_same_cells_under_the_caption():
    table = DataTable(HEADER, ROWS, CAPTION)
    lines = repr(table).splitlines()
    assert lines[:2] == [CAPTION, "task        rad & more   n"] and lines[3] == '"T2"                 –  12'
    assert len({len(line) for line in lines[1:]}) == 1
    # Tags that do not nest, or text that became markup, are an error here.
    root = ElementTree.fromstring(table._repr_html_())
    texts = {tag: [element.text for element in root.iter(tag)] for tag in ("caption", "th", "td")}
    assert texts["caption"] == [CAPTION] and texts["th"] == [*HEADER, "T1 <small>", '"T2"']
    assert texts["td"] == ["0.5", "3", "–", "12"]
    assert [element.get("scope") for element in root.iter("th")] == ["col"] * 3 + ["row"] * 2
    # Wide tables scroll; the frame can be reached by keyboard and says what it is.
    frame = {"class": "twm-data-frame", "tabindex": "0", "role": "region", "aria-label": CAPTION}
    assert (root.tag, root.attrib) == ("div", frame)


def test_a_table_without_rows_is_its_head_and_a_row_of_another_length_is_refused():
    assert repr(DataTable(HEADER, [], "Nothing")) == "Nothing\ntask  rad & more  n"
    for row in (("T1",), ("T1", 1, 2, 3)):
        with pytest.raises(ValueError, match="3 cells"):
            DataTable(HEADER, [("T1", 1, 2), row], CAPTION)
