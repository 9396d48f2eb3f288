"""Figures of the notebook 11_wave_or_register, and of ``twm probe``."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from twm.analysis.decoding import Decoding, Interval
from twm.book.figures.style import (
    draw_guide, label_axes, make_axes, make_panels, name_rows, plot_magnitudes, share_legend, style_line, style_marks,
)  # fmt: skip


def plot_decodings(found: Mapping[str, Decoding], columns: int = 5) -> Figure:
    """Plot R^2 of decoders by training step (rows) and test step (columns), by title; negative values are drawn as 0."""
    columns, side = min(columns, len(found)), 1.75 if len(found) > 2 else 3.4
    figure, panels = make_panels(len(found), columns, side, side + 0.5, 0.4)
    for place, (panel, (title, one)) in enumerate(zip(panels, found.items())):
        edges = one.times[0] - 0.5, one.times[-1] + 0.5
        image = plot_magnitudes(panel, one.r2.clip(0), high=1, extent=(*edges, *edges), origin="lower", aspect="equal")
        movement = "none" if one.movement.value is None else f"{one.movement.value:.2f}"
        panel.set_title(f"{title}\nmovement {movement}\nspan {one.span.value:.0f}", fontsize="small")
        label_axes(panel, "tested at step", "" if place % columns else "trained at step")
    figure.colorbar(image, ax=figure.axes, location="bottom", shrink=0.45, aspect=30, label="$R^2$ of the item")
    return figure


def plot_movements(groups: Mapping[str, Mapping[str, Sequence[Interval]]]) -> Figure:
    """Plot movements with their intervals, by row and series; entries without a movement are left out."""
    figure, ((panel,),) = make_axes(1, 1, 7.4, 0.5 * len(groups) + 1.4)
    for row, found in enumerate(reversed(groups.values())):
        for index, (name, each) in enumerate(found.items()):
            for number, (value, low, high) in enumerate(one for one in each if one.value is not None):
                place = row + 0.24 * ((len(found) - 1) / 2 - index) + 0.08 * (number / max(1, len(each) - 1) - 0.5)
                panel.plot([low, high], [place, place], **style_line(index, linestyle="-", linewidth=1))
                panel.plot(value, place, **style_marks(index, name, markersize=4))
    draw_guide(panel, x=0.5)
    name_rows(panel, list(reversed(groups)))
    label_axes(panel, "movement of the code (0: register, 1: wave)", xlim=(-0.03, 1.03))
    share_legend(figure, "outside upper center")
    return figure
