"""What this machine has, and what each profile will take on it."""

import os
import platform
import shutil
from importlib.metadata import distributions
from pathlib import Path

import torch

from twm.book.evidence import read_timings, summarise_profile
from twm.book.session import PROFILES
from twm.errors import UserError
from twm.models.fast.elman import GPU_STATUS
from twm.paths import find_commit, find_root
from twm.tasks.datasets import describe_data
from twm.training.sequence_model import SEQUENCE_GPU_STATUS

_PACKAGES = ("torch", "numpy", "scipy", "matplotlib", "jupyter-book", "jupytext", "papermill", "pytest", "playwright")


def _describe_profiles() -> dict[str, str]:
    timings, described = read_timings(), {}
    for name, profile in PROFILES.items():
        summary = summarise_profile(timings.get(name, {}))
        measured = "no time on record"
        if summary["notebooks"]:
            spent = f"{summary['seconds'] / 60:.1f} min, {summary['memory_mb'] / 1024:.1f} GB"
            measured = f"measured {spent} for {summary['notebooks']} notebooks"
        described[name] = f"{profile.purpose}; {measured}; budget {profile.budget / 60:.0f} min on 2 cores"
    return described


def examine() -> dict[str, dict[str, str]]:
    """Return sections of lines: system, packages, data, profiles."""
    try:
        root: Path | None = find_root()
    except UserError:
        root = None
    installed = {known.name.lower(): known.version for known in distributions() if known.name}
    found = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    gpu = found and f"{found.name} ({found.total_memory / 2**30:.0f} GiB)"
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    return {
        "system": {
            "python": f"{platform.python_version()} ({platform.system()} {platform.machine()})",
            "cores": str(os.cpu_count()),
            "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
            "GPU": gpu or "none found by torch; everything runs on the CPU",
            "training": f"on the CPU one process a core; on a GPU {GPU_STATUS}; {SEQUENCE_GPU_STATUS}",
            "clone": f"{root} at {find_commit(root)}" if root else "none: only the library works, see the rerun page",
            "disk free": f"{shutil.disk_usage(root or Path.cwd()).free / 2**30:.0f} GiB",
            "browser for tests": browser or "none: browser tests will skip",
        },
        "packages": {package: installed.get(package, "not installed") for package in _PACKAGES},
        "data": {"TWM_DATA_DIR": os.environ.get("TWM_DATA_DIR") or "not set", **describe_data()},
        "profiles": _describe_profiles() if root else {"": "known in a clone"},
    }
