"""Metrics on arrays: pairs, the thesis's numbers, retrieval and zero-shot; a tie is a miss everywhere.

Nothing here draws an interval: every metric exposes its per-item hits, which `statistics` turns into an `Estimate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import number

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

TAUS = (1.0, 1.1, 1.2, 1.5, 2.0, 3.0)
"""Ratios at which the thesis reports Acc@τ."""
EPSILON = 1e-8
"""What the thesis adds to the negative's cosine before it divides."""
OVERALL = "overall"
"""`type` of the thesis table's last row, over all pairs."""
TIE = 1e-6
"""Cosines closer than this count as equal: about ten times the noise of float32 towers, in which the same vector comes
out differently from one row of a batch to another. Else a model that has collapsed would score 50 %, not 0."""
_BLOCK = 256
"""Rows scored at once: 256 x 25,010 captions of COCO are 50 MB."""


def paired_cosines(left: ArrayLike, right: ArrayLike) -> FloatArray:
    """Cosine of each row of `left` with the same row of `right`, both [n, D] of unit length; [n].

    Summed in float64 and rounded to float32 precision, so that equal vectors tie whatever the order of the sum.

    Raises:
        HairsplitError: An embedding holds NaN or infinity.
        ValueError: The shapes differ.
    """
    a, b = _embeddings(left), _embeddings(right)
    if a.shape != b.shape:
        raise ValueError(f"embeddings of shape {a.shape} and {b.shape} cannot be paired")
    return _rounded(np.einsum("ij,ij->i", a, b))


@dataclass(frozen=True)
class PairAccuracy:
    """Share of pairs whose true caption has the strictly greater cosine; chance 0.5."""

    value: float
    ties: int
    """Pairs with equal cosines, all counted as misses: a constant model scores 0."""
    hits: BoolArray
    """[n] one per pair."""


def pair_accuracy(positive: ArrayLike, negative: ArrayLike) -> PairAccuracy:
    """Compare cosines with the true captions, [n], and with the negatives, [n].

    Raises:
        HairsplitError: There are no pairs, or a cosine is not finite.
    """
    pos, neg = _cosines(positive, negative)
    hits = pos > neg
    return PairAccuracy(float(hits.mean()), int((pos == neg).sum()), hits)


def accuracy_at(tau: float, positive: ArrayLike, negative: ArrayLike) -> float:
    """The thesis's Acc@τ: share of pairs with cos+ / (cos- + 1e-8) >= τ.

    Kept as defined, flaws included: where a cosine is <= 0 the ratio inverts (`count_nonpositive` says how often), so
    the headline is `pair_accuracy`. In float64, as here, a tie of positive cosines is a miss at τ = 1; in float32 the
    1e-8 vanishes beside any cosine from 0.25 up and a tie would be a hit.

    Raises:
        HairsplitError: There are no pairs, or a cosine is not finite.
    """
    pos, neg = _cosines(positive, negative)
    with np.errstate(divide="ignore", invalid="ignore"):  # cos- = -1e-8: infinite ratio, or 0 / 0, which is a miss
        return float((pos / (neg + EPSILON) >= tau).mean())


def count_nonpositive(positive: ArrayLike, negative: ArrayLike) -> int:
    """Number of pairs in which either cosine is <= 0, for which the ratio of Acc@τ means nothing."""
    pos, neg = _cosines(positive, negative)
    return int(((pos <= 0) | (neg <= 0)).sum())


def derangement(n: int, seed: int) -> IntArray | None:
    """A permutation of `n` without fixed points, uniform over all of them; None where there is none (n < 2).

    Drawn by rejection: a random permutation has no fixed point with probability about 1/e, so 2.7 draws on average.
    """
    if n < 2:
        return None
    rng, here = np.random.default_rng(number(seed, "derangement", n)), np.arange(n)
    while True:
        order: IntArray = rng.permutation(n)
        if not (order == here).any():
            return order


def random_negative_cosines(images: ArrayLike, captions: ArrayLike, seed: int) -> FloatArray | None:
    """Cosine of each image with another image's caption, [n]; its mean is Avg_Rand_Neg.

    Args:
        images: [n, D] unit embeddings of the *unique* images.
        captions: [n, D] a true caption of each.
        seed: Of the permutation without fixed points.

    Returns:
        [n] cosines in the order of `images`; None for fewer than two images (unknown, not 0).
    """
    left, right = _embeddings(images), _embeddings(captions)
    order = derangement(len(left), seed)
    return None if order is None else paired_cosines(left, right[order])


