"""What all kinds of runs share: the columns of their tables, torch's Adam, and one model trained in this process."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

# By name: who replaces torch's optimiser for a comparison does not mean ours.
from torch.optim import Adam

from twm.records import read_commit
from twm.training.loop import TrainedModel, find_kind
from twm.training.workers import format_seconds

#: Columns that say how a row came about; two runs of one model may differ in them and in nothing else.
CIRCUMSTANCES = ("seconds", "device", "torch", "commit", "date")


@cache
def read_columns(protocol: str) -> tuple[dict[str, str], tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Read what ``columns.yml`` says about a table: columns with their meaning, those of curves, of words, of the plan."""
    import yaml

    tables = yaml.safe_load(Path(__file__).with_name("columns.yml").read_text(encoding="utf-8"))
    return tables[protocol]["columns"], *(tuple(tables[protocol][part]) for part in ("curve", "texts", "plan"))


def describe_model(row: Mapping[str, Any], *parts: str) -> str:
    """Return what became of one model, in a line with these parts."""
    parts = f"{row['model']}: accuracy {row['accuracy']:.4f}", *parts
    if row["diverged_at"] is not None:
        parts += (f"diverged by iteration {row['diverged_at']}",)
    return ", ".join((*parts, f"{row['iterations']} iterations", format_seconds(row["seconds"])))


def round_some(row: Mapping[str, float | None], digits: int = 6) -> dict[str, float | None]:
    """Round the numbers of a row; ``None`` stays."""
    return {name: None if value is None else round(value, digits) for name, value in row.items()}


def shorten(value: float | None) -> float | None:
    """Round a loss to four digits; ``None`` stays."""
    return None if value is None else float(f"{value:.4g}")


def train_model(plan: Any, path: str | None = None, device: str = "cpu") -> TrainedModel:
    """Train one model of any kind in this process, without leaving files; it comes out as in a sweep, but for CIRCUMSTANCES.

    ``path`` chooses a way to make an iteration, by default the fastest one that is right here.
    """
    read_commit()
    run = find_kind(plan.protocol)(plan, device, path)
    run.train()
    return run.finish()[0]


# ---- torch's Adam, with its state where a checkpoint can take it


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
