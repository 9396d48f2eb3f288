"""The still of the explorer page, for print and for readers without JavaScript."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from twm.errors import require
from twm.figures.style import DIVERGING, make_axes


def plot_explorer(picture: np.ndarray, state: np.ndarray, variables: np.ndarray, outputs: np.ndarray) -> Figure:
    """Draw the explorer's four panels at one step.

    Args:
        picture: (history, dim) the input, the first column first.
        state: (hidden,) the neurons.
        variables: (history, dim) the same state in the recovered basis, the oldest column first.
        outputs: (steps, dim) what has been given out since the input ended.

    Raises:
        UserError: if the shapes do not fit together.

    Source: twm Fig. 3, Fig. 6.
    """
    picture, variables, outputs = (np.asarray(part, dtype=float) for part in (picture, variables, outputs))
    fits = picture.shape == variables.shape and outputs.ndim == 2 and outputs.shape[1:] == picture.shape[1:]
    require(fits, f"shapes do not fit: {picture.shape}, {variables.shape} and {outputs.shape}")
    width = 16
    neurons = np.full(-(-len(state) // width) * width, np.nan)
    neurons[: len(state)] = state
    figure, axes = make_axes(1, 1, width=7.2, height=4.6)
    axes[0, 0].remove()
    grid = GridSpec(3, 2, figure=figure, height_ratios=(1.05, 1, 1))
    # Neurons share the work, so each is quieter than a variable.
    loudest = 3 * float(np.sqrt(np.mean(np.square(state)))) or 1.0
    panels = (
        (grid[0, 0], "1. Input", picture.T, "input", "dimension", 1.2),
        (grid[0:2, 1], "2. Hidden neurons", neurons.reshape(-1, width), "neuron, in rows of 16", "", loudest),
        (
            grid[1, 0],
            "3. The same state in the recovered basis",
            variables.T,
            "column, the oldest first",
            "dimension",
            1.2,
        ),
        (grid[2, :], "4. Output", outputs.T, "output step", "dimension", 1.2),
    )
    for place, title, values, col_label, row_label, limit in panels:
        axis = figure.add_subplot(place)
        axis.imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest")
        axis.set_title(title, fontsize="small", loc="left")
        axis.set(xlabel=col_label, ylabel=row_label, yticks=[])
        # Numbered from 1, as on the page.
        ticks = np.arange(3, values.shape[1], 4 if values.shape[1] <= width else width // 2)
        axis.set_xticks([] if not row_label else ticks, [] if not row_label else ticks + 1)
    return figure
