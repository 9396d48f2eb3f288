"""What all tests share."""

import os

# Small matrices: one thread is faster than several that wait for each other. Read when numpy and torch are loaded.
for _library in ("OMP", "MKL", "OPENBLAS"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

import fcntl  # noqa: E402
import pickle  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from twm.cli import main  # noqa: E402
from twm.errors import UserError  # noqa: E402

# Property tests draw the same cases every time: a failure in CI can then be repeated at once.
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the notebooks first and read the site last, so that no process waits for what another still makes."""
    order = {"test_regression": -1, "site": 1}
    items.sort(key=lambda item: order.get(item.path.stem, order.get(item.path.parent.name, 0)))


@pytest.fixture(scope="session")
def root() -> Path:
    """The clone's root."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def clone(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty clone with a ledger of its own, in which a test may write."""
    for folder in ("book/results/claims", "notebooks", "tests/reference"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "_config.yml").write_text("title: a clone\n", encoding="utf-8")
    (tmp_path / "book" / "claims.yml").write_bytes((root / "book" / "claims.yml").read_bytes())
    monkeypatch.setenv("TWM_HOME", str(tmp_path))
    monkeypatch.delenv("TWM_RUN_DIR", raising=False)
    return tmp_path


def list_files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder, for telling whether anything was written."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refusals(*cases: tuple[Callable, str]) -> Callable:
    """Return a test that each call, without arguments, is refused in one line with its words, a regular expression."""

    @pytest.mark.parametrize(("call", "words"), cases, ids=[words for _, words in cases])
    def test(call: Callable, words: str) -> None:
        with pytest.raises(UserError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400

    return test


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> Callable:
    """Run the command, which must refuse in one line with all words, set apart by bars, and leave nothing behind."""

    def run(words: str, *arguments: object) -> str:
        before = list_files(tmp_path)
        assert main([*map(str, arguments)]) == 2
        out, err = capsys.readouterr()
        assert list_files(tmp_path) == before
        assert out == "" and err.startswith("twm: ") and err.count("\n") == 1
        assert all(word in err for word in words.split("|")), err
        return err

    return run


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of one test session share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Keep other processes out while one of them makes what all of them use."""
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Smoke:
    """The notebooks at the smoke profile, each run when a test first asks for it, and once for all processes."""

    folder: Path

    @property
    def pages(self) -> Path:
        return self.folder / "pages"

    @property
    def evidence(self) -> Path:
        return self.folder / "evidence"

    def run(self, name: str):
        """Return the run of one notebook; a run that failed fails every test of that notebook and no other."""
        from twm.book.runner import make_parameters, run_notebooks

        kept = self.folder / f"{name}.run"
        with alone(self.folder, name):
            if not kept.exists():
                kept.write_bytes(pickle.dumps(f"{name} was stopped while it ran"))
                try:
                    parameters = make_parameters("smoke", "cpu")
                    (run,) = run_notebooks([name], parameters, pages=self.pages, evidence=self.evidence)
                except Exception as error:
                    kept.write_bytes(pickle.dumps(str(error)))
                    raise
                kept.write_bytes(pickle.dumps(run))
            run = pickle.loads(kept.read_bytes())
        return pytest.fail(run) if isinstance(run, str) else run


@pytest.fixture(scope="session")
def smoke(shared: Path) -> Smoke:
    """The smoke runs of all notebooks."""
    return Smoke(shared)
