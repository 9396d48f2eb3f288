"""The adding task: of many numbers two are marked, and their sum is asked for at the end."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from twm.errors import require, require_count
from twm.sequence_tasks.base import Batch, SequenceTask
from twm.streams import draw_words, words_to_choices, words_to_fractions

#: The paper's lengths.
ADDING_LENGTHS = (100, 200, 400, 700, 1000)
#: Largest error of an answer that counts as right, the criterion of those who introduced the task.
RIGHT_WITHIN = 0.04
#: Training loss at which the paper calls the task solved; 1/6 is what the best constant answer reaches.
SOLVED_LOSS = 0.05


class AddingTask(SequenceTask):
    """Add the two numbers, of ``length`` numbers in [0, 1), that are marked, one in each half of the sequence.

    Each step shows a number and a mark, which is 1 on one step of the first half, the first floor(length / 2) steps,
    on one step of the second, and 0 elsewhere. The loss is the mean squared error of the answer at the last step.

    Args:
        length: number of steps.

    Raises:
        UserError: if the length is below two.

    Source: wrnn Sec. 3 "Adding Task".
    """

    inputs, outputs = 2, 1

    def __init__(self, length: int) -> None:
        self.steps = require_count(length, "length", 2)
        require(self.steps < 1 << 16, f"length must be below {1 << 16}, not {length}: marks come from 32-bit words")
        self.name = f"adding:{self.steps}"

    def draw_batch(self, seed: int, iteration: int, count: int, device: Any = None) -> Batch:
        """Draw the training batch of an iteration; see :meth:`SequenceTask.draw_batch`."""
        return self._lay_out(draw_words(f"{self.name}/train", seed, iteration, count, (self.steps + 2,), device=device))

    def draw_test(self, count: int, first: int = 0, device: Any = None) -> Batch:
        """Draw a part of the test set; see :meth:`SequenceTask.draw_test`."""
        return self._lay_out(
            draw_words(f"{self.name}/test", 0, 0, count, (self.steps + 2,), first=first, device=device)
        )

    def _lay_out(self, words: Tensor) -> Batch:
        numbers, half = words_to_fractions(words[:, 2:]), self.steps // 2
        places = torch.stack(
            [words_to_choices(words[:, 0], half), half + words_to_choices(words[:, 1], self.steps - half)], 1
        )
        marks = torch.zeros_like(numbers).scatter_(1, places, 1.0)
        targets = numbers.gather(1, places).sum(1, keepdim=True)
        return Batch(torch.stack([numbers.T, marks.T], -1), targets)

    def measure_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error; see :meth:`SequenceTask.measure_loss`."""
        return functional.mse_loss(outputs, targets)

    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of answers within :data:`RIGHT_WITHIN` of the sum."""
        return ((outputs - targets).abs() < RIGHT_WITHIN).to(torch.float64).mean()
