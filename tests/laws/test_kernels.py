"""Laws of the kernels: every fast path is the plain one, and the plain one is torch."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.conftest import refusals
from twm.errors import UserError
from twm.models.elman import (
    ElmanRNN, check_kernel, compute_reference_gradient, construct_elman, draw_check_batch, make_kernel,
    measure_gradient, read_network,
)  # fmt: skip
from twm.models.fast.elman import AugmentedKernel, BatchedKernel, capture_graph
from twm.models.kernels import (
    INITIALISATIONS, WAVE_INITIALISATIONS, ReferenceKernel, StepResult, Weights, draw_weights, run_forward,
    stack_weights,
)  # fmt: skip
from twm.theory.bases import make_basis
from twm.theory.operators import make_cycle, make_wave_operator
from twm.theory.systems import draw_binary_history, make_named_task, rollout

SINGLE = (ReferenceKernel, AugmentedKernel)
HISTORY, DIM, HIDDEN, BATCH, LONGEST = 4, 3, 20, 6, 9
LENGTHS = (HISTORY, BATCH, LONGEST)


def make_ensemble(count=3):
    return stack_weights([draw_weights(DIM, HIDDEN, "orthogonal", seed) for seed in range(count)])


#: Every path with weights that it takes.
ALL = [
    *((make, draw_weights(DIM, HIDDEN)) for make in SINGLE),
    *((make, make_ensemble()) for make in (ReferenceKernel, BatchedKernel)),
]
MOVES = [(*SINGLE, draw_weights(DIM, HIDDEN)), (BatchedKernel, ReferenceKernel, make_ensemble())]


def take(weights, place):
    return Weights(*(matrix[place] for matrix in weights))


def measure_errors(weights, inputs, targets, horizon):
    """Return the relative errors of every path's gradient against float64 autograd."""
    expected = compute_reference_gradient(weights, inputs, targets, horizon)
    sizes = (len(inputs), inputs.shape[1], len(targets))
    kernels = [make(weights, *sizes, clip=1e9) for make in SINGLE]
    found = [measure_gradient(kernel, inputs, targets, horizon) for kernel in kernels]
    pair = BatchedKernel(stack_weights([weights, weights]), *sizes, clip=1e9)
    found.append(take(measure_gradient(pair, *(torch.stack([part, part]) for part in (inputs, targets)), horizon), 1))
    return [float((own - slope).norm() / slope.norm()) for three in found for own, slope in zip(three, expected)]


def equal_states(first, second):
    return list(first) == list(second) and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("start", [*INITIALISATIONS, 0.9, 1.02, 1.2, "T1_h128_l2-0_s0", "T2_h128_l2-0_s0_at2500"])
def test_gradients_are_those_of_float64_autograd(start, root):
    """Of fresh networks, of waves that fade, hold and saturate, and of trained networks of the record."""
    task = make_named_task("T1" if start == "T1_h128_l2-0_s0" else "T2")
    if isinstance(start, float):
        basis = make_basis(task.size, 128, "orthonormal", seed=0)
        weights = construct_elman(task, basis, gain=start, complement=0.6).get_matrices()
    elif start in INITIALISATIONS:
        weights = draw_weights(8, 128, start, seed=1)
    else:
        weights = read_network(root / "book" / "results" / "networks" / f"{start}.safetensors")[0].get_matrices()
    weights = Weights(*(torch.as_tensor(matrix, dtype=torch.float32) for matrix in weights))
    states = rollout(task, torch.as_tensor(draw_binary_history(task, 16, 0)), 60).transpose(0, 1).float()
    # At its own targets a trained network's gradient is what is left of terms that cancel: float32 keeps fewer digits.
    for targets, allowed in ((states[8:].roll(1, 1), 1e-5), (states[8:], 5e-5)):
        assert max(measure_errors(weights, states[:8], targets, 60)) < allowed


@pytest.mark.parametrize(("history", "horizon"), [(1, 1), (1, 9), (2, 2), (5, 1), (5, 9)])
def test_in_float64_nothing_but_rounding_is_left(history, horizon):
    # The algebra itself, without float32 in the way; of the shortest phases too.
    for make, weights in ALL[1::2]:
        assert check_kernel(make(weights, history, BATCH, horizon, l2=0.1, dtype=torch.float64), seed=0) < 1e-13


