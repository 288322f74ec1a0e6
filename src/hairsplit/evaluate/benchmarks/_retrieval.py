"""Retrieval in both directions, under the ways in which papers count it."""

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from hairsplit.core.types import Estimate
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.benchmarks._aggregates import Number
from hairsplit.evaluate.benchmarks._benchmark import CaptionedImages, Picture
from hairsplit.evaluate.benchmarks._scoring import EmbeddedPictures
from hairsplit.evaluate.embed import Progress, embed_texts, unique
from hairsplit.evaluate.metrics import RetrievalRanks, retrieval_chance, retrieval_ranks
from hairsplit.evaluate.statistics import clustered_mean

KS = (1, 5, 10)
ALL, FIVE = "all captions", "first five captions of each image"
_PUBLISHED = {ALL: "ARO, BLIP", FIVE: "OpenAI and many others"}


def judge_retrieval(
    encoder: DualEncoder, suite: CaptionedImages, images: EmbeddedPictures, *, seed: int, tick: Progress | None
) -> tuple[tuple[Number, ...], pa.Table]:
    """Recall@1, 5, 10 both ways, with all captions and with five each; image to text: any of its captions counts."""
    texts, number = unique(text for _, text in suite.rows)
    embedded = embed_texts(encoder, texts, tick=tick)
    numbers: list[Number] = []
    columns: dict[str, list[int | None]] = {}
    for way in (ALL, FIVE):
        kept = _kept(suite, None if way == ALL else 5)
        rows = [suite.rows[n] for n in kept]
        shown = list(dict.fromkeys(picture for picture, _ in rows))
        place = {picture: n for n, picture in enumerate(shown)}
        owner = np.array([place[picture] for picture, _ in rows])
        vectors = images.embeddings[[images.number[picture] for picture in shown]]
        ranks = retrieval_ranks(vectors, embedded[[number[text] for _, text in rows]], owner)
        if way == ALL or len(rows) < len(suite.rows):  # else it is the same question
            numbers += _numbers(way, ranks, [picture.path for picture in shown], owner, seed)
        to_image = dict(zip(kept, ranks.text_to_image.tolist(), strict=True))
        first = "all" if way == ALL else "five"
        columns[f"text_to_image_rank_{first}"] = [to_image.get(n) for n in range(len(suite.rows))]
        to_text = dict(zip(shown, ranks.image_to_text.tolist(), strict=True))
        columns[f"image_to_text_rank_{first}"] = [to_text.get(picture) for picture, _ in suite.rows]
    table = pa.table(
        {"image": [picture.path for picture, _ in suite.rows], "caption": [text for _, text in suite.rows]}
        | {name: pa.array(values, pa.int64()) for name, values in columns.items()}
    )
    return tuple(numbers), table


def _kept(suite: CaptionedImages, most: int | None) -> list[int]:
    seen: dict[Picture, int] = {}
    kept = []
    for n, (picture, _) in enumerate(suite.rows):
        seen[picture] = seen.get(picture, 0) + 1
        if most is None or seen[picture] <= most:
            kept.append(n)
    return kept


def _numbers(
    way: str, ranks: RetrievalRanks, names: Sequence[str], owner: np.ndarray[tuple[int], np.dtype[np.int64]], seed: int
) -> list[Number]:
    found: list[Number] = []
    for k in KS:
        if k > len(names):
            continue
        to_text, to_image = retrieval_chance(k, owner, len(names))
        i2t = clustered_mean((ranks.image_to_text <= k).astype(float), names, chance=to_text, seed=seed)
        t2i = clustered_mean(
            (ranks.text_to_image <= k).astype(float), [names[n] for n in owner.tolist()], chance=to_image, seed=seed
        )
        found.append(Number(f"image to text R@{k}, {way}", "recall", "items", _PUBLISHED[way], i2t, None))
        found.append(Number(f"text to image R@{k}, {way}", "recall", "items", _PUBLISHED[way], t2i, None))
    values = [number.estimate for number in found if number.estimate is not None]
    chances = [value.chance for value in values if value.chance is not None]
    mean = Estimate(
        float(np.mean([value.value for value in values])), math.nan, math.nan, len(owner), float(np.mean(chances))
    )
    name = f"mean of the {len(values)} recalls, {way}"
    found.append(Number(name, "recall", "groups", "RSUM / 6", mean, None))
    return found
