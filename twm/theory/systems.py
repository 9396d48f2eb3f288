"""History-dependent systems (twm Sec. 2) and the tasks made of them.

A system has s = ``history`` initial states of d = ``dim`` numbers and a boundary f that makes every later state from
the s before it, x_i = f(x_(i-s), ..., x_(i-1)). A window is (..., s, d), the oldest state first; flattened, its index
is column * d + dimension. Arrays keep their dtype: with dtype object, Python integers of any size stay exact."""

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from twm.errors import UserError, require, require_count
from twm.streams import binary_inputs_numpy
from twm.theory.rules import RULES, decode_signs, draw_rule

#: The codes (a, b, c) of the four tasks of Table 1, see make_selection.
TASK_CODES = {
    "T1": (255, 0, 0),
    "T2": (9241421688590303745, 0, 0),
    "T3": (9241421688590303745, 262676, 189),
    "T4": (9241421688590303745, 38637, 145),
}
RANDOM_KINDS = ("linear", "smooth", "threshold", "integer")
_TASK_FORMS = "T1..T4, repeat-copy:S,D, fibonacci:S,D, code:S,D,A,B,C, random:S,D,SEED or RULE:S,D,SEED"


@dataclass(frozen=True, eq=False)
class HDS:
    """A history-dependent system. Source: twm Eq. (1)."""

    history: int  # s, the number of states that the next one depends on
    dim: int  # d, the components of a state
    boundary: Callable[[Any], Any]  # f, from a window (..., s, d) to the next state (..., d), same dtype
    matrix: np.ndarray | None = None  # F, (d, s*d), where f is linear
    name: str = "custom"  # for a task the text that parse_task reads

    def __post_init__(self) -> None:
        require_count(self.history, "history")
        require_count(self.dim, "dim")
        require(callable(self.boundary), f"the boundary must be callable, not {type(self.boundary).__name__}")
        shape = (self.dim, self.history * self.dim)
        fits = self.matrix is None or np.shape(self.matrix) == shape
        require(fits, f"the boundary's matrix must have shape {shape}, not {np.shape(self.matrix)}")

    size = property(lambda self: self.history * self.dim)  # s*d, the numbers in a window

    @property
    def selects(self) -> bool:
        """Return whether this is a signed selection: each output is one component of the window or its negative."""
        F = self.matrix
        return F is not None and bool(np.isin(F, (-1, 0, 1)).all() and (np.abs(F).sum(1) == 1).all())


@dataclass(frozen=True, eq=False)
class LinearBoundary:
    """f(window) = F window, with F (d, s*d). Source: twm Eq. (5)."""

    matrix: np.ndarray

    def __call__(self, window: Any) -> Any:
        x = _flatten(window)
        if hasattr(x, "new_tensor"):
            require(x.is_floating_point(), "tensors of integers may overflow: use numpy, with dtype object")
            return x @ x.new_tensor(self.matrix.astype(float)).T
        if x.dtype.kind in "iu":
            require(self.matrix.dtype.kind != "f", "an integer history needs a boundary matrix of integers")
            # numpy would overflow silently.
            bound = np.abs(x.astype(float)) @ np.abs(self.matrix.astype(float)).T
            fits = bound.max(initial=0) < np.iinfo(x.dtype).max
            require(bool(fits), f"the next state may exceed {x.dtype}: use dtype object for exact integers of any size")
        return x @ self.matrix.astype(x.dtype).T


@dataclass(frozen=True)
class SelectionBoundary:
    """f(window)_i = signs_i * window[positions_i], on the flattened window."""

    positions: tuple[int, ...]
    signs: tuple[int, ...]

    def __call__(self, window: Any) -> Any:
        x = _flatten(window)[..., list(self.positions)]
        return x * (x.new_tensor(self.signs) if hasattr(x, "new_tensor") else np.array(self.signs, x.dtype))


# ---- the recursion


def rollout(hds: HDS, initial: Any, steps: int) -> Any:
    """Run x_i = f(x_(i-s), ..., x_(i-1)) from (..., s, d) to (..., s + steps, d). Source: twm Eq. (1)."""
    initial, steps = as_array(initial), require_count(steps, "steps", 0)
    fits = tuple(initial.shape[-2:]) == (hds.history, hds.dim)
    require(fits, f"initial states must have shape (..., {hds.history}, {hds.dim}), not {tuple(initial.shape)}")
    x = [initial[..., column, :] for column in range(hds.history)]
    for _ in range(steps):
        x.append(apply_boundary(hds.boundary, stack_arrays(x[-hds.history :], -2)))
    return stack_arrays(x, -2)


