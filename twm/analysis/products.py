"""Variables, and the products that a nonlinear boundary makes of them, in a network's states: read, and written.

A boundary on signs is a sum of products of components. Written in these it is linear, on a lattice that carries products
beside the variables: a product moves one column a step as its factors do, and is new when its newest factor is.
"""

from collections.abc import Sequence

import numpy as np

from twm.analysis.interventions import Intervention
from twm.analysis.systems import ElmanSystem
from twm.streams import binary_inputs_numpy
from twm.theory.rules import expand_rule
from twm.theory.systems import HDS, rollout, window_states

Products = Sequence[tuple[int, ...]]


def list_products(task: HDS) -> list[tuple[int, ...]]:
    """List what f multiplies, now or in later steps, of a window's components, by their flattened positions."""
    terms = {term for terms in expand_rule(task.boundary) for term in terms if len(term) > 1}
    moved = {tuple(place + ahead * task.dim for place in term) for term in terms for ahead in range(task.history)}
    return sorted(term for term in moved if max(term) < task.size)


def lift_windows(windows: np.ndarray, products: Products) -> np.ndarray:
    """Return the components of windows (..., s, d), then their products: (..., s*d + products)."""
    x = windows.reshape(*windows.shape[:-2], -1)
    return np.concatenate([x, *(x[..., list(term)].prod(-1, keepdims=True) for term in products)], -1)


def fit_linear(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Fit targets (count, m) = inputs (count, n) @ A + b by least squares; returns A above b, (n + 1, m)."""
    return np.linalg.lstsq(np.column_stack([inputs, np.ones(len(inputs))]), targets, rcond=1e-9)[0]


def explain_fresh(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return R^2 (m,) in the second half of the runs of a linear fit to the first; 1 for what is constant there."""
    half = len(inputs) // 2
    fitted, y = fit_linear(inputs[:half], targets[:half]), targets[half:]
    errors = ((inputs[half:] @ fitted[:-1] + fitted[-1] - y) ** 2).mean(0)
    return 1 - errors / np.where(y.var(0) > 0, y.var(0), np.inf)


def run_rule(system: ElmanSystem, task: HDS, count: int, steps: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Run a network on ``count`` histories; states (steps + 1, count, hidden) and windows (steps + 1, count, s, d) from the
    end of the input phase on."""
    initial = binary_inputs_numpy(f"{task.name}/analysis", seed, 0, count, (task.history, task.dim))
    states = system.run(np.zeros((count, system.hidden)), steps, initial.swapaxes(0, 1))[task.history - 1 :]
    return states, window_states(rollout(task, initial, steps), task.history)


def swap_column(
    system: ElmanSystem, task: HDS, states: np.ndarray, windows: np.ndarray, column: int, fitted: np.ndarray,
    products: Products = (), steps: int | None = None,
) -> Intervention:  # fmt: skip
    """Give each run of one step the column of the run before it, and the products that follow, along the directions
    ``fitted`` (components + products + 1, hidden); watch for three laps, or some steps."""
    steps, swapped = 3 * task.history if steps is None else steps, windows.copy()
    swapped[:, column] = np.roll(windows[:, column], 1, 0)
    moved = states + (lift_windows(swapped, products) - lift_windows(windows, products)) @ fitted[:-1]
    after, before = (rollout(task, each, steps)[:, task.history :].swapaxes(0, 1) for each in (swapped, windows))
    return Intervention(after, before, system.read(system.run(moved, steps)))
