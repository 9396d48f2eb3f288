"""What a user can get wrong gets one line and exit code 2, and nothing is written."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import list_files
from twm.cli import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "10_nothing"], ["10_nothing", "01_theory"]),
        (["run", "01_theory", "--profile", "huge"], ["huge", "smoke, laptop, paper"]),
        (["run", "01_theory", "--device", "tpu"], ["tpu", "auto, cpu or cuda"]),
        (["run", "--seed", "-1"], ["--seed", "-1"]),
        (["run", "--profile", "smoke", "--reuse"], ["--reuse", "smoke"]),
        (["run", "--reuse", "--retrain"], ["not allowed"]),
        (["check", "77"], ["77"]),
        (["claims", "--yaml"], ["--yaml"]),
        (["fly"], ["fly"]),
        ([], ["COMMAND"]),
    ],
)
def test_wrong_usage_gets_one_line_and_writes_nothing(clone, capsys, arguments, words):
    (clone / "notebooks" / "01_theory.py").write_text('# %% tags=["parameters"]\nseed = 0\n', encoding="utf-8")
    before = list_files(clone)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("twm: ") and err.count("\n") == 1
    assert all(word in err for word in words), err
    assert list_files(clone) == before


def test_what_this_machine_or_clone_lacks_is_one_line(clone, tmp_path_factory, capsys, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = list_files(clone)
    assert main(["run", "--device", "cuda"]) == 2
    assert "no GPU" in capsys.readouterr().err and list_files(clone) == before
    (clone / "book" / "claims.yml").write_text("- {id: x.y, source: twm}\n", encoding="utf-8")
    assert main(["claims"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "claim 1 (x.y)" in err and "says" in err and err.count("\n") == 1
    monkeypatch.setenv("TWM_HOME", str(tmp_path_factory.mktemp("empty")))
    assert main(["claims"]) == 2
    assert "TWM_HOME" in capsys.readouterr().err


def test_claims_as_json_hold_the_promised_fields(capsys):
    assert main(["claims", "--json"]) == 0
    out, err = capsys.readouterr()
    claims = json.loads(out)
    fields = "id source where home kind verdict value paper accept seeds networks settings profile scale reason changes"
    assert err == "" and len(claims) > 80 and all(list(claim) == [*fields.split(), "link"] for claim in claims)


def test_doctor_tells_what_the_machine_has(capsys):
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"system", "packages", "data", "profiles"}
    assert set(report["profiles"]) == {"smoke", "laptop", "paper"}
    assert report["packages"]["torch"] != "not installed"


@pytest.mark.parametrize("arguments", [["--help"], ["claims"]])
def test_help_and_claims_start_within_a_second_and_without_torch(root, tmp_path, arguments):
    """From any folder, by module, and without the heavy imports; seconds of this process's children, not of the clock."""
    probe = "import sys; from twm.cli import main\ntry: main(sys.argv[1:])\nexcept SystemExit: pass\n"
    probe += "assert not {'torch', 'pandas'} & set(sys.modules)"
    environment, seconds = os.environ | {"PYTHONPATH": str(root)}, []
    for _ in range(3):
        before = os.times()
        call = [sys.executable, "-c", probe, *arguments]
        subprocess.run(call, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL, env=environment)
        after = os.times()
        seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(seconds) < 1.0, seconds


def test_a_reader_that_goes_away_is_no_error(root):
    call = f"{sys.executable} -m twm claims | head -n 1"
    done = subprocess.run(call, shell=True, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr
