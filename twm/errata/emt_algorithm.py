"""Earlier form of the theory (emt), Sec. 6 and appendices: the algorithm, the reduction to an RNN, linearisation."""

import numpy as np

from twm.errata.emt_theory import make_memory, step_memory
from twm.errata.model import Chapter, ErratumResult, compare_errors, relative_error
from twm.errata.twm_appendix_memory import check_linearised_point, check_linearised_time
from twm.theory.bases import make_basis, transform_operator
from twm.theory.operators import make_cycle, make_wave_operator

CHAPTER = Chapter("emt")


# ---- the algorithm, Sec. 6


@CHAPTER.add(
    "emt.sec6.transpose",
    where="Sec. 6",
    printed=r"$\Phi_{\mathrm{learned}}^\top = \Psi^* W_{hh}\Psi$",
    corrected=r"$\Phi_{\mathrm{learned}} = \Psi^* W_{hh}\Psi$",
    why=(
        r"By Eq. 8, $W_{hh} = \Psi\Phi\Psi^*$, so the sandwich gives back $\Phi$ itself, which is what Fig. 3 "
        "shows beside the theory."
    ),
    kind="consistency",
)
def check_learned_operator() -> ErratumResult:
    """Build W_hh from a known operator and read it back. Source: emt Eq. (8)-(9), Sec. 6."""
    s, d = 4, 2
    phi = make_wave_operator(np.random.default_rng(0).normal(size=(d, s * d)))
    psi = make_basis(s * d, 12, kind="skew")
    read_back = psi.dual_basis @ transform_operator(phi, psi) @ psi.basis
    return compare_errors(
        relative_error(read_back.T, phi),
        relative_error(read_back, phi),
        "relative error of the operator read from the weights",
    )


@CHAPTER.add(
    "emt.sec6.inverse",
    where="Sec. 6, before Eq. (14)",
    printed=r"$\Psi_k = (\Phi^{-1})^k\Psi_s = (\Phi^\top)^k\Psi_s$, without a condition on $\Phi$",
    corrected=r"only where $\Phi$ is orthogonal, as in repeat copy",
    why=(
        "The transpose is the inverse of an orthogonal matrix only. Fibonacci's operator is not orthogonal, "
        "and one that never reads the oldest column has no inverse at all."
    ),
)
def check_inverse_by_transpose() -> ErratumResult:
    """Compare transpose and inverse for Fibonacci and for repeat copy. Source: emt Sec. 6, Eq. (12)."""
    s, d = 3, 2
    fibonacci, copy = make_wave_operator(np.tile(np.eye(d), s)), make_cycle(s, d)
    printed, corrected = (np.abs(np.linalg.inv(phi) - phi.T).max() for phi in (fibonacci, copy))
    return compare_errors(
        printed, corrected, "largest entry of inverse minus transpose: Fibonacci, then repeat copy (s=3, d=2)"
    )


@CHAPTER.add(
    "emt.alg1.projection",
    where="Algorithm 1, last line",
    printed=r"$\Psi^\perp \leftarrow \mathrm{PC}(\tilde h - \Psi^*\tilde h)$",
    corrected=r"$\Psi^\perp \leftarrow \mathrm{PC}(h - \Psi\Psi^* h)$",
    why=(
        r"$\Psi^* h$ are $s\kappa$ coordinates, $h$ has $N$ neurons: they cannot be subtracted, and where "
        r"$N=s\kappa$ the difference means nothing. $\Psi\Psi^* h$ is the part of $h$ in the memories, and "
        "the rest has no contents."
    ),
)
def check_memory_projection() -> ErratumResult:
    """Read the contents that are left after each subtraction, with N = s kappa. Source: emt Algorithm 1, Sec. 6."""
    psi = make_basis(8, kind="orthonormal")
    h = np.random.default_rng(0).normal(size=8)
    contents = psi.dual_basis @ h
    left = h - contents, h - psi.basis @ contents
    printed, corrected = (np.abs(psi.dual_basis @ rest).max() for rest in left)
    return compare_errors(printed, corrected, "largest content left in the memories after taking the memories out")


# ---- the reduction to an RNN, App. A


