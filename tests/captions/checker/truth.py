"""The truth of a form on a graph: T, F, U (unknown) or P (a "the" that has no unique thing); CAPTIONS 7.2.

Open world: what is not known is U. Closed: it is F, except where a picture leaves it open (a near synonym, a place
between boxes that overlap, a wider name of the same thing).
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from tests.captions.checker import words
from tests.captions.checker.grammar import Form
from tests.captions.checker.graph import Entity, Graph, may_hold, overlap

Truth = Literal["T", "F", "U", "P"]
World = Literal["open", "closed"]
_OPPOSITE: dict[Truth, Truth] = {"T": "F", "F": "T", "U": "U", "P": "P"}
_AXIS = {words.LEFT: 0, words.RIGHT: 0, words.ABOVE: 1, words.BELOW: 1}
CLEAR = 0.05
"""Centres further apart than this share of the picture make an annotated place certain."""


class NoReferentError(Exception):
    """ "The X" fits no thing, or several."""


@dataclass(frozen=True)
class Evaluator:
    """Judges forms on one graph."""

    graph: Graph
    world: World
    kinds: bool = True
    """Whether "the X" must be unique among synonyms, wider and narrower names too."""
    known: Collection[str] | None = None
    """Ids of the nodes that the speaker knew of; "the X" is looked up among them."""
    complete: Collection[str] = ()
    """Nouns of which the graph shows all, whatever the world."""

    def truth(self, form: Form) -> Truth:
        """T, F, U or P."""
        try:
            return self._truth(form)
        except NoReferentError:
            return "P"

    def _truth(self, form: Form) -> Truth:
        op = form["op"]
        if op == "not":
            return _OPPOSITE[self._truth(form["args"][0])]
        if op in {"and", "xor"}:
            parts = [self._truth(part) for part in form["args"]]
            return _all(parts) if op == "and" else _one_of(parts)
        if op in {"exists", "attr", "rel"}:
            return self._about_things(form)
        if op == "count":
            return self._counted(form["noun"], form["cmp"], form["n"])
        if op == "cmpcount":
            return self._compared(form["a"], form["cmp"], form["b"])
        raise ValueError(f"no form has the op {op!r}")

    def _about_things(self, form: Form) -> Truth:
        if form["op"] == "exists":
            return self._some(form["x"], lambda _: "T")
        if form["op"] == "attr":
            return self._about(form["x"], lambda x: self._attribute(x, form["attr"]))
        return self._about(form["s"], lambda s: self._about(form["o"], lambda o: self._relation(s, form["p"], o)))

    # -- things -------------------------------------------------------------------------------------------------

    def _about(self, phrase: Form, say: Callable[[Entity], Truth]) -> Truth:
        """`say` of the thing that is meant, or of some thing if the article is "a"."""
        if phrase["det"] == "a":
            return self._some(phrase, say)
        thing, is_so = self.the(phrase)
        return _all([is_so, say(thing)])

    def the(self, phrase: Form) -> tuple[Entity, Truth]:
        """The thing meant by "the ...", and whether it is as the phrase says.

        Raises:
            NoReferentError: It fits none or several.
        """
        noun, attributes = phrase["noun"], phrase.get("attrs", [])
        named = [e for e in self.graph.entities if self._may_mean(noun, e) and self._is_known(e)]
        if not any(e.named(noun) == "yes" for e in named):
            raise NoReferentError(f"no {noun}")
        fitting: list[tuple[Entity, Truth]] = [(e, _all([self._attribute(e, a) for a in attributes])) for e in named]
        possible: list[tuple[Entity, Truth]] = [(e, truth) for e, truth in fitting if truth != "F"]
        if not possible and len(fitting) == 1:
            possible = fitting  # "the empty bowl", of a bowl that is full: false, but it is clear which is meant
        if len(possible) != 1 or possible[0][0].named(noun) != "yes":
            shown = ", ".join("/".join(sorted(e.nouns)) + f" ({', '.join(sorted(e.attributes))})" for e, _ in possible)
            raise NoReferentError(f"the {' '.join([*attributes, noun])} may be: {shown or 'none'}")
        return possible[0]

    def _is_known(self, e: Entity) -> bool:
        return self.known is None or bool(e.ids & set(self.known))

    def _may_mean(self, noun: str, e: Entity) -> bool:
        if self.kinds:
            return e.named(noun) != "no"
        return any(words.singular(noun) == words.singular(name) for name in e.nouns)

    def _some(self, phrase: Form, say: Callable[[Entity], Truth]) -> Truth:
        noun, found = phrase["noun"], list[Truth]()
        for e in self.graph.entities:
            named = e.named(noun)
            if named == "no":
                continue
            certain: Truth = "T" if named == "yes" else "U"
            found.append(_all([certain, *(self._attribute(e, a) for a in phrase.get("attrs", [])), say(e)]))
        if "T" in found:
            return "T"
        return "F" if self._all_shown(noun) and "U" not in found else "U"

    def _all_shown(self, noun: str) -> bool:
        return self.world == "closed" or noun in self.complete

    # -- attributes and relations -------------------------------------------------------------------------------

    def _attribute(self, e: Entity, attribute: str) -> Truth:
        known = e.attributes
        if any(words.same_attribute(a, attribute) for a in known):
            return "T"
        rivals = {words.SAME_ATTRIBUTE.get(a, a) for a in known if words.exclusive(a, attribute)}
        close = [a for a in known if words.near(a, attribute)]
        if close and not (rivals and all(words.of_another_class(a, attribute) for a in close)):
            return "U"  # "tan", of which one may say "brown"; but not "wood", if its colour is known
        if len(rivals) == 1 or (rivals and self.world == "closed"):
            return "F"
        return "F" if self.world == "closed" else "U"

    def _relation(self, s: Entity, predicate: str, o: Entity) -> Truth:
        p = words.place(predicate)
        if s is o:
            return "U"
        forth, back = _between(s, o), _between(o, s)
        stated = p in forth or words.CONVERSE.get(p) in back or (p in words.SYMMETRIC and p in back)
        stated |= any(words.IMPLIES.get(q) == p for q in forth)
        denied = (p in words.ONE_WAY and p in back) or any(words.contrary(p, q) for q in forth)
        denied |= any(words.contrary(words.CONVERSE[p], q) for q in back) if p in words.CONVERSE else False
        denied |= p in words.ONE_OWNER and any(
            e is not s and e is not o and p in _between(e, o) for e in self.graph.entities
        )
        if p in _AXIS:
            around = [(p, q) for q in forth] + [(words.CONVERSE[p], q) for q in back]
            excluded = any(q not in _AXIS and words.contrary(a, q) for a, q in around)  # what is on it is not under it
            return self._place(s, p, o, stated=stated, denied=denied, excluded=excluded)
        if p == "in" and not any(overlap(a, b) for a in s.boxes for b in o.boxes):
            denied = True
        if stated or denied:
            return "U" if stated and denied else "T" if stated else "F"
        implied = any(words.IMPLIES.get(p) == q for q in forth) or (p == "on" and "wearing" in back)
        return "U" if implied or self.world == "open" else "F"

    def _place(self, s: Entity, p: str, o: Entity, *, stated: bool, denied: bool, excluded: bool) -> Truth:
        """Left, right, above, below: by the boxes, and by edges that the boxes do not contradict."""
        axis, ahead = _AXIS[p], p in {words.LEFT, words.ABOVE}
        answers: set[Truth] = set()
        for a in s.boxes:
            for b in o.boxes:
                first, second = (a, b) if ahead else (b, a)
                gap = _centre(second)[axis] - _centre(first)[axis]
                across = abs(_centre(second)[1 - axis] - _centre(first)[1 - axis])
                size = self.graph.height if axis else self.graph.width
                in_order, reversed_ = first[axis + 2] <= second[axis], second[axis + 2] <= first[axis]
                known_true = in_order or (stated and not denied and gap > CLEAR * size)
                known_false = reversed_ or (denied and not stated and gap < -CLEAR * size)
                if self.world == "closed" and not in_order and not reversed_ and stated != denied:
                    known_true, known_false = stated, denied
                    across = 0.0 if stated else across  # an exact scene says so itself
                known_false |= excluded and not known_true
                if known_true and gap >= across / 2 and not known_false:
                    answers.add("T")
                else:
                    answers.add("F" if known_false and not known_true else "U")
        certain = answers - {"U"}  # where two nodes show one thing, either box may tell
        return certain.pop() if len(certain) == 1 else "U"

    # -- numbers ------------------------------------------------------------------------------------------------

    def _range(self, noun: str) -> tuple[int, float]:
        """At least and at most how many there are; names of several things at once leave the upper end open."""
        low, high, open_end = 0, 0.0, not self._all_shown(noun)
        for e in self.graph.entities:
            named = e.named(noun)
            open_end |= any(may_hold(noun, name) for name in e.nouns)
            if named == "no":
                continue
            many = any(words.is_plural(n) and n not in words.ALWAYS_PLURAL for n in e.nouns)
            low += named == "yes" and not many
            high += 1
            open_end |= many
        return low, float("inf") if open_end else high

    def _counted(self, noun: str, cmp: str, n: int) -> Truth:
        low, high = self._range(noun)
        at_least: Truth = "T" if low >= n else "F" if high < n else "U"
        at_most: Truth = "T" if high <= n else "F" if low > n else "U"
        return {">=": at_least, "<=": at_most, "==": _all([at_least, at_most])}[cmp]

    def _compared(self, a: str, cmp: str, b: str) -> Truth:
        (low_a, high_a), (low_b, high_b) = self._range(a), self._range(b)
        if cmp == "<":
            return self._compared(b, ">", a)
        if cmp == ">":
            return "T" if low_a > high_b else "F" if high_a <= low_b else "U"
        if low_a > high_b or low_b > high_a:
            return "F"
        return "T" if low_a == high_a == low_b == high_b else "U"


def _all(parts: Iterable[Truth]) -> Truth:
    found = list(parts)
    return "F" if "F" in found else "U" if "U" in found else "T"


def _one_of(parts: list[Truth]) -> Truth:
    return "U" if "U" in parts else "T" if parts.count("T") == 1 else "F"


def _between(s: Entity, o: Entity) -> set[str]:
    return {place for place, target in s.edges if target in o.ids}


def _centre(box: tuple[float, float, float, float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
