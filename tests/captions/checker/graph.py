"""A raw scene graph in GQA layout, cleaned, with nodes of the same thing put together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.captions.checker import words

SAME_BOX = 0.7
"""Boxes of related nouns that overlap more than this are one thing (CAPTIONS 7.1)."""

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom, pixels."""


@dataclass
class Entity:
    """One thing, with all that its nodes say."""

    ids: set[str]
    nouns: set[str]
    attributes: set[str]
    boxes: list[Rectangle]
    edges: list[tuple[str, str]] = field(default_factory=list)
    """(place, id of a target node)."""

    def named(self, noun: str) -> str:
        """Whether it is called so: yes, maybe or no; a girl who is called a person too is no man."""
        precise = [n for n in self.nouns if not any(words.synonyms(m) & words.narrower(n) for m in self.nouns)]
        if "yes" in {fits(noun, name) for name in self.nouns}:
            return "yes"
        return "maybe" if "maybe" in {fits(noun, name) for name in precise} else "no"


@dataclass(frozen=True)
class Graph:
    """What is known of an image."""

    width: float
    height: float
    entities: list[Entity]

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Graph":
        """Read, clean (7.1) and merge."""
        width, height = float(raw["width"]), float(raw["height"])
        nodes: dict[str, Entity] = {}
        for key, value in raw["objects"].items():
            x, y = max(0.0, float(value["x"])), max(0.0, float(value["y"]))
            right = min(width, float(value["x"]) + float(value["w"]))
            bottom = min(height, float(value["y"]) + float(value["h"]))
            name = _clean(value["name"])
            if right > x and bottom > y and name:
                attributes = {_clean(a) for a in value.get("attributes") or ()} - {""}
                nodes[key] = Entity({key}, {name}, attributes, [(x, y, right, bottom)])
        for key, entity in nodes.items():
            relations = raw["objects"][key].get("relations") or ()
            for edge in relations.values() if isinstance(relations, Mapping) else relations:
                if edge["object"] in nodes and edge["object"] != key:
                    entity.edges.append((words.place(_clean(edge["name"])), edge["object"]))
        return cls(width, height, _merged(list(nodes.values())))

    @property
    def nouns(self) -> set[str]:
        """All names of things."""
        return set().union(*(e.nouns for e in self.entities))

    @property
    def attributes(self) -> set[str]:
        """All names of attributes."""
        return set().union(*(e.attributes for e in self.entities))


def _clean(name: str) -> str:
    return " ".join(str(name).lower().split())


def _merged(nodes: list[Entity]) -> list[Entity]:
    """Nodes of related nouns on the same pixels become one entity; the rest stay."""
    merged: list[Entity] = []
    for node in nodes:
        same = [m for m in merged if _same_thing(m, node)]
        for other in same:
            node.ids |= other.ids
            node.nouns |= other.nouns
            node.attributes |= other.attributes
            node.boxes += other.boxes
            node.edges += other.edges
            merged.remove(other)
        merged.append(node)
    return merged


def _same_thing(a: Entity, b: Entity) -> bool:
    return any(one_thing(m, n) for m in a.nouns for n in b.nouns) and any(
        overlap(p, q) > SAME_BOX for p in a.boxes for q in b.boxes
    )


def one_thing(noun: str, name: str) -> bool:
    """Whether two names of the same pixels name one thing: any object, or a person by age and by what they do."""
    if {noun, name} & words.ANYTHING or related(noun, name):
        return True
    people = words.narrower("person")
    return {words.singular(noun), words.singular(name)} <= people and not {noun, name} <= words.AGE_AND_SEX


def related(noun: str, name: str) -> bool:
    """Whether one thing may bear both names."""
    return fits(noun, name) != "no"


@cache
def fits(noun: str, name: str) -> str:
    """Whether a thing called `name` is called `noun` too: yes, maybe or no.

    A man is a person; a person may be a man; people may be men among others.
    """
    same, own = words.synonyms(noun), words.synonyms(name)
    if same & own:
        return "yes"
    if words.narrower(noun) & own:
        return "yes"
    if words.narrower(name) & same:
        return "maybe"
    return "no"


def may_hold(noun: str, name: str) -> bool:
    """Whether what is called `name` is several things at once, of which some may be called `noun`: a crowd, of men."""
    members = words.COLLECTIVES.get(words.singular(name))
    return bool(members) and related(noun, str(members))


def overlap(a: Rectangle, b: Rectangle) -> float:
    """Intersection over union."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - wide * high
    return wide * high / area
