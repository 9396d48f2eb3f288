"""Where things lie, wherever a command is called, and how files get there whole."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from twm.errors import UserError, require


def find_root() -> Path:
    """Return ``TWM_HOME`` where that is set, else the first folder above that holds _config.yml and book/claims.yml."""
    if home := os.environ.get("TWM_HOME"):
        root, lacks = Path(home).expanduser().resolve(), "it lacks _config.yml or book/claims.yml"
        require(_is_root(root), f"TWM_HOME={home} is not a clone of this project: {lacks}")
        return root
    if root := _find_above(Path(__file__).resolve()):
        return root
    advice = "clone it and install with `pip install -e .`, or set TWM_HOME"
    raise UserError(f"this command needs a clone of the project: {advice}")


def _locate(*parts: str) -> Path:
    root = here = find_root()
    # A clone that was copied or moved may run what stands at another place. The working folder may be gone.
    with suppress(OSError):
        here = _find_above(Path.cwd() / "_") or root
    advice = "call its own, after `make setup` there, or set TWM_HOME"
    require(here == root or "TWM_HOME" in os.environ, f"you are in the clone {here}, but this twm is that of {root}: {advice}")
    return root.joinpath(*parts)


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


def library_path() -> str:
    """Return the PYTHONPATH with which another process imports this library and no other, installed or not."""
    return os.pathsep.join(filter(None, (str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH"))))


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write text or bytes to ``path`` under a temporary name, then rename, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        os.umask(mask := os.umask(0o077))  # it can only be read by setting it
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)
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
    """Yield a fresh folder below the build folder; it is gone afterwards, and so are those that were left a day ago."""
    parent = build_dir() / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.iterdir():
        with suppress(OSError):
            if max(path.lstat().st_mtime for path in (left, *left.rglob("*"))) < time.time() - 24 * 3600:
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{name}-", ignore_cleanup_errors=True) as folder:
        try:
            yield Path(folder)
        except OSError as error:
            error.filename = error.filename or folder
            raise


def find_commit(root: Path | None = None, tell: Callable[[str], object] = lambda reason: None) -> str:
    """Return the short commit, from git with ``+`` if the tree but for the records differs, or from ``TWM_COMMIT``; ``tell``
    why it is unknown where it is."""
    reason = "there is no git repository"
    with suppress(UserError):
        root = root or find_root()
    if root and (root / ".git").exists():
        # Records that a run has just written do not make the code another.
        changes = ["status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)book/results"]
        asked = [["git", "-C", str(root), *words] for words in (["rev-parse", "--short=10", "HEAD"], changes)]
        # A hook's variables name its own repository.
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            head, changed = (subprocess.run(each, capture_output=True, text=True, check=False, env=own) for each in asked)
            if head.returncode == 0:
                return head.stdout.strip() + ("+" if changed.stdout.strip() else "")
            reason = f"git says {(head.stderr.splitlines() or ['nothing'])[0]!r}"
        except OSError as error:
            reason = f"git cannot be run: {error.strerror}"
    if "TWM_COMMIT" not in os.environ:
        tell(f"{reason}, and TWM_COMMIT is not set")
    return os.environ.get("TWM_COMMIT", "unknown")


def _find_above(path: Path) -> Path | None:
    return next(filter(_is_root, path.parents), None)


def _is_root(folder: Path) -> bool:
    return (folder / "_config.yml").is_file() and (folder / "book" / "claims.yml").is_file()
