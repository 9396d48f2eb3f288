"""Detection of Elman networks, LSTMs and GRUs among the named arrays of a file."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from twm.analysis.files import read_contents
from twm.analysis.systems import ElmanSystem, SequenceSystem, StateSystem
from twm.errors import UserError, require
from twm.models.rings import GatedRNN
from twm.training.sequence_model import read_sequence_network

# Names of tensors that change the dynamics or weights in ways not modelled, and of initial states.
_CHANGING = re.compile(r"(?i)norm|(^|[._])(bn|ln)\d*[._]|running_|parametrizations|weight\w*_(g|v|orig)$")
_START = re.compile(r"(?i)(^|[._])(h_?0|(init|initial|start)_?(state|hidden|h))$")


class Checkpoint(NamedTuple):
    """A network read from a file."""

    system: StateSystem
    task: str | None  # its task as text, if the file names it
    configuration: Mapping[str, Any]  # texts and numbers in the file, such as training settings
    kind: str  # tanh, relu or linear; lstm, gru or wrnn
    notes: Sequence[str] = ()  # assumptions made, and tensors ignored
    unfit: str | None = None  # why it cannot be analysed on a task


def read_checkpoint(path: Path | str, *choices: Any, **keys: str | None) -> Checkpoint:
    """Read a network from a file in any format of :mod:`twm.analysis.files`, without running any code in it.

    Weights are found by torch's names, such as ``rnn.weight_hh_l0``, or by ``keys``: recurrent, encoder, bias, readout. The
    readout is by default the only other matrix of shape (dim, hidden). ``choices`` are a nonlinearity and a layer's number."""
    tensors, texts = read_contents(path)
    try:
        if Path(path).suffix == ".safetensors" and {"network", "task"} <= {*texts}:  # from our sequence sweeps
            network, plan, _ = read_sequence_network(path)
            system = SequenceSystem(network)
            task = getattr(plan.make_task_at_hand(), "system", None)
            if task is not None:
                return Checkpoint(system, task.name, texts, plan.network)
            unfit = f"it was trained on {plan.task}, and variables are known for hds:H,TASK only"
            return Checkpoint(system, plan.task, texts, plan.network, [unfit], unfit)
        return _Search(tensors, texts, keys).make(*choices)
    except UserError as error:
        raise UserError(f"{Path(path).name}: {error}") from None


