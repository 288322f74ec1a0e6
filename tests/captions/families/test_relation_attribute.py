from tests.captions.families.hand import pairs, said, scene, thing

CIRCLE = thing("circle", 10, 40, "green")
STAR = thing("star", 150, 40)


def test_the_predicate_or_the_attribute_of_the_object_is_changed() -> None:
    found = pairs(scene(CIRCLE, STAR), "relation_attribute", seeds=150)
    texts = said(found)
    assert {positive for positive, _ in texts} == {"the star is right of the green circle"}
    assert ("the star is right of the green circle", "the star is left of the green circle") in texts
    assert ("the star is right of the green circle", "the star is right of the red circle") in texts
    assert {p.edit.role for p in found if p.edit} == {"predicate", "attribute"}


def test_the_noun_of_the_object_is_changed_and_keeps_the_attribute() -> None:
    found = pairs(scene(CIRCLE, STAR, thing("heart", 80, 150, "blue")), "relation_attribute")
    swapped = {(p.edit.before, p.edit.after) for p in found if p.edit and p.edit.role == "object"}
    assert swapped >= {("circle", "heart"), ("heart", "circle")}
    assert ("the star is right of the green circle", "the star is right of the green heart") in said(found)


def test_of_two_things_of_a_noun_only_the_predicate_is_changed() -> None:
    other = thing("circle", 80, 150, "blue")
    shown = scene(CIRCLE, STAR, other.__class__("second", other.name, other.box, other.attributes))
    found = pairs(shown, "relation_attribute")
    assert {p.edit.role for p in found if p.edit} == {"predicate"}
    assert ("the star is right of the green circle", "the star is left of the green circle") in said(found)
