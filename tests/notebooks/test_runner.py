"""The runner publishes whole runs only, and says what failed and where."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pytest

from tests.conftest import list_files
from twm.book.runner import NotebookFailed, find_difference, make_parameters, run_notebooks
from twm.book.session import open_page
from twm.cli import main
from twm.errors import UserError
from twm.paths import scratch_folder

GOOD = """from twm.book.session import open_page
page = open_page("01_theory", profile=profile, device=device, seed=seed, reuse=reuse)
for claim in sorted(page._home):
    page.record(claim, {"x": 1.0})
page.note("seed", seed)
page.about()"""
TWO_CELLS = """# %% tags=["parameters"]
profile = "paper"
device = "auto"
seed = 0
reuse = True

# %%
{body}
"""
LEDGER = "- {id: twm.a, source: twm, where: e, home: theory, kind: exact, says: s, check: c, accept: x > 0, shows: s}\n"


@pytest.fixture
def notebook(clone: Path):
    """Write notebooks/01_theory.py with the given second cell."""
    (clone / "book" / "claims.yml").write_text(LEDGER, encoding="utf-8")

    def write(body: str) -> Path:
        path = clone / "notebooks" / "01_theory.py"
        path.write_text(TWO_CELLS.format(body=body), encoding="utf-8")
        return path

    return write


def run(**more):
    lines: list[str] = []
    return run_notebooks([], make_parameters("smoke", "cpu", **more), log=lines.append), lines


CLEAN = """import sys, warnings, matplotlib
assert matplotlib.rcParams["mathtext.fontset"] != "cm" and sys.executable == {python!r} and sys.flags.optimize == 0
assert "spoilt" not in globals() and sys.modules["IPython.core.application"].SYSTEM_CONFIG_DIRS == []
warnings.warn("chatter")
"""
SPOILT = {
    "kernels/python3/kernel.json": '{"argv": ["/bin/false"], "display_name": "", "language": "python"}',
    "profile_default/startup/0.py": "spoilt = 1", "start.py": "spoilt = 1", "matplotlibrc": "mathtext.fontset: cm",
}  # fmt: skip


def test_a_run_publishes_the_page_and_its_numbers(notebook, clone: Path, tmp_path_factory, monkeypatch):
    """From a clean room: the user's own kernels, start-up files, fonts and options, and a folder where no socket can be."""
    home = tmp_path_factory.mktemp("home")
    for path, text in SPOILT.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text, encoding="utf-8")
    own = dict.fromkeys(("JUPYTER_PATH", "IPYTHONDIR", "MATPLOTLIBRC"), home) | {"PYTHONSTARTUP": home / "start.py"}
    for name, value in (own | {"PYTHONOPTIMIZE": 2, "MPLCONFIGDIR": "/dev/null", "JUPYTER_RUNTIME_DIR": "/dev/null"}).items():
        monkeypatch.setenv(name, str(value))
    (deep := home / ("x" * 100)).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    notebook(CLEAN.format(python=sys.executable) + GOOD)
    (done,), lines = run(seed=7)
    assert done.evidence["notes"] == {"seed": 7} and done.evidence["profile"] == "smoke"
    text = (clone / "book" / "pages" / "01_theory.ipynb").read_text(encoding="utf-8")
    assert "UserWarning: chatter" in done.aside and "UserWarning" not in text and '"stderr"' not in text
    assert any("UserWarning: chatter" in line for line in lines)
    assert text.count('"remove-cell"') == 2, "the parameters and papermill's own cell are not for readers"
    assert str(clone) not in text
    assert (clone / "_build" / "runs" / "smoke" / "01_theory.json").exists()
    assert not list((clone / "_build" / "scratch").iterdir())
    assert any("missing" in line for line in lines), "the pair that is not there is told"


@pytest.mark.parametrize(
    ("line", "said"),
    [("raise ArithmeticError('waves reflect')", "ArithmeticError: waves reflect"),
     ("import os; os._exit(9)  # waves reflect", "its kernel died"),
     ("import time; time.sleep(300)  # waves reflect", "more than 3 s")],
)  # fmt: skip
def test_a_failure_names_notebook_and_cell_keeps_the_rest_and_touches_nothing_published(notebook, clone, capsys, line, said):
    for place in ("book/pages/01_theory.ipynb", "_build/runs/smoke/01_theory.json"):
        (clone / place).parent.mkdir(parents=True, exist_ok=True)
        (clone / place).write_text("as it was", encoding="utf-8")
    published = list_files(clone / "book"), list_files(clone / "_build" / "runs")
    notebook(f"{line}\n{GOOD}")
    limit = ["--cell-timeout", "3"] if "300" in line else []
    assert main(["run", "--profile", "smoke", "--device", "cpu", *limit]) == 1
    err = capsys.readouterr().err
    assert f"01_theory failed in cell 3 ({said}" in err.replace("it took ", "") and "_build/failed/01_theory" in err
    assert err.count("\n") == 1
    assert (list_files(clone / "book"), list_files(clone / "_build" / "runs")) == published
    for kept, content in (("01_theory.log", "Executing Cell 3"), ("01_theory.ipynb", "waves reflect")):
        assert content in (clone / "_build" / "failed" / "01_theory" / kept).read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ["py", "ipynb"])
