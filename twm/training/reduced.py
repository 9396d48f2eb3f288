"""Smaller versions of the named sweeps, for the profiles that train everything on the spot.

``smoke`` exercises every analysis on networks that take a second or so; ``laptop`` keeps the paper's tasks and sizes where
it can and cuts iterations and seeds.
"""

from collections.abc import Callable
from dataclasses import replace

from twm.errors import require
from twm.training.plans import ModelPlan
from twm.training.table1 import HIDDEN_SIZES, L2_VALUES, TASKS

_SMOKE = ModelPlan(
    "repeat-copy:3,2", 32, iterations=600, learning_rate=3e-3, horizons=(4, 8, 16, 24), test_every=50, test_count=128,
    test_horizon=48, multiples=(1, 2, 10), curve_points=60,
)  # fmt: skip
_LAPTOP = ModelPlan("repeat-copy:8,4", iterations=4000, test_every=100, multiples=(1, 2, 10), curve_points=80)


def _table1(seed: int, smoke: bool) -> list[ModelPlan]:
    cells = [(task, hidden, l2) for task in TASKS for hidden in HIDDEN_SIZES for l2 in L2_VALUES]
    if smoke:
        few = ModelPlan("T1", iterations=60, test_every=60, test_count=64, test_horizon=50, multiples=(1,), seed=seed)
        # The paper's cells, only to see that each can be trained and judged; what they learn in so short a time is little.
        cells = [replace(few, task=task, hidden=hidden, l2=l2) for task, hidden, l2 in cells if hidden == 64]
        easy = replace(_SMOKE, seed=seed)
        bottleneck = replace(easy, task="repeat-copy:4,4", hidden=16, seed=seed)
        return [*cells, easy, replace(easy, task="random:3,2,1"), bottleneck, replace(bottleneck, seed=seed + 1)]
    return [replace(_LAPTOP, task=task, hidden=hidden, l2=l2, seed=seed) for task, hidden, l2 in cells]


def _table2(seed: int, smoke: bool) -> list[ModelPlan]:
    if smoke:
        return [replace(_SMOKE, task=task, drop_at=500, seed=seed) for task in ("repeat-copy:3,2", "random:3,2,1")]
    return [replace(_LAPTOP, task=task, iterations=6000, drop_at=4800, seed=seed) for task in ("T1", "T2")]


def _curriculum(seed: int, smoke: bool) -> list[ModelPlan]:
    plan, count = (_SMOKE, 2) if smoke else (_LAPTOP, 3)
    return [
        replace(plan, curriculum=rule, threshold=None, seed=number, test_every=50 if smoke else 100)
        for number in range(seed, seed + count)
        for rule in ("adaptive", "staged", "none")
    ]


def _initialisation(seed: int, smoke: bool) -> list[ModelPlan]:
    plan, count = (replace(_SMOKE, task="repeat-copy:4,2"), 2) if smoke else (_LAPTOP, 3)
    return [
        replace(plan, init=init, seed=number)
        for number in range(seed, seed + count)
        for init in ("uniform", "gaussian")
    ]


_REDUCED: dict[str, Callable[[int, bool], list[ModelPlan]]] = {
    "table1": _table1,
    "table2": _table2,
    "curriculum": _curriculum,
    "initialisation": _initialisation,
}


def list_reduced_plans(name: str, profile: str, seed: int = 0) -> list[ModelPlan]:
    """Return the models of a named sweep at a reduced scale.

    Args:
        name: of the sweep.
        profile: ``smoke`` or ``laptop``.
        seed: first of the seeds.

    Raises:
        UserError: if the sweep has no reduced version, or the profile none.
    """
    require(name in _REDUCED, f"{name!r} has no reduced version: choose from {', '.join(_REDUCED)}")
    require(profile in ("smoke", "laptop"), f"only smoke and laptop are reduced, not {profile!r}")
    return _REDUCED[name](seed, profile == "smoke")
