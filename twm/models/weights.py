"""The three matrices that a kernel trains, and how they are drawn."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from twm.errors import require, require_count
from twm.theory.operators import make_cycle, make_wave_operator

#: Ways to draw initial weights. The encoder and the readout are uniform in all but ``gaussian``.
INITIALISATIONS = ("uniform", "gaussian", "orthogonal", "identity")
#: Ways to start the recurrent matrix at a wave, which need to know the size of the task's substrate.
WAVE_INITIALISATIONS = ("wave", "wave-embedded", "wave-noisy", "wave-task")


class Weights(NamedTuple):
    """The matrices of h(t) = tanh(W_hh h(t-1) + W_uh u(t)), y(t) = W_r h(t), acting on columns.

    This is the one layout in which weights enter and leave a kernel, and that of
    ``twm.models.elman.ElmanRNN``: ``Weights(*network.get_matrices())`` goes one way and
    ``network.set_matrices(*kernel.weights())`` the other. An ensemble's tensors have a leading ``models`` axis.

    Attributes:
        recurrent: W_hh, (..., hidden, hidden).
        encoder: W_uh, (..., hidden, dim).
        readout: W_r, (..., dim, hidden).

    Source: twm Eq. (9).
    """

    recurrent: Tensor
    encoder: Tensor
    readout: Tensor


def as_weights(weights: Any) -> Weights:
    """Return three matrices as tensors, in the order recurrent, encoder, readout, dtype kept.

    Args:
        weights: :class:`Weights`, or any three arrays or tensors in that order.

    Raises:
        UserError: if there are not three, or their shapes do not belong to one network or one ensemble.
    """
    matrices = tuple(torch.as_tensor(matrix) for matrix in weights)
    require(len(matrices) == 3, f"weights are three matrices (recurrent, encoder, readout), not {len(matrices)}")
    recurrent, encoder, readout = matrices
    shapes = ", ".join(str(tuple(matrix.shape)) for matrix in matrices)
    fits = recurrent.ndim in (2, 3) and encoder.ndim == readout.ndim == recurrent.ndim
    if fits:
        models, hidden, dim = tuple(recurrent.shape[:-2]), recurrent.shape[-1], encoder.shape[-1]
        expected = [(*models, hidden, hidden), (*models, hidden, dim), (*models, dim, hidden)]
        fits = expected == [tuple(matrix.shape) for matrix in matrices] and 0 not in (*models, hidden, dim)
    require(fits, f"weights must be (..., hidden, hidden), (..., hidden, dim), (..., dim, hidden), not {shapes}")
    return Weights(*matrices)


def stack_weights(networks: Any) -> Weights:
    """Stack the weights of several networks of one size into those of an ensemble.

    Args:
        networks: a sequence of :class:`Weights` without a models axis.

    Returns:
        the ensemble's, with a leading ``models`` axis.

    Raises:
        UserError: if there is none, or their sizes differ.
    """
    networks = [as_weights(weights) for weights in networks]
    require(len(networks) > 0, "an ensemble needs at least one network")
    sizes = {tuple(weights.encoder.shape) for weights in networks}
    single = len(sizes) == 1 and networks[0].encoder.ndim == 2
    require(single, f"the networks of an ensemble must be single ones of one (hidden, dim), not {sorted(sizes)}")
    return Weights(*(torch.stack(matrices) for matrices in zip(*networks)))


def draw_weights(
    dim: int,
    hidden: int,
    initial: str = "uniform",
    seed: int | torch.Generator = 0,
    history: int | None = None,
    boundary: np.ndarray | None = None,
) -> Weights:
    """Draw the initial weights of one network, on the CPU and in float32.

    A network's weights are a function of its own seed, so it comes out the same alone or in a sweep, on any device.

    All but ``gaussian`` change the recurrent matrix only: encoder and readout of a seed are the same uniform draws, so
    that what two starts differ by is the recurrent matrix. A wave start gets no encoder that writes to its newest column
    and no readout that reads it; training has to find both.

    ``wave``, ``wave-embedded`` and ``wave-noisy`` start at the closed wave of repeat copy, Eq. (31), whatever the task:
    the one wave matrix that keeps all that enters it and needs no more than the task's history and dim. Who knows the
    boundary too can take ``wave-task``.

    Args:
        dim: dimension of inputs and outputs.
        hidden: number of hidden neurons.
        initial: ``uniform`` in +-1/sqrt(hidden), PyTorch's default; ``gaussian`` with variance 1/hidden; ``orthogonal``
            or ``identity``, where the recurrent matrix is a random orthogonal one or the identity; ``wave``, the closed
            wave on the first history*dim neurons and zero on the others; ``wave-embedded``, the same in a random
            orthonormal basis; ``wave-noisy``, that on top of the default draw of the same seed; ``wave-task``, the wave
            operator of the boundary in that random basis.
        seed: seed, or a CPU generator, which is advanced.
        history: number of columns of the wave; only for the wave starts.
        boundary: F, (dim, history*dim); only for ``wave-task``.

    Returns:
        the weights of one network.

    Raises:
        UserError: if a count is below 1 or the name is unknown, or the generator is not on the CPU; for a wave start, if
            history or boundary is missing, or hidden is below history*dim.

    Source: twm B.2 (uniform), B.4 (gaussian), Eq. (6) and (31) (wave); the other two are additions.
    """
    dim, hidden = require_count(dim, "dim"), require_count(hidden, "hidden")
    check_initial(initial, dim, hidden, history)
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(int(seed))
    require(generator.device.type == "cpu", "initial weights are drawn on the CPU: give a CPU generator")

    # The recurrent matrix is drawn even where it is then replaced, so that encoder and readout of one seed do not
    # depend on which of the uniform schemes is used.
    shapes = ((hidden, dim), (hidden, hidden), (dim, hidden))
    encoder, recurrent, readout = (draw_matrix(shape, hidden, initial, generator) for shape in shapes)
    if initial == "orthogonal":
        recurrent = _draw_orthogonal(hidden, generator)
    elif initial == "identity":
        recurrent = torch.eye(hidden)
    elif initial in WAVE_INITIALISATIONS:
        recurrent = _draw_wave(initial, recurrent, _find_wave(initial, dim, history, boundary), generator)
    return Weights(recurrent, encoder, readout)


def check_initial(initial: str, dim: int, hidden: int, history: int | None) -> None:
    """Check that a start is known and fits into the hidden neurons.

    Args:
        initial: as for :func:`draw_weights`.
        dim: dimension of inputs and outputs.
        hidden: number of hidden neurons.
        history: number of columns of the wave, or ``None``.

    Raises:
        UserError: if the name is unknown, or a wave start has no history or too few neurons.
    """
    known = (*INITIALISATIONS, *WAVE_INITIALISATIONS)
    require(initial in known, f"initial must be one of {', '.join(known)}, not {initial!r}")
    if initial in WAVE_INITIALISATIONS:
        require(history is not None, f"initial {initial!r} needs the history of the task: the number of columns")
        size = require_count(history, "history") * dim
        require(
            hidden >= size,
            f"initial {initial!r} needs hidden of at least history*dim = {size}, not {hidden}: a wave has as many columns as "
            "the history is long",
        )


def draw_matrix(shape: tuple[int, ...], hidden: int, initial: str, generator: torch.Generator) -> Tensor:
    """Draw numbers with the spread that suits ``hidden`` neurons.

    Args:
        shape: of the result.
        hidden: number of hidden neurons.
        initial: ``gaussian`` with variance 1/hidden; uniform in +-1/sqrt(hidden) for every other scheme.
        generator: on the CPU.

    Returns:
        float32 tensor.
    """
    if initial == "gaussian":
        numbers = torch.randn(shape, generator=generator, dtype=torch.float32)
    else:
        numbers = torch.rand(shape, generator=generator, dtype=torch.float32) * 2 - 1
    return numbers * hidden**-0.5


def _draw_orthogonal(size: int, generator: torch.Generator, dtype: torch.dtype = torch.float32) -> Tensor:
    frame, upper = torch.linalg.qr(torch.randn((size, size), generator=generator, dtype=torch.float64))
    # Without the signs the draw would not be uniform over orthogonal matrices.
    return (frame * upper.diagonal().sign()).to(dtype)


def _find_wave(initial: str, dim: int, history: int, boundary: np.ndarray | None) -> np.ndarray:
    """Return the wave operator in substrate coordinates."""
    if initial != "wave-task":
        return make_cycle(history, dim)
    require(boundary is not None, "initial 'wave-task' needs the boundary matrix of the task: it is linear or has none")
    matrix, expected = np.asarray(boundary, dtype=float), (dim, history * dim)
    require(matrix.shape == expected, f"the boundary must be of shape {expected}, not {matrix.shape}")
    return make_wave_operator(matrix)


def _draw_wave(initial: str, drawn: Tensor, wave: np.ndarray, generator: torch.Generator) -> Tensor:
    hidden, size = len(drawn), len(wave)
    wave_operator = torch.from_numpy(wave).to(torch.float64)
    if initial == "wave":
        recurrent = torch.zeros(hidden, hidden)
        recurrent[:size, :size] = wave_operator
        return recurrent
    frame = _draw_orthogonal(hidden, generator, torch.float64)[:, :size]
    embedded = (frame @ wave_operator @ frame.T).to(torch.float32)
    return embedded + drawn if initial == "wave-noisy" else embedded
