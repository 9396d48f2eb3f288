"""Main paper, Sec. 3: the wave, the linear boundary and the attention boundary."""

import numpy as np

from twm.errata.model import Chapter, ErratumResult, compare_errors, relative_error, report
from twm.theory.bases import make_basis, make_readout
from twm.theory.operators import make_wave_operator
from twm.theory.systems import make_fibonacci, make_repeat_copy, rollout

CHAPTER = Chapter("twm")


# ---- the wave, Eq. (2)-(5)


@CHAPTER.add(
    "twm.eq2.variable",
    where="Eq. (2)",
    printed=r"$\partial h(v_j,t)/\partial t = \nu_j\,\partial h(v_j,t)/\partial x_j$",
    corrected=r"$\partial h(v_j,t)/\partial t = \nu_j\,\partial h(v_j,t)/\partial v_j$",
    why=(
        "The place along the substrate is $v_j$, as the next sentence of the paper says when it discretises "
        "$v_j$; $h(v_j,t)$ does not depend on $x_j$, so the printed right side is zero and nothing would "
        "ever move."
    ),
)
def check_space_variable() -> ErratumResult:
    """Put the travelling profile h(v, t) = sin(v + nu t) into both equations. Source: twm Eq. (2)."""
    nu, tiny = 0.7, 1e-30
    v, t, x = np.linspace(0, 6, 50), 1.3, 0.4

    def h(v, t, x):
        return np.sin(v + nu * t) + 0 * x

    # A derivative by a complex step is exact to rounding.
    step = tiny * 1j
    by_v, by_t, by_x = (h(*place).imag / tiny for place in ((v + step, t, x), (v, t + step, x), (v, t, x + step)))
    return compare_errors(
        np.abs(by_t - nu * by_x).max(), np.abs(by_t - nu * by_v).max(), "residual of a wave of height 1 in the equation"
    )


@CHAPTER.add(
    "twm.eq3.orientation",
    where="Eq. (3)",
    printed=r"$h_{ij}(t+1) = h_{(i-1)j}(t)$ for $1 \le i < s$",
    corrected=r"$h_{ij}(t+1) = h_{(i+1)j}(t)$ for $1 \le i < s$",
    why=(
        "Activity starts in column $s$ and leaves from column 1 (Fig. 2, Eq. 6, Eq. 25), so column $i$ is "
        "fed by column $i+1$. As printed, column 1 is fed by a column 0 that does not exist, and what the "
        "boundary writes into column $s$ is never passed on."
    ),
)
def check_lattice_direction() -> ErratumResult:
    """Run both lattices on repeat copy and compare them with the states they should hold. Source: twm Eq. (1), (3)."""
    s, d, steps = 4, 2, 8
    hds = make_repeat_copy(s, d)
    initial = np.random.default_rng(0).choice([-1.0, 1.0], size=(s, d))
    should_hold = rollout(hds, initial, steps)[-s:]

    def run(offset: int) -> np.ndarray:
        h = initial
        for _ in range(steps):
            sources = [i + offset for i in range(s - 1)]
            columns = [h[k] if 0 <= k < s else np.zeros(d) for k in sources]
            h = np.stack([*columns, hds.boundary(h)])
        return h

    return compare_errors(
        relative_error(run(-1), should_hold),
        relative_error(run(+1), should_hold),
        "largest error of the substrate after 8 steps of repeat copy (s=4, d=2), in units of the states",
    )


@CHAPTER.add(
    "twm.eq3.arguments",
    where="Eq. (3)",
    printed=r"$h_{sj}(t+1) = f(h_{s-1}(t),\ldots,h_1(t))_j$",
    corrected=r"$h_{sj}(t+1) = f(h_s(t),h_{s-1}(t),\ldots,h_1(t))_j$",
    why="Eq. 1 gives $f$ the last $s$ states, but the printed list has $s-1$: the newest state is left out.",
)
def check_boundary_arguments() -> ErratumResult:
    """Compute Fibonacci's tenth number with one and with two columns summed. Source: twm Eq. (1), (3)."""
    s = 2

    def tenth_number(given_to_f: slice) -> float:
        h = np.ones(s)
        for _ in range(10 - s):
            h = np.append(h[1:], h[given_to_f].sum())
        return h[-1]

    printed, corrected = tenth_number(slice(0, s - 1)), tenth_number(slice(0, s))
    truth = rollout(make_fibonacci(s), np.ones((s, 1)), 10 - s)[-1, 0]
    return report(printed != truth, corrected == truth, printed, corrected, "tenth Fibonacci number (55)")


@CHAPTER.add(
    "twm.eq5.arguments",
    where="Eq. (5)",
    printed=r"$f(h_{s-1}(t),\ldots,h_1(t))_j = \sum_{i=1}^{s} h_{ij}$",
    corrected=r"$f(h_s(t),\ldots,h_1(t))_j = \sum_{i=1}^{s} h_{ij}(t)$",
    why=(
        "The right side changes with $h_s$, on which the left side does not depend: no function $f$ can satisfy both."
    ),
)
def check_fibonacci_arguments() -> ErratumResult:
    """Change the newest column alone: the left side cannot notice, the right side does. Source: twm Eq. (5)."""
    s, d = 4, 3
    h = np.random.default_rng(0).normal(size=(s, d))
    changed = h.copy()
    changed[s - 1] += 1
    printed = np.abs(changed.sum(axis=0) - h.sum(axis=0)).max()
    f = make_fibonacci(s, d).boundary
    corrected = np.abs(f(changed) - changed.sum(axis=0)).max()
    return compare_errors(printed, corrected, "how far two sums differ that share every printed argument of f")


