"""Characters as pictures: what is written can be read back."""

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from twm.errors import UserError
from twm.theory import pictures
from twm.theory.systems import make_repeat_copy, rollout


@given(st.text(alphabet=pictures.CHARACTERS, min_size=1, max_size=12))
def test_every_text_is_read_back(text):
    states = pictures.text_to_states(text)
    assert states.shape == (4 * len(text), 5) and set(np.unique(states)) <= {-1.0, 1.0}
    assert pictures.states_to_text(states) == text


def test_the_font_has_all_digits_and_letters_and_no_two_alike():
    assert set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ ") == set(pictures.CHARACTERS)
    glyphs = {character: pictures.text_to_states(character) for character in pictures.CHARACTERS}
    for left, right in combinations(glyphs, 2):
        assert (glyphs[left] != glyphs[right]).any(), (left, right)


def test_3141_is_sixteen_states_of_five_with_blank_columns_between():
    states = pictures.text_to_states("3141")
    assert states.shape == (16, 5)
    assert (states[3::4] == -1).all() and (states[:, :] == 1).any()
    np.testing.assert_array_equal(states[4:8], states[12:16])


def test_a_picture_stands_upright():
    picture = pictures.states_to_picture(pictures.text_to_states("L"))
    drawn = ["".join("#" if value > 0 else "." for value in row) for row in picture]
    assert drawn == ["#...", "#...", "#...", "#...", "###."]


def test_pictures_of_batches_swap_the_last_two_axes_only():
    batch = np.arange(2 * 3 * 8 * 5).reshape(2, 3, 8, 5)
    assert pictures.states_to_picture(batch).shape == (2, 3, 5, 8)
    np.testing.assert_array_equal(pictures.states_to_picture(batch)[1, 2], batch[1, 2].T)


def test_reading_uses_signs_and_takes_tensors():
    states = torch.tensor(pictures.text_to_states("WAVE 2"), requires_grad=True)
    assert pictures.states_to_text(0.01 * states) == "WAVE 2"


def test_what_is_no_character_is_marked():
    states = pictures.text_to_states("31")
    states[:4] = 1
    assert pictures.states_to_text(states) == "?1"
    assert pictures.states_to_text(states, unknown="_") == "_1"


def test_small_letters_are_read_as_capitals():
    np.testing.assert_array_equal(pictures.text_to_states("wave"), pictures.text_to_states("WAVE"))


def test_repeat_copy_writes_the_text_again_and_again():
    orbit = rollout(make_repeat_copy(16, 5), pictures.text_to_states("3141"), 32)
    assert pictures.states_to_text(orbit) == "3141" * 3


@pytest.mark.parametrize("text", ["", "π", "31-41", None, 3141])
def test_texts_without_a_picture_are_refused(text):
    with pytest.raises(UserError):
        pictures.text_to_states(text)


@pytest.mark.parametrize("shape", [(5,), (5, 5), (8, 4), (2, 4, 5)])
def test_states_of_the_wrong_shape_are_refused(shape):
    with pytest.raises(UserError, match="shape"):
        pictures.states_to_text(np.ones(shape))
