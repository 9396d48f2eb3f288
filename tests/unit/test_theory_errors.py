"""Every input to the theory that a user can get wrong is told in one clear line."""

import numpy as np
import pytest
import torch
from twm.errors import UserError
from twm.theory import bases, episodic, observability, operators, pictures, spectra
from twm.theory.activity import convolve_ring, make_ring_matrix, measure_activity_spectrum, measure_line_share
from twm.theory.attention import make_attention_boundary, make_positional_attention, make_random_attention
from twm.theory.attention import predict_in_parallel
from twm.theory.lattice import euler_advect, measure_euler_error, measure_transport_error, simulate_wave
from twm.theory.lattice import translate_profile
from twm.theory.systems import make_fibonacci, make_hds, make_linear_hds, make_random_hds
from twm.theory.systems import make_repeat_copy, make_selection_table, parse_task
from twm.theory.systems import rollout, window_states

SQUARE, WIDE = bases.make_basis(4), bases.make_basis(4, 6)
DEPENDENT = np.array([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]])
EYE = np.eye(3)
RANDOM = make_random_attention(3)


def run_broken(boundary):
    return simulate_wave(np.ones((2, 4, 3)), boundary, 2)


def run_linear(readout, inputs, steps=1):
    return operators.simulate_linear(np.eye(4), np.ones((4, 2)), readout, inputs, steps)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("T5", "unknown task 'T5'"),
        ("repeat-copy:8,x", "whole numbers"),
        ("repeat-copy:0,8", "history must be"),
        ("code:8,8,254,0,0", "exactly dim = 8 set bits"),
        (f"code:8,8,{2**64 + 127},0,0", r"below 2\*\*\(history\*dim\)"),
        (f"code:8,8,255,{8**9},0", "beyond the last entry"),
        ("code:8,8,255,0,256", r"below 2\*\*dim"),
        ("code:4,1,1,1,0", "must be 0 where dim is 1"),
        ("repeat-copy:100000,100000", "coefficients"),
        (f"code:8,8,{'9' * 5000},0,0", "digits"),
    ],
)
def test_malformed_tasks_are_refused(text, words):
    with pytest.raises(UserError, match=words) as caught:
        parse_task(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


REFUSED = {
    "systems": [
        (lambda: make_hds(3, 1, 1), "callable"),
        (lambda: make_linear_hds(EYE, 2, 2), "shape"),
        (lambda: make_linear_hds([[np.nan, 1.0]], 2, 1), "finite"),
        (lambda: make_random_hds(2, 2, "odd", 0), "kind"),
        (lambda: make_selection_table(make_fibonacci(), 3), "cannot be trained"),
        (lambda: rollout(make_fibonacci(), np.ones((3, 1)), 2), "initial states"),
        (lambda: rollout(make_fibonacci(), np.ones((2, 1)), -1), "steps"),
        (lambda: rollout(make_fibonacci(), np.ones((2, 1), dtype=int), 100), "dtype object"),
        (lambda: rollout(make_fibonacci(), torch.ones((2, 1), dtype=torch.int64), 1), "dtype object"),
        (lambda: rollout(make_linear_hds([[0.5, 0.5]], 2, 1), np.ones((2, 1), dtype=int), 1), "integers"),
        (lambda: window_states(np.ones((3, 2)), 4), "fewer than"),
    ],
    "boundaries": [
        (lambda: run_broken(lambda window: window), "shape"),
        (lambda: run_broken(lambda window: window[..., 0, :].astype(np.float32)), "float32"),
        (lambda: run_broken(lambda window: torch.tensor(window[..., 0, :])), "torch"),
        (lambda: run_broken(lambda window: 0.0), "float"),
    ],
    "lattice": [
        (lambda: euler_advect(np.ones(4), -0.1, 1), "Courant"),
        (lambda: euler_advect(np.ones(4), 1.0, 1, "closed"), "start"),
        (lambda: euler_advect(np.ones(4), 1.0, 2, np.ones(3)), "broadcast"),
        (lambda: translate_profile(np.ones(4), -1), "cells"),
        (lambda: measure_euler_error(np.sin, 64, 0.0), "above 0"),
        (lambda: simulate_wave(np.ones(3), None, 1), "substrate"),
        (lambda: simulate_wave(np.ones((3, 2)), None, 2, np.ones((3, 2))), "only 2 steps"),
        (lambda: simulate_wave(np.ones((3, 2)), None, 4, np.ones((3, 4))), "inputs"),
        (lambda: measure_transport_error(np.ones((4, 1, 2))), "two columns"),
    ],
    "bases": [
        (lambda: bases.make_basis(4, 3), "hidden must be at least"),
        (lambda: bases.make_basis(4, kind="slanted"), "basis kind must be one of"),
        (lambda: bases.make_basis(4, kind="skew", condition=0.5), "condition must be at least 1"),
        (lambda: bases.make_basis(4, tilt=1.0), "a square basis has only one dual"),
        (lambda: bases.make_basis_from_columns(DEPENDENT), "not independent: its 2 columns have rank 1"),
        (lambda: bases.make_basis_from_columns(np.full((3, 2), np.nan)), "must be finite"),
        (lambda: bases.compute_dual(WIDE.basis, "inverse"), "only a square basis has an inverse"),
        (lambda: bases.compute_dual(WIDE.basis, "left"), "dual must be one of"),
        (lambda: bases.compute_dual(WIDE.basis, "spectral"), "needs the operator"),
        (lambda: bases.compute_dual(WIDE.basis, "spectral", np.eye(4)), "operator must be of shape"),
        (lambda: bases.compute_dual(WIDE.basis, "spectral", np.arange(36.0).reshape(6, 6)), "leads out of the span"),
        # The same eigenvalue inside and outside the span, coupled: a Jordan block across the border.
        (lambda: bases.compute_dual(np.eye(2, 1), "spectral", [[1.0, 1.0], [0.0, 1.0]]), "dual does not exist"),
        (lambda: bases.transform_operator(EYE, SQUARE), "wave operator must be of shape"),
        (lambda: bases.add_complement(np.eye(4), WIDE, 0.5), "recurrent must be of shape"),
        (lambda: bases.add_complement(np.eye(6), WIDE, -0.5), "spectral radius must be at least 0"),
        (lambda: bases.make_encoder(SQUARE, 3), "cannot hold columns of dim 3"),
    ],
    "operators": [
        (lambda: operators.make_cycle(2.5, 1), "history must be a whole number"),
        (lambda: operators.make_wave_operator(np.ones((2, 5))), "boundary matrix must be of shape"),
        (lambda: operators.repeat_copy_state(np.ones(3), 1), "inputs must be of shape"),
        (lambda: operators.load_history(SQUARE, np.ones((3, 2))), "does not fill a basis"),
        (lambda: operators.read_substrate(SQUARE, np.ones(5), 2), "states must be of shape"),
        (lambda: operators.correct_inputs(np.ones((2, 4)), np.ones((3, 2))), "initial must be of shape"),
        (lambda: run_linear(np.ones((2, 3)), np.ones((1, 2))), "shapes do not fit"),
        (lambda: run_linear(np.ones((2, 4)), np.ones((1, 3))), "inputs must be"),
    ],
    "spectra": [
        (lambda: observability.reduce_observable(np.zeros((2, 4)), np.eye(4)), "nothing is observable"),
        (lambda: observability.reduce_observable(np.ones((2, 4)), np.full((4, 4), np.inf)), "NaN or infinite"),
        (lambda: observability.observability_matrix(np.ones((2, 4)), np.ones((4, 3))), "square matrix"),
        (lambda: spectra.similarity_error(np.eye(4), np.ones((3, 2)), np.eye(2)), "shapes do not fit"),
        (lambda: spectra.compare_with_theory(np.full((4, 4), np.nan), make_repeat_copy(2, 2)), "finite"),
        (lambda: spectra.compare_with_theory(EYE, make_random_hds(2, 2, "smooth", 0)), "no boundary matrix"),
        (lambda: spectra.select_slow(np.ones(2), -1), "threshold"),
        (lambda: spectra.count_clusters(np.ones(2), []), "centres"),
    ],
    "attention": [
        (lambda: make_attention_boundary(EYE, EYE, np.ones((3, 2))), "value_weight"),
        (lambda: make_attention_boundary(EYE, EYE, EYE, np.ones((4, 2))), "positions"),
        (lambda: make_random_attention(3, sharpness=0), "sharpness"),
        (lambda: make_random_attention(3, history=5)(np.ones((4, 3))), "5 positions"),
        (lambda: make_positional_attention(np.ones((2, 6)), 3, 2, 10.0), "history must be at most dim"),
        (lambda: make_positional_attention(np.ones((3, 6)), 2, 3, 10.0), "absolute sum"),
        (lambda: make_positional_attention(np.zeros((3, 5)), 2, 3, 10.0), "matrix must have shape"),
        (lambda: make_positional_attention(np.zeros((3, 6)), 2, 3, 0.0), "margin"),
        (lambda: predict_in_parallel(make_random_attention(3, history=2), torch.ones(2, 3), None), "positions"),
    ],
    "episodic": [
        (lambda: episodic.EpisodicModel(EYE, np.eye(2)), r"\(3, 3\)"),
        (lambda: episodic.EpisodicModel(EYE, EYE, "step"), "tanh"),
        (lambda: episodic.draw_episodic_model(3, 4), "independent"),
        (lambda: episodic.draw_integer_basis(4, 3), "independent"),
        (lambda: episodic.simulate_reduced(episodic.draw_episodic_model(3, 2), np.ones(4), [0, 1]), "start"),
        (lambda: episodic.simulate_reduced(episodic.draw_episodic_model(3, 2), np.ones(3), [1, 0]), "increasing"),
        (lambda: episodic.change_memories(episodic.draw_episodic_model(3, 2), np.zeros((2, 2))), "invertible"),
        (lambda: episodic.run_repeat_copy([], 3), "input"),
        (lambda: episodic.find_variables(EYE, np.ones((5, 3)), np.ones((5, 2))), "apart"),
    ],
    "activity and pictures": [
        (lambda: convolve_ring([1.0, 0.0, 0.0], [1.0, 2.0]), "odd"),
        (lambda: make_ring_matrix(5, 0.0), "courant"),
        (lambda: measure_activity_spectrum(np.ones(4)), "time, neurons"),
        (lambda: measure_line_share(EYE, width=0.0), "width"),
        (lambda: pictures.text_to_states(""), "at least one character"),
        (lambda: pictures.text_to_states("31-π"), "no picture for '-', 'Π'"),
        (lambda: pictures.states_to_text(np.ones((5, 5))), "shape"),
    ],
}


@pytest.mark.parametrize(("call", "words"), [case for cases in REFUSED.values() for case in cases])
def test_bad_input_is_told_in_one_line(call, words):
    with pytest.raises(UserError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
