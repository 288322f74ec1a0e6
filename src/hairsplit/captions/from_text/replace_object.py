"""Another noun of the same group, which excludes the old one in its place: a dog in the snow -> in the sand."""

from collections.abc import Iterator
from random import Random

from hairsplit.captions.form import Exists, Phrase
from hairsplit.captions.from_text import _verbs as verbs
from hairsplit.captions.from_text import _words as words
from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._sentence import NounPhrase, Sentence, Slot, plain
from hairsplit.core.types import Edit
from hairsplit.scenes import lexicon


def propose(sentence: Sentence, _rng: Random) -> Iterator[Change]:
    """Yield a change per noun and one that rules it out; modifying nouns too (a soccer ball), if they have rivals."""
    heads = [sentence.noun(phrase) for phrase in sentence.phrases]
    for phrase in sentence.phrases:
        for index in (*phrase.modifiers, phrase.head):
            word = sentence.word(index)
            if not sentence.tokens[index].tag.startswith("NN") or not plain(sentence, index):
                continue
            old = lexicon.singular(word)
            if heads.count(old) > 1 or not _may_change(sentence, phrase, index, old):
                continue
            for new in words.noun_rivals(old):
                if new in heads or not _goes_with(sentence.word(phrase.start - 1), old, new):
                    continue
                said = lexicon.plural(new) if word != old else new
                yield Change(
                    (Slot(index, index + 1, said),),
                    Edit("object", word, said),
                    (("noun", new),),
                    (Exists(Phrase(new, (), "a")),),
                )


def _may_change(sentence: Sentence, phrase: NounPhrase, index: int, noun: str) -> bool:
    if index != phrase.head:
        return noun in words.SPORTS
    if any(sentence.tokens[i].tag.startswith("NN") for i in phrase.modifiers):
        return False  # the head of a compound: a tennis ball, a guard dog
    if noun in words.SPORTS and phrase.determiner:
        return False  # a ball
    if noun in words.PEOPLE:
        modifiers = {sentence.word(i) for i in phrase.modifiers}
        return not sentence.has(words.GENDERED) and words.SEXED.isdisjoint(modifiers)
    return sentence.word(index + 1) != "of"


def _goes_with(before: str, old: str, new: str) -> bool:
    """Whether two nouns exclude each other behind a word: settings where something is in them, and what one rides."""
    if verbs.BASE_OF.get(before) == "ride":
        return {old, new} <= words.RIDDEN
    if {old, new} <= words.RIDDEN:
        return before == "on"
    return all(before in words.PLACED[noun] for noun in (old, new) if noun in words.PLACED)


ENTRY = Rule(propose=propose, example=("a dog runs in the snow", "a dog runs in the sand"))
