"""Networks on sequences in training, and the files of their weights."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from twm.errors import require
from twm.models.elman import read_weights, write_weights
from twm.models.rings import SequenceNetwork
from twm.tasks.sequences import SOLVED_LOSS
from twm.training.loop import TrainingRun
from twm.training.plans import SequencePlan, restore_plan
from twm.training.results import describe_model, list_tensors, read_columns, round_some, shorten
from twm.training.sequence_model import SequenceModel, make_network


def read_sequence_network(path: Path | str) -> tuple[SequenceNetwork, SequencePlan, dict[str, Any]]:
    """Read a network that a sweep on sequences left, its plan, and what else is known about it."""
    name, (weights, about) = Path(path).name, read_weights(path)
    require("network" in about and "task" in about, f"{name} is not a network trained on sequences")
    known = SequencePlan.__dataclass_fields__
    plan = restore_plan(SequencePlan, {key: about.pop(key) for key in known if key in about})
    network = make_network(plan, plan.make_task_at_hand())
    shapes = [{key: weight.shape for key, weight in own} for own in (weights.items(), network.named_parameters())]
    require(shapes[0] == shapes[1], f"{name} does not hold the weights of {plan.name}")
    network.load_state_dict(weights)
    return network, plan, about


# Iterations between looks at the training loss, for when a task was solved.
_LOOK_EVERY = 100


class SequenceRun(TrainingRun):
    """One network on a sequence task; its best test has the highest accuracy and, of equal ones, the lowest loss."""

    plan_type = SequencePlan
    columns, curve_columns, texts, from_plan = read_columns("sequence")
    write_network = staticmethod(write_weights)

    def _prepare(self, path: str | None) -> None:
        require(len(self.plans) == 1, "networks on sequences are trained one at a time")
        self.plan = self.plans[0]
        self.model = SequenceModel(self.plan, self.device, "autograd" if path == "autograd" else None)

    def _live(self) -> dict[str, Tensor]:
        return {name: part[None] for name, part in self.model.split(self.model.weights).items()}

    def _update(self) -> None:
        plan, iteration, notes = self.plan, self.iteration, self.logs[0].notes
        batch = self.model.task.draw_batch(plan.seed, iteration, plan.batch, self.device)
        loss = self.model.step(batch, plan.find_rate(iteration))
        self._sums[0] += loss
        looks = iteration % _LOOK_EVERY == 0 and plan.task.startswith("adding") and "solved_at" not in notes
        if looks and float(loss) <= SOLVED_LOSS:
            notes["solved_at"] = iteration

    def _measure(self) -> list[dict[str, float]]:
        loss, accuracy = self.model.test(self.plan.test_count)
        return [{"loss": loss, "accuracy": accuracy}]

    def _is_better(self, new: dict[str, float], old: dict[str, float]) -> bool:
        return (new["accuracy"], -new["loss"]) > (old["accuracy"], -old["loss"])

    def _make_point(self, place: int, loss: float, accuracy: float) -> list[Any]:
        log = self.logs[place]
        tested = None if log.diverged_at else log.last["loss"]
        return [loss if math.isfinite(loss) else None, tested, log.last["accuracy"]]

    @staticmethod
    def _round_point(point: Sequence[Any]) -> Sequence[Any]:
        iteration, loss, tested, accuracy = point
        return iteration, shorten(loss), shorten(tested), round(accuracy, 4)

    def _tensors(self) -> dict[str, Tensor]:
        return list_tensors(self.model.adam)

    def _make_rows(self) -> list[dict[str, Any]]:
        plan, log, task = self.plan, self.logs[0], self.model.task
        losses = [tested for _, _, tested, _ in log.curve if tested is not None] or [None]
        row = {"parameters": self.model.count, "init": plan.recurrent, "steps": task.steps, "data": task.label}
        row |= round_some({"accuracy": (log.best or log.last)["accuracy"], "accuracy_final": log.last["accuracy"]})
        solved = {"solved_at": log.notes.get("solved_at")}
        row |= {"loss": shorten(min(losses)), "loss_final": shorten(losses[-1])} | solved
        return [self._start_row(0) | row]

    @classmethod
    def check(cls, plans: Sequence[SequencePlan]) -> None:
        """Make every task once, so that missing images and batches too large are told before anything is trained."""
        for plan in {plan.task: plan for plan in plans}.values():
            plan.make_task().draw_batch(plan.seed, 1, plan.batch)

    @staticmethod
    def describe_row(row: Mapping[str, Any]) -> str:
        """Return what became of one network, in a line."""
        parts = [] if row["loss"] is None else [f"loss {row['loss']:.2g}"]
        return describe_model(row, *parts, *([] if row["solved_at"] is None else [f"solved at {row['solved_at']}"]))
