"""The continuous memory model, its fast limit, its map, and the Elman update that the map is conjugate to.

Variables in a basis: exact bases, the pseudocode that needs none, and those of a trained network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from twm.errors import require, require_count

#: Activations: the function, and its inverse where it has one.
ACTIVATIONS: dict[str, tuple[Callable, Callable | None]] = {
    "tanh": (np.tanh, np.arctanh),
    "relu": (lambda values: np.maximum(values, 0.0), None),
    "clip": (lambda values: np.clip(values, -1.0, 1.0), None),
}


@dataclass(frozen=True, eq=False)
class EpisodicModel:
    """The general sequential episodic memory, with a pseudo-inverse that reads the memories.

    T_f dV_f/dt = sqrt(a_s) Xi V_h - V_f,
    T_h dV_h/dt = sqrt(a_s) Xi^+ sigma(V_f) + a_c Phi'^T Xi^+ V_d - V_h,
    T_d dV_d/dt = sigma(V_f) - V_d.

    Attributes:
        memories: Xi, (neurons, memories), independent columns.
        interactions: Phi', (memories, memories): row and column say which memory calls which.
        activation: sigma_f, of :data:`ACTIVATIONS`. sigma_h is the identity, which the paper's Eq. (18) assumes.
        strength_self: a_s, of a memory's call on itself.
        strength_next: a_c, of the calls on others.

    Raises:
        UserError: if shapes do not fit, the memories are dependent, or the activation is unknown.

    Source: emt Eq. (1).
    """

    memories: np.ndarray
    interactions: np.ndarray
    activation: str = "tanh"
    strength_self: float = 1.0
    strength_next: float = 1.0

    def __post_init__(self) -> None:
        memories = np.array(self.memories, dtype=float)
        interactions = np.array(self.interactions, dtype=float)
        require(memories.ndim == 2 and memories.size > 0, f"memories must be a matrix, not of shape {memories.shape}")
        count = memories.shape[1]
        require(
            interactions.shape == (count, count),
            f"interactions of {count} memories must be of shape {(count, count)}, not {interactions.shape}",
        )
        require(np.linalg.matrix_rank(memories) == count, f"the {count} memories are not independent")
        require(
            self.activation in ACTIVATIONS,
            f"activation must be one of {', '.join(ACTIVATIONS)}, not {self.activation!r}",
        )
        require(self.strength_self > 0, f"strength_self must be positive, not {self.strength_self!r}")
        object.__setattr__(self, "memories", memories)
        object.__setattr__(self, "interactions", interactions)

    @property
    def neurons(self) -> int:
        """Number of feature neurons."""
        return len(self.memories)

    @property
    def duals(self) -> np.ndarray:
        """Xi^+, (memories, neurons): the rows that read how much of each memory is in a state."""
        return np.linalg.pinv(self.memories)

    @property
    def operator(self) -> np.ndarray:
        """Phi^T = a_s I + sqrt(a_s) a_c Phi'^T, (memories, memories): one step, in terms of the memories.

        Source: emt Sec. 3, where both strengths are 1 without saying.
        """
        own = self.strength_self * np.eye(len(self.interactions))
        return own + np.sqrt(self.strength_self) * self.strength_next * self.interactions.T

    @property
    def recurrent(self) -> np.ndarray:
        """W = Xi Phi^T Xi^+, (neurons, neurons): the same step among the neurons. Source: emt Eq. (2)."""
        return self.memories @ self.operator @ self.duals

    def activate(self, values: np.ndarray) -> np.ndarray:
        """Apply sigma_f."""
        return ACTIVATIONS[self.activation][0](values)

    def deactivate(self, values: np.ndarray) -> np.ndarray:
        """Apply the inverse of sigma_f.

        Raises:
            UserError: if it has none.
        """
        inverse = ACTIVATIONS[self.activation][1]
        require(inverse is not None, f"{self.activation} has no inverse: many values have one image")
        return inverse(values)


def draw_episodic_model(
    neurons: int, memories: int, seed: int | np.random.Generator = 0, *, norm: float | None = None, **options: object
) -> EpisodicModel:
    """Draw random memories and interactions.

    Args:
        neurons: feature neurons.
        memories: how many memories, at most as many.
        seed: seed, or a generator, which is advanced.
        norm: what the largest singular value of W should be; as drawn if not given.
        **options: further attributes of :class:`EpisodicModel`.

    Returns:
        the model.

    Raises:
        UserError: if there are more memories than neurons, or the norm is not positive.
    """
    neurons, memories = require_count(neurons, "neurons"), require_count(memories, "memories")
    require(memories <= neurons, f"{neurons} neurons cannot hold {memories} independent memories")
    rng = np.random.default_rng(seed)
    columns = rng.standard_normal((neurons, memories))
    model = EpisodicModel(columns, rng.standard_normal((memories, memories)) / np.sqrt(memories), **options)
    if norm is None:
        return model
    require(norm > 0, f"norm must be positive, not {norm!r}")
    # The strengths stay as they are, so what is scaled is Phi as a whole, and Phi' follows.
    wanted = model.operator * (norm / np.linalg.norm(model.recurrent, 2))
    root = np.sqrt(model.strength_self)
    own = model.strength_self * np.eye(memories)
    return EpisodicModel(columns, ((wanted - own) / (root * model.strength_next)).T, **options)


# ---- continuous time


def simulate_episodes(
    model: EpisodicModel,
    start: np.ndarray,
    times: Sequence[float] | np.ndarray,
    *,
    time_feature: float = 1.0,
    time_hidden: float = 0.1,
    time_delay: float = 0.1,
    tolerance: float = 1e-10,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve the whole differential equation.

    Hidden and delay variables start where they would be at rest beside ``start``: elsewhere they would first fall there,
    within a few of their time constants.

    Args:
        model: the model.
        start: (neurons,) V_f at the first time.
        times: increasing, in units of which ``time_feature`` is one.
        time_feature, time_hidden, time_delay: T_f, T_h, T_d, all positive.
        tolerance: relative, of the solver.

    Returns:
        V_f (times, neurons), V_h (times, memories), V_d (times, neurons).

    Raises:
        UserError: if a time constant is not positive, times do not increase, the start does not fit, or the solver fails.

    Source: emt Eq. (1).
    """
    for name, value in (("time_feature", time_feature), ("time_hidden", time_hidden), ("time_delay", time_delay)):
        require(value > 0, f"{name} must be positive, not {value!r}; for 0 there is simulate_reduced")
    start = _check_start(model, start)
    neurons, duals = model.neurons, model.duals
    root, link = np.sqrt(model.strength_self), model.strength_next * model.interactions.T

    def flow(_: float, state: np.ndarray) -> np.ndarray:
        feature, hidden, delay = state[:neurons], state[neurons:-neurons], state[-neurons:]
        fired = model.activate(feature)
        return np.concatenate(
            [
                (root * model.memories @ hidden - feature) / time_feature,
                (root * duals @ fired + link @ (duals @ delay) - hidden) / time_hidden,
                (fired - delay) / time_delay,
            ]
        )

    fired = model.activate(start)
    rest = root * duals @ fired + link @ (duals @ fired)
    states = _solve(flow, np.concatenate([start, rest, fired]), times, tolerance)
    return states[:, :neurons], states[:, neurons:-neurons], states[:, -neurons:]


