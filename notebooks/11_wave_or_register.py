# %% [markdown]
# # Wave or register: cross-temporal decoding of working memory
#
# **Summary.** Two accounts of working memory compete. In a {term}`register`, an item stays in one pattern of activity. In a
# travelling {term}`wave`, its pattern changes at every step. This page measures which of the two a system uses, from its states
# and the item alone, without its weights or its task. A linear decoder is trained at one step and tested at all others ({numref}`fig-wave-matrices`), as in
# studies of working memory in cortex. The *span* is the number of steps at which the item can be decoded. The *movement* of
# the code is 0 for a register and 1 for a wave. Trained flip-flops without delay, which are registers, have movements of at
# most {value}`ours.wave.networks:register_most|.2f`. All {value}`ours.wave.networks:waves` Elman networks and wave-RNNs that
# solve their task have movements of at least {value}`ours.wave.networks:wave_least|.2f` ({claim}`ours.wave.networks`).
#
# | Statement (all beyond the papers) | Verdict |
# |---|---|
# | Movement and span match their closed forms in constructed systems (within 0.05 and one step). | {claim}`ours.wave.closed` |
# | Movement separates trained waves from trained registers. | {claim}`ours.wave.networks` |
# | It also separates them with 20 neurons and 50 trials. | {claim}`ours.wave.few` |
# | It also separates them with as much noise as signal. | {claim}`ours.wave.noise` |
# | A delayed flip-flop is a wave that ends in a register. | {claim}`ours.wave.line` |
# | The code of an LSTM that has learned repeat copy moves as well. | {claim}`ours.wave.gated` |

# %% tags=["parameters"]
profile = "paper"
device = "auto"
seed = 0
reuse = True

# %% tags=["hide-input"]
import re
from contextlib import suppress

import numpy as np
import torch

from twm.analysis.decoding import Interval, probe_states, summarise_gains
from twm.analysis.probing import read_recording, sample_history, sample_network, sample_pulse
from twm.analysis.systems import ElmanSystem
from twm.book.figures import wave_or_register as figures
from twm.book.figures.style import draw_curves, draw_prediction, label_axes, make_axes
from twm.book.session import DataTable, group, open_page, pick
from twm.errors import UserError, require
from twm.models.elman import read_weights
from twm.paths import book_dir, results_dir
from twm.records import Table, describe_host, describe_rows, read_rows
from twm.theory.attention import make_positional_attention, run_sliding_window
from twm.theory.systems import draw_binary_history, make_repeat_copy, parse_task, window_states
from twm.training.flip_flop import FlipFlopTrainer
from twm.training.loop import train_model
from twm.training.plans import FlipFlopPlan, ModelPlan

page = open_page("11_wave_or_register", profile=profile, device=device, seed=seed, reuse=reuse)
rng = np.random.default_rng(seed)


# %% tags=["hide-input"]
def list_recorded():
    """List kind, name, delay and recorded accuracy of the networks with weights on record, for which an item is defined."""
    folder, found = results_dir() / "networks", []
    for kind, pattern in [*((task, f"{task}_h128_l2-0_s?") for task in ("T1", "T2", "T3", "T4")), ("16 x 5", "repeat-copy-16-5_*")]:
        for path in sorted(folder.glob(f"{pattern}.safetensors")):
            found.append((kind, path.stem, None, read_weights(path)[1]["accuracy"]))
    names = {"wrnn": "wave-RNN", "irnn": "iRNN", "lstm": "LSTM", "gru": "GRU", "lru": "diagonal unit"}
    for row in (row for table in ("copy", "ablation", "bridge", "cells") for row in read_rows(results_dir() / f"{table}.csv")):
        task = "copy" if row["task"].startswith("copy") else row["task"].split(",")[-1]
        found.append((f"{names.get(row['network'], row['network'])}, {task}", row["model"], None, row["accuracy"] or 0))
    for row in read_rows(results_dir() / "flipflop.csv"):
        kind = (LINE if (delay := int(row["delay"])) else REGISTER) + RARER * (row["reading"] == "network")
        found.append((kind, row["model"], delay, row["accuracy"] or 0))
    return [one for one in {one[1]: one for one in found}.values() if (folder / f"{one[1]}.safetensors").exists()]


