"""A thing has another attribute that excludes its own: a red shirt -> a blue shirt."""

from collections.abc import Iterator
from random import Random

from hairsplit.captions.form import Has, Phrase
from hairsplit.captions.from_text import _words as words
from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._sentence import NounPhrase, Sentence, Slot, plain
from hairsplit.core.types import Edit
from hairsplit.scenes import lexicon


def propose(sentence: Sentence, _rng: Random) -> Iterator[Change]:
    """Yield a change per attribute and one that rules it out."""
    for phrase in sentence.phrases:
        if phrase.joined:
            continue
        for index in phrase.modifiers:
            old = sentence.word(index)
            if not plain(sentence, index) or not attributive(sentence, phrase, index):
                continue
            for new in words.attribute_rivals(old):
                if not suits(new, sentence.noun(phrase)):
                    continue
                yield Change(
                    (Slot(index, index + 1, new),),
                    Edit("attribute", old, new),
                    (("attribute", new),),
                    (Has(Phrase(sentence.noun(phrase)), lexicon.attribute(new)),),
                )


_SHADED = frozenset(["light", "dark", "bright", "very", "and", ",", "-"])
_SIZES = frozenset(["big", "large", "small", "tall"])
_LENGTHS = frozenset(["short", "long"])


def attributive(sentence: Sentence, phrase: NounPhrase, index: int) -> bool:
    """Whether a word is the one attribute of its kind that a noun phrase has, and goes with its head."""
    name = sentence.word(index)
    others = {sentence.word(i) for i in phrase.modifiers if i != index}
    if any(words.excludes(name, other) or {name, other} <= words.COLOURS for other in others):
        return False
    return not others & _SHADED and sentence.word(index - 1) not in _SHADED and suits(name, sentence.noun(phrase))


def suits(name: str, head: str) -> bool:
    """Whether one says an attribute of such a thing, and not as a name for something else."""
    if name in words.COLOURS and head in words.FURRY:
        return name in words.FUR
    if name in {"young", "old", "elderly"}:
        return head in words.AGED
    if name in _LENGTHS:
        return head in words.LONG
    if name in _SIZES:
        return head not in words.NO_SIZE
    return name not in words.COLOURS or head not in words.NO_COLOUR


ENTRY = Rule(propose=propose, example=("a man in a red shirt", "a man in a blue shirt"))
