"""The Elman network of the paper, trained or constructed from a theory.

Trained networks as files: three matrices under torch's names, and how they came about as metadata.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from twm.errors import UserError, require, require_count
from twm.models.weights import Weights, as_weights, draw_matrix, draw_weights
from twm.paths import write_atomically
from twm.theory.bases import Basis, add_complement, make_encoder, make_readout, transform_operator
from twm.theory.operators import make_wave_operator

NONLINEARITIES = {"tanh": torch.tanh, "linear": lambda state: state, "relu": torch.relu}


class Trajectory(NamedTuple):
    """What a network did.

    Attributes:
        outputs: (time + horizon, batch, dim), y(1) onwards.
        states: (time + horizon, batch, hidden), h(1) onwards.
    """

    outputs: Tensor
    states: Tensor


class ElmanRNN(nn.Module):
    """Elman network h(t) = sigma(W_hh h(t-1) + W_uh u(t)), y(t) = W_r h(t).

    The matrices are held as the formulas write them, W_hh (hidden, hidden), W_uh (hidden, dim), W_r (dim, hidden), and
    under torch's names, ``weight_hh_l0`` and ``weight_ih_l0``, so that a state dict reads as one of ``torch.nn.RNN``
    plus a readout. States are columns in the formulas and rows of a batch in torch; :meth:`_apply_matrix` is the one
    place where that is turned around.

    Args:
        dim: dimension of inputs and outputs.
        hidden: number of hidden neurons.
        nonlinearity: ``tanh``, ``linear`` or ``relu``.
        initial: ``uniform`` in +-1/sqrt(hidden), PyTorch's default, or ``gaussian`` with variance 1/hidden, for all
            three matrices; ``orthogonal`` or ``identity`` for the recurrent one. See :func:`twm.models.weights.draw_weights`.
        seed: seed or CPU generator of the initial weights, which are drawn on the CPU in float32 whatever the dtype, so
            that they are the same on every device and at every precision.
        bias: whether the hidden neurons have a bias; the paper's networks have none.
        dtype: of the weights.

    Raises:
        UserError: if a count is below 1 or a name is unknown.

    Source: twm Eq. (9), B.2, B.4.
    """

    def __init__(
        self,
        dim: int,
        hidden: int,
        nonlinearity: str = "tanh",
        initial: str = "uniform",
        seed: int | torch.Generator = 0,
        bias: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.dim, self.hidden = require_count(dim, "dim"), require_count(hidden, "hidden")
        known = nonlinearity in NONLINEARITIES
        require(known, f"nonlinearity must be one of {', '.join(NONLINEARITIES)}, not {nonlinearity!r}")
        self.nonlinearity, self.initial = nonlinearity, initial
        generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(int(seed))
        recurrent, encoder, readout = draw_weights(self.dim, self.hidden, initial, generator)
        self.weight_ih_l0 = nn.Parameter(encoder.to(dtype))
        self.weight_hh_l0 = nn.Parameter(recurrent.to(dtype))
        self.weight_readout = nn.Parameter(readout.to(dtype))
        self.bias_hh_l0 = (
            nn.Parameter(draw_matrix((self.hidden,), self.hidden, initial, generator).to(dtype)) if bias else None
        )

    @property
    def recurrent(self) -> Tensor:
        """W_hh, (hidden, hidden), acting on columns."""
        return self.weight_hh_l0

    @property
    def encoder(self) -> Tensor:
        """W_uh, (hidden, dim), acting on columns."""
        return self.weight_ih_l0

    @property
    def readout(self) -> Tensor:
        """W_r, (dim, hidden), acting on columns."""
        return self.weight_readout

    def set_matrices(self, recurrent: Any = None, encoder: Any = None, readout: Any = None) -> None:
        """Overwrite W_hh, W_uh or W_r, in the formulas' convention; those not given stay.

        Args:
            recurrent: (hidden, hidden) array or tensor.
            encoder: (hidden, dim).
            readout: (dim, hidden).

        Raises:
            UserError: if a shape does not fit; then nothing is overwritten.
        """
        given = {"recurrent": recurrent, "encoder": encoder, "readout": readout}
        given = {name: torch.as_tensor(matrix) for name, matrix in given.items() if matrix is not None}
        for name, matrix in given.items():
            expected = tuple(getattr(self, name).shape)
            require(tuple(matrix.shape) == expected, f"{name} must be of shape {expected}, not {tuple(matrix.shape)}")
        with torch.no_grad():
            for name, matrix in given.items():
                getattr(self, name).copy_(matrix)

    def get_matrices(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return W_hh, W_uh and W_r as float64 arrays in the formulas' convention."""
        matrices = (self.recurrent, self.encoder, self.readout)
        return tuple(matrix.detach().double().cpu().numpy().copy() for matrix in matrices)

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Advance the hidden state by one step.

        Args:
            state: (..., hidden).
            inputs: (..., dim), or ``None`` for none.

        Returns:
            (..., hidden).
        """
        drive = self._apply_matrix(self.recurrent, state)
        if inputs is not None:
            drive = drive + self._apply_matrix(self.encoder, inputs)
        if self.bias_hh_l0 is not None:
            drive = drive + self.bias_hh_l0
        return NONLINEARITIES[self.nonlinearity](drive)

    def forward(self, inputs: Tensor | None, horizon: int = 0, state: Tensor | None = None) -> Trajectory:
        """Run the input phase, then the output phase without input.

        Args:
            inputs: u(1), u(2), ...: (time, batch, dim); ``None`` for no input phase.
            horizon: number of steps of the output phase.
            state: h(0), (batch, hidden); zero if not given.

        Returns:
            outputs and states of every step of both phases. Only ``outputs[time:]`` is the output phase.

        Raises:
            UserError: if a shape does not fit, or there is neither input nor state.

        Source: twm Eq. (9), Sec. 4 "Experimental Setup".
        """
        horizon = require_count(horizon, "horizon", least=0)
        require(inputs is not None or state is not None, "an Elman network needs inputs or a state to start from")
        if inputs is None:
            inputs = state.new_zeros((0, *state.shape[:-1], self.dim))
        fits = inputs.ndim == 3 and inputs.shape[-1] == self.dim
        require(fits, f"inputs must be of shape (time, batch, {self.dim}), not {tuple(inputs.shape)}")
        batch = inputs.shape[1]
        if state is None:
            state = self.recurrent.new_zeros((batch, self.hidden))
        fits = tuple(state.shape) == (batch, self.hidden)
        require(fits, f"state must be of shape {(batch, self.hidden)}, not {tuple(state.shape)}")
        states = []
        for time in range(len(inputs) + horizon):
            state = self.step(state, inputs[time] if time < len(inputs) else None)
            states.append(state)
        states = torch.stack(states) if states else state.new_zeros((0, batch, self.hidden))
        return Trajectory(self._apply_matrix(self.readout, states), states)

    def extra_repr(self) -> str:
        """Describe the network in torch's printout."""
        return f"dim={self.dim}, hidden={self.hidden}, nonlinearity={self.nonlinearity}"

    @staticmethod
    def _apply_matrix(matrix: Tensor, rows: Tensor) -> Tensor:
        # A matrix of the column convention, applied to states that are rows.
        return nn.functional.linear(rows, matrix)


