"""All numbers of a network in one flat vector, and Adam on it.

A hand-written backward pass fills its gradients in place, so weights, gradients and both moments can each be one
vector a model, and a whole update is a handful of operations instead of a handful for each matrix. The matrices are
views of the vector:

    parameters = [ joint | encoder ],    joint = [ W | O ]  (hidden, hidden + dim),   encoder = U  (dim, hidden)

W = W_hh^T, O = W_r^T and U = W_uh^T, because states are the rows of a batch: h W is the next drive, h O the output.
Why W and O stand side by side, see :mod:`twm.models.fast.elman`.

The CPU path: one network in one single-threaded process, two matrix products a time step.

**The augmented product.** With states as rows of a batch and W = W_hh^T, O = W_r^T, U = W_uh^T, the network is:

    z_t = h_(t-1) W + u_t U,      h_t = tanh(z_t),      y_t = h_t O,      t = 1 .. T,

where T = history + horizon, u_t = 0 in the output phase and only its y_t count. Drive and output of a state are both
products of that state, so one product makes them together:

    h_t [ W | O ] = [ z_(t+1) | y_t ].

The loss is L = mean (y_t - target_t)^2 over the horizon. With e_t = dL/dy_t and dz_t = dL/dz_t, a state is used
for the next drive and for its own output, so its gradient is again a single product, with the same matrix transposed:

    dL/dh_t = dz_(t+1) W^T + e_t O^T = [ dz_(t+1) | e_t ] [ W | O ]^T,      dz_t = (1 - h_t^2) dL/dh_t.

Each entry of [ W | O ] was used once a step, so its gradient sums over time. Over rows stacked in time that sum is one
long product instead of T short ones, and it is the fastest product of all:

    dL/d[ W | O ] = sum_t h_t^T [ dz_(t+1) | e_t ],      dL/dU = sum_(t <= history) u_t^T dz_t.

Hence two buffers, in which a row holds one time step of all sequences:

    forward[t]  = [ h_t | y_(t-1) ],      backward[t] = [ dz_t | e_(t-1) ].

Every product reads and writes its place in them directly. What makes the rest fast: the views of every time step are
made once; weights, gradients and moments are one flat vector each (:mod:`twm.models.fast.elman`); nothing is recorded.

**The tanh.** tanh(z) = 2 sigmoid(2 z) - 1, and torch's sigmoid takes a small part of the time of its tanh, which would
cost as much as the products. The factor 2 inside is put on the weights (exact in binary), so that products give 2 z.
What comes out is the tanh within a few roundings of a float32 near 1. For a state much smaller than 1 that is a large
relative error, but a small one of the gradient, to which such states give little: the tests compare with float64 on
networks whose states fade, hold and saturate.
"""

import math
from typing import Any

import torch
from torch import Tensor

from twm.errors import require
from twm.models.kernels import BETA_FIRST, BETA_SECOND, CLIP_EPSILON, EPSILON, Kernel, StepResult
from twm.models.weights import Weights, as_weights


