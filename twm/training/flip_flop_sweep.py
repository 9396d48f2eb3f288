"""The sweep behind the flip-flop's records: one network after another, to be stopped and resumed anywhere."""

import time
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from twm.errors import UserError, require
from twm.paths import find_commit
from twm.records import DamagedRecord, describe_host, read_rows, read_tensors, write_network, write_rows, write_tensors
from twm.sequence_tasks import FlipFlop
from twm.training.flip_flop import FlipFlopPlan, FlipFlopTrainer, score_flip_flop
from twm.training.places import Place, Say, has_runs, lock_place, make_sweep_place, remove_leftovers, set_aside
from twm.training.runner import Outcome, interrupt_once

#: Name of the sweep and of its tables.
FLIP_FLOP_SWEEP = "flipflop"
#: What it is for, in a line.
FLIP_FLOP_ABOUT = "mem: the 3-bit flip-flop; delays 0 and 8 over five seeds, other delays, other readings"
#: Steps over which a trained network is scored: streams side by side and steps of each.
TEST_SIZE = (20, 5000)
#: A table of flip-flop networks: its columns and what they mean.
FLIP_FLOP_COLUMNS: dict[str, str] = {
    "model": "name; two rows have one name only if they are the same network",
    "task": "flip-flop:DELAY, and the reading where it is not one pulse in 50 steps a channel",
    "hidden": "hidden neurons",
    "l2": "weight decay: none",
    "seed": "of data and initial weights",
    "init": "how initial weights were drawn",
    "curriculum": "none",
    "delay": "steps from a pulse to its due step",
    "reading": "what the mean interval is counted over",
    "unfold": "steps that the gradient goes back",
    "learning_rate": "Adam's step",
    "drop_at": "last update before it becomes a tenth",
    "iterations": "updates made",
    "accuracy": "share of right signs outside two steps from a due step on, over 100,000 steps, kept weights",
    "waiting": "the same on the steps on which a pulse of the other sign is on its way; empty without a delay",
    "overall": "the same over all steps",
    "accuracy_other": "accuracy where pulses come at the interval of the other reading",
    "waiting_other": "waiting there",
    "checkpoint": "update of the kept weights: the best test, of equal ones the latest",
    "iterations_to_99": "first test with accuracy and waiting of at least 0.99; empty if none",
    "diverged_at": "test at which weights were no longer finite; empty if that did not happen",
    "rank_theory": "empty: no theory gives this network a spectrum",
    "rank_network": "eigenvalues of W with a magnitude above 0.9",
    "argument_error": "empty, as rank_theory",
    "seconds": "training and testing",
    "device": "where",
    "torch": "version",
    "commit": "of this project; with + where files were changed",
    "date": "day on which the network was done",
}
_CURVE_COLUMNS = ("model", "iteration", "loss", "accuracy", "waiting")
_TEXTS = ("model", "task", "init", "curriculum", "reading", "device", "torch", "commit", "date")
_KIND = "flip-flop checkpoint"
_SAY_SECONDS = 60.0


@cache
def _read_commit() -> str:
    # That of the first call: a sweep of an hour must not name a commit that was made while it ran.
    return find_commit()


def list_flip_flop_plans(seeds: Iterable[int] | None = None) -> list[FlipFlopPlan]:
    """Return the networks of the sweep, seed by seed.

    Args:
        seeds: by default 0 to 4 for delays 0 and 8, and 0 for all else; given, only these.

    Source: mem Sec. 3, Fig. 6 (delays 0 and 8, 10 steps); the other delays, readings and 20 steps are additions.
    """
    singles = [FlipFlopPlan(delay) for delay in (2, 4, 6, 10, 12, 14, 16)]
    singles += [FlipFlopPlan(delay, reading="network") for delay in (0, 8)]
    # Longer unfolding tells whether a long delay fails for want of room or for want of a gradient.
    singles += [FlipFlopPlan(delay, unfold=20) for delay in (8, 12, 16)]
    plans = []
    for seed in range(5) if seeds is None else seeds:
        plans += [FlipFlopPlan(delay, seed) for delay in (0, 8)]
        plans += singles if seed == 0 else []
    return plans


