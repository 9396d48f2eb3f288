"""Benchmarks of training speed against PyTorch's modules and against the bare matrix products.

The speed of a busy machine drifts by tens of per cent within minutes. The implementations therefore alternate within
seconds, and the result is the median over rounds of the ratio within each round."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import lru_cache, partial
from importlib.metadata import version
from multiprocessing import get_context
from typing import Any, NamedTuple
from unittest.mock import patch

import torch
from torch import nn

from twm.errors import UserError, require, require_count
from twm.models.elman import draw_check_batch
from twm.models.fast.elman import AugmentedKernel, prepare_process
from twm.models.kernels import draw_weights
from twm.models.rings import WaveRNN
from twm.tasks.images import parse_sequence_task
from twm.training.plans import SequencePlan
from twm.training.sequence_model import SequenceModel
from twm.training.workers import count_cores, follow_parent

#: Load per core from other programs, above which a benchmark is unreliable.
BUSY = 0.25

Step = Callable[[], Any]  # runs one training iteration
Maker = Callable[[Any], Step]

_HISTORY, _DIM, _BATCH = 8, 8, 64
_WAVE_BATCH, _TAPS = 128, 3


class _Case(NamedTuple):  # one size of Table 1's training
    hidden: int
    steps: int  # per iteration, input and output phase together


class _WaveCase(NamedTuple):  # a wave-RNN of the paper; all time steps cost the same, so few suffice
    task: str
    channels: int
    neurons: int  # per ring
    steps: int


#: The cases of each bench.
CASES_OF: dict[str, dict[str, Any]] = {
    "training": {"h128_T108": _Case(128, 108), "h64_T108": _Case(64, 108), "h128_T18": _Case(128, 18)},
    "wave-rnn": {
        "copy": _WaveCase("copy:10", 6, 100, 30),
        "psmnist": _WaveCase("small-psmnist:4", 16, 256, 16),
        "adding": _WaveCase("adding:24", 27, 100, 24),
    },
}
# Targets: faster than torch, and at most this multiple of the floor's time; small steps are allowed more.
_MOST, _MOST_SMALL = 1.25, {"h64_T108": 1.5, "h128_T18": 1.5}

# ---- taking turns


def _start(threads: int) -> None:
    torch.set_num_threads(threads)
    if threads == 1:
        prepare_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The bench ends its processes itself.


@lru_cache(maxsize=4)
def _prepare(make: Maker, case: Any) -> Step:
    return make(case)


def _work(make: Maker, case: Any, iterations: int) -> float:
    step, started = _prepare(make, case), time.process_time()
    for _ in range(iterations):
        step()
    return time.process_time() - started


class _Team:
    """Processes that do the same work at the same time; ``by_processor`` measures processor time, not elapsed time."""

    def __init__(self, stack: ExitStack, processes: int, threads: int, by_processor: bool = False) -> None:
        self._by_processor = by_processor
        ends = {"initializer": follow_parent, "initargs": (os.getpid(),)}
        pools = (ProcessPoolExecutor(1, mp_context=get_context("spawn"), **ends) for _ in range(processes))
        self._members = [stack.enter_context(pool) for pool in pools]
        # The child's threading libraries read these variables when loaded; later changes do not resize their pools.
        with patch.dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads)):
            self._tell(_start, threads)

    def _tell(self, order: Callable, *arguments: Any) -> list[Any]:
        futures = [member.submit(order, *arguments) for member in self._members]
        try:
            return [future.result() for future in futures]
        except BrokenProcessPool:
            raise UserError("a process of the bench ended early; is there enough memory?") from None

    def prepare(self, make: Maker, case: Any, seconds: float) -> int:
        """Prepare an implementation in every process, and return how many iterations fill about ``seconds``."""
        self.measure(make, case, 1)
        return max(2, round(seconds / (self.measure(make, case, 2) * len(self._members) / 1e3)))

    def measure(self, make: Maker, case: Any, iterations: int) -> float:
        """Return the time per iteration of one model, in ms, while every process trains a model of its own."""
        started = time.perf_counter()
        spent = max(self._tell(_work, make, case, iterations))
        return (spent if self._by_processor else time.perf_counter() - started) / (iterations * len(self._members)) * 1e3


# ---- the Elman networks of Table 1


def _make_kernel(case: _Case) -> AugmentedKernel:
    # From orthogonal weights, states neither vanish nor saturate, and this learning rate keeps it so.
    weights = draw_weights(_DIM, case.hidden, "orthogonal")
    return AugmentedKernel(weights, _HISTORY, _BATCH, case.steps - _HISTORY, learning_rate=1e-6)


def _make_ours(case: _Case) -> Step:
    kernel = _make_kernel(case)
    return partial(kernel.step, *draw_check_batch(kernel, seed=0))


def _make_torch(case: _Case) -> Step:
    """Return the same training step in ordinary PyTorch: nn.RNN, autograd, Adam."""
    kernel = _make_kernel(case)
    inputs, targets, _ = draw_check_batch(kernel, seed=0)
    network, readout = nn.RNN(_DIM, case.hidden, bias=False), nn.Linear(case.hidden, _DIM, bias=False)
    for own, drawn in zip((network.weight_hh_l0, network.weight_ih_l0, readout.weight), kernel.weights()):
        own.data.copy_(drawn)
    padded = torch.cat([inputs, torch.zeros(case.steps - _HISTORY, _BATCH, _DIM)])

    def compute_loss() -> Any:
        states, _ = network(padded)
        return (readout(states[_HISTORY:]) - targets).square().mean()

    return _train_by_autograd([*network.parameters(), *readout.parameters()], compute_loss)


def _train_by_autograd(parameters: list[Any], compute_loss: Callable[[], Any]) -> Step:
    optimiser = torch.optim.Adam(parameters, lr=1e-6)

    def step() -> None:
        loss = compute_loss()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()

    return step


def _make_floor(case: _Case) -> Step:
    """Return a step with only the kernel's products: one per time step and direction, a long one for the gradient of [W | O]."""
    hidden, steps = case.hidden, case.steps
    weights = draw_weights(_DIM, hidden, "orthogonal")
    # The recurrent matrix is orthogonal, so numbers neither grow nor vanish along the chain of products.
    matrix = torch.cat([weights.recurrent.T, weights.readout.T], 1)
    transposed, gradient, width = matrix.T.contiguous(), torch.empty_like(matrix), hidden + _DIM
    forward, backward = (torch.randn(steps + 2, _BATCH, width) * 0.1 for _ in range(2))
    rows, slopes = forward.unbind(), backward.unbind()
    states, places = forward[..., :hidden].unbind(), backward[..., :hidden].unbind()
    stacked, following = forward[1 : steps + 1].view(-1, width)[:, :hidden].mT, backward[2 : steps + 2].view(-1, width)

    @torch.no_grad()
    def step() -> None:
        for place in range(1, steps + 1):
            torch.mm(states[place], matrix, out=rows[place + 1])
        for place in range(steps, 0, -1):
            torch.mm(slopes[place + 1], transposed, out=places[place])
        torch.mm(stacked, following, out=gradient)

    return step


