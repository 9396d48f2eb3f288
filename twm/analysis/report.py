"""One network's analysis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from twm.basis import (
    METHODS,
    BasisFigures,
    Complement,
    ElmanSystem,
    Linearisation,
    RecoveredBasis,
    StateSample,
    StateSystem,
    find_complement,
    judge_basis,
    linearise_system,
    recover_basis,
    sample_states,
)
from twm.errors import UserError, require
from twm.hds import HDS
from twm.interventions import interchange_variable
from twm.spectrum import SpectrumComparison, compare_with_theory

#: Steps after the input phase at which an analysis intervenes.
STEPS = (1, 2, 4, 8)


@dataclass(frozen=True, eq=False)
class InterventionShares:
    """How often outputs did as predicted, for each step and variable.

    Attributes:
        steps: (n,) steps after the input phase.
        columns: (m,) the variables, those that f reads anything of.
        changed: (n, m) share of the outputs that must change that followed.
        unchanged: (n, m) share of the others that stayed.
    """

    steps: tuple[int, ...]
    columns: tuple[int, ...]
    changed: np.ndarray
    unchanged: np.ndarray

    def summarise(self) -> dict[str, Any]:
        """Return the least shares over variables and steps."""
        least = {"changed": float(self.changed.min()), "unchanged": float(self.unchanged.min())}
        return least | {"steps": list(self.steps)}


@dataclass(frozen=True, eq=False)
class Analysis:
    """What ``twm analyse`` tells about a network.

    Attributes:
        task: the task.
        hidden: number of hidden neurons.
        accuracy: share of right signs over 200 output steps.
        linear: the linearisation, at rest or at a fixed point.
        spectrum: eigenvalues beside theory's.
        bases: the basis by every method that gave one.
        figures: how each holds.
        complement: what the regressed memories do not explain; ``None`` where they fill the hidden space.
        orthogonal: the same at right angles to the memories, as the papers have it, instead of where the dual is blind.
        interventions: interchanges by the directions of the step itself, found by regression.
        settled: interchanges by each method's own basis, contents read by its dual.
        failures: methods that gave no basis, and why.
    """

    task: HDS
    hidden: int
    accuracy: float
    linear: Linearisation
    spectrum: SpectrumComparison
    bases: dict[str, RecoveredBasis]
    figures: dict[str, BasisFigures]
    complement: Complement | None
    orthogonal: Complement | None
    interventions: InterventionShares
    settled: dict[str, InterventionShares]
    failures: dict[str, str]

    @property
    def converged(self) -> bool:
        """Whether the network is right to 0.999 and has the rank that theory predicts."""
        return self.accuracy >= 0.999 and self.spectrum.rank_network == self.spectrum.rank_theory

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON can hold it."""
        bases = {}
        for method, figures in self.figures.items():
            bases[method] = {
                "relative_error": figures.relative_error,
                "support_match": figures.support_match,
                "encoding_r2": figures.least_r2,
                "condition": self.bases[method].condition,
                "relative_error_orbit": figures.relative_error_orbit,
                "support_match_weights": figures.support_match_weights,
                "explained": figures.explained,
                "readout_newest": figures.readout_newest,
                "readout_others": figures.readout_others,
                "interventions": self.settled[method].summarise(),
            }
        spectrum = self.spectrum
        return {
            "task": self.task.name,
            "hidden": self.hidden,
            "accuracy": self.accuracy,
            "converged": self.converged,
            "linearised": "at a fixed point" if self.linear.point.any() else "at rest",
            "rank": {"theory": spectrum.rank_theory, "network": spectrum.rank_network},
            "argument_error": spectrum.argument_error,
            "needed": [] if not self.bases else list(next(iter(self.bases.values())).coordinates or ()),
            "basis": bases,
            "failed": self.failures,
            "interventions": self.interventions.summarise(),
        }


