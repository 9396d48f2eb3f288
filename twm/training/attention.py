"""Attention beside the Elman network: the same data, the same protocol, and how many iterations each needs."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from twm.errors import require, require_count
from twm.models.attention import AttentionRNN
from twm.models.elman import ElmanRNN
from twm.records import Table, describe_host, read_rows
from twm.theory.systems import HDS, parse_task
from twm.training.trainer import TrainingPlan, train_network


def _attention(heads: int, width: int | None, labelled: bool) -> Callable[[HDS, int, int], AttentionRNN]:
    def make(task: HDS, hidden: int, seed: int) -> AttentionRNN:
        return AttentionRNN(task.history, task.dim, heads, width, labelled, seed)

    return make


def _elman(task: HDS, hidden: int, seed: int) -> ElmanRNN:
    return ElmanRNN(task.dim, hidden, seed=seed)


#: The networks compared. ``attention`` is one head with learnt positions; ``attention-wide`` has about as many
#: parameters as an Elman network of 128 at s = d = 8; ``attention-unlabelled`` has no positions, and so is Eq. (8) itself.
MODELS: dict[str, Callable[[HDS, int, int], nn.Module]] = {
    "attention": _attention(1, None, True),
    "attention-wide": _attention(16, 68, True),
    "attention-unlabelled": _attention(1, None, False),
    "elman": _elman,
}

_LEVEL = 0.99


@dataclass(frozen=True)
class Trial:
    """One network to train for the comparison.

    Attributes:
        model: a name in ``MODELS``.
        task: as :func:`twm.theory.systems.parse_task` reads it.
        seed: seed of the data and of the initial weights.
        hidden: hidden neurons of an Elman network; attention has its window instead.
        plan: the protocol, the same for all.
    """

    model: str
    task: str
    seed: int
    hidden: int
    plan: TrainingPlan

    def key(self) -> tuple[str, ...]:
        """Return what identifies the trial's row in a table."""
        plan = self.plan
        horizon = "-".join(map(str, plan.horizons))
        return tuple(
            map(
                str, (self.model, self.task, self.seed, self._state_size(), plan.learning_rate, plan.threshold, horizon)
            )
        )

    def _state_size(self) -> int:
        return self.hidden if self.model.startswith("elman") else parse_task(self.task).size


_KEY_COLUMNS = ("model", "task", "seed", "hidden", "learning_rate", "threshold", "horizon")


def train_trial(trial: Trial) -> dict[str, Any]:
    """Train one network of the comparison.

    Returns:
        its row: the trial's key; ``init``, ``curriculum``, ``l2``, ``parameters``; ``iterations`` and ``seconds``
        used and the last test's ``accuracy``; ``iterations_to_99``, the first test with 99% right signs over the
        whole test horizon, and ``iterations_to_99_first``, the same over the first stage's steps (``None`` where never
        reached); and the host. ``hidden`` counts the numbers carried from step to step.

    Raises:
        UserError: if the model or the task is unknown.
    """
    require(trial.model in MODELS, f"unknown model {trial.model!r}: choose from {', '.join(MODELS)}")
    task = parse_task(trial.task)
    network = MODELS[trial.model](task, trial.hidden, trial.seed)
    result = train_network(network, task, trial.seed, trial.plan)
    return {
        **dict(zip(_KEY_COLUMNS, trial.key())),
        "init": "uniform",
        "curriculum": result.curriculum,
        "l2": trial.plan.l2,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "iterations": result.iterations,
        "accuracy": round(result.accuracy, 6),
        "iterations_to_99": result.find_first(_LEVEL),
        "iterations_to_99_first": result.find_first(_LEVEL, trial.plan.horizons[0]),
        "seconds": round(result.seconds, 1),
        **describe_host(),
    }


