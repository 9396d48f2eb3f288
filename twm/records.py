"""Tensors with a description, in one file that is either whole or known to be damaged.

The file is an ordinary safetensors file. Its metadata holds the kind and version of the record, a checksum of the
tensors, and one JSON object with everything that is not a tensor; Python writes floats there so that they come back
bit for bit.

Rows of a CSV table, one a model, written whole or not at all.
"""

import csv
import io
import json
import os
import platform
import zlib
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from twm.errors import UserError, require
from twm.paths import find_commit, write_atomically

#: Raised whenever the content of a record changes its meaning.
VERSION = 1


class DamagedRecord(UserError):
    """A record that cannot be used: cut short, changed, of another kind, or from another version."""


def write_tensors(path: Path | str, kind: str, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write tensors and a description, whole or not at all; what was there before stays until then.

    Args:
        path: the file; its folder is made.
        kind: what the record is, such as ``checkpoint``.
        tensors: by name, on any device.
        description: anything that JSON can hold.

    Raises:
        OSError: if the disk is full or the folder cannot be written to.
    """
    from safetensors.torch import save

    content = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    metadata = {
        "kind": kind,
        "version": str(VERSION),
        "checksum": _checksum(content),
        "description": json.dumps(description),
    }
    write_atomically(Path(path), save(content, metadata))


def read_tensors(path: Path | str, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read back what :func:`write_tensors` wrote.

    Args:
        path: the file.
        kind: what it must be.

    Returns:
        the tensors, on the CPU, and the description.

    Raises:
        DamagedRecord: if the file is cut short or changed, of another kind or from another version.
        FileNotFoundError: if there is no such file.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise DamagedRecord(f"{path.name} is damaged: {str(error).splitlines()[0]}") from error
    found = (metadata.get("kind"), metadata.get("version"))
    if found != (kind, str(VERSION)):
        raise DamagedRecord(
            f"{path.name} is not a {kind} of version {VERSION}, but kind {found[0]}, version {found[1]}"
        )
    if metadata.get("checksum") != _checksum(tensors):
        raise DamagedRecord(f"{path.name} is damaged: its content does not fit its checksum")
    try:
        return tensors, json.loads(metadata["description"])
    except (KeyError, ValueError) as error:
        raise DamagedRecord(f"{path.name} is damaged: its description cannot be read") from error


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        # As bytes, which every dtype can be viewed as; a tensor without axes has none to view.
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy(), total)
    return f"{total:08x}"


def describe_host(device: str = "cpu") -> dict[str, str]:
    """Return what every record says about where it was made: device, torch, commit and date."""
    import torch

    name = torch.cuda.get_device_name() if device.startswith("cuda") else f"cpu ({platform.machine()})"
    return {
        "device": name,
        "torch": torch.__version__,
        "commit": find_commit(),
        "date": date.today().isoformat(),
    }


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock beside ``path``, so that two processes may append to one table."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    # The lock file stays: removing it would let a waiting process and a new one hold two different locks.
    with open(path.with_name(f".{path.name}.lock"), "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def read_rows(path: Path | str) -> list[dict[str, str]]:
    """Read a table of records.

    Args:
        path: a CSV file with a header line.

    Returns:
        one dict a row, values as text; an empty list if the file does not exist.

    Raises:
        UserError: if the file has no header, a row is cut short or too long, or it is not text.
    """
    path = Path(path)
    if not path.exists():
        return []
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows = list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path.name} is not a table of records: {error}; restore it or move it away") from error
    require(reader.fieldnames is not None, f"{path.name} has no header line; restore it or move it away")
    for number, row in enumerate(rows, start=2):
        whole = None not in row and None not in row.values()
        require(
            whole,
            f"{path.name}, line {number}: {len(reader.fieldnames or [])} values expected; restore it or move it away",
        )
    return rows


def write_rows(path: Path | str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write a whole table at once; the old one stays until the new one is complete.

    Args:
        path: the CSV file.
        rows: one mapping a row; ``None`` and missing values become empty cells.
        columns: the header; by default the keys in the order in which they first occur.
    """
    if columns is None:
        columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if row.get(key) is None else row[key] for key in columns})
    write_atomically(Path(path), text.getvalue())


def append_row(path: Path | str, row: Mapping[str, Any]) -> None:
    """Add one row to a table, whole or not at all; other processes may add to the same table.

    Raises:
        UserError: if the row's columns are not those of the table.
    """
    path = Path(path)
    with _locked(path):
        rows: list[Mapping[str, Any]] = list(read_rows(path))
        if rows:
            columns = list(rows[0])
            unknown = sorted(set(row) - set(columns))
            require(
                not unknown,
                f"{path.name} has no column {', '.join(unknown)}; it comes from another version: move it away",
            )
        else:
            columns = list(row)
        write_rows(path, [*rows, row], columns)


def describe_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """Say in two lines when and on how many seeds, where and by which code networks were trained.

    Args:
        rows: of a record of networks, in any order.

    Raises:
        UserError: if there is no row.
    """
    rows = list(rows)
    require(len(rows) > 0, "there is no row to describe: the record is empty")
    told = {}
    for column in ("date", "device", "torch", "commit"):
        values = list(dict.fromkeys(str(row[column]) for row in sorted(rows, key=lambda row: row["date"])))
        # A long record sees many commits; the first and the last say which code it was.
        told[column] = " to ".join(dict.fromkeys((values[0], values[-1])))
    seeds = len({row["seed"] for row in rows})
    return (
        f"recorded {told['date']}: {len(rows)} network{'s' * (len(rows) != 1)}, {seeds} seed{'s' * (seeds != 1)}\n"
        f"{told['device']}, torch {told['torch']}, commit {told['commit']}"
    )


def is_writable(folder: Path) -> bool:
    """Tell whether records can be written below ``folder``."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)
