"""Reference implementation: PyTorch's autograd for one network of any kind, on the same data by the same protocol.

A module is trained if ``module(inputs, horizon)`` takes inputs (history, batch, dim) and returns the outputs of the
output phase (horizon, batch, dim), or an object whose ``outputs`` ends with them. Networks of any kind that share a seed
receive the same sequences in the same order. Faster paths are tested against this one, so it stays simple."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# Imported by name, so that replacing torch.optim.Adam for a comparison leaves this one unchanged.
from torch.optim import Adam

from twm.errors import require
from twm.models.attention import AttentionRNN
from twm.models.elman import ElmanRNN, name_network, write_weights
from twm.models.kernels import StepResult
from twm.streams import binary_inputs
from twm.theory.operators import make_shift
from twm.theory.spectra import select_slow
from twm.theory.systems import HDS, parse_task, rollout
from twm.training.ensemble import Curricula
from twm.training.loop import LEVEL, TrainingRun, describe_model, round_some, shorten
from twm.training.plans import Plan
from twm.training.workers import format_seconds


def _start_at_shift(task: HDS, hidden: int, seed: int) -> nn.Module:
    network, wave = ElmanRNN(task.dim, hidden, "linear", seed=seed), torch.zeros(hidden, hidden)
    wave[: task.size, : task.size] = torch.from_numpy(make_shift(task.history, task.dim))
    network.set_matrices(wave)
    return network


#: The networks compared. ``attention`` is one head with learnt positions, ``attention-heads`` has one head per column;
#: ``attention-wide`` has about as many parameters as an Elman network of 128 at s = d = 8; ``attention-unlabelled`` has no
#: positions, as in Eq. (8). ``linear-shift`` is initialised as a wave with both ends open, like H3 (twm 3.1).
MODELS: dict[str, Callable[[HDS, int, int], nn.Module]] = {
    "attention": lambda task, hidden, seed: AttentionRNN(task.history, task.dim, 1, None, True, seed),
    "attention-heads": lambda task, hidden, seed: AttentionRNN(task.history, task.dim, task.history, None, True, seed),
    "attention-wide": lambda task, hidden, seed: AttentionRNN(task.history, task.dim, 16, 68, True, seed),
    "attention-unlabelled": lambda task, hidden, seed: AttentionRNN(task.history, task.dim, 1, None, False, seed),
    "elman": lambda task, hidden, seed: ElmanRNN(task.dim, hidden, seed=seed),
    "elman-bias": lambda task, hidden, seed: ElmanRNN(task.dim, hidden, seed=seed, bias=True),
    "linear": lambda task, hidden, seed: ElmanRNN(task.dim, hidden, "linear", seed=seed),
    "linear-shift": _start_at_shift,
}


@dataclass(frozen=True)
class TrainingPlan(Plan):
    """All settings of a training run except network, task and seed. Source: twm B.2 and Table 2."""

    iterations: int = 20_000  # batches at most
    batch: int = 64  # sequences
    learning_rate: float = 1e-3  # of Adam
    l2: float = 0.0  # Adam's coupled weight decay
    clip: float = 1.0  # largest norm of the gradient
    horizons: tuple[int, ...] = (10, 20, 40, 60, 100)  # of the staged curriculum; a single one for no curriculum
    threshold: float = 0.98  # sign accuracy above which a stage ends
    test_every: int = 100  # iterations
    test_count: int = 256  # sequences of the fixed test set
    test_horizon: int = 100  # output steps of a test
    stop_at: float | None = None  # end at the first test with this sign accuracy

    def __post_init__(self) -> None:
        self._check(count="iterations batch test_every test_count test_horizon", horizons="horizons")
        self._check(positive="learning_rate clip", not_negative="l2")
        require(0 <= self.threshold <= 1, f"threshold must be a fraction between 0 and 1, not {self.threshold!r}")


@dataclass(frozen=True)
class ModulePlan(TrainingPlan):
    """One network of the comparison of attention with Elman networks."""

    protocol = "attention"

    model: str = "attention"  # a name in MODELS
    task: str = "T1"
    seed: int = 0
    hidden: int = 128  # neurons of an Elman network; for attention, set to the size of its window

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.model in MODELS, f"unknown model {self.model}: choose from {', '.join(MODELS)}")
        task = parse_task(self.task)
        self._check(natural="seed")
        if self.model.startswith("attention"):
            self._settle("hidden", task.size)

    curriculum = property(lambda self: "staged" if len(self.horizons) > 1 else "none")  # the rule of the horizon
    horizon = property(lambda self: "-".join(map(str, self.horizons)))  # the horizons as text

    @property
    def name(self) -> str:
        """The network's name, with a checksum of the whole plan that makes it unique."""
        rest = f"_{zlib.crc32(repr(self).encode()):08x}"
        return name_network(f"{self.model}_{self.task}", self.hidden, self.l2, self.seed, rest)


