"""The named sweeps as data: which networks each trains, at which scale, and which of them the book keeps.

A network is the fields of its plan. A list among them stands for one network each, the first such field slowest; entries that
are themselves fields, such as a network with its size, are taken in. ``seeds`` says which, where not those of the sweep.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from twm.errors import UserError, require
from twm.tasks.sequences import ADDING_LENGTHS, COPY_WAITS
from twm.training.flip_flop import FLIP_FLOP_ABOUT, FLIP_FLOP_SWEEP, list_flip_flop_plans, make_flip_flop_place
from twm.training.places import Place, make_sweep_place, read_models
from twm.training.plans import ModelPlan, SequencePlan

Fields, Seeds, Keeps = Mapping[str, Any], tuple[int, ...], Callable[[Any], bool]


@dataclass(frozen=True)
class Sweep:
    """A named list of networks, each with a row in the sweep's table."""

    name: str
    about: str
    seeds: Seeds
    plans: Mapping[str, Sequence[Fields]]  # by profile; where there is "gpu", a GPU trains that instead of "paper"
    keeps: Keeps  # whether a plan's network is among the records that the book keeps
    protocol: str = "elman"

    def list_plans(self, device: str = "cpu", seeds: Seeds | None = None, profile: str | None = None) -> list[Any]:
        """Return all plans, seed by seed, so that a sweep that is stopped early is balanced.

        A sweep of two scales takes the laptop's on a CPU unless told otherwise, and has the seeds it names alone.
        """
        two_scales = "laptop" in self.plans
        if two_scales:
            profile = profile or ("laptop" if device == "cpu" else "paper")
            require(profile in self.plans, f"{self.name} has the profiles {', '.join(self.plans)}, not {profile!r}")
        else:
            alone = f"{self.name} has the paper's scale alone: leave out --profile {profile}"
            require(profile in (None, "paper"), alone)
            profile = "gpu" if device != "cpu" and "gpu" in self.plans else "paper"
        cells = [(cell, cell.get("seeds", self.seeds)) for cell in expand_fields(self.plans[profile])]
        known = sorted({seed for _, own in cells for seed in own})
        chosen = known if seeds is None else seeds
        plans = [
            # Only one seed shows how weights form; the others would take megabytes.
            make_plan(self.protocol, cell | ({"snapshots": ()} if seed else {}), seed)
            for seed in chosen
            for cell, own in cells
            if seed in own or not two_scales
        ]
        require(len(plans) > 0, f"{self.name} has the seeds {', '.join(map(str, known))} in the profile {profile}")
        return plans

    def place(self) -> Place:
        """Return where the sweep leaves its records."""
        return make_sweep_place(self.name, self.keeps, self.protocol)


def expand_fields(cells: Iterable[Fields]) -> list[dict[str, Any]]:
    """Return the fields of each network that these stand for."""
    found = []
    for cell in cells:
        choices = [value if isinstance(value, list) else [value] for value in cell.values()]
        for chosen in product(*choices):
            parts = (value if isinstance(value, dict) else {key: value} for key, value in zip(cell, chosen))
            found.append({key: value for part in parts for key, value in part.items()})
    return found


def make_plan(protocol: str, fields: Fields, seed: int) -> ModelPlan | SequencePlan:
    """Make the plan with these fields and this seed."""
    kind = ModelPlan if protocol == "elman" else SequencePlan
    return kind(**{key: value for key, value in fields.items() if key != "seeds"} | {"seed": seed})


# ---- Elman networks

TASKS, HIDDEN_SIZES, L2_VALUES = ("T1", "T2", "T3", "T4"), (64, 128), (0.0, 0.001, 0.1)
#: The cells of the paper's Table 1.
TABLE1 = {"task": [*TASKS], "hidden": [*HIDDEN_SIZES], "l2": [*L2_VALUES]}
#: Iterations whose weights show how a spectrum forms: twelve, evenly spaced in the logarithm.
_SNAPSHOTS = (10, 20, 40, 80, 160, 320, 630, 1260, 2500, 5000, 10_000, 20_000)


