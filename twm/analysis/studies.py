"""Controls and studies behind the page on basis recovery: each compares a method with what it must and must not show."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from twm.analysis.judging import invert_bases, judge_basis
from twm.analysis.recovery import (
    ElmanSystem,
    RecoveredBasis,
    StateSample,
    find_fixed_point,
    linearise_system,
    recover_basis,
    sample_states,
)
from twm.analysis.report import Analysis, Subject, try_interventions
from twm.errors import require
from twm.theory.bases import make_basis, transform_operator
from twm.theory.operators import make_wave_operator, repeat_copy_state
from twm.theory.pictures import text_to_states
from twm.theory.systems import HDS, make_repeat_copy


def start_at_random(system: ElmanSystem, recovered: RecoveredBasis, dim: int, seed: int) -> RecoveredBasis:
    """Make the basis that forward powers of a random block inside the memories give: a control that must be rejected.

    Args:
        system: a network that carries repeat copy.
        recovered: a basis of its memories, all history*dim of them.
        dim: dimension of a state.
        seed: of the block.

    Returns:
        the same record with other columns and their pseudo-inverse.
    """
    rng = np.random.default_rng(seed)
    block = recovered.basis @ np.linalg.qr(rng.standard_normal((recovered.rank, dim)))[0]
    blocks = [block]
    for _ in range(recovered.rank // dim - 1):
        blocks.insert(0, system.recurrent @ blocks[0])
    columns = np.concatenate(blocks, axis=1)
    dual = np.linalg.pinv(columns)
    condition = float(np.linalg.norm(columns, 2) * np.linalg.norm(dual, 2))
    return replace(recovered, basis=columns, dual_basis=dual, condition=condition, method="random block")


def scan_mixture(
    system: ElmanSystem, task: HDS, fresh: StateSample, alphas: Sequence[float], transient: float = 1.0
) -> dict[str, np.ndarray]:
    """Judge the earlier paper's mixture at several alphas.

    Args:
        system, task: the network and its task.
        fresh: sample to judge by.
        alphas: shares of the forward part, 0 to 1.
        transient: magnitude below which an eigenvalue counts as transient; 1 as printed.

    Returns:
        ``relative_error`` and ``encoding_r2`` (of the worst variable), (len(alphas),) each.

    Source: emt Sec. 6, Algorithm 1, Eq. (14)-(15).
    """
    bases = [recover_basis(system, task, "mixture", alpha=alpha, transient=transient) for alpha in alphas]
    found = [judge_basis(system, basis, fresh) for basis in bases]
    return {
        "relative_error": np.array([figures.relative_error for figures in found]),
        "encoding_r2": np.array([figures.least_r2 for figures in found]),
    }


def trace_errors(recovered: RecoveredBasis, sample: StateSample) -> np.ndarray:
    """Return the mean squared error of reading the variables, from the first step of the input phase on.

    During the input phase the substrate holds the inputs so far in its newest columns, and zeros elsewhere.

    Args:
        recovered: a basis.
        sample: with the histories as inputs, uncorrected.

    Returns:
        (history - 1 + horizon + 1,), t = 1, 2, ...
    """
    history, batch, dim = sample.fed.shape
    early = np.zeros((history - 1, batch, history * dim))
    for time in range(1, history):
        filled = np.moveaxis(sample.fed[:time], 0, 1).reshape(batch, time * dim)
        early[time - 1, :, (history - time) * dim :] = filled
    waves = np.concatenate([early @ sample.observable.projection.T, sample.waves])
    states = np.concatenate([sample.early, sample.states])
    return ((recovered.read_waves(states) - waves) ** 2).mean(axis=(1, 2))


def collect_panels(subject: Subject, analysis: Analysis, text: str | None = None) -> dict[str, Any]:
    """Collect what :func:`twm.book.figures.basis_recovery.plot_decomposition` draws: a network taken apart in the basis found by regression.

    Args:
        subject: the network.
        analysis: its analysis.
        text: what it is given, as a picture; a random history if not given.
    """
    task, basis = subject.task, analysis.bases["regression"]
    initial = None if text is None else text_to_states(text)[None]
    sample = sample_states(subject.system, task, 1, 2 * task.history, seed=13, initial=initial)
    run = np.concatenate([sample.early[:, 0], sample.states[:, 0]])
    columns, dual = basis.basis @ sample.expansion, basis.dual_basis[sample.kept]
    across = np.zeros((subject.system.hidden, 0)) if analysis.complement is None else analysis.complement.basis
    whole = np.concatenate([columns, across], axis=1)
    return {
        "operator": invert_bases(columns, dual, across) @ analysis.linear.recurrent @ whole,
        "spectrum": analysis.spectrum,
        "states": run,
        "waves": basis.read_waves(run)[:, sample.kept],
        "coordinates": [basis.coordinates[place] for place in sample.kept],
        "history": task.history,
        "dim": task.dim,
    }


def count_misread(analysis: Analysis, sample: StateSample) -> dict[str, int]:
    """Count the signs that the regressed basis misreads in a sample: ``wrong_bits`` of ``bits``.

    Args:
        analysis: of the network.
        sample: its runs.
    """
    read = analysis.bases["regression"].read_waves(sample.states)
    return {"wrong_bits": int((np.sign(read) != sample.waves).sum()), "bits": read.size}


def count_answers(
    system: ElmanSystem, task: HDS, level: float = 0.9, count: int = 256, seed: int = 0
) -> dict[str, float]:
    """Count the variables of a network that answer to swaps, one and two laps after the input phase.

    Args:
        system, task: the network and its task.
        level: share of the outputs that must change, by which a variable counts as answering if they follow.
        count: histories for the regression.
        seed: of the histories.

    Returns:
        ``known``, share of variables that answer when theory's content is taken out before the new one is put in;
        ``read``, the same when what the dual reads is taken out; ``kept``, least share of the other outputs that stay.
    """
    laps = (task.history, 2 * task.history)
    fitted, fresh = (
        sample_states(system, task, size, 2 * laps[1], 2 * seed + at) for at, size in ((0, count), (1, 64))
    )
    basis = recover_basis(system, task, "regression", fitted)
    known, read = (
        try_interventions(system, fresh, laps, lambda step: basis, content) for content in ("theory", "read")
    )
    answering = [float((one.changed.min(axis=0) >= level).mean()) for one in (known, read)]
    return {"known": answering[0], "read": answering[1], "kept": float(known.unchanged.min())}


def find_best_neurons(sample: StateSample) -> np.ndarray:
    """Return, for each variable, the largest squared correlation that any single neuron has with it.

    Args:
        sample: hidden states and waves.

    Returns:
        (rank,) in the output phase.
    """
    states = sample.states[1:].reshape(-1, sample.states.shape[-1])
    waves = sample.waves[1:].reshape(len(states), -1)
    states = (states - states.mean(axis=0)) / (states.std(axis=0) + 1e-12)
    waves = (waves - waves.mean(axis=0)) / (waves.std(axis=0) + 1e-12)
    return ((states.T @ waves / len(states)) ** 2).max(axis=0)


def measure_power_errors(draws: int, seed: int) -> dict[str, float]:
    """Measure by how much the power iteration misses the basis when f acts on the way, on constructed networks.

    With W = Psi Phi Psi*, an orthonormal Psi and F_k the block of f that reads column k, the first power misses
    Psi_(s-1) by Psi_s F_s, the second misses Psi_(s-2) by Psi_(s-1) F_s + Psi_s (F_(s-1) + F_s^2).

    Args:
        draws: number of random linear boundaries, with history 3 to 7 and dim 1 to 4.
        seed: of the draws.

    Returns:
        largest deviations from these expressions: ``first``, ``second``; the median deviation of the second without
        the square, as printed: ``second_printed``; and the largest error of all powers for repeat copy: ``repeat_copy``.

    Source: twm A.6 Eq. (44)-(48), corrected.
    """
    rng = np.random.default_rng(seed)
    found = {"first": 0.0, "second": 0.0, "repeat_copy": 0.0}
    printed = []
    for _ in range(draws):
        history, dim = int(rng.integers(3, 8)), int(rng.integers(1, 5))
        size = history * dim
        matrix = rng.standard_normal((dim, size)) / np.sqrt(size)
        basis = make_basis(size, size + int(rng.integers(0, 9)), "orthonormal", seed=rng)
        recurrent = transform_operator(make_wave_operator(matrix), basis)
        psi = [basis.basis[:, dim * column : dim * (column + 1)] for column in range(history)]
        newest, before = matrix[:, -dim:], matrix[:, -2 * dim : -dim]
        once = recurrent @ psi[-1]
        twice = recurrent @ once
        miss = twice - psi[-3] - psi[-2] @ newest - psi[-1] @ before
        found["first"] = max(found["first"], np.abs(once - psi[-2] - psi[-1] @ newest).max())
        found["second"] = max(found["second"], np.abs(miss - psi[-1] @ newest @ newest).max())
        printed.append(np.abs(miss).max())
        copy = transform_operator(make_wave_operator(make_repeat_copy(history, dim).matrix), basis)
        power = psi[-1]
        for column in range(history - 2, -1, -1):
            power = copy @ power
            found["repeat_copy"] = max(found["repeat_copy"], np.abs(power - psi[column]).max())
    return {name: float(value) for name, value in found.items()} | {"second_printed": float(np.median(printed))}


def measure_linearisations(networks: Sequence[ElmanSystem], seed: int) -> dict[str, float]:
    """Compare analytic linearisations with automatic differentiation, at rest and at fixed points with bias.

    Each network is taken at rest, and again with random biases, which move its fixed point away from rest.

    Args:
        networks: tanh networks.
        seed: of the biases.

    Returns:
        largest deviations of J W_hh and J W_uh, relative to the largest entry: ``at_rest``, ``at_fixed_points``; the
        least distance of a fixed point from rest: ``distance``; and ``order``, by what factor the remainder falls when
        the step is divided by ten, which is a hundred for a first-order term that is right: its least.

    Source: twm A.5 Eq. (41)-(43).
    """
    import torch

    rng = np.random.default_rng(seed)
    found = {"at_rest": 0.0, "at_fixed_points": 0.0, "distance": np.inf, "order": np.inf}
    for network in networks:
        biased = replace(network, bias=0.3 * rng.standard_normal(network.hidden))
        for name, system in (("at_rest", network), ("at_fixed_points", biased)):
            point = find_fixed_point(system) if name == "at_fixed_points" else np.zeros(system.hidden)
            linear = linearise_system(system, point)
            weights = [torch.from_numpy(part) for part in (system.recurrent, system.encoder, system.bias)]

            def step(state, feed, weights=weights):
                recurrent, encoder, bias = weights
                return torch.tanh(recurrent @ state + encoder @ feed + bias)

            silence = torch.zeros(system.dim, dtype=torch.float64)
            by_state, by_input = torch.autograd.functional.jacobian(step, (torch.from_numpy(point), silence))
            for auto, ours in ((by_state, linear.recurrent), (by_input, linear.encoder)):
                found[name] = max(found[name], float(np.abs(auto.numpy() - ours).max() / np.abs(ours).max()))
            if name == "at_fixed_points":
                found["distance"] = min(found["distance"], float(np.abs(point).max()))
                found["order"] = min(found["order"], _measure_order(system, point, rng))
    return found


def _measure_order(system: ElmanSystem, point: np.ndarray, rng: np.random.Generator) -> float:
    linear = linearise_system(system, point)
    direction, feed = rng.standard_normal(system.hidden), rng.standard_normal(system.dim)
    rest = []
    for size in (1e-2, 1e-3):
        moved = system.step(point + size * direction, size * feed) - point
        rest.append(np.abs(moved - size * (linear.recurrent @ direction + linear.encoder @ feed)).max())
    return float(rest[0] / rest[1])


def measure_strengths(
    gains: Sequence[float],
    kinds: Sequence[str],
    steps: int,
    seed: int,
    history: int = 8,
    dim: int = 4,
    hidden: int = 128,
) -> dict[str, dict[str, np.ndarray]]:
    """Run constructed tanh networks of repeat copy at several interaction strengths.

    Args:
        gains: factors on Phi.
        kinds: kinds of bases, see :func:`twm.theory.bases.make_basis`.
        steps: length of the output phase.
        seed: of bases and contents.
        history, dim, hidden: of the task and the networks.

    Returns:
        by kind: ``recall``, share of right signs over the last lap, and ``amplitude``, mean magnitude of the outputs
        there, (len(gains),) each.

    Source: twm Fig. 6, caption.
    """
    rng = np.random.default_rng(seed)
    require(steps >= history, f"at least one lap of {history} steps is needed, not {steps}")
    inputs = rng.choice([-1.0, 1.0], size=(64, history, dim))
    operator = make_wave_operator(make_repeat_copy(history, dim).matrix)
    found = {}
    for kind in kinds:
        basis = make_basis(history * dim, hidden, kind, seed=seed)
        recall, amplitude = [], []
        for gain in gains:
            recurrent = gain * transform_operator(operator, basis)
            system = ElmanSystem(recurrent, basis.basis[:, -dim:], basis.dual_basis[-dim:])
            states = system.run(np.zeros((64, hidden)), steps, np.moveaxis(inputs, 1, 0))[-history:]
            outputs = system.read(states)
            truth = [repeat_copy_state(inputs, time)[:, -1] for time in range(steps - history + 1, steps + 1)]
            recall.append(float((np.sign(outputs) == truth).mean()))
            amplitude.append(float(np.abs(outputs).mean()))
        found[kind] = {"recall": np.array(recall), "amplitude": np.array(amplitude)}
    return found


def sample_networks(rng_seed: int, count: int, hidden: int, dim: int) -> list[ElmanSystem]:
    """Make random tanh networks without bias, to differentiate.

    Args:
        rng_seed: of the draw.
        count: how many.
        hidden, dim: sizes.
    """
    rng = np.random.default_rng(rng_seed)
    shape = (hidden, hidden)
    return [
        ElmanSystem(
            0.8 * rng.standard_normal(shape) / np.sqrt(hidden),
            rng.standard_normal((hidden, dim)),
            rng.standard_normal((dim, hidden)),
        )
        for _ in range(count)
    ]
