"""Two noun phrases exchange places: a dog chases a boy -> a boy chases a dog.

Only where that says something else, and something one could see: who does what to whom, and who wears what.
"""

from collections.abc import Iterator
from itertools import combinations
from random import Random

from hairsplit.captions.form import Form, Phrase, Related
from hairsplit.captions.from_text import _verbs as verbs
from hairsplit.captions.from_text import _words as words
from hairsplit.captions.from_text._rule import Change, Rule
from hairsplit.captions.from_text._sentence import NounPhrase, Sentence, Slot, plain
from hairsplit.core.types import Edit
from hairsplit.scenes import lexicon


def propose(sentence: Sentence, _rng: Random) -> Iterator[Change]:
    """Yield a change per two noun phrases that may change places."""
    if sentence.has(words.RECIPROCAL):
        return
    usable = [p for p in sentence.phrases if _movable(sentence, p)]
    for one, two in combinations(usable, 2):
        if sentence.span(one.start, one.end) == sentence.span(two.start, two.end):
            continue
        if _roles(sentence, one, two) or _held(sentence, one, two):
            a, b = sentence.said(one.start, one.end), sentence.said(two.start, two.end)
            slots = (Slot(one.start, one.end, b), Slot(two.start, two.end, a))
            yield Change(slots, _edit(sentence, one, two), (), _claims(sentence, one, two))


def _edit(sentence: Sentence, one: NounPhrase, two: NounPhrase) -> Edit:
    """By their nouns, so that an exchange and its reverse are known as such whatever else is said of them."""
    a, b = sentence.word(one.head), sentence.word(two.head)
    if a == b:
        a, b = sentence.said(one.start, one.end), sentence.said(two.start, two.end)
    return Edit("roles", f"{a}, {b}", f"{b}, {a}")


def _movable(sentence: Sentence, phrase: NounPhrase) -> bool:
    named = any(sentence.tokens[i].tag.startswith("NNP") for i in range(phrase.start, phrase.end))
    around = {sentence.word(phrase.end), sentence.word(phrase.start - 1)}
    owned = phrase.determiner in {"his", "her", "its", "their"} or not around.isdisjoint({"'s", "of", "'"})
    single = (
        phrase.determiner in {"a", "an", "the"}
        or phrase.number is not None
        or (phrase.plural and not phrase.determiner)
    )
    return single and not owned and not named and plain(sentence, *range(phrase.start, phrase.end))


def _animate(noun: str) -> bool:
    return lexicon.is_person(noun) or lexicon.match("animal", noun) == "yes"


def _roles(sentence: Sentence, one: NounPhrase, two: NounPhrase) -> bool:
    """Whether one does to the other what is not done back: both living, the same number, an asymmetric word between."""
    a, b = sentence.noun(one), sentence.noun(two)
    if not (_animate(a) and _animate(b)) or one.plural != two.plural or lexicon.match(a, b) != "no":
        return False
    if any(sentence.tokens[i].tag == "VBG" for phrase in (one, two) for i in phrase.modifiers):
        return False  # a running dog
    if sentence.has(words.PRONOUNS) or any(one.end <= p.start < two.start for p in sentence.phrases):
        return False
    between = [t.word for t in sentence.tokens[one.end : two.start]]
    said = [verbs.BASE_OF.get(word, word) for word in between]
    if not words.SYMMETRIC.isdisjoint(between) or "and" in between or "," in between:
        return " ".join(between).endswith("in front of") and "and" not in between
    return not words.ASYMMETRIC.isdisjoint(said)


def _held(sentence: Sentence, one: NounPhrase, two: NounPhrase) -> bool:
    """Whether different people wear or hold the two: a man in a red shirt and a woman in a blue dress."""
    first, second = _holder(sentence, one), _holder(sentence, two)
    if first is None or second is None or second.start < one.end:
        return False
    a, b = sentence.noun(first), sentence.noun(second)
    kinds = {_kind(sentence.noun(one)), _kind(sentence.noun(two))}
    return lexicon.match(a, b) == "no" and lexicon.match(b, a) == "no" and len(kinds) == 1 and None not in kinds


def _holder(sentence: Sentence, phrase: NounPhrase) -> NounPhrase | None:
    if sentence.word(phrase.start - 1) not in words.WORN_BY:
        return None
    before = [p for p in sentence.phrases if p.end == phrase.start - 1]
    return before[0] if before and lexicon.is_person(sentence.noun(before[0])) else None


def _kind(noun: str) -> str | None:
    if lexicon.match("clothing", noun) == "yes" or lexicon.number(noun) == "plural":
        return "clothing"
    return "thing" if not _animate(noun) and lexicon.number(noun) == "singular" else None


def _claims(sentence: Sentence, one: NounPhrase, two: NounPhrase) -> tuple[Form, ...]:
    between = lexicon.predicate(sentence.span(one.end, two.start).removeprefix("is ").removeprefix("are "))
    return (Related(Phrase(sentence.noun(two)), between, Phrase(sentence.noun(one))),) if between else ()


ENTRY = Rule(propose=propose, example=("a dog chases a boy", "a boy chases a dog"))
