"""Cross-temporal decoding of an item from states: for how many steps it can be decoded, and how far its code moves.

Linear decoders are trained at one step on a bootstrap sample of trials, and tested at every step on the trials left out."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from twm.errors import require, require_count

#: A step counts as readable where its decoder's gain is at least this share of the best step's.
READABLE = 0.5
# Candidate ridge penalties, as shares of the states' total variance, and the penalty of a first pass over many steps.
_RIDGES, _FIRST_RIDGE = np.logspace(-6, 1, 15), 1e-2
# The best step's gain must exceed the best of this many shuffles, which one in twenty sets of unrelated items does.
_SHUFFLES, _FEWEST_TRIALS, _TINY = 19, 20, 1e-300

#: A value with its 95% bootstrap interval over trials; all None where there is nothing to measure.
Interval = NamedTuple("Interval", [("value", float | None), ("low", float | None), ("high", float | None)])


@dataclass(frozen=True, eq=False)
class Decoding:
    """Results of cross-temporal decoding of an item."""

    movement: Interval  # 0: a decoder also works at other steps (register); 1: it does not (wave)
    span: Interval  # number of steps at which the item can be decoded
    shuffled: tuple[float | None, float]  # both for shuffled items, where no decoding and no movement are expected
    r2: np.ndarray  # (times, times) share of the item's variance that a row's decoder explains at a column's step
    gain: np.ndarray  # (times, times) change of that decoder's output per unit change of the item
    chance: float  # gain at the best step of the best of 19 shuffles
    times: np.ndarray  # (times,) the steps that were analysed
    shape: tuple[int, int, int]  # steps, trials, units

    def to_json(self) -> dict[str, Any]:
        """Return the results in a form that JSON can store."""
        found = {"movement": self.movement._asdict(), "span": self.span._asdict()}
        found["shuffled"] = dict(zip(("movement", "span"), self.shuffled))
        return found | dict(zip(("steps", "trials", "units"), self.shape))

    def describe(self) -> list[str]:
        """Return the results as lines of text."""
        lines = ["{} steps, {} trials, {} units".format(*self.shape)]
        for name, one, said in (("movement", self.movement, "0: register, 1: wave"), ("span", self.span, "steps")):
            numbers = "none, {}" if one.value is None else "{:.2f}  ({:.2f} to {:.2f})   {}"
            lines.append(f"{name:9} " + numbers.format(*(part for part in one if part is not None), said))
        movement, span = ("none" if value is None else f"{value:.2f}" for value in self.shuffled)
        best = f"best gain {self.gain.diagonal().max():.2f}, of shuffled items {self.chance:.2f}"
        return [*lines, f"shuffled  movement {movement}, span {span}", best]


def probe_states(states: Any, items: Any, resamples: int = 50, most: int = 40, seed: int = 0) -> Decoding:
    """Measure span and movement of items (trials, dims), or (time, trials, dims), in states (time, trials, units).
    With more than ``most`` steps, that many are sampled from the stretch in which the item can be decoded."""
    states, items = np.asarray(states), np.asarray(items)
    _check_recording(states, items)
    resamples, rng = require_count(resamples, "resamples", 10), np.random.default_rng(require_count(seed, "seed", 0))
    short = len(states) <= require_count(most, "most", 2)
    first, last = (0, len(states)) if short else _find_stretch(states, items, rng)
    times = _pick_times(first, last, most, rng)
    X, Y = _take(states, items, times)
    ridge = _choose_ridge(X, Y)
    orders = [rng.permutation(X.shape[1]) for _ in range(_SHUFFLES)]
    chance = float(_decode_own(X, np.concatenate([Y[:, order] for order in orders], 2), ridge, rng, _SHUFFLES).max())
    found, floor = [], max(chance, 0.0)
    for targets, count in ((Y, resamples), (Y[:, orders[0]], 10)):
        movement, span, r2, gain = _estimate(X, targets, ridge, count, rng)
        if gain.diagonal().max() <= floor:
            movement, span = Interval(None, None, None), Interval(0.0, 0.0, 0.0)
        # Each sampled step stands for all steps between it and the next.
        found.append((movement, Interval(*(value * (last - first) / len(times) for value in span)), r2, gain))
        floor = max(floor, READABLE * gain.diagonal().max())  # shuffled items must exceed the threshold of the real ones
    (movement, span, r2, gain), other = found
    return Decoding(movement, span, (other[0].value, other[1].value), r2, gain, chance, times, states.shape)


def summarise_gains(gain: np.ndarray) -> tuple[float | None, int]:
    """Return movement (None with fewer than two readable steps) and the number of readable steps from gains (times, times).
    The similarity of two steps is the product of their two cross-gains, divided by that of their own gains: fading and noise
    are no movement. A step's movement is 1 minus its median similarity to later steps, so codes may recur in between."""
    readable = np.flatnonzero(gain.diagonal() >= READABLE * gain.diagonal().max())
    across = gain[np.ix_(readable, readable)]
    own = across.diagonal()
    similar = np.where(np.minimum(across, across.T) > 0, across * across.T / (np.outer(own, own) + _TINY), 0).clip(0, 1)
    # For an even number the lower median: if a code recurs at every second step, it picks a step in between.
    moved = [1 - np.sort(row[place:])[(len(row) - place - 1) // 2] for place, row in enumerate(similar[:-1], 1)]
    return (float(np.mean(moved)) if moved else None), len(readable)


def _estimate(X: np.ndarray, Y: np.ndarray, ridge: float, resamples: int, rng: np.random.Generator) -> tuple:
    """Return movement and number of readable steps of the mean matrices, with intervals, and the mean r2 and gain."""
    pairs = [_cross_decode(X, Y, ridge, rng) for _ in range(resamples)]
    means, found = [np.mean(matrices, axis=0) for matrices in zip(*pairs)], []
    samples = zip(*(summarise_gains(gain) for _, gain in pairs))
    for value, each, most in zip(summarise_gains(means[1]), samples, (1, len(X))):
        if value is None:
            found.append(Interval(None, None, None))
            continue
        # The samples' spread is centred on the value, not on their own median, which comes from fewer distinct trials.
        known = [one for one in each if one is not None] or [0]
        low, middle, high = np.quantile(known, (0.025, 0.5, 0.975))
        found.append(Interval(value, max(0, value - middle + low), min(most, value - middle + high)))
    return *found, *means


def _cross_decode(X: np.ndarray, Y: np.ndarray, ridge: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return r2 and gain (times, times) of one bootstrap sample."""
    left, W, offset = _train(X, Y, ridge, rng)
    truth, (times, _, units) = Y[:, left], X.shape
    # Axes: step tested, trial, step trained, dimension of the item.
    answers = X[:, left].reshape(-1, units) @ W.swapaxes(0, 1).reshape(units, -1)
    answers = answers.reshape(times, len(left), times, -1) + offset
    total = len(left) * (Y**2).mean(1).sum(1)
    errors = sum(((answers[..., dim] - truth[:, :, None, dim]) ** 2).sum(1).T for dim in range(truth.shape[2]))
    covaried = np.einsum("untd,und->tu", answers, truth - truth.mean(1, keepdims=True), optimize=True)
    return 1 - errors / total, covaried / total


def _decode_own(X: np.ndarray, Y: np.ndarray, ridge: float, rng: np.random.Generator, sets=1, samples=10) -> np.ndarray:
    """Return gains (times, sets) at the training step, pooled over bootstrap samples, for ``sets`` of items side by side."""
    covaried, totals = np.zeros((2, len(X), Y.shape[2]))
    for _ in range(samples):
        left, W, _ = _train(X, Y, ridge, rng)
        covaried += (X[:, left] @ W * (Y[:, left] - Y[:, left].mean(1, keepdims=True))).sum(1)
        totals += len(left) * (Y**2).mean(1)
    return np.divide(*(part.reshape(len(X), sets, -1).sum(2) for part in (covaried, totals)))


def _train(X: np.ndarray, Y: np.ndarray, ridge: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return the trials left out of a bootstrap sample, its decoders (times, units, dims) and their offsets (times, dims)."""
    counts = np.bincount(rng.integers(X.shape[1], size=X.shape[1]), minlength=X.shape[1])
    used = counts > 0
    share = counts[used, None] / counts.sum()
    means = [share.T @ part[:, used] for part in (X, Y)]
    x, y = (np.sqrt(share) * (part[:, used] - mean) for part, mean in zip((X, Y), means))
    # Solve the smaller of two equivalent systems, over trials or over units.
    wide = x.shape[1] < x.shape[2]
    gram = x @ x.mT if wide else x.mT @ x
    gram += (ridge * (x**2).sum((1, 2)) + _TINY)[:, None, None] * np.eye(gram.shape[1])
    W = x.mT @ np.linalg.solve(gram, y) if wide else np.linalg.solve(gram, x.mT @ y)
    return np.flatnonzero(~used), W, (means[1] - means[0] @ W)[:, 0]


def _find_stretch(states: np.ndarray, items: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    """Decode at up to 500 steps, 50 at a time; return the first readable step and the one after the last."""
    times = _pick_times(0, len(states), 500, rng)
    blocks = (_take(states, items, times[place : place + 50]) for place in range(0, len(times), 50))
    level = np.concatenate([_decode_own(*block, _FIRST_RIDGE, rng, samples=2)[:, 0] for block in blocks])
    readable = times[level >= READABLE * level.max()]
    return (int(readable[0]), int(readable[-1]) + 1) if level.max() > 0 else (0, len(states))


def _pick_times(first: int, last: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Pick at most ``most`` steps, one at random per equal stretch: equal spacing could coincide with a wave's period."""
    edges = np.linspace(first, last, most + 1)
    return np.arange(first, last) if last - first <= most else rng.uniform(edges[:-1], edges[1:]).astype(int)


def _take(states: np.ndarray, items: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the states at some steps in float64, and the items there, each dimension centred and scaled to variance one."""
    items = items[times] if items.ndim == 3 else np.repeat(items[None], len(times), 0)
    spread = items.std(1, keepdims=True, dtype=float)
    return states[times].astype(float), (items - items.mean(1, keepdims=True)) / np.where(spread > 0, spread, 1)


def _choose_ridge(X: np.ndarray, Y: np.ndarray) -> float:
    """Choose the penalty with the least leave-one-out error, summed over all steps and computed in closed form."""
    errors = np.zeros(len(_RIDGES))
    for x, y in zip(X - X.mean(1, keepdims=True), Y):
        left, values, _ = np.linalg.svd(x, full_matrices=False)
        kept = values**2 / (values**2 + _RIDGES[:, None] * (values**2).sum() + _TINY)
        rests = ((y - (left * share) @ (left.T @ y)) / (1 - 1 / len(y) - left**2 @ share)[:, None] for share in kept)
        errors += [(rest**2).sum() for rest in rests]
    return float(_RIDGES[errors.argmin()])


def _check_recording(states: np.ndarray, items: np.ndarray) -> None:
    told = (("states", states, (3,), "(time, trials, units)"), ("items", items, (2, 3), "([time,] trials, dims)"))
    for name, part, axes, shape in told:
        require(part.dtype.kind in "fiub", f"{name} must hold real numbers, not {part.dtype}")
        require(part.ndim in axes and part.size > 0, f"{name} must be of shape {shape}, not {part.shape}")
        largest = float(np.max([np.abs(step.astype(float)).max() for step in part]))
        require(bool(np.isfinite(largest)), f"{name} hold NaN or infinite numbers")
        # Beyond, squares overflow or vanish.
        require(largest == 0 or 1e-100 < largest < 1e100, f"{name} reach {largest:.3g}: scale them to within 1e-100 to 1e100")
    steps, trials, _ = states.shape
    wanted = (steps, trials)[3 - items.ndim :]
    require(items.shape[:-1] == wanted, f"states are {states.shape}: items must begin with {wanted}, not {items.shape}")
    require(trials >= _FEWEST_TRIALS, f"{trials} trials are too few: at least {_FEWEST_TRIALS} are needed")
    require(bool(np.ptp(items.astype(float), axis=-2).max(-1).all()), "items must differ between trials, at every step")
