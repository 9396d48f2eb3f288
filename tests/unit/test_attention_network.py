"""The trainable attention network is the boundary of Eq. (8), run as a wave."""

import pytest
import torch
from twm.errors import UserError
from twm.models.attention import AttentionRNN
from twm.theory.lattice import simulate_wave


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("labelled", [False, True])
def test_network_runs_the_wave_of_its_boundary(heads, labelled):
    network = AttentionRNN(5, 4, heads, 6, labelled, seed=2).double()
    inputs = torch.randn(5, 7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    outputs = network(inputs, 30).detach()
    wave = simulate_wave(inputs.transpose(0, 1), network.boundary(), 30)
    assert outputs.shape == (30, 7, 4)
    assert float((outputs - wave[1:, :, -1]).abs().max()) <= 1e-12


def test_parameters_are_counted_as_the_formula_says():
    network = AttentionRNN(8, 8, heads=3, width=5)
    assert sum(parameter.numel() for parameter in network.parameters()) == 3 * (2 * 8 * 5 + 8 * 8) + 8 * 8
    assert AttentionRNN(8, 8, labelled=False).positions is None


def test_every_argument_changes_the_network():
    inputs = torch.ones(4, 2, 3) + torch.arange(4)[:, None, None]
    default = dict(heads=1, width=3, labelled=True, seed=0)
    base = AttentionRNN(4, 3, **default)(inputs, 5)
    for change in ({"heads": 2}, {"width": 4}, {"labelled": False}, {"seed": 1}):
        assert (AttentionRNN(4, 3, **{**default, **change})(inputs, 5) - base).abs().max().item() > 1e-4
    assert torch.equal(AttentionRNN(4, 3, **default)(inputs, 5), base)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: AttentionRNN(0, 3), "history"),
        (lambda: AttentionRNN(3, 0), "dim"),
        (lambda: AttentionRNN(3, 3, heads=0), "heads"),
        (lambda: AttentionRNN(3, 3, width=0), "width"),
        (lambda: AttentionRNN(3, 3, seed=-1), "seed"),
        (lambda: AttentionRNN(3, 3)(torch.ones(2, 5, 3), 4), "inputs"),
        (lambda: AttentionRNN(3, 3)(torch.ones(3, 5, 3), 0), "horizon"),
    ],
)
def test_wrong_input_gets_one_clear_line(call, says):
    with pytest.raises(UserError, match=says):
        call()
