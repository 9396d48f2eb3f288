"""The slow, obvious trainer: torch autograd, one network, one process, any module.

A module is trained if ``module(inputs, horizon)`` takes inputs (history, batch, dim) and returns the outputs of the
output phase (horizon, batch, dim), or an object whose ``outputs`` ends with them. Data is a function of task, seed
and iteration alone, so networks of any kind that share a seed see the same sequences in the same order.

Faster paths are judged against this one, so it stays as plain as the protocol allows.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from twm.errors import require, require_count
from twm.streams import binary_inputs
from twm.theory.systems import HDS, rollout

# ---- the protocol


class Curriculum(Protocol):
    """How long the output phase of the next batch is."""

    name: str
    horizon: int

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """See one batch's outputs and targets (horizon, batch, dim), and set the next horizon."""


class StagedHorizon:
    """Raise the horizon to the next stage whenever a batch's sign accuracy exceeds a threshold.

    Args:
        horizons: increasing lengths of the output phase; a single one is training without a curriculum.
        threshold: share of right signs in a batch, over all its steps.

    Raises:
        UserError: if the horizons do not increase from at least one, or the threshold is not a share.

    Source: the protocol of twm Table 1, as released.
    """

    def __init__(self, horizons: Sequence[int] = (10, 20, 40, 60, 100), threshold: float = 0.98) -> None:
        horizons = tuple(require_count(horizon, "every horizon") for horizon in horizons)
        rising = len(horizons) > 0 and all(a < b for a, b in zip(horizons, horizons[1:]))
        require(rising, f"horizons must be increasing numbers, at least one, not {horizons}")
        require(0 <= threshold <= 1, f"threshold must be a share between 0 and 1, not {threshold!r}")
        self.horizons, self.threshold = horizons, float(threshold)
        self.name = "staged" if len(horizons) > 1 else "none"
        self._stage = 0

    @property
    def horizon(self) -> int:
        """Length of the next batch's output phase."""
        return self.horizons[self._stage]

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Move one stage up if the batch was good enough."""
        last = len(self.horizons) - 1
        if self._stage < last and measure_accuracy(outputs, targets).mean().item() > self.threshold:
            self._stage += 1


@dataclass(frozen=True)
class TrainingPlan:
    """Everything about a training run but the network, the task and the seed.

    Attributes:
        iterations: number of batches at most.
        batch: sequences a batch.
        learning_rate: Adam's step.
        l2: Adam's coupled weight decay.
        clip: largest norm of the gradient.
        horizons: stages of :class:`StagedHorizon`.
        threshold: share of right signs that ends a stage.
        test_every: iterations between tests.
        test_count: sequences of the fixed test set.
        test_horizon: output steps of a test.
        stop_at: end the run at the first test with this sign accuracy; ``None`` to use all iterations.

    Raises:
        UserError: if a count is below one, or a rate is out of range.

    Source: twm B.2 and Table 2.
    """

    iterations: int = 20_000
    batch: int = 64
    learning_rate: float = 1e-3
    l2: float = 0.0
    clip: float = 1.0
    horizons: tuple[int, ...] = (10, 20, 40, 60, 100)
    threshold: float = 0.98
    test_every: int = 100
    test_count: int = 256
    test_horizon: int = 100
    stop_at: float | None = None

    def __post_init__(self) -> None:
        for name in ("iterations", "batch", "test_every", "test_count", "test_horizon"):
            require_count(getattr(self, name), name)
        for name in ("learning_rate", "clip"):
            require(getattr(self, name) > 0, f"{name} must be positive, not {getattr(self, name)!r}")
        require(self.l2 >= 0, f"l2 must be at least 0, not {self.l2!r}")
        StagedHorizon(self.horizons, self.threshold)


@dataclass(frozen=True)
class TestPoint:
    """One test of a network in training.

    Attributes:
        iteration: batches seen so far.
        horizon: length of the output phase in training at that time.
        loss: mean squared error on the test set.
        accuracy_by_step: (test_horizon,) share of right signs at each output step.
    """

    __test__ = False

    iteration: int
    horizon: int
    loss: float
    accuracy_by_step: Tensor

    def accuracy(self, steps: int | None = None) -> float:
        """Return the share of right signs over the first ``steps`` output steps, or over all."""
        return float(self.accuracy_by_step[:steps].mean())


@dataclass(frozen=True)
class TrainingResult:
    """What a training run came to.

    Attributes:
        iterations: batches used.
        seconds: time it took, tests included.
        tests: one point every ``test_every`` iterations.
        curriculum: its name.
    """

    iterations: int
    seconds: float
    tests: tuple[TestPoint, ...] = field(repr=False)
    curriculum: str = "staged"

    @property
    def accuracy(self) -> float:
        """Sign accuracy of the last test, over the whole test horizon."""
        return self.tests[-1].accuracy()

    def find_first(self, level: float, steps: int | None = None) -> int | None:
        """Return the iteration of the first test with an accuracy of at least ``level``.

        Args:
            level: share of right signs.
            steps: over how many first output steps; all if not given.

        Returns:
            the iteration, or ``None`` if no test reached it.
        """
        reached = (point.iteration for point in self.tests if point.accuracy(steps) >= level)
        return next(reached, None)


# ---- the trainer


def draw_batch(task: HDS, split: str, seed: int, iteration: int, count: int, horizon: int) -> tuple[Tensor, Tensor]:
    """Draw input sequences and what the task makes of them.

    Args:
        task: a system on states of -1 and 1.
        split: ``train`` or ``test``; the two never share a stream.
        seed: seed of the run.
        iteration: number of the batch.
        count: number of sequences.
        horizon: length of the output phase.

    Returns:
        inputs (history, count, dim) and targets (horizon, count, dim), float32.

    Raises:
        UserError: if a number is out of range.
    """
    initial = binary_inputs(f"{task.name}/{split}", seed, iteration, count, (task.history, task.dim))
    states = rollout(task, initial, horizon).transpose(0, 1)
    return states[: task.history], states[task.history :]


def run_output_phase(network: nn.Module, inputs: Tensor, horizon: int) -> Tensor:
    """Run a network and return the outputs of its output phase, (horizon, batch, dim)."""
    result = network(inputs, horizon)
    return getattr(result, "outputs", result)[-horizon:]


def measure_accuracy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Measure the share of right signs at each step.

    Args:
        outputs: (horizon, batch, dim); zero counts as positive.
        targets: (horizon, batch, dim), of -1 and 1.

    Returns:
        (horizon,) shares.
    """
    return ((outputs >= 0) == (targets > 0)).float().mean((1, 2))


