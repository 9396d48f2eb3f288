"""The continuous memory model against its own equations; its orders, conjugacy and family are numbers of page 08."""

import numpy as np
import pytest
from scipy.linalg import expm

from twm.theory import episodic
from twm.theory.bases import make_basis, make_readout, transform_operator
from twm.theory.episodic import (
    EpisodicModel, draw_episodic_model, find_variables, measure_conjugacy, propagate_readout, simulate_episodes,
    simulate_reduced, step_feature,
)  # fmt: skip
from twm.theory.operators import make_cycle


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_reduced_equation_has_its_closed_form_where_it_is_linear():
    """With activations far inside the linear part of clip, V(t) = exp((W - 1) t) V(0)."""
    model = draw_episodic_model(6, 4, 1, norm=0.8, activation="clip")
    start, times = 0.01 * np.ones(6), np.linspace(0, 3, 7)
    expected = np.array([expm((model.recurrent - np.eye(6)) * time) @ start for time in times])
    assert np.abs(simulate_reduced(model, start, times) - expected).max() < 1e-9


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


def test_the_variables_of_a_constructed_network_are_found_from_states_and_from_weights(rng):
    phi, basis = make_cycle(4, 3), make_basis(12, 20, "orthonormal", seed=1)
    recurrent, contents = transform_operator(phi, basis), rng.standard_normal((100, 12))
    found = find_variables(recurrent, contents @ basis.basis.T, contents)
    assert np.abs(found.operator - phi).max() < 1e-10 and np.abs(found.basis - basis.basis).max() < 1e-10
    assert np.abs(propagate_readout(recurrent, make_readout(basis, 3), 4) - basis.basis).max() < 1e-10
    # Contents that belong to other states give no cycle.
    wrong = find_variables(recurrent, rng.permutation(contents) @ basis.basis.T, contents)
    assert np.abs(wrong.operator - phi).max() > 0.1


@pytest.mark.parametrize("norm", [0.5, 5.0])
@pytest.mark.parametrize(("activation", "backward"), [("tanh", 0), ("relu", 0.5), ("clip", 0.5)])
def test_map_and_elman_update_are_conjugate_where_the_activation_has_an_inverse(activation, backward, norm, rng, monkeypatch):
    model, starts = draw_episodic_model(12, 7, 1, norm=norm, activation=activation), 2 * rng.standard_normal((12, 20))
    assert measure_conjugacy(model, starts) == pytest.approx((0, backward, 0), abs=1e-12)
    monkeypatch.setattr(episodic, "step_hidden", lambda model, hidden: model.activate(0.9 * model.recurrent @ hidden))
    assert min(measure_conjugacy(model, starts)) > 0.01
