"""Every slip on the page of errata stands, as a reader sees it, and what does not stand is refused."""

import ast
import dataclasses
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from twm.errors import UserError
from twm.models.rings import IdentityRNN, WaveRNN
from twm.theory.operators import make_wave_operator

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book"))
from errata import slips
from errata.ring import count_identity_rnn, count_wave_rnn
from errata.slips import Measured, Slip, check_slip, compare, read_errata, show_value
from errata.wave import sum_wave_operator


@pytest.mark.parametrize("slip", read_errata(), ids=lambda slip: slip.id)
def test_printed_fails_and_corrected_holds(slip, monkeypatch):
    result = check_slip(slip)
    assert show_value(result.printed) != show_value(result.corrected) and slip.printed != slip.corrected
    assert all(text.count("$") % 2 == 0 for text in (slip.printed, slip.corrected, slip.why)), "unbalanced formula"
    for turned in ({"fails": False}, {"holds": False}):
        monkeypatch.setitem(slips._CHECKS, slip.check or slip.id, lambda turned=turned: result._replace(**turned))
        with pytest.raises(UserError, match=slip.id):
            check_slip(slip)


JUDGES = ("compare", "Measured")


def list_constants(text: str) -> list[str]:
    """List what checks hand over without working it out: constants, and names that stand for one and for nothing else."""
    found = []
    for check in (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)):
        stores = Counter(n.id for n in ast.walk(check) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
        fixed = [n.targets[0] for n in ast.walk(check) if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant)]
        fixed = {target.id for target in fixed if isinstance(target, ast.Name) and stores[target.id] == 1}
        calls = [n for n in ast.walk(check) if isinstance(n, ast.Call) and getattr(n.func, "id", "") in JUDGES]
        given = [argument for call in calls for argument in call.args]
        found += [ast.unparse(n) for n in given if isinstance(n, ast.Constant) or getattr(n, "id", "") in fixed]
    return found


def test_checks_work_out_what_they_judge_by(root):
    sample = "def check():\n a = 1\n return compare(a, 0.0), Measured(True, x > a, x, b)"
    assert list_constants(sample) == ["a", "0.0", "True"]
    for path in (root / "book" / "errata").glob("*.py"):
        assert list_constants(path.read_text(encoding="utf-8")) == [], path.name


def test_ids_are_unique_and_in_the_order_of_the_papers():
    assert list(dict.fromkeys(slip.source for slip in read_errata())) == ["twm", "emt", "mem", "wrnn"]
    assert len({slip.id for slip in read_errata()}) == len(read_errata())


@pytest.mark.parametrize(
    ("changes", "result", "message"),
    [({"why": " "}, compare(1, 0), "its why is empty"), ({"kind": "typo"}, compare(1, 0), "its kind must be one of"),
     ({"check": "twm.none"}, compare(1, 0), "has no check"), ({}, compare(1e-3, 0), "the printed form does not fail"),
     ({}, compare(1, 1e-9), "the corrected form does not hold"),
     ({}, Measured(True, True, float("nan"), 0.0), "value of the printed form"),
     ({}, Measured(True, True, 1.0, " "), "value of the corrected form is empty")],
)  # fmt: skip
def test_what_does_not_stand_is_refused(changes, result, message, monkeypatch):
    monkeypatch.setitem(slips._CHECKS, "twm.test", lambda: result)
    with pytest.raises(UserError, match=message):
        check_slip(dataclasses.replace(Slip("twm.test", "here", "a", "b", "because", "error"), **changes))


def test_what_checks_are_made_of_agrees_with_the_library():
    boundary = np.random.default_rng(0).normal(size=(2, 6))
    assert np.array_equal(sum_wave_operator(boundary, 5), make_wave_operator(boundary))
    for mlp in (0, 7):
        assert WaveRNN(5, 3, 8, 4, mlp=mlp).count_parameters() == count_wave_rnn(5, 3, 8, 4, mlp=mlp)
    assert IdentityRNN(5, 3, 11).count_parameters() == count_identity_rnn(5, 3, 11)
    assert [show_value(value) for value in (3e-16, 0.123456, 12345.0, "as is")] == ["0", "0.1235", "12,345", "as is"]
