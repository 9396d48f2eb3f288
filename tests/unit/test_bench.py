"""The bench compares equal work, and says what it found in the promised form."""

import json
from dataclasses import replace

import pytest
import torch
from twm.bench import (
    BENCHES,
    CASES,
    WAVE_CASES,
    WAVE_TARGETS,
    Case,
    WaveCase,
    _summarise_training,
    bench_training,
    bench_wave,
    format_case,
    make_floor,
    make_ours,
    make_torch,
)
from twm.cli import main
from twm.errors import UserError
from twm.models.checking import draw_check_batch
from twm.models.fast.elman import AugmentedKernel
from twm.models.weights import draw_weights

TINY = Case(hidden=8, steps=12)
ADAM = torch.optim.Adam


@pytest.fixture
def keep_settings(monkeypatch):
    """Keep the bench from making this process a single-threaded worker."""
    monkeypatch.setattr("twm.models.fast.elman.prepare_process", lambda: None)


def test_cases_have_the_promised_names_and_sizes():
    assert list(CASES) == ["h128_T108", "h64_T108", "h128_T18"]
    for name, case in CASES.items():
        assert name == f"h{case.hidden}_T{case.steps}" and case.horizon == case.steps - 8


def test_both_sides_do_the_same_work(keep_settings, monkeypatch):
    """From the same weights on the same batch, ours and torch's iterations end at the same weights."""
    made = []

    def keep(make, rate):
        # The bench's own rate is so small that five steps would move the weights by rounding only.
        def make_and_keep(*args, **options):
            made.append(make(*args, **options | rate))
            return made[-1]

        return make_and_keep

    with monkeypatch.context() as patch:
        patch.setattr("twm.models.fast.elman.AugmentedKernel", keep(AugmentedKernel, {"learning_rate": 1e-2}))
        make_ours(TINY)(5)
    ours = made[-1].weights()
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim, "Adam", keep(torch.optim.Adam, {"lr": 1e-2}))
        make_torch(TINY)(5)
    # nn.RNN lists the encoder before the recurrent matrix.
    encoder, recurrent, readout = (matrix.detach() for matrix in made[-1].param_groups[0]["params"])
    for own, other in zip(ours, (recurrent, encoder, readout)):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)
    assert float((ours.recurrent - draw_weights(8, 8, "orthogonal").recurrent).abs().max()) > 1e-3


def test_floor_makes_the_products_of_an_iteration_and_no_others(keep_settings):
    """Counted, not assumed: the floor's floating-point operations are those of the augmented kernel's large products."""
    from torch.utils.flop_counter import FlopCounterMode

    def count(work):
        with FlopCounterMode(display=False) as counter:
            work()
        return counter.get_total_flops()

    for case in (TINY, Case(32, 40)):
        floor = make_floor(case)
        kernel = AugmentedKernel(draw_weights(8, case.hidden), 8, 64, case.horizon)
        batch = draw_check_batch(kernel, 0)
        least, ours = count(lambda: floor(1)), count(lambda: kernel.step(*batch))
        width = case.hidden + 8
        assert least == 2 * 64 * case.hidden * width * 3 * case.steps
        # What the kernel has beyond: the inputs' products; what it has less: outputs of the input phase.
        assert abs(ours / least - 1) < 0.25


def test_floor_neither_grows_nor_dies(keep_settings):
    work = make_floor(CASES["h64_T108"])
    work(3)
    inner = work.__wrapped__
    cells = {name: cell.cell_contents for name, cell in zip(inner.__code__.co_freevars, inner.__closure__)}
    for rows in (cells["rows"], cells["slopes"]):
        sizes = [float(row.norm()) for row in rows[1:-1]]
        assert max(sizes) / min(sizes) < 10


@pytest.mark.slow
def test_bench_measures_in_the_promised_form(monkeypatch):
    monkeypatch.setitem(CASES, "tiny", TINY)
    lines = []
    found = bench_training(["tiny"], rounds=7, seconds=0.02, report=lines.append)
    assert set(found) == {"cases", "torch_processes", "setup"}
    case = found["cases"]["tiny"]
    assert list(case) == ["ours_ms", "torch_ms", "ratio", "floor_ms", "times_floor"]
    assert all(value > 0 for value in case.values())
    # More work than the floor takes longer than the floor.
    assert case["times_floor"] > 1
    assert len(lines) == 1 and lines[0].startswith("tiny")
    assert found["setup"]["rounds"] == 7 and found["setup"]["cores"] >= 1


def test_summary_is_the_median_of_ratios_within_a_round():
    # The second round met a machine half as fast, which changes times but no ratio.
    case, beside = _summarise_training([(2.0, 10.0, 1.0, 6.0), (4.0, 20.0, 2.0, 12.0), (2.0, 10.0, 1.0, 6.0)])
    assert case == {"ours_ms": 2.0, "torch_ms": 10.0, "ratio": 5.0, "floor_ms": 1.0, "times_floor": 2.0}
    assert beside == {"torch_ms": 6.0, "ratio": 3.0}


