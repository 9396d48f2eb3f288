"""A sweep that is killed, resumed, reordered, or meets bad files and a full disk ends with the same rows."""

import errno
import importlib.util
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from twm.cli import main
from twm.errors import UserError
from twm.models.elman import read_network
from twm.records import read_rows, read_tensors, write_rows, write_tensors
from twm.training.ensemble import Ensemble
from twm.training.loop import CIRCUMSTANCES, train_model
from twm.training.plans import ModelPlan, SequencePlan, parse_seeds, select_plans
from twm.training.runner import Outcome, Place, lock_place, make_folder_place, name_job, read_models, run_job, train_models
from twm.training.sweeps import SWEEPS, find_sweep, list_sweeps, read_sweep
from twm.training.workers import train_on_cluster

TINY = ModelPlan(
    "repeat-copy:3,2", hidden=16, iterations=400, horizons=(5, 10, 20), test_every=100, test_count=50, test_horizon=40, learning_rate=3e-3,
    multiples=(1, 2),
)  # fmt: skip
PLANS = [replace(TINY, seed=seed, l2=l2) for seed in (0, 1) for l2 in (0.0, 0.001)]


def train(plans: list[ModelPlan], place: Place | Path, say=lambda line: None, workers: int = 1, **settings) -> Outcome:
    """Train as the command does, on the CPU."""
    place = place if isinstance(place, Place) else make_folder_place(place)
    return train_models(plans, place, say=say, workers=workers, **settings)


def strip(rows: list[dict]) -> list[dict]:
    return [{key: value for key, value in row.items() if key not in CIRCUMSTANCES} for row in rows]


def read_place(folder: Path) -> tuple:
    """Return everything a sweep leaves that must not depend on its circumstances."""
    paths = sorted((folder / "networks").glob("*.safetensors"))
    weights = {path.name: [matrix.tobytes() for matrix in read_network(path)[0].get_matrices()] for path in paths}
    return strip(read_models(folder / "rows.csv")), read_rows(folder / "curves.csv"), weights


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sweep of PLANS, left alone."""
    folder = tmp_path_factory.mktemp("undisturbed")
    outcome = train(PLANS, folder, workers=2)
    assert not outcome.failed and not outcome.stopped
    return folder


@pytest.fixture(scope="module")
def expected(undisturbed: Path) -> list[dict]:
    """Its rows, without what may differ."""
    return strip(read_models(undisturbed / "rows.csv"))


def interrupt(plans: list[ModelPlan], place: Place, iterations: int, path: str | None = None) -> Path:
    """Train for a while in this process, and return the checkpoint that is left."""
    seen = []
    assert not run_job(plans, place.work, path=path, keep_going=lambda: seen.append(0) is None and len(seen) < iterations)
    return place.work / f"{name_job(plans)}.checkpoint"


def refuse(*arguments) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_rows_are_whole_and_seed_major_and_networks_carry_their_configuration(undisturbed: Path):
    rows = read_models(undisturbed / "rows.csv")
    assert list(rows[0]) == list(Ensemble.columns)
    assert [(row["seed"], row["l2"]) for row in rows] == [(0, 0.0), (0, 0.001), (1, 0.0), (1, 0.001)]
    assert all(row["accuracy"] and row["accuracy_2x"] and not row["accuracy_5x"] for row in rows)
    assert [path.name for path in (undisturbed / "unfinished").iterdir()] == [".lock"]
    network, about = read_network(undisturbed / "networks" / f"{PLANS[3].name}.safetensors")
    assert (network.hidden, network.dim) == (16, 2) and about["task"] == "repeat-copy:3,2" and about["l2"] == 0.001
    assert about["checkpoint"] == rows[3]["checkpoint"] and about["horizons"] == [5, 10, 20]


def test_a_model_comes_out_the_same_alone_in_another_order_and_in_this_process(undisturbed, expected, tmp_path):
    train([PLANS[3], PLANS[0]], tmp_path)
    here = train_model(PLANS[1])
    assert strip([*read_models(tmp_path / "rows.csv"), here.row]) == [expected[0], expected[3], expected[1]]
    kept, _ = read_network(undisturbed / "networks" / f"{PLANS[1].name}.safetensors")
    assert torch.equal(kept.recurrent.detach(), here.weights.recurrent)


# ---- killed


def list_members(group: int) -> list[int]:
    """Return the living processes of a process group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, leader = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:3]
        except OSError:
            continue
        if int(leader) == group and state != "Z":
            found.append(int(folder.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see the workers")
def test_killed_at_random_moments_it_ends_as_if_undisturbed(root: Path, tmp_path: Path):
    options = {"hidden": 16, "iterations": 1000, "learning_rate": 0.003}
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    plans = [ModelPlan("repeat-copy:3,2", seed=seed, **options) for seed in (0, 1)]
    train(plans, calm, workers=2)
    arguments = "train repeat-copy:3,2 --hidden 16 --seeds 0-1 --iterations 1000 --learning-rate 0.003 --resume"
    command = [sys.executable, "-m", "twm", *arguments.split(), "--checkpoint-seconds", "0.1", "--out", str(killed)]
    environment = os.environ | {"PYTHONPATH": str(root)}
    moments, reached = random.Random(0), 0
    for number in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM):
        # A shell starts background jobs with Ctrl-C ignored, and a test run may be one; the command itself must not be.
        run = subprocess.Popen(
            command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        stamp, deadline = newest_checkpoint(killed), time.monotonic() + 60
        while newest_checkpoint(killed) == stamp and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 0.2))
        if number == signal.SIGKILL:
            run.kill()
        else:
            # As `timeout` does it: to the group, and to the process once more. No worker dies of it before it kept its state.
            os.killpg(run.pid, number)
            run.send_signal(number)
        _, errors = run.communicate()
        gone = time.monotonic()
        assert run.returncode in (-number, 128 + number, 0), errors
        assert "Traceback" not in errors and "exit code" not in errors
        if run.returncode > 128:
            assert "--resume" in errors and not list((killed / "unfinished").glob(".*.checkpoint.*"))
        while list_members(run.pid) and time.monotonic() < gone + 10:
            time.sleep(0.02)
        assert time.monotonic() - gone < 2.0
        reached += run.returncode != 0
    assert reached >= 1
    done = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == read_models(killed / "rows.csv")
    assert read_place(killed) == read_place(calm)
    assert [path.name for path in (killed / "unfinished").iterdir()] == [".lock"]


