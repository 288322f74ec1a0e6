"""What a pair is to the balancing pass: its edit, context and template, and what its forms put together."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec

from hairsplit.captions import FAMILIES
from hairsplit.core.types import Pair

Combination = tuple[str, ...]
"""(kind, part, part, ...): ("attribute", "red", "circle") or ("triple", "cup", "above", "plate")."""
_HEADS = ("noun", "attr", "p", "n", "cmp", "a", "b", "op")
"""Slots that carry an edit; the attributes of a phrase only count if none of these differs."""
_NAMES = ("noun", "a", "b", "p", "attr")
"""Slots that make the context: nouns, predicates and what is said of them, but no mere modifiers."""
_SLOT = re.compile(r"\{\w+\}")
_FILLED = {"{be}": "(?:is|are)", "{verb}": "(?:is|are)"} | dict.fromkeys(("{s}", "{o}", "{x}", "{y}"), "(?:the|an?) .+")
"""What fills a template's slots; else anything."""
_NEAR = 2
"""Words on either side of an edit that are looked at; word pairs and four characters reach no further."""


class Slots(NamedTuple):
    """What two forms differ in, and what they share."""

    before: str
    after: str
    context: str
    """Nouns, predicates and attributes that both sides share, in order; those of the clauses that the edit is in."""
    predicate: str
    """The predicates among them."""


class Leaf(NamedTuple):
    """One value that a form holds."""

    path: str
    slot: str
    """Its name there: noun, attrs (modifiers), attr (what is said of a thing, or that there is one), p, ..."""
    value: str

    @property
    def clause(self) -> str:
        """The part of a sentence of several that it stands in."""
        return ".".join(self.path.split(".")[:3]) if self.path.startswith(".args.") else ""


def slots(pair: Pair) -> Slots:
    """What the pair's forms differ in; without forms, its edit or the words that differ, between its neighbours."""
    one, two = leaves(tree(pair.caption_form)), leaves(tree(pair.negative_form))
    if one and two and one != two:
        return _of_leaves(one, two)
    caption, negative, (left, right) = differing(pair.caption, str(pair.negative))
    before, after = (pair.edit.before, pair.edit.after) if pair.edit else (caption, negative)
    return Slots(before, after, f"{left}\x1f{right}", "")


def _of_leaves(one: list[Leaf], two: list[Leaf]) -> Slots:
    if [leaf.path for leaf in one] == [leaf.path for leaf in two]:
        same = set(one) & set(two)
        changed = [[leaf for leaf in side if leaf not in same] for side in (one, two)]
        clauses = {leaf.clause for leaf in changed[0]}
    else:  # another structure, as "there is no" for "there is": wherever it stands, what is said is the same
        shared = {leaf[1:] for leaf in one} & {leaf[1:] for leaf in two}
        changed = [[leaf for leaf in side if leaf[1:] not in shared] for side in (one, two)]
        clauses = {leaf.clause for leaf in one}
    heads = [[leaf.value for leaf in side if leaf.slot in _HEADS] for side in changed]
    if not any(heads):
        heads = [[leaf.value for leaf in side] for side in changed]
    before, after = ("\x1f".join(side) for side in heads)
    shared_by_both = [leaf for leaf in one if leaf not in changed[0] and leaf.clause in clauses]
    context, predicate = (
        "\x1f".join(leaf.value for leaf in shared_by_both if leaf.slot in names) for names in (_NAMES, ("p",))
    )
    return Slots(before, after, context, predicate)


def tree(form: str | None) -> Any:
    """A form as nested lists and dicts; None where there is none."""
    try:
        return msgspec.json.decode(form) if form else None
    except msgspec.DecodeError:
        return None


def leaves(form: Any, path: str = "", *, there_is: bool = False) -> list[Leaf]:
    """Everything that a form says, in the order of its text; a phrase without attributes has the empty one."""
    if isinstance(form, list):
        return [leaf for i, part in enumerate(form) for leaf in leaves(part, f"{path}.{i}")]
    if not isinstance(form, dict):
        return []
    slot = "attr" if there_is else "attrs"
    found = []
    for name, value in form.items():
        if name == "attrs":
            found.append(Leaf(f"{path}.attrs", slot, " ".join(value)))
        elif isinstance(value, dict | list):
            found += leaves(value, f"{path}.{name}", there_is=form.get("op") == "exists")
        elif name != "det":
            found.append(Leaf(f"{path}.{name}", name, str(value)))
    if "noun" in form and "attrs" not in form:
        found.append(Leaf(f"{path}.attrs", slot, ""))
    return found