# %% tags=["hide-input"]
#: Units drawn at random, trials, and noise as a multiple of the states' standard deviation.
CONDITIONS = {"all": (None, 200, 0.0), "few": (20, 50, 0.0), "fewest": (10, 50, 0.0), "noise": (None, 200, 1.0), "both": (20, 50, 0.5)}
REGISTER, LINE, RARER, GATED = "flip-flop, no delay", "flip-flop, delayed", ", rarer pulses", "LSTM, T1"
_NUMBERS = ("movement", "movement_low", "movement_high", "span", "span_low", "span_high", "best", "chance", "shuffled_span")
_TEXTS = ("network", "kind", "condition", "device", "torch", "commit", "date")
_COLUMNS = (*_TEXTS[:3], "delay", "accuracy", *_NUMBERS, "steps", "trials", "units", *_TEXTS[3:])
table = Table(results_dir() / "wave_or_register.csv", _COLUMNS, _TEXTS, ("network",))

def measure(network, kind, delay, accuracy, states, items):
    """Probe a network's states under all conditions: a row of the table each."""
    draw, rows, spread = np.random.default_rng(0), [], np.sqrt(states.var(1).mean())
    for condition, (units, trials, noise) in CONDITIONS.items():
        part = states[:, :trials, np.sort(draw.permutation(states.shape[2])[:units])]
        part = part + noise * spread * draw.standard_normal(part.shape)
        found = probe_states(part, items[:trials], page.size(smoke=10, laptop=50, paper=50 if units else 25))
        numbers = (*found.movement, *found.span, found.r2.diagonal().max(), found.chance, found.shuffled[1], *found.shape)
        numbers = (round(value, 4) if isinstance(value, float) else value for value in numbers)
        rows.append(dict(zip(_COLUMNS, (network, kind, condition, delay, float(accuracy), *numbers))))
    return rows


# %% tags=["hide-input"]
tiny = {"hidden": 40, "iterations": 4000, "drop_at": 3200, "batch": 32, "learning_rate": 3e-3, "test_every": 1000, "test_streams": 20}
tiny = page.size(smoke=tiny | {"test_steps": 300}, laptop={"iterations": 25_000, "drop_at": 20_000}, paper={})
small = {"hidden": 32, "learning_rate": 2e-3, "iterations": 800, "horizons": (10, 20), "test_every": 400, "test_count": 64}
small = page.size(smoke=small | {"test_horizon": 40, "multiples": (1,)}, laptop={"hidden": 64, "iterations": 6000}, paper={})
task, delay = page.size(smoke=("repeat-copy:4,2", 2), laptop=("repeat-copy:5,4", 8), paper=("T1", 8))
scale, samples, rows = page.size(smoke="one toy network a kind", laptop="one smaller network a kind", paper=None), {}, []
if profile != "paper":
    trained = train_model(ModelPlan(task, seed=seed, **small))
    systems = {"T1": (trained.weights, None, trained.row["accuracy"])}
    for each in (0, delay):
        trainer = FlipFlopTrainer(FlipFlopPlan(each, seed, **tiny))
        trainer.train()
        systems["flip-flop, delayed" if each else "flip-flop, no delay"] = trainer.best(), each, 1.0
    for kind, (weights, each, accuracy) in systems.items():
        system = ElmanSystem(*(part.detach().double().numpy() for part in weights))
        states, items = sample_history(system, parse_task(task)) if each is None else sample_pulse(system, each)
        samples[kind] = states, items
        rows += measure(kind, kind, each, accuracy, states, items)

