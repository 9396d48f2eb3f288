"""The substrate: a one-way transport equation, its discretisation, and the lattice with a boundary at its start.

Activity obeys dh/dt = nu dh/dx on each of ``dim`` independent lines, so a profile keeps its form and moves towards
smaller x with speed nu: h(x, t) = h(x + nu t, 0). Euler steps on cells of width dx with time step dt depend on one
number, the Courant number c = nu dt / dx. At c = 1 they copy each cell from its right neighbour; that lattice, open at
column 0 and fed by a boundary at column history-1, is the travelling-wave memory.

Source: twm Sec. 3, Eq. (2), (3), App. A.2 Eq. (22)-(25).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from twm.errors import UserError, require, require_count
from twm.theory.systems import HDS, Boundary, apply_boundary, as_states, as_substrate, is_tensor, rollout, window_states

# ---- the transport equation and its Euler discretisation


def euler_advect(profile: Any, courant: Any, steps: int, start: Any = "open") -> Any:
    """Take upwind Euler steps of dh/dt = nu dh/dx: h_i <- h_i + c (h_(i+1) - h_i).

    The last cell's right neighbour is what enters at the start of the substrate. Nothing has to be said about the
    other end: cell 0 flows out and no cell reads it.

    Args:
        profile: (..., cells) array or tensor, cell 0 at the open end.
        courant: the Courant number c = nu dt / dx, 0 or more; a number, or an array of shape (...) with one c a line.
        steps: how many steps, 0 or more.
        start: what enters at the last cell: "open" (nothing: zeros), "periodic" (cell 0), or the entering values as
            an array that broadcasts to (steps, ...).

    Returns:
        (steps+1, ..., cells): the profile and its states after every step, same library and dtype. At c = 1 every
        step is an exact shift, for any dtype.

    Raises:
        UserError: if c is negative or not finite, does not fit the profile, is not 0 or 1 for an integer profile, or
            ``start`` is neither a word above nor an array of a fitting shape.

    Source: twm Eq. (24); Eq. (25) is c = 1.
    """
    profile = as_states(profile, "the profile", axes=1)
    require(profile.shape[-1] >= 1, "the profile must have at least one cell")
    steps = require_count(steps, "steps", 0)
    weight = _as_courant(courant, profile)
    entering = _as_entering(start, profile, steps)
    states = [profile]
    for step in range(steps):
        old = states[-1]
        last = old[..., :1] if entering is None else entering[step]
        # In floating point h + 1*(h' - h) is not always h'; the convex form is, so that c = 1 is an exact shift.
        states.append((1 - weight) * old + weight * _join([old[..., 1:], last], old))
    return sys.modules["torch"].stack(states) if is_tensor(profile) else np.stack(states)


def translate_profile(profile: Any, cells: int, start: Any = "open") -> Any:
    """Move a profile by a whole number of cells towards cell 0: the exact solution of the transport equation.

    Args:
        profile: (..., n) array or tensor.
        cells: how far, 0 or more.
        start: what enters at the last cell: "open" (zeros), "periodic", or an array that broadcasts to (cells, ...),
            the value that enters first in front.

    Returns:
        (..., n), same library and dtype.

    Raises:
        UserError: if ``cells`` is not a whole number of at least 0, or ``start`` does not fit.

    Source: twm Eq. (2), by characteristics.
    """
    profile = as_states(profile, "the profile", axes=1)
    cells = require_count(cells, "cells", 0)
    entering = _as_entering(start, profile, cells)
    if entering is None:
        cells %= profile.shape[-1]
        return _join([profile[..., cells:], profile[..., :cells]], profile)
    columns = [profile] + [entering[step] for step in range(cells)]
    return _join(columns, profile)[..., cells:]


def amplification_factor(courant: float, angle: Any) -> Any:
    """Return the factor g by which one Euler step multiplies the mode exp(i k x).

    Args:
        courant: the Courant number c.
        angle: k dx, radians a cell; a number or an array.

    Returns:
        The complex factor 1 - c + c exp(i angle), of the shape of ``angle``. The exact solution's is exp(i c angle).
        |g| <= 1 for every angle exactly when 0 <= c <= 1.

    Raises:
        UserError: if c is not a finite number.

    Source: von Neumann's analysis of twm Eq. (24).
    """
    courant = _as_finite(courant, "courant")
    return 1 - courant + courant * np.exp(1j * np.asarray(angle, dtype=np.float64))


def euler_kernel(courant: float, steps: int) -> np.ndarray:
    """Return the weights that ``steps`` Euler steps give to the cells ahead.

    One step mixes a cell and its right neighbour with the weights 1-c and c, so many steps have binomial weights:
    h_i(n) = sum_m C(n, m) c^m (1-c)^(n-m) h_(i+m)(0). Their mean is c n cells, which is the right speed for every c;
    their variance is n c (1-c), which is the numerical diffusion, and negative for c > 1.

    Args:
        courant: the Courant number c.
        steps: the number n of steps, 0 or more.

    Returns:
        (steps+1,) float64: the weight of the cell m places ahead, m = 0..steps.

    Raises:
        UserError: if c is not a finite number or ``steps`` is negative.

    Source: closed form of twm Eq. (24).
    """
    courant, steps = _as_finite(courant, "courant"), require_count(steps, "steps", 0)
    return np.array([_binomial_weight(steps, ahead, courant) for ahead in range(steps + 1)])


def numerical_diffusion(courant: float, speed: float = 1.0, spacing: float = 1.0) -> float:
    """Return the diffusion constant D that the Euler steps add to the transport equation.

    To second order in the spacing the steps solve dh/dt = nu dh/dx + D d2h/dx2.

    Args:
        courant: the Courant number c.
        speed: nu, length a time.
        spacing: dx, length.

    Returns:
        D = nu dx (1-c) / 2, length squared a time: 0 at c = 1, negative (unstable) beyond.

    Raises:
        UserError: if an argument is not a finite number.

    Source: modified equation of twm Eq. (24).
    """
    courant, speed = _as_finite(courant, "courant"), _as_finite(speed, "speed")
    return speed * _as_finite(spacing, "spacing") * (1 - courant) / 2


def measure_euler_error(
    profile: Callable[[np.ndarray], Any], cells: int, courant: float, distance: float = 0.5
) -> float:
    """Measure the error of Euler steps against the translating profile, on a ring of length 1.

    Args:
        profile: callable from positions (cells,) in [0, 1) to values; period 1.
        cells: number of cells, 2 or more; the spacing is 1/cells.
        courant: the Courant number c, above 0.
        distance: how far the profile travels, in lengths of the ring, above 0; rounded to whole steps.

    Returns:
        The largest difference from the exact solution, divided by its largest magnitude. Where the profile has moved by
        a whole number of cells the exact solution is a shift, so the error at c = 1 is exactly 0.

    Raises:
        UserError: if ``cells`` is below 2, or ``courant`` or ``distance`` is not a finite number above 0.

    Source: twm Eq. (2), (24).
    """
    cells = require_count(cells, "cells", 2)
    courant, distance = _as_finite(courant, "courant"), _as_finite(distance, "distance")
    require(courant > 0 and distance > 0, f"courant and distance must be above 0, not {courant} and {distance}")
    steps = max(1, round(distance * cells / courant))
    x, moved = np.arange(cells) / cells, courant * steps
    start = np.asarray(profile(x), dtype=np.float64)
    if abs(moved - round(moved)) < 1e-9:
        exact = translate_profile(start, round(moved), "periodic")
    else:
        exact = np.asarray(profile((x + moved / cells) % 1.0), dtype=np.float64)
    return _relative_difference(euler_advect(start, courant, steps, "periodic")[-1], exact)


# ---- the lattice


def step_lattice(substrate: Any, boundary: Boundary | None) -> Any:
    """Move every wave by one column and let the boundary write the newest column.

    new[..., i, :] = old[..., i+1, :] for i < history-1, and new[..., history-1, :] = boundary(old). What was in
    column 0 has left: the end is open, so nothing is reflected.

    Args:
        substrate: (..., history, dim) array or tensor, column 0 the oldest.
        boundary: callable from (..., history, dim) to (..., dim), dtype kept; ``None`` leaves the start open too, so
            zeros enter.

    Returns:
        (..., history, dim), same library and dtype.

    Raises:
        UserError: if the substrate has fewer than two axes, or the boundary returns another shape or dtype.

    Source: twm Eq. (3), with h_(i+1)j on its right side (see the page on errata).
    """
    substrate = as_states(substrate, "the substrate", axes=2)
    require(min(substrate.shape[-2:]) >= 1, f"the substrate must have columns, not the shape {tuple(substrate.shape)}")
    if boundary is None:
        newest = substrate[..., -1, :] * 0
    else:
        require(callable(boundary), f"the boundary must be callable or None, not {type(boundary).__name__}")
        newest = apply_boundary(boundary, substrate)
    return _push_column(substrate, newest)


def simulate_wave(substrate: Any, boundary: Boundary | None, steps: int, inputs: Any = None) -> Any:
    """Run the lattice.

    Args:
        substrate: (..., history, dim) array or tensor, column 0 the oldest.
        boundary: callable from (..., history, dim) to (..., dim), or ``None`` for a start that is open too.
        steps: how many steps, 0 or more.
        inputs: (time, ..., dim) states that enter in place of the boundary in the first ``time`` steps (the input
            phase), at most ``steps`` of them; ``None`` for no input phase.

    Returns:
        (steps+1, ..., history, dim): the substrate and its states after every step.

    Raises:
        UserError: as :func:`step_lattice`; if there are more inputs than steps, or their shape or dtype does not fit.

    Source: twm Eq. (3), Theorem 3.1.
    """
    substrate = as_states(substrate, "the substrate", axes=2)
    steps = require_count(steps, "steps", 0)
    inputs = [] if inputs is None else _as_inputs(inputs, substrate, steps)
    states = [substrate]
    for step in range(steps):
        old = states[-1]
        states.append(_push_column(old, inputs[step]) if step < len(inputs) else step_lattice(old, boundary))
    return sys.modules["torch"].stack(states) if is_tensor(substrate) else np.stack(states)


def measure_transport_error(trajectory: Any) -> float:
    """Measure how far a trajectory of a substrate is from a wave moving one column a step.

    Args:
        trajectory: (time, ..., history, dim) with at least two times and two columns.

    Returns:
        The largest |h_i(t+1) - h_(i+1)(t)|, divided by the largest magnitude in the trajectory: exactly 0 for a wave,
        of order 1 for noise or for a wave that runs the other way.

    Raises:
        UserError: if there are fewer than two times or two columns.

    Source: twm Eq. (25).
    """
    values = as_states(trajectory, "the trajectory", axes=3)
    require(
        values.shape[0] >= 2 and values.shape[-2] >= 2,
        f"a wave needs at least two times and two columns, not the shape {tuple(values.shape)}",
    )
    return _relative_difference(values[1:, ..., :-1, :], values[:-1, ..., 1:, :])


def measure_theorem_error(hds: HDS, initial: Any, steps: int, boundary: Boundary | None = None) -> float:
    """Compare the lattice with the system it is to represent.

    The substrate starts as the initial states. The claim is that after t steps it is the window of states
    t..t+history-1 of the system's own recursion, and so its newest column is the system's last state.

    Args:
        hds: the system.
        initial: (..., history, dim) initial states.
        steps: how many steps, 1 or more.
        boundary: the boundary of the lattice; the system's own if not given (another one serves as a control).

    Returns:
        The largest difference between the substrate and the window over all steps, divided by the largest magnitude.

    Raises:
        UserError: if the initial states do not fit, ``steps`` is below 1, or a boundary returns another shape or dtype.

    Source: twm Theorem 3.1.
    """
    initial = as_substrate(initial, hds.history, hds.dim, "the initial states")
    steps = require_count(steps, "steps")
    windows = window_states(rollout(hds, initial, steps), hds.history)
    waves = simulate_wave(initial, hds.boundary if boundary is None else boundary, steps)
    return _relative_difference(waves, windows)


# ---- private


def _join(parts: list[Any], like: Any) -> Any:
    return sys.modules["torch"].cat(parts, -1) if is_tensor(like) else np.concatenate(parts, axis=-1)


def _push_column(substrate: Any, newest: Any) -> Any:
    if is_tensor(substrate):
        return sys.modules["torch"].cat([substrate[..., 1:, :], newest[..., None, :]], -2)
    return np.concatenate([substrate[..., 1:, :], newest[..., None, :]], axis=-2)


def _relative_difference(left: Any, right: Any) -> float:
    largest = max(abs(left).max(), abs(right).max())
    # An exact zero is told apart first: objects may be too large for a float, and a zero trajectory has no scale.
    difference = abs(left - right).max()
    return 0.0 if difference == 0 else float(difference / largest)


def _binomial_weight(steps: int, ahead: int, courant: float) -> float:
    behind = steps - ahead
    if (courant == 0 and ahead) or (courant == 1 and behind):
        return 0.0
    # By logarithms, because the binomial coefficient alone leaves float64 beyond some thousand steps.
    size = math.lgamma(steps + 1) - math.lgamma(ahead + 1) - math.lgamma(behind + 1)
    size += ahead * math.log(abs(courant)) if ahead else 0.0
    size += behind * math.log(abs(1 - courant)) if behind else 0.0
    negative = (courant < 0 and ahead % 2 == 1) != (courant > 1 and behind % 2 == 1)
    return -math.exp(size) if negative else math.exp(size)


def _as_finite(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    require(math.isfinite(number), f"{name} must be a finite number, not {value!r}")
    return number


def _as_courant(courant: Any, profile: Any) -> Any:
    """Return c as a number, or as an array or tensor (..., 1) that fits the profile's dtype."""
    values = courant.detach().cpu().numpy() if is_tensor(courant) else np.asarray(courant)
    require(values.dtype.kind in "ifO", f"the Courant number must be a real number, not {courant!r}")
    try:
        low, high = float(values.min()), float(values.max())
    except (TypeError, ValueError, OverflowError):
        low = high = math.nan
    require(
        math.isfinite(low) and math.isfinite(high) and low >= 0,
        f"the Courant number must be finite and at least 0, because a wave that moves backwards is not upwind: {courant!r}",
    )
    fixed = not is_tensor(profile) and profile.dtype.kind == "i"
    fixed = fixed or (is_tensor(profile) and not (profile.is_floating_point() or profile.is_complex()))
    if fixed:
        whole = all(value in (0, 1) for value in values.flat)
        require(whole, f"an integer profile needs a Courant number of 0 or 1, not {courant!r}")
    if values.ndim == 0:
        return int(values) if fixed else values.item()
    shape = tuple(profile.shape[:-1])
    require(values.shape == shape, f"the Courant numbers must have the shape {shape} of the lines, not {values.shape}")
    if is_tensor(profile):
        return profile.new_tensor(values.tolist())[..., None]
    return values.astype(profile.dtype)[..., None]


