"""The rules of 08_episodic_memory: good numbers pass, each bad one alone makes the verdict differ."""

import pytest
from twm.book.ledger import load_rules

GOOD = {
    "emt.gsemm": {"order": 1.01, "least_order": 0.97, "map_error": 1e-16, "half_step_error": 0.3},
    "emt.conjugate": {"norms": [0.5, 1.0, 10.0], "tanh": [1e-16, 1e-15, 1e-14], "relu": [0.5, 0.5, 0.5], "clip": [0.5, 0.5, 0.5]},
    "emt.isospectral": {"spectrum": 1e-12, "recurrent": 1e-13, "least_difference": 0.4, "families": 20},
    "emt.phi": {
        "variables": 4, "dim": 5, "compose_differences": 0, "write_differences": 0, "read_differences": 0,
        "closed_form_differences": 0, "wrong_variable": 3, "printed_index": 7, "compared": 400,
    },
    "emt.fig1": {"differing_variables": 0, "differing_outputs": 0, "steps": 24, "history": 6, "hidden": 40, "size": 24, "compared": 600},
}  # fmt: skip

BAD = [
    ("emt.gsemm", {"order": 1.2}),
    ("emt.gsemm", {"least_order": 0.7}),
    ("emt.gsemm", {"map_error": 2e-10}),
    ("emt.gsemm", {"half_step_error": 1e-6}),
    ("emt.conjugate", {"tanh": [2e-10, 1e-15, 1e-14]}),
    ("emt.conjugate", {"norms": [0.2, 0.5, 1.0]}),
    ("emt.conjugate", {"relu": [0.5, 0.0, 0.5]}),
    ("emt.conjugate", {"clip": [0.0, 0.5, 0.5]}),
    ("emt.isospectral", {"spectrum": 2e-8}),
    ("emt.isospectral", {"recurrent": 2e-8}),
    ("emt.isospectral", {"least_difference": 1e-6}),
    ("emt.phi", {"variables": 3}),
    ("emt.phi", {"compose_differences": 1}),
    ("emt.phi", {"write_differences": 1}),
    ("emt.phi", {"read_differences": 1}),
    ("emt.phi", {"closed_form_differences": 1}),
    ("emt.phi", {"wrong_variable": 0}),
    ("emt.phi", {"printed_index": 0}),
    ("emt.fig1", {"differing_variables": 1}),
    ("emt.fig1", {"differing_outputs": 1}),
    ("emt.fig1", {"steps": 11}),
    ("emt.fig1", {"hidden": 24}),
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


def test_the_norm_condition_is_called_needless_only_where_it_is():
    judge = load_rules()["emt.conjugate"]
    assert "needless" in judge(GOOD["emt.conjugate"]).reason
    assert "needless" not in judge({**GOOD["emt.conjugate"], "tanh": [1e-16, 1e-15, 1.0]}).reason