# ---- wave-RNNs


def _make_wave_ours(case: _WaveCase) -> Step:
    options = {"batch": _WAVE_BATCH, "learning_rate": 1e-6, "clip": 1.0}
    model = SequenceModel(SequencePlan(case.task, "wrnn", case.neurons, case.channels, **options))
    return partial(model.step, model.task.draw_batch(0, 1, _WAVE_BATCH))


def _make_wave_torch(case: _WaveCase) -> Step:
    """Return the same training step in ordinary PyTorch: convolution and linear layers, autograd, Adam."""
    task = parse_sequence_task(case.task)
    inputs, targets = task.draw_batch(0, 1, _WAVE_BATCH)
    network = WaveRNN(task.inputs, task.outputs, case.neurons, case.channels)

    def compute_loss() -> Any:
        states = network.run(inputs)
        return task.measure_loss(network.read(states if task.every_step else states[-1]), targets)

    return _train_by_autograd(list(network.parameters()), compute_loss)


def _make_wave_floor(case: _WaveCase) -> Step:
    """Return a step with only the fast recurrence's products, alike in number, shape and layout: drive, coupling, readout."""
    task, width, taps = parse_sequence_task(case.task), case.neurons + _TAPS - 1, range(_TAPS)
    inputs, outputs = task.inputs + 1, task.outputs if task.every_step else 0

    def draw(*shape: int) -> Any:
        return torch.randn(shape) * 0.1

    def view(state: Any, tap: int) -> Any:
        return state.view(case.channels, -1)[:, tap * _WAVE_BATCH : (tap + case.neurons) * _WAVE_BATCH]

    states = draw(case.steps, case.channels, width, _WAVE_BATCH)
    slopes, back = draw(2, case.channels, width, _WAVE_BATCH)
    couplings, gradients = (draw(_TAPS, case.channels, case.channels) for _ in range(2))
    drive, entering = draw(case.channels * width, inputs), draw(inputs, _WAVE_BATCH)
    drive_gradient, answers = drive.t().contiguous(), draw(outputs, _WAVE_BATCH)
    readout, readout_gradient = (draw(outputs, case.channels * width) for _ in range(2))
    windows = [[view(state, tap) for tap in taps] for state in states]
    slope_windows, back_window = [view(slopes, tap) for tap in taps], view(back, 1)
    flat, flat_slopes, flat_back = list(states.flatten(1, 2)), slopes.flatten(0, 1), back.flatten(0, 1)

    @torch.no_grad()
    def step() -> None:
        for place in range(case.steps):
            torch.mm(drive, entering, out=flat[place])
            for tap, window in zip(couplings, windows[place - 1]):
                windows[place][1].addmm_(tap, window)
            drive_gradient.addmm_(entering, flat_slopes.t())
            for gradient, window in zip(gradients, windows[place - 1]):
                gradient.addmm_(slope_windows[1], window.t())
            if outputs:
                torch.mm(readout, flat[place], out=answers)
                readout_gradient.addmm_(answers, flat[place].t())
                torch.mm(readout.t(), answers, out=flat_back)
            for tap, window in zip(couplings, slope_windows):
                back_window.addmm_(tap.t(), window)

    return step


