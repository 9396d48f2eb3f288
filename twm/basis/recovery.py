"""The methods that look for a network's variable memories."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from twm.basis.samples import StateSample, find_copies, needed_coordinates
from twm.basis.systems import ElmanSystem, Linearisation, linearise_system
from twm.errors import require
from twm.hds import HDS
from twm.operators import Observable, nonzero_eigenvalues, observability_matrix
from twm.spectrum import THRESHOLD, circular_distance

#: Names of the methods, see :func:`recover_basis`.
METHODS = ("printed", "corrected", "mixture", "observability", "regression")

# Directions of a basis weaker than this share of its strongest are not told from zero when a dual is made.
_WEAK = 1e-10


@dataclass(frozen=True, eq=False)
class RecoveredBasis:
    """Where a network keeps which variable, as far as a method found out.

    Attributes:
        basis: Psi, (hidden, rank), one column a needed coordinate.
        dual_basis: Psi*, (rank, hidden), the rows that read them.
        method: one of :data:`METHODS`.
        coordinates: for each column its place in the substrate, ``column*dim + dimension``, column 0 the oldest;
            ``None`` where the needed part is a quotient that no set of coordinates spans.
        unread: places in the substrate that f never reads, about which nothing can be said.
        origin: (hidden,) the state from which memories are measured: ``h = origin + basis @ wave + rest``.
        rank_theory: number of directions that theory needs once settled; below the number of columns where some variables
            are copies of others.
        rank_network: number of slow directions of the network; with fewer of these no dual can read all variables.
        condition: product of the norms of all that the method took for basis and dual.
    """

    basis: np.ndarray
    dual_basis: np.ndarray
    method: str
    coordinates: tuple[int, ...] | None
    unread: tuple[int, ...]
    origin: np.ndarray
    rank_theory: int
    rank_network: int
    condition: float

    @property
    def rank(self) -> int:
        """Number of columns."""
        return self.basis.shape[1]

    @property
    def compressed(self) -> bool:
        """Whether the network has fewer slow directions than there are variables that differ."""
        return self.rank_network < self.rank_theory

    def read_waves(self, states: np.ndarray) -> np.ndarray:
        """Read the variables in hidden states (..., hidden): (..., rank)."""
        return (states - self.origin) @ self.dual_basis.T

    def hold_waves(self, waves: np.ndarray) -> np.ndarray:
        """Return the hidden states (..., hidden) that hold variables (..., rank) and nothing else."""
        return self.origin + waves @ self.basis.T

    def read_substrate(self, states: np.ndarray, history: int, dim: int) -> np.ndarray:
        """Read hidden states as columns: (..., history, dim), with NaN where f never reads.

        Raises:
            UserError: if the needed part of the task is not a set of coordinates.
        """
        require(self.coordinates is not None, "the needed part of this task is not a set of coordinates")
        waves = self.read_waves(states)
        flat = np.full((*waves.shape[:-1], history * dim), np.nan)
        flat[..., list(self.coordinates)] = waves
        return flat.reshape(*waves.shape[:-1], history, dim)


def recover_basis(
    system: ElmanSystem,
    task: HDS,
    method: str = "regression",
    sample: StateSample | None = None,
    linear: Linearisation | None = None,
    alpha: float = 0.5,
    threshold: float = THRESHOLD,
    at: int | None = None,
    transient: float = 1.0,
) -> RecoveredBasis:
    """Look for the directions in which a network keeps the variables of its task.

    =================  =======================================================================================
    ``printed``        Algorithm 1 as printed: (W^T)^k W_r^+, transients taken out of all but the newest block by an
                       orthogonal projector, pseudo-inverse as dual, all history*dim coordinates
    ``corrected``      the same with forward powers W^(s-k), spectral projector and spectral dual, on the needed
                       coordinates; exact where W_r^+ = Psi_s up to transients and f meets no power half-way
    ``mixture``        the earlier paper's: alpha W^(s-k) W_uh + (1 - alpha) (W^T)^k W_r^+, transients taken out of each
                       block, the newest included
    ``observability``  ours, from the weights alone: what the readout sees of Psi after 0, 1, ... steps must be what it
                       sees of the wave; exact for every linear network in every basis. Where a nonlinear network's
                       eigenvalues differ in magnitude from theory's they are first brought to those
    ``regression``     ours, from data: hidden states of the settled output phase, regressed on the wave that theory
                       knows they hold; for any network that can be run, with a spectral dual
    =================  =======================================================================================

    Args:
        system: the network.
        task: its task, a linear system.
        method: one of :data:`METHODS`.
        sample: for ``regression``; see :func:`twm.basis.sample_states`.
        linear: the linearisation that the other methods use; :func:`twm.basis.linearise_system` if not given.
        alpha: share of the forward part in ``mixture``, 0 to 1.
        threshold: magnitude above which an eigenvalue counts as a memory; the two printed methods use ``transient``.
        at: for ``regression``, take the hidden states of this one step instead of the settled phase. In the first lap a
            network may keep its variables in other directions than later.
        transient: magnitude below which an eigenvalue is transient to ``printed`` and ``mixture``; 1 as printed.

    Returns:
        the basis on the task's needed coordinates.

    Raises:
        UserError: if the method is unknown, alpha is out of range, network and task do not fit, ``regression`` lacks
            its sample, or the network has no slow direction at all.

    Source: twm Algorithm 1, A.6; emt Sec. 6, Algorithm 1, Eq. (14)-(15); the last two are ours.
    """
    require(method in METHODS, f"method must be one of {', '.join(METHODS)}, not {method!r}")
    require(0 <= alpha <= 1, f"alpha must be between 0 and 1, not {alpha!r}")
    require(system.dim == task.dim, f"the network has {system.dim} outputs, the task {task.name} needs {task.dim}")
    linear = linearise_system(system) if linear is None else linear
    observable = needed_coordinates(task) if sample is None else sample.observable
    slow = _find_slow_space(linear, threshold)
    origin = linear.point
    kept, expansion = find_copies(observable.operator, task.size)
    if method in ("printed", "mixture"):
        columns, dual = _iterate_backwards(linear, task, None if method == "printed" else alpha, transient)
        basis, dual_basis = columns @ observable.projection.T, observable.projection @ dual
        condition = _norm(columns) * _norm(dual)
    else:
        if method == "corrected":
            basis = _iterate_forwards(linear, task, slow) @ observable.projection.T
        elif method == "observability":
            basis = _match_observability(system, linear, task, observable, expansion, slow)
        else:
            require(sample is not None, "the method regression needs a sample of hidden states: see sample_states")
            basis, origin = _regress(sample, at, intercept=bool(system.bias.any()))
        dual_basis = slow.read(basis)
        condition = _norm(basis) * _norm(dual_basis)
    read = observable.projection.any(axis=0)
    unread = tuple(int(place) for place in np.flatnonzero(~read))
    return RecoveredBasis(
        basis, dual_basis, method, observable.coordinates, unread, origin, len(kept), slow.rank, float(condition)
    )


def regress_basis(sample: StateSample, at: int | None = None) -> RecoveredBasis:
    """Look for the directions in which any network that can be run keeps the variables of its task.

    The columns are those of ``regression`` in :func:`recover_basis`. The dual needs no linearisation: of all rows that read
    each column and no other, it has those that are disturbed least by the part of the states that the wave does not explain,
    as generalised least squares would. The covariance of that part is shrunk towards a multiple of one, the more the fewer
    states there are for each direction.

    Args:
        sample: hidden states and waves, see :func:`twm.basis.sample_states`.
        at: take the hidden states of this one step instead of the settled output phase.

    Returns:
        the basis; its ``rank_network`` counts the independent columns.

    Raises:
        UserError: if the sample does not fill the variables, or has no such step.

    Source: ours.
    """
    basis, origin = _regress(sample, at, intercept=True)
    chosen = slice(sample.settled, None) if at is None else slice(at, at + 1)
    states = sample.states[chosen].reshape(-1, basis.shape[0]) - origin
    rest = states - sample.waves[chosen].reshape(-1, basis.shape[1]) @ basis.T
    trust = len(rest) / (len(rest) + basis.shape[0])
    noise = trust * (rest.T @ rest) / len(rest)
    # Where nothing is left unexplained any dual will do; the little that is added makes it the pseudo-inverse.
    even = (1 - trust) * float((rest**2).mean()) + max(1e-9 * float((states**2).mean()), 1e-300)
    noise[np.diag_indices_from(noise)] += even
    kept, expansion = find_copies(sample.observable.operator, sample.settled if at is None else at)
    columns = basis @ expansion
    weighed = np.linalg.solve(noise, columns)
    dual = expansion @ (np.linalg.pinv(columns.T @ weighed, rcond=_WEAK) @ weighed.T)
    unread = tuple(int(place) for place in np.flatnonzero(~sample.observable.projection.any(axis=0)))
    rank = int(np.linalg.matrix_rank(columns))
    return RecoveredBasis(
        basis,
        dual,
        "regression",
        sample.observable.coordinates,
        unread,
        origin,
        len(kept),
        rank,
        _norm(basis) * _norm(dual),
    )


def replace_dual(recovered: RecoveredBasis, kind: str) -> RecoveredBasis:
    """Return a basis with another dual: a control that shows what the spectral one is good for.

    Args:
        recovered: the basis.
        kind: ``pseudo-inverse``.

    Raises:
        UserError: if the kind is another one.
    """
    require(kind == "pseudo-inverse", f"the dual can be replaced by the pseudo-inverse only, not by {kind!r}")
    dual = np.linalg.pinv(recovered.basis)
    return replace(recovered, dual_basis=dual, condition=_norm(recovered.basis) * _norm(dual))


class _SlowSpace:
    """The invariant subspace of the eigenvalues beyond a threshold.

    Found by an ordered Schur decomposition, which needs no eigenvectors: transients may well have too few of them.

    Attributes:
        rank: its dimension.
        right: (hidden, rank) orthonormal columns that span it.
        left: (rank, hidden) rows with ``left @ right`` = 1 that vanish on the transient directions.
        inner: (rank, rank) the operator on it: ``operator @ right = right @ inner``.
    """

    def __init__(self, operator: np.ndarray, threshold: float) -> None:
        from scipy.linalg import schur, solve_sylvester

        upper, frame, rank = schur(operator, sort=lambda real, imaginary: np.hypot(real, imaginary) > threshold)
        require(rank > 0, f"the network has no eigenvalue beyond {threshold:g}: it keeps nothing")
        inner, coupling, outer = upper[:rank, :rank], upper[:rank, rank:], upper[rank:, rank:]
        mixed = solve_sylvester(inner, -outer, coupling) if rank < len(operator) else coupling
        self.rank, self.inner, self.right = int(rank), inner, frame[:, :rank]
        self.left = frame[:, :rank].T + mixed @ frame[:, rank:].T

    def project(self, columns: np.ndarray) -> np.ndarray:
        """Take out of columns (hidden, n) what decays, along the transient directions."""
        return self.right @ (self.left @ columns)

    def read(self, basis: np.ndarray) -> np.ndarray:
        """Make the dual of a basis that does not see transients."""
        return np.linalg.pinv(self.left @ basis, rcond=_WEAK) @ self.left


@lru_cache(maxsize=8)
def _find_slow_space(linear: Linearisation, threshold: float) -> _SlowSpace:
    """Return the slow space of a linearisation; every method asks for it, and an analysis asks every method, many times."""
    return _SlowSpace(linear.recurrent, threshold)


def _norm(matrix: np.ndarray) -> float:
    return float(np.linalg.norm(matrix, 2))


def _iterate_backwards(
    linear: Linearisation, task: HDS, alpha: float | None, transient: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return all columns (hidden, history*dim) as printed, and their pseudo-inverse; with alpha the earlier mixture."""
    share = 0.0 if alpha is None else alpha
    back, ahead = [np.linalg.pinv(linear.readout)], [linear.encoder]
    for _ in range(task.history - 1):
        back.append(linear.recurrent.T @ back[-1])
        ahead.append(linear.recurrent @ ahead[-1])
    values, vectors = np.linalg.eig(linear.recurrent)
    # Printed is lambda < 1, which has no meaning for complex numbers: read as magnitude.
    # The margin keeps the roots of unity of a constructed network, which rounding puts on either side of 1.
    decaying = vectors[:, np.abs(values) < transient - 1e-6]
    back_decaying = np.linalg.pinv(decaying)

    def clean(block: np.ndarray) -> np.ndarray:
        return block - np.real(decaying @ (back_decaying @ block))

    blocks = []
    for k in range(1, task.history):
        # The content of variable s is in variable k after s - k steps; the exponent of the backward power is printed as k.
        blocks.append(clean(share * ahead[task.history - k] + (1 - share) * back[k]))
    newest = share * ahead[0] + (1 - share) * back[0]
    # The main paper's loop ends before the newest block; the earlier paper (Sec. 6) says each Psi_k.
    blocks.append(newest if alpha is None else clean(newest))
    columns = np.concatenate(blocks, axis=1)
    return columns, np.linalg.pinv(columns)


