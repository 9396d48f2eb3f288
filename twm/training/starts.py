"""How soon networks learn from different initial weights, compared over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twm.errors import require
from twm.training.comparison import RatioSummary, summarise_ratio


@dataclass(frozen=True, eq=False)
class StartSummary:
    """All networks of one task and one start.

    Attributes:
        task: its name.
        init: how the initial weights were drawn, see :func:`twm.kernels.draw_weights`.
        iterations: by seed, the first test with 99% of the signs right; ``None`` where there was none.
        cap: iterations after which a network was given up.
        ratio: iterations by those of the baseline, over the seeds of both; ``None`` for the baseline itself.
        rank_theory: eigenvalues that theory predicts.
        ranks: by seed, eigenvalues of the kept network with a magnitude above 0.9.
        argument_errors: of the networks with equal ranks, in radians.
    """

    task: str
    init: str
    iterations: dict[int, int | None]
    cap: int
    ratio: RatioSummary | None
    rank_theory: int
    ranks: dict[int, int]
    argument_errors: list[float]

    @property
    def reached(self) -> int:
        """How many networks came to 99%."""
        return sum(count is not None for count in self.iterations.values())

    @property
    def median(self) -> float:
        """Median iterations; a network that never arrived counts with the cap, so the median may be a lower bound."""
        return float(np.median([self.cap if count is None else count for count in self.iterations.values()]))


def summarise_starts(
    rows: Sequence[Mapping[str, Any]], baseline: str = "uniform"
) -> dict[tuple[str, str], StartSummary]:
    """Compare every start with a baseline, task by task.

    Networks of one seed share data, encoder and readout, so they are paired. A network of the start that never came to 99%
    counts as infinite, one of the baseline with the iterations it was given: both against the start.

    Args:
        rows: of a table of models, see :func:`twm.training.read_models`.
        baseline: the start to compare with.

    Returns:
        by (task, init), in the order of the rows.

    Raises:
        UserError: if a task has no network of the baseline, or a network occurs twice.
    """
    groups: dict[tuple[str, str], dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        runs = groups.setdefault((row["task"], row["init"]), {})
        require(row["seed"] not in runs, f"{row['task']}, {row['init']}, seed {row['seed']} occurs twice")
        runs[row["seed"]] = row
    found = {}
    for (task, init), runs in groups.items():
        require((task, baseline) in groups, f"{task} has no network with the initial weights {baseline!r}")
        ratio = None if init == baseline else summarise_ratio(runs, groups[task, baseline])
        found[task, init] = StartSummary(
            task,
            init,
            {seed: row["iterations_to_99"] for seed, row in runs.items()},
            max(row["iterations"] for group, rest in groups.items() if group[0] == task for row in rest.values()),
            ratio,
            next(iter(runs.values()))["rank_theory"],
            {seed: row["rank_network"] for seed, row in runs.items()},
            [row["argument_error"] for row in runs.values() if row["argument_error"] is not None],
        )
    return found
