"""The continuous memory model, its fast limit, its discrete map, and the Elman update conjugate to the map (emt).

Also variables in a basis: integer bases, pseudocode without a basis, and the variables of a trained network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.integrate import solve_ivp

from twm.errors import check_name, require, require_count

ACTIVATIONS: dict[str, Callable] = {
    "tanh": np.tanh,
    "relu": lambda values: np.maximum(values, 0.0),
    "clip": lambda values: np.clip(values, -1.0, 1.0),
}


@dataclass(frozen=True, eq=False)
class EpisodicModel:
    """The sequential episodic memory, read by a pseudo-inverse. Source: emt Eq. (1), with sigma_h the identity.

    T_f dV_f/dt = sqrt(a_s) Xi V_h - V_f,      T_d dV_d/dt = sigma(V_f) - V_d,
    T_h dV_h/dt = sqrt(a_s) Xi^+ sigma(V_f) + a_c Phi'^T Xi^+ V_d - V_h."""

    memories: np.ndarray  # Xi, (neurons, memories), independent columns
    interactions: np.ndarray  # Phi', (memories, memories): the row's memory excites the column's
    activation: str = "tanh"  # sigma_f, of ACTIVATIONS
    strength_self: float = 1.0  # a_s, strength of a memory's self-excitation
    strength_next: float = 1.0  # a_c, strength of the interactions

    def __post_init__(self) -> None:
        for name in ("memories", "interactions"):
            object.__setattr__(self, name, np.array(getattr(self, name), dtype=float))
        count, shape = self.memories.shape[-1], self.interactions.shape
        require(shape == (count, count), f"interactions must be of shape {(count, count)}, not {shape}")
        require(np.linalg.matrix_rank(self.memories) == count, f"the {count} memories are not independent")
        check_name("activation", self.activation, ACTIVATIONS)
        require(self.strength_self > 0, f"strength_self must be positive, not {self.strength_self!r}")

    @property
    def duals(self) -> np.ndarray:
        """Xi^+, (memories, neurons): the rows that read the amount of each memory in a state."""
        return np.linalg.pinv(self.memories)

    @property
    def operator(self) -> np.ndarray:
        """Phi^T = a_s I + sqrt(a_s) a_c Phi'^T, (memories, memories): one step among memories. Source: emt Sec. 3."""
        own = self.strength_self * np.eye(len(self.interactions))
        return own + np.sqrt(self.strength_self) * self.strength_next * self.interactions.T

    @property
    def recurrent(self) -> np.ndarray:
        """W = Xi Phi^T Xi^+, (neurons, neurons): the same step among the neurons. Source: emt Eq. (2)."""
        return self.memories @ self.operator @ self.duals

    def activate(self, values: np.ndarray) -> np.ndarray:
        """Apply sigma_f."""
        return ACTIVATIONS[self.activation](values)


def draw_episodic_model(
    neurons: int, memories: int, seed: int | np.random.Generator = 0, *, norm: float | None = None, **options: object
) -> EpisodicModel:
    """Draw random memories and interactions; ``norm`` sets the largest singular value of W."""
    neurons, memories = require_count(neurons, "neurons"), require_count(memories, "memories")
    require(memories <= neurons, f"{neurons} neurons cannot hold {memories} independent memories")
    rng = np.random.default_rng(seed)
    columns = rng.standard_normal((neurons, memories))
    model = EpisodicModel(columns, rng.standard_normal((memories, memories)) / np.sqrt(memories), **options)
    if norm is None:
        return model
    require(norm > 0, f"norm must be positive, not {norm!r}")
    require(model.strength_next != 0, "without a strength of the next memory, norm cannot be set")
    # The strengths are kept: Phi is scaled as a whole, and Phi' follows from it.
    wanted = model.operator * (norm / np.linalg.norm(model.recurrent, 2))
    calls = wanted - model.strength_self * np.eye(memories)
    return EpisodicModel(columns, (calls / (np.sqrt(model.strength_self) * model.strength_next)).T, **options)


def change_memories(model: EpisodicModel, mixing: np.ndarray) -> EpisodicModel:
    """Express the same network with other memories, Xi S with S (memories, memories). Source: emt Sec. 3."""
    S, shape = np.asarray(mixing, dtype=float), model.interactions.shape
    require(S.shape == shape, f"mixing must be of shape {shape}, not {S.shape}")
    require(np.linalg.matrix_rank(S) == len(S), "mixing must be invertible")
    # Phi'^T transforms like an operator, and the strengths are scalars.
    turned = np.linalg.solve(S, model.interactions.T @ S)
    return EpisodicModel(model.memories @ S, turned.T, model.activation, model.strength_self, model.strength_next)


