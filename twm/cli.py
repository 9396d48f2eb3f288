"""The ``twm`` command. Exit codes: 0 done, 1 a run, check or this machine failed, 2 wrong usage or bad input, 130 and 143 stopped.

Heavy modules are imported by the commands that use them, so ``twm --help`` and ``twm claims`` start fast."""

import argparse
import json
import os
import platform
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO
from itertools import chain, groupby
from pathlib import Path
from typing import Any, NoReturn

from twm import __version__
from twm.errors import UserError, require, require_count


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def _print(text: str, stream: Any) -> None:
    """Print and flush; if the stream cannot be written to, name it in the error and discard all later output."""
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        error.filename = stream.name
        raise


def _say(options: argparse.Namespace) -> Callable[[str], None]:
    """Return a function that prints progress lines, to stderr if stdout is reserved for JSON."""

    def say(line: str) -> None:
        try:
            _print(line, sys.stderr if options.json else sys.stdout)
        except OSError:
            # The reader or the terminal is gone: treat this as a request to terminate, so that the state is saved.
            signal.raise_signal(signal.SIGTERM)

    return say


def _end(code: int, said: str) -> int:
    with suppress(OSError):
        _print(f"twm: {' '.join(said.split())}", sys.stderr)
    return code


def _show(options: argparse.Namespace, found: Any, lines: Sequence[str]) -> int:
    """Print the result of a command, as JSON if requested, else as lines; return exit code 0."""
    if options.json or lines:
        plain = json.loads(json.dumps(found), parse_constant=lambda word: None)  # JSON has no NaN
        _print(json.dumps(plain, indent=1) if options.json else "\n".join(lines), sys.stdout)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from twm.book.evidence import examine

    report = examine()
    lines = [(section, *(f"  {key:22} {value}" for key, value in own.items())) for section, own in report.items()]
    return _show(options, report, [*chain(*lines)])


def _tell_commit(options: argparse.Namespace) -> None:
    from twm.paths import find_commit

    find_commit(tell=lambda reason: _say(options)(f"note: the commit on record will be 'unknown': {reason}"))


def _run_notebooks(options: argparse.Namespace) -> tuple[list[Any], list[dict[str, Any]]]:
    """Run the notebooks; return the runs and a summary of each."""
    from twm.book.runner import make_parameters, run_notebooks

    parameters = make_parameters(options.profile, options.device, options.seed, options.reuse)
    runs = run_notebooks(options.notebooks, parameters, log=_say(options), cell_timeout=options.cell_timeout)
    _tell_commit(options)
    values = ((run.name, round(run.seconds, 1), run.evidence["memory_mb"], str(run.notebook)) for run in runs)
    return runs, [dict(zip(("notebook", "seconds", "memory_mb", "page"), each)) for each in values]


def _run(options: argparse.Namespace) -> int:
    return _show(options, _run_notebooks(options)[1], ())


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


