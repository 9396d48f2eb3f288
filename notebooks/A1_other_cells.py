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
# # Other cells: diagonal units, GRUs and attention
#
# **Summary.** SUMMARY
#
# | what we say | |
# |---|---|
# | a diagonal unit does a linear task exactly; T2 only from corrected inputs | {claim}`ours.cells.exact` |
# | training moves its eigenvalues to those of the wave operator | {claim}`ours.cells.roots` |
# | it keeps as many slow modes as the task has variables | {claim}`ours.cells.rank` |
# | diagonal units, GRUs and attention hold every variable and use it | {claim}`ours.cells.memory` |

# %% tags=["parameters"]
profile = "paper"
device = "auto"
seed = 0
reuse = True

# %% tags=["hide-input"]
import numpy as np
import torch

from twm.analysis import analyses, systems
from twm.book.figures import style, training, wave_rnn
from twm.book.session import DataTable, open_page, pick
from twm.models.cells import construct_diagonal
from twm.tasks.sequences import SystemTask
from twm.theory.operators import fit_time_invariant
from twm.theory.spectra import circular_distance, count_clusters, find_clusters, predict_eigenvalues
from twm.theory.systems import parse_task
from twm.training.sequence_model import make_network

page = open_page("A1_other_cells", profile=profile, device=device, seed=seed, reuse=reuse)
style.use_style()

# %% [markdown]
# ## The wave operator in diagonal form
#
# A diagonal linear recurrent unit {cite:p}`orvieto2023resurrecting` is a state-space model, a relative of H3
# {cite:p}`fu2023hungry`. Its $n$ complex modes do not see one another:
#
# $$
# x(t) = \Lambda\, x(t-1) + B\, u(t), \qquad y(t) = \operatorname{Re}\bigl(C\, x(t)\bigr) + c, \qquad \lambda_j = e^{-e^{\nu_j} + i\theta_j} .
# $$ (eq-cells-unit)
#
# Training changes $\nu$, $\theta$, $B$, $C$ and $c$; no $|\lambda_j|$ exceeds 1. If the wave operator has a basis of eigenvectors,
# $\Phi = V \Lambda V^{-1}$, its system is such a unit, with $B = V^{-1} \Psi_s$ and $C = W_r V$. The eigenvalues of repeat copy are the
# $s$-th roots of unity, $d$ at each. The unit treats all steps alike, so an output depends on an input by their lag only:
# $y(t) = c + \sum_\tau G_{t-\tau}\, u(\tau)$. Repeat copy has this form. T2 to T4 do not, because the boundary already acts while
# inputs fill the window. The best $G$ is the mean over all pairs of steps with one lag, and what remains is the least error of
# *any* linear network. {term}`Corrected inputs` remove it.

# %%
names, errors = ("T1", "T2", "T3", "T4"), []
for name in names:
    sequence, unit = SystemTask(200, name, corrected=name != "T1"), construct_diagonal(parse_task(name))
    shown, due = sequence.draw_test(64)
    answers = unit(shown.double()).outputs.detach()
    errors.append(float((answers - due)[-200:].abs().max()))
least = [fit_time_invariant(parse_task(name), 40)[1] for name in names]

# %% [markdown]
# Set by hand, the unit makes errors of at most {value}`ours.cells.exact:copy|.0e` on T1 over 200 steps. From corrected inputs it
# makes as few on T2 to T4 ({value}`ours.cells.exact:corrected|.0e`). From inputs as they are, no linear network has a mean squared
# error on T2 below {value}`ours.cells.exact:least[1]|.2f`. The Elman networks of [page 04](04_training.ipynb) solve T2 from the same
# inputs, so they must use their tanh.
#
# ## Trained eigenvalues
#
# We train units from eigenvalues spread evenly over the disc. A mode and its conjugate are two numbers of a real state. T1 has 64
# variables and therefore needs 32 modes; T2 needs fewer. Eigenvalues beyond 0.9 are slow. The rank of the Hankel
# matrix, whose blocks are the responses $G$ by lag, tells on how many variables of the past the outputs depend.

# %%
def describe_unit(unit, task):
    """Return where a unit's slow eigenvalues are, beside those of the wave operator, and its Hankel rank."""
    modes, theory = unit.eigenvalues().detach().numpy(), predict_eigenvalues(task)
    both, centres = np.concatenate([modes, modes.conj()]), find_clusters(theory)
    slow = both[np.abs(both) > 0.9]
    away = lambda values: float(circular_distance(np.angle(values)[:, None], centres).min(1).mean()) if len(values) else np.pi
    filled = [count_clusters(values, centres) for values in (slow, theory)] if len(slow) else (np.zeros(1), np.ones(1))
    impulse = torch.zeros((48, task.dim, task.dim))
    impulse[0] = torch.eye(task.dim)
    responses = (unit(impulse).outputs - unit.bias_readout).detach().numpy()[1:]
    weights = np.linalg.svd(np.block([[responses[i + j] for j in range(24)] for i in range(24)]), compute_uv=False)
    return {"distance": away(slow), "before": away(both), "slow": len(slow), "theory": len(theory), "eigenvalues": (theory, both),
            "covered": float((filled[0] >= filled[1]).mean()), "hankel": int((weights > weights[0] / 20).sum())}  # fmt: skip


