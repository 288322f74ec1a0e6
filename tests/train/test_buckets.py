"""The cheapest way to cut texts into runs of like length, against all ways."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from hairsplit.train.buckets import buckets


def cost(lengths: list[int], runs: list[tuple[int, int]], overhead: int) -> int:
    return sum(overhead + (stop - start) * lengths[stop - 1] for start, stop in runs)


@given(lists(integers(1, 9), min_size=1, max_size=8).map(sorted), integers(0, 20))
def test_no_other_way_is_cheaper(lengths: list[int], overhead: int) -> None:
    found = buckets(lengths, overhead)
    assert [n for run in found for n in range(*run)] == list(range(len(lengths)))
    ways = [
        list(zip((0, *cuts), (*cuts, len(lengths)), strict=True))
        for count in range(len(lengths))
        for cuts in combinations(range(1, len(lengths)), count)
    ]
    assert cost(lengths, found, overhead) == min(cost(lengths, way, overhead) for way in ways)


@pytest.mark.parametrize(
    ("overhead", "expected"), [(0, [(0, 2), (2, 4)]), (15, [(0, 2), (2, 4)]), (16, [(0, 4)]), (999, [(0, 4)])]
)
def test_a_run_more_must_save_more_than_it_costs(overhead: int, expected: list[tuple[int, int]]) -> None:
    assert buckets([2, 2, 10, 10], overhead) == expected


def test_no_texts_need_no_run() -> None:
    assert buckets([], 5) == []
