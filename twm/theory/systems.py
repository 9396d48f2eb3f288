"""Arrays of either library: what :mod:`twm.hds` and :mod:`twm.waves` share so as to take numpy and torch alike.

The systems themselves, linear boundaries, and the recursion that runs them.

The tasks: Fibonacci, repeat copy, and signed selections from their codes.

Signed selections ahead of time: which initial component each later one is, and with which sign.

In a signed selection every state component, however late, is one of the initial components or its negative. Which one,
and with which sign, is the same for every sequence. So a single rollout, of distinct numbers instead of signs, tells it for
all of them.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from twm.errors import UserError, require, require_count
from twm.streams import binary_inputs_numpy


def is_tensor(values: Any) -> bool:
    """Tell whether ``values`` is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)


def as_states(values: Any, what: str, axes: int) -> Any:
    """Return ``values`` as a numeric array or tensor with at least ``axes`` axes, dtype kept.

    Args:
        values: array, tensor or nested list; whole numbers beyond 64 bits become dtype object.
        what: the argument's name, for the message.
        axes: the least number of axes.

    Raises:
        UserError: if ``values`` is ragged, not numeric, boolean, unsigned, or has too few axes.
    """
    if not is_tensor(values):
        try:
            values = np.asarray(values)
        except ValueError:
            raise UserError(
                f"{what} must be a rectangular array of numbers; the lists have different lengths"
            ) from None
        require(
            values.dtype.kind in "ifcO",
            f"{what} must hold signed integers, floats or exact Python integers (dtype object), not {values.dtype}",
        )
    else:
        torch = sys.modules["torch"]
        require(values.dtype not in (torch.bool, torch.uint8), f"{what} must hold signed numbers, not {values.dtype}")
    require(values.ndim >= axes, f"{what} must have at least {axes} axes, not the shape {tuple(values.shape)}")
    return values


def as_substrate(values: Any, history: int, dim: int, what: str) -> Any:
    """Return ``values`` as an array or tensor (..., history, dim), dtype kept.

    Raises:
        UserError: as :func:`as_states`, and if the last two axes are not (history, dim).
    """
    values = as_states(values, what, axes=2)
    require(
        tuple(values.shape[-2:]) == (history, dim),
        f"{what} must have shape (..., history, dim) = (..., {history}, {dim}), not {tuple(values.shape)}",
    )
    return values


def stack_states(states: Sequence[Any]) -> Any:
    """Stack states (..., dim) into (..., time, dim)."""
    return sys.modules["torch"].stack(list(states), -2) if is_tensor(states[0]) else np.stack(states, axis=-2)


def flatten_window(window: Any) -> Any:
    """Return a window (..., history, dim) as (..., history*dim), index ``column*dim + dimension``."""
    return window.reshape(*window.shape[:-2], -1)


def is_integer(state: Any) -> bool:
    """Tell whether an array or tensor holds integers of a fixed width."""
    if is_tensor(state):
        return not (state.is_floating_point() or state.is_complex())
    return state.dtype.kind == "i"


Boundary = Callable[[Any], Any]
RANDOM_KINDS = ("linear", "smooth", "threshold", "integer")


@dataclass(frozen=True, eq=False)
class HDS:
    """A history-dependent dynamical system.

    Attributes:
        history: the number s of states that the next state depends on.
        dim: the number d of components of a state.
        boundary: callable from a window (..., history, dim), oldest state first, to the next state (..., dim). It must
            keep the dtype and must not change the window.
        matrix: the boundary as a matrix (dim, history*dim) acting on the flattened window, whose index is
            ``column*dim + dimension``; ``None`` for a boundary that is not linear.
        name: what to call the system; for a task, the text that :func:`parse_task` reads.

    Raises:
        UserError: if a size is below 1, the boundary cannot be called, or the matrix has the wrong shape.

    Source: twm Eq. (1).
    """

    history: int
    dim: int
    boundary: Boundary
    matrix: np.ndarray | None = None
    name: str = "custom"

    def __post_init__(self) -> None:
        require_count(self.history, "history")
        require_count(self.dim, "dim")
        require(callable(self.boundary), f"the boundary must be callable, not {type(self.boundary).__name__}")
        if self.matrix is not None:
            expected = (self.dim, self.history * self.dim)
            require(
                np.shape(self.matrix) == expected,
                f"the boundary's matrix must have shape (dim, history*dim) = {expected}, not {np.shape(self.matrix)}",
            )

    @property
    def size(self) -> int:
        """Return history*dim, the number of components of a window."""
        return self.history * self.dim


