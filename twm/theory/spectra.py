"""Similarity and spectra, told from ranks where eigenvalues computed in floating point cannot be trusted.

Does a trained network carry the wave that theory predicts? Its spectrum beside that of the wave operator.

Eigenvalues do not depend on the basis, so the spectrum of W_hh can be compared with that of Phi without knowing in
which basis the network hides its waves. What counts are the slow eigenvalues, |lambda| above a threshold: how many there
are (the rank), and their arguments, which say how far a wave turns in a step. Magnitudes are not compared: the tanh
shrinks a state, and trained networks make up for it with magnitudes above one.

Two ways of pairing arguments stand side by side. The paper's released protocol is greedy; the optimal assignment is the
least mean difference that any pairing can have. Where the counts differ there is no pairing, and the error is undefined
rather than large.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from twm.errors import require, require_count
from twm.theory.observability import reduce_observable
from twm.theory.operators import make_wave_operator
from twm.theory.systems import HDS


def similarity_error(recurrent: np.ndarray, columns: np.ndarray, wave_operator: np.ndarray) -> float:
    """Return the largest entry of ``W Psi - Psi Phi``, relative to the largest magnitude on either side.

    Zero means that the span of the basis is invariant and that W acts on it as Phi.

    Args:
        recurrent: W, (hidden, hidden).
        columns: Psi, (hidden, size).
        wave_operator: Phi, (size, size).

    Raises:
        UserError: if the shapes do not fit.

    Source: twm Sec. 3.1, 4.1.
    """
    recurrent, columns, wave_operator = np.asarray(recurrent), np.asarray(columns), np.asarray(wave_operator)
    hidden, size = columns.shape
    fits = recurrent.shape == (hidden, hidden) and wave_operator.shape == (size, size)
    require(fits, f"shapes do not fit: W {recurrent.shape}, basis {columns.shape}, wave operator {wave_operator.shape}")
    left, right = recurrent @ columns, columns @ wave_operator
    scale = max(np.abs(left).max(), np.abs(right).max())
    return float(np.abs(left - right).max() / (scale or 1.0))


def ranks_of_powers(operator: np.ndarray, count: int, tolerance: float = 1e-10) -> list[int]:
    """Return the ranks of the operator's powers 1 to ``count``.

    Each power acts on an orthonormal basis of the range of the one before, so that large and small eigenvalues do not
    drive one another out of float64, as they do in the powers themselves.

    Args:
        operator: (size, size).
        count: number of powers.
        tolerance: singular values below this share of the operator's norm count as zero.

    Raises:
        UserError: if the operator is not square or count is below 1.
    """
    operator = _check_square(operator)
    count = require_count(count, "count")
    scale = np.linalg.norm(operator, 2)
    span, ranks = np.eye(len(operator)), []
    for _ in range(count):
        left, values, _ = np.linalg.svd(operator @ span, full_matrices=False)
        rank = int((values > tolerance * scale).sum()) if scale else 0
        ranks.append(rank)
        if rank == span.shape[1]:
            # The range maps onto itself, so no further power can shrink it.
            return ranks + [rank] * (count - len(ranks))
        span = left[:, :rank]
    return ranks


def stable_rank(operator: np.ndarray, tolerance: float = 1e-10) -> int:
    """Return the rank that the operator's powers settle at: the number of eigenvalues other than zero.

    Args:
        operator: (size, size).
        tolerance: as in :func:`ranks_of_powers`.

    Raises:
        UserError: if the operator is not square.
    """
    operator = _check_square(operator)
    return ranks_of_powers(operator, len(operator), tolerance)[-1]


def nonzero_eigenvalues(operator: np.ndarray, tolerance: float = 1e-10) -> np.ndarray:
    """Return the eigenvalues other than zero.

    How many there are is read from :func:`stable_rank`. A threshold on computed eigenvalues would not do: a Jordan
    block of size k at zero scatters its zeros on a circle of radius about 1e-16^(1/k).

    Args:
        operator: (size, size).
        tolerance: as in :func:`ranks_of_powers`.

    Returns:
        complex, the largest magnitude first.

    Raises:
        UserError: if the operator is not square.
    """
    operator = _check_square(operator)
    values = np.linalg.eigvals(operator).astype(complex)
    return values[np.argsort(-np.abs(values))][: stable_rank(operator, tolerance)]


def compare_spectra(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest distance between two sets of eigenvalues, matched with the least total distance.

    Args:
        first: (n,) complex.
        second: (n,) complex.

    Returns:
        the largest distance, relative to the largest magnitude; infinity if the counts differ.
    """
    from scipy.optimize import linear_sum_assignment

    first, second = np.asarray(first, dtype=complex), np.asarray(second, dtype=complex)
    if first.shape != second.shape:
        return float("inf")
    if first.size == 0:
        return 0.0
    distance = np.abs(first[:, None] - second[None, :])
    rows, columns = linear_sum_assignment(distance)
    scale = max(np.abs(first).max(), np.abs(second).max())
    return float(distance[rows, columns].max() / (scale or 1.0))


