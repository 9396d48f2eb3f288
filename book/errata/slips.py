"""What a slip is, and when it counts.

A slip counts only with a check that works out the statement as printed and as corrected: the first must fail and the second
must hold. :func:`check_slip` refuses everything else, so the page of errata cannot accuse a paper wrongly.
"""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from twm.errors import require

#: A formula, plain arithmetic on the paper's own numbers, or two places that disagree.
KINDS = ("equation", "arithmetic", "consistency")

#: A printed form is off only if it misses by more than this: rounding must never convict a paper.
LEAST_FAILURE = 1e-3


class Measured(NamedTuple):
    """What a check measured; the values are of one quantity, for the printed and for the corrected form."""

    fails: bool  # as printed
    holds: bool  # as corrected
    printed: float | str
    corrected: float | str


@dataclass(frozen=True)
class Slip:
    """An entry of ``errata.yml``; formulas in MyST."""

    id: str  # paper, place and matter, such as twm.eq3.orientation
    where: str
    printed: str
    corrected: str
    why: str
    measures: str  # the measured quantity and its unit
    kind: str = "equation"
    check: str = ""  # the slip whose check it shares

    @property
    def source(self) -> str:
        """Key of the paper."""
        return self.id.partition(".")[0]


_CHECKS: dict[str, Callable[[], Measured]] = {}


def check(slip_id: str) -> Callable[[Callable[[], Measured]], Callable[[], Measured]]:
    """Register the decorated function, which takes nothing and is deterministic, as the check of a slip."""
    return lambda function: _CHECKS.setdefault(slip_id, function)


@cache
def read_errata() -> tuple[Slip, ...]:
    """Return every slip, by paper and then by place."""
    for name in ("wave", "recovery", "gradients", "memory", "episodic", "investigation", "ring"):
        importlib.import_module(f"errata.{name}")
    slips = tuple(Slip(**entry) for entry in yaml.safe_load(Path(__file__).with_name("errata.yml").read_text("utf-8")))
    unused = sorted(set(_CHECKS) - {slip.check or slip.id for slip in slips})
    require(not unused, f"errata.yml lacks {', '.join(unused)}")
    return slips


def check_slip(slip: Slip) -> Measured:
    """Run the check of one slip and refuse the slip unless it stands."""
    for field in fields(slip):
        text = getattr(slip, field.name)
        require(field.name == "check" or text.strip() != "", f"erratum {slip.id!r}: its {field.name} is empty")
    require(slip.kind in KINDS, f"erratum {slip.id}: its kind must be one of {', '.join(KINDS)}, not {slip.kind!r}")
    require((slip.check or slip.id) in _CHECKS, f"erratum {slip.id} has no check")
    found = _CHECKS[slip.check or slip.id]()
    for name, value in (("printed", found.printed), ("corrected", found.corrected)):
        finite = value.strip() != "" if isinstance(value, str) else math.isfinite(value)
        require(finite, f"erratum {slip.id}: the value of the {name} form is empty or not finite")
        require(
            found.fails if name == "printed" else found.holds,
            f"erratum {slip.id} is refused: the {name} form {'does not fail' if name == 'printed' else 'does not hold'} "
            f"({slip.measures}: {value})",
        )
    return found


# ---- what checks are made of


def compare(printed: Any, corrected: Any, truth: float = 0.0) -> Measured:
    """Judge two values against the truth; errors against 0."""
    return Measured(
        abs(printed - truth) > LEAST_FAILURE, abs(corrected - truth) <= 1e-10, float(printed), float(corrected)
    )


def relative_error(guess: np.ndarray, truth: np.ndarray) -> float:
    """Return the largest difference, relative to the largest magnitude of the truth."""
    guess, truth = np.asarray(guess), np.asarray(truth)
    return float(np.abs(guess - truth).max() / np.abs(truth).max())


def show_value(value: float | str) -> str:
    """Format a measured value; what is zero but for rounding shows as 0, the same on every machine."""
    if isinstance(value, str):
        return value
    return "0" if abs(value) < 1e-9 else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
