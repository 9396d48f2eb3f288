"""Evidence that is committed: the numbers of the paper profile, the time each profile took, and the README's table."""

import json
import re
from pathlib import Path
from typing import Any, Iterable, Mapping

from twm.book.ledger import HOMES, VERDICTS, JudgedClaim, count_verdicts, judge_all
from twm.book.runner import Run
from twm.errors import require
from twm.paths import book_dir, evidence_dir, find_root, results_dir, write_atomically

_BEGIN, _END = "<!-- scoreboard: begin -->", "<!-- scoreboard: end -->"


def timings_path() -> Path:
    """Return the path of the committed table of times."""
    return results_dir() / "timings.json"


def read_timings() -> dict[str, dict[str, dict[str, Any]]]:
    """Return seconds, memory, device and date by profile and notebook; empty where nothing is on record."""
    path = timings_path()
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def record_runs(runs: Iterable[Run]) -> list[Path]:
    """Commit to book/results what runs left: their times, and in the paper profile their numbers.

    Args:
        runs: runs of one or more notebooks.

    Returns:
        the files written.
    """
    timings, written = read_timings(), []
    for run in runs:
        content = run.evidence
        timings.setdefault(content["profile"], {})[run.name] = {
            "seconds": round(run.seconds, 1),
            **{key: content[key] for key in ("memory_mb", "device", "date", "torch", "python", "commit", "reuse")},
        }
        if content["profile"] == "paper":
            path = evidence_dir() / f"{run.name}.json"
            write_atomically(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
            written.append(path)
    write_atomically(timings_path(), json.dumps(timings, indent=1, sort_keys=True) + "\n")
    return [*written, timings_path()]


def make_readme_table() -> str:
    """Return the README's scoreboard from the committed evidence.

    A row a notebook and a column a verdict; below it the statements that did not hold, and those that are not in the
    papers, each with what came out.
    """
    judged = judge_all()
    lines = [f"| notebook | claims | {' | '.join(VERDICTS)} |", "|---|---|" + "---|" * len(VERDICTS)]
    groups: list[tuple[str, list[JudgedClaim]]] = [
        (notebook, [claim for claim in judged if claim.home == home]) for home, notebook in HOMES.items()
    ]
    for label, group in [*groups, ("**all**", judged)]:
        counts = count_verdicts(group)
        lines.append(f"| {label} | {len(group)} | {' | '.join(str(counts[verdict]) for verdict in VERDICTS)} |")
    # At a reduced scale a failure says little about the paper.
    failed = [one for one in judged if one.verdict == "differs" and not one.scale]
    beyond = [one for one in judged if one.beyond]
    for title, group in (("What does not hold", failed), ("What is not in the papers", beyond)):
        if group:
            lines += ["", f"**{title}**", "", "| claim | says | came out | verdict |", "|---|---|---|---|"]
        for one in group:
            told = ". ".join(part for part in (one.value, one.reason) if part)
            lines.append(f"| `{one.id}` | {_escape(one.says)} | {_escape(told)} | {one.verdict} |")
    return "\n".join(lines)


def _escape(text: str) -> str:
    # A bar would end the cell.
    return text.replace("|", "\\|")


def replace_table(text: str, table: str) -> str:
    """Return ``text`` with what stands between the scoreboard's markers replaced by ``table``.

    Raises:
        UserError: if the markers are not there once each, in order.
    """
    pattern = re.compile(re.escape(_BEGIN) + ".*?" + re.escape(_END), re.DOTALL)
    require(len(pattern.findall(text)) == 1, f"README.md needs the lines {_BEGIN} and {_END} once, in this order")
    return pattern.sub(lambda _: f"{_BEGIN}\n{table}\n{_END}", text)


def write_readme() -> list[Path]:
    """Bring the README's short scoreboard up to the committed evidence, draw its picture, and return both paths."""
    path = find_root() / "README.md"
    write_atomically(path, replace_table(path.read_text(encoding="utf-8"), make_readme_table()))
    return [path, _draw_readme_picture()]


def _draw_readme_picture() -> Path:
    """Draw "3141" on its lattice: in place, under way, and nearly round."""
    import numpy as np

    from twm.book.figures.front_page import plot_moments
    from twm.theory.lattice import simulate_wave
    from twm.theory.pictures import text_to_states
    from twm.theory.systems import make_repeat_copy

    states = text_to_states("3141")
    history, dim = states.shape
    waves = simulate_wave(np.asarray(states), make_repeat_copy(history, dim).boundary, steps=history)
    path = book_dir() / "_static" / "wave.png"
    # Without the date and the version of the program the same picture is the same file.
    plot_moments(waves, (0, 5, 11)).savefig(path, dpi=110, metadata={"Software": None})
    return path


def summarise_profile(timings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the whole time in seconds and the largest memory in MB of one profile's notebooks."""
    return {
        "seconds": sum(entry["seconds"] for entry in timings.values()),
        "memory_mb": max((entry["memory_mb"] for entry in timings.values()), default=0),
        "notebooks": len(timings),
    }
