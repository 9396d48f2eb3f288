"""Bases for the hidden space, their duals, and the operators they carry over.

A rectangular basis (more hidden neurons than history*dim) has many duals: any left inverse will do. Two matter.

``pseudo-inverse``  vanishes on the orthogonal complement of the basis; needs the basis alone.
``spectral``        vanishes on the operator's other invariant subspace; needs the operator. Its rows span the same
                    space as the left eigenvectors that belong to the basis, and activity that decays elsewhere in the
                    network does not leak into what it reads.

For a square basis both are the ``inverse``.
"""

from dataclasses import dataclass

import numpy as np

from twm.errors import UserError, require, require_count

DUALS = ("inverse", "pseudo-inverse", "spectral")
BASIS_KINDS = ("standard", "orthonormal", "skew")

# A basis whose least singular value is below this share of its largest is told to be dependent: in float64 the dual
# would have fewer than four correct digits.
_DEPENDENT = 1e-12


@dataclass(frozen=True)
class Basis:
    """Columns psi_mu of a basis and rows psi^mu of the dual that goes with it.

    Attributes:
        basis: (hidden, size) columns; size is history*dim.
        dual_basis: (size, hidden) rows with ``dual_basis @ basis`` = 1.
        dual: which dual: ``inverse``, ``pseudo-inverse`` or ``spectral``.
        condition: product of the spectral norms of basis and dual; rounding errors grow by up to this factor.

    Source: twm Sec. 3.1, A.1 Eq. (21).
    """

    basis: np.ndarray
    dual_basis: np.ndarray
    dual: str
    condition: float

    @property
    def hidden(self) -> int:
        """Number of hidden neurons."""
        return self.basis.shape[0]

    @property
    def size(self) -> int:
        """Number of basis vectors, history*dim."""
        return self.basis.shape[1]


def make_basis(
    size: int,
    hidden: int | None = None,
    kind: str = "standard",
    seed: int | np.random.Generator = 0,
    condition: float = 10.0,
    tilt: float = 0.0,
) -> Basis:
    """Make a basis of ``size`` vectors in ``hidden`` dimensions, with a dual.

    Args:
        size: number of vectors, history*dim.
        hidden: number of neurons; ``size`` if not given.
        kind: ``standard`` (unit vectors), ``orthonormal`` (random) or ``skew`` (random, neither orthogonal nor of
            unit length).
        seed: seed or generator of the random kinds and of the tilt.
        condition: ratio of the largest to the least singular value of a skew basis.
        tilt: 0 takes the pseudo-inverse as dual. Otherwise the dual's rows are turned out of the basis's span by this
            much (norm of the turned part, relative to the dual's), which gives a ``spectral`` dual: that of any
            operator made by :func:`transform_operator` and :func:`add_complement` with this basis.

    Returns:
        the basis.

    Raises:
        UserError: if hidden is below size, the kind is unknown, condition is below 1, or a square basis is tilted.
    """
    size = require_count(size, "size")
    hidden = size if hidden is None else require_count(hidden, "hidden")
    require(hidden >= size, f"hidden must be at least history*dim = {size}, not {hidden}: the basis would be dependent")
    require(kind in BASIS_KINDS, f"basis kind must be one of {', '.join(BASIS_KINDS)}, not {kind!r}")
    require(condition >= 1, f"condition must be at least 1, not {condition!r}")
    require(not tilt or hidden > size, "a square basis has only one dual: tilt needs hidden above history*dim")
    rng = np.random.default_rng(seed)
    if kind == "standard":
        columns = np.eye(hidden, size)
    else:
        columns = _draw_orthonormal(hidden, size, rng)
    if kind == "skew":
        stretch = np.geomspace(np.sqrt(condition), 1 / np.sqrt(condition), size)
        columns = (columns * stretch) @ _draw_orthonormal(size, size, rng).T
    if not tilt:
        return make_basis_from_columns(columns)
    dual_basis = compute_dual(columns, "pseudo-inverse")
    turned = rng.standard_normal((size, hidden - size)) @ _orthogonal_complement(columns).T
    dual_basis = dual_basis + turned * (tilt * np.linalg.norm(dual_basis, 2) / np.linalg.norm(turned, 2))
    return _pack(columns, dual_basis, "spectral")