def train_network(
    network: nn.Module,
    task: HDS,
    seed: int,
    plan: TrainingPlan = TrainingPlan(),
    curriculum: Curriculum | None = None,
    report: Callable[[TestPoint], None] | None = None,
) -> TrainingResult:
    """Train a network on a task, in place.

    Each iteration: a fresh batch, a free run of the current horizon, mean squared error on the output phase,
    the gradient through the whole run, clipped, one step of Adam.

    Args:
        network: any module as described at the top of this module, in float32 on the CPU.
        task: what to learn.
        seed: seed of the data; initial weights are the network's own affair.
        plan: the numbers of the protocol.
        curriculum: how the horizon grows; by default staged, from the plan.
        report: called with each test.

    Returns:
        the tests and the time.

    Raises:
        UserError: if the seed is negative.

    Source: twm B.2.
    """
    curriculum = StagedHorizon(plan.horizons, plan.threshold) if curriculum is None else curriculum
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.Adam(parameters, plan.learning_rate, weight_decay=plan.l2)
    # The test set is the same for every seed and every network.
    test_inputs, test_targets = draw_batch(task, "test", 0, 0, plan.test_count, plan.test_horizon)
    tests: list[TestPoint] = []
    started = time.perf_counter()
    for iteration in range(1, plan.iterations + 1):
        inputs, targets = draw_batch(task, "train", seed, iteration, plan.batch, curriculum.horizon)
        outputs = run_output_phase(network, inputs, curriculum.horizon)
        optimiser.zero_grad()
        (outputs - targets).square().mean().backward()
        nn.utils.clip_grad_norm_(parameters, plan.clip)
        optimiser.step()
        if iteration % plan.test_every == 0 or iteration == plan.iterations:
            with torch.no_grad():
                answers = run_output_phase(network, test_inputs, plan.test_horizon)
            loss = float((answers - test_targets).square().mean())
            tests.append(TestPoint(iteration, curriculum.horizon, loss, measure_accuracy(answers, test_targets)))
            if report is not None:
                report(tests[-1])
            if plan.stop_at is not None and tests[-1].accuracy() >= plan.stop_at:
                break
        curriculum.update(outputs.detach(), targets)
    return TrainingResult(iteration, time.perf_counter() - started, tuple(tests), curriculum.name)
