"""Pairs with a shortcut that is known because it was put in, for the tests of balancing."""

from collections.abc import Callable
from random import Random

from hairsplit.captions.form import Has, Phrase, to_json
from hairsplit.core.run import stream
from hairsplit.core.types import Edit, Pair

COLOURS = ("black", "blue", "green", "orange", "pink", "purple", "red", "yellow")
Choose = Callable[[Random, str], tuple[str, str]]
"""(rng, noun) -> true colour, false colour."""


def pair(image: int, noun: str, true: str, false: str, kind: str = "attribute") -> Pair:
    """The thing has the first colour, not the second."""
    x = Phrase(noun)
    return Pair(
        image=f"{image}.png",
        image_id=str(image),
        caption=f"The {noun} is {true}.",
        negative=f"The {noun} is {false}.",
        kind=kind,
        source="made",
        edit=Edit("attribute", true, false),
        caption_form=to_json(Has(x, true)),
        negative_form=to_json(Has(x, false)),
        template_id="made:0",
    )


def made(count: int, choose: Choose, *, nouns: int = 4, per_image: int = 4, seed: int = 0) -> list[Pair]:
    """`count` pairs, `per_image` to an image."""
    rng = stream(seed)
    names = [f"thing{number}" for number in range(nouns)]
    found = []
    for number in range(count):
        noun = rng.choice(names)
        found.append(pair(number // per_image, noun, *choose(rng, noun)))
    return found


def fair(rng: Random, noun: str) -> tuple[str, str]:
    """Any two colours: nothing to be learnt."""
    true, false = rng.sample(COLOURS, 2)
    return true, false


def red_is_false(rng: Random, noun: str) -> tuple[str, str]:
    """Where red comes up, it is the negative's."""
    true, false = rng.sample(COLOURS, 2)
    return (false, true) if true == "red" else (true, false)


def own_colour(rng: Random, noun: str) -> tuple[str, str]:
    """Each noun is mostly of its own colour in captions; every edit is as frequent as its reverse."""
    own = COLOURS[int(noun.removeprefix("thing")) % len(COLOURS)]
    other = rng.choice([colour for colour in COLOURS if colour != own])
    return (own, other) if rng.random() < 0.8 else (other, own)


def one_way(rng: Random, noun: str) -> tuple[str, str]:
    """Always the alphabetically first colour is true: no edit has a counterpart."""
    true, false = sorted(rng.sample(COLOURS, 2))
    return true, false
