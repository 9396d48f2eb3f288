"""The network of the flip-flop, and the gradient of its error over a few steps.

The network is h(t) = tanh(W h(t-1) + W_in x(t)), y(t) = tanh(W_out h(t)); W_in stays as it was drawn.
"""

import torch
from torch import Tensor

from twm.models.weights import Weights, draw_matrix


def draw_flip_flop_weights(hidden: int, channels: int, seed: int) -> Weights:
    """Draw W_in uniform in +-1/sqrt(channels), W and W_out in +-1/sqrt(hidden), float32.

    Source: mem App. A.
    """
    generator = torch.Generator().manual_seed(seed)
    encoder = draw_matrix((hidden, channels), channels, "uniform", generator)
    shapes = (hidden, hidden), (channels, hidden)
    recurrent, readout = (draw_matrix(shape, hidden, "uniform", generator) for shape in shapes)
    return Weights(recurrent, encoder, readout)


def run_flip_flop(weights: Weights, pulses: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Run pulses (steps, ..., channels) from a state (..., hidden): states (steps, ..., hidden), outputs (steps, ..., channels).

    Source: mem Sec. 2.
    """
    recurrent, encoder, readout = weights
    states = []
    for push in pulses @ encoder.T:
        state = torch.tanh(state @ recurrent.T + push)
        states.append(state)
    stacked = torch.stack(states)
    return stacked, torch.tanh(stacked @ readout.T)


def compute_truncated_gradient(
    weights: Weights, pulses: Tensor, targets: Tensor, state: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of W and W_out, the mean squared error, and the last state (streams, hidden), with autograd.

    Pulses and targets are (steps, streams, channels); nothing flows back through the state (streams, hidden) before them.
    """
    recurrent, readout = (matrix.detach().clone().requires_grad_() for matrix in (weights.recurrent, weights.readout))
    with torch.enable_grad():
        states, outputs = run_flip_flop(Weights(recurrent, weights.encoder, readout), pulses, state.detach())
        loss = (outputs - targets).square().mean()
        by_recurrent, by_readout = torch.autograd.grad(loss, (recurrent, readout))
    return by_recurrent, by_readout, loss.detach(), states[-1].detach()


class GradientBuffers:
    """The same gradient by hand, without an allocation: a third of autograd's time at this size."""

    def __init__(self, weights: Weights, slopes: tuple[Tensor, Tensor], steps: int, streams: int) -> None:
        hidden = len(weights.recurrent)
        new = weights.recurrent.new_zeros
        self.weights, (self.by_recurrent, self.by_readout) = weights, slopes
        self.states, self.driven = new(steps + 1, streams, hidden), new(steps, streams, hidden)
        self.slopes, self.backward = new(steps, streams, hidden), new(steps, streams, hidden)
        self._flat = [values.view(-1, hidden) for values in (self.states[1:], self.states[:-1], self.backward)]

    def compute(self, pulses: Tensor, targets: Tensor) -> Tensor:
        """Go on from ``states[0]``; leave the gradients in place and the last state in ``states[-1]``; return the loss."""
        recurrent, encoder, readout = self.weights
        torch.matmul(pulses, encoder.T, out=self.driven)
        for before, after, push in zip(self.states, self.states[1:], self.driven):
            torch.addmm(push, before, recurrent.T, out=after)
            after.tanh_()
        after, before, backward = self._flat
        outputs = (after @ readout.T).tanh_()
        errors = outputs - targets.reshape(outputs.shape)
        loss = errors.square().mean()
        by_output = errors.mul_(2 / errors.numel()).mul_(1 - outputs * outputs)
        torch.matmul(by_output.T, after, out=self.by_readout)
        torch.matmul(by_output, readout, out=backward)
        torch.mul(self.states[1:], self.states[1:], out=self.slopes)
        self.slopes.neg_().add_(1)
        later = None
        for here, slope in zip(reversed(self.backward.unbind()), reversed(self.slopes.unbind())):
            if later is not None:
                here.addmm_(later, recurrent)
            later = here.mul_(slope)
        torch.matmul(backward.T, before, out=self.by_recurrent)
        return loss
