"""Speed against torch's own modules and against the bare arithmetic, side by side.

``twm bench training`` trains the Elman networks of Table 1 (:mod:`twm.bench.training`), ``twm bench wave-rnn`` wave-RNNs on
the copy task, on permuted MNIST and on the adding task (:mod:`twm.bench.wave`). How times are taken: :mod:`twm.bench.teams`.
"""

from collections.abc import Callable
from typing import Any

from twm.bench.teams import BUSY, Team, count_cores, open_team, take_turns
from twm.bench.training import (
    CASES,
    TARGETS,
    Case,
    _summarise,
    bench_training,
    format_case,
    make_floor,
    make_ours,
    make_torch,
)
from twm.bench.wave import WAVE_CASES, WAVE_TARGETS, WaveCase, bench_wave

__all__ = [
    "BENCHES",
    "BUSY",
    "CASES",
    "CASES_OF",
    "TARGETS",
    "WAVE_CASES",
    "WAVE_TARGETS",
    "Case",
    "Team",
    "WaveCase",
    "_summarise",
    "bench_training",
    "bench_wave",
    "count_cores",
    "format_case",
    "make_floor",
    "make_ours",
    "make_torch",
    "open_team",
    "take_turns",
]

#: The benches that ``twm bench`` knows.
BENCHES: dict[str, Callable[..., dict[str, Any]]] = {"training": bench_training, "wave-rnn": bench_wave}
#: The cases of each.
CASES_OF: dict[str, dict[str, Any]] = {"training": CASES, "wave-rnn": WAVE_CASES}