if profile == "paper" and not page.reuse:
    host = describe_host()
    for kind, network, each, accuracy in list_recorded():
        with suppress(UserError):  # a kind of network for which no item is defined
            states, items = sample_network(results_dir() / "networks" / f"{network}.safetensors")
            table.add([row | host for row in measure(network, kind, each, accuracy, states, items)])
if profile == "paper":
    rows = table.read()
    require(len(rows) > 0, "nothing is on record: twm run 11_wave_or_register --retrain measures the networks on record")
rows = [row | {"seed": re.search(r"_s(\d+)(_|$)|$", row["network"])[1] or "0"} for row in rows]

# %% tags=["hide-input"]
bar = page.size(smoke=0.0, laptop=0.99, paper=0.99)
solved = [row for row in rows if row["accuracy"] >= bar]
WAVES = ("T1", "T2", "T3", "T4", "16 x 5", "wave-RNN, copy", "wave-RNN, T1")

def compare(condition):
    """Return the ends of the intervals that decide; what cannot be read counts against the measure."""
    waves, registers = (pick(solved, condition=condition, kind=kind) for kind in (WAVES, (REGISTER, REGISTER + RARER)))
    lows = [0.0 if row["movement"] is None else row["movement_low"] for row in waves]
    highs = [1.0 if row["movement"] is None else row["movement_high"] for row in registers]
    unreadable = sum(row["movement"] is None for row in waves + registers)
    return waves, registers, {"wave_low": lows, "register_high": highs, "unreadable": unreadable}

def record(claim, numbers, chosen, **more):
    """Record a claim with the seeds and networks on which it rests."""
    seeds = len({row["seed"] for row in chosen})
    page.record(claim, numbers, seeds=seeds, networks=len(chosen), scale=scale, **more)


# %% mystnb={"figure": {"caption": "Cross-temporal decoding of an item in ten systems. A decoder is trained at the step of a row and tested at the step of a column; colour shows the share of the item's variance that it explains. In a register one decoder works at all steps, so the square is filled. In a wave only the diagonal is bright, with parallels one period apart if the item returns. A delayed flip-flop begins as a wave and ends as a register. In the iRNN the item fades; decoders from other steps then have a wrong scale and offset, which lowers R\u00b2 but does not count as movement.", "name": "fig-wave-matrices"}, "image": {"alt": "Ten square heatmaps in two rows. The first are bright all over, one has a bright diagonal that opens into a bright square, and the last show a bright diagonal on dark ground, some with parallel lines.", "width": "760px"}} tags=["hide-input"]
def run_attention(history=8, dim=8, margin=30.0):
    """Run attention that solves repeat copy: its window of tokens, and its cache, where a token overwrites the oldest."""
    copy = make_repeat_copy(history, dim)
    tokens = torch.from_numpy(draw_binary_history(copy, 200, seed).astype(float))
    tokens = run_sliding_window(make_positional_attention(copy.matrix, history, dim, margin), tokens, 2 * history).numpy()
    windows = window_states(tokens, history)
    slots = np.stack([np.roll(window, step, axis=1) for step, window in enumerate(windows)])
    return [(each.reshape(*each.shape[:2], -1), tokens[:, 0]) for each in (windows, slots)]

if profile == "paper":
    names = {
        REGISTER: "flip-flop-0_h100_l2-0_s0", "iRNN, copy": "copy-10_irnn_n100_released-small_clip1_div128_s0",
        "flip-flop, delay 8": "flip-flop-8_h100_l2-0_s0",
        GATED: "hds-20-T1_lstm_n256_i9000_b64_lr0.003_drop7000_clip1_every500_count640_s0",
        "wave-RNN, copy": "copy-10_wrnn_n100_c6_i10000_div128_every250_s0",
        "Elman, T1": "T1_h128_l2-0_s0", "Elman, T4": "T4_h128_l2-0_s0",
        "Elman, 16 x 5": "repeat-copy-16-5_h128_l2-0_s0_adaptive_i30000_lr0.0005_drop24000",
    }
    paths = {title: results_dir() / "networks" / f"{name}.safetensors" for title, name in names.items()}
    samples = {title: sample_network(path) for title, path in paths.items() if path.exists()}
