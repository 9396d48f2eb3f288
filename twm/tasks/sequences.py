"""Sequence tasks: their common interface, the copy task, the adding task, and history-dependent systems as tasks."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from twm.errors import require, require_count
from twm.streams import binary_inputs, draw_words, words_to_choices, words_to_fractions
from twm.theory.operators import correct_inputs
from twm.theory.systems import make_selection_table, parse_task


class Batch(NamedTuple):
    """Sequences and their targets: categories or numbers, at every step or at the last one."""

    inputs: Tensor  # (time, batch, inputs) float32
    targets: Tensor  # (time, batch) or (batch,) int64, or (time, batch, outputs) or (batch, outputs) float32


class SequenceTask(ABC):
    """A task for a network that reads a sequence step by step.

    A batch is a pure function of (task, seed, iteration). The test set has its own stream, the same for all seeds."""

    name: str  # as :func:`~twm.tasks.images.parse_sequence_task` parses it
    steps: int  # length of a sequence
    inputs: int  # numbers per step
    outputs: int  # numbers per output
    every_step: bool = False  # whether every step has a target, or only the last
    test_count: int | None = None  # sequences in the test set; unlimited if not given
    held_count: int | None = None  # sequences that can be held out of training; unlimited if not given
    label: str = ""  # remark that must accompany every number of this task

    @abstractmethod
    def _draw(self, part: str, seed: int, iteration: int, count: int, first: int, device: Any) -> Batch:
        """Draw ``count`` sequences of ``train``, ``held`` or ``test``, from number ``first`` on."""

    def draw_batch(self, seed: int, iteration: int, count: int, device: Any = None) -> Batch:
        """Draw the training batch of an iteration, counted from 1."""
        return self._draw("train", seed, iteration, count, 0, device)

    def draw_test(self, count: int, first: int = 0, device: Any = None, part: str = "test") -> Batch:
        """Draw ``count`` sequences of the ``test`` or ``held``-out set, from ``first`` on; fewer where the set ends."""
        return self._draw(part, 0, 0, count, first, device)

    def measure_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross-entropy or squared error of outputs (time, batch, outputs), or only of the last step's."""
        if targets.is_floating_point():
            return functional.mse_loss(outputs, targets)
        return functional.cross_entropy(outputs.movedim(-1, 1), targets)

    def measure_accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the share of correct outputs, for the shapes of ``measure_loss``."""
        return self._judge(outputs, targets).to(torch.float64).mean()

    def _judge(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return outputs.argmax(-1) == targets


#: Number of symbols to remember, and of their kinds; category 0 is the blank, the last category the delimiter.
SYMBOLS, SYMBOL_KINDS = 10, 8
#: The paper's delays T, in steps.
COPY_WAITS = (0, 10, 30, 80, 480)


class CopyTask(SequenceTask):
    """Read ten symbols of eight kinds, wait, and repeat them in order after a delimiter. Source: wrnn Sec. 3 "Copy Task".

    A sequence has ``wait + 20`` steps: ten symbols, blanks, the delimiter on the last step before the answer, and ten
    blanks for the answer. The target is blank before the answer, and the loss includes every step. Without a wait, the
    delimiter replaces the tenth symbol. The paper's released code divides the mean cross-entropy by the batch size once
    more; training does the same (``divisor`` of a plan), but reported losses are undivided."""

    every_step = True
    inputs = outputs = SYMBOL_KINDS + 2

    def __init__(self, wait: int) -> None:
        self.wait = require_count(wait, "wait", 0)
        self.name, self.steps = f"copy:{self.wait}", self.wait + 2 * SYMBOLS

    def _draw(self, part: str, seed: int, iteration: int, count: int, first: int, device: Any) -> Batch:
        words = draw_words(f"{self.name}/{part}", seed, iteration, count, (SYMBOLS,), first=first, device=device)
        shown = words.new_zeros((self.steps, count))
        shown[:SYMBOLS] = 1 + words_to_choices(words, SYMBOL_KINDS).T
        shown[-SYMBOLS - 1] = SYMBOL_KINDS + 1
        targets = torch.zeros_like(shown)
        targets[-SYMBOLS:] = shown[:SYMBOLS]
        return Batch(functional.one_hot(shown, self.inputs).to(torch.float32), targets)

    def _judge(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # Only the answer counts, because the blanks before it are easy.
        return super()._judge(outputs[-SYMBOLS:], targets[-SYMBOLS:])


#: The paper's sequence lengths.
ADDING_LENGTHS = (100, 200, 400, 700, 1000)
#: Largest error of an output that counts as correct, the criterion of the authors who introduced the task.
RIGHT_WITHIN = 0.04
#: Training loss at which the paper calls the task solved; the best constant output reaches 1/6.
SOLVED_LOSS = 0.05


class AddingTask(SequenceTask):
    """Add the two marked numbers, one in each half, of ``length`` numbers in [0, 1). Source: wrnn Sec. 3 "Adding Task"."""

    inputs, outputs = 2, 1

    def __init__(self, length: int) -> None:
        self.steps = require_count(length, "length", 2)
        require(self.steps < 1 << 16, f"length must be below {1 << 16}, not {length}: marks come from 32-bit words")
        self.name = f"adding:{self.steps}"

    def _draw(self, part: str, seed: int, iteration: int, count: int, first: int, device: Any) -> Batch:
        shape, half = (self.steps + 2,), self.steps // 2
        words = draw_words(f"{self.name}/{part}", seed, iteration, count, shape, first=first, device=device)
        numbers = words_to_fractions(words[:, 2:])
        first_half, second_half = words_to_choices(words[:, 0], half), words_to_choices(words[:, 1], self.steps - half)
        places = torch.stack([first_half, half + second_half], 1)
        marks = torch.zeros_like(numbers).scatter_(1, places, 1.0)
        return Batch(torch.stack([numbers.T, marks.T], -1), numbers.gather(1, places).sum(1, keepdim=True))

    def _judge(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).abs() < RIGHT_WITHIN


class SystemTask(SequenceTask):
    """Read the first states of a signed selection such as T1, then output the next ``horizon``. Source: twm Sec. 4.

    ``corrected`` subtracts the boundary's contribution from the inputs, without which no linear network solves T2."""

    every_step = True

    def __init__(self, horizon: int, system: str, corrected: bool = False) -> None:
        self.horizon, self.system, self.corrected = require_count(horizon, "horizon"), parse_task(system), corrected
        self.name = f"hds{'-corrected' * corrected}:{self.horizon},{self.system.name}"
        self.steps = self.system.history + self.horizon
        self.inputs = self.outputs = self.system.dim
        table = make_selection_table(self.system, self.horizon)
        states = np.eye(self.system.size).reshape(-1, self.system.history, self.inputs)
        self._shown = torch.from_numpy(correct_inputs(self.system.matrix, states).reshape(len(states), -1)).float()
        self._index, self._sign = torch.from_numpy(table.index).flatten(), torch.from_numpy(table.sign)[:, None]

    def _draw(self, part: str, seed: int, iteration: int, count: int, first: int, device: Any) -> Batch:
        shape, key = (self.system.history, self.system.dim), f"{self.system.name}/{part}"
        initial = binary_inputs(key, seed, iteration, count, shape, first=first, device=device)
        later = initial.flatten(1)[:, self._index.to(device)].view(count, self.horizon, -1).transpose(0, 1)
        given = (initial.flatten(1) @ self._shown.to(device)).view(initial.shape) if self.corrected else initial
        shown = torch.cat([given.transpose(0, 1), torch.zeros_like(later)])
        # Targets of the input phase do not count; they are zeros, to keep one time axis.
        return Batch(shown, functional.pad(later * self._sign.to(device), (0, 0, 0, 0, self.system.history, 0)))

    def measure_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean squared error over the output phase."""
        return super().measure_loss(outputs[-self.horizon :], targets[-self.horizon :])

    def _judge(self, outputs: Tensor, targets: Tensor) -> Tensor:
        # Signs in the output phase; an output of zero counts as positive.
        return (outputs[-self.horizon :] >= 0) == (targets[-self.horizon :] > 0)