def _as_entering(start: Any, profile: Any, steps: int) -> Any:
    """Return what enters at each step as a column, (steps, ..., 1), or None for periodic ends."""
    shape = (steps, *profile.shape[:-1])
    if isinstance(start, str):
        require(start in ("open", "periodic"), f"start must be 'open', 'periodic' or an array, not {start!r}")
        if start == "periodic":
            return None
        return [profile[..., :1] * 0] * steps
    entering = as_states(start, "start", axes=1)
    try:
        if is_tensor(profile):
            entering = sys.modules["torch"].as_tensor(entering, dtype=profile.dtype, device=profile.device)
            return entering.expand(shape)[..., None]
        return np.broadcast_to(entering.astype(profile.dtype), shape)[..., None]
    except (ValueError, RuntimeError):
        raise UserError(f"start must broadcast to (steps, ...) = {shape}, not {tuple(entering.shape)}") from None


def _as_inputs(inputs: Any, substrate: Any, steps: int) -> Any:
    inputs = as_states(inputs, "the inputs", axes=2)
    shape = (*substrate.shape[:-2], substrate.shape[-1])
    require(
        tuple(inputs.shape[1:]) == tuple(shape),
        f"the inputs must have shape (time, ..., dim) = (time, {', '.join(map(str, shape))}), not {tuple(inputs.shape)}",
    )
    require(len(inputs) <= steps, f"there are {len(inputs)} inputs but only {steps} steps")
    require(
        is_tensor(inputs) == is_tensor(substrate) and inputs.dtype == substrate.dtype,
        f"the inputs must be of the substrate's type and dtype {substrate.dtype}, not {inputs.dtype}",
    )
    return inputs
