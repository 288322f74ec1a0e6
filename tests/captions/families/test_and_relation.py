from tests.captions.families.hand import pairs, scene, thing

SHOWN = scene(thing("circle", 10, 40), thing("star", 150, 40), thing("heart", 80, 150))


def test_one_of_two_true_clauses_is_falsified_by_its_predicate() -> None:
    found = [p for p in pairs(SHOWN, "and_relation") if p.edit and p.edit.role == "predicate"]
    assert found
    for pair in found:
        assert pair.edit is not None
        assert pair.evidence == "geometric"
        assert {pair.edit.before, pair.edit.after} in ({"above", "below"}, {"to the left of", "to the right of"})
        before, after = (
            text.replace(",", "").rstrip(".").lower().split(" ") for text in (pair.caption, str(pair.negative))
        )
        assert len(before) == len(after)
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_two_clauses_are_never_about_the_same_two_things() -> None:
    assert pairs(scene(thing("circle", 10, 40), thing("star", 150, 40)), "and_relation") == []
    for pair in pairs(SHOWN, "and_relation"):
        assert all(noun in pair.caption.lower() for noun in ("circle", "star", "heart"))
