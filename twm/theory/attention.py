"""The self-attention boundary, and the transformer's decoding loops that it equals.

The newest column of the substrate asks, all columns answer, and the answer enters as the next column:

    h_s(t+1) = sum_i  softmax_i( h_i^T W_K W_Q h_s )  W_V h_i,   i = 1..s.

Several heads add up; an output projection is part of each head's ``W_V``. Positions, which Eq. (8) does not have, are
vectors added to the columns where keys and query look at them; the values stay unlabelled, so that what travels is the
content alone. Weights follow the paper's print: ``W_K`` is (dim, width), because a key is ``W_K^T h``, and ``W_Q`` is
(width, dim).

The boundary is written out sum by sum. Beside it stand three ways in which a transformer computes the same thing: a
sliding window through torch's attention, a cache of keys and values, and one masked pass over a whole sequence.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention

from twm.errors import require, require_count
from twm.theory.lattice import simulate_wave

Array = Any
"""A numpy array or a torch tensor; results are of the same kind and precision as the substrate."""

_LABEL = 3.0
_TURN = 0.3


@dataclass(frozen=True)
class AttentionBoundary:
    """A self-attention boundary f, callable on a substrate.

    Attributes:
        key_weight: W_K, (heads, dim, width).
        query_weight: W_Q, (heads, width, dim).
        value_weight: W_V, (heads, dim, dim).
        positions: (history, dim), added to the columns for keys and query; ``None`` for Eq. (8) as printed.

    Source: twm Eq. (8); heads and positions are additions.
    """

    key_weight: Array
    query_weight: Array
    value_weight: Array
    positions: Array | None = None

    @property
    def heads(self) -> int:
        """Number of heads."""
        return int(self.value_weight.shape[0])

    @property
    def dim(self) -> int:
        """Dimension of a column."""
        return int(self.value_weight.shape[-1])

    def weigh(self, substrate: Array) -> Array:
        """Compute how much each column counts.

        Args:
            substrate: (..., history, dim), column 0 the oldest.

        Returns:
            softmax weights (..., heads, history); they are positive and sum to one over the columns.

        Raises:
            UserError: if the substrate does not fit the boundary.
        """
        looked_at = self._label(substrate)[..., None, :, :]
        keys = looked_at @ _like(self.key_weight, substrate)
        query = looked_at[..., -1:, :] @ _like(self.query_weight, substrate).swapaxes(-1, -2)
        return _softmax((keys * query).sum(-1))

    def __call__(self, substrate: Array) -> Array:
        """Return the next column (..., dim) for a substrate (..., history, dim).

        Raises:
            UserError: if the substrate does not fit the boundary.
        """
        mixed = self.weigh(substrate) @ substrate
        values = mixed[..., None, :] @ _like(self.value_weight, substrate).swapaxes(-1, -2)
        return values[..., 0, :].sum(-2)

    def _label(self, substrate: Array) -> Array:
        fits = substrate.ndim >= 2 and substrate.shape[-1] == self.dim and substrate.shape[-2] >= 1
        require(fits, f"substrate must have shape (..., history, {self.dim}), not {tuple(substrate.shape)}")
        if self.positions is None:
            return substrate
        length = len(self.positions)
        require(
            substrate.shape[-2] == length,
            f"substrate must have one column for each of the {length} positions, not {substrate.shape[-2]}",
        )
        return substrate + _like(self.positions, substrate)


def _like(weight: Array, substrate: Array) -> Array:
    """Give ``weight`` the library, precision and device of ``substrate``; gradients pass through."""
    if isinstance(substrate, torch.Tensor):
        return torch.as_tensor(weight, dtype=substrate.dtype, device=substrate.device)
    return np.asarray(weight, dtype=np.result_type(substrate, np.float32))


def _softmax(scores: Array) -> Array:
    if isinstance(scores, torch.Tensor):
        return torch.softmax(scores, -1)
    # Without the shift, scores beyond 709 overflow in float64; the quotient does not depend on it.
    grown = np.exp(scores - scores.max(-1, keepdims=True))
    return grown / grown.sum(-1, keepdims=True)


def make_attention_boundary(
    key_weight: Array, query_weight: Array, value_weight: Array, positions: Array | None = None
) -> AttentionBoundary:
    """Make a self-attention boundary from given weights.

    Args:
        key_weight: W_K, (heads, dim, width), or (dim, width) for one head.
        query_weight: W_Q, (heads, width, dim), or (width, dim).
        value_weight: W_V, (heads, dim, dim), or (dim, dim).
        positions: (history, dim), or ``None``.

    Raises:
        UserError: if the shapes do not belong together.

    Source: twm Eq. (8).
    """
    lift = [weight[None] if weight.ndim == 2 else weight for weight in (key_weight, query_weight, value_weight)]
    key_weight, query_weight, value_weight = lift
    require(
        value_weight.ndim == 3 and value_weight.shape[-1] == value_weight.shape[-2],
        f"value_weight must have shape (heads, dim, dim), not {tuple(value_weight.shape)}",
    )
    heads, dim, _ = value_weight.shape
    width = key_weight.shape[-1]
    for name, weight, expected in (
        ("key_weight", key_weight, (heads, dim, width)),
        ("query_weight", query_weight, (heads, width, dim)),
    ):
        require(tuple(weight.shape) == expected, f"{name} must have shape {expected}, not {tuple(weight.shape)}")
    if positions is not None:
        fits = positions.ndim == 2 and positions.shape[1] == dim
        require(fits, f"positions must have shape (history, {dim}), not {tuple(positions.shape)}")
    return AttentionBoundary(key_weight, query_weight, value_weight, positions)


def make_random_attention(
    dim: int,
    heads: int = 1,
    width: int | None = None,
    history: int | None = None,
    seed: int = 0,
    sharpness: float = 2.0,
) -> AttentionBoundary:
    """Draw a boundary whose free run neither dies out nor grows.

    A softmax average can only shrink what it averages, so most random weights let a run fade away. Here keys and
    queries are Gaussian; the value weights of the heads differ, but their sum over heads is a slow rotation, by at
    most 0.3 radians a step. Columns that agree are therefore passed on at full length, and a free run, which soon has
    columns that nearly agree, keeps its length for hundreds of steps. In one or two dimensions a start can cancel:
    then its mean, and the run, is near zero.

    Args:
        dim: dimension of a column.
        heads: number of heads.
        width: length of a key; ``dim`` if not given.
        history: with a number of columns, Gaussian positions (history, dim) of length about one are drawn as well.
        seed: seed of the draw.
        sharpness: standard deviation of the score of two columns of -1 and 1.

    Returns:
        boundary with float64 numpy weights.

    Raises:
        UserError: if a count is below one or the sharpness is not positive.
    """
    require(np.isfinite(sharpness) and sharpness > 0, f"sharpness must be a positive number, not {sharpness!r}")
    dim, heads = require_count(dim, "dim"), require_count(heads, "heads")
    width = dim if width is None else require_count(width, "width")
    generator = np.random.default_rng(require_count(seed, "seed", 0))
    # Such columns have length sqrt(dim); the score is a sum of width products of two Gaussian projections of them.
    scale = np.sqrt(sharpness / (dim * np.sqrt(width)))
    keys = generator.standard_normal((heads, dim, width)) * scale
    queries = generator.standard_normal((heads, width, dim)) * scale
    turn = generator.standard_normal((dim, dim))
    turn = turn - turn.T
    turn = _expm(turn * (_TURN / max(np.linalg.norm(turn, 2), 1e-300)))
    apart = generator.standard_normal((heads, dim, dim)) / np.sqrt(dim)
    values = (turn + 0.5 * (apart - apart.mean(0))) / heads
    positions = None
    if history is not None:
        positions = generator.standard_normal((require_count(history, "history"), dim)) / np.sqrt(dim)
    return make_attention_boundary(keys, queries, values, positions)


def _expm(matrix: np.ndarray) -> np.ndarray:
    return torch.linalg.matrix_exp(torch.from_numpy(matrix)).numpy()


def make_positional_attention(matrix: np.ndarray, history: int, dim: int, margin: float) -> AttentionBoundary:
    """Make an attention boundary that copies what a linear boundary copies, by looking at positions alone.

    One head for each column that ``matrix`` reads. Column c is labelled by ``3 e_c``; the head of column c has the
    key ``e_c`` and a query that reads the newest column's own label, so its score for column c is ahead of every other
    by at least ``margin``, whatever the contents, as long as they lie in [-1, 1]. Its value weight is the block of
    ``matrix`` that acts on column c. As the margin grows the softmax turns into a choice and the boundary into
    ``matrix``.

    Args:
        matrix: linear boundary (dim, history*dim), rows of absolute sum at most one, so that [-1, 1] is kept.
        history: number of columns; at most ``dim``, because the labels are orthogonal.
        dim: dimension of a column.
        margin: least lead of the right column's score, positive.

    Returns:
        boundary with as many heads as columns are read, width one, and positions.

    Raises:
        UserError: if the shapes do not fit, the margin is not positive, or a row is too large.

    Source: beyond the paper; the linear boundary is twm Eq. (5) with coefficients.
    """
    history, dim = require_count(history, "history"), require_count(dim, "dim")
    matrix = np.asarray(matrix, dtype=np.float64)
    require(matrix.shape == (dim, history * dim), f"matrix must have shape {(dim, history * dim)}, not {matrix.shape}")
    require(history <= dim, f"history must be at most dim = {dim} for orthogonal labels, not {history}")
    require(np.isfinite(margin) and margin > 0, f"margin must be a positive number, not {margin!r}")
    require(np.abs(matrix).sum(1).max() <= 1 + 1e-12, "every row of matrix must have an absolute sum of at most 1")
    blocks = matrix.reshape(dim, history, dim).transpose(1, 0, 2)
    read = np.flatnonzero(np.abs(blocks).sum((1, 2)))
    labels = np.eye(history, dim)
    keys = labels[read][:, :, None]
    # The newest column's query is at least (3 - 1) and the key of column c leads by at least (3 - 2).
    queries = np.broadcast_to(labels[-1] * (margin / ((_LABEL - 1) * (_LABEL - 2))), (len(read), 1, dim)).copy()
    return make_attention_boundary(keys, queries, blocks[read], _LABEL * labels)


def bound_positional_error(history: int, margin: float, steps: int) -> float:
    """Bound how far :func:`make_positional_attention` strays from its matrix in a free run.

    Each step a head gives at most ``(history - 1) exp(-margin)`` of its weight to wrong columns, whose entries differ
    by at most 2; an error already in the window is passed on at most once in full, so errors add up step by step.

    Args:
        history: number of columns.
        margin: as given to :func:`make_positional_attention`.
        steps: number of steps from a common start in [-1, 1].

    Returns:
        bound on the largest absolute difference of any component.
    """
    return steps * 2.0 * (history - 1) * float(np.exp(-margin))


def run_sliding_window(boundary: AttentionBoundary, initial: torch.Tensor, steps: int) -> torch.Tensor:
    """Generate tokens one by one with torch's attention over a window of the last ``history`` tokens.

    torch divides scores by sqrt(width); Eq. (8) does not, so W_Q carries that factor here.

    Args:
        boundary: the attention head(s).
        initial: first tokens (..., history, dim), oldest first.
        steps: how many tokens to generate.

    Returns:
        all tokens (..., history + steps, dim).

    Raises:
        UserError: if the shapes do not fit or ``steps`` is negative.

    Source: twm Sec. 3.2, the autoregressive loop of a transformer.
    """
    steps = require_count(steps, "steps", 0)
    boundary._label(initial)
    history = initial.shape[-2]
    key_weight, query_weight = _like(boundary.key_weight, initial), _like(boundary.query_weight, initial)
    value_weight = _like(boundary.value_weight, initial)
    query_weight = query_weight * query_weight.shape[-2] ** 0.5
    tokens = list(initial.unbind(-2))
    for _ in range(steps):
        window = torch.stack(tokens[-history:], -2)
        looked_at = boundary._label(window)[..., None, :, :]
        query = looked_at[..., -1:, :] @ query_weight.mT
        answer = scaled_dot_product_attention(query, looked_at @ key_weight, window[..., None, :, :] @ value_weight.mT)
        tokens.append(answer[..., 0, :].sum(-2))
    return torch.stack(tokens, -2)


class KeyValueCache:
    """Keys and values of the last ``history`` tokens, in a ring: a new token takes the oldest one's slot.

    Keys are kept without position. A position belongs to a place in the window, not to a token, so its part of the key
    is added when attention is computed, turned to where each slot stands by then.

    Attributes:
        keys: content keys (..., heads, history, width), by slot.
        values: values W_V h (..., heads, history, dim), by slot.
        oldest: slot of the oldest token.
    """

    def __init__(self, boundary: AttentionBoundary, initial: Array) -> None:
        """Fill the cache with the first tokens (..., history, dim), oldest first."""
        boundary._label(initial)
        self._boundary = boundary
        self._key_weight = _like(boundary.key_weight, initial)
        self._query_weight = _like(boundary.query_weight, initial)
        self._value_weight = _like(boundary.value_weight, initial)
        self.keys, self.values = self._project(initial[..., None, :, :])
        self.oldest = 0
        self._newest = initial[..., -1, :]
        self._position_keys = None
        if boundary.positions is not None:
            positions = _like(boundary.positions, initial)
            self._position_keys = positions @ self._key_weight
            self._newest_position = positions[-1]

    def read(self) -> Array:
        """Return the next token (..., dim), without storing it."""
        looked_at, keys = self._newest, self.keys
        if self._position_keys is not None:
            looked_at = looked_at + self._newest_position
            history = keys.shape[-2]
            places = [(slot - self.oldest) % history for slot in range(history)]
            keys = keys + self._position_keys[..., places, :]
        query = looked_at[..., None, None, :] @ self._query_weight.swapaxes(-1, -2)
        weights = _softmax((keys * query).sum(-1))
        return (weights[..., None, :] @ self.values)[..., 0, :].sum(-2)

    def write(self, token: Array) -> None:
        """Put a token's key and value in the oldest slot; nothing else is computed or moved."""
        key, value = self._project(token[..., None, None, :])
        self.keys[..., self.oldest, :] = key[..., 0, :]
        self.values[..., self.oldest, :] = value[..., 0, :]
        self.oldest = (self.oldest + 1) % self.keys.shape[-2]
        self._newest = token

    def _project(self, tokens: Array) -> tuple[Array, Array]:
        return tokens @ self._key_weight, tokens @ self._value_weight.swapaxes(-1, -2)


