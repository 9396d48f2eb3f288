"""Rules of the claims whose evidence is in the notebook 03_self_attention."""

from collections.abc import Mapping
from typing import Any

from twm.book.ledger import Finding, decide, rule


@rule("twm.sbc")
def judge_attention_loop(numbers: Mapping[str, Any]) -> Finding:
    """Require one step to 1e-12 (float32: 1e-6) and 200 free steps to 1e-9, with columns neither fading nor growing.

    Source: twm Sec. 3.2, Eq. (8).
    """
    step, single, run = numbers["one_step_float64"], numbers["one_step_float32"], numbers["free_run"]
    alive = numbers["least_length"] >= 0.1 and numbers["largest_length"] <= 10 and numbers["steps"] >= 200
    controls = numbers["wrong_query"] > 1e-3 and numbers["wrong_mask"] > 1e-3
    reason = ""
    if not alive:
        reason = "The run is too short, fades or grows, so its agreement says little."
    elif not controls:
        reason = "A loop that is wrong on purpose passes the check."
    return decide(
        ok=step <= 1e-12 and single <= 1e-6 and run <= 1e-9 and alive and controls,
        value=f"one step {step:.1e} (float32 {single:.1e}), {numbers['steps']} steps {run:.1e}",
        reason=reason,
    )


@rule("ours.sbc.cache")
def judge_cache(numbers: Mapping[str, Any]) -> Finding:
    """Require 1e-9 from the cache with one head, several heads and positions, and that forgotten slots are noticed."""
    errors = [numbers[name] for name in ("one_head", "several_heads", "positions")]
    noticed = numbers["positions_not_turned"] > 1e-3
    return decide(
        ok=max(errors) <= 1e-9 and noticed,
        value=f"largest deviation {max(errors):.1e} over {numbers['steps']} steps",
        reason="" if noticed else "A cache that does not turn its positions passes the check.",
    )


@rule("ours.sbc.positions")
def judge_positions(numbers: Mapping[str, Any]) -> Finding:
    """Require all four tasks within the bound where it is above rounding, and no component wrong at the largest margin."""
    share, differing = numbers["share_of_bound"], numbers["differing"]
    return decide(
        ok=share <= 1 and differing == 0 and numbers["tasks"] >= 4 and numbers["steps"] >= 200,
        value=f"{share:.2f} of the bound at most; {differing} components differ at margin {numbers['largest_margin']}",
    )


@rule("twm.sbc.any")
def judge_any_boundary(numbers: Mapping[str, Any]) -> Finding:
    """Ask whether some boundary is out of reach: one answer for two histories that need two.

    ``invariance`` is the largest change of the output when the older columns change places, ``least_error`` the least
    error that any attention boundary can make on the two histories, given that.

    Source: twm Sec. 3.2, last paragraph.
    """
    found = numbers["invariance"] <= 1e-12
    within_reach = numbers["least_error"] <= 0.01
    return decide(
        ok=within_reach,
        partly=not found,
        value=f"order ignored to {numbers['invariance']:.1e}; repeat copy missed by at least {numbers['least_error']:.3g}",
        reason=""
        if within_reach or not found
        else "Without positions it cannot tell histories apart that differ in order.",
    )


@rule("twm.sbc.train")
def judge_training(numbers: Mapping[str, Any]) -> Finding:
    """Require that the ratio's 95% interval, attention by Elman over paired seeds, lies below one.

    Source: twm Sec. 3.2, "significantly reduces the training time".
    """
    ratio, low, high = numbers["ratio"], numbers["low"], numbers["high"]
    # Recorded where memories smaller than the paper's were tried too; they do not decide the claim, but qualify it.
    worst = numbers.get("worst_ratio", 0.0)
    reason = (
        f"On smaller memories the order turns, up to {worst:.1f} times the Elman network's iterations."
        if worst > 1
        else ""
    )
    if high >= 1:
        reason = "The Elman network needs fewer iterations." if low > 1 else "The interval contains 1."
    return decide(
        ok=high < 1,
        value=f"{ratio:.2f} of the Elman network's iterations, 95% interval {low:.2f} to {high:.2f}, {numbers['pairs']} seeds",
        reason=reason,
    )
