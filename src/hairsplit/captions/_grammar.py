"""Put phrases into sentences, and check the result: articles, agreement, repeated words."""

import re
from collections import Counter
from itertools import pairwise

from hairsplit.captions.form import Phrase
from hairsplit.scenes import lexicon

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
WORDINGS = {
    "to the left of": ("to the left of", "left of", "on the left of"),
    "to the right of": ("to the right of", "right of", "on the right of"),
}
"""Exact synonyms of a predicate; a pair uses the same row on both sides. Others have one wording."""

_WORD = re.compile(r"[a-z]+(?:-[a-z]+)?")
_FUNCTION_WORDS = frozenset(
    ["a", "an", "and", "are", "be", "can", "in", "is", "located", "of", "on", "picture", "seen", "shows", "the", "to"]
)


def phrase(x: Phrase) -> str:
    """A noun phrase in words, without its determiner: "small red circle"."""
    return " ".join([*x.attributes, x.noun])


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
    text = template.format(**slots)
    return text[0].upper() + text[1:]


def lint(text: str) -> tuple[str, ...]:
    """What is wrong with a sentence as such; empty if nothing is."""
    found = []
    if not text[:1].isupper() or not text.endswith(".") or text.count(".") != 1 or "  " in text or text != text.strip():
        found.append("capital or final period")
    words = text.rstrip(".").lower().replace(",", "").split(" ")
    for word, following in pairwise(words):
        if word in {"a", "an"} and lexicon.article(following) != word:
            found.append("article")
        if word == following:
            found.append("word doubled")
        if word in NUMBERS and lexicon.number(following) == ("plural" if word == "one" else "singular"):
            found.append("number of the noun")
        if word == "there" and following in {"is", "are"} and len(words) > 2:
            several = words[2] in NUMBERS and words[2] != "one"
            if several != (following == "are"):
                found.append("number of the verb")
    return tuple(found)


def lint_pair(caption: str, negative: str) -> tuple[str, ...]:
    """What is wrong with a pair: either sentence, equal texts, or a word that the edit repeats."""
    found = [*lint(caption), *lint(negative)]
    if caption.lower() == negative.lower():
        found.append("texts are equal")
    before, after = (Counter(_WORD.findall(text.lower())) for text in (caption, negative))
    if any(n > 1 and before[word] < n for word, n in after.items() if word not in _FUNCTION_WORDS):
        found.append("word repeated by the edit")
    if any(n > 1 and after[word] < n for word, n in before.items() if word not in _FUNCTION_WORDS):
        found.append("word no longer repeated after the edit")
    return tuple(found)
