"""The session that each notebook opens in its first cell, and helpers to select and show table rows."""

import ast
import inspect
import json
import math
import os
import platform
import resource
import sys
import textwrap
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from twm.book.ledger import read_ledger
from twm.errors import require, require_count
from twm.models.kernels import choose_device
from twm.paths import build_dir, find_commit, write_atomically

T = TypeVar("T")


@dataclass(frozen=True)
class Profile:
    """One of the three scales at which notebooks run."""

    name: str
    purpose: str
    budget: int  # seconds allowed for all notebooks together on two cores
    reuse: bool  # whether saved results are used by default; without it, a profile always trains


PROFILES = {
    "smoke": Profile("smoke", "continuous integration and quick tests", 180, False),
    "laptop": Profile("laptop", "train everything at a reduced scale", 3600, False),
    "paper": Profile("paper", "the paper's scale, from saved results unless --retrain is given", 300, True),
}


def find_profile(name: str) -> Profile:
    """Return a profile by name."""
    require(name in PROFILES, f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}")
    return PROFILES[name]


def runs_dir(profile: str) -> Path:
    """Return the folder for the numbers of a profile's runs, which are not committed."""
    return build_dir() / "runs" / profile


@dataclass(repr=False)
class DataTable:
    """A small table with a caption: plain text in a terminal, a labelled HTML table in the book."""

    header: Sequence[str]
    rows: Iterable[Sequence[object]]
    caption: str
    style: str = "twm-data"

    def __post_init__(self) -> None:
        self.rows = [list(map(str, row)) for row in self.rows]
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError(f"every row needs {len(self.header)} cells, one per column")

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows)]
        # Left-align the names in the first column, right-align the numbers in the others.
        form = "  ".join(f"{{:{'>' if place else '<'}{width}}}" for place, width in enumerate(widths))
        return "\n".join([self.caption, *(form.format(*row) for row in (self.header, *self.rows))])

    def _repr_html_(self) -> str:
        names = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.header)
        head = f"<thead><tr>{names}</tr></thead>" if any(self.header) else ""
        body = "".join(
            f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in others)}</tr>'
            for first, *others in self.rows
        )
        caption = escape(self.caption)
        return (
            f'<div class="twm-data-frame" tabindex="0" role="region" aria-label="{caption}">'
            f'<table class="{self.style}"><caption>{caption}</caption>{head}<tbody>{body}</tbody></table></div>'
        )


def show(value: object, form: str = ".2g") -> str:
    """Return a number as text, or a dash for None and empty text."""
    return "–" if value is None or value == "" else format(value, form)


def pick(rows: Iterable[Mapping[str, Any]], **wanted: object) -> list:
    """Return the rows whose columns have the wanted values; a tuple allows any of its values."""
    values = {key: value if isinstance(value, tuple) else (value,) for key, value in wanted.items()}
    return [row for row in rows if all(row[key] in value for key, value in values.items())]


def group(rows: Iterable[Mapping[str, Any]], *columns: str) -> dict[tuple, list]:
    """Group rows by their values in ``columns``, in the order in which these first appear."""
    found = defaultdict(list)
    for row in rows:
        found[tuple(row[column] for column in columns)].append(row)
    return dict(found)


def worst(rows: Iterable[Mapping[str, Any]], column: str, least: bool = True) -> float:
    """Return the minimum of a column over rows, or the maximum if not ``least``."""
    return (min if least else max)(float(row[column]) for row in rows)


