"""Processes that take turns at the same work, and what is counted from their times.

A busy or throttled machine drifts by tens of per cent within minutes, so a time alone says little. Contestants take turns
within seconds of one another, several rounds long, and what counts is the median over the rounds of the ratio within a
round.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from twm.errors import UserError

# torch is imported by the functions that use it, after their process has been given its number of threads.

#: Load a core, from others, above which a bench tells little.
BUSY = 0.25

Work = Callable[[int], None]


def _serve(connection: Any, threads: int) -> None:
    """Work in a process of its own: receive (maker, case) and prepare, or (maker, iterations) and work; answer."""
    import torch

    torch.set_num_threads(threads)
    prepared: dict[str, Work] = {}
    try:
        while True:
            make, task = connection.recv()
            started = time.process_time()
            if isinstance(task, int):
                prepared[make.__name__](task)
            else:
                prepared[make.__name__] = make(task)
            connection.send(time.process_time() - started)
    except (EOFError, KeyboardInterrupt):
        # The bench has ended, or was stopped.
        pass


class Team:
    """Processes that do the same work at the same time.

    Args:
        processes: how many.
        threads: of each.
        by_processor: count the time that the slowest process spent on the processor instead of the time that went by: where
            every process has one thread, that leaves out what others took away.
    """

    def __init__(self, processes: int, threads: int, by_processor: bool = False) -> None:
        self._by_processor = by_processor
        context = get_context("spawn")
        # Read by the threading libraries when the child loads them; setting it later leaves their pools in place.
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        before = {name: os.environ.get(name) for name in names}
        os.environ.update(dict.fromkeys(names, str(threads)))
        self._members = []
        try:
            for _ in range(processes):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
                process.start()
                theirs.close()
                self._members.append((process, ours))
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _tell(self, message: Any) -> float:
        started = time.perf_counter()
        for _, connection in self._members:
            connection.send(message)
        spent = 0.0
        for process, connection in self._members:
            try:
                spent = max(spent, connection.recv())
            except EOFError:
                process.join()
                reason = f"a process of the bench ended with exit code {process.exitcode}; is there memory enough?"
                raise UserError(reason) from None
        return spent if self._by_processor else time.perf_counter() - started

    def prepare(self, make: Callable[[Any], Work], case: Any) -> None:
        """Have every member prepare a contestant."""
        self._tell((make, case))

    def measure(self, make: Callable[[Any], Work], iterations: int) -> float:
        """Return the time of one model's iteration, in ms, with every member at work on a model of its own."""
        return self._tell((make, iterations)) / (iterations * len(self._members)) * 1e3

    def count_iterations(self, make: Callable[[Any], Work], seconds: float) -> int:
        """Return how many iterations a member makes in about this time."""
        self.measure(make, 1)
        one = self.measure(make, 2) * len(self._members) / 1e3
        return max(2, round(seconds / one))

    def close(self) -> None:
        """End the processes."""
        for process, connection in self._members:
            connection.close()
            process.join(timeout=5)
            if process.is_alive():
                process.terminate()
                process.join()


@contextmanager
def open_team(processes: int, threads: int, by_processor: bool = False) -> Iterator[Team]:
    """Yield a team, and end its processes afterwards; arguments as for :class:`Team`."""
    team = Team(processes, threads, by_processor)
    try:
        yield team
    finally:
        team.close()


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def take_turns(
    contestants: Sequence[tuple[Team, Callable[[Any], Work]]], case: Any, rounds: int, seconds: float
) -> list[tuple[float, ...]]:
    """Return for each round the time of an iteration of each contestant, in ms.

    Args:
        contestants: teams, and what each makes its work with.
        case: what the work is about.
        rounds: how many turns each takes.
        seconds: about how long a turn is.
    """
    counts = []
    for team, make in contestants:
        team.prepare(make, case)
        counts.append(team.count_iterations(make, seconds))
    return [tuple(team.measure(make, count) for (team, make), count in zip(contestants, counts)) for _ in range(rounds)]