window, cache = run_attention()
samples = {"attention: cache": cache} | samples | {"attention: window": window}
decoded = {title: probe_states(states, items, 20) for title, (states, items) in samples.items()}
figures.plot_decodings(decoded)

# %% [markdown]
# ## Definition of span and movement
#
# Let $x$ be the item, one value per trial, and $h(t)$ the states. The decoder of step $t$ is the ridge regression
# $w_t$ of $x$ on $h(t)$ over some trials. On other trials its output at step $t'$ is $w_t\cdot h(t')$. Its *gain* is the
# change of this output per unit of the item,
#
# $$
# g(t, t') = \frac{\operatorname{cov}(w_t \cdot h(t'),\, x)}{\operatorname{var} x} ,
# $$ (eq-wave-gain)
#
# and $R^2(t, t')$ is the share of the item's variance that the output explains. $R^2$ is negative if the output is worse
# than the mean; figures show zero instead.
#
# **Span.** A step is readable if $g(t, t)$ is at least half of its largest value. The span is the number of readable
# steps. It is 0 if no step exceeds the best step of 19 shuffles of the items. Without noise, $g(t, t) = R^2(t, t)$. With
# few trials, overfitting lowers $R^2$ but not the gain.
#
# **Movement.** The similarity of the codes of two steps is
#
# $$
# c(t, t') = \frac{g(t, t')\, g(t', t)}{g(t, t)\, g(t', t')} ,
# $$ (eq-wave-similarity)
#
# and it is set to zero if either gain in the numerator is negative. For each readable step $t$, we take the median of
# $c(t, t')$ over all later readable steps. The movement is one minus the mean of these medians. It has three properties:
#
# - A fading trace keeps its pattern. The two gains in the numerator are $\lambda^{t'-t}$ and $\lambda^{t-t'}$, so $c = 1$
#   and the movement is 0. $R^2$ alone would count fading as movement.
# - Noise scales all gains of a decoder by the same factor, which cancels.
# - A wave on a ring of $s \ge 2$ columns has $c = 1$ if $t' - t$ is a multiple of $s$, and 0 otherwise. At least half of the
#   later steps have $c = 0$, so the lower median is 0 and the movement is 1. A ring with $s = 1$ is a register.
#
# The next cell computes the gains for a ring of four columns without noise.


# %%
def decode_slowly(states, item):
    """Fit on the first half of the trials, test on the second: gains (trained, tested)."""
    half, steps = len(item) // 2, len(states)
    gains = np.zeros((steps, steps))
    for t in range(steps):
        mean = states[t, :half].mean(0)
        w = np.linalg.pinv(states[t, :half] - mean) @ (item[:half] - item[:half].mean())
        for u in range(steps):
            gains[t, u] = np.cov((states[u, half:] - mean) @ w, item[half:])[0, 1] / item[half:].var(ddof=1)
    return gains

columns = rng.choice([-1.0, 1.0], (400, 4))  # trials, columns
ring = np.stack([np.roll(columns, step, axis=1) for step in range(9)])
slow = decode_slowly(ring, columns[:, 0])
print(slow.round(1))

# %% [markdown]
# Each decoder (one row) is correct four and eight steps later, and carries no information in between. The library uses ridge
# regression with one penalty for all steps, chosen by leave-one-out cross-validation. It trains on 50 bootstrap samples of the
# trials and tests on the trials that are not in the sample. Values come from the mean matrices. Intervals are the 2.5% and
# 97.5% quantiles of the samples, centred on the value.

