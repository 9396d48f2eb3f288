"""A sequence network with its optimiser, and one training iteration by the fastest implementation that applies."""

import copy
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from twm.errors import require
from twm.models.cells import make_sequence_network
from twm.models.elman import TOLERANCE, read_weights, write_weights
from twm.models.fast.elman import capture_graph
from twm.models.fast.rings import DenseProducts, Recurrence, ShiftedProducts
from twm.models.kernels import exact_arithmetic
from twm.models.rings import IdentityRNN, SequenceNetwork, WaveRNN
from twm.tasks.sequences import SOLVED_LOSS, Batch, SequenceTask
from twm.training.loop import TrainingRun, describe_model, round_some, shorten
from twm.training.plans import SequencePlan, restore_plan
from twm.training.trainer import list_tensors, make_adam, set_rate

#: Test status on a GPU; update it after the first run on one.
SEQUENCE_GPU_STATUS = "sequence networks use one CUDA graph per iteration, not yet tested on a GPU"

_CHECK_BATCH, _CHECK_STEPS = 4, 24
_LOOK_EVERY = 100  # iterations between checks whether the training loss counts as solved


def make_network(plan: SequencePlan, task: SequenceTask) -> SequenceNetwork:
    """Make the network of a plan with its initial weights, on the CPU in float32."""
    names = ["mlp", "seed"]
    names += ["recurrent", "encoder", "activation"] if plan.network in ("wrnn", "irnn") else []
    names += ["channels", "kernel"] if plan.network == "wrnn" else []
    options = {name: getattr(plan, name) for name in names}
    return make_sequence_network(plan.network, task.inputs, task.outputs, plan.neurons, **options)


def _make_recurrence(
    network: SequenceNetwork, batch: int, steps: int, every_step: bool, device: Any = "cpu"
) -> Recurrence | None:
    """Make the fast recurrence of a network for sequences of at most ``steps`` steps; ``None`` if it has none."""
    if not isinstance(network, WaveRNN | IdentityRNN) or (network.mlp and every_step):
        return None
    rest = (network.inputs, batch, steps, network.activation, 0 if network.mlp else network.outputs, every_step)
    if isinstance(network, WaveRNN):
        return ShiftedProducts(network.channels, network.neurons, network.kernel, *rest, device=device)
    return DenseProducts(network.hidden, *rest, device=device)


class _Descent:
    """The loss of a batch and its gradient, by the fast recurrence or by autograd."""

    def __init__(self, network: SequenceNetwork, task: SequenceTask, recurrence: Recurrence | None) -> None:
        self.network, self.task, self.recurrence = network, task, recurrence
        self._weights = dict(network.named_parameters())

    def answer(self, inputs: Tensor) -> Tensor:
        """Return the network's outputs: (time, batch, outputs) if every step has a target, else (batch, outputs)."""
        if self.recurrence is None:
            states = self.network.run(inputs)
            return self.network.read(states if self.task.every_step else states[-1])
        answers = self.recurrence.run(self._weights, inputs)
        if answers is None:
            return self.network.read(self.recurrence.states[-1])
        return answers if self.task.every_step else answers[0]

    def differentiate(self, batch: Batch, divisor: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch, and the gradient of the loss divided by ``divisor``, by name of the weights."""
        if self.recurrence is None:
            with torch.enable_grad():
                loss = self.task.measure_loss(self.answer(batch.inputs), batch.targets)
                slopes = torch.autograd.grad(loss / divisor, list(self._weights.values()))
            return loss.detach(), dict(zip(self._weights, slopes))
        answers = self.recurrence.run(self._weights, batch.inputs)
        if answers is None:
            return self._differentiate_readout(batch, divisor)
        with torch.enable_grad():
            answers.requires_grad_()
            loss = self.task.measure_loss(answers if self.task.every_step else answers[0], batch.targets)
            (slope,) = torch.autograd.grad(loss / divisor, answers)
        return loss.detach(), self.recurrence.differentiate(slope)

    def _differentiate_readout(self, batch: Batch, divisor: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Differentiate after a run whose readout, of the last states alone, the recurrence leaves to autograd."""
        readout = {name: weight for name, weight in self._weights.items() if name.endswith(("_inner", "_readout"))}
        with torch.enable_grad():
            last = self.recurrence.states[-1].clone().requires_grad_()
            loss = self.task.measure_loss(self.network.read(last), batch.targets)
            slope, *slopes = torch.autograd.grad(loss / divisor, [last, *readout.values()])
        return loss.detach(), self.recurrence.differentiate(None, slope) | dict(zip(readout, slopes))


def _check_recurrence(plan: SequencePlan, task: SequenceTask, device: Any = "cpu") -> float:
    """Measure the fast recurrence's error on a device: its gradient against float64 autograd's, relative to the largest norm.

    It uses the last steps of a few sequences, and slightly perturbed weights, so that nothing vanishes by symmetry."""
    network, generator = make_network(plan, task), torch.Generator().manual_seed(plan.seed)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.01)
    network.to(device)
    size, steps = min(_CHECK_BATCH, plan.batch), min(_CHECK_STEPS, task.steps)
    batch = task.draw_batch(plan.seed, 1, size, device)
    batch = Batch(batch.inputs[-steps:], batch.targets[-steps:] if task.every_step else batch.targets)
    recurrence = _make_recurrence(network, size, steps, task.every_step, device)
    if recurrence is None:
        return 0.0
    with exact_arithmetic():
        _, found = _Descent(network, task, recurrence).differentiate(batch, 1.0)
    exact = Batch(*(part.double() if part.is_floating_point() else part for part in batch))
    _, expected = _Descent(copy.deepcopy(network).double(), task, None).differentiate(exact, 1.0)
    scale = max(float(slope.norm()) for slope in expected.values())
    errors = [float((found[name].double() - slope).norm()) for name, slope in expected.items()]
    return max(errors) / (scale or 1.0) if all(map(math.isfinite, errors)) else math.nan


