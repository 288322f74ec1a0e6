"""Two things exchange attributes of one kind: a black dog and a white cat -> a white dog and a black cat."""

from collections.abc import Iterator
from itertools import combinations
from random import Random

from hairsplit.captions.form import Has, Phrase
from hairsplit.captions.from_text import _words as words
from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._sentence import NounPhrase, Sentence, Slot, plain
from hairsplit.captions.from_text.replace_attribute import attributive, suits
from hairsplit.core.types import Edit
from hairsplit.scenes import lexicon


def propose(sentence: Sentence, _rng: Random) -> Iterator[Change]:
    """Yield a change per two noun phrases whose attributes exclude each other."""
    found = [(phrase, i) for phrase in sentence.phrases if not phrase.joined for i in phrase.modifiers]
    usable = [(p, i) for p, i in found if plain(sentence, i) and attributive(sentence, p, i)]
    for (one, i), (two, j) in combinations(usable, 2):
        a, b = sentence.word(i), sentence.word(j)
        fits = suits(b, sentence.noun(one)) and suits(a, sentence.noun(two))
        if one is two or not fits or not words.excludes(a, b) or not _differ(sentence, one, two):
            continue
        yield Change(
            (Slot(i, i + 1, b), Slot(j, j + 1, a)),
            Edit("attributes", f"{a}, {b}", f"{b}, {a}"),
            (),
            (
                Has(Phrase(sentence.noun(one)), lexicon.attribute(b)),
                Has(Phrase(sentence.noun(two)), lexicon.attribute(a)),
            ),
        )


def _differ(sentence: Sentence, one: NounPhrase, two: NounPhrase) -> bool:
    """Whether the two heads can name no two things of one kind, of which an exchange would say nothing new."""
    a, b = sentence.noun(one), sentence.noun(two)
    return a != b and lexicon.match(a, b) == "no" and lexicon.match(b, a) == "no"


ENTRY = Rule(propose=propose, example=("a black dog chases a white cat", "a white dog chases a black cat"))
