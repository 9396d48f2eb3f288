"""Building the site with Jupyter Book, in scratch, published only once it is whole."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from twm.errors import require
from twm.paths import book_dir, build_dir, find_root, pages_dir, replace_folder, scratch_folder, write_atomically

#: Folders whose numbers the site shows, later ones over earlier ones; read by the Sphinx extension in book/_ext.
EVIDENCE_VARIABLE = "TWM_EVIDENCE"

# Through this Python rather than by name, so that the environment need not be active.
_COMMAND = [
    sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "book",
    "--config", "_config.yml", "--path-output", ".", "-n", "-W", "--keep-going",
]  # fmt: skip


class SiteFailed(Exception):
    """Jupyter Book reported a warning or an error; the message quotes the first and says where the log lies."""


def list_pages() -> list[str]:
    """Return the names of the notebooks that the table of contents lists, in its order."""
    return re.findall(r"^ *- file: pages/(\w+)$", (book_dir() / "_toc.yml").read_text("utf-8"), re.MULTILINE)


def _find_complaint(log: str) -> str:
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in log.splitlines()] or ["no output"]
    marked = (line for mark in ("ERROR:", "WARNING:", "error:", "Error") for line in lines if mark in line)
    return next(marked, lines[-1])


def build_site(*, pages: Path | None = None, evidence: Iterable[Path] = (), output: Path | None = None) -> Path:
    """Build the site and return the path of its ``index.html``: the executed notebooks of ``pages``, by default
    book/pages, and the numbers of the ``evidence`` folders over the committed ones, later over earlier. What stands at
    ``output``, by default _build/html, is replaced by a whole site only: after a warning of the builder it stays."""
    root, book = find_root(), book_dir()
    pages, output = pages or pages_dir(), output or build_dir() / "html"
    listed = list_pages()
    missing = sorted(name for name in listed if not (pages / f"{name}.ipynb").exists())
    require(not missing, f"these pages were never run: {', '.join(missing)}; run `twm run` first, or `twm book`")
    with scratch_folder("site") as scratch:
        shutil.copytree(book, scratch / "book", ignore=shutil.ignore_patterns("pages", "results", "__pycache__"))
        # _config.yml names its extensions relative to itself, so it travels with the book.
        for name in ("_config.yml", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff"):
            if (root / name).exists():
                shutil.copyfile(root / name, scratch / name)
        (scratch / "book" / "pages").mkdir()
        for name in listed:
            shutil.copyfile(pages / f"{name}.ipynb", scratch / "book" / "pages" / f"{name}.ipynb")
        environment = os.environ | {EVIDENCE_VARIABLE: os.pathsep.join(map(str, evidence)), "TWM_HOME": str(root)}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        done = subprocess.run(_COMMAND, cwd=scratch, env=environment, check=False, **streams)
        log, built = build_dir() / "site.log", scratch / "_build" / "html"
        write_atomically(log, done.stdout)
        if done.returncode != 0 or not (built / "index.html").exists():
            complaint = _find_complaint(done.stdout)
            raise SiteFailed(f"the site was not built: {complaint}; the whole log is in _build/{log.name}")
        (built / ".buildinfo").unlink(missing_ok=True)
        replace_folder(built, output)
    return output / "index.html"
