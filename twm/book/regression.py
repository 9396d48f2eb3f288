"""Regression on notebook outputs: the smoke numbers against ``tests/reference/NN_topic.json``, each by a rule.

Rules:
    ``exact``   equal; for integers, booleans and texts.
    ``close``   ``|new - value| <= atol + rtol * |value|``; for float64 algebra.
    ``range``   ``low <= new <= high``, every element of a list; for anything trained, and for errors that must stay small.
    ``order``   a list that must be ``increasing`` or ``decreasing``; for what theory orders but does not fix.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twm.errors import UserError, require
from twm.paths import references_dir, write_atomically

References = Mapping[str, Mapping[str, Any]]

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
    return flat | {f"not run:{claim}": True for claim in evidence["not_run"]}


def _list_scalars(value: Any) -> list[Any]:
    return [scalar for part in value for scalar in _list_scalars(part)] if isinstance(value, list) else [value]


def _read_shape(value: Any) -> Any:
    return [_read_shape(part) for part in value] if isinstance(value, list) else None


def compare_number(new: Any, reference: Mapping[str, Any]) -> str | None:
    """Compare one number with its reference; return None, or what was expected and what came."""
    rule, fields = reference.get("rule"), set(reference) - {"rule", "why"}
    require(rule in _FIELDS, f"unknown rule {rule!r}: choose one of {', '.join(_FIELDS)}")
    needed, given = ", ".join(sorted(_FIELDS[rule])), ", ".join(sorted(fields))
    require(fields == _FIELDS[rule], f"the rule {rule} needs {needed}, not {given}")
    if rule == "exact":
        value = reference["value"]
        return None if type(new) is type(value) and new == value else f"{new!r}, not {value!r}"
    values = _list_scalars(new)
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return f"{new!r} is not a number"
    if rule == "close":
        if _read_shape(new) != _read_shape(reference["value"]):
            return f"shape differs: {new!r}, not {reference['value']!r}"
        for a, b in zip(values, _list_scalars(reference["value"])):
            if not math.isclose(a, b, rel_tol=0, abs_tol=reference["atol"] + reference["rtol"] * abs(b)):
                return f"{a!r}, not within atol {reference['atol']:g} + rtol {reference['rtol']:g} of {b!r}"
        return None
    if rule == "range":
        outside = [value for value in values if not reference["low"] <= value <= reference["high"]]
        return f"{outside[0]!r} outside [{reference['low']!r}, {reference['high']!r}]" if outside else None
    signs = {"increasing": 1, "decreasing": -1}
    require(reference["direction"] in signs, "the rule order needs direction increasing or decreasing")
    sign = signs[reference["direction"]]
    ordered = len(values) > 1 and all(sign * (b - a) > 0 for a, b in zip(values, values[1:]))
    return None if ordered else f"{new!r} is not {reference['direction']}"


def compare_notebook(evidence: Mapping[str, Any], references: References) -> list[str]:
    """Return one line for each number of a notebook that is changed, missing or unknown."""
    numbers = flatten_numbers(evidence)
    lines = [f"{key}: recorded no longer" for key in references if key not in numbers]
    lines += [f"{key}: not in the reference" for key in numbers if key not in references]
    compared = {key: compare_number(numbers[key], references[key]) for key in numbers if key in references}
    return lines + [f"{key}: {complaint}" for key, complaint in compared.items() if complaint]


def read_references(name: str, folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Read the references of one notebook; an empty dict if there are none yet."""
    path = (references_dir() if folder is None else folder) / f"{name}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except json.JSONDecodeError as error:
        raise UserError(f"tests/reference/{path.name} is not JSON: {error}") from None


def _propose(value: Any) -> dict[str, Any]:
    scalars = _list_scalars(value)
    floats = [isinstance(scalar, float) for scalar in scalars]
    if not any(floats):
        return {"rule": "exact", "value": value}
    if all(floats) and all(abs(scalar) < _ROUNDING for scalar in scalars):
        return {"rule": "range", "low": 0.0 if min(scalars) >= 0 else -_ROUNDING, "high": _ROUNDING}
    return {"rule": "close", "value": value, "rtol": 1e-6, "atol": 1e-12 if all(floats) else 0.0}


def update_references(evidence: Mapping[str, Any], references: References) -> dict[str, dict[str, Any]]:
    """Return the references brought up to a run: values renewed, rules and tolerances kept, keys that went dropped.

    A new key gets ``exact`` if it is whole, true or false, or text, ``range`` if it is rounding error, and ``close``
    otherwise; for a trained number write ``range`` or ``order`` by hand. Ranges and orders are never widened here.
    """
    updated = {}
    for key, value in sorted(flatten_numbers(evidence).items()):
        known = dict(references.get(key) or _propose(value))
        updated[key] = known | {"value": value} if "value" in known else known
    return updated


def write_references(name: str, references: Mapping[str, Any], folder: Path | None = None) -> Path:
    """Write the references of one notebook and return the path."""
    path = (references_dir() if folder is None else folder) / f"{name}.json"
    rows = (f"{json.dumps(key)}: {json.dumps(references[key])}" for key in sorted(references))
    write_atomically(path, "{\n " + ",\n ".join(rows) + "\n}\n")
    return path
