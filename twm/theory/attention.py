"""The self-attention boundary, and the decoding loops of a transformer that equal it.

The newest column provides the query, all columns provide keys and values, and the result enters as the next column:

    h_s(t+1) = sum_i  softmax_i( h_i^T W_K W_Q h_s )  W_V h_i,   i = 1..s.

The outputs of several heads are added, and each W_V includes an output projection. Positional encodings, which Eq. (8)
lacks, are added to the columns for keys and query only, so that the stored values travel without them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.linalg import expm
from scipy.special import softmax
from torch.nn.functional import scaled_dot_product_attention

from twm.errors import require, require_count
from twm.theory.lattice import simulate_wave
from twm.theory.systems import stack_arrays

_LABEL = 3.0
_TURN = 0.3


@dataclass(frozen=True)
class AttentionBoundary:
    """A self-attention boundary f of arrays or tensors. Source: twm Eq. (8); heads and positions are additions."""

    key_weight: Any  # W_K, (heads, dim, width)
    query_weight: Any  # W_Q, (heads, width, dim)
    value_weight: Any  # W_V, (heads, dim, dim)
    positions: Any = None  # (history, dim), added to the columns for keys and query; None for Eq. (8) as printed

    heads = property(lambda self: len(self.value_weight))  # number of heads
    dim = property(lambda self: self.value_weight.shape[-1])  # dimension of a column

    def cast_weights(self, like: Any) -> list[Any]:
        """Return W_K, W_Q and W_V in the library, precision and device of a substrate."""
        return [_like(weight, like) for weight in (self.key_weight, self.query_weight, self.value_weight)]

    def weigh(self, substrate: Any) -> Any:
        """Compute the softmax weights (..., heads, history) of the columns of a substrate (..., history, dim)."""
        x = self.label(substrate)[..., None, :, :]
        keys = x @ _like(self.key_weight, x)
        return _softmax((keys * (x[..., -1:, :] @ _like(self.query_weight, x).swapaxes(-1, -2))).sum(-1))

    def __call__(self, substrate: Any) -> Any:
        """Return the next column (..., dim) for a substrate (..., history, dim)."""
        mixed = self.weigh(substrate) @ substrate
        return (mixed[..., None, :] @ _like(self.value_weight, mixed).swapaxes(-1, -2))[..., 0, :].sum(-2)

    def label(self, substrate: Any) -> Any:
        """Return the substrate with its positions added, as used for keys and query."""
        fits = substrate.ndim >= 2 and substrate.shape[-1] == self.dim
        require(fits, f"substrate must have shape (..., history, {self.dim}), not {tuple(substrate.shape)}")
        if self.positions is None:
            return substrate
        columns, places = substrate.shape[-2], len(self.positions)
        require(columns == places, f"substrate must have a column for each of {places} positions, not {columns}")
        return substrate + _like(self.positions, substrate)


def _like(weight: Any, substrate: Any) -> Any:
    """Convert a weight to the library, precision and device of the substrate; gradients pass through."""
    if isinstance(substrate, torch.Tensor):
        return torch.as_tensor(weight, dtype=substrate.dtype, device=substrate.device)
    return np.asarray(weight, dtype=np.result_type(substrate, np.float32))


def _softmax(scores: Any) -> Any:
    return torch.softmax(scores, -1) if isinstance(scores, torch.Tensor) else softmax(scores, axis=-1)


# ---- making boundaries


def make_attention_boundary(
    key_weight: Any, query_weight: Any, value_weight: Any, positions: Any = None
) -> AttentionBoundary:
    """Make a boundary from weights; with one head, the first axis may be left out. Source: twm Eq. (8)."""
    W_K, W_Q, W_V = (each[None] if each.ndim == 2 else each for each in (key_weight, query_weight, value_weight))
    (heads, dim), width = W_V.shape[:2], W_K.shape[-1]
    wanted = {"value_weight": (W_V, (heads, dim, dim)), "key_weight": (W_K, (heads, dim, width))}
    wanted["query_weight"] = (W_Q, (heads, width, dim))
    if positions is not None:
        wanted["positions"] = (positions, (len(positions), dim))
    for name, (weight, shape) in wanted.items():
        require(tuple(weight.shape) == shape, f"{name} must have shape {shape}, not {tuple(weight.shape)}")
    return AttentionBoundary(W_K, W_Q, W_V, positions)


def make_random_attention(
    dim: int, heads: int = 1, width: int | None = None, history: int | None = None, seed: int = 0,
    sharpness: float = 2.0,
) -> AttentionBoundary:  # fmt: skip
    """Draw a boundary whose autonomous run neither decays nor grows, with positions if ``history`` is given.

    A softmax average can only shrink columns. Therefore scores of columns of -1 and 1 have standard deviation
    ``sharpness``, and the heads' value weights differ but sum to a slow rotation: columns that are nearly equal, as in
    a long autonomous run, keep nearly their full norm."""
    require(0 < sharpness < np.inf, f"sharpness must be a positive number, not {sharpness!r}")
    dim, heads = require_count(dim, "dim"), require_count(heads, "heads")
    width = dim if width is None else require_count(width, "width")
    generator = np.random.default_rng(require_count(seed, "seed", 0))
    # Such columns have norm sqrt(dim); the score is a sum of width products of two Gaussian projections of them.
    scale = np.sqrt(sharpness / (dim * np.sqrt(width)))
    keys = generator.standard_normal((heads, dim, width)) * scale
    queries = generator.standard_normal((heads, width, dim)) * scale
    turn = generator.standard_normal((dim, dim))
    turn = turn - turn.T
    turn = expm(turn * (_TURN / max(np.linalg.norm(turn, 2), 1e-300)))
    apart = generator.standard_normal((heads, dim, dim)) / np.sqrt(dim)
    values = (turn + 0.5 * (apart - apart.mean(0))) / heads
    positions = None if history is None else generator.standard_normal((history, dim)) / np.sqrt(dim)
    return make_attention_boundary(keys, queries, values, positions)


def make_positional_attention(matrix: np.ndarray, history: int, dim: int, margin: float) -> AttentionBoundary:
    """Make a boundary that approximates a linear one, F (dim, history*dim), by attending to positions alone.

    Column c has position 3 e_c. One head per column that F reads has the key e_c and a query that reads the newest
    column's own position, so its score for column c leads by at least ``margin`` for any values in [-1, 1]. As the
    margin grows, softmax selects a single column and f tends to F. Source: beyond the paper; twm Eq. (5)."""
    history, dim, F = require_count(history, "history"), require_count(dim, "dim"), np.asarray(matrix, dtype=float)
    require(F.shape == (dim, history * dim), f"matrix must have shape {(dim, history * dim)}, not {F.shape}")
    require(history <= dim, f"history must be at most dim = {dim} for orthogonal labels, not {history}")
    require(0 < margin < np.inf, f"margin must be a positive number, not {margin!r}")
    require(np.abs(F).sum(1).max() <= 1 + 1e-12, "every row of matrix must have an absolute sum of at most 1")
    blocks = F.reshape(dim, history, dim).transpose(1, 0, 2)
    read = np.flatnonzero(blocks.any((1, 2)))
    labels = np.eye(history, dim)
    # The newest column's query is at least (3 - 1) and the key of column c leads by at least (3 - 2).
    queries = np.tile(labels[-1] * (margin / ((_LABEL - 1) * (_LABEL - 2))), (len(read), 1, 1))
    return make_attention_boundary(labels[read][:, :, None], queries, blocks[read], _LABEL * labels)


def bound_positional_error(history: int, margin: float, steps: int) -> float:
    """Bound each component's error in an autonomous run of ``make_positional_attention`` in [-1, 1], against its matrix."""
    # A step gives wrong columns a weight of at most (history - 1) exp(-margin); entries differ by at most 2; errors add.
    return steps * 2.0 * (history - 1) * float(np.exp(-margin))


