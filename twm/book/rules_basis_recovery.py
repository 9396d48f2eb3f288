"""Rules of the claims whose evidence is in the notebook 05_basis_recovery.

``encoding_r2`` is always that of the worst variable, in the settled output phase; a mean over variables would hide those
that a basis misses.
"""

from collections.abc import Mapping
from typing import Any

from twm.book.ledger import Finding, decide, rule


@rule("twm.fig3")
def judge_waves(numbers: Mapping[str, Any]) -> Finding:
    """Require that every variable is read with R^2 of .95, and that no single neuron gives it away."""
    least, neuron = numbers["encoding_r2"], numbers["best_neuron"]
    hidden = neuron < 0.9
    return decide(
        ok=least >= 0.95 and hidden,
        partly=least >= 0.95,
        value=f"worst variable R^2 {least:.4f}, memories explain {numbers['explained']:.2%}; best single neuron {neuron:.2f}",
        reason="" if hidden else "Some neuron shows a variable by itself, so the standard basis is not meaningless.",
    )


@rule("twm.alg1")
def judge_printed_algorithm(numbers: Mapping[str, Any]) -> Finding:
    """Require .05 in the weights and .98 in the content, and that a random block fails; Source: twm Algorithm 1."""
    error, content = numbers["relative_error"], numbers["encoding_r2"]
    told_apart = numbers["random_encoding_r2"] < 0.9 and numbers["random_readout"] > 0.1
    return decide(
        ok=error <= 0.05 and content >= 0.98 and told_apart,
        value=f"relative error {error:.2f}, worst variable R^2 {content:.2f}, {numbers['networks']} networks",
        reason="A random starting block passes the same check."
        if not told_apart
        else ""
        if error <= 0.05 and content >= 0.98
        else "It steps back with the transpose, and takes transients out at right angles: neither suits a skew basis.",
    )


@rule("ours.alg1")
def judge_corrected_algorithm(numbers: Mapping[str, Any]) -> Finding:
    """Require .02 in the weights and .98 in the content over all converged networks."""
    error, content = numbers["relative_error"], numbers["encoding_r2"]
    mended = error <= 0.02
    return decide(
        ok=mended and content >= 0.98,
        partly=mended and content >= 0.95,
        value=f"relative error {error:.4f}, worst variable R^2 {content:.3f}, {numbers['networks']} networks",
        reason=""
        if mended and content >= 0.98
        else "The weights come out; the content falls short, because W_r^+ is not Psi_s in a skew basis."
        if mended and content < 0.98
        else "",
    )


@rule("emt.alg")
def judge_mixture(numbers: Mapping[str, Any]) -> Finding:
    """Require some alpha with .05 in the weights and .98 in the content; Source: emt Sec. 6, Algorithm 1."""
    errors, contents = numbers["relative_errors"], numbers["encoding_r2s"]
    found = any(error <= 0.05 and content >= 0.98 for error, content in zip(errors, contents))
    passing, slow_passing, networks = numbers["passing"], numbers["slow_passing"], numbers["networks"]
    return decide(
        ok=found,
        value=f"least relative error {min(errors):.3f}, best worst-variable R^2 {max(contents):.3f}, {len(errors)} alphas",
        reason="No share of the forward part meets both bars: the backward part brings the transpose in."
        if not found
        else f"Of {networks} seeds {passing} meet both bars with |lambda| < 1 as transient, as printed, and {slow_passing} with < 0.9."
        if passing < networks
        else "",
    )


@rule("twm.fig4")
def judge_operators(numbers: Mapping[str, Any]) -> Finding:
    """Require the support of Phi in the weights of every converged network of all four tasks; Source: twm Fig. 4."""
    weights, orbit = numbers["support_weights"], numbers["support_orbit"]
    return decide(
        ok=weights == 1 and orbit == 1 and numbers["tasks"] == 4,
        partly=orbit == 1 and numbers["tasks"] > 1,
        value=f"least support match {weights:.4f} (weights), {orbit:.4f} (with the mean gain), {numbers['networks']} networks",
        reason=""
        if weights == 1
        else "Weights alone leave some entries on the wrong side of one half; with the mean gain along the orbit none."
        if weights < 1 <= orbit
        else "",
    )


@rule("twm.fig5")
def judge_jacobians(numbers: Mapping[str, Any]) -> Finding:
    """Require at least 10 complex pairs beyond .9 in each task; Source: twm Fig. 5."""
    pairs = numbers["pairs"]
    return decide(
        ok=min(pairs) >= 10 and len(pairs) == 4,
        value=f"complex pairs beyond 0.9: {', '.join(map(str, pairs))} in {', '.join(numbers['tasks'])}",
    )


