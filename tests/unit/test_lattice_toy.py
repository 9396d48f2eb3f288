"""The lattice toy: what it begins with is checked, its still shows one step, its HTML asks nothing of the network."""

import re

import numpy as np
import pytest
from twm.book.figures.lattice_toy import BOUNDARIES, LatticeToy
from twm.errors import UserError
from twm.theory.operators import make_cycle


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_html_stands_alone(boundary):
    text = LatticeToy(5, 3, boundary).to_html()
    assert re.findall(r'data-(history|dim|boundary)="(\w+)"', text) == [
        ("history", "5"), ("dim", "3"), ("boundary", boundary),
    ]  # fmt: skip
    addresses = set(re.findall(r"https?://[^\"'\s]+", text))
    # The name of a vocabulary, which no browser asks for.
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert len(text) < 100_000


def test_still_shows_a_step_and_its_operator():
    before, after, operator = (np.asarray(axes.images[0].get_array()) for axes in LatticeToy(4, 2, "copy").still().axes)
    assert (after == np.roll(before, -1, axis=1)).all() and not (after == before).all()
    assert (operator == make_cycle(4, 2)).all()
    added = np.asarray(LatticeToy(4, 2, "fibonacci").still().axes[1].images[0].get_array())
    assert (added[:, -1] == 4).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"history": 1}, "history"), ({"history": 9}, "at most 8"), ({"dim": 0}, "dim"), ({"dim": 5}, "at most 4"),
        ({"boundary": "sum"}, "copy, fibonacci"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(options, words):
    with pytest.raises(UserError, match=words):
        LatticeToy(**options)