def make_basis_from_columns(columns: np.ndarray, dual: str | None = None, operator: np.ndarray | None = None) -> Basis:
    """Make a basis of given columns, and its dual.

    Args:
        columns: (hidden, size), linearly independent.
        dual: which dual, see :func:`compute_dual`; ``inverse`` if square, else ``pseudo-inverse``, if not given.
        operator: (hidden, hidden), for the spectral dual.

    Raises:
        UserError: as :func:`compute_dual`.
    """
    columns = _check_columns(columns)
    if dual is None:
        dual = "inverse" if columns.shape[0] == columns.shape[1] else "pseudo-inverse"
    return _pack(columns, compute_dual(columns, dual, operator), dual)


def compute_dual(basis: np.ndarray, kind: str, operator: np.ndarray | None = None) -> np.ndarray:
    """Compute the dual rows psi^mu of a basis: psi^mu psi_nu = 1 if mu = nu, else 0.

    Args:
        basis: (hidden, size) columns.
        kind: ``inverse`` (square only), ``pseudo-inverse``, or ``spectral``.
        operator: (hidden, hidden) recurrent matrix that maps the span of the basis into itself; ``spectral`` only.

    Returns:
        (size, hidden) rows. The spectral ones also satisfy ``dual @ operator`` = (matrix in the basis) ``@ dual``.

    Raises:
        UserError: if the basis is dependent, has more columns than rows, or the kind is unknown; for ``inverse``, if
            it is not square; for ``spectral``, if the operator is missing, does not keep the span, or has an
            eigenvalue in common inside and outside the span.

    Source: twm Sec. 3.1, A.1 Eq. (21). The paper names no dual for hidden > history*dim.
    """
    basis = _check_columns(basis)
    hidden, size = basis.shape
    require(kind in DUALS, f"dual must be one of {', '.join(DUALS)}, not {kind!r}")
    if kind == "inverse":
        require(hidden == size, f"only a square basis has an inverse, not one of shape {basis.shape}")
        return np.linalg.inv(basis)
    if kind == "pseudo-inverse":
        return np.linalg.pinv(basis)
    require(operator is not None, "the spectral dual needs the operator whose transients it is to ignore")
    return _compute_spectral_dual(basis, np.asarray(operator, dtype=float))


def transform_operator(wave_operator: np.ndarray, basis: Basis) -> np.ndarray:
    """Carry an operator from substrate coordinates into the hidden space: Psi Phi Psi*.

    Args:
        wave_operator: Phi, (size, size).
        basis: a basis of that size.

    Returns:
        (hidden, hidden). Directions that the dual does not see are mapped to zero.

    Raises:
        UserError: if the shapes do not fit.

    Source: twm Eq. (6), A.5 after Eq. (43).
    """
    wave_operator = np.asarray(wave_operator)
    fits = wave_operator.shape == (basis.size, basis.size)
    require(fits, f"the wave operator must be of shape {(basis.size, basis.size)}, not {wave_operator.shape}")
    return basis.basis @ wave_operator @ basis.dual_basis


def add_complement(
    recurrent: np.ndarray, basis: Basis, radius: float, seed: int | np.random.Generator = 0
) -> np.ndarray:
    """Add dynamics of a given spectral radius on the directions that the dual does not see.

    The wave is left as it was: the addition vanishes on the basis, and the dual vanishes on the addition.

    Args:
        recurrent: (hidden, hidden), as from :func:`transform_operator`.
        basis: the basis it was made with.
        radius: spectral radius of the random addition; below 1 it decays.
        seed: seed or generator of the addition.

    Returns:
        (hidden, hidden).

    Raises:
        UserError: if radius is negative or the shapes do not fit.
    """
    recurrent = np.asarray(recurrent)
    fits = recurrent.shape == (basis.hidden, basis.hidden)
    require(fits, f"recurrent must be of shape {(basis.hidden, basis.hidden)}, not {recurrent.shape}")
    require(np.isfinite(radius) and radius >= 0, f"the complement's spectral radius must be at least 0, not {radius!r}")
    spare = basis.hidden - basis.size
    if spare == 0 or radius == 0:
        return recurrent.copy()
    random = np.random.default_rng(seed).standard_normal((spare, spare))
    random *= radius / np.abs(np.linalg.eigvals(random)).max()
    across = _orthogonal_complement(basis.basis)
    unseen = across - basis.basis @ (basis.dual_basis @ across)
    return recurrent + unseen @ random @ across.T


