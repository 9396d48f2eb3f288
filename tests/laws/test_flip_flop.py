"""Looking into flip-flop networks: on networks made by hand, whose corners, switches and delay line are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from twm.analysis import flip_flop
from twm.analysis.flip_flop import average_switches, compare_corners, find_resting, fit_cube, fit_delay_line
from twm.analysis.flip_flop import measure_overshoot, run_flip_flop_network, send_switches, write_pulses
from twm.errors import UserError
from twm.models.elman import write_network
from twm.models.kernels import Weights
from twm.tasks.flip_flop import FlipFlop
from twm.theory.activity import analyse_oscillation, make_travelling_step, measure_angles, measure_tones
from twm.theory.spectra import split_spectrum
from twm.training.plans import FlipFlopPlan


def make_latches(channels: int = 3, gain: float = 1.6, hidden: int = 8) -> Weights:
    """Bits in orthogonal directions of a larger network: answers at once."""
    # A permutation with signs commutes with tanh, so that the bits stay independent.
    frame = torch.eye(hidden, dtype=torch.float64)[torch.randperm(hidden, generator=torch.Generator().manual_seed(1))]
    values = torch.tensor([gain] * channels + [0.3] * (hidden - channels), dtype=torch.float64)
    return Weights(frame.T @ torch.diag(values) @ frame, 4.0 * frame.T[:, :channels], 2.0 * frame[:channels])


def make_line(delay: int, channels: int = 3) -> Weights:
    """A latch that a pulse overrules, and a delay line with a neuron a position behind it: exact, by construction."""
    each, positions = torch.eye(channels, dtype=torch.float64), torch.eye(delay + 1)
    pass_on = torch.cat([positions[:1], positions[:-1]])
    parts = (3, pass_on), (9, positions[:, :1]), (2, positions[-1:])
    return Weights(*(gain * torch.kron(each, part) for gain, part in parts))


@pytest.fixture(scope="module")
def latches():
    return run_flip_flop_network(make_latches(), FlipFlop(0), streams=40, steps=800)


@pytest.fixture(scope="module")
def line():
    return run_flip_flop_network(make_line(5), FlipFlop(5), streams=40, steps=800)


def test_latches_have_a_cube_of_27_points_rest_in_its_corners_and_overshoot_them_if_pulses_are_strong(latches):
    resting = find_resting(latches, settle=300)
    points, added = flip_flop.find_network_points(latches, 400, most=3)
    assert added == [27, 0] and resting.found.all() and resting.amplitudes.max() < 1e-9
    row = flip_flop.describe_points(points, latches, resting)
    assert (row["corners"], row["misplaced"]) == (8, 0) and row["counts"] == "8 12 6 1"
    assert row["corner_unstable"] == " ".join("0" * 8)
    assert flip_flop.follow_boundaries(latches, resting) == (1.0, 0.0)
    assert np.allclose(flip_flop.read_cube(resting, resting.centres), resting.corners)
    # A squashed cube is still affine, and a shuffled one is not.
    skew = np.random.default_rng(0).standard_normal((8, 8))
    assert fit_cube(resting) == pytest.approx(fit_cube(replace(resting, centres=resting.centres @ skew))) == 1
    assert fit_cube(replace(resting, centres=np.random.default_rng(1).permutation(resting.centres))) < 0.9
    turned = resting.centres @ np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0]
    assert compare_corners(resting, replace(resting, centres=turned + 3)) == pytest.approx((1, 1, 1, 0), abs=0.01)
    assert compare_corners(resting, replace(resting, centres=2 * turned))[:3] == pytest.approx((0, 1, 2))
    *loops, place, at_once, visible = measure_overshoot(latches, resting)
    assert min(loops) > 0.05 and place > 1 and at_once == visible == 1.0
    weak = replace(latches, weights=latches.weights._replace(encoder=0.3 * latches.weights.encoder))
    assert measure_overshoot(weak, resting)[3] == 0.0


def test_a_circled_corner_is_not_at_rest():
    """Two more neurons that turn for ever, whatever the bit does: outputs rest, the network does not."""
    weights, (sine, cosine) = make_latches(1, hidden=2), (np.sin(0.7), np.cos(0.7))
    turn = 1.3 * torch.tensor([[cosine, -sine], [sine, cosine]], dtype=torch.float64)
    encoder = torch.cat([weights.encoder, torch.full((2, 1), 0.3, dtype=torch.float64)])
    readout = torch.nn.functional.pad(weights.readout, (0, 2))
    wide = Weights(torch.block_diag(weights.recurrent, turn), encoder, readout)
    resting = find_resting(run_flip_flop_network(wide, FlipFlop(0, channels=1), streams=20, steps=400), settle=500)
    assert resting.found.all() and resting.amplitudes.min() > 0.5


def test_points_are_recorded_once_and_read_back(latches, tmp_path):
    write_network(tmp_path / "one.safetensors", latches.weights, FlipFlopPlan(0, hidden=8).describe())
    seen: list[str] = []
    for _ in range(2):
        flip_flop.record_points(tmp_path, tmp_path / "points.csv", ["one"], seen.append)
    (row,) = flip_flop.read_points(tmp_path / "points.csv")
    assert len(seen) == 1 and row["counts"] == [8, 12, 6, 1] and row["corners"] == 8 and row["delay"] == 0
    weights, about = flip_flop.read_flip_flop(tmp_path / "one.safetensors")
    assert torch.allclose(weights.recurrent, latches.weights.recurrent, atol=1e-6) and about["unfold"] == 10
    write_network(tmp_path / "other.safetensors", latches.weights, {"task": "T1"})
    with pytest.raises(UserError, match="no|not"):
        flip_flop.read_flip_flop(tmp_path / "other.safetensors")


def test_the_average_switch_of_a_line_is_the_travelling_step_whether_it_happens_or_is_sent(line):
    states, outputs, count = average_switches(line)
    assert count > 5
    positions = np.sign(states.reshape(len(states), 3, 6))
    expected = make_travelling_step(5)
    assert np.array_equal(positions[:, 2], expected)
    assert (positions[:, :2] == -1).all() and np.array_equal(np.sign(outputs[:, 2]), expected[:, -1])
    sent = send_switches(line, count=50)
    assert np.abs(states - sent[0]).max() < 1e-6 and np.abs(outputs - sent[1]).max() < 1e-6 and sent[2] == 50
    other = send_switches(line, (-1, -1, -1), (1, -1, -1), count=50)
    assert np.sign(other[1][-1]).tolist() == [1, -1, -1]


def test_a_rotation_has_a_quarter_period_and_what_travels_has_rising_frequencies():
    times = 0.6 * np.arange(40)
    turning = np.stack([np.cos(times), np.sin(times)], 1) @ np.random.default_rng(0).standard_normal((2, 9))
    assert measure_tones(turning, 20).min() > 0.9, "and one sinusoid is nearly all of it"
    assert measure_tones(make_travelling_step(8, 0), 8).max() < 0.8, "but not of what travels"
    assert measure_tones(turning, 0).min() > 0.9
    found = analyse_oscillation(turning, 2)
    assert found.phases[0] == pytest.approx(90, abs=8)
    assert found.frequencies[0] == pytest.approx(0.6 / (2 * np.pi), abs=0.01)
    assert np.array_equal(analyse_oscillation(make_travelling_step(8)).crossings[:7], np.arange(1, 8))


def test_angles_and_spectra_of_known_planes():
    values, axes = np.array([1.4, 1.3 + 0.01j, -1.2, 1.1 * np.exp(1j), 1.1 * np.exp(-1j), 0.99j, 0.5]), np.eye(4)
    assert [len(part) for part in split_spectrum(values)] == [3, 2, 2]
    tilted = np.array([[np.cos(0.3), 0, np.sin(0.3), 0]])
    assert np.allclose(measure_angles(axes[:2], axes[2:]), [90, 90])
    assert np.allclose(measure_angles(tilted, axes[:2]), np.degrees(0.3))


def test_a_constructed_line_is_read_and_written_at_every_position(line):
    found = fit_delay_line(line)
    assert found.r2.min() > 0.98 and found.accuracy.min() == 1.0 and found.encoded > 0.98
    wrote = write_pulses(line, found, count=60)
    assert wrote.success.min() == 1.0 and wrote.sent.min() == 1.0
    assert wrote.random.mean() < 0.2 and np.nanmax(wrote.early) == 0.0


def test_a_network_without_a_line_has_none_to_read_or_write(latches):
    run = run_flip_flop_network(latches.weights, FlipFlop(5), streams=40, steps=800)
    found = fit_delay_line(run)
    assert found.accuracy[:, 0].min() == 1.0, "what is held now can be read"
    late = fit_delay_line(replace(run, held=np.roll(run.held, 7, axis=1)))
    assert late.r2.max() < 0.2, "another stream's signs cannot"
    assert write_pulses(run, found, count=60).success[:, :4].max() == 0.0, "nothing changes later on"


def test_wrong_arguments_are_told_in_a_line(latches, line):
    single = run_flip_flop_network(latches.weights, FlipFlop(0), streams=1, steps=50)
    for call, words in (
        (lambda: write_pulses(latches, fit_delay_line(latches)), "delay"),
        (lambda: fit_delay_line(single), "two"),
        (lambda: find_resting(single), "never settles"),
        (lambda: average_switches(line, (-1, -1, -1), (1, 1, -1)), "one channel"),
    ):
        with pytest.raises(UserError, match=words):
            call()
