"""Another relation, which excludes the old one: behind -> in front of, sitting -> standing, pushing -> pulling."""

from collections.abc import Iterator
from random import Random

from hairsplit.captions.form import Form, Phrase, Related
from hairsplit.captions.from_text import _verbs as verbs
from hairsplit.captions.from_text import _words as words
from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._sentence import NounPhrase, Sentence, Slot, plain
from hairsplit.core.types import Edit
from hairsplit.scenes import lexicon


def propose(sentence: Sentence, _rng: Random) -> Iterator[Change]:
    """Yield a change per preposition or verb and one that rules it out."""
    yield from _prepositions(sentence)
    yield from _verbs(sentence)


def _prepositions(sentence: Sentence) -> Iterator[Change]:
    for pair in words.RELATIONS:
        for old, new in (pair, pair[::-1]):
            length = len(old.split())
            for phrase in sentence.phrases:
                start = phrase.start - length
                if start < 1 or sentence.span(start, phrase.start) != old:
                    continue
                if not _fits(sentence, start, old, phrase):
                    continue
                yield Change(
                    (Slot(start, phrase.start, new),),
                    Edit("predicate", old, new),
                    (("preposition", new),),
                    _claims(sentence, start, new, phrase),
                )


def _fits(sentence: Sentence, start: int, old: str, phrase: NounPhrase) -> bool:
    """Whether a preposition is one here, and says where."""
    before, what = sentence.word(start - 1), sentence.noun(phrase)
    longer = f"{before} {old}" in {"in front of", "on top of", "out of", "up on", "down on", "away from"}
    if (
        longer
        or what == "air"
        or sentence.word(phrase.end) == "of"
        or phrase.determiner in {"his", "her", "its", "their"}
    ):
        return False
    if old in {"up", "down"}:
        return verbs.BASE_OF.get(before, before) in words.MOVING and what in words.INCLINED
    if old in {"on", "on top of", "underneath"} or (old == "under" and what in words.UNDER_WHAT):
        return what in words.UNDER_WHAT
    if old in {"over", "under"}:
        return verbs.BASE_OF.get(before, "") in {"jump", "leap", "fly", "walk", "climb", "run", "hop"}
    if old in {"inside", "outside", "into", "onto", "off"}:
        return before not in {"from", "dressed", "looking", "look", "looks", "built", "showing", "on", "shows", "gets"}
    return True


def _claims(sentence: Sentence, start: int, new: str, o: NounPhrase) -> tuple[Form, ...]:
    """What a graph may refute, where the preposition joins two noun phrases directly or by "is"."""
    before = [phrase for phrase in sentence.phrases if phrase.end <= start]
    if not before or sentence.span(before[-1].end, start) not in {"", "is", "are", "standing", "sitting", "lying"}:
        return ()
    s = before[-1]
    return (Related(Phrase(sentence.noun(s)), lexicon.predicate(new), Phrase(sentence.noun(o))),)


_OF_A_BODY = [
    "stomach",
    "back",
    "hind",
    "leg",
    "legs",
    "head",
    "side",
    "knees",
    "belly",
    "feet",
    "paws",
    "hand",
    "hands",
]
_WAYS = [
    "down",
    "up",
    "over",
    "into",
    "onto",
    "off",
    "out",
    "away",
    "toward",
    "towards",
    "after",
    "high",
    "low",
    "fast",
]
_ON_THE_WAY = frozenset([*_WAYS, "and", ",", "or", "at"])
"""Words behind a verb that go with others, or belong to it."""
_TIED = frozenset([*_OF_A_BODY, "air", "midair"])
"""Words behind a verb that go with a few verbs only: standing on its hind legs, jumping in the air."""


def free(sentence: Sentence, index: int) -> bool:
    """Whether what follows a verb leaves room for another one: "in the grass", or nothing."""
    base = verbs.BASE_OF[sentence.word(index)]
    if any(phrase.start <= index < phrase.end for phrase in sentence.phrases):
        return False  # a sleeping dog
    if base in verbs.BODY and any(phrase.start == index + 1 for phrase in sentence.phrases):
        return False  # jumping rope, climbing a rock
    rest = {token.word for token in sentence.tokens[index + 1 : index + 6]}
    return sentence.word(index + 1) not in _ON_THE_WAY and rest.isdisjoint(_TIED)


def _verbs(sentence: Sentence) -> Iterator[Change]:
    for index, token in enumerate(sentence.tokens):
        base = verbs.BASE_OF.get(token.word)
        if base is None or not token.tag.startswith("VB") or not plain(sentence, index):
            continue
        if sentence.word(index - 1) in {"and", ",", "or", "to"} or not free(sentence, index):
            continue
        for new in verbs.rivals(base):
            said = verbs.form(new, token.word)
            if said is not None:
                yield Change((Slot(index, index + 1, said),), Edit("predicate", token.word, said), (("verb", new),))


ENTRY = Rule(propose=propose, example=("a cat sits on a bench", "a cat stands on a bench"))
