"""Wave operators in the standard basis, and the closed forms that belong to them.

Input phase and output phase of a linear network, and how to fill its substrate.

With W_uh = Psi_s the boundary acts during the input phase too, on a substrate that is not full yet (A.6). Where f
reads only the oldest column, as in repeat copy, it reads zeros and does no harm. Otherwise the newest column becomes
u(t) + f(what is there), and the state after the input phase is not the history. Two ways around it:
:func:`load_history` puts the history in place at once; :func:`correct_inputs` subtracts f beforehand.
"""

import numpy as np

from twm.errors import require, require_count
from twm.theory.bases import Basis, make_encoder, make_readout, transform_operator


def check_boundary_matrix(matrix: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return a boundary matrix as an array with its history and dim.

    Args:
        matrix: F, (dim, history*dim), the oldest column's block first.

    Returns:
        the matrix, history, dim.

    Raises:
        UserError: if it is not a matrix whose width is a multiple of its height.
    """
    matrix = np.asarray(matrix)
    fits = matrix.ndim == 2 and 0 not in matrix.shape and matrix.shape[1] % matrix.shape[0] == 0
    require(fits, f"a boundary matrix must be of shape (dim, history*dim), not {matrix.shape}")
    dim = matrix.shape[0]
    return matrix, matrix.shape[1] // dim, dim


def make_shift(history: int, dim: int) -> np.ndarray:
    """Make the wave operator with both ends open: every column moves one place towards the oldest.

    It is the state matrix that the H3 layer starts from, with H3's states counted from the newest.

    Args:
        history: number of columns.
        dim: dimension of a state.

    Returns:
        (history*dim, history*dim), the first sum of Eq. (6) in the standard basis.

    Raises:
        UserError: if history or dim is below 1.

    Source: twm Eq. (6), first sum; Sec. 3.1 on H3.
    """
    history, dim = require_count(history, "history"), require_count(dim, "dim")
    return np.eye(history * dim, k=dim)


def make_wave_operator(matrix: np.ndarray) -> np.ndarray:
    """Make Phi in substrate coordinates: the shift, with the boundary matrix as its last block row.

    Args:
        matrix: F, (dim, history*dim), the oldest column's block first; integers and Python integers stay exact.

    Returns:
        (history*dim, history*dim) in the dtype of ``matrix``.

    Raises:
        UserError: if the matrix is not (dim, history*dim).

    Source: twm Eq. (6) in the standard basis, the second sum from (s-1)d + 1.
    """
    matrix, history, dim = check_boundary_matrix(matrix)
    # From integers, so that a matrix of Python integers does not meet floats.
    operator = np.eye(history * dim, k=dim, dtype=int).astype(matrix.dtype)
    operator[(history - 1) * dim :] = matrix
    return operator


def make_cycle(history: int, dim: int, gain: float = 1.0, boundary_gain: float = 1.0) -> np.ndarray:
    """Make the repeat-copy operator, with a gain on every entry and one more on the boundary.

    Args:
        history: number of columns, the length of the cycle.
        dim: dimension of a state.
        gain: factor on every entry, so on the content at every step.
        boundary_gain: further factor on the copy from the oldest column to the newest, so once a lap.

    Returns:
        (history*dim, history*dim).

    Raises:
        UserError: if history or dim is below 1.

    Source: twm Eq. (31); A.5 for entries other than one.
    """
    history, dim = require_count(history, "history"), require_count(dim, "dim")
    matrix = boundary_gain * np.eye(dim, history * dim)
    return gain * make_wave_operator(matrix)


def repeat_copy_state(inputs: np.ndarray, step: int) -> np.ndarray:
    """Return the substrate of repeat copy, ``step`` steps after the input phase, without stepping there.

    Input ``k`` (from 0) is in column ``(k - step) mod history``.

    Args:
        inputs: (..., history, dim), the oldest first.
        step: number of steps after the input phase, 0 or more.

    Returns:
        (..., history, dim).

    Raises:
        UserError: if inputs has fewer than two axes or step is below 0.

    Source: twm Eq. (40) with the index ((mu - t - 1) mod s) d + i in place of the printed one, which is d too large.
    """
    inputs = np.asarray(inputs)
    require(inputs.ndim >= 2, f"inputs must be of shape (..., history, dim), not {inputs.shape}")
    step = require_count(step, "step", least=0)
    history = inputs.shape[-2]
    state = np.empty_like(inputs)
    state[..., (np.arange(history) - step) % history, :] = inputs
    return state


def repeat_copy_spectrum(history: int, dim: int, gain: float = 1.0) -> np.ndarray:
    """Return the eigenvalues of the repeat-copy operator: the roots of unity, ``dim`` times each.

    Args:
        history: length of the cycle.
        dim: multiplicity of every root.
        gain: factor on every entry of the operator.

    Returns:
        (history*dim,) complex.

    Raises:
        UserError: if history or dim is below 1.
    """
    history, dim = require_count(history, "history"), require_count(dim, "dim")
    roots = np.exp(2j * np.pi * np.arange(history) / history)
    return gain * np.repeat(roots, dim)


def fibonacci_constant(history: int) -> float:
    """Return the ratio that consecutive terms of the Fibonacci process with ``history`` summands tend to.

    It is the largest root of x^(s+1) = 2 x^s - 1, which the boundary sum's x^s = x^(s-1) + ... + 1 becomes when
    multiplied by x - 1: the golden ratio for two summands, towards 2 for many. Found by bisection above the
    polynomial's minimum, so to the last bit and without an eigenvalue routine.

    Args:
        history: number of summands.

    Raises:
        UserError: if history is below 1.
    """
    history = require_count(history, "history")
    if history == 1:
        return 1.0
    low, high = 2 * history / (history + 1), 2.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if middle**history * (2 - middle) > 1 else (low, middle)
    return low


def simulate_linear(
    recurrent: np.ndarray,
    encoder: np.ndarray,
    readout: np.ndarray,
    inputs: np.ndarray,
    steps: int,
    state: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Run h(t) = W_hh h(t-1) + W_uh u(t), y(t) = W_r h(t), then on without input.

    Args:
        recurrent: W_hh, (hidden, hidden).
        encoder: W_uh, (hidden, dim).
        readout: W_r, (outputs, hidden).
        inputs: u(1), u(2), ...: (time, ..., dim); time may be 0 when a state is given.
        steps: number of steps after the inputs.
        state: h(0), (..., hidden); zero if not given.

    Returns:
        outputs y (time+steps, ..., outputs) and states h (time+steps, ..., hidden), from t = 1 on.

    Raises:
        UserError: if the shapes do not fit or steps is below 0.

    Source: twm Eq. (7), (9) with the identity as activation, (31).
    """
    recurrent, encoder, readout, inputs = (np.asarray(array) for array in (recurrent, encoder, readout, inputs))
    steps = require_count(steps, "steps", least=0)
    hidden = recurrent.shape[0]
    fits = (
        recurrent.shape == (hidden, hidden)
        and encoder.ndim == readout.ndim == 2
        and encoder.shape[0] == readout.shape[1] == hidden
    )
    require(fits, f"shapes do not fit: W_hh {recurrent.shape}, W_uh {encoder.shape}, W_r {readout.shape}")
    fits = inputs.ndim >= 2 and inputs.shape[-1] == encoder.shape[1]
    require(fits, f"inputs must be of shape (time, ..., {encoder.shape[1]}), not {inputs.shape}")
    batch = inputs.shape[1:-1]
    if state is None:
        state = np.zeros((*batch, hidden), dtype=recurrent.dtype)
    state = np.asarray(state)
    require(state.shape == (*batch, hidden), f"the state must be of shape {(*batch, hidden)}, not {state.shape}")
    states = []
    for time in range(len(inputs) + steps):
        state = state @ recurrent.T
        if time < len(inputs):
            state = state + inputs[time] @ encoder.T
        states.append(state)
    states = np.stack(states) if states else np.zeros((0, *batch, hidden))
    return states @ readout.T, states


def load_history(basis: Basis, initial: np.ndarray) -> np.ndarray:
    """Put a history into the hidden state at once: h(s) = Psi vec(x).

    Args:
        basis: a basis of size history*dim.
        initial: (..., history, dim), the oldest first.

    Returns:
        (..., hidden).

    Raises:
        UserError: if the history does not fill the basis.

    Source: twm A.3, before Eq. (29).
    """
    initial = np.asarray(initial)
    fits = initial.ndim >= 2 and initial.shape[-2] * initial.shape[-1] == basis.size
    require(fits, f"a history of shape {initial.shape} does not fill a basis of {basis.size} vectors")
    return initial.reshape(*initial.shape[:-2], basis.size) @ basis.basis.T


def read_substrate(basis: Basis, states: np.ndarray, dim: int) -> np.ndarray:
    """Read hidden states in wave coordinates: Psi* h, as columns.

    Args:
        basis: a basis of size history*dim.
        states: (..., hidden).
        dim: dimension of a state.

    Returns:
        (..., history, dim), column 0 the oldest.

    Raises:
        UserError: if the shapes do not fit.
    """
    states, dim = np.asarray(states), require_count(dim, "dim")
    require(states.shape[-1:] == (basis.hidden,), f"states must be of shape (..., {basis.hidden}), not {states.shape}")
    require(basis.size % dim == 0, f"a basis of {basis.size} vectors cannot hold columns of dim {dim}")
    return (states @ basis.dual_basis.T).reshape(*states.shape[:-1], basis.size // dim, dim)


def simulate_boundary(matrix: np.ndarray, basis: Basis, initial: np.ndarray, steps: int) -> np.ndarray:
    """Run a linear boundary in a hidden basis from a loaded history: Eq. (6) and (7).

    Args:
        matrix: F, (dim, history*dim).
        basis: a basis of size history*dim.
        initial: (..., history, dim), the oldest first.
        steps: number of steps.

    Returns:
        outputs (steps, ..., dim): x(s+1), x(s+2), ...

    Raises:
        UserError: if the shapes do not fit or steps is below 0.

    Source: twm Eq. (6)-(7).
    """
    matrix, _, dim = check_boundary_matrix(matrix)
    recurrent = transform_operator(make_wave_operator(matrix), basis)
    state, silence = load_history(basis, initial), np.zeros((0, *np.shape(initial)[:-2], dim))
    return simulate_linear(recurrent, make_encoder(basis, dim), make_readout(basis, dim), silence, steps, state)[0]


def correct_inputs(matrix: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """Subtract from each input what the boundary will add to it: u(t) = x(t) - F h(t-1).

    The substrate before step t holds x(1) .. x(t-1) in its newest columns and zeros elsewhere, so the correction needs
    the data alone, and needs no network. It vanishes where f reads only the oldest column.

    Args:
        matrix: F, (dim, history*dim).
        initial: x(1) .. x(s), (..., history, dim).

    Returns:
        u(1) .. u(s), (..., history, dim).

    Raises:
        UserError: if the shapes do not fit.

    Source: ours; A.6 states the problem.
    """
    matrix, history, dim = check_boundary_matrix(matrix)
    initial = np.asarray(initial)
    fits = initial.shape[-2:] == (history, dim)
    require(fits, f"initial must be of shape (..., {history}, {dim}), not {initial.shape}")
    corrected = initial.astype(np.result_type(matrix, initial))
    for time in range(1, history):
        # After `time` inputs the newest `time` columns are filled; the blocks of F that read them are its last ones.
        filled = initial[..., :time, :].reshape(*initial.shape[:-2], time * dim)
        corrected[..., time, :] = initial[..., time, :] - filled @ matrix[:, (history - time) * dim :].T
    return corrected


def input_phase_matrix(recurrent: np.ndarray, encoder: np.ndarray, history: int) -> np.ndarray:
    """Return the map from uncorrected inputs to the state after the input phase.

    Its block k (from 0) is W_hh^(s-1-k) W_uh. In wave coordinates it is block triangular with ones on the diagonal:
    the input phase always keeps the history, but as it stands only where f reads the oldest column alone.

    Args:
        recurrent: W_hh, (hidden, hidden).
        encoder: W_uh, (hidden, dim).
        history: number of inputs.

    Returns:
        (hidden, history*dim).

    Raises:
        UserError: if the shapes do not fit or history is below 1.

    Source: twm A.6 Eq. (45)-(48), corrected.
    """
    recurrent, encoder = np.asarray(recurrent), np.asarray(encoder)
    history = require_count(history, "history")
    fits = recurrent.ndim == encoder.ndim == 2 and recurrent.shape == (encoder.shape[0], encoder.shape[0])
    require(fits, f"shapes do not fit: W_hh {recurrent.shape}, W_uh {encoder.shape}")
    blocks = [encoder]
    for _ in range(history - 1):
        blocks.insert(0, recurrent @ blocks[0])
    return np.concatenate(blocks, axis=1)
