"""What a reader does: search, play a wave, print, read without JavaScript."""

import re

import pytest

from tests.site.conftest import NARROW

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("place", ["server", "disk"])
def test_search_finds_the_theorem(place, site, server, visit):
    start = server if place == "server" else site.as_uri()
    with visit(f"{start}/search.html?q=Theorem+3.1") as seen:
        page = seen.page
        page.wait_for_selector("#search-results li a")
        if place == "server":
            page.wait_for_selector("#search-results li p.context")
        targets = page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.getAttribute('href'))")
        assert any("01_theory" in target for target in targets), targets
        page.locator("#search-results li a", has_text=re.compile("")).first.click()
        page.wait_for_load_state()
        assert "search.html" not in page.url
        assert not seen.messages and not seen.refused
        assert all(address.startswith((start, "data:")) for address in seen.requests)


def test_search_box_leads_to_results_and_nonsense_to_none(site, visit):
    with visit(f"{site.as_uri()}/search.html?q=qqxyzzy") as seen:
        page = seen.page
        page.wait_for_function("document.querySelector('#search-results p') !== null")
        assert page.locator("#search-results li a").count() == 0
        page.keyboard.press("Control+k")
        page.keyboard.type("Courant number")
        page.keyboard.press("Enter")
        page.wait_for_selector("#search-results li a")
        assert "search.html" in page.url and not seen.messages


def read_player(page, number: int = 0) -> dict:
    return page.evaluate(
        """number => {
          const root = document.querySelectorAll('.twm-player')[number];
          const slider = root.querySelector('input'), canvas = root.querySelector('.twm-player-panel:last-child canvas');
          return {step: Number(slider.value), last: Number(slider.max), text: slider.getAttribute('aria-valuetext'),
                  caption: root.querySelector('.twm-player-caption').textContent,
                  live: root.querySelector('.twm-player-caption').getAttribute('aria-live'),
                  picture: canvas.toDataURL(), button: root.querySelectorAll('button')[1].getAttribute('aria-label')};
        }""",
        number,
    )


@pytest.fixture
def front(site, visit):
    """The front page of a reader who asked for reduced motion, so that nothing moves by itself."""
    with visit(f"{site.as_uri()}/index.html", reduced_motion="reduce") as seen:
        seen.page.wait_for_selector(".twm-player.is-live")
        seen.page.evaluate("document.querySelector('.twm-player').twmPlayer.show(0)")
        yield seen
        assert not seen.messages


def test_player_waits_where_motion_is_reduced_and_else_starts_and_can_be_stopped(site, visit):
    for options in ({"reduced_motion": "reduce"}, {}):
        with visit(f"{site.as_uri()}/index.html", **options) as seen:
            seen.page.wait_for_selector(".twm-player.is-live")
            if not options:
                seen.page.wait_for_function("Number(document.querySelector('.twm-player input').value) >= 2")
                assert read_player(seen.page)["button"] == "Pause"
                seen.page.locator(".twm-player button").nth(1).click()
            before = read_player(seen.page)
            seen.page.wait_for_timeout(700)
            assert read_player(seen.page) == before and before["button"] == "Play" and before["live"] == "polite"
            assert before["step"] == before["last"] // 2 or not options, "it waits at a picture that shows something"


def test_player_works_by_keyboard(front):
    page = front.page
    page.locator(".twm-player button").first.focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Play"
    page.keyboard.press("Space")
    page.wait_for_function("Number(document.querySelector('.twm-player input').value) >= 2")
    assert read_player(page)["live"] == "off", "while playing, captions are not announced"
    page.keyboard.press("Enter")
    stopped = read_player(page)
    assert stopped["button"] == "Play" and stopped["live"] == "polite"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert read_player(page)["step"] == stopped["step"] + 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "range"
    page.keyboard.press("End")
    assert read_player(page)["step"] == stopped["last"]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    moved = read_player(page)
    assert moved["step"] == 1 and moved["text"] == f"step 2 of {moved['last'] + 1}"
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('.twm-player')"), "the keyboard is not trapped"


def test_player_works_by_mouse_and_draws_what_it_says(front):
    page = front.page
    buttons = page.locator(".twm-player").first.locator("button")
    seen = [read_player(page)]
    for _ in range(3):
        buttons.nth(2).click()
        seen.append(read_player(page))
    assert [state["step"] for state in seen] == [0, 1, 2, 3]
    assert len({state["picture"] for state in seen}) == 4 and len({state["caption"] for state in seen}) == 4
    buttons.nth(0).click()
    assert read_player(page) == seen[2], "a step back shows the same again"
    buttons.nth(0).click(click_count=3)
    assert read_player(page)["step"] == seen[0]["last"], "a step back from the first is the last"
    box = page.locator(".twm-player input").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert abs(read_player(page)["step"] - seen[0]["last"] / 2) <= 1


