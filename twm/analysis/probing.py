"""Sources of states and items: a recording in a file, or a saved network that is run on its task."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from twm.analysis.networks import read_checkpoint
from twm.analysis.recovery import sample_states
from twm.analysis.systems import ElmanSystem, SequenceSystem, StateSystem
from twm.errors import UserError, require
from twm.tasks.flip_flop import FlipFlop, draw_pulses
from twm.tasks.sequences import CopyTask, SystemTask
from twm.theory.systems import HDS, draw_binary_history, make_selection_table, parse_task
from twm.training.sequence_model import read_sequence_network


Sample = tuple[np.ndarray, np.ndarray]  # states and items


def read_recording(paths: Sequence[Path | str]) -> Sample:
    """Read states and items from an .npz with arrays of these names, or from two .npy files in this order."""
    found: dict[str, np.ndarray] = {}
    for path, name in zip(map(Path, paths), ("states", "items")):
        require(path.is_file(), f"there is no file {path}")
        try:
            with path.open("rb") as stream:
                content = np.load(stream, allow_pickle=False)
                found |= {name: content} if isinstance(content, np.ndarray) else dict(content)
        except Exception as error:  # noqa: BLE001
            objects = "bject arrays" in str(error) or "pickle" in str(error)
            said = "holds Python objects, which are never loaded, or is no file of NumPy's" if objects else "is damaged, or too large for this machine"
            raise UserError(f"{path.name} {said}: expected arrays of numbers") from None
    expected = "expected one .npz with the arrays states and items, or states.npy and items.npy"
    require({"states", "items"} <= set(found), f"{Path(paths[0]).name} has only {', '.join(found) or 'no array'}: {expected}")
    return found["states"], found["items"]


def sample_network(path: Path | str, task: str | None = None, trials: int = 200, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Run a network on random trials of its task; return states (time, trials, hidden), and items (trials, dims) to be kept.
    For the copy task the item is the first symbol, and the states end when it is due."""
    checkpoint = read_checkpoint(path)
    if "network" in checkpoint.configuration:
        network, plan, _ = read_sequence_network(path)
        known = plan.make_task_at_hand()
        if isinstance(known, CopyTask):
            require(task is None, f"{path} was trained on {plan.task}: leave out --task")
            inputs = known.draw_test(trials).inputs
            with torch.no_grad():
                return network.run(inputs)[: known.wait + 11].numpy(), inputs[0, :, 1:-1].numpy()
        require(isinstance(known, SystemTask), f"{path} was trained on {plan.task}: expected copy:WAIT or hds:H,TASK")
        return sample_history(SequenceSystem(network), parse_task(task) if task else known.system, trials, seed, known.corrected)
    require(checkpoint.unfit is None, f"{path} cannot be run on a task: {checkpoint.unfit}")
    delay, name = checkpoint.configuration.get("delay"), task or checkpoint.task
    if task is None and isinstance(delay, int):
        reading = str(checkpoint.configuration.get("reading", "channel"))
        return sample_pulse(checkpoint.system, delay, trials, seed, reading)
    require(name is not None, f"{path} does not say which task it was trained on: name it with --task")
    return sample_history(checkpoint.system, parse_task(name), trials, seed)


def sample_history(system: StateSystem, task: HDS, trials: int = 200, seed: int = 0, correct: bool = False) -> Sample:
    """Run a network on random histories of a signed selection and 2s more steps: states, and at most eight components to keep."""
    history = draw_binary_history(task, trials, seed).astype(float)
    states = sample_states(system, task, trials, 2 * task.history, seed, correct=correct).states
    # The components that outputs after these 2s steps still depend on; the network may forget the others.
    kept = np.unique(make_selection_table(task, 4 * task.history).index[2 * task.history :])
    return states, history.reshape(trials, -1)[:, kept[:: -(-len(kept) // 8)]]


def sample_pulse(system: ElmanSystem, delay: int, trials: int = 200, seed: int = 0, reading: str = "channel") -> Sample:
    """Run a flip-flop on random pulses and a last one on its first channel: 32 states from then on, and the pulse's sign."""
    pulses = draw_pulses(FlipFlop(delay, reading=reading), "test", seed, trials, 0, 150)
    fed = np.concatenate([pulses, np.zeros((11 + 3 * delay, trials, 3))])
    fed[-1, :, 0] = np.random.default_rng(seed).choice([-1.0, 1.0], trials)
    return system.run(np.zeros((trials, system.hidden)), 31, fed)[-32:], fed[-1, :, :1]