def compare_attention_with_elman(
    seeds: Iterable[int],
    task: str = "T1",
    hidden: int = 128,
    models: Sequence[str] = ("attention", "elman"),
    plan: TrainingPlan = TrainingPlan(stop_at=_LEVEL),
    path: Path | str | None = None,
    workers: int = 0,
    report: Callable[[str], None] | None = None,
) -> list[dict[str, str]]:
    """Train attention and Elman networks on the same data, and count iterations to 99% accuracy.

    Args:
        seeds: paired seeds: networks of one seed see the same batches.
        task: the task's name or code.
        hidden: hidden neurons of the Elman network.
        models: names in ``MODELS``.
        plan: the protocol of all of them.
        path: table that each row is appended to as it comes; rows already there are not trained again.
        workers: single-threaded processes to spread the trials over; 0 trains in this one.
        report: called with a line for each network trained.

    Returns:
        all rows of the table, or of this call where there is no ``path``; values as text, empty where there is none.

    Raises:
        UserError: if a model, a task or a number is unknown or out of range.
    """
    unknown = sorted(set(models) - set(MODELS))
    require(not unknown, f"unknown model {', '.join(unknown)}: choose from {', '.join(MODELS)}")
    parse_task(task)
    require_count(workers, "workers", 0)
    on_record = read_rows(path) if path is not None else []
    known = {tuple(row[column] for column in _KEY_COLUMNS) for row in on_record}
    # Seed by seed, so that a comparison that is stopped early is still balanced.
    trials = [
        Trial(model, task, require_count(seed, "seed", 0), hidden, plan)
        for seed, model in itertools.product(seeds, models)
    ]
    made = []
    for row in _train_all([trial for trial in trials if trial.key() not in known], workers):
        if path is not None:
            Table(Path(path), tuple(row), (), _KEY_COLUMNS).add([row])
        if report is not None:
            reached = row["iterations_to_99"] or f"not within {row['iterations']}"
            report(f"{row['model']}, seed {row['seed']}: 99% after {reached} iterations, {row['seconds']} s")
        made.append({column: "" if value is None else str(value) for column, value in row.items()})
    return read_rows(path) if path is not None else made


#: What is on record: the comparison itself, then what could explain it otherwise: size, positions, learning rate, and
#: the size of the task. Each part is (task, models, number of seeds, hidden, learning rate). An Elman network of 10 has
#: about as many parameters as one head.
RECORDED_PARTS: tuple[tuple[str, tuple[str, ...], int, int, float], ...] = (
    ("T1", ("attention", "elman"), 20, 128, 1e-3),
    ("T1", ("attention-wide",), 6, 128, 1e-3),
    ("repeat-copy:3,2", ("attention", "elman"), 6, 128, 1e-3),
    ("repeat-copy:4,4", ("attention", "elman"), 6, 128, 1e-3),
    ("repeat-copy:6,6", ("attention", "elman"), 6, 128, 1e-3),
    ("T1", ("attention-unlabelled",), 3, 128, 1e-3),
    ("T1", ("elman",), 3, 10, 1e-3),
    ("T1", ("attention", "elman"), 4, 128, 3e-3),
    ("T1", ("attention", "elman"), 4, 128, 3e-4),
)


def record_attention_comparison(
    path: Path | str, workers: int = 1, report: Callable[[str], None] | None = None
) -> list[dict[str, str]]:
    """Train everything behind the claim that attention shortens training, and put the record in the place of the old.

    Rows go to ``<name>.partial.csv`` as they come; a stopped run is taken up there, and the old record stands until
    the new one is whole.

    Args:
        path: the table, ``attention.csv`` among the recorded runs.
        workers: single-threaded processes; about an hour and a half of one core in all.
        report: called with a line for each network trained.

    Returns:
        all rows of the table, values as text.
    """
    path = Path(path)
    partial = path.with_suffix(".partial.csv")
    for task, models, seeds, hidden, learning_rate in RECORDED_PARTS:
        plan = TrainingPlan(learning_rate=learning_rate, stop_at=_LEVEL)
        compare_attention_with_elman(range(seeds), task, hidden, models, plan, partial, workers, report)
    os.replace(partial, path)
    return read_rows(path)