def _claims(options: argparse.Namespace) -> int:
    from twm.book.ledger import KINDS, count_verdicts, judge_all

    judged = judge_all()
    width, lines = max(len(claim.id) for claim in judged), []
    for notebook, claims in groupby(judged, key=lambda claim: claim.notebook):
        told = ((one.id, one.verdict, ". ".join(filter(None, (one.value, one.reason)))) for one in claims)
        lines += [f"\n{notebook}", *(f"  {name:{width}}  {verdict:10}  {detail}" for name, verdict, detail in told)]
    lines.append(f"\n{len(judged)} claims")
    for kind in KINDS:
        counts = count_verdicts(claim for claim in judged if claim.kind == kind)
        lines.append(f"{sum(counts.values())} {kind}: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    return _show(options, [claim.to_json() for claim in judged], lines)


def _check(options: argparse.Namespace) -> int:
    from twm.book.regression import compare_notebook, read_references, update_references, write_references
    from twm.book.runner import choose_notebooks, make_parameters, run_notebooks
    from twm.paths import scratch_folder

    for name in choose_notebooks(options.notebooks):
        read_references(name)  # to refuse what is wrong in them at once
    with scratch_folder("check") as scratch:
        more = {"pages": scratch, "evidence": scratch, "cell_timeout": options.cell_timeout}
        runs = run_notebooks(options.notebooks, make_parameters("smoke"), **more, log=_say(options))
    complaints, lines = {}, []
    for run in runs:
        references = read_references(run.name)
        if options.update:
            references = update_references(run.evidence, references)
            _say(options)(f"wrote {write_references(run.name, references).name}")
        own = complaints[run.name] = compare_notebook(run.evidence, references)
        lines += [f"{run.name} {'differs from' if own else 'matches'} the reference", *(f"  {line}" for line in own)]
    return _show(options, complaints, lines) or int(any(complaints.values()))


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
        outcome = train_models(plans, make_folder_place(options.out if kept else folder), **settings)
        for path in Path(folder).rglob("*.error.txt"):
            _say(options)(path.read_text(encoding="utf-8"))  # which is deleted with the folder
        return _end_training(options, outcome)


def _sweep(options: argparse.Namespace) -> int:
    from twm.models.kernels import choose_device
    from twm.training.runner import train_models
    from twm.training.sweeps import find_sweep, list_sweeps

    require(options.list != (options.name is not None), "give the name of a sweep, or --list to see all sweeps")
    require(not options.list or options.only is None, "--only selects models of one sweep: leave out --list")
    device = choose_device("cpu" if options.executor == "slurm" and options.device == "auto" else options.device)
    if options.list:
        return _list_sweeps(options, list_sweeps(device))
    sweep = find_sweep(options.name)
    if sweep.protocol == "flip-flop":
        return _sweep_flip_flops(options, sweep)
    listed, plans = _choose_plans(options, sweep, device)
    settings = _read_settings(options) | {"device": device, "executor": options.executor, "order": listed}
    return _end_training(options, train_models(plans, sweep.place(), **settings))


def _choose_plans(options: argparse.Namespace, sweep: Any, device: str) -> tuple[list[Any], list[Any]]:
    """Return the plans with the requested seeds, and those of them that --only selects."""
    from twm.training.plans import parse_seeds, select_plans

    seeds = None if options.seeds is None else parse_seeds(options.seeds)
    listed = sweep.list_plans(device, seeds, options.profile)
    return listed, listed if options.only is None else select_plans(listed, options.only)


def _list_sweeps(options: argparse.Namespace, listed: list[dict[str, Any]]) -> int:
    lines = []
    for sweep in listed:
        state = f"{sweep['on_record']:4} of {sweep['models']:4} models finished, {sweep['waiting']:3} pending"
        cost = f", about {sweep['hours']:.1f} core-hours" if sweep["waiting"] and sweep["hours"] is not None else ""
        lines.append(f"{sweep['name']:15} {state}{cost:23}   {sweep['about']}")
        begun = sweep["begun"] and f"{sweep['begun']} started: twm sweep {sweep['name']} --resume continues"
        lines += [f"{'':15} {more}" for more in (begun, sweep["problem"]) if more]
    return _show(options, listed, lines)


def _sweep_flip_flops(options: argparse.Namespace, sweep: Any) -> int:
    from twm.analysis.flip_flop import POINT_TABLE, record_points
    from twm.training.runner import train_models

    here = options.executor == "local" and options.device in ("auto", "cpu") and options.workers in (None, 1)
    require(here, "the flip-flop sweep uses one core of this machine: leave out --executor, --device and --workers")
    _, plans = _choose_plans(options, sweep, "cpu")
    place = sweep.place()
    outcome = train_models(plans, place, **_read_settings(options) | {"workers": 1, "order": sweep.list_plans()})
    if not outcome.stopped:
        names = [plan.name for plan in plans if plan.delay <= 8 and (plan.reading, plan.unfold) == ("channel", 10)]
        record_points(place.networks, place.rows.with_name(POINT_TABLE), names, _say(options))
    return _end_training(options, outcome)


def _read_settings(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("resume", "checkpoint_seconds", "workers")} | {"say": _say(options)}


def _end_training(options: argparse.Namespace, outcome: Any) -> int:
    _show(options, outcome.rows, ())
    _tell_commit(options)
    lost = getattr(options, "out", True) is None
    if outcome.stopped:
        kept = "nothing is saved without --out" if lost else "checkpoints are saved: --resume continues"
        kept = f"not saved: {', '.join(outcome.failed)}" if outcome.failed else kept
        return _end(128 + outcome.stopped, f"stopped; {kept}")
    again = "" if lost else ", and --resume tries again"
    return _end(1, f"not trained: {', '.join(outcome.failed)}; the lines above say why{again}") if outcome.failed else 0


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
            lines.append("Other programs were using this machine, so the times are unreliable: repeat them on an idle one.")
    return _show(options, found, lines)


def _analyse(options: argparse.Namespace) -> int:
    from twm.analysis import analyses, report
    from twm.book.figures.basis_recovery import plot_analysis

    require(options.record != (options.checkpoint is not None), "give a CHECKPOINT, or --record for those of the book")
    require(not (options.record and (options.task or options.figure)), "--record goes without --task and --figure")
    require_count(options.seed, "--seed", 0)
    if options.record:
        added = report.record_analyses(say=_say(options))
        return _show(options, {"added": added}, [f"{added} networks added to the tables"])
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
    survey, told = {}, found.to_json() if found else {}
    if options.points or not found:
        survey = analyses.survey_network(checkpoint.system, options.seed, options.points)
        told |= {"points": survey["points"]} if found else survey
    told |= {"kind": checkpoint.kind, "notes": [*checkpoint.notes]}
    return _show(options, told, report.describe_checkpoint(checkpoint, found, survey))


def _probe(options: argparse.Namespace) -> int:
    from twm.analysis.decoding import probe_states
    from twm.analysis.probing import read_recording, sample_network
    from twm.book.figures.wave_or_register import plot_decodings

    recorded = Path(options.file[0]).suffix.lower() in (".npz", ".npy")
    fits = len(options.file) == 1 or [Path(name).suffix.lower() for name in options.file] == [".npy", ".npy"]
    require(fits and not (recorded and options.task), "expected an .npz, a pair of .npy, or a network, which alone may have a --task")
    save = _prepare_figure(options.figure, plot_decodings) if options.figure is not None else None
    parts = read_recording(options.file) if recorded else sample_network(options.file[0], options.task)
    found = probe_states(*parts, seed=options.seed)
    if save:
        save({Path(options.file[0]).stem: found})
    return _show(options, found.to_json(), found.describe())


def _prepare_figure(name: str, plot: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Check that a figure can be written to this file, and return a function that plots a result to it."""
    from matplotlib import rc_context, rcParamsDefault
    from matplotlib.figure import Figure

    from twm.paths import write_atomically

    path, ending = Path(name), Path(name).suffix.lstrip(".").lower()
    endings = sorted(Figure().canvas.get_supported_filetypes())
    require(ending in endings, f"--figure {name} must end in one of .{', .'.join(endings)}")
    require(path.resolve().parent.is_dir(), f"--figure {name}: there is no such folder")

    def save(found: Any) -> None:
        content = BytesIO()
        with rc_context(rcParamsDefault):  # not the user's own, which may need LaTeX
            plot(found).savefig(content, format=ending, dpi=150)
        write_atomically(path, content.getvalue())

    return save


def make_parser() -> argparse.ArgumentParser:
    """Return the command-line parser that commands.yml describes; the function ``_name`` here runs the command ``name``."""
    import yaml

    about = "Companion to 'Hidden Traveling Waves bind Working Memory Variables in Recurrent Neural Networks'."
    parser, kinds = _Parser(prog="twm", description=about), {"int": int, "float": float}
    parser.add_argument("--version", action="version", version=f"twm {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    listed = yaml.safe_load(Path(__file__).with_name("commands.yml").read_text(encoding="utf-8"))["commands"]
    for command, known in listed.items():
        added = commands.add_parser(command, help=known["about"])
        added.set_defaults(run=globals()[f"_{command}"])
        # argparse cannot show a group without members.
        either = added.add_mutually_exclusive_group() if command in ("run", "book") else None
        for name, words in chain(*(group.items() for group in known["arguments"])):
            typed = {"type": kinds[words["type"]]} if "type" in words else {}
            (either if name in ("--reuse", "--retrain") else added).add_argument(name, **words | typed)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        options = make_parser().parse_args(arguments)
        return options.run(options)
    except UserError as error:
        code, said = error.code, str(error)
    except KeyboardInterrupt as error:
        code, said = 128 + (error.args or [signal.SIGINT])[0], "stopped; published files are unchanged"
    except BrokenPipeError:
        return 0  # the reader closed the pipe (`twm claims | head`), which is no error
    except (OSError, MemoryError) as error:
        place, reason = getattr(error, "filename", None), getattr(error, "strerror", None) or str(error)
        code, said = 1, f"{place or 'this machine'}: {reason or 'out of memory'}"
    except Exception as error:
        code, said = 1, str(error)
        if type(error).__name__ not in ("NotebookFailed", "SiteFailed"):
            traceback.print_exc()
            said = f"this is a bug: report it with these lines, the command, twm {__version__} and {platform.platform()}"
    return _end(code, said)
