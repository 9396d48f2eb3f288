"""Training attention and Elman networks on the same data by the same protocol, and comparing the iterations they need."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from twm.errors import UserError, require, require_count
from twm.paths import build_dir, write_atomically
from twm.records import read_rows
from twm.theory.systems import TASK_CODES
from twm.training.loop import LEVEL, train_model
from twm.training.runner import Place, train_models
from twm.training.trainer import ModulePlan, ModuleRun, TrainingPlan

Report, Row = Callable[[str], None], Mapping[str, str]


def _list_plans(seeds: Iterable[int], task: str, hidden: int, models: Sequence, plan: TrainingPlan) -> list[ModulePlan]:
    # Seed by seed, so that a comparison stopped early is still balanced.
    pairs = product(seeds, models)
    return [ModulePlan(**vars(plan), model=model, task=task, seed=seed, hidden=hidden) for seed, model in pairs]


def _train(plans: Sequence[ModulePlan], rows: Path, work: Path, workers: int, report: Report) -> list[Row]:
    place = Place(rows, None, None, work, protocol=ModulePlan.protocol)
    outcome = train_models(plans, place, resume=True, workers=workers, say=report)
    if outcome.stopped:
        raise KeyboardInterrupt
    for name, reason in outcome.failed.items():
        raise UserError(f"{name}: {reason}")
    return read_rows(rows)


def compare_attention_with_elman(
    seeds: Iterable[int], task: str = "T1", hidden: int = 128, models: Sequence[str] = ("attention", "elman"),
    plan: TrainingPlan = TrainingPlan(stop_at=LEVEL), workers: int = 0, report: Report = lambda line: None,
) -> list[Row]:  # fmt: skip
    """Train attention and Elman networks on the same data, and return one row per network, with values as text.

    ``workers`` is the number of processes that train; 0 trains in this process."""
    plans = _list_plans(seeds, task, hidden, models, plan)
    if require_count(workers, "workers", 0):
        with TemporaryDirectory(prefix="twm-") as folder:
            return _train(plans, Path(folder) / "rows.csv", Path(folder) / "work", workers, report)
    rows = []
    for each in plans:
        row = train_model(each).row
        report(ModuleRun.describe_row(row))
        rows.append({name: "" if value is None else str(value) for name, value in row.items()})
    return rows


#: Recorded runs, as (task, models, number of seeds, hidden, learning rate, iterations): the main comparison, the same on
#: other tasks, then controls. An Elman network of 10 neurons has about as many parameters as one attention head.
RECORDED_PARTS: tuple[tuple[str, tuple[str, ...], int, int, float, int], ...] = (
    ("T1", ("attention", "elman"), 20, 128, 1e-3, 20_000),
    *((task, ("attention-heads", "elman"), 2, 128, 1e-3, 3_000) for task in ("T2", "T3", "T4")),
    ("T1", ("attention-wide",), 6, 128, 1e-3, 20_000),
    *((f"repeat-copy:{size}", ("attention", "elman"), 6, 128, 1e-3, 20_000) for size in ("3,2", "4,4", "6,6")),
    ("T1", ("attention-unlabelled",), 3, 128, 1e-3, 20_000),
    ("T1", ("elman",), 3, 10, 1e-3, 20_000),
    *(("T1", ("attention", "elman"), 4, 128, rate, 20_000) for rate in (3e-3, 3e-4)),
    ("T1", ("linear", "linear-shift"), 5, 128, 1e-3, 6_000),
)


def record_attention_comparison(path: Path | str, workers: int = 1, report: Report = lambda line: None) -> list[Row]:
    """Train all networks behind the claim that attention shortens training, and replace the recorded table.

    Rows go to ``<name>.partial.csv``, from which a stopped run resumes; the old table stays until the new one is complete."""
    path, plans = Path(path), []
    for task, models, seeds, hidden, learning_rate, iterations in RECORDED_PARTS:
        # Linear networks are trained to the end, to test how long they retain their stored values.
        stop_at = None if "linear" in models else LEVEL
        plan = TrainingPlan(iterations=iterations, learning_rate=learning_rate, stop_at=stop_at)
        plans += _list_plans(range(seeds), task, hidden, models, plan)
    partial = path.with_suffix(".partial.csv")
    _train(plans, partial, build_dir() / "sweeps" / path.stem, workers, report)
    write_atomically(path, partial.read_bytes())
    partial.unlink()
    return read_rows(path)


@dataclass(frozen=True)
class RatioSummary:
    """Ratio of two models' iterations over paired seeds."""

    ratio: float  # median over seeds of the first model's iterations divided by the second's
    low: float  # ends of the median's 95% interval
    high: float
    pairs: int  # seeds that both models have
    first_missed: int  # the first model's runs that never reached the level
    second_missed: int
    ratios: np.ndarray  # (pairs,) in order of seed; infinite where the first model never reached the level


def select_runs(
    rows: Iterable[Row], model: str, task: str = "T1", hidden: int | None = None, learning_rate: float = 1e-3
) -> dict[int, Row]:
    """Return one model's runs on a task from a table's rows, in order of seed; ``hidden`` can select a state size."""
    wanted = lambda row: (row["model"], row["task"], float(row["learning_rate"])) == (model, task, learning_rate)
    chosen = [row for row in rows if wanted(row) and hidden in (None, int(row["hidden"]))]
    runs = {int(row["seed"]): row for row in sorted(chosen, key=lambda row: int(row["seed"]))}
    require(len(runs) == len(chosen), f"{model} has several runs of one seed: choose a hidden size")
    return runs


