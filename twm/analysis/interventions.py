"""Reaching into a running network: swap, write or knock out one variable, and see what follows.

A variable that a network merely correlates with can be read. Only one that it uses can be changed: then the outputs that
theory derives from the variable must follow, and all others must stay. Each intervention is judged on both.

What is in the variable before it is changed can be taken from two places. ``read`` asks the dual basis, which needs a
network that keeps its variables in as many directions as there are variables. ``theory`` takes what the task says must be
there; it works where variables are packed into fewer directions, and where they can be added to but not read off linearly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twm.analysis.recovery import RecoveredBasis, StateSample, StateSystem, find_copies
from twm.errors import require, require_count

CONTENTS = ("read", "theory")


@dataclass(frozen=True, eq=False)
class Intervention:
    """What theory predicts after an intervention, and what the network did.

    Attributes:
        kind: ``interchange``, ``write`` or ``knock out``.
        columns: the substrate's columns that were changed, 0 the oldest.
        step: when, in steps after the input phase; 0 is its end.
        predicted: (steps, batch, dim) outputs after the intervention, by theory.
        undisturbed: (steps, batch, dim) outputs without it, by theory.
        done: (steps, batch, dim) the network's outputs after the intervention.
    """

    kind: str
    columns: tuple[int, ...]
    step: int
    predicted: np.ndarray
    undisturbed: np.ndarray
    done: np.ndarray

    @property
    def must_change(self) -> np.ndarray:
        """(steps, batch, dim) True where theory predicts another output than without the intervention."""
        return np.abs(self.predicted - self.undisturbed) > 1e-9

    @property
    def right(self) -> np.ndarray:
        """(steps, batch, dim) True where the network's output has the predicted sign; below 0.5 where 0 is predicted."""
        silent = np.abs(self.predicted) < 1e-9
        return np.where(silent, np.abs(self.done) < 0.5, np.sign(self.done) == np.sign(self.predicted))

    @property
    def changed(self) -> float | None:
        """Share of the outputs that must change that are as predicted; ``None`` where none must change."""
        chosen = self.must_change
        return float(self.right[chosen].mean()) if chosen.any() else None

    @property
    def unchanged(self) -> float | None:
        """Share of the other outputs that are as predicted; ``None`` where all must change."""
        chosen = ~self.must_change
        return float(self.right[chosen].mean()) if chosen.any() else None


def interchange_variable(
    system: StateSystem,
    recovered: RecoveredBasis,
    sample: StateSample,
    column: int,
    step: int,
    steps: int | None = None,
    content: str = "read",
) -> Intervention:
    """Swap one variable between runs: each run gets the content of the run before it, everything else stays.

    Args:
        system: the network.
        recovered: a basis of it.
        sample: its runs, two at least.
        column: which variable, 0 the oldest.
        step: when, in steps after the input phase.
        steps: how long to watch; three laps if not given.
        content: where the contents are taken from, ``read`` or ``theory``.

    Raises:
        UserError: if a number is out of range or basis and sample do not fit.
    """
    column, step, places = _check(recovered, sample, [column], step, content)
    require(sample.states.shape[1] > 1, "an interchange needs two runs at least")
    waves = sample.waves[step]
    wanted = waves.copy()
    wanted[:, places] = np.roll(waves, 1, axis=0)[:, places]
    if content == "read":
        read = recovered.read_waves(sample.states[step])
        move = np.zeros_like(read)
        move[:, places] = np.roll(read, 1, axis=0)[:, places] - read[:, places]
    else:
        move = wanted - waves
    return _carry_out("interchange", system, recovered, sample, column, step, steps, wanted, move)


