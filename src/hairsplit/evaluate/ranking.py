"""Rank statistics: average precision, its 11-point form and AUC, of items drawn any number of times.

An item of weight w stands for w copies of itself, so that one function gives both the number (all weights 1) and its
bootstrap (weights of a resample). Scores within `metrics.TIE` of each other tie.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hairsplit.core.run import number
from hairsplit.core.types import Estimate
from hairsplit.evaluate.metrics import TIE
from hairsplit.evaluate.statistics import LEVEL, RESAMPLES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Measures = Callable[[IntArray], FloatArray]
"""Weights of the items [b, n] -> some numbers of each resample [k, b]; NaN where one is not defined."""

_CELLS = 2_000_000
"""Weights drawn at once, 8 bytes each; some five arrays of that size are in memory."""
_DRAWS = 200
"""Random orders of which the chance of the 11-point form is the mean."""


@dataclass(frozen=True)
class Ranking:
    """Positives and negatives by falling score, each an item number."""

    positives: IntArray
    """[P]"""
    negatives: IntArray
    """[N]"""
    above: IntArray
    """[P] how many negatives score higher than each positive."""
    not_below: IntArray
    """[P] the same, with those that tie."""


def ranking(scores: ArrayLike, positive: ArrayLike, negative: ArrayLike) -> Ranking:
    """Order items by score.

    Args:
        scores: [n] of all items.
        positive: Numbers of the items that are to be found.
        negative: Numbers of those that are not; items in neither are not asked about.
    """
    values = np.asarray(scores, np.float64)
    found, others = np.asarray(positive, np.int64), np.asarray(negative, np.int64)
    found, others = (side[np.argsort(-values[side], kind="stable")] for side in (found, others))
    falling = -values[others]
    above = np.searchsorted(falling, -values[found] - TIE, side="left")
    not_below = np.searchsorted(falling, -values[found] + TIE, side="right")
    return Ranking(found, others, above.astype(np.int64), not_below.astype(np.int64))


def average_precision(ranked: Ranking, weights: IntArray, *, ties_hit: bool = False) -> FloatArray:
    """Mean over the positives of the precision down to each one, [b] (Manning et al., Information Retrieval, 8.4).

    A negative that ties with a positive stands before it, or after it with `ties_hit`.
    """
    mine, seen = _positives(ranked, weights)
    before = _weight_of(ranked, weights, ranked.above if ties_hit else ranked.not_below)
    # the copies of a positive stand at places seen - mine + 1 to seen, each behind the same negatives
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, weights.sum(axis=1).max() + 1))])
    precision = mine - before * (harmonic[seen + before] - harmonic[seen - mine + before])
    return _ratio(precision.sum(axis=1), mine.sum(axis=1))


def eleven_point_precision(ranked: Ranking, weights: IntArray, *, ties_hit: bool = False) -> FloatArray:
    """Mean over recalls 0, 0.1, ..., 1 of the best precision at that recall or more, [b].

    That of PASCAL VOC until 2009 (Everingham et al., IJCV 88, 2010, 4.2); ties as in `average_precision`.
    """
    mine, seen = _positives(ranked, weights)
    before = _weight_of(ranked, weights, ranked.above if ties_hit else ranked.not_below)
    total = mine.sum(axis=1)
    return np.where(total > 0, _eleven_points(seen, before), np.nan)


def _eleven_points(seen: IntArray, before: IntArray) -> FloatArray:
    """[b], of the positives down to each one and the negatives before it, [b, P] both."""
    precision = np.divide(seen, seen + before, out=np.zeros(seen.shape), where=seen > 0)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    row, points = np.arange(len(seen)), np.zeros(len(seen))
    for tenth in range(11):
        first = (10 * seen < tenth * seen[:, -1:]).sum(axis=1)  # positive at which this recall is reached
        points += best[row, first]
    return points / 11


def auc(ranked: Ranking, weights: IntArray) -> FloatArray:
    """Share of (positive, negative) pairs in the right order, a tie being half, [b]; chance is 0.5.

    The area under the ROC curve, or U / PN of Mann and Whitney (Annals of Mathematical Statistics 18, 1947).
    """
    mine, _ = _positives(ranked, weights)
    lost = _weight_of(ranked, weights, ranked.above) + _weight_of(ranked, weights, ranked.not_below)
    others = weights[:, ranked.negatives].sum(axis=1)
    right = (mine * (others[:, None] - lost / 2)).sum(axis=1)
    return _ratio(right, mine.sum(axis=1) * others)


def average_precision_chance(positives: int, negatives: int) -> float:
    """Exact mean of `average_precision` over all orders of so many items, at least one of them positive."""
    n = positives + negatives
    harmonic = math.fsum(1 / k for k in range(1, n + 1))
    return (harmonic + ((positives - 1) / (n - 1) * (n - harmonic) if n > 1 else 0.0)) / n


def eleven_point_chance(positives: int, negatives: int, *, seed: int = 0) -> float:
    """Mean of `eleven_point_precision` over some random orders: it has no closed form."""
    rng = np.random.default_rng(number(seed, "11-point chance", positives, negatives))
    items = positives + negatives
    places = [np.sort(rng.choice(items, positives, replace=False, shuffle=False)) for _ in range(_DRAWS)]
    rank = np.arange(positives)
    return float(_eleven_points(np.tile(rank + 1, (_DRAWS, 1)), np.stack(places) - rank).mean())


def clustered(
    measures: Measures, clusters: IntArray, *, chance: Sequence[float], n: Sequence[int], seed: int = 0
) -> list[Estimate | None]:
    """Estimates of k measures, with percentile intervals under resampling of whole clusters.

    Args:
        measures: What is measured.
        clusters: [n] the image of each item, numbered from 0.
        chance: What a random order would score, of each measure.
        n: Items that each measure is about.
        seed: Of the resampling.

    Returns:
        None where a measure is not defined. Low and high are NaN for fewer than two clusters, and where no resample
        differs from the rest: a perfect order of a sample is no proof of a perfect model. A resample in which a measure
        is not defined is not looked at. An interval is widened to hold the value where copies of an item, which stand
        together in a resample, move all resamples to one side of it.
    """
    values = measures(np.ones((1, len(clusters)), np.int64))[:, 0]
    count = int(clusters.max()) + 1
    rng = np.random.default_rng(number(seed, "bootstrap"))
    step = max(1, _CELLS // len(clusters))
    parts = [np.empty((len(values), 0))]
    for start in range(0, RESAMPLES if count > 1 else 0, step):
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=min(step, RESAMPLES - start))
        parts.append(measures(drawn[:, clusters]))
    draws = np.concatenate(parts, axis=1)
    return [
        None if math.isnan(value) else Estimate(value, *_interval(own, value), size, guess)
        for value, own, size, guess in zip(values.tolist(), draws, n, chance, strict=True)
    ]


def _interval(draws: FloatArray, value: float) -> tuple[float, float]:
    known = draws[~np.isnan(draws)]
    if not len(known) or np.ptp(known) == 0:
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return min(float(low), value), max(float(high), value)


def _positives(ranked: Ranking, weights: IntArray) -> tuple[IntArray, IntArray]:
    """Weight of each positive, and of all down to it, [b, P] both."""
    mine = weights[:, ranked.positives]
    return mine, np.cumsum(mine, axis=1)


def _weight_of(ranked: Ranking, weights: IntArray, first: IntArray) -> IntArray:
    """Weight of the `first` negatives, [b, P]."""
    sums = np.cumsum(weights[:, ranked.negatives], axis=1)
    return np.concatenate([np.zeros((len(weights), 1), np.int64), sums], axis=1)[:, first]


def _ratio(top: FloatArray, bottom: IntArray) -> FloatArray:
    found: FloatArray = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    return found