def test_a_step_reports_the_loss_of_the_network_it_was_given():
    network = ElmanRNN(DIM, HIDDEN, seed=4)
    kernels = [make(network.get_matrices(), *LENGTHS) for make in SINGLE]
    inputs, targets, _ = draw_check_batch(kernels[0], seed=5)
    outputs = network(inputs, horizon=7).outputs[HISTORY:].detach()
    errors = (outputs - targets[:7]).square()
    pair = BatchedKernel(stack_weights([draw_weights(DIM, HIDDEN), kernels[0].weights()]), *LENGTHS)
    both = pair.step(torch.stack([inputs] * 2), torch.stack([targets] * 2), [LONGEST, 7])
    for result in (*(kernel.step(inputs, targets, 7) for kernel in kernels), StepResult(*(part[1] for part in both))):
        assert float(result.loss) == pytest.approx(float(errors.mean()), rel=1e-5)
        assert result.loss_by_step.shape == (LONGEST,) and not result.loss_by_step[7:].any()
        torch.testing.assert_close(result.loss_by_step[:7], errors.mean((1, 2)), rtol=1e-5, atol=1e-6)
        assert float(result.accuracy) == pytest.approx(float(((outputs >= 0) == (targets[:7] > 0)).float().mean()))


def test_a_shorter_horizon_gets_exactly_its_own_gradient():
    """Whatever stands behind the horizon, NaN included, changes no bit; and the gradient is that of a short run."""
    kernels = [BatchedKernel(make_ensemble(), *LENGTHS, clip=1e9) for _ in range(2)]
    inputs, targets, _ = draw_check_batch(kernels[0], seed=6)
    horizons, poisoned = torch.tensor([9, 4, 1]), targets.clone()
    poisoned[1, 4:], poisoned[2, 1:] = np.nan, np.inf
    pairs = list(zip(kernels, (targets, poisoned)))
    clean, dirty = (measure_gradient(kernel, inputs, given, horizons) for kernel, given in pairs)
    assert all(map(torch.equal, clean, dirty))
    assert all(map(torch.equal, *(kernel.step(inputs, given, horizons) for kernel, given in pairs)))
    for model, horizon in enumerate(horizons.tolist()):
        batch = (inputs[model], targets[model, :horizon], horizon)
        expected = compute_reference_gradient(take(make_ensemble(), model), *batch)
        assert max(float((a - b).norm() / b.norm()) for a, b in zip(take(clean, model), expected)) < 1e-5


@pytest.mark.parametrize(("clip", "l2"), [(1.0, 0.0), (0.05, 0.001), (0.05, 0.1)])
@pytest.mark.parametrize(("dtype", "rtol", "atol"), [(torch.float64, 1e-6, 1e-9), (torch.float32, 1e-3, 1e-4)])
def test_fifty_steps_equal_torch_adam_with_clipping_and_coupled_decay(l2, clip, dtype, rtol, atol):
    start = draw_weights(DIM, HIDDEN, "orthogonal", 2)
    singles = [make(start, *LENGTHS, 1e-3, l2, clip, dtype) for make in SINGLE]
    # Model 2 of the ensemble is the same network, beside others with other rates.
    batched = BatchedKernel(make_ensemble(), *LENGTHS, [1e-2, 5e-3, 1e-3], [0.3, 0.0, l2], clip, dtype)
    # The protocol as anyone would write it, in float64.
    plain = ElmanRNN(DIM, HIDDEN, dtype=torch.float64)
    plain.set_matrices(*start)
    optimiser = torch.optim.Adam(plain.parameters(), lr=1e-3, weight_decay=l2)
    for iteration in range(50):
        inputs, targets, _ = draw_check_batch(batched, seed=iteration)
        horizon = 1 + iteration % LONGEST
        if iteration == 25:
            optimiser.param_groups[0]["lr"] = 2e-3
            batched.set_learning_rate([1e-2, 5e-3, 2e-3])
            for kernel in singles:
                kernel.set_learning_rate(2e-3)
        optimiser.zero_grad()
        (plain(inputs[2].double(), horizon).outputs[HISTORY:] - targets[2, :horizon]).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), clip)
        optimiser.step()
        for kernel in singles:
            kernel.step(inputs[2], targets[2], horizon)
        batched.step(inputs, targets, [1, LONGEST, horizon])
    for weights in (*(kernel.weights() for kernel in singles), take(batched.weights(), 2)):
        for own, expected in zip(weights, map(torch.as_tensor, plain.get_matrices())):
            torch.testing.assert_close(own.double(), expected, rtol=rtol, atol=atol)
    assert float((plain.recurrent - start.recurrent).detach().norm() / start.recurrent.norm()) > 1e-2


