"""Means, paired differences and ranks over seeds: against scipy, against drawn data, and what they must not be fooled by."""

import math

import numpy as np
import pytest
from scipy import stats
from twm.errors import UserError
from twm.training.tables import (
    Comparison,
    compare_iterations,
    compare_paired,
    correlate_ranks,
    pair_rows,
    select_rows,
    summarise_mean,
)


def make_rows(iterations, total=1000):
    return [{"seed": seed, "iterations_to_99": reached, "iterations": total} for seed, reached in enumerate(iterations)]


# ---- means


@pytest.mark.parametrize("count", [2, 3, 20])
def test_the_mean_has_students_interval(count):
    values = np.random.default_rng(count).normal(3, 2, count)
    found = summarise_mean(values)
    low, high = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
    assert found.value == pytest.approx(values.mean()) and found.count == count
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.half_width == pytest.approx((high - low) / 2)


def test_one_value_has_no_interval_and_none_has_no_mean():
    one, none = summarise_mean([0.25]), summarise_mean([])
    assert (one.value, one.low, one.high, one.half_width, one.count) == (0.25, None, None, None, 1)
    assert (none.value, none.low, none.high, none.half_width, none.count) == (None, None, None, None, 0)
    assert summarise_mean(value for value in (1, 1, 1)).half_width == 0


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_a_mean_leaves_out_nothing_by_itself(odd):
    with pytest.raises(UserError, match="finite"):
        summarise_mean([1.0, odd])


# ---- paired seeds


def test_paired_differences_have_a_sign_and_are_kept():
    found = compare_paired([3, 5, 9], [1, 2, 3])
    assert found.value == pytest.approx(11 / 3) and found.count == 3
    assert found.values.tolist() == [2, 3, 6]
    assert 2 <= found.low <= found.value <= found.high <= 6
    back = compare_paired([1, 2, 3], [3, 5, 9])
    assert back.value == -found.value and back.values.tolist() == [-2, -3, -6]
    assert found.excludes(0) and found.excludes(6.1) and not found.excludes(found.low) and not found.excludes(3.5)


def test_pairing_takes_away_what_seeds_share():
    """A difference far smaller than the spread over seeds is seen, because every seed has it."""
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 100, 20)
    found = compare_paired(shared + 1 + rng.normal(0, 0.1, 20), shared)
    assert found.excludes(0) and not found.excludes(1) and found.high - found.low < 0.2


def test_the_bootstrap_is_deterministic_and_a_function_of_its_arguments():
    first, second = np.random.default_rng(0).normal(size=(2, 12))
    found, again = compare_paired(first, second), compare_paired(first, second)
    assert (found.value, found.low, found.high) == (again.value, again.low, again.high)
    other, fewer = compare_paired(first, second, seed=1), compare_paired(first, second, draws=50)
    assert other.value == found.value == fewer.value
    assert (other.low, other.high) != (found.low, found.high) != (fewer.low, fewer.high)
    ranks = [correlate_ranks(first, second, draws=100, seed=seed) for seed in (0, 0, 1)]
    assert (ranks[0].low, ranks[0].high) == (ranks[1].low, ranks[1].high) != (ranks[2].low, ranks[2].high)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    samples = rng.normal(0.7, 1.0, (300, 25))
    hits = sum(not compare_paired(sample, np.zeros(25), draws=400).excludes(0.7) for sample in samples)
    # A percentile bootstrap of 25 values covers a little less than 95%: the normal deviate without Student's excess.
    assert 0.88 <= hits / 300 <= 0.98
    widths = [compare_paired(sample, np.zeros(25), draws=400) for sample in samples[:40]]
    assert np.mean([w.high - w.low for w in widths]) == pytest.approx(2 * 1.96 / 25**0.5, rel=0.1)


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        ([1], [1, 2], "1 and 2"),
        ([], [], "0 and 0"),
        ([1, math.nan], [1, 2], "finite"),
        ([1, math.inf], [1, 2], "finite"),
    ],
)
def test_pairs_that_are_none_are_refused(first, second, says):
    with pytest.raises(UserError, match=says):
        compare_paired(first, second)


# ---- iterations


def test_iterations_are_compared_by_the_median_of_their_ratios():
    found = compare_iterations(make_rows([100, 300, 200]), make_rows([200, 300, 800]))
    assert found.values.tolist() == [0.5, 1.0, 0.25] and found.value == 0.5 and found.count == 3
    assert (found.low, found.high) == (0.25, 1.0)


def test_a_run_that_never_got_there_counts_against_the_first_condition():
    # The first's own is infinite; the second's counts as done with its last iteration, which is in its favour.
    first = compare_iterations(make_rows([100, None, 100]), make_rows([200, 200, 200]))
    assert first.values.tolist() == [0.5, math.inf, 0.5] and first.value == 0.5
    assert first.low == 0.5 and first.high == math.inf
    second = compare_iterations(make_rows([100, 100, 100]), make_rows([200, None, 200], total=1000))
    assert second.values.tolist() == [0.5, 0.1, 0.5]
    both = compare_iterations(make_rows([None]), make_rows([None]))
    assert both.value == both.low == both.high == math.inf and both.excludes(1)


