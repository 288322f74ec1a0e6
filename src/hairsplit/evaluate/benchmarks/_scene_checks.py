"""What is asked of one drawn scene beyond one pair of captions; each caption is proved true or false by the facts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Literal, NamedTuple, TypeVar

from msgspec import structs

from hairsplit.captions.families import attribute, negation, object, role_swap
from hairsplit.captions.form import Exists, Form, Has, Junction, Phrase, Related, judge
from hairsplit.core.types import Scene
from hairsplit.scenes import lexicon
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, SIZES
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import HORIZONTAL, VERTICAL, Facts
from hairsplit.scenes.truth import Truth

T = TypeVar("T")
THERE_IS, PLACE, IS, IS_NOT = object.THERE_IS, role_swap.ENTRY.templates, attribute.TEMPLATES, negation.TEMPLATES
_OPPOSITE = dict(permutations(HORIZONTAL, 2)) | dict(permutations(VERTICAL, 2))


class Said(NamedTuple):
    """A sentence and what it means."""

    text: str
    form: Form


Captions = tuple[Said, ...]
Check = Callable[[Facts, Random], Iterator[Captions]]
"""Offers captions in random order, the best first; `proved` decides."""


def proved(facts: Facts, captions: Sequence[Said], true: int) -> bool:
    """Whether the first `true` captions are surely true, and the others surely false."""
    wanted = [Truth.TRUE] * true + [Truth.FALSE] * (len(captions) - true)
    return all(judge(said.form, facts).truth is truth for said, truth in zip(captions, wanted, strict=True))


def paraphrase_thing(facts: Facts, rng: Random) -> Iterator[Captions]:
    """There is a thing, in two wordings; in the first wording, a thing of another colour or shape."""
    for thing in _shuffled(facts.entities, rng):
        one, two = rng.sample(THERE_IS, 2)
        x = _some(thing)
        for other in _one_word_off(x, rng):
            yield _there_is(one, x), _there_is(two, x), _there_is(one, other)


def paraphrase_relation(facts: Facts, rng: Random) -> Iterator[Captions]:
    """The first thing lies so to the second, and the second conversely to the first; the first lies conversely."""
    for s, o, p in _orders(facts, HORIZONTAL + VERTICAL, rng):
        one, two = rng.choice(PLACE), rng.choice(PLACE)
        x, y = _the(s), _the(o)
        yield _lies(one, x, p, y), _lies(two, y, _OPPOSITE[p], x), _lies(one, x, _OPPOSITE[p], y)


def half_truth_attribute(facts: Facts, rng: Random) -> Iterator[Captions]:
    """There is a thing; the same with a true colour or size; the same with a false one."""
    for thing in _shuffled(facts.entities, rng):
        template = rng.choice(THERE_IS)
        bare, coloured = Phrase(thing.noun, (), "a"), _some(thing)
        told = [(bare, (), colour) for colour in COLOURS] + [(coloured, coloured.attributes, size) for size in SIZES]
        for short, rest, false in _shuffled(told, rng):
            true = thing.by_class["colour" if short is bare else "size"]
            both = [short, *(structs.replace(short, attributes=(detail, *rest)) for detail in (true, false))]
            yield tuple(_there_is(template, x) for x in both)


def half_truth_thing(facts: Facts, rng: Random) -> Iterator[Captions]:
    """There is a thing; and a second; and, instead, one of another colour or shape than the second."""
    for s, o in _shuffled([*permutations(facts.entities, 2)], rng):
        template = rng.choice(THERE_IS)
        x, y = _some(s), _some(o)
        if x != y:
            for false in _one_word_off(y, rng):
                yield _there_is(template, x), *(_there_are(template, x, z) for z in (y, false))


def half_truth_relation(facts: Facts, rng: Random) -> Iterator[Captions]:
    """There is a thing; one that lies so to a second; one that lies conversely."""
    for s, o, p in _orders(facts, HORIZONTAL + VERTICAL, rng):
        template = rng.choice(THERE_IS)
        x, y = _some(s), _some(o)
        yield _there_is(template, x), *(_there_lies(template, x, q, y) for q in (p, _OPPOSITE[p]))


def negation_thing(facts: Facts, rng: Random) -> Iterator[Captions]:
    """There is x, there is no y; there is no x, there is y; they differ in colour or in shape."""
    for thing in _shuffled(facts.entities, rng):
        template = rng.choice(THERE_IS)
        x = _some(thing)
        for y in _one_word_off(x, rng):
            told = _there_is(template, x), _there_is_no(template, y), _there_is_no(template, x), _there_is(template, y)
            yield told


def negation_attribute(facts: Facts, rng: Random) -> Iterator[Captions]:
    """The thing is a, it is not b; it is not a, it is b; a and b are colours."""
    for thing in _shuffled(facts.entities, rng):
        pattern = rng.randrange(len(IS))
        own = thing.by_class["colour"]
        for x in (Phrase(thing.noun), Phrase(thing.noun, (thing.by_class["size"],))):
            for other in _shuffled(COLOURS, rng):
                if other != own:
                    yield (
                        _is(pattern, x, own),
                        _is_not(pattern, x, other),
                        _is_not(pattern, x, own),
                        _is(pattern, x, other),
                    )


def mirror(facts: Facts, rng: Random) -> Iterator[Captions]:
    """One thing lies left or right of another; in the mirror, conversely."""
    for s, o, p in _orders(facts, HORIZONTAL, rng):
        template = rng.choice(PLACE)
        x, y = _the(s), _the(o)
        yield _lies(template, x, p, y), _lies(template, x, _OPPOSITE[p], y)


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        paraphrase_thing,
        paraphrase_relation,
        half_truth_attribute,
        half_truth_thing,
        half_truth_relation,
        negation_thing,
        negation_attribute,
        mirror,
    )
}
"""Kind -> how its captions are made: two true ones, then the false; of `mirror`, one for each of the two pictures."""


def captions_of(kind: str, facts: Facts, in_mirror: Facts, rng: Random) -> Captions | str:
    """The first captions of a kind that are proved, or why there are none.

    Args:
        kind: One of `CHECKS`.
        facts: Of the scene.
        in_mirror: Of the mirrored scene.
        rng: A stream of its own for scene and kind.
    """
    why_not = "no_such_fact"
    for captions in CHECKS[kind](facts, rng):
        if kind == "mirror":
            right = proved(facts, captions, 1) and proved(in_mirror, captions[::-1], 1)
        else:
            right = proved(facts, captions, 2)
        if right:
            return captions
        why_not = "no_captions_that_can_be_proved"
    return why_not


def is_drawn(scene: Scene) -> bool:
    """Whether it consists of shapes that `hairsplit draw` draws, each of one colour and one size.

    Only of these is it known that all is annotated, and that each looks in a mirror as it does without.
    """
    return all(
        thing.name in SHAPES
        and len(thing.attributes) == 2
        and len(set(thing.attributes) & set(COLOURS)) == len(set(thing.attributes) & set(SIZES)) == 1
        for thing in scene.things
    )


def mirrored(scene: Scene) -> Scene:
    """The scene as its picture shows it in a mirror."""
    side = dict(permutations(HORIZONTAL, 2))
    return replace(
        scene,
        things=tuple(
            replace(
                thing,
                box=replace(thing.box, x=scene.width - thing.box.x - thing.box.w),
                relations=tuple(replace(r, predicate=side.get(r.predicate, r.predicate)) for r in thing.relations),
            )
            for thing in scene.things
        ),
    )


def _shuffled(items: Sequence[T], rng: Random) -> list[T]:
    return rng.sample(items, len(items))


def _orders(facts: Facts, predicates: Sequence[str], rng: Random) -> list[tuple[Entity, Entity, str]]:
    """Two things and a predicate that is true of them, in random order."""
    found = [
        (s, o, p)
        for s, o in permutations(facts.entities, 2)
        for p in predicates
        if facts.relation(s, p, o).truth is Truth.TRUE
    ]
    return _shuffled(found, rng)


def _one_word_off(x: Phrase, rng: Random) -> list[Phrase]:
    """Phrases of another colour and of another shape, in random order, the one and the other sort first by a coin."""
    (colour,) = x.attributes
    sorts = [
        [structs.replace(x, attributes=(other,)) for other in _shuffled(COLOURS, rng) if other != colour],
        [structs.replace(x, noun=other) for other in _shuffled(SHAPES, rng) if other != x.noun],
    ]
    return [phrase for sort in _shuffled(sorts, rng) for phrase in sort]


def _some(thing: Entity) -> Phrase:
    return Phrase(thing.noun, (thing.by_class["colour"],), "a")


def _the(thing: Entity) -> Phrase:
    return Phrase(thing.noun, (thing.by_class["colour"],))


def _words(x: Phrase, det: Literal["no"] | None = None) -> str:
    words = " ".join([*x.attributes, x.noun])
    return f"{det or ('the' if x.det == 'the' else lexicon.article(words))} {words}"


def _sentence(template: str, **slots: str) -> str:
    text = template.format(**slots)
    return text[0].upper() + text[1:]


def _there_is(template: str, x: Phrase) -> Said:
    return Said(_sentence(template, x=_words(x)), Exists(x))


def _there_is_no(template: str, x: Phrase) -> Said:
    return Said(_sentence(template, x=_words(x, "no")), Junction("not", (Exists(x),)))


def _there_are(template: str, x: Phrase, y: Phrase) -> Said:
    return Said(_sentence(template, x=f"{_words(x)} and {_words(y)}"), Junction("and", (Exists(x), Exists(y))))


def _there_lies(template: str, x: Phrase, p: str, y: Phrase) -> Said:
    return Said(_sentence(template, x=f"{_words(x)} {p} {_words(y)}"), Related(x, p, y))


def _lies(template: str, x: Phrase, p: str, y: Phrase) -> Said:
    return Said(_sentence(template, s=_words(x), be="is", p=p, o=_words(y)), Related(x, p, y))


def _is(pattern: int, x: Phrase, name: str) -> Said:
    return Said(_sentence(IS[pattern], x=_words(x), be="is", attribute=name), Has(x, name))


def _is_not(pattern: int, x: Phrase, name: str) -> Said:
    return Said(_sentence(IS_NOT[pattern], x=_words(x), be="is", attribute=name), Junction("not", (Has(x, name),)))
