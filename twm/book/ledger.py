"""The claims list (``book/claims.yml``): every checkable statement of the papers and of this book.

An expression over the numbers that a notebook recorded decides each claim. Verdicts are recomputed whenever they are
shown, so they always follow the current criterion."""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from pathlib import Path
from statistics import fmean, median
from typing import Any

from twm.errors import UserError, check_fields, require
from twm.paths import evidence_dir, ledger_path, read_json, read_text

#: The notebook with a claim's evidence, by its name in the ledger.
HOMES = {name[3:].replace("_", "-"): name for name in (
    "01_theory", "02_construction", "03_self_attention", "04_training", "05_basis_recovery", "06_gradient_bounds",
    "07_wave_rnn", "08_episodic_memory", "09_flip_flop", "10_any_rule", "11_wave_or_register", "A1_other_cells",
)}  # fmt: skip

#: The papers by their key in the ledger; ``ours`` marks claims that are in no paper.
SOURCES = {
    "twm": "Karuvally, Sejnowski and Siegelmann 2024",
    "emt": "Karuvally et al. 2023, Episodic Memory Theory",
    "mem": "An Investigation of Memory in RNNs, 2019",
    "wrnn": "Keller et al. 2024, Wave-RNN",
    "ours": "this book",
}

#: Short names of the sources, for tables.
SHORT_SOURCES = {"twm": "main", "emt": "episodic-memory", "mem": "flip-flop", "wrnn": "wave-RNN"}
SHORT_SOURCES = {key: f"{name} paper" for key, name in SHORT_SOURCES.items()} | {"ours": "this book"}

#: Kinds of claims: ``exact`` compares algebra or code with a closed form, ``trained`` concerns trained networks.
KINDS = ("exact", "trained")

#: The five verdicts.
VERDICTS = ("reproduced", "reduced", "partly", "differs", "not run")

_REQUIRED = ("id", "source", "where", "home", "says", "kind", "check", "accept", "shows")
_PUBLIC = (
    "id", "source", "where", "home", "kind", "verdict", "value", "paper", "accept", "seeds", "networks", "settings",
    "profile", "scale", "reason", "changes", "link",
)  # fmt: skip
_CHOICES = {"home": HOMES, "source": SOURCES, "kind": KINDS, "beyond": (True, False)}


@dataclass(frozen=True)
class Claim:
    """One checkable statement; the head of ``book/claims.yml`` describes each field."""

    id: str
    source: str
    where: str
    home: str
    says: str
    kind: str
    check: str
    accept: str  # an expression over the recorded numbers
    shows: str  # text with {expressions}, like `because`
    paper: str = ""
    criterion: str = ""
    expects: str = ""
    population: str = ""
    data: str = ""
    part: str = "False"
    needs: str = "True"  # if false, the claim is not decided, whatever ``accept`` gives
    because: Mapping[str, str] = field(default_factory=dict)  # by verdict; `otherwise` for the others
    planned: str = ""
    changes: Sequence[Mapping[str, Any]] = ()
    beyond: bool = False

    notebook = property(lambda self: HOMES[self.home])  # name of the notebook with the evidence, for example ``01_theory``


# ---- expressions


def list_numbers(values: Iterable[Any], show: Callable[[Any], str] = str) -> str:
    """Return numbers as one line; three or more, if all equal, are shortened: ``3 (all 5)``, not ``3, 3, 3, 3, 3``."""
    told = [show(value) for value in values]
    return f"{told[0]} (all {len(told)})" if len(told) > 2 and len(set(told)) == 1 else ", ".join(told)


#: Functions that expressions in the ledger may call.
_FUNCTIONS = {
    "abs": abs, "all": all, "any": any, "len": len, "max": max, "median": median, "min": min, "sum": sum,
    "share": lambda values: fmean(map(bool, values)), "zip": lambda *lists: list(zip(*lists, strict=True)),
    "each": lambda values, style="": list_numbers(values, lambda value: format(value, style)),
}  # fmt: skip

#: Errors that evaluating an expression can raise.
_FAULTS = (ArithmeticError, AttributeError, LookupError, SyntaxError, TypeError, ValueError)