@dataclass(frozen=True)
class RatioSummary:
    """How two models' iterations compare over paired seeds.

    Attributes:
        ratio: median over seeds of the first model's iterations by the second's.
        low: lower end of the median's 95% interval.
        high: upper end.
        pairs: seeds on which both were run.
        first_missed: how many of the first model's runs never reached the level.
        second_missed: the same for the second model.
        ratios: (pairs,) one ratio a seed, by rising seed; infinite where the first model never reached the level.
    """

    ratio: float
    low: float
    high: float
    pairs: int
    first_missed: int
    second_missed: int
    ratios: np.ndarray


def select_runs(
    rows: Iterable[Mapping[str, str]],
    model: str,
    task: str = "T1",
    hidden: int | None = None,
    learning_rate: float = 1e-3,
) -> dict[int, Mapping[str, str]]:
    """Pick one model's runs from a table.

    Args:
        rows: as :func:`twm.records.read_rows` gives them.
        model: a name in ``MODELS``.
        task: its name, as recorded.
        hidden: only runs with this state size, where given.
        learning_rate: Adam's step.

    Returns:
        rows by seed, rising.

    Raises:
        UserError: if a seed occurs twice: then the choice was too wide.
    """
    chosen = [
        row
        for row in rows
        if (row["model"], row["task"]) == (model, task)
        and float(row["learning_rate"]) == learning_rate
        and (hidden is None or int(row["hidden"]) == hidden)
    ]
    runs = {int(row["seed"]): row for row in sorted(chosen, key=lambda row: int(row["seed"]))}
    require(len(runs) == len(chosen), f"{model} has several runs of one seed: say which hidden size")
    return runs


def summarise_ratio(
    first: Mapping[int, Mapping[str, str]],
    second: Mapping[int, Mapping[str, str]],
    column: str = "iterations_to_99",
    draws: int = 10_000,
    seed: int = 0,
) -> RatioSummary:
    """Compare two models' iterations over the seeds that both were run on.

    Runs that never reached the level stay in, against the first model's favour: its own missing runs count as
    infinite, the second's as if they had reached the level at their last iteration. The median can take infinite
    values as long as they are fewer than half. The interval is a bootstrap over pairs.

    Args:
        first: runs by seed, see :func:`select_runs`.
        second: likewise.
        column: what to compare; empty where the level was not reached.
        draws: bootstrap samples.
        seed: of the bootstrap.

    Returns:
        the summary.

    Raises:
        UserError: if the two share no seed.
    """
    seeds = sorted(set(first) & set(second))
    require(len(seeds) > 0, "the two models share no seed: train both on the same seeds")
    above = np.array([float(first[key][column] or "inf") for key in seeds])
    below = np.array([float(second[key][column] or second[key]["iterations"]) for key in seeds])
    ratios = above / below
    picks = np.random.default_rng(seed).integers(0, len(seeds), (require_count(draws, "draws"), len(seeds)))
    # A median between a finite and an infinite ratio is infinite; the ends are taken as drawn, not interpolated.
    medians = np.sort(np.median(ratios[picks], axis=1))
    low, high = medians[int(0.025 * draws)], medians[min(int(0.975 * draws), draws - 1)]
    missed = [sum(1 for key in seeds if not runs[key][column]) for runs in (first, second)]
    return RatioSummary(float(np.median(ratios)), float(low), float(high), len(seeds), missed[0], missed[1], ratios)


