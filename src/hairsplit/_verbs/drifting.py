"""Drift of every compared model from the base: over the pictures and the texts of all suites, as they were judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hairsplit._verbs.suites import Suite
from hairsplit.core.run import number
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.drift import drift
from hairsplit.evaluate.embed import Matrix
from hairsplit.evaluate.embedding_cache import KeptEmbeddings
from hairsplit.evaluate.statistics import estimate_json, estimate_or_null

MOST = 10_000
"""Pictures, and texts, that drift is measured on; of more, those that a hash of seed and name puts first."""


@dataclass(frozen=True)
class Watched:
    """What drift is measured on."""

    pictures: tuple[Path, ...]
    texts: tuple[str, ...]


def watched(suites: Sequence[Suite], seed: int) -> Watched:
    """Pictures, not cut to boxes, and texts of all suites."""
    work = [suite.work() for suite in suites]
    pictures = {path for shown, _ in work for path, box in shown if box is None}
    texts = {text for _, said in work for text in said}
    by_name = sorted(pictures, key=lambda path: (number(seed, path.name, "drift"), path))
    return Watched(tuple(by_name[:MOST]), tuple(sorted(texts, key=lambda text: number(seed, text, "drift"))[:MOST]))


def embedded(what: Watched, encoder: DualEncoder, kept: KeptEmbeddings) -> dict[str, Matrix]:
    """Embeddings of one model that was judged: all are kept, so nothing is encoded.

    Returns:
        images [pictures, D] and texts [texts, D].
    """
    ids = encoder.tokenizer.ids(what.texts, encoder.context_length)
    keys = {"images": kept.picture_keys([(path, None) for path in what.pictures]), "texts": kept.text_keys(ids)}
    found = {}
    for name in ("images", "texts"):
        missing, rows = kept.read("image" if name == "images" else "text", keys[name])
        if missing:
            raise ValueError(f"{len(missing)} {name} were not encoded")
        found[name] = rows
    return found


def drift_json(
    what: Watched, base: Mapping[str, Matrix], new: Mapping[str, Matrix], *, seed: int
) -> dict[str, dict[str, Any] | None]:
    """`drift` of a model: images and texts, each with cosine (null between widths) and CKA; null where there are none.

    Where a CKA is not defined, since a model gives the same embedding to all, it is null too.
    """
    names = {"images": [str(path) for path in what.pictures], "texts": list(what.texts)}
    found: dict[str, dict[str, Any] | None] = {}
    for side, clusters in names.items():
        if len(set(clusters)) < 2:
            found[side] = None
            continue
        moved = drift(base[side], new[side], clusters, seed=seed)
        defined = moved.cka.value == moved.cka.value  # NaN is not
        found[side] = {
            "cosine": estimate_or_null(moved.cosine),
            "cka": estimate_json(moved.cka) if defined else None,
        }
    return found
