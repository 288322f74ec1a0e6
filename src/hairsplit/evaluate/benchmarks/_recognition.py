"""Zero-shot classification of pictures in class folders."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.benchmarks._aggregates import Judged, Number
from hairsplit.evaluate.benchmarks._benchmark import LabelledPictures
from hairsplit.evaluate.benchmarks._scoring import EmbeddedPictures
from hairsplit.evaluate.embedding_cache import KeptEmbeddings
from hairsplit.evaluate.forgetting import class_embeddings, class_ranks
from hairsplit.evaluate.measure import Measure, mean_by


def judge_recognition(
    encoder: DualEncoder,
    suite: LabelledPictures,
    images: EmbeddedPictures,
    *,
    seed: int,
    kept: KeptEmbeddings | None = None,
) -> Judged:
    """Top-1, top-5 and mean per-class recall; a tie with a wrong class is a miss."""
    rows = [images.number[picture] for picture, _ in suite.rows]
    similarity = images.embeddings[rows] @ class_embeddings(encoder, suite.classes, suite.prompts, kept=kept).T
    labels = [label for _, label in suite.rows]
    found = class_ranks(similarity, labels)
    clusters = tuple(picture.path for picture, _ in suite.rows)
    names = tuple(suite.classes[label] for label in labels)
    chance = 1 / len(suite.classes)

    def at(k: int, name: str, published: str, groups: tuple[str, ...] | None = None) -> Measure:
        hits, most = ((ranks <= k).astype(float) for ranks in (found.ranks, found.if_ties_hit))
        return Measure(name, "aggregate", hits, clusters, most, groups, chance=k * chance, published=published)

    top1 = at(1, "top-1", "CLIP, most data sets")
    recall = at(1, "mean per-class recall", "CLIP, for caltech101, flowers102, pets", names)
    most = float((found.if_ties_hit <= 1).mean())
    numbers = [
        Number(top1.name, "correct", "items", top1.published, top1.estimate(seed), most),
        Number(recall.name, "correct", "groups", recall.published, recall.estimate(seed), None),
    ]
    measures = [top1, recall]
    if len(suite.classes) > 5:
        measures.append(at(5, "top-5", "ImageNet"))
        numbers.append(Number("top-5", "top5", "items", "ImageNet", measures[-1].estimate(seed), None))
    table = pa.table(
        {
            "image": list(clusters),
            "class": list(names),
            "predicted": [suite.classes[n] for n in similarity.argmax(axis=1)],
            "rank": pa.array(found.ranks, pa.int64()),
            "cosine": np.asarray(np.take_along_axis(similarity, np.array(labels)[:, None], axis=1)[:, 0], np.float64),
        }
    )
    each = [replace(one, chance=chance) for one in mean_by("kind", names, top1.hits, clusters, top1.hits_if_ties_hit)]
    kinds = {one.name: {"correct": one.estimate(seed)} for one in each}
    return Judged(tuple(numbers), (*measures, *each), table, kinds)
