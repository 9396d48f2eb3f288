"""How fast gradients fall: slopes with intervals, and the laws for waves behind a tanh."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from twm.errors import require, require_count


@dataclass(frozen=True, eq=False)
class Slope:
    """How fast a length changes with distance.

    Attributes:
        value: mean change of the logarithm a step.
        low, high: 95% interval of the mean.
        samples: (n,) slope of each sample.
    """

    value: float
    low: float
    high: float
    samples: np.ndarray


def fit_slope(distances: Any, norms: Any) -> Slope:
    """Fit straight lines to the logarithm of lengths over distance.

    Args:
        distances: (n,) at least two different ones, or three for a single sample; the logarithm of the distances gives the
            exponent of a power law.
        norms: (n,) or (n, samples) positive lengths.

    Returns:
        the slope of each sample, and the mean's 95% interval by Student's t: over samples where there are several, otherwise
        from the scatter around the one line.

    Raises:
        UserError: if the shapes do not fit, there are too few distances, or a length is not positive and finite.
    """
    from scipy.stats import t as student

    distances, norms = np.asarray(distances, dtype=float), np.asarray(norms, dtype=float)
    norms = norms[:, None] if norms.ndim == 1 else norms
    fits = distances.ndim == 1 and norms.ndim == 2 and len(distances) == len(norms) and norms.shape[1] > 0
    require(fits, f"distances (n,) and norms (n, samples) do not fit: {distances.shape} and {norms.shape}")
    count, least = norms.shape[1], 2 if norms.shape[1] > 1 else 3
    enough = len(np.unique(distances)) >= least
    require(enough, f"a slope needs at least {least} different distances, not {len(np.unique(distances))}")
    positive = bool((np.isfinite(norms) & (norms > 0)).all())
    require(positive, "only positive finite lengths have a logarithm: leave out distances at which a gradient is zero")
    centred, logs = distances - distances.mean(), np.log(norms)
    samples = centred @ logs / (centred @ centred)
    value = float(samples.mean())
    if count > 1:
        error, freedom = float(samples.std(ddof=1)) / count**0.5, count - 1
    else:
        rest = logs[:, 0] - logs[:, 0].mean() - samples[0] * centred
        freedom = len(distances) - 2
        error = float(np.sqrt(rest @ rest / freedom / (centred @ centred)))
    reach = error * float(student.ppf(0.975, freedom))
    return Slope(value, value - reach, value + reach, samples)


def predict_single_neuron(amplitude: float, passes: int) -> np.ndarray:
    """Return what is left of a gradient when every number of the wave sits in a neuron of its own.

    The number goes from neuron to neuron, and each pass is a tanh: a(t) = tanh(a(t-1)). The gradient is the product of the
    slopes 1 - a(t)^2. Since 1/a^2 grows by 2/3 a step when a is small, a falls as t^(-1/2) and the gradient, the cube of
    a(t)/a(0), as t^(-3/2).

    Args:
        amplitude: the input, not zero for the law to set in.
        passes: number of activations passed, at least 1.

    Returns:
        (passes,) the gradient after 1, 2, ... activations.

    Raises:
        UserError: if passes is below 1.
    """
    state, left, found = float(amplitude), 1.0, []
    for _ in range(require_count(passes, "passes")):
        state = np.tanh(state)
        left *= 1 - state**2
        found.append(left)
    return np.array(found)


def predict_mixed_neurons(amplitude: float, history: int, passes: int | None = None) -> np.ndarray:
    """Return what is left of the first input's gradient when the wave is spread over many neurons at random.

    In a random orthonormal basis as large as the network each neuron's drive is a sum of many parts, so nearly Gaussian. A
    tanh with Gaussian drive of variance v passes a small change with the mean slope E[1 - tanh^2], and turns the variance v
    into E[tanh^2]. Input phase: each step adds the energy of one input, amplitude^2/history a neuron. All numbers share one
    fate here, where in single neurons each fades by itself.

    Args:
        amplitude: magnitude of every input component.
        history: number of columns.
        passes: number of activations passed; the s + 1 up to the first output of the output phase, if not given.

    Returns:
        (passes,) the gradient by the first input after 1, 2, ... activations.

    Raises:
        UserError: if a count is below 1.
    """
    history = require_count(history, "history")
    passes = history + 1 if passes is None else require_count(passes, "passes")
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    energy, left, found = 0.0, 1.0, []
    for place in range(passes):
        variance = energy + (amplitude**2 / history if place < history else 0.0)
        squares = np.tanh(np.sqrt(variance) * nodes) ** 2
        energy = float(weights @ squares)
        left *= 1 - energy
        found.append(left)
    return np.array(found)
