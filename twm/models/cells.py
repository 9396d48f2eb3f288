"""Diagonal recurrent units and attention for sequence tasks, and the factory of all sequence networks."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from twm.errors import check_name, require, require_count
from twm.models.rings import GatedRNN, IdentityRNN, SequenceNetwork, WaveRNN
from twm.theory.spectra import needed_coordinates
from twm.theory.systems import HDS

#: Names of the networks, as used in tables.
NETWORKS = ("wrnn", "irnn", "lstm", "gru", "lru", "attention")


class DiagonalRNN(SequenceNetwork):
    """A linear recurrent unit of n complex modes, x(t) = lambda x(t-1) + B u(t), y(t) = Re(C x(t)) + c.

    The state holds the real parts, then the imaginary parts: (2n,). lambda = exp(-exp(nu) + i theta), so no mode grows; it
    starts uniform on the unit disc. Source: Orvieto et al. 2023, Sec. 3, without its factor on B, zero on the unit circle."""

    def __init__(self, inputs: int, outputs: int, modes: int, mlp: int = 0, seed: int = 0) -> None:
        super().__init__(inputs, 2 * require_count(modes, "modes"), "linear", seed)
        square, turn = torch.rand((2, modes), generator=self._generator)
        self.log_decay, self.angle = nn.Parameter((-square.log() / 2).log()), nn.Parameter(2 * torch.pi * turn)
        self.weight_encoder = self._draw(inputs, self.hidden, inputs)
        self._make_readout(outputs, mlp)

    def eigenvalues(self) -> Tensor:
        """Return lambda (n,), complex; the recurrence as a real matrix has these eigenvalues and their conjugates."""
        return torch.polar((-self.log_decay.exp()).exp(), self.angle)

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        (real, imaginary), turn = state.chunk(2, -1), self.eigenvalues()
        moved = torch.cat([turn.real * real - turn.imag * imaginary, turn.imag * real + turn.real * imaginary], -1)
        return moved if inputs is None else moved + functional.linear(inputs, self.weight_encoder)

    def run(self, inputs: Tensor) -> Tensor:
        # With complex numbers, twice as fast as the general loop.
        drive, turn = torch.complex(*functional.linear(inputs, self.weight_encoder).chunk(2, -1)), self.eigenvalues()
        states = [drive[0]]
        for each in drive[1:]:
            states.append(torch.addcmul(each, turn, states[-1]))
        found = torch.stack(states)
        return torch.cat([found.real, found.imag], -1)


def construct_diagonal(task: HDS) -> DiagonalRNN:
    """Construct the float64 unit whose modes are the eigenvectors of a linear task's wave operator on the observable subspace.
    It solves the task exactly if inputs are corrected for the boundary's contribution. Source: twm Sec. 3.1, diagonalised."""
    part = needed_coordinates(task)
    values, vectors = np.linalg.eig(part.operator)
    fit = np.linalg.cond(vectors) < 1e8 and np.abs(values).max() <= 1 + 1e-9
    require(bool(fit), f"the wave operator of {task.name} has Jordan blocks or grows: no diagonal unit holds it")
    write, read = np.linalg.solve(vectors, part.projection[:, -task.dim :] + 0j), part.readout @ vectors
    decay = np.maximum(-np.log(np.abs(values)), 1e-300)  # an exact zero has no logarithm
    weights = {
        "log_decay": np.log(decay), "angle": np.angle(values), "weight_encoder": np.concatenate([write.real, write.imag]),
        "weight_readout": np.concatenate([read.real, -read.imag], 1), "bias_readout": np.zeros(task.dim),
    }  # fmt: skip
    network = DiagonalRNN(task.dim, task.dim, len(values)).double()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return network


class AttentionDecoder(SequenceNetwork):
    """One attention head over a cache of the last columns, newest last; the next column is the head's output plus the input.

    Its weights are positions (columns, dim); weight_ask (dim, dim), the product of key and query weights; and weight_value
    (dim, dim). The network's output is the newest column. Source: twm Eq. (8); positions are an addition."""

    def __init__(self, inputs: int, outputs: int, columns: int, mlp: int = 0, seed: int = 0) -> None:
        super().__init__(inputs, inputs * require_count(columns, "columns"), seed=seed)
        require(outputs == inputs and not mlp, "attention's outputs are columns, as its inputs are, and nothing reads them")
        self.columns, self.outputs, self.mlp = columns, outputs, 0
        self.weight_ask, self.weight_value = self._draw(inputs, inputs, inputs), self._draw(inputs, inputs, inputs)
        self.positions = self._draw(inputs, columns, inputs)
        del self._generator

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        window = state.view(-1, self.columns, self.inputs)
        labelled = window + self.positions
        scores = labelled @ functional.linear(labelled[:, -1], self.weight_ask)[..., None]
        found = functional.linear((torch.softmax(scores, 1) * window).sum(1), self.weight_value)
        return torch.cat([state[:, self.inputs :], found if inputs is None else found + inputs], -1)

    def read(self, states: Tensor) -> Tensor:
        """Return the newest columns (..., outputs) of states (..., hidden)."""
        return states[..., -self.inputs :]


def make_sequence_network(network: str, inputs: int, outputs: int, neurons: int, **options: Any) -> SequenceNetwork:
    """Make a network of :data:`NETWORKS` with this number of neurons (per ring), modes or columns, and its class's options."""
    check_name("network", network, NETWORKS)
    if network in ("lstm", "gru"):
        return GatedRNN(inputs, outputs, neurons, network, **options)
    kinds = {"wrnn": WaveRNN, "irnn": IdentityRNN, "lru": DiagonalRNN, "attention": AttentionDecoder}
    return kinds[network](inputs, outputs, neurons, **options)
