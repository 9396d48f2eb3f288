# %% [markdown]
# # Episodic memory theory: from GSEMM to Elman networks
#
# **Summary.** An earlier paper {cite}`karuvally2023episodic` derives Elman networks from a continuous-time memory model, the general sequential episodic memory model (GSEMM).
# In this *episodic memory theory*, the recurrent matrix consists of a set of memories and a table of the transitions between them.
# Variables are subspaces of the hidden state, to which values are written, between which they are moved, and from which they are read.
# All five claims tested here hold, two of them under other conditions than the paper states.
# Conjugacy holds without the paper's bound on the norm ({claim}`emt.conjugate`), and the discrete limit requires unit strengths ({claim}`emt.gsemm`).
# The theory does not single out a basis: many sets of memories give the same network ({claim}`emt.isospectral`).

# %% tags=["parameters"]
profile = "paper"
device = "auto"
seed = 0
reuse = True

# %% tags=["hide-input"]
import numpy as np

from twm.book.figures import episodic_memory as figures
from twm.book.session import open_page
from twm.models.elman import read_network
from twm.theory.bases import make_basis, make_encoder, make_readout, transform_operator
from twm.theory.episodic import ACTIVATIONS, EpisodicModel, change_memories, draw_episodic_model, draw_integer_basis
from twm.theory.episodic import find_variables, measure_conjugacy, propagate_readout, run_repeat_copy
from twm.theory.episodic import simulate_episodes, simulate_reduced, step_euler, step_feature
from twm.theory.operators import make_cycle, make_wave_operator, repeat_copy_spectrum, repeat_copy_state
from twm.theory.pictures import text_to_states
from twm.theory.spectra import compare_spectra
from twm.training.loop import train_model
from twm.training.plans import ModelPlan
from twm.training.runner import read_models
from twm.training.sweeps import find_sweep
from twm.training.trainer import draw_batch

page = open_page("08_episodic_memory", profile=profile, device=device, seed=seed, reuse=reuse)
rng = np.random.default_rng(seed)

# %% mystnb={"figure": {"caption": "Repeat copy as a program and as a network. The variables of the program (top) equal the values that the dual basis reads from the network (middle) at every step. Single neurons (bottom) do not show them.", "name": "fig-episodic-machine"}, "image": {"alt": "Two identical heatmaps with diagonal stripes of values that move from variable to variable, and below them a heatmap of neurons without visible order.", "width": "700px"}} tags=["hide-input"]
history, dim, hidden, own = 6, 4, 40, np.random.default_rng(seed + 2)
columns, rows = draw_integer_basis(history * dim, hidden, own)
recurrent = columns @ make_cycle(history, dim).astype(int) @ rows
inputs = own.choice([-1, 1], (history, dim))
contents, outputs = run_repeat_copy(inputs, steps=3 * history)
states, read = [np.zeros(hidden, int)], []
for number in range(4 * history):
    entering = inputs[number] if number < history else np.zeros(dim, int)
    states.append(recurrent @ states[-1] + columns[:, -dim:] @ entering)
    read.append(rows[-dim:] @ states[-1])

machine, components = np.array(contents).reshape(4 * history, -1), np.array(states[1:]) @ rows.T
numbers = {"differing_variables": int((components != machine).sum())}
numbers |= {"differing_outputs": int((np.array(read[history:]) != np.array(outputs)).sum())}
assert not any(numbers.values())
numbers |= {"steps": 4 * history, "history": history, "hidden": hidden, "size": history * dim}
page.record("emt.fig1", numbers | {"compared": machine.size + 3 * history * dim}, figure="fig-episodic-machine")
figures.plot_machine(machine, components, np.array(states[1:]), history)

# %% [markdown]
# | Claim of the paper | Verdict |
# |---|---|
# | In a limit, the continuous model becomes a discrete map | {claim}`emt.gsemm` |
# | The map is conjugate to the Elman update | {claim}`emt.conjugate` |
# | The memories are not unique; the spectrum is invariant | {claim}`emt.isospectral` |
# | Writing, composing and reading are three matrices | {claim}`emt.phi` |
# | The pseudocode of repeat copy has an exact network equivalent | {claim}`emt.fig1` |
#
# ## Two-pattern example
#
# Consider two patterns of four neurons, each of which is followed by the other.
# A network that shows the first pattern moves to the second and then back to the first, so it is a clock with period two.
# In the paper's notation, the patterns are the columns of $\Xi$ and the transitions are $\Phi$.

