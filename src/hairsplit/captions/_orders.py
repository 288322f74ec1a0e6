"""Pairs of things with a direction that surely holds: what the relation and role swap families are made of."""

from collections.abc import Iterator
from typing import NamedTuple

from hairsplit.captions._family import Context
from hairsplit.captions._grammar import be, said, sentence, wording
from hairsplit.captions._referents import why_not
from hairsplit.captions.form import Phrase
from hairsplit.core.types import Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.facts import Entity, Facts, Truth, covered

TEMPLATES = ("{s} {be} {p} {o}.", "{s} {be} located {p} {o}.", "{p} {o} {be} {s}.")
AXES = (("to the left of", "to the right of"), ("above", "below"), ("in front of", "behind"))
BY_BOXES = AXES[:2]
"""Axes that need no edge to be judged."""
MOST = 48
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


def orders(facts: Facts, context: Context, predicates: tuple[tuple[str, str], ...]) -> Iterator[Order | Reject]:
    """Yield, per pair of things and axis with a TRUE order, one of its two equivalent wordings by a fair coin.

    `predicates` are (predicate, inverse) for an axis, or (predicate, "") for one without an inverse.
    """
    rng, where = context.rng, facts.scene.image_id
    things = []
    for thing in facts.entities:
        if context.names.possible(thing):
            things.append(thing)
        elif len(facts.entities) > 1:
            yield Reject(where, why_not(thing), thing.noun)
    annotated = {p for _, p, _ in facts.edges}
    axes = [axis for axis in predicates if axis in BY_BOXES or annotated & set(axis)]
    pairs = [(a, b) for i, a in enumerate(things) for b in things[i + 1 :]]
    if len(pairs) > MOST:
        pairs = rng.sample(pairs, MOST)
    for pair in pairs:
        for axis in axes:
            yield from _order(facts, context, axis, pair if rng.random() < 0.5 else pair[::-1])


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
    unfit = _unfit(facts, a, b) if axis[1] else ""
    if unfit:
        yield Reject(where, unfit, detail)
        return
    # What is inside is always smaller: naming sizes would give the answer away.
    without = () if axis[1] else ("size",)
    x, y = (context.names.describe(e, context.rng, without=without) for e in (a, b))
    yield Reject(where, "referent is not unique", detail) if x is None or y is None else Order(a, true[0], b, x, y)


def say(template: str, s: Phrase, p: str, o: Phrase, row: int) -> str:
    """The sentence "s is p o"; `row` picks among exact synonyms of the predicate."""
    return sentence(template, s=said(s), be=be(s), p=wording(p, row), o=said(o))


def _unfit(facts: Facts, a: Entity, b: Entity) -> str:
    """Why one would not say where one thing lies of the other; empty if one would."""
    if not (lexicon.has_a_place(a.noun) and lexicon.has_a_place(b.noun)):
        return "noun that has no place of its own"
    if any({(a.id, p, b.id), (b.id, p, a.id)} & facts.edges for p in ("wearing", "of")):
        return "one thing is worn by the other or a part of it"
    return "one thing lies within the other" if covered(a.box, b.box) >= PART else ""
