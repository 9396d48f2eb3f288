"""The rules of the training claims: good numbers pass, and each number that can be wrong changes the verdict."""

import pytest
from twm.book.ledger import load_rules, read_ledger

GOOD = {
    "twm.tasks": {"ranks": [64, 36, 36, 36], "entries_per_output": 1, "components": 1000, "outside_binary": 0},
    "twm.table1.acc": {
        "cells": 24, "cells_of_table": 24, "least_seeds": 20, "agree": 24, "settled": 24, "largest_gap": 0.04, "disagree": [],
        "final_agree": 15,
    },
    "twm.table1.mae": {
        "cells": 24, "cells_of_table": 24, "least_seeds": 20, "agree": 24, "numbers": 12, "numbers_agree": 12, "dashes": 12,
        "dashes_agree": 12, "disagree": [], "largest_matching_gap": 0.0,
    },
    "twm.table1.converge": {"accurate": 100, "equal_rank": 95, "converged": 90},
    "twm.bottleneck": {"compressed": 3, "seeds": 5, "least_rank": 40, "largest_rank": 64, "accuracy": 0.97},
    "twm.generalise": {"spearman": 0.5, "low": 0.3, "high": 0.7, "accurate": 100, "kept_at_10x": 51},
    "twm.curriculum": {
        "ratio": 0.5, "ratio_low": 0.4, "ratio_high": 0.6, "accuracy_difference": 0.0, "accuracy_low": -0.01,
        "accuracy_high": 0.01, "rank_difference": 0.5, "rank_low": -1.0, "rank_high": 2.0, "pairs": 20,
    },
    "twm.table2": {"tasks": ["T1", "T2"], "accuracies": [0.99, 1.0]},
    "twm.fig12": {"larger": 6, "pairs": 10, "difference": 0.02, "angles_uniform": 10, "angles_gaussian": 9},
    "twm.fib.learn": {
        "seeds": 10, "failed": 10, "trained": 10, "latest_right": 13, "last_possible": 13, "predicted_raw": 0.06, "raw": 0.06,
        "corrected": 0.002, "far": 0.9,
    },
}  # fmt: skip

CHANGES = [
    ("twm.tasks", {"ranks": [64, 36, 36, 35]}, "differs"),
    ("twm.tasks", {"ranks": [36, 64, 36, 36]}, "differs"),
    ("twm.tasks", {"ranks": [64, 36, 36]}, "differs"),
    ("twm.tasks", {"entries_per_output": 2}, "differs"),
    ("twm.tasks", {"outside_binary": 1}, "differs"),
    ("twm.table1.acc", {"agree": 23, "settled": 23, "disagree": ["T1 (64 neurons, L2 0)"]}, "partly"),
    ("twm.table1.acc", {"settled": 23}, "partly"),
    ("twm.table1.acc", {"cells": 23, "agree": 23, "settled": 23}, "partly"),
    ("twm.table1.acc", {"agree": 16, "settled": 16, "disagree": ["T1 (64 neurons, L2 0)"]}, "partly"),
    ("twm.table1.acc", {"agree": 16, "settled": 0, "disagree": ["T1 (64 neurons, L2 0)"]}, "partly"),
    ("twm.table1.acc", {"agree": 15, "settled": 15, "disagree": ["T1 (64 neurons, L2 0)"]}, "differs"),
    ("twm.table1.mae", {"agree": 23, "numbers_agree": 11, "disagree": ["T2 (64 neurons, L2 0)"]}, "partly"),
    ("twm.table1.mae", {"agree": 23, "dashes_agree": 11, "disagree": ["T1 (64 neurons, L2 0)"]}, "partly"),
    ("twm.table1.mae", {"cells": 22, "agree": 22, "numbers": 11, "numbers_agree": 11}, "partly"),
    ("twm.table1.mae", {"agree": 18, "numbers_agree": 6}, "partly"),
    ("twm.table1.mae", {"agree": 15, "numbers_agree": 7, "dashes_agree": 8}, "differs"),
    ("twm.table1.mae", {"agree": 17, "numbers_agree": 5}, "differs"),
    ("twm.table1.mae", {"agree": 17, "dashes_agree": 5}, "differs"),
    ("twm.table1.converge", {"converged": 89}, "partly"),
    ("twm.table1.converge", {"converged": 50}, "partly"),
    ("twm.table1.converge", {"converged": 49}, "differs"),
    ("twm.table1.converge", {"accurate": 0, "equal_rank": 0, "converged": 0}, "differs"),
    ("twm.bottleneck", {"compressed": 2}, "differs"),
    ("twm.bottleneck", {"seeds": 6}, "differs"),
    ("twm.generalise", {"low": 0.0}, "partly"),
    ("twm.generalise", {"spearman": -0.5, "low": -0.7, "high": -0.3}, "partly"),
    ("twm.generalise", {"kept_at_10x": 50}, "partly"),
    ("twm.generalise", {"low": -0.1, "kept_at_10x": 50}, "differs"),
    ("twm.curriculum", {"ratio_high": 1.0}, "partly"),
    ("twm.curriculum", {"accuracy_low": 0.001}, "partly"),
    ("twm.curriculum", {"accuracy_high": -0.001}, "partly"),
    ("twm.curriculum", {"rank_low": 0.1}, "partly"),
    ("twm.curriculum", {"rank_high": -0.1}, "partly"),
    ("twm.curriculum", {"ratio_high": 1.0, "rank_low": 0.1}, "differs"),
    ("twm.curriculum", {"ratio_high": 1.0, "accuracy_high": -0.001}, "differs"),
    ("twm.table2", {"accuracies": [0.9899, 1.0]}, "partly"),
    ("twm.table2", {"tasks": ["T2"], "accuracies": [1.0]}, "partly"),
    ("twm.table2", {"accuracies": [0.9899, 0.5]}, "differs"),
    ("twm.fig12", {"larger": 5}, "partly"),
    ("twm.fig12", {"angles_uniform": 8}, "partly"),
    ("twm.fig12", {"angles_gaussian": 8}, "partly"),
    ("twm.fig12", {"larger": 1, "pairs": 1, "angles_uniform": 1, "angles_gaussian": 1}, "partly"),
    ("twm.fig12", {"larger": 5, "angles_gaussian": 7}, "differs"),
    ("twm.fib.learn", {"failed": 9}, "partly"),
    ("twm.fib.learn", {"failed": 5}, "differs"),
    ("twm.fib.learn", {"latest_right": 14}, "differs"),
]

