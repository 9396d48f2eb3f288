"""Wave or register: what has a closed form is found, what must not matter does not, and noise has no code."""

from functools import partial

import numpy as np
import pytest

from twm.analysis import decoding
from twm.analysis.decoding import summarise_gains

probe_states = partial(decoding.probe_states, resamples=20)
rng = np.random.default_rng(0)
STEPS, UNITS = 20, 48
Q = np.linalg.qr(rng.standard_normal((UNITS, UNITS)))[0]


def make_wave(size: int, trials: int = 150, noise: float = 0.05, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """Random signs on a ring of ``size`` columns; the item is the first one's. A ring of one is a register."""
    contents = rng.choice([-1.0, 1.0], (trials, size))
    states = np.stack([np.roll(contents, step, 1) for step in range(steps)]) @ Q[:, :size].T
    return states + noise * rng.standard_normal(states.shape), contents[:, :1]


@pytest.mark.parametrize(("size", "movement"), [(1, 0), (2, 1), (3, 1), (8, 1)])
@pytest.mark.parametrize(("trials", "noise"), [(150, 0.0), (150, 0.2), (50, 0.1)])
def test_a_ring_is_a_wave_whatever_its_period_and_a_register_if_it_is_one(size, movement, trials, noise):
    found = probe_states(*make_wave(size, trials, noise))
    assert found.movement.value == pytest.approx(movement, abs=0.15) and found.span.value == STEPS
    assert found.movement.low <= found.movement.value <= found.movement.high and found.shuffled[1] == 0


def test_exact_matrices_and_matrices_with_nothing_in_them():
    assert summarise_gains(np.ones((6, 6))) == (0.0, 6)
    assert summarise_gains(np.eye(6)) == (1.0, 6)
    lag = np.arange(6)[:, None] - np.arange(6)
    assert summarise_gains(2.0**lag) == (0.0, 6)
    assert summarise_gains(np.diag([1.0, 0, 0])) == (None, 1)


def test_rotation_scale_silent_units_and_the_items_own_scale_change_nothing():
    states, items = make_wave(4)
    found = probe_states(states, items)
    silent = np.concatenate([states, np.zeros_like(states[:, :, :10])], 2)
    for other in (states @ Q * 300, silent, states + rng.standard_normal(UNITS)):
        assert np.allclose(probe_states(other, items).movement, found.movement, atol=1e-5)
    assert np.allclose(probe_states(states, 5 * items + 2).gain, found.gain)
    assert np.array_equal(probe_states(states, np.repeat(items[None], STEPS, 0)).r2, found.r2)


def test_shuffled_items_and_noise_have_no_span_and_no_movement():
    states, items = make_wave(6)
    for found in (probe_states(states, rng.permutation(items)), probe_states(rng.standard_normal(states.shape), items)):
        assert found.movement.value is None and found.span == (0, 0, 0)


def test_an_item_that_changes_is_followed_by_one_code():
    signs = rng.choice([-1.0, 1.0], (STEPS, 150, 1))
    found = probe_states(signs * Q[:, 0] + 0.05 * rng.standard_normal((STEPS, 150, UNITS)), signs)
    assert found.movement.value < 0.05 and found.span.value == STEPS


def test_a_long_recording_is_searched_for_the_item_and_no_period_is_taken_for_a_register():
    contents = rng.choice([-1.0, 1.0], (100, 8))
    states = np.stack([np.roll(contents, step, 1) * (100 <= step < 260) for step in range(400)]) @ Q[:, :8].T
    found = probe_states(states + 0.05 * rng.standard_normal(states.shape), contents[:, :1], most=20)
    assert found.span.value == pytest.approx(160, abs=5) and found.movement.value > 0.9
    assert len(found.times) == 20 and 100 <= found.times.min() and found.times.max() < 260


@pytest.mark.parametrize("noise", [0.3, 2.0, 20.0])
def test_the_penalty_is_the_best_one_for_trials_left_out_one_by_one(noise):
    X = (generator := np.random.default_rng(2)).standard_normal((2, 25, 6)) + 1
    Y = X[..., :2] + noise * generator.standard_normal((2, 25, 2))
    Y, errors = Y - Y.mean(1, keepdims=True), np.zeros((len(decoding._RIDGES), 2, 25))
    for place, step, trial in np.ndindex(errors.shape):
        mean, offset = (np.delete(part[step], trial, 0).mean(0) for part in (X, Y))
        x, penalty = np.delete(X[step], trial, 0) - mean, decoding._RIDGES[place] * 25 * X[step].var(0).sum()
        W = np.linalg.solve(x.T @ x + penalty * np.eye(6), x.T @ np.delete(Y[step], trial, 0))
        errors[place, step, trial] = ((Y[step, trial] - offset - (X[step, trial] - mean) @ W) ** 2).sum()
    assert decoding._choose_ridge(X, Y) == decoding._RIDGES[errors.sum((1, 2)).argmin()]
