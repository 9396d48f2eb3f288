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
# | what we say | verdict |
# |---|---|
# | a diagonal unit does a linear task exactly; T2 needs corrected inputs | {claim}`ours.cells.exact` |
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

from twm.analysis.analyses import analyse_machine
from twm.analysis.interventions import try_interventions
from twm.analysis.judging import judge_content
from twm.analysis.recovery import regress_basis, sample_states
from twm.analysis.systems import SequenceSystem
from twm.book.figures.style import use_style
from twm.book.figures.training import plot_trained_spectra
from twm.book.figures.wave_rnn import plot_bridge
from twm.book.session import DataTable, group, open_page
from twm.models.cells import construct_diagonal
from twm.tasks.sequences import SystemTask
from twm.theory.operators import fit_time_invariant
from twm.theory.spectra import circular_distance, count_clusters, find_clusters, predict_eigenvalues
from twm.theory.systems import parse_task
from twm.training import tables
from twm.training.sequence_model import make_network

page = open_page("A1_other_cells", profile=profile, device=device, seed=seed, reuse=reuse)
use_style()

# %% [markdown]
# ## The wave operator in diagonal form
#
# A diagonal linear recurrent unit {cite:p}`orvieto2023resurrecting` is the simplest state-space model, a relative of H3
# {cite:p}`fu2023hungry`: $n$ complex modes that do not see one another,
#
# $$
# x(t) = \Lambda\, x(t-1) + B\, u(t), \qquad y(t) = \operatorname{Re}\bigl(C\, x(t)\bigr) + c, \qquad
# \lambda_j = e^{-e^{\nu_j} + i\theta_j} ,
# $$ (eq-cells-unit)
#
# in which $\nu$, $\theta$, $B$, $C$ and $c$ are trained. The parametrisation keeps every $|\lambda_j| \le 1$. A linear history-dependent
# system can be written in this form wherever its wave operator has eigenvectors, $\Phi = V \Lambda V^{-1}$: then
# $B = V^{-1} \Psi_s$ and $C = W_r V$. For repeat copy the eigenvalues are the $s$-th roots of unity, $d$ at each.
#
# The unit is linear and treats all steps alike. An output therefore depends on an input by their lag only,
# $y(t) = \sum_\tau G_{t-\tau}\, u(\tau)$. Repeat copy has this form. T2 to T4 do not: while inputs arrive, the boundary already acts
# on a window that is not full yet. The best response to a lag is the mean over all pairs of steps with that lag, and what is
# left is the least error of *any* linear network. It vanishes if inputs are given less what the boundary will add to them.

# %%
names = ("T1", "T2", "T3", "T4")
errors = {}
for name in names:
    sequence, unit = SystemTask(200, name, corrected=name != "T1"), construct_diagonal(parse_task(name))
    shown, due = sequence.draw_test(64)
    with torch.no_grad():
        answers = unit(shown.double()).outputs
    errors[name] = float((answers - due)[-200:].abs().max())
least = [fit_time_invariant(parse_task(name), 40)[1] for name in names]
print({name: f"{error:.1e}" for name, error in errors.items()}, np.round(least, 3))

# %% tags=["hide-input"]
copy_error, *corrected_errors = errors.values()
page.record("ours.cells.exact", {"copy": copy_error, "corrected": corrected_errors, "least": least})

# %% [markdown]
# The unit set by hand repeats to {value}`ours.cells.exact:copy|.0e` over 200 steps, and does T2 to T4 from corrected inputs to
# {value}`ours.cells.exact:corrected[0]|.0e`. From inputs as they are no linear network has a mean squared error on T2 below
# {value}`ours.cells.exact:least[1]|.2f`. The Elman networks of [page 04](04_training.ipynb) solve T2 from the same inputs, so they
# must use their tanh for it.
#
# ## Trained eigenvalues
#
# We train units of 64 and of 32 modes by Adam, from eigenvalues spread evenly over the disc. A mode and its conjugate are two
# numbers of a real state, so T1, with 64 variables, needs 32 modes; T2 needs 18. As everywhere in this book an eigenvalue beyond
# 0.9 is slow. How much of the past the outputs depend on is the rank of the Hankel matrix, whose blocks are the responses $G$ by lag.

