"""What the commands share: a parser whose errors are one line, and where to say things.

The command that looks into a trained network.

The commands that run notebooks, build the site, and tell where things stand.

The commands that train networks, and measure how fast.

The ``twm`` command. Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input.
"""

import argparse
import json
import os
import sys
from typing import Any, NoReturn, Sequence

from twm import __version__
from twm.errors import UserError, require, require_count


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print."""
        raise UserError(f"{message} (see {self.prog} --help)")


def say(options: argparse.Namespace, line: str) -> None:
    """Print a line on the way, beside stdout where that is kept for JSON."""
    print(line, file=sys.stderr if options.json else sys.stdout, flush=True)


def analyse_command(options: argparse.Namespace) -> int:
    """Analyse one trained network, or those on record that the table of analyses lacks."""
    given = (options.task, options.figure)
    require(options.record != (options.checkpoint is not None), "give a CHECKPOINT, or --record for those of the book")
    require(not options.record or not any(given), "--record goes without --task and --figure")
    require_count(options.seed, "--seed", 0)
    if options.record:
        from twm.analysis.report import record_analyses

        added = record_analyses(say=lambda line: say(options, line))
        if options.json:
            print(json.dumps({"added": added}))
        else:
            print(f"{added} networks added to analysis.csv")
        return 0
    from twm.analysis.report import OtherNetwork, analyse_network, describe_analysis, read_checkpoint
    from twm.theory.systems import parse_task

    try:
        checkpoint = read_checkpoint(options.checkpoint)
    except OtherNetwork as refusal:
        return _analyse_machine(options, refusal)
    task = options.task or checkpoint.task
    require(task is not None, f"{options.checkpoint} does not say which task it was trained on: name it with --task")
    if options.figure is not None:
        _check_figure(options.figure)
    found = analyse_network(checkpoint.system, parse_task(task), seed=options.seed)
    if options.figure is not None:
        from twm.book.figures.basis_recovery import plot_analysis

        _save_figure(plot_analysis(found), options.figure)
    if options.json:
        print(json.dumps(found.to_json(), indent=1))
    else:
        print("\n".join(describe_analysis(found)))
    return 0


def _analyse_machine(options: argparse.Namespace, refusal: UserError) -> int:
    """Analyse a network that ``twm sweep bridge`` left; of any other kind say why it cannot be done."""
    from twm.analysis.recovery import SequenceSystem
    from twm.analysis.report import analyse_machine, describe_machine
    from twm.tasks.sequences import SystemTask
    from twm.theory.systems import parse_task
    from twm.training.sequence_results import read_sequence_network

    try:
        network, plan, _ = read_sequence_network(options.checkpoint)
    except UserError:
        raise refusal from None
    task = plan.make_task_at_hand()
    known = isinstance(task, SystemTask)
    require(known, f"{options.checkpoint} was trained on {plan.task}: variables are known for hds:H,TASK only")
    require(options.figure is None, "--figure draws Elman networks, and this is none")
    system = parse_task(options.task) if options.task else task.system
    found = analyse_machine(SequenceSystem(network), system, seed=options.seed)
    print(json.dumps(found.to_json(), indent=1) if options.json else "\n".join(describe_machine(found)))
    return 0


def _check_figure(name: str) -> None:
    from pathlib import Path

    from matplotlib.figure import Figure

    endings = sorted(Figure().canvas.get_supported_filetypes())
    fits = Path(name).suffix.lstrip(".").lower() in endings
    require(fits, f"--figure {name} must end in one of .{', .'.join(endings)}")
    require(Path(name).resolve().parent.is_dir(), f"--figure {name}: there is no such folder")


def _save_figure(figure: Any, name: str) -> None:
    import io
    from pathlib import Path

    from twm.paths import write_atomically

    content = io.BytesIO()
    figure.savefig(content, format=Path(name).suffix.lstrip(".").lower(), dpi=150)
    try:
        write_atomically(Path(name), content.getvalue())
    except OSError as error:
        raise UserError(f"--figure {name} cannot be written: {error.strerror}") from None


def add_analysis_commands(commands: Any) -> None:
    """Add ``analyse`` to the parser's commands."""
    analyse = commands.add_parser(
        "analyse",
        help="spectrum, rank, basis and interventions of one trained network: an Elman network, or one of `twm sweep bridge`",
    )
    analyse.add_argument(
        "checkpoint", nargs="?", metavar="CHECKPOINT", help="safetensors, or a torch file with a state dict"
    )
    analyse.add_argument("--task", metavar="TASK", help="such as T1 or repeat-copy:S,D (default: what the file says)")
    analyse.add_argument("--figure", metavar="FILE", help="also draw it, as .png, .svg or .pdf")
    analyse.add_argument("--seed", type=int, default=0, help="of the histories used (default: 0)")
    analyse.add_argument(
        "--record", action="store_true", help="instead: add the networks on record to book/results/analysis.csv"
    )
    analyse.add_argument("--json", action="store_true", help="print JSON only")
    analyse.set_defaults(run=analyse_command)


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
    from twm.book.runner import make_parameters, run_notebooks

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
    from twm.book.evidence import record_runs, write_readme
    from twm.book.session import runs_dir
    from twm.book.site import build_site

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
    from twm.book.ledger import KINDS, count_verdicts, judge_all

    judged = judge_all()
    if options.json:
        print(json.dumps([claim.to_json() for claim in judged], indent=1))
        return 0
    width = max(len(claim.id) for claim in judged)
    home = None
    for claim in judged:
        if claim.home != home:
            home = claim.home
            print(f"\n{claim.notebook}")
        detail = claim.value or claim.reason
        if claim.value and claim.reason:
            detail += f". {claim.reason}"
        print(f"  {claim.id:{width}}  {claim.verdict:10}  {detail}")
    print(f"\n{len(judged)} claims")
    for kind in KINDS:
        counts = count_verdicts(claim for claim in judged if claim.kind == kind)
        print(f"{sum(counts.values())} {kind}: " + ", ".join(f"{number} {verdict}" for verdict, number in counts.items()))
    return 0


