"""Rows are written whole or not at all, and no writer loses another's."""

import multiprocessing
from pathlib import Path

import pytest
import torch
from twm.errors import UserError
from twm.models.elman import name_network, read_network, write_network  # fmt: skip
from twm.models.weights import draw_weights
from twm.paths import publish_file, replace_folder, write_atomically
from twm.records import DamagedRecord, append_row, read_rows, read_tensors, write_rows, write_tensors


def test_rows_come_back_as_written(tmp_path: Path):
    path = tmp_path / "table.csv"
    append_row(path, {"task": "T1", "seed": 0, "accuracy": 0.5, "rank": None})
    append_row(path, {"task": "T2", "seed": 1, "accuracy": 1.0, "rank": 36})
    assert read_rows(path) == [
        {"task": "T1", "seed": "0", "accuracy": "0.5", "rank": ""},
        {"task": "T2", "seed": "1", "accuracy": "1.0", "rank": "36"},
    ]
    assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".lock")] == ["table.csv"]


def test_a_missing_table_is_empty(tmp_path: Path):
    assert read_rows(tmp_path / "none.csv") == []


def _append_many(path: str, writer: int) -> None:
    for number in range(20):
        append_row(path, {"writer": writer, "number": number})


def test_two_writers_lose_nothing(tmp_path: Path):
    path = tmp_path / "table.csv"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append_many, args=(str(path), writer)) for writer in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted((int(r["writer"]), int(r["number"])) for r in read_rows(path)) == [
        (w, n) for w in range(2) for n in range(20)
    ]


def test_an_unknown_column_is_refused_and_the_table_stays(tmp_path: Path):
    path = tmp_path / "table.csv"
    append_row(path, {"task": "T1"})
    before = path.read_bytes()
    with pytest.raises(UserError, match="no column speed"):
        append_row(path, {"task": "T1", "speed": 3})
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["a,b\n1\n", "a,b\n1,2,3\n", 'a,b\n"1,2\n'])
def test_a_damaged_table_is_named(tmp_path: Path, text: str):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="table.csv"):
        read_rows(path)


def test_a_failed_write_leaves_the_old_table(tmp_path: Path):
    path = tmp_path / "table.csv"
    write_rows(path, [{"a": 1}])
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")
    assert path.read_text(encoding="utf-8") == "a\n1\n"
    assert len(list(tmp_path.iterdir())) == 1


def test_publishing_replaces_whole_folders_and_files(tmp_path: Path):
    old, new = tmp_path / "site", tmp_path / "new"
    old.mkdir()
    (old / "gone.html").write_text("old", encoding="utf-8")
    new.mkdir()
    (new / "index.html").write_text("new", encoding="utf-8")
    replace_folder(new, old)
    assert [p.name for p in old.iterdir()] == ["index.html"]
    publish_file(new / "index.html", old / "copy.html")
    assert (old / "copy.html").read_text(encoding="utf-8") == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "site"]


def test_tensors_and_numbers_come_back_to_the_bit(tmp_path: Path):
    tensors = {
        "a": torch.randn(3, 4).T,
        "count": torch.tensor(7),
        "none": torch.zeros(0, 2),
        "double": torch.rand(2, dtype=torch.float64),
    }
    about = {"third": 1 / 3, "tiny": 5e-324, "list": [1, None, "x"]}
    write_tensors(tmp_path / "x", "checkpoint", tensors, about)
    found, described = read_tensors(tmp_path / "x", "checkpoint")
    assert described == about and found.keys() == tensors.keys()
    assert all(found[key].dtype == value.dtype and torch.equal(found[key], value) for key, value in tensors.items())


def test_a_cut_or_changed_or_foreign_record_is_named(tmp_path: Path):
    path = tmp_path / "x.checkpoint"
    write_tensors(path, "checkpoint", {"a": torch.arange(4.0)}, {})
    content = path.read_bytes()
    for length in (0, 5, 40, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(DamagedRecord, match="x.checkpoint"):
            read_tensors(path, "checkpoint")
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DamagedRecord, match="checksum"):
        read_tensors(path, "checkpoint")
    path.write_bytes(content)
    with pytest.raises(DamagedRecord, match="not a result"):
        read_tensors(path, "result")
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "none", "checkpoint")


def test_a_network_comes_back_with_its_configuration(tmp_path: Path):
    weights = draw_weights(3, 8, seed=4)
    about = {"task": "repeat-copy:2,3", "l2": 0.001, "horizons": [1, 2], "threshold": None, "commit": "abc"}
    write_network(tmp_path / "x.safetensors", weights, about)
    network, found = read_network(tmp_path / "x.safetensors")
    assert found == about and (network.dim, network.hidden) == (3, 8)
    assert torch.equal(network.recurrent, weights.recurrent) and torch.equal(network.readout, weights.readout)
    assert name_network("T1", 128, 0.0, 3) == "T1_h128_l2-0_s3" and ":" not in name_network("code:2,3,1,0,0", 8, 0.1, 0)
    write_tensors(tmp_path / "y.safetensors", "checkpoint", {"a": torch.zeros(1)}, {})
    for name in ("y.safetensors", "none.safetensors"):
        with pytest.raises(UserError, match=name):
            read_network(tmp_path / name)
