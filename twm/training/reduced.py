"""Smaller versions of the named sweeps, for the profiles that train everything on the spot.

``smoke`` exercises every analysis on networks that take a second or so; ``laptop`` keeps the paper's tasks and sizes where
it can and cuts iterations and seeds.

Smaller versions of the sweeps on sequences, for the profiles that train everything on the spot.

``smoke`` exercises every analysis on networks that take a second or so; ``laptop`` has the paper's networks on short waits and
few iterations. Both read the images that come with the library, so that neither needs a download.
"""

from collections.abc import Callable
from dataclasses import replace

from twm.errors import require
from twm.training.plans import ModelPlan, SequencePlan
from twm.training.sweeps import ABLATIONS
from twm.training.tables import HIDDEN_SIZES, L2_VALUES, TASKS

_SMOKE = ModelPlan(
    "repeat-copy:3,2", 32, iterations=600, learning_rate=3e-3, horizons=(4, 8, 16, 24), test_every=50, test_count=128,
    test_horizon=48, multiples=(1, 2, 10), curve_points=60,
)  # fmt: skip
_LAPTOP = ModelPlan("repeat-copy:8,4", iterations=4000, test_every=100, multiples=(1, 2, 10), curve_points=80)


def _reduced_table1(seed: int, smoke: bool) -> list[ModelPlan]:
    cells = [(task, hidden, l2) for task in TASKS for hidden in HIDDEN_SIZES for l2 in L2_VALUES]
    if smoke:
        few = ModelPlan("T1", iterations=60, test_every=60, test_count=64, test_horizon=50, multiples=(1,), seed=seed)
        # The paper's cells, only to see that each can be trained and judged; what they learn in so short a time is little.
        cells = [replace(few, task=task, hidden=hidden, l2=l2) for task, hidden, l2 in cells if hidden == 64]
        easy = replace(_SMOKE, seed=seed)
        bottleneck = replace(easy, task="repeat-copy:4,4", hidden=16, seed=seed)
        return [*cells, easy, replace(easy, task="random:3,2,1"), bottleneck, replace(bottleneck, seed=seed + 1)]
    return [replace(_LAPTOP, task=task, hidden=hidden, l2=l2, seed=seed) for task, hidden, l2 in cells]


def _reduced_table2(seed: int, smoke: bool) -> list[ModelPlan]:
    if smoke:
        return [replace(_SMOKE, task=task, drop_at=500, seed=seed) for task in ("repeat-copy:3,2", "random:3,2,1")]
    return [replace(_LAPTOP, task=task, iterations=6000, drop_at=4800, seed=seed) for task in ("T1", "T2")]


def _reduced_curriculum(seed: int, smoke: bool) -> list[ModelPlan]:
    plan, count = (_SMOKE, 2) if smoke else (_LAPTOP, 3)
    return [
        replace(plan, curriculum=rule, threshold=None, seed=number, test_every=50 if smoke else 100)
        for number in range(seed, seed + count)
        for rule in ("adaptive", "staged", "none")
    ]


def _reduced_initialisation(seed: int, smoke: bool) -> list[ModelPlan]:
    plan, count = (replace(_SMOKE, task="repeat-copy:4,2"), 2) if smoke else (_LAPTOP, 3)
    return [
        replace(plan, init=init, seed=number)
        for number in range(seed, seed + count)
        for init in ("uniform", "gaussian")
    ]


