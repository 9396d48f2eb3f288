"""What a reader does: search, play a wave, print, read without JavaScript, follow a claim."""

import re

import pytest

from tests.site.conftest import NARROW, ask

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("place", ["server", "disk"])
def test_search_finds_the_theorem(place, site, server, visit):
    start = server if place == "server" else site.as_uri()
    with visit(f"{start}/search.html?q=Theorem+3.1") as seen:
        page = seen.page
        page.wait_for_selector("#search-results li a")
        if place == "server":
            page.wait_for_selector("#search-results li p.context")
        assert any("01_theory" in target for target in read_results(page))
        page.locator("#search-results li a").first.click()
        page.wait_for_load_state()
        assert "search.html" not in page.url
        assert not seen.messages and not seen.refused
        assert all(address.startswith((start, "data:")) for address in seen.requests)


@pytest.mark.parametrize(
    ("query", "target"),
    [("twm.table1.mae", "scoreboard.html#claim-twm-table1-mae"), ("W_hh", "notation.html"), ("W_uh", "notation.html")],
)
def test_search_finds_claims_and_symbols(read, query, target):
    with read(f"search.html?q={query}") as page:
        page.wait_for_selector("#search-results li a")
        page.wait_for_function("!/Searching|^\\s*$/.test(document.querySelector('#search-results').innerText)")
        links = read_results(page)[:5]
        assert any(re.sub(r"\?[^#]*", "", link).startswith(target) for link in links), links
        page.goto(page.url.replace(query, "qqxyzzy"))
        page.wait_for_function("document.querySelector('#search-results p') !== null")
        assert not read_results(page), "nonsense is found nowhere"


def read_results(page) -> list[str]:
    return page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.getAttribute('href'))")


def read_player(page, number: int = 0) -> dict:
    return ask(page, "readPlayer", number)


@pytest.fixture
def front(read):
    """The front page of a reader who asked for reduced motion, so that nothing moves by itself."""
    with read("index.html", "twm-player", reduced_motion="reduce") as page:
        page.evaluate("document.querySelector('.twm-player').twmPlayer.show(0)")
        yield page


@pytest.mark.parametrize("options", [{"reduced_motion": "reduce"}, {}])
def test_player_waits_where_motion_is_reduced_and_else_starts_and_can_be_stopped(read, options):
    with read("index.html", "twm-player", **options) as page:
        if not options:
            page.wait_for_function("Number(document.querySelector('.twm-player input').value) >= 2")
            assert read_player(page)["button"] == "Pause"
            page.locator(".twm-player button").nth(1).click()
        before = read_player(page)
        page.wait_for_timeout(700)
        assert read_player(page) == before and before["button"] == "Play" and before["live"] == "polite"
        assert before["step"] == before["last"] // 2 or not options, "it waits at a picture that shows something"


def test_player_works_by_keyboard(front):
    press = front.keyboard.press
    front.locator(".twm-player button").first.focus()
    press("Tab")
    assert front.evaluate("document.activeElement.getAttribute('aria-label')") == "Play"
    press("Space")
    front.wait_for_function("Number(document.querySelector('.twm-player input').value) >= 2")
    assert read_player(front)["live"] == "off", "while playing, captions are not announced"
    press("Enter")
    stopped = read_player(front)
    assert stopped["button"] == "Play" and stopped["live"] == "polite"
    press("Tab")
    press("Enter")
    assert read_player(front)["step"] == stopped["step"] + 1
    press("Tab")
    assert front.evaluate("document.activeElement.type") == "range"
    press("End")
    assert read_player(front)["step"] == stopped["last"]
    press("Home")
    press("ArrowRight")
    moved = read_player(front)
    assert moved["step"] == 1 and moved["text"] == f"step 2 of {moved['last'] + 1}"
    press("Tab")
    assert front.evaluate("!document.activeElement.closest('.twm-player')"), "the keyboard is not trapped"


def test_player_works_by_mouse_and_draws_what_it_says(front):
    buttons, seen = front.locator(".twm-player").first.locator("button"), [read_player(front)]
    for _ in range(3):
        buttons.nth(2).click()
        seen.append(read_player(front))
    assert [state["step"] for state in seen] == [0, 1, 2, 3]
    assert len({state["picture"] for state in seen}) == 4 and len({state["caption"] for state in seen}) == 4
    buttons.nth(0).click()
    assert read_player(front) == seen[2], "a step back shows the same again"
    buttons.nth(0).click(click_count=3)
    assert read_player(front)["step"] == seen[0]["last"], "a step back from the first is the last"
    box = front.locator(".twm-player input").first.bounding_box()
    front.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert abs(read_player(front)["step"] - seen[0]["last"] / 2) <= 1
    assert ask(front, "findWrongCells") == [], "cells have the colours that the library gave to their values"


def test_every_player_of_a_page_works_alone(site, page_names, read):
    names = [name for name in page_names if 'class="twm-player"' in (site / name).read_text(encoding="utf-8")]
    assert len(names) >= 2, "the front page and a notebook have a moving picture"
    for name in names:
        with read(name, size=NARROW, reduced_motion="reduce") as page:
            players = page.locator(".twm-player.is-live")
            count = players.count()
            assert count == page.locator(".twm-player").count()
            for number in range(count):
                before = [read_player(page, other)["step"] for other in range(count)]
                players.nth(number).locator("button").nth(2).click()
                moved = [read_player(page, other)["step"] - step for other, step in enumerate(before)]
                assert moved == [int(other == number) for other in range(count)]
                words = players.nth(number).get_attribute("aria-describedby")
                assert len(page.locator(f"#{words}").inner_text()) > 40, "the picture is described in words"


@pytest.mark.parametrize(("name", "live", "still", "gone"), [
    ("index.html", "twm-player", ".twm-player-still", (".twm-player-controls", ".bd-sidebar-primary")),
    ("explore.html", "twm-explorer", ".twm-x-still", (".twm-x-controls",)),
    ("pages/01_theory.html", "twm-lattice", ".twm-lattice-still", (".twm-lattice button:text('Step')",)),
])  # fmt: skip
def test_print_shows_the_still(read, name, live, still, gone):
    with read(name, live, reduced_motion="reduce") as page:
        assert not page.locator(still).first.is_visible()
        page.emulate_media(media="print")
        assert page.locator(still).first.is_visible()
        assert not any(page.locator(selector).first.is_visible() for selector in gone)


def test_print_is_light_whatever_the_screen_is(read):
    with read("scoreboard.html", scheme="dark") as page:
        paint = "getComputedStyle(document.querySelector('article p')).color + getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(paint)
        for media, theme in (("print", "light"), ("screen", "dark")):
            page.emulate_media(media=media, color_scheme="dark")
            page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
            assert (page.evaluate(paint) == dark) == (media == "screen")


def test_without_javascript_words_and_stills_remain(read):
    for name, still, words in (("index.html", ".twm-player-still", ""), ("explore.html", ".twm-x-still", "shifted by")):
        with read(name, java_script_enabled=False) as page:
            alt = page.locator(still).first.get_attribute("alt")
            assert page.locator(still).first.is_visible() and len(alt) > 40 and words in alt
            assert page.locator("article h1").is_visible()
            text = page.locator("article").inner_text()
            assert "needs JavaScript" in text if words else page.locator(".twm-counts").is_visible()
