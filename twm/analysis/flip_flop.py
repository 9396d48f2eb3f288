"""A flip-flop network at work, and left alone.

Where a flip-flop network rests, and the saddles between.

What turns in a flip-flop network: its spectrum, and the states around a switch.

The line on which pulses travel: read by position, and written by position.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from twm.analysis.fixed_points import SlowPoints, draw_starts, find_slow_points
from twm.errors import require, require_count
from twm.models.elman import read_network
from twm.models.weights import Weights
from twm.records import read_rows, write_rows
from twm.tasks.flip_flop import FlipFlop, delay_signs, draw_pulses
from twm.training.flip_flop_network import run_flip_flop

_WARM_UP = 200


def read_flip_flop(path: Path | str) -> tuple[Weights, dict[str, Any]]:
    """Read a network of the sweep, in float64, with its configuration.

    Raises:
        UserError: if the file is missing, damaged, or holds another kind of network.
    """
    network, about = read_network(path)
    require("delay" in about and "unfold" in about, f"{Path(path).name} is not a flip-flop network")
    return Weights(*(torch.as_tensor(matrix).double() for matrix in network.get_matrices())), about


@dataclass(frozen=True, eq=False)
class FlipFlopRun:
    """A network at work on streams it has not seen.

    Attributes:
        weights: of the network, float64.
        task: what was asked of it.
        pulses: (steps, streams, channels).
        held: (steps, streams, channels) the sign of the last pulse, before any delay; 0 where there was none.
        signs: the same, when due.
        states: (steps, streams, hidden).
        outputs: (steps, streams, channels).
        warm: first step that counts.
    """

    weights: Weights
    task: FlipFlop
    pulses: np.ndarray
    held: np.ndarray
    signs: np.ndarray
    states: np.ndarray
    outputs: np.ndarray
    warm: int = _WARM_UP

    def mark_quiet(self) -> np.ndarray:
        """Mark the states of rest: (steps, streams), no pulse on its way for three delays, at least for ten steps."""
        quiet, back = np.ones(self.pulses.shape[:2], bool), max(10, 3 * self.task.delay)
        for age in range(back):
            quiet[age:] &= (self.pulses[: len(quiet) - age] == 0).all(2)
        quiet[: max(self.warm, back)] = False
        return quiet & (self.signs != 0).all(2)


def run_flip_flop_network(
    weights: Weights, task: FlipFlop, seed: int = 0, streams: int = 50, steps: int = 1000, split: str = "test"
) -> FlipFlopRun:
    """Run a network on fresh streams.

    Args:
        weights: of the network.
        task: what is asked of it.
        seed: of the streams.
        streams: how many side by side.
        steps: of each that count; 200 more pass before.
        split: of the data.

    Returns:
        the run.
    """
    pulses = draw_pulses(task, split, seed, streams, 0, _WARM_UP + require_count(steps, "steps"))
    start = weights.recurrent.new_zeros(streams, len(weights.recurrent))
    with torch.no_grad():
        states, outputs = run_flip_flop(weights, torch.from_numpy(pulses).to(start), start)
    held, signs = delay_signs(pulses, 0), delay_signs(pulses, task.delay)
    return FlipFlopRun(weights, task, pulses, held, signs, states.numpy(), outputs.numpy())


def run_freely(weights: Weights, states: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Run a network without pulses from states (batch, hidden); return states and outputs (steps, batch, ...)."""
    start = torch.as_tensor(np.asarray(states)).to(weights.recurrent)
    silent = start.new_zeros(require_count(steps, "steps"), len(start), weights.encoder.shape[1])
    with torch.no_grad():
        moved, outputs = run_flip_flop(weights, silent, start)
    return moved.numpy(), outputs.numpy()


#: Name of the table of slow points, beside that of the sweep.
POINT_TABLE = "flipflop_points.csv"
#: A table of slow points: its columns and what they mean.
POINT_COLUMNS: dict[str, str] = {
    "model": "the network, as in flipflop.csv",
    "delay": "of its task",
    "seed": "of its training",
    "starts": "how many starts were followed",
    "fixed": "distinct fixed points, q at most 1e-20",
    "slow": "other minima of q, at most 0.01",
    "counts": "fixed points with 0, 1, 2, ... unstable directions",
    "most_unstable_slow": "most unstable directions of a slow point that is not fixed; empty without one",
    "corners": "output states near which a stable fixed point lies",
    "corner_unstable": "unstable directions of the fixed point nearest to rest at each output state",
    "seconds": "time it took",
}


