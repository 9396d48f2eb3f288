# %% [markdown]
# # History-dependent systems as travelling waves (Theorem 3.1)
#
# ## Summary
#
# Sections 2 and 3 of the paper propose that a network stores its recent states as a travelling wave. Each new state
# enters a lattice at one end, moves one column per step, and leaves at the other end. Theorem 3.1 states that any rule
# that computes the next state from the last $s$ states can run on such a lattice. We derive the lattice from the one-way
# wave equation and prove the theorem. In a numerical test, {value}`twm.thm31:equal` of {value}`twm.thm31:systems`
# random systems are reproduced by their lattices at every step ({claim}`twm.thm31`). Eq. 3 of the paper needs a correction, because as printed it
# moves activity in the wrong direction.
#
# {numref}`fig-theory-3141` shows the lattice at work. The paper draws the text "3141" as a picture five rows high. Each of
# its sixteen columns is one state with five components, $+1$ for ink and $-1$ for background.

# %% tags=["parameters"]
profile = "paper"
device = "auto"
seed = 0
reuse = True

# %% tags=["hide-input"]
import math
from itertools import pairwise

import numpy as np

from twm.book.figures import theory as draw
from twm.book.figures.front_page import LatticeToy
from twm.book.session import open_page
from twm.theory.lattice import amplification_factor, euler_advect, measure_euler_error, measure_transport_error
from twm.theory.lattice import numerical_diffusion, simulate_wave, step_lattice, translate_profile
from twm.theory.pictures import states_to_picture, text_to_states
from twm.theory.systems import TASK_CODES, draw_binary_history, draw_random_systems, make_fibonacci, make_hds
from twm.theory.systems import make_linear_hds, make_named_task, make_random_hds, make_repeat_copy, make_selection
from twm.theory.systems import rollout, window_states

page = open_page("01_theory", profile=profile, device=device, seed=seed, reuse=reuse)
rng = np.random.default_rng(page.seed)

# %% mystnb={"figure": {"caption": "Repeat copy on the lattice. Left: the text \"3141\" enters an empty substrate at column 16 and moves left by one column per step. From step 17 there is no input; the boundary copies each state that leaves column 1 back to column 16. Right: every state that has been in the newest column, in order. The picture repeats unchanged.", "name": "fig-theory-3141"}} tags=["hide-input"]
copy, picture = make_repeat_copy(16, 5), text_to_states("3141")
crossing = simulate_wave(np.zeros((16, 5)), copy.boundary, 48, inputs=picture)
draw.animate_lattice(
    crossing, 16, "The text 3141 crosses the lattice",
    "Left, a grid of five rows and sixteen columns: the digits 3141 enter from the right, move left by one "
    "column per step and re-enter when they leave. Right, the same digits appear once, twice, three times.",
)

# %% [markdown]
# | Statement | Verdict |
# |---|---|
# | Eq. 1: the first $s$ states and the rule $f$ determine a history-dependent system. | {claim}`twm.hds` |
# | Eq. 2: the one-way wave equation is an exact shift when it is discretised in unit steps. | {claim}`twm.pde` |
# | Fig. 2, Eq. 3: $d$ waves travel without interaction, leave without reflection, and are computed by $f$ where they start. | {claim}`twm.substrate` |
# | Fig. 1: one snapshot of the wave field tells when and where each recent event occurred. | {claim}`twm.fig1` |
# | Theorem 3.1: every history-dependent system can be represented in this way. | {claim}`twm.thm31` |
#
# The [notation page](../notation.md) lists the paper's symbols beside the names used in the code.
#
# ## History-dependent systems
#
# A *history-dependent dynamical system* ({term}`HDS`) has states $x_i \in \mathbb{R}^d$. The first $s$ states are given,
# and every later state is a function of the $s$ states before it (Eq. 1 of the paper):
#
# $$
# x_i = f(x_{i-1}, x_{i-2}, \ldots, x_{i-s}), \qquad i > s .
# $$ (eq-theory-hds)
#
# We call $s$ the history of the system and $d$ its dimension (`history` and `dim` in the code). A simple example is the sum of the last $s$ states. It gives
# the Fibonacci series 1, 1, 2, 3, 5 for $s = 2$, and the generalised Fibonacci series for larger $s$. Their growth rate has
# a closed form. If $x_i \approx C\,r^i$ for large $i$, Eq. {eq}`eq-theory-hds` becomes
#
# $$
# r^s = r^{s-1} + r^{s-2} + \cdots + 1 .
# $$ (eq-theory-growth)
#
# For $s = 2$ the largest root is the golden ratio. We compute the series and the largest root for three values of $s$. As a
# nonlinear example we run the delayed logistic map $x_i = 2.1\,x_{i-1}(1 - x_{i-2})$. We run it twice from the same two
# initial states, and once with a different first state.

