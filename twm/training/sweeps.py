"""The named sweeps on sequence tasks: the paper's grids at its scale, and the best settings alone at a laptop's.

The named sweeps: lists of models, and which of their networks belong in the book's records.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from twm.errors import UserError, require
from twm.tasks.sequences import ADDING_LENGTHS, COPY_WAITS
from twm.training.flip_flop import FLIP_FLOP_SWEEP, list_flip_flop_sweep
from twm.training.places import Place, make_sweep_place, read_models
from twm.training.plans import ModelPlan, SequencePlan

#: Learning rates and gradient norms of the paper's grids.
GRID_RATES, GRID_CLIPS = (1e-2, 1e-3, 1e-4), (0.0, 1.0, 10.0)
#: The paper's best settings on the copy task by wait: learning rate and clip.
BEST_COPY = {
    "wrnn": {0: (1e-3, 1.0), 10: (1e-3, 0.0), 30: (1e-3, 0.0), 80: (1e-3, 1.0), 480: (1e-4, 1.0)},
    "irnn": {0: (1e-3, 10.0), 10: (1e-3, 1.0), 30: (1e-4, 1.0), 80: (1e-4, 1.0), 480: (1e-4, 10.0)},
    "irnn625": {0: (1e-3, 1.0), 10: (1e-4, 10.0), 30: (1e-4, 1.0), 80: (1e-4, 1.0), 480: (1e-4, 1.0)},
}
#: Iterations of an epoch of MNIST with batches of 128, and the paper's epochs.
_EPOCH, _EPOCHS = 468, 120
#: Images of the small image tasks, and their epochs at a laptop's scale.
_SMALL_IMAGES, _SMALL_EPOCHS = 10_000, 15

SequenceCell = tuple[SequencePlan, tuple[int, ...]]


@dataclass(frozen=True)
class SequenceSweep:
    """A named list of networks on sequence tasks, at two scales.

    Attributes:
        name: of the sweep and of its table.
        about: what it is for, in a line.
        cells: by profile, ``paper`` or ``laptop``: the networks and the seeds of each.
        keeps: whether a network is among the records that the book keeps.
    """

    name: str
    about: str
    cells: dict[str, Callable[[], Sequence[SequenceCell]]]
    keeps: Callable[[SequencePlan], bool]

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds of the laptop's scale."""
        return tuple(sorted({seed for _, seeds in self.cells["laptop"]() for seed in seeds}))

    def list_plans(
        self, device: str = "cpu", seeds: Iterable[int] | None = None, profile: str | None = None
    ) -> list[SequencePlan]:
        """Return all networks, seed by seed, so that a sweep that is stopped early is balanced.

        Args:
            device: ``cpu`` or ``cuda``.
            seeds: those to keep to; of each network only the seeds that it is to have.
            profile: ``paper`` or ``laptop``; by default the paper's on a GPU and the laptop's on a CPU.

        Raises:
            UserError: if the profile is unknown, or no network has any of the seeds.
        """
        profile = profile or ("laptop" if device == "cpu" else "paper")
        require(profile in self.cells, f"{self.name} has the profiles {', '.join(self.cells)}, not {profile!r}")
        cells = list(self.cells[profile]())
        known = sorted({seed for _, own in cells for seed in own})
        chosen = known if seeds is None else list(seeds)
        plans = [self._finish(replace(cell, seed=seed)) for seed in chosen for cell, own in cells if seed in own]
        require(len(plans) > 0, f"{self.name} has the seeds {', '.join(map(str, known))} in the profile {profile}")
        return plans

    def _finish(self, plan: SequencePlan) -> SequencePlan:
        return replace(plan, snapshots=()) if plan.seed else plan

    def place(self) -> Place:
        """Return where the sweep leaves its records.

        Raises:
            UserError: if there is no clone.
        """
        return make_sweep_place(self.name, self.keeps, "sequence")


def _spread(cells: Iterable[SequencePlan]) -> list[SequenceCell]:
    """Return the paper's grid around each network, with one seed."""
    return [
        (replace(cell, learning_rate=rate, clip=clip), (0,))
        for cell in cells
        for rate in GRID_RATES
        for clip in GRID_CLIPS
    ]


