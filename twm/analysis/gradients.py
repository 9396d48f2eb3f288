"""Exact derivatives of what a network puts out by what it was given, in float64, in two ways that must agree.

Automatic differentiation gives the gradient of a cost. Products of Jacobians, written out, give the derivative of the
output itself, whatever the cost. The first is the slow, obvious twin of the second.

The two bounds of Sec. 4.3 with every constant measured, as printed and as corrected.

How fast gradients fall: slopes with intervals, and the laws for waves behind a tanh.

Random networks on which the bounds are tried, and the count of those that break them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twm.errors import require, require_count
from twm.models.elman import NONLINEARITIES, ElmanRNN
from twm.models.weights import Weights, as_weights
from twm.theory.operators import make_cycle


@dataclass(frozen=True, eq=False)
class GradientTrace:
    """The gradient of a cost by everything before it.

    The cost is C = |y(step) - target|^2 / 2 for each sequence. An ensemble's arrays have a leading ``models`` axis.

    Attributes:
        by_input: (..., time, batch, dim), dC/dx(1) to dC/dx(time).
        by_state: (..., step, batch, hidden), dC/dh(1) to dC/dh(step).
        slopes: (..., step, batch, hidden), the activation's derivative at each step: the diagonal of its Jacobian.
        cost: (..., batch).

    Source: twm Eq. (10)-(12).
    """

    by_input: np.ndarray
    by_state: np.ndarray
    slopes: np.ndarray
    cost: np.ndarray

    @property
    def step(self) -> int:
        """Step of the cost, counted from 1."""
        return self.by_state.shape[-3]

    @property
    def distances(self) -> np.ndarray:
        """(time,) steps of the recurrent matrix between each input and the cost: step - 1 for the first input."""
        return self.step - 1 - np.arange(self.by_input.shape[-3])

    @property
    def input_norms(self) -> np.ndarray:
        """(..., time, batch) lengths of the gradients by the inputs."""
        return np.linalg.norm(self.by_input, axis=-1)

    @property
    def state_norms(self) -> np.ndarray:
        """(..., step, batch) lengths of the gradients by the states."""
        return np.linalg.norm(self.by_state, axis=-1)


@dataclass(frozen=True, eq=False)
class _Recurrence:
    """A network's matrices in float64, and its activation."""

    recurrent: Tensor
    encoder: Tensor
    readout: Tensor
    bias: Tensor
    nonlinearity: str

    def run(self, inputs: Tensor, step: int) -> list[Tensor]:
        """Return the states of steps 1 to ``step``, each (..., batch, hidden)."""
        state = inputs.new_zeros((*inputs.shape[:-3], inputs.shape[-2], self.recurrent.shape[-1]))
        states = []
        for place in range(step):
            drive = state @ self.recurrent.mT + self.bias[..., None, :]
            if place < inputs.shape[-3]:
                drive = drive + inputs[..., place, :, :] @ self.encoder.mT
            state = NONLINEARITIES[self.nonlinearity](drive)
            states.append(state)
        return states

    def slope(self, state: Tensor) -> Tensor:
        """Return the activation's derivative at the drive that led to ``state``."""
        if self.nonlinearity == "tanh":
            # From the state, as automatic differentiation takes it: a second tanh would differ in the last bit, which is
            # much of what is left where the activation saturates.
            return 1 - state * state
        return torch.ones_like(state) if self.nonlinearity == "linear" else (state > 0).to(state.dtype)