def _table1(everything: bool) -> list[Fields]:
    # The paper's release holds runs at both shares of right signs at which a stage ends, and its table takes the better. The
    # lower one decides where weight decay, or too few neurons for T2, keep an early stage's accuracy below .98; elsewhere a
    # CPU is spared it. So few points a model keep the curves of all of them well below two megabytes.
    found = []
    for fields in expand_fields([{"threshold": [0.98, 0.9], **TABLE1, "curve_points": 25 if everything else 40}]):
        threshold, *cell, _ = fields.values()
        if threshold == 0.98 or cell[2] == 0.001 or cell == ["T2", 64, 0.0] or everything:
            shown = threshold == 0.98 and cell in (["T1", 128, 0.0], ["T2", 128, 0.0])
            found.append(fields | ({"snapshots": _SNAPSHOTS} if shown else {}))
    return found


def _keeps_table1(plan: ModelPlan) -> bool:
    if plan.hidden == 64:
        # The bottleneck: T1 has as many variables as there are neurons.
        return plan.task == "T1" and plan.l2 == 0.0 and plan.threshold == 0.98 and plan.seed < 5
    # With weight decay it is the lower threshold that learns; of the higher one a few show what a stuck network holds. All
    # seeds of all cells would take more room than the book has.
    if plan.threshold == 0.98:
        return (plan.l2 == 0.0 and plan.seed < 10) or (plan.l2 == 0.001 and plan.seed < 3)
    return plan.l2 == 0.001 and plan.seed < 5


# At a rate of 1e-3 with staged horizons this task stalls or breaks; these are slower and surer.
_SLOW = {"task": "repeat-copy:16,5", "iterations": 30_000, "learning_rate": 5e-4, "drop_at": 24_000}

# T1 is repeat copy of 8 vectors of 8. The protocol is Table 1's, up to a horizon of 40 and tested over 40 steps: there 250
# networks take an hour instead of a working day, and what is asked is how soon a memory stands, not how long it lasts. Every
# start may use as many iterations as the others.
_EARLY = {
    "iterations": 5000, "horizons": (10, 20, 40), "test_horizon": 40, "test_every": 25, "stop_at": 0.99, "multiples": (),
    "curve_points": 25,
}  # fmt: skip

_ELMAN_SWEEPS = (
    Sweep(
        "table1", "twm Table 1: T1..T4, 64 and 128 neurons, three weight decays, two thresholds", tuple(range(20)),
        {"paper": _table1(everything=False), "gpu": _table1(everything=True)}, _keeps_table1,
    ),
    Sweep(
        "table2", "twm Table 2: T1 and T2, 45,000 iterations, the learning rate drops at 36,000", (0, 1, 2),
        {"paper": [{"task": ["T1", "T2"], "iterations": 45_000, "drop_at": 36_000}]}, lambda plan: plan.seed < 3,
    ),
    Sweep(
        "curriculum", "twm B.2: adaptive, staged and no curriculum on the same seeds", tuple(range(5)),
        # Tested five times as often, because iterations to a level are what is compared.
        {"paper": [{"task": ["T1", "T2"], "curriculum": ["adaptive", "staged", "none"], "test_every": 100}]}, lambda plan: False,
    ),
    Sweep(
        "initialisation", "twm Fig. 10-12: uniform and Gaussian initial weights, 8 vectors of 4 and of 8", tuple(range(20)),
        {"paper": [{"task": ["repeat-copy:8,4", "repeat-copy:8,8"], "init": ["uniform", "gaussian"]}]},
        # The first ten pairs of the narrow task were kept before there was a wide one.
        lambda plan: plan.seed < (10 if plan.task == "repeat-copy:8,4" else 3),
    ),
    Sweep(
        "picture", "twm Fig. 6 and 7: 16 vectors of 5, where 80 signs may fit into fewer dimensions", tuple(range(5)),
        {"paper": [
            _SLOW | {"curriculum": "adaptive", "hidden": [128, 160, 192], "init": ["uniform", "orthogonal"]},
            _SLOW | {"hidden": 160, "learning_rate": 3e-4},
            _SLOW | {"curriculum": "none"},
        ]},
        lambda plan: plan.seed < 3,
    ),
    Sweep(
        "selections", "tasks that are not in the paper: other lengths and widths, signed selections drawn at random", (0, 1, 2),
        {"paper": [{
            "task": ["repeat-copy:5,4", "repeat-copy:10,3", "random:5,5,2", "random:6,4,1", "random:8,4,1", "random:4,8,3"],
            "hidden": 64, "iterations": 6000,  # small enough for a laptop
        }]},
        lambda plan: True,
    ),
    Sweep(
        "initial-waves", "twm Discussion: recurrent weights that start at a wave, and other starts, up to 99%", tuple(range(10)),
        {"paper": [
            _EARLY | {
                "task": ["T1", "T2", "repeat-copy:16,4", "repeat-copy:32,4"],
                "init": ["uniform", "orthogonal", "identity", "wave", "wave-embedded", "wave-noisy"],
            },
            _EARLY | {"task": "T2", "init": "wave-task"},  # for repeat copy the task's wave operator is the closed wave itself
        ]},
        lambda plan: plan.task == "T1" and plan.seed == 0,
    ),
)  # fmt: skip


