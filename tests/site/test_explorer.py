"""The explorer page: its networks are the recorded ones, and what a reader writes into them stays."""

import numpy as np
import pytest

from tests.site.conftest import NARROW, WIDE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The page's state, as its own script keeps it.
STATE = """() => {
  const x = document.querySelector('.twm-explorer').twmExplorer;
  return {time: x.time, text: x.outText.textContent, status: x.status.textContent, playing: x.playing,
          problem: x.problem.textContent, newProblem: x.newProblem.textContent, right: x.run.tape[x.time].right,
          counted: x.run.tape[x.time].counted, name: x.network.name, activation: x.network.activation};
}"""

# Runs a network of the page on a picture with steps of silence after it; returns states, outputs and what the dual reads.
RUN = """([which, constructed, picture, steps]) => {
  const m = window.twmExplorerModel, d = window.twmExplorerData;
  let network = m.unpackTrained(d.networks[which], d.parts);
  if (constructed) network = m.construct(network, d.constructed);
  const run = new m.Run(network, Float64Array.from(picture));
  for (let t = 0; t < network.history + steps; t += 1) run.forward();
  return run.tape.slice(1).map(i => ({
    state: [...i.state], output: [...i.output], wave: [...i.wave], read: [...network.readSubstrate(i.state)].map(v => isNaN(v) ? null : v)}));
}"""


# Flips one cell of the middle column at three steps of a run, and counts what changes, what is wrong and what is outlined.
OVERWRITE = """() => {
  const x = document.querySelector('.twm-explorer').twmExplorer, history = x.network.history;
  const report = {changed: 0, wrong: 0, marked: 0, mismarked: 0};
  for (const at of [history + 1, history + 3, 2 * history + 2]) {
    x.restart(); x.goTo(at + 5 * history);
    const before = x.run.tape.slice(at + 1).map(i => i.output), waves = x.run.tape.map(i => i.wave);
    x.goTo(at);
    const place = x.network.coordinates.find(p => Math.floor(p / x.network.dim) === Math.floor(history / 2))
      ?? x.network.coordinates[0];
    x.flip(place % x.network.dim, Math.floor(place / x.network.dim));
    x.goTo(at + 5 * history);
    const item = x.run.tape[x.time];
    report.wrong += item.counted - item.right;
    // Outlined is what differs from the run without the overwriting, before it nothing and after it everything.
    x.run.tape.forEach((i, t) => i.wave.forEach((v, place) => {
      const marked = x.run.isEdited(t, place);
      report.marked += marked ? 1 : 0;
      report.mismarked += marked !== (v !== waves[t][place]) ? 1 : 0; }));
    x.run.tape.slice(at + 1).forEach((i, k) => i.output.forEach((v, j) => {
      report.changed += (v > 0) !== (before[k][j] > 0) ? 1 : 0; }));
  }
  return report;
}"""


@pytest.fixture(scope="module")
def packed() -> tuple:
    from twm.book.explorer import pack_networks

    return pack_networks()


@pytest.fixture
def explorer(site, visit):
    with visit(f"{site.as_uri()}/explore.html") as seen:
        seen.page.wait_for_selector(".twm-explorer.is-live")
        yield seen.page
        assert not seen.messages and not seen.refused
        assert all(address.startswith(("file:", "data:")) for address in seen.requests)


def state(page) -> dict:
    return page.evaluate(STATE)


def press(page, name: str, count: int = 1) -> None:
    button = page.locator(".twm-explorer").get_by_role("button", name=name, exact=True)
    for _ in range(count):
        button.click()


def go_to(page, time: int) -> None:
    page.evaluate(
        "t => { const x = document.querySelector('.twm-explorer').twmExplorer; x.pause(); x.goTo(t); x.fillSlots(); x.show(); }",
        time,
    )


def test_forward_pass_equals_torch(explorer, packed, root):
    """Every network of the page against torch in float64, with the recorded weights, over 200 steps."""
    import torch
    from twm.models.elman import ElmanRNN, read_network
    from twm.theory.bases import make_basis
    from twm.theory.operators import correct_inputs, make_wave_operator

    for which, network in enumerate(packed):
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
            found = explorer.evaluate(RUN, [which, constructed, picture.ravel().tolist(), 200])
            for part, wanted in (("state", expected.states), ("output", expected.outputs)):
                off = np.abs(np.array([step[part] for step in found]) - wanted[:, 0].numpy()).max()
                assert off < 1e-5, (network.name, constructed, part, off)
            # Theory's wave, worked out in the browser, is what the basis reads, by sign, after the first lap.
            for step in found[2 * task.history :]:
                read = [(r > 0) == (w > 0) for r, w in zip(step["read"], step["wave"], strict=True) if r is not None]
                assert all(read) and len(read) > 30


