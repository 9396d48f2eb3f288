"""What a reader does with a turnable picture: drag, keys, buttons; and what is left without JavaScript."""

import numpy as np
import pytest

from tests.site.conftest import NARROW, ask
from twm.book.figures.animation import Turnable

pytestmark = [pytest.mark.browser]


@pytest.fixture
def address(tmp_path) -> str:
    """A page with two pictures, each with the script, as two cells of a notebook would have."""
    rng = np.random.default_rng(0)
    clouds = {f"{sign:+d}": sign + 0.2 * rng.standard_normal((50, 3)) for sign in (-1, 1)}
    picture = Turnable(clouds, ("PC1", "PC2", "PC3"), "Two clouds", "One cloud below and one above")
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta name=viewport content='width=device-width'>{picture.to_html() * 2}", "utf-8")
    return page.as_uri()


def test_keys_buttons_and_dragging_turn_it_and_nothing_else_does(address, visit):
    with visit(address) as seen:
        page = seen.page
        page.wait_for_selector(".twm-turnable.is-live")
        first = ask(page, "lookAtTurnable")
        page.wait_for_timeout(500)
        assert ask(page, "lookAtTurnable") == first and first["live"] == 2, "nothing moves by itself"
        page.locator(".twm-turnable canvas").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
        keyed = ask(page, "lookAtTurnable")
        assert keyed["view"] == [first["view"][0] + 5, first["view"][1] + 5, 1] and keyed["picture"] != first["picture"]
        assert keyed["label"] != first["label"], "the view is told in words"
        page.get_by_role("button", name="Turn right").first.click()
        assert ask(page, "lookAtTurnable")["view"][0] == keyed["view"][0] + 15
        box = page.locator(".twm-turnable canvas").first.bounding_box()
        page.mouse.move(box["x"] + 50, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 90, box["y"] + 70)
        page.mouse.up()
        dragged = ask(page, "lookAtTurnable")
        assert dragged["view"][0] == keyed["view"][0] + 35 and dragged["view"][1] == keyed["view"][1] + 10
        page.mouse.move(box["x"] + 10, box["y"] + 10)
        assert ask(page, "lookAtTurnable") == dragged
        page.get_by_role("button", name="Closer").first.click()
        assert ask(page, "lookAtTurnable")["view"][2] > 1
        page.get_by_role("button", name="Back to the first view").first.click()
        assert ask(page, "lookAtTurnable")["picture"] == first["picture"]
        assert not seen.messages and not seen.refused and seen.requests == [address]


def test_it_fits_a_phone_and_without_javascript_there_is_a_still(address, visit):
    with visit(address, size=NARROW, has_touch=True) as seen:
        seen.page.wait_for_selector(".twm-turnable.is-live")
        assert ask(seen.page, "lookAtTurnable")["wide"] <= NARROW["width"]
        seen.page.locator(".twm-turnable button").first.tap()
        assert not seen.messages
    with visit(address, java_script_enabled=False) as seen:
        still = seen.page.locator(".twm-turnable-still").first
        assert still.is_visible() and still.get_attribute("alt") == "One cloud below and one above"
        assert seen.page.locator("canvas").count() == 0
