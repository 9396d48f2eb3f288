"""The dense recurrence of the identity RNN on the CPU, with a hand-written backward pass.

h_t = sigma(W h_(t-1) + V u_t + b + d), states as rows of a batch. The drives of all steps are one product, so is what is
read out; a step is one product forward and one backward; and the gradients of all matrices are one long product each over
rows stacked in time, as in :mod:`twm.kernels.augmented`.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from twm.kernels.recurrence import Recurrence, activate, check_counts, multiply_slope


class DenseProducts(Recurrence):
    """A dense recurrence with a linear readout, forward and backward, in buffers made once.

    Weights go by the names of :class:`twm.networks.IdentityRNN`:
    ``weight_recurrent`` (hidden, hidden), ``bias_recurrent`` (hidden,), ``weight_encoder`` (hidden, inputs),
    ``bias_encoder`` (hidden,), ``weight_readout`` (outputs, hidden), ``bias_readout`` (outputs,).

    Args:
        hidden: neurons.
        inputs: numbers a step.
        batch: sequences.
        steps: the longest sequence.
        activation: ``relu``, ``tanh`` or ``linear``.
        outputs: numbers that the linear readout gives; 0 for no such readout.
        every_step: whether every step is read out, or the last one alone.
        dtype: of the arithmetic.
        device: of the buffers.

    Raises:
        UserError: if a number is out of range or the activation unknown.

    Source: wrnn Sec. 2, Baselines.
    """

    def __init__(
        self,
        hidden: int,
        inputs: int,
        batch: int,
        steps: int,
        activation: str = "relu",
        outputs: int = 0,
        every_step: bool = False,
        dtype: torch.dtype = torch.float32,
        device: Any = "cpu",
    ) -> None:
        check_counts(activation, hidden=hidden, inputs=inputs, batch=batch, steps=steps)
        super().__init__(hidden, inputs, batch, steps, activation, outputs, every_step)

        def make(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        # One more state than steps, the first of them zero, so that every step has a state before it.
        self._states, self._slopes = make(steps + 1, batch, hidden), make(steps, batch, hidden)
        self._inputs, self._back, self._transposed = (
            make(steps, batch, inputs),
            make(batch, hidden),
            make(hidden, hidden),
        )
        self._each_state, self._each_slope = self._states.unbind(), self._slopes.unbind()
        self._weights: Mapping[str, Tensor] = {}

    @property
    def states(self) -> Tensor:
        """States of the last run, (time, batch, hidden)."""
        return self._states[1 : self._length + 1]

    @torch.no_grad()
    def run(self, weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor | None:
        """Run from the state zero; see :meth:`Recurrence.run`."""
        length = self._accept(inputs)
        self._weights = weights
        self._inputs[:length].copy_(inputs)
        self._transposed.copy_(weights["weight_recurrent"].t())
        rows = self._states[1 : length + 1].view(-1, self.hidden)
        bias = weights["bias_encoder"] + weights["bias_recurrent"]
        torch.addmm(bias, self._inputs[:length].view(-1, self.inputs), weights["weight_encoder"].t(), out=rows)
        activate(self.activation, self._each_state[1])
        for before, state in zip(self._each_state[1:length], self._each_state[2:]):
            state.addmm_(before, self._transposed)
            activate(self.activation, state)
        if not self.outputs:
            return None
        read = self._states[1 if self.every_step else length : length + 1]
        answers = torch.addmm(weights["bias_readout"], read.reshape(-1, self.hidden), weights["weight_readout"].t())
        return answers.view(-1, self.batch, self.outputs)

    @torch.no_grad()
    def differentiate(self, answer_slopes: Tensor | None = None, last_slope: Tensor | None = None) -> dict[str, Tensor]:
        """Return the gradient of a loss; see :meth:`Recurrence.differentiate`."""
        length, weights = self._length, self._weights
        slopes, found = self._slopes[:length], {}
        slopes.zero_()
        if answer_slopes is not None:
            rows = answer_slopes.reshape(-1, self.outputs)
            first = 1 if self.every_step else length
            read = self._states[first : length + 1].reshape(-1, self.hidden)
            torch.mm(rows, weights["weight_readout"], out=slopes[first - 1 :].view(-1, self.hidden))
            found = {"weight_readout": rows.t() @ read, "bias_readout": rows.sum(0)}
        if last_slope is not None:
            slopes[-1] += last_slope
        recurrent = weights["weight_recurrent"]
        for time in range(length, 0, -1):
            slope = self._each_slope[time - 1]
            if time < length:
                slope.addmm_(self._each_slope[time], recurrent)
            multiply_slope(self.activation, slope, self._each_state[time], slope)
        stacked = slopes.view(-1, self.hidden)
        bias = stacked.sum(0)
        return found | {
            "weight_recurrent": stacked.t() @ self._states[:length].view(-1, self.hidden),
            "bias_recurrent": bias,
            "weight_encoder": stacked.t() @ self._inputs[:length].view(-1, self.inputs),
            "bias_encoder": bias.clone(),
        }
