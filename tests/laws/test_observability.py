"""Laws of observability: the reduced system gives the same outputs, and nothing in it can be left out."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twm.theory.bases import make_basis, make_readout, transform_operator
from twm.theory.operators import make_wave_operator, simulate_linear
from twm.theory.spectra import compare_spectra, nonzero_eigenvalues, observability_matrix, reduce_observable
from twm.theory.systems import make_random_selection

laws = settings(max_examples=40)
systems = st.builds(make_random_selection, st.integers(1, 5), st.integers(1, 4), st.integers(0, 10_000))


def read_newest(system):
    """Return the readout and the operator of a system in substrate coordinates."""
    return np.eye(system.size)[-system.dim :], make_wave_operator(system.matrix)


def trace_needed(system):
    """Return the coordinates that some output depends on, by following the copies; no linear algebra."""
    source = {(system.history - 1) * system.dim + i: int(np.flatnonzero(row)[0]) for i, row in enumerate(system.matrix)}
    needed, fresh = set(), set(source)
    while fresh:
        needed |= fresh
        fresh = {source.get(place, place + system.dim) for place in fresh} - needed
    return tuple(sorted(needed))


def run(operator, readout, state, steps=30):
    return simulate_linear(operator, np.zeros((len(operator), 1)), readout, np.zeros((0, 1)), steps, state)[0]


@laws
@given(systems, st.integers(0, 5), st.integers(0, 10_000))
def test_a_reduced_selection_gives_every_output_and_loses_zeros_only(system, extra, seed):
    readout, operator = read_newest(system)
    small = reduce_observable(readout, operator)
    assert small.coordinates == trace_needed(system)
    stacked = observability_matrix(readout, operator)
    assert tuple(np.flatnonzero(np.abs(stacked).sum(axis=0)).tolist()) == small.coordinates
    state = np.random.default_rng(seed).standard_normal(system.size)
    reduced = run(small.operator, small.readout, state[list(small.coordinates)])
    assert np.array_equal(reduced, run(operator, readout, state))
    # What is not observed dies within one history.
    unseen = np.delete(np.eye(system.size), small.coordinates, axis=0)
    assert not (np.linalg.matrix_power(operator, system.history) @ unseen.T).any()
    assert compare_spectra(nonzero_eigenvalues(small.operator), nonzero_eigenvalues(operator)) <= 1e-7
    # The rank does not depend on the basis.
    basis = make_basis(system.size, system.size + extra, "skew", seed=seed, tilt=1.0 if extra else 0.0)
    hidden = reduce_observable(make_readout(basis, system.dim), transform_operator(operator, basis))
    assert hidden.rank == small.rank


@laws
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 10_000), st.integers(1, 3))
def test_reduced_general_system_reproduces_every_output(history, dim, seed, rank):
    # A boundary of low rank: the observable part is a quotient, not a set of coordinates.
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((dim, rank)) @ rng.standard_normal((rank, history * dim))
    operator, readout = make_wave_operator(matrix), np.eye(history * dim)[-dim:]
    small = reduce_observable(readout, operator)
    state = rng.standard_normal(history * dim)
    full = run(operator, readout, state)
    reduced = run(small.operator, small.readout, small.projection @ state)
    assert np.abs(reduced - full).max() <= 1e-8 * max(1, np.abs(full).max())
    assert np.allclose(small.projection @ small.projection.T, np.eye(small.rank), atol=1e-10)


def test_growing_directions_do_not_hide_the_others():
    # A cycle that grows tenfold a step beside one that shrinks tenfold: the stacked powers span 1e30.
    operator = np.zeros((20, 20))
    operator[:8, :8], operator[8:, 8:] = 10 * np.roll(np.eye(8), 1, axis=1), 0.1 * np.roll(np.eye(12), 1, axis=1)
    readout = np.eye(20)[[0, 8]]
    assert reduce_observable(readout, operator).rank == 20
    assert np.linalg.matrix_rank(observability_matrix(readout, operator)) < 20
