from tests.captions.families.hand import pairs, said, scene, thing

TABLE = thing("table", 60, 100, size=80)


def test_another_thing_takes_the_place_of_subject_or_object() -> None:
    shown = scene(thing("circle", 10, 40), thing("star", 90, 45), thing("heart", 170, 50))
    found = pairs(shown, "relation")
    assert {p.edit.role for p in found if p.edit} == {"predicate", "subject", "object"}
    texts = said(found)
    assert ("the circle is left of the star", "the heart is left of the star") in texts
    assert ("the star is left of the heart", "the star is left of the circle") in texts
    assert not any(positive == "the star is left of the circle" for positive, _ in texts)


def test_on_is_never_denied_by_below_since_below_is_never_denied_by_on() -> None:
    cup = thing("cup", 80, 95, edges=[("on", "table")])
    dog = thing("dog", 100, 150, edges=[("under", "table")])
    texts = said(pairs(scene(cup, dog, TABLE), "relation"))
    assert ("the cup is on the table", "the dog is on the table") in texts
    assert not any("on the table" in positive and "below" in negative for positive, negative in texts)


def test_other_contraries_deny_each_other_both_ways() -> None:
    one = thing("cup", 80, 95, edges=[("on", "table")])
    other = thing("book", 100, 95, edges=[("inside", "table")])
    texts = said(pairs(scene(one, other, TABLE), "relation"))
    assert ("the cup is on the table", "the cup is inside the table") in texts
    assert ("the book is inside the table", "the book is on the table") in texts


def test_a_worn_thing_has_one_wearer_if_it_is_told_from_others_and_the_other_person_is_apart() -> None:
    hat = thing("hat", 10, 30, "red")
    man, woman = thing("man", 10, 40, edges=[("wearing", "hat")]), thing("woman", 150)
    texts = said(pairs(scene(man, woman, hat), "relation"))
    assert ("the man is wearing the red hat", "the woman is wearing the red hat") in texts
    plain = said(pairs(scene(man, woman, thing("hat", 10, 30)), "relation"))
    assert not any("wearing" in positive for positive, _ in plain)  # she may well wear a hat of her own
    near = said(pairs(scene(man, thing("woman", 20), hat), "relation"))
    assert not any("woman is wearing" in negative for _, negative in near)


def test_predicates_that_the_lexicon_does_not_know_are_not_said() -> None:
    assert not any(
        "gazumping" in p
        for p, _ in said(pairs(scene(thing("dog", 80, 95, edges=[("gazumping", "table")]), TABLE), "relation"))
    )


def test_doings_are_not_located() -> None:
    hat = thing("hat", 10, 30, "red")
    man, woman = thing("man", 10, 40, edges=[("wearing", "hat")]), thing("woman", 150)
    captions = {p.caption for p in pairs(scene(man, woman, hat), "relation") if "wearing" in p.caption}
    assert captions == {
        "The man is wearing the red hat.",
        "In the picture, the man is wearing the red hat.",
        "The man in the picture is wearing the red hat.",
    }
