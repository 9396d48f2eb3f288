"""The explorer page: its networks are the recorded ones, and what a reader writes into them stays."""

import numpy as np
import pytest

from tests.site.conftest import NARROW, WIDE, ask

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PANEL = ".twm-x-panel canvas"


@pytest.fixture
def explorer(site, visit):
    with visit(f"{site.as_uri()}/explore.html") as seen:
        seen.page.wait_for_selector(".twm-explorer.is-live")
        yield seen.page
        assert not seen.messages and not seen.refused
        assert all(address.startswith(("file:", "data:")) for address in seen.requests)


def state(page) -> dict:
    return ask(page, "readExplorer")


def press(page, name: str, count: int = 1) -> None:
    for _ in range(count):
        page.locator(".twm-explorer").get_by_role("button", name=name, exact=True).click()


def go_to(page, time: int) -> None:
    page.evaluate("t => { const x = twmChecks.explorer(); x.pause(); x.goTo(t); x.fillSlots(); x.show(); }", time)


def readout(page, number: int) -> str:
    return page.locator(".twm-x-readout").nth(number).inner_text()


def test_forward_pass_equals_torch(explorer, root):
    """Every network of the page against torch in float64, with the recorded weights, over 200 steps."""
    import torch

    from twm.book.explorer import pack_networks
    from twm.models.elman import ElmanRNN, read_network
    from twm.theory.bases import make_basis
    from twm.theory.operators import correct_inputs, make_wave_operator

    for which, network in enumerate(pack_networks()):
        task = network.task
        picture = np.sign(np.random.default_rng(which).normal(size=(task.history, task.dim)))
        recorded = read_network(root / "book" / "results" / "networks" / f"{network.record}.safetensors")[0].double()
        # As it travels: in float32, and its transpose taken for its dual.
        psi = make_basis(80, hidden=128, kind="orthonormal", seed=0).basis[:, : task.size].astype("f4").astype(float)
        built = ElmanRNN(task.dim, 128, nonlinearity="linear", dtype=torch.float64)
        newest = psi[:, -task.dim :]
        built.set_matrices(psi @ make_wave_operator(task.matrix) @ psi.T, newest, newest.T)
        for constructed, model in ((False, recorded), (True, built)):
            fed = correct_inputs(task.matrix, picture) if constructed else picture
            with torch.no_grad():
                expected = model(torch.as_tensor(fed)[:, None, :], 200)
            found = ask(explorer, "runExplorer", [which, constructed, picture.ravel().tolist(), 200])
            for part, wanted in (("state", expected.states), ("output", expected.outputs)):
                off = np.abs(np.array([step[part] for step in found]) - wanted[:, 0].numpy()).max()
                assert off < 1e-5, (network.name, constructed, part, off)
            # Theory's wave, worked out in the browser, is what the basis reads, by sign, after the first lap.
            for step in found[2 * task.history :]:
                right = [(r > 0) == (w > 0) for r, w in zip(step["read"], step["wave"], strict=True) if r is not None]
                assert all(right) and len(right) > 30


def test_type_play_overwrite_and_read(explorer):
    page = explorer
    page.get_by_label("Text, up to 4 characters").fill("ab12")
    assert state(page)["time"] == 0
    press(page, "One step forward", 3)
    press(page, "One step back")
    assert state(page)["time"] == 2
    page.get_by_role("slider", name="Speed").fill("6")
    press(page, "Play")
    page.wait_for_function("twmChecks.explorer().time >= 34")
    press(page, "Pause")
    seen = state(page)
    assert seen["text"].startswith("AB12") and seen["right"] == seen["counted"] > 80 and not seen["playing"]
    go_to(page, 37)
    page.get_by_label("Character", exact=True).select_option(index=2)
    page.get_by_label("becomes").fill("z")
    press(page, "Overwrite")
    assert page.get_by_label("Character", exact=True).locator("option").nth(2).inner_text() == "3: Z"
    assert "written through the basis" in state(page)["status"]
    go_to(page, 16 + 16 * 5)
    laps, seen = state(page)["text"].split(" | "), state(page)
    assert laps[0].startswith("AB") and laps[-1] == laps[-2] == "ABZ2", laps
    assert seen["right"] == seen["counted"], "every other output stays as it was"


def test_an_overwritten_cell_changes_what_depends_on_it_and_nothing_else(explorer):
    for task in ("Repeat copy 16\N{MULTIPLICATION SIGN}5", "T1", "T2", "T3", "T4"):
        explorer.get_by_label("Task").select_option(label=task)
        for kind in ("trained", "constructed"):
            explorer.get_by_label(kind).check()
            outcome = ask(explorer, "overwrite")
            assert outcome["wrong"] == 0 and outcome["changed"] >= 3, (task, kind, outcome)
            assert outcome["mismarked"] == 0 and outcome["marked"] >= outcome["changed"], (task, kind, outcome)
    assert ask(explorer, "writeThroughAWrongBasis") > 0, "the count of right outputs is not decoration"


def test_bad_input_gets_a_line_beside_the_field(explorer):
    page, field = explorer, explorer.get_by_label("Text, up to 4 characters")
    go_to(page, 9)
    press(page, "Overwrite")
    assert "still filling" in state(page)["status"] and state(page)["time"] == 9
    cases = {"": "at least one", "12345": "Too long", "1\N{EURO SIGN}": "No picture for \N{EURO SIGN}"}
    for text, words in cases.items():
        field.fill(text)
        assert words in state(page)["problem"] and field.get_attribute("aria-invalid") == "true"
        box, line = field.bounding_box(), page.locator("#twm-x-text-problem").bounding_box()
        assert 0 <= line["y"] - box["y"] - box["height"] < 12, "the line stands below its field"
    field.fill("3141")
    assert state(page)["problem"] == "" and field.get_attribute("aria-invalid") == "false"
    for text, words in (("", "at least one"), ("12", "One character"), ("?", "No picture")):
        page.get_by_label("becomes").fill(text)
        press(page, "Overwrite")
        assert words in state(page)["newProblem"]


