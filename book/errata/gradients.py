"""Main paper, Sec. 4.3: how a cost depends on the first input, without and with waves."""

from dataclasses import dataclass, replace

import numpy as np

from errata.slips import Measured, check, compare, relative_error
from twm.theory.bases import make_basis
from twm.theory.operators import make_cycle, make_wave_operator

# ---- the network of Eq. (10), small and random


@dataclass(frozen=True)
class Case:
    """A random network of Eq. (10) with inputs x(1..s) and a target for y(s+1), in the paper's symbols."""

    w_hh: np.ndarray
    w_xh: np.ndarray
    w_hy: np.ndarray
    b: np.ndarray
    x: np.ndarray
    target: np.ndarray

    def run(self, x_1: np.ndarray) -> list[np.ndarray]:
        """Return h(1), ..., h(s+1) when the first input is ``x_1``."""
        h, states = np.zeros(len(self.w_hh)), []
        for x in [x_1, *self.x[1:], np.zeros_like(x_1)]:
            h = np.tanh(self.w_hh @ h + self.w_xh @ x + self.b)
            states.append(h)
        return states

    def cost(self, x_1: np.ndarray) -> complex:
        """Return C = |y(s+1) - target|^2 / 2."""
        return ((self.w_hy @ self.run(x_1)[-1] - self.target) ** 2).sum() / 2

    def differentiate(self) -> np.ndarray:
        """Return dC/dx(1) by complex steps, exact to rounding and without the chain rule."""
        return np.array([self.cost(self.x[0] + 1e-30j * e).imag / 1e-30 for e in np.eye(len(self.x[0]))])

    def trace(self) -> list[np.ndarray]:
        """Return the rows dC/dh(1), ..., dC/dh(s+1) by the chain rule."""
        states = self.run(self.x[0])
        rows = [(self.w_hy @ states[-1] - self.target) @ self.w_hy]
        for h in states[:0:-1]:
            rows.append(rows[-1] * (1 - h**2) @ self.w_hh)
        return rows[::-1]


def make_case(rng: np.random.Generator, hidden: int, dim: int, s: int, mu: float) -> Case:
    """Draw a network whose recurrent matrix has operator norm ``mu``."""
    w_hh = rng.normal(size=(hidden, hidden))
    w_hh *= mu / np.linalg.norm(w_hh, 2)
    w_xh, w_hy = rng.normal(size=(hidden, dim)), rng.normal(size=(dim, hidden))
    return Case(w_hh, w_xh, w_hy, rng.normal(size=hidden) * 0.1, rng.normal(size=(s, dim)) * 0.1, rng.normal(size=dim))


# ---- without waves, Eq. (11)-(16)


@check("twm.eq11.firststep")
def check_first_step() -> Measured:
    """Compare both chains with a derivative that uses no chain rule. Source: twm Eq. (11)."""
    case = make_case(np.random.default_rng(0), hidden=5, dim=2, s=4, mu=0.9)
    case = replace(case, x=case.x * 5)
    truth, at_first = case.differentiate(), case.trace()[0]
    jacobian = 1 - case.run(case.x[0])[0] ** 2
    return compare(*(relative_error(at_first * slope @ case.w_xh, truth) for slope in (1, jacobian)))


@check("twm.eq13.matrices")
def check_componentwise_order() -> Measured:
    """Count how often each inequality fails over 300 random networks. Source: twm Eq. (13)-(15)."""
    rng = np.random.default_rng(0)
    printed = corrected = 0
    for _ in range(300):
        s = int(rng.integers(1, 5))
        case = make_case(rng, hidden=4, dim=3, s=s, mu=rng.uniform(0.3, 1.5))
        last, truth = case.trace()[-1], case.differentiate()
        bound = np.linalg.norm(last) * np.linalg.norm(case.w_hh, 2) ** s * np.linalg.norm(case.w_xh, 2)
        printed += (truth > last @ np.linalg.matrix_power(case.w_hh, s) @ case.w_xh + 1e-12).any()
        corrected += np.linalg.norm(truth) > bound * (1 + 1e-12)
    return compare(printed, corrected)


