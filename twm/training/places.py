"""Where a sweep leaves its rows, curves and networks, and how they get there whatever happens in between.

A worker leaves a trained model as one result file. The process that leads the sweep, alone, takes result files into the
tables: networks first, then the curve, then the row, and only then is the result file removed. So a sweep may be killed
between any two steps: either the row is there, or the result or the checkpoint from which it will come.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twm.errors import UserError, require
from twm.paths import build_dir, results_dir
from twm.records import DamagedRecord, read_rows, write_rows
from twm.training.progress import Say
from twm.training.protocols import find_protocol
from twm.training.results import TrainedModel, read_result


def _keep_all(plan: Any) -> bool:
    return True


@dataclass(frozen=True)
class Place:
    """The files of one sweep.

    Attributes:
        rows: table of models.
        curves: table of learning curves.
        networks: folder of the networks to keep.
        work: folder of checkpoints, results that wait, and the lock; nothing in it is needed once a sweep is done.
        keeps: which models' networks belong in ``networks``; the others go to ``work/networks``.
        protocol: of the models, see :mod:`twm.training.protocols`.
    """

    rows: Path
    curves: Path
    networks: Path
    work: Path
    keeps: Callable[[Any], bool] = _keep_all
    protocol: str = "elman"

    def find_checkpoint(self, name: str) -> Path:
        """Return the path of a model's (or a group's) checkpoint."""
        return self.work / f"{name}.checkpoint"

    def find_result(self, name: str) -> Path:
        """Return the path of a model's result, before it is recorded."""
        return self.work / f"{name}.result"


def make_folder_place(folder: Path | str) -> Place:
    """Return the place of ``twm train --out FOLDER``: rows.csv, curves.csv, networks and unfinished."""
    folder = Path(folder)
    return Place(folder / "rows.csv", folder / "curves.csv", folder / "networks", folder / "unfinished")


def make_sweep_place(name: str, keeps: Callable[[Any], bool] = _keep_all, protocol: str = "elman") -> Place:
    """Return the place of a named sweep, among the recorded runs of the clone.

    Raises:
        UserError: if there is no clone.
    """
    results = results_dir()
    return Place(
        results / f"{name}.csv",
        results / "curves" / f"{name}.csv",
        results / "networks",
        build_dir() / "sweeps" / name,
        keeps,
        protocol,
    )