def check_command(options: argparse.Namespace) -> int:
    """Run notebooks at the smoke profile and compare their numbers with the references."""
    from twm.book.regression import compare_notebook, read_references, update_references, write_references
    from twm.book.runner import make_parameters, run_notebooks
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
    from twm.book.doctor import examine

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


def train_command(options: argparse.Namespace) -> int:
    """Train models of one task."""
    from tempfile import TemporaryDirectory

    from twm.models.kernels import choose_device
    from twm.training.places import make_folder_place
    from twm.training.plans import ModelPlan, parse_seeds
    from twm.training.runner import train_models

    require(
        options.out is not None or not options.resume, "--resume needs --out: without it nothing is kept to go on with"
    )
    names = ("hidden", "l2", "iterations", "curriculum", "threshold", "init", "learning_rate", "drop_at", "stop_at")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    plans = [ModelPlan(options.task, seed=seed, **given) for seed in parse_seeds(options.seeds)]
    settings = _read_training_options(options) | {
        "device": choose_device(options.device),
        "say": lambda line: say(options, line),
    }
    if options.out is not None:
        return _end_training(options, train_models(plans, make_folder_place(options.out), **settings))
    with TemporaryDirectory(prefix="twm-") as folder:
        return _end_training(options, train_models(plans, make_folder_place(folder), **settings))


def sweep_command(options: argparse.Namespace) -> int:
    """Train a named sweep, or list them."""
    from twm.models.kernels import choose_device
    from twm.training.flip_flop import FLIP_FLOP_SWEEP
    from twm.training.plans import parse_seeds, select_plans
    from twm.training.runner import train_models
    from twm.training.sweeps import find_sweep, list_sweeps

    require(options.list != (options.name is not None), "give the name of a sweep, or --list to see them")
    require(not options.list or options.only is None, "--only chooses among the models of one sweep: leave out --list")
    device = choose_device("cpu" if options.executor == "slurm" and options.device == "auto" else options.device)
    if options.list:
        return _show_sweeps(options, list_sweeps(device))
    if options.name == FLIP_FLOP_SWEEP:
        return _sweep_flip_flops(options)
    sweep = find_sweep(options.name)
    seeds = None if options.seeds is None else parse_seeds(options.seeds)
    listed = sweep.list_plans(device, seeds, options.profile)
    plans = listed if options.only is None else select_plans(listed, options.only)
    settings = _read_training_options(options) | {"device": device, "executor": options.executor, "order": listed}
    return _end_training(options, train_models(plans, sweep.place(), say=lambda line: say(options, line), **settings))


