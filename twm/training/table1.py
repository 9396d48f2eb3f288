"""Table 1 of the main paper, cell by cell: its numbers, ours, and whether they agree.

The paper's figure is a best-of: per seed the best accuracy over checkpoints and over two thresholds of the curriculum, and
the least spectral error of either; then the mean over seeds, of the error over those seeds that have one. The plain figure
stands beside it: the network as it is after the last iteration.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twm.training.summaries import Mean, Row, select_rows, summarise_mean

TASKS = ("T1", "T2", "T3", "T4")
HIDDEN_SIZES = (64, 128)
L2_VALUES = (0.0, 0.001, 0.1)
#: Seeds of a cell in the paper.
PAPER_SEEDS = 20
#: How far a mean accuracy may be from the paper's, and how wide its interval may be on either side.
ACCURACY_TOLERANCE, ACCURACY_HALF_WIDTH = 0.05, 0.1
#: By which factor a mean spectral error may differ from the paper's.
ERROR_FACTOR = 3.0
#: Accuracy above which a model counts as accurate, as in the table's caption; it has fallen if it ends this much lower.
ACCURATE, FALLEN = 0.94, 0.05
#: How a model can fail, see :func:`sort_failures`.
FAILURES = ("learns nothing", "stays at the first horizon", "learns a part", "falls and ends low", "diverges")
# A mean of .95 is within .05 of 1.00 whatever the last bit says.
_ROUNDING = 1e-9

# One line a task: accuracy with 64 neurons for the three weight decays, then with 128; errors in radians likewise, None
# for the dash of "no seed has the rank of theory".
_ACCURACIES = {
    "T1": (0.97, 0.88, 0.50, 1.00, 0.93, 0.50),
    "T2": (1.00, 0.85, 0.50, 0.98, 0.98, 0.50),
    "T3": (1.00, 0.97, 0.50, 0.98, 1.00, 0.50),
    "T4": (0.94, 1.00, 0.50, 1.00, 1.00, 0.50),
}
_ERRORS = {
    "T1": (None, None, None, 0.0005, None, None),
    "T2": (0.0075, None, None, 0.0055, 0.0031, None),
    "T3": (0.0026, 0.0010, None, 0.0031, 0.0005, None),
    "T4": (0.0112, 0.0011, None, 0.0022, 0.0006, None),
}


@dataclass(frozen=True)
class Cell:
    """One cell of Table 1.

    Attributes:
        task, hidden, l2: which cell.
        paper_accuracy: the paper's mean share of right signs.
        paper_error: the paper's mean difference of arguments in radians, or ``None`` for its dash.
        accuracy: ours, best of checkpoints and thresholds per seed, mean over seeds.
        accuracy_final: ours after the last iteration, best threshold per seed.
        error: ours, matched greedily, over the seeds of equal rank.
        error_optimal: the same, matched optimally.
        equal_rank: how many seeds have equal rank.
        seeds: how many seeds there are.
        both: how many of them were run with two thresholds, as in the paper.
        accuracies: best accuracy a seed.
        errors: error a seed of equal rank.
        ranks: rank of the network a seed, of the most accurate run.
    """

    task: str
    hidden: int
    l2: float
    paper_accuracy: float
    paper_error: float | None
    accuracy: Mean
    accuracy_final: Mean
    error: Mean
    error_optimal: Mean
    equal_rank: int
    seeds: int
    both: int
    accuracies: tuple[float, ...]
    errors: tuple[float, ...]
    ranks: tuple[int, ...]

    @property
    def name(self) -> str:
        """Task, hidden size and weight decay in one line."""
        return f"{self.task} ({self.hidden} neurons, L2 {self.l2:g})"

    @property
    def accuracy_agrees(self) -> bool | None:
        """Whether the mean accuracy is within :data:`ACCURACY_TOLERANCE` of the paper's; ``None`` without a seed."""
        return None if self.accuracy.value is None else abs(self.accuracy_gap) <= ACCURACY_TOLERANCE + _ROUNDING

    @property
    def verdict(self) -> str:
        """Which halves of the cell agree with the paper, in a word."""
        words = {(True, True): "both", (True, False): "accuracy", (False, True): "error", (False, False): "neither"}
        return words.get((self.accuracy_agrees, self.error_agrees), "no seed")

    @property
    def accuracy_gap(self) -> float | None:
        """Our mean accuracy less the paper's."""
        return None if self.accuracy.value is None else self.accuracy.value - self.paper_accuracy

    @property
    def accuracy_settled(self) -> bool:
        """Whether the accuracy's interval is narrow enough to tell."""
        width = self.accuracy.half_width
        return width is not None and width <= ACCURACY_HALF_WIDTH

    @property
    def error_agrees(self) -> bool | None:
        """Whether the error is within :data:`ERROR_FACTOR` of the paper's, or both are undefined; ``None`` without a seed."""
        if not self.seeds:
            return None
        if self.paper_error is None or self.error.value is None:
            return self.paper_error is None and self.error.value is None
        return self.paper_error / ERROR_FACTOR <= self.error.value <= self.paper_error * ERROR_FACTOR


def get_paper_cell(task: str, hidden: int, l2: float) -> tuple[float, float | None]:
    """Return the paper's accuracy and error (``None`` for a dash) of one cell."""
    place = HIDDEN_SIZES.index(hidden) * len(L2_VALUES) + L2_VALUES.index(l2)
    return _ACCURACIES[task][place], _ERRORS[task][place]


