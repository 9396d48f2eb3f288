# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,mystnb,-all
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
# # A linear boundary makes the travelling wave a recurrent network
#
# **Claim.** When the boundary f of the travelling wave is linear, the whole lattice is one matrix $\Phi$, applied again
# and again. Nothing in that statement needs the lattice to be visible: in any independent basis $\Psi$ of any number of
# neurons, the matrix $\Psi\Phi\Psi^*$ is the recurrent matrix of a network that stores, shifts and combines the same
# variables. This page builds such networks from the formulas alone. Nothing is trained here.
#
# | what the paper says | here |
# |---|---|
# | the generalised Fibonacci series is a boundary sum | {claim}`twm.fib` |
# | its operator and readout work in any basis | {claim}`twm.fib.phi` |
# | so do those of every linear boundary | {claim}`twm.lbc` |
# | a basis comes with a dual that reads its components | {claim}`twm.dual` |
# | repeat copy: operators, and the contents at every step | {claim}`twm.rcopy` |
# | the network's matrix and $\Phi$ are similar | {claim}`twm.similar` |
# | a gain other than one loses the content | {claim}`twm.unity` |
# | H3's shift is the wave with both ends open | {claim}`twm.h3` |
# | *(beyond the paper)* what an input phase leaves in the lattice, and how to load any history | {claim}`ours.input` |

# %% tags=["parameters"]
profile = "paper"
device = "auto"
seed = 0
reuse = True

# %% tags=["hide-input"]
import numpy as np
import torch

from twm.book.figures import construction as figures
from twm.book.figures.style import use_style
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
use_style()

# %% [markdown]
# ## Idea: Fibonacci numbers cross a lattice
#
# Take a lattice with two columns. At every step the number in the newer column moves to the older one, the number that
# was there leaves through the open end, and the boundary puts the sum of both where there is room. Start from 1, 1.

# %%
fibonacci = make_fibonacci(history=2, dim=1)
start = np.array([[1], [1]], dtype=object)
lattice = simulate_wave(start, fibonacci.boundary, steps=10)[..., 0]
series = rollout(fibonacci, start, steps=30)[:, 0]
print("substrate", *(f"({older}, {newer})" for older, newer in lattice[:6]))
print("series   ", *series[:12])

# %% [markdown]
# Each number is seen twice: when it is born at the boundary, and one step later on its way out. The paper's Eq. (4)
# allows any history $s$ and any dimension $d$. Python's integers have no largest value, so "equal" can mean equal. The
# slow twin below knows nothing of lattices: it adds up the last $s$ entries of a list.


# %%
def add_up(initial, steps):
    terms = [list(state) for state in initial]
    for _ in range(steps):
        terms.append([sum(column) for column in zip(*terms[-len(initial) :])])
    return terms


# %%
terms, differing, steps = 0, 0, page.size(smoke=60, laptop=200, paper=400)
systems = [(history, dim) for history in range(1, 9) for dim in range(1, 5)]
for history, dim in systems:
    initial = rng.integers(-9, 10, (history, dim)).astype(object)
    waves = simulate_wave(initial, make_fibonacci(history, dim).boundary, steps)[1:, -1]
    expected = np.array(add_up(initial, steps)[history:], dtype=object)
    terms, differing = terms + waves.size, differing + int((waves != expected).sum())

# %% tags=["hide-input"]
page.note("fibonacci_digits", len(str(abs(waves).max())))
numbers = {"classic": [int(term) for term in series[:12]], "systems": len(systems), "terms": terms}
numbers |= {"differing_terms": differing, "most_history": 8, "most_dim": 4}
page.record("twm.fib", numbers, figure="fig-construction-fibonacci")

# %% [markdown]
# Of {value}`twm.fib:terms` integers in {value}`twm.fib:systems` systems, {value}`twm.fib:differing_terms` differ; the
# last of them have {value}`02_construction:fibonacci_digits` digits.
#
# ## Model: the lattice is a matrix
#
# Write the substrate as one column of $sd$ numbers, the oldest state first. One step of the lattice is then a product
# with a matrix that has ones $d$ places right of the diagonal, which is the shift, and the boundary's coefficients
# $F = [F_1 \cdots F_s]$ in its last $d$ rows. In a basis $\psi_1, \dots, \psi_{sd}$ with dual rows $\psi^\mu$ it reads
#
# $$
# \Psi\Phi\Psi^* = \sum_{\mu=1}^{(s-1)d} \psi_\mu \psi^{\mu+d}
#   + \sum_{\mu=(s-1)d+1}^{sd} \; \sum_{\nu=1}^{sd} \Phi^\mu_\nu \, \psi_\mu \psi^\nu ,
# \qquad
# h(t) = \Psi\Phi\Psi^* \, h(t-1), \quad y(t) = \Psi_s^* \, h(t).
# $$ (eq-construction-operator)
#
# These are the paper's Eq. (6) and (7), with the second sum started one later than printed and with $y$ the vector of
# the $d$ dual products instead of their sum (see [the errata](../errata.md)). For Fibonacci this is the
# companion matrix that textbooks use:

