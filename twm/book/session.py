"""The three scales at which a notebook runs.

Tables of numbers on a page: plain text in a terminal, a labelled table in the book.

What a notebook opens in its first cell: its profile, its device, and the place where its numbers go.
"""

import json
import math
import os
import platform
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from typing import Any, Mapping, TypeVar

import numpy as np

from twm.book.ledger import read_ledger
from twm.errors import require, require_count
from twm.models.kernels import choose_device
from twm.paths import build_dir, find_commit, write_atomically


@dataclass(frozen=True)
class Profile:
    """One scale.

    Attributes:
        name: what the command line calls it.
        purpose: who it is for, in a few words.
        budget: seconds that all notebooks together may take on two cores.
        notebook_budget: seconds that one notebook may take on two cores.
        reuse: whether recorded runs are used by default; the others always train.
    """

    name: str
    purpose: str
    budget: int
    notebook_budget: int
    reuse: bool


PROFILES = {
    "smoke": Profile("smoke", "continuous integration, and a first look", 180, 20, False),
    "laptop": Profile("laptop", "retrain everything at a reduced scale", 3600, 900, False),
    "paper": Profile("paper", "the paper's scale, from recorded runs unless told to retrain", 300, 35, True),
}


def find_profile(name: str) -> Profile:
    """Return a profile by name.

    Raises:
        UserError: if there is none of that name.
    """
    require(name in PROFILES, f"unknown profile {name!r}: choose one of {', '.join(PROFILES)}")
    return PROFILES[name]


def choose_reuse(profile: Profile, asked: bool | None) -> bool:
    """Return whether recorded runs are used.

    Args:
        profile: the profile of the run.
        asked: True for ``--reuse``, False for ``--retrain``, None for the profile's own choice.

    Raises:
        UserError: if recorded runs are asked for in a profile that always trains.
    """
    if asked is None:
        return profile.reuse
    require(profile.reuse or not asked, f"--reuse goes with --profile paper: the profile {profile.name} always trains")
    return asked


class DataTable:
    """A small table with a caption, shown by a notebook as the last value of a cell.

    Args:
        header: names of the columns.
        rows: texts, as many a row as there are columns; the first one names the row.
        caption: what the table shows.
    """

    def __init__(self, header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> None:
        self.header, self.rows, self.caption = list(header), [list(map(str, row)) for row in rows], caption
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError(f"every row needs {len(self.header)} cells, one a column")

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows)]
        lines = [
            "  ".join(
                text.rjust(width) if place else text.ljust(width)
                for place, (text, width) in enumerate(zip(row, widths))
            )
            for row in (self.header, *self.rows)
        ]
        return "\n".join([self.caption, *lines])

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.header)
        body = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<div class="twm-data-frame" tabindex="0" role="region" aria-label="{escape(self.caption, quote=True)}">'
            f'<table class="twm-data"><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )


T = TypeVar("T")


def runs_dir(profile: str) -> Path:
    """Return the folder of the numbers of runs that are not committed."""
    return build_dir() / "runs" / profile


