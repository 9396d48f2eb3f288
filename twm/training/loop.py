"""The training loop: models side by side, with tests, best weights, and checkpoints from which a run can be resumed."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from twm.errors import require
from twm.models.fast.elman import prepare_process
from twm.records import DamagedRecord, describe_host, read_commit
from twm.training.plans import Plan, check_plans, restore_plan
from twm.training.workers import format_seconds

#: Accuracy level; the iteration of the first test that reaches it is recorded.
LEVEL = 0.99

_KINDS = {
    "elman": "twm.training.ensemble.Ensemble",
    "sequence": "twm.training.sequence_model.SequenceRun",
    "flip-flop": "twm.training.flip_flop.FlipFlopTrainer",
    "attention": "twm.training.trainer.ModuleRun",
    "rules": "twm.training.trainer.RuleRun",
}


def find_kind(protocol: str) -> type["TrainingRun"]:
    """Return the class of runs that trains the plans of a protocol."""
    # Imported on demand, because all of these modules import this one.
    module, _, name = _KINDS[protocol].rpartition(".")
    return getattr(import_module(module), name)


@contextmanager
def quiet_process(device: Any = "cpu") -> Iterator[None]:
    """Use one CPU thread and flush subnormal numbers to zero, as workers do; afterwards, restore the process's settings."""
    if torch.device(device).type != "cpu":
        yield
        return
    threads, flushed = torch.get_num_threads(), (torch.tensor(1e-40) * 1).item() == 0
    try:
        prepare_process()
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)


@dataclass
class TrainingLog:
    """Log of one model's training; iterations are ``None`` for events that did not occur."""

    best: dict[str, float] | None = None  # scores of the best test
    checkpoint: int = 0  # iteration of the best test
    last: dict[str, float] = field(default_factory=dict)  # scores of the latest test
    iterations_to_99: int | None = None  # first test with an accuracy of at least LEVEL
    diverged_at: int | None = None  # test at which weights or scores were no longer finite
    ended_at: int | None = None
    curve: list[list[Any]] = field(default_factory=list)  # points by the kind's curve columns, without the model's name
    notes: dict[str, Any] = field(default_factory=dict)  # additional entries of a kind


@dataclass(frozen=True)
class TrainedModel:
    """One model whose training has ended."""

    plan: Any
    row: dict[str, Any]  # by the columns of its kind
    curve: list[dict[str, Any]] = field(repr=False)  # loss and accuracy are means over the batches since the last point
    weights: Any = field(repr=False)  # of the best test; None if no test had finite weights
    snapshots: dict[int, Any] = field(repr=False)  # weights by iteration, as requested by the plan