def simulate_reduced(
    model: EpisodicModel,
    start: np.ndarray,
    times: Sequence[float] | np.ndarray,
    *,
    time_feature: float = 1.0,
    tolerance: float = 1e-10,
) -> np.ndarray:
    """Solve T_f dV_f/dt = W sigma(V_f) - V_f, what is left when hidden and delay variables take no time.

    Args:
        model: the model.
        start: (neurons,) V_f at the first time.
        times: increasing.
        time_feature: T_f.
        tolerance: relative, of the solver.

    Returns:
        V_f, (times, neurons).

    Raises:
        UserError: as for :func:`simulate_episodes`.

    Source: emt App. A Eq. (16)-(19).
    """
    require(time_feature > 0, f"time_feature must be positive, not {time_feature!r}")
    recurrent = model.recurrent

    def flow(_: float, state: np.ndarray) -> np.ndarray:
        return (recurrent @ model.activate(state) - state) / time_feature

    return _solve(flow, _check_start(model, start), times, tolerance)


def step_euler(model: EpisodicModel, feature: np.ndarray, step: float, time_feature: float = 1.0) -> np.ndarray:
    """Take one step of forward Euler on the reduced equation.

    Args:
        model: the model.
        feature: (neurons, ...) V_f.
        step: its length; with ``step`` = ``time_feature`` the old state cancels and the map of :func:`step_feature` is left.
        time_feature: T_f.

    Returns:
        V_f one step later, (neurons, ...).

    Source: emt App. A Eq. (19)-(20).
    """
    drift = model.recurrent @ model.activate(feature) - feature
    return feature + (step / time_feature) * drift


