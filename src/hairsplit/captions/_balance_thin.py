"""Which pairs to leave out so that an edit and its reverse, or a gap and its opposite, are equally frequent."""

import numpy as np
from numpy.typing import NDArray

from hairsplit.captions._balance_columns import Rows

Mask = NDArray[np.bool_]
SMALL = 16
"""Pairs of a cell below which an excess says nothing: what has no partner then looks for one in the coarser cell."""
PAIRS_PER_BIN = 200
MOST_BINS = 20


def by_cells(cells: NDArray[np.uint64], forward: Mask, *, strict: bool) -> Mask:
    """Which pairs to keep, so that cells hold as many forward as backward ones.

    In each cell, fine to coarse, forward pairs are matched with backward ones. What is over is left out if the cell is
    large; if it is small, it is matched within the coarser cell instead.

    Args:
        cells: [n, levels] cells, each level a union of cells of the one before; rows in order of preference.
        forward: [n] direction of the edit.
        strict: Whether what is over in a small cell of the last level is left out as well.
    """
    kept = np.zeros(len(forward), bool)
    alive = np.ones(len(forward), bool)
    for level in range(cells.shape[1]):
        rows = np.flatnonzero(alive)
        _, cell, sizes = np.unique(cells[rows, level], return_inverse=True, return_counts=True)
        waiting = ~kept[rows]
        kept[rows[waiting]] = mirrored(cell[waiting], forward[rows[waiting]])
        alive[rows[~kept[rows] & (sizes[cell] >= SMALL)]] = False
    return kept if strict else alive


def mirrored(cell: Rows, positive: Mask) -> Mask:
    """[n] as many rows of one sign as of the other in each cell, the first of each.

    Args:
        cell: [n] numbers of cells.
        positive: [n] sign of a row.
    """
    if not len(cell):
        return np.zeros(0, bool)
    group = 2 * cell + positive
    sizes = np.bincount(group, minlength=2 * (int(cell.max()) + 1))
    least = sizes.reshape(-1, 2).min(axis=1)
    order = np.argsort(group, kind="stable")
    place = np.empty(len(group), np.int64)
    place[order] = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(place < least[cell])


def by_gaps(gaps: NDArray[np.float64], half: Mask) -> Mask:
    """Which pairs to keep: in each bin of the size of the gap, as many above 0 as below, for each half of the images.

    Pairs without a gap are kept. The bins hold equally many pairs, some hundreds each.
    """
    kept: Mask = gaps == 0
    rows = np.flatnonzero(~kept)
    size = np.abs(gaps[rows])
    bins = min(MOST_BINS, max(1, len(rows) // (2 * PAIRS_PER_BIN)))
    edges = np.quantile(size, np.arange(1, bins) / bins) if bins > 1 else np.empty(0)
    cell = 2 * np.searchsorted(edges, size, side="right") + half[rows]
    kept[rows[mirrored(cell, gaps[rows] > 0)]] = True
    return kept
