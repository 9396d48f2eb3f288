"""What is inside a flip-flop network: corners and saddles, oscillations, and the line on which pulses travel.

NumPy in float64 around a network's three matrices; a state is a row of a (..., hidden) array.
"""

from twm.flip_flop.corners import (
    POINT_COLUMNS,
    POINT_TABLE,
    Resting,
    describe_points,
    find_network_points,
    find_resting,
    fit_cube,
    read_points,
    record_points,
)
from twm.flip_flop.delay_line import DelayLine, WrittenPulses, fit_delay_line, write_pulses
from twm.flip_flop.oscillations import (
    Oscillation,
    analyse_oscillation,
    average_switches,
    make_travelling_step,
    measure_angles,
    send_switches,
    split_spectrum,
)
from twm.flip_flop.runs import FlipFlopRun, read_flip_flop, run_freely, run_network

__all__ = [
    "POINT_COLUMNS",
    "POINT_TABLE",
    "DelayLine",
    "FlipFlopRun",
    "Oscillation",
    "Resting",
    "WrittenPulses",
    "analyse_oscillation",
    "average_switches",
    "describe_points",
    "find_network_points",
    "find_resting",
    "fit_cube",
    "fit_delay_line",
    "make_travelling_step",
    "measure_angles",
    "read_flip_flop",
    "read_points",
    "record_points",
    "run_freely",
    "run_network",
    "send_switches",
    "split_spectrum",
    "write_pulses",
]
