"""The rules of the basis-recovery claims: good numbers pass, and each number that can be wrong makes them differ."""

import pytest
from twm.book.ledger import load_rules, read_ledger

GOOD = {
    "twm.fig3": {"encoding_r2": 0.998, "explained": 0.999, "best_neuron": 0.3},
    "twm.alg1": {
        "relative_error": 0.01, "encoding_r2": 0.99, "random_encoding_r2": -5.0, "random_readout": 0.9, "networks": 3,
    },
    "ours.alg1": {"relative_error": 0.01, "encoding_r2": 0.99, "networks": 3},
    "emt.alg": {
        "relative_errors": [0.5, 0.04, 0.6], "encoding_r2s": [0.2, 0.985, 0.1], "passing": 2, "slow_passing": 3, "networks": 3,
    },
    "twm.fig4": {"support_weights": 1.0, "support_orbit": 1.0, "tasks": 4, "networks": 10},
    "twm.fig5": {"pairs": [29, 13, 17, 10], "tasks": ["T1", "T2", "T3", "T4"]},
    "twm.fig6": {"clusters": [5] * 16, "wrong_bits": 0, "bits": 1000},
    "twm.fig8": {"clusters": [8] * 8, "wrong_bits": 0, "bits": 1000},
    "twm.strength": {"gains": [0.9, 1.0, 1.2, 2.0], "recall": [1.0, 1.0, 1.0, 0.7], "amplitude": [1e-40, 0.03, 0.6, 0.9], "steps": 1000},
    "twm.fig7": {"accuracy": 1.0, "rank": 64, "bits": 80, "clusters": [4] * 16, "encoding_r2": 0.2},
    "twm.fig9": {
        "ranks": [36, 36], "ranks_theory": [36, 36], "radii": [1.2, 1.1], "early_errors": [0.5, 0.9], "late_errors": [1e-3, 1e-4],
    },
    "twm.linearise": {"at_rest": 0.0, "at_fixed_points": 1e-16, "distance": 0.4, "order": 95.0, "networks": 20},
    "twm.alg1.error": {"first": 1e-15, "second": 1e-15, "repeat_copy": 1e-15, "second_printed": 0.1},
    "twm.bottleneck.wave": {
        "explained": 0.99, "changed": 0.97, "unchanged": 0.98, "encoding_r2": 0.92, "rank": 53, "rank_theory": 64, "networks": 2,
    },
    "emt.offblock": {
        "into_memories": 0.0, "out_of_memories": 0.1, "into_orthogonal": 0.1, "out_of_orthogonal": 0.1, "radius": 0.6,
    },
    "ours.realisation": {"support_match": 1.0, "encoding_r2": 0.99, "networks": 12, "tasks": 7, "missed": 0},
    "ours.intervention": {"changed": 0.997, "unchanged": 1.0, "wrong_changed": 0.1, "networks": 12},
    "ours.edit": {"wrong_bits": 0, "bits": 240, "laps": 3, "text_before": "3141", "text_after": "3171"},
}  # fmt: skip