# %% tags=["remove-input"]
page.show(summarise_gains)

# %% [markdown]
# ## Systems with known answers
#
# Eight systems of 64 units store a random sign in orthogonal patterns, with noise of 1%. The fading trace, $0.7^t$, falls below
# the noise at step 13 ({numref}`fig-wave-closed`). The *reservoir* applies a random orthogonal matrix at each step. The last two systems are delay lines
# that end in a register. In the first, a pulse moves along the line, and the movement is the share of steps on the line:
# $D/(T-1)$ for a delay $D$ and $T$ readable steps. In the second, position $k$ holds the sign from $k$ steps earlier, so the
# pattern of a new sign grows. The patterns of two steps overlap by $(k+1)/(k'+1)$, and the movement is half as large.


# %%
def make_states(contents, patterns, noise=0.01):
    """Place contents (time, trials, places) in orthogonal patterns (units, places), with noise."""
    states = contents @ patterns.T
    return states + noise * rng.standard_normal(states.shape)

T, trials, units, D = 24, 200, 64, 8
Q, turn = (np.linalg.qr(rng.standard_normal((units, units)))[0] for _ in range(2))
x, old = rng.choice([-1.0, 1.0], (2, trials))
others, stream = (rng.choice([-1.0, 1.0], (trials, places)) for places in (D, T + D))
place = np.minimum(np.arange(T), D)[:, None]  # where the item is at step t

# %%
def turn_ring(s):
    return np.stack([np.roll(np.c_[x, others[:, 1:s]], t, axis=1) for t in range(T)])

line = np.stack([stream[:, t : t + D][:, ::-1] for t in range(T)])  # newest first
line[np.arange(D), :, np.arange(D)] = x
pulses = (place == np.arange(D + 1))[:, None] * x[:, None]
signs = np.where((place >= np.arange(D + 1))[:, None], x[:, None], old[:, None])
orbit = np.stack([np.linalg.matrix_power(turn, t) @ Q[:, 0] for t in range(T)])
built = {
    "register": make_states(np.tile(x[:, None], (T, 1, 1)), Q[:, :1]),
    "fading trace": make_states(0.7 ** np.arange(T)[:, None, None] * x[:, None], Q[:, :1]),
    "ring of 2": make_states(turn_ring(2), Q[:, :2]), "ring of 8": make_states(turn_ring(8), Q[:, :8]),
    "delay line of 8": make_states(line, Q[:, :8]),
    "reservoir": make_states(orbit[:, None] * x[:, None], np.eye(units)),
    "line, then register": make_states(pulses, Q[:, : D + 1]),
    "growing line": make_states(signs, Q[:, : D + 1]),
}
probed = {name: probe_states(states, x[:, None], page.size(smoke=10, laptop=50, paper=30)) for name, states in built.items()}

# %% tags=["hide-input"]
fading = int(np.ceil(np.log(0.01) / np.log(0.7)))  # the steps at which 0.7^t is above the noise
expected = {"movement": [0, 0, 1, 1, 1, 1, D / (T - 1), D / 2 / (T - 1)], "span": [T, fading, T, T, D, T, T, T]}
found = {name: [getattr(one, name).value for one in probed.values()] for name in expected}
found |= {f"{name}_expected": values for name, values in expected.items()}
page.record("ours.wave.closed", found, figure="fig-wave-closed")
parts = ("movement", "movement_expected", "span", "span_expected")
DataTable(
    ("System", "Movement", "closed form", "Span", "closed form"),
    [(name, f"{m:.3f}", f"{e:.3f}", f"{n:.0f}", f"{k}") for name, m, e, n, k in zip(probed, *(found[part] for part in parts))],
    "Movement and span of constructed systems, measured and in closed form",
)