# %%
page.show(make_wave_operator)

# %%
companion = make_wave_operator(fibonacci.matrix)
golden, leading = (1 + np.sqrt(5)) / 2, np.linalg.eigvalsh(companion).max()
print(companion, f"leading eigenvalue {leading:.15f}, golden ratio {golden:.15f}", sep="\n")
assert abs(leading - golden) < 1e-14

# %% [markdown]
# So the growth of the series is the spectrum of $\Phi$. The eigenvalue equation of the general boundary sum,
# $x^s = x^{s-1} + \dots + 1$, has one root above one, which tends to 2 as the history grows: with nothing forgotten, each
# new term would double the total. Can we see those constants in the integers?

# %% mystnb={"figure": {"caption": "Left: the Fibonacci series on a substrate with two columns; every number moves one column left a step. Right: the ratio of consecutive terms settles on the leading eigenvalue of the wave operator, the golden ratio for s = 2.", "name": "fig-construction-fibonacci"}, "image": {"alt": "A grid of Fibonacci numbers in two columns over ten steps, and four curves of ratios that settle on four dashed lines between 1.6 and 2.", "width": "700px"}} tags=["hide-input"]
grown = {s: rollout(make_fibonacci(s, 1), np.ones((s, 1), dtype=object), steps=24)[:, 0] for s in (2, 3, 4, 8)}
page.note("golden_error", abs(float(series[-1]) / float(series[-2]) / golden - 1))
figures.plot_fibonacci(lattice, grown, {history: fibonacci_constant(history) for history in grown})

# %% [markdown]
# After thirty steps the measured ratio is the golden one to a relative {value}`02_construction:golden_error|.1e`.
#
# ## Model: reading in a skew basis
#
# To read a component back, one needs the dual: rows with $\psi^\mu \psi_\nu = 1$ for $\mu = \nu$ and 0 otherwise. In an
# orthonormal basis the dual row is the basis vector itself, laid down. In a skew one it is not. Two numbers by two are
# enough to see it:

# %%
skew = make_basis_from_columns(np.array([[1.0, 1.0], [0.0, 1.0]]))
print("basis\n", skew.basis, "\ndual\n", skew.dual_basis, "\nproduct\n", skew.dual_basis @ skew.basis)

# %% [markdown]
# The second basis vector leans to the right, so the first dual row must lean the other way to give 0 on it. For a square
# basis the dual is the inverse, and there is only one.
#
# A network has more neurons than variables, and then there are many duals. Add a third neuron to the two above. Any
# $\psi^1 = (1, -1, a)$ is a dual row, whatever $a$: the third neuron is silent in the basis. The paper says nothing about
# which to take. Two candidates matter:
#
# - the **pseudo-inverse**, here $a = 0$, which needs the basis alone;
# - the **spectral** dual, made of left eigenvectors of the network, which gives 0 on all other modes of *this* network.

# %%
wide = make_basis_from_columns(np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]))
network = transform_operator(make_cycle(history=2, dim=1), wide)
network[:, 2] = [0.3, 0.0, 0.5]  # the third neuron halves every step, and disturbs the first
spectral = compute_dual(wide.basis, "spectral", network)
print("pseudo-inverse\n", wide.dual_basis.round(3), "\nspectral\n", spectral.round(3))
assert np.allclose(spectral @ wide.basis, np.eye(2))
assert np.allclose(spectral @ network, [[0, 1], [1, 0]] @ spectral)

# %% [markdown]
# Both satisfy $\psi^\mu\psi_\nu = \delta^\mu_\nu$. Only the spectral one also satisfies
# $\Psi^* W = \Phi\Psi^*$: what it reads evolves by $\Phi$ *whatever else the network does*. The difference is what a
# disturbance outside the wave does to the reading. We measure the delta property on random bases, and the disturbance on
# a network with a decaying complement.

# %%
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

