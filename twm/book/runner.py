"""The two forms of a notebook: the .py that one edits, and the .ipynb without outputs that one opens.

Running notebooks: papermill in scratch, published only once all is well.
"""

import json
import logging
import os
import re
import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping

from twm.book.session import choose_reuse, find_profile, runs_dir
from twm.errors import UserError, require, require_count
from twm.models.kernels import choose_device
from twm.paths import build_dir, notebooks_dir, pages_dir, publish_file, scratch_folder

#: The parameters of every notebook: papermill sets them, and the page refuses anything else.
PARAMETERS = ("profile", "device", "seed", "reuse")


def list_notebooks(folder: Path | None = None) -> list[str]:
    """Return the names of the notebooks, in order, without ending."""
    folder = notebooks_dir() if folder is None else folder
    return sorted(path.stem for path in folder.glob("[0-9][0-9]_*.py"))


def choose_notebooks(asked: list[str], folder: Path | None = None) -> list[str]:
    """Return the notebooks that were asked for, in the book's order; all if none was named.

    A notebook may be named in full (``01_theory``), by its number (``01``) or as a file.

    Raises:
        UserError: if a name fits no notebook.
    """
    known = list_notebooks(folder)
    if not asked:
        require(bool(known), "there is no notebook in notebooks/")
        return known
    chosen = set()
    for name in asked:
        stem = Path(name).name.removesuffix(".py").removesuffix(".ipynb")
        match = [notebook for notebook in known if stem in (notebook, notebook[:2])]
        require(bool(match), f"there is no notebook {name!r}: choose from {', '.join(known)}")
        chosen.update(match)
    return [notebook for notebook in known if notebook in chosen]


def read_source(name: str, folder: Path | None = None) -> Any:
    """Read the .py of a notebook as a notebook node.

    Raises:
        UserError: if it does not have exactly one cell tagged ``parameters``.
    """
    import jupytext

    folder = notebooks_dir() if folder is None else folder
    node = jupytext.read(folder / f"{name}.py")
    tagged = [cell for cell in node.cells if "parameters" in cell.metadata.get("tags", [])]
    require(len(tagged) == 1, f"notebooks/{name}.py must have exactly one cell tagged parameters, not {len(tagged)}")
    return node


def _content(node: Any) -> list[tuple[str, str, Any]]:
    kept = ("tags", "mystnb")
    return [
        (cell.cell_type, cell.source, {key: cell.metadata[key] for key in kept if key in cell.metadata})
        for cell in node.cells
    ]