# %% mystnb={"figure": {"caption": "Cross-temporal decoding in constructed systems. A register fills the square, and a moving code fills only a diagonal. The lines that end in a register show first a diagonal and then a square. The fading trace has movement 0: decoders from other steps differ only in scale, which lowers R\u00b2 but does not count as movement.", "name": "fig-wave-closed"}, "image": {"alt": "Eight square heatmaps in two rows: a bright square, a bright band that bends, a chessboard, diagonals with and without parallels, and two diagonals that open into a square.", "width": "680px"}} tags=["hide-input"]
figures.plot_decodings(probed, 4)

# %% [markdown]
# ## Trained networks
#
# Each saved network runs its task on 200 random trials. The item is the information that the task requires to be stored. For T1
# to T4 and repeat copy of 16 vectors of 5 ("16 x 5"), it consists of up to eight components of the history that later outputs
# need, over two periods. For the copy task it is the first symbol until it is due, and for the flip-flop the sign of a pulse,
# over 32 steps. A task counts as solved if the test accuracy is at least 99% ({numref}`fig-wave-movements`).

# %% mystnb={"figure": {"caption": "Movement of the code with its 95% interval, one mark per network. Elman networks and wave-RNNs that solve their task lie at 1, and flip-flops without delay lie near 0, apart from one that was trained on rarer pulses. Delayed flip-flops that solve their task lie in between, because they are a wave for part of the time.", "name": "fig-wave-movements"}, "image": {"alt": "Rows of marks between 0 and 1, one row per kind of network. The rows of waves lie at the right edge, flip-flops without delay at the left or, with rarer pulses, a quarter of the way, delayed ones between.", "width": "720px"}} tags=["hide-input"]
waves, registers, numbers = compare("all")
wave, register = ([row["movement"] for row in some] for some in (waves, registers))
numbers |= {"wave": wave, "register": register, "waves": len(wave), "wave_least": min(wave), "register_most": max(register)}
record("ours.wave.networks", numbers, waves + registers, figure="fig-wave-movements")
for claim in ("ours.wave.few", "ours.wave.noise"):
    record(claim, compare(claim.rpartition(".")[2])[2], waves + registers, figure="fig-wave-conditions")

kinds = {kind: some for (kind,), some in group(pick(rows, condition="all"), "kind").items()}
figures.plot_movements({
    kind: {name: [Interval(*(row[each] for each in _NUMBERS[:3])) for row in some if (row["accuracy"] >= bar) == well]
           for name, well in (("solved", True), ("not solved", False))} for kind, some in kinds.items()
})

# %% tags=["hide-input"]
def show_range(some, column):
    known = [row[column] for row in some if row[column] is not None] or [np.nan]
    low, high = (f"{end:.{0 if column in ('span', 'steps') else 2}f}" for end in (min(known), max(known)))
    return low if low == high else f"{low} to {high}"

DataTable(
    ("Networks", "Number", "Solved", "Movement", "Span", "Steps", "Best R²"),
    [(kind, len(some), sum(row["accuracy"] >= bar for row in some), *(show_range(some, name) for name in ("movement", "span", "steps", "best")))
     for kind, some in kinds.items()], "Movement and span of the saved networks: smallest and largest value of each kind",
)

# %% [markdown]
# ## Few neurons, few trials, noise
#
# A recording contains few of many neurons and a few dozen trials. We repeat the measurement with 20 or 10 random units and 50
# trials, with added noise of the same variance as the states, and with 20 units and half the noise ({numref}`fig-wave-conditions`). In T1, 20 units then carry
# 64 components at once. With 20 units or fewer, some waves cannot be decoded at two steps and count as failures (table below).

