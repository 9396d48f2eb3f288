"""Where a sweep leaves its rows, curves, networks and checkpoints, and in which order."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from twm.errors import UserError
from twm.paths import build_dir, results_dir
from twm.records import Table, hold_lock
from twm.training.loop import TrainedModel, find_kind


@dataclass(frozen=True)
class Place:
    """The files of one sweep."""

    rows: Path  # table of models
    curves: Path | None  # table of learning curves
    networks: Path | None  # folder of the networks to keep
    work: Path  # folder of checkpoints and the lock; nothing in it is needed once a sweep is done
    keeps: Callable[[Any], bool] = lambda plan: True  # whose networks belong there; the others go to work/networks
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


def make_folder_place(folder: Path | str) -> Place:
    """Return the place of ``twm train --out FOLDER``: rows.csv, curves.csv, networks and unfinished."""
    folder = Path(folder)
    return Place(folder / "rows.csv", folder / "curves.csv", folder / "networks", folder / "unfinished")


def make_sweep_place(name: str, keeps: Callable[[Any], bool] = Place.keeps, protocol: str = "elman") -> Place:
    """Return the place of a named sweep, among the recorded runs of the clone."""
    results, work = results_dir(), build_dir() / "sweeps" / name
    curves = results / "curves" / f"{name}.csv"
    return Place(results / f"{name}.csv", curves, results / "networks", work, keeps, protocol)


def read_models(path: Path | str, protocol: str = "elman") -> list[dict[str, Any]]:
    """Read a table of models: numbers as numbers, empty cells as ``None``; no rows if there is no table."""
    return Place(Path(path), None, None, Path(path).parent, protocol=protocol).table.read()


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
    places = (path.with_name(f"{path.name}.damaged{number if number > 1 else ''}") for number in count(1))
    return path.replace(next(place for place in places if not place.exists()))


def record_models(place: Place, models: Sequence[TrainedModel], order: Sequence[Any]) -> None:
    """Write networks, curves and rows of models, the rows last, because they tell that all else is there.

    Tables are sorted by seeds, and for each seed as the plans in ``order`` are, what else is there behind them.
    """
    kind, table, curves = find_kind(place.protocol), place.table, place.curve_table
    for model in models if place.networks else ():
        _write_networks(place, model)
    seeds = {kind.find_key(plan): plan.seed for plan in order}
    seeds |= {table.find_key(row): row["seed"] for row in table.read()}
    seeds |= {kind.find_key(model.plan): model.plan.seed for model in models}
    # What is left of a key without the seed.
    cells = {
        key: tuple(
            re.sub(rf"_s{seed}(?=_|$)", "", part, count=1) for name, part in zip(kind.key, key) if name != "seed"
        )
        for key, seed in seeds.items()
    }
    ranks = {cell: rank for rank, cell in enumerate(dict.fromkeys(cells.values()))}
    ranks = {key: (seed, ranks[cells[key]]) for key, seed in seeds.items()}
    if curves:
        points = [point for model in models for point in model.curve]
        curves.add(points, lambda point: ranks.get((point["model"],), (float("inf"), 0)))
    table.add([model.row for model in models], lambda row: ranks[table.find_key(row)])


def _write_networks(place: Place, model: TrainedModel) -> None:
    kind, plan = find_kind(place.protocol), model.plan
    folder, about = place.networks if place.keeps(plan) else place.work / "networks", kind.describe_plan(plan)
    if model.weights is not None:
        told = {key: model.row[key] for key in ("accuracy", "checkpoint", "torch", "commit", "date")}
        kind.write_network(folder / f"{plan.name}.safetensors", model.weights, about | told)
    for iteration, weights in model.snapshots.items():
        kind.write_network(
            folder / f"{plan.name}_at{iteration}.safetensors", weights, about | {"checkpoint": iteration}
        )