@dataclass(frozen=True, eq=False)
class LinearBoundary:
    """The boundary ``matrix @ window.reshape(-1)``; as a class, so that a process pool can send it.

    Attributes:
        matrix: (dim, history*dim).
    """

    matrix: np.ndarray
    _cast: dict = field(default_factory=dict, repr=False)

    def __call__(self, window: Any) -> Any:
        """Map a window (..., history, dim) to the next state (..., dim)."""
        state = flatten_window(window)
        matrix = self._matrix_like(state)
        if is_integer(state):
            _refuse_overflow(self.matrix, state)
        return state @ matrix.T

    def _matrix_like(self, state: Any) -> Any:
        # The cast is cached: a rollout calls the boundary once a step, always with the same kind of array.
        key = (str(state.dtype), str(getattr(state, "device", "cpu")))
        if key not in self._cast:
            self._cast[key] = _cast_matrix(self.matrix, state)
        return self._cast[key]


def make_hds(boundary: Boundary, history: int, dim: int, name: str = "custom") -> HDS:
    """Make a system from any boundary.

    Args:
        boundary: callable from (..., history, dim), oldest state first, to (..., dim), same dtype.
        history: number of states the next one depends on.
        dim: components of a state.
        name: what to call it.

    Returns:
        The system, with ``matrix`` None.

    Raises:
        UserError: if a size is below 1 or the boundary cannot be called.

    Source: twm Eq. (1).
    """
    return HDS(require_count(history, "history"), require_count(dim, "dim"), boundary, None, str(name))


def make_linear_hds(matrix: Any, history: int, dim: int, name: str = "linear") -> HDS:
    """Make the system with a linear boundary.

    Args:
        matrix: (dim, history*dim); row i holds the coefficients of output i, the oldest state's first. Integers too
            large for float64 are kept exactly.
        history: number of states the next one depends on.
        dim: components of a state.
        name: what to call it.

    Returns:
        The system; its ``matrix`` is float64 where that is exact, and of dtype object otherwise.

    Raises:
        UserError: if a size is below 1, the shape is wrong, or an entry is not a finite number.

    Source: twm Eq. (6), the coefficients Phi^mu_nu of the second sum.
    """
    history, dim = require_count(history, "history"), require_count(dim, "dim")
    exact = _freeze_matrix(matrix)
    return HDS(history, dim, LinearBoundary(exact), exact, str(name))


def make_random_hds(history: int, dim: int, kind: str, seed: int) -> HDS:
    """Make a system drawn at random, for tests of statements about all systems.

    Args:
        history: number of states in the window.
        dim: components of a state.
        kind: "linear"; "smooth" (a product of sines of linear forms); "threshold" (a discontinuous comparison);
            "integer" (a linear form modulo a prime, which maps integers to integers).
        seed: the draw.

    Returns:
        The system; only the linear one has a ``matrix``, and takes torch tensors too. The states of the first three
        kinds never exceed the larger of 2 and the largest initial magnitude.

    Raises:
        UserError: if a size is below 1, the seed is negative, or the kind is unknown.
    """
    history, dim, seed = require_count(history, "history"), require_count(dim, "dim"), require_count(seed, "seed", 0)
    require(kind in RANDOM_KINDS, f"unknown kind of system {kind!r}: expected one of {', '.join(RANDOM_KINDS)}")
    rng = np.random.default_rng([RANDOM_KINDS.index(kind), history, dim, seed])
    shape, name = (dim, history * dim), f"{kind} {history},{dim},{seed}"
    if kind == "integer":
        forms = rng.integers(0, 10, size=shape)
        modulus = int(rng.choice([7, 31, 127, 997]))
        return make_hds(partial(_apply_modular, forms, modulus), history, dim, name)
    # Rows whose magnitudes sum to 1 bound every output by the largest input, so that no system diverges.
    forms = rng.uniform(-1, 1, size=shape)
    forms /= np.abs(forms).sum(axis=1, keepdims=True)
    others = rng.uniform(-3, 3, size=shape)
    if kind == "linear":
        return make_linear_hds(forms, history, dim, name)
    if kind == "smooth":
        return make_hds(partial(_apply_smooth, forms, others), history, dim, name)
    return make_hds(partial(_apply_threshold, others), history, dim, name)


