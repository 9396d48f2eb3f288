"""One job of a sweep: train a model, or a group of them side by side, from the last checkpoint to the end.

The same function is run by a worker process, by the process that leads a sweep on a GPU, and by a job on a cluster.
"""

import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from twm.errors import UserError
from twm.records import hold_lock, read_commit, read_tensors, write_tensors
from twm.training.loop import TrainedModel, TrainingRun, collect_models, find_kind
from twm.training.places import set_aside
from twm.training.plans import Plan, restore_plan
from twm.training.progress import Say

#: What a checkpoint of a right name and a wrong content may raise.
UNUSABLE = (UserError, LookupError, TypeError, ValueError, AttributeError, RuntimeError)
#: Seconds between reports of progress.
_REPORT_SECONDS = 0.5
#: Seconds that a job waits for another process to leave its model.
_CLAIM_SECONDS = 5.0

#: What a job tells: its kind (``say``, ``progress``, ``done``, ``stopped``, ``failed``), names of models, and what goes with
#: it: a line, or the iteration and the latest accuracy of each model, -1 before the first test.
Message = tuple[str, list[str], Any]


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Return a plan and its protocol as JSON can hold them."""
    return {"protocol": plan.protocol, "plan": plan.describe()}


def name_job(plans: Sequence[Plan]) -> str:
    """Return the name of a job: its model's, or one that follows from the names of all its models."""
    if len(plans) == 1:
        return plans[0].name
    return f"group-{zlib.crc32(' '.join(plan.name for plan in plans).encode()):08x}"


def try_job(description: dict[str, Any], work: Path, tell: Callable[[Message], None], **settings: Any) -> Message:
    """Train the model of a described plan, telling on the way, and return what became of it; nothing is raised."""
    plan = restore_plan(find_kind(description["protocol"]).plan_type, description["plan"])
    names = [plan.name]
    told = {"say": lambda line: tell(("say", names, line)), "progress": lambda *state: tell(("progress", names, state))}
    try:
        done = run_job([plan], work, **told, **settings)
    except Exception as error:
        # Whatever happens to one model, the others go on.
        return "failed", names, explain_failure(error, work / f"{plan.name}.error.txt")
    return "done" if done else "stopped", names, None


def run_job(
    plans: Sequence[Any],
    work: Path,
    checkpoint_seconds: float = 30.0,
    device: str = "cpu",
    path: str | None = None,
    keep_going: Callable[[], bool] = lambda: True,
    say: Say = print,
    progress: Callable[[int, list[float]], None] = lambda iteration, accuracies: None,
) -> bool:
    """Train from the last checkpoint, keep others on the way, and one with the rows at the end; tell whether it was reached.

    ``keep_going`` is asked after each iteration; when it says no, a last checkpoint is kept and the job ends. An OSError is
    raised if the last one cannot be written, and a UserError if another process is at it.
    """
    read_commit()
    place = work / f"{name_job(plans)}.checkpoint"
    # Workers of a dead parent last a moment, a cluster's jobs for hours.
    taken = "another process is training it: wait for that one, then go on with --resume"
    with hold_lock(work / f".{name_job(plans)}.lock", lambda owner: taken, _CLAIM_SECONDS):
        run = _load(lambda: _make(plans, device, path, say), place, say)
        kept = reported = time.monotonic()

        def pulse(current: TrainingRun) -> bool:
            nonlocal kept, reported
            now, going = time.monotonic(), keep_going()
            if now - reported >= _REPORT_SECONDS:
                reported = now
                progress(current.iteration, [log.last.get("accuracy", -1.0) for log in current.logs])
            if not going or now - kept >= checkpoint_seconds:
                _keep(current, place, say)
                kept = time.monotonic()
            return going

        if not run.train(pulse):
            return False
        # Measuring takes its time too, and may be killed.
        _keep(run, place, say)
        run.finish()
        write_tensors(place, "checkpoint", *run.state())
    return True


def read_results(place: Path) -> list[TrainedModel]:
    """Return the models that a checkpoint holds results of: none before its job has ended."""
    return collect_models(*read_tensors(place, "checkpoint"))


def read_group(place: Path) -> list[Any]:
    """Return the plans of the models in a group's checkpoint."""
    _, description = read_tensors(place, "checkpoint")
    kind = find_kind(description["protocol"]).plan_type
    return [restore_plan(kind, plan) for plan in description["plans"]]


def _make(plans: Sequence[Any], device: str, path: str | None, say: Say) -> TrainingRun:
    """Make the run, and say what it warns of: that a fast way failed its check and the plain one is used."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        run = find_kind(plans[0].protocol)(plans, device, path)
    for line in dict.fromkeys(str(warning.message) for warning in caught):
        say(f"{name_job(plans)}: {line}")
    return run


def _load(make: Callable[[], TrainingRun], place: Path, say: Say) -> TrainingRun:
    run = make()
    try:
        run.load(*read_tensors(place, "checkpoint"))
    except FileNotFoundError:
        pass
    except UNUSABLE as error:
        reason = str(error) if place.name in str(error) else f"{place.name} cannot be gone on from ({error})"
        say(f"{reason}; set aside as {set_aside(place).name}, and the model starts anew")
        return make()
    return run


def _keep(run: TrainingRun, place: Path, say: Say) -> None:
    try:
        write_tensors(place, "checkpoint", *run.state())
    except OSError as error:
        # The checkpoint before this one is still there, and training can go on.
        says = f"{place.name} could not be kept at iteration {run.iteration}"
        say(f"{says}: {error.strerror or error}; training goes on")


def explain_failure(error: BaseException, place: Path | None = None) -> str:
    """Return one line about a failure; for one that nobody foresaw, leave the traceback in a file and name it."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    line = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    try:
        place.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except (OSError, AttributeError):
        return line
    return f"{line} (traceback in {place})"
