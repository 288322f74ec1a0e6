"""Evaluate a model on a pairs table: per-item scores, every metric with its interval, and what was left out."""

import csv
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file, write_json
from hairsplit.core.tables import PairsTable, write_parquet
from hairsplit.core.types import Estimate, Pair
from hairsplit.data.pixels import PixelStore
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate import metrics
from hairsplit.evaluate.confusion import edits_json, fooled, strongest
from hairsplit.evaluate.embed import Matrix, Progress, embed_images, embed_texts, unique
from hairsplit.evaluate.embedding_cache import KeptEmbeddings
from hairsplit.evaluate.statistics import clustered_macro_mean, clustered_mean, estimate_json, estimate_or_null
from hairsplit.evaluate.text_only import TextOnlyBaseline, text_only_baseline

VERSION = 1
FEWEST_PAIRS = 30
"""A kind's accuracy on 30 pairs has a standard error of 9 points: with fewer, luck would choose the checkpoint."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Cosines of one model on the pairs of a table that have a negative."""

    pairs: tuple[Pair, ...]
    positive: Floats
    """[n] cosine of image and true caption."""
    negative: Floats
    """[n] cosine of image and negative."""
    images: tuple[str, ...]
    """Unique images."""
    image_embeddings: Matrix
    own_captions: Matrix
    """[images, D] the first true caption of each unique image."""
    thesis: tuple[metrics.ThesisRow, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def pairs_to_judge(table: PairsTable) -> tuple[list[Pair], dict[str, int]]:
    """Rows with a negative that is another text, and how many others there are by reason.

    Raises:
        HairsplitError: No pair is left.
    """
    dropped: Counter[str] = Counter()
    pairs = []
    for pair in table.pairs:
        if pair.negative is None:
            dropped["no_negative"] += 1
        elif pair.negative == pair.caption:
            dropped["identical_texts"] += 1
        else:
            pairs.append(pair)
    if not pairs:
        reasons = ", ".join(f"{count:,} x {reason}" for reason, count in sorted(dropped.items())) or "it has no rows"
        raise HairsplitError(
            f"no pair to evaluate ({reasons})", where=str(table.path), hint="the table needs hard negatives"
        )
    return pairs, dict(dropped)


def score_pairs(
    encoder: DualEncoder,
    table: PairsTable,
    *,
    seed: int = 0,
    store: PixelStore | None = None,
    kept: KeptEmbeddings | None = None,
    tick: Progress | None = None,
) -> Scores:
    """Encode each unique image and caption once and read off every pair's two cosines; `store`, `kept`: `embed_images`.

    A pair's cosines that are closer than `metrics.TIE` come out equal. Rows without a negative, and rows whose two
    texts are equal, are counted in `dropped`.

    Raises:
        HairsplitError: No pair is left, or a picture is missing or broken.
    """
    started = time.perf_counter()
    pairs, dropped = pairs_to_judge(table)
    images, image_number = unique(pair.image for pair in pairs)
    texts, text_number = unique(text for pair in pairs for text in (pair.caption, pair.negative or ""))
    image_embeddings = embed_images(encoder, table.root, images, store=store, kept=kept, tick=tick)
    text_embeddings = embed_texts(encoder, texts, kept=kept, tick=tick)
    rows = [image_number[pair.image] for pair in pairs]
    scores = pair_scores(
        pairs,
        images,
        rows,
        image_embeddings=image_embeddings,
        text_number=text_number,
        text_embeddings=text_embeddings,
        seed=seed,
    )
    return replace(scores, dropped=dropped, seconds=time.perf_counter() - started)


def pair_scores(
    pairs: Sequence[Pair],
    images: Sequence[str],
    image_of_pair: Sequence[int],
    *,
    image_embeddings: Matrix,
    text_number: Mapping[str, int],
    text_embeddings: Matrix,
    seed: int,
) -> Scores:
    """The cosines of pairs whose pictures and texts are encoded already.

    Args:
        pairs: All with a negative.
        images: Name of each row of `image_embeddings`, all of which are used.
        image_of_pair: Row of `image_embeddings` of each pair.
        image_embeddings: [images, D] of unit length.
        text_number: Caption or negative -> row of `text_embeddings`.
        text_embeddings: [texts, D] of unit length.
        seed: Of the random negatives.
    """
    rows = np.array(image_of_pair)
    captions = np.array([text_number[pair.caption] for pair in pairs])
    negatives = np.array([text_number[pair.negative or ""] for pair in pairs])
    positive = metrics.paired_cosines(image_embeddings[rows], text_embeddings[captions])
    negative = metrics.paired_cosines(image_embeddings[rows], text_embeddings[negatives])
    negative = np.where(np.abs(positive - negative) <= metrics.TIE, positive, negative)
    thesis = metrics.thesis_table(
        positive,
        negative,
        [pair.kind for pair in pairs],
        images=image_embeddings,
        captions=text_embeddings,
        image_of_pair=rows,
        caption_of_pair=captions,
        seed=seed,
    )
    _, first = np.unique(rows, return_index=True)
    return Scores(
        tuple(pairs),
        np.asarray(positive, np.float64),
        np.asarray(negative, np.float64),
        tuple(images),
        image_embeddings,
        text_embeddings[captions[first]],
        tuple(thesis),
    )


def validation_metrics(encoder: DualEncoder, table: PairsTable, *, store: PixelStore | None = None) -> dict[str, float]:
    """The few numbers a training run watches: micro and macro pair accuracy, margin, accuracy per kind.

    The macro mean, by which the best checkpoint is chosen, is over the kinds of `kinds_with_a_say`. `store`: see
    `embed_images`.
    """
    scores = score_pairs(encoder, table, store=store)
    hits = scores.positive > scores.negative
    kinds = np.array([pair.kind for pair in scores.pairs])
    by_kind = {f"pair_accuracy/{kind}": float(hits[kinds == kind].mean()) for kind in sorted(set(kinds.tolist()))}
    margin = float((scores.positive - scores.negative).mean())
    heard = kinds_with_a_say(kinds.tolist())
    macro = float(np.mean([by_kind[f"pair_accuracy/{kind}"] for kind in heard]))
    return {"macro_pair_accuracy": macro, "pair_accuracy": float(hits.mean()), "margin": margin, **by_kind}


def kinds_with_a_say(kinds: Sequence[str]) -> list[str]:
    """Kinds of at least `FEWEST_PAIRS` pairs, given the kind of each pair, sorted; all kinds if there is none such."""
    counts = Counter(kinds)
    return sorted(kind for kind in counts if counts[kind] >= FEWEST_PAIRS) or sorted(counts)


def blind_reader(pairs: Sequence[Pair], *, seed: int = 0) -> TextOnlyBaseline:
    """The text-only baseline of pairs that have a negative."""
    return text_only_baseline(
        [pair.caption for pair in pairs],
        [pair.negative or "" for pair in pairs],
        [pair.kind for pair in pairs],
        [pair.image for pair in pairs],
        seed=seed,
    )


def summarise(scores: Scores, *, blind: TextOnlyBaseline | None = None, seed: int = 0) -> dict[str, Any]:
    """`overall`, `kinds`, `sources`, `edits` and `text_only` of metrics.json; see `write_evaluation`.

    `blind`: the `blind_reader` of the pairs, if it is at hand.
    """
    kinds = np.array([pair.kind for pair in scores.pairs])
    sources = np.array([pair.source for pair in scores.pairs])
    by_thesis = {row.kind: row for row in scores.thesis}
    clusters = np.array([pair.image for pair in scores.pairs])
    everything = np.ones(len(kinds), bool)
    text = blind or blind_reader(scores.pairs, seed=seed)
    return {
        "overall": _part(scores, everything, kinds, clusters, by_thesis.get(metrics.OVERALL), macro=True, seed=seed),
        "kinds": {
            kind: _part(scores, kinds == kind, kinds, clusters, by_thesis.get(kind), macro=False, seed=seed)
            for kind in sorted(set(kinds.tolist()))
        },
        "sources": {
            source: _part(scores, sources == source, kinds, clusters, None, macro=True, seed=seed)
            for source in sorted(set(sources.tolist()))
        },
        "edits": _edits(scores, seed=seed),
        "text_only": text_only_json(text),
    }


def _edits(scores: Scores, *, seed: int) -> dict[str, Any] | None:
    margins = scores.positive - scores.negative
    kinds, images = [pair.kind for pair in scores.pairs], [pair.image for pair in scores.pairs]
    roles = edit_roles(scores.pairs)
    return edits_json(fooled(margins, kinds, roles, images, seed=seed), strongest(margins, roles, images, seed=seed))


def edit_roles(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """Which part of the caption was edited, of each pair; "" where it is not known."""
    return tuple(pair.edit.role if pair.edit else "" for pair in pairs)


def text_only_json(found: TextOnlyBaseline) -> dict[str, Any]:
    """`text_only` of metrics.json."""
    return {
        "overall": estimate_or_null(found.overall),
        "macro": estimate_or_null(found.mean_of_kinds),
        "kinds": {kind: estimate_json(value) for kind, value in found.by_kind.items()},
        "note": found.note,
    }


def _part(
    scores: Scores,
    mine: NDArray[np.bool_],
    kinds: NDArray[np.str_],
    clusters: NDArray[np.str_],
    thesis: metrics.ThesisRow | None,
    *,
    macro: bool,
    seed: int,
) -> dict[str, Any]:
    positive, negative, images = scores.positive[mine], scores.negative[mine], clusters[mine]
    hits = (positive > negative).astype(np.float64)
    found: dict[str, Any] = {
        "pair_accuracy": estimate_json(clustered_mean(hits, images, chance=0.5, seed=seed)),
        "avg_pos": estimate_json(clustered_mean(positive, images, share=False, seed=seed)),
        "avg_neg": estimate_json(clustered_mean(negative, images, share=False, seed=seed)),
        "margin": estimate_json(clustered_mean(positive - negative, images, share=False, seed=seed)),
        "ties": int((positive == negative).sum()),
        "nonpositive_cosines": metrics.count_nonpositive(positive, negative),
    }
    if macro:
        found["macro_pair_accuracy"] = estimate_json(
            clustered_macro_mean(hits, kinds[mine], images, chance=0.5, seed=seed)
        )
    for tau in metrics.TAUS:
        ratio = (positive / (negative + metrics.EPSILON) >= tau).astype(np.float64)
        found[f"acc@{tau:g}"] = estimate_json(clustered_mean(ratio, images, seed=seed))
    if thesis is not None:
        rand = thesis.avg_rand_neg  # one cosine per image, not per pair
        unknown = Estimate(rand if rand is not None else math.nan, math.nan, math.nan, len(np.unique(images)))
        found["avg_rand_neg"] = None if rand is None else estimate_json(unknown)
    return found


def write_evaluation(folder: Path, scores: Scores, record: Mapping[str, Any], *, seed: int = 0) -> None:
    """Write scores.parquet, random.parquet, metrics.csv (the thesis's columns) and, last, metrics.json."""
    write_parquet(folder / "scores.parquet", _scores_table(scores))
    cosines = metrics.random_negative_cosines(scores.image_embeddings, scores.own_captions, seed)
    random = pa.table(
        {
            "image": list(scores.images) if cosines is not None else [],
            "cosine": pa.array(cosines if cosines is not None else [], pa.float64()),
        }
    )
    write_parquet(folder / "random.parquet", random)
    rows = [row.columns() for row in scores.thesis]
    with atomic_file(folder / "metrics.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    write_json(folder / "metrics.json", {"version": VERSION, **record})


def _scores_table(scores: Scores) -> pa.Table:
    pairs = scores.pairs
    return pa.table(
        {
            "id": item_ids(pairs),
            "image": [p.image for p in pairs],
            "kind": [p.kind for p in pairs],
            "source": [p.source for p in pairs],
            "cluster": [p.image for p in pairs],
            "caption": [p.caption for p in pairs],
            "negative": [p.negative for p in pairs],
            "edit_role": [p.edit.role if p.edit else None for p in pairs],
            "positive_cosine": scores.positive,
            "negative_cosine": scores.negative,
        }
    )


def item_ids(pairs: Sequence[Pair]) -> list[str]:
    """An id per row that a second model's scores share: image, kind and running number within them."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for pair in pairs:
        key = (pair.image, pair.kind)
        found.append(f"{pair.image}/{pair.kind}/{seen[key]}")
        seen[key] += 1
    return found


def warnings_of(scores: Scores) -> list[str]:
    """What a reader of the thesis's Acc@τ must know."""
    return [row.warning for row in scores.thesis if row.warning and row.kind == metrics.OVERALL]
