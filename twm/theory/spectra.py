"""Similarity and spectra: does a network have the eigenvalues of the predicted wave?

Eigenvalues do not depend on the basis, so W_hh can be compared with Phi without knowing the basis. The comparison uses the
slow eigenvalues: their number (``rank`` in the code) and their arguments, the angles by which waves turn per step. Arguments
are matched greedily, as in the released code, or optimally. Magnitudes are not compared, because trained networks compensate
for tanh with them. Ranks of powers show where computed eigenvalues are unreliable."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from twm.errors import require, require_count
from twm.theory.operators import make_wave_operator
from twm.theory.systems import HDS

#: Magnitude above which an eigenvalue counts as slow, in the paper's released protocol.
THRESHOLD = 0.9


# ---- similarity


def similarity_error(recurrent: np.ndarray, columns: np.ndarray, wave_operator: np.ndarray) -> float:
    """Return the largest entry of W Psi - Psi Phi, relative to the largest magnitude on either side: zero if the span
    of Psi (hidden, size) is invariant and W acts on it as Phi. Source: twm Sec. 3.1, 4.1."""
    W, psi, phi = np.asarray(recurrent), np.asarray(columns), np.asarray(wave_operator)
    fits = W.shape == (len(psi), len(psi)) and phi.shape == (psi.shape[1], psi.shape[1])
    require(fits, f"shapes do not fit: W {W.shape}, basis {psi.shape}, wave operator {phi.shape}")
    left, right = W @ psi, psi @ phi
    return float(np.abs(left - right).max() / (max(np.abs(left).max(), np.abs(right).max()) or 1.0))


def find_ranges(operator: np.ndarray, count: int) -> list[np.ndarray]:
    """Return orthonormal bases (size, rank) of the ranges of an operator's powers 0 to ``count``, or to the first that keeps
    the rank of the one before, as no further power can shrink a range that maps onto itself. Each power acts on the basis of
    the one before, so large eigenvalues cannot hide small ones; values below 1e-10 times its norm count as zero."""
    zero, spans = 1e-10 * np.linalg.norm(operator, 2), [np.eye(len(operator))]
    for _ in range(count):
        left, values, _ = np.linalg.svd(operator @ spans[-1], full_matrices=False)
        spans.append(left[:, values > zero])
        if spans[-1].shape == spans[-2].shape:
            break
    return spans


def ranks_of_powers(operator: np.ndarray, count: int) -> list[int]:
    """Return the ranks of an operator's powers 1 to ``count``."""
    ranks = [span.shape[1] for span in find_ranges(check_square(operator), require_count(count, "count"))[1:]]
    return ranks + ranks[-1:] * (count - len(ranks))


def stable_rank(operator: np.ndarray) -> int:
    """Return the limiting rank of an operator's powers, which is the number of its nonzero eigenvalues."""
    return ranks_of_powers(operator, len(operator))[-1]


def nonzero_eigenvalues(operator: np.ndarray) -> np.ndarray:
    """Return an operator's nonzero eigenvalues, the largest magnitude first. Their number comes from ranks of powers, since
    a Jordan block of size k at zero scatters its computed zeros on a circle of radius about 1e-16^(1/k)."""
    values = np.linalg.eigvals(check_square(operator)).astype(complex)
    return values[np.argsort(-np.abs(values))][: stable_rank(operator)]


def nilpotency_index(operator: np.ndarray) -> int | None:
    """Return the least power of an integer operator that is exactly zero, or ``None`` if no power is."""
    power = operator = check_square(operator)
    for index in range(1, len(operator) + 1):
        if not power.any():
            return index
        power = operator @ power
    return None


