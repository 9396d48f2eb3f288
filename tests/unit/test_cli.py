"""What a user can get wrong gets one line and exit code 2, and nothing is written."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from twm.cli import main

from tests.conftest import list_files

TWO_CELLS = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
profile = "paper"
device = "auto"
seed = 0
reuse = True

# %%
{body}
"""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "10_nothing"], ["10_nothing", "01_theory"]),
        (["run", "01_theory", "--profile", "huge"], ["huge", "smoke, laptop, paper"]),
        (["run", "01_theory", "--device", "tpu"], ["tpu", "auto, cpu or cuda"]),
        (["run", "--seed", "-1"], ["--seed", "-1"]),
        (["run", "--seed", "x"], ["--seed", "'x'"]),
        (["run", "--profile", "smoke", "--reuse"], ["--reuse", "smoke"]),
        (["run", "--reuse", "--retrain"], ["not allowed"]),
        (["book", "--profile", "huge"], ["huge"]),
        (["check", "77"], ["77"]),
        (["claims", "--yaml"], ["--yaml"]),
        (["fly"], ["fly"]),
        ([], ["COMMAND"]),
    ],
)
def test_wrong_usage_gets_one_line_and_writes_nothing(
    clone: Path, capsys: pytest.CaptureFixture[str], arguments, words
):
    (clone / "notebooks" / "01_theory.py").write_text(TWO_CELLS.format(body="1"), encoding="utf-8")
    before = list_files(clone)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("twm: ") and err.count("\n") == 1
    assert all(word in err for word in words), err
    assert list_files(clone) == before


def test_cuda_without_a_gpu_is_refused(
    clone: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = list_files(clone)
    assert main(["run", "--device", "cuda"]) == 2
    assert "no GPU" in capsys.readouterr().err
    assert list_files(clone) == before


def test_a_ledger_with_a_missing_field_is_one_line(clone: Path, capsys: pytest.CaptureFixture[str]):
    (clone / "book" / "claims.yml").write_text("- {id: x.y, source: twm}\n", encoding="utf-8")
    assert main(["claims"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "claim 1 (x.y)" in err and "says" in err and err.count("\n") == 1


def test_a_home_that_is_no_clone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("TWM_HOME", str(tmp_path))
    assert main(["claims"]) == 2
    assert "TWM_HOME" in capsys.readouterr().err


def test_claims_as_json_hold_the_promised_fields(capsys: pytest.CaptureFixture[str]):
    assert main(["claims", "--json"]) == 0
    out, err = capsys.readouterr()
    claims = json.loads(out)
    assert err == "" and len(claims) > 80
    fields = (
        "id source where home kind verdict value paper accept seeds networks settings profile scale reason changes link"
    ).split()
    assert all(list(claim) == fields for claim in claims)


def test_doctor_tells_what_the_machine_has(capsys: pytest.CaptureFixture[str]):
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"system", "packages", "data", "profiles"}
    assert set(report["profiles"]) == {"smoke", "laptop", "paper"}
    assert report["packages"]["torch"] != "not installed"


@pytest.mark.parametrize("arguments", [["--help"], ["claims"]])
def test_help_and_claims_start_within_a_second_and_without_torch(root: Path, tmp_path: Path, arguments: list[str]):
    """From any folder, by module, and without the heavy imports; best of three, for a busy machine."""
    probe = "import sys; from twm.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\nassert 'torch' not in sys.modules"
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", probe, *arguments], cwd=tmp_path, check=True, capture_output=True,
            env=os.environ | {"PYTHONPATH": str(root)},
        )  # fmt: skip
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 1.0


def test_a_reader_that_goes_away_is_no_error(root: Path):
    done = subprocess.run(
        f"{sys.executable} -m twm claims | head -n 1", shell=True, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr
