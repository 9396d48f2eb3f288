"""Hidden states beside the wave that theory says they hold."""

from dataclasses import dataclass

import numpy as np

from twm.basis.systems import StateSystem
from twm.errors import require, require_count
from twm.hds import HDS, draw_binary_history, rollout, window_states
from twm.operators import Observable, correct_inputs, make_wave_operator, ranks_of_powers, reduce_observable


@dataclass(frozen=True, eq=False)
class StateSample:
    """What a network did, and what the wave did, on the same histories.

    Step 0 is the end of the input phase, step t the t-th step of the output phase.

    Attributes:
        states: (horizon + 1, batch, hidden), h(s) onwards.
        waves: (horizon + 1, batch, rank), the needed coordinates of the substrate at the same steps.
        early: (history - 1, batch, hidden), h(1) to h(s-1).
        fed: (history, batch, dim), what the network was given.
        observable: the task on its needed coordinates.
        history: number of columns of the substrate.
        kept: (n,) the needed coordinates that still differ once settled, see :func:`find_copies`; all of them in the
            paper's tasks.
        expansion: (rank, n) what the others are copies of: ``waves = waves[..., kept] @ expansion.T`` from then on.
        settled: the step from which on what is read is measured: every column has been refilled once, and whatever
            becomes a copy has become one.
    """

    states: np.ndarray
    waves: np.ndarray
    early: np.ndarray
    fed: np.ndarray
    observable: Observable
    history: int
    kept: np.ndarray
    expansion: np.ndarray
    settled: int

    @property
    def horizon(self) -> int:
        """Number of steps of the output phase."""
        return len(self.states) - 1

    def predict_outputs(self, waves: np.ndarray, steps: int) -> np.ndarray:
        """Return the outputs that theory predicts after the given waves.

        Args:
            waves: (..., rank), the needed coordinates now.
            steps: number of steps.

        Returns:
            (steps, ..., dim), the first one step from now.
        """
        outputs = []
        for _ in range(steps):
            waves = waves @ self.observable.operator.T
            outputs.append(waves @ self.observable.readout.T)
        return np.stack(outputs)


def needed_coordinates(task: HDS) -> Observable:
    """Reduce a linear task to the coordinates of its substrate that its outputs depend on.

    What f never reads leaves no trace in the outputs, so training gives a network no reason to keep it, and no method
    can find it there: it is not part of any basis in this room.

    Args:
        task: a linear system.

    Returns:
        the task on its needed coordinates; its ``coordinates`` lists them for selection tasks.

    Raises:
        UserError: if the system is not linear.

    Source: twm Fig. 4, "optimized basis"; the answer to A.6 is ours.
    """
    require(task.matrix is not None, f"the task {task.name} is not linear: it has no wave operator")
    operator = make_wave_operator(np.asarray(task.matrix, dtype=float))
    return reduce_observable(np.eye(len(operator))[-task.dim :], operator)


def find_copies(operator: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Find which coordinates still differ after a number of steps, and what the others are copies of.

    Where f reads one thing twice, two needed coordinates soon hold the same content, up to a sign. From then on they are
    one memory: nothing that comes later can tell them apart, and no network needs two directions for them.

    Args:
        operator: Phi on the needed coordinates, (rank, rank).
        steps: steps since the coordinates were set one by one; after :func:`count_settling_steps` of them nothing changes.

    Returns:
        kept: (n,) coordinates that determine the others, the first of each kind.
        expansion: (rank, n) with ``wave = expansion @ wave[kept]`` for every wave after these steps.
    """
    rank = len(operator)
    span = np.eye(rank)
    for _ in range(steps):
        left, values, _ = np.linalg.svd(operator @ span, full_matrices=False)
        left = left[:, values > 1e-10 * np.linalg.norm(operator, 2)]
        if left.shape[1] == span.shape[1]:
            span = left
            break
        span = left
    if span.shape[1] == rank:
        return np.arange(rank), np.eye(rank)
    kept: list[int] = []
    rows = np.zeros((0, span.shape[1]))
    for place in range(rank):
        rest = span[place] - (span[place] @ rows.T) @ rows
        if np.linalg.norm(rest) > 1e-8:
            rest = rest - (rest @ rows.T) @ rows
            rows = np.vstack([rows, rest / np.linalg.norm(rest)])
            kept.append(place)
    expansion = span @ np.linalg.inv(span[kept])
    # Copies are copies exactly; what is left of rounding would look like faint connections.
    near = np.abs(expansion - np.round(expansion)).max() < 1e-9
    return np.array(kept), np.round(expansion) if near else expansion


def count_settling_steps(operator: np.ndarray) -> int:
    """Return after how many steps all that becomes a copy is one: the powers of Phi lose no rank any more.

    Args:
        operator: Phi on the needed coordinates, (rank, rank).
    """
    ranks = [len(operator), *ranks_of_powers(operator, len(operator))]
    return ranks.index(ranks[-1])


def sample_states(
    system: StateSystem,
    task: HDS,
    count: int = 512,
    horizon: int | None = None,
    seed: int = 0,
    initial: np.ndarray | None = None,
    correct: bool = False,
) -> StateSample:
    """Run a network on histories, and the wave of its task beside it.

    Args:
        system: the network.
        task: a linear task of the network's dim.
        count: number of histories of -1 and 1.
        horizon: steps of the output phase; 60, or four laps where that is more, if not given.
        seed: of the histories.
        initial: (count, history, dim), instead of drawn ones.
        correct: feed the inputs less what the boundary will add to them. Constructed networks need it; trained ones
            have learnt to live with raw inputs.

    Returns:
        the sample.

    Raises:
        UserError: if network and task do not fit, or a number is out of range.
    """
    require(system.dim == task.dim, f"the network has {system.dim} outputs, the task {task.name} needs {task.dim}")
    observable = needed_coordinates(task)
    horizon = max(60, 4 * task.history) if horizon is None else require_count(horizon, "horizon")
    if initial is None:
        initial = draw_binary_history(task, require_count(count, "count"), seed)
    initial = np.asarray(initial, dtype=float)
    truth = window_states(rollout(task, initial, horizon), task.history)
    waves = truth.reshape(*truth.shape[:2], task.size) @ observable.projection.T
    fed = np.moveaxis(correct_inputs(task.matrix, initial) if correct else initial, 1, 0)
    states = system.run(np.zeros((len(initial), system.hidden)), horizon, fed)
    early, late = states[: task.history - 1], states[task.history - 1 :]
    copies = find_copies(observable.operator, task.size)
    settled = max(task.history, count_settling_steps(observable.operator))
    return StateSample(late, waves, early, fed, observable, task.history, *copies, settled)
