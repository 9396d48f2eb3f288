"""Reading trained Elman networks, ours or anyone's."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twm.basis import ElmanSystem
from twm.errors import UserError, require

_NEEDED = ("weight_hh_l0", "weight_ih_l0")
_BIASES = ("bias_hh_l0", "bias_ih_l0")


class OtherNetwork(UserError):
    """A file that is in order, of a network that is no Elman network."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network read from a file.

    Attributes:
        system: its weights.
        task: the text of its task, where the file says so.
        configuration: whatever else the file says about how it came about.
    """

    system: ElmanSystem
    task: str | None
    configuration: Mapping[str, Any]


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read an Elman network with tanh units and a linear readout.

    Takes a safetensors file, or a torch file loaded with ``weights_only``, that holds a state dict, perhaps under the
    key ``state_dict``. Keys must end in ``weight_hh_l0`` and ``weight_ih_l0``; biases in ``bias_hh_l0`` and
    ``bias_ih_l0`` are added up. The readout is the one other matrix of shape (dim, hidden), its bias the one other
    vector of length dim.

    Args:
        path: the file.

    Returns:
        the checkpoint.

    Raises:
        UserError: if the file is missing, cannot be read, has other layers, shapes that do not fit, or weights that are
            not finite.
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


def _read_tensors(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}, stream.metadata() or {}
    except (SafetensorError, OSError, ValueError, RuntimeError):
        pass
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    # Damaged files make torch raise almost anything, from EOFError to UnpicklingError.
    except Exception:
        raise UserError(
            f"{path.name} is damaged or no checkpoint: expected safetensors, or a torch file with weights only"
        ) from None
    texts: dict[str, str] = {}
    if isinstance(content, Mapping):
        texts = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, str)}
        for key in ("state_dict", "model_state_dict"):
            if isinstance(content.get(key), Mapping):
                content = content[key]
    found = {}
    if isinstance(content, Mapping):
        found = {
            key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, torch.Tensor)
        }
    require(bool(found), f"{path.name} holds no state dict: expected tensors by name, such as rnn.weight_hh_l0")
    return found, texts


def _find_system(tensors: Mapping[str, Any]) -> ElmanSystem:
    listed = ", ".join(sorted(tensors))
    parts, used = {}, set()
    for ending in (*_NEEDED, *_BIASES):
        keys = [key for key in tensors if key.endswith(ending)]
        missing = not keys and ending in _NEEDED
        if missing:
            raise OtherNetwork(f"no tensor ends in {ending}, as an Elman network's does; found {listed}")
        require(len(keys) < 2, f"several tensors end in {ending}: {', '.join(keys)}; expected one network")
        if keys:
            parts[ending] = tensors[keys[0]]
            used.add(keys[0])
    deeper = [key for key in tensors if key.endswith(("_l1", "_reverse"))]
    require(not deeper, f"only one layer in one direction is understood, and there is {deeper[0] if deeper else ''}")
    recurrent, encoder = parts["weight_hh_l0"], parts["weight_ih_l0"]
    square = recurrent.ndim == 2 and recurrent.shape[0] == recurrent.shape[1]
    shape = tuple(recurrent.shape)
    gates = recurrent.ndim == 2 and shape[0] in (3 * shape[1], 4 * shape[1])
    if gates:
        raise OtherNetwork(f"weight_hh_l0 of shape {shape} has gates: an LSTM or GRU, expected an Elman network")
    require(square, f"weight_hh_l0 must be square, not of shape {shape}")
    hidden = shape[0]
    fits = encoder.ndim == 2 and encoder.shape[0] == hidden
    require(fits, f"weight_ih_l0 must be of shape ({hidden}, dim), not {tuple(encoder.shape)}")
    dim = encoder.shape[1]
    others = {key: tensor for key, tensor in tensors.items() if key not in used}
    readouts = [key for key, tensor in others.items() if tuple(tensor.shape) == (dim, hidden)]
    shapes = ", ".join(f"{key} {tuple(tensor.shape)}" for key, tensor in others.items()) or "none"
    require(len(readouts) == 1, f"expected one readout of shape {(dim, hidden)}; other tensors are {shapes}")
    offsets = [tensor for tensor in others.values() if tuple(tensor.shape) == (dim,)]
    require(len(offsets) < 2, f"expected one readout bias of shape {(dim,)} at most; other tensors are {shapes}")
    biases = [parts[ending] for ending in _BIASES if ending in parts]
    odd = next((tuple(tensor.shape) for tensor in biases if tuple(tensor.shape) != (hidden,)), None)
    require(odd is None, f"a bias must be of shape {(hidden,)}, not {odd}")
    arrays = [_to_array(tensor) for tensor in (recurrent, encoder, others[readouts[0]])]
    bias = sum(_to_array(tensor) for tensor in biases) if biases else None
    return ElmanSystem(*arrays, bias, _to_array(offsets[0]) if offsets else None)


def _to_array(tensor: Any) -> Any:
    require(tensor.is_floating_point(), f"weights must be floating-point numbers, not {tensor.dtype}")
    return tensor.detach().double().cpu().numpy()


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
