"""What is wrong with a pair of captions: it gets texts, forms and graph, and nothing of how they were made."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.captions.checker import lint, words
from tests.captions.checker.grammar import Form, Reader, UnreadableError, normal
from tests.captions.checker.graph import Graph
from tests.captions.checker.truth import Evaluator, NoReferentError, Truth, World


@dataclass(frozen=True)
class Row:
    """A pair as a user's table holds it."""

    caption: str
    negative: str
    caption_form: str
    negative_form: str
    role: str
    before: str
    after: str


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    rule: str
    """truth (the opposite is so) | unknown | referent | form | ambiguous | edit | lint"""
    why: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.why}"


@dataclass(frozen=True)
class Checker:
    """Checks the pairs of one image."""

    graph: Graph
    world: World
    known: Collection[str] | None = None
    """See `Evaluator.known`."""
    vocabulary: Graph | None = None
    """The graph whose names the speaker used, if not the one that tells the truth."""

    @classmethod
    def of(cls, raw: Mapping[str, Any], world: World) -> "Checker":
        """For a raw graph in GQA layout."""
        return cls(Graph.of(raw), world)

    def findings(self, row: Row) -> list[Finding]:
        """All that is wrong with the pair; none if it is right."""
        found = [*self._statement(row.caption, row.caption_form, "T")]
        found += self._statement(row.negative, row.negative_form, "F")
        return [*found, *edit_faults(row)]

    def truth(self, text: str) -> Truth:
        """The truth of a sentence.

        Raises:
            UnreadableError: It is not of the grammar.
        """
        names = self.vocabulary or self.graph
        reading = Reader(names.nouns, names.attributes).readings(text)[0]
        return Evaluator(self.graph, self.world, known=self.known).truth(reading)

    def _statement(self, text: str, form: str, expected: Truth) -> Iterator[Finding]:
        names = self.vocabulary or self.graph
        stored: Form = json.loads(form)
        try:
            readings = Reader(names.nouns, names.attributes).readings(text)
        except UnreadableError as unreadable:
            yield Finding("form", str(unreadable))
            return
        if normal(stored) not in map(normal, readings):
            yield Finding("form", f"{text!r} says {json.dumps(readings[0])}, not {form}")
        evaluator = Evaluator(self.graph, self.world, known=self.known)
        truths = [evaluator.truth(reading) for reading in readings]
        for what, truth in (("text", truths[0]), ("form", evaluator.truth(stored))):
            if truth == "P":
                yield Finding("referent", f"{text!r}: {self._missing(readings[0])}")
            elif truth != expected:
                rule = "unknown" if truth == "U" else "truth"
                yield Finding(rule, f"the {what} of {text!r} is {truth}, not {expected}")
        opposite = "F" if expected == "T" else "T"
        if truths[0] == expected and opposite in truths[1:]:
            other = readings[truths.index(opposite)]
            yield Finding("ambiguous", f"{text!r} may be read as {other}, which is {opposite}")
        yield from (Finding("lint", f"{why}, in {text!r}") for why in lint.complaints(text, readings[0]))

    def _missing(self, form: Form) -> str:
        """Why some "the" has no unique thing."""
        evaluator = Evaluator(self.graph, self.world, known=self.known)
        for phrase in lint.phrases(form):
            if phrase["det"] == "the":
                try:
                    evaluator.the(phrase)
                except NoReferentError as error:
                    return str(error)
        return "no unique referent"


# -- the edit ---------------------------------------------------------------------------------------------------------


def differences(a: Any, b: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any, Any]]:
    """The leaves in which two forms differ: (path, left, right)."""
    if isinstance(a, dict) and isinstance(b, dict) and a.get("op") == b.get("op"):
        return [d for key in sorted(a.keys() | b.keys()) for d in differences(a.get(key), b.get(key), (*path, key))]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and path[-1:] != ("attrs",):
        return [d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in differences(x, y, (*path, str(i)))]
    if isinstance(a, list) and isinstance(b, list) and path[-1:] == ("attrs",):
        left, right = sorted(set(a) - set(b)), sorted(set(b) - set(a))
        return [(path, left, right)] if left or right else []
    return [] if a == b else [(path, a, b)]


def canonical(form: Form) -> str:
    """One string for all forms that mean the same: a left of b is b right of a; a and b is b and a."""
    op = form["op"]
    if op in {"and", "xor"}:
        return f"{op}({', '.join(sorted(canonical(part) for part in form['args']))})"
    if op == "not":
        inner = form["args"][0]
        return canonical(inner["args"][0]) if inner["op"] == "not" else f"not({canonical(inner)})"
    if op == "rel":
        return _canonical_relation(form)
    if op == "cmpcount":
        a, b, cmp = words.singular(form["a"]), words.singular(form["b"]), form["cmp"]
        a, b, cmp = (b, a, ">") if cmp == "<" else (*sorted((a, b)), cmp) if cmp == "==" else (a, b, cmp)
        return f"{a} {cmp} {b}"
    if op == "count":
        return f"{words.singular(form['noun'])} {form['cmp']} {form['n']}"
    said = words.SAME_ATTRIBUTE.get(form["attr"], form["attr"]) if op == "attr" else "some"
    return f"{said}({_noun_phrase(form['x'])})"


