"""Models as a page wants them: rows, learning curves and weights, from the record or trained on the spot."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twm.errors import require
from twm.hds import parse_task
from twm.kernels import Weights, as_weights
from twm.paths import results_dir
from twm.records import describe_rows, read_network, read_rows
from twm.training.batches import count_right_signs
from twm.training.places import read_models
from twm.training.plans import ModelPlan, check_plans
from twm.training.results import train_model
from twm.training.runner import train_models
from twm.training.summaries import Row
from twm.training.sweeps import find_sweep


@dataclass(frozen=True)
class Models:
    """Trained models.

    Attributes:
        rows: one a model, by :data:`twm.training.COLUMNS`.
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
        UserError: see :func:`twm.training.train_models`.
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
        task: as :func:`twm.hds.parse_task` reads it.
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
