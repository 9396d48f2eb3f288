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
# # A delayed flip-flop holds bits in corners and sends pulses down a line
#
# **Claim.** Some memories stand still. A flip-flop holds its last input as long as it has to, and a network that learns
# three of them grows the eight corners of a cube, {cite}`anonymous2019investigation`. Ask it to answer a few steps late,
# and it needs a second kind of memory, for inputs that are on their way. The paper finds oscillations there. This page
# repeats what it did, and then asks what it could not ask in 2019: are these oscillations travelling waves?
#
# | what the paper says | here |
# |---|---|
# | the task is learnt, with delay and without, and a pulse is not seen until it is due | {claim}`mem.flipflop` |
# | eight attractors form a cube | {claim}`mem.cube` |
# | the corners lie alike with delay and without | {claim}`mem.corners` |
# | loops at the corners, which disappear with delay | {claim}`mem.loops` |
# | a pulse overshoots its corner, so that the output is right at once | {claim}`mem.overshoot` |
# | saddles on its edges, faces and in its centre | {claim}`mem.saddles` |
# | their stable manifolds separate the basins | {claim}`mem.separatrices` |
# | with delay, slow points of higher order | {claim}`mem.saddles.delay` |
# | three real eigenvalues; with delay complex ones too | {claim}`mem.spectrum` |
# | around a switch, oscillations shifted by quarter periods, across the corners | {claim}`mem.trigger` |
# | neurons lock to precise frequencies | {claim}`mem.locked` |
# | longer delays cannot be learnt | {claim}`mem.limit` |
# | because the network's capacity is stretched to its limit | {claim}`mem.capacity` |
# | *(beyond the paper)* the oscillating directions are a travelling wave | {claim}`ours.flipflop.wave` |

# %% tags=["parameters"]
profile = "paper"
device = "auto"
seed = 0
reuse = True

# %% tags=["hide-input"]
import numpy as np
import torch

from twm.analysis.fixed_points import find_slow_points
from twm.analysis.flip_flop import POINT_TABLE, average_switches, compare_corners, describe_points, find_network_points
from twm.analysis.flip_flop import find_resting, fit_cube, fit_delay_line, follow_boundaries, measure_overshoot
from twm.analysis.flip_flop import read_flip_flop, read_points, run_flip_flop_network, send_switches, write_pulses
from twm.book.figures import flip_flop as figures
from twm.book.figures.style import use_style
from twm.book.figures.animation import Turnable
from twm.book.session import group, open_page, pick
from twm.errors import require
from twm.tasks.flip_flop import FlipFlop, delay_signs, draw_pulses
from twm.theory.activity import analyse_oscillation, make_travelling_step, measure_angles, measure_tones
from twm.theory.spectra import split_spectrum
from twm.training.flip_flop import FlipFlopTrainer, make_flip_flop_place, read_flip_flops, score_flip_flop
from twm.training.plans import FlipFlopPlan

page = open_page("09_flip_flop", profile=profile, device=device, seed=seed, reuse=reuse)
rng = np.random.default_rng(seed)
use_style()

# %% [markdown]
# ## Idea: one neuron can hold one bit
#
# Take a single neuron with $x(t+1) = \tanh(g\,x(t))$. For $g < 1$ it forgets. For $g > 1$ it has three fixed points: zero,
# which is unstable now, and two stable ones, the roots of $x = \tanh(g x)$. A push across zero changes the bit. At each of
# the three the slope $g(1 - x^2)$ tells the type. We let the search that serves the whole page find them.

# %%
gain = 1.5
single = find_slow_points(lambda x: torch.tanh(gain * x), torch.linspace(-1, 1, 21)[:, None])
for state, slope, kind in zip(single.states[:, 0], single.eigenvalues[:, 0].real, single.types):
    print(f"x = {float(state):+.6f}, slope {float(slope):.4f}: {kind}")
root = float(single.states[:, 0].max())
page.note("root_error", abs(root - np.tanh(gain * root)))
page.note("slope_error", abs(float(single.eigenvalues[-1, 0].real) - gain * (1 - root**2)))
assert sorted(single.types) == ["stable", "stable", "unstable"]

# %% [markdown]
# Three such neurons side by side have $3^3 = 27$ fixed points: with each bit down, up or on its edge. Eight are stable,
# twelve have one unstable direction, six have two, one has three: corners, edges, faces and centre of a cube. That is what
# to look for in a trained network, whose bits are spread over all its neurons.
#
# ## Model: the task, the network, the training
#
# Three channels; on each, pulses of $\pm 1$ at random, one in 50 steps on average; each output has to show the sign of its
# channel's last pulse, $\Delta$ steps after it fell. The network is
#
# $$
# S(t) = \tanh(W S(t-1) + W_{in} X(t)), \qquad Y(t) = \tanh(W_{out} S(t)),
# $$ (eq-flipflop-network)
#
# with 100 neurons. Only $W$ and $W_{out}$ are trained. The stream has no end, so the gradient is cut: ten steps, one
# update, and the next ten go on from the state that was reached. The paper's "rate $\lambda = 50$" is a mean interval,
# and it can be read in two ways: for each channel, or for the network, as its count of 2000 inputs in 100,000 steps
# suggests. Most networks here were trained on the first, some on the second, and all are tested on both.