def _judge_decomposition(numbers: Mapping[str, Any], clusters: int, each: int) -> Finding:
    counts, wrong = numbers["clusters"], numbers["wrong_bits"]
    spectrum = list(counts) == [each] * clusters
    return decide(
        ok=spectrum and wrong == 0,
        partly=spectrum or wrong == 0,
        value=f"{sum(counts)} eigenvalues in {len(counts)} clusters of {min(counts)} to {max(counts)}; "
        f"{wrong} of {numbers['bits']} signs misread",
    )


@rule("twm.fig6")
def judge_picture(numbers: Mapping[str, Any]) -> Finding:
    """Require 16 clusters of 5 and every variable read back; Source: twm Fig. 6."""
    return _judge_decomposition(numbers, 16, 5)


@rule("twm.fig8")
def judge_eight_by_eight(numbers: Mapping[str, Any]) -> Finding:
    """Require 8 clusters of 8 and every variable read back; Source: twm Fig. 8."""
    return _judge_decomposition(numbers, 8, 8)


@rule("twm.strength")
def judge_strength(numbers: Mapping[str, Any]) -> Finding:
    """Require exact recall at some strengths above 1, and decay below; Source: twm Fig. 6, caption."""
    gains, recall, amplitude = numbers["gains"], numbers["recall"], numbers["amplitude"]
    above = [gain for gain, share in zip(gains, recall) if gain > 1 and share == 1]
    below = [size for gain, size in zip(gains, amplitude) if gain < 1]
    faded = bool(below) and max(below) < 1e-3
    span = f"exact at strengths {min(above):g} to {max(above):g}" if above else "nowhere exact above 1"
    return decide(
        ok=bool(above) and faded and numbers["steps"] >= 1000,
        value=f"{span}; below 1 faded to {max(below) if below else float('nan'):.0e} after {numbers['steps']} steps",
    )


@rule("twm.fig7")
def judge_nonlinear_memories(numbers: Mapping[str, Any]) -> Finding:
    """Require an accurate network with fewer eigenvalues than bits, in which the linear basis fails; Source: twm Fig. 7."""
    accuracy, rank, bits = numbers["accuracy"], numbers["rank"], numbers["bits"]
    fails = numbers["encoding_r2"] < 0.9
    return decide(
        ok=accuracy > 0.95 and rank < bits and fails,
        value=f"{rank} eigenvalues hold {bits} bits at accuracy {accuracy:.4f}, {min(numbers['clusters'])} to "
        f"{max(numbers['clusters'])} a cluster; linear reading R^2 {numbers['encoding_r2']:.2f}",
        reason="" if fails else "A linear basis reads every variable, so the memory is not nonlinear.",
    )


@rule("twm.fig9")
def judge_compose_copy(numbers: Mapping[str, Any]) -> Finding:
    """Require equal counts, mean |lambda| above 1.05, and more error at t <= 3 than from t = 16; Source: twm Fig. 9."""
    equal = list(numbers["ranks"]) == list(numbers["ranks_theory"])
    radius, early, late = min(numbers["radii"]), numbers["early_errors"], numbers["late_errors"]
    clears = all(first > last for first, last in zip(early, late))
    return decide(
        ok=equal and radius > 1.05 and clears,
        partly=equal,
        value=f"counts {', '.join(map(str, numbers['ranks']))}, mean |lambda| {radius:.2f} or more, decoding error "
        f"{min(early):.2f} or more at t <= 3, {max(late):.4f} or less from t = 16",
    )


@rule("twm.linearise")
def judge_linearisation(numbers: Mapping[str, Any]) -> Finding:
    """Require 1e-6 at the origin and at fixed points with bias, away from the origin; Source: twm A.5 Eq. (41)-(43)."""
    worst = max(numbers["at_rest"], numbers["at_fixed_points"])
    away = numbers["distance"] > 0.01 and numbers["order"] > 50
    return decide(
        ok=worst <= 1e-6 and away,
        value=f"largest deviation {worst:.1e} in {numbers['networks']} networks",
        reason="" if away else "The fixed points are at rest, or the remainder is not of second order.",
    )