# %%
columns, state = tilted.basis, rng.standard_normal(tilted.hidden)
duals = {name: compute_dual(columns, name, recurrent) for name in ("pseudo-inverse", "spectral")}
state -= columns @ (duals["spectral"] @ state)  # a disturbance with no share in the wave
disturbed = [state]
for _ in range(40):
    disturbed.append(recurrent @ disturbed[-1])
leaks = {name: np.abs(np.array(disturbed) @ dual.T).max(axis=1) for name, dual in duals.items()}

# %% mystnb={"figure": {"caption": "Left: a skew basis of the plane and its dual; each dual row is perpendicular to the other basis vector. Right: a disturbance that has no share in the wave, as two duals of the same basis read it. The pseudo-inverse takes it for content until it has decayed; the spectral dual does not see it.", "name": "fig-construction-duals"}, "image": {"alt": "Four arrows in the plane, two solid and two dashed, and a logarithmic plot in which the pseudo-inverse's error falls from above one while the spectral dual's stays at rounding level.", "width": "700px"}} tags=["hide-input"]
leak = {f"leak_{name.replace('-', '_')}": values[1] for name, values in leaks.items()}
page.record("twm.dual", worst | leak, figure="fig-construction-duals")
figures.plot_duals(skew.basis, skew.dual_basis, leaks, radius=0.7)

# %% [markdown]
# The delta property holds to {value}`twm.dual:inverse|.1e` (inverse), {value}`twm.dual:pseudo_inverse|.1e`
# (pseudo-inverse) and {value}`twm.dual:spectral|.1e` (spectral). One step after the disturbance the pseudo-inverse reads
# an error of {value}`twm.dual:leak_pseudo_inverse|.2f`, the spectral dual {value}`twm.dual:leak_spectral|.1e`. From here
# on, a rectangular basis carries a spectral dual unless we say otherwise.
#
# ## Result: the same numbers in every basis
#
# Put the Fibonacci process into standard, orthonormal and skew bases, square and rectangular, and read forty terms with
# $W_r = \Psi_s^*$. Floating point cannot hold the terms exactly, and a skew basis amplifies rounding by up to its
# condition number. The errors below are relative to the largest term and divided by that number.


# %%
def measure_error(system, basis, initial, matrix=None, steps=40):
    exact = rollout(system, initial, steps)[system.history :].astype(float)
    matrix = system.matrix if matrix is None else matrix
    outputs = simulate_boundary(matrix, basis, initial.astype(float), steps)
    return np.abs(outputs - exact).max() / np.abs(exact).max()


# %%
errors = {}
for kind in ("standard", "orthonormal", "skew"):
    found = []
    for history, dim, extra in [(2, 1, 0), (2, 1, 5), (3, 2, 0), (5, 4, 0), (5, 4, 20), (8, 3, 40)]:
        basis = make_basis(history * dim, history * dim + extra, kind, seed=rng, tilt=1.0 if extra else 0.0)
        initial = rng.integers(1, 10, (history, dim)).astype(object)
        found.append(measure_error(make_fibonacci(history, dim), basis, initial) / basis.condition)
    errors[f"{kind}_per_condition"] = max(found)
    print(f"{kind:12}{max(found):.1e}")

# %% [markdown]
# Fibonacci was only the example. Equation {eq}`eq-construction-operator` promises the same for *every* linear f. So we
# draw F at random, draw a basis at random, and compare with the recursion $x_i = F\,(x_{i-s}, \dots, x_{i-1})$. As a
# control we hand the network an F that is off by one part in a thousand: it must not pass.

# %%
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

# %% tags=["hide-input"]
points = {shape: np.array(pairs).T for shape, pairs in points.items()}
largest = {f"{shape}_per_condition": (error / condition).max() for shape, (condition, error) in points.items()}
counts = {"systems": sum(pairs.shape[1] for pairs in points.values()), "wrong_passed": int(wrong_passed)}
page.record("twm.fib.phi", errors | {"steps": 40}, figure="fig-construction-errors")
page.record("twm.lbc", largest | counts, figure="fig-construction-errors")
page.note("error_slope", np.polyfit(*np.log10(np.concatenate(list(points.values()), axis=1)), 1)[0])
assert max(largest.values()) <= 1e-9 and wrong_passed == 0

# %% mystnb={"figure": {"caption": "Random linear boundaries in random bases, 40 steps each: what error there is comes from rounding, which grows at most with the square of the condition number, and stays far below the tolerance.", "name": "fig-construction-errors"}, "image": {"alt": "Two clouds of points, square and rectangular bases, rising near a dotted line of slope two, far below a dashed tolerance line.", "width": "560px"}} tags=["hide-input"]
figures.plot_errors(points, tolerance=1e-9)

