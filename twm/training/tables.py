"""What tables of models come to: statistics over seeds, Table 1 of the main paper, and starts.

Every summary says on how many seeds it rests, failed ones included, and leaves none out for its result.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata, t

from twm.errors import require
from twm.training.attention import RatioSummary, summarise_ratio
from twm.training.sweeps import HIDDEN_SIZES, L2_VALUES, TASKS

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number over seeds with its 95% interval."""

    value: float | None  # None without a seed
    low: float | None  # None where there are too few seeds to tell
    high: float | None
    count: int  # seeds, or pairs of them
    values: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)  # (count,); none for a correlation

    half_width = property(lambda self: None if self.low is None else (self.high - self.low) / 2)

    def excludes(self, number: float) -> bool:
        """Tell whether a number lies outside the interval."""
        return not self.low <= number <= self.high


def estimate_mean(values: Sequence[float]) -> Estimate:
    """Return the mean of finite numbers, one a seed, with the interval of Student's t."""
    numbers = np.array(values, dtype=float)
    require(bool(np.isfinite(numbers).all()), "a mean needs finite values: leave out undefined ones and say how many")
    count, mean = len(numbers), float(numbers.mean()) if len(numbers) else None
    if count < 2:
        return Estimate(mean, None, None, count, numbers)
    reach = float(t.ppf(0.975, count - 1) * numbers.std(ddof=1) / math.sqrt(count))
    return Estimate(mean, mean - reach, mean + reach, count, numbers)


def compare_paired(first: Sequence[float], second: Sequence[float], draws: int = 10_000) -> Estimate:
    """Return the mean of first less second, finite numbers of the same seeds, by a bootstrap over pairs."""
    require(len(first) == len(second) > 0, f"pairs need two equally long lists, not {len(first)} and {len(second)}")
    differences = np.array(first, dtype=float) - np.array(second, dtype=float)
    require(bool(np.isfinite(differences).all()), "paired differences must be finite")
    count = len(differences)
    picks = np.random.default_rng(0).integers(0, count, (draws, count))
    found = np.sort(differences[picks].mean(axis=1))
    low, high = found[int(0.025 * draws)], found[int(0.975 * draws)]
    return Estimate(float(differences.mean()), float(low), float(high), count, differences)


def compare_iterations(first: Iterable[Row], second: Iterable[Row]) -> Estimate:
    """Return the median ratio of iterations to 99%, first by second, over tasks and seeds of both; never counts as infinite."""
    found = summarise_ratio(*({(row.get("task"), row["seed"]): row for row in rows} for rows in (first, second)))
    return Estimate(found.ratio, found.low, found.high, found.pairs, found.ratios)


