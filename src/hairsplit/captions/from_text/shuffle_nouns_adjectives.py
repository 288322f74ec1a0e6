"""Nouns change places among themselves, and adjectives among themselves (ARO's shuffle_nouns_and_adj)."""

from collections.abc import Iterator
from random import Random

from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._sentence import Sentence
from hairsplit.captions.from_text._shuffle import Order, among, of_tags, shuffled


def propose(sentence: Sentence, rng: Random) -> Iterator[Change]:
    """Yield the change."""
    yield from shuffled(sentence, rng, _reorder)


def _reorder(sentence: Sentence, order: Order, rng: Random) -> Order:
    nouns, adjectives = of_tags(sentence, order, "NN"), of_tags(sentence, order, "JJ")
    return among(among(order, nouns, rng), adjectives, rng)


ENTRY = Rule(propose=propose, example=("a red ball on green grass", "a green grass on red ball"), fluent=False)