def compare_spectra(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest distance of optimally matched eigenvalues over the largest magnitude; infinity if counts differ."""
    first, second = np.asarray(first, dtype=complex), np.asarray(second, dtype=complex)
    if first.shape != second.shape or first.size == 0:
        return 0.0 if first.shape == second.shape else float("inf")
    distance = np.abs(first[:, None] - second[None, :])
    scale = max(np.abs(first).max(), np.abs(second).max())
    return float(distance[linear_sum_assignment(distance)].max() / (scale or 1.0))


# ---- slow eigenvalues, predicted and computed


def predict_eigenvalues(system: HDS | np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Return the predicted slow eigenvalues of a linear system, or of its matrix: those of Phi on the observable subspace,
    as a network need not store components that no output depends on. Source: twm Sec. 4.1, Table 1."""
    return select_slow(nonzero_eigenvalues(needed_coordinates(system).operator), threshold)


def select_slow(eigenvalues: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Return the eigenvalues with a magnitude above the threshold, by increasing argument in [0, 2 pi)."""
    eigenvalues = _check_eigenvalues(eigenvalues)
    require(threshold >= 0, f"threshold must be at least 0, not {threshold!r}")
    slow = eigenvalues[np.abs(eigenvalues) > threshold]
    return slow[_order_by_argument(slow)]


def split_spectrum(eigenvalues: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split a spectrum into eigenvalues outside the unit circle, nearly real and complex, and the rest. Source: mem Fig. 4."""
    outside, real = np.abs(eigenvalues) > 1, np.abs(eigenvalues.imag) <= 0.05 * np.abs(eigenvalues)
    return eigenvalues[outside & real], eigenvalues[outside & ~real], eigenvalues[~outside]


@dataclass(frozen=True, eq=False)
class Matching:
    """A pairing of two sets of n arguments."""

    partners: np.ndarray  # (n,): predicted eigenvalue i is paired with the network's eigenvalue partners[i]
    differences: np.ndarray  # (n,) circular distances of the pairs' arguments, radians

    error = property(lambda self: float(self.differences.mean()))  # mean absolute difference in radians


@dataclass(frozen=True, eq=False)
class SpectrumComparison:
    """Slow eigenvalues of a network and those predicted. Source: twm Sec. 4.1, Table 1."""

    theory: np.ndarray  # (rank_theory,) complex, by increasing argument in [0, 2 pi)
    network: np.ndarray  # (rank_network,) complex, in the same order
    others: np.ndarray  # the network's remaining eigenvalues, the largest magnitude first
    greedy: Matching | None  # the released protocol's pairing; None where the ranks differ
    optimal: Matching | None  # the pairing with the least mean difference; None where the ranks differ
    threshold: float  # magnitude above which an eigenvalue counts as slow

    rank_theory = property(lambda self: len(self.theory))  # number of predicted slow eigenvalues
    rank_network = property(lambda self: len(self.network))  # number of the network's slow eigenvalues

    @property
    def argument_error(self) -> float | None:
        """Return the mean difference of arguments in radians, matched greedily; ``None`` where the ranks differ."""
        return None if self.greedy is None else self.greedy.error

    @property
    def argument_error_optimal(self) -> float | None:
        """Return the mean difference of arguments in radians, matched optimally; ``None`` where the ranks differ."""
        return None if self.optimal is None else self.optimal.error

    @property
    def margin(self) -> float | None:
        """Return the least slow magnitude minus 1: if negative, the weakest mode decays; if positive, tanh limits it."""
        return float(np.abs(self.network).min() - 1) if len(self.network) else None


def compare_with_theory(
    recurrent: np.ndarray, system: HDS | np.ndarray, threshold: float = THRESHOLD
) -> SpectrumComparison:
    """Compare the slow eigenvalues of W_hh (hidden, hidden) with those of a linear task. Source: twm Sec. 4.1, Table 1."""
    # Float64 whatever the network's dtype: float32 eigenvalues of defective clusters have about three correct digits.
    recurrent = check_square(np.asarray(recurrent, dtype=float))
    require(bool(np.isfinite(recurrent).all()), "an operator must be finite: it has NaN or infinite entries")
    found = np.linalg.eigvals(recurrent).astype(complex)
    theory, network = predict_eigenvalues(system, threshold), select_slow(found, threshold)
    others = found[np.abs(found) <= threshold]
    others = others[np.argsort(-np.abs(others))]
    pairings = match_greedy(theory, network), match_optimal(theory, network)
    return SpectrumComparison(theory, network, others, *pairings, float(threshold))


def set_magnitudes(recurrent: np.ndarray, magnitude: float, turn: float = 0.0) -> np.ndarray:
    """Return W_hh with each slow eigenvalue at one magnitude, and its argument turned by ``turn`` away from the positive real
    axis (real ones stay real); eigenvectors and all other eigenvalues are kept. Source: twm Sec. 4.1."""
    values, vectors = np.linalg.eig(check_square(recurrent))
    moved = magnitude * np.exp(1j * (np.angle(values) + turn * np.sign(values.imag)))
    return ((vectors * np.where(np.abs(values) > THRESHOLD, moved, values)) @ np.linalg.inv(vectors)).real


# ---- arguments


def match_greedy(theory: np.ndarray, network: np.ndarray) -> Matching | None:
    """Pair each predicted eigenvalue, by increasing argument, with the free one of the network nearest in argument; ``None``
    where the counts differ. Source: twm Table 1, as released; the paper does not say in which order."""
    distance = _argument_distances(theory, network)
    if distance is None:
        return None
    partners, free = np.empty(len(distance), dtype=int), distance.copy()
    for place in _order_by_argument(np.asarray(theory)):
        partners[place] = free[place].argmin()
        free[:, partners[place]] = np.inf
    return Matching(partners, distance[np.arange(len(distance)), partners])


def match_optimal(theory: np.ndarray, network: np.ndarray) -> Matching | None:
    """Pair eigenvalues to minimise the mean difference of their arguments; ``None`` where the counts differ."""
    distance = _argument_distances(theory, network)
    if distance is None:
        return None
    places, partners = linear_sum_assignment(distance)
    return Matching(partners, distance[places, partners])


def circular_distance(first: Any, second: Any) -> np.ndarray:
    """Return the distance between two angles on the circle, from 0 to pi."""
    difference = np.abs(np.asarray(first) - np.asarray(second)) % (2 * np.pi)
    return np.minimum(difference, 2 * np.pi - difference)


def find_clusters(theory: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
    """Return the distinct arguments in a spectrum, increasing in [0, 2 pi)."""
    arguments = np.angle(_check_eigenvalues(theory)) % (2 * np.pi)
    # An argument one rounding error below zero counts as zero, not as a cluster of its own near 2 pi.
    arguments = np.sort(np.where(arguments > 2 * np.pi - tolerance, 0.0, arguments))
    return arguments[np.diff(arguments, prepend=-np.inf) > tolerance]


def count_clusters(eigenvalues: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Count how many eigenvalues lie nearest to each of k arguments, (k,). Source: the boxes of twm Fig. 6 and 8."""
    require(np.ndim(centres) == 1 and len(centres) > 0, f"centres must be one argument or more, not {centres!r}")
    arguments = np.angle(_check_eigenvalues(eigenvalues))
    nearest = circular_distance(arguments[:, None], np.asarray(centres)[None, :]).argmin(axis=1)
    return np.bincount(nearest, minlength=len(centres))


def _order_by_argument(eigenvalues: np.ndarray) -> np.ndarray:
    # Rounded, so that an argument one rounding error below zero sorts first, not last.
    return np.lexsort((np.abs(eigenvalues), (np.round(np.angle(eigenvalues) / (2 * np.pi), 9) % 1.0)))


def _argument_distances(theory: np.ndarray, network: np.ndarray) -> np.ndarray | None:
    theory, network = _check_eigenvalues(theory), _check_eigenvalues(network)
    if len(theory) != len(network) or len(theory) == 0:
        return None
    return circular_distance(np.angle(theory)[:, None], np.angle(network)[None, :])


def _check_eigenvalues(eigenvalues: np.ndarray) -> np.ndarray:
    eigenvalues = np.asarray(eigenvalues, dtype=complex)
    fits = eigenvalues.ndim == 1 and bool(np.isfinite(eigenvalues).all())
    require(fits, f"eigenvalues must be a vector of finite numbers, not of shape {eigenvalues.shape} or infinite")
    return eigenvalues


@dataclass(frozen=True)
class Observable:
    """A linear system on its observable subspace: it maps ``projection @ state`` to the outputs of the full system."""

    operator: np.ndarray  # (rank, rank)
    readout: np.ndarray  # (outputs, rank)
    projection: np.ndarray  # (rank, size), orthonormal rows
    coordinates: tuple[int, ...] | None  # increasing, if they span the subspace, as for every selection task; else None
    rank: int


def observability_matrix(readout: np.ndarray, operator: np.ndarray, steps: int | None = None) -> np.ndarray:
    """Stack the readouts R (outputs, size) after 0, 1, ... steps: blocks R A^k, by default ``size`` of them."""
    blocks, operator = _check_system(readout, operator)
    blocks, steps = [blocks], len(operator) if steps is None else require_count(steps, "steps")
    for _ in range(steps - 1):
        blocks.append(blocks[-1] @ operator)
    return np.concatenate(blocks)


def reduce_observable(readout: np.ndarray, operator: np.ndarray, tolerance: float = 1e-10) -> Observable:
    """Reduce a linear system, (outputs, size) and (size, size), to its observable subspace.

    The row space of the observability matrix is built from orthonormal rows, since in a stack of powers growing
    directions hide the others. Source: twm Fig. 4, "optimized basis"; the paper does not define it."""
    readout, operator = _check_system(readout, operator)
    rows = fresh = _find_row_space(readout, tolerance * np.linalg.norm(readout, 2))
    while len(fresh) and len(rows) < len(operator):
        moved = fresh @ operator
        # Projected out twice: after one projection, rounding times the norm is enough to count a direction twice.
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


def needed_coordinates(system: HDS | np.ndarray) -> Observable:
    """Reduce a linear system, or its matrix, to the coordinates that its outputs depend on. Source: twm Fig. 4."""
    if isinstance(system, HDS):
        require(system.matrix is not None, f"the task {system.name} is not linear: it has no wave operator")
        system = system.matrix
    operator = make_wave_operator(np.asarray(system, dtype=float))
    return reduce_observable(np.eye(len(operator))[-len(system) :], operator)


def check_square(operator: np.ndarray) -> np.ndarray:
    """Return an operator as an array; raise an error if it is not a square matrix."""
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
