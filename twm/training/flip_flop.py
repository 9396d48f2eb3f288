"""Training the delayed flip-flop by truncated backpropagation on endless streams, with a state that carries over.

The network is h(t) = tanh(W h(t-1) + W_in x(t)), y(t) = tanh(W_out h(t)); W_in is drawn once and not trained."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from twm.errors import require
from twm.models.elman import write_network
from twm.models.kernels import Weights, draw_matrix
from twm.tasks.flip_flop import FlipFlop, FlipFlopStream, delay_signs, draw_pulses, mark_steps
from twm.training.loop import TrainingRun, describe_model, round_some, shorten
from twm.training.plans import FlipFlopPlan
from twm.training.trainer import list_tensors, make_adam, set_rate

_DRAWN = 50  # updates whose data is drawn at once
_WARM_UP = 200  # steps of a test before outputs are judged; by then almost every channel has had a pulse
_TEST_SIZE = (20, 5000)  # final score of a trained network: streams side by side, and steps of each


# ---- the network, and its truncated gradient


def draw_flip_flop_weights(hidden: int, channels: int, seed: int) -> Weights:
    """Draw W_in uniform in +-1/sqrt(channels), W and W_out in +-1/sqrt(hidden), float32. Source: mem App. A."""
    generator = torch.Generator().manual_seed(seed)
    encoder = draw_matrix((hidden, channels), channels, "uniform", generator)
    recurrent = draw_matrix((hidden, hidden), hidden, "uniform", generator)
    return Weights(recurrent, encoder, draw_matrix((channels, hidden), hidden, "uniform", generator))


def run_flip_flop(weights: Weights, pulses: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Run on pulses (steps, ..., channels) from a state (..., hidden): all states, all outputs. Source: mem Sec. 2."""
    recurrent, encoder, readout = weights
    pushes = pulses @ encoder.T
    states = torch.stack([state := torch.tanh(state @ recurrent.T + push) for push in pushes])
    return states, torch.tanh(states @ readout.T)


