"""The text-only baseline: how well a reader blind to the image tells true captions from negatives.

Negatives made by rule can be told by their wording alone, as SugarCrepe (Hsieh et al., NeurIPS 2023, arXiv:2306.14610)
showed of earlier suites; a model's pair accuracy means something only as far as it exceeds this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from hairsplit.core.run import number
from hairsplit.core.types import Estimate
from hairsplit.core.wording import counted
from hairsplit.evaluate.statistics import RESAMPLES, Labels, clustered_macro_mean, clustered_mean, mean_by_kind

CHANCE = 0.5
FOLDS = 5
FEWEST_PAIRS = 10
MOST_PAIRS = 100_000
"""More pairs than this are sampled down: about 20 seconds on one core."""
_TOKENS = r"(?u)\w+|[^\w\s]"
"""One-letter words and punctuation count too: text encoders see them, and they can give a pair away."""


@dataclass(frozen=True)
class TextOnlyBaseline:
    """Pairwise accuracy of the blind reader, cross-validated by image; chance 0.5.

    `overall`, `mean_of_kinds` and `by_kind` are to be printed: a tie, two captions that the reader cannot tell apart
    (the same words and pairs of words, or none seen in training), counts 1/2, what a guess would get; else a set
    that hides its answer well would score 0, not chance. `strict` is the same with ties as misses, as for models.
    """

    overall: Estimate | None
    mean_of_kinds: Estimate | None
    by_kind: dict[str, Estimate]
    strict: Estimate | None
    ties: int
    n_used: int
    """Pairs scored."""
    n_total: int
    """Pairs given; where greater than `n_used`, a seeded sample was drawn."""
    reason: str | None = None
    """Why there is no baseline, or None."""
    credits: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    """[n_used] 1, 1/2 or 0 per pair scored."""
    scores: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    """[n_used] log-odds of the true caption, from a reader that has not seen the image's pairs."""
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), repr=False, compare=False)
    """[n_used] which of the given pairs were scored."""

    @property
    def note(self) -> str:
        """One line on how the number came about, for reports."""
        if self.reason:
            return f"no text-only baseline: {self.reason}"
        sample = (
            f"a sample of {self.n_used:,} of {self.n_total:,}" if self.n_used < self.n_total else f"{self.n_used:,}"
        )
        return f"uni- and bigram logistic regression on {sample} pairs, held out by image; {self.ties:,} ties count 1/2"


def text_only_baseline(
    captions: Sequence[str],
    negatives: Sequence[str],
    kinds: Labels,
    images: Labels,
    *,
    seed: int = 0,
    most_pairs: int = MOST_PAIRS,
    ngrams: tuple[int, int] = (1, 2),
    resamples: int = RESAMPLES,
) -> TextOnlyBaseline:
    """Fit and score the blind reader.

    A logistic regression without intercept on counts(caption) - counts(negative), over uni- and bigrams, one fit per
    fold for all kinds together. No image is in both the training and the held-out part of a fold. Numbers below
    chance mean chance: where a set holds each pair both ways round, what is left for training argues against what is
    held out.

    Args:
        captions: n true captions.
        negatives: n negatives.
        kinds: n kinds.
        images: n labels of the images.
        seed: Of the sample and of the intervals.
        most_pairs: More are sampled down to this many.
        ngrams: Fewest and most words of a feature.
        resamples: For the intervals.

    Returns:
        Estimates are None, with the reason, for fewer than 10 pairs or 2 images, or captions without a word.
    """
    if not len(captions) == len(negatives) == len(kinds) == len(images):
        raise ValueError("captions, negatives, kinds and images must be equally many")
    rows = sample_rows(len(captions), most_pairs, seed)
    image_of_pair, kind_of_pair = np.asarray(images)[rows], np.asarray(kinds)[rows]
    if reason := _too_small(len(rows), len(np.unique(image_of_pair))):
        return _nothing(len(captions), reason)
    differences = _differences([captions[row] for row in rows], [negatives[row] for row in rows], ngrams)
    if differences is None:
        return _nothing(len(captions), "the captions hold no word")
    return read_blind(
        differences, kind_of_pair, image_of_pair, rows=rows, n_total=len(captions), seed=seed, resamples=resamples
    )