# %% tags=["remove-input"]
page.show(rollout)

# %% [markdown]
# {numref}`fig-theory-recursions` A shows that the three series grow at the predicted rates. In B, equal initial states give
# equal orbits, and a different first state gives a different orbit.

# %% mystnb={"figure": {"caption": "Generalised Fibonacci series and a delayed logistic map. A: series for three values of s (markers) and the growth predicted by the largest root (dashed). B: two runs from equal initial states (circles and dots) coincide; a run with a different first state (squares) follows another orbit. The grey band marks the two initial states.", "name": "fig-theory-recursions"}, "image": {"alt": "Left: three series on a logarithmic axis; each follows a straight dashed line with the predicted slope. Right: two oscillating orbits that coincide, and a third orbit that starts from another first state and differs from them.", "width": "720px"}} tags=["hide-input"]
fibonacci, roots = {}, {}
for history in (2, 3, 5):
    series = rollout(make_fibonacci(history), np.ones((history, 1), dtype=object), 20)
    fibonacci[history] = series.ravel().astype(float)
    roots[history] = max(abs(np.roots([1.0] + [-1.0] * history)))

def grow_with_delay(window):
    """Return 2.1 x_(i-1) (1 - x_(i-2)); the newest state is the last."""
    return 2.1 * window[..., 1, :] * (1 - window[..., 0, :])

logistic = make_hds(grow_with_delay, history=2, dim=1)
starts = [[[0.3], [0.4]], [[0.3], [0.4]], [[0.5], [0.4]]]
orbits = rollout(logistic, starts, 26)[..., 0]

ratios = {history: series[-1] / series[-2] for history, series in fibonacci.items()}
growth_error = page.note("growth_error", max(abs(ratio / roots[history] - 1) for history, ratio in ratios.items()))
draw.plot_recursions(fibonacci, roots, orbits[:2], orbits[2])

# %% [markdown]
# After about twenty terms, the ratio of consecutive terms matches the largest root to a relative error of
# {value}`01_theory:growth_error|.1g`.
#
# We compare the library's `rollout` with a reference implementation in plain Python ({claim}`twm.hds`). The reference
# follows the notation of the paper: a state is a number or a tuple, and $f$ takes its arguments in the order of Eq. 1,
# newest first. We test scalar, vector, nonlinear and integer functions $f$.

# %%
def recur(f, first, steps):
    """Write out Eq. (1): x_i = f(x_(i-1), ..., x_(i-s))."""
    x = list(first)
    for _ in range(steps):
        x.append(f(*x[: -len(first) - 1 : -1]))
    return x

def compare(hds, f, first, steps=60):
    """Return the largest relative difference of library and hand."""
    by_hand = np.array(recur(f, first, steps), dtype=float)
    first = np.array(first, dtype=float).reshape(hds.history, hds.dim)
    by_library = rollout(hds, first, steps).reshape(by_hand.shape)
    return np.abs(by_library - by_hand).max() / np.abs(by_hand).max()


# %% tags=["hide-input", "hide-cell"]
scalar = make_linear_hds([[0.2, -0.3, 1.1]], history=3, dim=1)
vector = make_linear_hds([[0.9, 0.0, 0.0, -0.4], [0.0, 0.8, 0.4, 0.2]], history=2, dim=2)
by_name = {
    "scalar": (scalar, lambda x, y, z: 1.1 * x - 0.3 * y + 0.2 * z),
    "vector": (vector, lambda x, y: (0.9 * y[0] - 0.4 * x[1], 0.8 * y[1] + 0.4 * x[0] + 0.2 * x[1])),
    "nonlinear": (logistic, lambda x, y: 2.1 * x * (1 - y)),
}
errors = {}
for kind, (hds, f) in by_name.items():
    first = rng.uniform(0.2, 0.5, size=(hds.history, hds.dim))
    first = [tuple(x) for x in first] if hds.dim > 1 else first.ravel()
    errors[kind] = compare(hds, f, first)

exact = rollout(make_fibonacci(3), np.ones((3, 1), dtype=object), 300).ravel()
by_hand = recur(lambda x, y, z: x + y + z, (1, 1, 1), 300)
mismatches = sum(x != y for x, y in zip(exact, by_hand, strict=True))
integers = {"integer_mismatches": mismatches, "integer_terms": len(exact), "integer_digits": len(str(exact[-1]))}
numbers = {f"error_{kind}": error for kind, error in errors.items()} | integers
page.record("twm.hds", numbers, figure="fig-theory-recursions")