def test_type_play_overwrite_and_read(explorer):
    page = explorer
    page.get_by_label("Text, up to 4 characters").fill("ab12")
    assert state(page)["time"] == 0
    press(page, "One step on", 3)
    press(page, "One step back")
    assert state(page)["time"] == 2
    page.get_by_role("slider", name="Speed").fill("6")
    press(page, "Play")
    page.wait_for_function("document.querySelector('.twm-explorer').twmExplorer.time >= 34")
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
    laps = state(page)["text"].split(" | ")
    assert laps[0].startswith("AB") and laps[-1] == laps[-2] == "ABZ2", laps
    seen = state(page)
    assert seen["right"] == seen["counted"], "every other output stays as it was"


def test_an_overwritten_cell_changes_what_depends_on_it_and_nothing_else(explorer):
    for task in ("Repeat copy 16\N{MULTIPLICATION SIGN}5", "T1", "T2", "T3", "T4"):
        explorer.get_by_label("Task").select_option(label=task)
        for kind in ("trained", "from the theory"):
            explorer.get_by_label(kind).check()
            outcome = explorer.evaluate(OVERWRITE)
            assert outcome["wrong"] == 0 and outcome["changed"] >= 3, (task, kind, outcome)
            assert outcome["mismarked"] == 0 and outcome["marked"] >= outcome["changed"], (task, kind, outcome)


def test_a_wrong_basis_would_show(explorer):
    """The count of right outputs is not decoration: written along another direction, outputs go wrong."""
    wrong = explorer.evaluate(
        """() => {
          const x = document.querySelector('.twm-explorer').twmExplorer;
          x.network.basis = x.network.basis.slice().reverse();
          x.goTo(20); x.flip(2, 5); x.goTo(60);
          return x.run.tape[60].counted - x.run.tape[60].right;
        }"""
    )
    assert wrong > 0


def test_bad_input_gets_a_line_beside_the_field(explorer):
    go_to(explorer, 9)
    press(explorer, "Overwrite")
    assert "still filling" in state(explorer)["status"] and state(explorer)["time"] == 9
    page, field = explorer, explorer.get_by_label("Text, up to 4 characters")
    cases = {"": "at least one", "12345": "Too long", "1\N{EURO SIGN}": "No picture for \N{EURO SIGN}"}
    for text, words in cases.items():
        field.fill(text)
        assert words in state(page)["problem"] and field.get_attribute("aria-invalid") == "true"
        box, line = field.bounding_box(), page.locator("#twm-x-text-problem").bounding_box()
        assert 0 <= line["y"] - box["y"] - box["height"] < 12, "the line stands below its field"
    field.fill("3141")
    assert state(page)["problem"] == "" and field.get_attribute("aria-invalid") == "false"
    new = page.get_by_label("becomes")
    for text, words in (("", "at least one"), ("12", "One character"), ("?", "No picture")):
        new.fill(text)
        press(page, "Overwrite")
        assert words in state(page)["newProblem"]


def test_everything_works_by_keyboard(explorer):
    page = explorer
    page.get_by_label("Task").focus()
    reached = []
    for _ in range(16):
        reached.append(
            page.evaluate("(e => e.getAttribute('aria-label') || e.id || e.textContent)(document.activeElement)")
        )
        page.keyboard.press("Tab")
    words = " ".join(map(str, reached))
    buttons = ("Restart", "One step back", "Play", "One step on", "Overwrite")
    for name in ("1. Input", "2. Hidden", "3. The same", "4. Output", *buttons):
        assert name in words, (name, reached)
    assert page.evaluate("!document.activeElement.closest('.twm-explorer')"), "Tab leaves the explorer"
    panel = page.locator(".twm-x-panel canvas").nth(2)
    panel.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    readout = page.locator(".twm-x-readout").nth(2)
    assert "Column 2, dimension 2" in readout.inner_text()
    before = readout.inner_text()
    page.keyboard.press("Enter")
    assert readout.inner_text() != before and "written" in state(page)["status"]
    page.locator(".twm-x-panel canvas").nth(1).focus()
    page.keyboard.press("End")
    assert "Neuron 16 of 128" in page.locator(".twm-x-readout").nth(1).inner_text()


