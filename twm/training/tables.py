"""Summaries of tables of models: Table 1 of the main paper, initialisations, and the tables of the wave-RNN paper.

Every summary states its number of seeds, includes failed runs, and leaves out no run because of its result."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from twm.errors import require
from twm.tasks.sequences import ADDING_LENGTHS, COPY_WAITS
from twm.training.attention import RatioSummary, summarise_ratio
from twm.training.estimates import Estimate, Row, correlate_ranks, estimate_mean, pair_rows
from twm.training.sweeps import ABLATIONS, RELEASED

#: Numbers printed in the papers.
PAPER_NUMBERS = yaml.safe_load((Path(__file__).parent / "paper.yml").read_text(encoding="utf-8"))


# ---- Table 1 of the main paper: the best of each seed over checkpoints and two thresholds of the curriculum, averaged
# over seeds; the spectral error is averaged over the seeds that have one

#: Seeds per cell in the paper.
PAPER_SEEDS = 20
# Largest distance of a mean accuracy from the paper's, largest half-width of its interval, largest factor of the error.
_TOLERANCE, _HALF_WIDTH, _FACTOR = 0.05, 0.1, 3.0
# Above this accuracy a model counts as accurate, as in the table's caption; it has fallen if it ends this much lower.
_ACCURATE, _FALLEN = 0.94, 0.05
_VERDICTS = {(True, True): "both", (True, False): "accuracy", (False, True): "error", (False, False): "neither"}
_FAILURES = ("learns nothing", "stays at the first horizon", "learns a part", "falls and ends low", "diverges")


@dataclass(frozen=True)
class Cell:
    """One cell of Table 1: the paper's numbers and ours."""

    task: str
    hidden: int
    l2: float
    paper_accuracy: float
    paper_error: float | None  # difference of arguments in radians; None for the paper's dash
    accuracy: Estimate  # best over checkpoints and thresholds
    accuracy_final: Estimate  # after the last iteration
    error: Estimate  # over the seeds with equal ranks, eigenvalues matched greedily
    error_optimal: Estimate  # the same, matched optimally
    both: int  # seeds run with two thresholds, as in the paper

    name = property(lambda self: f"{self.task} ({self.hidden} neurons, L2 {self.l2:g})")
    seeds = property(lambda self: self.accuracy.count)
    equal_rank = property(lambda self: self.error.count)
    accuracies = property(lambda self: self.accuracy.values)
    errors = property(lambda self: self.error.values)
    # Whether it is near the paper's; None without a seed.
    accuracy_agrees = property(lambda self: _is_near(self.accuracy, self.paper_accuracy) if self.seeds else None)
    # Whether the interval is narrow enough for a comparison.
    accuracy_settled = property(lambda self: self.seeds > 1 and self.accuracy.half_width <= _HALF_WIDTH)

    verdict = property(lambda self: _VERDICTS.get((self.accuracy_agrees, self.error_agrees), "no seed"))

    @property
    def error_agrees(self) -> bool | None:
        """Whether the error is near the paper's, or both are undefined; ``None`` without a seed."""
        own, paper = self.error.value, self.paper_error
        agrees = own == paper if own is None or paper is None else paper / _FACTOR <= own <= paper * _FACTOR
        return agrees if self.seeds else None


# The small addend makes a mean of .95 within .05 of 1.00 in spite of rounding.
_is_near = lambda mean, paper: abs(mean.value - paper) <= _TOLERANCE + 1e-9


def summarise_table1(rows: Iterable[Row]) -> list[Cell]:
    """Summarise models into the 24 cells of Table 1, in the paper's order; other tasks and sizes are left out.
    Source: twm Table 1; the best-of rule is from its public companion code."""
    numbers = ["accuracy_best", "accuracy_final", "argument_error", "argument_error_optimal"]
    frame = pd.DataFrame(list(rows), columns=["task", "hidden", "l2", "seed", "threshold", *numbers])
    seeds = frame.astype(dict.fromkeys(numbers, float)).groupby(["task", "hidden", "l2", "seed"])
    runs = seeds.agg(dict(zip(numbers, ("max", "max", "min", "min"))) | {"threshold": "nunique"}).reset_index("seed")
    cells = []
    for paper in PAPER_NUMBERS["table1"]:
        own = runs[runs.index == tuple(paper[:3])]
        cells.append(Cell(*paper, *(estimate_mean(own[column].dropna()) for column in numbers), sum(own["threshold"] > 1)))
    return cells