# ---- copy


def _make_copy(network: str, wait: int, iterations: int, **more: object) -> SequencePlan:
    rate, clip = BEST_COPY[network][wait]
    sizes = {"wrnn": ("wrnn", 100, 6), "irnn": ("irnn", 100, 1), "irnn625": ("irnn", 625, 1)}
    kind, neurons, channels = sizes[network]
    plan = SequencePlan(
        f"copy:{wait}", kind, neurons, channels, iterations=iterations, learning_rate=rate, clip=clip, divisor=128,
        test_every=250 if iterations < 60_000 else 1000, scale="" if iterations == 60_000 else f"{iterations:,} of 60,000 iterations",
    )  # fmt: skip
    return replace(plan, **more)


def _copy_paper() -> list[SequenceCell]:
    return _spread(_make_copy(network, wait, 60_000) for wait in COPY_WAITS for network in BEST_COPY)


def _copy_laptop() -> list[SequenceCell]:
    cells = [(_make_copy(network, wait, 10_000), (0, 1, 2)) for wait in (10, 0, 30) for network in ("wrnn", "irnn")]
    cells += [(_make_copy("irnn625", wait, 2_000), (0,)) for wait in (10, 0, 30)]
    return cells + [(_make_copy(network, 80, 10_000), (0,)) for network in ("wrnn", "irnn")]


# ---- the seven rows of Table 4

#: What each row of the ablation changes, in the order of the paper's Table 4.
ABLATIONS: dict[str, dict[str, object]] = {
    "wRNN": {},
    "wRNN without V-init": {"encoder": "dense"},
    "wRNN without shift-init": {"recurrent": "random"},
    "wRNN without both": {"encoder": "dense", "recurrent": "random"},
    "iRNN": {},
    "iRNN with shift-init": {"recurrent": "shift"},
    "iRNN with shift-init and V-init": {"recurrent": "shift", "encoder": "single"},
}


def _ablation(waits: Sequence[int], iterations: int, rows: Iterable[str]) -> list[SequencePlan]:
    # One learning rate for all, that of the wave-RNN, and a clip: a row is not to differ in its luck with them.
    return [
        _make_copy(
            "wrnn" if row.startswith("w") else "irnn", wait, iterations, **ABLATIONS[row], learning_rate=1e-3, clip=1.0
        )
        for wait in waits
        for row in rows
    ]


def _ablation_paper() -> list[SequenceCell]:
    # The first and fifth row are those of the copy sweep, which has them on the same grid.
    rows = [row for row in ABLATIONS if row not in ("wRNN", "iRNN")]
    return _spread(_ablation((0, 10, 30, 80), 60_000, rows))


def _ablation_laptop() -> list[SequenceCell]:
    return [(plan, (0, 1)) for plan in _ablation((10, 0, 30), 5_000, ABLATIONS)]


# ---- adding


def _make_adding(network: str, length: int, iterations: int, scale: str = "") -> SequencePlan:
    return SequencePlan(
        f"adding:{length}", network, 100, 27 if network == "wrnn" else 1, iterations=iterations, learning_rate=1e-3, clip=1.0,
        test_every=100 if iterations < 10_000 else 500, scale=scale,
    )  # fmt: skip


def _adding_paper() -> list[SequenceCell]:
    return _spread(_make_adding(network, length, 60_000) for length in ADDING_LENGTHS for network in ("wrnn", "irnn"))


def _adding_laptop() -> list[SequenceCell]:
    known = {("wrnn", 100): 1_000, ("irnn", 100): 20_000, ("wrnn", 200): 1_000, ("irnn", 200): 20_000}
    return [
        (_make_adding(network, length, iterations, f"best settings alone, {iterations:,} iterations"), (0, 1, 2) if length == 100 else (0,))
        for (network, length), iterations in known.items()
    ]  # fmt: skip


# ---- images


