"""A flip-flop network at work and left alone: where it rests, what turns in it, and the line on which pulses travel."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.linalg import subspace_angles

from twm.analysis.fixed_points import SlowPoints, draw_starts, find_slow_points
from twm.errors import require, require_count
from twm.models.elman import read_network
from twm.models.kernels import Weights
from twm.records import Table
from twm.tasks.flip_flop import FlipFlop, delay_signs, draw_pulses
from twm.training.flip_flop import run_flip_flop

#: Table of slow points: fixed ones, other minima of q, how many fixed ones have 0, 1, 2, ... unstable directions, the most
#: of another, output states near which a stable one lies, unstable directions of the one nearest to rest at each of them.
POINT_TABLE = "flipflop_points.csv"
_COLUMNS = (
    "model", "delay", "seed", "starts", "fixed", "slow", "counts", "most_unstable_slow", "corners", "corner_unstable",
    "seconds",
)  # fmt: skip
_LISTS = ("counts", "corner_unstable")
_BEFORE, _AFTER = (-1, -1, -1), (-1, -1, 1)


def read_flip_flop(path: Path | str) -> tuple[Weights, dict[str, Any]]:
    """Read a network of the sweep, in float64, with its configuration."""
    network, about = read_network(path)
    require("delay" in about and "unfold" in about, f"{Path(path).name} is not a flip-flop network")
    return Weights(*(torch.as_tensor(matrix).double() for matrix in network.get_matrices())), about


@dataclass(frozen=True, eq=False)
class FlipFlopRun:
    """A network at work on streams it has not seen."""

    weights: Weights  # float64
    task: FlipFlop  # what was asked of it
    pulses: np.ndarray  # (steps, streams, channels)
    held: np.ndarray  # (steps, streams, channels) the sign of the last pulse, before any delay; 0 where there was none
    signs: np.ndarray  # (steps, streams, channels) the same, when due
    states: np.ndarray  # (steps, streams, hidden)
    outputs: np.ndarray  # (steps, streams, channels)
    warm: int = 200  # first step that counts

    def mark_quiet(self) -> np.ndarray:
        """Mark the states of rest: (steps, streams), no pulse on its way for three delays, at least for ten steps."""
        sent, back = np.abs(self.pulses).sum(2).cumsum(0), max(10, 3 * self.task.delay)
        quiet = (self.signs != 0).all(2) & (sent == np.roll(sent, back, axis=0))
        quiet[: max(self.warm, back)] = False
        return quiet

    def find_rest(self, corner: Sequence[int]) -> np.ndarray:
        """Return the states of rest (states, hidden) in one output state."""
        found = self.states[self.mark_quiet() & (self.signs == corner).all(2)]
        require(len(found) > 0, f"the run never rests in the output state {list(corner)}: make it longer")
        return found


def run_flip_flop_network(
    weights: Weights, task: FlipFlop, seed: int = 0, streams: int = 50, steps: int = 1000
) -> FlipFlopRun:
    """Run a network on fresh streams; 200 more steps pass before those that count."""
    pulses = draw_pulses(task, "test", seed, streams, 0, FlipFlopRun.warm + require_count(steps, "steps"))
    signs, run = delay_signs(pulses, task.delay), _run(weights, pulses, np.zeros((streams, len(weights.recurrent))))
    return FlipFlopRun(weights, task, pulses, delay_signs(pulses, 0), signs, *run)


@torch.no_grad()
def _run(weights: Weights, pulses: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    states, outputs = run_flip_flop(weights, *(torch.as_tensor(part).to(weights.recurrent) for part in (pulses, start)))
    return states.numpy(), outputs.numpy()


def _run_freely(weights: Weights, states: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Run a network without pulses from states (batch, hidden); return states and outputs (steps, batch, ...)."""
    return _run(weights, np.zeros((steps, len(states), weights.encoder.shape[1])), states)


