"""Which pairs are explained: all, or a sample by kind, whatever the order of the rows."""

from itertools import chain

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Pair
from hairsplit.data.rows import HeldRows
from hairsplit.explain.chosen import choose, groups_of
from tests.small_world import pair

PAIRS = [
    pair(f"{n % 7}.png", f"caption {n}", f"negative {n}", kind="ab"[n % 2] if n < 30 else "rare") for n in range(33)
]


def texts(pairs: list[Pair], sample: int | None, seed: int = 0) -> list[str]:
    rows = HeldRows(pairs)
    chosen = choose(rows, sample=sample, seed=seed)
    return [pair.caption for group in groups_of(rows, chosen, 0) for _, pair in group]


def test_all_pairs_grouped_by_picture_in_the_order_of_the_table() -> None:
    rows = HeldRows(PAIRS)
    chosen = choose(rows, sample=None, seed=0)
    assert chosen.count == 33
    assert sorted(chain.from_iterable(chosen.groups)) == list(range(33))
    assert [group[0] for group in chosen.groups] == list(range(7))
    for group in groups_of(rows, chosen, 0):
        assert len({pair.image for _, pair in group}) == 1
        assert all(PAIRS[number] == pair for number, pair in group)


def test_a_sample_has_so_many_of_each_kind_or_all_there_are() -> None:
    rows = HeldRows(PAIRS)
    chosen = choose(rows, sample=5, seed=0)
    kinds = [PAIRS[row].kind for group in chosen.groups for row in group]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"a": 5, "b": 5, "rare": 3}


def test_the_sample_does_not_depend_on_the_order_of_the_rows_but_on_the_seed() -> None:
    shuffled = sorted(PAIRS, key=lambda pair: pair.caption[::-1])
    assert set(texts(PAIRS, 5)) == set(texts(shuffled, 5))
    assert set(texts(PAIRS, 5)) != set(texts(PAIRS, 5, seed=1))


def test_a_larger_sample_holds_the_smaller_one() -> None:
    assert set(texts(PAIRS, 4)) < set(texts(PAIRS, 8))


def test_rows_without_a_negative_are_counted_and_never_drawn() -> None:
    bare = [pair("a.png", "only a caption", None)]
    chosen = choose(HeldRows([*bare, *PAIRS]), sample=None, seed=0)
    assert chosen.dropped == {"no negative": 1}
    assert 0 not in chain.from_iterable(chosen.groups)
    with pytest.raises(HairsplitError, match="no row has a negative"):
        choose(HeldRows(bare), sample=2, seed=0)


def test_going_on_starts_at_a_picture() -> None:
    rows = HeldRows(PAIRS)
    chosen = choose(rows, sample=None, seed=0)
    assert list(groups_of(rows, chosen, 3)) == list(groups_of(rows, chosen, 0))[3:]
