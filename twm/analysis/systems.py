"""Trained networks as dynamical systems: run from any state in float64, and linearised at a fixed point."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import root

from twm.errors import check_name, require, require_count
from twm.models.elman import NONLINEARITIES, run_steps
from twm.models.rings import SequenceNetwork

# Activations, and their derivatives as functions of the activation's value.
_ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "tanh": (np.tanh, lambda value: 1 - value**2),
    "linear": (lambda drive: drive, np.ones_like),
    "relu": (lambda drive: np.maximum(drive, 0), lambda value: (value > 0).astype(float)),
}


@dataclass(frozen=True, eq=False)
class ElmanSystem:
    """An Elman network, h(t) = g(W_hh h(t-1) + W_uh u(t) + b), y(t) = W_r h(t) + c. Source: twm Eq. (9), (10)."""

    recurrent: np.ndarray  # W_hh, (hidden, hidden)
    encoder: np.ndarray  # W_uh, (hidden, inputs); inputs that are not given are zero
    readout: np.ndarray  # W_r, (dim, hidden)
    bias: np.ndarray | None = None  # b, (hidden,); zero if not given
    offset: np.ndarray | None = None  # c, (dim,); zero if not given
    nonlinearity: str = "tanh"  # g: tanh, linear or relu
    start: np.ndarray | None = None  # h(0), (hidden,); zero if not given

    def __post_init__(self) -> None:
        check_name("nonlinearity", self.nonlinearity, _ACTIVATIONS)
        hidden, dim = len(self.recurrent), len(self.readout)
        shapes = {"recurrent": (hidden, hidden), "encoder": (hidden, self.inputs), "readout": (dim, hidden)}
        for name, shape in (shapes | {"bias": (hidden,), "offset": (dim,), "start": (hidden,)}).items():
            given = getattr(self, name)
            part = np.zeros(shape) if given is None else np.asarray(given, dtype=float)
            require(part.shape == shape, f"the network's {name} must be of shape {shape}, not {part.shape}")
            require(bool(np.isfinite(part).all()), f"the network's {name} has NaN or infinite entries")
            object.__setattr__(self, name, part)

    hidden = property(lambda self: len(self.recurrent))  # number of hidden neurons
    inputs = property(lambda self: np.shape(self.encoder)[-1])  # number of inputs
    dim = property(lambda self: len(self.readout))  # number of outputs

    @np.errstate(over="ignore", invalid="ignore")
    def step(self, states: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """Advance hidden states (..., hidden) by one step, with inputs (..., up to inputs) or none."""
        drive = states @ self.recurrent.T + self.bias
        pushed = 0 if inputs is None else inputs @ self.encoder[:, : inputs.shape[-1]].T
        return _ACTIVATIONS[self.nonlinearity][0](drive + pushed)

    def advance(self, states: torch.Tensor) -> torch.Tensor:
        """Advance hidden states (..., hidden) by one step without inputs, in torch."""
        return NONLINEARITIES[self.nonlinearity](states @ torch.tensor(self.recurrent.T) + torch.tensor(self.bias))

    def read(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs (..., dim) at hidden states (..., hidden)."""
        return states @ self.readout.T + self.offset

    def slope(self, states: np.ndarray) -> np.ndarray:
        """Return the activation's derivative where its value is ``states``, of the same shape."""
        return _ACTIVATIONS[self.nonlinearity][1](states)

    def run(self, state: np.ndarray, steps: int, inputs: np.ndarray | None = None) -> np.ndarray:
        """Return the states (time + steps, ..., hidden) from h(0) = ``state``: inputs (time, ..., dim) first, then none."""
        states = [np.asarray(state)]
        for feed in [*(() if inputs is None else inputs), *[None] * require_count(steps, "steps", least=0)]:
            states.append(self.step(states[-1], feed))
        return np.stack(states)[1:]

    def measure_jacobian(self, states: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """Return a step's mean Jacobian (hidden, hidden) over states (..., hidden), with inputs or none."""
        return self.slope(self.step(states, inputs)).reshape(-1, self.hidden).mean(0)[:, None] * self.recurrent


@dataclass(frozen=True, eq=False)
class Linearisation:
    """A network near a fixed point h*: h'(t+1) = J W_hh h'(t) + J W_uh u(t), h' = h - h*. Source: twm A.5 Eq. (41)-(43)."""

    recurrent: np.ndarray  # J W_hh, (hidden, hidden)
    encoder: np.ndarray  # J W_uh, (hidden, dim)
    readout: np.ndarray  # W_r, (dim, hidden); it reads h', and y* = W_r h* + c is added
    point: np.ndarray  # h*, (hidden,); zero at rest


def as_system(network: Any) -> ElmanSystem:
    """Return the float64 system of a module with ``get_matrices``, such as an ElmanRNN."""
    require(hasattr(network, "get_matrices"), f"an Elman network is needed, not {type(network).__name__}")
    bias = getattr(network, "bias_hh_l0", None)
    bias = None if bias is None else bias.detach().double().cpu().numpy()
    return ElmanSystem(*network.get_matrices(), bias, None, network.nonlinearity)


def find_fixed_point(system: ElmanSystem, start: np.ndarray | None = None) -> np.ndarray:
    """Find a fixed point h* = g(W_hh h* + b), stable or not, from a start (hidden,), by default 0. Source: twm A.5 Eq. (41)."""
    start = np.zeros(system.hidden) if start is None else start

    def slope(point: np.ndarray) -> np.ndarray:
        return system.slope(system.step(point))[:, None] * system.recurrent - np.eye(system.hidden)

    point = root(lambda point: system.step(point) - point, start, jac=slope, tol=1e-14).x
    # Powell's method stops where rounding hides its progress; one full Newton step removes the remaining error.
    point = point + np.linalg.lstsq(slope(point), point - system.step(point), rcond=None)[0]
    still = np.abs(system.step(point) - point).max()
    require(still <= 1e-10, f"no fixed point found: the state still moves by {still:.1e} per step; try another start")
    return point


def linearise_system(system: ElmanSystem, point: np.ndarray | None = None) -> Linearisation:
    """Linearise around a fixed point (hidden,), by default rest or, with a bias, one found from rest. Source: twm A.5."""
    if point is None:
        point = find_fixed_point(system) if system.bias.any() else np.zeros(system.hidden)
    value = system.step(point)
    still = np.abs(value - point).max()
    require(still <= 1e-6, f"the point is not a fixed point: the network moves it by {still:.1e}")
    J = system.slope(value)[:, None]
    return Linearisation(J * system.recurrent, J * system.encoder, system.readout, point)


class SequenceSystem:
    """A copy of a wave-RNN, identity RNN, LSTM or GRU in float64; an LSTM's cell states follow its hidden units."""

    def __init__(self, network: SequenceNetwork, start: np.ndarray | None = None) -> None:
        self.network = copy.deepcopy(network).double().requires_grad_(False)
        self.hidden, self.dim, self.inputs = network.carried, network.outputs, network.inputs
        self.start = np.zeros(self.hidden) if start is None else start  # (hidden,)
        self.advance = self.network.step  # advances states (batch, hidden) by one step without inputs, in torch
        for name, weight in self.network.named_parameters():
            require(bool(weight.isfinite().all()), f"the network's {name} has NaN or infinite entries")

    def run(self, state: np.ndarray, steps: int, inputs: np.ndarray | None = None) -> np.ndarray:
        """Return the states (time + steps, batch, hidden): inputs (time, batch, up to inputs) first, then none."""
        shown = np.zeros((0, len(state), self.inputs)) if inputs is None else inputs
        shown = np.pad(shown, ((0, 0), (0, 0), (0, self.inputs - shown.shape[-1])))
        steps = require_count(steps, "steps", least=0)
        return run_steps(self.network, _as_tensor(shown), _as_tensor(state), steps).numpy()

    def read(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs (..., dim) at states (..., hidden)."""
        return self.network.read(_as_tensor(states[..., : self.network.hidden])).numpy()

    def measure_jacobian(self, states: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """Return a step's mean Jacobian (hidden, hidden) over states (..., hidden), with inputs or none. Source: twm A.5."""
        flat, fed = (one if one is None else _as_tensor(one).reshape(-1, one.shape[-1]) for one in (states, inputs))
        return torch.autograd.functional.jacobian(lambda h: self.network.step(h, fed).mean(0), flat).sum(1).numpy()


#: A network that can be run from any state, as sampling, regression and interventions require.
StateSystem = ElmanSystem | SequenceSystem


def _as_tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float64))