# %%
patterns = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 0.0], [0.0, 1.0]])
swap = np.array([[0.0, 1.0], [1.0, 0.0]])
clock = EpisodicModel(patterns, swap - np.eye(2))
state = patterns[:, 0]
for step in range(4):
    print(step, state.round(12) + 0.0)
    state = clock.recurrent @ state

# %% [markdown]
# The two patterns are deliberately non-orthogonal. They are therefore read by the rows of the pseudo-inverse $\Xi^+$ and not
# by the patterns themselves. The network itself consists only of the matrix $W = \Xi\Phi^\top\Xi^+$.
#
# ## Continuous GSEMM
#
# The model has three kinds of neurons.
# Feature neurons $V_f$ represent patterns, each hidden neuron in $V_h$ represents one memory, and delay neurons $V_d$ store the recent features:
#
# $$
# \begin{aligned} T_f \dot V_f &= \sqrt{\alpha_s}\,\Xi\,\sigma_h(V_h) - V_f, \\
# T_h \dot V_h &= \sqrt{\alpha_s}\,\Xi^+ \sigma_f(V_f) + \alpha_c\,\Phi'^\top \Xi^+ V_d - V_h, \\
# T_d \dot V_d &= \sigma_f(V_f) - V_d . \end{aligned}
# $$ (eq-episodic-full)
#
# Four steps lead from this model to an Elman network:
#
# 1. Hidden and delay neurons become infinitely fast.
# 2. Time is discretised by forward Euler with a step of $T_f$.
# 3. A change of variable moves the activation function to the end of the update.
# 4. A change of basis replaces the memories by other memories.
#
# The $T$ are time constants. The result requires strengths $\alpha_s = \alpha_c = 1$, so that $\Phi = I + \Phi'$, and an identity $\sigma_h$; the paper states neither (see [the errata](../errata.md)).
# We use these values from here on.
#
# For the first step, we set $T_h = T_d = \epsilon$ and compare the full model with its limit $T_f \dot V_f = W\sigma_f(V_f) - V_f$.
# The fast variables lag by about $\epsilon$, so the difference should be proportional to $\epsilon$.
# Both equations are solved with an error far below this difference.

# %% tags=["hide-input"]
neurons, memories, spans = 8, 5, page.size(smoke=3, laptop=10, paper=20)
times, constants = np.linspace(0, 4, 81), 0.1 * 0.5 ** np.arange(6)
errors = np.zeros((spans, len(constants)))
for draw in range(spans):
    model = draw_episodic_model(neurons, memories, rng, norm=1.5)
    start = rng.standard_normal(neurons)
    limit = simulate_reduced(model, start, times, tolerance=1e-11)
    for place, constant in enumerate(constants):
        fast = {"time_hidden": constant, "time_delay": constant}
        full = simulate_episodes(model, start, times, tolerance=1e-11, **fast)[0]
        errors[draw, place] = np.abs(full - limit).max()
orders = np.diff(np.log(errors[:, 2:])) / np.diff(np.log(constants[2:]))

# %% [markdown]
# In the second step, the old state cancels in an Euler step of length $T_f$ and leaves the map
# $V_f(t+1) = W\sigma_f(V_f(t))$. This identity is algebraic and must hold to rounding error. A step of half the length gives
# a different map. Short steps approach the differential equation at first order.

# %% mystnb={"figure": {"caption": "Left: one feature neuron of the full model for three time constants of its hidden and delay neurons. The faster they are, the closer it is to the limit. Right: the largest difference from the limit is proportional to this time constant, and the error of Euler's method is proportional to its step.", "name": "fig-episodic-reduction"}, "image": {"alt": "Left, three curves over time that approach a fourth. Right, two rows of points on logarithmic axes, each along a dotted line of slope one.", "width": "740px"}} tags=["hide-input"]
states = rng.standard_normal((neurons, 200))
mapped = step_feature(model, states)
map_error = np.abs(step_euler(model, states, step=1.0) - mapped).max()
half_error = np.abs(step_euler(model, states, step=0.5) - mapped).max()
counts, exact, euler = 2 ** np.arange(3, 9), limit[20], []
for count in counts:
    state = start
    for _ in range(count):
        state = step_euler(model, state, step=times[20] / count)
    euler.append(np.abs(state - exact).max())

gsemm = {"order": float(orders.mean()), "least_order": float(orders.flat[np.abs(orders - 1).argmax()])}
page.note("euler_order", np.log2(euler[-2] / euler[-1]))
errors_of_map = {"map_error": map_error, "half_step_error": half_error, "models": spans}
page.record("emt.gsemm", gsemm | errors_of_map, figure="fig-episodic-reduction")
shown = {"limit": limit[:, 0]}
for constant in (1.0, 0.3, 0.1):
    fast = {"time_hidden": constant, "time_delay": constant}
    shown[f"$T_h = T_d = {constant:g}$"] = simulate_episodes(model, start, times, **fast)[0][:, 0]
figures.plot_reduction(times, shown, constants, errors[-1], (times[20] / counts, np.array(euler)))

# %% [markdown]
# Over {value}`emt.gsemm:models` random models, the mean order of convergence is {value}`emt.gsemm:order|.3f`, and the value farthest from one is {value}`emt.gsemm:least_order|.2f` ({claim}`emt.gsemm`).
# The full Euler step differs from the map by {value}`emt.gsemm:map_error|.1e`, the half step by {value}`emt.gsemm:half_step_error|.1f`.
# For short steps, Euler's method converges with order {value}`08_episodic_memory:euler_order|.2f`.
# If hidden neurons are as slow as feature neurons, the model behaves differently ({numref}`fig-episodic-reduction`, left).
# An Euler step as long as the time constant does not approximate the differential equation either.
# The map is therefore related to the continuous model but is not its solution.
#
# ## Conjugacy
#
# In the map the activation acts on the state before the weights; in an Elman network it acts last.
# The third step therefore substitutes $h = \sigma(V)$:
#
# $$
# h(t+1) = \sigma(V(t+1)) = \sigma(W\sigma(V(t))) = \sigma(W h(t)) .
# $$ (eq-episodic-conjugate)
#
# This identity holds for any $\sigma$ and any $W$. Conjugacy, which the paper claims, also requires the reverse direction
# from $h$ to $V$, so $\sigma$ must be invertible, as the paper's Appendix A says. The paper also requires that the norm of $W$
# be at most 1. We test both conditions with norms from 0.5 to 10, for tanh and for two activations that are not invertible.
# Where tanh saturates, a rounding error of $h$ becomes a larger error in $V$; reverse errors are scaled by the slope.

# %% mystnb={"figure": {"caption": "Error of the transformation from the map to the Elman update (left) and back (right), against the norm of W. The forward direction works for every activation and norm. The reverse direction works only for tanh, because ReLU and clipping map different states to the same one. The dotted line is the tolerance; errors of exactly zero are drawn at the bottom.", "name": "fig-episodic-conjugacy"}, "image": {"alt": "Two plots of error against norm. Left, all three activations at rounding level. Right, tanh at rounding level and the other two at one half, on both sides of norm one.", "width": "740px"}} tags=["hide-input"]
norms, ways = [0.5, 1.0, 2.0, 5.0, 10.0], {name: [] for name in ACTIVATIONS}
for norm in norms:
    for name in ways:
        model = draw_episodic_model(12, 7, rng, norm=norm, activation=name)
        starts = 2 * rng.standard_normal((12, page.size(smoke=50, laptop=500, paper=1000)))
        found = measure_conjugacy(model, starts, steps=50)
        ways[name].append((max(found.forward, found.orbit), found.backward))

ways = {name: np.array(pairs).T for name, pairs in ways.items()}
both = {name: pairs.max(axis=0).tolist() for name, pairs in ways.items()}
page.note("forward_error", max(pairs[0].max() for pairs in ways.values()))
page.record("emt.conjugate", {"norms": norms, **both}, figure="fig-episodic-conjugacy")
figures.plot_conjugacy(norms, ways)

