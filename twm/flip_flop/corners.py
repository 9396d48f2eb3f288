"""Where a flip-flop network rests, and the saddles between."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from twm.errors import require
from twm.fixed_points import SlowPoints, draw_starts, find_slow_points
from twm.flip_flop.runs import FlipFlopRun, read_flip_flop, run_freely, run_network
from twm.records import read_rows, write_rows
from twm.sequence_tasks import FlipFlop

#: Name of the table of slow points, beside that of the sweep.
POINT_TABLE = "flipflop_points.csv"
#: A table of slow points: its columns and what they mean.
POINT_COLUMNS: dict[str, str] = {
    "model": "the network, as in flipflop.csv",
    "delay": "of its task",
    "seed": "of its training",
    "starts": "how many starts were followed",
    "fixed": "distinct fixed points, q at most 1e-20",
    "slow": "other minima of q, at most 0.01",
    "counts": "fixed points with 0, 1, 2, ... unstable directions",
    "most_unstable_slow": "most unstable directions of a slow point that is not fixed; empty without one",
    "corners": "output states near which a stable fixed point lies",
    "corner_unstable": "unstable directions of the fixed point nearest to rest at each output state",
    "seconds": "time it took",
}


def find_network_points(run: FlipFlopRun, count: int = 500, seed: int = 0, iterations: int = 200) -> SlowPoints:
    """Find slow points of a network without input, from starts between the states it has been in.

    Args:
        run: of the network.
        count: starts.
        seed: of the starts.
        iterations: at most, for a start.

    Returns:
        the distinct points. Of each the mirror image is one too, since tanh is odd; it is looked for where no start led to
        it, and counted among the points but not among the starts.

    Source: mem Sec. 2, Sec. 4, Fig. 6.
    """
    recurrent = run.weights.recurrent
    visited = torch.from_numpy(run.states[run.warm :].reshape(-1, len(recurrent)))
    starts = draw_starts(visited, count, seed=seed)

    def step(states: torch.Tensor) -> torch.Tensor:
        return torch.tanh(states @ recurrent.T)

    found = find_slow_points(step, starts, iterations=iterations)
    if not len(found):
        return found
    both = find_slow_points(step, torch.cat([found.states, -found.states]), iterations=iterations)
    names = ("starts", "runaways", "unsettled", "merged", "too_fast")
    return replace(both, **{name: getattr(found, name) for name in names})


@dataclass(frozen=True, eq=False)
class Resting:
    """Where a network comes to rest for each output state.

    Attributes:
        corners: (8, channels) the output states.
        found: (8,) whether the network says this output state when left alone.
        amplitudes: (8,) largest swing of a neuron after a long time: 0 at a fixed point.
        centres: (8, hidden) mean state there.
        orbits: (8, steps, hidden) the last steps.
    """

    corners: np.ndarray
    found: np.ndarray
    amplitudes: np.ndarray
    centres: np.ndarray
    orbits: np.ndarray


def find_resting(run: FlipFlopRun, settle: int = 2000, watch: int = 240) -> Resting:
    """Leave a network alone in each output state and see whether it stands still.

    Args:
        run: of the network; its states of rest are where it starts from.
        settle: steps before it is watched.
        watch: steps for which it is.

    Returns:
        what it does at each output state.

    Raises:
        UserError: if the run has no state of rest for some output state.

    Source: mem Sec. 4.
    """
    quiet = run.mark_quiet()
    states, signs = run.states[quiet], run.signs[quiet]
    corners = np.array(list(product((-1, 1), repeat=run.task.channels)))
    starts = []
    for corner in corners:
        mine = states[(signs == corner).all(1)]
        require(len(mine) > 0, f"the run never rests in the output state {corner.tolist()}: make it longer")
        starts.append(mine[0])
    moved, outputs = run_freely(run.weights, np.array(starts), settle + watch)
    orbits = moved[settle:].swapaxes(0, 1)
    found = (outputs[settle:] * corners > 0).all((0, 2))
    swing = (orbits.max(1) - orbits.min(1)).max(1)
    return Resting(corners, found, swing, orbits.mean(1), orbits)


def fit_cube(resting: Resting) -> float:
    """Return R^2 of the eight centres as an affine image of the cube's corners, in their first three components.

    Source: mem Fig. 2.
    """
    centred = resting.centres - resting.centres.mean(0)
    values = centred @ np.linalg.svd(centred, full_matrices=False)[2][:3].T
    design = np.c_[resting.corners, np.ones(len(values))]
    rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return float(1 - (rest**2).sum() / (values**2).sum())


def describe_points(points: SlowPoints, run: FlipFlopRun, resting: Resting) -> dict[str, Any]:
    """Summarise slow points as a row of :data:`POINT_COLUMNS`, without model and time."""
    unstable, fixed = points.unstable.numpy(), points.fixed.numpy()
    counts = [int(((unstable == number) & fixed).sum()) for number in range(int(unstable[fixed].max(initial=0)) + 1)]
    outputs = np.tanh(points.states.numpy() @ run.weights.readout.numpy().T)
    stable = {tuple(np.sign(out)) for out in outputs[fixed & (unstable == 0)]}
    near = []
    for corner, centre in zip(resting.corners, resting.centres):
        mine = np.flatnonzero(fixed & (outputs * corner > 0).all(1))
        distance = np.linalg.norm(points.states.numpy()[mine] - centre, axis=1)
        near.append(int(unstable[mine[distance.argmin()]]) if len(mine) else -1)
    slow = unstable[~fixed]
    return {
        "delay": run.task.delay,
        "starts": points.starts,
        "fixed": int(fixed.sum()),
        "slow": int((~fixed).sum()),
        "counts": " ".join(map(str, counts)),
        "most_unstable_slow": int(slow.max()) if len(slow) else None,
        "corners": len(stable),
        "corner_unstable": " ".join(map(str, near)),
    }


def record_points(networks: Path, table: Path, names: Sequence[str], say: Callable[[str], None] = print) -> None:
    """Find the slow points of networks that are not in the table yet, and add a row each.

    Args:
        networks: folder of the networks.
        table: the CSV file.
        names: of the networks.
        say: where lines go.

    Raises:
        UserError: if a network cannot be read.
    """
    rows: list[dict[str, Any]] = list(read_rows(table))
    for name in names:
        if name in {row["model"] for row in rows}:
            continue
        weights, about = read_flip_flop(networks / f"{name}.safetensors")
        run = run_network(weights, FlipFlop(about["delay"], reading=about["reading"]))
        started = time.perf_counter()
        found = describe_points(find_network_points(run, 600), run, find_resting(run))
        row = {"model": name, "seed": about["seed"], "seconds": round(time.perf_counter() - started, 1)} | found
        rows = sorted([*rows, row], key=lambda each: (int(each["delay"]), int(each["seed"])))
        write_rows(table, rows, list(POINT_COLUMNS))
        say(f"{name}: {row['fixed']} fixed points with 0, 1, 2, ... unstable directions: {row['counts']}")


def read_points(table: Path | str) -> list[dict[str, Any]]:
    """Read a table of slow points.

    Returns:
        rows by :data:`POINT_COLUMNS`: numbers as numbers, lists as lists, empty cells as ``None``; none if there is no table.

    Raises:
        UserError: if the table is damaged, or from another version.
    """
    rows = read_rows(table)
    for row in rows:
        require(set(row) == set(POINT_COLUMNS), f"{table} comes from another version: move it away")
    lists, texts = ("counts", "corner_unstable"), ("model",)
    return [
        {
            key: text
            if key in texts
            else [int(part) for part in text.split()]
            if key in lists
            else None
            if text == ""
            else float(text)
            if "." in text
            else int(text)
            for key, text in row.items()
        }
        for row in rows
    ]
