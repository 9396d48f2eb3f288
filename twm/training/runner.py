"""Sweeps: lock the folder, train pending models, save their rows, and survive interruptions.

A model's checkpoint is kept until its row is saved. A sweep can therefore be killed between any two steps: either the row
exists, or the checkpoint from which it will be made."""

import os
import re
import signal
import threading
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from twm.errors import SickMachine, UserError, check_fields, require, require_count
from twm.models.elman import read_weights
from twm.paths import build_dir, results_dir
from twm.records import Table, hold_lock, read_commit, read_tensors, write_tensors
from twm.training.loop import TrainedModel, TrainingRun, collect_models, find_kind
from twm.training.plans import check_plans, restore_plan
from twm.training.workers import (
    Message, Progress, Say, Stop, count_cores, train_in_processes, train_in_turn, train_on_cluster,
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """The files of one sweep."""

    rows: Path  # table of models
    curves: Path | None  # table of learning curves
    networks: Path | None  # folder of the networks to keep
    work: Path  # folder of checkpoints and the lock; nothing in it is needed once a sweep is done
    keeps: Callable[[Any], bool] = lambda plan: True  # plans whose networks belong there; others go to work/networks
    protocol: str = "elman"  # of the models, see twm.training.loop.find_kind

    @property
    def table(self) -> Table:
        """The table of models."""
        kind = find_kind(self.protocol)
        return Table(self.rows, tuple(kind.columns), kind.texts, kind.key)

    # The table of learning curves, if there is one.
    curve_table = property(lambda self: self.curves and Table(self.curves, find_kind(self.protocol).curve_columns))

    def check_row(self, plan: Any, row: Mapping[str, Any]) -> None:
        """Raise a UserError if a row contradicts the plan of its model."""
        kind = find_kind(self.protocol)
        # Derived columns, such as the total number of neurons, may be counted differently; the scale is a remark for readers.
        for name in [name for name in kind.from_plan if name in plan.__dataclass_fields__ and name != "scale"]:
            value = getattr(plan, name)
            same = row[name] == value or (value is None and row[name] == "")  # a file stores None as an empty cell
            require(same, f"{self.rows}: the {name} of {plan.name} is {row[name]}, not {value}: choose another folder")
        ends = [row.get("checkpoint") or 0, row["iterations"] or 0, plan.iterations]
        require(ends == sorted(ends), f"{self.rows}: checkpoint, end and plan of {plan.name} are {ends}, not in order")


def make_folder_place(folder: Path | str) -> Place:
    """Return the files of ``twm train --out FOLDER``: rows.csv, curves.csv, networks and unfinished."""
    named = str(folder) and not re.search("[\ud800-\udfff]", str(folder))
    require(bool(named), f"--out must name a folder, in UTF-8, not {str(folder)!r}")
    return Place(*(Path(folder) / name for name in ("rows.csv", "curves.csv", "networks", "unfinished")))


def make_sweep_place(name: str, keeps: Callable[[Any], bool] = Place.keeps, protocol: str = "elman") -> Place:
    """Return the files of a named sweep among the recorded runs of the clone."""
    results, work = results_dir(), build_dir() / "sweeps" / name
    return Place(results / f"{name}.csv", results / "curves" / f"{name}.csv", results / "networks", work, keeps, protocol)


def read_models(path: Path | str, protocol: str = "elman") -> list[dict[str, Any]]:
    """Read a table of models: numbers as numbers, empty cells as ``None``; no rows if there is no table."""
    rows = (table := Place(Path(path), None, None, Path(path).parent, protocol=protocol).table).read()
    keys = {key for row in rows if all(key := table.find_key(row))}
    require(len(keys) == len(rows), f"{path} has two rows of one model, or a row without a model: remove the wrong one")
    return rows


@contextmanager
def lock_place(place: Place) -> Iterator[None]:
    """Lock a place against a second sweep inside the context, and remove temporary files of killed writers."""
    taken = lambda owner: f"{place.rows} is being written by another sweep (process {owner}): wait for it, or stop it"
    for path, is_folder in ((place.rows, False), (place.curves, False), (place.networks, True), (place.work, True)):
        fits = not path or not os.path.exists(path) or (os.path.isdir if is_folder else os.path.isfile)(path)
        require(fits, f"{path}: expected a {'folder' if is_folder else 'file'}, found something else")
    with hold_lock(place.work / ".lock", taken, 0.0):
        for path in filter(None, (place.rows, place.curves, place.networks and place.networks / "*", place.work / "*")):
            # Temporary names of the writer: a dot, the file's name, a dot and eight characters.
            for leftover in path.parent.glob(f".{path.name}.????????"):
                # Another sweep may be writing its networks.
                with suppress(OSError):
                    if path.parent != place.networks or leftover.stat().st_mtime < time.time() - 3600:
                        leftover.unlink()
        yield


def set_aside(path: Path) -> Path:
    """Rename an unusable file, so that nothing is lost, and return its new path."""
    places = (path.with_name(f"{path.name}.damaged{number if number > 1 else ''}") for number in count(1))
    return path.replace(next(place for place in places if not place.exists()))


def name_setting(model: str, seed: int) -> str:
    """Return a model's name without its seed."""
    return re.sub(rf"_s{seed}(?=_|$)", "", model, count=1)


def record_models(place: Place, models: Sequence[TrainedModel], order: Sequence[Any]) -> None:
    """Write the networks, curves and rows of models; rows come last, because a row implies that everything else is saved.
    Tables are sorted by seed, and for each seed in the order of the plans in ``order``, followed by all other rows."""
    kind, table, curves = find_kind(place.protocol), place.table, place.curve_table
    for model in models:
        _write_networks(place, model)
    seeds = {kind.find_key(plan): plan.seed for plan in order}
    seeds |= {table.find_key(row): row["seed"] for row in table.read()}
    seeds |= {kind.find_key(model.plan): model.plan.seed for model in models}
    cells = {  # keys without their seeds
        key: tuple(name_setting(own, seed) for name, own in zip(kind.key, key) if name != "seed")
        for key, seed in seeds.items()
    }
    ranks = {cell: rank for rank, cell in enumerate(dict.fromkeys(cells.values()))}
    ranks = {key: (seed, ranks[cells[key]]) for key, seed in seeds.items()}
    if curves:
        last = (float("inf"), 0)
        curves.add([point for model in models for point in model.curve], lambda point: ranks.get((point["model"],), last))
    table.add([model.row for model in models], lambda row: ranks[table.find_key(row)])


def _write_networks(place: Place, model: TrainedModel) -> None:
    """Write a model's networks; a UserError if its row contradicts its plan, or its row or weights are unusable."""
    kind, plan, row = find_kind(place.protocol), model.plan, model.row
    place.check_row(plan, row)
    place.table.to_texts(row)
    weights = model.weights.values() if isinstance(model.weights, Mapping) else model.weights or ()
    require(all(weight.isfinite().all() for weight in weights), f"the weights of {plan.name} are not finite")
    if place.networks is None:
        return
    folder, about = place.networks if place.keeps(plan) else place.work / "networks", kind.describe_plan(plan)
    if model.weights is not None:
        told = {key: row[key] for key in ("accuracy", "checkpoint", "torch", "commit", "date")}
        kind.write_network(folder / f"{plan.name}.safetensors", model.weights, about | told)
    for at, weights in model.snapshots.items():
        kind.write_network(folder / f"{plan.name}_at{at}.safetensors", weights, about | {"checkpoint": at})


#: Exceptions that a checkpoint with a valid name but invalid content may raise.
_UNUSABLE = (UserError, LookupError, TypeError, ValueError, AttributeError, RuntimeError)
#: Fields of a checkpoint's description, and of each log in it.
_STATE = {"protocol": str, "plans": list, "logs": list, "results": list, "iteration": int, "last_point": int, "seconds": float}
_LOG = {"checkpoint": int, "last": dict, "best": dict | None, "curve": list, "notes": dict}
#: Seconds between progress reports, and seconds that a job waits for another process to release its model.
_REPORT_SECONDS, _CLAIM_SECONDS = 0.5, 5.0


@dataclass
class Outcome:
    """Result of a sweep."""

    rows: list[dict[str, Any]] = field(default_factory=list)  # of the requested models that are recorded, seed by seed
    failed: dict[str, str] = field(default_factory=dict)  # reason why a model has no row, by name
    stopped: int = 0  # number of the signal that stopped the sweep; 0 if none did


def train_models(
    plans: Sequence[Any], place: Place, resume: bool = False, device: str = "cpu", executor: str = "local",
    workers: int | None = None, checkpoint_seconds: float = 30.0, say: Say = print, side_by_side: bool | None = None,
    order: Sequence[Any] = (),
) -> Outcome:  # fmt: skip
    """Train models, seed by seed in the given order, and record a row, a curve and a network for each.

    On the CPU, every model has its own process and core; on a GPU, or if ``side_by_side``, models of one size share one. With
    the executor ``slurm``, every model is a cluster job. With ``resume``, recorded models are kept and unfinished ones continue.
    ``order`` lists plans that order the rows of a part of a sweep. Ctrl-C and SIGTERM save every model's state."""
    plans = check_plans(plans)
    odd = [plan.name for plan in plans if plan.protocol != place.protocol]
    require(not odd, f"{(odd or [''])[0]} does not fit {place.rows}, which has other columns")
    find_kind(place.protocol).check(plans)
    device = device if place.protocol in ("elman", "sequence") else "cpu"  # other kinds have no GPU path
    workers = require_count(count_cores() if workers is None else workers, "workers")
    require(checkpoint_seconds > 0, f"checkpoint-seconds must be positive, not {checkpoint_seconds:g}")
    require(executor in ("local", "slurm"), f"executor must be local or slurm, not {executor!r}")
    require(executor == "local" or device == "cpu", "on a cluster, each job trains on one core: leave out --device cuda")
    begun = os.path.lexists(place.rows) or (os.path.isdir(place.work) and any(place.work.glob("*.checkpoint")))
    require(resume or not begun, f"{place.rows} or {place.work} contains runs: add --resume, or choose another folder")
    with lock_place(place), _catch_stop() as stop:
        leader = _Leader(place, plans, order, say)
        leader.collect_old()
        grouped = executor == "local" and (device != "cpu" if side_by_side is None else side_by_side)
        settings = {"device": device, "path": "batched"} if grouped else {}
        train = partial(_try_job, place.work, settings | {"checkpoint_seconds": checkpoint_seconds})
        jobs = leader.begin(grouped)
        if executor == "slurm":
            leader.follow(train_on_cluster(train, jobs, place.work / "jobs", stop))
        elif grouped:
            leader.follow(train_in_turn(train, jobs, leader.handle, stop))
        else:
            leader.follow(train_in_processes(train, jobs, workers, stop))
        return leader.end(stop.number)


def _is_whole(network: Path) -> bool:
    try:
        return bool(read_weights(network))
    except UserError:
        return False


class _Leader:
    """Handle messages about models, record the finished ones, and report to the user."""

    def __init__(self, place: Place, plans: Sequence[Any], order: Sequence[Any], say: Say) -> None:
        self._place, self._plans, self._say = place, plans, say
        self._kind, self._table = find_kind(place.protocol), place.table
        self._order = (*order, *plans)
        self._failed, self._progress = {}, Progress([], 0, say)
        known = {self._table.find_key(row): row for row in read_models(place.rows, place.protocol)}
        curves = {point["model"]: point["iteration"] for point in place.curve_table.read()} if place.curves else None
        self._known = set(known)
        for plan in (plan for plan in plans if self._has(plan)):
            row = known[self._kind.find_key(plan)]
            place.check_row(plan, row)
            lost = None
            if curves is not None and curves.get(plan.name) != row["iterations"]:
                lost = place.curves
            elif place.networks and place.keeps(plan) and row["checkpoint"]:
                network = place.networks / f"{plan.name}.safetensors"
                lost = None if _is_whole(network) else network
            if lost:
                say(f"{plan.name} is on record, but not in {lost}: it is trained again")
                self._known.remove(self._kind.find_key(plan))

    _has = lambda self, plan: self._kind.find_key(plan) in self._known

    def collect_old(self) -> None:
        """Record the finished results that an earlier session, or cluster jobs, left behind."""
        for path in sorted(self._place.work.glob("*.checkpoint")):
            try:
                models = collect_models(*_read_state(path))
            except (*_UNUSABLE, OSError):
                continue  # reported and set aside when its model is trained
            try:
                for model in self._take(path, [model for model in models if model.plan.protocol == self._place.protocol]):
                    self._say(f"{model.plan.name} was finished and is now saved")
            except OSError as error:
                raise SickMachine(f"pending results cannot be saved: {_explain(error)}; when it can, use --resume") from None
            except _UNUSABLE as error:
                self._say(f"{path.name} cannot be used ({error}); set aside as {set_aside(path).name}, and the model restarts")

    def begin(self, grouped: bool) -> list[list[Any]]:
        """Start the progress display, and return the pending jobs: one model each, or groups, with begun groups first."""
        waiting = [plan for plan in self._plans if not self._has(plan)]
        self._progress = Progress(waiting, len(self._plans) - len(waiting), self._say)
        if not grouped:
            return [[plan] for plan in waiting]
        left, groups = {plan.name: plan for plan in waiting}, []
        for path in sorted(self._place.work.glob("group-*.checkpoint")):
            try:
                described = _read_state(path)[1]
                group = [restore_plan(find_kind(described["protocol"]).plan_type, plan) for plan in described["plans"]]
            except _UNUSABLE as error:
                self._progress.say(f"{error}; set aside as {set_aside(path).name}, and its models restart")
                continue
            names = {plan.name for plan in group}
            if names & left.keys() and name_job(group) == path.stem:
                left = {name: plan for name, plan in left.items() if name not in names}
                groups.append(group)
        return groups + self._kind.group(list(left.values()))

    def follow(self, messages: Iterator[Message | None]) -> None:
        """Handle messages until there are no more."""
        with closing(messages):
            for message in messages:
                self._progress.tick() if message is None else self.handle(message)

    def handle(self, message: Message) -> None:
        """Handle one message."""
        plans, kind, content = message
        if kind == "say":
            self._progress.say(content)
        elif kind == "progress":
            iteration, accuracies = content
            for plan, accuracy in zip(plans, accuracies):
                self._progress.advance(plan.name, iteration, accuracy)
        elif kind == "failed":
            self._fail(plans, content)
        elif kind == "done":
            self._finish(plans)

    def _fail(self, plans: Sequence[Any], reason: str) -> None:
        for plan in plans:
            self._failed[plan.name] = reason
            self._progress.finish(plan.name, f"{plan.name}: failed: {reason}", done=False)

    def _finish(self, plans: Sequence[Any]) -> None:
        path = self._place.work / f"{name_job(plans)}.checkpoint"
        try:
            new = self._take(path, collect_models(*_read_state(path)))
        except OSError as error:
            return self._fail(plans, f"trained, but not saved: {_explain(error)}; use --resume later")
        except _UNUSABLE as error:
            return self._fail(plans, f"its result could not be used: {error}")
        for model in new:
            self._progress.finish(model.plan.name, self._kind.describe_row(model.row), done=True)

    def _take(self, path: Path, models: Sequence[TrainedModel]) -> list[TrainedModel]:
        """Record a checkpoint's new models, remove the checkpoint, and return the new models."""
        new = [model for model in models if not self._has(model.plan)]
        if new:
            record_models(self._place, new, self._order)
            self._known |= {self._kind.find_key(model.plan) for model in new}
        if models:
            path.unlink(missing_ok=True)
            path.with_name(f".{path.stem}.lock").unlink(missing_ok=True)
        return new

    def end(self, stopped: int) -> Outcome:
        """Close the progress and return the outcome."""
        self._progress.close()
        asked = set(map(self._kind.find_key, self._plans))
        rows = [row for row in self._table.read() if self._table.find_key(row) in asked]
        missing = [plan.name for plan in self._plans if not self._has(plan)]
        lost = {} if stopped else dict.fromkeys(missing, "its result could not be used")
        failed = lost | {name: self._failed[name] for name in missing if name in self._failed}
        return Outcome(rows, failed, stopped if missing else 0)


@contextmanager
def _catch_stop() -> Iterator[Stop]:
    """Note Ctrl-C and SIGTERM, however often they arrive, instead of being interrupted by them."""
    # Batch systems signal a process and then its group, while the last checkpoints are being saved.
    stop = Stop()
    # Python handles signals in the main thread only. A signal that the caller ignores, as with nohup, stays ignored.
    main = threading.current_thread() is threading.main_thread()
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if main and signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop.note) for number in numbers}
    try:
        yield stop
    finally:
        stop.over = True
        for number, old in before.items():
            signal.signal(number, old)