def find_network_points(run: FlipFlopRun, count: int = 500, seed: int = 0) -> SlowPoints:
    """Find slow points without input and, as tanh is odd, their mirror images. Source: mem Sec. 2, Sec. 4, Fig. 6."""
    recurrent = run.weights.recurrent
    visited = torch.from_numpy(run.states[run.warm :].reshape(-1, len(recurrent)))

    def step(states: torch.Tensor) -> torch.Tensor:
        return torch.tanh(states @ recurrent.T)

    found = find_slow_points(step, draw_starts(visited, count, seed=seed))
    images = torch.cat([found.states, -found.states])
    return replace(find_slow_points(step, images), starts=found.starts) if len(images) else found


@dataclass(frozen=True, eq=False)
class Resting:
    """Where a network comes to rest for each of the output states."""

    corners: np.ndarray  # (8, channels) the output states
    found: np.ndarray  # (8,) whether the network says this output state when left alone
    amplitudes: np.ndarray  # (8,) largest swing of a neuron after a long time: 0 at a fixed point
    centres: np.ndarray  # (8, hidden) mean state there
    orbits: np.ndarray  # (8, steps, hidden) the last steps


def find_resting(run: FlipFlopRun, settle: int = 2000, watch: int = 240) -> Resting:
    """Leave a network alone in each output state, and see after some steps whether it stands still. Source: mem Sec. 4."""
    corners = np.array(list(product((-1, 1), repeat=run.task.channels)))
    starts = np.array([run.find_rest(corner)[0] for corner in corners])
    moved, outputs = _run_freely(run.weights, starts, settle + watch)
    orbits = moved[settle:].swapaxes(0, 1)
    found = (outputs[settle:] * corners > 0).all((0, 2))
    return Resting(corners, found, np.ptp(orbits, axis=1).max(1), orbits.mean(1), orbits)


def fit_cube(resting: Resting) -> float:
    """Return R^2 of the eight centres, in three components, as an affine image of a cube's corners. Source: mem Fig. 2."""
    centred = resting.centres - resting.centres.mean(0)
    values = centred @ np.linalg.svd(centred, full_matrices=False)[2][:3].T
    rest = values - _predict(resting.corners, values, resting.corners)[1]
    return float(1 - (rest**2).sum() / (values**2).sum())


def describe_points(points: SlowPoints, run: FlipFlopRun, resting: Resting) -> dict[str, Any]:
    """Summarise slow points as a row of the table, without model, seed and time."""
    unstable, fixed, states = points.unstable.numpy(), points.fixed.numpy(), points.states.numpy()
    outputs = np.tanh(states @ run.weights.readout.numpy().T)
    distances = np.linalg.norm(states - resting.centres[:, None], axis=2)
    distances[~(fixed & (outputs * resting.corners[:, None] > 0).all(2))] = np.inf
    near = [int(unstable[each.argmin()]) if np.isfinite(each).any() else -1 for each in distances]
    return {
        "delay": run.task.delay, "starts": points.starts, "fixed": int(fixed.sum()), "slow": int((~fixed).sum()),
        "counts": " ".join(map(str, points.counts)), "corner_unstable": " ".join(map(str, near)),
        "most_unstable_slow": None if fixed.all() else int(unstable[~fixed].max()),
        "corners": len({tuple(np.sign(out)) for out in outputs[fixed & (unstable == 0)]}),
    }  # fmt: skip


def record_points(networks: Path, path: Path, names: Sequence[str], say: Callable[[str], None] = print) -> None:
    """Find the slow points of named networks of a folder that are not in the table yet, and add a row each."""
    table = _open_points(path)
    for name in (name for name in names if (name,) not in table.read_keys()):
        weights, about = read_flip_flop(networks / f"{name}.safetensors")
        run = run_flip_flop_network(weights, FlipFlop(about["delay"], reading=about["reading"]))
        started = time.perf_counter()
        row = describe_points(find_network_points(run, 600), run, find_resting(run))
        row |= {"model": name, "seed": about["seed"], "seconds": round(time.perf_counter() - started, 1)}
        table.add([row], rank=lambda each: (int(each["delay"]), int(each["seed"])))
        say(f"{name}: {row['fixed']} fixed points with 0, 1, 2, ... unstable directions: {row['counts']}")


