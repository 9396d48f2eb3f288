"""A process a core, each training one model at a time with one thread, that end when their parent does.

A worker holds one end of a pipe, and a thread of it waits there for models and for the wish to stop. When the parent dies,
however that happens, the operating system closes the other end, and the worker ends at once. This module imports nothing
that takes time, so that a worker watches its parent from its first moment.
"""

import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from twm.errors import require

#: Read by the threading libraries when a worker loads them; setting them later leaves their pools in place.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
#: Seconds that workers have for their last checkpoints when they are asked to stop.
_STOP_SECONDS = 20.0
_STOP = "stop"


def _serve(connection: Connection, work: Path, checkpoint_seconds: float) -> None:
    """Train what comes through the pipe; runs in a process of its own."""
    stop, waiting = threading.Event(), queue.SimpleQueue()

    def watch() -> None:
        try:
            while True:
                task = connection.recv()
                stop.set() if task == _STOP else waiting.put(task)
        except (EOFError, OSError):
            # The parent has gone, or waits no longer.
            os._exit(1)

    def tell(message: Any) -> None:
        try:
            connection.send(message)
        except OSError:
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    from twm.training.jobs import try_job

    settings = {"checkpoint_seconds": checkpoint_seconds, "keep_going": lambda: not stop.is_set()}
    while True:
        tell(try_job(waiting.get(), work, tell, **settings))


class _Worker:
    def __init__(self, *arguments: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, *arguments), daemon=True)
        with _child_settings():
            self.process.start()
        theirs.close()
        self.model: str | None = None

    def close(self) -> None:
        """End the process, whatever it does."""
        self.connection.close()
        self.process.join(timeout=2)
        self.process.kill()
        self.process.join()


@contextmanager
def _child_settings() -> Iterator[None]:
    """Start a process with one thread, and deaf to signals, which are the parent's to deal with, from its first moment."""
    # It unblocks signals when it starts.
    resource_tracker.ensure_running()
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def train_in_processes(
    tasks: Sequence[tuple[str, dict[str, Any]]],
    work: Path,
    workers: int,
    checkpoint_seconds: float,
    stop: threading.Event,
) -> Iterator[tuple[str, list[str], Any] | None]:
    """Train models, given by name and description, in order, as many at a time as there are workers.

    Messages of :func:`twm.training.jobs.try_job` come as they are told, and ``None`` where none came for a moment. A worker
    that died is replaced; its model has failed. Once ``stop`` is set all workers keep a checkpoint and end.
    """
    waiting, crew, deadline = list(tasks), [], float("inf")
    try:
        while waiting or any(worker.model for worker in crew):
            if stop.is_set() and deadline == float("inf"):
                deadline = time.monotonic() + _STOP_SECONDS
                waiting.clear()
                for worker in crew:
                    _send(worker, _STOP)
            if time.monotonic() > deadline:
                break
            while len(crew) < min(workers, len(waiting) + sum(bool(worker.model) for worker in crew)):
                try:
                    crew.append(_Worker(work, checkpoint_seconds))
                except OSError as error:
                    # Too many files, or no memory: what runs goes on.
                    require(len(crew) > 0, f"no process can be started to train in: {error.strerror or error}")
                    workers = len(crew)
            for worker in crew:
                if waiting and worker.model is None:
                    worker.model, description = waiting.pop(0)
                    _send(worker, description)
            busy = {worker.connection: worker for worker in crew if worker.model}
            ready = wait(list(busy), timeout=0.2)
            if not ready:
                yield None
            for worker in [busy[connection] for connection in ready]:
                yield _receive(worker, crew)
    finally:
        for worker in crew:
            worker.close()


def _send(worker: _Worker, content: Any) -> None:
    try:
        worker.connection.send(content)
    except OSError:
        # It has died, which is noticed when it is listened to.
        pass


def _receive(worker: _Worker, crew: list[_Worker]) -> tuple[str, list[str], Any]:
    try:
        message = worker.connection.recv()
    except (EOFError, OSError):
        crew.remove(worker)
        worker.close()
        code = worker.process.exitcode
        return "failed", [worker.model], f"its process ended with exit code {code}; is there memory enough?"
    if message[0] not in ("say", "progress"):
        worker.model = None
    return message
