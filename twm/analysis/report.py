"""What ``twm analyse`` tells about a network, and the analyses of many networks as a table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from twm.analysis.checkpoints import OtherNetwork, read_checkpoint
from twm.analysis.interventions import InterventionShares, interchange_variable, try_interventions
from twm.analysis.judging import (
    BasisFigures, Complement, ContentFigures, find_complement, judge_basis, judge_content, transform_to_memories,
)  # fmt: skip
from twm.analysis.recovery import METHODS, RecoveredBasis, recover_basis, regress_basis, sample_states
from twm.analysis.systems import ElmanSystem, Linearisation, SequenceSystem, StateSystem, linearise_system
from twm.errors import UserError, require
from twm.paths import results_dir
from twm.records import Table, describe_host
from twm.theory.bases import make_basis, transform_operator
from twm.theory.operators import make_wave_operator
from twm.theory.pictures import text_to_states
from twm.theory.spectra import SpectrumComparison, compare_with_theory
from twm.theory.systems import HDS, make_repeat_copy, parse_task
from twm.training.plans import ModelPlan
from twm.training.results import train_model

#: Steps after the input phase at which an analysis intervenes.
STEPS = (1, 2, 4, 8)
#: Columns of the table of analyses, one row a network and method.
ANALYSIS_COLUMNS = (
    "network", "task", "hidden", "l2", "seed", "init", "iterations", "recorded_accuracy", "accuracy", "rank_theory",
    "rank_network", "argument_error", "converged", "method", "relative_error", "relative_error_orbit", "support_match",
    "support_match_weights", "encoding_r2", "explained", "readout_newest", "readout_others", "condition", "changed",
    "unchanged", "changed_at_0", "unchanged_at_0", "own_changed", "own_unchanged", "own_changed_at_0", "into_memories",
    "out_of_memories", "complement_radius", "into_orthogonal", "out_of_orthogonal", "orthogonal_radius", "slow_pairs",
    "steps", "device", "torch", "commit", "date",
)  # fmt: skip
_TEXTS = ("network", "task", "init", "method", "steps", "device", "torch", "commit", "date")


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is found about an Elman network."""

    task: HDS
    hidden: int  # number of hidden neurons
    accuracy: float  # share of right signs over 200 output steps
    linear: Linearisation  # at rest or at a fixed point
    spectrum: SpectrumComparison  # eigenvalues beside theory's
    bases: dict[str, RecoveredBasis]  # by every method that gave one
    figures: dict[str, BasisFigures]  # how each holds
    complement: Complement | None  # what the regressed memories do not explain; None where they fill the hidden space
    orthogonal: Complement | None  # the same at right angles to them, as in the papers, not where the dual is blind
    interventions: InterventionShares  # by the directions of the step itself, found by regression
    settled: dict[str, InterventionShares]  # by each method's own basis, contents read by its dual
    failures: dict[str, str]  # methods that gave no basis, and why

    @property
    def converged(self) -> bool:
        """Whether the network is right to 0.999 and has the rank that theory predicts."""
        return self.accuracy >= 0.999 and self.spectrum.rank_network == self.spectrum.rank_theory

    def list_figures(self, method: str) -> dict[str, float]:
        """Return by name how a method's basis holds."""
        names = ("relative_error", "relative_error_orbit", "support_match", "support_match_weights", "explained",
            "readout_newest", "readout_others")  # fmt: skip
        figures = self.figures[method]
        found = {name: getattr(figures, name) for name in names}
        return found | {"encoding_r2": figures.least_r2, "condition": self.bases[method].condition}

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON can hold it."""
        return {
            "task": self.task.name,
            "hidden": self.hidden,
            "accuracy": self.accuracy,
            "converged": self.converged,
            "linearised": "at a fixed point" if self.linear.point.any() else "at rest",
            "rank": {"theory": self.spectrum.rank_theory, "network": self.spectrum.rank_network},
            "argument_error": self.spectrum.argument_error,
            "needed": list(next(iter(self.bases.values())).coordinates or ()),
            "basis": {
                method: self.list_figures(method) | {"interventions": self.settled[method].summarise()}
                for method in self.figures
            },
            "failed": self.failures,
            "interventions": self.interventions.summarise(),
        }


def analyse_network(
    system: ElmanSystem, task: HDS, methods: Sequence[str] = METHODS, steps: Sequence[int] = STEPS,
    count: int = 512, seed: int = 0,
) -> Analysis:  # fmt: skip
    """Analyse a trained network: does it carry the wave of its task, where, and does it use it?

    The task is a signed selection. The regression uses ``count`` histories; a quarter as many fresh ones judge it, 64 at
    least. Variables are swapped at ``steps`` after the input phase; 0 is its end.
    """
    states = f"the task {task.name} has states of dim {task.dim}: choose another with --task"
    require(system.dim == task.dim, f"the network has {system.dim} inputs, {states}")
    selects = bool(np.isin(task.matrix, (-1, 0, 1)).all() and (np.abs(task.matrix).sum(axis=1) == 1).all())
    require(selects, f"{task.name} is no signed selection: it does not keep states of -1 and 1 so")
    linear = linearise_system(system)
    horizon = max(60, 4 * task.history, *steps)
    fitted = sample_states(system, task, count, horizon, 2 * seed)
    fresh = sample_states(system, task, max(64, count // 4), horizon, 2 * seed + 1)
    bases, figures, settled, failures = {}, {}, {}, {}
    for method in methods:
        try:
            basis = recover_basis(system, task, method, fitted, linear)
        except (UserError, np.linalg.LinAlgError) as error:
            failures[method] = str(error)
            continue
        bases[method], figures[method] = basis, judge_basis(system, basis, fresh, linear)
        settled[method] = try_interventions(system, fresh, steps, lambda step, basis=basis: basis, "read")
    require(bool(bases), f"no basis at all: {'; '.join(failures.values())}")

    def regress_at(step: int) -> RecoveredBasis:
        return recover_basis(system, task, "regression", fitted, linear, at=step)

    usual = bases.get("regression") or next(iter(bases.values()))
    spare = system.hidden > usual.rank_theory
    upright = replace(usual, dual_basis=np.linalg.pinv(usual.basis))
    rests = (find_complement(system, basis, fresh, linear) if spare else None for basis in (usual, upright))
    return Analysis(
        task, system.hidden, _measure_accuracy(system, task, 2 * seed + 1), linear,
        compare_with_theory(linear.recurrent, task), bases, figures, *rests,
        try_interventions(system, fresh, steps, regress_at, "theory"), settled, failures,
    )  # fmt: skip


def _measure_accuracy(system: StateSystem, task: HDS, seed: int, count: int = 256) -> float:
    """Return the share of outputs with the right sign over an output phase of 200 steps."""
    sample = sample_states(system, task, count, 200, seed)
    outputs, truth = system.read(sample.states[1:]), sample.waves[1:] @ sample.observable.readout.T
    return float((np.sign(outputs) == np.sign(truth)).mean())


def _describe_spectrum(accuracy: float, spectrum: SpectrumComparison) -> list[str]:
    error = spectrum.argument_error
    return [
        f"accuracy over 200 output steps   {accuracy:.4f}",
        f"eigenvalues beyond {spectrum.threshold:g}           {spectrum.rank_network}, theory {spectrum.rank_theory}",
        "argument error                   " + ("none: the ranks differ" if error is None else f"{error:.4f} rad"),
    ]


def _describe_swaps(shares: InterventionShares) -> list[str]:
    least = shares.summarise()
    steps = ", ".join(map(str, least["steps"]))
    return [
        "",
        f"swapping a variable {steps} steps after the input phase, in the directions of that step, at the least:",
        f"{least['changed']:.4f} of the outputs that must change follow, {least['unchanged']:.4f} of the others stay",
    ]


def describe_analysis(analysis: Analysis) -> list[str]:
    """Return an analysis as lines of text."""
    point = "at a fixed point that is not zero" if analysis.linear.point.any() else "at rest"
    lines = [
        f"task {analysis.task.name}, {analysis.hidden} hidden neurons, linearised {point}",
        *_describe_spectrum(analysis.accuracy, analysis.spectrum),
        _describe_kind(analysis),
        "",
        "basis           rel. error  along orbit   support   least R^2   explained   swaps followed, others kept",
    ]
    for method, figures in analysis.figures.items():
        own = analysis.settled[method].summarise()
        lines.append(
            f"{method:14} {figures.relative_error:11.3g} {figures.relative_error_orbit:12.3g} {figures.support_match:9.4f} "
            f"{figures.least_r2:11.3g} {figures.explained:11.3g}   {own['changed']:.4f}, {own['unchanged']:.4f}"
        )
    lines += [f"{method:14} none: {reason}" for method, reason in analysis.failures.items()]
    lines += _describe_swaps(analysis.interventions)
    unread = next(iter(analysis.bases.values())).unread
    if unread:
        lines.append(
            f"{len(unread)} of {analysis.task.size} coordinates are never read by f; nothing is said about them"
        )
    return lines


def _describe_kind(analysis: Analysis) -> str:
    spectrum = analysis.spectrum
    if analysis.converged:
        return "converged: right, and of the rank that theory predicts"
    if analysis.accuracy >= 0.999 and spectrum.rank_network < spectrum.rank_theory:
        return "compressed: right, and of lower rank; variables cannot all be read off linearly"
    return "not converged: what follows is no evidence for or against the theory"


@dataclass(frozen=True, eq=False)
class MachineAnalysis:
    """What is found about a network on sequences that was trained on a history-dependent system.

    A ring carries activity on, and with it the directions in which variables are kept. So there are two questions: are the
    variables there, in the directions that they have at a step; and is that one basis for all steps, as in an Elman network?
    """

    task: HDS
    hidden: int  # numbers of a state
    accuracy: float  # share of right signs over 200 output steps
    spectrum: SpectrumComparison  # of the mean derivative along the orbit, beside theory's
    step_r2: np.ndarray  # (steps, variables) encoding R^2 in the directions of the step, on fresh histories
    settled: ContentFigures  # how well the one basis of the settled output phase tells what the network holds
    interventions: InterventionShares  # in the directions of the step
    elsewhere: float  # outputs that follow when a variable is swapped in the directions of its neighbour: a control

    def summarise(self) -> dict[str, float]:
        """Return the figures by which such a network is judged: the least over variables and steps."""
        changed, unchanged = float(self.interventions.changed.min()), float(self.interventions.unchanged.min())
        return {
            "accuracy": self.accuracy,
            "rank": self.spectrum.rank_network,
            "rank_theory": self.spectrum.rank_theory,
            "r2": float(self.step_r2.min()),
            "r2_settled": self.settled.least_r2,
            "changed": changed,
            "unchanged": unchanged,
            "interventions": min(changed, unchanged),
            "elsewhere": self.elsewhere,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON can hold it, under the keys of an Elman network's."""
        found = self.summarise()
        r2 = {"of the step": found["r2"], "of all steps": found["r2_settled"]}
        return {
            "task": self.task.name,
            "hidden": self.hidden,
            "accuracy": self.accuracy,
            "rank": {"theory": self.spectrum.rank_theory, "network": self.spectrum.rank_network},
            "argument_error": self.spectrum.argument_error,
            "basis": {name: {"encoding_r2": value} for name, value in r2.items()},
            "interventions": self.interventions.summarise() | {"wrong_directions": self.elsewhere},
        }


