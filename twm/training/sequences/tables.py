"""The paper's tables on sequences beside ours: rows of a sweep, cell by cell."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twm.sequence_tasks import ADDING_LENGTHS, COPY_WAITS
from twm.training.sequences.sweeps import ABLATIONS

Row = Mapping[str, Any]

#: Table 1 of the paper: iterations until the adding task was solved, by length; ``None`` for never.
PAPER_ADDING = {
    "irnn": dict(zip(ADDING_LENGTHS, (14_000, 22_000, 30_000, None, None))),
    "wrnn": dict(zip(ADDING_LENGTHS, (300, 1_000, 1_000, 3_000, 2_000))),
}
#: Table 2 of the paper: accuracy in per cent on MNIST pixel by pixel and permuted.
PAPER_IMAGES = {
    "wRNN": (97.6, 96.7),
    "iRNN": (98.5, 92.5),
    "wRNN + MLP": (97.5, 97.6),
    "LSTM": (98.8, 92.9),
    "GRU": (99.1, 94.1),
}
#: Batch of the paper's copy task, by which its released code divides the loss once more.
RELEASED_BATCH = 128


def name_network(row: Row) -> str:
    """Return what the paper calls the network of a row."""
    if row["network"] == "wrnn":
        return "wRNN + MLP" if row["mlp"] else "wRNN"
    return {"irnn": "iRNN", "lstm": "LSTM", "gru": "GRU"}[row["network"]]


def read_wait(row: Row) -> int:
    """Return the number in a task's name: the wait of ``copy:T``, the length of ``adding:T``."""
    return int(row["task"].partition(":")[2])


def pick_best(rows: Iterable[Row]) -> list[Row]:
    """Return for each task, network, size and seed the row of a grid with the best accuracy, then the lowest loss.

    Starts of weights count as different networks: they are what an ablation compares.
    """
    best: dict[tuple, Row] = {}
    for row in rows:
        key = tuple(
            row[name]
            for name in ("task", "network", "neurons", "channels", "mlp", "init", "encoder", "activation", "seed")
        )
        if key not in best or _rank(row) > _rank(best[key]):
            best[key] = row
    return list(best.values())


def _rank(row: Row) -> tuple[float, float]:
    return row["accuracy"], -float("inf") if row["loss"] is None else -row["loss"]


@dataclass(frozen=True)
class CopyCell:
    """One wait of the copy task.

    Attributes:
        wait: the paper's T.
        wave_loss: lowest test loss of the wave-RNN, the mean over seeds; ``None`` without rows.
        dense_loss: the lowest of the iRNNs' means over seeds.
        wave_accuracy: share of symbols recalled, the mean over seeds.
        dense_accuracy: of the iRNN with the lowest loss.
        iterations: fewest batches that any of the rows had.
        seeds: of the wave-RNN.
        faster: whether the wave-RNN's first accuracy of 0.99 came before the iRNN's in every seed; ``None`` if neither did.
    """

    wait: int
    wave_loss: float | None
    dense_loss: float | None
    wave_accuracy: float | None
    dense_accuracy: float | None
    iterations: int
    seeds: int
    faster: bool | None

    @property
    def ratio(self) -> float | None:
        """How many times lower the wave-RNN's loss is; ``None`` where one is missing or the loss is zero."""
        return self.dense_loss / self.wave_loss if self.wave_loss and self.dense_loss else None


def summarise_copy(rows: Sequence[Row]) -> list[CopyCell]:
    """Compare wave-RNN and iRNN at each wait that has rows of the wave-RNN, shortest first."""
    plain = [row for row in rows if row["init"] in ("shift", "identity") and row["encoder"] in ("single", "small")]
    cells = []
    for wait in sorted({read_wait(row) for row in plain}):
        own = pick_best(row for row in plain if read_wait(row) == wait)
        waves = [row for row in own if row["network"] == "wrnn" and row["init"] == "shift"]
        dense = [row for row in own if row["network"] == "irnn" and row["init"] == "identity"]
        if not waves:
            continue
        groups = [[row for row in dense if row["neurons"] == size] for size in {row["neurons"] for row in dense}]
        best = min(groups, key=_mean_loss, default=[])
        reached = [_first(waves), _first(best)] if best else [None, None]
        faster = None if reached == [None, None] else reached[1] is None or (reached[0] or 10**9) < reached[1]
        cells.append(
            CopyCell(
                wait, _mean_loss(waves), _mean_loss(best) if best else None, _mean(waves, "accuracy"),
                _mean(best, "accuracy") if best else None, min(row["iterations"] for row in (*waves, *best)),
                len({row["seed"] for row in waves}), faster,
            )
        )  # fmt: skip
    return cells