def nilpotency_index(operator: np.ndarray) -> int | None:
    """Return the least power of the operator that is exactly zero, or ``None`` if no power is.

    Meant for matrices of whole numbers, where the powers are exact.

    Args:
        operator: (size, size).

    Raises:
        UserError: if the operator is not square.
    """
    operator = _check_square(operator)
    power = np.eye(len(operator), dtype=operator.dtype)
    for index in range(1, len(operator) + 1):
        power = operator @ power
        if not power.any():
            return index
    return None


def _check_square(operator: np.ndarray) -> np.ndarray:
    operator = np.asarray(operator)
    square = operator.ndim == 2 and operator.shape[0] == operator.shape[1] > 0
    require(square, f"an operator must be a square matrix, not of shape {operator.shape}")
    return operator


#: Magnitude above which an eigenvalue counts as a memory, in the paper's released protocol.
THRESHOLD = 0.9


@dataclass(frozen=True, eq=False)
class Matching:
    """A pairing of two sets of arguments.

    Attributes:
        partners: (n,) integers: theory's eigenvalue i goes with the network's eigenvalue ``partners[i]``.
        differences: (n,) circular distances of the pairs' arguments, in radians, from 0 to pi.
    """

    partners: np.ndarray
    differences: np.ndarray

    @property
    def error(self) -> float:
        """Mean absolute difference of the arguments in radians."""
        return float(self.differences.mean())


@dataclass(frozen=True, eq=False)
class SpectrumComparison:
    """A network's slow eigenvalues beside theory's.

    Attributes:
        theory: (rank_theory,) complex, by increasing argument in [0, 2 pi).
        network: (rank_network,) complex, in the same order.
        others: the network's remaining eigenvalues, the largest magnitude first.
        greedy: the released protocol's pairing; ``None`` where the ranks differ.
        optimal: the pairing with the least mean difference; ``None`` where the ranks differ.
        threshold: magnitude above which an eigenvalue counts.

    Source: twm Sec. 4.1, Table 1.
    """

    theory: np.ndarray
    network: np.ndarray
    others: np.ndarray
    greedy: Matching | None
    optimal: Matching | None
    threshold: float

    @property
    def rank_theory(self) -> int:
        """Number of theory's eigenvalues beyond the threshold."""
        return len(self.theory)

    @property
    def rank_network(self) -> int:
        """Number of the network's eigenvalues beyond the threshold."""
        return len(self.network)

    @property
    def argument_error(self) -> float | None:
        """Mean absolute difference of arguments in radians, matched greedily; ``None`` where the ranks differ."""
        return None if self.greedy is None else self.greedy.error

    @property
    def argument_error_optimal(self) -> float | None:
        """Mean absolute difference of arguments in radians, matched optimally; ``None`` where the ranks differ."""
        return None if self.optimal is None else self.optimal.error

    @property
    def margin(self) -> float | None:
        """How far the weakest memory stands above one: the least |lambda| beyond the threshold, less 1.

        Above zero every memory grows near the origin and the tanh holds it; below zero the weakest one fades. ``None`` for a
        network without memories.
        """
        return float(np.abs(self.network).min() - 1) if len(self.network) else None

    @property
    def gap(self) -> float | None:
        """The least magnitude that counts, less the largest that does not; ``None`` where there is nothing to compare.

        A small gap says that the rank depends on where the threshold is.
        """
        if not len(self.network) or not len(self.others):
            return None
        return float(np.abs(self.network).min() - np.abs(self.others).max())


