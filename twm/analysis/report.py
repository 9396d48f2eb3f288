"""Reading trained Elman networks, ours or anyone's.

One network's analysis.

Networks to analyse, by the plan that they were trained by: from the records, or trained here and now.

The analysis of a network that is no Elman network: is it a travelling-wave memory too?

The tools are those of :mod:`twm.analysis.report`, as far as they need nothing but runs: accuracy, basis by regression,
interventions. The spectrum is that of the mean derivative of a step along the orbit.

Analyses of many networks as a table, one row a network and method.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from twm.analysis.interventions import interchange_variable
from twm.analysis.judging import BasisFigures, Complement, ContentFigures, find_complement, judge_basis, judge_content
from twm.analysis.recovery import (
    METHODS,
    ElmanSystem,
    Linearisation,
    RecoveredBasis,
    SequenceSystem,
    StateSample,
    StateSystem,
    linearise_system,
    recover_basis,
    regress_basis,
    sample_states,
)
from twm.errors import UserError, require
from twm.paths import results_dir
from twm.records import describe_host, read_rows, write_rows
from twm.theory.bases import make_basis, transform_operator
from twm.theory.operators import make_wave_operator
from twm.theory.spectra import SpectrumComparison, compare_with_theory
from twm.theory.systems import HDS, make_repeat_copy, parse_task
from twm.training.plans import ModelPlan
from twm.training.results import train_model

_NEEDED = ("weight_hh_l0", "weight_ih_l0")
_BIASES = ("bias_hh_l0", "bias_ih_l0")


class OtherNetwork(UserError):
    """A file that is in order, of a network that is no Elman network."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A network read from a file.

    Attributes:
        system: its weights.
        task: the text of its task, where the file says so.
        configuration: whatever else the file says about how it came about.
    """

    system: ElmanSystem
    task: str | None
    configuration: Mapping[str, Any]


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read an Elman network with tanh units and a linear readout.

    Takes a safetensors file, or a torch file loaded with ``weights_only``, that holds a state dict, perhaps under the
    key ``state_dict``. Keys must end in ``weight_hh_l0`` and ``weight_ih_l0``; biases in ``bias_hh_l0`` and
    ``bias_ih_l0`` are added up. The readout is the one other matrix of shape (dim, hidden), its bias the one other
    vector of length dim.

    Args:
        path: the file.

    Returns:
        the checkpoint.

    Raises:
        UserError: if the file is missing, cannot be read, has other layers, shapes that do not fit, or weights that are
            not finite.
    """
    path = Path(path)
    require(path.is_file(), f"there is no checkpoint {path}: expected a safetensors or torch file")
    tensors, texts = _read_tensors(path)
    try:
        system = _find_system(tensors)
    except UserError as error:
        raise type(error)(f"{path.name}: {error}") from None
    configuration = {key: _read_value(text) for key, text in texts.items() if key != "format"}
    task = configuration.get("task")
    return Checkpoint(system, task if isinstance(task, str) else None, configuration)


def _read_tensors(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as stream:
            return {name: stream.get_tensor(name) for name in stream.keys()}, stream.metadata() or {}
    except (SafetensorError, OSError, ValueError, RuntimeError):
        pass
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    # Damaged files make torch raise almost anything, from EOFError to UnpicklingError.
    except Exception:
        raise UserError(
            f"{path.name} is damaged or no checkpoint: expected safetensors, or a torch file with weights only"
        ) from None
    texts: dict[str, str] = {}
    if isinstance(content, Mapping):
        texts = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, str)}
        for key in ("state_dict", "model_state_dict"):
            if isinstance(content.get(key), Mapping):
                content = content[key]
    found = {}
    if isinstance(content, Mapping):
        found = {
            key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, torch.Tensor)
        }
    require(bool(found), f"{path.name} holds no state dict: expected tensors by name, such as rnn.weight_hh_l0")
    return found, texts


