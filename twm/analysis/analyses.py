"""Complete analyses of Elman networks, and of other networks that can be run from any state."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from twm.analysis.fixed_points import draw_starts, find_slow_points
from twm.analysis.interventions import InterventionShares, interchange_variable, try_interventions
from twm.analysis.judging import BasisFigures, Complement, ContentFigures, find_complement, judge_basis, judge_content
from twm.analysis.recovery import METHODS, RecoveredBasis, recover_basis, regress_basis, sample_states
from twm.analysis.systems import ElmanSystem, Linearisation, StateSystem, linearise_system
from twm.errors import UserError, require
from twm.streams import binary_inputs_numpy
from twm.theory.spectra import THRESHOLD, SpectrumComparison, compare_with_theory, count_clusters, find_clusters
from twm.theory.systems import HDS

#: Steps after the input phase of the interventions in each step's own basis, and in one steady-state basis (for the claims).
STEPS, SETTLED_STEPS = (1, 2, 4, 8), (1, 8, 24, 100)


@dataclass(frozen=True, eq=False)
class Findings:
    """Results of the analysis of any network."""

    task: HDS
    hidden: int  # components of a state
    accuracy: float  # sign accuracy over 200 output steps
    spectrum: SpectrumComparison  # eigenvalues of the linearisation or of the orbit's mean Jacobian, and the predicted ones
    interventions: InterventionShares  # in the basis regressed at the step itself
    interventions_settled: InterventionShares  # in one steady-state basis, whose dual decodes the stored values

    def to_json(self) -> dict[str, Any]:
        """Return the results in a form that JSON can store."""
        rank = {"theory": self.spectrum.rank_theory, "network": self.spectrum.rank_network}
        return {"task": self.task.name, "hidden": self.hidden, "accuracy": self.accuracy, "rank": rank,
                "argument_error": self.spectrum.argument_error, "interventions": self.interventions.summarise(),
                "interventions_settled": self.interventions_settled.summarise()}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Analysis(Findings):
    """Results of the analysis of an Elman network."""

    linear: Linearisation  # at rest or at a fixed point
    bases: dict[str, RecoveredBasis]  # by method
    figures: dict[str, BasisFigures]  # criteria of each basis, by method
    settled: dict[str, InterventionShares]  # interventions in each method's basis, whose dual decodes the stored values
    failures: dict[str, str]  # why a method gave no basis, by method
    complement: Complement | None  # directions that the regressed variables leave out; None where they fill the hidden space
    orthogonal: Complement | None  # the same, orthogonal to the variables as in the papers, instead of in the dual's kernel

    @property
    def converged(self) -> bool:
        """Whether accuracy is at least 0.999 and the number of slow modes is the predicted one."""
        return self.accuracy >= 0.999 and self.spectrum.rank_network == self.spectrum.rank_theory

    def list_figures(self, method: str) -> dict[str, float]:
        """Return the criteria and the condition number of a method's basis, by name."""
        arrays = ("encoding_r2", "operator", "orbit_operator", "theory")
        found = {name: value for name, value in vars(self.figures[method]).items() if name not in arrays}
        return found | {"encoding_r2": self.figures[method].least_r2, "condition": self.bases[method].condition}

    def to_json(self) -> dict[str, Any]:
        """Return the analysis in a form that JSON can store."""
        settled = self.settled.items()
        basis = {method: self.list_figures(method) | {"interventions": swaps.summarise()} for method, swaps in settled}
        linearised = "at a fixed point" if self.linear.point.any() else "at rest"
        needed = list(next(iter(self.bases.values())).coordinates or ())
        found = {"converged": self.converged, "linearised": linearised, "needed": needed}
        return super().to_json() | found | {"basis": basis, "failed": self.failures}


def _check_task(task: HDS) -> None:
    require(task.selects, f"{task.name} is no signed selection: it does not keep states of -1 and 1 so")
    require(task.size <= 4096, f"{task.name} has {task.size} numbers in a window; at most 4096 can be analysed")


