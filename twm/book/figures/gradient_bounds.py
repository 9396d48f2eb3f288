"""Figures of the notebook 06_gradient_bounds."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, ScalarFormatter

from twm.book.figures.style import DASHES, INK, MARKERS, QUALITATIVE, get_colours, make_axes
from twm.training.tables import StartSummary

_FAINT = "#BBBBBB"


def plot_keeping(kept: Mapping[str, np.ndarray]) -> Figure:
    """Plot what each input has left in each neuron at the end of the input phase.

    Args:
        kept: by network, derivative of each neuron by each input, (neurons, inputs).
    """
    figure, axes = make_axes(1, len(kept), width=2.6 * len(kept), height=2.9)
    for place, (name, values) in zip(axes[0], kept.items()):
        image = place.imshow(values, cmap=get_colours("sequential"), vmin=0, vmax=1, aspect="equal", origin="upper")
        place.set(xlabel="input (1 the oldest)", title=name)
        for set_ticks, count in ((place.set_xticks, values.shape[1]), (place.set_yticks, values.shape[0])):
            set_ticks(range(count), [str(number + 1) for number in range(count)])
    axes[0, 0].set_ylabel("neuron")
    figure.colorbar(image, ax=list(axes[0]), label="derivative", shrink=0.8)
    return figure


def plot_decay(
    distances: np.ndarray,
    rotations: Mapping[float, Mapping[str, np.ndarray]],
    random: Mapping[str, Mapping[str, np.ndarray]],
) -> Figure:
    """Plot gradients against distance for networks without waves.

    Args:
        distances: (n,) steps of the recurrent matrix between input and cost.
        rotations: by mu, for W = mu Q, the norms ``linear`` and ``tanh`` and the ``bound``, each (n,).
        random: by name, for random matrices, the norms ``measured``, the prediction by the spectral ``radius`` and that by
            the operator ``norm``, each (n,).
    """
    figure, axes = make_axes(1, 2, width=8.0, height=3.6)
    left, right = axes[0]
    for index, (mu, found) in enumerate(rotations.items()):
        colour = QUALITATIVE[index]
        left.semilogy(distances, found["linear"], color=colour, linestyle="-", label=rf"$\mu$ = {mu:g}")
        left.semilogy(distances, found["tanh"], color=colour, linestyle="--", linewidth=1.2)
        left.semilogy(distances[::12], found["bound"][::12], color=colour, linestyle="none", marker="o", markersize=3.5)
    left.set(title=r"W = $\mu$Q (dashed: tanh; dots: bound)", ylabel="|dC/dx|, relative to the nearest")
    for index, (name, found) in enumerate(random.items()):
        colour = QUALITATIVE[index]
        right.semilogy(distances, found["measured"], color=colour, linestyle="-", label=name)
        right.semilogy(distances, found["radius"], color=colour, linestyle=":", linewidth=2.4)
        right.semilogy(distances, found["norm"], color=colour, linestyle="--", linewidth=1.2)
    right.set(title=r"random W (dotted: $\rho^n$; dashed: $\mu^n$)")
    for place in (left, right):
        place.set_xlabel("distance n, steps between input and cost")
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

    Args:
        histories: (n,) values of s.
        linear: by basis, largest difference of dy(s+1)/dx(1) from the identity, (n,).
        crossed: (m,) values of s behind a tanh.
        tanh: by name, measured and predicted share of the gradient that is left, each (m,).
        random: (m,) the same for a network without a wave.
    """
    figure, axes = make_axes(1, 2, width=8.0, height=3.6)
    left, right = axes[0]
    for index, (name, error) in enumerate(linear.items()):
        left.loglog(
            histories, np.maximum(error, 1e-17), color=QUALITATIVE[index], linestyle="none", marker=MARKERS[index], markersize=3,
            label=name,
        )  # fmt: skip
    left.axhline(1e-10, color=INK, linestyle=":", linewidth=1)
    left.text(histories[0], 1.6e-10, "allowed", fontsize="small")
    left.set(title="linear: the identity", ylabel="|dy(s+1)/dx(1) - 1|", ylim=(3e-18, 1e-8))
    left.legend(fontsize="small", loc="upper right", bbox_to_anchor=(1, 0.8))
    for index, (name, (measured, predicted)) in enumerate(tanh.items()):
        right.loglog(crossed, predicted, color=QUALITATIVE[index], linestyle="-", linewidth=1.4)
        right.loglog(
            crossed, measured, color=QUALITATIVE[index], linestyle="none", marker=MARKERS[index], markersize=4, label=name
        )  # fmt: skip
    right.loglog(crossed, random, color=QUALITATIVE[len(tanh)], linestyle="--", label="no wave")
    right.set(title="tanh (lines: predicted)", ylabel="share of the gradient left", ylim=(1e-8, 2))
    right.legend(fontsize="small", loc="lower left")
    for place in (left, right):
        place.set_xlabel("s, columns and steps to cross")
    return figure