def _iterate_forwards(linear: Linearisation, task: HDS, slow: _SlowSpace) -> np.ndarray:
    """Return all columns (hidden, history*dim): W^(s-k) on the slow part of W_r^+."""
    blocks = [slow.project(np.linalg.pinv(linear.readout))]
    for _ in range(task.history - 1):
        # Projected each time: transients that rounding brings back would otherwise be carried along.
        blocks.insert(0, slow.project(linear.recurrent @ blocks[0]))
    return np.concatenate(blocks, axis=1)


def _match_observability(
    system: ElmanSystem,
    linear: Linearisation,
    task: HDS,
    observable: Observable,
    expansion: np.ndarray,
    slow: _SlowSpace,
) -> np.ndarray:
    """Return the columns (hidden, rank) that the readout sees as it sees the wave, now and at later steps."""
    inner = slow.inner
    if system.nonlinearity != "linear":
        inner = _replace_magnitudes(inner, nonzero_eigenvalues(observable.operator))
    # A lap suffices for every selection task; further steps add only the errors of further powers.
    for steps in (task.history, observable.rank):
        seen = observability_matrix(observable.readout, observable.operator, steps) @ expansion
        if np.linalg.matrix_rank(seen) == expansion.shape[1]:
            break
    found = observability_matrix(linear.readout @ slow.right, inner, steps)
    return slow.right @ (np.linalg.pinv(found, rcond=_WEAK) @ seen) @ np.linalg.pinv(expansion)