@dataclass(frozen=True)
class ThesisRow:
    """One row of the thesis's table: a `type` of caption, or all of them."""

    kind: str
    n: int
    avg_pos: float
    avg_neg: float
    avg_rand_neg: float | None
    accuracy: dict[float, float]
    """τ -> Acc@τ."""
    nonpositive: int
    """Pairs with a cosine <= 0."""

    @property
    def margin(self) -> float:
        """Avg_Pos - Avg_Neg."""
        return self.avg_pos - self.avg_neg

    @property
    def warning(self) -> str | None:
        """Why Acc@τ is not to be trusted here, or None."""
        if not self.nonpositive:
            return None
        return f"{self.kind}: {self.nonpositive} of {self.n} pairs have a cosine <= 0, where the ratio of Acc@τ inverts"

    def columns(self) -> dict[str, str | int | float | None]:
        """The row under the thesis's column names, in its order."""
        head: dict[str, str | int | float | None] = {"type": self.kind, "n": self.n}
        cosines = {"Avg_Pos": self.avg_pos, "Avg_Neg": self.avg_neg, "Margin": self.margin}
        shares = {f"Acc@{tau:g}": share for tau, share in self.accuracy.items()}
        return head | cosines | {"Avg_Rand_Neg": self.avg_rand_neg} | shares | {"Nonpositive": self.nonpositive}


def thesis_row(kind: str, positive: ArrayLike, negative: ArrayLike, random: FloatArray | None) -> ThesisRow:
    """Fill one row from cosines [n] and the result of `random_negative_cosines`.

    Raises:
        HairsplitError: There are no pairs, or a cosine is not finite.
    """
    pos, neg = _cosines(positive, negative)
    return ThesisRow(
        kind=kind,
        n=len(pos),
        avg_pos=float(pos.mean()),
        avg_neg=float(neg.mean()),
        avg_rand_neg=None if random is None else float(random.mean()),
        accuracy={tau: accuracy_at(tau, pos, neg) for tau in TAUS},
        nonpositive=count_nonpositive(pos, neg),
    )


def thesis_table(
    positive: ArrayLike,
    negative: ArrayLike,
    kinds: Sequence[str],
    *,
    images: ArrayLike,
    captions: ArrayLike,
    image_of_pair: ArrayLike,
    caption_of_pair: ArrayLike,
    seed: int,
) -> list[ThesisRow]:
    """The thesis's table: a row per `type`, sorted by name, and `overall`, which pools the pairs (count-weighted).

    Args:
        positive: [n] cosines with the true captions.
        negative: [n] cosines with the negatives.
        kinds: n types.
        images: [I, D] unit embeddings, each image once.
        captions: [C, D] unit embeddings, each caption once.
        image_of_pair: [n] row of `images` of each pair.
        caption_of_pair: [n] row of `captions` of each pair's true caption.
        seed: Of the random negatives. Each row of the table draws its own, among its own images, each with its first
            caption; so the overall Avg_Rand_Neg is over all unique images, not a mean of the rows above.
    """
    pos, neg = _cosines(positive, negative)
    image_rows, caption_rows = np.asarray(image_of_pair, np.int64), np.asarray(caption_of_pair, np.int64)
    if not len(pos) == len(kinds) == len(image_rows) == len(caption_rows):
        raise ValueError("cosines, kinds and rows must be equally many")
    image_vectors, caption_vectors = np.asarray(images), np.asarray(captions)

    def row(kind: str, members: IntArray) -> ThesisRow:
        unique, first = np.unique(image_rows[members], return_index=True)
        own = caption_rows[members[first]]
        random = random_negative_cosines(image_vectors[unique], caption_vectors[own], seed)
        return thesis_row(kind, pos[members], neg[members], random)

    kind_of_pair = np.asarray(kinds)
    rows = [row(kind, np.flatnonzero(kind_of_pair == kind)) for kind in sorted(set(kinds))]
    return [*rows, row(OVERALL, np.arange(len(pos)))]


@dataclass(frozen=True)
class RetrievalRanks:
    """Rank of the right answer, from 1; ties count against it. recall@k is the share of ranks <= k."""

    image_to_text: IntArray
    """[I] of the best of each image's captions among all captions that are not its own."""
    text_to_image: IntArray
    """[C] of each caption's image among all images."""


def retrieval_ranks(images: ArrayLike, captions: ArrayLike, image_of_caption: ArrayLike) -> RetrievalRanks:
    """Rank = 1 + number of wrong candidates that score at least as high as the best right one, less `TIE`.

    Args:
        images: [I, D] unit embeddings.
        captions: [C, D] unit embeddings, one or more per image (as Karpathy's COCO split: all 25,010 of 5,000).
        image_of_caption: [C] row of `images` that each caption describes.

    Raises:
        HairsplitError: An image has no caption, or an embedding is not finite.
    """
    pictures, texts, owner = _embeddings(images), _embeddings(captions), np.asarray(image_of_caption, np.int64)
    if owner.shape != (len(texts),):
        raise ValueError(f"{len(texts)} captions, but owners of shape {owner.shape}")
    without = np.setdiff1d(np.arange(len(pictures)), owner)
    if len(without) or not len(pictures):
        hint = "retrieval needs at least one caption for each image"
        raise HairsplitError(f"{len(without)} of {len(pictures)} images have no caption", where="retrieval", hint=hint)
    right = paired_cosines(pictures[owner], texts)  # [C]
    to_text, to_image = np.empty(len(pictures), np.int64), np.ones(len(texts), np.int64)
    for start in range(0, len(pictures), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(pictures)))
        scores = _rounded(pictures[rows] @ texts.T)  # [b, C]
        own = owner == rows[:, None]
        best = np.where(own, scores, -np.inf).max(axis=1, keepdims=True)
        to_text[rows] = 1 + ((scores >= best - TIE) & ~own).sum(axis=1)
        to_image += ((scores >= right - TIE) & ~own).sum(axis=0)
    return RetrievalRanks(to_text, to_image)


