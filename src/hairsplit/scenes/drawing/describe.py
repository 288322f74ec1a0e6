"""Captions of drawn scenes as a photographer would write them: what is there, and sometimes where."""

from collections import Counter
from collections.abc import Iterator
from random import Random

from hairsplit.core.run import stream
from hairsplit.core.types import Scene, Thing
from hairsplit.scenes import lexicon

WITH_SIZE = 0.3
"""Chance that an object's size is mentioned."""
PLAIN = 0.3
"""Chance that a caption says nothing of places."""
OPENINGS = ("a picture of ", "there is ", "a drawing with ")
OPENED = 0.3
"""Chance that a caption starts with one of the openings."""
NUMBER_WORDS = ("one", "two", "three", "four", "five")


def describe(scene: Scene, seed: int, count: int, *, vague: float = 0.0, plain: float = PLAIN) -> Iterator[str]:
    """Yield `count` captions of a scene, a pure function of the arguments; they may repeat.

    They list one to three objects, in any order; most say where in the picture an object is (left, right, top, bottom,
    middle). None says how two objects lie to each other: that is what fine-tuning is to teach.

    Args:
        scene: A drawn scene.
        seed: Of the choice of words.
        count: How many captions.
        vague: Chance that an object is named by its shape or its colour alone. A batch then holds many pictures with
            such an object, and only the place tells them apart: without, CLIP's loss has little use for places.
        plain: Chance that a caption says nothing of places.
    """
    rng = stream(seed, scene.image_id, "describe")
    for _ in range(count):
        things = list(scene.things)
        rng.shuffle(things)
        opening = rng.choice(OPENINGS) if rng.random() < OPENED else ""
        if rng.random() < plain:
            yield opening + _list([_noun_phrase(t, rng, vague) for t in things[:3]])
        else:
            shown = things[: 1 if rng.random() < 0.55 else 2]
            yield opening + _list([f"{_noun_phrase(t, rng, vague)} {_place(t, scene, rng)}" for t in shown])


def describe_places(scene: Scene, seed: int, count: int) -> Iterator[str]:
    """Yield `count` captions that say of the first two objects, in either order, where in the picture each is."""
    rng = stream(seed, scene.image_id, "describe places")
    for _ in range(count):
        things = list(scene.things[:2])
        rng.shuffle(things)
        opening = rng.choice(OPENINGS) if rng.random() < OPENED else ""
        yield opening + _list([f"{_noun_phrase(t, rng, 0.0)} {_place(t, scene, rng)}" for t in things])


def describe_all(scene: Scene, seed: int, count: int, *, counted: float, sized: float) -> Iterator[str]:
    """Yield `count` captions that leave no object out: by colour and shape, perhaps size; or how many of each shape.

    Args:
        scene: A drawn scene.
        seed: Of the choice of words.
        count: How many captions.
        counted: Chance that a caption counts instead of naming.
        sized: Chance that one that names says sizes too.
    """
    rng = stream(seed, scene.image_id, "describe all")
    for _ in range(count):
        things = list(scene.things)
        rng.shuffle(things)
        opening = rng.choice(OPENINGS) if rng.random() < OPENED else ""
        if rng.random() < counted:
            numbers = Counter(thing.name for thing in things)
            yield opening + _list([_number_phrase(n, noun) for noun, n in numbers.items()])
        else:
            said = 2 if rng.random() < sized else 1  # attributes are colour, size; sizes are said first
            yield opening + _list([_phrase(t.attributes[:said][::-1], t.name) for t in things])


def full_description(scene: Scene) -> str:
    """One caption that names every object with its size, left to right."""
    things = sorted(scene.things, key=lambda t: (t.box.centre[0], t.box.centre[1], t.id))
    return _list([_phrase(t.attributes[1::-1], t.name) for t in things])


def _phrase(attributes: tuple[str, ...], noun: str) -> str:
    words = (*attributes, noun)
    return f"{_article(words[0])} {' '.join(words)}"


def _number_phrase(n: int, noun: str) -> str:
    return f"{NUMBER_WORDS[n - 1]} {noun if n == 1 else lexicon.plural(noun)}"


def _list(parts: list[str]) -> str:
    return " and ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _noun_phrase(thing: Thing, rng: Random, vague: float) -> str:
    colour, size = thing.attributes[:2]
    if vague and rng.random() < vague:
        return f"{_article(thing.name)} {thing.name}" if rng.random() < 0.6 else f"{_article(colour)} {colour} shape"
    return _phrase((size, colour) if rng.random() < WITH_SIZE else (colour,), thing.name)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _place(thing: Thing, scene: Scene, rng: Random) -> str:
    x, y = thing.box.centre
    across = _third(x / scene.width, "left", "right")
    down = _third(y / scene.height, "top", "bottom")
    if across and down:
        corner = rng.random()
        if corner < 0.5:
            return f"at the {down} {across}"
        return f"on the {across}" if corner < 0.75 else f"at the {down}"
    if across:
        return f"on the {across}"
    return f"at the {down}" if down else "in the middle"


def _third(share: float, first: str, last: str) -> str:
    return first if share < 0.4 else last if share > 0.6 else ""