def _replace_magnitudes(operator: np.ndarray, theory: np.ndarray) -> np.ndarray:
    """Give every eigenvalue of an operator the magnitude of theory's eigenvalue with the nearest argument.

    The linearisation at rest says how fast a memory grows while it is small. The activation then holds it, so the
    magnitudes say little about a memory in use; the arguments are what theory predicts.
    """
    if not len(theory):
        return operator
    values, vectors = np.linalg.eig(operator)
    nearest = circular_distance(np.angle(values)[:, None], np.angle(theory)[None, :]).argmin(axis=1)
    scaled = np.abs(theory)[nearest] * np.exp(1j * np.angle(values))
    return np.real((vectors * scaled) @ np.linalg.inv(vectors))


def _regress(sample: StateSample, at: int | None, intercept: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return columns (hidden, rank) and origin (hidden,): the hidden states explained by the wave."""
    require(at is None or 0 <= at <= sample.horizon, f"the sample has steps 0 to {sample.horizon}, not {at}")
    chosen = slice(sample.settled, None) if at is None else slice(at, at + 1)
    waves = sample.waves[chosen].reshape(-1, sample.observable.rank)
    states = sample.states[chosen].reshape(len(waves), -1)
    operator = sample.observable.operator
    kept, expansion = find_copies(operator, sample.settled if at is None else at)
    require(
        np.linalg.matrix_rank(waves[:, kept]) == len(kept),
        f"the sample does not fill the {len(kept)} variables: draw more histories or run for more than {sample.history} steps",
    )
    waves = waves[:, kept]
    if intercept:
        waves = np.column_stack([waves, np.ones(len(waves))])
    found = np.linalg.lstsq(waves, states, rcond=None)[0]
    origin = found[-1] if intercept else np.zeros(states.shape[1])
    # Copies share their direction.
    return found[: len(kept)].T @ np.linalg.pinv(expansion), origin
