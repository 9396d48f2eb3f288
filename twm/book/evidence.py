"""Record evidence and run times, update the README's scoreboard, build the site, and print it as one PDF."""

import json
import os
import platform
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import distributions
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import torch

from twm.book.ledger import HOMES, KINDS, VERDICTS, count_verdicts, judge_all
from twm.book.runner import Run
from twm.book.session import PROFILES
from twm.errors import UserError, check_fields, require
from twm.models.fast.elman import GPU_STATUS
from twm.paths import (
    book_dir, build_dir, evidence_dir, find_commit, find_root, library_path, pages_dir, read_json, replace_folder, results_dir,
    scratch_folder, write_atomically,
)  # fmt: skip
from twm.tasks.datasets import describe_data
from twm.theory.lattice import simulate_wave
from twm.theory.pictures import text_to_states
from twm.theory.systems import make_repeat_copy
from twm.training.sequence_model import SEQUENCE_GPU_STATUS

_BEGIN, _END = "<!-- scoreboard: begin -->", "<!-- scoreboard: end -->"


def read_timings() -> dict[str, dict[str, dict[str, Any]]]:
    """Return recorded seconds, memory in MB, device, date and versions by profile and notebook; empty if none are recorded."""
    path = results_dir() / "timings.json"
    timings = read_json(path) if path.exists() else {}
    for profile, entries in timings.items():
        check_fields(f"{path}, {profile}", entries, {})
        for name, entry in entries.items():
            check_fields(f"{path}, {profile}, {name}", entry, {"seconds": float, "memory_mb": float})
    return timings