# %% tags=["hide-input"]
tiny = {"hidden": 40, "batch": 32, "test_every": 500, "test_streams": 20, "test_steps": 300}
smaller = {"iterations": 25_000, "drop_at": 20_000}
delay, count = page.size(smoke=(2, 1), laptop=(8, 1), paper=(8, 5))
scale = page.size(smoke="40 neurons, delay 2, one seed", laptop="one seed, fewer updates", paper=None)
quick = {"iterations": 5000, "drop_at": 4000, "learning_rate": 3e-3}
sizes = page.size(smoke=tiny | quick, laptop=smaller, paper={})
plans = {each: [FlipFlopPlan(each, seed + n, **sizes) for n in range(count)] for each in (0, delay)}
place = make_flip_flop_place()
table = {row["model"]: row for row in read_flip_flops(place.rows)} if page.reuse else {}


# %% tags=["hide-input"]
def get_network(plan):
    if page.reuse:
        return read_flip_flop(place.networks / f"{plan.name}.safetensors")[0]
    trainer = FlipFlopTrainer(plan)
    trainer.train()
    return type(trainer.best())(*(matrix.double() for matrix in trainer.best()))


if page.reuse:
    plans = {each: [plan for plan in some if plan.name in table] for each, some in plans.items()}
    known = [table[plan.name] for some in plans.values() for plan in some]
    require(all(plans.values()), "no flip-flop networks are on record: twm sweep flipflop makes them")
    print(f"recorded {known[0]['date']}, {len(known)} networks, {known[0]['device']}, commit {known[0]['commit']}")
networks = {each: [get_network(plan) for plan in some] for each, some in plans.items()}
seeds = len(networks[delay])

# %% [markdown]
# First, what it looks like: two networks on the same pulses, one that answers at once and one that waits.

# %% mystnb={"figure": {"caption": "Pulses (orange), what is due (grey) and what two networks say (blue), on the same stream. The delayed network changes its answer when it is due, not when the pulse falls.", "name": "fig-flipflop-task"}, "image": {"alt": "Two columns of three channels over 160 steps. The blue curves follow the grey areas, in the right column a few steps after the pulses.", "width": "760px"}} tags=["hide-input"]
runs = {
    each: [
        run_flip_flop_network(weights, FlipFlop(each), streams=page.size(smoke=40, laptop=60, paper=60))
        for weights in some
    ]
    for each, some in networks.items()
}
shown = {"no delay": runs[0][0], f"delay {delay}": runs[delay][0]}
# Of all streams the one in which even the quietest channel has the most pulses.
stream = int((runs[0][0].pulses[300:460] != 0).sum(0).min(1).argmax())
part = (slice(300, 460), stream)
figures.plot_task(
    shown["no delay"].pulses[part], {name: run.signs[part] for name, run in shown.items()},
    {name: run.outputs[part] for name, run in shown.items()},
)

# %% [markdown]
# ## Result: both tasks are learnt
#
# How good is that in numbers? A network that ignores the delay would still be right most of the time, because pulses are
# rare. So two shares are counted: *settled*, the right signs outside the two steps from a due step on, and *waiting*, the
# right signs while a pulse of the other sign is on its way: it must not be seen yet. Each on 100,000 steps.

# %% tags=["hide-input"]
size = page.size(smoke=(10, 500), laptop=(20, 5000), paper=(20, 5000))


def score_network(plan, weights, other):
    reading = ("channel", "network")[other]
    if page.reuse:
        suffix = ("", "_other")[other]
        row = table[plan.name]
        return row[f"accuracy{suffix}"], row[f"waiting{suffix}"]
    score = score_flip_flop(weights, FlipFlop(plan.delay, reading=reading), seed, *size)
    return score.settled, score.waiting


# %% tags=["hide-input"]
found = {}
for each, label in ((0, "none"), (delay, "delayed")):
    for other, suffix in enumerate(("", "_other")):
        scores = [score_network(*pair, other) for pair in zip(plans[each], networks[each])]
        found[f"settled{suffix}_{label}"] = [settled for settled, _ in scores]
        if each:
            found[f"waiting{suffix}_{label}"] = [waiting for _, waiting in scores]
if page.reuse:  # one of the recorded scores again, on the spot
    again = score_flip_flop(networks[delay][0], FlipFlop(delay), 0, *size)
    assert abs(again.settled - found["settled_delayed"][0]) < 1e-4
