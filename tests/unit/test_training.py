"""The slow, obvious way to train: its protocol step by step, its data, and the comparison's record."""

import math
from dataclasses import replace

import pytest
import torch

from tests.conftest import refusals
from twm.errors import UserError
from twm.models.elman import ElmanRNN
from twm.records import describe_rows, read_rows
from twm.theory.systems import make_named_task, parse_task
from twm.training import attention
from twm.training.attention import (
    RECORDED_PARTS, compare_attention_with_elman, describe_main_comparison, list_iterations,
    record_attention_comparison, select_runs, summarise_comparisons, summarise_ratio,
)  # fmt: skip
from twm.training.loop import train_model
from twm.training.runner import Outcome
from twm.training.trainer import (
    MODELS, ModulePlan, ModuleRun, TrainingPlan, draw_batch, measure_accuracy, run_output_phase,
)  # fmt: skip

TOY = "repeat-copy:3,2"
SHORT = TrainingPlan(iterations=40, batch=16, horizons=(6, 12), test_every=20, test_count=32, test_horizon=12)


def make_plan(model: str = "elman", hidden: int = 8, seed: int = 0, **options) -> ModulePlan:
    return ModulePlan(model=model, task=TOY, hidden=hidden, seed=seed, **options)


def test_targets_continue_the_inputs_and_data_depends_on_everything_it_should():
    inputs, targets = draw_batch(make_named_task("T1"), "train", 0, 1, 5, 20)
    assert inputs.shape == (8, 5, 8) and all(torch.equal(targets[step], inputs[step % 8]) for step in range(20))
    task = parse_task(TOY)
    base = draw_batch(task, "train", 0, 1, 64, 4)[0]
    assert torch.equal(base, draw_batch(task, "train", 0, 1, 64, 9)[0])
    other_task = parse_task("random:3,2,1")
    for other in ((task, "test", 0, 1), (task, "train", 1, 1), (task, "train", 0, 2), (other_task, "train", 0, 1)):
        assert not torch.equal(base, draw_batch(*other, 64, 4)[0])


def test_accuracy_counts_signs_by_step():
    targets = torch.tensor([[[1.0, -1.0]], [[1.0, -1.0]]])
    outputs = torch.tensor([[[0.1, -3.0]], [[0.0, 2.0]]])
    assert measure_accuracy(outputs, targets).tolist() == [1.0, 0.5]


def test_updates_are_torchs_clip_and_adam_with_weight_decay():
    run = ModuleRun(make_plan(hidden=6, seed=3, iterations=5, batch=8, l2=0.1, clip=0.05, horizons=(4,), test_count=4))
    run.train()
    expected = ElmanRNN(2, 6, seed=3)
    optimiser = torch.optim.Adam(expected.parameters(), lr=1e-3, weight_decay=0.1)
    for iteration in range(1, 6):
        inputs, targets = draw_batch(run.task, "train", 3, iteration, 8, 4)
        optimiser.zero_grad()
        (run_output_phase(expected, inputs, 4) - targets).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(expected.parameters(), 0.05)
        optimiser.step()
    for found, parameter in zip(run.network.parameters(), expected.parameters()):
        torch.testing.assert_close(found, parameter, rtol=1e-4, atol=1e-6)


def test_small_networks_learn_the_toy_but_not_attention_without_positions():
    options = {"iterations": 3000, "horizons": (6, 12, 24), "test_horizon": 24, "test_every": 50, "stop_at": 1.0}
    for model in ("elman", "attention"):
        row = train_model(make_plan(model, 32, **options)).row
        assert row["accuracy"] == 1.0 and row["iterations"] < 3000 and row["iterations"] % 50 == 0
        assert 0 < row["iterations_to_99_first"] <= row["iterations_to_99"] <= row["iterations"]
    options |= {"iterations": 600, "horizons": (6,), "test_horizon": 6}
    row = train_model(make_plan("attention-unlabelled", **options)).row
    assert row["accuracy"] < 0.9 and row["iterations_to_99"] is None and row["curriculum"] == "none"


