"""Tasks on sequences by the names that plans and tables use.

====================  =====================================================================  =====================
name                  task                                                                   paper's sizes
====================  =====================================================================  =====================
``copy:T``            repeat ten symbols after T steps                                       0, 10, 30, 80, 480
``adding:T``          add the two marked of T numbers                                        100 to 1000
``smnist``            MNIST pixel by pixel                                                   784 steps
``psmnist``           the same in a fixed random order                                       784 steps
``nscifar``           CIFAR-10 row by row, then noise                                        1000 steps
``hds:H,TASK``        the next H states of a history-dependent system                        ours
====================  =====================================================================  =====================

Smaller images and fewer of them: ``smnist:14,10000``, ``nscifar:16,100,10000``; images that come with the library:
``small-smnist``, ``small-psmnist``. See :func:`~twm.tasks.images.make_image_task`.
"""

import re

from twm.errors import require
from twm.tasks.images import IMAGE_SOURCES, make_image_task, read_image_name
from twm.tasks.sequences import AddingTask, CopyTask, SequenceTask, SystemTask
from twm.theory.systems import parse_task


def parse_sequence_task(name: str) -> SequenceTask:
    """Make a task from its name."""
    kind, number = check_sequence_task(name)
    if kind in IMAGE_SOURCES:
        return make_image_task(name)
    if kind == "hds":
        return SystemTask(number, name.partition(",")[2])
    return CopyTask(number) if kind == "copy" else AddingTask(number)


def check_sequence_task(name: str) -> tuple[str, int]:
    """Check the name of a task without loading any image, and return its kind and its first number.

    The number is T or H; the steps of a sequence for images.
    """
    kind, _, rest = str(name).partition(":")
    if kind in IMAGE_SOURCES:
        return kind, read_image_name(name)[2]
    known = "copy:T, adding:T, hds:H,TASK"
    require(kind in ("copy", "adding", "hds"), f"unknown task {name!r}: choose {known}, {', '.join(IMAGE_SOURCES)}")
    number, comma, system = rest.partition(",")
    if kind == "hds":
        fits = bool(re.fullmatch(r"[0-9]{1,4}", number)) and int(number) > 0 and bool(comma)
        require(fits, f"a task of this kind is hds:HORIZON,TASK, such as hds:40,T1, not {name!r}")
        parse_task(system)
        return kind, int(number)
    whole = re.fullmatch(r"[0-9]{1,5}", rest) is not None
    require(whole, f"a task of this kind is {kind}:T with a whole number T, such as {kind}:100, not {name!r}")
    require(kind == "copy" or int(rest) >= 2, f"adding:T needs at least two numbers, not {name!r}")
    return kind, int(rest)