# %% [markdown]
# In {value}`twm.lbc:systems` systems the largest error per unit of condition is
# {value}`twm.lbc:square_per_condition|.1e` for square and {value}`twm.lbc:rectangular_per_condition|.1e` for rectangular
# bases; of the wrong boundaries {value}`twm.lbc:wrong_passed` passed. The slope in the figure is
# {value}`02_construction:error_slope|.1f`, between one and two: rounding happens among the neurons, and a skew basis can
# stretch it once on the way in and once on the way out. The recipe is exact, but a badly conditioned basis is a bad place
# to run it. For Fibonacci the figures are
# {value}`twm.fib.phi:standard_per_condition|.1e`, {value}`twm.fib.phi:orthonormal_per_condition|.1e` and
# {value}`twm.fib.phi:skew_per_condition|.1e` (standard, orthonormal, skew).
#
# ## Result: repeat copy turns the substrate into a wheel
#
# The simplest boundary hands the oldest column back to the newest. Then nothing is ever lost: the substrate is a ring of
# $s$ columns that turns by one place a step. With $W_{uh} = \Psi_s$ inputs are written to the newest column while it
# turns, and after $s$ of them column $i$ holds input $i$. From then on we know the contents at every later time without
# stepping there. With inputs and columns numbered from 1,
#
# $$
# h(s+t) = \sum_{\mu=1}^{s} \sum_{i=1}^{d} u_i(\mu) \; \psi_{((\mu - t - 1) \bmod s)\,d + i} .
# $$ (eq-construction-wheel)
#
# The paper's Eq. (40) has an index that is $d$ larger; at $t = 0$ it points past the last basis vector. We run a
# network with more neurons than variables through its input phase and on for $4s$ steps, and compare at each one.

# %%
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

# %% tags=["hide-input"]
# The printed index is d further on; we wrap it around at the end, so that it means something.
printed = np.roll(closed.reshape(len(closed), -1), dim, axis=1).reshape(closed.shape)
rcopy["printed_index"] = np.abs(waves - printed).max(axis=(1, 2)).min() / np.abs(inputs).max()
page.record("twm.rcopy", rcopy, figure="fig-construction-wheel")

# %% [markdown]
# The corrected form holds to {value}`twm.rcopy:standard_per_condition|.1e` in the standard basis and to
# {value}`twm.rcopy:hidden_per_condition|.1e` in a skew one. The printed index, wrapped around at the end to give it a
# meaning, is off by at least {value}`twm.rcopy:printed_index|.2f` at every step.
#
# A wheel of $s$ columns is back where it was after $s$ steps, so $\Phi^s = 1$: its eigenvalues are the $s$-th roots of
# unity, each $d$ times.

# %% mystnb={"figure": {"caption": "Spectrum of repeat copy with s = 16 and d = 5: sixteen roots of unity, each with the multiplicity written beside it, which is d.", "name": "fig-construction-wheel"}, "image": {"alt": "Sixteen points evenly spaced on the unit circle, each labelled 5.", "width": "420px"}} tags=["hide-input"]
values = np.linalg.eigvals(make_cycle(history, dim))
page.note("wheel_error", compare_spectra(values, repeat_copy_spectrum(history, dim)))
figures.plot_multiplicities(values, repeat_copy_spectrum(history, 1))

# %% [markdown]
# Computed and predicted eigenvalues differ by at most {value}`02_construction:wheel_error|.1e`. This spectrum is what
# the paper looks for in trained networks.
#
# ### The shift in a hidden basis
#
# Now we let the network store something that we would recognise. The text 3141, drawn in a font five pixels high, is
# sixteen columns of five: one state a column. The network has 96 neurons and a random skew basis, so that no neuron is a
# pixel. Press play: on the left is all that an electrode could see.

# %% mystnb={"figure": {"caption": "The same hidden states twice. Left: the activity of 96 neurons, in which nothing seems to move. Right: multiplied by the dual basis. The text enters at the right-hand column, moves left by one column a step, and comes round for ever.", "name": "fig-construction-shift"}} tags=["hide-input"]
picture = text_to_states("3141")
basis = make_basis(history * dim, 96, "skew", seed=seed, tilt=1.0)
network = construct_elman(system, basis, complement=0.7, seed=seed)
states = network(torch.from_numpy(picture)[:, None], horizon=3 * history).states[:, 0].detach().numpy()
states = np.concatenate([np.zeros((1, 96)), states])  # the empty network first
waves = read_substrate(basis, states, dim)
captions = ["before the first input"]
captions += [f"input phase, step {k}: column {k} of the picture enters" for k in range(1, history + 1)]
captions += [f"output phase, step {k}: column {(k - 1) % history + 1} comes back" for k in range(1, 3 * history + 1)]
figures.animate_hidden_shift(states, waves, captions, rows=6)

