"""Evidence of the predicate algebra: functional and contrary predicates, and neighbouring colours."""

import pytest

from hairsplit.core.types import Box, Relation, Scene, Thing
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import Truth, Verdict

MAN, FAR, NEAR = Box(10, 20, 30, 80), Box(150, 20, 30, 80), Box(30, 20, 30, 80)
HAT = Box(15, 15, 20, 12)


def facts(*things: Thing) -> tuple[Facts, dict[str, Entity]]:
    found = Facts(Scene("i", 200, 200, things), "open")
    return found, {entity.id: entity for entity in found.entities}


def person(key: str, box: Box, *edges: Relation) -> Thing:
    return Thing(key, key, box, (), edges)


@pytest.mark.parametrize(("box", "truth"), [(FAR, Truth.FALSE), (NEAR, Truth.UNKNOWN)])
@pytest.mark.parametrize("predicate", ["wearing", "riding"])
def test_a_worn_or_ridden_thing_goes_with_nobody_who_is_apart(predicate: str, box: Box, truth: Truth) -> None:
    found, by = facts(person("man", MAN, Relation(predicate, "hat")), person("woman", box), Thing("hat", "hat", HAT))
    verdict = found.relation(by["woman"], predicate, by["hat"])
    assert verdict == Verdict(truth, "functional" if truth is Truth.FALSE else "")
    assert found.relation(by["man"], predicate, by["hat"]).truth is Truth.TRUE


def test_a_held_thing_may_be_held_by_another_one_too() -> None:
    found, by = facts(person("man", MAN, Relation("holding", "hat")), person("woman", FAR), Thing("hat", "hat", HAT))
    assert found.relation(by["woman"], "holding", by["hat"]).truth is Truth.UNKNOWN


def test_nothing_follows_where_no_wearer_is_annotated_or_the_other_one_touches_the_thing() -> None:
    found, by = facts(person("man", MAN), person("woman", FAR), Thing("hat", "hat", HAT))
    assert found.relation(by["woman"], "wearing", by["hat"]).truth is Truth.UNKNOWN
    found, by = facts(
        person("man", FAR, Relation("wearing", "hat")), person("woman", MAN), Thing("hat", "hat", HAT)
    )  # a wrong edge, perhaps: she is where the hat is
    assert found.relation(by["woman"], "wearing", by["hat"]).truth is Truth.UNKNOWN


def test_a_part_has_one_whole() -> None:
    tail = Thing("tail", "tail", HAT, (), (Relation("of", "cat"),))
    found, by = facts(tail, person("cat", MAN), person("dog", FAR), person("kid", NEAR))
    assert found.relation(by["tail"], "of", by["dog"]) == Verdict(Truth.FALSE, "functional")
    assert found.relation(by["tail"], "of", by["kid"]).truth is Truth.UNKNOWN


def test_what_lies_on_a_thing_is_not_below_it_and_the_thing_is_not_above_it() -> None:
    cup = Thing("cup", "cup", Box(50, 90, 20, 20), (), (Relation("on", "table"),))
    found, by = facts(cup, Thing("table", "table", Box(20, 100, 120, 60)))
    against = Verdict(Truth.FALSE, "converse_or_contrary")
    assert found.relation(by["cup"], "below", by["table"]) == against
    assert found.relation(by["table"], "above", by["cup"]) == against
    assert found.relation(by["cup"], "above", by["table"]).truth is Truth.UNKNOWN


def test_an_edge_and_boxes_that_contradict_it_leave_it_open() -> None:
    cup = Thing("cup", "cup", Box(50, 170, 20, 20), (), (Relation("on", "table"),))  # drawn wholly below the table
    found, by = facts(cup, Thing("table", "table", Box(20, 20, 120, 60)))
    assert found.relation(by["cup"], "below", by["table"]).truth is Truth.UNKNOWN


@pytest.mark.parametrize(("a", "b"), [("sitting on", "standing on"), ("lying in", "sitting in"), ("on", "below")])
def test_contrary_predicates_rule_each_other_out(a: str, b: str) -> None:
    for said, asked in ((a, b), (b, a)):
        cat = Thing("cat", "cat", Box(50, 90, 20, 20), (), (Relation(said, "bed"),))
        found, by = facts(cat, Thing("bed", "bed", Box(20, 95, 120, 60)))
        assert found.relation(by["cat"], asked, by["bed"]) == Verdict(Truth.FALSE, "converse_or_contrary")


def test_neighbouring_colours_rule_each_other_out_only_where_words_are_exact() -> None:
    scene = Scene("i", 200, 200, (Thing("cup", "cup", HAT, ("red", "wooden")),))
    for world, truth in (("open", Truth.UNKNOWN), ("closed", Truth.FALSE)):
        found = Facts(scene, world)  # type: ignore[arg-type]
        (cup,) = found.entities
        assert found.attribute(cup, "orange").truth is truth
        assert found.attribute(cup, "blue") == Verdict(Truth.FALSE, "exclusive_attribute")
        assert found.attribute(cup, "metal").truth is Truth.UNKNOWN
        assert found.attribute(cup, "ceramic").truth is Truth.FALSE


def test_a_writer_is_stricter_than_a_reader_about_the_man_beside_some_people() -> None:
    found, by = facts(person("man", MAN), Thing("people", "people", Box(5, 5, 180, 150)))
    assert found.referent("man") is by["man"]
    assert found.referent("man", strict=True) is None
    trees, known = facts(Thing("tree", "tree", MAN), Thing("trees", "trees", FAR))
    assert known
    assert trees.referent("tree") is None
