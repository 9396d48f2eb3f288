"""Training Elman networks by the paper's protocol: one network per CPU process, or many side by side.

The loop always carries a ``models`` axis. One model on the CPU uses the augmented kernel; several models, or a GPU, use
the batched kernel. A batch's targets are components of its inputs, gathered without a rollout by the table of
:func:`twm.theory.systems.make_selection_table`; tests compare them with the rollout.

**The horizon** of the next batch, by a plan's ``curriculum``:

``staged``
    The horizons in turn: the next one begins when the sign accuracy of a batch, over all its output steps, exceeds the
    threshold. The horizon never decreases. (twm Table 1, as released.)

``adaptive``
    The horizon starts at Hmin, the first of the plan's. It grows by a factor of 1.2, up to the last, if a rolling average
    of the squared error of the first Hmin output steps is below the threshold, and shrinks by it otherwise. (twm B.2, which
    does not define the average.) It is a real number that is rounded down only when used, so that small growth accumulates.

``none``
    The horizon is always the last of the plan's.

Everything is a tensor with a ``models`` axis, and nothing is read back from the device, so a GPU never waits."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twm.errors import require
from twm.models.elman import make_kernel, write_network
from twm.models.kernels import StepResult, Weights, draw_weights, run_forward, stack_weights
from twm.streams import binary_inputs, expand_words, start_words
from twm.theory.spectra import compare_with_theory
from twm.theory.systems import make_selection_table, parse_task
from twm.training.loop import TrainingRun, describe_model, round_some, shorten
from twm.training.plans import ModelPlan

#: Factor by which the adaptive horizon grows and shrinks.
GROWTH = 1.2
_NEWEST_SHARE = 0.1  # weight of the newest batch in the rolling loss


class Curricula:
    """Horizons of several models, each by the curriculum of its plan: ``horizons`` is (models,) int64."""

    def __init__(self, plans: Sequence[Any], device: Any = "cpu") -> None:
        def make(values: list, dtype: torch.dtype = torch.float64) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)

        stages = [plan.horizons if plan.curriculum == "staged" else plan.horizons[-1:] for plan in plans]
        width = max(map(len, stages))
        self._stages = make([[*own, *own[-1:] * (width - len(own))] for own in stages], torch.int64)
        self._last = make([len(own) - 1 for own in stages], torch.int64)
        self._threshold = make([plan.threshold or 0.0 for plan in plans])
        self._adaptive = make([plan.curriculum == "adaptive" for plan in plans], torch.bool)
        self._shortest, self._longest = (make([plan.horizons[end] for plan in plans]) for end in (0, -1))
        # Averages a model's first Hmin output steps; later ones have no weight.
        steps = torch.arange(int(self._longest.max()), device=device)
        self._weights = (steps < self._shortest[:, None]) / self._shortest[:, None]
        kinds = {plan.curriculum for plan in plans}
        self._any_staged, self._any_adaptive = "staged" in kinds, "adaptive" in kinds
        self._place = torch.arange(len(plans), device=device)
        self._stage = torch.zeros_like(self._last)
        self._length = self._shortest.clone()
        # NaN until the first batch.
        self._rolling = torch.full_like(self._length, float("nan"))
        self.horizons = self._find_horizons()

    def update(self, result: StepResult) -> None:
        """Set the next horizons from ``accuracy`` (models,) and ``loss_by_step`` (models, steps) of a batch."""
        if self._any_staged:
            # Both are rounded to float32, so that an accuracy equal to the threshold does not exceed it.
            passed = result.accuracy.to(torch.float32) > self._threshold.to(torch.float32)
            self._stage = torch.minimum(self._stage + passed, self._last)
        if self._any_adaptive:
            losses = result.loss_by_step.to(torch.float64)
            newest = (losses * self._weights[:, : losses.shape[1]]).sum(1)
            before = torch.where(self._rolling.isnan(), newest, self._rolling)
            self._rolling = before + _NEWEST_SHARE * (newest - before)
            factor = torch.where(self._rolling < self._threshold, GROWTH, 1 / GROWTH)
            self._length = torch.minimum(torch.maximum(self._length * factor, self._shortest), self._longest)
        self.horizons = self._find_horizons()

    def _find_horizons(self) -> Tensor:
        staged = self._stages[self._place, self._stage]
        if not self._any_adaptive:
            return staged
        # The small addend keeps a horizon that grew and shrank by the same factor from losing a step to rounding.
        return torch.where(self._adaptive, (self._length + 1e-6).to(torch.int64), staged)

    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of the curricula's state: stage, real-valued horizon and rolling loss, each (models,)."""
        return {name: getattr(self, f"_{name}").clone() for name in ("stage", "length", "rolling")}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Load a state from :meth:`state_dict`."""
        for name in ("stage", "length", "rolling"):
            getattr(self, f"_{name}").copy_(state[name])
        self.horizons = self._find_horizons()


_BLOCK = 512  # iterations whose words are computed at a time
_table_of = lru_cache(maxsize=64)(lambda task, steps: make_selection_table(parse_task(task), steps))


def _stack_tables(tasks: Sequence[str], steps: int, device: Any) -> tuple[Tensor, Tensor]:
    """Return the index of each target among the initial components, (models, steps, dim), and its sign."""
    tables = [_table_of(task, steps) for task in tasks]
    parts = [[getattr(table, name) for table in tables] for name in ("index", "sign")]
    return tuple(torch.from_numpy(np.stack(part)).to(device) for part in parts)


class BatchFeed:
    """Training batches of models of equal (history, dim), batch and last horizon; equal to the reference trainer's."""

    def __init__(self, plans: Sequence[ModelPlan], device: Any = "cpu") -> None:
        system, self._device = plans[0].system, torch.device(device)
        self._history, self._dim, self._batch = system.history, system.dim, plans[0].batch
        index, sign = _stack_tables([plan.task for plan in plans], plans[0].longest, self._device)
        self._index, self._sign = index.flatten(1), sign[:, :, None]
        self._positive = bool((self._sign > 0).all())
        self._streams = [(f"{plan.task}/train", plan.seed) for plan in plans]
        self._first, self._words = 0, torch.empty(0, len(plans), dtype=torch.int64)

    def draw(self, iteration: int, steps: int) -> tuple[Tensor, Tensor]:
        """Draw inputs (models, history, batch, dim) and targets (models, steps, batch, dim), float32, of an iteration."""
        words = self._find_words(iteration)
        models, width = len(words), steps * self._dim
        signs = expand_words(words, self._batch, self._history * self._dim)
        inputs = signs.view(models, self._batch, self._history, self._dim).transpose(1, 2)
        if models == 1:
            # Copying whole rows of the transpose is faster than gathering single numbers.
            rows = signs[0].T.contiguous().index_select(0, self._index[0, :width])
            targets = rows.view(1, steps, self._dim, self._batch).transpose(2, 3)
        else:
            index = self._index[:, None, :width].expand(-1, self._batch, -1)
            targets = signs.gather(2, index).view(models, self._batch, steps, self._dim).transpose(1, 2)
        if not self._positive:
            targets = targets * self._sign[:, :steps]
        return inputs, targets

    def _find_words(self, iteration: int) -> Tensor:
        place = iteration - self._first
        if not 0 <= place < len(self._words):
            words = np.stack([start_words(key, seed, iteration, _BLOCK) for key, seed in self._streams], 1)
            self._first, self._words, place = iteration, torch.from_numpy(words).to(self._device), 0
        return self._words[place]


