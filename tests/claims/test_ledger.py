"""The ledger decides by what it shows, each claim can fail, and a damaged ledger is refused in one line."""

import itertools
import json
import re
from pathlib import Path

import pytest
import yaml

from twm.book.ledger import HOMES, VERDICTS, judge_all, judge_claim, judge_numbers, read_evidence, read_ledger
from twm.book.runner import list_notebooks
from twm.errors import UserError

ROW = {
    "id": "a.b", "source": "twm", "where": "Eq. 1", "home": "theory", "says": "s", "kind": "exact", "check": "c",
    "accept": "max(errors) <= 0.1 and tried == 3", "shows": "off by {max(errors):.2f} in {tried}",
}  # fmt: skip
NUMBERS = {"errors": [0.05, 0.0], "tried": 3}


def write(path: Path, rows: object) -> Path:
    path.write_text(yaml.safe_dump(rows), encoding="utf-8")
    return path


def read_row(folder: Path, **changes: object):
    return read_ledger(write(folder / "claims.yml", [ROW | changes]))[0]


def record(numbers: dict, scale: str | None = None, **more: object) -> dict:
    entry = {"numbers": numbers, "seeds": 2, "scale": scale, "figure": "fig-x"} | more
    return {"01_theory": {"profile": "paper", "not_run": {}, "claims": {"a.b": entry}}}


@pytest.mark.parametrize("field", list(ROW))
def test_a_missing_field_is_named(tmp_path: Path, field: str):
    with pytest.raises(UserError, match=f"claim 1.*{field} is missing") as caught:
        read_row(tmp_path, **{field: ""})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("rows", "message"), [
    ([ROW | {"home": "attic"}], "home 'attic'"), ([ROW | {"source": "nature"}], "source 'nature'"),
    ([ROW | {"kind": "nice"}], "kind 'nice'"), ([ROW | {"verdict": "reproduced"}], "unknown field verdict"),
    ([ROW | {"beyond": "yes"}], "beyond"), ([ROW | {"planned": "2026-11-31: more seeds"}], "planned must begin with the date"),
    ([ROW | {"changes": [{"date": "2026-11-29", "what": "more"}]}], "changes must be a list of date, what and why"),
    ([ROW | {"because": {"perhaps": "so"}}], "because has the unknown verdict perhaps"),
    ([ROW | {"because": {1: "so"}}], "because has the unknown verdict 1"),
    ([ROW | {"home": ["theory"]}], "home .'theory'. is none of"),
    ([ROW | {"accept": "errors <"}], r"claims.yml, claim 1 \(a.b\), accept: 'errors <' is not an expression"),
    ([ROW | {"because": {"differs": "{1 +}"}}], r"\(a.b\), because.differs: .* is not an expression"),
    ([ROW, ROW], "occurs twice"), ([], "list of claims"), (["text"], "mapping"),
])  # fmt: skip
def test_a_wrong_ledger_is_refused(tmp_path: Path, rows: object, message: str):
    with pytest.raises(UserError, match=message) as caught:
        read_ledger(write(tmp_path / "claims.yml", rows))
    assert "\n" not in str(caught.value)


def test_broken_yaml_names_its_line(tmp_path: Path):
    path = tmp_path / "claims.yml"
    contents = {b"- {id: a}\n- {id: b\n- {id: c}\n": r", line \d+ is not YAML", b"- 1\n- \xe4": ", line 2: expec"}
    contents[b"- 1\n- {accept: a > 1, accept: a > 0}\n"] = ", line 2: a field occurs twice"
    contents[b"- 1\n- {changes: [{date: 2026-13-01}]}\n"] = ", line 2: month must be"
    for content, said in (contents | {b"[ " * 100_000: " must be .* nested too deeply"}).items():
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"claims.yml{said}"):
            read_ledger(path)


def test_what_runs_to_come_are_judged_by_was_entered_before_them():
    waiting = [claim.planned for claim in read_ledger() if claim.planned]
    assert all(re.match(r"\d{4}-\d\d-\d\d, entered before the runs of [^:]+: ", text) for text in waiting)


