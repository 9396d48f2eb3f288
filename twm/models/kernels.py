"""Trainable matrices and their initialisation, the interface of all kernels, and the reference implementation."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from twm.errors import check_name, require, require_count
from twm.theory.operators import make_cycle, make_wave_operator

#: Initialisations. The encoder and the readout are uniform in all but ``gaussian``.
INITIALISATIONS = ("uniform", "gaussian", "orthogonal", "identity")
#: Initialisations of the recurrent matrix as a wave, which depend on the size of the task's substrate.
WAVE_INITIALISATIONS = ("wave", "wave-embedded", "wave-noisy", "wave-task")


class Weights(NamedTuple):
    """The matrices of h(t) = tanh(W_hh h(t-1) + W_uh u(t)), y(t) = W_r h(t), acting on columns. Source: twm Eq. (9)."""

    recurrent: Tensor  # W_hh, (..., hidden, hidden)
    encoder: Tensor  # W_uh, (..., hidden, dim)
    readout: Tensor  # W_r, (..., dim, hidden)


def as_weights(weights: Any) -> Weights:
    """Convert three arrays or tensors, in the order of :class:`Weights`, to tensors, keeping their dtypes."""
    matrices = tuple(torch.as_tensor(matrix) for matrix in weights)
    require(len(matrices) == 3, f"weights are three matrices (recurrent, encoder, readout), not {len(matrices)}")
    shapes = [tuple(matrix.shape) for matrix in matrices]
    *models, hidden, dim = shapes[1] if len(shapes[1]) in (2, 3) else (0, 0)
    expected = [(*models, hidden, hidden), (*models, hidden, dim), (*models, dim, hidden)]
    fits = shapes == expected and 0 not in (*models, hidden, dim)
    told = ", ".join(map(str, shapes))
    require(fits, f"weights must be (..., hidden, hidden), (..., hidden, dim), (..., dim, hidden), not {told}")
    return Weights(*matrices)


def stack_weights(networks: Any) -> Weights:
    """Stack the weights of single networks of equal size into those of an ensemble, with a leading ``models`` axis."""
    networks = [as_weights(weights) for weights in networks]
    require(len(networks) > 0, "an ensemble needs at least one network")
    sizes = {tuple(weights.encoder.shape) for weights in networks}
    single = len(sizes) == 1 and networks[0].encoder.ndim == 2
    require(single, f"networks of an ensemble must be single networks of equal (hidden, dim), not {sorted(sizes)}")
    return Weights(*(torch.stack(matrices) for matrices in zip(*networks)))


def draw_weights(
    dim: int, hidden: int, initial: str = "uniform", seed: int | torch.Generator = 0, history: int | None = None,
    boundary: np.ndarray | None = None,
) -> Weights:  # fmt: skip
    """Draw one network's initial weights, on the CPU in float32, the same alone or in a sweep and on any device.

    ``uniform`` is within +-1/sqrt(hidden), ``gaussian`` has variance 1/hidden. The others change only the recurrent matrix:
    ``orthogonal``; ``identity``; ``wave``, repeat copy's on the first history*dim neurons; ``wave-embedded``, the same in a
    random orthonormal basis; ``wave-noisy``, that plus the uniform draw; ``wave-task``, the operator of ``boundary`` (dim,
    history*dim) in that basis. Source: twm B.2 (uniform), B.4 (gaussian), Eq. (6), (31) (wave); others are additions."""
    dim, hidden = require_count(dim, "dim"), require_count(hidden, "hidden")
    check_initial(initial, dim, hidden, history)
    if initial == "wave-task":
        told = "initial 'wave-task' needs the boundary matrix of the task: it is linear or has none"
        require(boundary is not None, told)
        shape, expected = np.shape(boundary), (dim, history * dim)
        require(shape == expected, f"the boundary must be of shape {expected}, not {shape}")
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(int(seed))
    require(generator.device.type == "cpu", "initial weights are drawn on the CPU: give a CPU generator")

    # Drawn even if then replaced, so that a seed has the same encoder and readout in all uniform schemes.
    shapes = ((hidden, dim), (hidden, hidden), (dim, hidden))
    encoder, recurrent, readout = (draw_matrix(shape, hidden, initial, generator) for shape in shapes)
    if initial == "orthogonal":
        recurrent = _draw_orthogonal(hidden, generator).to(torch.float32)
    elif initial == "identity":
        recurrent = torch.eye(hidden)
    elif initial in WAVE_INITIALISATIONS:
        wave = make_cycle(history, dim) if initial != "wave-task" else make_wave_operator(np.asarray(boundary, float))
        recurrent = _draw_wave(initial, recurrent, torch.from_numpy(wave).double(), generator)
    return Weights(recurrent, encoder, readout)


def check_initial(initial: str, dim: int, hidden: int, history: int | None) -> None:
    """Check that an initialisation is known and that its wave, if it has one, fits into the hidden neurons."""
    check_name("initial", initial, (*INITIALISATIONS, *WAVE_INITIALISATIONS))
    if initial in WAVE_INITIALISATIONS:
        require(history is not None, f"initial {initial!r} needs the history of the task: the number of columns")
        least = f"initial {initial!r} needs hidden of at least history*dim = {require_count(history, 'history') * dim}"
        reason = "a wave has one column per step of the history"
        require(hidden >= history * dim, f"{least}, not {hidden}: {reason}")


def draw_matrix(shape: tuple[int, ...], hidden: int, initial: str, generator: torch.Generator) -> Tensor:
    """Draw float32 numbers on the scale 1/sqrt(hidden): normal for ``gaussian``, uniform for all other schemes."""
    draw = torch.randn if initial == "gaussian" else torch.rand
    numbers = draw(shape, generator=generator, dtype=torch.float32)
    return (numbers if initial == "gaussian" else numbers * 2 - 1) * hidden**-0.5


def _draw_orthogonal(size: int, generator: torch.Generator) -> Tensor:
    frame, upper = torch.linalg.qr(torch.randn((size, size), generator=generator, dtype=torch.float64))
    # The signs make the draw uniform over orthogonal matrices.
    return frame * upper.diagonal().sign()


def _draw_wave(initial: str, drawn: Tensor, wave: Tensor, generator: torch.Generator) -> Tensor:
    rest = len(drawn) - len(wave)
    if initial == "wave":
        return torch.block_diag(wave, torch.zeros(rest, rest)).to(torch.float32)
    frame = _draw_orthogonal(len(drawn), generator)[:, : len(wave)]
    embedded = (frame @ wave @ frame.T).to(torch.float32)
    return embedded + drawn if initial == "wave-noisy" else embedded


#: Adam's decay rates of the moments and its epsilon, PyTorch's defaults.
BETA_FIRST, BETA_SECOND, EPSILON = 0.9, 0.999, 1e-8
#: Added to the gradient's norm before clipping, as torch.nn.utils.clip_grad_norm_ does.
CLIP_EPSILON = 1e-6
_PARTS = ("", ".first", ".second")  # suffixes of the names in a state: weights, then Adam's moments
Numbers = int | float | Sequence[float] | Tensor  # one for all models, or one per model


def choose_device(device: str) -> str:
    """Resolve ``auto``, ``cpu`` or ``cuda`` to ``cpu`` or ``cuda``; a UserError for ``cuda`` if torch finds no GPU."""
    require(device in ("auto", "cpu", "cuda"), f"unknown device {device!r}: choose auto, cpu or cuda")
    found = device != "cpu" and torch.cuda.is_available()
    told = "PyTorch finds no GPU on this machine: use --device cpu, or --device auto to use a GPU if there is one"
    require(found or device != "cuda", told)
    return "cuda" if found else "cpu"


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Use full float32 precision in matrix products, convolutions and torch's recurrent layers, whatever the caller has set:
    on a GPU, TF32 would keep only ten bits."""
    places = torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn
    before = [place.fp32_precision for place in places]
    try:
        for place in places:
            place.fp32_precision = "ieee"
        yield
    finally:
        for place, setting in zip(places, before):
            place.fp32_precision = setting


