"""Building the site with Jupyter Book, in scratch, published only once it is whole."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterable

from twm.errors import require
from twm.paths import book_dir, build_dir, find_root, pages_dir, replace_folder, scratch_folder, write_atomically

#: Folders whose numbers the site shows, later ones over earlier ones; read by the Sphinx extension in book/_ext.
EVIDENCE_VARIABLE = "TWM_EVIDENCE"

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class SiteFailed(Exception):
    """Jupyter Book reported a warning or an error; the message quotes the first and says where the log lies."""


def site_dir() -> Path:
    """Return the folder of the published site."""
    return build_dir() / "html"


def _find_files(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for part in node for name in _find_files(part)]
    if isinstance(node, dict):
        own = [node["file"]] if "file" in node else []
        return own + [name for part in node.values() for name in _find_files(part)]
    return []


def list_pages() -> list[str]:
    """Return the names of the notebooks that the table of contents lists, in its order."""
    import yaml

    contents = yaml.safe_load((book_dir() / "_toc.yml").read_text(encoding="utf-8"))
    return [name.removeprefix("pages/") for name in _find_files(contents) if name.startswith("pages/")]


def _first_complaint(log: str) -> str:
    lines = [_COLOURS.sub("", line).strip() for line in log.splitlines()]
    for mark in ("ERROR:", "WARNING:", "error:", "Error"):
        for line in lines:
            if mark in line:
                return line
    return lines[-1] if lines else "no output"


def build_site(*, pages: Path | None = None, evidence: Iterable[Path] = (), output: Path | None = None) -> Path:
    """Build the site.

    Args:
        pages: folder of the executed notebooks; by default ``book/pages``.
        evidence: folders of numbers to show over the committed ones, later over earlier.
        output: where the site goes; by default ``_build/html``. What stands there is replaced only by a whole site.

    Returns:
        path of ``index.html``.

    Raises:
        UserError: if a page that the table of contents names was never run.
        SiteFailed: if Jupyter Book warns or fails; nothing published is touched.
    """
    root, book = find_root(), book_dir()
    pages = pages_dir() if pages is None else pages
    output = site_dir() if output is None else output
    listed = list_pages()
    missing = sorted(name for name in listed if not (pages / f"{name}.ipynb").exists())
    require(not missing, f"these pages were never run: {', '.join(missing)}; run `twm run` first, or `twm book`")
    with scratch_folder("site") as scratch:
        # _config.yml names its extensions relative to itself, so it travels with the book.
        shutil.copyfile(root / "_config.yml", scratch / "_config.yml")
        shutil.copytree(book, scratch / "book", ignore=shutil.ignore_patterns("pages", "results", "__pycache__"))
        for name in ("CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff"):
            if (root / name).exists():
                shutil.copyfile(root / name, scratch / name)
        (scratch / "book" / "pages").mkdir()
        for name in listed:
            shutil.copyfile(pages / f"{name}.ipynb", scratch / "book" / "pages" / f"{name}.ipynb")
        command = [
            # Through this Python rather than by name, so that the environment need not be active.
            sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "book", "--config", "_config.yml", "--path-output", ".",
            "-n", "-W", "--keep-going",
        ]  # fmt: skip
        environment = os.environ | {EVIDENCE_VARIABLE: os.pathsep.join(map(str, evidence)), "TWM_HOME": str(root)}
        done = subprocess.run(
            command,
            cwd=scratch,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        log = build_dir() / "site.log"
        write_atomically(log, done.stdout)
        built = scratch / "_build" / "html"
        if done.returncode != 0 or not (built / "index.html").exists():
            raise SiteFailed(
                f"the site was not built: {_first_complaint(done.stdout)}; the whole log is in _build/{log.name}"
            )
        (built / ".buildinfo").unlink(missing_ok=True)
        replace_folder(built, output)
    return output / "index.html"
