"""Data of the explorer page: saved networks with their bases, embedded in a script so that the page also works from disk.
The code that runs in the page is in ``book/_explorer``."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from twm.analysis.recovery import RecoveredBasis, recover_basis, sample_states
from twm.analysis.systems import ElmanSystem, as_system
from twm.book.figures.animation import encode_bytes
from twm.book.figures.front_page import plot_explorer
from twm.errors import require
from twm.models.elman import read_network
from twm.paths import results_dir
from twm.theory.bases import make_basis
from twm.theory.pictures import CHARACTERS, ROWS, text_to_states
from twm.theory.systems import HDS, parse_task

#: The saved networks of the page: displayed name and file.
TRAINED = {
    "Repeat copy 16\N{MULTIPLICATION SIGN}5": "repeat-copy-16-5_h128_l2-0_s0_orthogonal_adaptive_i30000_lr0.0005_drop24000",
    **{name: f"{name}_h128_l2-0_s0" for name in ("T1", "T2", "T3", "T4")},
}

#: The saved flip-flop network with which the page compares a wave.
REGISTER = "flip-flop-0_h100_l2-0_s0"

#: The arrays of a network in the order in which they are packed, row by row: W_hh (hidden, hidden), W_uh (hidden, dim),
#: W_r (dim, hidden), Psi and Psi*.
PARTS = ("recurrent", "encoder", "readout", "basis", "dual_basis")

_HIDDEN, _SAMPLES = 128, 512


@dataclass(frozen=True, eq=False)
class PackedNetwork:
    """One network of the page with its basis, recovered by regression."""

    name: str  # displayed name
    task: HDS  # with a signed selection as boundary
    record: str  # name of its file, without suffix
    system: ElmanSystem  # its weights
    found: RecoveredBasis  # Psi (hidden, rank), Psi* (rank, hidden), and their coordinates in the substrate
    configuration: dict[str, Any]  # how the network was trained

    @property
    def matrices(self) -> dict[str, np.ndarray]:
        """The arrays named by ``PARTS``."""
        return {part: getattr(self.found if "basis" in part else self.system, part) for part in PARTS}

    def describe(self) -> dict[str, Any]:
        """Return the data that the script reads."""
        task, boundary = self.task, self.task.boundary
        places = {"positions": boundary.positions, "signs": boundary.signs, "coordinates": self.found.coordinates}
        return {
            "name": self.name, "record": self.record, "task": task.name, "history": task.history, "dim": task.dim,
            "hidden": self.system.hidden, "activation": "tanh",
            **{name: [int(value) for value in values] for name, values in places.items()},
            **{name: self.configuration.get(name) for name in ("accuracy", "seed", "iterations")},
            "date": str(self.configuration.get("date", ""))[:10],
            "numbers": _encode_numbers(np.concatenate([np.ravel(matrix) for matrix in self.matrices.values()])),
        }  # fmt: skip


def _encode_numbers(numbers: np.ndarray) -> str:
    return encode_bytes(np.asarray(numbers).astype("<f4").tobytes())


def pack_network(name: str, path: Path) -> PackedNetwork:
    """Read a saved network, convert its float32 weights to float64, and recover its basis."""
    network, configuration = read_network(path)
    system, task = as_system(network), parse_task(configuration["task"])
    require(hasattr(task.boundary, "positions"), f"the explorer needs a selection task, not {task.name}")
    found = recover_basis(system, task, "regression", sample_states(system, task, count=_SAMPLES, seed=0))
    require(found.coordinates is not None, f"the observable subspace of {path.stem} is not a set of coordinates")
    return PackedNetwork(name, task, path.stem, system, found, configuration)


@cache
def pack_networks() -> tuple[PackedNetwork, ...]:
    """Return every network of ``TRAINED``, with its basis."""
    folder = results_dir() / "networks"
    return tuple(pack_network(name, folder / f"{record}.safetensors") for name, record in TRAINED.items())


def make_network_script() -> str:
    """Return the script with the networks, the font, the flip-flop, and the orthonormal basis from which the page constructs
    networks as W_hh = Psi Phi Psi^T. Source: twm Eq. (6); A.4."""
    networks = pack_networks()
    largest = max(network.task.size for network in networks)
    basis = make_basis(largest, hidden=_HIDDEN, kind="orthonormal", seed=0).basis
    # The columns of each character from the left, each as a string of 0 and 1 from the top.
    font = {key: ["".join(map(str, 1 * (column > 0))) for column in text_to_states(key)] for key in CHARACTERS}
    constructed = {"hidden": _HIDDEN, "columns": largest, "basis": _encode_numbers(basis)}
    data = {"parts": PARTS, "font": font, "fontRows": ROWS, "constructed": constructed}
    data["networks"] = [network.describe() for network in networks]
    register = as_system(read_network(results_dir() / "networks" / f"{REGISTER}.safetensors")[0])
    numbers = _encode_numbers(np.concatenate([np.ravel(getattr(register, part)) for part in PARTS[:3]]))
    data["register"] = {"history": 1, "dim": len(register.readout), "hidden": register.hidden, "activation": "tanh",
                        "coordinates": [], "numbers": numbers}  # fmt: skip
    return f"window.twmExplorerData = {json.dumps(data, separators=(',', ':'))};\n"


def draw_still(network: PackedNetwork, text: str, steps: int) -> Any:
    """Draw the panels of the page as a Figure, for a network that received ``text``, ``steps`` after the input phase."""
    picture, task, system = text_to_states(text), network.task, network.system
    shape = (task.history, task.dim)
    require(picture.shape == shape, f"the picture of {text!r} has the shape {picture.shape}, the task needs {shape}")
    states = system.run(np.zeros(system.hidden), steps, picture)
    variables = np.full(task.size, np.nan)
    variables[list(network.found.coordinates)] = network.found.dual_basis @ states[-1]
    return plot_explorer(picture, states[-1], variables.reshape(shape), system.read(states[task.history :]))


def describe_still(text: str, history: int, steps: int) -> str:
    """Return the still's alternative text."""
    return (
        f"Four panels, {steps} steps after the end of the input. First, the input: {text} drawn on {history} columns. "
        "Second, the activity of the hidden neurons, showing no character. Third, the same state in the recovered "
        f"basis: {text} again, shifted by {steps % history} columns. Fourth, the output: repetitions of {text}."
    )