def measure_gradients(
    network: Any,
    inputs: Any,
    targets: Any,
    step: int | None = None,
    nonlinearity: str | None = None,
    bias: Any = None,
) -> GradientTrace:
    """Measure the gradient of the cost at one step by every input and every state before it.

    Args:
        network: a :class:`twm.models.elman.ElmanRNN`, or its matrices W_hh, W_uh, W_r, which may have a leading ``models`` axis.
        inputs: x(1) to x(s), (..., time, batch, dim); with a ``models`` axis where the matrices have one.
        targets: what y should be at that step, (..., batch, dim).
        step: of the cost, counted from 1, not before the last input; the first of the output phase, s + 1, if not given.
        nonlinearity: ``tanh``, ``linear`` or ``relu``; that of the network, or tanh for bare matrices, if not given.
        bias: (..., hidden) for bare matrices; none if not given.

    Returns:
        the gradients, in float64, by automatic differentiation.

    Raises:
        UserError: if there are fewer than two inputs, or shapes, step or name do not fit.

    Source: twm Eq. (10)-(12).
    """
    recurrence, inputs, step = _prepare(network, inputs, step, nonlinearity, bias)
    targets = torch.as_tensor(targets, dtype=torch.float64)
    expected = (*inputs.shape[:-3], *inputs.shape[-2:])
    require(tuple(targets.shape) == expected, f"targets must be of shape {expected}, not {tuple(targets.shape)}")
    inputs = inputs.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        states = recurrence.run(inputs, step)
        cost = ((states[-1] @ recurrence.readout.mT - targets) ** 2).sum(-1) / 2
        # Sequences and models do not meet, so the gradient of the sum is that of each.
        by_input, *by_state = torch.autograd.grad(cost.sum(), [inputs, *states])
    slopes = torch.stack([recurrence.slope(state) for state in states], dim=-3)
    arrays = (by_input, torch.stack(by_state, dim=-3), slopes, cost)
    return GradientTrace(*(array.detach().numpy() for array in arrays))


def measure_jacobians(
    network: Any,
    inputs: Any,
    step: int | None = None,
    nonlinearity: str | None = None,
    bias: Any = None,
    readout: Any = None,
) -> np.ndarray:
    """Measure the derivative of the output at one step by every input, as a product of Jacobians.

    Args:
        network, inputs, step, nonlinearity, bias: as for :func:`measure_gradients`.
        readout: (..., rows, hidden), what is read of the state in place of W_r; the identity gives the derivative of the
            state itself.

    Returns:
        (..., time, batch, rows, dim) float64: dy(step)/dx(1) to dy(step)/dx(time).

    Raises:
        UserError: as :func:`measure_gradients`.

    Source: twm Eq. (11)-(12), with the activation's Jacobian also at the step at which the input enters.
    """
    recurrence, inputs, step = _prepare(network, inputs, step, nonlinearity, bias)
    hidden, time = recurrence.recurrent.shape[-1], inputs.shape[-3]
    rows = recurrence.readout if readout is None else torch.as_tensor(readout, dtype=torch.float64)
    fits = rows.ndim >= 2 and rows.shape[-1] == hidden
    require(fits, f"readout must be of shape (rows, {hidden}), not {tuple(rows.shape)}")
    with torch.no_grad():
        states = recurrence.run(inputs, step)
        # One matrix a sequence: (..., batch, rows, hidden).
        product = rows[..., None, :, :].expand(*inputs.shape[:-3], inputs.shape[-2], *rows.shape[-2:])
        found: list[Tensor] = []
        for place in range(step - 1, -1, -1):
            product = product * recurrence.slope(states[place])[..., None, :]
            if place < time:
                found.append(product @ recurrence.encoder[..., None, :, :])
            product = product @ recurrence.recurrent[..., None, :, :]
    return torch.stack(found[::-1], dim=-4).numpy()


def track_first_input(
    network: Any, inputs: Any, step: int | None = None, nonlinearity: str | None = None, bias: Any = None
) -> np.ndarray:
    """Follow what the first input leaves in the state, step by step, in one pass forward.

    Args:
        network, inputs, step, nonlinearity, bias: as for :func:`measure_gradients`.

    Returns:
        (..., step, batch, hidden, dim) float64: dh(1)/dx(1) to dh(step)/dx(1), at distances 0 to step - 1.

    Raises:
        UserError: as :func:`measure_gradients`.
    """
    recurrence, inputs, step = _prepare(network, inputs, step, nonlinearity, bias)
    with torch.no_grad():
        states = recurrence.run(inputs, step)
        left = recurrence.encoder[..., None, :, :]
        found: list[Tensor] = []
        for state in states:
            if found:
                left = recurrence.recurrent[..., None, :, :] @ left
            left = recurrence.slope(state)[..., None] * left
            found.append(left)
    return torch.stack(found, dim=-4).numpy()


