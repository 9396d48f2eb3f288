# %% [markdown]
# # From the wave operator to RNN weights
#
# ## Summary
#
# When the boundary $f$ is linear, one step of the travelling wave is a matrix, the {term}`wave operator` $\Phi$. Section 3.1
# of the paper states that $\Psi\Phi\Psi^*$ is then the recurrent matrix of a network with the same memory, for any
# independent basis $\Psi$. We construct such networks from the formulas alone, without training. They follow the recursion
# to rounding error ({claim}`twm.lbc`), and their nonzero eigenvalues are those of $\Phi$ ({claim}`twm.similar`). Three printed
# equations need corrections. Beyond the paper, we show which inputs load a given history into the lattice
# ({claim}`ours.input`).
#
# {numref}`fig-construction-shift` shows a constructed network that stores the text "3141", drawn as sixteen columns of five
# pixels. The network has 96 neurons and a random non-orthogonal basis, so no neuron corresponds to a pixel. The left panel is
# what electrodes could record. Multiplying the same states by the {term}`dual basis` gives the travelling wave on the right.

# %% tags=["parameters"]
profile = "paper"
device = "auto"
seed = 0
reuse = True

# %% tags=["hide-input"]
import numpy as np
import torch

from twm.book.figures import construction as figures
from twm.book.session import open_page
from twm.models.elman import construct_elman
from twm.theory.bases import add_complement, compute_dual, make_basis, make_basis_from_columns, make_encoder
from twm.theory.bases import make_readout, transform_operator
from twm.theory.lattice import simulate_wave
from twm.theory.spectra import reduce_observable
from twm.theory.operators import correct_inputs, fibonacci_constant, load_history, make_cycle, make_shift
from twm.theory.operators import make_wave_operator, read_substrate, repeat_copy_spectrum, repeat_copy_state
from twm.theory.operators import simulate_boundary, simulate_linear
from twm.theory.pictures import states_to_text, text_to_states
from twm.theory.spectra import compare_spectra, nilpotency_index, nonzero_eigenvalues, ranks_of_powers
from twm.theory.spectra import similarity_error, stable_rank
from twm.theory.systems import draw_binary_history, make_fibonacci, make_linear_hds, make_named_task
from twm.theory.systems import make_repeat_copy, rollout

page = open_page("02_construction", profile=profile, device=device, seed=seed, reuse=reuse)
rng = np.random.default_rng(seed)

# %% mystnb={"figure": {"caption": "The same hidden states in two bases. Left: activity of the 96 neurons, in which no movement is visible. Right: the states multiplied by the dual basis. The text enters at the right-hand column, moves left by one column per step, and circulates.", "name": "fig-construction-shift"}} tags=["hide-input"]
history, dim = 16, 5
picture, system = text_to_states("3141"), make_repeat_copy(history, dim)
basis = make_basis(history * dim, 96, "skew", seed=seed, tilt=1.0)
network = construct_elman(system, basis, complement=0.7, seed=seed)
states = network(torch.from_numpy(picture)[:, None], horizon=3 * history).states[:, 0].detach().numpy()
states = np.concatenate([np.zeros((1, 96)), states])  # the empty network first
waves = read_substrate(basis, states, dim)
captions = ["before the first input"]
captions += [f"input phase, step {k}: column {k} of the picture enters" for k in range(1, history + 1)]
captions += [f"output phase, step {k}: column {(k - 1) % history + 1} returns" for k in range(1, 3 * history + 1)]
figures.animate_hidden_shift(states, waves, captions, rows=6)

# %% [markdown]
# | Statement | Verdict |
# |---|---|
# | Eqs. 4, 5: a boundary that sums all columns generates the generalised Fibonacci series. | {claim}`twm.fib` |
# | A.3: the operator and readout of this series work in any basis. | {claim}`twm.fib.phi` |
# | Eqs. 6, 7: every linear boundary has an operator and a readout in any independent basis. | {claim}`twm.lbc` |
# | A.1: every basis has a dual that reads its components. | {claim}`twm.dual` |
# | A.4: repeat copy has closed-form operators and stored values at every step. | {claim}`twm.rcopy` |
# | Sec. 4.1: the recurrent matrix and $\Phi$ are similar. | {claim}`twm.similar` |
# | A.5: a linear memory keeps its stored values only at a gain of one. | {claim}`twm.unity` |
# | Sec. 3.1: the shift matrix of H3 is the wave operator without a boundary. | {claim}`twm.h3` |
# | Beyond the paper: raw inputs load the lattice only for some tasks; corrected inputs load it for all. | {claim}`ours.input` |

# %% tags=["hide-input", "hide-cell"]
rounds = [states_to_text(waves[step]) for step in (16, 32, 48, 64)]
print("decoded from the hidden state after each period:", *rounds)
assert rounds == ["3141"] * 4

# %% [markdown]
# ## Fibonacci example
#
# Consider a lattice with two columns. At each step the number in the newer column moves to the older column, and the older
# number leaves at the outflow end. The {term}`boundary` writes the sum of both into the newer column. We start from 1, 1.

# %%
fibonacci = make_fibonacci(history=2, dim=1)
start = np.array([[1], [1]], dtype=object)
lattice = simulate_wave(start, fibonacci.boundary, steps=10)[..., 0]
series = rollout(fibonacci, start, steps=30)[:, 0]
print("substrate", *(f"({older}, {newer})" for older, newer in lattice[:6]))
print("series   ", *series[:12])


# %% [markdown]
# Each number appears twice: in the newer column when it is computed, and in the older column one step later. The paper's
# Eq. 4 allows any history $s$ and any dimension $d$. Python integers have arbitrary precision, so we can require exact
# equality. The reference implementation has no lattice and adds the last $s$ entries of a list.

