"""Which device to compute on.

What every kernel can do, and what it is given and gives back.

Free runs of any length in constant memory, and their score on a task.

The slow, obvious path: torch autograd, torch's clipping and torch's Adam, in any dtype.

Every other path must equal this one, so it stays as plain as the protocol allows. An ensemble is a list of networks
that are trained one after another.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from twm.errors import require, require_count
from twm.models.weights import Weights, as_weights
from twm.theory.systems import HDS, rollout


def choose_device(device: str) -> str:
    """Return ``cpu`` or ``cuda`` for ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UserError: if the name is none of these, or ``cuda`` is asked for where torch finds no GPU.
    """
    require(device in ("auto", "cpu", "cuda"), f"unknown device {device!r}: choose auto, cpu or cuda")
    if device == "cpu":
        return device
    import torch

    found = torch.cuda.is_available()
    require(
        found or device == "auto",
        "torch finds no GPU on this machine: use --device cpu, or --device auto to take one where there is one",
    )
    return "cuda" if found else "cpu"


#: Adam's decay rates of the moments and its small number, PyTorch's defaults.
BETA_FIRST, BETA_SECOND, EPSILON = 0.9, 0.999, 1e-8
#: Added to the gradient's norm before clipping, as torch.nn.utils.clip_grad_norm_ does.
CLIP_EPSILON = 1e-6

_MATRICES = Weights._fields
#: Keys of a kernel's state: weights, both moments of Adam in the layout of the weights, and three numbers.
STATE_KEYS = (
    *_MATRICES,
    *(f"{name}.{moment}" for moment in ("first", "second") for name in _MATRICES),
    "iteration",
    "learning_rate",
)


class StepResult(NamedTuple):
    """What one batch came to, before its update. An ensemble's tensors have a leading ``models`` axis.

    Attributes:
        loss: (...,) mean squared error over the output phase.
        loss_by_step: (..., steps) mean squared error of each output step, zero beyond a model's horizon; ``steps`` is
            the length of the targets.
        accuracy: (...,) share of right signs over the output phase; an output of zero counts as positive.
    """

    loss: Tensor
    loss_by_step: Tensor
    accuracy: Tensor


class Kernel(ABC):
    """Networks in training: their weights, their optimiser, and a fast or a plain way to make an iteration.

    An iteration is what the paper's protocol says: the state starts at zero, ``history`` inputs enter, the network
    runs freely for ``horizon`` steps, the loss is the mean squared error of these, its gradient is clipped at a norm,
    and Adam with coupled weight decay makes a step, in torch's order.

    With weights of one network, batches are (history, batch, dim) and (steps, batch, dim). With those of an ensemble
    every tensor has a leading ``models`` axis and horizon, learning rate and weight decay may be one number a model;
    the models share nothing.

    Args:
        weights: initial weights in the layout of :class:`Weights`; copied.
        history: length of the input phase.
        batch: number of sequences of a batch.
        horizon_max: the longest output phase.
        learning_rate: Adam's step.
        l2: Adam's coupled weight decay.
        clip: largest norm of a model's gradient.
        dtype: of the computation.
        device: where it takes place.

    Attributes:
        name: of the path, for messages.
        models: number of models, or ``None`` for a single network.
        history, batch, dim, hidden, horizon_max: sizes.

    Raises:
        UserError: if a size is below 1, a rate is out of range, or the weights do not fit.

    Source: twm B.2.
    """

    name = "kernel"

    def __init__(
        self,
        weights: Any,
        history: int,
        batch: int,
        horizon_max: int,
        learning_rate: float | Sequence[float] | Tensor = 1e-3,
        l2: float | Sequence[float] | Tensor = 0.0,
        clip: float = 1.0,
        dtype: torch.dtype = torch.float32,
        device: Any = "cpu",
    ) -> None:
        weights = as_weights(weights)
        finite = all(bool(torch.isfinite(matrix).all()) for matrix in weights)
        require(finite, "initial weights must be finite: they have NaN or infinite entries")
        self.models = len(weights.recurrent) if weights.recurrent.ndim == 3 else None
        self.hidden, self.dim = weights.encoder.shape[-2:]
        self.history, self.batch = require_count(history, "history"), require_count(batch, "batch")
        self.horizon_max = require_count(horizon_max, "horizon_max")
        require(clip > 0, f"clip must be positive, not {clip!r}")
        self.clip, self.dtype, self.device = float(clip), dtype, torch.device(device)
        self.l2 = self._number_a_model(l2, "l2")
        require(bool((self.l2 >= 0).all()), f"l2 must be at least 0, not {l2!r}")
        self.learning_rate = self._check_rate(learning_rate)

    # ---- what every path implements

    @abstractmethod
    def weights(self) -> Weights:
        """Return a copy of the weights, in the kernel's dtype and on its device."""

    @abstractmethod
    def compute_gradient(self, inputs: Tensor, targets: Tensor, horizon: int | Sequence[int] | Tensor) -> Weights:
        """Return the loss's gradient for one batch, not clipped and without weight decay; nothing is updated.

        Args and Raises: as :meth:`step`.
        """

    @abstractmethod
    def step(self, inputs: Tensor, targets: Tensor, horizon: int | Sequence[int] | Tensor) -> StepResult:
        """Make one iteration: forward, backward, clip, Adam.

        Args:
            inputs: (..., history, batch, dim), u(1) first.
            targets: (..., steps, batch, dim), what the first ``steps`` outputs of the output phase should be; of these
                only the first ``horizon`` count, whatever stands behind them.
            horizon: length of the output phase, from 1 to ``steps``; one number, or one a model.

        Returns:
            loss and accuracy of the batch with the weights as they were before.

        Raises:
            UserError: if a shape does not fit or a horizon is out of range.
        """

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of all that training goes on from, under :data:`STATE_KEYS`.

        The layout is the same for every path, so that a run may change its path at a checkpoint. On the same path
        and machine it goes on bit for bit as if undisturbed.
        """

    @abstractmethod
    def _load(self, state: dict[str, Tensor]) -> None:
        """Take over a checked state."""

    # ---- what they share

    def run(self, inputs: Tensor, horizon: int, chunk: int = 50) -> Iterator[Tensor]:
        """Run freely without keeping anything but the state: see :func:`twm.models.kernels.run_forward`."""
        return run_forward(self.weights(), inputs, horizon, chunk)

    def set_learning_rate(self, learning_rate: float | Sequence[float] | Tensor) -> None:
        """Change Adam's step from the next iteration on.

        Raises:
            UserError: if it is not positive, or there is not one number or one a model.
        """
        self.learning_rate.copy_(self._check_rate(learning_rate))

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`state_dict` returned, of this or another path.

        Raises:
            UserError: if a key is missing or a shape does not fit; then nothing is changed.
        """
        missing = sorted(set(STATE_KEYS) - set(state))
        require(not missing, f"the state of a kernel lacks {', '.join(missing)}")
        shapes = dict(zip(_MATRICES, (tuple(matrix.shape) for matrix in self.weights())))
        single = () if self.models is None else (self.models,)
        for key in STATE_KEYS:
            expected, found = shapes.get(key.partition(".")[0], single), tuple(torch.as_tensor(state[key]).shape)
            require(found == expected, f"the state's {key} must be of shape {expected}, not {found}")
        self._load({key: torch.as_tensor(state[key]) for key in STATE_KEYS})

    # ---- helpers of the paths

    def _check_rate(self, learning_rate: Any) -> Tensor:
        rate = self._number_a_model(learning_rate, "learning_rate")
        require(bool((rate > 0).all()), f"learning_rate must be positive, not {learning_rate!r}")
        return rate

    def _number_a_model(self, value: Any, name: str) -> Tensor:
        shape = () if self.models is None else (self.models,)
        # Float64, because Adam's corrections such as 1 - 0.999 keep five digits only in float32.
        numbers = torch.as_tensor(value, dtype=torch.float64, device=self.device)
        fits = tuple(numbers.shape) in ((), shape)
        allowed = "one number" if self.models is None else "one number or one a model"
        require(fits, f"{name} must be {allowed}, not of shape {tuple(numbers.shape)}")
        require(bool(torch.isfinite(numbers).all()), f"{name} must be finite, not {value!r}")
        return numbers.expand(shape).clone()

    def _check_batch(self, inputs: Tensor, targets: Tensor) -> int:
        models = () if self.models is None else (self.models,)
        expected = (*models, self.history, self.batch, self.dim)
        require(tuple(inputs.shape) == expected, f"inputs must be of shape {expected}, not {tuple(inputs.shape)}")
        steps = targets.shape[-3] if targets.ndim == len(expected) else 0
        fits = tuple(targets.shape) == (*models, steps, self.batch, self.dim) and 1 <= steps <= self.horizon_max
        wanted = f"{models} + (1 to {self.horizon_max}, {self.batch}, {self.dim})"
        require(fits, f"targets must be of shape {wanted}, not {tuple(targets.shape)}")
        return steps

    def _check_horizon(self, horizon: Any, steps: int) -> Any:
        """Return the horizon as an int for one network, as an int64 tensor (models,) on the device for an ensemble."""
        if self.models is None:
            horizon = require_count(horizon, "horizon")
            require(horizon <= steps, f"a horizon of {horizon} needs as many targets, not {steps}")
            return horizon
        horizons = torch.as_tensor(horizon, device=self.device)
        require(not horizons.is_floating_point(), "horizons must be whole numbers")
        fits = tuple(horizons.shape) in ((), (self.models,))
        require(fits, f"horizon must be one number or one a model, not of shape {tuple(horizons.shape)}")
        # Reading numbers back from a GPU would stall it, so there the caller's word is taken.
        if horizons.device.type == "cpu":
            inside = bool(((horizons >= 1) & (horizons <= steps)).all())
            require(inside, f"horizons must lie between 1 and the number of targets, {steps}")
        return horizons.to(torch.int64).expand(self.models)


