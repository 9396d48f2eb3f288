"""The ledger is complete, and a damaged one is refused in one line."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml
from twm.book.ledger import (
    HOMES,
    VERDICTS,
    decide,
    judge_all,
    judge_claim,
    list_numbers,
    load_rules,
    read_evidence,
    read_ledger,
)
from twm.book.runner import list_notebooks
from twm.errors import UserError

ROW = {"id": "a.b", "source": "twm", "where": "Eq. 1", "home": "theory", "says": "s", "check": "c", "accept": "a"}


def write(path: Path, rows: object) -> Path:
    path.write_text(yaml.safe_dump(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("field", ["id", "source", "where", "home", "says", "check", "accept"])
def test_a_missing_field_is_named(tmp_path: Path, field: str):
    row = {key: value for key, value in ROW.items() if key != field}
    with pytest.raises(UserError, match=f"claim 1.*{field} is missing") as caught:
        read_ledger(write(tmp_path / "claims.yml", [row]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROW | {"home": "attic"}], "home 'attic'"),
        ([ROW | {"source": "nature"}], "source 'nature'"),
        ([ROW | {"verdict": "reproduced"}], "unknown field verdict"),
        ([ROW | {"beyond": "yes"}], "beyond"),
        ([ROW | {"planned": "soon: more seeds"}], "planned must begin with the date"),
        ([ROW | {"planned": "2026-11-31, entered before the runs: more seeds"}], "planned must begin with the date"),
        ([ROW | {"planned": "2026-11-29"}], "planned must begin with the date"),
        ([ROW, ROW], "occurs twice"),
        ([], "list of claims"),
        ({"a": 1}, "list of claims"),
        (["text"], "mapping"),
    ],
)
def test_a_wrong_ledger_is_refused(tmp_path: Path, rows: object, message: str):
    with pytest.raises(UserError, match=message):
        read_ledger(write(tmp_path / "claims.yml", rows))


def test_what_runs_to_come_are_judged_by_stands_beside_what_holds_today(tmp_path: Path):
    planned = "2026-11-29, entered before the runs of ten seeds: nine of ten"
    first, second = read_ledger(write(tmp_path / "claims.yml", [ROW | {"planned": planned}, ROW | {"id": "a.c"}]))
    assert (first.accept, first.planned, second.planned) == (ROW["accept"], planned, "")
    waiting = {claim.id: claim.planned for claim in read_ledger() if claim.planned}
    assert all(re.match(r"\d{4}-\d\d-\d\d, entered before the runs of [^:]+: ", text) for text in waiting.values())


def test_the_scoreboard_shows_both_criteria(root: Path, tmp_path: Path):
    pytest.importorskip("sphinx", reason="the extra `book` is not installed")
    spec = importlib.util.spec_from_file_location("twm_book", root / "book" / "_ext" / "twm_book.py")
    book = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(book)
    planned = "2026-11-29, entered before the runs of `table1`: nine of ten"
    rows = [ROW | {"planned": planned}, ROW | {"id": "a.c"}]
    first, second = (
        "".join(node.astext() for node in book._show_criteria(claim))
        for claim in read_ledger(write(tmp_path / "claims.yml", rows))
    )
    assert first == f"{ROW['accept']} To come: {planned.replace('`', '')}" and second == ROW["accept"]


def test_broken_yaml_names_its_line(tmp_path: Path):
    path = tmp_path / "claims.yml"
    path.write_text("- {id: a}\n- {id: b\n- {id: c}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"claims.yml, line \d+ is not YAML"):
        read_ledger(path)


def test_every_rule_has_its_claim_and_every_notebook_its_rules():
    claims = {claim.id: claim for claim in read_ledger()}
    rules = load_rules()
    assert set(rules) <= set(claims)
    written = set(list_notebooks())
    lacking = [claim.id for claim in claims.values() if claim.notebook in written and claim.id not in rules]
    assert not lacking
    assert {claim.notebook for claim in claims.values()} == set(HOMES.values())


def test_claims_of_notebooks_that_exist_have_a_computed_verdict():
    """A committed clone tells the state without running anything; what waits for a record says for which."""
    judged, evidence = {claim.id: claim for claim in judge_all()}, read_evidence()
    written = set(list_notebooks())
    for claim in judged.values():
        if claim.claim.notebook in written and claim.verdict == "not run":
            reason = evidence[claim.claim.notebook]["not_run"][claim.id]
            assert "twm " in reason or "no sweep" in reason, f"{claim.id} waits without saying for what: {reason}"
    for claim in judged.values():
        assert claim.verdict in VERDICTS
        assert (claim.verdict == "not run") == (claim.value == "")
        assert claim.verdict in ("reproduced", "not run") or claim.reason, (
            f"{claim.id} is {claim.verdict} without a reason"
        )


def _perturb(value: object, sign: float) -> object:
    """Return a number that no rule should accept in place of ``value``."""
    if isinstance(value, list):
        return [_perturb(part, sign) for part in value]
    if isinstance(value, bool):
        return not value
    return value + sign * (1e3 + 10 * abs(value)) if isinstance(value, (int, float)) else value


def test_every_rule_can_return_differs():
    """Each rule, given numbers that are far off, says so."""
    evidence = read_evidence()
    for claim in read_ledger():
        if claim.id not in load_rules():
            continue
        if claim.id in evidence[claim.notebook]["not_run"]:
            # It has no numbers yet; the tests of its rule bring their own.
            continue
        entry = evidence[claim.notebook]["claims"][claim.id]
        verdicts = set()
        # Some rules need several parts to fail before they say more than `partly`: all numbers are moved at once, too.
        for keys in (*([key] for key in entry["numbers"]), list(entry["numbers"])):
            for sign in (1.0, -1.0):
                numbers = entry["numbers"] | {key: _perturb(entry["numbers"][key], sign) for key in keys}
                changed = evidence[claim.notebook] | {"claims": {claim.id: entry | {"numbers": numbers}}}
                verdicts.add(judge_claim(claim, {claim.notebook: changed}).verdict)
        verdicts.add(judge_claim(claim, evidence).verdict)
        assert "differs" in verdicts, f"nothing makes {claim.id} differ"


def test_a_pass_at_a_reduced_scale_is_partly_and_a_failure_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    claim = read_ledger(write(tmp_path / "claims.yml", [ROW]))[0]
    monkeypatch.setattr(
        "twm.book.ledger.load_rules", lambda: {"a.b": lambda n: decide(n["x"] > 0, f"x {n['x']}", reason="r.")}
    )

    def judge(x: int, scale: str | None):
        page = {
            "profile": "smoke",
            "not_run": {},
            "claims": {"a.b": {"numbers": {"x": x}, "seeds": 1, "scale": scale, "figure": "fig-x"}},
        }
        return judge_claim(claim, {"01_theory": page})

    assert judge(1, None).verdict == "reproduced"
    assert judge(1, "3 of 20 seeds").verdict == "partly"
    assert "3 of 20 seeds" in judge(1, "3 of 20 seeds").reason
    assert judge(-1, "3 of 20 seeds").verdict == "differs"
    assert judge(-1, "3 of 20 seeds").reason == "r. Tried at a reduced scale: 3 of 20 seeds."
    assert judge(1, None).link == "pages/01_theory.html#fig-x"


@pytest.mark.parametrize(
    ("values", "told"), [([], ""), ([3], "3"), ([3, 3], "3, 3"), ([3, 3, 3], "3 (all 3)"), ([3, 4, 3], "3, 4, 3")]
)
def test_equal_numbers_are_said_once(values: list, told: str):
    assert list_numbers(values) == told


def test_evidence_older_than_its_rule_is_not_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    claim = read_ledger(write(tmp_path / "claims.yml", [ROW]))[0]
    monkeypatch.setattr("twm.book.ledger.load_rules", lambda: {"a.b": lambda n: decide(n["new"] > 0, "")})
    page = {
        "profile": "paper",
        "not_run": {},
        "claims": {"a.b": {"numbers": {"old": 1}, "seeds": 1, "scale": None, "figure": None}},
    }
    judged = judge_claim(claim, {"01_theory": page})
    assert judged.verdict == "not run" and "'new'" in judged.reason


@pytest.mark.parametrize("text", ["{", "[]", '{"notebook": "01_theory"}'])
def test_damaged_evidence_is_named(tmp_path: Path, text: str):
    (tmp_path / "01_theory.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="01_theory.json"):
        read_evidence([tmp_path])


def test_evidence_holds_numbers_not_verdicts(root: Path):
    for path in (root / "book" / "results" / "claims").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'"(verdict|reproduced|partly|differs)"', text), path.name
        assert json.loads(text)["profile"] == "paper"
