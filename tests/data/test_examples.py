"""Examples as numbers: every pair once; or every image once, with pairs of its own drawn anew each epoch."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hairsplit.core.types import Pair
from hairsplit.data.examples import Drawn, Example, balanced
from tests.data.joined import examples


def pair(image: str, caption: str, negative: str | None, kind: str = "k") -> Pair:
    return Pair(image=image, image_id=image, caption=caption, negative=negative, kind=kind, source="test")


@st.composite
def tables(draw: st.DrawFn) -> list[Pair]:
    names = st.sampled_from("abc")
    negatives = st.one_of(st.none(), names)
    return [pair(*row) for row in draw(st.lists(st.tuples(names, names, negatives, names), max_size=30))]


def joined(rows: list[Pair], k: int) -> list[Example]:
    """Oracle: groups in a dictionary, cut into parts of k rows."""
    groups: dict[tuple[str, str], list[Pair]] = {}
    for row in rows:
        groups.setdefault((row.image, row.caption), []).append(row)
    found = []
    for group in groups.values():
        for start in range(0, len(group), k):
            part = group[start : start + k]
            negatives = tuple(dict.fromkeys(r.negative for r in part if r.negative is not None))
            found.append(Example(part[0].image, part[0].caption, negatives, tuple(r.kind for r in part)))
    return found


@given(tables(), st.integers(2, 5))
def test_rows_are_joined_as_a_dictionary_of_groups_joins_them(rows: list[Pair], k: int) -> None:
    assert list(examples(rows, k)) == joined(rows, k)
    assert [e.caption for e in examples(rows, 1)] == [r.caption for r in rows]


@given(tables(), st.integers(1, 5))
def test_every_row_is_in_one_example(rows: list[Pair], k: int) -> None:
    found = examples(rows, k)
    assert sorted(row for n in range(len(found)) for row in found.of(n)) == list(range(len(rows)))
    assert all(1 <= len(found.of(n)) <= k for n in range(len(found)))


def test_examples_are_a_sequence() -> None:
    found = examples([pair("a", "x", "y"), pair("b", "x", None), pair("c", "z", "y")], 1)
    assert found[-1].image == "c"
    assert [e.image for e in found[1:]] == ["b", "c"]
    assert found[1].negatives == ()


def test_images_are_a_sequence_of_their_first_draw() -> None:
    rows = [pair("a", "x", "y"), pair("b", "x", None), pair("a", "z", "y")]
    drawn = Drawn(rows, np.array([7, 3, 7]), np.ones(3), most=2, seed=0)
    assert [e.image for e in drawn] == ["b", "a"]
    assert drawn[1].negatives == ("y",)
    assert drawn[1].caption == rows[drawn.of(1)[0]].caption
    assert drawn[-1:] == [drawn[1]]


@st.composite
def images(draw: st.DrawFn) -> tuple[list[int], int]:
    return draw(st.lists(st.integers(0, 6), min_size=1, max_size=40)), draw(st.integers(1, 6))


@given(images(), st.integers(0, 2**31), st.integers(0, 50))
def test_each_image_gives_k_different_pairs_of_its_own_or_all_it_has(
    chosen: tuple[list[int], int], seed: int, epoch: int
) -> None:
    keys, k = chosen
    drawn = Drawn((), np.array(keys), np.ones(len(keys)), most=k, seed=seed)
    assert len(drawn) == len(set(keys))
    counts = Counter(keys)
    for image, key in enumerate(sorted(counts)):
        rows = drawn.of(epoch * len(drawn) + image)
        assert {keys[row] for row in rows} == {key}
        assert len(set(rows)) == len(rows) == min(k, counts[key])


@given(images(), st.integers(0, 2**31))
def test_a_draw_depends_on_its_number_alone_whatever_was_asked_before(chosen: tuple[list[int], int], seed: int) -> None:
    keys, k = chosen
    one, two = (Drawn((), np.array(keys), np.ones(len(keys)), most=k, seed=seed) for _ in range(2))
    numbers = range(3 * len(one))
    forwards = [one.of(n) for n in numbers]
    assert [two.of(n) for n in reversed(numbers)] == forwards[::-1]


def test_over_the_epochs_all_pairs_of_an_image_are_drawn_equally_often() -> None:
    drawn = Drawn((), np.zeros(5, np.int64), np.ones(5), most=2, seed=0)
    shown = Counter(row for epoch in range(2_000) for row in drawn.of(epoch))
    assert all(abs(count - 800) < 90 for count in shown.values())  # 2,000 x 2 / 5; four deviations
    first = Counter(drawn.of(epoch)[0] for epoch in range(2_000))
    assert all(abs(count - 400) < 75 for count in first.values())


def test_a_weight_gives_the_odds_of_the_first_draw() -> None:
    drawn = Drawn((), np.zeros(3, np.int64), np.array([1.0, 1.0, 2.0]), most=1, seed=0)
    shown = Counter(drawn.of(epoch)[0] for epoch in range(4_000))
    assert abs(shown[2] - 2_000) < 130
    assert abs(shown[0] - 1_000) < 110


def test_balanced_kinds_have_equal_shares_of_an_epoch_as_long_as_before() -> None:
    kinds = ["a"] * 6 + ["b"] * 2 + ["c"]
    weights = balanced(Counter(kinds))
    assert {kind: weights[kind] * kinds.count(kind) for kind in weights} == {"a": 3, "b": 3, "c": 3}
