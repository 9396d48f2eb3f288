"""Main paper, App. A.4 to A.6: repeat copy, linearisation, and the error of the power iteration."""

import numpy as np

from twm.errata.model import Chapter, ErratumResult, compare_errors, relative_error, report
from twm.theory.bases import make_basis, make_encoder, make_readout, transform_operator
from twm.theory.operators import make_cycle, make_wave_operator, simulate_linear

CHAPTER = Chapter("twm")


# ---- repeat copy, A.4


def check_copy_index() -> ErratumResult:
    """Compare the closed form of h(s+t) with a simulation, for t up to 4s. Source: twm Eq. (39)-(40), emt (13), (34)."""
    s, d = 3, 2
    psi = make_basis(s * d, kind="skew")
    u = np.random.default_rng(0).normal(size=(s, d))
    w_hh = transform_operator(make_cycle(s, d), psi)
    _, states = simulate_linear(w_hh, make_encoder(psi, d), make_readout(psi, d), u, steps=4 * s)

    def closed_form(t: int, extra: int) -> np.ndarray:
        h = np.zeros(s * d)
        for mu in range(1, s + 1):
            for i in range(1, d + 1):
                index = ((mu - t - 1) % s + extra) * d + i
                if index <= s * d:  # beyond sd there is no basis vector
                    h += u[mu - 1, i - 1] * psi.basis[:, index - 1]
        return h

    printed, corrected = (
        max(relative_error(closed_form(t, extra), states[s - 1 + t]) for t in range(4 * s + 1)) for extra in (1, 0)
    )
    return compare_errors(printed, corrected, "largest relative error of h(s+t), t = 0..4s (s=3, d=2, skew basis)")


CHAPTER.add(
    "twm.eq40.index",
    where="Eq. (40)",
    printed=r"$\psi_{[((\mu-t-1 \bmod s)+1)d+i]}$",
    corrected=r"$\psi_{((\mu-t-1) \bmod s)\,d+i}$",
    why=(
        r"The index is $d$ too large: at $t=0$ it gives $\mu d+i$ where Eq. 39 has $(\mu-1)d+i$, and for the "
        "last subspace it points beyond the $sd$ basis vectors."
    ),
)(check_copy_index)


# ---- linearisation, A.5


def measure_order(predict) -> float:
    """Measure with which power of the distance from a fixed point a linear prediction goes wrong.

    Args:
        predict: function of (w, b, fixed point, now, next) to the predicted next distance from the fixed point.

    Returns:
        the order, from distances 1e-3 and 1e-4; 2 for the true linearisation, 1 for one that is wrong in first order.

    Source: twm Eq. (41).
    """
    rng = np.random.default_rng(0)
    w, b, fixed = rng.normal(size=(3, 3)) * 0.4, rng.normal(size=3) * 0.5, np.zeros(3)
    for _ in range(500):
        fixed = np.tanh(w @ fixed + b)
    direction = rng.normal(size=3)
    errors = []
    for distance in (1e-3, 1e-4):
        now = fixed + distance * direction
        after = np.tanh(w @ now + b)
        errors.append(np.linalg.norm(after - fixed - predict(w, b, fixed, now, after)))
    return np.log10(errors[0] / errors[1])


def slope_at(preactivation: np.ndarray) -> np.ndarray:
    """Return the Jacobian of tanh, a diagonal matrix, at a preactivation."""
    return np.diag(1 - np.tanh(preactivation) ** 2)


def check_linearised_time() -> ErratumResult:
    """Measure the order of the error with h(t+1) and with h(t) on the right. Source: twm Eq. (41), emt Eq. (35)."""
    printed = measure_order(lambda w, b, fixed, now, after: slope_at(w @ fixed + b) @ w @ (after - fixed))
    corrected = measure_order(lambda w, b, fixed, now, after: slope_at(w @ fixed + b) @ w @ (now - fixed))
    return report(
        printed < 1.5,
        abs(corrected - 2) < 0.05,
        printed,
        corrected,
        "order of the error in the distance from h*, which must be 2",
    )


