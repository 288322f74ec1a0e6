"""An independent judge: parses the text of a caption with its own grammar and looks the answer up in the scene graph.

It imports nothing of the generator, its facts or its words, so that the two can only agree by both being right.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from hairsplit.core.types import Scene, Thing

NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
DIRECTIONS = {
    "to the left of": "left", "left of": "left", "on the left of": "left",
    "to the right of": "right", "right of": "right", "on the right of": "right",
    "above": "above", "below": "below", "inside": "inside",
}  # fmt: skip
EDGES = {"left": "to the left of", "right": "to the right of"}
CONVERSE = {"left": "right", "right": "left", "above": "below", "below": "above"}
_SAYS = "|".join(sorted(DIRECTIONS, key=lambda words: -len(words)))
_NP = r"(?:the|an|a) [a-z -]+?"
_RELATION = re.compile(rf"({_NP}) (?:is|are) (?:located )?({_SAYS}) ({_NP})")
_INVERTED = re.compile(rf"({_SAYS}) ({_NP}) (?:is|are) ({_NP})")
_HAS = re.compile(rf"({_NP}) (?:is|are) ([a-z]+)")
_SHOWN = (
    re.compile(r"there (?:is|are) (.+)"),
    re.compile(r"the picture shows (.+)"),
    re.compile(r"(.+) can be seen"),
)


def form_of(text: str) -> dict[str, Any]:
    """The logical form (CAPTIONS 7.3) that a sentence about one-word nouns should carry."""
    plain = text[:-1].lower().removeprefix("in the picture, ").replace(" in the picture", "")
    for pattern in _SHOWN:
        if found := pattern.fullmatch(plain):
            first, _, rest = found[1].partition(" ")
            if first in NUMBERS:
                noun = rest if first == "one" else Judge._singular(rest)
                return {"op": "count", "noun": noun, "cmp": "==", "n": NUMBERS[first]}
            return _joined([{"op": "exists", "x": _phrase(p)} for p in found[1].split(" and ")])
    if found := _RELATION.fullmatch(plain):
        return _relation(found[1], found[2], found[3])
    if found := _INVERTED.fullmatch(plain):
        return _relation(found[3], found[1], found[2])
    clauses = [_HAS.fullmatch(clause) for clause in re.split(r" and |, while ", plain)]
    return _joined([{"op": "attr", "x": _phrase(c[1]), "attr": c[2]} for c in clauses if c])


def _joined(forms: list[dict[str, Any]]) -> dict[str, Any]:
    return forms[0] if len(forms) == 1 else {"op": "and", "args": forms}


def _relation(s: str, words: str, o: str) -> dict[str, Any]:
    direction = DIRECTIONS[words]
    return {"op": "rel", "s": _phrase(s), "p": EDGES.get(direction, direction), "o": _phrase(o)}


def _phrase(text: str) -> dict[str, Any]:
    det, *attributes, noun = text.split(" ")
    phrase: dict[str, Any] = {"noun": noun, "det": "the" if det == "the" else "a"}
    return {**phrase, "attrs": attributes} if attributes else phrase


class NoReferentError(Exception):
    """ "The X" fits no thing, or several."""


@dataclass(frozen=True)
class Judge:
    """Judges texts on one complete scene; True, False, or None where the picture leaves it open."""

    scene: Scene
    visible: Collection[str] | None = None
    """Ids of the things the speaker knew of; "the X" is looked up among them."""

    def __call__(self, text: str) -> bool | None:
        """The truth of a sentence.

        Raises:
            NoReferentError: A definite phrase has no unique referent.
            ValueError: The sentence is not of the grammar.
        """
        assert re.fullmatch(r"[A-Z][a-z, -]*\.", text), f"not a sentence: {text!r}"
        plain = text[:-1].lower().removeprefix("in the picture, ").replace(" in the picture", "")
        for pattern in _SHOWN:
            if found := pattern.fullmatch(plain):
                return self._shown(found[1])
        if found := _RELATION.fullmatch(plain):
            return self._related(self._the(found[1]), DIRECTIONS[found[2]], self._the(found[3]))
        if found := _INVERTED.fullmatch(plain):
            return self._related(self._the(found[3]), DIRECTIONS[found[1]], self._the(found[2]))
        clauses = [_HAS.fullmatch(clause) for clause in re.split(r" and |, while ", plain)]
        truths = [clause[2] in self._the(clause[1]).attributes for clause in clauses if clause]
        if len(truths) != len(clauses):
            raise ValueError(f"not of the grammar: {text!r}")
        return all(truths)

    def _shown(self, what: str) -> bool:
        first, _, rest = what.partition(" ")
        if first in NUMBERS:
            noun = rest if first == "one" else self._singular(rest)
            return sum(t.name == noun for t in self.scene.things) == NUMBERS[first]
        return all(self._matching(phrase.split(" ", 1)[1], self.scene.things) for phrase in what.split(" and "))

    @staticmethod
    def _singular(noun: str) -> str:
        return noun[:-2] if noun.endswith("sses") else noun[:-1]

    @staticmethod
    def _matching(phrase: str, things: Collection[Thing]) -> list[Thing]:
        words = phrase.split(" ")
        return [t for t in things if t.name == words[-1] and set(words[:-1]) <= set(t.attributes)]

    def _the(self, phrase: str) -> Thing:
        known = [t for t in self.scene.things if self.visible is None or t.id in self.visible]
        found = self._matching(phrase.removeprefix("the "), known)
        if not phrase.startswith("the ") or len(found) != 1:
            raise NoReferentError(phrase)
        return found[0]

    @staticmethod
    def _related(s: Thing, direction: str, o: Thing) -> bool | None:
        def edge(a: Thing, word: str, b: Thing) -> bool:
            return any(r.predicate == EDGES.get(word, word) and r.target == b.id for r in a.relations)

        if edge(s, direction, o):
            return True
        if direction == "inside" or edge(o, direction, s):
            return False
        a, b = s.box, o.box  # no edge either way: false only if the boxes lie wholly the other way round
        wholly = {
            "left": b.x + b.w <= a.x,
            "right": a.x + a.w <= b.x,
            "above": b.y + b.h <= a.y,
            "below": a.y + a.h <= b.y,
        }[direction]
        return False if wholly else None
