"""Everything that one trained model is a function of, and the name that follows from it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from twm.errors import UserError, require, require_count
from twm.hds import HDS, parse_task
from twm.kernels import check_initial
from twm.records import name_network

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
        task: as :func:`twm.hds.parse_task` reads it; one that keeps states of -1 and 1 so.
        hidden: hidden neurons.
        l2: Adam's coupled weight decay.
        seed: of the data and of the initial weights.
        init: how initial weights are drawn, see :func:`twm.kernels.draw_weights`.
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
