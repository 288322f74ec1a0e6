from tests.captions.families.hand import pairs, said, scene, thing


def test_what_a_thing_is_not_is_exchanged_for_what_it_is() -> None:
    found = pairs(scene(thing("plate", 10, 40, "small")), "negation")
    assert said(found) == {
        ("the plate is not large", "the plate is not small"),
        ("the plate is not medium", "the plate is not small"),
    }
    assert {(p.edit.role, p.edit.after) for p in found if p.edit} == {("attribute", "small")}


def test_what_is_not_known_is_not_denied() -> None:
    assert pairs(scene(thing("plate", 10, 40, "cracked")), "negation") == []
    assert (
        pairs(scene(thing("plate", 10, 40, "red", "white")), "negation") == []
    )  # two colours: neither rules out a third


def test_of_two_things_of_a_noun_one_is_told_by_another_attribute() -> None:
    plate = thing("plate", 10, 40, "small")
    double = plate.__class__("second", "plate", thing("plate", 150).box, ("large", "blue"))
    texts = said(pairs(scene(plate, double), "negation"))
    assert texts
    assert all(positive.startswith(("the blue plate", "the large plate")) for positive, _ in texts)
