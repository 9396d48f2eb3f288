"""Models as a page wants them: what is on record reads as what was trained, and small plans stand in for large ones."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from twm.errors import UserError
from twm.records import describe_rows
from twm.training.collections import measure_test_accuracy, read_sweep, remake_sweep, train_here
from twm.training.ensemble import Ensemble
from twm.training.jobs import run_job
from twm.training.plans import ModelPlan, check_plans
from twm.training.reduced import list_reduced_plans
from twm.training.results import CIRCUMSTANCES, train_model
from twm.training.runner import train_models
from twm.training.sweeps import HIDDEN_SIZES, L2_VALUES, SWEEPS, TASKS, find_sweep

TINY = ModelPlan(
    "repeat-copy:3,2", hidden=16, iterations=120, horizons=(5, 10, 20), test_every=40, test_count=50, test_horizon=40,
    learning_rate=3e-3, multiples=(1, 2), snapshots=(20,),
)  # fmt: skip
PLANS = [TINY, replace(TINY, seed=1, snapshots=())]
EARLY = f"{TINY.name}_at20"


def strip(rows):
    return [{key: value for key, value in row.items() if key not in CIRCUMSTANCES} for row in rows]


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture(scope="module")
def trained():
    return train_here(PLANS)


@pytest.fixture
def sweep(clone: Path, monkeypatch: pytest.MonkeyPatch):
    """A named sweep of two models in an empty clone, of which only the first one's network is kept."""
    plans = {"paper": [vars(TINY)]}
    tiny = replace(SWEEPS["table2"], name="tiny", seeds=(0, 1), plans=plans, keeps=lambda plan: plan.seed == 0)
    monkeypatch.setitem(SWEEPS, "tiny", tiny)
    return tiny


def record(sweep, plans):
    # Trained in this process; what leads a sweep then only has to take the results in.
    for plan in plans:
        assert run_job([plan], sweep.place().work)
    train_models(plans, sweep.place(), resume=True, say=lambda line: None)


def test_training_here_is_training_each_and_leaves_no_file(trained, clone):
    before, lines = sorted(clone.rglob("*")), []
    again = train_here(iter(PLANS[:1]), lines.append)
    assert lines == [f"{TINY.name}: accuracy {again.rows[0]['accuracy']:.3f}"]
    assert sorted(clone.rglob("*")) == before and strip(again.rows) == strip(trained.rows[:1])
    assert [row["model"] for row in trained.rows] == [plan.name for plan in PLANS]
    for plan, row in zip(PLANS, trained.rows):
        alone = train_model(plan)
        assert strip([row]) == strip([alone.row]) and trained.curves[plan.name] == alone.curve
        assert equal(trained.find_weights(plan.name), alone.weights)
    assert equal(trained.find_weights(EARLY), train_model(TINY).snapshots[20])
    assert not equal(trained.find_weights(EARLY), trained.find_weights(TINY.name))
    first, second = trained.rows
    points = trained.list_curves([second, first, {"model": "another"}])
    assert points == [*trained.curves[second["model"]], *trained.curves[first["model"]]] and len(points) > 10


def test_a_record_reads_as_what_was_trained(trained, sweep):
    nothing = read_sweep("tiny")
    assert not nothing and nothing.rows == [] and not nothing.curves and nothing.find_weights(TINY.name) is None
    assert "twm sweep tiny --resume" in nothing.about
    record(sweep, PLANS)
    models = read_sweep("tiny")
    assert models and strip(models.rows) == strip(trained.rows) and models.about == describe_rows(models.rows)
    # Numbers are numbers again, and an untested point has no test accuracy.
    assert dict(models.curves) == dict(trained.curves)
    tests = [point["test_accuracy"] for point in models.list_curves(models.rows[:1])]
    assert None in tests and any(isinstance(value, float) for value in tests)
    assert equal(models.find_weights(TINY.name), trained.find_weights(TINY.name))
    assert equal(models.find_weights(EARLY), trained.find_weights(EARLY))
    # The second network is not among those that the record keeps, and what was trained here is not looked for there.
    assert models.find_weights(PLANS[1].name) is None
    assert train_here(PLANS[1:]).find_weights(TINY.name) is None
    for found in (trained, models):
        again = measure_test_accuracy(found.find_weights(TINY.name), TINY.task, TINY.test_count, TINY.test_horizon)
        assert again == pytest.approx(found.rows[0]["accuracy"], abs=1e-6)
    assert measure_test_accuracy(trained.find_weights(EARLY), TINY.task, 50, 40) < trained.rows[0]["accuracy"]


