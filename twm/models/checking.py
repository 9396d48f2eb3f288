"""Is a fast path right on this machine? And the choice of a path, with the plain one to fall back on."""

import warnings
from typing import Any

import torch
from torch import Tensor

from twm.errors import require
from twm.models.fast.elman import AugmentedKernel, BatchedKernel
from twm.models.kernels import BETA_FIRST, CLIP_EPSILON, Kernel, ReferenceKernel, run_network
from twm.models.weights import Weights, as_weights
from twm.streams import binary_inputs

#: Largest relative error of a float32 gradient that a path may have.
TOLERANCE = 1e-5

_KERNELS = {kernel.name: kernel for kernel in (ReferenceKernel, AugmentedKernel, BatchedKernel)}


def draw_check_batch(kernel: Kernel, seed: int) -> tuple[Tensor, Tensor, Any]:
    """Draw inputs, targets and horizon for a kernel's step: random signs, and different horizons in an ensemble."""
    models = 1 if kernel.models is None else kernel.models
    inputs, targets = (
        binary_inputs(f"kernel check/{part}", seed, 0, models, (steps, kernel.batch, kernel.dim), device=kernel.device)
        for part, steps in (("inputs", kernel.history), ("targets", kernel.horizon_max))
    )
    if kernel.models is None:
        return inputs[0], targets[0], kernel.horizon_max
    # From the longest downwards, so that the mask is checked together with the rest.
    horizons = kernel.horizon_max - torch.arange(models) % kernel.horizon_max
    return inputs, targets, horizons.to(kernel.device)


def measure_gradient(kernel: Kernel, inputs: Tensor, targets: Tensor, horizon: Any) -> Weights:
    """Return a batch's clipped gradient with weight decay, in float64, through the step that training takes."""
    state = kernel.state_dict()
    begun = {key: torch.zeros_like(value) for key, value in state.items() if "." in key or key == "iteration"}
    try:
        kernel.load_state(state | begun)
        kernel.step(inputs, targets, horizon)
        after = kernel.state_dict()
    finally:
        kernel.load_state(state)
    # Adam's first moment, started at zero, holds a tenth of the gradient after one iteration.
    return Weights(*(after[f"{name}.first"].double() / (1 - BETA_FIRST) for name in Weights._fields))


def compute_reference_gradient(weights: Any, inputs: Tensor, targets: Tensor, horizon: int) -> Weights:
    """Compute one network's gradient of the mean squared error with autograd in float64, not clipped."""
    leaves = Weights(*(matrix.detach().double().requires_grad_() for matrix in as_weights(weights)))
    with torch.enable_grad():
        loss = (run_network(leaves, inputs.double(), horizon) - targets[:horizon].double()).square().mean()
        return Weights(*torch.autograd.grad(loss, leaves))


def check_kernel(kernel: Kernel, seed: int) -> float:
    """Measure a path's error against autograd in float64 on a random batch, for at most four models of an ensemble:
    the largest of a matrix, relative to the largest norm among its model's three; NaN if there is any."""
    inputs, targets, horizon = draw_check_batch(kernel, seed)
    found, weights = measure_gradient(kernel, inputs, targets, horizon), kernel.weights()
    places = [()] if kernel.models is None else range(0, kernel.models, -(-kernel.models // 4))
    errors = []
    for place in places:
        steps = int(torch.as_tensor(horizon)[place])
        expected = compute_reference_gradient([m[place] for m in weights], inputs[place], targets[place], steps)
        factor = (kernel.clip / (torch.sqrt(sum(m.square().sum() for m in expected)) + CLIP_EPSILON)).clamp(max=1.0)
        expected = [slope * factor + kernel.l2[place] * m[place].double() for slope, m in zip(expected, weights)]
        scale = max(float(slope.norm()) for slope in expected) or 1.0
        errors += [(own[place] - slope).norm() / scale for own, slope in zip(found, expected)]
    # torch's maximum, unlike Python's, lets a NaN through.
    return float(torch.stack(errors).max())


def make_kernel(
    weights: Any, history: int, batch: int, horizon_max: int, path: str | None = None, seed: int = 0, **options: Any
) -> Kernel:
    """Make the fast path for these weights, check it here, and warn and fall back to the plain one if it fails.

    ``path`` is ``reference``, ``augmented`` or ``batched``; if not given, ``augmented`` for one network on the CPU,
    else ``batched``. ``options`` are those of :class:`~twm.models.kernels.Kernel`.
    """
    weights = as_weights(weights)
    on_cpu = torch.device(options.get("device", "cpu")).type == "cpu"
    if path is None:
        path = "augmented" if weights.recurrent.ndim == 2 and on_cpu else "batched"
    require(path in _KERNELS, f"unknown path {path!r}: choose from {', '.join(_KERNELS)}")
    kernel = _KERNELS[path](weights, history, batch, horizon_max, **options)
    if path == ReferenceKernel.name:
        return kernel
    try:
        error = check_kernel(kernel, seed)
        reason = f"its gradient differs from float64 autograd by {error:.1e}, relative; {TOLERANCE:.0e} is allowed"
        if error <= TOLERANCE:
            return kernel
    except RuntimeError as failure:
        reason = f"it failed: {str(failure).splitlines()[0]}"
    message = f"the {path} path is not used on this machine: {reason}. Training goes on with torch autograd, slower"
    warnings.warn(message, stacklevel=2)
    return ReferenceKernel(weights, history, batch, horizon_max, **options)
