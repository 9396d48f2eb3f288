"""Starts are compared with the default start of the same task and seed, and missing runs count against them."""

import numpy as np
import pytest
from twm.errors import UserError
from twm.training.tables import summarise_starts


def make_row(task, init, seed, reached, rank=8, error=None):
    return {
        "task": task, "init": init, "seed": seed, "iterations": reached or 5000, "iterations_to_99": reached,
        "rank_theory": 8, "rank_network": rank, "argument_error": error,
    }  # fmt: skip


ROWS = [
    *(make_row("T1", "uniform", seed, count) for seed, count in enumerate((1000, 2000, None))),
    *(make_row("T1", "wave", seed, count, 8, 0.5) for seed, count in enumerate((100, 100, 250))),
    *(make_row("T1", "identity", seed, None, 9) for seed in range(3)),
    make_row("T2", "uniform", 0, 400),
    make_row("T2", "wave", 0, 800),
]


def test_ratios_are_paired_by_task_and_seed():
    found = summarise_starts(ROWS)
    assert list(found) == [("T1", "uniform"), ("T1", "wave"), ("T1", "identity"), ("T2", "uniform"), ("T2", "wave")]
    assert found["T1", "uniform"].ratio is None
    wave = found["T1", "wave"]
    # The default that never arrived counts with the iterations it was given, so 250 / 5000 is an upper limit.
    np.testing.assert_allclose(sorted(wave.ratio.ratios), [0.05, 0.05, 0.1])
    assert (wave.reached, wave.median, wave.cap, wave.ratio.second_missed) == (3, 100, 5000, 1)
    assert found["T2", "wave"].ratio.ratio == 2
    identity = found["T1", "identity"]
    assert identity.reached == 0 and identity.median == 5000 and np.isinf(identity.ratio.low)


def test_spectra_are_counted_where_ranks_agree():
    found = summarise_starts(ROWS)
    assert found["T1", "wave"].argument_errors == [0.5] * 3 and found["T1", "identity"].argument_errors == []
    assert found["T1", "identity"].ranks == {0: 9, 1: 9, 2: 9} and found["T1", "wave"].rank_theory == 8


def test_a_comparison_without_a_baseline_or_with_doubles_is_refused():
    with pytest.raises(UserError, match="uniform"):
        summarise_starts(ROWS[3:6])
    with pytest.raises(UserError, match="twice"):
        summarise_starts([*ROWS, ROWS[0]])
    other = summarise_starts(ROWS[:6], baseline="wave")
    assert other["T1", "wave"].ratio is None and other["T1", "uniform"].ratio.ratio > 1