@dataclass(frozen=True)
class RulePlan(ModulePlan):
    """One Elman network to train on any boundary: Table 1's protocol with shorter stages, ended at an accuracy of 1."""

    protocol = "rules"
    letters = {"iterations": "i", "learning_rate": "lr", "horizons": "H", "stop_at": "stop"}

    model: str = "elman"
    task: str = "majority:3,2,0"
    hidden: int = 96
    iterations: int = 6000
    horizons: tuple[int, ...] = (3, 5, 10, 20, 40)
    test_every: int = 250
    test_horizon: int = 200
    stop_at: float | None = 1.0

    network = property(lambda self: self.model)  # its kind
    bias = property(lambda self: "_bias" if self.model == "elman-bias" else "")
    name = property(lambda self: name_network(self.task, self.hidden, self.l2, self.seed, self.bias + self._name_rest()))


def draw_batch(task: HDS, split: str, seed: int, iteration: int, count: int, horizon: int) -> tuple[Tensor, Tensor]:
    """Draw inputs (history, count, dim) and next states (horizon, count, dim), float32, of a ``split``: ``train`` or ``test``."""
    initial = binary_inputs(f"{task.name}/{split}", seed, iteration, count, (task.history, task.dim))
    states = rollout(task, initial, horizon).transpose(0, 1)
    return states[: task.history], states[task.history :]


def run_output_phase(network: nn.Module, inputs: Tensor, horizon: int) -> Tensor:
    """Run a network and return the outputs of its output phase, (horizon, batch, dim)."""
    result = network(inputs, horizon)
    return getattr(result, "outputs", result)[-horizon:]


