"""Laws of the moving pictures: nothing is lost but half a level, nothing is asked of the network, print has a still."""

import base64
import json
import re

import numpy as np
import pytest
from twm.book.figures.animation import Animation, LinePanel, Panel, quantise, restore
from twm.book.figures.front_page import make_front_page_animation, plot_moments
from twm.book.figures.style import QUALITATIVE, get_colours, make_axes, make_colour_table
from twm.errors import UserError
from twm.theory.pictures import states_to_text

STEPS = 6


def make_heat(colours="diverging", **options):
    frames = np.random.default_rng(3).normal(size=(STEPS, 5, 7))
    return Panel("substrate", frames, "dimension", "column", colours=colours, **options)


def make_lines(curves=2, **options):
    x = np.linspace(0.0, 1.0, 40)
    lines = np.stack([[np.sin(6 * x + step + curve) for curve in range(curves)] for step in range(STEPS)])
    return LinePanel("profile", x, lines, [f"curve {k}" for k in range(curves)], "position", "height", **options)


def make_animation(panels=None, **options):
    settings = {"title": "A wave", "alt": "A bump moves left."} | options
    captions = settings.pop("captions", [f"step {step}" for step in range(STEPS)])
    return Animation([make_heat(), make_lines()] if panels is None else panels, captions, **settings)


def read_data(animation):
    text = re.search(r'class="twm-player-data">(.*?)</script>', animation.to_html(), re.S).group(1)
    return json.loads(text)


@pytest.mark.parametrize("colours", ["diverging", "sequential"])
def test_heat_levels_are_within_half_a_level(colours):
    panel = make_heat(colours)
    error = np.abs(restore(quantise(panel), panel) - panel.frames).max()
    half = (panel.vmax - panel.vmin) / 255 / 2
    assert error <= half * (1 + 1e-9)
    assert error > half / 10, "random values that all sit on levels would make the test empty"


def test_line_levels_are_within_half_a_level():
    panel = make_lines()
    error = np.abs(restore(quantise(panel), panel) - panel.lines).max()
    assert error <= 3 * (panel.y_limits[1] - panel.y_limits[0]) / 65535 / 2 * (1 + 1e-9)


def test_curve_outside_the_axis_stays_outside():
    inside = make_lines(y_limits=(-0.5, 0.5))
    back = restore(quantise(inside), inside)
    assert back.max() > 0.9 and back.min() < -0.9


def test_values_outside_the_range_take_the_nearest_colour():
    panel = make_heat(vmin=-0.1, vmax=0.1)
    back = restore(quantise(panel), panel)
    assert back.max() == pytest.approx(0.1) and back.min() == pytest.approx(-0.1)
    assert np.abs(back - np.clip(panel.frames, -0.1, 0.1)).max() <= 0.2 / 255 / 2 * (1 + 1e-9)


def test_diverging_range_puts_zero_in_the_middle():
    panel = make_heat()
    assert panel.vmin == -panel.vmax == -np.abs(panel.frames).max()
    table = make_colour_table("diverging")
    assert table.shape == (256, 3) and table.dtype == np.uint8
    assert table[127:129].min() > 240, "zero is white"


def test_html_carries_the_levels_and_every_caption():
    animation = make_animation()
    data = read_data(animation)
    assert data["captions"] == list(animation.captions) and data["steps"] == STEPS
    for panel, written in zip(animation.panels, data["panels"], strict=True):
        assert base64.b64decode(written["levels"]) == quantise(panel)
    assert len(base64.b64decode(data["panels"][0]["colours"])) == 768


def test_html_asks_nothing_of_any_host():
    page = make_animation().to_html()
    assert not re.search(r"https?:|//[a-z]+\.|\bimport\s|fetch\(|XMLHttpRequest", page)
    assert not re.search(r'\b(src|href)="(?!data:)', page)


def test_html_survives_markup_in_texts():
    hostile = "</script><b>\"&' wave"
    animation = make_animation(title=hostile, alt=hostile, captions=[hostile] * STEPS)
    page = animation.to_html()
    assert page.count("</script>") == 2, "the data and the player, and no text that closes them early"
    assert read_data(animation)["captions"][0] == hostile
    assert 'alt="&lt;/script&gt;' in page


def test_html_is_the_same_every_time():
    assert make_animation().to_html() == make_animation().to_html()


def test_still_image_has_the_alt_text():
    page = make_animation(alt="Five rows move left.").to_html()
    image = re.search(r"<img[^>]*>", page).group(0)
    assert 'alt="Five rows move left."' in image
    assert base64.b64decode(re.search(r"base64,([^\"]+)", image).group(1)).startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_still_has_one_axes_for_each_panel(count):
    panels = [make_heat(), make_lines(), make_heat("sequential")][:count]
    figure = make_animation(panels).still()
    assert len(figure.axes) == count
    assert [axes.get_xlabel() for axes in figure.axes] == ["column", "position", "column"][:count]
    assert figure.get_facecolor() == (1.0, 1.0, 1.0, 1.0)


