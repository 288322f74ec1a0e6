"""Sample scenes of one to four coloured shapes; everything about them is written into the graph."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from hairsplit.core.run import stream
from hairsplit.core.types import Box, Relation, Scene, Thing

SHAPES = ("circle", "cross", "diamond", "heart", "ring", "square", "star", "triangle")
COLOURS = ("black", "blue", "green", "orange", "pink", "purple", "red", "yellow")
SIZES = ("large", "small")
SPANS = {"large": (0.33, 0.40), "small": (0.19, 0.23)}
"""Side of an object's box as a share of the picture's side."""
INNER_SPAN = (0.15, 0.18)
GAP = 0.03
"""Least distance of two boxes as a share of the picture's side."""

HELD_OUT_PAIRS = frozenset((COLOURS[i], SHAPES[(3 * i + 1) % 8]) for i in range(8))
"""Colour-shape pairs that the training split never shows (8 of 64)."""
HELD_OUT_RELATIONS = frozenset(
    {
        (frozenset({"heart", "star"}), "horizontal"),
        (frozenset({"circle", "cross"}), "horizontal"),
        (frozenset({"square", "triangle"}), "vertical"),
        (frozenset({"diamond", "ring"}), "vertical"),
    }
)
"""Shape pairs that the training split never shows left/right (or above/below) of each other. Both orders are held out:
were one kept, training would teach that the other is false."""


@dataclass(frozen=True, kw_only=True)
class DrawnWorld:
    """How scenes are sampled."""

    size: int = 64
    """Side of the picture, pixels."""
    max_things: int = 4
    repeat_shape: float = 0.35
    """Chance that a new object takes the shape of an earlier one, so that counting has something to count."""
    inside: float = 0.12
    """Chance that a small object is put inside a large one. Never in a ring: the hole of the largest is 0.18 of the
    picture's side, and an object that fills it would hide that there is one; so no caption says "inside the ring"."""
    hold_out: bool = True
    """Keep the held-out combinations out of the training split."""


def scene(world: DrawnWorld, seed: int, image_id: str, split: str = "train") -> Scene:
    """The scene called `image_id`: a pure function of its arguments."""
    rng = stream(seed, image_id, "scene")
    strict = world.hold_out and split == "train"
    count = rng.randint(1, world.max_things)
    while True:  # most tries succeed; a scene too full or with a held-out combination is drawn anew
        things = _things(world, rng, count, strict=strict)
        if things and not (strict and _has_held_out_relation(things)):
            return Scene(image_id, world.size, world.size, _related(things), f"{image_id}.png", split)


def single(world: DrawnWorld, seed: int, image_id: str, colour: str, shape: str) -> Scene:
    """A scene of one object of a given class, for recognition."""
    rng = stream(seed, image_id, "single")
    size = rng.choice(SIZES)
    span = max(4, round(world.size * rng.uniform(*SPANS[size])))
    box = Box(rng.randint(1, world.size - span - 1), rng.randint(1, world.size - span - 1), span, span)
    return Scene(
        image_id, world.size, world.size, (Thing("0", shape, box, (colour, size)),), f"{image_id}.png", "recognition"
    )


def placed(world: DrawnWorld, seed: int, image_id: str, kinds: Sequence[tuple[str, str, str]], split: str) -> Scene:
    """A scene of given (colour, shape, size) objects at random places, none inside another.

    Raises:
        ValueError: In a thousand tries there was no room for them.
    """
    rng = stream(seed, image_id, "placed")
    for _ in range(1_000):
        things: list[Thing] = []
        for number, (colour, shape, size) in enumerate(kinds):
            free = _free_box(world, rng, things, max(4, round(world.size * rng.uniform(*SPANS[size]))))
            if free is None:
                break
            things.append(Thing(str(number), shape, free, (colour, size)))
        else:
            return Scene(image_id, world.size, world.size, _related(things), f"{image_id}.png", split)
    raise ValueError(f"no room for {len(kinds)} objects")


def exchanged(scene: Scene, image_id: str) -> Scene:
    """The same scene with the first two objects in each other's place: the same words, other relations."""
    first, second, *rest = scene.things
    things = [replace(first, box=second.box), replace(second, box=first.box), *rest]
    return replace(scene, image_id=image_id, image=f"{image_id}.png", things=_related(things))


