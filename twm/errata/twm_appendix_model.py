"""Main paper, App. A.1 to A.3: notation, the derivation of the lattice, and Fibonacci."""

from itertools import chain, combinations

import numpy as np

from twm.errata.model import Chapter, ErratumResult, compare_errors, relative_error, report
from twm.theory.bases import make_basis, transform_operator
from twm.theory.operators import make_cycle
from twm.theory.systems import make_fibonacci, rollout

CHAPTER = Chapter("twm")


# ---- notation, A.1


@CHAPTER.add(
    "twm.a1.subspace",
    where="A.1, after Eq. (21); emt Sec. 4",
    printed="a subspace is spanned by a subset of the basis vectors",
    corrected="a subspace is spanned by some vectors, which are linear combinations of the basis vectors",
    why=(
        "The diagonal of the plane is a subspace but contains neither axis. It matters here: the memories of "
        "a trained network are subspaces that no subset of neurons spans."
    ),
)
def check_subspaces() -> ErratumResult:
    """Look for the diagonal of the plane among the spans of the subsets of e_1, e_2. Source: twm A.1."""
    e = np.eye(2)
    diagonal = np.full((2, 2), 0.5)

    def project_onto(vectors: list[np.ndarray]) -> np.ndarray:
        columns = np.stack(vectors, axis=1) if vectors else np.zeros((2, 1))
        return columns @ np.linalg.pinv(columns)

    subsets = chain.from_iterable(combinations(e, size) for size in range(3))
    printed = min(np.linalg.norm(project_onto(list(subset)) - diagonal, 2) for subset in subsets)
    corrected = np.linalg.norm(project_onto([e[0] + e[1]]) - diagonal, 2)
    return compare_errors(
        printed, corrected, "least distance between the diagonal's projector and that of a listed subspace"
    )


# ---- the wave equation and its lattice, A.2


@CHAPTER.add(
    "twm.a2.start",
    where="A.2, before Eq. (23)",
    printed="the wave begins at location 1",
    corrected="it begins at location $s$, the largest (Sec. 3, Fig. 2)",
    why=(
        r"With $\nu>0$ in Eq. 22 a profile moves towards smaller $x$. What enters at location 1 has left "
        "after one step; only what enters at location $s$ crosses the substrate. Eq. 23 and 26 name a third "
        "place, location 0."
    ),
    kind="consistency",
)
def check_start_of_wave() -> ErratumResult:
    """Count the locations that a pulse visits under Eq. (25). Source: twm Eq. (22), (25), Fig. 2."""
    s = 6

    def locations_visited(start: int) -> int:
        h = np.zeros(s)
        h[start - 1] = 1
        visited = np.zeros(s, dtype=bool)
        while h.any():
            visited |= h != 0
            h = np.append(h[1:], 0)
        return visited.sum()

    printed, corrected = locations_visited(1), locations_visited(s)
    return report(printed < s, corrected == s, printed, corrected, "locations that a pulse visits, of 6")


@CHAPTER.add(
    "twm.eq23.sametime",
    where="Eq. (23)",
    printed=r"$h_i(0,t) = f_i(h(0,t),h(1,t),\ldots,h(s,t))$",
    corrected=r"$h_i(s,t+1) = f_i(h(1,t),\ldots,h(s,t))$",
    why=(
        "The new value must come from the substrate one step before. At the same time $t$ the equation is a "
        "condition on the substrate: with Fibonacci's sum it says that all other columns add up to zero. It "
        "also has $s+1$ columns for $f$, which takes $s$ states (Eq. 1)."
    ),
)
def check_boundary_time() -> ErratumResult:
    """Put the Fibonacci process, which the substrate can hold, into both conditions. Source: twm Eq. (1), (4), (23)."""
    s = 3
    x = rollout(make_fibonacci(s), np.ones((s, 1)), 7)[:, 0]
    same_time = [x[t] - x[t - s : t + 1].sum() for t in range(s, len(x))]
    step_later = [x[t] - x[t - s : t].sum() for t in range(s, len(x))]
    return compare_errors(
        np.abs(same_time).max(),
        np.abs(step_later).max(),
        "largest residual of the Fibonacci process (s=3, starting 1,1,1)",
    )


@CHAPTER.add(
    "twm.eq24.index",
    where="Eq. (24), (25)",
    printed="$h_i(x,t+1) - h(x,t)$",
    corrected="$h_i(x,t+1) - h_i(x,t)$",
    why="A component minus a whole column of $d$ waves: the second term has lost its index.",
)
def check_wave_index() -> ErratumResult:
    """Count the numbers that each left side has, for one on the right. Source: twm Eq. (24)."""
    d, s, i, x = 3, 4, 1, 2
    now, later = np.random.default_rng(0).normal(size=(2, d, s))
    printed, corrected = np.size(later[i, x] - now[:, x]), np.size(later[i, x] - now[i, x])
    return report(
        printed != 1, corrected == 1, printed, corrected, "numbers on the left side, for one on the right (d=3)"
    )


