"""Laws of the gradient by distant inputs: exact, bounded, and as fast to fall as theory says."""

import numpy as np
import pytest
import torch

from tests.conftest import refusals
from twm.analysis.derivatives import measure_gradients, measure_jacobians, run_states, track_first_input
from twm.analysis.gradients import (
    bound_gradients, draw_cases, fit_columns, fit_slope, measure_constants, measure_wave_gradients, predict_mixed_neurons,
    predict_single_neuron, search_violations,
)  # fmt: skip
from twm.models.elman import ElmanRNN, construct_elman
from twm.models.kernels import draw_weights
from twm.theory.bases import make_basis
from twm.theory.systems import make_named_task, make_repeat_copy


def draw_signs(time, batch, dim, seed=0):
    return np.random.default_rng(seed).choice([-1.0, 1.0], (time, batch, dim))


def make_wave(history, dim, kind="orthonormal", hidden=None, seed=0, nonlinearity="linear"):
    """Construct a network of repeat copy; return it and the columns of its basis, (history, hidden, dim)."""
    basis = make_basis(history * dim, hidden, kind, seed=seed)
    columns = basis.basis.reshape(-1, history, dim).transpose(1, 0, 2)
    return construct_elman(make_repeat_copy(history, dim), basis, nonlinearity), columns


@pytest.mark.parametrize("nonlinearity", ["tanh", "linear", "relu"])
@pytest.mark.parametrize("step", [5, 6, 11])
def test_gradients_and_products_of_jacobians_are_automatic_derivatives(nonlinearity, step):
    rng = np.random.default_rng(0)
    network = ElmanRNN(3, 9, nonlinearity, "gaussian", seed=2, bias=True, dtype=torch.float64)
    inputs, targets = rng.standard_normal((5, 4, 3)), rng.standard_normal((4, 3))
    run = lambda x: network(x, horizon=step - 5).outputs[-1]
    jacobians, trace = measure_jacobians(network, inputs, step), measure_gradients(network, inputs, targets, step)
    full = torch.autograd.functional.jacobian(run, torch.tensor(inputs)).numpy()
    np.testing.assert_allclose(jacobians, np.einsum("brtbd->tbrd", full), rtol=1e-11, atol=1e-14)
    error = run(torch.tensor(inputs)).detach().numpy() - targets
    np.testing.assert_allclose(np.einsum("br,tbrd->tbd", error, jacobians), trace.by_input, rtol=1e-11, atol=1e-14)
    assert np.allclose(trace.cost, (error**2).sum(-1) / 2) and np.array_equal(trace.distances, step - np.arange(1, 6))


def test_following_the_first_input_forward_is_the_product_backward():
    for group in draw_cases(4, 9):
        options = {"nonlinearity": group.nonlinearity, "bias": group.bias}
        identity, last = np.tile(np.eye(group.bias.shape[1]), (4, 1, 1)), group.inputs.shape[1] + 5
        forward = track_first_input(group.weights, group.inputs, last, **options)
        for step in range(last - 5, last + 1):
            backward = measure_jacobians(group.weights, group.inputs, step, readout=identity, **options)[:, 0]
            np.testing.assert_allclose(forward[:, step - 1], backward, rtol=1e-9, atol=1e-14)


def test_an_ensemble_is_its_members():
    for group in [*draw_cases(6, 5), *draw_cases(6, 5, waves=True)]:
        whole = measure_gradients(*group[:3], nonlinearity=group.nonlinearity, bias=group.bias)
        bounds = bound_gradients(whole, group.weights)
        for model in range(6):
            one, own = [matrix[model] for matrix in group.weights], (group.inputs[model], group.targets[model])
            single = measure_gradients(one, *own, nonlinearity=group.nonlinearity, bias=group.bias[model])
            np.testing.assert_allclose(whole.by_input[model], single.by_input, rtol=1e-9, atol=1e-15)
            for name, bound in bound_gradients(single, one).items():
                np.testing.assert_allclose(bounds[name][model], bound, rtol=1e-9)


def test_no_random_network_breaks_a_corrected_bound_and_many_break_the_printed_ones():
    plain, waves = search_violations(2000, 0), search_violations(2000, 0, waves=True)
    assert plain.broken["corrected"] == plain.broken["measured"] == plain.broken["before"] == 0
    assert waves.broken["operator"] == waves.broken["frobenius"] == 0 < waves.broken["printed"]
    # The first only by contracting networks.
    assert plain.broken["printed"] == plain.broken_contracting["printed"] > 100 and plain.largest["printed"] > 2
    assert search_violations(500, 0, waves=True, longest=1.0).broken["printed"] == 0
    assert plain.cases == 2000 and 0 < plain.contracting < 2000 and waves.largest["printed"] > 1.5