def main_flip_flops() -> list[str]:
    """Return the names of the networks that the page looks into: delays 0 and 8 over five seeds, as in the paper."""
    return [FlipFlopPlan(delay, seed).name for delay in (0, 8) for seed in range(5)]


def make_flip_flop_place() -> Place:
    """Return where the sweep leaves its records.

    Raises:
        UserError: if there is no clone.
    """
    return make_sweep_place(FLIP_FLOP_SWEEP)


def read_flip_flops(path: Path | str) -> list[dict[str, Any]]:
    """Read the table of the sweep.

    Returns:
        rows by :data:`FLIP_FLOP_COLUMNS`, numbers as numbers and empty cells as ``None``; none if there is no table.

    Raises:
        UserError: if the table is damaged, or from another version.
    """
    rows = read_rows(path)
    if rows:
        odd = sorted(set(rows[0]) ^ set(FLIP_FLOP_COLUMNS))
        require(not odd, f"{path} comes from another version: it differs in {', '.join(odd)}; move it away")
    return [{key: _read_value(key, text) for key, text in row.items()} for row in rows]


def _read_value(column: str, text: str) -> Any:
    if column in _TEXTS:
        return text
    if text == "":
        return None
    return float(text) if not text.lstrip("-").isdigit() else int(text)


def train_flip_flops(
    plans: Sequence[FlipFlopPlan],
    place: Place,
    resume: bool = False,
    checkpoint_seconds: float = 30.0,
    say: Say = print,
) -> Outcome:
    """Train networks one after another on one core, and record a row, a curve and a network for each.

    Args:
        plans: one a network; those on record are left as they are.
        place: where to leave what comes out.
        resume: go on with what is in the place; without it a place with runs is refused.
        checkpoint_seconds: time between checkpoints.
        say: where lines go.

    Returns:
        the outcome. Ctrl-C and a request to terminate stop the sweep with its state kept.

    Raises:
        UserError: if there is nothing to train, a network is asked for twice, the place is in use or has runs without
            ``resume``, or its table is damaged or from another version.
    """
    names = [plan.name for plan in plans]
    require(len(names) > 0, "there is no network to train: give at least one seed")
    require(len(set(names)) == len(names), "a network is asked for twice")
    require(checkpoint_seconds > 0, f"checkpoint-seconds must be positive, not {checkpoint_seconds:g}")
    refused = has_runs(place) and not resume
    require(not refused, f"{place.rows} or {place.work} has runs in it: add --resume to go on, or choose another place")
    _read_commit()
    outcome = Outcome()
    with lock_place(place):
        remove_leftovers(place)
        known = {row["model"] for row in read_flip_flops(place.rows)}
        try:
            with interrupt_once():
                for plan in plans:
                    if plan.name not in known:
                        _train_one(plan, place, checkpoint_seconds, say)
        except KeyboardInterrupt:
            outcome.stopped = True
    outcome.rows = [row for row in read_flip_flops(place.rows) if row["model"] in names]
    return outcome


def _train_one(plan: FlipFlopPlan, place: Place, checkpoint_seconds: float, say: Say) -> None:
    path = place.find_checkpoint(plan.name)
    trainer = _load(FlipFlopTrainer(plan), path, say)
    kept = told = time.monotonic()

    def pulse(current: FlipFlopTrainer) -> bool:
        nonlocal kept, told
        now = time.monotonic()
        if now - kept >= checkpoint_seconds:
            write_tensors(path, _KIND, *current.state())
            kept = now
        if now - told >= _SAY_SECONDS:
            told = now
            score = f", accuracy {current.curve[-1][2]:.4f}" if current.curve else ""
            say(f"{plan.name}: {current.iteration} of {plan.iterations} updates{score}")
        return True

    # An interrupt may come in the middle of an update: then the checkpoint before it, which is whole, stays.
    trainer.train(pulse)
    row = _record(trainer, place)
    path.unlink(missing_ok=True)
    say(f"{plan.name}: accuracy {row['accuracy']:.4f}, {row['iterations']} updates, {row['seconds']:.0f} s")


def _load(trainer: FlipFlopTrainer, path: Path, say: Say) -> FlipFlopTrainer:
    try:
        trainer.load(*read_tensors(path, _KIND))
    except FileNotFoundError:
        pass
    except (DamagedRecord, UserError, KeyError, TypeError, RuntimeError) as error:
        say(
            f"{path.name} cannot be gone on from ({error}); set aside as {set_aside(path).name}, the network starts anew"
        )
        return FlipFlopTrainer(trainer.plan)
    return trainer


