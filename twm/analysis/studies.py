"""Controls of the page on basis recovery, until its cells show them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from twm.analysis.analyses import Analysis
from twm.analysis.interventions import try_interventions
from twm.analysis.judging import judge_basis
from twm.analysis.recovery import RecoveredBasis, StateSample, recover_basis, sample_states
from twm.analysis.systems import ElmanSystem, linearise_system
from twm.theory.bases import make_basis, transform_operator
from twm.theory.operators import make_wave_operator, repeat_copy_state
from twm.theory.systems import HDS, make_repeat_copy


def start_at_random(system: ElmanSystem, recovered: RecoveredBasis, dim: int, seed: int) -> RecoveredBasis:
    """Make the basis that forward powers of a random block inside the memories give: a control that must be rejected."""
    rng = np.random.default_rng(seed)
    Psi = [recovered.basis @ np.linalg.qr(rng.standard_normal((recovered.rank, dim)))[0]]
    for _ in range(recovered.rank // dim - 1):
        Psi.insert(0, system.recurrent @ Psi[0])
    columns = np.concatenate(Psi, axis=1)
    return replace(recovered, basis=columns, dual_basis=np.linalg.pinv(columns))


def scan_mixture(
    system: ElmanSystem, task: HDS, fresh: StateSample, alphas: Sequence[float], transient: float = 1.0
) -> dict[str, np.ndarray]:
    """Judge the earlier paper's mixture at several alphas. Source: emt Sec. 6, Algorithm 1, Eq. (14)-(15)."""
    bases = [recover_basis(system, task, "mixture", alpha=alpha, transient=transient) for alpha in alphas]
    found = [judge_basis(system, basis, fresh) for basis in bases]
    errors, r2s = [one.relative_error for one in found], [one.least_r2 for one in found]
    return {"relative_error": np.array(errors), "encoding_r2": np.array(r2s)}


def count_misread(analysis: Analysis, sample: StateSample) -> dict[str, int]:
    """Count the signs that the regressed basis misreads in a sample: ``wrong_bits`` of ``bits``."""
    read = analysis.bases["regression"].read_waves(sample.states)
    return {"wrong_bits": int((np.sign(read) != sample.waves).sum()), "bits": read.size}


def measure_power_errors(draws: int, seed: int) -> dict[str, float]:
    """Measure by how much the power iteration misses the basis when f acts on the way, on constructed networks.

    With W = Psi Phi Psi*, an orthonormal Psi and F_k the block of f that reads column k, the first power misses
    Psi_(s-1) by Psi_s F_s, the second Psi_(s-2) by Psi_(s-1) F_s + Psi_s (F_(s-1) + F_s^2), which is printed without the
    square; for repeat copy all powers are exact. Source: twm A.6 Eq. (44)-(48), corrected.
    """
    rng = np.random.default_rng(seed)
    first, second, printed, repeat_copy = [], [], [], []
    for _ in range(draws):
        history, dim = int(rng.integers(3, 8)), int(rng.integers(1, 5))
        size = history * dim
        matrix = rng.standard_normal((dim, size)) / np.sqrt(size)
        basis = make_basis(size, size + int(rng.integers(0, 9)), "orthonormal", seed=rng)
        W, copy = (
            transform_operator(make_wave_operator(f), basis) for f in (matrix, make_repeat_copy(history, dim).matrix)
        )
        Psi, F = (np.split(blocks, history, axis=1) for blocks in (basis.basis, matrix))
        once, twice = W @ Psi[-1], W @ W @ Psi[-1]
        first.append(np.abs(once - Psi[-2] - Psi[-1] @ F[-1]).max())
        miss = twice - Psi[-3] - Psi[-2] @ F[-1] - Psi[-1] @ F[-2]
        printed.append(np.abs(miss).max())
        second.append(np.abs(miss - Psi[-1] @ F[-1] @ F[-1]).max())
        powers = [np.linalg.matrix_power(copy, k) @ Psi[-1] - Psi[-1 - k] for k in range(history)]
        repeat_copy.append(np.abs(powers).max())
    worst = {"first": max(first), "second": max(second), "repeat_copy": max(repeat_copy)}
    return {name: float(value) for name, value in worst.items()} | {"second_printed": float(np.median(printed))}


