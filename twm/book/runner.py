"""Running notebooks, from .py or .ipynb, in a scratch folder; pages are published only if the whole run succeeds."""

import json
import logging
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twm.book.session import find_profile, runs_dir
from twm.errors import UserError, require, require_count
from twm.models.kernels import choose_device
from twm.paths import build_dir, find_root, notebooks_dir, pages_dir, publish_file, scratch_folder

#: The parameters of every notebook: papermill sets them, and the page refuses anything else.
PARAMETERS = ("profile", "device", "seed", "reuse")

#: A kernel's messages carry terminal colours; a log and an error line do not.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class NotebookFailed(Exception):
    """A notebook stopped in one of its cells; the message says which, and where the partial run lies."""


@dataclass(frozen=True)
class Run:
    """One notebook's run."""

    name: str
    notebook: Path  # the executed notebook
    evidence: Mapping[str, Any]  # what it recorded
    seconds: float  # wall time, kernel start included


def list_notebooks() -> list[str]:
    """Return the names of the notebooks, in order, without ending."""
    return sorted(path.stem for path in notebooks_dir().glob("[0-9A-Z][0-9]_*.py"))


def choose_notebooks(asked: list[str]) -> list[str]:
    """Return the notebooks named in full, by number or as a file, in the book's order; all if none was named."""
    known = list_notebooks()
    require(bool(known), "there is no notebook in notebooks/")
    stems = {name: re.sub(r"\.(py|ipynb)$", "", Path(name).name) for name in asked}
    for name, stem in stems.items():
        found = any(stem in (notebook, notebook[:2]) for notebook in known)
        require(found, f"there is no notebook {name!r}: choose from {', '.join(known)}")
    return [notebook for notebook in known if not asked or {notebook, notebook[:2]} & set(stems.values())]


def read_source(name: str) -> Any:
    """Read the .py of a notebook as a notebook node with exactly one cell tagged ``parameters``."""
    import jupytext

    node = jupytext.read(notebooks_dir() / f"{name}.py")
    node.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    tagged = [cell for cell in node.cells if "parameters" in cell.metadata.get("tags", [])]
    require(len(tagged) == 1, f"notebooks/{name}.py must have exactly one cell tagged parameters, not {len(tagged)}")
    return node


def find_difference(name: str) -> str | None:
    """Compare the two forms of a notebook by content; return None, or one line that says how they differ."""
    import nbformat

    def list_content(node: Any) -> list[tuple]:
        return [(cell.cell_type, cell.source, *map(cell.metadata.get, ("tags", "mystnb"))) for cell in node.cells]

    remedy, pair = f"run `jupytext --sync notebooks/{name}.py`", notebooks_dir() / f"{name}.ipynb"
    if not pair.exists():
        return f"notebooks/{name}.ipynb is missing: {remedy}"
    try:
        node = nbformat.read(pair, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        raise UserError(f"notebooks/{name}.ipynb is not a notebook: {error}") from None
    pairs = list(zip_longest(list_content(read_source(name)), list_content(node)))
    differing = [number for number, (source, opened) in enumerate(pairs, start=1) if source != opened]
    if differing:
        return f"notebooks/{name}.ipynb and .py differ from cell {differing[0]} on: {remedy}"
    if any(cell.get("outputs") or cell.get("execution_count") for cell in node.cells):
        return f"notebooks/{name}.ipynb has outputs: commit the .ipynb without outputs"
    return None


def make_parameters(profile="paper", device="auto", seed=0, reuse: bool | None = None) -> dict[str, Any]:
    """Return the four parameters of a run, checked; ``reuse`` is None for the profile's own choice."""
    chosen = find_profile(profile)
    choose_device(device)
    require_count(seed, "--seed", 0)
    require(chosen.reuse or not reuse, f"--reuse goes with --profile paper: the profile {profile} always trains")
    return {"profile": profile, "device": device, "seed": seed, "reuse": chosen.reuse if reuse is None else reuse}


@contextmanager
def _kernel_messages(path: Path) -> Iterator[None]:
    """Send to a file what a kernel, which inherits our standard error, says there; our own messages go where they went. A
    kernel that is stopped with Ctrl-C would else print a traceback of its own over our one line."""
    terminal, ours = os.dup(2), sys.stderr
    try:
        with open(path, "ab") as stream:
            os.dup2(stream.fileno(), 2)
        # The progress bar writes to sys.stderr, which must not follow the descriptor into the file.
        sys.stderr = os.fdopen(os.dup(terminal), "w", buffering=1, encoding="utf-8")
        yield
    finally:
        if sys.stderr is not ours:
            sys.stderr.close()
        sys.stderr = ours
        os.dup2(terminal, 2)
        os.close(terminal)


def _clean(path: Path) -> None:
    """Drop from an executed notebook what is not for readers: this machine's paths, and the cells that set parameters."""
    import nbformat

    node = nbformat.read(path, as_version=4)
    node.metadata.pop("papermill", None)
    for cell in node.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])):
            cell.metadata["tags"] = [*cell.metadata["tags"], "remove-cell"]
    nbformat.write(node, path)