def find_network_points(run: FlipFlopRun, count: int = 500, seed: int = 0, iterations: int = 200) -> SlowPoints:
    """Find slow points of a network without input, from starts between the states it has been in.

    Args:
        run: of the network.
        count: starts.
        seed: of the starts.
        iterations: at most, for a start.

    Returns:
        the distinct points. Of each the mirror image is one too, since tanh is odd; it is looked for where no start led to
        it, and counted among the points but not among the starts.

    Source: mem Sec. 2, Sec. 4, Fig. 6.
    """
    recurrent = run.weights.recurrent
    visited = torch.from_numpy(run.states[run.warm :].reshape(-1, len(recurrent)))
    starts = draw_starts(visited, count, seed=seed)

    def step(states: torch.Tensor) -> torch.Tensor:
        return torch.tanh(states @ recurrent.T)

    found = find_slow_points(step, starts, iterations=iterations)
    if not len(found):
        return found
    both = find_slow_points(step, torch.cat([found.states, -found.states]), iterations=iterations)
    names = ("starts", "runaways", "unsettled", "merged", "too_fast")
    return replace(both, **{name: getattr(found, name) for name in names})


@dataclass(frozen=True, eq=False)
class Resting:
    """Where a network comes to rest for each output state.

    Attributes:
        corners: (8, channels) the output states.
        found: (8,) whether the network says this output state when left alone.
        amplitudes: (8,) largest swing of a neuron after a long time: 0 at a fixed point.
        centres: (8, hidden) mean state there.
        orbits: (8, steps, hidden) the last steps.
    """

    corners: np.ndarray
    found: np.ndarray
    amplitudes: np.ndarray
    centres: np.ndarray
    orbits: np.ndarray


def find_resting(run: FlipFlopRun, settle: int = 2000, watch: int = 240) -> Resting:
    """Leave a network alone in each output state and see whether it stands still.

    Args:
        run: of the network; its states of rest are where it starts from.
        settle: steps before it is watched.
        watch: steps for which it is.

    Returns:
        what it does at each output state.

    Raises:
        UserError: if the run has no state of rest for some output state.

    Source: mem Sec. 4.
    """
    quiet = run.mark_quiet()
    states, signs = run.states[quiet], run.signs[quiet]
    corners = np.array(list(product((-1, 1), repeat=run.task.channels)))
    starts = []
    for corner in corners:
        mine = states[(signs == corner).all(1)]
        require(len(mine) > 0, f"the run never rests in the output state {corner.tolist()}: make it longer")
        starts.append(mine[0])
    moved, outputs = run_freely(run.weights, np.array(starts), settle + watch)
    orbits = moved[settle:].swapaxes(0, 1)
    found = (outputs[settle:] * corners > 0).all((0, 2))
    swing = (orbits.max(1) - orbits.min(1)).max(1)
    return Resting(corners, found, swing, orbits.mean(1), orbits)


def fit_cube(resting: Resting) -> float:
    """Return R^2 of the eight centres as an affine image of the cube's corners, in their first three components.

    Source: mem Fig. 2.
    """
    centred = resting.centres - resting.centres.mean(0)
    values = centred @ np.linalg.svd(centred, full_matrices=False)[2][:3].T
    design = np.c_[resting.corners, np.ones(len(values))]
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return float(1 - (rest**2).sum() / (values**2).sum())


def describe_points(points: SlowPoints, run: FlipFlopRun, resting: Resting) -> dict[str, Any]:
    """Summarise slow points as a row of :data:`POINT_COLUMNS`, without model and time."""
    unstable, fixed = points.unstable.numpy(), points.fixed.numpy()
    counts = [int(((unstable == number) & fixed).sum()) for number in range(int(unstable[fixed].max(initial=0)) + 1)]
    outputs = np.tanh(points.states.numpy() @ run.weights.readout.numpy().T)
    stable = {tuple(np.sign(out)) for out in outputs[fixed & (unstable == 0)]}
    near = []
    for corner, centre in zip(resting.corners, resting.centres):
        mine = np.flatnonzero(fixed & (outputs * corner > 0).all(1))
        distance = np.linalg.norm(points.states.numpy()[mine] - centre, axis=1)
        near.append(int(unstable[mine[distance.argmin()]]) if len(mine) else -1)
    slow = unstable[~fixed]
    return {
        "delay": run.task.delay,
        "starts": points.starts,
        "fixed": int(fixed.sum()),
        "slow": int((~fixed).sum()),
        "counts": " ".join(map(str, counts)),
        "most_unstable_slow": int(slow.max()) if len(slow) else None,
        "corners": len(stable),
        "corner_unstable": " ".join(map(str, near)),
    }