class TrainingRun:
    """Models in training, side by side, or one model alone.

    The complete state is tensors and a few numbers, so a run that was stopped at any iteration and resumed ends bit for bit as
    if it had not been stopped. A subclass sets the type of its plans, whose protocol has a table, and defines these methods:
    ``_prepare(path)`` makes the models, with a fast or the reference path; ``_live()`` returns the weights by name, each
    (models, ...); ``_update()`` makes an iteration and adds losses and accuracies to ``self._sums``; ``_measure()`` tests every
    model and returns its scores, one of them ``accuracy``; ``_make_point(place, loss, accuracy)`` returns a curve's point from
    means since the last one; ``_tensors()`` returns the state of training, not copied; ``_make_rows()`` evaluates models that
    have ended and returns their rows, in which missing columns stay empty."""

    plan_type: ClassVar[type]
    alone: ClassVar[str] = ""  # name of the networks if they are trained one at a time
    columns: ClassVar[Mapping[str, str]]  # of a table of models, with their meaning
    curve_columns: ClassVar[tuple[str, ...]]
    texts: ClassVar[tuple[str, ...]]  # columns of text; all others are numeric
    key: ClassVar[tuple[str, ...]] = ("model",)  # columns that identify a row
    from_plan: ClassVar[tuple[str, ...]]  # columns that are fields of the plan

    def __init_subclass__(cls) -> None:
        cls.columns, cls.curve_columns, cls.texts, cls.from_plan = _read_columns(cls.plan_type.protocol)

    def __init__(self, plans: Any, device: str = "cpu", path: str | None = None) -> None:
        require(torch.get_default_dtype() == torch.float32, "training needs torch's default dtype, float32")
        self.plans = check_plans([plans] if isinstance(plans, Plan) else plans)
        require(not self.alone or len(self.plans) == 1, f"{self.alone} are trained one at a time")
        self.check(self.plans)
        self.plan, self.device = self.plans[0], device  # its own if alone; groups agree in size and tests
        self.iteration, self.seconds = 0, 0.0  # seconds of training and testing, over all sessions
        self.logs = [TrainingLog() for _ in self.plans]
        self._sums = torch.zeros(2, len(self.plans), dtype=torch.float64, device=device)
        self._last_point, self._results, self._last_test = 0, [], {}
        self._prepare(path)
        self._best = self._copy()
        self._snapshots = {0: self._copy()} if any(0 in plan.snapshots for plan in self.plans) else {}

    def _is_better(self, new: dict[str, float], old: dict[str, float]) -> bool:
        """Return whether new scores are better than old ones; by default, the later of two equal tests is."""
        return new["accuracy"] >= old["accuracy"]

    def _get_state(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self._tensors().items()}

    def _set_state(self, state: Mapping[str, Tensor]) -> None:
        for name, value in self._tensors().items():
            value.copy_(state[name])

    # Defaults that a subclass may override: rounding of a curve's point; a check that raises if plans cannot be trained here;
    # the key of a plan's row; the metadata of a network's file; groups of plans trained side by side; the type of weights; a
    # long test of models that have ended, in pieces, whose state is kept in ``_last_test``.
    _round_point = staticmethod(lambda point: point)
    check = staticmethod(lambda plans: None)
    find_key = staticmethod(lambda plan: (plan.name,))
    describe_plan = staticmethod(lambda plan: plan.describe())
    group = staticmethod(lambda plans: [[plan] for plan in plans])
    wrap = staticmethod(lambda weights: weights)
    _test_last = lambda self: iter(())

    # ---- the loop

    finished = property(lambda self: all(log.ended_at is not None for log in self.logs))  # whether every model has ended

    def train(self, pulse: Callable[["TrainingRun"], bool] = lambda run: True) -> bool:
        """Train and test until all models have ended or ``pulse`` returns false; return whether everything is done. ``pulse``
        is called after every iteration, when the state is consistent and a checkpoint can be saved."""
        with quiet_process(self.device):
            while not self.finished:
                started = time.perf_counter()
                self._iterate()
                self.seconds += time.perf_counter() - started
                if not pulse(self):
                    return False
            return all(pulse(self) for _ in self._test_last())

    def _iterate(self) -> None:
        self.iteration += 1
        iteration, plan = self.iteration, self.plans[0]
        self._update()
        if any(iteration in plan.snapshots for plan in self.plans):
            self._snapshots[iteration] = self._copy()
        last = iteration == plan.iterations
        ended = self._test() if last or iteration % plan.test_every == 0 else []
        if last or iteration % plan.curve_every == 0:
            self._note_points(range(len(self.plans)))
            self._sums.zero_()
            self._last_point = iteration
        elif ended:
            self._note_points(ended)

    def _test(self) -> list[int]:
        """Test every model, keep the best weights, and return the models that end here."""
        weights, better, ended = self._live(), [], []
        finite = torch.stack([matrix.isfinite().reshape(len(matrix), -1).all(1) for matrix in weights.values()]).all(0)
        finite = finite.tolist()
        for place, (plan, log, scores) in enumerate(zip(self.plans, self.logs, self._measure())):
            if log.ended_at is not None:
                continue
            log.last = scores
            fine = finite[place] and all(map(math.isfinite, scores.values()))
            if fine and (log.best is None or self._is_better(scores, log.best)):
                log.best, log.checkpoint = scores, self.iteration
                better.append(place)
            if log.iterations_to_99 is None and scores.get("accuracy", -1.0) >= LEVEL:
                log.iterations_to_99 = self.iteration
            log.diverged_at = None if fine else self.iteration
            stop_at = getattr(plan, "stop_at", None)
            reached = stop_at is not None and scores["accuracy"] >= stop_at
            patience = getattr(plan, "patience", 0)
            stalled = 0 < patience * plan.test_every <= self.iteration - log.checkpoint
            if reached or stalled or not fine or self.iteration == plan.iterations:
                log.ended_at = self.iteration
                ended.append(place)
        for name, kept in self._best.items():
            kept[better] = weights[name][better]
        return ended

    def _note_points(self, places: Sequence[int]) -> None:
        losses, accuracies = (self._sums / max(1, self.iteration - self._last_point)).tolist()
        for place in places:
            log = self.logs[place]
            if log.ended_at in (None, self.iteration):
                log.curve.append([self.iteration, *self._make_point(place, losses[place], accuracies[place])])

    def _copy(self) -> dict[str, Tensor]:
        return {name: matrix.detach().clone() for name, matrix in self._live().items()}

    # ---- results

    def weights(self) -> Any:
        """Return a copy of the first model's current weights."""
        return self.wrap({name: matrix[0] for name, matrix in self._copy().items()})

    def best(self, place: int = 0) -> Any:
        """Return one model's weights at its best test, on the CPU, or ``None`` if no test had finite weights."""
        kept = {name: matrix[place].cpu().clone() for name, matrix in self._best.items()}
        return self.wrap(kept) if self.logs[place].checkpoint else None

    def finish(self) -> list[TrainedModel]:
        """Evaluate models that have ended, and return one result per plan."""
        require(self.finished, "training has not finished: train the models to the end first")
        if not self._results:
            with quiet_process(self.device):
                for _ in self._test_last():
                    pass
                rows = self._make_rows()
            host = {"seconds": round(self.seconds / len(self.plans), 1), **describe_host(self.device)}
            self._results = [{name: (row | host).get(name) for name in self.columns} for row in rows]
            self._last_test.clear()
        return collect_models(*self.state())

    def _start_row(self, place: int) -> dict[str, Any]:
        """Return the columns of a row that all kinds of model share."""
        plan, log = self.plans[place], self.logs[place]
        planned = {name: getattr(plan, name) for name in self.from_plan}
        noted = {name: getattr(log, name) for name in ("checkpoint", "iterations_to_99", "diverged_at")}
        return {"model": plan.name, **planned, "iterations": log.ended_at, **noted}

    # ---- checkpoints

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the complete state of training: tensors, and a description that JSON can represent."""
        best = {name: matrix.clone() for name, matrix in self._best.items()}
        groups = {"train": self._get_state(), "best": best, "last": self._last_test}
        groups |= {f"snapshot{iteration}": weights for iteration, weights in self._snapshots.items()}
        tensors = {f"{group}.{name}": value for group, values in groups.items() for name, value in values.items()}
        description = {"protocol": self.plans[0].protocol, "plans": [plan.describe() for plan in self.plans]}
        description |= {"iteration": self.iteration, "seconds": self.seconds, "last_point": self._last_point}
        description |= {"logs": [asdict(log) for log in self.logs], "results": self._results}
        return tensors | {"sums": self._sums.clone()}, description

    def load(self, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
        """Load a state from :meth:`state`; a UserError if it belongs to other plans or to another version."""
        plans = [restore_plan(self.plan_type, plan) for plan in description["plans"]]
        require(plans == self.plans, "the checkpoint is of a model with another plan")
        iteration, logs = description["iteration"], [TrainingLog(**log) for log in description["logs"]]
        require(0 <= iteration <= self.plans[0].iterations, f"iteration {iteration} is not in the plan")
        require(len(logs) == len(plans), "the checkpoint does not have one log per model")
        collect_models(tensors, description)
        self._set_state(_select(tensors, "train"))
        for name, kept in self._best.items():
            kept.copy_(tensors[f"best.{name}"])
        numbers = sorted({number for plan in plans for number in plan.snapshots if number <= iteration})
        self._snapshots = {number: _select(tensors, f"snapshot{number}", self.device) for number in numbers}
        self._last_test = _select(tensors, "last", self.device)
        self._sums.copy_(tensors["sums"])
        self.logs, self.iteration, self._last_point = logs, iteration, description["last_point"]
        self.seconds, self._results = description["seconds"], description["results"]


def _select(tensors: Mapping[str, Tensor], group: str, device: str = "cpu") -> dict[str, Tensor]:
    return {name.partition(".")[2]: each.to(device) for name, each in tensors.items() if name.startswith(f"{group}.")}


def collect_models(tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> list[TrainedModel]:
    """Return the models in a run's state that have ended and were evaluated; none if the run is unfinished."""
    kind, models = find_kind(description["protocol"]), []
    for place, row in enumerate(description["results"]):
        plan, log = restore_plan(kind.plan_type, description["plans"][place]), TrainingLog(**description["logs"][place])
        known = list(row) == list(kind.columns) and tuple(str(row[name]) for name in kind.key) == kind.find_key(plan)
        if not known:
            raise DamagedRecord(f"the row of {plan.name} is from another version")

        def take(group: str, place: int = place) -> Any:
            return kind.wrap({name: value[place].clone() for name, value in _select(tensors, group).items()})

        curve = [dict(zip(kind.curve_columns, (plan.name, *kind._round_point(point)))) for point in log.curve]
        early = {iteration: take(f"snapshot{iteration}") for iteration in plan.snapshots if iteration <= log.ended_at}
        models.append(TrainedModel(plan, row, curve, take("best") if log.checkpoint else None, early))
    return models


