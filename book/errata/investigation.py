"""An investigation of memory in RNNs (mem): slow points, the task, the implementation."""

import numpy as np

from errata.slips import Measured, check, compare

# ---- slow points, Sec. 2


@check("mem.sec2.unstable")
def check_unstable_count() -> Measured:
    """Count the directions that grow under a map with known eigenvalues. Source: mem Sec. 2."""
    skew = np.random.default_rng(0).normal(size=(4, 4))
    jacobian = skew @ np.diag([0.8, 0.5, -1.5, 0.3]) @ np.linalg.inv(skew)
    after = np.linalg.matrix_power(jacobian, 20) @ skew
    growing = np.sum(np.linalg.norm(after, axis=0) > np.linalg.norm(skew, axis=0))
    values = np.linalg.eigvals(jacobian)
    return compare(np.sum(values.real > 0), np.sum(np.abs(values) > 1), truth=growing)


@check("mem.sec2.lyapunov")
def check_lyapunov() -> Measured:
    """Follow q along an orbit of a tanh network whose every orbit tends to the origin. Source: mem Sec. 2."""
    w = np.array([[0.5, 4.0], [0.0, 0.5]])

    def q(state: np.ndarray) -> np.ndarray:
        return ((np.tanh(state @ w.T) - state) ** 2).sum(axis=-1) / 2

    orbit = [np.array([0.0, 0.1])]
    for _ in range(30):
        orbit.append(np.tanh(w @ orbit[-1]))
    rise = max(q(np.array(orbit[1:])) / q(np.array(orbit[:-1])))
    settled = everywhere = np.random.default_rng(0).uniform(-1, 1, size=(500, 2))
    for _ in range(200):
        settled = np.tanh(settled @ w.T)
    at_rest = q(np.zeros(2))
    holds = np.abs(settled).max() < 1e-12 and at_rest == 0 and q(everywhere).min() > 0
    return Measured(rise > 1 + 1e-3, holds, rise, at_rest)


@check("mem.sec2.minima")
def check_minima() -> Measured:
    """Find the minima of q for S -> tanh(2 S + b), just past the fold. Source: mem Sec. 2."""
    fold = np.sqrt(0.5)
    b = 2 * fold - np.arctanh(fold) + 0.02
    state = np.linspace(-1, 1, 20001)
    q = (np.tanh(2 * state + b) - state) ** 2 / 2
    low = np.flatnonzero((q[1:-1] < q[:-2]) & (q[1:-1] < q[2:])) + 1
    fixed = 1.0
    for _ in range(200):
        fixed = np.tanh(2 * fixed + b)
    at_fixed = (np.tanh(2 * fixed + b) - fixed) ** 2 / 2
    printed = q[low].max()
    return Measured(len(low) == 2 and printed > 1e-6, at_fixed < 1e-20, printed, at_fixed)


# ---- the task, Sec. 3 and 4


@check("mem.sec3.rate")
def check_rate() -> Measured:
    """Divide the expected number of inputs by the number that Sec. 4 reports. Source: mem Sec. 3-4."""
    steps, inputs, number = 100_000, 2_000, 50
    return compare(steps * number / inputs, steps / number / inputs, truth=1)


@check("mem.sec5.speed")
def check_rotation_speed() -> Measured:
    """Measure the turn a step of two rotations and put them in order by each rule. Source: mem Sec. 5."""
    angles = np.radians([60.0, 150.0])
    rotations = [1.2 * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in angles]
    turned = np.array([np.arctan2(*(rotation @ [1.0, 0.0])[::-1]) for rotation in rotations])
    values = np.array([max(np.linalg.eigvals(rotation), key=lambda value: value.imag) for rotation in rotations])
    found = compare(np.abs(values.imag - turned).max(), np.abs(np.angle(values) - turned).max())
    order_reversed = values[1].imag < values[0].imag and turned[1] > turned[0]
    return found._replace(fails=order_reversed and found.fails)


# ---- the implementation, App. A


def describe_product(left: np.ndarray, right: np.ndarray) -> str:
    """Say what shape a matrix product has, or that there is none."""
    shapes = f"{'x'.join(map(str, left.shape))} times {'x'.join(map(str, right.shape))}"
    try:
        return f"{shapes} gives {'x'.join(map(str, (left @ right).shape)) or 'a number'}"
    except ValueError:
        return f"{shapes} is undefined"


@check("mem.appA.shapes")
def check_weight_shapes() -> Measured:
    """Form the products W_in X and W_out S of Eq. (1) with both shapes. Source: mem Eq. (1), App. A."""
    tall, flat = np.zeros((100, 3)), np.zeros((3, 100))
    printed, corrected = (
        f"{describe_product(w_in, np.zeros(3))}; {describe_product(w_out, np.zeros(100))}"
        for w_in, w_out in ((flat, tall), (tall, flat))
    )
    return Measured(printed.count("undefined") == 2, corrected.count("gives") == 2, printed, corrected)


@check("mem.appA.variance")
def check_initial_variance() -> Measured:
    """Measure the variance of 20,000 sums over inputs of -1 and 1. Source: mem App. A."""
    n = 100
    rng = np.random.default_rng(0)
    unit, inputs = rng.uniform(-1, 1, size=(20_000, n)), rng.choice([-1.0, 1.0], size=n)
    printed, corrected = ((unit * limit @ inputs).var() for limit in (1 / np.sqrt(n), np.sqrt(3 / n)))
    return Measured(abs(printed - 1) > 0.5, abs(corrected - 1) < 0.05, printed, corrected)
