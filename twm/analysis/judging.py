"""Does a recovered basis hold? Figures that a basis without waves cannot meet, and what the memories leave unexplained."""

from dataclasses import dataclass

import numpy as np

from twm.analysis.recovery import (
    ElmanSystem,
    Linearisation,
    RecoveredBasis,
    StateSample,
    StateSystem,
    find_copies,
    linearise_system,
)
from twm.errors import require


@dataclass(frozen=True, eq=False)
class ContentFigures:
    """How well a basis tells what a network holds; whatever the network is.

    Attributes:
        readout_newest: largest deviation of W_r Psi from what theory reads, in the columns that it reads.
        readout_others: the same in the columns it does not read: W_r Psi_k, to be 0.
        encoding_r2: (n,) for each variable, 1 less the squared error of its reading by the dual, by its own
            variance, in the settled output phase of fresh histories.
        explained: share of the hidden states' variance there that ``basis @ wave`` explains.
    """

    readout_newest: float
    readout_others: float
    encoding_r2: np.ndarray
    explained: float

    @property
    def least_r2(self) -> float:
        """The encoding R^2 of the worst variable."""
        return float(self.encoding_r2.min())


@dataclass(frozen=True, eq=False)
class BasisFigures(ContentFigures):
    """How well a basis shows that a network carries the wave.

    No single figure is enough. Psi* W Psi = Phi alone proves nothing for repeat copy: W^s is 1 on the memories, so any
    starting block, propagated by W, passes. The readout pins the block down, and the content has to be there.

    Attributes:
        operator: Psi* W Psi, (n, n) for the n needed coordinates that are not copies of others; W the linearised recurrent matrix.
        orbit_operator: Psi* G W Psi with the mean gain G of each neuron's activation along the orbit.
        theory: Phi on the same coordinates.
        relative_error: Frobenius norm of ``operator - theory`` by that of ``theory``.
        relative_error_orbit: the same of ``orbit_operator``.
        support_match: share of entries of ``orbit_operator`` that are above 0.5 where theory's are, and below elsewhere.
        support_match_weights: the same of ``operator``.

    Source: twm Sec. 4.2, Fig. 3-4; the choice of figures is ours.
    """

    operator: np.ndarray
    orbit_operator: np.ndarray
    theory: np.ndarray
    relative_error: float
    relative_error_orbit: float
    support_match: float
    support_match_weights: float


@dataclass(frozen=True, eq=False)
class Complement:
    """What the n memories that differ do not explain: the rest of the hidden space.

    Attributes:
        basis: (hidden, hidden - n) orthonormal columns, the directions with most unexplained activity first.
        variances: (hidden - n,) variance of the unexplained activity along each.
        into_memories: norm of the block Psi* W Psi_perp, by that of Psi* W Psi.
        out_of_memories: norm of the block Psi_perp* W Psi, by the same.
        radius: spectral radius of the block Psi_perp* W Psi_perp; below 1 it decays.

    Source: twm Algorithm 1, last line; emt Sec. 6-7.
    """

    basis: np.ndarray
    variances: np.ndarray
    into_memories: float
    out_of_memories: float
    radius: float


def measure_support(found: np.ndarray, theory: np.ndarray, level: float = 0.5) -> float:
    """Return the share of entries whose magnitude is on the same side of a level in both matrices."""
    require(np.shape(found) == np.shape(theory), f"shapes differ: {np.shape(found)} and {np.shape(theory)}")
    return float(((np.abs(found) > level) == (np.abs(theory) > level)).mean())


