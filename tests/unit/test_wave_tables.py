"""The wave-RNN page's numbers from rows, by hand."""

import numpy as np
import pytest

from tests.laws.test_activity import move
from twm.theory.activity import measure_activity_spectrum, measure_line_share
from twm.training import tables
from twm.training.plans import SequencePlan
from twm.training.sequence_model import SequenceRun
from twm.training.sweeps import list_reduced_plans, list_speeds, measure_bands, record_activity, train_here, were_trained

BASE = dict.fromkeys(SequenceRun.columns) | {
    "network": "wrnn", "neurons": 100, "channels": 6, "mlp": 0, "init": "shift", "encoder": "single", "activation": "relu", "seed": 0,
    "accuracy": 0.9, "loss": 0.1, "iterations": 100, "parameters": 12_724,
}  # fmt: skip
DENSE = {"network": "irnn", "channels": 1, "init": "identity", "encoder": "small", "parameters": 12_120}
WIDE = DENSE | {"parameters": 13_000, "neurons": 110}


def make_row(task: str, **more) -> dict:
    row = BASE | {"task": task} | more
    name = [str(row[key]) for key in ("task", "network", "neurons", "init", "seed", "learning_rate", "mlp")]
    return row | {"model": "_".join(name)}


def test_the_best_of_a_grid_is_taken_for_each_seed():
    rates = [(seed, rate) for seed in (0, 1) for rate in (0.1, 0.2)]
    rows = [make_row("copy:10", seed=seed, learning_rate=rate, accuracy=0.5 + rate, loss=rate) for seed, rate in rates]
    rows.append(make_row("copy:10", seed=1, learning_rate=0.3, accuracy=0.7, loss=0.1))
    assert [(row["seed"], row["learning_rate"]) for row in tables.pick_best(rows)] == [(0, 0.2), (1, 0.3)]
    # Where images held out chose the best test they choose the rate as well, and rows that the test set chose are left out.
    held = [make_row("smnist", accuracy=one, accuracy_held=other) for one, other in ((0.7, 0.6), (0.6, 0.7), (0.9, None))]
    assert [row["accuracy"] for row in tables.pick_best(held)] == [0.6]
    # A run with a later limit replaces the one that an earlier limit stopped, even if it ends lower.
    limits = [make_row("smnist", accuracy=one, accuracy_held=one, iterations=most) for one, most in ((0.7, 120), (0.6, 250))]
    assert [row["iterations"] for row in tables.pick_best([*limits, make_row("smnist", accuracy_held=0.5, learning_rate=0.2)])] == [250]
    # A loss that is not known is no lower than any.
    assert tables.pick_best([make_row("copy:10", loss=None), rows[0] | {"accuracy": 0.9}])[0]["loss"] == 0.1


def test_copy_by_hand():
    rows = [
        make_row("copy:10", loss=1e-6, accuracy=1.0, iterations_to_99=200, iterations=10_000),
        make_row("copy:10", seed=1, loss=3e-6, accuracy=1.0, iterations_to_99=300, iterations=10_000),
        make_row("copy:10", **DENSE, loss=0.4, accuracy=0.5, iterations=10_000),
        make_row("copy:10", **DENSE | {"neurons": 625}, loss=0.2, accuracy=0.6, iterations=2_000),
        make_row("copy:10", **DENSE | {"init": "shift"}, loss=1e-9),
        make_row("copy:30", loss=1e-5, accuracy=0.995, iterations=10_000),
        make_row("copy:80", **DENSE),
    ]
    short, long = tables.summarise_copy(rows)
    found = (short.wave_loss, short.dense_loss, short.seeds, short.iterations, short.faster)
    assert found == (2e-6, 0.2, 2, 2_000, True) and (short.wave_accuracy, short.dense_accuracy) == (1.0, 0.6)
    assert short.ratio == pytest.approx(1e5) and long.ratio is None
    # Before the iRNN in every seed: the slower of two comes after it.
    early = [row | {"iterations_to_99": 250} if row["network"] == "irnn" else row for row in rows]
    assert not tables.summarise_copy(early)[0].faster
    described = tables.describe_copy([short, long])
    assert described["waits"] == [10] and described["missing"] == 4 and described["least_ratio"] == pytest.approx(1e5)
    assert described["wave_loss_released"] == pytest.approx(2e-6 / 50)
    held = tables.describe_hold([short, long])
    assert (held["longest_held"], held["longest"], held["dense_longest"], held["dense_waits"]) == (30, 30, -1, [10])


