"""What a sick machine, a signal or a reader that went away makes of a command: one line, nothing lost, nothing left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from twm.cli import main
from twm.errors import UserError
from twm.paths import find_commit, notebooks_dir, scratch_folder, write_atomically

TRAIN = "train repeat-copy:3,2 --hidden 8 --iterations 20 --seeds 0-1 --workers 1 --out out"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [("claims >/dev/full", 1, "twm: <stdout>: No space left on device\n"), ("claims 2>&- >&-", 0, ""),
     ("claims | head -n 1", 0, ""), ("fly 2>/dev/full", 2, ""),
     (f"{TRAIN} | true", 143, "twm: stopped; checkpoints are saved: --resume continues\n"),
     ("doctor", 1, "twm: the working folder or a part of this installation is gone: [Errno 2] No such file or directory\n")],
)  # fmt: skip
def test_streams_that_are_closed_or_full(root: Path, tmp_path: Path, arguments: str, code: int, said: str):
    if "/dev/full" in arguments and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    # By a shell that takes what stands behind the command; the exit code is the command's own.
    gone = "mkdir gone; cd gone; rmdir ../gone; " if arguments == "doctor" else ""
    command = ["bash", "-c", f"{gone}set -o pipefail; {sys.executable} -m twm {arguments}"]
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, said)


@pytest.mark.parametrize(("error", "said"), [
    (OSError(28, "No space left on device", "/full/rows.csv"), "twm: /full/rows.csv: No space left on device\n"),
    (OSError("no sockets"), "twm: this machine: no sockets\n"),
    (MemoryError("Unable to allocate 7 EiB"), "twm: this machine: Unable to allocate 7 EiB\n"),
    (KeyError("x"), "twm: this is a bug: report it with these lines"),
])  # fmt: skip
def test_a_sick_machine_is_one_line_and_a_bug_a_traceback(monkeypatch, capsys, error: Exception, said: str):
    monkeypatch.setattr("twm.book.ledger.judge_all", lambda: (_ for _ in ()).throw(error))
    assert main(["claims"]) == 1
    err = capsys.readouterr().err
    assert ("Traceback" in err) == isinstance(error, KeyError) and said in err and (err == said or "Traceback" in err)


def test_a_pipe_in_place_of_a_file_is_neither_waited_for_nor_replaced(clone: Path, refused):
    for number, path in enumerate((clone / "rows.csv", clone / "curves.csv", clone / "book/results/claims/01_theory.json")):
        os.mkfifo(path)
        refused(f"{path}: expected a file", *("claims" if number == 2 else f"{TRAIN[:-3]}{clone} --resume").split())
        with pytest.raises(UserError, match="expected a file"):
            write_atomically(path, "x")
        assert path.is_fifo()
        path.unlink()


def test_figures_ignore_what_the_user_set_for_matplotlib(root: Path, tmp_path: Path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n", encoding="utf-8")
    example = root / "book" / "_static" / "probe_example.npz"
    command = [sys.executable, "-m", "twm", "probe", str(example), "--figure", "a.png"]
    environment = os.environ | {"PYTHONPATH": str(root), "MPLBACKEND": "nonsense", "PATH": "", "MATPLOTLIBRC": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") and (tmp_path / "a.png").exists()


def test_files_are_readable_as_the_user_wants_and_a_failure_names_them(tmp_path: Path, monkeypatch):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match=re.escape(f"{tmp_path / 'file'} cannot be written: full")):
        write_atomically(tmp_path / "file", "y")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    monkeypatch.setattr("twm.paths.build_dir", lambda: tmp_path / "build")
    with pytest.raises(OSError, match="full") as caught, scratch_folder("x") as scratch:
        os.fsync(0)
    assert caught.value.filename == str(scratch) and not scratch.exists()


_CHILD = "import os, time; from twm.training.workers import follow_parent as follow; follow(os.getppid())"
_CHILD += "; print(1, flush=True); time.sleep(99)"
_TEAM = "import contextlib, time; from twm.bench import _Team; team = _Team(contextlib.ExitStack(), 2, 1)"


@pytest.mark.parametrize(
    "parent",
    [f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_CHILD!r}])", f"{_TEAM}; print(1, flush=True); time.sleep(99)"],
    ids=["child", "bench"],
)
def test_a_child_ends_with_its_parent_though_that_was_killed(root: Path, parent: str):
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(root)}) as run:
        run.stdout.readline()
        run.send_signal(signal.SIGKILL)
        # The pipe is closed once nobody holds it any more.
        assert run.communicate(timeout=60)[0] == b""


def test_the_commit_is_that_of_the_clone_and_why_it_is_unknown_is_said(root: Path, clone: Path, monkeypatch):
    reasons: list[str] = []
    monkeypatch.delenv("TWM_COMMIT", raising=False)
    assert find_commit(clone, reasons.append) == "unknown" and "no git repository" in reasons[0]
    (clone / ".git").mkdir()
    monkeypatch.setenv("GIT_DIR", str(root / ".git"))
    assert find_commit(clone, reasons.append) == "unknown" and "git says 'fatal: " in reasons[1]
    for name, commit, told in (("abc", "abc", 2), ("", "unknown", 3)):
        monkeypatch.setenv("TWM_COMMIT", name)
        assert find_commit(clone, reasons.append) == commit and len(reasons) == told
    # What git cannot tell is not taken for unchanged, and a name that is not UTF-8 is no failure.
    head, odd = (subprocess.CompletedProcess([], code, out, "") for code, out in ((0, "0123456789\n"), (128, "")))
    monkeypatch.setattr(subprocess, "run", lambda words, **how: odd if "status" in words else head)
    assert find_commit(clone) == "0123456789+"


def test_a_clone_that_was_copied_or_moved_is_noticed(root: Path, clone: Path, monkeypatch):
    monkeypatch.delenv("TWM_HOME")
    monkeypatch.chdir(clone / "notebooks")
    with pytest.raises(UserError, match=f"you are in the clone {clone}, but this twm is that of {root}"):
        notebooks_dir()
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copyfile(root / name, clone / name)
    (clone / ".venv" / ".installed").touch()
    for place, anew in ((clone, False), (clone.with_name("old"), True), (f"/old{clone}", True)):
        (clone / ".venv" / "pyvenv.cfg").write_text(f"command = /bin/python3 -m venv {place}/.venv\n", encoding="utf-8")
        done = subprocess.run(["make", "-n", "setup"], cwd=clone, capture_output=True, text=True, check=True)
        assert ("rm -rf .venv" in done.stdout and "-m venv" in done.stdout) == anew
    (clone / ".venv" / "pyvenv.cfg").write_text(f"command = /bin/python3 -m venv {clone}/.venv\n", encoding="utf-8")
    (clone / ".venv" / "bin" / "python").unlink()  # as after an upgrade
    assert "rm -rf .venv" in subprocess.run(["make", "-n", "setup"], cwd=clone, capture_output=True, text=True, check=True).stdout


def test_a_request_to_stop_that_something_swallows_comes_again(root: Path):
    code = "import contextlib, os, signal, time, twm.__main__ as own, twm.cli\n"
    code += "signal.alarm = lambda seconds: signal.setitimer(signal.ITIMER_REAL, 0.2)\n"
    code += "def main():\n    with contextlib.suppress(KeyboardInterrupt): os.kill(os.getpid(), signal.SIGTERM)\n"
    code += "    time.sleep(50)\n"
    code += "twm.cli.main = main; own.start()"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, timeout=30)
    assert (done.returncode, done.stderr) == (143, b"twm: stopped\n")


@pytest.mark.parametrize(("over", "code"), [(False, 143), (True, 0)])
def test_a_training_that_cannot_end_is_ended_and_one_that_has_ended_leaves_its_process_alone(root: Path, over: bool, code: int):
    lines = "import time; from twm.training import workers as own; own._STOP_SECONDS = 0.1; stop = own.Stop()"
    lines += f"; stop.note(15, None); stop.over = {over}; time.sleep(2)"
    done = subprocess.run([sys.executable, "-c", lines], env=os.environ | {"PYTHONPATH": str(root)}, check=False, timeout=60)
    assert done.returncode == code