# %% [markdown]
# The largest error in the forward direction is {value}`08_episodic_memory:forward_error|.1e`. For tanh, the error does not
# change at norm 1. For ReLU and clipping the reverse direction fails at *every* norm, because states that differ only in a
# silent neuron have the same image. The condition on the norm is therefore not needed: conjugacy
# depends on $\sigma$ alone ({claim}`emt.conjugate`). A ReLU network has fewer distinct states than its memory model.
#
# ## Non-uniqueness of bases
#
# The fourth step is a choice of basis. For any invertible $S$, the matrix $W = \Xi\Phi^\top\Xi^+$ equals
# $(\Xi S)(S^{-1}\Phi^\top S)(\Xi S)^+$. Different memories with different interactions thus give the same network, and
# share its spectrum ({numref}`fig-episodic-families`).

# %% mystnb={"figure": {"caption": "Three decompositions of the same recurrent matrix. The interaction matrices depend on the choice of memories; their eigenvalues (right) coincide.", "name": "fig-episodic-families"}, "image": {"alt": "Three different five by five matrices, and a complex plane in which the eigenvalues of all three lie on top of one another.", "width": "760px"}} tags=["hide-input"]
model = draw_episodic_model(9, 5, rng)
families = [model]
for _ in range(page.size(smoke=10, laptop=50, paper=100)):
    families.append(change_memories(model, rng.standard_normal((5, 5)) + 2 * np.eye(5)))
operators = [each.operator for each in families]
spectra = [np.linalg.eigvals(operator) for operator in operators]
closest = min(np.abs(a - b).max() for number, a in enumerate(operators) for b in operators[:number])

numbers = {"families": len(families), "spectrum": max(compare_spectra(spectra[0], each) for each in spectra[1:])}
numbers |= {"recurrent": max(np.abs(each.recurrent - model.recurrent).max() for each in families)}
page.record("emt.isospectral", numbers | {"least_difference": closest}, figure="fig-episodic-families")
figures.plot_families(spectra[:3], operators[:3])

# %% [markdown]
# In {value}`emt.isospectral:families` sets of memories, the spectra agree to {value}`emt.isospectral:spectrum|.1e`, and no two of the operators differ by less than {value}`emt.isospectral:least_difference|.2f` ({claim}`emt.isospectral`).
# The spectrum therefore does not determine what a network stores.
# The paper selects a basis through the task: the basis in which values are written, moved and read.
#
# ## Write, compose, read
#
# Divide a basis into $N$ blocks of $\kappa$ vectors, $\Psi = [\Psi_1 \cdots \Psi_N]$, and call block $\Psi_i$ the $i$-th *variable*.
# Three matrices then perform the computation:
#
# $$
# W_{uh} = \Psi_N, \qquad
# W = \sum_{\mu=1}^{(N-1)\kappa} \psi_\mu\psi^{\mu+\kappa} + \sum_{\mu=(N-1)\kappa+1}^{N\kappa}\sum_\nu \Phi^\mu_\nu\,\psi_\mu\psi^\nu, \qquad
# W_r = \Psi_N^* .
# $$ (eq-episodic-mechanisms)
#
# The encoder $\Psi_N$ writes to the last variable. The matrix $W$ (printed as $\Phi$) moves every stored value to the preceding variable
# and puts $f$ of all of them into the last. The readout $\Psi_N^*$ reads the last variable. The paper's Fig. 2 shows four
# variables of five dimensions ({numref}`fig-episodic-mechanisms`). We use integer bases with integer duals, so that an exact result means that no integer
# differs. The reference implementation uses no matrices: it shifts a list and evaluates $f$.

# %%
history, dim = 4, 5
wrong = dict.fromkeys(("compose", "write", "read", "closed_form"), 0)
compared = misread = misplaced = 0
for draw in range(page.size(smoke=20, laptop=100, paper=200)):
    columns, rows = draw_integer_basis(20, 20 + draw % 13, rng)
    boundary = rng.integers(-2, 3, (dim, 20))
    operator = columns @ make_wave_operator(boundary) @ rows
    before, signal = rng.integers(-3, 4, (history, dim)), rng.integers(-1, 2, dim)
    state = columns @ before.reshape(-1)
    new = [sum(int(b) * int(x) for b, x in zip(row, before.reshape(-1))) for row in boundary]
    after = np.array([*before[1:].tolist(), new])
    written = after + np.array([[0] * dim] * (history - 1) + [signal.tolist()])
    wrong["compose"] += int((rows @ (operator @ state) != after.reshape(-1)).sum())
    moved = operator @ state + columns[:, -dim:] @ signal
    wrong["write"] += int((rows @ moved != written.reshape(-1)).sum())
    wrong["read"] += int((rows[-dim:] @ moved != written[-1]).sum())
    misread += int((rows[:dim] @ moved != written[-1]).any())
    compared += 45

