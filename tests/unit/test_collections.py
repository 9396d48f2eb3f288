"""Models as a page wants them: what is on record reads as what was trained, and small plans stand in for large ones."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.conftest import refusals
from twm.records import describe_rows
from twm.training.loop import CIRCUMSTANCES, train_model
from twm.training.plans import ModelPlan, check_plans
from twm.training.runner import run_job, train_models
from twm.training.sweeps import (
    SWEEPS, Models, find_sweep, list_reduced_plans, measure_by_step, read_sweep, remake_sweep, train_here,
)  # fmt: skip
from twm.training.tables import PAPER_NUMBERS

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
    alone = train_model(TINY)
    assert strip(trained.rows[:1]) == strip([alone.row]) and trained.curves[TINY.name] == alone.curve
    assert equal(trained.find_weights(TINY.name), alone.weights)
    assert equal(trained.find_weights(EARLY), alone.snapshots[20])
    first, second = trained.rows
    points = trained.list_curves([second, first, {"model": "another"}])
    assert points == [*trained.curves[second["model"]], *trained.curves[first["model"]]] and len(points) > 10


def test_a_record_reads_as_what_was_trained(trained, sweep):
    nothing = read_sweep("tiny")
    assert not nothing and nothing.rows == [] and not nothing.curves and nothing.find_weights(TINY.name) is None
    assert "twm sweep tiny --resume" in nothing.about
    record(sweep, PLANS[:1])
    # What waits is taken in, and nothing is trained twice.
    assert run_job(PLANS[1:], sweep.place().work)
    models = remake_sweep("tiny", "cpu", lambda line: None)
    assert remake_sweep("tiny", "cpu", lambda line: None).rows == models.rows == read_sweep("tiny").rows
    assert models and strip(models.rows) == strip(trained.rows) and models.about == describe_rows(models.rows)
    # Numbers are numbers again, and an untested point has no test accuracy.
    assert dict(models.curves) == dict(trained.curves)
    assert None in [point["test_accuracy"] for point in models.list_curves(models.rows[:1])]
    assert all(equal(models.find_weights(name), trained.find_weights(name)) for name in (TINY.name, EARLY))
    # The second network is not among those that the record keeps, and what was trained here is not looked for there.
    assert models.find_weights(PLANS[1].name) is None
    assert train_here(PLANS[1:]).find_weights(TINY.name) is None
    again = measure_by_step(models.find_weights(TINY.name), TINY.task, TINY.test_count, TINY.test_horizon).mean()
    assert again == pytest.approx(models.rows[0]["accuracy"], abs=1e-6)
    assert measure_by_step(models.find_weights(EARLY), TINY.task, 50, 40).mean() < again


def test_rows_are_selected_by_every_column_and_described_by_their_first_and_last_circumstances():
    circumstances = {"device": "cpu", "torch": "2", "commit": "a"}
    cells = [(2, "T1", 3), (0, "T1", 4), (1, "T2", 5)]
    rows = [circumstances | {"seed": seed, "task": task, "date": f"2026-01-0{day}"} for seed, task, day in cells]
    assert Models(rows, {}, "").select(task="T1", device="cpu") == [rows[1], rows[0]]
    said = describe_rows([*rows[1:], rows[0] | {"commit": "b"}])
    assert said == "recorded 2026-01-03 to 2026-01-05: 3 networks, 3 seeds\ncpu, torch 2, commit b to a"


@pytest.mark.parametrize("profile", ["smoke", "laptop"])
def test_reduced_plans_are_small_none_of_the_records_and_need_no_download(profile):
    for name, sweep in SWEEPS.items():
        if not sweep.reduced:
            continue
        plans, full = list_reduced_plans(name, profile, 3), sweep.list_plans("cpu")
        assert not {plan.name for plan in list_reduced_plans(name, profile)} & {plan.name for plan in full}
        assert min((plan.seed for plan in plans), default=3) == 3 and (name == "nscifar") == (plans == [])
        check_plans([*plans, *list_reduced_plans(name, profile, 1000), TINY])
        if sweep.protocol == "sequence":
            assert all(plan.scale and plan.task.startswith(("copy", "adding", "hds", "small-")) for plan in plans)
        else:
            assert max(plan.iterations for plan in plans) < min(plan.iterations for plan in full) / 3
    cells = {(plan.task, plan.hidden, plan.l2) for plan in list_reduced_plans("table1", profile)}
    assert cells >= {(*cell,) for *cell, _, _ in PAPER_NUMBERS["table1"] if cell[1] == 64 or profile == "laptop"}
    rules = {(plan.seed, plan.curriculum) for plan in list_reduced_plans("curriculum", profile)}
    assert rules >= {(seed, rule) for seed in (0, 1) for rule in ("adaptive", "none", "staged")}


test_what_is_not_known_is_refused = refusals(
    (lambda: list_reduced_plans("picture", "smoke"), "'picture' has no reduced version: choose from table1"),
    (lambda: list_reduced_plans("table1", "paper"), "only smoke and laptop are reduced, not 'paper'"),
    (lambda: find_sweep("table9"), "unknown sweep 'table9'"),
    (lambda: Models([{"seed": 0}], {}, "").select(size=1, colour=2), "no column colour, size"),
)
