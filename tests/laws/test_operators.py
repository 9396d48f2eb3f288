"""Laws of the linear boundary: wave operators, bases, duals, closed forms, input phases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twm.theory.bases import add_complement, compute_dual, make_basis, make_encoder, make_readout, transform_operator
from twm.theory.operators import (
    correct_inputs, fibonacci_constant, load_history, make_cycle, make_shift, make_wave_operator, read_substrate,
    repeat_copy_spectrum, repeat_copy_state, simulate_boundary, simulate_linear,
)  # fmt: skip
from twm.theory.spectra import nilpotency_index
from twm.theory.systems import draw_binary_history, make_fibonacci, make_linear_hds, make_named_task, rollout

laws = settings(max_examples=40)
sizes = st.tuples(st.integers(1, 6), st.integers(1, 4))
seeds = st.integers(0, 10_000)
kinds = st.sampled_from(["standard", "orthonormal", "skew"])


def draw_system(size, seed):
    """Return a random boundary matrix (dim, history*dim) and a random history (history, dim)."""
    history, dim = size
    rng = np.random.default_rng(seed)
    return rng.standard_normal((dim, history * dim)), rng.standard_normal((history, dim))


def draw_basis(size, extra, kind, tilted, seed):
    count = size[0] * size[1]
    return make_basis(count, count + extra, kind, seed=seed, condition=30.0, tilt=1.5 if tilted and extra else 0.0)


def relative(found, expected):
    return np.abs(found - expected).max() / max(1.0, np.abs(expected).max())


@laws
@given(sizes, seeds)
def test_operator_shifts_and_appends_the_boundary(size, seed):
    matrix, state = draw_system(size, seed)
    operator = make_wave_operator(matrix)
    moved = (operator @ state.reshape(-1)).reshape(size)
    assert np.array_equal(moved[:-1], state[1:]) and np.allclose(moved[-1], matrix @ state.reshape(-1), atol=1e-13)
    assert not (operator - make_shift(*size))[: -size[1]].any(), "it is the shift plus a matrix of rank dim"
    exact = make_wave_operator(np.array([[10**30, 1]], dtype=object)) @ np.array([3, 4], dtype=object)
    assert exact.tolist() == [4, 3 * 10**30 + 4]


@laws
@given(sizes, st.integers(0, 5), kinds, st.booleans(), seeds)
def test_operator_is_the_sum_of_outer_products(size, extra, kind, tilted, seed):
    # Eq. 6, with the second sum from (s-1)d + 1: each column becomes the one before it, and the newest is new.
    (matrix, _), dim = draw_system(size, seed), size[1]
    basis = draw_basis(size, extra, kind, tilted, seed)
    psi, duals = list(basis.basis.T), list(basis.dual_basis)
    total = sum(np.outer(here, there) for here, there in zip(psi[:-dim] + psi[-dim:], duals[dim:] + list(matrix @ duals)))
    assert relative(transform_operator(make_wave_operator(matrix), basis), total) <= 1e-12 * basis.condition


@laws
@given(sizes, st.integers(0, 6), kinds, st.booleans(), seeds)
def test_dual_is_delta(size, extra, kind, tilted, seed):
    basis = draw_basis(size, extra, kind, tilted, seed)
    assert np.abs(basis.dual_basis @ basis.basis - np.eye(basis.size)).max() <= 1e-10
    assert basis.dual == ("inverse" if not extra else "spectral" if tilted else "pseudo-inverse")


@laws
@given(sizes, st.integers(1, 6), kinds, seeds)
def test_spectral_dual_is_recovered_from_the_operator_alone(size, extra, kind, seed):
    basis, phi = draw_basis(size, extra, kind, True, seed), make_cycle(*size)
    recurrent = add_complement(transform_operator(phi, basis), basis, 0.6, seed)
    found = compute_dual(basis.basis, "spectral", recurrent)
    tolerance = 1e-9 * basis.condition
    assert np.abs(found @ basis.basis - np.eye(basis.size)).max() <= tolerance
    assert np.abs(found - basis.dual_basis).max() <= tolerance * np.abs(basis.dual_basis).max()
    # Left-eigenvector property: what the dual reads evolves by Phi, whatever else the network does.
    assert np.abs(found @ recurrent - phi @ found).max() <= tolerance * np.abs(found).max()
    # The pseudo-inverse is a dual too, but the complement leaks into what it reads.
    naive = compute_dual(basis.basis, "pseudo-inverse")
    assert np.abs(naive @ basis.basis - np.eye(basis.size)).max() <= 1e-10
    assert np.abs(naive @ recurrent - phi @ naive).max() > 1e-3


@laws
@given(sizes, st.integers(0, 6), kinds, st.booleans(), seeds)
def test_linear_boundary_equals_the_recursion_in_any_basis(size, extra, kind, tilted, seed):
    history, dim = size
    matrix, initial = draw_system(size, seed)
    basis = draw_basis(size, extra, kind, tilted, seed)
    expected = rollout(make_linear_hds(matrix, history, dim), initial, 20)[history:]
    assert relative(simulate_boundary(matrix, basis, initial, 20), expected) <= 1e-9 * basis.condition
    # Other dynamics beside the wave do it no harm.
    W = add_complement(transform_operator(make_wave_operator(matrix), basis), basis, 0.8, seed)
    ends, state = (make_encoder(basis, dim), make_readout(basis, dim)), load_history(basis, initial)
    _, states = simulate_linear(W, *ends, np.zeros((0, dim)), 20, state)
    assert relative(read_substrate(basis, states, dim)[:, -1], expected) <= 1e-9 * basis.condition


def test_fibonacci_constant_is_the_leading_eigenvalue_and_the_golden_ratio():
    assert make_wave_operator(make_fibonacci().matrix).tolist() == [[0, 1], [1, 1]]
    assert fibonacci_constant(2) == pytest.approx((1 + 5**0.5) / 2, rel=1e-15) and fibonacci_constant(1100) == 2.0
    for history in range(1, 9):
        leading = np.abs(np.linalg.eigvals(make_wave_operator(make_fibonacci(history, 1).matrix))).max()
        assert leading == pytest.approx(fibonacci_constant(history), rel=1e-12)


@laws
@given(sizes, seeds)
def test_closed_form_holds_at_every_step(size, seed):
    inputs = np.random.default_rng(seed).standard_normal(size)
    state, operator = inputs.reshape(-1), make_cycle(*size)
    for step in range(4 * size[0] + 1):
        assert np.array_equal(repeat_copy_state(inputs, step).reshape(-1), state)
        state = operator @ state
    # A gain multiplies the content every step, and one on the boundary once a lap.
    lap = np.linalg.matrix_power(make_cycle(*size, 1.5, 2.0), size[0])
    assert np.allclose(lap, 2.0 * 1.5 ** size[0] * np.eye(len(lap)), rtol=1e-12)


@laws
@given(sizes, seeds)
def test_shift_recalls_the_last_inputs_and_nothing_else(size, seed):
    history, dim = size
    shift, cycle, basis = make_shift(history, dim), make_cycle(history, dim), make_basis(history * dim)
    assert nilpotency_index(shift) == history and nilpotency_index(cycle) is None
    assert np.allclose(np.poly(repeat_copy_spectrum(history, dim)), np.poly(cycle), atol=1e-9)
    inputs = np.random.default_rng(seed).standard_normal((2 * history + 3, dim))
    _, states = simulate_linear(shift, make_encoder(basis, dim), make_readout(basis, dim), inputs, 0)
    for time in range(history, len(inputs) + 1):
        assert np.array_equal(states[time - 1].reshape(size), inputs[time - history : time])


@laws
@given(sizes, st.integers(0, 4), seeds)
def test_corrected_inputs_fill_the_substrate(size, extra, seed):
    history, dim = size
    matrix, initial = draw_system(size, seed)
    basis = draw_basis(size, extra, "skew", True, seed)
    recurrent = transform_operator(make_wave_operator(matrix), basis)
    encoder, readout = make_encoder(basis, dim), make_readout(basis, dim)
    outputs, states = simulate_linear(recurrent, encoder, readout, correct_inputs(matrix, initial), 10)
    expected = rollout(make_linear_hds(matrix, history, dim), initial, 10)
    assert relative(outputs, expected) <= 1e-9 * basis.condition
    assert np.abs(states[history - 1] - load_history(basis, initial)).max() <= 1e-8 * basis.condition


def test_repeat_copy_needs_no_correction_and_the_others_do():
    for name in ("T1", "T2", "T3", "T4"):
        system = make_named_task(name)
        initial = draw_binary_history(system, 5, seed=1)
        assert np.array_equal(correct_inputs(system.matrix, initial), initial) == (name == "T1")
