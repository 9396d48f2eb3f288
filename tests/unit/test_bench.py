"""The bench compares equal work, and says what it found in the promised form."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from twm import bench
from twm.bench import BENCHES, CASES_OF
from twm.cli import main
from twm.models.fast.elman import AugmentedKernel
from twm.models.kernels import draw_weights
from twm.training.sequence_model import SequenceModel

TINY = bench._Case(hidden=8, steps=12)
SMALL_WAVES = {"few": bench._WaveCase("copy:10", 2, 9, 30), "many": bench._WaveCase("adding:24", 11, 8, 24)}
ADAM = torch.optim.Adam


@pytest.fixture
def made(monkeypatch):
    """What the bench makes, at a rate that moves weights: the bench's own is so small that only rounding would."""
    found = {}

    def keep(name, make):
        return lambda *arguments, **options: found.setdefault(name, make(*arguments, **options))

    kernel = keep("kernel", lambda *sizes, **options: AugmentedKernel(*sizes, **options | {"learning_rate": 1e-2}))
    monkeypatch.setattr("twm.bench.AugmentedKernel", kernel)
    model = keep("model", lambda plan: SequenceModel(replace(plan, learning_rate=1e-2)))
    monkeypatch.setattr("twm.bench.SequenceModel", model)
    monkeypatch.setattr(torch.optim, "Adam", keep("adam", lambda parameters, **_: ADAM(parameters, lr=1e-2)))
    return found


class CountProducts(TorchDispatchMode):
    """Count the floating-point operations of matrix products, those in place included."""

    total = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        if function.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.addmm_):
            first, second = arguments[-2:]
            self.total += 2 * first.numel() * second.shape[1]
        return function(*arguments, **options or {})


def count_operations(work):
    with CountProducts() as counter:
        work()
    return counter.total


def test_both_sides_do_the_same_work(made):
    """From the same weights on the same batch, ours and torch's iterations end at the same weights."""
    ours, theirs = bench._make_ours(TINY), bench._make_torch(TINY)
    for _ in range(5):
        ours()
        theirs()
    recurrent, encoder, readout = made["kernel"].weights()
    # nn.RNN lists the encoder before the recurrent matrix.
    for own, other in zip((encoder, recurrent, readout), made["adam"].param_groups[0]["params"]):
        torch.testing.assert_close(own, other.detach(), rtol=1e-4, atol=1e-5)
    assert float((recurrent - draw_weights(8, 8, "orthogonal").recurrent).abs().max()) > 1e-3


@pytest.mark.parametrize("case", SMALL_WAVES.values(), ids=SMALL_WAVES)
def test_both_sides_of_the_wave_bench_do_the_same_work(made, case):
    ours, theirs = bench._make_wave_ours(case), bench._make_wave_torch(case)
    for _ in range(4):
        ours()
        theirs()
    assert made["model"].path == "fast"
    weights = made["model"].split(made["model"].weights).values()
    for own, other in zip(weights, made["adam"].param_groups[0]["params"]):
        torch.testing.assert_close(own, other.detach(), rtol=1e-3, atol=1e-4)


def test_floors_make_the_products_of_an_iteration_and_no_others():
    """Counted, not assumed."""
    case = bench._Case(32, 40)
    least, ours = (count_operations(make(case)) for make in (bench._make_floor, bench._make_ours))
    assert least == 2 * 64 * case.hidden * (case.hidden + 8) * 3 * case.steps
    # What the kernel has beyond: the inputs' products; what it has less: outputs of the input phase.
    assert ours == pytest.approx(least, rel=0.25)
    for wave in SMALL_WAVES.values():
        least, ours = (count_operations(make(wave)) for make in (bench._make_wave_floor, bench._make_wave_ours))
        assert least == pytest.approx(ours, rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "case"), [("training", TINY), ("wave-rnn", SMALL_WAVES["few"])])
def test_a_bench_measures_in_the_promised_form(monkeypatch, name, case):
    monkeypatch.setitem(CASES_OF[name], "tiny", case)
    lines = []
    found = BENCHES[name](["tiny"], rounds=3, seconds=0.02, report=lines.append)
    entry = found["cases"]["tiny"]
    assert list(entry) == ["ours_ms", "torch_ms", "ratio", "floor_ms", "times_floor"]
    assert all(value > 0 for value in entry.values()) and len(lines) == 1 and lines[0].startswith("tiny")
    assert list(found["torch_processes"]) == (["tiny"] if name == "training" else [])
    assert found["setup"]["rounds"] == 3 and found["setup"]["cores"] >= 1


def test_the_summary_is_the_median_of_ratios_within_a_round_and_says_whether_targets_are_reached():
    # The second round met a machine half as fast, which changes times but no ratio.
    case, beside = bench._summarise([(2.0, 10.0, 1.0, 6.0), (4.0, 20.0, 2.0, 12.0), (2.0, 10.0, 1.0, 6.0)])
    assert case == {"ours_ms": 2.0, "torch_ms": 10.0, "ratio": 5.0, "floor_ms": 1.0, "times_floor": 2.0}
    assert beside == {"torch_ms": 6.0, "ratio": 3.0}
    for name, ratio, floors, told in (("copy", 1.1, 1.25, "reached"), ("copy", 1.0, 1.25, "missed"), ("copy", 5.0, 1.26, "missed"), ("h64_T108", 2.0, 1.5, "reached")):
        assert bench._format_case(name, case | {"ratio": ratio, "times_floor": floors}).endswith(told)


def test_json_is_pure_and_a_case_alone_chooses_its_bench(monkeypatch, capsys):
    def measure(name, names, rounds, report):
        report("a line for people")
        return {"cases": {names[0]: {"ratio": 1.0}}, "torch_processes": {}, "setup": {"load": 0.0}}

    monkeypatch.setitem(BENCHES, "training", None)
    monkeypatch.setitem(BENCHES, "wave-rnn", partial(measure, "wave-rnn"))
    assert main(["bench", "--case", "copy", "--json"]) == 0
    out, err = capsys.readouterr()
    found = {"cases": {"copy": {"ratio": 1.0}}, "torch_processes": {}, "setup": {"wave-rnn": {"load": 0.0}}}
    assert json.loads(out) == found and "people" in err
