"""The way from the continuous memory model to the Elman network, each step against another way to get there."""

import numpy as np
import pytest
from scipy.linalg import expm

from twm.theory.bases import Basis, make_basis, make_encoder, make_readout, transform_operator
from twm.theory.episodic import (
    EpisodicModel, change_memories, draw_episodic_model, draw_integer_basis, find_variables, measure_conjugacy,
    propagate_readout, run_repeat_copy, simulate_episodes, simulate_reduced, step_euler, step_feature, step_hidden,
)  # fmt: skip
from twm.theory.operators import make_cycle, repeat_copy_state
from twm.theory.systems import make_repeat_copy, rollout


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_reduced_equation_has_its_closed_form_where_it_is_linear():
    """With activations far inside the linear part of clip, V(t) = exp((W - 1) t) V(0)."""
    model = draw_episodic_model(6, 4, 1, norm=0.8, activation="clip")
    start, times = 0.01 * np.ones(6), np.linspace(0, 3, 7)
    expected = np.array([expm((model.recurrent - np.eye(6)) * time) @ start for time in times])
    assert np.abs(simulate_reduced(model, start, times) - expected).max() < 1e-9


def test_fast_variables_disappear_at_first_order_and_slow_ones_do_not(rng):
    model, start, times = draw_episodic_model(8, 5, 2, norm=1.5), rng.standard_normal(8), np.linspace(0, 2, 5)
    reduced = simulate_reduced(model, start, times, tolerance=1e-11)

    def miss(constant):
        options = {"time_hidden": constant, "time_delay": constant, "tolerance": 1e-11}
        return np.abs(simulate_episodes(model, start, times, **options)[0] - reduced).max()

    errors = [miss(0.02 * 0.5**halvings) for halvings in range(4)]
    assert np.all(np.abs(-np.diff(np.log2(errors)) - 1) < 0.1) and errors[0] > 1e-4
    assert miss(1.0) > 0.1


def test_one_euler_step_of_unit_length_is_the_map_and_shorter_ones_converge_at_first_order(rng):
    model, start = draw_episodic_model(8, 5, 3, norm=1.2), rng.standard_normal(8)
    assert np.abs(step_euler(model, start, 1.0) - step_feature(model, start)).max() < 1e-12
    assert np.abs(step_euler(model, start, 0.5) - step_feature(model, start)).max() > 0.01
    exact, errors = simulate_reduced(model, start, [0.0, 1.0], tolerance=1e-12)[-1], []
    for count in (64, 128, 256):
        state = start
        for _ in range(count):
            state = step_euler(model, state, 1 / count)
        errors.append(np.abs(state - exact).max())
    assert np.allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 1, atol=0.05)


def test_the_solution_obeys_the_three_equations_and_its_strengths_enter_the_map(rng):
    model, times = draw_episodic_model(6, 4, 4, strength_self=0.5, strength_next=2.0), np.linspace(0, 0.4, 2001)
    V_f, V_h, V_d = simulate_episodes(model, rng.standard_normal(6), times, time_hidden=0.3, time_delay=0.2)
    Xi, read, fired = model.memories, np.linalg.pinv(model.memories).T, np.tanh(V_f)
    drifts = {
        "feature": (V_f, 0.5**0.5 * V_h @ Xi.T - V_f),
        "hidden": (V_h, (0.5**0.5 * fired @ read + 2.0 * V_d @ read @ model.interactions - V_h) / 0.3),
        "delay": (V_d, (fired - V_d) / 0.2),
    }
    for name, (values, drift) in drifts.items():
        assert np.abs(np.gradient(values, times, axis=0) - drift)[1:-1].max() < 1e-5, name
    # Where the fast variables are at rest, as at the start, the drift is the map's: with strengths, not without.
    assert np.allclose(step_feature(model, V_f[0]) - V_f[0], drifts["feature"][1][0])
    plain = EpisodicModel(model.memories, model.interactions)
    assert np.abs(step_feature(plain, V_f[0]) - step_feature(model, V_f[0])).max() > 0.1