# ---- the benches


def _run_bench(
    bench: str, names: Sequence[str], rounds: int, report: Callable[[str], None], seconds: float = 0.4
) -> dict[str, Any]:
    """Measure training iterations in ms, as medians over rounds with turns of about ``seconds``; report one line per case.

    ``training``: ours runs one single-threaded process per core, torch one network with one thread per core, and for
    ``torch_processes`` one process per core. Times are per iteration of one model, with all cores busy.
    ``wave-rnn``: each runs one process with one thread. Times are processor times per time step of an iteration."""
    cases = CASES_OF[bench]
    unknown = sorted(set(names) - set(cases))
    require(not unknown, f"unknown case {', '.join(unknown)}: choose from {', '.join(cases)}")
    rounds = require_count(rounds, "rounds")
    cores = count_cores()
    setup = {"cores": cores, "rounds": rounds, "torch": version("torch"), "load": round(os.getloadavg()[0] / cores, 2)}
    found, beside = {}, {}
    with ExitStack() as stack:
        if bench == "training":
            many, one = _Team(stack, cores, 1), _Team(stack, 1, cores)
            contestants = [(many, _make_ours), (one, _make_torch), (many, _make_floor), (many, _make_torch)]
        else:
            makers = (_make_wave_ours, _make_wave_torch, _make_wave_floor)
            contestants = [(_Team(stack, 1, 1, by_processor=True), make) for make in makers]
        for name in dict.fromkeys(names) or cases:
            counts = [team.prepare(make, cases[name], seconds) for team, make in contestants]
            turns = [(team, make, count) for (team, make), count in zip(contestants, counts)]
            times = [[team.measure(make, cases[name], count) for team, make, count in turns] for _ in range(rounds)]
            found[name], others = _summarise(times, 1 if bench == "training" else cases[name].steps)
            if others:
                beside[name] = others
            report(_format_case(name, found[name]))
    return {"cases": found, "torch_processes": beside, "setup": setup}


def _summarise(times: Sequence[Sequence[float]], steps: int = 1) -> tuple[dict[str, float], dict[str, float]]:
    """Return a case's entry, and that of torch with one process per core if measured, from the times of all rounds."""
    columns, middle, digits = list(zip(*times)), statistics.median, 3 if steps == 1 else 4
    milliseconds = [round(middle(column) / steps, digits) for column in columns]
    ours, threads, floors, *processes = columns
    ratios = [round(middle(other / own for own, other in zip(ours, column)), 2) for column in (threads, *processes)]
    case = {"ours_ms": milliseconds[0], "torch_ms": milliseconds[1], "ratio": ratios[0], "floor_ms": milliseconds[2]}
    case["times_floor"] = round(middle(own / least for own, least in zip(ours, floors)), 2)
    return case, {"torch_ms": milliseconds[3], "ratio": ratios[1]} if processes else {}


def _format_case(name: str, case: dict[str, float]) -> str:
    """Return one case as a line of text that says whether it reaches the targets."""
    most, digits = _MOST_SMALL.get(name, _MOST), 4 if name in CASES_OF["wave-rnn"] else 3
    reached = case["ratio"] > 1 and case["times_floor"] <= most
    shown = [f"{kind} {case[f'{kind}_ms']:8.{digits}f} ms" for kind in ("ours", "torch", "floor")]
    shown.insert(2, f"ratio {case['ratio']:5.2f} (> 1)")
    shown.append(f"times floor {case['times_floor']:4.2f} (<= {most:g})")
    return "   ".join([f"{name:10} {shown[0]}", *shown[1:], "reached" if reached else "missed"])


#: The benchmarks of ``twm bench``.
BENCHES: dict[str, Callable[..., dict[str, Any]]] = {name: partial(_run_bench, name) for name in CASES_OF}
