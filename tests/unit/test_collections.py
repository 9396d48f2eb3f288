"""Models as a page wants them: what is on record reads as what was trained, and small plans stand in for large ones."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from twm.errors import UserError
from twm.models.elman import read_network
from twm.records import describe_rows
from twm.training import tables as table1
from twm.training.collections import measure_test_accuracy, read_sweep, remake_sweep, train_here
from twm.training.jobs import run_job
from twm.training.plans import ModelPlan, check_plans
from twm.training.reduced import list_reduced_plans
from twm.training.results import CIRCUMSTANCES, MODEL_COLUMNS, train_model
from twm.training.runner import train_models
from twm.training.sweeps import SWEEPS, find_sweep

TINY = ModelPlan(
    "repeat-copy:3,2", hidden=16, iterations=120, horizons=(5, 10, 20), test_every=40, test_count=50, test_horizon=40,
    learning_rate=3e-3, multiples=(1, 2), snapshots=(20,),
)  # fmt: skip
PLANS = [TINY, replace(TINY, seed=1, snapshots=())]
REDUCED = [(name, profile) for name in ("table1", "table2", "curriculum", "initialisation") for profile in ("smoke", "laptop")]  # fmt: skip


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
    tiny = replace(
        SWEEPS["table2"], name="tiny", seeds=(0, 1), cells=lambda device: [TINY], keeps=lambda plan: plan.seed == 0
    )
    monkeypatch.setitem(SWEEPS, "tiny", tiny)
    return tiny


def record(sweep, plans):
    # Trained in this process; what leads a sweep then only has to take the results in.
    for plan in plans:
        assert run_job([plan], sweep.place().work)
    train_models(plans, sweep.place(), resume=True, say=lambda line: None)


# ---- trained on the spot


def test_training_here_is_training_each(trained):
    assert [row["model"] for row in trained.rows] == [plan.name for plan in PLANS]
    for plan, row in zip(PLANS, trained.rows):
        alone = train_model(plan)
        assert strip([row]) == strip([alone.row]) and trained.curves[plan.name] == alone.curve
        assert equal(trained.find_weights(plan.name), alone.weights)
    assert equal(trained.find_weights(f"{TINY.name}_at20"), train_model(TINY).snapshots[20])
    assert not equal(trained.find_weights(f"{TINY.name}_at20"), trained.find_weights(TINY.name))


def test_what_was_trained_here_is_never_looked_for_on_record(trained, sweep):
    record(sweep, PLANS[:1])
    alone = train_here(PLANS[1:])
    assert read_sweep("tiny").find_weights(TINY.name) is not None
    assert alone.find_weights(TINY.name) is None and alone.find_weights(f"{PLANS[1].name}_at20") is None


def test_training_here_tells_of_each_model_and_leaves_no_file(clone):
    lines, before = [], sorted(clone.rglob("*"))
    models = train_here(iter([replace(TINY, iterations=5)]), lines.append)
    assert lines == [f"{models.rows[0]['model']}: accuracy {models.rows[0]['accuracy']:.3f}"]
    assert sorted(clone.rglob("*")) == before


def test_curves_of_rows_follow_one_another(trained):
    first, second = trained.rows
    points = trained.list_curves([second, first])
    assert points == [*trained.curves[second["model"]], *trained.curves[first["model"]]] and len(points) > 10
    assert {point["model"] for point in points} == {first["model"], second["model"]}
    assert trained.list_curves([{"model": "another"}]) == []


# ---- on record


def test_without_a_record_there_is_nothing_and_the_command_is_named(sweep):
    models = read_sweep("tiny")
    assert not models and models.rows == [] and not models.curves
    assert "twm sweep tiny --resume" in models.about
    assert models.find_weights(TINY.name) is None


def test_a_record_reads_as_what_was_trained(trained, sweep):
    record(sweep, PLANS)
    models = read_sweep("tiny")
    assert models and strip(models.rows) == strip(trained.rows)
    # Numbers are numbers again, and an untested point has no test accuracy.
    assert dict(models.curves) == dict(trained.curves)
    tests = [point["test_accuracy"] for point in models.list_curves(models.rows[:1])]
    assert None in tests and any(isinstance(value, float) for value in tests)
    assert equal(models.find_weights(TINY.name), trained.find_weights(TINY.name))
    assert equal(models.find_weights(f"{TINY.name}_at20"), trained.find_weights(f"{TINY.name}_at20"))
    # The second network is not among those that the record keeps.
    assert models.find_weights(PLANS[1].name) is None
    assert models.about == describe_rows(models.rows)


def test_a_damaged_network_is_said(sweep):
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


# ---- measured again


def test_measuring_again_gives_the_rows_accuracy(trained, sweep):
    record(sweep, PLANS[:1])
    for models in (trained, read_sweep("tiny")):
        again = measure_test_accuracy(models.find_weights(TINY.name), TINY.task, TINY.test_count, TINY.test_horizon)
        assert again == pytest.approx(models.rows[0]["accuracy"], abs=1e-6)
    other = measure_test_accuracy(trained.find_weights(f"{TINY.name}_at20"), TINY.task, 50, 40)
    assert other < trained.rows[0]["accuracy"]


def test_a_network_that_says_nothing_is_right_by_chance(trained):
    weights = trained.find_weights(TINY.name)
    silent = [torch.zeros_like(matrix) for matrix in weights]
    # Every output is zero, which counts as plus one: right where the target is positive.
    assert measure_test_accuracy(silent, TINY.task, 640, 20) == pytest.approx(0.5, abs=0.05)
    turned = weights._replace(readout=-weights.readout)
    right, wrong = (measure_test_accuracy(w, TINY.task, 64, 20) for w in (weights, turned))
    assert right + wrong == pytest.approx(1, abs=1e-6)
    with pytest.raises(UserError):
        measure_test_accuracy(weights, "repeat-copy:3,3")
    with pytest.raises(UserError):
        measure_test_accuracy(weights, "T9")


# ---- said in a line


def test_rows_are_described_by_their_first_and_last_circumstances():
    row = dict.fromkeys(MODEL_COLUMNS) | {"seed": 0, "device": "cpu", "torch": "2", "commit": "a", "date": "2026-01-03"}
    alone = describe_rows([row])
    assert alone == "recorded 2026-01-03: 1 network, 1 seed\ncpu, torch 2, commit a"
    rows = [row, row | {"seed": 1, "commit": "b", "date": "2026-01-04"}, row | {"commit": "c", "date": "2026-01-05"}]
    for order in (rows, rows[::-1]):
        said = describe_rows(order)
        assert said == "recorded 2026-01-03 to 2026-01-05: 3 networks, 2 seeds\ncpu, torch 2, commit a to c"


# ---- reduced plans


@pytest.mark.parametrize(("name", "profile"), REDUCED)
def test_reduced_plans_are_valid_and_of_names_of_their_own(name, profile):
    plans = check_plans(list_reduced_plans(name, profile, 3))
    assert min(plan.seed for plan in plans) == 3
    others = check_plans([*plans, *list_reduced_plans(name, profile, 1000)])
    assert len(others) == 2 * len(plans)
    full = find_sweep(name).list_plans("cpu")
    assert max(plan.iterations for plan in plans) < min(plan.iterations for plan in full) / 3
    # At most a row of the record with the same name would be the same model; a reduced plan is never one.
    assert not {plan.name for plan in list_reduced_plans(name, profile)} & {plan.name for plan in full}


def test_reduced_plans_vary_what_the_sweep_varies():
    for profile in ("smoke", "laptop"):
        cells = {(plan.task, plan.hidden, plan.l2) for plan in list_reduced_plans("table1", profile)}
        wanted = {(task, hidden, l2) for task in table1.TASKS for hidden in (64, 128)[: 1 + (profile == "laptop")] for l2 in table1.L2_VALUES}  # fmt: skip
        assert wanted <= cells
        by_seed = {}
        for plan in list_reduced_plans("curriculum", profile):
            by_seed.setdefault(plan.seed, []).append(plan.curriculum)
        assert len(by_seed) >= 2 and all(sorted(rules) == ["adaptive", "none", "staged"] for rules in by_seed.values())
        starts = list_reduced_plans("initialisation", profile)
        assert [plan.init for plan in starts] == ["uniform", "gaussian"] * (len(starts) // 2)
        assert all(plan.drop_at < plan.iterations for plan in list_reduced_plans("table2", profile))
    tight = [plan for plan in list_reduced_plans("table1", "smoke") if plan.hidden == plan.system.size]
    assert {plan.task for plan in tight} >= {"T1", "repeat-copy:4,4"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("picture", "smoke"), "'picture' has no reduced version"),
        (("table9", "laptop"), "choose from table1"),
        (("table1", "paper"), "not 'paper'"),
        (("table1", "tiny"), "only smoke and laptop"),
        (("table1", "smoke", -1), "seed"),
    ],
)
def test_what_has_no_reduced_version_is_refused(arguments, says):
    with pytest.raises(UserError, match=says):
        list_reduced_plans(*arguments)


def test_recorded_networks_are_read_in_the_kernels_layout(sweep):
    record(sweep, PLANS[:1])
    weights = read_sweep("tiny").find_weights(TINY.name)
    assert [tuple(matrix.shape) for matrix in weights] == [(16, 16), (16, 2), (2, 16)]
    network, about = read_network(sweep.place().networks / f"{TINY.name}.safetensors")
    assert equal(weights, map(torch.as_tensor, network.get_matrices())) and about["task"] == TINY.task
