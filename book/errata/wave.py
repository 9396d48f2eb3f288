"""Main paper, Sec. 3 and A.1 to A.3: notation, the wave and its lattice, the linear and the attention boundary."""

from itertools import chain, combinations

import numpy as np

from errata.slips import Measured, check, compare, relative_error
from twm.theory.bases import make_basis, make_readout, transform_operator
from twm.theory.operators import make_cycle, make_wave_operator
from twm.theory.systems import make_fibonacci, make_repeat_copy, rollout

# ---- the wave, Eq. (2)-(5)


@check("twm.eq2.variable")
def check_space_variable() -> Measured:
    """Put the travelling profile h(v, t) = sin(v + nu t) into both equations. Source: twm Eq. (2)."""
    nu, v, t, x = 0.7, np.linspace(0, 6, 50), 1.3, 0.4

    def h(v, t, x):
        return np.sin(v + nu * t) + 0 * x

    # A derivative by a complex step is exact to rounding.
    step = 1e-30j
    by_v, by_t, by_x = (h(*place).imag / 1e-30 for place in ((v + step, t, x), (v, t + step, x), (v, t, x + step)))
    return compare(np.abs(by_t - nu * by_x).max(), np.abs(by_t - nu * by_v).max())


@check("twm.eq3.orientation")
def check_lattice_direction() -> Measured:
    """Run both lattices on repeat copy and compare them with the states they should hold. Source: twm Eq. (1), (3)."""
    s, d, steps = 4, 2, 8
    hds = make_repeat_copy(s, d)
    initial = np.random.default_rng(0).choice([-1.0, 1.0], size=(s, d))
    should_hold = rollout(hds, initial, steps)[-s:]

    def error(offset: int) -> float:
        h = initial
        for _ in range(steps):
            columns = [h[k] if 0 <= k < s else np.zeros(d) for k in range(offset, s - 1 + offset)]
            h = np.stack([*columns, hds.boundary(h)])
        return relative_error(h, should_hold)

    return compare(error(-1), error(+1))


@check("twm.eq3.arguments")
def check_boundary_arguments() -> Measured:
    """Compute Fibonacci's tenth number with one and with two columns summed. Source: twm Eq. (1), (3)."""
    s = 2

    def tenth_number(given_to_f: int) -> float:
        h = np.ones(s)
        for _ in range(10 - s):
            h = np.append(h[1:], h[:given_to_f].sum())
        return h[-1]

    return compare(
        tenth_number(s - 1), tenth_number(s), truth=rollout(make_fibonacci(s), np.ones((s, 1)), 10 - s)[-1, 0]
    )


@check("twm.eq5.arguments")
def check_fibonacci_arguments() -> Measured:
    """Change the newest column alone: the left side cannot notice, the right side does. Source: twm Eq. (5)."""
    s, d = 4, 3
    h = np.random.default_rng(0).normal(size=(s, d))
    changed = h.copy()
    changed[s - 1] += 1
    f = make_fibonacci(s, d).boundary
    return compare(np.abs(changed.sum(0) - h.sum(0)).max(), np.abs(f(changed) - changed.sum(0)).max())


# ---- the linear boundary, Sec. 3.1


@check("twm.sec31.flatindex")
def check_flat_index() -> Measured:
    """Count the flattened indices outside 1..sd. Source: twm Sec. 3.1."""
    s, d = 3, 2
    places = [(i, j) for i in range(1, s + 1) for j in range(1, d + 1)]
    return compare(*(sum(not 1 <= (i - less) * d + j <= s * d for i, j in places) for less in (0, 1)))


@check("twm.sec31.flatstate")
def check_flat_state() -> Measured:
    """Form the printed family of vectors and the corrected sum in a skew basis. Source: twm Sec. 3.1, Eq. (21)."""
    psi = make_basis(6, kind="skew")
    h = np.random.default_rng(0).normal(size=6)
    family = h * psi.basis
    state = family.sum(axis=1)
    holds = state.size == 6 and relative_error(psi.dual_basis @ state, h) < 1e-10
    return Measured(family.size != 6, holds, family.size, state.size)