def write_variable(
    system: StateSystem,
    recovered: RecoveredBasis,
    sample: StateSample,
    columns: int | Sequence[int],
    contents: np.ndarray,
    step: int,
    steps: int | None = None,
    content: str = "read",
) -> Intervention:
    """Set variables to a content of our choice.

    Args:
        system, recovered, sample, step, steps, content: as for :func:`interchange_variable`.
        columns: one variable or several.
        contents: (dim,) or (columns, dim), the same for all runs; dimensions that f never reads are ignored.

    Raises:
        UserError: as :func:`interchange_variable`.
    """
    columns = [columns] if np.ndim(columns) == 0 else list(columns)
    columns, step, places = _check(recovered, sample, columns, step, content)
    dim = len(sample.observable.readout)
    contents = np.asarray(contents, dtype=float).reshape(-1, dim)
    require(
        len(contents) == len(columns),
        f"{len(columns)} variables need contents of shape {(len(columns), dim)}, not {contents.shape}",
    )
    by_place = {column * dim + at: value for column, row in zip(columns, contents) for at, value in enumerate(row)}
    by_place = _spread_to_copies(recovered, sample, step, places, by_place)
    return _set("write", system, recovered, sample, columns, step, steps, content, places, by_place)


def knock_out_variable(
    system: StateSystem,
    recovered: RecoveredBasis,
    sample: StateSample,
    column: int,
    step: int,
    steps: int | None = None,
    content: str = "read",
) -> Intervention:
    """Empty one variable: its content becomes 0, which is no content, and so do the outputs that depend on it.

    Args and Raises: as :func:`interchange_variable`.
    """
    columns, step, places = _check(recovered, sample, [column], step, content)
    empty = {place: 0.0 for place in np.array(recovered.coordinates)[places]}
    return _set("knock out", system, recovered, sample, columns, step, steps, content, places, empty)


def _spread_to_copies(recovered, sample, step, places, by_place) -> dict[int, float]:
    """Give copies of the written coordinates their content too."""
    _, expansion = find_copies(sample.observable.operator, step)
    coordinates = np.array(recovered.coordinates)
    contents: dict[int, float] = {}
    for index in places:
        kind = int(np.flatnonzero(expansion[index])[0])
        if coordinates[index] in by_place:
            asked = by_place[coordinates[index]] / expansion[index, kind]
            same = contents.setdefault(kind, asked) == asked
            require(
                same, f"by step {step} some of these variables are copies of one another: give them the same content"
            )
    return {
        coordinates[i]: float(expansion[i] @ [contents.get(k, 0.0) for k in range(expansion.shape[1])]) for i in places
    }


def _set(kind, system, recovered, sample, columns, step, steps, content, places, by_place) -> Intervention:
    waves = sample.waves[step]
    wanted = waves.copy()
    wanted[:, places] = [by_place[place] for place in np.array(recovered.coordinates)[places]]
    now = recovered.read_waves(sample.states[step]) if content == "read" else waves
    move = np.zeros_like(now)
    move[:, places] = wanted[:, places] - now[:, places]
    return _carry_out(kind, system, recovered, sample, columns, step, steps, wanted, move)


def _carry_out(kind, system, recovered, sample, columns, step, steps, wanted, move) -> Intervention:
    steps = 3 * sample.history if steps is None else require_count(steps, "steps")
    states = system.run(sample.states[step] + move @ recovered.basis.T, steps)
    return Intervention(
        kind,
        tuple(columns),
        step,
        sample.predict_outputs(wanted, steps),
        sample.predict_outputs(sample.waves[step], steps),
        system.read(states),
    )


def _check(recovered: RecoveredBasis, sample: StateSample, columns: list[int], step: int, content: str):
    require(recovered.coordinates is not None, "the needed part of this task is not a set of variables")
    require(
        recovered.rank == sample.observable.rank,
        f"the basis has {recovered.rank} columns, the task {sample.observable.rank}",
    )
    require(content in CONTENTS, f"content must be one of {', '.join(CONTENTS)}, not {content!r}")
    step = require_count(step, "step", least=0)
    require(step <= sample.horizon, f"the sample has {sample.horizon} steps after the input phase, not {step}")
    columns = [require_count(column, "column", least=0) for column in columns]
    dim = len(sample.observable.readout)
    most = max(columns)
    require(most < sample.history, f"the substrate has columns 0 to {sample.history - 1}, not {most}")
    inside = np.isin(np.array(recovered.coordinates) // dim, columns)
    # What has become a copy of a changed variable is the same memory, and changes with it.
    _, expansion = find_copies(sample.observable.operator, step)
    touched = (expansion[inside] != 0).any(axis=0)
    inside |= (expansion[:, touched] != 0).any(axis=1)
    return columns, step, np.flatnonzero(inside)
