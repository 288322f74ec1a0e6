"""Sampled scenes: seeded, legible, their edges those of their boxes, and held-out combinations held out."""

from functools import cache
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hairsplit.core.types import Box, Scene, Thing
from hairsplit.scenes.drawing.sample import (
    COLOURS,
    HELD_OUT_PAIRS,
    HELD_OUT_RELATIONS,
    SHAPES,
    SIZES,
    DrawnWorld,
    exchanged,
    is_held_out,
    placed,
    scene,
    single,
    split_sizes,
)

COUNT = 600


@cache
def scenes(split: str, *, hold_out: bool = True, size: int = 64, count: int = COUNT) -> tuple[Scene, ...]:
    world = DrawnWorld(size=size, hold_out=hold_out)
    return tuple(scene(world, 0, f"{split}_{n}", split) for n in range(count))


def within(outer: Box, inner: Box) -> bool:
    across = outer.x <= inner.x and inner.x + inner.w <= outer.x + outer.w
    return across and outer.y <= inner.y and inner.y + inner.h <= outer.y + outer.h


def expected_edges(a: Box, b: Box) -> set[str]:
    """What is clearly true of (a, b), from the definition, in doubled coordinates so that all numbers are whole."""
    right = (2 * b.x + b.w) - (2 * a.x + a.w)
    down = (2 * b.y + b.h) - (2 * a.y + a.h)
    found = set()
    if 2 * abs(right) >= abs(down):
        found |= {"to the left of"} if a.x + a.w <= b.x else set()
        found |= {"to the right of"} if b.x + b.w <= a.x else set()
    if 2 * abs(down) >= abs(right):
        found |= {"above"} if a.y + a.h <= b.y else set()
        found |= {"below"} if b.y + b.h <= a.y else set()
    return found | ({"inside"} if within(b, a) else set())


def edges(a: Thing, b: Thing) -> set[str]:
    return {relation.predicate for relation in a.relations if relation.target == b.id}


def shown_pairs(drawn: tuple[Scene, ...]) -> set[tuple[str, str]]:
    return {(thing.attributes[0], thing.name) for one in drawn for thing in one.things}


def shown_relations(drawn: tuple[Scene, ...]) -> set[tuple[frozenset[str], str]]:
    axes = {"to the left of": "horizontal", "to the right of": "horizontal", "above": "vertical", "below": "vertical"}
    return {
        (frozenset({a.name, b.name}), axes[predicate])
        for one in drawn
        for a, b in permutations(one.things, 2)
        for predicate in edges(a, b) - {"inside"}
    }


def test_a_scene_is_a_function_of_seed_and_name() -> None:
    world = DrawnWorld()
    assert scene(world, 3, "a", "test") == scene(world, 3, "a", "test")
    assert scene(world, 3, "a", "test") != scene(world, 4, "a", "test")
    assert scene(world, 3, "a", "test") != scene(world, 3, "b", "test")


def test_the_vocabulary_is_as_rich_as_promised() -> None:
    assert (len(set(SHAPES)), len(set(COLOURS))) == (8, 8)
    everything = [thing for one in scenes("test") for thing in one.things]
    assert {thing.name for thing in everything} == set(SHAPES)
    assert {thing.attributes[0] for thing in everything} == set(COLOURS)
    assert {thing.attributes[1] for thing in everything} == {"large", "small"}
    assert {len(one.things) for one in scenes("test")} == {1, 2, 3, 4}


@pytest.mark.parametrize("size", [24, 48, 64, 200])
def test_every_object_is_whole_and_none_covers_another_but_from_inside(size: int) -> None:
    for one in scenes("test", size=size, count=100):
        for thing in one.things:
            assert within(Box(0, 0, size, size), thing.box)
            assert thing.box.w == thing.box.h >= 4
        for a, b in combinations(one.things, 2):
            gap = max(a.box.x, b.box.x) - min(a.box.x + a.box.w, b.box.x + b.box.w)
            drop = max(a.box.y, b.box.y) - min(a.box.y + a.box.h, b.box.y + b.box.h)
            assert max(gap, drop) > 0 or within(a.box, b.box) or within(b.box, a.box)


def test_large_objects_are_larger_than_small_ones_in_any_picture() -> None:
    spans: dict[str, set[float]] = {"large": set(), "small": set()}
    for one in scenes("test"):
        for thing in one.things:
            spans[thing.attributes[1]].add(thing.box.w)
    assert min(spans["large"]) > 1.3 * max(spans["small"])


@pytest.mark.parametrize("split", ["train", "test"])
def test_edges_are_exactly_what_the_boxes_say(split: str) -> None:
    seen: set[str] = set()
    for one in scenes(split):
        for a, b in permutations(one.things, 2):
            assert edges(a, b) == expected_edges(a.box, b.box)
            seen |= edges(a, b)
    assert seen == {"to the left of", "to the right of", "above", "below", "inside"}


def test_what_is_inside_has_another_colour_than_what_it_is_in() -> None:
    hosts = [
        (inner, outer)
        for one in scenes("test")
        for inner, outer in permutations(one.things, 2)
        if "inside" in edges(inner, outer)
    ]
    assert len(hosts) > 20
    assert all(inner.attributes[0] != outer.attributes[0] for inner, outer in hosts)
    assert all(outer.name != "ring" for _, outer in hosts)


