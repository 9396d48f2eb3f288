"""What a trained model leaves: a row, a learning curve, and weights; and the file that holds them until they are recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from twm.errors import require
from twm.models.elman import write_network
from twm.models.weights import Weights
from twm.paths import find_commit
from twm.records import DamagedRecord, describe_host, read_tensors, write_tensors
from twm.theory.spectra import compare_with_theory
from twm.theory.systems import make_selection_table, parse_task
from twm.training.ensemble import Ensemble, group_plans
from twm.training.plans import MULTIPLES, ModelPlan, restore_plan
from twm.training.progress import describe_row
from twm.training.protocols import Protocol, describe_plan, find_protocol, restore_any

#: A table of models: its columns and what they mean.
MODEL_COLUMNS: dict[str, str] = {
    "model": "name; two rows have one name only if they are the same model",
    "task": "as on the command line",
    "hidden": "hidden neurons",
    "l2": "Adam's coupled weight decay",
    "seed": "of data and initial weights",
    "init": "how initial weights were drawn",
    "curriculum": "rule of the horizon",
    "threshold": "of the curriculum; empty where it has none",
    "learning_rate": "Adam's step",
    "drop_at": "last iteration before the learning rate drops; empty without a drop",
    "iterations": "batches used",
    "horizon": "the curriculum's horizon at the end",
    "accuracy": "share of right signs on the test set of the kept weights; the best of all tests",
    "accuracy_best": "the same, under the name that stands beside accuracy_final",
    "accuracy_final": "of the last test",
    "checkpoint": "iteration of the kept weights: the best test, of equal ones the latest; 0 if there were none",
    "iterations_to_99": "first test with an accuracy of at least 0.99; empty if none",
    "rank_theory": "nonzero eigenvalues that theory predicts",
    "rank_network": "the kept network's eigenvalues with a magnitude above 0.9",
    "argument_error": "mean difference of their arguments, radians, matched greedily; empty where the ranks differ",
    "argument_error_optimal": "the same, matched optimally",
    "margin": "least magnitude above 0.9, less 1",
    "radius": "mean magnitude of those above 0.9",
    **{f"accuracy_{multiple}x": f"of the kept weights over {multiple} training horizons" for multiple in MULTIPLES},
    "diverged_at": "test at which weights were no longer finite; empty if that did not happen",
    "seconds": "training and testing; of models side by side an equal share",
    "device": "where",
    "torch": "version",
    "commit": "of this project; with + where files were changed",
    "date": "day on which the model was done",
}

#: Columns that say how a row came about; two runs of one model may differ in them and in nothing else.
CIRCUMSTANCES = ("seconds", "device", "torch", "commit", "date")
#: Columns that hold words; all others hold numbers.
TEXTS = ("model", "task", "init", "curriculum", "device", "torch", "commit", "date")
#: Columns of a table of learning curves.
CURVE_COLUMNS = ("model", "iteration", "horizon", "loss", "accuracy", "test_accuracy")

_FROM_PLAN = ("task", "hidden", "l2", "seed", "init", "curriculum", "threshold", "learning_rate", "drop_at")
_KIND = "result"


@dataclass(frozen=True)
class TrainedModel:
    """One model that has ended.

    Attributes:
        plan: what it is a function of.
        row: values by the columns of its protocol, such as :data:`COLUMNS`.
        curve: learning curve, rows by :data:`CURVE_COLUMNS` or those of its protocol; loss and accuracy are means over the
            batches since the last point.
        weights: of the best test, of equal ones the latest; ``None`` if there never were finite ones.
        snapshots: weights by iteration, as the plan asked.
    """

    plan: Any
    row: dict[str, Any]
    curve: list[dict[str, Any]] = field(repr=False)
    weights: Any = field(repr=False)
    snapshots: dict[int, Any] = field(repr=False)


@cache
def read_commit() -> str:
    """Return the commit of the code that this process runs: that of the first call, however long it then trains."""
    return find_commit()


def train_model(plan: ModelPlan, path: str | None = None) -> TrainedModel:
    """Train one model in this process, on the CPU, without leaving files.

    Args:
        plan: the model.
        path: of the kernel; by default the fast one.

    Returns:
        what came out: the same as in a sweep.

    Raises:
        UserError: if the task cannot be trained.
    """
    read_commit()
    ensemble = Ensemble([plan], path=path)
    ensemble.train()
    return finish_ensemble(ensemble)[0]


def finish_ensemble(ensemble: Ensemble) -> list[TrainedModel]:
    """Measure models that have ended, and make their rows.

    Args:
        ensemble: all of whose models have ended.

    Returns:
        one result a plan, in order.
    """
    require(ensemble.finished, "the models have not ended: train them to the end first")
    host = describe_host(ensemble.device) | {"commit": read_commit()}
    measured = ensemble.measure_multiples()
    return [_make_result(ensemble, place, multiples, host) for place, multiples in enumerate(measured)]


def _make_result(
    ensemble: Ensemble, place: int, multiples: Mapping[int, float | None], host: Mapping[str, str]
) -> TrainedModel:
    plan, log, weights = ensemble.plans[place], ensemble.logs[place], ensemble.best(place)
    spectrum = None if weights is None else compare_with_theory(weights.recurrent.double().numpy(), plan.system)
    best = log.accuracy_best if log.checkpoint else log.accuracy_final
    row = {
        "model": plan.name,
        **{name: getattr(plan, name) for name in _FROM_PLAN},
        "iterations": log.ended_at,
        "horizon": ensemble.horizon(place),
        "accuracy": round(best, 6),
        "accuracy_best": round(best, 6),
        "accuracy_final": round(log.accuracy_final, 6),
        "checkpoint": log.checkpoint,
        "iterations_to_99": log.iterations_to_99,
        **{f"accuracy_{multiple}x": _round(multiples.get(multiple), 6) for multiple in MULTIPLES},
        "diverged_at": log.diverged_at,
        "seconds": round(ensemble.seconds / len(ensemble.plans), 1),
        **host,
    }
    if spectrum is not None:
        row |= {
            "rank_theory": spectrum.rank_theory,
            "rank_network": spectrum.rank_network,
            "argument_error": _round(spectrum.argument_error, 8),
            "argument_error_optimal": _round(spectrum.argument_error_optimal, 8),
            "margin": _round(spectrum.margin, 6),
            "radius": _round(float(np.abs(spectrum.network).mean()) if spectrum.rank_network else None, 6),
        }
    curve = [dict(zip(CURVE_COLUMNS, (plan.name, *_round_point(point)))) for point in log.curve]
    return TrainedModel(
        plan, {name: row.get(name) for name in MODEL_COLUMNS}, curve, weights, ensemble.snapshots(place)
    )


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _round_point(point: Sequence[Any]) -> tuple[Any, ...]:
    iteration, horizon, loss, accuracy, test = point
    return iteration, horizon, float(f"{loss:.4g}"), round(accuracy, 4), _round(test, 6)


def write_result(path: Path, model: TrainedModel) -> None:
    """Write a trained model to one file, whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    pack = find_protocol(model.plan.protocol).pack
    sets = {"best": model.weights, **{str(iteration): weights for iteration, weights in model.snapshots.items()}}
    tensors = {
        f"{name}.{matrix}": value
        for name, weights in sets.items()
        if weights is not None
        for matrix, value in pack(weights).items()
    }
    write_tensors(path, _KIND, tensors, describe_plan(model.plan) | {"row": model.row, "curve": model.curve})


