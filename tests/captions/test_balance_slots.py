from dataclasses import replace

import pytest

from hairsplit.captions import FAMILIES
from hairsplit.captions._balance_slots import combinations, differing, slots, template, tree
from hairsplit.captions.form import Compare, Count, Exists, Form, Has, Junction, Phrase, Related, to_json
from hairsplit.core.types import Edit, Pair
from tests.captions.made_pairs import pair

CUP, PLATE, DOG = Phrase("cup", ("red",)), Phrase("plate", ("blue",)), Phrase("dog")


def of_forms(one: Form, two: Form) -> Pair:
    return replace(pair(0, "cup", "red", "blue"), caption_form=to_json(one), negative_form=to_json(two))


EDITS: dict[str, tuple[Form, Form, tuple[str, str, str]]] = {
    "attribute": (Has(DOG, "wet"), Has(DOG, "dry"), ("wet", "dry", "dog")),
    "noun, whatever its attributes": (Has(CUP, "wet"), Has(PLATE, "wet"), ("cup", "plate", "wet")),
    "predicate": (Related(CUP, "above", DOG), Related(CUP, "below", DOG), ("above", "below", "cup\x1fdog")),
    "roles": (Related(CUP, "above", DOG), Related(DOG, "above", CUP), ("cup\x1fdog", "dog\x1fcup", "above")),
    "attributes of a phrase": (
        Related(CUP, "above", DOG),
        Related(Phrase("cup", ("blue",)), "above", DOG),
        ("red", "blue", "cup\x1fabove\x1fdog"),
    ),
    "number": (Count("cup", 2), Count("cup", 3), ("2", "3", "cup")),
    "comparison": (Compare("cup", "dog", ">"), Compare("cup", "dog", "<"), (">", "<", "cup\x1fdog")),
    "in a part of a longer sentence": (
        Junction("and", (Has(CUP, "wet"), Has(DOG, "dry"))),
        Junction("and", (Has(CUP, "wet"), Has(DOG, "old"))),
        ("dry", "old", "dog"),
    ),
    "in both parts": (
        Junction("and", (Has(CUP, "wet"), Has(DOG, "dry"))),
        Junction("and", (Has(CUP, "dry"), Has(DOG, "wet"))),
        ("wet\x1fdry", "dry\x1fwet", "cup\x1fdog"),
    ),
    "noun of a thing that is there": (
        Exists(Phrase("cup", ("red",), "a")),
        Exists(Phrase("dog", ("red",), "a")),
        ("cup", "dog", "red"),
    ),
    "another structure": (
        Exists(Phrase("dog", ("wet",), "a")),
        Junction("not", (Exists(Phrase("dog", ("wet",), "a")),)),
        ("", "not", "dog\x1fwet"),
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_differs_is_the_edit_and_what_is_shared_the_context(name: str) -> None:
    one, two, expected = EDITS[name]
    assert slots(of_forms(one, two))[:3] == expected
    before, after, context = expected
    assert slots(of_forms(two, one))[:3] == (after, before, context)
    assert slots(of_forms(one, two)).predicate == ("above" if name in {"roles", "attributes of a phrase"} else "")


def test_without_forms_the_edit_stands_between_its_neighbours() -> None:
    given = replace(
        pair(0, "cup", "red", "blue"),
        caption="A man in a red hat.",
        negative="A man in a blue hat.",
        caption_form=None,
        negative_form=None,
    )
    assert slots(given) == ("red", "blue", "a\x1fhat.", "")
    assert slots(replace(given, edit=None)) == ("red", "blue", "a\x1fhat.", "")
    assert slots(replace(given, edit=Edit("attribute", "Red", "Blue"))) == ("Red", "Blue", "a\x1fhat.", "")


def test_words_that_differ_at_either_end() -> None:
    assert differing("red cup", "blue cup") == ("red", "blue", ("", "cup"))
    assert differing("a cup", "a cup here") == ("", "here", ("cup", ""))
    assert differing("same", "same") == ("", "", ("same", ""))


def test_combinations_are_those_that_a_form_asserts() -> None:
    def of(form: Form) -> set[tuple[str, ...]]:
        return set(combinations(tree(to_json(form))))

    assert of(Has(CUP, "wet")) == {("attribute", "wet", "cup"), ("attribute", "red", "cup")}
    assert of(Related(DOG, "on", Phrase("mat"))) == {
        ("subject", "dog", "on"),
        ("object", "on", "mat"),
        ("triple", "dog", "on", "mat"),
    }
    assert of(Junction("not", (Has(DOG, "wet"),))) == {("not attribute", "wet", "dog")}
    assert of(Junction("xor", (Has(DOG, "wet"), Exists(DOG)))) == {("attribute", "wet", "dog")}
    assert of(Count("cup", 2)) == {("count", "==2", "cup")}
    assert of(Compare("cup", "dog", ">")) == {
        ("compare", "cup", ">"),
        ("compared", ">", "dog"),
        ("comparison", "cup", ">", "dog"),
    }


def test_templates_are_told_apart() -> None:
    texts = ("The cup is red.", "The cup in the picture is red.", "In the picture, the cup is red.")
    numbers = [FAMILIES["attribute"].templates[template("attribute", text)] for text in texts]
    assert numbers == [
        "{x} {be} {attribute}.",
        "{x} in the picture {be} {attribute}.",
        "In the picture, {x} {be} {attribute}.",
    ]
    assert template("attribute", "Nothing of the kind") == -1
    assert template("no such family", "The cup is red.") == -1
