"""The commands that run notebooks, build the site, and tell where things stand."""

import argparse
import json
from typing import Any

from twm.cli.options import say


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "notebooks",
        nargs="*",
        metavar="NOTEBOOK",
        help="name or number, for example 01_theory or 01; all if none is given",
    )
    parser.add_argument("--profile", default="paper", help="smoke, laptop or paper (default: paper)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: 0)")
    reuse = parser.add_mutually_exclusive_group()
    reuse.add_argument(
        "--reuse",
        dest="reuse",
        action="store_true",
        default=None,
        help="use recorded runs (default in the paper profile)",
    )
    reuse.add_argument("--retrain", dest="reuse", action="store_false", help="train instead of using recorded runs")
    parser.add_argument("--json", action="store_true", help="print JSON only")


def _run(options: argparse.Namespace) -> list[Any]:
    from twm.notebooks.runner import make_parameters, run_notebooks

    parameters = make_parameters(options.profile, options.device, options.seed, options.reuse)
    return run_notebooks(options.notebooks, parameters, log=lambda line: say(options, line))


def _summarise(runs: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "notebook": run.name,
            "seconds": round(run.seconds, 1),
            "memory_mb": run.evidence["memory_mb"],
            "page": str(run.notebook),
        }
        for run in runs
    ]


def run_command(options: argparse.Namespace) -> int:
    """Run notebooks and publish their pages."""
    runs = _run(options)
    if options.json:
        print(json.dumps(_summarise(runs), indent=1))
    return 0


def book_command(options: argparse.Namespace) -> int:
    """Run notebooks, then build the site; print the path of index.html."""
    from twm.notebooks.evidence import record_runs, write_readme
    from twm.notebooks.session import runs_dir
    from twm.notebooks.site import build_site

    runs = _run(options)
    if options.record:
        for path in [*record_runs(runs), *write_readme()]:
            say(options, f"recorded {path.name}")
    say(options, "building the site ...")
    index = build_site(evidence=[runs_dir(options.profile)])
    if options.json:
        print(json.dumps({"index": str(index), "runs": _summarise(runs)}, indent=1))
    else:
        print(index)
    return 0


def claims_command(options: argparse.Namespace) -> int:
    """Show the scoreboard from the committed evidence."""
    from twm.claims import count_verdicts, judge_all

    judged = judge_all()
    if options.json:
        print(json.dumps([claim.to_json() for claim in judged], indent=1))
        return 0
    width = max(len(claim.id) for claim in judged)
    home = None
    for claim in judged:
        if claim.home != home:
            home = claim.home
            print(f"\n{claim.claim.notebook}")
        detail = claim.value or claim.reason
        if claim.value and claim.reason:
            detail += f". {claim.reason}"
        print(f"  {claim.id:{width}}  {claim.verdict:10}  {detail}")
    counts = count_verdicts(judged)
    print(f"\n{len(judged)} claims: " + ", ".join(f"{number} {verdict}" for verdict, number in counts.items()))
    return 0


def check_command(options: argparse.Namespace) -> int:
    """Run notebooks at the smoke profile and compare their numbers with the references."""
    from twm.notebooks.regression import compare_notebook, read_references, update_references, write_references
    from twm.notebooks.runner import make_parameters, run_notebooks
    from twm.paths import scratch_folder

    with scratch_folder("check") as scratch:
        runs = run_notebooks(
            options.notebooks,
            make_parameters("smoke"),
            pages=scratch,
            evidence=scratch,
            log=lambda line: say(options, line),
        )
    complaints: dict[str, list[str]] = {}
    for run in runs:
        references = read_references(run.name)
        if options.update:
            references = update_references(run.evidence, references)
            say(options, f"wrote {write_references(run.name, references).name}")
        complaints[run.name] = compare_notebook(run.evidence, references)
    if options.json:
        print(json.dumps(complaints, indent=1))
    else:
        for name, lines in complaints.items():
            print(f"{name}: {'as the reference' if not lines else ''}")
            for line in lines:
                print(f"  {line}")
    return 1 if any(complaints.values()) else 0


def doctor_command(options: argparse.Namespace) -> int:
    """Tell what this machine has, and what each profile will take."""
    from twm.notebooks.doctor import examine

    report = examine()
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        for section, lines in report.items():
            print(section)
            for key, value in lines.items():
                print(f"  {key:22} {value}")
    return 0


def add_book_commands(commands: Any) -> None:
    """Add ``doctor``, ``run``, ``book``, ``claims`` and ``check`` to the parser's commands."""
    doctor = commands.add_parser("doctor", help="versions, device, data found, disk, and what each profile will take")
    doctor.add_argument("--json", action="store_true", help="print JSON only")
    doctor.set_defaults(run=doctor_command)

    run = commands.add_parser("run", help="run notebooks and publish their pages")
    _add_run_options(run)
    run.set_defaults(run=run_command)

    book = commands.add_parser("book", help="run notebooks, then build the site; prints the path of index.html")
    _add_run_options(book)
    book.add_argument(
        "--record", action="store_true", help="also commit numbers and times to book/results, and the README's table"
    )
    book.set_defaults(run=book_command)

    claims = commands.add_parser("claims", help="the scoreboard: every claim, its verdict and our number")
    claims.add_argument("--json", action="store_true", help="print JSON only")
    claims.set_defaults(run=claims_command)

    check = commands.add_parser("check", help="smoke run compared with tests/reference; exit code 1 if anything moved")
    check.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="name or number; all if none is given")
    check.add_argument("--update", action="store_true", help="renew the reference values; rules and tolerances stay")
    check.add_argument("--json", action="store_true", help="print JSON only")
    check.set_defaults(run=check_command)
