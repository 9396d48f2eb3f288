"""Waves in recorded activity (time, neurons): on a ring, in a 2-D spectrum, their speed, and the information they carry.

Activity that moves ``speed`` neurons per step without changing has all its power on the line f_t = -speed f_x."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import subspace_angles

from twm.errors import require, require_count


def make_ring_matrix(neurons: int, courant: float) -> np.ndarray:
    """Make the one-way wave on a ring: weight 1 - c from a neuron to itself, c from the one below. Source: wrnn Eq. (1), (2)."""
    require(0 < courant <= 1, f"courant must be in (0, 1], not {courant!r}")
    unit = np.eye(require_count(neurons, "neurons"))
    return (1 - courant) * unit + courant * np.roll(unit, 1, axis=0)


def convolve_ring(state: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve (..., neurons) around the ring; weight ``tap`` is for neuron x + tap - taps // 2. Source: wrnn Eq. (3)."""
    kernel = np.asarray(kernel, dtype=float)
    require(kernel.ndim == 1 and len(kernel) % 2 == 1, f"a kernel is a row of odd length, not of shape {kernel.shape}")
    reach = len(kernel) // 2
    # A roll by -offset brings the value at x + offset to x.
    return sum(weight * np.roll(state, reach - tap, axis=-1) for tap, weight in enumerate(kernel))


class OnsetReading(NamedTuple):
    """Accuracies of a linear decoder of inputs from a state, as shares of all inputs, and an example."""

    both: float  # onset and channel are correct
    channel: float  # the channel is correct, whatever the onset
    states: np.ndarray  # (channels, neurons), after a test sequence, where possible one with two inputs in a channel
    inputs: np.ndarray  # (time, channels) of that sequence


def read_onsets(moving: bool, seed: int = 0) -> OnsetReading:
    """Decode the onsets and channels of inputs from a state by least squares, on held-out sequences.

    Each input writes 1 to neuron 0 of its channel's ring, where activity moves up by one neuron per step if ``moving``.
    The decoder's highest scores are taken as the inputs. Source: wrnn Fig. 1."""
    channels, steps, events, train, test = 3, 12, 3, 600, 400
    generator, count = np.random.default_rng(seed), train + test
    inputs = np.zeros((count, steps, channels))
    for sequence in inputs:
        times = generator.choice(steps, events, replace=False)
        sequence[times, generator.integers(0, channels, events)] = 1
    states = np.zeros((count, channels, steps))
    for time in range(steps):
        states = np.roll(states, 1, axis=-1) if moving else states
        states[:, :, 0] += inputs[:, time]
    flat = np.concatenate([states.reshape(count, -1), np.ones((count, 1))], 1)
    wanted = inputs.reshape(count, -1)
    scores = flat[train:] @ np.linalg.lstsq(flat[:train], wanted[:train], rcond=None)[0]
    # Ties are broken at random, not by position.
    scores = scores + 1e-9 * generator.random(scores.shape)
    found = np.zeros_like(scores)
    np.put_along_axis(found, np.argsort(scores, axis=1)[:, -events:], 1, axis=1)
    right = np.minimum(found, wanted[train:]).sum()
    by_channel = [part.reshape(test, steps, channels).sum(1) for part in (found, wanted[train:])]
    total = wanted[train:].sum()
    # Two inputs into one channel show the loss best.
    shown = train + int(np.argmax(inputs[train:].sum(1).max(1) == 2))
    both, channel = float(right / total), float(np.minimum(*by_channel).sum() / total)
    return OnsetReading(both, channel, states[shown], inputs[shown])


def measure_activity_spectrum(activity: np.ndarray, shuffles: int = 4, seed: int = 0) -> np.ndarray:
    """Compute the 2-D amplitude spectrum of (time, neurons), relative to its mean over ``shuffles`` random orders, if any,
    of the same numbers. Frequencies are in numpy's order on both axes. Source: wrnn App. B."""
    activity = np.asarray(activity, dtype=float)
    require(activity.ndim == 2, f"activity must be (time, neurons), not of shape {activity.shape}")
    amplitude = np.abs(np.fft.fft2(activity))
    if not shuffles:
        return amplitude
    generator, flat = np.random.default_rng(seed), activity.reshape(-1)
    orders = [generator.permutation(flat).reshape(activity.shape) for _ in range(shuffles)]
    level = np.mean([np.abs(np.fft.fft2(order)) for order in orders], axis=0)
    # For silent activity the level is zero.
    level[0, 0] = max(level[0, 0], 1e-300)
    return amplitude / np.maximum(level, 1e-12 * level.max())