@cache
def _parse(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _evaluate(claim: Claim, name: str, text: str, numbers: Mapping[str, Any]) -> Any:
    """Evaluate an expression from a claim's field ``name`` over its recorded numbers (all of them also as ``recorded``)."""
    from simpleeval import EvalWithCompoundTypes, InvalidExpression, NameNotDefined

    where = f"{ledger_path().name}, claim {claim.id}, {name}"
    evaluator = EvalWithCompoundTypes(functions=dict(_FUNCTIONS), names={"recorded": numbers, **numbers})
    try:
        return evaluator.eval(text, _parse(text))
    except NameNotDefined as error:
        raise UserError(
            f"{where}: no recorded number {error.name!r}, only {', '.join(numbers)}; correct it, or run `twm book --record`"
        ) from None
    except (InvalidExpression, *_FAULTS) as error:
        raise UserError(f"{where}: {text!r} does not evaluate: {' '.join(str(error).split())}") from None


def _fill(claim: Claim, name: str, text: str, numbers: Mapping[str, Any]) -> str:
    return " ".join(_evaluate(claim, name, f"f'''{text}'''", numbers).split())


def _holds(claim: Claim, name: str, numbers: Mapping[str, Any]) -> bool:
    found = _evaluate(claim, name, getattr(claim, name), numbers)
    where = f"{ledger_path().name}, claim {claim.id}, {name}"
    require(isinstance(found, bool), f"{where}: gives {found!r}, not true or false")
    return found


def _list_failing(claim: Claim, name: str, numbers: Mapping[str, Any]) -> str:
    """Return a sentence that lists the conditions of ``accept`` or ``needs`` that do not hold."""
    tree = _parse(getattr(claim, name))
    failing = []
    for condition in tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]:
        text = ast.unparse(condition)
        try:
            failing += [] if _evaluate(claim, name, text, numbers) else [f"`{text}`"]
        except UserError:  # it can be evaluated only if an earlier condition holds
            continue
    return f"Not met: {', '.join(failing)}."


# ---- reading


def _is_date(text: str) -> bool:
    with suppress(ValueError):
        return bool(date.fromisoformat(text))
    return False


def _check_syntax(label: str, claim: Claim) -> None:
    told = {f"because.{verdict}": f"f'''{text}'''" for verdict, text in claim.because.items()}
    told |= {"accept": claim.accept, "part": claim.part, "needs": claim.needs, "shows": f"f'''{claim.shows}'''"}
    for name, text in told.items():
        try:
            _parse(text)
        except (SyntaxError, ValueError) as error:
            raise UserError(f"{label}, {name}: {text!r} is not an expression: {error.args[0]}") from None


def _parse_row(row: Any, number: int, name: str) -> Claim:
    require(isinstance(row, dict), f"{name}, claim {number}: expected a mapping with {', '.join(_REQUIRED)}")
    label = f"{name}, claim {number} ({row.get('id', 'without id')})"
    missing = [key for key in _REQUIRED if row.get(key) in (None, "", True, False)]  # YAML reads yes as true
    require(not missing, f"{label}: field {', '.join(missing)} is missing, empty or no text")
    unknown = sorted(map(str, set(row) - {field.name for field in fields(Claim)}))
    require(not unknown, f"{label}: unknown field {', '.join(unknown)}")
    for key, known in _CHOICES.items():
        value = row.get(key, False)
        require(value in tuple(known), f"{label}: {key} {value!r} is none of {', '.join(map(str, known))}")
    because = row.get("because", {})
    because = because if isinstance(because, dict) else {"otherwise": because}
    wrong = sorted(set(map(str, because)) - {"reproduced", "partly", "differs", "not run", "otherwise"})
    require(not wrong, f"{label}: because has the unknown verdict {', '.join(wrong)}")
    changes = row.get("changes", [])
    for change in changes if isinstance(changes, list) else [changes]:
        known = isinstance(change, dict) and set(change) == {"date", "what", "why"} and _is_date(str(change["date"]))
        require(known, f"{label}: changes must be a list of date, what and why")
    planned = str(row.get("planned", ""))
    dated = "planned" not in row or (_is_date(planned[:10]) and len(planned) > 10)
    require(dated, f"{label}: planned must begin with the date on which it was entered, such as 2026-11-29")
    texts = {key: str(value) for key, value in row.items() if key not in ("because", "changes", "beyond")}
    changes = [{key: str(value) for key, value in change.items()} for change in changes]
    claim = Claim(**texts, because=because, changes=changes, beyond=row.get("beyond", False))
    _check_syntax(label, claim)
    return claim


def read_ledger(path: Path | str | None = None) -> tuple[Claim, ...]:
    """Read and check the ledger, a YAML list of claims (default: ``book/claims.yml`` of the clone)."""
    import yaml

    path = Path(path) if path is not None else ledger_path()
    text = read_text(path)

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict:
            names = {str(key.value) for key, _ in node.value}
            require(len(names) == len(node.value), f"{path.name}, line {node.start_mark.line + 1}: a field occurs twice")
            try:
                return super().construct_mapping(node, deep)
            except ValueError as error:  # a date that does not exist
                raise UserError(f"{path.name}, line {node.start_mark.line + 1}: {error}") from None

    # Such nesting would crash the C parser, and this process with it.
    require(not re.search(r"([-?:\[{]\s*){1000}", text), f"{path.name} must be a list of claims, and is nested too deeply")
    try:
        rows = yaml.load(text, Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path.name}{where} is not YAML: {getattr(error, 'problem', error)}") from None
    require(isinstance(rows, list) and rows, f"{path.name} must be a list of claims")
    claims = tuple(_parse_row(row, number, path.name) for number, row in enumerate(rows, start=1))
    twice = [claim_id for claim_id, count in Counter(claim.id for claim in claims).items() if count > 1]
    require(not twice, f"{path.name}: the id {', '.join(twice)} occurs twice")
    return claims


