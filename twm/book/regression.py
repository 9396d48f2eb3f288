"""Regression on notebook outputs: the smoke numbers against ``tests/reference/NN_topic.json``, each by a rule.

Rules:
    ``exact``   equal; for integers, booleans and texts.
    ``close``   ``|new - value| <= atol + rtol * |value|``; for float64 algebra.
    ``range``   ``low <= new <= high``, every element of a list; for anything trained, and for errors that must stay small.
    ``order``   a list that must be ``increasing`` or ``decreasing``; for what theory orders but does not fix.
"""

import json
import math
from pathlib import Path
from typing import Any, Mapping

from twm.errors import UserError, require
from twm.paths import references_dir, write_atomically

_FIELDS = {
    "exact": {"value"},
    "close": {"value", "rtol", "atol"},
    "range": {"low", "high"},
    "order": {"direction"},
}

#: Below this a float64 number counts as rounding error, whose digits differ between processors; only its size is kept.
_ROUNDING = 1e-8


def flatten_numbers(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notebook's numbers under the keys of the reference: ``claim:name``, ``note:name`` and ``not run:claim``."""
    flat = {f"note:{name}": value for name, value in evidence["notes"].items()}
    for claim, entry in evidence["claims"].items():
        flat |= {f"{claim}:{name}": value for name, value in entry["numbers"].items()}
    flat |= {f"not run:{claim}": True for claim in evidence["not_run"]}
    return flat


def _pair_up(new: Any, value: Any) -> list[tuple[Any, Any]] | None:
    """Return the scalar pairs of two values of the same shape, or None if the shapes differ."""
    if isinstance(new, list) != isinstance(value, list):
        return None
    if not isinstance(new, list):
        return [(new, value)]
    if len(new) != len(value):
        return None
    pairs: list[tuple[Any, Any]] = []
    for part, other in zip(new, value):
        inner = _pair_up(part, other)
        if inner is None:
            return None
        pairs += inner
    return pairs


def _scalars(value: Any) -> list[Any]:
    return [scalar for part in value for scalar in _scalars(part)] if isinstance(value, list) else [value]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def compare_number(new: Any, reference: Mapping[str, Any]) -> str | None:
    """Compare one number with its reference.

    Args:
        new: what the notebook recorded.
        reference: the rule and its fields.

    Returns:
        ``None`` if the rule holds, else what was expected and what came.

    Raises:
        UserError: if the rule is unknown or its fields are not the rule's.
    """
    rule = reference.get("rule")
    require(rule in _FIELDS, f"unknown rule {rule!r}: choose one of {', '.join(_FIELDS)}")
    fields = set(reference) - {"rule", "why"}
    require(
        fields == _FIELDS[rule],
        f"the rule {rule} needs {', '.join(sorted(_FIELDS[rule]))}, not {', '.join(sorted(fields))}",
    )
    if rule == "exact":
        return (
            None
            if type(new) is type(reference["value"]) and new == reference["value"]
            else f"{new!r}, not {reference['value']!r}"
        )
    if not all(_is_number(scalar) for scalar in _scalars(new)):
        return f"{new!r} is not a number"
    if rule == "close":
        pairs = _pair_up(new, reference["value"])
        if pairs is None:
            return f"shape differs: {new!r}, not {reference['value']!r}"
        for a, b in pairs:
            if not math.isclose(a, b, rel_tol=0, abs_tol=reference["atol"] + reference["rtol"] * abs(b)):
                return f"{a!r}, not within atol {reference['atol']:g} + rtol {reference['rtol']:g} of {b!r}"
        return None
    if rule == "range":
        outside = [scalar for scalar in _scalars(new) if not reference["low"] <= scalar <= reference["high"]]
        return f"{outside[0]!r} outside [{reference['low']!r}, {reference['high']!r}]" if outside else None
    require(
        reference["direction"] in ("increasing", "decreasing"),
        "the rule order needs direction increasing or decreasing",
    )
    values = _scalars(new)
    sign = 1 if reference["direction"] == "increasing" else -1
    ordered = len(values) > 1 and all(sign * (b - a) > 0 for a, b in zip(values, values[1:]))
    return None if ordered else f"{new!r} is not {reference['direction']}"


def compare_notebook(evidence: Mapping[str, Any], references: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Compare a notebook's numbers with its references.

    Returns:
        one line per disagreement: a changed number, a missing key, an unknown key; empty if all agree.
    """
    numbers = flatten_numbers(evidence)
    lines = [f"{key}: recorded no longer" for key in references if key not in numbers]
    lines += [f"{key}: not in the reference" for key in numbers if key not in references]
    for key in numbers:
        if key in references:
            complaint = compare_number(numbers[key], references[key])
            if complaint:
                lines.append(f"{key}: {complaint}")
    return lines


def read_references(name: str, folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Read the references of one notebook; an empty dict if there are none yet.

    Raises:
        UserError: if the file is not JSON.
    """
    path = (references_dir() if folder is None else folder) / f"{name}.json"
    if not path.exists():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"tests/reference/{path.name} is not JSON: {error}") from None


def _propose(value: Any) -> dict[str, Any]:
    scalars = _scalars(value)
    if not all(isinstance(scalar, float) for scalar in scalars) or not scalars:
        mixed = any(isinstance(scalar, float) for scalar in scalars)
        return (
            {"rule": "close", "value": value, "rtol": 1e-6, "atol": 0.0} if mixed else {"rule": "exact", "value": value}
        )
    if all(abs(scalar) < _ROUNDING for scalar in scalars):
        return {"rule": "range", "low": 0.0 if min(scalars) >= 0 else -_ROUNDING, "high": _ROUNDING}
    return {"rule": "close", "value": value, "rtol": 1e-6, "atol": 1e-12}


def update_references(
    evidence: Mapping[str, Any], references: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return the references brought up to a run: values renewed, rules and tolerances kept, keys that went dropped.

    A new key gets ``exact`` if it is whole, true or false, or text, ``range`` if it is rounding error, and ``close``
    otherwise; for a trained number write ``range`` or ``order`` by hand. Ranges and orders are never widened here.
    """
    updated: dict[str, dict[str, Any]] = {}
    for key, value in sorted(flatten_numbers(evidence).items()):
        known = dict(references.get(key, {}))
        if not known:
            updated[key] = _propose(value)
        elif "value" in known:
            updated[key] = known | {"value": value}
        else:
            updated[key] = known
    return updated


def write_references(name: str, references: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Write the references of one notebook and return the path."""
    path = (references_dir() if folder is None else folder) / f"{name}.json"
    rows = (f"{json.dumps(key)}: {json.dumps(references[key])}" for key in sorted(references))
    write_atomically(path, "{\n " + ",\n ".join(rows) + "\n}\n")
    return path
