"""Everything that one network trained on sequences is a function of, and the name that follows from it."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from twm.errors import UserError, require, require_count
from twm.networks import ENCODER_STARTS, NETWORKS, NONLINEARITIES, RECURRENT_STARTS
from twm.sequence_tasks import SequenceTask, check_sequence_task, find_stand_in, parse_sequence_task

#: How each network starts, unless its plan says otherwise: recurrent weights and encoder. Torch's own start as torch's do.
STARTS = {"wrnn": ("shift", "single"), "irnn": ("identity", "small"), "lstm": (None, None), "gru": (None, None)}


@dataclass(frozen=True)
class SequencePlan:
    """One network to train on a sequence task.

    A network is a function of its plan alone: data and initial weights follow from task and seed.

    Attributes:
        task: as :func:`twm.sequence_tasks.parse_sequence_task` reads it.
        network: ``wrnn``, ``irnn``, ``lstm`` or ``gru``.
        neurons: of a ring, or of the network.
        channels: rings; 1 for all but the wave-RNN.
        kernel: taps of the convolution; 1 for all but the wave-RNN.
        recurrent: how recurrent weights start; by default as :data:`STARTS` says.
        encoder: how the encoder starts; by default as :data:`STARTS` says.
        activation: ``relu``, ``tanh`` or ``linear``.
        mlp: hidden units of a readout with two layers; 0 for a linear one.
        seed: of data and initial weights.
        iterations: batches.
        batch: sequences a batch.
        learning_rate: Adam's step.
        drop_at: last iteration before the learning rate drops; ``None`` for no drop.
        drop_factor: what the learning rate is multiplied by then.
        clip: largest norm of the gradient; 0 for no clipping.
        divisor: what the loss is divided by before it is differentiated; the released code of the copy task divides by the
            batch once more. Tables hold the loss without it.
        test_every: iterations between tests.
        test_count: sequences of the test set, which is the same for all seeds; at most as many as there are.
        snapshots: iterations whose weights are kept beside the best ones; 0 stands for those before the first.
        scale: what is smaller than in the paper, in words, for those who read the table; no part of the model.

    Raises:
        UserError: if anything is unknown or out of range.

    Source: wrnn Sec. 3, App. B.
    """

    #: Which kind of model this is, see :mod:`twm.training.protocols`.
    protocol: ClassVar[str] = "sequence"

    task: str
    network: str = "wrnn"
    neurons: int = 100
    channels: int = 1
    kernel: int = 3
    recurrent: str | None = None
    encoder: str | None = None
    activation: str = "relu"
    mlp: int = 0
    seed: int = 0
    iterations: int = 60_000
    batch: int = 128
    learning_rate: float = 1e-3
    drop_at: int | None = None
    drop_factor: float = 0.1
    clip: float = 0.0
    divisor: float = 1.0
    test_every: int = 1000
    test_count: int = 1024
    snapshots: tuple[int, ...] = ()
    scale: str = ""

    def __post_init__(self) -> None:
        check_sequence_task(self.task)
        require(self.network in NETWORKS, f"network must be one of {', '.join(NETWORKS)}, not {self.network!r}")
        for name in ("neurons", "channels", "kernel", "iterations", "batch", "test_every", "test_count"):
            require_count(getattr(self, name), name)
        for name in ("mlp", "seed"):
            require_count(getattr(self, name), name, 0)
        require(
            self.activation in NONLINEARITIES,
            f"activation must be one of {', '.join(NONLINEARITIES)}, not {self.activation!r}",
        )
        if self.network != "wrnn":
            require(self.channels == 1, f"only a wrnn has channels: leave them out for {self.network}")
            object.__setattr__(self, "kernel", 1)
        self._settle_starts()
        for name in ("learning_rate", "drop_factor", "divisor"):
            value = getattr(self, name)
            require(math.isfinite(value) and value > 0, f"{name} must be positive, not {value!r}")
            object.__setattr__(self, name, float(value))
        require(math.isfinite(self.clip) and self.clip >= 0, f"clip must be at least 0, not {self.clip!r}")
        object.__setattr__(self, "clip", float(self.clip))
        if self.drop_at is not None:
            require_count(self.drop_at, "drop_at")
        rising = tuple(require_count(value, "every number in snapshots", 0) for value in self.snapshots)
        require(all(a < b for a, b in zip(rising, rising[1:])), f"snapshots must be increasing numbers, not {rising}")
        object.__setattr__(self, "snapshots", rising)

    def _settle_starts(self) -> None:
        for name, usual, known in zip(
            ("recurrent", "encoder"), STARTS[self.network], (RECURRENT_STARTS, ENCODER_STARTS)
        ):
            given = getattr(self, name)
            if usual is None:
                require(given is None, f"{self.network} starts as torch's does: leave {name} out")
            elif given is None:
                object.__setattr__(self, name, usual)
            else:
                require(given in known, f"{name} must be one of {', '.join(known)}, not {given!r}")

    def make_task(self) -> SequenceTask:
        """Make the task, with its data.

        Raises:
            UserError: if images are not to be had.
        """
        return parse_sequence_task(self.task)

    def make_task_at_hand(self) -> SequenceTask:
        """Make the task to look at a trained network with: MNIST's images are the few that come with the library.

        Raises:
            UserError: if images of another kind are not to be had.
        """
        return parse_sequence_task(find_stand_in(self.task))

    @property
    def hidden(self) -> int:
        """Numbers of a state."""
        return self.neurons * self.channels

    @property
    def name(self) -> str:
        """The model's name: task, network and size, what differs from the usual, and the seed.

        Two plans have one name only if they train the same model, so the name is the key of a table of models.
        """
        safe = self.task.replace(":", "-").replace(",", "-")
        size = f"n{self.neurons}" + (f"_c{self.channels}" if self.network == "wrnn" else "")
        rest = ""
        for field, letter in _LETTERS.items():
            value, usual = getattr(self, field), _USUAL[field].default
            if field in ("recurrent", "encoder"):
                usual = STARTS[self.network][field == "encoder"]
            if field == "kernel" and self.network != "wrnn":
                usual = 1
            if value != usual:
                rest += f"_{letter}{value:g}" if isinstance(value, int | float) else f"_{letter}{value}"
        return f"{safe}_{self.network}_{size}{rest}_s{self.seed}"

    def describe(self) -> dict[str, Any]:
        """Return the plan as JSON can hold it; ``SequencePlan(**plan.describe())`` is the same plan."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