@pytest.mark.parametrize(("field", "text", "message"), [
    ("accept", "max(errors) <= bar", "no recorded number 'bar', only errors, tried"),
    ("accept", "tried", "gives 3, not true or false"),
    ("accept", "errors[7] < 1", "does not evaluate: list index out of range"),
    ("accept", "all(a < b for a, b in zip(errors, [1]))", "does not evaluate"),
    ("accept", "open('claims.yml')", "does not evaluate: Function 'open' not defined"),
    ("part", "tried > 'a'", "does not evaluate"), ("shows", "{least:.2f}", "no recorded number 'least'"),
    ("because", "{tried.nonsense}", "does not evaluate"),
])  # fmt: skip
def test_an_expression_that_does_not_evaluate_names_file_claim_and_field(tmp_path: Path, field, text, message):
    with pytest.raises(UserError, match=rf"claims.yml, claim a.b, {field}: .*{message}") as caught:
        judge_numbers(read_row(tmp_path, **{"accept": "tried == 4", field: text}), NUMBERS)
    assert "\n" not in str(caught.value)


def test_accept_part_and_because_decide_and_tell(tmp_path: Path):
    because = {"reproduced": "", "partly": "Off in {sum(error > 0.1 for error in errors)}."}
    claim = read_row(tmp_path, part="share(error <= 0.1 for error in errors) >= 1 / 2", because=because)
    assert judge_numbers(claim, NUMBERS) == ("reproduced", "off by 0.05 in 3", "")
    assert judge_numbers(claim, NUMBERS | {"errors": [0.5, 0.0]}) == ("partly", "off by 0.50 in 3", "Off in 1.")
    verdict, _, reason = judge_numbers(claim, {"errors": [0.5, 0.7], "tried": 3})
    assert (verdict, reason) == ("differs", "Not met: `max(errors) <= 0.1`.")


def test_without_what_a_claim_needs_nothing_is_decided(tmp_path: Path):
    claim = read_row(tmp_path, needs="rival", because={"not run": "Rival {tried} was stopped early."})
    assert judge_numbers(claim, NUMBERS | {"rival": True}) == ("reproduced", "off by 0.05 in 3", "")
    judged = judge_claim(claim, record(NUMBERS | {"rival": False}, "3 seeds"))
    assert (judged.verdict, judged.value) == ("not run", "off by 0.05 in 3")
    assert judged.reason == "Rival 3 was stopped early. Tested at a reduced scale: 3 seeds."
    # Of no network everything is true, and nothing found.
    empty = judge_claim(read_row(tmp_path, accept="all(error < 1 for error in errors)"), record(NUMBERS | {"errors": []}, None))
    assert (empty.verdict, empty.reason) == ("not run", "recorded without a value: errors")
    empty = judge_claim(read_row(tmp_path, accept="not wrong"), record(NUMBERS | {"wrong": []}))
    assert (empty.verdict, empty.reason) == ("not run", "recorded without a value: wrong")
    assert judge_claim(read_row(tmp_path), record(NUMBERS | {"names": []}, None)).verdict == "reproduced", "it decides nothing"


def test_scale_decides_between_reproduced_and_reduced_and_a_failure_below_it_decides_nothing(tmp_path: Path):
    claim = read_row(tmp_path, because="r.", part="tried > 3")
    whole, reduced = (judge_claim(claim, record(NUMBERS, scale)) for scale in (None, "3 of 20 seeds"))
    assert (whole.verdict, whole.reason, whole.link) == ("reproduced", "", "pages/01_theory.html#fig-x")
    assert (reduced.verdict, reduced.reason) == ("reduced", "Holds at a reduced scale: 3 of 20 seeds.")
    partly = judge_claim(claim, record(NUMBERS | {"tried": 4}, "3 of 20 seeds"))
    assert (partly.verdict, partly.reason) == ("partly", "r. Tested at a reduced scale: 3 of 20 seeds.")
    whole, failed = (judge_claim(claim, record(NUMBERS | {"tried": 2}, scale)) for scale in (None, "3 of 20 seeds"))
    assert (whole.verdict, whole.reason) == ("differs", "r.")
    assert (failed.verdict, failed.value) == ("not run", "off by 0.05 in 2")
    assert failed.reason == "r. Tested only at a reduced scale, a possible cause: 3 of 20 seeds."


