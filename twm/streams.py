"""Deterministic data streams: a sequence is a pure function of (key, seed, iteration, sequence number).

A sequence is the same on every device, for any batching, and whatever other networks a sweep trains. The key names the
purpose, such as "T1/train". All arithmetic is 32-bit, carried out in 64-bit integers, so numpy and torch agree exactly."""

import zlib
from typing import TYPE_CHECKING

import numpy as np

from twm.errors import require, require_count

if TYPE_CHECKING:
    import torch

_MASK = 0xFFFFFFFF
# Odd multipliers with well-mixed bits; any others would do if the tests of independence pass.
_FIRST, _SECOND, _STRIDE = 0x7FEB352D, 0x846CA68B, 0x9E3779B9


def binary_inputs_numpy(
    key: str, seed: int, iteration: int, count: int, shape: tuple[int, ...], *, first: int = 0
) -> np.ndarray:
    """Draw ``count`` sequences of -1 and +1, numbered from ``first``: float64 (count, \\*shape)."""
    size = _check_address(key, seed, iteration, count, shape, first)
    sequences, elements = np.arange(first, first + count), np.arange(size)
    return _signs(_words(_start_word(key, seed, iteration), sequences, elements)).astype(np.float64).reshape(count, *shape)


def binary_inputs(
    key: str, seed: int, iteration: int, count: int, shape: tuple[int, ...], *, first: int = 0, device: object = None
) -> "torch.Tensor":
    """Draw the sequences of ``binary_inputs_numpy`` as a float32 tensor on ``device``, bit-identical on every device."""
    return _signs(draw_words(key, seed, iteration, count, shape, first=first, device=device)).float()


def draw_words(
    key: str, seed: int, iteration: int, count: int, shape: tuple[int, ...], *, first: int = 0, device: object = None
) -> "torch.Tensor":
    """Draw the random words from which other random numbers are derived: int64 (count, \\*shape), from 0 to 2^32 - 1."""
    import torch

    size = _check_address(key, seed, iteration, count, shape, first)
    sequences, elements = torch.arange(first, first + count, device=device), torch.arange(size, device=device)
    return _words(_start_word(key, seed, iteration), sequences, elements).reshape(count, *shape)


def words_to_choices(words: "torch.Tensor", kinds: int) -> "torch.Tensor":
    """Map words to integers from 0 to ``kinds - 1``; below 2^16 kinds, these are equally likely to one part in 2^16."""
    return (words * kinds) >> 32


def words_to_fractions(words: "torch.Tensor") -> "torch.Tensor":
    """Map words to float32 numbers in [0, 1), multiples of 2^-24 and therefore the same on every device."""
    return (words >> 8).float() * 2.0**-24


def start_words(key: str, seed: int, first: int, count: int) -> np.ndarray:
    """Compute the start words of ``count`` iterations, beginning with ``first``, for ``expand_words``: (count,)."""
    _check_address(key, seed, first, count, (), 0)
    return _start_word(key, seed, np.arange(first, first + count))


def expand_words(words: "torch.Tensor", count: int, size: int) -> "torch.Tensor":
    """Draw the sequences of ``binary_inputs`` from one start word per model, (models,): float32 (models, count, size)."""
    import torch

    sequences, elements = (torch.arange(length, device=words.device) for length in (count, size))
    return _signs(_words(words[:, None], sequences, elements)).float()


def _mix(word):
    """Scramble 32-bit words held in 64-bit integers; every input bit moves about half of the output bits."""
    word = word ^ (word >> 16)
    word = (word * _FIRST) & _MASK
    word = word ^ (word >> 15)
    word = (word * _SECOND) & _MASK
    return word ^ (word >> 16)


def _start_word(key: str, seed: int, iteration):
    """Return the start word of a stream's sequences; ``iteration`` may be an array of 64-bit integers."""
    word = zlib.crc32(key.encode("utf-8"))
    for part in (seed & _MASK, seed >> 32, iteration & _MASK, iteration >> 32):
        word = _mix((word + _STRIDE + part) & _MASK)
    return word


def _words(start, sequences, elements):
    """Return words (..., sequences, elements) from a start word, or start words (..., 1), and two index vectors."""
    return _mix((_mix((sequences * _STRIDE + start) & _MASK)[..., None] + elements * _FIRST) & _MASK)


def _signs(words):
    """Return +1 or -1 according to the highest bit of each word."""
    return 1 - 2 * (words >> 31)


def _check_address(key: str, seed: int, iteration: int, count: int, shape: tuple[int, ...], first: int) -> int:
    """Return the number of elements in a sequence; a UserError if the address is invalid."""
    require(isinstance(key, str) and key != "", f"the stream's key must be a name such as 'T1', not {key!r}")
    for value, name in ((seed, "seed"), (iteration, "iteration"), (first, "first")):
        require_count(value, name, 0)
    require_count(count, "count")
    return int(np.prod([require_count(length, "every length in shape") for length in shape], dtype=int))