def judge_content(
    system: StateSystem, recovered: RecoveredBasis, sample: StateSample, at: int | None = None
) -> ContentFigures:
    """Judge a basis by readout and content alone, which needs no linearisation.

    Args:
        system: any network that can be run.
        recovered: the basis.
        sample: hidden states and waves that the basis was not made from.
        at: look at this one step instead of the settled output phase.

    Raises:
        UserError: if basis and sample do not fit.
    """
    observable = sample.observable
    require(recovered.rank == observable.rank, f"the basis has {recovered.rank} columns, the task {observable.rank}")
    chosen = slice(sample.settled, None) if at is None else slice(at, at + 1)
    states, waves = sample.states[chosen], sample.waves[chosen]
    # Copies count once.
    kept, expansion = (sample.kept, sample.expansion) if at is None else find_copies(observable.operator, at)
    # Readouts are linear, so what one sees of a direction is a difference of two readings.
    seen = (system.read(recovered.origin + (recovered.basis @ expansion).T) - system.read(recovered.origin)).T
    expected = observable.readout @ expansion
    read = expected.any(axis=0)
    deviation = np.abs(seen - expected)
    errors = ((recovered.read_waves(states) - waves) ** 2).mean(axis=(0, 1))
    rest = ((states - recovered.hold_waves(waves)) ** 2).sum()
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
    """Judge a basis by weights, readout and content.

    Args:
        system: the network.
        recovered: the basis.
        sample: hidden states and waves that the basis was not made from.
        linear: as for :func:`twm.analysis.recovery.recover_basis`.

    Raises:
        UserError: if basis and sample do not fit.
    """
    content = judge_content(system, recovered, sample)
    linear = linearise_system(system) if linear is None else linear
    # Copies count once.
    kept, expansion = sample.kept, sample.expansion
    theory = (sample.observable.operator @ expansion)[kept]
    basis, dual = recovered.basis @ expansion, recovered.dual_basis[kept]
    operator = dual @ linear.recurrent @ basis
    gain = measure_gain(system, linear.point, sample.states[sample.settled :])
    orbit = dual @ (gain[:, None] * system.recurrent) @ basis
    size = np.linalg.norm(theory)
    return BasisFigures(
        **vars(content),
        operator=operator,
        orbit_operator=orbit,
        theory=theory,
        relative_error=float(np.linalg.norm(operator - theory) / size),
        relative_error_orbit=float(np.linalg.norm(orbit - theory) / size),
        support_match=measure_support(orbit, theory),
        support_match_weights=measure_support(operator, theory),
    )


def measure_gain(system: ElmanSystem, point: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return each neuron's mean gain along an orbit: output over drive, both from their values at the fixed point.

    With this gain in place of the slope at rest the linear step is the true one, neuron by neuron, not an
    approximation of it: g(p) = (g(p)/p) p. Only its average over the orbit is.

    Args:
        system: the network.
        point: h*, (hidden,).
        states: (..., hidden) along the orbit.

    Returns:
        (hidden,); 1 at rest for tanh, less in use.

    Source: ours.
    """
    drive = (states - point) @ system.recurrent.T
    moved = system.step(states) - system.step(point)
    # As a ratio of second moments, which weighs a state by how far it is from rest and has no division by zero.
    drive, moved = drive.reshape(-1, system.hidden), moved.reshape(-1, system.hidden)
    power = (drive**2).sum(axis=0)
    return np.where(power > 0, (drive * moved).sum(axis=0) / np.where(power > 0, power, 1), 1.0)


def invert_bases(basis: np.ndarray, dual: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return the rows that read memories and complement, (hidden, hidden): the inverse of ``[basis, across]``.

    Where a network has too few directions for its memories there is no inverse; these rows then read what can be read.

    Args:
        basis: (hidden, n).
        dual: (n, hidden).
        across: (hidden, hidden - n), orthonormal, on which the dual vanishes.
    """
    return np.concatenate([dual, across.T - (across.T @ basis) @ dual])


def find_complement(
    system: ElmanSystem, recovered: RecoveredBasis, sample: StateSample, linear: Linearisation | None = None
) -> Complement:
    """Find the directions of the activity that the memories do not explain, and how they interact with the memories.

    Args:
        system: the network.
        recovered: the basis.
        sample: hidden states; the input phase counts too, as most of the rest is transient.
        linear: as for :func:`twm.analysis.recovery.recover_basis`.

    Raises:
        UserError: if the basis fills the hidden space.

    Source: twm Algorithm 1, "PC"; emt Algorithm 1, with the projection Psi Psi* h in place of Psi* h.
    """
    linear = linearise_system(system) if linear is None else linear
    basis, dual = recovered.basis @ sample.expansion, recovered.dual_basis[sample.kept]
    rank = basis.shape[1]
    require(rank < system.hidden, f"{rank} memories fill the {system.hidden} neurons: there is no complement")
    states = np.concatenate([sample.early, sample.states]).reshape(-1, system.hidden) - recovered.origin
    rest = states - (states @ dual.T) @ basis.T
    # The rest is where the dual reads nothing. Directions without any activity are taken from there too.
    blind = np.linalg.svd(dual)[2][rank:].T
    variances, turned = np.linalg.eigh(blind.T @ (rest.T @ rest / len(rest)) @ blind)
    across, variances = blind @ turned[:, ::-1], variances[::-1]
    whole = np.concatenate([basis, across], axis=1)
    blocks = invert_bases(basis, dual, across) @ linear.recurrent @ whole
    inside, out = blocks[:rank, :rank], blocks[rank:, :rank]
    into, outside = blocks[:rank, rank:], blocks[rank:, rank:]
    size = np.linalg.norm(inside)
    return Complement(
        across,
        variances,
        float(np.linalg.norm(into) / size),
        float(np.linalg.norm(out) / size),
        float(np.abs(np.linalg.eigvals(outside)).max()),
    )
