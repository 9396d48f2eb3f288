"""Recovering a basis: exact where the theory is exact, rejected where there is no wave."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from twm.analysis.judging import find_complement, judge_basis, measure_support
from twm.analysis.recovery import (
    METHODS,
    ElmanSystem,
    as_system,
    find_copies,
    find_fixed_point,
    linearise_system,
    needed_coordinates,
    recover_basis,
    sample_states,
)
from twm.errors import UserError
from twm.models.elman import ElmanRNN, construct_elman
from twm.theory.bases import add_complement, make_basis, make_encoder, make_readout, transform_operator
from twm.theory.operators import make_wave_operator
from twm.theory.systems import make_linear_hds, make_named_task, make_random_selection, make_repeat_copy, rollout


def construct(task, basis, complement=0.5, seed=0):
    return as_system(construct_elman(task, basis, complement=complement, seed=seed))


def recover(system, task, method, **options):
    sample = sample_states(system, task, count=150, correct=True, seed=1)
    return recover_basis(system, task, method, sample, **options)


def settle_basis(task, basis):
    """The columns on the network's slow directions: once settled, what f never reads is an echo of what it does read."""
    operator, needed = make_wave_operator(task.matrix), needed_coordinates(task)
    lap = np.linalg.matrix_power(operator, task.history)
    return (
        basis.basis @ lap @ needed.projection.T @ np.linalg.inv(np.linalg.matrix_power(needed.operator, task.history))
    )


def distance(found, basis, task=None):
    expected = basis.basis if task is None else settle_basis(task, basis)
    return np.abs(found.basis - expected).max()


@pytest.mark.parametrize("kind", ["orthonormal", "skew"])
@pytest.mark.parametrize("name", ["T1", "T2", "T3", "T4"])
@pytest.mark.parametrize("method", ["observability", "regression"])
def test_general_methods_find_every_task_in_every_basis(name, kind, method):
    task = make_named_task(name)
    basis = make_basis(64, 90, kind, seed=3, tilt=0.5)
    system = construct(task, basis)
    found = recover(system, task, method)
    assert distance(found, basis, task) < 1e-8
    fresh = sample_states(system, task, count=64, seed=2, correct=True)
    figures = judge_basis(system, found, fresh)
    assert figures.relative_error < 1e-8 and figures.support_match == figures.support_match_weights == 1
    assert figures.least_r2 > 1 - 1e-8 and max(figures.readout_newest, figures.readout_others) < 1e-8
    # What f never reads is said to be unread, not made up.
    assert sorted(found.coordinates + found.unread) == list(range(64))
    assert len(found.unread) == (0 if name == "T1" else 28)
    assert np.isnan(found.read_substrate(fresh.states, 8, 8)).sum() == fresh.states[..., 0].size * len(found.unread)


@pytest.mark.parametrize(("size", "seed"), [((6, 4), 1), ((5, 5), 2)])
def test_what_becomes_a_copy_is_counted_once(size, seed):
    # f reads one dimension twice and another never again: two coordinates end up with the same content; in the second
    # task this takes more than a lap.
    task = make_random_selection(*size, seed)
    operator = needed_coordinates(task).operator
    kept, expansion = find_copies(operator, task.size)
    assert len(kept) < len(operator) and np.linalg.matrix_rank(np.linalg.matrix_power(operator, 12)) == len(kept)
    basis = make_basis(task.size, 40, "skew", seed=3, tilt=0.5)
    system = construct(task, basis)
    sample = sample_states(system, task, count=64, seed=2, correct=True)
    settled = sample.waves[sample.settled :]
    assert sample.settled > task.history or size == (6, 4)
    assert np.abs(settled - settled[..., kept] @ expansion.T).max() == 0
    assert np.abs(sample.waves[0] - sample.waves[0][:, kept] @ expansion.T).max() > 1
    for method in ("observability", "regression"):
        found = recover(system, task, method)
        figures = judge_basis(system, found, sample)
        assert figures.relative_error < 1e-8 and figures.support_match_weights == 1 and figures.least_r2 > 1 - 1e-8
        assert figures.theory.shape == (len(kept), len(kept)) and not found.compressed