def make_flip_flop_row(trainer: FlipFlopTrainer) -> dict[str, Any]:
    """Score a network that has ended on 100,000 steps, and make its row by :data:`FLIP_FLOP_COLUMNS`."""
    import torch

    plan, weights = trainer.plan, trainer.best()
    other = FlipFlop(plan.delay, reading="network" if plan.reading == "channel" else "channel")
    own, elsewhere = (score_flip_flop(weights, task, 0, *TEST_SIZE) for task in (plan.task, other))
    reached = (point[0] for point in trainer.curve if min(point[2], point[3]) >= 0.99)
    row: dict[str, Any] = {
        "model": plan.name,
        "task": plan.task.name,
        "l2": 0.0,
        "init": "uniform",
        "curriculum": "none",
        **{name: getattr(plan, name) for name in ("hidden", "seed", "delay", "reading", "unfold", "learning_rate", "drop_at")},
        "iterations": trainer.iteration,
        "accuracy": own.settled,
        "waiting": own.waiting if plan.delay else None,
        "overall": own.overall,
        "accuracy_other": elsewhere.settled,
        "waiting_other": elsewhere.waiting if plan.delay else None,
        "checkpoint": trainer.checkpoint,
        "iterations_to_99": next(reached, None),
        "diverged_at": trainer.diverged_at,
        "rank_network": int((torch.linalg.eigvals(weights.recurrent.double()).abs() > 0.9).sum()),
        "seconds": round(trainer.seconds, 1),
        **describe_host(),
        "commit": _read_commit(),
    }  # fmt: skip
    for name in ("accuracy", "waiting", "overall", "accuracy_other", "waiting_other"):
        row[name] = None if row[name] is None else round(row[name], 6)
    return {name: row.get(name) for name in FLIP_FLOP_COLUMNS}


def _record(trainer: FlipFlopTrainer, place: Place) -> dict[str, Any]:
    """Write network, curve and row, in this order: a row tells that all else is there; return the row."""
    plan, row = trainer.plan, make_flip_flop_row(trainer)
    about = plan.describe() | {"task": plan.task.name}
    about |= {key: row[key] for key in ("accuracy", "checkpoint", "torch", "commit", "date")}
    write_network(place.networks / f"{plan.name}.safetensors", trainer.best(), about)
    order = {each.name: rank for rank, each in enumerate(list_flip_flop_plans())}

    def rank(name: str) -> tuple[int, str]:
        return order.get(name, len(order)), name

    points = [point for point in read_rows(place.curves) if point["model"] != plan.name]
    points += [dict(zip(_CURVE_COLUMNS, (plan.name, *point))) for point in trainer.curve]
    write_rows(place.curves, sorted(points, key=lambda point: rank(point["model"])), _CURVE_COLUMNS)
    rows = [old for old in read_flip_flops(place.rows) if old["model"] != plan.name] + [row]
    write_rows(place.rows, sorted(rows, key=lambda each: rank(each["model"])), list(FLIP_FLOP_COLUMNS))
    return row


def list_flip_flop_sweep() -> dict[str, Any]:
    """Tell what is on record and what waits, in the form of :func:`twm.training.list_sweeps`.

    Raises:
        UserError: if there is no clone.
    """
    place, plans = make_flip_flop_place(), list_flip_flop_plans()
    try:
        problem, known = None, {row["model"] for row in read_flip_flops(place.rows)}
    except UserError as error:
        problem, known = str(error), set()
    missing = [plan for plan in plans if plan.name not in known]
    return {
        "name": FLIP_FLOP_SWEEP,
        "about": FLIP_FLOP_ABOUT,
        "file": "/".join(place.rows.parts[-3:]),
        "models": len(plans),
        "on_record": len(plans) - len(missing),
        "waiting": len(missing),
        "begun": len(list(place.work.glob("*.checkpoint"))) if place.work.exists() else 0,
        "whole_seeds": [seed for seed in range(5) if seed not in {plan.seed for plan in missing}],
        "problem": problem,
    }
