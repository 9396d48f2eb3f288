"""Analyses of many networks as a table, one row a network and method."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from twm.analysis.checkpoints import Checkpoint, OtherNetwork, read_checkpoint
from twm.analysis.report import STEPS, Analysis, InterventionShares, analyse_network
from twm.errors import UserError
from twm.hds import parse_task
from twm.paths import results_dir
from twm.records import describe_host, read_rows, write_rows

#: Columns of the table, in order.
COLUMNS = (
    "network", "task", "hidden", "l2", "seed", "init", "iterations", "recorded_accuracy", "accuracy", "rank_theory",
    "rank_network", "argument_error", "converged", "method", "relative_error", "relative_error_orbit", "support_match",
    "support_match_weights", "encoding_r2", "explained", "readout_newest", "readout_others", "condition", "changed",
    "unchanged", "changed_at_0", "unchanged_at_0", "own_changed", "own_unchanged", "own_changed_at_0", "into_memories",
    "out_of_memories", "complement_radius", "into_orthogonal",
    "out_of_orthogonal", "orthogonal_radius", "slow_pairs", "steps", "device", "torch", "commit", "date",
)  # fmt: skip


def list_networks(folder: Path | str | None = None) -> list[Path]:
    """Return the networks of a folder that are the end of a training, not snapshots on the way.

    Args:
        folder: ``book/results/networks`` if not given.
    """
    folder = results_dir() / "networks" if folder is None else Path(folder)
    return sorted(path for path in folder.glob("*.safetensors") if not path.stem.rpartition("_at")[2].isdigit())


def list_rows(name: str, checkpoint: Checkpoint, analysis: Analysis) -> list[dict[str, Any]]:
    """Return one row a method.

    Args:
        name: the network's.
        checkpoint: what was analysed.
        analysis: with interventions at step 0 first, then at the others.
    """

    def split(shares: InterventionShares) -> tuple[float, float, float, float]:
        later = slice(1, None)
        return (
            float(shares.changed[later].min()), float(shares.unchanged[later].min()),
            float(shares.changed[0].min()), float(shares.unchanged[0].min()),
        )  # fmt: skip

    said = checkpoint.configuration
    spectrum, complement = analysis.spectrum, analysis.complement
    slow = spectrum.network
    shared = {
        "network": name, "task": analysis.task.name, "hidden": analysis.hidden, "l2": said.get("l2"),
        "seed": said.get("seed"), "init": said.get("init"), "iterations": said.get("iterations"),
        "recorded_accuracy": said.get("accuracy"), "accuracy": analysis.accuracy, "rank_theory": spectrum.rank_theory,
        "rank_network": spectrum.rank_network, "argument_error": spectrum.argument_error,
        "converged": int(analysis.converged), "slow_pairs": int((slow.imag > 1e-9).sum()),
        "steps": "-".join(map(str, analysis.interventions.steps[1:])),
    }  # fmt: skip
    rows = []
    for method, figures in analysis.figures.items():
        row = shared | {
            "method": method, "relative_error": figures.relative_error,
            "relative_error_orbit": figures.relative_error_orbit, "support_match": figures.support_match,
            "support_match_weights": figures.support_match_weights, "encoding_r2": figures.least_r2,
            "explained": figures.explained, "readout_newest": figures.readout_newest,
            "readout_others": figures.readout_others, "condition": analysis.bases[method].condition,
        }  # fmt: skip
        row["own_changed"], row["own_unchanged"], row["own_changed_at_0"], _ = split(analysis.settled[method])
        if method == "regression":
            row["changed"], row["unchanged"], row["changed_at_0"], row["unchanged_at_0"] = split(analysis.interventions)
            if complement is not None:
                row["into_memories"], row["out_of_memories"] = complement.into_memories, complement.out_of_memories
                row["complement_radius"] = complement.radius
                upright = analysis.orthogonal
                row["into_orthogonal"], row["out_of_orthogonal"] = upright.into_memories, upright.out_of_memories
                row["orthogonal_radius"] = upright.radius
        rows.append({key: _round(value) for key, value in row.items()})
    return rows


def record_analyses(
    paths: Iterable[Path] | None = None, table: Path | str | None = None, say: Callable[[str], None] | None = None
) -> int:
    """Analyse networks into a table, leaving out those that it has already.

    A network is in the table when all its rows are; stopped at any point, the next call goes on.

    Args:
        paths: :func:`list_networks` of the book's records if not given.
        table: ``book/results/analysis.csv`` if not given.
        say: is told about every network.

    Returns:
        how many networks were added.
    """
    say = say or (lambda line: None)
    table = results_dir() / "analysis.csv" if table is None else Path(table)
    known = {row["network"] for row in read_rows(table)}
    added = others = 0
    for path in list_networks() if paths is None else paths:
        if path.stem in known:
            continue
        try:
            checkpoint = read_checkpoint(path)
            analysis = analyse_network(checkpoint.system, parse_task(checkpoint.task or ""), steps=(0, *STEPS))
        except OtherNetwork:
            others += 1
            continue
        except UserError as error:
            say(f"{path.stem}: left out: {error}")
            continue
        host = describe_host()
        rows = [row | host for row in list_rows(path.stem, checkpoint, analysis)]
        # All rows of a network at once: a network with some of its rows would pass for one that is done.
        write_rows(table, [*read_rows(table), *rows], COLUMNS)
        added += 1
        say(f"{path.stem}: rank {analysis.spectrum.rank_network} of {analysis.spectrum.rank_theory}")
    if others:
        say(f"left out, for they are no Elman networks: {others} file{'s' * (others != 1)}")
    return added


def _round(value: Any) -> Any:
    # Six digits are more than a figure of a trained network is worth, and keep the table small.
    return float(f"{value:.6g}") if isinstance(value, float) else value