def test_everything_works_by_keyboard(explorer):
    page, reached = explorer, []
    page.get_by_label("Task").focus()
    named = "(e => e.getAttribute('aria-label') || e.id || e.textContent)(document.activeElement)"
    for _ in range(16):
        reached.append(str(page.evaluate(named)))
        page.keyboard.press("Tab")
    buttons = ("Restart", "One step back", "Play", "One step forward", "Overwrite")
    for name in ("1. Input", "2. Hidden", "3. The same", "4. Output", *buttons):
        assert name in " ".join(reached), (name, reached)
    assert page.evaluate("!document.activeElement.closest('.twm-explorer')"), "Tab leaves the explorer"
    page.locator(PANEL).nth(2).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    before = readout(page, 2)
    assert "Column 2, dimension 2" in before
    page.keyboard.press("Enter")
    assert readout(page, 2) != before and "written" in state(page)["status"]
    page.locator(PANEL).nth(1).focus()
    page.keyboard.press("End")
    assert "Neuron 16 of 128" in readout(page, 1)


def test_all_panels_fit_into_one_window_and_repaint_in_the_dark(read):
    """Whoever plays sees all four move: on a wide screen at once, on a phone with the buttons beside each."""
    with read("explore.html", "twm-explorer") as page:
        page.get_by_role("button", name="Got it").click()
        for task in range(5):
            page.get_by_label("Task").select_option(index=task)
            for place in range(4):
                box = page.locator(PANEL).nth(place).bounding_box()
                assert box["y"] + box["height"] <= WIDE["height"], (task, place)
    with read("explore.html", "twm-explorer", size=NARROW) as page:
        canvas = page.locator(PANEL).nth(3)
        canvas.evaluate("c => c.scrollIntoView({block: 'center', behavior: 'instant'})")
        before = state(page)["time"]
        button = page.get_by_role("button", name="One step forward").bounding_box()
        # Not under the page's own head, and not over the panel.
        page.mouse.click(button["x"] + button["width"] / 2, button["y"] + 2)
        assert state(page)["time"] == before + 1
        assert button["y"] + button["height"] < canvas.bounding_box()["y"]
        light = page.evaluate("document.querySelector('.twm-x-panel canvas').toDataURL()")
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_function("w => document.querySelector('.twm-x-panel canvas').toDataURL() !== w", arg=light)


def test_a_link_carries_text_task_and_step(explorer, site):
    page = explorer
    page.goto(f"{site.as_uri()}/explore.html#text=7&task=1&weights=constructed&step=12")
    page.reload()
    page.wait_for_selector(".twm-explorer.is-live")
    found = page.evaluate("(x => [x.text, x.task.selectedIndex, x.kinds[1].checked, x.time])(twmChecks.explorer())")
    assert found == ["7", 1, True, 12]
    press(page, "One step forward")
    press(page, "Copy a link to this state")
    assert page.url.endswith("#text=7&task=1&weights=constructed&step=13")


def test_the_hint_is_shown_until_it_is_closed(explorer):
    press(explorer, "Got it")
    explorer.reload()
    explorer.wait_for_selector(".twm-explorer.is-live")
    assert explorer.locator(".twm-x-hint").count() == 0


@pytest.mark.parametrize(("name", "item"), [("Write +1", 1), ("Write −1", -1)])
def test_a_register_keeps_an_item_where_it_is_and_a_wave_moves_it(explorer, name, item):
    explorer.locator(".twm-memories").get_by_role("button", name=name).click()
    tapes = explorer.evaluate("document.querySelector('.twm-memories').twmMemories.runs.map(run => run.tape)")
    for tape, places in zip(tapes, ([0] * 40, [7 - step % 8 for step in range(40)]), strict=True):
        assert [moment["place"] for moment in tape] == places
        assert all(moment["values"][moment["place"]] * item > 0 for moment in tape)


def test_a_recording_is_measured_in_the_page_as_by_the_command(explorer, root, tmp_path):
    from twm.analysis.decoding import probe_states

    page, example = explorer, root / "book" / "_static" / "probe_example.npz"
    with np.load(example) as parts:
        expected = probe_states(parts["states"], parts["items"])
    page.locator(".twm-probe input").set_input_files(example)
    page.wait_for_function("document.querySelector('.twm-probe').twmProbe.found", timeout=60_000)
    found = page.evaluate("(f => [f.movement[0], f.span[0]])(document.querySelector('.twm-probe').twmProbe.found)")
    assert abs(found[0] - expected.movement.value) < 0.1 and abs(found[1] - expected.span.value) <= 2
    for name, content, said in (("odd", {"states": np.zeros((3, 30, 2))}, "no array items"),
                                ("few", {"states": np.zeros((3, 9, 2)), "items": np.zeros((9, 1))}, "At least 20")):  # fmt: skip
        np.savez(tmp_path / f"{name}.npz", **content)
        page.locator(".twm-probe input").set_input_files(tmp_path / f"{name}.npz")
        page.get_by_text(said).wait_for()
