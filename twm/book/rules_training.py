"""Rules of the claims whose evidence is in the notebook 04_training."""

from collections.abc import Mapping
from typing import Any

from twm.book.ledger import Finding, decide, rule


@rule("twm.tasks")
def judge_tasks(numbers: Mapping[str, Any]) -> Finding:
    """Require four linear tasks of one signed component an output, closed on -1 and 1, of ranks 64, 36, 36, 36.

    Source: twm Table 1, image; facts about the task codes from the public companion code.
    """
    ranks = list(numbers["ranks"])
    closed = numbers["entries_per_output"] == 1 and numbers["outside_binary"] == 0
    return decide(
        ok=ranks == [64, 36, 36, 36] and closed,
        value=f"observable ranks {', '.join(map(str, ranks))}; {numbers['outside_binary']} of {numbers['components']} components leave -1 and 1",
    )


@rule("twm.table1.acc")
def judge_accuracy(numbers: Mapping[str, Any]) -> Finding:
    """Require every cell's best-of accuracy within .05 of the paper's with an interval of at most .1 on either side.

    At least two thirds of the cells give ``partly``; too wide an interval is no disagreement.

    Source: twm Table 1.
    """
    cells, agree, settled = numbers["cells"], numbers["agree"], numbers["settled"]
    whole = cells == numbers["cells_of_table"]
    apart = ", ".join(numbers["disagree"])
    reason = f"Apart by more than .05: {apart}." if apart else ""
    if not reason and settled < cells:
        reason = "Too few seeds to tell in some cells."
    if not whole:
        reason = f"Only {cells} of {numbers['cells_of_table']} cells are at hand. {reason}".strip()
    return decide(
        ok=whole and settled == cells,
        partly=agree > 0 and 3 * agree >= 2 * cells,
        value=f"{agree} of {cells} cells within .05, {settled} of them with a narrow interval",
        reason=reason,
    )


@rule("twm.table1.mae")
def judge_errors(numbers: Mapping[str, Any]) -> Finding:
    """Require every cell's error within a factor 3 of the paper's, and no seed of equal rank where the paper has a dash.

    At least two thirds of the cells give ``partly``, if among them are half of those with a number and half of those with a
    dash: dashes are easily had, and shall not carry the numbers.

    Source: twm Table 1.
    """
    cells, agree = numbers["cells"], numbers["agree"]
    whole = cells == numbers["cells_of_table"]
    half = (
        2 * numbers["numbers_agree"] >= numbers["numbers"] > 0 and 2 * numbers["dashes_agree"] >= numbers["dashes"] > 0
    )
    apart = ", ".join(numbers["disagree"])
    reason = f"Apart: {apart}." if apart else ""
    if not whole:
        reason = f"Only {cells} of {numbers['cells_of_table']} cells are at hand. {reason}".strip()
    return decide(
        ok=whole and agree == cells,
        partly=half and 3 * agree >= 2 * cells,
        value=f"{numbers['numbers_agree']} of {numbers['numbers']} errors within a factor 3, {numbers['dashes_agree']} of {numbers['dashes']} dashes",
        reason=reason,
    )


@rule("twm.table1.converge")
def judge_convergence(numbers: Mapping[str, Any]) -> Finding:
    """Require that nine of ten accurate models, the bottleneck aside, have theory's rank and an error up to .02.

    Half of them give ``partly``.

    Source: twm Table 1, caption.
    """
    accurate, equal, converged = numbers["accurate"], numbers["equal_rank"], numbers["converged"]
    share = converged / accurate if accurate else 0.0
    return decide(
        ok=accurate > 0 and share >= 0.9,
        partly=accurate > 0 and share >= 0.5,
        value=f"{converged} of {accurate} models above .94 ({share:.0%}); {equal} have theory's rank",
        reason=""
        if share >= 0.9
        else f"{accurate - equal} accurate models have another rank than theory's, {equal - converged} a larger error.",
    )


@rule("twm.bottleneck")
def judge_bottleneck(numbers: Mapping[str, Any]) -> Finding:
    """Require a rank below 64 with an accuracy above .9 in more than half of the seeds of T1 with 64 neurons, L2 0.

    Source: twm Table 1, caption.
    """
    low, seeds = numbers["compressed"], numbers["seeds"]
    return decide(
        ok=low > seeds / 2,
        value=f"{low} of {seeds} seeds; ranks {numbers['least_rank']} to {numbers['largest_rank']}, accuracy {numbers['accuracy']:.3f}",
    )


