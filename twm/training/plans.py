"""Everything that one trained model is a function of, and the name that follows from it.

Everything that one network trained on sequences is a function of, and the name that follows from it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from twm.errors import UserError, require, require_count
from twm.models.elman import NONLINEARITIES, name_network
from twm.models.rings import ENCODER_STARTS, NETWORKS, RECURRENT_STARTS
from twm.models.weights import check_initial
from twm.tasks.images import find_stand_in
from twm.tasks.parsing import check_sequence_task, parse_sequence_task
from twm.tasks.sequences import SequenceTask
from twm.theory.systems import HDS, parse_task

#: Multiples of the training horizon over which accuracy may be measured at the end.
MULTIPLES = (1, 2, 5, 10, 100)
#: The curricula and the threshold each has by default: a share of right signs for ``staged``, a mean squared error for
#: ``adaptive``; training without a curriculum has none.
CURRICULA: dict[str, float | None] = {"staged": 0.98, "adaptive": 3e-2, "none": None}


@dataclass(frozen=True)
class ModelPlan:
    """One model to train, by the paper's protocol.

    The defaults are those of Table 1. A model is a function of its plan alone: data and initial weights follow from task
    and seed, so it comes out the same alone or in a sweep.

    Attributes:
        task: as :func:`twm.theory.systems.parse_task` reads it; one that keeps states of -1 and 1 so.
        hidden: hidden neurons.
        l2: Adam's coupled weight decay.
        seed: of the data and of the initial weights.
        init: how initial weights are drawn, see :func:`twm.models.weights.draw_weights`.
        curriculum: ``staged``, ``adaptive`` or ``none``, see :mod:`twm.training.curricula`.
        threshold: the curriculum's; by default that of :data:`CURRICULA`.
        iterations: number of batches.
        learning_rate: Adam's step.
        drop_at: last iteration before the learning rate drops; ``None`` for no drop.
        drop_factor: what the learning rate is multiplied by then.
        horizons: lengths of the output phase; ``staged`` goes through them, ``adaptive`` moves between the first and the
            last, ``none`` takes the last.
        batch: sequences a batch.
        test_every: iterations between tests.
        test_count: sequences of the test set, which is the same for all seeds.
        test_horizon: output steps of a test.
        stop_at: end at the first test with this accuracy; ``None`` to use all iterations.
        multiples: at the end accuracy is also measured over these multiples of the last horizon; of :data:`MULTIPLES`.
        snapshots: iterations whose weights are kept beside the best ones.
        curve_points: largest number of points of the learning curve.

    Raises:
        UserError: if anything is unknown or out of range; ``hidden`` must be at least the task's ``dim``, and for a start
            at a wave its ``history*dim``.

    Source: twm Table 1, Table 2, B.2.
    """

    #: Which kind of model this is, see :mod:`twm.training.protocols`.
    protocol: ClassVar[str] = "elman"

    task: str
    hidden: int = 128
    l2: float = 0.0
    seed: int = 0
    init: str = "uniform"
    curriculum: str = "staged"
    threshold: float | None = None
    iterations: int = 20_000
    learning_rate: float = 1e-3
    drop_at: int | None = None
    drop_factor: float = 0.1
    horizons: tuple[int, ...] = (10, 20, 40, 60, 100)
    batch: int = 64
    test_every: int = 500
    test_count: int = 640
    test_horizon: int = 200
    stop_at: float | None = None
    multiples: tuple[int, ...] = MULTIPLES
    snapshots: tuple[int, ...] = ()
    curve_points: int = 200

    def __post_init__(self) -> None:
        task = parse_task(self.task)
        object.__setattr__(self, "task", task.name)
        for name in ("hidden", "iterations", "batch", "test_every", "test_count", "test_horizon", "curve_points"):
            require_count(getattr(self, name), name)
        object.__setattr__(self, "seed", require_count(self.seed, "seed", 0))
        fits = self.hidden >= task.dim
        require(
            fits,
            f"hidden must be at least the task's dim, {task.dim}, not {self.hidden}: fewer neurons cannot even be read out",
        )
        require(math.isfinite(self.l2) and self.l2 >= 0, f"l2 must be at least 0, not {self.l2!r}")
        object.__setattr__(self, "l2", float(self.l2))
        check_initial(self.init, task.dim, self.hidden, task.history)
        require(
            self.curriculum in CURRICULA, f"curriculum must be one of {', '.join(CURRICULA)}, not {self.curriculum!r}"
        )
        self._settle_threshold()
        for name in ("learning_rate", "drop_factor"):
            value = getattr(self, name)
            require(math.isfinite(value) and value > 0, f"{name} must be positive, not {value!r}")
            object.__setattr__(self, name, float(value))
        for name in ("horizons", "multiples", "snapshots"):
            object.__setattr__(self, name, self._settle_rising(name))
        require(len(self.horizons) > 0, "horizons must be increasing numbers, at least one")
        odd = sorted(set(self.multiples) - set(MULTIPLES))
        require(not odd, f"multiples must be of {MULTIPLES}, not {odd}: tables have columns for these only")
        if self.drop_at is not None:
            require_count(self.drop_at, "drop_at")
        if self.stop_at is not None:
            require(0 <= self.stop_at <= 1, f"stop_at must be a share between 0 and 1, not {self.stop_at!r}")

    def _settle_threshold(self) -> None:
        usual = CURRICULA[self.curriculum]
        given = self.threshold
        if usual is None:
            require(
                given is None, "training without a curriculum has no threshold: leave it out, or choose a curriculum"
            )
        elif given is None:
            object.__setattr__(self, "threshold", usual)
        elif self.curriculum == "staged":
            require(0 <= given <= 1, f"threshold must be a share of right signs between 0 and 1, not {given!r}")
        else:
            require(
                math.isfinite(given) and given > 0, f"threshold must be a positive mean squared error, not {given!r}"
            )

    def _settle_rising(self, name: str) -> tuple[int, ...]:
        values = tuple(require_count(value, f"every number in {name}") for value in getattr(self, name))
        require(all(a < b for a, b in zip(values, values[1:])), f"{name} must be increasing numbers, not {values}")
        return values

    @property
    def system(self) -> HDS:
        """The task itself."""
        return parse_task(self.task)

    @property
    def longest(self) -> int:
        """The training horizon: the last and longest of the horizons."""
        return self.horizons[-1]

    @property
    def curve_every(self) -> int:
        """Iterations between points of the learning curve."""
        return max(1, -(-self.iterations // self.curve_points))

    @property
    def name(self) -> str:
        """The model's name: task, size, weight decay, seed, and whatever else is not as in Table 1.

        Two plans have one name only if they train the same model, so the name is the key of a table of models.
        """
        usual = ModelPlan.__dataclass_fields__
        rest = "" if self.init == "uniform" else f"_{self.init}"
        rest += "" if self.curriculum == "staged" else f"_{self.curriculum}"
        rest += "" if self.threshold == CURRICULA[self.curriculum] else f"_t{self.threshold:g}"
        for field, letter in _LETTERS.items():
            value = getattr(self, field)
            if value != usual[field].default:
                rest += f"_{letter}" + ("-".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}")
        return name_network(self.task, self.hidden, self.l2, self.seed, rest)

    def describe(self) -> dict[str, Any]:
        """Return the plan as JSON can hold it; ``ModelPlan(**plan.describe())`` is the same plan."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


