"""Errors that a user can cause, each reported in one clear line."""

from collections.abc import Iterable


class UserError(ValueError):
    """Say in one line what was wrong, what was expected, and where; ``twm`` prints it and exits with code 2."""


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
