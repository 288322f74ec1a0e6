"""Heat over a picture: one diverging scale, symmetric about zero, that leaves the picture visible."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from hairsplit.core.attribution import Floats, View
from hairsplit.report.pictures import Picture, encoded

POSITIVE, NEGATIVE = (201, 82, 0), (23, 92, 190)
"""Orange and blue, told apart by all readers."""
STRONGEST = 0.92
"""Opacity at either end of the scale."""
SIDE = 480
"""Longest side of the picture on a page, pixels."""
_FADED = 0.45
"""Contrast left to the grey picture below the heat."""


@dataclass(frozen=True)
class Backdrop:
    """The picture of a page, and its pale grey copy below heat."""

    picture: Picture
    grey: Picture


def backdrop(image: Image.Image) -> Backdrop:
    """Both copies as data URIs."""
    return Backdrop(encoded(image, SIDE), encoded(faded(image), SIDE))


def faded(image: Image.Image) -> Image.Image:
    """Grey and pale, so that any colour on it is heat's."""
    grey = ImageOps.grayscale(image)
    return grey.point(lambda level: round(255 - _FADED * (255 - level))).convert("RGB")


def seen(view: View) -> tuple[float, float, float, float]:
    """Left, top, width and height of what the model sees, pixels of the picture."""
    left, top, _, _ = view.box(0, 0)
    _, _, right, bottom = view.box(view.rows - 1, view.columns - 1)
    return left, top, right - left, bottom - top


def shaded(heat: Floats, limit: float) -> NDArray[np.uint8]:
    """RGBA [rows, columns, 4] of heat [rows, columns]; what is beyond `limit` looks as `limit` does."""
    strength = np.clip(np.abs(heat) / limit, 0, 1)
    found = np.empty((*heat.shape, 4), np.uint8)
    found[..., :3] = np.where((heat > 0)[..., None], POSITIVE, NEGATIVE)
    found[..., 3] = np.rint(255 * STRONGEST * strength)
    return found


def heat_uri(heat: Floats, limit: float) -> str:
    """`shaded` as a PNG of one pixel per patch."""
    buffer = io.BytesIO()
    Image.fromarray(shaded(heat, limit)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def css(colour: tuple[int, int, int]) -> str:
    """#rrggbb."""
    return "#" + "".join(f"{level:02x}" for level in colour)
