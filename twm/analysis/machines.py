"""The analysis of a network that is no Elman network: is it a travelling-wave memory too?

The tools are those of :mod:`twm.analysis.report`, as far as they need nothing but runs: accuracy, basis by regression,
interventions. The spectrum is that of the mean derivative of a step along the orbit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from twm.analysis.report import STEPS, InterventionShares, measure_sign_accuracy, try_interventions
from twm.basis import ContentFigures, RecoveredBasis, SequenceSystem, StateSample, judge_content, regress_basis, sample_states
from twm.hds import HDS
from twm.interventions import interchange_variable
from twm.spectrum import SpectrumComparison, compare_with_theory


@dataclass(frozen=True, eq=False)
class MachineAnalysis:
    """What is found about a network on sequences that was trained on a history-dependent system.

    Attributes:
        accuracy: share of right signs over 200 output steps.
        spectrum: eigenvalues of the mean derivative along the orbit beside theory's.
        basis: by regression in the settled output phase.
        figures: how well it tells what the network holds.
        interventions: interchanges by the directions of the step itself.
        settled: interchanges by the one basis of all steps.
        shuffled: least share of changed outputs that follow an interchange in the directions of other variables: a control.
    """

    accuracy: float
    spectrum: SpectrumComparison
    basis: RecoveredBasis
    figures: ContentFigures
    interventions: InterventionShares
    settled: InterventionShares
    shuffled: float


def analyse_machine(
    system: SequenceSystem, task: HDS, steps: Sequence[int] = STEPS, count: int = 256, seed: int = 0
) -> MachineAnalysis:
    """Analyse a network on sequences: does it carry the wave of its task, and does it use it?

    Args:
        system: the network.
        task: a signed selection of the network's dim.
        steps: steps after the input phase at which variables are swapped.
        count: histories that the regression uses; half as many fresh ones judge it.
        seed: of the histories.

    Returns:
        the analysis.

    Raises:
        UserError: if network and task do not fit.
    """
    horizon = max(60, 4 * task.history, *steps)
    fitted = sample_states(system, task, count, horizon, 2 * seed)
    fresh = sample_states(system, task, max(64, count // 2), horizon, 2 * seed + 1)
    basis = regress_basis(fitted)
    jacobian = system.measure_jacobian(fresh.states[fresh.settled :: 7, :16])
    return MachineAnalysis(
        measure_sign_accuracy(system, task, 2 * seed + 1, count=64),
        compare_with_theory(jacobian, task),
        basis,
        judge_content(system, basis, fresh),
        try_interventions(system, fresh, steps, lambda step: regress_basis(fitted, at=step), "theory"),
        try_interventions(system, fresh, steps, lambda step: basis, "read"),
        _swap_elsewhere(system, fitted, fresh, steps[-1]),
    )


def _swap_elsewhere(system: SequenceSystem, fitted: StateSample, fresh: StateSample, step: int) -> float:
    """Interchange a variable in the directions of its neighbour: what must follow then does not."""
    dim = len(fresh.observable.readout)
    found = regress_basis(fitted, at=step)
    wrong = replace(found, basis=np.roll(found.basis, dim, axis=1))
    column = fresh.history // 2
    changed = interchange_variable(system, wrong, fresh, column, step, content="theory").changed
    return 1.0 if changed is None else changed
