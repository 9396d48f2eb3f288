"""A process a core, each training one model at a time with one thread, that end when their parent does.

A worker holds one end of a pipe, its lifeline, that nobody else reads. When the parent dies, however that happens, the
operating system closes the other end, and the worker, waiting for that in a thread, ends at once. The same pipe carries
the wish to stop.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from twm.errors import UserError
from twm.training.jobs import run_job
from twm.training.protocols import describe_plan, restore_any

#: Read by the threading libraries when a worker loads them; setting them later leaves their pools in place.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
#: Seconds that a worker has for its last checkpoint when it is asked to stop.
_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Message:
    """What a worker tells.

    Attributes:
        kind: ``say`` (a line), ``progress`` (iteration, accuracies), ``done``, ``stopped`` or ``failed`` (a line).
        model: the model's name.
        content: what goes with it.
    """

    kind: str
    model: str
    content: Any = None


def explain_failure(error: BaseException, place: Path) -> str:
    """Return one line about a failure; for one that nobody foresaw, leave the traceback in a file and name it."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    line = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    try:
        place.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return line
    return f"{line} (traceback in {place})"


def _serve(tasks: Any, lifeline: Any, work: str, checkpoint_seconds: float) -> None:
    """Train what comes through ``tasks`` until ``None`` comes; runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    stop = threading.Event()

    def watch() -> None:
        try:
            lifeline.recv()
            stop.set()
            lifeline.recv()
        except (EOFError, OSError):
            pass
        # The parent has gone, or waits no longer.
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    while (description := tasks.recv()) is not None:
        plan = restore_any(description)
        tasks.send(_train(plan, Path(work), checkpoint_seconds, stop, tasks.send))
        if stop.is_set():
            break


def _train(
    plan: Any, work: Path, checkpoint_seconds: float, stop: threading.Event, send: Callable[[Message], None]
) -> Message:
    def say(line: str) -> None:
        send(Message("say", plan.name, line))

    def progress(iteration: int, accuracies: Sequence[float]) -> None:
        send(Message("progress", plan.name, (iteration, list(accuracies))))

    try:
        done = run_job(
            [plan], work, checkpoint_seconds, keep_going=lambda: not stop.is_set(), say=say, progress=progress
        )
    except Exception as error:
        # Whatever happens to one model, the others go on.
        return Message("failed", plan.name, explain_failure(error, work / f"{plan.name}.error.txt"))
    return Message("done" if done else "stopped", plan.name)


class _Worker:
    def __init__(self, work: Path, checkpoint_seconds: float) -> None:
        context = multiprocessing.get_context("spawn")
        self.tasks, theirs = context.Pipe()
        their_lifeline, self.lifeline = context.Pipe(duplex=False)
        self.process = context.Process(
            target=_serve, args=(theirs, their_lifeline, str(work), checkpoint_seconds), daemon=True
        )
        with _child_environment():
            self.process.start()
        theirs.close()
        their_lifeline.close()
        self.model: str | None = None

    def close(self) -> None:
        """End the process, kindly if it is idle."""
        try:
            self.tasks.send(None)
        except OSError:
            pass
        if self.model is None:
            self.process.join(timeout=5)
        self.lifeline.close()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.tasks.close()


@contextmanager
def _child_environment() -> Iterator[None]:
    """Start a process with one thread, and deaf to Ctrl-C, which is the parent's to deal with, from its first moment."""
    before = {name: os.environ.get(name) for name in _THREADS}
    main = threading.current_thread() is threading.main_thread()
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def train_in_processes(
    plans: Sequence[Any], work: Path, workers: int, checkpoint_seconds: float, idle_seconds: float = 1.0
) -> Iterator[Message | None]:
    """Train models in order, as many at a time as there are workers.

    Args:
        plans: one a model.
        work: folder of checkpoints and results.
        workers: processes, each with one thread.
        checkpoint_seconds: time between checkpoints.
        idle_seconds: longest time without yielding.

    Yields:
        messages as they come, and ``None`` where none came for a while. A worker that died is replaced; its model has
        failed. On KeyboardInterrupt or when the generator is closed, all workers keep a checkpoint and end.
    """
    waiting = list(plans)
    crew: list[_Worker] = []
    try:
        for _ in range(min(workers, len(waiting))):
            crew.append(_Worker(work, checkpoint_seconds))
        for worker in crew:
            _give_task(worker, waiting)
        while any(worker.model is not None for worker in crew):
            busy = {worker.tasks: worker for worker in crew if worker.model is not None}
            ready = wait(list(busy), timeout=idle_seconds)
            if not ready:
                yield None
            for connection in ready:
                worker = busy[connection]
                try:
                    message = connection.recv()
                except (EOFError, OSError):
                    worker.process.join()
                    reason = f"its process ended with exit code {worker.process.exitcode}; is there memory enough?"
                    message = Message("failed", worker.model, reason)
                    worker.model = None
                    crew.remove(worker)
                    worker.close()
                    if waiting:
                        crew.append(_Worker(work, checkpoint_seconds))
                        _give_task(crew[-1], waiting)
                else:
                    if message.kind not in ("say", "progress"):
                        worker.model = None
                        _give_task(worker, waiting)
                yield message
    finally:
        _dismiss(crew)


def _give_task(worker: _Worker, waiting: list[Any]) -> None:
    if waiting:
        plan = waiting.pop(0)
        worker.model = plan.name
        worker.tasks.send(describe_plan(plan))


def _dismiss(crew: Sequence[_Worker]) -> None:
    """Have busy workers keep a checkpoint, then end all."""
    busy = [worker for worker in crew if worker.model is not None]
    for worker in busy:
        try:
            worker.lifeline.send("stop")
        except OSError:
            worker.model = None
    deadline = time.monotonic() + _STOP_SECONDS
    for worker in busy:
        try:
            while worker.model is not None and worker.tasks.poll(max(0.0, deadline - time.monotonic())):
                if worker.tasks.recv().kind not in ("say", "progress"):
                    worker.model = None
        except (EOFError, OSError):
            worker.model = None
    for worker in crew:
        worker.close()