def test_training_never_shows_a_held_out_combination() -> None:
    train = scenes("train", count=1500)
    assert not shown_pairs(train) & HELD_OUT_PAIRS
    assert not shown_relations(train) & HELD_OUT_RELATIONS
    assert not any(is_held_out(one) for one in train)


def test_training_shows_every_other_pair_of_colour_and_shape() -> None:
    assert len(shown_pairs(scenes("train", count=1500))) == 64 - len(HELD_OUT_PAIRS)


def test_the_test_split_shows_every_held_out_combination_and_the_usual_ones() -> None:
    test = scenes("test")
    assert shown_pairs(test) >= HELD_OUT_PAIRS
    assert shown_relations(test) >= HELD_OUT_RELATIONS
    held_out = [is_held_out(one) for one in test]
    assert 0.1 < sum(held_out) / COUNT < 0.9


def test_held_out_is_what_the_lists_say() -> None:
    for one in scenes("test"):
        assert is_held_out(one) == bool(
            shown_pairs((one,)) & HELD_OUT_PAIRS or shown_relations((one,)) & HELD_OUT_RELATIONS
        )


def test_held_out_pairs_hold_out_each_colour_and_each_shape_once() -> None:
    assert {colour for colour, _ in HELD_OUT_PAIRS} == set(COLOURS)
    assert {shape for _, shape in HELD_OUT_PAIRS} == set(SHAPES)
    assert len(HELD_OUT_PAIRS) == 8


def test_nothing_is_held_out_where_it_was_not_asked_for() -> None:
    train = scenes("train", hold_out=False)
    assert shown_pairs(train) & HELD_OUT_PAIRS
    assert shown_relations(train) & HELD_OUT_RELATIONS


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_scene_has_more_objects_than_allowed(most: int) -> None:
    counts = {len(scene(DrawnWorld(max_things=most), 0, str(n)).things) for n in range(60)}
    assert counts == set(range(1, most + 1))


def test_there_is_something_to_count() -> None:
    repeated = [one for one in scenes("test") if len({t.name for t in one.things}) < len(one.things)]
    assert len(repeated) > COUNT / 5


@pytest.mark.parametrize("colour", COLOURS)
def test_a_picture_for_recognition_shows_one_object_of_its_class(colour: str) -> None:
    for shape in SHAPES:
        one = single(DrawnWorld(size=32), 0, f"{colour}-{shape}", colour, shape)
        (thing,) = one.things
        assert (thing.attributes[0], thing.name, thing.relations) == (colour, shape, ())
        assert within(Box(0, 0, 32, 32), thing.box)


@given(st.integers(0, 10_000))
def test_splits_are_eighty_ten_ten_and_leave_nothing_out(count: int) -> None:
    sizes = split_sizes(count)
    assert sum(sizes.values()) == count
    assert min(sizes.values()) >= 0
    assert sizes["val"] == sizes["test"]
    if count >= 3:
        assert sizes["test"] >= 1
        assert sizes["train"] >= sizes["test"]
    if count >= 20:
        assert 0.79 * count <= sizes["train"] <= 0.91 * count


KINDS = st.lists(
    st.tuples(st.sampled_from(COLOURS), st.sampled_from(SHAPES), st.sampled_from(SIZES)), min_size=2, max_size=3
)


@settings(deadline=None)
@given(kinds=KINDS, name=st.text("abc", min_size=1, max_size=4))
def test_placed_objects_are_those_asked_for_apart_and_inside_the_picture(
    kinds: list[tuple[str, str, str]], name: str
) -> None:
    made = placed(DrawnWorld(size=48), 3, name, kinds, "pretraining")
    assert [(*thing.attributes[:1], thing.name, thing.attributes[1]) for thing in made.things] == kinds
    assert made == placed(DrawnWorld(size=48), 3, name, kinds, "pretraining")
    for a, b in combinations([thing.box for thing in made.things], 2):
        assert a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y
    for box in (thing.box for thing in made.things):
        assert 0 <= box.x <= 48 - box.w
        assert 0 <= box.y <= 48 - box.h


@settings(deadline=None)
@given(kinds=KINDS)
def test_exchanging_two_objects_turns_their_relations_round(kinds: list[tuple[str, str, str]]) -> None:
    kinds[1] = (*kinds[1][:2], kinds[0][2])  # as large as the first, so that each fits into the other's place
    one = placed(DrawnWorld(size=48), 3, "x", kinds, "pretraining")
    other = exchanged(one, "y")
    assert other.image == "y.png"
    assert [(t.name, t.attributes) for t in other.things] == [(t.name, t.attributes) for t in one.things]

    def between(a: Thing, b: Thing) -> set[str]:
        return {relation.predicate for relation in a.relations if relation.target == b.id}

    assert between(other.things[0], other.things[1]) == between(one.things[1], one.things[0])
    assert exchanged(other, "x") == one


def test_more_objects_than_fit_are_an_error() -> None:
    with pytest.raises(ValueError, match="no room for 20 objects"):
        placed(DrawnWorld(size=48), 3, "x", [("red", "star", "large")] * 20, "pretraining")
