"""Criteria for a recovered basis that no basis without waves can meet, and the activity that variables do not explain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twm.analysis.recovery import RecoveredBasis, StateSample, find_slow_space, recover_basis
from twm.analysis.systems import ElmanSystem, Linearisation, StateSystem, linearise_system
from twm.errors import require
from twm.theory.systems import HDS


@dataclass(frozen=True, eq=False)
class ContentFigures:
    """Criteria on the readout and the stored values in a basis, for any kind of network."""

    readout_newest: float  # largest deviation of W_r Psi from the predicted readout, in the columns that it reads
    readout_others: float  # the same in the columns that it does not read: W_r Psi_k, to be 0
    encoding_r2: np.ndarray  # (n,) R^2 of each variable, decoded by the dual on held-out histories
    explained: float  # share of the hidden states' variance that ``basis @ wave`` explains on them

    least_r2 = property(lambda self: float(self.encoding_r2.min()))  # of the worst variable


@dataclass(frozen=True, eq=False)
class BasisFigures(ContentFigures):
    """Criteria that a network carries the wave in a basis; operators act on the n observable coordinates without copies.

    Psi* W Psi = Phi alone proves nothing for repeat copy, because any block that W propagates satisfies it; the readout
    and the stored values identify the basis. Source: twm Sec. 4.2, Fig. 3-4; the choice is ours."""

    operator: np.ndarray  # Psi* W Psi, (n, n), W the linearised recurrent matrix
    orbit_operator: np.ndarray  # Psi* G W Psi with the mean gain G of each neuron along the orbit
    theory: np.ndarray  # Phi on the same coordinates
    relative_error: float  # Frobenius norm of operator - theory, divided by that of theory
    relative_error_orbit: float  # the same of orbit_operator
    support_match: float  # share of entries where orbit_operator and theory are both above 0.5 in magnitude, or both not
    support_match_weights: float  # the same of operator


@dataclass(frozen=True, eq=False)
class Complement:
    """Directions that the n distinct variables do not explain. Source: twm Algorithm 1, last line; emt Sec. 6-7."""

    basis: np.ndarray  # Psi_perp, (hidden, hidden - n) orthonormal, the directions with most unexplained activity first
    into_memories: float  # norm of the block Psi* W Psi_perp, divided by that of Psi* W Psi
    out_of_memories: float  # norm of the block Psi_perp* W Psi, divided by the same
    radius: float  # spectral radius of the block Psi_perp* W Psi_perp; below 1 its activity decays


def judge_content(
    system: StateSystem, recovered: RecoveredBasis, sample: StateSample, at: int | None = None
) -> ContentFigures:
    """Test a basis by readout and stored values on a held-out sample, in the steady state or at step ``at``."""
    observable, Psi = sample.observable, recovered.basis
    require(recovered.rank == observable.rank, f"the basis has {recovered.rank} columns, the task {observable.rank}")
    states, waves, kept, expansion = sample.select(at)
    # Readouts are affine, so a direction's contribution is the difference of two outputs.
    seen = (system.read(recovered.origin + (Psi @ expansion).T) - system.read(recovered.origin)).T
    expected = observable.readout @ expansion
    read, deviation = expected.any(axis=0), np.abs(seen - expected)
    errors = ((recovered.read_waves(states) - waves) ** 2).mean(axis=(0, 1))
    rest = ((states - (recovered.origin + waves @ recovered.basis.T)) ** 2).sum()
    spread = ((states - states.mean(axis=(0, 1))) ** 2).sum()
    return ContentFigures(
        readout_newest=float(deviation[:, read].max()),
        readout_others=float(deviation[:, ~read].max(initial=0.0)),
        encoding_r2=1 - errors[kept] / waves[..., kept].var(axis=(0, 1)),
        explained=float(1 - rest / spread) if spread > 0 else 0.0,
    )


def judge_basis(
    system: ElmanSystem, recovered: RecoveredBasis, sample: StateSample, linear: Linearisation | None = None
) -> BasisFigures:
    """Test a basis by weights, readout and stored values, on a held-out sample."""
    content = judge_content(system, recovered, sample)
    linear = linearise_system(system) if linear is None else linear
    states, _, kept, expansion = sample.select()
    theory = (sample.observable.operator @ expansion)[kept]
    Psi, dual = recovered.basis @ expansion, recovered.dual_basis[kept]
    G = _measure_gain(system, linear.point, states)
    both = operator, orbit = dual @ linear.recurrent @ Psi, dual @ (G[:, None] * system.recurrent) @ Psi
    off, off_orbit = (float(np.linalg.norm(found - theory) / np.linalg.norm(theory)) for found in both)
    match, match_orbit = (float(((np.abs(found) > 0.5) == (np.abs(theory) > 0.5)).mean()) for found in both)
    return BasisFigures(
        **vars(content), operator=operator, orbit_operator=orbit, theory=theory, relative_error=off,
        relative_error_orbit=off_orbit, support_match=match_orbit, support_match_weights=match,
    )  # fmt: skip


def _measure_gain(system: ElmanSystem, point: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return each neuron's mean gain (hidden,) along an orbit (..., hidden): output over drive, relative to the fixed point.

    With this gain, not the slope at rest, the linear step equals the true one on average: g(p) = (g(p)/p) p. Source: ours."""
    states = states.reshape(-1, system.hidden)
    drive, moved = (states - point) @ system.recurrent.T, system.step(states) - system.step(point)
    # A ratio of second moments, which weights states by their distance from the fixed point.
    power = (drive**2).sum(axis=0)
    return np.divide((drive * moved).sum(axis=0), power, out=np.ones_like(power), where=power > 0)