def read_points(path: Path | str) -> list[dict[str, Any]]:
    """Read a table of slow points: numbers as numbers, lists as lists, empty cells as None; no rows if there is no table."""
    rows = _open_points(path).read()
    return [row | {name: [int(part) for part in row[name].split()] for name in _LISTS} for row in rows]


def _open_points(path: Path | str) -> Table:
    return Table(Path(path), _COLUMNS, ("model", *_LISTS))


def split_spectrum(eigenvalues: np.ndarray, tolerance: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split a spectrum into what is outside the unit circle, nearly real and complex, and the rest. Source: mem Fig. 4."""
    outside, real = np.abs(eigenvalues) > 1, np.abs(eigenvalues.imag) <= tolerance * np.abs(eigenvalues)
    return eigenvalues[outside & real], eigenvalues[outside & ~real], eigenvalues[~outside]


def _find_change(before: Sequence[int], after: Sequence[int]) -> tuple[int, int]:
    """Return the channel in which two output states differ, and its new sign."""
    changed = np.flatnonzero(np.not_equal(before, after))
    require(len(changed) == 1, "the output states must differ in one channel")
    return int(changed[0]), after[changed[0]]


def average_switches(
    run: FlipFlopRun, before: Sequence[int] = _BEFORE, after: Sequence[int] = _AFTER, lead: int = 4, trail: int = 20
) -> tuple[np.ndarray, np.ndarray, int]:
    """Average states (lead + trail, hidden) and outputs around lone switches; say how many. Source: mem Sec. 5, Fig. 3."""
    channel, sign = _find_change(before, after)
    # What was on its way at the start of the segment would still be settling in it.
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
    """Average, as average_switches does, around switches made on purpose from at most ``count`` states of rest."""
    channel, sign = _find_change(before, after)
    starts = np.random.default_rng(seed).permutation(run.find_rest(before))[:count]
    earlier, said = _run_freely(run.weights, starts, lead)
    pushed = _push(run.weights, earlier[-1], channel, sign)
    later, answers = _run_freely(run.weights, pushed, trail - 1)
    states = np.concatenate([earlier, pushed[None], later]).mean(1)
    outputs = np.concatenate([said, np.tanh(pushed @ run.weights.readout.numpy().T)[None], answers]).mean(1)
    return states, outputs, len(starts)


def _push(weights: Weights, states: np.ndarray, channel: int, signs: Any, age: int = 0) -> np.ndarray:
    """Send a pulse to states (batch, hidden) and return the states ``age`` steps later."""
    recurrent, encoder = weights.recurrent.numpy(), weights.encoder.numpy()
    pushed = np.tanh(states @ recurrent.T + np.multiply.outer(signs, encoder[:, channel]))
    return _run_freely(weights, pushed, age)[0][-1] if age else pushed


class Oscillation(NamedTuple):
    """Principal components of a short trajectory, and how they turn."""

    components: np.ndarray  # (steps, 9) values of the leading components
    axes: np.ndarray  # (9, hidden) their directions
    crossings: np.ndarray  # (9,) how often each changes sign
    phases: np.ndarray  # (8,) degrees, 0 to 180, between neighbours, at the frequency that is strongest in both
    frequencies: np.ndarray  # (8,) of these pairs, in cycles a step


def analyse_oscillation(trajectory: np.ndarray, count: int = 9) -> Oscillation:
    """Compare the phases of neighbouring principal components of a trajectory (steps, hidden). Source: mem Fig. 3c."""
    left, sizes, axes = np.linalg.svd(trajectory - trajectory.mean(0), full_matrices=False)
    components = left[:, :count] * sizes[:count]
    signs = np.sign(np.where(np.abs(components) < 1e-9 * np.abs(components).max(), 1.0, components))
    window = np.hanning(len(components) + 2)[1:-1, None]
    spectra = np.fft.rfft((components - components.mean(0)) * window, 16 * len(components), axis=0)
    cross = spectra[:, :-1] * spectra[:, 1:].conj()
    peaks = np.abs(cross[1:]).argmax(0) + 1
    phases = np.abs(np.degrees(np.angle(cross[peaks, np.arange(len(peaks))])))
    crossings = (signs[1:] != signs[:-1]).sum(0)
    return Oscillation(components, axes[:count], crossings, phases, peaks / (16 * len(components)))


def measure_angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the principal angles, in degrees, largest first, between the spans of the rows of two matrices."""
    return np.degrees(subspace_angles(np.atleast_2d(first).T, np.atleast_2d(second).T))


def make_travelling_step(delay: int, lead: int = 4, trail: int = 20) -> np.ndarray:
    """Return the trajectory of a plain delay line when a new sign enters: (lead + trail, delay + 1) of -1 and 1."""
    return np.where(np.arange(-lead, trail)[:, None] >= np.arange(delay + 1), 1.0, -1.0)


class DelayLine(NamedTuple):
    """The positions of a delay line in a network's state: column k is what each channel held k steps ago."""

    basis: np.ndarray  # (channels, depth, hidden): what a sign at each position adds to the state
    r2: np.ndarray  # (channels, depth) share of a sign's variance that is read, on streams that were not fitted
    accuracy: np.ndarray  # (channels, depth) share of right signs there
    encoded: float  # share of the states' variance that the positions explain, likewise


def _predict(inputs: np.ndarray, targets: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit an affine map; return its matrix (inputs, targets), and what it gives for other inputs."""
    inputs, others = (np.c_[values, np.ones(len(values))] for values in (inputs, others))
    found = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    return found[:-1], others @ found


def fit_delay_line(run: FlipFlopRun) -> DelayLine:
    """Find the delay line in a network's states by least squares, on half of the streams; judge it on the others."""
    depth, channels = run.task.delay + 1, run.task.channels
    first, last, half = max(run.warm, depth), len(run.held), run.states.shape[1] // 2
    require(half > 0, "the delay line is judged on other streams than it is fitted on: run at least two")
    # The signs held 0, 1, ... steps ago, and the states beside them.
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
    """What came of pulses written into states by position: shares (channels, delay) with all outputs right from then on."""

    success: np.ndarray
    early: np.ndarray  # if the change is asked for three steps too early: a control; nan where it is due sooner
    random: np.ndarray  # with random directions of the same length: a control
    sent: np.ndarray  # for pulses that were sent, for comparison


def write_pulses(run: FlipFlopRun, line: DelayLine, count: int = 200, steps: int = 30, seed: int = 0) -> WrittenPulses:
    """Write a pulse of k steps ago into states of rest that were not fitted on: does the output change when it is due?

    Positions 0 to k hold the new sign: twice their basis vectors are added. Two steps more are granted for the change.
    """
    require(run.task.delay > 0, "without a delay there is no position to write to")
    rng, half = np.random.default_rng(seed), run.states.shape[1] // 2
    quiet = np.argwhere(run.mark_quiet()[:, half:])
    picked = quiet[rng.choice(len(quiet), min(count, len(quiet)), replace=False)]
    states, signs = (values[picked[:, 0], half + picked[:, 1]] for values in (run.states, run.signs))

    def judge(starts: np.ndarray, channel: int, due: int) -> float:
        outputs = _run_freely(run.weights, starts, steps)[1]
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
        # The first output that is watched is one step after the state, when the pulse is a step older.
        due, at = run.task.delay - age - 1, (channel, age)
        success[at] = judge(states + change, channel, due)
        early[at] = judge(states + change, channel, due - 3) if due >= 3 else np.nan
        random[at] = judge(states + other, channel, due)
        sent[at] = judge(_push(run.weights, states, channel, -signs[:, channel], age), channel, due)
    return WrittenPulses(*found)
