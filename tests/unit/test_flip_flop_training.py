"""Truncated training of the flip-flop: the fast gradient, stopping and resuming, and the sweep's records."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from twm.errors import UserError
from twm.models.elman import read_network
from twm.models.kernels import Weights
from twm.records import read_rows
from twm.tasks.flip_flop import FlipFlop
from twm.training.flip_flop import FlipFlopTrainer, draw_flip_flop_weights, run_flip_flop, score_flip_flop
from twm.training.loop import CIRCUMSTANCES, train_model
from twm.training.plans import FlipFlopPlan, restore_plan
from twm.training.runner import make_folder_place, run_job, train_models
from twm.training.sweeps import find_sweep, read_sweep

TINY = FlipFlopPlan(2, hidden=20, iterations=330, drop_at=200, batch=8, test_every=100, test_streams=5, test_steps=100)


def quiet(line: str) -> None:
    pass


def test_fast_and_reference_training_agree_and_leave_the_encoder(monkeypatch: pytest.MonkeyPatch):
    fast = FlipFlopTrainer(replace(TINY, iterations=60))
    start = fast.weights()
    # Reference training is what is left where the fast gradient fails its check.
    monkeypatch.setattr(FlipFlopTrainer, "_compute", lambda self, *_: (torch.zeros(20, 20), torch.zeros(3, 20)))
    with pytest.warns(UserWarning, match="autograd"):
        slow = FlipFlopTrainer(replace(TINY, iterations=60))
    assert (fast._path, slow._path) == ("fast", "reference") and fast.train() and slow.train()
    for name in Weights._fields:
        assert torch.allclose(getattr(fast.weights(), name), getattr(slow.weights(), name), atol=1e-5), name
    assert torch.equal(fast.weights().encoder, start.encoder)
    assert not torch.equal(fast.weights().recurrent, start.recurrent)


def test_an_update_is_torchs_clip_and_adam(monkeypatch):
    """By autograd, clip_grad_norm_ and torch.optim.Adam on two matrices, with a drop of the rate."""
    clip, limits = torch.nn.utils.clip_grad_norm_, set()
    # No gradient of so small a network reaches the limit, so that it is looked at as well.
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda given, most: limits.add(most) or clip(given, most))
    trainer = FlipFlopTrainer(replace(TINY, drop_at=3))
    start = trainer.weights()
    recurrent, readout = (matrix.clone().requires_grad_() for matrix in (start.recurrent, start.readout))
    optimiser, state = torch.optim.Adam([recurrent, readout], TINY.learning_rate), torch.zeros(8, 20)
    for step in range(1, 7):
        trainer.train(lambda current, step=step: current.iteration < step)
        pulses, targets = (values[10 * (step - 1) : 10 * step] for values in trainer._drawn)
        states, outputs = run_flip_flop(Weights(recurrent, start.encoder, readout), pulses, state)
        optimiser.zero_grad()
        (outputs - targets).square().mean().backward()
        torch.nn.utils.clip_grad_norm_([recurrent, readout], 1.0)
        optimiser.param_groups[0]["lr"] = TINY.learning_rate * (0.1 if step > 3 else 1.0)
        optimiser.step()
        state = states[-1].detach()
    torch.testing.assert_close(trainer.weights().recurrent, recurrent.detach(), rtol=0, atol=1e-6)
    torch.testing.assert_close(trainer.weights().readout, readout.detach(), rtol=0, atol=1e-6)
    assert limits == {1.0}


def test_stopped_and_resumed_it_ends_bit_for_bit_the_same():
    whole = FlipFlopTrainer(TINY)
    whole.train()
    trainer = FlipFlopTrainer(TINY)
    for stop in (1, 50, 51, 137, 299):
        assert not trainer.train(lambda current: current.iteration < stop)
        tensors, numbers = trainer.state()
        trainer = FlipFlopTrainer(TINY)
        trainer.load(tensors, json.loads(json.dumps(numbers)))
    assert trainer.train() and trainer.logs == whole.logs
    for own, other in zip(trainer.best(), whole.best()):
        assert torch.equal(own, other)
    with pytest.raises(UserError, match="another plan"):
        FlipFlopTrainer(replace(TINY, seed=9)).load(tensors, numbers)


def test_the_score_knows_a_perfect_and_an_impatient_network():
    # One neuron a channel, far in its saturation: it holds its bit and answers at once.
    weights = Weights(5.0 * torch.eye(3), 20.0 * torch.eye(3), torch.eye(3))
    assert score_flip_flop(weights, FlipFlop(0), 0, 20, 500).settled == 1.0
    impatient = score_flip_flop(weights, FlipFlop(8), 0, 20, 500)
    # Of two pulses on their way the later may cancel the earlier; otherwise the impatient one is always wrong.
    assert impatient.waiting < 0.05 and 0.8 < impatient.settled < 0.99
    assert np.isnan(score_flip_flop(weights, FlipFlop(0), 0, 20, 500).waiting)


def test_the_run_is_the_formula_from_weights_of_the_papers_spread():
    weights = Weights(*(matrix.double() for matrix in draw_flip_flop_weights(100, 3, 0)))
    for matrix, bound in ((weights.encoder, 3**-0.5), (weights.recurrent, 0.1), (weights.readout, 0.1)):
        assert 0.95 * bound < float(matrix.abs().max()) <= bound * (1 + 1e-6)
    assert not torch.equal(weights.recurrent.float(), draw_flip_flop_weights(100, 3, 1).recurrent)
    pulses = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    states, outputs = run_flip_flop(weights, pulses, torch.zeros(2, 100, dtype=torch.float64))
    recurrent, encoder, readout = (matrix.numpy().T for matrix in weights)
    state = np.zeros((2, 100))
    for push, found, answer in zip(pulses.numpy(), states, outputs):
        state = np.tanh(state @ recurrent + push @ encoder)
        assert np.allclose(found, state) and np.allclose(answer, np.tanh(state @ readout))


def test_a_test_without_a_waiting_step_is_no_divergence():
    row = train_model(replace(TINY, delay=1, iterations=20, drop_at=None, test_every=10, test_streams=1, test_steps=3)).row
    assert row["diverged_at"] is None


def test_a_sweep_leaves_rows_curves_and_networks_and_resumes(tmp_path: Path):
    place = replace(make_folder_place(tmp_path), protocol="flip-flop")
    plans = [replace(TINY, seed=seed) for seed in (0, 1)]
    # It has no GPU path, so that with a GPU, too, it trains on the CPU and says so.
    outcome = train_models(plans[:1], place, device="cuda", workers=1, say=quiet)
    assert not outcome.stopped and list(outcome.rows[0]) == list(FlipFlopTrainer.columns)
    assert outcome.rows[0]["device"].startswith("cpu")
    seen = []
    assert not run_job(plans[1:], place.work, keep_going=lambda: seen.append(0) is None and len(seen) < 220)
    outcome = train_models(plans, place, resume=True, workers=1, say=quiet)
    assert len(outcome.rows) == 2
    strip = lambda row: {**row, **dict.fromkeys(CIRCUMSTANCES)}
    assert [strip(row) for row in outcome.rows] == [strip(train_model(plan).row) for plan in plans]
    network, about = read_network(place.networks / f"{plans[0].name}.safetensors")
    assert network.hidden == 20 and about["delay"] == 2 and about["unfold"] == 10 and about["task"] == "flip-flop:2"
    score = score_flip_flop(_tensors(network), plans[0].task, 0, 20, 5000)
    found = [outcome.rows[0][name] for name in ("accuracy", "waiting", "overall")]
    assert found == pytest.approx([score.settled, score.waiting, score.overall], abs=1e-6)
    assert {row["model"] for row in read_rows(place.curves)} == {plan.name for plan in plans}
    assert not list(place.work.glob("*.checkpoint"))


def _tensors(network) -> Weights:
    return Weights(*(torch.as_tensor(matrix) for matrix in network.get_matrices()))


def test_the_named_sweep_has_what_the_claims_ask_for():
    sweep = find_sweep("flipflop")
    plans = sweep.list_plans()
    assert len({plan.name for plan in plans}) == len(plans)
    usual = [plan for plan in plans if plan.unfold == 10 and plan.reading == "channel"]
    assert sorted((plan.delay, plan.seed) for plan in usual) == sorted(
        [(delay, seed) for delay in (0, 8, 9, 10) for seed in range(5) if delay < 9 or seed < 3]
        + [(delay, 0) for delay in (2, 4, 6, 11, 12, 14, 16)]
    )
    # Only the delays of all seeds take other seeds too.
    assert [(plan.delay, plan.seed) for plan in sweep.list_plans(seeds=[3, 7])] == [(0, 3), (8, 3), (0, 7), (8, 7)]


def test_names_tell_plans_apart_plans_come_back_and_wrong_ones_are_told_in_a_line():
    changes = [{"unfold": 20}, {"reading": "network"}, {"hidden": 50}, {"drop_at": None}, {"seed": 1}, {"delay": 3}]
    for plan in [replace(FlipFlopPlan(), **change) for change in changes]:
        assert plan.name != FlipFlopPlan().name
        assert restore_plan(FlipFlopPlan, json.loads(json.dumps(plan.describe()))) == plan
    for change in ({"unfold": 0}, {"learning_rate": 0}, {"reading": "x"}):
        with pytest.raises(UserError, match=next(iter(change))):
            FlipFlopPlan(**change)
    with pytest.raises(UserError, match="another version"):
        restore_plan(FlipFlopPlan, {"delay": 1})


def test_the_records_are_those_of_the_sweep():
    """Every recorded network is there and does what its row says, on a sample of the recorded streams."""
    sweep, rows = find_sweep("flipflop"), read_sweep("flipflop").rows
    place = sweep.place()
    assert {row["model"] for row in rows} == {plan.name for plan in sweep.list_plans()}
    for row in rows:
        network, about = read_network(place.networks / f"{row['model']}.safetensors")
        assert about["checkpoint"] == row["checkpoint"] and about["delay"] == row["delay"]
        task = FlipFlop(row["delay"], reading=row["reading"])
        found = score_flip_flop(_tensors(network), task, 5, 20, 300).settled
        assert abs(found - row["accuracy"]) < 0.06, row["model"]