# %% [markdown]
# | Kind of $f$ | Largest difference, relative to the largest state |
# |---|---|
# | scalar | {value}`twm.hds:error_scalar\|.1g` |
# | vector | {value}`twm.hds:error_vector\|.1g` |
# | nonlinear | {value}`twm.hds:error_nonlinear\|.1g` |
# | integer, {value}`twm.hds:integer_terms` terms with up to {value}`twm.hds:integer_digits` digits | {value}`twm.hds:integer_mismatches` |
#
# The floating-point differences are at the level of rounding error.
#
# ## Transport equation
#
# Consider a line of neural tissue whose activity $h(x, t)$ obeys the one-way wave equation, also called the transport
# equation (Eq. 2; Eq. 22 in App. A.2):
#
# $$
# \frac{\partial h}{\partial t} = \nu\, \frac{\partial h}{\partial x} .
# $$ (eq-theory-transport)
#
# Its solution is $h(x, t) = h(x + \nu t,\, 0)$. The initial profile moves towards smaller $x$ at the speed $\nu$ and keeps
# its shape. A snapshot is therefore a record of the recent past: the activity at $x$ entered earlier than the activity at
# $x + 1$, by a time of $1/\nu$.
#
# The equation is first order in $x$, so it needs one boundary condition, at the end where activity enters. At the other end
# activity simply leaves. This outflow boundary cannot reflect a wave, because the equation has no solution that travels back.
#
# A lattice has cells of width $\Delta x$ and time steps $\Delta t$. Euler's method replaces both derivatives by
# differences (Eq. 24):
#
# $$
# h_i(t + \Delta t) = h_i(t) + c\,\bigl(h_{i+1}(t) - h_i(t)\bigr), \qquad c = \frac{\nu\,\Delta t}{\Delta x} .
# $$ (eq-theory-euler)
#
# The {term}`Courant number` $c$ is the number of cells that the wave crosses per step. It alone determines how the scheme
# behaves. Each step multiplies a Fourier mode $e^{\mathrm{i}\theta i}$ by the amplification factor
#
# $$
# g(\theta) = 1 - c + c\,e^{\mathrm{i}\theta}, \qquad |g|^2 = 1 - 2c(1-c)(1-\cos\theta) .
# $$ (eq-theory-gain)
#
# This factor leads to three predictions:
#
# - For $0 < c < 1$ the scheme blurs the profile, and its error falls with the first power of $\Delta x$.
# - At $c = 1$ the scheme is an exact shift.
# - For $c > 1$ the scheme is unstable. The shortest waves are amplified by a factor of $2c - 1$ per step.
#
# ```{admonition} Numerical diffusion for c < 1
# :class: dropdown
#
# The scheme replaces each cell by the weighted mean $(1-c)\,h_i + c\,h_{i+1}$. This is a random walk in which a fraction $c$
# of the activity moves left at each step and the rest stays. After $n$ steps the weights are binomial. Their mean, $nc$
# cells, is correct for every $c$. Their variance, $nc(1-c)$ cells squared, should be zero, which holds only for $c = 1$ or
# $c = 0$. To second order in $\Delta x$, the scheme solves the transport equation with an added diffusion term. The diffusion
# constant is $D = \nu\,\Delta x\,(1-c)/2$.
# ```
#
# We test the predictions with a pulse that travels 64 cells, and with a smooth profile on increasingly fine rings.

# %% mystnb={"figure": {"caption": "Numerical error at different Courant numbers. A: a pulse after it has travelled 64 cells, and the exact solution (grey). The pulse at c = 1 matches the exact solution; smaller c gives a wider pulse. B: relative error of a smooth profile after an eighth of the ring (markers) and the error predicted from numerical diffusion (dashed, slope \u22121). Halving the cell width halves the error.", "name": "fig-theory-courant"}, "image": {"alt": "Left: four pulses at the same position; one equals the exact solution, and three are lower and wider. Right: error against number of cells on logarithmic axes; three rows of markers follow straight dashed lines with slope minus one.", "width": "720px"}} tags=["hide-input"]
cells, distance = (32, 64, 128, 256, 512, 1024), 1 / 8
below = (0.25, 0.5, 0.8)
curvature = (2 * np.pi) ** 2  # the largest, relative to the largest value

def smooth(x):
    return np.exp(np.sin(2 * np.pi * x))

measured, predicted = {}, {}
for c in below:
    measured[c] = [measure_euler_error(smooth, n, c, distance) for n in cells]
    # The modified equation: D times the time travelled times the curvature.
    predicted[c] = [numerical_diffusion(c, 1.0, 1 / n) * distance * curvature for n in cells]

pulse = np.exp(-0.5 * ((np.arange(160) - 110) / 4) ** 2)
pulses = {c: euler_advect(pulse, c, round(64 / c))[-1] for c in (*below, 1.0)}
draw.plot_courant(pulses, translate_profile(pulse, 64), cells, measured, predicted, 64)