def find_difference(name: str, folder: Path | None = None) -> str | None:
    """Compare the two forms of a notebook by content.

    Returns:
        ``None`` if they agree and the .ipynb has no outputs, else one line that says how they differ.
    """
    import nbformat

    folder = notebooks_dir() if folder is None else folder
    remedy = f"run `jupytext --sync notebooks/{name}.py`"
    pair = folder / f"{name}.ipynb"
    if not pair.exists():
        return f"notebooks/{name}.ipynb is missing: {remedy}"
    try:
        node = nbformat.read(pair, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        raise UserError(f"notebooks/{name}.ipynb is not a notebook: {error}") from None
    source, opened = _content(read_source(name, folder)), _content(node)
    if source != opened:
        first = next((i for i, (a, b) in enumerate(zip(source, opened)) if a != b), min(len(source), len(opened)))
        return f"notebooks/{name}.ipynb and .py differ from cell {first + 1} on: {remedy}"
    if any(cell.get("outputs") or cell.get("execution_count") for cell in node.cells):
        return f"notebooks/{name}.ipynb has outputs: only the .py and an .ipynb without outputs are kept"
    return None


Log = Callable[[str], None]

#: Kernel messages in front of a traceback's last line carry terminal colours; a log and an error line do not.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class NotebookFailed(Exception):
    """A notebook stopped in one of its cells; the message says which, and where the partial run lies."""


@dataclass(frozen=True)
class Run:
    """One notebook's run.

    Attributes:
        name: the notebook.
        notebook: path of the executed notebook.
        evidence: what it recorded, see :meth:`twm.book.session.Page.record`.
        seconds: wall time, kernel start included.
    """

    name: str
    notebook: Path
    evidence: Mapping[str, Any]
    seconds: float


def make_parameters(
    profile: str = "paper", device: str = "auto", seed: int = 0, reuse: bool | None = None
) -> dict[str, Any]:
    """Return the four parameters of a run, checked.

    Raises:
        UserError: unknown profile or device, no GPU for ``cuda``, a negative seed, or reuse where the profile trains.
    """
    chosen = find_profile(profile)
    choose_device(device)
    require_count(seed, "--seed", 0)
    return {"profile": profile, "device": device, "seed": seed, "reuse": choose_reuse(chosen, reuse)}


@contextmanager
def _kernel_environment(scratch: Path) -> Iterator[None]:
    """Set what a kernel inherits: where its numbers go, and one thread for numpy and torch unless the user says otherwise.

    The matrices of these pages are small. One thread is then faster than two that wait for each other, above all on a
    busy machine, and rounds the same way on any number of cores. Trainings use one process a core instead.
    """
    threads = {name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    wanted = {"TWM_RUN_DIR": str(scratch), **threads}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _kernel_messages(path: Path) -> Iterator[None]:
    """Send to a file what a kernel, which inherits our standard error, says there; our own messages go where they went.

    Otherwise a kernel that is stopped with Ctrl-C would print a traceback of its own over our one line.
    """
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


def _name_cell(error: Any) -> str:
    line = _COLOURS.sub("", f"{error.ename}: {error.evalue}").strip().splitlines()[0]
    return f"cell {error.cell_index + 1} ({line})"


def _keep_failure(name: str, scratch: Path) -> Path:
    """Copy what a failed run left to a place that the next run does not touch; return that place."""
    kept = build_dir() / "failed" / name
    shutil.rmtree(kept, ignore_errors=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(scratch, kept)
    return kept


def _clean(path: Path) -> None:
    """Drop from an executed notebook what is not for readers: this machine's paths, and the cells that set parameters."""
    import nbformat

    node = nbformat.read(path, as_version=4)
    node.metadata.pop("papermill", None)
    for cell in node.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        tags = cell.metadata.get("tags", [])
        if {"parameters", "injected-parameters"} & set(tags):
            cell.metadata["tags"] = [*tags, "remove-cell"]
    nbformat.write(node, path)


def run_notebook(name: str, parameters: Mapping[str, Any], scratch: Path, *, folder: Path | None = None) -> Run:
    """Execute one notebook in ``scratch``.

    Args:
        name: the notebook's name without ending.
        parameters: values of :data:`~twm.book.runner.PARAMETERS`.
        scratch: an empty folder; it gets NAME.ipynb, NAME.json and two logs.
        folder: where the sources lie; by default ``notebooks/``.

    Returns:
        the run.

    Raises:
        UserError: if a parameter is not one of the notebook's.
        NotebookFailed: if a cell raised, or the notebook ended without closing its page.
    """
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    source, target = scratch / f"{name}.source.ipynb", scratch / f"{name}.ipynb"
    nbformat.write(read_source(name, folder), source)
    known = papermill.inspect_notebook(str(source))
    unknown = sorted(set(parameters) ^ set(known))
    require(
        not unknown,
        f"notebooks/{name}.py: its parameters must be {', '.join(PARAMETERS)}; at odds: {', '.join(unknown)}",
    )

    handler = logging.FileHandler(scratch / f"{name}.log", encoding="utf-8")
    logger = logging.getLogger("papermill")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    started = time.perf_counter()
    try:
        with _kernel_environment(scratch), _kernel_messages(scratch / f"{name}.kernel.log"):
            # Sockets in the file system: two runs at once can then never take each other's port.
            papermill.execute_notebook(
                str(source), str(target), parameters=dict(parameters), cwd=str(scratch), log_output=True,
                progress_bar=sys.stderr.isatty(), kernel_name="python3",
                config=Config({"KernelManager": {"transport": "ipc"}}),
            )  # fmt: skip
    except PapermillExecutionError as error:
        logger.error(_COLOURS.sub("", "\n".join(error.traceback)))
        raise NotebookFailed(f"{name} failed in {_name_cell(error)}") from error
    finally:
        handler.close()
        logger.removeHandler(handler)
        source.unlink(missing_ok=True)
    evidence_path = scratch / f"{name}.json"
    evidence = json.loads(evidence_path.read_text(encoding="utf-8")) if evidence_path.exists() else {}
    if not evidence.get("complete"):
        raise NotebookFailed(f"{name} ended without closing its page: its last cell must call page.about()")
    _clean(target)
    return Run(name, target, evidence, time.perf_counter() - started)


def run_notebooks(
    names: list[str],
    parameters: Mapping[str, Any],
    *,
    pages: Path | None = None,
    evidence: Path | None = None,
    folder: Path | None = None,
    log: Log = print,
) -> list[Run]:
    """Run notebooks one after another, publishing each once it has succeeded.

    Args:
        names: notebooks, as the user gave them; empty means all.
        parameters: see :func:`make_parameters`.
        pages: where executed notebooks go; by default ``book/pages``.
        evidence: where their numbers go; by default below ``_build``.
        folder: where the sources lie; by default ``notebooks/``.
        log: called with one line per event.

    Returns:
        the runs.

    Raises:
        UserError: if a notebook does not exist or a parameter is wrong.
        NotebookFailed: if a notebook failed; it keeps the partial run and the log, names notebook and cell, and leaves
            what was published before as it was.
    """
    chosen = choose_notebooks(names, folder)
    pages = pages_dir() if pages is None else pages
    evidence = runs_dir(parameters["profile"]) if evidence is None else evidence
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    runs = []
    for number, name in enumerate(chosen, start=1):
        difference = find_difference(name, folder)
        if difference:
            log(f"note: {difference}; running the .py")
        log(f"[{number}/{len(chosen)}] {name} ({parameters['profile']}) ...")
        with scratch_folder(name) as scratch:
            try:
                run = run_notebook(name, parameters, scratch, folder=folder)
            except NotebookFailed as error:
                kept = _keep_failure(name, scratch)
                raise NotebookFailed(f"{error}; the partial notebook and the log are in {_show(kept)}") from error
            # Evidence first: a page without its numbers could not be built, numbers without their page could.
            publish_file(scratch / f"{name}.json", evidence / f"{name}.json")
            publish_file(run.notebook, pages / f"{name}.ipynb")
        log(f"[{number}/{len(chosen)}] {name} done in {run.seconds:.0f} s, {run.evidence['memory_mb']} MB")
        runs.append(Run(name, pages / f"{name}.ipynb", run.evidence, run.seconds))
    return runs


def _show(path: Path) -> str:
    """Return a path relative to the clone, where it lies inside."""
    try:
        return str(path.relative_to(notebooks_dir().parent))
    except (ValueError, UserError):
        return str(path)