def _to_plain(value: Any, label: str) -> Any:
    """Return ``value`` as JSON can hold it, refusing what a rule could not compare."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    elif hasattr(value, "detach"):
        value = value.detach().cpu().tolist()
    if isinstance(value, (list, tuple)):
        return [_to_plain(part, label) for part in value]
    require(
        isinstance(value, (bool, int, float, str)),
        f"{label}: record a number, a text or a list, not {type(value).__name__}",
    )
    require(not isinstance(value, float) or math.isfinite(value), f"{label} is {value}; record only finite numbers")
    return value


class Page:
    """One notebook's run: what scale to use, and what it recorded.

    Made by :func:`open_page`. Attributes ``profile`` (a :class:`~twm.book.session.Profile`), ``device``
    (``cpu`` or ``cuda``), ``seed`` and ``reuse`` are what the parameters came to.
    """

    def __init__(self, name: str, profile: Profile, device: str, seed: int, reuse: bool, path: Path) -> None:
        self.name, self.profile, self.device, self.seed, self.reuse = name, profile, device, seed, reuse
        self._path = path
        self._started = time.perf_counter()
        self._home = {claim.id for claim in read_ledger() if claim.notebook == name}
        self._claims: dict[str, dict[str, Any]] = {}
        self._notes: dict[str, Any] = {}
        self._not_run: dict[str, str] = {}

    def size(self, *, smoke: T, laptop: T, paper: T) -> T:
        """Return the one of three values that goes with the profile."""
        return {"smoke": smoke, "laptop": laptop, "paper": paper}[self.profile.name]

    def record(
        self,
        claim: str,
        numbers: Mapping[str, Any],
        *,
        figure: str | None = None,
        seeds: int = 1,
        scale: str | None = None,
    ) -> None:
        """Record the numbers by which a claim is judged.

        Args:
            claim: the claim's id; its home must be this notebook.
            numbers: flat mapping of names to finite numbers, booleans, texts or lists of these.
            figure: name of the figure or anchor that shows the evidence.
            seeds: how many seeds the numbers rest on.
            scale: what is smaller than in the paper, in a few words; ``None`` at full scale.

        Raises:
            UserError: if the claim is unknown, belongs elsewhere or was recorded before, or a number is not finite.
        """
        self._check_new(claim)
        require(len(numbers) > 0, f"{claim}: nothing to record")
        plain = {key: _to_plain(value, f"{claim}:{key}") for key, value in numbers.items()}
        require_count(seeds, f"seeds of {claim}")
        self._claims[claim] = {"numbers": plain, "seeds": int(seeds), "scale": scale, "figure": figure}
        self._write()

    def skip(self, claim: str, reason: str) -> None:
        """Say why a claim of this notebook was not run, naming the command that would run it."""
        self._check_new(claim)
        self._not_run[claim] = reason
        self._write()

    def note(self, name: str, value: Any) -> Any:
        """Keep a number that the prose uses but no claim rests on; returns it."""
        require(
            name.isidentifier() and name not in self._notes,
            f"a note needs a new name of letters, digits and _, not {name!r}",
        )
        self._notes[name] = _to_plain(value, f"{self.name}:{name}")
        self._write()
        return value

    def about(self) -> "About":
        """Close the page: check that every claim of this notebook was recorded or skipped, and tell what ran."""
        open_claims = sorted(self._home - set(self._claims) - set(self._not_run))
        require(not open_claims, f"{self.name} recorded nothing for {', '.join(open_claims)}")
        self._write(done=True)
        return About(self._content(done=True))

    def _check_new(self, claim: str) -> None:
        require(claim in self._home, f"{claim} is not a claim of {self.name} in book/claims.yml")
        require(claim not in self._claims and claim not in self._not_run, f"{claim} was recorded before")

    def _content(self, done: bool) -> dict[str, Any]:
        # Linux counts the peak in KiB, macOS in bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        torch = sys.modules.get("torch")
        on_gpu = self.device == "cuda" and torch is not None
        return {
            "notebook": self.name,
            "profile": self.profile.name,
            "seed": self.seed,
            "reuse": self.reuse,
            "device": torch.cuda.get_device_name() if on_gpu else f"cpu ({platform.machine()}, {os.cpu_count()} cores)",
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__ if torch is not None else None,
            "commit": find_commit(),
            "date": date.today().isoformat(),
            "seconds": round(time.perf_counter() - self._started, 1),
            "memory_mb": round(peak / 2**20),
            "complete": done,
            "claims": self._claims,
            "notes": self._notes,
            "not_run": self._not_run,
        }

    def _write(self, done: bool = False) -> None:
        write_atomically(self._path, json.dumps(self._content(done), indent=1, sort_keys=True) + "\n")


class About:
    """The last cell's output: what ran, where, for how long."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        trained = "recorded runs where there are any" if content["reuse"] else "everything computed or trained here"
        self.rows = {
            "profile": f"{content['profile']} ({trained})",
            "seed": str(content["seed"]),
            "device": content["device"],
            "versions": ", ".join(f"{k} {content[k]}" for k in ("python", "numpy", "torch") if content[k]),
            "commit": content["commit"],
            "date": content["date"],
            "time": f"{content['seconds']:.0f} s",
            "peak memory": f"{content['memory_mb']} MB",
        }

    def __repr__(self) -> str:
        return "\n".join(f"{key:12} {value}" for key, value in self.rows.items())

    def _repr_html_(self) -> str:
        cells = "".join(f'<tr><th scope="row">{key}</th><td>{value}</td></tr>' for key, value in self.rows.items())
        return f'<table class="twm-about"><caption>About this run</caption><tbody>{cells}</tbody></table>'


def open_page(name: str, *, profile: str, device: str = "auto", seed: int = 0, reuse: bool = True) -> Page:
    """Open a notebook's page with its parameters.

    Args:
        name: the notebook's name without ending, for example ``01_theory``.
        profile: ``smoke``, ``laptop`` or ``paper``.
        device: ``auto``, ``cpu`` or ``cuda``.
        seed: seed of everything random on the page, at least 0.
        reuse: whether recorded runs may be used; only the paper profile does.

    Returns:
        the page.

    Raises:
        UserError: if a parameter is not one of these, or there is no GPU for ``cuda``.
    """
    chosen = find_profile(profile)
    require_count(seed, "seed", 0)
    require(isinstance(reuse, bool), f"reuse must be True or False, not {reuse!r}")
    folder = Path(os.environ["TWM_RUN_DIR"]) if "TWM_RUN_DIR" in os.environ else runs_dir(profile)
    return Page(name, chosen, choose_device(device), int(seed), reuse and chosen.reuse, folder / f"{name}.json")
