"""The wave-RNN on the CPU: a circular convolution as a few matrix products on shifted views, and its backward pass.

**The recurrence.** A state is h (channels, neurons), each channel a ring of neurons. With a kernel of odd size k = 2r + 1

    z_t[o, x] = sum_j sum_i K[o, i, j] h_(t-1)[i, x + j - r] + (V u_t + b)[o, x] + d[o],      h_t = sigma(z_t),

positions taken modulo the number of neurons (wrnn Eq. (3)).

**The layout.** States lie as (channels, neurons + 2r, batch), batch innermost. The r places before and after a ring are
its halo: copies of its other end. Then the neurons x + j - r of all sequences are one piece of memory in each channel, so
tap j is an ordinary matrix that sees the state through a window shifted by j places:

    z_t += K[:, :, j] @ h_(t-1)[:, j : j + neurons],      (channels, channels) @ (channels, neurons * batch).

No patch is copied, no index computed: a convolution is k matrix products. The drive is one product too, with the biases as
the weights of an input that is always 1.

**Backward.** With G_t = dL/dh_t from what follows and what is read out, the slope D_t = dL/dz_t = sigma'(z_t) G_t is laid
out with a halo like a state, and the transposed convolution is the same windows counted from the other end:

    G_(t-1) += sum_j K[:, :, j]^T @ D_t[:, 2r - j : 2r - j + neurons],      dL/dK[:, :, j] = sum_t D_t @ h_(t-1)[:, j : j + neurons]^T.

sigma' follows from the stored state, so states are all that is kept.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from twm.kernels.recurrence import Recurrence, activate, check_counts, multiply_slope


class ShiftedProducts(Recurrence):
    """A wave recurrence with a linear readout, forward and backward, in buffers made once.

    Weights are mappings with the names of :class:`twm.networks.WaveRNN`: ``weight_kernel`` (channels, channels, taps),
    ``bias_kernel`` (channels,), ``weight_encoder`` (channels * neurons, inputs), ``bias_encoder`` (channels * neurons,), and
    where it is linear ``weight_readout`` (outputs, channels * neurons), ``bias_readout`` (outputs,).

    Args:
        channels: rings.
        neurons: neurons of a ring.
        taps: size of the kernel, odd; at most 2 * neurons + 1.
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

    Source: wrnn Eq. (3), Sec. 2.
    """

    def __init__(
        self,
        channels: int,
        neurons: int,
        taps: int,
        inputs: int,
        batch: int,
        steps: int,
        activation: str = "relu",
        outputs: int = 0,
        every_step: bool = False,
        dtype: torch.dtype = torch.float32,
        device: Any = "cpu",
    ) -> None:
        check_counts(activation, taps, neurons, channels=channels, inputs=inputs, batch=batch, steps=steps)
        super().__init__(channels * neurons, inputs, batch, steps, activation, outputs, every_step)
        self.channels, self.neurons, self.taps = channels, neurons, taps
        self.reach = reach = taps // 2
        self._width = neurons + 2 * reach

        def make(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self._states, self._slopes = (
            make(steps + 1, channels, self._width, batch),
            make(2, channels, self._width, batch),
        )
        self._back = make(channels, self._width, batch)
        self._taps, self._tap_gradient = make(taps, channels, channels), make(taps, channels, channels)
        # The last column is for the biases: the last input is always 1.
        self._drive = make(channels, self._width, inputs + 1)
        # With the short side in front: the product that fills it is faster that way.
        self._drive_gradient = make(inputs + 1, channels, self._width)
        self._inputs = make(steps, inputs + 1, batch)
        self._inputs[:, -1] = 1
        self._readout, self._readout_gradient = (make(max(1, outputs), channels, self._width) for _ in range(2))
        self._answers = make(steps if every_step else 1, max(1, outputs), batch)
        # Views of every time step and window, made once.
        self._windows = [[self._view_window(state, tap) for tap in range(taps)] for state in self._states.unbind()]
        self._slope_windows = [
            [self._view_window(slope, tap) for tap in range(taps)] for slope in self._slopes.unbind()
        ]
        self._back_window = self._view_window(self._back, reach)
        self._whole = self._states.view(steps + 1, -1, batch).unbind()
        self._whole_slopes = self._slopes.view(2, -1, batch).unbind()
        self._steps_in = self._inputs.unbind()
        self._state_halos, self._slope_halos = self._list_halos(self._states), self._list_halos(self._slopes)

    def _view_window(self, state: Tensor, tap: int) -> Tensor:
        return state.view(self.channels, -1)[:, tap * self.batch : (tap + self.neurons) * self.batch]

    def _inner(self, padded: Tensor, axis: int) -> Tensor:
        """Return what of a tensor with halos belongs to the rings."""
        return padded.narrow(axis, self.reach, self.neurons)

    def _list_halos(self, states: Tensor) -> list[tuple[tuple[Tensor, Tensor], ...]]:
        """Return for each state the places of its halo, each with the neurons that it copies."""
        reach, neurons = self.reach, self.neurons
        if not reach:
            return [() for _ in states]
        return [
            (
                (state[:, :reach], state[:, neurons : neurons + reach]),
                (state[:, neurons + reach :], state[:, reach : 2 * reach]),
            )
            for state in states
        ]

    @property
    def states(self) -> Tensor:
        """States of the last run, (time, batch, hidden)."""
        return self._inner(self._states[1 : self._length + 1], 2).flatten(1, 2).mT

    @torch.no_grad()
    def run(self, weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor | None:
        """Run from the state zero; see :meth:`Recurrence.run`."""
        length = self._accept(inputs)
        self._inputs[:length, :-1] = inputs.transpose(1, 2)
        self._taps.copy_(weights["weight_kernel"].permute(2, 0, 1))
        drive = self._inner(self._drive, 1)
        drive[..., :-1] = weights["weight_encoder"].view(self.channels, self.neurons, -1)
        torch.add(weights["bias_encoder"].view(self.channels, -1), weights["bias_kernel"][:, None], out=drive[..., -1])
        flat_drive, taps, reach = self._drive.view(-1, self.inputs + 1), self._taps.unbind(), self.reach
        for time in range(1, length + 1):
            torch.mm(flat_drive, self._steps_in[time - 1], out=self._whole[time])
            middle = self._windows[time][reach]
            if time > 1:
                for tap, window in zip(taps, self._windows[time - 1]):
                    middle.addmm_(tap, window)
            activate(self.activation, middle)
            for halo, original in self._state_halos[time]:
                halo.copy_(original)
        if not self.outputs:
            return None
        self._inner(self._readout, 2).copy_(weights["weight_readout"].view(self.outputs, self.channels, self.neurons))
        first = 1 if self.every_step else length
        answers = self._answers[: length + 1 - first]
        flat_readout = self._readout.view(self.outputs, -1)
        for answer, state in zip(answers, self._whole[first : length + 1]):
            torch.mm(flat_readout, state, out=answer)
        return answers.mT + weights["bias_readout"]

    @torch.no_grad()
    def differentiate(self, answer_slopes: Tensor | None = None, last_slope: Tensor | None = None) -> dict[str, Tensor]:
        """Return the gradient of a loss; see :meth:`Recurrence.differentiate`."""
        length, reach, name = self._length, self.reach, self.activation
        transposed = [tap.t() for tap in self._taps]
        self._tap_gradient.zero_()
        self._drive_gradient.zero_()
        flat_drive = self._drive_gradient.view(self.inputs + 1, -1)
        self._back.zero_()
        if last_slope is not None:
            self._inner(self._back, 1).copy_(last_slope.t().view(self.channels, self.neurons, -1))
        read = answer_slopes is not None
        if read:
            answer_slopes = answer_slopes.mT.contiguous()
            self._readout_gradient.zero_()
            flat_readout = self._readout.view(self.outputs, -1)
            readout_gradient = self._readout_gradient.view(self.outputs, -1)
            flat_back = self._back.view(-1, self.batch)
            flat_back.addmm_(flat_readout.t(), answer_slopes[-1])
            readout_gradient.addmm_(answer_slopes[-1], self._whole[length].t())
        for time in range(length, 0, -1):
            place = time & 1
            windows = self._slope_windows[place]
            multiply_slope(name, self._back_window, self._windows[time][reach], windows[reach])
            flat_drive.addmm_(self._steps_in[time - 1], self._whole_slopes[place].t())
            if time == 1:
                break
            for gradient, window in zip(self._tap_gradient, self._windows[time - 1]):
                gradient.addmm_(windows[reach], window.t())
            for halo, original in self._slope_halos[place]:
                halo.copy_(original)
            if read and self.every_step:
                torch.mm(flat_readout.t(), answer_slopes[time - 2], out=flat_back)
                readout_gradient.addmm_(answer_slopes[time - 2], self._whole[time - 1].t())
                self._back_window.addmm_(transposed[0], windows[2 * reach])
            else:
                torch.mm(transposed[0], windows[2 * reach], out=self._back_window)
            for tap, window in zip(transposed[1:], reversed(windows[:-1])):
                self._back_window.addmm_(tap, window)
        drive = self._inner(self._drive_gradient, 2)
        found = {
            "weight_kernel": self._tap_gradient.permute(1, 2, 0),
            "bias_kernel": drive[-1].sum(1),
            "weight_encoder": drive[:-1].flatten(1).t(),
            "bias_encoder": drive[-1].flatten(),
        }
        if read:
            found["weight_readout"] = self._inner(self._readout_gradient, 2).reshape(self.outputs, -1)
            found["bias_readout"] = answer_slopes.sum((0, 2))
        return found