def newest_checkpoint(folder: Path) -> float:
    """Return the latest time at which a checkpoint was written."""
    times = [0.0]
    for path in (folder / "unfinished").glob("*.checkpoint"):
        with suppress(OSError):
            times.append(path.stat().st_mtime)
    return max(times)


def test_results_that_were_left_are_recorded_first(expected: list[dict], tmp_path: Path):
    """The leader died after the worker had finished: nothing is trained again."""
    place, lines = make_folder_place(tmp_path), []
    assert run_job([PLANS[0]], place.work)
    (tmp_path / ".rows.csv.abcd1234").write_text("half a", encoding="utf-8")
    train(PLANS[:1], place, lines.append, resume=True)
    assert lines == [f"{PLANS[0].name} was finished and is now saved"]
    assert strip(read_models(place.rows)) == expected[:1] and not list(tmp_path.glob(".rows.csv.????????"))


def test_a_worker_that_dies_costs_its_model_a_line_and_the_others_nothing(tmp_path: Path):
    place, lines = make_folder_place(tmp_path), []
    long = replace(TINY, iterations=100_000, test_every=50_000, multiples=())
    short = [replace(TINY, seed=seed, iterations=20) for seed in (1, 2)]

    def kill() -> None:
        deadline = time.monotonic() + 60
        while not (place.work / f"{long.name}.checkpoint").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        # Children of this process that train: the resource tracker does not.
        for child in multiprocessing.active_children():
            if "SpawnProcess" in child.name:
                os.kill(child.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    outcome = train([long, *short], place, lines.append, checkpoint_seconds=0.1)
    thread.join()
    assert list(outcome.failed) == [long.name] and "exit code -9" in outcome.failed[long.name]
    assert [row["model"] for row in outcome.rows] == [plan.name for plan in short]
    assert sum("exit code" in line for line in lines) == 1 and (place.work / f"{long.name}.checkpoint").exists()


# ---- bad files, full disks, other versions


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a model in the middle."""
    return interrupt(PLANS[:1], make_folder_place(tmp_path_factory.mktemp("begun")), 250)


def write_as(path: Path, source: Path, **changes) -> bytes:
    tensors, description = read_tensors(source, "checkpoint")
    write_tensors(path, "checkpoint", tensors, description | changes)
    return path.read_bytes()


#: What the description of a checkpoint may say instead.
_ODD = {
    "odd": {"logs": 3}, "odd rows": {"results": [{"model": PLANS[0].name}], "logs": []}, "odd time": {"seconds": "x"},
    "far": {"iteration": 2.5}, "odd log": {"logs": [{"curve": None}]},
}  # fmt: skip


@pytest.mark.parametrize("damage", ["truncated", "changed", "empty", "another version", "another plan", *_ODD])
def test_a_damaged_checkpoint_is_set_aside_and_its_model_ends_the_same(begun, expected, tmp_path, damage):
    content, odd = begun.read_bytes(), tmp_path / "odd"
    contents = {
        "truncated": content[: len(content) // 2], "changed": content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
        "empty": b"", "another version": content.replace(b'"version":"1"', b'"version":"0"'), "another plan": content,
    } | {name: write_as(odd, begun, **changes) for name, changes in _ODD.items()}  # fmt: skip
    place, lines, number = make_folder_place(tmp_path), [], int(damage == "another plan")
    place.work.mkdir(parents=True)
    path = place.work / f"{PLANS[number].name}.checkpoint"
    path.write_bytes(broken := contents[damage])
    # As a worker does it.
    assert run_job([PLANS[number]], place.work, say=lines.append)
    assert len(lines) == 1 and "set aside" in lines[0] and path.name in lines[0]
    assert path.with_name(f"{path.name}.damaged").read_bytes() == broken
    assert strip(train([PLANS[number]], place, resume=True).rows) == [expected[number]]


def test_a_result_that_is_not_of_its_plan_is_set_aside_and_its_model_restarts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place, plan = make_folder_place(tmp_path), replace(TINY, iterations=20)
    run_job([plan], place.work)
    path, kept = place.work / f"{plan.name}.checkpoint", tmp_path / "kept"
    tensors, about = read_tensors(path.replace(kept), "checkpoint")
    cells = [{"seed": 5}, {"accuracy": "good"}, {"iterations": 21}]
    wrong = [(tensors, about | {"results": [about["results"][0] | cell]}) for cell in cells]
    wrong += [({key: spoil(value) if key.startswith("best") else value for key, value in tensors.items()}, about)
              for spoil in (lambda value: value * float("nan"), lambda value: value[:, :1])]  # fmt: skip
    monkeypatch.setattr("twm.training.runner.train_in_processes", lambda *arguments: (job for job in ()))
    for content in wrong:
        write_tensors(path, "checkpoint", *content)
        outcome = train([plan], place, (lines := []).append, resume=True)
        assert len(lines) == 1 and "set aside" in lines[0] and not outcome.rows and not path.exists()
    kept.replace(path)
    assert train([plan], place, resume=True).rows and len(list(place.work.glob("*.damaged*"))) == len(wrong)


@pytest.mark.parametrize("gone", ["curves.csv", f"{PLANS[0].name}.safetensors", "cut", "empty"])
def test_a_model_whose_curve_or_network_is_gone_is_trained_again(undisturbed: Path, tmp_path: Path, gone: str):
    place = make_folder_place(shutil.copytree(undisturbed, tmp_path / "run"))
    lost = {"curves.csv": lambda row: True, "cut": lambda row: int(row["iteration"]) > 200}.get(gone, lambda row: False)
    write_rows(place.curves, [row for row in read_rows(place.curves) if row["model"] != PLANS[0].name or not lost(row)])
    (place.networks / gone).unlink(missing_ok=True)
    if gone == "empty":
        (place.networks / f"{PLANS[0].name}.safetensors").write_bytes(b"")
    (foreign := place.networks / f".other.safetensors.{'0' * 8}").touch()  # which another sweep is writing
    train(PLANS, place, (lines := []).append, resume=True)
    where = {"cut": "curves.csv", "empty": "safetensors"}.get(gone, gone)
    assert len(lines) == 2 and where in lines[0] and "trained again" in lines[0]
    assert foreign.exists()
    foreign.unlink()
    assert read_place(tmp_path / "run") == read_place(undisturbed)


def test_a_full_disk_stops_no_training_and_loses_nothing(expected, tmp_path, monkeypatch):
    place, lines, written = make_folder_place(tmp_path), [], []

    def refuse_some(*arguments):
        written.append(0)
        # There is room for the last one.
        return refuse() if len(written) <= TINY.iterations + 1 else write_tensors(*arguments)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr("twm.training.runner.write_tensors", refuse)
        run_job(PLANS[:1], place.work, keep_going=lambda: False)  # asked to stop, it has nothing to go on from
    with monkeypatch.context() as patch:
        patch.setattr("twm.training.runner.write_tensors", refuse_some)
        assert run_job(PLANS[:1], place.work, checkpoint_seconds=1e-9, say=lines.append)
    assert lines and all("No space left" in line and "training continues" in line for line in lines)
    with monkeypatch.context() as patch:
        patch.setattr("twm.records.write_atomically", refuse)
        with pytest.raises(UserError, match="No space left.*--resume"):
            train(PLANS[:1], place, resume=True)
    assert (place.work / f"{PLANS[0].name}.checkpoint").exists() and not place.rows.exists()
    assert strip(train(PLANS[:1], place, resume=True).rows) == expected[:1]


def test_a_model_that_fails_or_cannot_be_recorded_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls, lines, place = [], [], make_folder_place(tmp_path)

    def refuse_once(*arguments):
        calls.append(0)
        return refuse() if len(calls) == 1 else write_rows(*arguments)

    monkeypatch.setattr("twm.records.write_rows", refuse_once)
    short = [replace(TINY, seed=seed, iterations=20) for seed in (0, 1, 2)]
    # A folder where the checkpoint's lock should be.
    (place.work / f".{short[0].name}.lock").mkdir(parents=True)
    outcome = train(short, place, lines.append)
    assert list(outcome.failed) == [plan.name for plan in short[:2]] and "No space left" in outcome.failed[short[1].name]
    assert [row["model"] for row in outcome.rows] == [short[2].name] and len(lines) == 3
    again = train(short[1:], place, resume=True)
    assert len(again.rows) == 2 and not again.failed


@pytest.mark.parametrize(("row", "word"), [
    ({"model": "T1", "seed": 0, "speed": 3}, "another version.*speed"), ({"task": "T2"}, "the task of .* is T2, not"),
    ({"seed": 7}, "the seed of .* is 7, not"), ({"l2": 0.5}, "the l2 of .* is 0.5, not"), ({"drop_at": 3}, "is 3, not None"),
    ({"iterations": 401}, "not in order"), ({"checkpoint": 401}, "not in order"), ({}, "two rows of one model"),
])  # fmt: skip
def test_a_table_that_does_not_fit_is_refused_before_anything_is_trained(undisturbed, tmp_path: Path, row: dict, word: str):
    place, rows = make_folder_place(tmp_path), read_models(undisturbed / "rows.csv")
    write_rows(place.rows, [row] if "speed" in row else [rows[0] | row, *rows[bool(row) :]])
    before = place.rows.read_bytes()
    with pytest.raises(UserError, match=word):
        train(PLANS[:1], place, resume=True)
    assert place.rows.read_bytes() == before


@pytest.mark.parametrize("name", ["rows.csv", "networks", "unfinished", ""])
def test_a_place_that_is_something_else_is_refused_before_anything_is_trained(tmp_path: Path, name: str):
    (tmp_path / name).mkdir() if "." in name else name and (tmp_path / name).write_text("x", encoding="utf-8")
    with pytest.raises(UserError, match="expected a|must name a folder"):
        train(PLANS[:1], make_folder_place(tmp_path if name else ""), resume=True)


def test_plans_that_differ_have_names_that_differ():
    assert ModelPlan("T1", l2=-0.0).name == ModelPlan("T1").name
    for plan, fields in ((TINY, "l2 learning_rate threshold stop_at"), (SequencePlan("copy:10"), "learning_rate clip")):
        names = {replace(plan, **{name: value}).name for name in fields.split() for value in (0.00012345671, 0.00012345678)}
        names |= {replace(plan, iterations=count).name for count in (1_000_000, 1_000_001, 1_000_002)}
        assert len(names) == 2 * len(fields.split()) + 3
    assert ModelPlan("T1", l2=1e-5, iterations=1_000_000).name == "T1_h128_l2-1e-05_s0_i1e+06", "as it was on record"


def test_a_second_sweep_is_kept_out(tmp_path: Path):
    place = make_folder_place(tmp_path)
    with lock_place(place), pytest.raises(UserError, match=f"process {os.getpid()}"):
        train(PLANS[:1], place)
    with lock_place(place):
        pass


# ---- side by side, and on a cluster


def test_side_by_side_gives_the_same_rows_to_rounding(undisturbed: Path, expected: list[dict], tmp_path: Path):
    """The GPU's way, run on the CPU: stopped in the middle, then resumed with one of its models already on record."""
    place, fresh = make_folder_place(tmp_path), tmp_path / "fresh"
    assert interrupt(PLANS, place, 150, "batched").exists()
    train(PLANS[:1], replace(place, work=tmp_path / "other"), resume=True)
    outcome = train(PLANS, place, resume=True, side_by_side=True)
    assert len(outcome.rows) == 4 and not list(place.work.glob("*.checkpoint"))
    for found, other in zip(outcome.rows, expected):
        assert found["model"] == other["model"] and found["rank_theory"] == other["rank_theory"]
        assert found["accuracy"] == pytest.approx(other["accuracy"], abs=0.05)
    train(PLANS, fresh, side_by_side=True)
    assert read_place(fresh)[0][1:] == read_place(tmp_path)[0][1:]


@pytest.mark.skipif(importlib.util.find_spec("submitit") is None, reason="submitit is not installed")
@pytest.mark.filterwarnings("default")
def test_jobs_of_a_cluster_leave_the_same_rows(expected, root, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]))
    here = partial(train_on_cluster, cluster="local", seconds=0.2)
    monkeypatch.setattr("twm.training.runner.train_on_cluster", here)
    outcome = train(PLANS[:2], tmp_path, executor="slurm")
    assert not outcome.failed and strip(outcome.rows) == expected[:2]


