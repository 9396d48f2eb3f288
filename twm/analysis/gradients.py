"""Bounds on gradients (Sec. 4.3), printed and corrected, measured decay rates, and a search for violations."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from twm.analysis.derivatives import GradientTrace, measure_gradients, measure_jacobians
from twm.errors import require, require_count
from twm.models.elman import NONLINEARITIES, ElmanRNN
from twm.models.kernels import Weights, as_weights
from twm.theory.operators import make_cycle
from twm.training.estimates import Estimate, estimate_mean


class NetworkConstants(NamedTuple):
    """Constants of a network that the bounds use; scalars, or (models,) for an ensemble. Source: twm Eq. (15)-(16)."""

    norm: np.ndarray  # mu, the operator norm of W_hh
    radius: np.ndarray  # rho, its spectral radius
    encoder_norm: np.ndarray  # operator norm of W_uh


def measure_constants(network: Any) -> NetworkConstants:
    """Compute the norm and spectral radius of W_hh and the norm of W_uh, for an ElmanRNN or its three matrices."""
    matrices = network.get_matrices() if isinstance(network, ElmanRNN) else network
    recurrent, encoder, _ = (np.asarray(matrix, dtype=float) for matrix in as_weights(matrices))
    finite = np.isfinite(recurrent).all() and np.isfinite(encoder).all()
    require(bool(finite), "the weights must be finite: there are NaN or infinite ones")
    norm, encoder_norm = (np.linalg.norm(matrix, 2, axis=(-2, -1)) for matrix in (recurrent, encoder))
    return NetworkConstants(norm, np.abs(np.linalg.eigvals(recurrent)).max(-1), encoder_norm)


def bound_gradients(trace: GradientTrace, network: Any) -> dict[str, np.ndarray]:
    """Compute four forms of the bound without waves on ``trace.input_norms``, (..., time, batch).

    ``corrected`` is |dC/dh(s+1)| mu^n |W_uh|; ``measured`` the same times the largest slope at each step on the way;
    ``before`` |dC/dh(s)| mu^(n-1) |W_uh|; ``printed`` |dC/dh(s)| mu^n |W_uh|, which mixes the first and third. The last two
    are infinite where no step lies between input and cost. Source: twm Eq. (13)-(16)."""
    constants, norms, n = measure_constants(network), trace.state_norms, trace.distances[:, None]
    mu, encoder = constants.norm[..., None, None], constants.encoder_norm[..., None, None]
    last, before = norms[..., -1:, :], norms[..., -2:-1, :]
    # The slopes on the way are those from the input's own step to the step of the cost.
    passed = np.cumprod(trace.slopes.max(-1)[..., ::-1, :], axis=-2)[..., ::-1, :][..., : len(n), :]
    corrected = last * mu**n * encoder
    return {
        "corrected": corrected,
        "measured": corrected * passed,
        "before": np.where(n > 0, before * mu ** np.maximum(n - 1, 0) * encoder, np.inf),
        "printed": np.where(n > 0, before * mu**n * encoder, np.inf),
    }


def fit_columns(states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Fit h(s) = sum_k Psi_k x(k) + epsilon; return columns Psi_k (time, hidden, dim). Source: twm Sec. 4.3, Eq. (17)."""
    (time, batch, dim), hidden = inputs.shape, states.shape[1]
    size = time * dim
    require(hidden >= size, f"hidden must be at least history*dim = {size}, not {hidden}, or columns are dependent")
    found, _, rank, _ = np.linalg.lstsq(inputs.transpose(1, 0, 2).reshape(batch, size), states, rcond=None)
    require(rank == size, f"the inputs of the {batch} sequences are dependent: {rank} of {size} components differ")
    return found.reshape(time, dim, hidden).swapaxes(1, 2)


