# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A recursion with a finite memory is a wave with a boundary
#
# To compute the next number of Fibonacci's series you must remember two numbers. A computer keeps them in two fixed
# places and overwrites the older one. Sections 2 and 3 of the paper propose another memory: let the numbers *travel*.
# Each state enters a row of cells at one end, moves on by one cell a step, and drops out at the other end. No old state has to
# be found and replaced, and at any moment the row shows the recent past in order.
#
# This page builds that memory from its physics. It starts from recursions that look back over several states, goes on
# to a wave equation and what a computer makes of it, and ends with the theorem that joins them.

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
from twm.book.figures.style import use_style
from twm.book.session import open_page
from twm.theory.lattice import amplification_factor, euler_advect, measure_euler_error, measure_transport_error
from twm.theory.lattice import numerical_diffusion, simulate_wave, step_lattice, translate_profile
from twm.theory.pictures import states_to_picture, text_to_states
from twm.theory.systems import TASK_CODES, draw_binary_history, draw_random_systems, make_fibonacci, make_hds
from twm.theory.systems import make_linear_hds, make_named_task, make_random_hds, make_repeat_copy, make_selection
from twm.theory.systems import rollout, window_states

page = open_page("01_theory", profile=profile, device=device, seed=seed, reuse=reuse)
rng = np.random.default_rng(page.seed)
use_style()

# %% [markdown]
# ## Claim
#
# Five statements are checked here, each with its verdict:
#
# - A history-dependent system is fixed by its first $s$ states and its rule $f$. {claim}`twm.hds`
# - The one-way wave equation, taken in unit steps of space and time, is an exact shift. {claim}`twm.pde`
# - On the lattice, $d$ waves travel side by side without meeting, leave through an open end, and $f$ acts only where
#   they start. {claim}`twm.substrate`
# - A snapshot of the wave field tells when and where each event of the recent past occurred. {claim}`twm.fig1`
# - Theorem 3.1: every history-dependent system is such a wave. {claim}`twm.thm31`
#
# The [notation page](../notation.md) lists the paper's symbols beside the names used in the code.

# %% [markdown]
# ## Idea: a rule that looks back
#
# A *history-dependent dynamical system* (HDS) has states $x_i \in \mathbb{R}^d$. The first $s$ are given; every later
# one follows from the $s$ before it (Eq. 1 of the paper):
#
# $$
# x_i = f(x_{i-1}, x_{i-2}, \ldots, x_{i-s}), \qquad i > s .
# $$ (eq-theory-hds)
#
# We call $s$ the `history` and $d$ the `dim` of the system. The simplest example adds the last $s$ states: $s = 2$
# gives 1, 1, 2, 3, 5, and larger $s$ the generalised Fibonacci series. Their growth has a closed form. If
# $x_i \approx C\,r^i$ for large $i$, Eq. {eq}`eq-theory-hds` turns into
#
# $$
# r^s = r^{s-1} + r^{s-2} + \cdots + 1 ,
# $$ (eq-theory-growth)
#
# whose largest root is the golden ratio for $s = 2$. The next cell runs three series and finds the three roots. It also
# runs a system that is not linear, the delayed logistic map $x_i = 2.1\,x_{i-1}(1 - x_{i-2})$: twice from the same
# two states, and once with its first state changed.

# %%
page.show(rollout)

# %%
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

# %% [markdown]
# {numref}`fig-theory-recursions` shows the series on their predicted lines, and the three runs of the map.

# %% mystnb={"figure": {"caption": "A: generalised Fibonacci series (markers) and the growth that the largest root predicts (dashed). B: two runs from equal initial states (circles with dots inside) are one orbit; with the first state changed, everything after it changes too (squares). The grey band marks the two states that are given.", "name": "fig-theory-recursions"}, "image": {"alt": "Left: three series on a logarithmic axis, each on a straight dashed line whose slope is its predicted growth. Right: an oscillating orbit drawn twice on the same points, and a third orbit that starts from another first state and runs apart from it.", "width": "760px"}} tags=["hide-input"]
draw.plot_recursions(fibonacci, roots, orbits[:2], orbits[2])