def test_adding_by_hand():
    rows = [make_row("adding:200", solved_at=700), make_row("adding:200", seed=1, solved_at=None)]
    rows += [make_row("adding:100", **DENSE, solved_at=1500), make_row("adding:20", solved_at=90)]
    assert tables.list_adding(rows) == [
        (20, {"irnn": ([], []), "wrnn": ([], [90])}),
        (100, {"irnn": ([14_000], [1500]), "wrnn": ([300], [])}),
        (200, {"irnn": ([22_000], []), "wrnn": ([1_000], [700, None])}),
    ]
    rows += [make_row("adding:200", seed=2, solved_at=800), make_row("adding:400", solved_at=None)]
    found = {"wrnn_lengths": [20, 200, 400], "irnn_lengths": [100], "wrnn_solved": [90, 800, 0], "irnn_solved": [1500]}
    found |= {"wrnn_seeds": [1, 3, 1], "irnn_seeds": [1]}
    assert tables.describe_adding(rows) == found | {"missing": 3} and tables.list_adding([]) == []
    # Settings of one seed are one seed: the best counts.
    grid = [make_row("adding:100", clip=clip, loss=loss, solved_at=at) for clip, loss, at in ((0.0, 0.2, None), (1.0, 0.01, 200))]
    assert tables.list_adding(grid) == [(100, {"irnn": ([14_000], []), "wrnn": ([300], [200])})]


def test_images_by_hand():
    rows = [
        make_row("psmnist", accuracy=0.9), make_row("psmnist", seed=1, accuracy=0.8),
        make_row("psmnist", accuracy=0.7, parameters=500, channels=2),
        make_row("psmnist", accuracy=0.99, init="random"), make_row("psmnist", mlp=9, accuracy=0.95, parameters=20_000),
        make_row("psmnist", **DENSE, accuracy=0.3, learning_rate=1e-3), make_row("psmnist", **DENSE, accuracy=0.4, learning_rate=1e-4),
        make_row("psmnist", **WIDE, accuracy=0.95), make_row("psmnist", **DENSE, accuracy=0.4, learning_rate=1e-4, seed=1),
    ]  # fmt: skip
    # Of a size that most runs have and not of the largest, and of starts the paper's.
    found = tables.list_accuracies(rows)
    assert found == {"wRNN": {0: 90.0, 1: 80.0}, "wRNN + MLP": {0: 95.0}, "iRNN": {0: 40.0, 1: 40.0}}
    # More settings of a size are no more runs: then the largest counts.
    assert tables.list_accuracies(rows[:-1])["iRNN"] == {0: 95.0}
    # Of two data sets a size counts that both have.
    both = tables.pick_usual([*rows[:-1], make_row("smnist", **DENSE, accuracy=0.6), make_row("smnist", accuracy=0.7)])
    assert [(row["task"], row["accuracy"]) for row in both if row["network"] == "irnn"] == [("psmnist", 0.4), ("smnist", 0.6)]
    sizes = tables.list_sizes(rows)
    assert sizes["wRNN"] == [(500, 70.0), (12_724, pytest.approx(85.0))]
    assert sizes["iRNN"] == [(12_120, 40.0), (13_000, 95.0)]
    assert tables.describe_sizes(sizes) == {"pairs": 2, "above": 1, "sizes": [500, 12_724, 12_120, 13_000]}
    curves = {row["model"]: [{"test_accuracy": row["accuracy"]}] * 12 for row in rows}
    assert tables.describe_lead(rows[:1] + rows[5:7], curves) == {"ahead": 10, "looks": 10, "epochs": 10}
    assert tables.describe_lead(rows[:1], curves)["looks"] == 0