def read_evidence(folders: Iterable[Path] | None = None) -> dict[str, dict[str, Any]]:
    """Read the recorded results by notebook (default: the committed evidence); later folders override earlier ones."""
    evidence: dict[str, dict[str, Any]] = {}
    for folder in (evidence_dir(),) if folders is None else folders:
        for path in sorted(Path(folder).glob("[0-9A-Z][0-9]_*.json")):
            content = evidence[path.stem] = read_json(path, "restore it, or run `twm book --record`")
            check_fields(str(path), content, {"notebook": str, "profile": str, "claims": dict, "not_run": dict})
            require(content["notebook"] == path.stem, f"{path}: holds the numbers of {content['notebook']}")
            for claim, entry in content["claims"].items():
                check_fields(f"{path}, {claim}", entry, {"numbers": dict, "seeds": int, "scale": str | None})
    return evidence


# ---- judging


@dataclass(frozen=True)
class JudgedClaim(Claim):
    """A claim with its verdict."""

    verdict: str = "not run"
    value: str = ""  # our numbers as text; empty if nothing ran, as are the counts, profile and scale
    seeds: int | None = None
    networks: int | None = None
    settings: int | None = None
    profile: str | None = None
    scale: str | None = None  # what was smaller than in the paper
    reason: str = ""  # explanation of the verdict
    link: str = ""  # address of the evidence, relative to the site's root
    numbers: Mapping[str, Any] = field(default_factory=dict)
    made: Mapping[str, Any] = field(default_factory=dict)  # date, commit, device, torch version and seconds of the run

    def to_json(self) -> dict[str, Any]:
        """Return the public fields in the documented order of ``twm claims --json``."""
        return {name: getattr(self, name) for name in _PUBLIC}


def anchor(claim_id: str) -> str:
    """Return the HTML anchor of a claim on the scoreboard."""
    return "claim-" + claim_id.replace(".", "-")


def judge_numbers(claim: Claim, numbers: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the verdict at the paper's scale, the displayed value and the reason, from recorded numbers."""
    held = lambda name: _holds(claim, name, numbers)
    verdict = "reproduced" if held("accept") else "partly" if held("part") else "differs"
    verdict = verdict if (ready := _holds(claim, "needs", numbers)) else "not run"
    told = claim.because.get(verdict, "" if verdict == "reproduced" else claim.because.get("otherwise", ""))
    reason = _fill(claim, "because", told, numbers)
    reason = reason or ("" if verdict == "reproduced" else _list_failing(claim, "accept" if ready else "needs", numbers))
    return verdict, _fill(claim, "shows", claim.shows, numbers), reason


def _leave_open(claim: Claim, reason: str) -> JudgedClaim:
    return JudgedClaim(**vars(claim), reason=reason, link=f"scoreboard.html#{anchor(claim.id)}")


def judge_claim(claim: Claim, evidence: Mapping[str, Mapping[str, Any]]) -> JudgedClaim:
    """Judge one claim on the evidence that :func:`read_evidence` returns."""
    page = evidence.get(claim.notebook)
    entry = page["claims"].get(claim.id) if page else None
    if entry is None:
        reason = f"no saved results: run `twm book --record`, which runs {claim.notebook}"
        return _leave_open(claim, page["not_run"].get(claim.id, reason) if page else reason)
    # Of an empty list everything holds, so a criterion that reads one decides nothing.
    known = re.findall(r"\w+", f"{claim.accept} {claim.part}")
    empty = [name for name, value in entry["numbers"].items() if value == [] and name in known]
    if empty:
        return _leave_open(claim, f"recorded without a value: {', '.join(empty)}")
    verdict, value, reason = judge_numbers(claim, entry["numbers"])
    if entry["scale"]:
        # The reduced scale may be the cause of a failure, which therefore decides nothing.
        told = {"reproduced": "Holds at a reduced scale", "differs": "Tested only at a reduced scale, a possible cause"}
        reason = f"{reason} {told.get(verdict, 'Tested at a reduced scale')}: {entry['scale']}.".strip()
        verdict = {"reproduced": "reduced", "differs": "not run"}.get(verdict, verdict)
    figure = entry.get("figure")
    counts = {key: entry.get(key, entry["numbers"].get(key)) for key in ("networks", "settings")}
    return JudgedClaim(
        **vars(claim), verdict=verdict, value=value, reason=reason, profile=page["profile"], numbers=entry["numbers"],
        **{key: entry.get(key) for key in ("seeds", "scale")},
        **{key: count if isinstance(count, int) else None for key, count in counts.items()},
        link=f"pages/{claim.notebook}.html" + (f"#{figure}" if figure else ""),
        made={key: page.get(key) for key in ("date", "commit", "device", "torch", "seconds")},
    )  # fmt: skip


def judge_all(evidence: Mapping | None = None) -> list[JudgedClaim]:
    """Judge every claim, in the ledger's order (default: on the committed evidence)."""
    evidence = read_evidence() if evidence is None else evidence
    return [judge_claim(claim, evidence) for claim in read_ledger()]


def count_verdicts(judged: Iterable[JudgedClaim]) -> dict[str, int]:
    """Count the verdicts, in the order of :data:`VERDICTS`."""
    return {**dict.fromkeys(VERDICTS, 0), **Counter(claim.verdict for claim in judged)}
