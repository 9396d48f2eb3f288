"""The delayed flip-flop's stream against an oracle that walks through it step by step."""

import numpy as np
import pytest

from tests.conftest import refusals
from twm.tasks.flip_flop import FlipFlop, FlipFlopStream, delay_signs, draw_pulses, mark_steps


def walk(pulses: np.ndarray, delay: int) -> list[float]:
    """What one channel should say, by a queue of pulses and a variable."""
    queue, held, said = [0.0] * delay, 0.0, []
    for pulse in pulses:
        queue.append(pulse)
        held = queue.pop(0) or held
        said.append(held)
    return said


@pytest.mark.parametrize("delay", [0, 1, 16, 500])
def test_signs_equal_those_of_the_oracle(delay: int):
    pulses = draw_pulses(FlipFlop(delay, mean_interval=7), "train", 3, 4, 0, 300)
    expected = np.array([[walk(pulses[:, stream, channel], delay) for channel in range(3)] for stream in range(4)])
    assert np.array_equal(delay_signs(pulses, delay), expected.transpose(2, 0, 1))


@pytest.mark.parametrize("delay", [0, 16])
def test_a_stream_drawn_in_pieces_is_the_stream(delay: int):
    task = FlipFlop(delay, mean_interval=10)
    whole, pieces = FlipFlopStream(task, "train", 1, 5), FlipFlopStream(task, "train", 1, 5)
    parts = zip(*(pieces.draw(steps) for steps in (1, 2, 10, 87, 200, 100)))
    assert all(np.array_equal(np.concatenate(part), drawn) for part, drawn in zip(parts, whole.draw(400)))
    assert pieces.position == whole.position == 400 and np.array_equal(pieces.held, whole.held)
    stretch = draw_pulses(FlipFlop(3, mean_interval=10), "train", 1, 2, 137, 250)
    known = draw_pulses(task, "train", 1, 5, 0, 400)
    assert np.array_equal(stretch, known[137:387, :2]), "neither the delay nor companions change pulses"


@pytest.mark.parametrize(("reading", "share"), [("channel", 1 / 50), ("network", 1 / 150)])
def test_pulses_are_as_rare_as_the_reading_says_and_balanced(reading: str, share: float):
    task = FlipFlop(0, reading=reading)
    pulses = draw_pulses(task, "train", 0, 200, 0, 2000)
    assert task.pulse_share == pytest.approx(share)
    assert abs((pulses != 0).mean() - share) < 5 * np.sqrt(share / pulses.size)
    assert abs(pulses.sum()) < 5 * np.sqrt(share * pulses.size)
    # A gap says nothing about the next one: the chance of a pulse right after a pulse is that of any step.
    after = (pulses[1:] != 0)[pulses[:-1] != 0].mean()
    assert abs(after - share) < 5 * np.sqrt(1 / pulses.size)


def test_every_part_of_the_address_changes_the_data():
    base = draw_pulses(FlipFlop(), "train", 0, 4, 0, 500)
    for change in ({"split": "test"}, {"seed": 1}, {"start": 500}, {"task": FlipFlop(mean_interval=40)}):
        address = {"task": FlipFlop(), "split": "train", "seed": 0, "streams": 4, "start": 0, "steps": 500} | change
        assert not np.array_equal(base, draw_pulses(**address))
    assert not np.array_equal(base[:, 0], base[:, 1]) and not np.array_equal(base[..., 0], base[..., 1])


def test_marks_leave_out_what_settles_and_pick_what_waits():
    pulses = np.zeros((30, 1), np.float32)
    pulses[2], pulses[12], pulses[20] = 1, -1, -1
    judged, waiting = (marks[:, 0] for marks in mark_steps(pulses, delay=4))
    assert not judged[:6].any(), "nothing is due before the first pulse"
    assert np.flatnonzero(~judged[6:]).tolist() == [0, 1, 10, 11, 18, 19], "two steps from each due step on"
    assert np.flatnonzero(waiting).tolist() == [12, 13, 14, 15], "only a pulse of the other sign makes one wait"
    assert mark_steps(pulses, delay=0)[1].sum() == 0


test_wrong_arguments_are_told_in_a_line = refusals(
    (lambda: FlipFlop(-1), "delay"), (lambda: draw_pulses(FlipFlop(), "", 0, 1, 0, 1), "split"),
    (lambda: FlipFlop(reading="brain"), "brain"), (lambda: draw_pulses(FlipFlop(), "train", 0, 1, 0, 0), "steps"),
)  # fmt: skip
