"""Errors that a user can cause, each reported in one clear line."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args


class UserError(ValueError):
    """Say in one line what was wrong, what was expected, and where; ``twm`` prints it and exits with ``code``."""

    code = 2


class SickMachine(UserError, OSError):
    """Say in one line what a machine that is full, read-only or without a service kept from being done."""

    code = 1
    strerror = property(str)  # which OSError has beside its text


def require(condition: bool, message: str) -> None:
    """Raise :class:`~twm.errors.UserError` with ``message`` unless ``condition`` holds."""
    if not condition:
        raise UserError(message)


def require_count(value: object, name: str, least: int = 1) -> int:
    """Return ``value`` as an int; refuse booleans, fractions and what is below ``least``."""
    whole = not isinstance(value, bool) and hasattr(value, "__index__")
    require(whole and int(value) >= least, f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def check_name(what: str, name: object, known: Iterable[str]) -> None:
    """Refuse a name that is not known."""
    require(name in known, f"{what} must be one of {', '.join(known)}, not {name!r}")


_WORDS = {dict: "a mapping", list: "a list", str: "a text", int: "a whole number", float: "a number", type(None): "nothing"}


def check_fields(where: str, content: Any, expected: Mapping[str, Any]) -> None:
    """Refuse, by its place, what is no mapping with these fields, each of its type, such as ``str | None``."""
    require(isinstance(content, dict), f"{where}: expected a mapping with {', '.join(expected)}, found {content!r:.40}")
    for name, kind in expected.items():
        kinds, found = get_args(kind) or (kind,), content.get(name, "no such field")
        fine = name in content and isinstance(found, (*kinds, int) if float in kinds else kinds)
        told = " or ".join(_WORDS.get(each, "a value") for each in kinds)
        fine = fine and (kind is object or not isinstance(found, bool))
        require(fine, f"{where}, {name}: expected {told}, found {found!r:.40}")
