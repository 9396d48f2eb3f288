"""Laws of the linear boundary: wave operators, bases, duals, closed forms, input phases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twm.theory.bases import (
    add_complement,
    compute_dual,
    make_basis,
    make_basis_from_columns,
    make_encoder,
    make_readout,
    transform_operator,
)
from twm.theory.operators import (
    correct_inputs,
    fibonacci_constant,
    input_phase_matrix,
    load_history,
    make_cycle,
    make_shift,
    make_wave_operator,
    read_substrate,
    repeat_copy_spectrum,
    repeat_copy_state,
    simulate_boundary,
    simulate_linear,
)
from twm.theory.spectra import nilpotency_index
from twm.theory.systems import (
    draw_binary_history,
    make_fibonacci,
    make_linear_hds,
    make_named_task,
    make_repeat_copy,
    rollout,
)

settings.register_profile("laws", deadline=None, derandomize=True, max_examples=40)
laws = settings.get_profile("laws")

sizes = st.tuples(st.integers(1, 6), st.integers(1, 4))
seeds = st.integers(0, 10_000)
kinds = st.sampled_from(["standard", "orthonormal", "skew"])


def draw_system(size, seed):
    """Return a random boundary matrix and a random history, both (…, history, dim)-shaped where that applies."""
    history, dim = size
    rng = np.random.default_rng(seed)
    return rng.standard_normal((dim, history * dim)), rng.standard_normal((history, dim))


def draw_basis(size, extra, kind, tilted, seed):
    count = size[0] * size[1]
    return make_basis(count, count + extra, kind, seed=seed, condition=30.0, tilt=1.5 if tilted and extra else 0.0)


# ---- the operator itself


@laws
@given(sizes, seeds)
def test_operator_shifts_and_appends_the_boundary(size, seed):
    matrix, state = draw_system(size, seed)
    moved = (make_wave_operator(matrix) @ state.reshape(-1)).reshape(size)
    assert np.array_equal(moved[:-1], state[1:])
    assert np.allclose(moved[-1], matrix @ state.reshape(-1), atol=1e-13)


@laws
@given(sizes, st.integers(0, 5), kinds, st.booleans(), seeds)
def test_operator_is_the_sum_of_outer_products(size, extra, kind, tilted, seed):
    # Eq. 6 written out, mu and nu from 1 as in the paper, with the second sum from (s-1)d + 1.
    history, dim = size
    matrix, _ = draw_system(size, seed)
    basis = draw_basis(size, extra, kind, tilted, seed)
    total = np.zeros((basis.hidden, basis.hidden))
    for mu in range(1, (history - 1) * dim + 1):
        total += np.outer(basis.basis[:, mu - 1], basis.dual_basis[mu + dim - 1])
    for mu in range((history - 1) * dim + 1, history * dim + 1):
        for nu in range(1, history * dim + 1):
            coefficient = matrix[mu - (history - 1) * dim - 1, nu - 1]
            total += coefficient * np.outer(basis.basis[:, mu - 1], basis.dual_basis[nu - 1])
    ours = transform_operator(make_wave_operator(matrix), basis)
    assert np.abs(ours - total).max() <= 1e-12 * basis.condition * max(1.0, np.abs(total).max())


def test_python_integers_stay_exact():
    matrix = np.array([[10**30, 1]], dtype=object)
    operator = make_wave_operator(matrix)
    assert operator.dtype == object
    assert (operator @ np.array([3, 4], dtype=object)).tolist() == [4, 3 * 10**30 + 4]


# ---- duals


@laws
@given(sizes, st.integers(0, 6), kinds, st.booleans(), seeds)
def test_dual_is_delta(size, extra, kind, tilted, seed):
    basis = draw_basis(size, extra, kind, tilted, seed)
    assert np.abs(basis.dual_basis @ basis.basis - np.eye(basis.size)).max() <= 1e-10
    expected = "inverse" if not extra else "spectral" if tilted else "pseudo-inverse"
    assert basis.dual == expected


@laws
@given(sizes, st.integers(1, 6), kinds, seeds)
def test_spectral_dual_is_recovered_from_the_operator_alone(size, extra, kind, seed):
    history, dim = size
    matrix = make_cycle(history, dim)[-dim:]
    basis = draw_basis(size, extra, kind, True, seed)
    recurrent = add_complement(transform_operator(make_wave_operator(matrix), basis), basis, 0.6, seed)
    found = compute_dual(basis.basis, "spectral", recurrent)
    tolerance = 1e-9 * basis.condition
    assert np.abs(found @ basis.basis - np.eye(basis.size)).max() <= tolerance
    assert np.abs(found - basis.dual_basis).max() <= tolerance * np.abs(basis.dual_basis).max()
    # Left-eigenvector property: what the dual reads evolves by Phi, whatever else the network does.
    assert np.abs(found @ recurrent - make_wave_operator(matrix) @ found).max() <= tolerance * np.abs(found).max()
    # The pseudo-inverse is a dual too, but the complement leaks into what it reads.
    naive = compute_dual(basis.basis, "pseudo-inverse")
    assert np.abs(naive @ basis.basis - np.eye(basis.size)).max() <= 1e-10
    assert np.abs(naive @ recurrent - make_wave_operator(matrix) @ naive).max() > 1e-3


def test_spectral_dual_matches_left_eigenvectors():
    # The definition by eigenvectors, possible here since the cycle is diagonalisable.
    basis = make_basis(12, 20, "skew", seed=4, tilt=1.0)
    recurrent = add_complement(transform_operator(make_cycle(4, 3), basis), basis, 0.5, seed=4)
    values, left = np.linalg.eig(recurrent.T)
    rows = left[:, np.abs(values) > 0.9].T
    by_eigenvectors = np.linalg.solve(rows @ basis.basis, rows)
    assert np.allclose(by_eigenvectors, compute_dual(basis.basis, "spectral", recurrent), atol=1e-9)


# ---- Eq. 6-7 against the recursion


@laws
@given(sizes, st.integers(0, 6), kinds, st.booleans(), seeds)
def test_linear_boundary_equals_the_recursion_in_any_basis(size, extra, kind, tilted, seed):
    history, dim = size
    matrix, initial = draw_system(size, seed)
    basis = draw_basis(size, extra, kind, tilted, seed)
    recurrent = transform_operator(make_wave_operator(matrix), basis)
    expected = rollout(make_linear_hds(matrix, history, dim), initial, 20)[history:]
    outputs, states = simulate_linear(
        recurrent,
        make_encoder(basis, dim),
        make_readout(basis, dim),
        np.zeros((0, dim)),
        20,
        load_history(basis, initial),
    )
    assert np.abs(outputs - expected).max() <= 1e-9 * basis.condition * max(1, np.abs(expected).max())
    waves = read_substrate(basis, states, dim)
    assert np.abs(waves[:, -1] - expected).max() <= 1e-9 * basis.condition * max(1, np.abs(expected).max())


@laws
@given(sizes, st.integers(0, 4), seeds)
def test_wave_survives_a_decaying_complement(size, extra, seed):
    history, dim = size
    initial = np.random.default_rng(seed).standard_normal((history, dim))
    basis = draw_basis(size, extra, "skew", True, seed)
    recurrent = add_complement(transform_operator(make_cycle(history, dim), basis), basis, 0.8, seed)
    outputs, _ = simulate_linear(recurrent, make_encoder(basis, dim), make_readout(basis, dim), initial, 2 * history)
    expected = np.concatenate([initial] * 3)
    assert np.abs(outputs - expected).max() <= 1e-9 * basis.condition * np.abs(initial).max()


@pytest.mark.parametrize("wrong", ["another boundary", "shuffled basis", "summed output"])
def test_wrong_constructions_are_rejected(wrong):
    rng = np.random.default_rng(7)
    matrix, initial = draw_system((4, 3), 7)
    basis = make_basis(12, 16, "skew", seed=7)
    expected = rollout(make_linear_hds(matrix, 4, 3), initial, 20)[4:]
    operator, readout, state = make_wave_operator(matrix), make_readout(basis, 3), load_history(basis, initial)
    if wrong == "another boundary":
        operator = make_wave_operator(matrix + 0.01 * rng.standard_normal(matrix.shape))
    if wrong == "shuffled basis":
        state = load_history(make_basis_from_columns(basis.basis[:, rng.permutation(12)]), initial)
    if wrong == "summed output":
        readout = np.broadcast_to(readout.sum(axis=0), readout.shape)
    recurrent = transform_operator(operator, basis)
    outputs, _ = simulate_linear(recurrent, make_encoder(basis, 3), readout, np.zeros((0, 3)), 20, state)
    assert np.abs(outputs - expected).max() > 1e-3 * np.abs(expected).max()


# ---- Fibonacci


@pytest.mark.parametrize("kind", ["standard", "orthonormal", "skew"])
@pytest.mark.parametrize(("history", "dim", "extra"), [(2, 1, 0), (2, 1, 3), (3, 2, 0), (5, 4, 7)])
def test_fibonacci_in_any_basis(kind, history, dim, extra):
    system = make_fibonacci(history, dim)
    initial = np.random.default_rng(1).integers(-5, 6, (history, dim))
    exact = rollout(system, initial.astype(object), 40)[history:].astype(float)
    basis = make_basis(history * dim, history * dim + extra, kind, seed=3)
    outputs = simulate_boundary(system.matrix, basis, initial, 40)
    assert np.abs(outputs - exact).max() <= 1e-9 * basis.condition * np.abs(exact).max()


def test_fibonacci_operator_is_the_companion_matrix_of_the_golden_ratio():
    operator = make_wave_operator(make_fibonacci(2, 1).matrix)
    assert operator.tolist() == [[0, 1], [1, 1]]
    assert fibonacci_constant(2) == pytest.approx((1 + 5**0.5) / 2, rel=1e-15)
    assert np.linalg.eigvals(operator).max() == pytest.approx(fibonacci_constant(2), rel=1e-14)


@pytest.mark.parametrize("history", range(1, 9))
def test_fibonacci_constant_is_the_leading_eigenvalue(history):
    leading = np.abs(np.linalg.eigvals(make_wave_operator(make_fibonacci(history, 1).matrix))).max()
    assert leading == pytest.approx(fibonacci_constant(history), rel=1e-12)


# ---- repeat copy


@laws
@given(sizes, seeds)
def test_closed_form_holds_at_every_step(size, seed):
    history, dim = size
    inputs = np.random.default_rng(seed).standard_normal(size)
    state, operator = inputs.reshape(-1), make_cycle(history, dim)
    for step in range(4 * history + 1):
        assert np.array_equal(repeat_copy_state(inputs, step).reshape(-1), state)
        state = operator @ state


@pytest.mark.parametrize(("history", "dim"), [(2, 1), (4, 3), (8, 8)])
def test_printed_index_is_rejected(history, dim):
    # Eq. 40 as printed: psi index ((mu - t - 1 mod s) + 1) d + i, all numbered from 1.
    inputs = np.random.default_rng(0).standard_normal((history, dim))
    printed = [((mu - 0 - 1) % history + 1) * dim + i for mu in range(1, history + 1) for i in range(1, dim + 1)]
    assert max(printed) > history * dim, "at t = 0 the printed index points past the last basis vector"
    for step in range(2 * history):
        wrapped = np.empty(history * dim)
        for mu in range(1, history + 1):
            for i in range(1, dim + 1):
                index = ((mu - step - 1) % history + 1) * dim + i
                wrapped[(index - 1) % (history * dim)] = inputs[mu - 1, i - 1]
        assert np.abs(wrapped - repeat_copy_state(inputs, step).reshape(-1)).max() > 0.1


def test_repeat_copy_matrix_agrees_with_the_task():
    assert np.array_equal(make_cycle(5, 3), make_wave_operator(make_repeat_copy(5, 3).matrix))


@laws
@given(sizes, st.sampled_from([0.97, 1.0, 1.02]), seeds)
def test_gain_multiplies_the_content_every_step(size, gain, seed):
    history, dim = size
    inputs = np.random.default_rng(seed).standard_normal(size)
    state, operator = inputs.reshape(-1), make_cycle(history, dim, gain)
    for _ in range(100 * history):
        state = operator @ state
    assert np.allclose(state, gain ** (100 * history) * inputs.reshape(-1), rtol=1e-9)
    if gain == 1.0:
        assert np.array_equal(state, inputs.reshape(-1))


def test_gain_on_the_boundary_alone_acts_once_a_lap():
    inputs = np.random.default_rng(0).standard_normal((6, 2))
    operator = make_cycle(6, 2, boundary_gain=0.9)
    state = np.linalg.matrix_power(operator, 6 * 20) @ inputs.reshape(-1)
    assert np.allclose(state, 0.9**20 * inputs.reshape(-1), rtol=1e-12)


def test_repeat_copy_spectrum_counts_every_root_dim_times():
    values = repeat_copy_spectrum(8, 3)
    assert np.allclose(values**8, 1)
    assert np.allclose(np.poly(values), np.poly(make_cycle(8, 3)), atol=1e-9)


# ---- both ends open


@laws
@given(sizes, seeds)
def test_shift_recalls_the_last_inputs_and_nothing_else(size, seed):
    history, dim = size
    shift = make_shift(history, dim)
    assert nilpotency_index(shift) == history
    inputs = np.random.default_rng(seed).standard_normal((2 * history + 3, dim))
    basis = make_basis(history * dim)
    _, states = simulate_linear(shift, make_encoder(basis, dim), make_readout(basis, dim), inputs, 0)
    for time in range(history, len(inputs) + 1):
        assert np.array_equal(states[time - 1].reshape(size), inputs[time - history : time])


@laws
@given(sizes, seeds)
def test_linear_boundary_is_shift_plus_low_rank(size, seed):
    matrix, _ = draw_system(size, seed)
    difference = make_wave_operator(matrix) - make_shift(*size)
    assert np.linalg.matrix_rank(difference) <= size[1]
    assert not difference[: -size[1]].any()


def test_a_cycle_is_not_nilpotent():
    assert nilpotency_index(make_cycle(4, 2)) is None


# ---- the input phase


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
    tolerance = 1e-9 * basis.condition * max(1, np.abs(expected).max())
    assert np.abs(outputs - expected).max() <= tolerance
    assert np.abs(states[history - 1] - load_history(basis, initial)).max() <= tolerance * np.abs(basis.basis).max()


@laws
@given(st.tuples(st.integers(2, 6), st.integers(1, 4)), seeds)
def test_uncorrected_inputs_do_not(size, seed):
    history, dim = size
    matrix, initial = draw_system(size, seed)
    basis = make_basis(history * dim)
    _, states = simulate_linear(
        make_wave_operator(matrix), make_encoder(basis, dim), make_readout(basis, dim), initial, 0
    )
    assert np.abs(states[-1] - initial.reshape(-1)).max() > 1e-6
    # What they do instead is known: A.6, corrected.
    filled = input_phase_matrix(make_wave_operator(matrix), make_encoder(basis, dim), history)
    assert np.allclose(filled @ initial.reshape(-1), states[-1], atol=1e-9 * np.abs(filled).max())


@laws
@given(st.tuples(st.integers(3, 6), st.integers(1, 4)), seeds)
def test_pollution_of_the_two_newest_memories(size, seed):
    history, dim = size
    matrix, _ = draw_system(size, seed)
    basis = make_basis(history * dim, history * dim + 3, "skew", seed=seed)
    filled = input_phase_matrix(
        transform_operator(make_wave_operator(matrix), basis), make_encoder(basis, dim), history
    )

    def block(array, column):
        return array[:, column * dim : (column + 1) * dim]

    newest, before, earlier = (block(basis.basis, history - k) for k in (1, 2, 3))
    last, previous = block(matrix, history - 1), block(matrix, history - 2)
    tolerance = 1e-10 * basis.condition * max(1, np.abs(filled).max())
    assert np.abs(block(filled, history - 1) - newest).max() <= tolerance
    assert np.abs(block(filled, history - 2) - before - newest @ last).max() <= tolerance
    expected = before @ last + newest @ (previous + last @ last)
    assert np.abs(block(filled, history - 3) - earlier - expected).max() <= tolerance
    without_square = before @ last + newest @ previous
    assert np.abs(block(filled, history - 3) - earlier - without_square).max() > tolerance


@laws
@given(sizes, seeds)
def test_the_input_phase_always_keeps_the_history(size, seed):
    # Block triangular with ones on the diagonal in wave coordinates, so its determinant is 1.
    matrix, _ = draw_system(size, seed)
    operator = make_wave_operator(matrix)
    filled = input_phase_matrix(operator, np.eye(len(operator))[:, -size[1] :], size[0])
    assert np.linalg.det(filled) == pytest.approx(1, rel=1e-8)


def test_repeat_copy_needs_no_correction_and_the_others_do():
    for name in ("T1", "T2", "T3", "T4"):
        system = make_named_task(name)
        initial = draw_binary_history(system, 5, seed=1)
        unchanged = np.array_equal(correct_inputs(system.matrix, initial), initial)
        assert unchanged == (name == "T1")