# ---- the linear boundary, Sec. 3.1


@CHAPTER.add(
    "twm.sec31.flatindex",
    where="Sec. 3.1, before Eq. (6)",
    printed=r"$h'_{id+j}$ for column $i = 1,\ldots,s$ and dimension $j = 1,\ldots,d$",
    corrected="$h'_{(i-1)d+j}$",
    why=(
        "With $i$ counted from 1, $id+j$ runs from $d+1$ to $sd+d$: the last column has no place, the first "
        "$d$ places no column."
    ),
)
def check_flat_index() -> ErratumResult:
    """Count the flattened indices outside 1..sd. Source: twm Sec. 3.1."""
    s, d = 3, 2
    places = [(i, j) for i in range(1, s + 1) for j in range(1, d + 1)]
    printed = sum(not 1 <= i * d + j <= s * d for i, j in places)
    corrected = sum(not 1 <= (i - 1) * d + j <= s * d for i, j in places)
    return report(printed > 0, corrected == 0, printed, corrected, "indices outside 1..sd (s=3, d=2)")


@CHAPTER.add(
    "twm.sec31.flatstate",
    where="Sec. 3.1, before Eq. (6)",
    printed=r"$h'_{id+j} = h_{ij}\,\psi_{id+j}$",
    corrected=r"$h' = \sum_{i,j} h_{ij}\,\psi_{(i-1)d+j}$",
    why=(
        r"A component is a number, but $h_{ij}\psi$ is a vector. The state is the sum of these vectors, and "
        r"$\psi^{(i-1)d+j} h'$ reads $h_{ij}$ back."
    ),
)
def check_flat_state() -> ErratumResult:
    """Form the printed family of vectors and the corrected sum in a skew basis. Source: twm Sec. 3.1, Eq. (21)."""
    s, d = 3, 2
    psi = make_basis(s * d, kind="skew")
    h = np.random.default_rng(0).normal(size=s * d)
    family = h * psi.basis
    state = family.sum(axis=1)
    read_back = relative_error(psi.dual_basis @ state, h)
    return report(
        family.size != s * d,
        state.size == s * d and read_back < 1e-10,
        family.size,
        state.size,
        "numbers in the flattened state, which has sd = 6 components",
    )


def build_wave_operator(boundary: np.ndarray, first_row: int) -> np.ndarray:
    """Add up the two sums of Eq. (6) in the standard basis, the second from row ``first_row`` (counted from 1).

    Args:
        boundary: F, (dim, history*dim).
        first_row: where the second sum starts.

    Returns:
        Phi, (history*dim, history*dim); its coefficients in the second sum are those of the true operator.
    """
    phi = make_wave_operator(boundary)
    d, sd = boundary.shape
    total = np.zeros((sd, sd))
    e = np.eye(sd)
    for mu in range(1, sd - d + 1):
        total += np.outer(e[mu - 1], e[mu + d - 1])
    for mu in range(first_row, sd + 1):
        total += np.outer(e[mu - 1], phi[mu - 1])
    return total


def check_second_sum() -> ErratumResult:
    """Compare the spectral radius of the repeat-copy operator, which must be 1. Source: twm Eq. (6), emt Eq. (9)."""
    s, d = 3, 2
    copy_oldest = np.eye(d, s * d)
    printed, corrected = (
        np.abs(np.linalg.eigvals(build_wave_operator(copy_oldest, first))).max()
        for first in ((s - 1) * d, (s - 1) * d + 1)
    )
    return report(
        abs(printed - 1) > 1e-3,
        abs(corrected - 1) < 1e-10,
        printed,
        corrected,
        "largest |eigenvalue| of the repeat-copy operator (s=3, d=2), which must be 1",
    )


CHAPTER.add(
    "twm.eq6.sumstart",
    where="Eq. (6)",
    printed=r"second sum: $\sum_{\mu=(s-1)d}^{sd}\sum_{\nu=1}^{sd}\Phi^\mu_\nu\psi_\mu\psi^\nu$",
    corrected=r"$\sum_{\mu=(s-1)d+1}^{sd}\sum_{\nu=1}^{sd}\Phi^\mu_\nu\psi_\mu\psi^\nu$",
    why=(
        "Row $(s-1)d$ is already in the first sum; counted twice, it doubles one component at every lap, and "
        "repeat copy explodes. Eq. 7 has the right start."
    ),
)(check_second_sum)


