"""Training wave-RNNs: ours, torch's Conv1d with autograd, and the bare products, each in one process with one thread."""

import os
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from twm.bench.teams import Work, count_cores, open_team, take_turns
from twm.errors import require, require_count

# torch is imported by the functions that use it, after their process has been given its number of threads.

_BATCH, _TAPS = 128, 3
#: At least how many times torch's Conv1d with autograd a case should reach.
WAVE_TARGETS = {"copy": 5.0, "psmnist": 3.0, "adding": 2.5}


@dataclass(frozen=True)
class WaveCase:
    """One of the paper's wave-RNNs on one of its tasks, on sequences cut to some steps.

    A step costs the same wherever it stands, so times are given a time step, and sequences can be short.

    Attributes:
        task: the task.
        channels: rings.
        neurons: neurons of a ring.
        steps: length of the sequences.
    """

    task: str
    channels: int
    neurons: int
    steps: int


WAVE_CASES = {
    "copy": WaveCase("copy:10", 6, 100, 30),
    "psmnist": WaveCase("psmnist", 16, 256, 16),
    "adding": WaveCase("adding:24", 27, 100, 24),
}


class _Sequences:
    """A task that hands out one batch of fixed numbers, cut to a case's steps, so that no data has to be found."""

    def __init__(self, case: WaveCase) -> None:
        import torch

        from twm.sequence_tasks import Batch, CopyTask, check_sequence_task

        generator = torch.Generator().manual_seed(0)
        kind, _ = check_sequence_task(case.task)
        self.steps, self.every_step = case.steps, kind == "copy"
        if kind == "copy":
            self.inputs = self.outputs = CopyTask.inputs
            self.batch = CopyTask(10).draw_batch(0, 1, _BATCH)
        else:
            self.inputs, self.outputs = (1, 10) if kind == "psmnist" else (2, 1)
            inputs = torch.rand(case.steps, _BATCH, self.inputs, generator=generator)
            targets = (
                torch.randint(0, 10, (_BATCH,), generator=generator)
                if kind == "psmnist"
                else torch.rand(_BATCH, 1, generator=generator)
            )
            self.batch = Batch(inputs, targets)
        self._classify = kind != "adding"

    def draw_batch(self, seed: int, iteration: int, count: int, device: Any = None) -> Any:
        from twm.sequence_tasks import Batch

        inputs, targets = self.batch
        return Batch(inputs[:, :count], targets[:, :count] if self.every_step else targets[:count])

    def measure_loss(self, outputs: Any, targets: Any) -> Any:
        from torch.nn import functional

        if self._classify:
            return functional.cross_entropy(outputs.movedim(-1, 1), targets)
        return functional.mse_loss(outputs, targets)


def make_wave_ours(case: WaveCase) -> Work:
    """Return a function that makes a number of training iterations by the fast recurrence."""
    from twm.kernels import prepare_process
    from twm.training.sequences import SequenceModel, SequencePlan

    prepare_process()
    plan = SequencePlan(case.task, "wrnn", case.neurons, case.channels, learning_rate=1e-6, clip=1.0)
    sequences = _Sequences(case)
    model = SequenceModel(plan, task=sequences)

    def work(iterations: int) -> None:
        for _ in range(iterations):
            model.step(sequences.batch)

    return work


