"""Some or no thing is there: "At least one circle that is above the star can be seen." -> "No circle that is ..."."""

from collections.abc import Iterator
from typing import NamedTuple

from hairsplit.captions._changes import TRIES, fitting
from hairsplit.captions._family import Context, Draft, Family
from hairsplit.captions._grammar import said, wording
from hairsplit.captions._left_out import left_out
from hairsplit.captions._orders import AXES, BY_BOXES, edges, some_pairs, unfit
from hairsplit.captions._quantified import TEMPLATES, can_be_counted, quantified
from hairsplit.captions._shuffled import below
from hairsplit.captions.form import Phrase, Related, judge
from hairsplit.core.types import Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import FALSE, TRUE


class _Claim(NamedTuple):
    """Something is `predicate` o."""

    predicate: str
    o: Entity
    y: Phrase


def generate(facts: Facts, context: Context) -> Iterator[Draft | Reject]:
    """Yield two drafts per noun and relation: there is one, and there is none on the other side or of another thing.

    Both or neither, so that each quantifier is true as often as it is false.
    """
    rng, where = context.rng, facts.scene.image_id
    found = [*_directions(facts, context), *edges(facts)]
    seen: set[tuple[str, str, str]] = set()
    for s, p, o in rng.sample(found, len(found)):
        noun, y = s.noun, context.names.describe(o, rng)
        if y is None or y.noun == noun or not can_be_counted(facts, noun):
            yield left_out(where, "noun that cannot be counted, or referent that is not unique")
            continue
        other = _absent(facts, context, s, _Claim(p, o, y))
        if other is None:
            yield left_out(where, "no relation that surely no such thing has")
            continue
        claims = {(noun, p, o.id), (noun, other.predicate, other.o.id)}
        if not claims & seen:
            seen |= claims
            row = below(3, rng)
            for said_of, there_is in rng.sample(((_Claim(p, o, y), True), (other, False)), 2):
                yield _draft(facts, context, noun, said_of, row, there_is=there_is)


def _directions(facts: Facts, context: Context) -> Iterator[tuple[Entity, str, Entity]]:
    axes = [axis for axis in AXES if axis in BY_BOXES or not facts.predicates.isdisjoint(axis)]
    for a, b in some_pairs(facts.entities, context.rng):
        s, o = (a, b) if context.rng.random() < 0.5 else (b, a)
        if not unfit(facts, s, o):
            yield from ((s, p, o) for axis in axes for p in axis if facts.relation(s, p, o).truth is TRUE)


def _absent(facts: Facts, context: Context, s: Entity, claim: _Claim) -> _Claim | None:
    """A claim like this one that is true of no such thing."""
    rng, (p, o, y) = context.rng, claim
    inverse = lexicon.inverse(p)
    candidates = []
    if inverse is not None and lexicon.said_as(p) == "place":
        if context.corpus.turn(s.noun, p, o.noun, rng):
            candidates.append(_Claim(inverse, o, y))
    else:
        fits = fitting(facts, p, o, s)
        for other in rng.sample(facts.entities, min(TRIES, len(facts.entities))):
            z = context.names.describe(other, rng)
            if other is s or z is None or z.noun == s.noun or not fits(other):
                continue
            if context.corpus.replace((s.noun, p, o.noun), (s.noun, p, other.noun), rng):
                candidates.append(_Claim(p, other, z))
    return next((c for c in candidates if judge(_form(s.noun, c), facts).truth is FALSE), None)


def _draft(facts: Facts, context: Context, noun: str, claim: _Claim, row: int, *, there_is: bool) -> Draft:
    p, o, y = claim
    things = [e for e in facts.called(noun)[0] if not there_is or facts.relation(e, p, o).truth is TRUE]
    mentions = (*(("subject", e) for e in things), ("object", o))
    what = f"{wording(p, row)} {said(y)}"
    return quantified(context, noun, what, _form(noun, claim), mentions, there_is=there_is)


def _form(noun: str, claim: _Claim) -> Related:
    return Related(Phrase(noun, (), "a"), claim.predicate, claim.y)


ENTRY = Family(
    generate=generate,
    roles=("quantifier",),
    worlds=("closed",),
    templates=TEMPLATES,
    example=("There is at least one circle that is above the star.", "There is no circle that is above the star."),
)
