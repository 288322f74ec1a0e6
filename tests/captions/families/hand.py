"""Handmade scenes, and sentences without their template, for the tests of single families."""

import re
from collections.abc import Collection

from hairsplit.captions.generate import generate
from hairsplit.core.types import Box, Pair, Relation, Scene, Thing, World

_PLACES = "to the left of|left of|on the left of|to the right of|right of|on the right of|above|below|inside|on|in"
_INVERTED = re.compile(rf"({_PLACES}) (the .+?) (is|are) (the .+)")
_SIDES = re.compile(r"\b(?:to the |on the )?(left|right) of")


def thing(
    name: str, x: int, y: int = 40, *attributes: str, edges: Collection[tuple[str, str]] = (), size: int = 20
) -> Thing:
    """A thing called by its noun; its id is its noun, too, with the place if it stands there a second time."""
    relations = tuple(Relation(predicate, target) for predicate, target in edges)
    return Thing(name, name, Box(x, y, size, size), attributes, relations)


def scene(*things: Thing) -> Scene:
    """A scene of 200 x 200 pixels."""
    return Scene("i", 200, 200, things, "i.png")


def pairs(
    shown: Scene, family: str, world: World = "open", *, seeds: int = 120, complete: Collection[str] = ()
) -> list[Pair]:
    """All pairs of a family over many seeds, so that each template and choice comes up."""
    return [
        pair
        for seed in range(seeds)
        for pair in generate([shown], world=world, families=[family], seed=seed, complete_nouns=complete)
    ]


def bare(text: str | None) -> str:
    """The sentence without its template: "the circle is left of the star"."""
    plain = str(text)[:-1].lower().removeprefix("in the picture, ").replace(" in the picture", "")
    plain = plain.replace(" is located ", " is ").replace(" are located ", " are ")
    if found := _INVERTED.fullmatch(plain):
        plain = f"{found[4]} {found[3]} {found[1]} {found[2]}"
    return _SIDES.sub(r"\1 of", plain)


def said(found: Collection[Pair]) -> set[tuple[str, str]]:
    """The bare positives with their bare negatives."""
    return {(bare(pair.caption), bare(pair.negative)) for pair in found}
