"""What counts as absent in the weak mode: nothing that is annotated, in whatever words, nor what follows from it."""

import pytest

from hairsplit.core.types import Box, Relation, Scene, Thing
from hairsplit.scenes.absence import ABSENT, absent_attribute, absent_relation, absent_thing
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import UNKNOWN

HERE, THERE, BEYOND = Box(0, 0, 20, 20), Box(60, 0, 20, 20), Box(120, 0, 20, 20)


def facts(*things: Thing) -> tuple[Facts, dict[str, Entity]]:
    found = Facts(Scene("i", 200, 200, things), "open")
    return found, {entity.id: entity for entity in found.entities}


def thing(name: str, box: Box, *attributes: str, **edges: str) -> Thing:
    told = tuple(Relation(predicate.replace("_", " "), target) for target, predicate in edges.items())
    return Thing(name, name, box, attributes, told)


@pytest.mark.parametrize(
    ("annotated", "absent"),
    [
        ((), True),
        (("large", "wooden"), True),  # of other classes
        (("brick",), False),  # the colour goes without saying
        (("red striped",), False),
        (("red",), False),  # annotated
        (("crimson",), False),  # the same in another word
        (("maroon",), False),  # may be called so
        (("orange",), False),  # told apart loosely
        (("striped",), False),  # of any colours
        (("blue",), False),  # surely not red: proven, and no matter of absence
    ],
)
def test_an_attribute_is_absent_where_nothing_annotated_might_be_called_so(
    annotated: tuple[str, ...], absent: bool
) -> None:
    found, by = facts(thing("cup", HERE, *annotated), thing("lamp", THERE, "red"))
    assert absent_attribute(found, by["cup"], "red") == (ABSENT if absent else UNKNOWN)


@pytest.mark.parametrize(("colour", "absent"), [("blue", False), ("navy", False), ("purple", False), ("green", True)])
def test_a_part_may_have_the_colour_of_the_whole(colour: str, absent: bool) -> None:
    found, by = facts(thing("shirt", HERE, colour), thing("sleeve", Box(10, 10, 20, 5)))
    assert absent_attribute(found, by["sleeve"], "blue") == (ABSENT if absent else UNKNOWN)


def test_a_relation_is_absent_of_things_that_nothing_links() -> None:
    found, by = facts(thing("man", HERE, cup="holding"), thing("cup", THERE), thing("kite", BEYOND))
    assert absent_relation(found, by["man"], "holding", by["kite"]) == ABSENT
    assert absent_relation(found, by["man"], "holding", by["cup"]) == UNKNOWN
    assert absent_relation(found, by["cup"], "worn by", by["man"]) == UNKNOWN
    assert absent_relation(found, by["man"], "holding", by["man"]) == UNKNOWN


@pytest.mark.parametrize("predicate", ["to the left of", "above", "next to", "behind", "standing next to"])
def test_where_a_thing_lies_among_others_is_not_absent(predicate: str) -> None:
    found, by = facts(thing("man", HERE), thing("cup", Box(70, 150, 20, 20)))
    assert absent_relation(found, by["cup"], predicate, by["man"]) == UNKNOWN


def test_what_touches_may_be_on_or_in_it() -> None:
    found, by = facts(thing("cup", HERE), thing("table", Box(0, 15, 100, 40)))
    assert absent_relation(found, by["cup"], "on", by["table"]) == UNKNOWN


def test_what_is_in_a_bowl_may_be_on_the_table_under_it() -> None:
    bowl = thing("bowl", THERE, table="on")
    found, by = facts(thing("banana", HERE, bowl="in"), bowl, thing("table", Box(60, 100, 90, 40)))
    assert absent_relation(found, by["banana"], "on", by["table"]) == UNKNOWN
    beside = thing("banana", HERE, bowl="next_to")
    found, by = facts(beside, bowl, thing("table", Box(60, 100, 90, 40)))
    assert absent_relation(found, by["banana"], "on", by["table"]) == ABSENT


def test_an_edge_that_says_something_like_it_is_no_absence() -> None:
    for told in ("carrying", "with", "next_to"):
        found, by = facts(thing("man", HERE, kite=told), thing("kite", BEYOND))
        assert absent_relation(found, by["man"], "holding", by["kite"]) == UNKNOWN
        assert absent_relation(found, by["kite"], "holding", by["man"]) == UNKNOWN
    found, by = facts(thing("man", HERE, kite="to_the_left_of"), thing("kite", BEYOND))  # graphs are full of these
    assert absent_relation(found, by["man"], "holding", by["kite"]) == ABSENT


@pytest.mark.parametrize(
    ("names", "noun", "absent"),
    [
        (("cat",), "dog", True),
        (("dog",), "dog", False),
        (("dogs",), "dog", False),  # one of them
        (("animal",), "dog", False),  # it may be one
        (("dog",), "animal", False),  # it is one
        (("couch",), "sofa", False),
        (("woman",), "man", True),
        (("person",), "man", False),
        (("people",), "man", False),
    ],
)
def test_a_thing_is_absent_where_no_thing_may_be_called_so(names: tuple[str, ...], noun: str, absent: bool) -> None:
    found, _ = facts(*(thing(name, HERE) for name in names))
    assert absent_thing(found, noun, ("large",)) == (ABSENT if absent else UNKNOWN)


def test_one_that_surely_lacks_the_attribute_is_another_thing() -> None:
    found, _ = facts(thing("dog", HERE, "small"))
    assert absent_thing(found, "dog", ("large",)) == ABSENT
    assert absent_thing(found, "dog") == UNKNOWN
