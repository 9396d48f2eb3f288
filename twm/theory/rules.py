"""Nonlinear boundaries on states of -1 and 1: each output reads a few components of the window through a truth table.

Theorem 3.1 holds for any f, whereas the paper's tasks are linear. A table for k components has 2^k values. Its value ``index``
is for windows in which exactly the components whose bit of ``index`` is set are +1; the first component has the lowest bit."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from twm.errors import require, require_count

#: Number of components that a rule reads, and its function from (components, ...) to (...). ``threshold`` counts its first
#: component twice; rule 110 reads a cell, its left and its right neighbour.
RULES: dict[str, tuple[int, Callable[[np.ndarray], np.ndarray]]] = {
    "copy": (1, lambda v: v[0]),
    "majority": (3, lambda v: np.sign(v.sum(0))),
    "threshold": (4, lambda v: np.sign(v[0] + v.sum(0))),
    "and": (2, lambda v: v.min(0)),
    "xor": (2, lambda v: -v.prod(0)),
    "parity": (3, lambda v: v.prod(0)),
    "rule110": (3, lambda v: 2 * (110 >> ((v[[1, 0, 2]] > 0) * [[4], [2], [1]]).sum(0) & 1) - 1),
}


@dataclass(frozen=True, eq=False)
class RuleBoundary:
    """f(window)_i = tables[i, index of the components at positions[i]]."""

    positions: np.ndarray  # (d, k) into the flattened window
    tables: np.ndarray  # (d, 2^k) of -1 and 1

    def __call__(self, window: Any) -> Any:
        if hasattr(window, "new_tensor"):
            return window.new_tensor(self(window.cpu().numpy()))
        read = window.reshape(*window.shape[:-2], -1)[..., self.positions] > 0
        index = read @ (1 << np.arange(self.positions.shape[1])) + self.tables.shape[1] * np.arange(len(self.tables))
        return self.tables.ravel()[index].astype(window.dtype)


def decode_signs(codes: Any, count: int) -> np.ndarray:
    """Return the signs that integers (n,) encode, (n, count) int8: 1 where the bit of that index is set, else -1."""
    return (2 * (np.asarray(codes)[:, None] >> np.arange(count) & 1) - 1).astype(np.int8)


def draw_rule(names: str, history: int, dim: int, seed: int) -> RuleBoundary:
    """Draw a boundary whose outputs follow a rule such as "majority" or alternate ("copy+xor"), the same on every machine.

    Every output reads its own component of the oldest column and others from anywhere, with a random sign. For rule 110 that
    component is the cell, the neighbours' columns are random, and the sign is kept."""
    chosen, size = names.split("+"), require_count(history, "history") * require_count(dim, "dim")
    odd = [name for name in chosen if name not in RULES]
    require(not odd, f"unknown rule {(odd or [''])[0]!r}: choose from {', '.join(RULES)}, several joined by +")
    width = max(RULES[name][0] for name in chosen)
    fits = width <= size and (dim > 2 or "rule110" not in chosen)
    require(fits, f"{names} reads {width} components, for rule110 of three cells, and the window is {history} x {dim}")
    draw = random.Random(f"rule {names} {history} {dim} {require_count(seed, 'seed', 0)}").random
    order = sorted(range(dim), key=[draw() for _ in range(dim)].__getitem__)
    points, positions, tables = decode_signs(range(2**width), width).T, [], []
    for output in range(dim):
        arity, rule = RULES[chosen[output % len(chosen)]]
        first, sign, keys = order[output], 1 if draw() < 0.5 else -1, [draw() for _ in range(size)]
        others = sorted(set(range(size)) - {first}, key=keys.__getitem__)[: arity - 1]
        if chosen[output % len(chosen)] == "rule110":
            sides = (output - 1) % dim, (output + 1) % dim
            first, sign, others = output, 1, [int(key * history) * dim + side for key, side in zip(keys, sides)]
        # A rule that reads fewer components than the widest one is padded with its first, which its table ignores.
        positions.append([first, *others, *[first] * (width - arity)])
        tables.append(sign * rule(points[:arity].astype(int)))
    return RuleBoundary(np.array(positions), np.array(tables, dtype=float))


def find_parity(boundary: RuleBoundary) -> str:
    """Return "odd" if f(-x) = -f(x) for all windows, "even" if f(-x) = f(x) for all, else "neither"."""
    # In a table the index of the opposite components counts from the other end.
    tables, mirrored = boundary.tables, boundary.tables[:, ::-1]
    return "odd" if (mirrored == -tables).all() else "even" if (mirrored == tables).all() else "neither"


def expand_rule(boundary: RuleBoundary) -> list[dict[tuple[int, ...], float]]:
    """Expand each output into products of components: coefficients, keyed by the positions multiplied. Source: Walsh."""
    points, found = decode_signs(range(boundary.tables.shape[1]), boundary.positions.shape[1]), []
    for places, table in zip(boundary.positions, boundary.tables):
        weights = ((on, (table * points[:, on].prod(1)).mean()) for on in points > 0)
        found.append({tuple(sorted(places[on].tolist())): float(weight) for on, weight in weights if weight})
    return found
