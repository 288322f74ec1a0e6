"""How far a fine-tuned model's embeddings have moved from the base model's: cosine of each, and CKA of all."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import number
from hairsplit.core.types import Estimate
from hairsplit.evaluate.embed import Matrix
from hairsplit.evaluate.statistics import LEVEL, clustered_mean

Floats = NDArray[np.float64]

GROUPS = 20
"""Of the delete-a-group jackknife: a bootstrap would hold copies of items, which raise CKA."""
_ROUNDING = 1e-7
"""Of float32, as a share of the largest number: what varies less does not vary."""


@dataclass(frozen=True)
class Drift:
    """Of one set of items, such as the pictures or the captions of a test set."""

    cosine: Estimate | None
    """Mean cosine of an item's new embedding to its old one: 1 where nothing moved. None between models of different
    widths. A rotation of the whole space lowers it and changes no similarity between pictures."""
    cka: Estimate
    """Linear CKA: 1 where the similarities among items are the same up to scale, whatever the rotation."""


def drift(base: Matrix, new: Matrix, clusters: Sequence[str], *, seed: int = 0) -> Drift:
    """Cosine and CKA with intervals.

    Args:
        base: [n, D] unit embeddings before.
        new: [n, D'] of the same items after.
        clusters: n labels; whole clusters are resampled and left out.
        seed: Of resamples and groups.

    Raises:
        HairsplitError: There are fewer than two clusters.
    """
    before, after = np.asarray(base, np.float64), np.asarray(new, np.float64)
    if not len(before) == len(after) == len(clusters):
        raise ValueError(f"{len(before)} old and {len(after)} new embeddings of {len(clusters)} clusters")
    cosine = None
    if before.shape == after.shape:
        cosine = clustered_mean((before * after).sum(axis=1), clusters, share=False, seed=seed)
    return Drift(cosine, _cka_estimate(before, after, clusters, seed))


def linear_cka(first: Floats, second: Floats) -> float:
    """Linear centred kernel alignment of two embeddings [n, D], [n, D'] of the same items (Kornblith et al., 2019, 3).

    ||Y'X||^2 / (||X'X|| ||Y'Y||) in Frobenius norms, of columns with mean 0. With fewer items than dimensions it is
    biased upwards. NaN where one of the two is the same for every item.
    """
    return _aligned(_Sums.of(_centred(first), _centred(second)))


def _centred(embeddings: Floats) -> Floats:
    wide = np.asarray(embeddings, np.float64)
    centred: Floats = wide - wide.mean(axis=0)
    centred[np.abs(centred) <= _ROUNDING * np.abs(wide).max()] = 0.0
    return centred


@dataclass(frozen=True)
class _Sums:
    """Of products and of values over items: those of a subset are differences, so none is computed anew."""

    xx: Floats
    yy: Floats
    yx: Floats
    x: Floats
    y: Floats
    n: int

    @classmethod
    def of(cls, x: Floats, y: Floats) -> "_Sums":
        return cls(x.T @ x, y.T @ y, y.T @ x, x.sum(axis=0), y.sum(axis=0), len(x))

    def without(self, other: "_Sums") -> "_Sums":
        return _Sums(
            self.xx - other.xx,
            self.yy - other.yy,
            self.yx - other.yx,
            self.x - other.x,
            self.y - other.y,
            self.n - other.n,
        )


def _aligned(sums: _Sums) -> float:
    def norm(products: Floats, left: Floats, right: Floats) -> float:
        return float(np.linalg.norm(products - np.outer(left, right) / sums.n))

    own = norm(sums.xx, sums.x, sums.x) * norm(sums.yy, sums.y, sums.y)
    return norm(sums.yx, sums.y, sums.x) ** 2 / own if own > 0 else math.nan


def _cka_estimate(x: Floats, y: Floats, clusters: Sequence[str], seed: int) -> Estimate:
    names, of_item = np.unique(np.asarray(clusters), return_inverse=True)
    if len(names) < 2:
        raise HairsplitError(f"{len(names)} images; drift needs two", where="drift", hint="use a larger set")
    x, y = _centred(x), _centred(y)
    whole = _Sums.of(x, y)
    value, groups = _aligned(whole), min(GROUPS, len(names))
    order = np.random.default_rng(number(seed, "jackknife")).permutation(len(names))
    group_of_cluster = np.empty(len(names), np.int64)
    group_of_cluster[order] = np.arange(len(names)) % groups
    group = group_of_cluster[of_item]
    left = np.array([_aligned(whole.without(_Sums.of(x[group == g], y[group == g]))) for g in range(groups)])
    if not np.isfinite([value, *left]).all():
        return Estimate(value, math.nan, math.nan, len(x))
    spread = float(np.sqrt((groups - 1) * np.mean((left - left.mean()) ** 2)))
    reach = float(student.ppf((1 + LEVEL) / 2, groups - 1)) * spread
    return Estimate(value, max(0.0, value - reach), min(1.0, value + reach), len(x))
