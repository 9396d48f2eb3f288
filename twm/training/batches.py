"""Training and test data of signed selections, without a rollout a batch.

A batch is the initial components, gathered by the table of :func:`twm.theory.systems.make_selection_table`. Tests hold it
against the rollout.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from twm.models.kernels import run_forward
from twm.models.weights import Weights
from twm.streams import binary_inputs, expand_words, start_words
from twm.theory.systems import SelectionTable, make_selection_table, parse_task
from twm.training.plans import ModelPlan

#: Iterations whose words are computed at a time.
_BLOCK = 512


@lru_cache(maxsize=64)
def _table_of(task: str, steps: int) -> SelectionTable:
    return make_selection_table(parse_task(task), steps)


class BatchFeed:
    """The training batches of several models with tasks of one (history, dim), one batch and one last horizon.

    Model i's batch of an iteration is what :func:`twm.training.trainer.draw_batch` draws for its task and seed.
    """

    def __init__(self, plans: Sequence[ModelPlan], device: Any = "cpu") -> None:
        system, self._device = plans[0].system, torch.device(device)
        self._history, self._dim, self._batch = system.history, system.dim, plans[0].batch
        tables = [_table_of(plan.task, plan.longest) for plan in plans]
        self._index = torch.from_numpy(np.stack([table.index for table in tables])).flatten(1).to(self._device)
        self._sign = torch.from_numpy(np.stack([table.sign for table in tables]))[:, :, None].to(self._device)
        self._positive = bool((self._sign > 0).all())
        self._streams = [(f"{plan.task}/train", plan.seed) for plan in plans]
        self._first, self._words = 0, torch.empty(0, len(plans), dtype=torch.int64)

    def draw(self, iteration: int, steps: int) -> tuple[Tensor, Tensor]:
        """Draw inputs (models, history, batch, dim) and targets (models, steps, batch, dim), float32, of an iteration."""
        words = self._find_words(iteration)
        models, width = len(words), steps * self._dim
        signs = expand_words(words, self._batch, self._history * self._dim)
        inputs = signs.view(models, self._batch, self._history, self._dim).transpose(1, 2)
        if models == 1:
            # Whole rows of the transpose are copied faster than single numbers are gathered.
            rows = signs[0].T.contiguous().index_select(0, self._index[0, :width])
            targets = rows.view(1, steps, self._dim, self._batch).transpose(2, 3)
        else:
            index = self._index[:, None, :width].expand(-1, self._batch, -1)
            targets = signs.gather(2, index).view(models, self._batch, steps, self._dim).transpose(1, 2)
        if not self._positive:
            targets = targets * self._sign[:, :steps]
        return inputs, targets

    def _find_words(self, iteration: int) -> Tensor:
        place = iteration - self._first
        if not 0 <= place < len(self._words):
            words = np.stack([start_words(key, seed, iteration, _BLOCK) for key, seed in self._streams], 1)
            self._first, self._words, place = iteration, torch.from_numpy(words).to(self._device), 0
        return self._words[place]


@torch.no_grad()
def count_right_signs(weights: Weights, tasks: Sequence[str], count: int, horizon: int, chunk: int = 50) -> Tensor:
    """Count right signs of an ensemble at each step of its tasks' test sets: (models, horizon) int64, of ``count * dim``.

    The tasks are of one history and dim, the test set is the same for all seeds, and ``chunk`` steps are held at a time. An
    output of zero counts as positive, and one that is not a number as negative.
    """
    device = weights.recurrent.device
    system = parse_task(tasks[0])
    shape = (system.history, system.dim)
    known = {task: binary_inputs(f"{task}/test", 0, 0, count, shape, device=device) for task in set(tasks)}
    initial = torch.stack([known[task] for task in tasks])
    flat = initial.flatten(2).mT.contiguous()
    tables = [_table_of(task, horizon) for task in tasks]
    place, right = 0, []
    models = torch.arange(len(tasks), device=device)[:, None]
    for outputs in run_forward(weights, initial.transpose(1, 2), horizon, chunk):
        steps = outputs.shape[1]
        part = slice(place, place + steps)
        index, sign = (
            torch.from_numpy(np.stack([getattr(table, name)[part].reshape(-1) for table in tables])).to(device)
            for name in ("index", "sign")
        )
        targets = (flat[models, index] * sign[..., None] > 0).view(len(tasks), steps, system.dim, count)
        right.append(((outputs >= 0).transpose(2, 3) == targets).sum((2, 3)))
        place += steps
    return torch.cat(right, 1).cpu()