def count_right_signs(weights: Weights, tasks: Sequence[str], count: int, horizon: int, chunk: int = 50) -> Tensor:
    """Count an ensemble's correct signs at each step of its tasks' test sets: (models, horizon) int64, of ``count * dim``.
    ``chunk`` steps are in memory at a time. An output of zero counts as positive, and NaN as negative."""
    *_, kept = _count_on({}, weights, tasks, count, horizon, chunk)
    return kept["right"].cpu()


@torch.no_grad()
def _count_on(kept: dict, weights: Weights, tasks: Sequence[str], count: int, horizon: int, chunk: int) -> Iterator[dict]:
    """Count in pieces, and yield ``kept`` after each: the counts so far, as ``right``, and the networks' last ``state``."""
    device, system = weights.recurrent.device, parse_task(tasks[0])
    shape = (system.history, system.dim)
    known = {task: binary_inputs(f"{task}/test", 0, 0, count, shape, device=device) for task in set(tasks)}
    initial = torch.stack([known[task] for task in tasks])
    flat = initial.flatten(2).mT.contiguous()
    index, sign = (part.flatten(1) for part in _stack_tables(tasks, horizon, device))
    models = torch.arange(len(tasks), device=device)[:, None]
    right = kept.get("right", index.new_zeros(len(tasks), 0))
    for outputs in run_forward(weights, initial.transpose(1, 2), horizon - right.shape[1], chunk, kept):
        part = slice(right.shape[1] * system.dim, (right.shape[1] + outputs.shape[1]) * system.dim)
        targets = flat[models, index[:, part]] * sign[:, part, None] > 0
        targets = targets.view(len(tasks), outputs.shape[1], system.dim, count)
        right = kept["right"] = torch.cat([right, ((outputs >= 0).transpose(2, 3) == targets).sum((2, 3))], 1)
        yield kept


