"""Training the Elman networks of Table 1: ours, torch.nn.RNN, and the bare products."""

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
    from twm.kernels import AugmentedKernel, draw_check_batch, draw_weights, prepare_process

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

    from twm.kernels import AugmentedKernel, draw_check_batch, draw_weights

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

    from twm.kernels import draw_weights, prepare_process

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
    cores, load = count_cores(), os.getloadavg()[0]
    cases: dict[str, dict[str, float]] = {}
    beside: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        many, one = (stack.enter_context(open_team(*size)) for size in ((cores, 1), (1, cores)))
        for name in dict.fromkeys(names) or CASES:
            contestants = [(many, make_ours), (one, make_torch), (many, make_floor), (many, make_torch)]
            cases[name], beside[name] = _summarise(take_turns(contestants, CASES[name], rounds, seconds))
            if report is not None:
                report(format_case(name, cases[name]))
    setup = {"cores": cores, "rounds": rounds, "torch": version("torch"), "load": round(load / cores, 2)}
    return {"cases": cases, "torch_processes": beside, "setup": setup}


def _summarise(times: Sequence[tuple[float, float, float, float]]) -> tuple[dict[str, float], dict[str, float]]:
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
