"""The wave-RNN with many channels on the CPU: torch's convolution on rings with a halo, and its backward pass by hand.

With few channels the products of :mod:`twm.kernels.shifted` are as fast as the machine; with many, torch's convolution is
faster than its matrix product at these shapes, as long as channels lie innermost and nothing has to be brought into
another order first. So here states lie as (batch, neurons + 2 reach, channels), and

- the convolution reads the state with its halo and needs no padding;
- its result is what the drive is added to, one product for all neurons, channels and sequences;
- the activation writes the new state where it belongs, and the halo is copied.

Backward, the slope before the activation lies in one piece. One call gives its share of the kernel's gradient and the
slope of the state before; what falls on a halo is added to the neuron that the halo is a copy of. Autograd would do the
same work, and beside it pad, copy, and keep every intermediate value.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from twm.kernels.recurrence import Recurrence, check_counts, multiply_slope

_STRIDE, _NO_PADDING, _NO_DILATION = [1, 1], [0, 0], [1, 1]


class RingConvolution(Recurrence):
    """A wave recurrence for many channels; arguments, methods and names of weights are those of :class:`ShiftedProducts`.

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
        self.channels, self.neurons, self.taps, self.reach = channels, neurons, taps, taps // 2
        width = neurons + 2 * self.reach

        def make(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self._states, self._slope = make(steps + 1, batch, width, channels), make(batch, neurons, channels)
        # The last input is always 1: its weights are the biases.
        self._inputs = make(steps, batch, inputs + 1)
        self._inputs[..., -1] = 1
        # Channels before the places, as torch's convolution counts axes; in memory they stay innermost.
        self._images = [self._as_image(state) for state in self._states]
        self._slope_image, self._flat_slope = self._as_image(self._slope), self._slope.view(batch, -1)
        self._rings = [self._inner(state) for state in self._states]
        self._drive = make(inputs + 1, neurons * channels)
        self._readout = make(max(1, outputs), neurons * channels)
        self._kernel = make(channels, channels, 1, taps)

    def _as_image(self, state: Tensor) -> Tensor:
        return state.unsqueeze(1).permute(0, 3, 1, 2)

    def _inner(self, state: Tensor) -> Tensor:
        return state[:, self.reach : self.reach + self.neurons]

    def _places_first(self, weight: Tensor) -> Tensor:
        """Reorder the axis of neurons from channel by channel, as in weights, to place by place, as in states."""
        return weight.view(*weight.shape[:-1], self.channels, self.neurons).mT

    def _channels_first(self, weight: Tensor) -> Tensor:
        return weight.view(*weight.shape[:-1], self.neurons, self.channels).mT.flatten(-2)

    @property
    def states(self) -> Tensor:
        """States of the last run, (time, batch, hidden)."""
        inner = self._states[1 : self._length + 1, :, self.reach : self.reach + self.neurons]
        return inner.mT.flatten(2)

    @torch.no_grad()
    def run(self, weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor | None:
        """Run from the state zero; see :meth:`Recurrence.run`."""
        length = self._accept(inputs)
        self._inputs[:length, :, :-1] = inputs
        self._kernel = weights["weight_kernel"].unsqueeze(2).contiguous(memory_format=torch.channels_last)
        drive = self._drive.view(self.inputs + 1, self.neurons, -1)
        drive[:-1] = self._places_first(weights["weight_encoder"].t())
        drive[-1] = (weights["bias_encoder"].view(self.channels, -1) + weights["bias_kernel"][:, None]).t()
        reach, neurons, convolve = self.reach, self.neurons, torch.nn.functional.conv2d
        for time in range(1, length + 1):
            entering = self._inputs[time - 1]
            if time == 1:
                values = entering @ self._drive
            else:
                values = convolve(self._images[time - 1], self._kernel).permute(0, 2, 3, 1).reshape(self.batch, -1)
                if self.inputs == 1:
                    # A product with so short a sum is slower than what it stands for.
                    values.addcmul_(entering[:, :1], self._drive[0]).add_(self._drive[1])
                else:
                    values.addmm_(entering, self._drive)
            ring = self._rings[time]
            values = values.view_as(ring)
            if self.activation == "relu":
                torch.clamp_min(values, 0.0, out=ring)
            elif self.activation == "tanh":
                torch.tanh(values, out=ring)
            else:
                ring.copy_(values)
            if reach:
                state = self._states[time]
                state[:, :reach] = state[:, neurons : neurons + reach]
                state[:, neurons + reach :] = state[:, reach : 2 * reach]
        if not self.outputs:
            return None
        self._readout.view(self.outputs, self.neurons, -1).copy_(self._places_first(weights["weight_readout"]))
        first = 1 if self.every_step else length
        answers = [ring.flatten(1) @ self._readout.t() for ring in self._rings[first : length + 1]]
        return torch.stack(answers).add_(weights["bias_readout"])

    @torch.no_grad()
    def differentiate(self, answer_slopes: Tensor | None = None, last_slope: Tensor | None = None) -> dict[str, Tensor]:
        """Return the gradient of a loss; see :meth:`Recurrence.differentiate`."""
        length, reach, neurons, name = self._length, self.reach, self.neurons, self.activation
        back = torch.zeros_like(self._slope)
        if last_slope is not None:
            back.copy_(self._places_first(last_slope))
        kernel_gradient = torch.zeros_like(self._kernel)
        drive_gradient, readout_gradient = torch.zeros_like(self._drive), torch.zeros_like(self._readout)
        for time in range(length, 0, -1):
            if answer_slopes is not None and (self.every_step or time == length):
                slopes = answer_slopes[time - 1 if self.every_step else 0]
                back += (slopes @ self._readout).view_as(back)
                readout_gradient.addmm_(slopes.t(), self._rings[time].flatten(1))
            multiply_slope(name, back, self._rings[time], self._slope)
            drive_gradient.addmm_(self._inputs[time - 1].t(), self._flat_slope)
            if time == 1:
                break
            image, kernel_share, _ = torch.ops.aten.convolution_backward(
                self._slope_image, self._images[time - 1], self._kernel, None, _STRIDE, _NO_PADDING, _NO_DILATION, False,
                _NO_PADDING, 1, [True, True, False],
            )  # fmt: skip
            kernel_gradient += kernel_share
            back = image.permute(0, 2, 3, 1).reshape(self.batch, -1, self.channels)
            if reach:
                back[:, reach : 2 * reach] += back[:, neurons + reach :]
                back[:, neurons : neurons + reach] += back[:, :reach]
                back = self._inner(back)
        found = {
            "weight_kernel": kernel_gradient.squeeze(2),
            "bias_kernel": drive_gradient[-1].view(neurons, -1).sum(0),
            "weight_encoder": self._channels_first(drive_gradient[:-1]).t(),
            "bias_encoder": self._channels_first(drive_gradient[-1]),
        }
        if answer_slopes is not None:
            found["weight_readout"] = self._channels_first(readout_gradient)
            found["bias_readout"] = answer_slopes.sum((0, 1))
        return found