# Fields in which the models of an ensemble must agree, because they share buffers and tests.
_SHARED = "hidden", "batch", "longest", "iterations", "test_every", "test_count", "test_horizon", "curve_every", "multiples"


def _find_size(plan: ModelPlan) -> tuple[Any, ...]:
    return (plan.system.history, plan.system.dim, *(getattr(plan, name) for name in _SHARED))


class Ensemble(TrainingRun):
    """Elman networks trained side by side, equal in (history, dim), size, batch, iterations, last horizon and tests."""

    plan_type = ModelPlan
    write_network = staticmethod(write_network)
    wrap = staticmethod(lambda weights: Weights(**weights))

    def _prepare(self, path: str | None) -> None:
        first, system = self.plans[0], self.plans[0].system
        for plan in self.plans:
            fits = _find_size(plan) == _find_size(first)
            require(fits, f"{plan.name} and {first.name} cannot be trained side by side: their sizes differ")
        self._single = len(self.plans) == 1 and self.device == "cpu" and path in (None, "augmented", "reference")
        self._feed, self._curricula = BatchFeed(self.plans, self.device), Curricula(self.plans, self.device)
        initial, rates, decays = [], [plan.learning_rate for plan in self.plans], [plan.l2 for plan in self.plans]
        for plan in self.plans:
            start = plan.init, plan.seed, system.history, plan.system.matrix
            initial.append(draw_weights(system.dim, plan.hidden, *start))
        if self._single:
            weights, rates, decays = initial[0], rates[0], decays[0]
        else:
            weights, path = stack_weights(initial), path or "batched"
        options = {"learning_rate": rates, "l2": decays, "device": self.device}
        self._kernel = make_kernel(weights, system.history, first.batch, first.longest, path, **options)

    def weights(self) -> Weights:
        """Return a copy of the weights, with a ``models`` axis."""
        return Weights(**self._live())

    def _live(self) -> dict[str, Tensor]:
        weights = self._kernel.weights()._asdict()
        return {name: matrix[None] for name, matrix in weights.items()} if self._single else weights

    def _update(self) -> None:
        iteration = self.iteration
        if any(plan.drop_at == iteration - 1 for plan in self.plans):
            rates = [plan.find_rate(iteration) for plan in self.plans]
            self._kernel.set_learning_rate(rates[0] if self._single else rates)
        horizons = self._curricula.horizons
        # The longest horizon is not read back from a GPU, which would have to finish its work first.
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

    def _measure(self) -> list[dict[str, float]]:
        plan = self.plans[0]
        right = count_right_signs(self.weights(), *self._describe_test(plan.test_horizon))
        total = plan.test_count * plan.test_horizon * plan.system.dim
        return [{"accuracy": int(count) / total} for count in right.sum(1)]

    def _describe_test(self, horizon: int) -> tuple[list[str], int, int, int]:
        # A test keeps chunk x models x sequences x hidden numbers in memory.
        return [plan.task for plan in self.plans], self.plans[0].test_count, horizon, 50 if len(self.plans) < 8 else 10

    def _test_last(self) -> Iterator[object]:
        """Count correct signs over all output steps up to multiples of the horizon; on a busy machine, it takes minutes."""
        steps = max(self.plans[0].multiples, default=0) * self.plans[0].longest
        if self._last_test.get("right", torch.empty(1, 0)).shape[1] < steps:
            yield from _count_on(self._last_test, Weights(**self._best), *self._describe_test(steps))

    def _make_point(self, place: int, loss: float, accuracy: float) -> list[Any]:
        log = self.logs[place]
        since = log.curve[-1][0] if log.curve else 0
        tested = self.iteration - self.iteration % self.plans[place].test_every > since or log.ended_at is not None
        return [self.horizon(place), loss, accuracy, log.last["accuracy"] if tested and log.last else None]

    def horizon(self, place: int) -> int:
        """Return the length of a model's next output phase."""
        return int(self._curricula.horizons[place])

    def _get_state(self) -> dict[str, Tensor]:
        return self._kernel.state_dict() | {f"curriculum.{k}": v for k, v in self._curricula.state_dict().items()}

    def _set_state(self, state: Mapping[str, Tensor]) -> None:
        self._kernel.load_state({key: value for key, value in state.items() if not key.startswith("curriculum.")})
        self._curricula.load_state({key: state[f"curriculum.{key}"] for key in self._curricula.state_dict()})

    def _make_rows(self) -> list[dict[str, Any]]:
        """Make every model's row, with its sign accuracy over all output steps up to multiples of the horizon."""
        plan, right = self.plans[0], [()] * len(self.plans)
        steps = {f"accuracy_{multiple}x": multiple * plan.longest for multiple in plan.multiples}
        if steps:
            right = self._last_test["right"].cpu().cumsum(1)
        total = plan.test_count * plan.system.dim
        shares = [{name: int(own[n - 1]) / (n * total) for name, n in steps.items()} for own in right]
        return [self._make_row(place, own) for place, own in enumerate(shares)]

    def _make_row(self, place: int, multiples: Mapping[str, float]) -> dict[str, Any]:
        plan, log, weights = self.plans[place], self.logs[place], self.best(place)
        best = (log.best or log.last)["accuracy"]
        final = {"accuracy": best, "accuracy_best": best, "accuracy_final": log.last["accuracy"]}
        row = self._start_row(place) | {"horizon": self.horizon(place)} | round_some(final)
        if weights is None:
            return row
        spectrum = compare_with_theory(weights.recurrent.double().numpy(), plan.system)
        radius = float(np.abs(spectrum.network).mean()) if spectrum.rank_network else None
        row |= round_some(multiples | {"margin": spectrum.margin, "radius": radius})
        errors = {name: getattr(spectrum, name) for name in ("argument_error", "argument_error_optimal")}
        ranks = {name: getattr(spectrum, name) for name in ("rank_theory", "rank_network")}
        return row | ranks | round_some(errors, 8)

    @staticmethod
    def _round_point(point: Sequence[Any]) -> Sequence[Any]:
        iteration, horizon, loss, accuracy, test = point
        return iteration, horizon, shorten(loss), round(accuracy, 4), test if test is None else round(test, 6)

    @classmethod
    def check(cls, plans: Sequence[ModelPlan]) -> None:
        """Raise a UserError if a task is not a signed selection."""
        for task in dict.fromkeys(plan.task for plan in plans):
            make_selection_table(parse_task(task), 1)

    @classmethod
    def group(cls, plans: Sequence[ModelPlan]) -> list[list[ModelPlan]]:
        """Group plans that can be trained side by side, in the order of their first members."""
        groups: dict[tuple, list[ModelPlan]] = {}
        for plan in plans:
            groups.setdefault(_find_size(plan), []).append(plan)
        return list(groups.values())

    @staticmethod
    def describe_row(row: Mapping[str, Any]) -> str:
        """Return a one-line summary of a trained model."""
        rank, error = row["rank_network"], row["argument_error"]
        parts = [] if rank is None else [f"{rank} of {row['rank_theory']} eigenvalues"]
        return describe_model(row, *parts, *([] if error is None else [f"argument error {error:.2g} rad"]))