@rule("twm.generalise")
def judge_generalisation(numbers: Mapping[str, Any]) -> Finding:
    """Require runs beyond the trained horizon, and a rank correlation of margin and far accuracy whose interval is above 0.

    Source: twm Sec. 2 and B.4.
    """
    rho, low, high = numbers["spearman"], numbers["low"], numbers["high"]
    beyond = numbers["kept_at_10x"] > numbers["accurate"] / 2
    related = low > 0
    reason = ""
    if not related:
        reason = "The interval of the correlation reaches 0." if high > 0 else "A larger margin goes with less."
    elif not beyond:
        reason = "Most accurate networks do not last to ten horizons."
    return decide(
        ok=beyond and related,
        partly=beyond or related,
        value=f"Spearman {rho:.2f} ({low:.2f} to {high:.2f}); {numbers['kept_at_10x']} of {numbers['accurate']} keep .9 at ten horizons",
        reason=reason,
    )


@rule("twm.curriculum")
def judge_curriculum(numbers: Mapping[str, Any]) -> Finding:
    """Require the adaptive horizon to save iterations against none and to leave rank and accuracy as they are.

    The three intervals are of paired seeds: of the ratio of iterations to 99%, of the differences of final accuracy and rank.

    Source: twm B.2.
    """
    faster = numbers["ratio_high"] < 1
    same_accuracy = numbers["accuracy_low"] <= 0 <= numbers["accuracy_high"]
    same_rank = numbers["rank_low"] <= 0 <= numbers["rank_high"]
    reasons = [] if faster else ["it does not save iterations for certain"]
    reasons += [] if same_accuracy else ["accuracy differs"]
    reasons += [] if same_rank else ["ranks differ"]
    text = "; ".join(reasons)
    return decide(
        ok=faster and same_accuracy and same_rank,
        partly=faster or (same_accuracy and same_rank),
        value=f"{numbers['ratio']:.2f} of the iterations ({numbers['ratio_low']:.2f} to {numbers['ratio_high']:.2f}); rank {numbers['rank_difference']:+.1f}, accuracy {numbers['accuracy_difference']:+.3f}",
        reason=text[:1].upper() + text[1:] + "." if text else "",
    )


@rule("twm.table2")
def judge_parameters(numbers: Mapping[str, Any]) -> Finding:
    """Require .99 over the trained horizon from both tasks trained by the parameters of Table 2; one of two is ``partly``.

    Source: twm Table 2.
    """
    found = list(numbers["accuracies"])
    good = sum(value >= 0.99 for value in found)
    return decide(
        ok=good == len(found) == 2,
        partly=good > 0,
        value=", ".join(f"{task} {value:.4f}" for task, value in zip(numbers["tasks"], found)),
    )


@rule("twm.fig12")
def judge_initialisation(numbers: Mapping[str, Any]) -> Finding:
    """Require larger radii from Gaussian weights in more than half of the paired seeds, and theory's angles from both.

    Angles count as theory's where nine of ten networks of either start have them.

    Source: twm Fig. 10-12, B.4.
    """
    larger, pairs = numbers["larger"], numbers["pairs"]
    angles = numbers["angles_uniform"], numbers["angles_gaussian"]
    most = larger > pairs / 2
    right = min(angles) >= 0.9 * pairs
    reasons = [] if most else ["Radii are not larger."]
    reasons += [] if right else ["Angles are not theory's in more than a tenth of the networks of a start."]
    reasons += [] if pairs >= 2 else ["One pair tells little."]
    return decide(
        ok=most and right and pairs >= 2,
        partly=most or right,
        value=f"larger in {larger} of {pairs} seeds ({numbers['difference']:+.3f}); theory's angles in {angles[0]} and {angles[1]}",
        reason=" ".join(reasons),
    )


@rule("twm.fib.learn")
def judge_fibonacci(numbers: Mapping[str, Any]) -> Finding:
    """Require every seed to fail at twice the trained range, though it learnt the range itself, and by the bound it must.

    Source: twm Sec. 4, experimental setup.
    """
    failed, seeds = numbers["failed"], numbers["seeds"]
    bound = numbers["latest_right"] <= numbers["last_possible"]
    learnt = numbers["corrected"] <= 0.1
    reason = "" if learnt else "The networks did not learn the trained range either, so their failure says little."
    if not bound:
        reason = "A network is right where the bound says that none can be."
    return decide(
        ok=failed == seeds and bound and learnt,
        partly=failed > seeds / 2 and bound and learnt,
        value=f"right to step {numbers['latest_right']} at most of {numbers['trained']} trained; beyond {numbers['last_possible']} none can be; {failed} of {seeds} networks fail",
        reason=reason,
    )
