"""Rules of the claims whose evidence is in the notebook 09_flip_flop.

"Most seeds", where the ledger says so, is more than half of those looked at. Elsewhere ``reproduced`` asks for every seed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from twm.book.ledger import Finding, decide, list_numbers, rule


def _most(passed: Sequence[bool]) -> bool:
    return 2 * sum(passed) > len(passed)


@rule("mem.flipflop")
def judge_task(numbers: Mapping[str, Any]) -> Finding:
    """Require .99 settled and .95 waiting without delay and with delay 8, in both readings; Source: mem Sec. 3, App. A."""
    settled = [numbers[f"{kind}_{delay}"] for kind in ("settled", "settled_other") for delay in ("none", "delayed")]
    waiting = [*numbers["waiting_delayed"], *numbers["waiting_other_delayed"]]
    least, patient = min(map(min, settled)), min(waiting)
    sizes = numbers["steps"] >= 100_000 and numbers["delay"] == 8
    fixed = numbers["encoder_moved"] == 0
    waits = numbers["waiting_delayed"], numbers["waiting_other_delayed"]
    fine = [
        all(series[seed] >= 0.99 for series in settled) and all(series[seed] >= 0.95 for series in waits)
        for seed in range(len(settled[0]))
    ]
    return decide(
        ok=least >= 0.99 and patient >= 0.95 and sizes and fixed,
        partly=3 * sum(fine) >= 2 * len(fine) and sizes and fixed,
        value=f"least over {len(fine)} seeds: settled {least:.4f}, waiting {patient:.4f}, on {numbers['steps']} steps",
        reason=_blame(
            (sizes, "The task or the test is smaller than asked for."),
            (fixed, "W_in was trained."),
            (least >= 0.99 and patient >= 0.95, "Some seed stays below .99 settled or .95 waiting."),
        ),
    )


@rule("mem.cube")
def judge_cube(numbers: Mapping[str, Any]) -> Finding:
    """Require 8 stable fixed points, one an output state, and centres affine to a cube; Source: mem Fig. 2."""
    cubes = min(numbers["cube_none"] + numbers["cube_delayed"])
    whole = all(count == 8 for count in [*numbers["stable_none"], *numbers["stable_delayed"]])
    without = _most([count == 8 for count in numbers["stable_none"]])
    delayed = _most([count == 8 for count in numbers["stable_delayed"]])
    return decide(
        ok=whole and cubes >= 0.9,
        partly=without and min(numbers["cube_none"]) >= 0.9,
        value=(
            f"stable corners by seed: {_list(numbers['stable_none'])} without delay, {_list(numbers['stable_delayed'])} "
            f"with; R^2 of the cube at least {cubes:.2f}"
        ),
        reason=""
        if delayed
        else "With delay most corners are no stable fixed points: the network circles around them.",
    )


@rule("mem.saddles")
def judge_saddles(numbers: Mapping[str, Any]) -> Finding:
    """Require 8 / 12 / 6 / 1 fixed points with 0 / 1 / 2 / 3 unstable directions in most seeds; Source: mem Fig. 6a."""
    exact = [counts == [8, 12, 6, 1] for counts in _rows(numbers["counts"])]
    matched = numbers["live_differs"] == 0
    return decide(
        ok=_most(exact) and matched,
        partly=any(exact) and matched,
        value=f"8 / 12 / 6 / 1 in {sum(exact)} of {len(exact)} seeds",
        reason=_blame(
            (matched, "The points found here are not those on record."),
            (all(exact), "Some seeds have other counts."),
        ),
    )


@rule("mem.saddles.delay")
def judge_delayed_saddles(numbers: Mapping[str, Any]) -> Finding:
    """Require a slow point with more than 3 unstable directions in most seeds; Source: mem Fig. 6b."""
    most = numbers["most_unstable"]
    return decide(
        ok=_most([number > 3 for number in most]),
        partly=any(number > 3 for number in most),
        value=f"most unstable directions by seed: {_list(most)}",
        reason=_blame((all(number > 3 for number in most), "Some seeds have none with more than 3.")),
    )


@rule("mem.spectrum")
def judge_spectrum(numbers: Mapping[str, Any]) -> Finding:
    """Require 3 real outliers and no complex one without delay, complex ones with; Source: mem Fig. 4."""
    three = [real == 3 and other == 0 for real, other in zip(numbers["real_none"], numbers["complex_none"])]
    rotating = [number > 0 for number in numbers["complex_delayed"]]
    return decide(
        ok=all(three) and all(rotating),
        partly=_most(rotating),
        value=(
            f"without delay {_list(numbers['real_none'])} real and {_list(numbers['complex_none'])} complex; "
            f"with delay {_list(numbers['real_delayed'])} and {_list(numbers['complex_delayed'])}"
        ),
        reason=_blame(
            (all(three), "Without delay some seeds have others than three real ones."),
            (all(rotating), "Some seeds do not rotate."),
        ),
    )


@rule("mem.trigger")
def judge_trigger(numbers: Mapping[str, Any]) -> Finding:
    """Require a quarter period to 20 degrees in the leading pair, more than 45 degrees off the corners; Source: mem Fig. 3."""
    quarter = [abs(phase - 90) <= 20 for phase in numbers["phases"]]
    across = [angle > 45 for angle in numbers["angles"]]
    rising = [slope > 0 for slope in numbers["slopes"]]
    chance = f"A random plane has {numbers['chance_angle']:.0f} degrees, so the angle says little."
    missed = "" if all(quarter) else f"The phase is a quarter period in {sum(quarter)} of {len(quarter)} seeds. "
    return decide(
        ok=all(quarter) and all(across) and all(rising),
        partly=_most(across) and _most(rising),
        value=f"phase by seed {_list(numbers['phases'], '.0f')} degrees; angle {_list(numbers['angles'], '.0f')} degrees",
        reason=missed + chance,
    )


@rule("mem.transverse")
def judge_transverse(numbers: Mapping[str, Any]) -> Finding:
    """Require the sign unchanged in .95 of the steps between pulse and due step; Source: mem Sec. 4, Fig. 3."""
    least = min(numbers["unchanged"])
    return decide(
        ok=least >= 0.95,
        partly=_most([share >= 0.95 for share in numbers["unchanged"]]),
        reason=_blame((least >= 0.95, "Some seed changes its sign before it is due.")),
        value=f"sign unchanged in at least {least:.4f} of the steps; output moves by {max(numbers['moved']):.3f} of its size",
    )


@rule("mem.limit")
def judge_limit(numbers: Mapping[str, Any]) -> Finding:
    """Require .99 at delay 8 and less at some delay from 9 to 16; Source: mem Fig. 6, caption."""
    by_delay = dict(zip(numbers["delays"], numbers["accuracies"]))
    beyond = {delay: accuracy for delay, accuracy in by_delay.items() if 9 <= delay <= 16}
    ok = by_delay.get(8, 0.0) >= 0.99 and any(accuracy < 0.99 for accuracy in beyond.values())
    longer = numbers["longer_accuracy"]
    return decide(
        ok=ok,
        value=", ".join(f"{accuracy:.3f} at {delay}" for delay, accuracy in by_delay.items()),
        reason=(
            f"With {numbers['longer_unfold']} steps of unfolding delay {numbers['longer_delay']} comes to {longer:.3f}: "
            + ("the limit is that of the gradient, not of the network." if longer >= 0.99 else "no better.")
        ),
    )


@rule("ours.flipflop.wave")
def judge_wave(numbers: Mapping[str, Any]) -> Finding:
    """Require positions to be read with R^2 .95 and written with .95 success; no paper says so."""
    read = [share >= 0.95 for share in numbers["r2"]]
    written = [share >= 0.95 for share in numbers["written"]]
    controls = max(max(numbers["early"]), max(numbers["random"]))
    clear = controls < 0.2
    return decide(
        ok=all(read) and all(written) and clear,
        partly=_most(written) and clear,
        value=(
            f"by seed: R^2 {_list(numbers['r2'], '.2f')}; signs {_list(numbers['signs'], '.2f')}; "
            f"written {_list(numbers['written'], '.2f')} (sent {_list(numbers['sent'], '.2f')})"
        ),
        reason=_blame(
            (clear, f"Wrong interventions succeed too, up to {controls:.2f}."),
            (_most(written), "Pulses that are written by position do not do what they should."),
            (all(read), "Positions are written as well as pulses are sent, but read with an R^2 below .95."),
            (all(written), "Some seed's pulses, written by position, do not do what they should."),
        ),
    )


def _blame(*conditions: tuple[bool, str]) -> str:
    """Return what the first condition that fails says, or nothing."""
    return next((text for holds, text in conditions if not holds), "")


def _rows(values: Sequence[Any]) -> list[list[int]]:
    return [list(row) for row in values]


def _list(values: Sequence[float], style: str = "g") -> str:
    return list_numbers(values, lambda value: format(value, style))
