"""What the outputs of a linear system can tell about its state, and the smaller system that is left."""

from dataclasses import dataclass

import numpy as np

from twm.errors import require, require_count


@dataclass(frozen=True)
class Observable:
    """A linear system on its observable quotient: from ``projection @ state`` it gives the outputs of the whole."""

    operator: np.ndarray  # (rank, rank)
    readout: np.ndarray  # (outputs, rank)
    projection: np.ndarray  # (rank, size), orthonormal rows
    coordinates: tuple[int, ...] | None  # increasing, where the quotient is a set of them, as for every selection task
    rank: int


def observability_matrix(readout: np.ndarray, operator: np.ndarray, steps: int | None = None) -> np.ndarray:
    """Stack what the readout (outputs, size) sees after 0, 1, ... steps: blocks R A^k, by default ``size`` of them."""
    blocks, operator = _check_system(readout, operator)
    blocks, steps = [blocks], len(operator) if steps is None else require_count(steps, "steps")
    for _ in range(steps - 1):
        blocks.append(blocks[-1] @ operator)
    return np.concatenate(blocks)


def reduce_observable(readout: np.ndarray, operator: np.ndarray, tolerance: float = 1e-10) -> Observable:
    """Reduce a linear system, (outputs, size) and (size, size), to what its outputs depend on.

    The row space of the observability matrix is grown one step at a time on orthonormal rows, since in a stack of
    powers growing directions hide the others. Singular values below ``tolerance`` times the operator's norm are zero.
    Source: twm Fig. 4, "optimized basis"; the paper does not define it.
    """
    readout, operator = _check_system(readout, operator)
    rows = fresh = _find_row_space(readout, tolerance * np.linalg.norm(readout, 2))
    while len(fresh) and len(rows) < len(operator):
        moved = fresh @ operator
        # Projected out twice: what once leaves, rounding times the norm, is enough to count a direction twice.
        for _ in range(2):
            moved = moved - (moved @ rows.T) @ rows
        fresh = _find_row_space(moved, tolerance * np.linalg.norm(operator, 2))
        rows = np.concatenate([rows, fresh])
    # A row space is spanned by unit vectors exactly if the lengths of the unit vectors projected on it are 0 or 1.
    lengths, coordinates = (rows**2).sum(axis=0), None
    if np.abs(lengths - (lengths > 0.5)).max() < 1e-8:
        coordinates = tuple(np.flatnonzero(lengths > 0.5).tolist())
        rows = np.eye(len(operator))[list(coordinates)]
    return Observable(rows @ operator @ rows.T, readout @ rows.T, rows, coordinates, len(rows))


def check_square(operator: np.ndarray) -> np.ndarray:
    """Return an operator as an array; refuse what is no square matrix."""
    operator = np.asarray(operator)
    square = operator.ndim == 2 and operator.shape[0] == operator.shape[1] > 0
    require(square, f"an operator must be a square matrix, not of shape {operator.shape}")
    return operator


def _find_row_space(matrix: np.ndarray, threshold: float) -> np.ndarray:
    _, values, rows = np.linalg.svd(matrix, full_matrices=False)
    return rows[values > threshold]


def _check_system(readout: np.ndarray, operator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    readout, operator = np.asarray(readout, dtype=float), check_square(np.asarray(operator, dtype=float))
    fits = readout.ndim == 2 and readout.shape[1] == len(operator)
    require(fits, f"the readout must be of shape (outputs, {len(operator)}), not {readout.shape}")
    require(bool(np.isfinite(readout).all() and np.isfinite(operator).all()), "the system has NaN or infinite entries")
    require(bool(readout.any()), "the readout is zero: nothing is observable")
    return readout, operator