def describe_table1(cells: Sequence[Cell]) -> dict[str, dict[str, Any]]:
    """Return the numbers for the claims on both halves of Table 1, by ``accuracy`` and ``error``."""
    filled = [cell for cell in cells if cell.seeds]
    dashes = [cell.error_agrees for cell in filled if cell.paper_error is None]
    numbers = [cell.error_agrees for cell in filled if cell.paper_error is not None]
    gaps = [abs(cell.accuracy.value - cell.paper_accuracy) for cell in filled]
    matching = [cell.error.value - cell.error_optimal.value for cell in filled if cell.equal_rank]
    shared = {"cells": len(filled), "cells_of_table": len(cells)}
    shared |= {f"least_{name}": min((getattr(cell, name) for cell in cells), default=0) for name in ("seeds", "both")}
    accuracy = {"agree": sum(cell.accuracy_agrees for cell in filled), "largest_gap": max(gaps, default=0.0)}
    accuracy["settled"] = sum(cell.accuracy_agrees and cell.accuracy_settled for cell in filled)
    accuracy["disagree"] = [cell.name for cell in filled if not cell.accuracy_agrees]
    accuracy["final_agree"] = sum(_is_near(cell.accuracy_final, cell.paper_accuracy) for cell in filled)
    error = {"agree": sum(numbers) + sum(dashes), "numbers": len(numbers), "numbers_agree": sum(numbers)}
    error |= {"dashes": len(dashes), "dashes_agree": sum(dashes)}
    error["disagree"] = [cell.name for cell in filled if not cell.error_agrees]
    error["thin"] = sum(cell.error_agrees and cell.paper_error is not None and cell.equal_rank < 3 for cell in filled)
    error["largest_matching_gap"] = max(matching, default=0.0)
    return {"accuracy": shared | accuracy, "error": shared | error}


def count_converged(rows: Iterable[Row]) -> dict[str, int]:
    """Count accurate models outside the bottleneck, those of equal rank, and near the prediction. Source: twm Table 1, caption."""
    accurate = [row for row in rows if row["accuracy_best"] > _ACCURATE]
    accurate = [row for row in accurate if (row["task"], row["hidden"], row["l2"]) != ("T1", 64, 0)]
    errors = [row["argument_error"] for row in accurate if row["argument_error"] is not None]
    return {"accurate": len(accurate), "equal_rank": len(errors), "converged": sum(error <= 0.02 for error in errors)}