# %% [markdown]
# For repeat copy, $f$ returns the value of the first variable, and the whole course has a closed form.
# After $t$ steps of the output phase, input $\mu$ is in variable $((\mu - t - 1) \bmod N) + 1$, whose basis vectors have the
# indices $((\mu - t - 1) \bmod N)\,\kappa + i$. The indices printed in the paper's Eq. (13) are larger by $\kappa$.

# %%
copy = columns @ make_cycle(history, dim).astype(int) @ rows
inputs = rng.choice([-1, 1], (history, dim))
state = np.zeros(len(columns), int)
for entering in inputs:
    state = copy @ state + columns[:, -dim:] @ entering
for step in range(4 * history + 1):
    expected = repeat_copy_state(inputs, step)
    wrong["closed_form"] += int((rows @ state != expected.reshape(-1)).sum())
    misplaced += int((rows @ state != np.roll(expected, 1, axis=0).reshape(-1)).any())
    state, compared = copy @ state, compared + history * dim

# %% mystnb={"figure": {"caption": "Four variables of five dimensions, as in the paper's Fig. 2. Composing moves every value to the preceding variable and puts f of all values in the last one; writing adds an input there; reading returns the last variable.", "name": "fig-episodic-mechanisms"}, "image": {"alt": "Four grids of integers: a state, the state moved by one column, the same with an input added to the last column, and the last column alone.", "width": "760px"}} tags=["hide-input"]
numbers = {f"{name}_differences": count for name, count in wrong.items()} | {"variables": history, "dim": dim}
numbers |= {"compared": compared, "wrong_variable": misread, "printed_index": misplaced}
page.record("emt.phi", numbers, figure="fig-episodic-mechanisms")
figures.plot_mechanisms(before, after, written, written[-1])

# %% [markdown]
# The table counts differing integers among {value}`emt.phi:compared` compared ({claim}`emt.phi`).
# As controls, reading the wrong variable is detected in {value}`emt.phi:wrong_variable` random networks, and the printed index of Eq. (13) gives an error at {value}`emt.phi:printed_index` time steps.
#
# | Operation | Integers that differ |
# |---|---|
# | Compose | {value}`emt.phi:compose_differences` |
# | Write | {value}`emt.phi:write_differences` |
# | Read | {value}`emt.phi:read_differences` |
# | Closed form of repeat copy | {value}`emt.phi:closed_form_differences` |
#
# ## Pseudocode and network
#
# The paper's Fig. 1 shows a program beside a network, and {numref}`fig-episodic-machine` runs both.
# The program has a list of variables with three operations and contains no matrix.
# The network has three matrices and contains no list.
# Over {value}`emt.fig1:steps` steps we compare {value}`emt.fig1:compared` numbers and find {value}`emt.fig1:differing_variables|count difference` in the variables and {value}`emt.fig1:differing_outputs|count difference` in the outputs ({claim}`emt.fig1`).
#
# ## Trained network
#
# The networks above were constructed. The paper's Fig. 3 analyses a network trained on repeat copy with sixteen inputs of
# five dimensions. The saved results of the sweep `picture` contain such networks. We take the first one that solves the task
# with as many slow modes as there are components, $16 \cdot 5$.

# %% tags=["hide-input", "hide-cell"]
small = {"hidden": 16, "iterations": 400, "horizons": (5, 10, 20), "learning_rate": 3e-3}
smaller = ModelPlan("repeat-copy:3,2", init="orthogonal", **small)
pictures = find_sweep("picture").list_plans()
whole = next(plan for plan in pictures if plan.init == "orthogonal")
reduced = ModelPlan("repeat-copy:8,4", hidden=64, init="orthogonal", iterations=4000)
plan, place = page.size(smoke=smaller, laptop=reduced, paper=whole), find_sweep("picture").place()
known = read_models(place.rows) if page.reuse else []
good = [row for row in known if row["accuracy"] >= 0.99 and row["rank_network"] == row["rank_theory"]]

