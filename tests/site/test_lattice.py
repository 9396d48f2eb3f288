"""The lattice toy in a page: it steps as the library does, for every boundary, and lights the entries in use."""

from itertools import pairwise

import numpy as np
import pytest

from tests.site.conftest import ask
from twm.theory.attention import make_attention_boundary
from twm.theory.lattice import simulate_wave
from twm.theory.systems import make_fibonacci, make_repeat_copy, make_selection

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def toy(read):
    with read("pages/01_theory.html", "twm-lattice") as page:
        yield page


@pytest.mark.parametrize(("history", "dim", "code"), [(4, 2, (9, 1, 1)), (3, 4, None), (8, 4, (2281701889, 7, 9))])
def test_steps_as_the_library_does(toy, history, dim, code):
    unit = np.eye(dim)
    boundaries = {
        "copy": make_repeat_copy(history, dim).boundary,
        "fibonacci": make_fibonacci(history, dim).boundary,
        "attention": make_attention_boundary(unit, 2 * unit, unit),
    }
    if code:
        boundaries["code"] = make_selection(history, dim, *code).boundary
    start = np.random.default_rng(history).integers(-1, 2, size=(history, dim)).astype(float)
    for kind, boundary in boundaries.items():
        expected = simulate_wave(start, boundary, 9).reshape(10, -1)
        words = ", ".join(map(str, code or (0, 0, 0)))
        found = ask(toy, "runLattice", [history, dim, kind, words, start.ravel().tolist(), 9])
        assert found["problem"] == ""
        assert np.abs(np.array(found["states"]) - expected).max() < 1e-12 * np.abs(expected).max(), kind
        for (old, new), used in zip(pairwise(found["states"]), found["used"], strict=True):
            # The lit entries are those that carried something, and all of them: alone they make the step.
            made = np.zeros(history * dim)
            for row, column, factor, _ in used:
                assert old[column] != 0
                made[row] += factor * old[column]
            assert np.abs(made - new).max() < 1e-12 * max(1, np.abs(new).max())


def test_worked_by_mouse_and_keyboard(toy):
    root = toy.locator(".twm-lattice").first
    root.get_by_label("boundary", exact=True).select_option("copy")
    root.get_by_role("button", name="Clear").click()
    cell = root.get_by_role("button", name="column 4, dimension 1")
    cell.click()
    assert "1" in cell.inner_text()
    root.get_by_role("button", name="Step", exact=True).focus()
    toy.keyboard.press("Enter")
    assert root.get_by_role("button", name="column 3, dimension 1: 1").count() == 1
    assert "1 cell moves" in root.locator(".twm-lattice-caption").inner_text()
    assert root.locator("svg").get_attribute("aria-label").endswith("1 entries in use.")
    for _ in range(3):
        toy.keyboard.press("Space")
    assert root.get_by_role("button", name="column 4, dimension 1: 1").count() == 1, "the boundary wrote it again"
    root.get_by_role("button", name="Back").click()
    assert root.get_by_role("button", name="column 1, dimension 1: 1").count() == 1
    root.get_by_role("button", name="Play").click()
    toy.wait_for_function("document.querySelector('.twm-lattice').twmLattice.tape.length > 5")
    root.get_by_role("button", name="Pause").click()


def test_a_wrong_code_gets_a_line(toy):
    root = toy.locator(".twm-lattice").first
    root.get_by_label("boundary", exact=True).select_option("code")
    field = root.get_by_label("code a, b, c")
    for text, words in (("", "Three whole"), ("7, 0, 0", "2 bits"), ("9, 3, 0", "swaps entry"), ("9, 0, 4", "below 4")):
        field.fill(text)
        assert words in root.locator(".twm-lattice-problem").inner_text(), text
        assert field.get_attribute("aria-invalid") == "true"
    field.fill("9, 1, 1")
    assert root.locator(".twm-lattice-problem").inner_text() == ""
