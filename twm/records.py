"""Saved results: tensors in files whose damage is detected, and rows in a resumable CSV table."""

import csv
import io
import json
import os
import platform
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from twm.errors import SickMachine, UserError, require
from twm.paths import find_commit, read_text, write_atomically

#: Version of the saved tensors, increased whenever their meaning changes.
VERSION = 1


class DamagedRecord(UserError):
    """Raised for a saved file that is truncated, changed, of another kind or from another version."""


def write_tensors(path: Path | str, kind: str, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write tensors and a JSON description atomically to a safetensors file with kind, version and checksum."""
    content = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    metadata = {"kind": kind, "version": str(VERSION), "checksum": _checksum(content), "description": json.dumps(description)}
    write_atomically(Path(path), save(content, metadata | {"described": str(zlib.crc32(metadata["description"].encode()))}))


def read_tensors(path: Path | str, kind: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors, on the CPU, and the description in a file; raise DamagedRecord unless they are as written."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        description = dict(json.loads(metadata.get("description", "{}")))
    except (SafetensorError, OSError, TypeError, ValueError, RuntimeError) as error:
        raise DamagedRecord(f"{path.name} is damaged: {str(error).splitlines()[0]}") from error
    if (found := (metadata.get("kind"), metadata.get("version"))) != (kind, str(VERSION)):
        raise DamagedRecord(f"{path.name} is not a {kind} of version {VERSION}, but kind {found[0]}, version {found[1]}")
    told = str(zlib.crc32(metadata.get("description", "").encode()))
    if (metadata.get("checksum"), metadata.get("described", told)) != (_checksum(tensors), told):  # older files lack the second
        raise DamagedRecord(f"{path.name} is damaged: its content does not match its checksum")
    return tensors, description


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        # Every dtype can be viewed as bytes; reshape first, because a tensor without axes cannot.
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy(), total)
    return f"{total:08x}"


@cache
def read_commit() -> str:
    """Return the commit of the code that this process runs, as found by the first call."""
    return find_commit()


def describe_host(device: str = "cpu") -> dict[str, str]:
    """Return the provenance saved with every result: device, torch version, commit and date."""
    name = torch.cuda.get_device_name() if device.startswith("cuda") else f"cpu ({platform.machine()})"
    return {"device": name, "torch": torch.__version__, "commit": read_commit(), "date": date.today().isoformat()}


def describe_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return two lines on trained networks: dates, networks and seeds; then device, torch version and commit."""
    rows = list(rows)
    require(len(rows) > 0, "the table is empty")
    told = {}
    for column in ("date", "device", "torch", "commit"):
        # A long table spans many commits; only the first and the last one are given.
        values = list(dict.fromkeys(str(row[column]) for row in sorted(rows, key=lambda row: row["date"])))
        told[column] = " to ".join(dict.fromkeys((values[0], values[-1])))
    seeds = len({row["seed"] for row in rows})
    return (
        f"recorded {told['date']}: {len(rows)} network{'s' * (len(rows) != 1)}, {seeds} seed{'s' * (seeds != 1)}\n"
        f"{told['device']}, torch {told['torch']}, commit {told['commit']}"
    )


_ADVICE = "restore it or move it away"


def read_rows(path: Path | str) -> list[dict[str, str]]:
    """Return the rows of a CSV table as texts; none without a file; raise UserError if it is truncated or no table."""
    header, *lines = _read_lines(Path(path))
    return [dict(zip(header, line)) for line in lines]


def _read_lines(path: Path) -> list[list[str]]:
    """Return the header and the lines, each checked to be as long as the header."""
    try:
        content = read_text(path)
    except FileNotFoundError:
        return [[]]
    # A last line without a line end may be truncated in its last value.
    require(not content or content.endswith("\n"), f"{path} is cut short in its last line; {_ADVICE}")
    try:
        lines = list(csv.reader(io.StringIO(content), strict=True))
    except csv.Error as error:
        raise UserError(f"{path} is not a table of records: {error}; {_ADVICE}") from None
    require(any(name.strip("\0 ") for name in (lines or [[]])[0]), f"{path} has no header line; {_ADVICE}")
    for number, line in enumerate(lines, start=1):
        expected = f"{path}, line {number}: expected {len(lines[0])} values, found {len(line)}; {_ADVICE}"
        require(len(line) == len(lines[0]), expected)
    return lines


def to_csv(columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """Return a CSV table as text, with ``None`` as an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return text.getvalue()


def write_rows(path: Path | str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> None:
    """Write a CSV table atomically, with ``None`` as an empty cell; by default, the columns are the rows' keys."""
    columns = list(dict.fromkeys(key for row in rows for key in row)) if columns is None else list(columns)
    write_atomically(Path(path), to_csv(columns, ([row.get(key) for key in columns] for row in rows)))


@dataclass(frozen=True)
class Table:
    """A resumable CSV table; processes add all rows of a key at once, so a key in the table is finished work."""

    path: Path
    columns: tuple[str, ...]  # in order
    texts: tuple[str, ...] = ("model",)  # columns of text; all others hold numbers
    key: tuple[str, ...] = ("model",)  # columns that identify the work a row belongs to

    def read(self) -> list[dict[str, Any]]:
        """Return the rows, with numbers parsed and empty numbers as ``None``; no rows if there is no file."""
        return [self.parse(row, f"line {number}") for number, row in enumerate(self._read(), start=2)]

    def _read(self) -> list[dict[str, str]]:
        header, *lines = _read_lines(self.path)
        if header not in ([], list(self.columns)):
            odd = [name for names in (header, self.columns) for name in names if (name in header) != (name in self.columns)]
            more = f" and {len(odd) - 5} more" * (len(odd) > 5)
            reason = f"it differs in {', '.join(odd[:5])}{more}" if odd else "its columns have another order"
            raise UserError(f"{self.path} comes from another version or program ({reason}): move it away, or use that one")
        return [dict(zip(header, line)) for line in lines]

    def parse(self, row: Mapping[str, str], where: str) -> dict[str, Any]:
        """Return a row of texts with its numbers parsed; refuse other texts, and accuracies outside 0 to 1."""
        found: dict[str, Any] = dict(row)
        # A commit may consist of digits only, but is a text.
        for name in row.keys() - set(self.texts):
            text, share = row[name], "accuracy" in name
            try:
                found[name] = None if text == "" else int(text) if text.lstrip("-").isdigit() else float(text)
                require(not share or 0 <= (found[name] or 0) <= 1 or text == "nan", "")
            except ValueError:
                expected = f"expected {'a share from 0 to 1' if share else 'a number'}, found {text!r:.40}"
                raise UserError(f"{self.path}, {where}, {name}: {expected}; {_ADVICE}") from None
        return found

    def to_texts(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Return a row as the texts in the file, after checking that they can be parsed."""
        texts = {name: "" if row.get(name) is None else str(row[name]) for name in self.columns}
        return self.parse(texts, f"the row of {', '.join(self.find_key(row))}") and texts

    def find_key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the key of a row, as texts."""
        return tuple(str(row[name]) for name in self.key)

    def read_keys(self) -> set[tuple[str, ...]]:
        """Return the keys in the table."""
        return {self.find_key(row) for row in self._read()}

    def add(self, rows: Sequence[Mapping[str, Any]], rank: Callable[[dict[str, str]], Any] | None = None) -> None:
        """Add all rows of some keys and remove earlier rows of these keys; sort the table by ``rank`` of a row's texts."""
        with hold_lock(self.path.with_name(f".{self.path.name}.lock")):
            new = {self.find_key(row) for row in rows}
            both: list[Any] = [row for row in self._read() if self.find_key(row) not in new]
            both += map(self.to_texts, rows)
            write_rows(self.path, both if rank is None else sorted(both, key=rank), self.columns)


@contextmanager
def hold_lock(path: Path, taken: Callable[[str], str] = str, seconds: float = float("inf")) -> Iterator[None]:
    """Hold a lock on a file with this process's id; after waiting ``seconds``, raise UserError(``taken(id of the holder)``)."""
    import fcntl

    deadline = time.monotonic() + seconds
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # The file stays: removing it would let a waiting process and a new one hold two different locks.
            handle = stack.enter_context(open(path, "a+", encoding="utf-8"))
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        handle.seek(0)
                        raise UserError(taken(handle.read().strip() or "unknown")) from None
                    time.sleep(0.02)
        except OSError as error:
            raise SickMachine(f"{path} cannot be made and locked: {error.strerror or error}") from None
        with suppress(OSError):  # on a full disk, the lock works but does not name its holder
            os.truncate(path, 0)
            os.write(handle.fileno(), str(os.getpid()).encode())
        yield
