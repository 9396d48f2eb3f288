"""Laws of nonlinear boundaries: truth tables, products, histories that merge, odd networks, swaps on exact networks."""

import itertools

import numpy as np
import pytest
import torch

from tests.conftest import refusals
from twm.analysis.products import fit_linear, lift_windows, list_products, swap_column
from twm.analysis.systems import ElmanSystem
from twm.errors import UserError
from twm.models.elman import read_weights
from twm.theory.systems import decode_windows, list_successors, measure_influence, merge_histories
from twm.theory.rules import RULES, draw_rule, expand_rule, find_parity
from twm.theory.systems import parse_task, rollout
from twm.training.ensemble import Ensemble
from twm.training.loop import train_model
from twm.training.plans import ModelPlan
from twm.training.runner import make_sweep_place, record_models
from twm.training.sweeps import SWEEPS
from twm.training.trainer import RulePlan

RULE_110 = {(1, 1, 1): 0, (1, 1, 0): 1, (1, 0, 1): 1, (1, 0, 0): 0, (0, 1, 1): 1, (0, 1, 0): 1, (0, 0, 1): 1, (0, 0, 0): 0}
# What each rule makes of the components that it reads, written otherwise than in the library.
MEANINGS = {
    "copy": lambda v: v[0], "majority": lambda v: sorted(v)[1],
    "threshold": lambda v: 1 if [v[0], *v].count(1) >= 3 else -1, "and": lambda v: 1 if v[0] == v[1] == 1 else -1,
    "xor": lambda v: 1 if v[0] != v[1] else -1, "parity": lambda v: -1 if list(v).count(-1) % 2 else 1,
    "rule110": lambda v: 2 * RULE_110[tuple((side + 1) // 2 for side in (v[1], v[0], v[2]))] - 1,
}  # fmt: skip
NAMES = [f"{kind}:{size},{draw}" for kind in (*RULES, "copy+xor", "and+majority") for size in ("4,2", "3,3") for draw in (0, 7)]
NAMES = [name for name in NAMES if not name.startswith("rule110:4,2")]  # two cells have no two neighbours


def list_windows(task):
    return np.array(list(itertools.product((-1.0, 1.0), repeat=task.size))).reshape(-1, task.history, task.dim)


@pytest.mark.parametrize("name", NAMES)
def test_a_boundary_follows_its_rule_and_is_the_sum_of_its_products(name):
    task = parse_task(name)
    assert task.name == name and parse_task(name).boundary.positions.tolist() == task.boundary.positions.tolist()
    windows, kinds = list_windows(task), name.split(":")[0].split("+")
    outputs, x = task.boundary(windows), windows.reshape(len(windows), -1)
    for output, places in enumerate(task.boundary.positions):
        kind = kinds[output % len(kinds)]
        expected = np.array([MEANINGS[kind](window[places[: RULES[kind][0]]].astype(int)) for window in x])
        signs = set((outputs[:, output] * expected).tolist())
        assert signs == {1.0} or (signs == {-1.0} and kind != "rule110")
        terms = expand_rule(task.boundary)[output]
        assert np.allclose(outputs[:, output], sum(weight * x[:, list(term)].prod(1) for term, weight in terms.items()))
    assert sorted(task.boundary.positions[:, 0]) == list(range(task.dim)), "each output has its own oldest component"
    for dtype in (np.int8, np.float32):
        assert task.boundary(windows.astype(dtype)).dtype == dtype
    assert torch.equal(task.boundary(torch.tensor(windows)), torch.tensor(outputs))
    opposite = task.boundary(-windows)
    parity = "odd" if (opposite == -outputs).all() else "even" if (opposite == outputs).all() else "neither"
    assert find_parity(task.boundary) == parity


def test_the_draw_depends_on_every_part_of_the_name():
    def draw(*parts):
        rule = draw_rule(*parts)
        return rule.positions.tolist(), rule.tables.tolist()

    assert all(draw("majority", 5, 4, 0) != draw(*other) for other in (("majority", 5, 4, 1), ("parity", 5, 4, 0), ("majority", 5, 3, 0)))
    assert draw("rule110", 4, 3, 0) != draw("rule110", 4, 3, 1)


test_what_is_no_rule_or_too_large_is_refused = refusals(
    (lambda: parse_task("majority:1,2,0"), "majority reads 3 components.* and the window is 1 x 2"),
    (lambda: parse_task("rule110:4,2,0"), "three cells, and the window is 4 x 2"),
    (lambda: parse_task("majority+nand:3,2,0"), "unknown rule 'nand'"), (lambda: parse_task("xor:3,2"), "xor takes 3 whole"),
    (lambda: parse_task("nand:3,2,0"), "unknown task 'nand:3,2,0'"),
    (lambda: list_successors(parse_task("majority:6,4,0")), "24 components are too many"),
)  # fmt: skip


@pytest.mark.parametrize("name", [name for name in NAMES if "3,3" in name])
def test_histories_are_told_apart_by_their_outputs_as_often_as_windows_are_left(name):
    task = parse_task(name)
    windows = decode_windows(np.arange(2**task.size), task)
    outputs = rollout(task, windows, 4 * task.history)[:, task.history :].reshape(len(windows), -1)
    successors = list_successors(task)
    left = merge_histories(successors, task.history)
    assert len(left[-1]) == len({row.tobytes() for row in outputs})
    assert (decode_windows(successors, task) == rollout(task, windows, 1)[:, 1:]).all()
    influence = measure_influence(successors, task)
    for column, place in itertools.product(range(task.history), range(task.dim)):
        flipped = windows.copy()
        flipped[:, column, place] *= -1
        other = rollout(task, flipped, 4 * task.history)[:, task.history :].reshape(len(windows), -1)
        assert influence[column, place] == (other != outputs).any(1).mean()


def make_ahead(task, gain=20.0):
    """Make a network of signs on xor, f = c ab, with two more neurons that hold and(a, b) and and(-a, -b) of the window."""
    n, c = task.size, -task.boundary.tables[0, 1]
    # The next window's components as rows on the state, with a constant last: ab is the sum of the two neurons, plus 1.
    coming = np.eye(n, n + 3, k=1)
    coming[n - 1, n:] = c, c, c
    a, b = coming[task.boundary.positions[0]]
    one = np.eye(n + 3)[-1]
    rows = gain * np.stack([*coming, a + b - one, -a - b - one])
    return ElmanSystem(rows[:, :-1], np.zeros((n + 2, 1)), np.eye(n + 2)[[n - 1]], rows[:, -1])


def test_a_swap_needs_the_products_where_the_boundary_is_computed_ahead():
    task = parse_task("xor:4,1,1")
    windows = list_windows(task)[np.random.default_rng(0).integers(0, 16, 200)]
    system, products = make_ahead(task), list_products(task)
    a, b = windows.reshape(200, 4)[:, task.boundary.positions[0]].T
    states = np.column_stack([windows[..., 0], np.minimum(a, b), np.minimum(-a, -b)])
    assert (np.sign(system.read(system.run(states, 9))) == rollout(task, windows, 9)[:, 4:].swapaxes(0, 1)).all()
    first = tuple(sorted(task.boundary.positions[0].tolist()))
    assert first in products and all(len(term) == 2 and max(term) < task.size for term in products)
    plain, both = (fit_linear(lift_windows(windows, some), states) for some in ((), products))
    done = swap_column(system, task, states, windows, 0, both, products)
    assert done.must_change.any() and done.changed == done.unchanged == 1
    assert swap_column(system, task, states, windows, 0, plain).changed < 0.6


def test_networks_on_rules_are_trained_named_and_kept_with_their_biases(clone):
    small = {"hidden": 16, "iterations": 40, "horizons": (3, 5), "test_every": 20, "test_count": 16, "test_horizon": 8}
    plans = [RulePlan(task="and:3,2,0", model=kind, **small) for kind in ("elman", "elman-bias")]
    names = {plan.name for sweep in SWEEPS.values() if sweep.protocol == "rules" for plan in sweep.list_plans()}
    assert "xor-3-2-0_h64_l2-0_s1_bias" in names and "xor-3-2-0_h64_l2-0_s1" in names
    trained, place = [train_model(plan) for plan in plans], make_sweep_place("tiny", protocol="rules")
    record_models(place, trained, plans)
    rows = place.table.read()
    assert [row["network"] for row in rows] == ["elman", "elman-bias"] and all(0 <= row["accuracy"] <= 1 for row in rows)
    kept = [read_weights(place.networks / f"{plan.name}.safetensors")[0] for plan in plans]
    assert ["bias_hh_l0" in weights for weights in kept] == [False, True]
    with pytest.raises(UserError, match="cannot be trained"):
        Ensemble.check([ModelPlan("and:3,2,0")])
