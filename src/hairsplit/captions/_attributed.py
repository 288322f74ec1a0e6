"""Statements "the a s is p o" and "s is p the a o": the change is about the thing that is said with its attribute."""

from collections.abc import Iterator
from itertools import islice
from typing import Literal

from hairsplit.captions._changes import TRIES, Change, changes, draft_of, fitting, told_apart
from hairsplit.captions._family import Context, Draft
from hairsplit.captions._left_out import left_out
from hairsplit.captions._orders import Order, statements, unsaid
from hairsplit.captions._shuffled import picked, shuffled
from hairsplit.captions.form import Phrase
from hairsplit.core.types import Edit, Reject
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.plausible import usable
from hairsplit.scenes.truth import FALSE

Side = Literal["subject", "object"]
Edited = Literal["attribute", "noun", "predicate"]


def attributed(facts: Facts, context: Context, side: Side, edits: tuple[Edited, ...]) -> Iterator[Draft | Reject]:
    """Yield one draft per true statement whose subject (object) can be said with an attribute of a class.

    The attribute or the noun is changed only where the noun alone is unique: "the green shorts" of gray shorts is then
    a false claim about them, not a phrase without a referent.
    """
    rng, where = context.rng, facts.scene.image_id
    for order in statements(facts, context):
        if isinstance(order, Reject):
            yield order
            continue
        s, p, o, x, y = order.s, order.predicate, order.o, order.x, order.y
        entity = s if side == "subject" else o
        kinds = context.names.telling(entity, without=unsaid(p))
        if not kinds:
            yield left_out(where, "no attribute of a class, or referent is not unique with it")
            continue
        kind, attribute = kinds[0] if len(kinds) == 1 else picked(kinds, rng)
        said = Phrase(entity.noun, (attribute,))
        stated = Order(s, p, o, said if side == "subject" else x, y if side == "subject" else said)
        found: list[Change] = []
        for edit in shuffled(edits, rng):
            if edit != "predicate" and not context.names.unique(entity):
                continue
            if edit == "attribute":
                found += _attributes(context, stated, side)
            elif edit == "noun":
                found += _nouns(facts, context, stated, side, kind)
            else:
                found += islice(changes(facts, context, stated, ("predicate",)), context.wanted)
            if len(found) >= context.wanted:
                break
        if not found:
            yield left_out(where, "no change that is surely false and keeps swaps even")
            continue
        yield draft_of(context, stated, found[: context.wanted])


def _attributes(context: Context, order: Order, side: Side) -> Iterator[Change]:
    old = order.x if side == "subject" else order.y
    (attribute,) = old.attributes
    for other in context.corpus.attribute_swaps(
        old.noun, attribute, context.rng, context.wanted, (side, order.predicate)
    ):
        yield _changed(order, side, Phrase(old.noun, (other,)), Edit("attribute", attribute, other))


def _nouns(facts: Facts, context: Context, order: Order, side: Side, kind: str) -> Iterator[Change]:
    """Another thing of the scene is given the attribute and the place, of which it lacks at least one."""
    rng, corpus = context.rng, context.corpus
    entity, kept = (order.s, order.o) if side == "subject" else (order.o, order.s)
    (attribute,) = (order.x if side == "subject" else order.y).attributes
    fits = fitting(facts, order.predicate, entity, kept)
    for other in islice(shuffled(facts.entities, rng), TRIES):
        own = other.by_class.get(kind)
        if other is entity or other is kept or own is None or not fits(other):
            continue
        if not context.names.unique(other) or not usable(other.noun, attribute):
            continue
        before = (order.s.noun, order.predicate, order.o.noun)
        after = (other.noun, *before[1:]) if side == "subject" else (*before[:2], other.noun)
        if not corpus.replace(before, after, rng):
            continue
        if own == attribute:
            claim = (other, order.predicate, order.o) if side == "subject" else (order.s, order.predicate, other)
            said = Phrase(other.noun, (attribute,))
            x, y = (said, order.y) if side == "subject" else (order.x, said)
            if facts.relation(*claim).truth is not FALSE or not told_apart(facts, order, claim, x, y):
                continue
        elif not corpus.exchange((entity.noun, attribute), (other.noun, own), rng):
            continue
        phrase, edit = Phrase(other.noun, (attribute,)), Edit(side, entity.noun, other.noun)
        yield _changed(order, side, phrase, edit, (("replacement", other),))
        return


def _changed(order: Order, side: Side, phrase: Phrase, edit: Edit, new: tuple[tuple[str, Entity], ...] = ()) -> Change:
    x, y = (phrase, order.y) if side == "subject" else (order.x, phrase)
    return Change(x, order.predicate, y, edit, new)
