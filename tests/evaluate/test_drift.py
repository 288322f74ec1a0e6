"""Drift of embeddings: CKA against Gram matrices and by hand, intervals that cover, models that say nothing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hairsplit.core.errors import HairsplitError
from hairsplit.evaluate.drift import drift, linear_cka

Floats = NDArray[np.float64]


def unit(n: int, width: int, seed: int) -> Floats:
    found = np.random.default_rng(seed).normal(size=(n, width))
    made: Floats = found / np.linalg.norm(found, axis=1, keepdims=True)
    return made


def by_gram_matrices(x: Floats, y: Floats) -> float:
    """HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with the centring matrix written out (Kornblith et al., 2019, eq. 3)."""
    n = len(x)
    centring = np.eye(n) - np.ones((n, n)) / n
    k, m = x @ x.T, y @ y.T

    def hsic(a: Floats, b: Floats) -> float:
        return float(np.trace(a @ centring @ b @ centring))

    return hsic(k, m) / math.sqrt(hsic(k, k) * hsic(m, m))


@given(seed=st.integers(0, 99), n=st.integers(2, 12), one=st.integers(1, 5), two=st.integers(1, 5))
def test_cka_is_that_of_the_gram_matrices(seed: int, n: int, one: int, two: int) -> None:
    x, y = np.random.default_rng(seed).normal(size=(n, one)), np.random.default_rng(seed + 100).normal(size=(n, two))
    assert linear_cka(x, y) == pytest.approx(by_gram_matrices(x, y), abs=1e-9)


def test_cka_by_hand() -> None:
    # one column each: the squared correlation; [1, 2, 3] and [1, 3, 2] have 0.5
    assert linear_cka(np.array([[1.0], [2], [3]]), np.array([[1.0], [3], [2]])) == pytest.approx(0.25)


def test_a_rotation_keeps_cka_and_lowers_the_cosine() -> None:
    x = unit(40, 6, 0)
    turned = x @ np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    found = drift(x.astype(np.float32), turned.astype(np.float32), [str(n) for n in range(40)])
    assert found.cka.value == pytest.approx(1, abs=1e-5)
    assert found.cosine is not None
    assert found.cosine.value < 0.9


def test_nothing_moved() -> None:
    x = unit(30, 4, 2).astype(np.float32)
    found = drift(x, x, [str(n) for n in range(30)])
    assert found.cosine is not None
    assert (found.cosine.value, found.cka.value, found.cka.low) == pytest.approx((1, 1, 1), abs=1e-6)
    assert (found.cka.high, found.cka.n) == (1.0, 30)


def test_the_cosine_is_the_mean_over_items() -> None:
    before = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    after = np.array([[1, 0], [1, 0], [0.6, 0.8]], np.float32)
    found = drift(before, after, ["a", "b", "b"])
    assert found.cosine is not None
    assert found.cosine.value == pytest.approx(1.6 / 3)


def test_models_of_different_widths_have_no_cosine() -> None:
    found = drift(unit(20, 4, 0).astype(np.float32), unit(20, 7, 1).astype(np.float32), [str(n) for n in range(20)])
    assert found.cosine is None
    assert 0 <= found.cka.low < found.cka.value < found.cka.high <= 1


def test_a_constant_model_has_no_cka() -> None:
    constant = np.tile(unit(1, 5, 0), (25, 1)).astype(np.float32)
    found = drift(unit(25, 5, 1).astype(np.float32), constant, [str(n) for n in range(25)])
    assert math.isnan(found.cka.value)
    assert math.isnan(found.cka.low)


@pytest.mark.parametrize("seed", range(10))
def test_a_model_that_is_constant_but_for_rounding_has_no_cka(seed: int) -> None:
    """A mean of equal numbers is often not that number, and what is left of each would be the same direction in all."""
    x, same = unit(11, 5, seed), np.tile(unit(1, 5, seed + 50), (11, 1))
    assert np.abs(same - same.mean(axis=0)).max() < 1e-15
    assert math.isnan(linear_cka(x, same))
    assert math.isnan(linear_cka(same, x))


def test_the_interval_holds_the_value_of_many_items() -> None:
    """A noisy copy, 95 %: of 60 samples, 48 or more hold what 20,000 items say (57 expected)."""

    def sample(n: int, seed: int) -> tuple[Floats, Floats]:
        x = np.random.default_rng(seed).normal(size=(n, 3))
        return x, x + np.random.default_rng(seed + 1_000).normal(size=(n, 3))

    truth = linear_cka(*sample(20_000, 7))
    held = 0
    for seed in range(60):
        x, y = sample(300, 10_000 + seed)
        found = drift(x.astype(np.float32), y.astype(np.float32), [str(n) for n in range(300)], seed=seed).cka
        held += found.low <= truth <= found.high
    assert held >= 48


def test_the_interval_is_that_of_leaving_each_of_few_items_out() -> None:
    """With no more items than groups, each group is one item, whatever the seed."""
    x, y = unit(12, 3, 5) + 0.5, unit(12, 4, 6) - 0.2
    left = np.array([linear_cka(np.delete(x, n, axis=0), np.delete(y, n, axis=0)) for n in range(12)])
    spread = math.sqrt(11 * ((left - left.mean()) ** 2).mean())
    found = drift(x.astype(np.float32), y.astype(np.float32), [str(n) for n in range(12)], seed=3).cka
    reach = 2.200985 * spread  # Student's t of 11 degrees, 97.5 %
    value = linear_cka(x, y)
    assert (found.low, found.high) == pytest.approx((max(0, value - reach), min(1, value + reach)), abs=1e-5)


def test_whole_clusters_are_left_out() -> None:
    """Copies of an item tell nothing new: the interval is that of the clusters."""
    x, y = unit(24, 3, 3), unit(24, 3, 4)
    names = [str(n) for n in range(24)]
    once = drift(x.astype(np.float32), y.astype(np.float32), names).cka
    thrice = drift(np.tile(x, (3, 1)).astype(np.float32), np.tile(y, (3, 1)).astype(np.float32), names * 3).cka
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high), abs=1e-6)
    assert thrice.n == 72


def test_one_image_has_no_drift() -> None:
    with pytest.raises(HairsplitError, match="drift needs two"):
        drift(unit(3, 3, 0).astype(np.float32), unit(3, 3, 1).astype(np.float32), ["a"] * 3)
    with pytest.raises(ValueError, match="3 old and 2 new"):
        drift(unit(3, 3, 0).astype(np.float32), unit(2, 3, 1).astype(np.float32), ["a"] * 3)