@CHAPTER.add(
    "twm.eq26.orientation",
    where="Eq. (26)",
    printed="$h_i(k,t+1) = h_i(k-1,t)$",
    corrected="$h_i(k,t+1) = h_i(k+1,t)$",
    why=("This is Eq. 25 with $h_i(x,t)$ cancelled on both sides; the printed line has the wave run the other way."),
)
def check_derived_lattice() -> ErratumResult:
    """Step a random profile by Eq. (25) and compare the inner columns. Source: twm Eq. (25), (26)."""
    h = np.random.default_rng(0).normal(size=10)
    k = np.arange(1, 9)
    by_eq_25 = h[k] + (h[k + 1] - h[k])
    return compare_errors(
        relative_error(h[k - 1], by_eq_25), relative_error(h[k + 1], by_eq_25), "relative difference from Eq. (25)"
    )


@CHAPTER.add(
    "twm.eq26.gap",
    where="Eq. (26)",
    printed=r"columns $1 < k \le s$ are shifted, column 0 gets $f$",
    corrected=r"columns $1 \le k < s$ are shifted, column $s$ gets $f$",
    why=r"Of the $s+1$ columns $0,\ldots,s$ that Eq. 26 speaks of, column 1 is never given a value.",
)
def check_every_column() -> ErratumResult:
    """Count the columns without a rule. Source: twm Eq. (26)."""
    s = 5
    printed = set(range(s + 1)) - {*range(2, s + 1), 0}
    corrected = set(range(1, s + 1)) - {*range(1, s), s}
    return report(len(printed) > 0, not corrected, len(printed), len(corrected), "columns without a rule (s=5)")


@CHAPTER.add(
    "twm.eq27.reference",
    where="A.2, before Eq. (27)",
    printed="Eq. 27 restates the dynamics of Eq. 7",
    corrected="Eq. 27 restates Eq. 9 without input",
    why=r"Eq. 27 has the activation $\sigma_f$, Eq. 7 is linear.",
    kind="consistency",
)
def check_reference() -> ErratumResult:
    """Take one step of each equation from the same state. Source: twm Eq. (7), (9), (27)."""
    s, d = 3, 2
    psi, phi = make_basis(s * d, kind="skew"), make_cycle(s, d, gain=1.5)
    h = np.random.default_rng(0).normal(size=s * d)
    by_eq_27 = np.tanh(transform_operator(phi, psi) @ h)
    by_eq_7 = psi.basis @ phi @ psi.dual_basis @ h
    by_eq_9 = np.tanh(psi.basis @ phi @ psi.dual_basis @ h + np.zeros((s * d, d)) @ np.zeros(d))
    return compare_errors(
        relative_error(by_eq_7, by_eq_27),
        relative_error(by_eq_9, by_eq_27),
        "relative difference from Eq. (27) after one step",
    )


def check_bra_ket_index() -> ErratumResult:
    """Expand a vector with both choices of indices, summing repeated ones. Source: twm Eq. (21), emt Eq. (3)."""
    v, e = np.random.default_rng(0).normal(size=4), np.eye(4)
    printed = np.einsum("jk,k,in->n", e, v, e)
    corrected = np.einsum("ik,k,in->n", e, v, e)
    return compare_errors(
        relative_error(printed, v), relative_error(corrected, v), "relative error of the expanded vector"
    )


CHAPTER.add(
    "twm.a2.index",
    where="A.2, after Eq. (27)",
    printed=r"$|h(t)\rangle = \langle e^j|h(t)\rangle\,|e_i\rangle$",
    corrected=r"$|h(t)\rangle = \langle e^i|h(t)\rangle\,|e_i\rangle$",
    why=(
        r"In the convention used, equal indices are summed. With $i \ne j$ every component would be "
        "multiplied into every basis vector. Eq. 21 has it right."
    ),
)(check_bra_ket_index)


# ---- Fibonacci, A.3


@CHAPTER.add(
    "twm.a3.component",
    where="A.3, before Eq. (29)",
    printed=r"$|h(s)\rangle = \sum_i\sum_{\psi_\mu\in\{\Psi_i\}} u_i^\mu\,|\psi_\mu\rangle$",
    corrected=(
        r"$\sum_{i=1}^{s}\sum_{j=1}^{d} u_j^i\,|\psi_{(i-1)d+j}\rangle$, with $u^i$ the $i$-th state as in "
        "Eq. 28"
    ),
    why=(
        r"The basis vectors of $\Psi_i$ have the numbers $(i-1)d+1,\ldots,id$, but a state has only the "
        r"components $1,\ldots,d$: from $i=2$ on the printed component does not exist."
    ),
)
def check_state_component() -> ErratumResult:
    """Count the components asked for that a state of dimension d lacks. Source: twm A.3."""
    s, d = 4, 3
    numbers = [(i, (i - 1) * d + j) for i in range(1, s + 1) for j in range(1, d + 1)]
    printed = sum(not 1 <= mu <= d for i, mu in numbers)
    corrected = sum(not 1 <= mu - (i - 1) * d <= d for i, mu in numbers)
    return report(printed > 0, corrected == 0, printed, corrected, "missing components, of 12 asked for (s=4, d=3)")
