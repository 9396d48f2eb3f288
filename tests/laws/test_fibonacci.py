"""Laws of learning Fibonacci: bounded outputs, a last possible step, and what raw inputs cost a linear network."""

import numpy as np
import pytest
import torch

from tests.conftest import refusals
from twm.models.kernels import Weights, run_forward
from twm.training.fibonacci import (
    GOLDEN_RATIO, FibonacciRun, draw_series, find_last_possible, measure_relative_errors, predict_raw_error,
    train_on_fibonacci,
)  # fmt: skip

STEPS = 24
#: So small that tanh is linear to about 1e-9 as long as the series is followed.
SMALL = 1e4 * GOLDEN_RATIO**STEPS


def make_run(readout, recurrent=None, encoder=None, scale=1.0, corrected=False):
    """Networks with given matrices, each (models, ., .); without dynamics of their own if only a readout is given."""
    readout = torch.as_tensor(np.asarray(readout, dtype=float))
    models, dim, hidden = readout.shape
    recurrent = np.zeros((models, hidden, hidden)) if recurrent is None else recurrent
    encoder = np.zeros((models, hidden, dim)) if encoder is None else encoder
    weights = Weights(torch.as_tensor(np.asarray(recurrent)), torch.as_tensor(np.asarray(encoder)), readout)
    return FibonacciRun(weights, 10, 1, np.empty((0, models)), scale, corrected)


def make_wave_run(corrected, seed):
    """The wave of Fibonacci in random coordinates, beside modes that are not read."""
    basis = np.random.default_rng(seed).standard_normal((5, 5)) + 3 * np.eye(5)
    operator = np.diag([0.0, 0.0, -GOLDEN_RATIO, 0.9, 0.0])
    operator[:2, :2] = [[0, 1], [1, 1]]
    inverse = np.linalg.inv(basis)
    recurrent, encoder = (basis @ operator @ inverse)[None], (basis @ [[0.0], [1], [1], [1], [0]])[None]
    return make_run(inverse[None, 1:2], recurrent, encoder, SMALL, corrected)


def test_targets_continue_the_inputs_and_every_argument_counts():
    inputs, targets = draw_series([0, 1], 3, 7, 2, 12, 5.0)
    assert inputs.shape == (2, 2, 7, 2) and targets.shape == (2, 12, 7, 2) and targets.dtype == torch.float64
    series = torch.cat([inputs, targets], 1)
    assert torch.allclose(series[:, 2:], series[:, 1:-1] + series[:, :-2], rtol=1e-12)
    starts = inputs * 5.0
    assert 0.5 <= float(starts.min()) and float(starts.max()) <= 1.0 and float(starts.max() - starts.min()) > 0.4
    assert torch.equal(draw_series([1], 3, 7, 2, 12, 5.0)[1], targets[1:]) and not torch.equal(targets[0], targets[1])
    assert torch.allclose(draw_series([0, 1], 3, 7, 2, 12, 50.0)[1], targets / 10)
    assert not torch.equal(draw_series([0, 1], 4, 7, 2, 12, 5.0)[1], targets)
    late = draw_series([0], 0, 4, 1, 60, 1.0)[1]
    assert torch.allclose(late[:, -1] / late[:, -2], torch.tensor(GOLDEN_RATIO, dtype=torch.float64), rtol=1e-12)


def test_the_row_sum_is_reached_by_saturated_neurons():
    readout = np.array([[[0.5, -2.0, 1.0, -0.1]]])
    signs = np.sign(readout).transpose(0, 2, 1)
    run = make_run(readout, 1e3 * signs @ signs.transpose(0, 2, 1), 1e3 * signs)
    outputs = next(run_forward(run.weights, torch.ones(1, 2, 1, 1, dtype=torch.float64), 5))
    assert outputs.flatten().tolist() == pytest.approx([3.6] * 5)
    # Measured against the series, whose starts are those of the seed.
    targets = draw_series([5], 0, 16, 1, 9, 1.0)[1][0, :, :, 0]
    expected = (3.6 / targets - 1).square().mean(1).sqrt().numpy()
    assert measure_relative_errors(run, 9, 16, seed=5)[0] == pytest.approx(expected)


