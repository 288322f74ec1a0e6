"""Retrieval in both directions, under the ways in which papers count it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.benchmarks._aggregates import Judged, Number
from hairsplit.evaluate.benchmarks._benchmark import CaptionedImages, Picture
from hairsplit.evaluate.benchmarks._scoring import EmbeddedPictures
from hairsplit.evaluate.embed import Progress, embed_texts, unique
from hairsplit.evaluate.embedding_cache import KeptEmbeddings
from hairsplit.evaluate.measure import AnyMeasure, Measure, Statistic
from hairsplit.evaluate.metrics import FloatArray, IntArray, RetrievalRanks, retrieval_chance, retrieval_ranks

KS = (1, 5, 10)
ALL, FIVE = "all captions", "first five captions of each image"
_PUBLISHED = {ALL: "ARO, BLIP", FIVE: "OpenAI and many others"}


def judge_retrieval(
    encoder: DualEncoder,
    suite: CaptionedImages,
    images: EmbeddedPictures,
    *,
    seed: int,
    kept: KeptEmbeddings | None = None,
    tick: Progress | None,
) -> Judged:
    """Recall@1, 5, 10 both ways, with all captions and with five each; image to text: any of its captions counts."""
    texts, number = unique(text for _, text in suite.rows)
    embedded = embed_texts(encoder, texts, kept=kept, tick=tick)
    measures: list[AnyMeasure] = []
    columns: dict[str, list[int | None]] = {}
    for way in (ALL, FIVE):
        chosen = _chosen(suite, None if way == ALL else 5)
        rows = [suite.rows[n] for n in chosen]
        shown = list(dict.fromkeys(picture for picture, _ in rows))
        place = {picture: n for n, picture in enumerate(shown)}
        owner = np.array([place[picture] for picture, _ in rows])
        vectors = images.embeddings[[images.number[picture] for picture in shown]]
        ranks = retrieval_ranks(vectors, embedded[[number[text] for _, text in rows]], owner)
        if way == ALL or len(rows) < len(suite.rows):  # else it is the same question
            measures += _measures(way, ranks, [picture.path for picture in shown], owner)
        to_image = dict(zip(chosen, ranks.text_to_image.tolist(), strict=True))
        first = "all" if way == ALL else "five"
        columns[f"text_to_image_rank_{first}"] = [to_image.get(n) for n in range(len(suite.rows))]
        to_text = dict(zip(shown, ranks.image_to_text.tolist(), strict=True))
        columns[f"image_to_text_rank_{first}"] = [to_text.get(picture) for picture, _ in suite.rows]
    table = pa.table(
        {"image": [picture.path for picture, _ in suite.rows], "caption": [text for _, text in suite.rows]}
        | {name: pa.array(values, pa.int64()) for name, values in columns.items()}
    )
    return Judged(tuple(_number(measure, seed) for measure in measures), tuple(measures), table)


def _chosen(suite: CaptionedImages, most: int | None) -> list[int]:
    seen: dict[Picture, int] = {}
    kept = []
    for n, (picture, _) in enumerate(suite.rows):
        seen[picture] = seen.get(picture, 0) + 1
        if most is None or seen[picture] <= most:
            kept.append(n)
    return kept


def _measures(way: str, ranks: RetrievalRanks, names: Sequence[str], owner: IntArray) -> list[AnyMeasure]:
    found: list[AnyMeasure] = []
    hits: list[tuple[FloatArray, bool]] = []
    asked = tuple(names[n] for n in owner.tolist())
    for k in KS:
        if k > len(names):
            continue
        to_text, to_image = retrieval_chance(k, owner, len(names))
        sides = (
            (f"image to text R@{k}, {way}", ranks.image_to_text, tuple(names), to_text),
            (f"text to image R@{k}, {way}", ranks.text_to_image, asked, to_image),
        )
        for name, own, clusters, chance in sides:
            right = (own <= k).astype(float)
            hits.append((right, clusters is asked))
            found.append(Measure(name, "aggregate", right, clusters, chance=chance, published=_PUBLISHED[way]))
    first = np.unique(owner, return_index=True)[1]  # a caption of each image, whose weight is the image's

    def mean(weights: IntArray) -> FloatArray:
        each = []
        for right, of_captions in hits:
            own = weights if of_captions else weights[:, first]
            each.append(own @ right / own.sum(axis=1))
        recalls: FloatArray = np.mean(each, axis=0)
        return recalls

    chances = [measure.chance for measure in found if measure.chance is not None]
    name = f"mean of the {len(found)} recalls, {way}"
    overall = Statistic(name, "aggregate", mean, asked, len(owner), float(np.mean(chances)), "RSUM / 6")
    return [*found, overall]


def _number(measure: AnyMeasure, seed: int) -> Number:
    over = "groups" if isinstance(measure, Statistic) else "items"
    return Number(measure.name, "recall", over, measure.published, measure.estimate(seed), None)
