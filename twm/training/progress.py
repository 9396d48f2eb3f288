"""How far a sweep is: a bar on a terminal, plain lines in a log."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from tqdm import tqdm

#: Where lines go.
Say = Callable[[str], None]
#: Seconds between lines about models in training, in a log.
_LINE_SECONDS = 60.0


def format_seconds(seconds: float) -> str:
    """Return a time as people say it: ``40 s``, ``7 min``, ``3 h 5 min``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """Tell how many models are done, how well those in training do, and how long it will take."""

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
        """Note that a model is at an iteration, with its latest test accuracy, -1 before the first."""
        # A group that was begun earlier may hold models that are not asked for now.
        if model in self._left:
            left = self._iterations[model] - iteration
            if model in self._accuracies:
                self._made += max(0, self._left[model] - left)
            self._left[model], self._accuracies[model] = left, accuracy
            self.tick()

    def finish(self, model: str, line: str, done: bool) -> None:
        """Note that a model has ended, with a line about what became of it."""
        self._done += done and model in self._left
        self._left.pop(model, None)
        self._accuracies.pop(model, None)
        self.say(f"{line} ({self._count()}{self._time_left()})")
        self.tick()

    def tick(self) -> None:
        """Show the state, if it is time to."""
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
