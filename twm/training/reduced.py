"""Smaller versions of the named sweeps as data, for the profiles that train everything on the spot.

``smoke`` exercises every analysis on networks that take a second or so; ``laptop`` keeps the paper's tasks and sizes where it
can and cuts waits, iterations and seeds. Both read the images that come with the library, so that neither needs a download.
"""

from typing import Any

from twm.errors import require
from twm.training.sweeps import SWEEPS, TABLE1, Fields, expand_fields, list_ablations, make_plan, size_network

_SMOKE = {
    "task": "repeat-copy:3,2", "hidden": 32, "iterations": 600, "learning_rate": 3e-3, "horizons": (4, 8, 16, 24), "test_every": 50,
    "test_count": 128, "test_horizon": 48, "multiples": (1, 2, 10), "curve_points": 60,
}  # fmt: skip
_LAPTOP = {
    "task": "repeat-copy:8,4",
    "iterations": 4000,
    "test_every": 100,
    "multiples": (1, 2, 10),
    "curve_points": 80,
}
_BOTTLENECK = _SMOKE | {"task": "repeat-copy:4,4", "hidden": 16}
_RULES, _STARTS = {"curriculum": ["adaptive", "staged", "none"]}, {"init": ["uniform", "gaussian"]}

_COPY_SMOKE = {
    "clip": 1.0, "learning_rate": 3e-3, "iterations": 200, "batch": 32, "test_every": 50, "test_count": 128,
    "scale": "30 neurons, 200 iterations",
}  # fmt: skip
_COPY_LAPTOP = {
    "clip": 1.0,
    "learning_rate": 1e-3,
    "iterations": 1500,
    "test_every": 250,
    "scale": "1,500 of 60,000 iterations",
}
_COPY_SIZES = (
    [size_network("wrnn", 30, 6), size_network("irnn", 30)],
    [size_network("wrnn", 100, 6), size_network("irnn", 100)],
)


def _adding(length: int, count: int, networks: list[Fields], **more: Any) -> list[Fields]:
    shared = {"clip": 1.0, "iterations": count, "test_every": 100, "scale": f"T = {length}, {count} iterations"}
    return [{"task": f"adding:{length}", **shared, **more, "network": networks}]


def _images(
    task: str, side: int, count: int, tested: int, waves: Fields, dense: tuple[int, int], gated: int
) -> list[Fields]:
    others = [
        waves | {"mlp": 20},
        size_network("irnn", dense[0]),
        *(size_network(name, gated) for name in ("lstm", "gru")),
    ]
    if task == "psmnist":
        networks = [waves, *others, waves | {"channels": waves["channels"] // 2}, size_network("irnn", dense[1])]
    else:
        forming = waves | {"snapshots": (0, count // 6, count)}
        networks = [*(forming | {"recurrent": start} for start in ("shift", "random", "identity")), *others]
    return [{
        "task": f"small-{task}:{side}", "clip": 1.0, "iterations": count, "batch": 50, "test_every": 20, "test_count": tested,
        "learning_rate": 3e-3, "scale": f"{side} x {side} pixels, 1,000 images, {count // 20} epochs", "network": networks,
    }]  # fmt: skip


def _reduce_images(task: str) -> dict[str, list[Fields]]:
    return {
        "smoke": _images(task, 7, 80, 200, size_network("wrnn", 14, 6), (30, 15), 16),
        "laptop": _images(task, 14, 300, 500, size_network("wrnn", 64, 16), (100, 50), 64),
    }


def _bridge(
    task: str, count: int, batch: int, waves: Fields, gated: Fields, rates: tuple[float, float]
) -> list[Fields]:
    shared = {"task": task, "batch": batch, "clip": 1.0, "test_every": count // 4, "test_count": 128}
    scale = task.partition(",")[2] + ", {} iterations"
    waves = waves | {"iterations": count, "learning_rate": rates[0], "scale": scale.format(count)}
    gated = gated | {"iterations": 2 * count, "learning_rate": rates[1], "scale": scale.format(2 * count)}
    return [shared | {"network": [waves, gated, waves | {"activation": "tanh"}]}]


#: By sweep and profile; a seed is added to that of the call.
_REDUCED: dict[str, dict[str, list[Fields]]] = {
    "table1": {
        "smoke": [
            # The paper's cells, only to see that each can be trained and judged; what they learn in so short a time is little.
            {"iterations": 60, "test_every": 60, "test_count": 64, "test_horizon": 50, "multiples": (1,), **TABLE1, "hidden": 64},
            _SMOKE, _SMOKE | {"task": "random:3,2,1"}, _BOTTLENECK, _BOTTLENECK | {"seed": 1},
        ],
        "laptop": [_LAPTOP | TABLE1],
    },
    "table2": {
        "smoke": [_SMOKE | {"task": ["repeat-copy:3,2", "random:3,2,1"], "drop_at": 500}],
        "laptop": [_LAPTOP | {"task": ["T1", "T2"], "iterations": 6000, "drop_at": 4800}],
    },
    "curriculum": {"smoke": [_SMOKE | {"seed": [0, 1]} | _RULES], "laptop": [_LAPTOP | {"seed": [0, 1, 2]} | _RULES]},
    "initialisation": {
        "smoke": [_SMOKE | {"task": "repeat-copy:4,2", "seed": [0, 1]} | _STARTS],
        "laptop": [_LAPTOP | {"seed": [0, 1, 2]} | _STARTS],
    },
    "copy": {
        "smoke": [_COPY_SMOKE | {"task": ["copy:0", "copy:5"], "network": _COPY_SIZES[0]}],
        "laptop": [_COPY_LAPTOP | {"task": ["copy:0", "copy:10", "copy:30"], "network": _COPY_SIZES[1]}],
    },
    "ablation": {
        "smoke": [_COPY_SMOKE | {"task": "copy:5", "iterations": 150, "row": list_ablations(*_COPY_SIZES[0])}],
        "laptop": [_COPY_LAPTOP | {"task": "copy:10", "iterations": 1125, "row": list_ablations(*_COPY_SIZES[1])}],
    },
    "adding": {
        "smoke": _adding(
            20, 300, [size_network("wrnn", 20, 11), size_network("irnn", 20)], batch=32, test_count=128, learning_rate=5e-3
        ),
        "laptop": _adding(100, 400, [size_network("wrnn", 100, 27), size_network("irnn", 100)]),
    },
    "smnist": _reduce_images("smnist"),
    "psmnist": _reduce_images("psmnist"),
    "nscifar": {"smoke": [], "laptop": []},  # its images do not come with the library
    "bridge": {
        "smoke": _bridge("hds:9,repeat-copy:3,2", 300, 32, size_network("wrnn", 8, 6), size_network("lstm", 24), (3e-3, 1e-2)),
        "laptop": _bridge("hds:40,T1", 1500, 64, size_network("wrnn", 20, 16), size_network("lstm", 128), (1e-3, 5e-3)),
    },
}  # fmt: skip


def list_reduced_plans(name: str, profile: str, seed: int = 0) -> list[Any]:
    """Return the plans that stand for a sweep in the profile ``smoke`` or ``laptop``, with seeds from ``seed`` on."""
    require(name in _REDUCED, f"{name!r} has no reduced version: choose from {', '.join(_REDUCED)}")
    require(profile in ("smoke", "laptop"), f"only smoke and laptop are reduced, not {profile!r}")
    cells = expand_fields(_REDUCED[name][profile])
    return [make_plan(SWEEPS[name].protocol, cell, seed + cell.get("seed", 0)) for cell in cells]
