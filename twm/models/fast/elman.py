"""Hand-written backward passes for Elman networks: two matrix products per time step, for one network or for many.

**The augmented product.** With states as rows of a batch and W = W_hh^T, O = W_r^T, U = W_uh^T, the network is

    z_t = h_(t-1) W + u_t U,      h_t = tanh(z_t),      y_t = h_t O,      t = 1 .. T = history + horizon,

where u_t = 0 in the output phase and only its y_t count. One product computes drive and output of a state together. With
e_t = dL/dy_t and dz_t = dL/dz_t, one transposed product computes its gradient. The gradient of the weights is one long
product over rows stacked in time, together with dL/dU = sum_(t <= history) u_t^T dz_t:

    h_t [ W | O ] = [ z_(t+1) | y_t ],      dz_t = (1 - h_t^2) [ dz_(t+1) | e_t ] [ W | O ]^T,
    dL/d[ W | O ] = sum_t h_t^T [ dz_(t+1) | e_t ].

Products therefore read and write two buffers in place, with one row per time step and sequence:

    forward[t]  = [ h_t | y_(t-1) ],      backward[t] = [ dz_t | e_(t-1) ].

**The tanh** is computed as 2 sigmoid(2 z) - 1, because torch's sigmoid is much faster than its tanh, which would cost as
much as the products. The inner factor 2 is applied to the weights, which is exact in binary.

**Many networks on a GPU** run side by side, and each iteration is one captured CUDA graph. All networks run for as many
steps as there are targets, and a model's error is masked beyond its own horizon, which is exact by causality. On the
CPU the same code runs without a graph, which tests the algebra."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from twm.errors import require
from twm.models.kernels import (
    BETA_FIRST, BETA_SECOND, CLIP_EPSILON, EPSILON, Kernel, StepResult, Weights, as_weights, exact_arithmetic,
)  # fmt: skip

#: Test status of the graph path, for ``twm doctor`` and for messages; update it after the first run on a GPU.
GPU_STATUS = "the batched path, tested on the CPU only and checked at the start of each sweep"


def prepare_process() -> None:
    """Set up this process as one of several that each train one network: with one thread, and with subnormal numbers
    flushed to zero, because decaying gradients become subnormal and arithmetic on them is many times slower."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