def test_the_ablation_by_hand():
    plans = list_reduced_plans("ablation", "smoke")
    losses = (0.01, 0.02, 0.5, 0.6, 0.4, 0.3, 0.2)
    starts = [{"network": plan.network, "init": plan.recurrent, "encoder": plan.encoder} for plan in plans]
    rows = [make_row("copy:5", **start, loss=loss) for start, loss in zip(starts, losses)]
    rows += [make_row("copy:5", init="identity", loss=0.0), make_row("copy:5", seed=1, loss=0.03)]
    found = tables.summarise_ablation(rows)
    assert list(found) == list(tables.ABLATIONS) and found["wRNN"] == {5: pytest.approx(0.02)}
    kept = {"best": 1, "shift": 1, "helped": 1, "above": 1}
    described = tables.describe_ablation(dict(zip(found, ({10: loss} for loss in losses))))
    assert described == {"columns": 1, **kept}
    broken = tables.describe_ablation(found | {"iRNN with shift-init": {5: 0.45}, "wRNN": {5: 0.01, 7: 1.0}})
    assert (broken["columns"], broken["best"], broken["helped"]) == (1, 1, 0)
    assert tables.describe_ablation({"wRNN": {10: 0.1}})["columns"] == 0 == len(tables.summarise_ablation([]))


def test_activity_of_rings_and_of_a_dense_network():
    shared = {"iterations": 1, "batch": 8, "test_every": 1, "test_count": 8}
    plan = SequencePlan("copy:1", "wrnn", 12, 3, snapshots=(0,), **shared)
    dense = SequencePlan("copy:1", "irnn", 9, **shared)
    models = train_here([plan, dense])
    network, found = models.find_network(plan.name)
    activity = record_activity(network, found, count=2)
    assert activity.shape == (2, 3, 21, 12) and found == plan
    still = record_activity(*models.find_network(dense.name), count=2)
    assert still.shape == (2, 1, 21, 9)
    # At its start every ring is a shift register that is written to at one place.
    start = record_activity(*models.find_network(f"{plan.name}_at0"), count=2)
    diagonal = lambda ring: measure_line_share(measure_activity_spectrum(ring))
    assert measure_bands(start, diagonal) > 2 * measure_bands(still, diagonal)
    assert models.select(network="irnn") == [models.rows[1]] and models.find_network("other") is None
    assert models.list_snapshots(plan.name) == [0] and models.list_snapshots("other") == []


def test_speeds_of_rings_are_told_apart():
    generator = np.random.default_rng(0)
    waves = [move(generator.standard_normal(40), speed, 120) for speed in (1.0, 0.6)]
    rings = np.stack([*waves, generator.standard_normal((120, 40)), np.zeros((120, 40))])[None]
    assert np.array(list_speeds(rings)) == pytest.approx(np.array([[1.0] * 3, [0.6] * 3]), abs=0.05)
    # Whatever its speed a wave has its power on one line, but not with its neurons in random order; silence counts for nothing.
    assert measure_bands(rings[:, :2]) > 0.9 > 0.3 > measure_bands(rings[:, :2], mixed=True)
    assert measure_bands(rings[:, 1:2]) == measure_bands(rings[:, [1, 3]]) and measure_bands(rings[:, 3:]) == 0


def test_the_bridge_counts_networks_that_have_learnt():
    row = {"task": "hds:40,T1", "network": "wrnn", "activation": "relu", "mlp": 0, "hidden": 320}
    gated = row | {"network": "lstm", "hidden": 128}
    names = [tables.name_bridge(one) for one in (row, row | {"activation": "tanh"}, gated)]
    assert names == ["wRNN", "wRNN (tanh)", "LSTM, 128 units, 40 steps"]
    good = {"trained": 1.0, "r2": 0.99, "r2_settled": 0.9, "interventions": 1.0, "accuracy": 0.8, "elsewhere": 0.1, "swaps": 0.7}
    poor = good | {"r2": 0.97, "elsewhere": 0.2, "interventions": 0.96}
    lost = good | {"trained": 0.9, "r2": -3.0, "elsewhere": 0.9}
    # Those that have not learnt count as well.
    found = tables.describe_bridge({(names[1], 0): good, (names[0], 1): poor, (names[2], 0): lost})
    assert (found["wave_r2"], found["wave_interventions"], found["wave_elsewhere"], found["lstm_r2"]) == (0.97, 0.96, 0.2, -3.0)
    assert (found["kinds"], found["accuracy"], found["wave_networks"]) == (["wave", "wave", "lstm"], [0.8] * 3, 2)
    assert (found["wave_learnt_r2"], found["lstm_learnt_r2"]) == (0.97, 0)


