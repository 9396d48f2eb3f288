"""What a network trained on sequences leaves: a row, a curve, weights; and the protocol by which sweeps train it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from twm.errors import UserError, require
from twm.models.rings import SequenceNetwork
from twm.paths import write_atomically
from twm.records import describe_host
from twm.training.plans import SequencePlan, check_tasks, restore_sequence_plan
from twm.training.progress import format_seconds
from twm.training.protocols import Protocol
from twm.training.results import TrainedModel, read_commit
from twm.training.sequence_model import make_network
from twm.training.sequence_run import SequenceRun

#: A table of networks trained on sequences: its columns and what they mean.
SEQUENCE_COLUMNS: dict[str, str] = {
    "model": "name; two rows have one name only if they are the same model",
    "task": "as twm.tasks.parsing reads it",
    "network": "wrnn, irnn, lstm or gru",
    "neurons": "of a ring, or of the network",
    "channels": "rings",
    "kernel": "taps of the convolution",
    "hidden": "numbers of a state",
    "parameters": "numbers that are trained",
    "init": "how recurrent weights started; empty for torch's own",
    "encoder": "how the encoder started; empty for torch's own",
    "activation": "of the neurons",
    "mlp": "hidden units of the readout; 0 where it is linear",
    "seed": "of data and initial weights",
    "learning_rate": "Adam's step",
    "clip": "largest norm of the gradient; 0 for none",
    "divisor": "of the loss, before it is differentiated",
    "drop_at": "last iteration before the learning rate drops; empty without a drop",
    "iterations": "batches used",
    "batch": "sequences a batch",
    "steps": "length of a sequence",
    "accuracy": "of the best test: share of right answers",
    "accuracy_final": "of the last test",
    "loss": "lowest of all tests, undivided",
    "loss_final": "of the last test, undivided",
    "checkpoint": "iteration of the kept weights: the best accuracy, then the lowest loss",
    "iterations_to_99": "first test with an accuracy of at least 0.99; empty if none",
    "solved_at": "adding: first look, every 100 iterations, with a training loss of at most 0.05; empty if none",
    "diverged_at": "test at which weights were no longer finite; empty if that did not happen",
    "scale": "what is smaller than in the paper; empty for the paper's own",
    "data": "what must be said about the data; empty if nothing",
    "seconds": "training and testing",
    "device": "where",
    "torch": "version",
    "commit": "of this project; with + where files were changed",
    "date": "day on which the model was done",
}
#: Columns of its table of learning curves.
SEQUENCE_CURVE_COLUMNS = ("model", "iteration", "loss", "test_loss", "test_accuracy")

_TEXTS = (
    "model", "task", "network", "init", "encoder", "activation", "scale", "data", "device", "torch", "commit", "date",
)  # fmt: skip
_FROM_PLAN = (
    "task", "network", "neurons", "channels", "kernel", "hidden", "encoder", "activation", "mlp", "seed", "learning_rate", "clip",
    "divisor", "drop_at", "batch", "scale",
)  # fmt: skip


def finish_run(run: SequenceRun) -> list[TrainedModel]:
    """Make the row and the curve of a network that has ended.

    Returns:
        one result, in a list.
    """
    require(run.finished, "the network has not ended: train it to the end first")
    plan, log, task = run.plan, run.logs[0], run.model.task
    row = {
        "model": plan.name,
        **{name: getattr(plan, name) for name in _FROM_PLAN},
        "parameters": run.model.count,
        "init": plan.recurrent,
        "iterations": log.ended_at,
        "steps": task.steps,
        "accuracy": round(log.accuracy_best if log.checkpoint else log.accuracy_final, 6),
        "accuracy_final": round(log.accuracy_final, 6),
        "loss": _shorten(log.loss_lowest),
        "loss_final": _shorten(log.loss_final),
        "checkpoint": log.checkpoint,
        "iterations_to_99": log.iterations_to_99,
        "solved_at": log.solved_at,
        "diverged_at": log.diverged_at,
        "data": task.label,
        "seconds": round(run.seconds, 1),
        **describe_host(run.device),
        "commit": read_commit(),
    }
    curve = [
        dict(zip(SEQUENCE_CURVE_COLUMNS, (plan.name, iteration, _shorten(loss), _shorten(test), round(accuracy, 4))))
        for iteration, loss, test, accuracy in log.curve
    ]
    return [TrainedModel(plan, {name: row[name] for name in SEQUENCE_COLUMNS}, curve, run.best(), run.snapshots())]


def _shorten(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def train_sequence_model(plan: SequencePlan, path: str | None = None, device: str = "cpu") -> TrainedModel:
    """Train one network in this process, without leaving files.

    Args:
        plan: the model.
        path: ``autograd`` for the slow, obvious way; by default the fast one.
        device: ``cpu`` or ``cuda``.

    Returns:
        what came out: the same as in a sweep.

    Raises:
        UserError: if images are not to be had.
    """
    read_commit()
    run = SequenceRun([plan], device, path)
    run.train()
    return finish_run(run)[0]


def describe_sequence_row(row: Mapping[str, Any]) -> str:
    """Return what became of one network, in a line."""
    line = f"{row['model']}: accuracy {row['accuracy']:.4f}"
    if row["loss"] is not None:
        line += f", loss {row['loss']:.2g}"
    if row["solved_at"] is not None:
        line += f", solved at {row['solved_at']}"
    if row["diverged_at"] is not None:
        line += f", diverged by iteration {row['diverged_at']}"
    return f"{line}, {row['iterations']} iterations, {format_seconds(row['seconds'])}"


def write_sequence_network(path: Path | str, weights: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write a network's weights under their names, and how it came about as metadata; whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    from safetensors.torch import save

    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()}
    tensors = {name: weight.detach().float().cpu().contiguous() for name, weight in weights.items()}
    write_atomically(Path(path), save(tensors, {"format": "pt", **texts}))


def read_sequence_network(path: Path | str) -> tuple[SequenceNetwork, SequencePlan, dict[str, Any]]:
    """Read a network that a sweep on sequences left.

    Args:
        path: the safetensors file.

    Returns:
        the network, its plan, and what else is known about it.

    Raises:
        UserError: if the file is missing, damaged, or holds something else.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="pt") as stream:
            texts = stream.metadata() or {}
            weights = {name: stream.get_tensor(name) for name in stream.keys()}
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path.name} is not a trained network: {str(error).splitlines()[0]}") from error
    about = {key: _read_text(text) for key, text in texts.items() if key != "format"}
    known = SequencePlan.__dataclass_fields__
    require("network" in about and "task" in about, f"{path.name} is not a network trained on sequences")
    plan = restore_sequence_plan({key: about.pop(key) for key in known if key in about})
    network = make_network(plan, plan.make_task_at_hand())
    fits = {name: tuple(weight.shape) for name, weight in weights.items()} == {
        name: tuple(weight.shape) for name, weight in network.named_parameters()
    }
    require(fits, f"{path.name} does not hold the weights of {plan.name}")
    network.load_state_dict(weights)
    return network, plan, about


def _read_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _group(plans: Sequence[SequencePlan]) -> list[list[SequencePlan]]:
    return [[plan] for plan in plans]


#: The protocol of networks on sequences.
PROTOCOL = Protocol(
    name="sequence",
    columns=SEQUENCE_COLUMNS,
    curve_columns=SEQUENCE_CURVE_COLUMNS,
    texts=_TEXTS,
    check=check_tasks,
    restore=restore_sequence_plan,
    make=SequenceRun,
    group=_group,
    finish=finish_run,
    pack=dict,
    unpack=dict,
    write_network=write_sequence_network,
    describe_row=describe_sequence_row,
)