def measure_line_share(spectrum: np.ndarray) -> float:
    """Compute the share of a spectrum's power within 0.03 cycles per step of the line of one neuron per step.

    Left out are temporal frequencies up to 0.03 and spatial frequency zero. Without structure the share is about 0.06."""
    power = np.asarray(spectrum, dtype=float) ** 2
    on_line, total = (power[_mark_line(power.shape, speed, 0.03)].sum() for speed in (1.0, None))
    return float(on_line / total) if total > 0 else 0.0


@lru_cache(maxsize=256)
def _mark_line(shape: tuple[int, int], speed: float | None, width: float) -> tuple[np.ndarray, ...]:
    """Return the indices of a spectrum of this shape that lie on the line of a speed, or without one all that count."""
    temporal, spatial = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None]
    distance = np.abs((temporal + (speed or 0.0) * spatial + 0.5) % 1 - 0.5)
    counted = (np.abs(spatial) > 0) & (np.abs(temporal) > width)
    return np.nonzero(counted if speed is None else counted & (distance <= width))


def measure_speed(activity: np.ndarray) -> tuple[float, float]:
    """Find the speed from -2 to 2 neurons per step whose line holds most power, and its share of power; 0, 0 in silence."""
    speeds = np.round(np.arange(-2.0, 2.001, 0.05), 2)
    speeds = speeds[np.abs(speeds) >= 0.1]
    power = measure_activity_spectrum(activity, shuffles=0) ** 2
    counted, *lines = (_mark_line(power.shape, speed, 0.015) for speed in (None, *speeds))
    shares = np.array([power[line].sum() for line in lines]) / (power[counted].sum() or 1.0)
    # On a short ring neighbouring lines share frequencies; take the median of the speeds that are as good as the best.
    good = speeds[(shares >= 0.995 * shares.max()) & (shares > 0)]
    return (float(np.median(good)) if len(good) else 0.0), float(shares.max())


def sort_by_peak(activity: np.ndarray) -> np.ndarray:
    """Return activity (time, neurons) with neurons sorted by the time of their peak."""
    activity = np.asarray(activity)
    return activity[:, np.argsort(activity.argmax(0), kind="stable")]


# ---- oscillations, real or apparent


class Oscillation(NamedTuple):
    """Principal components of a short trajectory, and their phase differences."""

    components: np.ndarray  # (steps, 9) values of the leading components
    axes: np.ndarray  # (9, hidden) their directions
    crossings: np.ndarray  # (9,) number of sign changes of each
    phases: np.ndarray  # (8,) differences of neighbours, 0 to 180 degrees, at the peak of their cross-spectrum
    frequencies: np.ndarray  # (8,) frequencies of these peaks, in cycles per step


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


def measure_tones(courses: np.ndarray, due: int) -> np.ndarray:
    """Return the largest share of each neuron's variance that one sinusoid, of a period within the course, explains in
    courses (steps, neurons), less their means before and from step ``due`` on. Source: mem Sec. 5, Fig. 3c."""
    rest = np.concatenate([part - part.mean(0) for part in np.split(courses, [due]) if len(part)])
    power = np.abs(np.fft.rfft(rest, 16 * len(rest), axis=0)[16:-16]) ** 2
    return 2 * power.max(0) / (len(rest) * np.maximum((rest**2).sum(0), 1e-12))


def make_travelling_step(delay: int, lead: int = 4) -> np.ndarray:
    """Return the trajectory of an ideal delay line that a new sign enters: (lead + 20, delay + 1) of -1 and 1."""
    return np.where(np.arange(-lead, 20)[:, None] >= np.arange(delay + 1), 1.0, -1.0)
