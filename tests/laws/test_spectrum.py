"""Laws of similarity and spectra: a constructed network has its theory's in any basis; noise and others do not pass."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twm.theory.bases import add_complement, make_basis, transform_operator
from twm.theory.operators import make_cycle, make_shift, make_wave_operator, repeat_copy_spectrum
from twm.theory.spectra import (
    circular_distance, compare_spectra, compare_with_theory, count_clusters, find_clusters, match_greedy, match_optimal,
    nonzero_eigenvalues, predict_eigenvalues, ranks_of_powers, select_slow, set_magnitudes, similarity_error,
)  # fmt: skip
from twm.theory.systems import make_named_task, make_random_selection, make_repeat_copy

laws = settings(max_examples=30)
seeds = st.integers(0, 10_000)
systems = st.builds(make_random_selection, st.integers(1, 5), st.integers(1, 4), seeds)
RANKS = {"T1": 64, "T2": 36, "T3": 36, "T4": 36}


def construct(task, seed=0, hidden=None, kind="skew", complement=0.0):
    """Return the basis and the recurrent matrix of a network for a task, with other dynamics beside the wave."""
    hidden = hidden or task.size + 20
    basis = make_basis(task.size, hidden, kind, seed=seed, tilt=1.0 if hidden > task.size else 0.0)
    recurrent = transform_operator(make_wave_operator(task.matrix), basis)
    return basis, add_complement(recurrent, basis, complement, seed)


def draw_spectrum(count, seed):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.95, 1.5, count) * np.exp(2j * np.pi * rng.random(count))


@laws
@given(systems, st.integers(0, 6), st.sampled_from(["orthonormal", "skew"]), seeds)
def test_constructed_operator_is_similar(system, extra, kind, seed):
    operator = make_wave_operator(system.matrix)
    basis, recurrent = construct(system, seed, system.size + extra, kind)
    assert similarity_error(recurrent, basis.basis, operator) <= 1e-10
    assert ranks_of_powers(recurrent, system.size) == ranks_of_powers(operator, system.size)
    assert compare_spectra(nonzero_eigenvalues(recurrent), nonzero_eigenvalues(operator)) <= 1e-8
    # A signed selection is a signed map of coordinates: cycles give roots of +-1, what leads into them gives zeros.
    assert np.allclose(np.abs(nonzero_eigenvalues(operator)), 1, atol=1e-7)
    _, recurrent = construct(system, seed, system.size + extra, kind, complement=0.5)
    assert similarity_error(recurrent, basis.basis, operator) <= 1e-10
    values = np.linalg.eigvals(recurrent)
    assert compare_spectra(values[np.abs(values) > 0.9], nonzero_eigenvalues(operator)) <= 1e-8


def test_ranks_of_powers_tell_what_computed_eigenvalues_do_not():
    # The shift has nothing but zeros; in a skew basis its computed eigenvalues are nowhere near machine precision.
    recurrent = transform_operator(make_shift(16, 3), make_basis(48, kind="skew", seed=0))
    assert np.abs(np.linalg.eigvals(recurrent)).max() > 1e-3 and len(nonzero_eigenvalues(recurrent)) == 0
    assert ranks_of_powers(recurrent, 16) == [48 - 3 * k for k in range(1, 17)]
    # The powers themselves span 3^64 / 0.3^64 = 1e64, far beyond float64.
    values = np.diag(np.r_[np.full(10, 3.0), np.full(10, 0.3)])
    assert ranks_of_powers(transform_operator(values, make_basis(20, kind="skew", seed=1)), 64)[-1] == 20
    # Two zeros in one Jordan block, or in two: same eigenvalues, not similar.
    assert ranks_of_powers(np.eye(2, k=1), 2) == [1, 0] != ranks_of_powers(np.zeros((2, 2)), 2)


def test_what_must_not_pass_for_similar():
    second, (basis, recurrent) = make_wave_operator(make_named_task("T3").matrix), construct(make_named_task("T2"), 5)
    assert similarity_error(recurrent, basis.basis, second) > 0.1, "another boundary"
    assert compare_spectra(nonzero_eigenvalues(recurrent), nonzero_eigenvalues(second)) > 0.01
    # Tasks of equal rank are told apart by their arguments.
    for network, claimed in (("T2", "T3"), ("T3", "T4"), ("T2", "T4")):
        found = compare_with_theory(construct(make_named_task(network))[1], make_named_task(claimed))
        assert found.rank_network == found.rank_theory == 36
        assert found.argument_error > 1e-2 and found.argument_error_optimal > 1e-2
    assert compare_spectra(np.ones(3), np.ones(4)) == float("inf")


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("kind", ["orthonormal", "skew"])
def test_a_constructed_network_has_the_spectrum_of_its_operator(name, kind):
    task = make_named_task(name)
    # With other dynamics beside the wave, as a trained network has them.
    found = compare_with_theory(construct(task, 1, 128, kind, complement=0.5)[1], task)
    assert found.rank_theory == found.rank_network == RANKS[name]
    assert compare_spectra(found.theory, found.network) < 1e-8
    assert found.argument_error < 1e-8 and found.argument_error_optimal < 1e-8
    assert len(found.network) + len(found.others) == 128 and np.abs(found.others).max() <= 0.5 + 1e-2


def test_a_gain_changes_margins_but_no_argument_and_the_threshold_decides_what_counts():
    task = make_named_task("T2")
    plain, stronger = (compare_with_theory(gain * construct(task)[1], task) for gain in (1.0, 1.3))
    assert plain.margin == pytest.approx(0, abs=1e-8) and stronger.margin == pytest.approx(0.3, abs=1e-8)
    assert stronger.argument_error < 1e-8
    faded = compare_with_theory(0.8 * construct(task)[1], task)
    assert (faded.rank_network, faded.margin, faded.greedy) == (0, None, None)
    lower = compare_with_theory(0.8 * construct(task)[1], task, threshold=0.5)
    assert lower.rank_network == 36 and lower.argument_error < 1e-8
    # Of memories of unequal strength the weakest has the margin.
    unequal = compare_with_theory(np.kron(make_cycle(4, 1), np.diag([1.3, 1.1])), make_repeat_copy(4, 2))
    assert unequal.margin == pytest.approx(0.1) and unequal.rank_network == 8


def test_magnitudes_are_set_at_will_and_arguments_turned_away_from_the_real_axis():
    matrix = 1.2 * np.random.default_rng(0).standard_normal((40, 40)) / 40**0.5
    before = np.linalg.eigvals(matrix)
    moved = np.where(np.abs(before) > 0.9, 1.3 * np.exp(1j * (np.angle(before) + 0.03 * np.sign(before.imag))), before)
    assert compare_spectra(np.linalg.eigvals(set_magnitudes(matrix, 1.3, 0.03)), moved) < 1e-10


def test_differing_counts_are_undefined():
    task = make_repeat_copy(4, 3)
    basis, recurrent = construct(task)
    # One memory taken away: the cycle's eigenvalue 1, in one of its three dimensions.
    lasting = np.kron(np.ones(4), [0.5, 0.0, 0.0])
    found = compare_with_theory(recurrent - 0.8 * np.outer(basis.basis @ lasting, lasting @ basis.dual_basis), task)
    assert (found.rank_theory, found.rank_network) == (12, 11)
    assert found.argument_error is None and found.argument_error_optimal is None
    assert match_greedy(np.ones(2), np.ones(3)) is None and match_optimal([], []) is None


@laws
@given(st.integers(1, 25), seeds)
def test_matching_does_not_depend_on_orders_and_no_pairing_is_better_than_the_optimal_one(count, seed):
    rng = np.random.default_rng(seed)
    theory, network, order = draw_spectrum(count, seed), draw_spectrum(count, seed + 1), rng.permutation(count)
    for match in (match_greedy, match_optimal):
        plain = match(theory, network)
        assert plain.error == pytest.approx(match(theory, network[order]).error, abs=1e-12)
        assert plain.error == pytest.approx(match(theory[order], network).error, abs=1e-12)
        assert sorted(plain.partners) == list(range(count))
        assert np.allclose(plain.differences, circular_distance(np.angle(theory), np.angle(network[plain.partners])))
    # Clusters of a cycle, turned by less than half their distance: every pair is off by just that.
    angle, cycle = rng.uniform(-0.9, 0.9) * np.pi / count, repeat_copy_spectrum(count, 2)
    for match in (match_greedy, match_optimal):
        assert match(cycle, 1.3 * cycle * np.exp(1j * angle)).error == pytest.approx(abs(angle), abs=1e-9)
    tried = [circular_distance(np.angle(theory), np.angle(network[rng.permutation(count)])).mean() for _ in range(20)]
    assert match_optimal(theory, network).error <= min([match_greedy(theory, network).error, *tried]) + 1e-12


def test_greedy_can_be_worse_than_optimal():
    # 0.1 takes 0.15, the better partner of 0.2; what is left for 0.2 is far away.
    theory, network = np.exp(1j * np.array([0.1, 0.2])), np.exp(1j * np.array([0.15, 0.0]))
    assert match_greedy(theory, network).error == pytest.approx((0.05 + 0.2) / 2)
    assert match_optimal(theory, network).error == pytest.approx((0.1 + 0.05) / 2)


@pytest.mark.parametrize("rounding", [1e-15, -1e-15])
def test_the_cut_of_the_argument_is_no_distance(rounding):
    # An eigenvalue at -1 (or at 1) may come out on either side of the cut.
    for value in (-1.0, 1.0):
        theory, network = np.array([value, 1j, -1j]), np.array([value + 1j * rounding, 1j, -1j])
        assert match_greedy(theory, network).error < 1e-12
        order = select_slow(network)
        assert np.abs(order[0] - 1) < 1e-9 if value == 1.0 else np.abs(order[1] + 1) < 1e-9


def test_clusters_of_repeat_copy_hold_dim_each():
    task = make_repeat_copy(16, 5)
    network = compare_with_theory(construct(task, hidden=128)[1], task).network
    centres = find_clusters(predict_eigenvalues(task))
    assert np.allclose(centres, 2 * np.pi * np.arange(16) / 16)
    assert count_clusters(network, centres).tolist() == [5] * 16
    # A network with one memory less in a cluster shows where.
    fewer = np.delete(network, np.abs(network - 1j).argmin())
    assert count_clusters(fewer, centres).tolist() == [5] * 4 + [4] + [5] * 11
