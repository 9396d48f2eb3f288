"""History-dependent dynamical systems, and the tasks made of them.

A history-dependent dynamical system (HDS) has ``history`` initial states of ``dim`` numbers each, and a boundary f that
makes every later state from the ``history`` states before it:

    x_i = f(x_(i-1), ..., x_(i-s)) for i > s.

Here f reads the window with the oldest state first, as the columns of the substrate in :mod:`twm.waves` are numbered.
Every function takes numpy arrays or torch tensors and keeps their dtype. An array of dtype ``object`` that holds Python
integers is computed exactly, however large the integers grow.

Source: twm Sec. 2, Eq. (1).
"""

from twm.hds.arrays import as_states, as_substrate, is_tensor
from twm.hds.selections import SelectionTable, make_selection_table
from twm.hds.systems import (
    HDS,
    RANDOM_KINDS,
    Boundary,
    LinearBoundary,
    apply_boundary,
    draw_random_systems,
    make_hds,
    make_linear_hds,
    make_random_hds,
    rollout,
    window_states,
)
from twm.hds.tasks import (
    TASK_CODES,
    TASK_DIM,
    TASK_HISTORY,
    SelectionBoundary,
    draw_binary_history,
    make_fibonacci,
    make_named_task,
    make_random_selection,
    make_repeat_copy,
    make_selection,
    parse_task,
)

__all__ = [
    "HDS",
    "RANDOM_KINDS",
    "TASK_CODES",
    "TASK_DIM",
    "TASK_HISTORY",
    "Boundary",
    "LinearBoundary",
    "SelectionBoundary",
    "SelectionTable",
    "apply_boundary",
    "as_states",
    "as_substrate",
    "draw_binary_history",
    "draw_random_systems",
    "is_tensor",
    "make_fibonacci",
    "make_hds",
    "make_linear_hds",
    "make_named_task",
    "make_random_hds",
    "make_random_selection",
    "make_repeat_copy",
    "make_selection",
    "make_selection_table",
    "parse_task",
    "rollout",
    "window_states",
]
