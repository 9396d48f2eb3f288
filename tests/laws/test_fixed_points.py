"""Slow points: maps whose fixed points and types are known in closed form."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from tests.conftest import refusals
from twm.analysis.fixed_points import draw_starts, find_slow_points, measure_speeds


def draw(count: int, size: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, size, generator=generator, dtype=torch.float64)


def find_root(gain: float) -> float:
    """The positive root of x = tanh(gain x)."""
    return brentq(lambda x: np.tanh(gain * x) - x, 1e-6, 1.0, xtol=1e-15)


def test_an_affine_map_has_one_point_of_a_known_type():
    values = torch.tensor([0.5, -0.9, 1.5, -2.0], dtype=torch.float64)
    frame = draw(4, 4, seed=1)
    matrix, shift = frame @ torch.diag(values) @ torch.linalg.inv(frame), draw(1, 4, seed=2)[0]
    found = find_slow_points(lambda x: x @ matrix.T + shift, draw(20, 4))
    expected = torch.linalg.solve(torch.eye(4, dtype=torch.float64) - matrix, shift)
    assert len(found.states) == 1 and torch.allclose(found.states[0], expected, atol=1e-9)
    assert found.types == ["saddle"] and found.unstable.tolist() == [2]
    assert torch.allclose(found.eigenvalues[0].real, torch.tensor([-2.0, 1.5, -0.9, 0.5], dtype=torch.float64))


@pytest.mark.parametrize(("gain", "types"), [(0.7, ["stable"]), (1.6, ["stable", "stable", "unstable"])])
def test_the_pitchfork(gain: float, types: list[str]):
    found = find_slow_points(lambda x: torch.tanh(gain * x), torch.linspace(-1, 1, 41)[:, None])
    states, root = found.states[:, 0].numpy(), find_root(gain) if gain > 1 else 0
    assert sorted(found.types) == types and bool(found.fixed.all())
    assert np.allclose(sorted(states), np.unique([-root, 0, root]), atol=1e-9)
    assert np.allclose(found.eigenvalues[:, 0].real, gain * (1 - np.tanh(gain * states) ** 2), atol=1e-8)


def test_a_bifurcation_is_marginal_not_stable():
    # At the threshold itself the only fixed point attracts, but slower than any power of a number below one.
    assert find_slow_points(torch.tanh, torch.zeros(1, 1)).types == ["marginal"]


def test_a_constructed_three_bit_memory_is_a_cube_with_its_edges_faces_and_centre():
    # Three independent bits in orthogonal directions of a larger network: 3^3 fixed points, known in advance.
    frame, root = torch.linalg.qr(draw(12, 12, seed=3))[0], find_root(1.8)

    def step(states: torch.Tensor) -> torch.Tensor:
        inner = states @ frame
        return torch.cat([torch.tanh(1.8 * inner[:, :3]), 0.5 * torch.tanh(inner[:, 3:])], 1) @ frame.T

    found = find_slow_points(step, draw(400, 12, scale=0.5))
    assert found.counts == [8, 12, 6, 1] and float(measure_speeds(step, found.states).max()) < 1e-20
    corners = np.array(list(product([-root, 0, root], repeat=3)))
    inner = (found.states @ frame).numpy()
    distances = np.linalg.norm(inner[:, None, :3] - corners[None], axis=2)
    assert np.abs(inner[:, 3:]).max() < 1e-8 and distances.min(axis=0).max() < 1e-8
    zeros = (np.abs(corners[distances.argmin(axis=1)]) < 1e-9).sum(axis=1)
    assert zeros.tolist() == found.unstable.tolist()


def test_maps_without_fixed_points_say_so_and_leave_no_nan():
    found = find_slow_points(lambda x: x + 1.0, draw(10, 2))
    assert len(found.states) == 0 and found.counts == [0]
    explodes = find_slow_points(lambda x: torch.exp(x) + 5.0, draw(10, 3, scale=5.0), iterations=50)
    assert bool(torch.isfinite(explodes.states).all()) and not bool(explodes.fixed.any())


def test_past_a_fold_the_point_is_slow_and_not_fixed():
    fold = np.sqrt(0.5)
    shift = 2 * fold - np.arctanh(fold) + 0.02
    found = find_slow_points(lambda x: torch.tanh(2 * x + shift), torch.linspace(-1, 1, 21)[:, None])
    assert found.fixed.tolist() == [True, False]
    assert 1e-6 < float(found.speeds[1]) < 1e-3 and float(found.states[1, 0]) == pytest.approx(-fold, abs=0.05)


def test_duplicates_are_merged_and_neighbours_are_not():
    step = lambda x: x - 0.1 * (x - 1.0) * (x - 1.01) * (x + 1.0)
    starts = torch.linspace(-1.2, 1.2, 60, dtype=torch.float64)[:, None]
    assert [int(find_slow_points(step, starts, merge=near).fixed.sum()) for near in (1e-4, 0.1)] == [3, 2]


def test_starts_lie_where_the_network_was_and_follow_their_seed():
    visited = draw(50, 6, seed=7)
    first, again, other = (draw_starts(visited, 100, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    bare = draw_starts(visited, 100, noise=0.0, mix=1)
    assert all(bool((visited == state).all(1).any()) for state in bare)


def find(step=lambda x: 0.5 * x, starts=torch.ones(1, 2), **options):
    return find_slow_points(step, starts, **options)


test_wrong_arguments_are_told_in_a_line = refusals(
    (lambda: find(starts=torch.zeros(3)), "starts, hidden"), (lambda: find(starts=torch.full((1, 2), torch.nan)), "finite"),
    (lambda: find(merge=0.0), "merge"), (lambda: find(iterations=0), "iterations"),
    (lambda: find(lambda x: x[:, :1]), "step must map"),
)  # fmt: skip
