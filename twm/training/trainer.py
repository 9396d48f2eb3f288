"""The slow, obvious way: torch autograd and one network of any kind, on the same data and by the same protocol.

A module is trained if ``module(inputs, horizon)`` takes inputs (history, batch, dim) and returns the outputs of the
output phase (horizon, batch, dim), or an object whose ``outputs`` ends with them. Data is a function of task, seed
and iteration alone, so networks of any kind that share a seed see the same sequences in the same order.

Faster paths are judged against this one, so it stays as plain as the protocol allows.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from twm.errors import require
from twm.models.attention import AttentionRNN
from twm.models.elman import ElmanRNN, name_network
from twm.models.kernels import StepResult
from twm.streams import binary_inputs
from twm.theory.systems import HDS, parse_task, rollout
from twm.training.curricula import Curricula
from twm.training.loop import LEVEL, TrainingRun
from twm.training.optimisers import list_tensors, make_adam
from twm.training.plans import Plan
from twm.training.progress import format_seconds


def _attention(heads: int, width: int | None, labelled: bool) -> Callable[[HDS, int, int], AttentionRNN]:
    return lambda task, hidden, seed: AttentionRNN(task.history, task.dim, heads, width, labelled, seed)


#: The networks compared. ``attention`` is one head with learnt positions; ``attention-wide`` has about as many
#: parameters as an Elman network of 128 at s = d = 8; ``attention-unlabelled`` has no positions, and so is Eq. (8) itself.
MODELS: dict[str, Callable[[HDS, int, int], nn.Module]] = {
    "attention": _attention(1, None, True),
    "attention-wide": _attention(16, 68, True),
    "attention-unlabelled": _attention(1, None, False),
    "elman": lambda task, hidden, seed: ElmanRNN(task.dim, hidden, seed=seed),
}

#: A table of the comparison: its columns and what they mean.
ATTENTION_COLUMNS: dict[str, str] = {
    "model": "kind of network",
    "task": "as on the command line",
    "seed": "of data and initial weights",
    "hidden": "numbers carried from step to step",
    "learning_rate": "Adam's step",
    "threshold": "share of right signs that ends a stage of the curriculum",
    "horizon": "these stages",
    "init": "how initial weights were drawn",
    "curriculum": "staged or none",
    "l2": "Adam's coupled weight decay",
    "parameters": "numbers that are trained",
    "iterations": "batches used",
    "accuracy": "share of right signs of the last test",
    "iterations_to_99": "first test with 99% right signs over the whole test horizon; empty if none",
    "iterations_to_99_first": "the same over the first stage's steps",
    "seconds": "training and testing",
    "device": "where",
    "torch": "version",
    "commit": "of this project; with + where files were changed",
    "date": "day on which the network was done",
}


@dataclass(frozen=True)
class TrainingPlan(Plan):
    """Everything about a training run but the network, the task and the seed.

    Source: twm B.2 and Table 2.
    """

    iterations: int = 20_000  # batches at most
    batch: int = 64  # sequences
    learning_rate: float = 1e-3  # Adam's step
    l2: float = 0.0  # Adam's coupled weight decay
    clip: float = 1.0  # largest norm of the gradient
    horizons: tuple[int, ...] = (10, 20, 40, 60, 100)  # of the staged curriculum; a single one is training without
    threshold: float = 0.98  # share of right signs that ends a stage
    test_every: int = 100  # iterations
    test_count: int = 256  # sequences of the fixed test set
    test_horizon: int = 100  # output steps of a test
    stop_at: float | None = None  # end at the first test with this sign accuracy

    def __post_init__(self) -> None:
        self._check_counts("iterations batch test_every test_count test_horizon")
        self._check_numbers("learning_rate clip")
        self._check_numbers("l2", zero=True)
        self._check_rising("horizons")
        require(len(self.horizons) > 0, "horizons must be increasing numbers, at least one")
        require(0 <= self.threshold <= 1, f"threshold must be a share between 0 and 1, not {self.threshold!r}")


@dataclass(frozen=True)
class ModulePlan(TrainingPlan):
    """One network of the comparison."""

    protocol = "attention"
    snapshots: ClassVar[tuple[int, ...]] = ()

    model: str = "attention"  # a name in MODELS
    task: str = "T1"
    seed: int = 0
    hidden: int = 128  # neurons of an Elman network; attention carries its window instead

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.model in MODELS, f"unknown model {self.model}: choose from {', '.join(MODELS)}")
        task = parse_task(self.task)
        self._check_counts("seed", 0)
        if self.model.startswith("attention"):
            self._settle("hidden", task.size)

    @property
    def curriculum(self) -> str:
        """Name of the rule of the horizon."""
        return "staged" if len(self.horizons) > 1 else "none"

    @property
    def horizon(self) -> str:
        """The horizons in one text."""
        return "-".join(map(str, self.horizons))

    @property
    def name(self) -> str:
        """The network's name, with a sum over the whole plan that tells it apart."""
        total = zlib.crc32(repr(self).encode())
        return name_network(f"{self.model}_{self.task}", self.hidden, self.l2, self.seed, f"_{total:08x}")


