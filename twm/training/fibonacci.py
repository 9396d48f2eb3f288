"""Can a bounded network learn Fibonacci? The experiment behind a remark of the paper, with the bound that decides it.

Outputs of an Elman network with tanh are bounded by the sum of the readout's magnitudes, and the series grows, so some step
is the last on which the network can be right, whatever it has learnt. The series is given its best chance: it is divided by
its growth over the trained horizon, and the loss is relative, so that early terms count as much as late ones.

There is a second obstacle, within the trained range. In a nearly linear network the first start x1 weighs the golden ratio
times as much on the growing mode as the second, x2, because it has been multiplied once more by W_hh; the series needs the
reverse. Corrected inputs, less what the network itself will add, have no such limit (see the claim ``ours.input``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twm.errors import require, require_count
from twm.models.kernels import Weights, draw_weights, stack_weights
from twm.theory.systems import make_fibonacci, rollout
from twm.training.loop import TrainingRun
from twm.training.plans import Plan
from twm.training.trainer import list_tensors, make_adam, set_rate

#: The factor by which the series grows a step, in the long run.
GOLDEN_RATIO = (1 + 5**0.5) / 2
_READOUT_GAIN = 8.0  # what the initial readout is multiplied by


@dataclass(frozen=True, eq=False)
class FibonacciRun:
    """Networks trained on the generalised Fibonacci series."""

    weights: Weights  # with a leading models axis, float64
    trained: int  # output steps
    iterations: int  # batches
    losses: np.ndarray  # (points, models) mean squared relative error in training, evenly spaced points
    scale: float  # what the series was divided by
    corrected: bool  # whether the inputs were corrected


@dataclass(frozen=True)
class FibonacciPlan(Plan):
    """One Elman network to train on relative errors over the first steps."""

    protocol = "fibonacci"

    seed: int  # of initial weights and data
    hidden: int = 32  # neurons
    dim: int = 1  # of a state
    trained: int = 10  # output steps
    iterations: int = 3000  # batches; the learning rate falls linearly to zero over them
    batch: int = 64  # sequences
    learning_rate: float = 1e-2  # Adam's first step
    corrected: bool = False  # whether the second input is lessened by what the network itself would add to it

    test_every = property(lambda self: max(1, self.iterations // 50))  # iterations between looks at the loss
    name = property(lambda self: f"fibonacci_s{self.seed}")

    def __post_init__(self) -> None:
        self._check(count="hidden dim trained iterations batch")


class FibonacciTraining(TrainingRun):
    """Networks in training side by side; they share nothing, so the gradient of the sum of their losses is that of each."""

    plan_type = FibonacciPlan

    def _prepare(self, path: str | None) -> None:
        plan = self.plan = self.plans[0]
        self._seeds = [own.seed for own in self.plans]
        self.scale = GOLDEN_RATIO**plan.trained
        drawn = stack_weights([draw_weights(plan.dim, plan.hidden, "orthogonal", seed) for seed in self._seeds])
        # A large readout lets the neurons stay where tanh is nearly linear; from the usual one training only slowly gets there.
        drawn = drawn._replace(readout=drawn.readout * _READOUT_GAIN)
        self._weights = Weights(*(matrix.double().requires_grad_() for matrix in drawn))
        self._adam = make_adam(self._weights, plan.learning_rate, fused=False)

    def _live(self) -> dict[str, Tensor]:
        return {name: matrix.detach() for name, matrix in self._weights._asdict().items()}

    def _update(self) -> None:
        plan = self.plan
        data = draw_series(self._seeds, self.iteration, plan.batch, plan.dim, plan.trained, self.scale)
        self._losses = _find_errors(self._weights, *data, plan.corrected).square().mean((1, 2, 3))
        self._adam.zero_grad()
        self._losses.sum().backward()
        set_rate(self._adam, plan.learning_rate * (1 - (self.iteration - 1) / plan.iterations))
        self._adam.step()

    def _measure(self) -> list[dict[str, float]]:
        return [{"loss": loss} for loss in self._losses.tolist()]

    def _is_better(self, new: dict[str, float], old: dict[str, float]) -> bool:
        return new["loss"] <= old["loss"]

    def _make_point(self, place: int, loss: float, accuracy: float) -> list[Any]:
        return [self.logs[place].last["loss"]]

    def _tensors(self) -> dict[str, Tensor]:
        return list_tensors(self._adam)


def train_on_fibonacci(seeds: Sequence[int], **options: Any) -> FibonacciRun:
    """Train an Elman network a seed, side by side, with options of FibonacciPlan. Source: twm Sec. 4, experimental setup."""
    require(len(seeds) > 0, "give at least one seed")
    run = FibonacciTraining([FibonacciPlan(seed, **options) for seed in seeds])
    run.train()
    losses = np.array([[loss for _, loss in log.curve] for log in run.logs]).T
    return FibonacciRun(Weights(**run._copy()), run.plan.trained, run.iteration, losses, run.scale, run.plan.corrected)


def draw_series(
    seeds: Sequence[int], iteration: int, count: int, dim: int, steps: int, scale: float
) -> tuple[Tensor, Tensor]:
    """Draw starts (models, 2, count, dim) and continue them for some steps (models, steps, count, dim), float64, over scale."""
    # No term is near zero, so a relative error is meaningful.
    starts = [np.random.default_rng([seed, iteration]).uniform(0.5, 1.0, (count, 2, dim)) for seed in seeds]
    series = torch.as_tensor(rollout(make_fibonacci(2, dim), np.stack(starts) / scale, steps)).transpose(1, 2)
    return series[:, :2], series[:, 2:]


def _find_errors(weights: Weights, inputs: Tensor, targets: Tensor, corrected: bool) -> Tensor:
    """Run networks on starts, and return the relative errors of their outputs, (models, steps, count, dim)."""
    if corrected:
        # One step before the substrate is full, the boundary adds the first start to what enters next.
        inputs = torch.stack([inputs[:, 0], inputs[:, 1] - inputs[:, 0]], dim=1)
    recurrent, encoder, readout = (matrix.mT for matrix in weights)
    state, outputs = inputs.new_zeros(len(recurrent), inputs.shape[2], recurrent.shape[-1]), []
    for start in inputs.unbind(1):
        state = torch.tanh(state @ recurrent + start @ encoder)
    for _ in range(targets.shape[1]):
        state = torch.tanh(state @ recurrent)
        outputs.append(state @ readout)
    return (torch.stack(outputs, dim=1) - targets) / targets


def measure_relative_errors(run: FibonacciRun, steps: int, count: int = 256, seed: int = 10_000) -> np.ndarray:
    """Return the root mean square of outputs' relative errors over sequences that were not trained on, (models, steps)."""
    sizes = require_count(count, "count"), run.weights.encoder.shape[-1], require_count(steps, "steps")
    data = draw_series([seed] * len(run.weights.recurrent), 0, *sizes, run.scale)
    return _find_errors(run.weights, *data, run.corrected).square().mean((2, 3)).sqrt().numpy()