def summarise_table1(rows: Iterable[Row]) -> list[Cell]:
    """Summarise trained models into the 24 cells of Table 1, in the paper's order.

    Args:
        rows: as :func:`twm.training.read_models` returns them; those of other tasks and sizes are left out.

    Returns:
        all cells; those without a row have no seed.

    Source: twm Table 1; facts about the best-of from its public companion code.
    """
    rows = list(rows)
    return [
        _summarise_cell(select_rows(rows, task=task, hidden=hidden, l2=l2), task, hidden, l2)
        for task in TASKS
        for hidden in HIDDEN_SIZES
        for l2 in L2_VALUES
    ]


def _summarise_cell(rows: Sequence[Row], task: str, hidden: int, l2: float) -> Cell:
    by_seed: dict[int, list[Row]] = {}
    for row in rows:
        by_seed.setdefault(row["seed"], []).append(row)
    runs = list(by_seed.values())
    accuracies = tuple(max(row["accuracy_best"] for row in own) for own in runs)
    errors = _take_least(runs, "argument_error")
    best = [max(own, key=lambda row: row["accuracy_best"]) for own in runs]
    accuracy, error = get_paper_cell(task, hidden, l2)
    return Cell(
        task=task,
        hidden=hidden,
        l2=l2,
        paper_accuracy=accuracy,
        paper_error=error,
        accuracy=summarise_mean(accuracies),
        accuracy_final=summarise_mean(max(row["accuracy_final"] for row in own) for own in runs),
        error=summarise_mean(errors),
        error_optimal=summarise_mean(_take_least(runs, "argument_error_optimal")),
        equal_rank=len(errors),
        seeds=len(runs),
        both=sum(len({row["threshold"] for row in own}) > 1 for own in runs),
        accuracies=accuracies,
        errors=errors,
        ranks=tuple(row["rank_network"] for row in best),
    )


def _take_least(runs: Sequence[Sequence[Row]], column: str) -> tuple[float, ...]:
    found = [[row[column] for row in own if row[column] is not None] for own in runs]
    return tuple(min(values) for values in found if values)


def describe_table1(cells: Sequence[Cell]) -> dict[str, dict[str, Any]]:
    """Return what the two halves of Table 1 come to, as numbers for the ledger: ``accuracy`` and ``error``.

    ``accuracy`` counts cells that agree, that agree and are settled, and gives the largest gap; ``error`` counts cells
    that agree, split into those with a number in the paper and those with a dash.
    """
    filled = [cell for cell in cells if cell.seeds]
    least = min((cell.seeds for cell in cells), default=0)
    both = min((cell.both for cell in cells), default=0)
    numbers = [cell for cell in filled if cell.paper_error is not None]
    dashes = [cell for cell in filled if cell.paper_error is None]
    shared = {"cells": len(filled), "cells_of_table": len(cells), "least_seeds": least, "least_both": both}
    return {
        "accuracy": shared
        | {
            "agree": sum(cell.accuracy_agrees for cell in filled),
            "settled": sum(cell.accuracy_agrees and cell.accuracy_settled for cell in filled),
            "largest_gap": max((abs(cell.accuracy_gap) for cell in filled), default=0.0),
            "disagree": [cell.name for cell in filled if not cell.accuracy_agrees],
            "final_agree": sum(
                abs(cell.accuracy_final.value - cell.paper_accuracy) <= ACCURACY_TOLERANCE + _ROUNDING
                for cell in filled
            ),
        },
        "error": shared
        | {
            "agree": sum(cell.error_agrees for cell in filled),
            "numbers": len(numbers),
            "numbers_agree": sum(cell.error_agrees for cell in numbers),
            "dashes": len(dashes),
            "dashes_agree": sum(cell.error_agrees for cell in dashes),
            "disagree": [cell.name for cell in filled if not cell.error_agrees],
            "largest_matching_gap": max(
                (cell.error.value - cell.error_optimal.value for cell in filled if cell.equal_rank), default=0.0
            ),
        },
    }


def count_converged(rows: Iterable[Row], level: float = ACCURATE, allowed: float = 0.02) -> Mapping[str, int]:
    """Count how often accuracy goes with the spectrum of theory, as Table 1's caption says.

    Args:
        rows: of models.
        level: accuracy above which a model is accurate.
        allowed: largest mean difference of arguments in radians.

    Returns:
        ``accurate`` models outside the bottleneck (T1 with 64 neurons), those of ``equal_rank`` among them, and those with
        ``equal_rank`` and an error up to ``allowed`` as ``converged``.

    Source: twm Table 1, caption.
    """
    accurate = [
        row for row in rows if row["accuracy_best"] > level and not (row["task"] == "T1" and row["hidden"] == 64)
    ]
    equal = [row for row in accurate if row["argument_error"] is not None]
    good = [row for row in equal if row["argument_error"] <= allowed]
    return {"accurate": len(accurate), "equal_rank": len(equal), "converged": len(good)}


def sort_failures(rows: Iterable[Row], first_horizon: int = 10) -> dict[str, list[Row]]:
    """Sort the models that failed by how they did.

    Args:
        rows: of models.
        first_horizon: the curriculum's first; a model that ends there has never been shown a longer sequence.

    Returns:
        by kind, in the order of :data:`FAILURES`, the models, if there are any: accuracy of about one half at best; not
        accurate and still at the first horizon; not accurate for another reason; accurate once, but much less so after the
        last iteration; weights that are no longer finite.
    """
    found: dict[str, list[Row]] = {kind: [] for kind in FAILURES}
    for row in rows:
        best, last = row["accuracy_best"], row["accuracy_final"]
        if row["diverged_at"] is not None:
            found["diverges"].append(row)
        elif best > ACCURATE:
            if last < best - FALLEN:
                found["falls and ends low"].append(row)
        elif best < 0.55:
            found["learns nothing"].append(row)
        else:
            found["stays at the first horizon" if row["horizon"] <= first_horizon else "learns a part"].append(row)
    return {kind: models for kind, models in found.items() if models}
