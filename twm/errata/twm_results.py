"""Main paper, Sec. 4.1 and 4.2: spectra, and Algorithm 1 for the basis."""

import numpy as np

from twm.errata.model import Chapter, ErratumResult, compare_errors, relative_error, report
from twm.theory.bases import Basis, add_complement, make_basis, make_encoder, make_readout, transform_operator
from twm.theory.operators import make_cycle, make_wave_operator, simulate_linear

CHAPTER = Chapter("twm")


# ---- spectra, Sec. 4.1


@CHAPTER.add(
    "twm.sec41.similar",
    where="Sec. 4.1",
    printed=(
        r"$W_{hh}$ and $\Phi$ are similar matrices that differ only by a basis change, so they share *a "
        "portion* of their spectra"
    ),
    corrected=r"$W_{hh}\Psi = \Psi\Phi$: every non-zero eigenvalue of $\Phi$ is one of $W_{hh}$, which has more",
    why=(
        "Similar matrices have equal size and equal spectra. A network with $N > sd$ neurons is larger than "
        r"$\Phi$: it contains $\Phi$ on an invariant subspace, which is what the comparison of spectra can "
        "show."
    ),
    kind="consistency",
)
def check_similarity() -> ErratumResult:
    """Build a network of 12 neurons for a wave operator of size 6. Source: twm Sec. 4.1, Eq. (6)."""
    s, d, neurons = 3, 2, 12
    phi = make_wave_operator(np.random.default_rng(0).normal(size=(d, s * d)))
    psi = make_basis(s * d, neurons, kind="skew")
    w_hh = psi.basis @ phi @ psi.dual_basis
    of_network, of_theory = np.linalg.eigvals(w_hh), np.linalg.eigvals(phi)

    def count_unmatched(values: np.ndarray, partners: np.ndarray) -> int:
        return sum(np.abs(partners - value).min() > 1e-6 for value in values)

    intertwined = relative_error(w_hh @ psi.basis, psi.basis @ phi)
    printed, corrected = count_unmatched(of_network, of_theory), count_unmatched(of_theory, of_network)
    return report(
        printed > 0,
        corrected == 0 and intertwined < 1e-10,
        printed,
        corrected,
        "eigenvalues without a partner: first of the network's 12 in the operator's 6, then the other way round",
    )


@CHAPTER.add(
    "twm.sec41.realpart",
    where="Sec. 4.1",
    printed="the comparison of spectra excludes the real part",
    corrected="it excludes the magnitude: the arguments of the eigenvalues are compared",
    why=(
        "The reason given in the next sentence is about magnitudes, and Table 1 compares arguments. A "
        "network that differs from the theory by its gain alone would fail a comparison of imaginary parts."
    ),
    kind="consistency",
)
def check_excluded_part() -> ErratumResult:
    """Compare repeat copy with a copy of gain 1.3: same rotations, larger radius. Source: twm Sec. 4.1, Table 1."""
    phi = make_wave_operator(np.eye(2, 10))
    theory, network = np.linalg.eigvals(phi), np.linalg.eigvals(1.3 * phi)
    nearest = network[np.abs(theory[:, None] - network / 1.3).argmin(axis=1)]
    return compare_errors(
        np.abs(nearest.imag - theory.imag).mean(),
        np.abs(np.angle(nearest / theory)).mean(),
        "mean difference of imaginary parts, then of arguments in radians, for the same rotations at gain 1.3",
    )


# ---- Algorithm 1


def recover_basis(step: np.ndarray, start: np.ndarray, powers: list[int]) -> np.ndarray:
    """Return the blocks ``step^power @ start`` side by side.

    Args:
        step: (neurons, neurons), the matrix that is iterated.
        start: (neurons, dim), the block to start from.
        powers: one for each column of the substrate, the oldest first.

    Returns:
        (neurons, history*dim).
    """
    return np.hstack([np.linalg.matrix_power(step, power) @ start for power in powers])


def make_network_with_transients(s: int, d: int, neurons: int) -> tuple[Basis, np.ndarray]:
    """Build a repeat-copy network whose spare directions decay and are not orthogonal to the memories.

    Returns:
        the basis, with its spectral dual, and W_hh (neurons, neurons).
    """
    psi = make_basis(s * d, neurons, kind="orthonormal", seed=1, tilt=0.7)
    return psi, add_complement(transform_operator(make_cycle(s, d), psi), psi, radius=0.5, seed=2)


