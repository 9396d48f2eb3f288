"""Reading trained Elman networks, ours or anyone's, and refusing in a line what is none."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from twm.analysis.systems import ElmanSystem
from twm.errors import UserError, require


class OtherNetwork(UserError):
    """A file that is in order, of a network that is no Elman network."""


class Checkpoint(NamedTuple):
    """A network read from a file."""

    system: ElmanSystem
    task: str | None  # the text of its task, where the file says so
    configuration: Mapping[str, Any]  # whatever the file says about how it came about


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read an Elman network with tanh units and a linear readout.

    Takes a safetensors file, or a torch file loaded with ``weights_only``, that holds a state dict, perhaps under the
    key ``state_dict``. Keys must end in ``weight_hh_l0`` and ``weight_ih_l0``; biases in ``bias_hh_l0`` and
    ``bias_ih_l0`` are added up. The readout is the one other matrix of shape (dim, hidden), its bias the one other
    vector of length dim.
    """
    path = Path(path)
    require(path.is_file(), f"there is no checkpoint {path}: expected a safetensors or torch file")
    tensors, texts = _read_tensors(path)
    try:
        system = _find_system(tensors)
    except UserError as error:
        raise type(error)(f"{path.name}: {error}") from None
    configuration = {key: _read_value(text) for key, text in texts.items() if key != "format"}
    task = configuration.get("task")
    return Checkpoint(system, task if isinstance(task, str) else None, configuration)


def _read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}, stream.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError):
        pass
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    # Damaged files make torch raise almost anything, from EOFError to UnpicklingError.
    except Exception:  # noqa: BLE001
        expected = "expected safetensors, or a torch file with weights only"
        raise UserError(f"{path.name} is damaged or no checkpoint: {expected}") from None
    content = content if isinstance(content, Mapping) else {}
    texts = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, str)}
    for key in ("state_dict", "model_state_dict"):
        content = content[key] if isinstance(content.get(key), Mapping) else content
    found = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    require(bool(found), f"{path.name} holds no state dict: expected tensors by name, such as rnn.weight_hh_l0")
    return found, texts


def _find_system(tensors: Mapping[str, Tensor]) -> ElmanSystem:
    def take(ending: str) -> Tensor | None:
        keys = [key for key in tensors if key.endswith(ending)]
        require(len(keys) < 2, f"several tensors end in {ending}: {', '.join(keys)}; expected one network")
        return tensors[keys[0]] if keys else None

    endings = ("weight_hh_l0", "weight_ih_l0", "bias_hh_l0", "bias_ih_l0")
    recurrent, encoder, *biases = known = [take(ending) for ending in endings]
    for name, tensor in zip(endings[:2], known):
        if tensor is None:
            listed = ", ".join(sorted(tensors))
            raise OtherNetwork(f"no tensor ends in {name}, as an Elman network's does; found {listed}")
    deeper = next((key for key in tensors if key.endswith(("_l1", "_reverse"))), None)
    require(deeper is None, f"only one layer in one direction is understood, and there is {deeper}")
    shape = tuple(recurrent.shape)
    if len(shape) == 2 and shape[0] in (3 * shape[1], 4 * shape[1]):
        raise OtherNetwork(f"weight_hh_l0 of shape {shape} has gates: an LSTM or GRU, expected an Elman network")
    require(len(shape) == 2 and shape[0] == shape[1], f"weight_hh_l0 must be square, not of shape {shape}")
    hidden, dim = len(recurrent), encoder.shape[-1]
    others = {key: tensor for key, tensor in tensors.items() if not any(tensor is one for one in known)}
    readouts, offsets = (
        [tensor for tensor in others.values() if tuple(tensor.shape) == wanted] for wanted in ((dim, hidden), (dim,))
    )
    shapes = ", ".join(f"{key} {tuple(tensor.shape)}" for key, tensor in others.items()) or "none"
    require(len(readouts) == 1, f"expected one readout of shape {(dim, hidden)}; other tensors are {shapes}")
    require(len(offsets) < 2, f"expected one readout bias of shape {(dim,)} at most; other tensors are {shapes}")
    biases = [bias for bias in biases if bias is not None]
    for bias in biases:
        require(tuple(bias.shape) == (hidden,), f"a bias must be of shape {(hidden,)}, not {tuple(bias.shape)}")
    weights = [_to_array(tensor) for tensor in (recurrent, encoder, readouts[0])]
    bias = sum(map(_to_array, biases)) if biases else None
    return ElmanSystem(*weights, bias, _to_array(offsets[0]) if offsets else None)


def _to_array(tensor: Tensor) -> np.ndarray:
    require(tensor.is_floating_point(), f"weights must be floating-point numbers, not {tensor.dtype}")
    return tensor.detach().double().cpu().numpy()


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
