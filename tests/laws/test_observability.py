"""Laws of observability: the reduced system gives the same outputs, and nothing in it can be left out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twm.theory.bases import make_basis, make_readout, transform_operator
from twm.theory.observability import observability_matrix, reduce_observable
from twm.theory.operators import make_wave_operator, simulate_linear
from twm.theory.spectra import compare_spectra, nonzero_eigenvalues, ranks_of_powers
from twm.theory.systems import make_named_task, make_random_selection

laws = settings(deadline=None, derandomize=True, max_examples=40)
sizes = st.tuples(st.integers(1, 5), st.integers(1, 4))
seeds = st.integers(0, 10_000)


def read_newest(dim, size):
    return np.eye(size)[-dim:]


def trace_needed(system):
    """Return the coordinates that some output depends on, by following the copies; no linear algebra."""
    source = {(system.history - 1) * system.dim + i: int(np.flatnonzero(row)[0]) for i, row in enumerate(system.matrix)}
    needed, fresh = set(), set(range((system.history - 1) * system.dim, system.size))
    while fresh:
        needed |= fresh
        fresh = {source.get(place, place + system.dim) for place in fresh} - needed
    return tuple(sorted(needed))


def run(operator, readout, state, steps=30):
    return simulate_linear(operator, np.zeros((len(operator), 1)), readout, np.zeros((0, 1)), steps, state)[0]


@laws
@given(sizes, seeds)
def test_reduced_selection_reproduces_every_output(size, seed):
    system = make_random_selection(*size, seed)
    operator, readout = make_wave_operator(system.matrix), read_newest(system.dim, system.size)
    reduced = reduce_observable(readout, operator)
    assert reduced.coordinates == trace_needed(system)
    state = np.random.default_rng(seed).standard_normal(system.size)
    small = run(reduced.operator, reduced.readout, state[list(reduced.coordinates)])
    assert np.array_equal(small, run(operator, readout, state))


@laws
@given(sizes, seeds)
def test_every_observable_coordinate_matters_and_no_other_does(size, seed):
    system = make_random_selection(*size, seed)
    operator, readout = make_wave_operator(system.matrix), read_newest(system.dim, system.size)
    needed = set(reduce_observable(readout, operator).coordinates)
    stacked = observability_matrix(readout, operator)
    assert set(np.flatnonzero(np.abs(stacked).sum(axis=0)).tolist()) == needed


@laws
@given(sizes, seeds, st.integers(1, 3))
def test_reduced_general_system_reproduces_every_output(size, seed, rank):
    # A boundary of low rank: the observable part is a quotient, not a set of coordinates.
    history, dim = size
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((dim, rank)) @ rng.standard_normal((rank, history * dim))
    operator, readout = make_wave_operator(matrix), read_newest(dim, history * dim)
    reduced = reduce_observable(readout, operator)
    state = rng.standard_normal(history * dim)
    full = run(operator, readout, state)
    assert np.abs(run(reduced.operator, reduced.readout, reduced.projection @ state) - full).max() <= 1e-8 * max(
        1, np.abs(full).max()
    )
    assert np.allclose(reduced.projection @ reduced.projection.T, np.eye(reduced.rank), atol=1e-10)


@laws
@given(sizes, st.integers(0, 5), seeds)
def test_rank_does_not_depend_on_the_basis(size, extra, seed):
    system = make_random_selection(*size, seed)
    operator = make_wave_operator(system.matrix)
    basis = make_basis(system.size, system.size + extra, "skew", seed=seed, tilt=1.0 if extra else 0.0)
    hidden = reduce_observable(make_readout(basis, system.dim), transform_operator(operator, basis))
    assert hidden.rank == reduce_observable(read_newest(system.dim, system.size), operator).rank


@laws
@given(sizes, seeds)
def test_what_is_not_observed_dies_within_one_history(size, seed):
    # So reduction removes zero eigenvalues only.
    system = make_random_selection(*size, seed)
    operator, readout = make_wave_operator(system.matrix), read_newest(system.dim, system.size)
    reduced = reduce_observable(readout, operator)
    unseen = np.delete(np.eye(system.size), reduced.coordinates, axis=0)
    assert not (np.linalg.matrix_power(operator, system.history) @ unseen.T).any()
    assert compare_spectra(nonzero_eigenvalues(reduced.operator), nonzero_eigenvalues(operator)) <= 1e-7


@pytest.mark.parametrize(("name", "rank"), [("T1", 64), ("T2", 36), ("T3", 36), ("T4", 36)])
def test_ranks_of_the_paper_tasks(name, rank):
    system = make_named_task(name)
    reduced = reduce_observable(read_newest(8, 64), make_wave_operator(system.matrix))
    assert reduced.rank == rank == len(reduced.coordinates)
    assert reduced.coordinates == trace_needed(system)
    # Nothing observable is redundant: the small system has no zero eigenvalue left.
    assert ranks_of_powers(reduced.operator, 1) == [rank]


def test_a_quotient_that_is_not_a_set_of_coordinates():
    # f sees the older column only through the sum of its two components.
    operator = make_wave_operator(np.array([[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]))
    reduced = reduce_observable(read_newest(2, 4), operator)
    assert reduced.rank == 3 and reduced.coordinates is None
    unseen = np.array([1.0, -1.0, 0.0, 0.0])
    assert np.allclose(reduced.projection @ unseen, 0)
    assert not run(operator, read_newest(2, 4), unseen).any()


def test_growing_directions_do_not_hide_the_others():
    # A cycle that grows tenfold a step beside one that shrinks tenfold: the stacked powers span 1e30.
    operator = np.zeros((20, 20))
    operator[:8, :8], operator[8:, 8:] = 10 * np.roll(np.eye(8), 1, axis=1), 0.1 * np.roll(np.eye(12), 1, axis=1)
    readout = np.eye(20)[[0, 8]]
    assert reduce_observable(readout, operator).rank == 20
    assert np.linalg.matrix_rank(observability_matrix(readout, operator)) < 20


def test_a_reduction_to_too_few_coordinates_is_noticed():
    system = make_named_task("T2")
    operator, readout = make_wave_operator(system.matrix), read_newest(8, 64)
    kept = list(reduce_observable(readout, operator).coordinates[1:])
    state = np.random.default_rng(0).standard_normal(64)
    small = run(operator[np.ix_(kept, kept)], readout[:, kept], state[kept], steps=80)
    assert np.abs(small - run(operator, readout, state, steps=80)).max() > 0.1
