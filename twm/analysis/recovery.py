"""Hidden states with the wave that the theory predicts for them, and the methods that recover a network's basis."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import schur, solve_sylvester

from twm.analysis.systems import ElmanSystem, Linearisation, StateSystem, linearise_system
from twm.errors import check_name, require, require_count
from twm.theory.bases import measure_condition
from twm.theory.operators import correct_inputs
from twm.theory.spectra import (
    THRESHOLD, Observable, circular_distance, find_ranges, needed_coordinates, nonzero_eigenvalues, observability_matrix,
)  # fmt: skip
from twm.theory.systems import HDS, draw_binary_history, rollout, window_states

#: Names of the methods, see :func:`recover_basis`.
METHODS = ("printed", "mixture", "released", "corrected", "observability", "regression")
# When a dual is computed, singular values below this share of the largest count as zero.
_WEAK = 1e-10


@dataclass(frozen=True, eq=False)
class StateSample:
    """States of a network and of the predicted wave on the same histories; step 0 is the end of the input phase."""

    states: np.ndarray  # (horizon + 1, batch, hidden), h(s) onwards
    waves: np.ndarray  # (horizon + 1, batch, rank), observable coordinates of the substrate at the same steps
    early: np.ndarray  # (history - 1, batch, hidden), h(1) to h(s-1)
    fed: np.ndarray  # (history, batch, dim), the network's inputs
    observable: Observable  # the task on its observable coordinates
    history: int
    kept: np.ndarray  # (n,) observable coordinates that still differ in the steady state; all of them in the paper's tasks
    expansion: np.ndarray  # (rank, n), in the steady state waves = waves[..., kept] @ expansion.T
    settled: int  # first step of the steady state: every column has been refilled, and all copies have formed

    horizon = property(lambda self: len(self.states) - 1)  # number of steps of the output phase

    def select(self, at: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return states, waves, kept and expansion of the steady state, or of step ``at``."""
        if at is None:
            return self.states[self.settled :], self.waves[self.settled :], self.kept, self.expansion
        require(0 <= at <= self.horizon, f"the sample has steps 0 to {self.horizon}, not {at}")
        return self.states[at : at + 1], self.waves[at : at + 1], *find_copies(self.observable.operator, at)

    def predict_outputs(self, waves: np.ndarray, steps: int) -> np.ndarray:
        """Return the predicted outputs (steps, ..., dim) that follow observable coordinates (..., rank)."""
        outputs = []
        for _ in range(steps):
            waves = waves @ self.observable.operator.T
            outputs.append(waves @ self.observable.readout.T)
        return np.stack(outputs)