# ---- decoding as a transformer does


def _attend(boundary: AttentionBoundary, asking: Any, labelled: Any, contents: Any, mask: Any = None) -> torch.Tensor:
    """Run torch's attention, which divides scores by sqrt(width); Eq. (8) does not, so W_Q carries that factor."""
    W_K, W_Q, W_V = boundary.cast_weights(contents)
    asking, labelled, contents = (each[..., None, :, :] for each in (asking, labelled, contents))
    query = asking @ (W_Q * W_Q.shape[-2] ** 0.5).mT
    return scaled_dot_product_attention(query, labelled @ W_K, contents @ W_V.mT, attn_mask=mask).sum(-3)


def run_sliding_window(boundary: AttentionBoundary, initial: torch.Tensor, steps: int) -> torch.Tensor:
    """Generate tokens with attention over the last ``history``: (..., history + steps, dim). Source: twm Sec. 3.2."""
    history, tokens = initial.shape[-2], list(initial.unbind(-2))
    for _ in range(require_count(steps, "steps", 0)):
        window = torch.stack(tokens[-history:], -2)
        labelled = boundary.label(window)
        tokens.append(_attend(boundary, labelled[..., -1:, :], labelled, window)[..., 0, :])
    return torch.stack(tokens, -2)


class KeyValueCache:
    """Keys and values of the last ``history`` tokens, (..., heads, slot, width or dim); a new token replaces the oldest.

    A position belongs to a place in the window, not to a token, so its part of the key is added only at reading."""

    def __init__(self, boundary: AttentionBoundary, initial: Any) -> None:
        """Fill the cache with the first tokens (..., history, dim), oldest first."""
        self._W_K, self._W_Q, self._W_V = boundary.cast_weights(initial)
        self._positions = boundary.label(initial * 0)
        self._newest, self.oldest = initial[..., -1, :], 0
        self.keys, self.values = self._project(initial[..., None, :, :])

    def read(self) -> Any:
        """Return the next token (..., dim), without storing it."""
        history = self.keys.shape[-2]
        places = [(slot - self.oldest) % history for slot in range(history)]
        keys = self.keys + self._positions[..., None, places, :] @ self._W_K
        asking = self._newest + self._positions[..., -1, :]
        weights = _softmax((keys * (asking[..., None, None, :] @ self._W_Q.swapaxes(-1, -2))).sum(-1))
        return (weights[..., None, :] @ self.values)[..., 0, :].sum(-2)

    def write(self, token: Any) -> None:
        """Put a token's key and value in the oldest slot; nothing else is computed or moved."""
        key, value = self._project(token[..., None, None, :])
        self.keys[..., self.oldest, :], self.values[..., self.oldest, :] = key[..., 0, :], value[..., 0, :]
        self.oldest = (self.oldest + 1) % self.keys.shape[-2]
        self._newest = token

    def _project(self, tokens: Any) -> tuple[Any, Any]:
        return tokens @ self._W_K, tokens @ self._W_V.swapaxes(-1, -2)


