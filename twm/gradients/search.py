"""Random networks on which the bounds are tried, and the count of those that break them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from twm.errors import require, require_count
from twm.gradients.bounds import BOUNDS, WAVE_CONSTANTS, bound_gradients, bound_wave_gradients
from twm.gradients.measuring import measure_gradients, measure_jacobians
from twm.kernels import Weights
from twm.networks import NONLINEARITIES
from twm.operators import make_cycle

#: A ratio of gradient to bound above one by more than this is a violation; below it is rounding.
ROUNDING = 1e-9
_GROUP = 50


@dataclass(frozen=True, eq=False)
class CaseGroup:
    """Networks of one size with their inputs and targets.

    Attributes:
        weights: with a leading ``models`` axis.
        inputs: (models, time, 1, dim).
        targets: (models, 1, dim).
        bias: (models, hidden).
        nonlinearity: ``tanh``, ``linear`` or ``relu``.
        columns: (models, time, hidden, dim), the columns of the wave that a network was built on; ``None`` without one.
    """

    weights: Weights
    inputs: np.ndarray
    targets: np.ndarray
    bias: np.ndarray
    nonlinearity: str
    columns: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Violations:
    """What a search came to.

    Attributes:
        cases: networks tried.
        largest: by the bound's name, the largest ratio of gradient to bound over all networks and inputs.
        broken: by the bound's name, how many networks break it for at least one input.
        broken_contracting: the same among networks with mu below one.
        contracting: networks with mu below one.
    """

    cases: int
    largest: dict[str, float]
    broken: dict[str, int]
    broken_contracting: dict[str, int]
    contracting: int


def draw_cases(count: int, seed: int, waves: bool = False) -> Iterator[CaseGroup]:
    """Draw small random networks, in groups of one size.

    Sizes, activation, operator norm (0.2 to 1.5), bias and the strength of inputs are drawn. With ``waves`` the recurrent
    matrix is a closed wave in a random basis, whose vectors have lengths from 1/4 to 4 and any angles, plus noise.

    Args:
        count: how many networks.
        seed: the draw.
        waves: whether the networks are built on a wave.

    Yields:
        groups of at most 50 networks.

    Raises:
        UserError: if a number is out of range.
    """
    count, seed = require_count(count, "count"), require_count(seed, "seed", 0)
    rng = np.random.default_rng([seed, int(waves)])
    for first in range(0, count, _GROUP):
        models = min(_GROUP, count - first)
        history, dim, extra = int(rng.integers(2, 9)), int(rng.integers(1, 4)), int(rng.integers(0, 4))
        hidden = history * dim + extra if waves else int(rng.integers(1, 13))
        nonlinearity = sorted(NONLINEARITIES)[int(rng.integers(len(NONLINEARITIES)))]
        strength = 10 ** rng.uniform(-1.5, 0.5, (models, 1, 1))
        recurrent = rng.standard_normal((models, hidden, hidden))
        recurrent *= rng.uniform(0.2, 1.5, (models, 1, 1)) / np.linalg.norm(recurrent, 2, axis=(-2, -1), keepdims=True)
        encoder, readout = rng.standard_normal((models, hidden, dim)), rng.standard_normal((models, dim, hidden))
        columns = None
        if waves:
            basis = rng.standard_normal((models, hidden, history * dim))
            basis *= rng.uniform(0.25, 4, (models, 1, history * dim)) / np.linalg.norm(basis, axis=1, keepdims=True)
            dual, noise = np.linalg.pinv(basis), 10 ** rng.uniform(-3, 0, (models, 1, 1))
            recurrent = basis @ make_cycle(history, dim) @ dual + noise * recurrent
            encoder, readout = basis[..., -dim:], dual[:, -dim:]
            columns = basis.reshape(models, hidden, history, dim).transpose(0, 2, 1, 3)
        yield CaseGroup(
            Weights(recurrent, encoder, readout),
            strength[..., None] * rng.standard_normal((models, history, 1, dim)),
            rng.standard_normal((models, 1, dim)),
            0.3 * rng.standard_normal((models, hidden)) * rng.integers(0, 2, (models, 1)),
            nonlinearity,
            columns,
        )


def search_violations(count: int, seed: int, waves: bool = False) -> Violations:
    """Try the bounds on random networks: without waves those of Eq. (16), with waves those of Eq. (19).

    Args:
        count: how many networks.
        seed: the draw.
        waves: which networks, see :func:`draw_cases`, and which bounds.

    Returns:
        the largest ratios, and how many networks break each bound.

    Raises:
        UserError: if a number is out of range.
    """
    names = WAVE_CONSTANTS if waves else BOUNDS
    largest = dict.fromkeys(names, 0.0)
    broken, contracting_broken, contracting = dict.fromkeys(names, 0), dict.fromkeys(names, 0), 0
    for group in draw_cases(count, seed, waves):
        options = {"nonlinearity": group.nonlinearity, "bias": group.bias}
        trace = measure_gradients(group.weights, group.inputs, group.targets, **options)
        if waves:
            identity = np.tile(np.eye(group.bias.shape[1]), (len(group.bias), 1, 1))
            time = group.inputs.shape[1]
            states = measure_jacobians(group.weights, group.inputs, time, readout=identity, **options)
            bounds = bound_wave_gradients(trace, group.weights, group.columns, states)
        else:
            bounds = bound_gradients(trace, group.weights)
        below = np.linalg.norm(group.weights.recurrent, 2, axis=(-2, -1)) < 1
        contracting += int(below.sum())
        for name in names:
            worst = _divide(trace.input_norms, bounds[name]).max((-2, -1))
            largest[name] = max(largest[name], float(worst.max()))
            broken[name] += int((worst > 1 + ROUNDING).sum())
            contracting_broken[name] += int((worst > 1 + ROUNDING)[below].sum())
    return Violations(count, largest, broken, contracting_broken, contracting)


def _divide(gradients: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    require(bool((gradients >= 0).all() and (bounds >= 0).all()), "gradients and bounds are lengths, at least 0")
    # A dead ReLU makes gradient and bound zero together; a gradient above a bound of zero would be a violation.
    ratios = np.divide(gradients, bounds, out=np.zeros_like(gradients), where=bounds > 0)
    return np.where((bounds == 0) & (gradients > 0), np.inf, ratios)
