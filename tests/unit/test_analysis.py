"""`twm analyse`: any Elman checkpoint in, one line for everything that is wrong."""

import json
import os
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from twm.analysis.files import read_boundary
from twm.analysis.report import gather_subject, record_analyses
from twm.cli import main
from twm.errors import UserError
from twm.models.elman import construct_elman, read_weights, write_network, write_weights
from twm.paths import results_dir
from twm.records import read_rows
from twm.theory.bases import make_basis
from twm.theory.systems import make_repeat_copy, parse_task
from twm.training.loop import train_model
from twm.training.plans import ModelPlan, SequencePlan

HISTORY, DIM, HIDDEN = 4, 2, 14
TASK = f"repeat-copy:{HISTORY},{DIM}"


# A tanh network that repeats, though nobody trained it: standard basis, a gain that tanh holds.
WAVE = construct_elman(
    make_repeat_copy(HISTORY, DIM), make_basis(HISTORY * DIM, HIDDEN), "tanh", 0.3, 1.15, dtype=torch.float32
)


def write_wave_network(path, scale=1.0, **about):
    write_network(path, [torch.tensor(scale * matrix) for matrix in WAVE.get_matrices()], {"task": TASK} | about)


def wrap_network(bias=True):
    """Make what a user may have: a torch RNN, perhaps with biases, and a linear readout."""
    rnn, head = torch.nn.RNN(DIM, HIDDEN, bias=bias), torch.nn.Linear(HIDDEN, DIM, bias=bias)
    module = torch.nn.ModuleDict({"rnn": rnn, "head": head})
    ours = {"rnn.weight_hh_l0": WAVE.recurrent, "rnn.weight_ih_l0": WAVE.encoder, "head.weight": WAVE.readout}
    module.load_state_dict({name: ours.get(name, 0.01 * torch.ones_like(w)) for name, w in module.state_dict().items()})
    return module


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "rnn.pt"
    torch.save(wrap_network().state_dict(), path)
    return path


def run_json(arguments, capsys):
    assert main(["analyse", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("bias", [True, False])
def test_analyse_takes_a_plain_torch_network(tmp_path: Path, capsys, bias):
    path, picture = tmp_path / "rnn.pt", tmp_path / "picture.png"
    state = wrap_network(bias).state_dict()
    torch.save({"state_dict": state, "epoch": 3} if bias else state, path)
    found = run_json([path, "--task", TASK, "--figure", picture], capsys)
    assert found["rank"] == {"theory": 8, "network": 8} and found["hidden"] == HIDDEN and found["task"] == TASK
    assert found["linearised"] == ("at a fixed point" if bias else "at rest") and "argument_error" in found
    for figures in found["basis"].values():
        assert {"relative_error", "support_match", "encoding_r2", "condition"} <= set(figures)
    assert found["basis"]["regression"]["support_match"] == 1 and found["basis"]["regression"]["encoding_r2"] > 0.98
    for key, steps in (("interventions", [1, 2, 4, 8]), ("interventions_settled", [1, 8, 24, 100])):
        assert found[key] == {"changed": 1, "unchanged": 1, "steps": steps}
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_task_is_read_from_our_own_files(tmp_path: Path, capsys):
    path = tmp_path / "net.safetensors"
    write_wave_network(path, seed=3)
    assert main(["analyse", str(path)]) == 0
    out = capsys.readouterr().out
    assert "converged" in out and "theory 8" in out and "regression" in out
    assert run_json([path, "--task", "repeat-copy:2,2"], capsys)["converged"] is False
    assert main(["analyse", str(results_dir() / "networks" / "flip-flop-8_h100_l2-0_s0.safetensors")]) == 0
    assert "task flip-flop:8: nothing is said about variables" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [(lambda s: s.pop("rnn.weight_ih_l0"), "weight_ih_l0|found"), (lambda s: s.pop("head.weight"), "readout|(dim, 14)"),
     ({"more.weight": (DIM, HIDDEN)}, "one readout|more.weight (2, 14)"), ({"rnn.weight_hh_l0": (HIDDEN, 3)}, "square"),
     ({"rnn.weight_hh_l0": (4 * HIDDEN, HIDDEN)}, "weight_ih_l0 (14, 2)"), ({"rnn.weight_ih_l0": (DIM, HIDDEN)}, "weight_ih_l0 (2, 14)"),
     ({"two.weight_hh_l0": (2, 2)}, "--recurrent KEY"), (lambda s: s["rnn.weight_hh_l0"].fill_(torch.nan), "NaN"),
     (lambda s: s["rnn.weight_hh_l0"].mul_(0.1), "no slow mode"), ({"rnn.bias_hh_l0": (HIDDEN - 1,)}, "bias_hh_l0 (13,)"),
     (lambda s: s["rnn.weight_hh_l0"].mul_(1e30), "beyond 1e8"), ({"rnn.bn.running_mean": (3,)}, "running_mean normalises"),
     ({"rnn.h0": (HIDDEN - 1,)}, "14 numbers a layer"),
     (lambda s: s.update({"head.weight": s["head.weight"].to(torch.complex64)}), "floating")],
)  # fmt: skip
def test_networks_of_other_kinds_get_one_line_and_leave_nothing(checkpoint: Path, refused, change, words):
    state = wrap_network().state_dict()
    change(state) if callable(change) else state.update({name: torch.ones(size) for name, size in change.items()})
    torch.save(state, checkpoint)
    refused(words, "analyse", checkpoint, "--task", TASK)


@pytest.mark.parametrize(
    ("spoil", "arguments", "words"),
    [(Path.unlink, [], "no checkpoint"), (lambda path: path.write_bytes(b""), [], "no checkpoint"),
     (Path.exists, ["--task", "repeat-copy:2100,2"], "4200|at most"), (Path.exists, ["--task", "T1"], "2 inputs|T1 needs 8"),
     (Path.exists, ["--task", "T7"], "T7"), (Path.exists, ["--task", "fibonacci:4,2"], "signed selection"),
     (Path.exists, ["--seed", "-1"], "--seed|-1"),
     (Path.exists, ["--figure", "a.docx"], ".png"), (Path.exists, ["--figure", "nowhere/a.png"], "no such folder")],
)  # fmt: skip
def test_other_files_and_wrong_arguments_get_one_line_and_leave_nothing(checkpoint, refused, spoil, arguments, words):
    spoil(checkpoint)
    refused(words, "analyse", checkpoint, "--task", TASK, *arguments)


def test_files_that_hold_no_boundary_get_one_line(tmp_path: Path):
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "open.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00" + b"((((\n".rjust(118))
    np.save(tmp_path / "imaginary.npy", np.eye(2) * (1 + 1j))
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("empty.csv", "open.npy", "imaginary.npy", "pipe.csv", "none.csv"):
        with pytest.raises(UserError, match=f"{name} holds no boundary matrix"):
            read_boundary(str(tmp_path / name))
    (tmp_path / "with_bom.csv").write_text("\ufeff0,1\n1,0\n", encoding="utf-8")
    assert np.array_equal(read_boundary(str(tmp_path / "with_bom.csv")).matrix, [[0, 1], [1, 0]])


