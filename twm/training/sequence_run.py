"""Networks on sequences in training, their table, and one of them alone."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from twm.errors import require
from twm.tasks.sequences import SOLVED_LOSS
from twm.training.loop import TrainingRun
from twm.training.plans import SequencePlan
from twm.training.progress import format_seconds
from twm.training.sequence_model import SequenceModel
from twm.training.sequence_results import SEQUENCE_COLUMNS, write_sequence_network

#: Iterations between looks at the training loss, for when a task was solved.
LOOK_EVERY = 100


class SequenceRun(TrainingRun):
    """One network on a sequence task; its best test has the highest accuracy and, of equal ones, the lowest loss."""

    plan_type = SequencePlan
    columns = SEQUENCE_COLUMNS
    curve_columns = ("model", "iteration", "loss", "test_loss", "test_accuracy")
    texts = (
        "model", "task", "network", "init", "encoder", "activation", "scale", "data", "device", "torch", "commit", "date",
    )  # fmt: skip
    from_plan = (
        "task", "network", "neurons", "channels", "kernel", "hidden", "encoder", "activation", "mlp", "seed", "learning_rate",
        "clip", "divisor", "drop_at", "batch", "scale",
    )  # fmt: skip
    write_network = staticmethod(write_sequence_network)

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
        looks = iteration % LOOK_EVERY == 0 and plan.task.startswith("adding") and "solved_at" not in notes
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
        return iteration, _shorten(loss), _shorten(tested), round(accuracy, 4)

    def _tensors(self) -> dict[str, Tensor]:
        return self.model.state()

    def _make_rows(self) -> list[dict[str, Any]]:
        plan, log, task = self.plan, self.logs[0], self.model.task
        losses = [tested for _, _, tested, _ in log.curve if tested is not None]
        return [
            self._start_row(0)
            | {
                "parameters": self.model.count,
                "init": plan.recurrent,
                "steps": task.steps,
                "accuracy": round((log.best or log.last)["accuracy"], 6),
                "accuracy_final": round(log.last["accuracy"], 6),
                "loss": _shorten(min(losses, default=None)),
                "loss_final": _shorten(losses[-1] if losses else None),
                "solved_at": log.notes.get("solved_at"),
                "data": task.label,
            }
        ]

    @classmethod
    def check(cls, plans: Sequence[SequencePlan]) -> None:
        """Make every task once, so that missing images and batches too large are told before anything is trained."""
        for plan in {plan.task: plan for plan in plans}.values():
            plan.make_task().draw_batch(plan.seed, 1, plan.batch)

    @staticmethod
    def describe_row(row: Mapping[str, Any]) -> str:
        """Return what became of one network, in a line."""
        line = f"{row['model']}: accuracy {row['accuracy']:.4f}"
        if row["loss"] is not None:
            line += f", loss {row['loss']:.2g}"
        if row["solved_at"] is not None:
            line += f", solved at {row['solved_at']}"
        if row["diverged_at"] is not None:
            line += f", diverged by iteration {row['diverged_at']}"
        return f"{line}, {row['iterations']} iterations, {format_seconds(row['seconds'])}"


def _shorten(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
