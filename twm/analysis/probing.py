"""Where states and an item come from: a recording in a file, or a network on record that is run on its task."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from twm.analysis.decoding import Decoding
from twm.analysis.report import OtherNetwork, read_checkpoint
from twm.analysis.systems import SequenceSystem, StateSystem
from twm.errors import UserError, require
from twm.tasks.flip_flop import FlipFlop, draw_pulses
from twm.tasks.sequences import CopyTask, SystemTask
from twm.theory.systems import HDS, draw_binary_history, make_selection_table, parse_task
from twm.training.sequence_model import read_sequence_network

#: Steps of a flip-flop that are probed, the pulse's own included.
PULSE_STEPS = 32
_ENDINGS = (".npz", ".npy")


def read_recording(paths: Sequence[Path | str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Read states and items from an .npz, or from two .npy files in this order; None where the file is neither."""
    paths = [Path(path) for path in paths]
    if len(paths) == 1 and paths[0].suffix not in _ENDINGS:
        return None
    expected = "expected one .npz with the arrays states and items, or two .npy files, states and then items"
    endings = [path.suffix for path in paths]
    require(endings in ([".npz"], [".npy", ".npy"]), f"{', '.join(map(str, paths))}: {expected}")
    found = [_read_arrays(path) for path in paths]
    lost = [name for name in ("states", "items") if len(paths) == 1 and name not in found[0]]
    listed = ", ".join(sorted(found[0])) or "none"
    require(not lost, f"{paths[0].name} has no array {' and no array '.join(lost)}, only {listed}: {expected}")
    return (found[0]["states"], found[0]["items"]) if len(paths) == 1 else (found[0][""], found[1][""])


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    require(path.is_file(), f"there is no file {path}")
    try:
        content = np.load(path, allow_pickle=False)
        return {"": content} if isinstance(content, np.ndarray) else dict(content)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        objects = "Object arrays" in str(error) or "pickle" in str(error)
        said = "holds Python objects, which are never loaded: save arrays of numbers" if objects else "is damaged"
        raise UserError(f"{path.name} {said}") from None


def sample_network(
    path: Path | str, task: str | None = None, trials: int = 200, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Run a network on random trials of its task: states (time, trials, hidden), and items (trials, dims) it has to keep.

    Of T1 and its kin at most eight components of the history, over two periods; of copy the first symbol, until it is due;
    of the flip-flop the sign of one pulse on the first channel, after others, for 32 steps.
    """
    try:
        checkpoint = read_checkpoint(path)
    except OtherNetwork as refusal:
        try:
            network, plan, _ = read_sequence_network(path)
        except UserError:
            raise refusal from None
        known = plan.make_task_at_hand()
        if isinstance(known, CopyTask):
            inputs = known.draw_test(trials).inputs
            with torch.no_grad():
                return network.run(inputs)[: known.wait + 11].numpy(), inputs[0, :, 1:-1].numpy()
        require(isinstance(known, SystemTask), f"{Path(path).name} was trained on {plan.task}: expected copy:T or hds:H,TASK")
        return _sample_history(SequenceSystem(network), parse_task(task) if task else known.system, trials, seed)
    delay = checkpoint.configuration.get("delay")
    if task is None and isinstance(delay, int):
        warm = draw_pulses(FlipFlop(delay), "test", seed, trials, 0, 160 + 3 * delay)
        warm[150:] = 0
        pulse = np.zeros_like(warm[:1])
        pulse[0, :, 0] = signs = np.random.default_rng(seed).choice([-1.0, 1.0], trials)
        start, fed = np.zeros((trials, checkpoint.system.hidden)), np.concatenate([warm, pulse])
        return checkpoint.system.run(start, PULSE_STEPS - 1, fed)[-PULSE_STEPS:], signs[:, None]
    name = task or checkpoint.task
    require(name is not None, f"{Path(path).name} does not say which task it was trained on: name it with --task")
    return _sample_history(checkpoint.system, parse_task(name), trials, seed)


def _sample_history(system: StateSystem, task: HDS, trials: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    require(system.dim == task.dim, f"the network has {system.dim} inputs, the task {task.name} needs {task.dim}")
    history = draw_binary_history(task, trials, seed)
    fed = np.asarray(history, float).swapaxes(0, 1)
    states = system.run(np.zeros((trials, system.hidden)), 2 * task.history, fed)[task.history - 1 :]
    # What outputs two periods later still depend on; the rest may be forgotten.
    kept = np.unique(make_selection_table(task, 4 * task.history).index[2 * task.history :])
    return states, history.reshape(trials, -1)[:, kept[:: -(-len(kept) // 8)]]


def describe_decoding(found: Decoding) -> list[str]:
    """Return span and movement, with intervals and the control, as lines of text."""
    lines = [f"{found.steps} steps, {found.trials} trials, {found.units} units"]
    for name, said in (("movement", "0: a register, 1: a wave"), ("span", f"steps of {found.steps} with a readable item")):
        value, low, high = getattr(found, name)
        numbers = "none: too few steps are readable" if value is None else f"{value:.2f}  ({low:.2f} to {high:.2f})"
        lines.append(f"{name:9} {numbers}   {said}")
    movement, span = found.shuffled
    lines.append(f"shuffled  span {span:.2f}, movement " + ("none" if movement is None else f"{movement:.2f}"))
    return [*lines, f"best R^2  {found.r2.diagonal().max():.2f}, by chance {found.chance:.2f}"]