def measure_wave_gradients(
    network: Any, inputs: Any, targets: Any, columns: np.ndarray, nonlinearity: str | None = None, bias: Any = None
) -> tuple[GradientTrace, dict[str, np.ndarray]]:
    """Compute gradients one step after the last input, and three forms of the bound with waves, (..., time, batch).

    It is |dC/dh(s+1)| mu (constant + |d epsilon/dx(k)|), where epsilon is the part of h(s) that the columns Psi_k, (..., time,
    hidden, dim), do not explain. The constant is the ``operator`` or ``frobenius`` norm of Psi_k, or d as ``printed``; only the
    last bound can fail. The norm |d epsilon/dx(k)| is returned as ``epsilon``.
    Source: twm Eq. (17)-(19), with the matrix Psi_1 for the sum of its columns."""
    trace = measure_gradients(network, inputs, targets, None, nonlinearity, bias)
    (*models, time, _, dim), hidden = trace.by_input.shape, trace.by_state.shape[-1]
    Psi, expected = np.asarray(columns, dtype=float), (*models, time, hidden, dim)
    require(Psi.shape == expected, f"columns must be of shape {expected}, not {Psi.shape}")
    jacobians = measure_jacobians(network, inputs, time, nonlinearity, bias, np.eye(hidden))
    epsilon = np.linalg.norm(jacobians - Psi[..., None, :, :], 2, axis=(-2, -1))
    scale = trace.state_norms[..., -1:, :] * measure_constants(network).norm[..., None, None]
    wave, length = (np.linalg.norm(Psi, order, axis=(-2, -1))[..., None] for order in (2, "fro"))
    bounds = {"operator": wave, "frobenius": length, "printed": dim}
    return trace, {name: scale * (constant + epsilon) for name, constant in bounds.items()} | {"epsilon": epsilon}


def fit_slope(distances: Any, norms: Any) -> Estimate:
    """Return the mean slope per step of log norms, (n,) or (n, samples), over distances (n,), with Student's t interval."""
    distances, norms = np.asarray(distances, dtype=float), np.asarray(norms, dtype=float)
    norms = norms[:, None] if norms.ndim == 1 else norms
    fits = norms.ndim == 2 and len(distances) == len(norms)
    require(fits, f"distances (n,) and norms (n, samples) do not fit: {distances.shape} and {norms.shape}")
    count = norms.shape[1]
    least = 2 if count > 1 else 3
    different = len(np.unique(distances))
    require(different >= least, f"a slope needs at least {least} different distances, not {different}")
    positive = bool(((norms > 0) & np.isfinite(norms)).all())
    require(positive, "norms must be positive and finite: leave out zero gradients")
    samples = np.polyfit(distances, np.log(norms), 1)[0]
    if count > 1:
        return estimate_mean(samples)
    error = stats.linregress(distances, np.log(norms[:, 0])).stderr
    value, reach = float(samples[0]), float(error * stats.t.ppf(0.975, len(distances) - 2))
    return Estimate(value, value - reach, value + reach, count)


def predict_single_neuron(amplitude: float, passes: int) -> np.ndarray:
    """Return the fraction left of a gradient after 1 to ``passes`` tanhs, a(t) = tanh(a(t-1)), in one neuron. Source: ours."""
    states = [amplitude]
    for _ in range(require_count(passes, "passes")):
        states.append(np.tanh(states[-1]))
    return np.cumprod(1 - np.array(states[1:], dtype=float) ** 2)


