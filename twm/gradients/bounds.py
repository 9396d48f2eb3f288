"""The two bounds of Sec. 4.3 with every constant measured, as printed and as corrected."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from twm.errors import require
from twm.gradients.measuring import GradientTrace, measure_gradients, measure_jacobians
from twm.kernels import as_weights
from twm.networks import ElmanRNN

#: Forms of the bound without waves, and what each says.
BOUNDS = {
    "corrected": "|dC/dh(s+1)| mu^n |W_uh|: Eq. (16) from the step of the cost",
    "measured": "the same times the largest slope of the activation at each step on the way",
    "before": "|dC/dh(s)| mu^(n-1) |W_uh|: from one step before the cost, with one factor less",
    "printed": "|dC/dh(s)| mu^n |W_uh|: Eq. (16) as printed, which mixes the two",
}
#: Forms of the bound with waves: what stands for the derivative of the wave by the input.
WAVE_CONSTANTS = {
    "operator": "|Psi_k|, the operator norm of the columns that hold the input",
    "frobenius": "their Frobenius norm, sqrt(d) for unit vectors",
    "printed": "d, as printed in Eq. (19)",
}


@dataclass(frozen=True, eq=False)
class NetworkConstants:
    """What the bounds ask of a network; scalars, or (models,) for an ensemble.

    Attributes:
        norm: mu, the operator norm of W_hh.
        radius: rho, its spectral radius.
        encoder_norm: operator norm of W_uh.
    """

    norm: np.ndarray
    radius: np.ndarray
    encoder_norm: np.ndarray


def measure_constants(network: Any) -> NetworkConstants:
    """Measure the constants of a network.

    Args:
        network: a :class:`twm.networks.ElmanRNN`, or its three matrices, which may have a leading ``models`` axis.

    Returns:
        norm, spectral radius and norm of the encoder.

    Raises:
        UserError: if the matrices do not fit together or are not finite.

    Source: twm Eq. (15)-(16).
    """
    recurrent, encoder, _ = _find_matrices(network)
    finite = np.isfinite(recurrent).all() and np.isfinite(encoder).all()
    require(bool(finite), "the weights must be finite: there are NaN or infinite ones")
    return NetworkConstants(
        np.linalg.norm(recurrent, 2, axis=(-2, -1)),
        np.abs(np.linalg.eigvals(recurrent)).max(-1),
        np.linalg.norm(encoder, 2, axis=(-2, -1)),
    )


def bound_gradients(trace: GradientTrace, network: Any) -> dict[str, np.ndarray]:
    """Work out every form of the bound without waves.

    Each step back multiplies the gradient's length by at most the largest slope of the activation, which is at most one,
    and by at most mu; the encoder adds a last factor.

    Args:
        trace: of the network, see :func:`twm.gradients.measure_gradients`.
        network: the same network or matrices.

    Returns:
        by the names of :data:`BOUNDS`, (..., time, batch): bounds on ``trace.input_norms``. ``before`` and ``printed`` need
        a step between input and cost; where there is none they are infinite.

    Raises:
        UserError: as :func:`measure_constants`.

    Source: twm Eq. (13)-(16), with |dC/dh(s+1)| in place of |dC/dh(s)|.
    """
    constants, norms = measure_constants(network), trace.state_norms
    time = trace.by_input.shape[-3]
    distances = trace.distances[:, None]
    norm, encoder = constants.norm[..., None, None], constants.encoder_norm[..., None, None]
    last, before = norms[..., -1:, :], norms[..., -2:-1, :]
    # The slopes passed on the way are those from the input's own step up to the cost's.
    passed = np.cumprod(trace.slopes.max(-1)[..., ::-1, :], axis=-2)[..., ::-1, :][..., :time, :]
    corrected = last * norm**distances * encoder
    apart = distances > 0
    return {
        "corrected": corrected,
        "measured": corrected * passed,
        "before": np.where(apart, before * norm ** np.maximum(distances - 1, 0) * encoder, np.inf),
        "printed": np.where(apart, before * norm**distances * encoder, np.inf),
    }


def fit_columns(states: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Find the columns Psi_1 to Psi_s in which a network holds its inputs at the end of the input phase.

    They make h(s) = sum_k Psi_k x(k) + epsilon with the least mean square of epsilon. In a network that carries the wave
    exactly, epsilon is zero and they are the basis.

    Args:
        states: h(s), (batch, hidden).
        inputs: x(1) to x(s), (time, batch, dim), of sequences that are at least as many as time*dim.

    Returns:
        (time, hidden, dim).

    Raises:
        UserError: if hidden is below time*dim, so that the columns could not be independent, if there are too few
            sequences, or their inputs are dependent.

    Source: twm Sec. 4.3, before Eq. (17).
    """
    states, inputs = np.asarray(states, dtype=float), np.asarray(inputs, dtype=float)
    fits = states.ndim == 2 and inputs.ndim == 3 and states.shape[0] == inputs.shape[1]
    require(fits, f"states (batch, hidden) and inputs (time, batch, dim) do not fit: {states.shape} and {inputs.shape}")
    time, batch, dim = inputs.shape
    hidden, size = states.shape[1], time * dim
    require(
        hidden >= size, f"hidden must be at least history*dim = {size}, not {hidden}: the columns would be dependent"
    )
    require(batch >= size, f"{size} components need at least as many sequences, not {batch}")
    rows = inputs.transpose(1, 0, 2).reshape(batch, size)
    found, _, rank, _ = np.linalg.lstsq(rows, states, rcond=None)
    require(rank == size, f"the inputs of the {batch} sequences are dependent: {rank} of {size} components differ")
    return found.reshape(time, dim, hidden).swapaxes(1, 2)


