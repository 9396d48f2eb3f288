"""Recovering a basis: exact where the theory is exact, rejected where there is no wave."""

from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import refusals
from twm.analysis import judging
from twm.analysis.analyses import measure_settled_basis
from twm.analysis.judging import find_complement, judge_basis, judge_loading, judge_shift, measure_rest, scan_mixture
from twm.analysis.recovery import METHODS, find_copies, recover_basis, sample_states
from twm.analysis.systems import ElmanSystem, as_system, find_fixed_point, linearise_system
from twm.errors import UserError
from twm.models.elman import ElmanRNN, construct_elman
from twm.theory.bases import add_complement, make_basis, make_encoder, make_readout, transform_operator
from twm.theory.operators import make_cycle, make_wave_operator
from twm.theory.spectra import needed_coordinates
from twm.theory.systems import make_linear_hds, make_named_task, make_random_selection, make_repeat_copy

COPY = make_repeat_copy(5, 3)
UPRIGHT = make_basis(15, 24, "orthonormal", seed=1)


def construct(task, basis, complement=0.5):
    return as_system(construct_elman(task, basis, complement=complement, seed=0))


def recover(system, task, method, **options):
    return recover_basis(system, task, method, sample_states(system, task, 150, seed=1, correct=True), **options)


def judge(system, task, basis):
    return judge_basis(system, basis, sample_states(system, task, 64, seed=2, correct=True))


def distance(found, basis):
    return np.abs(found.basis - basis.basis).max()


@pytest.mark.parametrize("kind", ["orthonormal", "skew"])
@pytest.mark.parametrize("name", ["T1", "T2", "T3", "T4"])
def test_general_methods_find_every_task_in_every_basis(name, kind):
    task, basis = make_named_task(name), make_basis(64, 90, kind, seed=3, tilt=0.5)
    system = construct(task, basis)
    for method in ("observability", "regression"):
        found = recover(system, task, method)
        figures = judge(system, task, found)
        assert figures.relative_error < 1e-8 and figures.support_match == figures.support_match_weights == 1
        assert figures.least_r2 > 1 - 1e-8 and max(figures.readout_newest, figures.readout_others) < 1e-8
        # What f never reads is said to be unread, not made up.
        assert sorted(found.coordinates + found.unread) == list(range(64))
        assert len(found.unread) == (0 if name == "T1" else 28)
        # Where all is needed there is one dual that transients do not enter.
        assert name != "T1" or np.abs(found.dual_basis - basis.dual_basis).max() < 1e-7


@pytest.mark.parametrize(("size", "seed"), [((6, 4), 1), ((5, 5), 2)])
def test_what_becomes_a_copy_is_counted_once(size, seed):
    # f reads one dimension twice and another never again: two coordinates end up with the same content; in the second
    # task this takes more than a lap.
    task = make_random_selection(*size, seed)
    operator = needed_coordinates(task).operator
    kept, expansion = find_copies(operator, task.size)
    assert len(kept) < len(operator) and np.linalg.matrix_rank(np.linalg.matrix_power(operator, 12)) == len(kept)
    system = construct(task, make_basis(task.size, 40, "skew", seed=3, tilt=0.5))
    sample = sample_states(system, task, count=64, seed=2, correct=True)
    assert sample.settled > task.history or size == (6, 4)
    apart = np.abs(sample.waves - sample.waves[..., kept] @ expansion.T).max((1, 2))
    assert apart[sample.settled :].max() == 0 < apart[0]
    for method in ("observability", "regression"):
        found = recover(system, task, method)
        figures = judge_basis(system, found, sample)
        assert figures.relative_error < 1e-8 and figures.support_match_weights == 1 and figures.least_r2 > 1 - 1e-8
        assert figures.theory.shape == (len(kept), len(kept)) and found.rank_network == found.rank_theory == len(kept)


@pytest.mark.parametrize(("method", "alpha"), [*((name, 0.5) for name in METHODS[:4]), ("mixture", 0), ("mixture", 1)])
def test_backward_and_forward_powers_are_exact_for_repeat_copy_in_orthonormal_bases(method, alpha):
    # W^(s-k) W_uh is variable k, and so is (W^T)^k W_r^+: exact at both ends of the mixture, and in between.
    assert distance(recover(construct(COPY, UPRIGHT), COPY, method, alpha=alpha), UPRIGHT) < 1e-8


def test_the_mixture_takes_transients_out_of_every_block_so_that_its_pseudo_inverse_is_the_spectral_dual():
    system = construct(COPY, basis := make_basis(15, 24, "orthonormal", seed=1, tilt=0.8), 0.6)
    # The encoder writes into transients too.
    noise = (np.eye(24) - basis.basis @ basis.dual_basis) @ np.random.default_rng(0).normal(size=(24, 3))
    system = replace(system, encoder=system.encoder + noise)
    cleaned, raw = (recover(system, COPY, "mixture", alpha=1.0, transient=limit) for limit in (1.0, 0.0))
    assert np.abs(cleaned.dual_basis - basis.dual_basis).max() < 1e-8 < 0.01 < distance(cleaned, basis)
    assert np.abs(raw.dual_basis - basis.dual_basis).max() > 0.1