def sum_wave_operator(boundary: np.ndarray, first_row: int) -> np.ndarray:
    """Add up the two sums of Eq. (6) in the standard basis, the second from row ``first_row``, counted from 1."""
    d, sd = boundary.shape
    phi, e = make_wave_operator(boundary), np.eye(sd)
    shift = sum(np.outer(e[mu - 1], e[mu + d - 1]) for mu in range(1, sd - d + 1))
    return shift + sum(np.outer(e[mu - 1], phi[mu - 1]) for mu in range(first_row, sd + 1))


@check("twm.eq6.sumstart")
def check_second_sum() -> Measured:
    """Compare the spectral radius of the repeat-copy operator, which must be 1. Source: twm Eq. (6), emt Eq. (9)."""
    s, d = 3, 2
    firsts = ((s - 1) * d, (s - 1) * d + 1)
    radii = (np.abs(np.linalg.eigvals(sum_wave_operator(np.eye(d, s * d), first))).max() for first in firsts)
    return compare(*radii, truth=1)


@check("twm.eq7.output")
def check_output_vector() -> Measured:
    """Count the outputs that tell four binary states apart. Source: twm Eq. (7), (30)."""
    s, d = 3, 2
    psi = make_basis(s * d, kind="orthonormal")
    newest = np.zeros((4, s, d))
    newest[:, -1] = [[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)]
    y = (newest.reshape(4, -1) @ psi.basis.T @ make_readout(psi, d).T).round(9)
    return compare(len(np.unique(y.sum(axis=1).round(9))), len(np.unique(y, axis=0)), truth=4)