def _to_plain(value: Any, label: str) -> Any:
    """Return ``value`` as plain JSON data; refuse values that no regression rule can compare."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return [_to_plain(part, label) for part in value]
    fits = isinstance(value, (bool, int, float, str))
    require(fits, f"{label}: record a number, a text or a list, not {type(value).__name__}")
    require(not isinstance(value, float) or math.isfinite(value), f"{label} is {value}; record only finite numbers")
    return value


class Page:
    """One notebook's run: ``profile``, ``device``, ``seed`` and ``reuse``, and its recorded results."""

    def __init__(self, name: str, profile: Profile, device: str, seed: int, reuse: bool, path: Path) -> None:
        self.name, self.profile, self.device, self.seed, self.reuse = name, profile, device, seed, reuse
        self._path, self._started = path, time.perf_counter()
        self._home = {claim.id for claim in read_ledger() if claim.notebook == name}
        self._claims: dict[str, dict[str, Any]] = {}
        self._notes: dict[str, Any] = {}
        self._not_run: dict[str, str] = {}

    def size(self, *, smoke: T, laptop: T, paper: T) -> T:
        """Return the value for the profile of this run."""
        return {"smoke": smoke, "laptop": laptop, "paper": paper}[self.profile.name]

    def collect(self, sweep: str) -> Any:
        """Return the models of a named sweep, read from saved results or trained now at the profile's scale."""
        from twm.training.sweeps import list_reduced_plans, read_sweep, remake_sweep, train_here

        if self.profile.name != "paper":
            return train_here(list_reduced_plans(sweep, self.profile.name, self.seed), print)
        return read_sweep(sweep) if self.reuse else remake_sweep(sweep, self.device)

    def record(
        self, claim: str, numbers: Mapping[str, Any], *,
        figure: str | None = None, seeds: int = 1, networks: int | None = None, settings: int | None = None,
        scale: str | None = None,
    ) -> None:  # fmt: skip
        """Record the finite numbers that decide a claim of this notebook. ``figure`` names the figure with the evidence,
        ``seeds``, ``networks`` and ``settings`` count what they rest on, and ``scale`` says what is smaller than in the paper."""
        self._check_new(claim)
        require(len(numbers) > 0, f"{claim}: nothing to record")
        plain = {key: _to_plain(value, f"{claim}:{key}") for key, value in numbers.items()}
        require_count(seeds, f"seeds of {claim}")
        told = {"networks": networks, "settings": settings}
        told = {name: require_count(count, f"{name} of {claim}") for name, count in told.items() if count is not None}
        self._claims[claim] = {"numbers": plain, "seeds": int(seeds), "scale": scale, "figure": figure} | told

    def skip(self, claim: str, reason: str) -> None:
        """Record the reason why a claim of this notebook was not run, which should name the command that would run it."""
        self._check_new(claim)
        self._not_run[claim] = reason

    def settle(self, claim: str, there: object, reason: str, numbers: Callable[[], Mapping], **more: Any) -> None:
        """Record the result of ``numbers()`` if the runs are ``there``, else the reason why the claim was not run."""
        self.record(claim, numbers(), **more) if there else self.skip(claim, reason)

    def note(self, name: str, value: T) -> T:
        """Record and return a number that the prose uses but no claim rests on."""
        new = name.isidentifier() and name not in self._notes
        require(new, f"a note needs a new name of letters, digits and _, not {name!r}")
        self._notes[name] = _to_plain(value, f"{self.name}:{name}")
        return value

    def show(self, function: Callable) -> Any:
        """Return a function's source without its docstring, as highlighted code."""
        from IPython.display import Markdown

        lines = textwrap.dedent(inspect.getsource(function)).rstrip().splitlines()
        definition = ast.parse("\n".join(lines)).body[0]
        if ast.get_docstring(definition) is not None:
            del lines[definition.body[0].lineno - 1 : definition.body[0].end_lineno]
        return Markdown("\n".join(["```python", *lines, "```"]))

    def about(self) -> DataTable:
        """Close the page: check that every claim was recorded or skipped, write the numbers, and return the run details."""
        open_claims = sorted(self._home - set(self._claims) - set(self._not_run))
        require(not open_claims, f"{self.name} recorded nothing for {', '.join(open_claims)}")
        content = self._content()
        write_atomically(self._path, json.dumps(content, indent=1, sort_keys=True) + "\n")
        trained = "saved results where available" if self.reuse else "everything computed or trained in this run"
        rows = {
            "profile": f"{self.profile.name} ({trained})", "seed": self.seed, "device": content["device"],
            "versions": ", ".join(f"{name} {content[name]}" for name in ("python", "numpy", "torch") if content[name]),
            "commit": content["commit"], "date": content["date"], "time": f"{content['seconds']:.0f} s",
            "peak memory": f"{content['memory_mb']} MB",
        }  # fmt: skip
        return DataTable(("", ""), rows.items(), "About this run", "twm-about")

    def _check_new(self, claim: str) -> None:
        require(claim in self._home, f"{claim} is not a claim of {self.name} in book/claims.yml")
        require(claim not in self._claims and claim not in self._not_run, f"{claim} was recorded before")

    def _content(self) -> dict[str, Any]:
        # Linux reports the peak in KiB, macOS in bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        torch = sys.modules.get("torch")
        on_gpu = self.device == "cuda" and torch is not None and self.profile.reuse and not self.reuse  # others train on the CPU
        return {
            "notebook": self.name, "profile": self.profile.name, "seed": self.seed, "reuse": self.reuse,
            "device": torch.cuda.get_device_name() if on_gpu else f"cpu ({platform.machine()}, {os.cpu_count()} cores)",
            "python": platform.python_version(), "numpy": np.__version__, "torch": torch and torch.__version__,
            "commit": find_commit(), "date": date.today().isoformat(),
            "seconds": round(time.perf_counter() - self._started, 1), "memory_mb": round(peak / 2**20),
            "complete": True, "claims": self._claims, "notes": self._notes, "not_run": self._not_run,
        }  # fmt: skip


def open_page(name: str, *, profile: str, device: str = "auto", seed: int = 0, reuse: bool = True) -> Page:
    """Open the page of a notebook, such as ``01_theory``; only the paper profile can reuse saved results."""
    from twm.book.figures.style import use_style

    chosen = find_profile(profile)
    require_count(seed, "seed", 0)
    require(isinstance(reuse, bool), f"reuse must be True or False, not {reuse!r}")
    folder = Path(os.environ["TWM_RUN_DIR"]) if "TWM_RUN_DIR" in os.environ else runs_dir(profile)
    use_style()
    return Page(name, chosen, choose_device(device), int(seed), reuse and chosen.reuse, folder / f"{name}.json")