def analyse_network(
    system: ElmanSystem, task: HDS, methods: Sequence[str] = METHODS, steps: Sequence[int] = STEPS,
    count: int = 512, seed: int = 0,
) -> Analysis:  # fmt: skip
    """Analyse whether a trained network carries the wave of its signed selection task, in which basis, and whether it uses it."""
    _check_task(task)
    horizon = max(60, 4 * task.history, *steps)
    fitted = sample_states(system, task, count, horizon, 2 * seed)
    fresh, linear = sample_states(system, task, max(64, count // 4), horizon, 2 * seed + 1), linearise_system(system)
    bases, figures, settled, failures = {}, {}, {}, {}
    for method in methods:
        try:
            basis = recover_basis(system, task, method, fitted, linear)
        except (UserError, np.linalg.LinAlgError) as error:
            failures[method] = str(error)
            continue
        bases[method], figures[method] = basis, judge_basis(system, basis, fresh, linear)
        settled[method] = try_interventions(system, fresh, steps, lambda step, basis=basis: basis, "read")
    require(bool(bases), f"no basis at all: {'; '.join(dict.fromkeys(failures.values()))}")

    theirs = try_interventions(
        system, fresh, steps, lambda step: recover_basis(system, task, "regression", fitted, linear, at=step), "theory"
    )
    usual = bases.get("regression") or next(iter(bases.values()))
    spare = system.hidden > usual.rank_theory
    upright = replace(usual, dual_basis=np.linalg.pinv(usual.basis))
    rests = (find_complement(system, basis, fresh, linear) if spare else None for basis in (usual, upright))
    return Analysis(
        task, system.hidden, _measure_accuracy(system, task, 2 * seed + 1), compare_with_theory(linear.recurrent, task),
        theirs, _try_settled(system, task, usual, 2 * seed + 1), linear, bases, figures, settled, failures, *rests,
    )  # fmt: skip


def _try_settled(
    system: StateSystem, task: HDS, basis: RecoveredBasis, seed: int, correct: bool = False
) -> InterventionShares:
    sample = sample_states(system, task, 64, SETTLED_STEPS[-1], seed, correct=correct)
    return try_interventions(system, sample, SETTLED_STEPS, lambda step: basis, "read")


def measure_settled_basis(system: ElmanSystem, task: HDS, count: int = 512, seed: int = 0) -> dict[str, float]:
    """Test on held-out runs one basis, regressed on ``count`` histories and at least 60 output steps. Return, by name, the worst
    variable's R^2 over 60 and 200 steps and from the first output step on, interventions per step, the fewest and the most slow
    modes at one predicted argument, and other figures."""
    linear, laps = linearise_system(system), 4 * task.history
    fitted = sample_states(system, task, count, max(60, laps), 2 * seed)
    fresh = sample_states(system, task, max(64, count // 4), max(200, laps), 2 * seed + 1)
    basis, spectrum = recover_basis(system, task, "regression", fitted, linear), compare_with_theory(linear.recurrent, task)
    brief = judge_basis(system, basis, replace(fresh, states=fresh.states[:61], waves=fresh.waves[:61]), linear)
    h, m = fresh.states[1 : laps + 1], fresh.waves[1 : laps + 1]
    read, clusters = basis.read_waves(h), count_clusters(spectrum.network, find_clusters(spectrum.theory))
    wrong_signs = int((np.sign(read) != m).sum())
    output_r2 = 1 - (((read - m) ** 2).mean(axis=(0, 1)) / m.var(axis=(0, 1))).max()
    h, m = (part.reshape(-1, part.shape[-1]) for part in (h, m))
    h, m = ((part - part.mean(axis=0)) / (part.std(axis=0) + 1e-12) for part in (h, m))
    shown = (h.T @ m / len(h)) ** 2  # squared correlation of each neuron with each variable
    swaps = _try_settled(system, task, basis, 2 * seed + 1)
    least = {name: getattr(swaps, name).min(axis=1).tolist() for name in ("changed", "unchanged")}
    return {
        "accuracy": _measure_accuracy(system, task, 2 * seed + 1), "rank_theory": spectrum.rank_theory,
        "rank_network": spectrum.rank_network, "cluster_least": int(clusters.min()), "cluster_most": int(clusters.max()),
        "variables": basis.rank, "wrong_signs": wrong_signs, "support_weights": brief.support_match_weights,
        "support_orbit": brief.support_match, "explained": brief.explained, "encoding_r2_60": brief.least_r2,
        "encoding_r2_200": judge_content(system, basis, fresh).least_r2, "output_r2": float(output_r2),
        "best_neuron": float(shown.max()), "clear_neurons": int((shown.max(axis=1) > 0.9).sum()),
    } | {f"{name}_{step}": share for name, each in least.items() for step, share in zip(SETTLED_STEPS, each)}  # fmt: skip


def _measure_accuracy(system: StateSystem, task: HDS, seed: int, count: int = 256, correct: bool = False) -> float:
    """Return the share of outputs with the correct sign over an output phase of 200 steps."""
    sample = sample_states(system, task, count, 200, seed, correct=correct)
    outputs, truth = system.read(sample.states[1:]), sample.waves[1:] @ sample.observable.readout.T
    return float(((outputs >= 0) == (truth > 0)).mean())


@dataclass(frozen=True, eq=False)
class MachineAnalysis(Findings):
    """Results of the analysis of a sequence network, in which a variable's directions can move from step to step."""

    step_r2: np.ndarray  # (steps, variables) encoding R^2 in the basis of each step, on held-out histories
    settled: ContentFigures  # criteria on readout and stored values in the one steady-state basis
    elsewhere: float  # control: share of outputs that follow a swap of a variable in its neighbour's directions

    def summarise(self) -> dict[str, float]:
        """Return the criteria for such a network, by name; R^2 and interventions are the worst of all variables and steps."""
        spectrum, swaps = self.spectrum, self.interventions.summarise()
        shares = {name: swaps[name] for name in ("changed", "unchanged")}
        ranks = {"rank": spectrum.rank_network, "rank_theory": spectrum.rank_theory}
        found = {"accuracy": self.accuracy, "r2": float(self.step_r2.min()), "r2_settled": self.settled.least_r2}
        return found | ranks | shares | {"interventions": min(shares.values()), "elsewhere": self.elsewhere}

    def to_json(self) -> dict[str, Any]:
        """Return the analysis in a form that JSON can store."""
        r2 = {"of the step": float(self.step_r2.min()), "of all steps": self.settled.least_r2}
        found = super().to_json() | {"basis": {name: {"encoding_r2": value} for name, value in r2.items()}}
        return found | {"interventions": found["interventions"] | {"wrong_directions": self.elsewhere}}


def analyse_machine(
    system: StateSystem, task: HDS, steps: Sequence[int] = STEPS, count: int = 512, seed: int = 0, correct: bool = False
) -> MachineAnalysis:
    """Analyse on ``count`` histories whether a network of any kind carries the wave of its task, and uses it.
    Set ``correct`` if the network was trained on corrected inputs."""
    _check_task(task)
    horizon = max(4 * task.history, *steps)
    fitted = sample_states(system, task, count, horizon, 2 * seed, correct=correct)
    fresh = sample_states(system, task, max(64, count // 8), horizon, 2 * seed + 1, correct=correct)
    bases, settled = {step: regress_basis(fitted, at=step) for step in steps}, regress_basis(fitted)
    # The predicted arguments need a mean over at least one whole period; a few histories suffice.
    jacobian = system.measure_jacobian(fresh.states[-2 * task.history :, :4])
    last = bases[steps[-1]]
    wrong = replace(last, basis=np.roll(last.basis, task.dim, axis=1))
    swapped = interchange_variable(system, wrong, fresh, task.history // 2, steps[-1], content="theory").changed
    step_r2 = [judge_content(system, basis, fresh, at=step).encoding_r2 for step, basis in bases.items()]
    return MachineAnalysis(
        task, system.hidden, _measure_accuracy(system, task, 2 * seed + 1, 64, correct), compare_with_theory(jacobian, task),
        try_interventions(system, fresh, steps, bases.__getitem__, "theory"),
        _try_settled(system, task, settled, 2 * seed + 1, correct), np.stack(step_r2), judge_content(system, settled, fresh), swapped,
    )  # fmt: skip


def survey_network(system: StateSystem, seed: int = 0, points: bool = False) -> dict[str, Any]:
    """Find the slow eigenvalues of a network without a task and, with ``points``, its fixed and slow points without input.
    It linearises at rest or at a fixed point. For relu, gates, or without such a point, Jacobians on random orbits are averaged."""
    inputs = np.moveaxis(binary_inputs_numpy("survey", seed, 0, 8, (100, system.inputs)), 1, 0)
    run = partial(system.run, np.tile(system.start, (8, 1)), 0, inputs)
    try:
        smooth = getattr(system, "nonlinearity", "relu") != "relu"
        require(smooth, "a relu has no slope at rest, and gates are at work only under way")
        linear = linearise_system(system)
        recurrent, where = linear.recurrent, "at a fixed point" if linear.point.any() else "at rest"
    except UserError:
        recurrent, where = system.measure_jacobian(run()[20:-1:5], inputs[21::5]), "along the orbit under random inputs"
    values = np.linalg.eigvals(recurrent)
    slow = sorted(values[np.abs(values) > THRESHOLD].tolist(), key=abs, reverse=True)
    found = {"task": None, "hidden": system.hidden, "linearised": where, "rank": {"theory": None, "network": len(slow)},
             "radius": float(np.abs(values).max()), "eigenvalues": [[value.real, value.imag] for value in slow]}  # fmt: skip
    if points:
        visited = torch.from_numpy(run().reshape(-1, system.hidden))
        slowest = find_slow_points(system.advance, draw_starts(visited, 64, seed=seed))
        radii, names = slowest.eigenvalues.abs().amax(1), ("type", "speed", "fixed", "unstable", "radius")
        columns = (one.tolist() for one in (slowest.speeds, slowest.fixed, slowest.unstable, radii))
        found["points"] = [dict(zip(names, row)) for row in zip(slowest.types, *columns)]
    return found
