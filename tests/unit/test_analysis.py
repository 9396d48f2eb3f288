"""`twm analyse`: any Elman checkpoint in, one line for everything that is wrong."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from twm.analysis.recovery import as_system
from twm.analysis.report import analyse_network, list_networks, read_checkpoint, record_analyses
from twm.cli import main
from twm.models.elman import construct_elman, write_network
from twm.records import read_rows
from twm.theory.bases import make_basis
from twm.theory.systems import make_repeat_copy, parse_task
from twm.training.plans import SequencePlan
from twm.training.results import train_model
from twm.training.sequence_results import write_sequence_network

from tests.conftest import list_files

HISTORY, DIM, HIDDEN = 4, 2, 14


def make_wave_network(gain=1.15):
    """A tanh network that repeats, though nobody trained it: standard basis, a gain that tanh holds."""
    return construct_elman(
        make_repeat_copy(HISTORY, DIM), make_basis(8, HIDDEN), "tanh", 0.3, gain, dtype=torch.float32
    )


class Wrapped(torch.nn.Module):
    """What a user may have: a torch RNN with biases and a linear readout."""

    def __init__(self, bias=True, network=None):
        super().__init__()
        self.rnn = torch.nn.RNN(DIM, HIDDEN, bias=bias)
        self.head = torch.nn.Linear(HIDDEN, DIM, bias=bias)
        network = network or make_wave_network()
        with torch.no_grad():
            self.rnn.weight_hh_l0.copy_(network.recurrent)
            self.rnn.weight_ih_l0.copy_(network.encoder)
            self.head.weight.copy_(network.readout)
            for name, parameter in self.named_parameters():
                if "bias" in name:
                    parameter.copy_(0.01 * torch.ones_like(parameter))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "rnn.pt"
    torch.save(Wrapped().state_dict(), path)
    return path


def test_a_torch_state_dict_runs_as_torch_runs_it(checkpoint: Path):
    module = Wrapped()
    inputs = torch.randn(6, 3, DIM)
    system = read_checkpoint(checkpoint).system
    states = system.run(np.zeros((3, HIDDEN)), 0, inputs.double().numpy())
    expected = module.rnn(inputs)[0]
    assert np.abs(states - expected.detach().numpy()).max() < 1e-6
    assert np.abs(system.read(states) - module.head(expected).detach().numpy()).max() < 1e-6


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("wrap", [True, False])
def test_analyse_takes_a_plain_torch_network(tmp_path: Path, capsys, bias, wrap):
    path, picture = tmp_path / "rnn.pt", tmp_path / "picture.png"
    state = Wrapped(bias).state_dict()
    torch.save({"state_dict": state, "epoch": 3} if wrap else state, path)
    assert (
        main(["analyse", str(path), "--task", f"repeat-copy:{HISTORY},{DIM}", "--json", "--figure", str(picture)]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    keys = {"task", "hidden", "rank", "argument_error", "basis", "interventions"}
    assert keys <= set(found)
    assert found["rank"] == {"theory": 8, "network": 8} and found["hidden"] == HIDDEN
    assert found["linearised"] == ("at a fixed point" if bias else "at rest")
    for figures in found["basis"].values():
        assert {"relative_error", "support_match", "encoding_r2", "condition"} <= set(figures)
    assert found["basis"]["regression"]["support_match"] == 1 and found["basis"]["regression"]["encoding_r2"] > 0.98
    assert found["interventions"]["changed"] == found["interventions"]["unchanged"] == 1
    assert found["interventions"]["steps"][0] == 1
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_task_is_read_from_our_own_files(tmp_path: Path, capsys):
    network = make_wave_network()
    path = tmp_path / "net.safetensors"
    write_network(
        path,
        network.get_matrices_as_weights()
        if hasattr(network, "get_matrices_as_weights")
        else [torch.tensor(m) for m in network.get_matrices()],
        {"task": f"repeat-copy:{HISTORY},{DIM}", "seed": 3},
    )
    assert main(["analyse", str(path)]) == 0
    out = capsys.readouterr().out
    assert "converged" in out and "theory 8" in out and "regression" in out
    assert main(["analyse", str(path), "--task", "repeat-copy:2,2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["converged"] is False


def corrupt(path: Path):
    path.write_bytes(path.read_bytes()[:300])


def other(change):
    def write(path: Path):
        state = dict(Wrapped().state_dict())
        change(state)
        torch.save(state, path)

    return write


@pytest.mark.parametrize(
    ("spoil", "arguments", "words"),
    [
        (corrupt, [], ["rnn.pt", "damaged"]),
        (lambda path: path.unlink(), [], ["no checkpoint"]),
        (lambda path: path.write_text("hello"), [], ["damaged"]),
        (lambda path: torch.save([1, 2], path), [], ["state dict"]),
        (other(lambda s: s.pop("rnn.weight_ih_l0")), [], ["weight_ih_l0", "found"]),
        (other(lambda s: s.pop("head.weight")), [], ["readout", "(2, 14)"]),
        (other(lambda s: s.update({"more.weight": torch.ones(DIM, HIDDEN)})), [], ["one readout"]),
        (other(lambda s: s.update({"rnn.weight_hh_l0": torch.ones(4 * HIDDEN, HIDDEN)})), [], ["LSTM"]),
        (other(lambda s: s.update({"rnn.weight_hh_l0": torch.ones(HIDDEN, 3)})), [], ["square"]),
        (other(lambda s: s["rnn.weight_hh_l0"].fill_(float("nan"))), [], ["NaN"]),
        (other(lambda s: s.update({"rnn.weight_hh_l1": torch.ones(2, 2)})), [], ["one layer"]),
        (other(lambda s: s["rnn.weight_hh_l0"].mul_(0.1)), [], ["keeps nothing"]),
        (lambda path: None, ["--task", "T1"], ["2 inputs", "dim 8"]),
        (lambda path: None, ["--task", "T7"], ["T7"]),
        (lambda path: None, ["--task", "fibonacci:4,2"], ["signed selection"]),
        (lambda path: None, ["--seed", "-1"], ["--seed", "-1"]),
        (lambda path: path.write_bytes(b""), [], ["damaged"]),
        (other(lambda s: s["rnn.weight_ih_l0"].mul_(float("inf"))), [], ["infinite"]),
        (other(lambda s: s.update({"rnn.bias_hh_l0": torch.ones(HIDDEN - 1)})), [], ["bias", str(HIDDEN)]),
        (other(lambda s: s.update({"rnn.weight_hh_l0": s["rnn.weight_hh_l0"].to(torch.complex64)})), [], ["floating"]),
        (lambda path: None, ["--figure", "a.docx"], [".png"]),
        (lambda path: None, ["--figure", "nowhere/a.png"], ["no such folder"]),
    ],
)
def test_bad_input_gets_one_line_and_leaves_nothing(checkpoint: Path, capsys, spoil, arguments, words):
    spoil(checkpoint)
    before = list_files(checkpoint.parent)
    task = [] if "--task" in arguments else ["--task", f"repeat-copy:{HISTORY},{DIM}"]
    assert main(["analyse", str(checkpoint), *task, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("twm: ") and err.count("\n") == 1
    assert all(word in err for word in words), err
    assert list_files(checkpoint.parent) == before


def test_a_file_that_does_not_know_its_task_says_so(checkpoint: Path, capsys):
    assert main(["analyse", str(checkpoint)]) == 2
    assert "--task" in capsys.readouterr().err
    assert main(["analyse"]) == 2
    assert "CHECKPOINT" in capsys.readouterr().err


def test_records_go_on_where_they_stopped(clone: Path, capsys):
    folder = clone / "book" / "results" / "networks"
    weights = [torch.tensor(matrix) for matrix in make_wave_network().get_matrices()]
    said = {"task": f"repeat-copy:{HISTORY},{DIM}", "l2": 0.0, "seed": 0, "accuracy": 1.0, "init": "uniform"}
    for name in ("a", "b", "a_at20"):
        write_network(folder / f"{name}.safetensors", weights, said)
    (folder / "broken.safetensors").write_text("no")
    save_file({"weight_kernel": torch.zeros(3)}, folder / "waves.safetensors")
    assert [path.stem for path in list_networks()] == ["a", "b", "broken", "waves"]
    heard = []
    assert record_analyses([folder / "a.safetensors"], say=heard.append) == 1
    table = clone / "book" / "results" / "analysis.csv"
    first = read_rows(table)
    assert {row["network"] for row in first} == {"a"} and len(first) == 5
    assert main(["analyse", "--record"]) == 0
    told = capsys.readouterr().out
    assert "broken" in told and "no Elman networks: 1 file\n" in told and "waves" not in told
    rows = read_rows(table)
    assert rows[:5] == first and [row["network"] for row in rows[5:]] == ["b"] * 5
    assert record_analyses() == 0 and read_rows(table) == rows


def test_steps_and_methods_are_those_asked_for():
    task = parse_task(f"repeat-copy:{HISTORY},{DIM}")
    system = as_system(make_wave_network())
    found = analyse_network(system, task, methods=["observability"], steps=(0, 3), count=64)
    assert list(found.figures) == ["observability"] and found.interventions.steps == (0, 3)
    assert found.interventions.changed.shape == (2, HISTORY)
    other_seed = analyse_network(system, task, methods=["regression"], count=64, seed=1)
    first_seed = analyse_network(system, task, methods=["regression"], count=64)
    same = other_seed.figures["regression"].explained == first_seed.figures["regression"].explained
    assert not same and first_seed.converged


@pytest.fixture
def gated(tmp_path: Path) -> Path:
    """An LSTM as `twm sweep bridge` leaves it, hardly trained."""
    path = tmp_path / "gated.safetensors"
    plan = SequencePlan("hds:6,repeat-copy:3,2", "lstm", 12, iterations=2, batch=4, test_every=1, test_count=4)
    write_sequence_network(path, train_model(plan).weights, asdict(plan) | {"accuracy": 0.5})
    return path


def test_networks_of_other_kinds_are_analysed_by_what_can_be_run(gated: Path, capsys):
    assert main(["analyse", str(gated), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["task"] == "repeat-copy:3,2" and found["hidden"] == 24 and found["rank"]["theory"] == 6
    assert found["basis"]["of the step"]["encoding_r2"] < 0.9 and 0 <= found["interventions"]["changed"] < 0.95
    assert main(["analyse", str(gated)]) == 0
    told = capsys.readouterr().out
    assert "no Elman network" in told and f"{found['accuracy']:.4f}" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--task", "T1"], "2 outputs"), (["--figure", "a.png"], "Elman networks"), (["--task", "T9"], "T9")],
)
def test_what_cannot_be_done_with_them_is_one_line(gated: Path, capsys, arguments, words):
    assert main(["analyse", str(gated), *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("twm: ") and err.count("\n") == 1 and words in err


def test_a_network_without_a_known_system_is_one_line(tmp_path: Path, capsys):
    path = tmp_path / "copy.safetensors"
    plan = SequencePlan("copy:0", "wrnn", 6, 2, iterations=1, batch=2, test_every=1, test_count=2)
    write_sequence_network(path, train_model(plan).weights, asdict(plan))
    assert main(["analyse", str(path)]) == 2
    assert "copy:0" in capsys.readouterr().err