def recall_at(k: int, ranks: IntArray) -> float:
    """Share of queries whose right answer is among the first `k`; for zero-shot, top-k accuracy."""
    if not len(ranks):
        raise HairsplitError("no queries to rank", where=f"recall@{k}", hint="the set is empty")
    return float((ranks <= k).mean())


def retrieval_chance(k: int, image_of_caption: ArrayLike, image_count: int) -> tuple[float, float]:
    """Expected recall@k of random scores: (image to text, text to image).

    For an image with m of the C captions: 1 - C(C - m, k) / C(C, k); for a caption: k / I.
    """
    owned = np.bincount(np.asarray(image_of_caption, np.int64), minlength=image_count)
    total = int(owned.sum())
    miss = np.ones(image_count)
    for drawn in range(min(k, total)):
        miss *= np.maximum(total - owned - drawn, 0) / (total - drawn)
    return float(1 - miss.mean()), min(1.0, k / image_count)


def true_class_ranks(similarity: ArrayLike, labels: ArrayLike) -> IntArray:
    """Rank of the true class, [n]: 1 + number of other classes that score at least as high.

    Top-1 is the share of ranks <= 1, top-5 of ranks <= 5; chance is k / classes. A constant model scores 0.

    Args:
        similarity: [n, classes] cosines (or logits).
        labels: [n] true class of each row.

    Raises:
        HairsplitError: A score is not finite, or a label is not a column.
    """
    scores, truth = _rounded(np.asarray(similarity, np.float64)), np.asarray(labels, np.int64)
    if scores.ndim != 2 or truth.shape != (len(scores),):
        raise ValueError(f"similarity of shape {scores.shape} does not fit labels of shape {truth.shape}")
    _finite(scores, "scores")
    if len(truth) and not 0 <= truth.min() <= truth.max() < scores.shape[1]:
        hint = "labels count from 0"
        raise HairsplitError(f"a label lies outside 0..{scores.shape[1] - 1}", where="zero-shot", hint=hint)
    right = np.take_along_axis(scores, truth[:, None], axis=1)
    ranks: IntArray = (scores >= right).sum(axis=1)  # the right one counts itself: the 1 of the rank
    return ranks


def mean_class_recall(hits: ArrayLike, labels: ArrayLike) -> float:
    """Unweighted mean, over the classes that occur in `labels`, of the share of hits; chance as for top-1.

    Raises:
        HairsplitError: There are no items.
    """
    right, truth = np.asarray(hits, np.float64), np.asarray(labels)
    if not len(truth):
        raise HairsplitError("no images to classify", where="mean class recall", hint="the set is empty")
    _, index, count = np.unique(truth, return_inverse=True, return_counts=True)
    return float((np.bincount(index, weights=right) / count).mean())


def _rounded(scores: FloatArray) -> FloatArray:
    """Keep float32 precision: sums of the same products in another order differ in float64's last bits."""
    return scores.astype(np.float32).astype(np.float64)


def _embeddings(values: ArrayLike) -> FloatArray:
    vectors = np.asarray(values, np.float64)
    if vectors.ndim != 2:
        raise ValueError(f"embeddings must be [n, D], not {vectors.shape}")
    _finite(vectors, "embeddings")
    return vectors


def _cosines(positive: ArrayLike, negative: ArrayLike) -> tuple[FloatArray, FloatArray]:
    pos, neg = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    if pos.ndim != 1 or pos.shape != neg.shape:
        raise ValueError(f"cosines of shape {pos.shape} and {neg.shape} cannot be compared")
    if not len(pos):
        raise HairsplitError("no pairs to score", where="evaluation", hint="check the split and the kinds asked for")
    _finite(pos, "cosines")
    _finite(neg, "cosines")
    return pos, neg


def _finite(values: NDArray[Any], what: str) -> None:
    bad = int((~np.isfinite(values)).sum())
    if bad:
        hint = "the model's weights have probably diverged: take an earlier checkpoint"
        raise HairsplitError(f"{bad} of {values.size} {what} are not finite", where="evaluation", hint=hint)
