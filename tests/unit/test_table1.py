"""Table 1: the paper's numbers are those of the ledger, and ours are summarised as the paper summarised its own."""

import re
from dataclasses import replace

import pytest
from twm.book.ledger import judge_numbers, read_ledger
from twm.training import tables as table1
from twm.training.sweeps import SWEEPS
from twm.training.tables import Mean

CELLS = [(task, hidden, l2) for task in ("T1", "T2", "T3", "T4") for hidden in (64, 128) for l2 in (0.0, 0.001, 0.1)]


def make_row(seed=0, best=1.0, final=None, error=None, optimal=None, rank=36, threshold=0.98, cell=("T2", 64, 0.0)):
    task, hidden, l2 = cell
    return {
        "model": f"{task}_{hidden}_{l2}_{seed}_{threshold}", "task": task, "hidden": hidden, "l2": l2, "seed": seed,
        "threshold": threshold, "accuracy_best": best, "accuracy_final": best if final is None else final,
        "argument_error": error, "argument_error_optimal": error if optimal is None else optimal, "rank_network": rank,
        "rank_theory": 64 if task == "T1" else 36, "horizon": 100, "diverged_at": None,
    }  # fmt: skip


def summarise(rows, cell=("T2", 64, 0.0)):
    (found,) = [c for c in table1.summarise_table1(rows) if (c.task, c.hidden, c.l2) == cell]
    return found


def make_paper_rows(seeds=20):
    """Rows that have just the paper's numbers, every seed the same."""
    rows = []
    for cell in CELLS:
        accuracy, error = table1.get_paper_cell(*cell)
        rows += [make_row(seed, accuracy, error=error, cell=cell) for seed in range(seeds)]
    return rows


# ---- the paper's numbers


@pytest.mark.parametrize(("claim", "place"), [("twm.table1.acc", 0), ("twm.table1.mae", 1)])
def test_the_papers_numbers_are_those_of_the_ledger(claim, place):
    (text,) = [row.paper for row in read_ledger() if row.id == claim]
    found = {}
    for line in re.sub(r"\(.*\)", "", text).split(";"):
        task, *numbers = line.replace("|", " | ").split()
        assert numbers.index("|") == 3 and len(numbers) == 7
        values = [None if number == "-" else float(number) for number in numbers if number != "|"]
        found |= {(task, hidden, l2): values[3 * (hidden == 128) + i] for hidden in (64, 128) for i, l2 in enumerate((0.0, 0.001, 0.1))}  # fmt: skip
    assert found == {cell: table1.get_paper_cell(*cell)[place] for cell in CELLS}


def test_cells_are_in_the_papers_order_and_the_sweeps():
    cells = table1.summarise_table1([])
    assert [(cell.task, cell.hidden, cell.l2) for cell in cells] == CELLS
    assert {(plan.task, plan.hidden, plan.l2) for plan in SWEEPS["table1"].list_plans("cpu", [0])} == set(CELLS)
    assert len(SWEEPS["table1"].seeds) == table1.PAPER_SEEDS
    assert [(cell.paper_accuracy, cell.paper_error) for cell in cells] == [table1.get_paper_cell(*c) for c in CELLS]
    assert cells[1].name == "T1 (64 neurons, L2 0.001)"


# ---- best-of


def test_a_seed_counts_once_with_the_better_of_its_two_thresholds():
    rows = [
        make_row(0, 0.80, 0.60, error=0.010, optimal=0.009, rank=36, threshold=0.98),
        make_row(0, 0.90, 0.50, error=0.030, optimal=0.020, rank=40, threshold=0.90),
        make_row(1, 1.00, 0.70, error=None, rank=30, threshold=0.98),
        make_row(1, 0.70, 0.70, error=0.002, optimal=0.002, rank=36, threshold=0.90),
        make_row(2, 0.60, 0.55, error=None, rank=12, threshold=0.98),
        make_row(9, 0.10, 0.10, error=9.0, rank=1, cell=("T2", 128, 0.0)),
    ]
    cell = summarise(rows[::-1])
    assert cell.seeds == 3 and cell.accuracies == (0.90, 1.00, 0.60)
    assert cell.accuracy.value == pytest.approx(2.5 / 3) and cell.accuracy.count == 3
    # Accuracy, final accuracy and error are each the better of the two runs, whichever that is.
    assert cell.accuracy_final.value == pytest.approx((0.60 + 0.70 + 0.55) / 3)
    assert cell.errors == (0.010, 0.002) and cell.equal_rank == 2
    assert cell.error.value == pytest.approx(0.006) and cell.error_optimal.value == pytest.approx(0.0055)
    assert cell.ranks == (40, 30, 12)