# %% [markdown]
# The ratio of the last two terms, beside the root that predicts it:

# %%
ratios = {history: series[-1] / series[-2] for history, series in fibonacci.items()}
for history, ratio in ratios.items():
    print(f"s = {history}: measured {ratio:.8f}, predicted {roots[history]:.8f}")
growth_error = page.note("growth_error", max(abs(ratio / roots[history] - 1) for history, ratio in ratios.items()))

# %% [markdown]
# After some twenty terms they agree to {value}`01_theory:growth_error|.1g`, relative. That tests the library's
# `rollout` against theory; the claim itself asks for more. We compare `rollout` with the recursion written out by hand
# in plain Python, where a state is a number or a tuple and $f$ takes its arguments in the order of the paper, the
# newest first. Four kinds of $f$: scalar, vector, nonlinear, and integer, the last with numbers far beyond 64 bits.


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


# %%
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

# %% tags=["hide-input"]
exact = rollout(make_fibonacci(3), np.ones((3, 1), dtype=object), 300).ravel()
by_hand = recur(lambda x, y, z: x + y + z, (1, 1, 1), 300)
mismatches = sum(x != y for x, y in zip(exact, by_hand, strict=True))
integers = {"integer_mismatches": mismatches, "integer_terms": len(exact), "integer_digits": len(str(exact[-1]))}
numbers = {f"error_{kind}": error for kind, error in errors.items()} | integers
page.record("twm.hds", numbers, figure="fig-theory-recursions")
print(", ".join(f"{kind} {error:.1e}" for kind, error in errors.items()), integers)

# %% [markdown]
# {claim}`twm.hds`: the floating-point differences are {value}`twm.hds:error_scalar|.1g` (scalar),
# {value}`twm.hds:error_vector|.1g` (vector) and {value}`twm.hds:error_nonlinear|.1g` (nonlinear), relative to the largest
# state; that is rounding. Of {value}`twm.hds:integer_terms` integers, the last with {value}`twm.hds:integer_digits` digits,
# {value}`twm.hds:integer_mismatches` differ.
#
# So much for what has to be remembered. Now for the thing that remembers.

# %% [markdown]
# ## Model, first half: a wave that keeps its form
#
# Imagine a line of neural tissue with activity $h(x, t)$ that obeys the one-way wave equation, also called the
# transport equation (Eq. 2; Eq. 22 in App. A.2):
#
# $$
# \frac{\partial h}{\partial t} = \nu\, \frac{\partial h}{\partial x} .
# $$ (eq-theory-transport)
#
# Its solution is easy to say: $h(x, t) = h(x + \nu t,\, 0)$. Whatever profile you start with slides towards smaller
# $x$ at the speed $\nu$, for ever unchanged. A snapshot is therefore a record: what is now at $x$ entered earlier than
# what is at $x + 1$, by the time $1/\nu$.
#
# The equation is of first order in $x$, which settles the two ends. Where activity *enters*, at large $x$, something
# must be prescribed. Where it *leaves* nothing can be: the end is open, and there is no second wave that could carry an
# echo back.
#
# A computer, or a row of neurons, has cells of width $\Delta x$ and steps of length $\Delta t$. Euler's method replaces
# both derivatives by differences (Eq. 24):
#
# $$
# h_i(t + \Delta t) = h_i(t) + c\,\bigl(h_{i+1}(t) - h_i(t)\bigr), \qquad c = \frac{\nu\,\Delta t}{\Delta x} .
# $$ (eq-theory-euler)
#
# The *Courant number* $c$ is how many cells the wave crosses in one step, and nothing else matters. Read as an average,
# $h_i \leftarrow (1-c)\,h_i + c\,h_{i+1}$, the scheme shows its character: with $0 < c < 1$ it is a random walk in which
# a fraction $c$ of the activity steps to the left and the rest waits. After $n$ steps the weights are binomial. Their mean,
# $nc$ cells, is right for every $c$; their variance, $nc(1-c)$ cells squared, should be zero and is so only at $c = 1$ (or
# when nothing moves). A Fourier mode $e^{\mathrm{i}\theta i}$ is multiplied in each step by
#
# $$
# g(\theta) = 1 - c + c\,e^{\mathrm{i}\theta}, \qquad |g|^2 = 1 - 2c(1-c)(1-\cos\theta) .
# $$ (eq-theory-gain)
#
# Three predictions follow. Below $c = 1$ the scheme adds diffusion, with the constant $D = \nu\,\Delta x\,(1-c)/2$, so
# its error falls with the first power of $\Delta x$. At $c = 1$ it is a shift, without error. Above, the shortest waves
# grow by $2c - 1$ a step. We now measure all three.

