"""The report of ``twm analyse`` on a network, and the analyses of many networks as a table."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from twm.analysis.analyses import SETTLED_STEPS, STEPS, Analysis, Findings, MachineAnalysis
from twm.analysis.analyses import analyse_network, measure_settled_basis
from twm.analysis.files import read_boundary
from twm.analysis.interventions import InterventionShares
from twm.analysis.judging import transform_to_memories
from twm.analysis.networks import Checkpoint, read_checkpoint
from twm.analysis.recovery import sample_states
from twm.analysis.systems import ElmanSystem
from twm.errors import UserError, require
from twm.models.elman import read_weights
from twm.paths import results_dir
from twm.records import Table, describe_host
from twm.theory.pictures import text_to_states
from twm.theory.spectra import THRESHOLD
from twm.theory.systems import HDS, parse_task
from twm.training.loop import train_model
from twm.training.plans import ModelPlan

# Columns of the table of analyses, one row per network and method.
_COLUMNS = (
    "network", "task", "hidden", "l2", "seed", "init", "iterations", "recorded_accuracy", "accuracy", "rank_theory",
    "rank_network", "argument_error", "converged", "method", "relative_error", "relative_error_orbit", "support_match",
    "support_match_weights", "encoding_r2", "explained", "readout_newest", "readout_others", "condition", "changed",
    "unchanged", "changed_at_0", "unchanged_at_0", "own_changed", "own_unchanged", "own_changed_at_0", "into_memories",
    "out_of_memories", "complement_radius", "into_orthogonal", "out_of_orthogonal", "orthogonal_radius", "slow_pairs",
    "steps", "device", "torch", "commit", "date",
)  # fmt: skip
# The same for one steady-state basis, one row per network.
_SETTLED_COLUMNS = (
    "network", "task", "hidden", "l2", "seed", "init", "iterations", "accuracy", "rank_theory", "rank_network", "cluster_least",
    "cluster_most", "variables", "wrong_signs", "support_weights", "support_orbit", "explained", "encoding_r2_60",
    "encoding_r2_200", "output_r2", "best_neuron", "clear_neurons",
    *(f"{name}_{step}" for name in ("changed", "unchanged") for step in SETTLED_STEPS),
    "device", "torch", "commit", "date",
)  # fmt: skip
_TEXTS = ("network", "task", "init", "method", "steps", "device", "torch", "commit", "date")


def choose_task(checkpoint: Checkpoint, text: str | None) -> HDS | None:
    """Return the task named by a text or a boundary matrix file, else the network's own linear task, or None if unknown."""
    require(text is None or checkpoint.unfit is None, f"it cannot do a task: {checkpoint.unfit}")
    if text is not None:
        return read_boundary(text) if text.endswith((".npy", ".csv")) else parse_task(text)
    with suppress(UserError):
        own = parse_task(str(checkpoint.task))
        return own if own.matrix is not None and not checkpoint.unfit else None


def describe_checkpoint(checkpoint: Checkpoint, found: Findings | None, survey: Mapping[str, Any]) -> list[str]:
    """Return the results on a network, with a task or from a survey without one, and the reader's notes as lines of text."""
    if isinstance(found, Analysis):
        lines = describe_analysis(found)
    elif isinstance(found, MachineAnalysis):
        basis = ["", f"least R^2 of a variable, read in the directions of the step   {found.step_r2.min():.3g}",
                 f"in one basis for all steps                                    {found.settled.least_r2:.3g}",
                 f"outputs that follow a swap in the directions of a neighbour   {found.elsewhere:.4f}"]  # fmt: skip
        lines = _describe(found, f"numbers of state, {checkpoint.kind}, linearised along the orbit", basis)
    else:
        slow, kind = [complex(*pair) for pair in survey["eigenvalues"]], f"{survey['hidden']} numbers of state, {checkpoint.kind}"
        lines = [f"{kind}, task {checkpoint.task or 'not named'}: nothing is said about variables",
                 f"eigenvalues {survey['linearised']}: the largest {survey['radius']:.4f}, {len(slow)} beyond {THRESHOLD}"]  # fmt: skip
        lines += [f"{abs(value):.4f} at {np.angle(value):+.4f} rad" for value in slow[:16]] + ["..."] * (len(slow) > 16)
    kinds = Counter(f"{one['type']} {'fixed' if one['fixed'] else 'slow'}" for one in survey.get("points", ()))
    told = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"
    return [*lines, *[f"points without input: {told}"] * ("points" in survey), *checkpoint.notes]