def test_a_cluster_without_submitit_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match="cluster"):
        train(PLANS[:1], tmp_path, executor="slurm")


# ---- the named sweeps


def test_table1_is_the_papers_and_balanced():
    plans = SWEEPS["table1"].list_plans("cpu")
    assert len(plans) == 20 * (24 + 9) and {plan.iterations for plan in plans} == {20_000}
    # The lower threshold matters where weight decay is weak or neurons are few, and only there a CPU spends time on it.
    lower = {(plan.task, plan.hidden, plan.l2) for plan in plans if plan.threshold == 0.9}
    tasks = ("T1", "T2", "T3", "T4")
    assert lower == {(task, hidden, 0.001) for task in tasks for hidden in (64, 128)} | {("T2", 64, 0)}
    assert {plan.threshold for plan in plans} == {0.98, 0.9}
    assert [plan.seed for plan in plans] == sorted(plan.seed for plan in plans)
    cells = {(plan.task, plan.hidden, plan.l2) for plan in plans}
    assert len(cells) == 24 and {(plan.task, plan.hidden, plan.l2) for plan in plans[:24]} == cells
    assert len(SWEEPS["table1"].list_plans("cuda")) == 960


def test_the_starts_that_are_compared_differ_in_nothing_else():
    plans = SWEEPS["initial-waves"].list_plans()
    assert len({plan.seed for plan in plans}) >= 10
    for task in {plan.task for plan in plans}:
        own = [plan for plan in plans if (plan.task, plan.seed) == (task, 0)]
        starts = {"uniform", "orthogonal", "identity", "wave", "wave-embedded", "wave-noisy"}
        assert starts <= {plan.init for plan in own}
        assert len({str({**plan.describe(), "init": ""}) for plan in own}) == 1
    assert {plan.task for plan in plans if plan.init == "wave-task"} == {"T2"}