def run_notebook(name: str, parameters: Mapping[str, Any], scratch: Path) -> Run:
    """Execute one notebook in an empty folder, which gets NAME.ipynb, NAME.json and two logs."""
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    source, target, evidence = scratch / f"{name}.source.ipynb", scratch / f"{name}.ipynb", scratch / f"{name}.json"
    nbformat.write(read_source(name), source)
    odd = ", ".join(sorted(set(parameters) ^ set(papermill.inspect_notebook(str(source)))))
    require(not odd, f"notebooks/{name}.py: its parameters must be {', '.join(PARAMETERS)}; missing or unknown: {odd}")
    started = time.perf_counter()
    # On small matrices one thread is faster than two that wait for each other, and rounds the same way on any number of
    # cores; trainings use one process a core instead.
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    inherited = {"TWM_RUN_DIR": str(scratch)} | {variable: os.environ.get(variable, "1") for variable in threads}
    # What the notebook prints goes to the log and nowhere else.
    handler, logger = logging.FileHandler(scratch / f"{name}.log", encoding="utf-8"), logging.getLogger("papermill")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    # A kernel that is stopped with us leaves a task that asyncio would complain about after our one line.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        with patch.dict(os.environ, inherited), _kernel_messages(scratch / f"{name}.kernel.log"):
            # Sockets in the file system: two runs at once can then never take each other's port.
            papermill.execute_notebook(
                str(source), str(target), parameters=dict(parameters), cwd=str(scratch), log_output=True,
                progress_bar=sys.stderr.isatty(), kernel_name="python3",
                config=Config({"KernelManager": {"transport": "ipc"}}),
            )  # fmt: skip
    except PapermillExecutionError as error:
        logger.error(_COLOURS.sub("", "\n".join(error.traceback)))
        said = _COLOURS.sub("", f"{error.ename}: {error.evalue}").strip().splitlines()[0]
        raise NotebookFailed(f"{name} failed in cell {error.cell_index + 1} ({said})") from error
    finally:
        handler.close()
        logger.removeHandler(handler)
        source.unlink(missing_ok=True)
    if not evidence.exists():
        raise NotebookFailed(f"{name} ended without closing its page: its last cell must call page.about()")
    _clean(target)
    return Run(name, target, json.loads(evidence.read_text(encoding="utf-8")), time.perf_counter() - started)


def run_notebooks(
    names: list[str], parameters: Mapping[str, Any], *,
    pages: Path | None = None, evidence: Path | None = None, log: Callable[[str], None] = print,
) -> list[Run]:  # fmt: skip
    """Run notebooks (none named: all) one after another, publishing each to ``pages``, by default book/pages, and its
    numbers to ``evidence``, by default below _build, once it has succeeded. One that fails keeps the partial run and the
    log, and leaves what was published before as it was."""
    chosen, pages = choose_notebooks(names), pages or pages_dir()
    evidence = evidence or runs_dir(parameters["profile"])
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    runs = []
    for number, name in enumerate(chosen, start=1):
        difference = find_difference(name)
        if difference:
            log(f"note: {difference}; running the .py")
        log(f"[{number}/{len(chosen)}] {name} ({parameters['profile']}) ...")
        with scratch_folder(name) as scratch:
            try:
                run = run_notebook(name, parameters, scratch)
            except NotebookFailed as error:
                kept = build_dir() / "failed" / name
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(scratch, kept)
                place = kept.relative_to(find_root())
                raise NotebookFailed(f"{error}; the partial notebook and the log are in {place}") from error
            # Evidence first: a page without its numbers could not be built, numbers without their page could.
            publish_file(scratch / f"{name}.json", evidence / f"{name}.json")
            publish_file(run.notebook, pages / f"{name}.ipynb")
        log(f"[{number}/{len(chosen)}] {name} done in {run.seconds:.0f} s, {run.evidence['memory_mb']} MB")
        runs.append(replace(run, notebook=pages / f"{name}.ipynb"))
    return runs
