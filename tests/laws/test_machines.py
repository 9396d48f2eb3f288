"""Waves in networks that are no Elman networks: what holds for Elman networks holds for the same network under another name."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from twm.analysis.analyses import analyse_machine
from twm.analysis.interventions import interchange_variable
from twm.analysis.judging import judge_content
from twm.analysis.recovery import recover_basis, regress_basis, sample_states
from twm.analysis.systems import SequenceSystem, as_system
from twm.errors import UserError
from twm.models.cells import make_sequence_network
from twm.models.elman import construct_elman
from twm.models.rings import GatedRNN, IdentityRNN, WaveRNN
from twm.theory.bases import make_basis
from twm.theory.systems import make_repeat_copy, parse_task

KINDS = {"wrnn": {"channels": 3, "recurrent": "random"}, "irnn": {"recurrent": "random"}}
KINDS |= dict.fromkeys(("lstm", "gru", "lru", "attention"), {})


def carry(task):
    """Make an Elman network that carries a task's wave, and the same weights as a dense network."""
    elman = construct_elman(task, make_basis(task.size, task.size + 10, "skew", seed=1, tilt=0.4), complement=0.5)
    recurrent, encoder, readout = (torch.as_tensor(np.asarray(part)).float() for part in elman.get_matrices())
    network = IdentityRNN(encoder.shape[1], len(readout), len(recurrent), activation="linear")
    values = {"weight_recurrent": recurrent, "weight_encoder": encoder, "weight_readout": readout}
    for name, weight in network.named_parameters():
        weight.data.copy_(values.get(name, torch.zeros_like(weight)))
    return as_system(elman), SequenceSystem(network)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_may_be_cut_anywhere_and_its_mean_derivative_is_that_of_the_step(kind):
    network = make_sequence_network(kind, 3, 3, 7 if kind != "wrnn" else 12, seed=2, **KINDS[kind])
    system, inputs = SequenceSystem(network), np.random.default_rng(0).standard_normal((7, 5, 3))
    whole = system.run(np.zeros((5, system.hidden)), 4, inputs)
    # All that the future depends on is carried, an LSTM's cells too.
    assert system.hidden == network.hidden * (2 if kind == "lstm" else 1)
    assert np.abs(system.run(whole[2], 4, inputs[3:]) - whole[3:]).max() < 1e-12
    shown = network.double().run(torch.tensor(inputs)).detach().numpy()
    assert np.abs(whole[:7, :, : network.hidden] - shown).max() < 1e-12
    found, small = system.measure_jacobian(whole[3]), 1e-6
    for place, move in enumerate(small * np.eye(system.hidden)):
        up, down = (system.run(whole[3] + sign * move, 1)[0] for sign in (1, -1))
        assert np.abs(found[:, place] - ((up - down) / (2 * small)).mean(0)).max() < 1e-6


@pytest.mark.parametrize("name", ["T3", "random:6,4,1"])
def test_a_disguised_wave_is_found(name):
    task = parse_task(name)
    elman, system = carry(task)
    expected = recover_basis(elman, task, "regression", sample_states(elman, task, 150, correct=True))
    found = regress_basis(sample_states(system, task, 150, correct=True))
    # Weights pass through float32 on the way.
    assert np.abs(found.basis - expected.basis).max() < 1e-4
    fresh = sample_states(system, task, count=80, seed=3, correct=True)
    figures = judge_content(system, found, fresh)
    assert figures.least_r2 > 1 - 1e-6 and figures.explained > 1 - 1e-6
    assert max(figures.readout_newest, figures.readout_others) < 1e-3
    done = interchange_variable(system, found, fresh, task.history - 1, step=9)
    assert np.abs(done.done - done.predicted).max() < 1e-2


def test_the_dual_reads_every_column_and_hears_least_noise():
    task = make_repeat_copy(4, 3)
    _, system = carry(task)
    sample, rng = sample_states(system, task, count=400, correct=True), np.random.default_rng(0)
    # One direction that has nothing to do with the memories is loud, and lies askew to them.
    loud = rng.standard_normal(system.hidden)
    noise = 3 * rng.standard_normal((*sample.states.shape[:2], 1)) * loud
    found = regress_basis(replace(sample, states=sample.states + noise))
    assert np.abs(found.dual_basis @ found.basis - np.eye(12)).max() < 1e-8
    assert np.abs(found.dual_basis @ loud).max() < 1e-3 < 1e-2 < np.abs(np.linalg.pinv(found.basis) @ loud).max()


def test_an_untrained_network_is_rejected():
    found = analyse_machine(SequenceSystem(WaveRNN(2, 2, 6, 4, seed=0)), make_repeat_copy(3, 2), steps=(1, 2), count=64)
    assert found.accuracy < 0.8 and found.step_r2.min() < 0.9 and found.settled.least_r2 < 0.9
    assert found.interventions.changed.min() < 0.95


def test_what_cannot_be_a_system_is_one_line():
    broken = IdentityRNN(2, 2, 4)
    broken.weight_recurrent.data[0, 0] = float("nan")
    for network, words in ((GatedRNN(2, 3, 4), "2 inputs and 3 outputs"), (broken, "weight_recurrent has NaN")):
        with pytest.raises(UserError, match=words):
            sample_states(SequenceSystem(network), make_repeat_copy(2, 3))