class RunScore(NamedTuple):
    """How well a free run followed its task, step by step. An ensemble's tensors have a leading ``models`` axis.

    Attributes:
        loss_by_step: (..., horizon) mean squared error.
        accuracy_by_step: (..., horizon) share of right signs; an output of zero counts as positive.
    """

    loss_by_step: Tensor
    accuracy_by_step: Tensor


@torch.no_grad()
def run_forward(weights: Any, inputs: Tensor, horizon: int, chunk: int = 50) -> Iterator[Tensor]:
    """Fill the network with inputs and let it run freely, a chunk of the output phase at a time.

    Only the states of one chunk exist at any time, so a run a hundred times the training horizon costs no more memory
    than a short one.

    Args:
        weights: as :func:`twm.models.weights.as_weights` takes them.
        inputs: (..., history, batch, dim), u(1) first.
        horizon: number of steps of the output phase.
        chunk: steps a chunk.

    Yields:
        outputs (..., steps, batch, dim) of successive steps of the output phase, ``chunk`` or fewer at a time, in the
        weights' dtype.

    Raises:
        UserError: if a shape does not fit or a count is below 1.
    """
    weights = as_weights(weights)
    horizon, chunk = require_count(horizon, "horizon"), require_count(chunk, "chunk")
    recurrent, encoder, readout = (matrix.mT.contiguous() for matrix in weights)
    models, dim = tuple(recurrent.shape[:-2]), encoder.shape[-2]
    fits = inputs.ndim == len(models) + 3 and tuple(inputs.shape[:-3]) == models and inputs.shape[-1] == dim
    require(fits, f"inputs must be of shape {models} + (history, batch, {dim}), not {tuple(inputs.shape)}")
    inputs = inputs.to(recurrent.dtype)
    state = inputs.new_zeros((*models, inputs.shape[-2], recurrent.shape[-1]))
    for entering in inputs.unbind(-3):
        state = torch.tanh(state @ recurrent + entering @ encoder)
    for start in range(0, horizon, chunk):
        states = []
        for _ in range(min(chunk, horizon - start)):
            state = torch.tanh(state @ recurrent)
            states.append(state)
        yield torch.stack(states, -3) @ readout.unsqueeze(-3)


