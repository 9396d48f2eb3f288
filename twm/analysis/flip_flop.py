"""Analysis of flip-flop networks: attractors, oscillations, and the delay line along which pulses travel."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.linalg import orthogonal_procrustes

from twm.analysis.fixed_points import SlowPoints, draw_starts, find_slow_points
from twm.errors import require, require_count
from twm.models.elman import read_network
from twm.models.kernels import Weights
from twm.records import Table
from twm.tasks.flip_flop import FlipFlop, delay_signs, draw_pulses
from twm.training.flip_flop import run_flip_flop

#: Table of slow points: starts, batches of starts, points added by the last; fixed points and other minima of q; fixed points
#: by number of unstable directions, and the largest number at another minimum; output states with a stable point, and unstable
#: directions of the point nearest to rest in each; fixed points off the cube position of their number of unstable directions.
POINT_TABLE = "flipflop_points.csv"
_COLUMNS = (
    "model", "delay", "seed", "starts", "batches", "added", "fixed", "slow", "counts", "most_unstable_slow", "corners",
    "corner_unstable", "misplaced", "seconds",
)  # fmt: skip
_LISTS = ("counts", "corner_unstable")
_open_points = partial(Table, columns=_COLUMNS, texts=("model", *_LISTS))
_BEFORE, _AFTER = (-1, -1, -1), (-1, -1, 1)


def read_flip_flop(path: Path | str) -> tuple[Weights, dict[str, Any]]:
    """Read a flip-flop network of the sweep in float64, with its configuration."""
    network, about = read_network(path)
    require("delay" in about and "unfold" in about, f"{Path(path).name} is not a flip-flop network")
    return Weights(*(torch.as_tensor(matrix).double() for matrix in network.get_matrices())), about


@dataclass(frozen=True, eq=False)
class FlipFlopRun:
    """A network's run on held-out streams."""

    weights: Weights  # float64
    task: FlipFlop  # the task that it runs on
    pulses: np.ndarray  # (steps, streams, channels)
    held: np.ndarray  # (steps, streams, channels) sign of the last pulse, without delay; 0 before the first
    signs: np.ndarray  # (steps, streams, channels) the same with the delay: the target
    states: np.ndarray  # (steps, streams, hidden)
    outputs: np.ndarray  # (steps, streams, channels)
    warm: int = 200  # first step that is analysed

    def step(self, states: torch.Tensor) -> torch.Tensor:
        """Return the states (..., hidden) after a step without pulses."""
        return torch.tanh(states @ self.weights.recurrent.T)

    def mark_quiet(self) -> np.ndarray:
        """Mark resting states (steps, streams): no pulse for three delays, and for at least ten steps."""
        sent, back = np.abs(self.pulses).sum(2).cumsum(0), max(10, 3 * self.task.delay)
        quiet = (self.signs != 0).all(2) & (sent == np.roll(sent, back, axis=0))
        quiet[: max(self.warm, back)] = False
        return quiet

    def find_rest(self, corner: Sequence[int]) -> np.ndarray:
        """Return the resting states (states, hidden) of one output state."""
        found = self.states[self.mark_quiet() & (self.signs == corner).all(2)]
        require(len(found) > 0, f"the run never settles in the output state {list(corner)}: make it longer")
        return found


def run_flip_flop_network(weights: Weights, task: FlipFlop, streams: int = 50, steps: int = 1000) -> FlipFlopRun:
    """Run a network on held-out streams for 200 warm-up steps and ``steps`` more."""
    pulses = draw_pulses(task, "test", 0, streams, 0, FlipFlopRun.warm + require_count(steps, "steps"))
    signs, run = delay_signs(pulses, task.delay), _run(weights, pulses, np.zeros((streams, len(weights.recurrent))))
    return FlipFlopRun(weights, task, pulses, delay_signs(pulses, 0), signs, *run)


