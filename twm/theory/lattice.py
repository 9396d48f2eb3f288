"""The substrate: a one-way transport equation, its discretisation, and the lattice with a boundary at its start.

Profiles move towards smaller x, h(x, t) = h(x + nu t, 0). Euler steps depend on the Courant number c = nu dt/dx alone;
at c = 1 they copy each cell from its right neighbour. Source: twm Sec. 3, Eq. (2), (3), App. A.2 Eq. (22)-(25)."""

from collections.abc import Callable
from typing import Any

import numpy as np

from twm.errors import UserError, require, require_count
from twm.theory.systems import apply_boundary, as_array, stack_arrays

# ---- the transport equation and its Euler discretisation


def euler_advect(profile: Any, courant: float, steps: int, start: Any = "open") -> np.ndarray:
    """Take upwind Euler steps h_i <- h_i + c (h_(i+1) - h_i): states (steps + 1, ..., cells). Source: twm Eq. (24).
    ``start`` enters at the last cell: "open" (zeros), "periodic" (cell 0), or values for (steps, ...)."""
    c, h = courant, [np.asarray(profile)]
    require(0 <= c < np.inf, f"the Courant number must be finite and at least 0, so that steps are upwind, not {c!r}")
    entering = _read_start(start, h[0], require_count(steps, "steps", 0))
    for step in range(steps):
        last = h[-1][..., :1] if entering is None else entering[step]
        ahead = np.concatenate([h[-1][..., 1:], last], axis=-1)
        # In floating point h + 1*(h' - h) is not always h'; the convex form is, so that c = 1 is an exact shift.
        h.append((1 - c) * h[-1] + c * ahead)
    return np.stack(h)


def translate_profile(profile: Any, cells: int, start: Any = "open") -> np.ndarray:
    """Move a profile (..., n) by whole cells towards cell 0, ``start`` as in ``euler_advect``. Source: twm Eq. (2)."""
    h, cells = np.asarray(profile), require_count(cells, "cells", 0)
    entering = _read_start(start, h, cells)
    return np.roll(h, -cells, axis=-1) if entering is None else np.concatenate([h, *entering], axis=-1)[..., cells:]


def amplification_factor(courant: float, angle: Any) -> np.ndarray:
    """Return the factor 1 - c + c exp(i k dx) of the mode exp(i k x) in one Euler step, k dx = ``angle`` in radians.
    No mode grows exactly when 0 <= c <= 1. Source: von Neumann on twm Eq. (24)."""
    return 1 - courant + courant * np.exp(1j * np.asarray(angle))


def numerical_diffusion(courant: float, speed: float = 1.0, spacing: float = 1.0) -> float:
    """Return D = nu dx (1-c) / 2: to second order in dx Euler steps solve dh/dt = nu dh/dx + D d2h/dx2.
    It is 0 at c = 1, and negative (unstable) above. Source: modified equation of twm Eq. (24)."""
    return speed * spacing * (1 - courant) / 2


def measure_euler_error(profile: Callable, cells: int, courant: float, distance: float = 0.5) -> float:
    """Measure the error of Euler steps on a ring of length 1 for a ``profile`` of positions in [0, 1), after
    ``distance`` in whole steps, relative to the largest magnitude of both solutions. Source: twm Eq. (2), (24)."""
    cells = require_count(cells, "cells", 2)
    require(courant > 0 and distance > 0, f"courant and distance must be above 0, not {courant} and {distance}")
    steps = max(1, round(distance * cells / courant))
    x, moved = np.arange(cells) / cells, courant * steps
    start = np.asarray(profile(x), dtype=float)
    if abs(moved - round(moved)) < 1e-9:
        # A shift by whole cells, so that the error at c = 1 is exactly 0.
        exact = translate_profile(start, round(moved), "periodic")
    else:
        exact = np.asarray(profile((x + moved / cells) % 1.0), dtype=float)
    return _relative_difference(euler_advect(start, courant, steps, "periodic")[-1], exact)


# ---- the lattice


def step_lattice(substrate: Any, boundary: Callable[[Any], Any] | None) -> Any:
    """Take one step of (..., s, d): new_i = old_(i+1) for i < s, and new_s = f(old), or zeros without a boundary.
    Source: twm Eq. (3), with h_(i+1)j on its right side (see the page on errata)."""
    h = as_array(substrate)
    return _push_column(h, 0 if boundary is None else apply_boundary(boundary, h))


def simulate_wave(substrate: Any, boundary: Callable[[Any], Any] | None, steps: int, inputs: Any = None) -> Any:
    """Run the lattice from (..., s, d); return its states (steps + 1, ..., s, d). During the input phase, ``inputs``
    (time, ..., d) enter instead of the boundary's states. Source: twm Eq. (3), Theorem 3.1."""
    h, steps = [as_array(substrate)], require_count(steps, "steps", 0)
    require(h[0].ndim >= 2, f"the substrate must be (..., history, dim), not of shape {tuple(h[0].shape)}")
    inputs = [] if inputs is None else _check_inputs(inputs, h[0], steps)
    for step in range(steps):
        h.append(_push_column(h[-1], inputs[step]) if step < len(inputs) else step_lattice(h[-1], boundary))
    return stack_arrays(h, 0)


def measure_transport_error(trajectory: Any) -> float:
    """Measure how far (time, ..., s, d) is from a wave of one column per step: 0 for a wave, of order 1 for noise; Eq. (25)."""
    h = as_array(trajectory)
    fits = h.ndim >= 3 and min(h.shape[0], h.shape[-2]) >= 2
    require(fits, f"a wave needs at least two times and two columns, not the shape {tuple(h.shape)}")
    return _relative_difference(h[1:, ..., :-1, :], h[:-1, ..., 1:, :])


# ---- private


def _push_column(substrate: Any, newest: Any) -> Any:
    h = substrate.roll(-1, -2) if hasattr(substrate, "new_tensor") else np.roll(substrate, -1, axis=-2)
    h[..., -1, :] = newest
    return h


def _relative_difference(left: Any, right: Any) -> float:
    # An exact zero is handled first: integers may be too large for a float, and a zero trajectory has no scale.
    difference = abs(left - right).max()
    return 0.0 if difference == 0 else float(difference / max(abs(left).max(), abs(right).max()))


def _read_start(start: Any, profile: np.ndarray, steps: int) -> Any:
    """Return the values that enter at each step, as columns (steps, ..., 1), or None for periodic ends."""
    if isinstance(start, str):
        require(start in ("open", "periodic"), f"start must be 'open', 'periodic' or an array, not {start!r}")
        return None if start == "periodic" else [profile[..., :1] * 0] * steps
    shape = (steps, *profile.shape[:-1])
    try:
        return np.broadcast_to(np.asarray(start), shape)[..., None]
    except ValueError:
        raise UserError(f"start must broadcast to (steps, ...) = {shape}, not {np.shape(start)}") from None


def _check_inputs(inputs: Any, substrate: Any, steps: int) -> Any:
    inputs, shape = as_array(inputs), (*substrate.shape[:-2], substrate.shape[-1])
    fits = tuple(inputs.shape[1:]) == shape and inputs.dtype == substrate.dtype
    found = f"{tuple(inputs.shape)} {inputs.dtype}"
    require(fits, f"the inputs must be of shape and dtype (time, {str(shape)[1:]} {substrate.dtype}, not {found}")
    require(len(inputs) <= steps, f"there are {len(inputs)} inputs but only {steps} steps")
    return inputs
