"""torch's Adam, with its state where a checkpoint can take it."""

from collections.abc import Sequence

import torch
from torch import Tensor

# By name: who replaces torch's optimiser for a comparison does not mean ours.
from torch.optim import Adam


def make_adam(weights: Sequence[Tensor], rate: float, l2: float = 0.0, fused: bool = True) -> Adam:
    """Make Adam on some weights, with gradients and moments at zero and in place from the start.

    On a GPU its step is a tensor, so that a captured graph can be told another.
    """
    device = weights[0].device
    on_gpu = device.type == "cuda"
    step = torch.zeros((), device=device) if on_gpu else 0.0
    optimiser = Adam(list(weights), step, weight_decay=l2, fused=fused, capturable=on_gpu)
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    # A first step of length zero makes the moments; then nothing has happened yet.
    optimiser.step()
    for state in optimiser.state.values():
        for value in state.values():
            value.zero_()
    set_rate(optimiser, rate)
    return optimiser


def set_rate(optimiser: Adam, rate: float) -> None:
    """Set the step of an optimiser that :func:`make_adam` made."""
    (group,) = optimiser.param_groups
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def list_tensors(optimiser: Adam) -> dict[str, Tensor]:
    """Return the weights themselves and all that Adam goes on from."""
    (group,) = optimiser.param_groups
    found = {}
    for place, weight in enumerate(group["params"]):
        found[f"weight{place}"] = weight.detach()
        found |= {f"{name}{place}": value for name, value in optimiser.state[weight].items()}
    return found
