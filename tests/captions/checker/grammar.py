"""Text -> logical form (CAPTIONS 7.3), by a grammar of the checker's own.

    sentence  = ["In the picture, "] (joined | shown) "."
    joined    = "Either " C " or " C | C " or " C ", but not both" | C (" and " | ", while ") C | C
    C         = X be ["not"] (attribute | ["located"] predicate X) | place X be X | X be P "either" X "or" X
    shown     = "There be " E | "The picture shows " E | E " can be seen"
    E         = ("at least one" | "no") noun ["that be" (attribute | predicate X)] | number noun
              | ("more" | "fewer") nouns "than" nouns | "as many" nouns "as" nouns
              | ["both"] A " and " A | "either" A " or " A | A
    A         = X [predicate X]

A text may have several readings ("the traffic light" with lights and traffic in the scene): all are found.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from tests.captions.checker.words import NUMBERS, SAID, plural, singular

Form = dict[str, Any]
ARTICLES = ("the", "a", "an")
_NO_NAME = {
    *ARTICLES, *NUMBERS, "is", "are", "that", "and", "or", "while", "either", "both", "not", "no",
    "more", "fewer", "many",
}  # fmt: skip
"""Words that stand in no noun, attribute or predicate, except the "the" of "to the left of"."""
_BE = re.compile(r" (is|are) ")
_SHOWN = (
    re.compile(r"there (?:is|are) (.+)"),
    re.compile(r"the picture shows (.+)"),
    re.compile(r"(.+) can be seen"),
)
_COMPARED = (
    (re.compile(r"more (.+) than (.+)"), ">"),
    (re.compile(r"fewer (.+) than (.+)"), "<"),
    (re.compile(r"as many (.+) as (.+)"), "=="),
)
_BOUNDS = {"exactly ": "==", "at least ": ">=", "at most ": "<=", "": "=="}


class UnreadableError(ValueError):
    """The text is not of the language."""


@dataclass(frozen=True)
class Reader:
    """Reads sentences about a scene with these names of things and attributes."""

    nouns: Collection[str]
    attributes: Collection[str]

    def readings(self, text: str) -> list[Form]:
        """All forms that the sentence may have, most likely first.

        Raises:
            UnreadableError: It has none.
        """
        if not re.fullmatch(r"[A-Z0-9].*[^ .]\.", text) or "  " in text:
            raise UnreadableError(f"no sentence with a capital and a full stop: {text!r}")
        plain = text[0].lower() + text[1:-1]
        plain = plain.removeprefix("in the picture, ")
        found: list[Form] = []
        for form in chain(self._shown(plain), self._joined(plain)):
            if form not in found:
                found.append(form)
        if not found:
            raise UnreadableError(f"not of the grammar: {text!r}")
        return found

    def _joined(self, text: str) -> Iterator[Form]:
        if text.startswith("either "):
            yield from self._two(text.removeprefix("either "), " or ", "xor", self._clause)
        if text.endswith(", but not both"):
            yield from self._two(text.removesuffix(", but not both"), " or ", "xor", self._clause)
        for word in (" and ", ", while "):
            yield from self._two(text, word, "and", self._clause)
        yield from self._clause(text)

    @staticmethod
    def _two(text: str, word: str, op: str, part: Callable[[str], Iterator[Form]]) -> Iterator[Form]:
        for match in re.finditer(re.escape(word), text):
            for left in part(text[: match.start()]):
                for right in part(text[match.end() :]):
                    yield {"op": op, "args": [left, right]}

    def _clause(self, text: str) -> Iterator[Form]:
        for be in _BE.finditer(text):
            before, after = text[: be.start()].removesuffix(" in the picture"), text[be.end() :]
            if not before.startswith(("the ", "a ", "an ")):  # "left of the cup is the plate"
                for predicate, o in self._predicate(before):
                    yield from ({"op": "rel", "s": s, "p": predicate, "o": o} for s in self._phrase(after))
                continue
            for s in self._phrase(before):
                if after.startswith("not "):
                    yield from ({"op": "not", "args": [form]} for form in self._said(s, after[4:]))
                else:
                    yield from self._said(s, after)

    def _said(self, s: Form, what: str) -> Iterator[Form]:
        """What stands after "X is"."""
        if found := re.fullmatch(r"(?:(.+) )?either (?:(.+) )?(the .+) or (?:(.+) )?(the .+)", what):
            first, second = found[1] or found[2], found[1] or found[4]
            for a in self._said(s, f"{first} {found[3]}"):
                yield from ({"op": "xor", "args": [a, b]} for b in self._said(s, f"{second} {found[5]}"))
        elif not set(what.split(" ")) & _NO_NAME and what not in SAID:
            yield {"op": "attr", "x": s, "attr": what}
        else:
            for predicate, o in self._predicate(what.removeprefix("located ")):
                yield {"op": "rel", "s": s, "p": predicate, "o": o}

    def _predicate(self, text: str) -> Iterator[tuple[str, Form]]:
        """ "to the left of the cup" -> its predicate and its phrase, which starts at the last article."""
        words = text.split(" ")
        starts = [i for i, word in enumerate(words) if word in ARTICLES]
        if starts and starts[-1] > 0 and not set(words[: starts[-1]]) & (_NO_NAME - {"the"}):
            said = " ".join(words[: starts[-1]])
            for o in self._phrase(" ".join(words[starts[-1] :])):
                yield SAID.get(said, said), o

    def _shown(self, text: str) -> Iterator[Form]:
        for pattern in _SHOWN:
            if found := pattern.fullmatch(text):
                yield from self._exists(found[1])

    def _exists(self, what: str) -> Iterator[Form]:
        for pattern, cmp in _COMPARED:
            if found := pattern.fullmatch(what):
                for a in self._counted(found[1], 2):
                    yield from ({"op": "cmpcount", "a": a, "b": b, "cmp": cmp} for b in self._counted(found[2], 2))
        for start, wrap in (("at least one ", False), ("no ", True)):
            if what.startswith(start):
                for form in self._one(what.removeprefix(start)):
                    yield {"op": "not", "args": [form]} if wrap else form
        yield from self._number(what)
        if what.startswith("either "):
            yield from self._two(what.removeprefix("either "), " or ", "xor", self._indefinite)
        yield from self._two(what.removeprefix("both "), " and ", "and", self._indefinite)
        yield from self._indefinite(what)

    def _one(self, text: str) -> Iterator[Form]:
        """ "apple that is green", "apple that is on the plate", "green apple"."""
        found = re.fullmatch(r"(.+?) that (?:is|are) (.+)", text)
        for x in self._phrase(f"a {found[1] if found else text}"):
            if not found:
                yield {"op": "exists", "x": x}
                continue
            for form in self._said(x, found[2]):
                if form["op"] == "attr":
                    yield {"op": "exists", "x": {**x, "attrs": [*x.get("attrs", []), form["attr"]]}}
                else:
                    yield form

    def _number(self, what: str) -> Iterator[Form]:
        for bound, cmp in _BOUNDS.items():
            first, _, rest = what.removeprefix(bound).partition(" ")
            if what.startswith(bound) and rest and (first in NUMBERS or first.isdecimal()):
                n = NUMBERS.index(first) if first in NUMBERS else int(first)
                yield from ({"op": "count", "noun": noun, "cmp": cmp, "n": n} for noun in self._counted(rest, n))

    def _counted(self, words: str, n: int) -> Iterator[str]:
        """Names of the scene that `words` may stand for after a number: only "one" takes the singular."""
        if set(words.split(" ")) & _NO_NAME:
            return
        known = [noun for noun in self.nouns if words in ({noun} if n == 1 else {plural(noun)})]
        yield from known or [words if n == 1 else singular(words)]

    def _indefinite(self, text: str) -> Iterator[Form]:
        if text.startswith(("a ", "an ")) or not text.startswith("the "):
            full = text if text.startswith(("a ", "an ")) else f"a {text}"  # "black trousers", "white rice"
            yield from ({"op": "exists", "x": x} for x in self._phrase(full))
            words = full.split(" ")
            for i in range(2, len(words)):  # "a man wearing the hat"
                for predicate, o in self._predicate(" ".join(words[i:])):
                    for s in self._phrase(" ".join(words[:i])):
                        yield {"op": "rel", "s": s, "p": predicate, "o": o}

    def _phrase(self, text: str) -> Iterator[Form]:
        """Noun phrases: an article, attributes, a noun; readings with known words only go before all others."""
        det, *words = text.split(" ")
        if det not in ARTICLES or not words or set(words) & _NO_NAME:
            return
        found: list[tuple[str, list[str]]] = []
        for start in range(len(words)):
            noun = " ".join(words[start:])
            if noun in self.nouns:
                found += [(noun, attributes) for attributes in self._attributes(words[:start])]
        for noun, attributes in found or [(words[-1], words[:-1])]:
            phrase: Form = {"noun": noun, "det": "the" if det == "the" else "a"}
            yield {**phrase, "attrs": attributes} if attributes else phrase

    def _attributes(self, words: list[str]) -> Iterator[list[str]]:
        if not words:
            yield []
        for end in range(len(words), 0, -1):
            first = " ".join(words[:end])
            if end == 1 or first in self.attributes:
                yield from ([first, *rest] for rest in self._attributes(words[end:]))


def normal(form: Form) -> Form:
    """The form with attributes in one order: "small yellow" means "yellow small"."""
    out: Form = {}
    for key, value in form.items():
        if key == "attrs":
            if value:
                out[key] = sorted(value)
        elif key == "args":
            out[key] = [normal(part) for part in value]
        else:
            out[key] = normal(value) if isinstance(value, dict) else value
    return out