class StepResult(NamedTuple):
    """Loss and accuracy of one batch, before its update. An ensemble's tensors have a leading ``models`` axis."""

    loss: Tensor  # (...,) mean squared error over the output phase
    loss_by_step: Tensor  # (..., steps) loss of each output step that has a target, zero beyond a model's horizon
    accuracy: Tensor  # (...,) sign accuracy over the output phase; an output of zero counts as positive


class Kernel:
    """Networks in training, with their optimiser: one step is an iteration of the paper's protocol. Source: twm B.2.

    From a state of zero, the network receives ``history`` inputs, then runs for ``horizon`` steps without input. The loss is
    their mean squared error; its gradient is clipped by norm, and Adam with coupled weight decay ``l2`` makes a step. An
    ensemble's tensors lead with a ``models`` axis, ``None`` for one network. A subclass (path) has a ``name`` and defines
    ``_step``, an iteration with an int or int64 (models,) horizon, ``_get``, copies of its whole state, and its inverse ``_set``."""

    def __init__(
        self, weights: Any, history: int, batch: int, horizon_max: int, learning_rate: Numbers = 1e-3,
        l2: Numbers = 0.0, clip: float = 1.0, dtype: torch.dtype = torch.float32, device: Any = "cpu",
    ) -> None:  # fmt: skip
        weights = as_weights(weights)
        finite = all(bool(matrix.isfinite().all()) for matrix in weights)
        require(finite, "initial weights must be finite: they have NaN or infinite entries")
        self.models = len(weights.recurrent) if weights.recurrent.ndim == 3 else None
        self._leading = () if self.models is None else (self.models,)
        self.hidden, self.dim = weights.encoder.shape[-2:]
        self.history, self.batch = require_count(history, "history"), require_count(batch, "batch")
        self.horizon_max = require_count(horizon_max, "horizon_max")
        require(clip > 0, f"clip must be positive, not {clip!r}")
        self.clip, self.dtype, self.device = float(clip), dtype, torch.device(device)
        self.l2 = self._number_a_model(l2, "l2")
        self.learning_rate = self._number_a_model(learning_rate, "learning_rate")

    def step(self, inputs: Tensor, targets: Tensor, horizon: Numbers) -> StepResult:
        """Make one iteration on inputs (..., history, batch, dim), u(1) first, and targets (..., steps, batch, dim), of
        which only the first ``horizon`` steps are used."""
        shape = (*self._leading, self.history, self.batch, self.dim)
        require(tuple(inputs.shape) == shape, f"inputs must be of shape {shape}, not {tuple(inputs.shape)}")
        steps = targets.shape[-3] if targets.ndim == len(shape) else 0
        fits = tuple(targets.shape) == (*self._leading, steps, *shape[-2:]) and 1 <= steps <= self.horizon_max
        wanted = f"{self._leading} + (1 to {self.horizon_max}, {self.batch}, {self.dim})"
        require(fits, f"targets must be of shape {wanted}, not {tuple(targets.shape)}")
        told = f"horizons must be whole numbers between 1 and the number of targets, {steps}, not {horizon!r}"
        if self.models is None:
            require(require_count(horizon, "horizon") <= steps, told)
            return self._step(inputs, targets, int(horizon))
        horizons = torch.as_tensor(horizon, device=self.device)
        require(tuple(horizons.shape) in ((), self._leading) and not horizons.is_floating_point(), told)
        # Horizons on a GPU are not checked, because reading them back would stall it.
        require(horizons.is_cuda or bool(((horizons >= 1) & (horizons <= steps)).all()), told)
        return self._step(inputs, targets, horizons.to(torch.int64).expand(self.models))

    def weights(self) -> Weights:
        """Return a copy of the weights, in the kernel's dtype and on its device."""
        return self._get()[0]

    def set_learning_rate(self, learning_rate: Numbers) -> None:
        """Set Adam's learning rate from the next iteration on."""
        self.learning_rate.copy_(self._number_a_model(learning_rate, "learning_rate"))

    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of the complete training state, which resumes bit for bit; all paths share its layout."""
        *parts, iteration = self._get()
        state = {name + part: m for part, three in zip(_PARTS, parts) for name, m in zip(Weights._fields, three)}
        return state | {"iteration": iteration, "learning_rate": self.learning_rate.clone()}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Load a :meth:`state_dict` of any path; a UserError, with nothing changed, if it does not fit."""
        expected = self.state_dict()
        missing = sorted(set(expected) - set(state))
        require(not missing, f"the state of a kernel lacks {', '.join(missing)}")
        for key, value in expected.items():
            shape, found = tuple(value.shape), tuple(state[key].shape)
            require(found == shape, f"the state's {key} must be of shape {shape}, not {found}")
        parts = (Weights(*(state[name + part] for name in Weights._fields)) for part in _PARTS)
        self._set(*parts, state["iteration"])
        self.learning_rate.copy_(state["learning_rate"])

    def _number_a_model(self, value: Any, name: str) -> Tensor:
        # Float64, because in float32 Adam's bias corrections such as 1 - 0.999 keep only five digits.
        numbers = torch.as_tensor(value, dtype=torch.float64, device=self.device)
        in_range = numbers >= 0 if name == "l2" else numbers > 0
        fits = tuple(numbers.shape) in ((), self._leading) and bool((in_range & numbers.isfinite()).all())
        allowed = "one number" if self.models is None else "one number, or one per model"
        least = "at least 0" if name == "l2" else "positive"
        require(fits, f"{name} must be {allowed}, finite and {least}, not {value!r}")
        return numbers.expand(self._leading).clone()


