"""Systems, tasks and their codes: closed forms, round trips, and the same numbers in both libraries."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from twm.theory.systems import RANDOM_KINDS, TASK_CODES, draw_binary_history, make_fibonacci, make_linear_hds
from twm.theory.systems import make_named_task, make_random_hds, make_random_selection, make_repeat_copy, make_selection
from twm.theory.systems import make_selection_table, parse_task, rollout


def read_task_code(history, dim, a, b, c):
    """Work out positions and signs of a code in the most literal way, digit by digit."""
    positions = [place for place in range(history * dim) if (a // 2**place) % 2 == 1]
    place = 0
    while b > 0:
        digit = b % dim
        if digit > 0:
            keep = positions[place]
            positions[place] = positions[place + digit]
            positions[place + digit] = keep
        b = b // dim
        place += 1
    return positions, [-1 if (c // 2**output) % 2 == 1 else 1 for output in range(dim)]


# ---- the recursion


def test_fibonacci_is_the_series():
    series = rollout(make_fibonacci(), np.array([[1], [1]]), 8)
    assert series.ravel().tolist() == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55] and series.dtype == np.int64
    exact = rollout(make_fibonacci(), np.array([[1], [1]], dtype=object), 298).ravel().tolist()
    assert all(a + b == c for a, b, c in zip(exact, exact[1:], exact[2:])) and exact[-1] > 2**200


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 12), st.integers(0, 10**6))
@settings(max_examples=60)
def test_linear_rollout_equals_the_sum_written_out(history, dim, steps, seed):
    rng = np.random.default_rng(seed)
    matrix, initial = rng.integers(-3, 4, size=(dim, history * dim)), rng.integers(-5, 6, size=(history, dim))
    states, places = initial.tolist(), [(column, part) for column in range(history) for part in range(dim)]
    for _ in range(steps):
        window = states[-history:]
        states.append([sum(int(row[c * dim + p]) * window[c][p] for c, p in places) for row in matrix])
    model = make_linear_hds(matrix, history, dim)
    assert (rollout(model, initial.astype(object), steps) == np.array(states, dtype=object)).all()
    expected = np.array(states, dtype=float)
    assert np.abs(rollout(model, initial.astype(float), steps) - expected).max() <= 1e-12 * max(
        1, np.abs(expected).max()
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.complex128, object])
def test_the_dtype_is_kept(dtype):
    initial = np.ones((3, 4, 2)).astype(dtype)
    for model in (make_fibonacci(4, 2), make_selection(4, 2, 3, 0, 2)):
        result = rollout(model, initial, 5)
        assert result.dtype == initial.dtype and result.shape == (3, 9, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_torch_equals_numpy_and_carries_gradients(dtype):
    for model in (make_fibonacci(4, 2), make_named_task("T3")):
        initial = draw_binary_history(model, 5, 1)
        result = rollout(model, torch.tensor(initial, dtype=dtype), 12)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result.numpy(), rollout(model, initial, 12))
    start = torch.ones(2, 1, dtype=dtype, requires_grad=True)
    rollout(make_fibonacci(), start, 6)[-1].sum().backward()
    # F_8 = F_6 u_1 + F_7 u_2 for arbitrary initial states.
    assert start.grad.ravel().tolist() == [8.0, 13.0]


def test_batches_are_independent_and_can_be_sent_to_a_process():
    model = make_random_selection(5, 3, 4)
    initial = draw_binary_history(model, 6, 0)
    together = rollout(pickle.loads(pickle.dumps(model)), initial, 20)
    for alone, part in zip(initial, together, strict=True):
        np.testing.assert_array_equal(rollout(model, alone, 20), part)


# ---- tasks


@pytest.mark.parametrize("name", TASK_CODES)
def test_named_tasks_have_their_codes_and_keep_binary_states_binary(name):
    model = make_named_task(name)
    positions, signs = read_task_code(8, 8, *TASK_CODES[name])
    expected = np.zeros((8, 64))
    expected[np.arange(8), positions] = signs
    np.testing.assert_array_equal(model.matrix, expected)
    assert (model.history, model.dim, model.size, model.name) == (8, 8, 64, name)
    assert set(np.unique(rollout(model, draw_binary_history(model, 16, 0), 200))) == {-1.0, 1.0}


def test_the_four_tasks_differ_and_the_first_is_repeat_copy():
    assert len({make_named_task(name).matrix.tobytes() for name in TASK_CODES}) == 4
    copy, model = make_repeat_copy(8, 8), make_named_task("T1")
    np.testing.assert_array_equal(copy.matrix, model.matrix)
    initial = draw_binary_history(model, 4, 3)
    np.testing.assert_array_equal(rollout(model, initial, 40), np.tile(initial, (1, 6, 1)))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**9), st.integers(1, 20))
@settings(max_examples=60)
def test_a_selection_keeps_states_binary_and_its_table_says_where_they_come_from(history, dim, seed, steps):
    model = make_random_selection(history, dim, seed)
    initial = draw_binary_history(model, 2, seed)
    later, table = rollout(model, initial, steps)[:, history:], make_selection_table(model, steps)
    np.testing.assert_array_equal(later, initial.reshape(2, -1)[:, table.index] * table.sign)
    assert (np.count_nonzero(model.matrix, axis=1) == 1).all()
    assert np.count_nonzero(model.matrix.any(axis=0)) == dim, "two outputs read the same position"


@given(st.integers(1, 5), st.integers(2, 5), st.data())
@settings(max_examples=80)
def test_any_code_is_read_as_written(history, dim, data):
    positions = data.draw(st.sets(st.integers(0, history * dim - 1), min_size=dim, max_size=dim))
    digits = [data.draw(st.integers(0, dim - 1 - place)) for place in range(dim)]
    a, b = sum(2**p for p in positions), sum(digit * dim**place for place, digit in enumerate(digits))
    c = data.draw(st.integers(0, 2**dim - 1))
    model = make_selection(history, dim, a, b, c)
    chosen, signs = read_task_code(history, dim, a, b, c)
    window = np.arange(1.0, history * dim + 1).reshape(history, dim)
    expected = [sign * window.ravel()[place] for place, sign in zip(chosen, signs, strict=True)]
    np.testing.assert_array_equal(model.boundary(window), expected)
    np.testing.assert_array_equal(model.matrix @ window.ravel(), expected)


def test_random_tasks_depend_on_their_seed_only_and_are_the_same_on_every_machine():
    assert len({make_random_selection(6, 4, seed).matrix.tobytes() for seed in range(20)}) == 20
    read = make_random_selection(8, 8, 0).matrix
    assert np.abs(read).argmax(1).tolist() == [25, 41, 17, 3, 23, 24, 53, 42]
    assert read.sum(1).tolist() == [-1, 1, -1, 1, -1, -1, 1, -1]


TOP = (1 << 79) | (1 << 78) | 7


@pytest.mark.parametrize(
    "text",
    ["T1", "T4", "repeat-copy:3,2", "fibonacci:4,1", "code:4,3,2053,0,5", f"code:16,5,{TOP},0,0", "random:16,5,7"],
)
def test_a_task_text_comes_back_as_the_name(text):
    model = parse_task(f" {text} ")
    assert model.name == text
    np.testing.assert_array_equal(parse_task(model.name).matrix, model.matrix)


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_random_systems_stay_bounded_and_differ(kind):
    finals = []
    for seed in range(5):
        model = make_random_hds(4, 3, kind, seed)
        initial = np.random.default_rng(seed).integers(0, 5, size=(4, 3))
        orbit = rollout(model, initial if kind == "integer" else initial / 5, 50)
        assert np.abs(orbit).max() <= (1000 if kind == "integer" else 2)
        assert (model.matrix is not None) == (kind == "linear")
        finals.append(model.boundary(np.ones((4, 3), dtype=orbit.dtype)).tobytes())
    assert len(set(finals)) > 1
