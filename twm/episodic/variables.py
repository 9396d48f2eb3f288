"""Variables in a basis: exact bases, the pseudocode that needs none, and those of a trained network."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twm.errors import require, require_count


def draw_integer_basis(size: int, hidden: int, seed: int | np.random.Generator = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a skew basis and a dual of whole numbers, so that "equal" can mean equal.

    Args:
        size: number of basis vectors.
        hidden: number of neurons, at least as many.
        seed: seed, or a generator, which is advanced.

    Returns:
        Psi (hidden, size) and Psi* (size, hidden), integers, with Psi* Psi = 1.

    Raises:
        UserError: if there are fewer neurons than vectors.
    """
    size, hidden = require_count(size, "size"), require_count(hidden, "hidden")
    require(hidden >= size, f"{hidden} neurons cannot hold {size} independent vectors")
    rng = np.random.default_rng(seed)
    forward, back = np.eye(hidden, dtype=int), np.eye(hidden, dtype=int)
    # Adding a multiple of one row to another is undone by subtracting it: both stay whole.
    for _ in range(2 * hidden):
        one, other = rng.choice(hidden, 2, replace=False) if hidden > 1 else (0, 0)
        if one != other:
            factor = int(rng.choice([-1, 1]))
            forward[one] += factor * forward[other]
            back[:, other] -= factor * back[:, one]
    order = rng.permutation(hidden)[:size]
    return forward[:, order], back[order]


@dataclass
class CopyMachine:
    """The pseudocode of Fig. 1 as a machine: a list of variables, three operations, no matrix anywhere.

    Attributes:
        variables: the contents, the oldest first.
    """

    variables: list[list[int]]

    def compose(self) -> None:
        """Move every variable's content to the one before, and the first one's to the last."""
        self.variables = [*self.variables[1:], self.variables[0]]

    def write(self, content: Sequence[int]) -> None:
        """Add a content to the last variable."""
        self.variables[-1] = [old + new for old, new in zip(self.variables[-1], content, strict=True)]

    def read(self) -> list[int]:
        """Return the last variable's content."""
        return list(self.variables[-1])


def run_repeat_copy(inputs: Sequence[Sequence[int]], steps: int) -> tuple[list[list[list[int]]], list[list[int]]]:
    """Run repeat copy on lists: each input step composes and writes, each output step composes and reads.

    Args:
        inputs: (history, dim) whole numbers.
        steps: output steps.

    Returns:
        the variables after each step (history + steps, history, dim), and what was read (steps, dim).

    Raises:
        UserError: if there is no input.

    Source: emt Fig. 1.
    """
    inputs = [[int(value) for value in row] for row in inputs]
    require(len(inputs) > 0, "repeat copy needs at least one input")
    machine = CopyMachine([[0] * len(inputs[0]) for _ in inputs])
    contents, outputs = [], []
    for number in range(len(inputs) + require_count(steps, "steps")):
        machine.compose()
        if number < len(inputs):
            machine.write(inputs[number])
        else:
            outputs.append(machine.read())
        contents.append([list(row) for row in machine.variables])
    return contents, outputs


@dataclass(frozen=True, eq=False)
class VariableMemories:
    """Where a trained network keeps its variables.

    Attributes:
        basis: Psi, (hidden, size): what each component adds to a state.
        dual_basis: Psi*, (size, hidden): how it is read; a left inverse of the basis.
        operator: Psi* W Psi, (size, size): what the network does to the components.
    """

    basis: np.ndarray
    dual_basis: np.ndarray
    operator: np.ndarray


def find_variables(recurrent: np.ndarray, states: np.ndarray, contents: np.ndarray) -> VariableMemories:
    """Find the variables of a trained network by least squares from what they should contain.

    Args:
        recurrent: W, (hidden, hidden).
        states: (samples, hidden) hidden states.
        contents: (samples, size) what theory says is in the variables then.

    Returns:
        the memories.

    Raises:
        UserError: if shapes do not fit, or the contents do not vary enough to tell the variables apart.

    Source: emt Sec. 6, where the basis comes from powers of W instead.
    """
    recurrent, states, contents = (np.asarray(values, dtype=float) for values in (recurrent, states, contents))
    hidden, size = states.shape[-1], contents.shape[-1]
    fits = states.ndim == contents.ndim == 2 and len(states) == len(contents) and recurrent.shape == (hidden, hidden)
    require(fits, f"recurrent, states and contents do not fit: {recurrent.shape}, {states.shape}, {contents.shape}")
    require(
        np.linalg.matrix_rank(contents) == size, f"the contents do not tell {size} variables apart: give more samples"
    )
    basis = np.linalg.lstsq(contents, states, rcond=None)[0].T
    dual = np.linalg.pinv(basis)
    return VariableMemories(basis, dual, dual @ recurrent @ basis)


def propagate_readout(recurrent: np.ndarray, readout: np.ndarray, history: int) -> np.ndarray:
    """Guess the variables from the weights alone: Psi_k = W^(s-k) W_r^+, the forward half of Algorithm 1.

    Args:
        recurrent: W, (hidden, hidden).
        readout: W_r, (dim, hidden).
        history: number of variables.

    Returns:
        Psi, (hidden, history*dim), the oldest variable first.

    Source: emt Algorithm 1, Eq. (14)-(15), with W_r^+ for Psi_s.
    """
    blocks = [np.linalg.pinv(np.asarray(readout, dtype=float))]
    for _ in range(require_count(history, "history") - 1):
        blocks.append(recurrent @ blocks[-1])
    return np.concatenate(blocks[::-1], axis=1)
