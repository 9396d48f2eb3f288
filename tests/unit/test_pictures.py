"""Characters as pictures: what is written can be read back."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from twm.theory import pictures


@given(st.text(alphabet=pictures.CHARACTERS, min_size=1, max_size=12))
def test_every_text_is_read_back(text):
    states = pictures.text_to_states(text)
    assert states.shape == (4 * len(text), 5) and set(np.unique(states)) <= {-1.0, 1.0}
    assert pictures.states_to_text(states) == text and len(pictures.CHARACTERS) == 37
    np.testing.assert_array_equal(pictures.text_to_states(text.lower()), states)


def test_a_picture_stands_upright_with_a_blank_column_after_it():
    picture = pictures.states_to_picture(pictures.text_to_states("L"))
    drawn = ["".join("#" if value > 0 else "." for value in row) for row in picture]
    assert drawn == ["#...", "#...", "#...", "#...", "###."]
    batch = np.arange(2 * 3 * 8 * 5).reshape(2, 3, 8, 5)
    np.testing.assert_array_equal(pictures.states_to_picture(batch)[1, 2], batch[1, 2].T)


def test_reading_uses_signs_takes_tensors_and_marks_what_is_no_character():
    states = torch.tensor(pictures.text_to_states("WAVE 2"), requires_grad=True)
    assert pictures.states_to_text(0.01 * states) == "WAVE 2"
    with torch.no_grad():
        states[:4] = 1
    assert pictures.states_to_text(states) == "?AVE 2"