def window_states(trajectory: Any, history: int) -> Any:
    """Cut (..., time, d) into its windows of s successive states: (time - s + 1, ..., s, d)."""
    trajectory, history = as_array(trajectory), require_count(history, "history")
    starts = trajectory.shape[-2] - history + 1
    require(starts >= 1, f"the trajectory has {trajectory.shape[-2]} states, fewer than the window's {history}")
    return stack_arrays([trajectory[..., start : start + history, :] for start in range(starts)], 0)


def apply_boundary(boundary: Callable[[Any], Any], window: Any) -> Any:
    """Call a boundary and check its shape and dtype: silent broadcasting or rounding would give another system."""
    state, shape = boundary(window), (*window.shape[:-2], window.shape[-1])
    fits = getattr(state, "shape", None) == shape and state.dtype == window.dtype
    found = f"{tuple(state.shape)} {state.dtype}" if hasattr(state, "shape") else type(state).__name__
    require(fits, f"the boundary must return the shape and dtype {tuple(shape)} {window.dtype}, not {found}")
    return state


def as_array(values: Any) -> Any:
    """Return a torch tensor as it is, and anything else as a numpy array; refuse types without negative numbers."""
    array = values if hasattr(values, "new_tensor") else np.asarray(values)
    require("uint" not in str(array.dtype) and "bool" not in str(array.dtype), f"expected signed numbers, not {array.dtype}")
    return array


def stack_arrays(arrays: list[Any], axis: int) -> Any:
    """Stack numpy arrays or torch tensors along a new axis."""
    return (sys.modules["torch"] if hasattr(arrays[0], "new_tensor") else np).stack(arrays, axis)


def _flatten(window: Any) -> Any:
    return window.reshape(*window.shape[:-2], -1)


# ---- systems and tasks


def make_hds(boundary: Callable[[Any], Any], history: int, dim: int, name: str = "custom") -> HDS:
    """Make a system from any boundary. Source: twm Eq. (1)."""
    return HDS(history, dim, boundary, None, name)


def make_linear_hds(matrix: Any, history: int, dim: int, name: str = "linear") -> HDS:
    """Make the system of a matrix F (d, s*d); integers beyond float64 stay exact. Source: twm Eq. (6), second sum."""
    exact = np.array(matrix)
    require(bool(np.isfinite(exact.astype(float)).all()), "the boundary's matrix must hold finite numbers")
    return HDS(history, dim, LinearBoundary(exact), exact if exact.dtype == object else exact.astype(float), name)


def make_fibonacci(history: int = 2, dim: int = 1) -> HDS:
    """Make the system whose next state is the sum of the last s. Source: twm Eq. (4)."""
    matrix = np.tile(np.eye(require_count(dim, "dim"), dtype=int), require_count(history, "history"))
    return make_linear_hds(matrix, history, dim, f"fibonacci:{history},{dim}")


def make_repeat_copy(history: int, dim: int) -> HDS:
    """Make the task whose next state is the oldest. Source: twm A.4, Eq. (31)."""
    positions = range(require_count(dim, "dim"))
    return _make_signed_selection(history, dim, positions, [1] * dim, f"repeat-copy:{history},{dim}")


def make_selection(history: int, dim: int, a: int, b: int = 0, c: int = 0, name: str | None = None) -> HDS:
    """Make the task with the code (a, b, c): each output copies one component of the window, perhaps negated.

    The set bits of ``a`` are the positions that are read. The digits of ``b`` in base d, lowest first, swap entry k
    with entry k + digit. Output i is negated where bit i of ``c`` is set. Source: twm Table 1, released code."""
    size = require_count(history, "history") * require_count(dim, "dim")
    for letter, value in zip("abc", (a, b, c)):
        require_count(value, f"{letter} of the task code", 0)
    require(a < 2**size, f"a of the task code must be below 2**(history*dim) = 2**{size}, not {a}")
    positions = [position for position in range(size) if a >> position & 1]
    require(len(positions) == dim, f"a of the task code must have exactly dim = {dim} set bits, not {len(positions)}")
    require(c < 2**dim, f"c of the task code must be below 2**dim = {2**dim}, not {c}")
    # In base 1 every number has the digit 0 only, so a single component cannot be permuted.
    require(dim > 1 or b == 0, f"b of the task code must be 0 where dim is 1, not {b}")
    place, rest = 0, b
    while rest:
        rest, digit = divmod(rest, dim)
        other, problem = place + digit, "b of the task code asks for a swap beyond the last entry"
        require(not digit or other < dim, f"{problem}, of {place} and {other}: {b}")
        if digit:
            positions[place], positions[other] = positions[other], positions[place]
        place += 1
    signs = [-1 if c >> output & 1 else 1 for output in range(dim)]
    return _make_signed_selection(history, dim, positions, signs, name or f"code:{history},{dim},{a},{b},{c}")