# %%
rounds = [states_to_text(waves[step]) for step in (16, 32, 48, 64)]
print("read from the hidden state after each turn:", *rounds)
assert rounds == ["3141"] * 4

# %% [markdown]
# The two panels hold the same numbers, one multiplied by $\Psi^*$. "Hidden" in the paper's title means just this: the
# wave is a matter of the basis, and the basis of a trained network is not known beforehand.
#
# ## Result: four tasks, and the coordinates they need
#
# The paper's Table 1 uses four boundaries with $s = d = 8$. Each output copies one past component, perhaps with its sign
# turned. T1 is repeat copy. The others read some components early, and what nobody reads any more need not travel on.
# Which coordinates matter can be decided: coordinate $\nu$ does if some product $W_r \Phi^k$ is not zero there.

# %%
tasks = {name: make_named_task(name) for name in ("T1", "T2", "T3", "T4")}
phis = {name: make_wave_operator(task.matrix) for name, task in tasks.items()}
reduced = {name: reduce_observable(np.eye(8, 64, k=56), phi) for name, phi in phis.items()}
for name, phi in phis.items():
    rank = page.note(f"observable_{name}", reduced[name].rank)
    print(f"{name}: {rank:3} observable coordinates, {stable_rank(phi):3} eigenvalues other than 0")

# %% mystnb={"figure": {"caption": "The wave operators of T1 to T4. Above the line the shift, below it the boundary; red squares are +1, blue diamonds -1. Grey: coordinates that no output ever depends on. T2, T3 and T4 read the same positions, so they need the same coordinates, and differ in order and sign.", "name": "fig-construction-tasks"}, "image": {"alt": "Four matrices of 64 by 64 with a diagonal of ones above and eight entries in the last eight rows; in three of them many columns are grey.", "width": "680px"}} tags=["hide-input"]
figures.plot_task_operators(phis, {name: small.coordinates for name, small in reduced.items()}, dim=8)

# %% [markdown]
# T1 needs all {value}`02_construction:observable_T1` coordinates, each of the others
# {value}`02_construction:observable_T2`. What is left out moves on for at most $s$ steps and falls off the open end, so it
# adds eigenvalues 0 and nothing else. For these tasks the observable part is a set of coordinates. In general it is a
# quotient: if f sees two components only through their sum, then their sum is observable, and neither of them is.

# %%
summing = make_wave_operator([[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0]])
quotient = reduce_observable(np.eye(2, 4, k=2), summing)
print(f"rank {quotient.rank} of 4, coordinates: {quotient.coordinates}")
print("difference of the two components, projected:", (quotient.projection @ [1, -1, 0, 0]).round(12) + 0.0)
assert quotient.rank == 3 and quotient.coordinates is None

# %% [markdown]
# ## Result: the network and its wave operator are similar
#
# $W = \Psi\Phi\Psi^*$ gives $W\Psi = \Psi\Phi$: the network acts on its basis as $\Phi$ acts on the substrate. With
# as many neurons as variables the spectra agree entirely. With more neurons, $W$ has the eigenvalues of $\Phi$ and
# further zeros, or whatever one puts there. Zeros need care. Coordinates that fall off the open end form
# Jordan blocks, and an eigenvalue routine cannot find those (see below); the ranks of the powers $W, W^2, \dots$ can be
# found, and they tell the blocks. So we compare nonzero eigenvalues, $W\Psi - \Psi\Phi$, and eight ranks.

# %%
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

# %% tags=["hide-input"]
both = found[64] + found[128]
similar = {
    "networks": len(both), "similarity": max(error for _, error, _ in both),
    "square_spectrum": max(spectrum for spectrum, _, _ in found[64]),
    "wide_spectrum": max(spectrum for spectrum, _, _ in found[128]),
    "rank_mismatches": sum(not same for _, _, same in both),
    "wrong_passed": sum(error <= 1e-10 or spectrum <= 1e-8 for spectrum, error, _ in controls),
}
page.record("twm.similar", similar, figure="fig-construction-spectra", seeds=draws)

