"""Figures of the notebook 10_any_rule."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from twm.book.figures.style import (
    Curves, draw_guide, label_axes, make_axes, make_row, name_rows, number_cells, number_ticks, plot_magnitudes, plot_matrix,
    share_legend, style_both, style_marks, write_cells,
)  # fmt: skip


def plot_rule_accuracies(groups: Mapping[str, Sequence[float]], reach: Sequence[bool]) -> Figure:
    """Plot accuracies by rule, one mark per seed; rules that a network cannot learn (``reach``) have another mark."""
    figure, ((panel,),) = make_axes(1, 1, 4.1, 1.0 + 0.27 * len(groups))
    for height, (accuracies, within) in enumerate(zip(reversed(groups.values()), reversed(reach))):
        style = style_marks(0 if within else 1, "learnable" if within else "not learnable", fillstyle="none")
        panel.plot(accuracies, [height] * len(accuracies), **style)
    name_rows(panel, list(reversed(groups)))
    label_axes(panel, "sign accuracy over 200 steps", xlim=(0.45, 1.02))
    draw_guide(panel, x=0.99)
    share_legend(figure)
    return figure


def plot_by_column(panels: Mapping[str, Curves], label: str, level: float) -> Figure:
    """Plot the median and range over networks of values (networks, columns), oldest column first, by title and series."""
    figure, row = make_row(panels, 3.7, 3.3, label=label)
    for panel, series in row:
        for index, (name, values) in enumerate(series.items()):
            places = np.arange(1, np.shape(values)[1] + 1) + 0.08 * index
            (line,) = panel.plot(places, np.median(values, 0), **style_both(index, name))
            panel.vlines(places, np.min(values, 0), np.max(values, 0), color=line.get_color(), linewidth=1)
        label_axes(panel, "column (1 the oldest)", guide=level, ylim=(0.45, 1.03), xticks=np.round(places))
        panel.legend(fontsize="small", loc="lower right")
    return figure


def plot_products(shares: Mapping[str, Sequence[float]], measured: np.ndarray, theory: np.ndarray) -> Figure:
    """Plot R^2 of products by rule and steps until use, and a network's step in variables beside the predicted one."""
    figure, ((left, *right),) = make_axes(1, 3, 8.6, 3.4)
    table = np.array(list(shares.values()), float)
    plot_magnitudes(left, table, 0, 1)
    write_cells(left, np.where(np.isfinite(table), np.char.mod("%.2f", table), ""), table < 0.6, fontsize="small")
    number_ticks(left, list(shares), "y", 1)
    label_axes(left, "steps until use", title="$R^2$ of products", xticks=range(table.shape[1]))
    for panel, values, title in zip(right, (measured, theory), ("network step", "theory")):
        plot_matrix(panel, values, 1.0, "to variable", "from variable or product", title)
        number_cells(panel, *values.T.shape)
    return figure
