"""What an analysis needs of a network: an Elman network in float64 with its linearisation, or anything that can be run.

Hidden states beside the wave that theory says they hold.

The methods that look for a network's variable memories.

Networks that are no Elman networks, run from any state in float64: wave-RNNs, identity RNNs, LSTMs and GRUs.

Their state is all that the next step depends on; an LSTM's cells stand behind its hidden units. Nothing else about them
needs to be known to look for a wave in them.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from twm.errors import UserError, require, require_count
from twm.theory.observability import Observable, observability_matrix, reduce_observable
from twm.theory.operators import correct_inputs, make_wave_operator
from twm.theory.spectra import THRESHOLD, circular_distance, nonzero_eigenvalues, ranks_of_powers
from twm.theory.systems import HDS, draw_binary_history, rollout, window_states

#: Activations and their derivatives as functions of the activation's value.
_ACTIVATIONS: dict[str, tuple[Callable, Callable]] = {
    "tanh": (np.tanh, lambda value: 1 - value**2),
    "linear": (lambda drive: drive, np.ones_like),
    "relu": (lambda drive: np.maximum(drive, 0), lambda value: (value > 0).astype(float)),
}


class StateSystem(Protocol):
    """A network that can be run from any state: what sampling, regression and interventions need.

    Attributes:
        hidden: numbers of a state.
        dim: dimension of inputs and outputs.
    """

    @property
    def hidden(self) -> int: ...

    @property
    def dim(self) -> int: ...

    def run(self, state: np.ndarray, steps: int, inputs: np.ndarray | None = None) -> np.ndarray:
        """Return the states of every step; see :meth:`ElmanSystem.run`."""

    def read(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs at states; see :meth:`ElmanSystem.read`."""


