"""Run notebooks, from their .py, in a scratch folder; publish a page only if its whole notebook succeeds."""

import ast
import json
import logging
import os
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import zip_longest
from multiprocessing import parent_process
from pathlib import Path
from typing import Any
from unittest.mock import patch

from twm.book.session import find_profile, runs_dir
from twm.errors import UserError, require, require_count
from twm.models.kernels import choose_device
from twm.paths import build_dir, find_root, library_path, notebooks_dir, pages_dir, scratch_folder, write_atomically
from twm.training.workers import count_cores, train_in_processes, train_in_turn

#: The parameters of every notebook, which papermill sets; a notebook with other parameters is refused.
PARAMETERS = ("profile", "device", "seed", "reuse")

#: Code that starts a kernel without the machine-wide configuration of IPython.
_START = "from IPython.core import application as own; own.SYSTEM_CONFIG_DIRS = own.ENV_CONFIG_DIRS = []; "
_START += "from ipykernel import kernelapp; kernelapp.launch_new_instance()"
#: Terminal colour codes, removed from a kernel's messages for logs and error lines.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class NotebookFailed(Exception):
    """Raised if a notebook fails; the message gives the cell and the reason, and where the partial run is kept."""


@dataclass(frozen=True)
class Run:
    """One notebook's run."""

    name: str
    notebook: Path  # the executed notebook
    evidence: Mapping[str, Any]  # its recorded results
    seconds: float  # wall time, kernel start included
    aside: str = ""  # what its cells wrote to stderr, kept out of the page


def list_notebooks() -> list[str]:
    """Return the names of all notebooks, in order and without suffix."""
    return sorted(path.stem for path in notebooks_dir().glob("[0-9A-Z][0-9]_*.py"))


def choose_notebooks(asked: list[str]) -> list[str]:
    """Return the requested notebooks, given by full name, number or file, in the book's order; all if none is given."""
    known = list_notebooks()
    require(bool(known), "there is no notebook in notebooks/")
    stems = {name: re.sub(r"\.(py|ipynb)$", "", Path(name).name) for name in asked}
    for name, stem in stems.items():
        found = any(stem in (notebook, notebook[:2]) for notebook in known)
        require(found, f"there is no notebook {name!r}: choose from {', '.join(known)}")
    return [notebook for notebook in known if not asked or {notebook, notebook[:2]} & set(stems.values())]


def read_source(name: str) -> Any:
    """Read the .py of a notebook as a notebook node; require that one cell, tagged ``parameters``, sets exactly PARAMETERS."""
    import jupytext

    try:
        node = jupytext.read(notebooks_dir() / f"{name}.py")
    except (OSError, ValueError) as error:
        raise UserError(f"notebooks/{name}.py cannot be read as a notebook: {error}") from None
    node.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    tagged = [cell.source for cell in node.cells if "parameters" in cell.metadata.get("tags", [])]
    require(len(tagged) == 1, f"notebooks/{name}.py must have exactly one cell tagged parameters, not {len(tagged)}")
    try:
        lines = ast.parse(tagged[0]).body
    except SyntaxError as error:
        told = f"{error.msg}, {(error.text or '').strip()!r}"
        raise UserError(f"notebooks/{name}.py, cell tagged parameters, line {error.lineno}: {told}") from None
    names = {target.id for line in lines if isinstance(line, ast.Assign) for target in line.targets}
    odd = ", ".join(sorted(names ^ set(PARAMETERS)))
    require(not odd, f"notebooks/{name}.py: its parameters must be {', '.join(PARAMETERS)}; missing or unknown: {odd}")
    return node


def find_difference(name: str) -> str | None:
    """Compare the .py and the .ipynb of a notebook by content; return None, or one line that describes the difference."""
    import nbformat

    def list_content(node: Any) -> list[tuple]:
        # Ignore line ends and a last empty line, which a single `jupytext --sync` does not carry over.
        tidy = lambda text: "\n".join(text.splitlines()).rstrip("\n")
        return [(cell.cell_type, tidy(cell.source), *map(cell.metadata.get, ("tags", "mystnb"))) for cell in node.cells]

    remedy, pair = f"run `jupytext --sync notebooks/{name}.py`", notebooks_dir() / f"{name}.ipynb"
    if not pair.exists():
        return f"notebooks/{name}.ipynb is missing: {remedy}"
    try:
        with warnings.catch_warnings(action="ignore"):  # about missing cell ids, which nbformat adds
            node = nbformat.read(pair, as_version=4)
        content = list_content(node)
    except (OSError, ValueError, LookupError, AttributeError, TypeError, nbformat.ValidationError) as error:
        raise UserError(f"notebooks/{name}.ipynb is not a notebook: {error}; move it away, then {remedy}") from None
    pairs = list(zip_longest(list_content(read_source(name)), content))
    differing = [number for number, (source, opened) in enumerate(pairs, start=1) if source != opened]
    if differing:
        return f"notebooks/{name}.ipynb and .py differ from cell {differing[0]} on: {remedy}"
    if any(cell.get("outputs") or cell.get("execution_count") for cell in node.cells):
        return f"notebooks/{name}.ipynb has outputs: run `jupyter nbconvert --clear-output --inplace notebooks/{name}.ipynb`"
    return None


