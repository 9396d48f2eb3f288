"""What tables of models come to: means with intervals, differences over paired seeds, ranks.

A table has one row a model, seed by seed, failed seeds included. Every summary here says on how many seeds it rests, and
none of them leaves a seed out for its result.

Table 1 of the main paper, cell by cell: its numbers, ours, and whether they agree.

The paper's figure is a best-of: per seed the best accuracy over checkpoints and over two thresholds of the curriculum, and
the least spectral error of either; then the mean over seeds, of the error over those seeds that have one. The plain figure
stands beside it: the network as it is after the last iteration.

How soon networks learn from different initial weights, compared over seeds.

The paper's tables on sequences beside ours: rows of a sweep, cell by cell.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twm.errors import require, require_count
from twm.tasks.sequences import ADDING_LENGTHS, COPY_WAITS
from twm.training.attention import RatioSummary, summarise_ratio
from twm.training.sweeps import ABLATIONS

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Mean:
    """A mean over seeds.

    Attributes:
        value: the mean; ``None`` without a seed.
        low, high: ends of its 95% interval by Student's t; ``None`` with fewer than two seeds.
        count: number of seeds.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int

    @property
    def half_width(self) -> float | None:
        """Half the interval's length, in the unit of the value."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def summarise_mean(values: Iterable[float]) -> Mean:
    """Return the mean of independent values with its 95% interval.

    Args:
        values: finite numbers, one a seed.

    Raises:
        UserError: if one is not finite.
    """
    from scipy.stats import t

    numbers = np.array([float(value) for value in values])
    require(bool(np.isfinite(numbers).all()), "a mean needs finite values: leave out undefined ones and say how many")
    count = len(numbers)
    if count == 0:
        return Mean(None, None, None, 0)
    value = float(numbers.mean())
    if count == 1:
        return Mean(value, None, None, 1)
    reach = float(t.ppf(0.975, count - 1) * numbers.std(ddof=1) / math.sqrt(count))
    return Mean(value, value - reach, value + reach, count)


@dataclass(frozen=True, eq=False)
class Comparison:
    """A number over paired seeds, or a correlation, with a bootstrap interval.

    Attributes:
        value: the statistic.
        low, high: ends of its 95% interval, by the percentiles of a bootstrap over pairs.
        count: number of pairs.
        values: (count,) what was summarised, one a pair; empty for a correlation.
    """

    value: float
    low: float
    high: float
    count: int
    values: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)

    def excludes(self, number: float) -> bool:
        """Tell whether a number lies outside the interval."""
        return not self.low <= number <= self.high


def compare_paired(first: Sequence[float], second: Sequence[float], draws: int = 10_000, seed: int = 0) -> Comparison:
    """Compare two conditions run on the same seeds: mean of first less second.

    Args:
        first, second: (n,) finite numbers, one a seed, in the same order.
        draws: bootstrap samples.
        seed: of the bootstrap.

    Raises:
        UserError: if the lengths differ, there is no pair, or a number is not finite.
    """
    require(len(first) == len(second) > 0, f"pairs need two equally long lists, not {len(first)} and {len(second)}")
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    require(bool(np.isfinite(differences).all()), "paired differences must be finite")
    return _bootstrap(differences, lambda picked: picked.mean(axis=-1), draws, seed, differences)


def compare_iterations(first: Sequence[Row], second: Sequence[Row], draws: int = 10_000, seed: int = 0) -> Comparison:
    """Compare iterations to 99% of two conditions on the same seeds: median of the ratio, first by second.

    A run that never reached the level counts against the first condition: its own as infinite, the second's as if it had
    reached the level with its last iteration.

    Args:
        first, second: rows of equal length, in the order of their seeds.
        draws: bootstrap samples.
        seed: of the bootstrap.

    Raises:
        UserError: if the rows are not of the same seeds.
    """
    seeds = [row["seed"] for row in first]
    require(seeds == [row["seed"] for row in second] and seeds, "iterations are compared over the same seeds")
    above = np.array([math.inf if row["iterations_to_99"] is None else row["iterations_to_99"] for row in first], float)
    below = np.array([row["iterations_to_99"] or row["iterations"] for row in second], dtype=float)
    ratios = above / below
    return _bootstrap(ratios, lambda picked: np.median(picked, axis=-1), draws, seed, ratios)


def correlate_ranks(
    first: Sequence[float],
    second: Sequence[float],
    groups: Sequence[Any] | None = None,
    draws: int = 2_000,
    seed: int = 0,
) -> Comparison:
    """Return Spearman's rank correlation with a bootstrap interval, within groups if there are any.

    Ranks are taken within each group and centred there, so that a difference between groups (tasks, say) is not taken for
    a relation within them.

    Args:
        first, second: (n,) finite numbers.
        groups: (n,) labels; one group if not given.
        draws: bootstrap samples, drawn within groups.
        seed: of the bootstrap.

    Returns:
        the correlation; 0 where one side does not vary at all.

    Raises:
        UserError: if the lengths differ, there are fewer than three pairs, or a number is not finite.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    count = len(first)
    require(len(second) == count >= 3, f"a rank correlation needs at least three pairs, not {count} and {len(second)}")
    require(bool(np.isfinite(first).all() and np.isfinite(second).all()), "ranks need finite numbers")
    labels = np.array([""] * count if groups is None else [str(group) for group in groups])
    require(len(labels) == count, "give one group a pair")
    members = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels)]
    value = _correlate_within(first, second, members)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(require_count(draws, "draws")):
        picks = [rng.choice(places, len(places)) for places in members]
        order = np.concatenate(picks)
        ends = np.cumsum([len(places) for places in picks])
        inside = [np.arange(end - len(places), end) for end, places in zip(ends, picks)]
        drawn.append(_correlate_within(first[order], second[order], inside))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Comparison(value, float(low), float(high), count)


