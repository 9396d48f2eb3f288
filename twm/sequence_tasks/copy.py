"""The copy task: ten symbols, a wait, a sign to begin, and the ten symbols again."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from twm.errors import require_count
from twm.sequence_tasks.base import Batch, SequenceTask
from twm.streams import draw_words, words_to_choices

#: Symbols to remember, and how many kinds there are; category 0 is the blank, the last one the delimiter.
SYMBOLS, KINDS = 10, 8
#: The paper's waits.
COPY_WAITS = (0, 10, 30, 80, 480)


class CopyTask(SequenceTask):
    """Read ten symbols of eight kinds, wait, and repeat them in order after a delimiter.

    A sequence has ``wait + 20`` steps: ten symbols, blanks, the delimiter on the last step before the answer, and ten
    blanks in which the symbols are to be given. The target is blank until then, and every step counts in the loss.

    Without a wait there is no step for the delimiter, which takes the place of the tenth symbol. What was shown is
    what must be repeated, so there the last answer is the delimiter: otherwise it could only be guessed, and no
    network could go below a loss of ln(8)/20.

    **The loss** is the cross-entropy, the mean over steps and sequences. The paper's released code divides that mean by
    the number of sequences in a batch once more, and its "five orders of magnitude" are on that scale; a ratio of two
    losses is the same on both. Training follows it (``divisor`` of :class:`twm.training.sequences.SequencePlan`): Adam's
    steps stay as they are until gradients come near its small number, but a gradient clipped at 1 is then hardly ever
    clipped. What is reported is always the mean, undivided.

    Args:
        wait: steps between the last symbol and the first answer; the paper's T.

    Raises:
        UserError: if the wait is negative or not whole.

    Source: wrnn Sec. 3 "Copy Task".
    """

    every_step = True
    inputs = outputs = KINDS + 2

    def __init__(self, wait: int) -> None:
        self.wait = require_count(wait, "wait", 0)
        self.name, self.steps = f"copy:{self.wait}", self.wait + 2 * SYMBOLS

    def draw_batch(self, seed: int, iteration: int, count: int, device: Any = None) -> Batch:
        """Draw the training batch of an iteration; see :meth:`SequenceTask.draw_batch`."""
        return self._lay_out(draw_words(f"{self.name}/train", seed, iteration, count, (SYMBOLS,), device=device))

    def draw_test(self, count: int, first: int = 0, device: Any = None) -> Batch:
        """Draw a part of the test set; see :meth:`SequenceTask.draw_test`."""
        return self._lay_out(draw_words(f"{self.name}/test", 0, 0, count, (SYMBOLS,), first=first, device=device))

    def _lay_out(self, words: Tensor) -> Batch:
        shown = words.new_zeros((self.steps, len(words)))
        shown[:SYMBOLS] = 1 + words_to_choices(words, KINDS).T
        shown[-SYMBOLS - 1] = KINDS + 1
        targets = torch.zeros_like(shown)
        targets[-SYMBOLS:] = shown[:SYMBOLS]
        return Batch(functional.one_hot(shown, self.inputs).to(torch.float32), targets)

    def measure_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy, the mean over steps and sequences; see :meth:`SequenceTask.measure_loss`."""
        return functional.cross_entropy(outputs.movedim(-1, 1), targets)

    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of right symbols in the answer, the last ten steps alone."""
        return (outputs[-SYMBOLS:].argmax(-1) == targets[-SYMBOLS:]).to(torch.float64).mean()