def _canonical_relation(form: Form) -> str:
    p, s, o = words.place(form["p"]), _noun_phrase(form["s"]), _noun_phrase(form["o"])
    if p in {words.RIGHT, words.BELOW, "behind"}:
        p, s, o = words.CONVERSE[p], o, s
    return f"{p}({', '.join(sorted((s, o)) if p in words.SYMMETRIC else (s, o))})"


def _noun_phrase(phrase: Form) -> str:
    attributes = sorted(words.SAME_ATTRIBUTE.get(a, a) for a in phrase.get("attrs", []))
    return " ".join([phrase["det"], *attributes, min(words.synonyms(phrase["noun"]))])


def edit_faults(row: Row) -> Iterator[Finding]:
    """One slot differs, or two of a kind are exchanged; the edit says which; the sides do not mean the same."""
    if row.caption == row.negative:
        yield Finding("edit", "both texts are the same")
    left, right = normal(json.loads(row.caption_form)), normal(json.loads(row.negative_form))
    if canonical(left) == canonical(right):
        yield Finding("edit", f"both sides mean {canonical(left)}")
    yield from _slots(row, differences(left, right))
    if _stem(row.before) == _stem(row.after):
        yield Finding("edit", f"{row.before!r} is exchanged for a word of the same meaning, {row.after!r}")
    if not undone(row):
        yield Finding("edit", f"{row.after!r} back to {row.before!r} makes {row.negative!r} no {row.caption!r}")
    named = [lint.nouns(left), lint.nouns(right)]
    repeated = [len(n) - len({words.singular(x) for x in n}) for n in named]
    if repeated[0] != repeated[1]:
        yield Finding("edit", f"a swap repeats a noun: {named[repeated[1] > repeated[0]]}")


def undone(row: Row) -> bool:
    """Whether the negative with the edit taken back is the caption, but for agreement and articles."""
    caption, negative = _tokens(row.caption), _tokens(row.negative)
    exchanged = row.role in {"roles", "attributes"}
    for before in _ways(row.before):
        for after in _ways(row.after):
            for start in range(len(negative) - len(after) + 1):
                if negative[start : start + len(after)] != after:
                    continue
                back = [*negative[:start], *before, *negative[start + len(after) :]]
                if exchanged and _exchanged(back, start, before, after, caption):
                    return True
                if not exchanged and back == caption:
                    return True
    return False


def _exchanged(back: list[str], start: int, before: list[str], after: list[str], caption: list[str]) -> bool:
    """Whether putting `after` in the other place of `before` as well gives the caption."""
    for other in range(len(back) - len(before) + 1):
        apart = other + len(before) <= start or other >= start + len(before)
        again = [*back[:other], *after, *back[other + len(before) :]]
        if apart and back[other : other + len(before)] == before and again == caption:
            return True
    return False


def _tokens(text: str) -> list[str]:
    """The words, in the singular, without those that follow from others."""
    plain = text.lower().replace(".", " ").replace(",", " ")
    return [words.singular(word) for word in plain.split() if word not in {"is", "are", "a", "an", "than", "as"}]


def _ways(said: str) -> list[list[str]]:
    """The words of an edit in all ways to say them."""
    return [_tokens(way) for way in (said, *(way for way, place in words.SAID.items() if place == said))]


def _slots(row: Row, changed: list[tuple[tuple[str, ...], Any, Any]]) -> Iterator[Finding]:
    if row.role in {"roles", "attributes"}:
        olds, news = ([json.dumps(c[side], sort_keys=True) for c in changed] for side in (1, 2))
        if not changed or sorted(olds) != sorted(news):
            yield Finding("edit", f"no exchange of {row.role}: {changed}")
        return
    slots = {path[: _depth(path)] for path, _, _ in changed}
    if len(slots) != 1:
        yield Finding("edit", f"{len(slots)} slots differ: {changed}")
        return
    slot = changed[0][0][-1] if changed[0][0] else "form"
    if slot not in _ROLE_SLOTS.get(row.role, set()):
        yield Finding("edit", f"the slot {slot} differs, the edit says {row.role}")


_ROLE_SLOTS = {
    "subject": {"noun", "attrs"}, "object": {"noun", "attrs"}, "predicate": {"p"}, "attribute": {"attr", "attrs"},
    "count": {"n"}, "quantifier": {"form", "cmp"},
}  # fmt: skip


def _depth(path: tuple[str, ...]) -> int:
    """A changed phrase is one slot, though its noun and attributes are leaves of their own."""
    return next((i + 1 for i, key in enumerate(path) if key in {"s", "o", "x"}), len(path))


def _stem(said: str) -> str:
    said = words.place(said)
    return words.SAME_ATTRIBUTE.get(said, min(words.synonyms(said)))
