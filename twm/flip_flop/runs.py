"""A flip-flop network at work, and left alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from twm.errors import require, require_count
from twm.kernels import Weights
from twm.records import read_network
from twm.sequence_tasks import FlipFlop, delay_signs, draw_pulses
from twm.training.flip_flop import run_flip_flop

_WARM_UP = 200


def read_flip_flop(path: Path | str) -> tuple[Weights, dict[str, Any]]:
    """Read a network of the sweep, in float64, with its configuration.

    Raises:
        UserError: if the file is missing, damaged, or holds another kind of network.
    """
    network, about = read_network(path)
    require("delay" in about and "unfold" in about, f"{Path(path).name} is not a flip-flop network")
    return Weights(*(torch.as_tensor(matrix).double() for matrix in network.get_matrices())), about


@dataclass(frozen=True, eq=False)
class FlipFlopRun:
    """A network at work on streams it has not seen.

    Attributes:
        weights: of the network, float64.
        task: what was asked of it.
        pulses: (steps, streams, channels).
        held: (steps, streams, channels) the sign of the last pulse, before any delay; 0 where there was none.
        signs: the same, when due.
        states: (steps, streams, hidden).
        outputs: (steps, streams, channels).
        warm: first step that counts.
    """

    weights: Weights
    task: FlipFlop
    pulses: np.ndarray
    held: np.ndarray
    signs: np.ndarray
    states: np.ndarray
    outputs: np.ndarray
    warm: int = _WARM_UP

    def mark_quiet(self) -> np.ndarray:
        """Mark the states of rest: (steps, streams), no pulse on its way for three delays, at least for ten steps."""
        quiet, back = np.ones(self.pulses.shape[:2], bool), max(10, 3 * self.task.delay)
        for age in range(back):
            quiet[age:] &= (self.pulses[: len(quiet) - age] == 0).all(2)
        quiet[: max(self.warm, back)] = False
        return quiet & (self.signs != 0).all(2)


def run_network(
    weights: Weights, task: FlipFlop, seed: int = 0, streams: int = 50, steps: int = 1000, split: str = "test"
) -> FlipFlopRun:
    """Run a network on fresh streams.

    Args:
        weights: of the network.
        task: what is asked of it.
        seed: of the streams.
        streams: how many side by side.
        steps: of each that count; 200 more pass before.
        split: of the data.

    Returns:
        the run.
    """
    pulses = draw_pulses(task, split, seed, streams, 0, _WARM_UP + require_count(steps, "steps"))
    start = weights.recurrent.new_zeros(streams, len(weights.recurrent))
    with torch.no_grad():
        states, outputs = run_flip_flop(weights, torch.from_numpy(pulses).to(start), start)
    held, signs = delay_signs(pulses, 0), delay_signs(pulses, task.delay)
    return FlipFlopRun(weights, task, pulses, held, signs, states.numpy(), outputs.numpy())


def run_freely(weights: Weights, states: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Run a network without pulses from states (batch, hidden); return states and outputs (steps, batch, ...)."""
    start = torch.as_tensor(np.asarray(states)).to(weights.recurrent)
    silent = start.new_zeros(require_count(steps, "steps"), len(start), weights.encoder.shape[1])
    with torch.no_grad():
        moved, outputs = run_flip_flop(weights, silent, start)
    return moved.numpy(), outputs.numpy()
