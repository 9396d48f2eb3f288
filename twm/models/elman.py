"""The paper's Elman network, trained or constructed from the theory: module, file format and fastest training step."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from twm.errors import UserError, check_name, require, require_count
from twm.models.fast.elman import AugmentedKernel, BatchedKernel
from twm.models.kernels import (
    BETA_FIRST, CLIP_EPSILON, Kernel, ReferenceKernel, Weights, as_weights, draw_matrix, draw_weights, run_network,
)  # fmt: skip
from twm.paths import write_atomically
from twm.streams import binary_inputs
from twm.theory.bases import Basis, add_complement, make_encoder, make_readout, transform_operator
from twm.theory.operators import make_wave_operator

NONLINEARITIES = {"tanh": torch.tanh, "linear": lambda state: state, "relu": torch.relu}


def _apply_matrix(matrix: Tensor, rows: Tensor) -> Tensor:
    # States are columns in the formulas and rows of a batch in torch; only this function converts between the two.
    return nn.functional.linear(rows, matrix)


class Trajectory(NamedTuple):
    """Outputs and states of a run."""

    outputs: Tensor  # (time + horizon, batch, dim), y(1) onwards
    states: Tensor  # (time + horizon, batch, hidden), h(1) onwards


class ElmanRNN(nn.Module):
    """Elman network h(t) = sigma(W_hh h(t-1) + W_uh u(t)), y(t) = W_r h(t); the paper uses tanh and no bias.

    The state dict has the names of ``torch.nn.RNN`` plus a readout. Initial weights are those of
    :func:`~twm.models.kernels.draw_weights`, drawn in float32 for every dtype. Source: twm Eq. (9), B.2, B.4."""

    def __init__(
        self, dim: int, hidden: int, nonlinearity: str = "tanh", initial: str = "uniform",
        seed: int | torch.Generator = 0, bias: bool = False, dtype: torch.dtype = torch.float32,
    ) -> None:  # fmt: skip
        super().__init__()
        self.dim, self.hidden = require_count(dim, "dim"), require_count(hidden, "hidden")
        self.nonlinearity = nonlinearity
        check_name("nonlinearity", nonlinearity, NONLINEARITIES)
        generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(int(seed))
        recurrent, encoder, readout = draw_weights(dim, hidden, initial, generator)
        matrices = (nn.Parameter(matrix.to(dtype)) for matrix in (encoder, recurrent, readout))
        self.weight_ih_l0, self.weight_hh_l0, self.weight_readout = matrices
        drawn = draw_matrix((hidden,), hidden, initial, generator).to(dtype) if bias else None
        self.bias_hh_l0 = nn.Parameter(drawn) if bias else None

    # W_hh (hidden, hidden), W_uh (hidden, dim) and W_r (dim, hidden), acting on columns.
    recurrent = property(lambda self: self.weight_hh_l0)
    encoder = property(lambda self: self.weight_ih_l0)
    readout = property(lambda self: self.weight_readout)

    @torch.no_grad()
    def set_matrices(self, recurrent: Any = None, encoder: Any = None, readout: Any = None) -> None:
        """Overwrite W_hh, W_uh or W_r, in the formulas' convention; matrices not given are unchanged."""
        for name, matrix in (("recurrent", recurrent), ("encoder", encoder), ("readout", readout)):
            if matrix is not None:
                own, given = getattr(self, name), torch.as_tensor(matrix)
                expected, found = tuple(own.shape), tuple(given.shape)
                require(found == expected, f"{name} must be of shape {expected}, not {found}")
                own.copy_(given)

    def get_matrices(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return W_hh, W_uh and W_r as float64 arrays in the formulas' convention."""
        matrices = (self.recurrent, self.encoder, self.readout)
        return tuple(matrix.detach().double().cpu().numpy().copy() for matrix in matrices)

    def step(self, state: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Advance the hidden state (..., hidden) by one step, with inputs (..., dim) or none."""
        drive = _apply_matrix(self.recurrent, state)
        if inputs is not None:
            drive = drive + _apply_matrix(self.encoder, inputs)
        if self.bias_hh_l0 is not None:
            drive = drive + self.bias_hh_l0
        return NONLINEARITIES[self.nonlinearity](drive)

    def forward(self, inputs: Tensor | None, horizon: int = 0, state: Tensor | None = None) -> Trajectory:
        """Run from ``state`` (batch, hidden), by default zero, on inputs (time, batch, dim), then for ``horizon`` steps
        without input: ``outputs[time:]``. Source: twm Eq. (9), Sec. 4 "Experimental Setup"."""
        horizon = require_count(horizon, "horizon", least=0)
        require(inputs is not None or state is not None, "an Elman network needs inputs or a state to start from")
        inputs = state.new_zeros((0, *state.shape[:-1], self.dim)) if inputs is None else inputs
        fits = inputs.ndim == 3 and inputs.shape[-1] == self.dim
        require(fits, f"inputs must be of shape (time, batch, {self.dim}), not {tuple(inputs.shape)}")
        expected = (inputs.shape[1], self.hidden)
        state = self.recurrent.new_zeros(expected) if state is None else state
        require(tuple(state.shape) == expected, f"state must be of shape {expected}, not {tuple(state.shape)}")
        states = run_steps(self, inputs, state, horizon)
        return Trajectory(_apply_matrix(self.readout, states), states)


def run_steps(network: Any, inputs: Tensor, state: Tensor, silent: int = 0) -> Tensor:
    """Run a network with a ``step`` method from ``state`` (batch, carried) on inputs (time, batch, inputs), then for
    ``silent`` steps without input, and return its states (time + silent, batch, carried)."""
    states = []
    for drive in (*inputs, *[None] * silent):
        states.append(network.step(states[-1] if states else state, drive))
    return torch.stack(states) if states else state.new_zeros((0, *state.shape))


def construct_elman(
    hds: Any, basis: Basis, nonlinearity: str = "linear", complement: float | None = None, gain: float = 1.0,
    seed: int = 0, dtype: torch.dtype = torch.float64,
) -> ElmanRNN:  # fmt: skip
    """Construct the Elman network that the theory predicts for a linear system, or for its matrix F (dim, history*dim).

    A linear network implements the wave exactly, a nonlinear one only when linearised at the origin; ``gain`` multiplies Phi.
    ``complement`` is the spectral radius of dynamics outside the wave, drawn from ``seed``. Source: twm Eq. (6), (7), (31), A.5."""
    matrix = hds.matrix if hasattr(hds, "boundary") else hds
    require(matrix is not None, "only a linear system can be constructed: this one has no boundary matrix")
    # Cast to float64, because the matrices of exact integer systems may hold Python integers.
    recurrent, dim = transform_operator(gain * make_wave_operator(np.asarray(matrix, float)), basis), len(matrix)
    if complement is not None:
        recurrent = add_complement(recurrent, basis, complement, seed)
    network = ElmanRNN(dim, basis.hidden, nonlinearity=nonlinearity, dtype=dtype)
    network.set_matrices(recurrent, make_encoder(basis, dim), make_readout(basis, dim))
    return network


#: Names of the matrices in a file, the same as in ElmanRNN, in the order of Weights.
_NAMES = ("weight_hh_l0", "weight_ih_l0", "weight_readout")


def spell_number(number: float) -> str:
    """Format a number briefly, but with enough digits to restore it exactly: 0.001, 1e+06, 1000001."""
    text = f"{number:g}"
    return text if float(text) == number else repr(number)


def name_network(task: str, hidden: int, l2: float, seed: int, rest: str = "") -> str:
    """Return the name of a network's file without its extension, such as ``T1_h128_l2-0_s3``."""
    return f"{task.replace(':', '-').replace(',', '-')}_h{hidden}_l2-{spell_number(l2)}_s{seed}{rest}"


def write_weights(path: Path | str, weights: Mapping[str, Tensor], configuration: Mapping[str, Any]) -> None:
    """Write weights atomically as float32 safetensors, with ``configuration`` as the metadata."""
    from safetensors.torch import save

    # Text stands as it is unless it would be read as a number, as a commit such as 1234e56789 would.
    plain = {key: isinstance(value, str) and _read_value(value) == value for key, value in configuration.items()}
    texts = {key: value if plain[key] else json.dumps(value) for key, value in configuration.items()}
    tensors = {name: weight.detach().float().cpu().contiguous() for name, weight in weights.items()}
    write_atomically(Path(path), save(tensors, {"format": "pt", **texts}))


def read_weights(path: Path | str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read weights, by name, and their configuration from a file of ``write_weights``."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as stream:
            texts = stream.metadata() or {}
            weights = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{Path(path).name} is not a trained network: {str(error).splitlines()[0]}") from error
    return weights, {key: _read_value(text) for key, text in texts.items() if key != "format"}


def write_network(path: Path | str, weights: Any, configuration: Mapping[str, Any]) -> None:
    """Write one network with ``write_weights``."""
    write_weights(path, dict(zip(_NAMES, as_weights(weights))), configuration)


def read_network(path: Path | str) -> tuple[ElmanRNN, dict[str, Any]]:
    """Read a network and its configuration from a file of ``write_network``."""
    found, about = read_weights(path)
    odd = ", ".join({*_NAMES} ^ {*found})
    require(not odd, f"{Path(path).name} is not a trained network: expected {', '.join(_NAMES)}; missing or unknown: {odd}")
    weights, nonlinearity = Weights(*(found[name] for name in _NAMES)), about.get("nonlinearity", "tanh")
    network = ElmanRNN(weights.encoder.shape[1], weights.recurrent.shape[0], nonlinearity, dtype=weights.recurrent.dtype)
    network.set_matrices(*weights)
    return network, about


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


# ---- Check of the fast paths on this machine; if one fails, the reference path is used

#: Relative error allowed in the float32 gradient of a path, if autograd's own is not more than a quarter of it.
TOLERANCE = 1e-5

_KERNELS = {kernel.name: kernel for kernel in (ReferenceKernel, AugmentedKernel, BatchedKernel)}


def draw_check_batch(kernel: Kernel, seed: int) -> tuple[Tensor, Tensor, Any]:
    """Draw inputs, targets and horizon for a kernel's step: random signs, and varying horizons in an ensemble."""
    models = 1 if kernel.models is None else kernel.models
    inputs, targets = (
        binary_inputs(f"kernel check/{part}", seed, 0, models, (steps, kernel.batch, kernel.dim), device=kernel.device)
        for part, steps in (("inputs", kernel.history), ("targets", kernel.horizon_max))
    )
    if kernel.models is None:
        return inputs[0], targets[0], kernel.horizon_max
    # Decreasing from the longest, so that the mask is checked too.
    return inputs, targets, (kernel.horizon_max - torch.arange(models) % kernel.horizon_max).to(kernel.device)


def measure_gradient(kernel: Kernel, inputs: Tensor, targets: Tensor, horizon: Any) -> Weights:
    """Return a batch's clipped gradient plus weight decay, in float64, recovered from one training step."""
    state = kernel.state_dict()
    begun = {key: torch.zeros_like(value) for key, value in state.items() if "." in key or key == "iteration"}
    try:
        kernel.load_state(state | begun)
        kernel.step(inputs, targets, horizon)
        after = kernel.state_dict()
    finally:
        kernel.load_state(state)
    # Adam's first moment, started at zero, holds a tenth of the gradient after one iteration.
    return Weights(*(after[f"{name}.first"].double() / (1 - BETA_FIRST) for name in Weights._fields))


def compute_reference_gradient(weights: Any, inputs: Tensor, targets: Tensor, horizon: int) -> Weights:
    """Compute the gradient of one network's mean squared error by autograd in float64, not clipped."""
    leaves = Weights(*(matrix.detach().double().requires_grad_() for matrix in as_weights(weights)))
    with torch.enable_grad():
        loss = (run_network(leaves, inputs.double(), horizon) - targets[:horizon].double()).square().mean()
        return Weights(*torch.autograd.grad(loss, leaves))


def check_kernel(kernel: Kernel, seed: int) -> float:
    """Return a path's gradient error against float64 autograd on a random batch, on at most four models of an ensemble:
    the largest over matrices, each relative to the largest gradient norm of its model; NaN if any error is NaN."""
    inputs, targets, horizon = draw_check_batch(kernel, seed)
    found, weights = measure_gradient(kernel, inputs, targets, horizon), kernel.weights()
    places = [()] if kernel.models is None else range(0, kernel.models, -(-kernel.models // 4))
    errors = []
    for place in places:
        steps = int(torch.as_tensor(horizon)[place])
        expected = compute_reference_gradient([m[place] for m in weights], inputs[place], targets[place], steps)
        factor = (kernel.clip / (torch.sqrt(sum(m.square().sum() for m in expected)) + CLIP_EPSILON)).clamp(max=1.0)
        expected = [slope * factor + kernel.l2[place] * m[place].double() for slope, m in zip(expected, weights)]
        scale = max(float(slope.norm()) for slope in expected) or 1.0
        errors += [(own[place] - slope).norm() / scale for own, slope in zip(found, expected)]
    # torch's maximum propagates NaN, unlike Python's.
    return float(torch.stack(errors).max())


def make_kernel(
    weights: Any, history: int, batch: int, horizon_max: int, path: str | None = None, seed: int = 0, **options: Any
) -> Kernel:
    """Make the fast path for these weights and check it on this machine; if it fails, warn and use the reference path.

    ``path`` is ``reference``, ``augmented`` or ``batched``; if not given, ``augmented`` for one network on the CPU,
    else ``batched``. ``options`` are those of :class:`~twm.models.kernels.Kernel`."""
    weights = as_weights(weights)
    on_cpu = torch.device(options.get("device", "cpu")).type == "cpu"
    if path is None:
        path = "augmented" if weights.recurrent.ndim == 2 and on_cpu else "batched"
    require(path in _KERNELS, f"unknown path {path!r}: choose from {', '.join(_KERNELS)}")
    kernel = _KERNELS[path](weights, history, batch, horizon_max, **options)
    if path == ReferenceKernel.name:
        return kernel
    try:
        error, allowed = check_kernel(kernel, seed), TOLERANCE
        if error > allowed:  # rounding grows in every path where the network is chaotic
            allowed = max(allowed, 4 * check_kernel(ReferenceKernel(weights, history, batch, horizon_max, **options), seed))
        reason = f"its gradient differs from float64 autograd by {error:.1e}, relative; {allowed:.0e} is allowed"
        if error <= allowed:
            return kernel
    except RuntimeError as failure:
        reason = f"it failed: {str(failure).splitlines()[0]}"
    message = f"the {path} path is not used on this machine: {reason}. Training continues with PyTorch autograd, slower"
    warnings.warn(message, stacklevel=2)
    return ReferenceKernel(weights, history, batch, horizon_max, **options)
