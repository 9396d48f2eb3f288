"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Property tests draw the same cases every time: a failure in CI can then be repeated at once.
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def root() -> Path:
    """The clone's root."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def clone(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty clone with a ledger of its own, in which a test may write."""
    (tmp_path / "book" / "results" / "claims").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "tests" / "reference").mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("title: a clone\n", encoding="utf-8")
    (tmp_path / "book" / "claims.yml").write_bytes((root / "book" / "claims.yml").read_bytes())
    monkeypatch.setenv("TWM_HOME", str(tmp_path))
    monkeypatch.delenv("TWM_RUN_DIR", raising=False)
    return tmp_path


def list_files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder, for telling whether anything was written."""
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = Path(base) / name
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


@pytest.fixture(scope="session")
def smoke_runs(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Every notebook at the smoke profile, run once for all tests: pages and evidence folders, and the runs by name."""
    from twm.book.runner import make_parameters, run_notebooks

    pages, evidence = tmp_path_factory.mktemp("pages"), tmp_path_factory.mktemp("evidence")
    runs = run_notebooks([], make_parameters("smoke", "cpu"), pages=pages, evidence=evidence)
    return {"pages": pages, "evidence": evidence, "runs": {run.name: run for run in runs}}