def draw_batch(task: HDS, split: str, seed: int, iteration: int, count: int, horizon: int) -> tuple[Tensor, Tensor]:
    """Draw inputs (history, count, dim) and what the task makes of them (horizon, count, dim), float32.

    ``split`` is ``train`` or ``test``; the two never share a stream.
    """
    initial = binary_inputs(f"{task.name}/{split}", seed, iteration, count, (task.history, task.dim))
    states = rollout(task, initial, horizon).transpose(0, 1)
    return states[: task.history], states[task.history :]


def run_output_phase(network: nn.Module, inputs: Tensor, horizon: int) -> Tensor:
    """Run a network and return the outputs of its output phase, (horizon, batch, dim)."""
    result = network(inputs, horizon)
    return getattr(result, "outputs", result)[-horizon:]


def measure_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the share of right signs at each step of (horizon, batch, dim); zero counts as positive."""
    return ((outputs >= 0) == (targets > 0)).float().mean((1, 2))


class ModuleRun(TrainingRun):
    """One network in training: a fresh batch, a free run, the gradient through all of it, clipped, a step of Adam.

    Source: twm B.2.
    """

    plan_type = ModulePlan
    columns = ATTENTION_COLUMNS
    curve_columns = ("model", "iteration", "loss", "accuracy", "test_loss", "test_accuracy")
    texts = ("model", "task", "horizon", "init", "curriculum", "device", "torch", "commit", "date")
    key = ("model", "task", "seed", "hidden", "learning_rate", "threshold", "horizon")
    from_plan = ("task", "seed", "hidden", "learning_rate", "threshold", "horizon", "curriculum", "l2")

    def _prepare(self, path: str | None) -> None:
        require(len(self.plans) == 1, "networks of the comparison are trained one at a time")
        plan = self.plan = self.plans[0]
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
        return [
            self._start_row(0)
            | {
                "model": self.plan.model,
                "init": "uniform",
                "parameters": sum(weight.numel() for weight in self.network.parameters()),
                "accuracy": round(self.logs[0].last["accuracy"], 6),
                "iterations_to_99_first": self.logs[0].notes.get("first_steps"),
            }
        ]

    @classmethod
    def find_key(cls, plan: ModulePlan) -> tuple[str, ...]:
        """Return the key of a plan's row."""
        return tuple(str(getattr(plan, name)) for name in cls.key)

    @staticmethod
    def describe_row(row: Mapping[str, Any]) -> str:
        """Return what became of one network, in a line."""
        reached = row["iterations_to_99"] or f"not within {row['iterations']}"
        return f"{row['model']}, seed {row['seed']}: 99% after {reached} iterations, {format_seconds(row['seconds'])}"
