"""Can a bounded network learn Fibonacci? The experiment behind a remark of the paper, with the bound that decides it.

Neurons of an Elman network with tanh lie between -1 and 1, so its outputs lie between plus and minus the sum of the
readout's magnitudes. The series grows by a constant factor a step, so some step is the last on which the network can be
right, whatever it has learnt; :func:`find_last_possible` says which.

The series is given its best chance: it is divided by its growth over the trained horizon, so that targets are of the
size of one, and the loss is relative, so that early terms count as much as late ones.

There is a second obstacle, within the trained range. While a network is nearly linear, an input that enters a step
earlier has been multiplied once more by W_hh. On the growing mode the first start x1 therefore weighs the golden ratio
times as much as the second, x2, where the series needs the reverse: no choice of weights loads the series from raw inputs,
and :func:`predict_raw_error` says how much is lost at least. Corrected inputs, from which is taken what the network itself
will add before it is loaded, have no such limit (see the claim ``ours.input``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from twm.errors import require, require_count
from twm.models.weights import Weights, draw_weights, stack_weights
from twm.theory.systems import make_fibonacci, rollout

#: The factor by which the series grows a step, in the long run.
GOLDEN_RATIO = (1 + 5**0.5) / 2
#: What the initial readout is multiplied by.
READOUT_GAIN = 8.0


@dataclass(frozen=True, eq=False)
class FibonacciRun:
    """Networks trained on the generalised Fibonacci series.

    Attributes:
        weights: with a leading ``models`` axis, float64.
        trained: output steps that were trained.
        iterations: batches used.
        losses: (points, models) mean squared relative error in training, evenly spaced points.
        scale: what the series was divided by.
        corrected: whether the inputs were corrected.
    """

    weights: Weights
    trained: int
    iterations: int
    losses: np.ndarray
    scale: float
    corrected: bool


def draw_series(
    seeds: Sequence[int], iteration: int, count: int, dim: int, steps: int, scale: float
) -> tuple[Tensor, Tensor]:
    """Draw starts of positive numbers and continue them.

    Both starts are uniform between 0.5 and 1, so that no term is near zero and a relative error is meaningful.

    Args:
        seeds: one a model.
        iteration: which batch.
        count: sequences.
        dim: dimension of a state.
        steps: output steps.
        scale: what all is divided by.

    Returns:
        inputs (models, 2, count, dim) and targets (models, steps, count, dim), float64.
    """
    starts = [np.random.default_rng([seed, iteration]).uniform(0.5, 1.0, (count, 2, dim)) for seed in seeds]
    series = torch.as_tensor(rollout(make_fibonacci(2, dim), np.stack(starts) / scale, steps)).transpose(1, 2)
    return series[:, :2], series[:, 2:]


def train_on_fibonacci(
    seeds: Sequence[int],
    hidden: int = 32,
    dim: int = 1,
    trained: int = 10,
    iterations: int = 3000,
    batch: int = 64,
    learning_rate: float = 1e-2,
    corrected: bool = False,
) -> FibonacciRun:
    """Train one Elman network a seed, side by side, on relative errors over the first steps.

    Args:
        seeds: of initial weights and data.
        hidden: neurons.
        dim: dimension of a state.
        trained: output steps.
        iterations: batches; the learning rate falls linearly to zero over them.
        batch: sequences a batch.
        learning_rate: Adam's first step.
        corrected: whether the second input is lessened by what the series would add to it in the network by itself.

    Returns:
        the networks.

    Raises:
        UserError: if a count is below one or there is no seed.

    Source: twm Sec. 4, experimental setup.
    """
    for name, value in (
        ("hidden", hidden),
        ("dim", dim),
        ("trained", trained),
        ("iterations", iterations),
        ("batch", batch),
    ):
        require_count(value, name)
    require(len(seeds) > 0, "give at least one seed")
    scale = GOLDEN_RATIO**trained
    drawn = stack_weights([draw_weights(dim, hidden, "orthogonal", seed) for seed in seeds])
    # A large readout lets the neurons stay where tanh is nearly linear; from the usual one training only slowly gets there.
    drawn = drawn._replace(readout=drawn.readout * READOUT_GAIN)
    weights = Weights(*(matrix.double().requires_grad_() for matrix in drawn))
    optimiser = torch.optim.Adam(weights, learning_rate)
    every, losses = max(1, iterations // 50), []
    for iteration in range(1, iterations + 1):
        inputs, targets = draw_series(seeds, iteration, batch, dim, trained, scale)
        outputs = torch.stack(list(_run(weights, _correct(inputs, corrected), trained)), dim=1)
        loss = ((outputs - targets) / targets).square().mean((1, 2, 3))
        optimiser.zero_grad()
        # The models share nothing, so the gradient of the sum is that of each.
        loss.sum().backward()
        optimiser.param_groups[0]["lr"] = learning_rate * (1 - (iteration - 1) / iterations)
        optimiser.step()
        if iteration % every == 0:
            losses.append(loss.detach().numpy())
    return FibonacciRun(
        Weights(*(m.detach() for m in weights)), trained, iterations, np.array(losses), scale, corrected
    )


def measure_relative_errors(run: FibonacciRun, steps: int, count: int = 256, seed: int = 10_000) -> np.ndarray:
    """Measure how far the networks' outputs are from the series, as a share of each term.

    Args:
        run: trained networks.
        steps: output steps.
        count: sequences, the same for all models.
        seed: of the sequences; other than those trained on.

    Returns:
        (models, steps) root mean square over sequences and components.

    Raises:
        UserError: if a count is below one.
    """
    models = len(run.weights.recurrent)
    dim = run.weights.encoder.shape[-1]
    count, steps = require_count(count, "count"), require_count(steps, "steps")
    inputs, targets = draw_series([seed] * models, 0, count, dim, steps, run.scale)
    outputs = torch.stack(list(_run(run.weights, _correct(inputs, run.corrected), steps)), dim=1)
    return ((outputs - targets) / targets).square().mean((2, 3)).sqrt().numpy()


def find_last_possible(run: FibonacciRun, tolerance: float, steps: int = 1000) -> np.ndarray:
    """Return for each network the last output step on which it could be right at all.

    No output is larger than the row sum of the readout's magnitudes. The smallest series of :func:`draw_series`, with both
    starts 0.5, exceeds that by more than the tolerance from some step on.

    Args:
        run: trained networks.
        tolerance: relative error that still counts as right.
        steps: how far to look.

    Returns:
        (models,) output steps, counted from 1; 0 if not even the first is possible.

    Raises:
        UserError: if the tolerance is not between 0 and 1, or nothing is out of reach within ``steps``.
    """
    require(0 < tolerance < 1, f"tolerance must be between 0 and 1, not {tolerance!r}")
    reach = run.weights.readout.abs().sum(-1).amax(-1).numpy()
    series = rollout(make_fibonacci(2, 1), np.full((2, 1), 0.5), steps)[2:, 0] / run.scale
    require(
        bool(series[-1] * (1 - tolerance) > reach.max()), f"nothing is out of reach within {steps} steps: look further"
    )
    return (series[None] * (1 - tolerance) <= reach[:, None]).sum(1)


def predict_raw_error(nodes: int = 64) -> float:
    """Return the least relative error of a linear network loaded by raw inputs, root mean square, late in the series.

    The network's late terms are c (g x1 + x2) with the golden ratio g, the series' (x1 + g x2) up to a common factor, with
    both starts uniform between 0.5 and 1. For the quotient r of the two the best c leaves 1 - E[r]^2 / E[r^2]. A second mode
    that neither grows nor fades against the first could improve every other term at the cost of the ones between, so the
    statement is about the mean over neighbouring terms.

    Args:
        nodes: of the Gauss-Legendre rule a start.
    """
    places, weights = np.polynomial.legendre.leggauss(nodes)
    starts = 0.75 + 0.25 * places
    first, second = np.meshgrid(starts, starts, indexing="ij")
    ratio = (GOLDEN_RATIO * first + second) / (first + GOLDEN_RATIO * second)
    mean = np.outer(weights, weights) / 4
    return float(np.sqrt(1 - (mean * ratio).sum() ** 2 / (mean * ratio**2).sum()))


def _correct(inputs: Tensor, corrected: bool) -> Tensor:
    # One step before the substrate is full, the boundary adds the first start to what enters next.
    return torch.stack([inputs[:, 0], inputs[:, 1] - inputs[:, 0]], dim=1) if corrected else inputs


def _run(weights: Weights, inputs: Tensor, steps: int) -> Iterator[Tensor]:
    # inputs (models, 2, batch, dim); states are rows.
    recurrent, encoder, readout = (matrix.mT for matrix in weights)
    state = torch.zeros(len(recurrent), inputs.shape[2], recurrent.shape[-1], dtype=inputs.dtype)
    for step in range(inputs.shape[1] + steps):
        drive = state @ recurrent
        state = torch.tanh(drive + inputs[:, step] @ encoder if step < inputs.shape[1] else drive)
        if step >= inputs.shape[1]:
            yield state @ readout