def split_spectrum(w_hh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the decaying eigenvectors E, |lambda| < 1, as columns, and their left partners as rows."""
    values, right = np.linalg.eig(w_hh)
    fast = np.abs(values) < 1 - 1e-9
    return right[:, fast], np.linalg.inv(right)[fast]


@CHAPTER.add(
    "twm.alg1.transpose",
    where="Algorithm 1, power step",
    printed=r"$\Psi_k \leftarrow (W_{hh}^\top)^k\,W_r^\dagger$",
    corrected=r"$\Psi_k \leftarrow W_{hh}^{\,s-k}\,W_r^\dagger$, exact where $f$ does not act on the way (A.6)",
    why=(
        r"A wave moves forward by $W_{hh}$: $\Psi_{s-1} = W_{hh}\Psi_s$, and so on. The transposed form goes "
        "round the other way and needs $W_{hh}$ to be orthogonal on the memories and $W_{hh}^s = 1$ there, "
        "which is true of repeat copy in an orthonormal basis alone."
    ),
)
def check_forward_powers() -> ErratumResult:
    """Recover an orthonormal basis when the boundary mixes the oldest state, f(h) = A h_1. Source: twm Algorithm 1."""
    s, d = 4, 2
    a = np.array([[1.0, 0.5], [0.0, 1.0]])
    psi = make_basis(s * d, kind="orthonormal")
    w_hh = transform_operator(make_wave_operator(np.hstack([a, np.zeros((d, (s - 1) * d))])), psi)
    w_r_plus = np.linalg.pinv(make_readout(psi, d))
    printed = recover_basis(w_hh.T, w_r_plus, [*range(1, s), 0])
    corrected = recover_basis(w_hh, w_r_plus, [s - k for k in range(1, s + 1)])
    return compare_errors(
        relative_error(printed, psi.basis),
        relative_error(corrected, psi.basis),
        "relative error of the recovered basis (s=4, d=2, f(h) = A h_1)",
    )


@CHAPTER.add(
    "twm.alg1.start",
    where="Algorithm 1, start",
    printed=r"$\Psi_s \leftarrow W_r^\dagger$",
    corrected=r"$\Psi_s \leftarrow W_{uh}$ (Eq. 31), or $W_r^\dagger$ in an orthonormal basis only",
    why=(
        r"$W_r = \Psi_s^*$ fixes only what $\Psi_s$ gives when read; its pseudo-inverse is the shortest such "
        r"block and equals $\Psi_s$ only if the other memories are orthogonal to it."
    ),
)
def check_start_block() -> ErratumResult:
    """Recover a skew basis of repeat copy by forward powers from both blocks. Source: twm Algorithm 1, Eq. (31)."""
    s, d = 4, 2
    psi = make_basis(s * d, kind="skew", condition=5.0)
    w_hh = transform_operator(make_cycle(s, d), psi)
    powers = [s - k for k in range(1, s + 1)]
    printed = recover_basis(w_hh, np.linalg.pinv(make_readout(psi, d)), powers)
    corrected = recover_basis(w_hh, make_encoder(psi, d), powers)
    return compare_errors(
        relative_error(printed, psi.basis),
        relative_error(corrected, psi.basis),
        "relative error of the recovered basis (repeat copy, s=4, d=2, skew basis)",
    )


@CHAPTER.add(
    "twm.alg1.projector",
    where="Algorithm 1, removal of transients",
    printed=r"$\Psi_k \leftarrow \Psi_k - E E^\dagger \Psi_k$",
    corrected=r"$\Psi_k \leftarrow \Psi_k - E E^* \Psi_k$, with $E^*$ the left eigenvectors dual to $E$",
    why=(
        r"$EE^\dagger$ projects at right angles. The eigenvectors of a non-normal $W_{hh}$ are not at right "
        "angles, so it also cuts into memories that have no transient part; the spectral projector does not."
    ),
)
def check_transient_projector() -> ErratumResult:
    """Clean a basis that is already exact: nothing should change. Source: twm Algorithm 1."""
    psi, w_hh = make_network_with_transients(s=4, d=2, neurons=12)
    e, e_dual = split_spectrum(w_hh)
    return compare_errors(
        relative_error((np.eye(12) - e @ np.linalg.pinv(e)) @ psi.basis, psi.basis),
        relative_error((np.eye(12) - e @ e_dual) @ psi.basis, psi.basis),
        "relative change of an exact basis when its transient part, which is zero, is removed",
    )


@CHAPTER.add(
    "twm.alg1.magnitude",
    where="Algorithm 1, removal of transients",
    printed=r"directions with $\lambda(E) < 1$ are transient",
    corrected=r"directions with $|\lambda(E)| < 1$",
    why=(
        "An eigenvalue of $-1$ is below 1 but does not decay; and complex eigenvalues, which waves have, are "
        "not ordered at all."
    ),
)
def check_transient_magnitude() -> ErratumResult:
    """Count the memories of repeat copy with s = 2, whose eigenvalues are 1 and -1. Source: twm Algorithm 1, A.4."""
    s, d = 2, 3
    values = np.linalg.eigvals(make_cycle(s, d)).real
    printed, corrected = (np.sum(~(size < 1 - 1e-9)) for size in (values, np.abs(values)))
    return report(
        printed < s * d,
        corrected == s * d,
        printed,
        corrected,
        "memory directions kept, of 6 that never decay (s=2, d=3)",
    )


@CHAPTER.add(
    "twm.alg1.newest",
    where="Algorithm 1, range of the loop",
    printed=r"transients are removed for $k = s-1, s-2, \ldots, 1$",
    corrected=r"for $k = s, s-1, \ldots, 1$",
    why=(
        r"$W_r^\dagger$ carries transient directions too, and the loop never cleans $\Psi_s$ itself. The "
        r"earlier paper (emt Sec. 6) says *each* $\Psi_k$."
    ),
)
def check_newest_block() -> ErratumResult:
    """Measure the transient part that is left in Psi_s. Source: twm Algorithm 1, emt Sec. 6."""
    psi, w_hh = make_network_with_transients(s=4, d=2, neurons=12)
    e, e_dual = split_spectrum(w_hh)
    psi_s = np.linalg.pinv(make_readout(psi, 2))
    cleaned = psi_s - e @ e_dual @ psi_s
    printed, corrected = (np.linalg.norm(e @ e_dual @ block) / np.linalg.norm(block) for block in (psi_s, cleaned))
    return compare_errors(printed, corrected, "share of the newest block that decays")


@CHAPTER.add(
    "twm.alg1.alpha",
    where="Algorithm 1, inputs",
    printed=r"the algorithm takes a number $0 \le \alpha \le 1$",
    corrected=(
        r"it has no such parameter; $\alpha$ mixes $W_{hh}^{s-k}W_{uh}$ with $(W_{hh}^\top)^k W_r^*$ in emt "
        "Eq. 14-15 only"
    ),
    why=r"No line of Algorithm 1 uses $\alpha$, so the result cannot depend on it.",
    kind="consistency",
)
def check_alpha() -> ErratumResult:
    """Change alpha from 0 to 1 in this form and in the earlier paper's. Source: twm Algorithm 1, emt Eq. (14)-(15)."""
    s, d = 4, 2
    psi = make_basis(s * d, kind="skew", condition=5.0)
    w_hh = transform_operator(make_cycle(s, d), psi)
    w_uh, w_r_plus = make_encoder(psi, d), np.linalg.pinv(make_readout(psi, d))
    backward = recover_basis(w_hh.T, w_r_plus, [*range(1, s), 0])
    forward = recover_basis(w_hh, w_uh, [s - k for k in range(1, s + 1)])

    def printed(alpha: float) -> np.ndarray:
        return backward

    def earlier(alpha: float) -> np.ndarray:
        return alpha * forward + (1 - alpha) * backward

    change, change_earlier = (np.abs(form(1.0) - form(0.0)).max() for form in (printed, earlier))
    return report(
        change == 0,
        change_earlier > 1e-3,
        change,
        change_earlier,
        "largest change of the basis when alpha goes from 0 to 1",
    )


@CHAPTER.add(
    "twm.alg1.residual",
    where="Algorithm 1, last line, with Sec. 4.2",
    printed=(
        r"$\Psi^\perp \leftarrow \mathrm{PC}(\tilde h - \Psi\Psi^\dagger\tilde h)$ with $\tilde h = "
        r"\Psi\Psi^\dagger h$"
    ),
    corrected=r"$\Psi^\perp \leftarrow \mathrm{PC}(h - \Psi\Psi^\dagger h)$",
    why=(
        r"Projecting twice is projecting once: what is left of $\tilde h$ is zero, and zero has no principal "
        "components."
    ),
    kind="consistency",
)
def check_residual() -> ErratumResult:
    """Measure what is left of random states of 12 neurons outside 8 memories. Source: twm Algorithm 1, Sec. 4.2."""
    psi = make_basis(8, 12, kind="skew").basis
    h = np.random.default_rng(0).normal(size=(12, 200))
    projector = psi @ np.linalg.pinv(psi)

    def left_over(states: np.ndarray) -> int:
        return np.linalg.matrix_rank(states - projector @ states, tol=1e-9)

    printed, corrected = left_over(projector @ h), left_over(h)
    return report(
        printed != 4,
        corrected == 4,
        printed,
        corrected,
        "principal components found outside 8 memories in 12 neurons (there are 4)",
    )


@CHAPTER.add(
    "twm.alg1.dual",
    where="Sec. 4.2, after Algorithm 1",
    printed=r"variables are read with the pseudo-inverse $\Psi^\dagger$",
    corrected=r"with the spectral dual $\Psi^*$: left eigenvectors, $\Psi^*\Psi = 1$ and $\Psi^* E = 0$",
    why=(
        r"With more neurons than variables many matrices satisfy $\Psi^*\Psi = 1$. The pseudo-inverse also "
        "reads transient activity that is not at right angles to the memories; the spectral dual ignores it."
    ),
)
def check_spectral_dual() -> ErratumResult:
    """Read known variables in the presence of transient activity. Source: twm Sec. 4.2, A.1."""
    psi, w_hh = make_network_with_transients(s=4, d=2, neurons=12)
    e, e_dual = split_spectrum(w_hh)
    rng = np.random.default_rng(0)
    variables = rng.choice([-1.0, 1.0], size=8)
    transient = (e @ e_dual @ rng.normal(size=12)).real
    h = psi.basis @ variables + transient
    slow_dual = np.linalg.pinv(psi.basis) @ (np.eye(12) - e @ e_dual)
    return compare_errors(
        np.abs(np.linalg.pinv(psi.basis) @ h - variables).max(),
        np.abs(slow_dual @ h - variables).max(),
        "largest error of a variable read beside transient activity, in units of the variables",
    )


@CHAPTER.add(
    "twm.sec42.projection",
    where="Sec. 4.2, after Algorithm 1",
    printed=(r"the hidden state is projected into the columns of the substrate by $\tilde h = \Psi\Psi^\dagger h$"),
    corrected=r"the columns of the substrate are the coordinates $\Psi^\dagger h$",
    why=(
        r"$\Psi\Psi^\dagger h$ is still a pattern over neurons; with as many neurons as variables it is $h$ "
        r"itself, unchanged. The waves show in the coordinates $\Psi^\dagger h$."
    ),
)
def check_substrate_coordinates() -> ErratumResult:
    """Read a repeat-copy network of sd neurons both ways after its input phase. Source: twm Sec. 4.2, Eq. (39)."""
    s, d = 4, 2
    psi = make_basis(s * d, kind="orthonormal")
    u = np.random.default_rng(0).choice([-1.0, 1.0], size=(s, d))
    w_hh = psi.basis @ make_wave_operator(np.eye(d, s * d)) @ psi.dual_basis
    _, states = simulate_linear(w_hh, make_encoder(psi, d), make_readout(psi, d), u, steps=0)
    h, pseudo_inverse = states[-1], np.linalg.pinv(psi.basis)
    return compare_errors(
        relative_error(psi.basis @ pseudo_inverse @ h, u.reshape(-1)),
        relative_error(pseudo_inverse @ h, u.reshape(-1)),
        "difference from the substrate after the input phase (s=4, d=2), in units of the states",
    )
