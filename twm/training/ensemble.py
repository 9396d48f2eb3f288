"""The training loop: one model in a CPU process, or many side by side, by the paper's protocol, to be stopped anywhere.

One loop serves both. It always carries a ``models`` axis; a single model on the CPU takes the augmented kernel, several,
or a GPU, the batched one. What an :class:`Ensemble` goes on from is tensors and a few numbers, so a run that was stopped
at any iteration ends bit for bit as if it had not been.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from twm.errors import require
from twm.models.checking import make_kernel
from twm.models.fast.elman import prepare_process
from twm.models.kernels import StepResult
from twm.models.weights import Weights, draw_weights, stack_weights
from twm.training.batches import BatchFeed, count_right_signs
from twm.training.curricula import Curricula
from twm.training.plans import ModelPlan, check_plans, restore_plan

#: Sign accuracy whose first test is noted.
LEVEL = 0.99
#: Fields in which the models of an ensemble must agree, because they share buffers and tests.
_SHARED = (
    "hidden",
    "batch",
    "longest",
    "iterations",
    "test_every",
    "test_count",
    "test_horizon",
    "curve_every",
    "multiples",
)


@dataclass
class ModelLog:
    """What is noted about one model while it trains.

    Attributes:
        accuracy_best: of the best test so far; -1 before the first.
        checkpoint: iteration of that test; of equal ones the latest.
        accuracy_final: of the latest test.
        iterations_to_99: iteration of the first test with an accuracy of at least 0.99.
        diverged_at: iteration of the test at which weights were no longer finite.
        ended_at: iteration at which the model ended; ``None`` while it trains.
        curve: points [iteration, horizon, loss, accuracy, test accuracy]; loss and accuracy are means over the batches
            since the last point, and the test accuracy is ``None`` where no test was made since.
    """

    accuracy_best: float = -1.0
    checkpoint: int = 0
    accuracy_final: float = -1.0
    iterations_to_99: int | None = None
    diverged_at: int | None = None
    ended_at: int | None = None
    curve: list[list[Any]] = field(default_factory=list)


@contextmanager
def quiet_process(device: Any = "cpu") -> Iterator[None]:
    """Train with one thread and small numbers flushed to zero, and leave the process as it was.

    With these a model comes out the same in a notebook as in a worker of a sweep. They do not concern a GPU.
    """
    if torch.device(device).type != "cpu":
        yield
        return
    threads = torch.get_num_threads()
    flushed = (torch.tensor(1e-40) * 1).item() == 0
    try:
        prepare_process()
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushed)


class Ensemble:
    """Models in training, side by side.

    Args:
        plans: one a model; all but task, seed, weight decay, initialisation, curriculum, learning rate, snapshots and when
            to stop must agree, and the tasks must be of one (history, dim).
        device: ``cpu`` or ``cuda``.
        path: of the kernel, see :func:`twm.models.checking.make_kernel`; by default ``augmented`` for one model on the CPU and
            ``batched`` otherwise.

    Attributes:
        plans: one a model.
        iteration: batches seen so far.
        logs: one :class:`ModelLog` a model.
        seconds: time spent training and testing, over all sessions.

    Raises:
        UserError: if there is no plan, two are the same, or they do not fit together.
    """

    def __init__(self, plans: Sequence[ModelPlan], device: str = "cpu", path: str | None = None) -> None:
        self.plans, self.device = check_plans(plans), device
        first, system = self.plans[0], self.plans[0].system
        for plan in self.plans:
            fits = (plan.system.history, plan.system.dim) == (system.history, system.dim)
            fits = fits and all(getattr(plan, name) == getattr(first, name) for name in _SHARED)
            require(fits, f"{plan.name} and {first.name} cannot be trained side by side: their sizes differ")
        self._single = len(self.plans) == 1 and device == "cpu" and path in (None, "augmented", "reference")
        self._feed, self._curricula = BatchFeed(self.plans, device), Curricula(self.plans, device)
        initial = [
            draw_weights(system.dim, plan.hidden, plan.init, plan.seed, system.history, plan.system.matrix)
            for plan in self.plans
        ]
        rates, decays = [plan.learning_rate for plan in self.plans], [plan.l2 for plan in self.plans]
        if self._single:
            weights, rates, decays = initial[0], rates[0], decays[0]
        else:
            weights, path = stack_weights(initial), path or "batched"
        self._kernel = make_kernel(
            weights, system.history, first.batch, first.longest, path, learning_rate=rates, l2=decays, device=device
        )
        self.iteration, self.seconds = 0, 0.0
        self.logs = [ModelLog() for _ in self.plans]
        self._best = self.weights()
        self._snapshots: dict[int, Weights] = {}
        self._sums = torch.zeros(2, len(self.plans), dtype=torch.float64, device=device)
        self._last_point = 0

    # ---- training

    @property
    def finished(self) -> bool:
        """Whether every model has ended."""
        return all(log.ended_at is not None for log in self.logs)

    def weights(self) -> Weights:
        """Return a copy of the weights, with a ``models`` axis."""
        weights = self._kernel.weights()
        return Weights(*(matrix[None] for matrix in weights)) if self._single else weights

    def train(self, pulse: Callable[["Ensemble"], bool] = lambda ensemble: True) -> bool:
        """Train until all models have ended, or as long as ``pulse`` allows.

        Args:
            pulse: called after every iteration, when everything is consistent: the place to keep a checkpoint. Training
                stops when it returns false.

        Returns:
            whether all models have ended.
        """
        with quiet_process(self.device):
            while not self.finished:
                started = time.perf_counter()
                self._iterate()
                self.seconds += time.perf_counter() - started
                if not pulse(self):
                    break
        return self.finished

    def _iterate(self) -> None:
        iteration = self.iteration + 1
        self._set_rates(iteration)
        horizons = self._curricula.horizons
        # A GPU is not asked for the longest horizon: it would have to finish its work before answering.
        steps = int(horizons.max()) if self.device == "cpu" else self.plans[0].longest
        inputs, targets = self._feed.draw(iteration, steps)
        if self._single:
            result = self._kernel.step(inputs[0], targets[0], steps)
            result = StepResult(*(value[None] for value in result))
        else:
            result = self._kernel.step(inputs, targets, horizons)
        self._sums[0] += result.loss
        self._sums[1] += result.accuracy
        self._curricula.update(result)
        self.iteration = iteration
        if any(iteration in plan.snapshots for plan in self.plans):
            self._snapshots[iteration] = self.weights()
        plan = self.plans[0]
        last = iteration == plan.iterations
        ended = self._test() if last or iteration % plan.test_every == 0 else []
        if last or iteration % plan.curve_every == 0:
            self._note_points(range(len(self.plans)))
            self._sums.zero_()
            self._last_point = iteration
        else:
            self._note_points(ended)

    def _set_rates(self, iteration: int) -> None:
        if any(plan.drop_at == iteration - 1 for plan in self.plans):
            dropped = [plan.drop_at is not None and iteration > plan.drop_at for plan in self.plans]
            rates = [plan.learning_rate * (plan.drop_factor if low else 1.0) for plan, low in zip(self.plans, dropped)]
            self._kernel.set_learning_rate(rates[0] if self._single else rates)

    def _test(self) -> list[int]:
        """Test every model, keep the best weights, and return which models end here."""
        plan, weights = self.plans[0], self.weights()
        right = count_right_signs(
            weights, [p.task for p in self.plans], plan.test_count, plan.test_horizon, self._chunk
        )
        total = plan.test_count * plan.test_horizon * plan.system.dim
        accuracies = [int(count) / total for count in right.sum(1)]
        finite = torch.stack([torch.isfinite(matrix).flatten(1).all(1) for matrix in weights]).all(0).tolist()
        better, ended = [], []
        for place, (own, log) in enumerate(zip(self.plans, self.logs)):
            if log.ended_at is not None:
                continue
            log.accuracy_final = accuracies[place]
            # Of equal ones the later: eigenvalues still come in after the signs are all right.
            if finite[place] and log.accuracy_final >= log.accuracy_best:
                log.accuracy_best, log.checkpoint = log.accuracy_final, self.iteration
                better.append(place)
            if log.iterations_to_99 is None and log.accuracy_final >= LEVEL:
                log.iterations_to_99 = self.iteration
            if not finite[place]:
                log.diverged_at = self.iteration
            reached = own.stop_at is not None and log.accuracy_final >= own.stop_at
            if reached or not finite[place] or self.iteration == own.iterations:
                log.ended_at = self.iteration
                ended.append(place)
        for kept, new in zip(self._best, weights):
            kept[better] = new[better]
        return ended

    def _note_points(self, places: Sequence[int]) -> None:
        if not places:
            return
        losses, accuracies = (self._sums / max(1, self.iteration - self._last_point)).tolist()
        horizons = self._curricula.horizons.tolist()
        for place in places:
            log = self.logs[place]
            if log.ended_at is not None and log.ended_at != self.iteration:
                continue
            since = log.curve[-1][0] if log.curve else 0
            tested = self.iteration - self.iteration % self.plans[place].test_every > since or log.ended_at is not None
            test = log.accuracy_final if tested and log.accuracy_final >= 0 else None
            log.curve.append([self.iteration, horizons[place], losses[place], accuracies[place], test])

    @property
    def _chunk(self) -> int:
        # A test holds chunk x models x sequences x hidden numbers.
        return 50 if len(self.plans) < 8 else 10

    # ---- what comes out

    def best(self, place: int) -> Weights | None:
        """Return the kept weights of one model on the CPU, or ``None`` if it never had finite ones at a test."""
        if self.logs[place].checkpoint == 0:
            return None
        return Weights(*(matrix[place].cpu().clone() for matrix in self._best))

    def snapshots(self, place: int) -> dict[int, Weights]:
        """Return the weights that one model's plan asked to keep, by iteration, on the CPU."""
        wanted = self.plans[place].snapshots
        return {
            iteration: Weights(*(matrix[place].cpu().clone() for matrix in weights))
            for iteration, weights in self._snapshots.items()
            if iteration in wanted
        }

    def horizon(self, place: int) -> int:
        """Return the length of a model's next output phase."""
        return int(self._curricula.horizons[place])

    def measure_multiples(self) -> list[dict[int, float | None]]:
        """Measure every model's kept weights over multiples of the training horizon.

        Returns:
            for each model the share of right signs over all output steps up to each multiple; ``None`` for a model
            without finite weights.
        """
        plan = self.plans[0]
        if not plan.multiples:
            return [{} for _ in self.plans]
        with quiet_process(self.device):
            longest = plan.longest * plan.multiples[-1]
            right = count_right_signs(
                self._best, [p.task for p in self.plans], plan.test_count, longest, self._chunk
            ).cumsum(1)
        share = {multiple: multiple * plan.longest for multiple in plan.multiples}
        per_step = plan.test_count * plan.system.dim
        return [
            {
                multiple: int(counts[steps - 1]) / (steps * per_step) if log.checkpoint else None
                for multiple, steps in share.items()
            }
            for counts, log in zip(right, self.logs)
        ]

    # ---- going on

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return all that training goes on from: tensors, and a description that JSON can hold."""
        tensors = {f"kernel.{key}": value for key, value in self._kernel.state_dict().items()}
        tensors |= {f"curriculum.{key}": value for key, value in self._curricula.state_dict().items()}
        tensors |= {f"best.{name}": matrix.clone() for name, matrix in zip(Weights._fields, self._best)}
        for iteration, weights in self._snapshots.items():
            tensors |= {f"snapshot.{iteration}.{name}": matrix for name, matrix in zip(Weights._fields, weights)}
        description = {
            "plans": [plan.describe() for plan in self.plans],
            "path": self._kernel.name,
            "iteration": self.iteration,
            "seconds": self.seconds,
            "last_point": self._last_point,
            "logs": [asdict(log) for log in self.logs],
        }
        return tensors | {"sums": self._sums.clone()}, description

    def load(self, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
        """Take over what :meth:`state` returned for the same plans.

        Raises:
            UserError: if the state is of other plans, or of another version; then nothing is changed.
        """
        plans = [restore_plan(plan) for plan in description.get("plans", [])]
        require(plans == self.plans, "the checkpoint is of a model with another plan")
        logs = [ModelLog(**log) for log in description["logs"]]
        kernel = {key.removeprefix("kernel."): value for key, value in tensors.items() if key.startswith("kernel.")}
        self._kernel.load_state(kernel)
        self._curricula.load_state({key: tensors[f"curriculum.{key}"] for key in self._curricula.state_dict()})
        for name, matrix in zip(Weights._fields, self._best):
            matrix.copy_(tensors[f"best.{name}"])
        numbers = sorted({int(key.split(".")[1]) for key in tensors if key.startswith("snapshot.")})
        self._snapshots = {
            number: Weights(*(tensors[f"snapshot.{number}.{name}"].to(self.device) for name in Weights._fields))
            for number in numbers
        }
        self._sums.copy_(tensors["sums"])
        self.logs, self.iteration = logs, int(description["iteration"])
        self.seconds, self._last_point = float(description["seconds"]), int(description["last_point"])


def group_plans(plans: Sequence[ModelPlan]) -> list[list[ModelPlan]]:
    """Sort plans into groups that can be trained side by side, in the order of their first members."""
    groups: dict[tuple, list[ModelPlan]] = {}
    for plan in plans:
        system = plan.system
        key = (system.history, system.dim, *(getattr(plan, name) for name in _SHARED))
        groups.setdefault(key, []).append(plan)
    return list(groups.values())
