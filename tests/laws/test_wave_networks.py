"""The wave-RNN: its start is the exact shift, its fast recurrences equal torch's, and its size is the paper's."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn
from twm.errors import UserError
from twm.models.fast.rings import DenseProducts, RingConvolution, ShiftedProducts
from twm.models.rings import GatedRNN, IdentityRNN, WaveRNN, make_sequence_network

STEPS, BATCH, INPUTS, OUTPUTS = 6, 9, 3, 4
#: Channels, neurons and taps: one channel, one neuron, odd and even rings, every kernel.
SIZES = [
    (channels, neurons, kernel)
    for channels, neurons, kernel in itertools.product((1, 2, 5), (1, 2, 7, 12), (1, 3, 5))
    if kernel <= 2 * neurons + 1
]


def make_wave(channels: int, neurons: int, kernel: int, recurrent: str = "random", activation: str = "relu") -> WaveRNN:
    return WaveRNN(
        INPUTS, OUTPUTS, neurons, channels, kernel, recurrent=recurrent, encoder="dense", activation=activation, seed=3
    )


def run_both(network, recurrence, every_step: bool, last: bool = False) -> tuple[float, float, float]:
    """Return relative errors of answers, states and gradient of a fast recurrence against float64 autograd."""
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(STEPS, BATCH, INPUTS, generator=generator)
    exact = copy.deepcopy(network).double()
    trajectory = exact(inputs.double())
    answers = trajectory.outputs if every_step else trajectory.outputs[-1:]
    weights = torch.randn(answers.shape, generator=generator)
    at_end = torch.randn(BATCH, network.hidden, generator=generator) if last else None
    loss = (answers * weights.double()).sum()
    if last:
        loss = loss + (trajectory.states[-1] * at_end.double()).sum()
    loss.backward()
    with torch.no_grad():
        found = recurrence.run(dict(network.named_parameters()), inputs)
        gradients = recurrence.differentiate(weights, at_end)
        assert set(gradients) == {name for name, _ in network.named_parameters()}
        # A single neuron may be silent throughout; then the fast one must be so exactly.
        errors = [(found - answers).norm() / answers.norm()]
        errors.append((recurrence.states - trajectory.states).norm() / (trajectory.states.norm() + 1e-30))
        scale = max(weight.grad.norm() for weight in exact.parameters())
        worst = max((gradients[name] - weight.grad).norm() for name, weight in exact.named_parameters())
    return float(errors[0]), float(errors[1]), float(worst / scale)


# ---- fast equals slow


@pytest.mark.parametrize("kind", [ShiftedProducts, RingConvolution])
@pytest.mark.parametrize(("channels", "neurons", "kernel"), SIZES)
def test_fast_wave_equals_conv1d_autograd(kind, channels, neurons, kernel):
    for every_step, last in ((True, False), (False, True)):
        network = make_wave(channels, neurons, kernel)
        recurrence = kind(channels, neurons, kernel, INPUTS, BATCH, STEPS, "relu", OUTPUTS, every_step)
        forward, states, gradient = run_both(network, recurrence, every_step, last)
        assert forward < 1e-6 and states < 1e-6 and gradient < 1e-5


@pytest.mark.parametrize("kind", [ShiftedProducts, RingConvolution])
@pytest.mark.parametrize("activation", ["relu", "tanh", "linear"])
@pytest.mark.parametrize("start", ["shift", "identity", "random"])
def test_fast_wave_equals_it_for_every_activation_and_start(kind, activation, start):
    network = make_wave(3, 8, 3, start, activation)
    recurrence = kind(3, 8, 3, INPUTS, BATCH, STEPS, activation, OUTPUTS, True)
    forward, states, gradient = run_both(network, recurrence, True)
    assert forward < 1e-6 and states < 1e-6 and gradient < 1e-5


@pytest.mark.parametrize("activation", ["relu", "tanh", "linear"])
@pytest.mark.parametrize("every_step", [True, False])
def test_fast_identity_rnn_equals_autograd(activation, every_step):
    network = IdentityRNN(INPUTS, OUTPUTS, 13, encoder="dense", activation=activation, seed=3)
    recurrence = DenseProducts(13, INPUTS, BATCH, STEPS, activation, OUTPUTS, every_step)
    forward, states, gradient = run_both(network, recurrence, every_step, True)
    assert forward < 1e-6 and states < 1e-6 and gradient < 1e-5


def test_the_slow_wave_is_torchs_circular_conv1d():
    """The twin itself, against torch's layer."""
    network = make_wave(4, 11, 5)
    layer = nn.Conv1d(4, 4, 5, padding=2, padding_mode="circular")
    with torch.no_grad():
        layer.weight.copy_(network.weight_kernel)
        layer.bias.copy_(network.bias_kernel)
    state, inputs = torch.randn(BATCH, 44), torch.randn(BATCH, INPUTS)
    expected = torch.relu(
        layer(state.view(BATCH, 4, 11)).flatten(1) + inputs @ network.weight_encoder.T + network.bias_encoder
    )
    torch.testing.assert_close(network.step(state, inputs), expected)


def test_a_shorter_sequence_and_a_second_run_leave_nothing_behind():
    for kind in (ShiftedProducts, RingConvolution):
        network = make_wave(3, 8, 3)
        weights = dict(network.named_parameters())
        inputs = torch.randn(STEPS, BATCH, INPUTS)
        used, fresh = (kind(3, 8, 3, INPUTS, BATCH, STEPS, "relu", OUTPUTS, True) for _ in range(2))
        used.run(weights, torch.randn(STEPS, BATCH, INPUTS))
        used.differentiate(torch.randn(STEPS, BATCH, OUTPUTS))
        with torch.no_grad():
            assert torch.equal(used.run(weights, inputs[:4]), fresh.run(weights, inputs[:4]))
        slopes = torch.randn(4, BATCH, OUTPUTS)
        found, expected = used.differentiate(slopes), fresh.differentiate(slopes)
        assert all(torch.equal(found[name], expected[name]) for name in expected)