class SequenceModel:
    """One network in training: weights, gradients and Adam's moments are one vector each, with the parameters as views.

    On a GPU, an iteration is captured as one CUDA graph. ``path`` is ``autograd`` for the reference implementation; by
    default, the fast recurrence is used if there is one and it passes its check on the device."""

    def __init__(self, plan: SequencePlan, device: str = "cpu", path: str | None = None) -> None:
        require(path in (None, "autograd"), f"path must be autograd, or left out, not {path!r}")
        self.plan, self.task, self.device = plan, plan.make_task(), device
        self.network = make_network(plan, self.task).to(device)
        self.count = self.network.count_parameters()
        self._shapes = {name: tuple(weight.shape) for name, weight in self.network.named_parameters()}
        self.weights = torch.zeros(self.count, device=device)
        for weight, view in zip(self.network.parameters(), self.split(self.weights).values()):
            view.copy_(weight.detach())
            weight.data = view
        self.adam = make_adam([self.weights], plan.learning_rate)
        self.gradients = self.split(self.weights.grad)
        recurrence = None
        if path != "autograd" and self._passes_check():
            recurrence = _make_recurrence(self.network, plan.batch, self.task.steps, self.task.every_step, device)
        self.path = "autograd" if recurrence is None else "fast"
        self._descent = _Descent(self.network, self.task, recurrence)
        self._loss = torch.zeros((), device=device)
        self._graph: Any = None

    def _passes_check(self) -> bool:
        try:
            error = _check_recurrence(self.plan, self.task, self.device)
            if error <= TOLERANCE:
                return True
            reason = f"its gradient differs from float64 autograd by {error:.1e}, relative; {TOLERANCE:.0e} is allowed"
        except RuntimeError as failure:
            reason = f"it failed: {str(failure).splitlines()[0]}"
        message = f"the fast recurrence is not used on this machine: {reason}"
        warnings.warn(f"{message}. Training continues with the slower PyTorch autograd", stacklevel=3)
        return False

    def split(self, flat: Tensor) -> dict[str, Tensor]:
        """Return views of a flat vector, by name of the weights."""
        sizes = [math.prod(shape) for shape in self._shapes.values()]
        return {name: part.view(shape) for (name, shape), part in zip(self._shapes.items(), flat.split(sizes))}

    def step(self, batch: Batch, rate: float | None = None) -> Tensor:
        """Make one iteration, and return the batch's loss before the update; ``rate``, if given, sets the learning rate."""
        if rate is not None:
            set_rate(self.adam, rate)
        if self.device == "cpu":
            self._iterate(batch)
        else:
            if self._graph is None:
                with exact_arithmetic():
                    self._capture(batch)
            for place, value in zip(self._staged, batch):
                place.copy_(value)
            self._graph.replay()
        return self._loss

    def _iterate(self, batch: Batch) -> None:
        loss, found = self._descent.differentiate(batch, self.plan.divisor)
        for name, place in self.gradients.items():
            place.copy_(found[name])
        self._loss.copy_(loss)
        if self.plan.clip:
            torch.nn.utils.clip_grad_norm_([self.weights], self.plan.clip)
        self.adam.step()

    def _capture(self, batch: Batch) -> None:
        self._staged = Batch(*(part.clone() for part in batch))
        before = {name: value.clone() for name, value in list_tensors(self.adam).items()}
        undo = lambda: [value.copy_(before[name]) for name, value in list_tensors(self.adam).items()]
        self._graph, _ = capture_graph(lambda: self._iterate(self._staged), undo)

    @torch.no_grad()
    def test(self, count: int, part: str = "test") -> dict[str, float]:
        """Return loss and accuracy on the first ``count`` sequences of a part, in float64, which resolves tiny losses."""
        loss = accuracy = 0.0
        done, batch, count = 0, self.plan.batch, min(count, getattr(self.task, f"{part}_count") or count)
        while done < count:
            inputs, targets = self.task.draw_test(min(batch, count - done), done, self.device, part)
            found = inputs.shape[1]
            # The recurrence's buffers have a fixed size; the padding is not scored.
            inputs = torch.nn.functional.pad(inputs, (0, 0, 0, batch - found))
            with exact_arithmetic():
                answers = self._descent.answer(inputs)
            answers = (answers[:, :found] if self.task.every_step else answers[:found]).double()
            exact = targets.double() if targets.is_floating_point() else targets
            loss += float(self.task.measure_loss(answers, exact)) * found
            accuracy += float(self.task.measure_accuracy(answers, exact)) * found
            done += found
        return {"loss": loss / count, "accuracy": accuracy / count}


