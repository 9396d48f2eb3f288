"""Sphinx extension of the explorer page: the recorded networks become a script beside the page, one still a picture."""

import html
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

#: Below the site's _static. Not in the book's own _static, whose scripts Jupyter Book puts on every page.
PLACE = "explorer"
SOURCES = Path(__file__).resolve().parents[1] / "_explorer"
DATA, STILL, STYLE = "networks.js", "still.png", "explorer.css"
SCRIPTS = ("model.js", "panels.js", "explorer.js", "memories.js", "probe.js")
TEXT, STEPS = "3141", 50


class ExplorerDirective(SphinxDirective):
    """The explorer: a still and words, in whose place the scripts put the page's own controls."""

    def run(self) -> list[nodes.Node]:
        from twm.book.explorer import describe_still, pack_networks

        static = "../" * self.env.docname.count("/") + f"_static/{PLACE}"
        words = html.escape(describe_still(TEXT, pack_networks()[0].task.history, STEPS))
        lines = [
            f'<link rel="stylesheet" href="{static}/{STYLE}">',
            '<div class="twm-explorer" id="play" role="group" aria-label="Explorer">',
            f'<img class="twm-x-still" src="{static}/{STILL}" alt="{words}">',
            "<noscript><p>The explorer needs JavaScript. This picture shows one moment of a run.</p></noscript>",
            "</div>",
            *(f'<script defer src="{static}/{script}"></script>' for script in (DATA, *SCRIPTS)),
        ]
        return [nodes.raw("", "\n".join(lines), format="html")]


class PartDirective(SphinxDirective):
    """What stands below the explorer and needs its scripts: a register beside a wave, a recording of one's own."""

    _PARTS = {"twm-memories": "Register and wave", "twm-probe": "Your own recording"}

    def run(self) -> list[nodes.Node]:
        words = "<noscript><p>This part needs JavaScript.</p></noscript>"
        text = f'<div class="{self.name}" role="group" aria-label="{self._PARTS[self.name]}">{words}</div>'
        return [nodes.raw("", text, format="html")]


def write_files(app: Sphinx) -> None:
    """Write scripts, style, networks and the still into the site."""
    if app.builder.format != "html":
        return
    from twm.book.explorer import draw_still, make_network_script, pack_networks

    folder = Path(app.outdir) / "_static" / PLACE
    folder.mkdir(parents=True, exist_ok=True)
    for name in (STYLE, *SCRIPTS):
        shutil.copyfile(SOURCES / name, folder / name)
    (folder / DATA).write_text(make_network_script(), encoding="utf-8")
    still = draw_still(pack_networks()[0], TEXT, STEPS)
    still.savefig(folder / STILL, dpi=110, metadata={"Software": None})


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("twm-explorer", ExplorerDirective)
    for part in ("twm-memories", "twm-probe"):
        app.add_directive(part, PartDirective)
    app.connect("builder-inited", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