def predict_mixed_neurons(amplitude: float, history: int) -> np.ndarray:
    """Return the fraction left of the first input's gradient after 1 to s + 1 tanhs, for a wave in a random basis.

    Each neuron's drive is then nearly Gaussian: a tanh scales a small change by the mean slope E[1 - tanh^2] and turns the
    variance into E[tanh^2]. Each step of the input phase adds amplitude^2/history. Source: ours."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    energies = [0.0]
    for place in range(require_count(history, "history") + 1):
        variance = energies[-1] + (amplitude**2 / history if place < history else 0.0)
        energies.append(float(weights @ np.tanh(np.sqrt(variance) * nodes) ** 2))
    return np.cumprod(1 - np.array(energies[1:]))


class CaseGroup(NamedTuple):
    """Networks of one size with their inputs and targets."""

    weights: Weights  # with a leading ``models`` axis
    inputs: np.ndarray  # (models, time, 1, dim)
    targets: np.ndarray  # (models, 1, dim)
    bias: np.ndarray  # (models, hidden)
    nonlinearity: str
    columns: np.ndarray | None  # (models, time, hidden, dim), of the waves that the networks were built from, if any


class Violations(NamedTuple):
    """Results of a search for violations; dictionaries by the bound's name."""

    cases: int  # number of networks tested
    largest: dict[str, float]  # the largest ratio of gradient to bound over all networks and inputs
    broken: dict[str, int]  # number of networks that violate the bound for at least one input
    broken_contracting: dict[str, int]  # the same among networks with mu below one
    contracting: int  # number of networks with mu below one


def draw_cases(count: int, seed: int, waves: bool = False, longest: float = 4.0) -> Iterator[CaseGroup]:
    """Draw small random networks, in groups of at most 50 of one size, with operator norms from 0.2 to 1.5.

    With ``waves``, closed waves are added, in bases of vectors with random directions and lengths from 1/4 to ``longest``."""
    count, seed = require_count(count, "count"), require_count(seed, "seed", 0)
    rng = np.random.default_rng([seed, int(waves)])
    for first in range(0, count, 50):
        models = min(50, count - first)
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
            basis *= rng.uniform(0.25, longest, (models, 1, history * dim)) / np.linalg.norm(basis, axis=1, keepdims=True)
            dual, noise = np.linalg.pinv(basis), 10 ** rng.uniform(-3, 0, (models, 1, 1))
            recurrent = basis @ make_cycle(history, dim) @ dual + noise * recurrent
            encoder, readout = basis[..., -dim:], dual[:, -dim:]
            columns = basis.reshape(models, hidden, history, dim).transpose(0, 2, 1, 3)
        inputs = strength[..., None] * rng.standard_normal((models, history, 1, dim))
        targets = rng.standard_normal((models, 1, dim))
        bias = 0.3 * rng.standard_normal((models, hidden)) * rng.integers(0, 2, (models, 1))
        yield CaseGroup(Weights(recurrent, encoder, readout), inputs, targets, bias, nonlinearity, columns)


def search_violations(count: int, seed: int, waves: bool = False, longest: float = 4.0) -> Violations:
    """Test bounds on random networks: without waves those of Eq. (16), with waves those of Eq. (19)."""
    names = ("operator", "frobenius", "printed") if waves else ("corrected", "measured", "before", "printed")
    below, ratios = [], []
    for group in draw_cases(count, seed, waves, longest):
        options = {"nonlinearity": group.nonlinearity, "bias": group.bias}
        if waves:
            trace, bounds = measure_wave_gradients(*group[:3], group.columns, **options)
        else:
            trace = measure_gradients(*group[:3], **options)
            bounds = bound_gradients(trace, group.weights)
        gradients, bounds = trace.input_norms, np.stack([bounds[name] for name in names])
        # A dead ReLU makes gradient and bound zero together; a gradient above a bound of zero is a violation.
        worse = np.where(gradients > 0, np.inf, 0.0) + np.zeros_like(bounds)
        ratios.append(np.divide(gradients, bounds, out=worse, where=bounds > 0).max((-2, -1)))
        below.append(measure_constants(group.weights).norm < 1)
    ratios, below = np.concatenate(ratios, axis=1), np.concatenate(below)
    broken = ratios > 1 + 1e-9  # A smaller excess is rounding.
    tables = (ratios.max(1), broken.sum(1), broken[:, below].sum(1))
    return Violations(count, *(dict(zip(names, values.tolist())) for values in tables), int(below.sum()))
