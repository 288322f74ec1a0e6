"""Nodes of one thing, against a comparison of each two."""

from hypothesis import given
from hypothesis import strategies as st

from hairsplit.core.types import Box, Scene, Thing
from hairsplit.scenes import lexicon
from hairsplit.scenes._merging import SAME_BOX, merged
from hairsplit.scenes.boxes import disjoint, overlap

SIDES = st.integers(0, 6)
BOXES = st.builds(Box, SIDES, SIDES, st.integers(1, 6), st.integers(1, 6))
NAMES = st.sampled_from(["dog", "puppy", "animal", "cat", "man", "person", "cup"])


def same(a: Thing, b: Thing) -> bool:
    """Whether two nodes are over the same pixels and may be called alike."""
    if disjoint(a.box, b.box) or overlap(a.box, b.box) <= SAME_BOX:
        return False
    return lexicon.match(a.name, b.name) != "no" or lexicon.match(b.name, a.name) != "no"


@given(made=st.lists(st.tuples(NAMES, BOXES), min_size=1, max_size=9))
def test_things_are_the_connected_parts_of_nodes_that_are_the_same(made: list[tuple[str, Box]]) -> None:
    things = [Thing(str(n), name, box) for n, (name, box) in enumerate(made)]
    groups = [{thing.id} for thing in things]
    for a in things:
        for b in things:
            if a is not b and same(a, b):
                one, two = (next(group for group in groups if x.id in group) for x in (a, b))
                if one is not two:
                    groups.remove(two)
                    one |= two
    found = merged(Scene("1", 20, 20, tuple(things)))
    assert sorted(sorted(thing.id for thing in group) for group in found) == sorted(map(sorted, groups))
    assert merged(Scene("1", 20, 20, tuple(things[::-1]))) == found
