"""Rules of the claims whose evidence is in the notebook 02_construction.

Errors are recorded relative to the largest magnitude. Where the ledger's tolerance allows for a skew basis, the error
recorded under ``..._per_condition`` is divided by the basis's condition number too.
"""

from collections.abc import Mapping
from typing import Any

from twm.book.ledger import Finding, decide, rule

# Some checks are also run on constructions that are wrong on purpose. If one of those passes, the check shows nothing.
_WRONG_PASSED = "A construction that is wrong on purpose passes the check."


@rule("twm.fib")
def judge_fibonacci_sum(numbers: Mapping[str, Any]) -> Finding:
    """Require the classic series, and no integer different in any general case; Source: twm Eq. (4)-(5)."""
    series = numbers["classic"]
    classic = series[:2] == [1, 1] and all(
        third == first + second for first, second, third in zip(series, series[1:], series[2:])
    )
    general = numbers["most_history"] > 2 and numbers["most_dim"] > 1
    shown = ", ".join(str(term) for term in series[:6])
    return decide(
        ok=classic and len(series) >= 6 and general and numbers["differing_terms"] == 0,
        value=f"{shown}, ...; {numbers['differing_terms']} of {numbers['terms']} integers differ in {numbers['systems']} systems",
    )


@rule("twm.fib.phi")
def judge_fibonacci_operator(numbers: Mapping[str, Any]) -> Finding:
    """Require 1e-9 over 40 steps in each kind of basis; Source: twm Eq. (28)-(30)."""
    errors = {kind: numbers[f"{kind}_per_condition"] for kind in ("standard", "orthonormal", "skew")}
    worst = max(errors, key=errors.get)
    return decide(
        ok=all(error <= 1e-9 for error in errors.values()) and numbers["steps"] >= 40,
        value=f"largest error {errors[worst]:.1e} ({worst}) over {numbers['steps']} steps",
    )


@rule("twm.lbc")
def judge_linear_boundary(numbers: Mapping[str, Any]) -> Finding:
    """Require 1e-9 for every random boundary and basis, and that a wrong boundary fails; Source: twm Eq. (6)-(7)."""
    worst = max(numbers["square_per_condition"], numbers["rectangular_per_condition"])
    told_apart = numbers["wrong_passed"] == 0
    return decide(
        ok=worst <= 1e-9 and told_apart,
        value=f"largest error {worst:.1e} in {numbers['systems']} systems",
        reason="" if told_apart else _WRONG_PASSED,
    )


@rule("twm.dual")
def judge_dual(numbers: Mapping[str, Any]) -> Finding:
    """Require delta to 1e-10 for the inverse, the pseudo-inverse and the spectral dual; Source: twm A.1 Eq. (21)."""
    errors = {dual: numbers[dual] for dual in ("inverse", "pseudo_inverse", "spectral")}
    worst = max(errors, key=errors.get)
    return decide(
        ok=all(error <= 1e-10 for error in errors.values()),
        value=f"largest |psi^mu psi_nu - delta| {errors[worst]:.1e} ({worst.replace('_', '-')})",
    )


@rule("twm.rcopy")
def judge_repeat_copy(numbers: Mapping[str, Any]) -> Finding:
    """Require the corrected closed form to 1e-12 at every step up to 4s; Source: twm Eq. (31)-(40)."""
    worst = max(numbers["standard_per_condition"], numbers["hidden_per_condition"])
    complete = numbers["steps"] == 4 * numbers["history"]
    index_matters = numbers["printed_index"] > 1e-3
    return decide(
        ok=worst <= 1e-12 and complete and index_matters,
        value=f"largest error {worst:.1e} for every t <= {numbers['steps']}",
        reason="The index of Eq. 40 is d too large as printed." if index_matters else "The printed index passes too.",
    )


@rule("twm.similar")
def judge_similarity(numbers: Mapping[str, Any]) -> Finding:
    """Require equal nonzero spectra to 1e-8, W Psi = Psi Phi to 1e-10, equal ranks of powers; Source: twm 3.1, 4.1."""
    spectra = max(numbers["square_spectrum"], numbers["wide_spectrum"])
    told_apart = numbers["wrong_passed"] == 0
    return decide(
        ok=spectra <= 1e-8 and numbers["similarity"] <= 1e-10 and numbers["rank_mismatches"] == 0 and told_apart,
        value=f"eigenvalues {spectra:.1e}; |W Psi - Psi Phi| {numbers['similarity']:.1e}; {numbers['networks']} networks",
        reason="" if told_apart else _WRONG_PASSED,
    )


@rule("twm.unity")
def judge_gain(numbers: Mapping[str, Any]) -> Finding:
    """Require the amplitude gain^t to 1e-9 below, at and above gain 1, after 100 s steps; Source: twm A.5."""
    gains, errors, amplitudes = numbers["gains"], numbers["errors"], numbers["amplitudes"]
    sides = min(gains) < 1 < max(gains) and 1.0 in gains
    moves = all((amplitude > 1) == (gain > 1) for gain, amplitude in zip(gains, amplitudes) if gain != 1)
    return decide(
        ok=sides
        and moves
        and max(errors) <= 1e-9
        and numbers["steps"] == 100 * numbers["history"]
        and numbers["content_error"] <= 1e-9,
        value=f"gain^t to {max(errors):.1e} after {numbers['steps']} steps; content at gain 1 kept to {numbers['content_error']:.1e}",
    )


@rule("twm.h3")
def judge_shift(numbers: Mapping[str, Any]) -> Finding:
    """Require rank <= d, nilpotency of index s and exact recall; Source: twm Sec. 3.1."""
    exact = numbers["recall_error"] == 0 and numbers["older_influence"] == 0
    return decide(
        ok=numbers["rank_excess"] <= 0 and numbers["wrong_index"] == 0 and numbers["same_as_h3"] and exact,
        value=f"rank of Phi - shift at most d in {numbers['systems']} systems; recall error {numbers['recall_error']:g}",
    )


@rule("ours.input")
def judge_input_phase(numbers: Mapping[str, Any]) -> Finding:
    """Require that corrected inputs load every history to 1e-9, and that raw ones do so for repeat copy alone."""
    corrected = numbers["state_corrected"] <= 1e-9 and numbers["signs_corrected"] == 0
    raw_fails = numbers["state_raw"] > 1e-9 and numbers["signs_raw"] > 0
    return decide(
        ok=corrected and raw_fails and numbers["signs_raw_T1"] == 0,
        value=(
            f"corrected: state to {numbers['state_corrected']:.1e}, {numbers['signs_corrected']:.0%} wrong signs; "
            f"raw: {numbers['signs_raw']:.0%} wrong signs in the worst task, {numbers['signs_raw_T1']:.0%} in T1"
        ),
        reason="" if raw_fails else "Raw inputs load some boundary that reads the substrate early.",
    )