# %% mystnb={"figure": {"caption": "Nonzero eigenvalues of the wave operators (rings) and of networks constructed from them: 64 neurons (squares) and 128 neurons whose other 64 directions decay with spectral radius one half (dots). Every ring is filled; what the wider network has besides lies inside.", "name": "fig-construction-spectra"}, "image": {"alt": "Four unit circles with rings at roots of plus or minus one, all filled by squares and dots, and in each a small cloud of dots near the centre.", "width": "600px"}} tags=["hide-input"]
narrow, wide = make_basis(64, kind="skew", seed=seed), make_basis(64, 128, "skew", seed=seed, tilt=1.0)
spectra = {}
for name, task in tasks.items():
    built = {64: construct_elman(task, narrow), 128: construct_elman(task, wide, complement=0.5, seed=seed)}
    values = {f"network, {size}": nonzero_eigenvalues(one.get_matrices()[0]) for size, one in built.items()}
    spectra[name] = {"wave operator": theory[name][0]} | values
figures.plot_constructed_spectra(spectra)

# %% [markdown]
# Over {value}`twm.similar:networks` networks the nonzero eigenvalues agree to {value}`twm.similar:square_spectrum|.1e`
# (64 neurons) and {value}`twm.similar:wide_spectrum|.1e` (128), $W\Psi$ and $\Psi\Phi$ to
# {value}`twm.similar:similarity|.1e`, and the ranks of the powers differ in {value}`twm.similar:rank_mismatches` of them.
# Of the networks compared with another task's operator, {value}`twm.similar:wrong_passed` passed.
#
# ## Result: only gain one keeps the content
#
# Let every entry of the wheel be $g$ instead of 1. Then $\Phi^t$ is $g^t$ times a permutation, and a linear memory forgets
# or explodes; at $g = 1$ it keeps any real content, not only signs. We look after $100\,s$ steps in a skew hidden basis.

# %%
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

# %% tags=["hide-input"]
unity = {"gains": gains, "errors": errors, "amplitudes": [curve[-1] for curve in amplitudes.values()]}
unity |= {"content_error": errors[gains.index(1.0)], "steps": steps, "history": history}
page.record("twm.unity", unity, figure="fig-construction-gains")
print({gain: f"{curve[-1]:.3e}" for gain, curve in amplitudes.items()})

# %% [markdown]
# The paper concludes that a linear memory is hard to learn, and turns to tanh. That changes more than it says. In the
# standard basis each neuron sees one other, so the content obeys $x \mapsto \tanh(g x)$. For $g \le 1$ it dies, at
# $g = 1$ as slowly as $\sqrt{3/2t}$. For $g > 1$ it settles at $\pm a$ with $a = \tanh(g a)$: the amplitude is
# forgotten, the sign is kept for ever. Gain above one, which ruins the linear memory, makes the binary one.

# %%
signs, saturating, fixed = torch.ones((1, 32), dtype=torch.float64), {}, {}
for gain in (0.98, 1.0, 1.02, 1.2):
    network = construct_elman(make_repeat_copy(history, dim), make_basis(32), "tanh", gain=gain)
    saturating[gain] = network(None, steps, signs).states[:, 0].abs().amax(dim=1).detach().numpy()
    fixed[gain] = 0.0 if gain <= 1 else 1.0
    for _ in range(5000):
        fixed[gain] = np.tanh(gain * fixed[gain])
print({gain: f"{curve[-1]:.6f} (predicted {fixed[gain]:.6f})" for gain, curve in saturating.items()})

# %% mystnb={"figure": {"caption": "Amplitude of a content that goes round and round. Left: linear, the markers lie on gain to the power t. Right: the same wheel with tanh; above gain one it settles where the formula says, below it dies.", "name": "fig-construction-gains"}, "image": {"alt": "Left, five straight lines on a logarithmic axis, rising, level and falling, with markers on them. Right, four curves, two of which level off at dashed lines and two of which fall towards zero.", "width": "700px"}} tags=["hide-input"]
page.note("settled_error", max(abs(saturating[gain][-1] - fixed[gain]) for gain in (1.02, 1.2)))
page.note("slow_death", saturating[1.0][-1] / np.sqrt(1.5 / steps))
figures.plot_gains(np.arange(1, steps + 1), amplitudes, saturating, fixed)

# %% [markdown]
# After {value}`twm.unity:steps` steps the content at gain one is unchanged to {value}`twm.unity:content_error|.1e`. With
# tanh the settled amplitudes meet the formula to {value}`02_construction:settled_error|.1e`, and at gain one the amplitude
# is {value}`02_construction:slow_death|.3f` times the predicted one. So a network with tanh may have eigenvalues above one
# without exploding, and a binary memory even needs them. Beyond the standard basis this is only a guide: in a skew one
# tanh mixes the variables.
#
# ## Result: with both ends open it is H3's shift
#
# Take the boundary away. Then new columns enter as zeros unless an input is written, and the state is the last $s$ inputs,
# no more and no less. This matrix is the one that the state space layer H3 starts from; H3 counts its states from the
# newest, so the picture is turned by half a circle. A linear boundary adds to it a matrix of rank at most $d$.