def find_last_possible(run: FibonacciRun, tolerance: float, steps: int = 1000) -> np.ndarray:
    """Return for each network the last output step on which it could be right at all, (models,), 0 if not even the first.

    From some step on the smallest series, with both starts 0.5, exceeds the row sum of the readout's magnitudes too far.
    """
    require(0 < tolerance < 1, f"tolerance must be between 0 and 1, not {tolerance!r}")
    reach = run.weights.readout.abs().sum(-1).amax(-1).numpy()
    series = rollout(make_fibonacci(2, 1), np.full((2, 1), 0.5), steps)[2:, 0] / run.scale
    beyond = bool(series[-1] * (1 - tolerance) > reach.max())
    require(beyond, f"no step within {steps} is out of reach: increase the number of steps")
    return (series[None] * (1 - tolerance) <= reach[:, None]).sum(1)


def predict_raw_error(nodes: int = 64) -> float:
    """Return the least relative error of a linear network loaded by raw inputs, root mean square over late terms.

    Its terms are c (g x1 + x2) with the golden ratio g, the series' (x1 + g x2) up to a common factor. For the quotient r of
    the two the best c leaves 1 - E[r]^2 / E[r^2], by Gauss-Legendre sums.
    """
    places, weights = np.polynomial.legendre.leggauss(nodes)
    starts = 0.75 + 0.25 * places
    first, second = np.meshgrid(starts, starts, indexing="ij")
    ratio = (GOLDEN_RATIO * first + second) / (first + GOLDEN_RATIO * second)
    mean = np.outer(weights, weights) / 4
    return float(np.sqrt(1 - (mean * ratio).sum() ** 2 / (mean * ratio**2).sum()))
