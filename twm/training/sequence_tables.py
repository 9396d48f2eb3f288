"""The tables of the wave-RNN paper beside ours: rows of a sweep on sequences, cell by cell."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from twm.tasks.sequences import ADDING_LENGTHS, COPY_WAITS
from twm.training.sweeps import ABLATIONS
from twm.training.tables import PAPER_NUMBERS, Row

#: Accuracy in per cent on MNIST pixel by pixel and permuted, by network.
PAPER_IMAGES = PAPER_NUMBERS["images"]
#: Batch of the copy task, by which the wave-RNN paper's code divides the loss once more; accuracy from which a task is learnt.
_RELEASED_BATCH, _LEARNT = 128, 0.99
#: What tells two networks of a grid apart; starts of weights are among it, because they are what an ablation compares.
_NETWORK = ["task", "network", "neurons", "channels", "mlp", "init", "encoder", "activation", "seed"]


def name_kind(row: Row) -> str:
    """Return what the paper calls the network of a row."""
    name = {"wrnn": "wRNN", "irnn": "iRNN", "lstm": "LSTM", "gru": "GRU"}[row["network"]]
    return "wRNN + MLP" if name == "wRNN" and row["mlp"] else name


def read_wait(row: Row) -> int:
    """Return the number in a task's name: the wait of ``copy:T``, the length of ``adding:T``."""
    return int(row["task"].partition(":")[2])


def _read_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the rows with numbers as floats, what the network is called, and which row of the paper's Table 4 it is."""
    numbers = ["accuracy", "loss", "iterations_to_99", "solved_at"]
    frame = pd.DataFrame(rows, columns=[*_NETWORK, *numbers, "iterations", "parameters"])
    names = {starts: name for name, starts in ABLATIONS.items()}
    variants = [names.get((row["network"], row["init"], row["encoder"])) for row in rows]
    return frame.astype(dict.fromkeys(numbers, float)).assign(kind=[name_kind(row) for row in rows], variant=variants)


def _pick(frame: pd.DataFrame, plain: bool = False) -> pd.DataFrame:
    """Return the best of each grid; ``plain`` for those with a linear readout that start as in the paper."""
    groups = frame.groupby(_NETWORK, dropna=False, sort=False).ngroup()
    ranked = frame.assign(group=groups).sort_values(["group", "accuracy", "loss"], ascending=[True, False, True])
    best = ranked.drop_duplicates("group")
    return best[best["variant"] == best["kind"]] if plain else best


def pick_best(rows: Iterable[Row]) -> list[Row]:
    """Return for each network and seed the row of a grid with the best accuracy, then the lowest loss."""
    rows = list(rows)
    return [rows[place] for place in _pick(_read_frame(rows)).index]


def pick_usual(rows: Iterable[Row]) -> list[Row]:
    """Return the best rows of a grid in one size a network, that of most runs, then the largest; rings start as a shift."""
    rows = [row for row in rows if row["network"] != "wrnn" or row["init"] == "shift"]
    kinds = [own for _, own in _read_frame(rows).groupby("kind", sort=False)]
    usual = [own[own["parameters"] == own["parameters"].mode().max()] for own in kinds]
    return [rows[place] for own in usual for place in _pick(own).index]


@dataclass(frozen=True)
class CopyCell:
    """One wait of the copy task; means over seeds, ``None`` without rows."""

    wait: int
    wave_loss: float | None  # lowest test loss
    dense_loss: float | None  # the lowest of the iRNNs' sizes
    wave_accuracy: float | None  # share of symbols recalled
    dense_accuracy: float | None
    iterations: int  # fewest batches that any of the rows had
    seeds: int  # of the wave-RNN
    faster: bool | None  # whether the wave-RNN reached 0.99 before the iRNN in every seed; None if neither did

    # How many times lower the wave-RNN's loss is; None where one is missing or the loss is zero.
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
        first, rival = (side["iterations_to_99"].max() for side in (waves, dense))
        faster = None if dense.empty or first == rival == math.inf else bool(first < rival)
        fewest = min([*waves["iterations"], *dense["iterations"]])
        cells.append(CopyCell(int(wait), *means, fewest, waves["seed"].nunique(), faster))
    return cells


def describe_copy(cells: Sequence[CopyCell]) -> dict[str, Any]:
    """Return the numbers by which the copy claim is judged; cells without both networks are left out."""
    both = [cell for cell in cells if cell.ratio is not None]
    return {
        "waits": [cell.wait for cell in both],
        "missing": len(set(COPY_WAITS) - {cell.wait for cell in both}),
        "wave_losses": [cell.wave_loss for cell in both],
        "dense_losses": [cell.dense_loss for cell in both],
        "wave_loss_released": min((cell.wave_loss / _RELEASED_BATCH for cell in both), default=0.0),
        "least_ratio": min((cell.ratio for cell in both), default=0.0),
        "iterations": min((cell.iterations for cell in both), default=0),
        "faster": all(cell.faster for cell in both if cell.faster is not None),
    }


def describe_hold(cells: Sequence[CopyCell]) -> dict[str, Any]:
    """Return the numbers by which the claim on how long each network holds is judged."""
    waves = {cell.wait: cell.wave_accuracy for cell in cells}
    dense = {cell.wait: cell.dense_accuracy for cell in cells if cell.dense_accuracy is not None}
    held, dense_held = (max((wait for wait in own if own[wait] >= _LEARNT), default=-1) for own in (waves, dense))
    found = {"waits": list(waves), "wave_accuracies": list(waves.values()), "dense_waits": list(dense)}
    found |= {"dense_accuracies": list(dense.values()), "longest_held": held, "longest": max(waves, default=-1)}
    return found | {"dense_longest": dense_held}


