"""What is left of the histories of -1 and 1 under a boundary, counted over all of them.

The outputs of the first s steps are the window after s steps, and everything later follows from that. So two histories
can be told apart by their outputs exactly if they lead to different windows after s steps: an HDS has as many
distinguishable histories as the s-th power of its map has values. For a linear f this is the rule that what is never read
need not be kept; a nonlinear f forgets by merging, which no single component shows.
"""

import numpy as np

from twm.errors import require
from twm.theory.rules import list_points
from twm.theory.systems import HDS, rollout

#: The largest number of components whose histories are counted one by one.
MOST = 20
_CHUNK = 2**15


def list_successors(hds: HDS) -> np.ndarray:
    """Return the next window of every window, as numbers (2^(s*d),) whose bit ``column*d + dimension`` is set for +1."""
    require(hds.size <= MOST, f"histories of {hds.size} components are too many to count: at most {MOST}")
    codes, weights = np.arange(2**hds.size), 2 ** np.arange(hds.size - hds.dim, hds.size)
    newest = [(hds.boundary(decode_windows(part, hds)) > 0) @ weights for part in np.split(codes, -(-len(codes) // _CHUNK))]
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


def bound_odd_accuracy(hds: HDS, windows: np.ndarray, steps: int) -> np.ndarray:
    """Return the best share of right signs at each step (steps,) that an odd network can have on windows (count, s, d) and
    their opposites: its outputs to the two are opposite, so that where f's agree one is wrong. Source: ours."""
    both = [rollout(hds, sign * windows, steps)[:, hds.history :] for sign in (1, -1)]
    return 1 - (both[0] == both[1]).mean((0, 2)) / 2
