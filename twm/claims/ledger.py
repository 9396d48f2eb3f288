"""The ledger: every checkable statement of the papers, and ours, one row each (``book/claims.yml``)."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from twm.errors import UserError, require
from twm.paths import ledger_path

#: The notebook that holds a claim's evidence, by the ledger's word for it.
HOMES = {
    "theory": "01_theory",
    "construction": "02_construction",
    "self-attention": "03_self_attention",
    "training": "04_training",
    "basis-recovery": "05_basis_recovery",
    "gradient-bounds": "06_gradient_bounds",
    "wave-rnn": "07_wave_rnn",
    "episodic-memory": "08_episodic_memory",
    "flip-flop": "09_flip_flop",
}

#: The papers, by the ledger's key; ``ours`` marks what no paper has.
SOURCES = {
    "twm": "Karuvally, Sejnowski and Siegelmann 2024",
    "emt": "Karuvally et al. 2023, Episodic Memory Theory",
    "mem": "An Investigation of Memory in RNNs, 2019",
    "wrnn": "Keller et al. 2024, Wave-RNN",
    "ours": "this book",
}

#: The same in two words, for tables.
SHORT_SOURCES = {
    "twm": "main paper",
    "emt": "episodic-memory paper",
    "mem": "flip-flop paper",
    "wrnn": "wave-RNN paper",
    "ours": "this book",
}

_REQUIRED = ("id", "source", "where", "home", "says", "check", "accept")
_OPTIONAL = {"paper": "", "planned": "", "beyond": False}


@dataclass(frozen=True)
class Claim:
    """One statement that can be checked.

    Attributes:
        id: short name, unique, for example ``twm.pde``.
        source: the paper's key, see :data:`SOURCES`.
        where: section, equation, figure or table.
        home: the ledger's word for the notebook with the evidence, see :data:`HOMES`.
        says: what is claimed.
        check: what decides it.
        accept: when the verdict is ``reproduced``.
        paper: the paper's number, where it has one.
        planned: what the verdict will be judged by once runs that are still to come are on record; begins with the date on
            which it was entered.
        beyond: whether no paper makes the claim.
    """

    id: str
    source: str
    where: str
    home: str
    says: str
    check: str
    accept: str
    paper: str = ""
    planned: str = ""
    beyond: bool = False

    @property
    def notebook(self) -> str:
        """Name of the notebook with the evidence, for example ``01_theory``."""
        return HOMES[self.home]


def _begins_with_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return len(text) > 10


def _parse_row(row: Any, number: int, name: str) -> Claim:
    require(isinstance(row, dict), f"{name}, claim {number}: expected a mapping with {', '.join(_REQUIRED)}")
    label = f"{name}, claim {number} ({row.get('id', 'without id')})"
    missing = [field for field in _REQUIRED if row.get(field) in (None, "")]
    require(not missing, f"{label}: field {', '.join(missing)} is missing or empty")
    unknown = sorted(set(row) - set(_REQUIRED) - set(_OPTIONAL))
    require(not unknown, f"{label}: unknown field {', '.join(map(str, unknown))}")
    require(row["home"] in HOMES, f"{label}: home {row['home']!r} is none of {', '.join(HOMES)}")
    require(row["source"] in SOURCES, f"{label}: source {row['source']!r} is none of {', '.join(SOURCES)}")
    require(isinstance(row.get("beyond", False), bool), f"{label}: beyond must be true or false")
    text = {field: str(row[field]) for field in (*_REQUIRED, "paper", "planned") if field in row}
    require(
        "planned" not in text or _begins_with_date(text["planned"]),
        f"{label}: planned must begin with the date on which it was entered, such as 2026-11-29, and then say what",
    )
    return Claim(**text, beyond=row.get("beyond", False))


def read_ledger(path: Path | str | None = None) -> tuple[Claim, ...]:
    """Read and check the ledger.

    Args:
        path: a YAML list of claims; by default ``book/claims.yml`` of the clone.

    Returns:
        the claims, in the ledger's order.

    Raises:
        UserError: if the file is missing or not YAML, or a claim lacks a field, has an unknown one, a home or source
            that does not exist, or an id that occurs twice.
    """
    import yaml

    path = Path(path) if path is not None else ledger_path()
    try:
        rows = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise UserError(f"there is no ledger at {path}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path.name}{where} is not YAML: {getattr(error, 'problem', error)}") from None
    require(isinstance(rows, list) and rows, f"{path.name} must be a list of claims")
    claims = tuple(_parse_row(row, number, path.name) for number, row in enumerate(rows, start=1))
    seen: set[str] = set()
    for claim in claims:
        require(claim.id not in seen, f"{path.name}: the id {claim.id} occurs twice")
        seen.add(claim.id)
    return claims
