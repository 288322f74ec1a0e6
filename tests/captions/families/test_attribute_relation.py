import pytest

from tests.captions.families.hand import pairs, said, scene, thing

CIRCLE = thing("circle", 10, 40, "green")
STAR = thing("star", 150, 40)


def test_the_attribute_of_the_subject_is_changed() -> None:
    found = pairs(scene(CIRCLE, STAR), "attribute_relation", seeds=120)
    texts = said(found)
    assert {positive for positive, _ in texts} == {"the green circle is left of the star"}
    assert {negative for _, negative in texts} == {
        f"the {colour} circle is left of the star"
        for colour in ("black", "blue", "brown", "gray", "orange", "pink", "purple", "red", "white", "yellow")
    }
    assert {(p.edit.role, p.edit.before, p.evidence) for p in found if p.edit} == {
        ("attribute", "green", "exclusive_attribute")
    }


def test_the_noun_of_the_subject_is_changed_and_keeps_the_attribute() -> None:
    heart = thing("heart", 80, 150, "blue")
    found = [p for p in pairs(scene(CIRCLE, STAR, heart), "attribute_relation") if p.edit and p.edit.role == "subject"]
    assert ("the green circle is left of the star", "the green heart is left of the star") in said(found)
    assert {(p.edit.before, p.edit.after) for p in found if p.edit} >= {("circle", "heart")}


def test_of_two_things_of_a_noun_neither_attribute_is_changed() -> None:
    other = thing("circle", 80, 150, "blue")
    shown = scene(CIRCLE, STAR, other.__class__("second", other.name, other.box, other.attributes))
    assert pairs(shown, "attribute_relation") == []  # "the red circle" would have no referent


def test_nothing_is_said_of_neighbouring_colours_in_an_incomplete_graph() -> None:
    shown = scene(thing("circle", 10, 40, "red"), STAR)
    for world, loose in (("open", False), ("closed", True)):
        negatives = {negative for _, negative in said(pairs(shown, "attribute_relation", world))}  # type: ignore[arg-type]
        assert ("the orange circle is left of the star" in negatives) == loose
        assert "the blue circle is left of the star" in negatives


@pytest.mark.parametrize("family", ["attribute_relation", "relation_attribute"])
def test_of_what_is_inside_of_what_no_size_is_said(family: str) -> None:
    host = thing("box", 20, 20, "large", "blue", size=100)
    ring = thing("ring", 50, 50, "small", "red", edges=[("inside", "box")])
    captions = {p.caption for p in pairs(scene(host, ring, thing("star", 150)), family) if "inside" in p.caption}
    assert captions  # the colour may be said
    assert not any("small" in text or "large" in text for text in captions)
