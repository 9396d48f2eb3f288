"""Models as a page wants them: rows, learning curves and weights, from the record or trained on the spot.

Networks on sequences as a page wants them: rows, curves and networks, from the record or trained on the spot.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twm.models.elman import read_network
from twm.models.rings import SequenceNetwork
from twm.models.weights import Weights, as_weights
from twm.paths import results_dir
from twm.records import describe_rows, read_rows
from twm.theory.activity import measure_activity_spectrum, measure_line_share, measure_speed, sort_by_peak
from twm.theory.systems import parse_task
from twm.training.batches import count_right_signs
from twm.training.places import read_models
from twm.training.plans import ModelPlan, SequencePlan, check_plans
from twm.training.results import train_model
from twm.training.runner import train_models
from twm.training.sequence_model import make_network
from twm.training.sequence_results import read_sequence_network
from twm.training.sweeps import find_sweep
from twm.training.tables import Row


@dataclass(frozen=True)
class Models:
    """Trained models.

    Attributes:
        rows: one a model, by :data:`twm.training.results.MODEL_COLUMNS`.
        curves: by model, the points of its learning curve.
        about: when, where and how they were made, in two lines.
        trained: weights by name, of models trained here; those of a record are read when asked for.
    """

    rows: list[Row]
    curves: Mapping[str, list[dict[str, Any]]]
    about: str
    trained: Mapping[str, Weights] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def find_weights(self, name: str) -> Weights | None:
        """Return a model's weights, or ``None`` where the record does not keep them.

        Args:
            name: of the model; with ``_at2500`` behind it, as they were after that iteration.

        Raises:
            UserError: if the file is damaged.
        """
        if name in self.trained:
            return self.trained[name]
        path = results_dir() / "networks" / f"{name}.safetensors"
        if self.trained or not path.exists():
            return None
        return as_weights(read_network(path)[0].get_matrices())

    def list_curves(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        """Return the points of all curves of some rows, one after another."""
        return [point for row in rows for point in self.curves.get(row["model"], [])]


def read_sweep(name: str) -> Models:
    """Read what is on record of a named sweep; empty if there is nothing.

    Raises:
        UserError: if there is no such sweep, no clone, or a table is damaged or from another version.
    """
    place = find_sweep(name).place()
    rows = read_models(place.rows, place.protocol)
    curves: dict[str, list[dict[str, Any]]] = {}
    for point in read_rows(place.curves):
        read = {key: _read_point(key, text) for key, text in point.items()}
        curves.setdefault(point["model"], []).append(read)
    return Models(rows, curves, describe_rows(rows) if rows else f"no record: `twm sweep {name} --resume` makes it")


def remake_sweep(name: str, device: str, say: Callable[[str], None] = print) -> Models:
    """Train what a named sweep still lacks, into the record, and read it.

    Raises:
        UserError: see :func:`twm.training.runner.train_models`.
    """
    sweep = find_sweep(name)
    train_models(sweep.list_plans(device), sweep.place(), resume=True, device=device, say=say)
    return read_sweep(name)


def train_here(plans: Iterable[ModelPlan], say: Callable[[str], None] = lambda line: None) -> Models:
    """Train models one after another in this process, recording nothing.

    Args:
        plans: one a model.
        say: called with a line a model.

    Raises:
        UserError: if a task cannot be trained, there is no plan, or two are the same.
    """
    models = []
    for plan in check_plans(plans):
        models.append(train_model(plan))
        say(f"{plan.name}: accuracy {models[-1].row['accuracy']:.3f}")
    weights = {model.plan.name: model.weights for model in models if model.weights is not None}
    for model in models:
        weights |= {f"{model.plan.name}_at{iteration}": early for iteration, early in model.snapshots.items()}
    rows = [model.row for model in models]
    return Models(rows, {model.plan.name: list(model.curve) for model in models}, describe_rows(rows), weights)


def measure_test_accuracy(weights: Weights, task: str, count: int = 640, horizon: int = 200) -> float:
    """Return the share of right signs on a task's test set, as training measures it.

    Args:
        weights: of one network.
        task: as :func:`twm.theory.systems.parse_task` reads it.
        count: sequences of the test set.
        horizon: output steps.

    Raises:
        UserError: if the task or the weights do not fit, or a count is below 1.
    """
    network = Weights(*(matrix.float()[None] for matrix in as_weights(weights)))
    right = count_right_signs(network, [task], count, horizon)
    return int(right.sum()) / (count * horizon * parse_task(task).dim)


def _read_point(key: str, text: str) -> Any:
    if key == "model":
        return text
    if text == "":
        return None
    return int(text) if key in ("iteration", "horizon") else float(text)


@dataclass(frozen=True)
class SequenceModels:
    """Networks that were trained on sequences.

    Attributes:
        rows: one a network, by :data:`twm.training.sequence_results.SEQUENCE_COLUMNS`.
        curves: by network, the points of its learning curve.
        about: when, where and how they were made, in two lines.
        trained: plans and weights by name, of networks trained here; those of a record are read when asked for.
    """

    rows: list[dict[str, Any]]
    curves: Mapping[str, list[dict[str, Any]]]
    about: str
    trained: Mapping[str, tuple[SequencePlan, Mapping[str, Tensor]]] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def select(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return the rows whose columns have these values."""
        return [row for row in self.rows if all(row[name] == value for name, value in wanted.items())]

    def find_network(self, name: str) -> tuple[SequenceNetwork, SequencePlan] | None:
        """Return a network and its plan, or ``None`` where the record does not keep it.

        Args:
            name: of the model; with ``_at300`` behind it, as it was after that iteration.

        Raises:
            UserError: if the file is damaged, or the images of its task are not to be had.
        """
        if name in self.trained:
            plan, weights = self.trained[name]
            network = make_network(plan, plan.make_task_at_hand())
            network.load_state_dict(dict(weights))
            return network, plan
        path = results_dir() / "networks" / f"{name}.safetensors"
        if self.trained or not path.exists():
            return None
        network, plan, _ = read_sequence_network(path)
        return network, plan

    def list_snapshots(self, name: str) -> list[int]:
        """Return the iterations after which a model's weights are at hand, beside the best ones."""
        names = self.trained or {path.stem for path in (results_dir() / "networks").glob(f"{name}_at*.safetensors")}
        ends = [other.removeprefix(f"{name}_at") for other in names if other.startswith(f"{name}_at")]
        return sorted(int(end) for end in ends if end.isdigit())