# %%
def add_up(initial, steps):
    terms = [list(state) for state in initial]
    for _ in range(steps):
        terms.append([sum(column) for column in zip(*terms[-len(initial) :])])
    return terms


# %% tags=["hide-input", "hide-cell"]
terms, differing, steps = 0, 0, page.size(smoke=60, laptop=200, paper=400)
systems = [(history, dim) for history in range(1, 9) for dim in range(1, 5)]
for history, dim in systems:
    initial = rng.integers(-9, 10, (history, dim)).astype(object)
    waves = simulate_wave(initial, make_fibonacci(history, dim).boundary, steps)[1:, -1]
    expected = np.array(add_up(initial, steps)[history:], dtype=object)
    terms, differing = terms + waves.size, differing + int((waves != expected).sum())

page.note("fibonacci_digits", len(str(abs(waves).max())))
numbers = {"classic": [int(term) for term in series[:12]], "systems": len(systems), "terms": terms}
numbers |= {"differing_terms": differing, "most_history": 8, "most_dim": 4}
page.record("twm.fib", numbers, figure="fig-construction-fibonacci")

# %% [markdown]
# Among {value}`twm.fib:terms|,` integers in {value}`twm.fib:systems` systems, we find {value}`twm.fib:differing_terms|count difference`
# ({claim}`twm.fib`). The largest integers of the last system have {value}`02_construction:fibonacci_digits` digits.
#
# ## Wave operator (companion matrix)
#
# We write the {term}`substrate` as a column vector of $sd$ numbers, oldest state first. One step of the lattice is then a
# matrix product. The matrix has ones $d$ places to the right of the diagonal, which shift the columns. Its last $d$ rows hold
# the coefficients of the boundary, $F = [F_1 \cdots F_s]$. In a basis $\psi_1, \dots, \psi_{sd}$ with dual rows $\psi^\mu$ it
# becomes
#
# $$
# \begin{gathered} \Psi\Phi\Psi^* = \sum_{\mu=1}^{(s-1)d} \psi_\mu \psi^{\mu+d}
#   + \sum_{\mu=(s-1)d+1}^{sd} \; \sum_{\nu=1}^{sd} \Phi^\mu_\nu \, \psi_\mu \psi^\nu ,
# \\
# h(t) = \Psi\Phi\Psi^* \, h(t-1), \quad y(t) = \Psi_s^* \, h(t) . \end{gathered}
# $$ (eq-construction-operator)
#
# These are the paper's Eqs. 6 and 7 with two corrections (see the [errata](../errata.md)). The second sum starts one index
# later than printed, and $y$ is the vector of the $d$ dual products instead of their sum. Here $\Psi_s$ holds the basis vectors of the newest
# column and $\Psi_s^*$ their dual rows; they serve as encoder $W_{uh}$ and readout $W_r$. For the Fibonacci series, $\Phi$ is
# the companion matrix of linear algebra.

# %% tags=["remove-input"]
page.show(make_wave_operator)

# %%
companion = make_wave_operator(fibonacci.matrix)
golden, leading = (1 + np.sqrt(5)) / 2, np.linalg.eigvalsh(companion).max()
print(companion, f"leading eigenvalue {leading:.15f}, golden ratio {golden:.15f}", sep="\n")
assert abs(leading - golden) < 1e-14

# %% [markdown]
# The growth rate of the series is the leading eigenvalue of $\Phi$. The eigenvalue equation of the general boundary sum,
# $x^s = x^{s-1} + \dots + 1$, has one root above one. This root approaches 2 as the history grows, because a sum over the
# entire past doubles the total at each step. {numref}`fig-construction-fibonacci` shows that the ratios of consecutive terms
# converge to these roots.

# %% mystnb={"figure": {"caption": "Generalised Fibonacci series. Left: the Fibonacci series on a substrate with two columns; every number moves one column left per step. Right: the ratio of consecutive terms for several histories s. It converges to the leading eigenvalue of the wave operator (dashed), which is the golden ratio for s = 2.", "name": "fig-construction-fibonacci"}, "image": {"alt": "A grid of Fibonacci numbers in two columns over ten steps, and four curves of ratios that converge to four dashed lines between 1.6 and 2.", "width": "740px"}} tags=["hide-input"]
grown = {s: rollout(make_fibonacci(s, 1), np.ones((s, 1), dtype=object), steps=24)[:, 0] for s in (2, 3, 4, 8)}
page.note("golden_error", abs(float(series[-1]) / float(series[-2]) / golden - 1))
figures.plot_fibonacci(lattice, grown, {history: fibonacci_constant(history) for history in grown})

# %% [markdown]
# After thirty steps, the measured ratio matches the golden ratio to a relative error of
# {value}`02_construction:golden_error|.1e`.
#
# ## Dual bases
#
# To read a component from a state we need the dual basis: rows with $\psi^\mu \psi_\nu = 1$ for $\mu = \nu$ and 0 otherwise.
# In an orthonormal basis, each dual row is the transpose of its basis vector. In a non-orthogonal basis it is not, as an
# example with two neurons shows.

# %%
skew = make_basis_from_columns(np.array([[1.0, 1.0], [0.0, 1.0]]))
print("basis\n", skew.basis, "\ndual\n", skew.dual_basis, "\nproduct\n", skew.dual_basis @ skew.basis)

# %% [markdown]
# The first dual row must be orthogonal to the second basis vector, so it differs from the first basis vector. For a square
# basis the dual is the inverse, which is unique.
#
# A network usually has more neurons than variables, and then the dual is not unique. Suppose we add to the example a third
# neuron that is silent in the basis. Every row $(1, -1, a)$ is then a valid first dual row. The paper does not say which one
# to use. Two choices matter:
#
# - The **pseudo-inverse**, here $a = 0$, depends on the basis alone.
# - The **left-eigenvector dual** (`spectral` in the code) consists of left eigenvectors of the network. It annihilates all
#   other modes of *this* network.