def _solve(flow: Callable, start: np.ndarray, times: Sequence[float] | np.ndarray, tolerance: float) -> np.ndarray:
    from scipy.integrate import solve_ivp

    times = np.asarray(times, dtype=float)
    rising = times.ndim == 1 and len(times) > 1 and bool((np.diff(times) > 0).all())
    require(rising, "times must be increasing numbers, at least two")
    # The fast variables make the equation stiff.
    solution = solve_ivp(
        flow, times[[0, -1]], start, method="LSODA", t_eval=times, rtol=tolerance, atol=1e-2 * tolerance
    )
    require(bool(solution.success), f"the differential equation could not be solved: {solution.message}")
    return solution.y.T


def _check_start(model: EpisodicModel, start: np.ndarray) -> np.ndarray:
    start = np.asarray(start, dtype=float)
    require(start.shape == (model.neurons,), f"start must be of shape ({model.neurons},), not {start.shape}")
    return start


# ---- discrete time


def step_feature(model: EpisodicModel, feature: np.ndarray) -> np.ndarray:
    """Take one step of the map V_f(t+1) = W sigma(V_f(t)), on columns (neurons, ...). Source: emt App. A Eq. (20)."""
    return model.recurrent @ model.activate(feature)


def step_hidden(model: EpisodicModel, hidden: np.ndarray) -> np.ndarray:
    """Take one step of the Elman update h(t+1) = sigma(W h(t)), on columns (neurons, ...). Source: emt Eq. (2)."""
    return model.activate(model.recurrent @ hidden)


@dataclass(frozen=True)
class ConjugacyErrors:
    """How far map and Elman update are from being conjugate by sigma.

    Attributes:
        forward: largest |sigma(f(V)) - g(sigma(V))|: zero for any sigma.
        backward: largest |sigma^-1(g(sigma(V))) - f(V)|, times the slope of sigma there; without an inverse, the best
            that any function of sigma(V) can do for V itself, half the distance of two states with one image.
        orbit: largest |sigma(V(t)) - h(t)| along the orbits.
    """

    forward: float
    backward: float
    orbit: float


