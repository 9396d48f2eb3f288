"""What surrounds the code agrees with itself: versions, pins, environment, and what may be committed."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import twm


def read_pyproject(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


def read_pins(root: Path) -> dict[str, str]:
    text = (root / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), "exact pins only"
    return {name.lower().replace("_", "-"): version for name, version in (line.split("==") for line in lines)}


def tracked_files(root: Path) -> list[Path]:
    if not (root / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout: what is tracked cannot be told")
    command = ["git", "-C", str(root), "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [root / name for name in listed.split("\0") if name and (root / name).exists()]


def test_the_conda_environments_install_what_make_installs(root: Path):
    """The pip part is the Makefile's own line: the same extras under the same pins."""
    line = next(line for line in (root / "Makefile").read_text(encoding="utf-8").splitlines() if "pip install" in line)
    for path in ("environment.yml", "binder/environment.yml"):
        environment = yaml.safe_load((root / path).read_text(encoding="utf-8"))
        assert set(environment) == {"name", "channels", "dependencies"}, path
        assert set(environment["channels"]) <= {"conda-forge", "nodefaults"}, path
        packages = [part for part in environment["dependencies"] if isinstance(part, str)]
        assert all(re.fullmatch(r"[a-z0-9_.-]+([<>=!]=?[0-9.]+)?", text) for text in packages), path
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    for option in pip:
        flag, _, value = option.partition(" ")
        assert flag in line and value in line.replace('"', "")
    assert "python=3.11" in environment["dependencies"]


def test_every_requirement_is_pinned_within_its_range(root: Path):
    from packaging.requirements import Requirement

    project = read_pyproject(root)["project"]
    pins = read_pins(root)
    extras = [part for extra in project["optional-dependencies"].values() for part in extra]
    for text in [*project["dependencies"], *extras]:
        requirement = Requirement(text)
        name = requirement.name.lower().replace("_", "-")
        assert name in pins, f"{name} has no pin in constraints.txt"
        assert requirement.specifier.contains(pins[name]), f"{name}=={pins[name]} is outside {requirement.specifier}"


def test_what_is_installed_is_what_is_pinned(root: Path):
    from importlib.metadata import version

    pins = read_pins(root)
    names = ("torch", "numpy", "scipy", "matplotlib", "jupyter-book", "sphinx", "myst-nb", "papermill", "jupytext")
    installed = {name: version(name).split("+")[0] for name in names}
    assert installed == {name: pins[name] for name in names}


def test_one_version_everywhere_and_a_citation_that_prefers_the_paper(root: Path):
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert read_pyproject(root)["project"]["version"] == twm.__version__ == str(citation["version"])
    assert f"## {twm.__version__}" in (root / "CHANGELOG.md").read_text(encoding="utf-8")
    paper = citation["preferred-citation"]
    assert paper["title"].startswith("Hidden Traveling Waves") and len(paper["authors"]) == 3
    assert {"cff-version", "message", "title", "authors"} <= set(citation)


@pytest.mark.parametrize("workflow", ["test", "book", "weekly"])
def test_workflows_are_whole(root: Path, workflow: str):
    content = yaml.safe_load((root / ".github" / "workflows" / f"{workflow}.yml").read_text(encoding="utf-8"))
    # YAML 1.1 reads the key `on` as true.
    assert content.get("on", content.get(True)) and content["jobs"]
    assert all(job["steps"] and job["timeout-minutes"] for job in content["jobs"].values())


def test_nothing_large_nothing_generated_and_no_path_of_a_machine_is_committed(root: Path):
    # The pattern is put together here so that this file does not match itself.
    machine, recorded = re.compile("/(?:" + "|".join(("root", "home", "Users")) + r")/\w"), 0
    for path in tracked_files(root):
        relative, size = path.relative_to(root), path.stat().st_size
        recorded += size if "results" in relative.parts else 0
        assert relative.parts[0] not in ("_build", ".venv") and relative.parts[:2] != ("book", "pages"), relative
        assert size <= 2 * 2**20, f"{relative} is large"
        if path.suffix in (".py", ".md", ".yml", ".toml", ".json", ".ipynb", ".js", ".css", ".txt"):
            match = machine.search(path.read_text(encoding="utf-8"))
            assert match is None, f"{relative}: {match}"
    assert recorded < 25e6


def test_ci_runs_the_two_commands_of_the_readme(root: Path):
    script = (root / ".ci" / "run").read_text(encoding="utf-8")
    readme = (root / "README.md").read_text(encoding="utf-8")
    for command in ("make book", "make test"):
        assert re.search(rf"^{command}\b", script, re.MULTILINE) and re.search(rf"^{command}\b", readme, re.MULTILINE)
    assert script.rstrip().endswith("make test")
    done = subprocess.run(["bash", "-n", str(root / ".ci" / "run")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
