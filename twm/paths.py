"""Locations of files, independent of the working folder, and atomic writing."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from twm.errors import UserError, require


def find_root() -> Path:
    """Return ``TWM_HOME`` where that is set, else the first folder above that holds _config.yml and book/claims.yml."""
    if home := os.environ.get("TWM_HOME"):
        root, lacks = Path(home).expanduser().resolve(), "it lacks _config.yml or book/claims.yml"
        require(_is_root(root), f"TWM_HOME={home} is not a clone of this project: {lacks}")
        return root
    for folder in Path(__file__).resolve().parents:
        if _is_root(folder):
            return folder
    advice = "clone it and install with `pip install -e .`, or set TWM_HOME"
    raise UserError(f"this command needs a clone of the project: {advice}")


def _locate(*parts: str) -> Path:
    return find_root().joinpath(*parts)


#: The folder of the paired notebooks.
notebooks_dir = partial(_locate, "notebooks")
#: The folder of the site's source.
book_dir = partial(_locate, "book")
#: The folder of the executed notebooks: generated, not committed.
pages_dir = partial(_locate, "book", "pages")
#: The folder of the recorded runs: committed.
results_dir = partial(_locate, "book", "results")
#: The folder of the committed evidence, one JSON file a notebook.
evidence_dir = partial(_locate, "book", "results", "claims")
#: The path of the ledger of claims.
ledger_path = partial(_locate, "book", "claims.yml")
#: The folder of the smoke references that CI compares with.
references_dir = partial(_locate, "tests", "reference")
#: The folder of everything that is built and may be deleted.
build_dir = partial(_locate, "_build")


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write text or bytes to ``path`` under a temporary name, then rename, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def publish_file(new: Path, place: Path) -> None:
    """Put the file ``new`` at ``place``, which may lie on another disk, so that no reader sees half a file."""
    write_atomically(place, new.read_bytes())


def replace_folder(new: Path, place: Path) -> None:
    """Put a copy of the folder ``new`` at ``place``; what stood there goes only once the copy is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    arriving, retired = place.with_name(f".{place.name}.new"), place.with_name(f".{place.name}.retired")
    for leftover in (arriving, retired):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(new, arriving)
    if place.exists():
        os.replace(place, retired)
    os.replace(arriving, place)
    shutil.rmtree(retired, ignore_errors=True)


@contextmanager
def scratch_folder(name: str) -> Iterator[Path]:
    """Yield a fresh folder below the build folder; it is gone afterwards, whatever happens."""
    parent = build_dir() / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{name}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def find_commit(root: Path | None = None) -> str:
    """Return the short commit, from git with ``+`` if the tree but for the records differs, or from ``TWM_COMMIT``."""
    try:
        root = root or find_root()
    except UserError:
        root = None
    if root and (root / ".git").exists() and shutil.which("git"):
        # Records that a run has just written do not make the code another.
        changes = ["status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)book/results"]
        asked = [["git", "-C", str(root), *words] for words in (["rev-parse", "--short=10", "HEAD"], changes)]
        head, changed = (subprocess.run(each, capture_output=True, text=True, check=False) for each in asked)
        if head.returncode == 0:
            return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
    return os.environ.get("TWM_COMMIT", "unknown")


def _is_root(folder: Path) -> bool:
    return (folder / "_config.yml").is_file() and (folder / "book" / "claims.yml").is_file()
