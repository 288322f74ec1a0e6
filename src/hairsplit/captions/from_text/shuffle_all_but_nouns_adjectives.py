"""All words but nouns and adjectives change places (ARO's shuffle_allbut_nouns_and_adj)."""

from collections.abc import Iterator
from random import Random

from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._sentence import Sentence
from hairsplit.captions.from_text._shuffle import Order, among, of_tags, shuffled


def propose(sentence: Sentence, rng: Random) -> Iterator[Change]:
    """Yield the change."""
    yield from shuffled(sentence, rng, _reorder)


def _reorder(sentence: Sentence, order: Order, rng: Random) -> Order:
    named = of_tags(sentence, order, "NN", "JJ")
    return among(order, [index for index in order if index not in named], rng)


ENTRY = Rule(propose=propose, example=("a dog runs on the beach", "on dog the runs a beach"), fluent=False)
