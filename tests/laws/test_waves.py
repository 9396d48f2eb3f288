"""The transport equation, its Euler steps, and the lattice: closed forms, order, stability, independence, no echo."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from twm.errors import UserError
from twm.theory.lattice import (
    amplification_factor,
    euler_advect,
    euler_kernel,
    measure_euler_error,
    measure_transport_error,
    numerical_diffusion,
    simulate_wave,
    step_lattice,
    translate_profile,
)
from twm.theory.systems import make_fibonacci, make_named_task, make_repeat_copy


def make_pulse(cells, centre=0.6, width=0.06):
    x = (np.arange(cells) + 0.5) / cells
    return np.exp(-0.5 * ((x - centre) / width) ** 2)


def make_smooth(x):
    return np.exp(np.sin(2 * np.pi * x))


# ---- the transport equation


@given(cells=st.integers(1, 40), steps=st.integers(0, 60), seed=st.integers(0, 10**6), start=st.sampled_from(["open", "periodic", "inflow"]))  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_at_courant_one_euler_is_the_exact_translation(cells, steps, seed, start):
    rng = np.random.default_rng(seed)
    profile = rng.normal(size=(3, cells)) * 10.0 ** rng.integers(-12, 13, size=(3, cells))
    entering = rng.normal(size=(steps, 3)) if start == "inflow" else start
    orbit = euler_advect(profile, 1.0, steps, entering)
    assert orbit.shape == (steps + 1, 3, cells)
    np.testing.assert_array_equal(orbit[-1], translate_profile(profile, steps, entering))


def test_activity_moves_towards_smaller_x_and_leaves():
    impulse = np.zeros(5)
    impulse[3] = 1.0
    orbit = euler_advect(impulse, 1.0, 4)
    assert [row.argmax() if row.any() else None for row in orbit] == [3, 2, 1, 0, None]


@pytest.mark.parametrize("courant", [0.25, 0.5, 0.8])
def test_order_of_convergence_is_one_below_courant_one(courant):
    errors = [measure_euler_error(make_smooth, cells, courant) for cells in (64, 128, 256, 512)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert abs(orders[-1] - 1) < 0.05
    assert np.all(np.diff(np.abs(orders - 1)) < 0), "the order must approach 1"


def test_the_error_is_exactly_zero_at_courant_one_and_not_beside_it():
    assert all(measure_euler_error(make_smooth, cells, 1.0) == 0 for cells in (7, 64, 501))
    assert measure_euler_error(make_smooth, 64, 0.99) > 1e-4


def test_the_error_far_below_the_pulse_is_the_diffusion_times_the_curvature():
    cells, courant, distance = 4096, 0.5, 1 / 16
    curvature = (2 * np.pi) ** 2 * np.e
    predicted = numerical_diffusion(courant, 1.0, 1 / cells) * distance * curvature / np.e
    assert measure_euler_error(make_smooth, cells, courant, distance) == pytest.approx(predicted, rel=0.02)


def test_a_profile_between_the_cells_is_compared_with_the_formula():
    # 7 steps of 0.9 cells end between two cells; the error must still fall with the spacing.
    errors = [measure_euler_error(make_smooth, cells, 0.9, 6.3 / 32) for cells in (32, 64, 128, 256)]
    assert np.log2(errors[-2] / errors[-1]) == pytest.approx(1, abs=0.1)


def test_error_is_the_modified_equation_to_leading_order():
    cells, courant = 512, 0.5
    angle = 2 * np.pi / cells
    steps = cells
    mode = np.exp(1j * angle * np.arange(cells))
    final = euler_advect(mode, courant, steps, "periodic")[-1]
    damping = numerical_diffusion(courant, speed=1.0, spacing=1.0) * angle**2 * courant * steps
    assert np.abs(final).max() == pytest.approx(np.exp(-damping), rel=1e-4)


@pytest.mark.parametrize("courant", [0.0, 0.3, 0.5, 0.9, 1.0, 1.05, 1.5])
def test_every_mode_is_amplified_by_its_factor(courant):
    cells, steps = 32, 7
    for wave in range(cells):
        angle = 2 * np.pi * wave / cells
        mode = np.exp(1j * angle * np.arange(cells))
        final = euler_advect(mode, courant, steps, "periodic")[-1]
        expected = amplification_factor(courant, angle) ** steps * mode
        assert np.abs(final - expected).max() <= 1e-12 * max(1.0, np.abs(expected).max())


def test_stability_ends_at_courant_one():
    angles = np.linspace(0, 2 * np.pi, 257)
    for courant in (0.0, 0.3, 0.7, 1.0):
        assert np.abs(amplification_factor(courant, angles)).max() <= 1 + 1e-15
    np.testing.assert_allclose(np.abs(amplification_factor(1.0, angles)), 1, rtol=1e-15)
    for courant in (1.01, 1.5, -0.1):
        assert np.abs(amplification_factor(courant, angles)).max() == pytest.approx(abs(1 - 2 * courant))
        assert abs(1 - 2 * courant) > 1


def test_noise_grows_beyond_courant_one_as_the_worst_mode():
    noise = np.random.default_rng(0).normal(size=64)
    norms = np.linalg.norm(euler_advect(noise, 1.1, 400, "periodic"), axis=1)
    rate = (norms[400] / norms[300]) ** (1 / 100)
    assert rate == pytest.approx(2 * 1.1 - 1, rel=1e-3)
    calm = np.linalg.norm(euler_advect(noise, 0.9, 400, "periodic"), axis=1)
    assert np.all(np.diff(calm) <= 1e-12)


@given(courant=st.floats(0, 1.5), steps=st.integers(0, 20), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_many_steps_have_binomial_weights(courant, steps, seed):
    profile = np.random.default_rng(seed).normal(size=24)
    weights = euler_kernel(courant, steps)
    assert weights.shape == (steps + 1,)
    padded = np.concatenate([profile, np.zeros(steps)])
    expected = np.array([weights @ padded[cell : cell + steps + 1] for cell in range(24)])
    got = euler_advect(profile, courant, steps)[-1]
    assert np.abs(got - expected).max() <= 1e-11 * max(1.0, np.abs(weights).sum()) * np.abs(profile).max()


@pytest.mark.parametrize("courant", [0.2, 0.5, 1.0, 1.2])
def test_moments_of_the_kernel_give_speed_and_spread(courant):
    steps = 12
    weights, ahead = euler_kernel(courant, steps), np.arange(steps + 1)
    mean = weights @ ahead
    assert weights.sum() == pytest.approx(1, abs=1e-11)
    assert mean == pytest.approx(courant * steps, abs=1e-9)
    spread = weights @ (ahead - mean) ** 2
    assert spread == pytest.approx(2 * numerical_diffusion(courant) * courant * steps, abs=1e-8)


def test_mass_is_kept_on_a_ring_and_drains_through_an_open_end():
    pulse = make_pulse(100)
    ring = euler_advect(pulse, 0.6, 300, "periodic").sum(axis=1)
    np.testing.assert_allclose(ring, ring[0], rtol=1e-12)
    drained = euler_advect(pulse, 0.6, 300)
    assert np.abs(drained[-1]).max() < 1e-12
    # What left through the open end is exactly c times cell 0, step by step.
    np.testing.assert_allclose(-np.diff(drained.sum(axis=1)), 0.6 * drained[:-1, 0], atol=1e-14)


def test_fractions_give_the_exact_solution_of_the_scheme():
    profile = np.array([Fraction(value) for value in (0, 0, 3, 0)], dtype=object)
    after = euler_advect(profile, Fraction(1, 3), 2)[-1]
    assert after.tolist() == [Fraction(1, 3), Fraction(4, 3), Fraction(4, 3), 0]


def test_lines_may_have_speeds_of_their_own():
    profile = np.stack([make_pulse(40)] * 3)
    speeds = np.array([0.0, 0.5, 1.0])
    together = euler_advect(profile, speeds, 9, "periodic")
    for line, speed in enumerate(speeds):
        np.testing.assert_array_equal(together[:, line], euler_advect(profile[line], speed, 9, "periodic"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_dtype_is_kept_and_torch_agrees(dtype):
    profile = np.arange(12).reshape(2, 6).astype(dtype)
    for courant in (1.0,) if dtype is np.int64 else (1.0, 0.5, np.array([0.5, 0.25])):
        for start in ("open", "periodic", np.ones((3, 2)).astype(dtype)):
            left = euler_advect(profile, courant, 3, start)
            right = euler_advect(
                torch.tensor(profile), courant, 3, torch.tensor(start) if isinstance(start, np.ndarray) else start
            )
            assert left.dtype == dtype and right.numpy().dtype == dtype
            np.testing.assert_array_equal(left, right.numpy())
    assert translate_profile(torch.tensor(profile), 2).numpy().dtype == dtype


@pytest.mark.parametrize(
    "call",
    [
        lambda: euler_advect(np.ones(4), -0.1, 1),
        lambda: euler_advect(np.ones(4), np.nan, 1),
        lambda: euler_advect(np.ones(4), "fast", 1),
        lambda: euler_advect(np.ones(4), 1.0, -1),
        lambda: euler_advect(np.ones(4), 1.0, 1.5),
        lambda: euler_advect(np.ones(4), 1.0, 1, "closed"),
        lambda: euler_advect(np.ones(4), 1.0, 2, np.ones(3)),
        lambda: euler_advect(np.ones(4, dtype=int), 0.5, 1),
        lambda: euler_advect(np.ones((2, 4)), np.ones(3), 1),
        lambda: euler_advect(np.ones((2, 0)), 1.0, 1),
        lambda: euler_advect(3.0, 1.0, 1),
        lambda: translate_profile(np.ones(4), 0.5),
        lambda: translate_profile(np.ones(4), -1),
        lambda: amplification_factor(np.inf, 0.1),
        lambda: euler_kernel(0.5, -1),
        lambda: numerical_diffusion("c"),
        lambda: measure_euler_error(make_smooth, 1, 0.5),
        lambda: measure_euler_error(make_smooth, 64, 0.0),
        lambda: measure_euler_error(make_smooth, 64, 0.5, -1.0),
    ],
)
def test_wrong_arguments_of_the_transport_are_refused(call):
    with pytest.raises(UserError):
        call()


# ---- the lattice


def test_one_step_moves_every_column_and_writes_the_newest():
    substrate = np.arange(12.0).reshape(4, 3)
    after = step_lattice(substrate, make_repeat_copy(4, 3).boundary)
    np.testing.assert_array_equal(after, [[3, 4, 5], [6, 7, 8], [9, 10, 11], [0, 1, 2]])
    np.testing.assert_array_equal(step_lattice(substrate, None)[-1], [0, 0, 0])
    np.testing.assert_array_equal(step_lattice(torch.tensor(substrate), make_repeat_copy(4, 3).boundary).numpy(), after)


def test_the_lattice_is_the_transport_equation_at_courant_one():
    substrate = np.random.default_rng(1).normal(size=(7, 3))
    waves = simulate_wave(substrate, None, 9)
    # A line of the equation is a row of the lattice: one dimension over all columns.
    lines = euler_advect(substrate.T, 1.0, 9)
    np.testing.assert_array_equal(waves, np.swapaxes(lines, -1, -2))
    ring = simulate_wave(substrate, make_repeat_copy(7, 3).boundary, 20)
    np.testing.assert_array_equal(np.swapaxes(ring, -1, -2), euler_advect(substrate.T, 1.0, 20, "periodic"))


@given(history=st.integers(2, 7), dim=st.integers(1, 5), seed=st.integers(0, 10**6), data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_waves_do_not_meet_before_the_boundary(history, dim, seed, data):
    """Changing one cell moves one cell a step, in its own dimension, until it has left."""
    column, part = data.draw(st.integers(0, history - 1)), data.draw(st.integers(0, dim - 1))
    substrate = np.random.default_rng(seed).normal(size=(history, dim))
    changed = substrate.copy()
    changed[column, part] += 1.0
    for boundary in (None, lambda window: np.cos(window[..., -1, :]) * 0):
        moved = simulate_wave(changed, boundary, history) != simulate_wave(substrate, boundary, history)
        for step in range(history + 1):
            expected = np.zeros((history, dim), dtype=bool)
            if column - step >= 0:
                expected[column - step, part] = True
            np.testing.assert_array_equal(moved[step], expected)


@given(history=st.integers(2, 7), dim=st.integers(1, 4), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_nothing_comes_back_from_the_open_end(history, dim, seed):
    """What is in the oldest column reaches the next substrate through the boundary or not at all."""
    rng = np.random.default_rng(seed)
    substrate, changed = rng.normal(size=(2, history, dim))
    changed[1:] = substrate[1:]
    deaf = make_repeat_copy(history, dim).boundary
    np.testing.assert_array_equal(
        step_lattice(substrate, lambda window: deaf(np.roll(window, -1, axis=-2))),
        step_lattice(changed, lambda window: deaf(np.roll(window, -1, axis=-2))),
        err_msg="a boundary that reads column 1 must not notice column 0",
    )
    heard = step_lattice(substrate, deaf) != step_lattice(changed, deaf)
    assert not heard[:-1].any() and heard[-1].all()


def test_without_inputs_an_open_substrate_is_empty_after_history_steps():
    waves = simulate_wave(np.ones((6, 2)), None, 8)
    assert waves[5].any() and not waves[6:].any()


def test_the_input_phase_fills_the_substrate_and_the_boundary_takes_over():
    task = make_named_task("T2")
    inputs = np.random.default_rng(0).choice([-1.0, 1.0], size=(8, 3, 8))
    waves = simulate_wave(np.zeros((3, 8, 8)), task.boundary, 20, inputs)
    np.testing.assert_array_equal(waves[8], np.moveaxis(inputs, 0, 1))
    np.testing.assert_array_equal(waves[8:], simulate_wave(waves[8], task.boundary, 12))
    tensors = simulate_wave(torch.zeros(3, 8, 8, dtype=torch.float64), task.boundary, 20, torch.tensor(inputs))
    np.testing.assert_array_equal(tensors.numpy(), waves)


def test_transport_error_is_zero_for_waves_only():
    rng = np.random.default_rng(0)
    substrate = rng.choice([-1.0, 1.0], size=(5, 8, 8))
    wave = simulate_wave(substrate, make_named_task("T4").boundary, 30)
    assert measure_transport_error(wave) == 0
    assert measure_transport_error(torch.tensor(wave)) == 0
    noise = rng.choice([-1.0, 1.0], size=wave.shape)
    assert measure_transport_error(noise) > 1
    assert measure_transport_error(wave[::-1].copy()) > 1, "a wave that runs the other way"
    assert measure_transport_error(np.flip(wave, axis=-2)) > 1, "columns numbered from the newest"
    assert measure_transport_error(np.repeat(wave[:1], 5, axis=0)) > 1, "a memory that stands still"
    blurred = np.swapaxes(euler_advect(np.swapaxes(substrate, -1, -2), 0.9, 30, "periodic"), -1, -2)
    assert measure_transport_error(blurred) > 0.05, "a wave slower than one column a step"


def test_a_scaled_wave_has_the_same_transport_error():
    noisy = simulate_wave(np.ones((4, 2)), None, 6) + np.random.default_rng(2).normal(size=(7, 4, 2)) * 1e-3
    assert measure_transport_error(noisy) == pytest.approx(measure_transport_error(1e9 * noisy), rel=1e-9)


def test_exact_integers_cross_the_lattice():
    waves = simulate_wave(np.array([[1], [1]], dtype=object), make_fibonacci().boundary, 200)
    assert waves[-1, -1, 0] == 734544867157818093234908902110449296423351
    assert measure_transport_error(waves) == 0


@pytest.mark.parametrize(
    ("boundary", "words"),
    [
        (lambda window: window, "shape"),
        (lambda window: window[..., 0, :1], "shape"),
        (lambda window: window[..., 0, 0], "shape"),
        (lambda window: window[0], "shape"),
        (lambda window: window[..., 0, :].astype(np.float32), "dtype"),
        (lambda window: torch.tensor(window[..., 0, :]), "ndarray"),
        (lambda window: 0.0, "ndarray"),
        ("f", "callable"),
    ],
)
def test_a_broken_boundary_is_refused(boundary, words):
    with pytest.raises(UserError, match=words):
        simulate_wave(np.ones((2, 4, 3)), boundary, 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: simulate_wave(np.ones(3), None, 1),
        lambda: simulate_wave(np.ones((0, 3)), None, 1),
        lambda: simulate_wave(np.ones((3, 2)), None, -1),
        lambda: simulate_wave(np.ones((3, 2)), None, 2, np.ones((3, 2))),
        lambda: simulate_wave(np.ones((3, 2)), None, 4, np.ones((3, 4))),
        lambda: simulate_wave(np.ones((3, 2)), None, 4, np.ones((3, 2), dtype=np.float32)),
        lambda: measure_transport_error(np.ones((1, 4, 2))),
        lambda: measure_transport_error(np.ones((4, 1, 2))),
    ],
)
def test_wrong_arguments_of_the_lattice_are_refused(call):
    with pytest.raises(UserError):
        call()
