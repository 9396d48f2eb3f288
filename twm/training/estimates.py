"""Statistics over seeds: means with intervals, and rank correlations within groups."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from twm.errors import require

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number over seeds with its 95% interval."""

    value: float | None  # None without a seed
    low: float | None  # None where there are too few seeds for an interval
    high: float | None
    count: int  # seeds, or pairs of them
    values: np.ndarray = field(default_factory=lambda: np.empty(0), repr=False)  # (count,); empty for a correlation

    half_width = property(lambda self: None if self.low is None else (self.high - self.low) / 2)


def estimate_mean(values: Sequence[float]) -> Estimate:
    """Return the mean of finite numbers, one per seed, with an interval from Student's t distribution."""
    numbers = np.array(values, dtype=float)
    require(bool(np.isfinite(numbers).all()), "a mean needs finite values: leave out and count undefined ones")
    count, mean = len(numbers), float(numbers.mean()) if len(numbers) else None
    if count < 2:
        return Estimate(mean, None, None, count, numbers)
    reach = float(stats.t.ppf(0.975, count - 1) * numbers.std(ddof=1) / math.sqrt(count))
    return Estimate(mean, mean - reach, mean + reach, count, numbers)


def correlate_ranks(
    first: Sequence[float], second: Sequence[float], groups: Sequence[Any] | None = None, draws: int = 2_000
) -> Estimate:
    """Return Spearman's rank correlation of three or more pairs, with ranks within groups; 0 if a side is constant."""
    labels = pd.Series([0] * len(first) if groups is None else [*map(str, groups)])
    counts = len(first), len(second), len(labels)
    require(len(set(counts)) == 1 and counts[0] >= 3, f"ranks need three or more pairs with a group each, not {counts}")
    sides = np.array([first, second], dtype=float)
    require(bool(np.isfinite(sides).all()), "ranks need finite numbers")
    members = [np.flatnonzero(labels == label) for label in labels.unique()]
    rng = np.random.default_rng(0)
    drawn = [_correlate(sides, [rng.choice(places, len(places)) for places in members]) for _ in range(draws)]
    # In a resample in which a side is constant, there is no correlation.
    low, high = np.percentile([value for value in drawn if not math.isnan(value)] or 0.0, [2.5, 97.5])
    return Estimate(float(np.nan_to_num(_correlate(sides, members))), float(low), float(high), len(first))


def _correlate(sides: np.ndarray, members: Sequence[np.ndarray]) -> float:
    # Divided by the group's size, so that every pair has the same weight in any group.
    ranks = [(stats.rankdata(sides[:, own], axis=1) - (len(own) + 1) / 2) / len(own) for own in members]
    first, second = np.concatenate(ranks, axis=1)
    norm = math.sqrt((first @ first) * (second @ second))
    return float(first @ second) / norm if norm else math.nan


def pair_rows(first: Iterable[Row], second: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Return the rows of two conditions for the seeds that both have, in the order of the seeds."""
    listed = [[(row["seed"], row) for row in rows] for rows in (first, second)]
    left, right = map(dict, listed)
    require([len(left), len(right)] == [*map(len, listed)], "two rows have the same seed: select one setting")
    seeds = sorted(set(left) & set(right))
    return [left[seed] for seed in seeds], [right[seed] for seed in seeds]
