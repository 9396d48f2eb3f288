"""What tables of models come to: means with intervals, differences over paired seeds, ranks.

A table has one row a model, seed by seed, failed seeds included. Every summary here says on how many seeds it rests, and
none of them leaves a seed out for its result.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twm.errors import require, require_count

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
        rows: as :func:`twm.training.read_models` returns them.
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