def circular_distance(first: Any, second: Any) -> np.ndarray:
    """Return the distance of two angles on the circle.

    Args:
        first, second: radians, of shapes that broadcast.

    Returns:
        radians, from 0 to pi.
    """
    difference = np.abs(np.asarray(first, dtype=float) - np.asarray(second, dtype=float)) % (2 * np.pi)
    return np.minimum(difference, 2 * np.pi - difference)


def reduce_wave_operator(system: HDS | np.ndarray) -> np.ndarray:
    """Return the wave operator of a linear system on the coordinates that its outputs depend on.

    A task that reads only some of the past needs fewer dimensions than history*dim; a network has no reason to keep
    the others.

    Args:
        system: a system with a boundary matrix, or that matrix, (dim, history*dim).

    Returns:
        (rank, rank).

    Raises:
        UserError: if the system is not linear.

    Source: twm Fig. 4 and Table 1; the released protocol removes the same coordinates.
    """
    matrix = system.matrix if hasattr(system, "boundary") else system
    require(matrix is not None, "only a linear system has a wave operator: this one has no boundary matrix")
    operator = make_wave_operator(np.asarray(matrix, dtype=float))
    dim = np.shape(matrix)[0]
    return reduce_observable(np.eye(len(operator))[-dim:], operator).operator


