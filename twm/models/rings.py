"""The networks of the wave-RNN paper: rings of neurons along which activity moves, and those without waves beside them."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from twm.errors import require, require_count
from twm.models.elman import NONLINEARITIES, Trajectory

#: How the recurrent weights start: as the shift by one neuron, as the identity, or as torch draws them.
RECURRENT_STARTS = ("shift", "identity", "random")
#: How the encoder starts: all inputs write 1 to one neuron a ring; as torch draws it; or normal with a deviation of 0.001.
ENCODER_STARTS = ("single", "dense", "small")


class SequenceNetwork(nn.Module, ABC):
    """What the networks on sequences have in common: one layer of recurrence, and a readout of its states.

    States start at zero. ``forward`` is the slow, obvious way, torch operation by torch operation, through which autograd
    goes; the fast ones of :mod:`twm.kernels` must equal it.

    Attributes:
        inputs: numbers a step.
        outputs: numbers in an answer.
        hidden: numbers of a state.
        mlp: hidden units of a readout with two layers; 0 where it is linear.
    """

    inputs: int
    outputs: int
    hidden: int
    mlp: int

    def _make_readout(self, outputs: int, mlp: int, generator: torch.Generator) -> None:
        self.outputs, self.mlp = require_count(outputs, "outputs"), require_count(mlp, "mlp", 0)
        before = self.hidden
        if self.mlp:
            self.weight_inner = _draw(self.hidden, (self.mlp, self.hidden), generator)
            self.bias_inner = _draw(self.hidden, (self.mlp,), generator)
            before = self.mlp
        self.weight_readout = _draw(before, (self.outputs, before), generator)
        self.bias_readout = _draw(before, (self.outputs,), generator)

    def read(self, states: Tensor) -> Tensor:
        """Return answers (..., outputs) to states (..., hidden)."""
        if self.mlp:
            states = functional.linear(states, self.weight_inner, self.bias_inner).relu()
        return functional.linear(states, self.weight_readout, self.bias_readout)

    def run(self, inputs: Tensor) -> Tensor:
        """Return the states (time, batch, hidden) that inputs (time, batch, inputs) lead to."""
        return run_steps(self, inputs)[..., : self.hidden]

    @property
    def carried(self) -> int:
        """How many numbers the next step depends on: the state, and an LSTM's cells behind it."""
        return self.hidden

    @abstractmethod
    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Advance by one step.

        Args:
            state: (batch, carried).
            inputs: (batch, inputs), or ``None`` for zeros.

        Returns:
            (batch, carried).
        """

    def forward(self, inputs: Tensor) -> Trajectory:
        """Run from the state zero.

        Args:
            inputs: (time, batch, inputs).

        Returns:
            outputs (time, batch, outputs) and states (time, batch, hidden) of every step.

        Raises:
            UserError: if the inputs have another shape.
        """
        fits = inputs.ndim == 3 and inputs.shape[-1] == self.inputs
        require(fits, f"inputs must be of shape (time, batch, {self.inputs}), not {tuple(inputs.shape)}")
        states = self.run(inputs)
        return Trajectory(self.read(states), states)

    def count_parameters(self) -> int:
        """Return how many numbers are trained."""
        return sum(parameter.numel() for parameter in self.parameters())


class WaveRNN(SequenceNetwork):
    """Rings of neurons, coupled to their neighbours and to the other rings by one convolution.

    h(t) = sigma(K * h(t-1) + V u(t) + b), with * the circular convolution over the neurons of each channel and full mixing
    of channels. The flattened state is channel by channel: index = channel * neurons + neuron.

    Started at ``shift``, the kernel is the exact shift: every ring moves its activity by ``shift`` neurons a step, upwards
    where it is positive, and no ring sees another. Started at ``single``, the encoder writes the sum of all inputs into
    neuron 0 of every ring. The bias of the convolution starts as torch draws it, that of the encoder at zero.

    Args:
        inputs: numbers a step.
        outputs: numbers in an answer.
        neurons: neurons of a ring; the paper's n.
        channels: number of rings; the paper's c.
        kernel: size of the kernel, odd.
        shift: neurons by which activity moves in a step at the start; at most (kernel - 1) / 2 either way.
        recurrent: how the kernel starts, one of :data:`RECURRENT_STARTS`.
        encoder: how the encoder starts, one of :data:`ENCODER_STARTS`.
        activation: ``relu``, ``tanh`` or ``linear``.
        mlp: hidden units of a readout with two layers; 0 for a linear one.
        seed: of the initial weights, drawn on the CPU.

    Raises:
        UserError: if a number is out of range or a name unknown.

    Source: wrnn Eq. (3), Sec. 2, App. B.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        neurons: int,
        channels: int = 1,
        kernel: int = 3,
        shift: int = 1,
        recurrent: str = "shift",
        encoder: str = "single",
        activation: str = "relu",
        mlp: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.inputs, self.neurons = require_count(inputs, "inputs"), require_count(neurons, "neurons")
        self.channels, self.kernel = require_count(channels, "channels"), require_count(kernel, "kernel")
        self.hidden, self.activation = self.neurons * self.channels, _check_activation(activation)
        require(kernel % 2 == 1, f"kernel must be odd, so that it has a middle, not {kernel}")
        require(kernel <= 2 * neurons + 1, f"a kernel of {kernel} goes around a ring of {neurons} more than once")
        reach = kernel // 2
        moves = recurrent != "shift" or abs(shift) <= reach
        require(moves, f"a kernel of {kernel} moves activity by at most {reach} neurons a step, not {shift}")
        self.shift = shift
        generator = _make_generator(seed)
        fan = channels * kernel
        weight = _draw(fan, (channels, channels, kernel), generator)
        self.bias_kernel = _draw(fan, (channels,), generator)
        if _check_start(recurrent, RECURRENT_STARTS, "recurrent") != "random":
            # What neuron x gets comes from neuron x + tap - reach, so a move upwards is a tap before the middle.
            tap = reach - (shift if recurrent == "shift" else 0)
            weight.data.zero_()
            weight.data[:, :, tap] = torch.eye(channels)
        self.weight_kernel = weight
        self.weight_encoder, self.bias_encoder = _make_encoder(encoder, self.hidden, neurons, inputs, generator)
        self._make_readout(outputs, mlp, generator)

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Advance the state by one step; see :meth:`SequenceNetwork.step`."""
        reach = self.kernel // 2
        rings = state.view(-1, self.channels, self.neurons)
        if reach:
            rings = functional.pad(rings, (reach, reach), mode="circular")
        moved = functional.conv1d(rings, self.weight_kernel, self.bias_kernel).flatten(1)
        drive = (
            self.bias_encoder if inputs is None else functional.linear(inputs, self.weight_encoder, self.bias_encoder)
        )
        return NONLINEARITIES[self.activation](moved + drive)


class IdentityRNN(SequenceNetwork):
    """The network without waves: dense recurrent weights that start as the identity, so that activity stays where it is.

    h(t) = sigma(W h(t-1) + V u(t) + b). Its starts can be made those of a wave-RNN with one ring, which is what the
    paper's ablation does.

    Args:
        inputs: numbers a step.
        outputs: numbers in an answer.
        hidden: neurons.
        recurrent: how W starts, one of :data:`RECURRENT_STARTS`; ``shift`` moves activity upwards by one neuron.
        encoder: how V starts, one of :data:`ENCODER_STARTS`.
        activation: ``relu``, ``tanh`` or ``linear``.
        mlp: hidden units of a readout with two layers; 0 for a linear one.
        seed: of the initial weights, drawn on the CPU.

    Raises:
        UserError: if a number is out of range or a name unknown.

    Source: wrnn Sec. 2, Baselines, Table 4.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        hidden: int,
        recurrent: str = "identity",
        encoder: str = "small",
        activation: str = "relu",
        mlp: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.inputs, self.hidden = require_count(inputs, "inputs"), require_count(hidden, "hidden")
        self.activation = _check_activation(activation)
        generator = _make_generator(seed)
        self.weight_recurrent = _draw(hidden, (hidden, hidden), generator)
        self.bias_recurrent = _draw(hidden, (hidden,), generator)
        if _check_start(recurrent, RECURRENT_STARTS, "recurrent") != "random":
            start = torch.eye(hidden)
            self.weight_recurrent.data.copy_(start.roll(1, 0) if recurrent == "shift" else start)
        self.weight_encoder, self.bias_encoder = _make_encoder(encoder, hidden, hidden, inputs, generator)
        self._make_readout(outputs, mlp, generator)

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Advance the state by one step; see :meth:`SequenceNetwork.step`."""
        drive = (
            self.bias_encoder if inputs is None else functional.linear(inputs, self.weight_encoder, self.bias_encoder)
        )
        kept = functional.linear(state, self.weight_recurrent, self.bias_recurrent)
        return NONLINEARITIES[self.activation](kept + drive)


class GatedRNN(SequenceNetwork):
    """Torch's LSTM or GRU with a readout of its hidden states, under the same interface.

    Args:
        inputs: numbers a step.
        outputs: numbers in an answer.
        hidden: units.
        kind: ``lstm`` or ``gru``.
        mlp: hidden units of a readout with two layers; 0 for a linear one.
        seed: of the initial weights, which are uniform within one over the square root of ``hidden``, torch's default.

    Raises:
        UserError: if a number is out of range or the kind unknown.

    Source: wrnn Table 2.
    """

    def __init__(self, inputs: int, outputs: int, hidden: int, kind: str = "lstm", mlp: int = 0, seed: int = 0) -> None:
        super().__init__()
        require(kind in ("lstm", "gru"), f"kind must be lstm or gru, not {kind!r}")
        self.inputs, self.hidden, self.kind = require_count(inputs, "inputs"), require_count(hidden, "hidden"), kind
        generator = _make_generator(seed)
        self.layer = (nn.LSTM if kind == "lstm" else nn.GRU)(inputs, hidden)
        with torch.no_grad():
            for parameter in self.layer.parameters():
                parameter.copy_(_draw(hidden, tuple(parameter.shape), generator))
        self._make_readout(outputs, mlp, generator)

    @property
    def carried(self) -> int:
        """See :attr:`SequenceNetwork.carried`: an LSTM's state is followed by its cells."""
        return 2 * self.hidden if self.kind == "lstm" else self.hidden

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Advance by one step; see :meth:`SequenceNetwork.step`."""
        drive = state.new_zeros((len(state), self.inputs)) if inputs is None else inputs
        parts = [part.contiguous()[None] for part in state.split(self.hidden, -1)]
        _, after = self.layer(drive[None], tuple(parts) if self.kind == "lstm" else parts[0])
        return torch.cat([part[0] for part in after], -1) if self.kind == "lstm" else after[0]

    def run(self, inputs: Tensor) -> Tensor:
        """Return the states of every step; see :meth:`SequenceNetwork.run`."""
        return self.layer(inputs)[0]


def make_sequence_network(network: str, inputs: int, outputs: int, neurons: int, **options: Any) -> SequenceNetwork:
    """Make a network by the name that tables use.

    Args:
        network: ``wrnn``, ``irnn``, ``lstm`` or ``gru``.
        inputs: numbers a step.
        outputs: numbers in an answer.
        neurons: of a ring, or of the network.
        options: of the class.

    Returns:
        the network.

    Raises:
        UserError: if the name is unknown or an argument out of range.
    """
    require(network in NETWORKS, f"network must be one of {', '.join(NETWORKS)}, not {network!r}")
    if network == "wrnn":
        return WaveRNN(inputs, outputs, neurons, **options)
    if network == "irnn":
        return IdentityRNN(inputs, outputs, neurons, **options)
    return GatedRNN(inputs, outputs, neurons, network, **options)


#: Networks by the name that tables use.
NETWORKS = ("wrnn", "irnn", "lstm", "gru")


def _draw(fan: int, shape: tuple[int, ...], generator: torch.Generator) -> nn.Parameter:
    """Draw numbers as torch's layers do: uniform within one over the square root of what is summed."""
    return nn.Parameter((torch.rand(shape, generator=generator) * 2 - 1) * fan**-0.5)


