"""A history-dependent system as a sequence task: show its first states, and ask for all that follow."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from twm.errors import require, require_count
from twm.hds import make_selection_table, parse_task
from twm.sequence_tasks.base import Batch, SequenceTask
from twm.streams import binary_inputs


class SystemTask(SequenceTask):
    """Read the first ``history`` states of a signed selection, then produce the next ``horizon`` states without input.

    This is the task of twm Sec. 4 for networks that are no Elman networks. Histories are those that Elman networks see in
    training and in their tests, seed by seed and iteration by iteration. The loss is the mean squared error over the output
    phase; an answer is right if it has the right sign.

    Args:
        horizon: steps of the output phase.
        system: as :func:`twm.hds.parse_task` reads it, such as ``T1``.

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
        the horizon, and the task as :func:`twm.hds.parse_task` reads it.

    Raises:
        UserError: if the name has another form, or the task is unknown.
    """
    number, comma, system = name.removeprefix("hds:").partition(",")
    fits = number.isascii() and number.isdigit() and len(number) < 5 and int(number) > 0 and bool(comma)
    require(fits, f"a task of this kind is hds:HORIZON,TASK, such as hds:40,T1, not {name!r}")
    parse_task(system)
    return int(number), system