def test_seeds_with_both_thresholds_are_counted():
    rows = [make_row(0), make_row(0, threshold=0.9), make_row(1), make_row(2)]
    found = summarise(rows)
    assert (found.seeds, found.both) == (3, 1)
    cells = table1.summarise_table1(
        [make_row(seed, cell=cell, threshold=value) for cell in CELLS for seed in (0, 1) for value in (0.9, 0.98)]
    )
    assert table1.describe_table1(cells)["accuracy"]["least_both"] == 2
    cells = table1.summarise_table1([make_row(seed, cell=cell) for cell in CELLS for seed in (0, 1)])
    assert table1.describe_table1(cells)["error"]["least_both"] == 0


def test_the_mean_error_is_over_the_seeds_that_have_one():
    cell = summarise([make_row(0, error=0.004), make_row(1), make_row(2)])
    assert (cell.seeds, cell.equal_rank, cell.error.value, cell.error.count) == (3, 1, 0.004, 1)


def test_rows_of_other_tasks_and_sizes_are_left_out():
    odd = [make_row(cell=("repeat-copy:3,2", 64, 0.0)), make_row(cell=("T2", 32, 0.0)), make_row(cell=("T2", 64, 0.5))]
    assert not any(cell.seeds for cell in table1.summarise_table1(odd))
    assert [cell.seeds for cell in table1.summarise_table1(iter([*odd, make_row()]))].count(1) == 1


# ---- whether they agree


@pytest.mark.parametrize(
    ("cell", "error", "agrees"),
    [
        (("T1", 64, 0.0), None, True),
        (("T1", 64, 0.0), 0.0001, False),
        (("T2", 64, 0.0), None, False),
        (("T2", 64, 0.0), 0.0075, True),
        (("T2", 64, 0.0), 0.0075 * 2.999, True),
        (("T2", 64, 0.0), 0.0075 * 3.001, False),
        (("T2", 64, 0.0), 0.0075 / 2.999, True),
        (("T2", 64, 0.0), 0.0075 / 3.001, False),
    ],
)
def test_errors_agree_within_a_factor_three_and_dashes_with_dashes(cell, error, agrees):
    assert summarise([make_row(error=error, cell=cell)], cell).error_agrees is agrees


@pytest.mark.parametrize(
    ("accuracy", "agrees"), [(0.85, True), (0.801, True), (0.799, False), (0.899, True), (0.901, False)]
)
def test_accuracies_agree_within_five_hundredths(accuracy, agrees):
    cell = ("T2", 64, 0.001)
    assert table1.get_paper_cell(*cell)[0] == 0.85
    found = summarise([make_row(best=accuracy, cell=cell)], cell)
    assert found.accuracy_agrees is agrees and found.accuracy_gap == pytest.approx(accuracy - 0.85)


def test_a_cell_is_settled_by_its_interval_not_by_its_mean():
    far = summarise([make_row(seed, 0.5) for seed in range(20)])
    assert far.accuracy_settled and not far.accuracy_agrees
    wide = summarise([make_row(0, 0.92), make_row(1, 1.0)])
    assert wide.accuracy_agrees and not wide.accuracy_settled and wide.accuracy.half_width > 0.1
    assert not summarise([make_row()]).accuracy_settled
    for width, settled in ((0.0999, True), (0.1001, False)):
        cell = replace(far, accuracy=Mean(0.9, 0.9 - width, 0.9 + width, 5))
        assert cell.accuracy_settled is settled


def test_a_cell_without_seeds_says_nothing():
    cell = summarise([])
    assert (cell.seeds, cell.equal_rank, cell.accuracies, cell.errors, cell.ranks) == (0, 0, (), (), ())
    assert cell.accuracy.value is None and cell.accuracy_gap is None
    assert cell.accuracy_agrees is None and cell.error_agrees is None and not cell.accuracy_settled


# ---- what it comes to


def test_the_papers_own_numbers_are_reproduced():
    found = table1.describe_table1(table1.summarise_table1(make_paper_rows()))
    shared = {"cells": 24, "cells_of_table": 24, "least_seeds": 20, "agree": 24, "disagree": []}
    assert found["accuracy"].items() >= (shared | {"settled": 24, "final_agree": 24}).items()
    assert found["accuracy"]["largest_gap"] < 1e-12
    dashes = {"numbers": 12, "numbers_agree": 12, "dashes": 12, "dashes_agree": 12}
    assert found["error"].items() >= (shared | dashes).items() and found["error"]["largest_matching_gap"] == 0
    claims = {claim.id: claim for claim in read_ledger()}
    for claim, numbers in (("twm.table1.acc", found["accuracy"]), ("twm.table1.mae", found["error"])):
        assert judge_numbers(claims[claim], numbers)[0] == "reproduced"