def _make_encoder(
    start: str, hidden: int, neurons: int, inputs: int, generator: torch.Generator
) -> tuple[nn.Parameter, nn.Parameter]:
    drawn, bias = _draw(inputs, (hidden, inputs), generator), _draw(inputs, (hidden,), generator)
    if _check_start(start, ENCODER_STARTS, "encoder") == "dense":
        return drawn, bias
    bias.data.zero_()
    if start == "small":
        drawn.data.copy_(torch.randn((hidden, inputs), generator=generator) * 1e-3)
    else:
        drawn.data.zero_()
        drawn.data[::neurons] = 1
    return drawn, bias


def _make_generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(require_count(seed, "seed", 0))


def _check_activation(name: str) -> str:
    require(name in NONLINEARITIES, f"activation must be one of {', '.join(NONLINEARITIES)}, not {name!r}")
    return name


def _check_start(start: str, known: tuple[str, ...], what: str) -> str:
    require(start in known, f"{what} must be one of {', '.join(known)}, not {start!r}")
    return start


def run_steps(network: SequenceNetwork, inputs: Tensor, state: Tensor | None = None, silent: int = 0) -> Tensor:
    """Run a network step by step, with all that it carries.

    Args:
        network: any.
        inputs: (time, batch, inputs).
        state: (batch, carried) to start from; zero if not given.
        silent: steps without input after the inputs.

    Returns:
        (time + silent, batch, carried).
    """
    now = inputs.new_zeros((inputs.shape[1], network.carried)) if state is None else state
    states = []
    for drive in (*inputs, *[None] * silent):
        now = network.step(now, drive)
        states.append(now)
    return torch.stack(states) if states else inputs.new_zeros((0, inputs.shape[1], network.carried))