# %%
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

# %% tags=["hide-input"]
numbers = {"systems": len(sizes), "rank_excess": excess, "wrong_index": int(wrong_index), "recall_error": recall}
h3 = np.eye(8, k=-1)  # ones below the diagonal, one channel
page.record("twm.h3", numbers | {"older_influence": older, "same_as_h3": bool((np.flip(h3) == make_shift(8, 1)).all())})

# %% [markdown]
# In {value}`twm.h3:systems` sizes the power that makes the shift vanish is $s$ with {value}`twm.h3:wrong_index` exceptions,
# and the last $s$ inputs come back with an error of {value}`twm.h3:recall_error`. All its eigenvalues are 0, whereas repeat
# copy's all lie on the unit circle: a change of rank $d$ moved every one of them.
#
# ## Check
#
# The short formula $\Psi\Phi\Psi^*$ against Eq. {eq}`eq-construction-operator` written out term by term, numbered from 1
# as in the paper; then the printed lower limit of the second sum, which must fail.


# %%
def sum_terms(matrix, basis, first):
    dim, size = matrix.shape
    phi, psi, dual = make_wave_operator(matrix), basis.basis, basis.dual_basis
    total = sum(np.outer(psi[:, mu - 1], dual[mu + dim - 1]) for mu in range(1, size - dim + 1))
    for mu in range(first, size + 1):
        for nu in range(1, size + 1):
            total = total + phi[mu - 1, nu - 1] * np.outer(psi[:, mu - 1], dual[nu - 1])
    return total


matrix, basis = rng.standard_normal((3, 12)), make_basis(12, 15, "skew", seed=seed, tilt=1.0)
short = transform_operator(make_wave_operator(matrix), basis)
assert np.abs(sum_terms(matrix, basis, first=(4 - 1) * 3 + 1) - short).max() < 1e-12 * basis.condition
assert np.abs(sum_terms(matrix, basis, first=(4 - 1) * 3) - short).max() > 0.01

# %% tags=["hide-input"]
assert differing == 0 and max(worst.values()) <= 1e-10
assert max(rcopy["standard_per_condition"], rcopy["hidden_per_condition"]) <= 1e-12 < rcopy["printed_index"]
assert similar["rank_mismatches"] == similar["wrong_passed"] == 0 and similar["similarity"] <= 1e-10
assert max(errors) <= 1e-9 and excess <= 0 and wrong_index == recall == older == 0
assert {name: small.rank for name, small in reduced.items()} == {"T1": 64, "T2": 36, "T3": 36, "T4": 36}

# %% [markdown]
# ## What does not hold
#
# **Indices.** Eq. (6), (7) and (40) do not hold as printed: a sum that starts one early, a vector written as a sum of
# its components, and an index that is $d$ too large. [The errata](../errata.md) show each failing, and holding when
# corrected.
#
# **The input phase.** The boundary does not wait for the substrate to be full. With $W_{uh} = \Psi_s$, step $t$ puts
# $u(t) + f(\text{what is there})$ into the newest column. Repeat copy reads only the oldest column, which is empty until
# the end, and comes to no harm. Fibonacci does, in its first step:

# %%
network, raw = construct_elman(fibonacci, make_basis(2)), np.ones((2, 1))
for name, fed in {"raw": raw, "corrected": correct_inputs(fibonacci.matrix, raw)}.items():
    outputs = network(torch.from_numpy(fed)[:, None], horizon=6).outputs[:, 0, 0]
    print(f"{name:9} inputs {fed[:, 0]}: outputs {outputs.detach().numpy()}")

# %% [markdown]
# The raw inputs 1, 1 leave 1, 2 in the substrate. The paper's A.6 names the effect, as an error of its algorithm; it
# is a property of the equations. There are two honest ways around it: put the history into the state at once,
# $h(s) = \Psi\,\mathrm{vec}(x)$, or feed
#
# $$
# u(t) = x(t) - \sum_{k=1}^{t-1} F_{s-k+1}\, x(t-k),
# $$ (eq-construction-corrected)
#
# which takes away beforehand what the boundary will add. How much does it matter for the four tasks?

# %%
page.show(correct_inputs)

# %%
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

