"""Random choices that are made faster draw the same as the plain ones."""

from collections import Counter
from itertools import accumulate, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.captions._shuffled import below, drawn, picked, sampled, shuffled
from hairsplit.core.run import stream


@given(weights=st.lists(st.integers(0, 9), min_size=1, max_size=9).filter(any), seed=st.integers(0, 2**32))
def test_a_draw_by_weight_is_that_of_the_library(weights: list[int], seed: int) -> None:
    items, limits = list(range(len(weights))), list(accumulate(weights))
    one, two = stream(seed), stream(seed)
    assert [drawn(items, limits, one) for _ in range(5)] == two.choices(items, weights, k=5)


@given(size=st.integers(0, 20), taken=st.integers(0, 20), seed=st.integers(0, 2**32))
def test_a_shuffle_draws_one_number_for_each_item_that_is_looked_at(size: int, taken: int, seed: int) -> None:
    items, rng, plain = list(range(size)), stream(seed), stream(seed)
    found = list(islice(shuffled(items, rng), taken))
    rest = list(items)
    for item in found:
        n = int(plain.random() * len(rest))
        rest[n], rest[-1] = rest[-1], rest[n]
        assert rest.pop() == item
    assert items == list(range(size))
    assert rng.random() == plain.random()


def test_each_order_is_as_likely() -> None:
    rng = stream(1)
    found = Counter(tuple(shuffled("abc", rng)) for _ in range(6_000))
    assert len(found) == 6
    assert all(880 < n < 1120 for n in found.values())


@given(n=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_a_number_and_a_pick_are_those_of_the_library(n: int, seed: int) -> None:
    one, two = stream(seed), stream(seed)
    assert [below(n, one) for _ in range(5)] == [two.randrange(n) for _ in range(5)]
    assert [picked(range(n), one) for _ in range(5)] == [two.choice(range(n)) for _ in range(5)]
    assert one.random() == two.random()


@given(size=st.integers(0, 400), most=st.integers(0, 130), seed=st.integers(0, 2**32))
def test_a_sample_is_that_of_the_library(size: int, most: int, seed: int) -> None:
    items, one, two = list(range(size)), stream(seed), stream(seed)
    assert sampled(items, most, one) == two.sample(items, min(most, size))
    assert items == list(range(size))
    assert one.random() == two.random()


def test_nothing_is_not_chosen_from() -> None:
    with pytest.raises(ValueError, match="nothing to choose from"):
        picked((), stream(0))
