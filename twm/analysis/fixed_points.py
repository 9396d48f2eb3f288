"""Fixed and slow points of a map, and their stability.

With F one step of a network, q(x) = |F(x) - x|^2 / 2 is half its squared speed. Zeros of q are fixed points, whatever their
stability; other minima are slow points. Both are found from many starts at once by damped Gauss-Newton steps in float64."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from twm.errors import require, require_count

_Step = Callable[[Tensor], Tensor]
# Largest q of a fixed point; above it a point is slow.
_FIXED = 1e-20
# Largest damping; where even this step does not lower q, rounding or a minimum is reached.
_STIFF = 1e16


@dataclass(frozen=True)
class SlowPoints:
    """Distinct minima of q, the slowest first."""

    states: Tensor  # (points, hidden) float64
    speeds: Tensor  # (points,) q at each
    eigenvalues: Tensor  # (points, hidden) complex, of the step's Jacobian at each, largest magnitude first
    starts: int  # number of starts

    @property
    def fixed(self) -> Tensor:
        """(points,) bool: whether each is a fixed point, with q at most 1e-20."""
        return self.speeds <= _FIXED

    @property
    def unstable(self) -> Tensor:
        """(points,) number of eigenvalues outside the unit circle, the number of unstable directions."""
        return (self.eigenvalues.abs() > 1).sum(1)

    @property
    def types(self) -> list[str]:
        """Type of each point: stable, saddle or unstable; marginal if an eigenvalue is on the unit circle."""
        names = {0: "stable", self.eigenvalues.shape[1]: "unstable"}
        # An eigenvalue this close to the unit circle is neither inside nor outside.
        marginal = ((self.eigenvalues.abs() - 1).abs() < 1e-6).any(1).tolist()
        kinds = [names.get(count, "saddle") for count in self.unstable.tolist()]
        return ["marginal" if edge else kind for kind, edge in zip(kinds, marginal)]

    @property
    def counts(self) -> list[int]:
        """Number of fixed points with 0, 1, 2, ... unstable directions."""
        return torch.bincount(self.unstable[self.fixed], minlength=1).tolist()


def _compute_jacobians(step: _Step, states: Tensor) -> Tensor:
    """Return the Jacobians (batch, hidden, hidden) of a step at states (batch, hidden): output by input component."""
    # Rows are independent, so the derivative of the sum over the batch contains that of each.
    found = torch.autograd.functional.jacobian(lambda x: step(x).sum(0), states.detach(), vectorize=True)
    return found.transpose(0, 1)


def find_slow_points(
    step: _Step, starts: Tensor, *, slow: float = 1e-2, merge: float = 1e-4, bound: float = 10.0, iterations: int = 200,
    batch: int = 256,
) -> SlowPoints:  # fmt: skip
    """Find the fixed and slow points, with q at most ``slow``, that a descent from starts (starts, hidden) reaches.

    The step maps (batch, hidden) to the same shape, row by row, in torch. Points closer than ``merge`` count as one; those with
    a norm above ``bound`` times the starts' largest are dropped. Source: mem Sec. 2; the second-order descent is an addition."""
    starts = torch.as_tensor(starts).detach()
    require(starts.ndim == 2 and starts.numel() > 0, f"starts must be (starts, hidden), not {tuple(starts.shape)}")
    starts = starts.double()
    require(bool(torch.isfinite(starts).all()), "starts must be finite")
    require(min(slow, merge, bound) > 0, "slow, merge and bound must be positive")
    iterations, batch = require_count(iterations, "iterations"), require_count(batch, "batch")
    with torch.no_grad():
        shape, expected = tuple(step(starts[:1]).shape), (1, starts.shape[1])
    require(shape == expected, f"step must map (batch, {expected[1]}) to the same, not to {shape}")
    radius = bound * max(1.0, float(starts.norm(dim=1).max()))
    found = torch.cat([_descend(step, part, radius, iterations) for part in starts.split(batch)])
    found = found[measure_speeds(step, found) <= slow]
    found = found[_find_distinct(found, measure_speeds(step, found), merge)]
    jacobians = torch.cat([_compute_jacobians(step, part) for part in found.split(batch)])
    eigenvalues = torch.linalg.eigvals(jacobians)
    order = eigenvalues.abs().argsort(dim=1, descending=True)
    return SlowPoints(found, measure_speeds(step, found), eigenvalues.gather(1, order), len(starts))


@torch.no_grad()
def measure_speeds(step: _Step, states: Tensor) -> Tensor:
    """Return q = |F(x) - x|^2 / 2, (batch,), at states (batch, hidden). Source: mem Sec. 2."""
    return (step(states) - states).square().sum(1) / 2


