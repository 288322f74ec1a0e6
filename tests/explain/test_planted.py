"""On drawn scenes the truth is known: `tiny` puts words on their own objects, random weights put them anywhere."""

from functools import cache

import numpy as np
from PIL import Image

from hairsplit.core.attribution import PixelBox
from hairsplit.encoders.dual_encoder import CLIPShape, load, new
from hairsplit.explain import ExplainConfig, Explainer, clip_subject
from hairsplit.explain.localisation import Located, chance, locate, target
from hairsplit.explain.methods import METHODS
from hairsplit.scenes.drawing.describe import full_description
from hairsplit.scenes.drawing.render import render
from hairsplit.scenes.drawing.sample import COLOURS, DrawnWorld, placed

WORLD = DrawnWorld(size=48)
SHAPES = ("circle", "square", "triangle", "diamond", "heart", "star", "ring", "cross")


@cache
def scene(number: int) -> tuple[Image.Image, str, tuple[str, str], tuple[PixelBox, PixelBox]]:
    """Two objects of unlike colours and shapes: picture, caption, their names, their boxes."""
    kinds = [(COLOURS[(number + 3 * n) % 8], SHAPES[(3 * number + n) % 8], "large") for n in (0, 1)]
    drawn = placed(WORLD, 0, f"planted_{number}", kinds, "test")
    boxes = [(t.box.x, t.box.y, t.box.x + t.box.w, t.box.y + t.box.h) for t in drawn.things]
    names = [f"{colour} {shape}" for colour, shape, _ in kinds]
    return Image.fromarray(render(drawn, 0)), full_description(drawn), (names[0], names[1]), (boxes[0], boxes[1])


def found(made: Explainer, method: str, count: int) -> tuple[list[Located], list[Located], list[Located]]:
    """What each object's colour word scores, what its colour and shape do, and what chance does."""
    colours, names, guesses = [], [], []
    for number in range(count):
        picture, caption, named, boxes = scene(number)
        side = made.image_side(picture)
        places = [target(side.view, [box]) for box in boxes]
        heats = METHODS[method].heats(made, side, caption, [*(name.split()[0] for name in named), *named])
        for n, where in enumerate(places):
            others = [places[1 - n]]
            colours.append(locate(heats[n], where, others))
            names.append(locate(heats[2 + n], where, others))
            guesses.append(chance(where, others))
    return colours, names, guesses


def test_tiny_puts_words_on_their_objects() -> None:
    made = Explainer(clip_subject(load("tiny")), ExplainConfig(text_layer=0, image_layer=0, tolerance=5e-2))
    *kinds, guesses = found(made, "second_order", 3)
    for rows in kinds:
        assert np.mean([row.right for row in rows]) >= 0.8
        assert np.mean([row.energy for row in rows]) > 2 * np.mean([guess.energy for guess in guesses])
        assert np.mean([row.peak for row in rows]) > 4 * np.mean([guess.peak for guess in guesses])


def test_random_weights_and_random_heats_put_them_anywhere() -> None:
    blind = new(CLIPShape(merges=1500))
    made = Explainer(clip_subject(blind), ExplainConfig(text_layer=-1, image_layer=-1, tolerance=1e-1))
    for method in ("second_order", "random"):
        colours, names, _ = found(made, method, 30)
        assert abs(np.mean([row.right for row in colours + names]) - 0.5) <= 0.15