# %% tags=["hide-input", "hide-cell"]
wide = make_basis_from_columns(np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]))
network = transform_operator(make_cycle(history=2, dim=1), wide)
network[:, 2] = [0.3, 0.0, 0.5]  # the third neuron halves every step, and disturbs the first
spectral = compute_dual(wide.basis, "spectral", network)
print("pseudo-inverse\n", wide.dual_basis.round(3), "\nleft-eigenvector\n", spectral.round(3))
assert np.allclose(spectral @ wide.basis, np.eye(2))
assert np.allclose(spectral @ network, [[0, 1], [1, 0]] @ spectral)

# %% [markdown]
# Both choices satisfy $\psi^\mu\psi_\nu = \delta^\mu_\nu$. Only the left-eigenvector dual also satisfies
# $\Psi^* W = \Phi\Psi^*$. The components it reads evolve by $\Phi$, whatever the other modes of the network do. We test the
# dual property on random bases. We also measure how a disturbance outside the wave affects the decoded values, in a network
# whose other modes decay ({numref}`fig-construction-duals`, right).

# %% mystnb={"figure": {"caption": "Dual bases. Left: a non-orthogonal basis of the plane (solid) and its dual (dashed). Each dual row is orthogonal to the other basis vector. Right: decoding error after a disturbance in the decaying modes, for two duals of the same basis. The pseudo-inverse confuses the disturbance with stored values until it has decayed; the left-eigenvector dual annihilates it.", "name": "fig-construction-duals"}, "image": {"alt": "Four arrows in the plane, two solid and two dashed, and a logarithmic plot in which the error of the pseudo-inverse falls from above one while that of the left-eigenvector dual stays at rounding level.", "width": "700px"}} tags=["hide-input"]
worst = {"inverse": 0.0, "pseudo_inverse": 0.0, "spectral": 0.0}
for draw in range(page.size(smoke=10, laptop=50, paper=100)):
    size, extra, cycle = 24, int(rng.integers(4, 24)), make_cycle(8, 3)
    kind = ("orthonormal", "skew")[draw % 2]
    square = make_basis(size, kind=kind, seed=rng)
    tilted = make_basis(size, size + extra, kind, seed=rng, tilt=1.0)
    recurrent = add_complement(transform_operator(cycle, tilted), tilted, 0.7, rng)
    for name in worst:
        columns = square.basis if name == "inverse" else tilted.basis
        dual = compute_dual(columns, name.replace("_", "-"), recurrent)
        worst[name] = max(worst[name], np.abs(dual @ columns - np.eye(size)).max())

columns, state = tilted.basis, rng.standard_normal(tilted.hidden)
duals = {name: compute_dual(columns, name, recurrent) for name in ("pseudo-inverse", "spectral")}
state -= columns @ (duals["spectral"] @ state)  # a disturbance with no share in the wave
disturbed = [state]
for _ in range(40):
    disturbed.append(recurrent @ disturbed[-1])
leaks = {name: np.abs(np.array(disturbed) @ dual.T).max(axis=1) for name, dual in duals.items()}

leak = {f"leak_{name.replace('-', '_')}": values[1] for name, values in leaks.items()}
page.record("twm.dual", worst | leak, figure="fig-construction-duals")
shown = {name.replace("spectral", "left-eigenvector"): values for name, values in leaks.items()}
figures.plot_duals(skew.basis, skew.dual_basis, shown, radius=0.7)


# %% [markdown]
# All three duals satisfy the definition to rounding error ({claim}`twm.dual`).
#
# | Dual | Largest $\lvert\psi^\mu\psi_\nu - \delta^\mu_\nu\rvert$ | Decoding error one step after the disturbance |
# |---|---|---|
# | inverse (square basis) | {value}`twm.dual:inverse\|.1e` | not applicable |
# | pseudo-inverse | {value}`twm.dual:pseudo_inverse\|.1e` | {value}`twm.dual:leak_pseudo_inverse\|.2f` |
# | left-eigenvector | {value}`twm.dual:spectral\|.1e` | {value}`twm.dual:leak_spectral\|.1e` |
#
# From here on, every rectangular basis uses the left-eigenvector dual unless stated otherwise.
#
# ## Basis invariance
#
# We simulate Fibonacci systems in standard, orthonormal and non-orthogonal bases, square and rectangular, and read forty
# terms with $W_r = \Psi_s^*$. Floating-point numbers cannot represent the terms exactly, and a non-orthogonal basis amplifies
# rounding by up to its condition number. We therefore divide each error by the largest term and by the condition number.
#
# Eq. {eq}`eq-construction-operator` should hold for *every* linear $f$. We draw $F$ and the basis at random and compare the
# network with the recursion $x_i = F\,(x_{i-s}, \dots, x_{i-1})$. As a negative control, we give the network an $F$ that is
# wrong by one part in a thousand.

# %% tags=["hide-input", "hide-cell"]
def measure_error(system, basis, initial, matrix=None, steps=40):
    exact = rollout(system, initial, steps)[system.history :].astype(float)
    matrix = system.matrix if matrix is None else matrix
    outputs = simulate_boundary(matrix, basis, initial.astype(float), steps)
    return np.abs(outputs - exact).max() / np.abs(exact).max()

