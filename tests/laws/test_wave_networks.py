"""The wave-RNN: its start is the exact shift, its fast recurrences equal torch's, and its size is the paper's."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from tests.conftest import refusals
from twm.models.cells import make_sequence_network
from twm.models.fast.rings import DenseProducts, ShiftedProducts
from twm.models.rings import GatedRNN, IdentityRNN, WaveRNN

STEPS, BATCH, INPUTS, OUTPUTS = 6, 9, 3, 4
#: Channels, neurons and taps: one channel, one neuron, odd and even rings, every kernel.
SIZES = [size for size in itertools.product((1, 5), (1, 2, 7, 12), (1, 3, 5)) if size[2] <= 2 * size[1] + 1]


def make_wave(channels, neurons, kernel, recurrent="random", activation="relu"):
    options = {"recurrent": recurrent, "encoder": "dense", "activation": activation, "seed": 3}
    return WaveRNN(INPUTS, OUTPUTS, neurons, channels, kernel, **options)


def check_recurrence(network, kind, sizes, every_step, last=False):
    """Compare answers, states and gradient of a fast recurrence with float64 autograd."""
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(STEPS, BATCH, INPUTS, generator=generator)
    exact = copy.deepcopy(network).double()
    trajectory = exact(inputs.double())
    answers = trajectory.outputs if every_step else trajectory.outputs[-1:]
    slopes = torch.randn(answers.shape, generator=generator)
    at_end = torch.randn(BATCH, network.hidden, generator=generator) * last
    ((answers * slopes).sum() + (trajectory.states[-1] * at_end).sum()).backward()
    recurrence = kind(*sizes, INPUTS, BATCH, STEPS, network.activation, OUTPUTS, every_step)
    with torch.no_grad():
        found = recurrence.run(dict(network.named_parameters()), inputs)
        gradients = recurrence.differentiate(slopes, at_end if last else None)
        assert set(gradients) == {name for name, _ in network.named_parameters()}
        assert (found - answers).norm() < 1e-6 * answers.norm()
        # A single neuron may be silent throughout; then the fast one must be so exactly.
        assert (recurrence.states - trajectory.states).norm() <= 1e-6 * trajectory.states.norm()
        scale = max(weight.grad.norm() for weight in exact.parameters())
        assert all((gradients[name] - weight.grad).norm() < 1e-5 * scale for name, weight in exact.named_parameters())


@pytest.mark.parametrize("sizes", SIZES)
def test_fast_wave_equals_conv1d_autograd(sizes):
    check_recurrence(make_wave(*sizes), ShiftedProducts, sizes, every_step=True)
    check_recurrence(make_wave(*sizes), ShiftedProducts, sizes, every_step=False, last=True)


@pytest.mark.parametrize("activation", ["relu", "tanh", "linear"])
def test_fast_recurrences_equal_it_for_every_activation(activation):
    for start in ("shift", "random"):
        check_recurrence(make_wave(11, 8, 3, start, activation), ShiftedProducts, (11, 8, 3), every_step=True)
    network = IdentityRNN(INPUTS, OUTPUTS, 13, encoder="dense", activation=activation, seed=3)
    for every_step in (True, False):
        check_recurrence(network, DenseProducts, (13,), every_step, last=True)


def test_the_slow_wave_is_torchs_circular_conv1d():
    """The twin itself, against torch's layer."""
    network = make_wave(4, 11, 5)
    layer = nn.Conv1d(4, 4, 5, padding=2, padding_mode="circular")
    layer.load_state_dict({"weight": network.weight_kernel, "bias": network.bias_kernel})
    state, inputs = torch.randn(BATCH, 44), torch.randn(BATCH, INPUTS)
    drive = inputs @ network.weight_encoder.T + network.bias_encoder
    expected = torch.relu(layer(state.view(BATCH, 4, 11)).flatten(1) + drive)
    torch.testing.assert_close(network.step(state, inputs), expected)


