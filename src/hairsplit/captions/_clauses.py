"""Clauses, each with a true and a false wording, and the sentences of two clauses that are made of them."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import msgspec

from hairsplit.captions._changes import changes
from hairsplit.captions._family import Context, Draft, Negative
from hairsplit.captions._grammar import be, said, sentence, wording
from hairsplit.captions._left_out import left_out
from hairsplit.captions._orders import statements
from hairsplit.captions._shuffled import below, picked
from hairsplit.captions._swaps import swaps
from hairsplit.captions.form import Form, Has, Junction, Phrase, Related
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts

AND = ("{c} and {d}.", "{c}, while {d}.", "In the picture, {c} and {d}.")
XOR = ("Either {c} or {d}.", "In the picture, either {c} or {d}.", "{c} or {d}, but not both.")


class Clause(msgspec.Struct, frozen=True, gc=False):
    """A statement in a true and a false version that differ in one slot."""

    texts: tuple[str, str]
    """True, false."""
    forms: tuple[Form, Form]
    edit: Edit
    """From true to false."""
    things: tuple[tuple[str, Entity], ...]
    """(role, thing) of the true version."""
    new: tuple[tuple[str, Entity], ...]
    """(role, thing) that only the false version speaks of."""
    ids: frozenset[str]
    """Of the things."""
    edited: frozenset[str]
    """Words of the edit; none for predicates, which may well be repeated."""

    def apart(self, other: "Clause") -> bool:
        """Whether it speaks of other things than another clause, and no edit repeats a word of the other clause."""
        return self.ids != other.ids and not (self._says_again(other) or other._says_again(self))

    def _says_again(self, other: "Clause") -> bool:
        """Whether a word of its edit is one of either text of another clause."""
        return bool(self.edited) and not self.edited.isdisjoint(_words(other.texts))


@lru_cache(maxsize=64)  # a clause waits beside others of its image
def _words(texts: tuple[str, str]) -> frozenset[str]:
    return frozenset(f"{texts[0]} {texts[1]}".split(" "))


def _clause(
    texts: tuple[str, str],
    forms: tuple[Form, Form],
    edit: Edit,
    things: tuple[tuple[str, Entity], ...],
    new: tuple[tuple[str, Entity], ...] = (),
) -> Clause:
    ids = frozenset([thing.id for _, thing in things])
    edited = () if edit.role == "predicate" else f"{edit.before} {edit.after}".split(" ")
    return Clause(texts, forms, edit, things, new, ids, frozenset(edited))


def attribute_clauses(facts: Facts, context: Context) -> Iterator[Clause | Reject]:
    """Yield "x is a" with a false attribute of the same class, in random order."""
    for item in swaps(facts, context, 1):
        if isinstance(item, Reject):
            yield item
            continue
        entity, x, attribute, (other,) = item.entity, item.x, item.attribute, item.others
        names = (attribute, other)
        first, second = (f"{said(x)} {be(x)} {name}" for name in names)
        forms = Has(x, names[0]), Has(x, names[1])
        yield _clause((first, second), forms, Edit("attribute", *names), (("subject", entity),))


def relation_clauses(facts: Facts, context: Context) -> Iterator[Clause | Reject]:
    """Yield "s is p o" with a false predicate, subject or object, in random order."""
    for order in statements(facts, context):
        if isinstance(order, Reject):
            yield order
            continue
        s, p, o, x, y = order.s, order.predicate, order.o, order.x, order.y
        change = next(changes(facts, context, order), None)
        if change is None:
            yield left_out(facts.scene.image_id, "no change that is surely false and keeps swaps even")
            continue
        row = below(3, context.rng)
        texts = _related(x, p, y, row), _related(change.x, change.predicate, change.y, row)
        yield _clause(texts, (Related(x, p, y), change.form), change.edit, (("subject", s), ("object", o)), change.new)


def _related(x: Phrase, p: str, y: Phrase, row: int) -> str:
    return f"{said(x)} {be(x)} {wording(p, row)} {said(y)}"


def conjunctions(clauses: Iterator[Clause | Reject], context: Context, where: str) -> Iterator[Draft | Reject]:
    """Yield "c and d", both true; in a negative one of them is false, either by a fair coin."""
    for item in _couples(clauses, where):
        if isinstance(item, Reject):
            yield item
            continue
        template = picked(AND, context.rng)
        falsified = context.rng.sample((0, 1), 2)[: context.wanted]
        negatives = tuple(_said(template, "and", item, (int(n == 0), int(n == 1)), item[n].edit) for n in falsified)
        true = _said(template, "and", item, (0, 0), item[0].edit)
        mentions = (*_things(item), *(new for n in falsified for new in item[n].new))
        yield Draft(true.text, true.form, negatives, mentions)


def alternatives(clauses: Iterator[Clause | Reject], context: Context, where: str) -> Iterator[Draft | Reject]:
    """Yield "either c or d", exactly one of them true; in a negative both are or neither is, by a fair coin."""
    for item in _couples(clauses, where):
        if isinstance(item, Reject):
            yield item
            continue
        rng = context.rng
        template, false = picked(XOR, rng), below(2, rng)
        sides = (int(false == 0), int(false == 1))
        both, neither = ((0, 0), _back(item[false].edit)), ((1, 1), item[1 - false].edit)
        ways = [both, neither] if rng.random() < 0.5 else [neither, both]
        negatives = tuple(_said(template, "xor", item, *way) for way in ways[: context.wanted])
        one = _said(template, "xor", item, sides, item[false].edit)
        mentions = (*_things(item), *item[0].new, *item[1].new)
        yield Draft(one.text, one.form, negatives, mentions)


def _couples(clauses: Iterator[Clause | Reject], where: str) -> Iterator[tuple[Clause, Clause] | Reject]:
    """Each clause once, with the next one that can stand beside it."""
    waiting: list[Clause] = []
    for clause in clauses:
        if isinstance(clause, Reject):
            yield clause
            continue
        match = next((other for other in waiting if other.apart(clause)), None)
        if match is None:
            waiting.append(clause)
        else:
            waiting.remove(match)
            yield match, clause
    yield from [left_out(where, "no second clause to go with it")] * len(waiting)


def _said(
    template: str, op: Literal["and", "xor"], couple: tuple[Clause, Clause], sides: tuple[int, int], edit: Edit
) -> Negative:
    """The sentence of two clauses, each in its true (0) or false (1) version."""
    (first, second), (one, two) = couple, sides
    text = sentence(template, c=first.texts[one], d=second.texts[two])
    return Negative(text, Junction(op, (first.forms[one], second.forms[two])), edit)


def _things(couple: tuple[Clause, Clause]) -> tuple[tuple[str, Entity], ...]:
    return tuple(dict.fromkeys(thing for clause in couple for thing in clause.things))


def _back(edit: Edit) -> Edit:
    return Edit(edit.role, edit.after, edit.before)
