"""What is TRUE, FALSE or UNKNOWN of a scene, and by what evidence.

Graphs are incomplete and redundant: what is not annotated is UNKNOWN in the open world, and several nodes may be one
thing. In the closed world what is not annotated is FALSE, but a direction that the boxes leave undecided stays UNKNOWN.
A noun may be declared complete: all its things are annotated, though not all that is true of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import NamedTuple

from hairsplit.core.types import Box, Scene, World
from hairsplit.scenes import lexicon
from hairsplit.scenes._merging import edges, merged, names
from hairsplit.scenes.boxes import disjoint, gaps

CLEAR_SHIFT = 0.05
"""Share of the picture's side by which centres must differ for an annotated direction to count."""
CLEAR_SLOPE = 0.5
"""Least |distance along the axis| / |distance across it| for a direction to be TRUE."""
_ALONE = "\x1f"
"""Ends the id of a node of several, so that it is not taken for the thing."""
HORIZONTAL = ("to the left of", "to the right of")
VERTICAL = ("above", "below")


class Truth(Enum):
    """Three-valued truth (strong Kleene logic)."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """A truth value and why.

    annotated, geometric, exclusive_attribute, converse_or_contrary, functional, count_bound, complete (in the closed
    world) or complete_noun.
    """

    truth: Truth
    evidence: str = ""


UNKNOWN = Verdict(Truth.UNKNOWN)


def both(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene's and: FALSE if one is FALSE, TRUE if all are."""
    return _fold(list(verdicts), decisive=Truth.FALSE, otherwise=Truth.TRUE)


def either(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene's or: TRUE if one is TRUE, FALSE if all are FALSE."""
    return _fold(list(verdicts), decisive=Truth.TRUE, otherwise=Truth.FALSE)


def _fold(verdicts: list[Verdict], *, decisive: Truth, otherwise: Truth) -> Verdict:
    for verdict in verdicts:
        if verdict.truth is decisive:
            return verdict
    if any(verdict.truth is Truth.UNKNOWN for verdict in verdicts):
        return UNKNOWN
    return Verdict(otherwise, verdicts[0].evidence if verdicts else "")


def opposite(verdict: Verdict) -> Verdict:
    """Kleene's not."""
    flip = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}
    return Verdict(flip[verdict.truth], verdict.evidence)


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

    @cached_property
    def noun(self) -> str:
        """The noun to call it by."""
        return self.nouns[0]

    @cached_property
    def by_class(self) -> Mapping[str, str]:
        """Exclusive class -> its attribute, where exactly one of the class is annotated; in order of the classes."""
        found: dict[str, list[str]] = {}
        for attribute in self.attributes:
            kind = lexicon.attribute_class(attribute)
            if kind is not None:
                found.setdefault(kind, []).append(attribute)
        return {kind: names[0] for kind, names in sorted(found.items()) if len(names) == 1}