def list_iterations(rows: Sequence[Mapping[str, str]]) -> tuple[list[int | None], list[int | None]]:
    """List the iterations to 99% of the main comparison, for attention and Elman, by seed.

    Args:
        rows: as :func:`compare_attention_with_elman` returns them; the first row's task and learning rate are the main ones.

    Returns:
        two lists over the seeds that both were run on; ``None`` where the level was never reached.
    """
    task, rate = rows[0]["task"], float(rows[0]["learning_rate"])
    first = select_runs(rows, "attention", task, learning_rate=rate)
    second = select_runs(rows, "elman", task, _largest_elman(rows, task), rate)
    seeds = sorted(set(first) & set(second))
    return tuple([int(runs[seed]["iterations_to_99"] or 0) or None for seed in seeds] for runs in (first, second))


def _largest_elman(rows: Iterable[Mapping[str, str]], task: str) -> int:
    return max(int(row["hidden"]) for row in rows if (row["model"], row["task"]) == ("elman", task))


def summarise_comparisons(rows: Sequence[Mapping[str, str]]) -> dict[str, RatioSummary]:
    """Work out every ratio that a table of the comparison holds.

    Args:
        rows: as :func:`compare_attention_with_elman` returns them; the first row's task and learning rate are the main ones.

    Returns:
        summaries by a short name, the main comparison first; comparisons without a common seed are left out.
    """
    task, main_rate = rows[0]["task"], float(rows[0]["learning_rate"])
    hidden = _largest_elman(rows, task)
    wanted = {
        f"{task}, all steps": ("attention", task, main_rate, "iterations_to_99"),
        f"{task}, first steps": ("attention", task, main_rate, "iterations_to_99_first"),
        f"{task}, equal parameters": ("attention-wide", task, main_rate, "iterations_to_99"),
    }
    rates = sorted({float(row["learning_rate"]) for row in rows if row["task"] == task} - {main_rate})
    wanted |= {f"{task}, rate {rate:g}": ("attention", task, rate, "iterations_to_99") for rate in rates}
    others = dict.fromkeys(row["task"] for row in rows if row["task"] != task)
    wanted |= {other: ("attention", other, main_rate, "iterations_to_99") for other in others}
    found = {}
    for name, (model, which, rate, column) in wanted.items():
        first = select_runs(rows, model, which, learning_rate=rate)
        second = select_runs(rows, "elman", which, hidden, rate)
        if set(first) & set(second):
            found[name] = summarise_ratio(first, second, column)
    return found


def describe_main_comparison(
    rows: Sequence[Mapping[str, str]], ratios: Mapping[str, RatioSummary]
) -> dict[str, float | int]:
    """Return the numbers by which the claim about training time is judged.

    Args:
        rows: as :func:`compare_attention_with_elman` returns them, not empty.
        ratios: as :func:`summarise_comparisons` makes of them.

    Returns:
        the main comparison's ratio, interval (an infinite end as 1e9), pairs, wins of attention and missing runs, the
        median iterations of both (a run that never arrived counts with the cap), and as ``worst_ratio`` the largest
        ratio on another task, where there is one.
    """
    main = next(iter(ratios.values()))
    other_tasks = {row["task"] for row in rows} & set(ratios)
    cap = max(int(row["iterations"]) for row in rows)
    attention, elman = (
        float(np.median([cap if count is None else count for count in counts])) for counts in list_iterations(rows)
    )
    return {
        "ratio": main.ratio,
        "low": main.low,
        "high": min(main.high, 1e9),
        "pairs": main.pairs,
        "wins": int((main.ratios < 1).sum()),
        "attention_median": attention,
        "elman_median": elman,
        "attention_missed": main.first_missed,
        "elman_missed": main.second_missed,
        **({"worst_ratio": max(ratios[task].ratio for task in other_tasks)} if other_tasks else {}),
    }


def _train_all(trials: Sequence[Trial], workers: int) -> Iterable[dict[str, Any]]:
    if workers == 0:
        yield from map(train_trial, trials)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _prepare_worker) as pool:
        futures = [pool.submit(train_trial, trial) for trial in trials]
        try:
            yield from (future.result() for future in as_completed(futures))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _prepare_worker() -> None:
    """Use one thread, and end with the parent: an orphan would train on for nobody."""
    torch.set_num_threads(1)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
