"""Laws of similarity: constructed networks share Phi's nonzero spectrum, and wrong operators do not pass."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twm.theory.bases import add_complement, make_basis, transform_operator
from twm.theory.operators import make_cycle, make_shift, make_wave_operator, repeat_copy_spectrum
from twm.theory.spectra import compare_spectra, nonzero_eigenvalues, ranks_of_powers, similarity_error, stable_rank
from twm.theory.systems import make_named_task, make_random_selection

laws = settings(deadline=None, derandomize=True, max_examples=30)
systems = st.builds(make_random_selection, st.integers(1, 5), st.integers(1, 4), st.integers(0, 10_000))


@laws
@given(systems, st.integers(0, 6), st.sampled_from(["orthonormal", "skew"]), st.integers(0, 10_000))
def test_constructed_operator_is_similar(system, extra, kind, seed):
    operator = make_wave_operator(system.matrix)
    basis = make_basis(system.size, system.size + extra, kind, seed=seed, tilt=1.0 if extra else 0.0)
    recurrent = transform_operator(operator, basis)
    assert similarity_error(recurrent, basis.basis, operator) <= 1e-10
    assert ranks_of_powers(recurrent, system.size) == ranks_of_powers(operator, system.size)
    assert compare_spectra(nonzero_eigenvalues(recurrent), nonzero_eigenvalues(operator)) <= 1e-8


@laws
@given(systems, st.integers(1, 6), st.integers(0, 10_000))
def test_a_decaying_complement_adds_its_own_eigenvalues_only(system, extra, seed):
    operator = make_wave_operator(system.matrix)
    basis = make_basis(system.size, system.size + extra, "skew", seed=seed, tilt=1.0)
    recurrent = add_complement(transform_operator(operator, basis), basis, 0.5, seed)
    assert similarity_error(recurrent, basis.basis, operator) <= 1e-10
    values = np.linalg.eigvals(recurrent)
    assert compare_spectra(values[np.abs(values) > 0.9], nonzero_eigenvalues(operator)) <= 1e-8


@laws
@given(systems)
def test_nonzero_eigenvalues_of_a_selection_lie_on_the_unit_circle(system):
    # A signed selection is a signed map of coordinates: cycles give roots of +-1, whatever leads into them gives zeros.
    assert np.allclose(np.abs(nonzero_eigenvalues(make_wave_operator(system.matrix))), 1, atol=1e-7)


@pytest.mark.parametrize(("name", "rank"), [("T1", 64), ("T2", 36), ("T3", 36), ("T4", 36)])
def test_named_tasks_have_the_known_number_of_nonzero_eigenvalues(name, rank):
    assert stable_rank(make_wave_operator(make_named_task(name).matrix)) == rank


def test_repeat_copy_spectrum_in_a_hidden_basis():
    basis = make_basis(64, 100, "skew", seed=2, tilt=1.0)
    recurrent = transform_operator(make_cycle(8, 8), basis)
    assert compare_spectra(nonzero_eigenvalues(recurrent), repeat_copy_spectrum(8, 8)) <= 1e-8


def test_computed_zeros_scatter_while_ranks_of_powers_do_not():
    # The shift has nothing but zeros; in a skew basis its computed eigenvalues are nowhere near machine precision.
    basis = make_basis(48, kind="skew", seed=0)
    recurrent = transform_operator(make_shift(16, 3), basis)
    assert np.abs(np.linalg.eigvals(recurrent)).max() > 1e-3
    assert ranks_of_powers(recurrent, 16) == [48 - 3 * k for k in range(1, 17)]
    assert len(nonzero_eigenvalues(recurrent)) == 0


def test_ranks_of_powers_do_not_lose_small_eigenvalues_behind_large_ones():
    # The powers themselves span 3^64 / 0.3^64 = 1e64, far beyond float64.
    operator = make_basis(20, kind="skew", seed=1).basis @ np.diag(np.r_[np.full(10, 3.0), np.full(10, 0.3)])
    operator = operator @ make_basis(20, kind="skew", seed=1).dual_basis
    assert ranks_of_powers(operator, 64)[-1] == 20


# ---- what must not pass


def test_another_boundary_is_not_similar():
    first, second = (make_wave_operator(make_named_task(name).matrix) for name in ("T2", "T3"))
    basis = make_basis(64, 80, "skew", seed=5)
    recurrent = transform_operator(first, basis)
    assert similarity_error(recurrent, basis.basis, second) > 0.1
    assert compare_spectra(nonzero_eigenvalues(recurrent), nonzero_eigenvalues(second)) > 0.01


def test_shuffled_columns_are_not_the_basis():
    basis = make_basis(64, 80, "skew", seed=5)
    recurrent = transform_operator(make_cycle(8, 8), basis)
    shuffled = basis.basis[:, np.random.default_rng(0).permutation(64)]
    assert similarity_error(recurrent, shuffled, make_cycle(8, 8)) > 0.1


def test_a_random_matrix_has_another_spectrum():
    random = np.random.default_rng(0).standard_normal((64, 64)) / 8
    assert compare_spectra(nonzero_eigenvalues(random), repeat_copy_spectrum(8, 8)) > 0.1


def test_spectra_of_different_counts_never_match():
    assert compare_spectra(np.ones(3), np.ones(4)) == float("inf")


def test_equal_spectrum_is_not_enough_for_ranks():
    # Two zeros in one Jordan block, or in two: same eigenvalues, not similar.
    block = np.array([[0.0, 1.0], [0.0, 0.0]])
    assert np.array_equal(np.linalg.eigvals(block), np.linalg.eigvals(np.zeros((2, 2))))
    assert ranks_of_powers(block, 2) == [1, 0] != ranks_of_powers(np.zeros((2, 2)), 2)