def test_programs_get_kind_criterion_counts_and_changes(tmp_path: Path):
    changes = [{"date": "2026-11-29", "what": "bar .1 for .2", "why": "too wide"}]
    claim = read_row(tmp_path, changes=changes)
    told = judge_claim(claim, record(NUMBERS | {"settings": 5}, networks=4)).to_json()
    assert list(told) == [
        "id", "source", "where", "home", "kind", "verdict", "value", "paper", "accept", "seeds", "networks", "settings",
        "profile", "scale", "reason", "changes", "link",
    ]  # fmt: skip
    assert (told["kind"], told["accept"], told["changes"]) == ("exact", ROW["accept"], changes)
    assert (told["seeds"], told["networks"], told["settings"], told["scale"]) == (2, 4, 5, None)


def test_every_claim_has_a_verdict_with_its_reason_and_what_waits_says_for_what(root: Path):
    judged, evidence = judge_all(), read_evidence()
    assert {claim.notebook for claim in judged} == set(HOMES.values()) <= set(list_notebooks())
    for claim in judged:
        assert claim.verdict in VERDICTS and (claim.verdict == "not run" or claim.value)
        assert claim.verdict == "reproduced" or claim.reason, f"{claim.id} is {claim.verdict} without a reason"
        assert not claim.data or (root / claim.data).is_file(), f"{claim.id}: there is no {claim.data}"
        if not claim.value:
            reason = evidence[claim.notebook]["not_run"][claim.id]
            assert "twm " in reason or "no sweep" in reason, f"{claim.id} waits without saying for what: {reason}"


def _perturb(value: object, sign: float) -> object:
    """Return a number that is far off."""
    if isinstance(value, list):
        return [_perturb(part, sign) for part in value]
    if isinstance(value, bool):
        return not value
    return value + sign * (1e3 + 10 * abs(value)) if isinstance(value, (int, float)) else value


@pytest.mark.parametrize("claim", read_ledger(), ids=lambda claim: claim.id)
def test_every_claim_can_fail(claim):
    """Given what it needs and numbers that are far off, one by one or all at once, the ledger says `differs`."""
    page = read_evidence()[claim.notebook]
    if claim.id in page["not_run"]:
        pytest.skip("it has no numbers yet")
    numbers = page["claims"][claim.id]["numbers"]
    numbers |= {key: True for key in numbers if key in claim.needs}
    verdicts = {
        judge_numbers(claim, numbers | {key: _perturb(numbers[key], sign) for key in keys})[0]
        for keys in (*([key] for key in numbers), list(numbers))
        for sign in (1.0, -1.0)
    }
    # One number may have to rise while the others fall.
    for lead, sign in itertools.product(numbers, (1.0, -1.0)):
        others = {key: value for key, value in numbers.items() if key not in claim.needs}
        changed = {key: _perturb(value, sign if key == lead else -sign) for key, value in others.items()}
        verdicts.add(judge_numbers(claim, numbers | changed)[0])
    assert "differs" in verdicts, f"nothing makes {claim.id} differ"


PAGE = {"notebook": "01_theory", "profile": "paper", "claims": {}, "not_run": {}}
ENTRY = {"numbers": {}, "seeds": 1, "scale": None}


@pytest.mark.parametrize(("content", "said"), [
    ("{", "is damaged"), ("[" * 100_000, "is damaged"), ([], "expected a mapping"), ({"notebook": "x"}, ", profile: expected"),
    (PAGE | {"notebook": "02_construction"}, "holds the numbers of 02_construction"), (PAGE | {"claims": None}, ", claims: expected a mapping, found None"), (PAGE | {"claims": {"a.b": 3}}, ", a.b: expected"),
    *((PAGE | {"claims": {"a.b": {key: ENTRY[key] for key in ENTRY if key != lost}}}, f", a.b, {lost}: ") for lost in ENTRY),
    (PAGE | {"claims": {"a.b": ENTRY | {"seeds": "x"}}}, ", a.b, seeds: expected a whole number, found 'x'"),
])  # fmt: skip
def test_damaged_evidence_is_named_with_its_place(tmp_path: Path, content: object, said: str):
    (tmp_path / "01_theory.json").write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=f"01_theory.json ?{said}|01_theory.json: {said}"):
        read_evidence([tmp_path])


def test_evidence_holds_numbers_not_verdicts(root: Path):
    for path in (root / "book" / "results" / "claims").glob("*.json"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'"(verdict|reproduced|partly|differs)"', text), path.name
        assert json.loads(text)["profile"] == "paper"
