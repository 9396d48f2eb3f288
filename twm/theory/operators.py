"""Wave operators in the standard basis, their closed forms, and linear networks constructed from them.

With W_uh = Psi_s the boundary also acts during the input phase, while the substrate is still filling (A.6), and disturbs
it unless f reads only the oldest column. ``load_history`` and ``correct_inputs`` are two remedies."""

import numpy as np

from twm.errors import require, require_count
from twm.theory.bases import Basis, check_dim, make_encoder, make_readout, transform_operator
from twm.theory.systems import HDS, rollout


def make_shift(history: int, dim: int) -> np.ndarray:
    """Make the wave operator with both ends open, as in H3's initialisation. Source: twm Eq. (6), first sum; Sec. 3.1."""
    return np.eye(require_count(history, "history") * require_count(dim, "dim"), k=dim)


def make_wave_operator(matrix: np.ndarray) -> np.ndarray:
    """Make Phi (s*d, s*d), the shift with the boundary matrix F (d, s*d) as its last rows. Source: twm Eq. (6)."""
    F, _, dim = _check_boundary_matrix(matrix)
    # Built from integers, so that a matrix of Python integers is not mixed with floats.
    return np.concatenate([np.eye(F.shape[1], k=dim, dtype=int).astype(F.dtype)[:-dim], F])


def make_cycle(history: int, dim: int, gain: float = 1.0, boundary_gain: float = 1.0) -> np.ndarray:
    """Make the repeat-copy operator with a gain on all entries and a further one on the boundary. Source: twm Eq. (31), A.5."""
    history, dim = require_count(history, "history"), require_count(dim, "dim")
    return gain * make_wave_operator(boundary_gain * np.eye(dim, history * dim))


def repeat_copy_state(inputs: np.ndarray, step: int) -> np.ndarray:
    """Return the substrate of repeat copy (..., s, d) at a step after the input phase, in closed form.
    Source: twm Eq. (40) with the index ((mu - t - 1) mod s) d + i in place of the printed one, which is d too large."""
    inputs, step = np.asarray(inputs), require_count(step, "step", 0)
    require(inputs.ndim >= 2, f"inputs must be of shape (..., history, dim), not {inputs.shape}")
    return np.roll(inputs, -step, axis=-2)


def repeat_copy_spectrum(history: int, dim: int, gain: float = 1.0) -> np.ndarray:
    """Return the eigenvalues of the repeat-copy operator: the s-th roots of unity times the gain, d times each."""
    roots = np.exp(2j * np.pi * np.arange(require_count(history, "history")) / history)
    return gain * np.repeat(roots, require_count(dim, "dim"))


def fibonacci_constant(history: int) -> float:
    """Return the limiting ratio of consecutive terms of the Fibonacci process, the golden ratio for s = 2. It is the
    largest root of x^(s+1) = 2 x^s - 1, found to the last bit by bisection above the polynomial's minimum."""
    s = require_count(history, "history")
    if s == 1 or s > 1000:
        return min(float(s), 2.0)  # beyond 1000 the root is nearer to 2 than a float can tell, and its power overflows
    low, high = 2 * s / (s + 1), 2.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if middle**s * (2 - middle) > 1 else (low, middle)
    return low


