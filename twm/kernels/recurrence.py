"""What the fast recurrences of sequence networks have in common: weights by name, a run, and the gradient of its loss."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from twm.errors import require, require_count

_ACTIVATIONS = ("relu", "tanh", "linear")


class Recurrence(ABC):
    """A recurrence with a linear readout, forward and backward, in buffers made once.

    Weights are mappings from the names of a network's parameters (see :mod:`twm.networks`) to tensors. A readout that is not
    linear is left to the caller, who takes the last of the :attr:`states` and gives back the slope of its loss there.

    Attributes:
        hidden: numbers of a state.
        inputs: numbers a step.
        batch: sequences.
        steps: the longest sequence.
        activation: ``relu``, ``tanh`` or ``linear``.
        outputs: numbers that the linear readout gives; 0 for no such readout.
        every_step: whether every step is read out, or the last one alone.
    """

    def __init__(
        self, hidden: int, inputs: int, batch: int, steps: int, activation: str, outputs: int, every_step: bool
    ) -> None:
        self.hidden, self.inputs, self.batch, self.steps, self.activation = hidden, inputs, batch, steps, activation
        self.outputs, self.every_step = require_count(outputs, "outputs", 0), every_step
        self._length = 0

    def _accept(self, inputs: Tensor) -> int:
        """Check the inputs' shape, and return their length."""
        fits = tuple(inputs.shape[1:]) == (self.batch, self.inputs) and 0 < len(inputs) <= self.steps
        require(fits, f"inputs must be (at most {self.steps}, {self.batch}, {self.inputs}), not {tuple(inputs.shape)}")
        self._length = len(inputs)
        return self._length

    @property
    @abstractmethod
    def states(self) -> Tensor:
        """States of the last run, (time, batch, hidden); the next run may overwrite them."""

    @abstractmethod
    def run(self, weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor | None:
        """Run from the state zero.

        Args:
            weights: by name.
            inputs: (time, batch, inputs), at most ``steps`` long.

        Returns:
            answers of the linear readout: (time, batch, outputs) where every step is read out, else (1, batch, outputs).
            ``None`` if there is no such readout.

        Raises:
            UserError: if the inputs have another shape.
        """

    @abstractmethod
    def differentiate(self, answer_slopes: Tensor | None = None, last_slope: Tensor | None = None) -> dict[str, Tensor]:
        """Return the gradient of a loss with respect to the weights of the last run.

        Args:
            answer_slopes: derivative of the loss by what :meth:`run` returned, of its shape; ``None`` if there is no readout.
            last_slope: derivative by the last state beyond that, (batch, hidden), or ``None``.

        Returns:
            gradients by the names of the weights; those of the readout only where it was used.
        """


def check_counts(activation: str, taps: int | None = None, neurons: int = 1, **counts: int) -> None:
    """Check what a recurrence is made from.

    Raises:
        UserError: if a count is below 1, the activation unknown, or a kernel even or longer than a ring and its halo.
    """
    for name, value in {"neurons": neurons, **counts}.items():
        require_count(value, name)
    require(activation in _ACTIVATIONS, f"activation must be one of {', '.join(_ACTIVATIONS)}, not {activation!r}")
    if taps is not None:
        require(taps % 2 == 1 and taps > 0, f"taps must be an odd number of at least 1, not {taps!r}")
        require(taps <= 2 * neurons + 1, f"a kernel of {taps} taps goes around a ring of {neurons} more than once")


def activate(name: str, values: Tensor) -> None:
    """Put values through an activation where they stand."""
    if name == "relu":
        values.relu_()
    elif name == "tanh":
        values.tanh_()


def multiply_slope(name: str, slope: Tensor, value: Tensor, out: Tensor) -> None:
    """Multiply a slope by the activation's derivative, which follows from its value."""
    if name == "relu":
        torch.ops.aten.threshold_backward.grad_input(slope, value, 0.0, grad_input=out)
    elif name == "tanh":
        torch.ops.aten.tanh_backward.grad_input(slope, value, grad_input=out)
    elif out is not slope:
        out.copy_(slope)
