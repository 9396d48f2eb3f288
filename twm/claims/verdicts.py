"""Verdicts: each claim has a rule, a named function of recorded numbers that can return ``differs``.

Numbers are recorded by the notebooks; verdicts are worked out each time they are shown, so that a changed rule never
meets an old verdict.
"""

import importlib
import json
import pkgutil
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Sequence

from twm.claims.ledger import Claim, read_ledger
from twm.errors import UserError, require
from twm.paths import evidence_dir

#: The four words a verdict can be.
VERDICTS = ("reproduced", "partly", "differs", "not run")

Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a rule says of recorded numbers.

    Attributes:
        verdict: ``reproduced``, ``partly`` or ``differs``.
        value: our number, formatted for a reader.
        reason: one sentence where the verdict needs one.
    """

    verdict: str
    value: str
    reason: str = ""


Rule = Callable[[Numbers], Outcome]
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


def decide(ok: bool, value: str, *, partly: bool = False, reason: str = "") -> Outcome:
    """Return ``reproduced`` if ``ok``, else ``partly`` if ``partly``, else ``differs``."""
    return Outcome("reproduced" if ok else "partly" if partly else "differs", value, reason)


def load_rules() -> Mapping[str, Rule]:
    """Import every ``rules_*`` module beside this one and return the rules by claim id."""
    import twm.claims

    for module in pkgutil.iter_modules(twm.claims.__path__):
        if module.name.startswith("rules_"):
            importlib.import_module(f"twm.claims.{module.name}")
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
