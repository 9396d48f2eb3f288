"""Slow points of a map: where a network stands still, where it almost does, and what happens around.

With F one step of a network, q(x) = |F(x) - x|^2 / 2 is its squared speed. Zeros of q are fixed points, whatever their
type; other minima of q are slow points. Both are found from many starts at once by damped Gauss-Newton steps, which
near a zero converge quadratically, in float64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from twm.errors import require, require_count

Step = Callable[[Tensor], Tensor]
#: Largest q of a fixed point; above it a point is slow.
FIXED = 1e-20
# An eigenvalue this close to the unit circle is neither inside nor outside.
_MARGIN = 1e-6
# Damping beyond which no step can be found that lowers q: rounding, or a minimum.
_STIFF = 1e16


@dataclass(frozen=True)
class SlowPoints:
    """Distinct minima of q, the slowest first.

    Attributes:
        states: (points, hidden) float64.
        speeds: (points,) q at each.
        jacobians: (points, hidden, hidden) of the step, at each.
        eigenvalues: (points, hidden) complex, of the Jacobians, largest magnitude first.
        starts: how many starts there were.
        runaways: how many of them left every bound, or came where the step is not finite.
        unsettled: how many neither ran away nor came to a minimum in the iterations allowed.
        merged: how many came to a point that another had reached.
        too_fast: how many came to a minimum that is faster than asked for.
    """

    states: Tensor
    speeds: Tensor
    jacobians: Tensor
    eigenvalues: Tensor
    starts: int
    runaways: int
    unsettled: int
    merged: int
    too_fast: int

    def __len__(self) -> int:
        return len(self.states)

    @property
    def fixed(self) -> Tensor:
        """(points,) bool: whether q is at most :data:`FIXED`."""
        return self.speeds <= FIXED

    @property
    def unstable(self) -> Tensor:
        """(points,) number of eigenvalues outside the unit circle: directions in which the map leaves."""
        return (self.eigenvalues.abs() > 1).sum(1)

    @property
    def types(self) -> list[str]:
        """Type of each point: stable, saddle or unstable; marginal if an eigenvalue is on the unit circle."""
        magnitudes = self.eigenvalues.abs()
        marginal = ((magnitudes - 1).abs() < _MARGIN).any(1).tolist()
        names = []
        for count, edge in zip(self.unstable.tolist(), marginal):
            kind = "stable" if count == 0 else "unstable" if count == magnitudes.shape[1] else "saddle"
            names.append("marginal" if edge else kind)
        return names

    def select(self, chosen: Tensor) -> "SlowPoints":
        """Return only the points that are chosen, by a (points,) mask or by numbers."""
        parts = (self.states, self.speeds, self.jacobians, self.eigenvalues)
        counts = (self.starts, self.runaways, self.unsettled, self.merged, self.too_fast)
        return SlowPoints(*(part[chosen] for part in parts), *counts)

    def count_by_unstable(self) -> dict[int, int]:
        """Return how many fixed points there are with each number of unstable directions."""
        found = self.unstable[self.fixed].tolist()
        return {number: found.count(number) for number in sorted(set(found))}


def compute_jacobians(step: Step, states: Tensor) -> Tensor:
    """Compute the Jacobian of a step at many states.

    Args:
        step: from (batch, hidden) to (batch, hidden), each row by itself.
        states: (batch, hidden).

    Returns:
        (batch, hidden, hidden): entry [b, i, j] is the derivative of component i of the step by component j.
    """
    with torch.enable_grad():
        leaf = states.detach().clone().requires_grad_()
        moved = step(leaf)
        if not moved.requires_grad:
            # A constant map knows nothing of its argument.
            return states.new_zeros(*states.shape, states.shape[1])
        count = states.shape[1]
        rows = torch.eye(count, dtype=states.dtype, device=states.device)[:, None].expand(-1, len(states), -1)
        (found,) = torch.autograd.grad(moved, leaf, rows, is_grads_batched=True)
    return found.transpose(0, 1).detach()


def find_slow_points(
    step: Step,
    starts: Tensor,
    *,
    slow: float = 1e-2,
    merge: float = 1e-4,
    bound: float = 10.0,
    iterations: int = 200,
    batch: int = 256,
) -> SlowPoints:
    """Find the fixed and slow points that many starts lead to.

    Args:
        step: one step of the map, from (batch, hidden) to (batch, hidden), each row by itself, in torch operations that
            have a gradient; called with float64.
        starts: (starts, hidden); see :func:`draw_starts`.
        slow: largest q of a point that is returned.
        merge: points closer than this are one.
        bound: a point farther from the origin than this many times the farthest start has run away.
        iterations: at most, for a start.
        batch: starts that are followed side by side.

    Returns:
        the distinct points, slowest first; none where the map has none.

    Raises:
        UserError: if the starts are not a matrix of finite numbers, a number is out of range, or the step changes the
            shape.

    Source: mem Sec. 2; minimising q by its second-order information instead of by gradient descent is an addition.
    """
    starts = torch.as_tensor(starts).detach()
    require(starts.ndim == 2 and starts.numel() > 0, f"starts must be (starts, hidden), not {tuple(starts.shape)}")
    starts = starts.double()
    require(bool(torch.isfinite(starts).all()), "starts must be finite")
    for name, value in (("slow", slow), ("merge", merge), ("bound", bound)):
        require(value > 0, f"{name} must be positive, not {value!r}")
    iterations, batch = require_count(iterations, "iterations"), require_count(batch, "batch")
    with torch.no_grad():
        shape = tuple(step(starts[:1]).shape)
    require(shape == (1, starts.shape[1]), f"step must map (batch, {starts.shape[1]}) to the same, not to {shape}")
    radius = bound * max(1.0, float(starts.norm(dim=1).max()))
    states, lost, settled = (
        torch.cat(parts) for parts in zip(*(_descend(step, part, radius, iterations) for part in starts.split(batch)))
    )
    kept = states[settled]
    speeds = measure_speeds(step, kept)
    enough = speeds <= slow
    chosen = _find_distinct(kept[enough], speeds[enough], merge)
    final, speeds = kept[enough][chosen], speeds[enough][chosen]
    jacobians = torch.cat([compute_jacobians(step, part) for part in final.split(batch)]) if len(final) else None
    if jacobians is None:
        jacobians = final.new_zeros(0, starts.shape[1], starts.shape[1])
    eigenvalues = torch.linalg.eigvals(jacobians)
    order = eigenvalues.abs().argsort(dim=1, descending=True)
    counts = {
        "starts": len(starts),
        "runaways": int(lost.sum()),
        "unsettled": int((~lost & ~settled).sum()),
        "merged": int(enough.sum()) - len(final),
        "too_fast": int((~enough).sum()),
    }
    return SlowPoints(final, speeds, jacobians, eigenvalues.gather(1, order), **counts)


def measure_speeds(step: Step, states: Tensor) -> Tensor:
    """Measure q = |F(x) - x|^2 / 2 at states (batch, hidden); returns (batch,). Source: mem Sec. 2."""
    with torch.no_grad():
        return (step(states) - states).square().sum(1) / 2


def draw_starts(
    visited: Tensor, count: int, *, noise: float = 0.1, mix: int = 4, seed: int | torch.Generator = 0
) -> Tensor:
    """Draw starts from where a network has been.

    Saddles lie between the states that a network rests in, where it hardly ever is. So a start is a random mixture of up
    to ``mix`` visited states, with noise.

    Args:
        visited: (states, hidden).
        count: how many starts.
        noise: standard deviation of the noise, in units of the visited states' root mean square.
        mix: largest number of states in a mixture.
        seed: seed, or a CPU generator, which is advanced.

    Returns:
        (count, hidden) float64.

    Raises:
        UserError: if a number is out of range or there is no visited state.
    """
    visited = torch.as_tensor(visited).detach().double()
    require(visited.ndim == 2 and len(visited) > 0, f"visited must be (states, hidden), not {tuple(visited.shape)}")
    count, mix = require_count(count, "count"), require_count(mix, "mix")
    require(noise >= 0, f"noise must be at least 0, not {noise!r}")
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(int(seed))
    picked = torch.randint(len(visited), (count, mix), generator=generator)
    shares = torch.rand(count, mix, generator=generator, dtype=torch.float64)
    among = torch.arange(mix) <= torch.randint(mix, (count, 1), generator=generator)
    # Half of the mixtures are even ones, which lie nearer to the symmetric points.
    shares = torch.where(torch.rand(count, 1, generator=generator) < 0.5, torch.ones_like(shares), shares) * among
    shares = shares / shares.sum(1, keepdim=True)
    scale = noise * visited.square().mean().sqrt()
    spread = torch.randn(count, visited.shape[1], generator=generator, dtype=torch.float64)
    return (visited[picked] * shares[..., None]).sum(1) + scale * spread


# ---- following starts


def _descend(step: Step, starts: Tensor, radius: float, iterations: int) -> tuple[Tensor, Tensor, Tensor]:
    """Follow starts down q; return where they came to, which ran away, and which came to a minimum."""
    states = starts.clone()
    lost = torch.zeros(len(states), dtype=torch.bool, device=states.device)
    settled = lost.clone()
    damping = states.new_ones(len(states))
    for _ in range(iterations):
        active = (~lost & ~settled).nonzero()[:, 0]
        if not len(active):
            break
        here = states[active]
        moved, done, factor, escaped = _improve(step, here, damping[active], radius)
        states[active], damping[active] = moved, factor
        settled[active], lost[active] = done, escaped
    return states, lost, settled


def _improve(step: Step, here: Tensor, damping: Tensor, radius: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Make one damped step for each state: keep it where it lowers q, damp more where it does not."""
    with torch.no_grad():
        gap = step(here) - here
    speed = gap.square().sum(1) / 2
    eye = torch.eye(here.shape[1], dtype=here.dtype, device=here.device)
    slope = compute_jacobians(step, here) - eye
    finite = torch.isfinite(speed) & torch.isfinite(slope).all(2).all(1)
    slope, gap = torch.where(finite[:, None, None], slope, eye), torch.where(finite[:, None], gap, 0.0)
    downhill = (slope.mT @ gap[..., None])[..., 0]
    # Damping in proportion to q keeps the convergence quadratic at regular zeros.
    shift = (damping * speed).clamp(1e-300, _STIFF)[:, None, None] * eye
    factor, failed = torch.linalg.cholesky_ex(slope.mT @ slope + shift)
    change = -torch.cholesky_solve(downhill[..., None], factor)[..., 0]
    change = torch.where((failed == 0)[:, None] & torch.isfinite(change).all(1)[:, None], change, 0.0)
    with torch.no_grad():
        trial = here + change
        after = (step(trial) - trial).square().sum(1) / 2
    better = torch.isfinite(after) & (after < speed)
    moved = torch.where(better[:, None], trial, here)
    gained = torch.where(better, 1 - after / speed.clamp_min(1e-300), 0.0)
    size = change.norm(dim=1) / (1 + here.norm(dim=1))
    # At a fixed point rounding stops the descent; at a minimum that is none, progress dies out with the gradient.
    exact = torch.where(better, after, speed) <= FIXED * 1e-6
    at_rest = (downhill.norm(dim=1) <= 1e-7 * speed.sqrt()) & (speed > FIXED)
    stuck = ~better & ((damping * speed > 1e8) | (speed <= FIXED))
    level = better & (gained < 1e-9) & (size < 1e-6)
    done = finite & (exact | at_rest | stuck | level)
    new = torch.where(better, damping / 4, damping * 8).clamp(1e-12, _STIFF)
    escaped = ~finite | (moved.norm(dim=1) > radius)
    return moved, done & ~escaped, new, escaped


def _find_distinct(states: Tensor, speeds: Tensor, merge: float) -> Tensor:
    """Return the numbers of states that are no duplicate of a slower one, slowest first."""
    kept: list[int] = []
    order: Sequence[int] = speeds.argsort(stable=True).tolist()
    for number in order:
        if not kept or float((states[kept] - states[number]).norm(dim=1).min()) > merge:
            kept.append(number)
    return torch.tensor(kept, dtype=torch.long, device=states.device)