def _find_system(tensors: Mapping[str, Any]) -> ElmanSystem:
    listed = ", ".join(sorted(tensors))
    parts, used = {}, set()
    for ending in (*_NEEDED, *_BIASES):
        keys = [key for key in tensors if key.endswith(ending)]
        missing = not keys and ending in _NEEDED
        if missing:
            raise OtherNetwork(f"no tensor ends in {ending}, as an Elman network's does; found {listed}")
        require(len(keys) < 2, f"several tensors end in {ending}: {', '.join(keys)}; expected one network")
        if keys:
            parts[ending] = tensors[keys[0]]
            used.add(keys[0])
    deeper = [key for key in tensors if key.endswith(("_l1", "_reverse"))]
    require(not deeper, f"only one layer in one direction is understood, and there is {deeper[0] if deeper else ''}")
    recurrent, encoder = parts["weight_hh_l0"], parts["weight_ih_l0"]
    square = recurrent.ndim == 2 and recurrent.shape[0] == recurrent.shape[1]
    shape = tuple(recurrent.shape)
    gates = recurrent.ndim == 2 and shape[0] in (3 * shape[1], 4 * shape[1])
    if gates:
        raise OtherNetwork(f"weight_hh_l0 of shape {shape} has gates: an LSTM or GRU, expected an Elman network")
    require(square, f"weight_hh_l0 must be square, not of shape {shape}")
    hidden = shape[0]
    fits = encoder.ndim == 2 and encoder.shape[0] == hidden
    require(fits, f"weight_ih_l0 must be of shape ({hidden}, dim), not {tuple(encoder.shape)}")
    dim = encoder.shape[1]
    others = {key: tensor for key, tensor in tensors.items() if key not in used}
    readouts = [key for key, tensor in others.items() if tuple(tensor.shape) == (dim, hidden)]
    shapes = ", ".join(f"{key} {tuple(tensor.shape)}" for key, tensor in others.items()) or "none"
    require(len(readouts) == 1, f"expected one readout of shape {(dim, hidden)}; other tensors are {shapes}")
    offsets = [tensor for tensor in others.values() if tuple(tensor.shape) == (dim,)]
    require(len(offsets) < 2, f"expected one readout bias of shape {(dim,)} at most; other tensors are {shapes}")
    biases = [parts[ending] for ending in _BIASES if ending in parts]
    odd = next((tuple(tensor.shape) for tensor in biases if tuple(tensor.shape) != (hidden,)), None)
    require(odd is None, f"a bias must be of shape {(hidden,)}, not {odd}")
    arrays = [_to_array(tensor) for tensor in (recurrent, encoder, others[readouts[0]])]
    bias = sum(_to_array(tensor) for tensor in biases) if biases else None
    return ElmanSystem(*arrays, bias, _to_array(offsets[0]) if offsets else None)


def _to_array(tensor: Any) -> Any:
    require(tensor.is_floating_point(), f"weights must be floating-point numbers, not {tensor.dtype}")
    return tensor.detach().double().cpu().numpy()


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


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
        methods: which of :data:`twm.analysis.recovery.METHODS`.
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
        content: where contents are taken from, as for :func:`twm.analysis.interventions.interchange_variable`.

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
        """Return the analysis as JSON can hold it, under the keys of :meth:`twm.analysis.report.Analysis.to_json`."""
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


#: Columns of the table, in order.
ANALYSIS_COLUMNS = (
    "network", "task", "hidden", "l2", "seed", "init", "iterations", "recorded_accuracy", "accuracy", "rank_theory",
    "rank_network", "argument_error", "converged", "method", "relative_error", "relative_error_orbit", "support_match",
    "support_match_weights", "encoding_r2", "explained", "readout_newest", "readout_others", "condition", "changed",
    "unchanged", "changed_at_0", "unchanged_at_0", "own_changed", "own_unchanged", "own_changed_at_0", "into_memories",
    "out_of_memories", "complement_radius", "into_orthogonal",
    "out_of_orthogonal", "orthogonal_radius", "slow_pairs", "steps", "device", "torch", "commit", "date",
)  # fmt: skip


def list_networks(folder: Path | str | None = None) -> list[Path]:
    """Return the networks of a folder that are the end of a training, not snapshots on the way.

    Args:
        folder: ``book/results/networks`` if not given.
    """
    folder = results_dir() / "networks" if folder is None else Path(folder)
    return sorted(path for path in folder.glob("*.safetensors") if not path.stem.rpartition("_at")[2].isdigit())


