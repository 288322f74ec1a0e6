"""How to speak of a thing so that it can only be that thing."""

from bisect import bisect
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from random import Random

from hairsplit.captions._left_out import left_out
from hairsplit.captions.form import Phrase
from hairsplit.core.kept import kept
from hairsplit.core.types import Reject
from hairsplit.scenes import lexicon
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts

WEIGHTS = {("colour",): 6, (): 2, ("size",): 1, ("size", "colour"): 1}
"""How often each way of naming is chosen among those that are unique; colours tell things apart at a glance.

Classes stand in the order in which they are said."""


_SAID = ("size", "colour")
"""Classes in it."""

Claim = tuple[Entity, str, Entity]
"""Subject, predicate, object."""


class Names:
    """How the things of one scene may be called; what was found out is kept."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._found: dict[tuple[str, tuple[str, ...]], tuple[list[Phrase], list[int]]] = {}
        self._known: dict[tuple[str, tuple[str, ...]], tuple[list[Phrase], list[int]]] = {}
        self._telling: dict[tuple[str, tuple[str, ...]], list[tuple[str, str]]] = {}
        self.clear: dict[tuple[str, str], list[Claim | Reject]] = {}
        """Axis -> what surely holds between two things; `_orders` works it out once for all families."""
        self.doings: list[Claim] | None = None
        """What else is annotated and can be said; so, too."""

    def describe(self, entity: Entity, rng: Random, *, without: tuple[str, ...] = ()) -> Phrase | None:
        """A phrase that refers to this thing alone, by noun, size and colour; None if there is none.

        Args:
            entity: The thing to speak of.
            rng: Chooses among unique phrases.
            without: Classes not to use, since the sentence itself is about them.
        """
        phrases, limits = self._found.get((entity.id, without)) or self._ways(entity, without)
        if len(phrases) < 2:
            return phrases[0] if phrases else None
        return phrases[bisect(limits, rng.random() * limits[-1], 0, len(phrases) - 1)]  # as `drawn`

    @kept
    def things(self) -> tuple[Entity, ...]:
        """The things of the scene that can be told from all others."""
        return tuple(entity for entity in self._facts.entities if self._ways(entity, ())[0])

    @kept
    def placed(self) -> tuple[Entity, ...]:
        """Those of them of which one would say where they are."""
        return tuple(entity for entity in self.things if lexicon.has_a_place(entity.noun))

    @kept
    def unfit(self) -> tuple[Reject, ...]:
        """Why the others take no part in statements about two things."""
        where, several = self._facts.scene.image_id, len(self._facts.entities) > 1
        unnamed = [e for e in self._facts.entities if several and e not in self.things]
        homeless = [e for e in self.things if e not in self.placed]
        return (
            *(left_out(where, why_not(e)) for e in unnamed),
            *(left_out(where, "noun that has no place of its own") for e in homeless),
        )

    def unique(self, entity: Entity, attributes: tuple[str, ...] = ()) -> bool:
        """Whether "the <attributes> <noun>" can only be this thing."""
        return lexicon.nameable(entity.noun) and self._facts.referent(entity.noun, attributes, strict=True) is entity

    def telling(self, entity: Entity, *, without: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        """(class, attribute) of which each can be swapped and, said with the noun, tells the thing from all others."""
        key = (entity.id, without)
        found = self._telling.get(key)
        if found is None:
            classed = [item for item in entity.swappable.items() if item[0] not in without]
            found = self._telling[key] = [(kind, name) for kind, name in classed if self.unique(entity, (name,))]
        return found

    def _ways(self, entity: Entity, without: tuple[str, ...]) -> tuple[list[Phrase], list[int]]:
        key = (entity.id, without)
        found = self._found.get(key)
        if found is None:  # most often what is not to be said is not known either, and the ways are the same
            known = tuple([name for name in _SAID if name in entity.swappable and name not in without])
            found = self._known.get((entity.id, known))
            if found is None:
                found = self._known[entity.id, known] = self._unique(entity, known)
            self._found[key] = found
        return found

    def _unique(self, entity: Entity, known: tuple[str, ...]) -> tuple[list[Phrase], list[int]]:
        """The ways of naming a thing by these classes that it alone fits, with their cumulated weights."""
        noun, swappable = entity.noun, entity.swappable
        if not lexicon.nameable(noun):
            return [], []
        alone = self.unique(entity)
        found: list[tuple[Phrase, int]] = []
        for classes, weight in _ways(known):
            attributes = tuple([swappable[name] for name in classes])
            if alone or self.unique(entity, attributes):
                found.append((Phrase(noun, attributes), weight))
        short = [(p, w) for p, w in found if len(p.attributes) < 2] or found  # two adjectives only if one will not do
        return [p for p, _ in short], list(accumulate([w for _, w in short]))


@cache
def _ways(known: tuple[str, ...]) -> Sequence[tuple[tuple[str, ...], int]]:
    """The ways of naming a thing of which these classes are known, with their weights."""
    return [(classes, weight) for classes, weight in WEIGHTS.items() if set(classes) <= set(known)]


def why_not(entity: Entity) -> str:
    """The reason for which `describe` found nothing."""
    return "referent is not unique" if lexicon.nameable(entity.noun) else "noun cannot be used in a caption"