def run_with_cache(boundary: AttentionBoundary, initial: Array, steps: int) -> Array:
    """Generate tokens one by one from a key-value cache.

    Args:
        boundary: the attention head(s).
        initial: first tokens (..., history, dim), oldest first; numpy or torch.
        steps: how many tokens to generate.

    Returns:
        all tokens (..., history + steps, dim).

    Raises:
        UserError: if the shapes do not fit or ``steps`` is negative.
    """
    cache = KeyValueCache(boundary, initial)
    history = initial.shape[-2]
    tokens = [initial[..., column, :] for column in range(history)]
    for _ in range(require_count(steps, "steps", 0)):
        token = cache.read()
        cache.write(token)
        tokens.append(token)
    return torch.stack(tokens, -2) if isinstance(initial, torch.Tensor) else np.stack(tokens, -2)


def make_window_mask(length: int, history: int) -> torch.Tensor:
    """Return which token may look at which: each at itself and the ``history - 1`` before it.

    Args:
        length: number of tokens.
        history: width of the window.

    Returns:
        boolean mask (length, length), rows the askers, true where they may look.
    """
    age = torch.arange(require_count(length, "length"))[:, None] - torch.arange(length)[None, :]
    return (age >= 0) & (age < require_count(history, "history"))


def predict_in_parallel(boundary: AttentionBoundary, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Predict every next token of a known sequence in one masked pass, as a transformer does in training.

    Args:
        boundary: the attention head(s), without positions.
        tokens: (..., length, dim).
        mask: (length, length), true where a row may look at a column; see :func:`make_window_mask`.

    Returns:
        for each token the prediction of the one after it, (..., length, dim).

    Raises:
        UserError: if the boundary has positions: they count from the window's start, which differs by row.
    """
    require(
        boundary.positions is None, "predict_in_parallel needs a boundary without positions: they belong to a window"
    )
    query_weight = _like(boundary.query_weight, tokens)
    asked = tokens[..., None, :, :]
    answers = scaled_dot_product_attention(
        asked @ (query_weight * query_weight.shape[-2] ** 0.5).mT,
        asked @ _like(boundary.key_weight, tokens),
        asked @ _like(boundary.value_weight, tokens).mT,
        attn_mask=mask,
    )
    return answers.sum(-3)


@dataclass(frozen=True)
class DecoderErrors:
    """How far two decoding loops are from the wave, step by step.

    Attributes:
        window: (steps,) largest difference of :func:`run_sliding_window` from the wave over batch and components,
            relative to the wave's largest component.
        cache: (steps,) the same for :func:`run_with_cache`.
        lengths: (steps, ...) Euclidean norm of the newest column.
    """

    window: np.ndarray
    cache: np.ndarray
    lengths: np.ndarray


def compare_decoders(boundary: AttentionBoundary, initial: torch.Tensor, steps: int) -> DecoderErrors:
    """Run the wave, the sliding window and the key-value cache freely from one start.

    Args:
        boundary: the attention head(s).
        initial: (..., history, dim), oldest first.
        steps: how many steps, at least one.

    Returns:
        the differences by step.

    Raises:
        UserError: if the shapes do not fit.

    Source: twm Eq. (3) and (8).
    """
    history = initial.shape[-2]
    wave = simulate_wave(initial, boundary, require_count(steps, "steps"))[1:, ..., -1, :]
    differences = []
    for run in (run_sliding_window, run_with_cache):
        tokens = run(boundary, initial, steps)[..., history:, :].movedim(-2, 0)
        gap = (tokens - wave).abs() / wave.abs().max()
        differences.append(gap.reshape(steps, -1).amax(1).numpy())
    return DecoderErrors(*differences, wave.norm(dim=-1).numpy())
