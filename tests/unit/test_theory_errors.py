"""Every input to the theory that a user can get wrong is told in one clear line."""

import numpy as np
import pytest
import torch

from twm.errors import UserError
from twm.theory import bases, episodic, operators, pictures, spectra
from twm.theory.activity import convolve_ring, measure_activity_spectrum
from twm.theory.attention import (
    make_attention_boundary,
    make_positional_attention,
    make_random_attention,
    predict_in_parallel,
)
from twm.theory.lattice import euler_advect, simulate_wave
from twm.theory.systems import (
    make_fibonacci,
    make_linear_hds,
    make_random_hds,
    make_selection_table,
    parse_task,
    rollout,
)

SQUARE, WIDE = bases.make_basis(4), bases.make_basis(4, 6)
DEPENDENT = np.array([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]])
EYE = np.eye(3)


def run_broken(boundary):
    return simulate_wave(np.ones((2, 4, 3)), boundary, 2)


REFUSED = {
    "tasks": [
        (lambda: parse_task("T5"), "unknown task 'T5'"),
        (lambda: parse_task("repeat-copy:8,x"), "whole numbers"),
        (lambda: parse_task("code:8,8,254,0,0"), "exactly dim = 8 set bits"),
        (lambda: parse_task(f"code:8,8,{2**64 + 127},0,0"), r"below 2\*\*\(history\*dim\)"),
        (lambda: parse_task(f"code:8,8,255,{8**9},0"), "beyond the last entry"),
        (lambda: parse_task("code:8,8,255,0,256"), r"below 2\*\*dim"),
        (lambda: parse_task("code:4,1,1,1,0"), "must be 0 where dim is 1"),
        (lambda: parse_task("repeat-copy:100000,100000"), "coefficients"),
        (lambda: parse_task(f"code:8,8,{'9' * 5000},0,0"), "digits"),
    ],
    "systems": [
        (lambda: make_linear_hds(EYE, 2, 2), "shape"),
        (lambda: make_random_hds(2, 2, "odd", 0), "kind"),
        (lambda: make_selection_table(make_fibonacci(), 3), "cannot be trained"),
        (lambda: rollout(make_fibonacci(), np.ones((3, 1)), 2), "initial states"),
        (lambda: rollout(make_fibonacci(), np.ones((2, 1), dtype=int), 100), "dtype object"),
        (lambda: rollout(make_fibonacci(), torch.ones((2, 1), dtype=torch.int64), 1), "dtype object"),
    ],
    "boundaries": [(lambda: run_broken(lambda window: window), "shape")],
    "lattice": [
        (lambda: euler_advect(np.ones(4), -0.1, 1), "Courant"),
        (lambda: euler_advect(np.ones(4), 1.0, 2, np.ones(3)), "broadcast"),
        (lambda: simulate_wave(np.ones((3, 2)), None, 2, np.ones((3, 2))), "only 2 steps"),
    ],
    "bases": [
        (lambda: bases.make_basis(4, 3), "hidden must be at least"),
        (lambda: bases.make_basis(4, tilt=1.0), "a square basis has only one dual"),
        (lambda: bases.make_basis_from_columns(DEPENDENT), "not independent: its 2 columns have rank 1"),
        (lambda: bases.compute_dual(WIDE.basis, "inverse"), "only a square basis has an inverse"),
        (lambda: bases.compute_dual(WIDE.basis, "spectral"), "needs the operator"),
        # The same eigenvalue inside and outside the span, coupled: a Jordan block across the border.
        (lambda: bases.compute_dual(np.eye(2, 1), "spectral", [[1.0, 1.0], [0.0, 1.0]]), "dual does not exist"),
        (lambda: bases.add_complement(np.eye(4), WIDE, 0.5), "recurrent must be of shape"),
    ],
    "operators": [
        (lambda: operators.make_wave_operator(np.ones((2, 5))), "boundary matrix must be of shape"),
        (lambda: operators.load_history(SQUARE, np.ones((3, 2))), "does not fill a basis"),
        (lambda: operators.correct_inputs(np.ones((2, 4)), np.ones((3, 2))), "initial must be of shape"),
        (
            lambda: operators.simulate_linear(np.eye(4), np.ones((4, 2)), np.ones((2, 3)), np.ones((1, 2)), 1),
            "shapes do not fit",
        ),
    ],
    "spectra": [
        (lambda: spectra.reduce_observable(np.zeros((2, 4)), np.eye(4)), "nothing is observable"),
        (lambda: spectra.similarity_error(np.eye(4), np.ones((3, 2)), np.eye(2)), "shapes do not fit"),
        (lambda: spectra.compare_with_theory(EYE, make_random_hds(2, 2, "smooth", 0)), "no boundary matrix"),
    ],
    "attention": [
        (lambda: make_attention_boundary(EYE, EYE, np.ones((3, 2))), "value_weight"),
        (lambda: make_random_attention(3, history=5)(np.ones((4, 3))), "5 positions"),
        (lambda: make_positional_attention(np.ones((3, 6)), 2, 3, 10.0), "absolute sum"),
        (lambda: predict_in_parallel(make_random_attention(3, history=2), torch.ones(2, 3), None), "positions"),
    ],
    "episodic": [
        (lambda: episodic.EpisodicModel(EYE, np.eye(2)), r"\(3, 3\)"),
        (lambda: episodic.draw_episodic_model(3, 4), "independent"),
        (lambda: episodic.simulate_reduced(episodic.draw_episodic_model(3, 2), np.ones(3), [1, 0]), "increasing"),
        (lambda: episodic.change_memories(episodic.draw_episodic_model(3, 2), np.zeros((2, 2))), "invertible"),
    ],
    "activity and pictures": [
        (lambda: convolve_ring([1.0, 0.0, 0.0], [1.0, 2.0]), "odd"),
        (lambda: measure_activity_spectrum(np.ones(4)), "time, neurons"),
        (lambda: pictures.text_to_states(""), "at least one character"),
        (lambda: pictures.text_to_states("31-π"), "no picture for '-', 'Π'"),
    ],
}


@pytest.mark.parametrize(("call", "words"), [case for cases in REFUSED.values() for case in cases])
def test_bad_input_is_told_in_one_line(call, words):
    with pytest.raises(UserError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
