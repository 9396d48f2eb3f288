"""Systems, tasks, their codes and pictures: closed forms, round trips, and the same numbers in both libraries."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twm.theory import pictures
from twm.theory.systems import (
    RANDOM_KINDS, TASK_CODES, draw_binary_history, make_fibonacci, make_named_task, make_random_hds,
    make_random_selection, make_selection, make_selection_table, parse_task, rollout,
)  # fmt: skip


def read_task_code(history, dim, a, b, c):
    """Work out positions and signs of a code in the most literal way, digit by digit."""
    positions = [place for place in range(history * dim) if (a // 2**place) % 2 == 1]
    place = 0
    while b > 0:
        digit = b % dim
        if digit > 0:
            positions[place], positions[place + digit] = positions[place + digit], positions[place]
        b, place = b // dim, place + 1
    return positions, [-1 if (c // 2**output) % 2 == 1 else 1 for output in range(dim)]


def test_torch_equals_numpy_and_carries_gradients():
    for model in (make_fibonacci(4, 2), pickle.loads(pickle.dumps(make_named_task("T3")))):
        initial = draw_binary_history(model, 5, 1)
        result = rollout(model, torch.tensor(initial, dtype=torch.float32), 12)
        assert result.dtype == torch.float32
        np.testing.assert_array_equal(result.numpy(), rollout(model, initial, 12))
    start = torch.ones(2, 1, requires_grad=True)
    rollout(make_fibonacci(), start, 6)[-1].sum().backward()
    # F_8 = F_6 u_1 + F_7 u_2 for arbitrary initial states.
    assert start.grad.ravel().tolist() == [8.0, 13.0]


@pytest.mark.parametrize("name", TASK_CODES)
def test_named_tasks_have_their_codes_and_keep_binary_states_binary(name):
    model = make_named_task(name)
    positions, signs = read_task_code(8, 8, *TASK_CODES[name])
    np.testing.assert_array_equal(model.matrix, np.eye(64)[positions] * np.array(signs)[:, None])
    initial = draw_binary_history(model, 16, 0)
    later = rollout(model, initial, 200)
    assert set(np.unique(later)) == {-1.0, 1.0}
    assert np.array_equal(later, np.tile(initial, (1, 26, 1))) == (name == "T1"), "T1 is repeat copy"


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
    models = [make_random_hds(4, 3, kind, seed) for seed in range(5)]
    initial = np.random.default_rng(0).integers(0, 2, size=(4, 3)).astype(int if kind == "integer" else float)
    orbits = np.stack([rollout(model, initial, 50) for model in models])
    assert np.abs(orbits).max() <= (1000 if kind == "integer" else 2)
    assert len(np.unique(orbits.reshape(5, -1), axis=0)) > 1
    assert all((model.matrix is not None) == (kind == "linear") for model in models)


@given(st.text(alphabet=pictures.CHARACTERS, min_size=1, max_size=12))
def test_every_text_is_read_back(text):
    states = pictures.text_to_states(text)
    assert states.shape == (4 * len(text), 5) and set(np.unique(states)) <= {-1.0, 1.0}
    assert pictures.states_to_text(states) == text and len(pictures.CHARACTERS) == 37
    np.testing.assert_array_equal(pictures.text_to_states(text.lower()), states)


def test_a_picture_stands_upright_with_a_blank_column_after_it():
    picture = pictures.states_to_picture(pictures.text_to_states("L"))
    drawn = ["".join("#" if value > 0 else "." for value in row) for row in picture]
    assert drawn == ["#...", "#...", "#...", "#...", "###."]
    batch = np.arange(2 * 3 * 8 * 5).reshape(2, 3, 8, 5)
    np.testing.assert_array_equal(pictures.states_to_picture(batch)[1, 2], batch[1, 2].T)


def test_reading_uses_signs_takes_tensors_and_marks_what_is_no_character():
    states = torch.tensor(pictures.text_to_states("WAVE 2"), requires_grad=True)
    assert pictures.states_to_text(0.01 * states) == "WAVE 2"
    with torch.no_grad():
        states[:4] = 1
    assert pictures.states_to_text(states) == "?AVE 2"