# %% [markdown]
# In {numref}`fig-theory-courant` A all pulses arrive at the correct position, but only the pulse at $c = 1$ keeps its shape.
# We estimate the order of convergence from the two finest rings. At $c = 1$ we test independent random values that span
# eighteen orders of magnitude, because a shift is exact for any profile. For $c > 1$ we disturb a single cell, which
# excites all modes equally, and measure its growth rate. The amplification of each mode and the variance of a pulse are
# plotted in {numref}`fig-theory-amplification` (collapsed below).

# %% mystnb={"figure": {"caption": "Amplification and numerical diffusion. A: factor by which one Euler step multiplies each mode. The factor lies below 1 for c < 1, equals 1 at c = 1, and exceeds 1 for c > 1. B: variance of a pulse, which grows by c(1 \u2212 c) per step for c < 1 and is constant at c = 1. For c > 1 the variance shrinks while the shortest waves grow.", "name": "fig-theory-amplification"}, "image": {"alt": "Left: five curves of the amplification factor against wavenumber, with markers on the lines. The curve for c of one is constant at one, the curve for larger c rises above it, and the others dip below. Right: variance against steps, straight lines with markers on them.", "width": "720px"}} tags=["hide-input", "hide-cell"]
courants, ring = (0.25, 0.5, 0.8, 1.0, 1.05), 32
angles = 2 * np.pi * np.arange(ring // 2 + 1) / ring
modes = np.exp(1j * angles[:, None] * np.arange(ring))
gains, gains_predicted = {}, {}
for c in courants:
    gains[c] = np.abs(euler_advect(modes, c, 1, "periodic")[1]).max(axis=1)
    gains_predicted[c] = np.abs(amplification_factor(c, angles))

times, x = np.arange(0, 101, 20), np.arange(300)
bump = np.exp(-0.5 * ((x - 240) / 4) ** 2)
spread, spread_predicted = {}, {}
for c in courants:
    orbit = euler_advect(bump, c, 100)[times]
    weights = orbit / orbit.sum(axis=1, keepdims=True)
    spread[c] = weights @ x**2 - (weights @ x) ** 2
    spread_predicted[c] = spread[c][0] + times * c * (1 - c)

draw.plot_amplification(angles, gains_predicted, gains, times, spread, spread_predicted)

# %% tags=["hide-input", "hide-cell"]
orders = [math.log2(measured[c][-2] / measured[c][-1]) for c in below]
to_prediction = [measured[c][-1] / predicted[c][-1] for c in below]

rough = rng.normal(size=(4, 200))
rough *= 10.0 ** rng.integers(-9, 10, size=rough.shape)
error_at_one = 0.0
for start in ("open", "periodic"):
    for steps in (1, 37, 200, 450):
        off = euler_advect(rough, 1.0, steps, start)[-1] - translate_profile(rough, steps, start)
        error_at_one = max(error_at_one, np.abs(off).max())

spike = np.eye(16)[0]  # one disturbed cell holds all modes in equal parts
above, growth = (1.05, 1.2), []
for c in above:
    norms = np.linalg.norm(euler_advect(spike, c, 1000, "periodic"), axis=1)
    growth.append(float((norms[1000] / norms[900]) ** (1 / 100)))
growth_predicted = [round(2 * c - 1, 12) for c in above]
gain_error = max(np.abs(gains[c] - gains_predicted[c]).max() for c in courants)
spread_error = max(np.abs(spread[c] - spread_predicted[c]).max() for c in courants)

numbers = {"error_at_one": error_at_one, "courants_below": below, "orders": orders, "error_to_prediction": to_prediction}
numbers |= {"courants_above": above, "growth": growth, "growth_predicted": growth_predicted}
page.record("twm.pde", numbers | {"gain_error": gain_error, "spread_error": spread_error}, figure="fig-theory-courant")

# %% [markdown]
# The measurements confirm all three predictions ({claim}`twm.pde`).
#
# | Quantity | Predicted | Measured |
# |---|---|---|
# | error at $c = 1$ | 0 | {value}`twm.pde:error_at_one` |
# | order of convergence, $c$ from {value}`twm.pde:courants_below\|.2f` | 1 | {value}`twm.pde:orders\|.3f` |
# | measured error / predicted error, same $c$ | 1 | {value}`twm.pde:error_to_prediction\|.3f` |
# | growth per step at $c$ = {value}`twm.pde:courants_above[0]` | {value}`twm.pde:growth_predicted[0]` | {value}`twm.pde:growth[0]` |
# | growth per step at $c$ = {value}`twm.pde:courants_above[-1]` | {value}`twm.pde:growth_predicted[-1]` | {value}`twm.pde:growth[-1]` |
# | largest deviation of $\lvert g\rvert$ from Eq. {eq}`eq-theory-gain` | 0 | {value}`twm.pde:gain_error\|.1g` |
# | largest deviation of the variance from $nc(1-c)$, in cells squared | 0 | {value}`twm.pde:spread_error\|.1g` |
#
# {numref}`fig-theory-pulse` compares the three regimes after equal distances, to the nearest step. Press play, or step with
# the arrow keys.

# %% mystnb={"figure": {"caption": "One pulse on a ring at three Courant numbers. At c = 1 the pulse circulates unchanged. At c = 0.5 it spreads. At c = 1.05 it first becomes higher and narrower, and then breaks up.", "name": "fig-theory-pulse"}} tags=["hide-input"]
pulse, distances = np.exp(-0.5 * ((np.arange(96) - 70) / 2.6) ** 2), np.arange(0, 181, 4)
orbits = {c: euler_advect(pulse, c, round(180 / c) + 1, "periodic") for c in (0.5, 1.0, 1.05)}
draw.animate_pulse(
    {c: orbit[np.rint(distances / c).astype(int)] for c, orbit in orbits.items()}, distances,
    "A pulse at three Courant numbers",
    "Three copies of one pulse move to the left. The copy with Courant number 1 keeps its shape, the copy with 0.5 "
    "becomes low and wide, and the copy with 1.05 becomes high and narrow and breaks into zigzags.",
)

# %% [markdown]
# ## Lattice and boundary
#
# We now place $d$ such lines side by side, one per component of the state, with $s$ cells each, and set $c = 1$. The array
# $h_{ij}$ is the {term}`substrate`. Column $i$ runs from 1 (the oldest, at the outflow end) to $s$ (the newest), and
# dimension $j$ runs from 1 to $d$. One step is
#
# $$
# \begin{aligned} h_{ij}(t+1) &= h_{(i+1)j}(t) && 1 \le i < s, \\
# h_{sj}(t+1) &= f_j\bigl(h_s(t), \ldots, h_1(t)\bigr) . \end{aligned}
# $$ (eq-theory-lattice)
#
# The first line is Eq. {eq}`eq-theory-euler` at $c = 1$: each column copies its right neighbour. The second line is the
# {term}`boundary`, where all computation takes place. The paper's Eq. 3 has $i-1$ on the right-hand side and omits one
# argument of $f$; see the end of this page.

# %% tags=["remove-input"]
page.show(step_lattice)

# %% [markdown]
# If the lines are independent, disturbing one cell changes exactly one cell at each later step. The disturbance stays in its
# dimension, moves one column to the left per step, and finally leaves. We test this by disturbing every cell of a random
# substrate in turn.
#
# We then add a nonlinear boundary that mixes all dimensions of all columns. A disturbance can now return, but only through
# $f$. We disturb the oldest column just before it leaves. In the next substrate, every column except the newest must be
# unchanged, and the newest must equal $f$ of the previous substrate.

# %% tags=["hide-input", "hide-cell"]
history, dim = 8, 3
base = rng.integers(-9, 10, size=(history, dim)).astype(float)
unit = np.eye(history * dim).reshape(-1, history, dim)
disturbed = simulate_wave(base + unit, None, history)
difference = disturbed - simulate_wave(base, None, history)[:, None]

expected = np.zeros_like(difference)
for cell, (column, part) in enumerate(np.ndindex(history, dim)):
    for step in range(column + 1):
        expected[step, cell, column - step, part] = 1.0
crosstalk = float(np.abs(difference - expected).max())

mixing = make_random_hds(history, dim, "smooth", page.seed)
small = rng.uniform(-1, 1, size=(history, dim))
orbit = simulate_wave(small, mixing.boundary, 24)
written = np.stack([mixing.boundary(substrate) for substrate in orbit[:-1]])
boundary_error = float(np.abs(orbit[1:, -1] - written).max())

disturbed = np.repeat(orbit[:, None], dim, axis=1)
disturbed[:, np.arange(dim), 0, np.arange(dim)] += 0.5
after = step_lattice(disturbed, mixing.boundary)
change = np.abs(after - step_lattice(orbit, mixing.boundary)[:, None])
echo, heard = float(change[..., :-1, :].max()), float(change[..., -1, :].max())

numbers = {"crosstalk": crosstalk, "echo": echo, "heard_by_f": heard, "boundary_error": boundary_error}
page.record("twm.substrate", numbers | {"cells": history * dim}, figure="fig-theory-disturbance")

# %% [markdown]
# {numref}`fig-theory-disturbance` follows one disturbance through space and time. We use a simple boundary here to make
# its effect visible. The value leaving dimension $j$ is copied to dimension $j + 1$, and the value leaving dimension 3 is
# copied to dimension 1 with its sign flipped.

# %% mystnb={"figure": {"caption": "Propagation of a disturbance in one cell (circle: column 6, dimension 2). The disturbance moves left by one column per step within its own dimension and leaves at column 1 without reflection. The boundary then starts a new wave at column 8 of dimension 3, later of dimension 1 with flipped sign, and later of dimension 2.", "name": "fig-theory-disturbance"}, "image": {"alt": "Three heatmaps, one per dimension, with time running downwards and columns across. A short diagonal in the second runs from the disturbed cell to the left edge. A full diagonal then starts at the right edge of the third, later one of opposite sign in the first, and later another in the second.", "width": "700px"}} tags=["hide-input"]
passing_on = make_selection(history, dim, a=0b111, b=2 + 3, c=0b001)
kick = np.zeros((history, dim))
kick[5, 1] = 1.0
kicked, calm = (simulate_wave(start, passing_on.boundary, 28) for start in (base + kick, base))
draw.plot_disturbance(kicked - calm, column=5, dimension=1)

# %% [markdown]
# Over {value}`twm.substrate:cells` disturbed cells, the largest change outside the disturbed wave is
# {value}`twm.substrate:crosstalk`. The largest change that returns from the outflow end is {value}`twm.substrate:echo`. Both
# are exactly zero ({claim}`twm.substrate`). The boundary does depend on the oldest column: the same disturbance
# changes the newest column by up to {value}`twm.substrate:heard_by_f|.2f`.
#
# Fig. 1 of the paper illustrates the use of such a memory with ripples on a pond: one snapshot tells when and where each
# stone fell. On the lattice this reading is a simple rule. Activity in column $i$ of dimension $j$ at time $t$ entered at
# time $t - (s - i)$, in dimension $j$ and with the same strength. We let events of random strength occur at random times in
# random dimensions. We then list the events that a single snapshot shows.

# %% tags=["hide-input"]
falls = rng.uniform(0.5, 2.0, size=(200, 60, dim)) * (rng.random((200, 60, dim)) < 0.1)
snapshot = simulate_wave(np.zeros((200, history, dim)), None, 60, inputs=falls.swapaxes(0, 1))[-1]

run, column, part = np.nonzero(snapshot)
entered = 59 - (history - 1 - column)  # column counts from 0, so the newest is history - 1
wrongly_read = int((falls[run, entered, part] != snapshot[run, column, part]).sum())
recent, older = int((falls[:, -history:] != 0).sum()), int((falls[:, :-history] != 0).sum())

numbers = {"events": recent, "listed": len(run), "wrong": wrongly_read, "older_events": older, "snapshots": len(falls)}
page.record("twm.fig1", numbers, figure="fig-theory-disturbance")

# %% [markdown]
# In {value}`twm.fig1:snapshots` snapshots, {value}`twm.fig1:events` events occurred in the last $s$ steps, and we list
# {value}`twm.fig1:listed`. We find {value}`twm.fig1:wrong|count error` in their times, dimensions and strengths. None
# of the {value}`twm.fig1:older_events` earlier events is listed, because activity leaves the lattice after exactly $s$ steps
# ({claim}`twm.fig1`).
#
# The lattice in {numref}`fig-theory-toy` can be edited and stepped by hand. Beside it is the matrix of one step, the
# {term}`wave operator` $\Phi$ of the [next page](02_construction.ipynb). A diagonal of ones shifts every column, and the last
# rows hold the boundary. Entries that carry a nonzero value are highlighted. With attention as the boundary, the matrix
# changes from step to step.

# %% mystnb={"figure": {"caption": "An interactive lattice. Left: choose history, dim and boundary, click cells to change them, and step. Right: the matrix of the step. The shaded rows are the boundary; highlighted entries carried a nonzero value in the last step.", "name": "fig-theory-toy"}} tags=["hide-input"]
LatticeToy(history=4, dim=2)


# %% [markdown]
# ## Theorem 3.1
#
# In {numref}`fig-theory-3141` the substrate at any time equals the last sixteen columns of the right panel. Theorem 3.1 states
# that this holds for every history-dependent system.
#
# :::{admonition} Theorem 3.1
# :class: important
# Any history-dependent dynamical system with state dimension $d$, history $s$ and evolution function $f$ is represented by
# the travelling-wave model. The substrate has $s$ columns and $d$ dimensions, $f$ acts at the start boundary, and the initial
# states are the initial activity. The newest column then takes the successive states of the system.
# :::
#
# **Proof by induction.** Set $h_i(0) = x_i$ for $i = 1, \ldots, s$. We show that the substrate is always the *window* of the
# last $s$ states:
#
# $$
# h_i(t) = x_{t+i}, \qquad i = 1, \ldots, s .
# $$ (eq-theory-window)
#
# At $t = 0$ this holds by construction. Suppose that it holds at $t$. For $i < s$ the shift gives
# $h_i(t+1) = h_{i+1}(t) = x_{t+i+1}$, which is Eq. {eq}`eq-theory-window` at $t+1$. For $i = s$ the boundary gives
# $h_s(t+1) = f(h_s(t), \ldots, h_1(t)) = f(x_{t+s}, \ldots, x_{t+1}) = x_{t+s+1}$ by Eq. {eq}`eq-theory-hds`. Hence it holds at
# $t + 1$, and the newest column is $h_s(t) = x_{t+s}$. $\square$
#
# The proof makes no assumption about $f$. It may be nonlinear or discontinuous, and it need not be defined outside the
# states that occur. The proof does require a speed of exactly one column per step and all $s$ arguments of $f$.
#
# We also check the theorem numerically on random systems with histories from 1 to 12 and dimensions from 1 to 8. The function $f$
# is linear, smooth, discontinuous, or integer-valued modulo a prime. We compare each lattice with the recursion at every
# step and in every column. Three incorrect lattices serve as negative controls:
#
# - Eq. 3 as printed
# - a boundary that reads the columns in reverse order
# - substrates that are shuffled in time

# %% tags=["hide-input"]
def run_as_printed(initial, boundary, steps):
    """Follow Eq. (3) with h_(i-1) on its right; column 1 receives nothing."""
    states = [initial]
    for _ in range(steps):
        old, new = states[-1], np.zeros_like(initial)
        new[..., 1:-1, :] = old[..., :-2, :]
        new[..., -1, :] = boundary(old)
        states.append(new)
    return np.stack(states)

def differ(substrates, windows):
    """Return the largest relative difference over all steps and columns."""
    return float(np.abs(substrates - windows).max() / np.abs(windows).max())

count, steps = page.size(smoke=200, laptop=1000, paper=1000), 40
right, printed, turned, shuffled, sizes, kinds = ([] for _ in range(6))
for kind, hds, initial in draw_random_systems(count, page.seed):
    kinds.append(kind)
    sizes.append((hds.history, hds.dim))
    windows = window_states(rollout(hds, initial, steps), hds.history)
    orbit = simulate_wave(initial, hds.boundary, steps)
    right.append(differ(orbit, windows))
    if hds.history > 1:  # a single column has no neighbours and no order
        shuffled.append(differ(rng.permutation(orbit), windows))
        printed.append(differ(run_as_printed(initial, hds.boundary, steps), windows))
        reverse = lambda window, f=hds.boundary: f(window[..., ::-1, :])
        turned.append(differ(simulate_wave(initial, reverse, steps), windows))

# %% mystnb={"figure": {"caption": "Numerical test of Theorem 3.1. A: number of systems tested for each history and dim. B: largest relative difference between a lattice and the recursion it should represent, one point per system. The lattice of the theorem is at 0 for all systems. The incorrect lattices lie far above the tolerance of 10\u207b\u00b9\u00b2, except for a few systems on which the fault has no effect.", "name": "fig-theory-theorem"}, "image": {"alt": "Left: a heatmap that covers histories 1 to 12 and dims 1 to 8. Right: four columns of points on a logarithmic axis. The first lies on zero, and the other three lie near one, above a dashed line at ten to the minus twelve.", "width": "720px"}} tags=["hide-input"]
found = {
    "as in the\ntheorem": np.array(right), "Eq. (3)\nas printed": np.array(printed),
    "boundary\nreversed": np.array(turned), "shuffled\nin time": np.array(shuffled),
}
draw.plot_theorem(np.array(sizes), found, 1e-12)

# %% tags=["hide-input", "hide-cell"]
accepted = [errors_found <= 1e-12 for errors_found in found.values()]
shares = [1 - float(passed.mean()) for passed in accepted]
numbers = {"systems": count, "equal": int(accepted[0].sum()), "steps": steps, "linear": kinds.count("linear")}
numbers |= {"largest_error": max(right), "rejected_printed": shares[1], "rejected_reversed": shares[2]}
fewer = None if count >= 1000 else f"{count} of 1000 systems"
page.record("twm.thm31", numbers | {"rejected_noise": shares[3]}, figure="fig-theory-theorem", scale=fewer)

# %% [markdown]
# {numref}`fig-theory-theorem` shows the result. Over {value}`twm.thm31:steps` steps, {value}`twm.thm31:equal` of
# {value}`twm.thm31:systems` lattices reproduce their systems, with a largest relative difference of
# {value}`twm.thm31:largest_error|.1g` ({claim}`twm.thm31`). An exact zero is possible in floating point because the lattice only
# moves numbers and applies the same $f$ to the same window. The controls are rejected on almost all systems with at least
# two columns:
#
# | Incorrect lattice | Systems on which it is rejected |
# |---|---|
# | Eq. 3 as printed | {value}`twm.thm31:rejected_printed\|.1%` |
# | columns in reverse order | {value}`twm.thm31:rejected_reversed\|.1%` |
# | shuffled in time | {value}`twm.thm31:rejected_noise\|.1%` |
#
# The fault has no effect on the remaining systems. For example, reversing the columns changes nothing if $f$ gives all
# columns the same weight.
#
# ## Assertions
#
# The collapsed cell checks further properties. The lattice of "3141" is a wave according to `measure_transport_error`,
# and noise is not. The four tasks of the paper's Table 1 keep all states at $\pm 1$.

# %% tags=["hide-cell"]
assert growth_error < 1e-6
assert np.allclose(growth, growth_predicted, rtol=1e-3)
assert gain_error < 1e-12 and spread_error < 1e-6
for c in below:
    assert all(fine < coarse for coarse, fine in pairwise(measured[c]))
assert heard > 0 and len(run) == recent and wrongly_read == 0
assert measure_transport_error(crossing) == 0
assert measure_transport_error(rng.choice([-1.0, 1.0], size=crossing.shape)) > 1
for task in map(make_named_task, TASK_CODES):
    assert set(np.unique(rollout(task, draw_binary_history(task, 16, page.seed), 200))) == {-1.0, 1.0}

# %% [markdown]
# ## Limitations and corrections
#
# **Printed equations.** Eq. 3 moves activity from column $i-1$ to column $i$, which contradicts the text, Fig. 2, and Eqs. 6
# and 25. Eqs. 3 and 5 give $f$ one argument too few, Eq. 26 reverses the direction again, and Eq. 23 has $s + 1$ columns.
# {numref}`fig-theory-theorem` shows that a lattice built from the printed Eq. 3 is a different system. The
# [errata](../errata.md) test each misprint against its correction.
#
# **Speed.** Eq. 2 gives every dimension its own speed $\nu_j$, and the derivation then sets all speeds to one cell per step.
# This is a restriction, not a choice of units. At lower speeds numerical diffusion blurs the stored states. To measure the
# loss, we let "3141" circulate on waves that take 16, 17, 20 or 32 steps to cross the sixteen columns. We read the sign of
# the activity after whole periods.

# %% tags=["hide-input", "hide-cell"]
turns, pictures, wrong = (1, 2, 4, 8), {}, {}
original = states_to_picture(picture)
for n in (16, 17, 20, 32):
    orbit = euler_advect(original, 16 / n, n * max(turns), "periodic")
    label = f"c = {16 / n:.2f}"
    pictures[label] = orbit[[n * turn for turn in turns]]
    misread = np.sign(pictures[label]) != original
    wrong[label] = misread.sum(axis=(1, 2)).tolist()

# %% mystnb={"figure": {"caption": "The text \"3141\" on a ring of 16 columns after one, two, four and eight periods, at four Courant numbers. The number above each picture counts the cells whose sign is wrong. Only the wave that moves exactly one column per step preserves the picture.", "name": "fig-theory-blur"}, "image": {"alt": "A grid of pictures of the digits 3141. In the first row, for c of one, all pictures are sharp. In the other rows the digits fade, faster for smaller c, until only stripes are left.", "width": "760px"}} tags=["hide-input"]
page.note("blur_cells", int(original.size))
page.note("blur_after_one_round", [counts[0] for counts in wrong.values()])
draw.plot_blur(pictures, wrong, turns)

# %% [markdown]
# After one period, the rows of {numref}`fig-theory-blur`, from top to bottom, have {value}`01_theory:blur_after_one_round` wrong
# signs among {value}`01_theory:blur_cells` cells. A slower wave can preserve a profile that is smooth over
# many cells. It can also preserve sharp states if a nonlinearity restores them, as in the trained networks of later pages.
#
# **Scope of the theorem.** The theorem states that a lattice *can* represent any such system, provided that $f$ is known and
# computed without error at the boundary. It does not state that training finds this solution or that no other memory would
# work. Activity need not stay bounded either: Fibonacci numbers grow without limit.
#
# **Earlier work.** The construction has older names. A delay line with feedback is a shift register, and for linear
# $f$ its matrix is the companion matrix of control theory. The wave picture adds a location for each memory and separates
# transport from computation. It also raises the question of whether trained networks use the same mechanism.
#
# {doc}`02_construction` expresses the same wave in an arbitrary basis, in which no movement is visible.
# {doc}`03_self_attention` uses an attention head as the boundary.
#
# ## Run details

# %% tags=["remove-input"]
page.about()