@check("twm.eq16.anchor")
def check_gradient_bound() -> Measured:
    """Search 3,000 random networks for the largest ratio of gradient to bound. Source: twm Eq. (12)-(16)."""
    rng = np.random.default_rng(0)
    ratios = np.zeros(3)
    for _ in range(3000):
        s, mu = int(rng.integers(1, 6)), rng.uniform(0.2, 1.5)
        case = make_case(rng, hidden=int(rng.integers(1, 5)), dim=int(rng.integers(1, 4)), s=s, mu=mu)
        rows = case.trace()
        gradient = np.linalg.norm(rows[0] * (1 - case.run(case.x[0])[0] ** 2) @ case.w_xh)
        last, before = np.linalg.norm(rows[-1]), np.linalg.norm(rows[-2])
        bounds = np.array([before * mu**s, last * mu**s, before * mu ** (s - 1)]) * np.linalg.norm(case.w_xh, 2)
        ratios = np.maximum(ratios, gradient / bounds)
    printed, corrected = ratios[0], ratios[1:].max()
    return Measured(printed > 1 + 1e-3, corrected <= 1 + 1e-10, printed, corrected)


@check("twm.sec43.decay")
def check_decay_rate() -> Measured:
    """Fit the decay of |g W^s| over s for a default network at the origin. Source: twm Eq. (15)-(16), B.4."""
    rng = np.random.default_rng(0)
    w_hh = rng.uniform(-1, 1, size=(100, 100)) / np.sqrt(100)
    g, distances = rng.normal(size=(20, 100)), np.arange(20, 61)
    lengths = [np.linalg.norm(g @ np.linalg.matrix_power(w_hh, s)) for s in distances]
    measured = np.polyfit(distances, np.log(lengths), 1)[0]
    mu, rho = np.linalg.norm(w_hh, 2), np.abs(np.linalg.eigvals(w_hh)).max()
    agrees = abs(measured / np.log(rho) - 1) < 0.1
    return Measured(np.log(mu) > 0 > measured, agrees, np.exp(measured) / mu, np.exp(measured) / rho)


# ---- with waves, Eq. (17)-(19)


@check("twm.eq17.sum")
def check_block_derivative() -> Measured:
    """Differentiate h(s) of a linear repeat-copy network by x(1) numerically. Source: twm Eq. (17), (39)."""
    s, d = 4, 3
    psi = make_basis(s * d, kind="orthonormal")
    w_hh = psi.basis @ make_cycle(s, d) @ psi.dual_basis

    def state_after_input(x: np.ndarray) -> np.ndarray:
        h = np.zeros(s * d)
        for column in x:
            h = w_hh @ h + psi.basis[:, -d:] @ column
        return h

    x = np.random.default_rng(0).normal(size=(s, d))
    moved = [x + np.eye(s)[:, :1] * e for e in np.eye(d)]
    truth = np.stack([state_after_input(one) - state_after_input(x) for one in moved], axis=1)
    psi_1 = psi.basis[:, :d]
    return compare(relative_error(psi_1.sum(axis=1, keepdims=True), truth), relative_error(psi_1, truth))


@check("twm.eq19.constant")
def check_wave_constant() -> Measured:
    """Divide the gradient by its bound in a basis of orthogonal vectors of length 5. Source: twm Eq. (19)."""
    s, d = 3, 2
    orthonormal = make_basis(s * d, kind="orthonormal").basis
    norms = [np.linalg.norm(orthonormal[:, :d], order) for order in (2, "fro")]
    basis = 5 * orthonormal
    w_hh = basis @ make_wave_operator(np.eye(d, s * d)) @ np.linalg.inv(basis)
    mu, psi_1 = np.linalg.norm(w_hh, 2), basis[:, :d]
    direction = (w_hh @ psi_1)[:, 0] / np.linalg.norm((w_hh @ psi_1)[:, 0])
    gradient = np.linalg.norm(direction @ w_hh @ psi_1)
    printed, corrected = gradient / (mu * d), gradient / (mu * np.linalg.norm(psi_1, 2))
    holds = corrected <= 1 + 1e-10 and np.allclose(norms, [1, np.sqrt(d)])
    return Measured(printed > 1 + 1e-3, holds, printed, corrected)