def measure_strengths(
    gains: Sequence[float],
    kinds: Sequence[str],
    steps: int,
    seed: int,
    history: int = 8,
    dim: int = 4,
    hidden: int = 128,
) -> dict[str, dict[str, np.ndarray]]:
    """Run constructed tanh networks of repeat copy at several gains, by kind of basis.

    ``recall`` is the share of right signs over the last lap, ``amplitude`` the outputs' mean magnitude there, (gains,).
    Source: twm Fig. 6, caption.
    """
    inputs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(64, history, dim))
    truth = np.stack([repeat_copy_state(inputs, time)[:, -1] for time in range(steps - history + 1, steps + 1)])
    Phi, found = make_wave_operator(make_repeat_copy(history, dim).matrix), {}
    for kind in kinds:
        basis, recall, amplitude = make_basis(history * dim, hidden, kind, seed=seed), [], []
        W = transform_operator(Phi, basis)
        for gain in gains:
            system = ElmanSystem(gain * W, basis.basis[:, -dim:], basis.dual_basis[-dim:])
            states = system.run(np.zeros((64, hidden)), steps, np.moveaxis(inputs, 1, 0))
            outputs = system.read(states[-history:])
            recall.append(float((np.sign(outputs) == truth).mean()))
            amplitude.append(float(np.abs(outputs).mean()))
        found[kind] = {"recall": np.array(recall), "amplitude": np.array(amplitude)}
    return found


def sample_networks(rng_seed: int, count: int, hidden: int, dim: int) -> list[ElmanSystem]:
    """Make random tanh networks without bias, to differentiate."""
    rng = np.random.default_rng(rng_seed)
    shapes = ((hidden, hidden), (hidden, dim), (dim, hidden))
    scales = (0.8 / np.sqrt(hidden), 1.0, 1.0)
    return [
        ElmanSystem(*(scale * rng.standard_normal(shape) for scale, shape in zip(scales, shapes))) for _ in range(count)
    ]


def measure_linearisations(networks: Sequence[ElmanSystem], seed: int) -> dict[str, float]:
    """Compare linearisations of tanh networks with automatic differentiation, at rest and at fixed points with bias.

    Returns the largest relative deviations ``at_rest`` and ``at_fixed_points``, the least ``distance`` of a fixed point
    from rest, and the least ``order``: by what factor the remainder falls when the step is divided by ten, which is a
    hundred where the first-order term is right. Source: twm A.5 Eq. (41)-(43).
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {"at_rest": [], "at_fixed_points": [], "distance": [], "order": []}
    for network in networks:
        biased = replace(network, bias=0.3 * rng.standard_normal(network.hidden))
        for name, system in (("at_rest", network), ("at_fixed_points", biased)):
            linear = linearise_system(system)
            W_hh, W_uh, b = (torch.from_numpy(part) for part in (system.recurrent, system.encoder, system.bias))

            def step(h, u, W_hh=W_hh, W_uh=W_uh, b=b):
                return torch.tanh(W_hh @ h + W_uh @ u + b)

            silence = torch.zeros(system.dim, dtype=torch.float64)
            auto = torch.autograd.functional.jacobian(step, (torch.from_numpy(linear.point), silence))
            for theirs, ours in zip(auto, (linear.recurrent, linear.encoder)):
                found[name].append(np.abs(theirs.numpy() - ours).max() / np.abs(ours).max())
        found["distance"].append(np.abs(linear.point).max())
        h, u = rng.standard_normal(biased.hidden), rng.standard_normal(biased.dim)
        first = linear.recurrent @ h + linear.encoder @ u
        rest = [np.abs(biased.step(linear.point + e * h, e * u) - linear.point - e * first).max() for e in (1e-2, 1e-3)]
        found["order"].append(rest[0] / rest[1])
    return {name: float(min(each) if name in ("distance", "order") else max(each)) for name, each in found.items()}


def trace_errors(recovered: RecoveredBasis, sample: StateSample) -> np.ndarray:
    """Return the mean squared error (history - 1 + horizon + 1,) of reading the variables from the first input on.

    During the input phase the substrate holds the inputs so far in its newest columns, and zeros elsewhere; the sample's
    inputs are its histories, uncorrected.
    """
    history, batch, dim = sample.fed.shape
    early = np.zeros((history - 1, batch, history, dim))
    for time in range(1, history):
        early[time - 1, :, history - time :] = np.moveaxis(sample.fed[:time], 0, 1)
    flat = early.reshape(history - 1, batch, history * dim)
    waves = np.concatenate([flat @ sample.observable.projection.T, sample.waves])
    states = np.concatenate([sample.early, sample.states])
    return ((recovered.read_waves(states) - waves) ** 2).mean(axis=(1, 2))


def find_best_neurons(sample: StateSample) -> np.ndarray:
    """Return for each variable (rank,) its largest squared correlation with a single neuron in the output phase."""

    def standardise(values: np.ndarray) -> np.ndarray:
        values = values[1:].reshape(-1, values.shape[-1])
        return (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-12)

    states, waves = standardise(sample.states), standardise(sample.waves)
    return ((states.T @ waves / len(states)) ** 2).max(axis=0)


def count_answers(
    system: ElmanSystem, task: HDS, level: float = 0.9, count: int = 256, seed: int = 0
) -> dict[str, float]:
    """Count the variables of a network that answer to swaps, one and two laps after the input phase.

    A variable answers where a share ``level`` of the outputs that must change follow. Returns the shares of variables
    that answer when theory's content is taken out before the new one is put in (``known``), or what the dual reads
    (``read``), and the least share of the other outputs that stay (``kept``).
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