def make_encoder(basis: Basis, dim: int) -> np.ndarray:
    """Make the write operator W_uh = Psi_s: inputs go to the newest column.

    Args:
        basis: a basis of size history*dim.
        dim: dimension of a state.

    Returns:
        (hidden, dim).

    Raises:
        UserError: if the basis's size is not a multiple of dim.

    Source: twm Eq. (31).
    """
    return basis.basis[:, -_check_dim(basis, dim) :].copy()


def make_readout(basis: Basis, dim: int) -> np.ndarray:
    """Make the read operator W_r = Psi_s*: the dual rows of the newest column.

    Args:
        basis: a basis of size history*dim.
        dim: dimension of a state.

    Returns:
        (dim, hidden).

    Raises:
        UserError: if the basis's size is not a multiple of dim.

    Source: twm Eq. (7), (30), with y the vector of the d products, not their sum.
    """
    return basis.dual_basis[-_check_dim(basis, dim) :].copy()


def _check_dim(basis: Basis, dim: int) -> int:
    dim = require_count(dim, "dim")
    require(basis.size % dim == 0, f"a basis of {basis.size} vectors cannot hold columns of dim {dim}")
    return dim


def _check_columns(columns: np.ndarray) -> np.ndarray:
    columns = np.asarray(columns, dtype=float)
    require(
        columns.ndim == 2 and 0 not in columns.shape,
        f"a basis must be a matrix of columns, not of shape {columns.shape}",
    )
    require(bool(np.isfinite(columns).all()), "a basis must be finite: it has NaN or infinite entries")
    hidden, size = columns.shape
    require(hidden >= size, f"hidden must be at least history*dim = {size}, not {hidden}: the basis would be dependent")
    values = np.linalg.svd(columns, compute_uv=False)
    rank = int((values > _DEPENDENT * values[0]).sum())
    require(rank == size, f"the basis is not independent: its {size} columns have rank {rank}")
    return columns


def _draw_orthonormal(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    orthonormal, upper = np.linalg.qr(rng.standard_normal((rows, columns)))
    # Without the signs the draw would not be uniform over orthonormal frames.
    return orthonormal * np.sign(np.diag(upper))


def _orthogonal_complement(columns: np.ndarray) -> np.ndarray:
    hidden, size = columns.shape
    return np.linalg.qr(columns, mode="complete")[0][:, size:] if hidden > size else np.zeros((hidden, 0))


def _pack(columns: np.ndarray, dual_basis: np.ndarray, dual: str) -> Basis:
    return Basis(columns, dual_basis, dual, float(np.linalg.norm(columns, 2) * np.linalg.norm(dual_basis, 2)))


def _compute_spectral_dual(basis: np.ndarray, operator: np.ndarray) -> np.ndarray:
    from scipy.linalg import solve_sylvester

    hidden, size = basis.shape
    require(
        operator.shape == (hidden, hidden), f"the operator must be of shape {(hidden, hidden)}, not {operator.shape}"
    )
    frame, upper = np.linalg.qr(basis, mode="complete")
    turned = frame.T @ operator @ frame
    scale = np.linalg.norm(operator, 2)
    leak = np.linalg.norm(turned[size:, :size], 2) if hidden > size else 0.0
    require(
        leak <= 1e-8 * scale,
        f"the operator leads out of the span of the basis (by {leak:.1e}): it has no spectral dual",
    )
    inside, coupling, outside = turned[:size, :size], turned[:size, size:], turned[size:, size:]
    if hidden == size:
        return np.linalg.inv(basis)
    # In the frame the operator is block triangular; the columns (mixed, 1) span the other invariant subspace if
    # inside @ mixed + coupling = mixed @ outside, so the rows (1, -mixed) vanish there.
    if np.linalg.norm(coupling, 2) <= 1e-14 * scale:
        mixed = np.zeros_like(coupling)
    else:
        try:
            mixed = solve_sylvester(inside, -outside, -coupling)
        except (np.linalg.LinAlgError, ValueError) as error:
            raise UserError(f"the spectral dual does not exist: {error}") from None
        defect = np.linalg.norm(inside @ mixed + coupling - mixed @ outside, 2)
        solved = (
            np.isfinite(defect)
            and np.linalg.norm(mixed, 2) < 1e8
            and defect <= 1e-8 * scale * max(1, np.linalg.norm(mixed, 2))
        )
        require(
            solved, "the spectral dual does not exist: the operator has an eigenvalue both inside and outside the span"
        )
    rows = frame[:, :size].T - mixed @ frame[:, size:].T
    return np.linalg.solve(upper[:size], rows)
