"""The ledger: every checkable statement of the papers, and ours, one row each (``book/claims.yml``).

Verdicts: each claim has a rule, a named function of recorded numbers that can return ``differs``.

Numbers are recorded by the notebooks; verdicts are worked out each time they are shown, so that a changed rule never
meets an old verdict.
"""

import importlib
import json
import pkgutil
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Sequence

from twm.errors import UserError, require
from twm.paths import evidence_dir, ledger_path

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


#: The four words a verdict can be.
VERDICTS = ("reproduced", "partly", "differs", "not run")

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """What a rule says of recorded numbers.

    Attributes:
        verdict: ``reproduced``, ``partly`` or ``differs``.
        value: our number, formatted for a reader.
        reason: one sentence where the verdict needs one.
    """

    verdict: str
    value: str
    reason: str = ""


Rule = Callable[[Numbers], Finding]
_RULES: dict[str, Rule] = {}


def rule(claim_id: str) -> Callable[[Rule], Rule]:
    """Register the decorated function as the rule of one claim."""

    def register(function: Rule) -> Rule:
        known = _RULES.get(claim_id)
        same = known is None or (known.__module__, known.__qualname__) == (function.__module__, function.__qualname__)
        require(same, f"claim {claim_id} has two rules")
        _RULES[claim_id] = function
        return function

    return register


def list_numbers(values: Sequence[Any], show: Callable[[Any], str] = str) -> str:
    """Return numbers in a line; from three on, equal ones once: ``3 (all 5)`` instead of ``3, 3, 3, 3, 3``.

    Args:
        values: what a notebook recorded, often one a seed.
        show: how to write one of them.
    """
    told = [show(value) for value in values]
    return f"{told[0]} (all {len(told)})" if len(told) > 2 and len(set(told)) == 1 else ", ".join(told)


def decide(ok: bool, value: str, *, partly: bool = False, reason: str = "") -> Finding:
    """Return ``reproduced`` if ``ok``, else ``partly`` if ``partly``, else ``differs``."""
    return Finding("reproduced" if ok else "partly" if partly else "differs", value, reason)


def load_rules() -> Mapping[str, Rule]:
    """Import every ``rules_*`` module beside this one and return the rules by claim id."""
    import twm.book

    for module in pkgutil.iter_modules(twm.book.__path__):
        if module.name.startswith("rules_"):
            importlib.import_module(f"twm.book.{module.name}")
    return _RULES


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its verdict, as ``twm claims --json`` lists it.

    Attributes:
        id, source, where, home, paper: as in the ledger.
        verdict: one of :data:`VERDICTS`.
        value: our number, formatted; empty where nothing ran.
        seeds: how many seeds the number rests on; ``None`` where nothing ran.
        profile: profile of the run.
        scale: what was smaller than in the paper; ``None`` at full scale.
        reason: why the verdict is not plain, in one sentence.
        link: the evidence, relative to the site's root.
        claim: the ledger's row.
        numbers: the recorded numbers.
        made: where, when and from which commit the evidence comes.
    """

    id: str
    source: str
    where: str
    home: str
    verdict: str
    value: str
    paper: str
    seeds: int | None
    profile: str | None
    scale: str | None
    reason: str
    link: str
    claim: Claim = field(repr=False)
    numbers: Numbers = field(default_factory=dict, repr=False)
    made: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return the public fields, in the order that ``twm claims --json`` promises."""
        fields = asdict(self)
        return {
            name: fields[name]
            for name in (
                "id", "source", "where", "home", "verdict", "value", "paper", "seeds", "profile", "scale", "reason", "link",
            )
        }  # fmt: skip


