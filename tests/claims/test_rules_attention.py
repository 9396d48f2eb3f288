"""The rules of the self-attention claims: good numbers pass, and each number that can be wrong makes them differ."""

import pytest
from twm.book.ledger import load_rules

GOOD = {
    "twm.sbc": {
        "one_step_float64": 1e-15, "one_step_float32": 4e-7, "steps": 200, "free_run": 1e-14, "least_length": 0.4,
        "largest_length": 2.8, "wrong_query": 1.2, "wrong_mask": 0.3,
    },
    "ours.sbc.cache": {"one_head": 1e-15, "several_heads": 1e-15, "positions": 1e-15, "positions_not_turned": 0.4, "steps": 200},
    "ours.sbc.positions": {"share_of_bound": 0.6, "differing": 0, "largest_margin": 800, "tasks": 4, "steps": 200},
    "twm.sbc.any": {"invariance": 1e-16, "least_error": 0.0},
    "twm.sbc.train": {"ratio": 0.5, "low": 0.4, "high": 0.6, "pairs": 20},
}  # fmt: skip

BAD = [
    ("twm.sbc", {"one_step_float64": 2e-12}),
    ("twm.sbc", {"one_step_float32": 2e-6}),
    ("twm.sbc", {"free_run": 2e-9}),
    ("twm.sbc", {"steps": 199}),
    ("twm.sbc", {"least_length": 0.09}),
    ("twm.sbc", {"largest_length": 11.0}),
    ("twm.sbc", {"wrong_query": 0.0}),
    ("twm.sbc", {"wrong_mask": 0.0}),
    ("ours.sbc.cache", {"one_head": 2e-9}),
    ("ours.sbc.cache", {"several_heads": 2e-9}),
    ("ours.sbc.cache", {"positions": 2e-9}),
    ("ours.sbc.cache", {"positions_not_turned": 0.0}),
    ("ours.sbc.positions", {"share_of_bound": 1.01}),
    ("ours.sbc.positions", {"differing": 1}),
    ("ours.sbc.positions", {"tasks": 3}),
    ("ours.sbc.positions", {"steps": 199}),
    ("twm.sbc.any", {"least_error": 1.0}),
    ("twm.sbc.train", {"high": 1.0}),
    ("twm.sbc.train", {"ratio": 1.5, "low": 1.2, "high": 1.9}),
]


@pytest.mark.parametrize("claim", GOOD)
def test_good_numbers_are_reproduced(claim):
    assert load_rules()[claim](GOOD[claim]).verdict == "reproduced"


@pytest.mark.parametrize(("claim", "change"), BAD)
def test_each_number_can_make_a_rule_differ(claim, change):
    assert load_rules()[claim]({**GOOD[claim], **change}).verdict == "differs"


def test_an_order_that_is_noticed_leaves_the_question_open():
    outcome = load_rules()["twm.sbc.any"]({"invariance": 0.1, "least_error": 1.0})
    assert outcome.verdict == "partly"


def test_training_says_which_way_it_failed():
    judge = load_rules()["twm.sbc.train"]
    assert "contains 1" in judge({"ratio": 0.9, "low": 0.5, "high": 1.4, "pairs": 20}).reason
    assert "fewer" in judge({"ratio": 1.9, "low": 1.5, "high": 2.4, "pairs": 20}).reason
