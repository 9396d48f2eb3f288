"""What is kept of a run, and what a run may not see: best tests, their weights, whole records, streams of their own."""

from dataclasses import replace

import pytest
import torch

from twm.errors import UserError
from twm.models.kernels import Weights
from twm.streams import draw_words
from twm.theory.systems import parse_task
from twm.training.ensemble import Ensemble, count_right_signs
from twm.training.flip_flop import FlipFlopTrainer
from twm.training.loop import collect_models, find_kind
from twm.training.plans import FlipFlopPlan, ModelPlan, SequencePlan
from twm.training.runner import make_folder_place, run_job, train_models
from twm.training.trainer import ModulePlan, RulePlan, draw_batch

SHORT = {"iterations": 40, "test_every": 10}
ELMAN = ModelPlan("repeat-copy:3,2", hidden=16, horizons=(6,), curriculum="none", test_count=20, test_horizon=20,
                  learning_rate=3e-2, multiples=(1, 2), **SHORT)  # fmt: skip
FLIP_FLOP = FlipFlopPlan(2, hidden=12, batch=4, test_streams=4, test_steps=60, **SHORT)
SEQUENCE = SequencePlan("copy:1", "irnn", 9, batch=4, test_count=8, **SHORT)
MODULE = {"hidden": 8, "horizons": (4,), "batch": 4, "test_count": 8, "test_horizon": 6, **SHORT}
PLANS = [ELMAN, FLIP_FLOP, SEQUENCE, ModulePlan(model="elman", task="repeat-copy:3,2", **MODULE),
         RulePlan(task="and:3,2,0", **MODULE)]  # fmt: skip


def make_scores(name, *pairs):
    return [{"accuracy": accuracy, name: other, "waiting": 1.0} for accuracy, other in pairs]


@pytest.mark.parametrize(("plan", "scores", "kept"), [
    (ELMAN, make_scores("loss", (0.6, 0), (0.8, 0), (0.8, 9), (0.7, 0)), 30),
    (FLIP_FLOP, make_scores("settled", (0.8, 0.8), (0.8, 0.9), (0.8, 0.9), (0.8, 0.85)), 30),
    (SEQUENCE, make_scores("loss", (0.5, 0.3), (0.5, 0.2), (0.5, 0.25), (0.4, 0.1)), 20),
])  # fmt: skip
def test_of_equal_tests_the_later_is_kept_or_on_sequences_that_of_the_lowest_loss(plan, scores, kept, monkeypatch):
    kind, script, seen = find_kind(plan.protocol), iter(scores), {}
    monkeypatch.setattr(kind, "_measure", lambda self: [next(script)])
    run = kind(plan)
    run.train(lambda current: seen.setdefault(current.iteration, current._copy()) is not None)
    assert run.logs[0].checkpoint == kept and run.logs[0].best == scores[kept // 10 - 1]
    assert all(torch.equal(run._best[name], weight) for name, weight in seen[kept].items())
    assert not all(torch.equal(run._best[name], weight) for name, weight in seen[40].items())


def test_multiples_are_those_of_the_kept_weights(monkeypatch):
    script = iter((0.995, 0.1, 0.992, 0.1))
    monkeypatch.setattr(Ensemble, "_measure", lambda self: [{"accuracy": next(script)}])
    run = Ensemble(ELMAN)
    run.train()
    (model,), shares = run.finish(), []
    for weights in (run._best, run._live()):
        right = count_right_signs(Weights(**weights), [ELMAN.task], 20, 12)[0].cumsum(0)
        shares.append([int(right[steps - 1]) / (steps * 20 * 2) for steps in (6, 12)])
    assert [model.row["accuracy_1x"], model.row["accuracy_2x"]] == pytest.approx(shares[0], abs=1e-6) != shares[1]
    assert (model.row["accuracy"], model.row["accuracy_final"], model.row["iterations_to_99"]) == (0.995, 0.1, 10)


def test_a_point_of_a_curve_is_a_mean_since_the_last_one():
    run, losses = Ensemble(replace(ELMAN, curve_points=4)), []
    update = run._update
    # Sums are cleared after a point only.
    run._update = lambda: (before := float(run._sums[0]), update(), losses.append(float(run._sums[0]) - before))
    run.train()
    places, _, means, *_ = zip(*run.logs[0].curve)
    assert places == (10, 20, 30, 40) and means == pytest.approx([sum(losses[at - 10 : at]) / 10 for at in places])


def test_an_output_of_zero_counts_as_positive():
    silent = Weights(*(torch.zeros(1, *shape) for shape in ((4, 4), (4, 2), (2, 4))))
    targets = draw_batch(parse_task(ELMAN.task), "test", 0, 0, 20, 12)[1]
    assert torch.equal(count_right_signs(silent, [ELMAN.task], 20, 12)[0], (targets > 0).sum((1, 2)))


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.protocol)
def test_an_unfinished_model_leaves_no_record(plan, tmp_path):
    place, other = replace(make_folder_place(tmp_path), protocol=plan.protocol), replace(plan, seed=1)
    if plan.protocol == "attention":
        place = replace(place, curves=None, networks=None)
    for stop in (7, 26):  # before the first test, and after the third
        seen = []
        assert not run_job([plan], place.work, keep_going=lambda: seen.append(0) is None and len(seen) < stop)
    run = find_kind(plan.protocol)(plan)
    run.train(lambda current: current.iteration < 33)
    assert collect_models(*run.state()) == []
    with pytest.raises(UserError, match="not finished"):
        run.finish()
    assert run_job([other], place.work)
    (row,) = train_models([other], place, resume=True, say=lambda line: None).rows
    assert row["seed"] == 1 and len(place.table.read()) == 1
    assert (place.work / f"{plan.name}.checkpoint").exists()
    assert not place.networks or {path.stem.partition("_at")[0] for path in place.networks.iterdir()} == {other.name}


def test_no_test_stream_of_a_flip_flop_is_a_training_stream(monkeypatch):
    keys = []
    monkeypatch.setattr("twm.tasks.flip_flop.draw_words", lambda key, *rest: keys.append(key) or draw_words(key, *rest))
    run, seen = FlipFlopTrainer(FLIP_FLOP), []
    for work in (run._measure, lambda: run.train(lambda current: current.iteration < 9), run.train, run.finish):
        keys.clear()
        work()
        seen.append(set(keys))
    chosen, trained, both, final = seen
    assert len(chosen) == len(trained) == 1 and both == chosen and len(final) == 2 and not final & (chosen | trained)
    assert chosen != trained


@pytest.mark.parametrize("plan", PLANS[3:], ids=lambda plan: plan.protocol)
def test_networks_of_the_comparison_are_scored_on_batches_that_they_did_not_see(plan, monkeypatch):
    drawn = []
    noted = lambda task, split, *rest: drawn.append(split) or draw_batch(task, split, *rest)
    monkeypatch.setattr("twm.training.trainer.draw_batch", noted)
    run = find_kind(plan.protocol)(plan)
    for work, split in ((run._measure, "test"), (run.train, "train"), (run.finish, "test")):
        work()
        assert set(drawn) == {split}
        drawn.clear()