@torch.no_grad()
def run_forward(weights: Any, inputs: Tensor, horizon: int, chunk: int = 50, kept: dict | None = None) -> Iterator[Tensor]:
    """Run networks on ``inputs`` (..., history, batch, dim), then without input, and yield the outputs in pieces
    (..., steps, batch, dim) of at most ``chunk`` steps, so that only one piece's states are in memory. ``kept`` receives
    the last ``state`` of each piece; if it already holds one, the run continues from there."""
    weights = as_weights(weights)
    horizon, chunk = require_count(horizon, "horizon"), require_count(chunk, "chunk")
    recurrent, encoder, readout = (matrix.mT.contiguous() for matrix in weights)
    models, dim = tuple(recurrent.shape[:-2]), encoder.shape[-2]
    fits = inputs.ndim == len(models) + 3 and tuple(inputs.shape[:-3]) == models and inputs.shape[-1] == dim
    require(fits, f"inputs must be of shape {models} + (history, batch, {dim}), not {tuple(inputs.shape)}")
    inputs = inputs.to(recurrent.dtype)
    kept, state = {} if kept is None else kept, inputs.new_zeros((*models, inputs.shape[-2], recurrent.shape[-1]))
    for entering in () if "state" in kept else inputs.unbind(-3):
        state = torch.tanh(state @ recurrent + entering @ encoder)
    state = kept.get("state", state)
    for start in range(0, horizon, chunk):
        states = []
        for _ in range(min(chunk, horizon - start)):
            state = torch.tanh(state @ recurrent)
            states.append(state)
        kept["state"] = state
        yield torch.stack(states, -3) @ readout.unsqueeze(-3)


