"""Every input to the theory that a user can get wrong is told in one clear line."""

import numpy as np
import torch

from tests.conftest import refusals
from twm.errors import require_count
from twm.theory import bases, episodic, operators, pictures, spectra
from twm.theory.activity import convolve_ring
from twm.theory.attention import make_attention_boundary, make_positional_attention
from twm.theory.lattice import euler_advect, simulate_wave
from twm.theory.systems import make_fibonacci, make_random_hds, parse_task, rollout

DEPENDENT, EYE = np.array([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]]), np.eye(3)
test_bad_input_is_told_in_one_line = refusals(
    (lambda: parse_task("T5"), "unknown task 'T5'"), (lambda: parse_task("repeat-copy:8,x"), "whole numbers"),
    (lambda: parse_task("code:8,8,254,0,0"), "exactly dim = 8 set bits"),
    (lambda: parse_task("repeat-copy:100000,100000"), "coefficients"),
    (lambda: parse_task(f"code:8,8,{'9' * 5000},0,0"), "digits"), (lambda: make_random_hds(2, 2, "odd", 0), "kind"),
    (lambda: rollout(make_fibonacci(), np.ones((3, 1)), 2), "initial states"),
    (lambda: rollout(make_fibonacci(), np.ones((2, 1), dtype=int), 100), "dtype object"),
    *((lambda kind=kind: rollout(make_fibonacci(), np.ones((2, 1), dtype=kind), 1), f"not {kind}") for kind in ("uint8", "bool")),
    (lambda: simulate_wave(np.ones((2, 4, 3)), lambda window: window, 2), "shape"),
    (lambda: euler_advect(np.ones(4), -0.1, 1), "Courant"),
    (lambda: simulate_wave(np.ones((3, 2)), None, 2, np.ones((3, 2))), "only 2 steps"),
    (lambda: bases.make_basis(4, 3), "hidden must be at least"),
    (lambda: bases.make_basis_from_columns(DEPENDENT), "not independent: its 2 columns have rank 1"),
    # The same eigenvalue inside and outside the span, coupled: a Jordan block across the border.
    (lambda: bases.compute_dual(np.eye(2, 1), "spectral", [[1.0, 1.0], [0.0, 1.0]]), "no left-eigenvector dual"),
    (lambda: operators.load_history(bases.make_basis(4), np.ones((3, 2))), "does not fill a basis"),
    (lambda: operators.simulate_linear(np.eye(4), np.ones((4, 2)), np.ones((2, 3)), np.ones((1, 2)), 1), "shapes do not fit"),
    (lambda: spectra.reduce_observable(np.zeros((2, 4)), np.eye(4)), "nothing is observable"),
    (lambda: make_attention_boundary(EYE, EYE, np.ones((3, 2))), "value_weight"),
    (lambda: make_positional_attention(np.ones((3, 6)), 2, 3, 10.0), "absolute sum"),
    (lambda: episodic.EpisodicModel(EYE, np.eye(2)), r"\(3, 3\)"),
    (lambda: episodic.simulate_reduced(episodic.draw_episodic_model(3, 2), np.ones(3), [1, 0]), "increasing"),
    (lambda: episodic.draw_episodic_model(3, 2, norm=1.0, strength_next=0.0), "norm cannot be set"),
    *((lambda odd=odd: require_count(odd, "steps"), "steps must be a whole number") for odd in (True, 2.7, np.ones(2), torch.tensor(2.7))),
    (lambda: convolve_ring([1.0, 0.0, 0.0], [1.0, 2.0]), "odd"),
    (lambda: pictures.text_to_states("31-π"), "no picture for '-', 'Π'"),
)  # fmt: skip