rare = group((row for row in table.values() if row["reading"] == "network"), "delay", "seed").values()
rare = [max(rows, key=lambda row: row["iterations"]) for rows in rare]
for name, column, each in (("none", "accuracy", 0), ("delayed", "accuracy", delay), ("waiting", "waiting", delay)):
    both = [min(row[column], row[f"{column}_other"]) for row in pick(rare, delay=each)]
    found[f"rare_{name}"] = both or found["waiting_other_delayed" if name == "waiting" else f"settled_other_{name}"]
found["rare_updates"] = [row["iterations"] for row in rare] or [0]
initial = [FlipFlopTrainer(plan).weights().encoder.double() for plan in plans[delay]]
moved = max(float((a - b.encoder).abs().max()) for a, b in zip(initial, networks[delay]))
page.record(
    "mem.flipflop", found | {"steps": size[0] * size[1], "delay": delay, "encoder_moved": moved},
    figure="fig-flipflop-task", seeds=seeds, settings=4 if rare else 2, networks=2 * seeds + len(rare), scale=scale,
)

# %% tags=["hide-input"]
ignorant = score_flip_flop(networks[0][0], FlipFlop(delay), seed, *size)
page.note("ignorant_overall", ignorant.overall)
page.note("ignorant_waiting", ignorant.waiting);

# %% [markdown]
# | | no delay | with delay |
# |---|---|---|
# | settled, one pulse in 50 steps a channel | {value}`mem.flipflop:settled_none` | {value}`mem.flipflop:settled_delayed` |
# | waiting | | {value}`mem.flipflop:waiting_delayed` |
# | settled, one in 50 for the network | {value}`mem.flipflop:settled_other_none` | {value}`mem.flipflop:settled_other_delayed` |
# | waiting | | {value}`mem.flipflop:waiting_other_delayed` |
#
# One number a seed. The network without delay, asked for the delayed task, would still be right overall in
# {value}`09_flip_flop:ignorant_overall|.2%` of the steps, but while waiting only in
# {value}`09_flip_flop:ignorant_waiting|.1%`. Trained on the rarer pulses, by one seed each with
# {value}`mem.flipflop:rare_updates` updates, networks come to {value}`mem.flipflop:rare_none` without delay and to
# {value}`mem.flipflop:rare_delayed` with it ({value}`mem.flipflop:rare_waiting` while waiting).
#
# ## Result: a cube of corners, and whether they stand still
#
# The states of a run, in their first three principal components, coloured by what is due. Without delay they sit in the
# corners of a cube and cross over at its edges. With delay they wander about the corners.


