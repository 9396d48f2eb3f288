"""What the outputs of a linear system can tell about its state, and the smaller system that is left."""

from dataclasses import dataclass

import numpy as np

from twm.errors import require, require_count


@dataclass(frozen=True)
class Observable:
    """A linear system on its observable quotient.

    Attributes:
        operator: (rank, rank).
        readout: (outputs, rank).
        projection: (rank, size), from a state to its observable part. The outputs from ``state`` are those of the
            small system from ``projection @ state``.
        coordinates: the observable coordinates in increasing order where the quotient is a set of coordinates, as for
            every selection task; else ``None``, and ``projection`` has orthonormal rows.
        rank: dimension of the observable quotient.
    """

    operator: np.ndarray
    readout: np.ndarray
    projection: np.ndarray
    coordinates: tuple[int, ...] | None
    rank: int


def observability_matrix(readout: np.ndarray, operator: np.ndarray, steps: int | None = None) -> np.ndarray:
    """Stack what the readout sees after 0, 1, 2, ... steps.

    Args:
        readout: (outputs, size).
        operator: (size, size).
        steps: number of blocks; ``size`` if not given, which is always enough.

    Returns:
        (steps*outputs, size), block k being ``readout @ operator**k``.

    Raises:
        UserError: if the shapes do not fit or steps is below 1.
    """
    readout, operator = _check_system(readout, operator)
    steps = len(operator) if steps is None else require_count(steps, "steps")
    blocks = [readout]
    for _ in range(steps - 1):
        blocks.append(blocks[-1] @ operator)
    return np.concatenate(blocks)


def reduce_observable(readout: np.ndarray, operator: np.ndarray, tolerance: float = 1e-10) -> Observable:
    """Reduce a linear system to what its outputs depend on.

    The row space of the observability matrix is grown one step at a time on orthonormal rows in float64. Stacking
    powers and taking the rank of the stack would let growing directions hide the others.

    Args:
        readout: (outputs, size).
        operator: (size, size).
        tolerance: singular values below this share of the operator's (at the start, the readout's) norm count as zero.

    Returns:
        the reduced system.

    Raises:
        UserError: if the shapes do not fit or the readout is zero.

    Source: twm Fig. 4, "optimized basis"; the paper does not define it.
    """
    readout, operator = _check_system(readout, operator)
    rows = _row_space(readout, tolerance * np.linalg.norm(readout, 2))
    fresh, threshold = rows, tolerance * np.linalg.norm(operator, 2)
    while len(fresh) and len(rows) < len(operator):
        moved = fresh @ operator
        # Projected out twice: once leaves a remainder of the size of rounding times the norm, which is enough to
        # count a direction twice.
        for _ in range(2):
            moved = moved - (moved @ rows.T) @ rows
        fresh = _row_space(moved, threshold)
        rows = np.concatenate([rows, fresh])
    coordinates = _find_coordinates(rows)
    if coordinates is not None:
        rows = np.eye(len(operator))[list(coordinates)]
    return Observable(rows @ operator @ rows.T, readout @ rows.T, rows, coordinates, len(rows))


def _row_space(matrix: np.ndarray, threshold: float) -> np.ndarray:
    _, values, rows = np.linalg.svd(matrix, full_matrices=False)
    return rows[values > threshold]


def _find_coordinates(rows: np.ndarray) -> tuple[int, ...] | None:
    # A row space is spanned by unit vectors exactly if the lengths of the unit vectors projected on it are 0 or 1.
    lengths = (rows**2).sum(axis=0)
    inside = lengths > 0.5
    is_set = np.abs(lengths - inside).max() < 1e-8
    return tuple(int(place) for place in np.flatnonzero(inside)) if is_set else None


def _check_system(readout: np.ndarray, operator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    readout, operator = np.asarray(readout, dtype=float), np.asarray(operator, dtype=float)
    square = operator.ndim == 2 and operator.shape[0] == operator.shape[1] > 0
    require(square, f"an operator must be a square matrix, not of shape {operator.shape}")
    fits = readout.ndim == 2 and readout.shape[1] == len(operator)
    require(fits, f"the readout must be of shape (outputs, {len(operator)}), not {readout.shape}")
    require(bool(np.isfinite(readout).all() and np.isfinite(operator).all()), "the system has NaN or infinite entries")
    require(bool(readout.any()), "the readout is zero: nothing is observable")
    return readout, operator