class Facts:
    """The scene as a set of facts; entities come in an order that does not depend on the file's, nor on mirroring."""

    def __init__(self, scene: Scene, world: World, complete: frozenset[str] = frozenset()) -> None:
        """Take a scene apart.

        Args:
            scene: The graph.
            world: Whether what it does not say is FALSE (closed) or UNKNOWN (open).
            complete: Nouns, singular and as `lexicon.normal` leaves them, of which it has every thing in any world.
        """
        self.scene = scene
        self.world = world
        self.complete = complete
        self.entities, entity_of = _entities(scene)
        self.edges: frozenset[tuple[str, str, str]] = frozenset(edges(scene, entity_of))
        alone = {thing.id: thing.id for thing in scene.things}
        alone |= {node.id.removesuffix(_ALONE): node.id for entity in self.entities for node in entity.nodes}
        self._known = self.edges.union(edges(scene, alone)) if any(e.nodes for e in self.entities) else self.edges
        self._linked = {(s, o) for s, _, o in self._known} | {(o, s) for s, _, o in self._known}
        self._called: dict[str, tuple[tuple[Entity, ...], tuple[Entity, ...]]] = {}
        self._referents: dict[tuple[str, tuple[str, ...], bool], Entity | None] = {}
        self._relations: dict[tuple[str, str, str], Verdict] = {}
        self._attributes: dict[tuple[str, str], Verdict] = {}

    @cached_property
    def predicates(self) -> frozenset[str]:
        """All predicates of its edges."""
        return frozenset(predicate for _, predicate, _ in self.edges)

    @cached_property
    def nouns(self) -> tuple[str, ...]:
        """All nouns of the scene, sorted."""
        return tuple(sorted({noun for entity in self.entities for noun in entity.nouns}))

    def attribute(self, entity: Entity, name: str) -> Verdict:
        """Whether an entity has a (canonical) attribute.

        FALSE if exactly one member of its exclusive class is annotated and is another one, not a shade of it, nor (in
        the open world) a neighbouring colour.
        """
        key = (entity.id, name)
        if key not in self._attributes:
            self._attributes[key] = self._attribute(entity, name)
        return self._attributes[key]

    def _attribute(self, entity: Entity, name: str) -> Verdict:
        if name in entity.attributes:
            return Verdict(Truth.TRUE, "annotated")
        if any(lexicon.near(a, name) or lexicon.near(name, a) for a in entity.attributes):
            return UNKNOWN
        if self.world == "open" and any(lexicon.loose(a, name) for a in entity.attributes):
            return UNKNOWN
        rivals = [a for a in entity.attributes if lexicon.excludes(a, name)]
        if len(rivals) == 1:
            return Verdict(Truth.FALSE, "exclusive_attribute")
        return self._absent()

    def relation(self, s: Entity, name: str, o: Entity) -> Verdict:
        """Whether a (canonical) predicate holds of two entities.

        Left, right, above and below are judged by boxes and edges, all others by edges.
        """
        key = (s.id, name, o.id)
        if key not in self._relations:
            direction = name in HORIZONTAL or name in VERTICAL
            self._relations[key] = self._direction(s, name, o) if direction else self._annotated(s, name, o)
        return self._relations[key]

    def _annotated(self, s: Entity, name: str, o: Entity) -> Verdict:
        if s.id == o.id:
            return UNKNOWN
        linked = (s.id, o.id) in self._linked  # most are not
        claimed = linked and self._claims(s, name, o)
        apart = name == "inside" and _disjoint(s, o)
        refuted = linked and self._refutes(s, name, o)
        evidence = "converse_or_contrary" if refuted else "geometric" if apart else ""
        if claimed:
            return UNKNOWN if evidence else Verdict(Truth.TRUE, "annotated")
        if not evidence and self._taken(s, name, o):
            evidence = "functional"
        if evidence:
            return Verdict(Truth.FALSE, evidence)
        similar = linked and any(self._edge(s, other, o) for other in lexicon.overlapping(name))
        return UNKNOWN if similar else self._absent()

    def _claims(self, s: Entity, name: str, o: Entity) -> bool:
        inverse = lexicon.inverse(name)
        return self._edge(s, name, o) or (inverse is not None and self._edge(o, inverse, s))

    def _refutes(self, s: Entity, name: str, o: Entity) -> bool:
        """Whether an edge is annotated that cannot hold beside this one."""
        inverse = lexicon.inverse(name)
        return (
            (lexicon.asymmetric(name) and self._edge(o, name, s))
            or (inverse is not None and self._edge(s, inverse, o))
            or self._contradicted(s, name, o)
        )

    def _contradicted(self, s: Entity, name: str, o: Entity) -> bool:
        return any(self._edge(s, contrary, o) for contrary in lexicon.contraries(name))

    def _taken(self, s: Entity, name: str, o: Entity) -> bool:
        """Whether what goes with one thing only (a wearer, a whole) goes with another, apart from the claimed one."""
        argument = lexicon.functional(name)
        if argument is None:
            return False
        claimed, thing = (s, o) if argument == 2 else (o, s)
        return _disjoint(claimed, thing) and any(
            _disjoint(claimed, other)
            for other in self.entities
            if other is not claimed and (self._edge(other, name, o) if argument == 2 else self._edge(s, name, other))
        )

    def called(self, noun: str) -> tuple[tuple[Entity, ...], tuple[Entity, ...]]:
        """Entities that surely are a `noun`, and those that may be one."""
        if noun not in self._called:
            self._called[noun] = self._find(noun)
        return self._called[noun]

    def _find(self, noun: str) -> tuple[tuple[Entity, ...], tuple[Entity, ...]]:
        sure, maybe = [], []
        for entity in self.entities:
            matches = {lexicon.match(noun, name) for name in entity.nouns}
            if "yes" in matches:
                sure.append(entity)
            elif "no" not in matches:  # of two nouns for one thing, one that rules it out decides
                maybe.append(entity)
        return tuple(sure), tuple(maybe)

    def referent(self, noun: str, attributes: tuple[str, ...] = (), *, strict: bool = False) -> Entity | None:
        """What "the <attributes> <noun>" refers to; None if nothing or more than one thing may be meant.

        A noun that fits one thing alone refers to it, whatever attributes the sentence adds: they are then claims.
        A reader takes "the man" for the one man beside some people; a writer, `strict`, says so of no crowd with men.
        """
        key = (noun, attributes, strict)
        if key not in self._referents:
            self._referents[key] = self._refer(noun, attributes, strict=strict)
        return self._referents[key]

    def _refer(self, noun: str, attributes: tuple[str, ...], *, strict: bool) -> Entity | None:
        sure, maybe = self.called(noun)
        if not strict:
            maybe = tuple(e for e in maybe if not _crowd_of_others(e, noun))
        if len(sure) == 1 and not maybe:
            return None if _several(sure[0]) else sure[0]
        left = [e for e in sure + maybe if self._has(e, attributes).truth is not Truth.FALSE]
        if len(left) == 1 and left[0] in sure and self._has(left[0], attributes).truth is Truth.TRUE:
            return None if _several(left[0]) else left[0]
        return None

    def _has(self, entity: Entity, attributes: tuple[str, ...]) -> Verdict:
        return both(self.attribute(entity, a) for a in attributes)

    def existing(self, noun: str, attributes: tuple[str, ...] = ()) -> Verdict:
        """Whether there is a `noun` with all `attributes`; FALSE only if the noun is complete."""
        sure, maybe = self.called(noun)
        if any(self._has(e, attributes).truth is Truth.TRUE for e in sure):
            return Verdict(Truth.TRUE, "annotated")
        if self.is_complete(noun) and all(self._has(e, attributes).truth is Truth.FALSE for e in sure + maybe):
            return Verdict(Truth.FALSE, self.completeness)
        return UNKNOWN

    def is_complete(self, noun: str) -> bool:
        """Whether every `noun` in the picture is annotated."""
        return self.world == "closed" or lexicon.singular(noun) in self.complete

    @property
    def completeness(self) -> str:
        """The evidence of what is FALSE because nothing of a complete noun is missing."""
        return "complete" if self.world == "closed" else "complete_noun"

    def count(self, noun: str) -> tuple[int, int | None]:
        """Least and greatest number of `noun` things; the greatest is None where more may exist."""
        sure, maybe = self.called(noun)
        if not self.is_complete(noun) or maybe or any(map(_several, sure)):
            return sum(not _several(e) for e in sure), None
        return len(sure), len(sure)

    def _absent(self) -> Verdict:
        return Verdict(Truth.FALSE, "complete") if self.world == "closed" else UNKNOWN

    def _edge(self, s: Entity, name: str, o: Entity) -> bool:
        return (s.id, name, o.id) in self._known

    def _direction(self, s: Entity, name: str, o: Entity) -> Verdict:
        """As the boxes say, or an edge that they do not contradict; otherwise UNKNOWN, in both worlds.

        It must be so of each node of a thing, by its own box and edges.
        """
        if name in {"to the right of", "below"}:
            return self.relation(o, str(lexicon.inverse(name)), s)
        if not s.nodes and not o.nodes:
            return self._between(s, name, o)
        verdicts = [self._between(a, name, b) for a in s.nodes or (s,) for b in o.nodes or (o,)]
        agreed = len({verdict.truth for verdict in verdicts}) == 1
        return min(verdicts, key=lambda verdict: verdict.evidence) if agreed else UNKNOWN

    def _between(self, s: Entity, name: str, o: Entity) -> Verdict:
        inverse = str(lexicon.inverse(name))
        along, across = gaps(s.box, o.box) if name in HORIZONTAL else reversed(gaps(s.box, o.box))
        clear = CLEAR_SHIFT * (self.scene.width if name in HORIZONTAL else self.scene.height)
        claimed = denied = contrary = False
        if (s.id, o.id) in self._linked:  # most are not
            claimed, denied = self._claims(s, name, o), self._claims(s, inverse, o)
            contrary = self._contradicted(s, name, o) or self._contradicted(o, inverse, s)
        if (claimed or along.before) and (denied or along.after or contrary):
            return UNKNOWN
        if along.before or (claimed and along.shift > clear):
            steep = abs(along.shift) >= CLEAR_SLOPE * abs(across.shift)
            return Verdict(Truth.TRUE, "geometric") if steep else UNKNOWN
        if along.after:
            return Verdict(Truth.FALSE, "geometric")
        against = contrary or (denied and along.shift < -clear)
        return Verdict(Truth.FALSE, "converse_or_contrary") if against else UNKNOWN