@CHAPTER.add(
    "twm.eq7.output",
    where="Eq. (7)",
    printed=r"$y(t) = \sum_{\mu=(s-1)d+1}^{sd} \psi^\mu h(t)$",
    corrected=r"$y(t) = \left(\psi^{(s-1)d+1} h(t),\ldots,\psi^{sd} h(t)\right)^\top = \Psi_s^* h(t)$",
    why=(
        "The sum adds the $d$ outputs up to one number, so states with the same sum cannot be told apart. "
        "Eq. 30 has the vector."
    ),
)
def check_output_vector() -> ErratumResult:
    """Count the outputs that tell four binary states apart. Source: twm Eq. (7), (30)."""
    s, d = 3, 2
    psi = make_basis(s * d, kind="orthonormal")
    states = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)])
    newest = np.zeros((len(states), s, d))
    newest[:, -1] = states
    y = newest.reshape(len(states), -1) @ psi.basis.T @ make_readout(psi, d).T
    printed = len(np.unique(y.sum(axis=1).round(9)))
    corrected = len(np.unique(y.round(9), axis=0))
    return report(
        printed < len(states),
        corrected == len(states),
        printed,
        corrected,
        "different outputs for the four states of {-1,1}^2",
    )


# ---- the attention boundary, Sec. 3.2


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return exp(scores) divided by its sum."""
    grown = np.exp(scores - scores.max())
    return grown / grown.sum()


@CHAPTER.add(
    "twm.eq8.range",
    where="Eq. (8)",
    printed=r"$\sum_{i=1}^{d}$ over the attended columns $h_i$",
    corrected=r"$\sum_{i=1}^{s}$",
    why=(
        "There are $s$ columns to attend to; stopping at $d$ drops columns (or, for $s<d$, asks for columns "
        "that do not exist)."
    ),
)
def check_attention_range() -> ErratumResult:
    """Add up the attention weights over both ranges. Source: twm Eq. (8)."""
    s, d = 5, 2
    rng = np.random.default_rng(0)
    h, w_k, w_q = rng.normal(size=(s, d)), rng.normal(size=(d, d)), rng.normal(size=(d, d))
    weights = softmax(h @ (w_k @ w_q / 4) @ h[-1])
    printed, corrected = weights[:d].sum(), weights[:s].sum()
    return report(
        printed < 1 - 1e-3,
        abs(corrected - 1) < 1e-12,
        printed,
        corrected,
        "sum of the attention weights (s=5, d=2), which must be 1",
    )


@CHAPTER.add(
    "twm.eq8.component",
    where="Eq. (8)",
    printed=r"$h_{sj}(t+1) = \sum_i a_i W_V h_i$",
    corrected=r"$h_{sj}(t+1) = \left(\sum_i a_i W_V h_i\right)_j$",
    why="The left side is component $j$ of the newest column, the right side the whole column.",
)
def check_attention_component() -> ErratumResult:
    """Count the numbers on the right side; the left side is one. Source: twm Eq. (8)."""
    s, d, j = 5, 2, 1
    rng = np.random.default_rng(0)
    h, w_v = rng.normal(size=(s, d)), rng.normal(size=(d, d))
    a = softmax(rng.normal(size=s))
    column = sum(a[i] * w_v @ h[i] for i in range(s))
    printed, corrected = np.size(column), np.size(column[j])
    return report(
        printed != 1, corrected == 1, printed, corrected, "numbers on the right side, for one on the left (d=2)"
    )


@CHAPTER.add(
    "twm.sec32.any",
    where="Sec. 3.2",
    printed="self-attention with learnable $W_K, W_Q, W_V$ can approximate any non-linear boundary",
    corrected=(
        r"only boundaries that ignore the order of columns $1,\ldots,s-1$; with labels for the positions, "
        "repeat copy too"
    ),
    why=(
        "A softmax sum does not change when the older columns are permuted, so two substrates that differ in "
        "their order get the same next state. Repeat copy must answer differently, so on one of the two any "
        "attention is wrong by at least half the difference."
    ),
    kind="consistency",
)
def check_column_order() -> ErratumResult:
    """Search weights for repeat copy on a substrate and on its permutation. Source: twm Sec. 3.2, Eq. (8)."""
    s, d = 4, 2
    rng = np.random.default_rng(0)
    h = np.array([[1.0, 1.0], [-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0]])
    substrates = (h, h[[1, 0, 2, 3]])

    def attend(columns: np.ndarray, w: np.ndarray, w_v: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return w_v @ (softmax(columns @ w @ columns[-1] + labels) @ columns)

    def error(w: np.ndarray, w_v: np.ndarray, labels: np.ndarray) -> float:
        return max(np.abs(attend(columns, w, w_v, labels) - columns[0]).max() for columns in substrates)

    draws = (rng.normal(size=(2, d, d)) for _ in range(300))
    printed = min(error(3 * w, w_v, labels=np.zeros(s)) for w, w_v in draws)
    # With positions the query finds the label of column 1, whatever the contents.
    corrected = error(np.zeros((d, d)), np.eye(d), labels=40 * np.eye(s)[0])
    half_difference = np.abs(substrates[0][0] - substrates[1][0]).max() / 2
    return report(
        printed >= half_difference - 1e-9,
        corrected < 1e-12,
        printed,
        corrected,
        "least error over 300 random attentions on a substrate and its permutation (bound: 1), in units of the states",
    )