def score_run(weights: Any, task: HDS, initial: Tensor, horizon: int, chunk: int = 50) -> RunScore:
    """Run networks freely on a task of signs and compare every step with what the task says.

    Args:
        weights: as :func:`twm.models.weights.as_weights` takes them.
        task: a system on states of -1 and 1.
        initial: (count, history, dim) initial states, the inputs of every model.
        horizon: number of steps of the output phase, of any length.
        chunk: steps held at a time.

    Returns:
        loss and accuracy of each step.

    Raises:
        UserError: if a shape does not fit or a count is below 1.
    """
    weights = as_weights(weights)
    fits = initial.ndim == 3 and tuple(initial.shape[1:]) == (task.history, task.dim)
    require(fits, f"initial must be of shape (count, {task.history}, {task.dim}), not {tuple(initial.shape)}")
    inputs = initial.transpose(0, 1).expand(*weights.recurrent.shape[:-2], -1, -1, -1)
    window, losses, accuracies = initial, [], []
    for outputs in run_forward(weights, inputs, horizon, chunk):
        steps = outputs.shape[-3]
        states = rollout(task, window, steps)
        window = states[:, -task.history :]
        targets = states[:, task.history :].transpose(0, 1)
        losses.append((outputs - targets).square().mean((-1, -2)))
        accuracies.append(((outputs >= 0) == (targets > 0)).float().mean((-1, -2)))
    return RunScore(torch.cat(losses, -1), torch.cat(accuracies, -1))


