"""The Elman network: its equations and its construction from a theory; and the attention network, which is Eq. (8)."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twm.errors import UserError
from twm.models.attention import AttentionRNN
from twm.models.elman import ElmanRNN, construct_elman
from twm.theory.bases import make_basis
from twm.theory.lattice import simulate_wave
from twm.theory.operators import correct_inputs, load_history
from twm.theory.systems import draw_binary_history, make_fibonacci, make_hds, make_named_task, make_repeat_copy, rollout


def draw_inputs(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_network_is_the_column_equation():
    # h = tanh(W h + U u) on columns, one sequence and one step at a time.
    network, inputs = ElmanRNN(3, 5, dtype=torch.float64), draw_inputs(4, 2, 3)
    outputs, states = network(inputs, horizon=6)
    recurrent, encoder, readout = network.get_matrices()
    for sequence in range(2):
        state = np.zeros(5)
        for time in range(10):
            state = np.tanh(recurrent @ state + (encoder @ inputs[time, sequence].numpy() if time < 4 else 0))
            assert np.allclose(states[time, sequence].detach(), state, atol=1e-13)
            assert np.allclose(outputs[time, sequence].detach(), readout @ state, atol=1e-13)
    rest = network(None, horizon=6, state=states[3])
    torch.testing.assert_close(rest.outputs, outputs[4:])
    assert ElmanRNN(2, 4, bias=True)(None, horizon=1, state=torch.zeros(1, 4)).states.abs().max() > 0


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_network_equals_torch_rnn_with_the_same_weights(nonlinearity):
    network = ElmanRNN(3, 7, nonlinearity=nonlinearity, dtype=torch.float64)
    reference = torch.nn.RNN(3, 7, nonlinearity=nonlinearity, bias=False, dtype=torch.float64)
    missing = reference.load_state_dict(network.state_dict(), strict=False)
    assert missing.missing_keys == [] and missing.unexpected_keys == ["weight_readout"]
    padded = torch.cat([draw_inputs(6, 4, 3), torch.zeros(5, 4, 3, dtype=torch.float64)])
    torch.testing.assert_close(network(padded[:6], horizon=5).states, reference(padded)[0], rtol=1e-12, atol=1e-14)


def test_initial_weights_depend_on_the_seed_and_on_nothing_else():
    before = torch.get_rng_state()
    first, again, other = (ElmanRNN(3, 8, seed=seed).recurrent for seed in (1, torch.Generator().manual_seed(1), 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(first.double(), ElmanRNN(3, 8, seed=1, dtype=torch.float64).recurrent)
    assert torch.equal(before, torch.get_rng_state()), "the global stream was touched"


# ---- construction


@settings(max_examples=12)
@given(st.sampled_from(["T1", "T2", "T3", "T4"]), st.integers(0, 20), st.integers(0, 1000))
def test_constructed_network_solves_its_task(name, extra, seed):
    system = make_named_task(name)
    basis = make_basis(64, 64 + extra, "skew", seed=seed, tilt=1.0 if extra else 0.0)
    network = construct_elman(system, basis, complement=0.7 if extra else None, seed=seed)
    initial = draw_binary_history(system, 4, seed=seed)
    expected = rollout(system, initial, 50)
    loaded = network(None, horizon=50, state=torch.from_numpy(load_history(basis, initial))).outputs
    assert np.abs(loaded.detach().numpy().swapaxes(0, 1) - expected[:, 8:]).max() <= 1e-9 * basis.condition
    for fed, right in ((correct_inputs(system.matrix, initial), True), (initial, name == "T1")):
        outputs = network(torch.from_numpy(fed).transpose(0, 1), horizon=50).outputs.detach().numpy().swapaxes(0, 1)
        # A task that reads newer columns fails on raw inputs.
        error = np.abs(outputs - expected).max()
        assert error <= 1e-9 * basis.condition if right else error > 0.5


def test_construction_takes_a_matrix_and_an_exact_system():
    system = make_fibonacci(3, 2)
    exact = system.matrix.astype(int).astype(object)
    first, *others = (construct_elman(hds, make_basis(6)).recurrent for hds in (system, system.matrix, exact))
    assert all(torch.equal(first, other) for other in others)


def test_saturating_cycle_settles_at_the_fixed_point_of_its_gain():
    # In the standard basis every neuron sees only its predecessor: x -> tanh(g x), whose stable points are +-a.
    network = construct_elman(make_repeat_copy(4, 2), make_basis(8), nonlinearity="tanh", gain=1.5)
    initial = torch.tensor([[1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0]], dtype=torch.float64)
    final = network(None, horizon=400, state=initial).states[-1, 0]
    assert torch.allclose(final, torch.tanh(1.5 * final), atol=1e-12)
    assert torch.equal(torch.sign(final), initial[0])


# ---- attention


@pytest.mark.parametrize(("heads", "labelled"), [(1, False), (1, True), (3, True)])
def test_attention_network_runs_the_wave_of_its_boundary(heads, labelled):
    network, inputs = AttentionRNN(5, 4, heads, 6, labelled, seed=2).double(), draw_inputs(5, 7, 4)
    wave = simulate_wave(inputs.transpose(0, 1), network.boundary(), 30)
    outputs = network(inputs, 30).detach()
    assert outputs.shape == (30, 7, 4) and float((outputs - wave[1:, :, -1]).abs().max()) <= 1e-12
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == heads * (2 * 4 * 6 + 4 * 4) + (5 * 4 if labelled else 0)
    other = AttentionRNN(5, 4, heads, 6, labelled, seed=3).double()(inputs, 30).detach()
    assert float((other - outputs).abs().max()) > 1e-4


# ---- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ElmanRNN(2, 4, nonlinearity="sine"), "nonlinearity must be one of"),
        (lambda: ElmanRNN(2, 4)(torch.zeros(3, 5, 3)), "inputs must be of shape"),
        (lambda: ElmanRNN(2, 4)(None, horizon=2), "needs inputs or a state"),
        (lambda: construct_elman(make_hds(lambda x: x[..., 0, :], 2, 1), make_basis(2)), "only a linear system"),
        (lambda: AttentionRNN(3, 3, heads=0), "heads"),
    ],
)
def test_bad_input_is_told_in_one_line(call, message):
    with pytest.raises(UserError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
