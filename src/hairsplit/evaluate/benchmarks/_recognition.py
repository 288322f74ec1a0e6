"""Zero-shot classification of pictures in class folders."""

import numpy as np
import pyarrow as pa

from hairsplit.core.types import Estimate
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.evaluate.benchmarks._aggregates import Number
from hairsplit.evaluate.benchmarks._benchmark import LabelledPictures
from hairsplit.evaluate.benchmarks._scoring import EmbeddedPictures
from hairsplit.evaluate.forgetting import class_embeddings
from hairsplit.evaluate.metrics import TIE, true_class_ranks
from hairsplit.evaluate.statistics import clustered_macro_mean, clustered_mean, mean_by_kind


def judge_recognition(
    encoder: DualEncoder, suite: LabelledPictures, images: EmbeddedPictures, *, seed: int
) -> tuple[tuple[Number, ...], dict[str, dict[str, Estimate]], pa.Table]:
    """Top-1, top-5 and mean per-class recall; a tie with a wrong class is a miss."""
    rows = [images.number[picture] for picture, _ in suite.rows]
    similarity = images.embeddings[rows] @ class_embeddings(encoder, suite.classes, suite.prompts).T
    labels = np.array([label for _, label in suite.rows])
    right = np.take_along_axis(similarity, labels[:, None], axis=1)
    ranks = true_class_ranks(np.where(np.abs(similarity - right) <= TIE, right, similarity), labels)
    hits = (ranks <= 1).astype(float)
    most = (ranks - (np.abs(similarity - right) <= TIE).sum(axis=1) + 1 <= 1).astype(float)
    clusters = [picture.path for picture, _ in suite.rows]
    names = [suite.classes[label] for label in labels]
    chance = 1 / len(suite.classes)
    top1 = clustered_mean(hits, clusters, chance=chance, seed=seed)
    recall = clustered_macro_mean(hits, names, clusters, chance=chance, seed=seed)
    numbers = [
        Number("top-1", "correct", "items", "CLIP, most data sets", top1, float(most.mean())),
        Number("mean per-class recall", "correct", "groups", "CLIP, for caltech101, flowers102, pets", recall, None),
    ]
    if len(suite.classes) > 5:
        five = clustered_mean((ranks <= 5).astype(float), clusters, chance=5 * chance, seed=seed)
        numbers.append(Number("top-5", "top5", "items", "ImageNet", five, None))
    table = pa.table(
        {
            "image": clusters,
            "class": names,
            "predicted": [suite.classes[n] for n in similarity.argmax(axis=1)],
            "rank": pa.array(ranks, pa.int64()),
            "cosine": np.asarray(right[:, 0], np.float64),
        }
    )
    kinds = {
        kind: {"correct": value}
        for kind, value in mean_by_kind(hits, names, clusters, chance=chance, seed=seed).items()
    }
    return tuple(numbers), kinds, table
