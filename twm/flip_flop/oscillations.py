"""What turns in a flip-flop network: its spectrum, and the states around a switch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twm.errors import require, require_count
from twm.flip_flop.runs import FlipFlopRun, run_freely


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
