"""Each curriculum's rule on scripted losses, worked out by hand."""

import torch

from tests.conftest import refusals
from twm.models.kernels import StepResult
from twm.training.ensemble import GROWTH, Curricula
from twm.training.plans import ModelPlan


def run_script(curricula: Curricula, accuracies: list[list[float]], losses: list[list[float]]) -> list[list[int]]:
    """Feed batches whose loss is the same at each step; return the horizons after each."""
    seen = []
    for accuracy, loss in zip(accuracies, losses):
        steps = int(curricula.horizons.max())
        by_step = torch.tensor(loss)[:, None].expand(-1, steps)
        curricula.update(StepResult(torch.tensor(loss), by_step, torch.tensor(accuracy)))
        seen.append(curricula.horizons.tolist())
    return seen


def test_staged_goes_up_only_above_the_threshold_and_never_down():
    curricula = Curricula([ModelPlan("T1")])
    assert curricula.horizons.tolist() == [10]
    accuracies = [[0.5], [0.98], [0.981], [0.2], [1.0], [1.0], [1.0], [1.0], [0.0]]
    seen = run_script(curricula, accuracies, [[1.0]] * len(accuracies))
    # At the threshold is not above it.
    assert [horizon for (horizon,) in seen] == [10, 10, 20, 20, 40, 60, 100, 100, 100]


def test_adaptive_grows_and_shrinks_by_its_factor_between_its_ends():
    curricula = Curricula([ModelPlan("T1", curriculum="adaptive")])
    assert curricula.horizons.tolist() == [10]
    up = [horizon for (horizon,) in run_script(curricula, [[0.0]] * 14, [[0.01]] * 14)]
    assert up == [min(100, int(10 * GROWTH**step + 1e-6)) for step in range(1, 15)] and up[-1] == 100
    # One bad batch counts for a tenth: 0.9*0.01 + 0.1*0.5 is above 0.03.
    down = [horizon for (horizon,) in run_script(curricula, [[1.0]], [[0.5]])]
    assert down == [int(100 / GROWTH)]
    bad = [horizon for (horizon,) in run_script(curricula, [[1.0]] * 20, [[0.5]] * 20)]
    assert bad[-1] == 10


def test_adaptive_averages_over_batches_and_over_the_first_steps_only():
    curricula = Curricula([ModelPlan("T1", curriculum="adaptive")])
    # Rolling: 0.01, then 0.9*0.01 + 0.1*0.2 = 0.029, then 0.9*0.029 + 0.1*0.2 = 0.0461.
    assert run_script(curricula, [[0.0]] * 3, [[0.01], [0.2], [0.2]]) == [[12], [14], [12]]
    curricula = Curricula([ModelPlan("T1", curriculum="adaptive")])
    for _ in range(4):
        steps = int(curricula.horizons.max())
        by_step = torch.full((1, steps), 9.0)
        by_step[:, :10] = 0.0
        curricula.update(StepResult(by_step.mean(1), by_step, torch.zeros(1)))
    assert curricula.horizons.tolist() == [20]


def test_each_model_follows_its_own_rule_whatever_stands_beside_it_and_goes_on_where_it_was():
    options = [
        {}, {"threshold": 0.5}, {"curriculum": "adaptive"}, {"curriculum": "none", "horizons": (7,)},
        {"curriculum": "adaptive", "threshold": 0.2, "horizons": (4, 50)},
    ]  # fmt: skip
    plans = [ModelPlan("T1", **own) for own in options]
    generator = torch.Generator().manual_seed(0)
    accuracies, losses = torch.rand(60, 5, generator=generator), torch.rand(60, 5, generator=generator) * 0.06
    together = run_script(Curricula(plans), accuracies.tolist(), losses.tolist())
    for place, plan in enumerate(plans):
        own = (values[:, place : place + 1].tolist() for values in (accuracies, losses))
        assert [[row[place]] for row in together] == run_script(Curricula([plan]), *own)
    assert len({tuple(row[place] for row in together) for place in range(5)}) == 5
    assert {row[3] for row in together} == {7}
    first, second = Curricula(plans), Curricula(plans)
    begun = run_script(first, accuracies[:20].tolist(), losses[:20].tolist())
    second.load_state(first.state_dict())
    assert begun + run_script(second, accuracies[20:].tolist(), losses[20:].tolist()) == together


test_a_plan_refuses_what_makes_no_sense = refusals(
    (lambda: ModelPlan("T1", curriculum="adaptive", threshold=0.0), "positive"),
    (lambda: ModelPlan("T1", curriculum="none", threshold=0.5), "no threshold"),
    (lambda: ModelPlan("T1", horizons=(20, 10)), "increasing"), (lambda: ModelPlan("T7"), "T7"),
    (lambda: ModelPlan("T1", hidden=7), "at least the task's dim"), (lambda: ModelPlan("T1", multiples=(1, 3)), "3"),
    (lambda: ModelPlan("T1", init="wave", hidden=63), "history\\*dim = 64, not 63"),
)  # fmt: skip


def test_names_tell_models_apart_and_follow_the_record_format():
    assert ModelPlan("T1", seed=3).name == "T1_h128_l2-0_s3"
    plan = ModelPlan("repeat-copy:8,4", hidden=64, l2=0.001, init="gaussian")
    assert plan.name == "repeat-copy-8-4_h64_l2-0.001_s0_gaussian"
    changes = {
        "task": "T2", "hidden": 64, "l2": 0.1, "seed": 1, "init": "identity", "curriculum": "adaptive", "threshold": 0.9,
        "iterations": 100, "learning_rate": 0.1, "drop_at": 5, "drop_factor": 0.5, "horizons": (5, 9), "batch": 32, "test_every": 7,
        "test_count": 9, "test_horizon": 11, "stop_at": 0.5,
    }  # fmt: skip
    names = {ModelPlan(**{"task": "T1", field: value}).name for field, value in changes.items()}
    assert len(names) == len(changes) and ModelPlan("T1").name not in names
    # What does not change the model does not change its name.
    assert ModelPlan("T1", multiples=(1,), snapshots=(5,), curve_points=3).name == ModelPlan("T1").name
