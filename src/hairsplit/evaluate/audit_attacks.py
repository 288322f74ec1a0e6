"""Readers that never see the image: how far length, marker words, single words and word pairs alone get.

Each is a logistic regression on features of the caption less those of the negative, cross-validated by image: no image
is in both the training and the held-out part of a fold. A pair that a reader cannot tell counts 1/2, so that a set
that hides its answer well stands at 50 %; the share with ties as misses is given beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from scipy.stats import norm

from hairsplit.core.types import Estimate
from hairsplit.evaluate.audit_columns import PairColumns
from hairsplit.evaluate.audit_text import TextFacts
from hairsplit.evaluate.statistics import RESAMPLES
from hairsplit.evaluate.text_only import (
    CHANCE,
    MOST_PAIRS,
    TextOnlyBaseline,
    read_blind,
    sample_rows,
    text_only_baseline,
)

ATTACKS: dict[str, str] = {
    "length": "which text is longer, in words and characters, and by how much; may differ by kind",
    "markers": "negation, left, right, either, number and other function words; may differ by kind",
    "words": "bag of words",
    "n-grams": "single words and pairs of words; the text-only number of `hairsplit evaluate`",
}
"""Name -> what it reads."""
_WORD_STEPS = (1, 2, 3, 4, 6, 8, 12)
_CHARACTER_STEPS = (1, 2, 3, 5, 8, 12, 20, 40)


@dataclass(frozen=True)
class Attacks:
    """What every blind reader reached on the same sample of pairs."""

    results: dict[str, TextOnlyBaseline]
    sampled: NDArray[np.int64] = field(repr=False)
    """[n] rows of the table that were read."""
    n_total: int = 0
    """Pairs with a negative in the table."""

    @property
    def reason(self) -> str | None:
        """Why no reader could be fitted, or None."""
        return next((result.reason for result in self.results.values() if result.overall is None), None)


def attack(
    table: PairColumns, facts: TextFacts, *, seed: int = 0, most_pairs: int = MOST_PAIRS, resamples: int = RESAMPLES
) -> Attacks:
    """Fit and score every reader of `ATTACKS` on the same pairs, a seeded sample where they are too many.

    Args:
        table: The pairs.
        facts: `text_facts(table)`.
        seed: Of the sample and the intervals.
        most_pairs: Pairs read at most.
        resamples: For the intervals.
    """
    places = sample_rows(len(facts.rows), most_pairs, seed)
    rows = facts.rows[places]
    kinds = np.asarray(table.kinds, object)[table.kind[rows]].astype(str) if len(rows) else np.empty(0, str)
    images = table.image[rows]
    features = {"length": _length(facts, places), "markers": _markers(facts, places)}
    results = {
        name: read_blind(
            _with_kinds(matrix, table.kind[rows]),
            kinds,
            images,
            rows=rows,
            n_total=len(facts.rows),
            seed=seed,
            resamples=resamples,
        )
        for name, matrix in features.items()
    }
    texts = table.texts
    captions = [texts[number] for number in table.caption[rows].tolist()]
    negatives = [texts[number] for number in table.negative[rows].tolist()]
    for name, ngrams in (("words", (1, 1)), ("n-grams", (1, 2))):
        results[name] = text_only_baseline(
            captions, negatives, kinds, images, seed=seed, most_pairs=most_pairs, ngrams=ngrams, resamples=resamples
        )
    return Attacks(results, rows, len(facts.rows))


def _length(facts: TextFacts, places: NDArray[np.int64]) -> csr_matrix:
    """For each step: 1 if the caption is longer by at least that, -1 if the negative is, else 0."""
    columns = []
    for lengths, steps in ((facts.words, _WORD_STEPS), (facts.characters, _CHARACTER_STEPS)):
        difference = lengths[places, 0].astype(np.int64) - lengths[places, 1]
        columns += [np.sign(difference) * (np.abs(difference) >= step) for step in steps]
    return csr_matrix(np.stack(columns, axis=1).astype(np.float64))


def _markers(facts: TextFacts, places: NDArray[np.int64]) -> csr_matrix:
    """For each group of words: 1 if only the caption holds one, -1 if only the negative does."""
    present = facts.markers[places].astype(np.int64)
    return csr_matrix((present[:, :, 0] - present[:, :, 1]).astype(np.float64))


def _with_kinds(features: csr_matrix, kind: NDArray[np.int64]) -> Any:
    """The features once for all kinds and once for each: a rule may hold for one kind and its opposite for another.

    The feature augmentation of Daume III, "Frustratingly Easy Domain Adaptation", ACL 2007.
    """
    blocks = [features]
    for number in np.unique(kind):
        mine = csr_matrix((kind == number).astype(np.float64)[:, None])
        blocks.append(features.multiply(mine).tocsr())
    stacked = hstack(blocks, format="csr")
    stacked.eliminate_zeros()
    return stacked


def clearly_above_chance(estimate: Estimate, looked_at: int) -> bool:
    """Whether the number is above chance even as one of `looked_at` numbers (Bonferroni, at 5 % over all of them).

    The lower half of the interval is widened as a normal one would be; unknown intervals are clear of nothing.
    """
    widen = norm.ppf(1 - 0.025 / looked_at) / norm.ppf(1 - 0.025)
    return bool(estimate.value - widen * (estimate.value - estimate.low) > CHANCE)


def strongest(attacks: Mapping[str, TextOnlyBaseline], kind: str | None = None) -> tuple[str, Estimate] | None:
    """The reader with the highest lower end of its interval, on one kind or overall; None where there is none."""
    found = []
    for name, result in attacks.items():
        estimate = result.overall if kind is None else result.by_kind.get(kind)
        if estimate is not None:
            known = estimate.low == estimate.low  # nan, where one image is no sample
            found.append((estimate.low if known else -1.0, name, estimate))
    if not found:
        return None
    _, name, estimate = max(found, key=lambda one: one[0])
    return name, estimate
