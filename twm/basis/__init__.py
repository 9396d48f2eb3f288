"""Recovering variable memories: in which directions of its hidden space does a network keep which variable?

===========================  ==========================================================================================
:class:`ElmanSystem`         an Elman network's weights in float64, with or without biases, and how to run it
:func:`linearise_system`     its linearisation at rest or at a fixed point, with bias (A.5)
:func:`sample_states`        hidden states beside the wave that theory says they hold
:func:`recover_basis`        the basis, by one of :data:`METHODS`
:func:`regress_basis`        the basis of any other network: :class:`SequenceSystem` for wave-RNNs, LSTMs and GRUs
:func:`judge_basis`          does it hold? Weights, content and readout, each judged on its own
:func:`find_complement`      what the memories do not explain
===========================  ==========================================================================================
"""

from twm.basis.judging import (
    BasisFigures,
    Complement,
    ContentFigures,
    find_complement,
    invert_bases,
    judge_basis,
    judge_content,
    measure_support,
)
from twm.basis.machines import SequenceSystem
from twm.basis.recovery import METHODS, RecoveredBasis, recover_basis, regress_basis, replace_dual
from twm.basis.samples import StateSample, count_settling_steps, find_copies, needed_coordinates, sample_states
from twm.basis.systems import ElmanSystem, Linearisation, StateSystem, as_system, find_fixed_point, linearise_system

__all__ = [
    "METHODS",
    "BasisFigures",
    "Complement",
    "ContentFigures",
    "ElmanSystem",
    "Linearisation",
    "RecoveredBasis",
    "SequenceSystem",
    "StateSample",
    "StateSystem",
    "as_system",
    "count_settling_steps",
    "find_complement",
    "find_copies",
    "find_fixed_point",
    "invert_bases",
    "judge_basis",
    "judge_content",
    "linearise_system",
    "measure_support",
    "needed_coordinates",
    "recover_basis",
    "regress_basis",
    "replace_dual",
    "sample_states",
]