def read_sequence_network(path: Path | str) -> tuple[SequenceNetwork, SequencePlan, dict[str, Any]]:
    """Read a network that was trained on sequences, its plan, and the other metadata of its file."""
    name, (weights, about) = Path(path).name, read_weights(path)
    require("network" in about and "task" in about, f"{name} is not a network trained on sequences")
    known = SequencePlan.__dataclass_fields__
    plan = restore_plan(SequencePlan, {key: about.pop(key) for key in known if key in about})
    network = make_network(plan, plan.make_task_at_hand())
    shapes = [{key: weight.shape for key, weight in own} for own in (weights.items(), network.named_parameters())]
    require(shapes[0] == shapes[1], f"{name} does not hold the weights of {plan.name}")
    network.load_state_dict(weights)
    return network, plan, about


class SequenceRun(TrainingRun):
    """One network on a sequence task; its best test has the highest accuracy and, among ties, the lowest loss."""

    plan_type, alone = SequencePlan, "sequence networks"
    write_network = staticmethod(write_weights)

    def _prepare(self, path: str | None) -> None:
        self.model = SequenceModel(self.plan, self.device, "autograd" if path == "autograd" else None)

    def _live(self) -> dict[str, Tensor]:
        return {name: part[None] for name, part in self.model.split(self.model.weights).items()}

    def _update(self) -> None:
        plan, iteration, notes = self.plan, self.iteration, self.logs[0].notes
        batch = self.model.task.draw_batch(plan.seed, iteration, plan.batch, self.device)
        loss = self.model.step(batch, plan.find_rate(iteration))
        self._sums[0] += loss
        looks = iteration % _LOOK_EVERY == 0 and plan.task.startswith("adding") and "solved_at" not in notes
        if looks and float(loss) <= SOLVED_LOSS:
            notes["solved_at"] = iteration

    def _measure(self) -> list[dict[str, float]]:
        held = self.plan.held_out
        return [self.model.test(held, "held") if held else self.model.test(self.plan.test_count)]

    def _test_once(self) -> list[dict[str, float]]:
        """Return the test-set scores of the best weights and of the last ones, which the network keeps."""
        live, last = self._live(), self._copy()
        scores = []
        for weights in (self._best, last):
            for name, place in live.items():
                place.copy_(weights[name])
            scores.append(self.model.test(self.plan.test_count))
        return scores

    def _is_better(self, new: dict[str, float], old: dict[str, float]) -> bool:
        return (new["accuracy"], -new["loss"]) > (old["accuracy"], -old["loss"])

    def _make_point(self, place: int, loss: float, accuracy: float) -> list[Any]:
        log = self.logs[place]
        tested = None if log.diverged_at else log.last["loss"]
        return [loss if math.isfinite(loss) else None, tested, log.last["accuracy"]]

    @staticmethod
    def _round_point(point: Sequence[Any]) -> Sequence[Any]:
        iteration, loss, tested, accuracy = point
        return iteration, shorten(loss), shorten(tested), round(accuracy, 4)

    def _tensors(self) -> dict[str, Tensor]:
        return list_tensors(self.model.adam)

    def _make_rows(self) -> list[dict[str, Any]]:
        plan, log, task = self.plan, self.logs[0], self.model.task
        losses = [tested for _, _, tested, _ in log.curve if tested is not None] or [None]
        best, last, lowest, final, held = log.best or log.last, log.last, min(losses), losses[-1], None
        if plan.held_out and log.best:
            held = log.best["accuracy"]
            best, last = self._test_once()
            lowest, final = best["loss"], None if log.diverged_at else last["loss"]
        row = {"hidden": self.model.network.hidden, "parameters": self.model.count, "init": plan.recurrent}
        row |= {"steps": task.steps, "data": task.label}
        row |= round_some({"accuracy": best["accuracy"], "accuracy_final": last["accuracy"], "accuracy_held": held})
        row |= {"loss": shorten(lowest), "loss_final": shorten(final)}
        return [self._start_row(0) | row | {"solved_at": log.notes.get("solved_at")}]

    @classmethod
    def check(cls, plans: Sequence[SequencePlan]) -> None:
        """Make every task once, so that missing images and too large batches are reported before anything is trained."""
        for plan in {(plan.task, plan.held_out > 0): plan for plan in plans}.values():
            task = plan.make_task()
            task.draw_batch(plan.seed, 1, plan.batch)
            require(not plan.held_out or task.held_count != 0, f"{plan.task} trains on all images: none can be held out")

    @staticmethod
    def describe_row(row: Mapping[str, Any]) -> str:
        """Return a one-line summary of a trained network."""
        parts = [] if row["loss"] is None else [f"loss {row['loss']:.2g}"]
        return describe_model(row, *parts, *([] if row["solved_at"] is None else [f"solved at {row['solved_at']}"]))
