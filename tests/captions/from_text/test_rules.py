"""What each rule makes of a caption, and what it leaves alone."""

import pytest

from hairsplit.captions.from_text import RULES
from tests.captions.from_text.world import changes, negatives

MADE = [
    ("replace_attribute", "A man in a red shirt .", "A man in a blue shirt ."),
    ("replace_attribute", "A red shirt", "A yellow shirt"),
    ("replace_attribute", "A large dog", "A small dog"),
    ("replace_attribute", "An old man waits", "A young man waits"),
    ("replace_attribute", "An empty street", "A crowded street"),
    ("replace_object", "A dog runs in the snow", "A dog runs in the sand"),
    ("replace_object", "Two dogs play", "Two cats play"),
    ("replace_object", "A boy kicks a soccer ball", "A boy kicks a tennis ball"),
    ("replace_object", "a woman rides a bicycle", "a woman rides a horse"),
    ("replace_relation", "A cat sits on the bench", "A cat stands on the bench"),
    ("replace_relation", "Two dogs run in the grass", "Two dogs sit in the grass"),
    ("replace_relation", "A dog behind a car", "A dog in front of a car"),
    ("replace_relation", "A man pushing a cart", "A man pulling a cart"),
    ("replace_relation", "a boy walks up the stairs", "a boy walks down the stairs"),
    ("replace_number", "Two dogs play", "Three dogs play"),
    ("replace_number", "There are three girls", "There are two girls"),
    ("swap_attribute", "A black dog chases a white cat", "A white dog chases a black cat"),
    ("swap_attribute", "An orange shirt and a blue hat", "A blue shirt and an orange hat"),
    ("swap_object", "A dog chases a boy", "A boy chases a dog"),
    ("swap_object", "The dogs chase two boys", "Two boys chase the dogs"),
    ("swap_object", "A man in a red shirt and a woman in a dress", "A man in a dress and a woman in a red shirt"),
]
LEFT_ALONE = [
    ("replace_attribute", "A black and white dog", "black", "one thing of two colours"),
    ("replace_attribute", "A light blue shirt", "blue", "a shade"),
    ("replace_attribute", "A white man", "white", "no colour of a thing"),
    ("replace_attribute", "A young boy", "young", "no boy is old"),
    ("replace_attribute", "A yellow dog", "yellow", "dogs so called are brown or white"),
    ("replace_relation", "A dog jumps over a log", "jumps", "one sits over nothing"),
    ("replace_relation", "A sleeping dog", "sleeping", "what is said of a thing in passing"),
    ("replace_relation", "A dog jumps into the air", "into", "out of the air"),
    ("swap_attribute", "A white dog with a red ball", "white, red", "no dog is red"),
    ("replace_object", "A man and his dog eat", "man", "his"),
    ("replace_object", "A man riding a dog", "dog", "horses are ridden, dogs are not"),
    ("replace_object", "A horse in a field", "bicycle", "nobody rides"),
    ("replace_object", "A man near the snow", "snow", "what is near the snow may be near sand as well"),
    ("replace_object", "A dog and a black dog", "dog", "which of the two?"),
    ("replace_object", "A dog with a basketball", "basketball", "a ball, no sport"),
    ("replace_relation", "A man walks up the street", "up", "which is down, from the other end"),
    ("replace_relation", "A dog jumping in the air", "jumping", "nothing else is done there"),
    ("replace_relation", "A girl jumping rope", "jumping", "ropes are for jumping"),
    ("replace_number", "A man raises two hands", "two", "as everybody has"),
    ("replace_number", "One of two boys jumps", "two", "part of them"),
    ("replace_number", "Two dogs, one brown and one black, play", "two", "one and one are two"),
    ("replace_number", "Two dogs, one brown and the other black, play", "two", "one and the other are two"),
    ("swap_attribute", "A black dog and a white dog", "black, white", "the same two dogs"),
    ("swap_attribute", "A black dog and a white puppy", "black, white", "a puppy is a dog"),
    ("swap_attribute", "A red hat on a pink dress", "red, pink", "colours that one may take for each other"),
    ("swap_object", "A man and a woman", "man, woman", "the same two people"),
    ("swap_object", "A man stands next to a woman", "man, woman", "as she does to him"),
    ("swap_object", "A man chases his dog", "man, dog", "his"),
    ("swap_object", "A man in a red shirt and a man in a blue hat", "shirt, hat", "the same two men"),
    ("negation", "A dog runs", "runs", "nothing to put a not behind"),
    ("negation", "A dog is running and barking", "is running", "which of the two is denied?"),
]


@pytest.mark.parametrize(("rule", "caption", "negative"), MADE)
def test_made(rule: str, caption: str, negative: str) -> None:
    assert negative in negatives(rule, caption)


@pytest.mark.parametrize(("rule", "caption", "word", "_why"), LEFT_ALONE)
def test_left_alone(rule: str, caption: str, word: str, _why: str) -> None:
    assert word not in [change.edit.before for _, change, *_ in changes(rule, caption)]


@pytest.mark.parametrize("rule", RULES.names())
def test_the_example_is_what_the_rule_makes(rule: str) -> None:
    caption, negative = RULES[rule].example
    source = "a dog is running" if rule == "negation" else caption
    pairs = {(p, n) for seed in range(200) for *_, p, n in changes(rule, source, seed)}
    assert (caption, negative) in pairs


@pytest.mark.parametrize("rule", RULES.names())
def test_nothing_is_made_of_nothing(rule: str) -> None:
    for text in ("", ".", "hello", "?!", "a", "😀 ,,"):
        assert negatives(rule, text) == []


@pytest.mark.parametrize("rule", [name for name in RULES.names() if RULES[name].fluent])
def test_names_are_left_alone(rule: str) -> None:
    for text in ("THE RED DOG CHASES TWO BOYS", "the Red Dog Is Sitting In The Snow"):
        assert negatives(rule, text) == []


def test_negation_denies_as_often_as_it_affirms() -> None:
    pairs = [next(iter(changes("negation", "A dog is running .", seed)))[2:] for seed in range(400)]
    denied = sum("not" in negative for _, negative in pairs)
    assert all(("not" in positive) != ("not" in negative) for positive, negative in pairs)
    assert 140 < denied < 260
    assert {p for p, n in pairs if "not" in n} == {"A dog is running ."}
    assert "A dog is not running ." not in {p for p, _ in pairs}


def test_what_comes_in_is_named() -> None:
    _, change, *_ = next(changes("replace_attribute", "A red shirt"))
    assert change.edit.role == "attribute"
    assert change.edit.before == "red"
    assert change.news == (("attribute", change.edit.after),)