# ---- the attention boundary, Sec. 3.2


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return exp(scores) divided by its sum."""
    grown = np.exp(scores - scores.max())
    return grown / grown.sum()


@check("twm.eq8.range")
def check_attention_range() -> Measured:
    """Add up the attention weights over both ranges. Source: twm Eq. (8)."""
    s, d = 5, 2
    rng = np.random.default_rng(0)
    h, w_k, w_q = rng.normal(size=(s, d)), rng.normal(size=(d, d)), rng.normal(size=(d, d))
    weights = softmax(h @ (w_k @ w_q / 4) @ h[-1])
    return compare(weights[:d].sum(), weights[:s].sum(), truth=1)


@check("twm.eq8.component")
def check_attention_component() -> Measured:
    """Count the numbers on the right side; the left side is one. Source: twm Eq. (8)."""
    s, d, j = 5, 2, 1
    rng = np.random.default_rng(0)
    h, w_v, a = rng.normal(size=(s, d)), rng.normal(size=(d, d)), softmax(rng.normal(size=s))
    column = sum(a[i] * w_v @ h[i] for i in range(s))
    return compare(np.size(column), np.size(column[j]), truth=1)


@check("twm.sec32.any")
def check_column_order() -> Measured:
    """Search weights for repeat copy on a substrate and on its permutation. Source: twm Sec. 3.2, Eq. (8)."""
    s, d = 4, 2
    rng = np.random.default_rng(0)
    h = np.array([[1.0, 1.0], [-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0]])
    substrates = (h, h[[1, 0, 2, 3]])

    def error(w: np.ndarray, w_v: np.ndarray, labels: np.ndarray) -> float:
        return max(np.abs(w_v @ (softmax(one @ w @ one[-1] + labels) @ one) - one[0]).max() for one in substrates)

    draws = (rng.normal(size=(2, d, d)) for _ in range(300))
    printed = min(error(3 * w, w_v, labels=np.zeros(s)) for w, w_v in draws)
    # With positions the query finds the label of column 1, whatever the contents.
    corrected = error(np.zeros((d, d)), np.eye(d), labels=40 * np.eye(s)[0])
    half_difference = np.abs(substrates[0][0] - substrates[1][0]).max() / 2
    return Measured(printed >= half_difference - 1e-9, corrected < 1e-12, printed, corrected)


# ---- notation, A.1


@check("twm.a1.subspace")
def check_subspaces() -> Measured:
    """Look for the diagonal of the plane among the spans of the subsets of e_1, e_2. Source: twm A.1."""
    e, diagonal = np.eye(2), np.full((2, 2), 0.5)

    def distance(vectors: list[np.ndarray]) -> float:
        columns = np.stack(vectors, axis=1) if vectors else np.zeros((2, 1))
        return np.linalg.norm(columns @ np.linalg.pinv(columns) - diagonal, 2)

    subsets = chain.from_iterable(combinations(e, size) for size in range(3))
    return compare(min(distance(list(subset)) for subset in subsets), distance([e[0] + e[1]]))


# ---- the wave equation and its lattice, A.2


@check("twm.a2.start")
def check_start_of_wave() -> Measured:
    """Count the locations that a pulse visits under Eq. (25). Source: twm Eq. (22), (25), Fig. 2."""
    s = 6

    def count_visited(start: int) -> int:
        h = np.eye(s)[start - 1]
        visited = np.zeros(s, dtype=bool)
        while h.any():
            visited |= h != 0
            h = np.append(h[1:], 0)
        return visited.sum()

    return compare(count_visited(1), count_visited(s), truth=s)


@check("twm.eq23.sametime")
def check_boundary_time() -> Measured:
    """Put the Fibonacci process, which the substrate can hold, into both conditions. Source: twm Eq. (1), (4), (23)."""
    s = 3
    x = rollout(make_fibonacci(s), np.ones((s, 1)), 7)[:, 0]
    residuals = ([x[t] - x[t - s : t + more].sum() for t in range(s, len(x))] for more in (1, 0))
    return compare(*(np.abs(residual).max() for residual in residuals))


@check("twm.eq24.index")
def check_wave_index() -> Measured:
    """Count the numbers that each left side has, for one on the right. Source: twm Eq. (24)."""
    d, s, i, x = 3, 4, 1, 2
    now, later = np.random.default_rng(0).normal(size=(2, d, s))
    return compare(np.size(later[i, x] - now[:, x]), np.size(later[i, x] - now[i, x]), truth=1)


@check("twm.eq26.orientation")
def check_derived_lattice() -> Measured:
    """Step a random profile by Eq. (25) and compare the inner columns. Source: twm Eq. (25), (26)."""
    h = np.random.default_rng(0).normal(size=10)
    k = np.arange(1, 9)
    by_eq_25 = h[k] + (h[k + 1] - h[k])
    return compare(relative_error(h[k - 1], by_eq_25), relative_error(h[k + 1], by_eq_25))


@check("twm.eq26.gap")
def check_every_column() -> Measured:
    """Count the columns without a rule. Source: twm Eq. (26)."""
    s = 5
    return compare(len(set(range(s + 1)) - {*range(2, s + 1), 0}), len(set(range(1, s + 1)) - {*range(1, s), s}))


@check("twm.eq27.reference")
def check_reference() -> Measured:
    """Take one step of each equation from the same state. Source: twm Eq. (7), (9), (27)."""
    s, d = 3, 2
    psi, phi = make_basis(s * d, kind="skew"), make_cycle(s, d, gain=1.5)
    h = np.random.default_rng(0).normal(size=s * d)
    by_eq_27 = np.tanh(transform_operator(phi, psi) @ h)
    by_eq_7 = psi.basis @ phi @ psi.dual_basis @ h
    by_eq_9 = np.tanh(psi.basis @ phi @ psi.dual_basis @ h + np.zeros((s * d, d)) @ np.zeros(d))
    return compare(relative_error(by_eq_7, by_eq_27), relative_error(by_eq_9, by_eq_27))


@check("twm.a2.index")
def check_bra_ket_index() -> Measured:
    """Expand a vector with both choices of indices, summing repeated ones. Source: twm Eq. (21), emt Eq. (3)."""
    v, e = np.random.default_rng(0).normal(size=4), np.eye(4)
    return compare(*(relative_error(np.einsum(f"{bra}k,k,in->n", e, v, e), v) for bra in "ji"))


# ---- Fibonacci, A.3


@check("twm.a3.component")
def check_state_component() -> Measured:
    """Count the components asked for that a state of dimension d lacks. Source: twm A.3."""
    s, d = 4, 3
    numbers = [(i, (i - 1) * d + j) for i in range(1, s + 1) for j in range(1, d + 1)]
    return compare(*(sum(not 1 <= mu - less * (i - 1) * d <= d for i, mu in numbers) for less in (0, 1)))
