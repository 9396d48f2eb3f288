"""Every input to the operators that a user can get wrong is told in one clear line."""

import numpy as np
import pytest
from twm.errors import UserError
from twm.theory.bases import (
    add_complement,
    compute_dual,
    make_basis,
    make_basis_from_columns,
    make_encoder,
    transform_operator,
)
from twm.theory.observability import observability_matrix, reduce_observable
from twm.theory.operators import (
    correct_inputs,
    input_phase_matrix,
    load_history,
    make_cycle,
    make_shift,
    make_wave_operator,
    read_substrate,
    repeat_copy_state,
    simulate_linear,
)
from twm.theory.spectra import ranks_of_powers, similarity_error

DEPENDENT = np.array([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]])
SQUARE = make_basis(4)
WIDE = make_basis(4, 6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_shift(0, 2), "history must be a whole number of at least 1"),
        (lambda: make_shift(2, 0), "dim must be a whole number of at least 1"),
        (lambda: make_cycle(2.5, 1), "history must be a whole number"),
        (lambda: make_wave_operator(np.ones((2, 5))), "boundary matrix must be of shape"),
        (lambda: make_wave_operator(np.ones(4)), "boundary matrix must be of shape"),
        (lambda: repeat_copy_state(np.ones(3), 1), "inputs must be of shape"),
        (lambda: repeat_copy_state(np.ones((3, 2)), -1), "step must be a whole number of at least 0"),
        (lambda: make_basis(4, 3), "hidden must be at least"),
        (lambda: make_basis(4, kind="slanted"), "basis kind must be one of"),
        (lambda: make_basis(4, kind="skew", condition=0.5), "condition must be at least 1"),
        (lambda: make_basis(4, tilt=1.0), "a square basis has only one dual"),
        (lambda: make_basis_from_columns(DEPENDENT), "not independent: its 2 columns have rank 1"),
        (lambda: make_basis_from_columns(np.zeros((3, 2))), "not independent"),
        (lambda: make_basis_from_columns(np.ones((2, 3))), "hidden must be at least"),
        (lambda: make_basis_from_columns(np.full((3, 2), np.nan)), "must be finite"),
        (lambda: compute_dual(WIDE.basis, "inverse"), "only a square basis has an inverse"),
        (lambda: compute_dual(WIDE.basis, "left"), "dual must be one of"),
        (lambda: compute_dual(WIDE.basis, "spectral"), "needs the operator"),
        (lambda: compute_dual(WIDE.basis, "spectral", np.eye(4)), "operator must be of shape"),
        (lambda: compute_dual(WIDE.basis, "spectral", np.arange(36.0).reshape(6, 6)), "leads out of the span"),
        (lambda: transform_operator(np.eye(3), SQUARE), "wave operator must be of shape"),
        (lambda: add_complement(np.eye(4), WIDE, 0.5), "recurrent must be of shape"),
        (lambda: add_complement(np.eye(6), WIDE, -0.5), "spectral radius must be at least 0"),
        (lambda: make_encoder(SQUARE, 3), "cannot hold columns of dim 3"),
        (lambda: load_history(SQUARE, np.ones((3, 2))), "does not fill a basis"),
        (lambda: read_substrate(SQUARE, np.ones(5), 2), "states must be of shape"),
        (lambda: correct_inputs(np.ones((2, 4)), np.ones((3, 2))), "initial must be of shape"),
        (lambda: input_phase_matrix(np.eye(4), np.ones((3, 2)), 2), "shapes do not fit"),
        (lambda: simulate_linear(np.eye(4), np.ones((4, 2)), np.ones((2, 3)), np.ones((1, 2)), 1), "shapes do not fit"),
        (lambda: simulate_linear(np.eye(4), np.ones((4, 2)), np.ones((2, 4)), np.ones((1, 3)), 1), "inputs must be"),
        (lambda: simulate_linear(np.eye(4), np.ones((4, 2)), np.ones((2, 4)), np.ones((1, 2)), -1), "steps"),
        (lambda: reduce_observable(np.zeros((2, 4)), np.eye(4)), "nothing is observable"),
        (lambda: reduce_observable(np.ones((2, 3)), np.eye(4)), "readout must be of shape"),
        (lambda: reduce_observable(np.ones((2, 4)), np.full((4, 4), np.inf)), "NaN or infinite"),
        (lambda: observability_matrix(np.ones((2, 4)), np.ones((4, 3))), "square matrix"),
        (lambda: ranks_of_powers(np.ones((2, 3)), 2), "square matrix"),
        (lambda: similarity_error(np.eye(4), np.ones((3, 2)), np.eye(2)), "shapes do not fit"),
    ],
)
def test_bad_input_is_told_in_one_line(call, message):
    with pytest.raises(UserError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_spectral_dual_needs_separate_spectra():
    # The same eigenvalue inside and outside the span, coupled: a Jordan block across the border.
    operator = np.array([[1.0, 1.0], [0.0, 1.0]])
    with pytest.raises(UserError, match="spectral dual does not exist"):
        compute_dual(np.array([[1.0], [0.0]]), "spectral", operator)