def run_states(
    network: Any, inputs: Any, step: int | None = None, nonlinearity: str | None = None, bias: Any = None
) -> np.ndarray:
    """Run a network in float64.

    Args:
        network, inputs, step, nonlinearity, bias: as for :func:`measure_gradients`.

    Returns:
        (..., step, batch, hidden): h(1) to h(step).

    Raises:
        UserError: as :func:`measure_gradients`.
    """
    recurrence, inputs, step = _prepare(network, inputs, step, nonlinearity, bias)
    with torch.no_grad():
        return torch.stack(recurrence.run(inputs, step), dim=-3).numpy()


def _prepare(
    network: Any, inputs: Any, step: int | None, nonlinearity: str | None, bias: Any
) -> tuple[_Recurrence, Tensor, int]:
    if isinstance(network, ElmanRNN):
        require(nonlinearity is None and bias is None, "a network brings its own activation and bias: leave them out")
        nonlinearity, bias = network.nonlinearity, network.bias_hh_l0
        network = network.get_matrices()
    nonlinearity = "tanh" if nonlinearity is None else nonlinearity
    known = nonlinearity in NONLINEARITIES
    require(known, f"nonlinearity must be one of {', '.join(NONLINEARITIES)}, not {nonlinearity!r}")
    weights = [torch.as_tensor(matrix).detach().to("cpu", torch.float64) for matrix in as_weights(network)]
    recurrent, encoder, readout = weights
    hidden, dim, models = recurrent.shape[-1], encoder.shape[-1], tuple(recurrent.shape[:-2])
    inputs = torch.as_tensor(inputs).detach().to("cpu", torch.float64)
    fits = inputs.ndim == 3 + len(models) and tuple(inputs.shape[:-3]) == models and inputs.shape[-1] == dim
    shape = ", ".join([*map(str, models), "time", "batch", str(dim)])
    require(fits and 0 not in inputs.shape, f"inputs must be of shape ({shape}), not {tuple(inputs.shape)}")
    time = inputs.shape[-3]
    require(time >= 2, f"a distance needs at least two inputs, s >= 2, not {time}")
    step = time + 1 if step is None else require_count(step, "step")
    require(step >= time, f"step must be at least that of the last input, {time}, not {step}")
    bias = torch.zeros((*models, hidden)) if bias is None else torch.as_tensor(bias).detach()
    expected = (*models, hidden)
    require(tuple(bias.shape) == expected, f"bias must be of shape {expected}, not {tuple(bias.shape)}")
    return _Recurrence(recurrent, encoder, readout, bias.to("cpu", torch.float64), nonlinearity), inputs, step


#: Forms of the bound without waves, and what each says.
BOUNDS = {
    "corrected": "|dC/dh(s+1)| mu^n |W_uh|: Eq. (16) from the step of the cost",
    "measured": "the same times the largest slope of the activation at each step on the way",
    "before": "|dC/dh(s)| mu^(n-1) |W_uh|: from one step before the cost, with one factor less",
    "printed": "|dC/dh(s)| mu^n |W_uh|: Eq. (16) as printed, which mixes the two",
}
#: Forms of the bound with waves: what stands for the derivative of the wave by the input.
WAVE_CONSTANTS = {
    "operator": "|Psi_k|, the operator norm of the columns that hold the input",
    "frobenius": "their Frobenius norm, sqrt(d) for unit vectors",
    "printed": "d, as printed in Eq. (19)",
}


@dataclass(frozen=True, eq=False)
class NetworkConstants:
    """What the bounds ask of a network; scalars, or (models,) for an ensemble.

    Attributes:
        norm: mu, the operator norm of W_hh.
        radius: rho, its spectral radius.
        encoder_norm: operator norm of W_uh.
    """

    norm: np.ndarray
    radius: np.ndarray
    encoder_norm: np.ndarray