@pytest.mark.parametrize("mu", [0.25, 0.5, 0.9])
def test_one_neuron_breaks_the_printed_bound_by_exactly_one_factor(mu):
    # y = h, linear, W = mu: dC/dx(1) = e mu^s and dC/dh(s) = e mu, so the printed bound is e mu^(s+1).
    weights = (np.array([[mu]]), np.ones((1, 1)), np.ones((1, 1)))
    trace = measure_gradients(weights, np.ones((4, 1, 1)), np.zeros((1, 1)), nonlinearity="linear")
    for name, bound in bound_gradients(trace, weights).items():
        np.testing.assert_allclose(trace.input_norms / bound, 1 / mu if name == "printed" else 1, rtol=1e-12)


def test_columns_of_a_linear_wave_are_found_and_nothing_is_left_over():
    inputs, (repeat, expected) = draw_signs(8, 200, 8), make_wave(8, 8, "skew", 90, seed=2)
    np.testing.assert_allclose(fit_columns(run_states(repeat, inputs, 8)[-1], inputs), expected, atol=1e-9)
    # T2 hands inputs on before the input phase is over, so the columns are the basis with what was handed on.
    network = construct_elman(make_named_task("T2"), make_basis(64, 90, "skew", seed=2))
    loaded = measure_jacobians(network, inputs, 8, readout=np.eye(90))[:, 0]
    np.testing.assert_allclose(fit_columns(run_states(network, inputs, 8)[-1], inputs), loaded, atol=1e-9)


def test_slopes_have_intervals_that_mean_something():
    distances, noise = np.arange(10), 0.1 * np.random.default_rng(0).standard_normal((400, 10, 5))
    norms = np.exp(-0.3 * distances[:, None] + noise)
    # Over samples, and around a single line: three standard errors of a share of 0.95 over 400 draws.
    for found in ([fit_slope(distances, each) for each in norms], [fit_slope(distances, each[:, 0]) for each in norms]):
        assert abs(np.mean([each.low <= -0.3 <= each.high for each in found]) - 0.95) < 3 * (0.95 * 0.05 / 400) ** 0.5
    assert fit_slope(distances, 2.0**-distances).value == pytest.approx(-np.log(2))


@pytest.mark.parametrize("amplitude", [0.3, 1.0])
def test_what_tanhs_leave_of_the_first_gradient_is_predicted_exactly_in_neurons_and_nearly_in_mixtures(amplitude):
    for kind, predict, error in (("standard", predict_single_neuron, 1e-12), ("orthonormal", predict_mixed_neurons, 0.04)):
        network, columns = make_wave(24, 8, kind, nonlinearity="tanh")
        tracked = track_first_input(network, amplitude * draw_signs(24, 16, 8), 25)
        left = np.einsum("thd,tbhd->t", columns[-np.arange(1, 26) % 24], tracked) / (16 * 8)
        np.testing.assert_allclose(left, predict(amplitude, 24 + (kind == "standard")), rtol=error)


def measure(**bad):
    given = {"network": draw_weights(2, 6), "inputs": np.ones((3, 4, 2)), "targets": np.ones((4, 2))}
    return measure_gradients(**given | bad)


test_what_makes_no_sense_is_refused = refusals(
    (lambda: measure(inputs=np.ones((1, 4, 2))), "s >= 2, not 1"), (lambda: measure(bias=np.ones(5)), r"\(6,\)"),
    (lambda: measure(inputs=np.ones((3, 4, 1))), "time, batch, 2"), (lambda: measure(targets=np.ones((3, 2))), r"\(4, 2\)"),
    (lambda: measure(step=2), "last input, 3, not 2"), (lambda: measure(nonlinearity="sine"), "sine"),
    (lambda: measure(network=ElmanRNN(2, 6), nonlinearity="tanh"), "already has an activation"),
    (lambda: fit_columns(np.ones((9, 5)), np.ones((3, 9, 2))), "history\\*dim = 6, not 5"),
    (lambda: fit_columns(np.ones((9, 6)), np.ones((3, 9, 2))), "dependent"),
    (lambda: measure_wave_gradients(draw_weights(2, 6), np.ones((3, 4, 2)), np.ones((4, 2)), np.ones((3, 5, 2))), "columns"),
    (lambda: measure_constants([np.full((2, 2), np.nan), np.ones((2, 1)), np.ones((1, 2))]), "finite"),
    (lambda: fit_slope([1, 2, 3], [1.0, 0.0, 2.0]), "positive"), (lambda: fit_slope([1, 2], [1.0, 2.0]), "at least 3"),
    (lambda: fit_slope([1, 1], np.ones((2, 3))), "not 1"), (lambda: fit_slope([1, 2, 3], [1.0, 2.0]), "do not fit"),
    (lambda: search_violations(0, 0), "count"),
)  # fmt: skip
