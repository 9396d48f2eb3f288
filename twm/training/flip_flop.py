"""Training the delayed flip-flop: streams without end, the gradient cut after a few steps, the state carried on."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from twm.errors import UserError, require
from twm.models.elman import write_network
from twm.models.weights import Weights
from twm.tasks.flip_flop import FlipFlop, FlipFlopStream, delay_signs, draw_pulses, mark_steps
from twm.training.flip_flop_network import (  # fmt: skip
    GradientBuffers,
    compute_truncated_gradient,
    draw_flip_flop_weights,
    run_flip_flop,
)
from twm.training.loop import TrainingRun
from twm.training.optimisers import list_tensors, make_adam, set_rate
from twm.training.places import Place, make_sweep_place, read_models
from twm.training.plans import FlipFlopPlan
from twm.training.progress import Say, format_seconds
from twm.training.runner import Outcome, train_models

# Updates whose data is drawn in one go.
_DRAWN = 50
# Steps of a test that pass before outputs are judged; by then every channel has had a pulse, or has nothing to say.
_WARM_UP = 200
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


# ---- the score


class FlipFlopScore(NamedTuple):
    """How well a network does: shares of right signs."""

    settled: float  # on the steps that are judged, see twm.tasks.flip_flop.mark_steps
    waiting: float  # on those among them on which a pulse of the other sign is on its way; nan without a delay
    overall: float  # on all steps on which something is due, those right after a change included


@torch.no_grad()
def score_flip_flop(
    weights: Weights, task: FlipFlop, seed: int = 0, streams: int = 100, steps: int = 1000, split: str = "test"
) -> FlipFlopScore:
    """Run a network on streams it has not seen and count right signs; an output of zero is wrong.

    ``steps`` of each of the ``streams`` side by side are judged; 200 more pass before.
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


# ---- training