def test_a_majority_of_missing_runs_makes_the_median_infinite():
    found = compare_iterations(make_rows([None, None, 10, 10]), make_rows([20] * 4))
    assert found.value == math.inf and found.low == 0.5 and found.high == math.inf
    assert not found.excludes(1)


def test_iterations_of_other_seeds_are_refused():
    rows = make_rows([1, 2, 3])
    for second in (rows[:2], rows[::-1], []):
        with pytest.raises(UserError, match="same seeds"):
            compare_iterations(rows, second)
    with pytest.raises(UserError, match="same seeds"):
        compare_iterations([], [])


# ---- ranks


@pytest.mark.parametrize("count", [3, 8, 60])
def test_one_group_is_spearmans_correlation(count):
    rng = np.random.default_rng(count)
    first = rng.normal(size=count)
    # Rounded, so that there are ties.
    second = np.round(first + rng.normal(size=count), 1)
    found = correlate_ranks(first, second, draws=200)
    assert found.value == pytest.approx(stats.spearmanr(first, second).statistic)
    assert correlate_ranks(first, second, ["a"] * count, draws=200).value == pytest.approx(found.value)
    assert correlate_ranks(np.exp(first), second, draws=10).value == pytest.approx(found.value)
    assert found.low <= found.value <= found.high and found.count == count and found.values.size == 0


def test_a_difference_between_groups_alone_is_no_relation():
    """Simpson: groups far apart on both axes, independent within; over all at once the correlation is large."""
    rng = np.random.default_rng(3)
    groups = np.repeat(["easy", "hard", "odd"], 40)
    level = np.repeat([0.0, 50.0, 100.0], 40)
    first, second = level + rng.normal(size=120), level + rng.normal(size=120)
    assert correlate_ranks(first, second, draws=100).value > 0.85
    within = correlate_ranks(first, second, groups, draws=500)
    assert abs(within.value) < 0.2 and not within.excludes(0)


def test_a_relation_within_groups_is_seen_against_the_groups():
    groups = np.tile(["a", "b"], 20)
    first = np.arange(40.0)
    second = first - 1000.0 * (groups == "b")
    # Any order of the pairs gives the same, and the sign is kept.
    order = np.random.default_rng(0).permutation(40)
    for sign in (1, -1):
        found = correlate_ranks(first[order], sign * second[order], groups[order], draws=100)
        assert found.value == pytest.approx(sign) and found.excludes(0)


def test_groups_weigh_by_their_pairs():
    # Within "a" ranks agree, within the as large "b" they are reversed: together nothing. A larger "a" wins.
    rising, falling = np.arange(10.0), np.arange(10.0)[::-1]
    groups = ["a"] * 10 + ["b"] * 10
    assert correlate_ranks([*rising, *rising], [*rising, *falling], groups, draws=10).value == pytest.approx(0)
    long = np.arange(30.0)
    value = correlate_ranks([*long, *rising], [*long, *falling], ["a"] * 30 + ["b"] * 10, draws=10).value
    assert value == pytest.approx((30 - 10) / 40, abs=0.01)


def test_a_side_that_does_not_vary_is_unrelated():
    assert correlate_ranks([1, 1, 1], [1, 2, 3], draws=20).value == 0
    assert correlate_ranks([1, 2, 3], [1, 2, 3], ["a", "b", "c"], draws=20).value == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([1, 2], [1, 2]), "at least three"),
        (([1, 2, 3], [1, 2]), "3 and 2"),
        (([1, 2, 3], [1, 2, 3], ["a"]), "one group a pair"),
    ],
)
def test_ranks_of_what_does_not_fit_are_refused(arguments, says):
    with pytest.raises(UserError, match=says):
        correlate_ranks(*arguments)
    with pytest.raises(UserError, match="draws"):
        correlate_ranks([1, 2, 3], [1, 2, 3], draws=0)


# ---- rows


def test_rows_are_selected_by_every_column_and_rise_by_seed():
    rows = [{"task": task, "seed": seed, "l2": l2} for seed in (2, 0, 1) for task in ("T1", "T2") for l2 in (0.0, 0.1)]
    found = select_rows(rows, task="T1", l2=0.0)
    assert [row["seed"] for row in found] == [0, 1, 2] and all(row["task"] == "T1" and row["l2"] == 0 for row in found)
    assert len(select_rows(iter(rows))) == len(rows) and select_rows(rows, task="T9") == []


def test_an_unknown_column_is_refused():
    with pytest.raises(UserError, match="no column colour, size"):
        select_rows([{"seed": 0}], size=1, colour=2)
    assert select_rows([], size=1) == []


def test_rows_are_paired_by_the_seeds_that_both_have():
    first = [{"seed": seed, "side": "left"} for seed in (3, 0, 1)]
    second = [{"seed": seed, "side": "right"} for seed in (1, 2, 3)]
    left, right = pair_rows(first, second)
    assert [row["seed"] for row in left] == [row["seed"] for row in right] == [1, 3]
    assert {row["side"] for row in left} == {"left"} and {row["side"] for row in right} == {"right"}
    assert pair_rows(first, []) == ([], [])


def test_an_interval_tells_what_it_excludes():
    interval = Comparison(0.5, 0.2, 0.8, 4)
    assert [interval.excludes(number) for number in (0.1, 0.2, 0.5, 0.8, 0.9)] == [True, False, False, False, True]
