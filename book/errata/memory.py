"""Main paper, App. A.4 to B: repeat copy, linearisation, the error of the power iteration, and training."""

from collections.abc import Callable

import numpy as np

from errata.slips import Measured, check, compare, relative_error
from twm.theory.bases import make_basis, make_encoder, make_readout, transform_operator
from twm.theory.operators import make_cycle, make_wave_operator, simulate_linear
from twm.theory.systems import make_named_task

# ---- repeat copy, A.4


@check("twm.eq40.index")
def check_copy_index() -> Measured:
    """Compare the closed form of h(s+t) with a simulation, for t up to 4s. Source: twm Eq. (39)-(40), emt (13), (34)."""
    s, d = 3, 2
    psi = make_basis(s * d, kind="skew")
    u = np.random.default_rng(0).normal(size=(s, d))
    w_hh = transform_operator(make_cycle(s, d), psi)
    _, states = simulate_linear(w_hh, make_encoder(psi, d), make_readout(psi, d), u, steps=4 * s)

    def closed_form(t: int, extra: int) -> np.ndarray:
        # Beyond sd there is no basis vector.
        places = [(mu, i, ((mu - t - 1) % s + extra) * d + i) for mu in range(1, s + 1) for i in range(1, d + 1)]
        return sum(u[mu - 1, i - 1] * psi.basis[:, index - 1] for mu, i, index in places if index <= s * d)

    times = range(4 * s + 1)
    return compare(*(max(relative_error(closed_form(t, extra), states[s - 1 + t]) for t in times) for extra in (1, 0)))


# ---- linearisation, A.5


def measure_order(predict: Callable[..., np.ndarray]) -> float:
    """Return the power of the distance from a fixed point with which a linear prediction of the next distance goes wrong.

    It is 2 for the true linearisation and 1 for one that is wrong in first order. Source: twm Eq. (41).
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


def compare_orders(printed: Callable[..., np.ndarray]) -> Measured:
    """Compare the order of a printed linearisation with that of the corrected one, which must be 2."""
    wrong = measure_order(printed)
    right = measure_order(lambda w, b, fixed, now, after: slope_at(w @ fixed + b) @ w @ (now - fixed))
    return Measured(wrong < 1.5, abs(right - 2) < 0.05, wrong, right)


@check("twm.eq41.time")
def check_linearised_time() -> Measured:
    """Measure the order of the error with h(t+1) and with h(t) on the right. Source: twm Eq. (41), emt Eq. (35)."""
    return compare_orders(lambda w, b, fixed, now, after: slope_at(w @ fixed + b) @ w @ (after - fixed))


@check("twm.eq41.point")
def check_linearised_point() -> Measured:
    """Measure the order of the error with the slope at h* and at W h* + b. Source: twm Eq. (41), emt Eq. (35)."""
    return compare_orders(lambda w, b, fixed, now, after: slope_at(fixed) @ w @ (now - fixed))


# ---- the power iteration, A.6, numbered from the newest variable there


def make_mixing_network(s: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Build a network in an orthonormal basis whose boundary reads every column.

    Returns Psi (sd, sd), its boundary's blocks F_1, ..., F_s as (s, d, d), the oldest first, and W_hh (sd, sd).
    """
    psi = make_basis(s * d, kind="orthonormal")
    blocks = np.random.default_rng(1).normal(size=(s, d, d)) * 0.5
    return psi.basis, blocks, transform_operator(make_wave_operator(np.hstack(list(blocks))), psi)


@check("twm.eq45.newest")
def check_numbering() -> Measured:
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

    return compare(error(0, 1), error(s - 1, s - 2))


@check("twm.eq46.time")
def check_second_step() -> Measured:
    """Simulate two input steps with W_uh = W_r^+. Source: twm Eq. (9), (45)-(46)."""
    psi, _, w_hh = make_mixing_network(3, 2)
    w_r = psi.T[-2:]
    u = np.random.default_rng(0).normal(size=(2, 2))
    _, states = simulate_linear(w_hh, np.linalg.pinv(w_r), w_r, u, steps=0)
    right_side = w_hh @ np.linalg.pinv(w_r) @ u[0] + np.linalg.pinv(w_r) @ u[1]
    return compare(*(relative_error(right_side, state) for state in states[:2]))