def test_a_scan_judges_the_mixture_as_it_is_judged_alone_and_loading_and_shift_notice_a_wrong_basis():
    system = construct(COPY, make_basis(15, 24, "skew", seed=1, condition=2.0))
    sample, basis = sample_states(system, COPY, 64, seed=2, correct=True), recover(system, COPY, "regression")
    alone = judge_basis(system, recover_basis(system, COPY, "mixture", alpha=0.7), sample)
    scan = scan_mixture(system, COPY, sample, [0.7, 1.0])
    assert np.allclose([each[0] for each in scan.values()], [alone.relative_error, alone.least_r2], atol=1e-10)
    assert scan["relative_error"][1] < 1e-8 < 0.01 < scan["relative_error"][0]
    # The encoder is Psi_s, and in a skew basis the pseudo-inverse of the readout is not.
    shift = judge_shift(system, basis, 5)
    assert max(shift["step"], shift["newest"], *judge_loading(basis, sample).values()) < 1e-8 < 0.1 < shift["encoder"]
    turned = replace(basis, basis=np.roll(basis.basis, 3, axis=1), dual_basis=np.roll(basis.dual_basis, 3, axis=0))
    found = judge_loading(turned, sample)
    assert min(found["empty_first"], found["loaded"], found["wrong_signs"]) > 0.3


def test_printed_and_corrected_forms_are_inexact_in_skew_bases_by_what_the_readout_hides():
    basis = make_basis(15, 24, "skew", seed=1, condition=4.0)
    system = construct(COPY, basis)
    errors = [distance(recover(system, COPY, method), basis) for method in METHODS]
    assert min(errors[:-2]) > 0.1 > 1e-8 > max(errors[-2:])  # The last two, observability and regression, are general.
    # W_r^+ differs from Psi_s exactly where the readout is blind: on it both are read alike.
    assert np.abs(system.readout @ (np.linalg.pinv(system.readout) - basis.basis[:, -3:])).max() < 1e-10


def test_transients_do_not_disturb_the_corrected_form_but_the_printed_one():
    # A tilted dual: the readout sees transients, so W_r^+ has a share in them, which is not orthogonal to the memories.
    system = construct(COPY, make_basis(15, 24, "orthonormal", seed=1, tilt=0.8), 0.6)
    printed, corrected = (judge(system, COPY, recover(system, COPY, method)) for method in ("printed", "corrected"))
    assert corrected.relative_error < 1e-8 < 0.01 < printed.relative_error


def test_any_linear_system_is_recovered_up_to_what_it_shows():
    matrix = np.random.default_rng(5).standard_normal((2, 8))
    matrix *= 0.9 / np.abs(matrix).sum(axis=1, keepdims=True)
    matrix[:, :2] += np.eye(2) * 0.6
    task, basis = make_linear_hds(matrix, 4, 2), make_basis(8, 12, "skew", seed=2, tilt=0.3)
    found = recover_basis(construct(task, basis, 0.3), task, "observability", threshold=0.31)
    assert np.abs(found.basis - basis.basis @ needed_coordinates(task).projection.T).max() < 1e-6


def test_a_random_network_is_rejected():
    task = make_repeat_copy(4, 2)
    system = as_system(ElmanRNN(2, 32, initial="gaussian", seed=3))
    with pytest.raises(UserError, match="no slow mode"):
        recover_basis(replace(system, recurrent=0.5 * system.recurrent), task, "observability")
    grown = replace(system, recurrent=2.0 * system.recurrent)
    for method in METHODS:
        figures = judge(grown, task, recover(grown, task, method))
        assert figures.least_r2 < 0.5 and figures.support_match_weights < 1


def test_a_biased_network_is_linearised_at_its_fixed_point():
    task, basis = make_repeat_copy(4, 2), make_basis(8, 14, "orthonormal", seed=4)
    wave = add_complement(1.1 * transform_operator(make_wave_operator(task.matrix), basis), basis, 0.4, seed=1)
    point = np.random.default_rng(2).uniform(-0.5, 0.5, 14)
    slopes = (1 - point**2)[:, None]
    # Chosen so that J W_hh at h* is the wave, whatever W_hh itself is.
    recurrent, encoder, readout = wave / slopes, make_encoder(basis, 2) / slopes, make_readout(basis, 2)
    system = ElmanSystem(recurrent, encoder, readout, np.arctanh(point) - recurrent @ point)
    found_point = find_fixed_point(system, start=point + 0.05)
    assert np.abs(found_point - point).max() < 1e-10
    linear = linearise_system(system, found_point)
    assert np.abs(linear.recurrent - wave).max() < 1e-9
    found = recover_basis(system, task, "observability", linear=linear)
    assert distance(found, basis) < 1e-8 and np.abs(found.origin - point).max() < 1e-10
    # Without the fixed point the weights alone do not show it.
    assert distance(recover_basis(replace(system, bias=None), task, "observability"), basis) > 0.01


