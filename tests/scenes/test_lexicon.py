import pytest

from hairsplit.scenes import lexicon
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, SIZES


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("circle", "circles"), ("cross", "crosses"), ("box", "boxes"), ("child", "children"), ("sheep", "sheep"),
        ("knife", "knives"), ("policeman", "policemen"), ("woman", "women"), ("boy", "boys"), ("baby", "babies"),
        ("traffic light", "traffic lights"), ("bench", "benches"), ("bus", "buses"), ("glass", "glasses"),
    ],
)  # fmt: skip
def test_plurals(one: str, many: str) -> None:
    assert lexicon.plural(one) == many
    assert lexicon.number(one) == "singular"
    if many != "glasses":  # pluralia tantum are left as they are
        assert lexicon.singular(many) == one


def test_number_is_unknown_rather_than_guessed() -> None:
    assert lexicon.number("rice") == "mass"
    assert lexicon.number("sunglasses") == "plural"
    assert lexicon.number("pampas") is None
    assert lexicon.number("people") == "plural"


@pytest.mark.parametrize(
    ("phrase", "article"),
    [
        ("apple", "an"), ("umbrella", "an"), ("uniform", "a"), ("unicorn", "a"), ("hour", "an"), ("house", "a"),
        ("orange star", "an"), ("one", "a"), ("open door", "an"), ("utensil", "a"), ("european", "a"), ("ugly", "an"),
        ("unhappy dog", "an"), ("used car", "a"), ("uneven road", "an"), ("unicycle", "a"), ("unknown", "an"),
    ],
)  # fmt: skip
def test_articles_go_by_sound(phrase: str, article: str) -> None:
    assert lexicon.article(phrase) == article


@pytest.mark.parametrize(
    ("noun", "name", "expected"),
    [
        ("circle", "circle", "yes"), ("circle", "ring", "no"), ("tree", "trees", "maybe"), ("person", "man", "yes"),
        ("man", "person", "maybe"), ("man", "woman", "no"), ("man", "people", "maybe"), ("man", "player", "maybe"),
        ("boy", "man", "no"), ("child", "girl", "yes"), ("girl", "child", "maybe"), ("animal", "dog", "yes"),
        ("dog", "animal", "maybe"), ("bike", "bicycle", "maybe"), ("light", "traffic light", "maybe"),
        ("dog", "object", "maybe"), ("dog", "cat", "no"), ("woman", "crowd", "maybe"),
    ],
)  # fmt: skip
def test_what_one_word_says_of_another(noun: str, name: str, expected: str) -> None:
    assert lexicon.match(noun, name) == expected


def test_the_drawn_world_has_exclusive_words_for_all_it_draws() -> None:
    for shape in SHAPES:
        assert lexicon.nameable(shape)
        assert set(lexicon.rivals(shape)) == set(SHAPES) - {shape}
        assert [other for other in SHAPES if lexicon.match(shape, other) != "no"] == [shape]
    for names in (COLOURS, SIZES):
        assert all(lexicon.excludes(a, b) == (a != b) for a in names for b in names)
        assert not any(lexicon.near(a, b) for a in names for b in names)


def test_unknown_attributes_have_no_class_and_shades_rule_out_only_what_they_are_not() -> None:
    assert lexicon.attribute_class("cracked") is None
    assert not lexicon.excludes("cracked", "red")
    assert lexicon.attribute("Grey ") == "gray"
    assert lexicon.excludes("silver", "red")
    assert not lexicon.excludes("silver", "gray")
    assert lexicon.near("tan", "brown")
    assert lexicon.near("colorful", "red")


def test_some_nouns_are_not_spoken_of() -> None:
    assert not any(map(lexicon.nameable, ("side", "trees", "yellow green ball", "red ball", "pampas", "x9", "crowd")))
    assert all(map(lexicon.nameable, ("dog", "traffic light", "t-shirt", "glasses", "orange")))
    assert not lexicon.has_a_place("sky")
    assert not lexicon.usable("orange", "orange")


def test_only_what_holds_things_is_full_or_empty() -> None:
    assert all(lexicon.usable(noun, "full") for noun in ("bowl", "plastic bag", "parking lot"))
    assert not any(lexicon.usable(noun, "full") for noun in ("wetsuit", "moon", "dog", "woman"))


def test_predicates() -> None:
    assert lexicon.predicate("Left of") == "to the left of"
    assert lexicon.inverse("above") == "below"
    assert lexicon.asymmetric("inside")
    assert not lexicon.asymmetric("next to")
    assert lexicon.contraries("on") == ("below", "inside")
    assert "in" in lexicon.overlapping("inside")


def test_the_fingerprint_is_stable() -> None:
    assert lexicon.fingerprint() == lexicon.fingerprint()


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("dog", "poodle terrier greyhound retriever bulldog puppy"), ("cat", "kitten tabby"),
        ("horse", "mare stallion"),
        ("bird", "gull pigeon dove raven parrot"), ("animal", "poodle gull kitten heifer hen crab dog"),
        ("clothing", "hoodie jersey wetsuit jeans beanie"), ("person", "passenger youngster footballer lad"),
        ("vehicle", "sailboat taxi moped lorry"), ("boat", "canoe ferry"), ("food", "lettuce mango waffle burrito"),
        ("fruit", "papaya"), ("vegetable", "leek"), ("drink", "latte"),
    ],
)  # fmt: skip
def test_what_is_a_kind_of_what(kind: str, members: str) -> None:
    for member in members.split():
        assert lexicon.match(kind, member) == "yes", member
        assert lexicon.match(member, kind) == "maybe", member
        if member != "jeans":
            assert lexicon.match(kind, lexicon.plural(member)) == "maybe", member


@pytest.mark.parametrize(
    ("noun", "name"),
    [
        ("dog", "german shepherd"), ("dog", "pit bull"), ("terrier", "poodle"), ("gull", "seagull"), ("cow", "herd"),
        ("bird", "flock"), ("tomato", "fruit"), ("wetsuit", "suit"), ("shirt", "an"), ("dog", "two"),
    ],
)  # fmt: skip
def test_what_may_be_called_by_another_name(noun: str, name: str) -> None:
    assert lexicon.match(noun, name) == "maybe"


@pytest.mark.parametrize(
    "word", ["an", "the", "of", "two", "some", "other", "them", "outside", "the dog", "two dogs", "x"]
)
def test_function_words_are_no_nouns(word: str) -> None:
    assert not lexicon.nameable(word)