BAD = [
    ("twm.fig3", {"encoding_r2": 0.94}),
    ("twm.alg1", {"relative_error": 0.06}),
    ("twm.alg1", {"encoding_r2": 0.97}),
    ("twm.alg1", {"random_encoding_r2": 0.99}),
    ("twm.alg1", {"random_readout": 0.01}),
    ("ours.alg1", {"relative_error": 0.03}),
    ("ours.alg1", {"encoding_r2": 0.94}),
    ("emt.alg", {"relative_errors": [0.5, 0.06, 0.6]}),
    ("emt.alg", {"encoding_r2s": [0.99, 0.97, 0.99]}),
    ("twm.fig4", {"support_orbit": 0.999, "support_weights": 0.999}),
    ("twm.fig5", {"pairs": [29, 9, 17, 10]}),
    ("twm.fig5", {"pairs": [29]}),
    ("twm.fig6", {"clusters": [5] * 15 + [4], "wrong_bits": 1}),
    ("twm.fig8", {"clusters": [8] * 7 + [7], "wrong_bits": 1}),
    ("twm.strength", {"recall": [1.0, 1.0, 0.99, 0.7]}),
    ("twm.strength", {"amplitude": [0.1, 0.03, 0.6, 0.9]}),
    ("twm.strength", {"steps": 999}),
    ("twm.fig7", {"accuracy": 0.95}),
    ("twm.fig7", {"rank": 80}),
    ("twm.fig7", {"encoding_r2": 0.95}),
    ("twm.fig9", {"ranks": [36, 35]}),
    ("twm.linearise", {"at_fixed_points": 2e-6}),
    ("twm.linearise", {"at_rest": 2e-6}),
    ("twm.linearise", {"distance": 0.0}),
    ("twm.linearise", {"order": 10.0}),
    ("twm.alg1.error", {"first": 2e-10}),
    ("twm.alg1.error", {"second": 2e-10}),
    ("twm.alg1.error", {"repeat_copy": 2e-10}),
    ("twm.alg1.error", {"second_printed": 0.0}),
    ("twm.bottleneck.wave", {"explained": 0.89}),
    ("twm.bottleneck.wave", {"rank": 64}),
    ("twm.bottleneck.wave", {"changed": 0.89}),
    ("twm.bottleneck.wave", {"unchanged": 0.89}),
    ("emt.offblock", {"into_orthogonal": 0.3, "out_of_memories": 0.3}),
    ("emt.offblock", {"radius": 1.0}),
    ("ours.realisation", {"support_match": 0.999}),
    ("ours.realisation", {"encoding_r2": 0.89}),
    ("ours.intervention", {"changed": 0.89}),
    ("ours.intervention", {"unchanged": 0.89}),
    ("ours.intervention", {"wrong_changed": 0.95}),
    ("ours.edit", {"wrong_bits": 1}),
    ("ours.edit", {"laps": 1}),
    ("ours.edit", {"text_after": "3141"}),
]

PARTLY = [
    ("twm.fig3", {"best_neuron": 0.95}),
    ("ours.alg1", {"encoding_r2": 0.97}),
    ("twm.fig4", {"support_weights": 0.998}),
    ("twm.fig4", {"tasks": 2}),
    ("twm.fig6", {"clusters": [5] * 15 + [4]}),
    ("twm.fig8", {"wrong_bits": 1}),
    ("twm.fig9", {"radii": [1.2, 1.04]}),
    ("twm.fig9", {"late_errors": [1e-3, 1.0]}),
    ("twm.bottleneck.wave", {"encoding_r2": 0.22}),
    ("emt.offblock", {"into_orthogonal": 2.7}),
    ("ours.realisation", {"encoding_r2": 0.97}),
    ("ours.realisation", {"networks": 2}),
    ("ours.intervention", {"changed": 0.98}),
]


def test_every_claim_of_the_page_has_a_rule():
    assert {claim.id for claim in read_ledger() if claim.home == "basis-recovery"} == set(GOOD)


@pytest.mark.parametrize("claim", GOOD)
def test_good_numbers_pass(claim):
    outcome = load_rules()[claim](GOOD[claim])
    assert outcome.verdict == "reproduced" and outcome.value


@pytest.mark.parametrize(("claim", "change"), BAD)
def test_each_wrong_number_fails(claim, change):
    assert load_rules()[claim](GOOD[claim] | change).verdict == "differs"


@pytest.mark.parametrize(("claim", "change"), PARTLY)
def test_some_shortfalls_count_as_partly(claim, change):
    assert load_rules()[claim](GOOD[claim] | change).verdict == "partly"


def test_a_mixture_must_meet_both_bars_at_one_alpha():
    split = {"relative_errors": [0.01, 0.5], "encoding_r2s": [0.5, 0.99]}
    assert load_rules()["emt.alg"](GOOD["emt.alg"] | split).verdict == "differs"


def test_a_mixture_that_misses_other_seeds_says_so():
    judge = load_rules()["emt.alg"]
    assert "Of 3 seeds 2" in judge(GOOD["emt.alg"]).reason
    assert judge(GOOD["emt.alg"] | {"passing": 3}).reason == ""