def draw_random_systems(
    count: int, seed: int, largest_history: int = 12, largest_dim: int = 8, batch: int = 2
) -> Iterator[tuple[str, HDS, np.ndarray]]:
    """Draw systems of every kind and size, each with initial states.

    Args:
        count: how many systems; the kinds take turns.
        seed: the draw.
        largest_history: histories are uniform from 1 to this.
        largest_dim: dims are uniform from 1 to this.
        batch: how many sets of initial states each system gets.

    Yields:
        (kind, system, initial states (batch, history, dim)): whole numbers for the kind "integer", float64 in [-1, 1]
        for the others.

    Raises:
        UserError: if a number is out of range.
    """
    count, seed, batch = require_count(count, "count"), require_count(seed, "seed", 0), require_count(batch, "batch")
    largest = require_count(largest_history, "largest_history"), require_count(largest_dim, "largest_dim")
    rng = np.random.default_rng(seed)
    for number in range(count):
        kind = RANDOM_KINDS[number % len(RANDOM_KINDS)]
        history, dim = (int(rng.integers(1, most + 1)) for most in largest)
        shape = (batch, history, dim)
        initial = rng.integers(-9, 10, size=shape) if kind == "integer" else rng.uniform(-1, 1, size=shape)
        yield kind, make_random_hds(history, dim, kind, int(rng.integers(2**31))), initial


def rollout(hds: HDS, initial: Any, steps: int) -> Any:
    """Run a system from its initial states by the recursion that defines it.

    Args:
        hds: the system.
        initial: (..., history, dim), oldest state first; numpy array or torch tensor. Integers of a fixed width are
            refused when a linear boundary could exceed it; dtype object has no limit.
        steps: how many states to add, 0 or more.

    Returns:
        (..., history+steps, dim): the initial states and then the new ones, same library and dtype.

    Raises:
        UserError: if the shape does not fit, ``steps`` is negative, an integer would overflow, or the boundary
            returns another shape or dtype.

    Source: twm Eq. (1).
    """
    initial = as_substrate(initial, hds.history, hds.dim, "the initial states")
    steps = require_count(steps, "steps", 0)
    states = [initial[..., column, :] for column in range(hds.history)]
    for _ in range(steps):
        window = stack_states(states[-hds.history :])
        states.append(apply_boundary(hds.boundary, window))
    return stack_states(states)


def window_states(trajectory: Any, history: int) -> Any:
    """Cut a trajectory into its windows of ``history`` successive states.

    Args:
        trajectory: (..., time, dim), as :func:`rollout` returns it.
        history: length of a window.

    Returns:
        (time-history+1, ..., history, dim): window t holds states t to t+history-1, oldest first.

    Raises:
        UserError: if the trajectory is shorter than a window.
    """
    history = require_count(history, "history")
    trajectory = as_states(trajectory, "the trajectory", axes=2)
    time = trajectory.shape[-2]
    require(time >= history, f"the trajectory has {time} states, fewer than the window's {history}")
    windows = [trajectory[..., start : start + history, :] for start in range(time - history + 1)]
    return sys.modules["torch"].stack(windows) if is_tensor(trajectory) else np.stack(windows)


def apply_boundary(boundary: Boundary, window: Any) -> Any:
    """Call a boundary and check what it returns.

    Args:
        boundary: callable from (..., history, dim) to (..., dim).
        window: (..., history, dim).

    Returns:
        (..., dim), of the window's library and dtype.

    Raises:
        UserError: if the boundary returns another type, shape or dtype: a silent broadcast or rounding would be a
            different system.
    """
    state = boundary(window)
    expected = (*window.shape[:-2], window.shape[-1])
    fits = is_tensor(state) if is_tensor(window) else isinstance(state, np.ndarray)
    require(
        fits, f"the boundary must return a {type(window).__name__}, as it was given; it returned {type(state).__name__}"
    )
    require(
        tuple(state.shape) == tuple(expected),
        f"the boundary must return the shape (..., dim) = {tuple(expected)}; it returned {tuple(state.shape)}",
    )
    require(state.dtype == window.dtype, f"the boundary must keep the dtype {window.dtype}; it returned {state.dtype}")
    return state


def _apply_modular(forms: np.ndarray, modulus: int, window: np.ndarray) -> np.ndarray:
    return flatten_window(window) @ forms.T % modulus


def _apply_smooth(forms: np.ndarray, others: np.ndarray, window: np.ndarray) -> np.ndarray:
    state = flatten_window(window)
    return np.sin(state @ others.T) * (1 + np.cos(state @ forms.T))


