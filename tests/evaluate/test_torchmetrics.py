"""Metrics against torchmetrics, where it is installed: without ties the same numbers, with ties never more."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from hairsplit.evaluate import metrics
from hairsplit.evaluate.ranking import auc, average_precision, ranking

reason = "torchmetrics is no dependency: pip install torchmetrics to compare with it"
classification: Any = pytest.importorskip("torchmetrics.functional.classification", reason=reason)
pairwise: Any = pytest.importorskip("torchmetrics.functional.pairwise", reason=reason)
retrieval: Any = pytest.importorskip("torchmetrics.functional.retrieval", reason=reason)

Array = NDArray[np.float64]
SEEDS = range(5)


def unit(rng: np.random.Generator, n: int) -> Array:
    vectors = rng.normal(size=(n, 16))
    scaled: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def tensor(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values))


@pytest.mark.parametrize("seed", SEEDS)
def test_cosines_of_pairs_are_the_diagonal_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = unit(rng, 20), unit(rng, 20)
    theirs = pairwise.pairwise_cosine_similarity(tensor(left), tensor(right)).diagonal()
    np.testing.assert_allclose(metrics.paired_cosines(left, right), theirs.numpy(), atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_pair_accuracy_is_the_accuracy_of_which_caption_is_true(seed: int) -> None:
    both = np.random.default_rng(seed).uniform(-1, 1, (60, 2))
    truth = torch.zeros(60, dtype=torch.int64)
    theirs = classification.multiclass_accuracy(tensor(both), truth, num_classes=2, average="micro")
    assert metrics.pair_accuracy(both[:, 0], both[:, 1]).value == pytest.approx(float(theirs))


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_zero_shot_top_k_and_mean_class_recall(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(7), rng.integers(0, 7, 90)])
    similarity = rng.normal(size=(97, 7))
    hits = metrics.true_class_ranks(similarity, labels) <= k
    for average, ours in (("micro", float(hits.mean())), ("macro", metrics.mean_class_recall(hits, labels))):
        theirs = classification.multiclass_accuracy(
            tensor(similarity), tensor(labels), num_classes=7, top_k=k, average=average
        )
        assert ours == pytest.approx(float(theirs))


@pytest.mark.parametrize("k", [1, 5, 10])
@pytest.mark.parametrize("seed", SEEDS)
def test_recall_at_k_is_the_mean_hit_rate_of_images_with_several_captions(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    images, captions = unit(rng, 9), unit(rng, 30)
    owner = np.concatenate([np.arange(9), rng.integers(0, 9, 21)])
    ranks = metrics.retrieval_ranks(images, captions, owner)
    scores = images @ captions.T
    to_text = [float(retrieval.retrieval_hit_rate(tensor(scores[i]), tensor(owner == i), top_k=k)) for i in range(9)]
    to_image = [
        float(retrieval.retrieval_hit_rate(tensor(scores[:, c]), tensor(np.arange(9) == owner[c]), top_k=min(k, 9)))
        for c in range(30)
    ]
    assert metrics.recall_at(k, ranks.image_to_text) == pytest.approx(np.mean(to_text))
    assert metrics.recall_at(k, ranks.text_to_image) == pytest.approx(np.mean(to_image))


@pytest.mark.parametrize("seed", SEEDS)
def test_average_precision_and_area_under_the_curve(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[True, False], rng.random(78) < 0.3])
    scores = rng.permutation(80) / 80
    ranked = ranking(scores, np.flatnonzero(labels), np.flatnonzero(~labels))
    once = np.ones((1, 80), np.int64)
    both = tensor(scores), tensor(labels.astype(np.int64))
    assert average_precision(ranked, once)[0] == pytest.approx(float(classification.binary_average_precision(*both)))
    assert auc(ranked, once)[0] == pytest.approx(float(classification.binary_auroc(*both)))


def test_ties_that_are_hits_there_are_misses_here() -> None:
    """A constant model: torchmetrics takes the first of equal scores."""
    same = np.full((12, 4), 0.25)
    labels = np.zeros(12, np.int64)
    theirs = classification.multiclass_accuracy(tensor(same), tensor(labels), num_classes=4, average="micro")
    assert float(theirs) == 1.0
    assert metrics.recall_at(1, metrics.true_class_ranks(same, labels)) == 0.0
    assert metrics.pair_accuracy(same[:, 0], same[:, 1]).value == 0.0
