"""Rules of the claims whose evidence is in the notebook 06_gradient_bounds."""

from collections.abc import Mapping
from typing import Any

from twm.book.ledger import Finding, decide, rule


@rule("twm.grad.vanish")
def judge_vanishing(numbers: Mapping[str, Any]) -> Finding:
    """Require an unbroken bound, log mu to 1e-6 for W = mu Q, and slopes within 10% of the log spectral radius.

    Source: twm Eq. (10)-(16).
    """
    worst = max(numbers["default_deviation"], numbers["gaussian_deviation"])
    slope, norm = numbers["default_slope"], numbers["default_log_norm"]
    sound = numbers["broken"] == 0 and numbers["cases"] >= 1000
    rates = numbers["rotation_error"] <= 1e-6 and worst <= 0.1 and slope < 0
    reason = "The bound is broken, or was tried on too few networks."
    if sound:
        reason = "" if rates else "Gradients do not fall at the rate of the spectral radius."
    if sound and rates and norm > 0:
        reason = "The rate is the spectral radius, not the norm: for the default start the bound grows."
    return decide(
        ok=sound and rates,
        value=f"{numbers['broken']} of {numbers['cases']} networks break the corrected bound; W = mu Q to "
        f"{numbers['rotation_error']:.0e}; random W within {worst:.1%} of log rho",
        reason=reason,
    )


@rule("twm.grad.printed")
def judge_printed_bound(numbers: Mapping[str, Any]) -> Finding:
    """Require that no network breaks the bound as printed, with |dC/dh(s)|.

    Source: twm Eq. (13)-(16).
    """
    broken = numbers["broken"]
    reason = ""
    if broken:
        reason = "The printed right side is too small by one factor mu where mu < 1."
        if broken == numbers["broken_contracting"]:
            reason = f"All of them have mu < 1: {broken} of {numbers['contracting']} such."
    return decide(
        ok=broken == 0,
        value=f"broken by {broken} of {numbers['cases']} networks, by up to {numbers['largest']:.2f}",
        reason=reason,
    )


@rule("twm.grad.twm")
def judge_wave_gradient(numbers: Mapping[str, Any]) -> Finding:
    """Require the identity from linear waves, the laws from tanh waves, and no less than the law from trained ones.

    ``kept`` is, for each trained task, the derivative of the first output by what the task reads farthest back; ``law`` is
    what a tanh wave of gain one, a number a neuron, keeps over as many columns.

    Source: twm Sec. 4.3, Eq. (17)-(19).
    """
    linear = numbers["linear_error"] <= 1e-10 and numbers["largest_history"] >= 32
    laws = numbers["single_error"] <= 1e-9 and numbers["mixed_error"] <= 0.15
    kept, before = numbers["kept"], numbers["before"]
    trained = min(kept) >= numbers["law"] and all(after > early for after, early in zip(kept, before))
    told = ", ".join(f"{task} {value:.2f}" for task, value in zip(numbers["tasks"], kept))
    reason = f"Behind a tanh it falls, without a rate: as s^{numbers['exponent']:.2f} or exp({numbers['stretch']:.2f} sqrt s)."
    if not linear:
        reason = "A linear wave does not hand its first input on unchanged."
    elif not laws:
        reason = "Behind a tanh the gradient does not follow its law."
    elif not trained:
        reason = "A trained network keeps less than the law of a tanh wave, or no more than before training."
    return decide(
        ok=linear and laws and trained,
        partly=linear,
        value=f"linear: identity to {numbers['linear_error']:.0e} up to s = {numbers['largest_history']}; trained: {told}",
        reason=reason,
    )


@rule("ours.grad.tight")
def judge_tightness(numbers: Mapping[str, Any]) -> Finding:
    """Require an unbroken bound with the norm of Psi_1, and gradients of at least half of it in linear networks."""
    least, skew = numbers["least"], numbers["least_skew"]
    sound = numbers["broken"] == 0 and numbers["cases"] >= 1000
    reason = ""
    if not sound:
        reason = "The bound is broken, or was tried on too few networks."
    elif least < 0.5:
        reason = "Even in orthonormal bases the gradient is less than half of the bound."
    elif skew < 0.5:
        reason = f"In skew bases the least share is {skew:.2g}, for the product of three norms is loose."
    return decide(
        ok=sound and min(least, skew) >= 0.5,
        partly=sound and least >= 0.5 and least >= numbers["least_d"],
        value=f"broken by {numbers['broken']} of {numbers['cases']} networks (with d: {numbers['broken_d']}); at least "
        f"{least:.2f} of it in orthonormal bases (with d: {numbers['least_d']:.2f})",
        reason=reason,
    )


@rule("ours.grad.norm")
def judge_norms(numbers: Mapping[str, Any]) -> Finding:
    """Require norms of at least 1 from waves, and a default start whose norm exceeds 1 while its gradient falls."""
    waves = numbers["least_norm"] >= 1 - 1e-9 and numbers["waves"] >= 50
    start = numbers["default_norm"] > 1 > numbers["default_radius"] and numbers["default_high"] < 0
    return decide(
        ok=waves and start,
        partly=waves,
        value=f"least norm of {numbers['waves']} waves {numbers['least_norm']:.4f}; default norm {numbers['default_norm']:.3f}, "
        f"radius {numbers['default_radius']:.3f}, slope {numbers['default_slope']:.3f}",
        reason=""
        if waves and start
        else "The norm of a wave, or the norm, radius or slope of the default start, is another.",
    )


@rule("ours.init")
def judge_wave_start(numbers: Mapping[str, Any]) -> Finding:
    """Require that, on every task, the interval of iterations by those of the default start lies below one.

    Source: twm Discussion.
    """
    highs, ratios = numbers["highs"], numbers["ratios"]
    below = [high < 1 for high in highs]
    told = ", ".join(
        f"{task} {ratio:.2f} ({low:.2f} to {high:.2f})"
        for task, ratio, low, high in zip(numbers["tasks"], ratios, numbers["lows"], highs)
    )
    reason = ""
    if not all(below):
        reason = f"The interval lies below 1 on {sum(below)} of {len(below)} tasks."
    elif all(high < 1 for high in numbers["rotation_highs"]):
        reason = "A random rotation, which has no columns, is faster than the default on every task too."
    return decide(
        ok=len(below) > 0 and all(below),
        partly=any(below),
        value=f"share of the default's iterations: {told}; {numbers['seeds']} seeds",
        reason=reason,
    )