def train_sequences_here(
    plans: Iterable[SequencePlan], say: Callable[[str], None] = lambda line: None
) -> SequenceModels:
    """Train networks one after another in this process, recording nothing.

    Args:
        plans: one a network.
        say: called with a line a network.

    Raises:
        UserError: if images are not to be had.
    """
    rows, curves, trained = [], {}, {}
    for plan in plans:
        model = train_model(plan)
        rows.append(model.row)
        curves[plan.name] = model.curve
        if model.weights is not None:
            trained[plan.name] = (plan, model.weights)
        for iteration, weights in model.snapshots.items():
            trained[f"{plan.name}_at{iteration}"] = (plan, weights)
        say(f"{plan.name}: accuracy {model.row['accuracy']:.3f}")
    return SequenceModels(rows, curves, "trained here", trained)


@torch.no_grad()
def record_activity(network: SequenceNetwork, plan: SequencePlan, count: int = 4) -> np.ndarray:
    """Run a network on the first sequences of its test set; MNIST's are those that come with the library.

    Args:
        network: any.
        plan: it was trained by.
        count: sequences.

    Returns:
        float64 array (count, rings, time, neurons); a network without rings has one, with its neurons in the order of their
        peaks.

    Raises:
        UserError: if the images of its task are not to be had.
    """
    inputs = plan.make_task_at_hand().draw_test(count).inputs
    states = network(inputs).states.double().numpy()
    if plan.network == "wrnn":
        return states.reshape(len(states), count, plan.channels, plan.neurons).transpose(1, 2, 0, 3)
    return np.stack([sort_by_peak(states[:, place])[None] for place in range(count)])


def measure_diagonal(activity: np.ndarray, seed: int = 0) -> float:
    """Return the share of power on the diagonal of one neuron a step, the mean over sequences and rings that are active.

    Args:
        activity: (count, rings, time, neurons).
        seed: of the shuffled orders that spectra are relative to.
    """
    shares = [
        measure_line_share(measure_activity_spectrum(ring, seed=seed))
        for sequence in activity
        for ring in sequence
        if ring.any()
    ]
    return float(np.mean(shares)) if shares else 0.0


def list_speeds(activity: np.ndarray, clear: float = 0.5) -> list[float]:
    """Return the speed of each ring whose activity is mostly a wave of one speed, the median over sequences.

    Args:
        activity: (count, rings, time, neurons).
        clear: share of power near the line of its speed from which a ring counts.
    """
    found = []
    for ring in activity.transpose(1, 0, 2, 3):
        measured = [measure_speed(sequence) for sequence in ring if sequence.any()]
        if measured and float(np.median([share for _, share in measured])) >= clear:
            found.append(float(np.median([speed for speed, _ in measured])))
    return found


def read_sequence_sweep(name: str) -> SequenceModels:
    """Read what is on record of a named sweep on sequences; empty if there is nothing.

    Raises:
        UserError: if there is no such sweep, no clone, or a table is damaged or from another version.
    """

    found = read_sweep(name)
    return SequenceModels(found.rows, found.curves, found.about)