def list_rows(name: str, checkpoint: Checkpoint, analysis: Analysis) -> list[dict[str, Any]]:
    """Return one row a method.

    Args:
        name: the network's.
        checkpoint: what was analysed.
        analysis: with interventions at step 0 first, then at the others.
    """

    def split(shares: InterventionShares) -> tuple[float, float, float, float]:
        later = slice(1, None)
        return (
            float(shares.changed[later].min()), float(shares.unchanged[later].min()),
            float(shares.changed[0].min()), float(shares.unchanged[0].min()),
        )  # fmt: skip

    said = checkpoint.configuration
    spectrum, complement = analysis.spectrum, analysis.complement
    slow = spectrum.network
    shared = {
        "network": name, "task": analysis.task.name, "hidden": analysis.hidden, "l2": said.get("l2"),
        "seed": said.get("seed"), "init": said.get("init"), "iterations": said.get("iterations"),
        "recorded_accuracy": said.get("accuracy"), "accuracy": analysis.accuracy, "rank_theory": spectrum.rank_theory,
        "rank_network": spectrum.rank_network, "argument_error": spectrum.argument_error,
        "converged": int(analysis.converged), "slow_pairs": int((slow.imag > 1e-9).sum()),
        "steps": "-".join(map(str, analysis.interventions.steps[1:])),
    }  # fmt: skip
    rows = []
    for method, figures in analysis.figures.items():
        row = shared | {
            "method": method, "relative_error": figures.relative_error,
            "relative_error_orbit": figures.relative_error_orbit, "support_match": figures.support_match,
            "support_match_weights": figures.support_match_weights, "encoding_r2": figures.least_r2,
            "explained": figures.explained, "readout_newest": figures.readout_newest,
            "readout_others": figures.readout_others, "condition": analysis.bases[method].condition,
        }  # fmt: skip
        row["own_changed"], row["own_unchanged"], row["own_changed_at_0"], _ = split(analysis.settled[method])
        if method == "regression":
            row["changed"], row["unchanged"], row["changed_at_0"], row["unchanged_at_0"] = split(analysis.interventions)
            if complement is not None:
                row["into_memories"], row["out_of_memories"] = complement.into_memories, complement.out_of_memories
                row["complement_radius"] = complement.radius
                upright = analysis.orthogonal
                row["into_orthogonal"], row["out_of_orthogonal"] = upright.into_memories, upright.out_of_memories
                row["orthogonal_radius"] = upright.radius
        rows.append({key: _round(value) for key, value in row.items()})
    return rows


def record_analyses(
    paths: Iterable[Path] | None = None, table: Path | str | None = None, say: Callable[[str], None] | None = None
) -> int:
    """Analyse networks into a table, leaving out those that it has already.

    A network is in the table when all its rows are; stopped at any point, the next call goes on.

    Args:
        paths: :func:`list_networks` of the book's records if not given.
        table: ``book/results/analysis.csv`` if not given.
        say: is told about every network.

    Returns:
        how many networks were added.
    """
    say = say or (lambda line: None)
    table = results_dir() / "analysis.csv" if table is None else Path(table)
    known = {row["network"] for row in read_rows(table)}
    added = others = 0
    for path in list_networks() if paths is None else paths:
        if path.stem in known:
            continue
        try:
            checkpoint = read_checkpoint(path)
            analysis = analyse_network(checkpoint.system, parse_task(checkpoint.task or ""), steps=(0, *STEPS))
        except OtherNetwork:
            others += 1
            continue
        except UserError as error:
            say(f"{path.stem}: left out: {error}")
            continue
        host = describe_host()
        rows = [row | host for row in list_rows(path.stem, checkpoint, analysis)]
        # All rows of a network at once: a network with some of its rows would pass for one that is done.
        write_rows(table, [*read_rows(table), *rows], ANALYSIS_COLUMNS)
        added += 1
        say(f"{path.stem}: rank {analysis.spectrum.rank_network} of {analysis.spectrum.rank_theory}")
    if others:
        say(f"left out, for they are no Elman networks: {others} file{'s' * (others != 1)}")
    return added


def _round(value: Any) -> Any:
    # Six digits are more than a figure of a trained network is worth, and keep the table small.
    return float(f"{value:.6g}") if isinstance(value, float) else value
