"""The transport equation, its Euler steps, the lattice, and Theorem 3.1; orders, growth and controls are on page 01."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twm.theory.lattice import (
    euler_advect, measure_euler_error, measure_transport_error, simulate_wave, step_lattice, translate_profile,
)  # fmt: skip
from twm.theory.systems import RANDOM_KINDS, make_named_task, make_random_hds, make_repeat_copy, rollout, window_states

SEEDS = st.integers(0, 10**6)


def make_smooth(x):
    return np.exp(np.sin(2 * np.pi * x))


@given(st.integers(1, 40), st.integers(0, 60), SEEDS, st.sampled_from(["open", "periodic", "inflow"]))
@settings(max_examples=80)
def test_at_courant_one_euler_is_the_exact_translation(cells, steps, seed, start):
    rng = np.random.default_rng(seed)
    profile = rng.normal(size=(3, cells)) * 10.0 ** rng.integers(-12, 13, size=(3, cells))
    entering = rng.normal(size=(steps, 3)) if start == "inflow" else start
    orbit = euler_advect(profile, 1.0, steps, entering)
    assert orbit.shape == (steps + 1, 3, cells)
    np.testing.assert_array_equal(orbit[-1], translate_profile(profile, steps, entering))
    assert euler_advect([0, 0, 0], 1.0, 3, [0.7, 0.8, 0.9])[-1].tolist() == [0.7, 0.8, 0.9]  # whole numbers stay no whole ones
    orbit = euler_advect(np.eye(5)[3], 1.0, 4)
    assert [row.argmax() if row.any() else None for row in orbit] == [3, 2, 1, 0, None], "towards smaller x, and out"


def test_the_error_is_exactly_zero_at_courant_one_and_not_beside_it():
    assert all(measure_euler_error(make_smooth, cells, 1.0) == 0 for cells in (7, 64, 501))
    assert measure_euler_error(make_smooth, 64, 0.99) > 1e-4
    # 7 steps of 0.9 cells end between two cells, where the formula is the exact solution.
    errors = [measure_euler_error(make_smooth, cells, 0.9, 6.3 / 32) for cells in (128, 256)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.1)


def test_the_lattice_is_the_transport_equation_at_courant_one():
    substrate = np.random.default_rng(1).normal(size=(7, 3))
    # A line of the equation is a row of the lattice: one dimension over all columns.
    for boundary, ends in ((None, "open"), (make_repeat_copy(7, 3).boundary, "periodic")):
        lines = euler_advect(substrate.T, 1.0, 20, ends)
        np.testing.assert_array_equal(simulate_wave(substrate, boundary, 20), np.swapaxes(lines, -1, -2))
    copy, tensor = make_repeat_copy(7, 3).boundary, torch.tensor(substrate)
    np.testing.assert_array_equal(step_lattice(substrate, copy), [*substrate[1:], substrate[0]])
    np.testing.assert_array_equal(step_lattice(tensor, copy).numpy(), step_lattice(substrate, copy))
    waves = simulate_wave(substrate, None, 8)
    assert waves[6].any() and not waves[7:].any(), "without inputs an open substrate is empty after history steps"


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
    assert measure_transport_error(wave) == measure_transport_error(torch.tensor(wave)) == 0
    assert measure_transport_error(rng.choice([-1.0, 1.0], size=wave.shape)) > 1, "noise"
    assert measure_transport_error(wave[::-1]) > 1, "a wave that runs the other way"
    assert measure_transport_error(np.flip(wave, axis=-2)) > 1, "columns numbered from the newest"
    assert measure_transport_error(np.repeat(wave[:1], 5, axis=0)) > 1, "a memory that stands still"
    blurred = np.swapaxes(euler_advect(np.swapaxes(substrate, -1, -2), 0.9, 30, "periodic"), -1, -2)
    assert measure_transport_error(blurred) > 0.05, "a wave slower than one column a step"
    assert measure_transport_error(1e9 * blurred) == pytest.approx(measure_transport_error(blurred), rel=1e-9)


# ---- Theorem 3.1; that Eq. (3) as printed is not the system is a check of the page on errata


def miss(hds, initial, steps):
    """Return how far the lattice is from the windows of the system's own recursion, relative to the largest state."""
    windows = window_states(rollout(hds, initial, steps), hds.history)
    off = abs(simulate_wave(initial, hds.boundary, steps) - windows).max()
    return float(off / max(abs(windows).max(), 1e-300))


@given(st.integers(1, 9), st.integers(1, 6), SEEDS, st.sampled_from(RANDOM_KINDS), st.integers(1, 25))
@settings(max_examples=150)
def test_the_newest_column_is_the_system_and_the_substrate_its_window(history, dim, seed, kind, steps):
    hds, rng = make_random_hds(history, dim, kind, seed), np.random.default_rng(seed)
    shape = (2, history, dim)
    initial = rng.integers(-4, 5, size=shape) if kind == "integer" else rng.uniform(-1, 1, size=shape)
    assert miss(hds, initial, steps) <= 1e-12
    # Eq. (1) as printed, one state at a time.
    x = list(np.moveaxis(initial, 1, 0))
    for _ in range(steps):
        x.append(hds.boundary(np.stack(x[-history:], axis=1)))
    assert np.allclose(np.moveaxis(rollout(hds, initial, steps), 1, 0), x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["T1", "T2", "T3", "T4"])
def test_the_four_tasks_are_represented_exactly_in_both_libraries(name):
    hds, initial = make_named_task(name), np.random.default_rng(0).choice([-1.0, 1.0], size=(16, 8, 8))
    assert miss(hds, initial, 100) == miss(hds, torch.tensor(initial, dtype=torch.float32), 100) == 0
