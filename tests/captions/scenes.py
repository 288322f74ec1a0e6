"""Scenes for the tests of this folder."""

from dataclasses import replace
from functools import cache

from hairsplit.core.run import stream
from hairsplit.core.types import Box, Relation, Scene, Thing
from hairsplit.scenes.drawing.sample import DrawnWorld, scene

FLIPPED = {"to the left of": "to the right of", "to the right of": "to the left of"}


@cache
def drawn(count: int, seed: int = 0) -> tuple[Scene, ...]:
    """Scenes of the drawn world."""
    return tuple(scene(DrawnWorld(), seed, f"{number:05d}") for number in range(count))


def shuffled(complete: Scene, seed: int) -> Scene:
    """The same scene with its objects, attributes and edges in another order."""
    rng = stream(seed)
    things = [
        replace(
            t,
            attributes=tuple(rng.sample(t.attributes, len(t.attributes))),
            relations=tuple(rng.sample(t.relations, len(t.relations))),
        )
        for t in complete.things
    ]
    return replace(complete, things=tuple(rng.sample(things, len(things))))


def mirrored(original: Scene) -> Scene:
    """The scene seen in a mirror: left and right exchanged."""

    def edge(relation: Relation) -> Relation:
        return Relation(FLIPPED.get(relation.predicate, relation.predicate), relation.target)

    def thing(t: Thing) -> Thing:
        box = Box(original.width - t.box.x - t.box.w, t.box.y, t.box.w, t.box.h)
        return replace(t, box=box, relations=tuple(map(edge, t.relations)))

    return replace(original, things=tuple(map(thing, original.things)))


def mirrored_text(text: str) -> str:
    """The text with left and right exchanged."""
    words = {"left": "right", "right": "left", "Left": "Right", "Right": "Left"}
    return " ".join(words.get(word, word) for word in text.split(" "))