def summarise_ratio(
    first: Mapping[int, Row], second: Mapping[int, Row], column: str = "iterations_to_99", draws: int = 10_000
) -> RatioSummary:
    """Compare a column of two models' runs, as :func:`select_runs` returns them, over the seeds that both models have.

    Runs that never reached the level are included, to the first model's disadvantage: its own count as infinite, the
    second's as if they had reached the level at their last iteration. The interval is a bootstrap over pairs."""
    seeds = sorted(set(first) & set(second))
    require(len(seeds) > 0, "the two models share no seed: train both on the same seeds")
    above = np.array([float(first[key][column] or "inf") for key in seeds])
    below = np.array([float(second[key][column] or second[key]["iterations"]) for key in seeds])
    ratios = above / below
    picks = np.random.default_rng(0).integers(0, len(seeds), (draws, len(seeds)))
    # A median between a finite and an infinite ratio is infinite; the interval's ends are order statistics.
    medians = np.sort(np.median(ratios[picks], axis=1))
    low, high = medians[int(0.025 * draws)], medians[int(0.975 * draws)]
    missed = [sum(not runs[key][column] for key in seeds) for runs in (first, second)]
    return RatioSummary(float(np.median(ratios)), float(low), float(high), len(seeds), *missed, ratios)


def _find_main(rows: Sequence[Row]) -> tuple[str, float, int]:
    """Return task and learning rate of the main comparison, the first row's, and the largest size of its Elman networks."""
    task = rows[0]["task"]
    sizes = [int(row["hidden"]) for row in rows if (row["model"], row["task"]) == ("elman", task)]
    return task, float(rows[0]["learning_rate"]), max(sizes)


def list_iterations(rows: Sequence[Row]) -> tuple[list[int | None], list[int | None]]:
    """Return iterations to 99% in the main comparison, attention's and Elman's, on common seeds; ``None`` for never."""
    task, rate, hidden = _find_main(rows)
    both = select_runs(rows, "attention", task, None, rate), select_runs(rows, "elman", task, hidden, rate)
    seeds = sorted(set(both[0]) & set(both[1]))
    return tuple([int(runs[seed]["iterations_to_99"] or 0) or None for seed in seeds] for runs in both)


def summarise_comparisons(rows: Sequence[Row]) -> dict[str, RatioSummary]:
    """Compute every ratio that a table of the comparison allows, by a short name; the main comparison comes first."""
    task, main_rate, hidden = _find_main(rows)
    rates = sorted({float(row["learning_rate"]) for row in rows if row["task"] == task} - {main_rate})
    others = dict.fromkeys(row["task"] for row in rows if row["task"] != task)
    several = {row["task"]: row["model"] for row in rows if row["model"] == "attention-heads"}
    wanted = {
        f"{task}, all steps": ("attention", task, main_rate),
        f"{task}, first steps": ("attention", task, main_rate, "iterations_to_99_first"),
        f"{task}, equal parameters": ("attention-wide", task, main_rate),
        **{f"{task}, rate {rate:g}": ("attention", task, rate) for rate in rates},
        **{other: (several.get(other, "attention"), other, main_rate) for other in others},
    }
    found = {}
    for name, (model, which, rate, *column) in wanted.items():
        first, second = select_runs(rows, model, which, None, rate), select_runs(rows, "elman", which, hidden, rate)
        if set(first) & set(second):
            found[name] = summarise_ratio(first, second, *column)
    return found


def describe_main_comparison(rows: Sequence[Row], ratios: Mapping[str, RatioSummary]) -> dict[str, Any]:
    """Return the numbers that decide the claim about training time, with infinity as 1e9; most are the main comparison's.

    In medians, a run that never reached 99% counts as the largest number of iterations. Lists cover the main task and T1
    to T4, ``printed`` counts networks without positions on them, and ``worst_ratio`` is the largest on any other task."""
    main, cap = next(iter(ratios.values())), max(int(row["iterations"]) for row in rows)
    medians = [float(np.median([count or cap for count in counts])) for counts in list_iterations(rows)]
    numbers = {"ratio": main.ratio, "low": main.low, "high": main.high, "pairs": main.pairs}
    numbers |= {"wins": int((main.ratios < 1).sum()), "attention_median": medians[0], "elman_median": medians[1]}
    numbers |= {"attention_missed": main.first_missed, "elman_missed": main.second_missed}
    named = {_find_main(rows)[0]: main} | {task: found for task, found in ratios.items() if task in TASK_CODES}
    numbers |= {"tasks": list(named)}
    numbers |= {f"{end}s": [getattr(found, end) for found in named.values()] for end in ("ratio", "low", "high")}
    others = list(named.values())[1:]
    numbers |= {"others": sum(found.pairs for found in others)}
    for name, missed in (("others_arrived", "first_missed"), ("others_elman", "second_missed")):
        numbers[name] = numbers["others"] - sum(getattr(found, missed) for found in others)
    printed = [row for row in rows if row["model"] == "attention-unlabelled" and row["task"] in named]
    numbers |= {"printed": len(printed), "printed_arrived": sum(bool(row["iterations_to_99"]) for row in printed)}
    worst = [found.ratio for task, found in ratios.items() if task in {row["task"] for row in rows} - set(named)]
    numbers |= {"worst_ratio": max(worst)} if worst else {}
    cut = lambda value: min(value, 1e9) if isinstance(value, float) else [*map(cut, value)] if isinstance(value, list) else value
    return {name: cut(value) for name, value in numbers.items()}
