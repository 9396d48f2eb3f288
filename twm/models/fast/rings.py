"""Hand-written backward passes for the recurrences of sequence networks: rings of neurons, and dense weights.

**The wave recurrence.** A state is h (channels, neurons), each channel a ring. With a kernel of odd size k = 2r + 1

    z_t[o, x] = sum_j sum_i K[o, i, j] h_(t-1)[i, x + j - r] + (V u_t + b)[o, x] + d[o],      h_t = sigma(z_t),

with positions modulo the number of neurons (wrnn Eq. (3)). States are stored as (channels, neurons + 2r, batch). The r
positions before and after a ring are its halo, copies of its opposite end. Tap j is then a matrix applied to a window
shifted by j positions, and a convolution is k matrix products. With G_t = dL/dh_t, D_t = sigma'(z_t) G_t has a halo
too, and the transposed convolution uses the same windows counted from the other end:

    z_t += K[:, :, j] @ h_(t-1)[:, j : j + neurons],      (channels, channels) @ (channels, neurons * batch),
    G_(t-1) += sum_j K[:, :, j]^T @ D_t[:, 2r - j : 2r - j + neurons],
    dL/dK[:, :, j] = sum_t D_t @ h_(t-1)[:, j : j + neurons]^T.

**The dense recurrence** is h_t = sigma(W h_(t-1) + V u_t + b + d) with states as rows of a batch. A step is one product
forward and one backward, and the gradient of each matrix is one long product over rows stacked in time."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from twm.errors import require


class Recurrence:
    """A recurrence with a linear readout, forward and backward, in buffers allocated once.

    Weights have the names of a network's parameters (:mod:`twm.models.rings`). Any other readout (``outputs`` 0) is
    left to the caller, who passes the loss's derivative with respect to the last state as ``last_slope``."""

    def __init__(
        self,
        hidden: int,  # length of a state
        inputs: int,  # numbers per step
        batch: int,
        steps: int,  # of the longest sequence
        activation: str = "relu",
        outputs: int = 0,  # of the linear readout; 0 if there is none
        every_step: bool = False,  # whether every step is read out, or only the last
        device: Any = "cpu",
    ) -> None:
        self.hidden, self.inputs, self.batch, self.steps, self.activation = hidden, inputs, batch, steps, activation
        self.outputs, self.every_step, self.device = outputs, every_step, device
        self._length = 0
        self._make_buffers()

    def _make(self, *shape: int) -> Tensor:
        return torch.zeros(shape, device=self.device)

    @property
    def states(self) -> Tensor:
        """States of the last run, (time, batch, hidden); the next run may overwrite them."""
        return self._states[1 : self._length + 1]

    @torch.no_grad()
    def run(self, weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor | None:
        """Run from zero on (time, batch, inputs), and return the linear readout (time or 1, batch, outputs), if any."""
        fits = tuple(inputs.shape[1:]) == (self.batch, self.inputs) and 0 < len(inputs) <= self.steps
        require(fits, f"inputs must be (at most {self.steps}, {self.batch}, {self.inputs}), not {tuple(inputs.shape)}")
        self._length, self._first_read = len(inputs), 1 if self.every_step else len(inputs)
        self._load(weights, inputs)
        for time in range(1, self._length + 1):
            self._advance(time)
        return self._answer(weights) if self.outputs else None

    def differentiate(self, answer_slopes: Tensor | None = None, last_slope: Tensor | None = None) -> dict[str, Tensor]:
        """Return the gradient with respect to the weights of the last run, by name."""
        raise NotImplementedError


_ACTIVATE = {"relu": torch.relu_, "tanh": torch.tanh_, "linear": lambda values: None}


def _multiply_slope(name: str, slope: Tensor, value: Tensor, out: Tensor) -> None:
    """Multiply a gradient by the activation's derivative, computed from the activation's value."""
    if name == "relu":
        torch.ops.aten.threshold_backward.grad_input(slope, value, 0.0, grad_input=out)
    elif name == "tanh":
        torch.ops.aten.tanh_backward.grad_input(slope, value, grad_input=out)
    elif out is not slope:
        out.copy_(slope)


class ShiftedProducts(Recurrence):
    """The recurrence of :class:`~twm.models.rings.WaveRNN` as matrix products. Source: wrnn Eq. (3), Sec. 2."""

    def __init__(self, channels: int, neurons: int, taps: int, *sizes: Any, **options: Any) -> None:
        self.channels, self.neurons, self.taps, self.reach = channels, neurons, taps, taps // 2
        super().__init__(channels * neurons, *sizes, **options)

    def _make_buffers(self) -> None:
        make, channels, batch, taps = self._make, self.channels, self.batch, range(self.taps)
        width, entering = self.neurons + 2 * self.reach, self.inputs + 1
        self._states, self._slopes = make(self.steps + 1, channels, width, batch), make(2, channels, width, batch)
        self._back = make(channels, width, batch)
        self._taps, self._tap_gradient = (make(self.taps, channels, channels) for _ in range(2))
        # The last column is for the biases: the last input is always 1.
        self._drive, self._inputs = make(channels, width, entering), make(self.steps, entering, batch)
        self._inputs[:, -1] = 1
        # The short axis comes first, which makes the product that fills it faster.
        self._drive_gradient = make(entering, channels, width)
        self._readout, self._readout_gradient = (make(self.outputs, channels, width) for _ in range(2))
        self._answers = make(self.steps if self.every_step else 1, self.outputs, batch)
        # Views of every time step and window, made once.
        self._windows, self._slope_windows = (
            [[self._view_window(state, tap) for tap in taps] for state in states]
            for states in (self._states, self._slopes)
        )
        self._back_window, self._flat_back = self._view_window(self._back, self.reach), self._back.flatten(0, 1)
        self._whole, self._whole_slopes = self._states.flatten(1, 2).unbind(), self._slopes.flatten(1, 2).unbind()
        self._steps_in, self._flat_drive = self._inputs.unbind(), self._drive.flatten(0, 1)
        self._halos, self._slope_halos = (list(map(self._list_halos, kept)) for kept in (self._states, self._slopes))

    def _view_window(self, state: Tensor, tap: int) -> Tensor:
        return state.view(self.channels, -1)[:, tap * self.batch : (tap + self.neurons) * self.batch]

    def _list_halos(self, state: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
        """Return the two parts of a state's halo, each with the neurons that it copies."""
        reach, end = self.reach, self.neurons + self.reach
        pairs = ((state[:, :reach], state[:, end - reach : end]), (state[:, end:], state[:, reach : 2 * reach]))
        return pairs if reach else ()

    def _inner(self, padded: Tensor, axis: int) -> Tensor:
        """Return the part of a padded tensor between the halos."""
        return padded.narrow(axis, self.reach, self.neurons)

    @property
    def states(self) -> Tensor:
        return self._inner(super().states, 2).flatten(1, 2).mT

    def _load(self, weights: Mapping[str, Tensor], inputs: Tensor) -> None:
        self._inputs[: len(inputs), :-1] = inputs.transpose(1, 2)
        self._taps.copy_(weights["weight_kernel"].permute(2, 0, 1))
        drive, rings = self._inner(self._drive, 1), (self.channels, self.neurons)
        drive[..., :-1] = weights["weight_encoder"].view(*rings, -1)
        torch.add(weights["bias_encoder"].view(rings), weights["bias_kernel"][:, None], out=drive[..., -1])
        if self.outputs:
            self._inner(self._readout, 2).copy_(weights["weight_readout"].view(self.outputs, *rings))

    def _advance(self, time: int) -> None:
        torch.mm(self._flat_drive, self._steps_in[time - 1], out=self._whole[time])
        middle = self._windows[time][self.reach]
        if time > 1:
            for tap, window in zip(self._taps, self._windows[time - 1]):
                middle.addmm_(tap, window)
        _ACTIVATE[self.activation](middle)
        for halo, original in self._halos[time]:
            halo.copy_(original)

    def _answer(self, weights: Mapping[str, Tensor]) -> Tensor:
        answers, readout = self._answers[: self._length + 1 - self._first_read], self._readout.flatten(1)
        for answer, state in zip(answers, self._whole[self._first_read : self._length + 1]):
            torch.mm(readout, state, out=answer)
        return answers.mT + weights["bias_readout"]

    @torch.no_grad()
    def differentiate(self, answer_slopes: Tensor | None = None, last_slope: Tensor | None = None) -> dict[str, Tensor]:
        read, middle = answer_slopes is not None, self._back_window
        for buffer in (self._tap_gradient, self._drive_gradient, self._readout_gradient, self._back):
            buffer.zero_()
        if read:
            answer_slopes = answer_slopes.mT.contiguous()
            self._differentiate_readout(answer_slopes[-1], self._length)
        if last_slope is not None:
            self._inner(self._back, 1).add_(last_slope.t().view(self.channels, self.neurons, -1))
        drive_gradient, taps = self._drive_gradient.flatten(1), [tap.t() for tap in self._taps]
        for time in range(self._length, 0, -1):
            windows, whole = self._slope_windows[time & 1], self._whole_slopes[time & 1]
            slope = windows[self.reach]
            _multiply_slope(self.activation, middle, self._windows[time][self.reach], slope)
            drive_gradient.addmm_(self._steps_in[time - 1], whole.t())
            if time == 1:
                break
            for gradient, window in zip(self._tap_gradient, self._windows[time - 1]):
                gradient.addmm_(slope, window.t())
            for halo, original in self._slope_halos[time & 1]:
                halo.copy_(original)
            # The first product overwrites the buffer, so it need not be filled with zeros.
            if read and self.every_step:
                self._differentiate_readout(answer_slopes[time - 2], time - 1)
                middle.addmm_(taps[0], windows[-1])
            else:
                torch.mm(taps[0], windows[-1], out=middle)
            for tap, window in zip(taps[1:], windows[-2::-1]):
                middle.addmm_(tap, window)
        drive = self._inner(self._drive_gradient, 2)
        found = {"weight_kernel": self._tap_gradient.permute(1, 2, 0), "bias_kernel": drive[-1].sum(1)}
        found |= {"weight_encoder": drive[:-1].flatten(1).t(), "bias_encoder": drive[-1].flatten()}
        if read:
            readout = self._inner(self._readout_gradient, 2).flatten(1)
            found |= {"weight_readout": readout, "bias_readout": answer_slopes.sum((0, 2))}
        return found

    def _differentiate_readout(self, slopes: Tensor, time: int) -> None:
        torch.mm(self._readout.flatten(1).t(), slopes, out=self._flat_back)
        self._readout_gradient.flatten(1).addmm_(slopes, self._whole[time].t())


class DenseProducts(Recurrence):
    """The recurrence of :class:`~twm.models.rings.IdentityRNN`. Source: wrnn Sec. 2, Baselines."""

    def _make_buffers(self) -> None:
        make, batch, hidden = self._make, self.batch, self.hidden
        # One more state than steps: the first is zero, so that every step has a previous state.
        self._states, self._slopes = make(self.steps + 1, batch, hidden), make(self.steps, batch, hidden)
        self._inputs, self._transposed = make(self.steps, batch, self.inputs), make(hidden, hidden)
        self._each_state, self._each_slope = self._states.unbind(), self._slopes.unbind()

    def _load(self, weights: Mapping[str, Tensor], inputs: Tensor) -> None:
        self._weights = weights
        self._inputs[: len(inputs)].copy_(inputs)
        self._transposed.copy_(weights["weight_recurrent"].t())
        rows, bias = self.states.view(-1, self.hidden), weights["bias_encoder"] + weights["bias_recurrent"]
        torch.addmm(bias, inputs.reshape(-1, self.inputs), weights["weight_encoder"].t(), out=rows)

    def _advance(self, time: int) -> None:
        state = self._each_state[time]
        if time > 1:
            state.addmm_(self._each_state[time - 1], self._transposed)
        _ACTIVATE[self.activation](state)

    def _answer(self, weights: Mapping[str, Tensor]) -> Tensor:
        rows = self._states[self._first_read : self._length + 1].view(-1, self.hidden)
        answers = torch.addmm(weights["bias_readout"], rows, weights["weight_readout"].t())
        return answers.view(-1, self.batch, self.outputs)

    @torch.no_grad()
    def differentiate(self, answer_slopes: Tensor | None = None, last_slope: Tensor | None = None) -> dict[str, Tensor]:
        length, first, found = self._length, self._first_read, {}
        slopes = self._slopes[:length].zero_()
        if answer_slopes is not None:
            rows, read = answer_slopes.reshape(-1, self.outputs), self._states[first : length + 1].view(-1, self.hidden)
            torch.mm(rows, self._weights["weight_readout"], out=slopes[first - 1 :].view(-1, self.hidden))
            found = {"weight_readout": rows.t() @ read, "bias_readout": rows.sum(0)}
        if last_slope is not None:
            slopes[-1] += last_slope
        for time in range(length, 0, -1):
            slope = self._each_slope[time - 1]
            if time < length:
                slope.addmm_(self._each_slope[time], self._weights["weight_recurrent"])
            _multiply_slope(self.activation, slope, self._each_state[time], slope)
        stacked = slopes.view(-1, self.hidden)
        for name, before in (("recurrent", self._states), ("encoder", self._inputs)):
            found[f"weight_{name}"] = stacked.t() @ before[:length].flatten(0, 1)
            found[f"bias_{name}"] = stacked.sum(0)
        return found