def run_network(weights: Weights, inputs: Tensor, horizon: int) -> Tensor:
    """Run one network as the formulas say, with autograd's record.

    Args:
        weights: of one network.
        inputs: (history, batch, dim).
        horizon: length of the output phase.

    Returns:
        outputs of the output phase, (horizon, batch, dim).

    Source: twm Eq. (9).
    """
    recurrent, encoder, readout = weights
    # States are the rows of a batch, so the formulas' matrices act from the right, transposed.
    state = inputs.new_zeros(inputs.shape[1], len(recurrent))
    for entering in inputs:
        state = torch.tanh(state @ recurrent.T + entering @ encoder.T)
    outputs = []
    for _ in range(horizon):
        state = torch.tanh(state @ recurrent.T)
        outputs.append(state @ readout.T)
    return torch.stack(outputs)


def compute_reference_gradient(weights: Any, inputs: Tensor, targets: Tensor, horizon: int) -> Weights:
    """Compute one network's gradient of the mean squared error with autograd, in the dtype of ``weights``.

    Args:
        weights: of one network.
        inputs: (history, batch, dim).
        targets: (steps, batch, dim), at least ``horizon`` of them.
        horizon: length of the output phase.

    Returns:
        the gradient, not clipped, in the layout of the weights.

    Raises:
        UserError: if the weights do not fit.
    """
    leaves = Weights(*(matrix.detach().clone().requires_grad_() for matrix in as_weights(weights)))
    dtype = leaves.recurrent.dtype
    with torch.enable_grad():
        outputs = run_network(leaves, inputs.to(dtype), horizon)
        loss = (outputs - targets[:horizon].to(dtype)).square().mean()
        return Weights(*torch.autograd.grad(loss, leaves))


