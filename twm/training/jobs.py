"""One job of a sweep: train a model, or a group of them side by side, from the last checkpoint to its results.

The same function is run by a worker process, by the process that leads a sweep on a GPU, and by a job on a cluster.
"""

import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twm.errors import UserError, require
from twm.records import DamagedRecord, read_tensors, write_tensors
from twm.training.places import set_aside
from twm.training.progress import Say
from twm.training.protocols import find_protocol, restore_any
from twm.training.results import read_commit, write_result

_KIND = "checkpoint"
#: Seconds between reports of progress.
_REPORT_SECONDS = 0.5
#: Seconds that a job waits for another process to leave its model.
_CLAIM_SECONDS = 5.0

JobProgress = Callable[[int, Sequence[float]], None]


def name_job(plans: Sequence[Any]) -> str:
    """Return the name of a job: its model's, or one that follows from the names of all its models."""
    if len(plans) == 1:
        return plans[0].name
    return f"group-{zlib.crc32(' '.join(plan.name for plan in plans).encode()):08x}"


def run_job(
    plans: Sequence[Any],
    work: Path,
    checkpoint_seconds: float = 30.0,
    device: str = "cpu",
    path: str | None = None,
    keep_going: Callable[[], bool] = lambda: True,
    say: Say = print,
    progress: JobProgress = lambda iteration, accuracies: None,
) -> bool:
    """Train from the last checkpoint, keep checkpoints on the way, and leave a result file a model.

    Args:
        plans: of models to train side by side; usually one.
        work: folder of checkpoints and results.
        checkpoint_seconds: time between checkpoints.
        device: ``cpu`` or ``cuda``.
        path: of the kernel.
        keep_going: asked after each iteration; when it says no, a last checkpoint is kept and the job ends.
        say: called with a line for whatever a user should know.
        progress: called now and then with the iteration and the latest accuracy of each model, -1 before the first test.

    Returns:
        whether the models are done.

    Raises:
        OSError: if a result cannot be written; the checkpoint stays.
        UserError: if a plan cannot be trained, or another process is at it.
    """
    read_commit()
    with _claim(Path(work), name_job(plans)):
        return _run(list(plans), Path(work), checkpoint_seconds, device, path, keep_going, say, progress)


@contextmanager
def _claim(work: Path, name: str) -> Iterator[None]:
    """Make sure that nobody else trains the same: workers of a dead parent last a moment, a cluster's jobs for hours."""
    import fcntl

    work.mkdir(parents=True, exist_ok=True)
    with open(work / f".{name}.lock", "w", encoding="utf-8") as handle:
        deadline = time.monotonic() + _CLAIM_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                require(
                    time.monotonic() < deadline,
                    "another process is training it: wait for that one, then go on with --resume",
                )
                time.sleep(0.1)
        yield


def _run(
    plans: list[Any],
    work: Path,
    checkpoint_seconds: float,
    device: str,
    path: str | None,
    keep_going: Callable[[], bool],
    say: Say,
    progress: JobProgress,
) -> bool:
    place = work / f"{name_job(plans)}.checkpoint"
    ensemble = _load_checkpoint(_make_ensemble(plans, device, path, say), place, path, say)
    kept = reported = time.monotonic()

    def pulse(current: Any) -> bool:
        nonlocal kept, reported
        now = time.monotonic()
        if now - reported >= _REPORT_SECONDS:
            reported = now
            progress(current.iteration, [log.accuracy_final for log in current.logs])
        going = keep_going()
        if not going or now - kept >= checkpoint_seconds:
            _keep_checkpoint(current, place, say)
            kept = time.monotonic()
        return going

    if not ensemble.train(pulse):
        return False
    progress(ensemble.iteration, [log.accuracy_final for log in ensemble.logs])
    for model in find_protocol(plans[0].protocol).finish(ensemble):
        write_result(work / f"{model.plan.name}.result", model)
    return True


def _make_ensemble(plans: list[Any], device: str, path: str | None, say: Say) -> Any:
    """Make the ensemble, and say what it warns of: that a kernel failed its check and the plain one is used."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        ensemble = find_protocol(plans[0].protocol).make(plans, device, path)
    for line in dict.fromkeys(str(warning.message) for warning in caught):
        say(f"{name_job(plans)}: {line}")
    return ensemble


def _load_checkpoint(ensemble: Any, place: Path, path: str | None, say: Say) -> Any:
    try:
        tensors, description = read_tensors(place, _KIND)
    except FileNotFoundError:
        return ensemble
    except DamagedRecord as error:
        say(f"{error}; set aside as {set_aside(place).name}, and the model starts anew")
        return ensemble
    try:
        ensemble.load(tensors, description)
    except (UserError, KeyError, TypeError, RuntimeError) as error:
        say(
            f"{place.name} cannot be gone on from ({error}); set aside as {set_aside(place).name}, and the model starts anew"
        )
        return find_protocol(ensemble.plans[0].protocol).make(ensemble.plans, ensemble.device, path)
    return ensemble


def _keep_checkpoint(ensemble: Any, place: Path, say: Say) -> None:
    tensors, description = ensemble.state()
    try:
        write_tensors(place, _KIND, tensors, {"protocol": ensemble.plans[0].protocol, **description})
    except OSError as error:
        # The checkpoint before this one is still there, and training can go on.
        say(
            f"{place.name} could not be kept at iteration {ensemble.iteration}: {error.strerror or error}; training goes on"
        )


def read_group(place: Path) -> list[Any]:
    """Return the plans of the models in a group's checkpoint.

    Raises:
        DamagedRecord: if the checkpoint is damaged.
        UserError: if it is from another version.
    """
    _, description = read_tensors(place, _KIND)
    return [restore_any({**description, "plan": plan}) for plan in description.get("plans", [])]
