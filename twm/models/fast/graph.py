"""The GPU path: the algebra of :mod:`twm.models.fast.elman` for many networks, the whole iteration as one CUDA graph.

On a GPU a single network's products are too small to fill the chip and their launches cost more than their arithmetic;
hundreds of models side by side fill it, and a captured graph launches all of an iteration at once. Models may be at
different stages of a curriculum: all run for as many steps as there are targets, and a model's error is masked beyond
its own horizon. By causality that is exact: nothing after the horizon feeds back into it.

On the CPU the same lines run one by one, slower than a process a model, which proves the algebra. **The graph path has
never run on a GPU**, until a sweep has passed :func:`~twm.models.checking.check_kernel` on one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from twm.errors import require
from twm.models.fast.elman import PackedKernel
from twm.models.kernels import StepResult

#: What is known about the graph path, for ``twm doctor`` and for messages; change it with the first run on a GPU.
GPU_STATUS = (
    "the batched path, which has not run on one yet; its algebra is tested on the CPU, and a sweep checks it before use"
)

_WARM_UP_ROUNDS = 3


@contextmanager
def _exact_products() -> Iterator[None]:
    """Multiply float32 as float32 for a while, whatever the caller has set: TF32 would keep ten bits."""
    # The general torch.set_float32_matmul_precision refuses to answer where a caller has set this one.
    settings = torch.backends.cuda.matmul
    before = settings.fp32_precision
    settings.fp32_precision = "ieee"
    try:
        yield
    finally:
        settings.fp32_precision = before


class BatchedKernel(PackedKernel):
    """Train an ensemble with batched products.

    On a GPU each length of the targets has its own graph, captured when it is first met: call with few different
    lengths. There, horizons outside 1 to the number of targets are moved to the nearer end instead of refused.
    """

    name = "batched"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        ensemble = self.models is not None
        require(ensemble, "the batched kernel trains an ensemble: give its weights a leading models axis")
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
            self._graphs[steps] = self._capture(steps)
        graph, result = self._graphs[steps]
        graph.replay()
        return StepResult(*(value.clone() for value in result))

    def _capture(self, steps: int) -> tuple["torch.cuda.CUDAGraph", StepResult]:
        # Libraries allocate on their first calls, which capture forbids, so the iteration first runs outside one; what
        # these rounds did to the models is then undone.
        state = self._get()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP_ROUNDS):
                self._iterate(steps)
        torch.cuda.current_stream().wait_stream(side)
        self._set(*state)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self._iterate(steps)
        return graph, result

    def _iterate(self, steps: int) -> StepResult:
        inputs = self._inputs.flatten(1, 2)
        with _exact_products():
            self._run_forward(inputs, steps)
            result = self._compare(steps)
            self._run_backward(inputs, steps)
        self._update()
        return result

    def _compare(self, steps: int) -> StepResult:
        """Write each model's e_t into the backward buffer, zero beyond its horizon, and score the batch."""
        place = slice(self.history + 2, self.history + steps + 2)
        outputs, targets = self._forward[:, place, :, self.hidden :], self._targets[:, :steps]
        horizons = self._horizons.clamp(1, steps)
        beyond = (torch.arange(1, steps + 1, device=self.device) > horizons[:, None])[..., None, None]
        counts, share = horizons.to(self.dtype), 1.0 / (self.batch * self.dim)
        # Filled, not multiplied: what stands beyond a model's horizon may be anything, NaN included.
        errors = (outputs - targets).masked_fill_(beyond, 0.0)
        right = ((outputs >= 0) == (targets > 0)).masked_fill_(beyond, False)
        loss_by_step = errors.square().sum((-1, -2)) * share
        accuracy = right.sum((1, 2, 3)).to(self.dtype) * share / counts
        self._backward[:, place, :, self.hidden :].copy_(errors.mul_((2 * share / counts)[:, None, None, None]))
        return StepResult(loss_by_step.sum(-1) / counts, loss_by_step, accuracy)
