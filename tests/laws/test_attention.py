"""Laws of the self-attention boundary: what it equals, what it cannot tell apart, and what positions change."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from twm.errors import UserError
from twm.streams import binary_inputs_numpy
from twm.theory.attention import (
    KeyValueCache,
    bound_positional_error,
    make_attention_boundary,
    make_positional_attention,
    make_random_attention,
    make_window_mask,
    predict_in_parallel,
    run_sliding_window,
    run_with_cache,
)
from twm.theory.lattice import simulate_wave
from twm.theory.systems import make_hds, make_named_task, make_random_selection, make_repeat_copy, rollout

SIZES = st.tuples(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 6), st.booleans(), st.integers(0, 10**6)
)
RUNS = list(itertools.product([(8, 8), (16, 5), (2, 16)], [1, 4], [False, True]))


def draw_case(size):
    history, dim, heads, width, labelled, seed = size
    boundary = make_random_attention(dim, heads, width, history if labelled else None, seed)
    substrate = np.random.default_rng(seed).standard_normal((3, history, dim))
    return boundary, substrate


def run_wave(boundary, initial, steps):
    return simulate_wave(initial, boundary, steps)[..., -1, :].swapaxes(0, -2)


def relative(found, expected):
    return float(np.abs(np.asarray(found) - np.asarray(expected)).max() / np.abs(np.asarray(expected)).max())


# ---- what it equals


@given(SIZES)
@settings(max_examples=60, deadline=None)
def test_boundary_equals_the_printed_sum(size):
    boundary, substrate = draw_case((*size[:4], False, size[5]))
    for sequence, answer in zip(substrate, boundary(substrate)):
        newest, total = sequence[-1], np.zeros(boundary.dim)
        for key, query, value in zip(boundary.key_weight, boundary.query_weight, boundary.value_weight):
            scores = [np.exp(column @ key @ query @ newest) for column in sequence]
            total += sum(score / sum(scores) * (value @ column) for score, column in zip(scores, sequence))
        np.testing.assert_allclose(answer, total, rtol=1e-10, atol=1e-11)


@given(SIZES)
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_one_step_equals_torch_attention(dtype, tolerance, size):
    boundary, substrate = draw_case(size)
    state = torch.tensor(substrate, dtype=dtype)
    answer = boundary(state)
    assert answer.dtype == dtype
    expected = run_sliding_window(boundary, state, 1)[..., -1, :]
    # Relative to the values that are averaged: their average may be small by cancellation.
    size_of_values = max(1.0, float(state.abs().max()) * float(np.abs(boundary.value_weight).sum(-1).max()))
    assert float((answer - expected).abs().max()) <= tolerance * size_of_values


@given(SIZES)
@settings(max_examples=40, deadline=None)
def test_numpy_and_torch_agree(size):
    boundary, substrate = draw_case(size)
    np.testing.assert_allclose(boundary(substrate), boundary(torch.tensor(substrate)).numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("shape", "heads", "labelled"), RUNS)
@pytest.mark.parametrize("seed", [0, 1])
def test_free_run_equals_the_sliding_window_and_the_cache(shape, heads, labelled, seed):
    history, dim = shape
    boundary = make_random_attention(dim, heads, history=history if labelled else None, seed=seed)
    initial = binary_inputs_numpy("attention/law", seed, 0, 4, shape)
    wave = run_wave(boundary, initial, 200)[:, 1:]
    lengths = np.linalg.norm(wave, axis=-1)
    assert lengths.min() >= 0.1 and lengths.max() <= 10
    assert relative(run_sliding_window(boundary, torch.tensor(initial), 200)[:, history:], wave) <= 1e-9
    assert relative(run_with_cache(boundary, initial, 200)[:, history:], wave) <= 1e-9
    assert relative(run_with_cache(boundary, torch.tensor(initial), 200)[:, history:], wave) <= 1e-9


def test_cache_keeps_its_promise_of_work():
    boundary = make_random_attention(4, heads=2, history=5, seed=3)
    cache = KeyValueCache(boundary, np.random.default_rng(0).standard_normal((5, 4)))
    before = cache.keys.copy(), cache.values.copy()
    cache.write(cache.read())
    for old, new in zip(before, (cache.keys, cache.values)):
        changed = np.abs(new - old).max((0, 2)) > 0
        assert changed.tolist() == [True, False, False, False, False]
    assert cache.oldest == 1


@pytest.mark.parametrize("heads", [1, 3])
def test_one_masked_pass_predicts_what_the_loop_makes(heads):
    boundary = make_random_attention(6, heads, seed=4)
    tokens = run_sliding_window(boundary, torch.tensor(binary_inputs_numpy("attention/mask", 0, 0, 2, (5, 6))), 30)
    predicted = predict_in_parallel(boundary, tokens, make_window_mask(35, 5))
    assert relative(predicted[:, 4:-1], tokens[:, 5:]) <= 1e-12


def test_gradient_reaches_the_weights_and_is_right():
    rng = np.random.default_rng(5)
    shapes = ((2, 3, 4), (2, 4, 3), (2, 3, 3), (5, 3))
    weights = [torch.tensor(rng.standard_normal(shape), requires_grad=True) for shape in shapes]
    substrate = torch.tensor(rng.standard_normal((2, 5, 3)), requires_grad=True)
    assert torch.autograd.gradcheck(lambda *args: make_attention_boundary(*args[:4])(args[4]), (*weights, substrate))


# ---- what it cannot tell apart


@given(SIZES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_of_the_older_columns_is_ignored_without_positions(size, random):
    boundary, substrate = draw_case((*size[:4], False, size[5]))
    order = list(range(substrate.shape[-2] - 1))
    random.shuffle(order)
    shuffled = substrate[..., [*order, -1], :]
    np.testing.assert_allclose(
        boundary(shuffled), boundary(substrate), rtol=0, atol=1e-12 * max(1, np.abs(substrate).max())
    )


def test_order_matters_with_positions():
    boundary = make_random_attention(4, heads=2, history=5, seed=1)
    substrate = np.random.default_rng(1).standard_normal((5, 4))
    assert np.abs(boundary(substrate[[1, 0, 2, 3, 4]]) - boundary(substrate)).max() > 1e-3


def test_moving_the_newest_column_matters():
    # The query comes from the newest column, so the invariance stops there.
    boundary = make_random_attention(4, seed=1)
    substrate = np.random.default_rng(1).standard_normal((5, 4))
    assert np.abs(boundary(substrate[[4, 1, 2, 3, 0]]) - boundary(substrate)).max() > 1e-3


@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_repeat_copy_is_out_of_reach_without_positions(heads, width, seed):
    histories = np.array([[[1.0], [-1.0], [1.0]], [[-1.0], [1.0], [1.0]]])
    targets = rollout(make_repeat_copy(3, 1), histories, 1)[:, -1, 0]
    assert targets.tolist() == [1.0, -1.0]
    answers = make_random_attention(1, heads, width, seed=seed)(histories)[:, 0]
    assert abs(answers[0] - answers[1]) <= 1e-12
    # One answer for two targets two apart: whatever the weights, one of them is missed by at least one.
    assert np.abs(answers - targets).max() >= 1 - 1e-12


@given(SIZES)
@settings(max_examples=40, deadline=None)
def test_equal_columns_are_mapped_linearly_even_with_positions(size):
    boundary, substrate = draw_case(size)
    column = substrate[:, -1]
    equal = np.broadcast_to(column[:, None], substrate.shape)
    np.testing.assert_allclose(boundary(equal), column @ boundary.value_weight.sum(0).T, rtol=1e-10, atol=1e-11)


def test_exclusive_or_is_out_of_reach_even_with_positions():
    # x_1 x_2 is +1 on both (1, 1) and (-1, -1); attention is odd there, so it misses one of them by at least one.
    for seed in range(20):
        boundary = make_random_attention(1, heads=3, history=2, seed=seed)
        answers = boundary(np.array([[[1.0], [1.0]], [[-1.0], [-1.0]]]))[:, 0]
        assert np.abs(answers - 1).max() >= 1 - 1e-12


def hull_contains(points, point):
    equations = np.vstack([points.T, np.ones(len(points))])
    return linprog(np.zeros(len(points)), A_eq=equations, b_eq=np.append(point, 1.0), bounds=(0, None)).success


@given(SIZES)
@settings(max_examples=40, deadline=None)
def test_one_head_stays_in_the_hull_of_its_values(size):
    boundary, substrate = draw_case((size[0], size[1], 1, *size[3:]))
    value = boundary.value_weight[0]
    for columns, answer in zip(substrate, boundary(substrate)):
        assert hull_contains(columns @ value.T, answer)


def test_hull_check_refuses_what_lies_outside():
    boundary = make_random_attention(2, seed=2)
    columns = np.random.default_rng(2).standard_normal((4, 2))
    values = columns @ boundary.value_weight[0].T
    assert not hull_contains(values, values.mean(0) + 2 * (values[0] - values.mean(0)) * len(values))


@given(SIZES)
@settings(max_examples=40, deadline=None)
def test_weights_are_a_distribution_and_survive_large_scores(size):
    boundary, substrate = draw_case(size)
    for scale in (1.0, 1e4):
        weights = boundary.weigh(substrate * scale)
        assert weights.shape == (3, boundary.heads, substrate.shape[1])
        assert np.all(weights >= 0) and np.allclose(weights.sum(-1), 1, rtol=0, atol=1e-12)


# ---- what positions repair


@pytest.mark.parametrize("name", ["T1", "T2", "T3", "T4"])
def test_sharp_positions_realise_the_named_tasks_exactly(name):
    task = make_named_task(name)
    initial = binary_inputs_numpy("attention/tasks", 0, 0, 8, (8, 8))
    # Beyond a margin of 745 the smallest float64 underflows, so the softmax is a choice and the copy is exact.
    boundary = make_positional_attention(task.matrix, 8, 8, margin=800.0)
    assert np.array_equal(rollout(make_hds(boundary, 8, 8), initial, 200), rollout(task, initial, 200))


@given(st.integers(1, 7), st.integers(0, 2), st.integers(0, 10**6), st.floats(1, 40))
@settings(max_examples=40, deadline=None)
def test_positional_error_stays_below_its_bound(history, extra, seed, margin):
    dim, steps = history + extra, 50
    task = make_random_selection(history, dim, seed)
    initial = binary_inputs_numpy("attention/bound", seed, 0, 4, (history, dim))
    boundary = make_positional_attention(task.matrix, history, dim, margin)
    expected = rollout(task, initial, steps)[:, history:]
    found = rollout(make_hds(boundary, history, dim), initial, steps)[:, history:]
    error = np.abs(found - expected).max((0, 2))
    for step in range(steps):
        # The second term is the rounding of sums of numbers of order one.
        assert error[step] <= bound_positional_error(history, margin, step + 1) + 1e-13 * (step + 1)


def test_positional_error_falls_as_the_margin_says():
    task = make_named_task("T1")
    initial = binary_inputs_numpy("attention/slope", 0, 0, 16, (8, 8))
    errors = []
    for margin in (6.0, 8.0, 10.0, 12.0):
        boundary = make_positional_attention(task.matrix, 8, 8, margin)
        errors.append(np.abs(boundary(initial) - initial[:, 0]).max())
    slopes = np.diff(np.log(errors)) / 2
    np.testing.assert_allclose(slopes, -1, atol=0.02)


# ---- negative controls


def test_a_query_from_the_wrong_column_is_noticed():
    boundary = make_random_attention(6, seed=6)
    initial = binary_inputs_numpy("attention/wrong", 0, 0, 4, (5, 6))
    turned = np.roll(initial, 1, axis=1)
    # Without positions a turned window is the same set of columns, with another one asking.
    assert relative(boundary(turned), boundary(initial)) > 1e-3


@pytest.mark.parametrize(
    "mask", [make_window_mask(35, 4), make_window_mask(35, 6), torch.ones(35, 35, dtype=torch.bool)]
)
def test_a_broken_mask_is_noticed(mask):
    boundary = make_random_attention(6, seed=4)
    tokens = run_sliding_window(boundary, torch.tensor(binary_inputs_numpy("attention/mask", 0, 0, 2, (5, 6))), 30)
    assert relative(predict_in_parallel(boundary, tokens, mask)[:, 4:-1], tokens[:, 5:]) > 1e-3


def test_positions_tied_to_slots_are_noticed():
    # A cache that forgot to turn the positions with the window would answer from the wrong places.
    boundary = make_random_attention(4, heads=2, history=5, seed=3)
    initial = np.random.default_rng(0).standard_normal((5, 4))
    cache = KeyValueCache(boundary, initial)
    cache.write(cache.read())
    right = cache.read()
    cache.oldest = 0
    assert np.abs(cache.read() - right).max() > 1e-3


@pytest.mark.parametrize("name", ["key_weight", "query_weight", "value_weight", "positions"])
def test_every_weight_changes_the_answer(name):
    boundary = make_random_attention(4, heads=2, history=5, seed=7)
    weights = {key: getattr(boundary, key) for key in ("key_weight", "query_weight", "value_weight", "positions")}
    changed = make_attention_boundary(**{**weights, name: weights[name] + np.eye(*weights[name].shape[-2:])})
    substrate = np.random.default_rng(7).standard_normal((5, 4))
    assert np.abs(changed(substrate) - boundary(substrate)).max() > 1e-3


def test_random_boundaries_differ_by_seed_and_not_by_call():
    one, again, other = (make_random_attention(3, 2, history=4, seed=seed) for seed in (0, 0, 1))
    for name in ("key_weight", "query_weight", "value_weight", "positions"):
        assert np.array_equal(getattr(one, name), getattr(again, name))
        assert not np.array_equal(getattr(one, name), getattr(other, name))


# ---- what a user can get wrong


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: make_attention_boundary(np.eye(3), np.eye(3), np.ones((3, 2))), "value_weight"),
        (lambda: make_attention_boundary(np.ones((2, 4)), np.eye(3), np.eye(3)), "key_weight"),
        (lambda: make_attention_boundary(np.ones((3, 4)), np.eye(3), np.eye(3)), "query_weight"),
        (lambda: make_attention_boundary(np.eye(3), np.eye(3), np.eye(3), np.ones((4, 2))), "positions"),
        (lambda: make_random_attention(0), "dim"),
        (lambda: make_random_attention(3, heads=0), "heads"),
        (lambda: make_random_attention(3, seed=-1), "seed"),
        (lambda: make_random_attention(3)(np.ones((4, 2))), "substrate"),
        (lambda: make_random_attention(3, history=5)(np.ones((4, 3))), "5 positions"),
        (lambda: make_positional_attention(np.ones((2, 6)), 3, 2, 10.0), "history must be at most dim"),
        (lambda: make_positional_attention(np.ones((3, 6)), 2, 3, 10.0), "absolute sum"),
        (lambda: make_positional_attention(np.zeros((3, 5)), 2, 3, 10.0), "matrix must have shape"),
        (lambda: make_positional_attention(np.zeros((3, 6)), 2, 3, 0.0), "margin"),
        (lambda: run_sliding_window(make_random_attention(3), torch.ones(4, 3), -1), "steps"),
        (lambda: run_with_cache(make_random_attention(3), np.ones((4, 3)), -1), "steps"),
        (lambda: make_window_mask(4, 0), "history"),
        (
            lambda: predict_in_parallel(make_random_attention(3, history=2), torch.ones(2, 3), make_window_mask(2, 2)),
            "positions",
        ),
    ],
)
def test_wrong_input_gets_one_clear_line(call, says):
    with pytest.raises(UserError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)
