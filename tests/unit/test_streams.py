"""The data stream is a pure function of its address, the same in numpy and torch, and looks like fair coins."""

import numpy as np
import pytest
import torch

from tests.conftest import refusals
from twm.streams import binary_inputs, binary_inputs_numpy, expand_words, start_words

ADDRESSES = [("T1/train", 0, 0), ("T4/test", 7, 45_000), ("x", 2**40 + 3, 2**33)]
CODES = [1734670426, 4271812287, 1508805812]


def draw(key="T1/train", seed=0, iteration=0, count=64, shape=(8, 8), **more):
    return binary_inputs_numpy(key, seed, iteration, count, shape, **more)


@pytest.mark.parametrize("address", [("T1", 0, 0), ("T2/test", 19, 45_000), ("x", 2**40 + 3, 2**33)])
def test_numpy_and_torch_agree_bit_for_bit(address):
    found = binary_inputs(*address, 16, (5, 3))
    assert np.array_equal(found.numpy(), binary_inputs_numpy(*address, 16, (5, 3))) and found.dtype == torch.float32
    assert set(np.unique(found)) == {-1.0, 1.0}


def test_the_stream_is_what_it_was():
    """Rows on record were trained on it: the first signs of a few addresses, as they came out at first."""
    codes = [int("".join("1" if sign > 0 else "0" for sign in draw(*address, 1, (32,))[0]), 2) for address in ADDRESSES]
    assert codes == CODES


def test_a_batch_drawn_in_parts_is_the_batch():
    parts = [draw(count=4), draw(count=5, first=4), draw(count=1, first=9)]
    assert np.array_equal(draw(count=10), np.concatenate(parts))


@pytest.mark.parametrize("other", [{"key": "T2/train"}, {"key": "T1/test"}, {"seed": 1}, {"iteration": 1}, {"first": 64}])
def test_every_argument_gives_other_data(other):
    base, changed = draw(count=64), draw(count=64, **other)
    assert abs((base == changed).mean() - 0.5) < 5 * 0.5 / np.sqrt(base.size)
    assert not np.array_equal(draw(seed=1, iteration=2), draw(seed=2, iteration=1)), "seed and iteration do not add up"


def test_signs_are_fair_and_independent():
    signs, bound = draw(count=4096).reshape(4096, 64), 5 / np.sqrt(4096)
    assert np.abs(signs.mean(0)).max() < bound
    assert np.abs(signs.T @ signs / 4096 - np.eye(64)).max() < 1.2 * bound
    assert np.abs((signs[1:] * signs[:-1]).mean(0)).max() < bound
    assert len({row.tobytes() for row in signs}) == 4096, "no sequence repeats"


test_wrong_addresses_are_refused = refusals(
    (lambda: draw(""), "key"), (lambda: draw(seed=-1), "seed"), (lambda: draw(iteration=1.5), "iteration"),
    (lambda: binary_inputs("T1", 0, 0, 0, (2,)), "count"), (lambda: binary_inputs("T1", 0, 0, 1, (0,)), "shape"),
)  # fmt: skip


def test_many_streams_at_once_are_the_streams_one_by_one():
    streams, first = [("T1/train", 0), ("T1/train", 2**40 + 3), ("T2/train", 5)], 2**33 + 7
    words = torch.stack([torch.from_numpy(start_words(key, seed, first, 4)) for key, seed in streams], 1)
    for place in range(4):
        for found, (key, seed) in zip(expand_words(words[place], 6, 10), streams):
            assert torch.equal(found, binary_inputs(key, seed, first + place, 6, (10,)))
