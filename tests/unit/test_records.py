"""Rows are written whole or not at all, and no writer loses another's."""

import errno
import multiprocessing
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch

from tests.conftest import list_files
from twm.errors import SickMachine, UserError
from twm.models.elman import name_network, read_network, write_network  # fmt: skip
from twm.models.kernels import draw_weights
from twm.paths import read_json, replace_folder, write_atomically
from twm.records import DamagedRecord, Table, read_rows, read_tensors, write_tensors

COLUMNS = ("model", "seed", "accuracy", "commit")


@pytest.fixture
def table(tmp_path: Path) -> Table:
    return Table(tmp_path / "table.csv", COLUMNS, ("model", "commit"))


def make_row(model: str, seed: int = 0, accuracy: float | None = 0.5) -> dict:
    return {"model": model, "seed": seed, "accuracy": accuracy, "commit": "0123"}


def test_rows_come_back_as_written_and_in_order(table: Table):
    assert table.read() == [] and table.read_keys() == set() and read_rows(table.path) == []
    rank = {"a": 0, "b": 1, "c": 2}
    for rows in ([make_row("c", accuracy=1 / 3)], [make_row("a", accuracy=None), make_row("a", 1)], [make_row("b")]):
        table.add(rows, lambda row: rank[row["model"]])
    expected = [make_row("a", accuracy=None), make_row("a", 1), make_row("b"), make_row("c", accuracy=1 / 3)]
    assert table.read() == expected and table.read_keys() == {("a",), ("b",), ("c",)}
    # All rows of a key go together.
    table.add([make_row("a", 7)], lambda row: rank[row["model"]])
    assert table.read() == [make_row("a", 7), *expected[2:]]
    assert [p.name for p in table.path.parent.iterdir() if not p.name.endswith(".lock")] == ["table.csv"]


def _add_many(path: Path, writer: int) -> None:
    for number in range(20):
        Table(path, ("model", "number")).add([{"model": f"{writer}-{number}", "number": number}])


def test_two_writers_lose_nothing(table: Table):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add_many, args=(table.path, writer)) for writer in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(read_rows(table.path)) == 40


@pytest.mark.parametrize(("text", "word"), [
    ("", "header"), ("model,seed,accuracy,commit\na,1\n", "line 2"), ("model,seed,accuracy,commit\na,0,1,01", "last line"),
    ('model,seed,accuracy,commit\n"a,0\n', "not a table"),
    ("model,seed,accuracy,commit\na,0,1,0\nb,x,1,0\n", "line 3, seed: expected a number, found 'x'"),
    ("model,seed,accuracy,commit\na,0,17,0\n", "line 2, accuracy: expected a share from 0 to 1, found '17'"),
    ("model,seed,accuracy\na,0,1\n", "another version.*commit"), ("seed,model,accuracy,commit\n", "another order"),
    ("my,own,table\n1,2,3\n", "program.*my, own, table, model, seed and 2 more"), ("\0" * 99 + "\n", "header"),
    ("model,seed,accuracy,commit\n\udcff,0,1,0\n", "line 2: expected text in UTF-8, found the byte 0xff"),
])  # fmt: skip
def test_a_table_that_is_damaged_or_of_something_else_is_named_and_stays(table: Table, text: str, word: str):
    content = text.encode("utf-8", "surrogateescape")
    table.path.write_bytes(content)
    with pytest.raises(UserError, match=f"table.csv.*{word}"):
        table.read()
    if "expected a" not in word:
        with pytest.raises(UserError, match=word):
            table.add([make_row("b")])
    assert table.path.read_bytes() == content


def test_a_mark_of_byte_order_and_other_line_ends_change_nothing_and_no_row_is_written_that_is_not_read(table: Table):
    table.add([make_row("a")])
    table.path.write_bytes(b"\xef\xbb\xbf" + table.path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(UserError, match="the row of b, accuracy"):
        table.add([make_row("b", accuracy=-3)])
    assert table.read() == [make_row("a")]


def test_a_sick_machine_is_told_in_one_line_and_what_was_there_stays(table: Table, monkeypatch: pytest.MonkeyPatch):
    table.add([make_row("a")])
    before = list_files(table.path.parent)
    for place, number in (("os.fsync", errno.ENOSPC), ("os.replace", errno.EROFS), ("fcntl.flock", errno.ENOLCK)):
        with monkeypatch.context() as patch, pytest.raises(SickMachine, match=f"table.csv.*{os.strerror(number)}") as caught:
            patch.setattr(place, Mock(side_effect=OSError(number, os.strerror(number))))
            table.add([make_row("b")])
        assert caught.value.code == 1 and "\n" not in str(caught.value) and list_files(table.path.parent) == before
    with pytest.raises(SickMachine, match="File name too long"):
        write_atomically(table.path.with_name("x" * 300), "")
    for mask, mode in ((0o077, "-rw-------"), (0o002, "-rw-rw-r--")):
        before = os.umask(mask)
        write_atomically(table.path, "x")
        os.umask(before)
        assert stat.filemode(table.path.stat().st_mode) == mode, "what the user asked for"


def test_every_bit_of_a_record_is_checked_and_a_link_to_a_file_stays_one(tmp_path: Path):
    write_tensors(path := tmp_path / "a", "checkpoint", {"x": torch.ones(2)}, {"best": 0.5})
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.7"))
    with pytest.raises(DamagedRecord, match="checksum"):
        read_tensors(path, "checkpoint")
    (tmp_path / "link").symlink_to(path)
    write_atomically(tmp_path / "link", "x")
    assert (tmp_path / "link").is_symlink() and path.read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize(("text", "said"), [('{"a": 1, "b": {"c": 1, "c": 2}}', "a field twice among c"), ('{"a": [NaN]}', "NaN")])
def test_json_that_could_be_read_in_two_ways_is_refused(tmp_path: Path, text: str, said: str):
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=f"a.json is damaged: expected JSON, found .*{said}"):
        read_json(tmp_path / "a.json")


def test_processes_that_publish_to_one_place_disturb_neither_each_other_nor_a_reader(tmp_path: Path):
    for name, file in (("a", "index.html"), ("b", "index.html"), ("site", "gone.html")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(name * 100_000, encoding="utf-8")

    def publish(name: str) -> None:
        for _ in range(40):
            replace_folder(tmp_path / name, tmp_path / "site")
            write_atomically(tmp_path / "page", (tmp_path / name / "index.html").read_bytes())
            assert (tmp_path / "page").read_text(encoding="utf-8") in ("a" * 100_000, "b" * 100_000)

    with ThreadPoolExecutor() as pool:
        list(pool.map(publish, "abab"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "page", "site"]
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["index.html"]


def test_tensors_and_numbers_come_back_to_the_bit(tmp_path: Path):
    tensors = {"a": torch.randn(3, 4).T, "count": torch.tensor(7), "none": torch.zeros(0, 2)}
    tensors["double"] = torch.rand(2, dtype=torch.float64)
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
