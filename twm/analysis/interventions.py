"""Interventions on a running network: replace or write one variable, and test which outputs change.

The value that is removed is either decoded by the dual or given by the theory. The latter also works where variables
are compressed into fewer directions than there are variables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twm.analysis.recovery import RecoveredBasis, StateSample, find_copies
from twm.analysis.systems import StateSystem
from twm.errors import check_name, require, require_count


@dataclass(frozen=True, eq=False)
class Intervention:
    """Outputs (steps, batch, dim) after an intervention, as predicted by the theory and as computed by the network."""

    predicted: np.ndarray  # prediction with the intervention
    undisturbed: np.ndarray  # prediction without it
    done: np.ndarray  # the network's outputs with it

    @property
    def must_change(self) -> np.ndarray:
        """(steps, batch, dim) True where the predicted output differs from that without the intervention."""
        return np.abs(self.predicted - self.undisturbed) > 1e-9

    @property
    def right(self) -> np.ndarray:
        """(steps, batch, dim) True where an output has the predicted sign, or a magnitude below 0.5 where 0 is predicted."""
        silent = np.abs(self.predicted) < 1e-9
        return np.where(silent, np.abs(self.done) < 0.5, np.sign(self.done) == np.sign(self.predicted))

    @property
    def changed(self) -> float:
        """Share of correct outputs among those that must change; 1 if there are none."""
        return _share(self.right[self.must_change])

    @property
    def unchanged(self) -> float:
        """Share of correct outputs among those that must not change; 1 if there are none."""
        return _share(self.right[~self.must_change])


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if right.size else 1.0


def interchange_variable(
    system: StateSystem, recovered: RecoveredBasis, sample: StateSample, column: int, step: int,
    steps: int | None = None, content: str = "read",
) -> Intervention:  # fmt: skip
    """Swap one variable, with its copies, between runs: each run gets the stored value of the run before it; the rest stays.

    Column 0 is the oldest; ``step`` counts from the end of the input phase. ``steps`` steps follow, by default three periods."""
    inside, expansion, before = _prepare(recovered, sample, [column], step, content)
    require(sample.states.shape[1] > 1, "an interchange needs at least two runs")
    places = inside | expansion[:, expansion[inside].any(axis=0)].any(axis=1)
    move, after = np.roll(before, 1, axis=0) - before, np.roll(sample.waves[step], 1, axis=0)
    return _carry_out(system, recovered, sample, step, steps, places, after, move)


def write_variable(
    system: StateSystem, recovered: RecoveredBasis, sample: StateSample, columns: int | Sequence[int],
    contents: np.ndarray, step: int, steps: int | None = None, content: str = "read",
) -> Intervention:  # fmt: skip
    """Set variables to contents (dim,) or (columns, dim), equal for all runs; components that f never reads are ignored."""
    columns = np.atleast_1d(columns).tolist()
    inside, expansion, before = _prepare(recovered, sample, columns, step, content)
    shape = (len(columns), len(sample.observable.readout))
    contents = np.atleast_2d(np.asarray(contents, dtype=float))
    require(contents.shape == shape, f"{len(columns)} variables need contents of shape {shape}, not {contents.shape}")
    substrate = np.zeros((sample.history, shape[1]))
    substrate[columns] = contents
    asked = substrate.reshape(-1)[list(recovered.coordinates)][inside]
    # Copies store the same value: writing to one writes to all.
    kinds = expansion[inside].any(axis=0)
    written = expansion[:, kinds] @ np.linalg.lstsq(expansion[inside][:, kinds], asked, rcond=None)[0]
    same = np.allclose(written[inside], asked)
    require(same, f"by step {step} some of these variables are copies of one another: give them the same content")
    places = inside | expansion[:, kinds].any(axis=1)
    return _carry_out(system, recovered, sample, step, steps, places, written, written - before)


def _carry_out(system, recovered, sample, step, steps, places, wanted, move) -> Intervention:
    """Add ``move`` at the places and run on; the prediction is that they then hold the wanted values."""
    steps, now = 3 * sample.history if steps is None else require_count(steps, "steps"), sample.waves[step]
    states = system.run(sample.states[step] + np.where(places, move, 0.0) @ recovered.basis.T, steps)
    theory = (sample.predict_outputs(waves, steps) for waves in (np.where(places, wanted, now), now))
    return Intervention(*theory, system.read(states))


def _prepare(recovered, sample, columns, step, content) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mask (rank,) of the columns' observable coordinates, the expansion of copies at ``step``, and all values."""
    require(recovered.coordinates is not None, "the observable subspace of this task is not a set of coordinates")
    rank = sample.observable.rank
    require(recovered.rank == rank, f"the basis has {recovered.rank} columns, the task {rank}")
    check_name("content", content, ("read", "theory"))
    most, known = max(require_count(column, "column", least=0) for column in columns), sample.history - 1
    require(most <= known, f"the substrate has columns 0 to {known}, not {most}")
    past = require_count(step, "step", least=0) > sample.horizon
    require(not past, f"the sample has {sample.horizon} steps after the input phase, not {step}")
    inside = np.isin(np.array(recovered.coordinates) // len(sample.observable.readout), columns)
    before = recovered.read_waves(sample.states[step]) if content == "read" else sample.waves[step]
    return inside, find_copies(sample.observable.operator, step)[1], before


@dataclass(frozen=True, eq=False)
class InterventionShares:
    """Shares of correct outputs after interventions, for each of n steps and m variables."""

    steps: tuple[int, ...]  # (n,) after the input phase
    columns: tuple[int, ...]  # (m,) the variables, those with an observable coordinate
    changed: np.ndarray  # (n, m) share of correct outputs among those that must change
    unchanged: np.ndarray  # (n, m) share of correct outputs among the others

    def summarise(self) -> dict[str, Any]:
        """Return the least shares over variables and steps, and the steps."""
        least = {"changed": float(self.changed.min()), "unchanged": float(self.unchanged.min())}
        return least | {"steps": list(self.steps)}


def try_interventions(
    system: StateSystem, sample: StateSample, steps: Sequence[int], find_basis: Callable[[int], RecoveredBasis],
    content: str,
) -> InterventionShares:  # fmt: skip
    """Interchange every variable between neighbouring runs at every given step, in the basis that ``find_basis`` returns."""
    dim, columns = len(sample.observable.readout), ()
    shares = np.ones((2, len(steps), sample.history))
    for at, step in enumerate(steps):
        basis = find_basis(step)
        columns = tuple(sorted({place // dim for place in basis.coordinates or ()}))
        for column in columns:
            done = interchange_variable(system, basis, sample, column, step, content=content)
            shares[:, at, column] = done.changed, done.unchanged
    return InterventionShares(tuple(steps), columns, *shares[..., list(columns)])
