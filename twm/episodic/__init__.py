"""The episodic-memory theory: from a continuous model of memories that call one another to the Elman network.

======================================  ==================================================================================
:class:`EpisodicModel`                  the model: memories, how they call one another, three time constants
:func:`simulate_episodes`               all of it, as a differential equation
:func:`simulate_reduced`                the same when hidden and delay variables are infinitely fast
:func:`step_feature`                    one step of forward Euler on that: a map
:func:`step_hidden`                     the Elman update that the map turns into by a change of variable
:func:`change_memories`                 other memories with other interactions and the same network
:func:`run_repeat_copy`                 the pseudocode of Fig. 1, which knows lists only
:func:`find_variables`                  where a trained network keeps its variables
======================================  ==================================================================================

NumPy in float64, states as columns.
"""

from twm.episodic.model import (
    ACTIVATIONS,
    ConjugacyErrors,
    EpisodicModel,
    change_memories,
    draw_episodic_model,
    measure_collision,
    measure_conjugacy,
    simulate_episodes,
    simulate_reduced,
    step_euler,
    step_feature,
    step_hidden,
)
from twm.episodic.variables import (
    CopyMachine,
    VariableMemories,
    draw_integer_basis,
    find_variables,
    propagate_readout,
    run_repeat_copy,
)

__all__ = [
    "ACTIVATIONS",
    "ConjugacyErrors",
    "CopyMachine",
    "EpisodicModel",
    "VariableMemories",
    "change_memories",
    "draw_episodic_model",
    "draw_integer_basis",
    "find_variables",
    "measure_collision",
    "measure_conjugacy",
    "propagate_readout",
    "run_repeat_copy",
    "simulate_episodes",
    "simulate_reduced",
    "step_euler",
    "step_feature",
    "step_hidden",
]
