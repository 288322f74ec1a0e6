"""A model that gives everything the same embedding: every metric gives it nothing, none the 50 % of a coin."""

import numpy as np
import pytest

from hairsplit.evaluate import metrics
from tests.evaluate.test_metrics import collapsed, unit


def test_the_thesis_row_of_a_constant_model_has_no_margin_and_no_hit() -> None:
    same = metrics.paired_cosines(collapsed(9), collapsed(9))
    row = metrics.thesis_row("all", same, same, metrics.random_negative_cosines(collapsed(9), collapsed(9), seed=0))
    assert row.margin == 0.0
    assert set(row.accuracy.values()) == {0.0}
    assert row.avg_rand_neg == pytest.approx(row.avg_pos)


def test_mean_class_recall_of_a_constant_model_is_zero_and_of_one_class_only_is_its_share() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    ranks = metrics.true_class_ranks(collapsed(5) @ collapsed(3).T, labels)
    assert metrics.mean_class_recall(ranks <= 1, labels) == 0.0
    always = np.tile([0.9, 0.1, 0.1], (5, 1))  # a model that says class 0 of everything
    assert metrics.mean_class_recall(metrics.true_class_ranks(always, labels) <= 1, labels) == pytest.approx(1 / 3)


def test_the_thesis_table_of_a_constant_model_has_no_hit_in_any_row() -> None:
    vectors, rows = collapsed(4), [0, 1, 2, 3]
    same = metrics.paired_cosines(vectors[rows], vectors[rows])
    table = metrics.thesis_table(
        same,
        same,
        ["a", "b", "a", "b"],
        images=vectors,
        captions=vectors,
        image_of_pair=rows,
        caption_of_pair=rows,
        seed=1,
    )
    assert [row.kind for row in table] == ["a", "b", "overall"]
    for row in table:
        assert set(row.accuracy.values()) == {0.0}
        assert row.margin == 0.0


def test_a_constant_model_has_pair_accuracy_zero() -> None:
    same = np.tile(unit(np.random.default_rng(0), 1, 512), (301, 1)).astype(np.float32)
    cosines = metrics.paired_cosines(same, same[::-1])
    result = metrics.pair_accuracy(cosines, cosines.copy())
    assert (result.value, result.ties) == (0.0, 301)
    assert len(np.unique(cosines)) == 1


def test_a_constant_model_retrieves_nothing_until_all_candidates_are_taken() -> None:
    same = unit(np.random.default_rng(1), 1, 512)
    images, captions = np.tile(same, (300, 1)), np.tile(same, (601, 1))
    ranks = metrics.retrieval_ranks(images, captions, np.minimum(np.arange(601) // 2, 299))
    assert set(ranks.text_to_image.tolist()) == {300}
    assert ranks.image_to_text.tolist() == [600] * 299 + [599]  # 599 or 598 wrong captions before it


def test_a_constant_model_has_top_1_zero() -> None:
    ranks = metrics.true_class_ranks(np.full((10, 64), 0.25, np.float16), np.arange(10))
    assert metrics.recall_at(1, ranks) == 0.0
    assert metrics.recall_at(5, ranks) == 0.0