def make_wave_torch(case: WaveCase) -> Work:
    """Return a function that makes the same iterations as anyone would write them: Conv1d, Linear, autograd, Adam."""
    import torch

    from twm.kernels import prepare_process
    from twm.training.sequences import SequencePlan, make_network

    prepare_process()
    sequences = _Sequences(case)
    plan = SequencePlan(case.task, "wrnn", case.neurons, case.channels)
    drawn = make_network(plan, sequences)
    size = (case.channels, case.neurons)
    encoder = torch.nn.Linear(sequences.inputs, drawn.hidden)
    moves = torch.nn.Conv1d(case.channels, case.channels, _TAPS, padding=_TAPS // 2, padding_mode="circular")
    readout = torch.nn.Linear(drawn.hidden, sequences.outputs)
    with torch.no_grad():
        for layer, name in ((encoder, "encoder"), (moves, "kernel"), (readout, "readout")):
            layer.weight.copy_(getattr(drawn, f"weight_{name}"))
            layer.bias.copy_(getattr(drawn, f"bias_{name}"))
    parameters = [weight for layer in (moves, encoder, readout) for weight in layer.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-6)
    inputs, targets = sequences.batch

    def work(iterations: int) -> None:
        for _ in range(iterations):
            state, states = torch.zeros(_BATCH, drawn.hidden), []
            for now in inputs:
                state = torch.relu(encoder(now) + moves(state.view(-1, *size)).flatten(1))
                states.append(state)
            answers = readout(torch.stack(states) if sequences.every_step else state)
            optimiser.zero_grad()
            sequences.measure_loss(answers, targets).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()

    return work


def make_wave_floor(case: WaveCase) -> Work:
    """Return a function that makes the products and convolutions of our iterations and nothing else.

    They are those of the recurrence that the case takes, in number, shape and layout: per step the drive, the coupling and
    what is read out, forward, and for each the two products of its backward pass.
    """
    import torch

    from twm.kernels import prepare_process
    from twm.training.sequences.model import RING_CHANNELS

    prepare_process()
    sequences = _Sequences(case)
    make = _make_ring_products if case.channels >= RING_CHANNELS else _make_window_products
    step = torch.no_grad()(make(case, sequences.inputs, sequences.outputs if sequences.every_step else 0))

    def work(iterations: int) -> None:
        for _ in range(iterations):
            for time in range(case.steps):
                step(time)

    return work


def _make_window_products(case: WaveCase, inputs: int, outputs: int) -> Callable[[int], None]:
    import torch

    width = case.neurons + _TAPS - 1

    def draw(*shape: int) -> Any:
        return torch.randn(shape) * 0.1

    states, slopes = draw(case.steps, case.channels, width, _BATCH), draw(case.channels, width, _BATCH)
    back = torch.zeros_like(slopes)
    taps, gradients = draw(_TAPS, case.channels, case.channels), draw(_TAPS, case.channels, case.channels)
    drive, entering = draw(case.channels * width, inputs + 1), draw(inputs + 1, _BATCH)
    drive_gradient, readout, answers = (
        drive.t().contiguous(),
        draw(outputs, case.channels * width),
        draw(outputs, _BATCH),
    )
    readout_gradient = readout.clone()

    def view(state: Any, tap: int) -> Any:
        return state.view(case.channels, -1)[:, tap * _BATCH : (tap + case.neurons) * _BATCH]

    windows = [[view(state, tap) for tap in range(_TAPS)] for state in states]
    slope_windows, back_window = [view(slopes, tap) for tap in range(_TAPS)], view(back, 1)
    flat = [state.view(-1, _BATCH) for state in states]
    flat_slopes, flat_back = slopes.view(-1, _BATCH), back.view(-1, _BATCH)

    def step(time: int) -> None:
        torch.mm(drive, entering, out=flat[time])
        for tap, window in zip(taps, windows[time - 1]):
            windows[time][1].addmm_(tap, window)
        drive_gradient.addmm_(entering, flat_slopes.t())
        for gradient, window in zip(gradients, windows[time - 1]):
            gradient.addmm_(slope_windows[1], window.t())
        if outputs:
            torch.mm(readout, flat[time], out=answers)
            readout_gradient.addmm_(answers, flat[time].t())
            torch.mm(readout.t(), answers, out=flat_back)
        for tap, window in zip(taps, slope_windows):
            back_window.addmm_(tap.t(), window)

    return step


def _make_ring_products(case: WaveCase, inputs: int, outputs: int) -> Callable[[int], None]:
    import torch
    from torch.nn import functional

    def as_image(state: Any) -> Any:
        return state.unsqueeze(1).permute(0, 3, 1, 2)

    shape = (_BATCH, case.neurons + _TAPS - 1, case.channels)
    images = [as_image(torch.randn(shape) * 0.1) for _ in range(case.steps)]
    slope = torch.randn(_BATCH, case.neurons, case.channels) * 0.1
    kernel = torch.randn(case.channels, case.channels, 1, _TAPS).contiguous(memory_format=torch.channels_last) * 0.1
    drive, entering = torch.randn(inputs + 1, case.neurons * case.channels) * 0.1, torch.randn(_BATCH, inputs + 1)
    drive_gradient, flat = drive.clone(), slope.view(_BATCH, -1)
    arguments = (None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True, True, False])

    def step(time: int) -> None:
        values = functional.conv2d(images[time], kernel).permute(0, 2, 3, 1).reshape(_BATCH, -1)
        if inputs > 1:
            values.addmm_(entering, drive)
        drive_gradient.addmm_(entering.t(), flat)
        torch.ops.aten.convolution_backward(as_image(slope), images[time], kernel, *arguments)

    return step


