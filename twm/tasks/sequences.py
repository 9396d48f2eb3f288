"""What every sequence task can do: give batches that depend on their address alone, and score answers.

The copy task: ten symbols, a wait, a sign to begin, and the ten symbols again.

The adding task: of many numbers two are marked, and their sum is asked for at the end.

A history-dependent system as a sequence task: show its first states, and ask for all that follow.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from twm.errors import require, require_count
from twm.streams import binary_inputs, draw_words, words_to_choices, words_to_fractions
from twm.theory.systems import make_selection_table, parse_task


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
        name: as :func:`twm.tasks.parsing.parse_sequence_task` reads it.
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


#: Symbols to remember, and how many kinds there are; category 0 is the blank, the last one the delimiter.
SYMBOLS, SYMBOL_KINDS = 10, 8
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
    losses is the same on both. Training follows it (``divisor`` of :class:`twm.training.plans.SequencePlan`): Adam's
    steps stay as they are until gradients come near its small number, but a gradient clipped at 1 is then hardly ever
    clipped. What is reported is always the mean, undivided.

    Args:
        wait: steps between the last symbol and the first answer; the paper's T.

    Raises:
        UserError: if the wait is negative or not whole.

    Source: wrnn Sec. 3 "Copy Task".
    """

    every_step = True
    inputs = outputs = SYMBOL_KINDS + 2

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
        shown[:SYMBOLS] = 1 + words_to_choices(words, SYMBOL_KINDS).T
        shown[-SYMBOLS - 1] = SYMBOL_KINDS + 1
        targets = torch.zeros_like(shown)
        targets[-SYMBOLS:] = shown[:SYMBOLS]
        return Batch(functional.one_hot(shown, self.inputs).to(torch.float32), targets)

    def measure_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy, the mean over steps and sequences; see :meth:`SequenceTask.measure_loss`."""
        return functional.cross_entropy(outputs.movedim(-1, 1), targets)

    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of right symbols in the answer, the last ten steps alone."""
        return (outputs[-SYMBOLS:].argmax(-1) == targets[-SYMBOLS:]).to(torch.float64).mean()


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


class SystemTask(SequenceTask):
    """Read the first ``history`` states of a signed selection, then produce the next ``horizon`` states without input.

    This is the task of twm Sec. 4 for networks that are no Elman networks. Histories are those that Elman networks see in
    training and in their tests, seed by seed and iteration by iteration. The loss is the mean squared error over the output
    phase; an answer is right if it has the right sign.

    Args:
        horizon: steps of the output phase.
        system: as :func:`twm.theory.systems.parse_task` reads it, such as ``T1``.

    Raises:
        UserError: if the horizon is below 1, or the system is unknown or no signed selection.

    Source: twm Sec. 4, Table 1.
    """

    every_step = True

    def __init__(self, horizon: int, system: str) -> None:
        self.horizon, self.system = require_count(horizon, "horizon"), parse_task(system)
        self.name = f"hds:{self.horizon},{self.system.name}"
        self.steps = self.system.history + self.horizon
        self.inputs = self.outputs = self.system.dim
        table = make_selection_table(self.system, self.horizon)
        self._index, self._sign = torch.from_numpy(table.index).flatten(), torch.from_numpy(table.sign)[:, None]

    def draw_batch(self, seed: int, iteration: int, count: int, device: Any = None) -> Batch:
        """Draw the training batch of an iteration; see :meth:`SequenceTask.draw_batch`."""
        return self._lay_out("train", seed, iteration, count, 0, device)

    def draw_test(self, count: int, first: int = 0, device: Any = None) -> Batch:
        """Draw a part of the test set; see :meth:`SequenceTask.draw_test`."""
        return self._lay_out("test", 0, 0, count, first, device)

    def _lay_out(self, part: str, seed: int, iteration: int, count: int, first: int, device: Any) -> Batch:
        history, dim = self.system.history, self.system.dim
        key = f"{self.system.name}/{part}"
        initial = binary_inputs(key, seed, iteration, count, (history, dim), first=first, device=device)
        later = initial.flatten(1)[:, self._index.to(device)].view(count, self.horizon, dim).transpose(0, 1)
        silent = initial.new_zeros((self.horizon, count, dim))
        shown = torch.cat([initial.transpose(0, 1), silent])
        # What is asked during the input phase does not count; it is filled with zeros to keep one time axis.
        asked = torch.cat([initial.new_zeros((history, count, dim)), later * self._sign.to(device)])
        return Batch(shown, asked)

    def measure_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error over the output phase; see :meth:`SequenceTask.measure_loss`."""
        return functional.mse_loss(outputs[-self.horizon :], targets[-self.horizon :])

    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of right signs in the output phase; an output of zero counts as positive."""
        right = (outputs[-self.horizon :] >= 0) == (targets[-self.horizon :] > 0)
        return right.to(torch.float64).mean()


def read_system_name(name: str) -> tuple[int, str]:
    """Read ``hds:HORIZON,TASK``, such as ``hds:40,T1``.

    Returns:
        the horizon, and the task as :func:`twm.theory.systems.parse_task` reads it.

    Raises:
        UserError: if the name has another form, or the task is unknown.
    """
    number, comma, system = name.removeprefix("hds:").partition(",")
    fits = number.isascii() and number.isdigit() and len(number) < 5 and int(number) > 0 and bool(comma)
    require(fits, f"a task of this kind is hds:HORIZON,TASK, such as hds:40,T1, not {name!r}")
    parse_task(system)
    return int(number), system
