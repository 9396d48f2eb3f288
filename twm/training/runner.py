"""Lead a sweep: lock its place, train what waits, record what comes, and survive whatever happens."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twm.errors import UserError, require, require_count
from twm.training.jobs import name_job, read_group, run_job
from twm.training.places import Place, Table, has_runs, lock_place, remove_leftovers, set_aside
from twm.training.plans import check_plans
from twm.training.progress import Progress, Say
from twm.training.protocols import find_protocol
from twm.training.workers import Message, explain_failure, train_in_processes

#: Seconds after an interrupt in which another one counts as the same.
_PATIENCE_SECONDS = 5.0


@dataclass
class Outcome:
    """What a sweep came to.

    Attributes:
        rows: of the models asked for that are on record, seed by seed.
        failed: why other models have no row, by name.
        stopped: whether it was stopped from outside.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False


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

    On the CPU every model has a process of its own, and a core. On a GPU all models of one size are trained side by side. On
    a cluster every model is a job. Whatever was on record stays; whatever had been begun is gone on with.

    Args:
        plans: one a model.
        place: where to leave what comes out.
        resume: go on with what is in the place; without it a place with runs is refused.
        device: ``cpu`` or ``cuda``.
        executor: ``local``, or ``slurm`` for a cluster.
        workers: processes on the CPU; by default one a core.
        checkpoint_seconds: time between checkpoints.
        say: where lines go.
        side_by_side: train models of one size side by side also on the CPU, as on a GPU: slower, and the way the GPU's path is
            tested.
        order: plans, these and others, that set the order of rows where only some of a sweep are trained.

    Returns:
        the outcome. Ctrl-C and a request to terminate stop the sweep with its state kept.

    Raises:
        UserError: if an argument is out of range, a task does not keep states of -1 and 1 so, the place is in use, has runs without ``resume``, or holds tables that
            are damaged or from another version.
    """
    plans = check_plans(plans)
    for plan in plans:
        fits = plan.protocol == place.protocol
        require(fits, f"{plan.name} is no model for {place.rows}, whose rows have other columns")
    find_protocol(place.protocol).check(plans)
    workers = count_cores() if workers is None else require_count(workers, "workers")
    require(checkpoint_seconds > 0, f"checkpoint-seconds must be positive, not {checkpoint_seconds:g}")
    require(executor in ("local", "slurm"), f"executor must be local or slurm, not {executor!r}")
    require(
        executor == "local" or device == "cpu",
        "on a cluster every job trains one model on a core: leave out --device cuda",
    )
    refused = has_runs(place) and not resume
    require(
        not refused,
        f"{place.rows} or {place.work} has runs in it: add --resume to go on with them, or choose another place",
    )
    side_by_side = device != "cpu" if side_by_side is None else side_by_side
    with lock_place(place):
        remove_leftovers(place)
        table = Table(place, plans, say, order)
        leader = _Leader(table, plans, say)
        leader.collect_old()
        waiting = table.list_waiting()
        leader.begin(waiting)
        try:
            with interrupt_once():
                if executor == "slurm":
                    from twm.training.cluster import train_on_cluster

                    leader.follow(train_on_cluster(waiting, place.work, checkpoint_seconds))
                elif side_by_side:
                    _train_side_by_side(waiting, place, device, checkpoint_seconds, leader)
                else:
                    leader.follow(train_in_processes(waiting, place.work, workers, checkpoint_seconds))
        except KeyboardInterrupt:
            leader.outcome.stopped = True
        return leader.end()


class _Leader:
    """Take messages about models, record what is done, and tell the user."""

    def __init__(self, table: Table, plans: Sequence[Any], say: Say) -> None:
        self._table, self._plans, self._say = table, plans, say
        self.outcome = Outcome()
        self._progress = Progress([], 0, say)

    def collect_old(self) -> None:
        """Record results that an earlier session left behind."""
        try:
            for row in self._table.collect():
                self._say(f"{row['model']} was done and is now on record")
        except OSError as error:
            raise UserError(
                f"results that wait cannot be recorded: {explain_failure(error, Path())}; make room, then --resume"
            ) from None

    def begin(self, waiting: Sequence[Any]) -> None:
        """Start to count."""
        describe = find_protocol(self._table.place.protocol).describe_row
        self._progress = Progress(waiting, len(self._plans) - len(waiting), self._say, describe=describe)

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
        if message.kind == "say":
            self._progress.say(message.content)
        elif message.kind == "progress":
            iteration, accuracies = message.content
            self._progress.advance(message.model, iteration, accuracies[0])
        elif message.kind == "failed":
            self.outcome.failed[message.model] = message.content
            self._progress.finish(message.model, None, f"failed: {message.content}")
        elif message.kind == "done":
            self.record([message.model])

    def record_new(self, names: Sequence[str]) -> bool:
        """Take the results of a group into the tables, but for models on record before; tell whether that went well."""
        for name in filter(self._table.has, names):
            self._table.place.find_result(name).unlink(missing_ok=True)
        return self.record([name for name in names if not self._table.has(name)])

    def record(self, names: Sequence[str]) -> bool:
        """Take the results of models into the tables, and tell whether that went well."""
        try:
            rows = self._table.collect(names)
        except OSError as error:
            reason = f"trained, but not recorded: {explain_failure(error, Path())}; its result waits for --resume"
            for name in names:
                self.outcome.failed[name] = reason
                self._progress.finish(name, None, reason)
            return False
        for row in rows:
            self._progress.finish(row["model"], row)
        return True

    def end(self) -> Outcome:
        """Close the progress and return the outcome."""
        self._progress.close()
        asked = {plan.name for plan in self._plans}
        self.outcome.rows = [row for row in self._table.rows if row["model"] in asked]
        if not self.outcome.stopped:
            for plan in self._plans:
                if not self._table.has(plan.name):
                    self.outcome.failed.setdefault(plan.name, "its result could not be used")
        return self.outcome


def _train_side_by_side(
    waiting: Sequence[Any], place: Place, device: str, checkpoint_seconds: float, leader: _Leader
) -> None:
    for group, checkpoint in _form_groups(waiting, place, leader):
        with _catch_stop() as stop:
            done = _train_group(group, place, device, checkpoint_seconds, leader, lambda: not stop.is_set())
        if stop.is_set():
            raise KeyboardInterrupt
        if done and leader.record_new([plan.name for plan in group]):
            checkpoint.unlink(missing_ok=True)


def _train_group(
    group: Sequence[Any],
    place: Place,
    device: str,
    checkpoint_seconds: float,
    leader: _Leader,
    keep_going: Callable[[], bool],
) -> bool:
    def say(line: str) -> None:
        leader.handle(Message("say", "", line))

    def progress(iteration: int, accuracies: Sequence[float]) -> None:
        for plan, accuracy in zip(group, accuracies):
            leader.handle(Message("progress", plan.name, (iteration, [accuracy])))

    try:
        return run_job(group, place.work, checkpoint_seconds, device, "batched", keep_going, say, progress)
    except (UserError, OSError, RuntimeError) as error:
        reason = explain_failure(error, place.work / "group.error.txt")
        for plan in group:
            leader.handle(Message("failed", plan.name, reason))
        return False


def _form_groups(waiting: Sequence[Any], place: Place, leader: _Leader) -> Iterator[tuple[list[Any], Path]]:
    """Yield groups that have been begun, as they were, and then groups of all others, with their checkpoints."""
    left = {plan.name: plan for plan in waiting}
    for path in sorted(place.work.glob("group-*.checkpoint")):
        try:
            group = read_group(path)
        except UserError as error:
            leader.handle(
                Message("say", "", f"{error}; set aside as {set_aside(path).name}, and its models start anew")
            )
            continue
        if any(plan.name in left for plan in group) and name_job(group) == path.stem:
            for plan in group:
                left.pop(plan.name, None)
            yield group, path
    for group in find_protocol(place.protocol).group(list(left.values())):
        yield group, place.find_checkpoint(name_job(group))


@contextmanager
def _catch_stop() -> Iterator[threading.Event]:
    """Note Ctrl-C and a request to terminate instead of being interrupted by them in the middle of an iteration."""
    stop = threading.Event()
    with _handlers(lambda number, frame: stop.set(), (signal.SIGINT, signal.SIGTERM)):
        yield stop


@contextmanager
def interrupt_once() -> Iterator[None]:
    """Treat a request to terminate, as a batch system sends it, like Ctrl-C, and either as one however often it comes.

    ``timeout`` and batch systems send a signal to a process and once more to its group. The second one must not disturb
    the last checkpoints; only a user who has lost patience cuts them short.
    """
    first = float("-inf")

    def interrupt(number: int, frame: Any) -> None:
        nonlocal first
        now = time.monotonic()
        if now - first > _PATIENCE_SECONDS:
            first = now
            raise KeyboardInterrupt

    with _handlers(interrupt, (signal.SIGINT, signal.SIGTERM)):
        yield


@contextmanager
def _handlers(handler: Callable[[int, Any], None], numbers: Sequence[int]) -> Iterator[None]:
    # Python takes signals in the main thread only.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # What a caller has set to be ignored, as nohup and a shell's background do, stays so.
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
