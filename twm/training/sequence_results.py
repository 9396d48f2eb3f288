"""Networks trained on sequences: the columns of their table, and the files of their weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twm.errors import UserError, require
from twm.models.rings import SequenceNetwork
from twm.paths import write_atomically
from twm.training.plans import SequencePlan, restore_plan
from twm.training.sequence_model import make_network

#: A table of networks trained on sequences: its columns and what they mean.
SEQUENCE_COLUMNS: dict[str, str] = {
    "model": "name; two rows have one name only if they are the same model",
    "task": "as twm.tasks.images reads it",
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


def write_sequence_network(path: Path | str, weights: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write a network's weights under their names, and how it came about as metadata; whole or not at all."""
    from safetensors.torch import save

    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in about.items()}
    tensors = {name: weight.detach().float().cpu().contiguous() for name, weight in weights.items()}
    write_atomically(Path(path), save(tensors, {"format": "pt", **texts}))


def read_sequence_network(path: Path | str) -> tuple[SequenceNetwork, SequencePlan, dict[str, Any]]:
    """Read a network that a sweep on sequences left, its plan, and what else is known about it."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    try:
        with safe_open(path, framework="pt") as stream:
            texts = stream.metadata() or {}
            weights = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path.name} is not a trained network: {str(error).splitlines()[0]}") from error
    about = {key: _read_text(text) for key, text in texts.items() if key != "format"}
    require("network" in about and "task" in about, f"{path.name} is not a network trained on sequences")
    known = SequencePlan.__dataclass_fields__
    plan = restore_plan(SequencePlan, {key: about.pop(key) for key in known if key in about})
    network = make_network(plan, plan.make_task_at_hand())
    fits = {name: weight.shape for name, weight in weights.items()} == {
        name: weight.shape for name, weight in network.named_parameters()
    }
    require(fits, f"{path.name} does not hold the weights of {plan.name}")
    network.load_state_dict(weights)
    return network, plan, about


def _read_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