def _apply_threshold(others: np.ndarray, window: np.ndarray) -> np.ndarray:
    return np.where(flatten_window(window) @ others.T > 0, 1.0, -0.5)


def _freeze_matrix(matrix: Any) -> np.ndarray:
    """Return a read-only copy: float64 where that is exact, dtype object otherwise."""
    given = as_states(matrix, "the boundary's matrix", axes=2)
    given = given.detach().cpu().numpy() if is_tensor(given) else given
    require(given.dtype.kind != "c", "the boundary's matrix must be real")
    try:
        exact = given.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        exact = None
    if exact is None or not all(left == right for left, right in zip(exact.flat, given.flat)):
        exact = given.astype(object)
    require(all(_is_number(value) for value in exact.flat), "the boundary's matrix must hold finite numbers")
    exact.setflags(write=False)
    return exact


def _is_number(value: Any) -> bool:
    # Python's whole numbers and fractions have a denominator, and may be beyond what a float can hold.
    return math.isfinite(value) if isinstance(value, float) else hasattr(value, "denominator")


def _cast_matrix(matrix: np.ndarray, state: Any) -> Any:
    """Return the matrix in the state's library and dtype, if that loses nothing."""
    whole = all(value == int(value) for value in matrix.flat)
    if is_tensor(state):
        require(whole or not is_integer(state), "an integer history needs a boundary matrix of whole numbers")
        return state.new_tensor(matrix.tolist())
    if state.dtype.kind == "O":
        # Whole numbers as Python integers keep the products exact; float64 entries would not.
        cells = [int(value) if value == int(value) else value for value in matrix.flat]
        cast = np.empty(matrix.size, dtype=object)
        cast[:] = cells
        return cast.reshape(matrix.shape)
    require(whole or state.dtype.kind != "i", "an integer history needs a boundary matrix of whole numbers")
    return matrix.astype(state.dtype)


def _refuse_overflow(matrix: np.ndarray, state: Any) -> None:
    values = state.detach().cpu().numpy() if is_tensor(state) else state
    limit = float(np.iinfo(values.dtype).max)
    bound = np.abs(values.astype(np.float64)) @ np.abs(matrix.astype(np.float64)).T
    require(
        bound.size == 0 or bool(bound.max() < limit),
        f"the next state may exceed {values.dtype}: use dtype object for exact integers of any size",
    )


TASK_HISTORY = 8
TASK_DIM = 8
TASK_CODES: dict[str, tuple[int, int, int]] = {
    "T1": (255, 0, 0),
    "T2": (9241421688590303745, 0, 0),
    "T3": (9241421688590303745, 262676, 189),
    "T4": (9241421688590303745, 38637, 145),
}
# A boundary matrix of this many numbers takes 800 MB; more is a slip of the pen, not a task.
_MOST_COEFFICIENTS = 10**8
_TASK_FORMS = "T1..T4, repeat-copy:S,D, fibonacci:S,D, code:S,D,A,B,C or random:S,D,SEED"


@dataclass(frozen=True)
class SelectionBoundary:
    """The boundary whose output i is ``signs[i] * window.reshape(-1)[positions[i]]``.

    Attributes:
        positions: dim flattened substrate positions, ``column*dim + dimension``.
        signs: dim numbers, +1 or -1.
    """

    positions: tuple[int, ...]
    signs: tuple[int, ...]

    def __call__(self, window: Any) -> Any:
        """Map a window (..., history, dim) to the next state (..., dim)."""
        state = flatten_window(window)
        chosen = state[..., list(self.positions)]
        if all(sign == 1 for sign in self.signs):
            return chosen
        if is_tensor(state):
            return chosen * state.new_tensor(self.signs)
        return chosen * np.asarray(self.signs, dtype=state.dtype)


def make_fibonacci(history: int = 2, dim: int = 1) -> HDS:
    """Make the generalised Fibonacci process: the next state is the sum of the last ``history`` states.

    Args:
        history: number of states summed; 2 gives Fibonacci's series.
        dim: components of a state; each is a series of its own.

    Returns:
        The linear system ``fibonacci:history,dim``.

    Raises:
        UserError: if a size is below 1.

    Source: twm Eq. (4).
    """
    history, dim = _check_size(history, dim)
    return make_linear_hds(np.tile(np.eye(dim), history), history, dim, f"fibonacci:{history},{dim}")