def test_pointing_names_what_is_there_and_paper_has_the_still(explorer):
    page = explorer
    panels, corner = page.locator(".twm-x-panel canvas"), {"x": 4, "y": 4}
    expected = ("Input 1, dimension 1", "Neuron 1 of", "Column 1 (oldest)", "Output step 1, dimension 1")
    for number, words in enumerate(expected):
        panels.nth(number).hover(position=corner)
        assert words in page.locator(".twm-x-readout").nth(number).inner_text()
    panels.first.click(position=corner)
    assert state(page)["time"] == 0, "drawing starts the run again"
    page.emulate_media(media="print")
    assert page.locator(".twm-x-still").is_visible() and not page.locator(".twm-x-controls").is_visible()


def test_a_frame_is_little_work(explorer, record_property):
    """What is drawn while it plays costs less than a loop over five million numbers on the same machine."""
    found = explorer.evaluate(
        """() => new Promise(done => {
          const x = document.querySelector('.twm-explorer').twmExplorer, times = [], show = x.show.bind(x);
          const measure = work => { const start = performance.now(); work(); return performance.now() - start; };
          const median = list => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
          const loop = () => { let sum = 0; for (let i = 0; i < 5e6; i += 1) sum += Math.sin(i); return sum; };
          x.show = () => times.push(measure(show));
          x.speed = 6; x.play();
          setTimeout(() => { x.pause(); x.show = show;
            done({frames: times.length, frame: median(times), loop: median([1, 2, 3].map(() => measure(loop)))}); }, 1000);
        })"""
    )
    record_property("explorer", found)
    assert found["frames"] > 3 and found["frame"] < found["loop"], found


def test_without_javascript_a_still_and_words(site, visit):
    with visit(f"{site.as_uri()}/explore.html", java_script_enabled=False) as seen:
        still = seen.page.locator(".twm-x-still")
        assert still.is_visible() and "turned by" in still.get_attribute("alt")
        assert "needs JavaScript" in seen.page.locator("article").inner_text()


def test_all_panels_fit_into_one_window(site, visit):
    """Whoever plays sees all four move: on a wide screen at once, on a phone with the buttons beside each."""
    with visit(f"{site.as_uri()}/explore.html") as seen:
        seen.page.wait_for_selector(".twm-explorer.is-live")
        for task in range(5):
            seen.page.get_by_label("Task").select_option(index=task)
            for place in range(4):
                box = seen.page.locator(".twm-x-panel canvas").nth(place).bounding_box()
                assert box["y"] + box["height"] <= WIDE["height"], (task, place)
    with visit(f"{site.as_uri()}/explore.html", size=NARROW) as seen:
        page = seen.page
        page.wait_for_selector(".twm-explorer.is-live")
        canvas = page.locator(".twm-x-panel canvas").nth(3)
        canvas.evaluate("c => c.scrollIntoView({block: 'center', behavior: 'instant'})")
        before = state(page)["time"]
        button = page.get_by_role("button", name="One step on").bounding_box()
        # Not under the page's own head, and not over the panel.
        page.mouse.click(button["x"] + button["width"] / 2, button["y"] + 2)
        assert state(page)["time"] == before + 1
        assert button["y"] + button["height"] < canvas.bounding_box()["y"]


def test_a_narrow_output_has_fewer_laps(site, visit):
    for size, laps in ((WIDE, 4), (NARROW, 2)):
        with visit(f"{site.as_uri()}/explore.html", size=size) as seen:
            page = seen.page
            page.wait_for_selector(".twm-explorer.is-live")
            go_to(page, 16 * 7)
            canvas = page.locator(".twm-x-panel canvas").nth(3)
            width = canvas.bounding_box()["width"]
            canvas.hover(position={"x": width - 4, "y": 4})
            assert f"Output step {16 * 6}," in page.locator(".twm-x-readout").nth(3).inner_text()
            canvas.hover(position={"x": 4, "y": 4})
            assert f"Output step {16 * (6 - laps) + 1}," in page.locator(".twm-x-readout").nth(3).inner_text()
            assert len(state(page)["text"].split(" | ")) == 4, "in words there is room for all"


def test_panels_repaint_in_the_dark_and_fit_a_phone(site, visit):
    with visit(f"{site.as_uri()}/explore.html", size=NARROW) as seen:
        page = seen.page
        page.wait_for_selector(".twm-explorer.is-live")
        light = page.evaluate("document.querySelector('.twm-x-panel canvas').toDataURL()")
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        page.wait_for_function("w => document.querySelector('.twm-x-panel canvas').toDataURL() !== w", arg=light)
        assert page.evaluate("document.documentElement.scrollWidth <= 360")