def test_a_network_that_says_nothing_is_right_by_chance(trained):
    weights = trained.find_weights(TINY.name)
    silent = [torch.zeros_like(matrix) for matrix in weights]
    # Every output is zero, which counts as plus one: right where the target is positive.
    assert measure_test_accuracy(silent, TINY.task, 640, 20) == pytest.approx(0.5, abs=0.05)
    turned = weights._replace(readout=-weights.readout)
    right, wrong = (measure_test_accuracy(w, TINY.task, 64, 20) for w in (weights, turned))
    assert right + wrong == pytest.approx(1, abs=1e-6)
    for task in ("repeat-copy:3,3", "T9"):
        with pytest.raises(UserError):
            measure_test_accuracy(weights, task)


def test_damage_is_said(sweep):
    record(sweep, PLANS[:1])
    path = sweep.place().networks / f"{TINY.name}.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=TINY.name):
        read_sweep("tiny").find_weights(TINY.name)
    sweep.place().rows.write_text("model,speed\nT1,3\n", encoding="utf-8")
    with pytest.raises(UserError, match="another version"):
        read_sweep("tiny")
    with pytest.raises(UserError, match="unknown sweep 'table9'"):
        read_sweep("table9")


def test_remaking_takes_in_what_waits_and_trains_nothing_twice(sweep, trained):
    record(sweep, PLANS[:1])
    before = read_sweep("tiny").rows
    assert run_job(PLANS[1:], sweep.place().work)
    lines = []
    models = remake_sweep("tiny", "cpu", lines.append)
    assert strip(models.rows) == strip(trained.rows) and models.rows[:1] == before
    assert any(PLANS[1].name in line for line in lines)
    assert remake_sweep("tiny", "cpu", lines.append).rows == models.rows


def test_rows_are_described_by_their_first_and_last_circumstances():
    row = dict.fromkeys(Ensemble.columns) | {"seed": 0, "device": "cpu", "torch": "2", "commit": "a", "date": "2026-01-03"}
    assert describe_rows([row]) == "recorded 2026-01-03: 1 network, 1 seed\ncpu, torch 2, commit a"
    rows = [row, row | {"seed": 1, "commit": "b", "date": "2026-01-04"}, row | {"commit": "c", "date": "2026-01-05"}]
    for order in (rows, rows[::-1]):
        said = describe_rows(order)
        assert said == "recorded 2026-01-03 to 2026-01-05: 3 networks, 2 seeds\ncpu, torch 2, commit a to c"


# ---- reduced plans


@pytest.mark.parametrize("profile", ["smoke", "laptop"])
def test_reduced_plans_are_valid_and_of_names_of_their_own(profile):
    for name in ("table1", "table2", "curriculum", "initialisation"):
        plans = check_plans(list_reduced_plans(name, profile, 3))
        assert min(plan.seed for plan in plans) == 3
        assert len(check_plans([*plans, *list_reduced_plans(name, profile, 1000)])) == 2 * len(plans)
        full = find_sweep(name).list_plans("cpu")
        assert max(plan.iterations for plan in plans) < min(plan.iterations for plan in full) / 3
        # A reduced plan is never one of the record.
        assert not {plan.name for plan in list_reduced_plans(name, profile)} & {plan.name for plan in full}
    for name in ("copy", "ablation", "adding", "smnist", "psmnist", "bridge"):
        plans = check_plans(list_reduced_plans(name, profile, seed=3))
        assert all(plan.scale and plan.seed == 3 for plan in plans)
        # They need no download.
        assert all(plan.task.startswith(("copy", "adding", "hds:", "small-")) for plan in plans)
    assert list_reduced_plans("nscifar", profile) == []


@pytest.mark.parametrize("profile", ["smoke", "laptop"])
def test_reduced_plans_vary_what_the_sweep_varies(profile):
    cells = {(plan.task, plan.hidden, plan.l2) for plan in list_reduced_plans("table1", profile)}
    sizes = HIDDEN_SIZES[: 1 + (profile == "laptop")]
    assert cells >= {(task, hidden, l2) for task in TASKS for hidden in sizes for l2 in L2_VALUES}
    by_seed = {}
    for plan in list_reduced_plans("curriculum", profile):
        by_seed.setdefault(plan.seed, []).append(plan.curriculum)
    assert len(by_seed) >= 2 and all(sorted(rules) == ["adaptive", "none", "staged"] for rules in by_seed.values())
    starts = list_reduced_plans("initialisation", profile)
    assert [plan.init for plan in starts] == ["uniform", "gaussian"] * (len(starts) // 2)


def test_what_has_no_reduced_version_is_refused():
    with pytest.raises(UserError, match="'picture' has no reduced version: choose from table1"):
        list_reduced_plans("picture", "smoke")
    with pytest.raises(UserError, match="only smoke and laptop are reduced, not 'paper'"):
        list_reduced_plans("table1", "paper")