def measure_constants(network: Any) -> NetworkConstants:
    """Measure the constants of a network.

    Args:
        network: a :class:`twm.models.elman.ElmanRNN`, or its three matrices, which may have a leading ``models`` axis.

    Returns:
        norm, spectral radius and norm of the encoder.

    Raises:
        UserError: if the matrices do not fit together or are not finite.

    Source: twm Eq. (15)-(16).
    """
    recurrent, encoder, _ = _find_matrices(network)
    finite = np.isfinite(recurrent).all() and np.isfinite(encoder).all()
    require(bool(finite), "the weights must be finite: there are NaN or infinite ones")
    return NetworkConstants(
        np.linalg.norm(recurrent, 2, axis=(-2, -1)),
        np.abs(np.linalg.eigvals(recurrent)).max(-1),
        np.linalg.norm(encoder, 2, axis=(-2, -1)),
    )


def bound_gradients(trace: GradientTrace, network: Any) -> dict[str, np.ndarray]:
    """Work out every form of the bound without waves.

    Each step back multiplies the gradient's length by at most the largest slope of the activation, which is at most one,
    and by at most mu; the encoder adds a last factor.

    Args:
        trace: of the network, see :func:`twm.analysis.gradients.measure_gradients`.
        network: the same network or matrices.

    Returns:
        by the names of :data:`BOUNDS`, (..., time, batch): bounds on ``trace.input_norms``. ``before`` and ``printed`` need
        a step between input and cost; where there is none they are infinite.

    Raises:
        UserError: as :func:`measure_constants`.

    Source: twm Eq. (13)-(16), with |dC/dh(s+1)| in place of |dC/dh(s)|.
    """
    constants, norms = measure_constants(network), trace.state_norms
    time = trace.by_input.shape[-3]
    distances = trace.distances[:, None]
    norm, encoder = constants.norm[..., None, None], constants.encoder_norm[..., None, None]
    last, before = norms[..., -1:, :], norms[..., -2:-1, :]
    # The slopes passed on the way are those from the input's own step up to the cost's.
    passed = np.cumprod(trace.slopes.max(-1)[..., ::-1, :], axis=-2)[..., ::-1, :][..., :time, :]
    corrected = last * norm**distances * encoder
    apart = distances > 0
    return {
        "corrected": corrected,
        "measured": corrected * passed,
        "before": np.where(apart, before * norm ** np.maximum(distances - 1, 0) * encoder, np.inf),
        "printed": np.where(apart, before * norm**distances * encoder, np.inf),
    }


