"""Means, ranks and starts: against scipy, against drawn data, and what they must not be fooled by."""

import math

import numpy as np
import pytest
from scipy import stats

from tests.conftest import refusals
from twm.training.estimates import correlate_ranks, estimate_mean, pair_rows
from twm.training.tables import compare_gaussian, summarise_starts


def test_the_mean_has_students_interval_from_two_seeds_on():
    for count in (2, 3, 20):
        values = np.random.default_rng(count).normal(3, 2, count)
        found = estimate_mean(values)
        low, high = stats.t.interval(0.95, count - 1, values.mean(), stats.sem(values))
        assert (found.value, found.low, found.high) == pytest.approx((values.mean(), low, high))
        assert found.count == count and found.half_width == pytest.approx((high - low) / 2)
    for values, mean in (([0.25], 0.25), ([], None)):
        found = estimate_mean(values)
        assert (found.value, found.low, found.high, found.half_width) == (mean, None, None, None)


def test_one_group_is_spearmans_correlation():
    rng, count = np.random.default_rng(8), 8
    first = rng.normal(size=count)
    # Rounded, so that there are ties.
    second = np.round(first + rng.normal(size=count), 1)
    found = correlate_ranks(first, second, draws=200)
    assert found.value == pytest.approx(stats.spearmanr(first, second).statistic)
    assert correlate_ranks(first, second, ["a"] * count, draws=200).low == found.low
    assert correlate_ranks(np.exp(first), second, draws=10).value == pytest.approx(found.value)
    assert found.low <= found.value <= found.high and found.count == count and found.values.size == 0


def test_a_difference_between_groups_alone_is_no_relation():
    rng = np.random.default_rng(3)
    groups, level = np.repeat(["easy", "hard", "odd"], 40), np.repeat([0.0, 50.0, 100.0], 40)
    first, second = level + rng.normal(size=120), level + rng.normal(size=120)
    assert correlate_ranks(first, second, draws=100).value > 0.85
    within = correlate_ranks(first, second, groups, draws=500)
    assert abs(within.value) < 0.2 and within.low <= 0 <= within.high
    assert correlate_ranks(first, second, [None if name == "easy" else name for name in groups], draws=9).value == within.value
    # A relation within groups is seen against the groups, and keeps its sign.
    places, pair = np.arange(40.0), np.tile(["a", "b"], 20)
    for sign in (1, -1):
        found = correlate_ranks(places, sign * (places - 1000.0 * (pair == "b")), pair, draws=100)
        assert found.value == pytest.approx(sign) and found.low * found.high > 0


def test_groups_weigh_by_their_pairs_and_a_side_that_does_not_vary_is_unrelated():
    # Within "a" ranks agree, within "b" they are reversed: together nothing if they are as large, else the larger wins.
    short, long = np.arange(10.0), np.arange(30.0)
    for rising, value in ((short, 0), (long, (30 - 10) / 40)):
        groups = ["a"] * len(rising) + ["b"] * 10
        found = correlate_ranks([*rising, *short], [*rising, *short[::-1]], groups, draws=10)
        assert found.value == pytest.approx(value, abs=0.01)
    assert correlate_ranks([1, 1, 1], [1, 2, 3], draws=20).value == 0
    assert correlate_ranks([1, 2, 3], [1, 2, 3], ["a", "b", "c"], draws=20).value == 0
    small = correlate_ranks([1, 2, 10, 20], [1, 2, 10, 20], ["a", "a", "b", "b"])
    assert small.value == small.low == small.high == pytest.approx(1), "a resample of equal pairs says nothing"


def test_rows_are_paired_by_the_seeds_that_both_have():
    right = [{"seed": seed, "side": "right"} for seed in (5, 2, 1)]
    left, found = pair_rows([{"seed": seed, "side": "left"} for seed in (3, 2, 0, 1)], right)
    assert [row["seed"] for row in left] == [1, 2] and found == right[:0:-1] and left[0]["side"] == "left"


def make_start(task, init, seed, reached, rank=8, error=None):
    return {
        "task": task, "init": init, "seed": seed, "iterations": reached or 5000, "iterations_to_99": reached,
        "rank_theory": 8, "rank_network": rank, "argument_error": error,
    }  # fmt: skip


STARTS = [
    *(make_start("T1", "uniform", seed, count) for seed, count in enumerate((1000, 2000, None))),
    *(make_start("T1", "wave", seed, count, 8, 0.5) for seed, count in enumerate((100, 100, 250))),
    *(make_start("T1", "identity", seed, None, 9) for seed in range(3)),
    make_start("T2", "uniform", 0, 400),
    make_start("T2", "wave", 0, 800),
]


def test_starts_are_paired_by_task_and_seed_and_missing_runs_count_against_them():
    found = summarise_starts(iter(STARTS))
    assert list(found) == [("T1", "uniform"), ("T1", "wave"), ("T1", "identity"), ("T2", "uniform"), ("T2", "wave")]
    assert found["T1", "uniform"].ratio is None and found["T2", "wave"].ratio.ratio == 2
    wave, identity = found["T1", "wave"], found["T1", "identity"]
    # The default that never arrived counts with the iterations it was given, so 250 / 5000 is an upper limit.
    np.testing.assert_allclose(sorted(wave.ratio.ratios), [0.05, 0.05, 0.1])
    assert (wave.reached, wave.median, wave.cap, wave.ratio.second_missed) == (3, 100, 5000, 1)
    assert identity.reached == 0 and identity.median == 5000 and np.isinf(identity.ratio.low)
    assert wave.argument_errors == [0.5] * 3 and wave.rank_theory == 8
    assert identity.argument_errors == []
    other = summarise_starts(STARTS[:6], baseline="wave")
    assert other["T1", "wave"].ratio is None and other["T1", "uniform"].ratio.ratio > 1


def test_gaussian_starts_are_compared_for_each_d_without_the_pairs_that_did_not_learn():
    rows = [
        {"task": f"repeat-copy:8,{dim}", "init": init, "seed": seed, "accuracy_1x": 0.5 if seed == 3 else 1.0,
         "radius": 1 + more * (0.1 + seed / 1000), "accuracy_10x": 0.8 + more * (0.1 if dim == 4 else -0.1),
         "accuracy_100x": 0.6, "argument_error": 0.001 if seed else None}
        for dim in (8, 4) for more, init in enumerate(("uniform", "gaussian")) for seed in range(4)
    ]  # fmt: skip
    found = compare_gaussian(rows)
    assert (found["dims"], found["pairs"], found["left_out"], found["larger"]) == ([4, 8], [3, 3], [1, 1], [3, 3])
    assert found["gained"] == pytest.approx([0.1, -0.1]) and found["differences"] == pytest.approx([0.101] * 2)
    assert found["spearmans"][0] > 0 > found["spearmans"][1] and found["angles"] == pytest.approx([2 / 3] * 2)


test_what_cannot_be_summarised_is_refused = refusals(
    (lambda: estimate_mean([1.0, math.nan]), "finite"), (lambda: correlate_ranks([1, 2, 3], [1, 2, 3], ["a"]), "a group each"),
    (lambda: summarise_starts(STARTS[3:6]), "uniform"), (lambda: summarise_starts([*STARTS, STARTS[0]]), "twice"),
    (lambda: pair_rows(STARTS, [STARTS[0]] * 2), "same seed"),
)  # fmt: skip
