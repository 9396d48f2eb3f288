"""Waves in recorded activity: on a ring, in a 2-D spectrum, at which speed, and what can be read from them.

Activity is an array (time, neurons). Something that moves ``speed`` neurons a step without changing, g(x - speed t), has all
its power on the line f_t = -speed f_x of the plane of temporal and spatial frequencies; something that stands still has it on
f_t = 0. How much power lies near a line therefore tells how much of the activity moves at that speed.
"""

from typing import NamedTuple

import numpy as np

from twm.errors import require, require_count


def make_ring_matrix(neurons: int, courant: float) -> np.ndarray:
    """Return the discretised one-way wave on a ring: each neuron keeps 1 - courant and gets courant from the one below.

    Args:
        neurons: on the ring.
        courant: cells that the wave moves in a step, in (0, 1].

    Returns:
        (neurons, neurons), acting on columns. At courant 1 it is the shift.

    Raises:
        UserError: if a number is out of range.

    Source: wrnn Eq. (1), (2).
    """
    size = require_count(neurons, "neurons")
    require(0 < courant <= 1, f"courant must be in (0, 1], not {courant!r}")
    unit = np.eye(size)
    return (1 - courant) * unit + courant * np.roll(unit, 1, axis=0)


def convolve_ring(state: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve a state with a kernel around the ring, term by term.

    Args:
        state: (..., neurons).
        kernel: (taps,) with the weight of neuron x + tap - taps // 2 at place ``tap``, as torch writes it; odd.

    Returns:
        (..., neurons).

    Raises:
        UserError: if the kernel's length is even.

    Source: wrnn Eq. (3).
    """
    state, kernel = np.asarray(state, dtype=float), np.asarray(kernel, dtype=float)
    require(kernel.ndim == 1 and len(kernel) % 2 == 1, f"a kernel is a row of odd length, not of shape {kernel.shape}")
    reach = len(kernel) // 2
    # What stands at x + offset is brought to x by a roll the other way.
    return sum(weight * np.roll(state, reach - tap, axis=-1) for tap, weight in enumerate(kernel))


class OnsetReading(NamedTuple):
    """What a linear decoder reads from a state: shares of inputs whose onset and channel, or channel alone, are right.

    Attributes:
        both: onset and channel.
        channel: the channel alone.
        states: (channels, neurons), what a test sequence leaves; the first with two inputs into one channel, if there is one.
        inputs: (time, channels) of that sequence.
    """

    both: float
    channel: float
    states: np.ndarray
    inputs: np.ndarray


def read_onsets(
    moving: bool, channels: int = 3, steps: int = 12, events: int = 3, train: int = 600, test: int = 400, seed: int = 0
) -> OnsetReading:
    """Read from a state when and in which channel inputs came, by least squares.

    Each of a few inputs, at different times and in any channels, writes 1 to neuron 0 of its channel. On moving rings activity
    goes up by one neuron a step; otherwise it stays. After the sequence a linear map of the state, fitted on other sequences,
    scores every time and channel, and the highest scores are taken for the inputs.

    Args:
        moving: whether activity moves.
        channels: rings, each as long as a sequence.
        steps: length of a sequence.
        events: inputs in a sequence.
        train: sequences that the decoder is fitted on.
        test: other sequences.
        seed: of the sequences.

    Returns:
        the reading on the test sequences.

    Source: wrnn Fig. 1.
    """
    generator = np.random.default_rng(seed)
    count = train + test
    inputs = np.zeros((count, steps, channels))
    for sequence in inputs:
        times = generator.choice(steps, events, replace=False)
        sequence[times, generator.integers(0, channels, events)] = 1
    states = np.zeros((count, channels, steps))
    for time in range(steps):
        if moving:
            states = np.roll(states, 1, axis=-1)
        states[:, :, 0] += inputs[:, time]
    flat = np.concatenate([states.reshape(count, -1), np.ones((count, 1))], 1)
    wanted = inputs.reshape(count, -1)
    decoder = np.linalg.lstsq(flat[:train], wanted[:train], rcond=None)[0]
    scores = flat[train:] @ decoder
    # Equal scores are broken by chance, not by position.
    scores = scores + 1e-9 * generator.random(scores.shape)
    found = np.zeros_like(scores)
    np.put_along_axis(found, np.argsort(scores, axis=1)[:, -events:], 1, axis=1)
    both = float((found * wanted[train:]).sum() / wanted[train:].sum())
    per_channel, wanted_channel = (part.reshape(test, steps, channels).sum(1) for part in (found, wanted[train:]))
    channel = float(np.minimum(per_channel, wanted_channel).sum() / wanted_channel.sum())
    # Two inputs into one channel show best what is lost.
    shown = train + int(np.argmax(inputs[train:].sum(1).max(1) == 2))
    return OnsetReading(both, channel, states[shown], inputs[shown])


# ---- spectra


def measure_activity_spectrum(activity: np.ndarray, shuffles: int = 4, seed: int = 0) -> np.ndarray:
    """Measure the 2-D amplitude spectrum of activity, relative to that of the same numbers in random order.

    Args:
        activity: (time, neurons).
        shuffles: random orders, in time and space, whose spectra are averaged; 0 for no normalisation.
        seed: of the orders.

    Returns:
        (time, neurons), frequencies in the order of :func:`numpy.fft.fftfreq` on either axis.

    Raises:
        UserError: if the activity is not a matrix.

    Source: wrnn App. B "Figure 2".
    """
    activity = np.asarray(activity, dtype=float)
    require(activity.ndim == 2, f"activity must be (time, neurons), not of shape {activity.shape}")
    amplitude = np.abs(np.fft.fft2(activity))
    if not shuffles:
        return amplitude
    generator = np.random.default_rng(seed)
    flat = activity.reshape(-1)
    shuffled = [np.abs(np.fft.fft2(generator.permutation(flat).reshape(activity.shape))) for _ in range(shuffles)]
    level = np.mean(shuffled, axis=0)
    # The mean over everything is the same for every order, and says nothing of waves.
    level[0, 0] = max(level[0, 0], 1e-300)
    return amplitude / np.maximum(level, 1e-12 * level.max())


def measure_line_share(spectrum: np.ndarray, speed: float = 1.0, width: float = 0.03) -> float:
    """Measure which share of a spectrum's power lies near the line of one speed.

    What is the same everywhere is left out, and what changes more slowly than ``width``: near the origin all lines meet, so a
    slow drift would count for every speed.

    Args:
        spectrum: amplitudes (time, neurons) as :func:`measure_activity_spectrum` returns them.
        speed: neurons a step, positive upwards.
        width: half the width of the line in temporal frequency, cycles a step.

    Returns:
        between 0 and 1; without any structure about ``2 * width``.

    Raises:
        UserError: if the width is not positive.
    """
    require(0 < width < 0.5, f"width must be between 0 and 0.5 cycles a step, not {width!r}")
    power = np.asarray(spectrum, dtype=float) ** 2
    temporal, spatial = np.fft.fftfreq(power.shape[0])[:, None], np.fft.fftfreq(power.shape[1])[None]
    distance = np.abs((temporal + speed * spatial + 0.5) % 1 - 0.5)
    counted = (np.abs(spatial) > 0) & (np.abs(temporal) > width)
    total = power[counted].sum()
    return float(power[counted & (distance <= width)].sum() / total) if total > 0 else 0.0


def measure_speed(activity: np.ndarray, speeds: np.ndarray | None = None, width: float = 0.015) -> tuple[float, float]:
    """Find the speed along whose line most power lies.

    Args:
        activity: (time, neurons).
        speeds: to choose from; by default from -2 to 2 in steps of 0.05, without what is slower than 0.1.
        width: of the line, see :func:`measure_line_share`.

    Returns:
        the speed in neurons a step, and the share of power there; 0 for both where nothing moves.
    """
    if speeds is None:
        speeds = np.round(np.arange(-2.0, 2.001, 0.05), 2)
        speeds = speeds[np.abs(speeds) >= 0.1]
    spectrum = measure_activity_spectrum(activity, shuffles=0)
    shares = [measure_line_share(spectrum, speed, width) for speed in speeds]
    # On a short ring neighbouring lines share frequencies; the middle of those that are as good as the best is taken.
    best = max(shares)
    good = [speed for speed, share in zip(speeds, shares) if share >= 0.995 * best and share > 0]
    return (float(np.median(good)) if good else 0.0), float(best)


def sort_by_peak(activity: np.ndarray) -> np.ndarray:
    """Return activity (time, neurons) with neurons in the order of the time at which each is most active."""
    activity = np.asarray(activity)
    return activity[:, np.argsort(activity.argmax(0), kind="stable")]