REASONS = [
    ("twm.table1.acc", {"agree": 23, "settled": 23, "disagree": ["T1 (64 neurons, L2 0)"]}, "T1 (64 neurons, L2 0)"),
    ("twm.table1.acc", {"settled": 23}, "Too few seeds"),
    (
        "twm.table1.mae",
        {"agree": 23, "numbers_agree": 11, "disagree": ["T2 (64 neurons, L2 0)"]},
        "T2 (64 neurons, L2 0)",
    ),
    ("twm.table1.converge", {"equal_rank": 70, "converged": 68}, "30 accurate models have another rank"),
    ("twm.generalise", {"low": -0.1}, "reaches 0"),
    ("twm.generalise", {"low": -0.7, "high": -0.3}, "goes with less"),
    ("twm.generalise", {"kept_at_10x": 50}, "ten horizons"),
    ("twm.curriculum", {"ratio_high": 1.2}, "It does not save iterations for certain."),
    ("twm.curriculum", {"accuracy_low": 0.001, "rank_low": 0.1}, "Accuracy differs; ranks differ."),
    ("twm.fig12", {"angles_uniform": 5}, "Angles"),
    ("twm.fig12", {"larger": 5}, "Radii"),
    ("twm.fib.learn", {"latest_right": 14}, "where the bound says that none can be"),
]


def judge(claim, change=None):
    return load_rules()[claim]({**GOOD[claim], **(change or {})})


def test_every_claim_of_the_page_has_a_rule_here():
    assert {claim.id for claim in read_ledger() if claim.home == "training"} == set(GOOD)


@pytest.mark.parametrize("claim", GOOD)
def test_good_numbers_are_reproduced(claim):
    outcome = judge(claim)
    assert outcome.verdict == "reproduced" and outcome.value and outcome.reason == ""


@pytest.mark.parametrize(("claim", "change", "verdict"), CHANGES)
def test_each_number_that_is_wrong_changes_the_verdict(claim, change, verdict):
    assert judge(claim, change).verdict == verdict


@pytest.mark.parametrize(("claim", "change", "words"), REASONS)
def test_the_reason_says_what_failed(claim, change, words):
    assert words in judge(claim, change).reason


def test_values_show_the_numbers_they_rest_on():
    assert "23 of 24" in judge("twm.table1.acc", {"agree": 23}).value
    assert "11 of 12 errors" in judge("twm.table1.mae", {"numbers_agree": 11}).value
    assert "90 of 100" in judge("twm.table1.converge").value and "(90%)" in judge("twm.table1.converge").value
    assert "40 to 64" in judge("twm.bottleneck").value and "0.970" in judge("twm.bottleneck").value
    assert "0.50 (0.30 to 0.70)" in judge("twm.generalise").value
    assert "0.50 of the iterations (0.40 to 0.60)" in judge("twm.curriculum").value
    assert judge("twm.table2").value == "T1 0.9900, T2 1.0000"
    assert "6 of 10 seeds (+0.020)" in judge("twm.fig12").value and "10 and 9" in judge("twm.fig12").value
    assert "step 13" in judge("twm.fib.learn").value and "10 of 10" in judge("twm.fib.learn").value
