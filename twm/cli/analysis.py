"""The command that looks into a trained network."""

import argparse
import json
from typing import Any

from twm.cli.options import say
from twm.errors import UserError, require, require_count


def analyse_command(options: argparse.Namespace) -> int:
    """Analyse one trained network, or those on record that the table of analyses lacks."""
    given = (options.task, options.figure)
    require(options.record != (options.checkpoint is not None), "give a CHECKPOINT, or --record for those of the book")
    require(not options.record or not any(given), "--record goes without --task and --figure")
    require_count(options.seed, "--seed", 0)
    if options.record:
        from twm.analysis import record_analyses

        added = record_analyses(say=lambda line: say(options, line))
        if options.json:
            print(json.dumps({"added": added}))
        else:
            print(f"{added} networks added to analysis.csv")
        return 0
    from twm.analysis import OtherNetwork, analyse_network, describe_analysis, read_checkpoint
    from twm.hds import parse_task

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
        from twm.figures.basis import plot_analysis

        _save_figure(plot_analysis(found), options.figure)
    if options.json:
        print(json.dumps(found.to_json(), indent=1))
    else:
        print("\n".join(describe_analysis(found)))
    return 0


def _analyse_machine(options: argparse.Namespace, refusal: UserError) -> int:
    """Analyse a network that ``twm sweep bridge`` left; of any other kind say why it cannot be done."""
    from twm.analysis import analyse_machine, describe_machine
    from twm.basis import SequenceSystem
    from twm.hds import parse_task
    from twm.sequence_tasks import SystemTask
    from twm.training.sequences import read_sequence_network

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
