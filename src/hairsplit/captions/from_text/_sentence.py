"""A caption cut into words with their classes and noun phrases, and how a change is written back into it.

Word classes are those of the Penn Treebank, by TextBlob's lexicon-and-rules tagger (decision 7), mended for captions.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from hairsplit.captions.from_text import _verbs as verbs
from hairsplit.captions.from_text import _words as words
from hairsplit.scenes import lexicon

_TOKEN = re.compile(r"\w+(?:['’/.-]\w+)*|[^\w\s]")
_COORDINATORS = frozenset(["and", ",", "&", "or"])


@dataclass(frozen=True)
class Token:
    """A word or a mark."""

    text: str
    word: str
    """In lower case."""
    tag: str
    start: int
    end: int
    """Characters [start, end) of the caption."""


@dataclass(frozen=True)
class Slot:
    """The tokens [start, end) and what stands in their place; an empty range inserts in front of `start`."""

    start: int
    end: int
    words: str


@dataclass(frozen=True)
class NounPhrase:
    """The tokens [start, end): determiner, number, modifiers, head."""

    start: int
    end: int
    determiner: str | None
    number: int | None
    """Index of its numeral."""
    modifiers: tuple[int, ...]
    joined: bool
    """Whether it has modifiers joined by "and" or a comma: a black and white dog."""
    plural: bool

    @property
    def head(self) -> int:
        """Index of the noun."""
        return self.end - 1


@dataclass(frozen=True)
class Sentence:
    """A caption with what rules want to know of it."""

    text: str
    tokens: tuple[Token, ...]
    phrases: tuple[NounPhrase, ...]

    def word(self, index: int) -> str:
        """The word at an index in lower case; "" beyond the ends."""
        return self.tokens[index].word if 0 <= index < len(self.tokens) else ""

    def span(self, start: int, end: int) -> str:
        """The words [start, end) in lower case, with single spaces."""
        return " ".join(token.word for token in self.tokens[start:end])

    def said(self, start: int, end: int) -> str:
        """The text of the tokens [start, end), without the capital that begins the sentence."""
        if start >= end:
            return ""
        text = self.text[self.tokens[start].start : self.tokens[end - 1].end]
        return text[0].lower() + text[1:] if start == 0 and plain(self, 0) else text

    def noun(self, phrase: NounPhrase) -> str:
        """Its head in the singular."""
        return lexicon.singular(self.word(phrase.head))

    def has(self, some: frozenset[str]) -> bool:
        """Whether a word of the sentence is among some."""
        return any(token.word in some for token in self.tokens)


def plain(sentence: Sentence, *indices: int) -> bool:
    """Whether words are written in small letters (but for the first letter of the sentence), so that they may move."""
    for index in indices:
        text = sentence.tokens[index].text
        if text != text.lower() and not (index == 0 and text[1:] == text[1:].lower() and not _is_name(sentence, 0)):
            return False
    return True


def _is_name(sentence: Sentence, index: int) -> bool:
    return sentence.tokens[index].tag.startswith("NNP") and len(sentence.tokens[index].text) == 1


def read(text: str) -> Sentence:
    """Tag and chunk a caption."""
    found = list(_TOKEN.finditer(text))
    raw = [match.group() for match in found]
    tags = _mended([w.lower() for w in raw], _tags(raw))
    tokens = tuple(
        Token(w, w.lower(), tag, match.start(), match.end()) for w, tag, match in zip(raw, tags, found, strict=True)
    )
    return Sentence(text, tokens, tuple(_phrases(tokens)))


@cache
def _tagger() -> Callable[..., list[tuple[str, str]]]:
    with warnings.catch_warnings():  # it leaves closing its word lists to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        from textblob.en import tag

        tag("a word", tokenize=False)
    return tag  # type: ignore[no-any-return]


def _tags(raw: Sequence[str]) -> list[str]:
    if not raw:
        return []
    lowered = [raw[0].lower(), *raw[1:]]  # a capital at the beginning is no name
    tagged = _tagger()(" ".join(word.replace("/", "-") for word in lowered), tokenize=False)
    return [tag for _, tag in tagged]


def _mended(found: Sequence[str], tags: list[str]) -> list[str]:
    """What captions use otherwise than newspapers do: "a dog jumps over", "men race", "two children slide down"."""
    tags = [words.TAGS.get(word, tag) for word, tag in zip(found, tags, strict=True)]
    for at, word in enumerate(found):
        before = tags[at - 1] if at else ""
        after = found[at + 1] if at + 1 < len(found) else "."
        subject = before in {"NN", "NNP"} or (at > 0 and found[at - 1] == "one")
        if word in verbs.THIRD and tags[at] == "NNS" and subject and after not in verbs.THIRD:
            tags[at] = "VBZ"
        elif (word in verbs.BASE and tags[at] in {"NN", "VB"} and before == "NNS") or (
            word in verbs.RARELY_NOUNS and tags[at] in {"NN", "VB"} and before == "NN"
        ):
            tags[at] = "VBP"
        elif word.endswith("ing") and tags[at] == "NN" and before in {"NN", "NNS"} and not _is_noun(tags, at + 1):
            tags[at] = "VBG"
        elif word in words.COLOURS and tags[at].startswith("NN") and after.isalpha() and after not in words.FUNCTION:
            tags[at] = "JJ"
    return tags


def _is_noun(tags: Sequence[str], at: int) -> bool:
    return at < len(tags) and tags[at].startswith("NN")


def _phrases(tokens: Sequence[Token]) -> list[NounPhrase]:
    found: list[NounPhrase] = []
    at = 0
    while at < len(tokens):
        phrase = _phrase(tokens, at)
        found += [phrase] if phrase else []
        at = phrase.end if phrase else at + 1
    return found


def _phrase(tokens: Sequence[Token], start: int) -> NounPhrase | None:
    at, determiner, number, modifiers, joined = start, None, None, list[int](), False
    if tokens[at].tag in {"DT", "PRP$", "PDT"}:
        determiner, at = tokens[at].word, at + 1
    if at < len(tokens) and tokens[at].tag == "CD":
        number, at = at, at + 1
    while at < len(tokens):
        token, following = tokens[at], tokens[at + 1] if at + 1 < len(tokens) else None
        is_participle = token.tag in {"VBN", "VBG"} and (determiner or number or modifiers)
        if token.tag.startswith("NN"):
            if following is None or not following.tag.startswith("NN") or _ends(token, following):
                plural = _is_plural(token)
                return NounPhrase(start, at + 1, determiner, number, tuple(modifiers), joined, plural)
            modifiers.append(at)
        elif token.tag in {"JJ", "JJR", "JJS"} or (
            is_participle and following and following.tag.startswith(("NN", "JJ"))
        ):
            modifiers.append(at)
        elif token.word in _COORDINATORS and modifiers and following and following.tag in {"JJ", "JJR"}:
            joined = True
        else:
            return None
        at += 1
    return None


def _ends(noun: Token, following: Token) -> bool:
    """Whether a noun phrase ends between two nouns: "the boys soccer ball" is rare, "men race" is not."""
    return noun.tag == "NNS" and following.word in verbs.BASE


def _is_plural(noun: Token) -> bool:
    known = lexicon.number(noun.word)
    return known == "plural" or (known is None and noun.tag == "NNS")


def rewrite(sentence: Sentence, slots: Sequence[Slot], *, mend: bool = True) -> str:
    """The sentence with its slots filled; the first letter stays large or small.

    With `mend`, "a" or "an" as the next word wants it.
    """
    pieces: list[str] = []
    at = 0
    for slot in sorted(slots, key=lambda slot: (slot.start, slot.end)):
        first = sentence.tokens[slot.start].start
        pieces.append(sentence.text[at:first])
        pieces.append(slot.words if slot.end > slot.start else f"{slot.words} ")
        at = sentence.tokens[slot.end - 1].end if slot.end > slot.start else first
    text = "".join([*pieces, sentence.text[at:]])
    text = with_articles(text) if mend else text
    first = sentence.tokens[0].start
    return text[:first] + text[first].upper() + text[first + 1 :] if sentence.text[first].isupper() else text


_ARTICLE = re.compile(r"\b([Aa])(n?)(\s+)(?=([\w-]+))")


def with_articles(text: str) -> str:
    """Every "a" and "an" as the next word wants it."""
    return _ARTICLE.sub(lambda m: m[1] + lexicon.article(m[4].lower())[1:] + m[3], text)


def words_of(text: str) -> list[str]:
    """The words and marks of a text in lower case."""
    return [match.group().lower() for match in _TOKEN.finditer(text)]
