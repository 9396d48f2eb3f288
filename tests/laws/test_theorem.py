"""Theorem 3.1: the lattice is the system, for any dimension, history and boundary; and only for the right boundary."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from twm.errors import UserError
from twm.theory.lattice import measure_theorem_error, simulate_wave
from twm.theory.systems import (
    RANDOM_KINDS,
    make_fibonacci,
    make_hds,
    make_linear_hds,
    make_named_task,
    make_random_hds,
    make_random_selection,
    rollout,
)

SIZES = {"history": st.integers(1, 9), "dim": st.integers(1, 6), "seed": st.integers(0, 10**6)}


def draw_initial(hds, kind, seed):
    rng = np.random.default_rng(seed)
    shape = (2, hds.history, hds.dim)
    return rng.integers(-4, 5, size=shape) if kind == "integer" else rng.uniform(-1, 1, size=shape)


def recur(boundary, initial, steps):
    """Eq. (1) as printed, one state at a time, newest argument first."""
    history = initial.shape[-2]
    x = {i + 1: initial[..., i, :] for i in range(history)}
    for i in range(history + 1, history + steps + 1):
        newest_first = [x[i - lag] for lag in range(1, history + 1)]
        x[i] = boundary(np.stack(newest_first[::-1], axis=-2))
    return x


@given(**SIZES, kind=st.sampled_from(RANDOM_KINDS), steps=st.integers(1, 25))
@settings(max_examples=150, deadline=None)
def test_the_newest_column_is_the_system_and_the_substrate_its_window(history, dim, seed, kind, steps):
    hds = make_random_hds(history, dim, kind, seed)
    initial = draw_initial(hds, kind, seed)
    waves, x = simulate_wave(initial, hds.boundary, steps), recur(hds.boundary, initial, steps)
    scale = max(1.0, np.abs(waves).max())
    for time in range(steps + 1):
        assert np.abs(waves[time][:, -1] - x[time + history]).max() <= 1e-12 * scale
        for column in range(history):
            assert np.abs(waves[time][:, column] - x[time + column + 1]).max() <= 1e-12 * scale
    assert measure_theorem_error(hds, initial, steps) <= 1e-12


@given(**SIZES)
@settings(max_examples=40, deadline=None)
def test_signed_selections_are_represented_exactly(history, dim, seed):
    hds = make_random_selection(history, dim, seed)
    initial = draw_initial(hds, "integer", seed).astype(object)
    assert measure_theorem_error(hds, initial, 3 * history) == 0


@pytest.mark.parametrize("name", ["T1", "T2", "T3", "T4"])
def test_the_four_tasks_in_both_libraries(name):
    hds = make_named_task(name)
    initial = np.random.default_rng(0).choice([-1.0, 1.0], size=(16, 8, 8))
    assert measure_theorem_error(hds, initial, 100) == 0
    assert measure_theorem_error(hds, torch.tensor(initial, dtype=torch.float32), 100) == 0


def test_a_history_of_one_state_is_an_ordinary_map():
    hds = make_hds(lambda window: np.cos(window[..., 0, :]), 1, 2)
    waves = simulate_wave(np.array([[0.1, 0.7]]), hds.boundary, 200)
    assert waves[-1, 0] == pytest.approx([0.7390851332151607] * 2, abs=1e-12)


# ---- negative controls: each of these must not pass for the theorem


def step_as_printed(substrate, boundary):
    """Eq. (3) with its printed right side, h_(i-1)j; column 1 has no left neighbour and keeps its value."""
    after = substrate.copy()
    after[1:-1] = substrate[:-2]
    after[-1] = boundary(substrate)
    return after


@given(history=st.integers(3, 9), dim=st.integers(1, 5), seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_equation_3_as_printed_does_not_represent_the_system(history, dim, seed):
    hds = make_random_selection(history, dim, seed)
    substrate = np.random.default_rng(seed).uniform(1, 2, size=(history, dim)) * (1 + np.arange(history))[:, None]
    states = rollout(hds, substrate, 1)
    assert np.array_equal(simulate_wave(substrate, hds.boundary, 1)[1], states[1:])
    assert not np.array_equal(step_as_printed(substrate, hds.boundary), states[1:])


@pytest.mark.parametrize(
    ("fault", "boundary"),
    [
        ("the columns in the other order", lambda f: lambda window: f(window[..., ::-1, :])),
        (
            "one argument short, as printed: the newest column is not read",
            lambda f: lambda window: f(window * drop_newest(window)),
        ),
        ("the oldest column is not read", lambda f: lambda window: f(window * drop_newest(window)[::-1])),
        ("a wrong sign", lambda f: lambda window: -f(window)),
        ("a wrong gain", lambda f: lambda window: (1 + 1e-9) * f(window)),
        ("dimensions exchanged", lambda f: lambda window: f(window)[..., ::-1]),
    ],
)
def test_another_boundary_is_another_system(fault, boundary):
    hds = make_random_hds(5, 4, "linear", 3)
    initial = draw_initial(hds, "linear", 0)
    assert measure_theorem_error(hds, initial, 20) <= 1e-12
    assert measure_theorem_error(hds, initial, 20, boundary(hds.boundary)) > 1e-10, fault


def drop_newest(window):
    keep = np.ones((window.shape[-2], 1))
    keep[-1] = 0
    return keep


def test_a_boundary_with_fewer_arguments_cannot_make_fibonacci():
    """Eq. (3) and (5) print f(h_(s-1), ..., h_1): without h_s the series 1, 1, 2, 3, 5 is out of reach."""
    short = make_hds(lambda window: window[..., :-1, :].sum(axis=-2), 2, 1)
    assert rollout(short, np.array([[1], [1]]), 4).ravel().tolist() == [1, 1, 1, 1, 1, 1]
    assert measure_theorem_error(make_fibonacci(), np.array([[1.0], [1.0]]), 6, short.boundary) > 0.5


def test_the_error_is_relative_and_does_not_depend_on_the_scale():
    hds = make_linear_hds([[0.3, 0.7]], 2, 1)
    initial = np.array([[0.2], [1.0]])
    errors = [measure_theorem_error(hds, scale * initial, 8, lambda w: 1.01 * hds.boundary(w)) for scale in (1.0, 1e6)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-9) and errors[0] > 1e-3


def test_wrong_arguments_are_refused():
    hds = make_fibonacci()
    for call in (
        lambda: measure_theorem_error(hds, np.ones((3, 1)), 4),
        lambda: measure_theorem_error(hds, np.ones((2, 1)), 0),
        lambda: measure_theorem_error(hds, np.ones((2, 1)), 4, lambda window: window),
    ):
        with pytest.raises(UserError):
            call()
