"""Waves in activity: the ring is a convolution, spectra find what moves and at which speed, and noise is no wave."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twm.theory.activity import (
    convolve_ring, make_ring_matrix, measure_activity_spectrum, measure_line_share, measure_speed, read_onsets,
)  # fmt: skip
from twm.theory.lattice import euler_advect


def move(profile: np.ndarray, speed: float, steps: int) -> np.ndarray:
    """Return (steps, neurons): a periodic profile moved by any speed, by a turn of its phases."""
    frequencies = np.fft.fftfreq(len(profile))
    turns = np.exp(-2j * np.pi * frequencies[None] * speed * np.arange(steps)[:, None])
    return np.fft.ifft(np.fft.fft(profile) * turns, axis=1).real


@given(st.integers(1, 12), st.floats(0.01, 1.0), st.integers(0, 1000))
def test_the_ring_is_a_convolution_and_keeps_the_sum(neurons, courant, seed):
    state = np.random.default_rng(seed).standard_normal(neurons)
    matrix, turn = make_ring_matrix(neurons, courant), make_ring_matrix(neurons, 1.0)
    assert np.allclose(matrix @ state, convolve_ring(state, [courant, 1 - courant, 0]), atol=1e-14)
    assert np.allclose(matrix.sum(0), 1) and np.allclose(matrix @ turn, turn @ matrix)
    assert np.array_equal(np.linalg.matrix_power(turn, neurons), np.eye(neurons))
    # The lattice of the theory moves down; seen from the other end it is the ring's way.
    assert np.allclose(matrix @ state, euler_advect(state[::-1], courant, 1, "periodic")[-1][::-1])


def test_any_kernel_against_the_definition():
    state, kernel = np.random.default_rng(0).standard_normal(7), np.array([0.3, -1.0, 2.0, 0.5, 4.0])
    assert np.allclose(convolve_ring(state, kernel), sum(w * np.roll(state, 2 - tap) for tap, w in enumerate(kernel)))


@pytest.mark.parametrize("speed", [-1.0, -0.5, 0.5, 0.8, 1.0, 1.5])
def test_the_speed_of_a_wave_is_found(speed):
    found, share = measure_speed(move(np.random.default_rng(1).standard_normal(40), speed, 120))
    assert abs(found - speed) <= 0.05 and share > 0.9


def test_only_a_wave_has_its_power_on_the_diagonal():
    generator = np.random.default_rng(2)
    profile = generator.standard_normal(40)
    shares = {
        "wave": move(profile, 1.0, 100), "other way": move(profile, -1.0, 100), "slower": move(profile, 0.5, 100),
        "still": np.outer(1 + generator.random(100), profile), "noise": generator.standard_normal((100, 40)),
    }  # fmt: skip
    shares = {name: measure_line_share(measure_activity_spectrum(activity)) for name, activity in shares.items()}
    assert shares["wave"] > 0.95
    # Without structure the share is that of the plane: the line and its width on either side.
    assert shares["noise"] == pytest.approx(0.06, abs=0.03)
    assert max(shares[name] for name in ("other way", "slower", "still")) < 0.15
    silence = np.zeros((8, 4))
    assert measure_line_share(measure_activity_spectrum(silence)) == 0.0 and measure_speed(silence) == (0.0, 0.0)


def test_the_spectrum_is_relative_to_shuffled_activity():
    noise = np.random.default_rng(3).random((64, 32))
    relative = measure_activity_spectrum(noise, shuffles=8, seed=0)
    assert relative[0, 0] == pytest.approx(1.0) and np.median(relative) == pytest.approx(1.0, abs=0.2)
    assert np.allclose(measure_activity_spectrum(noise, 0), np.abs(np.fft.fft2(noise)))
    assert not np.allclose(measure_activity_spectrum(noise, seed=1), measure_activity_spectrum(noise, seed=2))


def test_order_is_read_from_a_wave_and_not_from_a_bump():
    wave, bump = read_onsets(True), read_onsets(False)
    assert wave.both == wave.channel == 1.0 and bump.both < 0.5 < bump.channel
    assert np.array_equal(wave.inputs, bump.inputs) and wave.inputs.sum() == 3 and wave.inputs.sum(0).max() == 2
    for time, channel in np.argwhere(wave.inputs):
        assert wave.states[channel, 11 - time] == 1
    assert np.array_equal(bump.states[:, 0], wave.inputs.sum(0)) and not bump.states[:, 1:].any()
