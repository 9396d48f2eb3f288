"""Clouds of points in three dimensions that can be turned inside a page, with no server, network or library."""

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twm.book.figures.style import INK, make_axes
from twm.errors import require

#: Colours for up to eight clouds, told apart by colour-blind readers together with the names beside them.
COLOURS = ("#000000", "#BF4E00", "#3B8EC2", "#00785A", "#8C6800", "#0072B2", "#A3457F", "#7A5195")
TURN_LEVELS = 65535
MOST_POINTS = 20_000
#: Where a reader stands at first: degrees around the vertical axis, and above the plane.
AZIMUTH, ELEVATION = 20.0, 25.0


@dataclass(frozen=True)
class Turnable:
    """Clouds of points, and paths, that a reader can turn.

    A notebook or page shows it as a self-contained piece of HTML: a canvas that is turned by dragging, by the arrow keys or
    by buttons. Nothing moves by itself. Print and pages without JavaScript show a still picture.

    Attributes:
        clouds: by name, points (n, 3).
        paths: by name, lines through points (n, 3).
        axes: names of the three axes.
        title: for the heading and for screen readers.
        alt: what is to be seen, in words.

    Raises:
        UserError: if there is no cloud, more than eight, something is not (n, 3) or not finite, or there are too many
            points for a page.
    """

    clouds: Mapping[str, np.ndarray]
    axes: Sequence[str]
    title: str
    alt: str
    paths: Mapping[str, np.ndarray] | None = None

    def __post_init__(self) -> None:
        clouds, paths = (
            {str(key): _as_points(value, str(key)) for key, value in (part or {}).items()}
            for part in (self.clouds, self.paths)
        )
        require(1 <= len(clouds) <= len(COLOURS), f"give one to {len(COLOURS)} clouds, not {len(clouds)}")
        count = sum(len(part) for part in (*clouds.values(), *paths.values()))
        require(count <= MOST_POINTS, f"{count} points are too many for a page: at most {MOST_POINTS}")
        require(len(tuple(self.axes)) == 3, "give three names of axes")
        require(bool(str(self.title).strip()), "a turnable picture needs a title")
        require(bool(str(self.alt).strip()), "a turnable picture needs an alt text that says what is to be seen")
        object.__setattr__(self, "clouds", clouds)
        object.__setattr__(self, "paths", paths)
        object.__setattr__(self, "axes", tuple(map(str, self.axes)))

    @property
    def scale(self) -> float:
        """Largest magnitude of a coordinate, which the picture is drawn relative to."""
        parts = [*self.clouds.values(), *self.paths.values()]
        return float(max(np.abs(part).max() for part in parts)) or 1.0

    def still(self) -> Figure:
        """Draw the first view, for print."""
        figure, axes = make_axes(1, 1, width=5.6, height=5.0)
        draw_clouds(axes[0, 0], self.clouds, self.paths, self.scale, self.axes)
        axes[0, 0].set_title(self.title, fontsize="medium")
        return figure

    def to_dict(self) -> dict:
        """Return what the page reads: texts, and coordinates as base64 of 16-bit levels, the low byte first."""
        scale = self.scale

        def encode(points: np.ndarray) -> str:
            levels = np.rint((points / scale + 1) / 2 * TURN_LEVELS)
            return base64.b64encode(levels.astype("<u2").tobytes()).decode("ascii")

        return {
            "title": self.title,
            "alt": self.alt,
            "axes": list(self.axes),
            "scale": scale,
            "view": [AZIMUTH, ELEVATION],
            "clouds": [
                {
                    "name": name,
                    "colour": COLOURS[index],
                    "points": encode(points),
                    "centre": (points.mean(0) / scale).round(4).tolist(),
                }
                for index, (name, points) in enumerate(self.clouds.items())
            ],
            "paths": [{"name": name, "points": encode(points)} for name, points in self.paths.items()],
        }

    def to_html(self) -> str:
        """Return the picture as a self-contained piece of HTML that asks nothing of any host."""
        # "<" is escaped so that no text can close the script element that carries the data.
        data = json.dumps(self.to_dict(), ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
        buffer = io.BytesIO()
        self.still().savefig(buffer, format="png", dpi=90, metadata={"Software": None})
        image = base64.b64encode(buffer.getvalue()).decode("ascii")
        return (
            f'<div class="twm-turnable" role="group" aria-label="Turnable picture: {html.escape(self.title)}">\n'
            f'<script type="application/json" class="twm-turnable-data">{data}</script>\n'
            f'<img class="twm-turnable-still" src="data:image/png;base64,{image}" alt="{html.escape(self.alt)}">\n'
            "<noscript><p>Turning it needs JavaScript; without it, this picture shows one side.</p></noscript>\n"
            f"<script>{_read_script()}</script>\n"
            "</div>"
        )

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return f"Turnable({self.title!r}, clouds: {', '.join(self.clouds)})"


def project_points(points: np.ndarray, azimuth: float = AZIMUTH, elevation: float = ELEVATION) -> np.ndarray:
    """Turn points and look at them from far away.

    Args:
        points: (n, 3); the third axis points up.
        azimuth: degrees by which the points are turned about the third axis.
        elevation: degrees by which the reader stands above the plane of the first two.

    Returns:
        (n, 3): to the right, up, and towards the reader.
    """
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
    """Draw clouds of points as the page shows them at first.

    Args:
        axes: where.
        clouds: by name, points (n, 3).
        paths: by name, lines (n, 3).
        scale: half the width of what is shown; the largest coordinate if not given.
        names: of the three axes, drawn as arrows in a corner; none if not given.
    """
    scale = float(max(np.abs(points).max() for points in clouds.values())) if scale is None else scale
    for line in (paths or {}).values():
        flat = project_points(line)
        axes.plot(flat[:, 0], flat[:, 1], color="#999999", linewidth=0.8, linestyle="-", zorder=1)
    for index, (name, points) in enumerate(clouds.items()):
        flat = project_points(points)
        axes.plot(flat[:, 0], flat[:, 1], ".", markersize=3.5, alpha=0.5, color=COLOURS[index], zorder=2)
        # Outward of the cloud, so that the name does not hide it.
        place = flat.mean(0)[:2]
        place = place + 0.2 * scale * place / (np.linalg.norm(place) or 1.0)
        axes.text(
            *place, name, ha="center", va="center", fontsize="small", zorder=3, color=COLOURS[index], fontweight="bold"
        )
    for number, name in enumerate(names):
        tip = 0.2 * scale * project_points(np.eye(3)[number : number + 1])[0]
        corner = np.array([-1.1 * scale, -1.1 * scale])
        axes.annotate(
            "", xy=corner + tip[:2], xytext=corner, arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1}
        )
        axes.text(*(corner + 1.5 * tip[:2]), name, fontsize="small", ha="center", va="center")
    axes.set(xlim=(-1.4 * scale, 1.4 * scale), ylim=(-1.4 * scale, 1.4 * scale), aspect="equal")
    axes.set_axis_off()


def _as_points(values: object, name: str) -> np.ndarray:
    points = np.asarray(values, dtype=float)
    require(
        points.ndim == 2 and points.shape[1] == 3 and len(points) > 0,
        f"{name!r} must be points (n, 3), not {points.shape}",
    )
    require(bool(np.isfinite(points).all()), f"{name!r} must be finite everywhere")
    return points


@cache
def _read_script() -> str:
    return files("twm.book.figures").joinpath("turnable.js").read_text(encoding="utf-8")