def list_adding(rows: Sequence[Row]) -> list[tuple[int, dict[str, tuple[list[int | None], list[int | None]]]]]:
    """Return the paper's iterations and ours, one a seed, by length, then by network; ``None`` for never."""
    found: dict[int, dict] = {}
    for length in sorted({read_wait(row) for row in rows}):
        for name, paper in PAPER_NUMBERS["adding"].items():
            ours = [row["solved_at"] for row in rows if (row["network"], read_wait(row)) == (name, length)]
            found.setdefault(length, {})[name] = ([paper[length]] if length in paper else [], ours)
    return list(found.items())


def describe_adding(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the numbers by which the adding claim is judged: median iterations of both networks by length."""
    lengths, solved = {}, {}
    for name in ("wrnn", "irnn"):
        own = {length: cells[name][1] for length, cells in list_adding(rows) if cells[name][1]}
        # Never is later than any iteration, and of an even number the later of the middle two counts. A median of never
        # is written as 0, because a record holds numbers only.
        ordered = [sorted(times, key=lambda time: time or math.inf) for times in own.values()]
        lengths[f"{name}_lengths"] = list(own)
        solved[f"{name}_solved"] = [times[len(times) // 2] or 0 for times in ordered]
    return lengths | solved | {"missing": len(set(ADDING_LENGTHS) - set(lengths["wrnn_lengths"]))}


def list_accuracies(rows: Iterable[Row]) -> dict[str, dict[int, float]]:
    """Return accuracies of ``pick_usual`` in per cent, by what the paper calls a network, then by seed."""
    own = pick_usual(rows)
    kinds = dict.fromkeys(map(name_kind, own))
    return {kind: {row["seed"]: 100 * row["accuracy"] for row in own if name_kind(row) == kind} for kind in kinds}


def summarise_ablation(rows: Iterable[Row]) -> dict[str, dict[int, float]]:
    """Return mean lowest losses by row of Table 4, then by wait."""
    rows = list(rows)
    frame = _pick(_read_frame(rows)).assign(wait=lambda best: [read_wait(rows[place]) for place in best.index])
    table = frame.pivot_table(index="wait", columns="variant", values="loss")
    return {name: table[name].dropna().to_dict() for name in ABLATIONS if name in table}


def describe_ablation(losses: Mapping[str, Mapping[int, float]]) -> dict[str, Any]:
    """Return the numbers by which Table 4 is judged: in how many columns each of four orders is kept."""
    table = pd.DataFrame(losses, columns=list(ABLATIONS)).dropna()
    orders = {
        "best": table["wRNN"] == table.min(axis=1),
        "shift": table["wRNN without shift-init"] > table["wRNN without V-init"],  # its loss costs more
        "helped": table["iRNN with shift-init"] < table["iRNN"],
        "above": table["iRNN with shift-init and V-init"] > table["wRNN"],  # even so helped
    }
    kept = {name: int(order.sum()) for name, order in orders.items()}
    return {"columns": len(table), "orders": 4 * len(table), "kept": sum(kept.values()), **kept}


def describe_lead(rows: Iterable[Row], curves: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """Return how often the wave-RNN is ahead of the iRNN in the first ten tests, an epoch apart, of the same seed."""
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


def list_sizes(rows: Iterable[Row]) -> dict[str, list[tuple[int, float]]]:
    """Return parameters and mean best accuracy in per cent of each size of wave-RNN (linear readout) and iRNN."""
    frame = _pick(_read_frame(list(rows)), plain=True)
    means = (100 * frame["accuracy"]).groupby([frame["kind"], frame["parameters"]]).mean()
    return {kind: list(means[kind].items()) for kind in ("wRNN", "iRNN") if kind in means}


def describe_sizes(sizes: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any]:
    """Return in how many comparisons a wave-RNN is above an iRNN that has as many parameters or more."""
    waves, dense = sizes.get("wRNN", []), sizes.get("iRNN", [])
    rivals = [([own for own in waves if own[0] <= count], accuracy) for count, accuracy in dense]
    above = [max(smaller)[1] > accuracy for smaller, accuracy in rivals if smaller]
    return {"pairs": len(above), "above": sum(above), "sizes": [size for size, _ in (*waves, *dense)]}


def name_bridge(row: Row) -> str:
    """Return the name of a network that was trained on a history-dependent system: its kind and what is not as usual."""
    horizon = row["task"].partition(":")[2].partition(",")[0]
    units = f", {row['hidden']} units, {horizon} steps" if row["network"] in ("lstm", "gru") else ""
    return name_kind(row) + (" (tanh)" if row["activation"] == "tanh" else "") + units


def describe_bridge(answers: Mapping[tuple[str, int], Mapping[str, float]]) -> dict[str, Any]:
    """Return what analyses by ``name_bridge`` and seed come to: of the networks that have learnt the least figures.

    ``trained`` is the accuracy over the trained range; of the control, which must fail, the largest counts.
    """
    found: dict[str, Any] = {}
    for short, title in {"wave": "wRNN", "tanh": "wRNN (tanh)", "lstm": "LSTM"}.items():
        own = [value for (name, _), value in answers.items() if name.partition(",")[0] == title]
        learnt = [value for value in own if value["trained"] >= _LEARNT]
        found |= {f"{short}_networks": len(own), f"{short}_learnt": len(learnt)}
        if learnt:
            least = pd.DataFrame(learnt).min()[["r2", "r2_settled", "interventions", "accuracy"]].to_dict()
            found |= {f"{short}_{key}": value for key, value in least.items()}
            found[f"{short}_elsewhere"] = max(value["elsewhere"] for value in learnt)
    return found
