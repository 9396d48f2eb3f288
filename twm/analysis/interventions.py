"""Reaching into a running network: swap or write one variable, and see what follows.

A variable that a network merely correlates with can be read. Only one that it uses can be changed: then the outputs that
theory derives from the variable must follow, and all others must stay. Each intervention is judged on both.

What is in the variable before it is changed can be taken from two places. ``read`` asks the dual basis, which needs a
network that keeps its variables in as many directions as there are variables. ``theory`` takes what the task says must be
there; it works where variables are packed into fewer directions, and where they can be added to but not read off linearly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twm.analysis.recovery import RecoveredBasis, StateSample, find_copies
from twm.analysis.systems import StateSystem
from twm.errors import require, require_count

_CONTENTS = ("read", "theory")


@dataclass(frozen=True, eq=False)
class Intervention:
    """What theory predicts after an intervention, and what the network did: outputs (steps, batch, dim)."""

    predicted: np.ndarray  # after the intervention, by theory
    undisturbed: np.ndarray  # without it, by theory
    done: np.ndarray  # the network's, after the intervention

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
        """Share of the outputs that must change that are as predicted; None where none must change."""
        return float(self.right[self.must_change].mean()) if self.must_change.any() else None

    @property
    def unchanged(self) -> float | None:
        """Share of the other outputs that are as predicted; None where all must change."""
        return None if self.must_change.all() else float(self.right[~self.must_change].mean())


def interchange_variable(
    system: StateSystem, recovered: RecoveredBasis, sample: StateSample, column: int, step: int,
    steps: int | None = None, content: str = "read",
) -> Intervention:  # fmt: skip
    """Swap one variable between runs: each run gets the content of the run before it, everything else stays.

    Column 0 is the oldest; the step counts from the end of the input phase; watched for three laps if ``steps`` is not given.
    """
    _, places = _find_places(recovered, sample, [column], step, content)
    require(sample.states.shape[1] > 1, "an interchange needs two runs at least")
    before = recovered.read_waves(sample.states[step]) if content == "read" else sample.waves[step]
    move = np.where(places, np.roll(before, 1, axis=0) - before, 0.0)
    wanted = np.where(places, np.roll(sample.waves[step], 1, axis=0), sample.waves[step])
    return _carry_out(system, recovered, sample, step, steps, wanted, move)


def write_variable(
    system: StateSystem, recovered: RecoveredBasis, sample: StateSample, columns: int | Sequence[int],
    contents: np.ndarray, step: int, steps: int | None = None, content: str = "read",
) -> Intervention:  # fmt: skip
    """Set variables to contents (dim,) or (columns, dim), the same for all runs; what f never reads is ignored.

    A content of 0 is no content: it silences the outputs that depend on the variable. The rest is as for
    :func:`interchange_variable`.
    """
    columns = [columns] if np.ndim(columns) == 0 else list(columns)
    inside, places = _find_places(recovered, sample, columns, step, content)
    dim = len(sample.observable.readout)
    contents = np.asarray(contents, dtype=float).reshape(-1, dim)
    shape = (len(columns), dim)
    require(contents.shape == shape, f"{len(columns)} variables need contents of shape {shape}, not {contents.shape}")
    substrate = np.zeros((sample.history, dim))
    substrate[columns] = contents
    asked = substrate.reshape(-1)[list(recovered.coordinates)][inside]
    # Copies are the same memory: what is written to one is written to all.
    expansion = find_copies(sample.observable.operator, step)[1]
    kinds = expansion[inside].any(axis=0)
    written = expansion[:, kinds] @ np.linalg.lstsq(expansion[inside][:, kinds], asked, rcond=None)[0]
    same = np.allclose(written[inside], asked)
    require(same, f"by step {step} some of these variables are copies of one another: give them the same content")
    before = recovered.read_waves(sample.states[step]) if content == "read" else sample.waves[step]
    move, wanted = np.where(places, written - before, 0.0), np.where(places, written, sample.waves[step])
    return _carry_out(system, recovered, sample, step, steps, wanted, move)


def _carry_out(system, recovered, sample, step, steps, wanted, move) -> Intervention:
    steps = 3 * sample.history if steps is None else require_count(steps, "steps")
    states = system.run(sample.states[step] + move @ recovered.basis.T, steps)
    theory = (sample.predict_outputs(waves, steps) for waves in (wanted, sample.waves[step]))
    return Intervention(*theory, system.read(states))


def _find_places(recovered, sample, columns, step, content) -> tuple[np.ndarray, np.ndarray]:
    """Mark the needed coordinates (rank,) that belong to columns, and those that change with them as their copies."""
    require(recovered.coordinates is not None, "the needed part of this task is not a set of variables")
    rank = sample.observable.rank
    require(recovered.rank == rank, f"the basis has {recovered.rank} columns, the task {rank}")
    require(content in _CONTENTS, f"content must be one of {', '.join(_CONTENTS)}, not {content!r}")
    most, known = max(require_count(column, "column", least=0) for column in columns), sample.history - 1
    require(most <= known, f"the substrate has columns 0 to {known}, not {most}")
    past = require_count(step, "step", least=0) > sample.horizon
    require(not past, f"the sample has {sample.horizon} steps after the input phase, not {step}")
    inside = np.isin(np.array(recovered.coordinates) // len(sample.observable.readout), columns)
    expansion = find_copies(sample.observable.operator, step)[1]
    touched = expansion[inside].any(axis=0)
    return inside, inside | expansion[:, touched].any(axis=1)


@dataclass(frozen=True, eq=False)
class InterventionShares:
    """How often outputs did as predicted, for each of n steps and m variables."""

    steps: tuple[int, ...]  # (n,) after the input phase
    columns: tuple[int, ...]  # (m,) the variables, those that f reads anything of
    changed: np.ndarray  # (n, m) share of the outputs that must change that followed
    unchanged: np.ndarray  # (n, m) share of the others that stayed

    def summarise(self) -> dict[str, Any]:
        """Return the least shares over variables and steps."""
        least = {"changed": float(self.changed.min()), "unchanged": float(self.unchanged.min())}
        return least | {"steps": list(self.steps)}


def try_interventions(
    system: StateSystem,
    sample: StateSample,
    steps: Sequence[int],
    find_basis: Callable[[int], RecoveredBasis],
    content: str,
) -> InterventionShares:
    """Interchange every variable at every given step, in the basis that is found for the step, between neighbouring runs."""
    changed, unchanged, columns = [], [], ()
    for step in steps:
        basis = find_basis(step)
        columns = tuple(sorted({place // len(sample.observable.readout) for place in basis.coordinates or ()}))
        done = [interchange_variable(system, basis, sample, column, step, content=content) for column in columns]
        changed.append([1.0 if one.changed is None else one.changed for one in done])
        unchanged.append([1.0 if one.unchanged is None else one.unchanged for one in done])
    return InterventionShares(tuple(steps), columns, np.array(changed), np.array(unchanged))