def test_steps_are_counted_from_one_and_follow_scale_and_tolerance():
    run = make_run([[[0.8]], [[1.0]], [[1.6]], [[4.0]], [[72.0]]])
    assert find_last_possible(run, 1e-9).tolist() == [0, 1, 2, 4, 10]
    assert find_last_possible(run, 0.25).tolist() == [1, 1, 2, 4, 10]
    # A step further for each golden ratio by which the series is made smaller.
    smaller = make_run(run.weights.readout.numpy(), scale=GOLDEN_RATIO**5)
    assert (find_last_possible(smaller, 0.01)[1:] - find_last_possible(run, 0.01)[1:]).tolist() == [5, 5, 5, 5]
    # Of several rows the largest counts: every component is a series of its own.
    assert find_last_possible(make_run([[[0.1, 0.0], [3.0, -1.0]]]), 0.01).tolist() == [4]


def test_the_predicted_error_is_that_of_drawn_starts():
    x1, x2 = np.random.default_rng(0).uniform(0.5, 1.0, (2, 1_000_000))
    ratio = (GOLDEN_RATIO * x1 + x2) / (x1 + GOLDEN_RATIO * x2)
    best = ratio.mean() / (ratio**2).mean()
    found = {factor: np.sqrt(((factor * best * ratio - 1) ** 2).mean()) for factor in (0.95, 0.99, 1, 1.01, 1.05)}
    assert found[1] == min(found.values()) == pytest.approx(predict_raw_error(), rel=2e-3)
    assert predict_raw_error(20) == pytest.approx(predict_raw_error(), rel=1e-12) and predict_raw_error() > 0.03


@pytest.mark.parametrize("seed", range(2))
def test_corrected_inputs_let_a_linear_network_continue_the_series_exactly(seed):
    errors = measure_relative_errors(make_wave_run(corrected=True, seed=seed), STEPS, 64)
    assert errors.shape == (1, STEPS) and errors.max() < 1e-5
    # The correction is what does it.
    assert measure_relative_errors(make_wave_run(corrected=False, seed=seed), STEPS, 64).min() > 0.3


@pytest.fixture(scope="module")
def short():
    return train_on_fibonacci([4, 0], hidden=8, iterations=120, corrected=True)


def test_training_is_a_function_of_its_seed_whatever_stands_beside_it(short):
    again = train_on_fibonacci([4, 0], hidden=8, iterations=120, corrected=True)
    assert all(torch.equal(a, b) for a, b in zip(short.weights, again.weights))
    assert np.array_equal(short.losses, again.losses)
    alone = train_on_fibonacci([0], hidden=8, iterations=120, corrected=True)
    assert all(torch.allclose(a[0], b[1], atol=1e-8) for a, b in zip(alone.weights, short.weights))
    assert np.allclose(alone.losses[:, 0], short.losses[:, 1], rtol=1e-8)
    assert not torch.allclose(short.weights.encoder[0], short.weights.encoder[1], atol=0.1)


def test_training_learns_reports_what_it_did_and_ends_with_the_bound(short):
    assert (short.trained, short.iterations, short.corrected) == (10, 120, True)
    assert short.scale == pytest.approx(GOLDEN_RATIO**10) and short.losses.shape == (60, 2)
    assert (short.losses[-1] < 0.1 * short.losses[0]).all()
    assert short.weights.readout.dtype == torch.float64 and not any(matrix.requires_grad for matrix in short.weights)
    # The last loss is what the trained network measures afresh over the trained range.
    assert np.allclose((measure_relative_errors(short, 10) ** 2).mean(1), short.losses[-1], rtol=0.5)
    last, errors = find_last_possible(short, 0.1), measure_relative_errors(short, 40, 64)
    assert all((own[step:] > 0.1).all() for own, step in zip(errors, last)) and last.max() < 40
    assert not np.array_equal(errors, measure_relative_errors(short, 40, 64, seed=1))


test_what_makes_no_sense_is_refused = refusals(
    (lambda: train_on_fibonacci([]), "at least one seed"),
    (lambda: train_on_fibonacci([0], hidden=0), "hidden"),
    (lambda: measure_relative_errors(make_run([[[1.0]]]), 0), "must be a whole number"),
    (lambda: find_last_possible(make_run([[[1.0]]]), float("nan")), "tolerance"),
    (lambda: find_last_possible(make_run([[[1e6]]]), 0.1, steps=10), "within 10 is out of reach"),
)
