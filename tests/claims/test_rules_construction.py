"""The rules of the construction claims: good numbers pass, and each number that can be wrong makes them differ."""

import pytest
from twm.book.ledger import load_rules

GOOD = {
    "twm.fib": {"classic": [1, 1, 2, 3, 5, 8], "systems": 2, "terms": 9, "differing_terms": 0, "most_history": 8, "most_dim": 4},
    "twm.fib.phi": {"standard_per_condition": 0.0, "orthonormal_per_condition": 1e-14, "skew_per_condition": 1e-14, "steps": 40},
    "twm.lbc": {"square_per_condition": 1e-13, "rectangular_per_condition": 1e-12, "systems": 9, "wrong_passed": 0},
    "twm.dual": {"inverse": 1e-15, "pseudo_inverse": 1e-15, "spectral": 1e-15},
    "twm.rcopy": {"history": 4, "dim": 2, "steps": 16, "standard_per_condition": 0.0, "hidden_per_condition": 1e-15, "printed_index": 1.0},
    "twm.similar": {
        "networks": 8, "similarity": 1e-15, "square_spectrum": 1e-14, "wide_spectrum": 1e-14, "rank_mismatches": 0, "wrong_passed": 0,
    },
    "twm.unity": {
        "gains": [0.9, 1.0, 1.1], "errors": [1e-13] * 3, "amplitudes": [1e-9, 1.0 + 1e-14, 1e9], "steps": 400, "history": 4,
        "content_error": 1e-14,
    },
    "twm.h3": {"systems": 3, "rank_excess": 0, "wrong_index": 0, "recall_error": 0.0, "older_influence": 0.0, "same_as_h3": True},
    "ours.input": {
        "state_corrected": 1e-15, "state_raw": 0.02, "signs_corrected": 0.0, "signs_raw": 0.3, "signs_raw_T1": 0.0, "systems": 9,
    },
}  # fmt: skip

BAD = [
    ("twm.fib", {"differing_terms": 1}),
    ("twm.fib", {"classic": [1, 1, 2, 3, 5, 9]}),
    ("twm.fib", {"classic": [2, 1, 3, 4, 7, 11]}),
    ("twm.fib", {"most_history": 2}),
    ("twm.fib.phi", {"standard_per_condition": 2e-9}),
    ("twm.fib.phi", {"orthonormal_per_condition": 2e-9}),
    ("twm.fib.phi", {"skew_per_condition": 2e-9}),
    ("twm.fib.phi", {"steps": 39}),
    ("twm.lbc", {"square_per_condition": 2e-9}),
    ("twm.lbc", {"rectangular_per_condition": 2e-9}),
    ("twm.lbc", {"wrong_passed": 1}),
    ("twm.dual", {"inverse": 2e-10}),
    ("twm.dual", {"pseudo_inverse": 2e-10}),
    ("twm.dual", {"spectral": 2e-10}),
    ("twm.rcopy", {"standard_per_condition": 2e-12}),
    ("twm.rcopy", {"hidden_per_condition": 2e-12}),
    ("twm.rcopy", {"steps": 15}),
    ("twm.rcopy", {"printed_index": 0.0}),
    ("twm.similar", {"square_spectrum": 2e-8}),
    ("twm.similar", {"wide_spectrum": 2e-8}),
    ("twm.similar", {"similarity": 2e-10}),
    ("twm.similar", {"rank_mismatches": 1}),
    ("twm.similar", {"wrong_passed": 1}),
    ("twm.unity", {"errors": [0.0, 0.0, 2e-9]}),
    ("twm.unity", {"content_error": 2e-9}),
    ("twm.unity", {"gains": [1.0, 1.1, 1.2]}),
    ("twm.unity", {"amplitudes": [1.1, 1.0, 1e9]}),
    ("twm.unity", {"steps": 399}),
    ("twm.h3", {"rank_excess": 1}),
    ("twm.h3", {"wrong_index": 1}),
    ("twm.h3", {"recall_error": 1e-16}),
    ("twm.h3", {"older_influence": 1e-16}),
    ("twm.h3", {"same_as_h3": False}),
    ("ours.input", {"state_corrected": 2e-9}),
    ("ours.input", {"state_raw": 1e-12}),
    ("ours.input", {"signs_corrected": 0.01}),
    ("ours.input", {"signs_raw": 0.0}),
    ("ours.input", {"signs_raw_T1": 0.01}),
]


@pytest.mark.parametrize("claim", GOOD)
def test_good_numbers_are_reproduced(claim):
    outcome = load_rules()[claim](GOOD[claim])
    assert outcome.verdict == "reproduced" and outcome.value


@pytest.mark.parametrize(("claim", "change"), BAD)
def test_each_bad_number_makes_the_rule_differ(claim, change):
    assert load_rules()[claim]({**GOOD[claim], **change}).verdict == "differs"


def test_every_rule_has_a_bad_case():
    assert {claim for claim, _ in BAD} == set(GOOD)
