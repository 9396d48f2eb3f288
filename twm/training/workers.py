"""Execution of jobs: in one process per core, one after another in this process, or on a cluster.

A job is a list of plans, run by a function ``train(plans, tell, keep_going)`` that reports messages as kind and content.
They are yielded behind their job's plans, or ``None`` for a while without. A worker must start fast: nothing slow is imported."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from tqdm import tqdm

from twm.errors import SickMachine, UserError

Plans = list[Any]
Message = tuple[Plans, str, Any]
Train = Callable[[Plans, Callable[[str, Any], None], Callable[[], bool]], tuple[str, Any]]

#: Seconds that workers have for their last checkpoints when told to stop, and that workers still loading have.
_STOP_SECONDS, _LOADING_SECONDS = 20.0, 1.5
#: Minutes after which a cluster job is requeued, unless SBATCH_TIMELIMIT sets another limit.
_MINUTES = 240


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def follow_parent(parent: int) -> None:
    """End this process, whatever it is doing, as soon as its parent has ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Stop(threading.Event):
    """Event set when the process is told to stop; ``number`` is that of the first signal."""

    number, over = 0, False  # whether the training has ended, after which the process may do other things

    def note(self, number: int, frame: object) -> None:
        if not self.number:
            self.number = number
            threading.Thread(target=self._end_late, daemon=True).start()
        self.set()

    def _end_late(self) -> None:
        """End this process after a while, in case a terminal or pipe that nobody reads still holds it."""
        time.sleep(2 * _STOP_SECONDS)
        if not self.over:
            os._exit(128 + self.number)


def _serve(connection: Connection, stop: Any, parent: int) -> None:
    """Run the jobs that arrive through a pipe, in a process of its own that ends with its parent."""
    follow_parent(parent)
    # Threading libraries read these when they are loaded, with the first job.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    # Without a parent the pipe is broken, and errors have no recipient.
    with suppress(EOFError, OSError):
        while True:
            train, plans = connection.recv()
            connection.send(train(plans, lambda *message: connection.send(message), lambda: not stop.value))


class _Worker:
    def __init__(self, stop: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, stop, os.getpid()), daemon=True)
        # Started first, because it unblocks signals when it starts.
        resource_tracker.ensure_running()
        # Workers start with signals blocked, because the parent handles signals.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()
        self.plans: Plans = []
        self.loading = True

    def begin(self, train: Train, plans: Plans) -> None:
        self.plans = plans
        # A dead worker is noticed when its messages are received.
        with suppress(OSError):
            self.connection.send((train, plans))

    def receive(self) -> Message:
        plans = self.plans
        try:
            kind, content = self.connection.recv()
        except (EOFError, OSError):
            self.close()
            code = self.process.exitcode
            kind, content = "failed", f"its process ended with exit code {code}; is there enough memory?"
        self.loading = False
        if kind not in ("say", "progress"):
            self.plans = []
        return plans, kind, content

    def close(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


def train_in_processes(train: Train, jobs: Sequence[Plans], workers: int, stop: threading.Event) -> Iterator[Message | None]:
    """Run jobs in order, ``workers`` at a time, each with one thread. A worker that dies is replaced, and its job fails. Once
    ``stop`` is set, all workers save a checkpoint and end."""
    # A byte without a lock, because a dying worker could keep a lock.
    stopping = multiprocessing.get_context("spawn").Value("b", 0, lock=False)
    waiting, crew, asked = list(jobs), [], float("inf")
    try:
        while waiting or any(worker.plans for worker in crew):
            if stop.is_set() and not stopping.value:
                stopping.value, asked = 1, time.monotonic()
                waiting.clear()
            for worker in crew:
                # A job that is still loading has not changed since its last checkpoint.
                if time.monotonic() - asked > (_LOADING_SECONDS if worker.loading else _STOP_SECONDS):
                    worker.close()
            crew = [worker for worker in crew if not worker.connection.closed]
            while len(crew) < min(workers, len(waiting) + sum(bool(worker.plans) for worker in crew)):
                try:
                    crew.append(_Worker(stopping))
                except OSError as error:
                    # Too many open files, or no memory: the running workers continue.
                    if not crew:
                        raise SickMachine(f"no training process can be started: {error.strerror or error}") from None
                    workers = len(crew)
            for worker in crew:
                if waiting and not worker.plans:
                    worker.begin(train, waiting.pop(0))
            ready = wait([worker.connection for worker in crew if worker.plans], timeout=0.2)
            if not ready:
                yield None
            for worker in [worker for worker in crew if worker.connection in ready]:
                yield worker.receive()
    finally:
        for worker in crew:
            worker.close()


def train_in_turn(
    train: Train, jobs: Sequence[Plans], tell: Callable[[Message], None], stop: threading.Event
) -> Iterator[Message]:
    """Run jobs one after another in this process; their messages on the way go to ``tell``."""
    for plans in jobs:
        yield plans, *train(plans, lambda *message, plans=plans: tell((plans, *message)), lambda: not stop.is_set())
        if stop.is_set():
            return


class ClusterJob:
    """One job on a cluster; submitit sends it there and, when it runs out of time, requeues it unchanged."""

    def __call__(self, train: Train, plans: Plans) -> tuple[str, Any]:
        return train(plans, print, lambda: True)

    def checkpoint(self, *arguments: Any) -> Any:
        # The checkpoint on disk is recent enough.
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments)


