"""Bases of the hidden space, their duals, and operators in these bases.

A rectangular basis (more hidden neurons than s*d) has many duals. The ``pseudo-inverse`` annihilates the orthogonal
complement; the ``spectral`` dual annihilates the operator's other invariant subspace, so decaying activity elsewhere in
the network does not affect what it reads. For a square basis both equal the ``inverse``."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_sylvester

from twm.errors import UserError, check_name, require, require_count

_DUALS = ("inverse", "pseudo-inverse", "spectral")
_KINDS = ("standard", "orthonormal", "skew")
# Below this ratio of its singular values a basis counts as dependent: its dual would have under four correct digits.
_DEPENDENT = 1e-12


@dataclass(frozen=True)
class Basis:
    """The columns psi_mu of a basis and the rows psi^mu of one of its duals. Source: twm Sec. 3.1, A.1."""

    basis: np.ndarray  # Psi, (hidden, size), where size is s*d
    dual_basis: np.ndarray  # Psi*, (size, hidden), with Psi* Psi = 1
    dual: str  # which dual
    condition: float  # |Psi| |Psi*|: rounding errors grow by up to this factor

    hidden = property(lambda self: self.basis.shape[0])  # number of hidden neurons
    size = property(lambda self: self.basis.shape[1])  # number of basis vectors, s*d


def make_basis(
    size: int, hidden: int | None = None, kind: str = "standard", seed: int | np.random.Generator = 0,
    condition: float = 10.0, tilt: float = 0.0,
) -> Basis:  # fmt: skip
    """Make a basis of ``size`` vectors: unit vectors ("standard"), or random ones ("orthonormal", "skew").

    ``condition`` is the ratio of a skew basis's extreme singular values. With ``tilt`` the dual's rows are tilted out of
    the basis's span by this share of their norm; they are the spectral dual of operators built with this basis."""
    size = require_count(size, "size")
    hidden = size if hidden is None else require_count(hidden, "hidden")
    _check_hidden(hidden, size)
    check_name("basis kind", kind, _KINDS)
    require(condition >= 1, f"condition must be at least 1, not {condition!r}")
    require(not tilt or hidden > size, "a square basis has only one dual: tilt needs hidden above history*dim")
    rng = np.random.default_rng(seed)
    columns = np.eye(hidden, size) if kind == "standard" else _draw_orthonormal(hidden, size, rng)
    if kind == "skew":
        stretch = np.geomspace(np.sqrt(condition), 1 / np.sqrt(condition), size)
        columns = (columns * stretch) @ _draw_orthonormal(size, size, rng).T
    if not tilt:
        return make_basis_from_columns(columns)
    rows = np.linalg.pinv(columns)
    turned = rng.standard_normal((size, hidden - size)) @ _orthogonal_complement(columns).T
    return _pack(columns, (rows + turned * (tilt * np.linalg.norm(rows, 2) / np.linalg.norm(turned, 2))), "spectral")


def make_basis_from_columns(columns: np.ndarray) -> Basis:
    """Make a basis from independent columns (hidden, size), with the inverse or pseudo-inverse as its dual."""
    columns = _check_columns(columns)
    dual = "inverse" if columns.shape[0] == columns.shape[1] else "pseudo-inverse"
    return _pack(columns, compute_dual(columns, dual), dual)


def compute_dual(basis: np.ndarray, kind: str, operator: np.ndarray | None = None) -> np.ndarray:
    """Compute the rows psi^mu (size, hidden) of a basis (hidden, size): psi^mu psi_nu = 1 if mu = nu, else 0.

    The spectral dual belongs to an operator W (hidden, hidden) that maps the basis's span into itself, and satisfies
    Psi* W = Phi Psi* too. Source: twm Sec. 3.1, A.1 Eq. (21); the paper names no dual for hidden > s*d."""
    basis = _check_columns(basis)
    hidden, size = basis.shape
    check_name("dual", kind, _DUALS)
    if kind == "pseudo-inverse":
        return np.linalg.pinv(basis)
    if kind == "inverse":
        require(hidden == size, f"only a square basis has an inverse, not one of shape {basis.shape}")
        return np.linalg.inv(basis)
    require(operator is not None, "the left-eigenvector dual needs the operator whose transients it annihilates")
    fits = np.shape(operator) == (hidden, hidden)
    require(fits, f"the operator must be of shape {(hidden, hidden)}, not {np.shape(operator)}")
    return np.linalg.inv(basis) if hidden == size else _compute_spectral_dual(basis, np.asarray(operator, dtype=float))


def transform_operator(wave_operator: np.ndarray, basis: Basis) -> np.ndarray:
    """Transform an operator (size, size) to the hidden space: Psi Phi Psi*. Source: twm Eq. (6), A.5 after Eq. (43)."""
    phi, size = np.asarray(wave_operator), basis.size
    require(phi.shape == (size, size), f"the wave operator must be of shape {(size, size)}, not {phi.shape}")
    return basis.basis @ phi @ basis.dual_basis