def record_points(networks: Path, table: Path, names: Sequence[str], say: Callable[[str], None] = print) -> None:
    """Find the slow points of networks that are not in the table yet, and add a row each.

    Args:
        networks: folder of the networks.
        table: the CSV file.
        names: of the networks.
        say: where lines go.

    Raises:
        UserError: if a network cannot be read.
    """
    rows: list[dict[str, Any]] = list(read_rows(table))
    for name in names:
        if name in {row["model"] for row in rows}:
            continue
        weights, about = read_flip_flop(networks / f"{name}.safetensors")
        run = run_flip_flop_network(weights, FlipFlop(about["delay"], reading=about["reading"]))
        started = time.perf_counter()
        found = describe_points(find_network_points(run, 600), run, find_resting(run))
        row = {"model": name, "seed": about["seed"], "seconds": round(time.perf_counter() - started, 1)} | found
        rows = sorted([*rows, row], key=lambda each: (int(each["delay"]), int(each["seed"])))
        write_rows(table, rows, list(POINT_COLUMNS))
        say(f"{name}: {row['fixed']} fixed points with 0, 1, 2, ... unstable directions: {row['counts']}")


def read_points(table: Path | str) -> list[dict[str, Any]]:
    """Read a table of slow points.

    Returns:
        rows by :data:`POINT_COLUMNS`: numbers as numbers, lists as lists, empty cells as ``None``; none if there is no table.

    Raises:
        UserError: if the table is damaged, or from another version.
    """
    rows = read_rows(table)
    for row in rows:
        require(set(row) == set(POINT_COLUMNS), f"{table} comes from another version: move it away")
    lists, texts = ("counts", "corner_unstable"), ("model",)
    return [
        {
            key: text
            if key in texts
            else [int(part) for part in text.split()]
            if key in lists
            else None
            if text == ""
            else float(text)
            if "." in text
            else int(text)
            for key, text in row.items()
        }
        for row in rows
    ]


