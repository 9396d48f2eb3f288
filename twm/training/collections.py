"""Models as a page wants them: rows, learning curves and networks, from the record or trained on the spot."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from twm.errors import require
from twm.models.elman import read_network
from twm.models.rings import SequenceNetwork
from twm.models.weights import Weights, as_weights
from twm.paths import results_dir
from twm.records import describe_rows, read_rows
from twm.theory.activity import measure_activity_spectrum, measure_line_share, measure_speed, sort_by_peak
from twm.theory.systems import parse_task
from twm.training.ensemble import count_right_signs
from twm.training.places import read_models
from twm.training.plans import SequencePlan
from twm.training.results import train_model
from twm.training.runner import train_models
from twm.training.sequence_model import make_network
from twm.training.sequence_run import read_sequence_network
from twm.training.sweeps import find_sweep
from twm.training.tables import Row


@dataclass(frozen=True)
class Models:
    """Trained models. One after ``_at2500`` in a name is the model as it was after that iteration."""

    rows: list[Row]
    curves: Mapping[str, list[dict[str, Any]]]  # by model, the points of its learning curve
    about: str  # when, where and how they were made
    # Plan and weights, if trained here.
    trained: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def select(self, **wanted: Any) -> list[Row]:
        """Return the rows whose columns have these values, by rising seed."""
        odd = sorted(set(wanted) - set(self.rows[0])) if self.rows else []
        require(not odd, f"a table of models has no column {', '.join(odd)}")
        found = [row for row in self.rows if all(row[column] == value for column, value in wanted.items())]
        return sorted(found, key=lambda row: row["seed"])

    def list_curves(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        """Return the points of all curves of some rows, one after another."""
        return [point for row in rows for point in self.curves.get(row["model"], [])]

    def find_weights(self, name: str) -> Weights | None:
        """Return an Elman network's weights, or ``None`` where there are none."""
        if self.trained:
            return self.trained.get(name, (None, None))[1]
        path = results_dir() / "networks" / f"{name}.safetensors"
        return as_weights(read_network(path)[0].get_matrices()) if path.exists() else None

    def find_network(self, name: str) -> tuple[SequenceNetwork, SequencePlan] | None:
        """Return a network on sequences and its plan, or ``None`` where there is none."""
        if name in self.trained:
            plan, weights = self.trained[name]
            network = make_network(plan, plan.make_task_at_hand())
            network.load_state_dict(dict(weights))
            return network, plan
        path = results_dir() / "networks" / f"{name}.safetensors"
        return read_sequence_network(path)[:2] if path.exists() and not self.trained else None

    def list_snapshots(self, name: str) -> list[int]:
        """Return the iterations after which a model's weights are at hand, beside the best ones."""
        names = self.trained or [path.stem for path in (results_dir() / "networks").glob(f"{name}_at*.safetensors")]
        ends = [other.removeprefix(f"{name}_at") for other in names if other.startswith(f"{name}_at")]
        return sorted(int(end) for end in ends if end.isdigit())


def read_sweep(name: str) -> Models:
    """Read what is on record of a named sweep; empty if there is nothing."""
    place = find_sweep(name).place()
    rows = read_models(place.rows, place.protocol)
    curves: dict[str, list[dict[str, Any]]] = {}
    for point in read_rows(place.curves):
        kinds = {"model": str, "iteration": int, "horizon": int}
        read = {key: kinds.get(key, float)(text) if text else None for key, text in point.items()}
        curves.setdefault(point["model"], []).append(read)
    return Models(rows, curves, describe_rows(rows) if rows else f"no record: `twm sweep {name} --resume` makes it")


def remake_sweep(name: str, device: str, say: Callable[[str], None] = print) -> Models:
    """Train what a named sweep still lacks, into the record, and read it."""
    sweep = find_sweep(name)
    train_models(sweep.list_plans(device), sweep.place(), resume=True, device=device, say=say)
    return read_sweep(name)


def train_here(plans: Iterable[Any], say: Callable[[str], None] = lambda line: None) -> Models:
    """Train models of either kind one after another in this process, recording nothing."""
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


def measure_test_accuracy(weights: Weights, task: str, count: int = 640, horizon: int = 200) -> float:
    """Return the share of right signs on the ``count`` sequences of a task's test set, as training measures it."""
    network = Weights(*(matrix.float()[None] for matrix in as_weights(weights)))
    right = count_right_signs(network, [task], count, horizon)
    return int(right.sum()) / (count * horizon * parse_task(task).dim)


@torch.no_grad()
def record_activity(network: SequenceNetwork, plan: SequencePlan, count: int = 4) -> np.ndarray:
    """Run a network on the first sequences of its test set: (count, rings, time, neurons).

    MNIST's are those that come with the library. A network without rings has one, its neurons in the order of their peaks.
    """
    states = network(plan.make_task_at_hand().draw_test(count).inputs).states.double().numpy()
    if plan.network == "wrnn":
        return states.reshape(len(states), count, plan.channels, plan.neurons).transpose(1, 2, 0, 3)
    return np.stack([sort_by_peak(states[:, place])[None] for place in range(count)])


def measure_diagonal(activity: np.ndarray, seed: int = 0) -> float:
    """Return the share of power on the diagonal of one neuron a step, the mean over active rings; ``seed`` shuffles."""
    rings = [ring for ring in activity.reshape(-1, *activity.shape[2:]) if ring.any()]
    shares = [measure_line_share(measure_activity_spectrum(ring, seed=seed)) for ring in rings]
    return float(np.mean(shares)) if shares else 0.0


def list_speeds(activity: np.ndarray) -> list[float]:
    """Return the speed of each ring whose power is mostly on the line of one speed, the median over sequences."""
    found = []
    for ring in activity.transpose(1, 0, 2, 3):
        measured = [measure_speed(sequence) for sequence in ring if sequence.any()] or [(0.0, 0.0)]
        speed, share = np.median(measured, axis=0)
        if share >= 0.5:
            found.append(float(speed))
    return found
