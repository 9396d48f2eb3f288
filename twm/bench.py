"""Processes that take turns at the same work, and what is counted from their times.

A busy or throttled machine drifts by tens of per cent within minutes, so a time alone says little. Contestants take turns
within seconds of one another, several rounds long, and what counts is the median over the rounds of the ratio within a
round.

Training the Elman networks of Table 1: ours, torch.nn.RNN, and the bare products.

Training wave-RNNs: ours, torch's Conv1d with autograd, and the bare products, each in one process with one thread.

Speed against torch's own modules and against the bare arithmetic, side by side.

``twm bench training`` trains the Elman networks of Table 1 (:mod:`twm.bench`), ``twm bench wave-rnn`` wave-RNNs on
the copy task, on permuted MNIST and on the adding task (:mod:`twm.bench`). How times are taken: :mod:`twm.bench`.
"""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from typing import Any

from twm.errors import UserError, require, require_count

# torch is imported by the functions that use it, after their process has been given its number of threads.

#: Load a core, from others, above which a bench tells little.
BUSY = 0.25

Work = Callable[[int], None]


def _serve(connection: Any, threads: int) -> None:
    """Work in a process of its own: receive (maker, case) and prepare, or (maker, iterations) and work; answer."""
    import torch

    torch.set_num_threads(threads)
    prepared: dict[str, Work] = {}
    try:
        while True:
            make, task = connection.recv()
            started = time.process_time()
            if isinstance(task, int):
                prepared[make.__name__](task)
            else:
                prepared[make.__name__] = make(task)
            connection.send(time.process_time() - started)
    except (EOFError, KeyboardInterrupt):
        # The bench has ended, or was stopped.
        pass


class Team:
    """Processes that do the same work at the same time.

    Args:
        processes: how many.
        threads: of each.
        by_processor: count the time that the slowest process spent on the processor instead of the time that went by: where
            every process has one thread, that leaves out what others took away.
    """

    def __init__(self, processes: int, threads: int, by_processor: bool = False) -> None:
        self._by_processor = by_processor
        context = get_context("spawn")
        # Read by the threading libraries when the child loads them; setting it later leaves their pools in place.
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        before = {name: os.environ.get(name) for name in names}
        os.environ.update(dict.fromkeys(names, str(threads)))
        self._members = []
        try:
            for _ in range(processes):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
                process.start()
                theirs.close()
                self._members.append((process, ours))
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _tell(self, message: Any) -> float:
        started = time.perf_counter()
        for _, connection in self._members:
            connection.send(message)
        spent = 0.0
        for process, connection in self._members:
            try:
                spent = max(spent, connection.recv())
            except EOFError:
                process.join()
                reason = f"a process of the bench ended with exit code {process.exitcode}; is there memory enough?"
                raise UserError(reason) from None
        return spent if self._by_processor else time.perf_counter() - started

    def prepare(self, make: Callable[[Any], Work], case: Any) -> None:
        """Have every member prepare a contestant."""
        self._tell((make, case))

    def measure(self, make: Callable[[Any], Work], iterations: int) -> float:
        """Return the time of one model's iteration, in ms, with every member at work on a model of its own."""
        return self._tell((make, iterations)) / (iterations * len(self._members)) * 1e3

    def count_iterations(self, make: Callable[[Any], Work], seconds: float) -> int:
        """Return how many iterations a member makes in about this time."""
        self.measure(make, 1)
        one = self.measure(make, 2) * len(self._members) / 1e3
        return max(2, round(seconds / one))

    def close(self) -> None:
        """End the processes."""
        for process, connection in self._members:
            connection.close()
            process.join(timeout=5)
            if process.is_alive():
                process.terminate()
                process.join()


@contextmanager
def open_team(processes: int, threads: int, by_processor: bool = False) -> Iterator[Team]:
    """Yield a team, and end its processes afterwards; arguments as for :class:`Team`."""
    team = Team(processes, threads, by_processor)
    try:
        yield team
    finally:
        team.close()


def count_processors() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def take_turns(
    contestants: Sequence[tuple[Team, Callable[[Any], Work]]], case: Any, rounds: int, seconds: float
) -> list[tuple[float, ...]]:
    """Return for each round the time of an iteration of each contestant, in ms.

    Args:
        contestants: teams, and what each makes its work with.
        case: what the work is about.
        rounds: how many turns each takes.
        seconds: about how long a turn is.
    """
    counts = []
    for team, make in contestants:
        team.prepare(make, case)
        counts.append(team.count_iterations(make, seconds))
    return [tuple(team.measure(make, count) for (team, make), count in zip(contestants, counts)) for _ in range(rounds)]