def test_results_depend_neither_on_companions_nor_on_order():
    """Ten steps of a model alone or among others: the same within rounding, and in another order the same bits."""
    ensemble = make_ensemble(5)
    l2, rates = torch.tensor([0, 0.1, 0.01, 0.001, 1.0]), torch.tensor([1e-3, 2e-3, 3e-3, 4e-3, 5e-3])
    horizons, found = torch.tensor([1, 9, 5, 7, 2]), []
    for order in ([0, 1, 2, 3, 4], [3, 1, 4, 0, 2], [1, 3], [3]):
        kernel = BatchedKernel(take(ensemble, order), *LENGTHS, rates[order], l2[order])
        for seed in range(10):
            inputs, targets, _ = draw_check_batch(BatchedKernel(ensemble, *LENGTHS), seed)
            result = kernel.step(inputs[order], targets[order], horizons[order])
        found.append([matrix[order.index(3)] for matrix in (*kernel.weights(), *result)])
    for other in found[1:]:
        for mine, theirs in zip(found[0], other):
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-7)
    assert all(torch.equal(a, b) for a, b in zip(found[0], found[1]))


@pytest.mark.parametrize(("make", "again", "weights"), [(make, make, weights) for make, weights in ALL] + MOVES)
def test_resumed_training_is_the_undisturbed_one(make, again, weights):
    """Bit for bit; after a move to another path within rounding, for the layout is common."""
    options = {"learning_rate": 2e-3, "l2": 0.01, "dtype": torch.float32 if make is again else torch.float64}
    undisturbed, first = (make(weights, *LENGTHS, **options) for _ in range(2))
    for place in range(12):
        batch = draw_check_batch(undisturbed, place)
        if place == 3:
            for kernel in (undisturbed, first):
                kernel.set_learning_rate(1e-3)
        if place == 5:
            state = {key: value.clone() for key, value in first.state_dict().items()}
            first.step(*batch)  # What happens after a checkpoint is lost with the process and leaves no trace.
            first = again(weights, *LENGTHS, **options)
            first.load_state(state)
            assert equal_states(first.state_dict(), state)
        undisturbed.step(*batch)
        first.step(*batch)
    assert first.state_dict()["iteration"].eq(12).all()
    if make is again:
        assert equal_states(undisturbed.state_dict(), first.state_dict())
    for own, other in zip(undisturbed.weights(), first.weights()):
        torch.testing.assert_close(own, other, rtol=1e-9, atol=1e-12)


def test_float32_stays_float32_and_the_callers_setting_is_put_back():
    settings, during, kernel = torch.backends.cuda.matmul, [], BatchedKernel(make_ensemble(), *LENGTHS)
    forward, before = kernel._run_forward, settings.fp32_precision
    kernel._run_forward = lambda *batch: (during.append(settings.fp32_precision), forward(*batch))
    try:
        settings.fp32_precision = "tf32"
        assert check_kernel(kernel, 0) < 1e-5 and during == ["ieee"] and settings.fp32_precision == "tf32"
    finally:
        settings.fp32_precision = before


def test_the_rounds_before_a_capture_leave_no_trace(monkeypatch):
    # Without a GPU a stream and a capture are stand-ins, and what a GPU would record runs at once.
    stream = SimpleNamespace(wait_stream=lambda other: None)
    for name in ("Stream", "current_stream", "CUDAGraph"):
        monkeypatch.setattr(torch.cuda, name, lambda: stream)
    for name in ("stream", "graph"):
        monkeypatch.setattr(torch.cuda, name, nullcontext)
    captured, once = (BatchedKernel(make_ensemble(), *LENGTHS) for _ in range(2))
    batch, begun, rounds = draw_check_batch(captured, 0), captured._get(), []
    iterate = lambda: (rounds.append(int(captured.state_dict()["iteration"][0])), captured.step(*batch))[1]
    graph, result = capture_graph(iterate, lambda: captured._set(*begun))
    assert graph is stream and rounds == [0, 1, 2, 0] and torch.equal(result.loss, once.step(*batch).loss)
    assert equal_states(captured.state_dict(), once.state_dict())