def test_player_draws_the_values_it_carries(front):
    """The cells on the canvas have the colours that the library gave to their values."""
    mistakes = front.page.evaluate(
        """() => {
          const root = document.querySelector('.twm-player'), data = JSON.parse(root.querySelector('.twm-player-data').textContent);
          const panel = data.panels[1], [steps, rows, cols] = panel.shape;
          const levels = Uint8Array.from(atob(panel.levels), c => c.charCodeAt(0));
          const table = Uint8Array.from(atob(panel.colours), c => c.charCodeAt(0));
          const canvas = root.querySelectorAll('canvas')[1], step = 20;
          root.twmPlayer.show(step);
          const pen = canvas.getContext('2d'), image = pen.getImageData(0, 0, canvas.width, canvas.height).data;
          const at = (x, y) => [...image.slice(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 3)];
          const same = (a, b) => a.every((v, k) => Math.abs(v - b[k]) <= 2);
          // The heatmap is the only block whose rows of pixels are runs of table colours: find its corner by the first cell.
          const wanted = (r, c) => { const l = 3 * levels[step * rows * cols + r * cols + c]; return [...table.slice(l, l + 3)]; };
          const box = JSON.parse(canvas.dataset.box || 'null');
          if (!box) return ['the canvas does not say where its cells are'];
          const wrong = [];
          for (let r = 0; r < rows; r += 1) for (let c = 0; c < cols; c += 1) {
            const x = Math.floor((box.x + (c + 0.5) * box.w / cols) * canvas.width / canvas.clientWidth);
            const y = Math.floor((box.y + (r + 0.5) * box.h / rows) * canvas.height / canvas.clientHeight);
            if (!same(at(x, y), wanted(r, c))) wrong.push([r, c, at(x, y), wanted(r, c)]);
          }
          return wrong;
        }"""
    )
    assert mistakes == []


def test_every_player_of_a_page_works_alone(site, page_names, visit):
    found = 0
    for name in page_names:
        if 'class="twm-player"' not in (site / name).read_text(encoding="utf-8"):
            continue
        with visit(f"{site.as_uri()}/{name}", size=NARROW, reduced_motion="reduce") as seen:
            players = seen.page.locator(".twm-player.is-live")
            assert players.count() == seen.page.locator(".twm-player").count()
            for number in range(players.count()):
                found += 1
                before = [read_player(seen.page, other)["step"] for other in range(players.count())]
                players.nth(number).locator("button").nth(2).click()
                after = [read_player(seen.page, other)["step"] for other in range(players.count())]
                moved = [b - a for a, b in zip(before, after, strict=True)]
                assert moved == [int(other == number) for other in range(players.count())]
                words = players.nth(number).get_attribute("aria-describedby")
                assert len(seen.page.locator(f"#{words}").inner_text()) > 40, "the picture is described in words"
            assert not seen.messages, name
    assert found >= 2, "the front page and a notebook have a moving picture"


def test_print_shows_the_still(site, visit):
    with visit(f"{site.as_uri()}/index.html", reduced_motion="reduce") as seen:
        page = seen.page
        page.wait_for_selector(".twm-player.is-live")
        assert not page.locator(".twm-player-still").first.is_visible()
        page.emulate_media(media="print")
        assert page.locator(".twm-player-still").first.is_visible()
        assert not page.locator(".twm-player-controls").first.is_visible()
        assert not page.locator(".bd-sidebar-primary").first.is_visible()


def test_print_is_light_whatever_the_screen_is(site, visit):
    with visit(f"{site.as_uri()}/scoreboard.html", scheme="dark") as seen:
        page = seen.page
        paint = "getComputedStyle(document.querySelector('article p')).color + getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(paint)
        page.emulate_media(media="print", color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme === 'light'")
        assert page.evaluate(paint) != dark
        page.emulate_media(media="screen", color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        assert page.evaluate(paint) == dark


def test_without_javascript_words_and_stills_remain(site, visit):
    with visit(f"{site.as_uri()}/index.html", java_script_enabled=False) as seen:
        still = seen.page.locator(".twm-player-still").first
        assert still.is_visible() and len(still.get_attribute("alt")) > 40
        assert seen.page.locator("article h1").is_visible()
        assert seen.page.locator(".twm-counts").is_visible()


def test_a_claim_leads_to_its_row_and_back_to_its_evidence(site, visit):
    with visit(f"{site.as_uri()}/pages/01_theory.html") as seen:
        page = seen.page
        page.locator("a.twm-claim").first.click()
        page.wait_for_load_state()
        assert "scoreboard.html#claim-" in page.url
        row = page.locator(f"#{page.url.partition('#')[2]}")
        assert row.is_visible()
        row.get_by_role("link", name="evidence").click()
        page.wait_for_load_state()
        assert "pages/01_theory.html" in page.url
        assert not seen.messages