def run_network(weights: Weights, inputs: Tensor, horizon: int) -> Tensor:
    """Run networks on (..., history, batch, dim), tracked by autograd: (..., horizon, batch, dim). Source: twm Eq. (9)."""
    # States are the rows of a batch, so the formulas' matrices act from the right, transposed.
    recurrent, encoder, readout = (matrix.mT for matrix in weights)
    state, outputs = inputs.new_zeros(*inputs.shape[:-3], inputs.shape[-2], recurrent.shape[-1]), []
    for entering in inputs.unbind(-3):
        state = torch.tanh(state @ recurrent + entering @ encoder)
    for _ in range(horizon):
        state = torch.tanh(state @ recurrent)
        outputs.append(state @ readout)
    return torch.stack(outputs, -3)


class ReferenceKernel(Kernel):
    """Train with torch autograd, torch's clipping and torch's Adam, in any dtype, one network after another."""

    name = "reference"

    def __init__(self, weights: Any, *args: Any, **options: Any) -> None:
        super().__init__(weights, *args, **options)
        singles = [as_weights(weights)] if self.models is None else zip(*as_weights(weights))
        self._networks = [
            Weights(*(nn.Parameter(matrix.detach().to(self.device, self.dtype, copy=True)) for matrix in single))
            for single in singles
        ]
        l2s, weights = self.l2.reshape(-1).tolist(), Weights(*self._join(self._networks))
        self._optimisers = [torch.optim.Adam(network, weight_decay=l2) for network, l2 in zip(self._networks, l2s)]
        for network, optimiser in zip(self._networks, self._optimisers):
            for matrix in network:
                matrix.grad = torch.zeros_like(matrix)
            optimiser.step()  # It makes torch allocate the moments; its effect is overwritten.
        nothing = Weights(*map(torch.zeros_like, weights))
        self._set(weights, nothing, nothing, torch.zeros(self._leading))

    @torch.enable_grad()
    def _step(self, inputs: Tensor, targets: Tensor, horizon: Any) -> StepResult:
        inputs, targets = (values.to(self.device, self.dtype) for values in (inputs, targets))
        batches = [(inputs, targets, horizon)] if self.models is None else zip(inputs, targets, horizon.tolist())
        return StepResult(*self._join([self._step_network(place, *batch) for place, batch in enumerate(batches)]))

    def _step_network(self, place: int, inputs: Tensor, targets: Tensor, horizon: int) -> tuple[Tensor, Tensor, Tensor]:
        network, optimiser = self._networks[place], self._optimisers[place]
        outputs, wanted = run_network(network, inputs, horizon), targets[:horizon]
        squares = (outputs - wanted).square()
        loss = squares.mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network, self.clip)
        optimiser.param_groups[0]["lr"] = float(self.learning_rate.reshape(-1)[place])
        optimiser.step()
        loss_by_step = squares.new_zeros(len(targets))
        loss_by_step[:horizon] = squares.detach().mean((1, 2))
        return loss.detach(), loss_by_step, ((outputs >= 0) == (wanted > 0)).to(self.dtype).mean()

    def _get(self) -> tuple[Weights, Weights, Weights, Tensor]:
        # Adam's state of each matrix: the number of steps, the first and the second moment.
        pairs = zip(self._networks, self._optimisers)
        states = [[tuple(optimiser.state[matrix].values()) for matrix in network] for network, optimiser in pairs]
        moments = ([[state[place] for state in three] for three in states] for place in (1, 2))
        counts = torch.tensor([int(three[0][0]) for three in states], device=self.device)
        parts = (Weights(*self._join(models)) for models in (self._networks, *moments))
        return *parts, counts.reshape(self._leading)

    @torch.no_grad()
    def _set(self, weights: Weights, first: Weights, second: Weights, iteration: Tensor) -> None:
        for place, (network, optimiser) in enumerate(zip(self._networks, self._optimisers)):
            here = () if self.models is None else place
            for matrix, value, *moments in zip(network, weights, first, second):
                matrix.copy_(value[here])
                for kept, given in zip(optimiser.state[matrix].values(), (iteration, *moments)):
                    kept.copy_(given[here])

    def _join(self, models: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Stack corresponding tensors over the models; for a single network, return copies."""
        stacked = [torch.stack([value.detach() for value in values]) for values in zip(*models)]
        return [values[0] for values in stacked] if self.models is None else stacked
