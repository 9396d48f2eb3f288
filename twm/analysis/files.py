"""Safe reading of files that may contain a network: named arrays and metadata, without running any code.

Unpickling normally calls functions and classes. Here only tensors are rebuilt; everything else becomes inert data."""

import io
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from scipy.io import loadmat

from twm.errors import UserError, require
from twm.models.elman import read_weights
from twm.theory.systems import HDS, make_linear_hds

_WRAPPERS = "state_dict model_state_dict model_state model net network params weights module".split()


def read_contents(path: Path | str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read a safetensors, torch (also of whole modules), pickle, numpy (.npz) or MATLAB file without running any code in it.

    Returns two dictionaries with dotted names: tensors (``...`` for an unsupported form, such as sparse), and texts, numbers
    and booleans, with the class of every object that was saved whole under ``__class__``."""
    path, tensors, texts = Path(path), {}, {}
    known = "expected safetensors, a state_dict or module of torch, pickle, .npz or, of version 7 at most, .mat"
    require(path.is_file(), f"there is no checkpoint {path}: {known}")
    try:
        content = path.read_bytes()
        if content[8:9] == b"{":
            return read_weights(path)
        _gather(tree := _open(content, path.suffix), "", {}, texts, {})
        nested = lambda: [tree[key] for key in _WRAPPERS if isinstance(_settle(tree.get(key)), Mapping)]
        while isinstance(tree, Mapping) and len(inner := nested()) == 1:
            tree = inner[0]  # the part of a checkpoint that holds the weights
        texts = {key: text for key, text in texts.items() if not key.endswith("__class__")}  # drop other parts' classes
        _gather(tree, "", tensors, texts, {})
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    # Damaged files make the libraries raise almost anything, from EOFError to MemoryError.
    except Exception as error:  # noqa: BLE001
        begun = content.startswith((b"PK", b"\x80", b"MATLAB 5")) or content[8:9] == b"{"
        other = "is of TorchScript or MATLAB 7.3" if isinstance(error, NotImplementedError) else "is no checkpoint"
        raise UserError(f"{path.name} {'is damaged' if begun and 'of' not in other else other}: {known}") from None
    require(bool(tensors), f"{path.name} holds no tensors: expected them by name, such as rnn.weight_hh_l0")
    return tensors, texts


def _open(content: bytes, suffix: str) -> Any:
    if suffix == ".mat" or content.startswith(b"MATLAB"):
        return loadmat(io.BytesIO(content), simplify_cells=True)
    if content.startswith(b"PK") and b"data.pkl" in content:
        return _load_torch(content)
    if content.startswith(b"PK"):
        arrays, tree = np.load(io.BytesIO(content)), {}
        for name in arrays.files:
            with suppress(ValueError):  # an array of objects, which is a pickle
                tree[name] = arrays[name]
        return tree
    tree = _Reader(io.BytesIO(content), encoding="latin1").load()
    return _load_torch(content) if tree == torch.serialization.MAGIC_NUMBER else tree


class _Inert(dict):
    """Inert record of an object that a pickle would construct: its arguments, state and items."""

    name, given, state = "", (), None
    dtype = torch.uint8  # torch reads it where the record stands for an untyped storage
    __init__ = lambda self, *given, **named: setattr(self, "given", given)
    __setstate__ = lambda self, state: setattr(self, "state", state)
    __call__ = lambda self, *given, **named: _Inert(*given)
    __hash__ = object.__hash__
    append = extend = add = lambda self, part: None


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        safe = _SAFE.get(f"{module.partition('.')[0]}.{name}")
        # A new wrapper each time, because a pickle may set attributes on what it receives.
        return (lambda *given: safe(*given)) if safe else type("_Named", (_Inert,), {"name": f"{module}.{name}"})


def _load_torch(content: bytes) -> Any:
    if b"constants.pkl" in content:  # TorchScript, whose code torch would run
        raise NotImplementedError
    reader = SimpleNamespace(__name__="pickle", Unpickler=_Reader, load=lambda *given, **named: _Reader(*given, **named).load())
    with warnings.catch_warnings(action="ignore"):
        return torch.load(io.BytesIO(content), "cpu", reader, weights_only=False, encoding="latin1")


_SAFE: dict[str, Callable[..., Any]] = {  # the only functions called: they build tensors and their parts
    "torch._rebuild_tensor": torch._utils._rebuild_tensor, "torch._rebuild_tensor_v2": torch._utils._rebuild_tensor_v2,
    **dict.fromkeys(("torch._rebuild_parameter", "torch._rebuild_parameter_with_state"), lambda data, *rest: data),
    "torch._rebuild_from_type_v2": lambda make, kind, given, state: make(*given), "torch._load_from_bytes": _load_torch,
    "_codecs.encode": lambda text, encoding: text.encode("latin1"),
}  # fmt: skip


def _settle(thing: Any) -> Any:
    """Convert the record of a numpy array to the array, and that of a tensor of an unsupported form to ``...``."""
    last = thing.name.rpartition(".")[2] if isinstance(thing, _Inert) else ""
    if last not in ("_reconstruct", "_frombuffer"):
        return ... if last.startswith("_rebuild_") else thing
    given = thing.given  # not by numpy's own function, which would let a pickle pass numbers off as object addresses
    _, shape, dtype, fortran, content = thing.state or (None, *given[2:0:-1], given[3] == "F", given[0])
    kind = np.dtype(dtype.given[0]).newbyteorder(dtype.state[1] if dtype.state and dtype.state[1] in "<>" else "=")
    return None if kind.kind not in "fciub" else np.frombuffer(content, kind).reshape(shape, order="CF"[bool(fortran)])


def _gather(thing: Any, name: str, tensors: dict[str, Any], texts: dict[str, Any], seen: dict[int, Any]) -> None:
    """Collect the tensors and texts of a tree by name; a container met again, also in a cycle, keeps its first name."""
    thing = _settle(thing)
    if isinstance(thing, np.ndarray):
        native = thing.dtype.newbyteorder("=")
        thing = torch.from_numpy(thing.astype(native, "C")) if native.kind in "fciub" else str(thing)
    if isinstance(thing, torch.Tensor) or thing is ...:
        tensors[name] = thing
    elif isinstance(thing, (str, bool, int, float)):
        texts[name] = thing
    elif isinstance(thing, (Mapping, list, tuple)) and id(thing) not in seen:
        seen[id(thing)] = thing
        for key, part in _list_parts(thing, name):
            _gather(part, key, tensors, texts, seen)


def _list_parts(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    start, state = f"{name}." if name else "", getattr(thing, "state", None)
    for part in (*(state if isinstance(state, tuple) else (state,)), thing):
        for key, value in part.items() if isinstance(part, Mapping) else enumerate(part if part is thing else ()):
            if key in ("_parameters", "_buffers", "_modules"):
                yield name, value  # of a module: named as in its state dict
            elif not str(key).startswith("_"):
                yield f"{start}{key}", value
    if isinstance(thing, _Inert) and not thing.name.startswith("collections."):
        yield f"{start}__class__", (thing.given[0] if thing.name.endswith("_reconstructor") else thing).name


def read_boundary(path: str) -> HDS:
    """Read the boundary matrix (dim, history*dim) of a linear system, oldest column first, from .npy or .csv."""
    try:
        require(Path(path).is_file(), "there is no such file")
        with warnings.catch_warnings(action="error"):  # about an empty file, and imaginary parts
            matrix = np.load(path) if path.endswith(".npy") else np.loadtxt(path, delimiter=",", encoding="utf-8-sig")
            matrix = np.atleast_2d(matrix)
            return make_linear_hds(matrix, matrix.shape[1] // len(matrix), len(matrix), Path(path).name)
    except Exception as error:  # noqa: BLE001
        raise UserError(f"{path} holds no boundary matrix (dim, history*dim): {(str(error).splitlines() or [''])[0]}") from None