def scan_mixture(
    system: ElmanSystem, task: HDS, sample: StateSample, alphas: Sequence[float], transient: float = 1.0
) -> dict[str, np.ndarray]:
    """Test the earlier paper's basis of a repeat-copy network at n values of alpha: return the relative error of the weights
    and the worst variable's R^2, (n,) each. Source: emt Sec. 6, Eq. (14)-(15)."""
    linear, found = linearise_system(system), []
    states, waves, *_ = sample.select()
    ends = (recover_basis(system, task, "mixture", sample, linear, end, transient=transient) for end in (0.0, 1.0))
    back, ahead = (end.basis for end in ends)
    for Psi in (alpha * ahead + (1 - alpha) * back for alpha in alphas):
        dual, Phi = np.linalg.pinv(Psi), sample.observable.operator
        off = np.linalg.norm(dual @ linear.recurrent @ Psi - Phi) / np.linalg.norm(Phi)
        misread = ((states @ dual.T - waves) ** 2).mean(axis=(0, 1)) / waves.var(axis=(0, 1))
        found.append((off, 1 - misread.max()))
    return dict(zip(("relative_error", "encoding_r2"), np.transpose(found)))


def judge_loading(recovered: RecoveredBasis, sample: StateSample) -> dict[str, float]:
    """Test how repeat copy fills its variables, at the worst input step: root mean square of the value decoded from ``empty``
    ones (also at the first step) and of the error of ``loaded`` ones, and their ``wrong_signs``. Source: emt Sec. 7, Fig. 3D."""
    s, states, over = sample.history, np.concatenate([sample.early, sample.states[:1]]), (1, 2, 3)
    waves = np.zeros((s, states.shape[1], s, sample.fed.shape[-1]))
    for t in range(1, s + 1):
        waves[t - 1, :, s - t :] = np.moveaxis(sample.fed[:t], 0, 1)
    read, full = recovered.read_waves(states).reshape(waves.shape), waves != 0
    misread = (read - waves) ** 2
    empty = np.sqrt(misread[:-1].mean(over, where=~full[:-1]))
    wrong = (np.sign(read) != waves).mean(over, where=full)
    loaded = np.sqrt(misread.mean(over, where=full))
    return {"empty": empty.max(), "empty_first": empty[0], "loaded": loaded.max(), "wrong_signs": wrong.max()}