# ---- networks on sequences: the paper's grids at its scale, and the best settings alone at a laptop's


def size_network(network: str, neurons: int, channels: int = 1, **more: Any) -> Fields:
    """Return the fields that say which network a plan trains, and others."""
    return {"network": network, "neurons": neurons, "channels": channels, **more}


#: The paper's learning rates and gradient norms, with one seed.
_GRID = {"learning_rate": [1e-2, 1e-3, 1e-4], "clip": [0.0, 1.0, 10.0], "seeds": (0,)}

_WAVES, _DENSE, _WIDE = size_network("wrnn", 100, 6), size_network("irnn", 100), size_network("irnn", 625)
_COPY = {"iterations": 60_000, "divisor": 128, "test_every": 1000}


def _shorten_copy(iterations: int, **more: Any) -> Fields:
    scale = f"{iterations:,} of 60,000 iterations"
    return {**_COPY, "iterations": iterations, "test_every": 250, "scale": scale, **more}


def _best(wait: int, network: Fields, learning_rate: float, clip: float) -> Fields:
    """Return the paper's best setting on the copy task."""
    return {"task": f"copy:{wait}", **network, "learning_rate": learning_rate, "clip": clip}


_COPY_LAPTOP = [
    _shorten_copy(10_000, best=[
        _best(10, _WAVES, 1e-3, 0.0), _best(10, _DENSE, 1e-3, 1.0), _best(0, _WAVES, 1e-3, 1.0), _best(0, _DENSE, 1e-3, 10.0),
        _best(30, _WAVES, 1e-3, 0.0), _best(30, _DENSE, 1e-4, 1.0),
    ]),
    _shorten_copy(2_000, best=[_best(10, _WIDE, 1e-4, 10.0), _best(0, _WIDE, 1e-3, 1.0), _best(30, _WIDE, 1e-4, 1.0)], seeds=(0,)),
    _shorten_copy(10_000, best=[_best(80, _WAVES, 1e-3, 1.0), _best(80, _DENSE, 1e-4, 1.0)], seeds=(0,)),
]  # fmt: skip

#: The rows of the paper's Table 4: network, and how its recurrent weights and its encoder start.
ABLATIONS = {
    "wRNN": ("wrnn", "shift", "single"),
    "wRNN without V-init": ("wrnn", "shift", "dense"),
    "wRNN without shift-init": ("wrnn", "random", "single"),
    "wRNN without both": ("wrnn", "random", "dense"),
    "iRNN": ("irnn", "identity", "small"),
    "iRNN with shift-init": ("irnn", "shift", "small"),
    "iRNN with shift-init and V-init": ("irnn", "shift", "single"),
}


def list_ablations(waves: Fields, dense: Fields) -> list[Fields]:
    """Return the rows of ``ABLATIONS`` for a wave-RNN and an iRNN of these sizes."""
    sizes = {"wrnn": waves, "irnn": dense}
    return [{**sizes[name], "recurrent": weights, "encoder": encoder} for name, weights, encoder in ABLATIONS.values()]


_ABLATIONS = list_ablations(_WAVES, _DENSE)

