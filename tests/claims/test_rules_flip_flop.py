"""The rules of 09_flip_flop: good numbers pass, each bad one alone makes the verdict worse."""

import pytest
from twm.book.ledger import load_rules

GOOD = {
    "mem.flipflop": {
        "settled_none": [1.0] * 3, "settled_delayed": [0.995] * 3, "settled_other_none": [1.0] * 3, "settled_other_delayed": [0.999] * 3,
        "waiting_delayed": [0.99] * 3, "waiting_other_delayed": [0.99] * 3, "steps": 100_000, "delay": 8, "encoder_moved": 0.0,
    },
    "mem.cube": {"cube_none": [0.99] * 3, "cube_delayed": [0.95] * 3, "stable_none": [8] * 3, "stable_delayed": [8] * 3},
    "mem.saddles": {"counts": [[8, 12, 6, 1], [8, 12, 6, 1], [8, 13, 7, 1]], "live_differs": 0},
    "mem.saddles.delay": {"most_unstable": [5, 4, 3]},
    "mem.spectrum": {
        "real_none": [3, 3, 3], "complex_none": [0, 0, 0], "real_delayed": [3, 4, 5], "complex_delayed": [20, 18, 18],
    },
    "mem.trigger": {"phases": [91.0, 85.0, 105.0], "angles": [80.0, 78.0, 50.0], "slopes": [0.5, 1.0, 1.0], "chance_angle": 78.0},
    "mem.transverse": {"unchanged": [0.99, 0.97], "moved": [0.03, 0.05]},
    "mem.limit": {
        "delays": [0, 8, 10], "accuracies": [1.0, 0.997, 0.6], "longer_unfold": 20, "longer_delay": 12, "longer_accuracy": 0.999,
    },
    "ours.flipflop.wave": {
        "r2": [0.97, 0.96], "signs": [0.99, 0.99], "written": [0.98, 0.99], "sent": [0.99, 0.99], "early": [0.0, 0.01], "random": [0.0, 0.02],
    },
}  # fmt: skip

BAD = [
    ("mem.flipflop", {"settled_none": [0.98] * 3}),
    ("mem.flipflop", {"settled_delayed": [0.98] * 3}),
    ("mem.flipflop", {"settled_other_none": [0.98] * 3}),
    ("mem.flipflop", {"settled_other_delayed": [0.98] * 3}),
    ("mem.flipflop", {"waiting_delayed": [0.5] * 3}),
    ("mem.flipflop", {"waiting_other_delayed": [0.5] * 3}),
    ("mem.flipflop", {"settled_none": [0.98, 0.98, 1.0]}),
    ("mem.flipflop", {"encoder_moved": 0.1}),
    ("mem.flipflop", {"steps": 1000}),
    ("mem.flipflop", {"delay": 2}),
    ("mem.cube", {"cube_none": [0.5, 0.99, 0.99]}),
    ("mem.cube", {"stable_none": [8, 7, 6]}),
    ("mem.saddles", {"counts": [[8, 12, 6, 2], [8, 11, 6, 1], [8, 13, 7, 1]]}),
    ("mem.saddles", {"live_differs": 1}),
    ("mem.saddles.delay", {"most_unstable": [3, 3, 2]}),
    ("mem.spectrum", {"complex_delayed": [0, 0, 4]}),
    ("mem.trigger", {"angles": [40.0, 30.0, 80.0]}),
    ("mem.trigger", {"slopes": [-0.5, -1.0, 1.0]}),
    ("mem.transverse", {"unchanged": [0.94, 0.9]}),
    ("mem.limit", {"accuracies": [1.0, 0.98, 0.6]}),
    ("mem.limit", {"accuracies": [1.0, 0.997, 0.995]}),
    ("mem.limit", {"delays": [0, 8, 18]}),
    ("ours.flipflop.wave", {"written": [0.9, 0.9]}),
    ("ours.flipflop.wave", {"early": [0.5, 0.5]}),
    ("ours.flipflop.wave", {"random": [0.5, 0.5]}),
]

HALF = [
    ("mem.flipflop", {"settled_none": [0.98, 1.0, 1.0]}),
    ("mem.flipflop", {"waiting_delayed": [0.9, 0.99, 0.99]}),
    ("mem.flipflop", {"waiting_other_delayed": [0.9, 0.99, 0.99]}),
    ("mem.cube", {"stable_delayed": [0, 0, 8]}),
    ("mem.cube", {"stable_delayed": [8, 8, 7]}),
    ("mem.cube", {"cube_delayed": [0.5, 0.99, 0.99]}),
    ("mem.saddles", {"counts": [[8, 12, 6, 1], [8, 11, 6, 1], [8, 13, 7, 1]]}),
    ("mem.saddles.delay", {"most_unstable": [5, 3, 2]}),
    ("mem.spectrum", {"real_none": [3, 4, 4]}),
    ("mem.spectrum", {"real_none": [3, 3, 4]}),
    ("mem.spectrum", {"complex_delayed": [20, 18, 0]}),
    ("mem.spectrum", {"complex_none": [2, 2, 0]}),
    ("mem.trigger", {"phases": [60.0, 85.0, 120.0]}),
    ("mem.trigger", {"phases": [91.0, 85.0, 180.0]}),
    ("mem.trigger", {"angles": [80.0, 78.0, 40.0]}),
    ("mem.trigger", {"slopes": [0.5, 1.0, -1.0]}),
    ("mem.transverse", {"unchanged": [0.94, 0.97, 0.98]}),
    ("ours.flipflop.wave", {"r2": [0.9, 0.97]}),
    ("ours.flipflop.wave", {"written": [0.98, 0.98, 0.9], "r2": [0.97] * 3}),
    ("ours.flipflop.wave", {"r2": [0.9, 0.9]}),
]


@pytest.mark.parametrize("claim", GOOD)
def test_good_numbers_are_reproduced(claim):
    outcome = load_rules()[claim](GOOD[claim])
    assert outcome.verdict == "reproduced" and outcome.value


@pytest.mark.parametrize(("claim", "change"), BAD)
def test_each_bad_number_makes_the_rule_differ(claim, change):
    assert load_rules()[claim]({**GOOD[claim], **change}).verdict == "differs"


@pytest.mark.parametrize(("claim", "change"), HALF)
def test_half_good_numbers_are_partly(claim, change):
    assert load_rules()[claim]({**GOOD[claim], **change}).verdict == "partly"


def test_every_rule_has_a_bad_case():
    assert {claim for claim, _ in BAD} == set(GOOD)


def test_the_limit_is_blamed_on_the_gradient_only_where_longer_unfolding_helps():
    judge = load_rules()["mem.limit"]
    assert "gradient" in judge(GOOD["mem.limit"]).reason
    assert "no better" in judge({**GOOD["mem.limit"], "longer_accuracy": 0.7}).reason
