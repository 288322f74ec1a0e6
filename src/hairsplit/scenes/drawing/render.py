"""Render a drawn scene: masks are drawn once per shape and span, then blended in NumPy."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hairsplit.core.run import stream
from hairsplit.core.types import Scene

RGB = {
    "black": (25, 25, 28),
    "blue": (40, 80, 220),
    "green": (30, 150, 60),
    "orange": (245, 130, 20),
    "pink": (250, 130, 190),
    "purple": (125, 40, 165),
    "red": (215, 30, 35),
    "yellow": (240, 210, 30),
}
OVERSAMPLING = 8
_CHANNEL = np.arange(3 * 512) % 3
"""Of each number in a row of a picture; 512 pixels is the widest."""


@lru_cache(maxsize=1024)
def mask(shape: str, span: int) -> NDArray[np.float32]:
    """Coverage of each pixel by the shape, [span, span, 1] in 0..1, anti-aliased."""
    side = span * OVERSAMPLING
    picture = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(picture)
    if shape == "circle":
        draw.ellipse((0, 0, side - 1, side - 1), fill=255)
    elif shape == "ring":
        draw.ellipse((0, 0, side - 1, side - 1), fill=255)
        edge = 0.27 * side
        draw.ellipse((edge, edge, side - 1 - edge, side - 1 - edge), fill=0)
    elif shape == "heart":
        _heart(draw, side)
    else:
        draw.polygon([(x * (side - 1), y * (side - 1)) for x, y in _outline(shape)], fill=255)
    small = picture.resize((span, span), Image.Resampling.BOX)
    coverage: NDArray[np.float32] = np.asarray(small, np.float32)[:, :, None] / np.float32(255)
    return coverage


def _heart(draw: ImageDraw.ImageDraw, side: int) -> None:
    draw.ellipse((0, 0.02 * side, 0.53 * side, 0.55 * side), fill=255)
    draw.ellipse((0.47 * side, 0.02 * side, side - 1, 0.55 * side), fill=255)
    draw.polygon([(0.05 * side, 0.42 * side), (0.95 * side, 0.42 * side), (0.5 * side, side - 1)], fill=255)


def _outline(shape: str) -> list[tuple[float, float]]:
    if shape == "square":
        return [(0.06, 0.06), (0.94, 0.06), (0.94, 0.94), (0.06, 0.94)]
    if shape == "triangle":
        return [(0.5, 0.02), (1, 0.96), (0, 0.96)]
    if shape == "diamond":
        return [(0.5, 0), (0.9, 0.5), (0.5, 1), (0.1, 0.5)]
    if shape == "cross":
        a, b = 0.33, 0.67
        return [(a, 0), (b, 0), (b, a), (1, a), (1, b), (b, b), (b, 1), (a, 1), (a, b), (0, b), (0, a), (a, a)]
    if shape == "star":
        angles = [np.pi * (k / 5 - 0.5) for k in range(10)]
        radii = [0.53 if k % 2 == 0 else 0.21 for k in range(10)]
        return [(0.5 + r * float(np.cos(t)), 0.53 + r * float(np.sin(t))) for r, t in zip(radii, angles, strict=True)]
    raise ValueError(f"no shape is called {shape!r}")


@lru_cache(maxsize=1024)
def _mask_rows(shape: str, span: int) -> NDArray[np.float32]:
    """`mask` for each colour, [span, 3 * span]."""
    return np.repeat(mask(shape, span), 3, axis=2).reshape(span, 3 * span)


def render(scene: Scene, seed: int) -> NDArray[np.uint8]:
    """The picture of a drawn scene, [height, width, 3]: a light background, colours that vary from object to object."""
    rng = stream(seed, scene.image_id, "render")
    left, right = rng.uniform(205, 248), rng.uniform(205, 248)
    across = rng.random() < 0.5
    ramp = np.linspace(left, right, scene.width if across else scene.height, dtype=np.float32)
    tinted = ramp[:, None] + np.array([rng.uniform(-7, 7) for _ in range(3)], np.float32)  # [side, 3]
    # Rows of 3 * width numbers: NumPy walks along the last axis, and one of length 3 takes it three times as long.
    rows = np.tile(tinted.ravel(), (scene.height, 1)) if across else np.tile(tinted, (1, scene.width))
    for thing in scene.things:
        colour = np.array([c + rng.uniform(-12, 12) for c in RGB[thing.attributes[0]]], np.float32)
        x, y, span = int(thing.box.x), int(thing.box.y), int(thing.box.w)
        patch = rows[y : y + span, 3 * x : 3 * (x + span)]
        high, wide = patch.shape
        patch += _mask_rows(thing.name, span)[:high, :wide] * (colour[_CHANNEL[:wide]] - patch)
    rows += 0.5
    picture = np.clip(rows, 0, 255, out=rows).astype(np.uint8)
    return picture.reshape(scene.height, scene.width, 3)