_MANY_WAVES = size_network("wrnn", 100, 27)
_ADDING = {"iterations": 60_000, "test_every": 500}
_SOON = {"iterations": 1_000, "test_every": 100, "scale": "best settings alone, 1,000 iterations"}
_LATE = _ADDING | {"iterations": 20_000, "scale": "best settings alone, 20,000 iterations"}
_ADDING_BEST = {"task": "adding:100", "clip": 1.0, "network": [_MANY_WAVES | _SOON, _DENSE | _LATE]}
_ADDING_LAPTOP = [_ADDING_BEST, _ADDING_BEST | {"task": "adding:200", "seeds": (0,)}]

_IMAGE_NETWORKS = [size_network("wrnn", 256, 16, mlp=mlp) for mlp in (0, 100)]
_IMAGE_NETWORKS += [size_network(name, 256) for name in ("irnn", "lstm", "gru")]


def _images_paper(task: str, epoch: int = 468, networks: list[Fields] = _IMAGE_NETWORKS) -> list[Fields]:
    last = {"iterations": 120 * epoch, "test_every": epoch, "test_count": 10_000, "drop_at": 100 * epoch}
    return [{"task": task, **last, "network": networks, **_GRID, "learning_rate": [1e-3, 1e-4, 1e-5]}]


_IMAGE_EPOCH, _IMAGE_LAST = 10_000 // 128, 15 * (10_000 // 128)


def _images_laptop(task: str, networks: list[Fields], what: str = "14 x 14 pixels") -> list[Fields]:
    last = {"iterations": _IMAGE_LAST, "test_every": _IMAGE_EPOCH, "test_count": 2_000, "clip": 1.0}
    return [{"task": f"{task},10000", **last, "scale": f"{what}, 10,000 images, 15 epochs", "network": networks}]


_RING, _GATED = size_network("wrnn", 64, 16), [size_network("lstm", 64), size_network("gru", 64)]
_OTHERS = [_DENSE, _RING | {"mlp": 100}, *_GATED]
# The dense network at a tenth of the rate, in case it is the rate that holds it back.
_CAREFUL = _DENSE | {"learning_rate": 1e-4, "seeds": (0,)}
# Weights through training, for how waves form from three kernels.
_FORMING = _RING | {"snapshots": (0, _IMAGE_EPOCH, 3 * _IMAGE_EPOCH, _IMAGE_LAST)}
_OTHER_KERNELS = [_FORMING | {"recurrent": start, "seeds": (0,)} for start in ("random", "identity")]
# For accuracy against the number of parameters.
_SIZES = [size_network("wrnn", 64, channels, seeds=(0,)) for channels in (4, 8)]
_SIZES += [size_network("irnn", neurons, seeds=(0,)) for neurons in (50, 150)]

# Five laps, so that what came in has to be kept going and not just to be passed on once. The rings have 20 neurons, which is no
# multiple of a lap, so that a shift alone does not solve it. An LSTM needs more and larger steps than the others, and five laps
# are more than it learns within them, so that half the horizon and twice the units stand beside them.
_BRIDGE = {"task": "hds:40,T1", "batch": 64, "clip": 1.0, "test_count": 640}
_LAPS = size_network("wrnn", 20, 16, iterations=6000, drop_at=4800, test_every=250)
_LSTM = size_network("lstm", 128, iterations=16_000, drop_at=12_000, learning_rate=5e-3, test_every=500)
_LSTM_WIDE = {"task": "hds:20,T1", "neurons": 256, "iterations": 9_000, "drop_at": 7_000, "learning_rate": 3e-3}
_BRIDGES = [_BRIDGE | {"network": [_LAPS, _LSTM, _LAPS | {"activation": "tanh", "seeds": (0,)}, _LSTM | _LSTM_WIDE]}]


def _sequences(name: str, about: str, seeds: Seeds, laptop: list, paper: list, keeps: Keeps | None = None) -> Sweep:
    keeps = keeps or (lambda plan: plan.seed == 0 and plan.clip == 1.0)
    return Sweep(name, about, seeds, {"laptop": laptop, "paper": paper}, keeps, "sequence")


