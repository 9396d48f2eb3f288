"""The rules of 01_theory: each accepts what the ledger accepts, and each can return ``differs``."""

import pytest
from twm.book import rules_theory as rules

PASSING = {
    rules.judge_recursion: {
        "error_scalar": 2e-16, "error_vector": 0.0, "error_nonlinear": 1e-15, "integer_mismatches": 0, "integer_terms": 303,
    },
    rules.judge_unit_courant_shift: {"error_at_one": 0.0, "orders": [0.995, 1.01], "growth": [1.1, 1.4]},
    rules.judge_independent_waves: {"crosstalk": 0.0, "echo": 0.0, "boundary_error": 0.0, "cells": 24},
    rules.judge_snapshot: {"events": 470, "listed": 470, "wrong": 0, "older_events": 3000, "snapshots": 200},
    rules.judge_representation: {
        "systems": 1000, "equal": 1000, "largest_error": 0.0, "linear": 250,
        "rejected_printed": 1.0, "rejected_reversed": 0.99, "rejected_noise": 1.0,
    },
}  # fmt: skip

CHANGES = [
    (rules.judge_recursion, {"error_scalar": 1e-11}, "partly"),
    (rules.judge_recursion, {"integer_mismatches": 1}, "partly"),
    (rules.judge_recursion, {"error_scalar": 1e-11, "error_vector": 1e-11}, "differs"),
    (rules.judge_unit_courant_shift, {"error_at_one": 1e-17}, "partly"),
    (rules.judge_unit_courant_shift, {"orders": [0.995, 0.9]}, "partly"),
    (rules.judge_unit_courant_shift, {"growth": [1.0, 1.4]}, "partly"),
    (rules.judge_unit_courant_shift, {"orders": [2.0], "growth": [0.9]}, "differs"),
    (rules.judge_independent_waves, {"crosstalk": 1e-16}, "partly"),
    (rules.judge_independent_waves, {"echo": 0.1, "boundary_error": 0.1}, "differs"),
    (rules.judge_independent_waves, {"echo": 0.1, "boundary_error": 0.1, "crosstalk": 1.0}, "differs"),
    (rules.judge_snapshot, {"listed": 471}, "differs"),
    (rules.judge_snapshot, {"wrong": 1}, "differs"),
    (rules.judge_snapshot, {"older_events": 0}, "differs"),
    (rules.judge_representation, {"equal": 999, "largest_error": 1e-3}, "differs"),
    (rules.judge_representation, {"largest_error": 1e-11}, "differs"),
    (rules.judge_representation, {"linear": 1000}, "differs"),
    (rules.judge_representation, {"rejected_printed": 0.1}, "partly"),
    (rules.judge_representation, {"rejected_printed": 0.1, "equal": 10}, "differs"),
]


@pytest.mark.parametrize("judge", PASSING)
def test_numbers_that_the_ledger_accepts_are_reproduced(judge):
    outcome = judge(PASSING[judge])
    assert outcome.verdict == "reproduced" and outcome.value and not outcome.reason


@pytest.mark.parametrize(("judge", "change", "verdict"), CHANGES)
def test_a_number_out_of_bounds_changes_the_verdict_and_says_why(judge, change, verdict):
    outcome = judge(PASSING[judge] | change)
    assert outcome.verdict == verdict and outcome.reason


@pytest.mark.parametrize("judge", PASSING)
def test_a_missing_number_is_not_taken_for_a_pass(judge):
    for key in PASSING[judge]:
        with pytest.raises(KeyError):
            judge({name: value for name, value in PASSING[judge].items() if name != key})
