"""The ``twm`` command. Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input.

Heavy modules are imported by the commands that use them, so ``twm --help`` and ``twm claims`` start fast.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
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
_DEVICE = _value("--device", "choose auto, cpu or cuda (default: auto)", default="auto")
_RUNNING = (
    _value("notebooks", "select notebooks by name or number, such as 01 (default: all)", "NOTEBOOK", nargs="*"),
    _value("--profile", "choose smoke, laptop or paper (default: paper)", default="paper"),
    _DEVICE,
    _value("--seed", "set the seed of all random numbers (default: 0)", kind=int, default=0),
    _flag("--reuse", "use saved results (default in the paper profile)", default=None),
    _flag("--retrain", "train instead of using saved results", "store_false", dest="reuse"),
    _JSON,
)
_TRAINING = (
    _DEVICE,
    _value("--workers", "set the number of CPU processes (default: one per core)", "N", int),
    _flag("--resume", "resume from checkpoints, or start if none"),
    _value("--checkpoint-seconds", "set the seconds between checkpoints (default: 30)", "X", float, default=30.0),
    _flag("--json", "print only the rows, as JSON"),
)

# ---- notebooks, the site, and where things stand


@_command("show versions, device, data, disk space and the cost of each profile", _JSON)
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


@_command("run notebooks and save their pages", *_RUNNING)
def _run(options: argparse.Namespace) -> int:
    return _show(options, _run_notebooks(options)[1], ())


@_command(
    "run notebooks, build the site and print the path of index.html",
    *_RUNNING,
    _flag("--record", "also update numbers and times in book/results, and the README's table"),
    _value("--pdf", "also print the whole book to this PDF with headless Chromium", "FILE"),
)
def _book(options: argparse.Namespace) -> int:
    from twm.book.evidence import build_site, find_printer, print_book, record_runs, write_readme
    from twm.book.session import runs_dir

    printer = options.pdf and find_printer(Path(options.pdf))
    runs, said = _run_notebooks(options)
    if options.record:
        for path in [*record_runs(runs), *write_readme()]:
            _say(options)(f"recorded {path.name}")
    _say(options)("building the site ...")
    index = build_site(evidence=[runs_dir(options.profile)])
    if printer:
        _say(options)("printing the book ...")
        print_book(index.parent, Path(options.pdf), printer)
    return _show(options, {"index": str(index), "runs": said}, [str(index)])


@_command("print the scoreboard: all claims, verdicts and numbers", _JSON)
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
    "run the smoke profile and compare with tests/reference; exit with 1 on a difference",
    _value("notebooks", "select notebooks by name or number (default: all)", "NOTEBOOK", nargs="*"),
    _flag("--update", "update the reference values, but not rules and tolerances"),
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
        verdict = "differs from" if own else "matches"
        lines += [f"{run.name} {verdict} the reference", *(f"  {line}" for line in own)]
    _show(options, complaints, lines)
    return 1 if any(complaints.values()) else 0


# ---- training, and how fast

_STARTS = ("uniform", "gaussian", "orthogonal", "identity", "wave", "wave-embedded", "wave-noisy")
_ONLY = "train only these models, by name in the sweep's table or by pattern, such as 'T2_h64_l2-0_s*' (default: all)"


@_command(
    "train networks on a task, and save rows.csv, curves.csv and networks in --out",
    _value("task", "choose T1..T4, repeat-copy:S,D, code:S,D,A,B,C or random:S,D,SEED", "TASK"),
    _value("--hidden", "set the number of hidden neurons (default: 128)", "N", int),
    _value("--l2", "set the weight decay (default: 0)", "X", float),
    _value("--seeds", "choose seeds, such as 0-19 or 0,3,7 (default: 0)", "SEEDS", default="0"),
    _value("--iterations", "set the number of batches (default: 20000)", "N", int),
    _value("--curriculum", "choose staged, adaptive or none (default: staged)"),
    _value("--threshold", "set the curriculum's threshold (default: accuracy .98, or loss .03 if adaptive)", "X", float),
    _value("--init", f"choose {', '.join(_STARTS)} or wave-task (default: uniform)"),
    _value("--learning-rate", "set the learning rate of Adam (default: 0.001)", "X", float),
    _value("--drop-at", "divide the learning rate by 10 after this iteration (default: never)", "N", int),
    _value("--stop-at", "stop at the first test with this accuracy (default: never)", "X", float),
    _value("--out", "save the results in this folder (default: save nothing)", "DIR"),
    *_TRAINING,
)
def _train(options: argparse.Namespace) -> int:
    from tempfile import TemporaryDirectory

    from twm.models.kernels import choose_device
    from twm.training.plans import ModelPlan, parse_seeds
    from twm.training.runner import make_folder_place, train_models

    kept = options.out is not None
    require(kept or not options.resume, "--resume needs --out: without --out no checkpoints are saved")
    known = ModelPlan.__dataclass_fields__
    given = {name: value for name, value in vars(options).items() if name in known and value is not None}
    plans = [ModelPlan(**given, seed=seed) for seed in parse_seeds(options.seeds)]
    settings = _read_settings(options) | {"device": choose_device(options.device)}
    with TemporaryDirectory(prefix="twm-") as folder:
        place = make_folder_place(options.out if kept else folder)
        return _end_training(options, train_models(plans, place, **settings))


@_command(
    "train a named sweep into book/results, or list finished and pending runs",
    _value("name", "choose a sweep, such as table1; --list shows all sweeps", "NAME", nargs="?"),
    _flag("--list", "list finished and pending runs"),
    _value("--seeds", "choose seeds, such as 0-4 (default: those of the sweep)", "SEEDS"),
    _value("--only", _ONLY, "MODEL,..."),
    _value("--profile", "choose laptop or paper for sweeps with both (default: laptop on a CPU, paper on a GPU)"),
    _value("--executor", "choose local, or slurm for one job per model on a cluster (default: local)", default="local"),
    *_TRAINING,
)
def _sweep(options: argparse.Namespace) -> int:
    from twm.models.kernels import choose_device
    from twm.training.flip_flop import FLIP_FLOP_SWEEP
    from twm.training.runner import train_models
    from twm.training.sweeps import find_sweep, list_sweeps

    require(options.list != (options.name is not None), "give the name of a sweep, or --list to see all sweeps")
    require(not options.list or options.only is None, "--only selects models of one sweep: leave out --list")
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
        state = f"{sweep['on_record']:4} of {sweep['models']:4} models finished, {sweep['waiting']} pending"
        lines.append(f"{sweep['name']:15} {state}   {sweep['about']}")
        begun = sweep["begun"] and f"{sweep['begun']} started: twm sweep {sweep['name']} --resume continues"
        lines += [f"{'':15} {more}" for more in (begun, sweep["problem"]) if more]
    return _show(options, listed, lines)


def _sweep_flip_flops(options: argparse.Namespace) -> int:
    from twm.analysis.flip_flop import POINT_TABLE, record_points
    from twm.training import flip_flop
    from twm.training.runner import train_models

    here = options.executor == "local" and options.device in ("auto", "cpu") and options.workers in (None, 1)
    require(here, "the flip-flop sweep uses one core of this machine: leave out --executor, --device and --workers")
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
        kept = "nothing is saved without --out" if lost else "checkpoints are saved: --resume continues"
        print(f"twm: stopped; {kept}", file=sys.stderr)
        return 130
    if outcome.failed:
        names = ", ".join(outcome.failed)
        print(f"twm: not trained: {names}; the lines above say why, and --resume tries again", file=sys.stderr)
    return 1 if outcome.failed else 0


@_command(
    "compare the speed with PyTorch's modules and with the bare arithmetic",
    _value("benches", "choose training or wave-rnn (default: both)", "BENCH", nargs="*"),
    _value("--case", "run one case, such as h128_T108 or copy; can be repeated", "NAME", action="append", default=[]),
    _value("--rounds", "set the number of repetitions (default: 7)", kind=int, default=7),
    _JSON,
)
def _bench(options: argparse.Namespace) -> int:
    from twm.bench import BENCHES, BUSY, CASES_OF

    names = options.benches or [name for name in BENCHES if not options.case or set(options.case) & set(CASES_OF[name])]
    require(len(names) > 0, f"no bench has the case {', '.join(options.case)}: see twm bench --help")
    unknown = [name for name in names if name not in BENCHES]
    require(not unknown, f"unknown bench {', '.join(unknown)}: choose from {', '.join(BENCHES)}")
    results = {name: BENCHES[name](options.case, options.rounds, report=_say(options)) for name in names}
    found = {key: dict(chain(*(own[key].items() for own in results.values()))) for key in ("cases", "torch_processes")}
    found["setup"] = {name: own["setup"] for name, own in results.items()}
    beside = found["torch_processes"].items()
    lines = ["PyTorch with one process per core instead of one thread per core:"] if beside else []
    lines += [f"{name:10} torch {own['torch_ms']:8.3f} ms   ratio {own['ratio']:5.2f}" for name, own in beside]
    for name, setup in found["setup"].items():
        lines.append(f"{name}: " + ", ".join(f"{key} {value}" for key, value in setup.items()))
        if setup["load"] > BUSY:
            told = "Other programs were using this machine, so the times are unreliable, most of all with threads."
            lines.append(f"{told} Repeat the measurement on an idle machine.")
    return _show(options, found, lines)


# ---- looking into a trained network


@_command(
    "spectrum, fixed points and, with a task, rank, basis and interventions of a trained network: Elman, LSTM or GRU",
    _value("checkpoint", "torch file, also of a whole module, safetensors, .npz, .mat or pickle", "CHECKPOINT", nargs="?"),
    _value("--task", "T1, repeat-copy:S,D or a boundary matrix in .npy or .csv (default: what the file says)", "TASK"),
    _flag("--points", "also search for fixed and slow points without input"),
    _value("--layer", "of several recurrent layers this one, from 0", "N", int),
    _value("--nonlinearity", "tanh, relu or linear (default: what the file says, else tanh)"),
    *(_value(f"--{name}", f"name of the tensor that is its {name}, where torch's names do not tell", "KEY")
      for name in ("recurrent", "encoder", "bias", "readout")),
    _value("--figure", "also draw it, as .png, .svg or .pdf", "FILE"),
    _value("--seed", "of the histories used (default: 0)", kind=int, default=0),
    _flag("--record", "instead: add the networks on record to book/results/analysis.csv and settled_basis.csv"),
    _JSON,
)
def _analyse(options: argparse.Namespace) -> int:
    from twm.analysis import analyses, report
    from twm.book.figures.basis_recovery import plot_analysis

    require(options.record != (options.checkpoint is not None), "give a CHECKPOINT, or --record for those of the book")
    more = options.task or options.figure
    require(not (options.record and more), "--record goes without --task and --figure")
    require_count(options.seed, "--seed", 0)
    if options.record:
        added = report.record_analyses(say=_say(options))
        print(json.dumps({"added": added}) if options.json else f"{added} networks added to the tables")
        return 0
    keys = {name: getattr(options, name) for name in ("recurrent", "encoder", "bias", "readout")}
    checkpoint = report.read_checkpoint(options.checkpoint, options.nonlinearity, options.layer, **keys)
    task = report.choose_task(checkpoint, options.task)
    by_weights = task is not None and checkpoint.kind in ("tanh", "linear")
    require(by_weights or options.figure is None, "--figure draws Elman networks with a task, of tanh or linear units")
    save = _prepare_figure(options.figure, plot_analysis) if options.figure is not None else None
    corrected = str(checkpoint.configuration.get("task")).startswith("hds-corrected")
    analyse = analyses.analyse_network if by_weights else partial(analyses.analyse_machine, correct=corrected)
    found = analyse(checkpoint.system, task, seed=options.seed) if task else None
    if save:
        save(found)
    survey = {} if found and not options.points else analyses.survey_network(checkpoint.system, options.seed, options.points)
    told = (found.to_json() | {key: survey[key] for key in survey if key == "points"}) if found else survey
    told |= {"kind": checkpoint.kind, "notes": [*checkpoint.notes]}
    return _show(options, told, report.describe_checkpoint(checkpoint, found, survey))


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
    about = "Companion to 'Hidden Traveling Waves bind Working Memory Variables in Recurrent Neural Networks'."
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
        code, said = 130, "stopped; published files are unchanged"
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