def summarise_profile(timings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the total time in seconds, the peak memory in MB and the number of one profile's notebooks."""
    seconds, memory = ([entry[key] for entry in timings.values()] for key in ("seconds", "memory_mb"))
    return {"seconds": sum(seconds), "memory_mb": max(memory, default=0), "notebooks": len(timings)}


def record_runs(runs: Iterable[Run]) -> list[Path]:
    """Write the runs' times and, in the paper profile, their numbers to book/results; return the paths written."""
    timings, contents = read_timings(), {}
    for run in runs:
        kept = ("memory_mb", "device", "date", "torch", "python", "commit", "reuse")
        entry = {"seconds": round(run.seconds, 1)} | {key: run.evidence[key] for key in kept}
        timings.setdefault(run.evidence["profile"], {})[run.name] = entry
        if run.evidence["profile"] == "paper":
            contents[evidence_dir() / f"{run.name}.json"] = run.evidence
    contents[results_dir() / "timings.json"] = timings
    for path, content in contents.items():
        write_atomically(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
    return list(contents)


def _make_row(cells: Iterable[object]) -> str:
    # An unescaped bar would end the cell.
    escaped = (str(cell).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def make_readme_table() -> str:
    """Return the README's scoreboard: verdict counts by notebook and kind, claims that do not hold, claims beyond the papers."""
    judged = judge_all()
    groups = {notebook: [claim for claim in judged if claim.home == home] for home, notebook in HOMES.items()}
    lines = [_make_row(["notebook", "claims", *VERDICTS]), "|---|---|" + "---|" * len(VERDICTS)]
    kinds = {f"**{kind}**": [claim for claim in judged if claim.kind == kind] for kind in KINDS}
    for label, group in (groups | kinds | {"**all**": judged}).items():
        counts = count_verdicts(group)
        lines.append(_make_row([label, len(group), *(counts[verdict] for verdict in VERDICTS)]))
    # A failure at a reduced scale is weak evidence about the paper.
    failed = [one for one in judged if one.verdict == "differs" and not one.scale]
    beyond = [one for one in judged if one.beyond]
    for title, group, last in (("Claims that do not hold", failed, "reason"), ("Claims beyond the papers", beyond, "verdict")):
        lines += ["", f"**{title}**", "", f"| claim | kind | statement | {last} |", "|---|---|---|---|"] if group else []
        lines += [_make_row([f"`{one.id}`", one.kind, one.says, getattr(one, last)]) for one in group]
    return "\n".join(lines)


def replace_table(text: str, table: str) -> str:
    """Return ``text`` with everything between the scoreboard's markers replaced by ``table``."""
    pattern = re.compile(re.escape(_BEGIN) + ".*?" + re.escape(_END), re.DOTALL)
    require(len(pattern.findall(text)) == 1, f"README.md needs the lines {_BEGIN} and {_END} once, in this order")
    return pattern.sub(lambda _: f"{_BEGIN}\n{table}\n{_END}", text)


def write_readme() -> list[Path]:
    """Update the README's scoreboard from the committed evidence, redraw its picture of 3141, and return both paths."""
    from twm.book.figures.front_page import plot_moments

    readme, picture, content = find_root() / "README.md", book_dir() / "_static" / "wave.png", BytesIO()
    write_atomically(readme, replace_table(readme.read_text(encoding="utf-8"), make_readme_table()))
    waves = simulate_wave(text_to_states("3141"), make_repeat_copy(16, 5).boundary, steps=16)
    # After 0, 5 and 11 of the 16 steps of a period. Without the program's version, equal pictures give equal files.
    plot_moments(waves, (0, 5, 11)).savefig(content, format="png", dpi=110, metadata={"Software": None})
    write_atomically(picture, content.getvalue())
    return [readme, picture]


_BROWSERS = ("chromium", "google-chrome", "chromium-browser", "chrome")
_PACKAGES = ("torch", "numpy", "scipy", "matplotlib", "jupyter-book", "jupytext", "papermill", "pytest", "playwright")


def _describe_profiles() -> dict[str, str]:
    timings, described = read_timings(), {}
    for name, profile in PROFILES.items():
        summary = summarise_profile(timings.get(name, {}))
        spent = f"{summary['seconds'] / 60:.1f} min, {summary['memory_mb'] / 1024:.1f} GB"
        measured = f"measured {spent} for {summary['notebooks']} notebooks" if summary["notebooks"] else "not measured"
        described[name] = f"{profile.purpose}; {measured}; budget {profile.budget / 60:.0f} min on 2 cores"
    return described


def find_browser() -> str | None:
    """Return the path of Chromium or Chrome, for printing and for browser tests; ``None`` if there is none."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def examine() -> dict[str, dict[str, str]]:
    """Return the report of ``twm doctor`` by section (system, packages, data, profiles) and label."""
    root, unknown = None, []
    with suppress(UserError):
        root = find_root()
    commit = find_commit(root, unknown.append)
    installed = {known.name.lower(): known.version for known in distributions() if known.name}
    found = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    gpu = found and f"{found.name} ({found.total_memory / 2**30:.0f} GiB)"
    return {
        "system": {
            "python": f"{platform.python_version()} ({platform.system()} {platform.machine()})",
            "cores": str(os.cpu_count()),
            "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
            "GPU": gpu or "none found by PyTorch; everything runs on the CPU",
            "training": f"on the CPU, one process per core; on a GPU, {GPU_STATUS}; {SEQUENCE_GPU_STATUS}",
            "clone": f"{root} at {': '.join([commit, *unknown])}" if root else "none; only the library is available",
            "disk free": f"{shutil.disk_usage(root or Path.cwd()).free / 2**30:.0f} GiB",
            "browser for tests": find_browser() or "none; browser tests will be skipped",
        },
        "packages": {package: installed.get(package, "not installed") for package in _PACKAGES},
        "data": {"TWM_DATA_DIR": os.environ.get("TWM_DATA_DIR") or "not set", **describe_data()},
        "profiles": _describe_profiles() if root else {"": "available in a clone only"},
    }


#: Environment variable with the evidence folders of the site, later ones overriding earlier ones; read by book/_ext.
EVIDENCE_VARIABLE = "TWM_EVIDENCE"

# Run by this Python rather than by name, so the environment need not be active. The builder ends with its parent.
_BUILDER = "import sys; from twm.training.workers import follow_parent; follow_parent(int(sys.argv.pop(1))); "
_BUILDER += "from jupyter_book.cli.main import main; main()"
_ARGUMENTS = ("build", "book", "--config", "_config.yml", "--path-output", ".", "-n", "-W", "--keep-going")


class SiteFailed(Exception):
    """Raised if Jupyter Book warns or fails (the message quotes the first complaint and names the log), or if printing fails."""


def list_pages_of_book() -> list[str]:
    """Return the pages of the book in the order of the table of contents, such as index or pages/01_theory."""
    return re.findall(r"^ *(?:- file|root): *(\S+)$", (book_dir() / "_toc.yml").read_text("utf-8"), re.MULTILINE)


def list_pages() -> list[str]:
    """Return the names of the notebooks among these pages, in the same order."""
    return [page.removeprefix("pages/") for page in list_pages_of_book() if page.startswith("pages/")]


def _find_complaint(log: str) -> str:
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in log.splitlines()] or ["no output"]
    marked = (line for mark in ("ERROR:", "WARNING:", "error:", "Error") for line in lines if mark in line)
    return next(marked, lines[-1])


def build_site(*, pages: Path | None = None, evidence: Iterable[Path] = (), output: Path | None = None) -> Path:
    """Build the site and return the path of its ``index.html``. It shows the executed notebooks of ``pages`` (default:
    book/pages), and the numbers of the ``evidence`` folders override the committed ones, later folders earlier ones. An
    existing site at ``output`` (default: _build/html) is replaced only if the builder gives no warning or error."""
    root, book = find_root(), book_dir()
    pages, output = pages or pages_dir(), output or build_dir() / "html"
    listed = list_pages()
    missing = sorted(name for name in listed if not (pages / f"{name}.ipynb").exists())
    require(not missing, f"these pages have not been run: {', '.join(missing)}; run `twm run` first, or `twm book`")
    with scratch_folder("site") as scratch:
        shutil.copytree(book, scratch / "book", ignore=shutil.ignore_patterns("pages", "results", "__pycache__"))
        # _config.yml refers to its extensions by relative paths, so it is copied along with the book.
        for name in ("_config.yml", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff"):
            if (root / name).exists():
                shutil.copyfile(root / name, scratch / name)
        (scratch / "book" / "pages").mkdir()
        for name in listed:
            shutil.copyfile(pages / f"{name}.ipynb", scratch / "book" / "pages" / f"{name}.ipynb")
        environment = os.environ | {EVIDENCE_VARIABLE: os.pathsep.join(map(str, evidence)), "TWM_HOME": str(root)}
        # The API reference needs docstrings, which PYTHONOPTIMIZE=2 would strip.
        environment |= {"PYTHONPATH": library_path(), "PYTHONOPTIMIZE": ""}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": scratch, "env": environment}
        done = subprocess.run([sys.executable, "-c", _BUILDER, str(os.getpid()), *_ARGUMENTS], check=False, **streams)
        log, built = build_dir() / "site.log", scratch / "_build" / "html"
        write_atomically(log, done.stdout)
        if done.returncode != 0 or not (built / "index.html").exists():
            complaint = _find_complaint(done.stdout)
            raise SiteFailed(f"the site was not built: {complaint}; the whole log is in _build/{log.name}")
        (built / ".buildinfo").unlink(missing_ok=True)
        replace_folder(built, output)
    return output / "index.html"


# ---- the whole book as one PDF: the pages of the built site, joined and printed by headless Chromium

_STYLE = """
@page { size: A4; margin: 16mm 15mm 18mm; @bottom-center { content: counter(page); font: 9pt sans-serif; } }
html { font-size: 13px; }
section.twm-page { break-before: page; }
article { max-width: none; }
figcaption, figcaption * { color: #222 !important; font-weight: 400 !important; }"""
_PRINT_SECONDS = 900
#: Selectors of elements that are useless on paper.
_SCREEN_ONLY = "script, button, iframe, .headerlink, .twm-stack, .prev-next-footer, .twm-filters, .toggle-details__container"


def join_pages(site: Path, pages: list[str]) -> str:
    """Return one HTML page that joins ``pages`` of a site; links between them point within that page."""
    from bs4 import BeautifulSoup

    def find_place(page: str, fragment: str) -> str:
        return page.replace("/", "-") + (f"--{fragment}" if fragment else "")

    whole = BeautifulSoup((site / f"{pages[0]}.html").read_text("utf-8"), "html.parser")
    for script in whole.head.find_all("script"):
        if "mathjax" not in f"{script.get('src', '')}{script.string or ''}".lower():
            script.decompose()
    whole.head.append(whole.new_tag("style", string=_STYLE))
    whole.html["data-theme"] = "light"
    whole.body.clear()
    for page in pages:
        found = BeautifulSoup((site / f"{page}.html").read_text("utf-8"), "html.parser").select_one("article.bd-article")
        for tag in found.select(_SCREEN_ONLY):
            tag.decompose()
        for tag in found.find_all(id=True):
            tag["id"] = find_place(page, tag["id"])
        for tag in found.find_all(src=True):
            if not urlsplit(tag["src"]).scheme:
                tag["src"] = posixpath.normpath(posixpath.join(posixpath.dirname(page), tag["src"]))
        for tag in found.find_all("a", href=True):
            link = urlsplit(tag["href"])
            if link.scheme or link.netloc:
                continue
            near = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(link.path))) if link.path else f"{page}.html"
            target = near.removesuffix(".html")
            # Links to other targets, such as tables to download, are of no use on paper.
            tag.attrs = {"href": "#" + find_place(target, link.fragment)} if target in pages else {}
        section = whole.new_tag("section", id=find_place(page, ""), attrs={"class": "twm-page"})
        section.append(found)
        whole.body.append(section)
    return str(whole)


def find_printer(output: Path) -> str:
    """Return the path of Chromium for printing to ``output``; raise UserError without a browser or without that folder."""
    browser = find_browser()
    require(browser is not None, "--pdf needs Chromium to print, and there is none: install chromium, or leave --pdf out")
    fits = output.parent.is_dir() and not output.is_dir()
    require(fits, f"--pdf {output} cannot be written: expected a file in an existing folder")
    return browser


def print_book(site: Path, output: Path, browser: str) -> None:
    """Print a built site as one PDF with page numbers, outline and working links; raise SiteFailed if printing fails."""
    page = site / "book-in-one-page.html"
    with scratch_folder("pdf") as scratch:
        try:
            page.write_text(join_pages(site, list_pages_of_book()), encoding="utf-8")
            options = ["--headless", "--disable-gpu", "--no-pdf-header-footer", "--generate-pdf-document-outline"]
            options += ["--no-sandbox"] * (os.geteuid() == 0) + [f"--user-data-dir={scratch / 'profile'}"]
            options += ["--virtual-time-budget=240000", f"--print-to-pdf={scratch / 'book.pdf'}"]
            subprocess.run([browser, *options, page.as_uri()], check=False, capture_output=True, timeout=_PRINT_SECONDS)
            if not (scratch / "book.pdf").exists():
                raise SiteFailed("Chromium printed nothing: try again, or read the site")
            shutil.move(scratch / "book.pdf", output)
        except subprocess.TimeoutExpired:
            raise SiteFailed(f"Chromium did not print the book within {_PRINT_SECONDS} s") from None
        finally:
            page.unlink(missing_ok=True)