def _mean(rows: Sequence[Row], column: str) -> float:
    return sum(row[column] for row in rows) / len(rows)


def _mean_loss(rows: Sequence[Row]) -> float:
    losses = [float("inf") if row["loss"] is None else row["loss"] for row in rows]
    return sum(losses) / len(losses)


def _first(rows: Sequence[Row]) -> int | None:
    reached = [row["iterations_to_99"] for row in rows]
    return None if any(value is None for value in reached) else max(reached)


def describe_copy(cells: Sequence[CopyCell]) -> dict[str, Any]:
    """Return the numbers by which the copy claim is judged; cells without both networks are left out."""
    both = [cell for cell in cells if cell.ratio is not None]
    return {
        "waits": [cell.wait for cell in both],
        "missing": len(set(COPY_WAITS) - {cell.wait for cell in both}),
        "wave_losses": [cell.wave_loss for cell in both],
        "dense_losses": [cell.dense_loss for cell in both],
        "wave_loss_released": min((cell.wave_loss / RELEASED_BATCH for cell in both), default=0.0),
        "least_ratio": min((cell.ratio for cell in both), default=0.0),
        "iterations": min((cell.iterations for cell in both), default=0),
        "faster": all(cell.faster for cell in both if cell.faster is not None),
    }


def describe_hold(cells: Sequence[CopyCell]) -> dict[str, Any]:
    """Return the numbers by which the claim on how long each network holds is judged."""
    held = [cell.wait for cell in cells if cell.wave_accuracy is not None and cell.wave_accuracy >= 0.99]
    dense = {cell.wait: cell.dense_accuracy for cell in cells if cell.dense_accuracy is not None}
    return {
        "waits": [cell.wait for cell in cells],
        "wave_accuracies": [cell.wave_accuracy for cell in cells],
        "dense_waits": list(dense),
        "dense_accuracies": list(dense.values()),
        "longest_held": max(held, default=-1),
        "longest": max((cell.wait for cell in cells), default=-1),
        "dense_longest": max((wait for wait, accuracy in dense.items() if accuracy >= 0.99), default=-1),
    }


