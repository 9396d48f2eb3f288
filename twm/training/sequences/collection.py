"""Networks on sequences as a page wants them: rows, curves and networks, from the record or trained on the spot."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twm.networks import SequenceNetwork
from twm.paths import results_dir
from twm.training.sequences.model import make_network
from twm.training.sequences.plans import SequencePlan
from twm.training.sequences.results import read_sequence_network, train_sequence_model
from twm.waves import measure_activity_spectrum, measure_line_share, measure_speed, sort_by_peak


@dataclass(frozen=True)
class SequenceModels:
    """Networks that were trained on sequences.

    Attributes:
        rows: one a network, by :data:`twm.training.SEQUENCE_COLUMNS`.
        curves: by network, the points of its learning curve.
        about: when, where and how they were made, in two lines.
        trained: plans and weights by name, of networks trained here; those of a record are read when asked for.
    """

    rows: list[dict[str, Any]]
    curves: Mapping[str, list[dict[str, Any]]]
    about: str
    trained: Mapping[str, tuple[SequencePlan, Mapping[str, Tensor]]] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.rows)

    def select(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return the rows whose columns have these values."""
        return [row for row in self.rows if all(row[name] == value for name, value in wanted.items())]

    def find_network(self, name: str) -> tuple[SequenceNetwork, SequencePlan] | None:
        """Return a network and its plan, or ``None`` where the record does not keep it.

        Args:
            name: of the model; with ``_at300`` behind it, as it was after that iteration.

        Raises:
            UserError: if the file is damaged, or the images of its task are not to be had.
        """
        if name in self.trained:
            plan, weights = self.trained[name]
            network = make_network(plan, plan.make_task_at_hand())
            network.load_state_dict(dict(weights))
            return network, plan
        path = results_dir() / "networks" / f"{name}.safetensors"
        if self.trained or not path.exists():
            return None
        network, plan, _ = read_sequence_network(path)
        return network, plan

    def list_snapshots(self, name: str) -> list[int]:
        """Return the iterations after which a model's weights are at hand, beside the best ones."""
        names = self.trained or {path.stem for path in (results_dir() / "networks").glob(f"{name}_at*.safetensors")}
        ends = [other.removeprefix(f"{name}_at") for other in names if other.startswith(f"{name}_at")]
        return sorted(int(end) for end in ends if end.isdigit())


def train_sequences_here(
    plans: Iterable[SequencePlan], say: Callable[[str], None] = lambda line: None
) -> SequenceModels:
    """Train networks one after another in this process, recording nothing.

    Args:
        plans: one a network.
        say: called with a line a network.

    Raises:
        UserError: if images are not to be had.
    """
    rows, curves, trained = [], {}, {}
    for plan in plans:
        model = train_sequence_model(plan)
        rows.append(model.row)
        curves[plan.name] = model.curve
        if model.weights is not None:
            trained[plan.name] = (plan, model.weights)
        for iteration, weights in model.snapshots.items():
            trained[f"{plan.name}_at{iteration}"] = (plan, weights)
        say(f"{plan.name}: accuracy {model.row['accuracy']:.3f}")
    return SequenceModels(rows, curves, "trained here", trained)


@torch.no_grad()
def record_activity(network: SequenceNetwork, plan: SequencePlan, count: int = 4) -> np.ndarray:
    """Run a network on the first sequences of its test set; MNIST's are those that come with the library.

    Args:
        network: any.
        plan: it was trained by.
        count: sequences.

    Returns:
        float64 array (count, rings, time, neurons); a network without rings has one, with its neurons in the order of their
        peaks.

    Raises:
        UserError: if the images of its task are not to be had.
    """
    inputs = plan.make_task_at_hand().draw_test(count).inputs
    states = network(inputs).states.double().numpy()
    if plan.network == "wrnn":
        return states.reshape(len(states), count, plan.channels, plan.neurons).transpose(1, 2, 0, 3)
    return np.stack([sort_by_peak(states[:, place])[None] for place in range(count)])


def measure_diagonal(activity: np.ndarray, seed: int = 0) -> float:
    """Return the share of power on the diagonal of one neuron a step, the mean over sequences and rings that are active.

    Args:
        activity: (count, rings, time, neurons).
        seed: of the shuffled orders that spectra are relative to.
    """
    shares = [
        measure_line_share(measure_activity_spectrum(ring, seed=seed))
        for sequence in activity
        for ring in sequence
        if ring.any()
    ]
    return float(np.mean(shares)) if shares else 0.0


def list_speeds(activity: np.ndarray, clear: float = 0.5) -> list[float]:
    """Return the speed of each ring whose activity is mostly a wave of one speed, the median over sequences.

    Args:
        activity: (count, rings, time, neurons).
        clear: share of power near the line of its speed from which a ring counts.
    """
    found = []
    for ring in activity.transpose(1, 0, 2, 3):
        measured = [measure_speed(sequence) for sequence in ring if sequence.any()]
        if measured and float(np.median([share for _, share in measured])) >= clear:
            found.append(float(np.median([speed for speed, _ in measured])))
    return found


def read_sequence_sweep(name: str) -> SequenceModels:
    """Read what is on record of a named sweep on sequences; empty if there is nothing.

    Raises:
        UserError: if there is no such sweep, no clone, or a table is damaged or from another version.
    """
    from twm.training.collections import read_sweep

    found = read_sweep(name)
    return SequenceModels(found.rows, found.curves, found.about)