def compute_truncated_gradient(
    weights: Weights, pulses: Tensor, targets: Tensor, state: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Compute the gradients with respect to W and W_out, the mean squared error, and the last state (streams, hidden).

    Pulses and targets are (steps, streams, channels). The gradients are autograd's; none flows into the initial state."""
    recurrent, readout = (matrix.detach().clone().requires_grad_() for matrix in (weights.recurrent, weights.readout))
    with torch.enable_grad():
        states, outputs = run_flip_flop(Weights(recurrent, weights.encoder, readout), pulses, state.detach())
        loss = (outputs - targets).square().mean()
        by_recurrent, by_readout = torch.autograd.grad(loss, (recurrent, readout))
    return by_recurrent, by_readout, loss.detach(), states[-1].detach()


class _GradientBuffers:
    """The same gradient, computed by hand in preallocated buffers: a third of autograd's time at this size."""

    def __init__(self, weights: Weights, slopes: Sequence[Tensor], steps: int, streams: int) -> None:
        hidden = len(weights.recurrent)
        new = weights.recurrent.new_zeros
        self.weights, (self.by_recurrent, self.by_readout) = weights, slopes
        self.states, self.driven = new(steps + 1, streams, hidden), new(steps, streams, hidden)
        self.slopes, self.backward = new(steps, streams, hidden), new(steps, streams, hidden)
        self._flat = [values.view(-1, hidden) for values in (self.states[1:], self.states[:-1], self.backward)]

    def compute(self, pulses: Tensor, targets: Tensor) -> Tensor:
        """Run from ``states[0]``, write the gradients and, to ``states[-1]``, the last state, and return the loss."""
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


# ---- the score


class FlipFlopScore(NamedTuple):
    """Sign accuracies of a network."""

    settled: float  # on the steps that are judged, see twm.tasks.flip_flop.mark_steps
    waiting: float  # on judged steps with a pulse of the opposite sign that is not yet due; NaN without a delay
    overall: float  # on all steps on which a sign is due, including those right after a change


@torch.no_grad()
def score_flip_flop(
    weights: Weights, task: FlipFlop, seed: int = 0, streams: int = 100, steps: int = 1000, split: str = "test"
) -> FlipFlopScore:
    """Measure sign accuracies over ``steps`` steps of each stream, after a warm-up of 200; an output of zero is wrong."""
    pulses = draw_pulses(task, split, seed, streams, 0, _WARM_UP + steps)
    start = weights.recurrent.new_zeros(streams, len(weights.recurrent))
    outputs = run_flip_flop(weights, torch.from_numpy(pulses).to(start), start)[1].cpu().numpy()
    signs = delay_signs(pulses, task.delay)
    right = outputs * signs > 0
    judged, waiting = mark_steps(pulses, task.delay)
    counted = [right[_WARM_UP:][marked[_WARM_UP:]] for marked in (judged, waiting, signs != 0)]
    return FlipFlopScore(*(float(own.mean()) if own.size else float("nan") for own in counted))


# ---- training


class FlipFlopTrainer(TrainingRun):
    """One flip-flop network in training; ``path`` is ``fast`` or ``reference``, by default fast if it passes its check."""

    plan_type, alone = FlipFlopPlan, "flip-flop networks"
    write_network = staticmethod(write_network)
    wrap = staticmethod(lambda weights: Weights(**weights))

    def _prepare(self, path: str | None) -> None:
        require(path in (None, "fast", "reference"), f"path must be fast or reference, not {path!r}")
        plan = self.plan
        initial = draw_flip_flop_weights(plan.hidden, plan.task.channels, plan.seed)
        # One vector for all trained weights, so that clipping and Adam need few operations.
        self._vector = torch.cat([initial.recurrent.flatten(), initial.readout.flatten()])
        self._adam = make_adam([self._vector], plan.learning_rate)
        # Views of the vector and of its gradient.
        sizes, shapes = (plan.hidden**2, initial.readout.numel()), (initial.recurrent.shape, initial.readout.shape)
        parts = [zip(vector.split(sizes), shapes) for vector in (self._vector, self._vector.grad)]
        own, slopes = ([part.view(shape) for part, shape in pairs] for pairs in parts)
        self._weights = initial._replace(recurrent=own[0], readout=own[1])
        self._buffers = _GradientBuffers(self._weights, slopes, plan.unfold, plan.batch)
        self._stream = FlipFlopStream(plan.task, "train", plan.seed, plan.batch)
        # The stream's state where the current data began; a resumed run draws them again.
        self._position, self._held = torch.zeros((), dtype=torch.int64), torch.from_numpy(self._stream.held.copy())
        self._drawn: tuple[Tensor, Tensor] | None = None
        self._path = path or self._choose_path()

    def _choose_path(self) -> str:
        plan = self.plan
        stream = FlipFlopStream(plan.task, "train", plan.seed, plan.batch)
        pulses, targets = map(torch.from_numpy, stream.draw(plan.unfold))
        state = torch.zeros(plan.batch, plan.hidden)
        exact = compute_truncated_gradient(self._weights, pulses, targets, state)
        for reference, own in zip(exact, self._compute(pulses, targets, state)):
            if (reference - own).norm() > 1e-5 * reference.norm() + 1e-9:
                warnings.warn("the fast gradient of the flip-flop fails its check: autograd is used", stacklevel=3)
                return "reference"
        return "fast"

    @torch.no_grad()
    def _compute(self, pulses: Tensor, targets: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        self._buffers.states[0].copy_(state)
        self._buffers.compute(pulses, targets)
        return self._buffers.by_recurrent, self._buffers.by_readout

    def _live(self) -> dict[str, Tensor]:
        return {name: matrix[None] for name, matrix in self._weights._asdict().items()}

    @torch.no_grad()
    def _update(self) -> None:
        plan, place, buffers = self.plan, (self.iteration - 1) % _DRAWN, self._buffers
        if self._drawn is None:
            self._drawn = tuple(map(torch.from_numpy, self._stream.draw(_DRAWN * plan.unfold)))
        pulses, targets = (values[place * plan.unfold : (place + 1) * plan.unfold] for values in self._drawn)
        if self._path == "fast":
            loss = buffers.compute(pulses, targets)
        else:
            *slopes, loss, last = compute_truncated_gradient(self._weights, pulses, targets, buffers.states[0])
            for place, slope in zip((buffers.by_recurrent, buffers.by_readout), slopes):
                place.copy_(slope)
            buffers.states[-1].copy_(last)
        buffers.states[0].copy_(buffers.states[-1])
        self._sums[0] += float(loss)
        torch.nn.utils.clip_grad_norm_([self._vector], 1.0)
        set_rate(self._adam, plan.find_rate(self.iteration))
        self._adam.step()
        if self.iteration % _DRAWN == 0:
            self._position.fill_(self._stream.position)
            self._held.copy_(torch.from_numpy(self._stream.held))
            self._drawn = None

    def _measure(self) -> list[dict[str, float]]:
        plan = self.plan
        score = score_flip_flop(self._weights, plan.task, 0, plan.test_streams, plan.test_steps, split="validate")
        waiting = 1.0 if math.isnan(score.waiting) else score.waiting  # a test without a waiting step has none wrong
        # The paper's task is to hold and to wait, so the lower of the two accuracies decides.
        return [{"accuracy": min(score.settled, waiting), "settled": score.settled, "waiting": waiting}]

    def _is_better(self, new: dict[str, float], old: dict[str, float]) -> bool:
        return (new["accuracy"], new["settled"]) >= (old["accuracy"], old["settled"])

    def _make_point(self, place: int, loss: float, accuracy: float) -> list[Any]:
        last = self.logs[0].last
        return [shorten(loss), round(last["settled"], 6), round(last["waiting"], 6)]

    def _tensors(self) -> dict[str, Tensor]:
        stream = {"position": self._position, "held": self._held, "carried": self._buffers.states[0]}
        return list_tensors(self._adam) | stream

    def _set_state(self, state: Mapping[str, Tensor]) -> None:
        super()._set_state(state)
        self._stream.position, self._stream.held = int(self._position), self._held.numpy().copy()
        self._drawn = None

    def _make_rows(self) -> list[dict[str, Any]]:
        """Score the network on 100,000 steps of its own task and of the other reading."""
        plan, weights = self.plan, self.best() or self.weights()
        other = FlipFlop(plan.delay, reading="network" if plan.reading == "channel" else "channel")
        own, elsewhere = (score_flip_flop(weights, task, 0, *_TEST_SIZE) for task in (plan.task, other))
        scores = {"accuracy": own.settled, "overall": own.overall, "accuracy_other": elsewhere.settled}
        if plan.delay:
            scores |= {"waiting": own.waiting, "waiting_other": elsewhere.waiting}
        eigenvalues = np.linalg.eigvals(np.nan_to_num(weights.recurrent.double().numpy()))
        row = {"task": plan.task.name, "l2": 0.0, "init": "uniform", "curriculum": "none"}
        row["rank_network"] = int((np.abs(eigenvalues) > 0.9).sum())
        return [self._start_row(0) | row | round_some(scores)]

    # Metadata of a network's file.
    describe_plan = staticmethod(lambda plan: plan.describe() | {"task": plan.task.name})
    describe_row = staticmethod(describe_model)