@torch.no_grad()
def _run(weights: Weights, pulses: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    states, outputs = run_flip_flop(weights, *(torch.as_tensor(part).to(weights.recurrent) for part in (pulses, start)))
    return states.numpy(), outputs.numpy()


def _run_alone(
    weights: Weights, states: np.ndarray, steps: int, channel: Any = 0, signs: Any = 0, at: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Run states (batch, hidden) with one pulse of ``signs`` (0: none) on a channel at step ``at``: states and outputs."""
    pulses = np.zeros((steps, len(states), weights.encoder.shape[1]))
    pulses[at, np.arange(len(states)), channel] = signs
    return _run(weights, pulses, states)


def find_network_points(run: FlipFlopRun, count: int, seed: int = 0, most: int = 1) -> tuple[SlowPoints, list[int]]:
    """Find slow points without input and, as tanh is odd, their mirror images, from at most ``most`` batches of ``count`` new
    starts, until one adds no fixed point; also return how many each batch added. Source: mem Sec. 2, Sec. 4, Fig. 6."""
    visited = torch.from_numpy(run.states[run.warm :].reshape(-1, run.states.shape[-1]))
    known, added, step = visited[:0], [], run.step
    while len(added) < most and (not added or added[-1]):
        found = find_slow_points(step, draw_starts(visited, count, seed=seed + len(added)))
        images = torch.cat([known, found.states, -found.states])
        points = find_slow_points(step, images) if len(images) else found
        known, added = points.states, [*added, int(points.fixed.sum()) - sum(added)]
    return replace(points, starts=count * len(added)), added


@dataclass(frozen=True, eq=False)
class Resting:
    """Long-term behaviour of a network without input, for each output state."""

    corners: np.ndarray  # (8, channels) the output states
    found: np.ndarray  # (8,) whether the outputs keep this state without input
    amplitudes: np.ndarray  # (8,) largest range of a neuron over the last steps: 0 at a fixed point
    centres: np.ndarray  # (8, hidden) mean state over the last steps
    orbits: np.ndarray  # (8, steps, hidden) the last steps


def find_resting(run: FlipFlopRun, settle: int = 2000, watch: int = 240) -> Resting:
    """Run a network without input from each output state, and record ``watch`` steps after ``settle``. Source: mem Sec. 4."""
    corners = np.array(list(product((-1, 1), repeat=run.task.channels)))
    starts = np.array([run.find_rest(corner)[0] for corner in corners])
    moved, outputs = _run_alone(run.weights, starts, settle + watch)
    orbits = moved[settle:].swapaxes(0, 1)
    found = (outputs[settle:] * corners > 0).all((0, 2))
    return Resting(corners, found, np.ptp(orbits, axis=1).max(1), orbits.mean(1), orbits)


def _project(resting: Resting, states: np.ndarray) -> np.ndarray:
    """Return the coordinates of states (..., hidden) along the first three principal components of the eight centres."""
    mean = resting.centres.mean(0)
    return (states - mean) @ np.linalg.svd(resting.centres - mean, full_matrices=False)[2][:3].T


def fit_cube(resting: Resting) -> float:
    """Return R^2 of an affine map from a cube's corners to the eight centres, in three components. Source: mem Fig. 2."""
    values = _project(resting, resting.centres)
    rest = values - _predict(resting.corners, values, resting.corners)[1]
    return float(1 - (rest**2).sum() / (values**2).sum())


def read_cube(resting: Resting, states: np.ndarray) -> np.ndarray:
    """Return coordinates (..., channels) of states (..., hidden) on the cube of the centres: -1 and 1 at its corners."""
    values = _project(resting, states)
    flat = values.reshape(-1, values.shape[-1])
    return _predict(_project(resting, resting.centres), resting.corners, flat)[1].reshape(*values.shape[:-1], -1)


def compare_corners(first: Resting, second: Resting) -> tuple[float, float, float, float]:
    """Rotate the second network's centres onto the first's: R^2, R^2 with scaling, the second's size over the first's, and
    the share of 1,000 random orders of the second's corners whose R^2 with scaling reaches .9. Source: mem Sec. 4."""
    here, there = (_project(resting, resting.centres) for resting in (first, second))
    size, rng = np.linalg.norm(there) / np.linalg.norm(here), np.random.default_rng(0)
    sums = [orthogonal_procrustes(order, here)[1] for order in (there, *(rng.permutation(there) for _ in range(1000)))]
    shape, *shuffled = np.array(sums) / np.linalg.norm(there) / np.linalg.norm(here)
    chance = np.mean(np.square(shuffled) >= 0.9)
    return float(2 * size * shape - size**2), float(shape**2), float(size), float(chance)


def measure_overshoot(run: FlipFlopRun, resting: Resting) -> tuple[float, float, float, float, float]:
    """Send 200 resting states a pulse that switches or repeats a channel's sign. Return the overshoot of each beyond the final
    cube coordinate; the coordinate on a switch's own step, and the share of outputs then at or beyond the final value; and, of
    weaker switches whose output then is below it, the share that is more than 1% below. Source: mem Sec. 4."""
    rng, due, seen = np.random.default_rng(0), run.task.delay, []
    picked = tuple(rng.permutation(np.argwhere(run.mark_quiet()))[:200].T)
    each = np.arange(len(picked[0])), rng.integers(run.task.channels, size=len(picked[0]))
    signs = -run.signs[picked][each]
    for strength in (1.0, -1.0, 0.75, 0.5, 0.25):
        states, outputs = _run_alone(run.weights, run.states[picked], 60, each[1], strength * signs)
        seen.append([np.sign(strength) * part[:, *each] * signs for part in (read_cube(resting, states), outputs)])
    (place, output), (_, outputs) = seen[0], np.concatenate(seen[2:], 2)
    loops = [float((way[due : due + 10].max(0) - way[-10:].max(0)).mean()) for way, _ in seen[:2]]
    at_once = (output[0] >= output[-1]) & (output[-1] > 0)
    short = (outputs[0] < outputs[-1]) & (outputs[-1] > 0)
    visible = (short & (outputs[0] < 0.99 * outputs[-1])).sum() / max(1, short.sum())
    return *loops, float(place[0].mean()), float(at_once.mean()), float(visible)


@torch.no_grad()
def follow_boundaries(run: FlipFlopRun, resting: Resting, steps: int = 150) -> tuple[float, float]:
    """Bisect lines between states scattered about neighbouring corners down to the basin boundary. Return the share of these
    points, and of the lines' ends, that pass within .01 edges of a saddle with one unstable direction when run without input."""
    pairs = [pair for pair in product(range(8), repeat=2) if np.ptp(resting.corners[list(pair)], 0).sum() == 2]
    ends = torch.from_numpy(resting.centres[np.transpose(pairs)])
    edges, points = (ends[1] - ends[0]).norm(dim=1), find_slow_points(run.step, ends.mean(0))
    noise = torch.randn(2, *ends.shape, generator=torch.Generator().manual_seed(0), dtype=ends.dtype)
    scattered = ends + 0.1 * edges[:, None] * noise / noise.norm(dim=3, keepdim=True)

    def follow(states: torch.Tensor) -> list[torch.Tensor]:
        return [states := run.step(states) for _ in range(steps)]

    lower, upper = first, last = scattered.transpose(0, 1).flatten(1, 2)
    home, away = follow(first)[-1], follow(last)[-1]
    for _ in range(45):
        middle = (lower + upper) / 2
        came = follow(middle)[-1]
        same = ((came - home).norm(dim=1) < (came - away).norm(dim=1))[:, None]
        lower, upper = torch.where(same, middle, lower), torch.where(same, upper, middle)
    saddles = points.states[points.fixed & (points.unstable == 1)]
    near = [torch.cdist(states, saddles) < 0.01 * edges.repeat(2)[:, None] for states in follow(torch.stack([lower, first]))]
    return tuple(torch.stack(near).any(3).any(0).double().mean(1).tolist())


def describe_points(points: SlowPoints, run: FlipFlopRun, resting: Resting) -> dict[str, Any]:
    """Summarise slow points as a row of the table, without model, seed, batches and time."""
    unstable, fixed, states = points.unstable.numpy(), points.fixed.numpy(), points.states.numpy()
    outputs = np.tanh(states @ run.weights.readout.numpy().T)
    distances = np.linalg.norm(states - resting.centres[:, None], axis=2)
    distances[~(fixed & (outputs * resting.corners[:, None] > 0).all(2))] = np.inf
    near = [int(unstable[each.argmin()]) if np.isfinite(each).any() else -1 for each in distances]
    between = (np.abs(read_cube(resting, states)) < 0.5).sum(1)
    return {
        "delay": run.task.delay, "starts": points.starts, "fixed": int(fixed.sum()), "slow": int((~fixed).sum()),
        "counts": " ".join(map(str, points.counts)), "corner_unstable": " ".join(map(str, near)),
        "most_unstable_slow": None if fixed.all() else int(unstable[~fixed].max()),
        "corners": len({tuple(np.sign(out)) for out in outputs[fixed & (unstable == 0)]}),
        "misplaced": int((fixed & (between != unstable)).sum()),
    }  # fmt: skip


def record_points(networks: Path, path: Path, names: Sequence[str], say: Callable[[str], None] = print) -> None:
    """Find the slow points of the named networks in a folder that the table lacks, and add one row per network."""
    table = _open_points(path)
    for name in (name for name in names if (name,) not in table.read_keys()):
        weights, about = read_flip_flop(networks / f"{name}.safetensors")
        run = run_flip_flop_network(weights, FlipFlop(about["delay"], reading=about["reading"]))
        started = time.perf_counter()
        points, added = find_network_points(run, 600, most=20)
        row = describe_points(points, run, find_resting(run)) | {"model": name, "seed": about["seed"]}
        row |= {"batches": len(added), "added": added[-1], "seconds": round(time.perf_counter() - started, 1)}
        table.add([row], rank=lambda each: (int(each["delay"]), int(each["seed"])))
        say(f"{name}: {row['fixed']} fixed points with 0, 1, 2, ... unstable directions: {row['counts']}")


def read_points(path: Path | str) -> list[dict[str, Any]]:
    """Read a table of slow points: numbers as numbers, lists as lists, empty cells as None; no rows if there is no table."""
    rows = _open_points(Path(path)).read()
    return [row | {name: [int(part) for part in row[name].split()] for name in _LISTS} for row in rows]


def _find_change(before: Sequence[int], after: Sequence[int]) -> tuple[int, int]:
    """Return the channel in which two output states differ, and its new sign."""
    changed = np.flatnonzero(np.not_equal(before, after))
    require(len(changed) == 1, "the output states must differ in one channel")
    return int(changed[0]), after[changed[0]]


def average_switches(
    run: FlipFlopRun, before: Sequence[int] = _BEFORE, after: Sequence[int] = _AFTER, lead: int = 4, trail: int = 20
) -> tuple[np.ndarray, np.ndarray, int]:
    """Average states (lead + trail, hidden) and outputs around isolated switches, and count these. Source: mem Sec. 5, Fig. 3."""
    channel, sign = _find_change(before, after)
    # A pulse still in the delay line at the start of the segment would cause a transient in it.
    still = lead + run.task.delay + 2
    hits = (run.pulses[:, :, channel] == sign) & (np.abs(run.pulses).sum(2) == 1)
    hits[1:] &= (run.held[:-1] == before).all(2)
    hits[: max(run.warm, still)] = hits[len(hits) - trail + 1 :] = False
    alone = (at for at in np.argwhere(hits) if np.abs(run.pulses[at[0] - still : at[0] + trail, at[1]]).sum() == 1)
    places = [(slice(step - lead, step + trail), stream) for step, stream in alone]
    require(len(places) > 0, f"the run has no switch from {list(before)} to {list(after)}: make it longer")
    return *(np.mean([values[place] for place in places], 0) for values in (run.states, run.outputs)), len(places)


def send_switches(
    run: FlipFlopRun, before: Sequence[int] = _BEFORE, after: Sequence[int] = _AFTER, lead: int = 4, trail: int = 20,
    count: int = 400, seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """Average as :func:`average_switches` does, around switches evoked in at most ``count`` resting states."""
    channel, sign = _find_change(before, after)
    starts = np.random.default_rng(seed).permutation(run.find_rest(before))[:count]
    states, outputs = _run_alone(run.weights, starts, lead + trail, channel, sign, lead)
    return states.mean(1), outputs.mean(1), len(starts)


class DelayLine(NamedTuple):
    """A delay line in a network's state: position k stores the sign that each channel held k steps ago."""

    basis: np.ndarray  # (channels, depth, hidden): direction in the state of the sign at each position
    r2: np.ndarray  # (channels, depth) R^2 of the decoded sign, on held-out streams
    accuracy: np.ndarray  # (channels, depth) sign accuracy, on held-out streams
    encoded: float  # share of the states' variance that the positions explain, on held-out streams


def _predict(inputs: np.ndarray, targets: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit an affine map; return its matrix (inputs, targets) and its predictions for other inputs."""
    inputs, others = (np.c_[values, np.ones(len(values))] for values in (inputs, others))
    found = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    return found[:-1], others @ found


def fit_delay_line(run: FlipFlopRun) -> DelayLine:
    """Fit the delay line in a network's states by least squares on half of the streams; test it on the other half."""
    depth, channels = run.task.delay + 1, run.task.channels
    first, last, half = max(run.warm, depth), len(run.held), run.states.shape[1] // 2
    require(half > 0, "the delay line is fitted and tested on different streams: run at least two")
    # The signs held 0, 1, ... steps before each state.
    history = np.stack([run.held[first - age : last - age] for age in range(depth)], -1)
    parts = slice(None, half), slice(half, None)
    fitted, fresh = (history[:, part].reshape(-1, channels * depth) for part in parts)
    rows, others = (run.states[first:, part].reshape(-1, run.states.shape[-1]) for part in parts)
    (encoding, held), (_, read) = _predict(fitted, rows, fresh), _predict(rows, fitted, others)
    r2 = 1 - ((read - fresh) ** 2).sum(0) / ((fresh - fresh.mean(0)) ** 2).sum(0)
    encoded = 1 - ((held - others) ** 2).sum() / ((others - others.mean(0)) ** 2).sum()
    shape, right = (channels, depth), (read * fresh > 0).mean(0)
    return DelayLine(encoding.reshape(*shape, -1), r2.reshape(shape), right.reshape(shape), float(encoded))


class WrittenPulses(NamedTuple):
    """Results of writing pulses into states, by position: shares (channels, delay) of runs with all outputs correct."""

    success: np.ndarray
    early: np.ndarray  # control: the change is expected three steps too early; nan where fewer are left
    random: np.ndarray  # control: random directions of the same length
    sent: np.ndarray  # for comparison: pulses sent as inputs


def write_pulses(run: FlipFlopRun, line: DelayLine, count: int = 200, steps: int = 30, seed: int = 0) -> WrittenPulses:
    """Write a pulse of k steps ago into held-out resting states, and test whether the output changes when it is due.

    Positions 0 to k get the new sign: twice their basis vectors are added. The channel is not judged on its first two due steps."""
    require(run.task.delay > 0, "without a delay there is no position to write to")
    rng, half = np.random.default_rng(seed), run.states.shape[1] // 2
    quiet = np.argwhere(run.mark_quiet()[:, half:])
    picked = quiet[rng.choice(len(quiet), min(count, len(quiet)), replace=False)]
    states, signs = (values[picked[:, 0], half + picked[:, 1]] for values in (run.states, run.signs))

    def judge(starts: np.ndarray, channel: int, due: int) -> float:
        outputs = _run_alone(run.weights, starts, steps)[1]
        wanted = np.repeat(signs[None], steps, 0).astype(float)
        wanted[due:, :, channel] *= -1
        right = outputs * wanted > 0
        right[due : due + 2, :, channel] = True
        return float(right.all((0, 2)).mean())

    success, early, random, sent = found = np.zeros((4, run.task.channels, run.task.delay))
    for channel, age in np.ndindex(found.shape[1:]):
        change = -2 * signs[:, channel, None] * line.basis[channel, : age + 1].sum(0)
        other = rng.standard_normal(change.shape)
        other *= np.linalg.norm(change, axis=1, keepdims=True) / np.linalg.norm(other, axis=1, keepdims=True)
        # The first output judged is one step after the state, when the pulse is one step older.
        due, at = run.task.delay - age - 1, (channel, age)
        success[at] = judge(states + change, channel, due)
        early[at] = judge(states + change, channel, due - 3) if due >= 3 else np.nan
        random[at] = judge(states + other, channel, due)
        pushed = _run_alone(run.weights, states, age + 1, channel, -signs[:, channel])[0][-1]
        sent[at] = judge(pushed, channel, due)
    return WrittenPulses(*found)
