"""The line on which pulses travel: read by position, and written by position."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from twm.errors import require, require_count
from twm.flip_flop.runs import FlipFlopRun, run_freely


@dataclass(frozen=True, eq=False)
class DelayLine:
    """The positions of a delay line in a network's state: column k is what each channel held k steps ago.

    Attributes:
        basis: (channels, depth, hidden): what a sign at each position adds to the state.
        readout: (channels, depth, hidden) and offsets (channels, depth): how a sign is read off a state.
        offsets: see readout.
        r2: (channels, depth) share of a sign's variance that is read, on streams that were not fitted.
        accuracy: (channels, depth) share of right signs there.
        encoded: share of the states' variance that the positions explain, likewise.
    """

    basis: np.ndarray
    readout: np.ndarray
    offsets: np.ndarray
    r2: np.ndarray
    accuracy: np.ndarray
    encoded: float


def _stack_history(run: FlipFlopRun, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the signs held 0..depth-1 steps ago, (steps, streams, channels, depth), and the states beside them."""
    first = max(run.warm, depth)
    last = len(run.held)
    history = np.stack([run.held[first - age : last - age] for age in range(depth)], -1)
    return history, run.states[first:]


def fit_delay_line(run: FlipFlopRun, depth: int | None = None) -> DelayLine:
    """Find the delay line in a network's states by least squares, on half of the streams; judge it on the others.

    Args:
        run: of the network.
        depth: positions; by default the delay and the present, ``delay + 1``.

    Returns:
        the line.

    Raises:
        UserError: if the depth is below one or the run has one stream only.
    """
    depth = run.task.delay + 1 if depth is None else require_count(depth, "depth")
    history, states = _stack_history(run, depth)
    channels, hidden, half = run.task.channels, states.shape[-1], states.shape[1] // 2
    require(half > 0, "the delay line is judged on other streams than it is fitted on: run at least two")
    signs = [part.reshape(-1, channels * depth) for part in (history[:, :half], history[:, half:])]
    rows = [part.reshape(-1, hidden) for part in (states[:, :half], states[:, half:])]

    def fit(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.linalg.lstsq(np.c_[inputs, np.ones(len(inputs))], targets, rcond=None)[0]

    encoding, reading = fit(signs[0], rows[0]), fit(rows[0], signs[0])
    read = np.c_[rows[1], np.ones(len(rows[1]))] @ reading
    spread = ((signs[1] - signs[1].mean(0)) ** 2).sum(0)
    r2 = 1 - ((read - signs[1]) ** 2).sum(0) / spread
    missed = rows[1] - np.c_[signs[1], np.ones(len(signs[1]))] @ encoding
    encoded = 1 - (missed**2).sum() / ((rows[1] - rows[1].mean(0)) ** 2).sum()
    shape = (channels, depth)
    return DelayLine(
        encoding[:-1].reshape(*shape, hidden),
        reading[:-1].T.reshape(*shape, hidden),
        reading[-1].reshape(shape),
        r2.reshape(shape),
        (read * signs[1] > 0).mean(0).reshape(shape),
        float(encoded),
    )


@dataclass(frozen=True, eq=False)
class WrittenPulses:
    """What came of pulses that were written into a state by position instead of being sent.

    Attributes:
        success: (channels, delay) share of states in which every output was right at every step afterwards: the written
            channel changed when the position said, the others did not.
        early: the same shares if the change is asked for three steps too early: a control; nan where it is due sooner.
        random: the same with random directions of the same length: a control.
        sent: the same for pulses that were sent, for comparison.
        count: states.
    """

    success: np.ndarray
    early: np.ndarray
    random: np.ndarray
    sent: np.ndarray
    count: int


def write_pulses(run: FlipFlopRun, line: DelayLine, count: int = 200, steps: int = 30, seed: int = 0) -> WrittenPulses:
    """Write a pulse of the past into states of rest, position by position, and see when the output changes.

    A pulse of k steps ago means that the positions 0 to k hold the new sign. So twice their basis vectors, with that
    sign, are added to the state, and the network is left alone. Its output should change ``delay - k`` steps after the
    state that was written to, and be right from two steps later on.

    Args:
        run: of the network; the states come from streams that the line was not fitted on.
        line: of the same network.
        count: how many states.
        steps: for which the network is watched.
        seed: which states, and the random directions.

    Returns:
        the shares.

    Raises:
        UserError: if the task has no delay.
    """
    require(run.task.delay > 0, "without a delay there is no position to write to")
    rng, delay, channels = np.random.default_rng(seed), run.task.delay, run.task.channels
    half = run.states.shape[1] // 2
    quiet = np.argwhere(run.mark_quiet()[:, half:])
    picked = quiet[rng.choice(len(quiet), min(count, len(quiet)), replace=False)]
    states, signs = (values[picked[:, 0], half + picked[:, 1]] for values in (run.states, run.signs))

    def judge(starts: np.ndarray, channel: int, due: int) -> float:
        outputs = run_freely(run.weights, starts, steps)[1]
        wanted = np.repeat(signs[None], steps, 0).astype(float)
        wanted[due:, :, channel] *= -1
        right = outputs * wanted > 0
        right[due : due + 2, :, channel] = True
        return float(right.all((0, 2)).mean())

    shape = (channels, delay)
    success, early, random, sent = (np.zeros(shape) for _ in range(4))
    for channel, age in product(range(channels), range(delay)):
        change = -2 * signs[:, channel, None] * line.basis[channel, : age + 1].sum(0)
        other = rng.standard_normal(change.shape)
        other *= np.linalg.norm(change, axis=1, keepdims=True) / np.linalg.norm(other, axis=1, keepdims=True)
        # The first output that is watched is one step after the state, when the pulse is a step older.
        due = delay - age - 1
        success[channel, age] = judge(states + change, channel, due)
        early[channel, age] = judge(states + change, channel, max(due - 3, 0)) if due >= 3 else np.nan
        random[channel, age] = judge(states + other, channel, due)
        sent[channel, age] = judge(_send_pulse(run, states, -signs[:, channel], channel, age), channel, due)
    return WrittenPulses(success, early, random, sent, len(states))


def _send_pulse(run: FlipFlopRun, states: np.ndarray, signs: np.ndarray, channel: int, age: int) -> np.ndarray:
    """Send a pulse to states of rest and return the states ``age`` steps later."""
    recurrent, encoder = (matrix.numpy() for matrix in run.weights[:2])
    moved = np.tanh(states @ recurrent.T + signs[:, None] * encoder[:, channel])
    return run_freely(run.weights, moved, age)[0][-1] if age else moved