def test_same_seed_gives_the_same_run_and_another_seed_another_stopped_or_not():
    plan = make_plan(**vars(SHORT))
    whole, other, stopped = ModuleRun(plan), ModuleRun(make_plan(seed=1, **vars(SHORT))), ModuleRun(plan)
    assert whole.train() and other.train() and not stopped.train(lambda run: run.iteration < 23)
    again = ModuleRun(plan)
    again.load(*stopped.state())
    assert again.train() and whole.logs == again.logs != other.logs
    assert all(torch.equal(a, b) for a, b in zip(whole.network.parameters(), again.network.parameters()))


def test_parameters_of_the_compared_networks_are_of_two_sizes():
    task = make_named_task("T1")
    count = {name: sum(p.numel() for p in make(task, 128, 0).parameters()) for name, make in MODELS.items()}
    small = sum(p.numel() for p in MODELS["elman"](task, 10, 0).parameters())
    assert abs(count["attention-wide"] / count["elman"] - 1) < 0.01
    assert abs(small / count["attention"] - 1) < 0.05


def test_new_record_takes_the_old_one_s_place_only_when_it_is_whole(clone, monkeypatch: pytest.MonkeyPatch):
    """Its rows are those of the comparison here, and a network that fails keeps the old record in its place."""
    path, plan = clone / "book" / "results" / "attention.csv", replace(SHORT, stop_at=0.0)
    path.write_text("old\n", encoding="utf-8")
    monkeypatch.setattr(attention, "RECORDED_PARTS", ((TOY, ("attention", "elman"), 2, 8, 1e-3, 20),))
    monkeypatch.setattr(attention, "TrainingPlan", lambda **options: plan)
    (clone / "_build" / "sweeps" / "attention").mkdir(parents=True)
    with monkeypatch.context() as patch:
        broken = lambda *arguments, **options: Outcome(failed={"some network": "it broke"})
        patch.setattr(attention, "train_models", broken)
        with pytest.raises(UserError, match="some network: it broke"):
            record_attention_comparison(path)
    assert path.read_text(encoding="utf-8") == "old\n"
    rows = record_attention_comparison(path)
    assert rows == read_rows(path) and not path.with_suffix(".partial.csv").exists()
    # Seed by seed, and the same alone.
    expected = [("attention", "0", "6"), ("elman", "0", "8"), ("attention", "1", "6"), ("elman", "1", "8")]
    assert [(row["model"], row["seed"], row["hidden"]) for row in rows] == expected
    for row, other in zip(rows[2:], compare_attention_with_elman([1], TOY, 8, plan=plan), strict=True):
        assert {column for column in row if row[column] != other[column]} <= {"seconds", "commit", "date"}
        assert row["iterations"] == "20"


def test_the_record_is_that_of_the_parts(root):
    """Every recorded row is that of a plan, and every plan has its row."""
    plans = []
    for task, models, seeds, hidden, rate, iterations in RECORDED_PARTS:
        plan = TrainingPlan(learning_rate=rate, iterations=iterations)
        plans += attention._list_plans(range(seeds), task, hidden, models, plan)
    rows = read_rows(root / "book" / "results" / "attention.csv")
    assert list(rows[0]) == list(ModuleRun.columns)
    found = [tuple(row[name] for name in ModuleRun.key) for row in rows]
    assert sorted(found) == sorted(map(ModuleRun.find_key, plans))


def make_row(model: str, seed: int, reached: int | str, **fields) -> dict[str, str]:
    row = {"task": "T1", "hidden": 64, "learning_rate": 0.001, "iterations": 20_000, "device": "cpu", "torch": "2"}
    row |= {"model": model, "seed": seed, "commit": f"c{seed}", "date": "2020-01-01"} | fields
    row |= {"iterations_to_99": reached, "iterations_to_99_first": reached}
    return {key: str(value) for key, value in row.items()}


def make_table(pairs: list[tuple[int | str, int | str]]) -> list[dict[str, str]]:
    rows = [make_row("attention", seed, first) for seed, (first, _) in enumerate(pairs)]
    return rows + [make_row("elman", seed, second, hidden=128) for seed, (_, second) in enumerate(pairs)]