def _several(entity: Entity) -> bool:
    return all(lexicon.is_collective(noun) for noun in entity.nouns)


def _crowd_of_others(entity: Entity, noun: str) -> bool:
    """Whether it is several things that may include a `noun`, but are not called so: people, of a man."""
    own = lexicon.singular(lexicon.head(noun))
    return _several(entity) and all(lexicon.singular(lexicon.head(name)) != own for name in entity.nouns)


def _entities(scene: Scene) -> tuple[tuple[Entity, ...], Mapping[str, str]]:
    """Nodes merged into entities, and the entity of every node."""
    groups = merged(scene)
    entities = []
    for group in groups:
        attributes = tuple(sorted({lexicon.attribute(a) for thing in group for a in thing.attributes}))
        each = group if len(group) > 1 else ()
        nodes = tuple(Entity(f"{thing.id}{_ALONE}", (lexicon.normal(thing.name),), thing.box, ()) for thing in each)
        entities.append(Entity(group[0].id, names(group), group[0].box, attributes, nodes))
    return tuple(entities), {thing.id: group[0].id for group in groups for thing in group}


def _disjoint(a: Entity, b: Entity) -> bool:
    """Whether two things share no pixel."""
    return all(disjoint(one.box, two.box) for one in a.nodes or (a,) for two in b.nodes or (b,))
