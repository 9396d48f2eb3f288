"""The rules of the wave-RNN claims: good numbers pass, and each number that can be wrong changes the verdict."""

import pytest
from twm.book.ledger import load_rules, read_ledger

GOOD = {
    "wrnn.wave": {"courants": 20, "difference": 1e-16, "commutator": 0.0, "shift_error": 0.0},
    "wrnn.init": {"shift_error": 0.0, "encoder_error": 0.0, "parameters": 49_946, "parameters_mlp": 419_686},
    "wrnn.fig1": {"wave": 1.0, "bump": 0.2},
    "wrnn.fig2": {"wave": 0.6, "dense": 0.1},
    "wrnn.copy": {"least_ratio": 2e5, "waits": [0, 10, 30, 80, 480], "missing": 0, "iterations": 60_000, "faster": True},
    "wrnn.hold": {
        "waits": [0, 10, 30, 80, 480], "dense_waits": [0, 10, 30, 80, 480], "longest_held": 480, "longest": 480, "dense_longest": 10,
    },
    "wrnn.adding": {
        "wrnn_lengths": [100, 200, 400, 700, 1000], "wrnn_solved": [300, 1000, 1000, 3000, 2000],
        "irnn_lengths": [100, 200, 400, 700, 1000], "irnn_solved": [14_000, 22_000, 30_000, 0, 0], "missing": 0,
    },
    "wrnn.smnist": {"wrnn": 97.5, "irnn": 98.0, "wrnn_mlp": 97.0},
    "wrnn.psmnist": {"wrnn": 96.5, "irnn": 92.0, "wrnn_mlp": 97.0},
    "wrnn.permutation": {"wrnn_drop": 1.0, "irnn_drop": 6.0},
    "wrnn.mlp": {"plain_gain": 0.1, "permuted_gain": 0.9},
    "wrnn.fast": {"ahead": 20, "looks": 20, "epochs": 10},
    "wrnn.params": {"pairs": 4, "above": 4},
    "wrnn.baselines": {"wrnn": 96.0, "lstm": 92.9, "gru": 96.9},
    "wrnn.cifar": {"wrnn": 55.0, "lstm": 20.0, "gru": 50.0, "irnn": 40.0},
    "wrnn.ablation": {"columns": 4, "orders": 16, "kept": 16, "best": 4, "shift": 4, "helped": 4, "above": 4},
    "wrnn.speeds": {"rings": 4, "slowest": 0.6, "fastest": 1.0},
    "wrnn.emerge": {"random_before": 0.1, "random_after": 0.25},
    "ours.bridge": {"wave_r2": 0.99, "wave_interventions": 0.97, "lstm_r2": 0.96, "lstm_interventions": 0.98, "wave_networks": 2, "wave_learnt": 2, "lstm_networks": 2, "lstm_learnt": 1},
}  # fmt: skip

