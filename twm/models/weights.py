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
    """The matrices of h(t) = tanh(W_hh h(t-1) + W_uh u(t)), y(t) = W_r h(t), acting on columns. Source: twm Eq. (9)."""

    recurrent: Tensor  # W_hh, (..., hidden, hidden)
    encoder: Tensor  # W_uh, (..., hidden, dim)
    readout: Tensor  # W_r, (..., dim, hidden)


def as_weights(weights: Any) -> Weights:
    """Return any three arrays or tensors, in the order of :class:`Weights`, as tensors of the same dtype."""
    matrices = tuple(torch.as_tensor(matrix) for matrix in weights)
    require(len(matrices) == 3, f"weights are three matrices (recurrent, encoder, readout), not {len(matrices)}")
    shapes = [tuple(matrix.shape) for matrix in matrices]
    *models, hidden, dim = shapes[1] if len(shapes[1]) in (2, 3) else (0, 0)
    expected = [(*models, hidden, hidden), (*models, hidden, dim), (*models, dim, hidden)]
    fits = shapes == expected and 0 not in (*models, hidden, dim)
    told = ", ".join(map(str, shapes))
    require(fits, f"weights must be (..., hidden, hidden), (..., hidden, dim), (..., dim, hidden), not {told}")
    return Weights(*matrices)


def stack_weights(networks: Any) -> Weights:
    """Stack the weights of single networks of one size into those of an ensemble, models first."""
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
    """Draw the initial weights of one network, on the CPU and in float32: the same alone or in a sweep, on any device.

    ``uniform`` in +-1/sqrt(hidden); ``gaussian`` with variance 1/hidden. All others change the recurrent matrix only:
    ``orthogonal``, ``identity``; ``wave``, the closed wave of repeat copy on the first history*dim neurons;
    ``wave-embedded``, the same in a random orthonormal basis; ``wave-noisy``, that on top of the uniform draw;
    ``wave-task``, the wave operator of ``boundary`` (dim, history*dim) in that basis. A generator is advanced.
    Source: twm B.2 (uniform), B.4 (gaussian), Eq. (6) and (31) (wave); the others are additions.
    """
    dim, hidden = require_count(dim, "dim"), require_count(hidden, "hidden")
    check_initial(initial, dim, hidden, history)
    if initial == "wave-task":
        told = "initial 'wave-task' needs the boundary matrix of the task: it is linear or has none"
        require(boundary is not None, told)
        shape, expected = np.shape(boundary), (dim, history * dim)
        require(shape == expected, f"the boundary must be of shape {expected}, not {shape}")
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(int(seed))
    require(generator.device.type == "cpu", "initial weights are drawn on the CPU: give a CPU generator")

    # The recurrent matrix is drawn even where it is then replaced, so that encoder and readout of one seed do not
    # depend on which of the uniform schemes is used.
    shapes = ((hidden, dim), (hidden, hidden), (dim, hidden))
    encoder, recurrent, readout = (draw_matrix(shape, hidden, initial, generator) for shape in shapes)
    if initial == "orthogonal":
        recurrent = _draw_orthogonal(hidden, generator).to(torch.float32)
    elif initial == "identity":
        recurrent = torch.eye(hidden)
    elif initial in WAVE_INITIALISATIONS:
        wave = make_cycle(history, dim) if initial != "wave-task" else make_wave_operator(np.asarray(boundary, float))
        recurrent = _draw_wave(initial, recurrent, torch.from_numpy(wave).double(), generator)
    return Weights(recurrent, encoder, readout)


def check_initial(initial: str, dim: int, hidden: int, history: int | None) -> None:
    """Check that a start is known and that its wave, if it has one, fits into the hidden neurons."""
    known = (*INITIALISATIONS, *WAVE_INITIALISATIONS)
    require(initial in known, f"initial must be one of {', '.join(known)}, not {initial!r}")
    if initial in WAVE_INITIALISATIONS:
        require(history is not None, f"initial {initial!r} needs the history of the task: the number of columns")
        least = f"initial {initial!r} needs hidden of at least history*dim = {require_count(history, 'history') * dim}"
        reason = "a wave has as many columns as the history is long"
        require(hidden >= history * dim, f"{least}, not {hidden}: {reason}")


def draw_matrix(shape: tuple[int, ...], hidden: int, initial: str, generator: torch.Generator) -> Tensor:
    """Draw float32 numbers with the spread that suits ``hidden`` neurons: uniform in all schemes but ``gaussian``."""
    draw = torch.randn if initial == "gaussian" else torch.rand
    numbers = draw(shape, generator=generator, dtype=torch.float32)
    return (numbers if initial == "gaussian" else numbers * 2 - 1) * hidden**-0.5


def _draw_orthogonal(size: int, generator: torch.Generator) -> Tensor:
    frame, upper = torch.linalg.qr(torch.randn((size, size), generator=generator, dtype=torch.float64))
    # Without the signs the draw would not be uniform over orthogonal matrices.
    return frame * upper.diagonal().sign()


def _draw_wave(initial: str, drawn: Tensor, wave: Tensor, generator: torch.Generator) -> Tensor:
    rest = len(drawn) - len(wave)
    if initial == "wave":
        return torch.block_diag(wave, torch.zeros(rest, rest)).to(torch.float32)
    frame = _draw_orthogonal(len(drawn), generator)[:, : len(wave)]
    embedded = (frame @ wave @ frame.T).to(torch.float32)
    return embedded + drawn if initial == "wave-noisy" else embedded