# %% tags=["hide-input"]
def make_clouds(run, most=200):
    states = run.states[run.warm :].reshape(-1, run.states.shape[-1])
    signs = run.signs[run.warm :].reshape(-1, 3)
    mean = states.mean(0)
    axes = np.linalg.svd(states[::7] - mean, full_matrices=False)[2][:3]
    clouds = {}
    for corner in np.unique(signs[(signs != 0).all(1)], axis=0):
        mine = np.flatnonzero((signs == corner).all(1))
        picked = mine[:: max(1, len(mine) // most)][:most]
        name = " ".join("+" if sign > 0 else "\u2212" for sign in corner)
        clouds[name] = (states[picked] - mean) @ axes.T
    path = {"one stretch": (run.states[run.warm : run.warm + 300, 0] - mean) @ axes.T}
    return clouds, path, axes, mean


# %% mystnb={"figure": {"caption": "States of two networks in the first three principal components of their runs, coloured by the output that is due; signs name the corners, the grey line follows one stream. Without delay (left) the network rests in eight corners and goes from one to the next; with delay (right) it circles around them.", "name": "fig-flipflop-cube"}, "image": {"alt": "Two drawings of a cube made of eight clouds of points, joined by grey paths. The right one's clouds are wide.", "width": "760px"}} tags=["hide-input"]
pictures = {name: make_clouds(run) for name, run in shown.items()}
figures.plot_cubes({name: picture[:2] for name, picture in pictures.items()})

# %% [markdown]
# The delayed one again, to be turned:

# %% tags=["hide-input"]
clouds, path, _, _ = pictures[f"delay {delay}"]
Turnable(
    clouds, ("PC1", "PC2", "PC3"), f"States of a network with delay {delay}",
    "Eight clouds of points at the corners of a cube, each named by its three output signs, with a grey path between them.",
    path,
)

# %% [markdown]
# Is a corner a fixed point? We leave each network alone in each output state, wait, and look whether any neuron still
# moves. And we ask the search for slow points what lies there: it minimises $q = \frac12|F(S) - S|^2$ from many starts and
# calls a point fixed if $q \le 10^{-20}$.

# %%
resting = {
    each: [find_resting(run, page.size(smoke=500, laptop=2000, paper=2000)) for run in some]
    for each, some in runs.items()
}
on_record = {row["model"]: row for row in read_points(place.rows.with_name(POINT_TABLE))} if page.reuse else {}
starts, points, surveys, checked = page.size(smoke=300, laptop=1000, paper=300), {}, {}, {}
for each in (0, delay):
    points[each], added = find_network_points(runs[each][0], starts, seed)
    checked[each] = describe_points(points[each], runs[each][0], resting[each][0]) | {"batches": 1, "added": added[-1]}
    checked[each]["counts"] = [int(part) for part in checked[each]["counts"].split()]
    rows = [on_record[plan.name] for plan in plans[each] if plan.name in on_record]
    surveys[each] = rows if page.reuse else [checked[each]]

# %% tags=["hide-input"]
missing = "the slow points are not on record: twm sweep flipflop --resume finds them"
there, counts = all(surveys.values()), [row["counts"] for row in surveys[0]]
shared = {"figure": "fig-flipflop-points", "seeds": len(counts) or 1, "scale": scale}
def survey(each, *names):
    return {name: [row[name] for row in surveys[each]] for name in names}


page.settle("mem.saddles", there, missing, lambda: survey(0, "counts", "batches", "added", "misplaced") | {
    "live_differs": int(checked[0]["counts"] != counts[0])
}, settings=1, networks=seeds, **shared)
page.settle("mem.saddles.delay", there, missing, lambda: survey(delay, "fixed", "batches", "added") | {
    "most_unstable": [len(row["counts"]) - 1 for row in surveys[delay]]
}, settings=1, networks=seeds, **shared)
labels = {0: "none", delay: "delayed"}
cube = {f"stable_{label}": [row["corners"] for row in surveys[each]] for each, label in labels.items()}
cube |= {f"cube_{label}": [fit_cube(rest) for rest in resting[each]] for each, label in labels.items()}
page.settle("mem.cube", there, missing, lambda: cube, figure="fig-flipflop-cube", seeds=seeds, settings=2, networks=2 * seeds, scale=scale)
shared["seeds"] = seeds
tracked, ends = zip(*map(follow_boundaries, runs[0], resting[0]))
page.record("mem.separatrices", {"tracked": tracked, "ends": ends, "lines": 48}, settings=1, networks=seeds, **shared)
corners = zip(*map(compare_corners, resting[0], resting[delay]))
shared["figure"] = "fig-flipflop-cube"
page.record("mem.corners", dict(zip(("alike", "shapes", "sizes", "exchanged"), corners)), settings=2, networks=2 * seeds, **shared)
beyond = {each: list(zip(*map(measure_overshoot, runs[each], resting[each]))) for each in labels}
numbers = {f"switching_{label}": beyond[each][0] for each, label in labels.items()}
numbers |= {f"repeating_{label}": beyond[each][1] for each, label in labels.items()}
page.record("mem.loops", numbers, settings=2, networks=2 * seeds, **shared)
page.record("mem.overshoot", dict(zip(("places", "at_once", "visible"), beyond[0][2:])), settings=1, networks=seeds, **shared)

# %% mystnb={"figure": {"caption": "Top: slow points of two networks in the plane of the first two principal components; numbers give the unstable directions where there are more than three. Bottom: how many fixed points every seed has, by the number of unstable directions. Without delay there are 8, 12, 6 and 1, as in three independent bits.", "name": "fig-flipflop-points"}, "image": {"alt": "Top, two planes with markers by number of unstable directions; left a cube seen from a side, right a crowded cloud. Bottom, two tables of counts, a row a seed: left four columns with the same numbers in every row, right many columns up to two dozen and more unstable directions, with small numbers that differ from seed to seed.", "width": "760px"}} tags=["hide-input"]
panels = {}
for each, name in ((0, "no delay"), (delay, f"delay {delay}")):
    _, _, axes, mean = pictures[name]
    flat = (points[each].states.numpy() - mean) @ axes[:2].T
    panels[name] = (flat, points[each].unstable.numpy(), points[each].fixed.numpy())
page.note("exact_seeds", sum(row["counts"] == [8, 12, 6, 1] for row in surveys[0]))
page.note("seeds_searched", len(surveys[0]))
counts = {name: [row["counts"] for row in surveys[each]] for each, name in ((0, "no delay"), (delay, f"delay {delay}"))}
figures.plot_points(panels, counts)

# %% [markdown]
# Without delay there are 8, 12, 6 and 1 fixed points with 0, 1, 2 and 3 unstable directions in
# {value}`09_flip_flop:exact_seeds` of {value}`09_flip_flop:seeds_searched` networks, as many as three independent bits have.
# Those with 1, 2 and 3 belong on the cube's edges, on its faces and in its centre; the numbers of points elsewhere are
# {value}`mem.saddles:misplaced`, by seed. The saddles also tell where a basin ends. On lines between states near neighbouring
# corners we find a point of the boundary by halving, and follow it. The shares that run to a saddle with one unstable
# direction are {value}`mem.separatrices:tracked`: its stable manifold is the boundary.
#
# With delay the corners form the same figure, but a larger one. Turned and stretched onto the corners of the network that
# started from the same weights, they agree with an $R^2$ of {value}`mem.corners:shapes`, by seed. Without stretching it is
# {value}`mem.corners:alike`, since they are {value}`mem.corners:sizes` times as far apart.
#
# The paper also describes loops that protrude from the corners without delay and disappear with it. Pulses that repeat the
# sign a channel holds make them: the state leaves its corner outwards by {value}`mem.loops:repeating_none` of half an edge, by
# seed, and comes back. With delay it is {value}`mem.loops:repeating_delayed`. A switch goes beyond its new corner by
# {value}`mem.loops:switching_none`, and with delay by {value}`mem.loops:switching_delayed`. On the pulse's own step a switching
# state is still far from the new corner, at a mean coordinate of {value}`mem.overshoot:places`. The output is at its final value on that step,
# or beyond it, in {value}`mem.overshoot:at_once` of the cases. The readout therefore responds to the direction of the pulse,
# not only to the corners. Of weaker pulses whose output stays short, {value}`mem.overshoot:visible` show it by more than a
# hundredth.
#
# With delay, points with many unstable directions appear, as the paper says: up to
# {value}`mem.saddles.delay:most_unstable`. The networks have {value}`mem.saddles.delay:fixed` fixed points; the search stopped
# when a batch of 600 fresh starts added none, after {value}`mem.saddles.delay:batches` batches. The corners have further
# unstable directions too. Of eight, {value}`mem.cube:stable_delayed` are stable, against {value}`mem.cube:stable_none` without
# delay. A network does not go far from such a corner, though. It circles around it, and its outputs hardly show it.

# %% tags=["hide-input"]
swings = {name: resting[each][0].amplitudes for each, name in ((0, "no delay"), (delay, f"delay {delay}"))}
widest = int(resting[delay][0].amplitudes.argmax())
orbit = resting[delay][0].orbits[widest]
turning = np.linalg.svd(orbit - orbit.mean(0), full_matrices=False)
page.note("circling", int(sum((rest.amplitudes > 1e-3).sum() for rest in resting[delay])))
page.note("circling_none", int(sum((rest.amplitudes > 1e-3).sum() for rest in resting[0])))
page.note("corners_looked_at", 8 * seeds)
kept = float(np.mean([rest.found.mean() for rest in resting[delay]]))
for name, number in (("kept", kept), ("widest_swing", float(max(rest.amplitudes.max() for rest in resting[delay])))):
    page.note(name, number)

# %% mystnb={"figure": {"caption": "Networks that are left alone in an output state. Left: the largest swing of any neuron after a long time; zero means a fixed point. Middle: the widest movement of the delayed network, in its two leading components. Right: its outputs meanwhile.", "name": "fig-flipflop-resting"}, "image": {"alt": "Left, bars for eight output states, zero without delay. Middle, a closed or nearly closed curve, or a point. Right, three flat output curves.", "width": "760px"}} tags=["hide-input"]
names = ["".join("+" if sign > 0 else "\u2212" for sign in corner) for corner in resting[0][0].corners]
two = (turning[0] * turning[1])[:, :2]
outputs = np.tanh(orbit @ networks[delay][0].readout.numpy().T)
figures.plot_resting(swings, names, two, outputs, ("component 1", "component 2"))

# %% [markdown]
# Of {value}`09_flip_flop:corners_looked_at` corners in the delayed networks, {value}`09_flip_flop:circling` are circled, by
# up to {value}`09_flip_flop:widest_swing|.2f` in one neuron; without delay {value}`09_flip_flop:circling_none` are. The
# output state is kept at every step watched in {value}`09_flip_flop:kept|.0%` of the corners. So the attractors
# that the paper speaks of exist, but with delay they need not be points. Its $q$, which looks for points, cannot see them.
#
# ## Result: eigenvalues
#
# An eigenvalue of $W$ with a magnitude above one is a direction that grows at the origin until tanh stops it. We call one
# real if its imaginary part is below a twentieth of its magnitude; the paper's words are "on or close to the real axis".

# %% tags=["hide-input"]
spectra = {each: [np.linalg.eigvals(weights.recurrent.numpy()) for weights in some] for each, some in networks.items()}
split = {each: [split_spectrum(values) for values in some] for each, some in spectra.items()}
numbers = {f"real_{label}": [int((real.real > 0).sum()) for real, _, _ in split[each]] for each, label in labels.items()}
numbers["complex_delayed"] = [len(turning) for _, turning, _ in split[delay]]
numbers["other_none"] = [len(real) + len(turning) - int((real.real > 0).sum()) for real, turning, _ in split[0]]
numbers["largest_none"] = [float(np.abs(values).max()) for values in spectra[0]]
page.record("mem.spectrum", numbers, figure="fig-flipflop-spectra", seeds=seeds, settings=2, networks=2 * seeds, scale=scale)
page.note("positions", 3 * (delay + 1))
page.note("outside", [len(real) + len(turning) for real, turning, _ in split[delay]]);

# %% mystnb={"figure": {"caption": "Eigenvalues of W. Without delay three real ones lie outside the unit circle; with delay a ring of complex ones joins them.", "name": "fig-flipflop-spectra"}, "image": {"alt": "Two planes with the unit circle. Left, three markers a seed to the right of it. Right, in addition a ring of markers around the circle.", "width": "760px"}} tags=["hide-input"]
figures.plot_flip_flop_spectra({"no delay": spectra[0], f"delay {delay}": spectra[delay]})

# %% [markdown]
# Without delay there are {value}`mem.spectrum:real_none` positive real eigenvalues outside the circle and
# {value}`mem.spectrum:other_none` others, by seed; the largest magnitudes are {value}`mem.spectrum:largest_none`. With delay
# there are {value}`mem.spectrum:real_delayed` positive real and {value}`mem.spectrum:complex_delayed` complex ones. Three
# channels of a delay line have $3(\Delta + 1)$ positions, which is {value}`09_flip_flop:positions` here. In all,
# {value}`09_flip_flop:outside` eigenvalues lie outside the circle. That is close enough to look for the line.
#
# ## Result: what a switch looks like from inside
#
# The paper averages all switches from $(-,-,-)$ to $(-,-,+)$ in a run, aligned at the pulse, and takes the average apart
# into principal components. A run has a few dozen of them, and where a network circles its own movement does not average
# out over so few. So we also send the same pulse to hundreds of states of rest. Beside both stands the same analysis of
# something that is no network at all: a plain delay line, in which a new sign moves from position to position.

# %%
lead, happened, switches, oscillations, angles, tones = 4, [], [], [], [], []
for run, rest in zip(runs[delay], resting[delay]):
    states, _, number = average_switches(run, lead=lead)
    happened.append((analyse_oscillation(states).phases[1], number))
    states, answers, number = send_switches(run, lead=lead)
    oscillations.append(analyse_oscillation(states))
    tones.append(measure_tones(states[lead:], delay))
    corners = np.linalg.svd(rest.centres - rest.centres.mean(0), full_matrices=False)[2][:3]
    # The first component is the step itself; the second and third are the leading pair that turns.
    angles.append(measure_angles(oscillations[-1].axes[1:3], corners).min())
    switches.append((answers, number))
hidden = len(networks[delay][0].recurrent)
chance = [measure_angles(rng.standard_normal((2, hidden)), corners).min() for _ in range(200)]
line = analyse_oscillation(make_travelling_step(delay, lead))
mixed = measure_tones(make_travelling_step(delay, 0) @ rng.standard_normal((delay + 1, hidden)), delay)

# %% tags=["hide-input"]
numbers = {"slopes": [float(np.polyfit(range(7), each.crossings[:7], 1)[0]) for each in oscillations]}
numbers |= {"phases": [float(each.phases[1]) for each in oscillations], "angles": [float(angle) for angle in angles]}
numbers |= {"switches": [number for _, number in switches], "happened": [number for _, number in happened]}
numbers |= {"phases_happened": [float(phase) for phase, _ in happened], "chance_angle": float(np.median(chance))}
page.note("line_crossings", line.crossings[: min(6, len(line.crossings))])
shared["figure"] = "fig-flipflop-switch"
page.record("mem.trigger", numbers, settings=1, networks=seeds, **shared)
numbers = {"locked": [(each >= 0.8).mean() for each in tones], "medians": [np.median(each) for each in tones]}
numbers |= {"line_locked": (mixed >= 0.8).mean(), "line_median": np.median(mixed)}
page.record("mem.locked", numbers, settings=1, networks=seeds, **shared)

# %% mystnb={"figure": {"caption": "Left: mean outputs around a switch; the pulse falls at the solid line and is due at the dotted one. Middle: the leading components of the network's mean states. Right: those of a plain delay line. Both look like Fourier modes of rising frequency.", "name": "fig-flipflop-switch"}, "image": {"alt": "Left, three output curves, one of which jumps at the dotted line. Middle and right, seven rows of oscillating curves each, faster from row to row, between the two lines.", "width": "760px"}} tags=["hide-input"]
inside = {"inside the network": oscillations[0].components, "inside a plain delay line": line.components}
figures.plot_switch(inside, switches[0][0], lead, delay)

# %% [markdown]
# In the leading pair that turns, the second and third component, the phases are, by seed, {value}`mem.trigger:phases`
# degrees over {value}`mem.trigger:switches` sent pulses, and {value}`mem.trigger:phases_happened` over the
# {value}`mem.trigger:happened` switches that happened; a quarter period is 90. The pair's plane stands at
# {value}`mem.trigger:angles` degrees or more to the space of the corners, and a random plane among this many neurons at
# {value}`mem.trigger:chance_angle|.0f`. A plain delay line, in which nothing oscillates, has components that cross zero
# {value}`09_flip_flop:line_crossings` times: principal components of whatever *travels* through separate positions are
# waves of rising frequency.
#
# The paper adds that single neurons lock to precise frequencies. One sinusoid explains four fifths of a neuron's mean
# course, less its means before and after the due step, for shares of {value}`mem.locked:locked` of the neurons, by seed. The
# median share that one sinusoid explains is {value}`mem.locked:medians`, and {value}`mem.locked:line_median|.2f` for neurons
# that mix the positions of a plain delay line at random. What looks like a clock may therefore be a signal on its way.
# Positions can be read and written to, which decides between the two.
#
# ## Result: the last inputs stand in line
#
# Call $z_c(t)$ the sign of the last pulse on channel $c$, without any delay. A wave in the sense of the main paper would
# keep $z_c(t), z_c(t-1), \dots, z_c(t-\Delta)$ in as many places and move each by one place a step. The newest place has
# a boundary condition: keep the sign, unless a pulse comes. The oldest is read out. We fit, by least squares on half of
# the streams, what each place adds to a state and how it is read; we judge on the other half.
#
# Reading could succeed by chance correlations. Writing cannot. In a state of rest we change the places 0 to $k$ of one
# channel, as if a pulse had come $k$ steps ago, and leave the network alone. Its output must turn over $\Delta - k$ steps
# later, not before, and the other channels must stay as they are. Two controls: the same change, judged as if it were due
# three steps earlier, and a random change of the same length.

# %% tags=["hide-input"]
lines = [fit_delay_line(run) for run in runs[delay]]
most = page.size(smoke=50, laptop=200, paper=150)
wrote = [write_pulses(run, each, most, seed=seed) for run, each in zip(runs[delay], lines)]
early = [each.early[np.isfinite(each.early)] for each in wrote]
wave = {
    "r2": [each.r2.mean() for each in lines], "least_r2": [each.r2.min() for each in lines],
    "signs": [each.accuracy.mean() for each in lines], "encoded": [each.encoded for each in lines],
    "written": [each.success.mean() for each in wrote], "least_written": [each.success.min() for each in wrote],
    "sent": [each.sent.mean() for each in wrote], "random": [each.random.mean() for each in wrote],
    "early": [float(own.mean()) if own.size else 0.0 for own in early],
}
page.record("ours.flipflop.wave", wave, figure="fig-flipflop-line", seeds=seeds, settings=1, networks=seeds, scale=scale)

# %% mystnb={"figure": {"caption": "The delay line of one network, by channel and position: share of a sign's variance that is read, share of right signs, and share of states in which a pulse that was written to that position turned the right output over at the right time and touched nothing else. The last panel is the control with random changes of the same length.", "name": "fig-flipflop-line"}, "image": {"alt": "Four heatmaps of three channels by positions, with the share in each cell: the first three near one, the last near zero.", "width": "760px"}} tags=["hide-input"]
read = {"read: $R^2$": lines[0].r2, "read: right signs": lines[0].accuracy}
figures.plot_delay_line(read | {"written": wrote[0].success, "control": wrote[0].random})

# %% [markdown]
# | mean over positions | by seed |
# |---|---|
# | read, $R^2$ | {value}`ours.flipflop.wave:r2` |
# | read, $R^2$ of the worst position | {value}`ours.flipflop.wave:least_r2` |
# | read, right signs | {value}`ours.flipflop.wave:signs` |
# | written, all outputs right at all times | {value}`ours.flipflop.wave:written` |
# | written, the worst position | {value}`ours.flipflop.wave:least_written` |
# | pulses sent in the ordinary way | {value}`ours.flipflop.wave:sent` |
# | control: judged three steps early | {value}`ours.flipflop.wave:early` |
# | control: random change | {value}`ours.flipflop.wave:random` |
#
# A written pulse does what a sent one does, at the time that its position says, and it does so at every position; where
# a network fails a written pulse, it fails a sent one as often. The controls do nothing of the kind. So the answer to the
# question is yes where it counts: the delay is a line on which signs travel, one place a step, with one basis for all output states. It is not quite a linear one. The positions explain
# {value}`ours.flipflop.wave:encoded` of the states' variance, and the worst position is read less well than the claim
# asks for, since what a pulse adds depends a little on the corner in which it arrives.
#
# ## Result: how long a delay can be
#
# The paper's network "could not perform the task for longer delays", and the paper puts that down to capacity.

# %% tags=["hide-input"]
rows = pick(table.values(), reading="channel")
if not page.reuse:
    far, short = page.size(smoke=(6, 4), laptop=(12, 10), paper=(12, 10))
    tried = [FlipFlopPlan(far, seed, **sizes | {"unfold": steps}) for steps in (short, 2 * far)]
    for plan in [plans[0][0], plans[delay][0], *tried]:
        weights = networks[plan.delay][0] if plan.delay in networks else get_network(plan)
        score = score_flip_flop(weights, plan.task, seed, 20, 500)
        found = {"accuracy": score.settled, "waiting": score.waiting if plan.delay else None}
        rows.append({"delay": plan.delay, "unfold": plan.unfold} | found)
rows = [row | {"waiting": 1.0 if row["waiting"] is None else row["waiting"]} for row in rows]
rows.sort(key=lambda row: row["delay"])
usual, more = ([row for row in rows if (row["unfold"] <= 10) == small] for small in (True, False))
shorter = [row for row in on_record.values() if 0 < row["delay"] < 8] or [checked[0]]

# %% tags=["hide-input"]
keys, reason = (("delays", "delay"), ("accuracies", "accuracy"), ("waits", "waiting")), "twm sweep flipflop --resume"
shared = {"figure": "fig-flipflop-delays", "scale": scale}
page.settle("mem.limit", usual, reason, lambda: {
    name: [row[column] for row in usual] for name, column in keys
}, seeds=3 if page.reuse else 1, settings=len({row["delay"] for row in usual}), networks=len(usual), **shared)
page.settle("mem.capacity", more and shorter, reason, lambda: {
    f"longer_{name}": [row[column] for row in more[-2:]] for name, column in keys
} | {
    "longer_unfold": more[0]["unfold"], "shorter_delays": [row["delay"] for row in shorter],
    "shorter_unstable": [len(row["counts"]) - 1 for row in shorter],
}, settings=len(more[-2:]) + len(shorter), networks=len(more[-2:]) + len(shorter), **shared)

# %% mystnb={"figure": {"caption": "Accuracy against delay, for ten steps of unfolding as in the paper, and for longer unfolding. Dotted: what the claim asks for.", "name": "fig-flipflop-delays"}, "image": {"alt": "Two plots of shares against delay. Filled markers are near one up to delay 8 and fall towards one half beyond; open markers stay near one for a longer delay.", "width": "700px"}} tags=["hide-input"]
series = {"10 steps unfolded": usual, "longer": more}
page.note("nine", [row["accuracy"] for row in pick(usual, delay=9)])
figures.plot_delays({name: np.array([[row[key] for _, key in keys] for row in some]).T for name, some in series.items()})

# %% [markdown]
# Up to delay 8 every network learns the task with ten steps of unfolding, and the figure shows what becomes of longer delays.
# At delay 9 a pulse and its answer lie in one window only if the pulse is the first of its ten steps. That can be enough: by
# seed, the networks come to {value}`09_flip_flop:nine`. An answer ten steps later never lies in the window of its pulse, so
# no gradient connects them. With {value}`mem.capacity:longer_unfold` steps the same network comes to
# {value}`mem.capacity:longer_accuracies` at delays {value}`mem.capacity:longer_delays`, and at delays
# {value}`mem.capacity:shorter_delays` it already has fixed points with {value}`mem.capacity:shorter_unstable` unstable
# directions. The limit is that of the training, then, and not of the network, and points with many unstable directions do
# not mark it.
#
# ## Check
#
# The task against a loop that knows nothing of arrays, on a fresh stream; the mirror image of a fixed point, which must be
# one too because tanh is odd; and the stability of the corners against what the network does when left alone.

# %%
pulses = draw_pulses(FlipFlop(delay), "check", seed, 2, 0, 400)
due, slow_way = delay_signs(pulses, delay), np.zeros_like(pulses)
for stream in range(2):
    for channel in range(3):
        said = 0.0
        for step in range(400):
            if step >= delay and pulses[step - delay, stream, channel]:
                said = pulses[step - delay, stream, channel]
            slow_way[step, stream, channel] = said
assert np.array_equal(due, slow_way)
recurrent = networks[0][0].recurrent
mirrored = -points[0].states[points[0].fixed]
assert float((torch.tanh(mirrored @ recurrent.T) - mirrored).norm(dim=1).max()) < 1e-9
assert abs(root - np.tanh(gain * root)) < 1e-10 and moved == 0.0
if checked[0]["corners"] == 8:
    assert resting[0][0].amplitudes.max() < 1e-3

# %% [markdown]
# ## What does not hold
#
# **Attractors as points.** With delay, no corner found here is stable; the networks circle around them. Minimising $q$ finds
# the points inside the circles and counts them as saddles.
#
# **No longer delay, "a result of the networks' capacity".** Some networks learn delay 9, and the limit moves with the unfolding,
# see {numref}`fig-flipflop-delays`.
#
# **Corners in the same places, neurons as oscillators.** With delay the cube is larger, and next to no neuron follows one
# frequency.
#
# **Transverse by measurement.** Nearly all planes are transverse to three directions among a hundred, so the angle is no
# evidence. That pulses are invisible until due was measured at the outputs.
#
# **Oscillations as a clock.** A plain delay line gives the same components. Writing to positions tells the two apart.
#
# What stays open: why the delayed networks circle at all, since nothing in the task asks for it.
#
# **In closing.** A network with two jobs builds two memories, side by side: corners that hold what is due, and a line on
# which what is not yet due travels towards them. The line is a wave with a boundary condition, and the boundary condition
# is a flip-flop.
#
# ## About

# %%
page.about()