def _image_cells(task: str, inputs_wide: bool) -> list[SequencePlan]:
    """Return the networks of the paper's tables at its sizes."""
    last = _EPOCHS * _EPOCH if not inputs_wide else 120 * 390
    shared = {"iterations": last, "test_every": last // _EPOCHS, "test_count": 10_000, "drop_at": last * 100 // 120}
    cells = [
        SequencePlan(task, "wrnn", 256, 16, **shared),
        SequencePlan(task, "irnn", 256, **shared),
        SequencePlan(task, "lstm", 256, **shared),
        SequencePlan(task, "gru", 256, **shared),
    ]
    return cells if inputs_wide else [*cells[:1], SequencePlan(task, "wrnn", 256, 16, mlp=100, **shared), *cells[1:]]


def _images_paper(task: str, inputs_wide: bool = False) -> list[SequenceCell]:
    grid = []
    for cell, seeds in _spread(_image_cells(task, inputs_wide)):
        rate = {1e-2: 1e-3, 1e-3: 1e-4, 1e-4: 1e-5}[cell.learning_rate]
        grid.append((replace(cell, learning_rate=rate), seeds))
    return grid


def _small(task: str, network: str, neurons: int, channels: int = 1, **more: object) -> SequencePlan:
    epoch = _SMALL_IMAGES // 128
    what = "16 x 16 pixels, 100 steps" if task.startswith("nscifar") else "14 x 14 pixels"
    plan = SequencePlan(
        task, network, neurons, channels, iterations=_SMALL_EPOCHS * epoch, test_every=epoch, test_count=2_000, clip=1.0,
        learning_rate=1e-3, scale=f"{what}, {_SMALL_IMAGES:,} images, {_SMALL_EPOCHS} epochs",
    )  # fmt: skip
    return replace(plan, **more)


def _small_networks(task: str) -> list[SequencePlan]:
    return [
        _small(task, "wrnn", 64, 16),
        _small(task, "irnn", 100),
        _small(task, "wrnn", 64, 16, mlp=100),
        _small(task, "lstm", 64),
        _small(task, "gru", 64),
    ]


def _smnist_laptop() -> list[SequenceCell]:
    task = f"smnist:14,{_SMALL_IMAGES}"
    # Weights through training, for how waves form: three kernels to start from.
    epoch = _SMALL_IMAGES // 128
    early = (0, epoch, 3 * epoch, _SMALL_EPOCHS * epoch)
    first, *others = _small_networks(task)
    starts = [replace(first, recurrent=start, snapshots=early) for start in ("shift", "random", "identity")]
    slow = _small(task, "irnn", 100, learning_rate=1e-4)
    return [(plan, (0, 1)) for plan in (starts[0], *others)] + [(plan, (0,)) for plan in (*starts[1:], slow)]


def _psmnist_laptop() -> list[SequenceCell]:
    task = f"psmnist:14,{_SMALL_IMAGES}"
    cells = [(plan, (0, 1)) for plan in _small_networks(task)]
    # The dense network at a tenth of the rate, in case it is the rate that holds it back.
    cells += [(_small(task, "irnn", 100, learning_rate=1e-4), (0,))]
    # For accuracy against the number of parameters.
    cells += [(_small(task, "wrnn", neurons, channels), (0,)) for neurons, channels in ((64, 4), (64, 8))]
    return cells + [(_small(task, "irnn", neurons), (0,)) for neurons in (50, 150)]


def _nscifar_laptop() -> list[SequenceCell]:
    task = f"nscifar:16,100,{_SMALL_IMAGES}"
    sizes = (("wrnn", 64, 16), ("irnn", 100, 1), ("lstm", 64, 1), ("gru", 64, 1))
    return [(_small(task, *size), (0,)) for size in sizes]


# ---- history-dependent systems


def _bridge() -> list[SequenceCell]:
    # Five laps, so that what came in has to be kept going and not just to be passed on once. The rings have 20 neurons, which
    # is no multiple of a lap, so that a shift alone does not solve it. An LSTM needs more and larger steps than the others.
    # Five laps are more than it learns within them, so that half the horizon and twice the units stand beside them.
    waves = SequencePlan(
        "hds:40,T1", "wrnn", 20, 16, iterations=6000, drop_at=4800, batch=64, clip=1.0, test_every=250, test_count=640
    )
    gated = replace(waves, network="lstm", neurons=128, channels=1, kernel=1, recurrent=None, encoder=None)
    gated = replace(gated, iterations=16_000, drop_at=12_000, learning_rate=5e-3, test_every=500)
    wider = replace(gated, task="hds:20,T1", neurons=256, iterations=9_000, drop_at=7_000, learning_rate=3e-3)
    return [(waves, (0, 1)), (gated, (0, 1)), (replace(waves, activation="tanh"), (0,)), (wider, (0, 1))]


def _first_seed(plan: SequencePlan) -> bool:
    return plan.seed == 0 and plan.clip == 1.0


SEQUENCE_SWEEPS: dict[str, SequenceSweep] = {
    sweep.name: sweep
    for sweep in (
        SequenceSweep(
            "copy", "wrnn Fig. 3 and 4: copy after T steps, wave-RNN and iRNN",
            {"laptop": _copy_laptop, "paper": _copy_paper}, lambda plan: plan.seed == 0 and plan.neurons == 100,
        ),
        SequenceSweep(
            "adding", "wrnn Table 1, Fig. 5: adding two marked numbers of T", {"laptop": _adding_laptop, "paper": _adding_paper},
            _first_seed,
        ),
        SequenceSweep(
            "smnist", "wrnn Table 2, Fig. 6: MNIST pixel by pixel",
            {"laptop": _smnist_laptop, "paper": lambda: _images_paper("smnist")}, _first_seed,
        ),
        SequenceSweep(
            "psmnist", "wrnn Table 2, Fig. 6 and 7: the same in a fixed random order",
            {"laptop": _psmnist_laptop, "paper": lambda: _images_paper("psmnist")}, _first_seed,
        ),
        SequenceSweep(
            "nscifar", "wrnn Table 3, Fig. 8: CIFAR-10 row by row, then noise; recompressed images",
            {"laptop": _nscifar_laptop, "paper": lambda: _images_paper("nscifar", True)}, _first_seed,
        ),
        SequenceSweep(
            "ablation", "wrnn Table 4: seven variants on the copy task", {"laptop": _ablation_laptop, "paper": _ablation_paper},
            lambda plan: plan.seed == 0 and plan.task == "copy:10",
        ),
        SequenceSweep(
            "bridge", "ours: wave-RNNs and LSTMs trained on T1, to be analysed as Elman networks are",
            {"laptop": _bridge, "paper": _bridge}, lambda plan: True,
        ),
    )
}  # fmt: skip


#: Iterations whose weights are kept for the two runs that show how a spectrum forms: twelve, evenly spaced in the logarithm.
SNAPSHOTS = (10, 20, 40, 80, 160, 320, 630, 1260, 2500, 5000, 10_000, 20_000)

_TASKS = ("T1", "T2", "T3", "T4")


@dataclass(frozen=True)
class Sweep:
    """A named list of models.

    Attributes:
        name: of the sweep and of its table.
        about: what it is for, in a line.
        seeds: which seeds by default.
        cells: from a device to the models of one seed, in order.
        keeps: whether a model's network is among the records that the book keeps.
    """

    name: str
    about: str
    seeds: tuple[int, ...]
    cells: Callable[[str], Sequence[ModelPlan]]
    keeps: Callable[[ModelPlan], bool]

    def list_plans(
        self, device: str = "cpu", seeds: Iterable[int] | None = None, profile: str | None = None
    ) -> list[ModelPlan]:
        """Return all models, seed by seed, so that a sweep that is stopped early is balanced.

        Args:
            device: ``cpu`` or ``cuda``; some sweeps are larger on a GPU.
            seeds: by default those of the sweep.
            profile: ``paper``, the only scale of these sweeps.

        Raises:
            UserError: if another profile is asked for.
        """
        require(profile in (None, "paper"), f"{self.name} has the paper's scale alone: leave out --profile {profile}")
        chosen = self.seeds if seeds is None else tuple(seeds)
        return [self._finish(replace(cell, seed=seed)) for seed in chosen for cell in self.cells(device)]

    def _finish(self, plan: ModelPlan) -> ModelPlan:
        # Only one seed shows how the spectrum forms; the others would take megabytes.
        return replace(plan, snapshots=()) if plan.seed else plan

    def place(self) -> Place:
        """Return where the sweep leaves its records.

        Raises:
            UserError: if there is no clone.
        """
        return make_sweep_place(self.name, self.keeps)


def _table1(device: str) -> list[ModelPlan]:
    # Accuracy is what a stage ends at: the paper's release holds runs at both shares, and its table takes the better. The
    # lower one decides where weight decay, or too few neurons for T2, keep an early stage's accuracy below .98; elsewhere a
    # CPU is spared it.
    # So few points a model keep the curves of all of them well below two megabytes.
    points = 40 if device == "cpu" else 25
    return [
        ModelPlan(
            task, hidden, l2, threshold=threshold, curve_points=points,
            snapshots=SNAPSHOTS if (task in ("T1", "T2") and hidden == 128 and l2 == 0 and threshold == 0.98) else (),
        )
        for threshold in (0.98, 0.9)
        for task in _TASKS
        for hidden in (64, 128)
        for l2 in (0.0, 0.001, 0.1)
        if threshold == 0.98 or l2 == 0.001 or (task, hidden, l2) == ("T2", 64, 0.0) or device != "cpu"
    ]  # fmt: skip


def _keeps_table1(plan: ModelPlan) -> bool:
    if plan.hidden == 64:
        # The bottleneck: T1 has as many variables as there are neurons.
        return plan.task == "T1" and plan.l2 == 0.0 and plan.threshold == 0.98 and plan.seed < 5
    # With weight decay it is the lower threshold that learns; of the higher one a few show what a stuck network holds. All
    # seeds of all cells would take more room than the book has.
    if plan.threshold == 0.98:
        return (plan.l2 == 0.0 and plan.seed < 10) or (plan.l2 == 0.001 and plan.seed < 3)
    return plan.l2 == 0.001 and plan.seed < 5


def _table2(device: str) -> list[ModelPlan]:
    return [ModelPlan(task, iterations=45_000, drop_at=36_000) for task in ("T1", "T2")]


def _curriculum(device: str) -> list[ModelPlan]:
    # Tested five times as often, because iterations to a level are what is compared.
    return [
        ModelPlan(task, curriculum=rule, test_every=100)
        for task in ("T1", "T2")
        for rule in ("adaptive", "staged", "none")
    ]


def _initialisation(device: str) -> list[ModelPlan]:
    return [
        ModelPlan(task, init=init)
        for task in ("repeat-copy:8,4", "repeat-copy:8,8")
        for init in ("uniform", "gaussian")
    ]


def _keeps_initialisation(plan: ModelPlan) -> bool:
    # The first ten pairs of the narrow task were kept before there was a wide one.
    return plan.seed < (10 if plan.task == "repeat-copy:8,4" else 3)


def _picture(device: str) -> list[ModelPlan]:
    # At a rate of 1e-3 with staged horizons this task stalls or breaks; these are slower and surer.
    slow = ModelPlan("repeat-copy:16,5", iterations=30_000, learning_rate=5e-4, drop_at=24_000)
    return [
        *(
            replace(slow, hidden=hidden, curriculum="adaptive", threshold=None, init=init)
            for hidden in (128, 160, 192)
            for init in ("uniform", "orthogonal")
        ),
        replace(slow, hidden=160, learning_rate=3e-4),
        replace(slow, curriculum="none", threshold=None),
    ]


def _selections(device: str) -> list[ModelPlan]:
    # Tasks that the paper does not have, of other lengths and widths; small enough for a laptop.
    tasks = ("repeat-copy:5,4", "repeat-copy:10,3", "random:5,5,2", "random:6,4,1", "random:8,4,1", "random:4,8,3")
    return [ModelPlan(task, hidden=64, iterations=6000) for task in tasks]


def _initial_waves(device: str) -> list[ModelPlan]:
    # T1 is repeat copy of 8 vectors of 8. The protocol is Table 1's, up to a horizon of 40 and tested over 40 steps: there
    # 250 networks take an hour instead of a working day, and what is asked is how soon a memory stands, not how long it
    # lasts. Every start may use as many iterations as the others.
    starts = ("uniform", "orthogonal", "identity", "wave", "wave-embedded", "wave-noisy")
    plan = ModelPlan(
        "T1",
        iterations=5000,
        horizons=(10, 20, 40),
        test_horizon=40,
        test_every=25,
        stop_at=0.99,
        multiples=(),
        curve_points=25,
    )
    cells = [
        replace(plan, task=task, init=init)
        for task in ("T1", "T2", "repeat-copy:16,4", "repeat-copy:32,4")
        for init in starts
    ]
    # For repeat copy the wave operator of the task is the closed wave itself.
    return [*cells, replace(plan, task="T2", init="wave-task")]


def _keeps_initial_waves(plan: ModelPlan) -> bool:
    return plan.task == "T1" and plan.seed == 0


def _always(plan: ModelPlan) -> bool:
    return True


def _first_three_seeds(plan: ModelPlan) -> bool:
    return plan.seed < 3


def _never(plan: ModelPlan) -> bool:
    return False


SWEEPS: dict[str, Sweep | SequenceSweep] = {
    sweep.name: sweep
    for sweep in (
        Sweep(
            "table1", "twm Table 1: T1..T4, 64 and 128 neurons, three weight decays, two thresholds", tuple(range(20)),
            _table1, _keeps_table1,
        ),
        Sweep(
            "table2", "twm Table 2: T1 and T2, 45,000 iterations, the learning rate drops at 36,000", tuple(range(3)), _table2,
            _first_three_seeds,
        ),
        Sweep("curriculum", "twm B.2: adaptive, staged and no curriculum on the same seeds", tuple(range(5)), _curriculum, _never),
        Sweep(
            "initialisation", "twm Fig. 10-12: uniform and Gaussian initial weights, 8 vectors of 4 and of 8", tuple(range(20)),
            _initialisation, _keeps_initialisation,
        ),
        Sweep(
            "picture", "twm Fig. 6 and 7: 16 vectors of 5, where 80 signs may fit into fewer dimensions", tuple(range(5)), _picture,
            _first_three_seeds,
        ),
        Sweep(
            "selections", "tasks that are not in the paper: other lengths and widths, signed selections drawn at random", tuple(range(3)),
            _selections, _always,
        ),
        Sweep(
            "initial-waves", "twm Discussion: recurrent weights that start at a wave, and other starts, up to 99%", tuple(range(10)),
            _initial_waves, _keeps_initial_waves,
        ),
    )
} | SEQUENCE_SWEEPS  # fmt: skip


def find_sweep(name: str) -> Sweep | SequenceSweep:
    """Return a named sweep.

    Raises:
        UserError: if there is none of that name.
    """
    require(name in SWEEPS, f"unknown sweep {name!r}: choose from {', '.join([*SWEEPS, FLIP_FLOP_SWEEP])}")
    return SWEEPS[name]


def list_sweeps(device: str = "cpu") -> list[dict[str, Any]]:
    """Tell for each sweep what is on record and what waits.

    Args:
        device: on which what waits would be trained.

    Returns:
        for each sweep its name, what it is about, the file of its table, how many of its models are on record, wait and have
        been begun, the seeds for which all models are on record, and the ``problem`` of a table that cannot be read.

    Raises:
        UserError: if there is no clone.
    """
    listed = []
    for sweep in SWEEPS.values():
        place, plans = sweep.place(), sweep.list_plans(device)
        try:
            problem, known = None, {row["model"] for row in read_models(place.rows, place.protocol)}
        except UserError as error:
            problem, known = str(error), set()
        missing = [plan for plan in plans if plan.name not in known]
        short = {plan.seed for plan in missing}
        begun = [path for path in place.work.glob("*.checkpoint")] if place.work.exists() else []
        listed.append(
            {
                "name": sweep.name,
                "about": sweep.about,
                "file": _shorten(place.rows),
                "models": len(plans),
                "on_record": len(plans) - len(missing),
                "waiting": len(missing),
                "begun": len(begun),
                "whole_seeds": [seed for seed in dict.fromkeys(plan.seed for plan in plans) if seed not in short],
                "problem": problem,
            }
        )
    # The flip-flop's networks are of another kind, with a table of their own.
    return [*listed, list_flip_flop_sweep()]


def _shorten(path: Path) -> str:
    return "/".join(path.parts[-3:])