def add_complement(
    recurrent: np.ndarray, basis: Basis, radius: float, seed: int | np.random.Generator = 0
) -> np.ndarray:
    """Add random dynamics of a given spectral radius in the dual's kernel, which leaves the wave of W unchanged."""
    recurrent, spare = np.asarray(recurrent), basis.hidden - basis.size
    fits = recurrent.shape == (basis.hidden, basis.hidden)
    require(fits, f"recurrent must be of shape {(basis.hidden, basis.hidden)}, not {recurrent.shape}")
    require(radius >= 0, f"the complement's spectral radius must be at least 0, not {radius!r}")
    if spare == 0 or radius == 0:
        return recurrent.copy()
    random = np.random.default_rng(seed).standard_normal((spare, spare))
    random *= radius / np.abs(np.linalg.eigvals(random)).max()
    across = _orthogonal_complement(basis.basis)
    return recurrent + (across - basis.basis @ (basis.dual_basis @ across)) @ random @ across.T


def measure_condition(columns: np.ndarray, rows: np.ndarray) -> float:
    """Return the product of the spectral norms of a basis and its dual: rounding errors grow by up to this factor."""
    return float(np.linalg.norm(columns, 2) * np.linalg.norm(rows, 2))


def make_encoder(basis: Basis, dim: int) -> np.ndarray:
    """Make W_uh = Psi_s (hidden, dim): inputs are written to the newest column. Source: twm Eq. (31)."""
    return basis.basis[:, -check_dim(basis, dim) :].copy()


def make_readout(basis: Basis, dim: int) -> np.ndarray:
    """Make W_r = Psi_s* (dim, hidden): the d outputs are read from the newest column. Source: twm Eq. (7), (30)."""
    return basis.dual_basis[-check_dim(basis, dim) :].copy()


def check_dim(basis: Basis, dim: int) -> int:
    """Return the dimension of a column; raise an error if the basis cannot hold such columns."""
    dim = require_count(dim, "dim")
    require(basis.size % dim == 0, f"a basis of {basis.size} vectors cannot hold columns of dim {dim}")
    return dim


def _check_hidden(hidden: int, size: int) -> None:
    require(hidden >= size, f"hidden must be at least history*dim = {size}, not {hidden}: the basis would be dependent")


def _check_columns(columns: np.ndarray) -> np.ndarray:
    columns = np.asarray(columns, dtype=float)
    fits = columns.ndim == 2 and 0 not in columns.shape
    require(fits, f"a basis must be a matrix of columns, not of shape {columns.shape}")
    require(bool(np.isfinite(columns).all()), "a basis must be finite: it has NaN or infinite entries")
    _check_hidden(*columns.shape)
    values, size = np.linalg.svd(columns, compute_uv=False), columns.shape[1]
    rank = int((values > _DEPENDENT * values[0]).sum())
    require(rank == size, f"the basis is not independent: its {size} columns have rank {rank}")
    return columns


def _draw_orthonormal(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    orthonormal, upper = np.linalg.qr(rng.standard_normal((rows, columns)))
    # Without the signs the draw would not be uniform over orthonormal frames.
    return orthonormal * np.sign(np.diag(upper))


def _orthogonal_complement(columns: np.ndarray) -> np.ndarray:
    return np.linalg.qr(columns, mode="complete")[0][:, columns.shape[1] :]


def _pack(columns: np.ndarray, rows: np.ndarray, dual: str) -> Basis:
    return Basis(columns, rows, dual, measure_condition(columns, rows))


def _compute_spectral_dual(basis: np.ndarray, operator: np.ndarray) -> np.ndarray:
    size = basis.shape[1]
    frame, upper = np.linalg.qr(basis, mode="complete")
    turned = frame.T @ operator @ frame
    scale, leak = np.linalg.norm(operator, 2), np.linalg.norm(turned[size:, :size], 2)
    problem = f"no left-eigenvector dual: the operator does not map the span of the basis to itself ({leak:.1e})"
    require(leak <= 1e-8 * scale, problem)
    inside, coupling, outside = turned[:size, :size], turned[:size, size:], turned[size:, size:]
    # In the frame the operator is block triangular; the columns (mixed, 1) span the other invariant subspace if
    # inside @ mixed + coupling = mixed @ outside, so the rows (1, -mixed) vanish there.
    mixed, problem = np.zeros_like(coupling), "no left-eigenvector dual: the spectra inside and outside the span overlap"
    if np.linalg.norm(coupling, 2) > 1e-14 * scale:
        try:
            mixed = solve_sylvester(inside, -outside, -coupling)
            size_of_mixed = np.linalg.norm(mixed, 2)
        except ValueError:  # LinAlgError is a ValueError
            raise UserError(problem) from None
        defect = np.linalg.norm(inside @ mixed + coupling - mixed @ outside, 2)
        require(size_of_mixed < 1e8 and defect <= 1e-8 * scale * max(1, size_of_mixed), problem)
    return np.linalg.solve(upper[:size], frame[:, :size].T - mixed @ frame[:, size:].T)