if good:
    name, made = good[0]["model"], good[0]
    plan = next(each for each in pictures if each.name == name)
    matrices = read_network(place.networks / f"{name}.safetensors")[0].get_matrices()
    print(f"saved {made['date']}, {name}, {made['device']}, commit {made['commit']}")
elif page.reuse:
    basis = make_basis(80, 128, "orthonormal", seed=seed)
    # Small states keep tanh in its linear range; the constructed network only replaces a missing one.
    ends = 1e-3 * make_encoder(basis, 5), 1e3 * make_readout(basis, 5)
    matrices = transform_operator(make_cycle(16, 5), basis), *ends
    print("no trained network is saved (run `twm sweep picture`); a constructed one is shown instead")
else:
    trained = train_model(plan)
    matrices = trained.weights
    print(f"trained here: {plan.name}, accuracy {trained.row['accuracy']:.3f}")
recurrent, encoder, readout = (np.asarray(matrix, dtype=float) for matrix in matrices)

# %% [markdown]
# To find its variables, we run the network on random inputs and fit the contribution of each component to the hidden state by least squares.
# The paper's method needs only the weights: the last variable is $W_r^+$, and the others are its images under powers of $W$.
# The paper gives a forward and a transposed variant; we use the forward one.

# %% tags=["hide-input"]
page.show(find_variables)

# %% tags=["hide-input"]
system, history = plan.system, plan.system.history
entering = draw_batch(system, "test", seed, 0, 400, 1)[0].double().numpy()
state, states, contents = np.zeros((400, len(recurrent))), [], []
for step in range(5 * history):
    push = entering[step] @ encoder.T if step < history else 0.0
    state = np.tanh(state @ recurrent.T + push)
    if step >= 2 * history:
        states.append(state)
        moved = repeat_copy_state(entering.swapaxes(0, 1), step - history + 1)
        contents.append(moved.reshape(400, -1))
states, contents = np.concatenate(states), np.concatenate(contents)
fitted = find_variables(recurrent, states, contents)

# %% mystnb={"figure": {"caption": "A trained network in the basis of its variables. A: weights between components, and below the line the weights that lead out of them; the band is the shift, the corner the boundary that copies the first variable. B: slow modes at the roots of unity, with their number at each root. C: one sequence, neuron by neuron. D: the same sequence, variable by variable; written values travel from the newest variable to the oldest and return.", "name": "fig-episodic-trained"}, "image": {"alt": "Four panels: a matrix with one off-diagonal band and a corner block, a ring of eigenvalues with counts, a heatmap without visible order and a heatmap with diagonal stripes.", "width": "760px"}} tags=["hide-input"]
cycle = make_cycle(history, system.dim)
powers = propagate_readout(recurrent, readout, history)
guessed = np.linalg.pinv(powers) @ recurrent @ powers
read = states @ fitted.dual_basis.T
page.note("fitted_error", np.linalg.norm(fitted.operator - cycle) / np.linalg.norm(cycle))
page.note("powers_error", np.linalg.norm(guessed - cycle) / np.linalg.norm(cycle))
page.note("content_signs", float((read * contents > 0).mean()))
eigenvalues = np.linalg.eigvals(recurrent)
for name, number in (("size", len(cycle)), ("rank", int((np.abs(eigenvalues) > 0.9).sum()))):
    page.note(f"trained_{name}", number)

text = text_to_states("3141") if history == 16 else entering[:, 0]
episode = [np.zeros(len(recurrent))]
for step in range(3 * history):
    push = encoder @ text[step] if step < history else 0.0
    episode.append(np.tanh(recurrent @ episode[-1] + push))
episode, spectrum = np.array(episode[1:]), repeat_copy_spectrum(history, system.dim)
leak = recurrent @ fitted.basis - fitted.basis @ fitted.operator
figures.plot_trained_variables(
    fitted.operator, leak, eigenvalues, spectrum, episode, episode @ fitted.dual_basis.T, history
)

