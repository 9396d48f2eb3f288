"""How the cost depends on inputs far back: measured gradients, and the bounds of the paper's Sec. 4.3.

=================================  =====================================================================================
:func:`measure_gradients`          gradient of a cost by every input and state, by automatic differentiation
:func:`measure_jacobians`          derivative of the output by every input, as a product of Jacobians
:func:`track_first_input`          derivative of every state by the first input
:func:`bound_gradients`            the bound without waves, as printed and as corrected
:func:`bound_wave_gradients`       the bound with waves, with each of its three constants
:func:`search_violations`          both on thousands of random networks
:func:`fit_slope`                  how fast gradients fall with distance, with an interval
:func:`predict_single_neuron`      the law behind a tanh, one number a neuron
:func:`predict_mixed_neurons`      the law behind a tanh, numbers spread over the neurons
=================================  =====================================================================================

Distances count applications of the recurrent matrix: between the first input and the cost at step s + 1 there are s.
"""

from twm.gradients.bounds import (
    BOUNDS,
    WAVE_CONSTANTS,
    NetworkConstants,
    bound_gradients,
    bound_wave_gradients,
    fit_columns,
    measure_constants,
    measure_wave_gradients,
)
from twm.gradients.laws import Slope, fit_slope, predict_mixed_neurons, predict_single_neuron
from twm.gradients.measuring import (
    GradientTrace,
    measure_gradients,
    measure_jacobians,
    run_states,
    track_first_input,
)
from twm.gradients.search import ROUNDING, CaseGroup, Violations, draw_cases, search_violations

__all__ = [
    "BOUNDS",
    "ROUNDING",
    "WAVE_CONSTANTS",
    "CaseGroup",
    "GradientTrace",
    "NetworkConstants",
    "Slope",
    "Violations",
    "bound_gradients",
    "bound_wave_gradients",
    "draw_cases",
    "fit_columns",
    "fit_slope",
    "measure_constants",
    "measure_gradients",
    "measure_jacobians",
    "measure_wave_gradients",
    "predict_mixed_neurons",
    "predict_single_neuron",
    "run_states",
    "search_violations",
    "track_first_input",
]
