"""Cells of other kinds: the diagonal unit is its complex recurrence, holds a linear memory exactly, and no more than that."""

import numpy as np
import pytest
import torch

from twm.errors import UserError
from twm.models.cells import AttentionDecoder, DiagonalRNN, construct_diagonal
from twm.theory.attention import make_attention_boundary
from twm.theory.operators import fit_time_invariant
from twm.theory.systems import make_fibonacci, parse_task, rollout
from twm.training.plans import SequencePlan
from twm.training.sweeps import find_sweep

TASKS = ["T1", "T2", "T3", "T4", "random:5,3,1"]


def test_the_step_is_the_complex_recurrence_in_closed_form():
    network = DiagonalRNN(3, 2, 5, seed=4).double()
    inputs, turn = torch.randn((9, 4, 3), dtype=torch.float64), network.eigenvalues()
    write, read = torch.complex(*network.weight_encoder.chunk(2)), torch.complex(*network.weight_readout.chunk(2, -1)).conj()
    powers = lambda t: turn ** torch.arange(t, -1, -1)[:, None]
    states = torch.stack([(powers(t)[:, None] * ((inputs[: t + 1] + 0j) @ write.T)).sum(0) for t in range(9)])
    outputs, found = network(inputs)
    assert (found - torch.cat([states.real, states.imag], -1)).abs().max() < 1e-12
    assert (outputs - ((states @ read.T).real + network.bias_readout)).abs().max() < 1e-12


def test_no_mode_can_grow_and_the_start_fills_the_disc_evenly():
    network = DiagonalRNN(1, 1, 4000, seed=1)
    modes = network.eigenvalues().detach()
    assert abs(float((modes.abs() ** 2).mean()) - 0.5) < 0.03 and float(modes.mean().abs()) < 0.03
    network.log_decay.data.normal_(std=50)
    assert float(network.eigenvalues().detach().abs().max()) <= 1


@pytest.mark.parametrize("name", TASKS)
def test_no_linear_network_is_better_than_the_best_response(name):
    system, horizon = parse_task(name), 12
    kernel, least = fit_time_invariant(system, horizon)
    given = np.random.default_rng(0).choice([-1.0, 1.0], (3000, system.history, system.dim))
    right = rollout(system, given, horizon)[:, system.history :]
    lags = system.history + np.arange(horizon)[:, None] - np.arange(system.history)  # of output and input
    answers = np.einsum("tkij,nkj->nti", kernel[lags], given)
    error = ((answers - right) ** 2).mean()
    assert abs(error - least) < 0.02 and (least < 1e-12) == (name == "T1")
    # What is left over has no share in any input: summed over the pairs of one lag, its slope is sampling noise.
    slope = np.einsum("nti,nkj->tkij", answers - right, given) / len(given)
    assert max(np.abs(slope[lags == lag].sum(0)).max() for lag in np.unique(lags)) < 0.3


def test_the_decoder_is_the_boundary_of_eq_8():
    network = AttentionDecoder(3, 3, 4, seed=5).double()
    ask, value, positions = (weight.detach().numpy() for weight in network.parameters())
    boundary = make_attention_boundary(ask[None], np.eye(3)[None], value[None], positions)
    window, inputs = np.random.default_rng(0).standard_normal((6, 4, 3)), torch.ones(6, 3, dtype=torch.float64)
    after = network.step(torch.from_numpy(window).flatten(1), inputs).detach().numpy().reshape(6, 4, 3)
    assert np.abs(after[:, :3] - window[:, 1:]).max() == 0 and np.abs(after[:, 3] - boundary(window) - 1).max() < 1e-12


def test_wrong_use_is_one_line_and_names_tell_networks_apart():
    plans = find_sweep("cells").list_plans()
    assert len({plan.name for plan in plans}) == len(plans) and {plan.network for plan in plans} == {"lru", "gru", "attention"}
    with pytest.raises(UserError, match="grows"):
        construct_diagonal(make_fibonacci())
    with pytest.raises(UserError, match="one initialisation"):
        SequencePlan("hds:4,T1", "lru", recurrent="shift")
