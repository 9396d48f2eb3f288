"""The named sweeps of ``sweeps.yml``, and smaller versions that notebooks train while they run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from twm.errors import UserError, require
from twm.models.elman import read_network
from twm.models.kernels import Weights, as_weights
from twm.models.rings import SequenceNetwork
from twm.paths import results_dir
from twm.records import describe_rows
from twm.theory.activity import measure_speed, sort_by_peak
from twm.theory.systems import parse_task
from twm.training.ensemble import count_right_signs
from twm.training.loop import train_model
from twm.training.plans import FlipFlopPlan, ModelPlan, SequencePlan, parse_seeds
from twm.training.runner import Place, make_sweep_place, name_setting, read_models, train_models
from twm.training.sequence_model import make_network, read_sequence_network
from twm.training.trainer import RulePlan

Fields, Seeds = Mapping[str, Any], Sequence[int]
#: Fields of a plan that are lists themselves; a list in any other field stands for one plan per entry.
_LISTS = ("horizons", "multiples", "snapshots")


@dataclass(frozen=True)
class Sweep:
    """A named list of networks, each with a row in the sweep's table."""

    name: str
    about: str
    seeds: Seeds
    plans: Mapping[str, Sequence[Fields]]  # by profile; "gpu", if present, replaces "paper" on a GPU
    keeps: Callable[[Any], bool]  # whether a plan's network is kept among the book's records
    protocol: str = "elman"
    reduced: Mapping[str, Sequence[Fields]] | None = None  # by profile

    def list_plans(self, device: str = "cpu", seeds: Seeds | None = None, profile: str | None = None) -> list[Any]:
        """Return all plans, seed by seed, so that a sweep stopped early is balanced. A sweep of two scales uses the laptop's
        on a CPU by default, and only the seeds that it lists; others take any seeds, except where cells list their own."""
        two_scales = "laptop" in self.plans
        if two_scales:
            profile = profile or ("laptop" if device == "cpu" else "paper")
            require(profile in self.plans, f"{self.name} has the profiles {', '.join(self.plans)}, not {profile!r}")
        else:
            require(profile in (None, "paper"), f"{self.name} has only the paper's scale: leave out --profile {profile}")
            profile = "gpu" if device != "cpu" and "gpu" in self.plans else "paper"
        usual = self.seeds if two_scales else seeds or self.seeds
        cells = [(cell, _read_seeds(cell.pop("seeds", usual))) for cell in _expand(self.plans[profile])]
        known = sorted({seed for _, own in cells for seed in own})
        plans = [
            # Only seed 0 has snapshots, because those of all seeds would take megabytes.
            _PLANS[self.protocol](**{key: cell[key] for key in cell if not seed or key != "snapshots"} | {"seed": seed})
            for seed in (known if seeds is None else seeds)
            for cell, own in cells
            if seed in own
        ]
        require(len(plans) > 0, f"{self.name} has the seeds {', '.join(map(str, known))} in the profile {profile}")
        return plans

    def place(self) -> Place:
        """Return the files in which the sweep is recorded."""
        return make_sweep_place(self.name, self.keeps, self.protocol)


