"""Laws of the self-attention boundary: what it equals, what it cannot tell apart, and what positions change."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from twm.streams import binary_inputs_numpy
from twm.theory.attention import (
    bound_positional_error, make_attention_boundary, make_positional_attention, make_random_attention, make_window_mask,
    predict_in_parallel, run_sliding_window, run_with_cache,
)  # fmt: skip
from twm.theory.lattice import simulate_wave
from twm.theory.systems import make_hds, make_named_task, make_random_selection, make_repeat_copy, rollout

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


def test_gradient_reaches_the_weights_and_is_right():
    rng = np.random.default_rng(5)
    shapes = ((2, 3, 4), (2, 4, 3), (2, 3, 3), (5, 3), (2, 5, 3))
    given_ = [torch.tensor(rng.standard_normal(shape), requires_grad=True) for shape in shapes]
    assert torch.autograd.gradcheck(lambda *args: make_attention_boundary(*args[:4])(args[4]), given_)


@given(SIZES, st.randoms(use_true_random=False))
@laws
def test_order_of_the_older_columns_is_ignored_without_positions(size, random):
    boundary, substrate = draw_case((*size[:4], False, size[5]))
    order = list(range(substrate.shape[-2] - 1))
    random.shuffle(order)
    found = boundary(substrate[..., [*order, -1], :])
    np.testing.assert_allclose(found, boundary(substrate), rtol=0, atol=1e-12 * max(1, np.abs(substrate).max()))
    # With positions order matters; and without, the newest column, since the query comes from it.
    five = np.random.default_rng(1).standard_normal((5, 4))
    for history, moved in ((5, five[[1, 0, 2, 3, 4]]), (None, five[[4, 1, 2, 3, 0]])):
        boundary = make_random_attention(4, heads=2, history=history, seed=1)
        assert np.abs(boundary(moved) - boundary(five)).max() > 1e-3


@given(st.integers(1, 5), st.integers(1, 6), SEEDS)
@laws
def test_repeat_copy_is_out_of_reach_without_positions(heads, width, seed):
    histories = np.array([[[1.0], [-1.0], [1.0]], [[-1.0], [1.0], [1.0]]])
    targets = rollout(make_repeat_copy(3, 1), histories, 1)[:, -1, 0]
    assert targets.tolist() == [1.0, -1.0]
    answers = make_random_attention(1, heads, width, seed=seed)(histories)[:, 0]
    # One answer for two targets two apart: whatever the weights, one of them is missed by at least one.
    assert abs(answers[0] - answers[1]) <= 1e-12 and np.abs(answers - targets).max() >= 1 - 1e-12


@given(SIZES)
@laws
def test_equal_columns_are_mapped_linearly_so_exclusive_or_is_out_of_reach_even_with_positions(size):
    boundary, substrate = draw_case(size)
    column = substrate[:, -1]
    answers = boundary(np.broadcast_to(column[:, None], substrate.shape))
    np.testing.assert_allclose(answers, column @ boundary.value_weight.sum(0).T, rtol=1e-10, atol=1e-11)
    # x_1 x_2 is +1 on both (1, 1) and (-1, -1); attention is odd there, so it misses one of them by at least one.
    scalar = make_random_attention(1, heads=3, history=2, seed=size[5])
    assert np.abs(scalar(np.array([[[1.0], [1.0]], [[-1.0], [-1.0]]])) - 1).max() >= 1 - 1e-12


def hull_contains(points, point):
    equations = np.vstack([points.T, np.ones(len(points))])
    return linprog(np.zeros(len(points)), A_eq=equations, b_eq=np.append(point, 1.0), bounds=(0, None)).success


@given(SIZES)
@laws
def test_one_head_stays_in_the_hull_of_its_values(size):
    boundary, substrate = draw_case((*size[:2], 1, *size[3:]))
    for columns, answer in zip(substrate, boundary(substrate)):
        values = columns @ boundary.value_weight[0].T
        assert hull_contains(values, answer) and not hull_contains(values, values.max(0) + 1)
    weights = boundary.weigh(1e4 * substrate)
    assert np.all(weights >= 0) and np.allclose(weights.sum(-1), 1, rtol=0, atol=1e-12), "large scores do no harm"


@pytest.mark.parametrize("name", ["T1", "T2", "T3", "T4"])
def test_sharp_positions_realise_the_named_tasks_exactly(name):
    task = make_named_task(name)
    initial = binary_inputs_numpy("attention/tasks", 0, 0, 8, (8, 8))
    # Beyond a margin of 745 the smallest float64 underflows, so the softmax is a choice and the copy is exact.
    boundary = make_positional_attention(task.matrix, 8, 8, margin=800.0)
    assert np.array_equal(rollout(make_hds(boundary, 8, 8), initial, 200), rollout(task, initial, 200))


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


def test_positional_error_falls_as_the_margin_says():
    task, initial = make_named_task("T1"), binary_inputs_numpy("attention/slope", 0, 0, 16, (8, 8))
    boundaries = [make_positional_attention(task.matrix, 8, 8, margin) for margin in (6.0, 8.0, 10.0, 12.0)]
    errors = [np.abs(boundary(initial) - initial[:, 0]).max() for boundary in boundaries]
    np.testing.assert_allclose(np.diff(np.log(errors)) / 2, -1, atol=0.02)