def _sweep_flip_flops(options: argparse.Namespace) -> int:
    from twm.analysis.flip_flop import POINT_TABLE, record_points
    from twm.training.flip_flop import (  # fmt: skip
        list_flip_flop_plans,
        main_flip_flops,
        make_flip_flop_place,
        train_flip_flops,
    )
    from twm.training.plans import parse_seeds, select_plans

    here = options.executor == "local" and options.device in ("auto", "cpu") and options.workers in (None, 1)
    require(here, "the flip-flop is trained on one core of this machine: leave out --executor, --device and --workers")
    plans = list_flip_flop_plans(None if options.seeds is None else parse_seeds(options.seeds))
    plans = plans if options.only is None else select_plans(plans, options.only)
    place = make_flip_flop_place()
    outcome = train_flip_flops(
        plans, place, options.resume, options.checkpoint_seconds, lambda line: say(options, line)
    )
    if not outcome.stopped:
        names = [plan.name for plan in plans if plan.name in main_flip_flops()]
        record_points(place.networks, place.rows.with_name(POINT_TABLE), names, lambda line: say(options, line))
    return _end_training(options, outcome)


def _read_training_options(options: argparse.Namespace) -> dict[str, Any]:
    return {"resume": options.resume, "checkpoint_seconds": options.checkpoint_seconds, "workers": options.workers}


def _show_sweeps(options: argparse.Namespace, listed: list[dict[str, Any]]) -> int:
    if options.json:
        print(json.dumps(listed, indent=1))
        return 0
    for sweep in listed:
        state = f"{sweep['on_record']:4} of {sweep['models']:4} models on record, {sweep['waiting']} wait"
        print(f"{sweep['name']:15} {state}   {sweep['about']}")
        if sweep["begun"]:
            print(f"{'':15} {sweep['begun']} begun: twm sweep {sweep['name']} --resume goes on")
        if sweep["problem"]:
            print(f"{'':15} {sweep['problem']}")
    return 0


def _end_training(options: argparse.Namespace, outcome: Any) -> int:
    if options.json:
        print(json.dumps(outcome.rows, indent=1))
    if outcome.stopped:
        lost = getattr(options, "out", True) is None
        print(
            f"twm: stopped; {'nothing is kept without --out' if lost else 'what was begun is kept: --resume goes on'}",
            file=sys.stderr,
        )
        return 130
    if outcome.failed:
        print(
            f"twm: without a row: {', '.join(outcome.failed)}; the lines above say why, and --resume tries again",
            file=sys.stderr,
        )
    return 1 if outcome.failed else 0