class PackedKernel(Kernel):
    """A kernel on flat vectors: (size,) for one network, (models, size) for an ensemble.

    A path that builds on it fills ``gradients`` and then calls :meth:`_update`.
    """

    def __init__(self, weights: Any, history: int, batch: int, horizon_max: int, *args: Any, **options: Any) -> None:
        super().__init__(weights, history, batch, horizon_max, *args, **options)
        hidden, dim = self.hidden, self.dim
        self._joint_size = hidden * (hidden + dim)
        models = () if self.models is None else (self.models,)
        size = self._joint_size + dim * hidden
        self.parameters, self.gradients, self.first, self.second, self._scratch = (
            torch.zeros((*models, size), dtype=self.dtype, device=self.device) for _ in range(5)
        )
        self.iteration = torch.zeros(models, dtype=torch.int64, device=self.device)
        # Numbers a model, shaped so that they scale the model's row.
        self._decay = self.l2.to(self.dtype).unsqueeze(-1)
        self._decays = bool((self.l2 > 0).any())
        self._write(self.parameters, as_weights(weights))

    def _view_joint(self, flat: Tensor) -> Tensor:
        """Return [W | O] of a flat vector, (..., hidden, hidden + dim), as a view."""
        return flat[..., : self._joint_size].view(*flat.shape[:-1], self.hidden, self.hidden + self.dim)

    def _view_encoder(self, flat: Tensor) -> Tensor:
        """Return U of a flat vector, (..., dim, hidden), as a view."""
        return flat[..., self._joint_size :].view(*flat.shape[:-1], self.dim, self.hidden)

    def _read(self, flat: Tensor) -> Weights:
        joint, encoder = self._view_joint(flat), self._view_encoder(flat)
        rows = (joint[..., : self.hidden], encoder, joint[..., self.hidden :])
        return Weights(*(matrix.mT.clone(memory_format=torch.contiguous_format) for matrix in rows))

    def _write(self, flat: Tensor, weights: Weights) -> None:
        joint = self._view_joint(flat)
        joint[..., : self.hidden].copy_(weights.recurrent.mT)
        joint[..., self.hidden :].copy_(weights.readout.mT)
        self._view_encoder(flat).copy_(weights.encoder.mT)

    def weights(self) -> Weights:
        """Return a copy of the weights."""
        return self._read(self.parameters)

    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of all that training goes on from; see :meth:`twm.models.kernels.Kernel.state_dict`."""
        state = dict(zip(Weights._fields, self.weights()))
        for moment, flat in (("first", self.first), ("second", self.second)):
            state.update({f"{name}.{moment}": matrix for name, matrix in zip(Weights._fields, self._read(flat))})
        return state | {"iteration": self.iteration.clone(), "learning_rate": self.learning_rate.clone()}

    def _load(self, state: dict[str, Tensor]) -> None:
        for suffix, flat in (("", self.parameters), (".first", self.first), (".second", self.second)):
            self._write(flat, Weights(*(state[f"{name}{suffix}"] for name in Weights._fields)))
        self.iteration.copy_(state["iteration"])
        self.learning_rate.copy_(state["learning_rate"])

    def _update(self) -> None:
        """Clip each model's gradient, add its weight decay and make a step of Adam, in torch's order.

        The order matters: the decay is not clipped, and the moments see it ("coupled" decay).
        """
        gradients, first, second, scratch = self.gradients, self.first, self.second, self._scratch
        norm = torch.linalg.vector_norm(gradients, dim=-1, keepdim=True)
        gradients.mul_((self.clip / (norm + CLIP_EPSILON)).clamp_(max=1.0))
        if self._decays:
            torch.mul(self.parameters, self._decay, out=scratch)
            gradients.add_(scratch)
        self.iteration.add_(1)
        first.lerp_(gradients, 1 - BETA_FIRST)
        second.mul_(BETA_SECOND).addcmul_(gradients, gradients, value=1 - BETA_SECOND)
        # 1 - beta^t, without the cancellation and as tensors, so that a captured graph counts on by itself.
        time = self.iteration.to(torch.float64)
        first_bias = -torch.expm1(time * math.log(BETA_FIRST))
        second_bias = -torch.expm1(time * math.log(BETA_SECOND))
        rate = (self.learning_rate / first_bias).to(self.dtype).unsqueeze(-1)
        root = second_bias.sqrt_().to(self.dtype).unsqueeze(-1)
        torch.sqrt(second, out=scratch).div_(root).add_(EPSILON)
        # The clipped gradient has been used up, so its place can hold the step.
        torch.div(first, scratch, out=gradients).mul_(rate)
        self.parameters.sub_(gradients)


def prepare_process() -> None:
    """Make this process one of several that each train one network: one thread, small numbers flushed to zero.

    In a network that decays, gradients fall below the smallest normal number, and arithmetic on those is many times
    slower. Both settings hold for the whole process, so a worker calls this and a library does not.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


