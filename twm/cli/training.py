"""The commands that train networks, and measure how fast."""

import argparse
import json
import sys
from typing import Any

from twm.cli.options import say
from twm.errors import require


def train_command(options: argparse.Namespace) -> int:
    """Train models of one task."""
    from tempfile import TemporaryDirectory

    from twm.devices import choose_device
    from twm.training import ModelPlan, make_folder_place, parse_seeds, train_models

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
    from twm.devices import choose_device
    from twm.training import find_sweep, list_sweeps, parse_seeds, select_plans, train_models
    from twm.training.flip_flop_sweep import FLIP_FLOP_SWEEP

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
    from twm.flip_flop import POINT_TABLE, record_points
    from twm.training import parse_seeds, select_plans
    from twm.training.flip_flop_sweep import (
        list_flip_flop_plans,
        main_flip_flops,
        make_flip_flop_place,
        train_flip_flops,
    )  # fmt: skip

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