def test_what_is_on_record_stays_in_its_sweep(root: Path):
    """Longer lists of models rename none that has been trained, and give up no network that is kept."""
    kept = {path.stem for path in (root / "book" / "results" / "networks").glob("*.safetensors")}
    for name in ("table1", "table2", "curriculum", "initialisation", "picture"):
        plans = {plan.name: plan for plan in SWEEPS[name].list_plans()}
        rows = [row["model"] for row in read_sweep(name).rows]
        assert rows and set(rows) <= set(plans)
        assert all(SWEEPS[name].keeps(plans[model]) for model in rows if model in kept)


def test_models_are_chosen_by_name_and_by_pattern():
    plans = SWEEPS["table1"].list_plans("cpu", [0, 1])
    names = [plan.name for plan in plans]
    assert [plan.name for plan in select_plans(plans, f"{names[40]}, {names[2]}")] == [names[2], names[40]]
    chosen = select_plans(plans, "T2_h64_l2-0_s*,T2_h64_l2-0_s0")
    assert [plan.name for plan in chosen] == [f"T2_h64_l2-0_s{seed}{rest}" for seed in (0, 1) for rest in ("", "_t0.9")]
    assert select_plans(plans, "*") == plans


def test_a_sweep_trained_in_parts_ends_as_one_trained_whole(clone, monkeypatch, capsys):
    cells = [replace(TINY, iterations=20, l2=l2) for l2 in (0.0, 0.001, 0.1)]
    for name in ("whole", "parts"):
        settings = {"seeds": (0, 1), "plans": {"paper": [vars(cell) for cell in cells]}, "keeps": lambda plan: plan.seed == 1}
        monkeypatch.setitem(SWEEPS, name, replace(SWEEPS["table2"], name=name, **settings))
    shared = ["--device", "cpu", "--workers", "1", "--json"]
    assert main(["sweep", "whole", *shared]) == 0
    capsys.readouterr()
    last = cells[2].name
    assert main(["sweep", "parts", "--only", f"{last},repeat-copy-3-2_h16_l2-0.001_*", "--seeds", "0", *shared]) == 0
    assert [row["l2"] for row in json.loads(capsys.readouterr().out)] == [0.001, 0.1]
    assert main(["sweep", "parts", "--only", "*_l2-0.1_*", *shared]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main(["sweep", "parts", "--only", "*_l2-0.1_*", "--resume", *shared]) == 0
    rows = read_models(SWEEPS["parts"].place().rows)
    # In the order of the whole sweep, not in that of the calls.
    assert [(row["seed"], row["l2"]) for row in rows] == [(0, 0.001), (0, 0.1), (1, 0.1)]
    assert main(["sweep", "parts", "--resume", *shared]) == 0
    assert strip(read_models(SWEEPS["parts"].place().rows)) == strip(read_models(SWEEPS["whole"].place().rows))
    results, others = clone / "book" / "results", clone / "_build" / "sweeps" / "whole" / "networks"
    assert (results / "curves" / "parts.csv").read_bytes() == (results / "curves" / "whole.csv").read_bytes()
    assert {path.stem for path in (results / "networks").iterdir()} == {replace(cell, seed=1).name for cell in cells}
    assert {path.stem for path in others.iterdir()} == {cell.name for cell in cells}


def test_every_sweep_has_models_with_names_of_their_own():
    names = [plan.name for sweep in SWEEPS.values() for plan in sweep.list_plans("cuda")]
    assert len(set(names)) == len(names)
    paper = {"iterations": 45_000, "drop_at": 36_000, "hidden": 128, "longest": 100, "batch": 64, "l2": 0.0}
    assert all(getattr(plan, name) == value for plan in SWEEPS["table2"].list_plans() for name, value in paper.items())


def test_the_list_tells_what_is_on_record_and_what_waits(clone: Path, capsys: pytest.CaptureFixture[str]):
    sweep = find_sweep("table2")
    plan = sweep.list_plans()[0]
    row = dict.fromkeys(Ensemble.columns) | {"model": plan.name, "task": "T1", "seed": 0, "seconds": 3600.0}
    write_rows(sweep.place().rows, [row], list(Ensemble.columns))
    listed = {entry["name"]: entry for entry in list_sweeps()}
    assert (listed["table2"]["on_record"], listed["table2"]["waiting"]) == (1, 5) and listed["table1"]["waiting"] == 660
    assert listed["table2"]["hours"] == 5 and listed["table1"]["hours"] is None
    assert main(["sweep", "--list", "--json", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out) == list(listed.values())
    write_rows(sweep.place().rows, [{"model": plan.name, "speed": 1}])
    assert main(["sweep", "--list", "--device", "cpu"]) == 0
    assert "another version" in capsys.readouterr().out


def test_seeds_are_read_or_refused():
    assert [parse_seeds(text) for text in ("3", "0-2", " 4, 7-8 ")] == [[3], [0, 1, 2], [4, 7, 8]]
    for text in ("", "-1", "1-", "0-99999", "1.5", "2-1", "1,1"):
        with pytest.raises(UserError, match="seed"):
            parse_seeds(text)
