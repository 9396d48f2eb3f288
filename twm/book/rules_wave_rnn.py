"""Rules of the claims whose evidence is in the notebook 07_wave_rnn."""

from collections.abc import Mapping
from typing import Any

from twm.book.ledger import Finding, decide, rule

#: Batches of the paper's copy task.
_PAPER_ITERATIONS = 60_000


def _answer(ok: bool, value: str, reason: str, partly: bool = False) -> Finding:
    """Return the outcome, with a reason wherever it is not a reproduction."""
    return decide(ok=ok, value=value, partly=partly, reason="" if ok else reason)


@rule("wrnn.wave")
def judge_ring_wave(numbers: Mapping[str, Any]) -> Finding:
    """Require that matrix and convolution agree to 1e-12 at every courant number, and are the shift at 1.

    Source: wrnn Sec. 2, Eq. (1)-(3).
    """
    worst = max(numbers["difference"], numbers["shift_error"], numbers["commutator"])
    return _answer(
        ok=worst <= 1e-12 and numbers["courants"] >= 5,
        value=f"largest difference {worst:.1e} at {numbers['courants']} courant numbers",
        reason="Matrix and convolution differ, or too few numbers were tried.",
    )


@rule("wrnn.init")
def judge_start(numbers: Mapping[str, Any]) -> Finding:
    """Require the exact shift and encoder, and counts within 10% of the paper's 47k and 420k.

    Source: wrnn Sec. 2, Table 2.
    """
    exact = numbers["shift_error"] == 0 and numbers["encoder_error"] == 0
    apart = [abs(numbers[ours] / paper - 1) for ours, paper in (("parameters", 47_000), ("parameters_mlp", 420_000))]
    return _answer(
        ok=exact and max(apart) <= 0.1,
        partly=exact,
        value=f"start exact: {'yes' if exact else 'no'}; {numbers['parameters']:,} and {numbers['parameters_mlp']:,} parameters",
        reason="A count is off by more than a tenth." if exact else "Not the exact start.",
    )


@rule("wrnn.fig1")
def judge_decoding(numbers: Mapping[str, Any]) -> Finding:
    """Require that onset and channel are read from the wave in 99% of the inputs, from the bump in less than 90%.

    Source: wrnn Fig. 1.
    """
    wave, bump = numbers["wave"], numbers["bump"]
    return _answer(
        ok=wave >= 0.99 and bump < 0.9,
        value=f"{wave:.1%} of the inputs from the wave, {bump:.1%} from the bump",
        reason="The bump tells as much." if wave >= 0.99 else "Not all is read from the wave.",
    )


@rule("wrnn.fig2")
def judge_diagonal(numbers: Mapping[str, Any]) -> Finding:
    """Require three times as much power on the diagonal in the wave-RNN as in the iRNN; twice is ``partly``.

    Source: wrnn Fig. 2.
    """
    ratio = numbers["wave"] / max(numbers["dense"], 1e-12)
    return _answer(
        ok=ratio >= 3,
        partly=ratio >= 2,
        value=f"{numbers['wave']:.2f} of the power on the diagonal, {numbers['dense']:.2f} in the iRNN: {ratio:.1f} times",
        reason="Less than three times.",
    )


@rule("wrnn.copy")
def judge_copy(numbers: Mapping[str, Any]) -> Finding:
    """Require a loss 1e5 times below the best iRNN's at every wait of the paper, and faster, at its 60,000 iterations.

    A hundred times lower at every wait that was trained is ``partly``.

    Source: wrnn Fig. 3, App. B.
    """
    ratio, waits = numbers["least_ratio"], ", ".join(map(str, numbers["waits"]))
    whole = numbers["missing"] == 0 and numbers["iterations"] >= _PAPER_ITERATIONS
    return _answer(
        ok=ratio >= 1e5 and whole and numbers["faster"],
        partly=ratio >= 100 and numbers["faster"],
        value=f"at least {ratio:.2g} times lower loss at T = {waits}",
        reason="Less than five orders, or not faster."
        if whole
        else f"{numbers['missing']} of the five waits not trained; {numbers['iterations']:,} iterations.",
    )


@rule("wrnn.hold")
def judge_hold(numbers: Mapping[str, Any]) -> Finding:
    """Require .99 recalled by the wave-RNN after 480 steps, and less by the iRNN from 30 steps on.

    A wave-RNN that holds at the longest wait trained, beyond every wait that an iRNN holds, is ``partly``.

    Source: wrnn Fig. 4.
    """
    held, dense = numbers["longest_held"], numbers["dense_longest"]
    return _answer(
        ok=held >= 480 and dense < 30 and 30 in numbers["dense_waits"],
        partly=held == numbers["longest"] and dense < held,
        value=f"wRNN holds to T = {held}, iRNN {f'to T = {dense}' if dense >= 0 else 'at none'}, of {', '.join(map(str, numbers['waits']))}",
        reason="The iRNN holds too long, or the wRNN too short."
        if numbers["longest"] >= 480
        else f"Waits beyond {numbers['longest']} were not trained.",
    )