def draw_starts(visited: Tensor, count: int, *, noise: float = 0.1, mix: int = 4, seed: int = 0) -> Tensor:
    """Draw starts (count, hidden): noisy mixtures of up to ``mix`` visited states (states, hidden), as saddles lie between."""
    visited = torch.as_tensor(visited).detach().double()
    require(visited.ndim == 2 and len(visited) > 0, f"visited must be (states, hidden), not {tuple(visited.shape)}")
    count, mix = require_count(count, "count"), require_count(mix, "mix")
    generator = torch.Generator().manual_seed(seed)
    picked = torch.randint(len(visited), (count, mix), generator=generator)
    shares = torch.rand(count, mix, generator=generator, dtype=torch.float64)
    among = torch.arange(mix) <= torch.randint(mix, (count, 1), generator=generator)
    # Half of the mixtures have equal weights, and so lie nearer to the symmetric points.
    shares = torch.where(torch.rand(count, 1, generator=generator) < 0.5, torch.ones_like(shares), shares) * among
    shares = shares / shares.sum(1, keepdim=True)
    # The noise is in units of the states' root mean square.
    spread = torch.randn(count, visited.shape[1], generator=generator, dtype=torch.float64)
    return (visited[picked] * shares[..., None]).sum(1) + noise * visited.square().mean().sqrt() * spread


def _descend(step: _Step, starts: Tensor, radius: float, iterations: int) -> Tensor:
    """Minimise q from each start; return the minima reached, without starts that escaped or did not converge."""
    states, damping = starts.clone(), starts.new_ones(len(starts))
    lost, settled = torch.zeros(2, len(states), dtype=torch.bool, device=states.device)
    for _ in range(iterations):
        active = (~lost & ~settled).nonzero()[:, 0]
        if not len(active):
            break
        found = _improve(step, states[active], damping[active], radius)
        for whole, part in zip((states, settled, damping, lost), found):
            whole[active] = part
    return states[settled]


def _improve(step: _Step, here: Tensor, damping: Tensor, radius: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Take one damped step per state: accept it and damp less where it lowers q, else damp more."""
    speed = measure_speeds(step, here)
    with torch.no_grad():
        gap = step(here) - here
    eye = torch.eye(here.shape[1], dtype=here.dtype, device=here.device)
    slope = _compute_jacobians(step, here) - eye
    finite = torch.isfinite(speed) & torch.isfinite(slope).all(2).all(1)
    slope, gap = torch.where(finite[:, None, None], slope, eye), torch.where(finite[:, None], gap, 0.0)
    downhill = (slope.mT @ gap[..., None])[..., 0]
    # Damping in proportion to q keeps the convergence quadratic at regular zeros.
    shift = (damping * speed).clamp(1e-300, _STIFF)[:, None, None] * eye
    factor, failed = torch.linalg.cholesky_ex(slope.mT @ slope + shift)
    change = -torch.cholesky_solve(downhill[..., None], factor)[..., 0]
    change = torch.where((failed == 0)[:, None] & torch.isfinite(change).all(1)[:, None], change, 0.0)
    after = measure_speeds(step, here + change)
    better = torch.isfinite(after) & (after < speed)
    moved = torch.where(better[:, None], here + change, here)
    gained = torch.where(better, 1 - after / speed.clamp_min(1e-300), 0.0)
    size = change.norm(dim=1) / (1 + here.norm(dim=1))
    # At a fixed point rounding stops the descent; at any other minimum, progress vanishes with the gradient.
    exact = torch.where(better, after, speed) <= _FIXED * 1e-6
    at_rest = (downhill.norm(dim=1) <= 1e-7 * speed.sqrt()) & (speed > _FIXED)
    stuck = ~better & ((damping * speed > 1e8) | (speed <= _FIXED))
    level = better & (gained < 1e-9) & (size < 1e-6)
    escaped = ~finite | (moved.norm(dim=1) > radius)
    done = finite & (exact | at_rest | stuck | level) & ~escaped
    return moved, done, torch.where(better, damping / 4, damping * 8).clamp(1e-12, _STIFF), escaped


def _find_distinct(states: Tensor, speeds: Tensor, merge: float) -> list[int]:
    """Return the indices of states that do not duplicate a slower one, slowest first."""
    kept: list[int] = []
    for number in speeds.argsort(stable=True).tolist():
        if not kept or float((states[kept] - states[number]).norm(dim=1).min()) > merge:
            kept.append(number)
    return kept
