"""Captions of a small grammar, as strategies and in bulk, and what the rules make of one."""

from collections.abc import Iterator
from random import Random

from hypothesis import strategies as st

from hairsplit.captions.from_text import RULES
from hairsplit.captions.from_text._rule import Change
from hairsplit.captions.from_text._sentence import Sentence, read, rewrite
from hairsplit.core.run import stream

COLOURS = ("red", "blue", "black", "white", "yellow", "green")
PEOPLE = ("man", "woman", "girl", "boy")
ANIMALS = ("dog", "horse", "cat")
CLOTHES = ("shirt", "jacket", "hat", "dress")
PLACES = ("in the snow", "on the beach", "in the grass", "in the sand", "on the street")
VERBS = ("sitting", "standing", "running", "sleeping", "walking")


def caption(rng: Random) -> str:
    """A caption of one of some patterns."""
    who, other = rng.sample(PEOPLE, 2)
    animal, thing = rng.choice(ANIMALS), rng.choice(CLOTHES)
    one, two = rng.sample(COLOURS, 2)
    place, verb, number = rng.choice(PLACES), rng.choice(VERBS), rng.choice(["two", "three", "four"])
    patterns = (
        f"A {who} in a {one} {thing} is {verb} {place} .",
        f"A {one} {animal} is {verb} {place} .",
        f"{number.capitalize()} {animal}s are {verb} {place} .",
        f"The {one} {animal} chases a {who} {place}",
        f"A {who} in a {one} {thing} and a {other} in a {two} jacket are {verb} {place}.",
        f"a {one} {animal} with a {two} ball is {verb} in front of a {who}",
    )
    return rng.choice(patterns)


captions = st.integers(min_value=0, max_value=2**32).map(lambda seed: caption(stream(seed, "caption")))


def changes(name: str, text: str, seed: int = 0) -> Iterator[tuple[Sentence, Change, str, str]]:
    """The sentence, each change, its positive and its negative."""
    rule, sentence = RULES[name], read(text)
    for change in rule.propose(sentence, stream(seed, name)):
        positive = rewrite(sentence, change.premise) if change.premise else text
        yield sentence, change, positive, rewrite(sentence, change.slots, mend=rule.fluent)


def negatives(name: str, text: str, seed: int = 0) -> list[str]:
    return [negative for *_, negative in changes(name, text, seed)]


read("a word")  # the tagger's word lists are loaded once, outside of the examples, which are timed
