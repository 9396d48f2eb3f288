"""Where a sweep leaves its rows, curves and networks, and how they get there whatever happens in between.

A model's checkpoint stays until its row is on record: networks are written first, then the curve, then the row. So a sweep
may be killed between any two steps: either the row is there, or the checkpoint from which it will come.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twm.errors import UserError, require
from twm.paths import build_dir, results_dir
from twm.records import Table, hold_lock
from twm.training.loop import TrainedModel, find_kind


def _keep_all(plan: Any) -> bool:
    return True


@dataclass(frozen=True)
class Place:
    """The files of one sweep."""

    rows: Path  # table of models
    curves: Path | None  # table of learning curves
    networks: Path | None  # folder of the networks to keep
    work: Path  # folder of checkpoints and the lock; nothing in it is needed once a sweep is done
    keeps: Callable[[Any], bool] = _keep_all  # whose networks belong there; the others go to work/networks
    protocol: str = "elman"  # of the models, see twm.training.loop.find_kind

    @property
    def table(self) -> Table:
        """The table of models."""
        kind = find_kind(self.protocol)
        return Table(self.rows, tuple(kind.columns), kind.texts, kind.key)

    @property
    def curve_table(self) -> Table | None:
        """The table of learning curves."""
        return self.curves and Table(self.curves, find_kind(self.protocol).curve_columns)

    def find_checkpoint(self, name: str) -> Path:
        """Return the path of a model's, or a group's, checkpoint."""
        return self.work / f"{name}.checkpoint"

    def has_runs(self) -> bool:
        """Tell whether a sweep has left rows or checkpoints here."""
        return self.rows.exists() or any(self.work.glob("*.checkpoint"))


def make_folder_place(folder: Path | str) -> Place:
    """Return the place of ``twm train --out FOLDER``: rows.csv, curves.csv, networks and unfinished."""
    folder = Path(folder)
    return Place(folder / "rows.csv", folder / "curves.csv", folder / "networks", folder / "unfinished")


def make_sweep_place(name: str, keeps: Callable[[Any], bool] = _keep_all, protocol: str = "elman") -> Place:
    """Return the place of a named sweep, among the recorded runs of the clone."""
    results, work = results_dir(), build_dir() / "sweeps" / name
    curves = results / "curves" / f"{name}.csv"
    return Place(results / f"{name}.csv", curves, results / "networks", work, keeps, protocol)


def read_models(path: Path | str, protocol: str = "elman") -> list[dict[str, Any]]:
    """Read a table of models: numbers as numbers, empty cells as ``None``; no rows if there is no table."""
    path = Path(path)
    return Place(path, None, None, path.parent, protocol=protocol).table.read()


@contextmanager
def lock_place(place: Place) -> Iterator[None]:
    """Keep a second sweep out of a place for as long as this process lives; remove what killed writers left there."""

    def say_taken(owner: str) -> str:
        return f"{place.rows} is being written by another sweep (process {owner}): wait for it, or stop it"

    with ExitStack() as stack:
        try:
            stack.enter_context(hold_lock(place.work / ".lock", say_taken, 0.0))
        except OSError as error:
            raise UserError(f"{place.work} cannot be written to: {error.strerror}") from error
        networks = place.networks and place.networks / "*"
        for path in filter(None, (place.rows, place.curves, networks, place.work / "*")):
            # As tempfile names them: a dot, the file's name, a dot and eight letters.
            for leftover in path.parent.glob(f".{path.name}.????????"):
                leftover.unlink(missing_ok=True)
        yield


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used, so that nothing is lost, and return its new path."""
    number, target = 1, path.with_name(f"{path.name}.damaged")
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.damaged{number}")
    path.replace(target)
    return target


class Recorder:
    """What leads a sweep's results into its tables: seed by seed, for each seed in the order of the plans.

    ``order`` are plans, these and others, that set the order where only some of a sweep are trained. A UserError is raised
    if a table is damaged or from another version, or a row says another thing than the plan of its name.
    """

    def __init__(self, place: Place, plans: Sequence[Any], order: Sequence[Any] | None = None) -> None:
        self._place, self._kind, self._plans = place, find_kind(place.protocol), plans
        self._order = [(self._kind.find_key(plan), plan.seed) for plan in (*(order or ()), *plans)]
        if place.curve_table:
            place.curve_table.read()
        known = {place.table.find_key(row): row for row in place.table.read()}
        self._known = set(known)
        for plan in plans:
            row = known.get(self._kind.find_key(plan), {})
            # The scale is a remark for readers.
            for name in row.keys() & set(self._kind.from_plan) - {"scale"}:
                found, value = row[name], getattr(plan, name)
                same = found == ("" if value is None and name in self._kind.texts else value)
                require(same, f"{place.rows}: the {name} of {plan.name} is {found}, not {value}: choose another place")

    def has(self, plan: Any) -> bool:
        """Tell whether a model is on record."""
        return self._kind.find_key(plan) in self._known

    def read_rows(self) -> list[dict[str, Any]]:
        """Return the rows of the models asked for."""
        asked, table = {self._kind.find_key(plan) for plan in self._plans}, self._place.table
        return [row for row in table.read() if table.find_key(row) in asked]

    def record(self, models: Sequence[TrainedModel]) -> None:
        """Write networks, curves and rows of models; the rows come last, and tell that all else is there."""
        place, kind = self._place, self._kind
        for model in models:
            self._write_networks(model)
        keys = [(kind.find_key(model.plan), model.plan.seed) for model in models]
        rows = [(place.table.find_key(row), row["seed"]) for row in place.table.read()]
        cells = {
            cell: place
            for place, cell in enumerate(dict.fromkeys(self._find_cell(*each) for each in [*self._order, *rows, *keys]))
        }
        ranks = {key: (seed, cells[self._find_cell(key, seed)]) for key, seed in [*rows, *keys]}
        if place.curve_table and models:
            points = [point for model in models for point in model.curve]
            place.curve_table.add(points, lambda point: ranks.get((point["model"],), (float("inf"), 0)))
        place.table.add([model.row for model in models], lambda row: ranks[place.table.find_key(row)])
        self._known |= {key for key, _ in keys}

    def _find_cell(self, key: tuple[str, ...], seed: int) -> tuple[str, ...]:
        """Return what is left of a key without the seed."""
        parts = zip(self._kind.key, key)
        return tuple(re.sub(rf"_s{seed}(?=_|$)", "", part, count=1) for name, part in parts if name != "seed")

    def _write_networks(self, model: TrainedModel) -> None:
        place, plan = self._place, model.plan
        if place.networks is None:
            return
        write = self._kind.write_network
        folder = place.networks if place.keeps(plan) else place.work / "networks"
        about = self._kind.describe_plan(plan)
        if model.weights is not None:
            told = {key: model.row[key] for key in ("accuracy", "checkpoint", "torch", "commit", "date")}
            write(folder / f"{plan.name}.safetensors", model.weights, about | told)
        for iteration, weights in model.snapshots.items():
            write(folder / f"{plan.name}_at{iteration}.safetensors", weights, about | {"checkpoint": iteration})