def check_linearised_point() -> ErratumResult:
    """Measure the order of the error with the slope at h* and at W h* + b. Source: twm Eq. (41), emt Eq. (35)."""
    printed = measure_order(lambda w, b, fixed, now, after: slope_at(fixed) @ w @ (now - fixed))
    corrected = measure_order(lambda w, b, fixed, now, after: slope_at(w @ fixed + b) @ w @ (now - fixed))
    return report(
        printed < 1.5,
        abs(corrected - 2) < 0.05,
        printed,
        corrected,
        "order of the error in the distance from h*, which must be 2",
    )


CHAPTER.add(
    "twm.eq41.time",
    where="Eq. (41)",
    printed=r"$h(t+1)-h^* = \mathcal J(g)|_{h^*} W_{hh}\,(h(t+1)-h^*) + O((h(t+1)-h^*)^2)$",
    corrected=r"$\ldots\,(h(t)-h^*) + O((h(t)-h^*)^2)$",
    why="The next step is predicted from this one, as in Eq. 42; as printed $h(t+1)$ stands on both sides.",
)(check_linearised_time)

CHAPTER.add(
    "twm.eq41.point",
    where="Eq. (41)-(43)",
    printed="the Jacobian of the activation is taken at $h^*$",
    corrected="at the preactivation $W_{hh}h^*+b$, where $g'=1-(h^*)^2$ for tanh",
    why=(
        "The chain rule wants $g'$ where $g$ was evaluated. Read as printed, $g'(h^*)$ is the slope one "
        "application of tanh too late. At the origin without bias the two agree."
    ),
)(check_linearised_point)


# ---- the power iteration, A.6, numbered from the newest variable there


