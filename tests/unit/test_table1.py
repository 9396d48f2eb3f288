"""Table 1: the paper's numbers are those of the ledger, and ours are summarised as the paper summarised its own."""

import re

import pytest

from twm.book.ledger import judge_numbers, read_ledger
from twm.training import tables
from twm.training.sweeps import SWEEPS

CELLS = [tuple(cell[:3]) for cell in tables.PAPER_NUMBERS["table1"]]
T2 = ("T2", 64, 0.0)


def make_row(seed=0, best=1.0, final=None, error=None, optimal=None, threshold=0.98, cell=T2, **more):
    return dict(zip(("task", "hidden", "l2"), cell)) | {
        "seed": seed, "threshold": threshold, "accuracy_best": best, "accuracy_final": best if final is None else final,
        "argument_error": error, "argument_error_optimal": error if optimal is None else optimal, "horizon": 100,
        "diverged_at": None, **more,
    }  # fmt: skip


def summarise(rows, cell=T2):
    return tables.summarise_table1(rows)[CELLS.index(cell)]


def make_paper_rows(seeds=20):
    """Rows that have just the paper's numbers, every seed the same."""
    papers = [(seed, *paper) for paper in tables.PAPER_NUMBERS["table1"] for seed in range(seeds)]
    return [make_row(seed, accuracy, error=error, cell=cell) for seed, *cell, accuracy, error in papers]


def describe(rows):
    return tables.describe_table1(tables.summarise_table1(rows))


@pytest.mark.parametrize(("claim", "name"), [("twm.table1.acc", "paper_accuracy"), ("twm.table1.mae", "paper_error")])
def test_the_papers_numbers_are_those_of_the_ledger(claim, name):
    (text,) = [row.paper for row in read_ledger() if row.id == claim]
    found = []
    for line in re.sub(r"\(.*\)", "", text).split(";"):
        _, *numbers = line.replace("|", " ").split()
        found += [None if number == "-" else float(number) for number in numbers]
    cells = tables.summarise_table1([])
    assert [(cell.task, cell.hidden, cell.l2) for cell in cells] == CELLS and len(found) == len(CELLS)
    assert [getattr(cell, name) for cell in cells] == found
    # And these cells are what the sweep trains.
    assert {(plan.task, plan.hidden, plan.l2) for plan in SWEEPS["table1"].list_plans("cpu", [0])} == set(CELLS)
    assert len(SWEEPS["table1"].seeds) == tables.PAPER_SEEDS


def test_a_seed_counts_once_with_the_better_of_its_two_thresholds():
    rows = [
        make_row(0, 0.80, 0.60, error=0.010, optimal=0.009), make_row(0, 0.90, 0.50, error=0.030, optimal=0.020, threshold=0.9),
        make_row(1, 1.00, 0.70), make_row(1, 0.70, 0.70, error=0.002, threshold=0.9), make_row(2, 0.60, 0.55),
    ]  # fmt: skip
    # Rows of other tasks and sizes are left out.
    others = [("T2", 128, 0.0), ("repeat-copy:3,2", 64, 0.0), ("T2", 32, 0.0), ("T2", 64, 0.5)]
    rows += [make_row(9, 0.10, 0.10, error=9.0, cell=cell) for cell in others]
    assert [cell.seeds for cell in tables.summarise_table1(iter(rows))].count(0) == 22
    cell = summarise(rows[::-1])
    assert (cell.seeds, cell.both) == (3, 2) and cell.accuracies.tolist() == [0.90, 1.00, 0.60]
    assert cell.accuracy.value == pytest.approx(2.5 / 3)
    # Accuracy, final accuracy and error are each the better of the two runs, whichever that is.
    assert cell.accuracy_final.value == pytest.approx((0.60 + 0.70 + 0.55) / 3)
    # The mean error is over the seeds that have one.
    assert cell.errors.tolist() == [0.010, 0.002] and cell.equal_rank == 2
    assert cell.error.value == pytest.approx(0.006) and cell.error_optimal.value == pytest.approx(0.0055)


@pytest.mark.parametrize(("cell", "name", "verdicts"), [
    (T2, "error", {0.0075: True, 0.0224: True, 0.0226: False, 0.00251: True, 0.00249: False, None: False}),
    (("T1", 64, 0.0), "error", {None: True, 0.0001: False}),
    (("T2", 64, 0.001), "best", {0.85: True, 0.8: True, 0.799: False, 0.899: True, 0.901: False}),
])  # fmt: skip
def test_errors_agree_within_a_factor_three_and_accuracies_within_five_hundredths(cell, name, verdicts):
    half = {"error": "error_agrees", "best": "accuracy_agrees"}[name]
    assert {
        value: getattr(summarise([make_row(**{name: value}, cell=cell)], cell), half) for value in verdicts
    } == verdicts