def make_repeat_copy(history: int, dim: int) -> HDS:
    """Make the task that repeats its first ``history`` states for ever: the next state is the oldest one.

    Args:
        history: length of the period.
        dim: components of a state.

    Returns:
        The linear system ``repeat-copy:history,dim``.

    Raises:
        UserError: if a size is below 1.

    Source: twm App. A.4, Eq. (31).
    """
    history, dim = _check_size(history, dim)
    return _make_signed_selection(history, dim, range(dim), [1] * dim, f"repeat-copy:{history},{dim}")


def make_selection(history: int, dim: int, a: int, b: int = 0, c: int = 0, name: str | None = None) -> HDS:
    """Make a signed-selection task from its code (a, b, c).

    Each output copies one component of the window, perhaps with its sign turned, so states of -1 and +1 stay so.

    Args:
        history: number of states in the window.
        dim: components of a state.
        a: its set bits, in increasing order, are the ``dim`` positions (``column*dim + dimension``) that are read.
        b: permutes them. Its digits in base ``dim``, lowest first, are taken one by one: digit i > 0 at place k swaps
            entry k with entry k + i.
        c: output i is negated where bit i is set.
        name: what to call it; ``code:history,dim,a,b,c`` if not given.

    Returns:
        The linear system.

    Raises:
        UserError: if a size is below 1, or a number of the code is negative, has bits outside its range, does not
            choose exactly ``dim`` positions, or asks for a swap beyond the last entry.

    Source: twm Table 1 (the tasks are drawn there; the code is the companion implementation's).
    """
    history, dim = _check_size(history, dim)
    a, b, c = (require_count(value, f"{letter} of the task code", 0) for letter, value in zip("abc", (a, b, c)))
    name = f"code:{history},{dim},{a},{b},{c}" if name is None else str(name)
    positions = _read_swaps(_read_positions(history, dim, a), dim, b)
    require(c < 2**dim, f"c of the task code must be below 2**dim = {2**dim}, not {c}")
    signs = [-1 if c >> output & 1 else 1 for output in range(dim)]
    return _make_signed_selection(history, dim, positions, signs, name)


def make_named_task(name: str) -> HDS:
    """Make one of the paper's four tasks, all with history 8 and dim 8.

    Args:
        name: "T1" (repeat copy), "T2", "T3" or "T4".

    Raises:
        UserError: if there is no such task.

    Source: twm Table 1.
    """
    require(name in TASK_CODES, f"unknown task {name!r}: the named tasks are {', '.join(TASK_CODES)}")
    return make_selection(TASK_HISTORY, TASK_DIM, *TASK_CODES[name], name=name)


def make_random_selection(history: int, dim: int, seed: int) -> HDS:
    """Make a signed-selection task drawn at random: positions, order and signs are each uniform.

    Args:
        history: number of states in the window.
        dim: components of a state.
        seed: the draw; the same seed gives the same task on every machine.

    Returns:
        The linear system ``random:history,dim,seed``.

    Raises:
        UserError: if a size is below 1 or the seed is negative.
    """
    history, dim = _check_size(history, dim)
    seed = require_count(seed, "seed", 0)
    # random.Random promises the same random() for the same seed on every version; numpy's generators do not.
    draw = random.Random(f"signed selection {history} {dim} {seed}").random
    keys = [draw() for _ in range(history * dim)]
    chosen = sorted(range(history * dim), key=keys.__getitem__)[:dim]
    a = sum(1 << position for position in chosen)
    b = sum(int(draw() * (dim - place)) * dim**place for place in range(dim))
    c = sum(1 << output for output in range(dim) if draw() < 0.5)
    return make_selection(history, dim, a, b, c, name=f"random:{history},{dim},{seed}")


def parse_task(text: str) -> HDS:
    """Make the task that a text names.

    Args:
        text: "T1".."T4", "repeat-copy:S,D", "fibonacci:S,D", "code:S,D,A,B,C" or "random:S,D,SEED", with whole numbers
            S = history, D = dim, and the code of :func:`make_selection`.

    Returns:
        The system; ``parse_task(hds.name)`` gives the same one back.

    Raises:
        UserError: if the text has none of these forms, or its numbers are out of range.
    """
    require(isinstance(text, str), f"a task is a text ({_TASK_FORMS}), not {type(text).__name__}")
    text = text.strip()
    if text in TASK_CODES:
        return make_named_task(text)
    kind, _, rest = text.partition(":")
    forms: dict[str, tuple[Callable[..., HDS], int]] = {
        "repeat-copy": (make_repeat_copy, 2),
        "fibonacci": (make_fibonacci, 2),
        "code": (make_selection, 5),
        "random": (make_random_selection, 3),
    }
    require(kind in forms, f"unknown task {text!r}: expected {_TASK_FORMS}")
    make, count = forms[kind]
    fields = [part.strip() for part in rest.split(",")]
    whole = all(part.isascii() and part.isdigit() for part in fields)
    require(
        len(fields) == count and whole,
        f"malformed task {text!r}: {kind} takes {count} whole numbers separated by commas; expected {_TASK_FORMS}",
    )
    try:
        return make(*(int(part) for part in fields))
    except UserError as error:
        raise UserError(f"task {text!r}: {error}") from None
    except ValueError:
        # Python reads whole numbers of a few thousand digits only.
        raise UserError(f"malformed task: a number of {max(map(len, fields))} digits is too long") from None


