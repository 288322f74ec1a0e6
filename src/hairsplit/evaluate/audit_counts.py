"""What can be counted in a pairs table: duplicates, contradicting labels, lengths, edits, one-sided words."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.types import Estimate
from hairsplit.evaluate.audit_columns import NONE, PairColumns
from hairsplit.evaluate.audit_text import NAMES, TextFacts
from hairsplit.evaluate.statistics import RESAMPLES, clustered_mean, estimate_json

EXAMPLES = 12
"""Rows named per problem."""
MOST_DIFFERENCE = 10
WORDS = 30
"""One-sided words listed."""
_EDIT_BINS = ((0, "0"), (1, "1"), (2, "2"), (3, "3"), (5, "4–5"), (8, "6–8"), (math.inf, "9 or more"))
PROBLEMS: dict[str, str] = {
    "no_negative": "rows without a negative",
    "empty_text": "rows with an empty caption or negative",
    "identical_pair": "pairs whose texts are the same, but for case and spaces",
    "same_words": "pairs that differ in nothing but punctuation",
    "duplicate_row": "rows that repeat an image, caption and negative",
    "labelled_both_ways": "pairs with a text that is true of the image in one row and false of it in another",
}


def count_problems(table: PairColumns, facts: TextFacts) -> dict[str, dict[str, Any]]:
    """Rows with each of `PROBLEMS`: count, share of rows, and the first few."""
    plain, words = table.plain, table.bare
    rows = facts.rows
    caption, negative = plain[table.caption[rows]], plain[table.negative[rows]]
    bare_caption, bare_negative = words[table.caption[rows]], words[table.negative[rows]]
    empty = np.array([not text.strip() for text in table.texts], bool)
    identical = caption == negative
    found = {
        "no_negative": np.flatnonzero(table.negative == NONE),
        "empty_text": np.flatnonzero(empty[table.caption] | (empty[table.negative] & (table.negative != NONE)))
        if len(table)
        else np.empty(0, np.int64),
        "identical_pair": rows[identical],
        "same_words": rows[(bare_caption == bare_negative) & ~identical],
        "duplicate_row": _repeats(table, plain),
        "labelled_both_ways": rows[_both_ways(table.image[rows], caption, negative, len(table.texts))],
    }
    return {
        name: {
            "what": PROBLEMS[name],
            "count": len(where),
            "share": len(where) / len(table) if len(table) else None,
            "examples": [table.row(row) for row in where[:EXAMPLES]],
        }
        for name, where in found.items()
    }


def _repeats(table: PairColumns, plain: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows that came before, with the same image and texts."""
    if not len(table):
        return np.empty(0, np.int64)
    negative = np.where(table.negative == NONE, NONE, plain[table.negative])
    _, caption = np.unique(table.image * len(table.texts) + plain[table.caption], return_inverse=True)
    _, first = np.unique(caption * (len(table.texts) + 1) + negative + 1, return_index=True)
    repeated = np.ones(len(table), bool)
    repeated[first] = False
    return np.flatnonzero(repeated)


def _both_ways(
    image: NDArray[np.int64], caption: NDArray[np.int64], negative: NDArray[np.int64], texts: int
) -> NDArray[np.bool_]:
    """Pairs one of whose texts stands on the other side in any row of the same image, their own row included."""
    true, false = image * texts + caption, image * texts + negative
    return np.isin(true, false) | np.isin(false, true)


def count_shape(table: PairColumns, facts: TextFacts) -> dict[str, Any]:
    """How many of what, and how symmetric: texts that stand on both sides cannot be told by their wording."""
    plain = table.plain
    rows = facts.rows
    caption, negative = plain[table.caption[rows]], plain[table.negative[rows]]
    texts = max(len(table.texts), 1)
    forward, backward = caption * texts + negative, negative * texts + caption
    per_image = np.bincount(table.image[rows], minlength=len(table.images)) if len(rows) else np.zeros(0, np.int64)
    per_image = per_image[per_image > 0]
    return {
        "rows": len(table),
        "pairs": len(rows),
        "images": len(table.images),
        "distinct_captions": len(np.unique(caption)),
        "distinct_negatives": len(np.unique(negative)),
        "pairs_per_image": {
            "median": float(np.median(per_image)) if len(per_image) else None,
            "most": int(per_image.max(initial=0)),
        },
        "caption_stands_with_other_images": _share(_of_several_images(caption, table.image[rows])),
        "negative_stands_with_other_images": _share(_of_several_images(negative, table.image[rows])),
        "negative_is_a_caption_elsewhere": _share(np.isin(negative, caption)),
        "pair_stands_reversed_elsewhere": _share(np.isin(forward, backward)),
        "kinds": {
            name: {
                "pairs": int((table.kind[rows] == number).sum()),
                "images": len(np.unique(table.image[rows][table.kind[rows] == number])),
            }
            for number, name in enumerate(table.kinds)
        },
        "sources": {name: int((table.source == number).sum()) for number, name in enumerate(table.sources)},
    }


