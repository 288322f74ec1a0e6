from collections import Counter

from tests.captions.families.hand import pairs, scene, thing

SHOWN = scene(thing("circle", 10, 40, "small"), thing("star", 150, 40, "large"))


def test_each_quantifier_is_true_as_often_as_it_is_false() -> None:
    found = pairs(SHOWN, "verify_attribute", "closed")
    sides = Counter((" no " in f" {p.caption.lower()}", " no " in f" {p.negative}".lower()) for p in found)
    assert set(sides) == {(True, False), (False, True)}
    assert sides[True, False] == sides[False, True]
    assert {p.evidence for p in found if p.caption.lower().startswith(("no", "there is no"))} == {"complete"}


def test_what_is_there_and_what_is_not() -> None:
    texts = {p.caption for p in pairs(SHOWN, "verify_attribute", "closed", seeds=80)}
    assert "There is at least one circle that is small." in texts
    assert "There is no star that is small." in texts
    assert "There is no circle that is small." not in texts
    assert "There is at least one star that is small." not in texts


def test_in_the_open_world_only_complete_nouns_are_spoken_of() -> None:
    found = pairs(SHOWN, "verify_attribute", "open", complete=["circles"])
    assert found
    assert all("circle" in pair.caption for pair in found)
    assert {p.evidence for p in found if " no " in f" {p.caption.lower()}"} == {"complete_noun"}


def test_a_complete_noun_whose_attribute_is_not_known_is_left_out() -> None:
    assert pairs(scene(thing("circle", 10, 40, "cracked")), "verify_attribute", "open", complete=["circle"]) == []
    shown = scene(thing("circle", 10, 40, "small"), thing("circle", 150, 40))  # the second one may well be large
    double = shown.things[1].__class__("second", "circle", shown.things[1].box)
    assert pairs(scene(shown.things[0], double), "verify_attribute", "open", complete=["circle"]) == []