def measure_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the sign accuracy at each step of (horizon, batch, dim); an output of zero counts as positive."""
    return ((outputs >= 0) == (targets > 0)).float().mean((1, 2))


class ModuleRun(TrainingRun):
    """One network in training, by Adam on the clipped gradient of whole sequences. Source: twm B.2."""

    plan_type, alone = ModulePlan, "networks of the comparison"
    key = ("model", "task", "seed", "hidden", "learning_rate", "threshold", "horizon")

    def _prepare(self, path: str | None) -> None:
        plan = self.plan
        self.task = parse_task(plan.task)
        self.network = MODELS[plan.model](self.task, plan.hidden, plan.seed)
        self._curriculum = Curricula([plan])
        self._adam = make_adam(list(self.network.parameters()), plan.learning_rate, plan.l2, fused=False)
        # The test set is the same for every seed and every network.
        self._test_set = draw_batch(self.task, "test", 0, 0, plan.test_count, plan.test_horizon)

    def _live(self) -> dict[str, Tensor]:
        return {name: weight.detach()[None] for name, weight in self.network.named_parameters()}

    def _update(self) -> None:
        plan, horizon = self.plan, int(self._curriculum.horizons)
        inputs, targets = draw_batch(self.task, "train", plan.seed, self.iteration, plan.batch, horizon)
        outputs = run_output_phase(self.network, inputs, horizon)
        loss = (outputs - targets).square().mean()
        self._adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), plan.clip)
        self._adam.step()
        accuracy = measure_accuracy(outputs.detach(), targets).mean()
        self._curriculum.update(StepResult(loss, None, accuracy[None]))
        self._sums[0] += loss.detach()
        self._sums[1] += accuracy

    @torch.no_grad()
    def _measure(self) -> list[dict[str, float]]:
        inputs, targets = self._test_set
        outputs = run_output_phase(self.network, inputs, self.plan.test_horizon)
        by_step = measure_accuracy(outputs, targets)
        if by_step[: self.plan.horizons[0]].mean() >= LEVEL:
            self.logs[0].notes.setdefault("first_steps", self.iteration)
        return [{"accuracy": float(by_step.mean()), "loss": float((outputs - targets).square().mean())}]

    def _make_point(self, place: int, loss: float, accuracy: float) -> list[Any]:
        return [loss, accuracy, self.logs[0].last["loss"], self.logs[0].last["accuracy"]]

    def _tensors(self) -> dict[str, Tensor]:
        return list_tensors(self._adam)

    def _get_state(self) -> dict[str, Tensor]:
        return super()._get_state() | self._curriculum.state_dict()

    def _set_state(self, state: Mapping[str, Tensor]) -> None:
        super()._set_state(state)
        self._curriculum.load_state(state)

    def _make_rows(self) -> list[dict[str, Any]]:
        row = {"model": self.plan.model, "init": "uniform", "accuracy": round(self.logs[0].last["accuracy"], 6)}
        row["parameters"] = sum(weight.numel() for weight in self.network.parameters())
        row |= {"iterations_to_99_first": self.logs[0].notes.get("first_steps"), "far_error": shorten(self._measure_far_error())}
        return [self._start_row(0) | row]

    @torch.no_grad()
    def _measure_far_error(self, count: int = 64) -> float | None:
        """Return the mean squared error over the last horizon of a run of ten, ``None`` if it is not finite."""
        horizon = self.plan.horizons[-1]
        inputs, targets = draw_batch(self.task, "test", 0, 1, count, 10 * horizon)
        error = (run_output_phase(self.network, inputs, 10 * horizon) - targets)[-horizon:].square().mean()
        return float(error) if error.isfinite() else None

    # The key of a plan's row.
    find_key = classmethod(lambda cls, plan: tuple(str(getattr(plan, name)) for name in cls.key))

    @staticmethod
    def describe_row(row: Mapping[str, Any]) -> str:
        """Return a one-line summary of a trained network."""
        reached = row["iterations_to_99"] or f"not within {row['iterations']}"
        return f"{row['model']}, seed {row['seed']}: 99% after {reached} iterations, {format_seconds(row['seconds'])}"


class RuleRun(ModuleRun):
    """One network in training on any boundary; its weights are saved to a file."""

    plan_type = RulePlan
    key, find_key = TrainingRun.key, TrainingRun.find_key
    describe_row, write_network = staticmethod(describe_model), staticmethod(write_weights)

    def _make_point(self, place: int, loss: float, accuracy: float) -> list[Any]:
        return [int(self._curriculum.horizons), *map(shorten, super()._make_point(place, loss, accuracy))]

    @torch.no_grad()
    def _make_rows(self) -> list[dict[str, Any]]:
        weights, steps, scores = self.best(), self.plan.test_horizon, {"accuracy_final": self.logs[0].last["accuracy"]}
        if weights is not None:
            self.network.load_state_dict(weights)
            inputs, targets = draw_batch(self.task, "test", 0, 1, 1024, steps)
            right = measure_accuracy(run_output_phase(self.network, inputs, steps), targets)
            scores |= {"accuracy": float(right.mean()), "accuracy_early": float(right[: 2 * self.task.history].mean())}
            scores["rank_network"] = len(select_slow(torch.linalg.eigvals(self.network.recurrent.double()).numpy()))
        return [self._start_row(0) | {"horizon": int(self._curriculum.horizons)} | round_some(scores)]


# ---- torch's Adam, with its state allocated from the start, for checkpoints


def make_adam(weights: Sequence[Tensor], rate: float, l2: float = 0.0, fused: bool = True) -> Adam:
    """Make Adam for some weights, with gradients and moments allocated as zeros from the start. On a GPU, its learning rate is
    a tensor, so that it can be changed in a captured graph."""
    device = weights[0].device
    on_gpu = device.type == "cuda"
    step = torch.zeros((), device=device) if on_gpu else 0.0
    optimiser = Adam(list(weights), step, weight_decay=l2, fused=fused, capturable=on_gpu)
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    # A first step at a learning rate of zero allocates the moments; they are then reset.
    optimiser.step()
    for state in optimiser.state.values():
        for value in state.values():
            value.zero_()
    set_rate(optimiser, rate)
    return optimiser


def set_rate(optimiser: Adam, rate: float) -> None:
    """Set the learning rate of an optimiser from :func:`make_adam`."""
    (group,) = optimiser.param_groups
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def list_tensors(optimiser: Adam) -> dict[str, Tensor]:
    """Return the weights themselves and the state of Adam, without copying."""
    (group,) = optimiser.param_groups
    found = {}
    for place, weight in enumerate(group["params"]):
        found[f"weight{place}"] = weight.detach()
        found |= {f"{name}{place}": value for name, value in optimiser.state[weight].items()}
    return found
