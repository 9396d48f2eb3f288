"""The hashed data stream: task data as a pure function of its address.

A sequence is fixed by (task, seed, iteration, sequence number) alone. It is the same on every device, for any batching
and for any companions in a sweep, which no stateful generator gives: those depend on the chip and on the order of
calls. Everything is 32-bit arithmetic carried out in 64-bit integers, which numpy and torch do identically.
"""

import zlib
from typing import TYPE_CHECKING

import numpy as np

from twm.errors import require, require_count

if TYPE_CHECKING:
    import torch

_MASK = 0xFFFFFFFF
# Odd multipliers with well spread bits; any would do as long as the avalanche test in tests/unit/test_streams.py holds.
_FIRST, _SECOND, _STRIDE = 0x7FEB352D, 0x846CA68B, 0x9E3779B9


def _mix(word):
    """Scramble 32-bit words held in 64-bit integers; every input bit moves about half of the output bits."""
    word = word ^ (word >> 16)
    word = (word * _FIRST) & _MASK
    word = word ^ (word >> 15)
    word = (word * _SECOND) & _MASK
    return word ^ (word >> 16)


def _start_word(key: str, seed: int, iteration):
    """Return the word that a stream's sequences start from; ``iteration`` may be an array of 64-bit integers."""
    word = zlib.crc32(key.encode("utf-8"))
    for part in (seed & _MASK, seed >> 32, iteration & _MASK, iteration >> 32):
        word = _mix((word + _STRIDE + part) & _MASK)
    return word


def _words(start, sequences, elements):
    """Return 32-bit words as integers, (..., sequences, elements), from two index vectors of the same library.

    ``start`` is one word, or words (..., 1) of the same library.
    """
    row = _mix((sequences * _STRIDE + start) & _MASK)
    return _mix((row[..., None] + elements * _FIRST) & _MASK)


def _signs(start, sequences, elements):
    """Return +-1 as integers, (..., sequences, elements): the highest bit of each word."""
    return 1 - 2 * (_words(start, sequences, elements) >> 31)


def _check(key: str, seed: int, iteration: int, count: int, shape: tuple[int, ...], first: int) -> int:
    require(isinstance(key, str) and key != "", f"the stream's key must be a name such as 'T1', not {key!r}")
    require_count(seed, "seed", 0)
    require_count(iteration, "iteration", 0)
    require_count(count, "count")
    require_count(first, "first", 0)
    size = 1
    for length in shape:
        size *= require_count(length, "every length in shape")
    return size


def binary_inputs_numpy(
    key: str, seed: int, iteration: int, count: int, shape: tuple[int, ...], *, first: int = 0
) -> np.ndarray:
    """Draw ``count`` sequences of +-1 for one iteration.

    Args:
        key: what the data is for, for example ``"T1/train"``; other keys give independent data.
        seed: seed of the run, at least 0.
        iteration: number of the iteration, at least 0.
        count: how many sequences.
        shape: shape of one sequence, for example (history, dim).
        first: number of the first sequence, so that a batch can be drawn in parts.

    Returns:
        float64 array (count, *shape) of -1 and 1.

    Raises:
        UserError: if a number is negative or not whole, or the key is empty.
    """
    size = _check(key, seed, iteration, count, shape, first)
    sequences = np.arange(first, first + count, dtype=np.int64)
    signs = _signs(_start_word(key, seed, iteration), sequences, np.arange(size, dtype=np.int64))
    return signs.astype(np.float64).reshape(count, *shape)


def binary_inputs(
    key: str, seed: int, iteration: int, count: int, shape: tuple[int, ...], *, first: int = 0, device: object = None
) -> "torch.Tensor":
    """Draw the same sequences as :func:`binary_inputs_numpy`, as a float32 tensor on ``device``.

    Returns:
        float32 tensor (count, *shape) of -1 and 1, bit for bit the same on every device.

    Raises:
        UserError: if a number is negative or not whole, or the key is empty.
    """
    import torch

    size = _check(key, seed, iteration, count, shape, first)
    sequences = torch.arange(first, first + count, dtype=torch.int64, device=device)
    signs = _signs(_start_word(key, seed, iteration), sequences, torch.arange(size, dtype=torch.int64, device=device))
    return signs.to(torch.float32).reshape(count, *shape)


def start_words(key: str, seed: int, first: int, count: int) -> np.ndarray:
    """Compute the words that successive iterations of a stream start from.

    An ensemble on a GPU draws the data of all its models at once, from their words: see :func:`expand_words`.

    Args:
        key, seed: as for :func:`binary_inputs`.
        first: number of the first iteration.
        count: how many iterations.

    Returns:
        (count,) int64.

    Raises:
        UserError: if a number is negative or not whole, or the key is empty.
    """
    _check(key, seed, first, count, (), 0)
    return _start_word(key, seed, np.arange(first, first + count, dtype=np.int64))


def expand_words(words: "torch.Tensor", count: int, size: int) -> "torch.Tensor":
    """Draw the sequences of many streams at once.

    Args:
        words: (models,) int64, an entry of each stream's :func:`start_words`; its device is where they are drawn.
        count: sequences a stream.
        size: numbers a sequence.

    Returns:
        float32 tensor (models, count, size) of -1 and 1: model i's are what :func:`binary_inputs` draws.
    """
    import torch

    sequences = torch.arange(count, dtype=torch.int64, device=words.device)
    elements = torch.arange(size, dtype=torch.int64, device=words.device)
    return _signs(words[:, None], sequences, elements).to(torch.float32)


def draw_words(
    key: str, seed: int, iteration: int, count: int, shape: tuple[int, ...], *, first: int = 0, device: object = None
) -> "torch.Tensor":
    """Draw 32-bit words, from which numbers of any kind can be made, at the address that :func:`binary_inputs` takes.

    Returns:
        int64 tensor (count, *shape) of whole numbers from 0 to 2^32 - 1, the same on every device.

    Raises:
        UserError: if a number is negative or not whole, or the key is empty.
    """
    import torch

    size = _check(key, seed, iteration, count, shape, first)
    sequences = torch.arange(first, first + count, dtype=torch.int64, device=device)
    elements = torch.arange(size, dtype=torch.int64, device=device)
    return _words(_start_word(key, seed, iteration), sequences, elements).reshape(count, *shape)


def words_to_choices(words: "torch.Tensor", kinds: int) -> "torch.Tensor":
    """Turn words into whole numbers from 0 to ``kinds - 1``; for kinds below 2^16 each is as likely to one part in 2^16."""
    return (words * kinds) >> 32


def words_to_fractions(words: "torch.Tensor") -> "torch.Tensor":
    """Turn words into float32 numbers in [0, 1): multiples of 2^-24, so that every device has the same."""
    import torch

    return (words >> 8).to(torch.float32) * 2.0**-24