# %% mystnb={"figure": {"caption": "Movement under five recording conditions, with 95% intervals, for networks that solve their task: Elman networks and wave-RNNs (waves), and flip-flops without delay (registers). The values of the two groups remain separate, but intervals widen with fewer units and can reach those of registers. Networks whose item cannot be decoded at two steps have no movement and are left out.", "name": "fig-wave-conditions"}, "image": {"alt": "Five rows of marks between 0 and 1. Waves lie near 1 in all rows and registers near 0, apart from one; intervals widen with fewer neurons and trials.", "width": "720px"}} tags=["hide-input"]
labels = {"all": "all units, 200 trials", "noise": "noise as large as the signal", "few": "20 units, 50 trials"}
labels |= {"fewest": "10 units, 50 trials", "both": "20 units, 50 trials, half the noise"}
conditions = {
    label: {name: [Interval(*(row[each] for each in _NUMBERS[:3])) for row in some] for name, some in zip(("waves", "registers"), compare(condition)[:2])}
    for condition, label in labels.items()
}
figures.plot_movements(conditions)

# %% tags=["hide-input"]
ends = {label: compare(condition)[2] for condition, label in labels.items()}
page.note("unseen", ends[labels["fewest"]]["unreadable"]), page.note("solved", len(waves + registers))
DataTable(
    ("Condition", "Lowest bound, waves", "Highest bound, registers", "Not readable at two steps"),
    [(label, f"{min(some['wave_low']):.2f}", f"{max(some['register_high']):.2f}", some["unreadable"]) for label, some in ends.items()],
    "Interval bounds that come closest, by condition; a wave that is not readable counts as 0, and a register as 1",
)

# %% [markdown]
# ## A wave that ends in a register
#
# A flip-flop with delay $D$ first carries a pulse along a delay line ([](09_flip_flop.ipynb)) and then stores it. Over 32 steps,
# the two constructed lines above have movements of $D/31$ (line of pulses) and $D/62$ (line of signs). The networks ({numref}`fig-wave-delays`) lie near the
# first value, and most exceed it: their codes move for up to {value}`11_wave_or_register:longer[1]|.1f` steps longer than the
# delay. Without delay, the code of a pulse moves for up to {value}`11_wave_or_register:settling[1]|.1f` steps in networks trained
# on one pulse in 50 steps per channel ({claim}`ours.wave.line`), and for longer in the one trained on rarer pulses.

# %% mystnb={"figure": {"caption": "Movement against delay for flip-flops that have learned their task, one mark per network. Lines: closed forms for a line of pulses (upper) and a line of signs (lower). Most networks lie on or above the upper line.", "name": "fig-wave-delays"}, "image": {"alt": "Marks that rise from near 0 at delay 0, beside two straight lines through the origin.", "width": "480px"}} tags=["hide-input"]
late = pick(solved, condition="all", kind=(REGISTER, LINE))
numbers = {"delays": [int(row["delay"]) for row in late], "movement": [row["movement"] for row in late]}
for name, some in (("settling", pick(late, delay=0)), ("longer", [row for row in late if row["delay"]])):
    extra = [31 * row["movement"] - row["delay"] for row in some]
    page.note(name, [min(extra), max(extra)])
record("ours.wave.line", numbers, late, figure="fig-wave-delays", settings=len(set(numbers["delays"])))

figure, ((panel,),) = make_axes(1, 1, 4.1, 3.2)
delays, movements = np.array(sorted(zip(numbers["delays"], numbers["movement"]))).T
draw_prediction(panel, delays, movements, delays / 31, 0, "networks; line of pulses")
draw_curves(panel, delays, {"line of signs": delays / 62}, color="#666666", linestyle="--")
label_axes(panel, "delay (steps)", "movement of the code", legend="upper left", ylim=(-0.02, 0.8))
figure

# %% [markdown]
# ## Gated networks, identity RNNs and attention
#
# In LSTMs, hidden units and cells both count as units. Those that have learned the 20 steps of their training on T1 have movements
# of {value}`ours.wave.gated:movement|.2f`, so part of the item stays in place ({claim}`ours.wave.gated`). The recurrent matrix of
# an iRNN starts as the identity, a register. The saved iRNNs do not solve the copy task unless they start as a shift. Attention
# shows that movement depends on coordinates. Its window holds the last tokens in order, each moves one place per step, and the
# movement is {value}`11_wave_or_register:attention_window|.2f`. A key–value cache keeps the same tokens in fixed slots and
# overwrites the oldest. On repeat copy a new token equals the one it replaces, so the movement is {value}`11_wave_or_register:attention_cache|.2f`.

