"""Networks to analyse, by the plan that they were trained by: from the records, or trained here and now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twm.analysis.checkpoints import Checkpoint, read_checkpoint
from twm.analysis.records import list_rows
from twm.analysis.report import Analysis
from twm.basis import ElmanSystem
from twm.hds import HDS, make_repeat_copy
from twm.operators import make_basis, make_wave_operator, transform_operator
from twm.paths import results_dir
from twm.training import ModelPlan, train_model


@dataclass(frozen=True, eq=False)
class Subject:
    """A network to analyse.

    Attributes:
        name: its name.
        system: its weights.
        task: its task.
        configuration: how it came about.
    """

    name: str
    system: ElmanSystem
    task: HDS
    configuration: dict[str, Any] = field(default_factory=dict)


def gather_subject(plan: ModelPlan, reuse: bool) -> Subject | None:
    """Take a network from the book's records, or train it.

    Args:
        plan: which network.
        reuse: whether to take it from the records; nothing is trained then.

    Returns:
        the network, or ``None`` where the records lack it or training gave no finite weights.

    Raises:
        UserError: if the file on record is damaged.
    """
    if not reuse:
        trained = train_model(plan)
        if trained.weights is None:
            return None
        said = {
            "task": plan.task,
            **{key: trained.row.get(key) for key in ("l2", "seed", "init", "iterations", "accuracy")},
        }
        weights = (trained.weights.recurrent, trained.weights.encoder, trained.weights.readout)
        return Subject(
            plan.name, ElmanSystem(*(part.detach().double().cpu().numpy() for part in weights)), plan.system, said
        )
    path = results_dir() / "networks" / f"{plan.name}.safetensors"
    if not path.exists():
        return None
    found = read_checkpoint(path)
    return Subject(plan.name, found.system, plan.system, dict(found.configuration))


def construct_subject(history: int, dim: int, hidden: int, gain: float, seed: int) -> Subject:
    """Construct a tanh network of repeat copy from the theory alone, where there is no time to train one.

    Args:
        history, dim: of the task.
        hidden: neurons.
        gain: interaction strength, above 1 so that tanh holds the contents.
        seed: of the orthonormal basis.
    """
    task = make_repeat_copy(history, dim)
    basis = make_basis(task.size, hidden, "orthonormal", seed=seed)
    recurrent = gain * transform_operator(make_wave_operator(task.matrix), basis)
    system = ElmanSystem(recurrent, basis.basis[:, -dim:], basis.dual_basis[-dim:])
    return Subject(f"constructed, {task.name}", system, task, {"seed": seed})


def tabulate_analyses(subjects: Sequence[Subject], analyses: Sequence[Analysis]) -> list[dict[str, str]]:
    """Return rows of analyses as text, as a table on record would hold them.

    Args:
        subjects: the networks.
        analyses: theirs, each with interventions at step 0 first.
    """
    rows = []
    for subject, analysis in zip(subjects, analyses):
        checkpoint = Checkpoint(subject.system, subject.task.name, subject.configuration)
        for row in list_rows(subject.name, checkpoint, analysis):
            rows.append({key: "" if value is None else str(value) for key, value in row.items()})
    return rows


def worst(rows: Sequence[dict[str, str]], column: str, least: bool = True) -> float:
    """Return the least, or the largest, entry of a column of rows; empty cells are left out.

    Args:
        rows: of a table of analyses.
        column: its name.
        least: the least entry, or the largest.
    """
    values = np.array([float(row[column]) for row in rows if row[column] != ""])
    return float(values.min() if least else values.max())