def _expand(cells: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the fields of each network that the cells stand for; nested lists are flattened."""
    found = []
    for cell in cells:
        if isinstance(cell, list):
            found += _expand(cell)
            continue
        choices = [_list_choices(key, value) for key, value in cell.items()]
        found += [{key: value for part in chosen for key, value in part.items()} for chosen in product(*choices)]
    return found


def _list_choices(key: str, value: Any) -> list[dict[str, Any]]:
    if key == "with":
        return _expand(value.values() if isinstance(value, dict) else value)
    return [{key: each} for each in ([tuple(value)] if key in _LISTS else value if isinstance(value, list) else [value])]


def _read_seeds(seeds: Seeds | str | int) -> tuple[int, ...]:
    return tuple(parse_seeds(str(seeds)) if isinstance(seeds, (str, int)) else seeds)


def _keep(entries: Sequence[Fields], plan: Any) -> bool:
    fits = lambda key, wanted: plan.seed in _read_seeds(wanted) if key == "seed" else getattr(plan, key) == wanted
    return any(all(fits(key, wanted) for key, wanted in entry.items()) for entry in entries)


def _make_sweep(protocol: str, name: str, own: Fields) -> Sweep:
    seeds, keeps = _read_seeds(own["seeds"]), partial(_keep, _expand(own["keeps"]))
    return Sweep(name, own["about"], seeds, own["plans"], keeps, protocol, own.get("reduced"))


_DATA = yaml.safe_load((Path(__file__).parent / "sweeps.yml").read_text(encoding="utf-8"))

_PLANS = {"elman": ModelPlan, "sequence": SequencePlan, "rules": RulePlan, "flip-flop": FlipFlopPlan}
SWEEPS = {name: _make_sweep(kind, name, own) for kind in _PLANS for name, own in _DATA[kind].items()}

#: The rows of the wave-RNN paper's Table 4: network, and initialisation of its recurrent weights and encoder.
ABLATIONS = {
    name: (network, row["recurrent"], row["encoder"])
    for network, rows in {"wrnn": "rows_of_waves", "irnn": "rows_of_dense"}.items()
    for name, row in _DATA["shared"][rows].items()
}
#: The same names, by network and initialisation in the released code.
RELEASED = {
    (network, row["recurrent"], row["encoder"]): name
    for network, rows in {"wrnn": "released_rows_of_waves", "irnn": "released_rows_of_dense"}.items()
    for name, row in _DATA["shared"][rows].items()
} | {("irnn", "identity", f"released-{kind}"): "iRNN" for kind in ("small", "dense")}


def find_sweep(name: str) -> Sweep:
    """Return a named sweep."""
    require(name in SWEEPS, f"unknown sweep {name!r}: choose from {', '.join(SWEEPS)}")
    return SWEEPS[name]


def list_reduced_plans(name: str, profile: str, seed: int = 0) -> list[Any]:
    """Return the plans that replace a sweep in the profile ``smoke`` or ``laptop``, with seeds counted from ``seed``."""
    known = {other: sweep for other, sweep in SWEEPS.items() if sweep.reduced}
    require(name in known, f"{name!r} has no reduced version: choose from {', '.join(known)}")
    require(profile in (sweep := known[name]).reduced, f"only smoke and laptop are reduced, not {profile!r}")
    return [_PLANS[sweep.protocol](**cell | {"seed": seed + cell.get("seed", 0)}) for cell in _expand(sweep.reduced[profile])]


def list_sweeps(device: str = "cpu") -> list[dict[str, Any]]:
    """Return for each sweep how many models are recorded, pending and begun, and any problem with its table. ``hours`` estimates
    what the pending ones take: the median of the setting's other seeds, else the longest of the sweep, None without rows."""
    listed = []
    for sweep in SWEEPS.values():
        place, plans = sweep.place(), sweep.list_plans(device)
        try:
            problem, rows = None, read_models(place.rows, place.protocol)
        except UserError as error:
            problem, rows = str(error), []
        known, seconds = {row["model"] for row in rows}, {}
        for row in rows:
            seconds.setdefault(name_setting(row["model"], row["seed"]), []).append(row["seconds"] or 0.0)
        missing = [plan for plan in plans if plan.name not in known]
        longest = max((max(own) for own in seconds.values()), default=np.nan)
        costs = [float(np.median(seconds.get(name_setting(plan.name, plan.seed), longest))) for plan in missing]
        short = {plan.seed for plan in missing}
        whole = [seed for seed in dict.fromkeys(plan.seed for plan in plans) if seed not in short]
        found = {"name": sweep.name, "about": sweep.about, "file": "/".join(place.rows.parts[-3:]), "models": len(plans)}
        found |= {"on_record": len(plans) - len(missing), "waiting": len(missing)}
        found["hours"] = round(sum(costs) / 3600, 1) if rows else None
        found |= {"begun": len(list(place.work.glob("*.checkpoint"))), "whole_seeds": whole, "problem": problem}
        listed.append(found)
    return listed


@dataclass(frozen=True)
class Models:
    """Trained models. The suffix ``_at2500`` of a name denotes the model after iteration 2500."""

    rows: list[Mapping[str, Any]]
    curves: Mapping[str, list[dict[str, Any]]]  # points of the learning curve, by model
    about: str  # when, where and how they were made
    trained: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, repr=False)  # plan and weights, if trained here

    __bool__ = lambda self: bool(self.rows)

    def select(self, **wanted: Any) -> list[Mapping[str, Any]]:
        """Return the rows whose columns have these values, in order of seed."""
        odd = sorted(set(wanted) - set(self.rows[0])) if self.rows else []
        require(not odd, f"a table of models has no column {', '.join(odd)}")
        found = [row for row in self.rows if all(row[column] == value for column, value in wanted.items())]
        return sorted(found, key=lambda row: row["seed"])

    def list_curves(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the points of the learning curves of some rows, one curve after another."""
        return [point for row in rows for point in self.curves.get(row["model"], [])]

    def find_weights(self, name: str) -> Weights | None:
        """Return an Elman network's weights, or ``None`` if there are none."""
        if self.trained:
            return self.trained.get(name, (None, None))[1]
        path = results_dir() / "networks" / f"{name}.safetensors"
        return as_weights(read_network(path)[0].get_matrices()) if path.exists() else None

    def find_network(self, name: str) -> tuple[SequenceNetwork, SequencePlan] | None:
        """Return a network trained on sequences and its plan, or ``None`` if there is none."""
        if name in self.trained:
            plan, weights = self.trained[name]
            network = make_network(plan, plan.make_task_at_hand())
            network.load_state_dict(dict(weights))
            return network, plan
        path = results_dir() / "networks" / f"{name}.safetensors"
        return read_sequence_network(path)[:2] if path.exists() and not self.trained else None

    def list_snapshots(self, name: str) -> list[int]:
        """Return the iterations at which a model's weights are available, in addition to the best ones."""
        names = self.trained or [path.stem for path in (results_dir() / "networks").glob(f"{name}_at*.safetensors")]
        ends = [other.removeprefix(f"{name}_at") for other in names if other.startswith(f"{name}_at")]
        return sorted(int(end) for end in ends if end.isdigit())


def were_trained(rows: Iterable[Fields], curves: Mapping[str, Sequence[Fields]], reached: str = "") -> bool:
    """Return whether all networks start as in the released code, and had the paper's iterations or stopped improving: in the
    last third of tests, the best accuracy rose by at most .01 and the lowest loss fell by at most a twentieth; or at least ten
    tests on held-out sequences brought no improvement; or the column ``reached``, if given, has a value. A network that never
    rose by .05 above its first test needs 100 tests to count as one that stopped improving."""

    def is_done(row: Fields) -> bool:
        start = (row["encoder"] or "").partition("-")[0]
        points = [point for point in curves.get(row["model"], []) if point["test_loss"] is not None]
        accuracy, loss = ([point[key] for point in points] for key in ("test_accuracy", "test_loss"))
        early = slice(2 * len(points) // 3)
        flat = len(points) > 1 and max(accuracy) <= max(accuracy[early]) + 0.01 and min(loss) >= 0.95 * min(loss[early])
        released = {"wrnn": ("single", "released"), "irnn": ("released",)}.get(row["network"], ("",))
        stalled = row["accuracy_held"] is not None and sum(point["iteration"] > row["checkpoint"] for point in points) >= 10
        left_chance = len(points) >= 100 or (points and max(accuracy) > accuracy[0] + 0.05)
        ended = (flat or stalled) and left_chance
        return start in released and bool(ended or not row["scale"] or row.get(reached))

    return all(is_done(row) for row in rows)


def read_sweep(name: str) -> Models:
    """Read the recorded models of a named sweep; empty if there are none."""
    place = (sweep := find_sweep(name)).place()
    rows = read_models(place.rows, place.protocol)
    plans = {plan.name: plan for device in ("cpu", "cuda") for plan in sweep.list_plans(device)}
    for row in (row for row in rows if row["model"] in plans):
        place.check_row(plans[row["model"]], row)
    curves: dict[str, list[dict[str, Any]]] = {}
    for point in place.curve_table.read():
        curves.setdefault(point["model"], []).append(point)
    return Models(rows, curves, describe_rows(rows) if rows else f"no results: run `twm sweep {name} --resume`")


def remake_sweep(name: str, device: str, say: Callable[[str], None] = print) -> Models:
    """Train and record the missing models of a named sweep, and read its record."""
    sweep = find_sweep(name)
    train_models(sweep.list_plans(device), sweep.place(), resume=True, device=device, say=say)
    return read_sweep(name)


def train_here(plans: Iterable[Any], say: Callable[[str], None] = lambda line: None) -> Models:
    """Train models of any kind one after another in this process, without recording them."""
    rows, curves, trained = [], {}, {}
    for plan in plans:
        model = train_model(plan)
        rows.append(model.row)
        curves[plan.name] = list(model.curve)
        if model.weights is not None:
            trained[plan.name] = plan, model.weights
        trained |= {f"{plan.name}_at{iteration}": (plan, early) for iteration, early in model.snapshots.items()}
        say(f"{plan.name}: accuracy {model.row['accuracy']:.3f}")
    return Models(rows, curves, describe_rows(rows) if rows else "nothing was trained", trained)


def measure_by_step(weights: Weights, task: str, count: int = 640, horizon: int = 200) -> np.ndarray:
    """Return the sign accuracy at each step, (horizon,), on the first ``count`` sequences of a task's test set."""
    network = Weights(*(matrix.float()[None] for matrix in as_weights(weights)))
    return count_right_signs(network, [task], count, horizon)[0].numpy() / (count * parse_task(task).dim)


@torch.no_grad()
def record_activity(network: SequenceNetwork, plan: SequencePlan, count: int = 4) -> np.ndarray:
    """Run a network on the first sequences of its test set, of the library's sample for MNIST: (count, rings, time, neurons).
    A network without rings counts as one ring, with its neurons in the order of their peaks."""
    states = network(plan.make_task_at_hand().draw_test(count).inputs).states.double().numpy()
    if plan.network == "wrnn":
        return states.reshape(len(states), count, plan.channels, plan.neurons).transpose(1, 2, 0, 3)
    return np.stack([sort_by_peak(states[:, place])[None] for place in range(count)])


def measure_bands(
    activity: np.ndarray, measure: Callable[[np.ndarray], float] = lambda ring: measure_speed(ring)[1], mixed: bool = False
) -> float:  # fmt: skip
    """Return the mean over active rings of a measure of a ring (time, neurons), by default the share of power on the line of
    its best speed; ``mixed`` first puts neurons in random order, as a control."""
    generator, rings = np.random.default_rng(0), activity.reshape(-1, *activity.shape[2:])
    rings = [generator.permutation(ring, axis=1) if mixed else ring for ring in rings if ring.any()]
    return float(np.mean([measure(ring) for ring in rings])) if rings else 0.0


def list_speeds(activity: np.ndarray) -> list[tuple[float, float, float]]:
    """Return the speed of each ring with most of its power on one speed's line: median, least and largest over sequences."""
    found = []
    for ring in activity.swapaxes(0, 1):
        measured = np.array([measure_speed(sequence) for sequence in ring if sequence.any()] or [(0.0, 0.0)])
        found.append((float(np.median(measured[:, 1])), *(float(of(measured[:, 0])) for of in (np.median, np.min, np.max))))
    return [speeds for share, *speeds in found if share >= 0.5]