def test_a_line_says_whether_the_targets_are_reached():
    case = {"ours_ms": 1.0, "torch_ms": 6.0, "ratio": 6.0, "floor_ms": 0.8, "times_floor": 1.25}
    assert format_case("x", case).endswith("reached")
    assert format_case("x", case | {"ratio": 4.9}).endswith("missed")
    assert format_case("x", case | {"times_floor": 1.7}).endswith("missed")


def test_wrong_use_is_one_line(capsys):
    with pytest.raises(UserError, match="h128_T108, h64_T108, h128_T18"):
        bench_training(["h1"])
    with pytest.raises(UserError, match="rounds"):
        bench_training(rounds=0)
    for arguments in (["bench", "cooking"], ["bench", "training", "--case", "h1"], ["bench", "--rounds", "0"]):
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1


def test_json_is_pure(monkeypatch, capsys):
    result = {"cases": {"tiny": {"ratio": 1.0}}, "torch_processes": {}, "setup": {"load": 0.0}}

    def measure(names, rounds, report):
        report("a line for people")
        return result

    monkeypatch.setitem(BENCHES, "training", measure)
    assert main(["bench", "training", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == result | {"setup": {"training": {"load": 0.0}}} and "people" in err


# ---- wave-RNNs


SMALL_WAVES = {"few": WaveCase("copy:10", 2, 9, 30), "many": WaveCase("adding:24", 11, 8, 5)}


def test_wave_cases_have_the_promised_names_and_the_papers_sizes():
    assert list(WAVE_CASES) == list(WAVE_TARGETS) == ["copy", "psmnist", "adding"]
    sizes = {name: (case.channels, case.neurons) for name, case in WAVE_CASES.items()}
    assert sizes == {"copy": (6, 100), "psmnist": (16, 256), "adding": (27, 100)}


@pytest.mark.parametrize("name", SMALL_WAVES)
def test_both_sides_of_the_wave_bench_do_the_same_work(keep_settings, monkeypatch, name):
    from twm import bench as wave
    from twm.training.sequence_model import SequenceModel

    models, optimisers = [], []

    def make_model(plan, **options):
        models.append(SequenceModel(replace(plan, learning_rate=1e-2), **options))
        return models[-1]

    def make_adam(parameters, lr):
        optimisers.append(ADAM(parameters, lr=1e-2))
        return optimisers[-1]

    monkeypatch.setattr("twm.training.sequence_model.SequenceModel", make_model)
    monkeypatch.setattr(torch.optim, "Adam", make_adam)
    wave.make_wave_ours(SMALL_WAVES[name])(4)
    wave.make_wave_torch(SMALL_WAVES[name])(4)
    assert models[0].path == "fast"
    ours = models[0].copy_weights()
    kernel, bias_kernel, encoder, bias_encoder, readout, bias_readout = (
        weight.detach() for weight in optimisers[0].param_groups[0]["params"]
    )
    expected = {
        "weight_kernel": kernel, "bias_kernel": bias_kernel, "weight_encoder": encoder, "bias_encoder": bias_encoder,
        "weight_readout": readout, "bias_readout": bias_readout,
    }  # fmt: skip
    for key, weight in expected.items():
        torch.testing.assert_close(ours[key], weight, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", SMALL_WAVES)
def test_the_wave_floor_makes_the_products_of_an_iteration_and_no_others(keep_settings, name):
    from torch.utils.flop_counter import FlopCounterMode
    from twm import bench as wave

    def count(work):
        with FlopCounterMode(display=False) as counter:
            work()
        return counter.get_total_flops()

    case = replace(SMALL_WAVES[name], steps=30)
    ours, floor = wave.make_wave_ours(case), wave.make_wave_floor(case)
    assert count(lambda: floor(1)) == pytest.approx(count(lambda: ours(1)), rel=0.15)


@pytest.mark.slow
def test_the_wave_bench_measures_in_the_promised_form(monkeypatch):
    monkeypatch.setitem(WAVE_CASES, "few", SMALL_WAVES["few"])
    lines = []
    found = bench_wave(["few"], rounds=2, seconds=0.02, report=lines.append)
    case = found["cases"]["few"]
    assert list(case) == ["ours_ms", "torch_ms", "ratio", "floor_ms", "times_floor"]
    assert all(value > 0 for value in case.values()) and lines[0].startswith("few")
    assert found["setup"]["rounds"] == 2 and found["torch_processes"] == {}


def test_a_case_alone_chooses_its_bench(monkeypatch, capsys):
    asked = []

    def measure(names, rounds, report):
        asked.append(names)
        return {"cases": {}, "torch_processes": {}, "setup": {"load": 0.0}}

    monkeypatch.setitem(BENCHES, "wave-rnn", measure)
    monkeypatch.setitem(BENCHES, "training", None)
    assert main(["bench", "--case", "copy", "--json"]) == 0 and asked == [["copy"]]
    assert main(["bench", "--case", "cooking"]) == 2
    with pytest.raises(UserError, match="copy, psmnist, adding"):
        bench_wave(["h128_T108"])
