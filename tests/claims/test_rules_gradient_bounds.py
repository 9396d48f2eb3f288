"""The rules of the gradient claims: good numbers pass, and each number that can be wrong makes them differ."""

import pytest
from twm.book.ledger import load_rules

GOOD = {
    "twm.grad.vanish": {
        "cases": 10_000, "broken": 0, "largest": 1.0, "rotation_error": 1e-15, "default_slope": -0.51, "default_low": -0.53,
        "default_high": -0.49, "default_log_radius": -0.51, "default_log_norm": 0.12, "default_deviation": 0.01,
        "gaussian_deviation": 0.01,
    },
    "twm.grad.printed": {"cases": 10_000, "broken": 0, "contracting": 6000, "broken_contracting": 0, "largest": 1.0},
    "twm.grad.twm": {
        "linear_error": 1e-14, "largest_history": 128, "exponent": -1.4, "stretch": -0.7, "single_error": 1e-15,
        "mixed_error": 0.05, "law": 0.05, "tasks": ["T1", "T2"], "before": [0.001, 0.001], "kept": [1.0, 0.3],
    },
    "ours.grad.tight": {
        "cases": 10_000, "broken": 0, "broken_d": 100, "least": 1.0, "least_d": 0.2, "least_skew": 0.6,
    },
    "ours.grad.norm": {
        "waves": 300, "least_norm": 1.0, "default_norm": 1.13, "default_radius": 0.6, "default_slope": -0.5,
        "default_high": -0.4,
    },
    "ours.init": {
        "tasks": ["T1", "T2"], "ratios": [0.2, 0.4], "lows": [0.1, 0.3], "highs": [0.3, 0.5], "rotation_highs": [0.3, 1.2],
        "seeds": 10,
    },
}  # fmt: skip

BAD = [
    ("twm.grad.vanish", {"broken": 1}),
    ("twm.grad.vanish", {"cases": 999}),
    ("twm.grad.vanish", {"rotation_error": 2e-6}),
    ("twm.grad.vanish", {"default_deviation": 0.11}),
    ("twm.grad.vanish", {"gaussian_deviation": 0.11}),
    ("twm.grad.vanish", {"default_slope": 0.01}),
    ("twm.grad.printed", {"broken": 1}),
    ("twm.grad.twm", {"linear_error": 2e-10}),
    ("twm.grad.twm", {"largest_history": 31}),
    ("ours.grad.tight", {"broken": 1}),
    ("ours.grad.tight", {"cases": 999}),
    ("ours.grad.tight", {"least": 0.49}),
    ("ours.grad.norm", {"least_norm": 0.99}),
    ("ours.grad.norm", {"waves": 49}),
    ("ours.init", {"highs": [1.0, 1.1]}),
    ("ours.init", {"tasks": [], "ratios": [], "lows": [], "highs": [], "rotation_highs": []}),
]

HALF = [
    ("twm.grad.twm", {"single_error": 1e-3}),
    ("twm.grad.twm", {"mixed_error": 0.2}),
    ("twm.grad.twm", {"kept": [1.0, 0.04]}),
    ("twm.grad.twm", {"before": [0.001, 0.4]}),
    ("ours.grad.tight", {"least_skew": 0.1}),
    ("ours.grad.norm", {"default_norm": 0.9}),
    ("ours.grad.norm", {"default_radius": 1.1}),
    ("ours.grad.norm", {"default_high": 0.1}),
    ("ours.init", {"highs": [0.3, 1.1]}),
]


@pytest.mark.parametrize("claim", GOOD)
def test_good_numbers_are_reproduced(claim):
    assert load_rules()[claim](GOOD[claim]).verdict == "reproduced"


@pytest.mark.parametrize(("claim", "change"), BAD)
def test_each_number_can_make_a_rule_differ(claim, change):
    outcome = load_rules()[claim]({**GOOD[claim], **change})
    assert outcome.verdict == "differs" and outcome.reason


@pytest.mark.parametrize(("claim", "change"), HALF)
def test_what_holds_in_part_is_called_so_and_why(claim, change):
    outcome = load_rules()[claim]({**GOOD[claim], **change})
    assert outcome.verdict == "partly" and outcome.reason


def test_reasons_name_what_a_reader_must_know():
    rules = load_rules()
    assert "radius" in rules["twm.grad.vanish"](GOOD["twm.grad.vanish"]).reason
    broken = {"broken": 7, "broken_contracting": 7, "largest": 3.0}
    assert "mu < 1" in rules["twm.grad.printed"]({**GOOD["twm.grad.printed"], **broken}).reason
    mixed = {**broken, "broken_contracting": 6}
    assert "All" not in rules["twm.grad.printed"]({**GOOD["twm.grad.printed"], **mixed}).reason
    assert "1 of 2 tasks" in rules["ours.init"]({**GOOD["ours.init"], "highs": [0.3, 1.1]}).reason
    assert "rotation" in rules["ours.init"]({**GOOD["ours.init"], "rotation_highs": [0.3, 0.4]}).reason
