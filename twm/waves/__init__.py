"""Waves: the substrate on which they travel, and how they show in recorded activity.

:mod:`twm.waves.lattice` has the transport equation, its Euler discretisation and the lattice with a boundary;
:mod:`twm.waves.activity` has waves on a ring, their spectra and speeds, and what can be read from them.
"""

from twm.waves.activity import (
    OnsetReading,
    convolve_ring,
    make_ring_matrix,
    measure_activity_spectrum,
    measure_line_share,
    measure_speed,
    read_onsets,
    sort_by_peak,
)
from twm.waves.lattice import (
    amplification_factor,
    euler_advect,
    euler_kernel,
    measure_euler_error,
    measure_theorem_error,
    measure_transport_error,
    numerical_diffusion,
    simulate_wave,
    step_lattice,
    translate_profile,
)

__all__ = [
    "OnsetReading",
    "amplification_factor",
    "convolve_ring",
    "euler_advect",
    "euler_kernel",
    "make_ring_matrix",
    "measure_activity_spectrum",
    "measure_euler_error",
    "measure_line_share",
    "measure_speed",
    "measure_theorem_error",
    "measure_transport_error",
    "numerical_diffusion",
    "read_onsets",
    "simulate_wave",
    "sort_by_peak",
    "step_lattice",
    "translate_profile",
]