# torch is imported by the functions that use it, after their process has been given its number of threads.

_HISTORY, _DIM, _BATCH = 8, 8, 64
#: What a fast path should reach: at least this many times torch, at most this many times the floor.
TARGETS = {"training": (5.0, 1.6)}


@dataclass(frozen=True)
class Case:
    """One size of Table 1's training.

    Attributes:
        hidden: number of hidden neurons.
        steps: time steps of an iteration, input and output phase together.
    """

    hidden: int
    steps: int

    @property
    def horizon(self) -> int:
        """Length of the output phase."""
        return self.steps - _HISTORY


CASES = {"h128_T108": Case(128, 108), "h64_T108": Case(64, 108), "h128_T18": Case(128, 18)}


def make_ours(case: Case) -> Work:
    """Return a function that makes a number of training iterations of one network with the augmented kernel."""
    from twm.models.checking import draw_check_batch
    from twm.models.fast.elman import AugmentedKernel, prepare_process
    from twm.models.weights import draw_weights

    prepare_process()
    # At an orthogonal start states neither die nor saturate, and at this rate it stays so.
    kernel = AugmentedKernel(
        draw_weights(_DIM, case.hidden, "orthogonal"), _HISTORY, _BATCH, case.horizon, learning_rate=1e-6
    )
    inputs, targets, horizon = draw_check_batch(kernel, seed=0)

    def work(iterations: int) -> None:
        for _ in range(iterations):
            kernel.step(inputs, targets, horizon)

    return work


def make_torch(case: Case) -> Work:
    """Return a function that makes the same iterations as anyone would write them: torch.nn.RNN, autograd, Adam."""
    import torch

    from twm.models.checking import draw_check_batch
    from twm.models.fast.elman import AugmentedKernel
    from twm.models.weights import draw_weights

    weights = draw_weights(_DIM, case.hidden, "orthogonal")
    kernel = AugmentedKernel(weights, _HISTORY, _BATCH, case.horizon)
    inputs, targets, _ = draw_check_batch(kernel, seed=0)
    network = torch.nn.RNN(_DIM, case.hidden, bias=False)
    readout = torch.nn.Linear(case.hidden, _DIM, bias=False)
    with torch.no_grad():
        for own, drawn in zip((network.weight_hh_l0, network.weight_ih_l0, readout.weight), weights):
            own.copy_(drawn)
    parameters = [*network.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-6)
    padded = torch.cat([inputs, torch.zeros(case.horizon, _BATCH, _DIM)])

    def work(iterations: int) -> None:
        for _ in range(iterations):
            states, _ = network(padded)
            loss = (readout(states[_HISTORY:]) - targets).square().mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()

    return work


def make_floor(case: Case) -> Work:
    """Return a function that makes the iterations' matrix products and nothing else.

    They are the augmented kernel's products in number, shape and place: one a step and direction, and a long one for
    the gradient of [W | O].
    """
    import torch

    from twm.models.fast.elman import prepare_process
    from twm.models.weights import draw_weights

    prepare_process()
    hidden, steps = case.hidden, case.steps
    weights = draw_weights(_DIM, hidden, "orthogonal")
    # The recurrent matrix is orthogonal, so numbers neither grow nor die along the chain of products.
    matrix = torch.cat([weights.recurrent.T, weights.readout.T], 1)
    transposed, gradient, width = matrix.T.contiguous(), torch.empty_like(matrix), hidden + _DIM
    forward, backward = (torch.randn(steps + 2, _BATCH, width) * 0.1 for _ in range(2))
    rows, slopes = forward.unbind(), backward.unbind()
    states, places = forward[..., :hidden].unbind(), backward[..., :hidden].unbind()
    stacked, following = forward[1 : steps + 1].view(-1, width)[:, :hidden].mT, backward[2 : steps + 2].view(-1, width)

    @torch.no_grad()
    def work(iterations: int) -> None:
        for _ in range(iterations):
            for step in range(1, steps + 1):
                torch.mm(states[step], matrix, out=rows[step + 1])
            for step in range(steps, 0, -1):
                torch.mm(slopes[step + 1], transposed, out=places[step])
            torch.mm(stacked, following, out=gradient)

    return work


