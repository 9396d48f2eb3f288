"""Variables, and the products of variables that a nonlinear boundary uses, decoded from and written to a network's states.

A boundary on signs is a sum of products of components, and is therefore linear in these products. On the lattice, a product
moves one column per step, as its factors do, and enters together with its newest factor."""

from collections.abc import Sequence

import numpy as np

from twm.analysis.interventions import Intervention
from twm.analysis.systems import ElmanSystem
from twm.theory.rules import expand_rule
from twm.theory.systems import HDS, rollout



def list_products(task: HDS) -> list[tuple[int, ...]]:
    """List the products of a window's components that f uses, now or at later steps, as flattened positions."""
    terms = {term for terms in expand_rule(task.boundary) for term in terms if len(term) > 1}
    moved = {tuple(place + ahead * task.dim for place in term) for term in terms for ahead in range(task.history)}
    return sorted(term for term in moved if max(term) < task.size)


def lift_windows(windows: np.ndarray, products: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Return the components of windows (..., s, d), then their products: (..., s*d + products)."""
    x = windows.reshape(*windows.shape[:-2], -1)
    return np.concatenate([x, *(x[..., list(term)].prod(-1, keepdims=True) for term in products)], -1)


def fit_linear(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Fit targets (count, m) = inputs (count, n) @ A + b by least squares; returns A above b, (n + 1, m)."""
    return np.linalg.lstsq(np.column_stack([inputs, np.ones(len(inputs))]), targets, rcond=1e-9)[0]


def swap_column(
    system: ElmanSystem, task: HDS, states: np.ndarray, windows: np.ndarray, column: int, fitted: np.ndarray,
    products: Sequence[tuple[int, ...]] = (), steps: int | None = None,
) -> Intervention:  # fmt: skip
    """Give each run at one step the column of the run before it, and the products that change with it, along the directions
    ``fitted`` (components + products + 1, hidden); run on for ``steps`` steps, by default three periods."""
    steps, swapped = 3 * task.history if steps is None else steps, windows.copy()
    swapped[:, column] = np.roll(windows[:, column], 1, 0)
    moved = states + (lift_windows(swapped, products) - lift_windows(windows, products)) @ fitted[:-1]
    after, before = (rollout(task, each, steps)[:, task.history :].swapaxes(0, 1) for each in (swapped, windows))
    return Intervention(after, before, system.read(system.run(moved, steps)))