def split_spectrum(eigenvalues: np.ndarray, tolerance: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split a spectrum into real eigenvalues outside the unit circle, complex ones outside it, and the rest.

    Args:
        eigenvalues: (n,) complex.
        tolerance: an eigenvalue counts as real if its imaginary part is at most this share of its magnitude, because
            "on or close to the real axis" is what the paper says.

    Returns:
        the three parts.

    Source: mem Fig. 4.
    """
    outside = np.abs(eigenvalues) > 1
    real = np.abs(eigenvalues.imag) <= tolerance * np.abs(eigenvalues)
    return eigenvalues[outside & real], eigenvalues[outside & ~real], eigenvalues[~outside]


def average_switches(
    run: FlipFlopRun,
    before: Sequence[int] = (-1, -1, -1),
    after: Sequence[int] = (-1, -1, 1),
    lead: int = 4,
    trail: int = 20,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Average states around each switch from one output state to another, aligned at its pulse.

    Args:
        run: of the network.
        before, after: output states that differ in one channel.
        lead: steps before the pulse.
        trail: steps after it, its own included.

    Returns:
        mean states (lead + trail, hidden), mean outputs (lead + trail, channels), and how many switches there were.
        A switch counts if the network was at rest for ``lead`` steps and no other pulse came.

    Raises:
        UserError: if the two differ in another number of channels, or the run has no such switch.

    Source: mem Sec. 5, Fig. 3.
    """  # fmt: skip
    before, after = np.asarray(before), np.asarray(after)
    (changed,) = np.nonzero(before != after)
    require(len(changed) == 1, "the output states must differ in one channel")
    pulses, held = run.pulses, run.held
    hits = (pulses[:, :, changed[0]] == after[changed[0]]) & (np.abs(pulses).sum(2) == 1)
    hits[1:] &= (held[:-1] == before).all(2)
    hits[: max(run.warm, lead + run.task.delay + 2)] = False
    # What was on its way at the start of the segment would still be settling in it.
    still = lead + run.task.delay + 2
    segments, answers = [], []
    for step, stream in np.argwhere(hits):
        around = np.abs(pulses[step - still : step + trail, stream]).sum()
        if around == 1 and step + trail <= len(pulses):
            segments.append(run.states[step - lead : step + trail, stream])
            answers.append(run.outputs[step - lead : step + trail, stream])
    require(len(segments) > 0, f"the run has no switch from {before.tolist()} to {after.tolist()}: make it longer")
    return np.mean(segments, 0), np.mean(answers, 0), len(segments)


def send_switches(
    run: FlipFlopRun,
    before: Sequence[int] = (-1, -1, -1),
    after: Sequence[int] = (-1, -1, 1),
    lead: int = 4,
    trail: int = 20,
    count: int = 400,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Average states around switches that are made on purpose, from many states of rest.

    A run of 100,000 steps has a few dozen switches of one kind. Where the network moves while it rests, its own movement
    does not average out over so few; over hundreds it does.

    Args:
        run: of the network; its states of rest are started from.
        before, after: output states that differ in one channel.
        lead: steps before the pulse.
        trail: steps after it, its own included.
        count: switches at most.
        seed: which states.

    Returns:
        as :func:`average_switches`.

    Raises:
        UserError: if the two differ in another number of channels, or the run never rests in ``before``.
    """
    before, after = np.asarray(before), np.asarray(after)
    (changed,) = np.nonzero(before != after)
    require(len(changed) == 1, "the output states must differ in one channel")
    mine = run.states[run.mark_quiet() & (run.signs == before).all(2)]
    require(len(mine) > 0, f"the run never rests in {before.tolist()}: make it longer")
    picked = np.random.default_rng(seed).permutation(len(mine))[:count]
    earlier, said = run_freely(run.weights, mine[picked], lead)
    recurrent, encoder, readout = (matrix.numpy() for matrix in run.weights)
    pushed = np.tanh(earlier[-1] @ recurrent.T + after[changed[0]] * encoder[:, changed[0]])
    later, answers = run_freely(run.weights, pushed, trail - 1)
    states = np.concatenate([earlier, pushed[None], later]).mean(1)
    outputs = np.concatenate([said, np.tanh(pushed @ readout.T)[None], answers]).mean(1)
    return states, outputs, len(picked)


@dataclass(frozen=True, eq=False)
class Oscillation:
    """Principal components of a short trajectory, and how they turn.

    Attributes:
        components: (steps, 9) values of the leading components.
        axes: (9, hidden) their directions.
        shares: (9,) of the variance.
        crossings: (9,) how often each changes sign.
        phases: phase in degrees, 0 to 180, between each pair of neighbours (1, 2), (2, 3), ... at the frequency that is
            strongest in both.
        frequencies: of these pairs, in cycles a step.
    """

    components: np.ndarray
    axes: np.ndarray
    shares: np.ndarray
    crossings: np.ndarray
    phases: np.ndarray
    frequencies: np.ndarray


def analyse_oscillation(trajectory: np.ndarray, count: int = 9) -> Oscillation:
    """Take a trajectory (steps, hidden) apart into principal components and compare the phases of neighbours.

    Source: mem Fig. 3c.
    """
    centred = trajectory - trajectory.mean(0)
    left, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    count = min(count, len(sizes))
    components = left[:, :count] * sizes[:count]
    small = np.abs(components) < 1e-9 * np.abs(components).max()
    signs = np.sign(np.where(small, 1.0, components))
    crossings = (signs[1:] != signs[:-1]).sum(0)
    window = np.hanning(len(components) + 2)[1:-1, None]
    spectra = np.fft.rfft((components - components.mean(0)) * window, 16 * len(components), axis=0)
    pairs = []
    for first in range(count - 1):
        cross = spectra[:, first] * spectra[:, first + 1].conj()
        peak = int(np.abs(cross[1:]).argmax()) + 1
        turn = abs(np.degrees(np.angle(cross[peak])))
        pairs.append((turn, peak / (16 * len(components))))
    phases, frequencies = np.array(pairs).T
    return Oscillation(components, axes[:count], (sizes**2 / (sizes**2).sum())[:count], crossings, phases, frequencies)


def measure_angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the principal angles, in degrees, largest first, between the spans of the rows of two matrices."""
    from scipy.linalg import subspace_angles

    return np.degrees(subspace_angles(np.atleast_2d(first).T, np.atleast_2d(second).T))


def make_travelling_step(delay: int, lead: int = 4, trail: int = 20) -> np.ndarray:
    """Return the trajectory of a plain delay line when a new sign enters: (lead + trail, delay + 1) of -1 and 1."""
    ages = np.arange(-lead, trail)[:, None] - np.arange(require_count(delay, "delay", 0) + 1)
    return np.where(ages >= 0, 1.0, -1.0)


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
