"""Rules of the claims whose evidence is in the notebook 08_episodic_memory."""

from collections.abc import Mapping
from typing import Any

from twm.book.ledger import Finding, decide, rule


@rule("emt.gsemm")
def judge_reduction(numbers: Mapping[str, Any]) -> Finding:
    """Require first order in T_h = T_d, and the Euler step to equal the map to 1e-10; Source: emt Eq. (1), (16)-(20)."""
    first = abs(numbers["order"] - 1) <= 0.1 and abs(numbers["least_order"] - 1) <= 0.2
    exact = numbers["map_error"] <= 1e-10
    told_apart = numbers["half_step_error"] > 1e-3
    return decide(
        ok=first and exact and told_apart,
        value=f"order {numbers['order']:.3f} in T_h = T_d; Euler step and map differ by {numbers['map_error']:.1e}",
        reason="Both strengths must be 1, and sigma_h the identity."
        if told_apart
        else "A half step passes as the map too.",
    )


@rule("emt.conjugate")
def judge_conjugacy(numbers: Mapping[str, Any]) -> Finding:
    """Require conjugacy to 1e-10 for tanh at norms up to 1, and look beyond; Source: emt App. A Eq. (21)-(24)."""
    norms, tanh = numbers["norms"], numbers["tanh"]
    within = [error for norm, error in zip(norms, tanh) if norm <= 1]
    beyond = [error for norm, error in zip(norms, tanh) if norm > 1]
    looked = bool(within) and bool(beyond)
    needless = looked and max(beyond) <= 1e-10
    lost = min(numbers["relu"]) > 0.1 and min(numbers["clip"]) > 0.1
    return decide(
        ok=looked and max(within) <= 1e-10 and lost,
        value=(
            f"tanh: {max(within):.1e} for norms up to 1, {max(beyond):.1e} up to {max(norms):g}; "
            f"no way back for ReLU and clipping"
            if looked
            else "one side of norm 1 only"
        ),
        reason=("The condition on the norm is needless: " if needless else "Above norm 1 tanh fails too; ")
        + ("what counts is that sigma has an inverse." if lost else "ReLU or clipping passes, so the check is blind."),
    )


@rule("emt.isospectral")
def judge_families(numbers: Mapping[str, Any]) -> Finding:
    """Require one spectrum to 1e-8 for all memories, and operators that differ; Source: emt Sec. 3."""
    return decide(
        ok=numbers["spectrum"] <= 1e-8 and numbers["recurrent"] <= 1e-8 and numbers["least_difference"] > 1e-3,
        value=(
            f"spectra to {numbers['spectrum']:.1e} in {numbers['families']} sets of memories; "
            f"operators differ by at least {numbers['least_difference']:.2f}"
        ),
    )


@rule("emt.phi")
def judge_mechanisms(numbers: Mapping[str, Any]) -> Finding:
    """Require write, compose and read to be exact with four variables of five; Source: emt Eq. (7)-(13), Fig. 2."""
    sizes = numbers["variables"] == 4 and numbers["dim"] == 5
    wrong = {name: numbers[f"{name}_differences"] for name in ("compose", "write", "read", "closed_form")}
    return decide(
        ok=sizes and not any(wrong.values()) and numbers["wrong_variable"] > 0 and numbers["printed_index"] > 0,
        value=f"{sum(wrong.values())} of {numbers['compared']} whole numbers differ",
        reason="Eq. (13)'s index is kappa too large as printed.",
    )


@rule("emt.fig1")
def judge_pseudocode(numbers: Mapping[str, Any]) -> Finding:
    """Require pseudocode and network to agree in every variable at every step; Source: emt Fig. 1."""
    differing = numbers["differing_variables"] + numbers["differing_outputs"]
    return decide(
        ok=differing == 0 and numbers["steps"] >= 2 * numbers["history"] and numbers["hidden"] > numbers["size"],
        value=f"{differing} of {numbers['compared']} whole numbers differ in {numbers['steps']} steps",
    )