CHANGES = [
    ("wrnn.wave", {"difference": 1e-11}, "differs"),
    ("wrnn.wave", {"commutator": 1e-11}, "differs"),
    ("wrnn.wave", {"shift_error": 1e-11}, "differs"),
    ("wrnn.wave", {"courants": 4}, "differs"),
    ("wrnn.init", {"shift_error": 1e-7}, "differs"),
    ("wrnn.init", {"encoder_error": 1e-7}, "differs"),
    ("wrnn.init", {"parameters": 60_000}, "partly"),
    ("wrnn.init", {"parameters_mlp": 300_000}, "partly"),
    ("wrnn.fig1", {"wave": 0.98}, "differs"),
    ("wrnn.fig1", {"bump": 0.9}, "differs"),
    ("wrnn.fig2", {"dense": 0.25}, "partly"),
    ("wrnn.fig2", {"dense": 0.4}, "differs"),
    ("wrnn.copy", {"least_ratio": 9e4}, "partly"),
    ("wrnn.copy", {"least_ratio": 99}, "differs"),
    ("wrnn.copy", {"missing": 1, "waits": [0, 10, 30, 80]}, "partly"),
    ("wrnn.copy", {"iterations": 10_000}, "partly"),
    ("wrnn.copy", {"faster": False}, "differs"),
    ("wrnn.hold", {"longest_held": 80}, "differs"),
    ("wrnn.hold", {"longest_held": 80, "longest": 80}, "partly"),
    ("wrnn.hold", {"dense_longest": 30}, "partly"),
    ("wrnn.hold", {"dense_longest": 480}, "differs"),
    ("wrnn.hold", {"longest_held": 80, "longest": 80, "dense_longest": 80}, "differs"),
    ("wrnn.adding", {"wrnn_solved": [1000, 1000, 1000, 3000, 2000]}, "partly"),
    ("wrnn.adding", {"wrnn_solved": [300, 1000, 1000, 3000, 0]}, "differs"),
    ("wrnn.adding", {"irnn_solved": [14_000, 22_000, 30_000, 50_000, 0]}, "partly"),
    ("wrnn.adding", {"irnn_solved": [200, 22_000, 30_000, 0, 0]}, "reproduced"),
    ("wrnn.adding", {"wrnn_lengths": [100], "wrnn_solved": [300], "irnn_lengths": [100], "irnn_solved": [9000], "missing": 4}, "partly"),
    ("wrnn.adding", {"wrnn_lengths": [100], "wrnn_solved": [300], "irnn_lengths": [100], "irnn_solved": [200], "missing": 4}, "differs"),
    ("wrnn.smnist", {"irnn": 97.4}, "differs"),
    ("wrnn.psmnist", {"irnn": 90.0}, "partly"),
    ("wrnn.psmnist", {"wrnn": 92.0, "irnn": 92.5}, "differs"),
    ("wrnn.permutation", {"wrnn_drop": 2.1}, "partly"),
    ("wrnn.permutation", {"irnn_drop": 3.9}, "partly"),
    ("wrnn.permutation", {"wrnn_drop": 2.1, "irnn_drop": 3.9}, "differs"),
    ("wrnn.mlp", {"plain_gain": -0.1}, "partly"),
    ("wrnn.mlp", {"plain_gain": -0.1, "permuted_gain": 0.0}, "differs"),
    ("wrnn.fast", {"ahead": 19}, "partly"),
    ("wrnn.fast", {"epochs": 9}, "partly"),
    ("wrnn.fast", {"ahead": 17}, "differs"),
    ("wrnn.params", {"above": 3}, "partly"),
    ("wrnn.params", {"above": 1}, "differs"),
    ("wrnn.params", {"pairs": 0, "above": 0}, "differs"),
    ("wrnn.baselines", {"gru": 97.1}, "partly"),
    ("wrnn.baselines", {"gru": 97.1, "lstm": 97.1}, "differs"),
    ("wrnn.cifar", {"gru": 56.0}, "partly"),
    ("wrnn.cifar", {"irnn": 56.0}, "differs"),
    ("wrnn.ablation", {"kept": 15, "helped": 3}, "partly"),
    ("wrnn.ablation", {"kept": 10, "helped": 0, "shift": 2}, "differs"),
    ("wrnn.ablation", {"columns": 3, "orders": 12, "kept": 12}, "partly"),
    ("wrnn.speeds", {"slowest": 0.84}, "differs"),
    ("wrnn.speeds", {"rings": 1}, "differs"),
    ("wrnn.emerge", {"random_after": 0.19}, "partly"),
    ("wrnn.emerge", {"random_after": 0.14}, "differs"),
    ("ours.bridge", {"lstm_r2": 0.94}, "partly"),
    ("ours.bridge", {"lstm_learnt": 0}, "partly"),
    ("ours.bridge", {"lstm_learnt": 0, "wave_r2": 0.9}, "differs"),
    ("ours.bridge", {"lstm_interventions": 0.94, "wave_interventions": 0.94}, "differs"),
]  # fmt: skip


def test_every_claim_of_the_page_has_numbers_here():
    assert set(GOOD) == {claim.id for claim in read_ledger() if claim.notebook == "07_wave_rnn"}


@pytest.mark.parametrize("claim", GOOD)
def test_good_numbers_are_a_reproduction(claim):
    outcome = load_rules()[claim](GOOD[claim])
    assert outcome.verdict == "reproduced" and outcome.value and not outcome.reason


@pytest.mark.parametrize(("claim", "change", "verdict"), CHANGES)
def test_a_wrong_number_changes_the_verdict(claim, change, verdict):
    assert set(change) <= set(GOOD[claim])
    outcome = load_rules()[claim](GOOD[claim] | change)
    assert outcome.verdict == verdict, outcome
    assert (verdict == "reproduced") == (outcome.reason == ""), outcome


def test_every_claim_can_fail():
    failing = {claim for claim, _, verdict in CHANGES if verdict == "differs"}
    assert failing == set(GOOD)


def test_the_ablation_says_which_order_is_not_kept():
    outcome = load_rules()["wrnn.ablation"](GOOD["wrnn.ablation"] | {"kept": 15, "helped": 3})
    assert "the shift helps the iRNN" in outcome.reason and "best" not in outcome.reason


def test_an_irnn_that_was_not_trained_is_not_said_to_fail():
    numbers = {"wrnn_lengths": [100], "wrnn_solved": [200], "irnn_lengths": [], "irnn_solved": [], "missing": 4}
    outcome = load_rules()["wrnn.adding"](numbers)
    assert outcome.verdict == "partly" and "not trained" in outcome.value and "never" not in outcome.value
