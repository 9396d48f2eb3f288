"""The delayed flip-flop: channels that hold the sign of their last pulse, each told some steps late.

The stream has no end. Which pulses fall on a step is a function of (task, split, seed, stream, step) alone, so any
stretch of any stream can be drawn by itself, and a run that goes on after a stop sees what it would have seen.
"""

from dataclasses import dataclass

import numpy as np

from twm.errors import require, require_count
from twm.streams import draw_words

#: What "one pulse in 50 steps" is counted over: each channel, or all channels together.
READINGS = ("channel", "network")
# Steps that are hashed under one address; another number would be another stream.
_BLOCK = 100


@dataclass(frozen=True)
class FlipFlop:
    """The task.

    Attributes:
        delay: steps from a pulse to the step on which its sign is due; 0 makes it due on the pulse's own step.
        channels: independent inputs, each with one output.
        mean_interval: mean number of steps between pulses; in discrete time a pulse falls on a step with probability
            one in ``mean_interval``, whatever fell on the steps before.
        reading: ``channel`` if the interval is that of each channel, ``network`` if it is that of all together.

    Raises:
        UserError: if a number is out of range or the reading is unknown.

    Source: mem Sec. 3. The paper's "rate 50" is a mean interval; 2000 inputs in 100,000 steps is the ``network`` reading.
    """

    delay: int = 0
    channels: int = 3
    mean_interval: int = 50
    reading: str = "channel"

    def __post_init__(self) -> None:
        require_count(self.delay, "delay", 0)
        require_count(self.channels, "channels")
        require_count(self.mean_interval, "mean_interval")
        require(self.reading in READINGS, f"reading must be one of {', '.join(READINGS)}, not {self.reading!r}")

    @property
    def name(self) -> str:
        """The task's name in tables and files: its delay, and the reading where it is not the usual one."""
        return f"flip-flop:{self.delay}" + ("" if self.reading == "channel" else ",network")

    @property
    def pulse_share(self) -> float:
        """Probability of a pulse on one step of one channel."""
        return 1 / (self.mean_interval * (1 if self.reading == "channel" else self.channels))


def draw_pulses(task: FlipFlop, split: str, seed: int, streams: int, start: int, steps: int) -> np.ndarray:
    """Draw a stretch of pulses.

    Pulses do not depend on the task's delay, so that networks for different delays can be compared on the same ones.

    Args:
        task: the task.
        split: ``train`` or ``test``; different splits have different data.
        seed: of the data.
        streams: how many streams side by side.
        start: first step of the stretch, counted from the beginning of time.
        steps: its length.

    Returns:
        float32 array (steps, streams, channels) of -1, 0 and 1.

    Raises:
        UserError: if a number is out of range, or the split has no name.
    """
    require_count(start, "start", 0)
    require_count(steps, "steps")
    require(isinstance(split, str) and split != "", f"split must be a name such as 'train', not {split!r}")
    # An interval that is the same in both readings must not give the same data.
    key = f"flip-flop:{task.channels},{task.mean_interval},{task.reading}/{split}"
    size = _BLOCK * task.channels
    blocks = []
    for block in range(start // _BLOCK, -(-(start + steps) // _BLOCK)):
        words = draw_words(key, seed, block, streams, (_BLOCK, task.channels, 2)).numpy()
        falls = words[..., 0] < task.pulse_share * 2**32
        signs = 1 - 2 * (words[..., 1] >> 31)
        blocks.append((falls * signs).swapaxes(0, 1))
    skipped = start - start // _BLOCK * _BLOCK
    return np.concatenate(blocks)[skipped : skipped + steps].astype(np.float32)


def delay_signs(pulses: np.ndarray, delay: int, before: np.ndarray | None = None) -> np.ndarray:
    """Return what a flip-flop should say: the sign of the last pulse that is at least ``delay`` steps old.

    Args:
        pulses: (steps, ..., channels) of -1, 0 and 1.
        delay: steps from a pulse to its due step.
        before: (..., channels) what was held before the first step, and was due already; nothing if not given.

    Returns:
        (steps, ..., channels) of -1 and 1, and 0 where no pulse has been due yet.

    Raises:
        UserError: if the delay is negative.

    Source: mem Sec. 3, Fig. 1.
    """
    require_count(delay, "delay", 0)
    pulses = np.asarray(pulses)
    steps = len(pulses)
    first = np.zeros_like(pulses[:1]) if before is None else np.asarray(before, pulses.dtype)[None]
    due = np.concatenate([first, np.zeros_like(pulses[: min(delay, steps)]), pulses[: max(steps - delay, 0)]])
    # The row of the last pulse so far: of the rows with a pulse the largest, 0 being what was held before.
    rows = np.arange(steps + 1).reshape(-1, *[1] * (pulses.ndim - 1))
    last = np.maximum.accumulate(np.where(due != 0, rows, 0), axis=0)
    return np.take_along_axis(due, last, axis=0)[1:]


def mark_steps(pulses: np.ndarray, delay: int, settling: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Mark the steps on which an output is judged, and among them those on which it has to wait.

    Args:
        pulses: (steps, ..., channels) of -1, 0 and 1, from the beginning of a stream.
        delay: steps from a pulse to its due step.
        settling: steps on which an output is not judged, from the due step of each of its channel's pulses on.

    Returns:
        two boolean arrays of the shape of ``pulses``. Judged: some pulse has been due, and none within ``settling`` steps.
        Waiting: judged, and a pulse of the other sign is on its way; a network that ignores the delay fails on these.

    Raises:
        UserError: if a number is negative.
    """
    require_count(settling, "settling", 0)
    signs = delay_signs(pulses, delay)
    judged = signs != 0
    for late in range(delay, delay + settling):
        judged[late:] &= pulses[: max(len(pulses) - late, 0)] == 0
    on_its_way = np.zeros_like(judged)
    for age in range(min(delay, len(pulses))):
        on_its_way[age:] |= pulses[: len(pulses) - age] * signs[age:] < 0
    return judged, judged & on_its_way


class FlipFlopStream:
    """Streams without end, drawn stretch by stretch.

    Args:
        task: the task.
        split: ``train`` or ``test``.
        seed: of the data.
        streams: how many side by side.

    Attributes:
        position: number of steps drawn so far; with ``held`` all there is to go on from.
        held: (streams, channels) the signs that were due on the last step, 0 where none was.
    """

    def __init__(self, task: FlipFlop, split: str, seed: int, streams: int) -> None:
        self.task, self.split, self.seed = task, split, require_count(seed, "seed", 0)
        self.streams = require_count(streams, "streams")
        self.position = 0
        self.held = np.zeros((streams, task.channels), np.float32)

    def draw(self, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw the next steps.

        Returns:
            pulses and the signs due, each (steps, streams, channels) float32.
        """
        # Pulses of the last ``delay`` steps are still on their way.
        back = min(self.task.delay, self.position)
        start = self.position - back
        pulses = draw_pulses(self.task, self.split, self.seed, self.streams, start, steps + back)
        signs = np.ascontiguousarray(delay_signs(pulses, self.task.delay, self.held)[back:])
        self.held, self.position = signs[-1].copy(), self.position + steps
        return np.ascontiguousarray(pulses[back:]), signs