errors = {}
for kind in ("standard", "orthonormal", "skew"):
    found = []
    for history, dim, extra in [(2, 1, 0), (2, 1, 5), (3, 2, 0), (5, 4, 0), (5, 4, 20), (8, 3, 40)]:
        basis = make_basis(history * dim, history * dim + extra, kind, seed=rng, tilt=1.0 if extra else 0.0)
        initial = rng.integers(1, 10, (history, dim)).astype(object)
        found.append(measure_error(make_fibonacci(history, dim), basis, initial) / basis.condition)
    errors[f"{kind}_per_condition"] = max(found)

# %% mystnb={"figure": {"caption": "Error of constructed networks with random linear boundaries in random bases, after 40 steps each. The errors come from rounding. They grow at most with the square of the condition number (dotted) and stay far below the tolerance (dashed).", "name": "fig-construction-errors"}, "image": {"alt": "Two clouds of points, for square and rectangular bases, rise near a dotted line of slope two and lie far below a dashed tolerance line.", "width": "480px"}} tags=["hide-input"]
points, wrong_passed = {"square": [], "rectangular": []}, 0
for draw in range(page.size(smoke=40, laptop=200, paper=400)):
    history, dim = int(rng.integers(1, 9)), int(rng.integers(1, 5))
    size, shape = history * dim, ("square", "rectangular")[draw % 2]
    extra = int(rng.integers(1, 20)) * (shape == "rectangular")
    matrix = rng.standard_normal((dim, size)) / np.sqrt(size)
    system, initial = make_linear_hds(matrix, history, dim), rng.standard_normal((history, dim))
    condition, tilt = 10 ** rng.uniform(0, 5), float(extra > 0)
    basis = make_basis(size, size + extra, "skew", seed=rng, condition=condition, tilt=tilt)
    points[shape].append((basis.condition, measure_error(system, basis, initial)))
    wrong_passed += measure_error(system, basis, initial, matrix=1.001 * matrix) <= 1e-9 * basis.condition

points = {shape: np.array(pairs).T for shape, pairs in points.items()}
largest = {f"{shape}_per_condition": (error / condition).max() for shape, (condition, error) in points.items()}
counts = {"systems": sum(pairs.shape[1] for pairs in points.values()), "wrong_passed": int(wrong_passed)}
page.record("twm.fib.phi", errors | {"steps": 40}, figure="fig-construction-errors")
page.record("twm.lbc", largest | counts, figure="fig-construction-errors")
page.note("error_slope", np.polyfit(*np.log10(np.concatenate(list(points.values()), axis=1)), 1)[0])
assert max(largest.values()) <= 1e-9 and wrong_passed == 0
figures.plot_errors(points, tolerance=1e-9)

# %% [markdown]
# Both statements hold to rounding error ({claim}`twm.fib.phi`, {claim}`twm.lbc`). The test accepts
# {value}`twm.lbc:wrong_passed|count network` with an incorrect boundary.
#
# | Boundary | Basis | Largest relative error / condition number |
# |---|---|---|
# | Fibonacci | standard | {value}`twm.fib.phi:standard_per_condition\|.1e` |
# | Fibonacci | orthonormal | {value}`twm.fib.phi:orthonormal_per_condition\|.1e` |
# | Fibonacci | non-orthogonal | {value}`twm.fib.phi:skew_per_condition\|.1e` |
# | random ({value}`twm.lbc:systems` systems) | square | {value}`twm.lbc:square_per_condition\|.1e` |
# | random | rectangular | {value}`twm.lbc:rectangular_per_condition\|.1e` |
#
# The slope in {numref}`fig-construction-errors` is {value}`02_construction:error_slope|.1f`, between one and two. Rounding
# occurs in neuron coordinates, and a non-orthogonal basis can amplify it twice, when states are written and when they are
# read. The construction is exact, but a badly conditioned basis makes the simulation inaccurate.
#
# ## Repeat copy as cyclic shift
#
# In {term}`repeat copy` the boundary copies the oldest column back to the newest. The substrate is then a cyclic lattice of
# $s$ columns that rotates by one column per step, and no information is lost. With $W_{uh} = \Psi_s$, inputs are written to
# the newest column while the lattice rotates. After $s$ inputs, column $i$ holds input $i$. The stored values at every later
# time have a closed form. With inputs and columns numbered from 1,
#
# $$
# h(s+t) = \sum_{\mu=1}^{s} \sum_{i=1}^{d} u_i(\mu) \; \psi_{((\mu - t - 1) \bmod s)\,d + i} .
# $$ (eq-construction-wheel)
#
# The index in the paper's Eq. 40 is larger by $d$, so at $t = 0$ it points past the last basis vector. We run a network with
# more neurons than variables through its input phase and $4s$ further steps. At each step we compare it with the closed form.

# %% tags=["hide-input"]
history, dim, size = 16, 5, 80
system, inputs = make_repeat_copy(history, dim), rng.standard_normal((history, dim))
closed = np.array([repeat_copy_state(inputs, step) for step in range(4 * history + 1)])
bases = {"standard": make_basis(size), "hidden": make_basis(size, 120, "skew", seed=rng, tilt=1.0)}
rcopy = {"history": history, "dim": dim, "steps": 4 * history}
for name, basis in bases.items():
    matrices = construct_elman(system, basis, complement=0.7, seed=seed).get_matrices()
    _, states = simulate_linear(*matrices, inputs, steps=4 * history)
    waves = read_substrate(basis, states[history - 1 :], dim)
    rcopy[f"{name}_per_condition"] = np.abs(waves - closed).max() / np.abs(inputs).max() / basis.condition

# The printed index is d further on; we wrap it around at the end, so that it means something.
printed = np.roll(closed.reshape(len(closed), -1), dim, axis=1).reshape(closed.shape)
rcopy["printed_index"] = np.abs(waves - printed).max(axis=(1, 2)).min() / np.abs(inputs).max()
page.record("twm.rcopy", rcopy, figure="fig-construction-wheel")