def run_with_cache(boundary: AttentionBoundary, initial: Any, steps: int) -> Any:
    """Generate tokens one by one from a key-value cache: (..., history + steps, dim)."""
    cache, tokens = KeyValueCache(boundary, initial), [initial[..., place, :] for place in range(initial.shape[-2])]
    for _ in range(require_count(steps, "steps", 0)):
        tokens.append(cache.read())
        cache.write(tokens[-1])
    return stack_arrays(tokens, -2)


def make_window_mask(length: int, history: int) -> torch.Tensor:
    """Return a mask (length, length): each token (row) attends to itself and the ``history - 1`` tokens before it."""
    age = torch.arange(require_count(length, "length"))[:, None] - torch.arange(length)[None, :]
    return (age >= 0) & (age < require_count(history, "history"))


def predict_in_parallel(boundary: AttentionBoundary, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Predict the token after each of (..., length, dim) in one masked pass, as a transformer does in training."""
    unlabelled = boundary.positions is None
    require(unlabelled, "predict_in_parallel needs a boundary without positions: they count from the window's start")
    return _attend(boundary, tokens, tokens, tokens, mask)


@dataclass(frozen=True)
class DecoderErrors:
    """Errors of two decoding loops against the wave, per step, relative to the wave's largest component."""

    window: np.ndarray  # (steps,) largest difference of run_sliding_window
    cache: np.ndarray  # (steps,) largest difference of run_with_cache
    lengths: np.ndarray  # (steps, ...) Euclidean norm of the newest column


def compare_decoders(boundary: AttentionBoundary, initial: torch.Tensor, steps: int) -> DecoderErrors:
    """Compare the sliding window and the cache with the wave, all run from (..., history, dim). Source: twm Eq. (3) and (8)."""
    wave = simulate_wave(initial, boundary, require_count(steps, "steps"))[1:, ..., -1, :]
    differences = []
    for run in (run_sliding_window, run_with_cache):
        tokens = run(boundary, initial, steps)[..., -steps:, :].movedim(-2, 0)
        gap = (tokens - wave).abs() / wave.abs().max()
        differences.append(gap.reshape(steps, -1).amax(1).numpy())
    return DecoderErrors(*differences, wave.norm(dim=-1).numpy())