def bench_training(
    names: Sequence[str] = (),
    rounds: int = 7,
    seconds: float = 0.4,
    report: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Time training iterations of Table 1's networks.

    Ours is one single-threaded process a core, each with a network of its own. Torch is one network with a thread a
    core; beside it stands what torch does with a process a core, because on a busy machine threads that wait for each
    other are the slower choice. The floor is the bare products, in as many processes as ours. All are given as time
    of one model's iteration with all cores busy. Drawing data is left out of all of them.

    Args:
        names: which of :data:`CASES`; all if none is given.
        rounds: how many turns each contestant takes.
        seconds: about how long a turn is.
        report: called with a line for each case.

    Returns:
        ``cases``: for each name ``ours_ms``, ``torch_ms``, ``ratio`` = torch/ours, ``floor_ms`` and ``times_floor`` =
        ours/floor, all medians over the rounds. ``torch_processes``: for each name ``torch_ms`` and ``ratio`` with a
        process a core. ``setup``: cores, rounds, torch's version, and ``load``, what others asked of each core when the
        bench began; well above zero, times and also the ratio to threads say little.

    Raises:
        UserError: if a case is unknown or a number is out of range.
    """
    unknown = sorted(set(names) - set(CASES))
    require(not unknown, f"unknown case {', '.join(unknown)}: choose from {', '.join(CASES)}")
    rounds = require_count(rounds, "rounds")
    require(seconds > 0, f"seconds must be positive, not {seconds!r}")
    cores, load = count_processors(), os.getloadavg()[0]
    cases: dict[str, dict[str, float]] = {}
    beside: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        many, one = (stack.enter_context(open_team(*size)) for size in ((cores, 1), (1, cores)))
        for name in dict.fromkeys(names) or CASES:
            contestants = [(many, make_ours), (one, make_torch), (many, make_floor), (many, make_torch)]
            cases[name], beside[name] = _summarise_training(take_turns(contestants, CASES[name], rounds, seconds))
            if report is not None:
                report(format_case(name, cases[name]))
    setup = {"cores": cores, "rounds": rounds, "torch": version("torch"), "load": round(load / cores, 2)}
    return {"cases": cases, "torch_processes": beside, "setup": setup}


def _summarise_training(
    times: Sequence[tuple[float, float, float, float]],
) -> tuple[dict[str, float], dict[str, float]]:
    """Return a case's entry and torch's with a process a core, from rounds of ours, torch, floor, torch by processes."""
    ours, threads, floors, processes = zip(*times)
    middle = statistics.median
    case = {
        "ours_ms": round(middle(ours), 3),
        "torch_ms": round(middle(threads), 3),
        "ratio": round(middle(other / own for own, other in zip(ours, threads)), 2),
        "floor_ms": round(middle(floors), 3),
        "times_floor": round(middle(own / least for own, least in zip(ours, floors)), 2),
    }
    ratio = middle(other / own for own, other in zip(ours, processes))
    return case, {"torch_ms": round(middle(processes), 3), "ratio": round(ratio, 2)}


def format_case(name: str, case: dict[str, float], bench: str = "training") -> str:
    """Return one case as a line of text, with whether it reaches the targets."""
    least, most = TARGETS[bench]
    reached = case["ratio"] >= least and case["times_floor"] <= most
    parts = (
        f"{name:10} ours {case['ours_ms']:8.3f} ms",
        f"torch {case['torch_ms']:8.3f} ms",
        f"ratio {case['ratio']:5.2f} (>= {least:g})",
        f"floor {case['floor_ms']:8.3f} ms",
        f"times floor {case['times_floor']:4.2f} (<= {most:g})",
        "reached" if reached else "missed",
    )
    return "   ".join(parts)


# torch is imported by the functions that use it, after their process has been given its number of threads.

_WAVE_BATCH, _TAPS = 128, 3
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

        from twm.tasks.parsing import check_sequence_task
        from twm.tasks.sequences import Batch, CopyTask

        generator = torch.Generator().manual_seed(0)
        kind, _ = check_sequence_task(case.task)
        self.steps, self.every_step = case.steps, kind == "copy"
        if kind == "copy":
            self.inputs = self.outputs = CopyTask.inputs
            self.batch = CopyTask(10).draw_batch(0, 1, _WAVE_BATCH)
        else:
            self.inputs, self.outputs = (1, 10) if kind == "psmnist" else (2, 1)
            inputs = torch.rand(case.steps, _WAVE_BATCH, self.inputs, generator=generator)
            targets = (
                torch.randint(0, 10, (_WAVE_BATCH,), generator=generator)
                if kind == "psmnist"
                else torch.rand(_WAVE_BATCH, 1, generator=generator)
            )
            self.batch = Batch(inputs, targets)
        self._classify = kind != "adding"

    def draw_batch(self, seed: int, iteration: int, count: int, device: Any = None) -> Any:
        from twm.tasks.sequences import Batch

        inputs, targets = self.batch
        return Batch(inputs[:, :count], targets[:, :count] if self.every_step else targets[:count])

    def measure_loss(self, outputs: Any, targets: Any) -> Any:
        from torch.nn import functional

        if self._classify:
            return functional.cross_entropy(outputs.movedim(-1, 1), targets)
        return functional.mse_loss(outputs, targets)


def make_wave_ours(case: WaveCase) -> Work:
    """Return a function that makes a number of training iterations by the fast recurrence."""
    from twm.models.fast.elman import prepare_process
    from twm.training.plans import SequencePlan
    from twm.training.sequence_model import SequenceModel

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

    from twm.models.fast.elman import prepare_process
    from twm.training.plans import SequencePlan
    from twm.training.sequence_model import make_network

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
            state, states = torch.zeros(_WAVE_BATCH, drawn.hidden), []
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

    from twm.models.fast.elman import prepare_process
    from twm.training.sequence_model import RING_CHANNELS

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

    states, slopes = draw(case.steps, case.channels, width, _WAVE_BATCH), draw(case.channels, width, _WAVE_BATCH)
    back = torch.zeros_like(slopes)
    taps, gradients = draw(_TAPS, case.channels, case.channels), draw(_TAPS, case.channels, case.channels)
    drive, entering = draw(case.channels * width, inputs + 1), draw(inputs + 1, _WAVE_BATCH)
    drive_gradient, readout, answers = (
        drive.t().contiguous(),
        draw(outputs, case.channels * width),
        draw(outputs, _WAVE_BATCH),
    )
    readout_gradient = readout.clone()

    def view(state: Any, tap: int) -> Any:
        return state.view(case.channels, -1)[:, tap * _WAVE_BATCH : (tap + case.neurons) * _WAVE_BATCH]

    windows = [[view(state, tap) for tap in range(_TAPS)] for state in states]
    slope_windows, back_window = [view(slopes, tap) for tap in range(_TAPS)], view(back, 1)
    flat = [state.view(-1, _WAVE_BATCH) for state in states]
    flat_slopes, flat_back = slopes.view(-1, _WAVE_BATCH), back.view(-1, _WAVE_BATCH)

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

    shape = (_WAVE_BATCH, case.neurons + _TAPS - 1, case.channels)
    images = [as_image(torch.randn(shape) * 0.1) for _ in range(case.steps)]
    slope = torch.randn(_WAVE_BATCH, case.neurons, case.channels) * 0.1
    kernel = torch.randn(case.channels, case.channels, 1, _TAPS).contiguous(memory_format=torch.channels_last) * 0.1
    drive, entering = torch.randn(inputs + 1, case.neurons * case.channels) * 0.1, torch.randn(_WAVE_BATCH, inputs + 1)
    drive_gradient, flat = drive.clone(), slope.view(_WAVE_BATCH, -1)
    arguments = (None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True, True, False])

    def step(time: int) -> None:
        values = functional.conv2d(images[time], kernel).permute(0, 2, 3, 1).reshape(_WAVE_BATCH, -1)
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
    cores, load = count_processors(), os.getloadavg()[0]
    cases: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        teams = [stack.enter_context(open_team(1, 1, by_processor=True)) for _ in range(3)]
        for name in dict.fromkeys(names) or WAVE_CASES:
            case = WAVE_CASES[name]
            contestants = list(zip(teams, (make_wave_ours, make_wave_torch, make_wave_floor)))
            cases[name] = _summarise_wave(take_turns(contestants, case, rounds, seconds), case.steps)
            if report is not None:
                report(_format(name, cases[name]))
    setup = {"cores": cores, "rounds": rounds, "torch": version("torch"), "load": round(load / cores, 2)}
    return {"cases": cases, "torch_processes": {}, "setup": setup}


def _summarise_wave(times: Sequence[tuple[float, ...]], steps: int) -> dict[str, float]:
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


#: The benches that ``twm bench`` knows.
BENCHES: dict[str, Callable[..., dict[str, Any]]] = {"training": bench_training, "wave-rnn": bench_wave}
#: The cases of each.
CASES_OF: dict[str, dict[str, Any]] = {"training": CASES, "wave-rnn": WAVE_CASES}