def test_the_complement_decays_and_does_not_meet_the_memories():
    system = construct(COPY, make_basis(15, 24, "orthonormal", seed=4, tilt=0.5), 0.7)
    found, sample = recover(system, COPY, "regression"), sample_states(system, COPY, count=128)
    complement = find_complement(system, found, sample)
    assert complement.basis.shape == (24, 9) and complement.radius == pytest.approx(0.7)
    assert complement.into_memories < 1e-8 and complement.out_of_memories < 1e-8
    coupled = system.recurrent + found.basis @ np.ones((15, 9)) @ complement.basis.T
    coupled = find_complement(replace(system, recurrent=coupled), found, sample)
    assert coupled.out_of_memories < 1e-8 < 0.1 < coupled.into_memories


def test_with_the_mean_gain_the_linear_step_is_the_true_one_on_average():
    rng, system = np.random.default_rng(0), as_system(ElmanRNN(2, 32, initial="gaussian", seed=3))
    system = replace(system, recurrent=0.7 * system.recurrent, bias=rng.uniform(-0.5, 0.5, 32))
    point, states = find_fixed_point(system), system.run(rng.standard_normal((20, 32)), 5)
    drive, moved = (states - point) @ system.recurrent.T, system.step(states) - point
    gain = judging._measure_gain(system, point, states)
    assert np.abs(((moved - gain * drive) * drive).mean((0, 1))).max() < 1e-12 < 0.02 < (1 - gain).min()


def test_the_mean_gain_takes_growth_at_rest_and_what_saturation_hides_out_of_the_weights():
    # A neuron a variable, of magnitude a = tanh(2 a): the orbit's step is Phi, where that of the weights is twice Phi.
    doubled = as_system(construct_elman(COPY, make_basis(15), "tanh", gain=2.0))
    figures = judge(doubled, COPY, recover(doubled, COPY, "regression"))
    assert figures.relative_error == pytest.approx(1) and figures.relative_error_orbit < 1e-3
    # Each neuron also drives itself, by more than 0.5, but is saturated.
    leaky = replace(doubled, recurrent=1.5 * doubled.recurrent + 0.6 * np.eye(15))
    figures = judge(leaky, COPY, recover(leaky, COPY, "regression"))
    assert figures.support_match == 1 and figures.support_match_weights == pytest.approx(1 - 15 / 15**2)


@pytest.mark.parametrize(("kind", "clear"), [("standard", 15), ("orthonormal", 0)])
def test_the_settled_basis_of_a_wave_is_exact_and_that_of_a_fading_one_at_first(kind, clear):
    basis = make_basis(15, 24, kind, seed=1)
    found = measure_settled_basis(construct(COPY, basis), COPY, 64)
    ones = ("accuracy", "support_orbit", "explained", "encoding_r2_60", "encoding_r2_200", "output_r2", "changed_100")
    assert [found[name] for name in ones] == pytest.approx([1] * 7)
    assert [found[name] for name in ("rank_theory", "rank_network", "variables", "wrong_signs")] == [15, 15, 15, 0]
    assert found["cluster_least"] == found["cluster_most"] == 3 and found["clear_neurons"] == clear
    fading = measure_settled_basis(as_system(construct_elman(COPY, basis, gain=0.99)), COPY, 64)
    assert fading["wrong_signs"] == 0 and fading["changed_100"] == 1
    assert fading["encoding_r2_200"] + 0.1 < fading["encoding_r2_60"] < 0.99


def test_what_feeds_the_wave_is_counted_in_principal_directions_of_the_rest():
    Q, weights = np.linalg.qr(np.random.default_rng(0).standard_normal((16, 16)))[0], np.zeros((16, 16))
    weights[:6, :6] = make_cycle(3, 2)
    weights[range(5), range(6, 11)] = np.sqrt([6, 2, 1.2, 0.5, 0.3])  # of ten directions three carry 92%
    system = ElmanSystem(Q @ weights @ Q.T, np.zeros((16, 2)), np.zeros((2, 16)))
    active = (np.arange(1, 17)[:, None] * Q.T)[:, None]
    sample = replace(sample_states(BUILT, SHORT, 1), early=active[:10], states=active[10:])
    assert measure_rest(system, sample) == pytest.approx((np.sqrt(10 / 6), 0.3))


SHORT = make_repeat_copy(3, 2)
BUILT = construct(SHORT, make_basis(6))
test_one_line_errors = refusals(
    (lambda: recover_basis(BUILT, SHORT, "magic"), "printed, mixture, released"),
    (lambda: recover_basis(BUILT, SHORT, "mixture", alpha=2), "alpha"), (lambda: recover_basis(BUILT, SHORT), "sample"),
    (lambda: recover_basis(BUILT, make_repeat_copy(3, 4), "printed"), "outputs"),
    (lambda: recover_basis(BUILT, SHORT, "regression", sample_states(BUILT, SHORT, 1), at=0), "not fill"),
    (lambda: replace(BUILT, recurrent=np.full((6, 6), np.nan)), "NaN"),
    (lambda: linearise_system(replace(BUILT, bias=np.ones(6)), np.zeros(6)), "not a fixed point"),
    (lambda: BUILT.run(np.zeros((1, 6)), -1), "steps"),
)  # fmt: skip
