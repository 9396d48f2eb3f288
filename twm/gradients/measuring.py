"""Exact derivatives of what a network puts out by what it was given, in float64, in two ways that must agree.

Automatic differentiation gives the gradient of a cost. Products of Jacobians, written out, give the derivative of the
output itself, whatever the cost. The first is the slow, obvious twin of the second.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twm.errors import require, require_count
from twm.kernels import as_weights
from twm.networks import NONLINEARITIES, ElmanRNN


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
        network: a :class:`twm.networks.ElmanRNN`, or its matrices W_hh, W_uh, W_r, which may have a leading ``models`` axis.
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
