"""Pairs of things of which a predicate surely holds: what the families about relations are made of."""

from collections.abc import Iterator, Sequence
from math import isqrt
from random import Random
from typing import NamedTuple

from hairsplit.captions._family import Context
from hairsplit.captions._grammar import be, said, sentence, wording
from hairsplit.captions._referents import why_not
from hairsplit.captions.form import Phrase
from hairsplit.core.types import Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.boxes import covered
from hairsplit.scenes.facts import Entity, Facts, Truth

PLACE = ("{s} {be} {p} {o}.", "{s} {be} located {p} {o}.", "{p} {o} {be} {s}.")
DOING = ("{s} {be} {p} {o}.", "In the picture, {s} {be} {p} {o}.", "{s} in the picture {be} {p} {o}.")
AXES = (("to the left of", "to the right of"), ("above", "below"), ("in front of", "behind"))
DIRECTIONS = frozenset(predicate for axis in AXES for predicate in axis)
BY_BOXES = AXES[:2]
"""Axes that need no edge to be judged."""
MOST = 32
"""Pairs of things that are looked at in one image; a crowded scene has thousands."""

PART = 0.8
"""Share of the smaller box within the larger one from which it counts as a part or as worn."""


class Order(NamedTuple):
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
        source = context.rng.choice(live)
        item = next(source, None)
        if item is None:
            live.remove(source)
        else:
            yield item


def orders(facts: Facts, context: Context, predicates: tuple[tuple[str, str], ...]) -> Iterator[Order | Reject]:
    """Yield, per pair of things and axis with a TRUE order, one of its two equivalent wordings by a fair coin.

    `predicates` are (predicate, inverse) for an axis, or (predicate, "") for one without an inverse.
    """
    rng, where = context.rng, facts.scene.image_id
    things = context.names.things
    if len(facts.entities) > 1:
        yield from (Reject(where, why_not(e), e.noun) for e in facts.entities if e not in things)
    placed = [thing for thing in things if lexicon.has_a_place(thing.noun)]
    yield from (Reject(where, "noun that has no place of its own", e.noun) for e in things if e not in placed)
    annotated = {p for _, p, _ in facts.edges}
    axes = [axis for axis in predicates if axis in BY_BOXES or annotated & set(axis)]
    tasks = [(axis, pair) for pair in some_pairs(placed, rng) for axis in axes if axis[1]]
    tasks += [(axis, pair) for axis in axes if not axis[1] for pair in some_pairs(things, rng)]
    for axis, pair in rng.sample(tasks, len(tasks)):
        yield from _order(facts, context, axis, pair if rng.random() < 0.5 else pair[::-1])


def some_pairs(things: Sequence[Entity], rng: Random) -> list[tuple[Entity, Entity]]:
    """Up to `MOST` pairs of things, each pair once, in random order."""
    many = len(things) * (len(things) - 1) // 2
    pairs = []
    for k in rng.sample(range(many), min(MOST, many)):
        second = (1 + isqrt(1 + 8 * k)) // 2  # k counts (0, 1), (0, 2), (1, 2), (0, 3), ...
        pairs.append((things[k - second * (second - 1) // 2], things[second]))
    return pairs


def doings(facts: Facts, context: Context) -> Iterator[Order | Reject]:
    """Yield annotated relations of other predicates, as far as a caption can say them, in random order."""
    found = list(edges(facts))
    for a, p, b in context.rng.sample(found, len(found)):
        where, detail = facts.scene.image_id, f"{a.noun} {p} {b.noun}"
        x, y = _names(context, p, a, b)
        yield Reject(where, "referent is not unique", detail) if x is None or y is None else Order(a, p, b, x, y)


def edges(facts: Facts) -> Iterator[tuple[Entity, str, Entity]]:
    """Annotated relations that are no directions, are not contradicted and can be said."""
    place = {entity.id: n for n, entity in enumerate(facts.entities)}
    for s, p, o in sorted((place[s], p, place[o]) for s, p, o in facts.edges if p not in DIRECTIONS):
        a, b = facts.entities[s], facts.entities[o]
        if lexicon.said_as(p) is None or (p == "of" and not lexicon.is_part(a.noun)):
            continue  # the reader of the graphs counts predicates that are not in the lexicon
        if facts.relation(a, p, b).truth is Truth.TRUE:
            yield a, p, b


def _names(context: Context, p: str, a: Entity, b: Entity) -> tuple[Phrase | None, Phrase | None]:
    # What is inside is always smaller: naming sizes would give the answer away.
    without = ("size",) if p in {"inside", "in"} else ()
    return context.names.describe(a, context.rng, without=without), context.names.describe(
        b, context.rng, without=without
    )


def _order(
    facts: Facts, context: Context, axis: tuple[str, str], pair: tuple[Entity, Entity]
) -> Iterator[Order | Reject]:
    """The order of two things on one axis, if there is a clear one: otherwise nothing is said, and nothing left out."""
    a, b = pair
    true = [p for p in axis if p and facts.relation(a, p, b).truth is Truth.TRUE]
    if not true and not axis[1]:  # no inverse: it may hold the other way round
        a, b = b, a
        true = [axis[0]] if facts.relation(a, axis[0], b).truth is Truth.TRUE else []
    if len(true) != 1:
        return
    where, detail = facts.scene.image_id, f"{a.noun} {true[0]} {b.noun}"
    reason = unfit(facts, a, b) if axis[1] else ""
    if reason:
        yield Reject(where, reason, detail)
        return
    x, y = _names(context, true[0], a, b)
    yield Reject(where, "referent is not unique", detail) if x is None or y is None else Order(a, true[0], b, x, y)


def unfit(facts: Facts, a: Entity, b: Entity) -> str:
    """Why one would not say where one thing lies of the other; empty if one would."""
    if not (lexicon.has_a_place(a.noun) and lexicon.has_a_place(b.noun)):
        return "noun that has no place of its own"
    edges = facts.edges
    if any((a.id, p, b.id) in edges or (b.id, p, a.id) in edges for p in ("wearing", "of")):
        return "one thing is worn by the other or a part of it"
    return "one thing lies within the other" if covered(a.box, b.box) >= PART else ""