def _of_several_images(text: NDArray[np.int64], image: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[m] whether the text stands on this side of other images' pairs too, so that it can be learned by heart."""
    if not len(text):
        return np.zeros(0, bool)
    images = int(image.max()) + 1
    several: NDArray[np.bool_] = np.bincount(np.unique(text * images + image) // images)[text] > 1
    return several


def own_texts(table: PairColumns, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[m] pairs whose texts stand with no other image, on their side: a reader must tell them by wording, not by heart.

    Args:
        table: The pairs.
        rows: [m] rows with a negative; only among these are texts looked for.
    """
    plain = table.plain
    image = table.image[rows]
    by_heart = (_of_several_images(plain[side[rows]], image) for side in (table.caption, table.negative))
    found: NDArray[np.bool_] = ~np.logical_or(*by_heart)
    return found


def _share(hits: NDArray[np.bool_]) -> float | None:
    return float(hits.mean()) if len(hits) else None


def measure_kinds(
    table: PairColumns, facts: TextFacts, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, dict[str, Any]]:
    """Lengths, edits and markers of each kind; "" is all pairs.

    `longer_is_true` counts pairs of equal length half; markers are shares of pairs whose caption, or negative, holds
    such a word.
    """
    kind = table.kind[facts.rows]
    groups = {"": np.arange(len(kind))} | {name: np.flatnonzero(kind == n) for n, name in enumerate(table.kinds)}
    return {
        name: _measured(table, facts, mine, seed=seed, resamples=resamples)
        for name, mine in groups.items()
        if len(mine)
    }


def _measured(
    table: PairColumns, facts: TextFacts, mine: NDArray[np.int64], *, seed: int, resamples: int
) -> dict[str, Any]:
    images = table.image[facts.rows[mine]]
    words, present = facts.words[mine], facts.markers[mine]
    longer = (words[:, 0] > words[:, 1]) + 0.5 * (words[:, 0] == words[:, 1])
    left, right = present[:, NAMES.index("left")], present[:, NAMES.index("right")]
    swapped = (left[:, 0] & right[:, 1] & ~left[:, 1]) | (right[:, 0] & left[:, 1] & ~right[:, 1])
    return {
        "pairs": len(mine),
        "words": {"caption": float(words[:, 0].mean()), "negative": float(words[:, 1].mean())},
        "longer_by": _length_differences(words),
        "same_length": float((words[:, 0] == words[:, 1]).mean()),
        "longer_is_true": estimate_json(clustered_mean(longer, images, chance=0.5, seed=seed, resamples=resamples)),
        "edit": _edits(facts, mine),
        "left_or_right": float((left | right).any(axis=1).mean()),
        "left_right_swapped": float(swapped.mean()),
        "markers": {
            name: {"caption": float(present[:, n, 0].mean()), "negative": float(present[:, n, 1].mean())}
            for n, name in enumerate(NAMES)
            if present[:, n].any()
        },
    }


def _length_differences(words: NDArray[np.int32]) -> dict[str, int]:
    """Words of the caption less those of the negative, -10 to 10 (further ones at the ends) -> pairs."""
    difference = np.clip(words[:, 0] - words[:, 1], -MOST_DIFFERENCE, MOST_DIFFERENCE)
    return {str(step): int((difference == step).sum()) for step in range(-MOST_DIFFERENCE, MOST_DIFFERENCE + 1)}


def _edits(facts: TextFacts, mine: NDArray[np.int64]) -> dict[str, Any]:
    distance = facts.distance[mine]
    sizes, low = {}, -1.0
    for top, label in _EDIT_BINS:
        sizes[label] = int(((distance > low) & (distance <= top)).sum())
        low = top
    return {
        "mean": float(distance.mean()),
        "median": float(np.median(distance)),
        "sizes": sizes,
        "one_span": float(facts.one_span[mine].mean()),
        "reordered": float(facts.reordered[mine].mean()),
    }


def one_sided_words(
    table: PairColumns, facts: TextFacts, *, seed: int = 0, resamples: int = RESAMPLES, most: int = WORDS
) -> list[dict[str, Any]]:
    """Words that tell the sides apart: the share of pairs with it on one side only in which that side is the true one.

    The `most` words with the largest |z| against 50 %, z = (a - b) / sqrt(a + b) for a pairs with the word in the
    caption only and b in the negative only. Intervals are clustered by image; they are those of words picked for being
    extreme, and do not allow for that.
    """
    if not len(facts.one_sided):
        return []
    place, word, side = facts.one_sided.T
    true = np.bincount(word[side == 0], minlength=len(facts.vocabulary)).astype(np.float64)
    false = np.bincount(word[side == 1], minlength=len(facts.vocabulary)).astype(np.float64)
    z = (true - false) / np.sqrt(true + false)
    order = sorted(range(len(z)), key=lambda n: (-abs(z[n]), facts.vocabulary[n]))[:most]
    found = []
    for number in order:
        here = word == number
        estimate: Estimate = clustered_mean(
            (side[here] == 0).astype(np.float64),
            table.image[facts.rows[place[here]]],
            chance=0.5,
            seed=seed,
            resamples=resamples,
        )
        found.append(
            {
                "word": facts.vocabulary[number],
                "caption_only": int(true[number]),
                "negative_only": int(false[number]),
                "true_share": estimate_json(estimate),
            }
        )
    return found