@contextmanager
def lock_place(place: Place) -> Iterator[None]:
    """Keep a second sweep out of a place for as long as this process lives.

    Raises:
        UserError: if another sweep is at work there, or the folder cannot be written to.
    """
    import fcntl

    try:
        place.work.mkdir(parents=True, exist_ok=True)
        handle = open(place.work / ".lock", "a+", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{place.work} cannot be written to: {error.strerror}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            owner = handle.read().strip() or "another"
            raise UserError(
                f"{place.rows} is being written by another sweep (process {owner}): wait for it, or stop it"
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


class Table:
    """The rows and curves of a place in memory, and the way results get into them.

    Args:
        place: locked by this process.
        plans: of the models asked for now.
        say: called with a line for whatever a user should know.
        order: of these and others; together with the rows on record they set the order, seed by seed. By default ``plans``.

    Raises:
        UserError: if a table is damaged or from another version.
    """

    def __init__(self, place: Place, plans: Sequence[Any], say: Say, order: Sequence[Any] | None = None) -> None:
        self.place, self._say, self._protocol = place, say, find_protocol(place.protocol)
        self._rows = {row["model"]: row for row in read_models(place.rows, place.protocol)}
        self._curves: dict[str, list[dict[str, Any]]] = {}
        for point in _read_checked(place.curves, self._protocol.curve_columns):
            self._curves.setdefault(point["model"], []).append(point)
        self._plans = {plan.name: plan for plan in plans}
        cells = [_name_cell(plan.name, plan.seed) for plan in (*(order or ()), *plans)]
        cells += [_name_cell(row["model"], row["seed"]) for row in self._rows.values()]
        self._ranks = {cell: rank for rank, cell in enumerate(dict.fromkeys(cells))}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows: seed by seed, and for each seed in the order of the plans."""
        return sorted(self._rows.values(), key=self._order)

    def _order(self, row: dict[str, Any]) -> tuple[int, int]:
        return row["seed"], self._ranks[_name_cell(row["model"], row["seed"])]

    def has(self, name: str) -> bool:
        """Tell whether a model is on record."""
        return name in self._rows

    def list_waiting(self) -> list[Any]:
        """Return the plans that have no row, in order."""
        return [plan for name, plan in self._plans.items() if name not in self._rows]

    def collect(self, names: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """Take result files into the tables.

        Args:
            names: of the models; by default all that wait in the work folder.

        Returns:
            the new rows. A damaged file is set aside and said; its model waits again.

        Raises:
            OSError: if something cannot be written; then the result files stay.
        """
        if names is None:
            names = sorted(path.stem for path in self.place.work.glob("*.result"))
        models = []
        for name in names:
            path = self.place.find_result(name)
            try:
                models.append(read_result(path))
            except DamagedRecord as error:
                self._say(f"{error}; set aside as {set_aside(path).name}, and the model goes on from its checkpoint")
        for model in models:
            self._write_networks(model)
        if models:
            curves = self._curves | {model.plan.name: model.curve for model in models}
            rows = self._rows | {model.plan.name: model.row for model in models}
            for model in models:
                self._ranks.setdefault(_name_cell(model.plan.name, model.plan.seed), len(self._ranks))
            order = [row["model"] for row in sorted(rows.values(), key=self._order)]
            write_rows(
                self.place.curves,
                [point for name in order for point in curves.get(name, [])],
                self._protocol.curve_columns,
            )
            write_rows(self.place.rows, [rows[name] for name in order], list(self._protocol.columns))
            self._rows, self._curves = rows, curves
        for model in models:
            name = model.plan.name
            for path in (
                self.place.find_result(name),
                self.place.find_checkpoint(name),
                self.place.work / f".{name}.lock",
            ):
                path.unlink(missing_ok=True)
        return [model.row for model in models]

    def _write_networks(self, model: TrainedModel) -> None:
        folder = self.place.networks if self.place.keeps(model.plan) else self.place.work / "networks"
        about = {
            **model.plan.describe(),
            **{key: model.row[key] for key in ("accuracy", "checkpoint", "torch", "commit", "date")},
        }
        if model.weights is not None:
            self._protocol.write_network(folder / f"{model.plan.name}.safetensors", model.weights, about)
        for iteration, weights in model.snapshots.items():
            early = {**model.plan.describe(), "checkpoint": iteration}
            self._protocol.write_network(folder / f"{model.plan.name}_at{iteration}.safetensors", weights, early)


def read_models(path: Path | str, protocol: str = "elman") -> list[dict[str, Any]]:
    """Read a table of models.

    Args:
        path: the table.
        protocol: of its models; it says which columns there are.

    Returns:
        its rows by those columns, :data:`twm.training.results.MODEL_COLUMNS` or others, numbers as numbers and empty cells as ``None``; none if there is no table.

    Raises:
        UserError: if the table is damaged, or from another version.
    """
    known = find_protocol(protocol)
    rows = _read_checked(Path(path), tuple(known.columns))
    return [{key: _read_value(text, key in known.texts) for key, text in row.items()} for row in rows]


def _read_value(text: str, is_text: bool) -> Any:
    # A commit may be all digits, and is a text.
    if is_text:
        return text
    if text == "":
        return None
    try:
        return int(text)
    except ValueError:
        return float(text)


def _read_checked(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    rows = read_rows(path)
    if rows:
        odd = sorted(set(rows[0]) ^ set(columns))
        reason = f"it differs in {', '.join(odd)}" if odd else "its columns have another order"
        require(
            list(rows[0]) == list(columns),
            f"{path} comes from another version ({reason}): move it away, or go on with that version",
        )
    return rows


def _name_cell(name: str, seed: int) -> str:
    return re.sub(rf"_s{seed}(?=_|$)", "", name, count=1)


def has_runs(place: Place) -> bool:
    """Tell whether a sweep has left rows, results or checkpoints in a place."""
    return place.rows.exists() or any(place.work.glob("*.result")) or any(place.work.glob("*.checkpoint"))


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used, so that nothing is lost, and return its new path."""
    number, target = 1, path.with_name(f"{path.name}.damaged")
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.damaged{number}")
    os.replace(path, target)
    return target


def remove_leftovers(place: Place) -> None:
    """Remove the temporary files of writers that were killed; only with the place locked."""
    patterns = [(place.work, "*"), (place.networks, "*")]
    patterns += [(path.parent, path.name) for path in (place.rows, place.curves)]
    for folder, name in patterns:
        # As tempfile names them: a dot, the file's name, a dot and eight letters.
        for path in folder.glob(f".{name}.????????"):
            path.unlink(missing_ok=True)