@rule("twm.alg1.error")
def judge_power_errors(numbers: Mapping[str, Any]) -> Finding:
    """Require the corrected errors to 1e-10, and that the printed one fails; Source: twm A.6 Eq. (44)-(48)."""
    worst = max(numbers["first"], numbers["second"], numbers["repeat_copy"])
    noticed = numbers["second_printed"] > 1e-3
    return decide(
        ok=worst <= 1e-10 and noticed,
        value=f"corrected errors hold to {worst:.1e}; without the square off by {numbers['second_printed']:.2f} (median)",
        reason="Eq. 48 lacks a square as printed." if noticed else "The printed form passes too.",
    )


@rule("twm.bottleneck.wave")
def judge_compressed_waves(numbers: Mapping[str, Any]) -> Finding:
    """Require .9 of interventions, and an R^2 of .9 both ways: states explained by the wave, each variable read from states.

    A wave that can be written but not read off linearly is ``partly``. Source: twm Table 1, caption.
    """
    explained, changed, unchanged = numbers["explained"], numbers["changed"], numbers["unchanged"]
    low_rank = numbers["rank"] < numbers["rank_theory"]
    return decide(
        ok=min(explained, numbers["encoding_r2"], changed, unchanged) >= 0.9 and low_rank,
        partly=min(explained, changed, unchanged) >= 0.9 and low_rank,
        value=f"rank {numbers['rank']} of {numbers['rank_theory']}: wave explains {explained:.4f}, swaps {changed:.3f} and "
        f"{unchanged:.3f}, {numbers['networks']} networks",
        reason=""
        if numbers["encoding_r2"] >= 0.9
        else f"It is held and can be written to; read off linearly, the worst variable has R^2 {numbers['encoding_r2']:.2f}.",
    )


@rule("emt.offblock")
def judge_cross_blocks(numbers: Mapping[str, Any]) -> Finding:
    """Require cross blocks of .2 and a decaying rest, at right angles as in the paper; Source: emt Sec. 6-7."""
    upright = max(numbers["into_orthogonal"], numbers["out_of_orthogonal"])
    oblique = max(numbers["into_memories"], numbers["out_of_memories"])
    decays = numbers["radius"] < 1
    return decide(
        ok=upright <= 0.2 and decays,
        partly=oblique <= 0.2 and decays,
        value=f"cross blocks {upright:.2f} at right angles, {oblique:.3f} where the spectral dual is blind; radius {numbers['radius']:.2f}",
        reason="The rest feeds the memories strongly at right angles; it does not in the complement that the dual cannot see."
        if upright > 0.2 >= oblique
        else "",
    )


@rule("ours.realisation")
def judge_realisation(numbers: Mapping[str, Any]) -> Finding:
    """Require support match 1 and R^2 of .98 for every converged network, tasks beyond the paper's among them."""
    support, content = numbers["support_match"], numbers["encoding_r2"]
    wide = numbers["networks"] >= 8 and numbers["tasks"] >= 5
    missed = numbers["missed"]
    return decide(
        ok=support == 1 and content >= 0.98 and wide,
        partly=support == 1 and content >= 0.9,
        value=f"least support match {support:.4f}, worst variable R^2 {content:.4f}, {numbers['networks']} networks of "
        f"{numbers['tasks']} tasks",
        reason=f"Missed by {missed} networks." if missed else "" if wide else "Too few networks or tasks.",
    )


@rule("ours.intervention")
def judge_interventions(numbers: Mapping[str, Any]) -> Finding:
    """Require .99 of both outputs that must change and outputs that must not, for every converged network."""
    changed, unchanged = numbers["changed"], numbers["unchanged"]
    controlled = numbers["wrong_changed"] < 0.9
    return decide(
        ok=changed >= 0.99 and unchanged >= 0.99 and controlled,
        partly=min(changed, unchanged) >= 0.9 and controlled,
        value=f"least {changed:.4f} of the changed outputs follow, {unchanged:.4f} of the others stay, {numbers['networks']} networks",
        reason="" if controlled else "An intervention in a wrong basis passes too.",
    )


@rule("ours.edit")
def judge_edit(numbers: Mapping[str, Any]) -> Finding:
    """Require every later repeat exact after writing a digit over another in mid-run."""
    return decide(
        ok=numbers["wrong_bits"] == 0 and numbers["laps"] >= 2 and numbers["text_after"] != numbers["text_before"],
        value=f"{numbers['text_before']} becomes {numbers['text_after']}; {numbers['wrong_bits']} of {numbers['bits']} signs wrong "
        f"in {numbers['laps']} laps",
    )