@pytest.mark.parametrize("norm", [0.5, 1.0, 2.0, 10.0])
def test_tanh_is_conjugate_at_every_norm(rng, norm: float):
    model = draw_episodic_model(10, 6, 5, norm=norm)
    assert np.linalg.norm(model.recurrent, 2) == pytest.approx(norm)
    assert max(measure_conjugacy(model, rng.standard_normal((10, 20)))) < 1e-10
    state = rng.standard_normal(10)
    assert np.abs(step_feature(model, state) - step_hidden(model, state)).max() > 0.01, "they are not the same map"


@pytest.mark.parametrize("activation", ["relu", "clip"])
def test_without_an_inverse_the_way_back_is_lost_at_every_norm(rng, activation: str):
    model = draw_episodic_model(10, 6, 5, norm=0.9, activation=activation)
    errors = measure_conjugacy(model, 3 * rng.standard_normal((10, 20)), steps=1)
    assert max(errors.forward, errors.orbit) < 1e-12 and errors.backward == 0.5
    # Two states with one image have one future, which tanh keeps apart.
    first, second = np.array([-1.5, 0.5, -2.0, 0.2]), np.array([-2.0, 0.5, -2.5, 0.2])
    for name, same in ((activation, True), ("tanh", False)):
        other = draw_episodic_model(4, 3, 6, activation=name)
        assert np.array_equal(step_feature(other, first), step_feature(other, second)) == same


def test_other_memories_give_the_same_network_and_spectrum_and_another_operator(rng):
    model = draw_episodic_model(9, 5, 8, strength_self=0.7, strength_next=1.3)
    for _ in range(20):
        other = change_memories(model, rng.standard_normal((5, 5)) + 2 * np.eye(5))
        assert np.abs(other.recurrent - model.recurrent).max() < 1e-8
        ours, theirs = (np.sort_complex(np.linalg.eigvals(each.operator)) for each in (model, other))
        assert np.abs(ours - theirs).max() < 1e-8 and np.abs(other.operator - model.operator).max() > 1e-3
    assert np.allclose(change_memories(model, np.eye(5)).operator, model.operator)


@pytest.mark.parametrize(("history", "dim", "hidden"), [(4, 5, 20), (3, 2, 11), (1, 1, 1)])
def test_the_pseudocode_and_its_network_agree_at_every_step(history: int, dim: int, hidden: int, rng):
    columns, rows = draw_integer_basis(history * dim, hidden, rng)
    basis = Basis(columns.astype(float), rows.astype(float), "given", 1.0)
    assert columns.dtype.kind == rows.dtype.kind == "i" and np.array_equal(rows @ columns, np.eye(history * dim))
    recurrent = transform_operator(make_cycle(history, dim), basis)
    encoder, readout = make_encoder(basis, dim), make_readout(basis, dim)
    inputs = rng.choice([-1, 1], (history, dim))
    contents, outputs = run_repeat_copy(inputs, 3 * history)
    state, seen = np.zeros(hidden), []
    for number, content in enumerate(contents):
        state = recurrent @ state + (encoder @ inputs[number] if number < history else 0)
        assert np.array_equal(rows @ state, np.array(content).reshape(-1))
        if number >= history:
            seen.append((readout @ state).tolist())
            assert np.array_equal(np.array(content), repeat_copy_state(inputs, number - history + 1))
    assert seen == outputs == rollout(make_repeat_copy(history, dim), inputs, 3 * history)[history:].tolist()


def test_the_variables_of_a_constructed_network_are_found_from_states_and_from_weights(rng):
    phi, basis = make_cycle(4, 3), make_basis(12, 20, "orthonormal", seed=1)
    recurrent, contents = transform_operator(phi, basis), rng.standard_normal((100, 12))
    found = find_variables(recurrent, contents @ basis.basis.T, contents)
    assert np.abs(found.operator - phi).max() < 1e-10 and np.abs(found.basis - basis.basis).max() < 1e-10
    assert np.abs(propagate_readout(recurrent, make_readout(basis, 3), 4) - basis.basis).max() < 1e-10
    # Contents that belong to other states give no cycle.
    wrong = find_variables(recurrent, rng.permutation(contents) @ basis.basis.T, contents)
    assert np.abs(wrong.operator - phi).max() > 0.1