# %% tags=["hide-input"]
page.record("ours.cells.exact", {"copy": errors[0], "corrected": errors[1:], "least": least})
models, units, absent = page.collect("cells"), {}, "no record: run `twm sweep cells --resume`"
print(models.about)
wide = lambda row: f"{row['task'].partition(',')[2]}{' corrected' * ('corrected' in row['task'])}, {row['neurons']} modes"
title = lambda row: {"gru": "GRU", "attention": "attention"}.get(row["network"]) or wide(row)
for row in sorted(pick(models.rows, network="lru"), key=lambda own: (own["task"], -own["neurons"], own["seed"])):
    unit, plan = models.find_network(row["model"])
    task = plan.make_task_at_hand()
    first, last = (describe_unit(one, task.system) for one in (make_network(plan, task), unit))
    units[title(row), row["seed"]] = row | last | {"before": first["before"], "start": first["eigenvalues"]}

# %% mystnb={"figure": {"caption": "Eigenvalues of diagonal units and their conjugates, before training (above) and after it (below), one seed. Rings: those of the wave operator. On T1 and on T2 with corrected inputs the modes go to the rings.", "name": "fig-cells-roots"}, "image": {"alt": "Above, dots fill the unit disc. Below, they lie in clusters at or just inside the rings on the unit circle.", "width": "760px"}} tags=["hide-input"]
shown = {name: one for (name, own), one in units.items() if own == seed}
panels = {f"{name}\n{told}": one[key] for key, told in (("start", "before"), ("eigenvalues", "after")) for name, one in shown.items()}
training.plot_trained_spectra(panels, columns=len(shown)) if panels else "No network on record, no figure."

# %% tags=["hide-input"]
given, size = "hds:40,T2", page.size(smoke=6, laptop=64, paper=64)
asked = [one for one in units.values() if one["neurons"] == size and one["task"] != given]
t2 = page.note("t2_losses", [one["loss"] for one in units.values() if one["task"] == given])
about = {"scale": next((row["scale"] for row in models.rows), "") or None, "seeds": len({row["seed"] for row in models.rows}) or 1}
for claim, keys in (("roots", ("accuracy", "distance", "before", "covered")), ("rank", ("slow", "hankel", "theory"))):
    listed = {key: [one[key] for one in asked] for key in keys} | {"networks": len(asked), "settings": len({one["task"] for one in asked})}
    page.settle(f"ours.cells.{claim}", asked, absent, lambda: listed, figure="fig-cells-roots", **about)
columns = {"accuracy": ".4f", "loss": ".2g", "before": ".3f", "distance": ".3f", "covered": ".0%", "slow": "d", "hankel": "d", "theory": "d"}
heads = ("unit", "seed", "signs right", "test loss", "distance before (rad)", "after", "arguments filled", "slow", "Hankel rank", "predicted")
lines = [(*key, *(format(one[column], form) for column, form in columns.items())) for key, one in units.items()]
DataTable(heads, lines, "Diagonal units: where their eigenvalues are")

# %% [markdown]
# TEXT-ROOTS
#
# ## Variables, read and swapped
#
# We ask as on [page 05](05_basis_recovery.ipynb) and [page 07](07_wave_rnn.ipynb) whether every variable can be read, and whether
# outputs follow when one is swapped between two runs. The attention decoder is Eq. (8) with one head and learnt positions; its state is the
# window of the last columns. GRUs have 128 units and 20 training steps; all others have 40.

# %% tags=["hide-input"]
answers = {}
for row in sorted(models.rows, key=lambda own: (own["network"], own["task"], -own["neurons"], own["seed"])):
    if (found := models.find_network(row["model"])) and row["task"] != given:
        task = found[1].make_task_at_hand()
        own = analyses.analyse_machine(systems.SequenceSystem(found[0]), task.system, count=256, correct=task.corrected)
        swaps = own.interventions_settled.summarise()
        told = {"kind": row["network"], "task": task.system.name, "swaps": min(swaps["changed"], swaps["unchanged"])}
        answers[title(row), row["seed"]] = own.summarise() | told

# %% mystnb={"figure": {"caption": "Reading and swapping variables in other cells, one mark a network: the least over all variables and steps. All rows but the last are to be above the dotted line; the last, swaps in the directions of the neighbouring variable, is to be low.", "name": "fig-cells-memory"}, "image": {"alt": "Six rows of marks. Attention is at one in the first five rows.", "width": "700px"}} tags=["hide-input"]
wave_rnn.plot_bridge(answers) if answers else "No network on record, no figure."

# %% tags=["hide-input"]
copies = pick(answers.values(), task=page.size(smoke="repeat-copy:3,2", laptop="T1", paper="T1"))
memory = {key: [own[key] for own in copies] for key in ("accuracy", "r2_settled", "swaps")} | {"kinds": [own["kind"] for own in copies]}
for kind in dict.fromkeys(memory["kinds"]):
    memory |= {f"{kind}_{key}": min(own[key] for own in pick(copies, kind=kind)) for key in ("accuracy", "r2", "r2_settled", "interventions", "swaps")}
memory |= {"networks": len(copies), "settings": len({name for (name, _), own in answers.items() if own in copies})}
there = {"lru", "gru", "attention"} <= set(memory["kinds"])
page.settle("ours.cells.memory", there, absent, lambda: memory, figure="fig-cells-memory", **about)

# %% [markdown]
# TEXT-MEMORY
#
# ## Limitations
#
# TEXT-LIMITS

# %%
assert max(errors) <= 1e-9 and least[0] <= 1e-12 and all(loss >= 0.95 * least[1] for loss in t2)
page.about()
