"""Lead a sweep: lock its place, train what waits, record what comes, and survive whatever happens."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twm.errors import UserError, require, require_count
from twm.training.jobs import (
    UNUSABLE,
    Message,
    describe_plan,
    explain_failure,
    name_job,
    read_group,
    read_results,
    run_job,
)
from twm.training.loop import find_kind
from twm.training.places import Place, Recorder, lock_place, set_aside
from twm.training.plans import check_plans
from twm.training.progress import Progress, Say
from twm.training.workers import train_in_processes


@dataclass
class Outcome:
    """What a sweep came to."""

    rows: list[dict[str, Any]] = field(default_factory=list)  # of the models asked for that are on record, seed by seed
    failed: dict[str, str] = field(default_factory=dict)  # why other models have no row, by name
    stopped: bool = False  # whether it was stopped from outside


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def train_models(
    plans: Sequence[Any],
    place: Place,
    resume: bool = False,
    device: str = "cpu",
    executor: str = "local",
    workers: int | None = None,
    checkpoint_seconds: float = 30.0,
    say: Say = print,
    side_by_side: bool | None = None,
    order: Sequence[Any] | None = None,
) -> Outcome:
    """Train models, seed by seed in the order given, and record a row, a curve and a network for each.

    On the CPU every model has a process of its own, and a core. On a GPU all models of one size are trained side by side
    (and on the CPU if ``side_by_side``: slower, and the way the GPU's path is tested). On a cluster, executor ``slurm``,
    every model is a job. Whatever was on record stays; whatever had been begun is gone on with, if ``resume``. ``order`` are
    plans that set the order of rows where only some of a sweep are trained. Ctrl-C and a request to terminate stop it with
    the state of every model kept.
    """
    plans = check_plans(plans)
    for plan in plans:
        fits = plan.protocol == place.protocol
        require(fits, f"{plan.name} is no model for {place.rows}, whose rows have other columns")
    find_kind(place.protocol).check(plans)
    workers = count_cores() if workers is None else require_count(workers, "workers")
    require(checkpoint_seconds > 0, f"checkpoint-seconds must be positive, not {checkpoint_seconds:g}")
    require(executor in ("local", "slurm"), f"executor must be local or slurm, not {executor!r}")
    alone = "on a cluster every job trains one model on a core: leave out --device cuda"
    require(executor == "local" or device == "cpu", alone)
    advice = "add --resume to go on with them, or choose another place"
    require(resume or not place.has_runs(), f"{place.rows} or {place.work} has runs in it: {advice}")
    with lock_place(place):
        leader = _Leader(place, plans, order, say)
        leader.collect_old()
        waiting = leader.begin()
        tasks = [(plan.name, describe_plan(plan)) for plan in waiting]
        with _catch_stop() as stop:
            if executor == "slurm":
                from twm.training import cluster

                leader.follow(cluster.train_on_cluster(tasks, place.work, checkpoint_seconds, stop))
            elif device != "cpu" if side_by_side is None else side_by_side:
                leader.train_side_by_side(waiting, device, checkpoint_seconds, stop)
            else:
                leader.follow(train_in_processes(tasks, place.work, workers, checkpoint_seconds, stop))
        return leader.end(stop.is_set())


class _Leader:
    """Take messages about models, record what is done, and tell the user."""

    def __init__(self, place: Place, plans: Sequence[Any], order: Sequence[Any] | None, say: Say) -> None:
        self._place, self._plans, self._say = place, plans, say
        self._recorder = Recorder(place, plans, order)
        self._failed: dict[str, str] = {}
        self._progress = Progress([], 0, say)

    def collect_old(self) -> None:
        """Record the results that an earlier session, or jobs on a cluster, left behind."""
        for path in sorted(self._place.work.glob("*.checkpoint")):
            try:
                models = [model for model in read_results(path) if model.plan.protocol == self._place.protocol]
            except (*UNUSABLE, OSError):
                # Told and set aside by whoever trains it.
                continue
            try:
                new = self._take(path, models)
            except OSError as error:
                says = f"results that wait cannot be recorded: {explain_failure(error)}"
                raise UserError(f"{says}; make room, then --resume") from None
            for model in new:
                self._say(f"{model.plan.name} was done and is now on record")

    def _take(self, path: Path, models: Sequence[Any]) -> list[Any]:
        """Record what is new of a checkpoint's models, remove the checkpoint, and return the new ones."""
        new = [model for model in models if not self._recorder.has(model.plan)]
        if new:
            self._recorder.record(new)
        if models:
            path.unlink(missing_ok=True)
            path.with_name(f".{path.stem}.lock").unlink(missing_ok=True)
        return new

    def begin(self) -> list[Any]:
        """Start to count, and return the plans that wait."""
        waiting = [plan for plan in self._plans if not self._recorder.has(plan)]
        self._progress = Progress(waiting, len(self._plans) - len(waiting), self._say)
        return waiting

    def follow(self, messages: Iterable[Message | None]) -> None:
        """Handle messages until there are no more."""
        with closing(messages):
            for message in messages:
                if message is None:
                    self._progress.tick()
                else:
                    self.handle(message)

    def handle(self, message: Message) -> None:
        """Handle one message."""
        kind, names, content = message
        if kind == "say":
            self._progress.say(content)
        elif kind == "progress":
            iteration, accuracies = content
            for name, accuracy in zip(names, accuracies):
                self._progress.advance(name, iteration, accuracy)
        elif kind == "failed":
            self._fail(names, f"failed: {content}")
        elif kind == "done":
            self.record(names, names[0])

    def _fail(self, names: Sequence[str], reason: str) -> None:
        for name in names:
            self._failed[name] = reason.removeprefix("failed: ")
            self._progress.finish(name, f"{name}: {reason}", done=False)

    def record(self, names: Sequence[str], job: str) -> None:
        """Take the results of a job's models into the tables."""
        path = self._place.find_checkpoint(job)
        try:
            new = self._take(path, read_results(path))
        except OSError as error:
            reason = f"trained, but not recorded: {explain_failure(error)}; its checkpoint waits for --resume"
            return self._fail(names, reason)
        except UNUSABLE as error:
            return self._fail(names, f"failed: its result could not be used: {error}")
        for model in new:
            self._progress.finish(model.plan.name, find_kind(self._place.protocol).describe_row(model.row), done=True)

    def train_side_by_side(
        self, waiting: Sequence[Any], device: str, checkpoint_seconds: float, stop: threading.Event
    ) -> None:
        """Train groups of models of one size, one group after another, in this process."""
        for group in self._form_groups(waiting):
            names = [plan.name for plan in group]
            try:
                settings = {"device": device, "path": "batched", "keep_going": lambda: not stop.is_set()}
                tell = lambda *state, names=names: self.handle(("progress", names, state))
                done = run_job(
                    group, self._place.work, checkpoint_seconds, say=self._progress.say, progress=tell, **settings
                )
            except (UserError, OSError, RuntimeError) as error:
                self._fail(names, f"failed: {explain_failure(error, self._place.work / 'group.error.txt')}")
                continue
            if not done:
                break
            self.record(names, name_job(group))

    def _form_groups(self, waiting: Sequence[Any]) -> Iterator[list[Any]]:
        """Yield groups that have been begun, as they were, and then groups of all others."""
        left = {plan.name: plan for plan in waiting}
        for path in sorted(self._place.work.glob("group-*.checkpoint")):
            try:
                group = read_group(path)
            except UNUSABLE as error:
                self._progress.say(f"{error}; set aside as {set_aside(path).name}, and its models start anew")
                continue
            if any(plan.name in left for plan in group) and name_job(group) == path.stem:
                for plan in group:
                    left.pop(plan.name, None)
                yield group
        yield from find_kind(self._place.protocol).group(list(left.values()))

    def end(self, stopped: bool) -> Outcome:
        """Close the progress and return the outcome."""
        self._progress.close()
        missing = [plan.name for plan in self._plans if not self._recorder.has(plan)]
        failed = {name: self._failed[name] for name in missing if name in self._failed}
        if not stopped:
            failed |= {name: "its result could not be used" for name in missing if name not in failed}
        return Outcome(self._recorder.read_rows(), failed, stopped and len(missing) > 0)


@contextmanager
def _catch_stop() -> Iterator[threading.Event]:
    """Note Ctrl-C and a request to terminate, however often they come, instead of being interrupted by them.

    ``timeout`` and batch systems send a signal to a process and once more to its group; the second one must not disturb the
    last checkpoints.
    """
    stop = threading.Event()
    # Python takes signals in the main thread only. What a caller has set to be ignored, as nohup does, stays so.
    main = threading.current_thread() is threading.main_thread()
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if main and signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, old in before.items():
            signal.signal(number, old)