def analyse_network(
    system: ElmanSystem,
    task: HDS,
    methods: Sequence[str] = METHODS,
    steps: Sequence[int] = STEPS,
    count: int = 512,
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> Analysis:
    """Analyse a trained network: does it carry the wave of its task, where, and does it use it?

    Args:
        system: the network.
        task: a linear task that keeps states of -1 and 1 so, of the network's dim.
        methods: which of :data:`twm.basis.METHODS`.
        steps: steps after the input phase at which variables are swapped; 0 is the end of the input phase.
        count: histories that the regression uses; a quarter as many fresh ones judge it, 64 at least.
        seed: of the histories.
        say: is told what is being done.

    Returns:
        the analysis.

    Raises:
        UserError: if network and task do not fit, the task is no signed selection, or the network cannot be linearised
            or keeps nothing at all.
    """
    say = say or (lambda line: None)
    require(
        system.dim == task.dim,
        f"the network has {system.dim} inputs, the task {task.name} has states of dim {task.dim}: choose another with --task",
    )
    selects = bool(np.isin(task.matrix, (-1, 0, 1)).all() and (np.abs(task.matrix).sum(axis=1) == 1).all())
    require(selects, f"{task.name} is no signed selection: it does not keep states of -1 and 1 so")
    steps = tuple(steps)
    linear = linearise_system(system)
    spectrum = compare_with_theory(linear.recurrent, task)
    horizon = max(60, 4 * task.history, *steps)
    fitted = sample_states(system, task, count, horizon, 2 * seed)
    fresh = sample_states(system, task, max(64, count // 4), horizon, 2 * seed + 1)
    bases, figures, settled, failures = {}, {}, {}, {}
    for method in methods:
        say(f"basis: {method}")
        try:
            basis = recover_basis(system, task, method, fitted, linear)
        except (UserError, np.linalg.LinAlgError) as error:
            failures[method] = str(error)
            continue
        bases[method], figures[method] = basis, judge_basis(system, basis, fresh, linear)
        settled[method] = try_interventions(system, fresh, steps, lambda step, basis=basis: basis, "read")
    require(bool(bases), f"no basis at all: {'; '.join(failures.values())}")
    say("interventions")
    interventions = try_interventions(
        system, fresh, steps, lambda step: recover_basis(system, task, "regression", fitted, linear, at=step), "theory"
    )
    usual = bases.get("regression") or next(iter(bases.values()))
    spare = system.hidden > usual.rank_theory
    complement = find_complement(system, usual, fresh, linear) if spare else None
    upright = replace(usual, dual_basis=np.linalg.pinv(usual.basis))
    orthogonal = find_complement(system, upright, fresh, linear) if spare else None
    return Analysis(
        task, system.hidden, measure_sign_accuracy(system, task, 2 * seed + 1), linear, spectrum, bases, figures,
        complement, orthogonal, interventions, settled, failures,
    )  # fmt: skip


def try_interventions(
    system: StateSystem,
    sample: StateSample,
    steps: Sequence[int],
    find_basis: Callable[[int], RecoveredBasis],
    content: str,
) -> InterventionShares:
    """Interchange every variable at every given step, between neighbouring runs of a sample.

    Args:
        system: the network.
        sample: its runs.
        steps: steps after the input phase.
        find_basis: gives the basis to be used at a step.
        content: where contents are taken from, as for :func:`twm.interventions.interchange_variable`.

    Returns:
        the shares; variables of which f reads nothing are left out.
    """
    changed, unchanged, columns = [], [], ()
    for step in steps:
        basis = find_basis(step)
        dim = len(sample.observable.readout)
        columns = tuple(sorted({place // dim for place in basis.coordinates or ()}))
        done = [interchange_variable(system, basis, sample, column, step, content=content) for column in columns]
        changed.append([1.0 if one.changed is None else one.changed for one in done])
        unchanged.append([1.0 if one.unchanged is None else one.unchanged for one in done])
    return InterventionShares(tuple(steps), columns, np.array(changed), np.array(unchanged))


def measure_sign_accuracy(system: StateSystem, task: HDS, seed: int, count: int = 256, horizon: int = 200) -> float:
    """Return the share of outputs with the right sign over an output phase of ``horizon`` steps.

    Args:
        system: the network.
        task: its task.
        seed: of the histories.
        count: how many.
        horizon: steps of the output phase.
    """
    sample = sample_states(system, task, count, horizon, seed)
    outputs = system.read(sample.states[1:])
    return float((np.sign(outputs) == np.sign(sample.waves[1:] @ sample.observable.readout.T)).mean())


def describe_spectrum(accuracy: float, spectrum: SpectrumComparison) -> list[str]:
    """Return accuracy, rank and argument error as lines of text."""
    error = spectrum.argument_error
    return [
        f"accuracy over 200 output steps   {accuracy:.4f}",
        f"eigenvalues beyond {spectrum.threshold:g}           {spectrum.rank_network}, theory {spectrum.rank_theory}",
        "argument error                   " + ("none: the ranks differ" if error is None else f"{error:.4f} rad"),
    ]


def describe_analysis(analysis: Analysis) -> list[str]:
    """Return an analysis as lines of text."""
    shares = analysis.interventions.summarise()
    point = "at a fixed point that is not zero" if analysis.linear.point.any() else "at rest"
    lines = [
        f"task {analysis.task.name}, {analysis.hidden} hidden neurons, linearised {point}",
        *describe_spectrum(analysis.accuracy, analysis.spectrum),
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
    steps = ", ".join(map(str, shares["steps"]))
    lines += [
        "",
        f"swapping a variable {steps} steps after the input phase, in the directions of that step, at the least:",
        f"{shares['changed']:.4f} of the outputs that must change follow, {shares['unchanged']:.4f} of the others stay",
    ]
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
