"""What makes a true statement "s is p o" surely false: another predicate, subject or object."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

import msgspec

from hairsplit.captions._family import Context, Draft, Negative
from hairsplit.captions._grammar import phrase
from hairsplit.captions._orders import AXES, DIRECTIONS, Order, say, templates, unfit, unsaid
from hairsplit.captions._referents import Claim
from hairsplit.captions._shuffled import below, picked, shuffled
from hairsplit.captions.form import Phrase, Related
from hairsplit.core.types import Edit
from hairsplit.scenes import lexicon
from hairsplit.scenes.absence import absent_relation
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import FUNCTIONAL, Facts
from hairsplit.scenes.truth import FALSE, TRUE

Role = Literal["predicate", "subject", "object"]
ROLES: tuple[Role, ...] = ("predicate", "subject", "object")
TRIES = 6
"""Things that are tried as a replacement."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """A statement after its edit; its parts are those of the true one but for one."""

    x: Phrase
    predicate: str
    y: Phrase
    edit: Edit
    new: tuple[tuple[str, Entity], ...] = ()
    """(role, thing) that only the false statement speaks of."""

    @property
    def form(self) -> Related:
        """What it means."""
        return Related(self.x, self.predicate, self.y)


def changes(facts: Facts, context: Context, order: Order, roles: tuple[Role, ...] = ROLES) -> Iterator[Change]:
    """Yield false statements, the roles in random order, where the corpus keeps the swap even."""
    for role in shuffled(roles, context.rng):
        yield from _predicates(facts, context, order) if role == "predicate" else _things(facts, context, order, role)


def draft_of(context: Context, order: Order, found: Sequence[Change]) -> Draft:
    """A statement and its false versions in one of its sentence patterns."""
    s, p, o, x, y = order.s, order.predicate, order.o, order.x, order.y
    template, row = picked(templates(p), context.rng), below(3, context.rng)
    negatives = tuple(Negative(say(template, c.x, c.predicate, c.y, row), c.form, c.edit) for c in found)
    mentions = (("subject", s), ("object", o), *(new for change in found for new in change.new))
    return Draft(say(template, x, p, y, row), Related(x, p, y), negatives, mentions)


def _predicates(facts: Facts, context: Context, order: Order) -> Iterator[Change]:
    s, p, o, x, y = order.s, order.predicate, order.o, order.x, order.y
    others: Iterable[str] = ()
    if p not in DIRECTIONS:
        others = context.corpus.predicate_swaps(s.noun, p, context.rng, context.wanted)
    elif context.corpus.turn(s.noun, p, o.noun, context.rng):
        others = _turned(facts, order)
    for q in others:
        yield Change(x, q, y, Edit("predicate", p, q))


def _turned(facts: Facts, order: Order) -> Iterator[str]:
    """Yield the inverse of a direction, and those of the other axis that surely do not hold, where one surely does."""
    yield str(lexicon.inverse(order.predicate))
    axis = AXES[1] if order.predicate in AXES[0] else AXES[0] if order.predicate in AXES[1] else ()
    truths = {p: facts.relation(order.s, p, order.o).truth for p in axis}
    yield from (p for p, truth in truths.items() if truth is FALSE and TRUE in truths.values())


def _things(facts: Facts, context: Context, order: Order, role: Role) -> Iterator[Change]:
    """The statement about another thing of the scene, if one is found of which it is surely false."""
    s, p, o, x, y = order.s, order.predicate, order.o, order.x, order.y
    first = role == "subject"
    if not _is_told_apart(facts, order, role):
        return
    for other, claim in _lacking(facts, context, order, role):
        z = context.names.describe(other, context.rng, without=unsaid(p))
        if z is None or z.noun in (x.noun, y.noun):
            continue
        if not told_apart(facts, order, claim, z if first else x, y if first else z):
            continue
        if not context.corpus.replace((s.noun, p, o.noun), (claim[0].noun, p, claim[2].noun), context.rng):
            continue
        edit = Edit(role, phrase(x if first else y), phrase(z))
        yield Change(z if first else x, p, y if first else z, edit, (("replacement", other),))
        return


def _lacking(facts: Facts, context: Context, order: Order, role: Role) -> Iterator[tuple[Entity, Claim]]:
    """Yield things of which the statement is surely false; in the weak mode, then those of which nobody says it."""
    s, p, o = order.s, order.predicate, order.o
    first = role == "subject"
    kept, old = (o, s) if first else (s, o)
    fits = fitting(facts, p, old, kept)
    unsaid_of: list[tuple[Entity, Claim]] = []
    for other in islice(shuffled(facts.entities, context.rng), TRIES):
        if other is s or other is o or not fits(other):
            continue
        claim = (other, p, o) if first else (s, p, other)
        if facts.relation(claim[0], p, claim[2]).truth is FALSE:
            yield other, claim
        elif context.weak and absent_relation(facts, *claim).truth is FALSE:
            unsaid_of.append((other, claim))
    yield from unsaid_of


def told_apart(facts: Facts, order: Order, claim: Claim, x: Phrase, y: Phrase) -> bool:
    """Whether a worn thing (a part) is said with a colour, in a statement and in its false version "x is p y".

    That the thing goes with another one is all that is known against the false version, the `claim`. In an incomplete
    graph the claimed person may well wear such a thing, too, and a reader takes it for the one that is spoken of; but
    hardly where it has a colour. In both versions, or the colour would tell which one is false. Where all such things
    are annotated, there is no other one.
    """
    argument = lexicon.functional(order.predicate)
    if argument is None or facts.world == "closed" or facts.relation(*claim).evidence != FUNCTIONAL:
        return True
    things = (order.y, y) if argument == 2 else (order.x, x)
    return all(map(_coloured, things)) or all(facts.is_complete(thing.noun) for thing in things)


def _coloured(x: Phrase) -> bool:
    return any(lexicon.attribute_class(name) == "colour" for name in x.attributes)


def _is_told_apart(facts: Facts, order: Order, role: Role) -> bool:
    """Whether a worn thing (a part) is said with an attribute, where its wearer (whole) is replaced: see `told_apart`.

    A quick look, before others are tried.
    """
    argument = lexicon.functional(order.predicate)
    if facts.world == "closed" or argument is None:
        return True
    replaced, thing = ("subject", order.y) if argument == 2 else ("object", order.x)
    return role != replaced or bool(thing.attributes)


def fitting(facts: Facts, predicate: str, old: Entity, kept: Entity) -> Callable[[Entity], bool]:
    """Tells whether a thing may stand for `old`, in a statement with `kept`: same number, and a sensible one."""
    nouns, number = (old.noun, kept.noun), lexicon.number(old.noun)
    if predicate in DIRECTIONS:
        return lambda new: new.noun not in nouns and lexicon.number(new.noun) == number and not unfit(facts, new, kept)
    person = lexicon.is_person(old.noun)
    return lambda new: (
        new.noun not in nouns and lexicon.number(new.noun) == number and lexicon.is_person(new.noun) == person
    )
