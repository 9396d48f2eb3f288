"""The turnable picture: its data, its still, and that nothing in it asks a host."""

import base64
import json
import re

import numpy as np
import pytest
from twm.book.figures.turnable import TURN_LEVELS, Turnable, project_points
from twm.errors import UserError


@pytest.fixture
def cube() -> Turnable:
    rng = np.random.default_rng(0)
    corners = {f"{x}{y}{z}": np.array([x, y, z]) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)}
    clouds = {name: 2 * corner + 0.1 * rng.standard_normal((20, 3)) for name, corner in corners.items()}
    return Turnable(
        clouds,
        ("PC1", "PC2", "PC3"),
        "A <cube>",
        "Eight clouds & a path",
        {"edge": np.array([[-2, -2, -2], [2, 2, 2]])},
    )


def test_coordinates_survive_the_page_to_half_a_level(cube):
    data = json.loads(re.search(r"<script[^>]*json[^>]*>(.*?)</script>", cube.to_html(), re.S)[1])
    for cloud, points in zip(data["clouds"], cube.clouds.values()):
        levels = np.frombuffer(base64.b64decode(cloud["points"]), "<u2").reshape(-1, 3)
        restored = (levels / TURN_LEVELS * 2 - 1) * data["scale"]
        assert np.abs(restored - points).max() <= data["scale"] / TURN_LEVELS
        assert np.allclose(np.array(cloud["centre"]) * data["scale"], points.mean(0), atol=1e-3)
    assert data["alt"] == "Eight clouds & a path" and len({cloud["colour"] for cloud in data["clouds"]}) == 8


def test_the_page_asks_no_host_and_closes_no_script_early(cube):
    text = cube.to_html()
    assert not re.search(r"https?://|//[a-z]+\.", text.replace("http://www.w3.org", ""))
    assert text.count("<script") == 2 and text.count("</script>") == 2 and "A &lt;cube&gt;" in text
    assert 'alt="Eight clouds &amp; a path"' in text and "data:image/png;base64," in text


def test_turning_keeps_lengths_and_angles():
    points = np.random.default_rng(1).standard_normal((30, 3))
    seen = project_points(points, 37, -20)
    assert np.allclose(seen @ seen.T, points @ points.T)
    assert np.allclose(project_points(points, 0, 0), points[:, [0, 2, 1]] * [1, 1, -1])
    # From straight above, the third axis points at the reader.
    assert np.allclose(project_points(np.array([[0, 0, 1.0]]), 10, 90), [[0, 0, 1]])


def test_the_still_shows_every_cloud_and_name(cube):
    figure = cube.still()
    figure.canvas.draw()
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert set(cube.clouds) | {"PC1", "PC2", "PC3"} <= texts


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"clouds": {}}, "clouds"),
        ({"clouds": {"a": np.zeros((3, 2))}}, "n, 3"),
        ({"clouds": {"a": np.full((3, 3), np.nan)}}, "finite"),
        ({"clouds": {"a": np.zeros((30_000, 3))}}, "too many"),
        ({"axes": ("x",)}, "axes"),
        ({"alt": " "}, "alt"),
        ({"title": ""}, "title"),
    ],
)
def test_wrong_arguments_are_told_in_a_line(change, word):
    arguments = {"clouds": {"a": np.ones((3, 3))}, "axes": "xyz", "title": "t", "alt": "a"} | change
    with pytest.raises(UserError, match=word):
        Turnable(**arguments)
