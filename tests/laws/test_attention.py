"""Laws of the self-attention boundary: what it equals, in four ways to run it, and what positions change."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twm.streams import binary_inputs_numpy
from twm.theory.attention import (
    bound_positional_error, make_positional_attention, make_random_attention, make_window_mask, predict_in_parallel,
    run_sliding_window, run_with_cache,
)  # fmt: skip
from twm.theory.lattice import simulate_wave
from twm.theory.systems import make_hds, make_random_selection, rollout

SEEDS = st.integers(0, 10**6)
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 6), st.booleans(), SEEDS)
RUNS = list(itertools.product([(8, 8), (16, 5), (2, 16)], [1, 4], [False, True]))
laws = settings(max_examples=40)


def draw_case(size):
    history, dim, heads, width, labelled, seed = size
    boundary = make_random_attention(dim, heads, width, history if labelled else None, seed)
    return boundary, np.random.default_rng(seed).standard_normal((3, history, dim))


def relative(found, expected):
    return float(np.abs(np.asarray(found) - np.asarray(expected)).max() / np.abs(np.asarray(expected)).max())


@given(SIZES)
@laws
def test_boundary_equals_the_printed_sum(size):
    boundary, substrate = draw_case((*size[:4], False, size[5]))
    for sequence, answer in zip(substrate, boundary(substrate)):
        newest, total = sequence[-1], np.zeros(boundary.dim)
        for key, query, value in zip(boundary.key_weight, boundary.query_weight, boundary.value_weight):
            scores = [np.exp(column @ key @ query @ newest) for column in sequence]
            total += sum(score / sum(scores) * (value @ column) for score, column in zip(scores, sequence))
        np.testing.assert_allclose(answer, total, rtol=1e-10, atol=1e-11)
    assert np.allclose(boundary.weigh(1e4 * substrate).sum(-1), 1, rtol=0, atol=1e-12), "large scores do no harm"


@given(SIZES)
@laws
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_one_step_equals_torch_attention_and_numpy_agrees(dtype, tolerance, size):
    boundary, substrate = draw_case(size)
    state = torch.tensor(substrate, dtype=dtype)
    answer = boundary(state)
    assert answer.dtype == dtype
    # Relative to the values that are averaged: their average may be small by cancellation.
    bound = tolerance * max(1.0, np.abs(substrate).max() * np.abs(boundary.value_weight).sum(-1).max())
    assert np.abs(answer.numpy() - run_sliding_window(boundary, state, 1)[..., -1, :].numpy()).max() <= bound
    assert np.abs(answer.numpy() - boundary(substrate)).max() <= 4 * bound


@pytest.mark.parametrize(("shape", "heads", "labelled"), RUNS)
def test_free_run_equals_the_sliding_window_and_the_cache(shape, heads, labelled):
    history, dim = shape
    boundary = make_random_attention(dim, heads, history=history if labelled else None, seed=1)
    initial = binary_inputs_numpy("attention/law", 1, 0, 4, shape)
    wave = simulate_wave(initial, boundary, 200)[1:, ..., -1, :].swapaxes(0, -2)
    lengths = np.linalg.norm(wave, axis=-1)
    assert lengths.min() >= 0.1 and lengths.max() <= 10
    assert relative(run_sliding_window(boundary, torch.tensor(initial), 200)[:, history:], wave) <= 1e-9
    for start in (initial, torch.tensor(initial)):
        assert relative(run_with_cache(boundary, start, 200)[:, history:], wave) <= 1e-9


def test_one_masked_pass_predicts_what_the_loop_makes_and_only_with_its_mask():
    boundary = make_random_attention(6, seed=4)
    tokens = run_sliding_window(boundary, torch.tensor(binary_inputs_numpy("mask", 0, 0, 2, (5, 6))), 30)
    predicted = predict_in_parallel(boundary, tokens, make_window_mask(35, 5))
    assert relative(predicted[:, 4:-1], tokens[:, 5:]) <= 1e-12
    for mask in (make_window_mask(35, 4), make_window_mask(35, 6), torch.ones(35, 35, dtype=torch.bool)):
        assert relative(predict_in_parallel(boundary, tokens, mask)[:, 4:-1], tokens[:, 5:]) > 1e-3


@given(st.integers(1, 7), st.integers(0, 2), SEEDS, st.floats(1, 40))
@laws
def test_positional_error_stays_below_its_bound(history, extra, seed, margin):
    dim, steps = history + extra, 50
    task = make_random_selection(history, dim, seed)
    initial = binary_inputs_numpy("attention/bound", seed, 0, 4, (history, dim))
    system = make_hds(make_positional_attention(task.matrix, history, dim, margin), history, dim)
    error = np.abs(rollout(system, initial, steps) - rollout(task, initial, steps))[:, history:].max((0, 2))
    # The second term is the rounding of sums of numbers of order one.
    bounds = [bound_positional_error(history, margin, step) + 1e-13 * step for step in range(1, steps + 1)]
    assert (error <= bounds).all()