def test_a_shorter_sequence_and_a_second_run_leave_nothing_behind():
    weights = dict(make_wave(3, 8, 3).named_parameters())
    inputs, slopes = torch.randn(STEPS, BATCH, INPUTS), torch.randn(STEPS, BATCH, OUTPUTS)
    used, fresh = (ShiftedProducts(3, 8, 3, INPUTS, BATCH, STEPS, "relu", OUTPUTS, True) for _ in range(2))
    used.run(weights, -inputs)
    used.differentiate(-slopes)
    with torch.no_grad():
        assert torch.equal(used.run(weights, inputs[:4]), fresh.run(weights, inputs[:4]))
    found, expected = used.differentiate(slopes[:4]), fresh.differentiate(slopes[:4])
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(("kernel", "start"), [(3, "shift"), (5, "shift"), (1, "identity"), (3, "identity")])
def test_the_start_is_the_exact_shift_matrix(kernel, start):
    neurons, channels = 7, 3
    network = WaveRNN(1, 1, neurons, channels, kernel, start, activation="linear")
    with torch.no_grad():
        network.bias_kernel.zero_()
        columns = network.step(torch.eye(neurons * channels)).numpy()
    # Rows are where a unit of activity at each neuron goes: every ring by itself, turned by the shift.
    expected = np.kron(np.eye(channels), np.roll(np.eye(neurons), int(start == "shift"), axis=1))
    assert np.array_equal(columns, expected)
    # An input enters at one neuron of each ring.
    rings = network.weight_encoder.detach().view(channels, neurons)
    assert torch.equal(rings, torch.eye(neurons)[0].expand(channels, -1)) and not network.bias_encoder.any()


def test_the_identity_rnn_holds_and_its_variants_shift():
    still, moving = IdentityRNN(2, 1, 6), IdentityRNN(2, 1, 6, recurrent="shift", encoder="single")
    assert torch.equal(still.weight_recurrent, torch.eye(6))
    assert 1e-4 < float(still.weight_encoder.detach().std()) < 1e-2
    assert torch.equal(torch.eye(6) @ moving.weight_recurrent.T, torch.eye(6).roll(1, 1))
    assert torch.equal(moving.weight_encoder, WaveRNN(2, 1, 6).weight_encoder)


@pytest.mark.parametrize("start", ["small", "dense", "released-small", "released-dense", "released-single"])
def test_starts_have_the_mean_variance_and_zeros_of_the_released_code(start):
    """Facts about that code; those that are not called so are on record, and differ in their biases."""
    released, kind = start.startswith("released"), start.split("-")[-1]
    variance = {"small": 1e-6, "dense": 1 / 48, "single": 1 / 2000}[kind]  # uniform within a quarter: a third of 1/16
    for network in (IdentityRNN(16, 1, 2000, encoder=start), WaveRNN(16, 1, 2000, 1, encoder=start)):
        weight, bias = network.weight_encoder.detach(), network.bias_encoder.detach()
        moved = network.bias_kernel if isinstance(network, WaveRNN) else network.bias_recurrent
        assert float(weight.var()) == pytest.approx(variance, rel=0.03)
        assert kind == "single" or abs(float(weight.mean())) < 4 * (variance / weight.numel()) ** 0.5
        assert kind != "dense" or float(weight.abs().max()) <= 0.25
        spread = 1 / 48 if kind == "dense" or (released and kind == "small") else 0
        assert float(bias.var()) == pytest.approx(spread, rel=0.1)
        # A kernel's bias stays as torch draws it, a dense matrix has none.
        assert bool(moved.any()) == (not released or isinstance(network, WaveRNN))


@pytest.mark.parametrize("network", ["wrnn", "lstm", "gru"])
def test_weights_are_fixed_by_the_seed(network):
    one, same, other = (make_sequence_network(network, 2, 3, 8, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["weight_readout"], other["weight_readout"])


def test_numbers_of_parameters_are_the_papers():
    assert WaveRNN(1, 10, 256, 16).count_parameters() == 49_946
    assert WaveRNN(1, 10, 256, 16, mlp=100).count_parameters() == 419_686
    assert WaveRNN(10, 10, 100, 6).count_parameters() == 12_724
    assert IdentityRNN(10, 10, 625).count_parameters() == 404_385
    # Table 2 rounds: 68k, 267k, 201k.
    baselines = (IdentityRNN(1, 10, 256), GatedRNN(1, 10, 256, "lstm"), GatedRNN(1, 10, 256, "gru"))
    for network, told in zip(baselines, (68_000, 267_000, 201_000)):
        assert round(network.count_parameters(), -3) in (told, told + 1000)


test_wrong_use_is_one_line = refusals(
    (lambda: WaveRNN(1, 1, 8, kernel=2), "odd"), (lambda: WaveRNN(1, 1, 1, kernel=5), "more than once"),
    (lambda: WaveRNN(1, 1, 8, kernel=1), "moves nothing"),
    (lambda: WaveRNN(1, 1, 8, recurrent="wave"), "shift, identity, random"),
    (lambda: GatedRNN(1, 1, 8, "rnn"), "lstm or gru"), (lambda: WaveRNN(2, 1, 8)(torch.zeros(3, 4, 1)), "inputs"),
    (lambda: DenseProducts(4, 1, 2, 3).run({}, torch.zeros(4, 2, 1)), "at most 3"),
)  # fmt: skip