def read_result(path: Path) -> TrainedModel:
    """Read back what :func:`write_result` wrote.

    Raises:
        DamagedRecord: if the file is damaged, or from another version.
    """
    tensors, description = read_tensors(path, _KIND)
    plan = restore_any(description)
    protocol = find_protocol(plan.protocol)
    if list(description["row"]) != list(protocol.columns):
        raise DamagedRecord(f"{path.name} is from another version: its row has other columns")
    parts: dict[str, dict[str, Any]] = {}
    for key, value in tensors.items():
        name, _, matrix = key.partition(".")
        parts.setdefault(name, {})[matrix] = value
    sets = {name: protocol.unpack(matrices) for name, matrices in parts.items()}
    best = sets.pop("best", None)
    snapshots = {int(name): weights for name, weights in sorted(sets.items(), key=lambda item: int(item[0]))}
    return TrainedModel(plan, description["row"], description["curve"], best, snapshots)


def _check_tasks(plans: Sequence[ModelPlan]) -> None:
    for task in dict.fromkeys(plan.task for plan in plans):
        make_selection_table(parse_task(task), 1)


#: The protocol of the paper's Elman networks.
PROTOCOL = Protocol(
    name="elman",
    columns=MODEL_COLUMNS,
    curve_columns=CURVE_COLUMNS,
    texts=TEXTS,
    check=_check_tasks,
    restore=restore_plan,
    make=Ensemble,
    group=group_plans,
    finish=finish_ensemble,
    pack=lambda weights: weights._asdict(),
    unpack=lambda tensors: Weights(**tensors),
    write_network=write_network,
    describe_row=describe_row,
)
