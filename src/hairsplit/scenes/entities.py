"""The things of a scene: nodes of the graph, those of one thing merged."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from hairsplit.core.kept import kept
from hairsplit.core.types import Box, Scene
from hairsplit.scenes import boxes, lexicon
from hairsplit.scenes._merging import merged, names
from hairsplit.scenes.plausible import usable

ALONE = "\x1f"
"""Ends the id of a node of several, so that it is not taken for the thing."""
_COMBINATIONS = 1 << 14
"""Combinations of attributes of which the classes are remembered."""


@dataclass(frozen=True, eq=False)
class Entity:
    """One thing of the scene: a node, or several nodes over the same pixels; equal to itself only."""

    id: str
    """Id of its first node."""
    nouns: tuple[str, ...]
    """What it is called; the most specific noun first."""
    box: Box
    attributes: tuple[str, ...]
    """Canonical, sorted."""
    nodes: tuple["Entity", ...] = ()
    """Its nodes one by one, under ids of their own, where it has several: each may have another box."""

    @kept
    def noun(self) -> str:
        """The noun to call it by."""
        return self.nouns[0]

    @kept
    def by_class(self) -> Mapping[str, str]:
        """Exclusive class -> its attribute, where exactly one of the class is annotated; in order of the classes."""
        return by_class_of(self.attributes)

    @kept
    def swappable(self) -> Mapping[str, str]:
        """Those of `by_class` that a caption may say of it, and another of the class in their place."""
        return {kind: name for kind, name in self.by_class.items() if usable(self.noun, name)}

    @kept
    def is_several(self) -> bool:
        """Whether each of its nouns names several things at once."""
        return all(map(lexicon.is_collective, self.nouns))

    def may_include(self, noun: str) -> bool:
        """Whether it is several things, one of which may be a `noun` though none is called so: people, of a man."""
        own = lexicon.singular(lexicon.head(noun))
        return self.is_several and all(lexicon.singular(lexicon.head(name)) != own for name in self.nouns)

    def matches(self, noun: str) -> lexicon.Match:
        """Whether it is a `noun`; of several names, one that says so decides, else one that rules it out."""
        found = {lexicon.match(noun, name) for name in self.nouns}
        return "yes" if "yes" in found else "no" if "no" in found else "maybe"


@lru_cache(maxsize=_COMBINATIONS)
def by_class_of(attributes: tuple[str, ...]) -> Mapping[str, str]:
    """Exclusive class -> its attribute, where it is the only one of the class; of canonical attributes, sorted."""
    found: dict[str, list[str]] = {}
    for attribute in attributes:
        kind = lexicon.attribute_class(attribute)
        if kind is not None:
            found.setdefault(kind, []).append(attribute)
    return {kind: members[0] for kind, members in sorted(found.items()) if len(members) == 1}


def entities_of(scene: Scene) -> tuple[tuple[Entity, ...], Mapping[str, str]]:
    """Nodes merged into entities, in an order that does not depend on the file's, and the entity of every node."""
    groups = merged(scene)
    entities = []
    for group in groups:
        attributes = tuple(sorted({lexicon.attribute(a) for thing in group for a in thing.attributes}))
        each = group if len(group) > 1 else ()
        nodes = tuple(Entity(f"{thing.id}{ALONE}", (lexicon.normal(thing.name),), thing.box, ()) for thing in each)
        entities.append(Entity(group[0].id, names(group), group[0].box, attributes, nodes))
    return tuple(entities), {thing.id: group[0].id for group in groups for thing in group}


def disjoint(a: Entity, b: Entity) -> bool:
    """Whether two things share no pixel."""
    return all(boxes.disjoint(one.box, two.box) for one in a.nodes or (a,) for two in b.nodes or (b,))
