"""Every example once an epoch, no picture twice in a batch, the same order for the same seed."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hairsplit.core.errors import HairsplitError
from hairsplit.data.order import Epoch, arrange, share


@st.composite
def sets(draw: st.DrawFn) -> tuple[list[int], int]:
    """Image keys of examples, from evenly spread to one image having nearly all, and a batch size that fits."""
    images = draw(st.integers(2, 12))
    counts = draw(st.lists(st.integers(1, 9), min_size=images, max_size=images))
    counts[0] *= draw(st.integers(1, 20))
    keys = [image for image, count in enumerate(counts) for _ in range(count)]
    return draw(st.permutations(keys)), draw(st.integers(2, images))


def best_possible(keys: list[int], batch: int) -> int:
    """The most full batches of different images: the largest n with sum over images of min(count, n) >= n * batch."""
    counts = Counter(keys).values()
    return max(n for n in range(len(keys) + 1) if sum(min(count, n) for count in counts) >= n * batch)


@given(sets(), st.integers(0, 2**31), st.integers(0, 5))
def test_no_image_is_twice_in_a_batch_and_every_example_is_once_in_the_epoch_or_counted(
    chosen: tuple[list[int], int], seed: int, epoch: int
) -> None:
    keys, batch = chosen
    found = arrange(keys, batch=batch, seed=seed, epoch=epoch)
    assert found.batches.shape[1] == batch
    for row in found.batches:
        assert len({keys[n] for n in row}) == batch
    used = found.batches.ravel().tolist()
    assert len(set(used)) == len(used)
    assert found.left_over == len(keys) - len(used)
    assert len(found.batches) >= 1


@given(sets(), st.integers(0, 100))
def test_what_is_left_over_could_not_have_made_another_batch(chosen: tuple[list[int], int], seed: int) -> None:
    keys, batch = chosen
    found = arrange(keys, batch=batch, seed=seed, epoch=0)
    rest = set(range(len(keys))) - set(found.batches.ravel().tolist())
    assert len({keys[n] for n in rest}) < batch
    assert len(found.batches) <= best_possible(keys, batch)


@given(sets(), st.integers(0, 2**31))
def test_the_order_depends_on_seed_and_epoch_alone(chosen: tuple[list[int], int], seed: int) -> None:
    keys, batch = chosen
    first, second = (arrange(keys, batch=batch, seed=seed, epoch=3) for _ in range(2))
    assert np.array_equal(first.batches, second.batches)
    assert first.left_over == second.left_over


def test_another_seed_and_another_epoch_have_another_order() -> None:
    keys = list(range(40))
    orders = [arrange(keys, batch=8, seed=seed, epoch=epoch).batches for seed in (0, 1) for epoch in (0, 1)]
    assert len({order.tobytes() for order in orders}) == 4
    assert all(sorted(order.ravel().tolist()) == keys for order in orders)


def test_other_examples_are_left_over_in_another_epoch() -> None:
    left = [
        set(range(10)) - set(arrange(range(10), batch=4, seed=0, epoch=e).batches.ravel().tolist()) for e in range(9)
    ]
    assert all(len(rest) == 2 for rest in left)
    assert set().union(*left) == set(range(10))


def test_a_batch_larger_than_the_set_says_how_large_it_can_be() -> None:
    with pytest.raises(HairsplitError, match="a batch of 8 needs as many different images, and there are 3") as caught:
        arrange([1, 1, 2, 2, 3, 3, 3, 3, 3], batch=8, seed=0, epoch=0)
    assert caught.value.where == "batch_size"
    assert "batch_size=3 or lower" in caught.value.hint
    with pytest.raises(HairsplitError, match="there are 0"):
        arrange([], batch=2, seed=0, epoch=0)


def test_an_image_with_most_of_the_examples_is_in_every_batch_and_the_rest_of_it_is_counted() -> None:
    keys = [0] * 500 + list(range(1, 101))
    found = arrange(keys, batch=11, seed=0, epoch=0)
    assert all(sum(keys[n] == 0 for n in row) == 1 for row in found.batches[1:])
    assert len(found.batches) == best_possible(keys, 11) == 10
    assert found.left_over == 490


def test_the_examples_of_an_image_are_spread_over_the_epoch() -> None:
    keys = [n // 4 for n in range(400)]
    found = arrange(keys, batch=10, seed=0, epoch=0)
    at = {
        image: sorted(int(b) for b, row in enumerate(found.batches) for n in row if keys[n] == image)
        for image in range(100)
    }
    gaps = [second - first for places in at.values() for first, second in itertools.pairwise(places)]
    assert np.mean(gaps) == pytest.approx(10, abs=1.5)  # 40 batches, 4 examples
    assert min(gaps) >= 6


def occurrences(weight: float, epochs: int) -> list[int]:
    """How often the examples of `weight`, 200 among 400, occur in each epoch."""
    weights = [weight] * 200 + [1.0] * 200
    orders: list[Epoch] = [arrange(range(400), batch=5, seed=0, epoch=e, weights=weights) for e in range(epochs)]
    return [int((order.batches < 200).sum()) for order in orders]


def test_a_weight_says_how_often_an_example_occurs() -> None:
    assert occurrences(0.0, 3) == [0, 0, 0]
    assert all(count in range(395, 401) for count in occurrences(2.0, 3))  # but for what is left over
    assert all(count in range(195, 201) for count in occurrences(1.0, 3))
    halves = occurrences(0.5, 20)
    assert np.mean(halves) == pytest.approx(100, abs=6)
    assert len(set(halves)) > 5  # drawn anew


def test_a_half_weight_shows_other_examples_in_each_epoch() -> None:
    orders = [arrange(range(100), batch=5, seed=0, epoch=e, weights=[0.5] * 100) for e in range(12)]
    assert len({n for order in orders for n in order.batches.ravel().tolist()}) > 95


def test_an_example_of_weight_two_is_never_twice_in_a_batch() -> None:
    found = arrange(range(12), batch=6, seed=0, epoch=0, weights=[2.0] * 12)
    assert all(len(set(row)) == 6 for row in found.batches.tolist())
    assert Counter(found.batches.ravel().tolist()) == dict.fromkeys(range(12), 2)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_a_hundred_thousand_examples_of_few_images_are_arranged_whole(seed: int) -> None:
    keys = [n % 1000 for n in range(100_000)]
    found = arrange(keys, batch=500, seed=seed, epoch=0)
    assert len(found.batches) * 500 + found.left_over == 100_000
    assert found.left_over < 20 * 500


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 99))
def test_one_two_and_four_ranks_see_the_same_micro_batches(parts: int, size: int, seed: int) -> None:
    row = np.random.default_rng(seed).permutation(4 * parts * size)
    for part in range(parts):
        alone = share(row, part=part, parts=parts, rank=0, ranks=1)
        for ranks in (2, 4):
            together = [n for rank in range(ranks) for n in share(row, part=part, parts=parts, rank=rank, ranks=ranks)]
            assert together == alone
    assert [n for part in range(parts) for n in share(row, part=part, parts=parts, rank=0, ranks=1)] == row.tolist()