def make_parameters(profile="paper", device="auto", seed=0, reuse: bool | None = None) -> dict[str, Any]:
    """Check and return the four parameters of a run; ``reuse`` None stands for the profile's default."""
    chosen = find_profile(profile)
    choose_device(device)
    require_count(seed, "--seed", 0)
    require(chosen.reuse or not reuse, f"--reuse goes with --profile paper: the profile {profile} always trains")
    return {"profile": profile, "device": device, "seed": seed, "reuse": chosen.reuse if reuse is None else reuse}


@contextmanager
def _clean_room(scratch: Path, name: str) -> Iterator[dict[str, str]]:
    """Provide kernels that ignore the user's configuration and write stderr to a log file; yield their transport settings."""
    with tempfile.TemporaryDirectory(prefix="twm-", ignore_cleanup_errors=True) as room, patch.dict(os.environ):
        command = ["/bin/sh", "-c", 'exec "$@" 2>>"$0"', str(scratch / f"{name}.kernel.log"), sys.executable]
        command += ["-P", "-c", _START, "-f", "{connection_file}"]
        kernel = {"argv": command, "display_name": "twm", "language": "python"}
        write_atomically(Path(room, "kernels", "twm", "kernel.json"), json.dumps(kernel))
        # For small matrices one thread is faster than two that wait for each other, and it rounds the same way on any
        # number of cores. Training uses one process per core instead.
        for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(variable, "1")
        os.environ.update(dict.fromkeys(("IPYTHONDIR", "JUPYTER_PATH", "JUPYTER_RUNTIME_DIR"), room))
        os.environ.update(dict.fromkeys(("MATPLOTLIBRC", "MPLBACKEND", "PYTHONOPTIMIZE", "PYTHONSTARTUP"), ""))
        # Matplotlib takes seconds to build the font list in its folder, which is therefore kept.
        own = {"MPLCONFIGDIR": str(build_dir() / "matplotlib"), "PYTHONPATH": library_path(), "TWM_RUN_DIR": str(scratch)}
        os.environ.update(own, PYDEVD_DISABLE_FILE_VALIDATION="1")
        transport = {"transport": "tcp"}  # used if the file system has no sockets, or the folder's name is too long for one
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.bind(f"{room}/kernel-0")
            # With a socket, two concurrent runs can never take each other's port.
            transport = {"transport": "ipc", "ip": f"{room}/kernel"}
        yield transport


def _clean(path: Path) -> str:
    """Remove this machine's paths and the stderr output from an executed notebook, and mark the cells that set parameters for
    removal from the page; return the stderr output."""
    import nbformat

    node, aside = nbformat.read(path, as_version=4), ""
    node.metadata.pop("papermill", None)
    for cell in node.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])):
            cell.metadata["tags"] = [*cell.metadata["tags"], "remove-cell"]
        for output in [output for output in cell.get("outputs", ()) if output.get("name") == "stderr"]:
            cell.outputs.remove(output)
            aside += output.text
    nbformat.write(node, path)
    return aside


def _explain(error: Exception, target: Path, cell_timeout: int | None) -> str:
    """Return in which cell of a partial notebook a run ended, and why, as text."""
    import nbformat

    cells = nbformat.read(target, as_version=4).cells if target.exists() else []
    number = sum(bool(cell.metadata.get("papermill", {}).get("start_time")) for cell in cells)
    said = f"{error.ename}: {error.evalue}" if hasattr(error, "ename") else f"{type(error).__name__}: {error}"
    if number and isinstance(error, TimeoutError):
        said = f"it took more than {cell_timeout} s, the --cell-timeout"
    elif number and isinstance(error, RuntimeError):
        said = "its kernel died: is there enough memory?"
    return f"{f'failed in cell {number}' if number else 'was not started'} ({_COLOURS.sub('', said).strip().splitlines()[0]})"


