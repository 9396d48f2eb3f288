"""What a page recorded can be worked out again from the table that its claim names, by a query and a mean."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twm.book.ledger import read_evidence, read_ledger

SOLVED = "accuracy >= .999 and rank_network == rank_theory"


def pair(rows, key, one, other, value):
    wide = rows.pivot_table(index=["task", "seed"], columns=key, values=value, dropna=False)
    return (wide[one] - wide[other]).dropna()


def best(rows, network, mlp=0):
    """The accuracy of the best setting, a mean over seeds in per cent, at the size that most runs have, then the largest."""
    # Networks that held-out images chose are compared among themselves, once there are some of every kind.
    held, kinds = rows.accuracy_held.notna(), rows.network + (rows.mlp > 0).map(str)
    rows = rows[(held == (set(kinds) == set(kinds[held]))) & (rows.network == network) & (rows.mlp == mlp)]
    sizes = rows.drop_duplicates(["parameters", "seed"]).parameters
    rows = rows[rows.parameters == sizes.mode().max()].assign(chosen=rows.accuracy_held.fillna(rows.accuracy))
    means = rows.groupby(["neurons", "channels", "init", "learning_rate"], dropna=False)[["chosen", "accuracy"]].mean()
    return 100 * means.sort_values("chosen").accuracy.iloc[-1]


def recover(method):
    def work(rows):
        rows = rows.query(f"task == 'T1' and method == '{method}' and {SOLVED}")
        return {"encoding_r2": rows.encoding_r2.min(), "relative_error": rows.relative_error.max(), "networks": len(rows)}

    return work


def bottleneck(rows):
    rows = rows.query("task == 'T1' and hidden == 64 and l2 == 0 and threshold == .98")
    ranks = rows.rank_network
    return {"seeds": len(rows), "least_rank": ranks.min(), "largest_rank": ranks.max(), "accuracy": rows.accuracy.mean()}


def converge(rows):
    rows = rows.query("accuracy_best > .94 and not (task == 'T1' and hidden == 64 and l2 == 0)")
    equal = rows.query("rank_network == rank_theory")
    return {"accurate": len(rows), "equal_rank": len(equal), "converged": (equal.argument_error <= 0.02).sum()}


def realise(rows):
    rows = rows.query(SOLVED)
    return {name: rows[name].min() for name in ("support_weights", "encoding_r2_60", "encoding_r2_200")} | {"networks": len(rows)}


def intervene(rows):
    rows = rows.query(SOLVED)
    return {part: [rows[f"{part}_{step}"].min() for step in (1, 8, 24, 100)] for part in ("changed", "unchanged")}


def limit(rows):
    rows = rows.query("unfold == 10 and reading == 'channel'").sort_values(["delay", "seed"])
    return {"accuracies": list(rows.accuracy), "delays": list(rows.delay)}


def gaussian(rows):
    found = [pair(own, "init", "gaussian", "uniform", "radius") for _, own in rows.groupby("task")]
    return {"differences": [own.mean() for own in found], "larger": [(own > 0).sum() for own in found], "pairs": list(map(len, found))}


#: By claim: its numbers, from its table.
BY_HAND = {
    "twm.table1.acc": lambda rows: {"cells": rows.groupby(["task", "hidden", "l2"]).ngroups},
    "twm.table1.mae": lambda rows: {
        "dashes_agree": sum((own.rank_network != own.rank_theory).all() for _, own in rows.groupby(["task", "hidden", "l2"]))
    },
    "twm.table1.converge": converge, "twm.bottleneck": bottleneck, "twm.fig12": gaussian, "mem.limit": limit,
    "twm.table2": lambda rows: {"accuracies": list(rows.accuracy), "ranks": list(rows.rank_network)},
    "twm.curriculum": lambda rows: {
        "rank_difference": pair(rows, "curriculum", "adaptive", "none", "rank_network").mean(),
        "accuracy_difference": pair(rows, "curriculum", "adaptive", "none", "accuracy_final").mean(),
    },
    "twm.generalise": lambda rows: {"gained": [pair(own, "init", "gaussian", "uniform", "accuracy_10x").mean() for _, own in rows.groupby("task")]},
    "twm.alg1": recover("printed"), "twm.alg1.released": recover("released"), "ours.alg1": recover("corrected"),
    "twm.fig3": lambda rows: {"encoding_r2": rows.query(f"task == 'T1' and {SOLVED}").output_r2.min()},
    "twm.fig3.tasks": lambda rows: {"output_r2": rows.query(f"task in ['T2', 'T3', 'T4'] and {SOLVED}").output_r2.min()},
    "ours.realisation": realise, "ours.intervention": intervene,
    "twm.bottleneck.wave": lambda rows: {
        "rank": rows.query("task == 'T1' and hidden == 64 and l2 == 0 and method == 'regression'").rank_network.max()
    },
    "mem.saddles.delay": lambda rows: {"fixed": list(rows.query("delay == 8").sort_values("seed").fixed)},
    "wrnn.baselines": lambda rows: {f"permuted_{name}": best(rows, name) for name in ("gru", "lstm", "wrnn")},
    "wrnn.cifar": lambda rows: {name: best(rows, name) for name in ("gru", "lstm", "irnn", "wrnn")},
    "wrnn.smnist": lambda rows: {"wrnn": best(rows, "wrnn"), "wrnn_mlp": best(rows, "wrnn", 100)},
    "wrnn.adding": lambda rows: {
        "wrnn_solved": list(rows.query("network == 'wrnn'").groupby("steps").solved_at.median().astype(int))
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
def test_numbers_come_out_of_the_table_that_the_claim_names(root: Path, name: str):
    claim = next(claim for claim in read_ledger() if claim.id == name)
    recorded, rows = read_evidence()[claim.notebook]["claims"][name]["numbers"], pd.read_csv(root / claim.data)
    for key, value in BY_HAND[name](rows).items():
        assert np.ravel(value) == pytest.approx(np.ravel(recorded[key]), rel=1e-6), key
