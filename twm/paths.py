"""Locations of files, independent of the working folder, and atomic writing."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

from twm.errors import SickMachine, UserError, require


# Unlike Path.is_file, os.path.isfile returns False for a path that is too long.
_is_root = lambda folder: all(map(os.path.isfile, (folder / "_config.yml", folder / "book" / "claims.yml")))
_is_other = lambda path: os.path.exists(path) and not os.path.isfile(path)  # a folder, pipe or device


def find_root() -> Path:
    """Return ``TWM_HOME`` if set, else the first folder above this file that holds _config.yml and book/claims.yml."""
    if home := os.environ.get("TWM_HOME"):
        root, lacks = Path(os.path.expanduser(home)).resolve(), "it lacks _config.yml or book/claims.yml"
        require(_is_root(root), f"TWM_HOME={home} is not a clone of this project: {lacks}")
        return root
    if root := _find_above(Path(__file__).resolve()):
        return root
    raise UserError("this command needs a clone of the project: install one with `pip install -e .`, or set TWM_HOME")


def _locate(*parts: str) -> Path:
    root = here = find_root()
    # A copied or moved clone may run a library installed elsewhere. The working folder may no longer exist.
    with suppress(OSError):
        here = _find_above(Path.cwd() / "_") or root
    advice = "call its own, after `make setup` there, or set TWM_HOME"
    require(here == root or "TWM_HOME" in os.environ, f"you are in the clone {here}, but this twm is that of {root}: {advice}")
    return root.joinpath(*parts)


_find_above = lambda path: next(filter(_is_root, path.parents), None)
#: The folders of the paired notebooks, of the site's source, and of all build output, which may be deleted.
notebooks_dir, book_dir, build_dir = (partial(_locate, name) for name in ("notebooks", "book", "_build"))
#: The folders of the executed notebooks (not committed) and of the saved results (committed).
pages_dir, results_dir = (partial(_locate, "book", name) for name in ("pages", "results"))
#: The folder of the committed evidence, one JSON file per notebook, and the path of the ledger of claims.
evidence_dir, ledger_path = partial(_locate, "book", "results", "claims"), partial(_locate, "book", "claims.yml")
#: The folder of the reference numbers with which CI compares smoke runs.
references_dir = partial(_locate, "tests", "reference")


def read_text(path: Path) -> str:
    """Return a file's text without a byte-order mark; raise UserError if it is not UTF-8, or a folder, pipe or device."""
    require(not _is_other(path), f"{path}: expected a file, found something else")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = error.object.count(b"\n", 0, error.start) + 1, error.object[error.start]
        raise UserError(f"{path}, line {line}: expected text in UTF-8, found the byte {byte:#04x}") from None


def read_json(path: Path, advice: str = "restore it") -> dict[str, Any]:
    """Return the mapping in a JSON file; raise UserError if the file holds anything else."""

    def gather(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise ValueError(f"a field twice among {', '.join(found):.40}")
        return found

    try:
        content = json.loads(read_text(path), parse_constant=int, object_pairs_hook=gather)  # int refuses NaN
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: expected JSON, found {error}; {advice}") from None
    require(isinstance(content, dict), f"{path}: expected a mapping, found {content!r:.40}; {advice}")
    return content


def library_path() -> str:
    """Return the PYTHONPATH with which another process imports this copy of the library, installed or not."""
    return os.pathsep.join(filter(None, (str(Path(__file__).resolve().parents[1]), os.environ.get("PYTHONPATH"))))


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write text or bytes to a unique temporary file and rename it to ``path``, so that no reader sees a partial file."""
    path, data = Path(os.path.realpath(path)), content.encode("utf-8") if isinstance(content, str) else content
    require(not _is_other(path), f"{path}: expected a file, found something else")  # renaming would remove a device
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as stream:  # respects the umask, unlike a file from tempfile
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise SickMachine(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def replace_folder(new: Path, place: Path) -> None:
    """Replace the folder ``place`` by a copy of ``new``; the old folder is removed only once the copy is complete."""
    with scratch_folder(f".{place.name}", place.parent) as own:
        try:
            shutil.copytree(new, own / "new")
            for turn in range(10):
                with suppress(FileNotFoundError):
                    os.replace(place, own / f"old{turn}")
                with suppress(OSError) if turn < 9 else nullcontext():  # fails if another process has just put its own there
                    return os.replace(own / "new", place)
        except OSError as error:
            raise SickMachine(f"{place} cannot be written: {error}"[:300]) from error


@contextmanager
def scratch_folder(name: str, parent: Path | None = None) -> Iterator[Path]:
    """Yield a temporary folder in ``parent`` (default: in _build), after deleting folders that killed runs left a month ago."""
    old = f"{name}-*" if parent else "*"
    parent = parent or build_dir() / "scratch"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(old):
        with suppress(OSError):
            if max(path.lstat().st_mtime for path in (left, *left.rglob("*"))) < time.time() - 30 * 24 * 3600:
                shutil.rmtree(left)
    with TemporaryDirectory(dir=parent, prefix=f"{name}-", ignore_cleanup_errors=True) as folder:
        try:
            yield Path(folder)
        except OSError as error:
            error.filename = error.filename or folder
            raise


def find_commit(root: Path | None = None, tell: Callable[[str], object] = lambda reason: None) -> str:
    """Return the short commit from git, with ``+`` if tracked files outside book/results have changed, else from
    ``TWM_COMMIT``; without either, return "unknown" and pass the reason to ``tell``."""
    reason = "there is no git repository"
    with suppress(UserError):
        root = root or find_root()
    if root and (root / ".git").exists():
        # Results that a run has just written do not change the code.
        changes = ["status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)book/results"]
        asked = [["git", "-C", str(root), *words] for words in (["rev-parse", "--short=10", "HEAD"], changes)]
        # The variables of a git hook refer to its own repository.
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            how = {"capture_output": True, "encoding": "utf-8", "errors": "replace", "env": own, "timeout": 60}
            head, changed = (subprocess.run(each, **how, check=False, stdin=subprocess.DEVNULL) for each in asked)
            if head.returncode == 0:
                return head.stdout.strip() + "+" * bool(changed.returncode or changed.stdout.strip())
            reason = f"git says {(head.stderr.splitlines() or ['nothing'])[0]!r}"
        except (OSError, subprocess.SubprocessError) as error:
            reason = f"git cannot be run: {getattr(error, 'strerror', error)}"
    if not os.environ.get("TWM_COMMIT"):
        tell(f"{reason}, and TWM_COMMIT is not set")
    return os.environ.get("TWM_COMMIT") or "unknown"
