"""What is most likely FALSE because nobody annotated it: the weak mode, where the caller asks for it (CAPTIONS 7.0).

Nothing here proves anything. A fact is only called absent where it is UNKNOWN and no annotated fact says it in other
words, nor lets one guess it. `Facts` itself never counts on absence in the open world, so that no positive and no
"the" rests on it.
"""

from collections.abc import Sequence, Set

from hairsplit.scenes import lexicon
from hairsplit.scenes.entities import Entity, disjoint
from hairsplit.scenes.facts import ON_PAPER, Facts
from hairsplit.scenes.truth import FALSE, UNKNOWN, Truth, Verdict

ABSENT = Verdict(FALSE, "weak_absence")
OF_MATERIAL = {
    "wooden": ("brown", "yellow"), "brick": ("red", "brown"), "concrete": ("gray", "white"), "stone": ("gray", "brown"),
    "metal": ("gray", "white"), "glass": ("white", "green"), "leather": ("brown", "black"), "paper": ("white",),
    "ceramic": ("white",),
}  # fmt: skip
"""Material -> colours that go without saying."""
OF_MANY = ("next to", "behind", "in front of")
"""Ends of predicates that hold of many pairs of things, of which a graph names a few."""


def absent_attribute(facts: Facts, thing: Entity, name: str) -> Verdict:
    """`ABSENT` if an attribute is UNKNOWN of a thing, and neither it nor a thing that it touches may be called so.

    What touches may be a part of it, or the same thing by another name: a blue shirt has blue sleeves.
    """
    if facts.attribute(thing, name).truth is not Truth.UNKNOWN:
        return UNKNOWN
    called_so = [e for e in facts.entities if any(_alike(a, name) for a in e.attributes)]
    return ABSENT if all(disjoint(thing, e) for e in called_so) else UNKNOWN


def _alike(one: str, other: str) -> bool:
    """Whether what is annotated with one attribute might be called the other, a member of a class."""
    if one == other or other in one.split(" ") or other in OF_MATERIAL.get(one, ()):
        return True
    return lexicon.near(one, other) or lexicon.loose(one, other)


def absent_relation(facts: Facts, s: Entity, name: str, o: Entity) -> Verdict:
    """`ABSENT` if a relation is UNKNOWN of two things that are apart, and no edge nor a third thing links them.

    That a banana is not on the table is a bad guess where it is in a bowl that is on the table. Directions that the
    boxes leave open stay UNKNOWN, and so does what holds of many things at once (`OF_MANY`).
    """
    if name in ON_PAPER or name.endswith(OF_MANY) or facts.relation(s, name, o).truth is not Truth.UNKNOWN:
        return UNKNOWN
    told = [(a, p, b) for a, p, b in facts.edges if p not in ON_PAPER]
    if not disjoint(s, o) or any({a, b} == {s.id, o.id} for a, _, b in told):
        return UNKNOWN
    close = [(a, b) for a, p, b in told if not p.endswith(OF_MANY)]
    return ABSENT if _neighbours(close, s.id).isdisjoint(_neighbours(close, o.id)) else UNKNOWN


def _neighbours(links: Sequence[tuple[str, str]], thing: str) -> Set[str]:
    return {b for a, b in links if a == thing} | {a for a, b in links if b == thing}


def absent_thing(facts: Facts, noun: str, attributes: tuple[str, ...] = ()) -> Verdict:
    """`ABSENT` if no annotated thing is, or may be, a `noun` with all attributes, counting plurals and kinds."""
    sure, maybe = facts.called(noun)
    lacking = [any(facts.attribute(e, a).truth is FALSE for a in attributes) for e in sure + maybe]
    return ABSENT if all(lacking) else UNKNOWN
