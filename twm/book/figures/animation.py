"""Moving pictures that play inside a page, with no server, no network and no library but the browser."""

import base64
import html
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twm.book.figures.data import write_table
from twm.book.figures.style import (
    QUALITATIVE, draw_curves, get_colours, label_axes, make_panels, number_ticks, plot_magnitudes,
)  # fmt: skip
from twm.errors import require, require_count

# Most values that a page should carry for one animation: a byte each, or two.
_MOST_VALUES = 1_500_000


@dataclass
class Panel:
    """A heatmap that changes from step to step; values outside vmin..vmax take the nearest colour."""

    title: str
    frames: np.ndarray  # (steps, rows, columns)
    row_label: str  # with its unit
    col_label: str
    vmin: float | None = None  # value of the first colour: the least of the frames, or minus the largest if diverging
    vmax: float | None = None
    colours: str = "diverging"  # or "sequential", for magnitudes
    row_names: Sequence[str] | None = None  # numbers from 1 if not given
    col_names: Sequence[str] | None = None

    def __post_init__(self):
        self.frames = _as_finite(self.frames, self.title, "(steps, rows, columns)")
        get_colours(self.colours)
        low, high = _find_range(self.frames, self.colours == "diverging")
        self.vmin = low if self.vmin is None else float(self.vmin)
        self.vmax = high if self.vmax is None else float(self.vmax)
        require(self.vmin < self.vmax, f"vmin must be below vmax in the panel {self.title!r}")
        self.row_names = _as_names(self.row_names, self.title, self.frames.shape[1])
        self.col_names = _as_names(self.col_names, self.title, self.frames.shape[2])

    def describe(self) -> dict[str, Any]:
        """Return what the player reads; a byte a cell, 0 for vmin, in the order step, row, column."""
        table = get_colours(self.colours)(np.arange(256), bytes=True)[:, :3]
        levels, names = _encode_levels(self.frames, self.vmin, self.vmax, np.uint8), [self.row_names, self.col_names]
        texts = {"kind": "heat", "title": self.title, "labels": [self.row_label, self.col_label], "names": names}
        return texts | levels | {"colours": _encode(table.tobytes())}

    def list_rows(self) -> Iterator[tuple]:
        """List every row of every step, after its step, the panel and its name."""
        for step, row in np.ndindex(self.frames.shape[:2]):
            yield (step, self.title, self.row_names[row], *self.frames[step, row])

    def draw(self, axes: Axes, step: int) -> None:
        """Draw one step for print."""
        plot_magnitudes(axes, self.frames[step], self.vmin, self.vmax, cmap=get_colours(self.colours))
        number_ticks(axes, self.col_names, "x")
        number_ticks(axes, self.row_names, "y")
        label_axes(axes, self.col_label, self.row_label)
        title = f"{self.title}\n(colours from {self.vmin:.3g} to {self.vmax:.3g})"
        axes.set_title(title, fontsize="small", loc="left")


@dataclass
class LinePanel:
    """Curves that change from step to step; what leaves the axis is cut off."""

    title: str
    x: np.ndarray  # (points,), increasing
    lines: np.ndarray  # (steps, curves, points)
    names: Sequence[str]  # one a curve
    x_label: str  # with its unit
    y_label: str
    y_limits: tuple[float, float] | None = None  # the range of the lines and a margin if not given

    def __post_init__(self):
        self.lines = _as_finite(self.lines, self.title, "(steps, curves, points)")
        self.x = _as_finite(self.x, self.title, "(points,)")
        _, count, points = self.lines.shape
        rises = len(self.x) == points > 1 and bool((np.diff(self.x) > 0).all())
        require(rises, f"x of the panel {self.title!r} must be {points} increasing positions, at least two")
        most = len(QUALITATIVE)
        require(count <= most, f"the panel {self.title!r} has {count} curves; at most {most} can be told apart")
        low, high = _find_range(self.lines, False)
        margin = 0.05 * (high - low)
        self.y_limits = (low - margin, high + margin) if self.y_limits is None else tuple(map(float, self.y_limits))
        require(self.y_limits[0] < self.y_limits[1], f"y_limits of the panel {self.title!r} must increase")
        self.names = _as_names(self.names, self.title, count)

    def describe(self) -> dict[str, Any]:
        """Return what the player reads; two bytes a point, the low one first, in the order step, curve, point."""
        low, high = self.y_limits
        # Levels reach three axes high, so that a curve that leaves the axis still leaves it in the right direction.
        levels = _encode_levels(self.lines, 2 * low - high, 2 * high - low, np.dtype("<u2"))
        texts = {"kind": "lines", "title": self.title, "labels": [self.y_label, self.x_label], "names": self.names}
        x = [float(f"{value:.6g}") for value in self.x]
        return texts | levels | {"x": x, "limits": self.y_limits, "colours": QUALITATIVE[: len(self.names)]}

    def list_rows(self) -> Iterator[tuple]:
        """List the positions, without a step, and then the heights of every curve at every step."""
        yield (None, self.title, self.x_label, *self.x)
        for step, curve in np.ndindex(self.lines.shape[:2]):
            yield (step, self.title, self.names[curve], *self.lines[step, curve])

    def draw(self, axes: Axes, step: int) -> None:
        """Draw one step for print."""
        draw_curves(axes, self.x, dict(zip(self.names, self.lines[step])))
        label_axes(axes, self.x_label, self.y_label, legend="best", ylim=self.y_limits)
        axes.set_title(self.title, fontsize="small", loc="left")


