"""The recurrences that training spends its time in: one interface, a plain path, and fast ones that must equal it.

========================  ==========================================================  ===========================
path                      what it is                                                  for
========================  ==========================================================  ===========================
:class:`ReferenceKernel`  torch autograd, torch.optim.Adam, any dtype                 to be equalled; to fall back on
:class:`AugmentedKernel`  augmented product, hand-written backward pass               one network in a CPU process
:class:`BatchedKernel`    the same over a models axis, captured as one CUDA graph     hundreds of networks on a GPU
========================  ==========================================================  ===========================

**Weights.** :class:`Weights` (recurrent (hidden, hidden), encoder (hidden, dim), readout (dim, hidden)), acting on
columns as in the formulas, an ensemble's with a leading models axis. ``Weights(*network.get_matrices())`` takes them
from a ``twm.networks.ElmanRNN`` and ``network.set_matrices(*kernel.weights())`` puts them back.

**An iteration.** ``kernel.step(inputs, targets, horizon)`` with inputs (history, batch, dim), targets (steps, batch,
dim) and the number of targets that count: forward, backward, clip, Adam with coupled weight decay in torch's order. It
returns a :class:`StepResult` of loss, loss by step and sign accuracy of the batch before the update.

**Going on.** ``state_dict`` and ``load_state`` continue a run bit for bit; the layout is the same for all paths.

**Trust.** :func:`make_kernel` chooses a path, compares one of its iterations with float64 autograd
(:func:`check_kernel`), and falls back to the plain path with a warning where they differ.

**Tests.** ``kernel.run`` and :func:`score_run` run freely to any horizon in constant memory.

Networks are Elman networks without bias, with tanh, as the paper trains them (twm Eq. (9), B.2).

**Networks on sequences** have recurrences of their own (:class:`Recurrence`): :class:`ShiftedProducts` for wave-RNNs,
:class:`RingConvolution` for those with many channels, :class:`DenseProducts` for the iRNN. Each gives the answers of a run and
the gradient of their loss, written out by hand, and equals torch's Conv1d or Linear with autograd.
"""

from twm.kernels.augmented import AugmentedKernel, prepare_process
from twm.kernels.batched import GPU_STATUS, BatchedKernel
from twm.kernels.checking import KERNELS, TOLERANCE, check_kernel, draw_check_batch, make_kernel
from twm.kernels.dense import DenseProducts
from twm.kernels.forward import RunScore, run_forward, score_run
from twm.kernels.interface import STATE_KEYS, Kernel, StepResult
from twm.kernels.recurrence import Recurrence
from twm.kernels.reference import ReferenceKernel, compute_reference_gradient, run_network
from twm.kernels.rings import RingConvolution
from twm.kernels.shifted import ShiftedProducts
from twm.kernels.weights import (
    INITIALISATIONS,
    WAVE_INITIALISATIONS,
    Weights,
    as_weights,
    check_initial,
    draw_matrix,
    draw_weights,
    stack_weights,
)

__all__ = [
    "GPU_STATUS",
    "INITIALISATIONS",
    "KERNELS",
    "STATE_KEYS",
    "TOLERANCE",
    "WAVE_INITIALISATIONS",
    "AugmentedKernel",
    "BatchedKernel",
    "DenseProducts",
    "Kernel",
    "Recurrence",
    "ReferenceKernel",
    "RingConvolution",
    "RunScore",
    "ShiftedProducts",
    "StepResult",
    "Weights",
    "as_weights",
    "check_initial",
    "check_kernel",
    "compute_reference_gradient",
    "draw_check_batch",
    "draw_matrix",
    "draw_weights",
    "make_kernel",
    "prepare_process",
    "run_forward",
    "run_network",
    "score_run",
    "stack_weights",
]