def read_blind(
    differences: Any,
    kind_of_pair: NDArray[Any],
    image_of_pair: NDArray[Any],
    *,
    rows: NDArray[np.int64],
    n_total: int,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> TextOnlyBaseline:
    """Fit and score a reader of any features of the texts.

    Args:
        differences: Features of the caption less the negative's, sparse [n, features].
        kind_of_pair: [n] kinds.
        image_of_pair: [n] labels of the images.
        rows: [n] which of the given pairs these are.
        n_total: Pairs given.
        seed: Of the intervals.
        resamples: For the intervals.

    Returns:
        Estimates are None, with the reason, for fewer than 10 pairs or 2 images.
    """
    if reason := _too_small(len(rows), len(np.unique(image_of_pair))):
        return _nothing(n_total, reason)
    scores = _held_out_scores(differences, image_of_pair)
    hits, tied = scores > 0, scores == 0
    credit = hits + 0.5 * tied
    options: dict[str, Any] = {"chance": CHANCE, "seed": seed, "resamples": resamples}
    return TextOnlyBaseline(
        overall=clustered_mean(credit, image_of_pair, **options),
        mean_of_kinds=clustered_macro_mean(credit, kind_of_pair, image_of_pair, **options),
        by_kind=mean_by_kind(credit, kind_of_pair, image_of_pair, **options),
        strict=clustered_mean(hits, image_of_pair, **options),
        ties=int(tied.sum()),
        n_used=len(rows),
        n_total=n_total,
        credits=credit,
        scores=scores,
        rows=rows,
    )


def sample_rows(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """Which of n pairs are scored: all, or a seeded sample of `most`, in order."""
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(number(seed, "text-only sample"))
    return np.sort(rng.choice(n, most, replace=False))


def _too_small(pairs: int, images: int) -> str | None:
    if pairs < FEWEST_PAIRS:
        return f"{counted(pairs, 'pair')} to learn from, too few (at least {FEWEST_PAIRS})"
    return f"all pairs are of {images} image; holding out images needs two" if images < 2 else None


def _nothing(n_total: int, reason: str) -> TextOnlyBaseline:
    return TextOnlyBaseline(None, None, {}, None, ties=0, n_used=0, n_total=n_total, reason=reason)


def _differences(captions: list[str], negatives: list[str], ngrams: tuple[int, int]) -> Any | None:
    """Counts of the caption's n-grams less the negative's, sparse [n, features]; None without a single word.

    The vocabulary is read from all folds, which gives nothing away: what training never saw keeps the weight 0.
    """
    texts, index = np.unique(np.asarray(captions + negatives, dtype=object), return_inverse=True)
    vectorizer = CountVectorizer(ngram_range=ngrams, token_pattern=_TOKENS, dtype=np.float64)
    if not any(text.strip() for text in texts):
        return None
    counts = vectorizer.fit_transform(texts)
    differences = counts[index[: len(captions)]] - counts[index[len(captions) :]]
    differences.eliminate_zeros()
    return differences


def _held_out_scores(differences: Any, images: NDArray[Any]) -> NDArray[np.float64]:
    """[n] > 0 where a reader trained on the other folds takes the true caption, 0 where it cannot tell."""
    scores = np.zeros(differences.shape[0])
    folds = GroupKFold(min(FOLDS, len(np.unique(images))))
    for train, test in folds.split(differences, groups=images):
        told = train[np.diff(differences.indptr)[train] > 0]  # rows without a difference have nothing to teach
        if not len(told):
            continue
        # The logistic loss of (x, true) is that of (-x, false); scikit-learn insists on both classes, so each row is
        # given both ways round. C = 1/2 makes up for counting it twice.
        both = vstack([differences[told], -differences[told]]).tocsr()
        answer = np.repeat([1, 0], len(told))
        model = LogisticRegression(C=0.5, fit_intercept=False, max_iter=1000, tol=1e-3)
        model.fit(both, answer)
        scores[test] = model.decision_function(differences[test])
    return scores
