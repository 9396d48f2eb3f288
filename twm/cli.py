"""The ``twm`` command. Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input.

Heavy modules are imported by the commands that use them, so that ``twm --help`` and ``twm claims`` start at once.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NoReturn

from twm import __version__
from twm.errors import UserError, require, require_count


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise in one line what argparse would print."""
        raise UserError(f"{message} (see {self.prog} --help)")


def _say(options: argparse.Namespace) -> Callable[[str], None]:
    """Return what prints a line on the way, beside stdout where that is kept for JSON."""
    return lambda line: print(line, file=sys.stderr if options.json else sys.stdout, flush=True)


def _show(options: argparse.Namespace, found: Any, lines: Sequence[str]) -> int:
    """Print the answer of a command: JSON where that is asked for, else the lines."""
    if options.json or lines:
        print(json.dumps(found, indent=1) if options.json else "\n".join(lines))
    return 0


# ---- what a command takes: the name of an argument and what argparse is to know about it

_Argument = tuple[str, dict[str, Any]]
_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str, tuple[_Argument, ...]]] = {}


def _value(name: str, about: str, metavar: str | None = None, kind: Any = str, **more: Any) -> _Argument:
    return name, {"help": about, "metavar": metavar, "type": kind, **more}


def _flag(name: str, about: str, action: str = "store_true", **more: Any) -> _Argument:
    return name, {"help": about, "action": action, **more}


