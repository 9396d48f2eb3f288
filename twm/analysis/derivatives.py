"""Exact derivatives of a network's outputs with respect to its inputs, by automatic differentiation and as products."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twm.errors import check_name, require, require_count
from twm.models.elman import NONLINEARITIES, ElmanRNN
from twm.models.kernels import as_weights


@dataclass(frozen=True, eq=False)
class GradientTrace:
    """Gradient of C = |y(step) - target|^2 / 2 with respect to inputs and states. Source: twm Eq. (10)-(12)."""

    by_input: np.ndarray  # (..., time, batch, dim), dC/dx(1) to dC/dx(time); for many models, ... is their axis
    by_state: np.ndarray  # (..., step, batch, hidden), dC/dh(1) to dC/dh(step)
    slopes: np.ndarray  # (..., step, batch, hidden), the activation's derivative at each step: its Jacobian's diagonal
    cost: np.ndarray  # (..., batch)

    @property
    def distances(self) -> np.ndarray:
        """(time,) number of recurrent steps between each input and the cost: step - 1 for the first input."""
        return self.by_state.shape[-3] - 1 - np.arange(self.by_input.shape[-3])

    @property
    def input_norms(self) -> np.ndarray:
        """(..., time, batch) norms of the gradients with respect to the inputs."""
        return np.linalg.norm(self.by_input, axis=-1)

    @property
    def state_norms(self) -> np.ndarray:
        """(..., step, batch) norms of the gradients with respect to the states."""
        return np.linalg.norm(self.by_state, axis=-1)


class _Recurrence:
    """A network's matrices in float64, its activation, and its inputs (..., time, batch, dim)."""

    def __init__(self, network: Any, inputs: Any, step: int | None, nonlinearity: str | None, bias: Any) -> None:
        if isinstance(network, ElmanRNN):
            told = "the network already has an activation and a bias: leave both arguments out"
            require(nonlinearity is None and bias is None, told)
            network, nonlinearity, bias = network.get_matrices(), network.nonlinearity, network.bias_hh_l0
        self.nonlinearity = nonlinearity or "tanh"
        check_name("nonlinearity", self.nonlinearity, NONLINEARITIES)
        self.W_hh, self.W_uh, self.W_r = (_as_tensor(matrix) for matrix in as_weights(network))
        (*models, hidden, dim), self.inputs = self.W_uh.shape, _as_tensor(inputs)
        expected, shape = (*models, hidden), self.inputs.shape
        fits = (*shape[:-3], *shape[-1:]) == (*models, dim) and len(shape) == 3 + len(models) and 0 not in shape
        names = ", ".join([*map(str, models), "time", "batch", str(dim)])
        require(fits, f"inputs must be of shape ({names}), not {tuple(shape)}")
        time = shape[-3]
        require(time >= 2, f"a distance needs at least two inputs, s >= 2, not {time}")
        self.last = time + 1 if step is None else require_count(step, "step")
        require(self.last >= time, f"step must be at least that of the last input, {time}, not {step}")
        self.bias = self.W_hh.new_zeros(expected) if bias is None else _as_tensor(bias)
        require(tuple(self.bias.shape) == expected, f"bias must be of shape {expected}, not {tuple(self.bias.shape)}")

    def run(self) -> list[Tensor]:
        """Return the states of steps 1 to ``last``, each (..., batch, hidden)."""
        state = self.inputs.new_zeros((*self.inputs.shape[:-3], self.inputs.shape[-2], self.W_hh.shape[-1]))
        states = []
        for place in range(self.last):
            drive = state @ self.W_hh.mT + self.bias[..., None, :]
            if place < self.inputs.shape[-3]:
                drive = drive + self.inputs[..., place, :, :] @ self.W_uh.mT
            state = NONLINEARITIES[self.nonlinearity](drive)
            states.append(state)
        return states

    def slope(self, state: Tensor) -> Tensor:
        """Return the activation's derivative at the drive that led to ``state``."""
        # From the state, as in autograd: a second tanh differs in the last bit, a large relative error at saturation.
        if self.nonlinearity == "tanh":
            return 1 - state * state
        return torch.ones_like(state) if self.nonlinearity == "linear" else (state > 0).to(state.dtype)