def sort_failures(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Sort the failed models by kind of failure."""
    rows = list(rows)
    columns = ["accuracy_best", "accuracy_final", "horizon", "diverged_at"]
    best, final, horizon, diverged = pd.DataFrame(rows, columns=columns).astype(float).to_numpy().T
    # The first horizon is 10, so such a model was never trained on a longer one.
    tests = [best < 0.55, (best <= _ACCURATE) & (horizon <= 10), best <= _ACCURATE, final < best - _FALLEN]
    kinds = np.where(np.isfinite(diverged), "diverges", np.select(tests, _FAILURES[:-1], ""))
    return {kind: [rows[place] for place in np.flatnonzero(kinds == kind)] for kind in _FAILURES if kind in kinds}


# ---- comparisons of initialisations


def compare_gaussian(rows: Iterable[Row]) -> dict[str, Any]:
    """Compare Gaussian with uniform initialisation of the same seed: lists over d on mean magnitudes, predicted angles, and
    accuracy over ten and 100 horizons; pairs below .99 at the trained horizon are left out. Source: twm B.4."""
    found: dict[str, Any] = {}
    tasks = {int(row["task"].rpartition(",")[2]): row["task"] for row in rows}
    for dim, task in sorted(tasks.items()):
        sides = ([row for row in rows if (row["task"], row["init"]) == (task, init)] for init in ("gaussian", "uniform"))
        whole = list(zip(*pair_rows(*sides)))
        pairs = [pair for pair in whole if min(row["accuracy_1x"] for row in pair) >= _LEARNT]
        if len(pairs) < 2:
            continue
        both, columns = [*zip(*pairs)], ("radius", "accuracy_10x", "accuracy_100x")
        values = [np.array([[row[name] or 0.0 for row in own] for own in both]) for name in columns]
        radius, memory, far = (estimate_mean(gaussian - uniform) for gaussian, uniform in values)
        right = [sum(row["argument_error"] is not None and row["argument_error"] <= 0.02 for row in own) for own in both]
        related = correlate_ranks(*([row[name] for own in both for row in own] for name in columns[:2]))
        told = {"dims": dim, "pairs": len(pairs), "left_out": len(whole) - len(pairs), "differences": radius.value}
        told |= {"lows": radius.low, "highs": radius.high, "effects": radius.value / radius.values.std(ddof=1)}
        told |= {"without_largest": float(np.sort(radius.values)[:-1].mean())}
        told |= {"larger": int((radius.values > 0).sum()), "angles": min(right) / len(pairs), "gained": memory.value}
        told |= {"gained_lows": memory.low, "gained_highs": memory.high, "gained_far": far.value}
        told |= {"ties": int((abs(memory.values) < 5e-5).sum()), "spearmans": related.value}
        told |= {"spearman_lows": related.low, "spearman_highs": related.high}
        found = {key: [*found.get(key, []), value] for key, value in told.items()}
    return found


@dataclass(frozen=True, eq=False)
class StartSummary:
    """All networks of one task and one initialisation."""

    task: str
    init: str
    iterations: dict[int, int | None]  # to 99% sign accuracy, by seed; None if it was never reached
    cap: int  # largest number of iterations of any network on the task
    ratio: RatioSummary | None  # to the baseline's iterations, over common seeds; None for the baseline itself
    rank_theory: int
    argument_errors: list[float]  # radians, of the networks with equal ranks

    reached = property(lambda self: sum(count is not None for count in self.iterations.values()))  # networks that reached 99%
    # A network that never reached 99% counts as the cap, so this may be a lower bound.
    median = property(lambda self: float(np.median([count or self.cap for count in self.iterations.values()])))


def summarise_starts(rows: Iterable[Row], baseline: str = "uniform") -> dict[tuple[str, str], StartSummary]:
    """Compare every initialisation with a baseline, by (task, init); networks of one seed share data, encoder and readout."""
    groups: dict[tuple[str, str], dict[int, Row]] = {}
    for row in rows:
        runs = groups.setdefault((row["task"], row["init"]), {})
        require(row["seed"] not in runs, f"{row['task']}, {row['init']}, seed {row['seed']} occurs twice")
        runs[row["seed"]] = row
    found = {}
    for (task, init), runs in groups.items():
        require((task, baseline) in groups, f"{task} has no network with the initial weights {baseline!r}")
        cap = max(row["iterations"] for key, own in groups.items() if key[0] == task for row in own.values())
        ratio = None if init == baseline else summarise_ratio(runs, groups[task, baseline])
        times = {seed: row["iterations_to_99"] for seed, row in runs.items()}
        (theory,) = {row["rank_theory"] for row in runs.values()}
        errors = [row["argument_error"] for row in runs.values() if row["argument_error"] is not None]
        found[task, init] = StartSummary(task, init, times, cap, ratio, theory, errors)
    return found


#: Accuracies in per cent on sequential and on permuted sequential MNIST, by network.
PAPER_IMAGES = PAPER_NUMBERS["images"]
_RELEASED_BATCH = 50  # batch size of the copy task's tests, by which the wave-RNN paper's code divides their loss once more
_LEARNT = 0.99  # accuracy from which a task counts as learnt
#: Columns that identify a network of a grid; they include the initialisation, because ablations compare it.
_NETWORK = ["task", "network", "neurons", "channels", "mlp", "init", "encoder", "activation", "seed"]
#: With these, columns that identify a setting of the grid.
_SETTING = [*_NETWORK, "learning_rate", "clip", "divisor", "drop_at", "batch"]


def name_kind(row: Row) -> str:
    """Return the paper's name for the network of a row."""
    name = {"wrnn": "wRNN", "irnn": "iRNN", "lstm": "LSTM", "gru": "GRU", "lru": "LRU", "attention": "attention"}[row["network"]]
    return "wRNN + MLP" if name == "wRNN" and row["mlp"] else name


def read_wait(row: Row) -> int:
    """Return the number in a task's name: the wait of ``copy:T``, the length of ``adding:T``."""
    return int(row["task"].partition(":")[2])


def _read_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Return comparable rows, with numbers as floats, the network's name, and its row in the paper's Table 4."""
    numbers = ["accuracy", "accuracy_held", "loss", "iterations_to_99", "solved_at"]
    frame = pd.DataFrame(rows, columns=[*_SETTING, *numbers, "iterations", "parameters"])
    names = {starts: name for name, starts in ABLATIONS.items()} | RELEASED
    variants = [names.get((row["network"], row["init"], row["encoder"])) for row in rows]
    frame = frame.astype(dict.fromkeys(numbers, float)).assign(kind=[name_kind(row) for row in rows], variant=variants)
    # If any networks start as in the released code, the others of that task, kind and variant are left out.
    released = frame["encoder"].astype(str).str.startswith("released")
    frame = frame[released | ~released.groupby([frame["task"], frame["kind"], list(map(str, variants))]).transform("any")]
    # Networks selected on held-out images are compared only with each other, once every kind has some on a task.
    held = frame["accuracy_held"].notna()
    whole = [task for task, own in frame.groupby("task") if set(own["kind"]) == set(own["kind"][held])]
    # If their training was repeated with a later limit, the run that the earlier limit stopped is left out.
    longest = frame["iterations"] == frame.groupby([*_SETTING, held], dropna=False)["iterations"].transform("max")
    return frame[(held == frame["task"].isin(whole)) & (longest | ~held)]


def _pick(frame: pd.DataFrame, plain: bool = False) -> pd.DataFrame:
    """Return the best row of each grid, by held-out accuracy if it has any; ``plain`` keeps the paper's own initialisation."""
    groups = frame.groupby(_NETWORK, dropna=False, sort=False).ngroup()
    chosen = frame["accuracy_held"].fillna(frame["accuracy"])
    order = {"group": True, "chosen": False, "loss": True, "iterations": False}
    best = frame.assign(group=groups, chosen=chosen).sort_values([*order], ascending=[*order.values()]).drop_duplicates("group")
    return best[best["variant"] == best["kind"]] if plain else best


def pick_best(rows: Iterable[Row]) -> list[Row]:
    """Return for each network and seed the grid's row with the best accuracy; then the lowest loss, then the longest run."""
    rows = list(rows)
    return [rows[place] for place in _pick(_read_frame(rows)).index]


def pick_usual(rows: Iterable[Row]) -> list[Row]:
    """Return a grid's best rows at one size per network: that with most seeds, then the largest; rings start as a shift. Rows of
    several data sets have one size in common."""
    rows = [row for row in rows if row["network"] != "wrnn" or row["init"] == "shift"]
    frame = _read_frame(rows).assign(data=lambda own: [task.partition(":")[0] for task in own["task"]])
    shared = frame.groupby(["kind", "parameters"])["data"].transform("nunique") == frame["data"].nunique()
    kinds = [own for _, own in frame[shared].groupby("kind", sort=False)]
    seeds = [own.drop_duplicates(["data", "parameters", "seed"])["parameters"] for own in kinds]  # counts seeds, not settings
    usual = [own[own["parameters"] == sizes.mode().max()] for own, sizes in zip(kinds, seeds)]
    return [rows[place] for own in usual for place in _pick(own).index]


@dataclass(frozen=True)
class CopyCell:
    """One wait of the copy task; means over seeds, ``None`` without rows."""

    wait: int
    wave_loss: float | None  # lowest test loss
    dense_loss: float | None  # of the iRNN size with the lowest loss
    wave_accuracy: float | None  # share of symbols recalled
    dense_accuracy: float | None
    iterations: int  # smallest number of batches of any row
    seeds: int  # of the wave-RNN
    faster: bool | None  # whether every wave-RNN reached 0.99 before any iRNN; None if none of either did

    # How many times lower the wave-RNN's loss is; None if a loss is missing or zero.
    ratio = property(lambda self: self.dense_loss / self.wave_loss if self.wave_loss and self.dense_loss else None)


def summarise_copy(rows: Iterable[Row]) -> list[CopyCell]:
    """Compare wave-RNN and iRNN at each wait that has rows of the wave-RNN, shortest first."""
    rows = list(rows)
    frame = _pick(_read_frame(rows), plain=True).fillna({"loss": math.inf, "iterations_to_99": math.inf})
    cells = []
    for wait, own in frame.groupby([read_wait(rows[place]) for place in frame.index]):
        waves, dense = own[own["network"] == "wrnn"], own[own["network"] == "irnn"]
        if waves.empty:
            continue
        if len(dense):
            dense = dense[dense["neurons"] == dense.groupby("neurons")["loss"].mean().idxmin()]
        sides = [(waves, "loss"), (dense, "loss"), (waves, "accuracy"), (dense, "accuracy")]
        means = [float(side[column].mean()) if len(side) else None for side, column in sides]
        first, rival = waves["iterations_to_99"].max(), dense["iterations_to_99"].min()
        faster = None if dense.empty or first == rival == math.inf else bool(first < rival)
        fewest = min([*waves["iterations"], *dense["iterations"]])
        cells.append(CopyCell(int(wait), *means, fewest, waves["seed"].nunique(), faster))
    return cells


def describe_copy(cells: Sequence[CopyCell]) -> dict[str, Any]:
    """Return the numbers that decide the copy claim; cells without both networks are left out."""
    both = [cell for cell in cells if cell.ratio is not None]
    waits, waves = [cell.wait for cell in both], [cell.wave_loss for cell in both]
    found = {"waits": waits, "missing": len(set(COPY_WAITS) - set(waits)), "wave_losses": waves}
    found |= {"dense_losses": [cell.dense_loss for cell in both]}
    found |= {"wave_loss_released": min(waves, default=0.0) / _RELEASED_BATCH}
    found |= {"least_ratio": min((cell.ratio for cell in both), default=0.0)}
    found |= {"iterations": min((cell.iterations for cell in both), default=0)}
    return found | {"faster": all(cell.faster for cell in both if cell.faster is not None)}


def describe_hold(cells: Sequence[CopyCell]) -> dict[str, Any]:
    """Return the numbers that decide the claim on the longest wait that each network solves."""
    waves = {cell.wait: cell.wave_accuracy for cell in cells}
    dense = {cell.wait: cell.dense_accuracy for cell in cells if cell.dense_accuracy is not None}
    held, dense_held = (max((wait for wait in own if own[wait] >= _LEARNT), default=-1) for own in (waves, dense))
    found = {"waits": list(waves), "wave_accuracies": list(waves.values()), "dense_waits": list(dense)}
    found |= {"dense_accuracies": list(dense.values()), "longest_held": held, "longest": max(waves, default=-1)}
    return found | {"dense_longest": dense_held}


def list_adding(rows: Sequence[Row]) -> list[tuple[int, dict[str, tuple[list[int | None], list[int | None]]]]]:
    """Return the paper's iterations and ours, of each seed's best setting, by length, then by network; ``None`` for never."""
    found, rows = {}, pick_best(rows)
    for length in sorted({read_wait(row) for row in rows}):
        for name, paper in PAPER_NUMBERS["adding"].items():
            ours = [row["solved_at"] for row in rows if (row["network"], read_wait(row)) == (name, length)]
            found.setdefault(length, {})[name] = ([paper[length]] if length in paper else [], ours)
    return list(found.items())


def describe_adding(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the numbers that decide the adding claim: median iterations of both networks, and their seeds, by length."""
    lengths, solved = {}, {}
    for name in ("wrnn", "irnn"):
        own = {length: cells[name][1] for length, cells in list_adding(rows) if cells[name][1]}
        # Never counts as later than any iteration; of an even number, the upper median is taken; 0 stands for never.
        ordered = [sorted(times, key=lambda time: time or math.inf) for times in own.values()]
        lengths |= {f"{name}_lengths": list(own), f"{name}_seeds": [len(times) for times in own.values()]}
        solved[f"{name}_solved"] = [times[len(times) // 2] or 0 for times in ordered]
    return lengths | solved | {"missing": len(set(ADDING_LENGTHS) - set(lengths["wrnn_lengths"]))}


def list_accuracies(rows: Iterable[Row], column: str = "accuracy") -> dict[str, dict[int, float]]:
    """Return the accuracies of ``pick_usual`` in per cent, by the paper's name for a network, then by seed."""
    own = pick_usual(rows)
    kinds = dict.fromkeys(map(name_kind, own))
    return {kind: {row["seed"]: 100 * row[column] for row in own if name_kind(row) == kind} for kind in kinds}


def summarise_ablation(rows: Iterable[Row]) -> dict[str, dict[int, float]]:
    """Return mean lowest losses by row of Table 4, then by wait."""
    rows = list(rows)
    frame = _pick(_read_frame(rows)).assign(wait=lambda best: [read_wait(rows[place]) for place in best.index])
    table = frame.pivot_table(index="wait", columns="variant", values="loss").dropna(thresh=2)  # no delay of one variant
    return {name: table[name].dropna().to_dict() for name in ABLATIONS if name in table}


def describe_ablation(losses: Mapping[str, Mapping[int, float]]) -> dict[str, Any]:
    """Return the numbers that decide the claim on Table 4: in how many columns each of four inequalities holds."""
    table = pd.DataFrame(losses, columns=list(ABLATIONS)).dropna()
    orders = {
        "best": table["wRNN"] == table.min(axis=1),
        "shift": table["wRNN without shift-init"] > table["wRNN without V-init"],  # removing the shift costs more
        "helped": table["iRNN with shift-init"] < table["iRNN"],
        "above": table["iRNN with shift-init and V-init"] > table["wRNN"],  # even with both
    }
    return {"columns": len(table)} | {name: int(order.sum()) for name, order in orders.items()}


def describe_lead(rows: Iterable[Row], curves: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """Return how often the wave-RNN is ahead of the iRNN of the same seed in the first ten tests, one per epoch."""
    rows = list(rows)
    best = [rows[place] for place in _pick(_read_frame(rows), plain=True).index]
    waves, dense = ([row for row in best if row["network"] == network] for network in ("wrnn", "irnn"))
    ahead = looks = longest = 0
    for row in waves:
        rivals = [other for other in dense if other["seed"] == row["seed"]]
        rival = max(rivals, key=lambda other: other["accuracy"], default={"model": None})
        pairs = list(zip(curves.get(row["model"], ()), curves.get(rival["model"], ())))[:10]
        ahead += sum(own["test_accuracy"] > other["test_accuracy"] for own, other in pairs)
        looks, longest = looks + len(pairs), max(longest, len(pairs))
    return {"ahead": ahead, "looks": looks, "epochs": longest}


def describe_catchup(rows: Iterable[Row], curves: Mapping[str, Sequence[Row]]) -> dict[str, float]:
    """Return the test, one per epoch, from which the iRNN's best accuracy so far is at least the wave-RNN's, 0 for never, and
    the iRNN's final lead in percentage points: medians over seeds."""
    own, found = pick_usual(rows), []
    for pair in zip(*pair_rows(*([row for row in own if name_kind(row) == kind] for kind in ("iRNN", "wRNN")))):
        dense, wave = (np.maximum.accumulate([p["test_accuracy"] for p in curves[row["model"]]]) for row in pair)
        behind = max((at for at, (a, b) in enumerate(zip(dense, wave), start=1) if a < b), default=0)
        epoch = behind + 1 if behind < min(len(dense), len(wave)) else 0
        found.append((epoch, 100 * (pair[0]["accuracy"] - pair[1]["accuracy"])))
    return dict(zip(("epoch", "final_lead"), np.median(found or [(0, 0.0)], axis=0).tolist()))


def describe_settings(rows: Iterable[Row]) -> dict[str, int]:
    """Count copy cells with a complete 3 x 3 grid, and those whose lowest loss has the printed rate, or both rate and clip."""
    rows, found = [row for row in rows if row["loss"] is not None and not row["scale"]], []
    cells = ((name, *cell) for name, cells in PAPER_NUMBERS["settings"].items() for cell in cells.items())
    for *cell, printed in cells:
        own = [row for row in rows if [f"{row['network']}-{row['neurons']}", read_wait(row)] == cell]
        if len(own) >= 9:
            best = min(own, key=lambda row: row["loss"])
            found.append((best["learning_rate"] == printed[0], [best["learning_rate"], best["clip"]] == printed))
    return {"cells": len(found), "rates_agree": sum(a for a, _ in found), "both_agree": sum(b for _, b in found)}


def list_sizes(rows: Iterable[Row]) -> dict[str, list[tuple[int, float]]]:
    """Return parameter count and mean best accuracy in per cent of each size of wave-RNN (linear readout) and iRNN."""
    frame = _pick(_read_frame(list(rows)), plain=True)
    means = (100 * frame["accuracy"]).groupby([frame["kind"], frame["parameters"]]).mean()
    return {kind: list(means[kind].items()) for kind in ("wRNN", "iRNN") if kind in means}


def describe_sizes(sizes: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any]:
    """Return for how many iRNNs the largest wave-RNN with at most as many parameters is more accurate."""
    waves, dense = sizes.get("wRNN", []), sizes.get("iRNN", [])
    rivals = [([own for own in waves if own[0] <= count], accuracy) for count, accuracy in dense]
    above = [max(smaller)[1] > accuracy for smaller, accuracy in rivals if smaller]
    return {"pairs": len(above), "above": sum(above), "sizes": [size for size, _ in (*waves, *dense)]}


def name_bridge(row: Row) -> str:
    """Return the name of a network trained on a history-dependent system: its kind, and settings that distinguish it."""
    horizon = row["task"].partition(":")[2].partition(",")[0]
    units = f", {row['hidden']} units, {horizon} steps" if row["network"] in ("lstm", "gru") else ""
    return name_kind(row) + (" (tanh)" if row["activation"] == "tanh" else "") + units


def describe_bridge(answers: Mapping[tuple[str, int], Mapping[str, float]]) -> dict[str, Any]:
    """Summarise analyses by ``name_bridge`` and seed: figures of each network in one basis, and for both kinds of network the
    smallest figures, or the largest for the control."""
    kinds = ["wave" if name.startswith("wRNN") else "lstm" for name, _ in answers]
    found: dict[str, Any] = {"kinds": kinds}
    columns = ["trained", "accuracy", "r2", "r2_settled", "interventions", "swaps", "elsewhere"]
    frame = pd.DataFrame(list(answers.values()), columns=columns)
    found |= {key: frame[key].tolist() for key in ("trained", "accuracy", "r2_settled", "swaps")}
    for kind, own in frame.groupby(np.array(kinds)):
        found |= {f"{kind}_{key}": value for key, value in own.min().to_dict().items()}
        found |= {f"{kind}_networks": len(own), f"{kind}_elsewhere": own["elsewhere"].max()}
        good = own[own["trained"] >= _LEARNT]
        found |= {f"{kind}_learnt_{key}": good[key].min() if len(good) else 0.0 for key in ("r2", "interventions")}
    return found
