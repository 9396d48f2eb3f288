"""Every slip on the page of errata stands: its printed form fails and its corrected form holds."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from twm.errata import all_errata, check_all
from twm.errata.model import (
    KINDS,
    LEAST_FAILURE,
    Erratum,
    ErratumResult,
    check_erratum,
    compare_errors,
    relative_error,
    show_value,
)
from twm.errata.twm_theory import build_wave_operator
from twm.errors import UserError
from twm.theory.operators import make_wave_operator

ERRATA = all_errata()
PAPERS = ("twm", "emt", "mem", "wrnn")


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.id)
def test_printed_fails_and_corrected_holds(erratum):
    result = check_erratum(erratum)
    assert result.printed_fails is True
    assert result.corrected_holds is True
    assert result.printed_value != result.corrected_value
    # The page shows rounded values: a reader must see the difference too.
    assert show_value(result.printed_value) != show_value(result.corrected_value)


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.id)
def test_entry_is_complete(erratum):
    for name in ("id", "source", "where", "printed", "corrected", "why"):
        text = getattr(erratum, name)
        assert text.strip() == text != ""
        assert text.count("$") % 2 == 0, f"{name} has an unbalanced formula"
    assert erratum.printed != erratum.corrected
    assert erratum.id.startswith(f"{erratum.source}.")
    assert erratum.kind in KINDS
    assert "Source:" in erratum.check.__doc__


def test_ids_are_unique_and_in_the_order_of_the_papers():
    assert len({erratum.id for erratum in ERRATA}) == len(ERRATA)
    sources = [PAPERS.index(erratum.source) for erratum in ERRATA]
    assert sources == sorted(sources)
    assert set(sources) == set(range(len(PAPERS)))


def test_check_all_gives_every_slip_once_in_order_and_the_same_again():
    first, second = check_all(), check_all()
    assert tuple(erratum for erratum, _ in first) == ERRATA
    assert [result for _, result in first] == [result for _, result in second]


# ---- the checker refuses what does not stand


def make_entry(result, **changes):
    fields = {"id": "twm.test", "source": "twm", "where": "here", "printed": "a", "corrected": "b", "why": "because"}
    return Erratum(**{**fields, **changes}, check=lambda: result)


def make_result(**changes):
    fields = {
        "printed_fails": True,
        "corrected_holds": True,
        "printed_value": 1.0,
        "corrected_value": 0.0,
        "what": "error",
    }
    return ErratumResult(**{**fields, **changes})


def test_checker_accepts_a_slip_that_stands():
    assert check_erratum(make_entry(make_result())) == make_result()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"printed_fails": False}, "printed form does not fail"),
        ({"corrected_holds": False}, "corrected form does not hold"),
        ({"printed_fails": 1}, "printed form does not fail"),
        ({"printed_value": float("nan")}, "printed_value"),
        ({"corrected_value": float("inf")}, "corrected_value"),
        ({"printed_value": " "}, "printed_value"),
        ({"what": ""}, "what it measured"),
    ],
)
def test_checker_refuses_a_result_that_does_not_stand(changes, message):
    with pytest.raises(UserError, match=message):
        check_erratum(make_entry(make_result(**changes)))


@pytest.mark.parametrize("name", ["id", "source", "where", "printed", "corrected", "why"])
def test_checker_refuses_an_empty_field(name):
    with pytest.raises(UserError, match=f"its {name} is empty"):
        check_erratum(make_entry(make_result(), **{name: " "}))


def test_checker_refuses_an_unknown_kind_and_a_check_without_a_result():
    with pytest.raises(UserError, match="kind"):
        check_erratum(make_entry(make_result(), kind="typo"))
    with pytest.raises(UserError, match="ErratumResult"):
        check_erratum(make_entry(True))


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.id)
def test_checker_refuses_every_slip_once_its_check_is_turned_round(erratum):
    result = erratum.check()
    for name in ("printed_fails", "corrected_holds"):
        turned = dataclasses.replace(result, **{name: False})
        with pytest.raises(UserError, match=erratum.id):
            check_erratum(dataclasses.replace(erratum, check=lambda turned=turned: turned))


# ---- what the checks are made of


def test_an_error_convicts_only_beyond_the_margin():
    assert compare_errors(2 * LEAST_FAILURE, 0.0, "error").printed_fails is True
    assert compare_errors(LEAST_FAILURE / 2, 0.0, "error").printed_fails is False
    assert compare_errors(1.0, 1e-9, "error").corrected_holds is False


def test_relative_error_is_zero_for_equals_and_free_of_scale():
    truth = np.array([1.0, -4.0])
    assert relative_error(truth, truth) == 0
    assert relative_error(truth + 1, truth) == relative_error(10 * (truth + 1), 10 * truth) == 0.25


@pytest.mark.parametrize(("history", "dim"), [(2, 1), (3, 2), (4, 3)])
def test_the_corrected_sums_of_eq_6_are_the_library_operator_and_the_printed_ones_are_not(history, dim):
    boundary = np.random.default_rng(0).normal(size=(dim, history * dim))
    start = (history - 1) * dim
    assert np.array_equal(build_wave_operator(boundary, start + 1), make_wave_operator(boundary))
    assert not np.allclose(build_wave_operator(boundary, start), make_wave_operator(boundary))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (3e-16, "0"), (1.0, "1"), (0.123456, "0.1235"), (12345.0, "12,345"), ("as is", "as is")],
)
def test_values_are_shown_without_rounding_noise(value, text):
    assert show_value(value) == text


def test_importing_the_errata_does_not_import_torch():
    code = "import sys, twm.errata; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