@check("twm.eq47.data")
def check_basis_error() -> Measured:
    """Evaluate the printed error for four inputs, and the corrected one against the true error. Source: twm Eq. (47)."""
    d = 2
    psi, f, w_hh = make_mixing_network(3, d)
    psi_s = psi[:, -d:]
    true_error = w_hh @ psi_s - psi[:, -2 * d : -d]
    inputs = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    printed = min(relative_error(np.outer(psi_s @ f[-1] @ u, np.ones(d)), true_error) for u in inputs)
    return compare(printed, relative_error(psi_s @ f[-1], true_error))


@check("twm.eq48.square")
def check_second_basis_error() -> Measured:
    """Compare both forms with W^2 Psi_s - Psi_(s-2) on a network whose f reads all columns. Source: twm Eq. (48)."""
    s, d = 4, 2
    psi, f, w_hh = make_mixing_network(s, d)
    block = [psi[:, k * d : (k + 1) * d] for k in range(s)]
    true_error = w_hh @ w_hh @ block[-1] - block[-3]
    last_factors = f[-2], f[-2] + f[-1] @ f[-1]
    return compare(*(relative_error(block[-2] @ f[-1] + block[-1] @ last, true_error) for last in last_factors))


# ---- training, App. B, and captions


@check("twm.eq49.lag")
def check_output_lag() -> Measured:
    """Run the same random network by both equations and compare the outputs. Source: twm Eq. (9), (49)."""
    rng = np.random.default_rng(0)
    w_hh, w_uh, w_r = rng.normal(size=(6, 6)) * 0.5, rng.normal(size=(6, 2)), rng.normal(size=(2, 6))
    u = rng.choice([-1.0, 1.0], size=(10, 2))

    def outputs(inputs: np.ndarray) -> np.ndarray:
        h, y = np.zeros(6), []
        for column in inputs:
            h = np.tanh(w_hh @ h + w_uh @ column)
            y.append(w_r @ h)
        return np.array(y)

    # By Eq. (49) h(t) reads u(t-1); u(0), which does not exist, is taken as zero.
    y_9, y_49 = outputs(u), outputs(np.vstack([np.zeros((1, 2)), u[:-1]]))
    return compare(np.abs(y_49 - y_9).max(), np.abs(y_49[1:] - y_9[:-1]).max())


@check("twm.b2.accuracy")
def check_curriculum_measure() -> Measured:
    """Follow the horizon of a perfect network, of accuracy 1 and loss 0, for 50 iterations. Source: twm B.2."""
    shortest, longest, gamma, epsilon = 10, 100, 1.2, 3e-2

    def final_horizon(measure: float) -> float:
        horizon = shortest
        for _ in range(50):
            horizon = min(max(horizon * gamma if measure < epsilon else horizon / gamma, shortest), longest)
        return horizon

    return compare(final_horizon(1.0), final_horizon(0.0), truth=longest)


@check("twm.fig7.product")
def check_product() -> Measured:
    """Evaluate both lines, the printed one as a chain of equations. Source: twm Fig. 7."""
    vectors, dims, bits = 16, 5, 80
    return Measured(
        not vectors == dims == bits, vectors * dims == bits, abs(vectors - bits), abs(vectors * dims - bits)
    )


@check("twm.fig9.name")
def check_task_name() -> Measured:
    """Compare the operators of the two tasks. Source: twm Table 1, Fig. 9; the tasks' codes are the companion code's."""
    t2, t3 = (make_named_task(name).matrix for name in ("T2", "T3"))
    reads_the_same = np.array_equal(np.abs(t2).sum(axis=0), np.abs(t3).sum(axis=0))
    one_copies = (t2 == 1).sum(axis=1).min() == 1 and (t3 == 1).sum(axis=1).min() == 0
    printed, corrected = (len(np.unique(np.stack(tasks), axis=0)) for tasks in ([t2, t3], [t2]))
    return Measured(printed == 2 and reads_the_same, one_copies, printed, corrected)
