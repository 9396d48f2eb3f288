"""Moving pictures that play inside a page, with no server, no network and no library but the browser."""

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from matplotlib.figure import Figure

from twm.book.figures.style import DASHES, QUALITATIVE, get_colours, make_axes, make_colour_table, number_ticks
from twm.errors import require, require_count

LEVELS = 255
LINE_LEVELS = 65535
MOST_BYTES = 1_500_000


@dataclass(frozen=True)
class Panel:
    """A heatmap that changes from step to step.

    Attributes:
        title: what is shown, one short line above the panel.
        frames: array (steps, rows, columns) of finite numbers.
        row_label: label of the vertical axis, with its unit.
        col_label: label of the horizontal axis, with its unit.
        vmin: value of the first colour; the least of ``frames`` if not given, and minus the largest magnitude
            when ``colours`` is diverging.
        vmax: value of the last colour, likewise. Values outside vmin..vmax take the nearest colour.
        colours: ``"diverging"`` for signed values or ``"sequential"`` for magnitudes.
        row_names: name of every row; numbers from 1 if not given.
        col_names: name of every column; numbers from 1 if not given.

    Raises:
        UserError: if shapes, ranges or names do not fit together.
    """

    title: str
    frames: np.ndarray
    row_label: str
    col_label: str
    vmin: float | None = None
    vmax: float | None = None
    colours: str = "diverging"
    row_names: Sequence[str] | None = None
    col_names: Sequence[str] | None = None

    def __post_init__(self):
        frames = _as_finite(self.frames, 3, f"frames of the panel {self.title!r}", "(steps, rows, columns)")
        get_colours(self.colours)
        least, largest = _find_range(frames, self.colours == "diverging")
        vmin = least if self.vmin is None else float(self.vmin)
        vmax = largest if self.vmax is None else float(self.vmax)
        require(vmin < vmax, f"vmin must be below vmax in the panel {self.title!r}, not {vmin:g} and {vmax:g}")
        names = {
            "row_names": _as_names(self.row_names, frames.shape[1], "row_names", self.title),
            "col_names": _as_names(self.col_names, frames.shape[2], "col_names", self.title),
        }
        for name, value in {"frames": frames, "vmin": vmin, "vmax": vmax, **names}.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class LinePanel:
    """Curves that change from step to step.

    Attributes:
        title: what is shown, one short line above the panel.
        x: array (points,) of increasing positions, the same in every step.
        lines: array (steps, curves, points) of finite numbers.
        names: name of every curve.
        x_label: label of the horizontal axis, with its unit.
        y_label: label of the vertical axis, with its unit.
        y_limits: lower and upper end of the vertical axis; the range of ``lines`` with a margin if not given.
            Curves may leave the axis: what is outside is cut off.

    Raises:
        UserError: if shapes, ranges or names do not fit together.
    """

    title: str
    x: np.ndarray
    lines: np.ndarray
    names: Sequence[str]
    x_label: str
    y_label: str
    y_limits: tuple[float, float] | None = None

    def __post_init__(self):
        lines = _as_finite(self.lines, 3, f"lines of the panel {self.title!r}", "(steps, curves, points)")
        x = _as_finite(self.x, 1, f"x of the panel {self.title!r}", "(points,)")
        require(
            len(x) == lines.shape[2] and len(x) > 1 and bool((np.diff(x) > 0).all()),
            f"x of the panel {self.title!r} must be {lines.shape[2]} increasing positions, at least two",
        )
        require(
            lines.shape[1] <= len(QUALITATIVE),
            f"the panel {self.title!r} has {lines.shape[1]} curves; at most {len(QUALITATIVE)} can be told apart",
        )
        least, largest = _find_range(lines, False)
        margin = 0.05 * (largest - least)
        low, high = (least - margin, largest + margin) if self.y_limits is None else map(float, self.y_limits)
        require(low < high, f"y_limits of the panel {self.title!r} must increase, not {low:g} and {high:g}")
        names = _as_names(self.names, lines.shape[1], "names", self.title)
        for name, value in {"lines": lines, "x": x, "names": names, "y_limits": (low, high)}.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class Animation:
    """Panels that move together under one set of controls.

    A notebook or page shows it as a self-contained piece of HTML: canvas panels side by side (below each other on a
    narrow screen), buttons to play, pause and step, a slider, and a caption that follows the step. Print and pages
    without JavaScript show a still picture.

    Attributes:
        panels: one or more of :class:`Panel` and :class:`LinePanel`, all with the same number of steps.
        captions: one sentence for every step.
        title: name of the animation, for its heading and for screen readers.
        alt: what is to be seen, in words, for readers who cannot see it.
        frames_per_second: steps a second while playing.
        autoplay: start when the animation comes into view, unless the reader asked for reduced motion.

    Raises:
        UserError: if the panels disagree about the number of steps, captions are missing, or it would be too large
            for a page.
    """

    panels: Sequence[Panel | LinePanel]
    captions: Sequence[str]
    title: str
    alt: str
    frames_per_second: float = 4.0
    autoplay: bool = False

    def __post_init__(self):
        panels, captions = tuple(self.panels), tuple(str(caption) for caption in self.captions)
        require(len(panels) > 0, "an animation needs at least one panel")
        for panel in panels:
            require(isinstance(panel, Panel | LinePanel), f"a panel must be a Panel or a LinePanel, not {panel!r}")
        counts = {panel.title: len(_get_values(panel)) for panel in panels}
        require(len(set(counts.values())) == 1, f"all panels need the same number of steps, not {counts}")
        steps = len(_get_values(panels[0]))
        require(len(captions) == steps, f"captions must be {steps} sentences, one a step, not {len(captions)}")
        require(bool(str(self.title).strip()), "an animation needs a title")
        require(bool(str(self.alt).strip()), "an animation needs an alt text that says what is to be seen")
        require(
            0 < self.frames_per_second <= 60, f"frames_per_second must be in (0, 60], not {self.frames_per_second!r}"
        )
        size = sum(len(quantise(panel)) for panel in panels)
        require(
            size <= MOST_BYTES,
            f"the animation {self.title!r} would take {size} bytes, more than {MOST_BYTES}; show fewer steps or cells",
        )
        object.__setattr__(self, "panels", panels)
        object.__setattr__(self, "captions", captions)

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.captions)

    def still(self, step: int | None = None) -> Figure:
        """Draw one step as a Figure with one axes for each panel, for print.

        Args:
            step: which step, from 0; the middle one if not given.

        Raises:
            UserError: if there is no such step.
        """
        step = self.steps // 2 if step is None else require_count(step, "step", least=0)
        require(step < self.steps, f"step must be below {self.steps}, not {step}")
        columns = 1 if len(self.panels) == 1 else 2
        rows = -(-len(self.panels) // columns)
        figure, axes = make_axes(rows, columns, width=7.2, height=0.7 + 2.3 * rows)
        for panel, place in zip(self.panels, axes.flat, strict=False):
            _draw_panel(panel, place, step)
        for place in axes.flat[len(self.panels) :]:
            place.remove()
        figure.suptitle(f"{self.title}: {self.captions[step]}", fontsize="medium", x=0.01, ha="left", wrap=True)
        return figure

    def to_dict(self) -> dict:
        """Return what the player reads: texts, and every panel's values as base64 of quantised levels."""
        return {
            "title": self.title,
            "alt": self.alt,
            "steps": self.steps,
            "framesPerSecond": float(self.frames_per_second),
            "autoplay": bool(self.autoplay),
            "captions": list(self.captions),
            "panels": [_describe_panel(panel) for panel in self.panels],
        }

    def to_html(self) -> str:
        """Return the animation as a self-contained piece of HTML that asks nothing of any host."""
        # "<" is escaped so that no text can close the script element that carries the data.
        data = json.dumps(self.to_dict(), ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
        return (
            f'<div class="twm-player" role="group" aria-label="Animation: {html.escape(self.title)}">\n'
            f'<script type="application/json" class="twm-player-data">{data}</script>\n'
            f'<img class="twm-player-still" src="data:image/png;base64,{_encode_png(self.still())}" '
            f'alt="{html.escape(self.alt)}">\n'
            "<noscript><p>Playing it needs JavaScript; without it, this picture shows one moment.</p></noscript>\n"
            f"<script>{_read_player()}</script>\n"
            "</div>"
        )

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        titles = ", ".join(panel.title for panel in self.panels)
        return f"Animation({self.title!r}, {self.steps} steps, panels: {titles})"


def quantise(panel: Panel | LinePanel) -> bytes:
    """Return the values of a panel as levels, in the order step, row (or curve), column (or point).

    A heatmap takes one byte a cell, level 0 for vmin and 255 for vmax. A curve takes two bytes a point, the low one
    first, over three times the height of its axis, so that a curve that leaves the axis still leaves it in the
    right direction.
    """
    if isinstance(panel, Panel):
        low, high, top, kind = panel.vmin, panel.vmax, LEVELS, np.uint8
    else:
        (low, high), top, kind = _widen(panel.y_limits), LINE_LEVELS, np.dtype("<u2")
    levels = np.rint((np.clip(_get_values(panel), low, high) - low) * (top / (high - low)))
    return levels.astype(kind).tobytes()


def restore(levels: bytes, panel: Panel | LinePanel) -> np.ndarray:
    """Turn levels of :func:`quantise` back into values, as the player does.

    Returns:
        Array of the shape of the panel's values; inside the panel's range it is within half a level of them.
    """
    if isinstance(panel, Panel):
        low, high, top, kind = panel.vmin, panel.vmax, LEVELS, np.uint8
    else:
        (low, high), top, kind = _widen(panel.y_limits), LINE_LEVELS, np.dtype("<u2")
    shape = _get_values(panel).shape
    return low + (high - low) / top * np.frombuffer(levels, dtype=kind).astype(float).reshape(shape)


def _get_values(panel: Panel | LinePanel) -> np.ndarray:
    return panel.frames if isinstance(panel, Panel) else panel.lines


def _widen(limits: tuple[float, float]) -> tuple[float, float]:
    span = limits[1] - limits[0]
    return limits[0] - span, limits[1] + span


def _as_finite(values: object, ndim: int, what: str, axes: str) -> np.ndarray:
    # A torch tensor on any device, with or without a gradient, is read without importing torch here.
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError):
        array = None
    require(array is not None and array.ndim == ndim and array.size > 0, f"{what} must be a filled array {axes}")
    require(bool(np.isfinite(array).all()), f"{what} must be finite everywhere")
    return array


def _as_names(names: Sequence[str] | None, count: int, what: str, title: str) -> tuple[str, ...]:
    names = tuple(str(name) for name in (range(1, count + 1) if names is None else names))
    require(len(names) == count, f"{what} of the panel {title!r} must be {count} names, not {len(names)}")
    return names


def _find_range(values: np.ndarray, symmetric: bool) -> tuple[float, float]:
    least, largest = float(values.min()), float(values.max())
    if symmetric:
        largest = max(abs(least), abs(largest))
        least = -largest
    # A constant array still needs a range to be drawn on.
    return (least, largest) if least < largest else (least - 1.0, largest + 1.0)


def _draw_panel(panel: Panel | LinePanel, axes, step: int) -> None:
    if isinstance(panel, Panel):
        axes.imshow(
            panel.frames[step],
            cmap=get_colours(panel.colours),
            vmin=panel.vmin,
            vmax=panel.vmax,
            aspect="auto",
            interpolation="nearest",
        )
        number_ticks(axes, panel.col_names, "x")
        number_ticks(axes, panel.row_names, "y")
        title = f"{panel.title}\n(colours from {panel.vmin:.3g} to {panel.vmax:.3g})"
        axes.set(xlabel=panel.col_label, ylabel=panel.row_label)
    else:
        for index, (curve, name) in enumerate(zip(panel.lines[step], panel.names, strict=True)):
            axes.plot(panel.x, curve, color=QUALITATIVE[index], linestyle=DASHES[index], label=name)
        title = panel.title
        axes.set(xlabel=panel.x_label, ylabel=panel.y_label, ylim=panel.y_limits)
        axes.legend(fontsize="small")
    axes.set_title(title, fontsize="small", loc="left")


def _describe_panel(panel: Panel | LinePanel) -> dict:
    levels = _encode(quantise(panel))
    if isinstance(panel, Panel):
        return {
            "kind": "heat",
            "title": panel.title,
            "shape": list(panel.frames.shape),
            "levels": levels,
            "colours": _encode(make_colour_table(panel.colours).tobytes()),
            "range": [panel.vmin, panel.vmax],
            "labels": [panel.row_label, panel.col_label],
            "names": [list(panel.row_names), list(panel.col_names)],
        }
    return {
        "kind": "lines",
        "title": panel.title,
        "shape": list(panel.lines.shape),
        "levels": levels,
        "x": [float(f"{value:.6g}") for value in panel.x],
        "colours": list(QUALITATIVE[: panel.lines.shape[1]]),
        "range": list(_widen(panel.y_limits)),
        "limits": list(panel.y_limits),
        "labels": [panel.y_label, panel.x_label],
        "names": list(panel.names),
    }


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _encode_png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, metadata={"Software": None})
    return _encode(buffer.getvalue())


@cache
def _read_player() -> str:
    return files("twm.book.figures").joinpath("player.js").read_text(encoding="utf-8")