def test_every_saved_network_of_a_signed_selection_is_analysed(root: Path):
    known, names = ({row["network"] for row in read_rows(root / f"book/results/{name}.csv")} for name in ("analysis", "settled_basis")), {}
    for path in sorted((root / "book" / "results" / "networks").glob("*.safetensors")):
        tensors, about = read_weights(path)
        selects = re.match(r"T\d|repeat-copy:|random:", about.get("task", "")) and "network" not in about
        if selects and not re.search(r"_at\d+$", path.stem):  # equal weights are analysed once, under one of their names
            names.setdefault(tensors["weight_hh_l0"].numpy().tobytes(), set()).add(path.stem)
    assert names
    for analysed in known:
        assert not [own for own in names.values() if not own & analysed], "run `twm analyse --record`"


def test_records_go_on_where_they_stopped(clone: Path, capsys):
    folder, table = results_dir() / "networks", results_dir() / "analysis.csv"
    for name, scale in (("a", 1.0), ("b", 1.01), ("a_at20", 1.0), ("twin", 1.0)):
        write_wave_network(folder / f"{name}.safetensors", scale, l2=0.0, seed=0, accuracy=1.0, init="uniform")
    (folder / "broken.safetensors").write_text("no")
    save_file({"weight_kernel": torch.zeros(3)}, folder / "waves.safetensors", {"network": "wrnn"})
    assert record_analyses([folder / "a.safetensors"]) == 1
    first = read_rows(table)
    assert {row["network"] for row in first} == {"a"} and len(first) == 6
    (settled,) = read_rows(results_dir() / "settled_basis.csv")
    assert (settled["changed_100"], settled["wrong_signs"]) == ("1.0", "0")
    assert int(settled["cluster_least"]) == int(settled["cluster_most"]) == int(settled["rank_theory"]) / parse_task(settled["task"]).history
    assert main(["analyse", "--record"]) == 0
    told = capsys.readouterr().out
    assert "broken" in told and "no Elman networks: 1 file\n" in told and "twin: left out: these are the weights of a" in told
    rows = read_rows(table)
    assert rows[:6] == first and [row["network"] for row in rows[6:]] == ["b"] * 6
    assert record_analyses() == 0 and read_rows(table) == rows


def test_networks_are_taken_from_the_records_or_trained(clone):
    tests = {"horizons": (4,), "test_every": 10, "test_count": 4, "test_horizon": 6, "multiples": (1,)}
    plan = ModelPlan("repeat-copy:2,1", hidden=8, iterations=20, **tests)
    assert gather_subject(plan, reuse=True) is None
    trained, again = (gather_subject(plan, reuse=False) for _ in range(2))
    assert trained.task.name == "repeat-copy:2,1" and np.array_equal(again.system.recurrent, trained.system.recurrent)


@pytest.fixture
def gated(tmp_path: Path) -> Path:
    """An LSTM as `twm sweep bridge` leaves it, hardly trained."""
    path = tmp_path / "gated.safetensors"
    plan = SequencePlan("hds:6,repeat-copy:3,2", "lstm", 12, iterations=2, batch=4, test_every=1, test_count=4)
    write_weights(path, train_model(plan).weights, asdict(plan) | {"accuracy": 0.5})
    return path


def test_networks_of_other_kinds_are_analysed_by_what_can_be_run(gated: Path, capsys, refused):
    found = run_json([gated], capsys)
    assert found["task"] == "repeat-copy:3,2" and found["hidden"] == 24 and found["rank"]["theory"] == 6
    assert found["basis"]["of the step"]["encoding_r2"] < 0.9 and 0 <= found["interventions"]["changed"] < 0.95
    assert main(["analyse", str(gated)]) == 0
    told = capsys.readouterr().out
    assert "lstm, linearised along the orbit" in told and f"{found['accuracy']:.4f}" in told
    refused("2 outputs", "analyse", gated, "--task", "T1")
    refused("Elman networks", "analyse", gated, "--figure", "a.png")
    path, plan = gated.with_name("copy.safetensors"), SequencePlan("copy:0", "wrnn", 6, 2, iterations=1, batch=2)
    write_weights(path, train_model(plan).weights, asdict(plan))
    refused("copy:0", "analyse", path, "--task", "T1")
    assert run_json([path], capsys)["task"] is None