@CHAPTER.add(
    "emt.eq16.pseudoinverse",
    where="Eq. (16)-(24)",
    printed=r"$\Xi^\top$ reads the memories",
    corrected=r"$\Xi^\dagger$, as in Eq. 1",
    why=(
        "Sec. 3 brings in the pseudo-inverse just so that memories need not be orthonormal; the appendix "
        "goes back to the transpose, with which skew memories are read wrongly."
    ),
    kind="consistency",
)
def check_memory_dual() -> ErratumResult:
    """Read the memories themselves: memory mu must give the unit vector mu. Source: emt Eq. (1), (16)-(20)."""
    _, xi, xi_dual, _ = make_memory()
    return compare_errors(
        np.abs(xi.T @ xi - np.eye(4)).max(),
        np.abs(xi_dual @ xi - np.eye(4)).max(),
        "largest error when four skew memories are read",
    )


@CHAPTER.add(
    "emt.eq18.sigma",
    where="Eq. (17) to (18)",
    printed=r"$\Xi\sigma_h(V_h)$ becomes $\Xi V_h$",
    corrected=r"$\Xi\sigma_h(V_h)$; it becomes $\Xi V_h$ only for $\sigma_h(v)=v$, which has to be assumed",
    why=(
        "The activation of the memory units is dropped between two lines. Only with the identity does the "
        "result have the form of an RNN."
    ),
)
def check_memory_activation() -> ErratumResult:
    """Compare the reduced map with a step of Eq. (17) for sigma_h = tanh and for the identity. Source: emt (17)-(20)."""
    v_f, xi, xi_dual, phi_prime = make_memory()
    reduced = xi @ (np.eye(4) + phi_prime.T) @ xi_dual @ np.tanh(v_f)
    printed, corrected = (
        relative_error(reduced, step_memory(v_f, xi, xi_dual, phi_prime, sigma_h=sigma_h))
        for sigma_h in (np.tanh, lambda v: v)
    )
    return compare_errors(printed, corrected, "relative error of the reduced map: sigma_h = tanh, then the identity")


@CHAPTER.add(
    "emt.eq20.doubled",
    where="Eq. (16)-(24)",
    printed=r"$\Xi(I+\Phi^\top)\Xi^\top$ with the $\Phi$ of the main text",
    corrected=r"$\Xi(I+\Phi'^\top)\Xi^\dagger = \Xi\Phi^\top\Xi^\dagger$",
    why=(
        r"Sec. 3 defines $\Phi^\top = I+\Phi'^\top$. With $\Phi$ in place of $\Phi'$ the appendix adds the "
        "identity twice."
    ),
    kind="consistency",
)
def check_doubled_identity() -> ErratumResult:
    """Compare both maps with Eq. (2) when Phi = I + Phi'. Source: emt Sec. 3, Eq. (2), (20)."""
    _, xi, xi_dual, phi_prime = make_memory()
    phi = np.eye(4) + phi_prime
    by_eq_2 = xi @ phi.T @ xi_dual
    return compare_errors(
        relative_error(xi @ (np.eye(4) + phi.T) @ xi_dual, by_eq_2),
        relative_error(xi @ (np.eye(4) + phi_prime.T) @ xi_dual, by_eq_2),
        "relative difference from the recurrent matrix of Eq. (2)",
    )


# ---- linearisation, App. C


CHAPTER.add(
    "emt.eq35.time",
    where="Eq. (35)",
    printed=r"$h(t+1)-h^* = \mathcal J(g)|_{h^*} W_{hh}\,(h(t+1)-h^*) + \ldots$",
    corrected=r"$\ldots\,(h(t)-h^*) + O((h(t)-h^*)^2)$",
    why="As in twm Eq. 41: the next step is predicted from this one.",
)(check_linearised_time)

CHAPTER.add(
    "emt.eq35.point",
    where="Eq. (35)-(37)",
    printed="the Jacobian of the activation is taken at $h^*$",
    corrected="at the preactivation $W_{hh}h^*+b$",
    why="As in twm Eq. 41: the slope is wanted where the activation was evaluated.",
)(check_linearised_point)