def test_a_cell_is_settled_by_its_interval_not_by_its_mean():
    far = summarise([make_row(seed, 0.5) for seed in range(20)])
    assert far.accuracy_settled and not far.accuracy_agrees
    wide = summarise([make_row(0, 0.92), make_row(1, 1.0)])
    assert wide.accuracy_agrees and not wide.accuracy_settled and wide.accuracy.half_width > 0.1
    words = {(1, 0.0075): "both", (1, None): "accuracy", (0.8, 0.0075): "error", (0.8, None): "neither"}
    assert {key: summarise([make_row(0, key[0], error=key[1])]).verdict for key in words} == words
    empty = summarise([])
    assert (empty.accuracy_agrees, empty.error_agrees, empty.verdict) == (None, None, "no seed")
    assert not empty.accuracy_settled and not summarise([make_row()]).accuracy_settled


def test_the_papers_own_numbers_are_reproduced():
    found = describe(make_paper_rows())
    shared = {"cells": 24, "cells_of_table": 24, "least_seeds": 20, "least_both": 0, "agree": 24, "disagree": []}
    assert found["accuracy"].items() >= (shared | {"settled": 24, "final_agree": 24}).items()
    assert found["accuracy"]["largest_gap"] < 1e-12
    dashes = {"numbers": 12, "numbers_agree": 12, "dashes": 12, "dashes_agree": 12}
    assert found["error"].items() >= (shared | dashes).items() and found["error"]["largest_matching_gap"] == 0
    claims = {claim.id: claim for claim in read_ledger()}
    for claim, numbers in (("twm.table1.acc", found["accuracy"]), ("twm.table1.mae", found["error"])):
        assert judge_numbers(claims[claim], numbers)[0] == "reproduced"
    twice = [*make_paper_rows(2), *(row | {"threshold": 0.9} for row in make_paper_rows(2))]
    assert describe(twice)["accuracy"]["least_both"] == 2
    # Cells without seeds are no cells on record.
    for half in describe(row for row in make_paper_rows(3) if row["hidden"] == 64).values():
        assert (half["cells"], half["cells_of_table"], half["least_seeds"]) == (12, 24, 0)
    empty = describe([])
    assert empty["accuracy"]["agree"] == empty["error"]["agree"] == 0
    assert empty["accuracy"]["largest_gap"] == empty["error"]["largest_matching_gap"] == 0


def test_what_is_apart_is_counted_and_named():
    changes = {
        ("T4", 64, 0.0): {"accuracy_best": 0.5, "argument_error": None, "argument_error_optimal": None},
        ("T1", 128, 0.0): {"accuracy_best": 0.9, "accuracy_final": 0.4, "argument_error_optimal": 0.0002},
        ("T1", 64, 0.1): {"argument_error": 0.001, "argument_error_optimal": 0.001},
    }
    found = describe(row | changes.get((row["task"], row["hidden"], row["l2"]), {}) for row in make_paper_rows(2))
    # In the table's order.
    assert found["accuracy"]["disagree"] == ["T1 (128 neurons, L2 0)", "T4 (64 neurons, L2 0)"]
    assert found["accuracy"]["largest_gap"] == pytest.approx(0.44)
    assert (found["accuracy"]["agree"], found["accuracy"]["settled"], found["accuracy"]["final_agree"]) == (22, 22, 23)
    assert found["error"]["disagree"] == ["T1 (64 neurons, L2 0.1)", "T4 (64 neurons, L2 0)"]
    assert (found["error"]["numbers_agree"], found["error"]["dashes_agree"]) == (11, 11)
    assert found["error"]["largest_matching_gap"] == pytest.approx(0.0003)


def test_accurate_models_are_counted_without_the_bottleneck():
    bottleneck = [make_row(seed, 0.99, error=0.001, cell=("T1", 64, 0.0)) for seed in (0, 1)]
    rows = [
        make_row(0, 0.95, error=0.02), make_row(1, 0.95, error=0.0201), make_row(2, 0.95),
        make_row(3, 0.94, error=0.001),
    ]  # fmt: skip
    rows += [make_row(error=0.001, cell=cell) for cell in (("T1", 128, 0.0), ("T2", 64, 0.1))]
    assert tables.count_converged(bottleneck) == {"accurate": 0, "equal_rank": 0, "converged": 0}
    assert tables.count_converged([*rows, *bottleneck]) == {"accurate": 5, "equal_rank": 4, "converged": 3}


def test_failures_are_sorted_by_how_they_came_about():
    good = [make_row(0, 1.0), make_row(1, 0.95, final=0.901), make_row(2, 0.941)]
    bad = {
        "learns nothing": make_row(3, 0.51, horizon=10), "stays at the first horizon": make_row(4, 0.88, horizon=10),
        "learns a part": make_row(5, 0.88, horizon=40), "falls and ends low": make_row(6, 1.0, final=0.74),
        "diverges": make_row(7, 1.0, final=0.5, diverged_at=900),
    }  # fmt: skip
    assert tables.sort_failures([*good, *bad.values()]) == {kind: [row] for kind, row in bad.items()}
    assert tables.sort_failures(good) == {}