class _Search:
    """A search for a network among a file's named tensors and texts."""

    def __init__(self, tensors: dict[str, Any], texts: dict[str, Any], keys: Mapping[str, str | None]) -> None:
        self.tensors, self.texts, self.used = tensors, texts, set()
        self.shapes = {key: tuple(getattr(one, "shape", ["another form"])) for key, one in tensors.items()}
        self.keys = {what: key for what, key in keys.items() if key is not None}
        lost = ", ".join(f"--{what} {key}" for what, key in self.keys.items() if key not in tensors)
        require(not lost, f"there is no tensor for {lost}; found {self.list_others()}")
        # Normalising layers have a weight vector, with a bias of equal shape or none, or are known by name or class.
        beside = {key: (self.shapes[key], self.shapes.get(f"{key[:-6]}bias")) for key in tensors if key.endswith("weight")}
        odd = [key for key, (own, bias) in beside.items() if len(own) == 1 and bias in (own, None)]
        odd += filter(_CHANGING.search, tensors)
        odd += [key[:-10] for key, text in texts.items() if key.endswith("__class__") and "Norm" in text]
        require(not odd, f"{', '.join(odd[:1])} normalises or rescales, which changes the dynamics and is not modelled")

    def list_others(self) -> str:
        return ", ".join(f"{key} {shape}" for key, shape in self.shapes.items() if key not in self.used) or "nothing"

    def take(self, key: str) -> np.ndarray:
        tensor = self.tensors[key]
        plain = tensor is not ... and tensor.is_floating_point()
        form = "one of another form, such as sparse" if tensor is ... else f"of {tensor.dtype}"
        require(plain, f"{key} must be a plain tensor of floating-point numbers, and is {form}")
        self.used.add(key)
        array = tensor.detach().double().numpy()
        require(not (np.abs(array) > 1e8).any(), f"{key} has entries beyond 1e8: its training diverged")
        return array

    def find_layer(self, layer: int | None) -> list[str]:
        """Return the names of a layer's recurrent matrix, encoder and two biases; the last three need not exist."""
        pattern = re.compile(f"(^|[._])weight_hh(_l{'[0-9]+' if layer is None else layer})?$")
        found = [self.keys["recurrent"]] if "recurrent" in self.keys else [*filter(pattern.search, self.tensors)]
        told = "expected one matrix weight_hh_l0 or weight_hh, or --layer N or --recurrent KEY to choose"
        require(len(found) == 1, f"{told}; {len(found)} such are among {self.list_others()}")
        owner, torchs, end = found[0].rpartition("weight_hh")
        odd = [key for key in self.tensors if torchs and key.startswith(owner) and re.search("_reverse$|weight_hr", key)]
        require(not odd, f"layers in both directions or with projections are not read: {', '.join(odd[:1])}")
        encoder = self.keys.get("encoder", f"{owner}weight_ih{end}" if torchs else "--encoder KEY")
        beside = [f"{key.removesuffix('weight')}bias" for key in (found[0], encoder)]  # a bias of nn.Linear
        biases = [f"{owner}bias_{part}{end}" for part in ("hh", "ih")] if torchs else beside
        return [found[0], encoder, *(["", self.keys["bias"]] if "bias" in self.keys else biases)]

    def find_readout(self, hidden: int) -> tuple[np.ndarray, np.ndarray, str | None]:
        """Return the readout, its bias and None, or zeros and the reason why no readout was found."""
        free = {key: shape for key, shape in self.shapes.items() if key not in self.used}
        inner = re.compile("(?i)embed|encod|input|weight_[ih]h")
        offered = [key for key, shape in free.items() if shape[1:] == (hidden,) and not inner.search(key)]
        told = f"expected one readout of shape (dim, {hidden}), or --readout KEY; other tensors: {self.list_others()}"
        if "readout" not in self.keys and len(offered) != 1:
            return np.zeros((1, hidden)), np.zeros(1), told
        readout = np.atleast_2d(self.take(key := self.keys.get("readout") or offered[0]))
        require(readout.ndim == 2 and readout.shape[1] == hidden, told)
        # Other vectors of this length, such as a mean of the targets, are no part of the network.
        vectors = [one for one in free if free[one] == (len(readout),) and "bias" in one.lower()]
        offset = [own] if (own := f"{key.removesuffix('weight')}bias") in vectors else vectors
        return readout, self.take(offset[0]) if len(offset) == 1 else np.zeros(len(readout)), None

    def make(self, nonlinearity: str | None = None, layer: int | None = None) -> Checkpoint:
        key, inputs, *biases = self.find_layer(layer)
        require(inputs in self.tensors, f"there is no tensor {inputs} for the inputs; found {self.list_others()}")
        recurrent, encoder = self.take(key), self.take(inputs)
        rows, hidden = (*recurrent.shape, 0, 0)[:2]
        gates, biases = rows / max(hidden, 1), [self.take(one) if one in self.tensors else np.zeros(rows) for one in biases]
        fits = recurrent.ndim == 2 and gates in (1, 3, 4) and encoder.ndim in (1, 2)
        told = "a recurrent matrix is square or has the gates of a GRU or LSTM, and its encoder and biases have as many rows"
        shapes = ", ".join(f"{name} {self.shapes[name]}" for name in self.shapes if name in self.used)
        require(fits and {len(encoder), *map(np.size, biases)} == {rows}, f"{told}, not {shapes}")
        encoder = encoder if encoder.ndim == 2 else encoder[:, None]
        biases = [bias.reshape(-1) for bias in biases]
        stack = [name for name in self.tensors if re.sub(r"_l\d+$", "", name) == re.sub(r"_l\d+$", "", key)]
        starts = [self.take(name) for name in filter(_START.search, self.tensors)] or [np.zeros(hidden)]
        require(starts[0].size in (hidden, hidden * len(stack)), f"an initial state must have {hidden} numbers a layer")
        start = starts[0].reshape(-1, hidden)[: (layer or 0) + 1][-1]  # the layer's own, or the one for all
        readout, offset, unfit = self.find_readout(hidden)
        unfit = unfit if len(stack) < 2 else f"{key} is one layer of {len(stack)}, and a task needs them all"
        notes = [*filter(None, [unfit]), *["started at the state in the file, which is not zero"] * bool(start.any())]
        if gates == 1:
            kind = self.choose_nonlinearity(key.rpartition(".")[0], nonlinearity, notes)
            system = ElmanSystem(recurrent, encoder, readout, sum(biases), offset, kind, start)
        else:
            require(nonlinearity is None, f"{key} has gates, whose nonlinearities are known: leave out --nonlinearity")
            network = GatedRNN(encoder.shape[1], len(readout), hidden, kind := {3: "gru", 4: "lstm"}[gates]).double()
            for weight, given in zip(network.parameters(), (readout, offset, encoder, recurrent, *biases[::-1])):
                weight.data.copy_(torch.from_numpy(given))
            system = SequenceSystem(network, np.pad(start, (0, network.carried - hidden)))
        notes += [f"ignored: {self.list_others()}"] * (len(self.used) < len(self.tensors))
        return Checkpoint(system, self.texts.get("task"), self.texts, kind, notes, unfit)

    def choose_nonlinearity(self, owner: str, asked: str | None, notes: list[str]) -> str:
        names = re.compile(rf"{re.escape(owner)}\.?mode|(.*\.)?nonlinearity")
        said = {str(text).removeprefix("RNN_").lower() for key, text in self.texts.items() if names.fullmatch(key)}
        fits = asked in said if asked and said else len(said) < 2
        require(fits, f"the file says {' and '.join(sorted(said))}: --nonlinearity must be one of these")
        if not (said or asked or {"weight_readout", "l2"} <= {*self.tensors, *self.texts}):  # trained here, with a tanh
            notes.append("taken to have a tanh; if not, say --nonlinearity relu or linear")
        return asked or next(iter(said), "tanh")
