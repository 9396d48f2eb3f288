"""Main paper, Sec. 4.1 and 4.2: spectra, and Algorithm 1 for the basis."""

from collections.abc import Iterable

import numpy as np

from errata.slips import Measured, check, compare, relative_error
from twm.theory.bases import Basis, add_complement, make_basis, make_encoder, make_readout, transform_operator
from twm.theory.operators import make_cycle, make_wave_operator, simulate_linear

# ---- spectra, Sec. 4.1


@check("twm.sec41.similar")
def check_similarity() -> Measured:
    """Build a network of 12 neurons for a wave operator of size 6. Source: twm Sec. 4.1, Eq. (6)."""
    phi = make_wave_operator(np.random.default_rng(0).normal(size=(2, 6)))
    psi = make_basis(6, 12, kind="skew")
    w_hh = psi.basis @ phi @ psi.dual_basis
    network, theory = np.linalg.eigvals(w_hh), np.linalg.eigvals(phi)

    def count_unmatched(values: np.ndarray, partners: np.ndarray) -> int:
        return sum(np.abs(partners - value).min() > 1e-6 for value in values)

    printed, corrected = count_unmatched(network, theory), count_unmatched(theory, network)
    intertwined = relative_error(w_hh @ psi.basis, psi.basis @ phi) < 1e-10
    return Measured(printed > 0, corrected == 0 and intertwined, printed, corrected)


@check("twm.sec41.realpart")
def check_excluded_part() -> Measured:
    """Compare repeat copy with a copy of gain 1.3: same rotations, larger radius. Source: twm Sec. 4.1, Table 1."""
    phi = make_wave_operator(np.eye(2, 10))
    theory, network = np.linalg.eigvals(phi), np.linalg.eigvals(1.3 * phi)
    nearest = network[np.abs(theory[:, None] - network / 1.3).argmin(axis=1)]
    return compare(np.abs(nearest.imag - theory.imag).mean(), np.abs(np.angle(nearest / theory)).mean())


# ---- Algorithm 1


def iterate(step: np.ndarray, start: np.ndarray, powers: Iterable[int]) -> np.ndarray:
    """Return the blocks ``step^power @ start`` (neurons, dim) side by side, the oldest first."""
    return np.hstack([np.linalg.matrix_power(step, power) @ start for power in powers])


def make_network_with_transients() -> tuple[Basis, np.ndarray, np.ndarray]:
    """Build a repeat-copy network (s=4, d=2) of 12 neurons whose spare directions decay, askew to the memories.

    Returns the basis with its spectral dual, the decaying eigenvectors E (12, 4), and their left partners (4, 12).
    """
    psi = make_basis(8, 12, kind="orthonormal", seed=1, tilt=0.7)
    w_hh = add_complement(transform_operator(make_cycle(4, 2), psi), psi, radius=0.5, seed=2)
    values, right = np.linalg.eig(w_hh)
    fast = np.abs(values) < 1 - 1e-9
    return psi, right[:, fast], np.linalg.inv(right)[fast]


@check("twm.alg1.transpose")
def check_forward_powers() -> Measured:
    """Recover an orthonormal basis when the boundary mixes the oldest state, f(h) = A h_1. Source: twm Algorithm 1."""
    s, d = 4, 2
    psi = make_basis(s * d, kind="orthonormal")
    boundary = np.hstack([[[1.0, 0.5], [0.0, 1.0]], np.zeros((d, (s - 1) * d))])
    w_hh = transform_operator(make_wave_operator(boundary), psi)
    w_r_plus = np.linalg.pinv(make_readout(psi, d))
    guesses = iterate(w_hh.T, w_r_plus, (1, 2, 3, 0)), iterate(w_hh, w_r_plus, (3, 2, 1, 0))
    return compare(*(relative_error(guess, psi.basis) for guess in guesses))


@check("twm.alg1.start")
def check_start_block() -> Measured:
    """Recover a skew basis of repeat copy by forward powers from both blocks. Source: twm Algorithm 1, Eq. (31)."""
    psi = make_basis(8, kind="skew", condition=5.0)
    w_hh = transform_operator(make_cycle(4, 2), psi)
    starts = np.linalg.pinv(make_readout(psi, 2)), make_encoder(psi, 2)
    return compare(*(relative_error(iterate(w_hh, start, (3, 2, 1, 0)), psi.basis) for start in starts))