class PackedKernel(Kernel):
    """Kernel with one flat vector [ W | O | U ] per model, (size,) or (models, size), for the weights, their gradients and each
    of Adam's moments; matrices are views of it. Subclasses add the loss."""

    def __init__(self, weights: Any, *args: Any, **options: Any) -> None:
        super().__init__(weights, *args, **options)
        hidden, dim, batch, history = self.hidden, self.dim, self.batch, self.history
        width, steps = hidden + dim, history + self.horizon_max + 2
        self._joint_size, size = hidden * width, hidden * (width + dim)
        self.parameters, self.gradients, self.first, self.second, self._scratch = (self._make(size) for _ in range(5))
        self.iteration = self._make(dtype=torch.int64)
        # One number per model, shaped to scale the model's row.
        self._decay, self._decays = self.l2.to(self.dtype).unsqueeze(-1), bool((self.l2 > 0).any())
        self._write(self.parameters, as_weights(weights))

        self._forward, self._backward = (self._make(steps, batch, width) for _ in range(2))
        self._drive = self._make(history, batch, hidden)
        self._minus_one = -torch.ones((), dtype=self.dtype, device=self.device)
        # The matrices as the products read them: 2 W beside O, 2 U, and the transpose of [W | O].
        self._doubled, self._doubled_encoder = self._make(hidden, width), self._make(dim, hidden)
        self._transposed = self._make(width, hidden)
        # Views of every time step, made once.
        self._rows, self._states = self._forward.unbind(-3), self._forward[..., :hidden].unbind(-3)
        self._joint_slopes, self._slopes = self._backward.unbind(-3), self._backward[..., :hidden].unbind(-3)
        self._drives = self._drive.unbind(-3)
        products = (torch.mm, torch.addmm) if self.models is None else (torch.bmm, torch.baddbmm)
        self._multiply, self._multiply_add = products

    def _make(self, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        return torch.zeros((*self._leading, *shape), dtype=dtype or self.dtype, device=self.device)

    def _view_joint(self, flat: Tensor) -> Tensor:
        # [W | O] of a flat vector, (..., hidden, hidden + dim).
        return flat[..., : self._joint_size].view(*self._leading, self.hidden, self.hidden + self.dim)

    def _view_encoder(self, flat: Tensor) -> Tensor:
        # U of a flat vector, (..., dim, hidden).
        return flat[..., self._joint_size :].view(*self._leading, self.dim, self.hidden)

    def _read(self, flat: Tensor) -> Weights:
        joint = self._view_joint(flat)
        rows = (joint[..., : self.hidden], self._view_encoder(flat), joint[..., self.hidden :])
        return Weights(*(matrix.mT.clone(memory_format=torch.contiguous_format) for matrix in rows))

    def _write(self, flat: Tensor, weights: Weights) -> None:
        joint = self._view_joint(flat)
        joint[..., : self.hidden].copy_(weights.recurrent.mT)
        joint[..., self.hidden :].copy_(weights.readout.mT)
        self._view_encoder(flat).copy_(weights.encoder.mT)

    def _get(self) -> tuple[Weights, Weights, Weights, Tensor]:
        return *map(self._read, (self.parameters, self.first, self.second)), self.iteration.clone()

    def _set(self, weights: Weights, first: Weights, second: Weights, iteration: Tensor) -> None:
        for flat, three in ((self.parameters, weights), (self.first, first), (self.second, second)):
            self._write(flat, three)
        self.iteration.copy_(iteration)

    def _run_forward(self, inputs: Tensor, horizon: int) -> None:
        """Fill the forward buffer from inputs (..., history * batch, dim)."""
        hidden, history, last = self.hidden, self.history, self.history + horizon
        joint, doubled = self._view_joint(self.parameters), self._doubled[..., :hidden]
        self._doubled.copy_(joint)
        doubled.mul_(2)
        torch.mul(self._view_encoder(self.parameters), 2, out=self._doubled_encoder)
        multiply, multiply_add, add, minus_one = self._multiply, self._multiply_add, torch.add, self._minus_one
        multiply(inputs, self._doubled_encoder, out=self._drive.flatten(-3, -2))
        rows, states, drives, product = self._rows, self._states, self._drives, self._doubled
        add(minus_one, torch.sigmoid(drives[0], out=states[1]), alpha=2, out=states[1])
        for previous, drive, state in zip(states[1:history], drives[1:], states[2:]):
            multiply_add(drive, previous, doubled, out=state).sigmoid_()
            add(minus_one, state, alpha=2, out=state)
        # The product of state t writes 2 z_(t+1), which becomes state t+1 in place, and y_t beside it.
        for previous, row, state in zip(states[history:last], rows[history + 1 :], states[history + 1 :]):
            multiply(previous, product, out=row)
            state.sigmoid_()
            add(minus_one, state, alpha=2, out=state)
        multiply(states[last], joint[..., hidden:], out=rows[last + 1][..., hidden:])

    def _run_backward(self, inputs: Tensor, horizon: int) -> None:
        """Compute the gradients from the errors in the backward buffer."""
        hidden, history, last = self.hidden, self.history, self.history + horizon
        multiply, tanh_backward = self._multiply, torch.ops.aten.tanh_backward.grad_input
        self._transposed.copy_(self._view_joint(self.parameters).mT)
        # No step follows the last one, but a longer horizon may have left values there.
        self._slopes[last + 1].zero_()
        states, slopes, joint_slopes, transposed = self._states, self._slopes, self._joint_slopes, self._transposed
        # Output phase: the row after a step holds the next step's slope and this step's error, [ dz_(t+1) | e_t ].
        phase = slice(last, history, -1)
        for following, state, slope in zip(joint_slopes[last + 1 :: -1], states[phase], slopes[phase]):
            multiply(following, transposed, out=slope)
            tanh_backward(slope, state, grad_input=slope)
        # Input phase: its outputs do not count.
        phase, recurrent = slice(history, 0, -1), transposed[..., :hidden, :]
        for following, state, slope in zip(slopes[history + 1 :: -1], states[phase], slopes[phase]):
            multiply(following, recurrent, out=slope)
            tanh_backward(slope, state, grad_input=slope)
        # Rows of all time steps, stacked; no output of the input phase counts, so those parts of the buffer stay zero.
        stacked = self._forward[..., 1 : last + 1, :, :].flatten(-3, -2)[..., :hidden]
        following = self._backward[..., 2 : last + 2, :, :].flatten(-3, -2)
        multiply(stacked.mT, following, out=self._view_joint(self.gradients))
        entered = self._backward[..., 1 : history + 1, :, :].flatten(-3, -2)[..., :hidden]
        multiply(inputs.mT, entered, out=self._view_encoder(self.gradients))

    def _update(self) -> None:
        """Clip each model's gradient, add weight decay (unclipped, but part of the moments), and make an Adam step."""
        gradients, first, second, scratch = self.gradients, self.first, self.second, self._scratch
        norm = torch.linalg.vector_norm(gradients, dim=-1, keepdim=True)
        gradients.mul_((self.clip / (norm + CLIP_EPSILON)).clamp_(max=1.0))
        if self._decays:
            gradients.add_(torch.mul(self.parameters, self._decay, out=scratch))
        self.iteration.add_(1)
        first.lerp_(gradients, 1 - BETA_FIRST)
        second.mul_(BETA_SECOND).addcmul_(gradients, gradients, value=1 - BETA_SECOND)
        # 1 - beta^t without cancellation, as tensors, so that a captured graph advances it on every replay.
        time = self.iteration.to(torch.float64)
        first_bias, second_bias = (-torch.expm1(time * math.log(beta)) for beta in (BETA_FIRST, BETA_SECOND))
        rate = (self.learning_rate / first_bias).to(self.dtype).unsqueeze(-1)
        root = second_bias.sqrt_().to(self.dtype).unsqueeze(-1)
        torch.sqrt(second, out=scratch).div_(root).add_(EPSILON)
        # The clipped gradient is no longer needed, so its buffer holds the step.
        self.parameters.sub_(torch.div(first, scratch, out=gradients).mul_(rate))


class AugmentedKernel(PackedKernel):
    """Train one network on the CPU; meant for one single-threaded process per core, each with its own network."""

    name = "augmented"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        require(self.models is None, "the augmented kernel trains one network: give each its own process")
        require(self.device.type == "cpu", f"the augmented kernel runs on the CPU, not on {self.device}")
        self._outputs = self._make(self.horizon_max, self.batch, self.dim)

    @torch.no_grad()
    def _step(self, inputs: Tensor, targets: Tensor, horizon: int) -> StepResult:
        inputs = inputs.to(self.dtype).reshape(-1, self.dim)
        self._run_forward(inputs, horizon)
        result = self._compare(targets[:horizon], len(targets))
        self._run_backward(inputs, horizon)
        self._update()
        return result

    def _compare(self, targets: Tensor, steps: int) -> StepResult:
        """Write e_t = dL/dy_t into the backward buffer, and return the batch's loss and accuracy."""
        horizon, place = len(targets), slice(self.history + 2, self.history + len(targets) + 2)
        outputs = self._outputs[:horizon].copy_(self._forward[place, :, self.hidden :])
        targets = targets.to(self.dtype)
        accuracy = (outputs >= 0).eq_(targets > 0).count_nonzero() / outputs.numel()
        errors = outputs.sub_(targets)
        torch.mul(errors, 2 / errors.numel(), out=self._backward[place, :, self.hidden :])
        loss_by_step = errors.new_zeros(steps)
        torch.mean(errors.square_(), (1, 2), out=loss_by_step[:horizon])
        return StepResult(loss_by_step[:horizon].mean(), loss_by_step, accuracy)


def capture_graph(iterate: Callable[[], Any], undo: Callable[[], None]) -> tuple["torch.cuda.CUDAGraph", Any]:
    """Capture an iteration as a CUDA graph, and return it with the iteration's result, which every replay overwrites.
    ``undo`` restores the state from before the call, because libraries allocate memory on their first calls, which capture
    forbids: a few iterations run first."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            iterate()
    torch.cuda.current_stream().wait_stream(side)
    undo()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = iterate()
    return graph, result


class BatchedKernel(PackedKernel):
    """Train an ensemble with batched products; on a GPU with a graph per length of the targets. Horizons are clamped."""

    name = "batched"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        told = "the batched kernel trains an ensemble: give its weights a leading models axis"
        require(self.models is not None, told)
        # A graph replays on fixed addresses: batches are copied in, results are copied out.
        self._inputs = self._make(self.history, self.batch, self.dim)
        self._targets = self._make(self.horizon_max, self.batch, self.dim)
        self._horizons = self._make(dtype=torch.int64)
        self._graphs: dict[int, tuple[torch.cuda.CUDAGraph, StepResult]] = {}

    @torch.no_grad()
    def _step(self, inputs: Tensor, targets: Tensor, horizon: Tensor) -> StepResult:
        steps = targets.shape[1]
        self._horizons.copy_(horizon)
        self._inputs.copy_(inputs)
        self._targets[:, :steps].copy_(targets)
        if self.device.type != "cuda":
            return self._iterate(steps)
        if steps not in self._graphs:
            self._graphs[steps] = capture_graph(partial(self._iterate, steps), partial(self._set, *self._get()))
        graph, result = self._graphs[steps]
        graph.replay()
        return StepResult(*(value.clone() for value in result))

    def _iterate(self, steps: int) -> StepResult:
        inputs = self._inputs.flatten(1, 2)
        with exact_arithmetic():
            self._run_forward(inputs, steps)
            result = self._compare(steps)
            self._run_backward(inputs, steps)
        self._update()
        return result

    def _compare(self, steps: int) -> StepResult:
        """Write each model's e_t, zero beyond its horizon, into the backward buffer, and return loss and accuracy."""
        place = slice(self.history + 2, self.history + steps + 2)
        outputs, targets = self._forward[:, place, :, self.hidden :], self._targets[:, :steps]
        horizons = self._horizons.clamp(1, steps)
        beyond = (torch.arange(1, steps + 1, device=self.device) > horizons[:, None])[..., None, None]
        counts, share = horizons.to(self.dtype), 1.0 / (self.batch * self.dim)
        # Filled, not multiplied by a mask, because values beyond a model's horizon may be NaN.
        errors = (outputs - targets).masked_fill_(beyond, 0.0)
        right = ((outputs >= 0) == (targets > 0)).masked_fill_(beyond, False)
        loss_by_step = errors.square().sum((-1, -2)) * share
        accuracy = right.sum((1, 2, 3)).to(self.dtype) * share / counts
        self._backward[:, place, :, self.hidden :].copy_(errors.mul_((2 * share / counts)[:, None, None, None]))
        return StepResult(loss_by_step.sum(-1) / counts, loss_by_step, accuracy)