def bench_wave(
    names: Sequence[str] = (),
    rounds: int = 7,
    seconds: float = 0.4,
    report: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Time training iterations of the paper's wave-RNNs: forward, loss, backward, clip and Adam, without drawing data.

    Ours, torch's Conv1d with autograd, and the floor take turns, each in a process with one thread, and what is counted is
    the time they spend on the processor.

    Args:
        names: which of :data:`WAVE_CASES`; all if none is given.
        rounds: how many turns each contestant takes.
        seconds: about how long a turn is.
        report: called with a line for each case.

    Returns:
        ``cases``: for each name ``ours_ms``, ``torch_ms``, ``ratio`` = torch/ours, ``floor_ms`` and ``times_floor`` =
        ours/floor, times for one time step of one iteration, medians over the rounds. ``setup``: cores, rounds, torch's
        version, and ``load``, what others asked of each core when the bench began.

    Raises:
        UserError: if a case is unknown or a number is out of range.
    """
    unknown = sorted(set(names) - set(WAVE_CASES))
    require(not unknown, f"unknown case {', '.join(unknown)}: choose from {', '.join(WAVE_CASES)}")
    rounds = require_count(rounds, "rounds")
    require(seconds > 0, f"seconds must be positive, not {seconds!r}")
    cores, load = count_cores(), os.getloadavg()[0]
    cases: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        teams = [stack.enter_context(open_team(1, 1, by_processor=True)) for _ in range(3)]
        for name in dict.fromkeys(names) or WAVE_CASES:
            case = WAVE_CASES[name]
            contestants = list(zip(teams, (make_wave_ours, make_wave_torch, make_wave_floor)))
            cases[name] = _summarise(take_turns(contestants, case, rounds, seconds), case.steps)
            if report is not None:
                report(_format(name, cases[name]))
    setup = {"cores": cores, "rounds": rounds, "torch": version("torch"), "load": round(load / cores, 2)}
    return {"cases": cases, "torch_processes": {}, "setup": setup}


def _summarise(times: Sequence[tuple[float, ...]], steps: int) -> dict[str, float]:
    ours, torch_times, floors = zip(*times)
    middle = statistics.median
    return {
        "ours_ms": round(middle(ours) / steps, 4),
        "torch_ms": round(middle(torch_times) / steps, 4),
        "ratio": round(middle(other / own for own, other in zip(ours, torch_times)), 2),
        "floor_ms": round(middle(floors) / steps, 4),
        "times_floor": round(middle(own / least for own, least in zip(ours, floors)), 2),
    }


def _format(name: str, case: dict[str, float]) -> str:
    least = WAVE_TARGETS.get(name, 0.0)
    parts = (
        f"{name:10} ours {case['ours_ms']:8.4f} ms",
        f"torch {case['torch_ms']:8.4f} ms",
        f"ratio {case['ratio']:5.2f} (>= {least:g})",
        f"floor {case['floor_ms']:8.4f} ms",
        f"times floor {case['times_floor']:4.2f}",
        "reached" if case["ratio"] >= least else "missed",
    )
    return "   ".join(parts)
