"""Files of other people's making: read with the right numbers, or refused in one true line; nothing in them is run."""

import argparse
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from safetensors.torch import save_file
from torch import nn

from tests.unit.test_analysis import run_json
from twm.analysis.networks import read_checkpoint
from twm.analysis.recovery import sample_states
from twm.cli import main
from twm.errors import UserError
from twm.models.elman import construct_elman, read_network, read_weights, write_network, write_weights
from twm.theory.bases import make_basis
from twm.theory.operators import make_wave_operator
from twm.theory.systems import make_repeat_copy

INPUTS, HIDDEN, DIM = 3, 6, 2


class Net(nn.Module):
    """What somebody else may have trained: more inputs than outputs, and things beside the network."""

    def __init__(self, cell="RNN", **more):
        super().__init__()
        self.rnn, self.head, self.me = getattr(nn, cell)(INPUTS, HIDDEN, **more), nn.Linear(HIDDEN, DIM), [self]
        self.register_buffer("scale", torch.ones(4))


def run_rnn(rnn, inputs, layer):
    """Run what torch runs, of several layers one by itself: states (time, batch, hidden)."""
    if isinstance(rnn, nn.RNNCell):
        state = torch.zeros(inputs.shape[1], HIDDEN).to(inputs)
        return torch.stack([state := rnn(entering, state) for entering in inputs])
    if rnn.num_layers > 1:
        alone, whole = type(rnn)(inputs.shape[-1], HIDDEN).to(inputs), rnn.state_dict()
        alone.load_state_dict({name: whole[f"{name[:-1]}{layer}"] for name in alone.state_dict()})
        return alone(inputs)[0]
    return rnn(inputs)[0]


save_module = torch.save
save_dict = lambda net, path: torch.save(net.state_dict(), path)


def save_arrays(net, path):
    arrays = {name: weight.numpy() for name, weight in net.state_dict().items()}
    if path.suffix == ".mat":
        scipy.io.savemat(path, {"net": {name.replace(".", "_"): array for name, array in arrays.items()}})
    else:
        np.savez(path, **arrays) if path.suffix == ".npz" else path.write_bytes(pickle.dumps(arrays, protocol=5))


def save_lightning(net, path):
    optimizer, named = {"state": {0: {"exp_avg": torch.ones(DIM, HIDDEN)}}}, {f"model.{k}": v for k, v in net.state_dict().items()}
    more = {"epoch": np.float64(3), "hyper_parameters": argparse.Namespace(rate=1e-3), "optimizer_states": [optimizer]}
    torch.save(more | {"state_dict": named}, path)