def _describe(found: Findings, kind: str, basis: Sequence[str]) -> list[str]:
    """Return results as lines of text around the given lines on the basis."""
    spectrum, error = found.spectrum, found.spectrum.argument_error
    least, settled = found.interventions.summarise(), found.interventions_settled.summarise()
    steps, later = (", ".join(map(str, one["steps"])) for one in (least, settled))
    return [
        f"task {found.task.name}, {found.hidden} {kind}",
        f"accuracy over 200 output steps   {found.accuracy:.4f}",
        f"eigenvalues beyond {spectrum.threshold:g}           {spectrum.rank_network}, theory {spectrum.rank_theory}",
        "argument error                   " + ("none: the ranks differ" if error is None else f"{error:.4f} rad"),
        *basis,
        "",
        f"swapping a variable {steps} steps after the input phase, in the directions of that step, at the least:",
        f"{least['changed']:.4f} of the outputs that must change follow, {least['unchanged']:.4f} of the others stay",
        f"the same after {later} steps, in one basis for all, with contents read off:",
        f"{settled['changed']:.4f} follow, {settled['unchanged']:.4f} stay",
    ]


def describe_analysis(analysis: Analysis) -> list[str]:
    """Return an analysis as lines of text."""
    verdict = "not converged: what follows is no evidence for or against the theory"
    if analysis.converged:
        verdict = "converged: right, and of the rank that theory predicts"
    elif analysis.accuracy >= 0.999 and analysis.spectrum.rank_network < analysis.spectrum.rank_theory:
        verdict = "compressed: right, and of lower rank; variables cannot all be read off linearly"
    head = "basis           rel. error  along orbit   support   least R^2   explained   swaps followed, others kept"
    lines = [verdict, "", head]
    for method, figures in analysis.figures.items():
        own = analysis.settled[method].summarise()
        lines.append(
            f"{method:14} {figures.relative_error:11.3g} {figures.relative_error_orbit:12.3g} {figures.support_match:9.4f} "
            f"{figures.least_r2:11.3g} {figures.explained:11.3g}   {own['changed']:.4f}, {own['unchanged']:.4f}"
        )
    lines += [f"{method:14} none: {reason}" for method, reason in analysis.failures.items()]
    point = "at a fixed point that is not zero" if analysis.linear.point.any() else "at rest"
    lines = _describe(analysis, f"hidden neurons, linearised {point}", lines)
    if unread := len(next(iter(analysis.bases.values())).unread):
        lines.append(f"{unread} of {analysis.task.size} coordinates are never read by f; nothing is said about them")
    return lines


class Subject(NamedTuple):
    """A network to analyse."""

    name: str
    system: ElmanSystem
    task: HDS
    configuration: Mapping[str, Any] = MappingProxyType({})  # training settings


def gather_subject(plan: ModelPlan, reuse: bool) -> Subject | None:
    """Load a network from the saved results, or train it; return None if it is not saved or training diverged."""
    if reuse:
        path = results_dir() / "networks" / f"{plan.name}.safetensors"
        found = read_checkpoint(path) if path.exists() else None
        return found and Subject(plan.name, found.system, plan.system, found.configuration)
    trained = train_model(plan)
    if trained.weights is None:
        return None
    said = {key: trained.row.get(key) for key in ("l2", "seed", "init", "iterations", "accuracy")}
    system = ElmanSystem(*(part.detach().double().cpu().numpy() for part in trained.weights))
    return Subject(plan.name, system, plan.system, {"task": plan.task} | said)


def collect_panels(subject: Subject, analysis: Analysis, text: str | None = None) -> dict[str, Any]:
    """Compute the arguments of ``plot_decomposition`` in a network's regressed basis, for a text or a random history."""
    task, basis = subject.task, analysis.bases["regression"]
    initial = None if text is None else text_to_states(text)[None]
    sample = sample_states(subject.system, task, 1, 2 * task.history, seed=13, initial=initial)
    run = np.concatenate([sample.early[:, 0], sample.states[:, 0]])
    columns, dual = basis.basis @ sample.expansion, basis.dual_basis[sample.kept]
    across = np.zeros((subject.system.hidden, 0)) if analysis.complement is None else analysis.complement.basis
    operator = transform_to_memories(analysis.linear.recurrent, columns, dual, across)
    coordinates = [basis.coordinates[place] for place in sample.kept]
    return {"operator": operator, "spectrum": analysis.spectrum, "states": run,
            "waves": basis.read_waves(run)[:, sample.kept], "coordinates": coordinates,
            "history": task.history, "dim": task.dim}  # fmt: skip


