"""Earlier form of the theory (emt): the episodic memory, its notation, the variables, the algorithm, the reduction."""

import numpy as np

from errata.slips import Measured, check, compare, relative_error
from twm.theory.bases import make_basis, make_encoder, transform_operator
from twm.theory.operators import make_cycle, make_wave_operator
from twm.theory.systems import make_fibonacci

# ---- the episodic memory, Sec. 3


def step_memory(v_f, xi, xi_dual, phi_prime, alpha_s=1.0, alpha_c=1.0, sigma_h=lambda v: v):
    """Take one step of V_f (features,) at T_f = 1, T_h = T_d = 0, with sigma_f = tanh. Source: emt Eq. (1)."""
    v_d = np.tanh(v_f)
    v_h = np.sqrt(alpha_s) * xi_dual @ np.tanh(v_f) + alpha_c * phi_prime.T @ xi_dual @ v_d
    return np.sqrt(alpha_s) * xi @ sigma_h(v_h)


def make_memory() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw a state V_f (6,), skew memories Xi (6, 4), their pseudo-inverse (4, 6), and Phi' (4, 4)."""
    rng = np.random.default_rng(0)
    memories = make_basis(4, 6, kind="skew", condition=4.0)
    return rng.normal(size=6), memories.basis, memories.dual_basis, rng.normal(size=(4, 4)) * 0.5


@check("emt.eq1.alphas")
def check_strengths() -> Measured:
    """Take a step of Eq. (1) with strengths other than 1. Source: emt Eq. (1), Sec. 3."""
    v_f, xi, xi_dual, phi_prime = make_memory()
    alpha_s, alpha_c = 0.5, 2.0
    truth = step_memory(v_f, xi, xi_dual, phi_prime, alpha_s, alpha_c)
    maps = np.eye(4) + phi_prime.T, alpha_s * np.eye(4) + np.sqrt(alpha_s) * alpha_c * phi_prime.T
    return compare(*(relative_error(xi @ one @ xi_dual @ np.tanh(v_f), truth) for one in maps))