def judge_shift(system: ElmanSystem, recovered: RecoveredBasis, history: int) -> dict[str, float]:
    """Measure errors, relative to the right side, of W Psi_k = Psi_(k-1) for the worst and the best k, of W_uh = W_r^+, of the
    same projected by Psi Psi* (``encoder_slow``), and of the projected W_uh = Psi_s (``newest``). Source: emt Sec. 6."""
    Psi, memories = np.split(recovered.basis, history, axis=1), recovered.basis @ recovered.dual_basis
    W, W_uh, start = system.recurrent, system.encoder, np.linalg.pinv(system.readout)
    pairs = [(W @ Psi[k], Psi[k - 1]) for k in range(1, history)]
    pairs += [(W_uh, start), (memories @ W_uh, memories @ start), (memories @ W_uh, Psi[-1])]
    *steps, raw, slow, newest = (float(np.linalg.norm(left - right) / np.linalg.norm(right)) for left, right in pairs)
    return {"step": max(steps), "least_step": min(steps), "encoder": raw, "encoder_slow": slow, "newest": newest}


def transform_to_memories(W: np.ndarray, basis: np.ndarray, dual: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Write W in the basis of variables (hidden, n) and orthonormal directions (hidden, hidden - n) in the dual's kernel."""
    rows = np.concatenate([dual, across.T - (across.T @ basis) @ dual])
    return rows @ W @ np.concatenate([basis, across], axis=1)


def find_complement(
    system: ElmanSystem, recovered: RecoveredBasis, sample: StateSample, linear: Linearisation | None = None
) -> Complement:
    """Find the directions of activity that variables do not explain. Source: twm Algorithm 1, "PC"; emt Algorithm 1."""
    linear = linearise_system(system) if linear is None else linear
    basis, dual = recovered.basis @ sample.expansion, recovered.dual_basis[sample.kept]
    n = basis.shape[1]
    require(n < system.hidden, f"{n} memories fill the {system.hidden} neurons: there is no complement")
    states = np.concatenate([sample.early, sample.states]).reshape(-1, system.hidden) - recovered.origin
    rest = states - (states @ dual.T) @ basis.T  # The projection is Psi Psi* h; emt prints Psi* h.
    # The rest lies in the dual's kernel. Directions without any activity are taken from the kernel too.
    blind = np.linalg.svd(dual)[2][n:].T
    across = blind @ np.linalg.eigh(blind.T @ (rest.T @ rest / len(rest)) @ blind)[1][:, ::-1]
    blocks = transform_to_memories(linear.recurrent, basis, dual, across)
    within, into, out = (float(np.linalg.norm(part)) for part in (blocks[:n, :n], blocks[:n, n:], blocks[n:, :n]))
    return Complement(across, into / within, out / within, float(np.abs(np.linalg.eigvals(blocks[n:, n:])).max()))


def measure_rest(system: ElmanSystem, sample: StateSample) -> tuple[float, float]:
    """Measure the block of W from the slow subspace's orthogonal complement into it: its norm relative to W within,
    and the least share of the complement's principal directions that carries .9 of its squared norm. Source: twm Fig. 7B."""
    linear = linearise_system(system)
    W, (slow, rest, *_) = linear.recurrent, find_slow_space(linear)
    active = np.concatenate([sample.early, sample.states]).reshape(-1, system.hidden) @ rest
    block = slow.T @ W @ rest @ np.linalg.eigh(active.T @ active)[1]
    carried = np.cumsum(np.sort((block**2).sum(axis=0))[::-1]) / (block**2).sum()
    ratio, count = np.linalg.norm(block) / np.linalg.norm(slow.T @ W @ slow), np.searchsorted(carried, 0.9) + 1
    return float(ratio), float(count / len(carried))