#: Columns about the circumstances of a run, the only ones in which two runs of one model may differ.
CIRCUMSTANCES = ("seconds", "device", "torch", "commit", "date")


@cache
def _read_columns(protocol: str) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Read the description of a table from ``columns.yml``: columns with meaning, of curves, of text, of the plan."""
    import yaml

    tables = yaml.safe_load(Path(__file__).with_name("columns.yml").read_text(encoding="utf-8"))
    return tables[protocol]["columns"], *(tuple(tables[protocol][part]) for part in ("curve", "texts", "plan"))


def describe_model(row: Mapping[str, Any], *parts: str) -> str:
    """Return a one-line summary of a trained model that includes these parts."""
    parts = f"{row['model']}: accuracy {row['accuracy']:.4f}", *parts
    if row["diverged_at"] is not None:
        parts += (f"diverged by iteration {row['diverged_at']}",)
    return ", ".join((*parts, f"{row['iterations']} iterations", format_seconds(row["seconds"])))


def round_some(row: Mapping[str, float | None], digits: int = 6) -> dict[str, float | None]:
    """Round the numbers of a row, but leave ``None``."""
    return {name: None if value is None else round(value, digits) for name, value in row.items()}


def shorten(value: float | None) -> float | None:
    """Round a loss to four significant digits, but leave ``None``."""
    return None if value is None else float(f"{value:.4g}")


def train_model(plan: Any, path: str | None = None, device: str = "cpu") -> TrainedModel:
    """Train one model of any kind in this process, without writing files; the result is that of a sweep, except CIRCUMSTANCES.
    ``path`` selects an implementation, by default the fastest that passes its check on this machine."""
    read_commit()
    run = find_kind(plan.protocol)(plan, device, path)
    run.train()
    return run.finish()[0]