# %% [markdown]
# First a pulse that travels 64 cells, and the error for a smooth profile on ever finer rings.

# %%
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

# %% mystnb={"figure": {"caption": "A: a pulse after 64 cells. At c = 1 it lies on the exact translation (grey); the smaller c, the wider it has become. B: the relative error of a smooth profile after an eighth of the ring, measured (markers) and predicted from the numerical diffusion (dashed, slope \u22121): halving the width of the cells halves the error.", "name": "fig-theory-courant"}, "image": {"alt": "Left: four pulses at the same place, one equal to the exact one and three lower and wider. Right: error against number of cells on logarithmic axes; three rows of markers follow straight dashed lines that fall with slope minus one.", "width": "760px"}} tags=["hide-input"]
pulse = np.exp(-0.5 * ((np.arange(160) - 110) / 4) ** 2)
pulses = {c: euler_advect(pulse, c, round(64 / c))[-1] for c in (*below, 1.0)}
draw.plot_courant(pulses, translate_profile(pulse, 64), cells, measured, predicted, 64)

# %% [markdown]
# In {numref}`fig-theory-courant` the pulses are all in the right place, and only one has the right form. The order of
# convergence is the slope on the right; we take it from the two finest rings, with the ratio of measured to predicted error.

# %%
orders = [math.log2(measured[c][-2] / measured[c][-1]) for c in below]
to_prediction = [measured[c][-1] / predicted[c][-1] for c in below]

rough = rng.normal(size=(4, 200))
rough *= 10.0 ** rng.integers(-9, 10, size=rough.shape)
error_at_one = 0.0
for start in ("open", "periodic"):
    for steps in (1, 37, 200, 450):
        off = euler_advect(rough, 1.0, steps, start)[-1] - translate_profile(rough, steps, start)
        error_at_one = max(error_at_one, np.abs(off).max())

print("order of convergence      ", np.round(orders, 4))
print("measured / predicted error", np.round(to_prediction, 4))
print("error at c = 1            ", error_at_one)

# %% [markdown]
# At $c = 1$ we did not use a smooth pulse but the roughest profile there is, independent random numbers over
# eighteen orders of magnitude: a shift does not care. Next, the amplification of every mode on a ring of 32 cells, and
# the variance of a pulse on its way.