@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"[1]", b'{"cells": [3], "metadata": {}, "nbformat": 4}'])
def test_a_file_that_is_no_notebook_is_named(notebook, clone: Path, ending: str, content: bytes | None):
    notebook(GOOD)
    path = clone / "notebooks" / f"01_theory.{ending}"
    path.unlink(missing_ok=True)
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(UserError, match=f"notebooks/01_theory.{ending}"):
        run()


def test_what_a_killed_run_left_is_gone_after_a_month(clone: Path):
    for name, days in (("old", 31), ("new", 29), ("busy", 31)):
        (folder := clone / "_build" / "scratch" / name).mkdir(parents=True)
        (folder / "file").touch()
        for path in (folder / "file", folder)[name == "busy" :]:
            os.utime(path, (time.time() - days * 24 * 3600,) * 2)
    with scratch_folder("next") as scratch:
        assert {path.name for path in scratch.parent.iterdir()} == {"new", "busy", scratch.name}


def test_a_page_that_is_not_closed_is_a_failure(notebook):
    notebook(GOOD.replace("page.about()", "1"))
    with pytest.raises(NotebookFailed, match="page.about"):
        run()


@pytest.mark.parametrize("fails", [False, True])
def test_notebooks_run_side_by_side_and_one_that_fails_ends_the_others(notebook, clone: Path, monkeypatch, fails: bool):
    """The first waits for what the second writes."""
    monkeypatch.setattr("twm.book.runner.count_cores", lambda: 2)
    met = clone / "met"
    source = notebook(f"import os, time\nwhile not os.path.exists({str(met)!r}): time.sleep(0.1)\n{GOOD}")
    other = GOOD.replace("01_theory", "02_construction")
    second = "1 / 0" if fails else f"open({str(met)!r}, 'w').close()\n{other}"
    source.with_name("02_construction.py").write_text(TWO_CELLS.format(body=second), encoding="utf-8")
    if fails:
        with pytest.raises(NotebookFailed, match="02_construction failed in cell 3.*in _build/failed/02_construction"):
            run()
        assert not list_files(clone / "book" / "pages") and (clone / "_build/failed/02_construction").is_dir()
    else:
        runs, lines = run()
        assert [one.name for one in runs] == ["01_theory", "02_construction"] and all(one.notebook.exists() for one in runs)
        assert lines[-1].startswith("[2/2] 01_theory") or lines[-1].startswith("[2/2] 02_construction")


@pytest.fixture
def page(notebook):
    return open_page("01_theory", profile="smoke", device="cpu")


@pytest.mark.parametrize(
    ("claim", "numbers", "complaint"),
    [("twm.b", {"x": 1.0}, "not a claim of 01_theory"), ("twm.a", {"x": float("nan")}, "only finite"),
     ("twm.a", {}, "nothing to record"), ("twm.a", {"x": {1: 2}}, "not dict")],
)  # fmt: skip
def test_what_cannot_be_judged_cannot_be_recorded(page, claim: str, numbers: dict, complaint: str):
    with pytest.raises(UserError, match=complaint):
        page.record(claim, numbers)


def test_a_claim_is_settled_once_and_not_forgotten(page):
    with pytest.raises(UserError, match="recorded nothing for twm.a"):
        page.about()
    page.settle("twm.a", [], "no record", lambda: {"x": 1})
    with pytest.raises(UserError, match="before"):
        page.settle("twm.a", [1], "no record", lambda: {"x": 1})
    page.about()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [("seed = 0", "sede = 0", "sede, seed"), ("param", "other", "not 0"), ("seed = 0", "seed = = 0", "line 3: invalid")],
)
def test_a_notebook_has_one_cell_with_the_four_parameters(notebook, old: str, new: str, complaint: str):
    path = notebook(GOOD)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=complaint):
        run()


def test_a_pair_out_of_step_is_found(notebook, clone: Path):
    import jupytext

    path = notebook(GOOD)
    pair = clone / "notebooks" / "01_theory.ipynb"
    jupytext.write(jupytext.read(path), pair)
    assert find_difference("01_theory") is None
    notebook(GOOD.replace("1.0", "2.0"))
    assert "differ from cell 2" in find_difference("01_theory")
    notebook(GOOD)
    node = nbformat.read(pair, as_version=4)
    node.cells[1].outputs = [nbformat.v4.new_output("stream", text="3")]
    nbformat.write(node, pair)
    assert "outputs" in find_difference("01_theory")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 143)])
def test_what_stops_a_run_is_one_line_and_publishes_nothing(notebook, clone: Path, root: Path, number: int, code: int):
    notebook(GOOD.replace("page.note", "import time; (page._path.parent / 'ready').touch(); time.sleep(60)\npage.note"))
    command = [sys.executable, "-m", "twm", "run", "--profile", "smoke", "--device", "cpu"]
    environment = os.environ | {"PYTHONPATH": str(root), "TWM_HOME": str(clone)}
    # A shell starts background jobs with Ctrl-C ignored, nohup ignores a closed terminal, and a test run may be either.
    running = subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: (signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGHUP, signal.SIG_DFL)),
    )  # fmt: skip
    with running:
        try:
            deadline = time.monotonic() + 60
            while not list((clone / "_build").rglob("ready")) and time.monotonic() < deadline:
                time.sleep(0.1)
            os.killpg(running.pid, number)
            os.killpg(running.pid, number)
            _, err = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == code
    assert err.count("\n") == 1 and err.startswith("twm: stopped")
    assert not (clone / "book" / "pages").exists()
    assert not list((clone / "_build" / "scratch").iterdir())
