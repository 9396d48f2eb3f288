"""Is a fast path right on this machine? And the choice of a path, with the plain one to fall back on."""

import warnings
from typing import Any

import torch
from torch import Tensor

from twm.errors import require
from twm.models.fast.elman import AugmentedKernel
from twm.models.fast.graph import BatchedKernel
from twm.models.kernels import BETA_FIRST, CLIP_EPSILON, Kernel, ReferenceKernel, compute_reference_gradient
from twm.models.weights import Weights, as_weights
from twm.streams import binary_inputs

#: Largest relative error of a float32 gradient that a path may have.
TOLERANCE = 1e-5

KERNELS: dict[str, type[Kernel]] = {kernel.name: kernel for kernel in (ReferenceKernel, AugmentedKernel, BatchedKernel)}


def draw_check_batch(kernel: Kernel, seed: int) -> tuple[Tensor, Tensor, Any]:
    """Draw inputs, targets and horizons of the right shapes for a kernel: random signs, and different horizons.

    Args:
        kernel: any.
        seed: of the draw.

    Returns:
        inputs, targets and horizon as :meth:`Kernel.step` takes them, on the kernel's device.

    Raises:
        UserError: if the seed is negative.
    """
    models = 1 if kernel.models is None else kernel.models
    shapes = ((kernel.history, kernel.batch, kernel.dim), (kernel.horizon_max, kernel.batch, kernel.dim))
    inputs, targets = (
        binary_inputs(f"kernel check/{part}", seed, 0, models, shape, device=kernel.device)
        for part, shape in zip(("inputs", "targets"), shapes)
    )
    if kernel.models is None:
        return inputs[0], targets[0], kernel.horizon_max
    # From the longest downwards, so that the mask is checked together with the rest.
    horizons = kernel.horizon_max - torch.arange(models) % kernel.horizon_max
    return inputs, targets, horizons.to(kernel.device)


def check_kernel(kernel: Kernel, seed: int, most_models: int = 4) -> float:
    """Measure a path's error against autograd in float64, through the step that training takes.

    Adam's first moment, started at zero, holds a tenth of the clipped gradient with weight decay. So one real
    iteration (the captured graph, where there is one) tells that gradient, and float64 says what it should be. The
    kernel's state is put back.

    Args:
        kernel: any, with the weights it is to train.
        seed: seed of the random batch.
        most_models: of an ensemble, how many models are compared, spread evenly.

    Returns:
        the largest error of a matrix of a model, relative to the largest norm among that model's three; NaN if the
        kernel returned any.

    Raises:
        UserError: if the seed is negative.
    """
    inputs, targets, horizon = draw_check_batch(kernel, seed)
    state = kernel.state_dict()
    fresh = {key: torch.zeros_like(value) if "." in key else value for key, value in state.items()}
    fresh["iteration"] = torch.zeros_like(state["iteration"])
    try:
        kernel.load_state(fresh)
        kernel.step(inputs, targets, horizon)
        after = kernel.state_dict()
    finally:
        kernel.load_state(state)
    found = Weights(*(after[f"{name}.first"].double() / (1 - BETA_FIRST) for name in Weights._fields))
    weights = Weights(*(state[name].double() for name in Weights._fields))
    if kernel.models is None:
        return _compare(found, _expect(weights, inputs, targets, horizon, float(kernel.l2), kernel.clip))
    worst = torch.tensor(0.0, dtype=torch.float64)
    for place in range(0, kernel.models, -(-kernel.models // max(1, most_models))):
        one, batch = (
            Weights(*(matrix[place] for matrix in weights)),
            (inputs[place], targets[place], int(horizon[place])),
        )
        expected = _expect(one, *batch, float(kernel.l2[place]), kernel.clip)
        error = _compare(Weights(*(matrix[place] for matrix in found)), expected)
        # torch's maximum, unlike Python's, lets a NaN through.
        worst = torch.maximum(worst, torch.tensor(error, dtype=torch.float64))
    return float(worst)


def _expect(weights: Weights, inputs: Tensor, targets: Tensor, horizon: int, l2: float, clip: float) -> Weights:
    gradient = compute_reference_gradient(weights, inputs, targets, horizon)
    norm = torch.sqrt(sum(matrix.square().sum() for matrix in gradient))
    factor = (clip / (norm + CLIP_EPSILON)).clamp(max=1.0)
    return Weights(*(slope * factor + l2 * matrix for slope, matrix in zip(gradient, weights)))


def _compare(found: Weights, expected: Weights) -> float:
    scale = max(float(matrix.norm()) for matrix in expected)
    errors = torch.stack([(a - b).norm() for a, b in zip(found, expected)])
    return float(errors.max() / (scale or 1.0))


def make_kernel(
    weights: Any,
    history: int,
    batch: int,
    horizon_max: int,
    path: str | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    **options: Any,
) -> Kernel:
    """Make the fast path for these weights, check it on this machine, and fall back to the plain one if it fails.

    Args:
        weights, history, batch, horizon_max: see :class:`twm.models.kernels.Kernel`.
        path: a name in :data:`KERNELS`; if not given, ``augmented`` for one network on the CPU, else ``batched``.
        seed: seed of the check.
        tolerance: largest error accepted, see :func:`check_kernel`.
        options: learning_rate, l2, clip, dtype, device, as for :class:`twm.models.kernels.Kernel`.

    Returns:
        the kernel. Where it falls back it warns, once, and says why.

    Raises:
        UserError: if the path is unknown, or an argument does not fit it.
    """
    weights = as_weights(weights)
    on_cpu = torch.device(options.get("device", "cpu")).type == "cpu"
    if path is None:
        path = "augmented" if weights.recurrent.ndim == 2 and on_cpu else "batched"
    require(path in KERNELS, f"unknown path {path!r}: choose from {', '.join(KERNELS)}")
    kernel = KERNELS[path](weights, history, batch, horizon_max, **options)
    if path == ReferenceKernel.name:
        return kernel
    try:
        error = check_kernel(kernel, seed)
        reason = f"its gradient differs from float64 autograd by {error:.1e}, relative; {tolerance:.0e} is allowed"
        if error <= tolerance:
            return kernel
    except RuntimeError as failure:
        reason = f"it failed: {str(failure).splitlines()[0]}"
    message = f"the {path} path is not used on this machine: {reason}. Training goes on with torch autograd, slower"
    warnings.warn(message, stacklevel=2)
    return ReferenceKernel(weights, history, batch, horizon_max, **options)
