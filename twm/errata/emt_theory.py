"""Earlier form of the theory (emt), Sec. 3 to 5: the episodic memory, its notation, the variables."""

import numpy as np

from twm.errata.model import Chapter, ErratumResult, compare_errors, relative_error, report
from twm.errata.twm_appendix_memory import check_copy_index
from twm.errata.twm_appendix_model import check_bra_ket_index
from twm.errata.twm_theory import check_second_sum
from twm.theory.bases import make_basis, make_encoder, transform_operator
from twm.theory.operators import make_cycle, make_wave_operator
from twm.theory.systems import make_fibonacci

CHAPTER = Chapter("emt")


# ---- the episodic memory, Sec. 3


def step_memory(v_f, xi, xi_dual, phi_prime, alpha_s=1.0, alpha_c=1.0, sigma_h=lambda v: v):
    """Take one step of the episodic memory at T_f = 1, T_h = T_d = 0, with sigma_f = tanh.

    Args:
        v_f: V_f, (features,).
        xi: memories, (features, memories).
        xi_dual: the matrix that stands for the dual of ``xi``, (memories, features).
        phi_prime: Phi', (memories, memories).
        alpha_s: strength of the single-memory terms.
        alpha_c: strength of the sequence term.
        sigma_h: activation of the memory units.

    Returns:
        V_f(t+1), (features,).

    Source: emt Eq. (1).
    """
    v_d = np.tanh(v_f)
    v_h = np.sqrt(alpha_s) * xi_dual @ np.tanh(v_f) + alpha_c * phi_prime.T @ xi_dual @ v_d
    return np.sqrt(alpha_s) * xi @ sigma_h(v_h)


def make_memory() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw a state V_f (6,), skew memories Xi (6, 4), their pseudo-inverse (4, 6), and Phi' (4, 4)."""
    rng = np.random.default_rng(0)
    memories = make_basis(4, 6, kind="skew", condition=4.0)
    return rng.normal(size=6), memories.basis, memories.dual_basis, rng.normal(size=(4, 4)) * 0.5


@CHAPTER.add(
    "emt.eq1.alphas",
    where="Sec. 3, after Eq. (1)",
    printed=r"$V_f(t+1) = \Xi(I+\Phi'^\top)\Xi^\dagger\sigma_f(V_f(t))$ follows from Eq. 1",
    corrected=r"$V_f(t+1) = \Xi(\alpha_s I+\sqrt{\alpha_s}\,\alpha_c\Phi'^\top)\Xi^\dagger\sigma_f(V_f(t))$",
    why=(
        r"The strengths $\alpha_s$ and $\alpha_c$ of Eq. 1 vanish on the way; the printed form needs both to "
        "be 1, which is nowhere said."
    ),
)
def check_strengths() -> ErratumResult:
    """Take a step of Eq. (1) with strengths other than 1. Source: emt Eq. (1), Sec. 3."""
    v_f, xi, xi_dual, phi_prime = make_memory()
    alpha_s, alpha_c = 0.5, 2.0
    truth = step_memory(v_f, xi, xi_dual, phi_prime, alpha_s, alpha_c)
    printed = xi @ (np.eye(4) + phi_prime.T) @ xi_dual @ np.tanh(v_f)
    corrected = xi @ (alpha_s * np.eye(4) + np.sqrt(alpha_s) * alpha_c * phi_prime.T) @ xi_dual @ np.tanh(v_f)
    return compare_errors(
        relative_error(printed, truth),
        relative_error(corrected, truth),
        "relative error of one step (alpha_s = 1/2, alpha_c = 2)",
    )


@CHAPTER.add(
    "emt.sec3.norm",
    where="Sec. 3, App. A before Eq. (21)",
    printed=(
        r"the norm of $\Xi\Phi^\top\Xi^\dagger$ is restricted to at most 1 to allow the change of state $h = "
        r"\sigma_f(V_f)$"
    ),
    corrected=r"no restriction on the norm: $\sigma_f$ must be invertible, as tanh is",
    why=(
        r"If $V$ follows $V \mapsto W\sigma(V)$, then $h=\sigma(V)$ follows $h \mapsto \sigma(Wh)$, for any "
        "$W$. With norm below 1 every state would fade, so the restriction would exclude all networks that "
        "remember."
    ),
)
def check_conjugacy() -> ErratumResult:
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

    beyond = [norm for norm in (2.0, 5.0, 10.0) if mismatch(norm) < 1e-10]
    corrected = max(mismatch(norm) for norm in (0.5, 1.0, 2.0, 5.0, 10.0))
    return report(
        len(beyond) > 0,
        corrected < 1e-10,
        len(beyond),
        corrected,
        "norms above 1, of 3, at which the conjugacy holds all the same; then its largest error over norms 0.5 to 10",
    )


# ---- notation, Sec. 4


