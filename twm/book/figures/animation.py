"""Animations that play inside a page, without a server or a network connection."""

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, ClassVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twm.book.figures.style import (
    INK, QUALITATIVE, draw_curves, get_colours, label_axes, make_axes, make_panels, number_ticks, plot_magnitudes,
    write_table,
)  # fmt: skip
from twm.errors import require, require_count

# Largest number of values in one animation, each stored in one or two bytes.
_MOST_VALUES = 1_500_000


class PagePicture:
    """A picture that a script in this folder makes interactive; print, and pages without JavaScript, show a still."""

    kind: ClassVar[str]  # part of its HTML class names
    script: ClassVar[str]  # file name of the script
    label: ClassVar[str]  # label for screen readers
    hint: ClassVar[str]  # note for readers without JavaScript
    settings: ClassVar[Sequence[str]] = ()  # fields that the script reads from HTML attributes
    title: str
    alt: str  # text description of the picture

    def still(self) -> Figure:
        """Draw the picture for print."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any] | None:
        """Return the data that the script reads as JSON, or None."""

    def to_html(self) -> str:
        """Return the picture as self-contained HTML that loads nothing from any server."""
        buffer, data, label = io.BytesIO(), self.describe(), html.escape(self.label.format(self))
        self.still().savefig(buffer, format="png", dpi=90, metadata={"Software": None})
        attributes = "".join(f' data-{name}="{getattr(self, name)}"' for name in self.settings)
        parts = [f'<div class="twm-{self.kind}" role="group" aria-label="{label}"{attributes}>']
        if data is not None:
            # "<" is escaped so that no text can close the script element that carries the data.
            text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
            parts.append(f'<script type="application/json" class="twm-{self.kind}-data">{text}</script>')
        image = f'src="data:image/png;base64,{encode_bytes(buffer.getvalue())}" alt="{html.escape(self.alt)}"'
        code = files("twm.book.figures").joinpath(self.script).read_text(encoding="utf-8")
        parts += [f'<img class="twm-{self.kind}-still" {image}>', f"<noscript><p>{self.hint}</p></noscript>"]
        return "\n".join([*parts, f"<script>{code}</script>", "</div>"])

    _repr_html_ = to_html

    def _require_texts(self) -> None:
        require(bool(str(self.title).strip()), "a picture for a page needs a title")
        require(bool(str(self.alt).strip()), "a picture for a page needs an alt text that says what is to be seen")


@dataclass
class Panel:
    """An animated heatmap; values outside vmin..vmax take the nearest colour."""

    title: str
    values: np.ndarray  # (steps, rows, columns)
    row_label: str  # with its unit
    col_label: str
    vmin: float | None = None  # value of the first colour; default: the minimum, or if diverging minus the largest magnitude
    vmax: float | None = None
    colours: str = "diverging"  # or "sequential", for magnitudes
    row_names: Sequence[str] | None = None  # numbers from 1 if not given
    col_names: Sequence[str] | None = None

    def __post_init__(self):
        self.values = _as_finite(self.values, self.title, "(steps, rows, columns)")
        diverging = get_colours(self.colours) == get_colours("diverging")
        high = float(np.abs(self.values).max() if diverging else self.values.max())
        low = -high if diverging else float(self.values.min())
        # A constant array still needs a range of colours.
        low, high = (low, high) if low < high else (low - 1.0, high + 1.0)
        self.vmin = low if self.vmin is None else float(self.vmin)
        self.vmax = high if self.vmax is None else float(self.vmax)
        self.row_names = _as_names(self.row_names, self.title, self.values.shape[1])
        self.col_names = _as_names(self.col_names, self.title, self.values.shape[2])

    def describe(self) -> dict[str, Any]:
        """Return the data that the player reads, with one byte per cell, 0 for vmin, in the order step, row, column."""
        table = get_colours(self.colours)(np.arange(256), bytes=True)[:, :3]
        levels, names = _encode_levels(self.values, self.vmin, self.vmax, np.uint8), [self.row_names, self.col_names]
        texts = {"kind": "heat", "title": self.title, "labels": [self.row_label, self.col_label], "names": names}
        return texts | levels | {"colours": encode_bytes(table.tobytes())}

    def draw(self, axes: Axes, step: int) -> None:
        """Draw one step for print."""
        plot_magnitudes(axes, self.values[step], self.vmin, self.vmax, cmap=get_colours(self.colours))
        number_ticks(axes, self.col_names, "x")
        number_ticks(axes, self.row_names, "y")
        title = f"{self.title}\n(colours from {self.vmin:.3g} to {self.vmax:.3g})"
        label_axes(axes, self.col_label, self.row_label)
        axes.set_title(title, fontsize="small", loc="left")


@dataclass
class LinePanel:
    """Animated curves, cut off at the limits of the y-axis."""

    title: str
    x: np.ndarray  # (points,), increasing
    values: np.ndarray  # (steps, curves, points)
    row_names: Sequence[str]  # one per curve
    x_label: str  # with its unit
    y_label: str
    y_limits: tuple[float, float]  # the range of the axis

    def __post_init__(self):
        self.values = _as_finite(self.values, self.title, "(steps, curves, points)")
        self.x = _as_finite(self.x, self.title, "(points,)")
        rises = len(self.x) == self.values.shape[2] and bool((np.diff(self.x) > 0).all())
        require(rises, f"x of the panel {self.title!r} must be {self.values.shape[2]} increasing positions")
        self.row_names = _as_names(self.row_names, self.title, self.values.shape[1])

    def describe(self) -> dict[str, Any]:
        """Return the data that the player reads, with two bytes per point, low byte first, in the order step, curve, point."""
        low, high = self.y_limits
        # Levels span three times the range of the axis, so that a curve leaves the axis in the right direction.
        levels = _encode_levels(self.values, 2 * low - high, 2 * high - low, np.dtype("<u2"))
        texts = {"kind": "lines", "title": self.title, "labels": [self.y_label, self.x_label], "names": self.row_names}
        x = [float(f"{value:.6g}") for value in self.x]
        return texts | levels | {"x": x, "limits": self.y_limits, "colours": QUALITATIVE[: len(self.row_names)]}

    def draw(self, axes: Axes, step: int) -> None:
        """Draw one step for print."""
        draw_curves(axes, self.x, dict(zip(self.row_names, self.values[step])))
        label_axes(axes, self.x_label, self.y_label, legend="best", ylim=self.y_limits)
        axes.set_title(self.title, fontsize="small", loc="left")


@dataclass
class Animation(PagePicture):
    """Synchronised panels with one set of controls and one caption per step."""

    kind, script, label = "player", "player.js", "Animation: {0.title}"
    hint = "Playing it needs JavaScript; without it, this picture shows one moment."

    panels: Sequence[Panel | LinePanel]  # all with the same number of steps
    captions: Sequence[str]  # one sentence per step
    title: str
    alt: str  # text description of the picture
    frames_per_second: float = 4.0
    autoplay: bool = False  # start when it comes into view, unless the reader asked for reduced motion

    def __post_init__(self):
        require(len(self.panels) > 0, "an animation needs at least one panel")
        counts, size = {len(panel.values) for panel in self.panels}, sum(panel.values.size for panel in self.panels)
        require(len(counts) == 1, f"all panels need the same number of steps, not {counts}")
        require({self.steps} == counts, f"captions must be {min(counts)} sentences, one a step, not {self.steps}")
        self._require_texts()
        words = f"the animation {self.title!r} has {size} values, more than {_MOST_VALUES}; show fewer steps or cells"
        require(size <= _MOST_VALUES, words)

    steps = property(lambda self: len(self.captions))  # number of steps

    def still(self, step: int | None = None) -> Figure:
        """Draw one step, counted from 0, for print (default: the middle one)."""
        step = self.steps // 2 if step is None else require_count(step, "step", least=0)
        require(step < self.steps, f"step must be below {self.steps}, not {step}")
        columns = min(2, len(self.panels))
        figure, axes = make_panels(len(self.panels), columns, 7.2 / columns, 2.3, 0.7)
        for panel, place in zip(self.panels, axes):
            panel.draw(place, step)
        figure.suptitle(f"{self.title}: {self.captions[step]}", fontsize="medium", x=0.01, ha="left", wrap=True)
        return figure

    def to_csv(self) -> str:
        """Return all values as CSV with four digits, which is more than the player draws."""
        rows: list[tuple] = []
        for panel in self.panels:
            rows += [(None, panel.title, panel.x_label, *panel.x)] if isinstance(panel, LinePanel) else []
            places = np.ndindex(panel.values.shape[:2])
            rows += [(step, panel.title, panel.row_names[row], *panel.values[step, row]) for step, row in places]
        numbers = (f"value{place + 1}" for place in range(max(map(len, rows)) - 3))
        return write_table(("step", "panel", "row", *numbers), rows, digits=4)

    def describe(self) -> dict[str, Any]:
        """Return texts, settings and panels."""
        settings = {"steps": self.steps, "framesPerSecond": float(self.frames_per_second), "autoplay": self.autoplay}
        texts = {"title": self.title, "alt": self.alt, "captions": self.captions}
        return texts | settings | {"panels": [panel.describe() for panel in self.panels]}

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/csv": self.to_csv()}


def encode_bytes(data: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(data).decode("ascii")


def _encode_levels(values: np.ndarray, low: float, high: float, kind: Any) -> dict[str, Any]:
    levels = np.rint((np.clip(values, low, high) - low) * (np.iinfo(kind).max / (high - low)))
    return {"shape": values.shape, "range": [low, high], "levels": encode_bytes(levels.astype(kind).tobytes())}


def _as_finite(values: Any, title: str, axes: str) -> np.ndarray:
    array = np.array(values, dtype=float)
    fits = array.ndim == len(axes.split()) and array.size > 0
    require(fits, f"the panel {title!r} needs a filled array {axes}")
    require(bool(np.isfinite(array).all()), f"the panel {title!r} must be finite everywhere")
    return array


def _as_names(names: Sequence[str] | None, title: str, count: int) -> tuple[str, ...]:
    names = tuple(str(name) for name in (range(1, count + 1) if names is None else names))
    require(len(names) == count, f"the panel {title!r} needs {count} names, not {len(names)}")
    return names


#: Colours for up to eight clouds; with the names beside the clouds, colour-blind readers can tell them apart.
COLOURS = ("#000000", "#BF4E00", "#3B8EC2", "#00785A", "#8C6800", "#0072B2", "#A3457F", "#7A5195")
#: Initial viewing direction in degrees: around the vertical axis, and above the plane.
AZIMUTH, ELEVATION = 20.0, 25.0
# Largest number of points in one picture.
_MOST_POINTS = 20_000


@dataclass
class Turnable(PagePicture):
    """Point clouds and paths that readers rotate by dragging, keys or buttons; nothing moves by itself."""

    kind, script, label = "turnable", "turnable.js", "Turnable picture: {0.title}"
    hint = "Turning it needs JavaScript; without it, this picture shows one side."

    clouds: Mapping[str, np.ndarray]  # by name, points (n, 3)
    axes: Sequence[str]  # names of the three axes
    title: str
    alt: str  # text description of the picture
    paths: Mapping[str, np.ndarray] | None = None  # by name, lines through points (n, 3)

    def __post_init__(self) -> None:
        for part in ("clouds", "paths"):
            own = getattr(self, part) or {}
            setattr(self, part, {str(name): np.asarray(points, dtype=float) for name, points in own.items()})
        require(1 <= len(self.clouds) <= len(COLOURS), f"give one to {len(COLOURS)} clouds, not {len(self.clouds)}")
        for name, points in (*self.clouds.items(), *self.paths.items()):
            fits = points.ndim == 2 and points.shape[1] == 3 and len(points) > 0
            require(fits, f"{name!r} must be points (n, 3), not {points.shape}")
            require(bool(np.isfinite(points).all()), f"{name!r} must be finite everywhere")
        count = sum(map(len, [*self.clouds.values(), *self.paths.values()]))
        require(count <= _MOST_POINTS, f"{count} points are too many for a page: at most {_MOST_POINTS}")
        require(len(self.axes) == 3, "give three names of axes")
        self._require_texts()

    @property
    def scale(self) -> float:
        """Largest magnitude of a coordinate, by which the picture is scaled."""
        return float(max(np.abs(part).max() for part in (*self.clouds.values(), *self.paths.values()))) or 1.0

    def still(self) -> Figure:
        """Draw the first view, for print."""
        figure, ((axes,),) = make_axes(1, 1, width=5.6, height=5.0)
        draw_clouds(axes, self.clouds, self.paths, self.scale, self.axes)
        axes.set_title(self.title, fontsize="medium")
        return figure

    def describe(self) -> dict[str, Any]:
        """Return texts, view, clouds and paths, their coordinates as base64 of 16-bit levels."""
        scale, clouds = self.scale, []
        for colour, (name, points) in zip(COLOURS, self.clouds.items()):
            own = {"name": name, "colour": colour, "points": _encode_points(points / scale)}
            clouds.append(own | {"centre": (points.mean(0) / scale).round(4).tolist()})
        paths = [{"name": name, "points": _encode_points(points / scale)} for name, points in self.paths.items()]
        texts = {"title": self.title, "alt": self.alt, "axes": [str(name) for name in self.axes]}
        return texts | {"scale": scale, "view": [AZIMUTH, ELEVATION], "clouds": clouds, "paths": paths}


def project_points(points: np.ndarray, azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> np.ndarray:
    """Rotate points (n, 3), the third axis up, and return their view coordinates (n, 3): right, up, towards the reader."""
    turn, lift = np.radians(azimuth), np.radians(elevation)
    x, y, z = np.asarray(points, dtype=float).T
    right, away = np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y
    return np.stack([right, np.cos(lift) * z + np.sin(lift) * away, np.sin(lift) * z - np.cos(lift) * away], 1)


def draw_clouds(axes: Axes, clouds: Mapping, paths: Mapping, scale: float | None = None, names=()) -> None:
    """Draw clouds and paths (n, 3) in the initial view of the page, up to about ``scale``, with arrows for the named axes."""
    scale = float(max(np.abs(points).max() for points in clouds.values())) if scale is None else scale
    text = {"ha": "center", "va": "center", "fontsize": "small"}
    for line in paths.values():
        axes.plot(*project_points(line).T[:2], color="#999999", linewidth=0.8, linestyle="-", zorder=1)
    for colour, (name, points) in zip(COLOURS, clouds.items()):
        flat = project_points(points)[:, :2]
        axes.plot(*flat.T, ".", markersize=3.5, alpha=0.5, color=colour, zorder=2)
        # Farther out than the cloud, so that the name does not cover it.
        place = flat.mean(0) * (1 + 0.2 * scale / (np.linalg.norm(flat.mean(0)) or 1.0))
        axes.text(*place, name, color=colour, zorder=3, fontweight="bold", **text)
    corner, arrow = np.full(2, -1.1 * scale), {"arrowstyle": "-|>", "color": INK, "linewidth": 1}
    for name, axis in zip(names, np.eye(3)):
        tip = 0.2 * scale * project_points(axis[None])[0, :2]
        axes.annotate("", xy=corner + tip, xytext=corner, arrowprops=arrow)
        axes.text(*(corner + 1.5 * tip), name, **text)
    axes.set(xlim=(-1.4 * scale, 1.4 * scale), ylim=(-1.4 * scale, 1.4 * scale), aspect="equal")
    axes.set_axis_off()


def _encode_points(points: np.ndarray) -> str:
    return encode_bytes(np.rint((points + 1) / 2 * np.iinfo(np.uint16).max).astype("<u2").tobytes())