@dataclass
class Animation:
    """Panels that move together under one set of controls, with a caption a step. A notebook or page shows it as a
    piece of HTML; print and pages without JavaScript show a still picture."""

    panels: Sequence[Panel | LinePanel]  # all with the same number of steps
    captions: Sequence[str]  # one sentence a step
    title: str
    alt: str  # what is to be seen, in words
    frames_per_second: float = 4.0
    autoplay: bool = False  # start when it comes into view, unless the reader asked for reduced motion

    def __post_init__(self):
        self.panels, self.captions = tuple(self.panels), tuple(map(str, self.captions))
        require(len(self.panels) > 0, "an animation needs at least one panel")
        arrays = [panel.frames if isinstance(panel, Panel) else panel.lines for panel in self.panels]
        counts = {len(array) for array in arrays}
        require(len(counts) == 1, f"all panels need the same number of steps, not {counts}")
        steps = len(arrays[0])
        require(self.steps == steps, f"captions must be {steps} sentences, one a step, not {self.steps}")
        require_texts(self)
        rate, size = self.frames_per_second, sum(array.size for array in arrays)
        require(0 < rate <= 60, f"frames_per_second must be in (0, 60], not {rate!r}")
        words = f"the animation {self.title!r} has {size} values, more than {_MOST_VALUES}; show fewer steps or cells"
        require(size <= _MOST_VALUES, words)

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.captions)

    def still(self, step: int | None = None) -> Figure:
        """Draw one step, from 0, for print: the middle one if not given."""
        step = self.steps // 2 if step is None else require_count(step, "step", least=0)
        require(step < self.steps, f"step must be below {self.steps}, not {step}")
        columns = min(2, len(self.panels))
        figure, axes = make_panels(len(self.panels), columns, 7.2 / columns, 2.3, 0.7)
        for panel, place in zip(self.panels, axes):
            panel.draw(place, step)
        figure.suptitle(f"{self.title}: {self.captions[step]}", fontsize="medium", x=0.01, ha="left", wrap=True)
        return figure

    def to_csv(self) -> str:
        """Return every value as CSV, with four digits, which is more than the player draws."""
        rows = [row for panel in self.panels for row in panel.list_rows()]
        count = max(map(len, rows)) - 3
        return write_table(("step", "panel", "row", *(f"value{place + 1}" for place in range(count))), rows, digits=4)

    def to_html(self) -> str:
        """Return the animation as a self-contained piece of HTML."""
        settings = {"steps": self.steps, "framesPerSecond": float(self.frames_per_second), "autoplay": self.autoplay}
        texts = {"title": self.title, "alt": self.alt, "captions": self.captions}
        data = texts | settings | {"panels": [panel.describe() for panel in self.panels]}
        hint = "Playing it needs JavaScript; without it, this picture shows one moment."
        return embed_script("player", "player.js", f"Animation: {self.title}", self.still(), self.alt, hint, data)

    def _repr_html_(self) -> str:
        return self.to_html()

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/csv": self.to_csv()}

    def __repr__(self) -> str:
        titles = ", ".join(panel.title for panel in self.panels)
        return f"Animation({self.title!r}, {self.steps} steps, panels: {titles})"


def embed_script(
    kind: str, script: str, label: str, still: Figure, alt: str, hint: str,
    data: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Return a script of this folder with its data and its still as a piece of HTML that asks nothing of any host."""
    buffer = io.BytesIO()
    still.savefig(buffer, format="png", dpi=90, metadata={"Software": None})
    attributes = "".join(f' data-{name}="{value}"' for name, value in (settings or {}).items())
    parts = [f'<div class="twm-{kind}" role="group" aria-label="{html.escape(label)}"{attributes}>']
    if data is not None:
        # "<" is escaped so that no text can close the script element that carries the data.
        text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
        parts.append(f'<script type="application/json" class="twm-{kind}-data">{text}</script>')
    image = f'src="data:image/png;base64,{_encode(buffer.getvalue())}" alt="{html.escape(alt)}"'
    code = files("twm.book.figures").joinpath(script).read_text(encoding="utf-8")
    parts += [f'<img class="twm-{kind}-still" {image}>', f"<noscript><p>{hint}</p></noscript>"]
    return "\n".join([*parts, f"<script>{code}</script>", "</div>"])


def require_texts(picture: Any) -> None:
    """Refuse a picture for a page without a title, or without words for who cannot see it."""
    require(bool(str(picture.title).strip()), "a picture for a page needs a title")
    require(bool(str(picture.alt).strip()), "a picture for a page needs an alt text that says what is to be seen")


def _encode_levels(values: np.ndarray, low: float, high: float, kind: Any) -> dict[str, Any]:
    levels = np.rint((np.clip(values, low, high) - low) * (np.iinfo(kind).max / (high - low)))
    return {"shape": values.shape, "range": [low, high], "levels": _encode(levels.astype(kind).tobytes())}


def _as_finite(values: object, title: str, axes: str) -> np.ndarray:
    # A torch tensor on any device, with or without a gradient, is read without importing torch here.
    values = values.detach().cpu().numpy() if hasattr(values, "detach") else values
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError):
        array = np.empty(())
    fits = array.ndim == len(axes.split()) and array.size > 0
    require(fits, f"the panel {title!r} needs a filled array {axes}")
    require(bool(np.isfinite(array).all()), f"the panel {title!r} must be finite everywhere")
    return array


def _as_names(names: Sequence[str] | None, title: str, count: int) -> tuple[str, ...]:
    names = tuple(str(name) for name in (range(1, count + 1) if names is None else names))
    require(len(names) == count, f"the panel {title!r} needs {count} names, not {len(names)}")
    return names


def _find_range(values: np.ndarray, symmetric: bool) -> tuple[float, float]:
    high = float(np.abs(values).max() if symmetric else values.max())
    low = -high if symmetric else float(values.min())
    # A constant array still needs a range to be drawn on.
    return (low, high) if low < high else (low - 1.0, high + 1.0)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
