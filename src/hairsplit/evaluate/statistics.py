"""How far a number can be trusted: intervals clustered by image, paired differences, exact McNemar.

Pairs of one image are not independent, so whole images are resampled (cluster bootstrap: Davison and Hinkley,
"Bootstrap Methods and their Application", 1997, section 3.8). Reproducible from the seed; no global random state.

An interval that cannot be known (fewer than two images) has NaN for both ends, never 0: see `is_known`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import number
from hairsplit.core.types import Estimate

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Labels = Sequence[str] | Sequence[int] | NDArray[np.str_] | NDArray[np.int64]
"""One label per item: which image, or which kind, it belongs to."""

RESAMPLES = 2_000
LEVEL = 0.95
_CELLS = 4_000_000
"""Weights drawn at once, 8 bytes each: bounds the memory whatever the number of images."""


def clustered_mean(
    values: ArrayLike,
    clusters: Labels,
    *,
    share: bool = True,
    chance: float | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Mean of `values` [n] over all items (micro), with its percentile interval under resampling of whole clusters.

    The estimator is the ratio of sums, sum of values / number of items, so large clusters weigh more, as in the mean.

    Args:
        values: [n] hits (0 or 1), credits or cosines.
        clusters: n labels, the image of each item.
        share: Whether `values` are hits or credits, whose mean is a share; False for cosines and margins.
        chance: What guessing would score.
        seed: Of the resampling.
        resamples: How many times the clusters are redrawn.

    Returns:
        Low and high are NaN for fewer than two clusters. Hits that are all right or all wrong have no spread to
        resample; they get the Wilson interval of as many independent trials as there are clusters. Equal cosines, which
        are no trials, get an interval without width.

    Raises:
        HairsplitError: There are no values.
    """
    numbers = _values(values, clusters)
    single = np.zeros(len(numbers), np.int64)
    return _estimate(numbers, single, clusters, chance=chance, seed=seed, resamples=resamples, share=share)