# %% [markdown]
# The error of the corrected form is {value}`twm.rcopy:standard_per_condition|.1e` in the standard basis and
# {value}`twm.rcopy:hidden_per_condition|.1e` in a non-orthogonal basis ({claim}`twm.rcopy`). The printed index, wrapped around at
# the end to make it valid, gives an error of at least {value}`twm.rcopy:printed_index|.2f` at every step.
#
# A cyclic shift of $s$ columns returns to its initial state after $s$ steps, so $\Phi^s$ is the identity. The eigenvalues of
# $\Phi$ are the $s$-th roots of unity, each with multiplicity $d$.

# %% mystnb={"figure": {"caption": "Eigenvalues of repeat copy with s = 16 and d = 5. They are the sixteen roots of unity, each with the multiplicity written beside it, which equals d.", "name": "fig-construction-wheel"}, "image": {"alt": "Sixteen points evenly spaced on the unit circle, each labelled 5.", "width": "500px"}} tags=["hide-input"]
values = np.linalg.eigvals(make_cycle(history, dim))
page.note("wheel_error", compare_spectra(values, repeat_copy_spectrum(history, dim)))
figures.plot_multiplicities(values, repeat_copy_spectrum(history, 1))

# %% [markdown]
# In {numref}`fig-construction-wheel`, computed and predicted eigenvalues differ by at most {value}`02_construction:wheel_error|.1e`. The paper looks for this
# spectrum in [trained networks](04_training.ipynb).
#
# ### The shift in a hidden basis
#
# The two panels of {numref}`fig-construction-shift` hold the same numbers, and the right panel is the left one multiplied by
# $\Psi^*$. This explains the word "hidden" in the paper's title. The wave is visible only in a suitable basis, and the basis
# of a trained network is not known in advance.
#
# ## T1–T4 and observability
#
# The paper's Table 1 uses four boundaries with $s = d = 8$. Each output copies one past component, in some cases with a
# flipped sign. T1 is repeat copy. T2, T3 and T4 read some components before they reach the oldest column, and components that
# no later output needs can be dropped. Coordinate $\nu$ is *observable* if the last $d$ rows of some
# $\Phi^k$ are nonzero in column $\nu$.

# %% tags=["hide-input", "hide-cell"]
tasks = {name: make_named_task(name) for name in ("T1", "T2", "T3", "T4")}
phis = {name: make_wave_operator(task.matrix) for name, task in tasks.items()}
reduced = {name: reduce_observable(np.eye(8, 64, k=56), phi) for name, phi in phis.items()}
for name, small in reduced.items():
    page.note(f"observable_{name}", small.rank)

# %% mystnb={"figure": {"caption": "Wave operators of T1 to T4. Rows above the line are the shift, and rows below it are the boundary. Red squares are +1; blue diamonds are \u22121. Coordinates on which no output depends are grey. T2, T3 and T4 read the same positions. They therefore have the same observable coordinates and differ only in order and sign.", "name": "fig-construction-tasks"}, "image": {"alt": "Four matrices of 64 by 64 with a diagonal of ones above and eight entries in the last eight rows. In three of them many columns are grey.", "width": "680px"}} tags=["hide-input"]
figures.plot_task_operators(phis, {name: small.coordinates for name, small in reduced.items()}, dim=8)

# %% [markdown]
# All {value}`02_construction:observable_T1` coordinates of T1 are observable, but only {value}`02_construction:observable_T2` of
# each other task ({numref}`fig-construction-tasks`). Unobservable coordinates leave at the outflow end after at most $s$ steps, so they add only zero
# eigenvalues.
#
# For these tasks the observable part is a set of coordinates. In general the observable part is a quotient space. For example,
# if $f$ depends on two components only through their sum, the sum is observable but neither component is.

# %% tags=["hide-input", "hide-cell"]
summing = make_wave_operator([[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0]])
quotient = reduce_observable(np.eye(2, 4, k=2), summing)
print(f"rank {quotient.rank} of 4, coordinates: {quotient.coordinates}")
print("difference of the two components, projected:", (quotient.projection @ [1, -1, 0, 0]).round(12) + 0.0)
assert quotient.rank == 3 and quotient.coordinates is None

# %% [markdown]
# ## Similarity
#
# $W = \Psi\Phi\Psi^*$ implies $W\Psi = \Psi\Phi$: the network acts on its basis as $\Phi$ acts on the substrate. With as many
# neurons as variables, $W$ and $\Phi$ are similar and have the same spectrum. With more neurons, $W$ has the eigenvalues of
# $\Phi$ and those of its other modes, which are zero unless we choose otherwise.
#
# Zero eigenvalues need care. Coordinates that leave at the outflow end form Jordan blocks, whose eigenvalues cannot be
# computed accurately (see the end of this page). The ranks of the powers $W, W^2, \dots$ can be computed, and they
# determine the blocks. We therefore compare the nonzero eigenvalues ({numref}`fig-construction-spectra`), $W\Psi$ with $\Psi\Phi$, and eight ranks. As negative
# controls, we compare networks with the operator of another task.

# %% tags=["hide-input"]
theory = {name: (nonzero_eigenvalues(phi), ranks_of_powers(phi, 8)) for name, phi in phis.items()}

def compare_network(name, hidden, draw, other=None):
    basis = make_basis(64, hidden, "skew", seed=draw, tilt=float(hidden > 64))
    recurrent = construct_elman(tasks[name], basis).get_matrices()[0]
    eigenvalues, ranks = theory[other or name]
    spectrum = compare_spectra(nonzero_eigenvalues(recurrent), eigenvalues)
    error = similarity_error(recurrent, basis.basis, phis[other or name])
    return spectrum, error, ranks_of_powers(recurrent, 8) == ranks