def _correlate_within(first: np.ndarray, second: np.ndarray, members: Sequence[np.ndarray]) -> float:
    from scipy.stats import rankdata

    products, squares = 0.0, np.zeros(2)
    for places in members:
        # Divided by the group's size, so that every pair weighs the same whatever group it is in.
        ranks = [(rankdata(side[places]) - (len(places) + 1) / 2) / len(places) for side in (first, second)]
        products += float(ranks[0] @ ranks[1])
        squares += [float(rank @ rank) for rank in ranks]
    return products / math.sqrt(squares.prod()) if squares.all() else 0.0


def _bootstrap(
    sample: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray], draws: int, seed: int, values: np.ndarray
) -> Comparison:
    picks = np.random.default_rng(seed).integers(0, len(sample), (require_count(draws, "draws"), len(sample)))
    found = np.sort(statistic(sample[picks]))
    # Ends as drawn: between a finite and an infinite ratio there is nothing to interpolate.
    low, high = found[int(0.025 * draws)], found[min(int(0.975 * draws), draws - 1)]
    return Comparison(float(statistic(sample)), float(low), float(high), len(sample), values)


# ---- rows


def select_rows(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Return the rows whose columns have the wanted values, by rising seed.

    Args:
        rows: as :func:`twm.training.places.read_models` returns them.
        wanted: column and value.

    Raises:
        UserError: if a column is unknown.
    """
    rows = list(rows)
    if rows:
        odd = sorted(set(wanted) - set(rows[0]))
        require(not odd, f"a table of models has no column {', '.join(odd)}")
    found = [row for row in rows if all(row[column] == value for column, value in wanted.items())]
    return sorted(found, key=lambda row: row["seed"])


def pair_rows(first: Iterable[Row], second: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows of two conditions for the seeds that both have, in the order of the seeds."""
    left, right = ({row["seed"]: row for row in rows} for rows in (first, second))
    seeds = sorted(set(left) & set(right))
    return [left[seed] for seed in seeds], [right[seed] for seed in seeds]


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
        rows: as :func:`twm.training.places.read_models` returns them; those of other tasks and sizes are left out.

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


@dataclass(frozen=True, eq=False)
class StartSummary:
    """All networks of one task and one start.

    Attributes:
        task: its name.
        init: how the initial weights were drawn, see :func:`twm.models.weights.draw_weights`.
        iterations: by seed, the first test with 99% of the signs right; ``None`` where there was none.
        cap: iterations after which a network was given up.
        ratio: iterations by those of the baseline, over the seeds of both; ``None`` for the baseline itself.
        rank_theory: eigenvalues that theory predicts.
        ranks: by seed, eigenvalues of the kept network with a magnitude above 0.9.
        argument_errors: of the networks with equal ranks, in radians.
    """

    task: str
    init: str
    iterations: dict[int, int | None]
    cap: int
    ratio: RatioSummary | None
    rank_theory: int
    ranks: dict[int, int]
    argument_errors: list[float]

    @property
    def reached(self) -> int:
        """How many networks came to 99%."""
        return sum(count is not None for count in self.iterations.values())

    @property
    def median(self) -> float:
        """Median iterations; a network that never arrived counts with the cap, so the median may be a lower bound."""
        return float(np.median([self.cap if count is None else count for count in self.iterations.values()]))


def summarise_starts(
    rows: Sequence[Mapping[str, Any]], baseline: str = "uniform"
) -> dict[tuple[str, str], StartSummary]:
    """Compare every start with a baseline, task by task.

    Networks of one seed share data, encoder and readout, so they are paired. A network of the start that never came to 99%
    counts as infinite, one of the baseline with the iterations it was given: both against the start.

    Args:
        rows: of a table of models, see :func:`twm.training.places.read_models`.
        baseline: the start to compare with.

    Returns:
        by (task, init), in the order of the rows.

    Raises:
        UserError: if a task has no network of the baseline, or a network occurs twice.
    """
    groups: dict[tuple[str, str], dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        runs = groups.setdefault((row["task"], row["init"]), {})
        require(row["seed"] not in runs, f"{row['task']}, {row['init']}, seed {row['seed']} occurs twice")
        runs[row["seed"]] = row
    found = {}
    for (task, init), runs in groups.items():
        require((task, baseline) in groups, f"{task} has no network with the initial weights {baseline!r}")
        ratio = None if init == baseline else summarise_ratio(runs, groups[task, baseline])
        found[task, init] = StartSummary(
            task,
            init,
            {seed: row["iterations_to_99"] for seed, row in runs.items()},
            max(row["iterations"] for group, rest in groups.items() if group[0] == task for row in rest.values()),
            ratio,
            next(iter(runs.values()))["rank_theory"],
            {seed: row["rank_network"] for seed, row in runs.items()},
            [row["argument_error"] for row in runs.values() if row["argument_error"] is not None],
        )
    return found


SequenceRow = Mapping[str, Any]

#: Table 1 of the paper: iterations until the adding task was solved, by length; ``None`` for never.
PAPER_ADDING = {
    "irnn": dict(zip(ADDING_LENGTHS, (14_000, 22_000, 30_000, None, None))),
    "wrnn": dict(zip(ADDING_LENGTHS, (300, 1_000, 1_000, 3_000, 2_000))),
}
#: Table 2 of the paper: accuracy in per cent on MNIST pixel by pixel and permuted.
PAPER_IMAGES = {
    "wRNN": (97.6, 96.7),
    "iRNN": (98.5, 92.5),
    "wRNN + MLP": (97.5, 97.6),
    "LSTM": (98.8, 92.9),
    "GRU": (99.1, 94.1),
}
#: Batch of the paper's copy task, by which its released code divides the loss once more.
RELEASED_BATCH = 128


def name_kind(row: SequenceRow) -> str:
    """Return what the paper calls the network of a row."""
    if row["network"] == "wrnn":
        return "wRNN + MLP" if row["mlp"] else "wRNN"
    return {"irnn": "iRNN", "lstm": "LSTM", "gru": "GRU"}[row["network"]]


def read_wait(row: SequenceRow) -> int:
    """Return the number in a task's name: the wait of ``copy:T``, the length of ``adding:T``."""
    return int(row["task"].partition(":")[2])


def pick_best(rows: Iterable[SequenceRow]) -> list[SequenceRow]:
    """Return for each task, network, size and seed the row of a grid with the best accuracy, then the lowest loss.

    Starts of weights count as different networks: they are what an ablation compares.
    """
    best: dict[tuple, SequenceRow] = {}
    for row in rows:
        key = tuple(
            row[name]
            for name in ("task", "network", "neurons", "channels", "mlp", "init", "encoder", "activation", "seed")
        )
        if key not in best or _rank(row) > _rank(best[key]):
            best[key] = row
    return list(best.values())


def _rank(row: SequenceRow) -> tuple[float, float]:
    return row["accuracy"], -float("inf") if row["loss"] is None else -row["loss"]


@dataclass(frozen=True)
class CopyCell:
    """One wait of the copy task.

    Attributes:
        wait: the paper's T.
        wave_loss: lowest test loss of the wave-RNN, the mean over seeds; ``None`` without rows.
        dense_loss: the lowest of the iRNNs' means over seeds.
        wave_accuracy: share of symbols recalled, the mean over seeds.
        dense_accuracy: of the iRNN with the lowest loss.
        iterations: fewest batches that any of the rows had.
        seeds: of the wave-RNN.
        faster: whether the wave-RNN's first accuracy of 0.99 came before the iRNN's in every seed; ``None`` if neither did.
    """

    wait: int
    wave_loss: float | None
    dense_loss: float | None
    wave_accuracy: float | None
    dense_accuracy: float | None
    iterations: int
    seeds: int
    faster: bool | None

    @property
    def ratio(self) -> float | None:
        """How many times lower the wave-RNN's loss is; ``None`` where one is missing or the loss is zero."""
        return self.dense_loss / self.wave_loss if self.wave_loss and self.dense_loss else None


def summarise_copy(rows: Sequence[SequenceRow]) -> list[CopyCell]:
    """Compare wave-RNN and iRNN at each wait that has rows of the wave-RNN, shortest first."""
    plain = [row for row in rows if row["init"] in ("shift", "identity") and row["encoder"] in ("single", "small")]
    cells = []
    for wait in sorted({read_wait(row) for row in plain}):
        own = pick_best(row for row in plain if read_wait(row) == wait)
        waves = [row for row in own if row["network"] == "wrnn" and row["init"] == "shift"]
        dense = [row for row in own if row["network"] == "irnn" and row["init"] == "identity"]
        if not waves:
            continue
        groups = [[row for row in dense if row["neurons"] == size] for size in {row["neurons"] for row in dense}]
        best = min(groups, key=_mean_loss, default=[])
        reached = [_first(waves), _first(best)] if best else [None, None]
        faster = None if reached == [None, None] else reached[1] is None or (reached[0] or 10**9) < reached[1]
        cells.append(
            CopyCell(
                wait, _mean_loss(waves), _mean_loss(best) if best else None, _mean(waves, "accuracy"),
                _mean(best, "accuracy") if best else None, min(row["iterations"] for row in (*waves, *best)),
                len({row["seed"] for row in waves}), faster,
            )
        )  # fmt: skip
    return cells


def _mean(rows: Sequence[SequenceRow], column: str) -> float:
    return sum(row[column] for row in rows) / len(rows)


def _mean_loss(rows: Sequence[SequenceRow]) -> float:
    losses = [float("inf") if row["loss"] is None else row["loss"] for row in rows]
    return sum(losses) / len(losses)


def _first(rows: Sequence[SequenceRow]) -> int | None:
    reached = [row["iterations_to_99"] for row in rows]
    return None if any(value is None for value in reached) else max(reached)


def describe_copy(cells: Sequence[CopyCell]) -> dict[str, Any]:
    """Return the numbers by which the copy claim is judged; cells without both networks are left out."""
    both = [cell for cell in cells if cell.ratio is not None]
    return {
        "waits": [cell.wait for cell in both],
        "missing": len(set(COPY_WAITS) - {cell.wait for cell in both}),
        "wave_losses": [cell.wave_loss for cell in both],
        "dense_losses": [cell.dense_loss for cell in both],
        "wave_loss_released": min((cell.wave_loss / RELEASED_BATCH for cell in both), default=0.0),
        "least_ratio": min((cell.ratio for cell in both), default=0.0),
        "iterations": min((cell.iterations for cell in both), default=0),
        "faster": all(cell.faster for cell in both if cell.faster is not None),
    }


def describe_hold(cells: Sequence[CopyCell]) -> dict[str, Any]:
    """Return the numbers by which the claim on how long each network holds is judged."""
    held = [cell.wait for cell in cells if cell.wave_accuracy is not None and cell.wave_accuracy >= 0.99]
    dense = {cell.wait: cell.dense_accuracy for cell in cells if cell.dense_accuracy is not None}
    return {
        "waits": [cell.wait for cell in cells],
        "wave_accuracies": [cell.wave_accuracy for cell in cells],
        "dense_waits": list(dense),
        "dense_accuracies": list(dense.values()),
        "longest_held": max(held, default=-1),
        "longest": max((cell.wait for cell in cells), default=-1),
        "dense_longest": max((wait for wait, accuracy in dense.items() if accuracy >= 0.99), default=-1),
    }


def describe_adding(rows: Sequence[SequenceRow]) -> dict[str, Any]:
    """Return the numbers by which the adding claim is judged: solved iterations of both networks by length."""
    found: dict[str, dict[int, list[int | None]]] = {"wrnn": {}, "irnn": {}}
    for row in rows:
        if row["network"] in found:
            found[row["network"]].setdefault(read_wait(row), []).append(row["solved_at"])
    solved = {
        network: {length: _middle(values) for length, values in sorted(cells.items())}
        for network, cells in found.items()
    }
    return {
        **{f"{network}_lengths": list(cells) for network, cells in solved.items()},
        # A median of never is written as 0, because a record holds numbers only.
        **{f"{network}_solved": [value or 0 for value in cells.values()] for network, cells in solved.items()},
        "missing": len(set(ADDING_LENGTHS) - set(solved["wrnn"])),
    }


def _middle(values: Sequence[int | None]) -> int | None:
    """Return the median, where never is later than any iteration; of an even number the later of the middle two."""
    ordered = sorted(float("inf") if value is None else value for value in values)
    middle = ordered[len(ordered) // 2]
    return None if middle == float("inf") else int(middle)


def list_adding(rows: Sequence[SequenceRow]) -> list[tuple[int, dict[str, tuple[list[int | None], list[int | None]]]]]:
    """Return Table 1 beside ours: by length, then by network, the paper's iterations and ours, one a seed.

    ``None`` stands for never; a list is empty where the paper has no such length, or we no row.
    """
    return [
        (
            length,
            {
                network: ([paper[length]] if length in paper else [], [row["solved_at"] for row in rows if (row["network"], read_wait(row)) == (network, length)])
                for network, paper in PAPER_ADDING.items()
            },
        )
        for length in sorted({read_wait(row) for row in rows})
    ]  # fmt: skip


def pick_usual(rows: Iterable[SequenceRow]) -> list[SequenceRow]:
    """Return the best rows of a grid, see :func:`pick_best`, in one size a network: that of most runs, then the largest.

    Of wave-RNNs those that start as a shift. Other sizes are there for the curve of :func:`list_sizes`.
    """
    rows = [row for row in rows if row["network"] != "wrnn" or row["init"] == "shift"]
    found = []
    for name in dict.fromkeys(map(name_kind, rows)):
        own = [row for row in rows if name_kind(row) == name]
        sizes = [row["parameters"] for row in own]
        usual = max(set(sizes), key=lambda size: (sizes.count(size), size))
        found += pick_best(row for row in own if row["parameters"] == usual)
    return found


def list_accuracies(rows: Iterable[SequenceRow]) -> dict[str, dict[int, float]]:
    """Return accuracies of :func:`pick_usual` in per cent, by what the paper calls a network, then by seed."""
    found: dict[str, dict[int, float]] = {}
    for row in pick_usual(rows):
        found.setdefault(name_kind(row), {})[row["seed"]] = 100 * row["accuracy"]
    return found


def name_ablation(row: SequenceRow) -> str | None:
    """Return which row of the paper's Table 4 a row is, or ``None``."""
    usual = {"w": ("shift", "single"), "i": ("identity", "small")}
    for name, changes in ABLATIONS.items():
        start = {"recurrent": usual[name[0]][0], "encoder": usual[name[0]][1], **changes}
        if row["network"][0] == name[0] and (row["init"], row["encoder"]) == (start["recurrent"], start["encoder"]):
            return name
    return None


def summarise_ablation(rows: Iterable[SequenceRow]) -> dict[str, dict[int, float]]:
    """Return mean lowest losses by row of Table 4, then by wait."""
    found: dict[str, dict[int, list[float]]] = {}
    for row in pick_best(rows):
        name = name_ablation(row)
        if name is not None and row["loss"] is not None:
            found.setdefault(name, {}).setdefault(read_wait(row), []).append(row["loss"])
    return {
        name: {wait: sum(values) / len(values) for wait, values in sorted(found[name].items())}
        for name in ABLATIONS
        if name in found
    }


def describe_ablation(losses: Mapping[str, Mapping[int, float]]) -> dict[str, Any]:
    """Return the numbers by which Table 4 is judged: in how many columns each of four orders is kept.

    The wave-RNN has the lowest loss of all (``best``); losing the shift costs it more than losing the encoder's start
    (``shift``); the shift helps the iRNN (``helped``); and so helped, with both, it is still above the wave-RNN (``above``).
    """
    kept, columns = dict.fromkeys(("best", "shift", "helped", "above"), 0), 0
    for wait in sorted({wait for row in losses.values() for wait in row}):
        column = {name: row[wait] for name, row in losses.items() if wait in row}
        if set(column) != set(ABLATIONS):
            continue
        columns += 1
        waves, dense, both = column["wRNN"], column["iRNN"], column["iRNN with shift-init and V-init"]
        kept["best"] += waves == min(column.values())
        kept["shift"] += column["wRNN without shift-init"] > column["wRNN without V-init"]
        kept["helped"] += column["iRNN with shift-init"] < dense
        kept["above"] += both > waves
    return {"columns": columns, "orders": 4 * columns, "kept": sum(kept.values()), **kept}


def describe_lead(
    rows: Sequence[SequenceRow], curves: Mapping[str, Sequence[Mapping[str, Any]]], epochs: int = 10
) -> dict[str, Any]:
    """Return how often the wave-RNN is ahead of the iRNN in the first tests, an epoch apart, of the same seed."""
    best = [
        row for row in pick_best(rows) if name_kind(row) in ("wRNN", "iRNN") and row["init"] in ("shift", "identity")
    ]
    waves, dense = ([row for row in best if row["network"] == network] for network in ("wrnn", "irnn"))
    waves = [row for row in waves if row["init"] == "shift"]
    ahead = looks = longest = 0
    for row in waves:
        rivals = [other for other in dense if other["seed"] == row["seed"]]
        if not rivals:
            continue
        rival = max(rivals, key=_rank)
        pairs = list(zip(curves.get(row["model"], ()), curves.get(rival["model"], ())))[:epochs]
        ahead += sum(own["test_accuracy"] > other["test_accuracy"] for own, other in pairs)
        looks, longest = looks + len(pairs), max(longest, len(pairs))
    return {"ahead": ahead, "looks": looks, "epochs": longest}


def list_sizes(rows: Iterable[SequenceRow]) -> dict[str, list[tuple[int, float]]]:
    """Return parameters and mean best accuracy in per cent of each size of wave-RNN (linear readout) and iRNN."""
    found: dict[str, dict[int, list[float]]] = {}
    for row in pick_best(rows):
        name = name_kind(row)
        if (
            name in ("wRNN", "iRNN")
            and row["init"] in ("shift", "identity")
            and (name == "iRNN" or row["init"] == "shift")
        ):
            found.setdefault(name, {}).setdefault(row["parameters"], []).append(100 * row["accuracy"])
    return {
        name: [(size, sum(values) / len(values)) for size, values in sorted(sizes.items())]
        for name, sizes in found.items()
    }


def describe_sizes(sizes: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any]:
    """Return in how many comparisons a wave-RNN is above an iRNN that has as many parameters or more."""
    pairs = above = 0
    for count, accuracy in sizes.get("iRNN", ()):
        smaller = [own for own in sizes.get("wRNN", ()) if own[0] <= count]
        if smaller:
            pairs += 1
            above += max(smaller)[1] > accuracy
    return {
        "pairs": pairs,
        "above": above,
        "sizes": [size for size, _ in (*sizes.get("wRNN", ()), *sizes.get("iRNN", ()))],
    }


#: Share of right signs over the trained range from which a network has learnt a history-dependent system.
LEARNT = 0.99


def name_bridge(row: SequenceRow) -> str:
    """Return the name of a network that was trained on a history-dependent system: its kind and what is not as usual."""
    horizon = row["task"].partition(":")[2].partition(",")[0]
    units = f", {row['hidden']} units, {horizon} steps" if row["network"] in ("lstm", "gru") else ""
    return name_kind(row) + (" (tanh)" if row["activation"] == "tanh" else "") + units


def describe_bridge(answers: Mapping[tuple[str, int], Mapping[str, float]]) -> dict[str, Any]:
    """Return the numbers by which the claim is judged that such networks are travelling-wave memories too.

    Args:
        answers: by :func:`name_bridge` and seed, what :meth:`twm.analysis.report.MachineAnalysis.summarise` returned, with the
            accuracy over the trained range as ``trained``.

    Returns:
        for the wave-RNN (``wave``), that with tanh (``tanh``) and the LSTM (``lstm``) how many there are and have learnt
        their task, and over those that have the least of each figure; of the control, which must fail, the largest.
    """
    found: dict[str, Any] = {}
    for short in ("wave", "tanh", "lstm"):
        title = {"wave": "wRNN", "tanh": "wRNN (tanh)", "lstm": "LSTM"}[short]
        own = [value for (name, _), value in answers.items() if name.partition(",")[0] == title]
        learnt = [value for value in own if value["trained"] >= LEARNT]
        found |= {f"{short}_networks": len(own), f"{short}_learnt": len(learnt)}
        for key in ("r2", "r2_settled", "interventions", "accuracy") if learnt else ():
            found[f"{short}_{key}"] = min(value[key] for value in learnt)
        if learnt:
            found[f"{short}_elsewhere"] = max(value["elsewhere"] for value in learnt)
    return found