# %% [markdown]
# The same for boundaries without structure: random matrices $F$ in random skew bases, and how far the state after the
# input phase is from $\Psi\,\mathrm{vec}(x)$.

# %%
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

# %% mystnb={"figure": {"caption": "Left to middle: the substrate of T2 after the input phase, as it should be, as raw inputs leave it, and with corrected inputs. Right: the share of wrong signs in the output phase that follows raw inputs. T1 makes no error.", "name": "fig-construction-inputs"}, "image": {"alt": "Three heatmaps of 8 by 8; the first and third agree, the second differs and reaches larger values. Beside them curves of wrong signs: zero for T1, well above zero for the other tasks.", "width": "760px"}} tags=["hide-input"]
numbers = {"state_corrected": max(missed["corrected"]), "state_raw": min(missed["raw"]), "systems": len(missed["raw"])}
numbers |= {f"signs_{way}": value for way, value in wrong.items()} | {"signs_raw_T1": share["T1", "raw"].max()}
page.record("ours.input", numbers, figure="fig-construction-inputs")
left = {"history wanted": draw_binary_history(tasks["T2"], 256, seed)[0]}
left |= {f"{way} inputs": filled["T2", way] for way in ("raw", "corrected")}
figures.plot_input_phase(left, {name: share[name, "raw"] for name in tasks})

# %% [markdown]
# {claim}`ours.input`: with raw inputs T1 gets a share of {value}`ours.input:signs_raw_T1` signs wrong, and the worst of the
# other tasks {value}`ours.input:signs_raw|.2f`, on average over the output phase; with corrected inputs the worst of all four
# is {value}`ours.input:signs_corrected`. Of {value}`ours.input:systems` random boundaries none is loaded by raw inputs, and
# corrected ones load all of them, to {value}`ours.input:state_corrected|.0e` for each unit of condition. A trained network has to find a way around this too. The input phase loses
# nothing, though: in wave coordinates the map from inputs to state is block triangular with ones on its diagonal, so a
# network may also keep the history in another basis than the one its inputs suggest.
#
# **Eigenvalues at zero.** The shift's eigenvalues are all 0, in one Jordan block of size $s$ for each dimension. A
# perturbation $\delta$ moves such an eigenvalue by $\delta^{1/s}$, and rounding in a basis of condition $\kappa$ is a
# perturbation of about $\kappa\epsilon$. What does an eigenvalue routine return?

# %%
blocks = np.arange(2, 33)
bases = [make_basis(int(block), kind="skew", seed=seed) for block in blocks]
hidden = [transform_operator(make_shift(basis.size, 1), basis) for basis in bases]
radii = np.array([np.abs(np.linalg.eigvals(operator)).max() for operator in hidden])
guide = np.array([(basis.condition * np.finfo(float).eps) ** (1 / basis.size) for basis in bases])
assert (radii < 10 * guide).all() and (radii[blocks >= 8] > 0.1 * guide[blocks >= 8]).all()

# %% mystnb={"figure": {"caption": "Left: computed eigenvalues of a shift of 16 columns, all zero in theory; in a skew basis they lie on a circle. Right: the radius of that circle grows with the history as the law for Jordan blocks says.", "name": "fig-construction-zeros"}, "image": {"alt": "Left, a ring of eigenvalues around zero and one point at zero. Right, points that rise with the size of the Jordan block along a dashed line.", "width": "700px"}} tags=["hide-input"]
sixteen = list(blocks).index(16)
page.note("largest_zero", radii[sixteen])
page.note("wrong_stable_rank", sum(stable_rank(operator) for operator in hidden))
clouds = {"standard": np.linalg.eigvals(make_shift(16, 1)), "skew": np.linalg.eigvals(hidden[sixteen])}
figures.plot_zeros(clouds, blocks, radii, guide)

# %% [markdown]
# With sixteen columns a "zero" has magnitude {value}`02_construction:largest_zero|.2f`. A threshold between zero and
# nonzero eigenvalues is therefore a decision, not a fact, and the paper's cut at 0.9 is sensible. The ranks of powers do not
# suffer: over all histories shown they count {value}`02_construction:wrong_stable_rank` nonzero eigenvalues, as they should.
#
# **In closing.** A linear boundary, a basis and its dual are a complete recipe: from them come a recurrent matrix, an
# encoder and a readout that do what the recursion does, to rounding. What the recipe leaves open is how a network that
# only saw examples would come by the basis, and how an observer could find it. That is the business of the pages on
# training and basis recovery. First, though, [a boundary that is not linear](03_self_attention.ipynb).
#
# ## About

# %%
page.about()
