"""Sphinx extension: the picture of the rooms of the library, measured from its files when the site is built."""

import ast
import html
from collections import Counter
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from twm.paths import find_root


def measure_rooms(library: Path, rooms: list[str]) -> dict[str, dict[str, Any]]:
    """Return lines, files and imported rooms (how many imports from each) by room."""
    measured: dict[str, dict[str, Any]] = {room: {"lines": 0, "files": 0, "uses": Counter()} for room in rooms}
    for path in sorted(library.rglob("*.py")):
        room = path.relative_to(library).parts[0].removesuffix(".py")
        if room not in measured:
            continue
        text = path.read_text(encoding="utf-8")
        measured[room]["lines"] += len(text.splitlines())
        measured[room]["files"] += 1
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("twm."):
                other = node.module.split(".")[1]
                if other in measured and other != room:
                    measured[room]["uses"][other] += 1
    return measured


def draw_rooms(measured: dict[str, dict[str, Any]], about: dict[str, str]) -> str:
    """Draw the rooms as an SVG: one box below the other, as wide as the room has lines, and what it imports from."""
    height, left, width = 46, 92, 620
    most = max(room["lines"] for room in measured.values())
    parts = []
    for number, (name, room) in enumerate(measured.items()):
        top = 8 + number * height
        uses = ", ".join(other for other in measured if room["uses"][other])
        parts.append(
            f'<text x="{left - 8}" y="{top + 16}" text-anchor="end" font-weight="600">{name}</text>'
            f'<rect x="{left}" y="{top + 3}" width="{max(3, width * room["lines"] / most):.0f}" height="16" rx="3" '
            f'fill="#3b78b5" fill-opacity="0.45"/>'
            f'<text x="{left + 8}" y="{top + 15.5}" font-size="12">{room["lines"]:,} lines in {room["files"]} '
            f"{'file' if room['files'] == 1 else 'files'}: {html.escape(about[name])}</text>"
            f'<text x="{left + 8}" y="{top + 34}" font-size="11" opacity="0.8">'
            f"{'imports from ' + uses if uses else 'imports from no other layer'}</text>"
        )
    total = sum(room["lines"] for room in measured.values())
    label = f"The layers of the library from top to bottom, {total:,} lines. Each imports only from layers above it."
    # Its letters would be too small on a phone, which scrolls it instead.
    return (
        f'<div style="overflow-x: auto" tabindex="0" role="region" aria-label="Layers of the library">'
        f'<svg class="twm-house" viewBox="0 0 {left + width + 8} {16 + height * len(measured)}" role="img" '
        f'aria-label="{label}" fill="currentColor" font-size="13" font-family="inherit" '
        f'style="min-width: {left + width + 8}px">{"".join(parts)}</svg></div>'
    )


class House(SphinxDirective):
    """``{house}`` with a line ``room: what it holds`` for each room, from the top."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the picture."""
        about = dict(line.split(": ", 1) for line in self.content if line.strip())
        library = find_root() / "twm"
        for path in library.rglob("*.py"):
            self.env.note_dependency(str(path))
        return [nodes.raw("", draw_rooms(measure_rooms(library, list(about)), about), format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("house", House)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