KEYS = {"recurrent": "rnn.weight_hh", "encoder": "rnn.weight_ih", "readout": "head.weight"}
WRAPPERS = ("model", "net", "network", "params", "weights", "model_state", "model_state_dict")
#: How a file is made: by what, its ending, of which network; and what the user says: nonlinearity and layer, keys.
FILES = {
    "state dict": (save_dict, "pt", {}), "no bias": (save_dict, "pt", {"bias": False}),
    "half": (lambda net, path: torch.save(net.bfloat16().state_dict(), path), "pt", {}),
    "whole": (save_module, "pt", {}), "whole relu": (save_module, "pt", {"nonlinearity": "relu"}),
    "old": (lambda net, path: torch.save(net, path, _use_new_zipfile_serialization=False), "pt", {}),
    "parallel": (lambda net, path: torch.save(nn.DataParallel(net), path), "pt", {}),
    "relu said": (save_dict, "pt", {"nonlinearity": "relu"}, ("relu",)), "lightning": (save_lightning, "ckpt", {}),
    "cell": (save_module, "pt", {"cell": "RNNCell", "nonlinearity": "relu"}),
    "cell dict": (save_dict, "pt", {"cell": "RNNCell"}), "keys": (save_dict, "pt", {"cell": "RNNCell"}, (), KEYS),
    "gru": (save_dict, "pt", {"cell": "GRU"}), "lstm": (save_module, "pt", {"cell": "LSTM"}),
    "layer 0": (save_dict, "pt", {"cell": "GRU", "num_layers": 2}, (None, 0)),
    "layer 1": (save_module, "pt", {"num_layers": 2}, (None, 1)),
    "npz": (save_arrays, "npz", {"cell": "LSTM"}), "mat": (save_arrays, "mat", {}), "pickle": (save_arrays, "pkl", {}),
    "tensors": (lambda net, path: path.write_bytes(pickle.dumps(net.state_dict())), "pkl", {}),
    "safetensors": (lambda net, path: save_file(net.state_dict(), path), "safetensors", {"cell": "LSTM"}),
    **{name: (lambda net, path, name=name: torch.save({name: net.state_dict(), "epoch": 2}, path), "pt", {}) for name in WRAPPERS},
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_network_from_a_file_runs_as_torch_runs_it(tmp_path: Path, name):
    write, ending, how, *said = FILES[name]
    choices, keys = said[0] if said else (), said[1] if said[1:] else {}
    torch.manual_seed(0)
    net, path, layer = Net(**how), tmp_path / f"net.{ending}", (*choices, None, None)[1] or 0
    write(net, path)
    found, inputs = read_checkpoint(path, *choices, **keys), torch.randn(7, 4, HIDDEN if layer else INPUTS).double()
    expected = run_rnn(net.double().rnn, inputs, layer)
    states, notes = found.system.run(np.tile(found.system.start, (4, 1)), 0, inputs.numpy()), " ".join(found.notes)
    assert np.abs(states[..., :HIDDEN] - expected.detach().numpy()).max() < 1e-12
    assert np.abs(found.system.read(states) - net.head(expected).detach().numpy()).max() < 1e-12
    assert "scale (4,)" in notes and ("weight_ih_l0" in notes) == (layer == 1)
    # Where neither file nor user names the nonlinearity of an Elman network, it is told that it was taken for granted.
    named = write is save_module or name in ("old", "parallel", "relu said")
    assert ("taken to have a tanh" in notes) == (not named and found.kind == "tanh")


def test_no_other_vector_is_a_bias_and_a_bias_is_added_once(tmp_path: Path):
    weights = Net().state_dict()
    known = {key: weights[key] for key in weights if key != "head.bias"}
    torch.save(known | {"y_mean": torch.ones(DIM)}, path := tmp_path / "net.pt")
    found = read_checkpoint(path, "tanh", bias="rnn.bias_hh_l0")
    assert not found.system.offset.any() and np.array_equal(found.system.bias, weights["rnn.bias_hh_l0"].double().numpy())
    assert "y_mean" in found.notes[0] and "rnn.bias_ih_l0" in found.notes[0]
    # Files of our own name their nonlinearity; without a training in them they say nothing of a tanh.
    linear = construct_elman(make_repeat_copy(3, 2), make_basis(6, 10, "orthonormal"))
    for about, said in (({"nonlinearity": "linear"}, []), ({}, ["taken to have a tanh"])):
        write_network(path := tmp_path / "own.safetensors", linear.get_matrices(), about)
        found = read_checkpoint(path)
        assert (found.kind, read_network(path)[0].nonlinearity) == (("tanh", "tanh") if said else ("linear", "linear"))
        assert all(word in " ".join(found.notes) for word in said) and bool(found.notes) == bool(said)
    about = {"commit": "1234e56789", "torch": "2.13", "name": "NaN", "seed": 3, "cut": None, "task": "T1"}
    write_weights(path, linear.state_dict() | {"other": torch.ones(1)}, about)
    assert read_weights(path)[1] == about, "text that looks like a number stays text"
    with pytest.raises(UserError, match="missing or unknown: .*other"):
        read_network(path)


def change(**changes):
    return lambda path: torch.save(Net().state_dict() | changes, path)


def cut(write, ending):
    def spoil(path):
        write(Net(), made := path.with_suffix(f".{ending}"))
        path.write_bytes(made.read_bytes()[:-200])

    return spoil


REFUSED = {
    "is damaged": [cut(save_dict, "pt"), cut(save_arrays, "npz"), cut(save_arrays, "pkl"),
                   cut(lambda net, path: save_file(net.state_dict(), path), "safetensors"),
                   cut(lambda net, path: torch.save(net, path, _use_new_zipfile_serialization=False), "pt")],
    "is no checkpoint": [lambda path: path.write_text("epoch,loss\n1,2\n"), lambda path: np.save(path.open("wb"), np.eye(3)),
                         lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n")],
    "MATLAB 7.3": [lambda path: path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(99))],
    "TorchScript": [lambda path: torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)).save(path)],
    "holds no tensors": [lambda path: path.write_bytes(pickle.dumps(3)), lambda path: np.savez(path.open("wb"), a=np.array([{}]))],
    "rnn.weight_hh_l0 must be a plain tensor": [change(**{"rnn.weight_hh_l0": torch.eye(HIDDEN).to_sparse()}),
                                                change(**{"rnn.weight_hh_l0": torch.eye(HIDDEN).long()})],
    "norm normalises": [lambda path: torch.save(nn.ModuleDict({"norm": nn.LayerNorm(3, elementwise_affine=False), "rnn": Net()}), path)],
    "gamma_norm normalises": [change(gamma_norm=torch.ones(HIDDEN))],
    "bn.weight normalises": [change(**{"bn.weight": torch.ones(HIDDEN)})],
    "one readout": [change(**{"embedding.weight": torch.ones(3, INPUTS), "more": torch.ones(3, HIDDEN)})],
    "must be one of tanh": [lambda path: torch.save({"state_dict": Net().state_dict(), "nonlinearity": "sine"}, path)],
    "both directions": [lambda path: torch.save(Net(bidirectional=True).state_dict(), path)],
    "projections": [lambda path: torch.save(Net("LSTM", proj_size=2).state_dict(), path)],
    "--layer N": [lambda path: torch.save(Net(num_layers=2).state_dict(), path)],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("words", "number"), [(words, n) for words, all_ in REFUSED.items() for n in range(len(all_))])
