"""What is left of the histories of -1 and 1 under a boundary, counted over all of them.

The outputs of the first s steps are the window after s steps, and everything later follows from it. So histories can be
told apart by their outputs exactly if they lead to different windows after s steps. For a linear f this is the rule that
what is never read need not be kept; a nonlinear f forgets by merging histories.
"""

import numpy as np

from twm.errors import require
from twm.theory.systems import HDS

#: The largest number of components whose histories are counted one by one.
MOST = 20


def list_successors(hds: HDS) -> np.ndarray:
    """Return the next window of every window, as numbers (2^(s*d),) whose bit ``column*d + dimension`` is set for +1."""
    require(hds.size <= MOST, f"histories of {hds.size} components are too many to count: at most {MOST}")
    codes, weights = np.arange(2**hds.size), 2 ** np.arange(hds.size - hds.dim, hds.size)
    newest = [(hds.boundary(decode_windows(part, hds)) > 0) @ weights for part in np.split(codes, -(-len(codes) // 2**15))]
    return codes >> hds.dim | np.concatenate(newest)


def decode_windows(codes: np.ndarray, hds: HDS) -> np.ndarray:
    """Return the windows of some numbers, (count, s, d) int8 of -1 and 1."""
    signs = 2 * (np.asarray(codes)[:, None] >> np.arange(hds.size) & 1) - 1
    return signs.astype(np.int8).reshape(-1, hds.history, hds.dim)


def merge_histories(successors: np.ndarray, steps: int) -> list[np.ndarray]:
    """Return the windows that are left after 0, 1, ..., ``steps`` steps, each an array of different numbers."""
    left = [np.arange(len(successors))]
    for _ in range(steps):
        left.append(np.unique(successors[left[-1]]))
    return left


def measure_influence(successors: np.ndarray, hds: HDS) -> np.ndarray:
    """Return for each component (s, d) the share of windows in which its sign changes any later output at all."""
    codes = np.arange(len(successors))
    final = codes
    for _ in range(hds.history):
        final = successors[final]
    shares = [(final[codes ^ 1 << place] != final).mean() for place in range(hds.size)]
    return np.reshape(shares, (hds.history, hds.dim))
