"""Rank statistics against plain loops, scikit-learn and all orders of a few items; weights against copies."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from hairsplit.evaluate.ranking import (
    auc,
    average_precision,
    average_precision_chance,
    clustered,
    eleven_point_chance,
    eleven_point_precision,
    ranking,
)

Item = tuple[float, bool]


def plain_order(items: list[Item], *, ties_hit: bool = False) -> list[bool]:
    """Whether each place holds a positive; those that tie stand behind the negatives, or before them."""
    return [label for _, label in sorted(items, key=lambda item: (-item[0], item[1] != ties_hit))]


def plain_precisions(order: list[bool]) -> list[tuple[float, float]]:
    """(recall, precision) down to each positive."""
    found, total = 0, sum(order)
    points = []
    for place, positive in enumerate(order, 1):
        if positive:
            found += 1
            points.append((found / total, found / place))
    return points


def plain_average(order: list[bool]) -> float:
    points = plain_precisions(order)
    return sum(precision for _, precision in points) / len(points)


def plain_eleven(order: list[bool]) -> float:
    points = plain_precisions(order)
    return sum(max(p for recall, p in points if recall >= tenth / 10 - 1e-9) for tenth in range(11)) / 11


def plain_auc(items: list[Item]) -> float:
    pairs = [(a, b) for a, positive in items if positive for b, other in items if not other]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def measured(items: list[Item], weights: list[int] | None = None) -> dict[str, float]:
    scores, labels = np.array([s for s, _ in items]), np.array([label for _, label in items])
    ranked = ranking(scores, np.flatnonzero(labels), np.flatnonzero(~labels))
    drawn: NDArray[np.int64] = np.array([weights or [1] * len(items)], np.int64)
    return {
        "average": float(average_precision(ranked, drawn)[0]),
        "average, ties hit": float(average_precision(ranked, drawn, ties_hit=True)[0]),
        "eleven": float(eleven_point_precision(ranked, drawn)[0]),
        "eleven, ties hit": float(eleven_point_precision(ranked, drawn, ties_hit=True)[0]),
        "auc": float(auc(ranked, drawn)[0]),
    }


def plainly(items: list[Item]) -> dict[str, float]:
    late, early = plain_order(items), plain_order(items, ties_hit=True)
    return {
        "average": plain_average(late),
        "average, ties hit": plain_average(early),
        "eleven": plain_eleven(late),
        "eleven, ties hit": plain_eleven(early),
        "auc": plain_auc(items),
    }


SCORED = st.lists(st.tuples(st.integers(-3, 3).map(lambda n: n / 4), st.booleans()), min_size=2, max_size=12).filter(
    lambda items: 0 < sum(label for _, label in items) < len(items)
)


@given(SCORED)
def test_each_number_is_that_of_a_plain_loop_whatever_ties(items: list[Item]) -> None:
    assert measured(items) == pytest.approx(plainly(items))


@given(SCORED, st.data())
def test_an_item_of_weight_w_counts_as_w_copies(items: list[Item], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(items), max_size=len(items)))
    copies = [item for item, weight in zip(items, weights, strict=True) for _ in range(weight)]
    found = measured(items, weights)
    labels = {label for _, label in copies}
    if labels == {True, False}:
        assert found == pytest.approx(plainly(copies))
    elif labels == {True}:
        assert found["average"] == found["eleven"] == 1
        assert math.isnan(found["auc"])
    else:
        assert all(math.isnan(value) for value in found.values())


def test_without_ties_scikit_learn_agrees() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        n = int(rng.integers(2, 200))
        scores, labels = rng.permutation(n) / n, rng.random(n) < 0.3
        labels[:2] = True, False
        found = measured(list(zip(scores.tolist(), labels.tolist(), strict=True)))
        assert found["average"] == pytest.approx(average_precision_score(labels, scores))
        assert found["auc"] == pytest.approx(roc_auc_score(labels, scores))


def test_with_ties_ours_are_the_ends_between_which_scikit_learn_lies() -> None:
    rng = np.random.default_rng(1)
    scores, labels = rng.integers(0, 5, 60) / 5, rng.random(60) < 0.4
    found = measured(list(zip(scores.tolist(), labels.tolist(), strict=True)))
    assert found["average"] < average_precision_score(labels, scores) < found["average, ties hit"]
    assert found["auc"] == pytest.approx(roc_auc_score(labels, scores))


def test_scores_that_differ_by_the_noise_of_float32_tie() -> None:
    found = measured([(0.3 + 2e-7, True), (0.3, False), (0.3 - 2e-7, True), (0.1, False)])
    assert found["auc"] == pytest.approx(0.75)
    assert found["average"] == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize(("positives", "negatives"), [(1, 0), (1, 1), (1, 5), (3, 3), (4, 2), (3, 0)])
def test_chance_is_the_mean_over_all_orders(positives: int, negatives: int) -> None:
    orders = set(permutations([True] * positives + [False] * negatives))
    expected = sum(plain_average(list(order)) for order in orders) / len(orders)
    assert average_precision_chance(positives, negatives) == pytest.approx(expected)
    eleven = [plain_eleven(list(order)) for order in orders]
    error = np.std(eleven) / math.sqrt(200)
    assert abs(eleven_point_chance(positives, negatives) - np.mean(eleven)) <= 4 * error + 1e-12


def test_an_interval_is_of_whole_images_and_unknown_where_nothing_varies() -> None:
    rng = np.random.default_rng(2)
    labels = np.tile([True, False], 40)
    scores = rng.normal(size=80) + labels
    ranked = ranking(scores, np.flatnonzero(labels), np.flatnonzero(~labels))

    def interval(clusters: NDArray[np.int64]) -> tuple[float, float]:
        (found,) = clustered(lambda w: auc(ranked, w)[None], clusters, chance=[0.5], n=[80])
        assert found is not None
        assert found.value == pytest.approx(roc_auc_score(labels, scores))
        assert (found.chance, found.n) == (0.5, 80)
        return found.low, found.high

    low, high = interval(np.arange(80))
    assert low < roc_auc_score(labels, scores) < high
    # that of 2,000 resamples drawn one by one
    drawn = [rng.integers(0, 80, 80) for _ in range(2_000)]
    values = [roc_auc_score(labels[own], scores[own]) for own in drawn]
    assert (low, high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])), abs=0.02)
    assert interval(np.arange(80)) == (low, high)  # seeded
    wide = interval(np.arange(80) // 20)
    assert wide != (low, high)
    assert all(map(math.isnan, interval(np.zeros(80, np.int64))))
    perfect = ranking(labels.astype(float), np.flatnonzero(labels), np.flatnonzero(~labels))
    (found,) = clustered(lambda w: auc(perfect, w)[None], np.arange(80), chance=[0.5], n=[80])
    assert found is not None
    assert (found.value, math.isnan(found.low)) == (1, True)
    none = ranking(scores, [], np.arange(80))
    assert clustered(lambda w: auc(none, w)[None], np.arange(80), chance=[0.5], n=[80]) == [None]
