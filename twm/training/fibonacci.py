"""Training a bounded network on the Fibonacci series: the experiment behind a remark of the paper, and the bound.

Outputs of an Elman network with tanh are bounded by the sum of the readout's magnitudes, whereas the series grows. There is
therefore a last step at which the network can be correct. The task is made as easy as possible: the series is divided by
its growth over the trained horizon, and the loss is relative, so that early terms count as much as late ones.

A second obstacle lies within the trained range. In a nearly linear network, the first initial value x1 contributes the golden
ratio times as much to the growing mode as the second, x2, because W_hh has multiplied it once more; the series needs the
reverse. Corrected inputs, less the network's own contribution, have no such limit (claim ``ours.input``)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from twm.errors import require, require_count
from twm.models.kernels import Weights, draw_weights, run_network, stack_weights
from twm.theory.systems import make_fibonacci, rollout
from twm.training.loop import quiet_process
from twm.training.trainer import make_adam, set_rate

#: The series' asymptotic growth factor per step.
GOLDEN_RATIO = (1 + 5**0.5) / 2
_READOUT_GAIN = 8.0  # factor on the initial readout
_TRAINED, _BATCH, _RATE = 10, 64, 1e-2  # output steps in training, sequences, initial learning rate


@dataclass(frozen=True, eq=False)
class FibonacciRun:
    """Networks trained on the generalised Fibonacci series."""

    weights: Weights  # with a leading models axis, float64
    trained: int  # output steps in training
    iterations: int  # batches
    losses: np.ndarray  # (points, models) mean squared relative error in training, at evenly spaced iterations
    scale: float  # divisor of the series
    corrected: bool  # whether the inputs were corrected


def train_on_fibonacci(
    seeds: Sequence[int], hidden: int = 32, iterations: int = 3000, corrected: bool = False
) -> FibonacciRun:
    """Train one Elman network per seed on relative errors over the first ten output steps, side by side: they share no
    weights, so the gradient of their summed losses is that of each. Source: twm Sec. 4, experimental setup.

    Adam's learning rate falls linearly towards zero. If ``corrected``, the network's own contribution is subtracted from
    the second input."""
    require(len(seeds) > 0, "give at least one seed")
    for name, count in {"hidden": hidden, "iterations": iterations}.items():
        require_count(count, name)
    scale, losses, every = GOLDEN_RATIO**_TRAINED, [], max(1, iterations // 50)
    drawn = stack_weights([draw_weights(1, hidden, "orthogonal", seed) for seed in seeds])
    # A large readout keeps neurons in the nearly linear range of tanh, which training reaches slowly from the usual readout.
    drawn = drawn._replace(readout=drawn.readout * _READOUT_GAIN)
    weights = Weights(*(matrix.double().requires_grad_() for matrix in drawn))
    adam = make_adam(weights, _RATE, fused=False)
    with quiet_process():
        for iteration in range(1, iterations + 1):
            data = draw_series(seeds, iteration, _BATCH, 1, _TRAINED, scale)
            loss = _find_errors(weights, *data, corrected).square().mean((1, 2, 3))
            adam.zero_grad()
            loss.sum().backward()
            set_rate(adam, _RATE * (1 - (iteration - 1) / iterations))
            adam.step()
            if iteration % every == 0 or iteration == iterations:
                losses.append(loss.tolist())
    weights = Weights(*(matrix.detach() for matrix in weights))
    return FibonacciRun(weights, _TRAINED, iterations, np.array(losses), scale, corrected)


def draw_series(
    seeds: Sequence[int], iteration: int, count: int, dim: int, steps: int, scale: float
) -> tuple[Tensor, Tensor]:
    """Draw initial values (models, 2, count, dim) and the next terms (models, steps, count, dim), float64, divided by scale."""
    # No term is near zero, so a relative error is meaningful.
    starts = [np.random.default_rng([seed, iteration]).uniform(0.5, 1.0, (count, 2, dim)) for seed in seeds]
    series = torch.as_tensor(rollout(make_fibonacci(2, dim), np.stack(starts) / scale, steps)).transpose(1, 2)
    return series[:, :2], series[:, 2:]


def _find_errors(weights: Weights, inputs: Tensor, targets: Tensor, corrected: bool) -> Tensor:
    """Run networks on initial values, and return the relative errors of their outputs, (models, steps, count, dim)."""
    if corrected:
        # One step before the substrate is full, the boundary adds the first initial value to the second input.
        inputs = torch.stack([inputs[:, 0], inputs[:, 1] - inputs[:, 0]], dim=1)
    return (run_network(weights, inputs, targets.shape[1]) - targets) / targets


def measure_relative_errors(run: FibonacciRun, steps: int, count: int = 256, seed: int = 10_000) -> np.ndarray:
    """Return the root mean square relative error of the outputs over held-out sequences, (models, steps)."""
    sizes = require_count(count, "count"), run.weights.encoder.shape[-1], require_count(steps, "steps")
    data = draw_series([seed] * len(run.weights.recurrent), 0, *sizes, run.scale)
    return _find_errors(run.weights, *data, run.corrected).square().mean((2, 3)).sqrt().numpy()


def find_last_possible(run: FibonacciRun, tolerance: float, steps: int = 1000) -> np.ndarray:
    """Return each network's last output step on which it could be within ``tolerance``, (models,), 0 if there is none.

    After it, even the smallest series (both initial values 0.5) is too far above the row sum of the readout's magnitudes."""
    require(0 < tolerance < 1, f"tolerance must be between 0 and 1, not {tolerance!r}")
    reach = run.weights.readout.abs().sum(-1).amax(-1).numpy()
    series = rollout(make_fibonacci(2, 1), np.full((2, 1), 0.5), steps)[2:, 0] / run.scale
    beyond = bool(series[-1] * (1 - tolerance) > reach.max())
    require(beyond, f"no step within {steps} is out of reach: increase the number of steps")
    return (series[None] * (1 - tolerance) <= reach[:, None]).sum(1)


def predict_raw_error(nodes: int = 64) -> float:
    """Return the least root mean square relative error, over late terms, of a linear network with uncorrected inputs.

    Its terms are c (g x1 + x2) with the golden ratio g, those of the series x1 + g x2, up to a common factor. For the ratio r
    of the two, the best c leaves a mean square of 1 - E[r]^2 / E[r^2], computed by Gauss-Legendre quadrature."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    starts = 0.75 + 0.25 * places
    first, second = np.meshgrid(starts, starts, indexing="ij")
    ratio = (GOLDEN_RATIO * first + second) / (first + GOLDEN_RATIO * second)
    mean = np.outer(weights, weights) / 4
    return float(np.sqrt(1 - (mean * ratio).sum() ** 2 / (mean * ratio**2).sum()))