def test_a_file_that_is_not_read_gets_one_true_line(tmp_path: Path, refused, words, number):
    REFUSED[words][number](path := tmp_path / "net.pt")
    said = refused(words, "analyse", path, "--task", "repeat-copy:3,2")
    assert ("damaged" in said) == (words == "is damaged")


@pytest.mark.parametrize(("said", "words"), [
    (["--nonlinearity", "relu"], "the file says tanh"), (["--layer", "3"], "0 such are among"), (["--recurrent", "W"], "--recurrent W"),
    (["--encoder", "head.weight"], "head.weight (2, 6)"), (["--recurrent", "head.weight"], "--encoder KEY"), (["--points", "--figure", "a.png"], "with a task"),
    (["--task", "f.csv"], "f.csv"), (["--task", "g.npy"], "(2, 6)"), (["--task", "h.csv"], "signed selection"),
])  # fmt: skip
def test_what_the_user_says_must_fit_the_file(tmp_path: Path, refused, monkeypatch, said, words):
    monkeypatch.chdir(tmp_path)
    save_module(Net(), "net.pt")
    np.save("g.npy", np.ones((2, 7)))
    np.savetxt("h.csv", np.ones((2, 6)), delimiter=",")
    refused(words, "analyse", "net.pt", *said)


class Trap:
    """A pickle that leaves a trace if anything of what it asks for is done."""

    def __init__(self, *asked):
        self.asked = asked

    def __reduce__(self):
        return self.asked

    def __setstate__(self, state):
        os.mkdir(state)


