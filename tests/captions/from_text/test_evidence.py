"""What other captions and graphs say against a negative."""

import pytest

from hairsplit.captions.form import Count, Exists, Form, Has, Phrase, Related
from hairsplit.captions.from_text import replace_number
from hairsplit.captions.from_text._rule import Change, Sort
from hairsplit.captions.from_text._seen import Seen
from hairsplit.captions.from_text._sentence import read
from hairsplit.captions.from_text._truth import UNPROVEN, evidence
from hairsplit.core.run import stream
from hairsplit.core.types import Box, Edit, Relation, Scene, Thing
from hairsplit.scenes.facts import Facts


@pytest.mark.parametrize(
    ("caption", "sort", "word", "said"),
    [
        ("A blue hat", "attribute", "blue", True),
        ("A navy hat", "attribute", "blue", True),
        ("A colorful hat", "attribute", "blue", True),
        ("A red hat", "attribute", "blue", False),
        ("An older man", "attribute", "elderly", True),
        ("Two puppies", "noun", "dog", True),
        ("An animal", "noun", "dog", True),
        ("A cat", "noun", "dog", False),
        ("A person", "noun", "woman", True),
        ("A skier", "noun", "snow", True),
        ("A man poses", "verb", "stand", True),
        ("A dog leaps", "verb", "jump", True),
        ("A dog runs", "verb", "sit", False),
        ("A dog in front of a car", "preposition", "in front of", True),
        ("A hill in the background", "preposition", "behind", True),
        ("A dog on a car", "preposition", "behind", False),
        ("3 dogs", "number", "three", True),
        ("A couple", "number", "two", True),
        ("Two dogs", "number", "three", False),
    ],
)
def test_words_that_captions_have(caption: str, sort: Sort, word: str, said: bool) -> None:
    assert Seen([read(caption)]).has(sort, word) is said


def test_several() -> None:
    for text, several in [("A dog", False), ("A dog and another", True), ("Dogs", True), ("Two boys and a dog", True)]:
        assert Seen([read(text)]).several("dog") is several


def change(*claims: Form) -> Change:
    return Change((), Edit("attribute", "a", "b"), claims=claims)


def facts(world: str = "open") -> Facts:
    things = (
        Thing("1", "shirt", Box(0, 0, 10, 10), ("red",)),
        Thing("2", "dog", Box(20, 0, 10, 10), (), (Relation("behind", "3"),)),
        Thing("3", "car", Box(60, 0, 30, 10)),
    )
    return Facts(Scene("i", 100, 100, things), "closed" if world == "closed" else "open")


SHIRT, DOG, CAR, CAT = (Phrase(noun) for noun in ("shirt", "dog", "car", "cat"))


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ((Has(SHIRT, "blue"),), "exclusive_attribute"),
        ((Has(SHIRT, "red"),), None),
        ((Has(DOG, "blue"),), None),
        ((Has(CAT, "blue"),), UNPROVEN),
        ((Related(DOG, "in front of", CAR),), "converse_or_contrary"),
        ((Related(DOG, "behind", CAR),), None),
        ((Related(CAT, "behind", CAR),), UNPROVEN),
        ((Exists(Phrase("dog", (), "a")),), None),
        ((Exists(Phrase("cat", (), "a")),), UNPROVEN),
        ((Count("dog", 1),), None),
        ((Count("dog", 2),), UNPROVEN),
        ((Has(SHIRT, "red"), Has(SHIRT, "blue")), "exclusive_attribute"),
        ((Has(CAT, "red"), Has(SHIRT, "red")), None),
        ((), UNPROVEN),
    ],
)
def test_graphs(claims: tuple[Form, ...], said: str | None) -> None:
    assert evidence(change(*claims), facts()) == said


def dogs(number: int) -> Facts:
    things = [Thing(str(i), "dog", Box(20 * i, 0, 10, 10)) for i in range(number)]
    return Facts(Scene("i", 200, 100, tuple(things)), "open")


@pytest.mark.parametrize(("number", "said"), [(1, UNPROVEN), (3, "count_bound"), (4, None), (6, None)])
def test_a_graph_that_denies_the_number_of_the_caption_proves_no_other(number: int, said: str | None) -> None:
    """Three dogs play, and in the picture are more: so may two be said to play."""
    found = [c for c in replace_number.ENTRY.propose(read("Three dogs play"), stream(0)) if c.edit.after == "two"]
    assert [evidence(c, dogs(number)) for c in found] == [said]


def test_a_complete_graph_proves_what_is_absent() -> None:
    assert evidence(change(Exists(Phrase("cat", (), "a"))), facts("closed")) == "complete"
    assert evidence(change(Count("dog", 2)), facts("closed")) == "complete"
    assert evidence(change(Has(SHIRT, "blue")), None) == UNPROVEN
