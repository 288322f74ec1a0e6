"""Readers blind to the image: how much better the true caption reads than the negative, as seen from the other half.

Each is fitted on one half of the images and reads the other half, so that no pair is judged by what it taught itself.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import LogisticRegression

from hairsplit.captions._balance_columns import Columns, Rows
from hairsplit.core.types import Estimate

Gaps = NDArray[np.float64]
READERS: dict[str, str] = {
    "words": "logistic regression on words and pairs of words",
    "characters": "logistic regression on runs of two to four characters",
    "plausibility": "how much more often than by chance the captions of the other half put the words together (PMI)",
    "length": "which text is longer, in characters",
}
"""Name -> what it goes by."""
LEARNED = frozenset({"words", "characters"})
"""Readers that learn from examples which side is true."""
MOST_TO_FIT = 50_000
"""Pairs of a family and half that a reader learns from; the first of them by hash where there are more."""
_FEATURES = 1 << 18
_VECTORIZERS = {
    "words": {"ngram_range": (1, 2), "token_pattern": r"(?u)\w+|[^\w\s]"},
    "characters": {"ngram_range": (2, 4), "analyzer": "char"},
}
_SMOOTH = 0.5
_Z = 1.959963984540054
"""97.5 % point of the normal distribution."""


class Features:
    """What the readers look at in the pairs of one family; made once, whatever is left out of them later."""

    def __init__(self, columns: Columns, rows: Rows, weights: tuple[Gaps, Gaps]) -> None:
        """`weights` are those of `pmi_of_halves`."""
        self.columns = columns
        self.weights = weights
        self.rows = rows
        self.half = columns.half[rows]
        texts, self._text = np.unique(columns.text[rows], return_inverse=True)
        before, after = ([columns.texts[number][side] for number in texts.tolist()] for side in (0, 1))
        self._differences = {name: _difference(before, after, options) for name, options in _VECTORIZERS.items()}

    def gaps(self, kept: NDArray[np.bool_]) -> dict[str, Gaps]:
        """Reader -> [n] by how much the caption reads better, 0 for no difference; fitted on the pairs that are kept.

        Those of the learned readers are log-odds (nats), those of plausibility nats.
        """
        found = {name: self._learned(name, kept) for name in _VECTORIZERS}
        found["plausibility"] = self._plausibility()
        found["length"] = self.columns.lengths[self.rows, 1].astype(np.float64)
        return found

    def _learned(self, name: str, kept: NDArray[np.bool_]) -> Gaps:
        differences = self._differences[name]
        scores = np.zeros(len(self.rows))
        for half in (False, True):
            learnt = np.flatnonzero(kept & (self.half == half))[:MOST_TO_FIT]
            weights = _fit(differences[self._text[learnt]])
            if weights is not None:
                judged = self.half != half
                scores[judged] = np.round(differences @ weights, 9)[self._text[judged]]
        return scores

    def _plausibility(self) -> Gaps:
        """Of the combinations that only one side puts together; counted in the captions of all families."""
        scores = np.zeros(len(self.rows))
        for half, weights in enumerate(self.weights):
            judged = self.half != bool(half)
            rows = self.rows[judged]
            gap = self.columns.gained.take(rows).sums(weights) - self.columns.lost.take(rows).sums(weights)
            scores[judged] = np.round(gap, 9)
        return scores


def _difference(before: list[str], after: list[str], options: Mapping[str, Any]) -> Any:
    """Counts of the caption's n-grams less the negative's, sparse [n, features]."""
    vectorizer = HashingVectorizer(
        n_features=_FEATURES, alternate_sign=False, norm=None, lowercase=False, dtype=np.float32, **options
    )
    found = vectorizer.transform(before) - vectorizer.transform(after) if before else csr_matrix((0, _FEATURES))
    found.eliminate_zeros()
    return found


def _fit(differences: Any) -> Gaps | None:
    """Weights of a logistic regression without intercept by which the true caption scores higher, or None.

    The loss of (x, true) is that of (-x, false): every other row is turned round, so that there are two classes.
    """
    told = differences[np.diff(differences.indptr) > 0]
    if told.shape[0] < 2:
        return None
    signs = np.where(np.arange(told.shape[0]) % 2, -1.0, 1.0)
    used, columns = np.unique(told.indices, return_inverse=True)  # of the hashed features only a few occur
    dense = csr_matrix((told.data * np.repeat(signs, np.diff(told.indptr)), columns, told.indptr), dtype=np.float64)
    model = LogisticRegression(fit_intercept=False, max_iter=300, tol=1e-3)
    model.fit(dense, signs > 0)
    weights = np.zeros(_FEATURES)
    weights[used] = model.coef_[0]
    return weights


def pmi_of_halves(columns: Columns) -> tuple[Gaps, Gaps]:
    """`pmi` in the captions of either half of the images."""
    return pmi(columns, np.flatnonzero(~columns.half)), pmi(columns, np.flatnonzero(columns.half))


def pmi(columns: Columns, rows: Rows) -> Gaps:
    """[combinations] pointwise mutual information of the parts of each combination in the captions of `rows`, nats.

    Counts are smoothed by 1/2, so that what was never seen is implausible, the more so the commoner its parts are.
    """
    counts = np.bincount(columns.said.take(rows).values, minlength=len(columns.combinations)).astype(np.float64)
    totals: dict[str, float] = {}
    parts: dict[tuple[str, int, str], float] = {}
    for (kind, *words), count in zip(columns.combinations, counts.tolist(), strict=True):
        totals[kind] = totals.get(kind, 0.0) + count
        for place, word in enumerate(words):
            key = (kind, place, word)
            parts[key] = parts.get(key, 0.0) + count

    def one(combination: tuple[str, ...], count: float) -> float:
        kind, *words = combination
        logs = [math.log((parts[kind, place, word] + _SMOOTH) / (totals[kind] + 1)) for place, word in enumerate(words)]
        return math.log((count + _SMOOTH) / (totals[kind] + 1)) - sum(logs)

    return np.array([one(c, n) for c, n in zip(columns.combinations, counts.tolist(), strict=True)], np.float64)


def accuracy(gaps: Gaps, images: NDArray[np.uint64]) -> Estimate:
    """Share of pairs whose true caption a reader takes, a pair that it cannot tell counting 1/2; chance 0.5.

    The 95 % interval is a normal one with the variance of a ratio of sums over images (Cochran, "Sampling Techniques",
    1977, section 6.8): pairs of one image are not independent. It is cheap enough to be taken at every step.
    """
    if not len(gaps):
        return Estimate(math.nan, math.nan, math.nan, 0, 0.5)
    credit = (gaps > 0) + 0.5 * (gaps == 0)
    value = float(credit.mean())
    names, image = np.unique(images, return_inverse=True)
    if len(names) < 2:
        return Estimate(value, math.nan, math.nan, len(gaps), 0.5)
    sums = np.bincount(image, weights=credit - value)
    if not sums.any() and value in {0.0, 1.0}:  # no spread to go by: Wilson's interval of as many trials as images
        edge = len(names) / (len(names) + _Z**2)
        return Estimate(value, edge if value else 0.0, 1.0 if value else 1 - edge, len(gaps), 0.5)
    error = math.sqrt(float(sums @ sums) * len(names) / (len(names) - 1)) / len(gaps)
    return Estimate(value, max(0.0, value - _Z * error), min(1.0, value + _Z * error), len(gaps), 0.5)