def predict_eigenvalues(system: HDS | np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Return the eigenvalues that theory predicts a network to have for a linear task.

    Args:
        system: the task, or its boundary matrix (dim, history*dim).
        threshold: magnitude above which an eigenvalue counts.

    Returns:
        (rank,) complex, by increasing argument in [0, 2 pi).

    Raises:
        UserError: if the system is not linear.

    Source: twm Sec. 4.1, Table 1.
    """
    # The zeros of a wave operator come in Jordan blocks, whose computed eigenvalues are scattered; they are left out by
    # rank, not by size.
    return select_slow(nonzero_eigenvalues(reduce_wave_operator(system)), threshold)


def select_slow(eigenvalues: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Return the eigenvalues with a magnitude above a threshold, by increasing argument in [0, 2 pi).

    Args:
        eigenvalues: (n,) complex.
        threshold: magnitude.

    Raises:
        UserError: if the eigenvalues are not a finite vector, or the threshold is negative.
    """
    eigenvalues = _check_eigenvalues(eigenvalues)
    require(np.isfinite(threshold) and threshold >= 0, f"threshold must be at least 0, not {threshold!r}")
    slow = eigenvalues[np.abs(eigenvalues) > threshold]
    return slow[_order_by_argument(slow)]


def measure_rank(operator: np.ndarray, threshold: float = THRESHOLD) -> int:
    """Count an operator's eigenvalues with a magnitude above a threshold.

    Args:
        operator: (size, size).
        threshold: magnitude.

    Raises:
        UserError: if the operator is not a finite square matrix, or the threshold is negative.
    """
    return len(select_slow(_compute_eigenvalues(operator), threshold))


def match_greedy(theory: np.ndarray, network: np.ndarray) -> Matching | None:
    """Pair eigenvalues by argument, one after another.

    Theory's eigenvalues, by increasing argument in [0, 2 pi), each take the nearest of the network's that is still free.
    The paper does not say in which order; it matters only where several partners are about as near, and then the
    optimal pairing beside it tells by how much.

    Args:
        theory: (n,) complex, none zero.
        network: (m,) complex, none zero.

    Returns:
        the pairing, or ``None`` where the counts differ or there is none to pair.

    Raises:
        UserError: if one is not a finite vector.

    Source: twm Table 1, as released.
    """
    distance = _argument_distances(theory, network)
    if distance is None:
        return None
    partners = np.empty(len(distance), dtype=int)
    free = distance.copy()
    for place in _order_by_argument(np.asarray(theory, dtype=complex)):
        partners[place] = free[place].argmin()
        free[:, partners[place]] = np.inf
    return Matching(partners, distance[np.arange(len(distance)), partners])


def match_optimal(theory: np.ndarray, network: np.ndarray) -> Matching | None:
    """Pair eigenvalues so that the mean difference of the arguments is the least possible.

    Args, Returns and Raises: as :func:`match_greedy`.
    """
    from scipy.optimize import linear_sum_assignment

    distance = _argument_distances(theory, network)
    if distance is None:
        return None
    places, partners = linear_sum_assignment(distance)
    return Matching(partners, distance[places, partners])


def compare_with_theory(
    recurrent: np.ndarray, system: HDS | np.ndarray, threshold: float = THRESHOLD
) -> SpectrumComparison:
    """Compare a network's slow eigenvalues with those that theory predicts for its task.

    Args:
        recurrent: W_hh, (hidden, hidden).
        system: the task, or its boundary matrix (dim, history*dim).
        threshold: magnitude above which an eigenvalue counts.

    Returns:
        the comparison.

    Raises:
        UserError: if the system is not linear, or ``recurrent`` is not a finite square matrix.

    Source: twm Sec. 4.1, Table 1.
    """
    found = _compute_eigenvalues(recurrent)
    theory, network = predict_eigenvalues(system, threshold), select_slow(found, threshold)
    rest = found[np.abs(found) <= threshold]
    return SpectrumComparison(
        theory=theory,
        network=network,
        others=rest[np.argsort(-np.abs(rest))],
        greedy=match_greedy(theory, network),
        optimal=match_optimal(theory, network),
        threshold=float(threshold),
    )


def find_clusters(theory: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
    """Return the different arguments in a spectrum.

    Args:
        theory: (n,) complex.
        tolerance: arguments nearer than this, in radians, are one.

    Returns:
        increasing radians in [0, 2 pi).

    Raises:
        UserError: if the eigenvalues are not a finite vector.
    """
    arguments = np.angle(_check_eigenvalues(theory)) % (2 * np.pi)
    # An argument of zero less one rounding error is zero, not a cluster of its own at the far end.
    arguments = np.sort(np.where(arguments > 2 * np.pi - tolerance, 0.0, arguments))
    return arguments[np.diff(arguments, prepend=-np.inf) > tolerance]


def count_clusters(eigenvalues: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Count how many eigenvalues lie nearest to each argument.

    Args:
        eigenvalues: (n,) complex, for example the slow ones of a network.
        centres: (k,) radians, for example from :func:`find_clusters`.

    Returns:
        (k,) integers that sum to n. Of two centres equally near, the first counts.

    Raises:
        UserError: if the eigenvalues are not a finite vector, or there is no centre.

    Source: the boxes of twm Fig. 6 and 8.
    """
    eigenvalues, centres = _check_eigenvalues(eigenvalues), np.atleast_1d(np.asarray(centres, dtype=float))
    require(
        centres.ndim == 1 and len(centres) > 0, f"centres must be one argument or more, not of shape {centres.shape}"
    )
    nearest = circular_distance(np.angle(eigenvalues)[:, None], centres[None, :]).argmin(axis=1)
    return np.bincount(nearest, minlength=len(centres))


def _order_by_argument(eigenvalues: np.ndarray) -> np.ndarray:
    # Rounded, so that an argument of zero less one rounding error does not go from the first place to the last.
    turn = np.round(np.angle(eigenvalues) / (2 * np.pi), 9) % 1.0
    return np.lexsort((np.abs(eigenvalues), turn))


def _argument_distances(theory: np.ndarray, network: np.ndarray) -> np.ndarray | None:
    theory, network = _check_eigenvalues(theory), _check_eigenvalues(network)
    if len(theory) != len(network) or len(theory) == 0:
        return None
    return circular_distance(np.angle(theory)[:, None], np.angle(network)[None, :])


def _compute_eigenvalues(operator: np.ndarray) -> np.ndarray:
    # Float64 whatever the network's dtype: float32 eigenvalues of defective clusters are worth three digits.
    operator = np.asarray(operator, dtype=float)
    square = operator.ndim == 2 and operator.shape[0] == operator.shape[1] > 0
    require(square, f"an operator must be a square matrix, not of shape {operator.shape}")
    require(bool(np.isfinite(operator).all()), "an operator must be finite: it has NaN or infinite entries")
    return np.linalg.eigvals(operator).astype(complex)


def _check_eigenvalues(eigenvalues: np.ndarray) -> np.ndarray:
    eigenvalues = np.asarray(eigenvalues, dtype=complex)
    require(eigenvalues.ndim == 1, f"eigenvalues must be a vector, not of shape {eigenvalues.shape}")
    require(bool(np.isfinite(eigenvalues).all()), "eigenvalues must be finite: there are NaN or infinite ones")
    return eigenvalues