class FlipFlopTrainer(TrainingRun):
    """One network in training; ``path`` is ``fast`` or ``reference``, by default fast if it passes its check."""

    plan_type = FlipFlopPlan
    columns = FLIP_FLOP_COLUMNS
    curve_columns = ("model", "iteration", "loss", "accuracy", "waiting")
    texts = ("model", "task", "init", "curriculum", "reading", "device", "torch", "commit", "date")
    from_plan = ("hidden", "seed", "delay", "reading", "unfold", "learning_rate", "drop_at")
    write_network = staticmethod(write_network)

    def _prepare(self, path: str | None) -> None:
        require(path in (None, "fast", "reference"), f"path must be fast or reference, not {path!r}")
        require(len(self.plans) == 1, "networks on the flip-flop are trained one at a time")
        plan = self.plan = self.plans[0]
        initial = draw_flip_flop_weights(plan.hidden, plan.task.channels, plan.seed)
        # One vector for all that is trained, so that clipping and Adam are a handful of operations.
        self._vector = torch.cat([initial.recurrent.flatten(), initial.readout.flatten()])
        self._adam = make_adam([self._vector], plan.learning_rate)
        self._weights = initial._replace(**self._split(self._vector, initial))
        slopes = tuple(self._split(self._vector.grad, initial).values())
        self._buffers = GradientBuffers(self._weights, slopes, plan.unfold, plan.batch)
        self._stream = FlipFlopStream(plan.task, "train", plan.seed, plan.batch)
        # Where the stretch of data in use began: after a stop it is drawn again.
        self._position, self._held = torch.zeros((), dtype=torch.int64), torch.from_numpy(self._stream.held.copy())
        self._drawn: tuple[Tensor, Tensor] | None = None
        self._path = path or self._choose_path()

    @staticmethod
    def _split(vector: Tensor, initial: Weights) -> dict[str, Tensor]:
        size = initial.recurrent.numel()
        return {
            "recurrent": vector[:size].view(initial.recurrent.shape),
            "readout": vector[size:].view(initial.readout.shape),
        }

    def _choose_path(self) -> str:
        stream = FlipFlopStream(self.plan.task, "train", self.plan.seed, self.plan.batch)
        pulses, targets = (torch.from_numpy(values) for values in stream.draw(self.plan.unfold))
        state = torch.zeros(self.plan.batch, self.plan.hidden)
        exact = compute_truncated_gradient(self._weights, pulses, targets, state)
        for reference, own in zip(exact, self._compute(pulses, targets, state)):
            if (reference - own).norm() > 1e-5 * reference.norm() + 1e-9:
                warnings.warn("the fast gradient of the flip-flop fails its check here: autograd is used", stacklevel=3)
                return "reference"
        return "fast"

    @torch.no_grad()
    def _compute(self, pulses: Tensor, targets: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        self._buffers.states[0].copy_(state)
        self._buffers.compute(pulses, targets)
        return self._buffers.by_recurrent, self._buffers.by_readout

    @staticmethod
    def wrap(weights: dict[str, Tensor]) -> Weights:
        """Return the three matrices."""
        return Weights(**weights)

    def _live(self) -> dict[str, Tensor]:
        return {name: matrix[None] for name, matrix in self._weights._asdict().items()}

    @torch.no_grad()
    def _update(self) -> None:
        plan, place, buffers = self.plan, (self.iteration - 1) % _DRAWN, self._buffers
        if place == 0 or self._drawn is None:
            self._draw()
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

    def _draw(self) -> None:
        """Draw a stretch of the stream, from where it stands or, after a stop, from where it was begun."""
        if (self.iteration - 1) % _DRAWN:
            self._stream.position, self._stream.held = int(self._position), self._held.numpy().copy()
        else:
            self._position.fill_(self._stream.position)
            self._held.copy_(torch.from_numpy(self._stream.held))
        pulses, targets = self._stream.draw(_DRAWN * self.plan.unfold)
        self._drawn = torch.from_numpy(pulses), torch.from_numpy(targets)

    def _measure(self) -> list[dict[str, float]]:
        plan = self.plan
        score = score_flip_flop(self._weights, plan.task, 0, plan.test_streams, plan.test_steps, split="validate")
        waiting = score.waiting if plan.delay else 1.0
        # The paper's task is both: hold, and wait. The worse of the two decides.
        return [{"accuracy": min(score.settled, waiting), "settled": score.settled, "waiting": waiting}]

    def _is_better(self, new: dict[str, float], old: dict[str, float]) -> bool:
        return (new["accuracy"], new["settled"]) >= (old["accuracy"], old["settled"])

    def _make_point(self, place: int, loss: float, accuracy: float) -> list[Any]:
        last = self.logs[0].last
        return [float(f"{loss:.4g}"), round(last["settled"], 6), round(last["waiting"], 6)]

    def _tensors(self) -> dict[str, Tensor]:
        stream = {"position": self._position, "held": self._held, "carried": self._buffers.states[0]}
        return list_tensors(self._adam) | stream

    def _get_state(self) -> dict[str, Tensor]:
        if self.iteration % _DRAWN == 0:
            self._position.fill_(self._stream.position)
            self._held.copy_(torch.from_numpy(self._stream.held))
        return super()._get_state()

    def _set_state(self, state: Mapping[str, Tensor]) -> None:
        super()._set_state(state)
        self._stream.position, self._stream.held = int(self._position), self._held.numpy().copy()
        self._drawn = None

    def _make_rows(self) -> list[dict[str, Any]]:
        """Score the network on 100,000 steps of its own task and of the other reading."""
        plan, weights = self.plan, self.best() or self.weights()
        other = FlipFlop(plan.delay, reading="network" if plan.reading == "channel" else "channel")
        own, elsewhere = (score_flip_flop(weights, task, 0, *TEST_SIZE) for task in (plan.task, other))
        scores = {"accuracy": own.settled, "overall": own.overall, "accuracy_other": elsewhere.settled}
        if plan.delay:
            scores |= {"waiting": own.waiting, "waiting_other": elsewhere.waiting}
        eigenvalues = np.linalg.eigvals(np.nan_to_num(weights.recurrent.double().numpy()))
        row = {"task": plan.task.name, "l2": 0.0, "init": "uniform", "curriculum": "none"}
        row |= {name: round(score, 6) for name, score in scores.items()}
        return [self._start_row(0) | row | {"rank_network": int((np.abs(eigenvalues) > 0.9).sum())}]

    @classmethod
    def describe_plan(cls, plan: FlipFlopPlan) -> dict[str, Any]:
        """Return what a network's file says about its plan."""
        return plan.describe() | {"task": plan.task.name}

    @staticmethod
    def describe_row(row: Mapping[str, Any]) -> str:
        """Return what became of one network, in a line."""
        line = f"{row['model']}: accuracy {row['accuracy']:.4f}, {row['iterations']} updates"
        return f"{line}, {format_seconds(row['seconds'])}"


# ---- the sweep


def list_flip_flop_plans(seeds: Iterable[int] | None = None) -> list[FlipFlopPlan]:
    """Return the networks of the sweep, seed by seed: by default 0 to 4 for delays 0 and 8, and 0 for all else.

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
    """Return where the sweep leaves its records."""
    return make_sweep_place(FLIP_FLOP_SWEEP, protocol=FlipFlopPlan.protocol)


def read_flip_flops(path: Path | str) -> list[dict[str, Any]]:
    """Read the table of the sweep by :data:`FLIP_FLOP_COLUMNS`: numbers as numbers, empty cells as ``None``."""
    return read_models(path, FlipFlopPlan.protocol)


def train_flip_flops(
    plans: Sequence[FlipFlopPlan],
    place: Place,
    resume: bool = False,
    checkpoint_seconds: float = 30.0,
    say: Say = print,
) -> Outcome:
    """Train networks one after another on one core; see :func:`twm.training.runner.train_models`."""
    settings = {"workers": 1, "checkpoint_seconds": checkpoint_seconds, "say": say, "order": list_flip_flop_plans()}
    return train_models(plans, place, resume, **settings)


def list_flip_flop_sweep() -> dict[str, Any]:
    """Tell what is on record and what waits, in the form of :func:`twm.training.sweeps.list_sweeps`."""
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