draws = page.size(smoke=1, laptop=5, paper=20)
cases = [(name, seed + draw) for name in tasks for draw in range(draws)]
found = {hidden: [compare_network(name, hidden, draw) for name, draw in cases] for hidden in (64, 128)}
controls = [compare_network(name, 128, seed, other) for name, other in [("T1", "T2"), ("T2", "T3"), ("T3", "T4")]]

both = found[64] + found[128]
similar = {
    "networks": len(both), "similarity": max(error for _, error, _ in both),
    "square_spectrum": max(spectrum for spectrum, _, _ in found[64]),
    "wide_spectrum": max(spectrum for spectrum, _, _ in found[128]),
    "rank_mismatches": sum(not same for _, _, same in both),
    "wrong_passed": sum(error <= 1e-10 or spectrum <= 1e-8 for spectrum, error, _ in controls),
}
page.record("twm.similar", similar, figure="fig-construction-spectra", seeds=draws)

# %% mystnb={"figure": {"caption": "Nonzero eigenvalues of the wave operators (rings) and of networks constructed from them: 64 neurons (squares), and 128 neurons whose other 64 modes decay with spectral radius one half (dots). Both networks have an eigenvalue in every ring. The additional eigenvalues of the larger network lie near the centre.", "name": "fig-construction-spectra"}, "image": {"alt": "Four unit circles with rings at roots of plus or minus one, all filled by squares and dots, and in each a small cloud of dots near the centre.", "width": "600px"}} tags=["hide-input"]
narrow, wide = make_basis(64, kind="skew", seed=seed), make_basis(64, 128, "skew", seed=seed, tilt=1.0)
spectra = {}
for name, task in tasks.items():
    built = {64: construct_elman(task, narrow), 128: construct_elman(task, wide, complement=0.5, seed=seed)}
    values = {f"network, {size} neurons": nonzero_eigenvalues(one.get_matrices()[0]) for size, one in built.items()}
    spectra[name] = {"wave operator": theory[name][0]} | values
figures.plot_constructed_spectra(spectra)

# %% [markdown]
# | Comparison over {value}`twm.similar:networks` networks | Largest difference |
# |---|---|
# | nonzero eigenvalues, 64 neurons | {value}`twm.similar:square_spectrum\|.1e` |
# | nonzero eigenvalues, 128 neurons | {value}`twm.similar:wide_spectrum\|.1e` |
# | $W\Psi$ and $\Psi\Phi$ | {value}`twm.similar:similarity\|.1e` |
#
# The ranks of the powers show {value}`twm.similar:rank_mismatches|count difference`, and {value}`twm.similar:wrong_passed|count control`
# with the operator of another task pass the test ({claim}`twm.similar`).
#
# ## Unit gain
#
# Suppose that every nonzero entry of the cyclic shift is $g$ instead of 1. Then $\Phi^t$ is $g^t$ times a permutation, so the stored
# values of a linear network decay for $g < 1$ and grow for $g > 1$. At $g = 1$ the network keeps any real values, not only
# signs. We test this over $100\,s$ steps in a non-orthogonal hidden basis.

# %% tags=["hide-input", "hide-cell"]
history, dim = 8, 4
basis, content = make_basis(32, 48, "skew", seed=seed, tilt=1.0), rng.standard_normal((history, dim))
gains, steps = (0.98, 0.995, 1.0, 1.005, 1.02), 100 * history
amplitudes, errors = {}, []
for gain in gains:
    network = construct_elman(make_repeat_copy(history, dim), basis, gain=gain)
    started = torch.from_numpy(load_history(basis, content))[None]
    waves = read_substrate(basis, network(None, steps, started).states[:, 0].detach().numpy(), dim)
    amplitudes[gain] = np.abs(waves).max(axis=(1, 2)) / np.abs(content).max()
    errors.append(np.abs(waves[-1] / gain**steps - content).max() / np.abs(content).max())

unity = {"gains": gains, "errors": errors, "amplitudes": [curve[-1] for curve in amplitudes.values()]}
unity |= {"content_error": errors[gains.index(1.0)], "steps": steps, "history": history}
page.record("twm.unity", unity, figure="fig-construction-gains")

# %% [markdown]
# The paper concludes that a linear memory is difficult to learn and uses tanh networks instead. The tanh changes the memory
# qualitatively. In the standard basis each neuron receives input from one other neuron, so a stored value follows
# $x \mapsto \tanh(g x)$. For $g \le 1$ it decays to zero, and at $g = 1$ this decay is as slow as $\sqrt{3/(2t)}$. For
# $g > 1$ it converges to $\pm a$ with $a = \tanh(g a)$, which loses the amplitude but keeps the sign. A gain above one
# destabilises the linear memory, but turns the tanh network into a stable binary memory.

# %% tags=["hide-input", "hide-cell"]
signs, saturating, fixed = torch.ones((1, 32), dtype=torch.float64), {}, {}
for gain in (0.98, 1.0, 1.02, 1.2):
    network = construct_elman(make_repeat_copy(history, dim), make_basis(32), "tanh", gain=gain)
    saturating[gain] = network(None, steps, signs).states[:, 0].abs().amax(dim=1).detach().numpy()
    fixed[gain] = 0.0 if gain <= 1 else 1.0
    for _ in range(5000):
        fixed[gain] = np.tanh(gain * fixed[gain])