def make_mixing_network(s: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Build a network in an orthonormal basis whose boundary reads every column.

    Returns:
        Psi (sd, sd); its boundary's blocks F_1, ..., F_s as (s, d, d), the oldest first; W_hh (sd, sd).
    """
    psi = make_basis(s * d, kind="orthonormal")
    blocks = np.random.default_rng(1).normal(size=(s, d, d)) * 0.5
    return psi.basis, blocks, transform_operator(make_wave_operator(np.hstack(list(blocks))), psi)


@CHAPTER.add(
    "twm.eq45.newest",
    where="Eq. (45), (46)",
    printed=r"$|h(1)\rangle = u^i(1)\,|\psi_i\rangle$, then $u^i(1)$ moves to $|\psi_{d+i}\rangle$",
    corrected=(r"$|h(1)\rangle = u^i(1)\,|\psi_{(s-1)d+i}\rangle$, then $u^i(1)$ moves to $|\psi_{(s-2)d+i}\rangle$"),
    why=(
        "A.6 counts variables from the newest, all the rest of the paper from the oldest (Eq. 6, 31, 35). "
        r"With $W_{uh}=\Psi_s$ the input enters the last subspace."
    ),
    kind="consistency",
)
def check_numbering() -> ErratumResult:
    """Simulate two input steps with the operators of Eq. (31). Source: twm Eq. (31), (35), (45)-(46)."""
    s, d = 4, 2
    psi = make_basis(s * d, kind="skew")
    u = np.random.default_rng(0).normal(size=(2, d))
    w_hh = transform_operator(make_cycle(s, d), psi)
    _, states = simulate_linear(w_hh, make_encoder(psi, d), make_readout(psi, d), u, steps=0)
    blocks = [psi.basis[:, k * d : (k + 1) * d] for k in range(s)]

    def error(newest: int, second: int) -> float:
        first_step = relative_error(blocks[newest] @ u[0], states[0])
        return max(first_step, relative_error(blocks[second] @ u[0] + blocks[newest] @ u[1], states[1]))

    return compare_errors(
        error(0, 1), error(s - 1, s - 2), "largest relative error of h(1) and h(2) (repeat copy, s=4, d=2)"
    )


@CHAPTER.add(
    "twm.eq46.time",
    where="Eq. (46)",
    printed=r"$h(1) = W_{hh}W_r^\dagger u(1) + W_r^\dagger u(2)$",
    corrected=r"$h(2) = W_{hh}W_r^\dagger u(1) + W_r^\dagger u(2)$",
    why=("Two inputs have been read, so this is the state after step 2; $h(1)$ stands one line above, in Eq. 45."),
)
def check_second_step() -> ErratumResult:
    """Simulate two input steps with W_uh = W_r^+. Source: twm Eq. (9), (45)-(46)."""
    d = 2
    psi, _, w_hh = make_mixing_network(3, d)
    w_r = psi.T[-d:]
    u = np.random.default_rng(0).normal(size=(2, d))
    _, states = simulate_linear(w_hh, np.linalg.pinv(w_r), w_r, u, steps=0)
    right_side = w_hh @ np.linalg.pinv(w_r) @ u[0] + np.linalg.pinv(w_r) @ u[1]
    return compare_errors(
        relative_error(right_side, states[0]),
        relative_error(right_side, states[1]),
        "relative difference from the simulated state",
    )


@CHAPTER.add(
    "twm.eq47.data",
    where="Eq. (47), (48)",
    printed=r"$\tilde\Psi_2-\Psi_2 = \Phi(0,\ldots,u(1))^i\,|\psi_i\rangle\langle e^j|$",
    corrected=(
        r"$\tilde\Psi_{s-1}-\Psi_{s-1} = \Psi_s F_s$ (from the oldest), with $F_s$ the block of $f$ that "
        "reads the newest state"
    ),
    why=(
        "The left side is the error of a basis, fixed by the weights. The right side contains the data "
        "$u(1)$ and changes with it."
    ),
)
def check_basis_error() -> ErratumResult:
    """Evaluate the printed error for two inputs, and the corrected one against the true error. Source: twm Eq. (47)."""
    s, d = 3, 2
    psi, f, w_hh = make_mixing_network(s, d)
    psi_s, psi_before = psi[:, -d:], psi[:, -2 * d : -d]
    true_error = w_hh @ psi_s - psi_before

    def as_printed(u: np.ndarray) -> np.ndarray:
        return np.outer(psi_s @ f[-1] @ u, np.ones(d))

    inputs = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    printed = min(relative_error(as_printed(u), true_error) for u in inputs)
    return compare_errors(
        printed,
        relative_error(psi_s @ f[-1], true_error),
        "relative error of the basis error, at the best of the four binary inputs",
    )


@CHAPTER.add(
    "twm.eq48.square",
    where="Eq. (48)",
    printed=r"second error, with the data removed: $\Psi_{s-1}F_s + \Psi_s F_{s-1}$",
    corrected=r"$\tilde\Psi_{s-2}-\Psi_{s-2} = \Psi_{s-1}F_s + \Psi_s(F_{s-1}+F_s^2)$",
    why=(
        "The pollution of the first step is in the newest column when $f$ acts again, so $f$ acts on it too: "
        "$F_s$ applied twice. (Columns are counted from the oldest here.)"
    ),
)
def check_second_basis_error() -> ErratumResult:
    """Compare both forms with W^2 Psi_s - Psi_(s-2) on a network whose f reads all columns. Source: twm Eq. (48)."""
    s, d = 4, 2
    psi, f, w_hh = make_mixing_network(s, d)
    block = [psi[:, k * d : (k + 1) * d] for k in range(s)]
    true_error = w_hh @ w_hh @ block[-1] - block[-3]
    printed = block[-2] @ f[-1] + block[-1] @ f[-2]
    corrected = block[-2] @ f[-1] + block[-1] @ (f[-2] + f[-1] @ f[-1])
    return compare_errors(
        relative_error(printed, true_error),
        relative_error(corrected, true_error),
        "relative error of the second basis error",
    )
