"""The analysis of a network that is no Elman network: is it a travelling-wave memory too?

The tools are those of :mod:`twm.analysis.report`, as far as they need nothing but runs: accuracy, basis by regression,
interventions. The spectrum is that of the mean derivative of a step along the orbit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from twm.analysis.report import (
    STEPS,
    InterventionShares,
    describe_spectrum,
    measure_sign_accuracy,
    try_interventions,
)
from twm.basis import (
    ContentFigures,
    RecoveredBasis,
    SequenceSystem,
    StateSample,
    judge_content,
    regress_basis,
    sample_states,
)
from twm.hds import HDS
from twm.interventions import interchange_variable
from twm.spectrum import SpectrumComparison, compare_with_theory


@dataclass(frozen=True, eq=False)
class MachineAnalysis:
    """What is found about a network on sequences that was trained on a history-dependent system.

    A ring carries activity on, and with it the directions in which variables are kept. So there are two questions: are the
    variables there, in the directions that they have at a step; and is that one basis for all steps, as in an Elman network?

    Attributes:
        task: the task.
        hidden: numbers of a state.
        accuracy: share of right signs over 200 output steps.
        spectrum: eigenvalues of the mean derivative along the orbit beside theory's.
        step_r2: (steps, variables) encoding R^2 in the directions of the step, on fresh histories.
        settled: how well the one basis of the settled output phase tells what the network holds.
        interventions: interchanges in the directions of the step.
        elsewhere: share of the outputs that must change that follow when a variable is swapped in the directions of its
            neighbour: a control.
        sample: the fresh runs, for pictures.
        basis: the one basis of all steps.
    """

    task: HDS
    hidden: int
    accuracy: float
    spectrum: SpectrumComparison
    step_r2: np.ndarray
    settled: ContentFigures
    interventions: InterventionShares
    elsewhere: float
    sample: StateSample
    basis: RecoveredBasis

    def summarise(self) -> dict[str, float]:
        """Return the figures by which such a network is judged: the least over variables and steps."""
        shares = self.interventions.summarise()
        return {
            "accuracy": self.accuracy,
            "rank": self.spectrum.rank_network,
            "rank_theory": self.spectrum.rank_theory,
            "r2": float(self.step_r2.min()),
            "r2_settled": self.settled.least_r2,
            "changed": shares["changed"],
            "unchanged": shares["unchanged"],
            "interventions": min(shares["changed"], shares["unchanged"]),
            "elsewhere": self.elsewhere,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON can hold it, under the keys of :meth:`twm.analysis.Analysis.to_json`."""
        found = self.summarise()
        return {
            "task": self.task.name,
            "hidden": self.hidden,
            "accuracy": self.accuracy,
            "rank": {"theory": self.spectrum.rank_theory, "network": self.spectrum.rank_network},
            "argument_error": self.spectrum.argument_error,
            "basis": {
                "of the step": {"encoding_r2": found["r2"]},
                "of all steps": {"encoding_r2": found["r2_settled"]},
            },
            "interventions": self.interventions.summarise() | {"wrong_directions": self.elsewhere},
        }


def describe_machine(analysis: MachineAnalysis) -> list[str]:
    """Return an analysis as lines of text."""
    found, shares = analysis.summarise(), analysis.interventions.summarise()
    steps = ", ".join(map(str, shares["steps"]))
    return [
        f"task {analysis.task.name}, {analysis.hidden} numbers of state, no Elman network",
        *describe_spectrum(analysis.accuracy, analysis.spectrum),
        "",
        "least R^2 of a variable, read by regression",
        f"in the directions of the step    {found['r2']:.3g}",
        f"in one basis for all steps       {found['r2_settled']:.3g}",
        "",
        f"swapping a variable {steps} steps after the input phase, in the directions of that step, at the least:",
        f"{shares['changed']:.4f} of the outputs that must change follow, {shares['unchanged']:.4f} of the others stay;",
        f"in the directions of a neighbour {analysis.elsewhere:.4f} follow",
    ]


def analyse_machine(
    system: SequenceSystem, task: HDS, steps: Sequence[int] = STEPS, count: int = 512, seed: int = 0
) -> MachineAnalysis:
    """Analyse a network on sequences: does it carry the wave of its task, and does it use it?

    Args:
        system: the network.
        task: a signed selection of the network's dim.
        steps: steps after the input phase at which variables are read and swapped.
        count: histories that the regression uses; an eighth as many fresh ones judge it, 64 at least.
        seed: of the histories.

    Returns:
        the analysis.

    Raises:
        UserError: if network and task do not fit.
    """
    horizon = max(4 * task.history, *steps)
    fitted = sample_states(system, task, count, horizon, 2 * seed)
    fresh = sample_states(system, task, max(64, count // 8), horizon, 2 * seed + 1)
    bases = {step: regress_basis(fitted, at=step) for step in steps}
    settled = regress_basis(fitted)
    # Theory's arguments need a mean over a whole lap at least; a few histories suffice for it.
    jacobian = system.measure_jacobian(fresh.states[-2 * task.history :, :4])
    return MachineAnalysis(
        task,
        system.hidden,
        measure_sign_accuracy(system, task, 2 * seed + 1, count=64),
        compare_with_theory(jacobian, task),
        np.stack([judge_content(system, basis, fresh, at=step).encoding_r2 for step, basis in bases.items()]),
        judge_content(system, settled, fresh),
        try_interventions(system, fresh, steps, bases.__getitem__, "theory"),
        _swap_elsewhere(system, bases[steps[-1]], fresh, steps[-1]),
        fresh,
        settled,
    )


def _swap_elsewhere(system: SequenceSystem, basis: RecoveredBasis, fresh: StateSample, step: int) -> float:
    """Interchange a variable in the directions of its neighbour: what must follow then does not."""
    wrong = replace(basis, basis=np.roll(basis.basis, len(fresh.observable.readout), axis=1))
    changed = interchange_variable(system, wrong, fresh, fresh.history // 2, step, content="theory").changed
    return 1.0 if changed is None else changed
