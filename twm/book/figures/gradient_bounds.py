"""Figures of the notebook 06_gradient_bounds."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twm.book.figures.style import (
    FLOOR, INK, MARKERS, QUALITATIVE, THIN, draw_eigenvalues, draw_guide, draw_unit_circle, get_colours, label_axes,
    make_axes, make_panels, number_log_axis, number_ticks, plot_magnitudes, share_legend, style_line, style_marks,
)  # fmt: skip
from twm.training.tables import StartSummary


def plot_keeping(kept: Mapping[str, np.ndarray]) -> Figure:
    """Plot by network what each input has left in each neuron at the end of the input phase, (neurons, inputs)."""
    figure, (row,) = make_axes(1, len(kept), 2.6 * len(kept), 2.9)
    for place, (name, values) in zip(row, kept.items()):
        image = plot_magnitudes(place, values, high=1, aspect="equal")
        label_axes(place, "input (1 the oldest)", "", name)
        number_ticks(place, values.shape[1], every=1)
        number_ticks(place, values.shape[0], "y", every=1)
    row[0].set_ylabel("neuron")
    figure.colorbar(image, ax=list(row), label="derivative", shrink=0.8)
    return figure


def plot_decay(
    distances: np.ndarray,
    rotations: Mapping[float, Mapping[str, np.ndarray]],
    random: Mapping[str, Mapping[str, np.ndarray]],
) -> Figure:
    """Plot gradients against ``distances`` (n,) between input and cost for networks without waves, each (n,).

    ``rotations``: by mu, for W = mu Q, ``linear``, ``tanh`` and the ``bound``; ``random``: by name, ``measured`` and what the
    spectral ``radius`` and the operator ``norm`` predict.
    """
    figure, ((left, right),) = make_axes(1, 2, 8.0, 3.6)
    for index, (mu, found) in enumerate(rotations.items()):
        left.semilogy(distances, found["linear"], **style_line(index, rf"$\mu$ = {mu:g}", linestyle="-"))
        left.semilogy(distances, found["tanh"], **style_line(index, linestyle="--", linewidth=1.2))
        left.semilogy(distances[::12], found["bound"][::12], **style_marks(index, marker="o", markersize=3.5))
    for index, (name, found) in enumerate(random.items()):
        right.semilogy(distances, found["measured"], **style_line(index, name, linestyle="-"))
        right.semilogy(distances, found["radius"], **style_line(index, linestyle=":", linewidth=2.4))
        right.semilogy(distances, found["norm"], **style_line(index, linestyle="--", linewidth=1.2))
    label = "distance n, steps between input and cost"
    label_axes(left, label, "|dC/dx|, relative to the nearest", r"W = $\mu$Q (dashed: tanh; dots: bound)")
    label_axes(right, label, "", r"random W (dotted: $\rho^n$; dashed: $\mu^n$)")
    for place in (left, right):
        place.legend(fontsize="small", loc="lower left")
    return figure


def plot_wave_gradients(
    histories: np.ndarray,
    linear: Mapping[str, np.ndarray],
    crossed: np.ndarray,
    tanh: Mapping[str, tuple[np.ndarray, np.ndarray]],
    random: np.ndarray,
) -> Figure:
    """Plot how much of the first input's gradient constructed waves keep, against the length of the substrate.

    ``linear``: by basis, largest difference of dy(s+1)/dx(1) from the identity, at ``histories`` (n,); ``tanh``: by name, the
    share that is left, measured and predicted, at ``crossed`` (m,); ``random`` (m,): the same without a wave.
    """
    figure, ((left, right),) = make_axes(1, 2, 8.0, 3.6)
    for index, (name, error) in enumerate(linear.items()):
        left.loglog(histories, np.maximum(error, FLOOR), **style_marks(index, name, markersize=3))
    draw_guide(left, 1e-10)
    left.text(histories[0], 1.6e-10, "allowed", fontsize="small")
    label = "s, columns and steps to cross"
    label_axes(left, label, "|dy(s+1)/dx(1) - 1|", "linear: the identity", ylim=(3e-18, 1e-8))
    left.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.8))
    for index, (name, (measured, predicted)) in enumerate(tanh.items()):
        right.loglog(crossed, predicted, **style_line(index, linestyle="-", linewidth=1.4))
        right.loglog(crossed, measured, **style_marks(index, name, markersize=4))
    right.loglog(crossed, random, **style_line(len(tanh), "no wave", linestyle="--"))
    label_axes(right, label, "share of the gradient left", "tanh (lines: predicted)", ylim=(1e-8, 2))
    right.legend(fontsize="small", loc="lower left")
    return figure


def plot_opening(
    gradients: Mapping[str, Mapping[int, np.ndarray]],
    ranks: Mapping[str, Mapping[int, float]],
    farthest: Mapping[str, Mapping[int, float]],
) -> Figure:
    """Plot by task and iteration how the gradient opens while waves form.

    ``gradients``: of the first output by each input, (time,), the oldest first; ``ranks``: eigenvalues above 0.9 as a share of
    theory's; ``farthest``: the derivative by the component that the task reads farthest back.
    """
    figure, axes = make_axes(len(gradients), 2, 8.0, 3.0 * len(gradients))
    for (left, right), (task, found) in zip(axes, gradients.items()):
        iterations = sorted(found)
        last = len(iterations) - 1
        named = {iterations[place] for place in (0, (last + 1) // 3, 2 * (last + 1) // 3, last)}
        distances = np.arange(len(found[iterations[0]]), 0, -1)
        for iteration in iterations:
            # The palest end of the map cannot be seen on paper.
            shade = get_colours("sequential")(0.88 * np.log1p(iteration) / np.log1p(iterations[-1]))
            label = f"iteration {iteration}" if iteration in named else None
            left.semilogy(distances, found[iteration], color=shade, linestyle="-", linewidth=1.4, label=label)
        label_axes(left, "distance of the input", "|dy(s+1)/dx|", f"{task}: from every input", xticks=distances)
        left.legend(fontsize="x-small", loc="lower left")
        shown = [max(iteration, 1) for iteration in iterations]
        for index, values, dash, name in (
            (0, farthest[task], "-", "gradient by what is read farthest back"),
            (1, ranks[task], "--", "slow eigenvalues, share of theory's"),
        ):
            heights = [values[iteration] for iteration in iterations]
            right.semilogx(shown, heights, **style_marks(index, name, linestyle=dash))
        right.axhline(1, zorder=0, **THIN)
        label = "iteration (the start is drawn at 1)"
        label_axes(right, label, "", f"{task}: through training", ylim=(-0.05, 1.5))
        right.legend(fontsize="small", loc="upper left")
    return figure


def plot_reach(distances: np.ndarray, curves: Mapping[str, np.ndarray], history: int) -> Figure:
    """Plot what the first input leaves in the state (n,), relative to its entry, within the substrate and beyond."""
    figure, ((place,),) = make_axes(1, 1, 7.6, 3.8)
    for index, (name, values) in enumerate(curves.items()):
        # Zero has no logarithm; what is below the axis leaves the picture.
        style = style_line(index, name, linewidth=1.6, marker=MARKERS[index % 6], markersize=3, markevery=(index, 6))
        place.loglog(distances, np.maximum(values, 1e-30), **style)
    draw_guide(place, x=history)
    place.text(history * 1.06, 3, "end of the substrate", fontsize="small")
    label_axes(place, "steps since the input entered", "|dh/dx(1)|, relative to its entry", ylim=(1e-9, 10))
    share_legend(figure, "outside right center", ncols=1)
    return figure


def plot_tightness(groups: Mapping[str, Mapping[str, tuple[float, float, float]]]) -> Figure:
    """Plot least, median and largest ratio of gradient to bound, by kind of network and by bound."""
    figure, ((place,),) = make_axes(1, 1, 7.4, 0.62 * len(groups) + 1.5)
    bounds = list(next(iter(groups.values())))
    for row, found in enumerate(reversed(groups.values())):
        for index, name in enumerate(bounds):
            low, middle, high = found[name]
            height = row + 0.16 * ((len(bounds) - 1) / 2 - index)
            place.plot([low, high], [height, height], **style_line(index, linestyle="-", linewidth=1.2))
            place.plot(middle, height, **style_marks(index, name if row == 0 else None))
    draw_guide(place, x=1)
    place.set_yticks(range(len(groups)), list(reversed(groups)))
    place.tick_params(axis="y", length=0)
    label, rows = "gradient / bound (right of the dotted line it would be broken)", (-0.6, len(groups) - 0.4)
    label_axes(place, label, xscale="log", ylim=rows)
    place.set_xlim(right=1.6)
    share_legend(figure, "outside upper center", ncols=min(4, len(bounds)), handletextpad=0.3)
    return figure


def plot_starts(summaries: Mapping[tuple[str, str], StartSummary]) -> Figure:
    """Plot iterations to 99% by (task, init), and the ratio to the baseline with its interval."""
    tasks = list(dict.fromkeys(task for task, _ in summaries))
    starts = list(dict.fromkeys(init for _, init in summaries))
    figure, axes = make_axes(len(tasks), 2, 8.2, 0.9 + 0.30 * len(summaries))
    for (left, right), task in zip(axes, tasks):
        own = {init: summaries[task, init] for init in reversed(starts) if (task, init) in summaries}
        for height, (init, found) in enumerate(own.items()):
            colour = QUALITATIVE[starts.index(init) % len(QUALITATIVE)]
            _draw_runs(left, found, height, colour)
            if found.ratio is not None:
                _draw_ratio(right, found.ratio, height, colour)
        names = [f"{init} ({found.reached} of {len(found.iterations)})" for init, found in own.items()]
        left.set_yticks(range(len(own)), names)
        right.set_yticks(range(len(own)), [""] * len(own))
        for place in (left, right):
            place.tick_params(axis="y", length=0, labelsize="small")
            place.set(xscale="log", ylim=(-0.6, len(own) - 0.4))
        draw_guide(right, x=1)
        left.set_title(task)
    axes[-1, 0].set_xlabel("iterations to 99%")
    axes[-1, 1].set_xlabel("ratio to the default start")
    axes[0, 1].set_title("median ratio, 95% interval")
    figure.get_layout_engine().set(wspace=0.04)
    _share_range(axes[:, 0])
    _share_range(axes[:, 1])
    return figure


def plot_spectra_in_training(spectra: Mapping[str, tuple[np.ndarray, np.ndarray]], roots: np.ndarray) -> Figure:
    """Plot by start the eigenvalues (hidden,) before and after training, over the ``roots`` that theory predicts."""
    figure, axes = make_panels(len(spectra), min(3, len(spectra)), 2.6, 2.75)
    for place, (name, (before, after)) in zip(axes, spectra.items()):
        draw_unit_circle(place, 1.45, xlabel="", ylabel="", title=name)
        draw_eigenvalues(place, roots, markersize=11, markeredgewidth=0.8, label="theory")
        start = {"marker": "x", "markersize": 3.5, "alpha": 0.6}
        draw_eigenvalues(place, before, color=QUALITATIVE[1], label="start", **start)
        draw_eigenvalues(place, after, marker=".", markersize=5, color=QUALITATIVE[0], label="at 99%")
    share_legend(figure, "outside upper center")
    figure.supxlabel("real part", fontsize="small")
    figure.supylabel("imaginary part", fontsize="small")
    return figure


def _draw_runs(place: Axes, found: StartSummary, height: float, colour: str) -> None:
    style = {"linestyle": "none", "marker": "o", "markersize": 4, "color": colour, "alpha": 0.8}
    for count in found.iterations.values():
        face = "white" if count is None else colour
        place.plot(found.cap if count is None else count, height, markerfacecolor=face, **style)
    place.plot([found.median, found.median], [height - 0.32, height + 0.32], color=colour, linestyle="-", linewidth=2)


def _draw_ratio(place: Axes, ratio, height: float, colour: str) -> None:
    if not np.isfinite(ratio.ratio):
        place.text(0.9, height, "most never arrive", fontsize="small", va="center", ha="right", color=colour)
        return
    place.plot([ratio.low, min(ratio.high, 1e3)], [height, height], color=colour, linestyle="-")
    place.plot(ratio.ratio, height, marker="o", linestyle="none", color=colour)


def _share_range(places: Sequence[Axes]) -> None:
    low = min(place.get_xlim()[0] for place in places)
    high = max(place.get_xlim()[1] for place in places)
    for place in places:
        place.set_xlim(low, high)
        number_log_axis(place.xaxis, (1.0,) if high > 30 * low else (1.0, 2.0, 5.0))