# %% [markdown]
# The network has {value}`08_episodic_memory:trained_rank` slow modes for {value}`08_episodic_memory:trained_size` components.
# In the fitted basis its weights equal the cyclic shift to a relative error of {value}`08_episodic_memory:fitted_error|.1e`, and the signs of stored values are decoded with an accuracy of {value}`08_episodic_memory:content_signs|.2%`.
# The basis from powers of $W$ gives an error of {value}`08_episodic_memory:powers_error|.1e`.
# Panel D of {numref}`fig-episodic-trained` agrees with the paper's Fig. 3D.
# The panel is noisy during the input phase because the pseudo-inverse mistakes transients of new inputs for stored values.
# The page on [basis recovery](05_basis_recovery.ipynb) gives a left-eigenvector dual that annihilates these transients.
#
# ## Relation to travelling waves
#
# In the terms of the later paper {cite}`karuvally2024hidden`, panel D shows a travelling wave.
# Most concepts have a direct counterpart:
#
# | Episodic memory theory (2023) | Travelling waves (2024) |
# |---|---|
# | variable $i$, the subspace of $\Psi_i$ | column $i$ of the substrate |
# | $\kappa$ dimensions | $d$ dimensions |
# | values are copied from variable $i+1$ to $i$ | activity travels from column $i+1$ to $i$ |
# | composition, $f$ of the history | boundary condition at the last column |
# | writing to and reading from $\Psi_N$ | source and sensor at the end of the substrate |
# | memories $\Xi$ and their interactions $\Phi$ | basis $\Psi$ and wave operator $\Phi$ |
# | linear $f$ | linear boundary; self-attention boundary added |
# | Algorithm 1, forward and transposed powers | the same, with limits on the errors |
# | derived from the continuous model | derived from the transport equation |
#
# The later theory gives up the derivation from a memory model.
# In return it explains the shift, because a wave must move, and it provides gradient bounds.
# The pages on the [theory](01_theory.ipynb) and the [construction](02_construction.ipynb) present that theory.
#
# ## Assertions
#
# The following cell repeats the main results as assertions.

# %% tags=["hide-cell"]
assert abs(gsemm["order"] - 1) < 0.1 and map_error < 1e-10 < half_error
assert max(both["tanh"]) < 1e-10 and min(both["relu"] + both["clip"]) > 0.1
assert not any(wrong.values()) and misread and misplaced
assert np.abs(fitted.dual_basis @ fitted.basis - np.eye(len(cycle))).max() < 1e-8

# %% [markdown]
# ## Limitations and corrections
#
# **Norm condition.** The restriction $\|\Xi\Phi^\top\Xi^+\| \le 1$ is not needed, as {numref}`fig-episodic-conjugacy` shows.
#
# **Shared dynamics.** The statement that "all dynamical properties are shared" holds for tanh.
# For ReLU it holds only on the image of the activation, since states that differ in a silent neuron become one state.
#
# **Continuous limit.** The map is an Euler step of length $T_f$, which is far from the differential equation. A pattern that
# is stable in continuous time may be unstable in the map. One neuron that inhibits itself is an example:

# %%
opposite = EpisodicModel(np.ones((1, 1)), np.array([[-3.0]]))
flow = simulate_reduced(opposite, np.array([0.5]), np.linspace(0, 10, 11))[:, 0]
jumps = [np.array([0.5])]
for _ in range(10):
    jumps.append(step_feature(opposite, jumps[-1]))
jumps = np.array(jumps)[:, 0]
page.note("flow_end", abs(flow[-1]))
page.note("map_end", abs(jumps[-1]))
print("differential equation", flow.round(3), "\nmap                  ", jumps.round(3))
assert abs(flow[-1]) < 1e-3 < abs(jumps[-1])

# %% [markdown]
# The differential equation converges to rest, at {value}`08_episodic_memory:flow_end|.0e`, while the map oscillates with an amplitude of {value}`08_episodic_memory:map_end|.2f`.
# Results for the continuous memory, such as an energy function, must therefore be proved again for the network.
#
# ## Run details

# %% tags=["hide-input"]
page.about()