def draw_binary_history(hds: HDS, count: int, seed: int) -> np.ndarray:
    """Draw initial states of -1 and +1 from the hashed data stream.

    Args:
        hds: the system; its name is the key of the stream, so different tasks get different data.
        count: how many histories, 1 or more.
        seed: which stream.

    Returns:
        (count, history, dim) float64 array of -1 and +1, the same on every machine.

    Raises:
        UserError: if ``count`` is below 1 or the seed is negative.
    """
    return binary_inputs_numpy(hds.name, seed, 0, count, (hds.history, hds.dim))


def _check_size(history: int, dim: int) -> tuple[int, int]:
    history, dim = require_count(history, "history"), require_count(dim, "dim")
    require(
        dim * history * dim <= _MOST_COEFFICIENTS,
        f"history {history} and dim {dim} make a boundary of more than {_MOST_COEFFICIENTS} coefficients",
    )
    return history, dim


def _make_signed_selection(history: int, dim: int, positions: Sequence[int], signs: Sequence[int], name: str) -> HDS:
    matrix = np.zeros((dim, history * dim))
    matrix[np.arange(dim), list(positions)] = signs
    matrix.setflags(write=False)
    return HDS(history, dim, SelectionBoundary(tuple(positions), tuple(signs)), matrix, name)


def _read_positions(history: int, dim: int, a: int) -> list[int]:
    size = history * dim
    require(a < 2**size, f"a of the task code must be below 2**(history*dim) = 2**{size}, not {a}")
    positions = [position for position in range(size) if a >> position & 1]
    require(
        len(positions) == dim,
        f"a of the task code must have exactly dim = {dim} set bits, one a component; {a} has {len(positions)}",
    )
    return positions


def _read_swaps(positions: list[int], dim: int, b: int) -> list[int]:
    # In base 1 every number has the digit 0 only, so a single component cannot be permuted.
    require(dim > 1 or b == 0, f"b of the task code must be 0 where dim is 1, not {b}")
    place, rest = 0, b
    while rest:
        rest, digit = divmod(rest, dim)
        if digit:
            other = place + digit
            require(
                other < dim,
                f"b of the task code asks to swap entry {place} with entry {other}, beyond the last entry {dim - 1}: {b}",
            )
            positions[place], positions[other] = positions[other], positions[place]
        place += 1
    return positions


class SelectionTable(NamedTuple):
    """Where each component of a later state comes from.

    Attributes:
        index: (steps, dim) int64, flattened positions ``column*dim + dimension`` in the initial states.
        sign: (steps, dim) float32, +1 or -1.
    """

    index: np.ndarray
    sign: np.ndarray


def make_selection_table(task: HDS, steps: int) -> SelectionTable:
    """Find out where each component of the next ``steps`` states comes from.

    Args:
        task: a system each of whose outputs copies one component of the window, perhaps with its sign turned.
        steps: length of the output phase.

    Returns:
        the table.

    Raises:
        UserError: if the task is not of that kind; states of -1 and 1 need not stay so then.
    """
    matrix = None if task.matrix is None else np.asarray(task.matrix, dtype=float)
    selects = matrix is not None and bool((np.abs(matrix).sum(1) == 1).all() and np.isin(matrix, (-1, 0, 1)).all())
    require(
        selects,
        f"{task.name} cannot be trained: it does not keep states of -1 and 1 so (T1..T4, repeat-copy, code and random do)",
    )
    # Counted from one, so that every number has a sign.
    initial = np.arange(1.0, task.size + 1).reshape(task.history, task.dim)
    later = rollout(task, initial, steps)[task.history :]
    return SelectionTable(np.abs(later).astype(np.int64) - 1, np.sign(later).astype(np.float32))