# ---- one job: train a model, or a group side by side, from the last checkpoint to the end


def _read_state(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a checkpoint: tensors, and a description with fields of the right types."""
    tensors, description = read_tensors(path, "checkpoint")
    check_fields(path.name, description, _STATE)
    for log in description["logs"]:
        check_fields(f"{path.name}, logs", log, _LOG)
    return tensors, description


def name_job(plans: Sequence[Any]) -> str:
    """Return the name of a job: that of its model, or a checksum of the names of all its models."""
    names = [plan.name for plan in plans]
    return names[0] if len(names) == 1 else f"group-{zlib.crc32(' '.join(names).encode()):08x}"


def _try_job(
    work: Path, settings: dict[str, Any], plans: list[Any], tell: Callable[[str, Any], None],
    keep_going: Callable[[], bool],
) -> tuple[str, Any]:  # fmt: skip
    """Run a job, reporting ``say`` and ``progress``; return ``done``, ``stopped``, or ``failed`` with the reason."""
    told = {"say": lambda line: tell("say", line), "progress": lambda *state: tell("progress", state)}
    try:
        done = run_job(plans, work, keep_going=keep_going, **told, **settings)
    except Exception as error:
        # The failure of one model does not stop the others.
        return "failed", _explain(error, work / f"{name_job(plans)}.error.txt")
    return "done" if done else "stopped", None


def run_job(
    plans: Sequence[Any], work: Path, checkpoint_seconds: float = 30.0, device: str = "cpu", path: str | None = None,
    keep_going: Callable[[], bool] = lambda: True, say: Say = print,
    progress: Callable[[int, list[float]], None] = lambda iteration, accuracies: None,
) -> bool:  # fmt: skip
    """Train from the last checkpoint, save others on the way, and the rows at the end; return whether training is complete.

    ``keep_going`` is called after each iteration; if it returns false, a last checkpoint is saved and the job ends. A failed
    write is only reported, unless it is the last. ``progress`` gets every latest accuracy, -1 before the first test."""
    read_commit()
    place = work / f"{name_job(plans)}.checkpoint"
    # Workers outlive their parent for a moment, cluster jobs for hours.
    taken = "another process is training it: wait for that process, then use --resume"
    with hold_lock(work / f".{name_job(plans)}.lock", lambda owner: taken, _CLAIM_SECONDS):
        run = _begin(plans, device, path, place, say)
        kept = reported = time.monotonic()

        def pulse(current: TrainingRun) -> bool:
            nonlocal kept, reported
            now, going = time.monotonic(), keep_going()
            if now - reported >= _REPORT_SECONDS:
                reported = now
                progress(current.iteration, [log.last.get("accuracy", -1.0) for log in current.logs])
            if not going or now - kept >= checkpoint_seconds:
                _keep(current, place, say if going else None)
                kept = time.monotonic()
            return going

        if not run.train(pulse):
            return False
        _keep(run, place, say)  # the evaluation takes time too, and may be killed
        run.finish()
        write_tensors(place, "checkpoint", *run.state())
    return True


def _begin(plans: Sequence[Any], device: str, path: str | None, place: Path, say: Say) -> TrainingRun:
    """Make the run, restore its checkpoint if there is one, and report warnings that a fast path failed its check."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        run = find_kind(plans[0].protocol)(plans, device, path)
    try:
        run.load(*_read_state(place))
    except FileNotFoundError:
        pass
    except _UNUSABLE as error:
        reason = str(error) if place.name in str(error) else f"{place.name} cannot be resumed ({error})"
        say(f"{reason}; set aside as {set_aside(place).name}, and the model restarts")
        return _begin(plans, device, path, place, say)
    for line in dict.fromkeys(str(warning.message) for warning in caught):
        say(f"{name_job(plans)}: {line}")
    return run


def _keep(run: TrainingRun, place: Path, say: Say | None) -> None:
    try:
        write_tensors(place, "checkpoint", *run.state())
    except OSError as error:
        if say is None:  # it is the last one
            raise
        # The previous checkpoint still exists, and training can continue.
        say(f"iteration {run.iteration} could not be saved: {error.strerror or error}; training continues")


def _explain(error: BaseException, place: Path | None = None) -> str:
    """Return one line about a failure; for an unforeseen one, write the traceback to a file that the line names."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    line = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    if isinstance(error, MemoryError) or "allocate memory" in line or "Storage size" in line:
        return "this machine has not enough memory for a model of this size"
    with suppress(OSError):
        place.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
        line += f" (traceback in {place})"
    return line
