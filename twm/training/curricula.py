"""How long the output phase of the next batch is, for many models at once.

``staged``
    The horizons in turn: the next one is taken as soon as the share of right signs in a batch, over all its output steps,
    exceeds the threshold. A stage is never left downwards. (twm Table 1, as released.)

``adaptive``
    The horizon starts at Hmin, the first of the plan's; it grows by a factor of 1.2 where a rolling average of the squared
    error of the first Hmin output steps is below the threshold, and shrinks by it elsewhere, up to the last. (twm B.2, which
    does not say how the average rolls.) It is a real number, rounded down for use alone, so that 10 * 1.2 grows on.

``none``
    Always the last horizon.

Everything is a tensor with a ``models`` axis and nothing is read back from the device, so that a GPU never waits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from twm.models.kernels import StepResult

#: Factor by which the adaptive horizon grows and shrinks.
GROWTH = 1.2
_NEWEST_SHARE = 0.1  # share of the newest batch in the rolling loss


class Curricula:
    """The horizons of several models, each by the rule of its plan: ``horizons`` is (models,) int64."""

    def __init__(self, plans: Sequence[Any], device: Any = "cpu") -> None:
        def make(values: list, dtype: torch.dtype = torch.float64) -> Tensor:
            return torch.tensor(values, dtype=dtype, device=device)

        stages = [plan.horizons if plan.curriculum == "staged" else plan.horizons[-1:] for plan in plans]
        width = max(map(len, stages))
        self._stages = make([[*own, *own[-1:] * (width - len(own))] for own in stages], torch.int64)
        self._last = make([len(own) - 1 for own in stages], torch.int64)
        self._threshold = make([plan.threshold or 0.0 for plan in plans])
        self._adaptive = make([plan.curriculum == "adaptive" for plan in plans], torch.bool)
        self._shortest, self._longest = (make([plan.horizons[end] for plan in plans]) for end in (0, -1))
        # Averages a model's first Hmin output steps; later ones have no weight.
        steps = torch.arange(int(self._longest.max()), device=device)
        self._weights = (steps < self._shortest[:, None]) / self._shortest[:, None]
        kinds = {plan.curriculum for plan in plans}
        self._any_staged, self._any_adaptive = "staged" in kinds, "adaptive" in kinds
        self._place = torch.arange(len(plans), device=device)
        self._stage = torch.zeros_like(self._last)
        self._length = self._shortest.clone()
        # Not a number until the first batch has been seen.
        self._rolling = torch.full_like(self._length, float("nan"))
        self.horizons = self._find_horizons()

    def update(self, result: StepResult) -> None:
        """See ``accuracy`` (models,) and ``loss_by_step`` (models, steps) of a batch, and set the next horizons."""
        if self._any_staged:
            # A share of right signs that is just the threshold does not exceed it: both are rounded to float32.
            passed = result.accuracy.to(torch.float32) > self._threshold.to(torch.float32)
            self._stage = torch.minimum(self._stage + passed, self._last)
        if self._any_adaptive:
            losses = result.loss_by_step.to(torch.float64)
            newest = (losses * self._weights[:, : losses.shape[1]]).sum(1)
            before = torch.where(self._rolling.isnan(), newest, self._rolling)
            self._rolling = before + _NEWEST_SHARE * (newest - before)
            factor = torch.where(self._rolling < self._threshold, GROWTH, 1 / GROWTH)
            self._length = torch.minimum(torch.maximum(self._length * factor, self._shortest), self._longest)
        self.horizons = self._find_horizons()

    def _find_horizons(self) -> Tensor:
        staged = self._stages[self._place, self._stage]
        if not self._any_adaptive:
            return staged
        # A horizon that went up and down again by the same factor is not to lose a step to rounding.
        return torch.where(self._adaptive, (self._length + 1e-6).to(torch.int64), staged)

    def state_dict(self) -> dict[str, Tensor]:
        """Return a copy of what the rules remember: stage, real-valued horizon and rolling loss, each (models,)."""
        return {name: getattr(self, f"_{name}").clone() for name in ("stage", "length", "rolling")}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`state_dict` returned."""
        for name in ("stage", "length", "rolling"):
            getattr(self, f"_{name}").copy_(state[name])
        self.horizons = self._find_horizons()
