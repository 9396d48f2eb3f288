"""Clouds of points in three dimensions that can be turned inside a page, with no server, network or library."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twm.book.figures.animation import PagePicture, encode_bytes
from twm.book.figures.style import INK, make_axes
from twm.errors import require

#: Colours for up to eight clouds, told apart by colour-blind readers together with the names beside them.
COLOURS = ("#000000", "#BF4E00", "#3B8EC2", "#00785A", "#8C6800", "#0072B2", "#A3457F", "#7A5195")
#: Where a reader stands at first: degrees around the vertical axis, and above the plane.
AZIMUTH, ELEVATION = 20.0, 25.0
# Most points that a page should carry for one picture.
_MOST_POINTS = 20_000


@dataclass
class Turnable(PagePicture):
    """Clouds of points, and paths, that a reader turns by dragging, keys or buttons; nothing moves by itself."""

    kind, script, label = "turnable", "turnable.js", "Turnable picture: {0.title}"
    hint = "Turning it needs JavaScript; without it, this picture shows one side."

    clouds: Mapping[str, np.ndarray]  # by name, points (n, 3)
    axes: Sequence[str]  # names of the three axes
    title: str
    alt: str  # what is to be seen, in words
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
        """Largest magnitude of a coordinate, which the picture is drawn relative to."""
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
    """Turn points (n, 3), the third axis up, and return them (n, 3) as seen: to the right, up, towards the reader."""
    turn, lift = np.radians(azimuth), np.radians(elevation)
    x, y, z = np.asarray(points, dtype=float).T
    right, away = np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y
    return np.stack([right, np.cos(lift) * z + np.sin(lift) * away, np.sin(lift) * z - np.cos(lift) * away], 1)


def draw_clouds(
    axes: Axes, clouds: Mapping, paths: Mapping, scale: float | None = None, names: Sequence[str] = ()
) -> None:
    """Draw clouds and paths (n, 3) as a page shows them at first, with arrows for the axes that have names. ``scale``
    is half the width of what is shown, the largest coordinate if not given."""
    scale = float(max(np.abs(points).max() for points in clouds.values())) if scale is None else scale
    text = {"ha": "center", "va": "center", "fontsize": "small"}
    for line in paths.values():
        axes.plot(*project_points(line).T[:2], color="#999999", linewidth=0.8, linestyle="-", zorder=1)
    for colour, (name, points) in zip(COLOURS, clouds.items()):
        flat = project_points(points)[:, :2]
        axes.plot(*flat.T, ".", markersize=3.5, alpha=0.5, color=colour, zorder=2)
        # Outward of the cloud, so that the name does not hide it.
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
