"""Training on sequences: the fast way equals torch's, a run that is stopped ends the same, and sweeps take both kinds."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from tests.conftest import refusals
from twm.cli import main
from twm.errors import UserError
from twm.models.elman import write_network
from twm.models.kernels import draw_weights
from twm.tasks.datasets import load_cifar10
from twm.tasks.images import make_image_task, parse_sequence_task
from twm.tasks.sequences import SOLVED_LOSS
from twm.training import sequence_model as model_module
from twm.training.loop import CIRCUMSTANCES, train_model
from twm.training.plans import ModelPlan, SequencePlan, restore_plan
from twm.training.runner import Place, make_folder_place, read_models, run_job, train_models
from twm.training.sequence_model import SequenceModel, SequenceRun, make_network, read_sequence_network
from twm.training.sweeps import ABLATIONS, SWEEPS, find_sweep, list_sweeps

TINY = SequencePlan(
    "copy:2", "wrnn", neurons=13, channels=2, iterations=60, batch=16, test_every=20, test_count=40, learning_rate=3e-3,
    snapshots=(0, 30), divisor=16,
)  # fmt: skip
#: One for each fast recurrence, for torch's layers, for each kind of readout and of task.
KINDS = [
    TINY,
    replace(TINY, channels=11, neurons=7),
    replace(TINY, network="irnn", channels=1, recurrent="identity", encoder="small", clip=0.01),
    replace(TINY, network="lstm", channels=1, recurrent=None, encoder=None),
    replace(TINY, network="lru", channels=1, recurrent=None, encoder=None),
    replace(TINY, task="adding:12", divisor=1.0, clip=1.0),
    replace(TINY, task="small-psmnist:7,100", mlp=5, activation="tanh"),
]


def strip(row: dict) -> dict:
    return {key: value for key, value in row.items() if key not in CIRCUMSTANCES}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return replace(make_folder_place(tmp_path), protocol="sequence")


# ---- the update


@pytest.mark.parametrize("plan", KINDS, ids=lambda plan: plan.name)
def test_iterations_are_torchs_own(plan):
    """The fast way and Adam written out, against autograd on the slow network, clip_grad_norm_ and torch.optim.Adam."""
    model = SequenceModel(plan)
    assert model.path == ("autograd" if plan.network in ("lstm", "lru") else "fast")
    task = parse_sequence_task(plan.task)
    network = make_network(plan, task)
    optimiser = torch.optim.Adam(network.parameters(), lr=plan.learning_rate)
    for iteration in range(1, 9):
        batch = task.draw_batch(plan.seed, iteration, plan.batch)
        answers = network(batch.inputs).outputs
        loss = task.measure_loss(answers if task.every_step else answers[-1], batch.targets)
        optimiser.zero_grad()
        (loss / plan.divisor).backward()
        if plan.clip:
            torch.nn.utils.clip_grad_norm_(network.parameters(), plan.clip)
        optimiser.step()
        assert float(model.step(batch)) == pytest.approx(float(loss.detach()), rel=1e-4)
    moved = 0.0
    for name, weight in network.named_parameters():
        start = dict(make_network(plan, task).named_parameters())[name]
        torch.testing.assert_close(model.split(model.weights)[name], weight.detach(), rtol=1e-3, atol=2e-5)
        moved = max(moved, float((weight - start).detach().abs().max()))
    assert moved > 1e-3


def test_a_wrong_recurrence_is_noticed_and_replaced_with_a_warning(monkeypatch):
    original = model_module.ShiftedProducts.differentiate
    scaled = lambda self, *slopes: {name: 1.01 * slope for name, slope in original(self, *slopes).items()}
    monkeypatch.setattr(model_module.ShiftedProducts, "differentiate", scaled)
    with pytest.warns(UserWarning, match="differs from float64 autograd"):
        model = SequenceModel(TINY)
    assert model.path == "autograd"
    model.step(model.task.draw_batch(0, 1, TINY.batch))


def test_tests_do_not_depend_on_the_size_of_batches():
    for plan in KINDS[:1] + KINDS[4:]:
        whole = SequenceModel(replace(plan, batch=45)).test(45)
        parts = SequenceModel(replace(plan, batch=7)).test(45)
        assert parts == pytest.approx(whole, rel=1e-5)


# ---- a run


def test_the_wave_rnn_learns_to_copy_and_the_log_says_so():
    plan = SequencePlan("copy:1", "wrnn", 30, 6, iterations=400, batch=32, test_every=100, test_count=200)
    row = train_model(plan).row
    assert list(row) == list(SequenceRun.columns)
    assert row["accuracy"] > 0.99 and row["loss"] < 0.05 and row["iterations_to_99"] in (100, 200, 300, 400)
    assert row["steps"] == 21 and row["hidden"] == 180 and row["solved_at"] is None


def test_solved_is_the_first_look_with_a_small_training_loss():
    options = {"iterations": 600, "batch": 32, "test_every": 600, "test_count": 32, "learning_rate": 1e-2}
    run, losses = SequenceRun([SequencePlan("adding:4", "wrnn", 8, 4, **options)]), {}
    original = run.model.step
    run.model.step = lambda batch, rate: losses.setdefault(run.iteration, original(batch, rate).clone())
    run.train()
    looked = [iteration for iteration in range(100, 601, 100) if float(losses[iteration]) <= SOLVED_LOSS]
    assert looked and run.logs[0].notes["solved_at"] == looked[0]


def test_the_test_set_is_seen_once_where_the_best_test_is_chosen_by_what_is_held_out():
    plan = replace(TINY, held_out=24, learning_rate=3e-2, snapshots=(20, 40, 60))
    found, model = train_model(plan), SequenceModel(plan)
    network = make_network(plan, model.task)
    scores = {}
    for at, weights in found.snapshots.items():
        model.weights.copy_(torch.cat([weights[name].reshape(-1) for name, _ in network.named_parameters()]))
        scores[at] = model.test(24, "held")["accuracy"], model.test(40)["accuracy"]
    best = found.row["checkpoint"]
    assert scores[best][0] == max(held for held, _ in scores.values()) == pytest.approx(found.row["accuracy_held"], abs=1e-6)
    assert (found.row["accuracy"], found.row["accuracy_final"]) == pytest.approx((scores[best][1], scores[60][1]), abs=1e-6)
    with pytest.raises(UserError, match="none can be held out"):
        train_model(replace(TINY, task="small-smnist:7", held_out=9))


def test_training_ends_when_tests_no_longer_get_better():
    still = replace(TINY, iterations=200, test_every=10, learning_rate=1e-12, patience=3)
    ends = {plan.patience: train_model(plan).row for plan in (still, replace(still, patience=0))}
    assert [(ends[key]["checkpoint"], ends[key]["iterations"]) for key in (3, 0)] == [(10, 40), (10, 200)]
    learns = train_model(replace(still, learning_rate=1e-2, iterations=2000)).row
    assert 40 < learns["iterations"] == learns["checkpoint"] + 30


def test_a_network_that_diverges_ends_there():
    plan = replace(TINY, learning_rate=1e30, iterations=100)
    row = train_model(plan).row
    assert row["diverged_at"] == row["iterations"] == 20 and row["checkpoint"] == 0 and row["loss"] is None


@pytest.mark.parametrize("plan", [KINDS[0], *KINDS[3:]], ids=lambda plan: plan.name)
def test_stopped_anywhere_it_ends_the_same(plan, place):
    whole = train_model(plan)
    for stop in (7, 45):
        seen = []
        keep_going = lambda: seen.append(0) is None and len(seen) < stop
        assert not run_job([plan], place.work, keep_going=keep_going)
    assert run_job([plan], place.work)
    (row,) = train_models([plan], place, resume=True, say=lambda line: None).rows
    # An empty text and none are one cell.
    assert strip(row) == strip(whole.row) | {"init": plan.recurrent or "", "encoder": plan.encoder or ""}
    network, found, about = read_sequence_network(place.networks / f"{plan.name}.safetensors")
    assert found == plan and about["checkpoint"] == whole.row["checkpoint"]
    assert all(torch.equal(weight, whole.weights[name]) for name, weight in network.named_parameters())
    early, _, about = read_sequence_network(place.networks / f"{plan.name}_at0.safetensors")
    start = make_network(plan, plan.make_task())
    assert about["checkpoint"] == 0 and all(torch.equal(a, b) for a, b in zip(early.parameters(), start.parameters()))


# ---- sweeps


def test_a_place_takes_models_of_its_own_kind_alone(place, tmp_path):
    with pytest.raises(UserError, match="other columns"):
        train_models([ModelPlan("repeat-copy:3,2", hidden=16)], place, say=lambda line: None)
    with pytest.raises(UserError, match="other columns"):
        train_models([TINY], make_folder_place(tmp_path / "elman"), say=lambda line: None)


def test_missing_images_are_told_before_anything_is_trained(place, monkeypatch, tmp_path):
    for name in ("TWM_DATA_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    load_cifar10.cache_clear()
    make_image_task.cache_clear()
    with pytest.raises(UserError, match="cifar10_jpeg.npz"):
        train_models([TINY, replace(TINY, task="nscifar:8,20,100")], place, say=lambda line: None)
    assert not place.rows.exists() and not list(place.work.glob("*.checkpoint"))


def test_a_named_sweep_trains_both_profiles_into_its_table(clone, monkeypatch, capsys):
    short = replace(TINY, iterations=3, test_every=3, snapshots=())
    sweep = replace(
        SWEEPS["copy"], name="tiny", seeds=(0, 1), keeps=lambda plan: plan.seed == 0,
        plans={"laptop": [vars(short)], "paper": [vars(replace(short, clip=1.0)) | {"seeds": (0,)}]},
    )  # fmt: skip
    monkeypatch.setitem(SWEEPS, "tiny", sweep)
    assert main(["sweep", "tiny", "--device", "cpu", "--workers", "1", "--json"]) == 0
    assert [row["seed"] for row in json.loads(capsys.readouterr().out)] == [0, 1]
    assert main(["sweep", "tiny", "--device", "cpu", "--profile", "paper", "--workers", "1", "--resume"]) == 0
    rows = read_models(clone / "book" / "results" / "tiny.csv", "sequence")
    assert [(row["seed"], row["clip"]) for row in rows] == [(0, 1), (0, 0), (1, 0)]
    assert len(list((clone / "book" / "results" / "networks").iterdir())) == 2
    (listed,) = [entry for entry in list_sweeps() if entry["name"] == "tiny"]
    assert (listed["on_record"], listed["waiting"], listed["whole_seeds"]) == (2, 0, [0, 1])


def test_sweeps_are_seed_major_and_the_papers():
    for sweep in (sweep for sweep in SWEEPS.values() if sweep.protocol == "sequence"):
        for profile in ("laptop", "paper"):
            plans = sweep.list_plans(profile=profile)
            assert [plan.seed for plan in plans] == sorted(plan.seed for plan in plans)
            assert len({plan.name for plan in plans}) == len(plans)
            # What is smaller than in the paper says so; the bridge and cells are in no paper, and encoder is small in both profiles.
            whole = plans if sweep.name in ("bridge", "cells") else sweep.list_plans(profile="paper")
            whole = [] if sweep.name == "encoder" else whole
            whole = {replace(plan, seed=0).name for plan in whole}
            assert all(bool(plan.scale) != (replace(plan, seed=0).name in whole) for plan in plans)
    copy = find_sweep("copy").list_plans(profile="paper")
    assert {plan.task for plan in copy} == {f"copy:{wait}" for wait in (0, 10, 30, 80, 480)}
    rates = {(plan.learning_rate, plan.clip) for plan in copy}
    assert rates == {(rate, clip) for rate in (1e-2, 1e-3, 1e-4) for clip in (0.0, 1.0, 10.0)}
    sizes = {(plan.network, plan.neurons, plan.channels) for plan in copy}
    assert sizes == {("wrnn", 100, 6), ("irnn", 100, 1), ("irnn", 625, 1)}
    assert {(plan.iterations, plan.batch) for plan in copy} == {(60_000, 128)}
    assert len(ABLATIONS) == 7 and len(find_sweep("ablation").list_plans(profile="laptop")) == 7 * 3 * (2 + 3)


def test_the_device_chooses_the_profile_unless_told():
    sweep = find_sweep("adding")
    assert sweep.list_plans("cpu") == sweep.list_plans(profile="laptop")
    assert sweep.list_plans("cuda") == sweep.list_plans(profile="paper")
    wrong = (sweep, {"profile": "smoke"}, "laptop, paper"), (sweep, {"seeds": [7]}, "seeds 0, 1, 2")
    for each, options, says in (*wrong, (find_sweep("table1"), {"profile": "laptop"}, "--profile laptop")):
        with pytest.raises(UserError, match=says):
            each.list_plans(**options)


# ---- plans


def test_a_plan_goes_through_json_and_its_name_tells_it_apart():
    for plan in KINDS:
        told = json.loads(json.dumps(plan.describe()))
        # Networks on record do not speak of images held out, nor of an early end.
        older = {key: value for key, value in told.items() if key not in ("held_out", "patience")}
        assert restore_plan(SequencePlan, told) == restore_plan(SequencePlan, older) == plan
    changes = {
        "task": "copy:3", "neurons": 14, "channels": 3, "kernel": 5, "recurrent": "random", "encoder": "dense", "activation": "tanh",
        "mlp": 4, "seed": 1, "iterations": 61, "batch": 17, "learning_rate": 1e-3, "drop_at": 5, "drop_factor": 0.5, "clip": 1.0,
        "divisor": 1.0, "test_every": 21, "test_count": 41, "held_out": 5,
        "patience": 2,
    }  # fmt: skip
    names = {replace(TINY, **{key: value}).name for key, value in changes.items()}
    assert len(names) == len(changes) and TINY.name not in names
    assert set(changes) | {"network", "snapshots", "scale"} == {field.name for field in fields(SequencePlan)}


test_wrong_plans_are_one_line = refusals(
    (lambda: replace(TINY, network="rnn"), "wrnn, irnn, lstm, gru"),
    (lambda: replace(TINY, network="irnn"), "channels"), (lambda: replace(TINY, clip=-1.0), "clip"),
    (lambda: replace(TINY, recurrent="wave"), "shift, identity, random"),
    (lambda: replace(TINY, snapshots=(3, 3)), "snapshots"),
)  # fmt: skip


def test_another_networks_file_is_refused(tmp_path):
    write_network(tmp_path / "elman.safetensors", draw_weights(2, 4), {"task": "T1"})
    (tmp_path / "broken.safetensors").write_bytes(b"x")
    words = {"elman": "not a network trained on sequences", "broken": "not a trained network", "none": "none"}
    for name, word in words.items():
        with pytest.raises(UserError, match=word):
            read_sequence_network(tmp_path / f"{name}.safetensors")