def test_still_shows_the_step_asked_for():
    animation = make_animation([make_heat()])
    for step in (0, 4):
        np.testing.assert_array_equal(
            animation.still(step).axes[0].images[0].get_array(), animation.panels[0].frames[step]
        )
    with pytest.raises(UserError, match="step must be below 6"):
        animation.still(6)


def test_small_animation_is_small():
    frames = np.sign(np.random.default_rng(0).normal(size=(48, 5, 16)))
    page = Animation([Panel("a", frames, "r", "c")], ["c"] * 48, "t", "a").to_html()
    assert len(page) < 60_000


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_animation([]), "at least one panel"),
        (lambda: make_animation(["panel"]), "must be a Panel or a LinePanel"),
        (lambda: make_animation(captions=["one"]), "captions must be 6"),
        (lambda: make_animation(alt=" "), "alt text"),
        (lambda: make_animation(title=""), "title"),
        (lambda: make_animation(frames_per_second=0), "frames_per_second"),
        (lambda: make_animation([make_heat(), Panel("b", np.zeros((2, 1, 1)), "r", "c")]), "same number of steps"),
        (lambda: make_animation([Panel("b", np.zeros((STEPS, 600, 600)), "r", "c")]), "more than"),
        (lambda: Panel("a", np.zeros((3, 4)), "r", "c"), r"\(steps, rows, columns\)"),
        (lambda: Panel("a", np.full((1, 2, 2), np.nan), "r", "c"), "finite"),
        (lambda: Panel("a", "words", "r", "c"), "filled array"),
        (lambda: Panel("a", np.zeros((1, 2, 2)), "r", "c", vmin=1, vmax=1), "vmin must be below vmax"),
        (lambda: Panel("a", np.zeros((1, 2, 2)), "r", "c", colours="rainbow"), "diverging"),
        (lambda: Panel("a", np.zeros((1, 2, 2)), "r", "c", row_names=["one"]), "row_names of the panel 'a' must be 2"),
        (lambda: LinePanel("a", [0, 1], np.zeros((1, 1, 3)), ["k"], "x", "y"), "3 increasing positions"),
        (lambda: LinePanel("a", [1, 0], np.zeros((1, 1, 2)), ["k"], "x", "y"), "increasing"),
        (lambda: LinePanel("a", [0, 1], np.zeros((1, 1, 2)), ["k"], "x", "y", (1, 0)), "y_limits"),
        (lambda: make_lines(curves=len(QUALITATIVE) + 1), "can be told apart"),
        (lambda: get_colours("grey"), "diverging"),
        (lambda: make_axes(rows=0), "rows must be"),
    ],
)
def test_wrong_input_gets_one_line(make, message):
    with pytest.raises(UserError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_line_colours_stand_out_from_white():
    for colour in QUALITATIVE:
        channels = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5, colour


def test_front_page_reads_as_its_text_in_every_repeat():
    animation = make_front_page_animation("3141", repeats=2)
    assert animation.steps == 49 and animation.autoplay
    picture = animation.panels[1].frames
    for step in (16, 32, 48):
        assert states_to_text(np.swapaxes(picture[step], -1, -2)) == "3141"
    assert states_to_text(np.swapaxes(picture[20], -1, -2)) == "1413", "four steps later the first digit is the last"
    assert not picture[0].any(), "the lattice starts empty"


def test_front_page_shows_one_state_in_two_bases():
    """An orthonormal basis keeps every length and angle, and leaves nothing in its place."""
    animation = make_front_page_animation()
    hidden, waves = (panel.frames.swapaxes(-1, -2).reshape(animation.steps, -1) for panel in animation.panels)
    np.testing.assert_allclose(hidden @ hidden.T, waves @ waves.T, atol=1e-10)
    assert np.abs(np.corrcoef(hidden[16], waves[16])[0, 1]) < 0.3


def test_front_page_refuses_what_the_font_lacks():
    with pytest.raises(UserError, match="no picture for"):
        make_front_page_animation("π")


def test_moments_show_the_states_asked_for():
    waves = np.sign(np.random.default_rng(1).normal(size=(9, 16, 5)))
    figure = plot_moments(waves, [2, 7], start=2)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["step 0", "step 5"]
    for axes, step in zip(figure.axes, (2, 7), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), waves[step].T)
    with pytest.raises(UserError, match="step must be from 0 to 8"):
        plot_moments(waves, [9])