def plot_opening(
    gradients: Mapping[str, Mapping[int, np.ndarray]],
    ranks: Mapping[str, Mapping[int, float]],
    farthest: Mapping[str, Mapping[int, float]],
) -> Figure:
    """Plot how the gradient opens while waves form.

    Args:
        gradients: by task and iteration, length of the derivative of the first output by each input, (time,), the oldest
            first.
        ranks: by task and iteration, eigenvalues with a magnitude above 0.9 as a share of theory's.
        farthest: by task and iteration, the derivative by the component that the task reads farthest back.
    """
    figure, axes = make_axes(len(gradients), 2, width=8.0, height=3.0 * len(gradients))
    colours = get_colours("sequential")
    for row, (task, found) in enumerate(gradients.items()):
        left, right = axes[row]
        iterations = sorted(found)
        top = np.log1p(iterations[-1])
        distances = np.arange(len(found[iterations[0]]), 0, -1)
        for iteration in iterations:
            # The palest end of the map cannot be seen on paper.
            shade = colours(0.88 * np.log1p(iteration) / top)
            left.semilogy(distances, found[iteration], color=shade, linestyle="-", linewidth=1.4)
        picked = sorted(
            {iterations[0], iterations[len(iterations) // 3], iterations[2 * len(iterations) // 3], iterations[-1]}
        )
        for iteration in picked:
            shade = colours(0.88 * np.log1p(iteration) / top)
            left.plot([], [], color=shade, linestyle="-", label=f"iteration {iteration}")
        left.set(xlabel="distance of the input", ylabel="|dy(s+1)/dx|", title=f"{task}: from every input")
        left.set_xticks(distances)
        left.legend(fontsize="x-small", loc="lower left")
        shown = [max(iteration, 1) for iteration in iterations]
        right.semilogx(
            shown, [farthest[task][iteration] for iteration in iterations], color=QUALITATIVE[0], linestyle="-", marker=MARKERS[0],
            label="gradient by what is read farthest back",
        )  # fmt: skip
        right.semilogx(
            shown, [ranks[task][iteration] for iteration in iterations], color=QUALITATIVE[1], linestyle="--", marker=MARKERS[1],
            label="slow eigenvalues, share of theory's",
        )  # fmt: skip
        right.axhline(1, color=_FAINT, linestyle="-", linewidth=1, zorder=0)
        right.set(xlabel="iteration (the start is drawn at 1)", title=f"{task}: through training", ylim=(-0.05, 1.5))
        right.legend(fontsize="small", loc="upper left")
    return figure


def plot_reach(distances: np.ndarray, curves: Mapping[str, np.ndarray], history: int) -> Figure:
    """Plot what the first input leaves in the state, within the substrate and beyond.

    Args:
        distances: (n,) steps since the input entered, from 1.
        curves: by name, length of the derivative of the state by that input, relative to its entry, (n,).
        history: number of columns.
    """
    figure, axes = make_axes(1, 1, width=7.6, height=3.8)
    place = axes[0, 0]
    for index, (name, values) in enumerate(curves.items()):
        # Zero has no logarithm; what is below the axis leaves the picture.
        place.loglog(
            distances, np.maximum(values, 1e-30), color=QUALITATIVE[index % 6], linestyle=DASHES[index % 6], linewidth=1.6,
            marker=MARKERS[index % 6], markersize=3, markevery=(index, 6), label=name,
        )  # fmt: skip
    place.axvline(history, color=INK, linestyle=":", linewidth=1)
    place.text(history * 1.06, 3, "end of the substrate", fontsize="small")
    place.set(xlabel="steps since the input entered", ylabel="|dh/dx(1)|, relative to its entry", ylim=(1e-9, 10))
    figure.legend(loc="outside right center", fontsize="small")
    return figure


def plot_tightness(groups: Mapping[str, Mapping[str, tuple[float, float, float]]]) -> Figure:
    """Plot gradients as a share of their bounds.

    Args:
        groups: by kind of network, by bound, the least, median and largest ratio of gradient to bound.
    """
    figure, axes = make_axes(1, 1, width=7.4, height=0.62 * len(groups) + 1.5)
    place = axes[0, 0]
    bounds = list(next(iter(groups.values())))
    for row, found in enumerate(reversed(groups.values())):
        for index, name in enumerate(bounds):
            low, middle, high = found[name]
            height = row + 0.16 * ((len(bounds) - 1) / 2 - index)
            place.plot([low, high], [height, height], color=QUALITATIVE[index], linestyle="-", linewidth=1.2)
            place.plot(
                middle, height, color=QUALITATIVE[index], marker=MARKERS[index], linestyle="none", label=name if row == 0 else None
            )  # fmt: skip
    place.axvline(1, color=INK, linestyle=":", linewidth=1)
    place.set_yticks(range(len(groups)), list(reversed(groups)))
    place.tick_params(axis="y", length=0)
    place.set(
        xscale="log",
        xlabel="gradient / bound (right of the dotted line it would be broken)",
        ylim=(-0.6, len(groups) - 0.4),
    )
    place.set_xlim(right=1.6)
    figure.legend(loc="outside upper center", ncols=min(4, len(bounds)), fontsize="small", handletextpad=0.3)
    return figure


def plot_starts(summaries: Mapping[tuple[str, str], StartSummary]) -> Figure:
    """Plot iterations to 99% for each task and start, and the ratio to the baseline with its interval.

    Args:
        summaries: by (task, init), as :func:`twm.training.tables.summarise_starts` returns them.
    """
    tasks = list(dict.fromkeys(task for task, _ in summaries))
    starts = list(dict.fromkeys(init for _, init in summaries))
    figure, axes = make_axes(len(tasks), 2, width=8.2, height=0.9 + 0.30 * len(summaries))
    for row, task in enumerate(tasks):
        own = [init for init in starts if (task, init) in summaries]
        left, right = axes[row]
        for height, init in enumerate(reversed(own)):
            found = summaries[task, init]
            colour = QUALITATIVE[starts.index(init) % len(QUALITATIVE)]
            _draw_runs(left, found, height, colour)
            if found.ratio is not None:
                _draw_ratio(right, found, height, colour)
        names = [f"{init} ({summaries[task, init].reached} of {len(summaries[task, init].iterations)})" for init in own]
        left.set_yticks(range(len(own)), names[::-1])
        right.set_yticks(range(len(own)), [""] * len(own))
        for place in (left, right):
            place.tick_params(axis="y", length=0, labelsize="small")
            place.set(xscale="log", ylim=(-0.6, len(own) - 0.4))
            place.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            place.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            place.xaxis.set_minor_formatter(NullFormatter())
        right.axvline(1, color=INK, linestyle=":", linewidth=1)
        left.set_title(task)
    axes[-1, 0].set_xlabel("iterations to 99%")
    axes[-1, 1].set_xlabel("ratio to the default start")
    axes[0, 1].set_title("median ratio, 95% interval")
    figure.get_layout_engine().set(wspace=0.04)
    _share_range([axes[row, 0] for row in range(len(tasks))])
    _share_range([axes[row, 1] for row in range(len(tasks))])
    return figure


def plot_spectra_in_training(spectra: Mapping[str, tuple[np.ndarray, np.ndarray]], roots: np.ndarray) -> Figure:
    """Plot the eigenvalues of recurrent matrices before and after training.

    Args:
        spectra: by start, eigenvalues before and after, each (hidden,) complex.
        roots: (n,) complex eigenvalues that theory predicts.
    """
    columns = 3 if len(spectra) > 2 else len(spectra)
    rows = -(-len(spectra) // columns)
    figure, axes = make_axes(rows, columns, width=2.6 * columns, height=2.75 * rows + 0.4)
    circle = np.exp(1j * np.linspace(0, 2 * np.pi, 200))
    for place, (name, (before, after)) in zip(axes.flat, spectra.items()):
        place.plot(circle.real, circle.imag, color=_FAINT, linestyle="-", linewidth=1, zorder=0)
        place.plot(
            roots.real, roots.imag, linestyle="none", marker="o", markersize=11, markerfacecolor="none", markeredgecolor=INK,
            markeredgewidth=0.8, label="theory",
        )  # fmt: skip
        place.plot(
            before.real,
            before.imag,
            linestyle="none",
            marker="x",
            markersize=3.5,
            color=QUALITATIVE[1],
            alpha=0.6,
            label="start",
        )
        place.plot(
            after.real, after.imag, linestyle="none", marker=".", markersize=5, color=QUALITATIVE[0], label="at 99%"
        )
        place.set(title=name, aspect="equal", xlim=(-1.45, 1.45), ylim=(-1.45, 1.45))
    for place in axes.flat[len(spectra) :]:
        place.set_axis_off()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize="small")
    figure.supxlabel("real part", fontsize="small")
    figure.supylabel("imaginary part", fontsize="small")
    return figure


def _draw_runs(place: Axes, found: StartSummary, height: float, colour: str) -> None:
    for count in found.iterations.values():
        place.plot(
            found.cap if count is None else count, height, linestyle="none", marker="o", markersize=4, color=colour, alpha=0.8,
            markerfacecolor="white" if count is None else colour,
        )  # fmt: skip
    place.plot([found.median, found.median], [height - 0.32, height + 0.32], color=colour, linestyle="-", linewidth=2)


def _draw_ratio(place: Axes, found: StartSummary, height: float, colour: str) -> None:
    ratio = found.ratio
    if not np.isfinite(ratio.ratio):
        place.text(0.9, height, "most never arrive", fontsize="small", va="center", ha="right", color=colour)
        return
    high = min(ratio.high, 1e3)
    place.plot([ratio.low, high], [height, height], color=colour, linestyle="-")
    place.plot(ratio.ratio, height, marker="o", linestyle="none", color=colour)


def _share_range(places: Sequence[Axes]) -> None:
    low = min(place.get_xlim()[0] for place in places)
    high = max(place.get_xlim()[1] for place in places)
    for place in places:
        place.set_xlim(low, high)
        if high > 30 * low:
            place.xaxis.set_major_locator(LogLocator())
            place.xaxis.set_major_formatter(ScalarFormatter() if high > 10 else FuncFormatter(lambda v, _: f"{v:g}"))
            place.xaxis.set_minor_formatter(NullFormatter())