def bench_command(options: argparse.Namespace) -> int:
    """Measure speed against torch's own modules and against the bare arithmetic."""
    from twm.bench import BENCHES, BUSY, CASES_OF

    names = options.benches or [name for name in BENCHES if not options.case or set(options.case) & set(CASES_OF[name])]
    require(len(names) > 0, f"no bench has a case {', '.join(options.case)}: see twm bench --help")
    unknown = [name for name in names if name not in BENCHES]
    require(not unknown, f"unknown bench {', '.join(unknown)}: choose from {', '.join(BENCHES)}")
    found: dict[str, dict[str, Any]] = {"cases": {}, "torch_processes": {}, "setup": {}}
    for name in names:
        result = BENCHES[name](options.case, options.rounds, report=lambda line: say(options, line))
        for key in ("cases", "torch_processes"):
            found[key].update(result[key])
        found["setup"][name] = result["setup"]
    if options.json:
        print(json.dumps(found, indent=1))
        return 0
    if found["torch_processes"]:
        print("torch with a process a core instead of a thread a core:")
    for name, beside in found["torch_processes"].items():
        print(f"{name:10} torch {beside['torch_ms']:8.3f} ms   ratio {beside['ratio']:5.2f}")
    for name, setup in found["setup"].items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in setup.items()))
        if setup["load"] > BUSY:
            print(
                "Others were using this machine: the numbers say little, and threads suffer most. Run it again when it is quiet."
            )
    return 0


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes on the CPU (default: one a core)")
    parser.add_argument("--resume", action="store_true", help="go on with what is there; an empty place starts")
    parser.add_argument(
        "--checkpoint-seconds", type=float, default=30.0, metavar="X", help="time between checkpoints (default: 30)"
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON only")


def add_training_commands(commands: Any) -> None:
    """Add ``train``, ``sweep`` and ``bench`` to the parser's commands."""
    train = commands.add_parser("train", help="train networks on a task; rows.csv, curves.csv and networks go to --out")
    train.add_argument("task", metavar="TASK", help="T1..T4, repeat-copy:S,D, code:S,D,A,B,C or random:S,D,SEED")
    train.add_argument("--hidden", type=int, metavar="N", help="hidden neurons (default: 128)")
    train.add_argument("--l2", type=float, metavar="X", help="weight decay (default: 0)")
    train.add_argument("--seeds", default="0", metavar="SEEDS", help="such as 0-19 or 0,3,7 (default: 0)")
    train.add_argument("--iterations", type=int, metavar="N", help="batches (default: 20000)")
    train.add_argument("--curriculum", help="staged, adaptive or none (default: staged)")
    train.add_argument(
        "--threshold", type=float, metavar="X", help="of the curriculum: accuracy 0.98 if staged, loss 0.03 if adaptive"
    )
    train.add_argument(
        "--init",
        help="uniform, gaussian, orthogonal, identity, wave, wave-embedded, wave-noisy or wave-task (default: uniform)",
    )
    train.add_argument("--learning-rate", type=float, metavar="X", help="Adam's step (default: 0.001)")
    train.add_argument(
        "--drop-at", type=int, metavar="N", help="iteration after which the learning rate is a tenth (default: never)"
    )
    train.add_argument(
        "--stop-at", type=float, metavar="X", help="end at the first test with this accuracy (default: never)"
    )
    train.add_argument("--out", metavar="DIR", help="where to leave what comes out (default: nothing is left)")
    _add_training_options(train)
    train.set_defaults(run=train_command)

    sweep = commands.add_parser(
        "sweep", help="train a named sweep into the book's records, or list what is on record and what waits"
    )
    sweep.add_argument("name", nargs="?", metavar="NAME", help="a sweep, such as table1; --list shows all of them")
    sweep.add_argument("--list", action="store_true", help="show what is on record and what waits")
    sweep.add_argument("--seeds", metavar="SEEDS", help="such as 0-4 (default: the sweep's)")
    sweep.add_argument(
        "--only",
        metavar="MODEL,...",
        help="train these models alone: names as in the sweep's table, or patterns such as 'T2_h64_l2-0_s*' (default: all)",
    )
    sweep.add_argument(
        "--profile", help="laptop or paper, where a sweep has both (default: laptop on a CPU, paper on a GPU)"
    )
    sweep.add_argument(
        "--executor", default="local", help="local, or slurm for a job a model on a cluster (default: local)"
    )
    _add_training_options(sweep)
    sweep.set_defaults(run=sweep_command)

    bench = commands.add_parser("bench", help="speed against torch's own modules at equal work, with ratio and floor")
    bench.add_argument("benches", nargs="*", metavar="BENCH", help="training or wave-rnn; all if none is given")
    bench.add_argument(
        "--case",
        action="append",
        default=[],
        metavar="NAME",
        help="one case, such as h128_T108 or copy; may be repeated",
    )
    bench.add_argument("--rounds", type=int, default=7, help="turns that each contestant takes (default: 7)")
    bench.add_argument("--json", action="store_true", help="print JSON only")
    bench.set_defaults(run=bench_command)


# Only the standard library and small modules are imported here: `twm --help` and `twm claims` start in well under a
# second because torch, papermill and Sphinx are imported by the commands that use them.


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = Parser(
        prog="twm",
        description="The companion to 'Hidden Traveling Waves bind Working Memory Variables in Recurrent Neural Networks'.",
    )
    parser.add_argument("--version", action="version", version=f"twm {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    add_book_commands(commands)
    add_training_commands(commands)
    add_analysis_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        options = make_parser().parse_args(arguments)
        return options.run(options)
    except UserError as error:
        print(f"twm: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("twm: stopped; everything that was published before is as it was", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`twm claims | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if type(error).__name__ not in ("NotebookFailed", "SiteFailed"):
            raise
        print(f"twm: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
