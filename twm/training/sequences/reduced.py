"""Smaller versions of the sweeps on sequences, for the profiles that train everything on the spot.

``smoke`` exercises every analysis on networks that take a second or so; ``laptop`` has the paper's networks on short waits and
few iterations. Both read the images that come with the library, so that neither needs a download.
"""

from dataclasses import replace

from twm.errors import require
from twm.training.sequences.plans import SequencePlan
from twm.training.sequences.sweeps import ABLATIONS


def _copy(seed: int, smoke: bool, waits: tuple[int, ...]) -> list[SequencePlan]:
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


def _ablation(seed: int, smoke: bool) -> list[SequencePlan]:
    waves, dense = _copy(seed, smoke, (5 if smoke else 10,))
    waves, dense = (replace(plan, iterations=plan.iterations * 3 // 4) for plan in (waves, dense))
    return [replace(waves if row[0] == "w" else dense, **changes) for row, changes in ABLATIONS.items()]


def _adding(seed: int, smoke: bool) -> list[SequencePlan]:
    length, channels, count = (20, 11, 300) if smoke else (100, 27, 400)
    shared = {"batch": 32, "test_every": 100, "test_count": 128} if smoke else {"test_every": 100}
    shared |= {"seed": seed, "clip": 1.0, "iterations": count, "scale": f"T = {length}, {count} iterations"}
    if smoke:
        shared["learning_rate"] = 5e-3
    task, neurons = f"adding:{length}", 20 if smoke else 100
    return [SequencePlan(task, "wrnn", neurons, channels, **shared), SequencePlan(task, "irnn", neurons, **shared)]


def _images(task: str, seed: int, smoke: bool) -> list[SequencePlan]:
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


def _bridge(seed: int, smoke: bool) -> list[SequencePlan]:
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
        return _copy(seed, smoke, (0, 5) if smoke else (0, 10, 30))
    if name == "ablation":
        return _ablation(seed, smoke)
    if name == "bridge":
        return _bridge(seed, smoke)
    if name == "adding":
        return _adding(seed, smoke)
    return [] if name == "nscifar" else _images(name, seed, smoke)
