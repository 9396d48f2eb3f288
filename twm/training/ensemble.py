"""Elman networks in training: one in a CPU process, or many side by side, by the paper's protocol.

The loop always carries a ``models`` axis; a single model on the CPU takes the augmented kernel, several, or a GPU, the
batched one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from twm.errors import require
from twm.models.checking import make_kernel
from twm.models.elman import write_network
from twm.models.kernels import StepResult
from twm.models.weights import Weights, draw_weights, stack_weights
from twm.theory.spectra import compare_with_theory
from twm.theory.systems import make_selection_table, parse_task
from twm.training.batches import BatchFeed, count_right_signs
from twm.training.curricula import Curricula
from twm.training.loop import TrainingRun
from twm.training.plans import ModelPlan
from twm.training.progress import format_seconds
from twm.training.results import MODEL_COLUMNS

#: Fields in which the models of an ensemble must agree, because they share buffers and tests.
_SHARED = (
    "hidden", "batch", "longest", "iterations", "test_every", "test_count", "test_horizon", "curve_every", "multiples",
)  # fmt: skip


def _find_size(plan: ModelPlan) -> tuple[Any, ...]:
    return (plan.system.history, plan.system.dim, *(getattr(plan, name) for name in _SHARED))


class Ensemble(TrainingRun):
    """Elman networks side by side: of one size, their tasks of one (history, dim), and free in all else."""

    plan_type = ModelPlan
    columns = MODEL_COLUMNS
    curve_columns = ("model", "iteration", "horizon", "loss", "accuracy", "test_accuracy")
    texts = ("model", "task", "init", "curriculum", "device", "torch", "commit", "date")
    from_plan = ("task", "hidden", "l2", "seed", "init", "curriculum", "threshold", "learning_rate", "drop_at")
    write_network = staticmethod(write_network)

    def _prepare(self, path: str | None) -> None:
        first, system = self.plans[0], self.plans[0].system
        for plan in self.plans:
            fits = _find_size(plan) == _find_size(first)
            require(fits, f"{plan.name} and {first.name} cannot be trained side by side: their sizes differ")
        self._single = len(self.plans) == 1 and self.device == "cpu" and path in (None, "augmented", "reference")
        self._feed, self._curricula = BatchFeed(self.plans, self.device), Curricula(self.plans, self.device)
        initial = [
            draw_weights(system.dim, plan.hidden, plan.init, plan.seed, system.history, plan.system.matrix)
            for plan in self.plans
        ]
        rates, decays = [plan.learning_rate for plan in self.plans], [plan.l2 for plan in self.plans]
        if self._single:
            weights, rates, decays = initial[0], rates[0], decays[0]
        else:
            weights, path = stack_weights(initial), path or "batched"
        options = {"learning_rate": rates, "l2": decays, "device": self.device}
        self._kernel = make_kernel(weights, system.history, first.batch, first.longest, path, **options)

    @staticmethod
    def wrap(weights: dict[str, Tensor]) -> Weights:
        """Return the three matrices of one model."""
        return Weights(**weights)

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

    def _measure(self) -> list[dict[str, float]]:
        plan = self.plans[0]
        right = self._count(self.weights(), plan.test_horizon)
        total = plan.test_count * plan.test_horizon * plan.system.dim
        return [{"accuracy": int(count) / total} for count in right.sum(1)]

    def _count(self, weights: Weights, horizon: int) -> Tensor:
        # A test holds chunk x models x sequences x hidden numbers.
        chunk = 50 if len(self.plans) < 8 else 10
        return count_right_signs(weights, [plan.task for plan in self.plans], self.plans[0].test_count, horizon, chunk)

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
        own = {key: value for key, value in state.items() if not key.startswith("curriculum.")}
        self._kernel.load_state(own)
        self._curricula.load_state({key: state[f"curriculum.{key}"] for key in self._curricula.state_dict()})

    def _measure_multiples(self) -> list[dict[str, float]]:
        """Measure every model's share of right signs over all output steps up to multiples of the training horizon."""
        plan = self.plans[0]
        if not plan.multiples:
            return [{} for _ in self.plans]
        right = self._count(Weights(**self._best), plan.longest * plan.multiples[-1]).cumsum(1)
        steps = {multiple: multiple * plan.longest for multiple in plan.multiples}
        total = plan.test_count * plan.system.dim
        return [{f"accuracy_{m}x": int(own[n - 1]) / (n * total) for m, n in steps.items()} for own in right]

    def _make_rows(self) -> list[dict[str, Any]]:
        return [self._make_row(place, multiples) for place, multiples in enumerate(self._measure_multiples())]

    def _make_row(self, place: int, multiples: Mapping[str, float]) -> dict[str, Any]:
        plan, log, weights = self.plans[place], self.logs[place], self.best(place)
        best = (log.best or log.last)["accuracy"]
        final = {"accuracy": best, "accuracy_best": best, "accuracy_final": log.last["accuracy"]}
        row = self._start_row(place) | {"horizon": self.horizon(place)}
        row |= {name: round(value, 6) for name, value in final.items()}
        if weights is None:
            return row
        row |= {name: round(value, 6) for name, value in multiples.items()}
        spectrum = compare_with_theory(weights.recurrent.double().numpy(), plan.system)
        radius = float(np.abs(spectrum.network).mean()) if spectrum.rank_network else None
        return row | {
            "rank_theory": spectrum.rank_theory,
            "rank_network": spectrum.rank_network,
            "argument_error": _round(spectrum.argument_error, 8),
            "argument_error_optimal": _round(spectrum.argument_error_optimal, 8),
            "margin": _round(spectrum.margin, 6),
            "radius": _round(radius, 6),
        }

    @staticmethod
    def _round_point(point: Sequence[Any]) -> Sequence[Any]:
        iteration, horizon, loss, accuracy, test = point
        return iteration, horizon, float(f"{loss:.4g}"), round(accuracy, 4), _round(test, 6)

    @classmethod
    def check(cls, plans: Sequence[ModelPlan]) -> None:
        """Raise a UserError if a task is not a signed selection."""
        for task in dict.fromkeys(plan.task for plan in plans):
            make_selection_table(parse_task(task), 1)

    @classmethod
    def group(cls, plans: Sequence[ModelPlan]) -> list[list[ModelPlan]]:
        """Sort plans by size, in the order of their first members."""
        groups: dict[tuple, list[ModelPlan]] = {}
        for plan in plans:
            groups.setdefault(_find_size(plan), []).append(plan)
        return list(groups.values())

    @staticmethod
    def describe_row(row: Mapping[str, Any]) -> str:
        """Return what became of one model, in a line."""
        line = f"{row['model']}: accuracy {row['accuracy']:.4f}"
        if row["rank_network"] is not None:
            line += f", {row['rank_network']} of {row['rank_theory']} eigenvalues"
        if row["argument_error"] is not None:
            line += f", argument error {row['argument_error']:.2g} rad"
        if row["diverged_at"] is not None:
            line += f", diverged by iteration {row['diverged_at']}"
        return f"{line}, {row['iterations']} iterations, {format_seconds(row['seconds'])}"


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