class ReferenceKernel(Kernel):
    """Train with torch's own parts; see :class:`twm.models.kernels.Kernel` for arguments and methods."""

    name = "reference"

    def __init__(self, weights: Any, history: int, batch: int, horizon_max: int, *args: Any, **options: Any) -> None:
        super().__init__(weights, history, batch, horizon_max, *args, **options)
        weights = as_weights(weights)
        singles = [weights] if self.models is None else [Weights(*matrices) for matrices in zip(*weights)]
        self._networks = [
            Weights(*(nn.Parameter(matrix.detach().to(self.device, self.dtype, copy=True)) for matrix in single))
            for single in singles
        ]
        self._optimisers = [
            torch.optim.Adam(network, float(rate), (BETA_FIRST, BETA_SECOND), EPSILON, float(l2))
            for network, rate, l2 in zip(self._networks, self.learning_rate.reshape(-1), self.l2.reshape(-1))
        ]

    def weights(self) -> Weights:
        """Return a copy of the weights."""
        return self._join([[matrix.detach() for matrix in network] for network in self._networks])

    def compute_gradient(self, inputs: Tensor, targets: Tensor, horizon: int | Sequence[int] | Tensor) -> Weights:
        """Return the loss's gradient for one batch; see :meth:`twm.models.kernels.Kernel.compute_gradient`."""
        batches = self._split_batch(inputs, targets, horizon)
        return self._join([compute_reference_gradient(*arguments) for arguments in zip(self._networks, *batches)])

    @torch.enable_grad()
    def step(self, inputs: Tensor, targets: Tensor, horizon: int | Sequence[int] | Tensor) -> StepResult:
        """Make one iteration; see :meth:`twm.models.kernels.Kernel.step`."""
        results = []
        rates = self.learning_rate.reshape(-1).tolist()
        for network, optimiser, rate, *batch in zip(
            self._networks, self._optimisers, rates, *self._split_batch(inputs, targets, horizon)
        ):
            results.append(self._step_network(network, optimiser, rate, *batch))
        return StepResult(*(self._stack(values) for values in zip(*results)))

    def _step_network(
        self, network: Weights, optimiser: torch.optim.Adam, rate: float, inputs: Tensor, targets: Tensor, horizon: int
    ) -> StepResult:
        outputs, wanted = run_network(network, inputs, horizon), targets[:horizon]
        squares = (outputs - wanted).square()
        loss = squares.mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network, self.clip)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.step()
        loss_by_step = squares.new_zeros(len(targets))
        loss_by_step[:horizon] = squares.detach().mean((1, 2))
        accuracy = ((outputs >= 0) == (wanted > 0)).to(self.dtype).mean()
        return StepResult(loss.detach(), loss_by_step, accuracy)

    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of all that training goes on from; see :meth:`twm.models.kernels.Kernel.state_dict`."""
        state = dict(zip(Weights._fields, self.weights()))
        for moment, key in (("first", "exp_avg"), ("second", "exp_avg_sq")):
            # Torch's Adam has no moments before its first step.
            found = [
                [optimiser.state[matrix].get(key, torch.zeros_like(matrix)).detach() for matrix in network]
                for network, optimiser in zip(self._networks, self._optimisers)
            ]
            state.update({f"{name}.{moment}": value for name, value in zip(Weights._fields, self._join(found))})
        counts = [
            torch.tensor(int(optimiser.state[network.recurrent].get("step", 0)), device=self.device)
            for network, optimiser in zip(self._networks, self._optimisers)
        ]
        state["iteration"] = self._stack(counts)
        state["learning_rate"] = self.learning_rate.clone()
        return state

    @torch.no_grad()
    def _load(self, state: dict[str, Tensor]) -> None:
        self.learning_rate.copy_(state["learning_rate"])
        for place, (network, optimiser) in enumerate(zip(self._networks, self._optimisers)):
            own = state if self.models is None else {key: value[place] for key, value in state.items()}
            for name, matrix in zip(Weights._fields, network):
                matrix.copy_(own[name])
                optimiser.state[matrix] = {
                    "step": torch.tensor(float(own["iteration"])),
                    "exp_avg": own[f"{name}.first"].to(matrix, copy=True),
                    "exp_avg_sq": own[f"{name}.second"].to(matrix, copy=True),
                }

    def _split_batch(self, inputs: Tensor, targets: Tensor, horizon: Any) -> tuple[Any, Any, list[int]]:
        steps = self._check_batch(inputs, targets)
        horizons = self._check_horizon(horizon, steps)
        inputs, targets = (values.to(self.device, self.dtype) for values in (inputs, targets))
        if self.models is None:
            return [inputs], [targets], [horizons]
        return inputs.unbind(), targets.unbind(), horizons.tolist()

    def _join(self, networks: Sequence[Sequence[Tensor]]) -> Weights:
        return Weights(*(self._stack(matrices) for matrices in zip(*networks)))

    def _stack(self, values: Sequence[Tensor]) -> Tensor:
        return values[0].clone() if self.models is None else torch.stack(list(values))