@CHAPTER.add(
    "emt.eq4.transpose",
    where="Eq. (4), (7)",
    printed=r"$W_{hh} = \xi\,\Phi\,\xi^\dagger$ restates Eq. 2",
    corrected=r"$W_{hh} = \xi\,\Phi^\top\xi^\dagger$, or Eq. 2 without the transpose",
    why=(
        r"Eq. 2 has $\Phi^\top$, Eq. 4 and all that follows $\Phi$. For a wave operator the transpose turns "
        "the wave round."
    ),
    kind="consistency",
)
def check_memory_transpose() -> ErratumResult:
    """Build both matrices for Fibonacci with s=3. Source: emt Eq. (2), (4)."""
    phi = make_wave_operator(make_fibonacci(3, 1).matrix)
    xi = make_basis(3, 5, kind="skew")
    by_eq_2 = xi.basis @ phi.T @ xi.dual_basis
    return compare_errors(
        relative_error(xi.basis @ phi @ xi.dual_basis, by_eq_2),
        relative_error(transform_operator(phi.T, xi), by_eq_2),
        "relative difference from the recurrent matrix of Eq. (2)",
    )


CHAPTER.add(
    "emt.sec4.index",
    where="Sec. 4, end; Sec. 5.2, first lines",
    printed=(
        r"$|h(t)\rangle = \langle e^j|h(t)\rangle\,|e_i\rangle$ and $|v\rangle = "
        r"\langle\epsilon^i|v\rangle\,|\epsilon_j\rangle = v^i|\epsilon_j\rangle$"
    ),
    corrected=r"$\langle e^i|h(t)\rangle\,|e_i\rangle$ and $v^i|\epsilon_i\rangle$",
    why=(
        "Equal indices are summed; with two different ones, every component would go with every basis "
        "vector. Eq. 3 has it right."
    ),
)(check_bra_ket_index)


# ---- variables, Sec. 5


@CHAPTER.add(
    "emt.eq6.start",
    where="Eq. (6), with Sec. 5.2 and App. B",
    printed=(r"$h(t+1) = \tanh(W_{hh}h(t)+W_{uh}u(t))$ and yet $|h(1)\rangle = u^i(1)|\psi_{(s-1)\kappa+i}\rangle$"),
    corrected=r"$h(t) = \tanh(W_{hh}h(t-1)+W_{uh}u(t))$, $y(t) = W_r h(t)$",
    why=(
        "By Eq. 6 the first input is in $h(2)$; $h(1)$ would hold $u(0)$, which does not exist. All states "
        "of Sec. 5.2 and App. B are one step earlier, as with the main paper's Eq. 9."
    ),
    kind="consistency",
)
def check_first_state() -> ErratumResult:
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

    printed, corrected = count_in_place(delay=1), count_in_place(delay=0)
    return report(
        printed < s,
        corrected == s,
        printed,
        corrected,
        "variables, of 4, in the place that Eq. (33) gives them at t = s",
    )


@CHAPTER.add(
    "emt.sec52.members",
    where="Sec. 5.2, after Eq. (8)",
    printed=r"$\{\Psi_i\} = \{|\psi_\mu\rangle : \mu\in\{(i-1)\kappa,\ldots,i\kappa\}\}$",
    corrected=r"$\mu\in\{(i-1)\kappa+1,\ldots,i\kappa\}$",
    why=(
        r"The printed set has $\kappa+1$ members for $\kappa$ components, shares one with its neighbour, and "
        r"asks for a $\psi_0$."
    ),
)
def check_memory_members() -> ErratumResult:
    """Count the members of a variable memory. Source: emt Sec. 5.2."""
    kappa, i = 5, 2
    printed, corrected = len(range((i - 1) * kappa, i * kappa + 1)), len(range((i - 1) * kappa + 1, i * kappa + 1))
    return report(
        printed != kappa, corrected == kappa, printed, corrected, "basis vectors of a variable memory (kappa = 5)"
    )


@CHAPTER.add(
    "emt.sec52.readindex",
    where="Sec. 5.2, before Eq. (9)",
    printed=r"$\Psi_i^* = \sum_{\mu=(i-1)\kappa+1}^{i\kappa} |e_\mu\rangle\langle\psi^\mu|$",
    corrected=r"$\sum_\mu |e_{\mu-(i-1)\kappa}\rangle\langle\psi^\mu|$",
    why=(
        r"The contents of a variable memory have $\kappa$ components, so for $i>1$ there is no $e_\mu$. Eq. "
        "10 has the right index."
    ),
)
def check_read_index() -> ErratumResult:
    """Count the unit vectors asked for that do not exist. Source: emt Sec. 5.2, Eq. (10)."""
    kappa, i = 5, 3
    mus = range((i - 1) * kappa + 1, i * kappa + 1)
    printed = sum(not 1 <= mu <= kappa for mu in mus)
    corrected = sum(not 1 <= mu - (i - 1) * kappa <= kappa for mu in mus)
    return report(
        printed > 0, corrected == 0, printed, corrected, "unit vectors, of 5, outside e_1..e_kappa (kappa = 5, i = 3)"
    )


CHAPTER.add(
    "emt.eq9.sumstart",
    where="Eq. (9)",
    printed=r"second sum from $\mu = (N-1)\kappa$",
    corrected=r"from $\mu = (N-1)\kappa+1$",
    why=r"As in twm Eq. 6: row $(N-1)\kappa$ would be counted twice. ($N$ here is the $s$ of Eq. 12.)",
)(check_second_sum)

CHAPTER.add(
    "emt.eq13.index",
    where="Eq. (13), (34)",
    printed=r"$\psi_{[((\mu-t-1 \bmod s)+1)\kappa+i]}$",
    corrected=r"$\psi_{((\mu-t-1) \bmod s)\,\kappa+i}$",
    why=r"As in twm Eq. 40: the index is $\kappa$ too large, against Eq. 33.",
)(check_copy_index)