def test_backward_and_forward_powers_are_exact_for_repeat_copy_in_orthonormal_bases():
    task = make_repeat_copy(5, 3)
    basis = make_basis(15, 24, "orthonormal", seed=1)
    system = construct(task, basis)
    for method in ("printed", "corrected"):
        assert distance(recover(system, task, method), basis) < 1e-8


def test_the_mixture_takes_two_exponents_that_agree_only_in_pairs():
    # W^(s-k) W_uh is variable k, and so is (W^T)^k W_r^+: exact at both ends, and in between.
    task = make_repeat_copy(5, 3)
    basis = make_basis(15, 24, "orthonormal", seed=1)
    system = construct(task, basis)
    for alpha in (0.0, 0.5, 1.0):
        assert distance(recover(system, task, "mixture", alpha=alpha), basis) < 1e-8


def test_the_mixture_takes_transients_out_of_every_block_the_newest_included():
    # The encoder writes into transients too; at right angles to the memories they can be taken out without a loss.
    task = make_repeat_copy(5, 3)
    basis = make_basis(15, 24, "orthonormal", seed=1)
    system = construct(task, basis, complement=0.6)
    noise = np.random.default_rng(0).normal(size=(24, 3))
    system = replace(system, encoder=system.encoder + noise - basis.basis @ (basis.basis.T @ noise))
    assert distance(recover(system, task, "mixture", alpha=1.0), basis) < 1e-8
    # Where no eigenvalue counts as transient, nothing is taken out.
    assert distance(recover(system, task, "mixture", alpha=1.0, transient=0.0), basis) > 0.1


def test_printed_and_corrected_forms_are_inexact_in_skew_bases_by_what_the_readout_hides():
    task = make_repeat_copy(5, 3)
    basis = make_basis(15, 24, "skew", seed=1, condition=4.0)
    system = construct(task, basis)
    errors = {method: distance(recover(system, task, method), basis) for method in METHODS}
    assert errors["printed"] > 0.1 and errors["corrected"] > 0.1
    assert errors["observability"] < 1e-8 and errors["regression"] < 1e-8
    # W_r^+ differs from Psi_s exactly where the readout is blind: on it both are read alike.
    start = np.linalg.pinv(system.readout)
    assert np.abs(system.readout @ (start - basis.basis[:, -3:])).max() < 1e-10


def test_transients_do_not_disturb_the_corrected_form_but_the_printed_one():
    # A tilted dual: the readout sees transients, so W_r^+ has a share in them, which is not orthogonal to the memories.
    task = make_repeat_copy(5, 3)
    basis = make_basis(15, 24, "orthonormal", seed=1, tilt=0.8)
    system = construct(task, basis, complement=0.6)
    assert distance(recover(system, task, "printed"), basis) > 0.02
    fresh = sample_states(system, task, count=64, seed=2)
    figures = {method: judge_basis(system, recover(system, task, method), fresh) for method in METHODS}
    assert figures["corrected"].relative_error < 1e-8 < figures["printed"].relative_error


def test_a_power_iteration_is_polluted_by_what_f_does_on_the_way():
    """Ours, after A.6: the block for the newest but one is off by Psi_s F_s, the next by Psi_(s-1) F_s + Psi_s (...)."""
    rng = np.random.default_rng(0)
    history, dim = 4, 2
    matrix = rng.standard_normal((dim, history * dim)) / 3
    basis = make_basis(8, 8, "orthonormal", seed=2)
    recurrent = transform_operator(make_wave_operator(matrix), basis)
    psi = [basis.basis[:, dim * k : dim * k + dim] for k in range(history)]
    newest, before = matrix[:, -dim:], matrix[:, -2 * dim : -dim]
    first = recurrent @ psi[-1]
    assert np.abs(first - psi[-2] - psi[-1] @ newest).max() < 1e-12
    second = recurrent @ first
    expected = psi[-2] @ newest + psi[-1] @ (before + newest @ newest)
    assert np.abs(second - psi[-3] - expected).max() < 1e-12
    # Without the square, as printed, it does not hold.
    assert np.abs(second - psi[-3] - psi[-2] @ newest - psi[-1] @ before).max() > 0.01


