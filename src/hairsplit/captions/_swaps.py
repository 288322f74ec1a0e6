"""Things of an image with an attribute that may be swapped: what families about one attribute are made of."""

from collections.abc import Iterator

import msgspec

from hairsplit.captions._family import Context
from hairsplit.captions._left_out import left_out
from hairsplit.captions._referents import why_not
from hairsplit.captions._shuffled import shuffled
from hairsplit.captions.form import Phrase
from hairsplit.core.types import Reject
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts


class Swap(msgspec.Struct, frozen=True, gc=False):
    """A thing, and other attributes of the class of one that it has."""

    entity: Entity
    x: Phrase
    """What the thing is called, without the class of the attribute."""
    attribute: str
    others: tuple[str, ...]


def swaps(facts: Facts, context: Context, wanted: int) -> Iterator[Swap | Reject]:
    """Yield, per thing in random order and attribute of a class, up to `wanted` others that keep the swaps even."""
    where = facts.scene.image_id
    for entity in shuffled(facts.entities, context.rng):
        for kind, attribute in entity.swappable.items():
            x = context.names.describe(entity, context.rng, without=(kind,))
            if x is None:
                yield left_out(where, why_not(entity))
                continue
            others = context.corpus.attribute_swaps(entity.noun, attribute, context.rng, wanted)
            if others:
                yield Swap(entity, x, attribute, others)
            else:
                yield left_out(where, "left out to keep swaps even")