_USUAL = SequencePlan.__dataclass_fields__
#: Fields that show in a model's name where they are not as usual. Snapshots and scale do not change the model.
_LETTERS = {
    "kernel": "k",
    "recurrent": "",
    "encoder": "",
    "activation": "",
    "mlp": "mlp",
    "iterations": "i",
    "batch": "b",
    "learning_rate": "lr",
    "drop_at": "drop",
    "drop_factor": "by",
    "clip": "clip",
    "divisor": "div",
    "test_every": "every",
    "test_count": "count",
}


def restore_plan(description: dict[str, Any]) -> SequencePlan:
    """Make the plan that :meth:`SequencePlan.describe` described.

    Raises:
        UserError: if it was described by another version.
    """
    known = {field.name for field in fields(SequencePlan)}
    if set(description) != known:
        odd = ", ".join(sorted(set(description) ^ known))
        raise UserError(f"the plan of a model comes from another version: it differs in {odd}")
    return SequencePlan(
        **{key: tuple(value) if isinstance(value, list) else value for key, value in description.items()}
    )


def check_tasks(plans: Sequence[SequencePlan]) -> None:
    """Make every task once, so that missing images are told before anything is trained.

    Raises:
        UserError: if images are not to be had, or a batch is larger than there are images.
    """
    for plan in {plan.task: plan for plan in plans}.values():
        plan.make_task().draw_batch(plan.seed, 1, plan.batch)