def test_any_linear_system_is_recovered_up_to_what_it_shows():
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((2, 8))
    matrix *= 0.9 / np.abs(matrix).sum(axis=1, keepdims=True)
    matrix[:, :2] += np.eye(2) * 0.6
    task = make_linear_hds(matrix, 4, 2)
    basis = make_basis(8, 12, "skew", seed=2, tilt=0.3)
    system = construct(task, basis, complement=0.3)
    found = recover_basis(system, task, "observability", threshold=0.31)
    observable = needed_coordinates(task)
    assert np.abs(found.basis - basis.basis @ observable.projection.T).max() < 1e-6


def test_a_random_starting_block_passes_on_the_weights_and_fails_on_readout_and_content():
    from dataclasses import replace

    task = make_repeat_copy(6, 3)
    system = construct(task, make_basis(18, 30, "orthonormal", seed=0))
    fresh = sample_states(system, task, count=64, seed=2)
    good = recover(system, task, "regression")
    block = good.basis @ np.random.default_rng(1).standard_normal((18, 3))
    blocks = [block]
    for _ in range(5):
        blocks.insert(0, system.recurrent @ blocks[0])
    columns = np.concatenate(blocks, axis=1)
    wrong = replace(good, basis=columns, dual_basis=np.linalg.pinv(columns))
    figures = judge_basis(system, wrong, fresh)
    assert figures.relative_error < 1e-8 and figures.support_match == 1
    assert figures.least_r2 < 0.5 and figures.readout_newest > 0.3


def test_a_random_network_is_rejected():
    task = make_repeat_copy(4, 2)
    system = as_system(ElmanRNN(2, 32, initial="gaussian", seed=3))
    fresh = sample_states(system, task, count=64, seed=2)
    with pytest.raises(UserError, match="it keeps nothing"):
        recover_basis(ElmanSystem(0.5 * system.recurrent, system.encoder, system.readout), task, "observability")
    grown = ElmanSystem(2.0 * system.recurrent, system.encoder, system.readout)
    for method in METHODS:
        figures = judge_basis(grown, recover(grown, task, method), fresh)
        assert figures.least_r2 < 0.5 and figures.support_match_weights < 1