# %%
def describe_unit(unit, task):
    """Return where a unit's slow eigenvalues are, beside those of the wave operator, and its Hankel rank."""
    modes, theory = unit.eigenvalues().detach().numpy(), predict_eigenvalues(task)
    slow, centres = np.concatenate([modes, modes.conj()])[np.tile(np.abs(modes) > 0.9, 2)], find_clusters(theory)
    away = lambda values: circular_distance(np.angle(values)[:, None], centres).min(1).mean() if len(values) else np.pi
    enough = count_clusters(slow, centres) >= count_clusters(theory, centres) if len(slow) else np.zeros(len(centres))
    impulse = torch.zeros((48, task.dim, task.dim), dtype=unit.angle.dtype)
    impulse[0] = torch.eye(task.dim)
    responses = (unit(impulse).outputs - unit.bias_readout).detach().numpy()[1:]
    weights = np.linalg.svd(np.block([[responses[i + j] for j in range(24)] for i in range(24)]), compute_uv=False)
    return {
        "distance": float(away(slow)), "all": float(away(modes)), "slow": len(slow), "theory": len(theory),
        "covered": float(np.mean(enough)), "hankel": int((weights > weights[0] / 20).sum()), "modes": modes, "predicted": theory,
    }  # fmt: skip


# %% tags=["hide-input"]
models = page.collect("cells")
print(models.about)
units, rows = [], {row["model"]: row for row in models.rows}
for row in sorted(models.rows, key=lambda own: (own["task"], -own["neurons"], own["seed"])):
    found = models.find_network(row["model"]) if row["network"] == "lru" else None
    if found is not None:
        task = found[1].make_task_at_hand()
        before, after = (describe_unit(unit, task.system) for unit in (make_network(found[1], task), found[0]))
        units.append((row, before, after))
titles = {"hds": "as given", "hds-corrected": "corrected"}
title = lambda row: f"{row['task'].partition(',')[2]} {titles[row['task'].partition(':')[0]]}, {row['neurons']} modes"

# %% mystnb={"figure": {"caption": "Eigenvalues of diagonal units, with their conjugates, before training (above) and after it (below), seed 0. Rings: those of the wave operator. Where inputs are corrected, or T1 needs no correction, modes go to the rings.", "name": "fig-cells-roots"}, "image": {"alt": "Above, clouds of dots that fill the unit disc. Below, dots in clusters just inside the rings on the unit circle.", "width": "760px"}} tags=["hide-input"]
firsts = {title(row): (before, after) for row, before, after in reversed(units) if row["seed"] == units[0][0]["seed"]}
panels = {}
for moment in (0, 1):
    for name, ends in firsts.items():
        both = np.concatenate([ends[moment]["modes"], ends[moment]["modes"].conj()])
        panels[f"{name}\n{('before', 'after')[moment]}"] = ends[moment]["predicted"], both
plot_trained_spectra(panels, columns=len(firsts)) if panels else "No network on record, no figure."

# %% tags=["hide-input"]
lines = [(title(row), row["seed"], f"{row['accuracy']:.4f}", f"{row['loss']:.3g}", f"{before['all']:.3f}", f"{after['distance']:.3f}",
          f"{after['covered']:.0%}", after["slow"], after["hankel"], after["theory"]) for row, before, after in units]  # fmt: skip
head = ("unit", "seed", "accuracy", "test loss", "distance before (rad)", "after (rad)", "arguments filled", "slow", "Hankel rank", "predicted")
DataTable(head, lines, "Diagonal units, one row a network")

# %% tags=["hide-input"]
wide = [one for one in units if one[0]["neurons"] == page.size(smoke=6, laptop=64, paper=64) and title(one[0]).count("T2 as") == 0]
listed = {key: [after[key] for *_, after in wide] for key in ("distance", "covered", "slow", "hankel", "theory")}
listed |= {"accuracy": [row["accuracy"] for row, *_ in wide], "before": [before["all"] for _, before, _ in wide]}
sizes = {"networks": len(wide), "settings": len({title(row) for row, *_ in wide})}
missing = "no record: run `twm sweep cells --resume`"
shared = {"figure": "fig-cells-roots", "seeds": len({row["seed"] for row, *_ in wide}) or 1, "scale": (wide or units)[0][0]["scale"] or None}
for claim, keys in (("roots", ("accuracy", "distance", "before", "covered")), ("rank", ("slow", "hankel", "theory"))):
    page.settle(f"ours.cells.{claim}", wide, missing, lambda: {key: listed[key] for key in keys} | sizes, **shared)
