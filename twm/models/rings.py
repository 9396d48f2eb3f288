"""Networks of the wave-RNN paper: rings of neurons along which activity moves, and networks without waves."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from twm.errors import check_name, require, require_count
from twm.models.elman import NONLINEARITIES, Trajectory, run_steps
from twm.models.kernels import draw_matrix

#: Initialisations of the recurrent weights: the shift by one neuron, the identity, or torch's random default.
RECURRENT_STARTS = ("shift", "identity", "random")
#: Initialisations of the encoder: weights of 1 onto one neuron per ring; torch's default; or normal with standard deviation
#: 0.001. As in the released code, ``released`` draws encoder biases, except for ``single``, and zeroes dense recurrent ones.
ENCODER_STARTS = ("single", "dense", "small", "released-single", "released-dense", "released-small")


class SequenceNetwork(nn.Module):
    """One recurrent layer on (time, batch, inputs), with a zero initial state, and a readout with one or two layers.

    This is the reference implementation that :mod:`twm.models.fast.rings` must match. ``mlp`` is the number of hidden
    units of a two-layer readout, 0 for a linear one. A subclass defines ``step``."""

    def __init__(self, inputs: int, hidden: int, activation: str = "tanh", seed: int = 0) -> None:
        super().__init__()
        self.inputs, self.hidden, self.activation = require_count(inputs, "inputs"), hidden, activation
        self.carried = hidden  # length of the vector passed from step to step: the state, followed by an LSTM's cells
        check_name("activation", activation, NONLINEARITIES)
        self._generator = torch.Generator().manual_seed(require_count(seed, "seed", 0))

    def _draw(self, fan: int, *shape: int) -> nn.Parameter:
        """Draw numbers as torch's layers do: uniform within 1/sqrt(fan), for ``fan`` summed inputs."""
        return nn.Parameter(draw_matrix(shape, fan, "uniform", self._generator))

    def _make_encoder(self, start: str, neurons: int) -> None:
        check_name("encoder", start, ENCODER_STARTS)
        shape, released, start = (self.hidden, self.inputs), start.startswith("released"), start.split("-")[-1]
        self.weight_encoder, self.bias_encoder = self._draw(self.inputs, *shape), self._draw(self.inputs, self.hidden)
        if start == "dense":
            return
        if start == "single" or not released:
            self.bias_encoder.data.zero_()
        weight = torch.randn(shape, generator=self._generator) * 1e-3 if start == "small" else torch.zeros(shape)
        if start == "single":
            weight[::neurons] = 1
        self.weight_encoder.data.copy_(weight)

    def _make_readout(self, outputs: int, mlp: int) -> None:
        self.outputs, self.mlp = require_count(outputs, "outputs"), require_count(mlp, "mlp", 0)
        if mlp:
            self.weight_inner, self.bias_inner = self._draw(self.hidden, mlp, self.hidden), self._draw(self.hidden, mlp)
        read = mlp or self.hidden
        self.weight_readout, self.bias_readout = self._draw(read, outputs, read), self._draw(read, outputs)
        del self._generator  # Nothing is drawn after the readout.

    def _finish_step(self, moved: Tensor, inputs: Tensor | None) -> Tensor:
        bias = self.bias_encoder
        drive = bias if inputs is None else functional.linear(inputs, self.weight_encoder, bias)
        return NONLINEARITIES[self.activation](moved + drive)

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Advance the state (batch, carried) by one step, with inputs (batch, inputs), zero if not given."""
        raise NotImplementedError

    def run(self, inputs: Tensor) -> Tensor:
        """Run on inputs (time, batch, inputs) from a zero state, and return the states (time, batch, hidden)."""
        return run_steps(self, inputs, inputs.new_zeros((inputs.shape[1], self.carried)))

    def read(self, states: Tensor) -> Tensor:
        """Apply the readout to states (..., hidden), and return outputs (..., outputs)."""
        if self.mlp:
            states = functional.linear(states, self.weight_inner, self.bias_inner).relu()
        return functional.linear(states, self.weight_readout, self.bias_readout)

    def forward(self, inputs: Tensor) -> Trajectory:
        """Run on inputs (time, batch, inputs), and return the outputs and states of every step."""
        fits = inputs.ndim == 3 and inputs.shape[-1] == self.inputs
        require(fits, f"inputs must be of shape (time, batch, {self.inputs}), not {tuple(inputs.shape)}")
        states = self.run(inputs)
        return Trajectory(self.read(states), states)

    def count_parameters(self) -> int:
        """Return the number of trained parameters."""
        return sum(parameter.numel() for parameter in self.parameters())


class WaveRNN(SequenceNetwork):
    """Rings of neurons, h(t) = sigma(K * h(t-1) + V u(t) + b), where * is a circular convolution that mixes channels.

    Index = channel * neurons + neuron. Initialised at ``shift``, every ring moves its activity by exactly one neuron
    per step, to the next higher index, and rings do not interact. Source: wrnn Eq. (3), Sec. 2, App. B."""

    def __init__(
        self, inputs: int, outputs: int, neurons: int, channels: int = 1, kernel: int = 3, recurrent: str = "shift",
        encoder: str = "single", activation: str = "relu", mlp: int = 0, seed: int = 0,
    ) -> None:  # fmt: skip
        hidden = require_count(neurons, "neurons") * require_count(channels, "channels")
        super().__init__(inputs, hidden, activation, seed)
        self.neurons, self.channels, self.kernel = neurons, channels, require_count(kernel, "kernel")
        check_name("recurrent", recurrent, RECURRENT_STARTS)
        require(kernel % 2 == 1, f"kernel must be odd, so that it has a centre, not {kernel}")
        require(kernel <= 2 * neurons + 1, f"a kernel of {kernel} goes around a ring of {neurons} more than once")
        require(kernel > 1 or recurrent != "shift", "a kernel of size 1 moves nothing: use identity or random")
        fan = channels * kernel
        weight, self.bias_kernel = self._draw(fan, channels, channels, kernel), self._draw(fan, channels)
        if recurrent != "random":
            # Neuron x receives from neuron x + tap - kernel // 2, so an upward shift is the tap before the middle.
            weight.data.zero_()[:, :, kernel // 2 - (recurrent == "shift")] = torch.eye(channels)
        self.weight_kernel = weight  # registered after the bias, as in the recorded weight vectors
        self._make_encoder(encoder, neurons)
        self._make_readout(outputs, mlp)

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        reach, rings = self.kernel // 2, state.view(-1, self.channels, self.neurons)
        rings = functional.pad(rings, (reach, reach), mode="circular") if reach else rings
        return self._finish_step(functional.conv1d(rings, self.weight_kernel, self.bias_kernel).flatten(1), inputs)


class IdentityRNN(SequenceNetwork):
    """Network without waves, h(t) = sigma(W h(t-1) + V u(t) + b); W starts as the identity, so activity does not move.
    Initialised like a wave-RNN with one ring, it is the paper's ablation. Source: wrnn Sec. 2, Baselines, Table 4."""

    def __init__(
        self, inputs: int, outputs: int, hidden: int, recurrent: str = "identity", encoder: str = "small",
        activation: str = "relu", mlp: int = 0, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(inputs, require_count(hidden, "hidden"), activation, seed)
        check_name("recurrent", recurrent, RECURRENT_STARTS)
        self.weight_recurrent, self.bias_recurrent = self._draw(hidden, hidden, hidden), self._draw(hidden, hidden)
        if recurrent != "random":
            self.weight_recurrent.data.copy_(torch.eye(hidden).roll(int(recurrent == "shift"), 0))
        if encoder.startswith("released"):
            self.bias_recurrent.data.zero_()
        self._make_encoder(encoder, hidden)
        self._make_readout(outputs, mlp)

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        return self._finish_step(functional.linear(state, self.weight_recurrent, self.bias_recurrent), inputs)


class GatedRNN(SequenceNetwork):
    """Torch's LSTM or GRU with a readout of its hidden states, under the same interface. Source: wrnn Table 2."""

    def __init__(self, inputs: int, outputs: int, hidden: int, kind: str = "lstm", mlp: int = 0, seed: int = 0) -> None:
        super().__init__(inputs, require_count(hidden, "hidden"), seed=seed)
        require(kind in ("lstm", "gru"), f"kind must be lstm or gru, not {kind!r}")
        self.kind, self.layer = kind, (nn.LSTM if kind == "lstm" else nn.GRU)(inputs, hidden)
        self.carried = 2 * hidden if kind == "lstm" else hidden
        for parameter in self.layer.parameters():
            parameter.data.copy_(self._draw(hidden, *parameter.shape).data)
        self._make_readout(outputs, mlp)

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        drive = state.new_zeros((len(state), self.inputs)) if inputs is None else inputs
        parts = [part.contiguous()[None] for part in state.split(self.hidden, -1)]
        _, after = self.layer(drive[None], tuple(parts) if self.kind == "lstm" else parts[0])
        return torch.cat([part[0] for part in after], -1) if self.kind == "lstm" else after[0]

    def run(self, inputs: Tensor) -> Tensor:
        return self.layer(inputs)[0]
