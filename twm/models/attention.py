"""A trainable network whose state is the substrate and whose boundary is self-attention."""

import torch
from torch import Tensor, nn

from twm.errors import require, require_count
from twm.models.kernels import draw_matrix
from twm.theory.attention import AttentionBoundary, make_attention_boundary


class AttentionRNN(nn.Module):
    """Recurrent network whose state is the wave substrate: the shift is built in, and only the boundary is learnt.

    There is no bias, normalisation or feed-forward layer. The weights are those of Eq. (8), with keys of length
    ``width`` (``dim`` if not given), and position vectors if ``labelled``. Initial weights are uniform within one over
    the square root of the number of summed terms. Source: twm Eq. (8); heads and positions are additions."""

    def __init__(
        self, history: int, dim: int, heads: int = 1, width: int | None = None, labelled: bool = True, seed: int = 0
    ) -> None:
        super().__init__()
        self.history, self.dim = require_count(history, "history"), require_count(dim, "dim")
        heads = require_count(heads, "heads")
        width = dim if width is None else require_count(width, "width")
        generator = torch.Generator().manual_seed(require_count(seed, "seed", 0))

        def draw(summed: int, *shape: int) -> nn.Parameter:
            return nn.Parameter(draw_matrix(shape, summed, "uniform", generator))

        self.key_weight = draw(dim, heads, dim, width)
        self.query_weight = draw(dim, heads, width, dim)
        self.value_weight = draw(heads * dim, heads, dim, dim)
        self.positions = draw(dim, history, dim) if labelled else None

    def boundary(self) -> AttentionBoundary:
        """Return the network's current boundary, as a copy in float64 numpy arrays."""
        weights = (self.key_weight, self.query_weight, self.value_weight, self.positions)
        copies = [None if weight is None else weight.detach().double().cpu().numpy().copy() for weight in weights]
        return make_attention_boundary(*copies)

    def forward(self, inputs: Tensor, horizon: int) -> Tensor:
        """Fill the window with (history, batch, dim), oldest first, then run without input: (horizon, batch, dim)."""
        horizon = require_count(horizon, "horizon")
        fits = inputs.ndim == 3 and inputs.shape[0] == self.history and inputs.shape[2] == self.dim
        require(fits, f"inputs must be of shape ({self.history}, batch, {self.dim}), not {tuple(inputs.shape)}")
        batch, heads = inputs.shape[1], len(self.value_weight)
        # Combined once per run, not per step: W_K W_Q acts on the newest column, and all value matrices in one product.
        ask = (self.key_weight @ self.query_weight).reshape(heads * self.dim, self.dim)
        tell = self.value_weight.mT.reshape(heads * self.dim, self.dim)
        columns = list(inputs.unbind(0))
        for _ in range(horizon):
            # Stacking the last columns shifts the wave; a window updated at each step would double the backward pass.
            window = torch.stack(columns[-self.history :], 1)
            labelled = window if self.positions is None else window + self.positions
            questions = nn.functional.linear(labelled[:, -1], ask).view(batch, heads, self.dim)
            weights = torch.softmax(torch.bmm(questions, labelled.mT), -1)
            columns.append(torch.bmm(weights, window).view(batch, heads * self.dim) @ tell)
        return torch.stack(columns[self.history :])
