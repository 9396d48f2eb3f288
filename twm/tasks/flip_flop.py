"""The delayed flip-flop: channels that store the sign of their last pulse and output it after a delay.

Pulses depend only on (task, split, seed, stream, step), so a resumed run receives the same pulses."""

from dataclasses import dataclass

import numpy as np

from twm.errors import check_name, require, require_count
from twm.streams import draw_words

#: Whether "one pulse in 50 steps" applies to each channel, or to all channels of the network together.
READINGS = ("channel", "network")
# Number of steps hashed under one address; changing it changes every stream.
_BLOCK = 100


@dataclass(frozen=True)
class FlipFlop:
    """The task: a step has a pulse with probability 1 / ``mean_interval``. Source: mem Sec. 3, "rate 50"."""

    delay: int = 0  # steps from a pulse to the step on which its sign is due; with 0, it is due on the pulse's own step
    channels: int = 3  # independent inputs, each with one output
    mean_interval: int = 50  # mean number of steps between pulses
    reading: str = "channel"  # whether the interval is that of each channel, or (``network``) of all channels together

    def __post_init__(self) -> None:
        for name, least in (("delay", 0), ("channels", 1), ("mean_interval", 1)):
            require_count(getattr(self, name), name, least)
        check_name("reading", self.reading, READINGS)

    @property
    def name(self) -> str:
        """The task's name in tables and files: its delay, and the reading if it is not ``channel``."""
        return f"flip-flop:{self.delay}" + ("" if self.reading == "channel" else ",network")

    # Probability of a pulse per step and channel.
    pulse_share = property(lambda self: 1 / (self.mean_interval * (1 if self.reading == "channel" else self.channels)))


def draw_pulses(task: FlipFlop, split: str, seed: int, streams: int, start: int, steps: int) -> np.ndarray:
    """Draw consecutive steps of pulses -1, 0 and 1, beginning with ``start``: float32 (steps, streams, channels).

    ``split`` is ``train``, ``validate`` or ``test``. All delays share the pulses, so that networks can be compared."""
    require_count(start, "start", 0)
    require_count(steps, "steps")
    require(isinstance(split, str) and split != "", f"split must be a name such as 'train', not {split!r}")
    # The key includes the reading, so that equal intervals in both readings do not give equal data.
    key = f"flip-flop:{task.channels},{task.mean_interval},{task.reading}/{split}"
    blocks = []
    for block in range(start // _BLOCK, -(-(start + steps) // _BLOCK)):
        words = draw_words(key, seed, block, streams, (_BLOCK, task.channels, 2)).numpy()
        falls = words[..., 0] < task.pulse_share * 2**32
        signs = 1 - 2 * (words[..., 1] >> 31)
        blocks.append((falls * signs).swapaxes(0, 1))
    skipped = start % _BLOCK
    return np.concatenate(blocks)[skipped : skipped + steps].astype(np.float32)


def delay_signs(pulses: np.ndarray, delay: int, before: np.ndarray | None = None) -> np.ndarray:
    """Return a flip-flop's targets for pulses (steps, ..., channels): the sign of the last pulse due, 0 before the first.

    ``before`` (..., channels) holds the signs that were due before the first step. Source: mem Sec. 3, Fig. 1."""
    require_count(delay, "delay", 0)
    pulses = np.asarray(pulses)
    steps = len(pulses)
    first = np.zeros_like(pulses[:1]) if before is None else np.asarray(before, pulses.dtype)[None]
    due = np.concatenate([first, np.zeros_like(pulses[: min(delay, steps)]), pulses[: max(steps - delay, 0)]])
    # The row of the last pulse so far; row 0 holds the signs from before the first step.
    rows = np.arange(steps + 1).reshape(-1, *[1] * (pulses.ndim - 1))
    return np.take_along_axis(due, np.maximum.accumulate(np.where(due != 0, rows, 0), axis=0), axis=0)[1:]


def mark_steps(pulses: np.ndarray, delay: int) -> tuple[np.ndarray, np.ndarray]:
    """Mark the steps of pulses (steps, ..., channels) on which outputs are judged, and on which they also must wait.

    Judged: a pulse has been due, but none within the last two steps, the due step included. Waiting: judged,
    and a pulse of the opposite sign is not yet due, so that a network that ignores the delay fails."""
    signs = delay_signs(pulses, delay)
    judged = signs != 0
    for late in range(delay, delay + 2):
        judged[late:] &= pulses[: max(len(pulses) - late, 0)] == 0
    on_its_way = np.zeros_like(judged)
    for age in range(min(delay, len(pulses))):
        on_its_way[age:] |= pulses[: len(pulses) - age] * signs[age:] < 0
    return judged, judged & on_its_way


class FlipFlopStream:
    """Endless streams, drawn in consecutive segments; ``position`` and ``held`` are the complete state."""

    def __init__(self, task: FlipFlop, split: str, seed: int, streams: int) -> None:
        self.task, self.split, self.seed = task, split, require_count(seed, "seed", 0)
        self.streams = require_count(streams, "streams")
        self.position = 0  # number of steps drawn so far
        self.held = np.zeros((streams, task.channels), np.float32)  # signs due on the last step, 0 where none was

    def draw(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw the next steps: pulses and the signs due, each (steps, streams, channels) float32."""
        # Pulses of the last ``delay`` steps are not yet due.
        back = min(self.task.delay, self.position)
        start = self.position - back
        pulses = draw_pulses(self.task, self.split, self.seed, self.streams, start, steps + back)
        signs = np.ascontiguousarray(delay_signs(pulses, self.task.delay, self.held)[back:])
        self.held, self.position = signs[-1].copy(), self.position + steps
        return np.ascontiguousarray(pulses[back:]), signs
