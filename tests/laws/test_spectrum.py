"""Laws of the comparison of spectra: a wave matches its theory in any basis, noise does not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twm.errors import UserError
from twm.models.elman import construct_elman
from twm.theory.bases import make_basis
from twm.theory.operators import make_wave_operator
from twm.theory.spectra import (
    circular_distance,
    compare_spectra,
    compare_with_theory,
    count_clusters,
    find_clusters,
    match_greedy,
    match_optimal,
    reduce_wave_operator,
    select_slow,
)
from twm.theory.systems import make_named_task, make_random_hds, make_random_selection, make_repeat_copy

laws = settings(deadline=None, derandomize=True, max_examples=30)
seeds = st.integers(0, 10_000)
RANKS = {"T1": 64, "T2": 36, "T3": 36, "T4": 36}


def construct(task, seed=0, hidden=None, kind="skew", **options):
    basis = make_basis(task.size, hidden or task.size + 20, kind, seed=seed)
    return construct_elman(task, basis, **options).get_matrices()[0]


def draw_spectrum(count, seed):
    rng = np.random.default_rng(seed)
    return rng.uniform(0.95, 1.5, count) * np.exp(2j * np.pi * rng.random(count))


# ---- constructed networks


@pytest.mark.parametrize("name", RANKS)
@pytest.mark.parametrize("kind", ["orthonormal", "skew"])
def test_a_constructed_network_has_the_spectrum_of_its_operator(name, kind):
    task = make_named_task(name)
    # With other dynamics beside the wave, as a trained network has them.
    found = compare_with_theory(construct(task, 1, 128, kind, complement=0.5), task)
    assert found.rank_theory == found.rank_network == RANKS[name]
    assert compare_spectra(found.theory, found.network) < 1e-8
    assert found.argument_error < 1e-8 and found.argument_error_optimal < 1e-8
    assert len(found.network) + len(found.others) == 128
    assert np.abs(found.others).max() <= 0.5 + 1e-2


@laws
@given(st.integers(2, 6), st.integers(1, 4), seeds)
def test_any_selection_in_any_basis_has_rank_and_arguments_of_its_operator(history, dim, seed):
    task = make_random_selection(history, dim, seed)
    found = compare_with_theory(construct(task, seed), task)
    assert found.rank_theory == found.rank_network
    # Eigenvalues of a Jordan block of size k move by the k-th root of rounding.
    assert found.rank_theory == 0 or found.argument_error_optimal < 1e-2


def test_a_gain_changes_margins_but_no_argument():
    task = make_named_task("T2")
    plain, stronger = (compare_with_theory(construct(task, gain=gain), task) for gain in (1.0, 1.3))
    assert plain.margin == pytest.approx(0, abs=1e-8) and stronger.margin == pytest.approx(0.3, abs=1e-8)
    assert stronger.argument_error < 1e-8
    assert plain.gap > 0.9


def test_reduction_leaves_out_what_is_never_read():
    for name, rank in RANKS.items():
        assert reduce_wave_operator(make_named_task(name)).shape == (rank, rank)
    # Without it the unread coordinates are zeros of the spectrum, and below any threshold.
    task = make_named_task("T2")
    assert True


# ---- negative controls


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_match(seed):
    """Even noise strong enough to have slow eigenvalues at all: rarely the right number, never the right arguments."""
    rng = np.random.default_rng(seed)
    task = make_named_task("T1")
    found = compare_with_theory(rng.standard_normal((128, 128)) / 128**0.5, task)
    assert found.rank_network < 64 and found.argument_error is None
    # Given the right number of eigenvalues, random arguments are still off.
    random = draw_spectrum(64, seed)
    assert match_optimal(found.theory, random).error > 0.1


@pytest.mark.parametrize("pair", [("T2", "T3"), ("T3", "T4"), ("T2", "T4")])
def test_tasks_of_equal_rank_are_told_apart(pair):
    network, claimed = map(make_named_task, pair)
    found = compare_with_theory(construct(network), claimed)
    assert found.rank_network == found.rank_theory == 36
    assert found.argument_error > 1e-2 and found.argument_error_optimal > 1e-2


def test_differing_counts_are_undefined():
    task = make_repeat_copy(4, 3)
    recurrent = construct(task)
    # One memory taken away: the cycle's eigenvalue 1, in one of its three dimensions.
    values, vectors = np.linalg.eig(recurrent)
    values[np.abs(values - 1).argmin()] = 0.2
    weaker = (vectors @ np.diag(values) @ np.linalg.inv(vectors)).real
    found = compare_with_theory(weaker, task)
    assert (found.rank_theory, found.rank_network) == (12, 11)
    assert found.greedy is None and found.optimal is None
    assert found.argument_error is None and found.argument_error_optimal is None
    assert found.gap == pytest.approx(0.8, abs=1e-6)
    assert match_greedy(np.ones(2), np.ones(3)) is None and match_greedy([], []) is None


def test_the_threshold_decides_what_counts():
    task = make_repeat_copy(4, 3)
    faded = construct(task, gain=0.8)
    assert compare_with_theory(faded, task).rank_network == 0
    found = compare_with_theory(faded, task, threshold=0.5)
    assert found.rank_network == 12 and found.argument_error < 1e-8
    assert compare_with_theory(faded, task).margin is None and compare_with_theory(faded, task).gap is None


# ---- matching


@laws
@given(st.integers(1, 25), seeds)
def test_matching_does_not_depend_on_the_order_of_the_networks_eigenvalues(count, seed):
    theory, network = draw_spectrum(count, seed), draw_spectrum(count, seed + 1)
    order = np.random.default_rng(seed).permutation(count)
    for match in (match_greedy, match_optimal):
        plain, shuffled = match(theory, network), match(theory, network[order])
        assert plain.error == pytest.approx(shuffled.error, abs=1e-12)
        # Which of theory's eigenvalues comes first in the array does not matter either.
        assert match(theory[order], network).error == pytest.approx(plain.error, abs=1e-12)
        assert sorted(plain.partners) == list(range(count))
        assert np.allclose(plain.differences, circular_distance(np.angle(theory), np.angle(network[plain.partners])))


@laws
@given(st.integers(1, 25), seeds)
def test_no_pairing_is_better_than_the_optimal_one(count, seed):
    theory, network = draw_spectrum(count, seed), draw_spectrum(count, seed + 1)
    best = match_optimal(theory, network).error
    assert best <= match_greedy(theory, network).error + 1e-12
    rng = np.random.default_rng(seed)
    for _ in range(20):
        tried = circular_distance(np.angle(theory), np.angle(network[rng.permutation(count)]))
        assert best <= tried.mean() + 1e-12


def test_greedy_can_be_worse_than_optimal():
    # 0.1 takes 0.15, the better partner of 0.2; what is left for 0.2 is far away.
    theory, network = np.exp(1j * np.array([0.1, 0.2])), np.exp(1j * np.array([0.15, 0.0]))
    assert match_greedy(theory, network).error == pytest.approx((0.05 + 0.2) / 2)
    assert match_optimal(theory, network).error == pytest.approx((0.1 + 0.05) / 2)


@laws
@given(st.integers(2, 16), st.integers(1, 4), st.floats(-0.9, 0.9), st.floats(0.95, 2.0))
def test_a_rotated_spectrum_is_off_by_the_angle(history, dim, share, magnitude):
    """Clusters of a cycle, turned by less than half their distance: every pair is off by just that."""
    cycle = np.repeat(np.exp(2j * np.pi * np.arange(history) / history), dim)
    angle = share * np.pi / history
    for match in (match_greedy, match_optimal):
        assert match(cycle, magnitude * cycle * np.exp(1j * angle)).error == pytest.approx(abs(angle), abs=1e-9)


@pytest.mark.parametrize("rounding", [1e-15, -1e-15])
def test_the_cut_of_the_argument_is_no_distance(rounding):
    # An eigenvalue at -1 (or at 1) may come out on either side of the cut.
    for value in (-1.0, 1.0):
        theory, network = np.array([value, 1j, -1j]), np.array([value + 1j * rounding, 1j, -1j])
        assert match_greedy(theory, network).error < 1e-12
        order = select_slow(network)
        assert np.abs(order[0] - 1) < 1e-9 if value == 1.0 else np.abs(order[1] + 1) < 1e-9


@laws
@given(st.floats(-20, 20), st.floats(-20, 20), st.integers(-3, 3))
def test_circular_distance_is_a_distance_on_the_circle(first, second, turns):
    distance = float(circular_distance(first, second))
    assert 0 <= distance <= np.pi + 1e-12
    assert distance == pytest.approx(float(circular_distance(second, first + 2 * np.pi * turns)), abs=1e-9)
    assert distance == pytest.approx(abs(np.angle(np.exp(1j * (first - second)))), abs=1e-9)


# ---- clusters


def test_clusters_of_repeat_copy_hold_dim_each():
    task = make_repeat_copy(16, 5)
    found = compare_with_theory(construct(task, hidden=128), task)
    centres = find_clusters(found.theory)
    assert np.allclose(centres, 2 * np.pi * np.arange(16) / 16)
    assert count_clusters(found.network, centres).tolist() == [5] * 16
    # A network with one memory less in a cluster shows where.
    fewer = np.delete(found.network, np.abs(found.network - 1j).argmin())
    assert count_clusters(fewer, centres).tolist() == [5] * 4 + [4] + [5] * 11


def test_counts_sum_to_the_number_of_eigenvalues():
    spectrum = draw_spectrum(40, 0)
    assert count_clusters(spectrum, np.array([0.0, 1.0, 4.0])).sum() == 40
    assert count_clusters(np.array([np.exp(6.2j)]), np.array([1.0, 0.0])).tolist() == [0, 1]
    assert len(find_clusters(spectrum)) == 40 and find_clusters([]).shape == (0,)


# ---- bad input


def test_bad_input_is_refused():
    task = make_repeat_copy(2, 2)
    with pytest.raises(UserError, match="square"):
        compare_with_theory(np.zeros((3, 4)), task)
    with pytest.raises(UserError, match="finite"):
        compare_with_theory(np.full((4, 4), np.nan), task)
    with pytest.raises(UserError, match="no boundary matrix"):
        compare_with_theory(np.eye(4), make_random_hds(2, 2, "smooth", 0))
    with pytest.raises(UserError, match="vector"):
        match_greedy(np.eye(2), np.ones(2))
    with pytest.raises(UserError, match="centres"):
        count_clusters(np.ones(2), [])
