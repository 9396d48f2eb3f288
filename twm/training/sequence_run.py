"""The training loop of one network on a sequence task, to be stopped anywhere and gone on with."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from twm.errors import require
from twm.tasks.sequences import SOLVED_LOSS
from twm.training.ensemble import LEVEL, quiet_process
from twm.training.plans import SequencePlan, restore_sequence_plan
from twm.training.sequence_model import SequenceModel

#: Iterations between looks at the training loss, for when a task was solved.
LOOK_EVERY = 100


@dataclass
class SequenceLog:
    """What is noted about a network while it trains.

    Attributes:
        accuracy_best: of the best test so far, of equal ones that with the lowest loss; -1 before the first.
        loss_best: loss of that test.
        checkpoint: iteration of that test.
        accuracy_final: of the latest test.
        loss_final: of the latest test.
        loss_lowest: lowest loss of any test.
        iterations_to_99: iteration of the first test with an accuracy of at least 0.99.
        solved_at: first look, every :data:`LOOK_EVERY` iterations, at which the training loss was at most
            :data:`twm.tasks.sequences.SOLVED_LOSS`; noted for the adding task alone.
        diverged_at: iteration of the test at which weights were no longer finite.
        ended_at: iteration at which training ended; ``None`` while it goes on.
        curve: points [iteration, training loss, test loss, test accuracy], one a test; the training loss is the mean since
            the last point.
    """

    accuracy_best: float = -1.0
    loss_best: float | None = None
    checkpoint: int = 0
    accuracy_final: float = -1.0
    loss_final: float | None = None
    loss_lowest: float | None = None
    iterations_to_99: int | None = None
    solved_at: int | None = None
    diverged_at: int | None = None
    ended_at: int | None = None
    curve: list[list[Any]] = field(default_factory=list)


class SequenceRun:
    """One network in training; it answers to what :class:`twm.training.ensemble.Ensemble` does, so that sweeps can train both.

    Args:
        plans: a single one.
        device: ``cpu`` or ``cuda``.
        path: ``autograd`` for the slow way; anything else takes the fast one.

    Attributes:
        plans: the plan, as a list.
        iteration: batches seen so far.
        logs: the log, as a list.
        seconds: time spent training and testing, over all sessions.

    Raises:
        UserError: if there is more than one plan, or images are not to be had.
    """

    def __init__(self, plans: Sequence[SequencePlan], device: str = "cpu", path: str | None = None) -> None:
        require(len(plans) == 1, "networks on sequences are trained one at a time")
        self.plans, self.device = list(plans), device
        self.plan = self.plans[0]
        self.model = SequenceModel(self.plan, device, "autograd" if path == "autograd" else None)
        self.iteration, self.seconds = 0, 0.0
        self.logs = [SequenceLog()]
        self._best = self.model.weights.clone()
        self._snapshots: dict[int, Tensor] = {}
        self._sum = torch.zeros((), dtype=torch.float64, device=device)
        self._kind = self.plan.task.partition(":")[0]
        if 0 in self.plan.snapshots:
            self._snapshots[0] = self.model.weights.clone()

    @property
    def finished(self) -> bool:
        """Whether training has ended."""
        return self.logs[0].ended_at is not None

    def train(self, pulse: Callable[["SequenceRun"], bool] = lambda run: True) -> bool:
        """Train to the end, or as long as ``pulse`` allows; see :meth:`twm.training.ensemble.Ensemble.train`."""
        with quiet_process(self.device):
            while not self.finished:
                started = time.perf_counter()
                self._iterate()
                self.seconds += time.perf_counter() - started
                if not pulse(self):
                    break
        return self.finished

    def _iterate(self) -> None:
        plan, iteration = self.plan, self.iteration + 1
        if plan.drop_at == iteration - 1:
            self.model.learning_rate.fill_(plan.learning_rate * plan.drop_factor)
        batch = self.model.task.draw_batch(plan.seed, iteration, plan.batch, self.device)
        loss = self.model.step(batch)
        self._sum += loss
        self.iteration = iteration
        log = self.logs[0]
        looks = self._kind == "adding" and iteration % LOOK_EVERY == 0 and log.solved_at is None
        if looks and float(loss) <= SOLVED_LOSS:
            log.solved_at = iteration
        if iteration in plan.snapshots:
            self._snapshots[iteration] = self.model.weights.clone()
        if iteration % plan.test_every == 0 or iteration == plan.iterations:
            self._test()

    def _test(self) -> None:
        plan, log = self.plan, self.logs[0]
        loss, accuracy = self.model.test(plan.test_count)
        since = log.curve[-1][0] if log.curve else 0
        finite = bool(torch.isfinite(self.model.weights).all()) and math.isfinite(loss)
        mean = float(self._sum) / (self.iteration - since)
        self._sum.zero_()
        log.accuracy_final = accuracy
        if finite:
            log.loss_final = loss
            log.loss_lowest = loss if log.loss_lowest is None else min(loss, log.loss_lowest)
            if (accuracy, -loss) > (log.accuracy_best, -math.inf if log.loss_best is None else -log.loss_best):
                log.accuracy_best, log.loss_best, log.checkpoint = accuracy, loss, self.iteration
                self._best.copy_(self.model.weights)
        if log.iterations_to_99 is None and accuracy >= LEVEL:
            log.iterations_to_99 = self.iteration
        log.curve.append([self.iteration, mean if math.isfinite(mean) else None, loss if finite else None, accuracy])
        if not finite:
            log.diverged_at = self.iteration
        if not finite or self.iteration == plan.iterations:
            log.ended_at = self.iteration

    def best(self) -> dict[str, Tensor] | None:
        """Return the weights of the best test by name, on the CPU; ``None`` if none was ever finite."""
        return self._name(self._best) if self.logs[0].checkpoint else None

    def snapshots(self) -> dict[int, dict[str, Tensor]]:
        """Return the weights that the plan asked to keep, by iteration."""
        return {iteration: self._name(weights) for iteration, weights in self._snapshots.items()}

    def _name(self, flat: Tensor) -> dict[str, Tensor]:
        return {name: part.cpu().clone() for name, part in self.model._split(flat).items()}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return all that training goes on from: tensors, and a description that JSON can hold."""
        tensors = {f"model.{name}": value for name, value in self.model.state().items()}
        tensors |= {f"snapshot.{iteration}": weights for iteration, weights in self._snapshots.items()}
        description = {
            "plans": [plan.describe() for plan in self.plans],
            "iteration": self.iteration,
            "seconds": self.seconds,
            "logs": [asdict(log) for log in self.logs],
        }
        return tensors | {"best": self._best, "sum": self._sum}, description

    def load(self, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` returned for the same plan.

        Raises:
            UserError: if the state is of another plan, or of another version; then nothing is changed.
        """
        plans = [restore_sequence_plan(plan) for plan in description.get("plans", [])]
        require(plans == self.plans, "the checkpoint is of a model with another plan")
        logs = [SequenceLog(**log) for log in description["logs"]]
        self.model.load({name.removeprefix("model."): value for name, value in tensors.items() if "model." in name})
        self._best.copy_(tensors["best"])
        self._sum.copy_(tensors["sum"])
        self._snapshots = {
            int(name.partition(".")[2]): value.to(self.device)
            for name, value in tensors.items()
            if name.startswith("snapshot.")
        }
        self.logs, self.iteration, self.seconds = logs, int(description["iteration"]), float(description["seconds"])