@rule("wrnn.adding")
def judge_adding(numbers: Mapping[str, Any]) -> Finding:
    """Require that the wave-RNN solves all five lengths within 3 times the paper's iterations, the iRNN none beyond 400.

    Every trained length solved by the wave-RNN, before the iRNN where that solves it at all, is ``partly``.

    Source: wrnn Table 1, Fig. 5.
    """
    paper = {100: 300, 200: 1000, 400: 1000, 700: 3000, 1000: 2000}
    waves = dict(zip(numbers["wrnn_lengths"], numbers["wrnn_solved"]))
    dense = dict(zip(numbers["irnn_lengths"], numbers["irnn_solved"]))
    # An iteration counts from 1; 0 stands for never.
    solved = {length: value for length, value in waves.items() if value > 0}
    close = all(0 < waves.get(length, 0) <= 3 * iterations for length, iterations in paper.items())
    fails = all(not dense.get(length, 1) for length in (700, 1000))
    first = len(solved) == len(waves) > 0 and all(
        not dense.get(length) or value < dense[length] for length, value in solved.items()
    )
    rival = {length: f"iRNN {value or 'never'}" for length, value in dense.items()}
    told = "; ".join(
        f"T = {length}: {value or 'never'}, {rival.get(length, 'iRNN not trained')}" for length, value in waves.items()
    )
    return _answer(
        ok=close and fails,
        partly=first,
        value=f"solved at iteration {told}",
        reason=f"{numbers['missing']} of the five lengths not trained."
        if numbers["missing"]
        else "Other iterations than in the paper.",
    )


def _judge_images(numbers: Mapping[str, Any], paper: Mapping[str, float], above: bool) -> Finding:
    near = all(abs(numbers[key] - value) <= 1 for key, value in paper.items())
    ahead = numbers["wrnn"] > numbers["irnn"]
    told = f"wRNN {numbers['wrnn']:.1f}, iRNN {numbers['irnn']:.1f}, wRNN + MLP {numbers['wrnn_mlp']:.1f}"
    return _answer(
        ok=near and (ahead or not above),
        partly=ahead if above else near,
        value=told,
        reason="The iRNN is ahead." if near else "More than a point from the paper's numbers.",
    )


@rule("wrnn.smnist")
def judge_smnist(numbers: Mapping[str, Any]) -> Finding:
    """Require all three within a point of 97.6, 98.5 and 97.5. Source: wrnn Table 2."""
    return _judge_images(numbers, {"wrnn": 97.6, "irnn": 98.5, "wrnn_mlp": 97.5}, above=False)


@rule("wrnn.psmnist")
def judge_psmnist(numbers: Mapping[str, Any]) -> Finding:
    """Require all three within a point of 96.7, 92.5 and 97.6 and the wave-RNN ahead; ahead alone is ``partly``.

    Source: wrnn Table 2.
    """
    return _judge_images(numbers, {"wrnn": 96.7, "irnn": 92.5, "wrnn_mlp": 97.6}, above=True)


@rule("wrnn.permutation")
def judge_permutation(numbers: Mapping[str, Any]) -> Finding:
    """Require that the permutation costs the wave-RNN at most 2 points and the iRNN at least 4; one of them is ``partly``.

    Source: wrnn Fig. 6.
    """
    waves, dense = numbers["wrnn_drop"] <= 2, numbers["irnn_drop"] >= 4
    return _answer(
        ok=waves and dense,
        partly=waves or dense,
        value=f"wRNN {-numbers['wrnn_drop']:+.1f} points, iRNN {-numbers['irnn_drop']:+.1f}",
        reason="Only one of the two." if waves or dense else "Neither.",
    )


@rule("wrnn.mlp")
def judge_mlp(numbers: Mapping[str, Any]) -> Finding:
    """Require a gain on both tasks; a gain on one is ``partly``. Source: wrnn Table 2."""
    gains = (numbers["plain_gain"], numbers["permuted_gain"])
    return _answer(
        ok=min(gains) > 0,
        partly=max(gains) > 0,
        value=f"{gains[0]:+.1f} points plain, {gains[1]:+.1f} permuted",
        reason="Not on both tasks; nor is it in the paper's own table.",
    )


@rule("wrnn.fast")
def judge_fast(numbers: Mapping[str, Any]) -> Finding:
    """Require the wave-RNN ahead in each of the first ten epochs in every seed; in nine of ten cases is ``partly``.

    Source: wrnn Fig. 6.
    """
    share = numbers["ahead"] / max(1, numbers["looks"])
    return _answer(
        ok=share == 1 and numbers["epochs"] >= 10,
        partly=share >= 0.9,
        value=f"ahead at {numbers['ahead']} of {numbers['looks']} looks in {numbers['epochs']} epochs",
        reason="Fewer than ten epochs." if share == 1 else "Not at every look.",
    )