def test_rivals_are_trained_when_they_start_as_released_and_stop_improving():
    released = DENSE | {"encoder": "released-small", "scale": "small"}
    points = lambda *scores: [{"test_accuracy": score, "test_loss": 1 - score} for score in scores]
    flat, rising = points(0.2, 0.8, 0.8, 0.81, 0.8, 0.8), points(0.2, 0.4, 0.5, 0.6, 0.7, 0.8)
    chance = {tests: points(*[0.1] * tests) for tests in (99, 100)}  # the first of these may have been stopped on a plateau
    fall = lambda last: [point | {"test_loss": loss} for point, loss in zip(flat, [1.0] * 5 + [last])]
    cases = {"flat": (released, flat, True), "rising": (released, rising, False), "start": (DENSE | {"scale": "small"}, flat, False)}
    cases |= {"slower": (released, fall(0.96), True), "falling": (released, fall(0.9), False)}
    for start, curve, expected in (*cases.values(), (released, chance[99], False), (released, chance[100], True)):
        row = make_row("copy:10", **start)
        assert were_trained([row], {row["model"]: curve}) == expected
    whole = make_row("copy:10", **released | {"scale": ""})
    assert were_trained([whole], {}) and not were_trained([whole | {"encoder": "small"}], {})
    solved = make_row("adding:9", **released | {"solved_at": 400})
    assert [were_trained([solved], {}, column) for column in ("", "solved_at")] == [False, True]
    assert not were_trained([solved | {"solved_at": None}, solved], {}, "solved_at")
    held = make_row("copy:10", **released | {"accuracy_held": 0.6, "checkpoint": 4})
    for after, expected in ((10, True), (9, False)):
        curve = [point | {"iteration": at} for at, point in enumerate(points(0.1, 0.2, 0.3, 0.6, *[0.5] * after), start=1)]
        curve[-1]["test_loss"] = 0.01  # so that its loss is not flat
        assert were_trained([held], {held["model"]: curve}) == expected
    # Of both starts the released one is compared.
    both = [make_row("copy:10", loss=0.1), make_row("copy:10", **DENSE, loss=0.2), make_row("copy:10", **released, loss=0.3)]
    assert tables.summarise_copy(both)[0].dense_loss == 0.3 == tables.pick_usual(both)[1]["loss"]
    runs = [make_row("copy:10", iterations=iterations) for iterations in (100, 900, 300)]
    assert [row["iterations"] for row in tables.pick_best(runs)] == [900]


def test_catching_up_and_the_printed_settings_by_hand():
    rows = [make_row("smnist", accuracy=0.97), make_row("smnist", **DENSE | {"encoder": "released-dense"}, accuracy=0.98)]
    points = lambda *scores: [{"test_accuracy": score} for score in scores]
    for dense, epoch in (((0.1, 0.96, 0.5, 0.97), 4), ((0.1, 0.9, 0.9, 0.96), 0), ((0.95, 0.96, 0.9, 0.98), 1)):
        curves = dict(zip((row["model"] for row in rows), (points(0.9, 0.95, 0.97, 0.96), points(*dense))))
        if epoch == 1:
            curves[rows[0]["model"]] = points(0.9, 0.95, 0.96, 0.96)
        assert tables.describe_catchup(rows, curves) == {"epoch": epoch, "final_lead": pytest.approx(1)}
    grid = {(a, b): 0.3 for a in (1e-2, 1e-3, 1e-4) for b in (0.0, 1.0, 10.0)} | {(1e-3, 1.0): 0.2, (1e-3, 0.0): 0.1}
    rows = [make_row(task, learning_rate=a, clip=b, loss=c) for task in ("copy:10", "copy:0") for (a, b), c in grid.items()]
    # The printed setting alone, without the rest of the grid, would agree with itself.
    rows.append(make_row("copy:30", learning_rate=1e-3, clip=0.0, loss=0.1))
    assert tables.describe_settings(rows) == {"cells": 2, "rates_agree": 2, "both_agree": 1}