def simulate_linear(
    recurrent: np.ndarray, encoder: np.ndarray, readout: np.ndarray, inputs: np.ndarray, steps: int,
    state: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Run h(t) = W_hh h(t-1) + W_uh u(t), y(t) = W_r h(t) on inputs, then for some steps without input.

    ``inputs`` are (time, ..., dim), ``state`` is h(0), (..., hidden), or zero. Returns y and h from t = 1 on,
    (time + steps, ..., outputs) and (time + steps, ..., hidden). Source: twm Eq. (7), (31), and (9) without tanh."""
    W_hh, W_uh, W_r, u = (np.asarray(array) for array in (recurrent, encoder, readout, inputs))
    steps, hidden = require_count(steps, "steps", 0), len(W_hh)
    fits = W_hh.shape == (hidden, hidden) and len(W_uh) == W_r.shape[-1] == hidden
    require(fits, f"shapes do not fit: W_hh {W_hh.shape}, W_uh {W_uh.shape}, W_r {W_r.shape}")
    fits = u.ndim >= 2 and u.shape[-1] == W_uh.shape[-1]
    require(fits, f"inputs must be of shape (time, ..., {W_uh.shape[-1]}), not {u.shape}")
    shape = (*u.shape[1:-1], hidden)
    h = np.zeros(shape, dtype=W_hh.dtype) if state is None else np.asarray(state)
    require(h.shape == shape, f"the state must be of shape {shape}, not {h.shape}")
    states = []
    for time in range(len(u) + steps):
        h = h @ W_hh.T + (u[time] @ W_uh.T if time < len(u) else 0)
        states.append(h)
    states = np.stack(states) if states else np.zeros((0, *shape))
    return states @ W_r.T, states


def load_history(basis: Basis, initial: np.ndarray) -> np.ndarray:
    """Return the state (..., hidden) that stores a history (..., s, d): h(s) = Psi vec(x). Source: twm A.3, before Eq. (29)."""
    initial = np.asarray(initial)
    fits = initial.ndim >= 2 and initial.shape[-2] * initial.shape[-1] == basis.size
    require(fits, f"a history of shape {initial.shape} does not fill a basis of {basis.size} vectors")
    return initial.reshape(*initial.shape[:-2], basis.size) @ basis.basis.T


def read_substrate(basis: Basis, states: np.ndarray, dim: int) -> np.ndarray:
    """Return the wave coordinates Psi* h of hidden states (..., hidden), as columns (..., s, d)."""
    states, dim = np.asarray(states), check_dim(basis, dim)
    require(states.shape[-1:] == (basis.hidden,), f"states must be of shape (..., {basis.hidden}), not {states.shape}")
    return (states @ basis.dual_basis.T).reshape(*states.shape[:-1], basis.size // dim, dim)


def simulate_boundary(matrix: np.ndarray, basis: Basis, initial: np.ndarray, steps: int) -> np.ndarray:
    """Run F (d, s*d) in a hidden basis from a history (..., s, d): x(s+1) on, (steps, ..., d). Source: twm Eq. (6)-(7)."""
    F, _, dim = _check_boundary_matrix(matrix)
    W_hh, h = transform_operator(make_wave_operator(F), basis), load_history(basis, initial)
    silence = np.zeros((0, *h.shape[:-1], dim))
    return simulate_linear(W_hh, make_encoder(basis, dim), make_readout(basis, dim), silence, steps, h)[0]


def correct_inputs(matrix: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """Subtract the boundary's contribution from each input: u(t) = x(t) - F h(t-1), (..., s, d). Source: ours, for twm A.6."""
    F, history, dim = _check_boundary_matrix(matrix)
    x = np.asarray(initial)
    require(x.shape[-2:] == (history, dim), f"initial must be of shape (..., {history}, {dim}), not {x.shape}")
    u = x.astype(np.result_type(F, x))
    for time in range(1, history):
        # After `time` inputs the newest `time` columns are filled; the last blocks of F read them.
        filled = x[..., :time, :].reshape(*x.shape[:-2], time * dim)
        u[..., time, :] = x[..., time, :] - filled @ F[:, (history - time) * dim :].T
    return u


def fit_time_invariant(task: HDS, horizon: int) -> tuple[np.ndarray, float]:
    """Fit the best linear time-invariant network; return its responses and its mean squared error over ``horizon`` steps.

    Responses are by lag, (history + horizon, dim, dim), and optimal for independent inputs of -1 and 1. Where several pairs of
    input and output have the same lag, the best response is their mean. Source: ours."""
    s, d = task.history, task.dim
    shown = np.eye(s * d).reshape(s * d, s, d)
    due = rollout(task, shown, horizon)[:, s:].reshape(s, d, horizon, d).transpose(2, 0, 3, 1)  # (time, column, output, input)
    lags = s + np.arange(horizon)[:, None] - np.arange(s)
    kernel = np.zeros((s + horizon, d, d))
    for lag in np.unique(lags):
        kernel[lag] = due[lags == lag].mean(0)
    return kernel, float(((due - kernel[lags]) ** 2).sum() / (horizon * d))


def _check_boundary_matrix(matrix: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return F as an array, with its s and d."""
    F = np.asarray(matrix)
    fits = F.ndim == 2 and 0 not in F.shape and F.shape[1] % F.shape[0] == 0
    require(fits, f"a boundary matrix must be of shape (dim, history*dim), not {F.shape}")
    return F, F.shape[1] // F.shape[0], F.shape[0]
