"""What scenes hold, counted into a `Corpus`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from hairsplit.captions._corpus import EVEN, Corpus, slot_of
from hairsplit.core.types import Scene, Thing
from hairsplit.scenes import lexicon
from hairsplit.scenes.entities import by_class_of
from hairsplit.scenes.plausible import usable

_COMBINATIONS = 1 << 14
"""Combinations of attributes of which the classes are remembered."""


@dataclass(frozen=True)
class _Seen:
    """The keys of a corpus's tables, each as often as it was seen: counting them at once takes a third of the time."""

    attributes: list[tuple[str, str]] = field(default_factory=list)
    totals: list[tuple[str, str]] = field(default_factory=list)
    shares: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    nouns: list[str] = field(default_factory=list)
    alone: list[tuple[str, str, str]] = field(default_factory=list)
    orders: list[tuple[str, str, str]] = field(default_factory=list)
    starts: list[tuple[str, str]] = field(default_factory=list)
    ends: list[tuple[str, str]] = field(default_factory=list)
    predicates: list[str] = field(default_factory=list)
    slots: list[tuple[str, str, str]] = field(default_factory=list)
    numbers: list[tuple[str, int]] = field(default_factory=list)
    """(noun, n) of an image with n such things."""


def corpus_of(scenes: Iterable[Scene]) -> Corpus:
    """Count over scenes; until they are counted, some 6 kB of words a scene are held."""
    seen = _Seen()
    for scene in scenes:
        names = {thing.id: lexicon.normal(thing.name) for thing in scene.things}
        seen.nouns.extend(names.values())
        seen.numbers.extend(Counter(names.values()).items())
        said = {thing.id: _see_thing(seen, names[thing.id], thing.attributes) for thing in scene.things}
        for thing in scene.things:
            _see_edges(seen, thing, names, said)
        shown = {(names[id], name) for id, found in said.items() for name in found}
        for noun, name in shown:
            seen.alone.extend([(noun, name, rival) for rival in lexicon.rivals(noun) if (rival, name) not in shown])
    return _counted(seen)


def _counted(seen: _Seen) -> Corpus:
    numbers: dict[str, Counter[int]] = {}
    for (noun, n), images in Counter(seen.numbers).items():
        numbers.setdefault(noun, Counter())[n] = images
    counts: dict[str, Any] = {name: Counter(keys) for name, keys in vars(seen).items() if name != "numbers"}
    return Corpus(**counts, numbers=numbers, all_numbers=Counter(n for _, n in seen.numbers))


def _see_thing(seen: _Seen, noun: str, attributes: tuple[str, ...]) -> Sequence[str]:
    """Note the attributes of which a thing has no other of the class; those that a caption may say of it."""
    single = _single(attributes) if attributes else ()
    said = []
    for kind, name in single:
        seen.attributes.append((noun, name))
        seen.totals.append((noun, kind))
        if lexicon.nameable(noun) and usable(noun, name):
            seen.shares.append(name)
            seen.classes.append(kind)
            said.append(name)
    return said


@lru_cache(maxsize=_COMBINATIONS)
def _single(attributes: tuple[str, ...]) -> Sequence[tuple[str, str]]:
    """(class, attribute) for each class that has one member among the attributes, which are as annotated."""
    return [*by_class_of(tuple(sorted(set(map(lexicon.attribute, attributes))))).items()]


def _see_edges(seen: _Seen, thing: Thing, names: Mapping[str, str], said: Mapping[str, Sequence[str]]) -> None:
    noun, own = names[thing.id], said[thing.id]
    for relation in thing.relations:
        predicate, target = lexicon.predicate(relation.predicate), names.get(relation.target)
        if target is None or not lexicon.said_as(predicate):
            continue
        other = said[relation.target]
        if own:
            slot = slot_of("subject", predicate)
            seen.slots.extend([(*slot, name) for name in own])
        if other:
            slot = slot_of("object", predicate)
            seen.slots.extend([(*slot, name) for name in other])
        if predicate not in EVEN:
            seen.orders.append((noun, predicate, target))
            seen.starts.append((noun, predicate))
            seen.ends.append((target, predicate))
            seen.predicates.append(predicate)