def test_missing_runs_count_against_attention():
    rows = make_table([(100, 200), ("", 200), (100, ""), (150, 200), (150, 200)])
    summary = summarise_comparisons(rows)["T1, all steps"]
    assert summary.ratios.tolist() == [0.5, math.inf, 100 / 20_000, 0.75, 0.75]
    assert (summary.first_missed, summary.second_missed, summary.ratio) == (1, 1, 0.75)
    assert summary.high == math.inf and list_iterations(rows)[0][1] is None
    rows = make_table([("", 200), ("", 200), (100, 200)])
    main = describe_main_comparison(rows, summarise_comparisons(rows))
    # Numbers alone, and no worst ratio without another task.
    assert "worst_ratio" not in main and main["ratio"] == main["high"] == 1e9 and main["attention_missed"] == 2
    assert main["attention_median"] == 20_000
    rows = make_table([("", 200)])
    rows += [row | {"task": "repeat-copy:4,4"} for row in rows]
    main = describe_main_comparison(rows, summarise_comparisons(rows))
    assert [main[name] for name in ("ratio", "low", "high", "worst_ratio")] == [1e9] * 4 and main["ratios"] == main["lows"] == [1e9]


def test_interval_covers_the_true_median_about_as_often_as_it_says():
    covered = 0
    for trial in range(200):
        ratios = torch.exp(torch.randn(20, generator=torch.Generator().manual_seed(trial)))
        first = {seed: make_row("attention", seed, float(ratio)) for seed, ratio in enumerate(ratios)}
        second = {seed: make_row("elman", seed, 1) for seed in range(20)}
        summary = summarise_ratio(first, second, draws=400)
        covered += summary.low <= 1.0 <= summary.high
    assert 175 <= covered <= 200


def test_comparisons_are_told_apart_by_task_rate_and_size():
    rows = make_table([(100, 200), (100, 200)])
    rows += [make_row("elman", seed, "", hidden=10) for seed in (0, 1)]
    rows += [make_row("attention-wide", 0, 50, hidden=64)]
    rows += [make_row("attention", 1, 60, learning_rate=0.003), make_row("elman", 1, 20, hidden=128, learning_rate=0.003)]
    rows += [make_row("attention", 0, 30, task="repeat-copy:4,4"), make_row("elman", 0, 10, task="repeat-copy:4,4", hidden=128)]
    found = {name: (summary.ratio, summary.pairs) for name, summary in summarise_comparisons(rows).items()}
    assert found == {
        "T1, all steps": (0.5, 2), "T1, first steps": (0.5, 2), "T1, equal parameters": (0.25, 1), "T1, rate 0.003": (3.0, 1),
        "repeat-copy:4,4": (3.0, 1),
    }  # fmt: skip
    assert list_iterations(rows) == ([100, 100], [200, 200])
    main = describe_main_comparison(rows, summarise_comparisons(rows))
    assert (main["ratio"], main["pairs"], main["wins"], main["worst_ratio"]) == (0.5, 2, 2, 3.0)
    assert (main["attention_median"], main["elman_median"]) == (100, 200)
    assert describe_rows(rows) == "recorded 2020-01-01: 11 networks, 2 seeds\ncpu, torch 2, commit c0 to c1"


test_wrong_input_gets_one_clear_line = refusals(
    (lambda: select_runs([make_row("elman", 0, 1, hidden=size) for size in (10, 128)], "elman"), "hidden size"),
    (lambda: summarise_ratio({0: make_row("attention", 0, 1)}, {1: make_row("elman", 1, 1)}), "no seed"),
    (lambda: describe_rows([]), "empty"), (lambda: TrainingPlan(learning_rate=0.0), "learning_rate"),
    (lambda: TrainingPlan(horizons=(20, 10)), "horizons"),
    (lambda: compare_attention_with_elman([0], models=("lstm",)), "unknown model lstm"),
)  # fmt: skip