@rule("wrnn.params")
def judge_sizes(numbers: Mapping[str, Any]) -> Finding:
    """Require the wave-RNN above every iRNN that has as many parameters or fewer than one of its sizes; half is ``partly``.

    Source: wrnn Fig. 7.
    """
    pairs, above = numbers["pairs"], numbers["above"]
    return _answer(
        ok=pairs > 0 and above == pairs, partly=pairs > 0 and above >= pairs / 2,
        value=f"above the iRNN in {above} of {pairs} comparisons with at most as many parameters",
        reason="Not in every comparison." if pairs else "Nothing to compare.",
    )  # fmt: skip


@rule("wrnn.baselines")
def judge_baselines(numbers: Mapping[str, Any]) -> Finding:
    """Require the wave-RNN within a point of LSTM and GRU, or above, on the permuted images; one of them is ``partly``.

    Source: wrnn Table 2.
    """
    near = [numbers["wrnn"] >= numbers[name] - 1 for name in ("lstm", "gru")]
    return _answer(
        ok=all(near),
        partly=any(near),
        value=f"wRNN {numbers['wrnn']:.1f}, LSTM {numbers['lstm']:.1f}, GRU {numbers['gru']:.1f}",
        reason="More than a point below one of them." if any(near) else "More than a point below both.",
    )


@rule("wrnn.cifar")
def judge_cifar(numbers: Mapping[str, Any]) -> Finding:
    """Require the wave-RNN ahead of LSTM, GRU and iRNN; ahead of the iRNN alone is ``partly``. Source: wrnn Table 3."""
    others = {name: numbers[name] for name in ("lstm", "gru", "irnn")}
    told = ", ".join(f"{name} {value:.1f}" for name, value in others.items())
    return _answer(
        ok=all(numbers["wrnn"] > value for value in others.values()),
        partly=numbers["wrnn"] > numbers["irnn"],
        value=f"wrnn {numbers['wrnn']:.1f}, {told}",
        reason="Not ahead of all three.",
    )


@rule("wrnn.ablation")
def judge_ablation(numbers: Mapping[str, Any]) -> Finding:
    """Require in every column: the wave-RNN best, the shift more important than the encoder, the iRNN helped but not enough.

    Two thirds of these orders are ``partly``.

    Source: wrnn Table 4.
    """
    kept, orders = numbers["kept"], numbers["orders"]
    whole = numbers["columns"] == 4
    return _answer(
        ok=whole and kept == orders,
        partly=orders > 0 and kept >= 2 * orders / 3,
        value=f"{kept} of {orders} orders in {numbers['columns']} columns",
        reason=f"Not in every column: {_list_broken(numbers)}." if kept < orders else "Fewer than four columns.",
    )


def _list_broken(numbers: Mapping[str, Any]) -> str:
    orders = {
        "best": "the wRNN is best", "shift": "the shift matters more than V", "helped": "the shift helps the iRNN",
        "above": "the iRNN with both stays above the wRNN",
    }  # fmt: skip
    return "; ".join(text for key, text in orders.items() if numbers[key] < numbers["columns"])


@rule("wrnn.speeds")
def judge_speeds(numbers: Mapping[str, Any]) -> Finding:
    """Require in one trained network two clear waves whose speeds differ by more than a fifth. Source: wrnn Fig. 10."""
    slow, fast = numbers["slowest"], numbers["fastest"]
    return _answer(
        ok=numbers["rings"] >= 2 and slow > 0 and fast > 1.2 * slow,
        value=f"{slow:.2f} to {fast:.2f} neurons a step in one network of {numbers['rings']} clear waves",
        reason="All clear waves go at nearly one speed.",
    )


@rule("wrnn.emerge")
def judge_emergence(numbers: Mapping[str, Any]) -> Finding:
    """Require that power on the diagonal at least doubles through training from a random kernel. Source: wrnn Fig. 18."""
    before, after = numbers["random_before"], numbers["random_after"]
    rise = after / max(before, 1e-12)
    return _answer(
        ok=rise >= 2,
        partly=rise >= 1.5,
        value=f"from {before:.3f} to {after:.3f} of the power, {rise:.1f} times",
        reason="Less than twice.",
    )


@rule("ours.bridge")
def judge_bridge(numbers: Mapping[str, Any]) -> Finding:
    """Require of each network on its own R^2 and interventions of at least .95; one network is ``partly``.

    Both are the least over variables, seeds and steps, in the directions that variables have at the step, of the networks that
    learnt their task.

    Source: ours.
    """
    good, told = {}, []
    for name in ("wave", "lstm"):
        learnt = numbers[f"{name}_learnt"]
        counts = f"{learnt} of {numbers[f'{name}_networks']} learnt it"
        if not learnt:
            good[name] = False
            told.append(f"{name}: {counts}")
            continue
        figures = numbers[f"{name}_r2"], numbers[f"{name}_interventions"]
        good[name] = min(figures) >= 0.95
        told.append(f"{name} R^2 {figures[0]:.3f}, swaps {figures[1]:.3f}, {counts}")
    low = ", ".join(name for name, fine in good.items() if not fine)
    return _answer(ok=all(good.values()), partly=any(good.values()), value="; ".join(told), reason=f"Below .95: {low}.")
