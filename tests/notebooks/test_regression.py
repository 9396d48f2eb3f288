"""Smoke numbers meet tests/reference by rule, and a changed number, a missing key and an unknown key each fail."""

import copy
import json

import pytest
from twm.book.regression import (
    compare_notebook,
    compare_number,
    flatten_numbers,
    read_references,
    update_references,
    write_references,
)
from twm.book.runner import list_notebooks
from twm.cli import main
from twm.errors import UserError

from tests.conftest import list_files

@pytest.fixture(scope="module", params=list_notebooks())
def run(request, smoke):
    """One notebook at the smoke profile."""
    return smoke.run(request.param)


def test_smoke_numbers_meet_the_reference(run):
    references = read_references(run.name)
    assert references, f"run `twm check {run.name} --update`, then write ranges by hand for what is trained"
    assert compare_notebook(run.evidence, references) == []


def test_a_changed_a_missing_and_an_unknown_number_each_fail(run):
    evidence, references = run.evidence, read_references(run.name)
    key = next(key for key in references if not key.startswith(("note:", "not run:")))
    claim, _, number = key.partition(":")

    missing = copy.deepcopy(evidence)
    del missing["claims"][claim]["numbers"][number]
    assert compare_notebook(missing, references) == [f"{key}: recorded no longer"]

    unknown = copy.deepcopy(evidence)
    unknown["claims"][claim]["numbers"]["newcomer"] = 1.0
    assert compare_notebook(unknown, references) == [f"{claim}:newcomer: not in the reference"]

    for key in references:
        claim, _, number = key.partition(":")
        if claim in evidence["claims"] and not isinstance(flatten_numbers(evidence)[key], str):
            changed = copy.deepcopy(evidence)
            changed["claims"][claim]["numbers"][number] = _spoil(flatten_numbers(evidence)[key])
            complaints = compare_notebook(changed, references)
            assert len(complaints) == 1 and complaints[0].startswith(f"{key}: "), key


def _spoil(value: object) -> object:
    if isinstance(value, list):
        return [_spoil(part) for part in reversed(value)] or ["newcomer"]
    if isinstance(value, str):
        return f"{value} spoilt"
    return not value if isinstance(value, bool) else -value - 1e6


def test_smoke_stays_within_its_budget_of_memory(run):
    assert run.evidence["memory_mb"] < 2048


def test_no_output_is_an_error_or_a_warning(run):
    page = json.loads(run.notebook.read_text(encoding="utf-8"))
    outputs = [output for cell in page["cells"] for output in cell.get("outputs", [])]
    assert outputs
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize(
    ("new", "reference", "holds"),
    [
        (3, {"rule": "exact", "value": 3}, True),
        (4, {"rule": "exact", "value": 3}, False),
        (True, {"rule": "exact", "value": 1}, False),
        (3.0, {"rule": "exact", "value": 3}, False),
        (1.0 + 1e-9, {"rule": "close", "value": 1.0, "rtol": 1e-6, "atol": 0}, True),
        (1.0 + 1e-5, {"rule": "close", "value": 1.0, "rtol": 1e-6, "atol": 0}, False),
        ([1.0, 2.0], {"rule": "close", "value": [1.0, 2.0], "rtol": 1e-6, "atol": 0}, True),
        ([1.0], {"rule": "close", "value": [1.0, 2.0], "rtol": 1e-6, "atol": 0}, False),
        ([[1.0]], {"rule": "close", "value": [1.0], "rtol": 1e-6, "atol": 0}, False),
        ("1", {"rule": "close", "value": 1.0, "rtol": 1e-6, "atol": 0}, False),
        (float("nan"), {"rule": "close", "value": 1.0, "rtol": 1e-6, "atol": 0}, False),
        (0.5, {"rule": "range", "low": 0.0, "high": 1.0}, True),
        ([0.5, 1.5], {"rule": "range", "low": 0.0, "high": 1.0}, False),
        (float("nan"), {"rule": "range", "low": 0.0, "high": 1.0}, False),
        ([1, 2, 3], {"rule": "order", "direction": "increasing"}, True),
        ([1, 3, 2], {"rule": "order", "direction": "increasing"}, False),
        ([3, 2], {"rule": "order", "direction": "decreasing"}, True),
        ([3], {"rule": "order", "direction": "decreasing"}, False),
    ],
)
def test_each_rule_holds_and_fails(new, reference, holds: bool):
    assert (compare_number(new, reference) is None) == holds


@pytest.mark.parametrize(
    "reference",
    [
        {"rule": "about", "value": 1},
        {"value": 1},
        {"rule": "close", "value": 1.0},
        {"rule": "exact", "value": 1, "rtol": 0.1},
        {"rule": "order", "direction": "sideways"},
    ],
)
def test_a_wrong_rule_is_refused(reference: dict):
    with pytest.raises(UserError, match="rule"):
        compare_number(1, reference)


def evidence_of(numbers: dict) -> dict:
    return {"notes": {"n": 1}, "claims": {"a.b": {"numbers": numbers}}, "not_run": {}}


def test_an_update_keeps_rules_and_tolerances_and_never_widens_a_range():
    old = {
        "a.b:close": {"rule": "close", "value": 1.0, "rtol": 0.1, "atol": 0.0, "why": "spread over ten seeds"},
        "a.b:range": {"rule": "range", "low": 0.0, "high": 1.0},
        "a.b:gone": {"rule": "exact", "value": 1},
    }
    evidence = evidence_of({"close": 5.0, "range": 7.0, "count": 3, "tiny": 1e-15, "size": [0.25, 0.5]})
    new = update_references(evidence, old)
    assert new["a.b:close"] == old["a.b:close"] | {"value": 5.0}
    assert new["a.b:range"] == old["a.b:range"]
    assert "a.b:gone" not in new
    assert new["a.b:count"] == {"rule": "exact", "value": 3}
    assert new["a.b:tiny"]["rule"] == "range"
    assert new["a.b:size"]["rule"] == "close"
    assert [line.split(":")[1] for line in compare_notebook(evidence, new)] == ["range"]


def test_references_survive_being_written(tmp_path):
    references = {"a.b:x": {"rule": "exact", "value": 3}, "a.b:y": {"rule": "range", "low": 0.0, "high": 1e-9}}
    write_references("01_theory", references, tmp_path)
    assert read_references("01_theory", tmp_path) == references
    (tmp_path / "01_theory.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="01_theory.json is not JSON"):
        read_references("01_theory", tmp_path)


def test_check_exits_with_one_when_a_number_moved(clone, capsys, monkeypatch):
    """The command itself, on a notebook of two cells."""
    from tests.notebooks.test_runner import GOOD, LEDGER
    from tests.unit.test_cli import TWO_CELLS

    (clone / "book" / "claims.yml").write_text(LEDGER, encoding="utf-8")
    (clone / "notebooks" / "01_theory.py").write_text(TWO_CELLS.format(body=GOOD), encoding="utf-8")
    assert main(["check", "--update"]) == 0
    assert read_references("01_theory")["twm.a:x"]["value"] == 1.0
    write_references("01_theory", read_references("01_theory") | {"twm.a:x": {"rule": "exact", "value": 1.5}})
    before = list_files(clone / "tests")
    capsys.readouterr()
    assert main(["check", "--json"]) == 1
    assert "twm.a:x" in json.loads(capsys.readouterr().out)["01_theory"][0]
    assert list_files(clone / "tests") == before
    assert not (clone / "book" / "pages").exists(), "a check publishes nothing"