def _things(world: DrawnWorld, rng: Random, count: int, *, strict: bool) -> list[Thing]:
    things: list[Thing] = []
    for number in range(count):
        shape = rng.choice([t.name for t in things]) if things and rng.random() < world.repeat_shape else None
        shape = shape or rng.choice(SHAPES)
        colour = rng.choice([c for c in COLOURS if not (strict and (c, shape) in HELD_OUT_PAIRS)])
        inner = rng.random() < world.inside
        hosts = [t for t in things if "large" in t.attributes and t.name != "ring" and not _holds_one(t, things)]
        if inner and hosts:
            host = rng.choice(hosts)
            if colour in host.attributes:  # it would not be seen
                return []
            box = _centred(host, round(world.size * rng.uniform(*INNER_SPAN)))
            things.append(Thing(str(number), shape, box, (colour, "small")))
            continue
        size = rng.choice(SIZES)
        free = _free_box(world, rng, things, max(4, round(world.size * rng.uniform(*SPANS[size]))))
        if free is None:
            return []
        things.append(Thing(str(number), shape, free, (colour, size)))
    return things


def _holds_one(host: Thing, things: list[Thing]) -> bool:
    return any(t is not host and contains(host.box, t.box) for t in things)


def _centred(host: Thing, span: int) -> Box:
    x, y = host.box.centre
    lower = 0.08 * host.box.h if host.name == "triangle" else -0.05 * host.box.h if host.name == "heart" else 0
    return Box(round(x - span / 2), round(y + lower - span / 2), span, span)


def _free_box(world: DrawnWorld, rng: Random, things: list[Thing], span: int) -> Box | None:
    gap = world.size * GAP
    for _ in range(12):
        x, y = rng.randint(1, world.size - span - 1), rng.randint(1, world.size - span - 1)
        if all(
            x + span + gap <= t.box.x
            or t.box.x + t.box.w + gap <= x
            or y + span + gap <= t.box.y
            or t.box.y + t.box.h + gap <= y
            for t in things
        ):
            return Box(x, y, span, span)
    return None


def contains(outer: Box, inner: Box) -> bool:
    """Whether `inner` lies wholly within `outer`."""
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.w <= outer.x + outer.w
        and inner.y + inner.h <= outer.y + outer.h
    )


def directions(a: Box, b: Box) -> list[str]:
    """Predicates among left/right/above/below that are clearly TRUE of (a, b).

    The boxes are disjoint on the axis, and the distance along it is at least half of the distance across it.
    """
    (ax, ay), (bx, by) = a.centre, b.centre
    dx, dy = bx - ax, by - ay
    found = []
    if abs(dx) >= 0.5 * abs(dy):
        if a.x + a.w <= b.x:
            found.append("to the left of")
        elif b.x + b.w <= a.x:
            found.append("to the right of")
    if abs(dy) >= 0.5 * abs(dx):
        if a.y + a.h <= b.y:
            found.append("above")
        elif b.y + b.h <= a.y:
            found.append("below")
    return found


def _edges(a: Thing, things: list[Thing]) -> Iterator[Relation]:
    for b in things:
        if b is not a:
            for predicate in directions(a.box, b.box):
                yield Relation(predicate, b.id)
            if contains(b.box, a.box):
                yield Relation("inside", b.id)


def _related(things: list[Thing]) -> tuple[Thing, ...]:
    return tuple(Thing(t.id, t.name, t.box, t.attributes, tuple(_edges(t, things))) for t in things)


def _has_held_out_relation(things: list[Thing]) -> bool:
    for i, a in enumerate(things):
        for b in things[i + 1 :]:
            shapes = frozenset({a.name, b.name})
            for predicate in directions(a.box, b.box):
                axis = "vertical" if predicate in {"above", "below"} else "horizontal"
                if (shapes, axis) in HELD_OUT_RELATIONS:
                    return True
    return False


def is_held_out(scene: Scene) -> bool:
    """Whether a scene shows a combination that the training split never does."""
    pairs = any((t.attributes[0], t.name) in HELD_OUT_PAIRS for t in scene.things)
    return pairs or _has_held_out_relation(list(scene.things))


def split_sizes(count: int) -> dict[str, int]:
    """80 / 10 / 10 %, each at least one scene from three scenes on."""
    tenth = max(1, math.floor(count / 10)) if count >= 3 else 0
    return {"train": count - 2 * tenth, "val": tenth, "test": tenth}
