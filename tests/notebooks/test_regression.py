"""Smoke numbers meet tests/reference by rule, and a changed number, a missing key and an unknown key each fail."""

import json

import pytest

from tests.conftest import list_files
from twm.book.regression import (
    compare_notebook, compare_number, flatten_numbers, read_references, update_references, write_references,
)  # fmt: skip
from twm.book.runner import list_notebooks
from twm.cli import main
from twm.errors import UserError

# On a machine under load the run of a notebook, which the first test waits for, takes its time.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module", params=list_notebooks())
def run(request, smoke):
    """One notebook at the smoke profile."""
    return smoke.run(request.param)


def test_smoke_numbers_meet_the_reference(run):
    references = read_references(run.name)
    assert references, f"run `twm check {run.name} --update`, then write ranges by hand for what is trained"
    assert compare_notebook(run.evidence, references) == []


def test_a_changed_a_missing_and_an_unknown_number_each_fail(run):
    references, numbers = read_references(run.name), flatten_numbers(run.evidence)
    key = next(iter(references))
    assert compare_notebook(run.evidence, references | {"newcomer": EXACT}) == ["newcomer: recorded no longer"]
    known = {other: rule for other, rule in references.items() if other != key}
    assert compare_notebook(run.evidence, known) == [f"{key}: not in the reference"]
    for key, value in numbers.items():
        assert isinstance(value, str) or compare_number(_spoil(value), references[key]), key


def _spoil(value: object) -> object:
    if isinstance(value, list):
        return [_spoil(part) for part in reversed(value)] or ["newcomer"]
    if isinstance(value, str):
        return f"{value} spoilt"
    return not value if isinstance(value, bool) else -value - 1e6


def test_smoke_stays_within_its_budget_of_memory_and_no_output_is_an_error_or_a_warning(run):
    assert run.evidence["memory_mb"] < 2048
    page = json.loads(run.notebook.read_text(encoding="utf-8"))
    outputs = [output for cell in page["cells"] for output in cell.get("outputs", [])]
    assert outputs and not run.aside
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]


CLOSE, RANGE = {"rule": "close", "rtol": 1e-6, "atol": 0}, {"rule": "range", "low": 0.0, "high": 1.0}
EXACT, UP = {"rule": "exact", "value": 3}, {"rule": "order", "direction": "increasing"}


@pytest.mark.parametrize(("new", "reference", "holds"), [
    (3, EXACT, True), (4, EXACT, False), (3.0, EXACT, False), (True, EXACT | {"value": 1}, False),
    (1.0 + 1e-9, CLOSE | {"value": 1.0}, True), (1.0 + 1e-5, CLOSE | {"value": 1.0}, False),
    ([1.0, 2.0], CLOSE | {"value": [1.0, 2.0]}, True), ([1.0], CLOSE | {"value": [1.0, 2.0]}, False),
    ("1", CLOSE | {"value": 1.0}, False), (float("nan"), CLOSE | {"value": 1.0}, False), (0.5, RANGE, True),
    ([0.5, 1.5], RANGE, False), (float("nan"), RANGE, False), ([1, 2, 3], UP, True), ([1, 3, 2], UP, False),
    ([3, 2], UP | {"direction": "decreasing"}, True), ([3], UP, False), ([], RANGE, False), ([[]], RANGE, False),
    ([1, 2], EXACT | {"value": [1.0, 2.0]}, False), ([True], EXACT | {"value": [1]}, False), ([], EXACT | {"value": []}, True),
])  # fmt: skip
def test_each_rule_holds_and_fails(new, reference, holds: bool):
    assert (compare_number(new, reference) is None) == holds


@pytest.mark.parametrize(("wrong", "said"), [
    (EXACT | {"rule": "about"}, "rule must be one of"), ({"value": 1}, "rule: expected"), (CLOSE, "value: expected a list or"),
    (3, "expected a mapping"), (EXACT | {"rtol": 0.1}, "exact has no rtol"), (EXACT | {"rule": [1]}, "rule: expected"),
    (UP | {"direction": "side"}, "direction must be"), (UP | {"direction": [1]}, "direction: expected a text"),
    (RANGE | {"low": "a"}, "low: expected a number"), (CLOSE | {"value": 1.0, "rtol": True}, "rtol: expected"),
])  # fmt: skip
def test_a_wrong_rule_is_refused_with_file_and_key(tmp_path, wrong: object, said: str):
    (tmp_path / "01_theory.json").write_text(json.dumps({"a.b:x": wrong}), encoding="utf-8")
    with pytest.raises(UserError, match=f"01_theory.json, a.b:x.*{said}"):
        read_references("01_theory", tmp_path)


def test_an_update_keeps_rules_and_tolerances_and_never_widens_a_range():
    old = {"a.b:close": CLOSE | {"value": 1.0, "why": "spread over ten seeds"}, "a.b:range": RANGE, "a.b:gone": EXACT}
    numbers = {"close": 5.0, "range": 7.0, "count": 3, "tiny": 1e-15, "size": [0.25, 0.5]}
    evidence = {"notes": {}, "claims": {"a.b": {"numbers": numbers}}, "not_run": {}}
    new = update_references(evidence, old)
    assert new["a.b:close"] == old["a.b:close"] | {"value": 5.0} and new["a.b:range"] == RANGE
    assert new["a.b:count"] == EXACT and "a.b:gone" not in new
    assert new["a.b:tiny"]["rule"] == "range" and new["a.b:size"]["rule"] == "close"
    assert [line.split(":")[1] for line in compare_notebook(evidence, new)] == ["range"]


def test_a_damaged_reference_is_named(tmp_path):
    for text, said in (("{", "is damaged"), ("[" * 100_000, "is damaged"), ("[]", "expected a mapping")):
        (tmp_path / "01_theory.json").write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match=f"01_theory.json.*{said}"):
            read_references("01_theory", tmp_path)


def test_check_exits_with_one_when_a_number_moved(clone, capsys, monkeypatch):
    """The command itself, on a notebook of two cells."""
    from tests.notebooks.test_runner import GOOD, LEDGER, TWO_CELLS

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