def _command(about: str, *arguments: _Argument) -> Callable:
    """Make a function ``_name`` the command ``twm name``."""

    def register(run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
        _COMMANDS[run.__name__.removeprefix("_")] = run, about, arguments
        return run

    return register


_JSON = _flag("--json", "print JSON only")
_DEVICE = _value("--device", "auto, cpu or cuda (default: auto)", default="auto")
_RUNNING = (
    _value("notebooks", "name or number, for example 01_theory or 01; all if none is given", "NOTEBOOK", nargs="*"),
    _value("--profile", "smoke, laptop or paper (default: paper)", default="paper"),
    _DEVICE,
    _value("--seed", "seed of everything random (default: 0)", kind=int, default=0),
    _flag("--reuse", "use recorded runs (default in the paper profile)", default=None),
    _flag("--retrain", "train instead of using recorded runs", "store_false", dest="reuse"),
    _JSON,
)
_TRAINING = (
    _DEVICE,
    _value("--workers", "processes on the CPU (default: one a core)", "N", int),
    _flag("--resume", "go on with what is there; an empty place starts"),
    _value("--checkpoint-seconds", "time between checkpoints (default: 30)", "X", float, default=30.0),
    _flag("--json", "print the rows as JSON only"),
)

# ---- notebooks, the site, and where things stand


@_command("versions, device, data found, disk, and what each profile will take", _JSON)
def _doctor(options: argparse.Namespace) -> int:
    from twm.book.evidence import examine

    report = examine()
    lines = [(section, *(f"  {key:22} {value}" for key, value in own.items())) for section, own in report.items()]
    return _show(options, report, [*chain(*lines)])


def _run_notebooks(options: argparse.Namespace) -> tuple[list[Any], list[dict[str, Any]]]:
    """Return the runs, and what is said of each."""
    from twm.book.runner import make_parameters, run_notebooks

    parameters = make_parameters(options.profile, options.device, options.seed, options.reuse)
    runs = run_notebooks(options.notebooks, parameters, log=_say(options))
    values = ((run.name, round(run.seconds, 1), run.evidence["memory_mb"], str(run.notebook)) for run in runs)
    return runs, [dict(zip(("notebook", "seconds", "memory_mb", "page"), each)) for each in values]


@_command("run notebooks and publish their pages", *_RUNNING)
def _run(options: argparse.Namespace) -> int:
    return _show(options, _run_notebooks(options)[1], ())


@_command(
    "run notebooks, then build the site; prints the path of index.html",
    *_RUNNING,
    _flag("--record", "also commit numbers and times to book/results, and the README's table"),
)
def _book(options: argparse.Namespace) -> int:
    from twm.book.evidence import build_site, record_runs, write_readme
    from twm.book.session import runs_dir

    runs, said = _run_notebooks(options)
    if options.record:
        for path in [*record_runs(runs), *write_readme()]:
            _say(options)(f"recorded {path.name}")
    _say(options)("building the site ...")
    index = build_site(evidence=[runs_dir(options.profile)])
    return _show(options, {"index": str(index), "runs": said}, [str(index)])


@_command("the scoreboard: every claim, its verdict and our number", _JSON)
def _claims(options: argparse.Namespace) -> int:
    from twm.book.ledger import KINDS, count_verdicts, judge_all

    judged = judge_all()
    width = max(len(claim.id) for claim in judged)
    lines = []
    for notebook, claims in groupby(judged, key=lambda claim: claim.notebook):
        lines.append(f"\n{notebook}")
        for claim in claims:
            detail = ". ".join(part for part in (claim.value, claim.reason) if part)
            lines.append(f"  {claim.id:{width}}  {claim.verdict:10}  {detail}")
    lines.append(f"\n{len(judged)} claims")
    for kind in KINDS:
        counts = count_verdicts(claim for claim in judged if claim.kind == kind)
        lines.append(f"{sum(counts.values())} {kind}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    return _show(options, [claim.to_json() for claim in judged], lines)


@_command(
    "smoke run compared with tests/reference; exit code 1 if anything moved",
    _value("notebooks", "name or number; all if none is given", "NOTEBOOK", nargs="*"),
    _flag("--update", "renew the reference values; rules and tolerances stay"),
    _JSON,
)
def _check(options: argparse.Namespace) -> int:
    from twm.book.regression import compare_notebook, read_references, update_references, write_references
    from twm.book.runner import make_parameters, run_notebooks
    from twm.paths import scratch_folder

    with scratch_folder("check") as scratch:
        folders = {"pages": scratch, "evidence": scratch}
        runs = run_notebooks(options.notebooks, make_parameters("smoke"), **folders, log=_say(options))
    complaints, lines = {}, []
    for run in runs:
        references = read_references(run.name)
        if options.update:
            references = update_references(run.evidence, references)
            _say(options)(f"wrote {write_references(run.name, references).name}")
        own = complaints[run.name] = compare_notebook(run.evidence, references)
        lines += [f"{run.name}: {'' if own else 'as the reference'}", *(f"  {line}" for line in own)]
    _show(options, complaints, lines)
    return 1 if any(complaints.values()) else 0


# ---- training, and how fast

_STARTS = ("uniform", "gaussian", "orthogonal", "identity", "wave", "wave-embedded", "wave-noisy")
_ONLY = "train these models alone: names as in the sweep's table, or patterns such as 'T2_h64_l2-0_s*' (default: all)"


@_command(
    "train networks on a task; rows.csv, curves.csv and networks go to --out",
    _value("task", "T1..T4, repeat-copy:S,D, code:S,D,A,B,C or random:S,D,SEED", "TASK"),
    _value("--hidden", "hidden neurons (default: 128)", "N", int),
    _value("--l2", "weight decay (default: 0)", "X", float),
    _value("--seeds", "such as 0-19 or 0,3,7 (default: 0)", "SEEDS", default="0"),
    _value("--iterations", "batches (default: 20000)", "N", int),
    _value("--curriculum", "staged, adaptive or none (default: staged)"),
    _value("--threshold", "of the curriculum: accuracy 0.98 if staged, loss 0.03 if adaptive", "X", float),
    _value("--init", f"{', '.join(_STARTS)} or wave-task (default: uniform)"),
    _value("--learning-rate", "Adam's step (default: 0.001)", "X", float),
    _value("--drop-at", "iteration after which the learning rate is a tenth (default: never)", "N", int),
    _value("--stop-at", "end at the first test with this accuracy (default: never)", "X", float),
    _value("--out", "where to leave what comes out (default: nothing is left)", "DIR"),
    *_TRAINING,
)
def _train(options: argparse.Namespace) -> int:
    from tempfile import TemporaryDirectory

    from twm.models.kernels import choose_device
    from twm.training.plans import ModelPlan, parse_seeds
    from twm.training.runner import make_folder_place, train_models

    kept = options.out is not None
    require(kept or not options.resume, "--resume needs --out: without it nothing is kept to go on with")
    known = ModelPlan.__dataclass_fields__
    given = {name: value for name, value in vars(options).items() if name in known and value is not None}
    plans = [ModelPlan(**given, seed=seed) for seed in parse_seeds(options.seeds)]
    settings = _read_settings(options) | {"device": choose_device(options.device)}
    with TemporaryDirectory(prefix="twm-") as folder:
        place = make_folder_place(options.out if kept else folder)
        return _end_training(options, train_models(plans, place, **settings))


@_command(
    "train a named sweep into the book's records, or list what is on record and what waits",
    _value("name", "a sweep, such as table1; --list shows all of them", "NAME", nargs="?"),
    _flag("--list", "show what is on record and what waits"),
    _value("--seeds", "such as 0-4 (default: the sweep's)", "SEEDS"),
    _value("--only", _ONLY, "MODEL,..."),
    _value("--profile", "laptop or paper, where a sweep has both (default: laptop on a CPU, paper on a GPU)"),
    _value("--executor", "local, or slurm for a job a model on a cluster (default: local)", default="local"),
    *_TRAINING,
)
def _sweep(options: argparse.Namespace) -> int:
    from twm.models.kernels import choose_device
    from twm.training.flip_flop import FLIP_FLOP_SWEEP
    from twm.training.runner import train_models
    from twm.training.sweeps import find_sweep, list_sweeps

    require(options.list != (options.name is not None), "give the name of a sweep, or --list to see them")
    require(not options.list or options.only is None, "--only chooses among the models of one sweep: leave out --list")
    device = choose_device("cpu" if options.executor == "slurm" and options.device == "auto" else options.device)
    if options.list:
        return _list_sweeps(options, list_sweeps(device))
    if options.name == FLIP_FLOP_SWEEP:
        return _sweep_flip_flops(options)
    sweep = find_sweep(options.name)
    listed, plans = _choose_plans(options, lambda seeds: sweep.list_plans(device, seeds, options.profile))
    settings = _read_settings(options) | {"device": device, "executor": options.executor, "order": listed}
    return _end_training(options, train_models(plans, sweep.place(), **settings))


def _choose_plans(options: argparse.Namespace, list_plans: Callable[..., list[Any]]) -> tuple[list[Any], list[Any]]:
    """Return the plans with the seeds asked for, and those of them that are asked for by name."""
    from twm.training.plans import parse_seeds, select_plans

    listed = list_plans(None if options.seeds is None else parse_seeds(options.seeds))
    return listed, listed if options.only is None else select_plans(listed, options.only)


def _list_sweeps(options: argparse.Namespace, listed: list[dict[str, Any]]) -> int:
    lines = []
    for sweep in listed:
        state = f"{sweep['on_record']:4} of {sweep['models']:4} models on record, {sweep['waiting']} wait"
        lines.append(f"{sweep['name']:15} {state}   {sweep['about']}")
        begun = sweep["begun"] and f"{sweep['begun']} begun: twm sweep {sweep['name']} --resume goes on"
        lines += [f"{'':15} {more}" for more in (begun, sweep["problem"]) if more]
    return _show(options, listed, lines)


def _sweep_flip_flops(options: argparse.Namespace) -> int:
    from twm.analysis.flip_flop import POINT_TABLE, record_points
    from twm.training import flip_flop
    from twm.training.runner import train_models

    here = options.executor == "local" and options.device in ("auto", "cpu") and options.workers in (None, 1)
    require(here, "the flip-flop is trained on one core of this machine: leave out --executor, --device and --workers")
    _, plans = _choose_plans(options, flip_flop.list_flip_flop_plans)
    place = flip_flop.make_flip_flop_place()
    settings = {"workers": 1, "order": flip_flop.list_flip_flop_plans()}
    outcome = train_models(plans, place, **_read_settings(options) | settings)
    if not outcome.stopped:
        names = [plan.name for plan in plans if plan.delay <= 8 and (plan.reading, plan.unfold) == ("channel", 10)]
        record_points(place.networks, place.rows.with_name(POINT_TABLE), names, _say(options))
    return _end_training(options, outcome)


def _read_settings(options: argparse.Namespace) -> dict[str, Any]:
    own = ("resume", "checkpoint_seconds", "workers")
    return {name: getattr(options, name) for name in own} | {"say": _say(options)}


def _end_training(options: argparse.Namespace, outcome: Any) -> int:
    _show(options, outcome.rows, ())
    if outcome.stopped:
        lost = getattr(options, "out", True) is None
        kept = "nothing is kept without --out" if lost else "what was begun is kept: --resume goes on"
        print(f"twm: stopped; {kept}", file=sys.stderr)
        return 130
    if outcome.failed:
        names = ", ".join(outcome.failed)
        print(f"twm: without a row: {names}; the lines above say why, and --resume tries again", file=sys.stderr)
    return 1 if outcome.failed else 0


@_command(
    "speed against torch's own modules at equal work, with ratio and floor",
    _value("benches", "training or wave-rnn; all if none is given", "BENCH", nargs="*"),
    _value("--case", "one case, such as h128_T108 or copy; may be repeated", "NAME", action="append", default=[]),
    _value("--rounds", "turns that each contestant takes (default: 7)", kind=int, default=7),
    _JSON,
)
def _bench(options: argparse.Namespace) -> int:
    from twm.bench import BENCHES, BUSY, CASES_OF

    names = options.benches or [name for name in BENCHES if not options.case or set(options.case) & set(CASES_OF[name])]
    require(len(names) > 0, f"no bench has a case {', '.join(options.case)}: see twm bench --help")
    unknown = [name for name in names if name not in BENCHES]
    require(not unknown, f"unknown bench {', '.join(unknown)}: choose from {', '.join(BENCHES)}")
    results = {name: BENCHES[name](options.case, options.rounds, report=_say(options)) for name in names}
    found = {key: dict(chain(*(own[key].items() for own in results.values()))) for key in ("cases", "torch_processes")}
    found["setup"] = {name: own["setup"] for name, own in results.items()}
    beside = found["torch_processes"].items()
    lines = ["torch with a process a core instead of a thread a core:"] if beside else []
    lines += [f"{name:10} torch {own['torch_ms']:8.3f} ms   ratio {own['ratio']:5.2f}" for name, own in beside]
    for name, setup in found["setup"].items():
        lines.append(f"{name}: " + ", ".join(f"{key} {value}" for key, value in setup.items()))
        if setup["load"] > BUSY:
            told = "Others were using this machine: the numbers say little, and threads suffer most."
            lines.append(f"{told} Run it again when it is quiet.")
    return _show(options, found, lines)


# ---- looking into a trained network


@_command(
    "spectrum, rank, basis and interventions of one trained network: an Elman network, or one of `twm sweep bridge`",
    _value("checkpoint", "safetensors, or a torch file with a state dict", "CHECKPOINT", nargs="?"),
    _value("--task", "such as T1 or repeat-copy:S,D (default: what the file says)", "TASK"),
    _value("--figure", "also draw it, as .png, .svg or .pdf", "FILE"),
    _value("--seed", "of the histories used (default: 0)", kind=int, default=0),
    _flag("--record", "instead: add the networks on record to book/results/analysis.csv and settled_basis.csv"),
    _JSON,
)
def _analyse(options: argparse.Namespace) -> int:
    from twm.analysis import report
    from twm.book.figures.basis_recovery import plot_analysis
    from twm.theory.systems import parse_task

    require(options.record != (options.checkpoint is not None), "give a CHECKPOINT, or --record for those of the book")
    more = options.task or options.figure
    require(not (options.record and more), "--record goes without --task and --figure")
    require_count(options.seed, "--seed", 0)
    if options.record:
        added = report.record_analyses(say=_say(options))
        print(json.dumps({"added": added}) if options.json else f"{added} networks added to the tables")
        return 0
    try:
        checkpoint = report.read_checkpoint(options.checkpoint)
    except report.OtherNetwork as refusal:
        return _analyse_machine(options, refusal)
    task = options.task or checkpoint.task
    require(task is not None, f"{options.checkpoint} does not say which task it was trained on: name it with --task")
    save = _prepare_figure(options.figure, plot_analysis) if options.figure is not None else None
    found = report.analyse_network(checkpoint.system, parse_task(task), seed=options.seed)
    if save:
        save(found)
    return _show(options, found.to_json(), report.describe_analysis(found))


def _analyse_machine(options: argparse.Namespace, refusal: UserError) -> int:
    """Analyse a network that ``twm sweep bridge`` left; of any other kind say why it cannot be done."""
    from twm.analysis.analyses import analyse_machine
    from twm.analysis.report import describe_machine
    from twm.analysis.systems import SequenceSystem
    from twm.tasks.sequences import SystemTask
    from twm.theory.systems import parse_task
    from twm.training.sequence_model import read_sequence_network

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
    return _show(options, found.to_json(), describe_machine(found))


@_command(
    "wave or register: how long states hold an item, how far its code moves; on a recording or a network",
    _value("file", "an .npz with states and items, states.npy and items.npy, or a network of the book", "FILE", nargs="+"),
    _value("--task", "of a network, such as T1 (default: what the file says)", "TASK"),
    _value("--figure", "also draw it, as .png, .svg or .pdf", "FILE"),
    _value("--seed", "of bootstrap and shuffles (default: 0)", kind=int, default=0),
    _JSON,
)
def _probe(options: argparse.Namespace) -> int:
    from twm.analysis.decoding import probe_states
    from twm.analysis.probing import read_recording, sample_network
    from twm.book.figures.wave_or_register import plot_decodings

    recorded = Path(options.file[0]).suffix in (".npz", ".npy")
    fits = len(options.file) <= 1 + recorded and not (recorded and options.task)
    require(fits, "expected one .npz, or states.npy and items.npy, or a network, which alone may have a --task")
    save = _prepare_figure(options.figure, plot_decodings) if options.figure is not None else None
    parts = read_recording(options.file) if recorded else sample_network(options.file[0], options.task)
    found = probe_states(*parts, seed=options.seed)
    if save:
        save({Path(options.file[0]).stem: found})
    return _show(options, found.to_json(), found.describe())


def _prepare_figure(name: str, plot: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Check that a figure can be written to this file, and return what draws there what it is given."""
    from matplotlib.figure import Figure

    from twm.paths import write_atomically

    path, ending = Path(name), Path(name).suffix.lstrip(".").lower()
    endings = sorted(Figure().canvas.get_supported_filetypes())
    require(ending in endings, f"--figure {name} must end in one of .{', .'.join(endings)}")
    require(path.resolve().parent.is_dir(), f"--figure {name}: there is no such folder")

    def save(found: Any) -> None:
        content = BytesIO()
        plot(found).savefig(content, format=ending, dpi=150)
        try:
            write_atomically(path, content.getvalue())
        except OSError as error:
            raise UserError(f"--figure {name} cannot be written: {error.strerror}") from None

    return save


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    about = "The companion to 'Hidden Traveling Waves bind Working Memory Variables in Recurrent Neural Networks'."
    parser = _Parser(prog="twm", description=about)
    parser.add_argument("--version", action="version", version=f"twm {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    for command, (run, about, arguments) in _COMMANDS.items():
        added = commands.add_parser(command, help=about)
        added.set_defaults(run=run)
        # argparse cannot show a group without members.
        either = added.add_mutually_exclusive_group() if command in ("run", "book") else None
        for name, known in arguments:
            (either if name in ("--reuse", "--retrain") else added).add_argument(name, **known)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        options = make_parser().parse_args(arguments)
        return options.run(options)
    except UserError as error:
        code, said = 2, str(error)
    except KeyboardInterrupt:
        code, said = 130, "stopped; everything that was published before is as it was"
    except BrokenPipeError:
        # The reader of our output went away (`twm claims | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if type(error).__name__ not in ("NotebookFailed", "SiteFailed"):
            raise
        code, said = 1, str(error)
    print(f"twm: {' '.join(said.split())}", file=sys.stderr)
    return code
