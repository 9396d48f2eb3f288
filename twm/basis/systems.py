"""What an analysis needs of a network: an Elman network in float64 with its linearisation, or anything that can be run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from twm.errors import UserError, require, require_count

#: Activations and their derivatives as functions of the activation's value.
_ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "tanh": (np.tanh, lambda value: 1 - value**2),
    "linear": (lambda drive: drive, np.ones_like),
    "relu": (lambda drive: np.maximum(drive, 0), lambda value: (value > 0).astype(float)),
}


class StateSystem(Protocol):
    """A network that can be run from any state: what sampling, regression and interventions need.

    Attributes:
        hidden: numbers of a state.
        dim: dimension of inputs and outputs.
    """

    @property
    def hidden(self) -> int: ...

    @property
    def dim(self) -> int: ...

    def run(self, state: np.ndarray, steps: int, inputs: np.ndarray | None = None) -> np.ndarray:
        """Return the states of every step; see :meth:`ElmanSystem.run`."""

    def read(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs at states; see :meth:`ElmanSystem.read`."""


@dataclass(frozen=True, eq=False)
class ElmanSystem:
    """The weights of an Elman network, h(t) = g(W_hh h(t-1) + W_uh u(t) + b), y(t) = W_r h(t) + c.

    Attributes:
        recurrent: W_hh, (hidden, hidden).
        encoder: W_uh, (hidden, dim).
        readout: W_r, (dim, hidden).
        bias: b, (hidden,); zero where the network has none.
        offset: c, (dim,); zero where the readout has no bias.
        nonlinearity: g: ``tanh``, ``linear`` or ``relu``.

    Raises:
        UserError: if shapes do not fit, an entry is not finite, or the nonlinearity is unknown.

    Source: twm Eq. (9), (10).
    """

    recurrent: np.ndarray
    encoder: np.ndarray
    readout: np.ndarray
    bias: np.ndarray | None = None
    offset: np.ndarray | None = None
    nonlinearity: str = "tanh"

    def __post_init__(self) -> None:
        require(
            self.nonlinearity in _ACTIVATIONS,
            f"nonlinearity must be one of {', '.join(_ACTIVATIONS)}, not {self.nonlinearity!r}",
        )
        recurrent, encoder, readout = (
            np.asarray(part, dtype=float) for part in (self.recurrent, self.encoder, self.readout)
        )
        square = recurrent.ndim == 2 and recurrent.shape[0] == recurrent.shape[1] > 0
        require(square, f"the recurrent matrix must be square, not of shape {recurrent.shape}")
        hidden = len(recurrent)
        fits = encoder.ndim == 2 and encoder.shape[0] == hidden and encoder.shape[1] > 0
        require(fits, f"the encoder must be of shape ({hidden}, dim), not {encoder.shape}")
        dim = encoder.shape[1]
        require(readout.shape == (dim, hidden), f"the readout must be of shape {(dim, hidden)}, not {readout.shape}")
        bias = np.zeros(hidden) if self.bias is None else np.asarray(self.bias, dtype=float)
        offset = np.zeros(dim) if self.offset is None else np.asarray(self.offset, dtype=float)
        require(bias.shape == (hidden,), f"the bias must be of shape {(hidden,)}, not {bias.shape}")
        require(offset.shape == (dim,), f"the readout's bias must be of shape {(dim,)}, not {offset.shape}")
        parts = {"recurrent": recurrent, "encoder": encoder, "readout": readout, "bias": bias, "offset": offset}
        for name, part in parts.items():
            require(bool(np.isfinite(part).all()), f"the network's {name} has NaN or infinite entries")
            object.__setattr__(self, name, part)

    @property
    def hidden(self) -> int:
        """Number of hidden neurons."""
        return len(self.recurrent)

    @property
    def dim(self) -> int:
        """Dimension of inputs and outputs."""
        return len(self.readout)

    def drive(self, states: np.ndarray) -> np.ndarray:
        """Return W_hh h + b, what the activation is applied to without input.

        Args:
            states: (..., hidden).
        """
        return states @ self.recurrent.T + self.bias

    def step(self, states: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """Advance hidden states (..., hidden) by one step, with inputs (..., dim) or none."""
        drive = self.drive(states)
        if inputs is not None:
            drive = drive + inputs @ self.encoder.T
        return _ACTIVATIONS[self.nonlinearity][0](drive)

    def read(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs (..., dim) at hidden states (..., hidden)."""
        return states @ self.readout.T + self.offset

    def slope(self, states: np.ndarray) -> np.ndarray:
        """Return the activation's derivative where it took the values ``states``, of the same shape."""
        return _ACTIVATIONS[self.nonlinearity][1](states)

    def run(self, state: np.ndarray, steps: int, inputs: np.ndarray | None = None) -> np.ndarray:
        """Run the network; the states at every step.

        Args:
            state: h(0), (..., hidden).
            steps: number of steps without input, after the inputs.
            inputs: (time, ..., dim), or none.

        Returns:
            (time + steps, ..., hidden), from h(1) on.

        Raises:
            UserError: if steps is below 0.
        """
        steps = require_count(steps, "steps", least=0)
        states = []
        for time in range((0 if inputs is None else len(inputs)) + steps):
            feed = inputs[time] if inputs is not None and time < len(inputs) else None
            state = self.step(state, feed)
            states.append(state)
        return np.stack(states) if states else np.zeros((0, *np.shape(state)))


@dataclass(frozen=True, eq=False)
class Linearisation:
    """A network near one of its fixed points: h'(t+1) = J W_hh h'(t) + J W_uh u(t), with h' = h - h*.

    Attributes:
        recurrent: J W_hh, (hidden, hidden).
        encoder: J W_uh, (hidden, dim).
        readout: W_r, (dim, hidden); it reads h', and y* = W_r h* + c comes on top.
        point: h*, (hidden,); zero at rest.
        slopes: the diagonal of J, (hidden,).

    Source: twm A.5 Eq. (41)-(43), with h(t) - h* on the right of Eq. (41).
    """

    recurrent: np.ndarray
    encoder: np.ndarray
    readout: np.ndarray
    point: np.ndarray
    slopes: np.ndarray


def as_system(network: Any, nonlinearity: str | None = None) -> ElmanSystem:
    """Return a network's weights in float64.

    Args:
        network: an :class:`ElmanSystem`, or a module with ``get_matrices``, such as :class:`twm.networks.ElmanRNN`.
        nonlinearity: the module's own if not given.

    Raises:
        UserError: if it is neither, or the weights are not finite.
    """
    if isinstance(network, ElmanSystem):
        return network
    known = hasattr(network, "get_matrices")
    require(known, f"an Elman network is needed, not {type(network).__name__}")
    bias = getattr(network, "bias_hh_l0", None)
    bias = None if bias is None else bias.detach().double().cpu().numpy()
    return ElmanSystem(*network.get_matrices(), bias, None, nonlinearity or network.nonlinearity)


def find_fixed_point(
    system: ElmanSystem, start: np.ndarray | None = None, steps: int = 200, tolerance: float = 1e-13
) -> np.ndarray:
    """Find a fixed point of the network without input, h* = g(W_hh h* + b), by Newton's method.

    Newton's steps do not care whether the point attracts, and the fixed points of wave networks repel. A step that
    does not bring the network closer to rest is halved.

    Args:
        system: the network.
        start: where to look from, (hidden,); zero if not given.
        steps: most steps of Newton's method.
        tolerance: largest component of g(W_hh h + b) - h at the point, allowed.

    Returns:
        (hidden,). Which of several fixed points it is depends on ``start``.

    Raises:
        UserError: if the start does not fit or no fixed point is found from it.

    Source: twm A.5, the h* of Eq. (41).
    """
    point = np.zeros(system.hidden) if start is None else np.array(start, dtype=float)
    require(point.shape == (system.hidden,), f"start must be of shape {(system.hidden,)}, not {point.shape}")
    defect = system.step(point) - point
    for _ in range(require_count(steps, "steps")):
        if np.abs(defect).max() <= tolerance:
            return point
        jacobian = system.slope(system.step(point))[:, None] * system.recurrent - np.eye(system.hidden)
        try:
            move = np.linalg.solve(jacobian, -defect)
        except np.linalg.LinAlgError:
            break
        length = 1.0
        while length > 1e-6:
            moved = system.step(point + length * move) - (point + length * move)
            if np.linalg.norm(moved) < np.linalg.norm(defect):
                break
            length /= 2
        else:
            break
        point, defect = point + length * move, moved
    # At the limits of rounding a step no longer helps, and the point is as good as it gets.
    if np.abs(defect).max() <= 1e3 * tolerance:
        return point
    raise UserError(
        f"no fixed point found: the state still moves by {np.abs(defect).max():.1e} a step; try another start"
    )


def linearise_system(system: ElmanSystem, point: np.ndarray | None = None) -> Linearisation:
    """Linearise a network around a fixed point.

    Args:
        system: the network.
        point: h*, (hidden,). If not given: rest, where the network has no bias, else the fixed point that
            :func:`find_fixed_point` reaches from there.

    Raises:
        UserError: if the point is not fixed, or none is found.

    Source: twm A.5 Eq. (41)-(43).
    """
    if point is None:
        point = find_fixed_point(system) if system.bias.any() else np.zeros(system.hidden)
    point = np.asarray(point, dtype=float)
    require(point.shape == (system.hidden,), f"the point must be of shape {(system.hidden,)}, not {point.shape}")
    value = system.step(point)
    still = np.abs(value - point).max()
    require(still <= 1e-6, f"the point is not a fixed point: the network moves it by {still:.1e}")
    slopes = system.slope(value)
    return Linearisation(
        slopes[:, None] * system.recurrent, slopes[:, None] * system.encoder, system.readout, point, slopes
    )
