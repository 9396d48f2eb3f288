"""What a user can get wrong gets one line and exit code 2, and nothing is written."""

import json
import os
import subprocess
import sys

import pytest

from twm.cli import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [("run 10_nothing", "10_nothing|01_theory"), ("run 01_theory --profile huge", "huge|smoke, laptop, paper"),
     ("run 01_theory --device tpu", "tpu|auto, cpu or cuda"), ("run --seed -1", "--seed|-1"),
     ("run --profile smoke --reuse", "--reuse|smoke"), ("run --reuse --retrain", "not allowed"), ("check 77", "77"),
     ("claims --yaml", "--yaml"), ("fly", "fly"), ("", "COMMAND"), ("analyse", "CHECKPOINT"),
     ("train fibonacci:2,1", "fibonacci:2,1|cannot"), ("train T1 --l2 nan", "l2|nan"),
      ("train T1 --l2 1e300", "l2|1e38|1e+300"), ("train T1 --learning-rate 1e-320", "learning_rate|1e-300|1e-320"),
     ("train T1 --seeds 5-2", "5-2|2-5"), ("train T1 --init wave --hidden 63", "wave|64|63"),
     ("train T1 --iterations 0", "iterations|0"), ("train T1 --checkpoint-seconds 0", "checkpoint-seconds"),
     ("train T1 --workers 0", "workers"), ("train T1 --resume", "--out"), ("train T1 --device tpu", "tpu"),
     ("sweep --list --only T1*", "--only|--list"),
     ("sweep table1 --only T1_h64_l2-0_s7 --seeds 0-4", "'T1_h64_l2-0_s7'|similar|T1_h64_l2-0_s|165"),
     ("sweep flipflop --only T1*", "T1*|flip-flop-"), ("sweep flipflop --workers 2", "one core"),
     ("sweep flipflop --executor slurm", "one core"), ("sweep table1 --executor pbs", "pbs|slurm"),
     ("bench cooking", "cooking"), ("bench training --case h1", "h1"), ("bench --case cooking", "cooking"),
     ("bench training --rounds 0", "rounds")],
)  # fmt: skip
def test_wrong_usage_gets_one_line_and_writes_nothing(clone, refused, monkeypatch, arguments, words):
    (clone / "notebooks" / "01_theory.py").write_text('# %% tags=["parameters"]\nseed = 0\n', encoding="utf-8")
    monkeypatch.chdir(clone)
    refused(words, *arguments.split())


def test_what_this_machine_or_clone_lacks_is_one_line(clone, tmp_path_factory, refused, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    refused("no GPU", "run", "--device", "cuda")
    refused("no GPU", "sweep", "flipflop", "--device", "cuda")
    (clone / "book" / "claims.yml").write_text("- {id: x.y, source: twm}\n", encoding="utf-8")
    refused("claim 1 (x.y)|says", "claims")
    monkeypatch.setenv("TWM_HOME", str(tmp_path_factory.mktemp("empty")))
    refused("TWM_HOME", "claims")


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


def test_numbers_that_json_lacks_are_null(monkeypatch, capsys):
    monkeypatch.setattr("twm.book.evidence.examine", lambda: {"a": {"nan": float("nan"), "infinite": -float("inf")}})
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out, parse_constant=float) == {"a": {"nan": None, "infinite": None}}


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
