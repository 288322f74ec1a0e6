from tests.captions.families.hand import pairs, scene, thing

SHOWN = scene(thing("circle", 10, 40, "green"), thing("star", 150, 40, "large"))


def test_one_of_two_true_clauses_is_falsified() -> None:
    found = pairs(SHOWN, "and_attribute")
    for pair in found:
        assert {"green", "large"} <= set(pair.caption.replace(",", "").replace(".", "").split(" "))
        assert len({"green", "large"} & set(str(pair.negative).replace(",", "").replace(".", "").split(" "))) == 1
        assert pair.evidence == "exclusive_attribute"
    assert {p.edit.before for p in found if p.edit} == {"green", "large"}
    assert {p.caption.split(" ")[0] for p in found} == {"The", "In"}
    assert {", while " in p.caption for p in found} == {True, False}


def test_a_thing_alone_gives_no_sentence() -> None:
    assert pairs(scene(thing("circle", 10, 40, "green", "large")), "and_attribute") == []


def test_no_colour_stands_in_both_clauses() -> None:
    shown = scene(thing("circle", 10, 40, "green"), thing("star", 150, 40, "green"))
    assert pairs(shown, "and_attribute") == []