def describe_machine(analysis: MachineAnalysis) -> list[str]:
    """Return an analysis as lines of text."""
    found, (*swaps, last) = analysis.summarise(), _describe_swaps(analysis.interventions)
    return [
        f"task {analysis.task.name}, {analysis.hidden} numbers of state, no Elman network",
        *_describe_spectrum(analysis.accuracy, analysis.spectrum),
        "",
        "least R^2 of a variable, read by regression",
        f"in the directions of the step    {found['r2']:.3g}",
        f"in one basis for all steps       {found['r2_settled']:.3g}",
        *swaps,
        f"{last};",
        f"in the directions of a neighbour {analysis.elsewhere:.4f} follow",
    ]


def analyse_machine(
    system: SequenceSystem, task: HDS, steps: Sequence[int] = STEPS, count: int = 512, seed: int = 0
) -> MachineAnalysis:
    """Analyse a network on sequences: does it carry the wave of its task, a signed selection, and does it use it?

    The regression uses ``count`` histories; an eighth as many fresh ones judge it, 64 at least.
    """
    horizon = max(4 * task.history, *steps)
    fitted = sample_states(system, task, count, horizon, 2 * seed)
    fresh = sample_states(system, task, max(64, count // 8), horizon, 2 * seed + 1)
    bases = {step: regress_basis(fitted, at=step) for step in steps}
    # Theory's arguments need a mean over a whole lap at least; a few histories suffice for it.
    jacobian = system.measure_jacobian(fresh.states[-2 * task.history :, :4])
    last = bases[steps[-1]]
    wrong = replace(last, basis=np.roll(last.basis, task.dim, axis=1))
    swapped = interchange_variable(system, wrong, fresh, task.history // 2, steps[-1], content="theory").changed
    return MachineAnalysis(
        task,
        system.hidden,
        _measure_accuracy(system, task, 2 * seed + 1, count=64),
        compare_with_theory(jacobian, task),
        np.stack([judge_content(system, basis, fresh, at=step).encoding_r2 for step, basis in bases.items()]),
        judge_content(system, regress_basis(fitted), fresh),
        try_interventions(system, fresh, steps, bases.__getitem__, "theory"),
        1.0 if swapped is None else swapped,
    )


@dataclass(frozen=True, eq=False)
class Subject:
    """A network to analyse."""

    name: str
    system: ElmanSystem
    task: HDS
    configuration: Mapping[str, Any] = field(default_factory=dict)  # how it came about


def gather_subject(plan: ModelPlan, reuse: bool) -> Subject | None:
    """Take a network from the book's records, or train it; None where the records lack it or training diverged."""
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


def construct_subject(history: int, dim: int, hidden: int, gain: float, seed: int) -> Subject:
    """Construct a tanh network of repeat copy, in an orthonormal basis, where there is no time to train one.

    The gain is above 1 so that tanh holds the contents.
    """
    task = make_repeat_copy(history, dim)
    basis = make_basis(task.size, hidden, "orthonormal", seed=seed)
    recurrent = gain * transform_operator(make_wave_operator(task.matrix), basis)
    system = ElmanSystem(recurrent, basis.basis[:, -dim:], basis.dual_basis[-dim:])
    return Subject(f"constructed, {task.name}", system, task, {"seed": seed})


def collect_panels(subject: Subject, analysis: Analysis, text: str | None = None) -> dict[str, Any]:
    """Take a network apart in the regressed basis, as ``plot_decomposition`` draws it, given a text or a random history."""
    task, basis = subject.task, analysis.bases["regression"]
    initial = None if text is None else text_to_states(text)[None]
    sample = sample_states(subject.system, task, 1, 2 * task.history, seed=13, initial=initial)
    run = np.concatenate([sample.early[:, 0], sample.states[:, 0]])
    columns, dual = basis.basis @ sample.expansion, basis.dual_basis[sample.kept]
    across = np.zeros((subject.system.hidden, 0)) if analysis.complement is None else analysis.complement.basis
    return {
        "operator": transform_to_memories(analysis.linear.recurrent, columns, dual, across),
        "spectrum": analysis.spectrum,
        "states": run,
        "waves": basis.read_waves(run)[:, sample.kept],
        "coordinates": [basis.coordinates[place] for place in sample.kept],
        "history": task.history,
        "dim": task.dim,
    }


def list_rows(subject: Subject, analysis: Analysis) -> list[dict[str, Any]]:
    """Return an analysis, with interventions at step 0 first, as rows of the table, one a method."""

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
            for (name, radius), rest in rests.items():
                if rest is not None:
                    row |= {f"into_{name}": rest.into_memories, f"out_of_{name}": rest.out_of_memories}
                    row[f"{radius}_radius"] = rest.radius
        rows.append({name: _round(row.get(name)) for name in ANALYSIS_COLUMNS})
    return rows


def _round(value: Any) -> Any:
    # Six digits are more than a figure of a trained network is worth, and keep the table small.
    return float(f"{value:.6g}") if isinstance(value, float) else value


def tabulate_analyses(subjects: Sequence[Subject], analyses: Sequence[Analysis]) -> list[dict[str, str]]:
    """Return the rows of analyses as text, as the table on record holds them."""
    rows = [row for pair in zip(subjects, analyses) for row in list_rows(*pair)]
    return [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]


def worst(rows: Sequence[Mapping[str, str]], column: str, least: bool = True) -> float:
    """Return the least, or the largest, entry of a column of rows; empty cells are left out."""
    values = [float(row[column]) for row in rows if row[column] != ""]
    return min(values) if least else max(values)


def record_analyses(paths: Iterable[Path] | None = None, say: Callable[[str], None] = lambda line: None) -> int:
    """Analyse networks, by default all of the book's records, into its table; return how many were added.

    Networks that the table has, and snapshots of a training on the way, are left out. A network is in the table when all
    its rows are; stopped at any point, the next call goes on.
    """
    table = Table(results_dir() / "analysis.csv", ANALYSIS_COLUMNS, _TEXTS, ("network",))
    known, added, others = table.read_keys(), 0, 0
    for path in sorted((results_dir() / "networks").glob("*.safetensors")) if paths is None else paths:
        if (path.stem,) in known or path.stem.rpartition("_at")[2].isdigit():
            continue
        try:
            found = read_checkpoint(path)
            subject = Subject(path.stem, found.system, parse_task(found.task or ""), found.configuration)
            analysis = analyse_network(subject.system, subject.task, steps=(0, *STEPS))
        except OtherNetwork:
            others += 1
            continue
        except UserError as error:
            say(f"{path.stem}: left out: {error}")
            continue
        table.add([row | describe_host() for row in list_rows(subject, analysis)])
        added += 1
        say(f"{path.stem}: rank {analysis.spectrum.rank_network} of {analysis.spectrum.rank_theory}")
    if others:
        say(f"left out, for they are no Elman networks: {others} file{'s' * (others != 1)}")
    return added