class AugmentedKernel(PackedKernel):
    """Train one network on the CPU; see :class:`twm.models.kernels.Kernel` for arguments and methods.

    Raises:
        UserError: also for an ensemble, or another device than the CPU.
    """

    name = "augmented"

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        require(self.models is None, "the augmented kernel trains one network: give each its own process")
        require(self.device.type == "cpu", f"the augmented kernel runs on the CPU, not on {self.device}")
        hidden, dim, batch, history = self.hidden, self.dim, self.batch, self.history
        width, steps = hidden + dim, history + self.horizon_max + 2

        def make(*shape: int) -> Tensor:
            return torch.zeros(shape, dtype=self.dtype)

        self._forward, self._backward = make(steps, batch, width), make(steps, batch, width)
        self._drive, self._minus_one = make(history, batch, hidden), -torch.ones((), dtype=self.dtype)
        # The matrices as the products read them: 2 W, O and 2 U, and the transpose of [W | O].
        self._doubled, self._doubled_encoder, self._transposed = (
            make(hidden, width),
            make(dim, hidden),
            make(width, hidden),
        )
        # One view a time step, made once.
        self._rows, self._states = self._forward.unbind(), self._forward[..., :hidden].unbind()
        self._joint_slopes, self._slopes = self._backward.unbind(), self._backward[..., :hidden].unbind()
        self._drives = self._drive.unbind()
        self._joint_gradient, self._encoder_gradient = (
            self._view_joint(self.gradients),
            self._view_encoder(self.gradients),
        )
        self._outputs = make(self.horizon_max, batch, dim)

    @torch.no_grad()
    def step(self, inputs: Tensor, targets: Tensor, horizon: int) -> StepResult:
        """Make one iteration; see :meth:`twm.models.kernels.Kernel.step`."""
        result = self._differentiate(inputs, targets, horizon)
        self._update()
        return result

    @torch.no_grad()
    def compute_gradient(self, inputs: Tensor, targets: Tensor, horizon: int) -> Weights:
        """Return the loss's gradient for one batch; see :meth:`twm.models.kernels.Kernel.compute_gradient`."""
        self._differentiate(inputs, targets, horizon)
        return self._read(self.gradients)

    def _differentiate(self, inputs: Tensor, targets: Tensor, horizon: int) -> StepResult:
        steps = self._check_batch(inputs, targets)
        horizon = self._check_horizon(horizon, steps)
        inputs = inputs.to(self.dtype).reshape(self.history * self.batch, self.dim)
        self._run_forward(inputs, horizon)
        result = self._compare(targets[:horizon], steps)
        self._run_backward(inputs, horizon)
        return result

    def _run_forward(self, inputs: Tensor, horizon: int) -> None:
        hidden, history, last = self.hidden, self.history, self.history + horizon
        joint = self._view_joint(self.parameters)
        self._doubled.copy_(joint)
        doubled = self._doubled[:, :hidden]
        doubled.mul_(2)
        torch.mul(self._view_encoder(self.parameters), 2, out=self._doubled_encoder)
        torch.mm(inputs, self._doubled_encoder, out=self._drive.view(-1, hidden))
        rows, states, minus_one = self._rows, self._states, self._minus_one
        mm, addmm, add = torch.mm, torch.addmm, torch.add
        add(minus_one, torch.sigmoid(self._drives[0], out=states[1]), alpha=2, out=states[1])
        for previous, drive, state in zip(states[1:history], self._drives[1:], states[2:]):
            addmm(drive, previous, doubled, out=state).sigmoid_()
            add(minus_one, state, alpha=2, out=state)
        # The product of state t writes 2 z_(t+1), which becomes state t+1 where it stands, and y_t beside it.
        product = self._doubled
        for previous, row, state in zip(states[history:last], rows[history + 1 :], states[history + 1 :]):
            mm(previous, product, out=row)
            state.sigmoid_()
            add(minus_one, state, alpha=2, out=state)
        mm(states[last], joint[:, hidden:], out=rows[last + 1][:, hidden:])

    def _compare(self, targets: Tensor, steps: int) -> StepResult:
        """Write e_t = dL/dy_t into the backward buffer, and score the batch."""
        horizon, place = len(targets), slice(self.history + 2, self.history + len(targets) + 2)
        outputs = self._outputs[:horizon].copy_(self._forward[place, :, self.hidden :])
        targets = targets.to(self.dtype)
        accuracy = (outputs >= 0).eq_(targets > 0).count_nonzero() / outputs.numel()
        errors = outputs.sub_(targets)
        torch.mul(errors, 2 / errors.numel(), out=self._backward[place, :, self.hidden :])
        loss_by_step = errors.new_zeros(steps)
        torch.mean(errors.square_(), (1, 2), out=loss_by_step[:horizon])
        return StepResult(loss_by_step[:horizon].mean(), loss_by_step, accuracy)

    def _run_backward(self, inputs: Tensor, horizon: int) -> None:
        hidden, history, last = self.hidden, self.history, self.history + horizon
        width = hidden + self.dim
        tanh_backward = torch.ops.aten.tanh_backward.grad_input
        self._transposed.copy_(self._view_joint(self.parameters).mT)
        # After the last step nothing follows; a longer horizon may have left something there.
        self._slopes[last + 1].zero_()
        states, slopes, joint_slopes, transposed = self._states, self._slopes, self._joint_slopes, self._transposed
        mm, output_phase, input_phase = torch.mm, slice(last, history, -1), slice(history, 0, -1)
        # Output phase: the row after a step holds the next step's slope and this step's error, [ dz_(t+1) | e_t ].
        for following, state, slope in zip(joint_slopes[last + 1 :: -1], states[output_phase], slopes[output_phase]):
            mm(following, transposed, out=slope)
            tanh_backward(slope, state, grad_input=slope)
        # Input phase: its outputs do not count.
        recurrent = transposed[:hidden]
        for following, state, slope in zip(slopes[history + 1 :: -1], states[input_phase], slopes[input_phase]):
            mm(following, recurrent, out=slope)
            tanh_backward(slope, state, grad_input=slope)
        # Rows of all time steps, stacked; no output of the input phase counts, so those parts of the buffer stay zero.
        stacked = self._forward[1 : last + 1].view(-1, width)[:, :hidden]
        torch.mm(stacked.mT, self._backward[2 : last + 2].view(-1, width), out=self._joint_gradient)
        entered = self._backward[1 : history + 1].view(-1, width)[:, :hidden]
        torch.mm(inputs.mT, entered, out=self._encoder_gradient)
