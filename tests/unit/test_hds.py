"""Histories, tasks and their codes: closed forms, round trips, and what is refused."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from twm.errors import UserError
from twm.theory.systems import (
    RANDOM_KINDS,
    TASK_CODES,
    draw_binary_history,
    make_fibonacci,
    make_hds,
    make_linear_hds,
    make_named_task,
    make_random_hds,
    make_random_selection,
    make_repeat_copy,
    make_selection,
    parse_task,
    rollout,
    window_states,
)


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
    assert series.ravel().tolist() == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55]
    assert series.dtype == np.int64


def test_exact_integers_beyond_64_bits():
    series = rollout(make_fibonacci(), np.array([[1], [1]], dtype=object), 298).ravel()
    before, now = 1, 1
    for value in series[2:]:
        before, now = now, before + now
        assert value == now and isinstance(value, int)
    assert now > 2**200


def test_fixed_width_integers_do_not_wrap_around_in_silence():
    with pytest.raises(UserError, match="dtype object"):
        rollout(make_fibonacci(), np.array([[1], [1]]), 100)
    with pytest.raises(UserError, match="dtype object"):
        rollout(make_fibonacci(), torch.tensor([[1], [1]]), 100)


def test_delayed_logistic_map_equals_the_hand_written_recursion():
    model = make_hds(lambda window: 2.1 * window[..., 1, :] * (1 - window[..., 0, :]), 2, 1)
    orbit = rollout(model, np.array([[0.3], [0.4]]), 60).ravel()
    older, newer = 0.3, 0.4
    for value in orbit[2:]:
        older, newer = newer, 2.1 * newer * (1 - older)
        assert value == pytest.approx(newer, abs=1e-12)


@given(
    history=st.integers(1, 5), dim=st.integers(1, 4), steps=st.integers(0, 12), seed=st.integers(0, 10**6),
    exact=st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_linear_rollout_equals_the_sum_written_out(history, dim, steps, seed, exact):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-3, 4, size=(dim, history * dim))
    initial = rng.integers(-5, 6, size=(history, dim))
    initial = initial.astype(object) if exact else initial.astype(float)
    got = rollout(make_linear_hds(matrix, history, dim), initial, steps)
    states = [[int(value) for value in row] for row in initial]
    for _ in range(steps):
        window = states[-history:]
        states.append([
            sum(int(matrix[out, column * dim + part]) * window[column][part] for column in range(history) for part in range(dim))
            for out in range(dim)
        ])  # fmt: skip
    expected = np.array(states, dtype=object)
    if exact:
        assert (got == expected).all()
    else:
        scale = max(1.0, np.abs(expected.astype(float)).max())
        assert np.abs(got - expected.astype(float)).max() <= 1e-12 * scale


def test_fractions_stay_exact():
    matrix = np.array([[Fraction(1, 3), Fraction(1, 2)]], dtype=object)
    orbit = rollout(make_linear_hds(matrix, 2, 1), np.array([[1], [1]], dtype=object), 2).ravel()
    assert orbit[2] == Fraction(5, 6) and orbit[3] == Fraction(1, 3) + Fraction(5, 12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.complex128, object])
def test_numpy_dtype_is_kept(dtype):
    initial = np.ones((3, 4, 2)).astype(dtype)
    for model in (make_fibonacci(4, 2), make_selection(4, 2, 3, 0, 2)):
        result = rollout(model, initial, 5)
        assert result.dtype == initial.dtype and result.shape == (3, 9, 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_torch_equals_numpy_and_keeps_dtype(dtype):
    for model in (make_fibonacci(4, 2), make_named_task("T3")):
        initial = draw_binary_history(model, 5, 1)
        result = rollout(model, torch.tensor(initial).to(dtype), 12)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result.numpy(), rollout(model, initial, 12))


def test_torch_rollout_carries_gradients():
    initial = torch.ones(2, 1, dtype=torch.float64, requires_grad=True)
    rollout(make_fibonacci(), initial, 6)[-1].sum().backward()
    # F_8 = F_6 u_1 + F_7 u_2 for arbitrary initial states.
    assert initial.grad.ravel().tolist() == [8.0, 13.0]


def test_batches_are_independent():
    model = make_random_selection(5, 3, 4)
    initial = draw_binary_history(model, 6, 0)
    together = rollout(model, initial, 20)
    for alone, part in zip(initial, together, strict=True):
        np.testing.assert_array_equal(rollout(model, alone, 20), part)


def test_windows_are_slices_of_the_trajectory():
    trajectory = np.arange(2 * 7 * 3).reshape(2, 7, 3)
    windows = window_states(trajectory, 4)
    assert windows.shape == (4, 2, 4, 3)
    for start in range(4):
        np.testing.assert_array_equal(windows[start], trajectory[:, start : start + 4])
    np.testing.assert_array_equal(window_states(torch.tensor(trajectory), 4).numpy(), windows)


# ---- tasks


@pytest.mark.parametrize("name", TASK_CODES)
def test_named_tasks_have_their_codes(name):
    model = make_named_task(name)
    positions, signs = read_task_code(8, 8, *TASK_CODES[name])
    expected = np.zeros((8, 64))
    expected[np.arange(8), positions] = signs
    np.testing.assert_array_equal(model.matrix, expected)
    assert (model.history, model.dim, model.size, model.name) == (8, 8, 64, name)


def test_the_four_tasks_differ():
    matrices = [make_named_task(name).matrix for name in TASK_CODES]
    for i, left in enumerate(matrices):
        for right in matrices[:i]:
            assert (left != right).any()


def test_t1_is_repeat_copy():
    copy, model = make_repeat_copy(8, 8), make_named_task("T1")
    np.testing.assert_array_equal(copy.matrix, model.matrix)
    initial = draw_binary_history(model, 4, 3)
    orbit = rollout(model, initial, 40)
    np.testing.assert_array_equal(orbit, np.tile(initial, (1, 6, 1)))


@given(
    history=st.integers(1, 6), dim=st.integers(1, 6), seed=st.integers(0, 10**9), steps=st.integers(1, 20),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_signed_selections_keep_binary_states_binary(history, dim, seed, steps):
    model = make_random_selection(history, dim, seed)
    orbit = rollout(model, draw_binary_history(model, 2, seed), steps)
    assert set(np.unique(orbit)) <= {-1.0, 1.0}
    assert (np.count_nonzero(model.matrix, axis=1) == 1).all()
    assert np.count_nonzero(model.matrix.any(axis=0)) == dim, "two outputs read the same position"


@pytest.mark.parametrize("name", TASK_CODES)
def test_named_tasks_keep_binary_states_binary(name):
    model = make_named_task(name)
    orbit = rollout(model, draw_binary_history(model, 16, 0), 200)
    assert set(np.unique(orbit)) == {-1.0, 1.0}


@given(history=st.integers(1, 5), dim=st.integers(2, 5), data=st.data())
@settings(max_examples=80, deadline=None)
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


def test_every_order_is_in_reach_of_the_swaps():
    orders = {make_selection(1, 3, 7, b).boundary.positions for b in range(6)}
    assert len(orders) == 6


def test_each_number_of_the_code_matters():
    base = make_selection(4, 3, 0b111, 0, 0).matrix
    for code in ((0b1011, 0, 0), (0b111, 1, 0), (0b111, 0, 1)):
        assert (make_selection(4, 3, *code).matrix != base).any()


def test_random_tasks_depend_on_their_seed_only():
    again = [make_random_selection(6, 4, 11).matrix for _ in range(2)]
    np.testing.assert_array_equal(*again)
    assert len({make_random_selection(6, 4, seed).matrix.tobytes() for seed in range(20)}) == 20


def test_random_task_is_the_same_on_every_machine():
    boundary = make_random_selection(8, 8, 0).boundary
    assert len(set(boundary.positions)) == 8
    assert (boundary.positions, boundary.signs) == (
        (25, 41, 17, 3, 23, 24, 53, 42),
        (-1, 1, -1, 1, -1, -1, 1, -1),
    )


@pytest.mark.parametrize(
    "text",
    ["T1", "T4", "repeat-copy:3,2", "fibonacci:4,1", "code:8,8,255,0,0", "code:4,3,2053,0,5", "random:16,5,7"],
)
def test_a_task_text_comes_back_as_the_name(text):
    model = parse_task(text)
    assert model.name == text
    np.testing.assert_array_equal(parse_task(model.name).matrix, model.matrix)


def test_codes_beyond_64_bits_are_read():
    top = (1 << 79) | (1 << 78) | 7
    assert parse_task(f"code:16,5,{top},0,0").boundary.positions == (0, 1, 2, 78, 79)


def test_boundaries_can_be_sent_to_a_process():
    for model in (make_named_task("T3"), make_fibonacci(3, 2)):
        sent = pickle.loads(pickle.dumps(model))
        initial = draw_binary_history(model, 2, 0)
        np.testing.assert_array_equal(rollout(sent, initial, 9), rollout(model, initial, 9))


def test_histories_differ_between_seeds_and_tasks():
    first, second = make_named_task("T1"), make_named_task("T2")
    draws = [draw_binary_history(model, 50, seed) for model in (first, second) for seed in (0, 1)]
    for i, left in enumerate(draws):
        assert set(np.unique(left)) == {-1.0, 1.0} and left.shape == (50, 8, 8)
        assert abs(left.mean()) < 5 / np.sqrt(left.size)
        for right in draws[:i]:
            assert abs((left * right).mean()) < 5 / np.sqrt(left.size)


@pytest.mark.parametrize("kind", RANDOM_KINDS)
def test_random_systems_stay_bounded_and_differ(kind):
    finals = []
    for seed in range(5):
        model = make_random_hds(4, 3, kind, seed)
        initial = np.random.default_rng(seed).integers(0, 5, size=(4, 3))
        orbit = rollout(model, initial if kind == "integer" else initial / 5, 50)
        assert np.abs(orbit).max() <= (1000 if kind == "integer" else 2)
        assert (model.matrix is not None) == (kind == "linear")
        finals.append(model.boundary(np.ones((4, 3), dtype=initial.dtype if kind == "integer" else float)).tobytes())
    assert len(set(finals)) > 1


# ---- what is refused


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("T5", "unknown task 'T5'"),
        ("t1", "unknown task"),
        ("", "unknown task"),
        ("repeat-copy", "2 whole numbers"),
        ("repeat-copy:8", "2 whole numbers"),
        ("repeat-copy:8,x", "whole numbers"),
        ("repeat-copy:0,8", "history must be"),
        ("repeat-copy:8,0", "dim must be"),
        ("fibonacci:2,-1", "whole numbers"),
        ("random:8,8", "3 whole numbers"),
        ("code:8,8,255,0", "5 whole numbers"),
        ("code:8,8,254,0,0", "exactly dim = 8 set bits"),
        ("code:8,8,511,0,0", "exactly dim = 8 set bits"),
        (f"code:8,8,{2**64 + 127},0,0", "below 2\\*\\*\\(history\\*dim\\)"),
        (f"code:8,8,255,{7 * 8**7},0", "beyond the last entry"),
        (f"code:8,8,255,{8**9},0", "beyond the last entry"),
        ("code:8,8,255,0,256", "below 2\\*\\*dim"),
        ("repeat-copy:100000,100000", "coefficients"),
        (f"code:8,8,{'9' * 5000},0,0", "digits"),
        ("code:4,1,1,1,0", "must be 0 where dim is 1"),
    ],
)
def test_malformed_tasks_are_refused_in_one_line(text, words):
    with pytest.raises(UserError, match=words) as caught:
        parse_task(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: make_named_task("T9"),
        lambda: make_selection(8, 8, -1),
        lambda: make_selection(8, 8, 255, 0, -1),
        lambda: make_selection(8, 8, 255.5),
        lambda: make_hds(np.sum, 0, 1),
        lambda: make_hds(np.sum, 1, 0),
        lambda: make_hds(3, 1, 1),
        lambda: make_linear_hds(np.eye(3), 2, 2),
        lambda: make_linear_hds([[np.nan, 1.0]], 2, 1),
        lambda: make_linear_hds([[np.inf, 1.0]], 2, 1),
        lambda: make_linear_hds([[1j, 1.0]], 2, 1),
        lambda: make_random_hds(2, 2, "odd", 0),
        lambda: make_random_selection(2, 2, -1),
        lambda: rollout(make_fibonacci(), np.ones((3, 1)), 2),
        lambda: rollout(make_fibonacci(), np.ones(2), 2),
        lambda: rollout(make_fibonacci(), np.ones((2, 1)), -1),
        lambda: rollout(make_fibonacci(), np.ones((2, 1), dtype=bool), 1),
        lambda: rollout(make_fibonacci(), np.ones((2, 1), dtype=np.uint8), 1),
        lambda: rollout(make_fibonacci(), [[1], [1, 2]], 1),
        lambda: rollout(make_linear_hds([[0.5, 0.5]], 2, 1), np.ones((2, 1), dtype=int), 1),
        lambda: rollout(make_hds(lambda window: window, 2, 1), np.ones((2, 1)), 1),
        lambda: rollout(make_hds(lambda window: 0.5 * window[0], 2, 1), np.ones((2, 1), dtype=int), 1),
        lambda: rollout(make_hds(lambda window: 1.0, 2, 1), np.ones((2, 1)), 1),
        lambda: window_states(np.ones((3, 2)), 4),
        lambda: draw_binary_history(make_fibonacci(), 0, 0),
    ],
)
def test_wrong_arguments_are_refused(call):
    with pytest.raises(UserError):
        call()
