"""Drift of every compared model from the base: over the pictures and the texts of all suites, as they were judged."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairsplit._verbs.suites import Work
from hairsplit.core.run import number
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.drift import drift
from hairsplit.evaluate.embed import Matrix
from hairsplit.evaluate.embedding_cache import KeptEmbeddings, Tower
from hairsplit.evaluate.statistics import estimate_json, estimate_or_null

Rows = tuple[NDArray[np.int64], Matrix]
MOST = 10_000
"""Pictures, and texts, that drift is measured on; of more, those that a hash of seed and name puts first."""


@dataclass(frozen=True)
class Watched:
    """What drift is measured on."""

    pictures: tuple[Path, ...]
    texts: tuple[str, ...]


def watched(work: Sequence[Work], seed: int) -> Watched:
    """Pictures, not cut to boxes, and texts of all suites."""
    pictures = {path for shown, _ in work for path, box in shown if box is None}
    texts = {text for _, said in work for text in said}
    by_name = sorted(pictures, key=lambda path: (number(seed, path.name, "drift"), path))
    return Watched(tuple(by_name[:MOST]), tuple(sorted(texts, key=lambda text: number(seed, text, "drift"))[:MOST]))


def embedded(what: Watched, encoder: DualEncoder, kept: KeptEmbeddings) -> dict[str, Rows]:
    """Embeddings of one model that was judged, as far as they are kept: nothing is encoded.

    What is not there belongs to an item that was left out, or found no room in a bounded cache.

    Returns:
        images and texts: numbers of those that are there [n], and their embeddings [n, D].
    """
    ids = encoder.tokenizer.ids(what.texts, encoder.context_length)
    images, texts = kept.picture_keys([(path, None) for path in what.pictures]), kept.text_keys(ids)
    return {"images": _known(kept, "image", images), "texts": _known(kept, "text", texts)}


def _known(kept: KeptEmbeddings, tower: Tower, keys: Sequence[bytes]) -> Rows:
    missing, rows = kept.read(tower, keys)
    gone = {keys[n] for n in missing}
    there = np.array([n for n, key in enumerate(keys) if key not in gone], np.int64)
    return there, rows[there]


def drift_json(
    what: Watched, base: Mapping[str, Rows], new: Mapping[str, Rows], *, seed: int
) -> dict[str, dict[str, Any] | None]:
    """`drift` of a model: images and texts, each with cosine (null between widths) and CKA; null where there are none.

    Where a CKA is not defined, since a model gives the same embedding to all, it is null too.
    """
    names = {"images": [str(path) for path in what.pictures], "texts": list(what.texts)}
    found: dict[str, dict[str, Any] | None] = {}
    for side, clusters in names.items():
        (before, old), (after, moved) = base[side], new[side]
        both, here, there = np.intersect1d(before, after, assume_unique=True, return_indices=True)
        if len(both) < 2:
            found[side] = None
            continue
        told = drift(old[here], moved[there], [clusters[n] for n in both], seed=seed)
        found[side] = {
            "cosine": estimate_or_null(told.cosine),
            "cka": None if math.isnan(told.cka.value) else estimate_json(told.cka),
        }
    return found
