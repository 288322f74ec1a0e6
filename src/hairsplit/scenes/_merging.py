"""Which nodes of a scene graph are one thing, and what it is called."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hairsplit.core.types import Scene, Thing
from hairsplit.scenes import lexicon
from hairsplit.scenes.boxes import disjoint, overlap

SAME_BOX = 0.7
"""Intersection over union from which two boxes with related nouns are one thing."""


def merged(scene: Scene) -> list[list[Thing]]:
    """The nodes, those of one thing together, in an order that depends neither on the file's nor on mirroring."""
    things = sorted(scene.things, key=_content)
    if not any(_same(a, b) for a, b in _overlapping(things)):  # most often, and in this order already
        return [[thing] for thing in things]
    groups: list[list[Thing]] = []
    for thing in things:
        same = [group for group in groups if _belongs(thing, group)]
        if same:
            joined = [*(other for group in same for other in group), thing]
            groups = [group for group in groups if group not in same] + [joined]
        else:
            groups.append([thing])
    return sorted(groups, key=lambda group: _content(group[0]))


def names(group: Sequence[Thing]) -> tuple[str, ...]:
    """What nodes of one thing are called; the most specific noun first, what a caption does not say last."""
    found = tuple(dict.fromkeys([lexicon.normal(thing.name) for thing in group]))
    if len(found) == 1:
        return found
    return tuple(sorted(found, key=lambda noun: -_says(noun, found)))  # stable: ties stay in content order


def edges(scene: Scene, entity_of: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Edges between things, with canonical predicates."""
    for thing in scene.things:
        for relation in thing.relations:
            s, o = entity_of[thing.id], entity_of.get(relation.target)
            if o is not None and o != s:
                yield s, lexicon.predicate(relation.predicate), o


def _content(thing: Thing) -> tuple[object, ...]:
    """Sort key: independent of the file's order, and, up to ties, of mirroring the scene."""
    box = thing.box
    return (thing.name, sorted(thing.attributes), box.y, box.h, box.w, box.x, thing.id)


def _says(noun: str, names: Iterable[str]) -> int:
    """How many of the names a noun implies; one that is not said comes last."""
    return sum(lexicon.match(other, noun) == "yes" for other in names) if lexicon.nameable(noun) else -1


def _overlapping(things: Iterable[Thing]) -> Iterator[tuple[Thing, Thing]]:
    """Each two things that share a pixel; calling `disjoint` of all of them would take five times as long."""
    before: list[tuple[Thing, float, float, float, float]] = []
    for thing in things:
        box = thing.box
        left, top, right, bottom = box.x, box.y, box.x + box.w, box.y + box.h
        for other, x, y, end, foot in before:
            if x < right and left < end and y < bottom and top < foot:
                yield other, thing
        before.append((thing, left, top, right, bottom))


def _belongs(thing: Thing, group: Sequence[Thing]) -> bool:
    return any(_same(thing, other) for other in group)


def _same(a: Thing, b: Thing) -> bool:
    if disjoint(a.box, b.box) or overlap(a.box, b.box) <= SAME_BOX:  # first, since few pass it
        return False
    one, two = lexicon.normal(a.name), lexicon.normal(b.name)
    return lexicon.match(one, two) != "no" or lexicon.match(two, one) != "no"
