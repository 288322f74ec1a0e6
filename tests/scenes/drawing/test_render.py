"""Pictures: seeded, every shape and colour told apart, every object where its box says."""

import hashlib
from itertools import combinations

import numpy as np
import pytest

from hairsplit.core.types import Box, Scene, Thing
from hairsplit.scenes.drawing.render import RGB, mask, render
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, DrawnWorld, scene

JITTER = 12.5
"""How far a colour may stray from its name's, and half a grey level of rounding."""


def of(*things: Thing, size: int = 64) -> Scene:
    return Scene("x", size, size, things, "x.png")


def test_a_picture_is_a_function_of_scene_and_seed() -> None:
    one = scene(DrawnWorld(), 0, "a")
    assert np.array_equal(render(one, 0), render(one, 0))
    assert not np.array_equal(render(one, 0), render(one, 1))


@pytest.mark.parametrize(
    ("size", "digest"),
    [(24, "82e0538eb376d711"), (48, "cce6271ae36264c8"), (64, "2f92ba051bb12b17"), (97, "b023f390005d4992")],
)
def test_the_pixels_of_a_seed_are_those_they_have_always_been(size: int, digest: str) -> None:
    found = hashlib.blake2b(digest_size=8)
    for n in range(50):
        found.update(render(scene(DrawnWorld(size=size), 0, f"train_{n:06d}"), 0).tobytes())
    assert found.hexdigest() == digest


@pytest.mark.parametrize("size", [24, 48, 64, 200])
def test_a_picture_has_the_size_of_its_scene(size: int) -> None:
    picture = render(scene(DrawnWorld(size=size), 0, "a"), 0)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8


def test_every_colour_has_a_value_and_no_two_can_be_mistaken() -> None:
    assert set(RGB) == set(COLOURS)
    for a, b in combinations(COLOURS, 2):
        assert np.abs(np.subtract(RGB[a], RGB[b])).max() > 4 * JITTER


@pytest.mark.parametrize("span", [9, 12, 16, 25, 80])
def test_every_two_shapes_differ_in_a_tenth_of_their_box(span: int) -> None:
    for a, b in combinations(SHAPES, 2):
        assert np.abs(mask(a, span) - mask(b, span)).mean() > 0.09, (a, b)


@pytest.mark.parametrize("span", [4, 5, 6])
def test_even_the_smallest_shapes_are_not_the_same(span: int) -> None:
    masks = {mask(shape, span).tobytes() for shape in SHAPES}
    assert len(masks) == len(SHAPES)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fills_its_box_from_side_to_side(shape: str) -> None:
    coverage = mask(shape, 40)[:, :, 0]
    assert coverage.min() >= 0
    assert coverage.max() == 1
    rows, columns = np.flatnonzero(coverage.max(axis=1) > 0.2), np.flatnonzero(coverage.max(axis=0) > 0.2)
    assert rows[0] <= 3
    assert columns[0] <= 5
    assert rows[-1] >= 35
    assert columns[-1] >= 34
    assert np.allclose(coverage, coverage[:, ::-1], atol=0.26), "every shape is symmetric left and right"


def test_an_unknown_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match="no shape is called 'blob'"):
        mask("blob", 20)


@pytest.mark.parametrize("colour", COLOURS)
def test_an_object_has_its_colour_where_its_box_says_and_only_there(colour: str) -> None:
    for shape in SHAPES:
        box = Box(11, 23, 20, 20)
        picture = render(of(Thing("0", shape, box, (colour, "large"))), 3).astype(float)
        inside = picture[23:43, 11:31][mask(shape, 20)[:, :, 0] == 1]
        assert len(inside) > 40
        assert np.abs(inside - RGB[colour]).max() <= JITTER
        outside = np.ones((64, 64), bool)
        outside[23:43, 11:31] = False
        assert picture[outside].min() > 190, "the background is light"


def test_what_is_inside_is_drawn_over_what_it_is_in() -> None:
    outer = Thing("0", "square", Box(10, 10, 26, 26), ("red", "large"))
    inner = Thing("1", "circle", Box(18, 18, 10, 10), ("blue", "small"))
    picture = render(of(outer, inner), 0).astype(int)
    assert np.abs(picture[23, 23] - RGB["blue"]).max() <= JITTER
    assert np.abs(picture[13, 13] - RGB["red"]).max() <= JITTER


def test_colours_vary_from_object_to_object() -> None:
    pictures = [
        render(Scene(str(n), 32, 32, (Thing("0", "square", Box(8, 8, 12, 12), ("red", "large")),)), 0) for n in range(5)
    ]
    assert len({tuple(picture[14, 14]) for picture in pictures}) == 5