_REDUCED: dict[str, Callable[[int, bool], list[ModelPlan]]] = {
    "table1": _reduced_table1,
    "table2": _reduced_table2,
    "curriculum": _reduced_curriculum,
    "initialisation": _reduced_initialisation,
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


def _reduced_copy(seed: int, smoke: bool, waits: tuple[int, ...]) -> list[SequencePlan]:
    size = (
        {"iterations": 200, "batch": 32, "test_every": 50, "test_count": 128}
        if smoke
        else {"iterations": 1500, "test_every": 250}
    )
    neurons = 30 if smoke else 100
    scale = "30 neurons, 200 iterations" if smoke else "1,500 of 60,000 iterations"
    shared = {"seed": seed, "clip": 1.0, "learning_rate": 3e-3 if smoke else 1e-3, "scale": scale, **size}
    return [
        SequencePlan(f"copy:{wait}", network, neurons, channels, **shared)
        for wait in waits
        for network, channels in (("wrnn", 6), ("irnn", 1))
    ]


def _reduced_ablation(seed: int, smoke: bool) -> list[SequencePlan]:
    waves, dense = _reduced_copy(seed, smoke, (5 if smoke else 10,))
    waves, dense = (replace(plan, iterations=plan.iterations * 3 // 4) for plan in (waves, dense))
    return [replace(waves if row[0] == "w" else dense, **changes) for row, changes in ABLATIONS.items()]


def _reduced_adding(seed: int, smoke: bool) -> list[SequencePlan]:
    length, channels, count = (20, 11, 300) if smoke else (100, 27, 400)
    shared = {"batch": 32, "test_every": 100, "test_count": 128} if smoke else {"test_every": 100}
    shared |= {"seed": seed, "clip": 1.0, "iterations": count, "scale": f"T = {length}, {count} iterations"}
    if smoke:
        shared["learning_rate"] = 5e-3
    task, neurons = f"adding:{length}", 20 if smoke else 100
    return [SequencePlan(task, "wrnn", neurons, channels, **shared), SequencePlan(task, "irnn", neurons, **shared)]


def _reduced_images(task: str, seed: int, smoke: bool) -> list[SequencePlan]:
    side, neurons, channels, count = (7, 14, 6, 80) if smoke else (14, 64, 16, 300)
    shared = {
        "seed": seed, "clip": 1.0, "iterations": count, "batch": 50, "test_every": 20, "test_count": 200 if smoke else 500,
        "learning_rate": 3e-3, "scale": f"{side} x {side} pixels, 1,000 images, {count // 20} epochs",
    }  # fmt: skip
    name = f"small-{task}:{side}"
    waves = SequencePlan(name, "wrnn", neurons, channels, **shared)
    gated = 16 if smoke else 64
    cells = [
        waves,
        replace(waves, mlp=20),
        SequencePlan(name, "irnn", 30 if smoke else 100, **shared),
        SequencePlan(name, "lstm", gated, **shared),
        SequencePlan(name, "gru", gated, **shared),
    ]
    if task == "psmnist":
        return [
            *cells,
            replace(waves, channels=channels // 2),
            SequencePlan(name, "irnn", 15 if smoke else 50, **shared),
        ]
    starts = [
        replace(waves, recurrent=start, snapshots=(0, count // 6, count)) for start in ("shift", "random", "identity")
    ]
    return [*starts, *cells[1:]]


def _reduced_bridge(seed: int, smoke: bool) -> list[SequencePlan]:
    task, neurons, channels = ("hds:9,repeat-copy:3,2", 8, 6) if smoke else ("hds:40,T1", 20, 16)
    count = 300 if smoke else 1500
    shared = {"seed": seed, "batch": 32 if smoke else 64, "clip": 1.0, "test_every": count // 4, "test_count": 128}
    rate = {"learning_rate": 1e-2 if smoke else 5e-3, "iterations": 2 * count}
    scale = f"{task.partition(',')[2]}, {{}} iterations"
    waves = SequencePlan(
        task,
        "wrnn",
        neurons,
        channels,
        iterations=count,
        learning_rate=3e-3 if smoke else 1e-3,
        scale=scale.format(count),
        **shared,
    )
    gated = SequencePlan(task, "lstm", 24 if smoke else 128, scale=scale.format(2 * count), **rate, **shared)
    return [waves, gated, replace(waves, activation="tanh")]


def list_reduced_sequence_plans(name: str, profile: str, seed: int = 0) -> list[SequencePlan]:
    """Return the networks that stand for a sweep in a profile that trains on the spot.

    Args:
        name: of the sweep.
        profile: ``smoke`` or ``laptop``.
        seed: of all of them.

    Returns:
        the plans; none for a sweep whose images do not come with the library.

    Raises:
        UserError: if the sweep or the profile is unknown.
    """
    known = ("copy", "ablation", "adding", "smnist", "psmnist", "nscifar", "bridge")
    require(name in known, f"{name!r} has no reduced version: choose from {', '.join(known)}")
    require(profile in ("smoke", "laptop"), f"only smoke and laptop are reduced, not {profile!r}")
    smoke = profile == "smoke"
    if name == "copy":
        return _reduced_copy(seed, smoke, (0, 5) if smoke else (0, 10, 30))
    if name == "ablation":
        return _reduced_ablation(seed, smoke)
    if name == "bridge":
        return _reduced_bridge(seed, smoke)
    if name == "adding":
        return _reduced_adding(seed, smoke)
    return [] if name == "nscifar" else _reduced_images(name, seed, smoke)