def train_on_cluster(
    train: Train, jobs: Sequence[Plans], folder: Path, stop: threading.Event, cluster: str = "slurm",
    seconds: float = 2.0,
) -> Iterator[Message | None]:  # fmt: skip
    """Submit jobs in order to Slurm by submitit, poll for results every few ``seconds``, and cancel jobs once ``stop`` is set.
    Partition, account and time limit are those of SBATCH_PARTITION, SBATCH_ACCOUNT and SBATCH_TIMELIMIT. All nodes need access
    to the work folder. Jobs outlive a killed leader, and ``--resume`` records their results. Tests use the cluster ``local``."""
    try:
        import submitit
    except ImportError:
        raise UserError("a cluster needs submitit: install it with `pip install -e .[cluster]`") from None
    if not jobs:
        return
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
        executor.update_parameters(name="twm", timeout_min=_MINUTES, cpus_per_task=1, mem_gb=2)
        with executor.batch():
            running = [(plans, executor.submit(ClusterJob(), train, plans)) for plans in jobs]
    except (RuntimeError, OSError, submitit.core.utils.FailedJobError) as error:
        raise UserError(f"the jobs could not be submitted: {(str(error).splitlines() or [''])[0]}") from None
    try:
        while running and not stop.is_set():
            ended = [pair for pair in running if pair[1].done()]
            for plans, job in ended:
                running.remove((plans, job))
                try:
                    kind, content = job.result()
                except Exception as error:
                    # The job ended without a result: killed, out of memory, or cancelled.
                    kind, content = "failed", f"its job ended without a result: {(str(error).splitlines() or [''])[0]}"
                yield plans, kind, content
            if not ended:
                yield None
                time.sleep(seconds)
    finally:
        for _, job in running:
            job.cancel(check=False)


#: Function that prints a line.
Say = Callable[[str], None]
#: Seconds between lines about models in training, if there is no progress bar.
_LINE_SECONDS = 60.0


def format_seconds(seconds: float) -> str:
    """Format a duration in suitable units: ``40 s``, ``7 min``, ``3 h 5 min``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """Display of the number of models done, the accuracy of those in training, and the time left."""

    def __init__(self, plans: Sequence[Any], on_record: int, say: Say) -> None:
        self._iterations = {plan.name: plan.iterations for plan in plans}
        self._left, self._accuracies = dict(self._iterations), {}
        self._done, self._total, self._made = on_record, on_record + len(plans), 0
        self._say, self._started, self._told = say, time.monotonic(), time.monotonic()
        hidden, layout = not plans or not sys.stderr.isatty(), "{desc} {percentage:3.0f}%|{bar}|{postfix}"
        self._bar = tqdm(total=sum(self._left.values()), bar_format=layout, file=sys.stderr, disable=hidden)

    def say(self, line: str) -> None:
        """Print a line, above the bar where there is one."""
        self._bar.clear()
        self._say(line)
        self._bar.refresh()

    def advance(self, model: str, iteration: int, accuracy: float) -> None:
        """Record a model's iteration and its latest test accuracy, -1 before the first test."""
        # A group that was begun earlier may contain models that are not requested now.
        if model in self._left:
            left = self._iterations[model] - iteration
            if model in self._accuracies:
                self._made += max(0, self._left[model] - left)
            self._left[model], self._accuracies[model] = left, accuracy
            self.tick()

    def finish(self, model: str, line: str, done: bool) -> None:
        """Record that a model has ended, and print a line about it."""
        self._done += done and model in self._left
        self._left.pop(model, None)
        self._accuracies.pop(model, None)
        self.say(f"{line} ({self._count()}{self._time_left()})")
        self.tick()

    def tick(self) -> None:
        """Update the bar or, without a bar, print a line once a minute."""
        known = [f"{accuracy:.3f}" for accuracy in self._accuracies.values() if accuracy >= 0]
        training = f", {len(self._accuracies)} in training" if self._accuracies else ""
        if len(known) > 4:
            training = f", {len(known)} in training with mean accuracy {sum(map(float, known)) / len(known):.3f}"
        elif known:
            training = f", in training with accuracy {' '.join(known)}"
        rest = training + self._time_left()
        self._bar.n = (self._bar.total or 0) - sum(self._left.values())
        self._bar.set_description_str(self._count(), refresh=False)
        self._bar.set_postfix_str(rest.strip(", "))
        if self._bar.disable and time.monotonic() - self._told > _LINE_SECONDS:
            self._told = time.monotonic()
            self._say(self._count() + rest)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()

    def _count(self) -> str:
        return f"{self._done} of {self._total} models done"

    def _time_left(self) -> str:
        elapsed, left = time.monotonic() - self._started, sum(self._left.values())
        return f", about {format_seconds(left * elapsed / self._made)} left" if left and self._made else ""