# %% mystnb={"figure": {"caption": "Amplitude of stored values that circulate in a cyclic shift with gain g. Left: linear network (markers) and the prediction, gain to the power t (lines). Right: the same shift with tanh. For gains above one the amplitude converges to the predicted value (dashed); for the other gains it decays.", "name": "fig-construction-gains"}, "image": {"alt": "Left, five straight lines on a logarithmic axis, rising, level and falling, with markers on them. Right, four curves, two of which level off at dashed lines and two of which fall towards zero.", "width": "740px"}} tags=["hide-input"]
page.note("settled_error", max(abs(saturating[gain][-1] - fixed[gain]) for gain in (1.02, 1.2)))
page.note("slow_death", saturating[1.0][-1] / np.sqrt(1.5 / steps))
figures.plot_gains(np.arange(1, steps + 1), amplitudes, saturating, fixed)

# %% [markdown]
# After {value}`twm.unity:steps` steps, the stored values at gain one are unchanged to {value}`twm.unity:content_error|.1e`
# ({claim}`twm.unity`). With tanh ({numref}`fig-construction-gains`, right), the final amplitudes match $a = \tanh(g a)$ to {value}`02_construction:settled_error|.1e`. At
# gain one the amplitude is {value}`02_construction:slow_death|.3f` times the predicted one. A tanh network can therefore have
# eigenvalues above one without diverging, and in the standard basis a binary memory requires them. In other bases tanh mixes
# the variables, so these values are only a guide.
#
# ## H3's shift
#
# Without a boundary, the newest column is zero unless an input is written, and the state is exactly the last $s$ inputs. The
# state-space layer H3 starts from this matrix. H3 counts its states from the newest, so its matrix appears rotated by 180°. A
# linear boundary adds a matrix of rank at most $d$.

# %% tags=["hide-input"]
excess, wrong_index, recall, older = -99, 0, 0.0, 0.0
sizes = [(history, dim) for history in range(1, 9) for dim in range(1, 5)]
for history, dim in sizes:
    shift, standard = make_shift(history, dim), make_basis(history * dim)
    phi = make_wave_operator(rng.standard_normal((dim, history * dim)))
    excess = max(excess, int(np.linalg.matrix_rank(phi - shift)) - dim)
    wrong_index += nilpotency_index(shift) != history
    stream = rng.standard_normal((3 * history, dim))
    ends = make_encoder(standard, dim), make_readout(standard, dim)
    state, young = (simulate_linear(shift, *ends, inputs, 0)[1][-1] for inputs in (stream, stream[-history:]))
    recall = max(recall, np.abs(state.reshape(history, dim) - stream[-history:]).max())
    older = max(older, np.abs(state - young).max())

numbers = {"systems": len(sizes), "rank_excess": excess, "wrong_index": int(wrong_index), "recall_error": recall}
h3 = np.eye(8, k=-1)  # ones below the diagonal, one channel
page.record("twm.h3", numbers | {"older_influence": older, "same_as_h3": bool((np.flip(h3) == make_shift(8, 1)).all())})


# %% [markdown]
# We test {value}`twm.h3:systems` sizes. The lowest power at which the shift vanishes is $s$, with
# {value}`twm.h3:wrong_index|count exception`. The last $s$ inputs are recovered with an error of {value}`twm.h3:recall_error` ({claim}`twm.h3`). All eigenvalues
# of the shift are 0, whereas those of repeat copy lie on the unit circle. A change of rank $d$ thus moves every eigenvalue.
#
# ## Limitations and corrections
#
# **Printed indices.** Eqs. 6, 7 and 40 do not hold as printed. A sum starts one index early, a vector is written as the sum of
# its components, and an index is too large by $d$. The [errata](../errata.md) show that each printed form fails and each
# corrected form holds.
#
# **Input phase.** The boundary acts before the substrate is full. With $W_{uh} = \Psi_s$, step $t$ writes $u(t)$ plus $f$ of
# the current substrate into the newest column. Repeat copy is unaffected, because it reads only the oldest column, which is
# empty until the input phase ends. The Fibonacci series is affected at its first step.

# %%
network, raw = construct_elman(fibonacci, make_basis(2)), np.ones((2, 1))
for name, fed in {"raw": raw, "corrected": correct_inputs(fibonacci.matrix, raw)}.items():
    outputs = network(torch.from_numpy(fed)[:, None], horizon=6).outputs[:, 0, 0]
    print(f"{name:9} inputs {fed[:, 0]}: outputs {outputs.detach().numpy()}")

# %% [markdown]
# The raw inputs 1, 1 leave 1, 2 in the substrate. The paper's A.6 describes this effect as an error of its algorithm, but it
# is a property of the equations. There are two remedies. One can write the history directly into the state,
# $h(s) = \Psi\,\mathrm{vec}(x)$, or supply the corrected inputs
#
# $$
# u(t) = x(t) - \sum_{k=1}^{t-1} F_{s-k+1}\, x(t-k),
# $$ (eq-construction-corrected)
#
# which subtract the boundary's contribution in advance. We compare raw and corrected inputs on the four tasks, and on random
# matrices $F$ in random non-orthogonal bases. For the random matrices, we measure how far the state after the input phase is
# from $\Psi\,\mathrm{vec}(x)$.

# %% tags=["remove-input"]
page.show(correct_inputs)

# %% mystnb={"figure": {"caption": "Effect of the input phase. Left to middle: the substrate of T2 after the input phase, as intended, with raw inputs, and with corrected inputs. Right: fraction of wrong signs in the output phase after raw inputs. T1 makes no error; T2, T3 and T4 do.", "name": "fig-construction-inputs"}, "image": {"alt": "Three heatmaps of 8 by 8. The first and third agree; the second differs and reaches larger values. Beside them are curves of wrong signs: zero for T1, well above zero for the other tasks.", "width": "760px"}} tags=["hide-input"]
share, filled, steps = {}, {}, 40
for name, task in tasks.items():
    initial = draw_binary_history(task, 256, seed)
    truth = np.moveaxis(rollout(task, initial, steps), 1, 0)
    network = construct_elman(task, make_basis(64))
    ways = {"raw": initial, "corrected": correct_inputs(task.matrix, initial)}
    for way, fed in ways.items():
        run = network(torch.from_numpy(fed).transpose(0, 1), steps)
        share[name, way] = (run.outputs[8:].sign().detach().numpy() != truth[8:]).mean(axis=(1, 2))
        filled[name, way] = run.states[7, 0].detach().numpy().reshape(8, 8)