@check("twm.alg1.projector")
def check_transient_projector() -> Measured:
    """Clean a basis that is already exact: nothing should change. Source: twm Algorithm 1."""
    psi, e, e_dual = make_network_with_transients()
    duals = np.linalg.pinv(e), e_dual
    return compare(*(relative_error((np.eye(12) - e @ dual) @ psi.basis, psi.basis) for dual in duals))


@check("twm.alg1.magnitude")
def check_transient_magnitude() -> Measured:
    """Count the memories of repeat copy with s = 2, whose eigenvalues are 1 and -1. Source: twm Algorithm 1, A.4."""
    values = np.linalg.eigvals(make_cycle(2, 3)).real
    return compare(*(np.sum(~(size < 1 - 1e-9)) for size in (values, np.abs(values))), truth=6)


@check("twm.alg1.newest")
def check_newest_block() -> Measured:
    """Measure the transient part that is left in Psi_s. Source: twm Algorithm 1, emt Sec. 6."""
    psi, e, e_dual = make_network_with_transients()
    psi_s = np.linalg.pinv(make_readout(psi, 2))
    blocks = psi_s, psi_s - e @ e_dual @ psi_s
    return compare(*(np.linalg.norm(e @ e_dual @ block) / np.linalg.norm(block) for block in blocks))


@check("twm.alg1.alpha")
def check_alpha() -> Measured:
    """Change alpha from 0 to 1 in this form and in the earlier paper's. Source: twm Algorithm 1, emt Eq. (14)-(15)."""
    psi = make_basis(8, kind="skew", condition=5.0)
    w_hh = transform_operator(make_cycle(4, 2), psi)
    backward = iterate(w_hh.T, np.linalg.pinv(make_readout(psi, 2)), (1, 2, 3, 0))
    forward = iterate(w_hh, make_encoder(psi, 2), (3, 2, 1, 0))
    forms = (lambda alpha: backward, lambda alpha: alpha * forward + (1 - alpha) * backward)
    printed, earlier = (np.abs(form(1.0) - form(0.0)).max() for form in forms)
    return Measured(printed == 0, earlier > 1e-3, printed, earlier)


@check("twm.alg1.residual")
def check_residual() -> Measured:
    """Measure what is left of random states of 12 neurons outside 8 memories. Source: twm Algorithm 1, Sec. 4.2."""
    psi = make_basis(8, 12, kind="skew").basis
    h = np.random.default_rng(0).normal(size=(12, 200))
    projector = psi @ np.linalg.pinv(psi)
    left_over = (np.linalg.matrix_rank(states - projector @ states, tol=1e-9) for states in (projector @ h, h))
    return compare(*left_over, truth=4)


@check("twm.alg1.dual")
def check_spectral_dual() -> Measured:
    """Read variables beside transients by the pseudo-inverse, Psi_s cleaned or not. Source: twm Algorithm 1, Sec. 4.2."""
    psi, e, e_dual = make_network_with_transients()
    rng = np.random.default_rng(0)
    variables = rng.choice([-1.0, 1.0], size=8)
    h = psi.basis @ variables + (e @ e_dual @ rng.normal(size=12)).real
    cleaned = psi.basis - (e @ np.linalg.pinv(e) @ psi.basis).real
    bases = np.hstack([cleaned[:, :-2], psi.basis[:, -2:]]), cleaned
    return compare(*(np.abs(np.linalg.pinv(basis) @ h - variables).max() for basis in bases))


@check("twm.sec42.projection")
def check_substrate_coordinates() -> Measured:
    """Read a repeat-copy network of sd neurons both ways after its input phase. Source: twm Sec. 4.2, Eq. (39)."""
    s, d = 4, 2
    psi = make_basis(s * d, kind="orthonormal")
    u = np.random.default_rng(0).choice([-1.0, 1.0], size=(s, d))
    w_hh = psi.basis @ make_wave_operator(np.eye(d, s * d)) @ psi.dual_basis
    _, states = simulate_linear(w_hh, make_encoder(psi, d), make_readout(psi, d), u, steps=0)
    contents = np.linalg.pinv(psi.basis) @ states[-1]
    return compare(relative_error(psi.basis @ contents, u.reshape(-1)), relative_error(contents, u.reshape(-1)))
