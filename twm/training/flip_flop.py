"""Training the delayed flip-flop: streams without end, the gradient cut after a few steps, the state carried on.

The network is h(t) = tanh(W h(t-1) + W_in x(t)), y(t) = tanh(W_out h(t)); W_in stays as it was drawn. A
:class:`FlipFlopTrainer` has the methods of :class:`twm.training.ensemble.Ensemble` that a sweep needs, and like it ends bit for bit
the same however often it was stopped.

The sweep behind the flip-flop's records: one network after another, to be stopped and resumed anywhere.
"""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from twm.errors import UserError, require, require_count
from twm.models.elman import name_network, write_network
from twm.models.weights import Weights, draw_matrix
from twm.paths import find_commit
from twm.records import DamagedRecord, describe_host, read_rows, read_tensors, write_rows, write_tensors
from twm.tasks.flip_flop import FlipFlop, FlipFlopStream, delay_signs, draw_pulses, mark_steps
from twm.training.ensemble import quiet_process
from twm.training.places import Place, has_runs, lock_place, make_sweep_place, remove_leftovers, set_aside
from twm.training.progress import Say
from twm.training.runner import Outcome, interrupt_once

_BETA_FIRST, _BETA_SECOND, _EPSILON, _CLIP = 0.9, 0.999, 1e-8, 1.0
# Updates whose data is drawn in one go.
_DRAWN = 50
# Steps of a test that pass before outputs are judged; by then every channel has had a pulse, or has nothing to say.
_WARM_UP = 200


@dataclass(frozen=True)
class FlipFlopPlan:
    """One network to train on the flip-flop.

    Attributes:
        delay: of the task.
        seed: of the data and of the initial weights.
        hidden: hidden neurons.
        reading: of the mean interval between pulses, see :class:`twm.tasks.flip_flop.FlipFlop`.
        unfold: steps that the gradient goes back.
        iterations: updates.
        learning_rate: Adam's step.
        drop_at: last update before the learning rate becomes a tenth; ``None`` for no drop.
        batch: streams side by side.
        test_every: updates between tests.
        test_streams, test_steps: size of a test; its data is the same for all seeds.

    Raises:
        UserError: if anything is out of range.

    Source: mem Sec. 2, Sec. 3, App. A. The paper gives no rate, no number of updates and no number of streams.
    """

    delay: int = 0
    seed: int = 0
    hidden: int = 100
    reading: str = "channel"
    unfold: int = 10
    iterations: int = 40_000
    learning_rate: float = 3e-4
    drop_at: int | None = 32_000
    batch: int = 64
    test_every: int = 1000
    test_streams: int = 50
    test_steps: int = 1000

    def __post_init__(self) -> None:
        FlipFlop(self.delay, reading=self.reading)
        require_count(self.seed, "seed", 0)
        for name in ("hidden", "unfold", "iterations", "batch", "test_every", "test_streams", "test_steps"):
            require_count(getattr(self, name), name)
        fine = self.learning_rate > 0 and np.isfinite(self.learning_rate)
        require(fine, f"learning_rate must be positive, not {self.learning_rate!r}")
        if self.drop_at is not None:
            require_count(self.drop_at, "drop_at")

    @property
    def task(self) -> FlipFlop:
        """The task itself."""
        return FlipFlop(self.delay, reading=self.reading)

    @property
    def name(self) -> str:
        """The network's name; two plans have one name only if they train the same network."""
        rest = ""
        for field, letter in _LETTERS.items():
            value = getattr(self, field)
            if value != FlipFlopPlan.__dataclass_fields__[field].default:
                rest += f"_{letter}{'none' if value is None else f'{value:g}'}"
        return name_network(self.task.name, self.hidden, 0.0, self.seed, rest)

    def describe(self) -> dict[str, Any]:
        """Return the plan as JSON can hold it; :func:`restore_flip_flop_plan` goes back."""
        return asdict(self)


