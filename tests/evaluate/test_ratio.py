"""Ratios of sums with clustered intervals."""

import math

import numpy as np
import pytest

from hairsplit.evaluate.ratio import clustered_ratio
from hairsplit.evaluate.statistics import clustered_mean

RNG = np.random.default_rng(0)


def test_it_is_the_ratio_of_sums_and_not_the_mean_of_ratios() -> None:
    found = clustered_ratio([1.0, 0.0, 2.0], [2.0, 1e-9, 2.0], ["a", "b", "c"])
    assert found is not None
    assert found.value == pytest.approx(3 / 4)
    assert found.n == 3


def test_with_wholes_of_one_it_is_the_clustered_mean() -> None:
    values, clusters = RNG.normal(size=60), np.repeat(np.arange(30), 2)
    ratio = clustered_ratio(values, np.ones(60), clusters, resamples=20_000)
    mean = clustered_mean(values, clusters, share=False, resamples=20_000)
    assert ratio is not None
    assert ratio.value == pytest.approx(mean.value)
    assert (ratio.low, ratio.high) == pytest.approx((mean.low, mean.high), abs=0.01)


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Oracle: 200 samples of 60 clusters of two, true ratio 0.3, correlated within clusters."""
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        whole = np.repeat(rng.gamma(3.0, size=60), 2) + rng.normal(0, 0.2, 120)
        part = 0.3 * whole + np.repeat(rng.normal(0, 0.5, 60), 2)
        found = clustered_ratio(part, whole, np.repeat(np.arange(60), 2), resamples=400)
        assert found is not None
        hits += found.low <= 0.3 <= found.high
    assert 0.88 <= hits / 200 <= 0.99


def test_a_constant_share_has_no_width() -> None:
    wholes = RNG.gamma(2.0, size=40)
    found = clustered_ratio(0.25 * wholes, wholes, np.arange(40))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_wholes_without_a_certain_sign_leave_the_share_without_bounds() -> None:
    wholes = np.array([1.0, -1.0] * 20 + [0.1])
    found = clustered_ratio(np.ones(41), wholes, np.arange(41))
    assert found is not None
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_one_image_has_no_interval_and_nothing_of_nothing_is_none() -> None:
    found = clustered_ratio([1.0, 1.0], [2.0, 2.0], ["a", "a"])
    assert found is not None
    assert found.value == 0.5
    assert math.isnan(found.low)
    assert clustered_ratio([1.0, -1.0], [1.0, -1.0], ["a", "b"]) is None
    assert clustered_ratio([], [], []) is None


def test_it_is_the_same_each_time_and_for_any_order() -> None:
    parts, wholes, images = RNG.normal(size=20), RNG.gamma(2.0, size=20), np.repeat(np.arange(10), 2)
    order = RNG.permutation(20)
    first = clustered_ratio(parts, wholes, images, seed=3)
    again = clustered_ratio(parts[order], wholes[order], images[order], seed=3)
    other = clustered_ratio(parts, wholes, images, seed=4)
    assert first is not None
    assert again is not None
    assert other is not None
    assert (first.low, first.high) == pytest.approx((again.low, again.high), rel=1e-12)
    assert first.low != other.low


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="3 clusters"):
        clustered_ratio([1.0], [1.0], ["a", "b", "c"])
