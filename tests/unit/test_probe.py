"""`twm probe`: a recording or a network in, two numbers out, one line for everything that is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import list_files
from twm.analysis.networks import read_checkpoint
from twm.analysis.probing import sample_network
from twm.analysis.recovery import sample_states
from twm.cli import main
from twm.models.elman import construct_elman
from twm.paths import results_dir
from twm.theory.bases import make_basis
from twm.theory.systems import parse_task

rng = np.random.default_rng(0)
ITEMS = rng.choice([-1.0, 1.0], (40, 1))
STATES = np.repeat((ITEMS * rng.standard_normal(12))[None], 6, 0) + 0.1 * rng.standard_normal((6, 40, 12))


def probe(capsys: pytest.CaptureFixture, *arguments: object) -> dict:
    assert main(["probe", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_register_in_three_kinds_of_files(tmp_path: Path, capsys):
    np.savez(tmp_path / "a.npz", states=STATES, items=ITEMS)
    np.savez_compressed(tmp_path / "b.npz", states=STATES.astype("f4"), items=(ITEMS > 0), comment=np.array("more"))
    np.save(tmp_path / "states.npy", STATES)
    np.save(tmp_path / "items.npy", ITEMS)
    files = ("a.npz",), ("b.npz",), ("states.npy", "items.npy")
    found = [probe(capsys, *(tmp_path / name for name in names)) for names in files]
    assert found[0] == found[2]
    for one in found:
        assert list(one) == ["movement", "span", "shuffled", "steps", "trials", "units"]
        assert all(list(one[name]) == ["value", "low", "high"] for name in ("movement", "span"))
        assert one["shuffled"] == {"movement": None, "span": 0.0}
        assert one["movement"]["high"] < 0.2 and one["span"] == {"value": 6, "low": 6, "high": 6}
        assert (one["steps"], one["trials"], one["units"]) == (6, 40, 12)


def test_the_lines_the_figure_and_the_example(tmp_path: Path, root: Path, capsys):
    assert main(["probe", str(root / "book/_static/probe_example.npz"), "--figure", str(tmp_path / "a.png")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["32", "movement", "span", "shuffled", "best"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG") and [*list_files(tmp_path)] == ["a.png"]


@pytest.mark.parametrize(("arrays", "words"), [
    ({"states": STATES}, "no_items.npz has only states: expected one .npz with the arrays states and items"),
    ({"states": STATES[0], "items": ITEMS}, "(time, trials, units), not (40, 12)"),
    ({"states": STATES, "items": ITEMS[:, 0]}, "([time,] trials, dims), not (40,)"),
    ({"states": STATES, "items": ITEMS[1:]}, "(6, 40, 12): items must begin with (40,), not (39, 1)"),
    ({"states": STATES + np.nan, "items": ITEMS}, "states hold NaN"),
    ({"states": STATES[:, :19], "items": ITEMS[:19]}, "19 trials are too few: at least 20"),
    ({"states": STATES, "items": np.ones((40, 2))}, "items must differ between trials"),
    ({"states": STATES * 1e160, "items": ITEMS}, "e+160: scale them to within 1e-100 to 1e100"),
    ({"states": STATES, "items": ITEMS * 1e-200}, "items reach 1e-200: scale them"),
    ({"states": STATES.astype(object), "items": ITEMS}, "Python objects, which are never loaded"),
])  # fmt: skip
def test_a_bad_recording_gets_one_line(tmp_path: Path, refused, arrays, words):
    np.savez(tmp_path / "no_items.npz", **arrays)
    refused(words, "probe", tmp_path / "no_items.npz", "--figure", tmp_path / "never.png")


def test_what_is_no_recording_gets_one_line(tmp_path: Path, refused):
    whole = tmp_path / "whole.npz"
    np.savez(whole, states=STATES, items=ITEMS)
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:500])
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "lone.npy", STATES)
    refused("there is no file", "probe", tmp_path / "none.npz")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': "
    for name, rest in (("huge.npy", b"(9999999999, 99999999), }\n"), ("open.npy", b"((((((((\n")):
        (tmp_path / name).write_bytes(b"\x93NUMPY\x01\x00v\x00" + (header + rest).ljust(118))
    refused("expected an .npz, a pair of .npy", "probe", whole, tmp_path / "lone.npy")
    whole.rename(whole := tmp_path / "whole.NPZ")
    for name in ("cut.npz", "text.npy", "huge.npy", "open.npy"):
        refused(name, "probe", tmp_path / name)
    refused("lone.npy has only states", "probe", tmp_path / "lone.npy")
    refused("which alone may have a --task", "probe", whole, "--task", "T1")
    refused("must end in one of", "probe", whole, "--figure", tmp_path / "a.txt")


def test_a_constructed_wave_is_probed_as_its_network(tmp_path: Path, capsys, refused):
    task = parse_task("repeat-copy:3,2")
    network = construct_elman(task, make_basis(6, 10, "orthonormal"))
    torch.save(network.state_dict(), tmp_path / "wave.pt")
    found = probe(capsys, tmp_path / "wave.pt", "--task", task.name)
    assert found["movement"]["low"] > 0.9 and found["span"]["value"] == found["steps"] == 7 and found["units"] == 10
    refused("name it with --task", "probe", tmp_path / "wave.pt")
    refused("has 2 inputs and 2 outputs, T1 needs 8", "probe", tmp_path / "wave.pt", "--task", "T1")
    torch.save(network.state_dict() | {"other": torch.ones(2, 10)}, tmp_path / "two.pt")
    refused("expected one readout", "probe", tmp_path / "two.pt", "--task", task.name)


def test_a_saved_network_is_probed_as_it_was_trained(refused):
    path, copying = (next((results_dir() / "networks").glob(name)) for name in ("hds-corrected-40-T2_lru*_s0.*", "copy-0_wrnn*"))
    expected = sample_states(read_checkpoint(path).system, parse_task("T2"), 200, 16, correct=True)
    assert np.array_equal(sample_network(path)[0], expected.states)
    refused("leave out --task", "probe", copying, "--task", "T1")
