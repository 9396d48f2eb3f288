"""What the explorer page runs: recorded networks with their recovered bases, packed for a browser.

A browser that reads a page from disk may not fetch other files, so the numbers travel inside a script: float32, in the
order of :data:`PARTS`, as base64. The script knows nothing else; what it does with the numbers is in
``book/_explorer``.
"""

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from twm.errors import require
from twm.paths import results_dir, write_atomically
from twm.theory.bases import make_basis
from twm.theory.pictures import CHARACTERS, ROWS, text_to_states
from twm.theory.systems import HDS, parse_task

#: The recorded networks of the page: what the reader calls them, and the file.
TRAINED = {
    "Repeat copy 16\N{MULTIPLICATION SIGN}5": "repeat-copy-16-5_h128_l2-0_s0_orthogonal_adaptive_i30000_lr0.0005_drop24000",
    **{name: f"{name}_h128_l2-0_s0" for name in ("T1", "T2", "T3", "T4")},
}

#: The arrays of a network in the order in which they are packed, row by row.
PARTS = ("recurrent", "encoder", "readout", "basis", "dual_basis")

_HIDDEN = 128
_SAMPLES = 512


@dataclass(frozen=True, eq=False)
class PackedNetwork:
    """One network of the page, with the basis that regression recovers."""

    name: str  # for the reader
    task: HDS  # a signed selection
    record: str  # name of the file it comes from
    recurrent: np.ndarray  # W_hh, (hidden, hidden)
    encoder: np.ndarray  # W_uh, (hidden, dim)
    readout: np.ndarray  # W_r, (dim, hidden)
    basis: np.ndarray  # Psi, (hidden, rank)
    dual_basis: np.ndarray  # Psi*, (rank, hidden)
    coordinates: tuple[int, ...]  # (rank,), places in the substrate that the columns of the basis stand for
    configuration: dict[str, Any]  # how the network was trained

    def describe(self) -> dict[str, Any]:
        """Return what the script reads."""
        task, boundary = self.task, self.task.boundary
        places = {"positions": boundary.positions, "signs": boundary.signs, "coordinates": self.coordinates}
        return {
            "name": self.name, "record": self.record, "task": task.name, "history": task.history, "dim": task.dim,
            "hidden": len(self.recurrent), "activation": "tanh",
            **{name: [int(value) for value in values] for name, values in places.items()},
            **{name: self.configuration.get(name) for name in ("accuracy", "seed", "iterations")},
            "date": str(self.configuration.get("date", ""))[:10],
            "numbers": encode_numbers(np.concatenate([np.ravel(getattr(self, part)) for part in PARTS])),
        }  # fmt: skip


def encode_numbers(numbers: np.ndarray) -> str:
    """Return numbers as base64 of little-endian float32."""
    return base64.b64encode(np.asarray(numbers).astype("<f4").tobytes()).decode("ascii")


def pack_network(name: str, path: Path) -> PackedNetwork:
    """Read a recorded network, its weights in float64 as recorded in float32, and recover its basis."""
    from twm.analysis.recovery import as_system, recover_basis, sample_states
    from twm.models.elman import read_network

    network, configuration = read_network(path)
    task = parse_task(configuration["task"])
    require(hasattr(task.boundary, "positions"), f"the explorer needs a signed selection, not the task {task.name}")
    system = as_system(network)
    found = recover_basis(system, task, "regression", sample_states(system, task, count=_SAMPLES, seed=0))
    require(found.coordinates is not None, f"no set of coordinates spans what {path.stem} keeps")
    weights = system.recurrent, system.encoder, system.readout
    return PackedNetwork(
        name, task, path.stem, *weights, found.basis, found.dual_basis, found.coordinates, configuration
    )


@cache
def pack_networks() -> tuple[PackedNetwork, ...]:
    """Return every network of :data:`TRAINED`, with its basis."""
    folder = results_dir() / "networks"
    return tuple(pack_network(name, folder / f"{record}.safetensors") for name, record in TRAINED.items())


def make_network_script(networks: tuple[PackedNetwork, ...] | None = None) -> str:
    """Return the script that carries the networks, the font, and the basis of the constructed networks.

    The constructed networks need no weights of their own: the page makes W_hh = Psi Phi Psi^T from an orthonormal basis
    and each task's boundary, as theory says. Source: twm Eq. (6); A.4.
    """
    networks = pack_networks() if networks is None else networks
    largest = max(network.task.size for network in networks)
    basis = make_basis(largest, hidden=_HIDDEN, kind="orthonormal", seed=0).basis
    # A character's columns from the left, each a text of 0 and 1 from the top.
    font = {
        character: ["".join("1" if value > 0 else "0" for value in column) for column in text_to_states(character)]
        for character in CHARACTERS
    }
    data = {
        "parts": list(PARTS),
        "font": font,
        "fontRows": ROWS,
        "constructed": {"hidden": _HIDDEN, "columns": largest, "basis": encode_numbers(basis)},
        "networks": [network.describe() for network in networks],
    }
    return f"window.twmExplorerData = {json.dumps(data, separators=(',', ':'))};\n"


def write_network_script(path: Path) -> None:
    """Write :func:`make_network_script` to a file, whole or not at all."""
    write_atomically(path, make_network_script())


def draw_still(network: PackedNetwork, text: str, steps: int) -> Any:
    """Draw, as a Figure, what the page shows of a network that was given ``text``, ``steps`` after the input phase."""
    from twm.analysis.recovery import ElmanSystem
    from twm.book.figures.front_page import plot_explorer

    picture, task = text_to_states(text), network.task
    fits = picture.shape == (task.history, task.dim)
    require(fits, f"the picture of {text!r} has the shape {picture.shape}, the task needs {(task.history, task.dim)}")
    system = ElmanSystem(network.recurrent, network.encoder, network.readout)
    states = system.run(np.zeros(system.hidden), steps, picture)
    variables = np.full(task.size, np.nan)
    variables[list(network.coordinates)] = network.dual_basis @ states[-1]
    outputs = system.read(states[task.history :])
    return plot_explorer(picture, states[-1], variables.reshape(task.history, task.dim), outputs)


def describe_still(text: str, history: int, steps: int) -> str:
    """Return the still's alternative text."""
    return (
        f"Four panels, {steps} steps after the input has ended. First, the input: {text} drawn on {history} columns. "
        "Second, the activity of the hidden neurons, in which no character can be seen. Third, the same state in the recovered "
        f"basis: {text} again, turned by {steps % history} columns. Fourth, the output: {text} written again and again."
    )
