"""Errors that a user can cause, each reported in one clear line."""

import operator
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, get_args


class UserError(ValueError):
    """Raised with one line: what was wrong, what was expected, and where; ``twm`` prints it and exits with ``code``."""

    code = 2


class SickMachine(UserError, OSError):
    """Raised with one line that says what failed because the machine is full, read-only or without a service."""

    code = 1
    strerror = property(str)  # the text, under the name that an OSError has for it


def require(condition: bool, message: str) -> None:
    """Raise :class:`~twm.errors.UserError` with ``message`` unless ``condition`` holds."""
    if not condition:
        raise UserError(message)


def require_count(value: object, name: str, least: int = 1) -> int:
    """Return ``value`` as an int; refuse booleans, fractions and values below ``least``."""
    number = None
    with suppress(TypeError):  # operator.index refuses fractions, in tensors and arrays too
        number = None if isinstance(value, bool) else operator.index(value)
    require(number is not None and number >= least, f"{name} must be a whole number of at least {least}, not {value!r}")
    return number


def check_name(what: str, name: object, known: Iterable[str]) -> None:
    """Raise UserError unless ``name`` is one of ``known``."""
    require(name in known, f"{what} must be one of {', '.join(known)}, not {name!r}")


_WORDS = {dict: "a mapping", list: "a list", str: "a text", int: "a whole number", float: "a number", type(None): "nothing"}


def check_fields(where: str, content: Any, expected: Mapping[str, Any]) -> None:
    """Raise UserError unless ``content`` is a mapping with the ``expected`` fields and types, such as ``str | None``."""
    require(isinstance(content, dict), f"{where}: expected a mapping with {', '.join(expected)}, found {content!r:.40}")
    for name, kind in expected.items():
        kinds, found = get_args(kind) or (kind,), content.get(name, "no such field")
        fine = name in content and isinstance(found, (*kinds, int) if float in kinds else kinds)
        told = " or ".join(_WORDS.get(each, "a value") for each in kinds)
        fine = fine and (kind is object or not isinstance(found, bool))
        require(fine, f"{where}, {name}: expected {told}, found {found!r:.40}")
