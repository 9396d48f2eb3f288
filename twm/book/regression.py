"""Regression tests of notebooks: compare smoke-profile numbers with ``tests/reference/NN_topic.json``, each by a rule.

Rules:
    ``exact``   equal; for integers, booleans and texts.
    ``close``   ``|new - value| <= atol + rtol * |value|``; for float64 algebra.
    ``range``   ``low <= new <= high`` for every element; for trained results, and for errors that must stay small.
    ``order``   a list that must be ``increasing`` or ``decreasing``; if the theory predicts an order but no values."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from twm.errors import check_fields, check_name, require
from twm.paths import read_json, references_dir, write_atomically

References = Mapping[str, Mapping[str, Any]]

_FIELDS = {
    "exact": {"value": object}, "close": {"value": list | float, "rtol": float, "atol": float},
    "range": {"low": float, "high": float}, "order": {"direction": str},
}  # fmt: skip
_SIGNS = {"increasing": 1, "decreasing": -1}

#: Float64 numbers below this count as rounding errors; their digits vary with the processor, so only their size is kept.
_ROUNDING = 1e-8


def flatten_numbers(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return a notebook's numbers under the keys of the reference: ``claim:name``, ``note:name`` and ``not run:claim``."""
    flat = {f"note:{name}": value for name, value in evidence["notes"].items()}
    for claim, entry in evidence["claims"].items():
        flat |= {f"{claim}:{name}": value for name, value in entry["numbers"].items()}
    return flat | {f"not run:{claim}": True for claim in evidence["not_run"]}


def _compare_close(new: np.ndarray, old: np.ndarray, rtol: float, atol: float) -> str | None:
    if new.shape != old.shape:
        return f"shape differs: {new.tolist()!r}, not {old.tolist()!r}"
    apart = ~(np.abs(new - old) <= atol + rtol * np.abs(old))
    moved = zip(new[apart].tolist(), old[apart].tolist())
    return next((f"{a!r}, not within atol {atol:g} + rtol {rtol:g} of {b!r}" for a, b in moved), None)


def _check_rule(where: str, reference: Any) -> str:
    """Return the rule of one number's reference; raise UserError if it is unknown or its fields or their types are wrong."""
    check_fields(where, reference, {"rule": str})
    check_name(f"{where}, rule", rule := reference["rule"], _FIELDS)
    check_fields(where, reference, _FIELDS[rule])
    odd = ", ".join(sorted(set(reference) - {"rule", "why", *_FIELDS[rule]}))
    require(not odd, f"{where}: the rule {rule} has no {odd}")
    if rule == "order":
        check_name(f"{where}, direction", reference["direction"], _SIGNS)
    return rule


def compare_number(new: Any, reference: Mapping[str, Any]) -> str | None:
    """Compare one number with its reference; return None, or a line with the number and what was expected."""
    rule = _check_rule("a reference", reference)
    if rule == "exact":
        value = reference["value"]
        return None if json.dumps(new) == json.dumps(value) else f"{new!r}, not {value!r}"  # where 1 is neither 1.0 nor true
    values = np.array(new)
    if values.dtype.kind not in "if" or not values.size:
        return f"{new!r} is not a number"
    if rule == "close":
        return _compare_close(values, np.array(reference["value"]), reference["rtol"], reference["atol"])
    if rule == "range":
        outside = values[~((reference["low"] <= values) & (values <= reference["high"]))].tolist()
        return f"{outside[0]!r} outside [{reference['low']!r}, {reference['high']!r}]" if outside else None
    steps = _SIGNS[reference["direction"]] * np.diff(values.ravel())
    return None if steps.size and (steps > 0).all() else f"{new!r} is not {reference['direction']}"


def compare_notebook(evidence: Mapping[str, Any], references: References) -> list[str]:
    """Return one line per number of a notebook that differs from its reference, is missing, or has no reference."""
    numbers = flatten_numbers(evidence)
    found = {key: "recorded no longer" for key in references if key not in numbers}
    for key, value in numbers.items():
        found[key] = compare_number(value, references[key]) if key in references else "not in the reference"
    return [f"{key}: {complaint}" for key, complaint in found.items() if complaint]


def read_references(name: str, folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the references of one notebook; an empty dict if there are none yet."""
    path = (folder or references_dir()) / f"{name}.json"
    references = read_json(path) if os.path.lexists(path) else {}
    for key, reference in references.items():
        _check_rule(f"{path}, {key}", reference)
    return references


def _propose(value: Any) -> dict[str, Any]:
    try:
        values = np.array(value)
    except ValueError:  # nested lists of different lengths
        return {"rule": "exact", "value": value}
    if values.dtype.kind != "f" or not values.size:
        return {"rule": "exact", "value": value}
    if (np.abs(values) < _ROUNDING).all():
        return {"rule": "range", "low": 0.0 if values.min() >= 0 else -_ROUNDING, "high": _ROUNDING}
    return {"rule": "close", "value": value, "rtol": 1e-6, "atol": 1e-12}


def update_references(evidence: Mapping[str, Any], references: References) -> dict[str, dict[str, Any]]:
    """Return the references updated from a run: new values, the same rules and tolerances, and no keys that the run lacks.
    New keys are ``exact`` unless floats, ``range`` for rounding errors, else ``close``; ranges are never widened here."""
    updated = {}
    for key, value in sorted(flatten_numbers(evidence).items()):
        known = dict(references.get(key) or _propose(value))
        updated[key] = known | {"value": value} if "value" in known else known
    return updated


def write_references(name: str, references: Mapping[str, Any]) -> Path:
    """Write the references of one notebook and return the path."""
    path = references_dir() / f"{name}.json"
    rows = (f"{json.dumps(key)}: {json.dumps(references[key])}" for key in sorted(references))
    write_atomically(path, "{\n " + ",\n ".join(rows) + "\n}\n")
    return path