def construct_elman(
    hds: Any,
    basis: Basis,
    nonlinearity: str = "linear",
    complement: float | None = None,
    gain: float = 1.0,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> ElmanRNN:
    """Construct the Elman network that the theory predicts for a linear system: W_hh = Psi Phi Psi*.

    W_uh = Psi_s writes to the newest column and W_r = Psi_s* reads it. With the linear activation the network is the
    travelling wave exactly, once its substrate is filled; for how to fill it see :mod:`twm.theory.operators`.

    Args:
        hds: a system with a ``matrix``, or F itself, (dim, history*dim).
        basis: a basis of size history*dim.
        nonlinearity: ``linear``, ``tanh`` or ``relu``. With the last two the network is only the theory's
            linearisation around the origin.
        complement: spectral radius of random dynamics on the hidden directions outside the wave; none if not given.
        gain: factor on Phi.
        seed: seed of the complement.
        dtype: of the weights.

    Returns:
        the network.

    Raises:
        UserError: if the system is not linear, or basis and system do not fit.

    Source: twm Eq. (6), (7), (31), A.5.
    """
    is_system = hasattr(hds, "boundary")
    matrix = hds.matrix if is_system else hds
    require(matrix is not None, "only a linear system can be constructed: this one has no boundary matrix")
    # Float64 also for exact integer systems, whose matrices may hold Python integers.
    wave_operator = gain * make_wave_operator(np.asarray(matrix, dtype=float))
    dim = np.shape(matrix)[0]
    recurrent = transform_operator(wave_operator, basis)
    if complement is not None:
        recurrent = add_complement(recurrent, basis, complement, seed)
    network = ElmanRNN(dim, basis.hidden, nonlinearity=nonlinearity, dtype=dtype)
    network.set_matrices(recurrent, make_encoder(basis, dim), make_readout(basis, dim))
    return network


#: Names of the matrices in a file, those of :class:`twm.models.elman.ElmanRNN`, in the order of :class:`twm.models.weights.Weights`.
_NAMES = ("weight_hh_l0", "weight_ih_l0", "weight_readout")


def name_network(task: str, hidden: int, l2: float, seed: int, rest: str = "") -> str:
    """Return the name of a network's file without its ending, such as ``T1_h128_l2-0_s3``.

    Args:
        task: its name; colons and commas become hyphens.
        hidden: number of hidden neurons.
        l2: weight decay.
        seed: of the run.
        rest: what else sets it apart.
    """
    safe = task.replace(":", "-").replace(",", "-")
    return f"{safe}_h{hidden}_l2-{l2:g}_s{seed}{rest}"


def write_network(path: Path | str, weights: Any, configuration: Mapping[str, Any]) -> None:
    """Write one network, whole or not at all.

    Args:
        path: the safetensors file.
        weights: of a single network, as :func:`twm.models.weights.as_weights` takes them; kept as float32.
        configuration: how the network came about, readable in the file's metadata: one text a key, which is the value's
            JSON unless it is a text.

    Raises:
        OSError: if it cannot be written.
    """
    from safetensors.torch import save

    matrices = {name: matrix.detach().float().cpu().contiguous() for name, matrix in zip(_NAMES, as_weights(weights))}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in configuration.items()}
    write_atomically(Path(path), save(matrices, {"format": "pt", **texts}))


def read_network(path: Path | str) -> tuple[ElmanRNN, dict[str, Any]]:
    """Read a network that :func:`write_network` wrote.

    Args:
        path: the safetensors file.

    Returns:
        the network and its configuration.

    Raises:
        UserError: if the file is missing, damaged, or holds something else.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="pt") as stream:
            texts = stream.metadata() or {}
            weights = Weights(*(stream.get_tensor(name) for name in _NAMES))
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path.name} is not a trained network: {str(error).splitlines()[0]}") from error
    network = ElmanRNN(weights.encoder.shape[1], weights.recurrent.shape[0], dtype=weights.recurrent.dtype)
    network.set_matrices(*weights)
    return network, {key: _read_value(text) for key, text in texts.items() if key != "format"}


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