def fit_columns(states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Find the columns Psi_1 to Psi_s in which a network holds its inputs at the end of the input phase.

    They make h(s) = sum_k Psi_k x(k) + epsilon with the least mean square of epsilon. In a network that carries the wave
    exactly, epsilon is zero and they are the basis.

    Args:
        states: h(s), (batch, hidden).
        inputs: x(1) to x(s), (time, batch, dim), of sequences that are at least as many as time*dim.

    Returns:
        (time, hidden, dim).

    Raises:
        UserError: if hidden is below time*dim, so that the columns could not be independent, if there are too few
            sequences, or their inputs are dependent.

    Source: twm Sec. 4.3, before Eq. (17).
    """
    states, inputs = np.asarray(states, dtype=float), np.asarray(inputs, dtype=float)
    fits = states.ndim == 2 and inputs.ndim == 3 and states.shape[0] == inputs.shape[1]
    require(fits, f"states (batch, hidden) and inputs (time, batch, dim) do not fit: {states.shape} and {inputs.shape}")
    time, batch, dim = inputs.shape
    hidden, size = states.shape[1], time * dim
    require(
        hidden >= size, f"hidden must be at least history*dim = {size}, not {hidden}: the columns would be dependent"
    )
    require(batch >= size, f"{size} components need at least as many sequences, not {batch}")
    rows = inputs.transpose(1, 0, 2).reshape(batch, size)
    found, _, rank, _ = np.linalg.lstsq(rows, states, rcond=None)
    require(rank == size, f"the inputs of the {batch} sequences are dependent: {rank} of {size} components differ")
    return found.reshape(time, dim, hidden).swapaxes(1, 2)


def bound_wave_gradients(
    trace: GradientTrace, network: Any, columns: np.ndarray, jacobians: np.ndarray
) -> dict[str, np.ndarray]:
    """Work out the bound with waves, with each of its three constants.

    The bound is |dC/dh(s+1)| mu (constant + |d epsilon/dx(k)|), where epsilon is all of h(s) that is not the wave. No power
    of mu is left, but whatever is wrong with the wave is in the last term, which is measured here and not assumed.

    Args:
        trace: of the cost one step after the last input.
        network: the same network or matrices.
        columns: Psi_1 to Psi_s, (..., time, hidden, dim).
        jacobians: dh(s)/dx(k), (..., time, batch, hidden, dim), see :func:`twm.analysis.gradients.measure_jacobians`.

    Returns:
        by the names of :data:`WAVE_CONSTANTS`, (..., time, batch): bounds on ``trace.input_norms``; and as ``epsilon`` the
        measured |d epsilon/dx(k)|, as ``wave`` the constant |Psi_k|, (..., time, 1). Only ``printed`` can be broken.

    Raises:
        UserError: if the cost is not one step after the last input, or the shapes do not fit.

    Source: twm Eq. (17)-(19), with the matrix Psi_1 in place of the sum of its columns.
    """
    time = trace.by_input.shape[-3]
    require(trace.step == time + 1, f"the cost must be one step after the last input, at {time + 1}, not {trace.step}")
    columns, jacobians = np.asarray(columns, dtype=float), np.asarray(jacobians, dtype=float)
    expected = (*jacobians.shape[:-3], *jacobians.shape[-2:])
    fits = columns.shape == expected and jacobians.shape[:-2] == trace.input_norms.shape
    require(fits, f"columns must be of shape {expected} (jacobians without batch), not {columns.shape}")
    norm, dim = measure_constants(network).norm[..., None, None], columns.shape[-1]
    epsilon = np.linalg.norm(jacobians - columns[..., None, :, :], 2, axis=(-2, -1))
    scale = trace.state_norms[..., -1:, :] * norm
    wave = np.linalg.norm(columns, 2, axis=(-2, -1))[..., None]
    length = np.linalg.norm(columns, "fro", axis=(-2, -1))[..., None]
    return {
        "operator": scale * (wave + epsilon),
        "frobenius": scale * (length + epsilon),
        "printed": scale * (dim + epsilon),
        "epsilon": epsilon,
        "wave": wave,
    }


def measure_wave_gradients(
    network: Any, inputs: Any, targets: Any, columns: np.ndarray
) -> tuple[GradientTrace, dict[str, np.ndarray]]:
    """Measure gradients at the first step of the output phase together with the bound with waves.

    Args:
        network: a :class:`twm.models.elman.ElmanRNN`, or the three matrices of one network with a tanh.
        inputs: x(1) to x(s), (time, batch, dim).
        targets: (batch, dim), for y(s+1).
        columns: Psi_1 to Psi_s, (time, hidden, dim), see :func:`fit_columns`.

    Returns:
        the gradients, and what :func:`bound_wave_gradients` returns for them.

    Raises:
        UserError: as the functions that it calls.
    """
    trace = measure_gradients(network, inputs, targets)
    time, hidden = trace.by_input.shape[0], trace.by_state.shape[-1]
    jacobians = measure_jacobians(network, inputs, step=time, readout=np.eye(hidden))
    return trace, bound_wave_gradients(trace, network, columns, jacobians)


def _find_matrices(network: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    matrices = network.get_matrices() if isinstance(network, ElmanRNN) else network
    return tuple(matrix.detach().double().cpu().numpy() for matrix in as_weights(matrices))


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
