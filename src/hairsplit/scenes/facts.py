"""What is TRUE, FALSE or UNKNOWN of a scene, and by what evidence.

Graphs are incomplete and redundant: what is not annotated is UNKNOWN in the open world, and several nodes may be one
thing. In the closed world what is not annotated is FALSE, but a direction that the boxes leave undecided stays UNKNOWN.
A noun may be declared complete: all its things are annotated, though not all that is true of them.
"""

from collections.abc import Mapping, Sequence, Set

from hairsplit.core.kept import kept
from hairsplit.core.types import Box, Scene, World
from hairsplit.scenes import lexicon
from hairsplit.scenes._merging import edges
from hairsplit.scenes._related import is_person, related, root
from hairsplit.scenes.boxes import Gap, across, beside, down, stacked
from hairsplit.scenes.entities import ALONE, Entity, disjoint, entities_of
from hairsplit.scenes.truth import FALSE, TRUE, UNKNOWN, Verdict, both

CLEAR_SHIFT = 0.05
"""Share of the picture's side by which centres must differ for an annotated direction to count."""
CLEAR_SLOPE = 0.5
"""Least |distance along the axis| / |distance across it| for a direction to be TRUE."""
HORIZONTAL = ("to the left of", "to the right of")
VERTICAL = ("above", "below")
ON_PAPER = frozenset(HORIZONTAL + VERTICAL)
"""Directions that boxes tell."""
_ANNOTATED = Verdict(TRUE, "annotated")
_EXCLUSIVE, _COMPLETE = Verdict(FALSE, "exclusive_attribute"), Verdict(FALSE, "complete")
FUNCTIONAL = "functional"
"""Evidence that a thing goes with one other thing only, and with which."""
_CONVERSE, _FUNCTIONAL = Verdict(FALSE, "converse_or_contrary"), Verdict(FALSE, FUNCTIONAL)
_NONE: frozenset[str] = frozenset()
_UNASKED = Entity("", (), Box(0, 0, 0, 0), ())
"""Stands for a question that was not asked yet."""
_TRUE, _FALSE = (Verdict(truth, "geometric") for truth in (TRUE, FALSE))


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
        self.entities, entity_of = entities_of(scene)
        self.edges: frozenset[tuple[str, str, str]] = frozenset(edges(scene, entity_of))
        known = self.edges
        if any(entity.nodes for entity in self.entities):
            alone = {thing.id: thing.id for thing in scene.things}
            alone |= {node.id.removesuffix(ALONE): node.id for entity in self.entities for node in entity.nodes}
            known = known.union(edges(scene, alone))
        self._said: dict[tuple[str, str], set[str]] = {}
        for s, predicate, o in known:
            self._said.setdefault((s, o), set()).add(predicate)
        self._linked = self._said.keys() | {(o, s) for s, o in self._said}
        self._called: dict[str, tuple[tuple[Entity, ...], tuple[Entity, ...]]] = {}
        self._referents: dict[tuple[str, tuple[str, ...], bool], Entity | None] = {}
        self._relations: dict[tuple[str, str, str], Verdict] = {}
        self._attributes: dict[tuple[str, str], Verdict] = {}

    @kept
    def predicates(self) -> frozenset[str]:
        """All predicates of its edges."""
        return frozenset(predicate for _, predicate, _ in self.edges)

    @kept
    def attached(self) -> frozenset[tuple[str, str]]:
        """Ids of two things, either way round, of which one wears the other or is a part of it."""
        return frozenset(ids for s, p, o in self.edges if p in {"wearing", "of"} for ids in ((s, o), (o, s)))

    @kept
    def nouns(self) -> tuple[str, ...]:
        """All nouns of the scene, sorted."""
        return tuple(sorted({noun for entity in self.entities for noun in entity.nouns}))

    def attribute(self, entity: Entity, name: str) -> Verdict:
        """Whether an entity has a (canonical) attribute.

        FALSE if exactly one member of its exclusive class is annotated and is another one, not a shade of it, nor (in
        the open world) a neighbouring colour.
        """
        key = (entity.id, name)
        verdict = self._attributes.get(key)
        if verdict is None:
            verdict = self._attributes[key] = self._attribute(entity, name)
        return verdict

    def _attribute(self, entity: Entity, name: str) -> Verdict:
        if name in entity.attributes:
            return _ANNOTATED
        rivals = 0
        for other in entity.attributes:
            if lexicon.near(other, name) or lexicon.near(name, other):
                return UNKNOWN
            if self.world == "open" and lexicon.loose(other, name):
                return UNKNOWN
            rivals += lexicon.excludes(other, name)
        return _EXCLUSIVE if rivals == 1 else self._absent()

    def relation(self, s: Entity, name: str, o: Entity) -> Verdict:
        """Whether a (canonical) predicate holds of two entities.

        Left, right, above and below are judged by boxes and edges, all others by edges.
        """
        key = (s.id, name, o.id)
        verdict = self._relations.get(key)
        if verdict is None:
            verdict = self._direction(s, name, o) if name in ON_PAPER else self._annotated(s, name, o)
            self._relations[key] = verdict
        return verdict

    def _annotated(self, s: Entity, name: str, o: Entity) -> Verdict:
        if s.id == o.id:
            return UNKNOWN
        apart = name == "inside" and disjoint(s, o)
        if (s.id, o.id) not in self._linked:  # as most are
            return _FALSE if apart else _FUNCTIONAL if self._taken(s, name, o) else self._absent()
        forth, back = self._between(s, o), self._between(o, s)
        against = _CONVERSE if _refutes(name, forth, back) else _FALSE if apart else None
        if _claims(name, forth, back):
            return UNKNOWN if against else _ANNOTATED
        if against is None and self._taken(s, name, o):
            against = _FUNCTIONAL
        similar = against is None and not forth.isdisjoint(lexicon.overlapping(name))
        return against or (UNKNOWN if similar else self._absent())

    def _between(self, s: Entity, o: Entity) -> Set[str]:
        """The predicates that are annotated from one thing, or node of a thing, to another."""
        return self._said.get((s.id, o.id), _NONE)

    def _taken(self, s: Entity, name: str, o: Entity) -> bool:
        """Whether what goes with one thing only (a wearer, a whole) goes with another, apart from the claimed one."""
        argument = lexicon.functional(name)
        if argument is None:
            return False
        claimed, thing = (s, o) if argument == 2 else (o, s)
        if not disjoint(claimed, thing):
            return False
        pairs = self._by_predicate.get(name, ())
        others = [a for a, b in pairs if b is thing] if argument == 2 else [b for a, b in pairs if a is thing]
        return any(disjoint(claimed, other) for other in others if other is not claimed)

    @kept
    def _by_predicate(self) -> Mapping[str, Sequence[tuple[Entity, Entity]]]:
        """Predicate -> the things between which it is annotated."""
        found: dict[str, list[tuple[Entity, Entity]]] = {}
        entity = {e.id: e for e in self.entities}
        for s, predicate, o in self.edges:
            found.setdefault(predicate, []).append((entity[s], entity[o]))
        return found

    def linked(self, a: Entity, b: Entity) -> bool:
        """Whether an edge is annotated between two things, either way round; else only a direction can be TRUE."""
        return (a.id, b.id) in self._linked

    def called(self, noun: str) -> tuple[tuple[Entity, ...], tuple[Entity, ...]]:
        """Entities that surely are a `noun`, and those that may be one."""
        found = self._called.get(noun)
        if found is None:
            found = self._called[noun] = self._find(noun)
        return found

    def _find(self, noun: str) -> tuple[tuple[Entity, ...], tuple[Entity, ...]]:
        sure, maybe = [], []
        near, people = related(noun), is_person(noun)
        named = self._roots
        if near is not None:
            named = [one for one in named if one[1] is None or one[1] in near or (people and one[2])]
        for entity, _, _ in named:
            match = lexicon.match(noun, entity.noun) if len(entity.nouns) == 1 else entity.matches(noun)
            if match == "yes":
                sure.append(entity)
            elif match == "maybe":
                maybe.append(entity)
        return tuple(sure), tuple(maybe)

    @kept
    def _roots(self) -> Sequence[tuple[Entity, str | None, bool]]:
        """The things, each with the root of its noun (None if it has several) and whether that names people."""
        named = [(entity, entity.nouns[0] if len(entity.nouns) == 1 else None) for entity in self.entities]
        return [(e, None, True) if noun is None else (e, root(noun), is_person(noun)) for e, noun in named]

    def referent(self, noun: str, attributes: tuple[str, ...] = (), *, strict: bool = False) -> Entity | None:
        """What "the <attributes> <noun>" refers to; None if nothing or more than one thing may be meant.

        A noun that fits one thing alone refers to it, whatever attributes the sentence adds: they are then claims.
        A reader takes "the man" for the one man beside some people; a writer, `strict`, says so of no crowd with men.
        """
        key = (noun, attributes, strict)
        found = self._referents.get(key, _UNASKED)
        if found is _UNASKED:
            found = self._referents[key] = self._refer(noun, attributes, strict=strict)
        return found

    def _refer(self, noun: str, attributes: tuple[str, ...], *, strict: bool) -> Entity | None:
        sure, maybe = self.called(noun)
        if not strict:
            maybe = tuple(e for e in maybe if not e.may_include(noun))
        if len(sure) == 1 and not maybe:
            return None if sure[0].is_several else sure[0]
        left = [e for e in sure + maybe if self._has(e, attributes).truth is not FALSE]
        if len(left) == 1 and left[0] in sure and self._has(left[0], attributes).truth is TRUE:
            return None if left[0].is_several else left[0]
        return None

    def _has(self, entity: Entity, attributes: tuple[str, ...]) -> Verdict:
        return both([self.attribute(entity, a) for a in attributes])

    def existing(self, noun: str, attributes: tuple[str, ...] = ()) -> Verdict:
        """Whether there is a `noun` with all `attributes`; FALSE only if the noun is complete."""
        sure, maybe = self.called(noun)
        if any(self._has(e, attributes).truth is TRUE for e in sure):
            return Verdict(TRUE, "annotated")
        if self.is_complete(noun) and all(self._has(e, attributes).truth is FALSE for e in sure + maybe):
            return Verdict(FALSE, self.completeness)
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
        if not self.is_complete(noun) or maybe or any(e.is_several for e in sure):
            return sum(not e.is_several for e in sure), None
        return len(sure), len(sure)

    def _absent(self) -> Verdict:
        return _COMPLETE if self.world == "closed" else UNKNOWN

    def _direction(self, s: Entity, name: str, o: Entity) -> Verdict:
        """As the boxes say, or an edge that they do not contradict; otherwise UNKNOWN, in both worlds.

        It must be so of each node of a thing, by its own box and edges.
        """
        if name in {"to the right of", "below"}:
            return self.relation(o, str(lexicon.inverse(name)), s)
        if not s.nodes and not o.nodes:
            return self._by_boxes(s, name, o)
        verdicts = [self._by_boxes(a, name, b) for a in s.nodes or (s,) for b in o.nodes or (o,)]
        agreed = len({verdict.truth for verdict in verdicts}) == 1
        return min(verdicts, key=lambda verdict: verdict.evidence) if agreed else UNKNOWN

    def _by_boxes(self, s: Entity, name: str, o: Entity) -> Verdict:
        sideways = name in HORIZONTAL
        if (s.id, o.id) not in self._linked:  # as most are
            order = beside if sideways else stacked
            side = order(s.box, o.box, 0)
            steep = side < 0 and order(s.box, o.box, CLEAR_SLOPE) != 0
            return _TRUE if steep else _FALSE if side > 0 else UNKNOWN
        gap = across(s.box, o.box) if sideways else down(s.box, o.box)
        clear = CLEAR_SHIFT * (self.scene.width if sideways else self.scene.height)
        forth, back, inverse = self._between(s, o), self._between(o, s), str(lexicon.inverse(name))
        claimed, denied = _claims(name, forth, back), _claims(inverse, forth, back)
        contrary = _contradicted(name, forth) or _contradicted(inverse, back)
        if (claimed or gap.before) and (denied or gap.after or contrary):
            return UNKNOWN
        if gap.before or (claimed and gap.shift > clear):
            return _TRUE if _steep(s, o, gap, sideways=sideways) else UNKNOWN
        if gap.after:
            return _FALSE
        against = contrary or (denied and gap.shift < -clear)
        return _CONVERSE if against else UNKNOWN

    def direction(self, a: Entity, axis: tuple[str, str], b: Entity) -> str | None:
        """The predicate of an axis, such as left and right, that is TRUE of two things; of both it never is."""
        if (a.id, b.id) not in self._linked and not a.nodes and not b.nodes:  # as most are: no edge, no verdict to keep
            if axis[0] not in ON_PAPER:
                return None
            side = beside(a.box, b.box, CLEAR_SLOPE) if axis[0] == HORIZONTAL[0] else stacked(a.box, b.box, CLEAR_SLOPE)
            return axis[side > 0] if side else None
        for name in axis:
            if self.relation(a, name, b).truth is TRUE:
                return name
        return None


def _steep(s: Entity, o: Entity, gap: Gap, *, sideways: bool) -> bool:
    """Whether two things lie rather along an axis than across it."""
    other = down(s.box, o.box) if sideways else across(s.box, o.box)
    return abs(gap.shift) >= CLEAR_SLOPE * abs(other.shift)


def _claims(name: str, forth: Set[str], back: Set[str]) -> bool:
    """Whether a predicate is among those annotated from s to o, or its inverse among those from o to s."""
    return name in forth or lexicon.inverse(name) in back


def _refutes(name: str, forth: Set[str], back: Set[str]) -> bool:
    """Whether an edge is annotated that cannot hold beside this one."""
    return (lexicon.asymmetric(name) and name in back) or lexicon.inverse(name) in forth or _contradicted(name, forth)


def _contradicted(name: str, forth: Set[str]) -> bool:
    return not forth.isdisjoint(lexicon.contraries(name))