def run_notebook(name: str, parameters: Mapping[str, Any], scratch: Path, cell_timeout: int | None) -> Run:
    """Execute one notebook in an empty folder, and write NAME.ipynb, NAME.json and two logs to it."""
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    source, target, evidence = (scratch / f"{name}.{ending}" for ending in ("source.ipynb", "ipynb", "json"))
    nbformat.write(read_source(name), source)
    started = time.perf_counter()
    # The printed output of the notebook goes to the log only.
    handler, logger = logging.FileHandler(scratch / f"{name}.log", encoding="utf-8"), logging.getLogger("papermill")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    # A kernel that is stopped with this process leaves a task, about which asyncio would print a complaint.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        with _clean_room(scratch, name) as transport:
            # A kernel has nothing to save at its end, so shut it down without waiting.
            config = Config({"KernelManager": transport, "NotebookClient": {"shutdown_kernel": "immediate"}})
            # Papermill formats paths.
            paths = (str(path).replace("{", "{{").replace("}", "}}") for path in (source, target))
            papermill.execute_notebook(
                *paths, parameters=dict(parameters), cwd=str(scratch), log_output=True, kernel_name="twm",
                progress_bar=parent_process() is None and sys.stderr.isatty(), execution_timeout=cell_timeout, config=config,
            )  # fmt: skip
    except (PapermillExecutionError, RuntimeError, TimeoutError) as error:
        logger.error(_COLOURS.sub("", "\n".join(getattr(error, "traceback", [str(error)]))))
        raise NotebookFailed(f"{name} {_explain(error, target, cell_timeout)}") from error
    finally:
        handler.close()
        logger.removeHandler(handler)
        source.unlink(missing_ok=True)
    if not evidence.exists():
        raise NotebookFailed(f"{name} ended without closing its page: its last cell must call page.about()")
    aside, content = _clean(target), json.loads(evidence.read_text(encoding="utf-8"))
    return Run(name, target, content, time.perf_counter() - started, aside)


def _execute(job: list[tuple], tell: Callable[[str, Any], None], keep_going: Callable[[], bool]) -> tuple[str, Any]:
    ((name, parameters, *rest),) = job
    tell("say", f"{name} ({parameters['profile']}) ...")
    try:
        return "done", run_notebook(name, parameters, *rest)
    except (NotebookFailed, UserError, OSError) as error:
        return "failed", error


def _keep(name: str, scratch: Path) -> str:
    """Copy the files of a failed run to the build folder, and return a phrase that says where."""
    kept = build_dir() / "failed" / name
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(scratch, kept)
    return f"the partial notebook and the log are in {kept.relative_to(find_root())}"


def run_notebooks(
    names: list[str], parameters: Mapping[str, Any], *,
    pages: Path | None = None, evidence: Path | None = None, log: Callable[[str], None] = print,
    cell_timeout: int | None = None,
) -> list[Run]:  # fmt: skip
    """Run notebooks (all if none is named) and return their runs: one per core, at most four, if they reuse saved results or
    run the smoke profile, else one after another. Publish each that succeeds, its page to ``pages`` (default: book/pages) and
    its numbers to ``evidence`` (default: below _build). A notebook that fails, or has a cell that takes more than
    ``cell_timeout`` seconds, ends the others; its partial run and log are kept, and its published files stay unchanged."""
    require(cell_timeout is None or cell_timeout > 0, f"--cell-timeout must be at least 1 second, not {cell_timeout}")
    chosen, pages, runs = choose_notebooks(names), pages or pages_dir(), {}
    evidence, stop = evidence or runs_dir(parameters["profile"]), threading.Event()
    with ExitStack() as stack:
        scratch = {name: stack.enter_context(scratch_folder(name)) for name in chosen}
        jobs = [[(name, parameters, scratch[name], cell_timeout)] for name in chosen]
        for difference in filter(None, map(find_difference, chosen)):
            log(f"note: {difference}; running the .py")
        # Training uses all cores itself. More than four notebooks at once would need much memory.
        side_by_side = parameters["reuse"] or parameters["profile"] == "smoke"
        workers = min(count_cores(), len(jobs), 4 if side_by_side else 1)
        tell = lambda message: log(message[2])
        run = train_in_processes(_execute, jobs, workers, stop) if workers > 1 else train_in_turn(_execute, jobs, tell, stop)
        for message in filter(None, stack.enter_context(closing(run))):
            ((name, *_),), kind, content = message
            if kind == "say":
                tell(message)
                continue
            if isinstance(content, (UserError, OSError)):
                raise content
            if kind == "failed":
                raise NotebookFailed(f"{content}; {_keep(name, scratch[name])}")
            # Evidence first: the site can be built from numbers without their page, but not from a page without its numbers.
            write_atomically(evidence / f"{name}.json", (scratch[name] / f"{name}.json").read_bytes())
            write_atomically(pages / f"{name}.ipynb", content.notebook.read_bytes())
            if content.aside:
                log(f"note: kept out of {name}, because it was written to stderr: {content.aside.strip().splitlines()[0]}")
            runs[name] = replace(content, notebook=pages / f"{name}.ipynb")
            log(f"[{len(runs)}/{len(chosen)}] {name} done in {content.seconds:.0f} s, {content.evidence['memory_mb']} MB")
    return [runs[name] for name in chosen]