def find_copies(operator: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Find which observable coordinates still differ after some steps of Phi (rank, rank), and how the others copy them.

    Returns ``kept`` (n,), the first of each kind, and ``expansion`` (rank, n), with ``wave = expansion @ wave[kept]``."""
    rank = len(operator)
    span = find_ranges(operator, steps)[-1]
    if span.shape[1] == rank:
        return np.arange(rank), np.eye(rank)
    kept: list[int] = []
    for place in range(rank):
        if np.linalg.matrix_rank(span[[*kept, place]], tol=1e-8) > len(kept):
            kept.append(place)
    expansion = span @ np.linalg.inv(span[kept])
    # Copies are exact; rounding errors would look like weak connections.
    return np.array(kept), np.round(expansion) if (np.abs(expansion - np.round(expansion)).max() < 1e-9) else expansion


def sample_states(
    system: StateSystem, task: HDS, count: int = 512, horizon: int | None = None, seed: int = 0,
    initial: np.ndarray | None = None, correct: bool = False,
) -> StateSample:  # fmt: skip
    """Run a network and the predicted wave on ``count`` histories of -1 and 1, or on ``initial`` (count, history, dim).

    With ``correct``, the boundary's contribution is subtracted from each input, as constructed networks need."""
    inputs, told = system.inputs, f"{task.name} needs {task.dim} of each: choose another with --task"
    require(system.dim == task.dim <= inputs, f"the network has {inputs} inputs and {system.dim} outputs, {told}")
    observable = needed_coordinates(task)
    horizon = max(60, 4 * task.history) if horizon is None else require_count(horizon, "horizon")
    if initial is None:
        initial = draw_binary_history(task, require_count(count, "count"), seed)
    initial = np.asarray(initial, dtype=float)
    truth = window_states(rollout(task, initial, horizon), task.history)
    waves = truth.reshape(*truth.shape[:2], task.size) @ observable.projection.T
    fed = np.moveaxis(correct_inputs(task.matrix, initial) if correct else initial, 1, 0)
    states = system.run(np.zeros((len(initial), system.hidden)) + system.start, horizon, fed)
    require(bool(np.abs(states).max() <= 1e100), "the network's activity grows beyond all bounds")
    early, late = states[: task.history - 1], states[task.history - 1 :]
    # All copies have formed once further powers of Phi lose no rank.
    ranks = [span.shape[1] for span in find_ranges(observable.operator, observable.rank)]
    settled = max(task.history, ranks.index(ranks[-1]))
    copies = find_copies(observable.operator, task.size)
    return StateSample(late, waves, early, fed, observable, task.history, *copies, settled)


@dataclass(frozen=True, eq=False)
class RecoveredBasis:
    """Directions in which a network stores its variables, as found by one method: ``h = origin + basis @ wave + rest``."""

    basis: np.ndarray  # Psi, (hidden, rank), one column per observable coordinate
    dual_basis: np.ndarray  # Psi*, (rank, hidden), the rows that read them
    observable: Observable  # the task on its observable coordinates
    origin: np.ndarray  # (hidden,) the state in which all variables are zero
    rank_theory: int  # predicted number of steady-state directions; below rank where some variables are copies of others
    rank_network: int  # number of slow modes, or rank of a regressed basis; if it is lower, no dual can read all variables
    condition: float  # product of the norms of the method's complete basis and its dual

    rank = property(lambda self: self.basis.shape[1])  # number of columns

    @property
    def coordinates(self) -> tuple[int, ...] | None:
        """Substrate index of each column, ``column*dim + dimension``; None if no coordinates span the observable subspace."""
        return self.observable.coordinates

    @property
    def unread(self) -> tuple[int, ...]:
        """Indices in the substrate that no output depends on, and which cannot be recovered."""
        return tuple(np.flatnonzero(~self.observable.projection.any(axis=0)).tolist())

    def read_waves(self, states: np.ndarray) -> np.ndarray:
        """Decode the variables (..., rank) from hidden states (..., hidden)."""
        return (states - self.origin) @ self.dual_basis.T


class SlowSpace(NamedTuple):
    """The invariant subspace of the eigenvalues above a threshold: W @ right = right @ inner, left @ right = 1."""

    right: np.ndarray  # (hidden, rank) orthonormal columns that span it
    rest: np.ndarray  # (hidden, hidden - rank) orthonormal columns that span its orthogonal complement
    left: np.ndarray  # (rank, hidden) rows that annihilate the transient directions
    inner: np.ndarray  # (rank, rank) W on the subspace


# In an analysis every method, and regression at many steps, uses the same subspace.
@lru_cache(maxsize=8)
def find_slow_space(linear: Linearisation, threshold: float = THRESHOLD) -> SlowSpace:
    """Find the slow subspace of a linearised network, and the rows that annihilate its transient directions."""
    # An ordered Schur decomposition needs no eigenvectors, of which the transients may have too few.
    upper, frame, rank = schur(linear.recurrent, sort=lambda real, imaginary: np.hypot(real, imaginary) > threshold)
    require(rank > 0, f"the network has no eigenvalue above {threshold:g} in magnitude, and therefore no slow mode")
    inner, coupling, outer = upper[:rank, :rank], upper[:rank, rank:], upper[rank:, rank:]
    mixed = solve_sylvester(inner, -outer, coupling) if len(outer) else coupling
    slow, rest = frame[:, :rank], frame[:, rank:]
    return SlowSpace(slow, rest, slow.T + mixed @ rest.T, inner)


def _iterate_powers(linear: Linearisation, history: int, alpha: float, transient: float, printed: bool) -> np.ndarray:
    """Mix forward and backward powers into all columns (hidden, history*dim), and remove transients from them.

    With ``printed`` the newest block keeps its transients. Source: twm Algorithm 1; emt Sec. 6, Algorithm 1, Eq. (14)-(15)."""
    W, W_r, s = linear.recurrent, linear.readout, history
    W_uh = linear.encoder[:, : len(W_r)]  # inputs beyond the task's are zero
    ahead, back = [W_uh], [np.linalg.pinv(W_r)]
    for _ in range(1, s):
        ahead.append(W @ ahead[-1])
        back.append(W.T @ back[-1])
    # The value of variable s reaches variable k after s - k steps; the exponent of the backward power is printed as k.
    Psi = [alpha * ahead[s - k] + (1 - alpha) * back[k % s] for k in range(1, s + 1)]
    values, vectors = np.linalg.eig(W)
    # The paper prints lambda < 1, which is undefined for complex numbers; we compare magnitudes.
    # The margin keeps the roots of unity of a constructed network, which rounding puts on either side of 1.
    V = vectors[:, np.abs(values) < transient - 1e-6]
    dual = np.linalg.pinv(V)
    cleaned = [block - np.real(V @ (dual @ block)) for block in Psi]
    return np.concatenate([*cleaned[:-1], Psi[-1] if printed else cleaned[-1]], axis=1)


def _iterate_released(linear: Linearisation, history: int) -> np.ndarray:
    """Compute all columns (hidden, history*dim) as the paper's released code does: W^(s-k) W_r^+, each of norm 1."""
    start, steps = np.linalg.pinv(linear.readout), reversed(range(history))
    columns = np.concatenate([np.linalg.matrix_power(linear.recurrent, k) @ start for k in steps], axis=1)
    return columns / np.maximum(np.linalg.norm(columns, axis=0), 1e-300)


def _iterate_forwards(linear: Linearisation, history: int, slow: SlowSpace) -> np.ndarray:
    """Compute all columns (hidden, history*dim) by the corrected Algorithm 1: W^(s-k) on the slow part of W_r^+."""
    Psi = [slow.right @ (slow.left @ np.linalg.pinv(linear.readout))]
    for _ in range(1, history):
        # Projected each time, because transients that rounding reintroduces would otherwise be propagated.
        Psi.insert(0, slow.right @ (slow.left @ (linear.recurrent @ Psi[0])))
    return np.concatenate(Psi, axis=1)


def _match_observability(
    linear: Linearisation, task: HDS, observable: Observable, expansion: np.ndarray, slow: SlowSpace
) -> np.ndarray:
    """Find the columns (hidden, rank) whose readout equals that of the wave, now and at later steps. Source: ours."""
    Phi, W_r = observable.operator, linear.readout
    # One period suffices for every selection task; further steps only add the errors of higher powers.
    for steps in (task.history, observable.rank):
        seen = observability_matrix(observable.readout, Phi, steps) @ expansion
        if np.linalg.matrix_rank(seen) == expansion.shape[1]:
            break
    shown = observability_matrix(W_r @ slow.right, slow.inner, steps)
    return slow.right @ (np.linalg.pinv(shown, rcond=_WEAK) @ seen) @ np.linalg.pinv(expansion)


def _replace_magnitudes(operator: np.ndarray, theory: np.ndarray) -> np.ndarray:
    """Give every eigenvalue of an operator the magnitude of the predicted eigenvalue with the nearest argument.

    At rest, magnitudes are growth rates of small activity before the activation saturates; the theory predicts arguments."""
    if not len(theory):
        return operator
    values, vectors = np.linalg.eig(operator)
    nearest = circular_distance(np.angle(values)[:, None], np.angle(theory)[None, :]).argmin(axis=1)
    return np.real((vectors * (np.abs(theory)[nearest] * np.exp(1j * np.angle(values)))) @ np.linalg.inv(vectors))


def _regress_columns(sample: StateSample, at: int | None, intercept: bool) -> tuple[np.ndarray, np.ndarray]:
    """Regress states, of the steady state or of step ``at``, on the wave; return columns (hidden, rank) and origin (hidden,)."""
    states, waves, kept, expansion = sample.select(at)
    h, m = states.reshape(-1, states.shape[-1]), waves.reshape(-1, waves.shape[-1])[:, kept]
    filled = np.linalg.matrix_rank(m) == len(kept)
    require(filled, f"the sample does not fill the {len(kept)} variables: draw more histories or use more steps")
    Psi = np.linalg.lstsq(np.column_stack([m, np.ones(len(m))]) if intercept else m, h, rcond=None)[0].T
    # Copies share their direction.
    return Psi[:, : len(kept)] @ np.linalg.pinv(expansion), Psi[:, -1] if intercept else np.zeros(len(Psi))


def recover_basis(
    system: ElmanSystem, task: HDS, method: str = "regression", sample: StateSample | None = None,
    linear: Linearisation | None = None, alpha: float = 0.5, threshold: float = THRESHOLD,
    at: int | None = None, transient: float = 1.0,
) -> RecoveredBasis:  # fmt: skip
    """Recover the directions in which a network stores its linear task's variables, on the observable coordinates.

    ``printed`` is Algorithm 1, ``mixture`` the earlier paper's and ``released`` that of the main paper's code, with the
    pseudo-inverse as dual; the other duals annihilate modes below ``threshold``. ``corrected`` is exact where W_r^+ = Psi_s
    up to transients, ``observability`` for every linear network; ``regression`` needs a sample, and uses only step ``at``
    if given. Source: twm Algorithm 1, A.6; emt Sec. 6, Algorithm 1, Eq. (14)-(15); the last three are ours."""
    check_name("method", method, METHODS)
    require(0 <= alpha <= 1, f"alpha must be between 0 and 1, not {alpha!r}")
    require(system.dim == task.dim, f"the network has {system.dim} outputs, the task {task.name} needs {task.dim}")
    require(method != "regression" or sample is not None, "regression needs a sample of hidden states")
    linear = linearise_system(system) if linear is None else linear
    observable = needed_coordinates(task) if sample is None else sample.observable
    needed, origin = observable.projection.T, linear.point
    slow = find_slow_space(linear, threshold)
    kept, expansion = find_copies(observable.operator, task.size)
    if method in ("printed", "mixture", "released"):
        if method == "released":
            # The released code first drops components that f never reads, as it does to compare spectra.
            columns, needed = _iterate_released(linear, task.history) @ needed, np.eye(observable.rank)
        else:
            printed = method == "printed"
            columns = _iterate_powers(linear, task.history, 0.0 if printed else alpha, transient, printed)
        dual = np.linalg.pinv(columns)
        condition = measure_condition(columns, dual)
        basis, dual = columns @ needed, needed.T @ dual
    else:
        if method == "corrected":
            basis = _iterate_forwards(linear, task.history, slow) @ needed
        elif method == "observability":
            if system.nonlinearity != "linear":
                slow = slow._replace(inner=_replace_magnitudes(slow.inner, nonzero_eigenvalues(observable.operator)))
            basis = _match_observability(linear, task, observable, expansion, slow)
        else:
            basis, origin = _regress_columns(sample, at, intercept=bool(system.bias.any() or system.start.any()))
        dual = np.linalg.pinv(slow.left @ basis, rcond=_WEAK) @ slow.left
        condition = measure_condition(basis, dual)
    return RecoveredBasis(basis, dual, observable, origin, len(kept), slow.right.shape[1], condition)


def regress_basis(sample: StateSample, at: int | None = None) -> RecoveredBasis:
    """Recover the directions in which any network stores its variables, by generalised least squares. Source: ours."""
    basis, origin = _regress_columns(sample, at, intercept=True)
    states, waves, kept, expansion = sample.select(at)
    states = states.reshape(-1, len(basis)) - origin
    rest = states - waves.reshape(len(states), -1) @ basis.T
    # The dual is weighted by the inverse residual covariance, which is shrunk more when there are fewer states.
    trust = len(rest) / (len(rest) + len(basis))
    noise = trust * (rest.T @ rest) / len(rest)
    # If there is no residual, any dual is optimal; this small addition selects the pseudo-inverse.
    even = (1 - trust) * float((rest**2).mean()) + max(1e-9 * float((states**2).mean()), 1e-300)
    noise[np.diag_indices_from(noise)] += even
    columns = basis @ expansion
    weighed = np.linalg.solve(noise, columns)
    dual = expansion @ (np.linalg.pinv(columns.T @ weighed, rcond=_WEAK) @ weighed.T)
    rank, condition = int(np.linalg.matrix_rank(columns)), measure_condition(basis, dual)
    return RecoveredBasis(basis, dual, sample.observable, origin, len(kept), rank, condition)