# ---- how it starts


@pytest.mark.parametrize(("kernel", "shift"), [(3, 1), (3, -1), (5, 2), (5, 1), (1, 0), (3, 0)])
def test_the_start_is_the_exact_shift_matrix(kernel, shift):
    neurons, channels = 7, 3
    network = WaveRNN(1, 1, neurons, channels, kernel, shift=shift, activation="linear")
    with torch.no_grad():
        network.bias_kernel.zero_()
        columns = network.step(torch.eye(neurons * channels)).numpy()
    # Rows are where a unit of activity at each neuron goes: every ring by itself, turned by the shift.
    expected = np.kron(np.eye(channels), np.roll(np.eye(neurons), shift, axis=1))
    assert np.array_equal(columns, expected)


def test_the_encoder_writes_to_one_neuron_a_ring():
    network = WaveRNN(4, 2, neurons=5, channels=3)
    expected = np.zeros((3, 5, 4))
    expected[:, 0] = 1
    assert np.array_equal(network.weight_encoder.detach().view(3, 5, 4).numpy(), expected)
    assert not network.bias_encoder.any() and network.bias_kernel.any()


def test_an_impulse_travels_once_around_and_comes_back():
    network = WaveRNN(1, 1, neurons=6, channels=2)
    with torch.no_grad():
        network.bias_kernel.zero_()
        inputs = torch.zeros(13, 1, 1)
        inputs[0] = 1
        states = network(inputs).states.view(13, 2, 6)
    for time, state in enumerate(states):
        assert state.argmax(-1).tolist() == [time % 6, time % 6] and float(state.sum()) == 2


def test_the_identity_rnn_holds_and_its_variants_shift():
    still, moving = IdentityRNN(2, 1, 6), IdentityRNN(2, 1, 6, recurrent="shift", encoder="single")
    assert torch.equal(still.weight_recurrent, torch.eye(6))
    assert 1e-4 < float(still.weight_encoder.detach().std()) < 1e-2
    unit = torch.eye(6)
    assert torch.equal(unit @ moving.weight_recurrent.T, unit.roll(1, 1))
    ring = WaveRNN(2, 1, 6)
    assert torch.equal(moving.weight_encoder, ring.weight_encoder)


def test_weights_are_fixed_by_the_seed():
    for network in ("wrnn", "irnn", "lstm", "gru"):
        options = {"recurrent": "random", "encoder": "dense"} if network[1:] == "rnn" else {}
        one, same, other = (make_sequence_network(network, 2, 3, 8, seed=seed, **options) for seed in (0, 0, 1))
        for name, weight in one.named_parameters():
            assert torch.equal(weight, dict(same.named_parameters())[name])
            assert not torch.equal(weight, dict(other.named_parameters())[name])


# ---- sizes


def test_numbers_of_parameters_are_the_papers():
    assert WaveRNN(1, 10, 256, 16).count_parameters() == 49_946
    assert WaveRNN(1, 10, 256, 16, mlp=100).count_parameters() == 419_686
    assert WaveRNN(10, 10, 100, 6).count_parameters() == 12_724
    assert IdentityRNN(10, 10, 625).count_parameters() == 404_385
    # Table 2 rounds: 68k, 267k, 201k.
    assert round(IdentityRNN(1, 10, 256).count_parameters(), -3) in (68_000, 69_000)
    assert round(GatedRNN(1, 10, 256, "lstm").count_parameters(), -3) in (267_000, 268_000)
    assert round(GatedRNN(1, 10, 256, "gru").count_parameters(), -3) in (201_000, 202_000)


# ---- wrong use


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: WaveRNN(1, 1, 8, kernel=2), "odd"),
        (lambda: WaveRNN(1, 1, 1, kernel=5), "more than once"),
        (lambda: WaveRNN(1, 1, 8, kernel=1), "at most 0"),
        (lambda: WaveRNN(1, 1, 8, recurrent="wave"), "shift, identity, random"),
        (lambda: WaveRNN(1, 1, 8, encoder="all"), "single, dense, small"),
        (lambda: WaveRNN(1, 1, 8, activation="gelu"), "activation"),
        (lambda: GatedRNN(1, 1, 8, "rnn"), "lstm or gru"),
        (lambda: make_sequence_network("cnn", 1, 1, 8), "wrnn, irnn, lstm, gru"),
        (lambda: WaveRNN(2, 1, 8)(torch.zeros(3, 4, 1)), "inputs"),
        (lambda: ShiftedProducts(1, 8, 4, 1, 2, 3), "odd"),
        (lambda: ShiftedProducts(1, 1, 5, 1, 2, 3), "more than once"),
        (lambda: RingConvolution(1, 8, 3, 1, 2, 3, "gelu"), "activation"),
        (lambda: DenseProducts(0, 1, 2, 3), "hidden"),
        (lambda: DenseProducts(4, 1, 2, 3).run({}, torch.zeros(4, 2, 1)), "at most 3"),
    ],
)
def test_wrong_use_is_one_line(make, word):
    with pytest.raises(UserError, match=word) as caught:
        make()
    assert "\n" not in str(caught.value)