@pytest.mark.parametrize("initial", INITIALISATIONS)
def test_initial_weights_are_what_they_are_called(initial):
    weights, bound = draw_weights(8, 200, initial, seed=1), 200**-0.5
    if initial in ("identity", "orthogonal"):
        turned = weights.recurrent if initial == "identity" else weights.recurrent @ weights.recurrent.T
        assert float((turned - torch.eye(200)).abs().max()) < 1e-5
    else:
        # Four standard errors of a standard deviation over 40,000 draws.
        spread = bound if initial == "gaussian" else bound / 3**0.5
        assert abs(float(weights.recurrent.std()) / spread - 1) < 4 / (2 * 40_000) ** 0.5
    inside = [float(matrix.abs().max()) <= bound for matrix in weights[1:]]
    assert inside == [initial != "gaussian"] * 2 and weights.encoder.dtype == torch.float32
    assert not torch.equal(weights.encoder, draw_weights(8, 200, initial, seed=2).encoder)


@pytest.mark.parametrize("initial", ["wave", "wave-embedded", "wave-task"])
def test_a_wave_start_carries_its_wave_and_nothing_else(initial):
    task = make_named_task("T2")
    operator = make_wave_operator(task.matrix) if initial == "wave-task" else make_cycle(8, 8)
    recurrent = draw_weights(8, 128, initial, 3, 8, task.matrix).recurrent.double().numpy()
    # In an orthonormal basis singular values and traces of powers stay; outside the wave there is nothing.
    values = np.pad(np.linalg.svd(operator, compute_uv=False), (0, 64))
    assert np.abs(np.linalg.svd(recurrent, compute_uv=False) - values).max() < 1e-5
    for power in (1, 3, 8, 9):
        traces = [np.trace(np.linalg.matrix_power(matrix, power)) for matrix in (recurrent, operator)]
        assert traces[0] == pytest.approx(traces[1], abs=1e-4)
    assert np.array_equal(recurrent[:64, :64], operator) == (initial == "wave")


@pytest.mark.parametrize("initial", ["orthogonal", "identity", *WAVE_INITIALISATIONS])
def test_starts_differ_in_the_recurrent_matrix_alone(initial):
    drawn, again = (draw_weights(4, 40, initial, 5, 6, np.eye(4, 24)) for _ in range(2))
    default = draw_weights(4, 40, "uniform", 5)
    assert torch.equal(drawn.encoder, default.encoder) and torch.equal(drawn.readout, default.readout)
    assert not torch.equal(drawn.recurrent, default.recurrent) and torch.equal(again.recurrent, drawn.recurrent)
    if initial == "wave-noisy":
        wave = draw_weights(4, 40, "wave-embedded", 5, 6).recurrent
        torch.testing.assert_close(drawn.recurrent - wave, default.recurrent, rtol=0, atol=1e-6)


def test_a_free_run_is_the_network_in_any_chunks():
    network = ElmanRNN(DIM, HIDDEN, initial="gaussian", seed=3, dtype=torch.float64)
    inputs = torch.eye(BATCH, DIM, dtype=torch.float64).repeat(HISTORY, 1, 1)
    expected = network(inputs, horizon=23).outputs[HISTORY:].detach()
    for chunk, count in ((1, 23), (7, 4), (50, 1)):
        pieces = list(run_forward(network.get_matrices(), inputs, 23, chunk))
        assert len(pieces) == count
        torch.testing.assert_close(torch.cat(pieces), expected, rtol=1e-12, atol=1e-14)


def test_make_kernel_takes_the_fast_path_where_it_is_right():
    assert isinstance(make_kernel(draw_weights(DIM, HIDDEN), *LENGTHS), AugmentedKernel)
    kernel = make_kernel(make_ensemble(), *LENGTHS, l2=[0.0, 0.1, 1.0])
    # The check leaves no trace.
    assert isinstance(kernel, BatchedKernel)
    assert equal_states(kernel.state_dict(), BatchedKernel(make_ensemble(), *LENGTHS).state_dict())