_SEQUENCE_SWEEPS = (
    _sequences(
        "copy", "wrnn Fig. 3 and 4: copy after T steps, wave-RNN and iRNN", (0, 1, 2), _COPY_LAPTOP,
        [_COPY | {"task": [f"copy:{wait}" for wait in COPY_WAITS], "network": [_WAVES, _DENSE, _WIDE], **_GRID}],
        lambda plan: plan.seed == 0 and plan.neurons == 100,
    ),
    _sequences(
        "adding", "wrnn Table 1, Fig. 5: adding two marked numbers of T", (0, 1, 2), _ADDING_LAPTOP,
        [_ADDING | {"task": [f"adding:{length}" for length in ADDING_LENGTHS], "network": [_MANY_WAVES, _DENSE], **_GRID}],
    ),
    _sequences(
        "smnist", "wrnn Table 2, Fig. 6: MNIST pixel by pixel", (0, 1),
        _images_laptop("smnist:14", [_FORMING, *_OTHERS, *_OTHER_KERNELS, _CAREFUL]), _images_paper("smnist"),
    ),
    _sequences(
        "psmnist", "wrnn Table 2, Fig. 6 and 7: the same in a fixed random order", (0, 1),
        _images_laptop("psmnist:14", [_RING, *_OTHERS, _CAREFUL, *_SIZES]), _images_paper("psmnist"),
    ),
    _sequences(
        "nscifar", "wrnn Table 3, Fig. 8: CIFAR-10 row by row, then noise; recompressed images", (0,),
        _images_laptop("nscifar:16,100", [_RING, _DENSE, *_GATED], "16 x 16 pixels, 100 steps"),
        _images_paper("nscifar", 390, [_IMAGE_NETWORKS[0], *_IMAGE_NETWORKS[2:]]),
    ),
    _sequences(
        "ablation", "wrnn Table 4: seven variants on the copy task", (0, 1),
        # One learning rate for all, that of the wave-RNN, and a clip: a row is not to differ in its luck with them.
        [_shorten_copy(5_000, task=["copy:10", "copy:0", "copy:30"], row=_ABLATIONS, learning_rate=1e-3, clip=1.0)],
        # The first and fifth row are those of the copy sweep, which has them on the same grid.
        [_COPY | {"task": [f"copy:{wait}" for wait in (0, 10, 30, 80)], "row": [*_ABLATIONS[1:4], *_ABLATIONS[5:]], **_GRID}],
        lambda plan: plan.seed == 0 and plan.task == "copy:10",
    ),
    _sequences(
        "bridge", "ours: wave-RNNs and LSTMs trained on T1, to be analysed as Elman networks are", (0, 1), _BRIDGES, _BRIDGES,
        lambda plan: True,
    ),
)  # fmt: skip

SWEEPS = {sweep.name: sweep for sweep in (*_ELMAN_SWEEPS, *_SEQUENCE_SWEEPS)}


def find_sweep(name: str) -> Sweep:
    """Return a named sweep."""
    require(name in SWEEPS, f"unknown sweep {name!r}: choose from {', '.join([*SWEEPS, FLIP_FLOP_SWEEP])}")
    return SWEEPS[name]


def list_sweeps(device: str = "cpu") -> list[dict[str, Any]]:
    """Tell how many models of each sweep are on record, wait and have been begun, and what is wrong with its table."""
    listed = []
    sweeps = [(sweep.name, sweep.about, sweep.place(), sweep.list_plans(device)) for sweep in SWEEPS.values()]
    sweeps.append((FLIP_FLOP_SWEEP, FLIP_FLOP_ABOUT, make_flip_flop_place(), list_flip_flop_plans()))
    for name, about, place, plans in sweeps:
        try:
            problem, known = None, {row["model"] for row in read_models(place.rows, place.protocol)}
        except UserError as error:
            problem, known = str(error), set()
        missing = [plan for plan in plans if plan.name not in known]
        short = {plan.seed for plan in missing}
        listed.append(
            {
                "name": name,
                "about": about,
                "file": "/".join(place.rows.parts[-3:]),
                "models": len(plans),
                "on_record": len(plans) - len(missing),
                "waiting": len(missing),
                "begun": len(list(place.work.glob("*.checkpoint"))),
                "whole_seeds": [seed for seed in dict.fromkeys(plan.seed for plan in plans) if seed not in short],
                "problem": problem,
            }
        )
    return listed
