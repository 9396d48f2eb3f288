"""What the fast recurrences of sequence networks have in common: weights by name, a run, and the gradient of its loss.

The wave-RNN on the CPU: a circular convolution as a few matrix products on shifted views, and its backward pass.

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

The dense recurrence of the identity RNN on the CPU, with a hand-written backward pass.

h_t = sigma(W h_(t-1) + V u_t + b + d), states as rows of a batch. The drives of all steps are one product, so is what is
read out; a step is one product forward and one backward; and the gradients of all matrices are one long product each over
rows stacked in time, as in :mod:`twm.models.fast.elman`.

The wave-RNN with many channels on the CPU: torch's convolution on rings with a halo, and its backward pass by hand.

With few channels the products of :mod:`twm.models.fast.rings` are as fast as the machine; with many, torch's convolution is
faster than its matrix product at these shapes, as long as channels lie innermost and nothing has to be brought into
another order first. So here states lie as (batch, neurons + 2 reach, channels), and

- the convolution reads the state with its halo and needs no padding;
- its result is what the drive is added to, one product for all neurons, channels and sequences;
- the activation writes the new state where it belongs, and the halo is copied.

Backward, the slope before the activation lies in one piece. One call gives its share of the kernel's gradient and the
slope of the state before; what falls on a halo is added to the neuron that the halo is a copy of. Autograd would do the
same work, and beside it pad, copy, and keep every intermediate value.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

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


class ShiftedProducts(Recurrence):
    """A wave recurrence with a linear readout, forward and backward, in buffers made once.

    Weights are mappings with the names of :class:`twm.models.rings.WaveRNN`: ``weight_kernel`` (channels, channels, taps),
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


class DenseProducts(Recurrence):
    """A dense recurrence with a linear readout, forward and backward, in buffers made once.

    Weights go by the names of :class:`twm.models.rings.IdentityRNN`:
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