#: Fields that show in a model's name where they are not as in Table 1. What is missing here shows otherwise, or does not
#: change the model.
_LETTERS = {
    "iterations": "i",
    "learning_rate": "lr",
    "drop_at": "drop",
    "drop_factor": "by",
    "horizons": "H",
    "batch": "b",
    "test_every": "every",
    "test_count": "count",
    "test_horizon": "test",
    "stop_at": "stop",
}


def check_plans(plans: Iterable[Any]) -> list[Any]:
    """Return plans as a list after checking that no two are the same model.

    Raises:
        UserError: if there is none, or two have one name.
    """
    plans = list(plans)
    require(len(plans) > 0, "there is no model to train: give at least one seed")
    names: set[str] = set()
    for plan in plans:
        require(plan.name not in names, f"{plan.name} is asked for twice")
        names.add(plan.name)
    return plans


def parse_seeds(text: str) -> list[int]:
    """Read seeds such as ``0-19``, ``3`` or ``0,4,7-9``.

    Returns:
        the seeds in the order given.

    Raises:
        UserError: if the text has another form, a range runs backwards, or a seed occurs twice.
    """
    seeds: list[int] = []
    for part in str(text).split(","):
        first, hyphen, last = (piece.strip() for piece in part.partition("-"))
        ends = (first, last if hyphen else first)
        whole = all(end.isascii() and end.isdigit() and len(end) < 10 for end in ends)
        require(whole, f"seeds are whole numbers and ranges such as 0-19 or 0,4,7-9, not {text!r}")
        start, stop = map(int, ends)
        require(start <= stop, f"the range of seeds {part.strip()!r} runs backwards: did you mean {stop}-{start}?")
        require(stop - start < 10_000, f"the range of seeds {part.strip()!r} has more than 10000 seeds")
        seeds += range(start, stop + 1)
    require(len(set(seeds)) == len(seeds), f"a seed occurs twice in {text!r}")
    return seeds


def select_plans(plans: Sequence[Any], names: str) -> list[Any]:
    """Return the plans that are named, in their own order.

    Args:
        plans: any that have a name.
        names: exact names or patterns of the shell (``*``, ``?``, ``[...]``), separated by commas.

    Raises:
        UserError: if a name or pattern matches no plan.
    """
    known = [plan.name for plan in plans]
    wanted = [part.strip() for part in names.split(",")]
    require(all(wanted), f"--only takes names of models or patterns, separated by commas, not {names!r}")
    matches = {part: {name for name in known if name == part or fnmatchcase(name, part)} for part in wanted}
    lost = [part for part, found in matches.items() if not found]
    if lost:
        near = ", ".join(get_close_matches(lost[0], known, n=3, cutoff=0))
        raise UserError(f"--only: none of the {len(known)} models asked for is {lost[0]!r}; near it: {near}")
    chosen = set().union(*matches.values())
    return [plan for plan in plans if plan.name in chosen]


def restore_plan(description: dict[str, Any]) -> ModelPlan:
    """Make the plan that :meth:`ModelPlan.describe` described.

    Raises:
        UserError: if it was described by another version.
    """
    known = {field.name for field in fields(ModelPlan)}
    if set(description) != known:
        odd = ", ".join(sorted(set(description) ^ known))
        raise UserError(f"the plan of a model comes from another version: it differs in {odd}")
    return ModelPlan(**{key: tuple(value) if isinstance(value, list) else value for key, value in description.items()})


#: How each network starts, unless its plan says otherwise: recurrent weights and encoder. Torch's own start as torch's do.
STARTS = {"wrnn": ("shift", "single"), "irnn": ("identity", "small"), "lstm": (None, None), "gru": (None, None)}


@dataclass(frozen=True)
class SequencePlan:
    """One network to train on a sequence task.

    A network is a function of its plan alone: data and initial weights follow from task and seed.

    Attributes:
        task: as :func:`twm.tasks.parsing.parse_sequence_task` reads it.
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
        for field, letter in _SEQUENCE_LETTERS.items():
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
_SEQUENCE_LETTERS = {
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


def restore_sequence_plan(description: dict[str, Any]) -> SequencePlan:
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
