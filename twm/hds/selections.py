"""Signed selections ahead of time: which initial component each later one is, and with which sign.

In a signed selection every state component, however late, is one of the initial components or its negative. Which one,
and with which sign, is the same for every sequence. So a single rollout, of distinct numbers instead of signs, tells it for
all of them.
"""

from typing import NamedTuple

import numpy as np

from twm.errors import require
from twm.hds.systems import HDS, rollout


class SelectionTable(NamedTuple):
    """Where each component of a later state comes from.

    Attributes:
        index: (steps, dim) int64, flattened positions ``column*dim + dimension`` in the initial states.
        sign: (steps, dim) float32, +1 or -1.
    """

    index: np.ndarray
    sign: np.ndarray


def make_selection_table(task: HDS, steps: int) -> SelectionTable:
    """Find out where each component of the next ``steps`` states comes from.

    Args:
        task: a system each of whose outputs copies one component of the window, perhaps with its sign turned.
        steps: length of the output phase.

    Returns:
        the table.

    Raises:
        UserError: if the task is not of that kind; states of -1 and 1 need not stay so then.
    """
    matrix = None if task.matrix is None else np.asarray(task.matrix, dtype=float)
    selects = matrix is not None and bool((np.abs(matrix).sum(1) == 1).all() and np.isin(matrix, (-1, 0, 1)).all())
    require(
        selects,
        f"{task.name} cannot be trained: it does not keep states of -1 and 1 so (T1..T4, repeat-copy, code and random do)",
    )
    # Counted from one, so that every number has a sign.
    initial = np.arange(1.0, task.size + 1).reshape(task.history, task.dim)
    later = rollout(task, initial, steps)[task.history :]
    return SelectionTable(np.abs(later).astype(np.int64) - 1, np.sign(later).astype(np.float32))
