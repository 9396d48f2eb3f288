"""Tasks on sequences: copy, adding, images, history-dependent systems; the same data on every device and for any batching.

A task gives batches, (time, batch, inputs), from its seed and iteration alone, and scores answers. The names that
plans and tables use:

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

The 3-bit flip-flop with delay (mem) is an endless stream rather than a list of batches: :class:`FlipFlopStream`.

Smaller images and fewer of them: ``smnist:14,10000``, ``nscifar:16,100,10000``, see :func:`make_image_task`.

Source: wrnn Sec. 3.
"""

from twm.errors import require
from twm.tasks.images import (
    IMAGE_SOURCES,
    make_image_task,
    read_image_name,
)
from twm.tasks.sequences import (
    AddingTask,
    CopyTask,
    SequenceTask,
    SystemTask,
    read_system_name,
)


def parse_sequence_task(name: str) -> SequenceTask:
    """Make a task from its name.

    Args:
        name: ``copy:T``, ``adding:T``, ``hds:H,TASK``, or an image task as :func:`make_image_task` takes it.

    Returns:
        the task.

    Raises:
        UserError: if the name is unknown or has another form, or images are not to be had.
    """
    kind, number = check_sequence_task(name)
    if kind in IMAGE_SOURCES:
        return make_image_task(name)
    if kind == "hds":
        return SystemTask(*read_system_name(name))
    return CopyTask(number) if kind == "copy" else AddingTask(number)


def check_sequence_task(name: str) -> tuple[str, int]:
    """Check the name of a task without loading any image.

    Args:
        name: as :func:`parse_sequence_task` takes it.

    Returns:
        its kind, and T for ``copy:T`` and ``adding:T``, H for ``hds:H,TASK``, the steps of a sequence for images.

    Raises:
        UserError: if the name is unknown or has another form.
    """
    kind, _, rest = str(name).partition(":")
    if kind in IMAGE_SOURCES:
        return kind, read_image_name(name)[2]
    if kind == "hds":
        return kind, read_system_name(str(name))[0]
    known = ("copy", "adding")
    require(kind in known, f"unknown task {name!r}: choose copy:T, adding:T, hds:H,TASK, {', '.join(IMAGE_SOURCES)}")
    whole = rest.isascii() and rest.isdigit() and len(rest) < 6
    require(whole, f"a task of this kind is {kind}:T with a whole number T, such as {kind}:100, not {name!r}")
    require(kind == "copy" or int(rest) >= 2, f"adding:T needs at least two numbers, not {name!r}")
    return kind, int(rest)