def measure_conjugacy(model: EpisodicModel, features: np.ndarray, steps: int = 50) -> ConjugacyErrors:
    """Compare the map and the Elman update through V -> sigma(V).

    Conjugate means that the change of variable goes both ways. That it goes forward needs nothing; that it goes back
    needs an inverse of sigma.

    Args:
        model: the model.
        features: (neurons, states) V_f at the start.
        steps: length of the orbits.

    Returns:
        the errors.

    Source: emt App. A.1 Eq. (24).
    """
    steps = require_count(steps, "steps")
    feature, hidden = np.asarray(features, dtype=float), model.activate(np.asarray(features, dtype=float))
    forward = orbit = backward = 0.0
    for _ in range(steps):
        after, moved = step_feature(model, feature), step_hidden(model, model.activate(feature))
        hidden = step_hidden(model, hidden)
        forward = max(forward, float(np.abs(model.activate(after) - moved).max()))
        orbit = max(orbit, float(np.abs(model.activate(after) - hidden).max()))
        if model.activation == "tanh":
            # Where tanh is flat a rounding of h is a larger one of V; what counts is the error seen through it.
            with np.errstate(divide="ignore"):
                back = model.deactivate(moved)
            open_ = np.abs(moved) < 1
            gap = np.abs(np.where(open_, back - after, 0.0)) * (1 - moved**2)
            backward = max(backward, float(gap.max()))
        else:
            backward = max(backward, measure_collision(model, feature))
        feature = after
    return ConjugacyErrors(forward, backward, orbit)


def measure_collision(model: EpisodicModel, features: np.ndarray) -> float:
    """Find how far two states can be apart that sigma cannot tell apart, and return half of that.

    Each neuron that is cut off by sigma may be moved farther into the cut-off part, by one, without changing the image.

    Args:
        model: the model.
        features: (neurons, states).

    Returns:
        half the largest such distance in one neuron: 0 where sigma is one to one.
    """
    features = np.asarray(features, dtype=float)
    distances = [0.0]
    for push in (-1.0, 1.0):
        same = model.activate(features + push) == model.activate(features)
        distances.append(0.5 * float(same.any()))
    return max(distances)


def change_memories(model: EpisodicModel, mixing: np.ndarray) -> EpisodicModel:
    """Express the same network by other memories: Xi S, with the interactions that then belong to it.

    Args:
        model: the model.
        mixing: S, (memories, memories), invertible: how the new memories are made of the old ones.

    Returns:
        a model with the same recurrent matrix, other memories and other interactions.

    Raises:
        UserError: if the mixing does not fit or is not invertible.

    Source: emt Sec. 3: the "isospectral continuum of interpretations".
    """
    mixing = np.asarray(mixing, dtype=float)
    count = len(model.interactions)
    require(mixing.shape == (count, count), f"mixing must be of shape {(count, count)}, not {mixing.shape}")
    require(np.linalg.matrix_rank(mixing) == count, "mixing must be invertible")
    # Phi'^T turns like an operator, and the strengths are numbers.
    turned = np.linalg.solve(mixing, model.interactions.T @ mixing)
    return EpisodicModel(model.memories @ mixing, turned.T, model.activation, model.strength_self, model.strength_next)