def make_named_task(name: str) -> HDS:
    """Make T1 (repeat copy), T2, T3 or T4, with s = d = 8. Source: twm Table 1."""
    require(name in TASK_CODES, f"unknown task {name!r}: the named tasks are {', '.join(TASK_CODES)}")
    return make_selection(8, 8, *TASK_CODES[name], name=name)


def make_random_selection(history: int, dim: int, seed: int) -> HDS:
    """Draw a selection task with uniform positions, order and signs, the same on every machine."""
    for value, name, least in ((history, "history", 1), (dim, "dim", 1), (seed, "seed", 0)):
        require_count(value, name, least)
    # random.Random promises the same random() for the same seed on every version; numpy's generators do not.
    draw = random.Random(f"signed selection {history} {dim} {seed}").random
    keys = [draw() for _ in range(history * dim)]
    a = sum(1 << position for position in sorted(range(history * dim), key=keys.__getitem__)[:dim])
    b = sum(int(draw() * (dim - place)) * dim**place for place in range(dim))
    c = sum(1 << output for output in range(dim) if draw() < 0.5)
    return make_selection(history, dim, a, b, c, name=f"random:{history},{dim},{seed}")


def make_rule_task(names: str, history: int, dim: int, seed: int) -> HDS:
    """Make the task of a nonlinear boundary such as "majority" or "copy+xor", see :func:`twm.theory.rules.draw_rule`."""
    return HDS(history, dim, draw_rule(names, history, dim, seed), None, f"{names}:{history},{dim},{seed}")


def parse_task(text: str) -> HDS:
    """Make the task named by a text such as "T2" or "repeat-copy:16,5"; its own name can be parsed again."""
    text = text.strip()
    if text in TASK_CODES:
        return make_named_task(text)
    makers = {"repeat-copy": (make_repeat_copy, 2), "fibonacci": (make_fibonacci, 2)}
    makers |= {"code": (make_selection, 5), "random": (make_random_selection, 3)}
    kind, _, rest = text.partition(":")
    if kind.split("+")[0] in RULES:
        makers[kind] = partial(make_rule_task, kind), 3
    require(kind in makers, f"unknown task {text!r}: expected {_TASK_FORMS}")
    make, count = makers[kind]
    fields = [part.strip() for part in rest.split(",")]
    whole = len(fields) == count and all(part.isascii() and part.isdigit() for part in fields)
    advice = f"{kind} takes {count} whole numbers separated by commas; expected {_TASK_FORMS}"
    require(whole, f"malformed task {text!r}: {advice}")
    try:
        numbers = [int(part) for part in fields]
        # 800 MB of coefficients; a larger number is most likely a typing error.
        require(numbers[0] * numbers[1] ** 2 <= 10**8, "a boundary of more than 100 million coefficients")
        return make(*numbers)
    except ValueError as error:  # a UserError, or Python's own for integers of more than a few thousand digits
        raise UserError(f"task {text[:80]!r}: {error}") from None


def draw_binary_history(hds: HDS, count: int, seed: int) -> np.ndarray:
    """Draw initial states of -1 and +1 from the hashed stream, whose key is the task's name: (count, s, d)."""
    return binary_inputs_numpy(hds.name, seed, 0, count, (hds.history, hds.dim))


def _make_signed_selection(history: int, dim: int, positions: Any, signs: Any, name: str) -> HDS:
    F = np.zeros((dim, require_count(history, "history") * dim))
    F[np.arange(dim), list(positions)] = signs
    return HDS(history, dim, SelectionBoundary(tuple(positions), tuple(signs)), F, name)


class SelectionTable(NamedTuple):
    """The initial component that each later one copies, as a flattened position, and its sign."""

    index: np.ndarray  # (steps, d) int64
    sign: np.ndarray  # (steps, d) float32