def combinations(form: Any, sign: str = "") -> Iterator[Combination]:
    """The combinations of words that a form puts together; under a negation they are others."""
    match form:
        case {"op": "not", "args": args}:
            for part in args:
                yield from combinations(part, "not " if not sign else "")
        case {"args": args}:
            for part in args:
                yield from combinations(part, sign)
        case {"op": "attr", "x": x, "attr": name}:
            yield (f"{sign}attribute", name, x["noun"])
            yield from _of_phrase(x, sign)
        case {"op": "rel", "s": s, "p": p, "o": o}:
            yield (f"{sign}subject", s["noun"], p)
            yield (f"{sign}object", p, o["noun"])
            yield (f"{sign}triple", s["noun"], p, o["noun"])
            yield from _of_phrase(s, sign)
            yield from _of_phrase(o, sign)
        case {"op": "exists", "x": x}:
            yield from _of_phrase(x, sign)
        case {"op": "count", "noun": noun, "cmp": cmp, "n": n}:
            yield (f"{sign}count", f"{cmp}{n}", noun)
        case {"op": "cmpcount", "a": a, "b": b, "cmp": cmp}:
            yield (f"{sign}compare", a, cmp)
            yield (f"{sign}compared", cmp, b)
            yield (f"{sign}comparison", a, cmp, b)


def _of_phrase(x: Mapping[str, Any], sign: str) -> Iterator[Combination]:
    for name in x.get("attrs", ()):
        yield (f"{sign}attribute", name, x["noun"])
    if inner := x.get("rel"):
        yield from combinations(inner, sign)


def template(family: str, text: str) -> int:
    """Which of its family's templates a caption was made by, the one with most words of its own; -1 for none."""
    lower = text.lower()
    for number, part, pattern in _patterns(family):
        if part in lower and pattern.fullmatch(text):
            return number
    return -1


@cache
def _patterns(family: str) -> tuple[tuple[int, str, re.Pattern[str]], ...]:
    """Number, longest fixed part (a quick look before the pattern, which is slow to fail) and pattern of templates."""
    if family not in FAMILIES.names():
        return ()
    found = []
    for number, text in enumerate(FAMILIES[family].templates):
        fixed = _SLOT.split(text)
        given = [_FILLED.get(name, ".+") for name in _SLOT.findall(text)]
        words = "".join(a + b for a, b in zip(map(re.escape, fixed), [*given, ""], strict=True))
        part = max(fixed, key=len).lower()
        found.append((-len("".join(fixed)), number, part, re.compile(words, re.IGNORECASE)))
    return tuple(one[1:] for one in sorted(found, key=lambda one: one[:2]))


def differing(caption: str, negative: str) -> tuple[str, str, tuple[str, str]]:
    """The words in which two texts differ, and the words to the left and right of them."""
    one, two = caption.lower().split(), negative.lower().split()
    start, end = _common(one, two)
    left = one[start - 1] if start else ""
    right = one[len(one) - end] if end else ""
    return " ".join(one[start : len(one) - end]), " ".join(two[start : len(two) - end]), (left, right)


def around_edit(caption: str, negative: str) -> tuple[str, str]:
    """Both texts cut down to where they differ and two words on either side, in lower case.

    Short n-grams elsewhere are the same in both, and cancel out when one text's are taken from the other's.
    """
    one, two = caption.lower().split(), negative.lower().split()
    start, end = _common(one, two)
    first, end = max(0, start - _NEAR), max(0, end - _NEAR)
    return " ".join(one[first : len(one) - end]), " ".join(two[first : len(two) - end])


def _common(one: list[str], two: list[str]) -> tuple[int, int]:
    """How many words two texts begin with and, after that, end with alike."""
    shorter = min(len(one), len(two))
    start = end = 0
    while start < shorter and one[start] == two[start]:
        start += 1
    while end < shorter - start and one[-1 - end] == two[-1 - end]:
        end += 1
    return start, end