@pytest.mark.parametrize("save", ["pickle", "arrays", "torch", "old"])
def test_nothing_in_a_file_is_run(tmp_path: Path, monkeypatch, save):
    path, trace = tmp_path / "net.pt", str(tmp_path / "trace")
    (tmp_path / f"evil_{save}.py").write_text(f"import os\nos.mkdir({trace!r})\nEvil = os\n")
    monkeypatch.syspath_prepend(tmp_path)
    traps = [Trap(os.mkdir, (trace,)), Trap(exec, (f"import os; os.mkdir({trace!r})",)), Trap(Trap, (), trace),
             Trap(eval, (f"__import__('os').mkdir({trace!r})",)), Trap(os.system, (f"mkdir {trace}",))]  # fmt: skip
    tree = {"state_dict": Net().state_dict(), "traps": np.array(traps) if save == "arrays" else traps}
    if save in ("torch", "old"):
        torch.save(tree, path, _use_new_zipfile_serialization=save != "old")
    else:
        path.write_bytes(pickle.dumps(tree))
    assert main(["analyse", str(path)]) == 0 and not os.path.exists(trace)
    path.write_bytes(f"cevil_{save}\nEvil\n.".encode())
    assert main(["analyse", str(path)]) == 2 and not os.path.exists(trace)
    for trap in (path.read_bytes(), *map(pickle.dumps, traps)):  # and each is one
        pickle.loads(trap)
        os.rmdir(trace)


def test_a_relu_network_is_linearised_along_its_orbit(tmp_path: Path, capsys):
    # It holds a wave z as relu(z) and relu(-z): linear in z, though it has no slope at rest.
    phi, newest = make_wave_operator(make_repeat_copy(3, DIM).matrix), np.eye(6)[:, -DIM:]
    parts = {"weight_hh": np.kron([[1, -1], [-1, 1]], phi), "weight_ih": np.vstack([newest, -newest]), "out": np.hstack([newest.T, -newest.T])}
    arrays = {name: torch.tensor(part) for name, part in parts.items()}
    torch.save({"net": arrays, "nonlinearity": "relu"}, path := tmp_path / "net.pt")
    np.save(boundary := tmp_path / "mine.npy", make_repeat_copy(3, DIM).matrix)
    for task in ("repeat-copy:3,2", boundary):
        found = run_json([path, "--task", task], capsys)
        assert found["rank"] == {"theory": 6, "network": 6} and found["argument_error"] < 1e-6 and found["accuracy"] == 1
        assert found["interventions_settled"] == {"changed": 1, "unchanged": 1, "steps": [1, 8, 24, 100]}
        assert found["kind"] == "relu" and found["notes"] == [] and found["task"] in (task, "mine.npy")
    assert main(["analyse", str(path), "--task", "repeat-copy:3,2"]) == 0
    assert "100 steps, in one basis for all, with contents read off:\n1.0000 follow, 1.0000 stay" in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["RNN", "GRU", "LSTM"])
def test_without_a_task_spectrum_and_points_are_those_of_torch(tmp_path: Path, capsys, cell):
    torch.manual_seed(0)
    save_module(Net(cell, bias=False), path := tmp_path / "net.pt")
    found, step = run_json([path, "--points"], capsys), read_checkpoint(path).system.advance
    rest = torch.autograd.functional.jacobian(lambda h: step(h)[0], torch.zeros(1, found["hidden"]).double())[:, 0]
    radius, smooth = float(torch.linalg.eigvals(rest).abs().max()), cell == "RNN"
    assert [abs(one["radius"] - radius) < 1e-6 and one["fixed"] for one in found["points"]] == [True]
    assert found["linearised"] == ("at rest" if smooth else "along the orbit under random inputs")
    assert (abs(found["radius"] - radius) < 1e-6) == smooth and found["task"] is None and "interventions" not in found


@pytest.mark.parametrize("cell", ["RNN", "GRU", "LSTM"])
def test_a_run_starts_where_the_file_says(tmp_path: Path, cell):
    net, task = Net(cell), make_repeat_copy(2, DIM)
    net.h0 = nn.Parameter(torch.randn(1, 1, HIDDEN))
    save_dict(net, path := tmp_path / "net.pt")
    sample, start = sample_states(found := read_checkpoint(path).system, task, 4), net.h0.expand(1, 4, HIDDEN).contiguous()
    fed = torch.nn.functional.pad(torch.tensor(sample.fed), (0, 1))
    expected = net.double().rnn(fed, (start.double(), 0 * start.double()) if cell == "LSTM" else start.double())[0]
    states = np.concatenate([sample.early, sample.states[:1]])[..., :HIDDEN]
    assert np.abs(states - expected.detach().numpy()).max() < 1e-12 and found.start.any()
    assert any("not zero" in note for note in read_checkpoint(path).notes)
