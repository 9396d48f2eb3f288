"""The training loop: its data, its tests, what it keeps, and that a model does not depend on how it was trained."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from twm.errors import UserError
from twm.models.elman import ElmanRNN, make_kernel
from twm.models.kernels import ReferenceKernel, Weights, draw_weights, stack_weights
from twm.theory.spectra import compare_with_theory
from twm.theory.systems import parse_task
from twm.training.ensemble import BatchFeed, Ensemble, count_right_signs
from twm.training.loop import train_model
from twm.training.plans import ModelPlan
from twm.training.trainer import ModulePlan, ModuleRun, draw_batch

SMALL = ModelPlan(
    "repeat-copy:3,2", hidden=16, iterations=150, horizons=(5, 10), test_every=40, test_count=50, test_horizon=20, learning_rate=3e-3,
    multiples=(1, 2),
)  # fmt: skip
TASKS = ("repeat-copy:3,2", "random:3,2,1", "random:3,2,4")


def test_batches_are_those_of_the_slow_trainer_alone_and_together():
    plans = [ModelPlan(task, hidden=8, seed=seed, batch=5, horizons=(4, 12)) for seed in (0, 7) for task in TASKS]
    together, alone = BatchFeed(plans), [BatchFeed([plan]) for plan in plans]
    # Around the end of a block of words, and back.
    for iteration, steps in ((1, 12), (2, 3), (512, 12), (513, 12), (514, 1), (3, 12)):
        inputs, targets = together.draw(iteration, steps)
        for place, (plan, feed) in enumerate(zip(plans, alone)):
            expected = draw_batch(plan.system, "train", plan.seed, iteration, 5, steps)
            for found in ((inputs[place], targets[place]), tuple(part[0] for part in feed.draw(iteration, steps))):
                assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1])


def test_right_signs_are_those_of_the_network_itself():
    networks = [ElmanRNN(2, 9, seed=seed) for seed in range(3)]
    weights = stack_weights([Weights(*(matrix.detach() for matrix in (n.recurrent, n.encoder, n.readout))) for n in networks])
    right = count_right_signs(weights, TASKS, count=40, horizon=25, chunk=10)
    for place, (network, task) in enumerate(zip(networks, TASKS)):
        inputs, targets = draw_batch(parse_task(task), "test", 0, 0, 40, 25)
        outputs = network(inputs, 25).outputs[3:]
        assert right[place].tolist() == ((outputs >= 0) == (targets > 0)).sum((1, 2)).tolist()


def test_a_network_learns_repeat_copy_in_seconds():
    options = {"iterations": 3000, "test_every": 100, "learning_rate": 3e-3, "stop_at": 1.0, "multiples": (1, 2)}
    plan = ModelPlan("repeat-copy:3,2", hidden=32, **options)
    model = train_model(plan)
    row, curve = model.row, model.curve
    assert row["accuracy"] == row["accuracy_1x"] == 1.0 and row["accuracy_5x"] is None and row["horizon"] == 100
    assert 100 < row["iterations_to_99"] <= row["iterations"] == row["checkpoint"] < 3000 and row["iterations"] % 100 == 0
    assert row["rank_network"] == row["rank_theory"] == 6 and row["argument_error"] < 0.05
    # The row's spectrum is that of the weights kept.
    again = compare_with_theory(model.weights.recurrent.double().numpy(), plan.system)
    assert row["argument_error"] == pytest.approx(again.argument_error, abs=1e-8)
    assert 0 < len(curve) <= 200 and curve[-1]["iteration"] == row["iterations"]
    assert curve[0]["loss"] > 10 * curve[-1]["loss"]
    assert curve[-1]["test_accuracy"] == 1.0 and curve[0]["test_accuracy"] is None


def test_the_loop_is_the_slow_trainer():
    """Same data, same horizons, same protocol: after a few dozen iterations the two still agree closely."""
    options = {"iterations": 60, "learning_rate": 3e-3, "test_every": 20, "test_count": 50, "test_horizon": 20}
    options |= {"task": SMALL.task, "hidden": 16}
    ensemble = Ensemble([ModelPlan(**options, curriculum="none", horizons=(5, 10))])
    slow = ModuleRun(ModulePlan(**options, model="elman", horizons=(10,)))
    ensemble.train()
    slow.train()
    for found, expected in zip(ensemble.weights(), slow.network.get_matrices()):
        np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-4)
    assert ensemble.logs[0].last["accuracy"] == pytest.approx(slow.logs[0].last["accuracy"], abs=0.005)


def test_models_side_by_side_are_the_models_alone():
    """The batched path on the CPU; to rounding, because its products are other ones."""
    changes = [
        {}, {"seed": 1, "l2": 0.01}, {"task": "random:3,2,1", "curriculum": "adaptive", "threshold": None},
        {"curriculum": "none", "threshold": None, "init": "orthogonal", "drop_at": 50},
    ]  # fmt: skip
    plans = [replace(SMALL, iterations=80, **change) for change in changes]
    together, again = Ensemble(plans), Ensemble(plans[::-1])
    together.train()
    again.train()
    for place, plan in enumerate(plans):
        alone = Ensemble([plan])
        alone.train()
        for found, expected in zip(together.weights(), alone.weights()):
            torch.testing.assert_close(found[place], expected[0], rtol=1e-3, atol=2e-4)
        assert together.horizon(place) == alone.horizon(0)
    torch.testing.assert_close(again.weights().recurrent.flip(0), together.weights().recurrent, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize(
    "plans", [[SMALL], [SMALL, replace(SMALL, seed=1, curriculum="adaptive", threshold=None, snapshots=(30, 90))]]
)
def test_going_on_is_never_having_stopped(plans: list[ModelPlan]):
    """Stopped at every kind of moment, the state carries everything, to the bit; the last test goes on where it was."""
    plans = [replace(plan, drop_at=60, multiples=(1, 10)) for plan in plans]
    whole = Ensemble(plans)
    assert whole.train()
    expected = whole.finish()
    current = Ensemble(plans)
    for stop in (1, 30, 39, 40, 60, 61, 149):
        current.train(lambda ensemble, stop=stop: ensemble.iteration < stop)
        assert current.iteration == stop
        tensors, description = current.state()
        current = Ensemble(plans)
        current.load(tensors, json.loads(json.dumps(description)))
    for pieces in ([0, 50], [100]):
        seen: list[int] = []
        count = lambda run, seen=seen: seen.append(run._last_test["right"].shape[1] if run._last_test else 0)
        assert not current.train(lambda run, pieces=pieces: count(run) or seen[-1] < pieces[-1]) and seen == pieces
        tensors, description = current.state()
        current = Ensemble(plans)
        current.load(tensors, json.loads(json.dumps(description)))
    assert current.train()
    for plan, found, wanted in zip(plans, current.finish(), expected):
        assert found.curve == wanted.curve and {**found.row, "seconds": 0} == {**wanted.row, "seconds": 0}
        assert found.snapshots.keys() == wanted.snapshots.keys() == set(plan.snapshots)
        pairs = [(found.weights, wanted.weights), *((found.snapshots[key], wanted.snapshots[key]) for key in found.snapshots)]
        assert all(torch.equal(a, b) for pair in pairs for a, b in zip(*pair))


def test_the_best_checkpoint_is_kept_and_ties_go_to_the_later(monkeypatch: pytest.MonkeyPatch):
    script = iter([0.6, 0.8, 0.8, 0.7])
    total = SMALL.test_count * SMALL.test_horizon * 2

    def scripted(weights, tasks, count, horizon, chunk):
        return torch.tensor([[round(next(script) * total)]])

    monkeypatch.setattr("twm.training.ensemble.count_right_signs", scripted)
    ensemble = Ensemble([replace(SMALL, iterations=160, multiples=())])
    kept = {}
    ensemble.train(lambda current: kept.setdefault(current.iteration, current.weights()) is not None)
    log = ensemble.logs[0]
    assert (log.checkpoint, log.best["accuracy"], log.last["accuracy"]) == (120, 0.8, 0.7)
    assert torch.equal(ensemble.best(0).recurrent, kept[120].recurrent[0])
    assert not torch.equal(kept[120].recurrent, kept[160].recurrent)


def test_a_model_that_diverges_stays_in_the_table_and_leaves_the_others_alone():
    together = Ensemble([replace(SMALL, learning_rate=1e30), SMALL])
    together.train()
    first, second = together.finish()
    assert first.row["diverged_at"] == 40 == first.row["iterations"]
    assert first.weights is None and first.row["rank_network"] is None
    assert second.row["diverged_at"] is None and second.row["iterations"] == 150 and second.weights is not None


def test_the_learning_rate_drops_after_its_iteration():
    ensemble = Ensemble([replace(SMALL, drop_at=3, drop_factor=1e-9)])
    seen = []
    ensemble.train(lambda current: seen.append(current.weights().recurrent) is None and current.iteration < 5)
    assert not torch.equal(seen[1], seen[2])
    assert torch.allclose(seen[2], seen[3], atol=1e-10) and torch.allclose(seen[3], seen[4], atol=1e-10)


def test_a_kernel_that_fails_its_check_is_replaced(monkeypatch: pytest.MonkeyPatch):
    # Rounding grows in chaotic networks whatever the path, and is no failure of it.
    assert make_kernel(draw_weights(8, 128, "gaussian", 3), 8, 64, 100).name == "augmented"
    monkeypatch.setattr("twm.models.elman.check_kernel", lambda kernel, seed: 1e-7 if kernel.name == "reference" else 1.0)
    with pytest.warns(UserWarning, match="PyTorch autograd"):
        ensemble = Ensemble([SMALL])
    assert isinstance(ensemble._kernel, ReferenceKernel)
    ensemble.train(lambda current: current.iteration < 3)
    assert ensemble.iteration == 3


def test_what_does_not_fit_is_refused():
    torch.set_default_dtype(torch.float64)  # with which networks on sequences would draw other weights under the same name
    try:
        with pytest.raises(UserError, match="default dtype, float32"):
            Ensemble([SMALL])
    finally:
        torch.set_default_dtype(torch.float32)
    tensors, description = Ensemble([SMALL]).state()
    plans = [replace(SMALL, seed=1).describe()], [{"task": "T1"}]
    for wrong in (*({"plans": plan} for plan in plans), {"iteration": -5}, {"iteration": 10**9}):
        with pytest.raises(UserError, match="another plan|another version|is not in the plan"):
            Ensemble([SMALL]).load(tensors, description | wrong)
    for others, word in (([replace(SMALL, hidden=8)], "side by side"), ([SMALL], "twice")):
        with pytest.raises(UserError, match=word):
            Ensemble([SMALL, *others])
    with pytest.raises(UserError, match="not finished"):
        Ensemble([SMALL]).finish()


def test_initial_weights_are_those_of_the_seed():
    ensemble = Ensemble([replace(SMALL, seed=5, init="gaussian")])
    assert torch.equal(ensemble.weights().recurrent[0], draw_weights(2, 16, "gaussian", 5).recurrent)