def bound_wave_gradients(
    trace: GradientTrace, network: Any, columns: np.ndarray, jacobians: np.ndarray
) -> dict[str, np.ndarray]:
    """Work out the bound with waves, with each of its three constants.

    The bound is |dC/dh(s+1)| mu (constant + |d epsilon/dx(k)|), where epsilon is all of h(s) that is not the wave. No power
    of mu is left, but whatever is wrong with the wave is in the last term, which is measured here and not assumed.

    Args:
        trace: of the cost one step after the last input.
        network: the same network or matrices.
        columns: Psi_1 to Psi_s, (..., time, hidden, dim).
        jacobians: dh(s)/dx(k), (..., time, batch, hidden, dim), see :func:`twm.gradients.measure_jacobians`.

    Returns:
        by the names of :data:`WAVE_CONSTANTS`, (..., time, batch): bounds on ``trace.input_norms``; and as ``epsilon`` the
        measured |d epsilon/dx(k)|, as ``wave`` the constant |Psi_k|, (..., time, 1). Only ``printed`` can be broken.

    Raises:
        UserError: if the cost is not one step after the last input, or the shapes do not fit.

    Source: twm Eq. (17)-(19), with the matrix Psi_1 in place of the sum of its columns.
    """
    time = trace.by_input.shape[-3]
    require(trace.step == time + 1, f"the cost must be one step after the last input, at {time + 1}, not {trace.step}")
    columns, jacobians = np.asarray(columns, dtype=float), np.asarray(jacobians, dtype=float)
    expected = (*jacobians.shape[:-3], *jacobians.shape[-2:])
    fits = columns.shape == expected and jacobians.shape[:-2] == trace.input_norms.shape
    require(fits, f"columns must be of shape {expected} (jacobians without batch), not {columns.shape}")
    norm, dim = measure_constants(network).norm[..., None, None], columns.shape[-1]
    epsilon = np.linalg.norm(jacobians - columns[..., None, :, :], 2, axis=(-2, -1))
    scale = trace.state_norms[..., -1:, :] * norm
    wave = np.linalg.norm(columns, 2, axis=(-2, -1))[..., None]
    length = np.linalg.norm(columns, "fro", axis=(-2, -1))[..., None]
    return {
        "operator": scale * (wave + epsilon),
        "frobenius": scale * (length + epsilon),
        "printed": scale * (dim + epsilon),
        "epsilon": epsilon,
        "wave": wave,
    }


def measure_wave_gradients(
    network: Any, inputs: Any, targets: Any, columns: np.ndarray
) -> tuple[GradientTrace, dict[str, np.ndarray]]:
    """Measure gradients at the first step of the output phase together with the bound with waves.

    Args:
        network: a :class:`twm.networks.ElmanRNN`, or the three matrices of one network with a tanh.
        inputs: x(1) to x(s), (time, batch, dim).
        targets: (batch, dim), for y(s+1).
        columns: Psi_1 to Psi_s, (time, hidden, dim), see :func:`fit_columns`.

    Returns:
        the gradients, and what :func:`bound_wave_gradients` returns for them.

    Raises:
        UserError: as the functions that it calls.
    """
    trace = measure_gradients(network, inputs, targets)
    time, hidden = trace.by_input.shape[0], trace.by_state.shape[-1]
    jacobians = measure_jacobians(network, inputs, step=time, readout=np.eye(hidden))
    return trace, bound_wave_gradients(trace, network, columns, jacobians)


def _find_matrices(network: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    matrices = network.get_matrices() if isinstance(network, ElmanRNN) else network
    return tuple(matrix.detach().double().cpu().numpy() for matrix in as_weights(matrices))