_LETTERS = {
    "unfold": "u",
    "iterations": "i",
    "learning_rate": "lr",
    "drop_at": "drop",
    "batch": "b",
    "test_every": "every",
    "test_streams": "streams",
    "test_steps": "steps",
}


def restore_flip_flop_plan(description: Mapping[str, Any]) -> FlipFlopPlan:
    """Make the plan that :meth:`FlipFlopPlan.describe` described.

    Raises:
        UserError: if it was described by another version.
    """
    known = {field.name for field in fields(FlipFlopPlan)}
    odd = ", ".join(sorted(set(description) ^ known))
    require(not odd, f"the plan of a flip-flop comes from another version: it differs in {odd}")
    return FlipFlopPlan(**description)


def draw_flip_flop_weights(hidden: int, channels: int, seed: int) -> Weights:
    """Draw the initial weights: W_in uniform in +-1/sqrt(channels), W and W_out in +-1/sqrt(hidden).

    Returns:
        the weights (hidden, hidden), (hidden, channels), (channels, hidden), float32.

    Source: mem App. A.
    """
    generator = torch.Generator().manual_seed(seed)
    encoder = draw_matrix((hidden, channels), channels, "uniform", generator)
    recurrent, readout = (
        draw_matrix(shape, hidden, "uniform", generator) for shape in ((hidden, hidden), (channels, hidden))
    )
    return Weights(recurrent, encoder, readout)


# ---- the network


