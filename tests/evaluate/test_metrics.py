"""Metrics against hand-worked numbers, loops straight from the definitions, and scikit-learn."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis.strategies import integers
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score, top_k_accuracy_score
from sklearn.metrics.pairwise import paired_cosine_distances

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate import metrics

Array = NDArray[np.float64]
POSITIVE = np.array([0.30, 0.20, 0.25, 0.10])
NEGATIVE = np.array([0.20, 0.20, 0.26, -0.05])


def unit(rng: np.random.Generator, n: int, width: int = 8) -> Array:
    vectors = rng.normal(size=(n, width))
    scaled: Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def test_pair_accuracy_by_hand_counts_the_tie_as_a_miss_and_says_so() -> None:
    result = metrics.pair_accuracy(POSITIVE, NEGATIVE)
    assert result.value == 0.5
    assert result.ties == 1
    assert result.hits.tolist() == [True, False, False, True]


def test_thesis_metrics_by_hand() -> None:
    row = metrics.thesis_row("relation", POSITIVE, NEGATIVE, np.array([0.1, 0.0]))
    assert row.avg_pos == pytest.approx(0.2125)
    assert row.avg_neg == pytest.approx(0.1525)
    assert row.margin == pytest.approx(0.06)
    assert row.avg_rand_neg == pytest.approx(0.05)
    # ratios: 1.5 - tiny, 1 - tiny, 0.96, -2: the last pair is right, and is counted wrong
    assert row.accuracy == {1.0: 0.25, 1.1: 0.25, 1.2: 0.25, 1.5: 0.0, 2.0: 0.0, 3.0: 0.0}
    assert row.nonpositive == 1
    assert row.warning == "relation: 1 of 4 pairs have a cosine <= 0, where the ratio of Acc@τ inverts"


def test_a_cosine_of_zero_is_no_ratio_and_is_counted() -> None:
    assert metrics.count_nonpositive([0.1, 0.0, 0.2, -0.1], [0.1, 0.1, 0.0, -0.1]) == 3


def test_thesis_columns_have_the_thesis_names() -> None:
    row = metrics.thesis_row("count", POSITIVE[:1], NEGATIVE[:1], None)
    names = "type n Avg_Pos Avg_Neg Margin Avg_Rand_Neg Acc@1 Acc@1.1 Acc@1.2 Acc@1.5 Acc@2 Acc@3 Nonpositive"
    assert list(row.columns()) == names.split()
    assert row.columns()["Avg_Rand_Neg"] is None
    assert row.warning is None


@given(seed=integers(0, 2**31))
def test_thesis_metrics_equal_a_loop_over_the_definition_with_negative_cosines_too(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pos, neg = rng.uniform(-1, 1, 40), rng.uniform(-1, 1, 40)
    row = metrics.thesis_row("all", pos, neg, None)
    pairs = list(zip(pos.tolist(), neg.tolist(), strict=True))
    assert row.avg_pos == pytest.approx(sum(p for p, _ in pairs) / 40)
    assert row.avg_neg == pytest.approx(sum(n for _, n in pairs) / 40)
    for tau in (1, 1.1, 1.2, 1.5, 2, 3):
        assert row.accuracy[tau] == sum(p / (n + 1e-8) >= tau for p, n in pairs) / 40
    assert row.nonpositive == sum(p <= 0 or n <= 0 for p, n in pairs)


def test_a_negative_cosine_of_minus_epsilon_divides_by_zero_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.accuracy_at(1.0, [0.5, 0.0], [-1e-8, -1e-8]) == 0.5


@given(n=integers(2, 60), seed=integers(0, 2**31))
def test_a_derangement_is_a_permutation_without_fixed_points(n: int, seed: int) -> None:
    order = metrics.derangement(n, seed)
    assert order is not None
    assert sorted(order.tolist()) == list(range(n))
    assert not (order == np.arange(n)).any()


def test_a_derangement_follows_from_its_seed_and_every_one_can_be_drawn() -> None:
    drawn = [tuple(order.tolist()) for seed in range(200) if (order := metrics.derangement(4, seed)) is not None]
    again = [tuple(order.tolist()) for seed in range(200) if (order := metrics.derangement(4, seed)) is not None]
    assert drawn == again
    assert len(set(drawn)) == 9  # subfactorial of 4
    assert min(drawn.count(order) for order in set(drawn)) > 8  # 200 / 9 = 22 expected of each


def test_random_negatives_of_two_images_are_each_other_and_of_one_image_unknown() -> None:
    images, captions = np.eye(2), np.array([[0.8, 0.6], [0.6, 0.8]])
    cosines = metrics.random_negative_cosines(images, captions, seed=0)
    assert cosines is not None
    assert cosines.tolist() == pytest.approx([0.6, 0.6])
    assert metrics.random_negative_cosines(images[:1], captions[:1], seed=0) is None


def test_thesis_table_has_each_type_and_pools_them_count_weighted() -> None:
    rng = np.random.default_rng(3)
    images, captions = unit(rng, 4), unit(rng, 9)
    image_of_pair, caption_of_pair = [0, 0, 1, 2, 3, 3], [0, 1, 2, 3, 4, 5]
    negative_of_pair = [6, 7, 8, 6, 7, 8]
    pos = metrics.paired_cosines(images[image_of_pair], captions[caption_of_pair])
    neg = metrics.paired_cosines(images[image_of_pair], captions[negative_of_pair])
    kinds = ["relation", "count", "relation", "relation", "relation", "count"]
    rows = metrics.thesis_table(
        pos,
        neg,
        kinds,
        images=images,
        captions=captions,
        image_of_pair=image_of_pair,
        caption_of_pair=caption_of_pair,
        seed=5,
    )
    assert [(row.kind, row.n) for row in rows] == [("count", 2), ("relation", 4), ("overall", 6)]
    count, relation, overall = rows
    assert overall.avg_pos == pytest.approx((2 * count.avg_pos + 4 * relation.avg_pos) / 6)
    assert overall.accuracy[1.2] == pytest.approx((2 * count.accuracy[1.2] + 4 * relation.accuracy[1.2]) / 6)
    # count: images 0 and 3 with their first caption of that kind, swapped
    assert count.avg_rand_neg == pytest.approx((images[0] @ captions[5] + images[3] @ captions[1]) / 2, abs=1e-6)
    order = metrics.derangement(4, 5)
    assert order is not None
    own = captions[[0, 2, 3, 4]]
    assert overall.avg_rand_neg == pytest.approx(np.mean(np.sum(images * own[order], axis=1)), abs=1e-6)


def test_retrieval_ranks_by_hand_with_two_captions_per_image() -> None:
    images = np.eye(3)
    captions = np.array([[0.6, 0.8, 0], [1, 0, 0], [0.8, 0.6, 0], [0, 0.6, 0.8], [0, 0, 1], [0.28, 0, 0.96]])
    ranks = metrics.retrieval_ranks(images, captions, [0, 0, 1, 1, 2, 2])
    assert ranks.image_to_text.tolist() == [1, 2, 1]  # image 1: captions at 0.6, but caption 0 at 0.8
    assert ranks.text_to_image.tolist() == [2, 1, 2, 2, 1, 1]
    assert metrics.recall_at(1, ranks.image_to_text) == pytest.approx(2 / 3)
    assert metrics.recall_at(1, ranks.text_to_image) == 0.5
    assert metrics.recall_at(2, ranks.text_to_image) == 1.0


def test_retrieval_ties_count_against_the_right_answer() -> None:
    images, captions = np.eye(2), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    ranks = metrics.retrieval_ranks(images, captions, [0, 1, 1])  # caption 1 reads like caption 0
    assert ranks.image_to_text.tolist() == [2, 1]
    assert ranks.text_to_image.tolist() == [1, 2, 1]


def test_captions_of_one_text_tie_however_the_batch_rounded_them() -> None:
    """A duplicate that noise has put a hair below the right answer is as good as it, and so counts against it."""
    rng = np.random.default_rng(3)
    images = unit(rng, 40, 256)
    texts = unit(rng, 20, 256)
    noisy = np.concatenate([texts, texts * (1 - 3e-7)])  # caption 20 + i repeats caption i, for another image
    ranks = metrics.retrieval_ranks(images, noisy, np.arange(40))
    exact = metrics.retrieval_ranks(images, np.concatenate([texts, texts]), np.arange(40))
    assert ranks.image_to_text.tolist() == exact.image_to_text.tolist()
    assert (ranks.image_to_text >= 2).all()
    pictures = np.concatenate([texts, texts * (1 - 3e-7)])  # and so do pictures
    assert metrics.retrieval_ranks(pictures, noisy, np.arange(40)).text_to_image.min() == 2


@given(seed=integers(0, 2**31))
def test_a_model_that_has_collapsed_up_to_noise_ranks_every_answer_last(seed: int) -> None:
    rng = np.random.default_rng(seed)
    same = np.tile(unit(rng, 1, 64), (12, 1)) * (1 + rng.uniform(-2e-7, 2e-7, (12, 1)))
    ranks = metrics.retrieval_ranks(same, same, np.arange(12))
    assert set(ranks.image_to_text.tolist()) | set(ranks.text_to_image.tolist()) == {12}


@given(seed=integers(0, 2**31))
def test_retrieval_ranks_equal_a_loop_over_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images = np.eye(5)[rng.integers(0, 5, 6)]  # coarse vectors, for many ties
    captions = np.eye(5)[rng.integers(0, 5, 13)]
    owner = np.concatenate([np.arange(6), rng.integers(0, 6, 7)])
    ranks = metrics.retrieval_ranks(images, captions, owner)
    scores = images @ captions.T
    for i in range(6):
        best = max(scores[i, c] for c in range(13) if owner[c] == i)
        assert ranks.image_to_text[i] == 1 + sum(scores[i, c] >= best for c in range(13) if owner[c] != i)
    for c in range(13):
        rivals = [scores[i, c] for i in range(6) if i != owner[c]]
        assert ranks.text_to_image[c] == 1 + sum(rival >= scores[owner[c], c] for rival in rivals)


@given(seed=integers(0, 2**31))
def test_order_of_images_and_captions_does_not_change_a_rank(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images, captions, owner = unit(rng, 7), unit(rng, 14), np.arange(14) % 7
    plain = metrics.retrieval_ranks(images, captions, owner)
    by_image, by_caption = rng.permutation(7), rng.permutation(14)
    mixed = metrics.retrieval_ranks(images[by_image], captions[by_caption], np.argsort(by_image)[owner[by_caption]])
    assert mixed.image_to_text.tolist() == plain.image_to_text[by_image].tolist()
    assert mixed.text_to_image.tolist() == plain.text_to_image[by_caption].tolist()


def test_retrieval_chance_agrees_with_random_scores() -> None:
    owner = np.array([0, 0, 0, 1, 2, 2])
    to_text, to_image = metrics.retrieval_chance(2, owner, 3)
    assert to_image == pytest.approx(2 / 3)
    # 1 - C(6 - m, 2) / 15 for m = 3, 1, 2
    assert to_text == pytest.approx(((1 - 3 / 15) + (1 - 10 / 15) + (1 - 6 / 15)) / 3)
    assert metrics.retrieval_chance(10, owner, 3) == (1.0, 1.0)


def test_retrieval_refuses_an_image_without_a_caption() -> None:
    with pytest.raises(HairsplitError, match="1 of 3 images have no caption"):
        metrics.retrieval_ranks(np.eye(3), np.eye(3), [0, 0, 2])


def test_zero_shot_ranks_by_hand_with_a_tie() -> None:
    similarity = [[0.3, 0.2, 0.1], [0.3, 0.3, 0.1], [0.1, 0.2, 0.3]]
    ranks = metrics.true_class_ranks(similarity, [0, 1, 0])
    assert ranks.tolist() == [1, 2, 3]
    assert metrics.recall_at(1, ranks) == pytest.approx(1 / 3)
    assert metrics.recall_at(2, ranks) == pytest.approx(2 / 3)


def test_zero_shot_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    labels, similarity = np.concatenate([np.arange(9), rng.integers(0, 9, 200)]), rng.normal(size=(209, 9))
    ranks = metrics.true_class_ranks(similarity, labels)
    for k in (1, 5):
        assert metrics.recall_at(k, ranks) == pytest.approx(top_k_accuracy_score(labels, similarity, k=k))
    expected = balanced_accuracy_score(labels, similarity.argmax(axis=1))
    assert metrics.mean_class_recall(ranks == 1, labels) == pytest.approx(expected)


def test_mean_class_recall_by_hand_weighs_rare_classes_equally() -> None:
    assert metrics.mean_class_recall([1, 1, 1, 0], [4, 4, 4, 7]) == 0.5


def test_no_pairs_are_refused() -> None:
    with pytest.raises(HairsplitError, match="no pairs to score"):
        metrics.pair_accuracy([], [])


def test_a_model_that_gives_nan_is_refused_and_not_scored_as_wrong() -> None:
    with pytest.raises(HairsplitError, match="1 of 2 cosines are not finite"):
        metrics.pair_accuracy([0.5, np.nan], [0.4, 0.4])
    with pytest.raises(HairsplitError, match="embeddings are not finite"):
        metrics.retrieval_ranks(np.full((1, 2), np.inf), np.ones((1, 2)), [0])


def test_a_label_without_a_class_is_refused() -> None:
    with pytest.raises(HairsplitError, match=r"outside 0\.\.2"):
        metrics.true_class_ranks(np.ones((1, 3)), [3])


def test_cosines_of_unequal_number_are_a_programming_mistake() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        metrics.pair_accuracy([0.5], [0.4, 0.4])


def collapsed(n: int) -> Array:
    """A model that gives everything the same embedding."""
    return np.tile(unit(np.random.default_rng(5), 1, 64), (n, 1))


def test_paired_cosines_by_hand_and_as_scikit_learn_has_them() -> None:
    left, right = np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([[0.6, 0.8], [0.8, 0.6]])
    assert metrics.paired_cosines(left, right).tolist() == pytest.approx([0.6, 0.96])
    one, two = unit(np.random.default_rng(7), 30, 96), unit(np.random.default_rng(8), 30, 96)
    np.testing.assert_allclose(metrics.paired_cosines(one, two), 1 - paired_cosine_distances(one, two), atol=1e-6)


@given(seed=integers(0, 2**31))
def test_pair_accuracy_is_scikit_learns_accuracy_of_which_caption_is_true(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pos, neg = rng.uniform(-1, 1, 50), rng.uniform(-1, 1, 50)
    expected = accuracy_score(np.zeros(50), np.stack([pos, neg]).argmax(axis=0))
    assert metrics.pair_accuracy(pos, neg).value == pytest.approx(expected)


def test_accuracy_at_a_ratio_by_hand_with_a_tie_and_of_a_constant_model() -> None:
    assert metrics.accuracy_at(1.2, [0.24, 0.3], [0.1, 0.3]) == 0.5
    assert metrics.accuracy_at(1.0, [0.3], [0.3]) == 0.0
    assert (0.25 - 1e-8) + 1e-8 == 0.25  # a ratio of exactly 1.5, which is enough
    assert metrics.accuracy_at(1.5, [0.375], [0.25 - 1e-8]) == 1.0
    same = metrics.paired_cosines(collapsed(9), collapsed(9))
    assert [metrics.accuracy_at(tau, same, same) for tau in metrics.TAUS] == [0.0] * len(metrics.TAUS)


@given(seed=integers(0, 2**31))
def test_recall_at_k_is_scikit_learns_top_k_accuracy_where_each_image_has_one_caption(seed: int) -> None:
    rng = np.random.default_rng(seed)
    images, captions = unit(rng, 12), unit(rng, 12)
    ranks = metrics.retrieval_ranks(images, captions, np.arange(12))
    scores = images @ captions.T
    for k in (1, 5):
        to_text = top_k_accuracy_score(np.arange(12), scores, k=k)
        to_image = top_k_accuracy_score(np.arange(12), scores.T, k=k)
        assert metrics.recall_at(k, ranks.image_to_text) == pytest.approx(to_text)
        assert metrics.recall_at(k, ranks.text_to_image) == pytest.approx(to_image)


def test_retrieval_chance_is_what_random_orders_get() -> None:
    rng, owner, found = np.random.default_rng(0), np.array([0, 0, 0, 1, 2, 2, 3]), []
    for _ in range(3_000):
        place = rng.permutation(7)
        found.append([(place[owner == image] < 2).any() for image in range(4)])
    assert metrics.retrieval_chance(2, owner, 4)[0] == pytest.approx(np.mean(found), abs=0.02)


def test_a_tie_of_classes_is_a_miss_for_both() -> None:
    similarity = [[0.5, 0.5, 0.1], [0.5, 0.5, 0.1]]
    ranks = metrics.true_class_ranks(similarity, [0, 1])
    assert ranks.tolist() == [2, 2]
    assert metrics.mean_class_recall(ranks <= 1, [0, 1]) == 0.0
