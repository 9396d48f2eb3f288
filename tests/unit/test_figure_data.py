"""What a figure shows can be read back from its table."""

import csv
import io

import numpy as np
import pytest
from twm.book.figures.animation import Animation, LinePanel, Panel
from twm.book.figures.data import DATA_COLUMNS, list_figure_data, make_csv
from twm.book.figures.style import make_axes, plot_matrix


def read(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_every_kind_of_mark_is_read_back(rng):
    figure, axes = make_axes(2, 3)
    x, y = rng.normal(size=(2, 7))
    axes[0, 0].plot(x, y, label="curve")
    axes[0, 0].axvline(0.5)
    axes[0, 0].set_title("A: lines", loc="left")
    axes[0, 1].scatter(x, y, label="points")
    cells = rng.normal(size=(3, 4))
    plot_matrix(axes[0, 2], cells)
    axes[1, 0].bar([1, 2], [3.0, -4.0], label="bars")
    axes[1, 1].pcolormesh(cells)
    axes[1, 2].vlines([1.0, 2.0], 0.0, 3.0)
    rows = read(make_csv(figure))
    assert tuple(rows[0]) == DATA_COLUMNS

    def columns(panel: int, *names: str) -> np.ndarray:
        marks = [row for row in rows if row["panel"] == str(panel) and row["kind"] != "panel"]
        return np.array([[float(row[name]) for name in names] for row in marks])

    assert np.allclose(columns(1, "x", "y"), np.stack([x, y], 1), rtol=1e-5)
    assert {(row["series"], row["kind"]) for row in rows if row["panel"] == "1"} == {
        ("A: lines", "panel"), ("curve", "line"),
    }, "the guide line is no data"  # fmt: skip
    assert np.allclose(columns(2, "x", "y"), np.stack([x, y], 1), rtol=1e-5)
    for panel in ("3", "5"):
        found = [row for row in rows if row["panel"] == panel and row["kind"] == "row"]
        assert [row["y"] for row in found] == ["0", "1", "2"]
        assert np.allclose([[float(value) for value in row["values"].split()] for row in found], cells, rtol=1e-3)
    assert columns(4, "x", "y").tolist() == [[1, 3], [2, -4]]
    assert columns(6, "x", "y").tolist() == [[1, 0], [1, 3], [2, 0], [2, 3]]


def test_other_data_give_another_table(rng):
    tables = []
    for _ in range(2):
        figure, axes = make_axes()
        axes[0, 0].plot(rng.normal(size=5))
        tables.append(make_csv(figure))
    assert tables[0] != tables[1]


def test_an_empty_figure_has_an_empty_table():
    figure, _ = make_axes()
    assert list_figure_data(figure) == [] and make_csv(figure) == ",".join(DATA_COLUMNS) + "\n"


def test_a_moving_picture_is_read_back(rng):
    frames, lines, x = rng.normal(size=(3, 2, 4)), rng.normal(size=(3, 2, 6)), np.arange(6.0)
    animation = Animation(
        [Panel("cells", frames, "row", "column"), LinePanel("curves", x, lines, ["a", "b"], "place", "height")],
        ["one", "two", "three"], "Moving", "Something moves.",
    )  # fmt: skip
    rows = read(make_csv(animation))
    cells = np.array([[float(row[f"value{k}"]) for k in range(1, 5)] for row in rows if row["panel"] == "cells"])
    assert np.allclose(cells.reshape(frames.shape), frames, rtol=1e-3)
    places, *curves = [row for row in rows if row["panel"] == "curves"]
    assert places["step"] == "" and [float(places[f"value{k}"]) for k in range(1, 7)] == x.tolist()
    assert [(row["step"], row["row"]) for row in curves] == [(str(k), name) for k in range(3) for name in "ab"]
    heights = np.array([[float(row[f"value{k}"]) for k in range(1, 7)] for row in curves])
    assert np.allclose(heights.reshape(lines.shape), lines, rtol=1e-3)
