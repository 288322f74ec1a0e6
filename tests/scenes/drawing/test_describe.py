"""Captions of drawn scenes: a parser of their own finds every word of them true."""

import re
from functools import cache

import pytest

from hairsplit.core.types import Box, Scene, Thing
from hairsplit.scenes.drawing.describe import describe, describe_places, full_description
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, SIZES, DrawnWorld, scene

OPENING = re.compile(r"^(a picture of |there is |a drawing with )?")
PLACE = r"at the (?:top|bottom) (?:left|right)|at the (?:top|bottom)|on the (?:left|right)|in the middle"
PHRASE = re.compile(
    rf"(?P<article>an?) (?:(?P<size>{'|'.join(SIZES)}) )?(?P<colour>{'|'.join(COLOURS)}) (?P<shape>{'|'.join(SHAPES)})"
    rf"(?: (?P<place>{PLACE}))?"
)


@cache
def scenes() -> tuple[Scene, ...]:
    return tuple(scene(DrawnWorld(), 0, f"s{n}", "test") for n in range(300))


def phrases(caption: str) -> list[dict[str, str | None]]:
    """The objects a caption speaks of; every character of it must be understood."""
    rest = OPENING.sub("", caption)
    found = []
    for part in re.split(r", | and ", rest):
        match = PHRASE.fullmatch(part)
        assert match, f"{part!r} in {caption!r}"
        found.append(match.groupdict())
    return found


def is_at(box: Box, place: str, size: int) -> bool:
    x, y = (box.x + box.w / 2) / size, (box.y + box.h / 2) / size
    middle = {"left": x >= 0.4, "right": x <= 0.6, "top": y >= 0.4, "bottom": y <= 0.6}
    if place == "in the middle":
        return 0.4 <= x <= 0.6 and 0.4 <= y <= 0.6
    return not any(middle[word] for word in place.split() if word in middle)


def fits(thing: Thing, phrase: dict[str, str | None], size: int) -> bool:
    colour, extent = thing.attributes
    named = (colour, thing.name) == (phrase["colour"], phrase["shape"]) and phrase["size"] in {None, extent}
    return named and (phrase["place"] is None or is_at(thing.box, phrase["place"], size))


def matched(one: Scene, found: list[dict[str, str | None]], taken: frozenset[str] = frozenset()) -> bool:
    """Whether each phrase can be given an object of its own."""
    if not found:
        return True
    free = [t for t in one.things if t.id not in taken and fits(t, found[0], one.width)]
    return any(matched(one, found[1:], taken | {t.id}) for t in free)


def test_every_caption_is_true_of_its_scene() -> None:
    places, counts = set(), set()
    for one in scenes():
        for caption in describe(one, 0, 6):
            found = phrases(caption)
            assert matched(one, found), f"{caption!r} of {one}"
            places |= {phrase["place"] for phrase in found}
            counts.add(len(found))
    assert counts == {1, 2, 3}
    assert len(places) == 10, "every way to say where, and none"


def test_captions_say_nothing_of_how_objects_lie_to_each_other() -> None:
    for one in scenes():
        for caption in describe(one, 0, 3):
            assert not re.search(r"\b(of the|above|below|inside|next|beside)\b", OPENING.sub("", caption)), caption


def test_captions_of_places_say_where_each_of_the_first_two_objects_is() -> None:
    firsts = set()
    for one in (one for one in scenes() if len(one.things) > 1):
        for caption in describe_places(one, 0, 3):
            found = phrases(caption)
            assert all(phrase["place"] for phrase in found), caption
            assert sorted(str(phrase["shape"]) for phrase in found) == sorted(t.name for t in one.things[:2])
            assert matched(one, found), f"{caption!r} of {one}"
            firsts.add(found[0]["shape"] == one.things[0].name)
    assert firsts == {True, False}, "in either order"


def test_vague_and_plain_change_what_is_said() -> None:
    plain = [caption for one in scenes() for caption in describe(one, 0, 2, plain=1.0)]
    assert not [caption for caption in plain if re.search(PLACE, caption)]
    vague = [caption for one in scenes() for caption in describe(one, 0, 2, vague=1.0, plain=1.0)]
    full = re.compile(rf"({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})")
    assert not [caption for caption in vague if full.search(caption)]


def test_articles_fit_their_words() -> None:
    for one in scenes():
        for caption in [*describe(one, 0, 3), full_description(one)]:
            assert not re.search(r"\ba [aeiou]", caption), caption
            assert not re.search(r"\ban [^aeiou]", caption), caption


def test_captions_are_a_function_of_scene_and_seed() -> None:
    one = scenes()[0]
    assert list(describe(one, 0, 8)) == list(describe(one, 0, 8))
    assert list(describe(one, 0, 8)) != list(describe(one, 1, 8))
    assert list(describe(one, 0, 8))[:3] == list(describe(one, 0, 3))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_as_many_captions_come_as_were_asked_for(count: int) -> None:
    assert len(list(describe(scenes()[0], 0, count))) == count


def test_the_full_description_names_every_object_from_left_to_right() -> None:
    for one in scenes():
        found = phrases(full_description(one))
        ordered = sorted(one.things, key=lambda t: t.box.x + t.box.w / 2)
        assert sorted((f["size"], f["colour"], f["shape"]) for f in found) == sorted(
            (t.attributes[1], t.attributes[0], t.name) for t in one.things
        )
        distinct = {t.box.x + t.box.w / 2 for t in one.things}
        if len(distinct) == len(ordered):
            assert [f["shape"] for f in found] == [t.name for t in ordered]
