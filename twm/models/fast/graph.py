"""The GPU path: many networks at once, and the whole iteration as one CUDA graph.

It is the algebra of :mod:`twm.models.fast.elman` with a ``models`` axis in front, each product a batched one: the
models share an instruction, never a number. On a GPU a single network's products are too small to fill the chip and
their launches cost more than their arithmetic; hundreds of models side by side fill it, and a captured graph launches
forward, backward, clipping and Adam of all of them at once.

Models may be at different stages of a curriculum. All run for as many steps as there are targets, and a model's error
is masked beyond its own horizon. By causality that is exact: nothing after the horizon feeds back into it, so there
the masked gradient is zero, not merely small.

Nothing in an iteration reads a number back, so the caller decides the length of the targets without asking the GPU,
and horizons may be a tensor there. Everything is float32 proper: TF32 would keep ten bits.

On the CPU the same lines run one by one. That is slower than a process a model, and serves to prove the algebra.

**The graph path has never run on a GPU.** It is written by CUDA's rules for capture, and its algebra is what the CPU
runs; until a sweep has passed :func:`twm.models.checking.check_kernel` on a GPU, that is all that can be said. ``twm doctor``
says so too.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from twm.errors import require
from twm.models.fast.elman import PackedKernel
from twm.models.kernels import StepResult
from twm.models.weights import Weights

#: What is known about the graph path, for ``twm doctor`` and for messages; change it with the first run on a GPU.
GPU_STATUS = (
    "the batched path, which has not run on one yet; its algebra is tested on the CPU, and a sweep checks it before use"
)

_WARM_UP_ROUNDS = 3


@contextmanager
def _exact_products() -> Iterator[None]:
    """Multiply float32 as float32 for a while, whatever the caller has set."""
    # The general torch.set_float32_matmul_precision refuses to answer where a caller has set this one.
    settings = torch.backends.cuda.matmul
    before = settings.fp32_precision
    settings.fp32_precision = "ieee"
    try:
        yield
    finally:
        settings.fp32_precision = before


class BatchedKernel(PackedKernel):
    """Train an ensemble with batched products; see :class:`twm.models.kernels.Kernel` for arguments and methods.

    On a GPU each length of the targets has its own graph, captured when it is first met: call with few different
    lengths. There, horizons outside 1 to the number of targets are moved to the nearer end instead of refused. Two
    buffers of models x (history + horizon_max + 2) x batch x (hidden + dim) numbers take most of the memory.

    Raises:
        UserError: also for a single network.
    """

    name = "batched"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        require(
            self.models is not None, "the batched kernel trains an ensemble: give its weights a leading models axis"
        )
        models, hidden, dim, batch, history = self.models, self.hidden, self.dim, self.batch, self.history
        width, longest = hidden + dim, self.horizon_max

        def make(*shape: int, dtype: torch.dtype = self.dtype) -> Tensor:
            return torch.zeros((models, *shape), dtype=dtype, device=self.device)

        # forward[:, t] = [h_t | y_(t-1)] and backward[:, t] = [dz_t | e_(t-1)], as in the augmented kernel.
        self._forward, self._backward = (make(history + longest + 2, batch, width) for _ in range(2))
        self._drive = make(history, batch, hidden)
        self._rows, self._states = self._forward.unbind(1), self._forward[..., :hidden].unbind(1)
        self._joint_slopes, self._slopes = self._backward.unbind(1), self._backward[..., :hidden].unbind(1)
        # A graph replays on fixed addresses: batches are copied in, results are copied out.
        self._inputs, self._targets = make(history, batch, dim), make(longest, batch, dim)
        self._horizons = make(dtype=torch.int64)
        self._loss, self._loss_by_step, self._accuracy = make(), make(longest), make()
        self._ordinals = torch.arange(1, longest + 1, device=self.device)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

    @torch.no_grad()
    def step(self, inputs: Tensor, targets: Tensor, horizon: int | Sequence[int] | Tensor) -> StepResult:
        """Make one iteration of every model; see :meth:`twm.models.kernels.Kernel.step`."""
        steps = self._stage(inputs, targets, horizon)
        if self.device.type == "cuda":
            if steps not in self._graphs:
                self._graphs[steps] = self._capture(steps)
            self._graphs[steps].replay()
        else:
            self._iterate(steps)
        return StepResult(self._loss.clone(), self._loss_by_step[:, :steps].clone(), self._accuracy.clone())

    @torch.no_grad()
    def compute_gradient(self, inputs: Tensor, targets: Tensor, horizon: int | Sequence[int] | Tensor) -> Weights:
        """Return every model's gradient for its batch; see :meth:`twm.models.kernels.Kernel.compute_gradient`."""
        steps = self._stage(inputs, targets, horizon)
        with _exact_products():
            self._differentiate(steps)
        return self._read(self.gradients)

    def _stage(self, inputs: Tensor, targets: Tensor, horizon: Any) -> int:
        steps = self._check_batch(inputs, targets)
        self._horizons.copy_(self._check_horizon(horizon, steps))
        self._inputs.copy_(inputs)
        self._targets[:, :steps].copy_(targets)
        return steps

    def _capture(self, steps: int) -> "torch.cuda.CUDAGraph":
        # Libraries allocate on their first calls, which capture forbids, so the iteration first runs outside one; what
        # these rounds did to the models is then undone.
        state = {key: value.clone() for key, value in self.state_dict().items()}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP_ROUNDS):
                self._iterate(steps)
        torch.cuda.current_stream().wait_stream(side)
        self._load(state)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._iterate(steps)
        return graph

    def _iterate(self, steps: int) -> None:
        with _exact_products():
            self._differentiate(steps)
        self._update()

    def _differentiate(self, steps: int) -> None:
        self._run_forward(steps)
        self._compare(steps)
        self._run_backward(steps)

    def _run_forward(self, steps: int) -> None:
        hidden, history, last = self.hidden, self.history, self.history + steps
        joint, encoder = self._view_joint(self.parameters), self._view_encoder(self.parameters)
        recurrent, readout = joint[..., :hidden], joint[..., hidden:]
        torch.bmm(self._inputs.flatten(1, 2), encoder, out=self._drive.view(self.models, -1, hidden))
        states = self._states
        torch.tanh(self._drive[:, 0], out=states[1])
        for time in range(2, history + 1):
            torch.baddbmm(self._drive[:, time - 1], states[time - 1], recurrent, out=states[time])
            states[time].tanh_()
        for time in range(history + 1, last + 1):
            torch.bmm(states[time - 1], joint, out=self._rows[time])
            states[time].tanh_()
        torch.bmm(states[last], readout, out=self._rows[last + 1][..., hidden:])

    def _compare(self, steps: int) -> None:
        place = slice(self.history + 2, self.history + steps + 2)
        outputs, targets = self._forward[:, place, :, self.hidden :], self._targets[:, :steps]
        horizons = self._horizons.clamp(1, steps)
        beyond = (self._ordinals[:steps] > horizons[:, None])[..., None, None]
        counts = horizons.to(self.dtype)
        # Filled, not multiplied: what stands beyond a model's horizon may be anything, NaN included.
        errors = (outputs - targets).masked_fill_(beyond, 0.0)
        right = ((outputs >= 0) == (targets > 0)).masked_fill_(beyond, False)
        share = 1.0 / (self.batch * self.dim)
        self._loss_by_step.zero_()
        self._loss_by_step[:, :steps].copy_(errors.square().sum((-1, -2)) * share)
        torch.div(self._loss_by_step.sum(-1), counts, out=self._loss)
        torch.div(right.sum((1, 2, 3)).to(self.dtype) * share, counts, out=self._accuracy)
        scale = (2 * share / counts)[:, None, None, None]
        self._backward[:, place, :, self.hidden :].copy_(errors.mul_(scale))

    def _run_backward(self, steps: int) -> None:
        hidden, history, last = self.hidden, self.history, self.history + steps
        tanh_backward = torch.ops.aten.tanh_backward.grad_input
        transposed = self._view_joint(self.parameters).mT
        recurrent = transposed[:, :hidden]
        states, slopes = self._states, self._slopes
        slopes[last + 1].zero_()
        for time in range(last, 0, -1):
            if time > history:
                torch.bmm(self._joint_slopes[time + 1], transposed, out=slopes[time])
            else:
                torch.bmm(slopes[time + 1], recurrent, out=slopes[time])
            tanh_backward(slopes[time], states[time], grad_input=slopes[time])
        stacked = self._forward[:, 1 : last + 1].flatten(1, 2)[..., :hidden]
        following = self._backward[:, 2 : last + 2].flatten(1, 2)
        torch.bmm(stacked.mT, following, out=self._view_joint(self.gradients))
        entered = self._backward[:, 1 : history + 1, :, :hidden].flatten(1, 2)
        torch.bmm(self._inputs.flatten(1, 2).mT, entered, out=self._view_encoder(self.gradients))
