"""Plans: everything that determines a trained model, and the name derived from it."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, ClassVar

from twm.errors import UserError, check_name, require, require_count
from twm.models.cells import NETWORKS
from twm.models.elman import NONLINEARITIES, name_network, spell_number
from twm.models.kernels import check_initial
from twm.models.rings import ENCODER_STARTS, RECURRENT_STARTS
from twm.tasks.flip_flop import FlipFlop
from twm.tasks.images import check_sequence_task, find_stand_in, parse_sequence_task
from twm.tasks.sequences import SequenceTask
from twm.theory.systems import parse_task

#: Multiples of the training horizon over which accuracy may be measured at the end.
MULTIPLES = (1, 2, 5, 10, 100)
#: Curricula and their default thresholds: a sign accuracy, a mean squared error, or none.
CURRICULA: dict[str, float | None] = {"staged": 0.98, "adaptive": 3e-2, "none": None}
#: Default initialisations of each network's recurrent weights and encoder; ``None`` for networks that have only one.
STARTS = {"wrnn": ("shift", "single"), "irnn": ("identity", "small")} | dict.fromkeys(NETWORKS[2:], (None, None))


def _check_number(value: Any, name: str, zero: bool = False) -> float:
    fine = 1e-300 <= value <= 1e38 or (zero and value == 0)  # float32 ends at 3.4e38
    require(fine, f"{name} must be {'0, or ' if zero else ''}from 1e-300 to 1e38, not {value!r}")
    return float(value) + 0.0  # which removes the sign of -0.0


def _check_rising(numbers: Iterable[Any], name: str, least: int = 1, fewest: int = 0) -> tuple[int, ...]:
    values = tuple(require_count(value, f"every number in {name}", least) for value in numbers)
    rising = len(values) >= fewest and all(a < b for a, b in pairwise(values))
    require(rising, f"{name} must be increasing numbers{', at least one' if fewest else ''}, not {values}")
    return values


_CHECKS = {  # requirements on fields; each check returns the value converted to one type
    "count": require_count,
    "natural": lambda value, name: require_count(value, name, 0),
    "positive": _check_number,
    "not_negative": lambda value, name: _check_number(value, name, zero=True),
    "rising": _check_rising,
    "rising_from_zero": lambda value, name: _check_rising(value, name, 0),
    "horizons": lambda value, name: _check_rising(value, name, fewest=1),
}


@dataclass(frozen=True)
class Plan:
    """Base of all plans: a plan alone determines its model, and two plans of the same name train the same model."""

    protocol: ClassVar[str]  # the kind of model, see twm.training.loop.find_kind
    letters: ClassVar[Mapping[str, str]]  # prefixes of the fields that appear in the name if they differ from the default
    snapshots = ()  # iterations whose weights are kept; a field in plans that allow them

    def describe(self) -> dict[str, Any]:
        """Return the plan in a form that JSON can represent; :func:`restore_plan` is the inverse."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    curve_every = property(lambda self: self.test_every)  # iterations between points of the learning curve

    def find_rate(self, iteration: int) -> float:
        """Return Adam's learning rate in an iteration."""
        return self.learning_rate * (self.drop_factor if self.drop_at is not None and iteration > self.drop_at else 1.0)

    def _find_usual(self, field: str) -> Any:
        return type(self).__dataclass_fields__[field].default

    def _name_rest(self) -> str:
        rest = ""
        for field, letter in self.letters.items():
            value = getattr(self, field)
            if value != self._find_usual(field):
                text = "-".join(map(str, value)) if isinstance(value, tuple) else "none" if value is None else value
                rest += f"_{letter}{spell_number(text) if isinstance(text, int | float) else text}"
        return rest

    def _settle(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check(self, **fields: str) -> None:
        """Check fields against requirements, see ``_CHECKS``; ``drop_at`` may be ``None``."""
        for kind, names in fields.items():
            for name in names.split():
                if name != "drop_at" or self.drop_at is not None:
                    self._settle(name, value := _CHECKS[kind](getattr(self, name), name))
                    require(not isinstance(value, int) or value < 2**63, f"{name} must be below 2^63, not {value}")
        stop_at = getattr(self, "stop_at", None)
        require(stop_at is None or 0 <= stop_at <= 1, f"stop_at must be between 0 and 1, not {stop_at!r}")


@dataclass(frozen=True)
class ModelPlan(Plan):
    """One Elman network to train by the paper's protocol. Source: twm Table 1 (the defaults), Table 2, B.2."""

    protocol = "elman"
    letters = {
        "iterations": "i", "learning_rate": "lr", "drop_at": "drop", "drop_factor": "by", "horizons": "H", "batch": "b",
        "test_every": "every", "test_count": "count", "test_horizon": "test", "stop_at": "stop",
    }  # fmt: skip

    task: str  # as twm.theory.systems.parse_task parses it; it must preserve states of -1 and 1
    hidden: int = 128  # neurons
    l2: float = 0.0  # Adam's coupled weight decay
    seed: int = 0  # of the data and of the initial weights
    init: str = "uniform"  # initialisation of the weights, see twm.models.kernels.draw_weights
    curriculum: str = "staged"  # or adaptive, or none, see twm.training.ensemble
    threshold: float | None = None  # of the curriculum; by default from CURRICULA
    iterations: int = 20_000  # batches
    learning_rate: float = 1e-3  # of Adam
    drop_at: int | None = None  # last iteration before the learning rate drops
    drop_factor: float = 0.1  # factor on the learning rate after the drop
    horizons: tuple[int, ...] = (10, 20, 40, 60, 100)  # lengths of the output phase, see the curricula
    batch: int = 64  # sequences
    test_every: int = 500  # iterations
    test_count: int = 640  # sequences of the test set, which is the same for all seeds
    test_horizon: int = 200  # output steps of a test
    stop_at: float | None = None  # end at the first test with this accuracy
    multiples: tuple[int, ...] = MULTIPLES  # of the last horizon, over which accuracy is measured at the end
    snapshots: tuple[int, ...] = ()  # iterations whose weights are kept in addition to the best
    curve_points: int = 200  # largest number of points of the learning curve

    def __post_init__(self) -> None:
        task = parse_task(self.task)
        self._settle("task", task.name)
        self._check(count="hidden iterations batch test_every test_count test_horizon curve_points drop_at", natural="seed")
        few = f"hidden must be at least the task's dim, {task.dim}, not {self.hidden}: fewer neurons cannot encode the output"
        require(self.hidden >= task.dim, few)
        check_initial(self.init, task.dim, self.hidden, task.history)
        check_name("curriculum", self.curriculum, CURRICULA)
        self._check_threshold()
        self._check(positive="learning_rate drop_factor", not_negative="l2", horizons="horizons")
        self._check(rising="multiples snapshots")
        odd = sorted(set(self.multiples) - set(MULTIPLES))
        require(not odd, f"multiples must be of {MULTIPLES}, not {odd}: tables have columns for these only")

    def _check_threshold(self) -> None:
        given, usual = self.threshold, CURRICULA[self.curriculum]
        if given is None:
            return self._settle("threshold", usual)
        require(usual is not None, "training without a curriculum has no threshold: leave it out, or choose a curriculum")
        staged = self.curriculum == "staged"
        says = "a sign accuracy between 0 and 1" if staged else "a positive mean squared error"
        fine = 0 <= given <= 1 if staged else math.isfinite(given) and given > 0
        require(fine, f"threshold must be {says}, not {given!r}")

    system = property(lambda self: parse_task(self.task))  # the task itself
    longest = property(lambda self: self.horizons[-1])  # the training horizon
    # Iterations between points of the learning curve.
    curve_every = property(lambda self: max(1, -(-self.iterations // self.curve_points)))

    @property
    def name(self) -> str:
        """The model's name: task, size, weight decay, seed, and all other settings that differ from Table 1."""
        rest = "" if self.init == "uniform" else f"_{self.init}"
        rest += "" if self.curriculum == "staged" else f"_{self.curriculum}"
        rest += "" if self.threshold == CURRICULA[self.curriculum] else f"_t{spell_number(self.threshold)}"
        return name_network(self.task, self.hidden, self.l2, self.seed, rest + self._name_rest())


@dataclass(frozen=True)
class SequencePlan(Plan):
    """One network to train on a sequence task. Source: wrnn Sec. 3, App. B."""

    protocol = "sequence"
    letters = {  # snapshots and scale do not change the model
        "kernel": "k", "recurrent": "", "encoder": "", "activation": "", "mlp": "mlp", "iterations": "i", "batch": "b",
        "learning_rate": "lr", "drop_at": "drop", "drop_factor": "by", "clip": "clip", "divisor": "div", "test_every": "every",
        "test_count": "count", "held_out": "held", "patience": "patience",
    }  # fmt: skip

    task: str  # as twm.tasks.images.parse_sequence_task parses it
    network: str = "wrnn"  # or another of NETWORKS
    neurons: int = 100  # of a ring, or of the network; modes of an lru, columns of attention
    channels: int = 1  # rings; 1 for all but the wave-RNN
    kernel: int = 3  # taps of the convolution; 1 for all but the wave-RNN
    recurrent: str | None = None  # initialisation of the recurrent weights; by default from STARTS
    encoder: str | None = None  # initialisation of the encoder; by default from STARTS
    activation: str = "relu"
    mlp: int = 0  # hidden units of a two-layer readout; 0 for a linear one
    seed: int = 0  # of data and initial weights
    iterations: int = 60_000  # batches
    batch: int = 128  # sequences
    learning_rate: float = 1e-3  # of Adam
    drop_at: int | None = None  # last iteration before the learning rate drops
    drop_factor: float = 0.1  # factor on the learning rate after the drop
    clip: float = 0.0  # largest norm of the gradient; 0 for no clipping
    divisor: float = 1.0  # of the loss before it is differentiated, as in the copy task's released code
    test_every: int = 1000  # iterations
    test_count: int = 1024  # sequences of the test set, at most as many as there are; the same for all seeds
    held_out: int = 0  # held-out sequences that select the best weights, then tested once; 0 selects on the test set itself
    patience: int = 0  # tests without improvement after which training ends; 0 for no such end
    snapshots: tuple[int, ...] = ()  # iterations whose weights are kept; 0 for the initial weights
    scale: str = ""  # what is smaller than in the paper, a remark for readers of the table; it does not affect the model

    def __post_init__(self) -> None:
        check_sequence_task(self.task)
        check_name("network", self.network, NETWORKS)
        self._check(count="neurons channels kernel iterations batch test_every test_count drop_at")
        self._check(natural="mlp seed held_out patience")
        check_name("activation", self.activation, NONLINEARITIES)
        if self.network != "wrnn":
            require(self.channels == 1, f"only a wrnn has channels: leave them out for {self.network}")
            self._settle("kernel", 1)
        for name, usual in zip(("recurrent", "encoder"), STARTS[self.network]):
            given = getattr(self, name)
            if usual is None:
                require(given is None, f"{self.network} has one initialisation: leave {name} out")
            elif given is None:
                self._settle(name, usual)
            else:
                check_name(name, given, RECURRENT_STARTS if name == "recurrent" else ENCODER_STARTS)
        self._check(positive="learning_rate drop_factor divisor", not_negative="clip", rising_from_zero="snapshots")

    def make_task(self) -> SequenceTask:
        """Make the task, with its data; a UserError if its images are not available."""
        return parse_sequence_task(self.task)

    def make_task_at_hand(self) -> SequenceTask:
        """Make the task for inspecting a trained network; MNIST is replaced by the sample that comes with the library."""
        return parse_sequence_task(find_stand_in(self.task))

    hidden = property(lambda self: self.neurons * self.channels)  # total number of neurons, modes or columns

    def _find_usual(self, field: str) -> Any:
        if field in ("recurrent", "encoder"):
            return STARTS[self.network][field == "encoder"]
        return 1 if field == "kernel" and self.network != "wrnn" else super()._find_usual(field)

    @property
    def name(self) -> str:
        """The model's name: task, network and size, settings that differ from the default, and the seed."""
        safe = self.task.replace(":", "-").replace(",", "-")
        size = f"n{self.neurons}" + (f"_c{self.channels}" if self.network == "wrnn" else "")
        return f"{safe}_{self.network}_{size}{self._name_rest()}_s{self.seed}"


@dataclass(frozen=True)
class FlipFlopPlan(Plan):
    """One network to train on the flip-flop. Source: mem Sec. 2, 3, App. A; learning rate, updates and streams are ours."""

    protocol = "flip-flop"
    letters = {
        "unfold": "u", "iterations": "i", "learning_rate": "lr", "drop_at": "drop", "batch": "b", "test_every": "every",
        "test_streams": "streams", "test_steps": "steps",
    }  # fmt: skip
    drop_factor: ClassVar[float] = 0.1

    delay: int = 0  # steps from a pulse to its due step
    seed: int = 0  # of the data and of the initial weights
    hidden: int = 100  # neurons
    reading: str = "channel"  # of the mean interval between pulses, see twm.tasks.flip_flop.FlipFlop
    unfold: int = 10  # steps of the truncated-BPTT window
    iterations: int = 40_000  # updates
    learning_rate: float = 3e-4  # of Adam
    drop_at: int | None = 32_000  # last update before the learning rate drops to a tenth
    batch: int = 64  # streams side by side
    test_every: int = 1000  # updates
    test_streams: int = 50  # streams of a test, the same for all seeds
    test_steps: int = 1000  # steps of each test stream

    def __post_init__(self) -> None:
        FlipFlop(self.delay, reading=self.reading)
        counts = "hidden unfold iterations batch test_every test_streams test_steps drop_at"
        self._check(natural="seed", count=counts, positive="learning_rate")

    task = property(lambda self: FlipFlop(self.delay, reading=self.reading))  # the task itself
    name = property(lambda self: name_network(self.task.name, self.hidden, 0.0, self.seed, self._name_rest()))


# ---- plans from descriptions, seeds and names


def restore_plan(kind: type, description: Mapping[str, Any]) -> Any:
    """Restore a plan from :meth:`Plan.describe`; a UserError if the description is from another version."""
    known = {field.name for field in fields(kind)}
    # Networks recorded before held-out images and early stopping were introduced lack these two fields.
    description = ({"held_out": 0, "patience": 0} if "held_out" in known else {}) | description
    odd = ", ".join(sorted(set(description) ^ known))
    require(not odd, f"the plan of a model comes from another version: it differs in {odd}")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in description.items()})


def check_plans(plans: Iterable[Any]) -> list[Any]:
    """Return plans as a list; a UserError if there are none, or two of the same model."""
    plans = list(plans)
    require(len(plans) > 0, "there is no model to train: give at least one seed")
    for name, times in Counter(plan.name for plan in plans).items():
        require(times == 1, f"{name} is given twice")
    return plans


def parse_seeds(text: str) -> list[int]:
    """Parse seeds such as ``0-19``, ``3`` or ``0,4,7-9``, in the order given."""
    seeds: list[int] = []
    for part in str(text).split(","):
        found = re.fullmatch(r"\s*([0-9]{1,9})\s*(?:-\s*([0-9]{1,9})\s*)?", part)
        require(found is not None, f"seeds are whole numbers and ranges such as 0-19 or 0,4,7-9, not {text!r}")
        start, stop = int(found[1]), int(found[2] or found[1])
        require(start <= stop, f"the range of seeds {part.strip()!r} is descending: did you mean {stop}-{start}?")
        require(stop - start < 10_000, f"the range of seeds {part.strip()!r} has more than 10000 seeds")
        seeds += range(start, stop + 1)
    require(len(set(seeds)) == len(seeds), f"a seed occurs twice in {text!r}")
    return seeds


def select_plans(plans: Sequence[Any], names: str) -> list[Any]:
    """Return the plans that match exact names or shell patterns, separated by commas, in the order of ``plans``."""
    known = [plan.name for plan in plans]
    wanted = [part.strip() for part in names.split(",")]
    require(all(wanted), f"--only takes names of models or patterns, separated by commas, not {names!r}")
    matches = {part: {name for name in known if name == part or fnmatchcase(name, part)} for part in wanted}
    lost = [part for part, found in matches.items() if not found]
    if lost:
        near = ", ".join(get_close_matches(lost[0], known, n=3, cutoff=0))
        raise UserError(f"--only: none of the {len(known)} selected models matches {lost[0]!r}; similar names: {near}")
    return [plan for plan in plans if plan.name in set().union(*matches.values())]
