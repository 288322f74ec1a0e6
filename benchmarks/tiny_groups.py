"""Groups of drawn pictures that `pretrain_tiny.py` makes batches of, and what is said of them.

What the pictures of a group have in common cannot tell them apart, so the gradient goes to what differs.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations, product
from random import Random

from hairsplit.core.types import Scene
from hairsplit.scenes.drawing.describe import describe, describe_all, describe_places
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, SIZES, DrawnWorld, exchanged, placed, scene

SEED = 1_000_003
"""Far from the seeds of demos and tests: its scenes are none of theirs."""


def class_of(rng: Random) -> tuple[str, str]:
    """A colour and a shape."""
    return rng.choice(COLOURS), rng.choice(SHAPES)


def same(world: DrawnWorld, name: str, size: int, rng: Random) -> Iterator[Scene]:
    """One object, the same in all pictures of the group, somewhere else in each."""
    kind = class_of(rng)
    for n in range(size):
        yield placed(world, SEED, f"{name}_{n}", [(*kind, rng.choice(SIZES))], "pretraining")


def exchanged_pairs(
    world: DrawnWorld, name: str, size: int, rng: Random, *, others_of: tuple[int, ...]
) -> Iterator[Scene]:
    """The same two objects, perhaps among others; each picture comes with one in which the two have changed places.

    In a quarter of the groups the two share their colour or their shape.
    """
    first, second = class_of(rng), class_of(rng)
    if rng.random() < 0.25:
        second = (first[0], second[1]) if rng.random() < 0.5 else (second[0], first[1])
    while second == first:
        second = class_of(rng)
    others = [kind for kind in (class_of(rng) for _ in range(rng.choice(others_of))) if kind not in (first, second)]
    for n in range(0, size, 2):
        span = rng.choice(SIZES)
        rest = SIZES if span == "small" else ("small",)  # or there may be no room for all
        kinds = [(*first, span), (*second, span), *((*kind, rng.choice(rest)) for kind in others)]
        one = placed(world, SEED, f"{name}_{n}", kinds, "pretraining")
        yield one
        yield exchanged(one, f"{name}_{n + 1}")


def variants(world: DrawnWorld, name: str, size: int, rng: Random) -> Iterator[Scene]:
    """A crowded scene and others that differ from it in one or two things: see `changed`; places are free in each."""
    wanted = rng.choice((2, 3, 3, 4))
    shapes = [rng.choice(SHAPES) for _ in range(wanted)]
    if rng.random() < 0.3:
        shapes[1] = shapes[0]
    spans = ["small" if wanted == 4 and n else rng.choice(SIZES) for n in range(wanted)]  # or there may be no room
    base = [(rng.choice(COLOURS), shape, span) for shape, span in zip(shapes, spans, strict=True)]
    found = {tuple(sorted(base)): base}
    while len(found) < size:
        other = changed(base if rng.random() < 0.7 else rng.choice(list(found.values())), rng)
        if sum(span == "large" for _, _, span in other) <= (3 if len(other) < 4 else 1):
            found.setdefault(tuple(sorted(other)), other)
    for n, kinds in enumerate(found.values()):
        yield placed(world, SEED, f"{name}_{n}", kinds, "pretraining")


def bindings(world: DrawnWorld, name: str, size: int, rng: Random) -> Iterator[Scene]:
    """Crowded scenes with the same colours and the same shapes: they differ in which shape has which colour (or size).

    There are two ways for two objects and six for three; a group is filled up with other shapes and colours.
    """
    found: list[list[Kind]] = []
    while len(found) < size:
        wanted = rng.choice((2, 2, 3, 3, 4))
        shapes, colours = rng.sample(SHAPES, wanted), rng.sample(COLOURS, wanted)
        spans = ["small" if wanted == 4 and n else rng.choice(SIZES) for n in range(wanted)]
        ways = list(permutations(zip(colours, spans, strict=True)))
        for way in rng.sample(ways, len(ways))[: size - len(found)]:
            found.append([(colour, shape, span) for (colour, span), shape in zip(way, shapes, strict=True)])
    for n, kinds in enumerate(found):
        yield placed(world, SEED, f"{name}_{n}", kinds, "pretraining")


def sizes(world: DrawnWorld, name: str, size: int, rng: Random) -> Iterator[Scene]:
    """Scenes with the same colours on the same shapes: they differ in which of them are large."""
    found: list[list[Kind]] = []
    while len(found) < size:
        wanted = rng.choice((1, 2, 2, 3, 3))
        shapes, colours = rng.choices(SHAPES, k=wanted), rng.sample(COLOURS, wanted)
        ways = list(product(SIZES, repeat=wanted))
        for way in rng.sample(ways, len(ways))[: size - len(found)]:
            found.append(list(zip(colours, shapes, way, strict=True)))
    for n, kinds in enumerate(found):
        yield placed(world, SEED, f"{name}_{n}", kinds, "pretraining")


def counts(world: DrawnWorld, name: str, size: int, rng: Random) -> Iterator[Scene]:
    """Scenes of the same one or two shapes, in any colours: they differ in how many there are of each."""
    first, second = rng.sample(SHAPES, 2)
    ways = [(n, m) for n in range(5) for m in range(5) if 1 <= n + m <= 4]
    for place, (n, m) in enumerate(rng.sample(ways, size)):
        shapes = [first] * n + [second] * m
        kinds = [
            (rng.choice(COLOURS), shape, "small" if len(shapes) == 4 and k else rng.choice(SIZES))
            for k, shape in enumerate(shapes)
        ]
        yield placed(world, SEED, f"{name}_{place}", kinds, "pretraining")


Kind = tuple[str, str, str]


def changed(base: list[Kind], rng: Random) -> list[Kind]:
    """The same (colour, shape, size) objects but for one difference."""
    how = rng.choice(("exchange", "exchange", "exchange", "colour", "shape", "size", "count"))
    i, j = rng.sample(range(len(base)), 2)
    (colour, shape, span), (other_colour, other_shape, other_span) = base[i], base[j]
    new = list(base)
    if how == "exchange" and colour != other_colour and shape != other_shape:
        new[i], new[j] = (other_colour, shape, span), (colour, other_shape, other_span)
    elif how == "exchange" and span != other_span:
        new[i], new[j] = (colour, shape, other_span), (other_colour, other_shape, span)
    elif how == "shape":
        new[i] = (colour, rng.choice([s for s in SHAPES if s != shape]), span)
    elif how == "size":
        new[i] = (colour, shape, "small" if span == "large" else "large")
    elif how == "count":
        more = len(base) < 3 or (len(base) < 4 and rng.random() < 0.5)
        new[i : i + 1] = [base[i], (rng.choice(COLOURS), shape, "small")] if more else []
    else:
        new[i] = (rng.choice([c for c in COLOURS if c != colour]), shape, span)
    return new


def unlike(world: DrawnWorld, name: str, size: int, _: Random) -> Iterator[Scene]:
    """Pictures that have nothing in common."""
    for n in range(size):
        yield scene(world, SEED, f"{name}_{n}", "pretraining")


Members = Callable[[DrawnWorld, str, int, Random], Iterator[Scene]]
Sayings = Callable[[Scene, int, int], Iterator[str]]
GROUPS: dict[str, tuple[Members, Sayings]] = {
    "same": (same, partial(describe, vague=0.2, plain=0.05)),
    "pair": (partial(exchanged_pairs, others_of=(0,)), describe_places),
    "exchanged": (partial(exchanged_pairs, others_of=(0, 0, 1, 2)), describe_places),
    "crowd": (partial(exchanged_pairs, others_of=(1, 2, 2)), describe_places),
    "variants": (variants, partial(describe_all, counted=0.15, sized=0.7)),
    "bindings": (bindings, partial(describe_all, counted=0.0, sized=0.3)),
    "sizes": (sizes, partial(describe_all, counted=0.0, sized=1.0)),
    "counts": (counts, partial(describe_all, counted=0.9, sized=0.3)),
    "one": (unlike, partial(describe, plain=0.8)),
    "several": (unlike, partial(describe, vague=0.1, plain=0.7)),
}
"""Kind of group -> its scenes, their captions. What a kind of group leaves out, another one asks for: places, the
binding of places to objects, names alone, many objects."""
