"""What every sequence task can do: give batches that depend on their address alone, and score answers."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Sequences and what is to be answered.

    Attributes:
        inputs: (time, batch, inputs) float32.
        targets: (time, batch) int64 where every step is answered with a category; (batch,) int64 where the last step
            is; (batch, outputs) float32 where the last step is answered with numbers.
    """

    inputs: Tensor
    targets: Tensor


class SequenceTask(ABC):
    """A task for a network that reads a sequence step by step.

    A batch is a pure function of (task, seed, iteration); the test set is the same for all seeds. Both come from the
    hashed stream under keys of their own, so that no test sequence is drawn from the training stream.

    Attributes:
        name: as :func:`twm.sequence_tasks.parse_sequence_task` reads it.
        steps: length of a sequence.
        inputs: numbers a step.
        outputs: numbers in an answer.
        every_step: whether every step is answered, or the last one alone.
        test_count: sequences in the test set, where their number is given; ``None`` where there are as many as one likes.
        label: what must be said wherever a number of this task is shown; empty if nothing.
    """

    name: str
    steps: int
    inputs: int
    outputs: int
    every_step: bool = False
    test_count: int | None = None
    label: str = ""

    @abstractmethod
    def draw_batch(self, seed: int, iteration: int, count: int, device: Any = None) -> Batch:
        """Draw the training batch of an iteration.

        Args:
            seed: of the run.
            iteration: counted from 1.
            count: sequences.
            device: where the batch is made.

        Returns:
            the batch.

        Raises:
            UserError: if a number is out of range.
        """

    @abstractmethod
    def draw_test(self, count: int, first: int = 0, device: Any = None) -> Batch:
        """Draw a part of the test set, which is the same for all seeds.

        Args:
            count: sequences.
            first: number of the first one.
            device: where the batch is made.

        Returns:
            the batch; fewer than ``count`` sequences where the test set ends.
        """

    @abstractmethod
    def measure_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of answers, the mean over a batch.

        Args:
            outputs: (time, batch, outputs) where every step is answered, else (batch, outputs).
            targets: as in :class:`Batch`.

        Returns:
            a number, differentiable.
        """

    @abstractmethod
    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of right answers; arguments as for :meth:`measure_loss`."""