def read_evidence(folders: Iterable[Path] | None = None) -> dict[str, dict[str, Any]]:
    """Read what the notebooks recorded.

    Args:
        folders: folders of ``NN_topic.json``; a later folder's notebook takes the place of an earlier one's. By default
            the committed evidence.

    Returns:
        evidence by notebook name.

    Raises:
        UserError: if a file is damaged.
    """
    evidence: dict[str, dict[str, Any]] = {}
    for folder in (evidence_dir(),) if folders is None else folders:
        for path in sorted(Path(folder).glob("[0-9][0-9]_*.json")):
            try:
                content = json.loads(path.read_text(encoding="utf-8"))
            except (json.JSONDecodeError, UnicodeDecodeError) as error:
                raise UserError(f"{path.name} is damaged ({error}); restore it, or run `twm book --record`") from None
            known = isinstance(content, dict) and {"notebook", "profile", "claims", "not_run"} <= set(content)
            require(known, f"{path.name} is not evidence of a notebook; restore it, or run `twm book --record`")
            evidence[path.stem] = content
    return evidence


def _not_run(claim: Claim, reason: str) -> JudgedClaim:
    return JudgedClaim(
        **_ledger_fields(claim), verdict="not run", value="", seeds=None, profile=None, scale=None, reason=reason,
        link=f"scoreboard.html#{anchor(claim.id)}", claim=claim,
    )  # fmt: skip


def _ledger_fields(claim: Claim) -> dict[str, str]:
    return {"id": claim.id, "source": claim.source, "where": claim.where, "home": claim.home, "paper": claim.paper}


def anchor(claim_id: str) -> str:
    """Return the HTML anchor of a claim on the scoreboard."""
    return "claim-" + claim_id.replace(".", "-")


def judge_claim(claim: Claim, evidence: Mapping[str, Mapping[str, Any]]) -> JudgedClaim:
    """Work out one claim's verdict.

    Args:
        claim: the ledger's row.
        evidence: what the notebooks recorded, see :func:`read_evidence`.

    Returns:
        the claim with its verdict. A pass at a reduced scale counts as ``partly``; a failure stays ``differs``, and
        its reason says at what scale it was tried.
    """
    judge = load_rules().get(claim.id)
    if judge is None:
        return _not_run(claim, f"the notebook {claim.notebook} does not check it yet")
    page = evidence.get(claim.notebook)
    if page is None:
        return _not_run(claim, f"nothing on record: run `twm book --record`, which runs {claim.notebook}")
    if claim.id in page["not_run"]:
        return _not_run(claim, page["not_run"][claim.id])
    if claim.id not in page["claims"]:
        return _not_run(claim, f"{claim.notebook} recorded no number for it; run `twm book --record`")
    entry = page["claims"][claim.id]
    try:
        outcome = judge(entry["numbers"])
    except KeyError as error:
        return _not_run(
            claim, f"the recorded numbers lack {error}: they are older than the rule; run `twm book --record`"
        )
    require(outcome.verdict in VERDICTS[:3], f"the rule of {claim.id} returned {outcome.verdict!r}")
    verdict, reason = outcome.verdict, outcome.reason
    if entry["scale"]:
        held = verdict == "reproduced"
        verdict = "partly" if held else verdict
        reason = f"{reason} {'Holds' if held else 'Tried'} at a reduced scale: {entry['scale']}.".strip()
    figure = entry.get("figure")
    return JudgedClaim(
        **_ledger_fields(claim), verdict=verdict, value=outcome.value, seeds=entry["seeds"], profile=page["profile"],
        scale=entry["scale"], reason=reason, link=f"pages/{claim.notebook}.html" + (f"#{figure}" if figure else ""),
        claim=claim, numbers=entry["numbers"], made={k: page.get(k) for k in ("date", "commit", "device", "torch", "seconds")},
    )  # fmt: skip


def judge_all(
    claims: Sequence[Claim] | None = None, evidence: Mapping[str, Mapping[str, Any]] | None = None
) -> list[JudgedClaim]:
    """Work out every claim's verdict, in the ledger's order; by default from the committed evidence."""
    claims = read_ledger() if claims is None else claims
    evidence = read_evidence() if evidence is None else evidence
    return [judge_claim(claim, evidence) for claim in claims]


def count_verdicts(judged: Iterable[JudgedClaim]) -> dict[str, int]:
    """Count the verdicts, in the order of :data:`VERDICTS`."""
    counts = Counter(claim.verdict for claim in judged)
    return {verdict: counts.get(verdict, 0) for verdict in VERDICTS}
