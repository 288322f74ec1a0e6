"""Another number: two dogs -> three dogs."""

from collections.abc import Iterator
from random import Random

from hairsplit.captions.form import Count
from hairsplit.captions.from_text import _words as words
from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._sentence import Sentence, Slot, plain
from hairsplit.core.types import Edit
from hairsplit.scenes.lexicon import singular

_TIED = frozenset(
    ["hand", "leg", "arm", "foot", "eye", "side", "paw", "tail", "year", "story", "wheel", "hundred", "other"]
)
"""Nouns of which there are two for other reasons, or that make no number of things."""
_EACH = frozenset(["one", "other", "others", "another", "third"])
"""Words that tell things of a number apart; two of them in a caption add up to it."""


def propose(sentence: Sentence, _rng: Random) -> Iterator[Change]:
    """Yield a change per numeral from two to six and another of them, at most two away."""
    if sum(token.word in _EACH for token in sentence.tokens) > 1:
        return
    for phrase in sentence.phrases:
        index = phrase.number
        if index is None or not phrase.plural or not plain(sentence, index) or sentence.has(words.COLLECTIVES_OF_TWO):
            continue
        old, noun = sentence.word(index), singular(sentence.word(phrase.head))
        inner = {singular(sentence.word(i)) for i in range(phrase.start, phrase.end)}
        if (
            old not in words.NUMBERS
            or not inner.isdisjoint(_TIED)
            or sentence.word(index - 1) in {"of", "or", "to", "-"}
        ):
            continue
        place = words.NUMBERS.index(old)
        for new in words.NUMBERS[max(place - 2, 0) : place + 3]:
            if new != old:
                claim, given = (Count(noun, words.NUMBERS.index(word) + 2) for word in (new, old))
                slots, edit = (Slot(index, index + 1, new),), Edit("count", old, new)
                yield Change(slots, edit, (("number", new),), (claim,), (given,))


ENTRY = Rule(propose=propose, example=("two dogs play", "three dogs play"))