def _list_rows(subject: Subject, analysis: Analysis) -> list[dict[str, Any]]:
    """Return an analysis, whose first interventions are at step 0, as rows of the table, one per method."""

    def split(shares: InterventionShares, prefix: str = "") -> dict[str, float]:
        parts = {"": slice(1, None), "_at_0": 0}
        pairs = {"changed": shares.changed, "unchanged": shares.unchanged}
        return {f"{prefix}{name}{end}": each[part].min() for end, part in parts.items() for name, each in pairs.items()}

    said, spectrum = subject.configuration, analysis.spectrum
    shared = {"network": subject.name, "task": analysis.task.name, "hidden": analysis.hidden,
        **{key: said.get(key) for key in ("l2", "seed", "init", "iterations")}, "recorded_accuracy": said.get("accuracy"),
        "accuracy": analysis.accuracy, "rank_theory": spectrum.rank_theory, "rank_network": spectrum.rank_network,
        "argument_error": spectrum.argument_error, "converged": int(analysis.converged),
        "slow_pairs": int((spectrum.network.imag > 1e-9).sum()), "steps": "-".join(map(str, analysis.interventions.steps[1:])),
    }  # fmt: skip
    rests = {("memories", "complement"): analysis.complement, ("orthogonal", "orthogonal"): analysis.orthogonal}
    rows = []
    for method in analysis.figures:
        row = shared | {"method": method} | analysis.list_figures(method) | split(analysis.settled[method], "own_")
        if method == "regression":
            row |= split(analysis.interventions)
            for (end, radius), rest in rests.items():
                names = f"into_{end}", f"out_of_{end}", f"{radius}_radius"
                row |= dict(zip(names, (rest.into_memories, rest.out_of_memories, rest.radius))) if rest else {}
        rows.append({name: None for name in _COLUMNS} | _shorten(row))
    return rows


def _shorten(row: Mapping[str, Any]) -> dict[str, Any]:
    """Round numbers to six digits, more than are meaningful for a trained network, to keep tables small."""
    return {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in row.items()}


def tabulate_analyses(subjects: Sequence[Subject], analyses: Sequence[Analysis]) -> list[dict[str, str]]:
    """Return the rows of analyses as text, as in the saved table."""
    rows = [row for pair in zip(subjects, analyses) for row in _list_rows(*pair)]
    return [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]


def _list_settled(subject: Subject) -> list[dict[str, Any]]:
    """Return the results of one steady-state basis of a network as the row of its table."""
    about = {key: subject.configuration.get(key) for key in ("l2", "seed", "init", "iterations")}
    about |= {"network": subject.name, "task": subject.task.name, "hidden": subject.system.hidden}
    return [about | _shorten(measure_settled_basis(subject.system, subject.task))]


#: The tables of saved networks: columns, and the function that computes a network's rows.
_TABLES = {
    "analysis": (_COLUMNS, lambda one: _list_rows(one, analyse_network(one.system, one.task, steps=(0, *STEPS)))),
    "settled_basis": (_SETTLED_COLUMNS, _list_settled),
}


def record_analyses(paths: Iterable[Path] | None = None, say: Callable[[str], None] = lambda line: None) -> int:
    """Analyse networks that the tables lack, by default all saved but snapshots, equal weights once; return the number added."""
    tables = {name: Table(results_dir() / f"{name}.csv", of[0], _TEXTS, ("network",)) for name, of in _TABLES.items()}
    known, first, added, others = {name: table.read_keys() for name, table in tables.items()}, {}, 0, 0
    for path in sorted((results_dir() / "networks").glob("*.safetensors")) if paths is None else paths:
        if path.stem.rpartition("_at")[2].isdigit():
            continue
        try:
            # Reading a sequence network builds its task, which is slow, so its configuration identifies it first.
            if "network" in read_weights(path)[1] or (found := read_checkpoint(path)).kind != "tanh":
                others += 1
                continue
            same = first.setdefault(found.system.recurrent.tobytes(), path.stem)
            require(same == path.stem, f"these are the weights of {same}")
            lacking = [name for name in tables if (path.stem,) not in known[name]]
            subject = Subject(path.stem, found.system, parse_task(found.task or ""), found.configuration)
            for name in lacking:
                tables[name].add([row | describe_host() for row in _TABLES[name][1](subject)])
                say(f"{path.stem}: {name}")
            added += bool(lacking)
        except UserError as error:
            say(f"{path.stem}: left out: {error}")
    if others:
        say(f"left out, for they are no Elman networks: {others} file{'s' * (others != 1)}")
    return added