def describe_adding(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the numbers by which the adding claim is judged: solved iterations of both networks by length."""
    found: dict[str, dict[int, list[int | None]]] = {"wrnn": {}, "irnn": {}}
    for row in rows:
        if row["network"] in found:
            found[row["network"]].setdefault(read_wait(row), []).append(row["solved_at"])
    solved = {
        network: {length: _middle(values) for length, values in sorted(cells.items())}
        for network, cells in found.items()
    }
    return {
        **{f"{network}_lengths": list(cells) for network, cells in solved.items()},
        # A median of never is written as 0, because a record holds numbers only.
        **{f"{network}_solved": [value or 0 for value in cells.values()] for network, cells in solved.items()},
        "missing": len(set(ADDING_LENGTHS) - set(solved["wrnn"])),
    }


def _middle(values: Sequence[int | None]) -> int | None:
    """Return the median, where never is later than any iteration; of an even number the later of the middle two."""
    ordered = sorted(float("inf") if value is None else value for value in values)
    middle = ordered[len(ordered) // 2]
    return None if middle == float("inf") else int(middle)


def list_adding(rows: Sequence[Row]) -> list[tuple[int, dict[str, tuple[list[int | None], list[int | None]]]]]:
    """Return Table 1 beside ours: by length, then by network, the paper's iterations and ours, one a seed.

    ``None`` stands for never; a list is empty where the paper has no such length, or we no row.
    """
    return [
        (
            length,
            {
                network: ([paper[length]] if length in paper else [], [row["solved_at"] for row in rows if (row["network"], read_wait(row)) == (network, length)])
                for network, paper in PAPER_ADDING.items()
            },
        )
        for length in sorted({read_wait(row) for row in rows})
    ]  # fmt: skip


def pick_usual(rows: Iterable[Row]) -> list[Row]:
    """Return the best rows of a grid, see :func:`pick_best`, in one size a network: that of most runs, then the largest.

    Of wave-RNNs those that start as a shift. Other sizes are there for the curve of :func:`list_sizes`.
    """
    rows = [row for row in rows if row["network"] != "wrnn" or row["init"] == "shift"]
    found = []
    for name in dict.fromkeys(map(name_network, rows)):
        own = [row for row in rows if name_network(row) == name]
        sizes = [row["parameters"] for row in own]
        usual = max(set(sizes), key=lambda size: (sizes.count(size), size))
        found += pick_best(row for row in own if row["parameters"] == usual)
    return found


def list_accuracies(rows: Iterable[Row]) -> dict[str, dict[int, float]]:
    """Return accuracies of :func:`pick_usual` in per cent, by what the paper calls a network, then by seed."""
    found: dict[str, dict[int, float]] = {}
    for row in pick_usual(rows):
        found.setdefault(name_network(row), {})[row["seed"]] = 100 * row["accuracy"]
    return found


def name_ablation(row: Row) -> str | None:
    """Return which row of the paper's Table 4 a row is, or ``None``."""
    usual = {"w": ("shift", "single"), "i": ("identity", "small")}
    for name, changes in ABLATIONS.items():
        start = {"recurrent": usual[name[0]][0], "encoder": usual[name[0]][1], **changes}
        if row["network"][0] == name[0] and (row["init"], row["encoder"]) == (start["recurrent"], start["encoder"]):
            return name
    return None


def summarise_ablation(rows: Iterable[Row]) -> dict[str, dict[int, float]]:
    """Return mean lowest losses by row of Table 4, then by wait."""
    found: dict[str, dict[int, list[float]]] = {}
    for row in pick_best(rows):
        name = name_ablation(row)
        if name is not None and row["loss"] is not None:
            found.setdefault(name, {}).setdefault(read_wait(row), []).append(row["loss"])
    return {
        name: {wait: sum(values) / len(values) for wait, values in sorted(found[name].items())}
        for name in ABLATIONS
        if name in found
    }


def describe_ablation(losses: Mapping[str, Mapping[int, float]]) -> dict[str, Any]:
    """Return the numbers by which Table 4 is judged: in how many columns each of four orders is kept.

    The wave-RNN has the lowest loss of all (``best``); losing the shift costs it more than losing the encoder's start
    (``shift``); the shift helps the iRNN (``helped``); and so helped, with both, it is still above the wave-RNN (``above``).
    """
    kept, columns = dict.fromkeys(("best", "shift", "helped", "above"), 0), 0
    for wait in sorted({wait for row in losses.values() for wait in row}):
        column = {name: row[wait] for name, row in losses.items() if wait in row}
        if set(column) != set(ABLATIONS):
            continue
        columns += 1
        waves, dense, both = column["wRNN"], column["iRNN"], column["iRNN with shift-init and V-init"]
        kept["best"] += waves == min(column.values())
        kept["shift"] += column["wRNN without shift-init"] > column["wRNN without V-init"]
        kept["helped"] += column["iRNN with shift-init"] < dense
        kept["above"] += both > waves
    return {"columns": columns, "orders": 4 * columns, "kept": sum(kept.values()), **kept}


def describe_lead(
    rows: Sequence[Row], curves: Mapping[str, Sequence[Mapping[str, Any]]], epochs: int = 10
) -> dict[str, Any]:
    """Return how often the wave-RNN is ahead of the iRNN in the first tests, an epoch apart, of the same seed."""
    best = [
        row for row in pick_best(rows) if name_network(row) in ("wRNN", "iRNN") and row["init"] in ("shift", "identity")
    ]
    waves, dense = ([row for row in best if row["network"] == network] for network in ("wrnn", "irnn"))
    waves = [row for row in waves if row["init"] == "shift"]
    ahead = looks = longest = 0
    for row in waves:
        rivals = [other for other in dense if other["seed"] == row["seed"]]
        if not rivals:
            continue
        rival = max(rivals, key=_rank)
        pairs = list(zip(curves.get(row["model"], ()), curves.get(rival["model"], ())))[:epochs]
        ahead += sum(own["test_accuracy"] > other["test_accuracy"] for own, other in pairs)
        looks, longest = looks + len(pairs), max(longest, len(pairs))
    return {"ahead": ahead, "looks": looks, "epochs": longest}


def list_sizes(rows: Iterable[Row]) -> dict[str, list[tuple[int, float]]]:
    """Return parameters and mean best accuracy in per cent of each size of wave-RNN (linear readout) and iRNN."""
    found: dict[str, dict[int, list[float]]] = {}
    for row in pick_best(rows):
        name = name_network(row)
        if (
            name in ("wRNN", "iRNN")
            and row["init"] in ("shift", "identity")
            and (name == "iRNN" or row["init"] == "shift")
        ):
            found.setdefault(name, {}).setdefault(row["parameters"], []).append(100 * row["accuracy"])
    return {
        name: [(size, sum(values) / len(values)) for size, values in sorted(sizes.items())]
        for name, sizes in found.items()
    }


def describe_sizes(sizes: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, Any]:
    """Return in how many comparisons a wave-RNN is above an iRNN that has as many parameters or more."""
    pairs = above = 0
    for count, accuracy in sizes.get("iRNN", ()):
        smaller = [own for own in sizes.get("wRNN", ()) if own[0] <= count]
        if smaller:
            pairs += 1
            above += max(smaller)[1] > accuracy
    return {
        "pairs": pairs,
        "above": above,
        "sizes": [size for size, _ in (*sizes.get("wRNN", ()), *sizes.get("iRNN", ()))],
    }


#: Share of right signs over the trained range from which a network has learnt a history-dependent system.
LEARNT = 0.99


def name_bridge(row: Row) -> str:
    """Return the name of a network that was trained on a history-dependent system: its kind and what is not as usual."""
    horizon = row["task"].partition(":")[2].partition(",")[0]
    units = f", {row['hidden']} units, {horizon} steps" if row["network"] in ("lstm", "gru") else ""
    return name_network(row) + (" (tanh)" if row["activation"] == "tanh" else "") + units


def describe_bridge(answers: Mapping[tuple[str, int], Mapping[str, float]]) -> dict[str, Any]:
    """Return the numbers by which the claim is judged that such networks are travelling-wave memories too.

    Args:
        answers: by :func:`name_bridge` and seed, what :meth:`twm.analysis.MachineAnalysis.summarise` returned, with the
            accuracy over the trained range as ``trained``.

    Returns:
        for the wave-RNN (``wave``), that with tanh (``tanh``) and the LSTM (``lstm``) how many there are and have learnt
        their task, and over those that have the least of each figure; of the control, which must fail, the largest.
    """
    found: dict[str, Any] = {}
    for short in ("wave", "tanh", "lstm"):
        title = {"wave": "wRNN", "tanh": "wRNN (tanh)", "lstm": "LSTM"}[short]
        own = [value for (name, _), value in answers.items() if name.partition(",")[0] == title]
        learnt = [value for value in own if value["trained"] >= LEARNT]
        found |= {f"{short}_networks": len(own), f"{short}_learnt": len(learnt)}
        for key in ("r2", "r2_settled", "interventions", "accuracy") if learnt else ():
            found[f"{short}_{key}"] = min(value[key] for value in learnt)
        if learnt:
            found[f"{short}_elsewhere"] = max(value["elsewhere"] for value in learnt)
    return found
