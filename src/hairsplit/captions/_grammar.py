"""Put phrases into sentences, and check the result: articles, agreement, repeated words."""

from collections import Counter
from functools import lru_cache
from itertools import filterfalse, pairwise
from operator import eq

from hairsplit.captions.form import PHRASES, Phrase
from hairsplit.scenes import lexicon

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
WORDINGS = {
    "to the left of": ("to the left of", "left of", "on the left of"),
    "to the right of": ("to the right of", "right of", "on the right of"),
    "of": ("part of",),
}
"""Exact synonyms of a predicate; a pair uses the same row on both sides. Others are said as they are."""

_SMALL_WORDS = """
    a an and are as at be both but can either fewer in is least located many more no not of on or picture seen shows
    than that the there to while above below left right front behind inside next
"""
_FUNCTION_WORDS = frozenset(_SMALL_WORDS.split())
_AGREEING = frozenset({"a", "an", "there", *NUMBERS})
"""Words that the next ones must agree with."""


@lru_cache(maxsize=PHRASES)
def phrase(x: Phrase) -> str:
    """A noun phrase in words, without its determiner: "small red circle"."""
    return " ".join([*x.attributes, x.noun])


@lru_cache(maxsize=PHRASES)
def said(x: Phrase) -> str:
    """A noun phrase in words, with its determiner: "the small red circle", "an orange star"."""
    words = phrase(x)
    return f"the {words}" if x.det == "the" else f"{lexicon.article(words)} {words}"


def be(x: Phrase) -> str:
    """The verb that agrees with a phrase."""
    return "are" if lexicon.number(x.noun) == "plural" else "is"


def wording(predicate: str, row: int) -> str:
    """How to say a canonical predicate; `row` picks among exact synonyms."""
    rows = WORDINGS.get(predicate, (predicate,))
    return rows[row % len(rows)]


def sentence(template: str, **slots: str) -> str:
    """Fill a template; the first letter becomes a capital."""
    text = template.format_map(slots)
    return text[0].upper() + text[1:]


def lint(text: str) -> tuple[str, ...]:
    """What is wrong with a sentence as such; empty if nothing is."""
    found = []
    if not text[:1].isupper() or text.find(".") != len(text) - 1 or "  " in text:
        found.append("capital or final period")
    words = _words(text)
    if _AGREEING.isdisjoint(words) and True not in map(eq, words, words[1:]):  # most sentences: nothing to look at
        return tuple(found)
    for place, (word, following) in enumerate(pairwise(words)):
        found += _side_by_side(word, following)
        if word == "there" and following in {"is", "are"} and len(words) > place + 2:
            what = words[place + 2]
            several = what in {"more", "fewer", "as"} or (what in NUMBERS and what != "one")
            if several != (following == "are"):
                found.append("number of the verb")
    return tuple(found)


@lru_cache(maxsize=PHRASES)
def _side_by_side(word: str, following: str) -> tuple[str, ...]:
    """What is wrong with two words in a row."""
    found = []
    if word in {"a", "an"} and lexicon.article(following) != word:
        found.append("article")
    if word == following:
        found.append("word doubled")
    if word in NUMBERS and lexicon.number(following) == ("plural" if word == "one" else "singular"):
        found.append("number of the noun")
    return tuple(found)


def lint_pair(caption: str, negative: str) -> tuple[str, ...]:
    """What is wrong with a pair: either sentence, or the edit."""
    return (*lint(caption), *lint(negative), *lint_edit(caption, negative))


def lint_edit(caption: str, negative: str) -> tuple[str, ...]:
    """What is wrong with the edit of a pair: equal texts, or a word that it repeats or no longer repeats."""
    before, after = _content_words(caption), _content_words(negative)
    found = ["texts are equal"] if caption.lower() == negative.lower() else []
    if len(set(before)) == len(before) and len(set(after)) == len(after):
        return tuple(found)
    once, twice = Counter(before), Counter(after)
    if any(n > 1 and once[word] < n for word, n in twice.items()):
        found.append("word repeated by the edit")
    if any(n > 1 and twice[word] < n for word, n in once.items()):
        found.append("word no longer repeated after the edit")
    return tuple(found)


def _content_words(text: str) -> list[str]:
    return [*filterfalse(_FUNCTION_WORDS.__contains__, _words(text))]


@lru_cache(maxsize=16)  # a sentence is looked at alone and beside the other one of its pair
def _words(text: str) -> tuple[str, ...]:
    """The words of a sentence in lower case, without its marks."""
    return tuple(text.rstrip(".").lower().replace(",", "").split(" "))
