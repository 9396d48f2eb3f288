"""Clouds of points in three dimensions that can be turned inside a page, with no server, network or library."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twm.book.figures.animation import embed_script, require_texts
from twm.book.figures.style import INK, make_axes
from twm.errors import require

#: Colours for up to eight clouds, told apart by colour-blind readers together with the names beside them.
COLOURS = ("#000000", "#BF4E00", "#3B8EC2", "#00785A", "#8C6800", "#0072B2", "#A3457F", "#7A5195")
#: Where a reader stands at first: degrees around the vertical axis, and above the plane.
AZIMUTH, ELEVATION = 20.0, 25.0
# Most points that a page should carry for one picture.
_MOST_POINTS = 20_000
_LEVELS = 65535


@dataclass
class Turnable:
    """Clouds of points, and paths, that a reader turns by dragging, keys or buttons; nothing moves by itself. Print and
    pages without JavaScript show a still picture."""

    clouds: Mapping[str, np.ndarray]  # by name, points (n, 3)
    axes: Sequence[str]  # names of the three axes
    title: str
    alt: str  # what is to be seen, in words
    paths: Mapping[str, np.ndarray] | None = None  # by name, lines through points (n, 3)

    def __post_init__(self) -> None:
        for name in ("clouds", "paths"):
            part = {str(key): _as_points(value, str(key)) for key, value in (getattr(self, name) or {}).items()}
            setattr(self, name, part)
        clouds = len(self.clouds)
        require(1 <= clouds <= len(COLOURS), f"give one to {len(COLOURS)} clouds, not {clouds}")
        count = sum(map(len, [*self.clouds.values(), *self.paths.values()]))
        require(count <= _MOST_POINTS, f"{count} points are too many for a page: at most {_MOST_POINTS}")
        require(len(tuple(self.axes)) == 3, "give three names of axes")
        require_texts(self)

    @property
    def scale(self) -> float:
        """Largest magnitude of a coordinate, which the picture is drawn relative to."""
        return float(max(np.abs(part).max() for part in (*self.clouds.values(), *self.paths.values()))) or 1.0

    def still(self) -> Figure:
        """Draw the first view, for print."""
        figure, axes = make_axes(1, 1, width=5.6, height=5.0)
        draw_clouds(axes[0, 0], self.clouds, self.paths, self.scale, tuple(self.axes))
        axes[0, 0].set_title(self.title, fontsize="medium")
        return figure

    def to_html(self) -> str:
        """Return the picture as a self-contained piece of HTML, its coordinates as base64 of 16-bit levels."""
        scale = self.scale

        def encode(points: np.ndarray) -> str:
            levels = np.rint((points / scale + 1) / 2 * _LEVELS)
            return base64.b64encode(levels.astype("<u2").tobytes()).decode("ascii")

        clouds = [
            {
                "name": name,
                "colour": colour,
                "points": encode(points),
                "centre": (points.mean(0) / scale).round(4).tolist(),
            }
            for colour, (name, points) in zip(COLOURS, self.clouds.items())
        ]
        data = {
            "title": self.title,
            "alt": self.alt,
            "axes": [str(name) for name in self.axes],
            "scale": scale,
            "view": [AZIMUTH, ELEVATION],
            "clouds": clouds,
            "paths": [{"name": name, "points": encode(points)} for name, points in self.paths.items()],
        }
        hint = "Turning it needs JavaScript; without it, this picture shows one side."
        label = f"Turnable picture: {self.title}"
        return embed_script("turnable", "turnable.js", label, self.still(), self.alt, hint, data)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return f"Turnable({self.title!r}, clouds: {', '.join(self.clouds)})"


def project_points(points: np.ndarray, azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> np.ndarray:
    """Turn points (n, 3), the third axis up, and return them (n, 3) as seen: to the right, up, towards the reader."""
    turn, lift = np.radians(azimuth), np.radians(elevation)
    x, y, z = np.asarray(points, dtype=float).T
    right = np.cos(turn) * x - np.sin(turn) * y
    away = np.sin(turn) * x + np.cos(turn) * y
    return np.stack([right, np.cos(lift) * z + np.sin(lift) * away, np.sin(lift) * z - np.cos(lift) * away], 1)


def draw_clouds(
    axes: Axes,
    clouds: Mapping[str, np.ndarray],
    paths: Mapping[str, np.ndarray] | None = None,
    scale: float | None = None,
    names: Sequence[str] = (),
) -> None:
    """Draw clouds and paths (n, 3) as a page shows them at first, with arrows for the axes that have names. ``scale``
    is half the width of what is shown, the largest coordinate if not given."""
    scale = float(max(np.abs(points).max() for points in clouds.values())) if scale is None else scale
    for line in (paths or {}).values():
        axes.plot(*project_points(line).T[:2], color="#999999", linewidth=0.8, linestyle="-", zorder=1)
    for colour, (name, points) in zip(COLOURS, clouds.items()):
        flat = project_points(points)[:, :2]
        axes.plot(*flat.T, ".", markersize=3.5, alpha=0.5, color=colour, zorder=2)
        # Outward of the cloud, so that the name does not hide it.
        place = flat.mean(0) * (1 + 0.2 * scale / (np.linalg.norm(flat.mean(0)) or 1.0))
        text = {"ha": "center", "va": "center", "fontsize": "small"}
        axes.text(*place, name, color=colour, zorder=3, fontweight="bold", **text)
    corner = np.full(2, -1.1 * scale)
    for name, axis in zip(names, np.eye(3)):
        tip = 0.2 * scale * project_points(axis[None])[0, :2]
        arrow = {"arrowstyle": "-|>", "color": INK, "linewidth": 1}
        axes.annotate("", xy=corner + tip, xytext=corner, arrowprops=arrow)
        axes.text(*(corner + 1.5 * tip), name, fontsize="small", ha="center", va="center")
    axes.set(xlim=(-1.4 * scale, 1.4 * scale), ylim=(-1.4 * scale, 1.4 * scale), aspect="equal")
    axes.set_axis_off()


def _as_points(values: object, name: str) -> np.ndarray:
    points = np.asarray(values, dtype=float)
    fits = points.ndim == 2 and points.shape[1] == 3 and len(points) > 0
    require(fits, f"{name!r} must be points (n, 3), not {points.shape}")
    require(bool(np.isfinite(points).all()), f"{name!r} must be finite everywhere")
    return points
