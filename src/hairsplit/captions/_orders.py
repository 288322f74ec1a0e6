"""Pairs of things of which a predicate surely holds: what the families about relations are made of."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from math import isqrt
from random import Random

import msgspec

from hairsplit.captions._family import Context
from hairsplit.captions._grammar import be, said, sentence, wording
from hairsplit.captions._left_out import left_out
from hairsplit.captions._referents import Claim
from hairsplit.captions._shuffled import shuffled
from hairsplit.captions.form import Phrase
from hairsplit.core.run import stream
from hairsplit.core.types import Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.boxes import covered
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import TRUE

PLACE = ("{s} {be} {p} {o}.", "{s} {be} located {p} {o}.", "{p} {o} {be} {s}.")
DOING = ("{s} {be} {p} {o}.", "In the picture, {s} {be} {p} {o}.", "{s} in the picture {be} {p} {o}.")
AXES = (("to the left of", "to the right of"), ("above", "below"), ("in front of", "behind"))
DIRECTIONS = frozenset(predicate for axis in AXES for predicate in axis)
BY_BOXES = AXES[:2]
"""Axes that need no edge to be judged."""
MOST = 128
"""Pairs of things that are looked at in one image; a crowded scene has thousands."""

_SIZE = ("size",)
PART = 0.8
"""Share of the smaller box within the larger one from which it counts as a part or as worn."""


class Order(msgspec.Struct, frozen=True, gc=False):
    """s is `predicate` o, TRUE."""

    s: Entity
    predicate: str
    o: Entity
    x: Phrase
    """What s is called."""
    y: Phrase
    """What o is called."""


def templates(predicate: str) -> tuple[str, ...]:
    """The sentence patterns of a predicate."""
    return PLACE if lexicon.said_as(predicate) == "place" else DOING


def say(template: str, s: Phrase, p: str, o: Phrase, row: int) -> str:
    """The sentence "s is p o"; `row` picks among exact synonyms of the predicate."""
    return sentence(template, s=said(s), be=be(s), p=wording(p, row), o=said(o))


def statements(facts: Facts, context: Context) -> Iterator[Order | Reject]:
    """Yield directions between things and whatever else is annotated, by turns as a fair coin falls."""
    live = [orders(facts, context, AXES), doings(facts, context)]
    while live:
        source = live[0] if len(live) == 1 else live[context.rng.random() < 0.5]
        item = next(source, None)
        if item is None:
            live.remove(source)
        else:
            yield item


def orders(facts: Facts, context: Context, predicates: tuple[tuple[str, str], ...]) -> Iterator[Order | Reject]:
    """Yield, per pair of things and axis with a TRUE order, one of its two equivalent wordings by a fair coin.

    `predicates` are (predicate, inverse) for an axis, or (predicate, "") for one without an inverse.
    """
    rng, names = context.rng, context.names
    yield from names.unfit
    found: list[Claim | Reject] = []
    for axis in predicates:
        if axis not in names.clear:
            names.clear[axis] = list(_clear(facts, context, axis))
        found += names.clear[axis]
    for claim in shuffled(found, rng):
        if isinstance(claim, Reject):
            yield claim
            continue
        a, p, b = claim
        inverse = lexicon.inverse(p) if p in DIRECTIONS else None
        if inverse is not None and rng.random() < 0.5:
            a, p, b = b, inverse, a
        x, y = _names(context, p, a, b)
        if x is None or y is None:
            yield left_out(facts.scene.image_id, "referent is not unique")
        else:
            yield Order(a, p, b, x, y)


def _clear(facts: Facts, context: Context, axis: tuple[str, str]) -> Iterator[Claim | Reject]:
    """Yield what surely holds between two things, or why it is not said; it depends on the scene alone."""
    if axis not in BY_BOXES and facts.predicates.isdisjoint(axis):
        return
    image_id, names = facts.scene.image_id, context.names
    if not axis[1]:
        for a, b in _looked_at(names.things, image_id):
            if not facts.linked(a, b):  # as most are
                continue
            either = (a, axis[0], b), (b, axis[0], a)
            true = [claim for claim in either if facts.relation(*claim).truth is TRUE]
            yield from true if len(true) == 1 else ()
        return
    direction = facts.direction
    for a, b in _looked_at(names.placed, image_id):
        # the statement from b to a is the same one in other words
        if predicate := direction(a, axis, b):
            reason = _one_place(facts, a, b)
            yield left_out(image_id, reason) if reason else (a, predicate, b)


@lru_cache(maxsize=4)  # it is the same for each axis of an image
def _looked_at(things: tuple[Entity, ...], image_id: str) -> Sequence[tuple[Entity, Entity]]:
    """Up to `MOST` pairs of things, each pair once."""
    tasks: Sequence[int] = range(_pairs(things))
    if len(tasks) > MOST:
        tasks = stream(0, image_id, "orders").sample(tasks, MOST)
    return [_pair(things, k) for k in tasks]


def some_pairs(things: Sequence[Entity], rng: Random) -> Iterator[tuple[Entity, Entity]]:
    """Yield up to `MOST` pairs of things, each pair once, in random order."""
    for k in islice(shuffled(range(_pairs(things)), rng), MOST):
        yield _pair(things, k)


def _pairs(things: Sequence[Entity]) -> int:
    return len(things) * (len(things) - 1) // 2


def _pair(things: Sequence[Entity], k: int) -> tuple[Entity, Entity]:
    """The k-th pair of different things: (0, 1), (0, 2), (1, 2), (0, 3), ..."""
    second = (1 + isqrt(1 + 8 * k)) // 2
    return things[k - second * (second - 1) // 2], things[second]


def doings(facts: Facts, context: Context) -> Iterator[Order | Reject]:
    """Yield annotated relations of other predicates, as far as a caption can say them, in random order."""
    if context.names.doings is None:
        context.names.doings = list(edges(facts))
    for a, p, b in shuffled(context.names.doings, context.rng):
        x, y = _names(context, p, a, b)
        if x is None or y is None:
            yield left_out(facts.scene.image_id, "referent is not unique")
        else:
            yield Order(a, p, b, x, y)


def edges(facts: Facts) -> Iterator[tuple[Entity, str, Entity]]:
    """Annotated relations that are no directions, are not contradicted and can be said."""
    place = {entity.id: n for n, entity in enumerate(facts.entities)}
    for s, p, o in sorted((place[s], p, place[o]) for s, p, o in facts.edges if p not in DIRECTIONS):
        a, b = facts.entities[s], facts.entities[o]
        if lexicon.said_as(p) is None or (p == "of" and not lexicon.is_part(a.noun)):
            continue  # the reader of the graphs counts predicates that are not in the lexicon
        if facts.relation(a, p, b).truth is TRUE:
            yield a, p, b


def _names(context: Context, p: str, a: Entity, b: Entity) -> tuple[Phrase | None, Phrase | None]:
    without, describe, rng = unsaid(p), context.names.describe, context.rng
    return describe(a, rng, without=without), describe(b, rng, without=without)


def unsaid(predicate: str) -> tuple[str, ...]:
    """Classes of attributes not to say in a statement: what is inside is always smaller."""
    return _SIZE if predicate in {"inside", "in"} else ()


def unfit(facts: Facts, a: Entity, b: Entity) -> str:
    """Why one would not say where one thing lies of the other; empty if one would."""
    if not (lexicon.has_a_place(a.noun) and lexicon.has_a_place(b.noun)):
        return "noun that has no place of its own"
    return _one_place(facts, a, b)


def _one_place(facts: Facts, a: Entity, b: Entity) -> str:
    """Why two things that have a place lie in one; empty if they do not."""
    if (a.id, b.id) in facts.attached:
        return "one thing is worn by the other or a part of it"
    return "one thing lies within the other" if covered(a.box, b.box) >= PART else ""