def run_flip_flop(weights: Weights, pulses: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Run the network.

    Args:
        weights: of the network; the computation is in their dtype.
        pulses: (steps, ..., channels).
        state: (..., hidden) before the first step.

    Returns:
        states (steps, ..., hidden) and outputs (steps, ..., channels), with autograd's record where it is on.

    Source: mem Sec. 2.
    """
    recurrent, encoder, readout = weights
    driven = pulses @ encoder.T
    states = []
    for push in driven:
        state = torch.tanh(state @ recurrent.T + push)
        states.append(state)
    stacked = torch.stack(states)
    return stacked, torch.tanh(stacked @ readout.T)


class FlipFlopScore(NamedTuple):
    """How well a network does; shares of right signs.

    Attributes:
        settled: on the steps that are judged, see :func:`twm.tasks.flip_flop.mark_steps`.
        waiting: on those among them on which a pulse of the other sign is on its way; nan without a delay.
        overall: on all steps on which something is due, those right after a change included.
    """

    settled: float
    waiting: float
    overall: float


@torch.no_grad()
def score_flip_flop(
    weights: Weights, task: FlipFlop, seed: int = 0, streams: int = 100, steps: int = 1000, split: str = "test"
) -> FlipFlopScore:
    """Run a network on streams it has not seen and count right signs.

    Args:
        weights: of the network.
        task: what is asked of it.
        seed: of the streams.
        streams: how many side by side.
        steps: of each that are judged; 200 more pass before.
        split: of the data.

    Returns:
        the shares. An output of zero is wrong.
    """
    pulses = draw_pulses(task, split, seed, streams, 0, _WARM_UP + steps)
    start = weights.recurrent.new_zeros(streams, len(weights.recurrent))
    outputs = run_flip_flop(weights, torch.from_numpy(pulses).to(start), start)[1].cpu().numpy()
    signs = delay_signs(pulses, task.delay)
    right = outputs * signs > 0
    judged, waiting = mark_steps(pulses, task.delay)
    late = np.arange(len(pulses))[:, None, None] >= _WARM_UP
    return FlipFlopScore(*(_share(right, marked & late) for marked in (judged, waiting, signs != 0)))


def _share(right: np.ndarray, marked: np.ndarray) -> float:
    return float(right[marked].mean()) if marked.any() else float("nan")


# ---- gradient


def compute_truncated_gradient(
    weights: Weights, pulses: Tensor, targets: Tensor, state: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Compute the gradient of the mean squared error over a few steps with autograd, as the formulas say.

    Args:
        weights: of one network, in any dtype.
        pulses: (steps, streams, channels).
        targets: (steps, streams, channels).
        state: (streams, hidden) that the steps start from; nothing flows back through it.

    Returns:
        the gradients of W and W_out, the loss, and the state (streams, hidden) after the last step.
    """
    recurrent, readout = (matrix.detach().clone().requires_grad_() for matrix in (weights.recurrent, weights.readout))
    with torch.enable_grad():
        states, outputs = run_flip_flop(Weights(recurrent, weights.encoder, readout), pulses, state.detach())
        loss = (outputs - targets).square().mean()
        by_recurrent, by_readout = torch.autograd.grad(loss, (recurrent, readout))
    return by_recurrent, by_readout, loss.detach(), states[-1].detach()


class _Buffers:
    """The same gradient by hand, without an allocation: a third of autograd's time at this size."""

    def __init__(self, weights: Weights, steps: int, streams: int) -> None:
        hidden, channels = weights.encoder.shape
        new = weights.recurrent.new_zeros
        self.weights = weights
        self.states, self.driven = new(steps + 1, streams, hidden), new(steps, streams, hidden)
        self.slopes, self.backward = new(steps, streams, hidden), new(steps, streams, hidden)
        self.by_recurrent, self.by_readout = new(hidden, hidden), new(channels, hidden)
        self._flat = [values.view(-1, hidden) for values in (self.states[1:], self.states[:-1], self.backward)]

    def compute(self, pulses: Tensor, targets: Tensor) -> float:
        """Go on from ``states[0]``; leave the gradients in place and the last state in ``states[-1]``."""
        recurrent, encoder, readout = self.weights
        torch.matmul(pulses, encoder.T, out=self.driven)
        for before, after, push in zip(self.states, self.states[1:], self.driven):
            torch.addmm(push, before, recurrent.T, out=after)
            after.tanh_()
        after, before, backward = self._flat
        outputs = (after @ readout.T).tanh_()
        errors = outputs - targets.reshape(outputs.shape)
        loss = errors.square().mean()
        by_output = errors.mul_(2 / errors.numel()).mul_(1 - outputs * outputs)
        torch.matmul(by_output.T, after, out=self.by_readout)
        torch.matmul(by_output, readout, out=backward)
        torch.mul(self.states[1:], self.states[1:], out=self.slopes)
        self.slopes.neg_().add_(1)
        later = None
        for here, slope in zip(reversed(self.backward.unbind()), reversed(self.slopes.unbind())):
            if later is not None:
                here.addmm_(later, recurrent)
            later = here.mul_(slope)
        torch.matmul(backward.T, before, out=self.by_recurrent)
        return loss


# ---- the trainer


class FlipFlopTrainer:
    """One network in training, to be stopped anywhere.

    Args:
        plan: the network.
        path: ``fast`` or ``reference``; by default fast, after a check against the reference, which is used where that
            fails.

    Attributes:
        plan: the network.
        iteration: updates made.
        seconds: time spent, over all sessions.
        curve: points [iteration, loss, settled, waiting] of the tests; the loss is the mean since the last one.
        checkpoint: update of the best test, of equal ones the latest.

    Raises:
        UserError: if the path is unknown.
    """

    def __init__(self, plan: FlipFlopPlan, path: str | None = None) -> None:
        require(path in (None, "fast", "reference"), f"path must be fast or reference, not {path!r}")
        self.plan = plan
        initial = draw_flip_flop_weights(plan.hidden, plan.task.channels, plan.seed)
        sizes = initial.recurrent.numel(), initial.readout.numel()
        # One vector for all that is trained, so that Adam is a handful of operations.
        self._vector = torch.cat([initial.recurrent.flatten(), initial.readout.flatten()])
        recurrent, readout = (
            part.view(matrix.shape)
            for part, matrix in zip(self._vector.split(sizes), (initial.recurrent, initial.readout))
        )
        self._weights = Weights(recurrent, initial.encoder, readout)
        self._moments = torch.zeros(2, len(self._vector))
        self._buffers = _Buffers(self._weights, plan.unfold, plan.batch)
        self._stream = FlipFlopStream(plan.task, "train", plan.seed, plan.batch)
        self._drawn: tuple[Tensor, Tensor] | None = None
        self.iteration, self.seconds, self._losses = 0, 0.0, 0.0
        self.curve: list[list[float | int]] = []
        self.checkpoint, self._best, self._best_score = 0, self._vector.clone(), (-1.0, -1.0)
        self.diverged_at: int | None = None
        self._path = path or self._choose_path()

    def _choose_path(self) -> str:
        state = torch.zeros(self.plan.batch, self.plan.hidden)
        stream = FlipFlopStream(self.plan.task, "train", self.plan.seed, self.plan.batch)
        pulses, targets = (torch.from_numpy(values) for values in stream.draw(self.plan.unfold))
        for reference, own in zip(
            compute_truncated_gradient(self._weights, pulses, targets, state), self._compute(pulses, targets, state)
        ):
            if (reference - own).norm() > 1e-5 * reference.norm() + 1e-9:
                warnings.warn("the fast gradient of the flip-flop fails its check here: autograd is used", stacklevel=3)
                return "reference"
        return "fast"

    @torch.no_grad()
    def _compute(self, pulses: Tensor, targets: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        self._buffers.states[0].copy_(state)
        self._buffers.compute(pulses, targets)
        return self._buffers.by_recurrent, self._buffers.by_readout

    # ---- training

    @property
    def finished(self) -> bool:
        """Whether training has ended."""
        return self.iteration >= self.plan.iterations or self.diverged_at is not None

    def weights(self) -> Weights:
        """Return a copy of the weights as they are now."""
        return Weights(*(matrix.clone() for matrix in self._weights))

    def best(self) -> Weights:
        """Return a copy of the weights of the best test."""
        recurrent, encoder, readout = self._weights
        size = recurrent.numel()
        return Weights(
            self._best[:size].reshape(recurrent.shape).clone(),
            encoder.clone(),
            self._best[size:].reshape(readout.shape).clone(),
        )

    def train(self, pulse: Callable[["FlipFlopTrainer"], bool] = lambda trainer: True) -> bool:
        """Train to the end, or as long as ``pulse``, asked after each update, allows.

        Returns:
            whether training has ended.
        """
        started, before = time.perf_counter(), self.seconds
        with quiet_process(), torch.no_grad():
            while not self.finished:
                self._update()
                if self.iteration % self.plan.test_every == 0 or self.iteration == self.plan.iterations:
                    self._test()
                self.seconds = before + time.perf_counter() - started
                if not pulse(self):
                    break
        return self.finished

    def _update(self) -> None:
        plan, place = self.plan, self.iteration % _DRAWN
        if place == 0 or self._drawn is None:
            # After a stop the stretch is drawn again from its start, which the stream's saved state is at.
            self._from = self._stream.position, self._stream.held
            pulses, targets = self._stream.draw(_DRAWN * plan.unfold)
            self._drawn = torch.from_numpy(pulses), torch.from_numpy(targets)
        pulses, targets = (values[place * plan.unfold : (place + 1) * plan.unfold] for values in self._drawn)
        states = self._buffers.states
        if self._path == "fast":
            loss = self._buffers.compute(pulses, targets)
            gradient = torch.cat([self._buffers.by_recurrent.flatten(), self._buffers.by_readout.flatten()])
        else:
            *parts, loss, last = compute_truncated_gradient(self._weights, pulses, targets, states[0])
            gradient = torch.cat([part.flatten() for part in parts])
            states[-1].copy_(last)
        states[0].copy_(states[-1])
        self._losses += float(loss)
        self.iteration += 1
        self._step(gradient)

    def _step(self, gradient: Tensor) -> None:
        """Make one step of Adam on the clipped gradient, in torch's order."""
        norm = float(gradient.norm())
        if norm > _CLIP:
            gradient.mul_(_CLIP / (norm + 1e-6))
        first, second = self._moments
        first.lerp_(gradient, 1 - _BETA_FIRST)
        second.mul_(_BETA_SECOND).addcmul_(gradient, gradient, value=1 - _BETA_SECOND)
        count, plan = self.iteration, self.plan
        rate = plan.learning_rate * (0.1 if plan.drop_at is not None and count > plan.drop_at else 1.0)
        scale = (second / (1 - _BETA_SECOND**count)).sqrt_().add_(_EPSILON)
        self._vector.addcdiv_(first, scale, value=-rate / (1 - _BETA_FIRST**count))

    def _test(self) -> None:
        plan = self.plan
        if not bool(torch.isfinite(self._vector).all()):
            self.diverged_at = self.iteration
            return
        score = score_flip_flop(self._weights, plan.task, 0, plan.test_streams, plan.test_steps, split="validate")
        since = self.iteration - (self.curve[-1][0] if self.curve else 0)
        waiting = 1.0 if plan.delay == 0 else score.waiting
        self.curve.append(
            [self.iteration, float(f"{self._losses / since:.4g}"), round(score.settled, 6), round(waiting, 6)]
        )
        self._losses = 0.0
        # The paper's task is both: hold, and wait. The worse of the two decides.
        quality = (min(score.settled, waiting), score.settled)
        if quality >= self._best_score:
            self._best_score, self.checkpoint = quality, self.iteration
            self._best.copy_(self._vector)

    # ---- state

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return all that training goes on from: tensors, and what JSON can hold."""
        # In the middle of a stretch, the stream is gone on with from the start of that stretch.
        midway = self._drawn is not None and self.iteration % _DRAWN != 0
        position, held = self._from if midway else (self._stream.position, self._stream.held)
        tensors = {
            "vector": self._vector.clone(),
            "moments": self._moments.clone(),
            "carried": self._buffers.states[0].clone(),
            "best": self._best.clone(),
            "held": torch.from_numpy(held.copy()),
        }
        numbers = {
            "plan": self.plan.describe(),
            "iteration": self.iteration,
            "seconds": self.seconds,
            "losses": self._losses,
            "curve": self.curve,
            "checkpoint": self.checkpoint,
            "best_score": list(self._best_score),
            "diverged_at": self.diverged_at,
            "position": position,
        }
        return tensors, numbers

    def load(self, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state` returned.

        Raises:
            UserError: if it belongs to another plan.
            KeyError: if something is missing.
        """
        if restore_flip_flop_plan(description["plan"]) != self.plan:
            raise UserError("it is the state of another plan")
        for own, name in (
            (self._vector, "vector"),
            (self._moments, "moments"),
            (self._buffers.states[0], "carried"),
            (self._best, "best"),
        ):
            own.copy_(tensors[name])
        self.iteration, self.seconds = description["iteration"], description["seconds"]
        self._losses, self.curve = description["losses"], [list(point) for point in description["curve"]]
        self.checkpoint, self._best_score = description["checkpoint"], tuple(description["best_score"])
        self.diverged_at = description["diverged_at"]
        self._stream.position, self._stream.held = description["position"], tensors["held"].numpy().copy()
        self._drawn = None


#: Name of the sweep and of its tables.
FLIP_FLOP_SWEEP = "flipflop"
#: What it is for, in a line.
FLIP_FLOP_ABOUT = "mem: the 3-bit flip-flop; delays 0 and 8 over five seeds, other delays, other readings"
#: Steps over which a trained network is scored: streams side by side and steps of each.
TEST_SIZE = (20, 5000)
#: A table of flip-flop networks: its columns and what they mean.
FLIP_FLOP_COLUMNS: dict[str, str] = {
    "model": "name; two rows have one name only if they are the same network",
    "task": "flip-flop:DELAY, and the reading where it is not one pulse in 50 steps a channel",
    "hidden": "hidden neurons",
    "l2": "weight decay: none",
    "seed": "of data and initial weights",
    "init": "how initial weights were drawn",
    "curriculum": "none",
    "delay": "steps from a pulse to its due step",
    "reading": "what the mean interval is counted over",
    "unfold": "steps that the gradient goes back",
    "learning_rate": "Adam's step",
    "drop_at": "last update before it becomes a tenth",
    "iterations": "updates made",
    "accuracy": "share of right signs outside two steps from a due step on, over 100,000 steps, kept weights",
    "waiting": "the same on the steps on which a pulse of the other sign is on its way; empty without a delay",
    "overall": "the same over all steps",
    "accuracy_other": "accuracy where pulses come at the interval of the other reading",
    "waiting_other": "waiting there",
    "checkpoint": "update of the kept weights: the best test, of equal ones the latest",
    "iterations_to_99": "first test with accuracy and waiting of at least 0.99; empty if none",
    "diverged_at": "test at which weights were no longer finite; empty if that did not happen",
    "rank_theory": "empty: no theory gives this network a spectrum",
    "rank_network": "eigenvalues of W with a magnitude above 0.9",
    "argument_error": "empty, as rank_theory",
    "seconds": "training and testing",
    "device": "where",
    "torch": "version",
    "commit": "of this project; with + where files were changed",
    "date": "day on which the network was done",
}
_CURVE_COLUMNS = ("model", "iteration", "loss", "accuracy", "waiting")
_TEXTS = ("model", "task", "init", "curriculum", "reading", "device", "torch", "commit", "date")
_KIND = "flip-flop checkpoint"
_SAY_SECONDS = 60.0


@cache
def _read_commit() -> str:
    # That of the first call: a sweep of an hour must not name a commit that was made while it ran.
    return find_commit()


def list_flip_flop_plans(seeds: Iterable[int] | None = None) -> list[FlipFlopPlan]:
    """Return the networks of the sweep, seed by seed.

    Args:
        seeds: by default 0 to 4 for delays 0 and 8, and 0 for all else; given, only these.

    Source: mem Sec. 3, Fig. 6 (delays 0 and 8, 10 steps); the other delays, readings and 20 steps are additions.
    """
    singles = [FlipFlopPlan(delay) for delay in (2, 4, 6, 10, 12, 14, 16)]
    singles += [FlipFlopPlan(delay, reading="network") for delay in (0, 8)]
    # Longer unfolding tells whether a long delay fails for want of room or for want of a gradient.
    singles += [FlipFlopPlan(delay, unfold=20) for delay in (8, 12, 16)]
    plans = []
    for seed in range(5) if seeds is None else seeds:
        plans += [FlipFlopPlan(delay, seed) for delay in (0, 8)]
        plans += singles if seed == 0 else []
    return plans


def main_flip_flops() -> list[str]:
    """Return the names of the networks that the page looks into: delays 0 and 8 over five seeds, as in the paper."""
    return [FlipFlopPlan(delay, seed).name for delay in (0, 8) for seed in range(5)]


def make_flip_flop_place() -> Place:
    """Return where the sweep leaves its records.

    Raises:
        UserError: if there is no clone.
    """
    return make_sweep_place(FLIP_FLOP_SWEEP)


def read_flip_flops(path: Path | str) -> list[dict[str, Any]]:
    """Read the table of the sweep.

    Returns:
        rows by :data:`FLIP_FLOP_COLUMNS`, numbers as numbers and empty cells as ``None``; none if there is no table.

    Raises:
        UserError: if the table is damaged, or from another version.
    """
    rows = read_rows(path)
    if rows:
        odd = sorted(set(rows[0]) ^ set(FLIP_FLOP_COLUMNS))
        require(not odd, f"{path} comes from another version: it differs in {', '.join(odd)}; move it away")
    return [{key: _read_value(key, text) for key, text in row.items()} for row in rows]


def _read_value(column: str, text: str) -> Any:
    if column in _TEXTS:
        return text
    if text == "":
        return None
    return float(text) if not text.lstrip("-").isdigit() else int(text)


def train_flip_flops(
    plans: Sequence[FlipFlopPlan],
    place: Place,
    resume: bool = False,
    checkpoint_seconds: float = 30.0,
    say: Say = print,
) -> Outcome:
    """Train networks one after another on one core, and record a row, a curve and a network for each.

    Args:
        plans: one a network; those on record are left as they are.
        place: where to leave what comes out.
        resume: go on with what is in the place; without it a place with runs is refused.
        checkpoint_seconds: time between checkpoints.
        say: where lines go.

    Returns:
        the outcome. Ctrl-C and a request to terminate stop the sweep with its state kept.

    Raises:
        UserError: if there is nothing to train, a network is asked for twice, the place is in use or has runs without
            ``resume``, or its table is damaged or from another version.
    """
    names = [plan.name for plan in plans]
    require(len(names) > 0, "there is no network to train: give at least one seed")
    require(len(set(names)) == len(names), "a network is asked for twice")
    require(checkpoint_seconds > 0, f"checkpoint-seconds must be positive, not {checkpoint_seconds:g}")
    refused = has_runs(place) and not resume
    require(not refused, f"{place.rows} or {place.work} has runs in it: add --resume to go on, or choose another place")
    _read_commit()
    outcome = Outcome()
    with lock_place(place):
        remove_leftovers(place)
        known = {row["model"] for row in read_flip_flops(place.rows)}
        try:
            with interrupt_once():
                for plan in plans:
                    if plan.name not in known:
                        _train_one(plan, place, checkpoint_seconds, say)
        except KeyboardInterrupt:
            outcome.stopped = True
    outcome.rows = [row for row in read_flip_flops(place.rows) if row["model"] in names]
    return outcome


def _train_one(plan: FlipFlopPlan, place: Place, checkpoint_seconds: float, say: Say) -> None:
    path = place.find_checkpoint(plan.name)
    trainer = _load(FlipFlopTrainer(plan), path, say)
    kept = told = time.monotonic()

    def pulse(current: FlipFlopTrainer) -> bool:
        nonlocal kept, told
        now = time.monotonic()
        if now - kept >= checkpoint_seconds:
            write_tensors(path, _KIND, *current.state())
            kept = now
        if now - told >= _SAY_SECONDS:
            told = now
            score = f", accuracy {current.curve[-1][2]:.4f}" if current.curve else ""
            say(f"{plan.name}: {current.iteration} of {plan.iterations} updates{score}")
        return True

    # An interrupt may come in the middle of an update: then the checkpoint before it, which is whole, stays.
    trainer.train(pulse)
    row = _record(trainer, place)
    path.unlink(missing_ok=True)
    say(f"{plan.name}: accuracy {row['accuracy']:.4f}, {row['iterations']} updates, {row['seconds']:.0f} s")


def _load(trainer: FlipFlopTrainer, path: Path, say: Say) -> FlipFlopTrainer:
    try:
        trainer.load(*read_tensors(path, _KIND))
    except FileNotFoundError:
        pass
    except (DamagedRecord, UserError, KeyError, TypeError, RuntimeError) as error:
        say(
            f"{path.name} cannot be gone on from ({error}); set aside as {set_aside(path).name}, the network starts anew"
        )
        return FlipFlopTrainer(trainer.plan)
    return trainer


def make_flip_flop_row(trainer: FlipFlopTrainer) -> dict[str, Any]:
    """Score a network that has ended on 100,000 steps, and make its row by :data:`FLIP_FLOP_COLUMNS`."""
    import torch

    plan, weights = trainer.plan, trainer.best()
    other = FlipFlop(plan.delay, reading="network" if plan.reading == "channel" else "channel")
    own, elsewhere = (score_flip_flop(weights, task, 0, *TEST_SIZE) for task in (plan.task, other))
    reached = (point[0] for point in trainer.curve if min(point[2], point[3]) >= 0.99)
    row: dict[str, Any] = {
        "model": plan.name,
        "task": plan.task.name,
        "l2": 0.0,
        "init": "uniform",
        "curriculum": "none",
        **{name: getattr(plan, name) for name in ("hidden", "seed", "delay", "reading", "unfold", "learning_rate", "drop_at")},
        "iterations": trainer.iteration,
        "accuracy": own.settled,
        "waiting": own.waiting if plan.delay else None,
        "overall": own.overall,
        "accuracy_other": elsewhere.settled,
        "waiting_other": elsewhere.waiting if plan.delay else None,
        "checkpoint": trainer.checkpoint,
        "iterations_to_99": next(reached, None),
        "diverged_at": trainer.diverged_at,
        "rank_network": int((torch.linalg.eigvals(weights.recurrent.double()).abs() > 0.9).sum()),
        "seconds": round(trainer.seconds, 1),
        **describe_host(),
        "commit": _read_commit(),
    }  # fmt: skip
    for name in ("accuracy", "waiting", "overall", "accuracy_other", "waiting_other"):
        row[name] = None if row[name] is None else round(row[name], 6)
    return {name: row.get(name) for name in FLIP_FLOP_COLUMNS}


def _record(trainer: FlipFlopTrainer, place: Place) -> dict[str, Any]:
    """Write network, curve and row, in this order: a row tells that all else is there; return the row."""
    plan, row = trainer.plan, make_flip_flop_row(trainer)
    about = plan.describe() | {"task": plan.task.name}
    about |= {key: row[key] for key in ("accuracy", "checkpoint", "torch", "commit", "date")}
    write_network(place.networks / f"{plan.name}.safetensors", trainer.best(), about)
    order = {each.name: rank for rank, each in enumerate(list_flip_flop_plans())}

    def rank(name: str) -> tuple[int, str]:
        return order.get(name, len(order)), name

    points = [point for point in read_rows(place.curves) if point["model"] != plan.name]
    points += [dict(zip(_CURVE_COLUMNS, (plan.name, *point))) for point in trainer.curve]
    write_rows(place.curves, sorted(points, key=lambda point: rank(point["model"])), _CURVE_COLUMNS)
    rows = [old for old in read_flip_flops(place.rows) if old["model"] != plan.name] + [row]
    write_rows(place.rows, sorted(rows, key=lambda each: rank(each["model"])), list(FLIP_FLOP_COLUMNS))
    return row


def list_flip_flop_sweep() -> dict[str, Any]:
    """Tell what is on record and what waits, in the form of :func:`twm.training.sweeps.list_sweeps`.

    Raises:
        UserError: if there is no clone.
    """
    place, plans = make_flip_flop_place(), list_flip_flop_plans()
    try:
        problem, known = None, {row["model"] for row in read_flip_flops(place.rows)}
    except UserError as error:
        problem, known = str(error), set()
    missing = [plan for plan in plans if plan.name not in known]
    return {
        "name": FLIP_FLOP_SWEEP,
        "about": FLIP_FLOP_ABOUT,
        "file": "/".join(place.rows.parts[-3:]),
        "models": len(plans),
        "on_record": len(plans) - len(missing),
        "waiting": len(missing),
        "begun": len(list(place.work.glob("*.checkpoint"))) if place.work.exists() else 0,
        "whole_seeds": [seed for seed in range(5) if seed not in {plan.seed for plan in missing}],
        "problem": problem,
    }
