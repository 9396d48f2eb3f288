"""Rules of the claims whose evidence is in 01_theory: the accept column of the ledger, as functions of numbers."""

from typing import Any, Mapping

from twm.book.ledger import Finding, decide, rule

#: Largest relative difference that counts as equal in float64.
EQUAL = 1e-12
#: How far a measured order of convergence may be from 1.
ORDER_MARGIN = 0.05
#: Least share of the deliberately wrong systems that a check must reject to say anything.
POWER = 0.9


@rule("twm.hds")
def judge_recursion(numbers: Mapping[str, Any]) -> Finding:
    """Accept where the rollout equals the recursion written by hand: 1e-12 in float64, exactly in integers."""
    errors = [numbers[f"error_{kind}"] for kind in ("scalar", "vector", "nonlinear")]
    exact = numbers["integer_mismatches"] == 0
    passed = sum(error <= EQUAL for error in errors) + exact
    value = (
        f"largest relative difference {max(errors):.1g} (scalar, vector, nonlinear); "
        f"{numbers['integer_mismatches']} of {numbers['integer_terms']} integers differ"
    )
    failed = "" if passed == 4 else f"{4 - passed} of 4 kinds of f differ from the recursion written by hand"
    return decide(passed == 4, value, partly=passed == 3, reason=failed)


@rule("twm.pde")
def judge_unit_courant_shift(numbers: Mapping[str, Any]) -> Finding:
    """Accept where the error is 0 at c = 1, the measured order is 1 at every c < 1, and modes grow at every c > 1."""
    parts = {
        "the error at c = 1 is not 0": numbers["error_at_one"] == 0,
        "the order of convergence below c = 1 is not 1": all(abs(o - 1) <= ORDER_MARGIN for o in numbers["orders"]),
        "there is no growth beyond c = 1": all(growth > 1 for growth in numbers["growth"]),
    }
    orders, growth = numbers["orders"], numbers["growth"]
    value = (
        f"error at c = 1: {numbers['error_at_one']:.3g}; order below: {min(orders):.2f} to {max(orders):.2f}; "
        f"growth a step beyond: {min(growth):.3f} to {max(growth):.3f}"
    )
    failed = [reason for reason, holds in parts.items() if not holds]
    return decide(not failed, value, partly=len(failed) == 1, reason="; ".join(failed))


@rule("twm.substrate")
def judge_independent_waves(numbers: Mapping[str, Any]) -> Finding:
    """Accept where nothing crosses between waves before the boundary and nothing comes back, exactly."""
    crossing, echo, boundary = numbers["crosstalk"], numbers["echo"], numbers["boundary_error"]
    parts = {
        "waves meet before the boundary": crossing == 0,
        "the open end sends something back": echo == 0,
        "the newest column is not f of the substrate": boundary == 0,
    }
    failed = [reason for reason, holds in parts.items() if not holds]
    value = f"crosstalk {crossing:.3g}, echo {echo:.3g}, error at the boundary {boundary:.3g}; {numbers['cells']} cells disturbed one by one"
    return decide(not failed, value, partly=len(failed) == 1, reason="; ".join(failed))


@rule("twm.fig1")
def judge_snapshot(numbers: Mapping[str, Any]) -> Finding:
    """Accept where a snapshot lists every recent event exactly, and nothing else, although there were older ones."""
    events, listed, wrong = numbers["events"], numbers["listed"], numbers["wrong"]
    told = events > 0 and numbers["older_events"] > 0
    value = f"{listed} of {events} events listed from {numbers['snapshots']} snapshots, {wrong} of them wrong"
    reason = "" if told and listed == events and wrong == 0 else "A snapshot misses, misreads or invents events."
    return decide(told and listed == events and wrong == 0, value, reason=reason)


@rule("twm.thm31")
def judge_representation(numbers: Mapping[str, Any]) -> Finding:
    """Accept where every random system equals its lattice to 1e-12, and the check rejects deliberately wrong lattices."""
    systems, equal = numbers["systems"], numbers["equal"]
    power = min(numbers["rejected_printed"], numbers["rejected_reversed"], numbers["rejected_noise"])
    value = f"{equal} of {systems} systems equal, largest relative difference {numbers['largest_error']:.1g}"
    if power < POWER:
        return decide(
            False, value, partly=equal == systems, reason=f"the check rejects only {power:.0%} of wrong lattices"
        )
    ok = equal == systems and numbers["largest_error"] <= EQUAL and 0 < numbers["linear"] < systems
    return decide(ok, value, reason="" if ok else f"{systems - equal} systems differ from their lattice")