def draw_integer_basis(size: int, hidden: int, seed: int | np.random.Generator = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a skew basis and a dual of whole numbers, so that "equal" can mean equal.

    Args:
        size: number of basis vectors.
        hidden: number of neurons, at least as many.
        seed: seed, or a generator, which is advanced.

    Returns:
        Psi (hidden, size) and Psi* (size, hidden), integers, with Psi* Psi = 1.

    Raises:
        UserError: if there are fewer neurons than vectors.
    """
    size, hidden = require_count(size, "size"), require_count(hidden, "hidden")
    require(hidden >= size, f"{hidden} neurons cannot hold {size} independent vectors")
    rng = np.random.default_rng(seed)
    forward, back = np.eye(hidden, dtype=int), np.eye(hidden, dtype=int)
    # Adding a multiple of one row to another is undone by subtracting it: both stay whole.
    for _ in range(2 * hidden):
        one, other = rng.choice(hidden, 2, replace=False) if hidden > 1 else (0, 0)
        if one != other:
            factor = int(rng.choice([-1, 1]))
            forward[one] += factor * forward[other]
            back[:, other] -= factor * back[:, one]
    order = rng.permutation(hidden)[:size]
    return forward[:, order], back[order]


@dataclass
class CopyMachine:
    """The pseudocode of Fig. 1 as a machine: a list of variables, three operations, no matrix anywhere.

    Attributes:
        variables: the contents, the oldest first.
    """

    variables: list[list[int]]

    def compose(self) -> None:
        """Move every variable's content to the one before, and the first one's to the last."""
        self.variables = [*self.variables[1:], self.variables[0]]

    def write(self, content: Sequence[int]) -> None:
        """Add a content to the last variable."""
        self.variables[-1] = [old + new for old, new in zip(self.variables[-1], content, strict=True)]

    def read(self) -> list[int]:
        """Return the last variable's content."""
        return list(self.variables[-1])


def run_repeat_copy(inputs: Sequence[Sequence[int]], steps: int) -> tuple[list[list[list[int]]], list[list[int]]]:
    """Run repeat copy on lists: each input step composes and writes, each output step composes and reads.

    Args:
        inputs: (history, dim) whole numbers.
        steps: output steps.

    Returns:
        the variables after each step (history + steps, history, dim), and what was read (steps, dim).

    Raises:
        UserError: if there is no input.

    Source: emt Fig. 1.
    """
    inputs = [[int(value) for value in row] for row in inputs]
    require(len(inputs) > 0, "repeat copy needs at least one input")
    machine = CopyMachine([[0] * len(inputs[0]) for _ in inputs])
    contents, outputs = [], []
    for number in range(len(inputs) + require_count(steps, "steps")):
        machine.compose()
        if number < len(inputs):
            machine.write(inputs[number])
        else:
            outputs.append(machine.read())
        contents.append([list(row) for row in machine.variables])
    return contents, outputs


@dataclass(frozen=True, eq=False)
class VariableMemories:
    """Where a trained network keeps its variables.

    Attributes:
        basis: Psi, (hidden, size): what each component adds to a state.
        dual_basis: Psi*, (size, hidden): how it is read; a left inverse of the basis.
        operator: Psi* W Psi, (size, size): what the network does to the components.
    """

    basis: np.ndarray
    dual_basis: np.ndarray
    operator: np.ndarray


def find_variables(recurrent: np.ndarray, states: np.ndarray, contents: np.ndarray) -> VariableMemories:
    """Find the variables of a trained network by least squares from what they should contain.

    Args:
        recurrent: W, (hidden, hidden).
        states: (samples, hidden) hidden states.
        contents: (samples, size) what theory says is in the variables then.

    Returns:
        the memories.

    Raises:
        UserError: if shapes do not fit, or the contents do not vary enough to tell the variables apart.

    Source: emt Sec. 6, where the basis comes from powers of W instead.
    """
    recurrent, states, contents = (np.asarray(values, dtype=float) for values in (recurrent, states, contents))
    hidden, size = states.shape[-1], contents.shape[-1]
    fits = states.ndim == contents.ndim == 2 and len(states) == len(contents) and recurrent.shape == (hidden, hidden)
    require(fits, f"recurrent, states and contents do not fit: {recurrent.shape}, {states.shape}, {contents.shape}")
    require(
        np.linalg.matrix_rank(contents) == size, f"the contents do not tell {size} variables apart: give more samples"
    )
    basis = np.linalg.lstsq(contents, states, rcond=None)[0].T
    dual = np.linalg.pinv(basis)
    return VariableMemories(basis, dual, dual @ recurrent @ basis)


def propagate_readout(recurrent: np.ndarray, readout: np.ndarray, history: int) -> np.ndarray:
    """Guess the variables from the weights alone: Psi_k = W^(s-k) W_r^+, the forward half of Algorithm 1.

    Args:
        recurrent: W, (hidden, hidden).
        readout: W_r, (dim, hidden).
        history: number of variables.

    Returns:
        Psi, (hidden, history*dim), the oldest variable first.

    Source: emt Algorithm 1, Eq. (14)-(15), with W_r^+ for Psi_s.
    """
    blocks = [np.linalg.pinv(np.asarray(readout, dtype=float))]
    for _ in range(require_count(history, "history") - 1):
        blocks.append(recurrent @ blocks[-1])
    return np.concatenate(blocks[::-1], axis=1)
