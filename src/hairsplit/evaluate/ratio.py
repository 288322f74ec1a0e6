"""Shares of sums with intervals clustered by image: what part of one quantity another one makes up, over many pairs."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hairsplit.core.types import Estimate
from hairsplit.evaluate.statistics import LEVEL, RESAMPLES, Labels, resampled_totals


def clustered_ratio(
    parts: ArrayLike,
    wholes: ArrayLike,
    clusters: Labels,
    *,
    chance: float | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate | None:
    """Sum of `parts` over the sum of `wholes`, both [n], with its interval under resampling of whole clusters.

    The ratio of sums, not the mean of ratios: single wholes may be 0 or of either sign, where a ratio of their own
    would be anything. It is the mean of the ratios with the wholes as weights.

    Args:
        parts: [n].
        wholes: [n].
        clusters: n labels, the image of each item.
        chance: What a quantity that knows nothing would make up.
        seed: Of the resampling.
        resamples: How many times the clusters are redrawn.

    Returns:
        None where there is no item, or the wholes add up to 0. Low and high are NaN for fewer than two clusters, and
        where the sum of the wholes has no certain sign, i.e. its own interval holds 0: then the ratio has no bounds
        (Fieller, J. R. Stat. Soc. B 16, 1954), and its value says nothing.

    Raises:
        ValueError: Lengths differ.
    """
    top, bottom = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    if top.shape != bottom.shape or top.ndim != 1 or len(top) != len(clusters):
        raise ValueError(f"{top.shape} parts, {bottom.shape} wholes, {len(clusters)} clusters")
    if not bottom.sum():
        return None
    names, of_item = np.unique(np.asarray(clusters), return_inverse=True)
    sums: NDArray[np.float64] = np.stack(
        [np.bincount(of_item, weights=one, minlength=len(names)).astype(np.float64) for one in (top, bottom)], axis=1
    )
    low = high = math.nan
    if len(names) > 1:
        ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
        draws = np.concatenate(list(resampled_totals(sums, np.ones(len(sums), np.int64), seed, resamples)))
        first, last = np.quantile(draws[:, 1], ends)
        if first > 0 or last < 0:
            kept = draws[draws[:, 1] != 0]
            low, high = (float(end) for end in np.quantile(kept[:, 0] / kept[:, 1], ends))
    return Estimate(float(top.sum() / bottom.sum()), low, high, len(top), chance)