def test_a_network_trained_on_shuffled_targets_is_rejected():
    """It learns what can be learnt without a memory of its own inputs: nothing."""
    task, torch_seed = make_repeat_copy(3, 2), 0
    for shuffled in (False, True):
        network = ElmanRNN(2, 24, initial="orthogonal", seed=torch_seed)
        optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
        generator = np.random.default_rng(0)
        for _ in range(900):
            history = generator.choice([-1.0, 1.0], size=(32, 3, 2))
            targets = torch.tensor(rollout(task, history, 9)[:, 3:], dtype=torch.float32)
            if shuffled:
                targets = targets[torch.as_tensor(generator.permutation(32))]
            outputs = network(torch.tensor(history, dtype=torch.float32).transpose(0, 1), 9).outputs[3:]
            loss = ((outputs - targets.transpose(0, 1)) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        system = as_system(network)
        fitted, fresh = (sample_states(system, task, count=128, horizon=9, seed=seed) for seed in (1, 2))
        try:
            figures = judge_basis(system, recover_basis(system, task, "regression", fitted), fresh)
        except UserError:
            assert shuffled
            continue
        accepted = figures.least_r2 > 0.9 and figures.support_match == 1
        assert accepted != shuffled, (figures.least_r2, figures.support_match)


def test_a_biased_network_is_linearised_at_its_fixed_point():
    task = make_repeat_copy(4, 2)
    basis = make_basis(8, 14, "orthonormal", seed=4)
    wave = 1.1 * transform_operator(make_wave_operator(task.matrix), basis)
    wave = add_complement(wave, basis, 0.4, seed=1)
    point = np.random.default_rng(2).uniform(-0.5, 0.5, 14)
    slopes = 1 - point**2
    # Chosen so that J W_hh at h* is the wave, whatever W_hh itself is.
    recurrent = wave / slopes[:, None]
    bias = np.arctanh(point) - recurrent @ point
    encoder, readout = make_encoder(basis, 2) / slopes[:, None], make_readout(basis, 2)
    system = ElmanSystem(recurrent, encoder, readout, bias)
    found_point = find_fixed_point(system, start=point + 0.05)
    assert np.abs(found_point - point).max() < 1e-10
    linear = linearise_system(system, found_point)
    assert np.abs(linear.recurrent - wave).max() < 1e-9
    module = ElmanRNN(2, 14, bias=True, dtype=torch.float64)
    module.set_matrices(recurrent, encoder, readout)
    module.bias_hh_l0.data = torch.tensor(bias)
    auto = torch.autograd.functional.jacobian(module.step, torch.tensor(found_point))
    assert np.abs(auto.numpy() - linear.recurrent).max() < 1e-6
    found = recover_basis(system, task, "observability", linear=linear)
    assert distance(found, basis) < 1e-8
    assert np.abs(found.origin - point).max() < 1e-10
    # Without the fixed point the weights alone do not show it.
    astray = recover_basis(ElmanSystem(recurrent, encoder, readout), task, "observability")
    assert distance(astray, basis) > 0.01


def test_linearising_needs_a_fixed_point():
    system = ElmanSystem(np.eye(3) * 0.5, np.ones((3, 1)), np.ones((1, 3)), np.ones(3))
    with pytest.raises(UserError, match="not a fixed point"):
        linearise_system(system, np.zeros(3))
    assert np.abs(system.step(linearise_system(system).point) - linearise_system(system).point).max() < 1e-12


def test_the_step_is_first_order_exact_around_the_fixed_point():
    rng = np.random.default_rng(0)
    system = ElmanSystem(
        rng.standard_normal((6, 6)) / 2, rng.standard_normal((6, 2)), np.ones((2, 6)), rng.standard_normal(6) / 3
    )
    linear = linearise_system(system)
    direction, feed = rng.standard_normal(6), rng.standard_normal(2)
    errors = []
    for size in (1e-2, 1e-3):
        stepped = system.step(linear.point + size * direction, size * feed) - linear.point
        errors.append(np.abs(stepped - size * (linear.recurrent @ direction + linear.encoder @ feed)).max())
    assert 80 < errors[0] / errors[1] < 120


def test_the_complement_decays_and_does_not_meet_the_memories():
    task = make_repeat_copy(4, 2)
    basis = make_basis(8, 14, "orthonormal", seed=4, tilt=0.5)
    system = construct(task, basis, complement=0.7)
    sample = sample_states(system, task, count=128)
    complement = find_complement(system, recover(system, task, "regression"), sample)
    assert complement.basis.shape == (14, 6)
    assert complement.into_memories < 1e-8 and complement.out_of_memories < 1e-8
    assert complement.radius == pytest.approx(0.7)


def test_other_histories_do_not_change_the_verdict_and_every_argument_counts():
    task = make_random_selection(5, 3, 1)
    system = construct(task, make_basis(15, 20, "skew", seed=1, tilt=0.2))
    first, second = (sample_states(system, task, 80, 30, seed, correct=True) for seed in (1, 2))
    assert np.abs(first.waves - second.waves).max() > 1
    assert first.states.shape == (31, 80, 20) and first.early.shape == (4, 80, 20)
    assert np.abs(sample_states(system, task, 80, 30, 1).states - first.states).max() > 0.1
    at = recover_basis(system, task, "regression", first, at=0)
    assert np.abs(at.basis - recover_basis(system, task, "regression", first).basis).max() > 1e-9
    assert measure_support(np.eye(3), np.eye(3)) == 1 and measure_support(np.eye(3), -0.4 * np.eye(3)) < 1


def test_one_line_errors():
    task = make_repeat_copy(3, 2)
    system = construct(task, make_basis(6))
    for wrong, words in [
        ({"method": "magic"}, "printed, corrected"),
        ({"method": "mixture", "alpha": 2}, "alpha"),
        ({"method": "regression"}, "sample"),
    ]:
        with pytest.raises(UserError, match=words):
            recover_basis(system, task, **wrong)
    with pytest.raises(UserError, match="outputs"):
        recover_basis(system, make_repeat_copy(3, 4), "printed")
    with pytest.raises(UserError, match="NaN"):
        ElmanSystem(np.full((3, 3), np.nan), np.ones((3, 1)), np.ones((1, 3)))
    with pytest.raises(UserError, match="does not fill"):
        recover_basis(system, task, "regression", sample_states(system, task, count=1), at=0)