def _as_tensor(values: Any) -> Tensor:
    return torch.as_tensor(values).detach().to("cpu", torch.float64)


def measure_gradients(
    network: Any, inputs: Any, targets: Any, step: int | None = None, nonlinearity: str | None = None, bias: Any = None
) -> GradientTrace:
    """Compute the gradient of one step's cost with respect to all inputs and states up to it, by automatic differentiation.

    The network is an ElmanRNN, or W_hh, W_uh, W_r with a nonlinearity (by default tanh) and a bias (..., hidden). Inputs are
    (..., time, batch, dim), targets (..., batch, dim); the step is by default time + 1. Source: twm Eq. (10)-(12)."""
    net = _Recurrence(network, inputs, step, nonlinearity, bias)
    targets = torch.as_tensor(targets, dtype=torch.float64)
    expected = (*net.inputs.shape[:-3], *net.inputs.shape[-2:])
    require(tuple(targets.shape) == expected, f"targets must be of shape {expected}, not {tuple(targets.shape)}")
    net.inputs = net.inputs.clone().requires_grad_()
    with torch.enable_grad():
        states = net.run()
        cost = ((states[-1] @ net.W_r.mT - targets) ** 2).sum(-1) / 2
        # Sequences and models are independent, so the gradient of the summed cost contains that of each.
        by_input, *by_state = torch.autograd.grad(cost.sum(), [net.inputs, *states])
    slopes = torch.stack([net.slope(state) for state in states], dim=-3)
    return GradientTrace(*(array.detach().numpy() for array in (by_input, torch.stack(by_state, dim=-3), slopes, cost)))


@torch.no_grad()
def measure_jacobians(
    network: Any, inputs: Any, step: int | None = None, nonlinearity: str | None = None, bias: Any = None,
    readout: Any = None,
) -> np.ndarray:  # fmt: skip
    """Compute dy(step)/dx(1) to dy(step)/dx(time), (..., time, batch, rows, dim), as a product of Jacobians.

    A ``readout`` (..., rows, hidden) replaces W_r. Source: twm Eq. (11)-(12), corrected where the input enters."""
    net = _Recurrence(network, inputs, step, nonlinearity, bias)
    rows = net.W_r if readout is None else _as_tensor(readout)
    (*models, time, batch, _), hidden = net.inputs.shape, net.W_hh.shape[-1]
    require(rows.shape[-1] == hidden, f"readout must be of shape (rows, {hidden}), not {tuple(rows.shape)}")
    # One matrix per sequence: (..., batch, rows, hidden).
    product = rows[..., None, :, :].expand(*models, batch, *rows.shape[-2:])
    found: list[Tensor] = []
    for place, state in reversed(list(enumerate(net.run()))):
        product = product * net.slope(state)[..., None, :]
        if place < time:
            found.append(product @ net.W_uh[..., None, :, :])
        product = product @ net.W_hh[..., None, :, :]
    return torch.stack(found[::-1], dim=-4).numpy()


@torch.no_grad()
def track_first_input(
    network: Any, inputs: Any, step: int | None = None, nonlinearity: str | None = None, bias: Any = None
) -> np.ndarray:
    """Compute the effect of the first input in one pass: dh(1)/dx(1) to dh(step)/dx(1), (..., step, batch, hidden, dim)."""
    net = _Recurrence(network, inputs, step, nonlinearity, bias)
    left = net.W_uh[..., None, :, :]
    found: list[Tensor] = []
    for state in net.run():
        left = net.slope(state)[..., None] * (net.W_hh[..., None, :, :] @ left if found else left)
        found.append(left)
    return torch.stack(found, dim=-4).numpy()


@torch.no_grad()
def run_states(network: Any, inputs: Any, step: int | None = None) -> np.ndarray:
    """Run a network in float64; return h(1) to h(step), (..., step, batch, hidden)."""
    return torch.stack(_Recurrence(network, inputs, step, None, None).run(), dim=-3).numpy()
