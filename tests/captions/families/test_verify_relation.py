from collections import Counter

from tests.captions.families.hand import pairs, scene, thing

SHOWN = scene(thing("circle", 10, 40), thing("star", 150, 40))


def test_what_is_there_and_what_is_not() -> None:
    found = pairs(SHOWN, "verify_relation", "closed", seeds=80)
    texts = {p.caption for p in found}
    assert "There is at least one circle that is left of the star." in texts
    assert "There is no circle that is right of the star." in texts
    assert not any("at least one circle that is right of" in text for text in texts)
    sides = Counter(p.edit.before for p in found if p.edit)
    assert sides["no"] == sides["at least one"] > 0


def test_with_a_thing_on_either_side_there_is_no_side_without_one() -> None:
    star = thing("star", 90, 40)
    double = star.__class__("second", "circle", thing("circle", 170).box)
    found = pairs(scene(thing("circle", 10, 40), star, double), "verify_relation", "closed")
    assert not any("circle that is" in p.caption for p in found)


def test_other_predicates_deny_another_thing() -> None:
    ring = thing("ring", 15, 45, edges=[("inside", "circle")], size=5)
    shown = scene(thing("circle", 10, 40), ring, thing("star", 150, 40))
    texts = {p.caption for p in pairs(shown, "verify_relation", "closed", seeds=80)}
    assert "There is at least one ring that is inside the circle." in texts
    assert "There is no ring that is inside the star." in texts


def test_in_the_open_world_only_complete_nouns_are_spoken_of() -> None:
    found = pairs(SHOWN, "verify_relation", "open", complete=["star"])
    assert found
    assert all("star that is" in pair.caption for pair in found)