def clustered_macro_mean(
    values: ArrayLike,
    kinds: Labels,
    clusters: Labels,
    *,
    weights: Mapping[str, float] | None = None,
    chance: float | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Unweighted mean over kinds of each kind's mean (macro), with its clustered interval; arguments as above.

    With class labels as kinds it is mean per-class recall. With `weights` (kind -> weight) it is the weighted mean of
    the kinds' means, such as a mean over groups of kinds. A resample that holds no item of a kind averages the other
    kinds; the spread of a kind seen on one image only is therefore not in the interval.
    """
    numbers = _values(values, clusters)
    if len(kinds) != len(numbers):
        raise ValueError(f"{len(numbers)} values, but {len(kinds)} kinds")
    names, kind_of_item = np.unique(np.asarray(kinds), return_inverse=True)
    weight = None if weights is None else np.array([weights[str(name)] for name in names])
    return _estimate(numbers, kind_of_item, clusters, weight=weight, chance=chance, seed=seed, resamples=resamples)


def mean_by_kind(
    values: ArrayLike,
    kinds: Labels,
    clusters: Labels,
    *,
    chance: float | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Estimate]:
    """`clustered_mean` of each kind, sorted by its name."""
    numbers, images, names = _values(values, clusters), np.asarray(clusters), np.asarray(kinds)
    if len(names) != len(numbers):
        raise ValueError(f"{len(numbers)} values, but {len(names)} kinds")

    def of_kind(name: object) -> Estimate:
        mine = names == name
        return clustered_mean(numbers[mine], images[mine], chance=chance, seed=seed, resamples=resamples)

    return {str(name): of_kind(name) for name in np.unique(names)}


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    clusters: Labels,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Mean of `second - first` on the same items, with its clustered interval: positive where the second is better.

    Two models that agree on every item get [0, 0]: the sample holds no sign of a difference, of any size.
    """
    before, after = _values(first, clusters), _values(second, clusters)
    single = np.zeros(len(before), np.int64)
    return _estimate(after - before, single, clusters, chance=None, seed=seed, resamples=resamples, share=False)


def paired_macro_difference(
    first: ArrayLike,
    second: ArrayLike,
    kinds: Labels,
    clusters: Labels,
    *,
    weights: Mapping[str, float] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """As `paired_difference`, averaged over kinds, without weights or with those of `clustered_macro_mean`."""
    before, after = _values(first, clusters), _values(second, clusters)
    if len(kinds) != len(before):
        raise ValueError(f"{len(before)} values, but {len(kinds)} kinds")
    names, kind_of_item = np.unique(np.asarray(kinds), return_inverse=True)
    weight = None if weights is None else np.array([weights[str(name)] for name in names])
    options: dict[str, Any] = {"chance": None, "seed": seed, "resamples": resamples, "share": False, "weight": weight}
    return _estimate(after - before, kind_of_item, clusters, **options)


@dataclass(frozen=True)
class McNemar:
    """Items on which two models disagree, and how likely so uneven a split is if neither is better."""

    first_only: int
    second_only: int
    p_value: float
    """Two-sided, exact, with items taken as independent; the clustered interval of the difference is stricter."""


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """Exact McNemar test on hits [n] of two models on the same items: binomial over the discordant ones.

    Without a discordant item the p-value is 1. After McNemar, Psychometrika 12 (1947), in its exact form.
    """
    one, two = np.asarray(first, bool), np.asarray(second, bool)
    if one.shape != two.shape:
        raise ValueError(f"hits of shape {one.shape} and {two.shape} are not of the same items")
    only_one, only_two = int((one & ~two).sum()), int((two & ~one).sum())
    discordant = only_one + only_two
    p_value = float(binomtest(only_one, discordant, 0.5).pvalue) if discordant else 1.0
    return McNemar(only_one, only_two, p_value)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number: those below 0.05 are wrong in any way at most once in 20 times.

    Step-down: the k-th smallest of m is multiplied by m - k + 1, and none falls below a smaller one (Holm,
    Scandinavian Journal of Statistics 6, 1979). Valid however the tests depend on each other.

    Raises:
        ValueError: One is not between 0 and 1.
    """
    values = np.asarray(p_values, np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"not p-values: {list(p_values)}")
    order = np.argsort(values, kind="stable")
    rising = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(rising, 1.0)
    return [float(value) for value in adjusted]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % Wilson score interval of `hits` out of `n` independent trials (Wilson, JASA 22, 1927).

    Raises:
        HairsplitError: n is 0.
    """
    if n < 1:
        raise HairsplitError("no trials", where="interval", hint="the set is empty")
    interval = binomtest(hits, n).proportion_ci(confidence_level=LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def is_known(estimate: Estimate) -> bool:
    """Whether the estimate has an interval; if not, print "interval unknown"."""
    return not (math.isnan(estimate.low) or math.isnan(estimate.high))


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """An estimate for JSON: unknown bounds are null, as JSON has no nan."""
    return {
        "value": estimate.value,
        "low": None if math.isnan(estimate.low) else estimate.low,
        "high": None if math.isnan(estimate.high) else estimate.high,
        "n": estimate.n,
        "chance": estimate.chance,
    }


def estimate_or_null(estimate: Estimate | None) -> dict[str, Any] | None:
    """The same, or null where there is none."""
    return None if estimate is None else estimate_json(estimate)


def _values(values: ArrayLike, clusters: Labels) -> FloatArray:
    numbers = np.asarray(values, np.float64)
    if numbers.ndim != 1 or len(numbers) != len(clusters):
        raise ValueError(f"values of shape {numbers.shape}, but {len(clusters)} clusters")
    if not len(numbers):
        raise HairsplitError("no values to average", where="interval", hint="the set or the kind asked for is empty")
    return numbers


def _estimate(
    values: FloatArray,
    kind_of_item: IntArray,
    clusters: Labels,
    *,
    chance: float | None,
    seed: int,
    resamples: int,
    share: bool = True,
    weight: FloatArray | None = None,
) -> Estimate:
    sums, counts = _per_cluster(values, kind_of_item, clusters)
    kind_weight = np.ones(sums.shape[1]) if weight is None else weight
    value = float(np.average(sums.sum(axis=0) / counts.sum(axis=0), weights=kind_weight))
    if len(sums) < 2:
        low = high = math.nan
    elif share and (np.all(values == 0) or np.all(values == 1)):
        low, high = wilson(len(sums) if value else 0, len(sums))
    else:
        draws = _resampled(sums, counts, kind_weight, seed, resamples)
        low, high = (float(end) for end in np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return Estimate(value, low, high, len(values), chance)


def _per_cluster(values: FloatArray, kind_of_item: IntArray, clusters: Labels) -> tuple[FloatArray, FloatArray]:
    """Sum of values and number of items of each cluster and kind, both [clusters, kinds]."""
    names, cluster_of_item = np.unique(np.asarray(clusters), return_inverse=True)
    kinds = int(kind_of_item.max()) + 1
    cell, cells = cluster_of_item * kinds + kind_of_item, len(names) * kinds
    sums: FloatArray = np.bincount(cell, weights=values, minlength=cells).astype(np.float64)
    counts: FloatArray = np.bincount(cell, minlength=cells).astype(np.float64)
    return sums.reshape(-1, kinds), counts.reshape(-1, kinds)


def _resampled(sums: FloatArray, counts: FloatArray, kind_weight: FloatArray, seed: int, resamples: int) -> FloatArray:
    """The estimate in each resample, [resamples]; clusters are drawn with replacement, as many as there are.

    How often each cluster is drawn is multinomial. Clusters with equal sums and counts are exchangeable, so only the
    number drawn of each distinct row matters, which is multinomial too: exact, and for hits there are few such rows.
    """
    rows, frequency = np.unique(np.hstack([sums, counts]), axis=0, return_counts=True)
    kinds, draws = sums.shape[1], []
    for totals in resampled_totals(rows, frequency, seed, resamples):  # [b, 2 * kinds]
        top, bottom = totals[:, :kinds], totals[:, kinds:]
        present = bottom > 0
        ratio = np.divide(top, bottom, out=np.zeros_like(top), where=present)
        draws.append(ratio @ kind_weight / (present @ kind_weight))
    return np.concatenate(draws)


def resampled_totals(rows: FloatArray, frequency: ArrayLike, seed: int, resamples: int) -> Iterator[FloatArray]:
    """Sums over the clusters of each resample, in blocks [b, columns] that together have `resamples` rows.

    Args:
        rows: [distinct rows, columns], a cluster's sums.
        frequency: How many clusters each row stands for, [distinct rows].
        seed: Of the resampling.
        resamples: How many times the clusters are redrawn, with replacement, as many as there are.
    """
    each = np.asarray(frequency)
    rng = np.random.default_rng(number(seed, "bootstrap"))
    step = max(1, _CELLS // len(rows))
    for start in range(0, resamples, step):
        weights = rng.multinomial(each.sum(), each / each.sum(), size=min(step, resamples - start))
        yield weights @ rows