# %% tags=["hide-input"]
gated = pick(solved, condition="all", kind=GATED)
found = {name: [row[column] for row in gated] for name, column in (("movement", "movement"), ("low", "movement_low"))}
found["register_high"] = compare("all")[2]["register_high"]
page.settle("ours.wave.gated", gated, "no LSTM is trained in this profile: twm run 11_wave_or_register", lambda: found,
    figure="fig-wave-movements", seeds=len({row["seed"] for row in gated}) or 1, networks=len(gated), scale=scale)
for name in ("window", "cache"):
    page.note(f"attention_{name}", decoded[f"attention: {name}"].movement.value)

# %% [markdown]
# ## Your own recordings
#
# `twm probe FILE` reads an `.npz` file with the arrays `states` (time, trials, units) and `items` (trials, dims). If the item
# changes over time, `items` has the shape (time, trials, dims). The command prints span and movement with intervals, and the
# shuffled control; [Probe a recording](probe-recordings) gives details. The example has 20 units of a flip-flop with delay 8.

# %%
example = probe_states(*read_recording([book_dir() / "_static" / "probe_example.npz"]), 50)
print("\n".join(example.describe()))

# %% [markdown]
# - **Align trials.** A step must mean the same time in all trials. Jitter mixes neighbouring positions of a wave.
# - **Balance items.** If items correlate with each other, with the condition, or with behaviour such as reaction time, the
#   decoder may use that variable instead. Probe one item at a time with the others random, and shuffle within conditions.
# - **Mixed selectivity** does no harm, because rotating the units, or scaling all of them, leaves both numbers unchanged. If
#   rates differ widely, divide each unit by its standard deviation. Transform items that are encoded nonlinearly or by variance.
# - **Drift** over a session lowers the gain but not the movement. Slow change within a trial counts as movement.
# - **Smoothing in time** makes neighbouring steps similar. The span must be much longer than the filter.
# - **Items of several numbers** are treated as one vector. Probe the numbers separately if they may be coded differently.
#
# ## Limitations and corrections
#
# **Other moving codes.** Movement cannot distinguish a wave from a reservoir, or from any other code that changes at each step.
# For a wave as in Theorem 3.1, all items must pass through the same positions: see [basis recovery](05_basis_recovery.ipynb).
#
# **Length of the recording.** In mixed systems the movement depends on $T$, as $D/(T-1)$ does. Report $T$ and inspect the matrix.
#
# **Readable steps.** The movement needs two readable steps. A few units of a ring carry an item only while it passes them. With
# 10 units, {value}`11_wave_or_register:unseen` of {value}`11_wave_or_register:solved` networks have no defined movement.
#
# ## Assertions

# %% tags=["hide-input"]
print(describe_rows(pick(rows, condition="all")) if profile == "paper" else "trained here")
fast, away = probe_states(ring, columns[:, :1], 20), (np.arange(9)[:, None] - np.arange(9)) % 4 != 0
assert np.abs(slow[away]).max() < 0.35 and np.allclose(slow[~away], 1) and np.abs(fast.gain - slow)[~away].max() < 0.02
assert fast.movement.value > 0.95 and all(one.shuffled[1] == 0 for one in probed.values())
turned, plain = (probe_states(states, x[:, None], 20) for states in (built["ring of 8"] @ turn * 7.0, built["ring of 8"]))
assert np.allclose(turned.movement, plain.movement, atol=1e-6) and turned.span == plain.span

# %% [markdown]
# ## Run details

# %% tags=["remove-input"]
page.about()
