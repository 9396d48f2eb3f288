"""Networks that are no Elman networks, run from any state in float64: wave-RNNs, identity RNNs, LSTMs and GRUs.

Their state is all that the next step depends on; an LSTM's cells stand behind its hidden units. Nothing else about them
needs to be known to look for a wave in them.
"""

import copy
from typing import TYPE_CHECKING

import numpy as np

from twm.errors import require, require_count

if TYPE_CHECKING:
    from twm.networks import SequenceNetwork


class SequenceSystem:
    """A network on sequences whose outputs have the dimension of its inputs.

    Args:
        network: any of :mod:`twm.networks`; it is copied.

    Attributes:
        network: the copy, in float64.

    Raises:
        UserError: if inputs and outputs differ in dimension, or a weight is not finite.
    """

    def __init__(self, network: "SequenceNetwork") -> None:
        fits = network.inputs == network.outputs
        require(
            fits,
            f"a system's outputs are its states, but this network has {network.inputs} inputs and {network.outputs} outputs",
        )
        self.network = copy.deepcopy(network).double().requires_grad_(False)
        for name, weight in self.network.named_parameters():
            require(bool(weight.isfinite().all()), f"the network's {name} has NaN or infinite entries")

    @property
    def hidden(self) -> int:
        """Numbers of a state."""
        return self.network.carried

    @property
    def dim(self) -> int:
        """Dimension of inputs and outputs."""
        return self.network.inputs

    def run(self, state: np.ndarray, steps: int, inputs: np.ndarray | None = None) -> np.ndarray:
        """Return the states of every step.

        Args:
            state: (batch, hidden) to start from.
            steps: number of steps without input, after the inputs.
            inputs: (time, batch, dim), or none.

        Returns:
            (time + steps, batch, hidden).

        Raises:
            UserError: if steps is below 0.
        """
        import torch

        from twm.networks import run_steps

        state = torch.from_numpy(np.ascontiguousarray(state, dtype=np.float64))
        empty = np.zeros((0, len(state), self.dim))
        shown = torch.from_numpy(np.ascontiguousarray(empty if inputs is None else inputs, dtype=np.float64))
        return run_steps(self.network, shown, state, require_count(steps, "steps", least=0)).numpy()

    def read(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs (..., dim) at states (..., hidden)."""
        import torch

        shown = torch.from_numpy(np.ascontiguousarray(states[..., : self.network.hidden], dtype=np.float64))
        return self.network.read(shown).numpy()

    def measure_jacobian(self, states: np.ndarray) -> np.ndarray:
        """Return the mean derivative of a step without input by the state before it, over given states.

        It is to such a network what J W_hh is to an Elman network at rest: where units switch on and off along the orbit, no
        single point stands for it.

        Args:
            states: (..., hidden).

        Returns:
            (hidden, hidden).

        Source: twm A.5, with a mean in place of the fixed point.
        """
        import torch

        flat = torch.from_numpy(np.ascontiguousarray(states, dtype=np.float64)).reshape(-1, self.hidden)
        with torch.enable_grad():
            flat.requires_grad_()
            after = self.network.step(flat).mean(0)
            rows = [torch.autograd.grad(value, flat, retain_graph=True)[0].sum(0) for value in after]
        return torch.stack(rows).numpy()