@check("emt.sec3.norm")
def check_conjugacy() -> Measured:
    """Follow both systems at norms from 1/2 to 10. Source: emt Eq. (20)-(24)."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(6, 6))
    w /= np.linalg.norm(w, 2)
    start = rng.normal(size=6)

    def mismatch(norm: float) -> float:
        v, h, worst = start, np.tanh(start), 0.0
        for _ in range(10):
            v, h = norm * w @ np.tanh(v), np.tanh(norm * w @ h)
            worst = max(worst, np.abs(np.tanh(v) - h).max())
        return worst

    beyond = sum(mismatch(norm) < 1e-10 for norm in (2.0, 5.0, 10.0))
    return compare(beyond, max(mismatch(norm) for norm in (0.5, 1.0, 2.0, 5.0, 10.0)))


# ---- notation, Sec. 4


@check("emt.eq4.transpose")
def check_memory_transpose() -> Measured:
    """Build both matrices for Fibonacci with s=3. Source: emt Eq. (2), (4)."""
    phi = make_wave_operator(make_fibonacci(3, 1).matrix)
    xi = make_basis(3, 5, kind="skew")
    by_eq_2 = xi.basis @ phi.T @ xi.dual_basis
    matrices = xi.basis @ phi @ xi.dual_basis, transform_operator(phi.T, xi)
    return compare(*(relative_error(matrix, by_eq_2) for matrix in matrices))


# ---- variables, Sec. 5


@check("emt.eq6.start")
def check_first_state() -> Measured:
    """Count the variables in their place at t = s, when h(t) reads u(t - delay). Source: emt Eq. (6), (33)."""
    s, d = 4, 2
    psi = make_basis(s * d, kind="orthonormal")
    w_hh, w_uh = transform_operator(make_cycle(s, d), psi), make_encoder(psi, d)
    u = np.random.default_rng(0).normal(size=(s + 1, d))
    u[0] = 0  # u(0), before the input phase

    def count_in_place(delay: int) -> int:
        h = np.zeros(s * d)
        for t in range(1, s + 1):
            h = w_hh @ h + w_uh @ u[t - delay]
        found = (psi.dual_basis @ h).reshape(s, d)
        return sum(np.allclose(found[mu - 1], u[mu]) for mu in range(1, s + 1))

    return compare(count_in_place(delay=1), count_in_place(delay=0), truth=s)


@check("emt.sec52.members")
def check_memory_members() -> Measured:
    """Count the members of a variable memory. Source: emt Sec. 5.2."""
    kappa, i = 5, 2
    return compare(*(len(range((i - 1) * kappa + first, i * kappa + 1)) for first in (0, 1)), truth=kappa)


@check("emt.sec52.readindex")
def check_read_index() -> Measured:
    """Count the unit vectors asked for that do not exist. Source: emt Sec. 5.2, Eq. (10)."""
    kappa, i = 5, 3
    mus = range((i - 1) * kappa + 1, i * kappa + 1)
    return compare(*(sum(not 1 <= mu - less <= kappa for mu in mus) for less in (0, (i - 1) * kappa)))


# ---- the algorithm, Sec. 6


@check("emt.sec6.transpose")
def check_learned_operator() -> Measured:
    """Build W_hh from a known operator and read it back. Source: emt Eq. (8)-(9), Sec. 6."""
    phi = make_wave_operator(np.random.default_rng(0).normal(size=(2, 8)))
    psi = make_basis(8, 12, kind="skew")
    read_back = psi.dual_basis @ transform_operator(phi, psi) @ psi.basis
    return compare(relative_error(read_back.T, phi), relative_error(read_back, phi))


@check("emt.sec6.inverse")
def check_inverse_by_transpose() -> Measured:
    """Compare transpose and inverse for Fibonacci and for repeat copy. Source: emt Sec. 6, Eq. (12)."""
    s, d = 3, 2
    operators = make_wave_operator(np.tile(np.eye(d), s)), make_cycle(s, d)
    return compare(*(np.abs(np.linalg.inv(phi) - phi.T).max() for phi in operators))


@check("emt.alg1.projection")
def check_memory_projection() -> Measured:
    """Read the contents that are left after each subtraction, with N = s kappa. Source: emt Algorithm 1, Sec. 6."""
    psi = make_basis(8, kind="orthonormal")
    h = np.random.default_rng(0).normal(size=8)
    contents = psi.dual_basis @ h
    return compare(*(np.abs(psi.dual_basis @ rest).max() for rest in (h - contents, h - psi.basis @ contents)))


# ---- the reduction to an RNN, App. A


@check("emt.eq16.pseudoinverse")
def check_memory_dual() -> Measured:
    """Read the memories themselves: memory mu must give the unit vector mu. Source: emt Eq. (1), (16)-(20)."""
    _, xi, xi_dual, _ = make_memory()
    return compare(*(np.abs(dual @ xi - np.eye(4)).max() for dual in (xi.T, xi_dual)))


@check("emt.eq18.sigma")
def check_memory_activation() -> Measured:
    """Compare the reduced map with a step of Eq. (17) for sigma_h = tanh and for the identity. Source: emt (17)-(20)."""
    v_f, xi, xi_dual, phi_prime = make_memory()
    reduced = xi @ (np.eye(4) + phi_prime.T) @ xi_dual @ np.tanh(v_f)
    steps = (step_memory(v_f, xi, xi_dual, phi_prime, sigma_h=sigma_h) for sigma_h in (np.tanh, lambda v: v))
    return compare(*(relative_error(reduced, step) for step in steps))


@check("emt.eq20.doubled")
def check_doubled_identity() -> Measured:
    """Compare both maps with Eq. (2) when Phi = I + Phi'. Source: emt Sec. 3, Eq. (2), (20)."""
    _, xi, xi_dual, phi_prime = make_memory()
    phi = np.eye(4) + phi_prime
    by_eq_2 = xi @ phi.T @ xi_dual
    return compare(*(relative_error(xi @ (np.eye(4) + one.T) @ xi_dual, by_eq_2) for one in (phi, phi_prime)))