# ---- continuous time


def simulate_episodes(
    model: EpisodicModel, start: np.ndarray, times: np.ndarray, time_hidden: float = 0.1, time_delay: float = 0.1,
    tolerance: float = 1e-10,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Solve the full equations from V_f = ``start`` with T_f = 1: V_f, V_h, V_d, each (times, neurons or memories).
    Hidden and delay variables start at their equilibrium for this V_f. Source: emt Eq. (1)."""
    slow = time_hidden > 0 and time_delay > 0
    require(slow, "time_hidden and time_delay must be positive; for 0 there is simulate_reduced")
    n, Xi, duals, link = len(start), model.memories, model.duals, model.strength_next * model.interactions.T
    root = np.sqrt(model.strength_self)

    def flow(_: float, state: np.ndarray) -> np.ndarray:
        V_f, V_h, V_d = state[:n], state[n:-n], state[-n:]
        fired = model.activate(V_f)
        d_f = root * Xi @ V_h - V_f
        d_h = (root * duals @ fired + link @ (duals @ V_d) - V_h) / time_hidden
        return np.concatenate([d_f, d_h, ((fired - V_d) / time_delay)])

    fired = model.activate(start)
    rest = root * duals @ fired + link @ (duals @ fired)
    states = _solve(flow, [start, rest, fired], times, tolerance)
    return states[:, :n], states[:, n:-n], states[:, -n:]


def simulate_reduced(
    model: EpisodicModel, start: np.ndarray, times: np.ndarray, tolerance: float = 1e-10
) -> np.ndarray:
    """Solve the fast limit dV_f/dt = W sigma(V_f) - V_f: (times, neurons). Source: emt App. A Eq. (16)-(19)."""
    W = model.recurrent
    require(np.shape(start) == (len(W),), f"start must be of shape ({len(W)},), not {np.shape(start)}")
    return _solve(lambda _, V_f: W @ model.activate(V_f) - V_f, [start], times, tolerance)


def step_euler(model: EpisodicModel, feature: np.ndarray, step: float) -> np.ndarray:
    """Take a forward Euler step of the reduced equation; at 1 the old state cancels. Source: emt App. A (19)-(20)."""
    return feature + step * (model.recurrent @ model.activate(feature) - feature)


def _solve(flow: Callable, start: list[np.ndarray], times: np.ndarray, tolerance: float) -> np.ndarray:
    require(len(times) > 1 and bool((np.diff(times) > 0).all()), "times must be increasing numbers, at least two")
    # The fast variables make the equation stiff.
    accuracy = {"method": "LSODA", "rtol": tolerance, "atol": 1e-2 * tolerance}
    solution = solve_ivp(flow, (times[0], times[-1]), np.concatenate(start), t_eval=times, **accuracy)
    require(bool(solution.success), f"the differential equation could not be solved: {solution.message}")
    return solution.y.T


# ---- discrete time


def step_feature(model: EpisodicModel, feature: np.ndarray) -> np.ndarray:
    """Take one step of the map V_f(t+1) = W sigma(V_f(t)), on columns (neurons, ...). Source: emt App. A Eq. (20)."""
    return model.recurrent @ model.activate(feature)


def step_hidden(model: EpisodicModel, hidden: np.ndarray) -> np.ndarray:
    """Take one step of the Elman update h(t+1) = sigma(W h(t)), on columns (neurons, ...). Source: emt Eq. (2)."""
    return model.activate(model.recurrent @ hidden)


class ConjugacyErrors(NamedTuple):
    """Deviations of the map f and the Elman update g from being conjugate by sigma."""

    forward: float  # largest |sigma(f(V)) - g(sigma(V))|: zero for any sigma
    backward: float  # largest |sigma^-1(g(sigma(V))) - f(V)| sigma'; without sigma^-1 a lower bound for any map
    orbit: float  # largest |sigma(V(t)) - h(t)| along the orbits


def measure_conjugacy(model: EpisodicModel, features: np.ndarray, steps: int = 50) -> ConjugacyErrors:
    """Compare map and Elman update along orbits from V_f (neurons, states), through V -> sigma(V) and back; only the
    way back needs an inverse of sigma. Source: emt App. A.1 Eq. (24)."""
    V, h, errors = features, model.activate(features), []
    for _ in range(require_count(steps, "steps")):
        after, moved, h = step_feature(model, V), step_hidden(model, model.activate(V)), step_hidden(model, h)
        forward, orbit = (np.abs(model.activate(after) - other).max() for other in (moved, h))
        errors.append((forward, _measure_way_back(model, V, after, moved), orbit))
        V = after
    return ConjugacyErrors(*np.max(errors, axis=0).tolist())


def _measure_way_back(model: EpisodicModel, before: np.ndarray, after: np.ndarray, moved: np.ndarray) -> float:
    if model.activation == "tanh":
        # Where tanh is flat, rounding of h is amplified in V, so the error in V is multiplied by the slope.
        with np.errstate(divide="ignore"):
            gap = np.abs(np.where(np.abs(moved) < 1, np.arctanh(moved) - after, 0.0))
        return (gap * (1 - moved**2)).max()
    # Where sigma is flat, moving a neuron by one may not change its image: of two states with the same image, any
    # function of the image misses one by at least half their distance.
    return 0.5 * float(np.any([model.activate(before + push) == model.activate(before) for push in (-1.0, 1.0)]))


# ---- variables


def draw_integer_basis(size: int, hidden: int, seed: int | np.random.Generator = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a non-orthogonal Psi (hidden, size) and a dual Psi* (size, hidden) of integers, for exact comparisons."""
    size, hidden = require_count(size, "size"), require_count(hidden, "hidden")
    require(hidden >= size, f"{hidden} neurons cannot hold {size} independent vectors")
    rng = np.random.default_rng(seed)
    forward, back = np.eye(hidden, dtype=int), np.eye(hidden, dtype=int)
    # Adding a multiple of one row to another is undone by subtracting it, so both matrices stay integer.
    for _ in range(2 * hidden if hidden > 1 else 0):
        one, other = rng.choice(hidden, 2, replace=False)
        factor = int(rng.choice([-1, 1]))
        forward[one] += factor * forward[other]
        back[:, other] -= factor * back[:, one]
    order = rng.permutation(hidden)[:size]
    return forward[:, order], back[order]


def run_repeat_copy(inputs: Sequence[Sequence[int]], steps: int) -> tuple[list[list[list[int]]], list[list[int]]]:
    """Run the pseudocode of repeat copy on lists of integers (history, dim), without matrices; return the variables
    after each step (history + steps, history, dim), and the outputs (steps, dim). Source: emt Fig. 1."""
    inputs = [[int(value) for value in row] for row in inputs]
    require(len(inputs) > 0, "repeat copy needs at least one input")
    variables, contents, outputs = [[0] * len(row) for row in inputs], [], []
    for number in range(len(inputs) + require_count(steps, "steps")):
        variables = [*variables[1:], variables[0]]  # compose
        if number < len(inputs):
            variables[-1] = [old + new for old, new in zip(variables[-1], inputs[number], strict=True)]  # write
        else:
            outputs.append(list(variables[-1]))  # read
        contents.append([list(row) for row in variables])
    return contents, outputs


class VariableMemories(NamedTuple):
    """The basis in which a trained network stores its variables."""

    basis: np.ndarray  # Psi, (hidden, size): the direction of each component in a state
    dual_basis: np.ndarray  # Psi*, (size, hidden): the rows that read the components
    operator: np.ndarray  # Psi* W Psi, (size, size): the network's step on the components


def find_variables(recurrent: np.ndarray, states: np.ndarray, contents: np.ndarray) -> VariableMemories:
    """Fit the variables of W (hidden, hidden) by least squares from states (samples, hidden) and from ``contents``
    (samples, size), their predicted stored values. Source: emt Sec. 6, where Psi comes from powers of W."""
    W, states, contents = (np.asarray(values, dtype=float) for values in (recurrent, states, contents))
    hidden, size = states.shape[-1], contents.shape[-1]
    fits = states.ndim == contents.ndim == 2 and len(states) == len(contents) and W.shape == (hidden, hidden)
    require(fits, f"recurrent, states and contents do not fit: {W.shape}, {states.shape}, {contents.shape}")
    varied = np.linalg.matrix_rank(contents) == size
    require(varied, f"the stored values do not distinguish {size} variables: give more samples")
    psi = np.linalg.lstsq(contents, states, rcond=None)[0].T
    dual = np.linalg.pinv(psi)
    return VariableMemories(psi, dual, dual @ W @ psi)


def propagate_readout(recurrent: np.ndarray, readout: np.ndarray, history: int) -> np.ndarray:
    """Estimate the basis from the weights alone: Psi_k = W^(s-k) W_r^+, (hidden, history*dim), the oldest first.
    Source: emt Algorithm 1, forward half, Eq. (14)-(15), with W_r^+ for Psi_s."""
    blocks = [np.linalg.pinv(np.asarray(readout, dtype=float))]
    for _ in range(require_count(history, "history") - 1):
        blocks.append(recurrent @ blocks[-1])
    return np.concatenate(blocks[::-1], axis=1)
