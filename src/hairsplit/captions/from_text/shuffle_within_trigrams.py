"""The words of each three change places (ARO's shuffle_within_trigrams)."""

from collections.abc import Iterator
from random import Random

from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._sentence import Sentence
from hairsplit.captions.from_text._shuffle import Order, shuffled


def propose(sentence: Sentence, rng: Random) -> Iterator[Change]:
    """Yield the change."""
    yield from shuffled(sentence, rng, _reorder)


def _reorder(_sentence: Sentence, order: Order, rng: Random) -> Order:
    threes = [order[start : start + 3] for start in range(0, len(order), 3)]
    for three in threes:
        rng.shuffle(three)
    return [index for three in threes for index in three]


ENTRY = Rule(propose=propose, example=("a dog runs on the beach", "dog runs a the on beach"), fluent=False)