wrong = {way: max(share[name, way].mean() for name in tasks) for way in ("raw", "corrected")}
assert share["T1", "raw"].max() == 0 < share["T2", "raw"].min()

missed = {"raw": [], "corrected": []}
for draw in range(page.size(smoke=20, laptop=50, paper=100)):
    history, dim = (int(number) for number in rng.integers(2, 8, size=2))
    matrix = rng.standard_normal((dim, history * dim)) / np.sqrt(history * dim)
    basis = make_basis(history * dim, history * dim + draw % 3, "skew", seed=rng)
    network, wanted = construct_elman(matrix, basis), rng.standard_normal((history, dim))
    for way, fed in {"raw": wanted, "corrected": correct_inputs(matrix, wanted)}.items():
        state = network(torch.from_numpy(fed)[:, None], 0).states[-1, 0].detach().numpy()
        error = np.abs(state - basis.basis @ wanted.ravel()).max() / np.abs(state).max()
        missed[way].append(error / basis.condition)

numbers = {"state_corrected": max(missed["corrected"]), "state_raw": min(missed["raw"]), "systems": len(missed["raw"])}
numbers |= {f"signs_{way}": value for way, value in wrong.items()} | {"signs_raw_T1": share["T1", "raw"].max()}
page.record("ours.input", numbers, figure="fig-construction-inputs")
left = {"target history": draw_binary_history(tasks["T2"], 256, seed)[0]}
left |= {f"{way} inputs": filled["T2", way] for way in ("raw", "corrected")}
figures.plot_input_phase(left, {name: share[name, "raw"] for name in tasks})

# %% [markdown]
# Corrected inputs load the intended history for every boundary, and raw inputs for none of the random boundaries ({claim}`ours.input`).
# With raw inputs ({numref}`fig-construction-inputs`), the fraction of wrong signs in T1 is {value}`ours.input:signs_raw_T1`, averaged over the output phase.
#
# | Measure | Raw inputs | Corrected inputs |
# |---|---|---|
# | fraction of wrong signs, worst of T1 to T4 | {value}`ours.input:signs_raw\|.2f` | {value}`ours.input:signs_corrected` |
# | error of the state / condition number, {value}`ours.input:systems` random boundaries | at least {value}`ours.input:state_raw\|.0e` | at most {value}`ours.input:state_corrected\|.0e` |
#
# The input phase loses no information. In wave coordinates, the map from inputs to state is block triangular with ones on its
# diagonal. A trained network may therefore store the history in a basis that differs from the one its input weights suggest.
#
# **Zero eigenvalues.** The eigenvalues of the shift are all 0, with one Jordan block of size $s$ per dimension. A perturbation
# $\delta$ moves such an eigenvalue by $\delta^{1/s}$, and rounding in a basis of condition number $\kappa$ is a perturbation of
# about $\kappa\epsilon$. The collapsed {numref}`fig-construction-zeros` compares computed eigenvalues with this estimate.

# %% mystnb={"figure": {"caption": "Computed eigenvalues of shift matrices, all of which are exactly zero in theory. Left: for 16 columns, eigenvalues in a non-orthogonal basis lie on a circle, whereas those in the standard basis are zero. Right: the radius of the circle grows with the history as predicted for Jordan blocks (dashed).", "name": "fig-construction-zeros"}, "image": {"alt": "Left, a ring of eigenvalues around zero and one point at zero. Right, points that rise with the size of the Jordan block along a dashed line.", "width": "700px"}} tags=["hide-input", "hide-cell"]
blocks = np.arange(2, 33)
bases = [make_basis(int(block), kind="skew", seed=seed) for block in blocks]
hidden = [transform_operator(make_shift(basis.size, 1), basis) for basis in bases]
radii = np.array([np.abs(np.linalg.eigvals(operator)).max() for operator in hidden])
guide = np.array([(basis.condition * np.finfo(float).eps) ** (1 / basis.size) for basis in bases])
assert (radii < 10 * guide).all() and (radii[blocks >= 8] > 0.1 * guide[blocks >= 8]).all()

sixteen = list(blocks).index(16)
page.note("largest_zero", radii[sixteen])
page.note("wrong_stable_rank", sum(stable_rank(operator) for operator in hidden))
clouds = {"standard": np.linalg.eigvals(make_shift(16, 1)), "non-orthogonal": np.linalg.eigvals(hidden[sixteen])}
figures.plot_zeros(clouds, blocks, radii, guide)

# %% [markdown]
# With sixteen columns, the largest computed eigenvalue has magnitude {value}`02_construction:largest_zero|.2f` instead of zero.
# The threshold between zero and nonzero eigenvalues is therefore a choice, and the released code's threshold of 0.9 is reasonable. The
# ranks of powers are not affected. They correctly indicate {value}`02_construction:wrong_stable_rank|count nonzero eigenvalue`.
#
# **Open questions.** A linear boundary, a basis and its dual determine a recurrent matrix, an encoder and a readout. Together
# they follow the recursion to rounding error. The construction does not explain how a network could learn such a basis from
# examples, or how an observer could recover it. The pages on [training](04_training.ipynb) and
# [basis recovery](05_basis_recovery.ipynb) address these questions. The next page treats
# [a nonlinear boundary](03_self_attention.ipynb).
#
# ## Run details

# %% tags=["remove-input"]
page.about()