def make_selection_table(task: HDS, steps: int) -> SelectionTable:
    """Find the initial component that each component of the next states copies, by one rollout of distinct numbers."""
    forms = "T1..T4, repeat-copy, code and random do; twm sweep rules trains others"
    require(task.selects, f"{task.name} cannot be trained: it does not preserve states of -1 and 1 ({forms})")
    # Counted from one, so that every number has a sign.
    initial = np.arange(1.0, task.size + 1).reshape(task.history, task.dim)
    later = rollout(task, initial, steps)[task.history :]
    return SelectionTable(np.abs(later).astype(np.int64) - 1, np.sign(later).astype(np.float32))


# ---- systems drawn at random, for tests of statements about all systems


def make_random_hds(history: int, dim: int, kind: str, seed: int) -> HDS:
    """Draw a system of one of four kinds; none of them diverges."""
    require(kind in RANDOM_KINDS, f"unknown kind of system {kind!r}: expected one of {', '.join(RANDOM_KINDS)}")
    rng = np.random.default_rng([RANDOM_KINDS.index(kind), history, dim, seed])
    shape, name = (dim, history * dim), f"{kind} {history},{dim},{seed}"
    if kind == "integer":
        forms = rng.integers(0, 10, size=shape)
        modulus = int(rng.choice([7, 31, 127, 997]))
        return make_hds(lambda window: _flatten(window) @ forms.T % modulus, history, dim, name)
    # Rows whose magnitudes sum to 1 bound every output by the largest input.
    forms = rng.uniform(-1, 1, size=shape)
    forms /= np.abs(forms).sum(axis=1, keepdims=True)
    others = rng.uniform(-3, 3, size=shape)
    if kind == "linear":
        return make_linear_hds(forms, history, dim, name)
    boundaries = {
        "smooth": lambda h: np.sin(_flatten(h) @ others.T) * (1 + np.cos(_flatten(h) @ forms.T)),
        "threshold": lambda h: np.where(_flatten(h) @ others.T > 0, 1.0, -0.5),
    }
    return make_hds(boundaries[kind], history, dim, name)


def draw_random_systems(count: int, seed: int) -> Iterator[tuple[str, HDS, np.ndarray]]:
    """Draw systems of alternating kinds, with s up to 12 and d up to 8, and two sets of initial states each, (2, s, d)."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        kind = RANDOM_KINDS[number % len(RANDOM_KINDS)]
        history, dim = (int(rng.integers(1, most + 1)) for most in (12, 8))
        shape = (2, history, dim)
        initial = rng.integers(-9, 10, size=shape) if kind == "integer" else rng.uniform(-1, 1, size=shape)
        yield kind, make_random_hds(history, dim, kind, int(rng.integers(2**31))), initial


# ---- histories of -1 and 1 that outputs distinguish, counted over all of them
#
# The outputs of the first s steps are the window after s steps, and everything later follows from it. Therefore outputs
# distinguish two histories exactly if these lead to different windows after s steps. For a linear f this means that components
# that are never read need not be stored; a nonlinear f forgets by merging histories.

#: The largest number of components for which all histories are enumerated.
MOST = 20


def list_successors(hds: HDS) -> np.ndarray:
    """Return the next window of every window, as integers (2^(s*d),) whose bit ``column*d + dimension`` is set for +1."""
    require(hds.size <= MOST, f"histories of {hds.size} components are too many to count: at most {MOST}")
    codes, weights = np.arange(2**hds.size), 2 ** np.arange(hds.size - hds.dim, hds.size)
    newest = [(hds.boundary(decode_windows(part, hds)) > 0) @ weights for part in np.split(codes, -(-len(codes) // 2**15))]
    return codes >> hds.dim | np.concatenate(newest)


def decode_windows(codes: np.ndarray, hds: HDS) -> np.ndarray:
    """Return the windows that integers encode, (count, s, d) int8 of -1 and 1."""
    return decode_signs(codes, hds.size).reshape(-1, hds.history, hds.dim)


def merge_histories(successors: np.ndarray, steps: int) -> list[np.ndarray]:
    """Return the windows that remain after 0, 1, ..., ``steps`` steps, each time an array of distinct integers."""
    left = [np.arange(len(successors))]
    for _ in range(steps):
        left.append(np.unique(successors[left[-1]]))
    return left


def measure_influence(successors: np.ndarray, hds: HDS) -> np.ndarray:
    """Return for each component (s, d) the share of windows in which flipping its sign changes any later output."""
    codes = np.arange(len(successors))
    final = codes
    for _ in range(hds.history):
        final = successors[final]
    shares = [(final[codes ^ 1 << place] != final).mean() for place in range(hds.size)]
    return np.reshape(shares, (hds.history, hds.dim))