# %%
courants, ring = (0.25, 0.5, 0.8, 1.0, 1.05), 32
angles = 2 * np.pi * np.arange(ring // 2 + 1) / ring
modes = np.exp(1j * angles[:, None] * np.arange(ring))
gains, gains_predicted = {}, {}
for c in courants:
    gains[c] = np.abs(euler_advect(modes, c, 1, "periodic")[1]).max(axis=1)
    gains_predicted[c] = np.abs(amplification_factor(c, angles))

# %%
times, x = np.arange(0, 101, 20), np.arange(300)
bump = np.exp(-0.5 * ((x - 240) / 4) ** 2)
spread, spread_predicted = {}, {}
for c in courants:
    orbit = euler_advect(bump, c, 100)[times]
    weights = orbit / orbit.sum(axis=1, keepdims=True)
    spread[c] = weights @ x**2 - (weights @ x) ** 2
    spread_predicted[c] = spread[c][0] + times * c * (1 - c)

# %% mystnb={"figure": {"caption": "A: the factor by which one Euler step multiplies each mode: below 1 for c < 1 (blurring), exactly 1 at c = 1, above 1 beyond (instability). B: the variance of a pulse grows by c(1 \u2212 c) a step; at c = 1 it stays. Beyond c = 1 the variance shrinks while the shortest waves build up.", "name": "fig-theory-amplification"}, "image": {"alt": "Left: five curves of the amplification factor against wave number; markers lie on the lines. The curve for c of one is flat at one, the one beyond rises above it, the others dip below. Right: variance against steps, straight lines with markers on them.", "width": "760px"}} tags=["hide-input"]
draw.plot_amplification(angles, gains_predicted, gains, times, spread, spread_predicted)

# %%
spike = np.eye(16)[0]  # one disturbed cell holds all modes in equal parts
above, growth = (1.05, 1.2), []
for c in above:
    norms = np.linalg.norm(euler_advect(spike, c, 1000, "periodic"), axis=1)
    growth.append(float((norms[1000] / norms[900]) ** (1 / 100)))
growth_predicted = [round(2 * c - 1, 12) for c in above]
gain_error = max(np.abs(gains[c] - gains_predicted[c]).max() for c in courants)
spread_error = max(np.abs(spread[c] - spread_predicted[c]).max() for c in courants)
print("growth a step", np.round(growth, 5), "predicted", growth_predicted)

# %% tags=["hide-input"]
numbers = {"error_at_one": error_at_one, "courants_below": below, "orders": orders, "error_to_prediction": to_prediction}
numbers |= {"courants_above": above, "growth": growth, "growth_predicted": growth_predicted}
page.record("twm.pde", numbers | {"gain_error": gain_error, "spread_error": spread_error}, figure="fig-theory-courant")

# %% [markdown]
# {claim}`twm.pde`: the error at $c = 1$ is {value}`twm.pde:error_at_one`, exactly. At $c$ = {value}`twm.pde:courants_below`
# the measured orders are {value}`twm.pde:orders`, and the error is {value}`twm.pde:error_to_prediction` times the predicted
# one. At $c$ = {value}`twm.pde:courants_above` a disturbance of one cell ends up growing by {value}`twm.pde:growth` a step
# (predicted {value}`twm.pde:growth_predicted`). The gains agree with Eq. {eq}`eq-theory-gain` to {value}`twm.pde:gain_error|.1g`, the
# variances to {value}`twm.pde:spread_error|.1g` cells squared.
#
# The three regimes side by side: press play, or step with the arrow keys. The curves are shown after equal distances, to
# the nearest step.

# %% mystnb={"figure": {"caption": "One pulse on a ring, advected with three Courant numbers. At c = 1 it goes round unchanged; at c = 0.5 it melts; at c = 1.05 it first becomes higher and narrower, and then breaks up.", "name": "fig-theory-pulse"}} tags=["hide-input"]
pulse, distances = np.exp(-0.5 * ((np.arange(96) - 70) / 2.6) ** 2), np.arange(0, 181, 4)
orbits = {c: euler_advect(pulse, c, round(180 / c) + 1, "periodic") for c in (0.5, 1.0, 1.05)}
draw.animate_pulse(
    {c: orbit[np.rint(distances / c).astype(int)] for c, orbit in orbits.items()}, distances,
    "A pulse at three Courant numbers",
    "Three copies of one pulse move to the left. The one with Courant number 1 keeps its form, the one with 0.5 becomes "
    "low and wide, and the one with 1.05 becomes high and narrow and breaks into zigzags.",
)

# %% [markdown]
# ## Model, second half: the lattice and its boundary
#
# Now take $d$ such lines side by side, one for each component of the state, with $s$ cells each, and set $c = 1$. We
# call the array $h_{ij}$ the *substrate*: column $i$ from 1 (the oldest, at the open end) to $s$ (the newest), dimension
# $j$ from 1 to $d$. One step is
#
# $$
# \begin{aligned}
# h_{ij}(t+1) &= h_{(i+1)j}(t) && 1 \le i < s, \\
# h_{sj}(t+1) &= f_j\bigl(h_s(t), \ldots, h_1(t)\bigr) .
# \end{aligned}
# $$ (eq-theory-lattice)
#
# The first line is Eq. {eq}`eq-theory-euler` at $c = 1$: copy your right neighbour. The second is the boundary, and the
# only place where anything is computed. (The paper's Eq. 3 has $i-1$ on the right and leaves one argument of $f$ out; see
# [errata](../errata.md) and the end of this page.)
#
# If the lines are independent, disturbing one cell must change one cell a step: the same dimension, one column further
# left, until it has left. We disturb every cell of a random substrate in turn and look for anything else.

# %%
page.show(step_lattice)

# %%
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

# %% [markdown]
# Then we put a nonlinear boundary at the start, one that mixes all dimensions of all columns. Now a disturbance may come
# back, but through $f$ only. If we disturb the oldest column, just before it leaves, the next substrate must be the same
# in every column but the newest, and the newest must be $f$ of the substrate.

# %%
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

# %% tags=["hide-input"]
numbers = {"crosstalk": crosstalk, "echo": echo, "heard_by_f": heard, "boundary_error": boundary_error}
page.record("twm.substrate", numbers | {"cells": history * dim}, figure="fig-theory-disturbance")
print(f"crosstalk {crosstalk}, echo {echo}, boundary off by {boundary_error}")

# %% [markdown]
# {numref}`fig-theory-disturbance` follows one disturbance through space and time. The boundary is now as plain as can be,
# so that its doing shows: it passes what leaves dimension $j$ on to dimension $j + 1$, and turns the sign of what leaves
# dimension 3.

# %% mystnb={"figure": {"caption": "A disturbance of one cell (circle: column 6, dimension 2) moves left by one column a step, in its own dimension only, and leaves at column 1 without an echo. What the boundary makes of it starts as a new wave at column 8 of dimension 3, later of dimension 1 with its sign turned, and later of dimension 2.", "name": "fig-theory-disturbance"}, "image": {"alt": "Three heatmaps, time downwards and columns across, one for each dimension. A short diagonal in the second runs from the disturbed cell to the left edge. When it ends a full diagonal starts at the right edge of the third, then one of the other sign in the first, then again one in the second.", "width": "760px"}} tags=["hide-input"]
passing_on = make_selection(history, dim, a=0b111, b=2 + 3, c=0b001)
kick = np.zeros((history, dim))
kick[5, 1] = 1.0
kicked, calm = (simulate_wave(start, passing_on.boundary, 28) for start in (base + kick, base))
draw.plot_disturbance(kicked - calm, column=5, dimension=1)

# %% [markdown]
# {claim}`twm.substrate`: over {value}`twm.substrate:cells` cells, the largest change outside the disturbed wave is
# {value}`twm.substrate:crosstalk`, and the largest that comes back from the open end is {value}`twm.substrate:echo`. Both are
# exact zeros, not small numbers. The boundary, on the other hand, does hear the oldest column: the same disturbance
# changes the newest one by up to {value}`twm.substrate:heard_by_f|.2f`.

# %% [markdown]
# Fig. 1 of the paper draws what this is good for: ripples on a pond, of which one snapshot tells when and where each
# stone fell. On the lattice the reading is a rule of one line. Activity in column $i$ of dimension $j$ at time $t$ entered
# at time $t - (s - i)$, in dimension $j$, with this strength. We let events fall at random times, in random dimensions and
# with random strengths, keep a single snapshot, and list the events it shows.

# %% tags=["hide-input"]
falls = rng.uniform(0.5, 2.0, size=(200, 60, dim)) * (rng.random((200, 60, dim)) < 0.1)
snapshot = simulate_wave(np.zeros((200, history, dim)), None, 60, inputs=falls.swapaxes(0, 1))[-1]

run, column, part = np.nonzero(snapshot)
entered = 59 - (history - 1 - column)  # column counts from 0, so the newest is history - 1
wrongly_read = int((falls[run, entered, part] != snapshot[run, column, part]).sum())
recent, older = int((falls[:, -history:] != 0).sum()), int((falls[:, :-history] != 0).sum())

# %% tags=["hide-input"]
numbers = {"events": recent, "listed": len(run), "wrong": wrongly_read, "older_events": older, "snapshots": len(falls)}
page.record("twm.fig1", numbers, figure="fig-theory-disturbance")

# %% [markdown]
# {claim}`twm.fig1`: {value}`twm.fig1:snapshots` snapshots list {value}`twm.fig1:listed` events, of {value}`twm.fig1:events`
# that fell in the last $s$ steps, and {value}`twm.fig1:wrong` of them with a wrong time, dimension or strength. Of the
# {value}`twm.fig1:older_events` older ones none is left: the open end forgets completely, and after exactly $s$ steps.
#
# Here is a memory at work. The paper draws "3141" as a picture five rows high; each of its sixteen columns is one state
# of five components, $+1$ for ink and $-1$ for paper. The boundary of the *repeat copy* task writes the oldest state
# again, $f(x_{i-1}, \ldots, x_{i-s}) = x_{i-s}$. The picture enters, crosses, and comes round.

# %% mystnb={"figure": {"caption": "\"3141\" enters an empty substrate at column 16 and moves left. From step 17 on nothing enters from outside: the boundary writes each state that leaves at column 1 again at column 16, and the picture repeats. Right: everything that has been the newest column, in order.", "name": "fig-theory-3141"}} tags=["hide-input"]
copy, picture = make_repeat_copy(16, 5), text_to_states("3141")
crossing = simulate_wave(np.zeros((16, 5)), copy.boundary, 48, inputs=picture)
draw.animate_lattice(
    crossing, 16, "The text 3141 crosses the lattice",
    "Left, a grid of five rows and sixteen columns: the digits 3141 come in from the right, move to the left by one "
    "column a step and go round for ever. Right, the same digits are written once, twice, three times.",
)

# %% [markdown]
# To see the boundary at work cell by cell, take a smaller lattice into your own hands. Beside it stands the matrix of one
# step, the *wave operator* $\Phi$ of the next page: a diagonal of ones that moves everything on, and the boundary in its
# last rows. Entries that something passes through are lit. With attention as the boundary they change from step to step.

# %% mystnb={"figure": {"caption": "A lattice to step by hand: choose history, dim and boundary, click cells to change them, and step. Right, the matrix of the step; the shaded rows are the boundary, lit entries are those that carried something.", "name": "fig-theory-toy"}} tags=["hide-input"]
LatticeToy(history=4, dim=2)

# %% [markdown]
# Now cover the left panel of {numref}`fig-theory-3141` with your hand and ask what the substrate holds at $t = 20$. The answer is written in the right
# panel: its last sixteen columns. That observation is the theorem.

# %% [markdown]
# ## Result: Theorem 3.1
#
# :::{admonition} Theorem 3.1
# :class: important
# Any history-dependent dynamical system with a state dimension $d$, a history of $s$ states and an evolution function
# $f$ is represented by the travelling-wave model: on a substrate of $s$ columns and $d$ dimensions, with $f$ at the start
# boundary and the initial states as initial activity, the newest column runs through the states of the system.
# :::
#
# **Proof, by construction.** Start with $h_i(0) = x_i$ for $i = 1, \ldots, s$. We show that at every time the substrate is the
# *window* of the last $s$ states:
#
# $$
# h_i(t) = x_{t+i}, \qquad i = 1, \ldots, s .
# $$ (eq-theory-window)
#
# At $t = 0$ this is how we started. Suppose it holds at $t$. For $i < s$ the wave moves:
# $h_i(t+1) = h_{i+1}(t) = x_{t+i+1}$, which is Eq. {eq}`eq-theory-window` at $t+1$. For $i = s$ the boundary acts:
# $h_s(t+1) = f(h_s(t), \ldots, h_1(t)) = f(x_{t+s}, \ldots, x_{t+1}) = x_{t+s+1}$ by Eq. {eq}`eq-theory-hds`. So it holds at
# $t + 1$, and the newest column is $h_s(t) = x_{t+s}$. $\square$
#
# Nothing was asked of $f$: it need not be linear, continuous, or even defined outside the states that occur. The proof
# needs the speed to be exactly one column a step, and it needs all $s$ arguments.
#
# A proof of four lines can still be wrong in the fifth, so we test it on systems drawn at random: history 1 to 12, dim
# 1 to 8, and $f$ linear, smooth, discontinuous, or integer-valued modulo a prime. Each lattice is compared with the
# system's recursion, at every step and in *every* column. A test that cannot fail shows nothing, so three wrong lattices go
# through it too: one that follows Eq. 3 as printed, one whose boundary reads the columns in the opposite order, and one whose
# substrates have been shuffled in time.


# %%
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


# %%
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

# %% [markdown]
# {numref}`fig-theory-theorem` shows what was tried and how far each lattice is from its system.

# %% mystnb={"figure": {"caption": "A: how many systems of each history and dim were tried. B: the largest relative difference between a lattice and the recursion it should represent, one point a system. The lattice of the theorem is at 0 for all of them; the wrong lattices are far above the accepted 10\u207b\u00b9\u00b2, but for the few systems on which the fault makes no difference.", "name": "fig-theory-theorem"}, "image": {"alt": "Left: a heatmap that covers histories 1 to 12 and dims 1 to 8. Right: four columns of points on a logarithmic axis. The first lies on zero, the other three near one, above a dashed line at ten to the minus twelve.", "width": "760px"}} tags=["hide-input"]
found = {
    "as in the\ntheorem": np.array(right), "Eq. (3)\nas printed": np.array(printed),
    "boundary\nreversed": np.array(turned), "shuffled\nin time": np.array(shuffled),
}
draw.plot_theorem(np.array(sizes), found, 1e-12)

# %% tags=["hide-input"]
accepted = [errors_found <= 1e-12 for errors_found in found.values()]
shares = [1 - float(passed.mean()) for passed in accepted]
numbers = {"systems": count, "equal": int(accepted[0].sum()), "steps": steps, "linear": kinds.count("linear")}
numbers |= {"largest_error": max(right), "rejected_printed": shares[1], "rejected_reversed": shares[2]}
fewer = None if count >= 1000 else f"{count} of 1000 systems"
page.record("twm.thm31", numbers | {"rejected_noise": shares[3]}, figure="fig-theory-theorem", scale=fewer)
print(f"{numbers['equal']} of {count} systems equal their lattice; rejected:", [f"{share:.1%}" for share in shares[1:]])

# %% [markdown]
# {claim}`twm.thm31`: {value}`twm.thm31:equal` of {value}`twm.thm31:systems` systems equal their lattice over
# {value}`twm.thm31:steps` steps, the largest relative difference being {value}`twm.thm31:largest_error|.1g`. It can be an exact
# zero in floating point because the lattice only moves numbers and calls the same $f$ on the same window. The wrong
# lattices are rejected in {value}`twm.thm31:rejected_printed|.1%`, {value}`twm.thm31:rejected_reversed|.1%` and
# {value}`twm.thm31:rejected_noise|.1%` of the systems with at least two columns. The few that escape are systems on which the
# fault makes no difference: reversing the columns does nothing to an $f$ that gives all of them the same weight.

# %% [markdown]
# ## Check
#
# The statements of this page once more, as assertions that stop the run if they fail.

# %%
assert max(errors.values()) <= 1e-12 and mismatches == 0
assert growth_error < 1e-6
assert error_at_one == 0 and min(growth) > 1
assert max(abs(order - 1) for order in orders) < 0.05
assert np.allclose(growth, growth_predicted, rtol=1e-3)
assert gain_error < 1e-12 and spread_error < 1e-6
for c in below:
    assert all(fine < coarse for coarse, fine in pairwise(measured[c]))
assert crosstalk == echo == boundary_error == 0 and heard > 0
assert len(run) == recent and wrongly_read == 0
assert max(right) <= 1e-12 and min(shares[1:]) > 0.9

# %% [markdown]
# The picture's lattice is a wave in the sense of `measure_transport_error`, and noise is not. And the four
# tasks of the paper's Table 1, which are histories of $\pm 1$ with $f$ a choice of signed components, stay on $\pm 1$ for ever.

# %%
assert measure_transport_error(crossing) == 0
assert measure_transport_error(rng.choice([-1.0, 1.0], size=crossing.shape)) > 1
for task in map(make_named_task, TASK_CODES):
    assert set(np.unique(rollout(task, draw_binary_history(task, 16, page.seed), 200))) == {-1.0, 1.0}

# %% [markdown]
# ## What does not hold
#
# **The equations as printed.** Eq. 3 moves activity from column $i-1$ to $i$, against the text, Fig. 2, and Eq. 6 and 25;
# Eq. 3 and 5 give $f$ one argument too few; Eq. 26 turns the direction round once more, and Eq. 23 has $s + 1$ columns.
# {numref}`fig-theory-theorem` has shown that a lattice built to Eq. 3 is another system. The page on
# [errata](../errata.md) runs each of these slips against its correction.
#
# **A wave of any other speed.** Eq. 2 gives every dimension a speed $\nu_j$ of its own, and the derivation then sets all of them
# to one cell a step. That is not a choice of units. At any smaller speed the discrete wave blurs what it carries: a
# memory of sharp states is lost at the rate of the numerical diffusion. To see how fast, let "3141" go round on waves that
# take 16, 17, 20 or 32 steps for the sixteen columns, and read it by the sign of the activity after whole rounds.

# %%
turns, pictures, wrong = (1, 2, 4, 8), {}, {}
original = states_to_picture(picture)
for n in (16, 17, 20, 32):
    orbit = euler_advect(original, 16 / n, n * max(turns), "periodic")
    label = f"c = {16 / n:.2f}"
    pictures[label] = orbit[[n * turn for turn in turns]]
    misread = np.sign(pictures[label]) != original
    wrong[label] = misread.sum(axis=(1, 2)).tolist()
    print(label, "wrong cells after 1, 2, 4, 8 rounds:", wrong[label])

# %% mystnb={"figure": {"caption": "\"3141\" on a ring of 16 columns after one, two, four and eight rounds, for waves of different Courant numbers. Above each picture: cells whose sign is wrong. Only the wave that moves exactly one column a step remembers.", "name": "fig-theory-blur"}, "image": {"alt": "A grid of pictures of the digits 3141. In the first row, c of one, all are sharp; in the others the digits fade, faster the smaller c, until only stripes are left.", "width": "760px"}} tags=["hide-input"]
page.note("blur_cells", int(original.size))
page.note("blur_after_one_round", [counts[0] for counts in wrong.values()])
draw.plot_blur(pictures, wrong, turns)

# %% [markdown]
# After one round {value}`01_theory:blur_after_one_round` of {value}`01_theory:blur_cells` cells have the wrong sign, in the
# order of {numref}`fig-theory-blur`. A slower wave needs either a smooth profile that spans many cells, or a
# nonlinearity that sharpens the states again; the trained networks of later pages have one.
#
# **More than the theorem says.** It says that a lattice *can* hold any such system, if $f$ is given and computed without error
# at the boundary. It does not say that a network finds this solution by training, that no other memory would do, or that
# activity stays bounded: Fibonacci's does not. And the construction is older than its name. A delay line with feedback is
# a shift register, and for linear $f$ its matrix is the companion matrix of control theory. What the wave picture adds is
# the place of the memory, the separation of transport from computation, and the question whether trained networks do it
# too.

# %% [markdown]
# A recursion over $s$ states and a wave over $s$ columns are one thing seen twice: the substrate is the window, the boundary
# is the rule. {doc}`02_construction` writes the same wave in an arbitrary basis, where nothing seems to move, and
# {doc}`03_self_attention` puts an attention head at the boundary.
#
# ## About

# %%
page.about()