@dataclass(frozen=True, eq=False)
class ElmanSystem:
    """The weights of an Elman network, h(t) = g(W_hh h(t-1) + W_uh u(t) + b), y(t) = W_r h(t) + c.

    Attributes:
        recurrent: W_hh, (hidden, hidden).
        encoder: W_uh, (hidden, dim).
        readout: W_r, (dim, hidden).
        bias: b, (hidden,); zero where the network has none.
        offset: c, (dim,); zero where the readout has no bias.
        nonlinearity: g: ``tanh``, ``linear`` or ``relu``.

    Raises:
        UserError: if shapes do not fit, an entry is not finite, or the nonlinearity is unknown.

    Source: twm Eq. (9), (10).
    """

    recurrent: np.ndarray
    encoder: np.ndarray
    readout: np.ndarray
    bias: np.ndarray | None = None
    offset: np.ndarray | None = None
    nonlinearity: str = "tanh"

    def __post_init__(self) -> None:
        require(
            self.nonlinearity in _ACTIVATIONS,
            f"nonlinearity must be one of {', '.join(_ACTIVATIONS)}, not {self.nonlinearity!r}",
        )
        recurrent, encoder, readout = (
            np.asarray(part, dtype=float) for part in (self.recurrent, self.encoder, self.readout)
        )
        square = recurrent.ndim == 2 and recurrent.shape[0] == recurrent.shape[1] > 0
        require(square, f"the recurrent matrix must be square, not of shape {recurrent.shape}")
        hidden = len(recurrent)
        fits = encoder.ndim == 2 and encoder.shape[0] == hidden and encoder.shape[1] > 0
        require(fits, f"the encoder must be of shape ({hidden}, dim), not {encoder.shape}")
        dim = encoder.shape[1]
        require(readout.shape == (dim, hidden), f"the readout must be of shape {(dim, hidden)}, not {readout.shape}")
        bias = np.zeros(hidden) if self.bias is None else np.asarray(self.bias, dtype=float)
        offset = np.zeros(dim) if self.offset is None else np.asarray(self.offset, dtype=float)
        require(bias.shape == (hidden,), f"the bias must be of shape {(hidden,)}, not {bias.shape}")
        require(offset.shape == (dim,), f"the readout's bias must be of shape {(dim,)}, not {offset.shape}")
        parts = {"recurrent": recurrent, "encoder": encoder, "readout": readout, "bias": bias, "offset": offset}
        for name, part in parts.items():
            require(bool(np.isfinite(part).all()), f"the network's {name} has NaN or infinite entries")
            object.__setattr__(self, name, part)

    @property
    def hidden(self) -> int:
        """Number of hidden neurons."""
        return len(self.recurrent)

    @property
    def dim(self) -> int:
        """Dimension of inputs and outputs."""
        return len(self.readout)

    def drive(self, states: np.ndarray) -> np.ndarray:
        """Return W_hh h + b, what the activation is applied to without input.

        Args:
            states: (..., hidden).
        """
        return states @ self.recurrent.T + self.bias

    def step(self, states: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """Advance hidden states (..., hidden) by one step, with inputs (..., dim) or none."""
        drive = self.drive(states)
        if inputs is not None:
            drive = drive + inputs @ self.encoder.T
        return _ACTIVATIONS[self.nonlinearity][0](drive)

    def read(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs (..., dim) at hidden states (..., hidden)."""
        return states @ self.readout.T + self.offset

    def slope(self, states: np.ndarray) -> np.ndarray:
        """Return the activation's derivative where it took the values ``states``, of the same shape."""
        return _ACTIVATIONS[self.nonlinearity][1](states)

    def run(self, state: np.ndarray, steps: int, inputs: np.ndarray | None = None) -> np.ndarray:
        """Run the network; the states at every step.

        Args:
            state: h(0), (..., hidden).
            steps: number of steps without input, after the inputs.
            inputs: (time, ..., dim), or none.

        Returns:
            (time + steps, ..., hidden), from h(1) on.

        Raises:
            UserError: if steps is below 0.
        """
        steps = require_count(steps, "steps", least=0)
        states = []
        for time in range((0 if inputs is None else len(inputs)) + steps):
            feed = inputs[time] if inputs is not None and time < len(inputs) else None
            state = self.step(state, feed)
            states.append(state)
        return np.stack(states) if states else np.zeros((0, *np.shape(state)))


@dataclass(frozen=True, eq=False)
class Linearisation:
    """A network near one of its fixed points: h'(t+1) = J W_hh h'(t) + J W_uh u(t), with h' = h - h*.

    Attributes:
        recurrent: J W_hh, (hidden, hidden).
        encoder: J W_uh, (hidden, dim).
        readout: W_r, (dim, hidden); it reads h', and y* = W_r h* + c comes on top.
        point: h*, (hidden,); zero at rest.
        slopes: the diagonal of J, (hidden,).

    Source: twm A.5 Eq. (41)-(43), with h(t) - h* on the right of Eq. (41).
    """

    recurrent: np.ndarray
    encoder: np.ndarray
    readout: np.ndarray
    point: np.ndarray
    slopes: np.ndarray


def as_system(network: Any, nonlinearity: str | None = None) -> ElmanSystem:
    """Return a network's weights in float64.

    Args:
        network: an :class:`ElmanSystem`, or a module with ``get_matrices``, such as :class:`twm.models.elman.ElmanRNN`.
        nonlinearity: the module's own if not given.

    Raises:
        UserError: if it is neither, or the weights are not finite.
    """
    if isinstance(network, ElmanSystem):
        return network
    known = hasattr(network, "get_matrices")
    require(known, f"an Elman network is needed, not {type(network).__name__}")
    bias = getattr(network, "bias_hh_l0", None)
    bias = None if bias is None else bias.detach().double().cpu().numpy()
    return ElmanSystem(*network.get_matrices(), bias, None, nonlinearity or network.nonlinearity)


def find_fixed_point(
    system: ElmanSystem, start: np.ndarray | None = None, steps: int = 200, tolerance: float = 1e-13
) -> np.ndarray:
    """Find a fixed point of the network without input, h* = g(W_hh h* + b), by Newton's method.

    Newton's steps do not care whether the point attracts, and the fixed points of wave networks repel. A step that
    does not bring the network closer to rest is halved.

    Args:
        system: the network.
        start: where to look from, (hidden,); zero if not given.
        steps: most steps of Newton's method.
        tolerance: largest component of g(W_hh h + b) - h at the point, allowed.

    Returns:
        (hidden,). Which of several fixed points it is depends on ``start``.

    Raises:
        UserError: if the start does not fit or no fixed point is found from it.

    Source: twm A.5, the h* of Eq. (41).
    """
    point = np.zeros(system.hidden) if start is None else np.array(start, dtype=float)
    require(point.shape == (system.hidden,), f"start must be of shape {(system.hidden,)}, not {point.shape}")
    defect = system.step(point) - point
    for _ in range(require_count(steps, "steps")):
        if np.abs(defect).max() <= tolerance:
            return point
        jacobian = system.slope(system.step(point))[:, None] * system.recurrent - np.eye(system.hidden)
        try:
            move = np.linalg.solve(jacobian, -defect)
        except np.linalg.LinAlgError:
            break
        length = 1.0
        while length > 1e-6:
            moved = system.step(point + length * move) - (point + length * move)
            if np.linalg.norm(moved) < np.linalg.norm(defect):
                break
            length /= 2
        else:
            break
        point, defect = point + length * move, moved
    # At the limits of rounding a step no longer helps, and the point is as good as it gets.
    if np.abs(defect).max() <= 1e3 * tolerance:
        return point
    raise UserError(
        f"no fixed point found: the state still moves by {np.abs(defect).max():.1e} a step; try another start"
    )


def linearise_system(system: ElmanSystem, point: np.ndarray | None = None) -> Linearisation:
    """Linearise a network around a fixed point.

    Args:
        system: the network.
        point: h*, (hidden,). If not given: rest, where the network has no bias, else the fixed point that
            :func:`find_fixed_point` reaches from there.

    Raises:
        UserError: if the point is not fixed, or none is found.

    Source: twm A.5 Eq. (41)-(43).
    """
    if point is None:
        point = find_fixed_point(system) if system.bias.any() else np.zeros(system.hidden)
    point = np.asarray(point, dtype=float)
    require(point.shape == (system.hidden,), f"the point must be of shape {(system.hidden,)}, not {point.shape}")
    value = system.step(point)
    still = np.abs(value - point).max()
    require(still <= 1e-6, f"the point is not a fixed point: the network moves it by {still:.1e}")
    slopes = system.slope(value)
    return Linearisation(
        slopes[:, None] * system.recurrent, slopes[:, None] * system.encoder, system.readout, point, slopes
    )


@dataclass(frozen=True, eq=False)
class StateSample:
    """What a network did, and what the wave did, on the same histories.

    Step 0 is the end of the input phase, step t the t-th step of the output phase.

    Attributes:
        states: (horizon + 1, batch, hidden), h(s) onwards.
        waves: (horizon + 1, batch, rank), the needed coordinates of the substrate at the same steps.
        early: (history - 1, batch, hidden), h(1) to h(s-1).
        fed: (history, batch, dim), what the network was given.
        observable: the task on its needed coordinates.
        history: number of columns of the substrate.
        kept: (n,) the needed coordinates that still differ once settled, see :func:`find_copies`; all of them in the
            paper's tasks.
        expansion: (rank, n) what the others are copies of: ``waves = waves[..., kept] @ expansion.T`` from then on.
        settled: the step from which on what is read is measured: every column has been refilled once, and whatever
            becomes a copy has become one.
    """

    states: np.ndarray
    waves: np.ndarray
    early: np.ndarray
    fed: np.ndarray
    observable: Observable
    history: int
    kept: np.ndarray
    expansion: np.ndarray
    settled: int

    @property
    def horizon(self) -> int:
        """Number of steps of the output phase."""
        return len(self.states) - 1

    def predict_outputs(self, waves: np.ndarray, steps: int) -> np.ndarray:
        """Return the outputs that theory predicts after the given waves.

        Args:
            waves: (..., rank), the needed coordinates now.
            steps: number of steps.

        Returns:
            (steps, ..., dim), the first one step from now.
        """
        outputs = []
        for _ in range(steps):
            waves = waves @ self.observable.operator.T
            outputs.append(waves @ self.observable.readout.T)
        return np.stack(outputs)


def needed_coordinates(task: HDS) -> Observable:
    """Reduce a linear task to the coordinates of its substrate that its outputs depend on.

    What f never reads leaves no trace in the outputs, so training gives a network no reason to keep it, and no method
    can find it there: it is not part of any basis in this room.

    Args:
        task: a linear system.

    Returns:
        the task on its needed coordinates; its ``coordinates`` lists them for selection tasks.

    Raises:
        UserError: if the system is not linear.

    Source: twm Fig. 4, "optimized basis"; the answer to A.6 is ours.
    """
    require(task.matrix is not None, f"the task {task.name} is not linear: it has no wave operator")
    operator = make_wave_operator(np.asarray(task.matrix, dtype=float))
    return reduce_observable(np.eye(len(operator))[-task.dim :], operator)


def find_copies(operator: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Find which coordinates still differ after a number of steps, and what the others are copies of.

    Where f reads one thing twice, two needed coordinates soon hold the same content, up to a sign. From then on they are
    one memory: nothing that comes later can tell them apart, and no network needs two directions for them.

    Args:
        operator: Phi on the needed coordinates, (rank, rank).
        steps: steps since the coordinates were set one by one; after :func:`count_settling_steps` of them nothing changes.

    Returns:
        kept: (n,) coordinates that determine the others, the first of each kind.
        expansion: (rank, n) with ``wave = expansion @ wave[kept]`` for every wave after these steps.
    """
    rank = len(operator)
    span = np.eye(rank)
    for _ in range(steps):
        left, values, _ = np.linalg.svd(operator @ span, full_matrices=False)
        left = left[:, values > 1e-10 * np.linalg.norm(operator, 2)]
        if left.shape[1] == span.shape[1]:
            span = left
            break
        span = left
    if span.shape[1] == rank:
        return np.arange(rank), np.eye(rank)
    kept: list[int] = []
    rows = np.zeros((0, span.shape[1]))
    for place in range(rank):
        rest = span[place] - (span[place] @ rows.T) @ rows
        if np.linalg.norm(rest) > 1e-8:
            rest = rest - (rest @ rows.T) @ rows
            rows = np.vstack([rows, rest / np.linalg.norm(rest)])
            kept.append(place)
    expansion = span @ np.linalg.inv(span[kept])
    # Copies are copies exactly; what is left of rounding would look like faint connections.
    near = np.abs(expansion - np.round(expansion)).max() < 1e-9
    return np.array(kept), np.round(expansion) if near else expansion


def count_settling_steps(operator: np.ndarray) -> int:
    """Return after how many steps all that becomes a copy is one: the powers of Phi lose no rank any more.

    Args:
        operator: Phi on the needed coordinates, (rank, rank).
    """
    ranks = [len(operator), *ranks_of_powers(operator, len(operator))]
    return ranks.index(ranks[-1])


def sample_states(
    system: StateSystem,
    task: HDS,
    count: int = 512,
    horizon: int | None = None,
    seed: int = 0,
    initial: np.ndarray | None = None,
    correct: bool = False,
) -> StateSample:
    """Run a network on histories, and the wave of its task beside it.

    Args:
        system: the network.
        task: a linear task of the network's dim.
        count: number of histories of -1 and 1.
        horizon: steps of the output phase; 60, or four laps where that is more, if not given.
        seed: of the histories.
        initial: (count, history, dim), instead of drawn ones.
        correct: feed the inputs less what the boundary will add to them. Constructed networks need it; trained ones
            have learnt to live with raw inputs.

    Returns:
        the sample.

    Raises:
        UserError: if network and task do not fit, or a number is out of range.
    """
    require(system.dim == task.dim, f"the network has {system.dim} outputs, the task {task.name} needs {task.dim}")
    observable = needed_coordinates(task)
    horizon = max(60, 4 * task.history) if horizon is None else require_count(horizon, "horizon")
    if initial is None:
        initial = draw_binary_history(task, require_count(count, "count"), seed)
    initial = np.asarray(initial, dtype=float)
    truth = window_states(rollout(task, initial, horizon), task.history)
    waves = truth.reshape(*truth.shape[:2], task.size) @ observable.projection.T
    fed = np.moveaxis(correct_inputs(task.matrix, initial) if correct else initial, 1, 0)
    states = system.run(np.zeros((len(initial), system.hidden)), horizon, fed)
    early, late = states[: task.history - 1], states[task.history - 1 :]
    copies = find_copies(observable.operator, task.size)
    settled = max(task.history, count_settling_steps(observable.operator))
    return StateSample(late, waves, early, fed, observable, task.history, *copies, settled)


#: Names of the methods, see :func:`recover_basis`.
METHODS = ("printed", "corrected", "mixture", "observability", "regression")

# Directions of a basis weaker than this share of its strongest are not told from zero when a dual is made.
_WEAK = 1e-10


@dataclass(frozen=True, eq=False)
class RecoveredBasis:
    """Where a network keeps which variable, as far as a method found out.

    Attributes:
        basis: Psi, (hidden, rank), one column a needed coordinate.
        dual_basis: Psi*, (rank, hidden), the rows that read them.
        method: one of :data:`METHODS`.
        coordinates: for each column its place in the substrate, ``column*dim + dimension``, column 0 the oldest;
            ``None`` where the needed part is a quotient that no set of coordinates spans.
        unread: places in the substrate that f never reads, about which nothing can be said.
        origin: (hidden,) the state from which memories are measured: ``h = origin + basis @ wave + rest``.
        rank_theory: number of directions that theory needs once settled; below the number of columns where some variables
            are copies of others.
        rank_network: number of slow directions of the network; with fewer of these no dual can read all variables.
        condition: product of the norms of all that the method took for basis and dual.
    """

    basis: np.ndarray
    dual_basis: np.ndarray
    method: str
    coordinates: tuple[int, ...] | None
    unread: tuple[int, ...]
    origin: np.ndarray
    rank_theory: int
    rank_network: int
    condition: float

    @property
    def rank(self) -> int:
        """Number of columns."""
        return self.basis.shape[1]

    @property
    def compressed(self) -> bool:
        """Whether the network has fewer slow directions than there are variables that differ."""
        return self.rank_network < self.rank_theory

    def read_waves(self, states: np.ndarray) -> np.ndarray:
        """Read the variables in hidden states (..., hidden): (..., rank)."""
        return (states - self.origin) @ self.dual_basis.T

    def hold_waves(self, waves: np.ndarray) -> np.ndarray:
        """Return the hidden states (..., hidden) that hold variables (..., rank) and nothing else."""
        return self.origin + waves @ self.basis.T

    def read_substrate(self, states: np.ndarray, history: int, dim: int) -> np.ndarray:
        """Read hidden states as columns: (..., history, dim), with NaN where f never reads.

        Raises:
            UserError: if the needed part of the task is not a set of coordinates.
        """
        require(self.coordinates is not None, "the needed part of this task is not a set of coordinates")
        waves = self.read_waves(states)
        flat = np.full((*waves.shape[:-1], history * dim), np.nan)
        flat[..., list(self.coordinates)] = waves
        return flat.reshape(*waves.shape[:-1], history, dim)


def recover_basis(
    system: ElmanSystem,
    task: HDS,
    method: str = "regression",
    sample: StateSample | None = None,
    linear: Linearisation | None = None,
    alpha: float = 0.5,
    threshold: float = THRESHOLD,
    at: int | None = None,
    transient: float = 1.0,
) -> RecoveredBasis:
    """Look for the directions in which a network keeps the variables of its task.

    =================  =======================================================================================
    ``printed``        Algorithm 1 as printed: (W^T)^k W_r^+, transients taken out of all but the newest block by an
                       orthogonal projector, pseudo-inverse as dual, all history*dim coordinates
    ``corrected``      the same with forward powers W^(s-k), spectral projector and spectral dual, on the needed
                       coordinates; exact where W_r^+ = Psi_s up to transients and f meets no power half-way
    ``mixture``        the earlier paper's: alpha W^(s-k) W_uh + (1 - alpha) (W^T)^k W_r^+, transients taken out of each
                       block, the newest included
    ``observability``  ours, from the weights alone: what the readout sees of Psi after 0, 1, ... steps must be what it
                       sees of the wave; exact for every linear network in every basis. Where a nonlinear network's
                       eigenvalues differ in magnitude from theory's they are first brought to those
    ``regression``     ours, from data: hidden states of the settled output phase, regressed on the wave that theory
                       knows they hold; for any network that can be run, with a spectral dual
    =================  =======================================================================================

    Args:
        system: the network.
        task: its task, a linear system.
        method: one of :data:`METHODS`.
        sample: for ``regression``; see :func:`twm.analysis.recovery.sample_states`.
        linear: the linearisation that the other methods use; :func:`twm.analysis.recovery.linearise_system` if not given.
        alpha: share of the forward part in ``mixture``, 0 to 1.
        threshold: magnitude above which an eigenvalue counts as a memory; the two printed methods use ``transient``.
        at: for ``regression``, take the hidden states of this one step instead of the settled phase. In the first lap a
            network may keep its variables in other directions than later.
        transient: magnitude below which an eigenvalue is transient to ``printed`` and ``mixture``; 1 as printed.

    Returns:
        the basis on the task's needed coordinates.

    Raises:
        UserError: if the method is unknown, alpha is out of range, network and task do not fit, ``regression`` lacks
            its sample, or the network has no slow direction at all.

    Source: twm Algorithm 1, A.6; emt Sec. 6, Algorithm 1, Eq. (14)-(15); the last two are ours.
    """
    require(method in METHODS, f"method must be one of {', '.join(METHODS)}, not {method!r}")
    require(0 <= alpha <= 1, f"alpha must be between 0 and 1, not {alpha!r}")
    require(system.dim == task.dim, f"the network has {system.dim} outputs, the task {task.name} needs {task.dim}")
    linear = linearise_system(system) if linear is None else linear
    observable = needed_coordinates(task) if sample is None else sample.observable
    slow = _find_slow_space(linear, threshold)
    origin = linear.point
    kept, expansion = find_copies(observable.operator, task.size)
    if method in ("printed", "mixture"):
        columns, dual = _iterate_backwards(linear, task, None if method == "printed" else alpha, transient)
        basis, dual_basis = columns @ observable.projection.T, observable.projection @ dual
        condition = _norm(columns) * _norm(dual)
    else:
        if method == "corrected":
            basis = _iterate_forwards(linear, task, slow) @ observable.projection.T
        elif method == "observability":
            basis = _match_observability(system, linear, task, observable, expansion, slow)
        else:
            require(sample is not None, "the method regression needs a sample of hidden states: see sample_states")
            basis, origin = _regress(sample, at, intercept=bool(system.bias.any()))
        dual_basis = slow.read(basis)
        condition = _norm(basis) * _norm(dual_basis)
    read = observable.projection.any(axis=0)
    unread = tuple(int(place) for place in np.flatnonzero(~read))
    return RecoveredBasis(
        basis, dual_basis, method, observable.coordinates, unread, origin, len(kept), slow.rank, float(condition)
    )


def regress_basis(sample: StateSample, at: int | None = None) -> RecoveredBasis:
    """Look for the directions in which any network that can be run keeps the variables of its task.

    The columns are those of ``regression`` in :func:`recover_basis`. The dual needs no linearisation: of all rows that read
    each column and no other, it has those that are disturbed least by the part of the states that the wave does not explain,
    as generalised least squares would. The covariance of that part is shrunk towards a multiple of one, the more the fewer
    states there are for each direction.

    Args:
        sample: hidden states and waves, see :func:`twm.analysis.recovery.sample_states`.
        at: take the hidden states of this one step instead of the settled output phase.

    Returns:
        the basis; its ``rank_network`` counts the independent columns.

    Raises:
        UserError: if the sample does not fill the variables, or has no such step.

    Source: ours.
    """
    basis, origin = _regress(sample, at, intercept=True)
    chosen = slice(sample.settled, None) if at is None else slice(at, at + 1)
    states = sample.states[chosen].reshape(-1, basis.shape[0]) - origin
    rest = states - sample.waves[chosen].reshape(-1, basis.shape[1]) @ basis.T
    trust = len(rest) / (len(rest) + basis.shape[0])
    noise = trust * (rest.T @ rest) / len(rest)
    # Where nothing is left unexplained any dual will do; the little that is added makes it the pseudo-inverse.
    even = (1 - trust) * float((rest**2).mean()) + max(1e-9 * float((states**2).mean()), 1e-300)
    noise[np.diag_indices_from(noise)] += even
    kept, expansion = find_copies(sample.observable.operator, sample.settled if at is None else at)
    columns = basis @ expansion
    weighed = np.linalg.solve(noise, columns)
    dual = expansion @ (np.linalg.pinv(columns.T @ weighed, rcond=_WEAK) @ weighed.T)
    unread = tuple(int(place) for place in np.flatnonzero(~sample.observable.projection.any(axis=0)))
    rank = int(np.linalg.matrix_rank(columns))
    return RecoveredBasis(
        basis,
        dual,
        "regression",
        sample.observable.coordinates,
        unread,
        origin,
        len(kept),
        rank,
        _norm(basis) * _norm(dual),
    )


def replace_dual(recovered: RecoveredBasis, kind: str) -> RecoveredBasis:
    """Return a basis with another dual: a control that shows what the spectral one is good for.

    Args:
        recovered: the basis.
        kind: ``pseudo-inverse``.

    Raises:
        UserError: if the kind is another one.
    """
    require(kind == "pseudo-inverse", f"the dual can be replaced by the pseudo-inverse only, not by {kind!r}")
    dual = np.linalg.pinv(recovered.basis)
    return replace(recovered, dual_basis=dual, condition=_norm(recovered.basis) * _norm(dual))


class _SlowSpace:
    """The invariant subspace of the eigenvalues beyond a threshold.

    Found by an ordered Schur decomposition, which needs no eigenvectors: transients may well have too few of them.

    Attributes:
        rank: its dimension.
        right: (hidden, rank) orthonormal columns that span it.
        left: (rank, hidden) rows with ``left @ right`` = 1 that vanish on the transient directions.
        inner: (rank, rank) the operator on it: ``operator @ right = right @ inner``.
    """

    def __init__(self, operator: np.ndarray, threshold: float) -> None:
        from scipy.linalg import schur, solve_sylvester

        upper, frame, rank = schur(operator, sort=lambda real, imaginary: np.hypot(real, imaginary) > threshold)
        require(rank > 0, f"the network has no eigenvalue beyond {threshold:g}: it keeps nothing")
        inner, coupling, outer = upper[:rank, :rank], upper[:rank, rank:], upper[rank:, rank:]
        mixed = solve_sylvester(inner, -outer, coupling) if rank < len(operator) else coupling
        self.rank, self.inner, self.right = int(rank), inner, frame[:, :rank]
        self.left = frame[:, :rank].T + mixed @ frame[:, rank:].T

    def project(self, columns: np.ndarray) -> np.ndarray:
        """Take out of columns (hidden, n) what decays, along the transient directions."""
        return self.right @ (self.left @ columns)

    def read(self, basis: np.ndarray) -> np.ndarray:
        """Make the dual of a basis that does not see transients."""
        return np.linalg.pinv(self.left @ basis, rcond=_WEAK) @ self.left


@lru_cache(maxsize=8)
def _find_slow_space(linear: Linearisation, threshold: float) -> _SlowSpace:
    """Return the slow space of a linearisation; every method asks for it, and an analysis asks every method, many times."""
    return _SlowSpace(linear.recurrent, threshold)


def _norm(matrix: np.ndarray) -> float:
    return float(np.linalg.norm(matrix, 2))


def _iterate_backwards(
    linear: Linearisation, task: HDS, alpha: float | None, transient: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return all columns (hidden, history*dim) as printed, and their pseudo-inverse; with alpha the earlier mixture."""
    share = 0.0 if alpha is None else alpha
    back, ahead = [np.linalg.pinv(linear.readout)], [linear.encoder]
    for _ in range(task.history - 1):
        back.append(linear.recurrent.T @ back[-1])
        ahead.append(linear.recurrent @ ahead[-1])
    values, vectors = np.linalg.eig(linear.recurrent)
    # Printed is lambda < 1, which has no meaning for complex numbers: read as magnitude.
    # The margin keeps the roots of unity of a constructed network, which rounding puts on either side of 1.
    decaying = vectors[:, np.abs(values) < transient - 1e-6]
    back_decaying = np.linalg.pinv(decaying)

    def clean(block: np.ndarray) -> np.ndarray:
        return block - np.real(decaying @ (back_decaying @ block))

    blocks = []
    for k in range(1, task.history):
        # The content of variable s is in variable k after s - k steps; the exponent of the backward power is printed as k.
        blocks.append(clean(share * ahead[task.history - k] + (1 - share) * back[k]))
    newest = share * ahead[0] + (1 - share) * back[0]
    # The main paper's loop ends before the newest block; the earlier paper (Sec. 6) says each Psi_k.
    blocks.append(newest if alpha is None else clean(newest))
    columns = np.concatenate(blocks, axis=1)
    return columns, np.linalg.pinv(columns)


def _iterate_forwards(linear: Linearisation, task: HDS, slow: _SlowSpace) -> np.ndarray:
    """Return all columns (hidden, history*dim): W^(s-k) on the slow part of W_r^+."""
    blocks = [slow.project(np.linalg.pinv(linear.readout))]
    for _ in range(task.history - 1):
        # Projected each time: transients that rounding brings back would otherwise be carried along.
        blocks.insert(0, slow.project(linear.recurrent @ blocks[0]))
    return np.concatenate(blocks, axis=1)


def _match_observability(
    system: ElmanSystem,
    linear: Linearisation,
    task: HDS,
    observable: Observable,
    expansion: np.ndarray,
    slow: _SlowSpace,
) -> np.ndarray:
    """Return the columns (hidden, rank) that the readout sees as it sees the wave, now and at later steps."""
    inner = slow.inner
    if system.nonlinearity != "linear":
        inner = _replace_magnitudes(inner, nonzero_eigenvalues(observable.operator))
    # A lap suffices for every selection task; further steps add only the errors of further powers.
    for steps in (task.history, observable.rank):
        seen = observability_matrix(observable.readout, observable.operator, steps) @ expansion
        if np.linalg.matrix_rank(seen) == expansion.shape[1]:
            break
    found = observability_matrix(linear.readout @ slow.right, inner, steps)
    return slow.right @ (np.linalg.pinv(found, rcond=_WEAK) @ seen) @ np.linalg.pinv(expansion)


def _replace_magnitudes(operator: np.ndarray, theory: np.ndarray) -> np.ndarray:
    """Give every eigenvalue of an operator the magnitude of theory's eigenvalue with the nearest argument.

    The linearisation at rest says how fast a memory grows while it is small. The activation then holds it, so the
    magnitudes say little about a memory in use; the arguments are what theory predicts.
    """
    if not len(theory):
        return operator
    values, vectors = np.linalg.eig(operator)
    nearest = circular_distance(np.angle(values)[:, None], np.angle(theory)[None, :]).argmin(axis=1)
    scaled = np.abs(theory)[nearest] * np.exp(1j * np.angle(values))
    return np.real((vectors * scaled) @ np.linalg.inv(vectors))


def _regress(sample: StateSample, at: int | None, intercept: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return columns (hidden, rank) and origin (hidden,): the hidden states explained by the wave."""
    require(at is None or 0 <= at <= sample.horizon, f"the sample has steps 0 to {sample.horizon}, not {at}")
    chosen = slice(sample.settled, None) if at is None else slice(at, at + 1)
    waves = sample.waves[chosen].reshape(-1, sample.observable.rank)
    states = sample.states[chosen].reshape(len(waves), -1)
    operator = sample.observable.operator
    kept, expansion = find_copies(operator, sample.settled if at is None else at)
    require(
        np.linalg.matrix_rank(waves[:, kept]) == len(kept),
        f"the sample does not fill the {len(kept)} variables: draw more histories or run for more than {sample.history} steps",
    )
    waves = waves[:, kept]
    if intercept:
        waves = np.column_stack([waves, np.ones(len(waves))])
    found = np.linalg.lstsq(waves, states, rcond=None)[0]
    origin = found[-1] if intercept else np.zeros(states.shape[1])
    # Copies share their direction.
    return found[: len(kept)].T @ np.linalg.pinv(expansion), origin


if TYPE_CHECKING:
    from twm.models.rings import SequenceNetwork


class SequenceSystem:
    """A network on sequences whose outputs have the dimension of its inputs.

    Args:
        network: any of :mod:`twm.networks`; it is copied.

    Attributes:
        network: the copy, in float64.

    Raises:
        UserError: if inputs and outputs differ in dimension, or a weight is not finite.
    """

    def __init__(self, network: "SequenceNetwork") -> None:
        fits = network.inputs == network.outputs
        require(
            fits,
            f"a system's outputs are its states, but this network has {network.inputs} inputs and {network.outputs} outputs",
        )
        self.network = copy.deepcopy(network).double().requires_grad_(False)
        for name, weight in self.network.named_parameters():
            require(bool(weight.isfinite().all()), f"the network's {name} has NaN or infinite entries")

    @property
    def hidden(self) -> int:
        """Numbers of a state."""
        return self.network.carried

    @property
    def dim(self) -> int:
        """Dimension of inputs and outputs."""
        return self.network.inputs

    def run(self, state: np.ndarray, steps: int, inputs: np.ndarray | None = None) -> np.ndarray:
        """Return the states of every step.

        Args:
            state: (batch, hidden) to start from.
            steps: number of steps without input, after the inputs.
            inputs: (time, batch, dim), or none.

        Returns:
            (time + steps, batch, hidden).

        Raises:
            UserError: if steps is below 0.
        """
        import torch

        from twm.models.rings import run_steps

        state = torch.from_numpy(np.ascontiguousarray(state, dtype=np.float64))
        empty = np.zeros((0, len(state), self.dim))
        shown = torch.from_numpy(np.ascontiguousarray(empty if inputs is None else inputs, dtype=np.float64))
        return run_steps(self.network, shown, state, require_count(steps, "steps", least=0)).numpy()

    def read(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs (..., dim) at states (..., hidden)."""
        import torch

        shown = torch.from_numpy(np.ascontiguousarray(states[..., : self.network.hidden], dtype=np.float64))
        return self.network.read(shown).numpy()

    def measure_jacobian(self, states: np.ndarray) -> np.ndarray:
        """Return the mean derivative of a step without input by the state before it, over given states.

        It is to such a network what J W_hh is to an Elman network at rest: where units switch on and off along the orbit, no
        single point stands for it.

        Args:
            states: (..., hidden).

        Returns:
            (hidden, hidden).

        Source: twm A.5, with a mean in place of the fixed point.
        """
        import torch

        flat = torch.from_numpy(np.ascontiguousarray(states, dtype=np.float64)).reshape(-1, self.hidden)
        with torch.enable_grad():
            flat.requires_grad_()
            after = self.network.step(flat).mean(0)
            rows = [torch.autograd.grad(value, flat, retain_graph=True)[0].sum(0) for value in after]
        return torch.stack(rows).numpy()