def break_mask(kernel):
    # As if every model ran to the end.
    step = kernel._step
    kernel._step = lambda inputs, targets, horizon: step(inputs, targets, torch.full_like(horizon, targets.shape[1]))


FAULTS = {
    "mask": (break_mask, "differs"),
    "decay": (lambda kernel: setattr(kernel, "_decays", False), "differs"),  # as if it were decoupled
    "NaN": (lambda kernel: setattr(kernel, "_run_backward", lambda *_: kernel.gradients.fill_(np.nan)), "nan"),
    "device": (lambda kernel: setattr(kernel, "_run_forward", lambda *_: torch.zeros(2).view(3)), "it failed.*invalid"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_path_is_noticed_and_replaced_with_a_warning(monkeypatch, name):
    start, (fault, reason) = BatchedKernel.__init__, FAULTS[name]

    def start_broken(self, *args, **options):
        start(self, *args, **options)
        fault(self)

    monkeypatch.setattr(BatchedKernel, "__init__", start_broken)
    with pytest.warns(UserWarning, match=reason) as record:
        kernel = make_kernel(make_ensemble(), *LENGTHS, l2=0.1)
    assert isinstance(kernel, ReferenceKernel) and len(record) == 1
    kernel.step(*draw_check_batch(kernel, 0))


def make_with(**change):
    start = {"weights": draw_weights(DIM, HIDDEN), "history": HISTORY, "batch": BATCH, "horizon_max": LONGEST}
    return make_kernel(**start | change)


test_wrong_use_is_one_line = refusals(
    (lambda: make_with(weights=draw_weights(DIM, HIDDEN)[:2]), "three matrices"),
    (lambda: make_with(weights=(torch.zeros(3, 3), torch.zeros(3, 2), torch.zeros(3, 2))), "weights must be"),
    (lambda: make_with(weights=[torch.full((1, 1), np.nan)] * 3), "finite"),
    (lambda: make_with(weights=make_ensemble(), path="augmented"), "one network"),
    (lambda: make_with(path="batched"), "ensemble"), (lambda: make_with(path="fastest"), "unknown path"),
    (lambda: make_with(learning_rate=0.0), "learning_rate"),
    (lambda: make_with(learning_rate=[1e-3, 1e-3]), "learning_rate must be one number"),
    (lambda: make_with(l2=np.nan), "l2"), (lambda: make_with(clip=0.0), "clip"),
    (lambda: draw_weights(2, 4, "xavier"), "uniform, gaussian, orthogonal, identity"),
    (lambda: draw_weights(4, 23, "wave", 0, 6), "history\\*dim = 24, not 23"),
    (lambda: draw_weights(4, 40, "wave-noisy"), "history of the task"),
    (lambda: draw_weights(4, 40, "wave-task", 0, 6), "boundary matrix"),
    (lambda: draw_weights(4, 40, "wave-task", 0, 6, np.eye(4, 20)), "\\(4, 24\\)"),
    (lambda: stack_weights([draw_weights(2, 4), draw_weights(2, 5)]), "equal \\(hidden, dim\\)"),
)  # fmt: skip


@pytest.mark.parametrize(("make", "weights"), ALL)
def test_bad_batches_and_states_are_refused_and_change_nothing(make, weights):
    kernel = make(weights, *LENGTHS)
    inputs, targets, horizon = draw_check_batch(kernel, 0)
    before = kernel.state_dict()
    for bad in (
        (inputs[..., 1:], targets, horizon), (inputs, targets[..., 1:, :], horizon), (inputs, targets, 0),
        (inputs, torch.cat([targets, targets], -3), horizon), (inputs, targets, 1.5), (inputs, targets[..., :2, :, :], 3),
    ):  # fmt: skip
        with pytest.raises(UserError):
            kernel.step(*bad)
    wrong = {key: value + 1 for key, value in before.items()}
    with pytest.raises(UserError, match="readout.first must be of shape"):
        kernel.load_state(wrong | {"readout.first": torch.zeros(2, 2)})
    with pytest.raises(UserError, match="lacks encoder.second"):
        kernel.load_state({key: value for key, value in wrong.items() if key != "encoder.second"})
    assert equal_states(kernel.state_dict(), before)