def correlate_ranks(
    first: Sequence[float], second: Sequence[float], groups: Sequence[Any] | None = None, draws: int = 2_000
) -> Estimate:
    """Return Spearman's rank correlation of at least three pairs; 0 where a side does not vary.

    Ranks and draws stay within a group, so that a difference between groups (tasks, say) is no relation within them.
    """
    labels = pd.Series([0] * len(first) if groups is None else list(groups))
    counts = len(first), len(second), len(labels)
    require(len(set(counts)) == 1 and counts[0] >= 3, f"ranks need three pairs or more, a group each, not {counts}")
    sides = np.array([first, second], dtype=float)
    require(bool(np.isfinite(sides).all()), "ranks need finite numbers")
    members = [np.flatnonzero(labels == label) for label in labels.unique()]
    rng = np.random.default_rng(0)
    drawn = [_correlate(sides, [rng.choice(places, len(places)) for places in members]) for _ in range(draws)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(_correlate(sides, members), float(low), float(high), len(first))


def _correlate(sides: np.ndarray, members: Sequence[np.ndarray]) -> float:
    # Divided by the group's size, so that every pair weighs the same whatever group it is in.
    ranks = [(rankdata(sides[:, own], axis=1) - (len(own) + 1) / 2) / len(own) for own in members]
    first, second = np.concatenate(ranks, axis=1)
    norm = math.sqrt((first @ first) * (second @ second))
    return float(first @ second) / norm if norm else 0.0


def select_rows(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Return the rows whose columns have the wanted values, by rising seed."""
    rows = list(rows)
    odd = sorted(set(wanted) - set(rows[0])) if rows else []
    require(not odd, f"a table of models has no column {', '.join(odd)}")
    found = [row for row in rows if all(row[column] == value for column, value in wanted.items())]
    return sorted(found, key=lambda row: row["seed"])


def pair_rows(first: Iterable[Row], second: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows of two conditions for the seeds that both have, in the order of the seeds."""
    left, right = ({row["seed"]: row for row in rows} for rows in (first, second))
    seeds = sorted(set(left) & set(right))
    return [left[seed] for seed in seeds], [right[seed] for seed in seeds]


# ---- Table 1 of the main paper: per seed the best over checkpoints and over two thresholds of the curriculum, then the
# mean over seeds; of the spectral error over those seeds that have one

#: Seeds of a cell in the paper.
PAPER_SEEDS = 20
# How far a mean accuracy may be from the paper's, how wide its interval may be on either side, and the error's factor.
_TOLERANCE, _HALF_WIDTH, _FACTOR = 0.05, 0.1, 3.0
# From which accuracy a model counts as accurate, as in the table's caption; it has fallen if it ends this much lower.
_ACCURATE, _FALLEN = 0.94, 0.05
# Accuracies with 64 neurons and three weight decays, then with 128; then errors in radians, None for "not theory's rank".
_PAPER = {
    "T1": ((0.97, 0.88, 0.50, 1.00, 0.93, 0.50), (None, None, None, 0.0005, None, None)),
    "T2": ((1.00, 0.85, 0.50, 0.98, 0.98, 0.50), (0.0075, None, None, 0.0055, 0.0031, None)),
    "T3": ((1.00, 0.97, 0.50, 0.98, 1.00, 0.50), (0.0026, 0.0010, None, 0.0031, 0.0005, None)),
    "T4": ((0.94, 1.00, 0.50, 1.00, 1.00, 0.50), (0.0112, 0.0011, None, 0.0022, 0.0006, None)),
}
_VERDICTS = {(True, True): "both", (True, False): "accuracy", (False, True): "error", (False, False): "neither"}
_VERDICTS |= {(None, None): "no seed"}


@dataclass(frozen=True)
class Cell:
    """One cell of Table 1: the paper's numbers and ours."""

    task: str
    hidden: int
    l2: float
    paper_accuracy: float
    paper_error: float | None  # difference of arguments in radians; None for the paper's dash
    accuracy: Estimate  # best of checkpoints and thresholds
    accuracy_final: Estimate  # after the last iteration
    error: Estimate  # over the seeds of equal rank, eigenvalues matched greedily
    error_optimal: Estimate  # matched optimally
    both: int  # seeds run with two thresholds, as in the paper

    name = property(lambda self: f"{self.task} ({self.hidden} neurons, L2 {self.l2:g})")
    seeds = property(lambda self: self.accuracy.count)
    equal_rank = property(lambda self: self.error.count)
    accuracies = property(lambda self: self.accuracy.values)
    errors = property(lambda self: self.error.values)
    # Near the paper's? None without a seed.
    accuracy_agrees = property(lambda self: _is_near(self.accuracy, self.paper_accuracy) if self.seeds else None)
    # Is the interval narrow enough to tell?
    accuracy_settled = property(lambda self: self.seeds > 1 and self.accuracy.half_width <= _HALF_WIDTH)

    @property
    def error_agrees(self) -> bool | None:
        """Whether the error is near the paper's, or both are undefined; ``None`` without a seed."""
        if not self.seeds:
            return None
        if self.paper_error is None or self.error.value is None:
            return self.paper_error is None and self.error.value is None
        return self.paper_error / _FACTOR <= self.error.value <= self.paper_error * _FACTOR

    # Which halves agree, in a word.
    verdict = property(lambda self: _VERDICTS[self.accuracy_agrees, self.error_agrees])


def _is_near(mean: Estimate, paper: float) -> bool:
    # A mean of .95 is within .05 of 1.00 whatever the last bit says.
    return abs(mean.value - paper) <= _TOLERANCE + 1e-9


def summarise_table1(rows: Iterable[Row]) -> list[Cell]:
    """Summarise models into the 24 cells of Table 1, in the paper's order; other tasks and sizes are left out.

    Source: twm Table 1; facts about the best-of from its public companion code.
    """
    numbers = ["accuracy_best", "accuracy_final", "argument_error", "argument_error_optimal"]
    frame = pd.DataFrame(list(rows), columns=["task", "hidden", "l2", "seed", "threshold", *numbers])
    seeds = frame.astype(dict.fromkeys(numbers, float)).groupby(["task", "hidden", "l2", "seed"])
    runs = seeds.agg(dict(zip(numbers, ("max", "max", "min", "min"))) | {"threshold": "nunique"}).reset_index("seed")
    cells = []
    for task, hidden, l2 in product(TASKS, HIDDEN_SIZES, L2_VALUES):
        place = 3 * HIDDEN_SIZES.index(hidden) + L2_VALUES.index(l2)
        own = runs[runs.index == (task, hidden, l2)]
        found = [estimate_mean(own[column].dropna()) for column in numbers]
        cells.append(Cell(task, hidden, l2, *(half[place] for half in _PAPER[task]), *found, sum(own["threshold"] > 1)))
    return cells


def describe_table1(cells: Sequence[Cell]) -> dict[str, dict[str, Any]]:
    """Return what the halves of Table 1 come to, ``accuracy`` and ``error``, as numbers for the ledger."""
    filled = [cell for cell in cells if cell.seeds]
    dashes, numbers = (
        [cell.error_agrees for cell in filled if (cell.paper_error is None) is dash] for dash in (True, False)
    )
    gaps = [abs(cell.accuracy.value - cell.paper_accuracy) for cell in filled]
    matching = [cell.error.value - cell.error_optimal.value for cell in filled if cell.equal_rank]
    least = {f"least_{name}": min((getattr(cell, name) for cell in cells), default=0) for name in ("seeds", "both")}
    shared = {"cells": len(filled), "cells_of_table": len(cells), **least}
    accuracy = {
        "agree": sum(cell.accuracy_agrees for cell in filled),
        "settled": sum(cell.accuracy_agrees and cell.accuracy_settled for cell in filled),
        "largest_gap": max(gaps, default=0.0),
        "disagree": [cell.name for cell in filled if not cell.accuracy_agrees],
        "final_agree": sum(_is_near(cell.accuracy_final, cell.paper_accuracy) for cell in filled),
    }
    error = {
        "agree": sum(numbers) + sum(dashes),
        "numbers": len(numbers),
        "numbers_agree": sum(numbers),
        "dashes": len(dashes),
        "dashes_agree": sum(dashes),
        "disagree": [cell.name for cell in filled if not cell.error_agrees],
        "largest_matching_gap": max(matching, default=0.0),
    }
    return {"accuracy": shared | accuracy, "error": shared | error}


def count_converged(rows: Iterable[Row]) -> dict[str, int]:
    """Count accurate models outside the bottleneck (T1 with 64 neurons), those of equal rank, and those near theory.

    Source: twm Table 1, caption.
    """
    accurate = [row for row in rows if row["accuracy_best"] > _ACCURATE and (row["task"], row["hidden"]) != ("T1", 64)]
    errors = [row["argument_error"] for row in accurate if row["argument_error"] is not None]
    return {"accurate": len(accurate), "equal_rank": len(errors), "converged": sum(error <= 0.02 for error in errors)}


def sort_failures(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Sort the models that failed by how they did."""
    rows = list(rows)
    frame = pd.DataFrame(rows, columns=["accuracy_best", "accuracy_final", "horizon", "diverged_at"])
    best, fallen = frame["accuracy_best"], frame["accuracy_final"] < frame["accuracy_best"] - _FALLEN
    middling = (best >= 0.55) & (best <= _ACCURATE)
    tests = {
        "learns nothing": best < 0.55,
        # The first horizon is 10: such a model has never been shown a longer sequence.
        "stays at the first horizon": middling & (frame["horizon"] <= 10),
        "learns a part": middling & (frame["horizon"] > 10),
        "falls and ends low": (best > _ACCURATE) & fallen,
        "diverges": True,
    }
    found = {
        kind: frame.index[(frame["diverged_at"].notna() == (kind == "diverges")) & own] for kind, own in tests.items()
    }
    return {kind: [rows[place] for place in places] for kind, places in found.items() if len(places)}


# ---- how soon networks learn from different initial weights


@dataclass(frozen=True, eq=False)
class StartSummary:
    """All networks of one task and one start."""

    task: str
    init: str
    iterations: dict[int, int | None]  # by seed, to 99% of the signs right; None where that was never reached
    cap: int  # iterations after which a network was given up
    ratio: RatioSummary | None  # by the baseline's, over the seeds of both; None for the baseline itself
    rank_theory: int
    ranks: dict[int, int]  # by seed, eigenvalues with a magnitude above 0.9
    argument_errors: list[float]  # radians, of the networks with equal ranks

    # Networks that came to 99%.
    reached = property(lambda self: sum(count is not None for count in self.iterations.values()))
    # A network that never arrived counts with the cap, so this may be a lower bound.
    median = property(lambda self: float(np.median([count or self.cap for count in self.iterations.values()])))


def summarise_starts(rows: Iterable[Row], baseline: str = "uniform") -> dict[tuple[str, str], StartSummary]:
    """Compare every start with a baseline by (task, init); networks of one seed share data, encoder and readout."""
    groups: dict[tuple[str, str], dict[int, Row]] = {}
    for row in rows:
        runs = groups.setdefault((row["task"], row["init"]), {})
        require(row["seed"] not in runs, f"{row['task']}, {row['init']}, seed {row['seed']} occurs twice")
        runs[row["seed"]] = row
    found = {}
    for (task, init), runs in groups.items():
        require((task, baseline) in groups, f"{task} has no network with the initial weights {baseline!r}")
        cap = max(row["iterations"] for key, own in groups.items() if key[0] == task for row in own.values())
        ratio = None if init == baseline else summarise_ratio(runs, groups[task, baseline])
        columns = ({seed: row[name] for seed, row in runs.items()} for name in ("iterations_to_99", "rank_network"))
        times, ranks = columns
        (theory,) = {row["rank_theory"] for row in runs.values()}
        errors = [row["argument_error"] for row in runs.values() if row["argument_error"] is not None]
        found[task, init] = StartSummary(task, init, times, cap, ratio, theory, ranks, errors)
    return found