def test_what_is_apart_is_counted_and_named():
    rows = make_paper_rows(2)
    for row in rows:
        if (row["task"], row["hidden"], row["l2"]) == ("T4", 64, 0.0):
            row |= {"accuracy_best": 0.5, "argument_error": None, "argument_error_optimal": None}
        if (row["task"], row["hidden"], row["l2"]) == ("T1", 128, 0.0):
            row |= {"accuracy_best": 0.9, "accuracy_final": 0.4, "argument_error_optimal": 0.0002}
        if (row["task"], row["hidden"], row["l2"]) == ("T1", 64, 0.1):
            row |= {"argument_error": 0.001, "argument_error_optimal": 0.001}
    found = table1.describe_table1(table1.summarise_table1(rows))
    # In the table's order.
    assert found["accuracy"]["disagree"] == ["T1 (128 neurons, L2 0)", "T4 (64 neurons, L2 0)"]
    assert found["accuracy"]["largest_gap"] == pytest.approx(0.44)
    assert (found["accuracy"]["agree"], found["accuracy"]["settled"], found["accuracy"]["final_agree"]) == (22, 22, 23)
    assert found["error"]["disagree"] == ["T1 (64 neurons, L2 0.1)", "T4 (64 neurons, L2 0)"]
    assert (found["error"]["numbers_agree"], found["error"]["dashes_agree"]) == (11, 11)
    assert found["error"]["largest_matching_gap"] == pytest.approx(0.0003)


def test_cells_without_seeds_are_no_cells_on_record():
    rows = [row for row in make_paper_rows(3) if row["hidden"] == 64]
    found = table1.describe_table1(table1.summarise_table1([*rows, make_row(7, cell=("T2", 64, 0.0))]))
    for half in found.values():
        assert (half["cells"], half["cells_of_table"], half["least_seeds"]) == (12, 24, 0)
    assert found["error"]["numbers"] + found["error"]["dashes"] == 12
    empty = table1.describe_table1(table1.summarise_table1([]))
    assert empty["accuracy"]["cells"] == empty["accuracy"]["agree"] == empty["error"]["agree"] == 0
    assert empty["accuracy"]["largest_gap"] == empty["error"]["largest_matching_gap"] == 0
    balanced = table1.describe_table1(table1.summarise_table1(make_paper_rows(3)))
    assert balanced["accuracy"]["least_seeds"] == 3


# ---- accuracy goes with the spectrum


def test_accurate_models_are_counted_without_the_bottleneck():
    bottleneck = [make_row(seed, 0.99, error=0.001, cell=("T1", 64, l2)) for seed, l2 in enumerate((0.0, 0.001))]
    rows = [
        make_row(0, 0.95, error=0.02),
        make_row(1, 0.95, error=0.0201),
        make_row(2, 0.95),
        make_row(3, 0.94, error=0.001),
        make_row(4, 1.0, error=0.001, cell=("T1", 128, 0.0)),
        make_row(5, 1.0, error=0.001, cell=("T2", 64, 0.1)),
    ]
    assert table1.count_converged(bottleneck) == {"accurate": 0, "equal_rank": 0, "converged": 0}
    assert table1.count_converged([*rows, *bottleneck]) == {"accurate": 5, "equal_rank": 4, "converged": 3}
    assert table1.count_converged(rows, level=0.93) == {"accurate": 6, "equal_rank": 5, "converged": 4}
    assert table1.count_converged(rows, allowed=0.03) == {"accurate": 5, "equal_rank": 4, "converged": 4}


def test_failures_are_sorted_by_how_they_came_about():
    good = [make_row(0, 1.0), make_row(1, 0.95, final=0.901), make_row(2, 0.941)]
    bad = {
        "learns nothing": make_row(3, 0.51) | {"horizon": 10},
        "stays at the first horizon": make_row(4, 0.88) | {"horizon": 10},
        "learns a part": make_row(5, 0.88) | {"horizon": 40},
        "falls and ends low": make_row(6, 1.0, final=0.74),
        "diverges": make_row(7, 1.0, final=0.5) | {"diverged_at": 900},
    }
    assert list(bad) == list(table1.FAILURES)
    assert table1.sort_failures([*good, *bad.values()]) == {kind: [row] for kind, row in bad.items()}
    assert table1.sort_failures(good) == {}
    shorter = table1.sort_failures([bad["stays at the first horizon"]], first_horizon=4)
    assert list(shorter) == ["learns a part"]


def test_a_cell_says_in_a_word_which_half_agrees():
    cell = ("T2", 64, 0.0)
    accuracy, error = table1.get_paper_cell(*cell)
    for best, found, word in (
        (accuracy, error, "both"),
        (accuracy, None, "accuracy"),
        (accuracy - 0.2, error, "error"),
        (accuracy - 0.2, None, "neither"),
    ):
        assert summarise([make_row(0, best, error=found, cell=cell)]).verdict == word
    assert summarise([]).verdict == "no seed"
